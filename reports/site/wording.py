"""Findings, figures, rules and runs in the words of a language."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup, escape

from audits.policies.wording import is_counted
from audits.record import Measurement, Rule, Verdict
from audits.releases.record import Release
from reports.comparisons import who
from reports.figures import figure_of as written
from reports.figures import percent, span
from reports.html.marks import badge as made_badge
from reports.html.marks import phrase_in, woven
from reports.report_model import Phrase
from reports.rule_reading import limit_text, phrase
from reports.site.history import Life
from reports.site.run_summary import JudgedFigure, RunSummary, Unreadable
from reports.words import Words

_SHORT = 10
_BADGES: dict[tuple[str, Verdict | None], Markup] = {}
__all__ = ["badge", "limit_text", "phrase_in", "who"]


def badge(say: Words, verdict: Verdict | None) -> Markup:
    """A verdict: colour, symbol and word together; each made once."""
    key = say.lang, verdict
    if key not in _BADGES:
        _BADGES[key] = made_badge(say, verdict)
    return _BADGES[key]


def title_of(say: Words, run: RunSummary) -> Phrase:
    """The program's title."""
    return phrase(say, run.title, run.program)


def rule_title(say: Words, rule: Rule) -> Phrase:
    """The rule's title."""
    return phrase(say, rule.title, rule.id)


def period_in(say: Words, period: str) -> str:
    """A period as a page names it."""
    return say("site.period_all") if period == "all" else period


def measure_of(say: Words, m: Measurement) -> str:
    """The name of the measure."""
    return say.named("measure", m.measure)


def figure_of(say: Words, m: Measurement, *limits: float) -> str:
    """The figure with its unit, or that there is none."""
    return say("no_figure") if m.estimate is None else written(say, m, m.estimate, limits)


def interval_of(say: Words, finding: JudgedFigure, m: Measurement, rule: Rule) -> str:
    """The interval that the verdict rests on, with its level."""
    if m.estimate is None or finding.level is None:
        return ""
    judged = replace(m, low=finding.low, high=finding.high, level=finding.level)
    if is_counted(judged):
        return say("interval_counted")
    return say("site.interval", level=percent(finding.level), interval=span(say, judged, (rule.limit,)))


def plain_interval(say: Words, m: Measurement) -> str:
    """The figure's own interval, whatever judged it."""
    if m.estimate is None or is_counted(m):
        return "" if m.estimate is None else say("interval_counted")
    return say("site.interval", level=percent(m.level), interval=span(say, m))


def status_of(say: Words, rule: Rule) -> str:
    """Whether it is law; a law that ends is not called law in force without its last day."""
    ended = rule.status == "in_force" and rule.effective_to
    return say("status_ended", last=say.date(str(rule.effective_to))) if ended else say(f"status.{rule.status}")


def standing_in_law(say: Words, rule: Rule) -> str:
    """Whether it is law, and whose number its limit is."""
    return say("join.clauses").join((status_of(say, rule), say(f"limit_source.{rule.limit_source}")))


def verdict_words(say: Words, verdict: Verdict | None) -> str:
    """The word of a verdict."""
    return say(f"verdict.{verdict or 'none'}")


def state_of(say: Words, life: Life) -> Markup:
    """Since when it is open, or when it opened and closed."""
    opened = _unbroken(say, life.opened)
    if life.state == "open" and life.opened and life.opened.period == "all":
        return escape(say("site.state.open_all"))
    if life.state in ("open", "unsettled"):
        return woven(say, f"site.state.{life.state}", opened=opened)
    if life.state == "closed":
        return woven(say, "site.state.closed", opened=opened, closed=_unbroken(say, life.closed))
    return escape(say(f"site.state.{life.state}"))


def decision_of(say: Words, life: Life) -> Markup:
    """What was decided on it: by whom, until when; empty where nothing was that tells where it stands."""
    made = life.decision
    if made is None:
        return Markup("")
    until = say.date(made.action.until) if made.action.until else ""
    return woven(say, f"site.decided.{life.standing}", owner=_name(made.action.owner), until=escape(until))


def signed(say: Words, made: Release) -> Markup:
    """Who signed a release, and when; or that nobody had to."""
    at, number = escape(say.date(made.at[:10])), escape(f"{made.number:,}")
    if made.by is None:
        return woven(say, "site.released_unsigned", at=at, number=number)
    return woven(say, "site.released", at=at, by=_name(made.by.name), number=number)


def released_of(say: Words, run: RunSummary) -> Markup:
    """Whether a run was released, by whom and when."""
    told = [signed(say, run.released)] if run.released else [escape(say("site.released_no"))]
    told += [escape(say("site.released_anew"))] if run.is_judged_anew else []
    told += [escape(say("site.release_unread", found=found)) for found in run.releases.faults]
    return Markup(" ").join(told)


def _name(name: str) -> Markup:
    """A person's or a unit's name, whichever way it is written."""
    return Markup("<bdi>{}</bdi>").format(name)


def is_short(run: RunSummary) -> bool:
    """Whether the period is short enough to stand on one line."""
    return len(run.period) <= _SHORT


def _unbroken(say: Words, run: RunSummary | None) -> Markup:
    """A short period, which is not broken over lines."""
    name = period_in(say, run.period) if run else ""
    return Markup('<span class="unbroken">{}</span>').format(name) if not run or is_short(run) else escape(name)


def silences(say: Words, run: RunSummary) -> list[str]:
    """What the run could not say, down to single questions without an answer."""
    asked = [name for name in run.not_answered if name != "contract"]
    return grave_silences(say, run) + ([say("site.silent.unanswered", count=len(asked))] if asked else [])


def grave_silences(say: Words, run: RunSummary) -> list[str]:
    """Unfit data, failed questions, nothing judged."""
    told = [] if run.fit else [say("site.silent.unfit", count=run.failed_checks)]
    told += [say("site.silent.errors", count=len(run.errors))] if run.errors else []
    return told if run.findings else [*told, say("site.silent.nothing")]


def is_silent(run: RunSummary) -> bool:
    """Whether the run left a whole harm, or all, without a verdict."""
    return not run.fit or bool(run.errors) or not run.findings or None in run.harms.values()


def why_unreadable(say: Words, problem: Unreadable) -> str:
    """Why a run folder cannot be read."""
    return say(problem.key, file=problem.file, found=problem.found)
