"""Are applications of a protected group approved less often than those of the reference group?

Harm: unequal access to credit. Per attribute, against the declared reference group:

* as the rows stand: approval_rate by group, adverse_impact_ratio, approval_gap (reference minus group, so that positive
  means approved less often), approval_odds_ratio, standardized_mean_difference; score intervals;
* within declared strata (business necessities): the Mantel–Haenszel stratified_odds_ratio, stratified_risk_ratio and
  stratified_approval_gap, and logit_approval_gap;
* among applications alike in the declared controls: adjusted_approval_gap, by a linear probability model with HC1
  errors, or CR1 errors by entity where the contract names one. It says what the controls leave unexplained: it is no
  proof of discrimination, and controls that are themselves tainted can hide it;
* whose group is not known: group_coverage, and bounded_adverse_impact_ratio and bounded_approval_gap, which hold
  whoever the unlabelled applicants are.

Sources: Uniform Guidelines 29 CFR 1607.4(D) for the ratio; Koopman (1984), Biometrics 40:513–517, Gart and Nam (1988),
Biometrics 44:323–338, and Miettinen and Nurminen (1985), Statistics in Medicine 4:213–226 for the intervals; White
(1980) for HC1; `audits.comparisons` for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from audits.comparisons import raw, unknown
from audits.comparisons.rates import ENTITIES, GroupRates, group_rates, rates_needs
from audits.comparisons.stratified import stratified
from audits.evidence.collect import Evidence
from audits.evidence.needs import MomentsNeed, Need
from audits.measuring import from_error
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.moments import Moments
    from audits.statistics.linear_model import GroupEffects

# rows' worth of a group that controls and strata must leave to compare, and t's degrees: twice that, less one. With the
# usual degrees ten comparable rows against a thousand cover .908 (simulated), with these .936
_WORTH = 5.0
_OUTCOMES = 10  # rows of each decision in each group below which HC1 errors are too small (a group of one has none)
_MODEL = template("linear probability model with {used} controls{levels}{repeated}, {errors}")
_NOBODY_LEFT = said("once rows without a value of a control or an entity are left out, no two groups remain to compare")
_SCARCE = template(
    "one of the two groups has only {scarce} rows of its rarer decision, and an error to rely on needs {needed}; "
    "without an interval the gap is {gap:.1f} percentage points"
)
_FEW_ENTITIES = template(
    "one of the two groups consists of only {fewest} entities, and an error that allows for their dependence needs "
    "{needed}; without an interval the gap is {gap:.1f} percentage points"
)
_UNKNOWN = template("{attribute} is not known for {share:.1f} % of the decided applications, which are left out here")


@dataclass(frozen=True, slots=True)
class Approval:
    """``level`` is the confidence level; ``attributes`` restricts the question, empty means all."""

    level: float = 0.95
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "fair_lending.approval"
    harm: ClassVar[str] = "fair_lending"
    roles: ClassVar[tuple[str, ...]] = ("decision", "groups")
    optional_roles: ClassVar[tuple[str, ...]] = ("controls", "strata", "weight", "entity")
    measures: ClassVar[Mapping[str, float | None]] = {
        "approval_rate": None, "adverse_impact_ratio": 1.0, "approval_gap": 0.0, "approval_odds_ratio": 1.0,
        "standardized_mean_difference": 0.0, "stratified_odds_ratio": 1.0, "stratified_risk_ratio": 1.0,
        "stratified_approval_gap": 0.0, "logit_approval_gap": 0.0, "adjusted_approval_gap": 0.0,
        "group_coverage": None, "bounded_adverse_impact_ratio": None, "bounded_approval_gap": None,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ("group_coverage",)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Cells of every attribute, and moments where there are controls."""
        for name in self._attributes(contract):
            yield from rates_needs(name, contract)
            if contract.controls:
                yield self._moments(name, contract)

    def _moments(self, attribute: str, contract: DataContract) -> MomentsNeed:
        return MomentsNeed(attribute, contract.controls, contract.entity, strata=contract.strata)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The figures of every attribute."""
        figures: list[Measurement] = []
        for attribute in self._attributes(contract):
            rates = group_rates(evidence, contract, attribute)
            own = [*self._as_they_stand(rates, contract), *self._within_strata(rates, contract)]
            if contract.controls:
                own += self._adjusted(evidence.moments(self._moments(attribute, contract)), rates, contract)
            figures += [_with_unknown(figure, rates) for figure in own]
            figures += self._strangers(rates, contract)
        return figures, self._missing(contract)

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _as_they_stand(self, rates: GroupRates, contract: DataContract) -> list[Measurement]:
        levels = [raw.rate_of(self.name, rates, group, self.level) for group in rates.groups.values()]
        compared = [one for label in rates.others for one in raw.comparisons(self.name, rates, label, self.level)]
        return levels + [_lumping_strata(figure, contract) for figure in compared]

    def _within_strata(self, rates: GroupRates, contract: DataContract) -> list[Measurement]:
        if not contract.strata:
            return []
        return [one for label in rates.others for one in self._stratified(rates, contract, label)]

    def _stratified(self, rates: GroupRates, contract: DataContract, label: str) -> list[Measurement]:
        return stratified(self.name, rates, contract.strata, label, self.level, contract.entity is not None)

    def _bounds(self, rates: GroupRates, contract: DataContract, label: str) -> Iterable[Measurement]:
        return unknown.bounds(self.name, rates, label, self.level, contract.weight is not None)

    def _strangers(self, rates: GroupRates, contract: DataContract) -> list[Measurement]:
        bounds = [one for label in rates.others for one in self._bounds(rates, contract, label)]
        return [unknown.coverage(self.name, rates, self.level), *bounds]

    def _missing(self, contract: DataContract) -> list[NotAnswered]:
        missing = []
        if not contract.controls:
            missing.append(NotAnswered(
                f"{self.name}: adjusted_approval_gap", said("the contract declares no controls"),
                said("list under 'controls' the columns that the lender may lawfully weigh"),
            ))  # fmt: skip
        if not contract.strata:
            missing.append(NotAnswered(
                f"{self.name}: stratified_approval_gap", said("the contract declares no strata"),
                said("list under 'strata' the columns within which alone applications may be compared"),
            ))  # fmt: skip
        if contract.weight and contract.controls:
            missing.append(NotAnswered(
                f"{self.name}: weight", said("the adjusted gap counts every row once, whatever its declared weight"),
                said("read the adjusted gap as that of the rows given"),
            ))  # fmt: skip
        return missing

    def _adjusted(self, moments: Moments, rates: GroupRates, contract: DataContract) -> list[Measurement]:
        """The gap that the controls leave, one for each group against the reference."""
        from audits.statistics.linear_model import fit_group_effects

        reference = rates.reference
        nothing = Measurement(
            question=self.name, measure="adjusted_approval_gap", attribute=moments.attribute, group=None,
            reference=reference, estimate=None, low=None, high=None, level=self.level, n=sum(moments.counts),
            method=said(_MODEL, used=len(moments.controls), levels="", repeated="", errors=_errors(moments)),
            source=said("moments"), equality=0.0, reason=_NOBODY_LEFT,
        )  # fmt: skip
        if moments.refused:
            return [replace(nothing, reason=moments.refused)]
        if reference not in moments.labels or len(moments.labels) < 2:
            return [nothing]
        fit = fit_group_effects(moments.grouped())
        used = len(moments.columns) - len(fit.dropped)
        if not used:
            return [replace(nothing, reason=said("no declared control varies, so there is nothing to adjust for"))]
        nothing = replace(nothing, method=_described(moments, fit.dropped))
        rows = dict(zip(moments.labels, moments.counts, strict=True))
        reason = said("every row of the group lacks a value of a control or an entity")
        measurements = [
            replace(nothing, group=label, reason=reason) for label in sorted(set(rates.groups) - set(moments.labels))
        ]
        for i, label in enumerate(fit.labels):
            counts = {"group": rows[label], "reference": rows[reference], "left_out": moments.rows - fit.n}
            if moments.cluster:
                entities = dict(zip(moments.labels, moments.clusters_by_label, strict=True))
                counts |= {
                    "group_entities": entities[label], "reference_entities": entities[reference],
                    "largest_entity": moments.largest_cluster,
                }  # fmt: skip
            lost = {
                f"{role}_left_out_share": 1 - rows[name] / rates.groups[name].decided
                for role, name in (("group", label), ("reference", reference))
            }
            one = replace(nothing, group=label, n=fit.n, counts=counts, details=lost)
            measurements.append(self._adjusted_one(one, fit, i, _scarcest(moments, label, reference)))
        return measurements

    def _adjusted_one(self, shared: Measurement, fit: GroupEffects, i: int, scarce: int) -> Measurement:
        by_entity = "group_entities" in shared.counts
        fewest = min(shared.counts[f"{role}_entities"] for role in ("group", "reference")) if by_entity else 0
        errors = fit.cluster_errors if by_entity else fit.robust_errors
        gap, error = -float(fit.group_coefficients[i]), float(errors[i])
        if scarce < _OUTCOMES:
            return replace(shared, reason=said(_SCARCE, scarce=scarce, needed=_OUTCOMES, gap=100 * gap + 0.0))
        if by_entity and fewest < ENTITIES:
            return replace(shared, reason=said(_FEW_ENTITIES, fewest=fewest, needed=ENTITIES, gap=100 * gap + 0.0))
        worth = float(fit.information[i])
        if not worth >= _WORTH or not error > 0:  # also when it is NaN
            why = said("the controls tell this group apart by themselves, so that nothing is left to compare")
            return replace(shared, reason=why)
        details = {**shared.details, "standard_error_classical": float(fit.classical_errors[i])}
        freedom = float(min(fewest - 1 if by_entity else fit.n - fit.k, 2 * worth - 1))
        return replace(shared, reason=None, details=details, **from_error(gap, error, freedom, self.level))


def _lumping_strata(figure: Measurement, contract: DataContract) -> Measurement:
    """A comparison that ignores declared strata carries their number: a gap within each can vanish over all of them."""
    if not contract.strata or figure.reference is None:
        return figure
    return replace(figure, details={**figure.details, "declared_strata_ignored": float(len(contract.strata))})


def _with_unknown(figure: Measurement, rates: GroupRates) -> Measurement:
    """A figure of the labelled alone is no all-clear for the others once they are many."""
    if figure.reference is None or figure.estimate is None:
        return figure
    figure = replace(figure, cautions=(*figure.cautions, *rates.lost), unseen=(*figure.unseen, *rates.lost))
    share = unknown.unknown_share(rates)
    if share <= unknown.MOST_UNKNOWN:
        return figure
    told = said(_UNKNOWN, attribute=rates.attribute, share=100 * share)
    return replace(figure, cautions=(*figure.cautions, told), unseen=(*figure.unseen, told))


def _described(moments: Moments, dropped: Sequence[str]) -> str:
    """The model of the adjusted gap in words."""
    return said(
        _MODEL, used=len(moments.columns) - len(dropped), errors=_errors(moments),
        levels=said(", {n} of them levels of strata", n=len(moments.indicators)) if moments.indicators else "",
        repeated=said(" ({names} only repeat others)", names=", ".join(dropped)) if dropped else "",
    )  # fmt: skip


def _errors(moments: Moments) -> str:
    """The errors of the adjusted gap, as its method names them."""
    if moments.cluster:
        return said(
            "CR1 errors by {cluster}, t with at most one degree less than the entities of the smaller group",
            cluster=moments.cluster,
        )
    return said("HC1 errors, t with at most n − k degrees")


def _scarcest(moments: Moments, *labels: str) -> int:
    """The smallest number of rows of either decision in any of the groups: robust errors rest on it."""
    rows = {
        label: (favourable, count - favourable)
        for label, count, favourable in zip(moments.labels, moments.counts, moments.favourable, strict=True)
    }
    return min(number for label in labels for number in rows[label])
