"""Today's model beside the chosen one in pictures: ratios of approval rates, and what they gain."""

from __future__ import annotations

from collections.abc import Iterator

from audits.remedies.records import Certified, RemedyRecord
from reports.pictures import DotRow, DotsPicture
from reports.remedies_figures import GAIN, RATIO, bounds, difference, ratio
from reports.words import Words

_GROUPS = 6  # groups of a picture; the table beside it holds all


def pictures(say: Words, record: RemedyRecord) -> tuple[DotsPicture, ...]:
    """The two pictures; none where nothing was certified."""
    ratios = _of(record, RATIO)
    gains = _of(record, GAIN)
    made = []
    if ratios:
        rows = tuple(row for one in ratios[:_GROUPS] for row in _both(say, record, one))
        made.append(_picture(say, "ratios", rows, 1.0, len(ratios)))
    if gains:
        rows = tuple(_gain(say, record, one) for one in gains[:_GROUPS])
        made.append(_picture(say, "gains", rows, 0.0, len(gains)))
    return tuple(made)


def _of(record: RemedyRecord, measure: str) -> list[Certified]:
    """Figures that there are, those of the remedied attribute first."""
    found = [one for one in record.certified if one.measure == measure and one.estimate is not None]
    return sorted(found, key=lambda one: one.attribute != record.attribute)


def _picture(say: Words, name: str, rows: tuple[DotRow, ...], equality: float, groups: int) -> DotsPicture:
    told = say("join.sentences").join(say("labelled", label=row.label, value=row.text) for row in rows)
    note = say("remedy.more_groups", count=groups - _GROUPS) if groups > _GROUPS else ""
    return DotsPicture(
        title=say(f"remedy.picture.{name}"), description=told, unit="ratio", axis=say("axis.ratio"), rows=rows,
        limits=(), equality=equality, equality_label=say(f"remedy.equality.{name}"), note=note,
    )  # fmt: skip


def _both(say: Words, record: RemedyRecord, one: Certified) -> Iterator[DotRow]:
    """A group under today's model, which has no bounds here, and under the chosen one."""
    if one.today is not None:
        yield DotRow(say("remedy.under_today", group=one.group), ratio(one.today), one.today, one.today, one.today)
    told = say("measure_of", measure=ratio(one.estimate or 0.0), who=bounds(say, one, record.floor.performance))
    yield DotRow(say("remedy.under_chosen", group=one.group), told, one.estimate, one.low, one.high)


def _gain(say: Words, record: RemedyRecord, one: Certified) -> DotRow:
    told = say("measure_of", measure=difference(one.estimate or 0.0), who=bounds(say, one, record.floor.performance))
    return DotRow(one.group or "", told, one.estimate, one.low, one.high)
