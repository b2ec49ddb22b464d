"""The board as a page for people: one table a world, what each practice does there, and every check with its band."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import getdoc

from tests.truth.board.bands import FALSE_FAILURE, Check
from tests.truth.board.practices import LIMIT
from tests.truth.board.replicates import BASE_SEED, BATCH, Results, Tally
from tests.truth.board.scenarios import AT_LIMIT, FAIR, MULTIPLES, OURS, Scenario, detectable_gap

Checks = Mapping[tuple[int, str, str, str], Check]

HEAD = """# The scoreboard

Made by `make truth`; do not edit. Simulated lenders whose truth is known exactly, drawn many times over
(`squaredeal simulate` writes any of them as files): what customary practice says about the fair lender and about the
harmful one, and what the estimators of the audits say.

- **Flags the fair twin**: how often harm is found where there is none (type-I error; at most 5 % is aimed at).
- **Finds**: how often the planted harm itself is found at half, once and 1.5 times the *detectable gap*, the gap that a
  file of this size lets a test find in 80 % of cases. It is computed from the world, not from the samples.
- **Passes a gap at the limit**: how often a lender whose true gap is exactly {limit:.0f} percentage points, the limit
  of the shipped rules, is let pass. Ours passes when the whole 95 % interval lies within the limit, as a judgement
  says `clear`; customary practice passes what it does not flag.
- **Holds the truth**: how often the interval holds the true figure that the audit is after, least over all effects
  played. A practice without an interval has a dash.

The bands are exact binomial quantiles, set so that all {checks} checks together would fail a correct tool with a
probability of at most {failure:g}. Every batch of {batch} replicates has the seed ({seed}, scenario, effect, batch),
counted from 0. {verdict}
"""

MISSING = """## Not on the board yet
Risk that must be estimated from the data (cross-fitted); error rates and calibration when labels are missing for the
declined; a question that reports both bounds for an unrecorded group; repeated looks over time; everything on loyalty
pricing, predatory lending and digital exclusion. A judgement's intervals are not corrected for the number of
comparisons: the corrected tests above are estimators of the audits that no question uses yet. The board judges
estimators on counts; that the whole line from file to verdict agrees is tested in `tests/audits/test_simulation.py`
on files that `squaredeal simulate` writes.
"""
COLUMNS = (
    "practice", "flags the fair twin", "finds half", "finds it", "finds 1.5 ×", "passes a gap at the limit",
    "holds the truth",
)  # fmt: skip


def page(played: tuple[Scenario, ...], results: Results, checks: Checks) -> str:
    """The whole page as Markdown."""
    failed = [key for key, check in checks.items() if not check.held]
    verdict = f"All {len(checks)} checks hold." if not failed else f"**{len(failed)} of {len(checks)} checks fail.**"
    head = HEAD.format(
        limit=100 * LIMIT, checks=len(checks), failure=FALSE_FAILURE, batch=BATCH, seed=BASE_SEED, verdict=verdict
    )
    parts = [head, *(_section(s, scenario, results, checks) for s, scenario in enumerate(played)), MISSING]
    return "\n".join(parts)


def _section(s: int, scenario: Scenario, results: Results, checks: Checks) -> str:
    tallies = {name: {e: results[s, e, name] for e in scenario.effects()} for name in scenario.practices}
    replicates = next(iter(next(iter(tallies.values())).values())).replicates
    lines = [
        f"## {scenario.name}",
        _plain(scenario),
        "",
        _truth(scenario),
        f"{replicates:,} files of {scenario.rows:,} rows for each effect.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for name, (who, _) in scenario.practices.items():
        found = [_percent(tallies[name][FAIR], "flagged")]
        found += [_percent(tallies[name].get(effect), "found") for effect in MULTIPLES]
        passed, covered = _percent(tallies[name].get(AT_LIMIT), "passed"), _least_covered(tallies[name])
        mark = "**" if who == OURS else ""
        lines.append(f"| {mark}{who}: {name}{mark} | {' | '.join(found)} | {passed} | {covered} |")
    lines += ["", *_bands(s, checks), ""]
    return "\n".join(lines)


def _plain(scenario: Scenario) -> str:
    """What the world is, what it misleads, and what must be known beside the figures."""
    told = (getdoc(type(scenario.world)) or "").split("\n\n")[0]
    return " ".join(f"{told} Trap: {scenario.world.trap}. {scenario.note}".replace("``", "`").split())


def _truth(scenario: Scenario) -> str:
    world, fair = scenario.world, scenario.world.truth(0.0)
    known = f"Truth: in the fair twin the ratio of approval rates is {fair['adverse_impact_ratio']:.3f}"
    known += f" and the figure sought (`{world.estimand}`) is 0."
    if not scenario.powered:
        return known
    gap = detectable_gap(scenario)
    ratio = world.truth(scenario.effects()["detectable effect"])["adverse_impact_ratio"]
    return f"{known} The detectable gap is {100 * gap:.2f} percentage points; there the ratio is {ratio:.3f}."


def _bands(s: int, checks: Checks) -> list[str]:
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


def _percent(tally: Tally | None, count: str) -> str:
    return "–" if tally is None else f"{100 * getattr(tally, count) / tally.replicates:.1f} %"


def _least_covered(tallies: Mapping[str, Tally]) -> str:
    shares = [tally.covered / tally.replicates for tally in tallies.values() if tally.covered is not None]
    return f"{100 * min(shares):.1f} %" if shares else "–"
