"""The board as a page for people: two tables a world, what each practice does there, and every check with its band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import getdoc

from tests.truth.board.bands import FALSE_FAILURE, Check
from tests.truth.board.practices import LIMIT
from tests.truth.board.replicates import BATCH, Results, Tally, add
from tests.truth.board.scenarios import (
    AT_LIMIT,
    BEYOND,
    DETECTABLE,
    FAIR,
    FAR_BEYOND,
    HALF,
    LARGE,
    OURS,
    VERDICT,
    Scenario,
    detectable_gap,
)

Checks = Mapping[tuple[int, str, str, str], Check]

HEAD = """# The scoreboard

Made by `make truth`; do not edit. Simulated lenders whose truth is known exactly, drawn many times over
(`squaredeal simulate` writes any of them as files): what customary practice says about the fair lender and about the
harmful one, and what the audits say. A line of a *question* is that question measured on each file, by its own 95 %
interval; a line of a *verdict* is the judge under the shipped rules, with all corrections of the run; a line without
either is an estimator by itself. Every file of a question bears other names for its columns and labels.

First table of each world, where equality is at stake:

- **Flags the fair twin**: how often harm is found where there is none (type-I error; at most 5 % is aimed at, at an
  estimated risk 7 %).
- **Finds**: how often the planted harm itself is found at half, once and 1.5 times the *detectable gap*, the gap that a
  file of this size lets a test find in 80 % of cases. It is computed from the world, not from the samples.
- **Passes a gap at the limit**: how often a lender whose true gap is exactly {limit:.0f} percentage points, the limit
  of the shipped rules, is let pass. Ours passes when the whole 95 % interval lies within the limit; customary practice
  passes what it does not flag.
- **Holds the truth**: how often the interval holds the true figure that the audit is after, least over all effects
  played. A practice without an interval has a dash.

Second table, where a rule's limit is at stake: how often the judge says `concern` or `breach` of the fair twin and of a
lender at the limit (false either way; at most 2.5 % at the limit), how often it says `clear` at the limit (at most
2.5 %), and how often it finds a lender who is beyond the limit by the detectable gap at the corrected level, and by 1.5
times that.

