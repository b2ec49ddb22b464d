"""The part of the board's page on prices: slopes a year in percent, what is found, passed and estimated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.truth.board.bands import FALSE_FAILURE
from tests.truth.board.page import Checks, bands_of, least_covered, plain_words, share_shown
from tests.truth.board.prices import LIMIT, ROWS
from tests.truth.board.replicates import Results, Tally, add
from tests.truth.board.scenarios import (
    AT_LIMIT,
    BEYOND,
    DETECTABLE,
    FAIR,
    FAR_BEYOND,
    NAIVE,
    PLANTED,
    VERDICT,
    Scenario,
)

TITLE = "# Prices\n"
HEAD = """# Prices

Simulated insurers whose prices grow by β a year of tenure at equal cost: β = 0 in the fair twin, β as planted in the
harmful one, and β = {limit:.1f} % at the limit of `uk.icobs6b.tenure`. Files have {rows:,} quotes. A practice is asked
for β; all figures are in percent of the price a year (100 times log points).

- **False alarms**: how often growth or fall is found in the fair twin, at the level of 95 %.
- **Finds**: how often growth (above nought) is found, of the *detectable* β, which both routes together declare found
  in 80 % of such files, and of the planted one.
- **False clears**: how often an insurer at the limit, or the planted one beyond it, is let pass. Ours passes when the
  whole interval lies within the limit; customary practice passes where it finds no growth.
- **Holds β**: how often the interval holds the true β, least over all effects played.
- **Mean estimate**: over all files, so that a wrong sign is seen. Of both routes it is that of the smaller figure.

The second table is the judge: `two_routes.agreed` and `verdict_of`, the audit's own code, on slopes fitted from the
counts of each file under the shipped rule. A concern needs both routes beyond the limit; where realised over expected
cost changes by {tolerance:.2f} % a year or more at the level of 99 %, nothing is identified, which is neither a concern
nor clear and of which the shares are told. Files of customers who come again are drawn quote by quote.

Figures are over {seeds} seed{several} together ({listed}), with the range over seeds in parentheses. The bands are set
so that these {checks} checks together would fail a correct tool with a probability of at most {failure:g}. {verdict}
`python -m tests.truth.board --prices` plays this part alone.
"""
JUDGE = {
    "concern: fair twin": (FAIR, "flagged"), "concern: at the limit": (AT_LIMIT, "flagged"),
    "clear: at the limit": (AT_LIMIT, "passed"), "clear: planted": (PLANTED, "passed"),
    "concern: detectable beyond": (BEYOND, "found"), "concern: 1.5 × beyond": (FAR_BEYOND, "found"),
    "concern: planted": (PLANTED, "found"),
}  # fmt: skip
PRACTICE = {
    "false alarms": (FAIR, "flagged"), "finds the detectable": (DETECTABLE, "found"),
    "finds the planted": (PLANTED, "found"), "false clears: limit": (AT_LIMIT, "passed"),
    "false clears: planted": (PLANTED, "passed"),
}  # fmt: skip


def prices_part(
    played: tuple[Scenario, ...], places: Sequence[int], results: Results, checks: Checks, seeds: Sequence[int],
    tolerance: float,
) -> str:  # fmt: skip
    """The part as Markdown; ``places`` are those of the insurers among all scenarios, ``checks`` theirs alone."""
    failed = [key for key, check in checks.items() if not check.held]
    held = f"All {len(checks)} checks hold." if not failed else f"**{len(failed)} of {len(checks)} checks fail.**"
    head = HEAD.format(
        limit=100 * LIMIT, rows=ROWS, tolerance=100 * tolerance, seeds=len(seeds), several="s" * (len(seeds) > 1),
        listed=", ".join(map(str, seeds)), checks=len(checks), failure=FALSE_FAILURE, verdict=held,
    )  # fmt: skip
    return "\n".join([head, *(_section(s, played[s], results, checks) for s in places)])


def _section(s: int, scenario: Scenario, results: Results, checks: Checks) -> str:
    words = (
        f"Planted is β = {100 * scenario.effect(PLANTED):.2f} %; detectable is {100 * scenario.effect(DETECTABLE):.2f} "
        "%."
    )
    lines = [f"## {scenario.name}", plain_words(scenario), "", words, ""]
    for judged in (False, True):
        lines += _table(s, scenario, results, judged)
    return "\n".join([*lines, *bands_of(s, checks), ""])


def _table(s: int, scenario: Scenario, results: Results, judged: bool) -> Iterator[str]:
    columns = JUDGE if judged else PRACTICE
    means = (f"mean at β = {100 * scenario.effect(effect):.4g} %" for effect in (FAIR, PLANTED))
    heads = ["the judge" if judged else "practice", "used by", "files an effect", *columns, "holds β", *means]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for name, way in scenario.ways.items():
        if (way.who == VERDICT) != judged:
            continue
        tallies = {effect: results[s, effect, name] for effect in way.plan}
        cells = [share_shown(tallies.get(effect), count) for effect, count in columns.values()]
        mark = "customary: {}" if way.who == NAIVE else "**{}**" if judged else "**ours: {}**"
        files = add(tallies[FAIR].values()).replicates
        means = (mean_shown(tallies.get(effect)) for effect in (FAIR, PLANTED))
        told = [mark.format(name), way.used, f"{files:,}", *cells, least_covered(tallies.values()), *means]
        yield f"| {' | '.join(told)} |"
    yield ""


def mean_shown(seeds: Mapping[int, Tally] | None) -> str:
    """The mean estimate over the files that have one, in percent."""
    whole = add(seeds.values()) if seeds else None
    if whole is None or whole.total is None or whole.unknown == whole.replicates:
        return "–"
    mean = 100 * whole.total / (whole.replicates - whole.unknown)
    return f"{mean + 0.0:.2f} %".replace("-0.00", "0.00").replace("-", "−")
