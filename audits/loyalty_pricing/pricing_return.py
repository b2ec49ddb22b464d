"""Can these data fill the regulator's return on pricing?

Harm: prices by tenure that nobody can supervise. The return is the FCA's REP021 (SUP 16 Annex 49B): for every product,
channel and band of tenure the gross premium, the average premium, the expected claims ratio, the average premium of the
year before, and the share of customers in each band of the expected claims ratio.

* return_missing_figures: how many of these figures the data cannot fill, over the rows of the return in which there is
  a quote; each is counted, without sampling error.

``squaredeal return rep021`` writes the return itself from the same aggregates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons.census import counted
from audits.comparisons.return_rows import (
    AVERAGE,
    BANDS,
    FIGURES,
    GROSS,
    PRIOR_AVERAGE,
    RATIO,
    ReturnRow,
    return_need,
    return_rows,
)
from audits.evidence.collect import Evidence
from audits.evidence.needs import Need
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused
from checks.inputs.contract import DataContract
from checks.sentence import said

MEASURE = "return_missing_figures"
_PRICES = said("give every quote a price above 0")
_COSTS = said("declare 'cost', what each contract is expected to cost, above 0")
_NEEDED = {
    GROSS: _PRICES, AVERAGE: _PRICES, RATIO: _COSTS, BANDS: _COSTS,
    PRIOR_AVERAGE: said("declare 'prior_price', what the customer was asked a year before"),
}  # fmt: skip
_PLACES = {
    "product": said("name the product of every quote under 'terms: {{product: …}}'"),
    "channel": said("name the channel of every quote under 'terms: {{channel: …}}'"),
    "tenure": said("correct the tenure in the source"),
}


@dataclass(frozen=True, slots=True)
class PricingReturn:
    """No parameters: the return states its figures, the contract the bands of tenure."""

    name: ClassVar[str] = "loyalty_pricing.pricing_return"
    harm: ClassVar[str] = "loyalty_pricing"
    roles: ClassVar[tuple[str, ...]] = ("price", "tenure")
    optional_roles: ClassVar[tuple[str, ...]] = ("terms", "cost", "prior_price", "entity", "weight")
    measures: ClassVar[Mapping[str, float | None]] = {MEASURE: None}
    counted: ClassVar[tuple[str, ...]] = (MEASURE,)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """One set of cells."""
        yield return_need(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The number of figures that are missing, and which."""
        rows = return_rows(evidence.cells(return_need(contract)), contract)
        unused = [one for one in left_unused(self.name, contract) if one.question.endswith(": weight")]
        if contract.entity:
            unused.append(NotAnswered(
                f"{self.name}: entity", said("the return counts quotes: those of one customer count each"),
                said("give one row for each contract"),
            ))  # fmt: skip
        return [self._figure(rows)], [*self._which(rows), *self._where(rows), *unused]

    def _figure(self, rows: tuple[ReturnRow, ...]) -> Measurement:
        missing, asked = sum(len(row.missing) for row in rows), len(FIGURES) * len(rows)
        incomplete = sum(len(row.incomplete) for row in rows)
        quotes, priced = sum(row.quotes for row in rows), sum(row.priced for row in rows)
        counts = {
            "missing": missing, "filled": asked - missing, "incomplete": incomplete, "return_rows": len(rows),
            "quotes": quotes, "without_price": quotes - priced,
            "without_expected_claims": priced - sum(row.costed for row in rows),
        }  # fmt: skip
        reason = None if rows else said("there is no quote")
        figure = counted(self.name, MEASURE, missing if rows else None, quotes, counts, reason)
        if not incomplete:
            return figure
        told = said("for {incomplete:,} figures more than 5 % of their quotes lack a value", incomplete=incomplete)
        return replace(figure, unseen=(told,))

    def _which(self, rows: tuple[ReturnRow, ...]) -> Iterator[NotAnswered]:
        """Figures that no quote of a row gives."""
        placed = [row for row in rows if row.placed]
        for figure in FIGURES:
            lacking = sum(figure in row.missing for row in placed)
            if lacking:
                yield NotAnswered(
                    f"{self.name}: {figure}",
                    said("{lacking:,} of {rows:,} rows of the return lack this figure", lacking=lacking,
                         rows=len(placed)),
                    _NEEDED[figure],
                )  # fmt: skip

    def _where(self, rows: tuple[ReturnRow, ...]) -> Iterator[NotAnswered]:
        """Quotes for which the return has no row."""
        for place, needed in _PLACES.items():
            label = "band" if place == "tenure" else place
            lost = sum(row.quotes for row in rows if getattr(row, label) is None)
            if lost:
                yield NotAnswered(
                    f"{self.name}: {place}",
                    said("{lost:,} quotes fall into no row of the return, for this is unknown", lost=lost), needed,
                )  # fmt: skip
