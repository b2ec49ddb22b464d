"""Which pictures stand at the head of a block of figures, and what they show. Pure.

Groups below one another under one measure; one gap measured in several ways; crossings of two attributes as a map;
rates along a score. A picture of a single figure stands with that figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from audits.fair_lending.intersections import CROSS
from audits.policies.labels import loss_of
from audits.record import Measurement, Point
from reports.comparisons import Judged, equality_label, who
from reports.dose_data import doses, is_dose
from reports.explanation_data import BY_FEATURE, BY_FLIP, by_feature, by_flip, waterfalls
from reports.figures import axis_of, exact, figure, figure_of, number, short, span, unit_of
from reports.funnel_data import (
    BY_PART,
    LOSS,
    TOLD_BY_STAGE,
    at_once,
    funnel_of,
    loss_name,
    loss_rows,
    loss_text,
    method_rows,
    stage_name,
    stage_rows,
    ways_of,
    whom,
)
from reports.named import group_in, segment_in
from reports.pictures import CurvePicture, CurvePoint, CurveSeries, DotRow, DotsPicture, MapCell, MapPicture, Picture
from reports.point_pictures import along_points
from reports.rule_reading import limit_line, limit_text
from reports.time_curves import TIME, finished_by
from reports.words import Words

# the same gap in several ways, the simplest first
_WAYS = (
    ("approval_gap", "stratified_approval_gap", "logit_approval_gap", "adjusted_approval_gap", "risk_adjusted_gap"),
    ("adverse_impact_ratio", "stratified_risk_ratio"),
    ("rate_gap_bp", "adjusted_rate_gap_bp"),
)
# ratios of what is good to have; every other figure is the more harmful the higher it is
_LOW_IS_HARM = (
    "adverse_impact_ratio", "approval_odds_ratio", "stratified_odds_ratio", "stratified_risk_ratio",
    "bounded_adverse_impact_ratio", "stage_ratio", "adjusted_stage_ratio", "cumulative_ratio",
    "adjusted_cumulative_ratio", "bounded_cumulative_ratio", "elderly_completion_ratio", "elderly_62_completion_ratio",
    "adjusted_elderly_completion_ratio", "fallback_success_ratio", "thin_file_approval_ratio",
)  # fmt: skip
_MOST_ROWS, _MOST_GROUPS, _MOST_COLUMNS, _MOST_SUBGROUPS = 60, 4, 8, 15
_NOTED_COLUMNS = 4  # that leave room for the number of people in each field of a map


def pictures_of(say: Words, members: Sequence[Judged], everything: Sequence[Judged]) -> tuple[Picture, ...]:
    """The pictures of a block; ``everything`` is what other questions measured of the same groups."""
    return (
        *waterfalls(say, members), *_by_feature(say, members), *_stages(say, members), *_methods(say, members),
        *_losses(say, members), *doses(say, members),
        *_groups(say, members), *_ways(say, members, everything), *_subgroups(say, members, everything),
        *_maps(say, members), *_curves(say, members), *finished_by(say, members), *along_points(say, members),

    )  # fmt: skip


def _groups(say: Words, members: Sequence[Judged]) -> Iterator[Picture]:
    """Each measure that compares several groups with one reference."""
    by_measure: dict[str, list[Judged]] = {}
    for judged in members:
        m = judged.measurement
        if m.measure in (*BY_PART, *TOLD_BY_STAGE, LOSS, *BY_FEATURE, *BY_FLIP):
            continue  # shown by stage, method, feature or flip
        if m.reference is not None and m.group is not None and CROSS not in (m.attribute or "") and not is_dose(m):
            by_measure.setdefault(m.measure, []).append(judged)
    for measure, own in by_measure.items():
        if sum(judged.measurement.estimate is not None for judged in own) > 1:
            if len({judged.measurement.group for judged in own}) == 1:
                yield _dots(say, say("chart.ways", who=whom(say, own[0].measurement)), own, _part_of)
                continue
            title = say("chart.groups", measure=say.named("measure", measure))
            yield _most_harmful(say, title, own, _MOST_ROWS)


def _stages(say: Words, members: Sequence[Judged]) -> Iterator[Picture]:
    """What is left of each group after every stage, and beside it the ratios by stage and in all."""
    for own in ways_of(members):
        yield from funnel_of(say, own, members)
        rows = stage_rows(own)
        title = say("chart.stages", who=whom(say, rows[0].measurement))
        in_full, note = _dots(say, title, rows, stage_name).description, ""
        if at_once(own):
            in_full, note = f"{in_full} {say('chart.stages_note_desc')}", say("chart.stages_note")
        yield replace(_dots(say, title, rows, partial(stage_name, brief=True)), description=in_full, note=note)


def _methods(say: Words, members: Sequence[Judged]) -> Iterator[Picture]:
    """Failures of the identity check by method."""
    for own in method_rows(members)[:_MOST_GROUPS]:
        m = own[0].measurement
        title = say("chart.methods", measure=say.named("measure", m.measure), who=whom(say, m))
        yield _dots(say, title, own, stage_name)


def _by_feature(say: Words, members: Sequence[Judged]) -> Iterator[Picture]:
    """What rides on each feature, how well each tells the group, and what changes with each flip."""
    for own in by_feature(members)[:_MOST_GROUPS]:
        m = own[0].measurement
        yield _dots(
            say, say("chart.by_feature", measure=say.named("measure", m.measure), who=whom(say, m)), own, _feature
        )
    for own in by_flip(members):
        m = own[0].measurement
        yield _dots(say, say("chart.by_flip", measure=say.named("measure", m.measure)), own, _flip)


def _feature(say: Words, m: Measurement) -> str:
    return segment_in(say, m)


def _flip(say: Words, m: Measurement) -> str:
    named = segment_in(say, m)
    return say("labelled", label=named, value=group_in(say, m)) if m.group else named


def _losses(say: Words, members: Sequence[Judged]) -> Iterator[Picture]:
    """Shares lost at a stage by device, network, help and hour, those of the reference beside them."""
    for own in loss_rows(members):
        m = own[0].measurement
        stage = (loss_of(m) or ("",))[0]
        one = _dots(say, say("chart.losses", stage=stage, who=whom(say, m)), own, loss_name)
        rows = tuple(
            replace(row, text=loss_text(say, judged.measurement, short(row.estimate or 0.0, "percent")))
            for row, judged in zip(one.rows, own, strict=True)
        )
        yield replace(one, rows=rows)


def _most_harmful(say: Words, title: str, own: Sequence[Judged], most: int) -> DotsPicture:
    """The first of them by harm, and in the title of how many."""
    shown = sorted(own, key=_by_harm)[:most]
    if len(shown) < len(own):
        title = say("chart.first_of", title=title, shown=len(shown), total=len(own))
    return _dots(say, title, shown, _group_of)


def _by_harm(judged: Judged) -> tuple[bool, float, str]:
    """Those with a figure first, the most harmful at the top."""
    m = judged.measurement
    value = m.estimate or 0.0
    return m.estimate is None, value if m.measure in _LOW_IS_HARM else -value, m.group or ""


def _group_of(say: Words, m: Measurement) -> str:
    return group_in(say, m)


def _part_of(say: Words, m: Measurement) -> str:
    """One figure in all rows and in parts: which it is."""
    return say("way.all_rows") if m.segment == "all" else segment_in(say, m)


def _way_of(say: Words, m: Measurement) -> str:
    return say.named("way", m.measure)


def _ways(say: Words, members: Sequence[Judged], everything: Sequence[Judged]) -> Iterator[Picture]:
    """One gap of a group in several ways, where its block holds the first of them."""
    for ways in _WAYS:
        first = [judged for judged in members if judged.measurement.measure == ways[0]]
        for judged in first[:_MOST_GROUPS]:
            rows = _alike(judged.measurement, ways, everything)
            if sum(row.measurement.estimate is not None for row in rows) > 1:
                yield _dots(say, say("chart.ways", who=who(say, judged.measurement)), rows, _way_of)


def _alike(m: Measurement, ways: Sequence[str], everything: Sequence[Judged]) -> list[Judged]:
    same = [
        judged for judged in everything
        if _whom(judged.measurement) == _whom(m) and judged.measurement.measure in ways
    ]  # fmt: skip
    return sorted(same, key=lambda judged: ways.index(judged.measurement.measure))


def _whom(m: Measurement) -> tuple[str | None, ...]:
    return m.attribute, m.group, m.reference, m.segment


def _dots(say: Words, title: str, own: Sequence[Judged], named: Callable[[Words, Measurement], str]) -> DotsPicture:
    m = own[0].measurement
    unit = unit_of(m.measure)
    lines = {(f.rule.limit, f.rule.comparison): limit_line(say, f.rule) for one in own for f in one.findings}
    limits = tuple(line.value for line in lines.values())
    rows = tuple(_dot_row(say, judged, named(say, judged.measurement), limits) for judged in own)
    told = [_told(say, row, judged) for row, judged in zip(rows, own, strict=True)]
    held = dict.fromkeys(limit_text(say, f.rule, f.measurement.unit) for judged in own for f in judged.findings)
    told += [say("chart.limit_desc", limit=limit) for limit in held]
    told += [] if m.equality is None else [say("chart.equality_desc", equality=exact(say, m.equality, unit, m.unit))]
    return DotsPicture(
        title=title, description=" ".join(told), unit=unit, axis=axis_of(say, m), rows=rows,
        limits=tuple(lines.values()), equality=m.equality,
        equality_label="" if m.equality is None else equality_label(say, m.equality, unit),
    )  # fmt: skip


def _dot_row(say: Words, judged: Judged, label: str, limits: Sequence[float]) -> DotRow:
    m = judged.measurement
    own = tuple(dict.fromkeys(limit_line(say, finding.rule) for finding in judged.findings))
    if m.estimate is None:
        return DotRow(label, say("no_figure"), None, None, None, judged.verdict or "", own)
    value = short(m.estimate, unit_of(m.measure), limits)
    text = say("chart.with_verdict", figure=value, verdict=say(f"verdict.{judged.verdict or 'none'}"))
    return DotRow(label, text, m.estimate, m.low, m.high, judged.verdict or "", own)


def _told(say: Words, row: DotRow, judged: Judged) -> str:
    if row.estimate is None:
        return say("labelled", label=row.label, value=row.text) + say("full_stop")
    return say("chart.rate_desc", group=row.label, rate=row.text, interval=span(say, judged.measurement))


def _subgroups(say: Words, members: Sequence[Judged], everything: Sequence[Judged]) -> Iterator[Picture]:
    """The crossings told of, the most harmful first, where the largest of all gaps stands."""
    largest = [judged for judged in members if judged.measurement.measure == "largest_subgroup_gap"]
    own = [j for j in everything if j.measurement.measure == "subgroup_gap" and j.measurement.estimate is not None]
    own = [j for j in own if largest and j.measurement.segment == largest[0].measurement.segment]
    if len(own) > 1:
        yield _most_harmful(say, say("chart.subgroups"), own, _MOST_SUBGROUPS)


def _maps(say: Words, members: Sequence[Judged]) -> Iterator[Picture]:
    """Crossings of two attributes, where a few labels of each give a table that can be read."""
    crossed = [j for j in members if j.measurement.measure == "subgroup_gap" and _pair(j.measurement) is not None]
    cells = {_pair(j.measurement): j for j in crossed if j.measurement.estimate is not None}
    sides = [tuple(sorted({pair[i] for pair in cells if pair})) for i in (0, 1)]
    # the attribute with fewer labels goes across, where the other one would leave no room for notes
    down, across = (1, 0) if len(sides[1]) > max(len(sides[0]), _NOTED_COLUMNS) else (0, 1)
    rows, columns = sides[down], sides[across]
    if len(columns) < 2 or len(columns) > _MOST_COLUMNS or len(rows) > _MOST_ROWS:
        return
    names = (crossed[0].measurement.attribute or "").split(CROSS)
    title = say("chart.map", rows=names[down], columns=names[across])
    table = tuple(
        tuple(_cell(say, cells.get((row, column) if down == 0 else (column, row))) for column in columns)
        for row in rows
    )  # fmt: skip
    told = " ".join(_map_told(say, judged) for judged in cells.values())
    yield MapPicture(title, told, rows, columns, table)


def _map_told(say: Words, judged: Judged) -> str:
    """What a field shows, in words."""
    m = judged.measurement
    return say(
        "chart.map_desc", group=m.group, figure=_points(say, judged), interval=span(say, m, judged.limits),
        size=say("chart.people", count=m.counts.get("group_decided", m.n)),
        verdict=say(f"verdict.{judged.verdict or 'none'}"),
    )  # fmt: skip


def _pair(m: Measurement) -> tuple[str, str] | None:
    labels, attributes = (m.group or "").split(CROSS), (m.attribute or "").split(CROSS)
    return (labels[0], labels[1]) if len(labels) == len(attributes) == 2 else None


def _points(say: Words, judged: Judged) -> str:
    m = judged.measurement
    return "" if m.estimate is None else figure_of(say, m, m.estimate, judged.limits)


def _cell(say: Words, judged: Judged | None) -> MapCell | None:
    if judged is None or judged.measurement.estimate is None:
        return None
    m, gap = judged.measurement, judged.measurement.estimate
    value = number(gap, unit_of(m.measure), judged.limits)
    people = say("chart.people", count=m.counts.get("group_decided", m.n))
    beyond = judged.verdict in ("breach", "concern")
    return MapCell(value, people, min(max(gap, 0.0) / 0.25, 1.0), beyond, judged.verdict or "")


def _curves(say: Words, members: Sequence[Judged]) -> Iterator[Picture]:
    for judged in members:
        m = judged.measurement
        if m.measure in (TIME, *BY_FEATURE):
            continue  # along time or a feature, not a score
        series = [
            CurveSeries(name, tuple(CurvePoint(p.x, p.rate, p.low, p.high) for p in m.points if p.group == name))
            for name in (m.group, m.reference) if name is not None
        ]  # fmt: skip
        if len([one for one in series if len(one.points) > 1]) == 2:
            told = " ".join(_point_told(say, point) for point in m.points)
            ends = _foretold(judged, members)
            named = say("chart.as_scored") if ends else ""
            yield CurvePicture(
                say("chart.curve", who=who(say, m)), told, say("chart.score"), say("chart.outcome"), tuple(series),
                ends, named,
            )  # fmt: skip


def _foretold(judged: Judged, members: Sequence[Judged]) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Ends of the line that a score gives which is the chance of an outcome; None where it is not said to be one."""
    if all(other.measurement.measure != "calibration_in_the_large" for other in members):
        return None  # the question found that the score is no chance
    asked = [one for own in (judged.content.get("audits") or {}).values() for one in own]
    said = {
        (one.get("parameters") or {}).get("score_is", "none") for one in asked
        if one.get("name") == judged.measurement.question
    }  # fmt: skip
    xs = [point.x for point in judged.measurement.points]
    if said == {"favourable"}:
        return (min(xs), min(xs)), (max(xs), max(xs))
    return ((min(xs), 1 - min(xs)), (max(xs), 1 - max(xs))) if said == {"unfavourable"} else None


def _point_told(say: Words, point: Point) -> str:
    rate, low, high = (figure(say, value, "percent") for value in (point.rate, point.low, point.high))
    return say("chart.curve_desc", group=point.group, place=f"{point.x:.4g}", rate=rate, low=low, high=high)
