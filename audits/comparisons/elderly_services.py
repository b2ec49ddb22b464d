"""Services that nobody is served in by a person, and drivers of vulnerability that no group stands for.

A service is a case where none of its rows went through an assisted channel. That is seen from rows: a counter that is
open and that nobody used looks like none. Below 60 rows none is what a share of 5 % may well show (.95^60 = .046), so
such a service is open and no case; so is one of which more than 5 % of the rows have a channel on neither side.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from audits.comparisons.census import counted
from audits.comparisons.flags import known_label
from audits.evidence.cells import Cells
from audits.evidence.needs import CellsNeed
from audits.record import Measurement
from checks.inputs.contract import ASSISTED, CHANNEL, DIGITAL, DRIVERS, DataContract
from checks.sentence import Sentence, said, template

LEAST_ROWS = 60
_MOST_UNKNOWN = 0.05
_UNUSED = said("a channel is seen by its rows: one that is open and that nobody used looks like none")
_OPEN = template("{open} of {services} services have no assisted row, and too few rows to tell, or of unknown channels")
_UNKNOWN = template("the channel of {share:.1f} % of the rows is on neither side")
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
    """Rows by side of the channel and by service."""
    product = contract.terms.get("product")
    return CellsNeed((CHANNEL,), (product,) if product else (), decision=False)


def without_counter(question: str, measure: str, cells: Cells) -> Measurement:
    """The number of services without an assisted row."""
    services: dict[str, _Service] = {}
    nameless = 0
    for (side, *named), _, rows in cells.cells:
        name = known_label(named[0]) if named else ""
        if name is None:
            nameless += rows
            continue
        sides = services.setdefault(name, _Service()).sides
        sides[side] = sides.get(side, 0) + rows
    told = bool(cells.columns)
    bare = [service for service in services.values() if not service.sides.get(ASSISTED)]
    cases = [one for one in bare if one.rows >= LEAST_ROWS and one.unknown <= _MOST_UNKNOWN * one.rows]
    rows, unknown = (sum(getattr(one, what) for one in services.values()) for what in ("rows", "unknown"))
    counts = {
        "cases": len(cases), "open": len(bare) - len(cases), "services": len(services), "rows": rows,
        "assisted": sum(one.sides.get(ASSISTED, 0) for one in services.values()), "unknown_channel": unknown,
        "without_service": nameless,
    }  # fmt: skip
    if not services or unknown == rows:
        return counted(question, measure, None, 0, counts, _NONE_KNOWN if services else _NO_ROWS)
    unseen: list[Sentence] = [] if told else [_ONE]
    if counts["open"]:
        unseen.append(said(_OPEN, open=counts["open"], services=len(services)))
    if unknown:
        unseen.append(said(_UNKNOWN, share=100 * unknown / rows))
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
