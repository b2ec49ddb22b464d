"""The part of the board's page on predatory lending: figures in their units, what is found, passed and estimated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from tests.truth.board.bands import FALSE_FAILURE
from tests.truth.board.lending import BREACH, FIGURES, LOANS
from tests.truth.board.loan_practices import MONEY, RATE, RATIO, SHARE
from tests.truth.board.loan_worlds import Books
from tests.truth.board.page import Checks, bands_of, least_covered, plain_words, share_shown
from tests.truth.board.replicates import Results, Tally, add
from tests.truth.board.scenarios import (
    AT_LIMIT,
    BEYOND,
    DETECTABLE,
    FAIR,
    FAR_BEYOND,
    LARGE,
    NAIVE,
    PLANTED,
    VERDICT,
    Scenario,
    Way,
)

TITLE = "# Lending\n"
HEAD = """# Lending

Simulated lenders of small loans and offers of credit, each with a fair twin and a planted harm of known size. Loans of
steering are counted ({loans:,} a file); a payday lender's book is drawn loan by loan; of pushes both occasions of every
customer are counted. The audits' own questions measure each file, and the judge reads them under the shipped packs;
columns and labels bear other names under each seed.

- **False alarms**: how often a departure from equality, either way, is found in the fair twin, at the level of 95 %.
- **Finds**: how often harm is found of the *detectable* size, which the figure itself declares found in 80 % of files
  like those of the fair twin; of 1.5 times that; and of the planted size.
- **False clears**: how often a lender at the rule's limit, or the planted one beyond it, is let pass. Ours passes when
  the whole interval lies within the limit; customary practice passes where it finds nothing.
- **Holds the truth**: how often the interval holds the true figure, least over all effects played.
- **Mean**: the mean estimate, with the true figure; of ratios the mean of logarithms, told as a ratio.

The second table is the judge: the verdicts of the whole run, with the correction for all its comparisons. A departure
beyond the limit is the one that findings on such a lender declare detectable at their corrected level. Conventions make
no breach: that nothing at all in a run is called one is checked in every world.

