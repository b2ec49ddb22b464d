"""Whole numbers among a question's parameters, and between which they lie."""

from __future__ import annotations

from collections.abc import Mapping

from checks.problem import InputError, Problem


def refuse_outside(name: str, values: Mapping[str, object], bounds: Mapping[str, tuple[int, int]]) -> None:
    """Raises ``InputError`` for each parameter of the question ``name`` that is no whole number within its bounds."""
    problems = []
    for key, (least, most) in bounds.items():
        value = values[key]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not least <= value <= most:  # type: ignore[operator]
            problems.append(Problem(
                f"{name}: {key}", f"'{value}'", f"a whole number from {least} to {most}",
                "write such a number, or leave it out",
            ))  # fmt: skip
    if problems:
        raise InputError(problems)
