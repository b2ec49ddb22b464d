"""The report of a run, whole as it is, below a bar that leads back and says whether the run still stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markupsafe import Markup

from reports.html.marks import joined
from reports.html.page import readable
from reports.site import addresses
from reports.site.comparison_page import run_name
from reports.site.history import History
from reports.site.layout import Page, anchor
from reports.site.run_summary import RunSummary
from reports.site.wording import period_in, released_of, title_of
from reports.words import LANGUAGES, Words

Report = Callable[[RunSummary, Words, Mapping[str, str]], str]
_STYLE = Markup("""<style>
.site-bar ul { border: 0; padding: 10px 0 0; margin: 0; font-size: .9rem; }
.released { color: var(--muted); font-size: .9rem; margin-top: 6px; }
.superseded { border: 2px solid var(--ink); border-radius: 6px; padding: 8px 14px; margin-top: 10px; font-weight: 600; }
</style>
</head>
<body>
""")


def run_pages(past: History, report: Report) -> list[Page]:
    """A page for every version of every period."""
    return [_page(past, run, report) for run in past.runs]


def _page(past: History, run: RunSummary, report: Report) -> Page:
    name, later, before = addresses.run_page(run), past.superseded_by(run), past.before(run)
    beside = (before and before.period, later and later.version, past.version_before(run) is None)
    stamp = f"{run.digests} {beside} {sorted(past.current.title.items())}"

    def make(say: Words) -> str:
        others = {lang: addresses.link(name, name, lang) for lang in LANGUAGES if lang != say.lang}
        return with_bar(report(run, say, others), _bar(say, name, past, run))

    return Page(name, stamp, make)


def with_bar(report: str, bar: Markup) -> str:
    """The report with the bar at the start of its body, where a reader who skips to the findings passes it by."""
    head, body = report.split("</head>\n<body>\n", 1)
    skip, rest = body.split("\n", 1)
    return f"{head}{_STYLE}{skip}\n{readable(bar)}\n{rest}"


def _bar(say: Words, name: str, past: History, run: RunSummary) -> Markup:
    later, before, version = past.superseded_by(run), past.before(run), past.version_before(run)
    program = addresses.program_page(run.program)
    links = [
        anchor(say, name, addresses.OVERVIEW, say("site.overview")),
        anchor(say, name, program, title_of(say, past.current).text),
    ]
    links.append(anchor(say, name, program, say("site.over_time")))
    if before and not later:
        text = say("site.changes_since", run=period_in(say, before.period))
        links.append(anchor(say, name, addresses.period_changes(run), text))
    if version:
        text = say("site.changes_since", run=say("site.version", version=version.version))
        links.append(anchor(say, name, addresses.version_changes(run), text))
    bar = Markup('<nav class="site-bar" aria-label="{}"><ul>{}</ul></nav>').format(
        say("site.way"), joined(Markup("<li>{}</li>").format(one) for one in links)
    )
    bar += Markup('<p class="released" role="note">{}</p>').format(released_of(say, run))
    if later is None:
        return bar
    newer = anchor(say, name, addresses.run_page(later), run_name(say, later))
    return bar + Markup('<p class="superseded" role="note">{} {}</p>').format(say("site.superseded_note"), newer)
