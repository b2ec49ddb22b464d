"""How sure a judgement must be of each figure, once many of them are looked at together.

Primary findings are held family-wise: with m different comparisons each is read at level 1 − α/m (Bonferroni; Dunn
1961, JASA 56:52–64). Exploratory ones by false discovery rate: p-values against the limit go through Benjamini and
Hochberg (1995, JRSS B 57:289–300), and with R selected every interval is read at level 1 − Rα/m, which keeps the false
coverage of the selected at α (Benjamini and Yekutieli 2005, JASA 100:71–81). A comparison is a figure under one test
and limit: several rules with the same limit ask it once. Counted cases need no correction, simultaneous intervals have
theirs, and a correction only ever widens an interval, so it never makes a clear.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from audits.record import Measurement, Rule, Standing
from audits.statistics.ladder import LEVELS, Rung, bounds_at, critical, level_beyond

Comparison = tuple[object, ...]
IN_MONEY = ("push_effect_gap", "push_association_gap")  # gaps of money, which may exceed 1; all others are of shares


@dataclass(frozen=True, slots=True)
class Candidate:
    """A figure that a rule will judge."""

    measurement: Measurement
    rule: Rule
    standing: Standing

    @property
    def key(self) -> Comparison:
        """What makes the comparison one: figure, test, side and limit."""
        m, r = self.measurement, self.rule
        return (
            self.standing, m.question, m.measure, m.attribute, m.group, m.reference, m.segment, r.test, r.comparison,
            r.limit,
        )  # fmt: skip

    @property
    def counts(self) -> bool:
        """Whether it belongs to a family: estimated, and not simultaneous already."""
        return self.rule.test != "census" and not self.measurement.corrected and self.measurement.estimate is not None


@dataclass(frozen=True, slots=True)
class Corrected:
    """Bounds at ``level``, which allows for a ``family`` of so many comparisons."""

    low: float | None
    high: float | None
    level: float
    family: int


def corrections(candidates: Iterable[Candidate]) -> dict[Comparison, Corrected]:
    """The bounds that each comparison is judged by."""
    every = {one.key: one for one in candidates}
    found: dict[Comparison, Corrected] = {}
    for standing in ("primary", "exploratory"):
        family = {key: one for key, one in every.items() if one.standing == standing and one.counts}
        found |= _bonferroni(family) if standing == "primary" else _false_discovery(family)
    for key, one in every.items():
        m = one.measurement
        found.setdefault(key, Corrected(m.low, m.high, m.level, 1))
    return found


def _bonferroni(family: Mapping[Comparison, Candidate]) -> dict[Comparison, Corrected]:
    size = len(family)
    return {
        key: _at(one.measurement, 1 - (1 - one.measurement.level) / size, size) for key, one in family.items()
    }  # fmt: skip


def _false_discovery(family: Mapping[Comparison, Candidate]) -> dict[Comparison, Corrected]:
    size = len(family)
    if not size:
        return {}
    # p-values on the scale of the level that each figure asks for, so that figures of several levels may be mixed
    ratios = sorted(p_value(one) / (1 - one.measurement.level) for one in family.values())
    selected = max((i for i, ratio in enumerate(ratios, 1) if ratio <= i / size), default=1)
    return {
        key: _at(one.measurement, 1 - (1 - one.measurement.level) * selected / size, size)
        for key, one in family.items()
    }  # fmt: skip


def p_value(one: Candidate) -> float:
    """Two-sided p-value against the limit; under ``point_and_significant`` of equality, 1 if the point is within.

    It is one less the highest level at which the figure's interval still lies beyond.
    """
    m, rule = one.measurement, one.rule
    side = 1 if rule.comparison == "at_most" else -1
    against = rule.limit
    if rule.test == "point_and_significant":
        if m.estimate is None or m.equality is None or side * (m.estimate - rule.limit) <= 0:
            return 1.0
        against = m.equality
    return 1 - level_beyond(ladder_of(m), against, side)


def ladder_of(m: Measurement) -> Sequence[Rung]:
    """The figure's own ladder, or for a record without one, bounds by normal theory from its only interval."""
    if m.ladder:
        return m.ladder
    if m.estimate is None:
        return ()
    logs = m.equality == 1.0 and m.estimate > 0 and all(bound is None or bound > 0 for bound in (m.low, m.high))
    z = critical(m.level)

    def moved(bound: float | None, level: float) -> float | None:
        if bound is None or m.estimate is None:
            return None
        share = critical(level) / z
        return m.estimate * (bound / m.estimate) ** share if logs else m.estimate + (bound - m.estimate) * share

    levels = sorted({*LEVELS, m.level})
    return tuple((level, moved(m.low, level), moved(m.high, level)) for level in levels)


def _at(m: Measurement, level: float, family: int) -> Corrected:
    """Bounds at a level of at least the figure's own; never narrower than its own."""
    if family == 1 or m.estimate is None:
        return Corrected(m.low, m.high, m.level, family)
    low, high = bounds_at(ladder_of(m), level)
    low = None if low is None or m.low is None else min(low, m.low)
    high = None if high is None or m.high is None else max(high, m.high)
    return Corrected(low, high, level, family)


def detectable(m: Measurement, rule: Rule, corrected: Corrected, power: float = 0.8) -> float | None:
    """Smallest departure found with this power at the corrected level: from equality, or without one from the limit.

    None where the sample could not be counted on to show any departure that can occur.
    """
    z_power = critical(2 * power - 1)
    if m.equality is not None:
        if m.mde is None:
            return None
        own, wide = critical(m.level) + z_power, critical(corrected.level) + z_power
        share = m.measure.endswith("_gap") and m.measure not in IN_MONEY
        most = 1.0 if share or (m.equality == 1.0 and rule.comparison == "at_least") else math.inf
        return m.mde * wide / own if m.mde * wide / own <= most else None
    bound = corrected.low if rule.comparison == "at_most" else corrected.high
    if bound is None or m.estimate is None:
        return None
    reach = abs(m.estimate - bound) * (1 + z_power / critical(corrected.level))
    return reach if math.isfinite(reach) else None
