"""Columns that a funnel adds: what is wrong with a person's row, and events of a log that are no stage.

``FAULT`` names the first thing that is wrong; ``SKIPPED`` repeats the first of them alone, for it has a bound of its
own. Rows that are events have neither: what is wrong with a person shows only when his rows are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from itertools import combinations, pairwise
from operator import or_
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import DataContract, Funnel
from checks.inputs.loan_columns import flag

if TYPE_CHECKING:
    import ibis.expr.types as ir

FAULT, SKIPPED = "squaredeal_funnel_fault", "squaredeal_funnel_skipped"
UNKNOWN_EVENT = "squaredeal_unknown_event"
LATER_WITHOUT_EARLIER = "a later stage without an earlier one"
OUT_OF_ORDER = "stages out of order in time"
NOT_DECIDED = "submitted and not decided"
FAULTS = (LATER_WITHOUT_EARLIER, OUT_OF_ORDER, NOT_DECIDED)
SKEW_SECONDS = 300  # by which clocks may differ
_FAVOURABLE = "squaredeal_favourable"


def sent_stage(contract: DataContract) -> int | None:
    """The stage from which a row has a decision: ``finished``, and at the latest the one before the decision.

    None in a log, and where the decision is the first stage, so that every row has one.
    """
    funnel, decision = contract.funnel, contract.decision
    if funnel is None or decision is None or funnel.event:
        return None
    named = funnel.place(funnel.finished)
    if contract.decision_stage is None:
        return named
    before = sent_before(named, contract.decision_stage)
    return before if before >= 0 else None


def sent_before(finished: int | None, decision: int) -> int:
    """The stage after which a person is decided upon: ``finished`` where it lies before the decision; −1 is none."""
    return decision - 1 if finished is None else min(finished, decision - 1)


def passed(column: ir.Value) -> Any:
    """Whether a stage's column says that it was passed: a time is there, or a flag says yes."""
    import ibis

    if column.type().is_temporal():
        return column.notnull()
    return ibis.coalesce(flag(column), ibis.literal(False))


def event_names(funnel: Funnel) -> tuple[str, ...]:
    """The events that have a meaning, as they are compared."""
    ways = (*funnel.stages, *funnel.failed, *((funnel.fallback,) if funnel.fallback else ()))
    return tuple(sorted({event.strip() for one in ways for event in one.events}))


def funnel_columns(
    columns: Mapping[str, ir.Value], contract: DataContract, as_text: Callable[[Any], Any]
) -> dict[str, Any]:
    """The derived columns as expressions over the contract's ``columns`` as ``prepare`` has cleaned them."""
    import ibis

    funnel = contract.funnel
    if funnel is None:
        return {}
    if funnel.event:
        text = as_text(columns[funnel.event]).strip()
        return {UNKNOWN_EVENT: ibis.ifelse(text.isin(event_names(funnel)), ibis.null("string"), text)}
    stages = _stages(columns, contract, funnel)
    skipped = reduce(or_, (later & ~earlier for earlier, later in pairwise(stages)))
    cases = [(skipped, LATER_WITHOUT_EARLIER)]
    if (disorder := _disorder(columns, contract, funnel)) is not None:
        cases.append((disorder, OUT_OF_ORDER))
    sent = sent_stage(contract)
    if sent is not None and contract.decision:
        cases.append((reduce(or_, stages[sent:]) & columns[contract.decision.column].isnull(), NOT_DECIDED))
    nothing = ibis.null("string")
    return {
        FAULT: ibis.cases(*cases, else_=nothing), SKIPPED: ibis.ifelse(skipped, LATER_WITHOUT_EARLIER, nothing),
    }  # fmt: skip


def _stages(columns: Mapping[str, ir.Value], contract: DataContract, funnel: Funnel) -> list[Any]:
    import ibis

    decided = contract.decision.column if contract.decision else None
    favourable = ibis.coalesce(columns[_FAVOURABLE] == 1, ibis.literal(False)) if decided else None
    return [favourable if stage.column == decided else passed(columns[str(stage.column)]) for stage in funnel.stages]


def _disorder(columns: Mapping[str, ir.Value], contract: DataContract, funnel: Funnel) -> Any:
    """Whether a later stage is earlier by more than clocks differ, by whole days where one is told by the day."""
    import ibis

    decided = contract.decision.column if contract.decision else None
    timed = [columns[str(stage.column)] for stage in funnel.stages if stage.column != decided]
    timed = [column for column in timed if column.type().is_timestamp() or column.type().is_date()]
    by_day = any(column.type().is_date() for column in timed)
    tests = []
    for one, other in combinations(timed, 2):
        early, late = one.cast("timestamp").epoch_seconds(), other.cast("timestamp").epoch_seconds()
        test = other.cast("date") < one.cast("date") if by_day else early - late > SKEW_SECONDS
        tests.append(ibis.coalesce(test, ibis.literal(False)))
    return reduce(or_, tests) if tests else None