Figures are over {seeds} seed{several} together ({listed}), with the range over seeds in parentheses: neither a test nor
any tuning has seen their files. The bands are exact binomial quantiles, set so that all {checks} checks together would
fail a correct tool with a probability of at most {failure:g}; where files are few bands are wide, so read the figure
too. Every batch of up to {batch} files has the generator (seed, scenario, effect, first file). {verdict}
`python -m tests.truth.board --seed 12345 --scale 0.2 --out other.md` plays it under another seed.
"""

MISSING = """## Not on the board
Prices of loans (`pricing` has no world yet); of an insurer's prices same terms, willingness to pay, disclosures and
the pricing return; of predatory lending caps on costs, hidden charges, over-crediting, thresholds of mortgages,
concentration and what is only counted; repeated looks over time; of access checks of identity and the time that the
elderly take, channels, and concentration along income. The board computes the evidence of each file from its counts;
that this gives the same figures as the collector on a written file is tested for every question on decisions, lending
and access, figure by figure, and for the joint figure on prices; that the whole line from file to verdict agrees is
tested in `tests/audits/test_simulation.py`, `tests/truth/test_board_prices.py`, `tests/truth/test_board_lending.py` and
`tests/truth/test_board_access.py`.
"""
EQUALITY = {
    "flags the fair twin": (FAIR, "flagged"), "finds half": (HALF, "found"), "finds it": (DETECTABLE, "found"),
    "finds 1.5 ×": (LARGE, "found"), "passes a gap at the limit": (AT_LIMIT, "passed"),
}  # fmt: skip
RULES = {
    "concern: fair twin": (FAIR, "flagged"), "concern: at the limit": (AT_LIMIT, "flagged"),
    "clear: at the limit": (AT_LIMIT, "passed"), "concern: detectable beyond": (BEYOND, "found"),
    "concern: 1.5 × beyond": (FAR_BEYOND, "found"),
}  # fmt: skip
EQUALITY_RULES = {
    "concern: fair twin": (FAIR, "flagged"), "concern: detectable": (DETECTABLE, "found"),
    "concern: 1.5 ×": (LARGE, "found"), "clear: at the limit": (AT_LIMIT, "passed"),
}  # fmt: skip
Columns = Mapping[str, tuple[str, str]]


def page(played: tuple[Scenario, ...], results: Results, checks: Checks, seeds: Sequence[int]) -> str:
    """The part on decisions, with its head, as Markdown."""
    failed = [key for key, check in checks.items() if not check.held]
    verdict = f"All {len(checks)} checks hold." if not failed else f"**{len(failed)} of {len(checks)} checks fail.**"
    head = HEAD.format(
        limit=100 * LIMIT, checks=len(checks), failure=FALSE_FAILURE, batch=BATCH, seeds=len(seeds), verdict=verdict,
        several="s" * (len(seeds) > 1),
        listed=", ".join(f"{seed}" for seed in seeds),
    )  # fmt: skip
    return "\n".join([head, *(_section(s, scenario, results, checks) for s, scenario in enumerate(played))])


def _section(s: int, scenario: Scenario, results: Results, checks: Checks) -> str:
    plain = [name for name, way in scenario.ways.items() if way.who != VERDICT]
    judged = [name for name, way in scenario.ways.items() if way.who == VERDICT]
    beyond = any(BEYOND in scenario.ways[name].plan or FAR_BEYOND in scenario.ways[name].plan for name in judged)
    lines = [f"## {scenario.name}", plain_words(scenario), "", _truth(scenario), ""]
    lines += _table("practice", plain, EQUALITY, s, scenario, results)
    lines += _table("the judge", judged, RULES if beyond else EQUALITY_RULES, s, scenario, results) if judged else []
    return "\n".join([*lines, *bands_of(s, checks), ""])


def _table(
    what: str, names: Sequence[str], columns: Columns, s: int, scenario: Scenario, results: Results
) -> list[str]:
    heads = [what, "files an effect", *columns, "holds the truth"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in names:
        way = scenario.ways[name]
        tallies = {e: results[s, e, name] for e in way.plan}
        files = add(next(iter(tallies.values())).values()).replicates
        shown = [share_shown(tallies.get(effect), count) for effect, count in columns.values()]
        mark, who = ("", "customary: ") if way.who not in (OURS, VERDICT) else ("**", "" if way.who == VERDICT else
                                                                               "ours: ")  # fmt: skip
        lines.append(
            f"| {mark}{who}{name}{mark} | {files:,} | {' | '.join(shown)} | {least_covered(tallies.values())} |"
        )
    return [*lines, ""]


def plain_words(scenario: Scenario) -> str:
    """What the world is, what it misleads, and what must be known beside the figures."""
    told = (getdoc(type(scenario.world)) or "").split("\n\n")[0]
    return " ".join(f"{told} Trap: {scenario.world.trap}. {scenario.note}".replace("``", "`").split())


def _truth(scenario: Scenario) -> str:
    world, fair, played = scenario.world, scenario.world.truth(0.0), scenario.effects()
    known = f"Files have {scenario.rows:,} rows. In the fair twin the ratio of approval rates is"
    known += f" {fair['adverse_impact_ratio']:.3f} and the figure sought (`{world.estimand}`) is 0."
    told = [known]
    for effect, beyond, words in ((DETECTABLE, False, "The detectable gap is"), (BEYOND, True, "Beyond the limit it")):
        if effect in played:
            gap, truth = detectable_gap(scenario, beyond), world.truth(played[effect])
            verb = " is" if beyond else ""
            told.append(
                f"{words}{verb} {100 * gap:.2f} percentage points: a true gap of {100 * truth[world.estimand]:.2f}, "
                f"where the ratio is {truth['adverse_impact_ratio']:.3f}."
            )
    return " ".join(told)


def bands_of(s: int, checks: Checks) -> list[str]:
    """A table with one line a check of this scenario, folded unless one fails."""
    own = {key: check for key, check in checks.items() if key[0] == s}
    failed = sum(not check.held for check in own.values())
    state = f"{failed} fail" if failed else "all hold"
    lines = [f"<details{' open' if failed else ''}><summary>{len(own)} checks of ours: {state}</summary>", ""]
    lines += ["| check | effect | practice | observed | band |", "|---|---|---|---|---|"]
    for (_, effect, practice, target), check in own.items():
        word = "" if check.held else "**FAILS** "
        lines.append(f"| {word}{target} | {effect} | {practice} | {100 * check.share:.1f} % | {_band(check)} |")
    return [*lines, "", "</details>"]


def _band(check: Check) -> str:
    low, high = (f"{100 * count / check.replicates:.1f}" for count in (check.low, check.high))
    if not check.low:
        return f"at most {high} %"
    return f"at least {low} %" if check.high == check.replicates else f"{low} to {high} %"


def share_shown(seeds: Mapping[int, Tally] | None, count: str) -> str:
    """The share over all seeds, and its range over them; in words where nothing was identified."""
    if seeds is None:
        return "–"
    whole = add(seeds.values())
    if whole.unknown == whole.replicates:
        return "not identified"
    shares = [100 * getattr(one, count) / one.replicates for one in seeds.values()]
    over = f" ({min(shares):.1f}–{max(shares):.1f})" if len(shares) > 1 else ""
    some = f", {100 * whole.unknown / whole.replicates:.1f} % not identified" if whole.unknown else ""
    return f"{100 * getattr(whole, count) / whole.replicates:.1f} %{over}{some}"


def least_covered(every: Sequence[Mapping[int, Tally]] | object) -> str:
    shares = []
    for seeds in every:  # type: ignore[attr-defined]
        whole = add(seeds.values())
        if whole.covered is not None and whole.unknown < whole.replicates:
            shares.append(whole.covered / whole.replicates)
    return f"{100 * min(shares):.1f} %" if shares else "–"
