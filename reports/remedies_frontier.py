"""What the picture of all candidates shows: performance across, how alike groups are treated upwards."""

from __future__ import annotations

from audits.remedies.records import Candidate, RemedyRecord
from reports.remedies_figures import AUC, counted_ratio, performance, ratio, reference_label
from reports.remedies_model import FrontierPicture, FrontierPoint
from reports.words import Words

KINDS = ("today", "chosen", "eligible", "other", "by_group")


def frontier(say: Words, record: RemedyRecord) -> FrontierPicture | None:
    """The picture, or None where no candidate has both figures."""
    points = [(one, point) for one in record.candidates if (point := _point(one, record))]
    if not points:
        return None
    floor, kind = record.floor, record.floor.performance
    today = next((point for _, point in points if point.kind == "today"), None)
    needed = None if today is None else today.ratio + floor.least_gain
    present = {point.kind for _, point in points}
    return FrontierPicture(
        title=say("remedy.frontier"),
        description=_description(say, record, [point for _, point in points]),
        across=say(f"remedy.axis.{kind}"),
        upwards=say("remedy.axis.ratio"),
        points=tuple(point for _, point in points),
        names={name: say(f"remedy.point.{name}") for name in KINDS if name in present},
        floor=floor.least,
        floor_label="" if floor.least is None else say("remedy.floor_at", least=performance(floor.least, kind)),
        needed=needed,
        needed_label="" if needed is None else say("remedy.needed_at", least=ratio(needed)),
        beyond=say.raw("remedy.beyond"),
        in_percent=kind != AUC,
    )


def _point(one: Candidate, record: RemedyRecord) -> FrontierPoint | None:
    found = counted_ratio(one, record.attribute, reference_label(record))
    if one.performance is None or found is None:
        return None
    kind = (
        "today" if one.kind == "today" else "chosen" if one.id == record.chosen else
        "by_group" if not one.deployable else "eligible" if one.eligible else "other"
    )  # fmt: skip
    return FrontierPoint(one.performance, found[0], kind)


def _description(say: Words, record: RemedyRecord, points: list[FrontierPoint]) -> str:
    """The picture for those who listen."""
    kind = record.floor.performance
    eligible = sum(one.eligible for one in record.candidates)
    told = [say("remedy.frontier_counts", count=len(points), eligible=eligible)]
    told += [
        say("remedy.frontier_point", name=say(f"remedy.point.{one.kind}"),
            performance=performance(one.performance, kind), ratio=ratio(one.ratio))
        for one in points if one.kind in ("today", "chosen")
    ]  # fmt: skip
    if record.floor.least is not None:
        told.append(say("remedy.frontier_floor", least=performance(record.floor.least, kind)))
    return say("join.sentences").join(told)
