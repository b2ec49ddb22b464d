"""Names that are asked for on the workbench: those that there are, or what there is in their place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from checks.problem import InputError, Problem, listed, suggest

HARMS = ("fair_lending", "loyalty_pricing", "predatory_lending", "digital_divide")


def text(place: str, value: object) -> str:
    """The value, which is a text. Raises ``InputError`` for anything else."""
    if isinstance(value, str):
        return value
    raise InputError(Problem(place, repr(value), "a name, which is a text", f"write it in quotes, as {place}='NAME'"))


def known_name(place: str, value: str | None, known: Iterable[str]) -> str | None:
    """The value, which is among those that there are, or None. Raises ``InputError`` for another."""
    names = sorted(set(known))
    if value is None or text(place, value) in names:
        return value
    expected = f"one of {listed(names, 60)}" if names else "nothing: the run has none"
    raise InputError(Problem(place, f"'{value}'", expected, suggest(value, names)))


def refuse_no_store(store: str) -> None:
    """Raise ``InputError`` for a store in a file that is not there, which opening it would make."""
    file = Path(store.removeprefix("sqlite:///"))
    if store.startswith("sqlite:///") and not file.is_file():
        raise InputError(Problem(
            store, "no such file", "the store that the run was tracked in", "check the address; nothing was made",
        ))  # fmt: skip
