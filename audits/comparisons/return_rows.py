"""The rows of a pricing return, product × channel × band of tenure, added up from cells.

Figures of a row are of the quotes with a price above zero; expected claims of those whose expected cost is above zero
too. What cannot be had is None or has no quotes behind it, and is never nought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from audits.comparisons.flags import known_label
from audits.evidence.cells import Cells, Total
from audits.evidence.needs import CellsNeed
from checks.inputs.contract import DataContract
from checks.inputs.pricing_columns import ASKED, BAND, ECR_BAND, FAULT, FAULTS, PRIOR, TECHNICAL, tenure_labels

GROSS, AVERAGE, RATIO = "gross_premium", "average_premium", "expected_claims_ratio"
PRIOR_AVERAGE, BANDS = "prior_year_average_premium", "expected_claims_bands"
FIGURES = (GROSS, AVERAGE, RATIO, PRIOR_AVERAGE, BANDS)
MOST_UNKNOWN = 0.05  # share of a row's quotes beyond which a figure of the others does not stand for all
_NO_PRICE = FAULTS[:2]


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """One row: labels (None where missing), numbers of quotes, and sums in the contract's money.

    ``incentives`` are those of the ``priced`` quotes, None where the contract names none. Of the quotes ``costed``,
    ``premium_costed`` is the price and ``expected`` the expected claims, and ``by_ratio`` counts them by the band of
    one over the other. Of those ``with_prior``, ``prior`` is what was asked a year before. ``fresh`` customers, of the
    first band up to a year, need none.
    """

    product: str | None
    channel: str | None
    band: str | None
    fresh: bool = False
    quotes: int = 0
    priced: int = 0
    premium: float = 0.0
    incentives: float | None = None
    costed: int = 0
    premium_costed: float = 0.0
    expected: float = 0.0
    with_prior: int = 0
    prior: float = 0.0
    by_ratio: Mapping[str, int] = field(default_factory=dict)

    @property
    def placed(self) -> bool:
        """Whether the return has a row for it."""
        return None not in (self.product, self.channel, self.band)

    @property
    def missing(self) -> tuple[str, ...]:
        """Figures that no quote of the row gives; all of them where the return has no row for it."""
        given = self._given()
        return tuple(name for name in FIGURES if not self.placed or (name in given and not given[name][0]))

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Figures that are given by some quotes of the row, but not by enough."""
        return tuple(
            name for name, (known, asked) in self._given().items()
            if name not in self.missing and asked - known > MOST_UNKNOWN * asked
        )  # fmt: skip

    def _given(self) -> dict[str, tuple[int, int]]:
        """Figure → quotes that give it, of how many."""
        given = {
            GROSS: (self.priced, self.quotes), AVERAGE: (self.priced, self.quotes), RATIO: (self.costed, self.priced),
            BANDS: (self.costed, self.priced),
        }  # fmt: skip
        return given if self.fresh else given | {PRIOR_AVERAGE: (self.with_prior, self.priced)}


def return_need(contract: DataContract) -> CellsNeed:
    """Cells by product, channel, band of tenure, fault and band of the expected claims ratio, with sums of money."""
    labels = [contract.terms[key] for key in ("product", "channel") if key in contract.terms]
    sums = [ASKED, contract.cost and TECHNICAL, contract.prior_price and PRIOR, contract.terms.get("incentive")]
    return CellsNeed(
        columns=tuple(dict.fromkeys((*labels, BAND, FAULT, *([ECR_BAND] if contract.cost else [])))),
        sums=tuple(dict.fromkeys(name for name in sums if name)), decision=False,
    )  # fmt: skip


def return_rows(cells: Cells, contract: DataContract) -> tuple[ReturnRow, ...]:
    """Every row with a quote, by product, channel and band in their order, missing labels last."""
    bands = tenure_labels(contract.tenure_bands)
    first = bands[0] if contract.tenure_bands[0] <= 1 else None
    found: dict[tuple[str | None, str | None, str | None], ReturnRow] = {}
    for i, (values, _, rows) in enumerate(cells.cells):
        at = dict(zip(cells.columns, values, strict=True))
        product, channel = (known_label(at.get(contract.terms.get(key, ""))) for key in ("product", "channel"))
        labels = product, channel, at[BAND]
        row = found.get(labels) or ReturnRow(*labels, fresh=at[BAND] is not None and at[BAND] == first)
        row = replace(row, quotes=row.quotes + rows)
        if at[FAULT] not in _NO_PRICE:
            row = _added(row, rows, at.get(ECR_BAND), dict(zip(cells.sums, cells.totals[i], strict=True)), contract)
        found[labels] = row
    order = {band: place for place, band in enumerate(bands)}
    return tuple(sorted(found.values(), key=lambda row: (
        row.product is None, row.product or "", row.channel is None, row.channel or "",
        order.get(row.band or "", len(order)),
    )))  # fmt: skip


def _added(
    row: ReturnRow, rows: int, ratio: str | None, totals: Mapping[str, Total], contract: DataContract
) -> ReturnRow:
    """The row with a cell of priced quotes added."""
    price = totals[ASKED].sum
    row = replace(row, priced=row.priced + totals[ASKED].known, premium=row.premium + price)
    if "incentive" in contract.terms:
        row = replace(row, incentives=(row.incentives or 0.0) + totals[contract.terms["incentive"]].sum)
    if contract.prior_price:
        before = totals[PRIOR]
        row = replace(row, with_prior=row.with_prior + before.known, prior=row.prior + before.sum)
    if ratio is None:
        return row
    return replace(
        row, costed=row.costed + rows, premium_costed=row.premium_costed + price,
        expected=row.expected + totals[TECHNICAL].sum,
        by_ratio={**row.by_ratio, ratio: row.by_ratio.get(ratio, 0) + rows},
    )  # fmt: skip
