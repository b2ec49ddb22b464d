"""Services that do not meet the requirements of accessibility, by a flag of their rows: counted, not estimated.

A service is a value of ``terms.product``, or the whole where none is named. It is a case where one of its rows says
that it is not accessible, and open where none does and one says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from audits.comparisons.census import counted
from audits.comparisons.flags import flag_of, known_label
from audits.evidence.cells import Cells
from audits.evidence.needs import CellsNeed
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, said, template

MEASURE = "inaccessible_service_cases"
_MOST_SHOWN = 5
_ODD = template("'{column}' holds {values}, which is neither yes nor no")
_OPEN = template("of {open:,} of {services:,} services some rows do not say whether they are accessible")
_NAMELESS = template("{rows:,} rows that say so, or say nothing, name no service")
_ONE = said("the contract names no 'terms.product': services are not told apart, and count as one")


@dataclass(frozen=True, slots=True)
class Services:
    """Rows by service (None: without a name) and by what the flag says; ``odd`` values say neither yes nor no."""

    rows: Mapping[str | None, Mapping[bool | None, int]]
    odd: tuple[str, ...] = ()
    named: bool = True


def accessible_need(contract: DataContract) -> CellsNeed | None:
    """Cells of the flag and the service, where the contract has the flag."""
    flag = contract.funnel.accessible if contract.funnel else None
    if flag is None:
        return None
    product = contract.terms.get("product")
    return CellsNeed(columns=(flag, *((product,) if product and product != flag else ())), decision=False)


def services_of(cells: Cells) -> Services:
    """Services from the cells that ``accessible_need`` asks for."""
    found: dict[str | None, dict[bool | None, int]] = {}
    odd: set[str] = set()
    named = len(cells.columns) > 1
    for labels, _, rows in cells.cells:
        flag = flag_of(labels[0])
        if isinstance(flag, str):
            odd.add(flag)
            continue
        held = found.setdefault(known_label(labels[1]) if named else "", {})
        held[flag] = held.get(flag, 0) + rows
    return Services(found, tuple(sorted(odd)), named)


def inaccessible(question: str, column: str, seen: Services) -> Measurement:
    """The number of services with a row that is flagged not accessible, or why there is none."""
    services = {name: flags for name, flags in seen.rows.items() if name is not None}
    cases = [name for name, flags in services.items() if flags.get(False)]
    unclear = [name for name, flags in services.items() if not flags.get(False) and flags.get(None)]
    nameless = seen.rows.get(None, {})
    counts = {
        "cases": len(cases), "open": len(unclear), "services": len(services),
        "rows": sum(sum(flags.values()) for flags in seen.rows.values()),
        "rows_not_accessible": sum(flags.get(False, 0) for flags in seen.rows.values()),
        "rows_unknown": sum(flags.get(None, 0) for flags in seen.rows.values()),
    }  # fmt: skip
    reason = _refused(column, seen, len(services) == len(unclear) and not cases)
    figure = counted(question, MEASURE, None if reason else float(len(cases)), len(services), counts, reason)
    if reason:
        return figure
    unseen: list[Sentence] = [] if seen.named else [_ONE]
    if unclear:
        unseen.append(said(_OPEN, open=len(unclear), services=len(services)))
    if lost := nameless.get(False, 0) + nameless.get(None, 0):
        unseen.append(said(_NAMELESS, rows=lost))
    return replace(figure, unseen=tuple(unseen))


def _refused(column: str, seen: Services, blind: bool) -> Sentence | None:
    if seen.odd:
        values = ", ".join(repr(value) for value in seen.odd[:_MOST_SHOWN])
        return said(_ODD, column=column, values=values)
    return said("no row says of any service whether it is accessible") if blind else None
