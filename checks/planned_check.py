"""One check as planned: what is asked of which column, by which line of the program, and in what words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from checks.problem import listed
from checks.sentence import Sentence, said, template

_ROLES = {
    "decision": template("column '{column}' (decision)"),
    "outcome": template("column '{column}' (outcome)"),
    "time": template("column '{column}' (time)"),
}


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """A check before it is run.

    ``expectation`` and ``arguments`` are Great Expectations' own; ``place`` is the dotted place
    in the program; ``column`` the column as the source names it and ``subject`` its name in
    texts; ``on_failure`` is ``stop`` or ``warn``. ``shows`` says what the report tells of the
    data when the check fails: the offending ``values``, the ``labels`` that occur, or ``none``
    where values would name a person. ``wanted`` is a label that should occur.
    """

    expectation: str
    arguments: Mapping[str, object]
    place: str
    column: str | None
    subject: str
    on_failure: str
    expected: str
    remedy: str
    shows: str = "values"
    wanted: str | None = None


def about(column: str, attribute: str | None = None) -> Sentence:
    """How a column is called in a text: ``column 'white' (race)``."""
    if attribute:
        return said("column '{column}' ({role})", column=column, role=attribute)
    return said("column '{column}'", column=column)


def about_role(column: str, role: str) -> Sentence:
    """How the column of a role is called in a text. A role's name is a word; a group's is the program's own."""
    called = _ROLES[role]
    return said(called, column=column)


def some_of(names: Collection[object], most: int = 12) -> str:
    """Names for a text of a check, as ``listed`` writes them; a sentence where they are counted too."""
    if len(names) <= most:
        return listed(names, most)
    shown = ", ".join([str(name) for name in names][:most])
    return said("{names} … and {more} more", names=shown, more=len(names) - most)


def named_columns(arguments: Mapping[str, object]) -> list[str]:
    """The columns that the arguments of an expectation name, in their order."""
    given = [arguments.get(key) for key in ("column", "column_A", "column_B")]
    found = [column for column in given if isinstance(column, str)]
    several = arguments.get("column_list", [])
    return found + [column for column in several if isinstance(column, str)] if isinstance(several, list) else found
