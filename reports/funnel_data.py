"""Ways of several stages as pictures: what is left after each, ratios by stage, losses by device or hour. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from audits.policies.labels import loss_of, stage_of
from audits.record import Measurement
from reports.comparisons import Judged, Key, key_of
from reports.figure_facts import PARTS
from reports.figures import count, short
from reports.named import group_in, loss_in, reference_in
from reports.pictures import FunnelPicture, FunnelStage
from reports.words import Words

STAGE, ADJUSTED_STAGE = "stage_ratio", "adjusted_stage_ratio"
LOSS, REACH = "stage_loss_share", "population_reach_share"
TOTALS = ("cumulative_ratio", "adjusted_cumulative_ratio", "bounded_cumulative_ratio")
TOLD_BY_STAGE = TOTALS[1:]  # which stand with the stages of their group alone
FAILURE = "verification_failure_ratio"
BY_PART = (STAGE, ADJUSTED_STAGE, FAILURE)  # measures with a figure for each stage or method
_MOST_GROUPS, _MOST_ROWS, _FEWEST = 4, 24, 2
Flow = tuple[int, int]


def pictured(members: Sequence[Judged]) -> set[Key]:
    """Figures of a stage or part that the pictures of this file show with their verdict, and that break no rule."""
    own = [judged for ways in _by_group(members) for judged in ways if judged.measurement.measure in BY_PART]
    own += [judged for judged in members if judged.measurement.measure == LOSS]
    return {key_of(judged.measurement) for judged in own if _is_calm(judged)}


def _is_calm(judged: Judged) -> bool:
    """Whether there is a figure, and nothing that a reader must see at once."""
    return judged.measurement.estimate is not None and judged.verdict in (None, "clear", "inconclusive")


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
    """The stage that takes most from the ratio of the whole way, where the question names one; else empty.

    It names one where the interval of the whole way excludes 1, and where that lies above 1 it is no loss.
    """
    figures = [one.measurement for one in own]
    named = (m.details.get("costliest_ratio") for m in figures if m.measure == TOTALS[0] and m.segment == "all")
    asked = next((ratio for ratio in named if ratio is not None), 1.0)
    told = [(m.estimate, m.segment) for m in figures if m.measure == STAGE and m.estimate is not None]
    return min(told, key=lambda one: abs((one[0] or 0.0) - asked))[1] if told and asked < 1 else ""


def at_once(own: Iterable[Judged]) -> bool:
    """Whether bounds of stages hold all stages of the way together."""
    return any(one.measurement.corrected for one in own if one.measurement.measure in (STAGE, ADJUSTED_STAGE))


def funnel_of(say: Words, own: Sequence[Judged], members: Sequence[Judged]) -> Iterator[FunnelPicture]:
    """What is left of a group and of its reference, where the record has the numbers of every stage.

    Where the block ``members`` holds shares of people reached, the way begins with the people.
    """
    stages, worst = stages_of(own), costliest(own)
    m = stages[0].measurement
    flows = [flow(one.measurement, side) for one in stages for side in ("group", "reference")]
    if not all(flows):
        return
    entered = {side: (flow(m, side) or (0, 1))[1] for side in ("group", "reference")}
    rows = tuple(_stage(say, one, entered, one.measurement.segment == worst) for one in stages)
    names = {"group": group_in(say, m), "reference": reference_in(say, m)}
    people = "_people" if any(one.measurement.measure == REACH for one in members) else ""
    keys = {side: say(f"chart.funnel_key{people}", name=names[side], size=count(entered[side])) for side in names}
    told = [say("chart.funnel_first", group=keys["group"], reference=keys["reference"])]
    for row in rows:
        told.append(say(
            "chart.funnel_desc", stage=row.name, group=row.group_text, name=names["group"],
            reference=row.reference_text, other=names["reference"], ratio=row.ratio or say("no_figure"),
        ))  # fmt: skip
    told += [say("chart.funnel_costliest_desc", stage=worst)] if worst else []
    told += [say("chart.stages_note_desc")] if at_once(own) else []
    yield FunnelPicture(
        title=say("chart.funnel", who=whom(say, m)), description=" ".join(told), group=keys["group"],
        reference=keys["reference"], counted=say(f"chart.funnel_counted{people}"), ratios=say("chart.funnel_ratios"),
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


def loss_rows(members: Sequence[Judged]) -> list[list[Judged]]:
    """Losses by device, network, help and hour: a list for each group and stage, where most are lost beyond the
    reference at the top of its kind."""
    found: dict[tuple[str, ...], list[Judged]] = {}
    for one in members:
        m, loss = one.measurement, loss_of(one.measurement)
        if loss is not None and m.estimate is not None:
            found.setdefault((m.group or "", loss[0]), []).append(one)
    return [sorted(own, key=_by_excess)[:_MOST_ROWS] for _, own in sorted(found.items())]


def _by_excess(judged: Judged) -> tuple[str, float, str]:
    m = judged.measurement
    loss = loss_of(m) or ("", "", "")
    return loss[1], -m.details.get("excess_persons", m.estimate or 0.0), loss[2]


def loss_name(say: Words, m: Measurement) -> str:
    """The device, network, help or hour of a row."""
    _, dimension, value = loss_in(say, m) or ("", "", "")
    return say("labelled", label=dimension, value=value)


def loss_text(say: Words, m: Measurement, text: str) -> str:
    """The share lost, with that of the reference beside it."""
    beside = m.details.get("reference_share")
    if beside is None:
        return text
    return say("chart.loss_beside", figure=text, reference=reference_in(say, m), other=short(beside, "percent"))
