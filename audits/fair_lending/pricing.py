"""Do borrowers of a group pay dearer rates than those of the reference group?

Harm: the same credit at a higher price. Per attribute, among rows with a rate (or rate spread):

* rate_gap_bp: mean rate of the group minus that of the reference, in basis points, so that positive means that the
  group pays more; Welch's interval (1947, Biometrika 34:28–35), or CR1 errors by entity where the contract names one;
* adjusted_rate_gap_bp: the same gap at equal controls and strata, by least squares with HC1 or CR1 errors. Its
  degrees are those of the smaller group, or fewer where controls leave less of the group to compare. Beside it the
  robustness value of Cinelli and Hazlett (2020, JRSS B 82:39–67): how strong an omitted variable must be to explain
  the gap away;
* rate_gap_money: the gap, at equal controls and strata where there are any, times amount and years of the group's
  loans, added up: what it comes to in simple interest on the whole amount over the whole term. It takes the gap to be
  the same whatever the amount and term;
* high_cost_share by group and high_cost_ratio, the group's share of high-cost loans over the reference's, where the
  contract names such a flag; score intervals (Wilson; Gart and Nam 1988, Biometrics 44:323–338). Above 1 is harm.

Who has a rate is a selected sample: commonly those who were approved and took the loan. A lender who turns down all but
the best of a group can look fair, or kind, here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from audits.comparisons import prices, rate_model
from audits.comparisons.currency import in_currency, loan_currency, loan_currency_needs
from audits.comparisons.in_money import gap_in_money
from audits.comparisons.prices import Priced
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, HistogramNeed, MomentsNeed, Need
from audits.measuring import from_error
from audits.record import Measurement, NotAnswered
from audits.unused_roles import marked
from checks.inputs.contract import DataContract
from checks.inputs.loan_columns import MONEY_YEARS, periods_of_term
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.cells import Cells
    from audits.evidence.moments import Moments

BASIS_POINTS = {"percent": 100.0, "fraction": 10_000.0, "basis_points": 1.0}
_ADJUST = said("list under 'controls' the numbers, under 'strata' the kinds of loans, that may lawfully move a rate")
_MONEY = "rate_gap_money"
_NO_AMOUNTS = said("the contract does not name what was lent and for how long")
_NAME_THEM = said("name 'amount' and 'term_months', 'term_days' or 'instalments' under 'loan'")
_NO_SPREAD = template(
    "within each group all rates are the same: no error can be told; the gap is {gap:.1f} basis points"
)
_ONE_RATE = template("all rates of {name} are the same: the spread is the other group's")


@dataclass(frozen=True, slots=True)
class Pricing:
    """``level`` is the confidence level; ``attributes`` restricts the question, empty means all."""

    level: float = 0.95
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "fair_lending.pricing"
    harm: ClassVar[str] = "fair_lending"
    roles: ClassVar[tuple[str, ...]] = ("rate", "groups")
    optional_roles: ClassVar[tuple[str, ...]] = ("controls", "strata", "entity", "weight", "loan", "decision")
    measures: ClassVar[Mapping[str, float | None]] = {
        "rate_gap_bp": 0.0, "adjusted_rate_gap_bp": 0.0, _MONEY: 0.0, "high_cost_share": None, "high_cost_ratio": 1.0,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ()

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Cells with the sums of rates, their distribution, and moments where there is something to adjust for."""
        for attribute in self._attributes(contract):
            yield from (self._cells(attribute, contract), self._histogram(attribute, contract))
            if _has_amounts(contract):
                yield self._lent(attribute)
                yield from loan_currency_needs(contract)
            if contract.entity:
                yield self._raw_moments(attribute, contract)
            if contract.controls or contract.strata:
                yield self._moments(attribute, contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The figures of every attribute."""
        figures: list[Measurement] = []
        missing = self._missing(contract)
        for attribute in self._attributes(contract):
            histogram = evidence.histogram(self._histogram(attribute, contract))
            seen = prices.priced(evidence.cells(self._cells(attribute, contract)), histogram)
            reference = evidence.data.references[attribute]
            repeated = None
            if contract.entity:
                repeated = evidence.moments(self._raw_moments(attribute, contract))
            gaps = []
            for label in sorted(set(seen.groups) - {reference}):
                shared = self._gap("rate_gap_bp", attribute, label, reference, seen, contract)
                raw = self._raw(shared, seen, contract, repeated)
                gaps.append(marked(raw, replace(contract, entity=None)))
            adjusted = list(self._adjusted(evidence, attribute, reference, seen, contract))
            figures += [*gaps, *adjusted]
            if _has_amounts(contract):
                figures += self._in_money(adjusted or gaps, evidence, attribute, contract)
            if contract.loan.get("high_cost"):
                figures += self._high_cost(attribute, reference, seen, contract, repeated)
                missing += self._unread_flags(seen, contract)
        return figures, list(dict.fromkeys(missing))

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _cells(self, attribute: str, contract: DataContract) -> CellsNeed:
        flag = contract.loan.get("high_cost")
        return CellsNeed((attribute,), (flag,) if flag else (), (str(contract.rate),))

    def _histogram(self, attribute: str, contract: DataContract) -> HistogramNeed:
        return HistogramNeed(str(contract.rate), (attribute,), decision=False)

    def _raw_moments(self, attribute: str, contract: DataContract) -> MomentsNeed:
        return MomentsNeed(attribute, (), contract.entity, contract.rate)

    def _moments(self, attribute: str, contract: DataContract) -> MomentsNeed:
        return MomentsNeed(attribute, contract.controls, contract.entity, contract.rate, contract.strata)

    def _lent(self, attribute: str) -> CellsNeed:
        return CellsNeed((attribute,), (), (MONEY_YEARS,))

    def _in_money(
        self, gaps: Iterable[Measurement], evidence: Evidence, attribute: str, contract: DataContract
    ) -> Iterator[Measurement]:
        """Each group's gap times what it was lent, and for how long; with decisions only granted rows were lent."""
        whole, lent = (evidence.cells(need) for need in (self._cells(attribute, contract), self._lent(attribute)))

        def of(cells: Cells, label: str | None) -> tuple[int, float]:
            own = [
                total[0] for (labels, decision, _), total in zip(cells.cells, cells.totals, strict=True)
                if labels[0] == label and (not contract.decision or decision == 1)
            ]  # fmt: skip
            return sum(one.known for one in own), sum(one.sum for one in own)

        currency = loan_currency(evidence, contract)
        for one in gaps:
            rows, total = of(lent, one.group)
            found = gap_in_money(one, _MONEY, total, rows, of(whole, one.group)[0], currency.unit)
            yield in_currency(found, currency)

    def _missing(self, contract: DataContract) -> list[NotAnswered]:
        missing = []
        if not contract.controls and not contract.strata:
            missing.append(NotAnswered(
                f"{self.name}: adjusted_rate_gap_bp", said("the contract declares neither controls nor strata"), _ADJUST
            ))  # fmt: skip
        if not _has_amounts(contract):
            missing.append(NotAnswered(f"{self.name}: {_MONEY}", _NO_AMOUNTS, _NAME_THEM))
        if not contract.loan.get("high_cost"):
            missing.append(NotAnswered(
                f"{self.name}: high_cost_share", said("the contract names no flag of high-cost loans"),
                said("name its column under 'loan: {{high_cost: …}}'"),
            ))  # fmt: skip
        if contract.weight:
            missing.append(NotAnswered(
                f"{self.name}: weight", said("every loan counts once: the declared weight is not used"),
                said("read the figures as those of the loans given"),
            ))  # fmt: skip
        return missing

    def _unread_flags(self, seen: Priced, contract: DataContract) -> list[NotAnswered]:
        odd = sorted({value for group in seen.groups.values() for value in group.odd_flags})
        if not odd:
            return []
        column, values = contract.loan["high_cost"], ", ".join(map(repr, odd[:5]))
        return [NotAnswered(
            f"{self.name}: high_cost_share",
            said("'{column}' holds {values}, which is neither yes nor no", column=column, values=values),
            said("write true or false, yes or no, 1 or 0, in the source or in a 'query'"),
        )]  # fmt: skip

    def _shared(self, attribute: str, label: str, reference: str, seen: Priced, contract: DataContract) -> Measurement:
        """What all gaps of a group have in common."""
        one, zero = seen.of(label), seen.of(reference)
        counts = {"group": one.n, "reference": zero.n}
        if contract.decision:
            counts |= {
                "group_approved_without_rate": one.favourable - one.favourable_priced,
                "reference_approved_without_rate": zero.favourable - zero.favourable_priced,
            }
        else:
            counts |= {"group_without_rate": one.rows - one.n, "reference_without_rate": zero.rows - zero.n}
        cautions, unseen = prices.selection(seen, (label, reference), contract)
        return Measurement(
            question=self.name, measure="", attribute=attribute, group=label, reference=reference, estimate=None,
            low=None, high=None, level=self.level, n=one.n + zero.n, counts=counts, equality=0.0, method=said("none"),
            source=said("none"), cautions=cautions, unseen=unseen,
        )  # fmt: skip

    def _gap(
        self, measure: str, attribute: str, label: str, reference: str, seen: Priced, contract: DataContract
    ) -> Measurement:
        """The same for a gap of means, which heavy tails make unreliable."""
        shared = self._shared(attribute, label, reference, seen, contract)
        odd = prices.odd_spread(seen, (label, reference))
        return replace(shared, measure=measure, cautions=(*shared.cautions, *odd), unseen=(*shared.unseen, *odd))

    def _raw(self, shared: Measurement, seen: Priced, contract: DataContract, repeated: Moments | None) -> Measurement:
        from audits.statistics.mean_difference import welch

        one, zero = seen.of(shared.group), seen.of(shared.reference)
        shared = replace(shared, source=said("cells"))
        if few := rate_model.too_few({shared.group: one.n, shared.reference: zero.n}):
            return replace(shared, reason=few)
        unit = BASIS_POINTS[contract.rate_unit]
        found = welch(one.n, one.total, one.squares, zero.n, zero.total, zero.squares)
        if not found.standard_error > 0:
            return replace(shared, reason=said(_NO_SPREAD, gap=unit * found.difference + 0.0))
        pairs = ((shared.group, found.spread1), (shared.reference, found.spread0))
        told = tuple(said(_ONE_RATE, name=name) for name, spread in pairs if not spread)
        shared = replace(shared, cautions=(*shared.cautions, *told), unseen=(*shared.unseen, *told))
        if repeated is not None:
            return self._by_entity(shared, repeated, unit)
        return replace(
            shared, method=said("difference of means, Welch's t interval"),
            **from_error(unit * found.difference, unit * found.standard_error, found.degrees_of_freedom, self.level),
        )  # fmt: skip

    def _by_entity(self, shared: Measurement, moments: Moments, unit: float) -> Measurement:
        from audits.statistics.linear_model import fit_group_effects

        labels = {str(shared.group), str(shared.reference)}
        method = said("difference of means, {errors}", errors=rate_model.errors(moments))
        shared = replace(shared, method=method, source=said("moments"))
        if not labels <= set(moments.labels):
            return replace(shared, reason=said("every row of one of the two groups lacks an entity"))
        fit = fit_group_effects(moments.grouped())
        used = dict(zip(moments.labels, moments.counts, strict=True))
        pair = {"group": used[str(shared.group)], "reference": used[str(shared.reference)]}
        shared = replace(shared, counts={**shared.counts, **pair}, n=sum(pair.values()))
        return rate_model.modelled_gap(shared, moments, fit, unit)

    def _adjusted(
        self, evidence: Evidence, attribute: str, reference: str, seen: Priced, contract: DataContract
    ) -> Iterator[Measurement]:
        """The gap that controls and strata leave, one for each group against the reference."""
        from audits.statistics.linear_model import fit_group_effects

        if not contract.controls and not contract.strata:
            return
        moments = evidence.moments(self._moments(attribute, contract))
        fit = fit_group_effects(moments.grouped()) if reference in moments.labels else None
        for label in sorted(set(seen.groups) - {reference}):
            shared = self._gap("adjusted_rate_gap_bp", attribute, label, reference, seen, contract)
            shared = replace(shared, method=said("least squares"), source=said("moments"))
            reason = moments.refused
            if not reason and (fit is None or label not in moments.labels):
                reason = said("every rate of one of the two groups lacks a control or an entity, or there is none")
            elif fit and len(moments.columns) == len(fit.dropped):
                reason = said("no declared control varies and there is one stratum, so there is nothing to adjust for")
            if reason or fit is None:
                yield replace(shared, reason=reason)
                continue
            used = dict(zip(moments.labels, moments.counts, strict=True))
            lost = {
                f"{role}_left_out_share": 1 - used[name] / seen.of(name).n
                for role, name in (("group", label), ("reference", reference))
            }
            counts = {**shared.counts, "group": used[label], "reference": used[reference]}
            shared = replace(shared, method=rate_model.described(moments, fit), counts=counts, details=lost, n=fit.n)
            yield rate_model.modelled_gap(shared, moments, fit, BASIS_POINTS[contract.rate_unit])

    def _high_cost(
        self, attribute: str, reference: str, seen: Priced, contract: DataContract, repeated: Moments | None
    ) -> Iterator[Measurement]:
        if any(group.odd_flags for group in seen.groups.values()):
            return
        once = repeated is not None and repeated.largest_cluster <= 1
        declared = replace(contract, entity=None) if once else contract
        for label in sorted(seen.groups):
            yield marked(prices.high_cost_share(self.name, attribute, label, seen.of(label), self.level), declared)
        for label in sorted(set(seen.groups) - {reference}):
            shared = replace(self._shared(attribute, label, reference, seen, contract), measure="high_cost_ratio")
            yield marked(prices.high_cost_ratio(shared, seen.of(label), seen.of(reference)), declared)


def _has_amounts(contract: DataContract) -> bool:
    return "amount" in contract.loan and periods_of_term(contract) is not None
