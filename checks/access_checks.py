"""What must hold of the way to credit: ages that somebody has, flags that say yes or no, stages one after another.

A person who passed a later stage and not an earlier one is one whom the record lost: few are told, many make the order
of the stages, or the record, wrong, and every share of a stage with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.column_rules import mostly, typed_values
from checks.inputs.access_columns import FILLED, OLDEST, YOUNGEST
from checks.inputs.contract import DataContract
from checks.inputs.funnel_columns import FAULT, SKIPPED, UNKNOWN_EVENT
from checks.inputs.prepared import MISSING_TEXTS, Prepared, kind_of
from checks.inputs.program import AuditProgram
from checks.loan_checks import says_yes_or_no
from checks.planned_check import PlannedCheck, about, some_of
from checks.sentence import said, template

MOST_SKIPPED = 0.05  # share of persons from which the order of the stages is wrong, and not some rows
_BETWEEN = "expect_column_values_to_be_between"
_NULL = "expect_column_values_to_be_null"
_IN_SET = "expect_column_values_to_be_in_set"
_CONTAINS = "expect_column_distinct_values_to_contain_set"
_DISTINCT = "expect_column_unique_value_count_to_be_between"
_NEARLY = template("at most {share:.0%} of persons at a later stage of the funnel without the stages before it")


def access_checks(program: AuditProgram, prepared: Prepared) -> Iterator[PlannedCheck]:
    """The checks of a contract's funnel, ages, thin files and channels; none where it names none."""
    contract = program.contract
    yield from _ages(contract)
    for place, column in _flags(contract, prepared):
        yield from says_yes_or_no(place, column, prepared)
    yield from _stages(contract, prepared)
    yield from _events(contract)
    yield from _channels(program, prepared)
    yield from _filled(program, prepared)


def _ages(contract: DataContract) -> Iterator[PlannedCheck]:
    if contract.age is None:
        return
    subject = about(contract.age)
    yield PlannedCheck(
        _BETWEEN, {"column": contract.age, "min_value": YOUNGEST, "max_value": OLDEST}, "contract.age", contract.age,
        subject, "warn",
        said("ages of {subject} from {least:g} to {most:g} years", subject=subject, least=YOUNGEST, most=OLDEST),
        said("correct the rows in the source; such an age counts as unknown, and persons who have one are counted"),
        "values",
    )  # fmt: skip


def _flags(contract: DataContract, prepared: Prepared) -> Iterator[tuple[str, str]]:
    """Places and columns that say yes or no."""
    funnel, thin = contract.funnel, contract.thin_file
    named: list[tuple[str, str | None]] = []
    if funnel:
        decided = contract.decision.column if contract.decision else None
        named += [(f"funnel.stages.{one.name}", one.column) for one in funnel.stages if one.column != decided]
        named += [(f"funnel.failed.{one.method}", one.column) for one in funnel.failed]
        named += [("funnel.fallback", funnel.fallback.column if funnel.fallback else None)]
        named += [("funnel.assisted", funnel.assisted), ("funnel.accessible", funnel.accessible)]
    if thin:
        named += [("thin_file.flag", thin.flag), ("thin_file.automatic", thin.automatic)]
    for place, column in named:
        if column and not prepared.table[column].type().is_temporal():
            yield f"contract.{place}", column


def _stages(contract: DataContract, prepared: Prepared) -> Iterator[PlannedCheck]:
    if FAULT not in prepared.table.columns:
        return
    subject, place = said("the stages of the funnel"), "contract.funnel"
    yield PlannedCheck(
        _NULL, {"column": FAULT}, place, None, subject, "warn",
        said("the stages of every person one after another in order and time, and a decision where one was asked for"),
        said("correct the rows in the source; they are counted, and a later stage counts the earlier ones as passed"),
        "labels",
    )  # fmt: skip
    yield PlannedCheck(
        _NULL, {"column": SKIPPED, "mostly": mostly(MOST_SKIPPED)}, place, None, subject, "stop",
        said(_NEARLY, share=MOST_SKIPPED),
        said("sort the stages under 'funnel' as they are passed, or look for the rows that the source has lost"),
        "none",
    )  # fmt: skip


def _events(contract: DataContract) -> Iterator[PlannedCheck]:
    if contract.funnel is None or contract.funnel.event is None:
        return
    column = contract.funnel.event
    subject = about(column)
    yield PlannedCheck(
        _NULL, {"column": UNKNOWN_EVENT}, "contract.funnel.event", column, subject, "warn",
        said("only events in {subject} that are a stage, a failure or the fallback", subject=subject),
        said("name the events under 'stages', 'failed' or 'fallback', as they are written; the others are left out"),
        "labels",
    )  # fmt: skip


def _channels(program: AuditProgram, prepared: Prepared) -> Iterator[PlannedCheck]:
    contract = program.contract
    column = contract.terms.get("channel")
    if contract.channels is None or column is None:
        return
    known, place = (*contract.channels.digital, *contract.channels.assisted), "contract.channels"
    values = typed_values(known, kind_of(prepared.table[column]), program.where(place))
    yield PlannedCheck(
        _IN_SET, {"column": column, "value_set": values}, place, column, about(column), "warn",
        said("{subject} holds only {values}", subject=about(column), values=some_of(known, 20)),
        said("put the other values under 'digital' or 'assisted'; until then they count as unknown"), "labels",
    )  # fmt: skip


def _filled(program: AuditProgram, prepared: Prepared) -> Iterator[PlannedCheck]:
    """Decisions on filled-in rows are told in the words of the decision: any other would pass for a refusal."""
    decision, thin = program.contract.decision, program.contract.thin_file
    column = thin.filled_decision if thin else None
    if decision is None or column is None:
        return
    place, subject = "contract.thin_file.filled_decision", about(column)
    words = said("write the decisions in the words under 'decision', or name the words there")
    yield PlannedCheck(
        _CONTAINS, {"column": FILLED, "value_set": [1]}, place, column, subject, "warn",
        said("{subject} holds {values}", subject=subject, values=some_of(decision.favourable)), words, "labels",
        decision.favourable[0] if decision.favourable else None,
    )  # fmt: skip
    kind, known = kind_of(prepared.table[column]), (*decision.favourable, *decision.unfavourable, *decision.excluded)
    missing = _spellings(MISSING_TEXTS) if kind == "text" else []
    if decision.unfavourable:
        values = [*typed_values(known, kind, program.where(place)), *missing]
        yield PlannedCheck(
            _IN_SET, {"column": column, "value_set": values}, place, column, subject, "warn",
            said("{subject} holds only {values}", subject=subject, values=some_of(known, 20)), words, "labels",
        )  # fmt: skip
        return
    yield PlannedCheck(
        _DISTINCT, {"column": column, "max_value": len(known) + 1}, place, column, subject, "warn",
        said("at most {most} different values in {subject}", most=len(known) + 1, subject=subject), words, "labels",
    )  # fmt: skip


def _spellings(texts: tuple[str, ...]) -> list[object]:
    return [*dict.fromkeys(form for text in texts for form in (text, text.upper(), text.capitalize()))]
