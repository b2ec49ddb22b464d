"""What a table of the people who could be reached does not tell, by group."""

from __future__ import annotations

from collections.abc import Iterator

from audits.comparisons.funnel_stages import REACH
from audits.comparisons.funnel_ways import Ways
from audits.record import NotAnswered
from checks.problem import nearest
from checks.sentence import said, template

_UNREACHED = template("reach unknown: nothing tells how many people of each {attribute} could have been reached")
_TABLE = said("name under 'population' a table with attribute, group and people, for instance of a census")
_LACKS = template("reach unknown: the table of people does not have the group '{label}' of {attribute}")
_LINE = said("add a line for it to the table, with the people of it who could be reached")
_MISNAMED = template("the table of people names the group '{label}' of {attribute}, which the data do not have")
_NEAR = template(
    "did you mean '{near}'? name the groups of the table as the data do; list a group that there is, and that no row "
    "has, under 'values' or 'labels' of {attribute}"
)
_NAME = template(
    "name the groups of the table as the data do; list a group that there is, and that no row has, under 'values' or "
    "'labels' of {attribute}"
)


def unreached_told(question: str, ways: Ways) -> Iterator[NotAnswered]:
    """Labels of the table that nobody has, and groups of whom nobody can tell how many could have been reached."""
    for label in ways.misnamed:
        near = nearest(label, ways.seen)
        needed = said(_NEAR, near=near, attribute=ways.attribute) if near else said(_NAME, attribute=ways.attribute)
        told = said(_MISNAMED, label=label, attribute=ways.attribute)
        yield NotAnswered(f"{question}: population", told, needed)
    if not ways.others:
        return
    if not ways.people:
        yield NotAnswered(f"{question}: {REACH}", said(_UNREACHED, attribute=ways.attribute), _TABLE)
        return
    for label in (*ways.others, ways.reference):
        if label not in ways.people:
            yield NotAnswered(f"{question}: {REACH}", said(_LACKS, label=label, attribute=ways.attribute), _LINE)
