"""What in the model makes a gap, as pictures: parts that add up to it, and how far features move each person. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audits.record import Measurement
from reports.comparisons import Judged, Key, key_of
from reports.figures import axis_of, short, span, unit_of
from reports.funnel_data import whom
from reports.named import group_in, reference_in, segment_in
from reports.pictures import SwarmBin, SwarmPicture, SwarmRow, WaterfallBar, WaterfallPicture
from reports.words import Words

WHOLE, PART = "model_output_gap", "feature_output_gap"
_WITHIN = {WHOLE: "adjusted_model_output_gap", PART: "adjusted_feature_output_gap"}
CARRIED = "proxy_carried_gap"
BY_FEATURE = (PART, _WITHIN[PART], CARRIED, "proxy_auc")  # measures with a figure for each feature
BY_FLIP = ("flip_output_change", "flip_harmed_share", "trait_flip_price_ratio")
_DOTS = (CARRIED, "proxy_auc")  # with a row for each feature
_MOST_DOTS = 15
_MOST_BARS, _MOST_HILLS, _FEWEST = 10, 8, 2


def waterfalls(say: Words, members: Sequence[Judged]) -> Iterator[WaterfallPicture | SwarmPicture]:
    """For each group: the parts of its gap, within strata too, and below them the hills of its features."""
    for whole, part in ((WHOLE, PART), (_WITHIN[WHOLE], _WITHIN[PART])):
        for total in [one for one in members if one.measurement.measure == whole]:
            own = [one for one in members if one.measurement.measure == part and _same(one, total)]
            if total.measurement.estimate is None or len(own) < _FEWEST:
                continue
            yield _waterfall(say, total.measurement, own)
            if part == PART:
                yield from _swarm(say, own)


def pictured_parts(members: Sequence[Judged]) -> set[Key]:
    """Figures of features that pictures show and that break no rule: told in full behind a fold."""
    own = [one for one in members if one.measurement.measure in BY_FEATURE and one.measurement.estimate is not None]
    return {key_of(one.measurement) for one in own if one.verdict in (None, "clear", "inconclusive")}


def by_feature(members: Sequence[Judged]) -> list[list[Judged]]:
    """Rows of a picture for each group: what rides on features, and how well they tell it; the largest first."""
    found: dict[tuple[str | None, ...], list[Judged]] = {}
    for one in members:
        m = one.measurement
        if m.measure in _DOTS and m.estimate is not None:
            found.setdefault((m.measure, m.group, m.reference), []).append(one)
    return [_largest(own)[:_MOST_DOTS] for own in found.values() if len(own) >= _FEWEST]


def _largest(own: Sequence[Judged]) -> list[Judged]:
    return sorted(own, key=lambda one: (-(one.measurement.estimate or 0.0), one.measurement.segment))


def by_flip(members: Sequence[Judged]) -> list[list[Judged]]:
    """Rows of a picture for each measure of flips, where there are several."""
    found: dict[str, list[Judged]] = {}
    for one in members:
        if one.measurement.measure in BY_FLIP and one.measurement.estimate is not None:
            found.setdefault(one.measurement.measure, []).append(one)
    return [own[:_MOST_DOTS] for own in found.values() if len(own) >= _FEWEST]


def _same(one: Judged, other: Judged) -> bool:
    m, n = one.measurement, other.measurement
    return (m.attribute, m.group, m.reference) == (n.attribute, n.group, n.reference) and m.estimate is not None


def _by_size(own: Sequence[Judged]) -> list[Judged]:
    return sorted(own, key=lambda one: (-abs(one.measurement.estimate or 0.0), one.measurement.segment))


def _waterfall(say: Words, total: Measurement, own: Sequence[Judged]) -> WaterfallPicture:
    unit, at, bars = unit_of(total.measure), 0.0, []
    ordered = _by_size(own)
    for one in ordered[:_MOST_BARS]:
        m, value = one.measurement, one.measurement.estimate or 0.0
        low, high = (None if bound is None else at + bound for bound in (m.low, m.high))
        bars.append(WaterfallBar(segment_in(say, m), short(value, unit), at, at + value, low, high, one.verdict or ""))
        at += value
    rest = ordered[_MOST_BARS:]
    if rest:
        value = sum(one.measurement.estimate or 0.0 for one in rest)
        bars.append(WaterfallBar(say("chart.other_features", count=len(rest)), short(value, unit), at, at + value))
    gap = total.estimate or 0.0
    bars.append(WaterfallBar(say("chart.whole_gap"), short(gap, unit), 0.0, gap, total.low, total.high, is_total=True))
    told = [say("chart.waterfall_note"), say("chart.waterfall_desc", whole=short(gap, unit), interval=span(say, total))]
    told += [
        say("chart.rate_desc", group=segment_in(say, m), rate=short(m.estimate or 0.0, unit), interval=span(say, m))
        for m in (one.measurement for one in ordered)
    ]  # fmt: skip
    key = "chart.waterfall" if total.measure == WHOLE else "chart.waterfall_within"
    return WaterfallPicture(
        say(key, who=whom(say, total)), " ".join(told), unit, axis_of(say, total),
        say("chart.waterfall_begin", reference=reference_in(say, total)), tuple(bars),
    )  # fmt: skip


def _swarm(say: Words, own: Sequence[Judged]) -> Iterator[SwarmPicture]:
    shown = [one.measurement for one in _by_size(own) if one.measurement.points][:_MOST_HILLS]
    if len(shown) < _FEWEST:
        return
    m = shown[0]
    names = {"group": group_in(say, m), "reference": reference_in(say, m)}
    rows = tuple(SwarmRow(segment_in(say, one), _bins(one, one.group), _bins(one, one.reference)) for one in shown)
    told = [
        say("chart.swarm_desc", feature=segment_in(say, one), group=names["group"], reference=names["reference"],
            own=_middle(one, one.group), other=_middle(one, one.reference))
        for one in shown
    ]  # fmt: skip
    yield SwarmPicture(
        say("chart.swarm", who=whom(say, m)), " ".join(told), unit_of(m.measure), axis_of(say, m),
        say("chart.swarm_above", name=names["group"]), say("chart.swarm_below", name=names["reference"]),
        say("chart.swarm_low"), say("chart.swarm_high"), rows,
    )  # fmt: skip


def _bins(m: Measurement, label: str | None) -> tuple[SwarmBin, ...]:
    points = [p for p in m.points if p.group == label]
    total, fullest = sum(p.n for p in points), max((p.n for p in points), default=0)
    if not total or not fullest:
        return ()
    return tuple(SwarmBin(p.low, p.high, p.n / fullest, p.rate if p.rate >= 0 else None) for p in points)


def _middle(m: Measurement, label: str | None) -> str:
    points = [p for p in m.points if p.group == label]
    total = sum(p.n for p in points)
    return short(sum(p.x * p.n for p in points) / total, unit_of(m.measure)) if total else "–"
