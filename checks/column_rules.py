"""What a rule of the contract asks of one column or one pair of columns, as planned checks.

Types are compared by the engine's names. A day as upper bound includes the whole day, also in
a column with a time of day. A pattern must match the whole value.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from checks.inputs.contract import ColumnRule, PairRule
from checks.inputs.program import AuditProgram
from checks.planned_check import PlannedCheck, about
from checks.problem import InputError, Problem, listed

_INTEGER = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
)  # fmt: skip
_NUMBER = (*_INTEGER, "FLOAT", "DOUBLE", "DECIMAL", "REAL", "DOUBLE PRECISION", "NUMERIC")
_DATE = (
    "DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP WITHOUT TIME ZONE",
)  # fmt: skip
TYPE_NAMES = {
    "integer": _INTEGER,
    "number": _NUMBER,
    "text": ("VARCHAR", "ENUM", "UUID", "TEXT", "CHARACTER VARYING", "CHARACTER"),
    "date": _DATE,
    "boolean": ("BOOLEAN",),
}
_TYPE_WORDS = {
    "integer": "whole numbers", "number": "numbers", "text": "text", "date": "dates", "boolean": "true or false",
}  # fmt: skip
_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
_PAIR = {
    ">": ("expect_column_pair_values_a_to_be_greater_than_b", False, False),
    ">=": ("expect_column_pair_values_a_to_be_greater_than_b", False, True),
    "<": ("expect_column_pair_values_a_to_be_greater_than_b", True, False),
    "<=": ("expect_column_pair_values_a_to_be_greater_than_b", True, True),
    "==": ("expect_column_pair_values_to_be_equal", False, None),
    "!=": ("expect_column_pair_values_to_differ", False, None),
}


def mostly(tolerance: float) -> float:
    """The share that must hold. In decimals: 1 - 0.003 is 0.997 exactly as 997 / 1000 is."""
    return float(1 - Decimal(str(tolerance)))


def percent(share: float) -> str:
    """A share in words: ``0.3 %``."""
    return f"{float(Decimal(str(share)) * 100):.12g} %"


def missing_allowed(tolerance: float) -> str:
    """What a tolerance of missing values says."""
    return f"at most {percent(tolerance)} missing values" if tolerance else "no missing values"


def typed_values(texts: Iterable[str], kind: str, where: str) -> list[object]:
    """Values of the program in the type of the column. Raises ``InputError`` where one cannot be of that type."""
    return [_typed(text, kind, where) for text in texts]


def _typed(text: str, kind: str, where: str) -> object:
    folded = text.strip().casefold()
    try:
        if kind == "number":
            number = Decimal(text.strip())
            return int(number) if number == number.to_integral_value() else float(number)
        if kind == "boolean":
            return {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}[folded]
        return dt.date.fromisoformat(text.strip()) if kind == "date" else text
    except (InvalidOperation, ValueError, OverflowError, KeyError):
        word = {"number": "a number", "boolean": "true or false"}.get(kind, "a day as YYYY-MM-DD")
        raise InputError(Problem(
            where, f"'{text}'", f"{word}, as the column holds them", "write the value that the data use",
        )) from None  # fmt: skip


def planned_rule(
    rule: ColumnRule, program: AuditProgram, kind: str, nulls: bool, hidden: bool, subject: str | None = None
) -> Iterator[PlannedCheck]:
    """The checks of a declared column rule; ``nulls`` says whether its missing values are judged here."""
    subject = subject or about(rule.column)
    place = f"contract.columns.{rule.column}"
    checks: list[tuple[str, str, dict[str, object], str, str]] = []
    if rule.type:
        checks.append((
            "type", "expect_column_values_to_be_in_type_list", {"type_list": list(TYPE_NAMES[rule.type])},
            f"{subject} holds {_TYPE_WORDS[rule.type]}", "convert it in the source, or in a 'query' with CAST",
        ))  # fmt: skip
    if nulls and rule.null_tolerance is not None:
        checks.append((
            "null_tolerance", "expect_column_values_to_not_be_null", {"mostly": mostly(rule.null_tolerance)},
            f"{missing_allowed(rule.null_tolerance)} in {subject}",
            "complete the rows in the source, or raise 'null_tolerance' and state why",
        ))  # fmt: skip
    checks += _bounds(rule, program, kind, subject)
    if rule.values:
        values = typed_values(rule.values, kind, program.where(f"{place}.values"))
        checks.append((
            "values", "expect_column_values_to_be_in_set", {"value_set": values},
            f"{subject} holds only {listed(rule.values, 20)}", "correct the values, or add them under 'values'",
        ))  # fmt: skip
    if rule.unique:
        checks.append((
            "unique", "expect_column_values_to_be_unique", {}, f"{subject} holds each value once",
            "remove the repeated rows in the source",
        ))  # fmt: skip
    if rule.matches is not None:
        checks.append((
            "matches", "expect_column_values_to_match_regex", {"regex": _pattern(rule.matches, program, place)},
            f"{subject} holds values of the form {rule.matches}", "correct the values, or the pattern",
        ))  # fmt: skip
    shows = "none" if hidden else "values"
    for key, name, arguments, expected, remedy in checks:
        yield PlannedCheck(
            name, {"column": rule.column, **arguments}, f"{place}.{key}", rule.column, subject,
            rule.on_failure or "stop", expected, remedy, shows,
        )  # fmt: skip


def _bounds(
    rule: ColumnRule, program: AuditProgram, kind: str, subject: str
) -> Iterator[tuple[str, str, dict[str, object], str, str]]:
    for key, bound in (("min", rule.minimum), ("max", rule.maximum)):
        if bound is None:
            continue
        where = program.where(f"contract.columns.{rule.column}.{key}")
        word = "least" if key == "min" else "most"
        text = bound if isinstance(bound, str) else f"{bound:.12g}"
        yield (
            key, "expect_column_values_to_be_between", _limit(key, bound, kind, where),
            f"values of {subject} are at {word} {text}", f"correct the values, or '{key}' if they are right",
        )  # fmt: skip


def _limit(key: str, bound: float | str, kind: str, where: str) -> dict[str, object]:
    if isinstance(bound, str) != (kind == "date") and kind in ("number", "date"):
        expected = "a day as YYYY-MM-DD" if kind == "date" else "a number"
        raise InputError(Problem(
            where, f"'{bound}'", f"{expected}, as the column holds {_TYPE_WORDS[kind]}", f"write {expected}",
        ))  # fmt: skip
    if not isinstance(bound, str):
        return {f"{key}_value": bound}
    day = dt.date.fromisoformat(bound)
    if key == "min":
        return {"min_value": day}
    return {"max_value": day + dt.timedelta(days=1), "strict_max": True}


def _pattern(text: str, program: AuditProgram, place: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise InputError(Problem(
            program.where(f"{place}.matches"), f"'{text}', which is no pattern: {error}", "a regular expression",
            "correct it; try it on one value",
        )) from None  # fmt: skip
    return f"^(?:{text})$"


def planned_pair(pair: PairRule, place: str, hidden: bool) -> PlannedCheck:
    """The check that a relation between two columns holds in every row where both are known."""
    name, swapped, or_equal = _PAIR[pair.relation]
    left, right = (pair.right, pair.left) if swapped else (pair.left, pair.right)
    arguments: dict[str, object] = {"column_A": left, "column_B": right, "ignore_row_if": "either_value_is_missing"}
    if or_equal is not None:
        arguments["or_equal"] = or_equal
    return PlannedCheck(
        name, arguments, place, pair.left, f"{about(pair.left)} and {about(pair.right)}", pair.on_failure,
        f"'{pair.left}' {pair.relation} '{pair.right}' in every row where both are known",
        "correct the rows in the source, or the relation", "none" if hidden else "values",
    )  # fmt: skip
