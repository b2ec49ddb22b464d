"""Where a group is lost among people in the same strata, and what living in other strata does to the raw ratio.

Raw: what people of the group meet as they live. Adjusted: the reference is given the group's own strata
(``audits.statistics.funnel_ratios``). Where both lie on opposite sides of 1 the comparison turns round once like is
compared with like (Simpson 1951, JRSS B 13:238–241): neither figure may then stand alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from audits.comparisons.funnel_stages import at_once, finite, flow_of, nothing
from audits.comparisons.funnel_ways import Ways
from audits.measuring import POWER, bounded
from audits.record import Measurement
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.statistics.funnel_ratios import AdjustedFunnel, AtOnce

STAGE, WHOLE = "adjusted_stage_ratio", "adjusted_cumulative_ratio"
ALL = "all"
_MOST_LOST = 0.05
_HOW = template("the reference given the group's strata, delta method on the logarithm; counted from '{stage}' on")
_AS_THEY_STAND = template("{how}; as they stand and from the same first stage: {raw:.3f}")
_COMPOSITION = template("{how}, of which what the strata do makes {composition:.3f}")
_REFUSED = template("'{column}' has too many labels to be told apart, so that strata cannot be formed")
_NOBODY = template("no stratum holds persons of both '{label}' and '{reference}'")
_SCARCE = template(
    "fewer than {needed:g} persons of one side, in strata that hold both, pass or are lost here, too few for an "
    "interval to rely on; without one the ratio is {ratio:.3f}"
)
_NO_RATIO = template("fewer than {needed:g} persons of one side, in strata that hold both, pass or are lost here")
_ALONE = template("{share:.1f} % of {label} are in strata without anybody of {reference} and are left out")
_PLACELESS = template("the stratum of {share:.1f} % of {label} is not known; they are compared with others like them")
_REVERSED = template(
    "Simpson's reversal over {strata} (Simpson 1951): from '{stage}' on, as they live, persons of {group} come through "
    "{raw:.3f} times as often as those of {reference}; among persons in the same strata it is {adjusted:.3f} times"
)
_REVERSED_STAGE = template(
    "Simpson's reversal over {strata} at '{stage}' (Simpson 1951): as they live, persons of {group} pass {raw:.3f} "
    "times as often as those of {reference}; among persons in the same strata it is {adjusted:.3f} times"
)
_TURNING = template(
    "this may be Simpson's reversal over {strata} (Simpson 1951), though sampling alone may have put one of the two on "
    "its side of 1: from '{stage}' on, as they live, persons of {group} come through {raw:.3f} times as often as those "
    "of {reference}; among persons in the same strata it is {adjusted:.3f} times"
)


@dataclass(frozen=True, slots=True)
class WithinStrata:
    """The adjusted figures, and by segment (a stage, or "all") the reversals that raw figures share with them."""

    figures: tuple[Measurement, ...]
    reversals: Mapping[str, Sentence] = field(default_factory=dict)


def within_strata(
    question: str, ways: Ways, label: str, level: float, columns: tuple[str, ...], refused: tuple[str, ...]
) -> WithinStrata:
    """All adjusted figures of a group, or each with the reason why there is none."""
    from audits.statistics.funnel_ratios import adjusted_at_once, adjusted_funnel

    keys, mine, theirs = ways.strata(label)
    blank = [nothing(question, STAGE, ways, label, level, stage) for stage in ways.stages[1:]]
    blank.append(nothing(question, WHOLE, ways, label, level))
    source = said("counts of persons by {names}", names=", ".join(columns))
    blank = [replace(one, source=source, method=said(_HOW, stage=ways.stages[0])) for one in blank]
    why = next((said(_REFUSED, column=name) for name in columns if name in refused), None)
    both = any(one[0] and other[0] for one, other in zip(mine, theirs, strict=True))
    if why or not both:
        why = why or said(_NOBODY, label=label, reference=ways.reference)
        return WithinStrata(tuple(replace(one, reason=why) for one in blank))
    found = adjusted_funnel(mine, theirs)
    law = adjusted_at_once(found)
    placeless = sum(row[0] for key, row in zip(keys, mine, strict=True) if None in key)
    unseen = _left_out(found, ways, label, placeless)
    came = ways.passed(label)[0]
    counts = {"strata": len(keys), "group_alone": round(found.lost), "group": came,
              "reference": ways.passed(ways.reference)[0]}  # fmt: skip
    figures = []
    for k, one in enumerate(blank):
        shared = replace(one, n=came + counts["reference"], counts=counts, unseen=unseen)
        stage = k < len(found.ratios)
        figures.append(_stage(shared, found, k, law) if stage else _whole(shared, found))
    reversals = _reversals(figures, ways, label, ", ".join(columns), found, level)
    return WithinStrata(tuple(_marked(one, reversals) for one in figures), reversals)


def _marked(figure: Measurement, reversals: Mapping[str, Sentence]) -> Measurement:
    told = reversals.get(figure.segment)
    if told is None or figure.estimate is None:
        return figure
    return replace(figure, cautions=(*figure.cautions, told), unseen=(*figure.unseen, told))


def _left_out(found: AdjustedFunnel, ways: Ways, label: str, placeless: int) -> tuple[Sentence, ...]:
    came = ways.passed(label)[0]
    told = []
    if found.lost > _MOST_LOST * came:
        told.append(said(_ALONE, share=100 * found.lost / came, label=label, reference=ways.reference))
    if placeless > _MOST_LOST * came:
        told.append(said(_PLACELESS, share=100 * placeless / came, label=label))
    return tuple(told)


def _stage(shared: Measurement, found: AdjustedFunnel, k: int, law: AtOnce) -> Measurement:
    """The ratio of a stage; its interval holds all reliable stages of the way at once."""
    from audits.statistics.funnel_ratios import log_interval

    ratio, raw, variance = float(found.ratios[k]), float(found.raw[k]), float(found.covariance[k, k])
    told = {
        "log_ratio": found.logs[k], "raw_ratio": raw, "composition_ratio": raw / ratio if ratio else math.nan,
        "share_of_log_ratio": found.logs[k] / math.log(found.total) if found.total not in (0, 1) else math.nan,
    }  # fmt: skip
    reliable = bool(found.reliable[k])
    if reliable and variance > 0:
        low, high = log_interval(ratio, variance, shared.level)
        told |= {"pointwise_low": low, "pointwise_high": high}
        shared = replace(shared, corrected=law.stages > 1, method=at_once(shared.method, law.stages))
    return _figure(replace(shared, details=finite(told)), ratio, variance, reliable, law)


def _composition_bounds(found: AdjustedFunnel, level: float) -> tuple[float, float]:
    """Of what the strata do; NaN where few of a side come through, or persons stand alone in their stratum.

    Which strata have a reference is then itself a matter of sampling, of which the bounds would know nothing.
    """
    from audits.statistics.funnel_ratios import log_interval

    if not found.total_reliable or found.lost:
        return math.nan, math.nan
    return log_interval(found.composition, found.composition_variance, level)


def _whole(shared: Measurement, found: AdjustedFunnel) -> Measurement:
    low, high = _composition_bounds(found, shared.level)
    raw = found.raw_total
    told = {
        "raw_ratio": raw, "composition_ratio": found.composition, "composition_low": low, "composition_high": high,
        "log_ratio": math.log(found.total) if found.total > 0 else math.nan,
        "composition_share_of_log_ratio": math.log(found.composition) / math.log(raw)
        if found.composition > 0 and raw > 0 and raw != 1 else math.nan,
    }  # fmt: skip
    if math.isfinite(raw):
        shared = replace(shared, method=said(_AS_THEY_STAND, how=shared.method, raw=raw))
    if low > 1 or high < 1:
        shared = replace(shared, method=said(_COMPOSITION, how=shared.method, composition=found.composition))
    return _figure(replace(shared, details=finite(told)), found.total, found.total_variance, found.total_reliable)


def _figure(
    shared: Measurement, ratio: float, variance: float, reliable: bool, law: AtOnce | None = None
) -> Measurement:
    """The ratio with its interval, by its own normal ``law`` or that of several at once, or why there is none."""
    from audits.statistics.funnel_ratios import FEWEST, alone
    from audits.statistics.ladder import critical

    law = law or alone()
    if not reliable or not variance > 0:
        why = said(_SCARCE, needed=FEWEST, ratio=ratio) if math.isfinite(ratio) else said(_NO_RATIO, needed=FEWEST)
        return replace(shared, reason=why)
    error = math.sqrt(variance)
    reach = (law.critical(shared.level) + critical(2 * POWER - 1)) * error

    def interval_at(level: float) -> tuple[float, float]:
        far = math.exp(law.critical(level) * error)
        return ratio / far, ratio * far

    return replace(
        shared, estimate=ratio, standard_error=error, p_value=law.p_value(math.log(ratio) / error),
        mde=1 - math.exp(-reach), **bounded(interval_at, shared.level),
    )  # fmt: skip


def _reversals(
    figures: list[Measurement], ways: Ways, label: str, strata: str, found: AdjustedFunnel, level: float
) -> dict[str, Sentence]:
    """By segment, what is told where raw and adjusted lie on opposite sides of 1."""
    from audits.statistics.funnel_ratios import sidak_level
    from audits.statistics.ratio_interval import ratio_interval

    each = sidak_level(level, len(flow_of(ways, label).stages))  # that of a stage as persons stand
    mine, theirs = ways.passed(label), ways.passed(ways.reference)
    told: dict[str, Sentence] = {}
    for figure in figures:
        k = len(mine) - 1 if figure.segment == ALL and figure.measure == WHOLE else ways.stages.index(figure.segment)
        before = 0 if figure.measure == WHOLE else k - 1
        if figure.estimate is None or not theirs[k] or not mine[before]:
            continue
        raw = (mine[k] / mine[before]) / (theirs[k] / theirs[before])
        if (raw - 1) * (figure.estimate - 1) >= 0:
            continue
        asked = each if figure.measure == STAGE else level
        plain = ratio_interval(mine[k], mine[before], theirs[k], theirs[before], asked)
        sure = not plain.low <= 1 <= plain.high and not (figure.low or 0.0) <= 1 <= (figure.high or math.inf)
        words = {
            "strata": strata, "group": label, "reference": ways.reference, "raw": raw, "adjusted": figure.estimate,
        }  # fmt: skip
        if figure.measure == STAGE:
            told |= {figure.segment: said(_REVERSED_STAGE, stage=figure.segment, **words)} if sure else {}
            continue
        low, high = _composition_bounds(found, level)
        if sure:
            told[ALL] = said(_REVERSED, stage=ways.stages[0], **words)
        elif low > 1 or high < 1:
            told[ALL] = said(_TURNING, stage=ways.stages[0], **words)
    return told
