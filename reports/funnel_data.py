"""Ways of several stages as pictures: what is left after each, ratios by stage, losses by device or hour. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from audits.policies.labels import stage_of
from audits.record import Measurement
from reports.comparisons import Judged, Key, key_of
from reports.figure_facts import PARTS
from reports.figures import count, figure_of, short, span
from reports.named import group_in, loss_in, reference_in, segment_in
from reports.pictures import FunnelPicture, FunnelStage, MapCell, MapPicture
from reports.words import Words

STAGE, ADJUSTED_STAGE, LOSS = "stage_ratio", "adjusted_stage_ratio", "stage_loss_share"
TOTALS = ("cumulative_ratio", "adjusted_cumulative_ratio", "bounded_cumulative_ratio")
TOLD_BY_STAGE = TOTALS[1:]  # which stand with the stages of their group alone
FAILURE = "verification_failure_ratio"
BY_PART = (STAGE, ADJUSTED_STAGE, FAILURE)  # measures with a figure for each stage or method
_MOST_GROUPS, _MOST_COLUMNS, _MOST_ROWS, _FEWEST = 4, 8, 12, 2
Flow = tuple[int, int]


def is_of_parts(m: Measurement) -> bool:
    """Whether the figure is one of many, by stage, method or device, that a picture shows together."""
    return m.measure in (*BY_PART, LOSS)


def pictured(members: Sequence[Judged]) -> set[Key]:
    """Figures that the pictures of this file show and that no rule judges."""
    own = [judged for ways in _by_group(members) for judged in ways if is_of_parts(judged.measurement)]
    own += [judged for judged in members if judged.measurement.measure == LOSS]
    known = [judged for judged in own if judged.measurement.estimate is not None and not judged.findings]
    return {key_of(judged.measurement) for judged in known}


def ways_of(members: Sequence[Judged]) -> list[list[Judged]]:
    """The figures by stage and of the whole way of each group, those with the lowest ratio of all first."""
    found = [own for own in _by_group(members) if any(judged.measurement.measure == STAGE for judged in own)]
    return sorted(found, key=_lowest)[:_MOST_GROUPS]


def _by_group(members: Sequence[Judged]) -> list[list[Judged]]:
    """Figures of parts and wholes that compare one group with one reference, where there are several parts."""
    by_whom: dict[tuple[str | None, str | None], list[Judged]] = {}
    for judged in members:
        m = judged.measurement
        if m.measure in (*BY_PART, *TOTALS) and m.group is not None and m.reference is not None:
            by_whom.setdefault((m.group, m.reference), []).append(judged)
    return [own for own in by_whom.values() if _parts(own) >= _FEWEST]


def _parts(own: Iterable[Judged]) -> int:
    return len({one.measurement.segment for one in own if one.measurement.measure in BY_PART})


def _lowest(own: Iterable[Judged]) -> float:
    totals = [one.measurement.estimate for one in own if one.measurement.measure == TOTALS[0]]
    return min((value for value in totals if value is not None), default=1.0)


def flow(m: Measurement, side: str) -> Flow | None:
    """How many did what is asked, of how many; None where the record does not tell, or of nobody."""
    for part, whole in PARTS:
        did, asked = m.counts.get(f"{side}_{part}"), m.counts.get(f"{side}_{whole}")
        if did is not None and asked:
            return did, asked
    return None


def stages_of(own: Iterable[Judged], measure: str = STAGE) -> list[Judged]:
    """The stages in the order in which they are passed: the fewer came to one, the later it is."""
    return sorted((one for one in own if one.measurement.measure == measure), key=_place)


def _place(judged: Judged) -> tuple[int, int, str]:
    m = judged.measurement
    flows = [flow(m, side) or (0, 0) for side in ("group", "reference")]
    return -sum(came for _, came in flows), -sum(passed for passed, _ in flows), m.segment


def costliest(own: Iterable[Judged]) -> str:
    """The stage with the lowest ratio, which takes most from the ratio of all; empty where none lies below 1."""
    told = [(one.measurement.estimate, one.measurement.segment) for one in own if one.measurement.measure == STAGE]
    lowest = min(((ratio, name) for ratio, name in told if ratio is not None), default=(1.0, ""))
    return lowest[1] if lowest[0] < 1 else ""


def funnel_of(say: Words, own: Sequence[Judged]) -> Iterator[FunnelPicture]:
    """What is left of a group and of its reference, where the record has the numbers of every stage."""
    stages, worst = stages_of(own), costliest(own)
    m = stages[0].measurement
    flows = [flow(one.measurement, side) for one in stages for side in ("group", "reference")]
    if not all(flows):
        return
    entered = {side: (flow(m, side) or (0, 1))[1] for side in ("group", "reference")}
    rows = tuple(_stage(say, one, entered, one.measurement.segment == worst) for one in stages)
    names = {"group": group_in(say, m), "reference": reference_in(say, m)}
    keys = {side: say("chart.funnel_key", name=names[side], size=count(entered[side])) for side in names}
    told = [say("chart.funnel_first", group=keys["group"], reference=keys["reference"])]
    for row in rows:
        told.append(say(
            "chart.funnel_desc", stage=row.name, group=row.group_text, name=names["group"],
            reference=row.reference_text, other=names["reference"], ratio=row.ratio or say("no_figure"),
        ))  # fmt: skip
    told += [say("chart.funnel_costliest_desc", stage=worst)] if worst else []
    yield FunnelPicture(
        title=say("chart.funnel", who=whom(say, m)), description=" ".join(told), group=keys["group"],
        reference=keys["reference"], counted=say("chart.funnel_counted"), ratios=say("chart.funnel_ratios"),
        stages=rows,
    )  # fmt: skip


def whom(say: Words, m: Measurement) -> str:
    """Who is compared with whom, whatever the stage."""
    return say("versus", group=group_in(say, m), reference=reference_in(say, m))


def _stage(say: Words, judged: Judged, entered: dict[str, int], is_worst: bool) -> FunnelStage:
    m = judged.measurement
    group, reference = ((flow(m, side) or (0, 1))[0] / entered[side] for side in ("group", "reference"))
    return FunnelStage(
        m.segment, group, reference, short(group, "percent"), short(reference, "percent"),
        _ratio(say, judged), judged.verdict or "", say("chart.funnel_costliest") if is_worst else "",
    )  # fmt: skip


def _ratio(say: Words, judged: Judged) -> str:
    """The ratio of a stage with its interval."""
    m = judged.measurement
    if m.estimate is None:
        return ""
    ratio = short(m.estimate, "ratio", judged.limits)
    if m.low is None or m.high is None:
        return ratio
    low, high = (short(bound, "ratio", judged.limits) for bound in (m.low, m.high))
    return say("chart.funnel_ratio", ratio=ratio, low=low, high=high)


def stage_name(say: Words, m: Measurement, brief: bool = False) -> str:
    """What a row of ratios is called: the stage, or the way in which the whole is measured.

    ``brief`` leaves out what the row above it says.
    """
    stage = stage_of(m)
    if not stage:
        short_name = f"way.{m.measure}.brief"
        return say("chart.method_any") if m.measure == FAILURE else say(short_name if brief else f"way.{m.measure}")
    if m.measure != ADJUSTED_STAGE:
        return stage
    return say("way.adjusted_cumulative_ratio.brief") if brief else say("chart.stage_adjusted", stage=stage)


def stage_rows(own: Sequence[Judged]) -> list[Judged]:
    """Each stage as it stands and within strata, then the whole way, as it stands and otherwise."""
    adjusted = {one.measurement.segment: one for one in own if one.measurement.measure == ADJUSTED_STAGE}
    rows: list[Judged] = []
    for one in stages_of(own):
        rows += [one, *([adjusted[one.measurement.segment]] if one.measurement.segment in adjusted else [])]
    return rows + [one for total in TOTALS for one in own if one.measurement.measure == total and _whole(one)]


def _whole(judged: Judged) -> bool:
    return not stage_of(judged.measurement)


def method_rows(members: Sequence[Judged]) -> list[list[Judged]]:
    """Failures of the identity check by method, a list for each group: any method first, then the most frequent."""
    found = [[one for one in own if one.measurement.measure == FAILURE] for own in _by_group(members)]
    return [
        sorted(own, key=lambda one: (bool(stage_of(one.measurement)), -_failed(one.measurement)))
        for own in found if len(own) >= _FEWEST
    ]  # fmt: skip


def _failed(m: Measurement) -> int:
    return sum((flow(m, side) or (0, 0))[0] for side in ("group", "reference"))


def losses(say: Words, members: Sequence[Judged]) -> Iterator[MapPicture]:
    """Shares lost at each stage by what the contract tells of a person's device, network, help or hour."""
    tables: dict[tuple[str, str], dict[tuple[str, str], Judged]] = {}
    for one in members:
        m = one.measurement
        loss = loss_in(say, m) if m.estimate is not None else None
        if loss is not None:
            stage, dimension, value = loss
            tables.setdefault((group_in(say, m), dimension), {})[stage, value] = one
    for group, dimension in sorted(tables):
        yield _loss_map(say, tables[group, dimension], group, dimension)


