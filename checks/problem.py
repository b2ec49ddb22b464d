"""How Squaredeal tells a person that an input cannot be used.

A problem names what was found, what was expected, where, and what to do. Every error
that a user can cause is an ``InputError`` made of problems; the command line prints
them and ends with exit code 2, a DAG task fails with the same text.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a person must mend.

    ``where`` is a file with line and place, or a table and column; ``remedy`` is an
    instruction. All four are plain sentences or fragments without line breaks.
    """

    where: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}\n    found:    {self.found}\n    expected: {self.expected}\n    to do:    {self.remedy}"


class InputError(Exception):
    """One or more problems with what the user gave. Never a fault of the program."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnavailableError(InputError):
    """What the work needs does not answer now: a database, a store, a server, a disk. The same call may succeed later.

    A scheduler tries again after it, and after no other ``InputError``.
    """


def nearest(name: str, valid: Collection[str]) -> str | None:
    """The valid name closest to ``name`` (letters, case ignored), or None if nothing is close."""
    by_folded = {candidate.casefold(): candidate for candidate in sorted(valid, reverse=True)}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.55)
    return by_folded[close[0]] if close else None


def suggest(name: str, valid: Collection[str]) -> str:
    """A remedy sentence for an unknown name: the nearest valid one, or where to look."""
    close = nearest(name, valid)
    return f"did you mean '{close}'?" if close else "use one of the names listed as expected"


def listed(names: Collection[object], most: int = 12) -> str:
    """Names for an error text: all when few, else the first ones and a count."""
    texts = [str(name) for name in names]
    if not texts:
        return "nothing"
    rest = f" … and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + rest
