"""How the figures of a search for remedies are written, and which of a candidate's ratios counts."""

from __future__ import annotations

from collections.abc import Iterable

from audits.policies.units import decimals_apart
from audits.remedies.records import Candidate, Certified, GroupRate, RemedyRecord
from reports.figures import number, percent, signed
from reports.words import Words

AUC = "auc"
RATIO, GAIN, RECORDED = "adverse_impact_ratio", "adverse_impact_ratio_gain", "recorded_adverse_impact_ratio"
RETRAINED, TODAYS = "retrained_ratio_gain", "todays_adverse_impact_ratio"
PERFORMANCE, SHARE, OUTCOMES = "performance_difference", "approved_share_difference", "outcome_rate_difference"
_AUC_DECIMALS, _SHARE_DECIMALS = 4, 2


def ratio(value: float, beside: Iterable[float] = ()) -> str:
    """A ratio of approval rates: ``0.857``; with more decimals where rounding would merge it with ``beside``."""
    return number(value, "ratio", beside)


def difference(value: float, beside: Iterable[float] = (0.0,)) -> str:
    """A difference of ratios with its sign: ``+0.106``."""
    return _with_sign(ratio(value, beside), value)


def performance(value: float, kind: str, beside: Iterable[float] = ()) -> str:
    """An AUC to four decimals, or a share of outcomes in percent."""
    return _bare(value, kind, beside) + ("" if kind == AUC else "%")


def performance_difference(say: Words, value: float, kind: str, beside: Iterable[float] = (0.0,)) -> str:
    """A difference of performance with its sign; of shares in percentage points."""
    told = _with_sign(_bare(value, kind, beside), value)
    return told if kind == AUC else say("points", number=told)


def share(value: float) -> str:
    """A share in percent to two decimals."""
    return performance(value, "share")


def certified(one: Certified, value: float, kind: str) -> str:
    """A value on the scale of a certified figure's two models."""
    if one.measure in (RATIO, GAIN, RETRAINED):
        return ratio(value)
    return performance(value, kind if one.measure == PERFORMANCE else "share")


def certified_difference(say: Words, one: Certified, value: float, kind: str) -> str:
    """A difference of a certified figure with its sign and unit."""
    if one.measure in (RATIO, GAIN, RETRAINED):
        return difference(value)
    return performance_difference(say, value, kind if one.measure == PERFORMANCE else "share")


def bounds(say: Words, one: Certified, kind: str) -> str:
    """The bounds of a certified figure, with their level left out: all hold together."""
    low, high = (None if value is None else _bound(say, one, value, kind) for value in (one.low, one.high))
    if low is None and high is None:
        return say("unbounded")
    if low is None:
        return say("or_less", high=high)
    if high is None:
        return say("or_more", low=low)
    return say("between", low=_without_unit(one, kind) or low, high=high)


def _bound(say: Words, one: Certified, value: float, kind: str) -> str:
    return ratio(value) if one.measure in (RATIO, RECORDED, TODAYS) else certified_difference(say, one, value, kind)


def _without_unit(one: Certified, kind: str) -> str:
    """The low bound of what is counted in percentage points as a bare number, which the high one's unit serves."""
    in_points = one.measure in (SHARE, OUTCOMES) or (one.measure == PERFORMANCE and kind != AUC)
    low = one.low or 0.0
    return _with_sign(_bare(low, "share", (0.0,)), low) if in_points else ""


def reference_label(record: RemedyRecord) -> str | None:
    """The group that the others of the remedied attribute are compared with, which stands first among the rates."""
    named = [one.reference for one in record.certified if one.attribute == record.attribute and one.reference]
    rates = [rate.group for one in record.candidates for rate in one.rates if rate.attribute == record.attribute]
    return next(iter([*named, *rates]), None)


def counted_ratio(candidate: Candidate, attribute: str, reference: str | None) -> tuple[float, GroupRate] | None:
    """How alike a candidate treats the groups of an attribute, and the group that it is the figure of.

    The least of min(r, 1/r) over the ratios r of its groups to the ``reference``, whose own to itself says nothing.
    None where no group has one.
    """
    groups = [one for one in candidate.rates if (one.attribute, one.group) != (attribute, reference)]
    ratios = [(nearness(one.ratio), one) for one in groups if one.attribute == attribute and one.ratio is not None]
    return min(ratios, key=lambda pair: pair[0], default=None)


def nearness(value: float) -> float:
    """How near a ratio is to 1, from either side: min(r, 1/r). What is gained is gained of this."""
    return min(value, 1 / value) if value > 0 else 0.0


def gained(one: Certified) -> float | None:
    """How much nearer to 1 a group's ratio comes with the chosen model; None where it has not both."""
    return None if one.today is None or one.chosen is None else nearness(one.chosen) - nearness(one.today)


def is_gain(one: Certified) -> bool:
    """Whether a certified change of a ratio is itself what is gained: below 1 with both models."""
    return one.today is not None and one.chosen is not None and max(one.today, one.chosen) <= 1


def level_of(figures: Iterable[Certified]) -> str | None:
    """The level that all bounds hold at, in percent."""
    return next((percent(one.level) for one in figures if one.low is not None or one.high is not None), None)


def _bare(value: float, kind: str, beside: Iterable[float]) -> str:
    factor, least = (1, _AUC_DECIMALS) if kind == AUC else (100, _SHARE_DECIMALS)
    others = [other * factor for other in beside]
    return signed(f"{value * factor:,.{decimals_apart(value * factor, others, least)}f}")


def _with_sign(text: str, value: float) -> str:
    return f"+{text}" if value > 0 and text.strip("0.") else text