def _loss_map(say: Words, cells: Mapping[tuple[str, str], Judged], group: str, dimension: str) -> MapPicture:
    """The largest parts down, the stages in order across."""
    stages, values = (_by_size(cells, side) for side in (0, 1))
    most = max((one.measurement.estimate or 0.0 for one in cells.values()), default=0.0) or 1.0
    title = say("chart.losses_of" if group else "chart.losses", dimension=dimension, who=group)
    table = tuple(
        tuple(_cell(say, cells.get((stage, value)), most) for stage in stages[:_MOST_COLUMNS])
        for value in values[:_MOST_ROWS]
    )  # fmt: skip
    described = " ".join(_told(say, one) for one in cells.values())
    return MapPicture(title, described, values[:_MOST_ROWS], stages[:_MOST_COLUMNS], table)


def _by_size(cells: Mapping[tuple[str, str], Judged], side: int) -> tuple[str, ...]:
    """Names of a side of the table, that with the most persons first: the fewer come to a stage, the later it is."""
    sizes: dict[str, int] = {}
    for names, one in cells.items():
        sizes[names[side]] = sizes.get(names[side], 0) + one.measurement.n
    return tuple(sorted(sizes, key=lambda name: -sizes[name]))


def _cell(say: Words, judged: Judged | None, most: float) -> MapCell | None:
    if judged is None or judged.measurement.estimate is None:
        return None
    m, lost = judged.measurement, judged.measurement.estimate
    return MapCell(
        short(lost, "percent", judged.limits), say("chart.persons", count=m.n), max(lost, 0.0) / most,
        judged.verdict in ("breach", "concern"), judged.verdict or "",
    )  # fmt: skip


def _told(say: Words, judged: Judged) -> str:
    m = judged.measurement
    return say(
        "chart.loss_desc", part=segment_in(say, m), figure=figure_of(say, m, m.estimate or 0.0, judged.limits),
        interval=span(say, m), size=count(m.n),
    )  # fmt: skip
