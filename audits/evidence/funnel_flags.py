"""Flags of a funnel's rows from which nobody can tell: what says neither yes nor no, and counts as a no elsewhere.

An empty flag is a no in a column that never writes one. In a column that does, it is unknown: of a stage to whose
predecessor the row came, of an identity check to which it came and of which no failure flag tells anything, and of the
fallback of who failed there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

from checks.inputs.access_columns import empty
from checks.inputs.contract import DataContract, Funnel
from checks.inputs.loan_columns import flag
from checks.inputs.prepared import FAVOURABLE, MISSING_TEXTS
from checks.inputs.source import Source

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, slots=True)
class Doubt:
    """Of one column: tests of a value that cannot be read, and of an empty one that is unknown; None: none occurs."""

    garbled: Any
    blank: Any


_SURE = Doubt(None, None)


def reached(table: ir.Table, contract: DataContract, name: str) -> Any:
    """Whether a row says so: a time is there, a flag says yes, a decision is favourable; NULL where it says neither."""
    if contract.decision and name == contract.decision.column:
        return table[FAVOURABLE] == 1
    column = table[name]
    return column.notnull() if column.type().is_temporal() else flag(column)


def unread(source: Source, contract: DataContract) -> list[Any]:
    """A test for each stage, and one for failures and the fallback; empty where every row can be read, and in a log.

    One scan tells which columns are in doubt.
    """
    funnel = contract.funnel
    doubts = _doubts(source, contract, funnel) if funnel and not funnel.event else {}
    if funnel is None or all(one is _SURE for one in doubts.values()):
        return []
    yes = [_yes(source.table, contract, str(stage.column)) for stage in funnel.stages]
    found = []
    for i, stage in enumerate(funnel.stages):
        doubt = doubts.get(str(stage.column), _SURE)
        before = [yes[i - 1]] if i else []
        found.append(_any([doubt.garbled, _all([doubt.blank, *before])]))
    return [*found, _failures(source.table, contract, funnel, doubts, yes)]


def _failures(
    table: ir.Table, contract: DataContract, funnel: Funnel, doubts: Mapping[str, Doubt], yes: Sequence[Any]
) -> Any:
    """That a row came to the check and nothing, or no more than a part, can be read of what happened there."""
    import ibis

    place = funnel.place(funnel.identity)
    if place is None or not funnel.failed:
        return ibis.literal(False)
    failed = [_yes(table, contract, str(one.column)) for one in funnel.failed]
    ways = [doubts.get(str(one.column), _SURE) for one in funnel.failed]
    other = doubts.get(str(funnel.fallback.column), _SURE) if funnel.fallback else _SURE
    came = _any([*yes[place - 1 :], *failed]) if place else ibis.literal(True)
    return _any([
        *(one.garbled for one in ways), other.garbled, _all([came, *(one.blank for one in ways)]),
        _all([_any(failed), other.blank]),
    ])  # fmt: skip


def _doubts(source: Source, contract: DataContract, funnel: Funnel) -> dict[str, Doubt]:
    """Columns of flags, and what of them cannot be read."""
    decided = contract.decision.column if contract.decision else None
    ways = (*funnel.stages, *funnel.failed, *((funnel.fallback,) if funnel.fallback else ()))
    names = dict.fromkeys(str(one.column) for one in ways if one.column != decided)
    columns = {name: source.table[name] for name in names if not source.table[name].type().is_temporal()}
    if not columns:
        return {}
    tests = {name: (_garbled(one), empty(one, MISSING_TEXTS), ~flag(one)) for name, one in columns.items()}
    told = {f"t{i}{j}": test.any() for i, held in enumerate(tests.values()) for j, test in enumerate(held)}
    row = source.rows(source.table.aggregate(**told))[0]
    found = {}
    for i, (name, (garbled, blank, _)) in enumerate(tests.items()):
        odd, empties, no = (bool(value) for value in row[3 * i : 3 * i + 3])
        doubt = Doubt(garbled if odd else None, blank if empties and no else None)
        found[name] = doubt if odd or (empties and no) else _SURE
    return found


def _garbled(column: ir.Value) -> Any:
    return flag(column).isnull() & ~empty(column, MISSING_TEXTS)


def _yes(table: ir.Table, contract: DataContract, name: str) -> Any:
    import ibis

    return ibis.coalesce(reached(table, contract, name), ibis.literal(False))


def _any(tests: Sequence[Any]) -> Any:
    """Whether one of them holds; None is one that never does."""
    import ibis

    held = [test for test in tests if test is not None]
    return reduce(or_, held) if held else ibis.literal(False)


def _all(tests: Sequence[Any]) -> Any:
    return None if any(test is None for test in tests) else reduce(and_, tests)
