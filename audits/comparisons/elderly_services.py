"""Services that nobody is served in by a person, and drivers of vulnerability that no group stands for.

A service is a case where none of its rows went through an assisted channel. That is seen from rows: a counter that is
open and that nobody used looks like none. Below 60 rows none is what a share of 5 % may well show (.95^60 = .046), so
such a service is open and no case; so is one of which more than 5 % of the rows have none or one on neither side. Rows
without a channel and without a decision, as of those who never applied, are no service to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from audits.comparisons.census import counted
from audits.comparisons.flags import known_label
from audits.evidence.cells import Cells
from audits.evidence.needs import CellsNeed
from audits.record import Measurement
from checks.inputs.contract import ASSISTED, CHANNEL, DIGITAL, DRIVERS, DataContract
from checks.inputs.prepared import group_column
from checks.sentence import Sentence, said, template

LEAST_ROWS = 60
_BY_CHANNEL = 2  # columns that tell the channel; a third tells the service
_MOST_UNKNOWN = 0.05
_UNUSED = said("a channel is seen by its rows: one that is open and that nobody used looks like none")
_OPEN = template("{open} of {services} services have no assisted row, and too few rows to tell, or of unknown channels")
_NAMELESS = template("{share:.1f} % of the rows name no service")
_ONE = said("the contract names no 'terms.product': services are not told apart, and one of them may have no channel")
_NO_ROWS = said("no row names a service")
_NONE_KNOWN = said("no row has a channel that is on either side")


@dataclass(slots=True)
class _Service:
    sides: dict[str | None, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(self.sides.values())

    @property
    def unknown(self) -> int:
        return self.rows - self.sides.get(ASSISTED, 0) - self.sides.get(DIGITAL, 0)


def services_need(contract: DataContract) -> CellsNeed:
    """Rows by side of the channel, by channel and by service."""
    named = (contract.terms[key] for key in ("channel", "product") if key in contract.terms)
    return CellsNeed((), (group_column(CHANNEL), *named))


def without_counter(question: str, measure: str, cells: Cells, decided: bool) -> Measurement:
    """The number of services without an assisted row; ``decided`` says that the contract has decisions."""
    services: dict[str, _Service] = {}
    nameless = nobody = 0
    for (side, channel, *named), decision, rows in cells.cells:
        name = known_label(named[0]) if named else ""
        if decided and decision is None and known_label(channel) is None:
            nobody += rows
        elif name is None:
            nameless += rows
        else:
            sides = services.setdefault(name, _Service()).sides
            sides[side] = sides.get(side, 0) + rows
    bare = [service for service in services.values() if not service.sides.get(ASSISTED)]
    cases = [one for one in bare if one.rows >= LEAST_ROWS and one.unknown <= _MOST_UNKNOWN * one.rows]
    rows, unknown = (sum(getattr(one, what) for one in services.values()) for what in ("rows", "unknown"))
    counts = {
        "cases": len(cases), "open": len(bare) - len(cases), "services": len(services), "rows": rows,
        "assisted": sum(one.sides.get(ASSISTED, 0) for one in services.values()), "unknown_channel": unknown,
        "without_service": nameless, "without_application": nobody,
    }  # fmt: skip
    if not services or unknown == rows:
        return counted(question, measure, None, 0, counts, _NONE_KNOWN if services else _NO_ROWS)
    unseen: list[Sentence] = [] if len(cells.columns) > _BY_CHANNEL else [_ONE]
    if counts["open"]:
        unseen.append(said(_OPEN, open=counts["open"], services=len(services)))
    if nameless:
        unseen.append(said(_NAMELESS, share=100 * nameless / (rows + nameless)))
    figure = counted(question, measure, float(len(cases)), len(services), counts)
    return replace(figure, unseen=tuple(unseen), cautions=(_UNUSED,) if cases else ())


def drivers_missing(question: str, measure: str, contract: DataContract) -> Measurement:
    """The number of drivers of vulnerability (FCA FG21/1) that no group of the contract is said to stand for."""
    held = {driver: sum(group.driver == driver for group in contract.groups) for driver in DRIVERS}
    missing = sum(not n for n in held.values())
    figure = counted(question, measure, float(missing), len(DRIVERS), {**held, "declared": len(DRIVERS) - missing})
    return replace(figure, source=said("the contract"))
