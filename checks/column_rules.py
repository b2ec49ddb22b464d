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
from checks.planned_check import PlannedCheck, about, some_of
from checks.problem import InputError, Problem
from checks.sentence import Sentence, said, template

# key of the rule, expectation, its arguments, what is expected, what to do
_Asked = tuple[str, str, dict[str, object], str, str]
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
_HOLDS = {
    "integer": template("{subject} holds whole numbers"), "number": template("{subject} holds numbers"),
    "text": template("{subject} holds text"), "date": template("{subject} holds dates"),
    "boolean": template("{subject} holds true or false"),
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


def missing_allowed(tolerance: float, subject: str) -> Sentence:
    """What a tolerance of missing values of a column says."""
    if not tolerance:
        return said("no missing values in {subject}", subject=subject)
    percent = float(Decimal(str(tolerance)) * 100)
    return said("at most {share:.12g} % missing values in {subject}", share=percent, subject=subject)


def unique_expectation(column: str) -> tuple[str, dict[str, object]]:
    """The expectation that no value is repeated, without its column.

    Great Expectations cannot count repeated values of a column whose name holds a quotation
    mark (it writes the name into a condition and reads it back); there the share of different
    values, which is then 1, says the same without the count.
    """
    if '"' in column:
        return "expect_column_proportion_of_unique_values_to_be_between", {"min_value": 1.0}
    return "expect_column_values_to_be_unique", {}


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
    rule: ColumnRule, program: AuditProgram, kind: str, nulls: bool, hidden: bool
) -> Iterator[PlannedCheck]:
    """The checks of a declared column rule.

    ``kind`` is what the column holds, ``nulls`` says whether its missing values are judged
    here, ``hidden`` that its values name persons. Raises ``InputError`` for a value, bound or
    pattern that cannot fit the column.
    """
    asked = [
        *_shape(rule, nulls), *_bounds(rule, program, kind), *_values(rule, program, kind), *_pattern(rule, program),
    ]  # fmt: skip
    for key, name, arguments, expected, remedy in asked:
        yield PlannedCheck(
            name, {"column": rule.column, **arguments}, f"contract.columns.{rule.column}.{key}", rule.column,
            about(rule.column), rule.on_failure or "stop", expected, remedy, "none" if hidden else "values",
        )  # fmt: skip


def _shape(rule: ColumnRule, nulls: bool) -> Iterator[_Asked]:
    subject = about(rule.column)
    if rule.type:
        holds = _HOLDS[rule.type]
        yield (
            "type", "expect_column_values_to_be_in_type_list", {"type_list": list(TYPE_NAMES[rule.type])},
            said(holds, subject=subject), said("convert it in the source, or in a 'query' with CAST"),
        )  # fmt: skip
    if nulls and rule.null_tolerance is not None:
        yield (
            "null_tolerance", "expect_column_values_to_not_be_null", {"mostly": mostly(rule.null_tolerance)},
            missing_allowed(rule.null_tolerance, subject),
            said("complete the rows in the source, or raise 'null_tolerance' and state why"),
        )  # fmt: skip


def _values(rule: ColumnRule, program: AuditProgram, kind: str) -> Iterator[_Asked]:
    subject = about(rule.column)
    if rule.values:
        values = typed_values(rule.values, kind, program.where(f"contract.columns.{rule.column}.values"))
        yield (
            "values", "expect_column_values_to_be_in_set", {"value_set": values},
            said("{subject} holds only {values}", subject=subject, values=some_of(rule.values, 20)),
            said("correct the values, or add them under 'values'"),
        )  # fmt: skip
    if rule.unique:
        name, arguments = unique_expectation(rule.column)
        once = said("{subject} holds each value once", subject=subject)
        yield "unique", name, arguments, once, said("remove the repeated rows in the source")


def _bounds(rule: ColumnRule, program: AuditProgram, kind: str) -> Iterator[_Asked]:
    for key, bound in (("min", rule.minimum), ("max", rule.maximum)):
        if bound is None:
            continue
        where = program.where(f"contract.columns.{rule.column}.{key}")
        asked = _LEAST if key == "min" else _MOST
        text = bound if isinstance(bound, str) else f"{bound:.12g}"
        yield (
            key, "expect_column_values_to_be_between", _limit(key, bound, kind, where),
            said(asked, subject=about(rule.column), bound=text),
            said("correct the values, or '{key}' if they are right", key=key),
        )  # fmt: skip


_LEAST = template("values of {subject} are at least {bound}")
_MOST = template("values of {subject} are at most {bound}")


def _limit(key: str, bound: float | str, kind: str, where: str) -> dict[str, object]:
    if isinstance(bound, str) != (kind == "date") and kind in ("number", "date"):
        expected = "a day as YYYY-MM-DD" if kind == "date" else "a number"
        raise InputError(Problem(
            where, f"'{bound}'", f"{expected}, as the column holds {_TYPE_WORDS[kind]}", f"write {expected}",
        ))  # fmt: skip
    if not isinstance(bound, str):
        return {f"{key}_value": bound}
    day = dt.date.fromisoformat(bound)
    if key == "min" or day == dt.date.max:  # no day comes after the last
        return {f"{key}_value": day}
    return {"max_value": day + dt.timedelta(days=1), "strict_max": True}


def _pattern(rule: ColumnRule, program: AuditProgram) -> Iterator[_Asked]:
    if rule.matches is None:
        return
    try:
        re.compile(rule.matches)
    except re.error as error:
        raise InputError(Problem(
            program.where(f"contract.columns.{rule.column}.matches"), f"'{rule.matches}', which is no pattern: {error}",
            "a regular expression", "correct it; try it on one value",
        )) from None  # fmt: skip
    yield (
        "matches", "expect_column_values_to_match_regex", {"regex": f"^(?:{rule.matches})$"},
        said("{subject} holds values of the form {pattern}", subject=about(rule.column), pattern=rule.matches),
        said("correct the values, or the pattern"),
    )  # fmt: skip


def planned_pair(pair: PairRule, place: str, hidden: bool) -> PlannedCheck:
    """The check that a relation between two columns holds in every row where both are known."""
    name, swapped, or_equal = _PAIR[pair.relation]
    left, right = (pair.right, pair.left) if swapped else (pair.left, pair.right)
    arguments: dict[str, object] = {"column_A": left, "column_B": right, "ignore_row_if": "either_value_is_missing"}
    if or_equal is not None:
        arguments["or_equal"] = or_equal
    return PlannedCheck(
        name, arguments, place, pair.left,
        f"{about(pair.left)} and {about(pair.right)}", pair.on_failure,
        said("'{left}' {relation} '{right}' in every row where both are known", left=pair.left,
             relation=pair.relation, right=pair.right),
        said("correct the rows in the source, or the relation"), "none" if hidden else "values",
    )  # fmt: skip
