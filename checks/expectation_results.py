"""From the outcome of an expectation to a line of the check report that a person can act on.

Question: did the check hold, how many values broke it, and what stands in the data instead?
Great Expectations' own example lists depend on the order of rows, so examples are asked of the
source itself, distinct and sorted. A check that could not be run has failed; it says why in
one line. Derived columns are called by what they are made of.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from checks.check_report import CheckResult
from checks.foreign_text import without_values
from checks.inputs.contract import DataContract
from checks.inputs.prepared import FAVOURABLE, group_column, kind_of
from checks.inputs.source import RELATION, Source
from checks.personal_kinds import looks_personal
from checks.planned_check import PlannedCheck, about, about_role, named_columns, some_of
from checks.problem import UnavailableError, listed, nearest
from checks.sentence import Sentence, joined, said, template

EXAMPLES = 5
_CORRECT_CHECK = template("correct the check and its arguments, or the type of the column in the source")
_CORRECT_RULE = template("correct the rule, or the type of the column in the source")
_MISSING = template("{unexpected:,} of {rows:,} values missing")
_BROKEN = template("{unexpected:,} of {rows:,} values break this")
_MISSING_SHARE = template("{unexpected:,} of {rows:,} values missing ({share:.3g} %)")
_BROKEN_SHARE = template("{unexpected:,} of {rows:,} values break this ({share:.3g} %)")
_LABELS, _MOST_LABELS = 12, 1000  # shown; searched for the one that was meant
_TAIL = r"\[SQL:|\(Background on|\bTraceback\b|\bLINE \d+:|\bHINT:|You might need to add|\bCandidate functions:"


def check_result(
    check: PlannedCheck, outcome: Any, query: str | None, source: Source, contract: DataContract
) -> CheckResult:
    """One line of the report.

    ``outcome`` is Great Expectations' validation result, or the exception instead of it;
    ``query`` its SQL for the offending rows, where there is one.
    """
    reason = _reason(outcome)
    if reason is not None:
        reason = without_values(reason) if looks_personal(reason) or check.shows == "none" else reason
        told = said("it could not be checked: {reason}", reason=_without_derived_names(reason, contract))
        added = check.place.startswith("checks[")
        return _line(check, False, told, remedy=said(_CORRECT_CHECK) if added else said(_CORRECT_RULE))
    result = dict(outcome.result or {})
    success = bool(outcome.success)
    rows, unexpected = counts(result)
    examples: tuple[str, ...] = ()
    labels = _labels(check, source) if not success and check.shows == "labels" else None
    if not success and check.shows == "values":
        examples = _examples(check, query, source)
    observed = _observed(check, success, result, rows, unexpected, labels, contract)
    remedy = _remedy(check, [] if labels is None else labels[0]) if not success else check.remedy
    return _line(check, success, observed, rows, unexpected, examples, remedy)


def _line(
    check: PlannedCheck, success: bool, observed: str, rows: int | None = None, unexpected: int | None = None,
    examples: tuple[str, ...] = (), remedy: str = "",
) -> CheckResult:  # fmt: skip
    return CheckResult(
        check.expectation, check.column, check.place, success, check.on_failure, check.expected, observed, rows,
        unexpected, examples, remedy,
    )  # fmt: skip


def counts(result: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Values looked at and values that broke the check; None for a check that counts no values.

    A missing value is looked at only by the check of missing values itself, whose result has no
    missing count.
    """
    if result.get("unexpected_count") is None or result.get("element_count") is None:
        return None, None
    return int(result["element_count"]) - int(result.get("missing_count") or 0), int(result["unexpected_count"])


def _reason(outcome: Any) -> str | None:
    """Why the check could not be run, on one line; None when it was."""
    if isinstance(outcome, Exception):
        return one_line(str(outcome) or type(outcome).__name__)
    info = outcome.exception_info or {}
    entries = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, dict)]
    raised = sorted(one_line(str(entry.get("exception_message"))) for entry in entries if entry.get("raised_exception"))
    return raised[0] if raised else None


def one_line(text: str) -> str:
    """The gist of a database or library error: without class names, SQL text and pointers into it."""
    text = re.split(_TAIL, text, maxsplit=1)[0]
    text = re.sub(r"^\s*\(\w+(\.\w+)+\)\s*", "", text)
    return " ".join(text.split())[:300].rstrip(" .") or "no reason given"


def _without_derived_names(text: str, contract: DataContract) -> str:
    """The text, a sentence where a derived column was named: what it is called is said in any language."""
    called: dict[str, Sentence] = {
        group_column(group.name): about(group.column, group.name)
        for group in sorted(contract.groups, key=lambda group: -len(group.name))
    }
    if contract.decision:
        called[FAVOURABLE] = about_role(contract.decision.column, "decision")
    if not called:
        return text
    # text, name, text, name, …, text
    pieces = re.split(rf"[\"'`]?({'|'.join(map(re.escape, called))})[\"'`]?", text)
    if len(pieces) == 1:
        return text
    parts = [called[piece] if i % 2 else piece for i, piece in enumerate(pieces)]
    return joined([part for part in parts if part], "")


