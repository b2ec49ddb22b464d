"""Is the same product on the same terms dearer for some, for no allowed reason and without a word?

Harm: a price by who the customer is, not by what is bought. The law (PIPL Art. 24 and the rules beside it) allows
differences of cost, offers to new customers and random tests, and those that were disclosed. A set of terms is what
shares product, channel, payment method, currency and strata within ``window_days`` days. In each set every price, less
its incentive, is held against the cheapest that no allowed reason code explains:

* undisclosed_price_ratio: the highest price over that cheapest among those neither excused by an allowed code nor
  disclosed, 1 when none is dearer by more than rounding. It does not depend on ``tolerance``, so that no setting hides
  a ratio from a rule's limit;
* unexplained_price_cases: how many of them are dearer by more than ``tolerance``;
* unexplained_price_share: their share of the prices that could be compared.

All are counted, without sampling error. Where the contract names a cost, prices are compared per unit of it: a
difference of cost is an allowed reason, and an error of that cost then looks like a price. Only the listed codes
excuse: a longer tenure is no reason, and neither tenure, behaviour nor a group of people makes other terms even where a
contract lists it under strata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from audits.comparisons import same_terms_told as told
from audits.comparisons.census import counted
from audits.comparisons.same_terms_told import Cases, cases_in
from audits.evidence.collect import Evidence
from audits.evidence.needs import Need, SameTermsNeed
from audits.evidence.same_terms import SameTerms
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused
from checks.inputs.contract import DataContract
from checks.sentence import said

_TERMS = ("product", "channel", "payment_method")


@dataclass(frozen=True, slots=True)
class SameTermsPrice:
    """``tolerance`` is a share of the cheapest price, ``window_days`` whole days of UTC, ``allowed`` reason codes.

    ``level`` is noted on the figures and changes none of them.
    """

    tolerance: float = field(default=0.05, metadata={"least": 0})
    window_days: int = field(default=1, metadata={"least": 1})
    allowed: tuple[str, ...] = ("new_customer_offer", "cost_difference", "random_test")
    level: float = 0.95

    name: ClassVar[str] = "loyalty_pricing.same_terms"
    harm: ClassVar[str] = "loyalty_pricing"
    roles: ClassVar[tuple[str, ...]] = ("price", "terms")
    optional_roles: ClassVar[tuple[str, ...]] = ("cost", "strata", "weight")
    measures: ClassVar[Mapping[str, float | None]] = {
        "undisclosed_price_ratio": None, "unexplained_price_cases": None, "unexplained_price_share": None,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = tuple(measures)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Prices on the same terms; nothing where no product is named."""
        if "product" in contract.terms:
            yield self._need(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The three figures, and what the contract or the data leave untold."""
        if "product" not in contract.terms:
            return [], [NotAnswered(
                self.name, said("the contract does not name terms.product: nobody can tell what is the same"),
                said("name the column of the product under 'terms.product'"),
            )]  # fmt: skip
        found = evidence.same_terms(self._need(contract))
        cases = cases_in(found, flagged="disclosed" in contract.terms)
        missing = [*told.missing(self.name, found, cases, contract), *self._no_terms(contract)]
        missing += [one for one in left_unused(self.name, contract) if one.question.endswith(": weight")]
        return list(self._figures(found, cases, contract)), missing

    def _need(self, contract: DataContract) -> SameTermsNeed:
        terms = contract.terms
        keys = [*(terms.get(key) for key in _TERMS), contract.currency_column, *_strata(contract)]
        return SameTermsNeed(
            keys=tuple(dict.fromkeys(key for key in keys if key)), price=str(contract.price), cost=contract.cost,
            incentive=terms.get("incentive"), time=contract.time, window_days=self.window_days,
            tolerance=self.tolerance, rounding=contract.rounding, reason=terms.get("reason_code"),
            allowed=self.allowed, disclosed=terms.get("disclosed"),
        )  # fmt: skip

    def _figures(self, found: SameTerms, cases: Cases, contract: DataContract) -> Iterator[Measurement]:
        doubts = told.doubts(cases)
        yield self._figure(
            "undisclosed_price_ratio", cases.highest, found, cases, contract,
            doubts if cases.highest_certain < cases.highest else (),
        )  # fmt: skip
        yield self._figure(
            "unexplained_price_cases", cases.unexplained, found, cases, contract, () if cases.certain else doubts
        )
        share = cases.unexplained / found.compared if found.compared else None
        yield self._figure("unexplained_price_share", share, found, cases, contract, doubts)

    def _figure(
        self, measure: str, value: float | None, found: SameTerms, cases: Cases, contract: DataContract,
        doubts: tuple[str, ...],
    ) -> Measurement:  # fmt: skip
        reason = None if found.compared else told.NOBODY
        figure = counted(
            self.name, measure, None if reason else value, found.compared, told.counts(found, cases), reason
        )
        if reason:
            return replace(figure, level=self.level)
        details = {"tolerance": float(self.tolerance)}
        if found.window_days is not None:
            details["window_days"] = float(found.window_days)
        return replace(
            figure, level=self.level, source=said("prices on the same terms"), details=details,
            cautions=(*told.cautions(found, cases, contract), *doubts), unseen=told.unseen(found),
        )  # fmt: skip

    def _no_terms(self, contract: DataContract) -> Iterator[NotAnswered]:
        """Strata that are no terms."""
        personal = [name for name in contract.strata if name not in _strata(contract)]
        if personal:
            yield NotAnswered(
                f"{self.name}: strata",
                said(
                    "{columns} tells customers apart and not what they buy: prices are compared across it",
                    columns=", ".join(personal),
                ),
                said("list under 'strata' what is bought, and under 'allowed' the reasons that excuse"),
            )


def _strata(contract: DataContract) -> list[str]:
    """The strata that may be terms: none that says who the customer is."""
    personal = {contract.unit, contract.entity, contract.tenure, *contract.behaviour.values()}
    personal |= {group.column for group in contract.groups}
    return [name for name in contract.strata if name not in personal]
