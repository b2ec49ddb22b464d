"""The checks that a program adds by Great Expectations' own names: are they well put?

Question: does every entry under ``checks:`` name an expectation that exists, with arguments it
takes, about columns that the contract names? All problems are told at once, each with its line
and the nearest valid name. Nothing is read from the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checks.great_expectations_setup import prepare_great_expectations
from checks.inputs.program import AuditProgram, ExtraCheck
from checks.planned_check import named_columns
from checks.problem import InputError, Problem, listed, nearest, suggest

_INTERNAL = (
    "id", "meta", "notes", "result_format", "description", "catch_exceptions", "rendered_content", "severity",
    "windows",
    "batch_id", "condition_parser", "row_condition",
)  # fmt: skip
_NOT_IN_SQL = (
    "expect_column_values_to_be_increasing", "expect_column_values_to_be_decreasing",
    "expect_column_values_to_be_json_parseable", "expect_column_values_to_match_json_schema",
    "expect_column_values_to_be_dateutil_parseable",
)  # fmt: skip


def validate_extras(program: AuditProgram) -> None:
    """Raise ``InputError`` when an added check is unknown, or its arguments are unknown, missing or of a wrong kind."""
    if not program.checks:
        return
    prepare_great_expectations()
    problems = [
        problem
        for i, extra in enumerate(program.checks)
        for problem in _problems(extra, program, program.where(f"checks[{i}]"))
    ]
    if problems:
        raise InputError(problems)


def _problems(extra: ExtraCheck, program: AuditProgram, where: str) -> Iterator[Problem]:
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    known = sorted(list_registered_expectation_implementations())
    if extra.expectation not in known:
        yield Problem(
            where, f"unknown check '{extra.expectation}'", "the name of a Great Expectations check, such as "
            "expect_column_values_to_be_between", suggest(extra.expectation, known),
        )  # fmt: skip
        return
    implementation = get_expectation_impl(extra.expectation)
    if extra.expectation in _NOT_IN_SQL or not _asked_in_sql(implementation):
        yield Problem(
            where, f"{extra.expectation}, which cannot be asked in SQL", "a check that works where the data lie",
            "use expect_column_values_to_match_regex, or do the work in 'query' and check its result",
        )  # fmt: skip
    fields: Mapping[str, Any] = {
        name: field for name, field in implementation.__fields__.items() if name not in _INTERNAL
    }
    misnamed = list(_misnamed(extra, fields, where))
    yield from misnamed
    yield from _unknown_columns(extra, program, where)
    if not misnamed:
        yield from _mistyped(extra, implementation, where)


def _asked_in_sql(implementation: Any) -> bool:
    """Whether Great Expectations says that the check runs on Postgres, whose SQL both engines speak.

    It says so of some checks that have no SQL in 1.24.1; those are listed above.
    """
    metadata = implementation.schema().get("properties", {}).get("metadata", {}).get("properties", {})
    sources = metadata.get("supported_data_sources", {}).get("const")
    return sources is None or "PostgreSQL" in sources


def _misnamed(extra: ExtraCheck, fields: Mapping[str, Any], where: str) -> Iterator[Problem]:
    for name in extra.arguments:
        if name not in fields:
            yield Problem(
                where, f"unknown argument '{name}' of {extra.expectation}", f"one of {listed(sorted(fields), 30)}",
                suggest(str(name), list(fields)),
            )  # fmt: skip
    for name, field in fields.items():
        if field.required and name not in extra.arguments:
            close = nearest(name, [str(given) for given in extra.arguments if given not in fields])
            yield Problem(
                where, f"no argument '{name}' for {extra.expectation}", f"the argument '{name}'",
                f"rename '{close}' to '{name}'" if close else f"add '{name}: …'",
            )  # fmt: skip


def _unknown_columns(extra: ExtraCheck, program: AuditProgram, where: str) -> Iterator[Problem]:
    used = program.contract.columns_used()
    for column in named_columns(extra.arguments):
        if column not in used:
            close = nearest(column, used)
            meant = f"did you mean '{close}'? If not, " if close else ""
            yield Problem(
                where, f"column '{column}', which the contract does not name", f"one of {listed(sorted(used), 60)}",
                f"{meant}add '{column}: {{}}' under contract, columns",
            )  # fmt: skip


def _mistyped(extra: ExtraCheck, implementation: Any, where: str) -> Iterator[Problem]:
    try:
        implementation(**extra.arguments)
    except (ValueError, TypeError) as error:
        details = error.errors() if hasattr(error, "errors") else []
        told = "; ".join(f"{_spot(detail)}{detail['msg']}" for detail in details[:3]) or " ".join(str(error).split())
        yield Problem(
            where, f"arguments of {extra.expectation} that do not fit: {told}",
            "arguments of the kind that the check takes",
            "look the check up in the Great Expectations gallery and correct the arguments",
        )  # fmt: skip


def _spot(detail: Mapping[str, Any]) -> str:
    steps = [str(step) for step in detail.get("loc", ()) if step != "__root__"]
    return f"{'.'.join(steps)}: " if steps else ""