Figures are over {seeds} seed{several} together ({listed}), with the range over seeds in parentheses. The bands are set
so that these {checks} checks together would fail a correct tool with a probability of at most {failure:g}. {verdict}
`python -m tests.truth.board --lending` plays this part alone.
"""
PRACTICE = {
    "false alarms": (FAIR, "flagged"), "finds the detectable": (DETECTABLE, "found"), "finds 1.5 ×": (LARGE, "found"),
    "finds the planted": (PLANTED, "found"), "false clears: limit": (AT_LIMIT, "passed"),
}  # fmt: skip
JUDGE = {
    "concern: fair twin": (FAIR, "flagged"), "clear: fair twin": (FAIR, "passed"),
    "concern: at the limit": (AT_LIMIT, "flagged"), "clear: at the limit": (AT_LIMIT, "passed"),
    "concern: detectable beyond": (BEYOND, "found"), "concern: 1.5 × beyond": (FAR_BEYOND, "found"),
    "concern: planted": (PLANTED, "found"), "clear: planted": (PLANTED, "passed"),
}  # fmt: skip
_PLACES = {RATIO: "{:.3f}", RATE: "{:.2f} %", SHARE: "{:.1f} %", MONEY: "{:.1f}"}
_MEANS = {FAIR: "mean (true), fair twin", AT_LIMIT: "mean (true), at the limit", PLANTED: "mean (true), planted"}


def lending_part(
    played: tuple[Scenario, ...], places: Sequence[int], results: Results, checks: Checks, seeds: Sequence[int]
) -> str:
    """The part as Markdown; ``places`` are those of these lenders among all scenarios, ``checks`` theirs alone."""
    failed = [key for key, check in checks.items() if not check.held]
    held = f"All {len(checks)} checks hold." if not failed else f"**{len(failed)} of {len(checks)} checks fail.**"
    head = HEAD.format(
        loans=LOANS, seeds=len(seeds), several="s" * (len(seeds) > 1), listed=", ".join(map(str, seeds)),
        checks=len(checks), failure=FALSE_FAILURE, verdict=held,
    )  # fmt: skip
    return "\n".join([head, *(_section(s, played[s], results, checks) for s in places)])


def _section(s: int, scenario: Scenario, results: Results, checks: Checks) -> str:
    lines = [f"## {scenario.name}", plain_words(scenario), "", _sizes(scenario), ""]
    for judged in (False, True):
        lines += _table(s, scenario, results, judged)
    return "\n".join([*lines, *bands_of(s, checks), ""])


def _sizes(scenario: Scenario) -> str:
    """The size of a file and the true figure at each effect."""
    unit = (
        "borrowers" if isinstance(scenario.world, Books) else "occasions" if scenario.world.rows_each > 1 else "loans"
    )
    told = [f"Files have {scenario.rows:,} {unit}."]
    figure = FIGURES.get(scenario.title)
    if figure is not None:
        sizes = [
            f"{name} {shown(figure.kind, scenario.world.truth(effect)[figure.truth])}"
            for name, effect in scenario.effects().items()
        ]
        told.append(f"`{figure.measure}` truly is: {'; '.join(sizes)}.")
    return " ".join(told)


def _table(s: int, scenario: Scenario, results: Results, judged: bool) -> Iterator[str]:
    columns = JUDGE if judged else PRACTICE
    played = scenario.effects()
    means = {} if judged else {effect: words for effect, words in _MEANS.items() if effect in played}
    own = {words: place for words, place in columns.items() if place[0] in played}
    heads = ["the judge" if judged else "practice", "used by", "files an effect", *own]
    heads += ["holds the truth", *means.values()]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for name, way in scenario.ways.items():
        if (way.who == VERDICT) != judged:
            continue
        tallies = {effect: results[s, effect, name] for effect in way.plan}
        cells = [_share(name, way, tallies.get(effect), effect, count) for effect, count in own.values()]
        mark = "customary: {}" if way.who == NAIVE else "**{}**" if judged else "**ours: {}**"
        files = add(tallies[FAIR].values()).replicates
        told = [_mean(scenario, way, effect, tallies.get(effect)) for effect in means]
        line = [mark.format(name), way.used, f"{files:,}", *cells, least_covered(tallies.values()), *told]
        yield f"| {' | '.join(line)} |"
    yield ""


def _share(name: str, way: Way, seeds: Mapping[int, Tally] | None, effect: str, count: str) -> str:
    """A share, or a dash where it says nothing: of a level, which has no equality, and of what is no verdict."""
    level = way.who != VERDICT and kind_of(way) == SHARE and count in ("flagged", "found")
    unruled = way.who != VERDICT and count == "passed" and not _ruled(way)
    if level or unruled or (name == BREACH and count == "passed"):
        return "–"
    return share_shown(seeds, count)


def _ruled(way: Way) -> bool:
    """Whether a rule sets a limit to what a practice is after."""
    return any(figure.rule for figure in FIGURES.values() if figure.truth == way.covered)


def kind_of(way: Way) -> str:
    """How the figure that a practice is after is written."""
    own = (figure.kind for figure in FIGURES.values() if figure.truth == way.covered)
    return next(own, MONEY)


def _mean(scenario: Scenario, way: Way, effect: str, seeds: Mapping[int, Tally] | None) -> str:
    """The mean estimate over the files that have one, and the true figure."""
    whole = add(seeds.values()) if seeds else None
    if whole is None or whole.total is None or whole.unknown == whole.replicates:
        return "–"
    mean, kind = whole.total / (whole.replicates - whole.unknown), kind_of(way)
    true = scenario.world.truth(scenario.effect(effect))[way.covered or scenario.world.estimand]
    return f"{shown(kind, math.exp(mean) if kind == RATIO else mean)} ({shown(kind, true)})"


def shown(kind: str, value: float) -> str:
    """A figure as it is written: rates and shares in percent, of money its number."""
    value = 100 * value if kind in (RATE, SHARE) else value
    text = _PLACES[kind].format(value + 0.0)
    return text.replace("-0.00 ", "0.00 ").replace("-", "−") if float(text.split()[0]) else text.lstrip("-")
