"""How far every figure moved from one run to the other, and whether chance explains it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from audits.comparing.absent import why_no_figure
from audits.comparing.pairing import figures_of, paired
from audits.comparing.record import MOVED, Direction, FigureChange, Rows
from audits.policies.multiplicity import ladder_of
from audits.policies.wording import is_counted
from audits.record import AuditRun, Judgement, Measurement
from audits.statistics.independent_change import LEVEL, IndependentChange, Scale, independent_change
from checks.sentence import Sentence, said, template

RATE = 1 - LEVEL
_BEYOND: Mapping[Direction | None, str] = {
    "worse": template("it moved towards harm, by more than chance explains"),
    "better": template("it moved away from harm, by more than chance explains"),
    None: template("it moved by more than chance explains; no rule of these runs says which way harm lies"),
}
_EXACT_ROWS = said("the rows are the same, so the difference is exact for them and comes from what else differs")
_EXACT_COUNT = said("every case was counted on both sides, so the difference is exact and needs no interval")
_WITHIN = template(
    "chance alone explains it: it does not stand out among the differences with an interval ({family:,})"
)
_NO_BOUNDS = said("the difference has no interval, because one of the figures has none")
_NO_LOG = said("the difference has no interval, because a ratio of 0 has no logarithm")
_NOTHING = said("the record states no reason")


@dataclass(frozen=True, slots=True)
class Moves:
    """Figures that differ, those that stand out first; how many stayed; the family and how many of it moved."""

    changes: tuple[FigureChange, ...]
    same: int
    family: int
    selected: int


def figure_changes(
    before: tuple[AuditRun, Judgement], after: tuple[AuditRun, Judgement], rows: Rows, why: Sentence
) -> Moves:  # fmt: skip
    """All figures of both runs side by side.

    Differences with an interval are one family at false discovery rate ``RATE`` (Benjamini and Hochberg 1995); those
    selected are read at level 1 − R · RATE / m (Benjamini and Yekutieli 2005), all others at ``LEVEL``.
    """
    pairs = paired(figures_of(before[0]), figures_of(after[0]))
    harm = _directions((before[1], after[1]))
    lone = [_missing(a, b, before[0], after[0]) for a, b in pairs if not _both(a, b)]
    known = [(a, b) for a, b in pairs if a and b and _both(a, b)]
    moved = {i: _moved(a, b) for i, (a, b) in enumerate(known)} if rows == "independent" else {}
    tested = {i: one for i, one in moved.items() if isinstance(one, IndependentChange)}
    stands, adjusted, level = _selected(tested)
    changes = [
        _tested(*known[i], one, i in stands, adjusted[i], level, harm, len(tested)) for i, one in tested.items()
    ]  # fmt: skip
    changes += [
        _untested(a, b, rows, why, moved.get(i), harm) for i, (a, b) in enumerate(known) if i not in tested
    ]  # fmt: skip
    differing = [one for one in (*changes, *lone) if one and not _unmoved(one)]
    return Moves(
        tuple(sorted(differing, key=_rank)), len(pairs) - len(differing), len(tested), len(stands)
    )  # fmt: skip


def _both(a: Measurement | None, b: Measurement | None) -> bool:
    return a is not None and b is not None and a.estimate is not None and b.estimate is not None


def _unmoved(one: FigureChange) -> bool:
    a, b = one.before, one.after
    return a is not None and b is not None and (a.estimate, a.low, a.high, a.n) == (b.estimate, b.low, b.high, b.n)


def _rank(one: FigureChange) -> tuple[int, bool, float]:
    return MOVED.index(one.kind), one.direction != "worse", 1.0 if one.p_value is None else one.p_value


def _directions(judgements: Iterable[Judgement]) -> dict[str, Direction | None]:
    """By measure, what becomes of consumers when the figure rises, where all rules agree on it."""
    found: dict[str, set[str]] = {}
    for one in judgements:
        for rule in (*(f.rule for f in one.findings), *(idle.rule for idle in one.rules_not_applied)):
            found.setdefault(rule.measure, set()).add(rule.comparison)
    rising: dict[str, Direction] = {"at_most": "worse", "at_least": "better"}
    return {measure: rising[next(iter(sides))] if len(sides) == 1 else None for measure, sides in found.items()}


def _scale(m: Measurement) -> Scale:
    """Ratios add up on the logarithm."""
    return "ratio" if m.equality == 1.0 or m.measure.endswith("_ratio") else "difference"


def _moved(a: Measurement, b: Measurement) -> IndependentChange | Sentence | None:
    """The change with its interval, or why it has none; None where every case was counted."""
    if a.estimate is None or b.estimate is None or (is_counted(a) and is_counted(b)):
        return None
    scale = _scale(b)
    if scale == "ratio" and min(a.estimate, b.estimate) <= 0:
        return _NO_LOG
    if not _has_bounds(a) or not _has_bounds(b):
        return _NO_BOUNDS
    return independent_change(a.estimate, _ladder(a), b.estimate, _ladder(b), scale)


def _has_bounds(m: Measurement) -> bool:
    return is_counted(m) or any(low is not None or high is not None for _, low, high in _ladder(m))


def _ladder(m: Measurement) -> tuple[tuple[float, float | None, float | None], ...]:
    """The figure's ladder; a counted figure is its own bound at every level."""
    return tuple(ladder_of(m))