def _examples(check: PlannedCheck, query: str | None, source: Source) -> tuple[str, ...]:
    """A few distinct offending values in their order; nothing where the engine cannot list them.

    ``query`` is Great Expectations' own SQL for the offending rows, so examples and counts agree.
    """
    columns = named_columns(check.arguments)
    if not query or not columns:
        return ()
    inner = query.strip().rstrip(";")
    if source.engine == "postgresql":
        inner = f"WITH {RELATION} AS (SELECT * FROM {source.relation}\n) {inner.replace('%%', '%')}"
    order = ", ".join(_sort_key(name, source) for name in columns)
    select = f"SELECT * FROM (SELECT DISTINCT * FROM ({inner}\n) AS offending) AS different"
    try:
        rows = source.rows(f"{select} ORDER BY {order} LIMIT {EXAMPLES}")
    except UnavailableError:
        raise
    except Exception:  # noqa: BLE001 - examples are a courtesy; the counts stand without them
        return ()
    return tuple(_together([written(value) for value in row]) for row in rows if not any(map(looks_personal, row)))


def _together(values: list[str]) -> str:
    """The values of one row, as one example."""
    told = values[0]
    for value in values[1:]:
        told = said("{before} and {next}", before=told, next=value)
    return told


def _sort_key(column: str, source: Source) -> str:
    """Values in their own order; text by code points, whatever the database's collation."""
    quoted = '"' + column.replace('"', '""') + '"'
    if source.engine == "postgresql" and kind_of(source.table[column]) == "text":
        return f'CAST({quoted} AS TEXT) COLLATE "C"'
    return quoted


def _labels(check: PlannedCheck, source: Source) -> tuple[list[str], int]:
    """The different values of the column that a failed check looked at: the first ones in their order, and how many."""
    name = str(check.column if check.arguments["column"] == FAVOURABLE else check.arguments["column"])
    quoted = '"' + name.replace('"', '""') + '"'
    different = f"SELECT DISTINCT {quoted} FROM {source.relation} WHERE {quoted} IS NOT NULL"
    order = _sort_key(name, source)
    rows = source.rows(f"SELECT * FROM ({different}) AS different ORDER BY {order} LIMIT {_MOST_LABELS}")
    number = source.rows(f"SELECT count(*) FROM ({different}) AS different")[0][0]
    return [written(row[0]) for row in rows if not looks_personal(row[0])], int(number)


def _observed(
    check: PlannedCheck, success: bool, result: Mapping[str, Any], rows: int | None, unexpected: int | None,
    labels: tuple[list[str], int] | None, contract: DataContract,
) -> str:  # fmt: skip
    if labels is not None:
        return _labels_found(*labels)
    if rows is not None and unexpected is not None:
        return _values_counted(unexpected, rows, check.expectation == "expect_column_values_to_not_be_null")
    value = result.get("observed_value")
    if value is None or (success and "type" in check.expectation):  # the contract names it, not the engine
        return said("as expected") if success else said("not as expected")
    if check.shows == "none" and "type" not in check.expectation:
        return said("not shown, since the values name persons")
    return _value_found(value, contract)


def _value_found(value: object, contract: DataContract) -> Sentence:
    if any(map(looks_personal, value if isinstance(value, (list, tuple, set, frozenset)) else [value])):
        return said("not shown, since it looks like personal data")
    if isinstance(value, (list, tuple, set, frozenset)):
        several = some_of(sorted(written(item) for item in value))
        if isinstance(several, Sentence):
            names = _without_derived_names(" ".join(str(several.values["names"]).split()), contract)
            return said(several.template, names=names, more=several.values["more"])
    return said("{value}", value=_without_derived_names(" ".join(written(value).split()), contract))


def _labels_found(shown: list[str], number: int) -> Sentence:
    if not shown:
        return said("no value at all")
    labels = ", ".join(shown[:_LABELS])
    if number <= _LABELS:
        return said("only {labels}", labels=labels)
    return said("only {labels} … and {more:,} more", labels=labels, more=number - _LABELS)


def _values_counted(unexpected: int, rows: int, missing: bool) -> Sentence:
    if not rows or not unexpected:
        counted = _MISSING if missing else _BROKEN
        return said(counted, unexpected=unexpected, rows=rows)
    counted = _MISSING_SHARE if missing else _BROKEN_SHARE
    return said(counted, unexpected=unexpected, rows=rows, share=100 * unexpected / rows)


def _remedy(check: PlannedCheck, labels: list[str]) -> str:
    close = nearest(check.wanted, labels) if check.wanted else None
    return said("did you mean '{label}'? {remedy}", label=close, remedy=check.remedy) if close else check.remedy


def written(value: object) -> str:
    """A value as a person writes it: dates as in ISO 8601, lists sorted and shortened.

    Nine significant digits: an engine's own mean depends on row order from the fifteenth on.
    """
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if value is None or isinstance(value, bool):
        return "missing" if value is None else str(value).lower()
    if isinstance(value, (float, Decimal)):
        return f"{float(value):.9g}"
    if isinstance(value, dt.datetime) and value.time() == dt.time() and value.tzinfo is None:
        return value.date().isoformat()
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        return listed(sorted(written(item) for item in value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {written(item)}" for key, item in value.items())
    return str(value)
