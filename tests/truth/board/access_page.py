"""The part of the board's page on access: ratios of the group over the reference, what is found, passed and named."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from tests.truth.board.access import APPLICATIONS, FIGURES, PERSONS
from tests.truth.board.bands import FALSE_FAILURE
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

TITLE = "# Access\n"
HEAD = """# Access

Simulated lenders, each with a fair twin and a planted harm of known size: customers on their way to credit ({persons:,}
a file, counted by how far they came), and applications with and without a data trail ({applications:,} a file). Ratios
are those of 60 and over to others; below 1 is to the harm of the old, and the shipped limit is four fifths. Gaps are to
the harm of thin files above nought. The audits' own questions measure each file, and the judge reads them under the
shipped packs; columns, labels and stages bear other names under each seed.

- **False alarms**: how often a departure from 1, either way, is found in the fair twin, at the level of 95 %.
- **Finds**: how often harm is found of the *detectable* size, which the figure itself declares found in 80 % of files
  like those of the fair twin; of 1.5 times that; and of the planted size.
- **False clears**: how often a lender at the rule's limit is let pass. Ours passes when the whole interval lies within
  the limit; customary practice passes where it finds nothing.
- **Holds the truth**: how often the interval holds the true figure that the line is held against, least over all
  effects played.
- **Stages**: false alarms, finds and clears of a stage are those of the interval that the judge reads, which holds all
  stages of a way at once; its detectable effect is the one at that level. Whether a stage holds the truth (.94 to .96)
  is told of its own 95 % limits, `pointwise_low` and `pointwise_high`; lines of all stages at once say how often the
  judged intervals hold every truth of a file together, and lines of each stage count five intervals a file.
- **Mean**: the mean estimate, with the true figure; of ratios the mean of logarithms, told as a ratio.

The second table is the judge: the verdicts of the whole run, with the correction for all its comparisons. A departure
beyond the limit is the one that is found in 80 % of files by the width of the judge's intervals on such a lender. Its
intervals hold the truth as they are judged: of a stage with all others at once, and for all comparisons of the run.
Conventions make no breach: that nothing at all in a run is called one is checked in every world.

Figures are over {seeds} seed{several} together ({listed}), with the range over seeds in parentheses. The bands are set
so that these {checks} checks together would fail a correct tool with a probability of at most {failure:g}. {verdict}
`python -m tests.truth.board --access` plays this part alone.
"""
PRACTICE = {
    "false alarms": (FAIR, "flagged"), "finds the detectable": (DETECTABLE, "found"), "finds 1.5 ×": (LARGE, "found"),
    "finds the planted": (PLANTED, "found"), "false alarms beside the planted": (PLANTED, "flagged"),
    "false clears: limit": (AT_LIMIT, "passed"), "passes the planted": (PLANTED, "passed"),
}  # fmt: skip
JUDGE = {
    "concern: fair twin": (FAIR, "flagged"), "concern: at the limit": (AT_LIMIT, "flagged"),
    "clear: at the limit": (AT_LIMIT, "passed"), "concern: detectable beyond": (BEYOND, "found"),
    "concern: 1.5 × beyond": (FAR_BEYOND, "found"), "concern: planted": (PLANTED, "found"),
    "false concern beside the planted": (PLANTED, "flagged"), "clear: planted": (PLANTED, "passed"),
}  # fmt: skip
_MEANS = {FAIR: "mean (true), fair twin", PLANTED: "mean (true), planted"}


def access_part(
    played: tuple[Scenario, ...], places: Sequence[int], results: Results, checks: Checks, seeds: Sequence[int]
) -> str:
    """The part as Markdown; ``places`` are those of these lenders among all scenarios, ``checks`` theirs alone."""
    failed = [key for key, check in checks.items() if not check.held]
    held = f"All {len(checks)} checks hold." if not failed else f"**{len(failed)} of {len(checks)} checks fail.**"
    head = HEAD.format(
        persons=PERSONS, applications=APPLICATIONS,
        seeds=len(seeds), several="s" * (len(seeds) > 1), listed=", ".join(map(str, seeds)),
        checks=len(checks), failure=FALSE_FAILURE, verdict=held,
    )  # fmt: skip
    return "\n".join([head, *(_section(s, played[s], results, checks) for s in places)])


def _section(s: int, scenario: Scenario, results: Results, checks: Checks) -> str:
    lines = [f"## {scenario.name}", plain_words(scenario), "", _sizes(scenario), ""]
    for judged in (False, True):
        lines += _table(s, scenario, results, judged)
    return "\n".join([*lines, *bands_of(s, checks), ""])


def _sizes(scenario: Scenario) -> str:
    """The true figure of our first line at each effect."""
    own = next(way for way in scenario.ways.values() if way.who not in (NAIVE, VERDICT))
    sizes = [
        f"{name} {shown(own, scenario.world.truth(effect)[own.covered or ''])}"
        for name, effect in scenario.effects().items()
    ]
    return f"`{own.covered}` truly is: {'; '.join(sizes)}."


def _table(s: int, scenario: Scenario, results: Results, judged: bool) -> Iterator[str]:
    ways = {name: way for name, way in scenario.ways.items() if (way.who == VERDICT) == judged}
    columns = {
        words: place for words, place in (JUDGE if judged else PRACTICE).items()
        if any(_told(way, place) for way in ways.values())
    }  # fmt: skip
    means = {} if judged else _MEANS
    heads = ["the judge" if judged else "practice", "used by", "files an effect", *columns]
    heads += ["holds the truth", *means.values()]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for name, way in ways.items():
        tallies = {effect: results[s, effect, name] for effect in way.plan}
        cells = [
            share_shown(tallies.get(place[0]), place[1]) if _told(way, place) else "–" for place in columns.values()
        ]
        mark = "customary: {}" if way.who == NAIVE else "**{}**" if judged else "**ours: {}**"
        files = add(tallies[FAIR].values()).replicates
        told = [_mean(scenario, way, effect, tallies.get(effect)) for effect in means]
        line = [mark.format(name), way.used, f"{files:,}", *cells, least_covered(tallies.values()), *told]
        yield f"| {' | '.join(line)} |"
    yield ""


def _told(way: Way, place: tuple[str, str]) -> bool:
    """Whether a share says something of a practice: of ours what is held against a target there."""
    effect, count = place
    if way.who == NAIVE:
        return effect in way.plan and place != (PLANTED, "flagged")
    return any(one == count for one, _ in way.plan.get(effect, ()))


def _mean(scenario: Scenario, way: Way, effect: str, seeds: Mapping[int, Tally] | None) -> str:
    """The mean estimate over the files that have one, and the true figure."""
    whole = add(seeds.values()) if seeds else None
    if whole is None or whole.total is None or whole.unknown == whole.replicates:
        return "–"
    mean = whole.total / (whole.replicates - whole.unknown)
    true = scenario.world.truth(scenario.effect(effect))[way.covered or scenario.world.estimand]
    return f"{shown(way, mean if _gap(way) else math.exp(mean))} ({shown(way, true)})"


def _gap(way: Way) -> bool:
    """Whether a practice is after a gap, which is told in percentage points."""
    figure = FIGURES.get(way.covered or "")
    return figure is not None and figure.gap


def shown(way: Way, value: float) -> str:
    """A figure as it is written: a ratio as its number, a gap in percentage points."""
    if not _gap(way):
        return f"{value:.3f}"
    text = f"{100 * value:.2f}"
    return f"{text.replace('-', '−') if float(text) else text.lstrip('-')} points"
