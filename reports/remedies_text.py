"""A search for remedies in a few lines of text for a terminal or a task log."""

from __future__ import annotations

from collections.abc import Iterator

from audits.remedies.records import KINDS, Certified, RemedyRecord
from reports.remedies_figures import (
    RATIO,
    RECORDED,
    TODAYS,
    bounds,
    certified,
    certified_difference,
    performance,
    ratio,
)
from reports.remedies_terms import lost_candidates, usable
from reports.words import ENGLISH


def summary(record: RemedyRecord) -> Iterator[str]:
    """The outcome, what was chosen, what is certified of it, the floor, what was tried, and cautions."""
    title = record.program.title.get("en", record.program.name)
    yield f"{title} · period {record.period} · remedies v{record.version}"
    yield f"  {record.outcome.upper()}  {record.explanation}"
    if record.chosen:
        words = next((one.words for one in record.candidates if one.id == record.chosen), "")
        yield f"  chosen: {record.chosen}, {words}"
    yield from (f"  because: {reason}" for reason in record.reasons)
    yield from (_figure(record, one) for one in record.certified)
    yield _floor(record)
    yield from _rows(record)
    counted = {kind: sum(one.kind == kind for one in usable(record.candidates)) for kind in KINDS if kind != "today"}
    tried = ", ".join(f"{number:,} {kind}" for kind, number in counted.items() if number)
    yield f"  tried: {tried or 'nothing'}"
    lost = len(lost_candidates(record.candidates))
    if lost:
        yield f"  beside these could not be used: {lost:,}; the record says why"
    yield from (f"  caution: {caution}" for caution in record.cautions)


def _rows(record: RemedyRecord) -> Iterator[str]:
    """Rows that were read of those that there are, and why others were not."""
    rows = record.training.rows
    left = {
        "without a decision": "without_decision", "of persons with more rows than may be read": "of_large_persons",
        "beyond the most that are read": "beyond_most", "without a unit": "without_unit",
    }  # fmt: skip
    told = "".join(f", {rows[key]:,} {words}" for words, key in left.items() if rows.get(key))
    if rows:
        yield f"  rows: {rows.get('drawn', 0):,} of {rows.get('total', 0):,}{told}"


def _figure(record: RemedyRecord, one: Certified) -> str:
    kind = record.floor.performance
    whom = f", {one.attribute} {one.group} against {one.reference}" if one.group else ""
    if one.estimate is None:
        return f"  {one.measure}{whom}: none, {one.reason}"
    own = one.measure in (RATIO, RECORDED, TODAYS)
    told = ratio(one.estimate) if own else certified_difference(ENGLISH, one, one.estimate, kind)
    before = ""
    if not own and one.today is not None and one.chosen is not None:
        before = f"{certified(one, one.today, kind)} to {certified(one, one.chosen, kind)}; "
    why = f"; {one.reason}" if one.reason else ""
    return f"  {one.measure}{whom}: {told} ({before}bounds {bounds(ENGLISH, one, kind)}; {one.n:,} rows{why})"


def _floor(record: RemedyRecord) -> str:
    floor = record.floor
    if floor.least is None or floor.best is None:
        below = f"{floor.loss:g} below the best that is found"
        return f"  floor: {floor.performance}, {below}; least gain {floor.least_gain:g}"
    least, best = (performance(value, floor.performance) for value in (floor.least, floor.best))
    return (
        f"  floor: {floor.performance} of at least {least}: the best found, {best}, less {floor.loss:g}; "
        f"least gain {floor.least_gain:g}"
    )