def _selected(tested: Mapping[int, IndependentChange]) -> tuple[set[int], dict[int, float], float]:
    """Which stand, all adjusted p-values, and the level of the intervals of those that stand."""
    if not tested:
        return set(), {}, LEVEL
    from audits.statistics.multiplicity import benjamini_hochberg

    found = benjamini_hochberg([one.p_value for one in tested.values()], RATE)
    stands = {i for i, rejected in zip(tested, found.rejected, strict=True) if rejected}
    adjusted = {i: float(value) for i, value in zip(tested, found.adjusted, strict=True)}
    return stands, adjusted, float(found.interval_level) if stands else LEVEL


def _tested(
    a: Measurement, b: Measurement, one: IndependentChange, stands: bool, adjusted: float, level: float,
    harm: Mapping[str, Direction | None], family: int,
) -> FigureChange:  # fmt: skip
    towards = _direction(a, b, harm)
    if stands and a.estimate is not None and b.estimate is not None:
        one = independent_change(a.estimate, _ladder(a), b.estimate, _ladder(b), one.scale, level)
        words = _BEYOND[towards]
        told = said(words)
    else:
        words = _WITHIN
        told = said(words, family=family)
    return FigureChange(
        "beyond_chance" if stands else "within_chance", _bare(a), _bare(b), told, towards if stands else None,
        one.scale, one.change, one.low, one.high, one.level, one.p_value, adjusted,
    )  # fmt: skip


def _untested(
    a: Measurement, b: Measurement, rows: Rows, why: Sentence, told: IndependentChange | Sentence | None,
    harm: Mapping[str, Direction | None],
) -> FigureChange:  # fmt: skip
    counted = is_counted(a) and is_counted(b)
    exact = counted or rows == "same"
    reason = _EXACT_ROWS if rows == "same" else _EXACT_COUNT if counted else None
    if reason is None:
        reason = told if isinstance(told, Sentence) else said("the difference has no interval: {reason}", reason=why)
    scale = _scale(b)
    return FigureChange(
        "exact" if exact else "no_interval", _bare(a), _bare(b), reason, _direction(a, b, harm) if exact else None,
        scale, _plain_change(a, b, scale),
    )  # fmt: skip


def _plain_change(a: Measurement, b: Measurement, scale: Scale) -> float | None:
    if a.estimate is None or b.estimate is None:
        return None
    if scale == "difference":
        return b.estimate - a.estimate
    return b.estimate / a.estimate if a.estimate > 0 else None


def _direction(a: Measurement, b: Measurement, harm: Mapping[str, Direction | None]) -> Direction | None:
    rising = harm.get(b.measure)
    if rising is None or a.estimate is None or b.estimate is None or a.estimate == b.estimate:
        return None
    falling: Direction = "better" if rising == "worse" else "worse"
    return rising if b.estimate > a.estimate else falling


def _missing(
    a: Measurement | None, b: Measurement | None, before: AuditRun, after: AuditRun
) -> FigureChange | None:  # fmt: skip
    """A figure that only one run has; None where neither has it."""
    there = (a is not None and a.estimate is not None), (b is not None and b.estimate is not None)
    if there == (False, False):
        return None
    if not there[1] and a is not None:
        reason = why_no_figure(a, after) if b is None else b.reason or _NOTHING
        told = said("it is not there any more: {reason}", reason=reason)
    elif b is not None:
        reason = why_no_figure(b, before) if a is None else a.reason or _NOTHING
        told = said("it was not there before: {reason}", reason=reason)
    else:
        return None
    return FigureChange("missing", a and _bare(a), b and _bare(b), told)


def _bare(m: Measurement) -> Measurement:
    """Without what only a judgement or a picture needs."""
    return replace(m, ladder=(), points=())
