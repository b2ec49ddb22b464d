"""Are applications of a group approved less often, where nobody recorded who belongs to it?

Harm: unequal access to credit of groups that the lender does not, or may not, record. All that is known is each
applicant's probability of belonging (for instance from surname and address). imputed_approval_gap is the approval rate
of the reference minus that of the group, positive where the group is approved less often, as two bounds:

* weighted: the difference of approval rates weighted by the probabilities. Right if, among people alike in their
  probabilities, approval does not depend on the group; a lender that looks at the group itself makes it too small;
* least squares: approval on the probabilities of all labels but the reference, HC1 errors. Right if, within each group,
  approval does not depend on the probabilities; a lender that marks down the places where a group lives makes it too
  large.

The truth lies between them while both leanings go the same way (`audits.statistics.imputed_membership` has the proof
for two groups; with more, the same is assumed label by label). No single figure is right throughout (Chen, Kallus,
Mao, Svacha and Udell 2019, FAT*), so the estimate reported is the value between the bounds that is nearest to no gap,
what can be said at the least; and the interval reaches from the lower limit of either to the upper limit of either: it
holds every value between the bounds with at least the stated level. All of it rests on calibrated probabilities, which
these data cannot show: unless the contract states under ``calibration`` how they were checked, nothing is clear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from audits.evidence.collect import Evidence
from audits.evidence.needs import MembershipNeed, MomentsNeed, Need
from audits.measuring import POWER, bounded, within
from audits.record import Measurement, NotAnswered
from audits.unused_roles import marked
from checks.inputs.contract import DataContract, ImputedAttribute
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.memberships import Memberships
    from audits.evidence.moments import Moments
    from audits.statistics.imputed_membership import Bound, WeightedRates

_EXPECTED = 10.0  # approved, and declined, that the probabilities must expect in either group
_ENTITIES = 20.0  # effective entities of either group below which errors by entity are too small
_WORTH = 5.0  # what is left of a probability once the others are taken out of it, Σ p̃², for its error to be relied on
_LIKELY = 0.5
_MOST_OFF = 0.05
_MOST_LOST = 0.05  # share of the decided rows left out beyond which they may hold the harm
_ASSUMED = said(
    "the truth lies between the two bounds only while leanings against the group itself and against high probabilities "
    "of belonging go the same way: were they to pull apart, it could lie beyond either"
)
_UNCHECKED = said(
    "nothing states that the probabilities were held against people whose group is known: were they wrong, the gap "
    "could be larger"
)
_CHECKED = template("calibration as the program states it: {stated}")
_METHOD = template(
    "bounds: difference of probability-weighted rates, and least squares on the probabilities ({errors}); the estimate "
    "is the value between them nearest to no gap, the interval the union of both"
)
_LACK_PROBABILITY = template(
    "{share:.1f} % of the decided applications ({lost:,}) lack a probability of belonging and are left out"
)
_LACK_EITHER = template(
    "{share:.1f} % of the decided applications ({lost:,}) lack a probability of belonging or an entity and are left out"
)
_EXCEED_ONE = template("the probabilities of {share:.1f} % of the rows exceed one: list every label there is")
_NOT_ONE = template("the probabilities of {share:.1f} % of the rows do not sum to one: list every label there is")
_UNLIKELY = template(
    "nobody is more likely than not to belong to {label} (at most {high:.2f}): the bounds lean wholly on people who "
    "mostly do not"
)
_FEW_APPROVED = template(
    "the probabilities expect only {expected:.1f} approved applicants of '{label}', and an error to rely on needs "
    "{needed:.0f}"
)
_FEW_DECLINED = template(
    "the probabilities expect only {expected:.1f} declined applicants of '{label}', and an error to rely on needs "
    "{needed:.0f}"
)
_FEW_ENTITIES = template(
    "'{label}' is worth only {worth:.1f} entities, and an error that allows for them needs {needed:.0f}"
)
_ALL_ALIKE = template("everybody has the same probability of belonging to '{label}', so nobody is told apart")
_ALIASED = template("the probabilities in '{column}' follow from the others, so that its group is not told apart")
_ALIKE = template(
    "the probabilities in '{column}' differ so little that they are worth {worth:.1f} rows, and an error to rely on "
    "needs {needed:.0f}"
)


@dataclass(frozen=True, slots=True)
class ImputedGroups:
    """``level`` is the confidence level."""

    level: float = 0.95

    name: ClassVar[str] = "fair_lending.imputed_groups"
    harm: ClassVar[str] = "fair_lending"
    roles: ClassVar[tuple[str, ...]] = ("decision", "imputed_groups")
    optional_roles: ClassVar[tuple[str, ...]] = ("entity", "weight", "strata")
    measures: ClassVar[Mapping[str, float | None]] = {"imputed_approval_gap": 0.0}
    counted: ClassVar[tuple[str, ...]] = ()

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Sums and products of the probabilities, and the moments of approval on them."""
        for imputed in contract.imputed_groups:
            yield from (_membership_need(imputed, contract), _moments_need(imputed, contract))

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """One pair of bounds for each label but the reference."""
        figures = []
        for imputed in contract.imputed_groups:
            likely = evidence.memberships(_membership_need(imputed, contract))
            moments = evidence.moments(_moments_need(imputed, contract))
            for figure in self._bounds(imputed, likely, moments):
                figures.append(marked(figure, replace(contract, entity=None)))
        return figures, self._missing(contract)

    def _missing(self, contract: DataContract) -> list[NotAnswered]:
        told = {
            "weight": (
                said("every row counts once, whatever its declared weight"),
                said("read the figures as those of the rows"),
            ),
            "strata": (
                said("the declared strata are not told apart"),
                said("ask the question of each stratum by itself"),
            ),
        }
        return [NotAnswered(f"{self.name}: {role}", *why) for role, why in told.items() if contract.has(role)]

    def _bounds(self, imputed: ImputedAttribute, likely: Memberships, moments: Moments) -> Iterator[Measurement]:
        from audits.statistics.imputed_membership import weighted_rates

        rates = weighted_rates(
            likely.sums, likely.cross, sum(likely.counts), likely.cluster_cross or None, likely.clusters
        )
        labels = _labels(imputed)
        zero = labels.index(imputed.reference)
        for one in (i for i in range(len(labels)) if i != zero):
            shared = self._shared(imputed, labels[one], likely, rates, one, zero)
            reason = _unidentified(shared, likely, rates, one, zero)
            regressed = None
            if reason is None:
                regressed, reason = _least_squares(imputed.probabilities[labels[one]], moments, rates, one, zero)
            if reason or regressed is None:
                yield replace(shared, reason=reason)
                continue
            gap, error = rates.difference(zero, one)
            yield self._between(shared, gap, error, regressed, rates, one, zero)

    def _shared(
        self, imputed: ImputedAttribute, label: str, likely: Memberships, rates: WeightedRates, one: int, zero: int
    ) -> Measurement:
        n = sum(likely.counts)
        counts = {"decided": n, "favourable": likely.counts[1]}
        if likely.cluster:
            counts |= {"entities": likely.clusters, "largest_entity": likely.largest_cluster}
        if lost := _left_out(likely):
            counts["left_out"] = lost
        checked = said(_CHECKED, stated=imputed.calibration) if imputed.calibration else _UNCHECKED
        unseen = [] if imputed.calibration else [_UNCHECKED]
        told = _odd_probabilities(label, likely, one)
        errors = said("CR1 errors by {cluster}", cluster=likely.cluster) if likely.cluster else said("HC1 errors")
        return Measurement(
            question=self.name, measure="imputed_approval_gap", attribute=imputed.name, group=label,
            reference=imputed.reference, estimate=None, low=None, high=None, level=self.level, n=n, counts=counts,
            equality=0.0, source=said("memberships and moments"), cautions=(_ASSUMED, checked, *told),
            unseen=(*unseen, *told, *_incomplete(likely)), method=said(_METHOD, errors=errors),
        )  # fmt: skip

    def _between(
        self, shared: Measurement, gap: float, error: float, regressed: Bound, rates: WeightedRates, one: int, zero: int
    ) -> Measurement:
        from scipy.special import stdtrit

        from audits.statistics.imputed_membership import Bound, nearest_to_none, union_interval, union_p_value

        if not error > 0 or not regressed.error > 0:
            why = said("approval does not vary with the probabilities at all, so no error can be told")
            return replace(shared, reason=why)
        weighted = Bound(gap, error, min(float(rates.effective[one]), float(rates.effective[zero])) - 1)
        pair = (weighted, regressed)
        departures = [
            float(stdtrit(bound.degrees_of_freedom, 0.5 + self.level / 2) + stdtrit(bound.degrees_of_freedom, POWER))
            * bound.error for bound in pair
        ]  # fmt: skip
        details = {
            "weighted_gap": gap, "weighted_gap_error": error, "least_squares_gap": regressed.estimate,
            "least_squares_gap_error": regressed.error, "group_weighted_rate": float(rates.rates[one]),
            "reference_weighted_rate": float(rates.rates[zero]), "group_expected": float(rates.mass[one]),
            "group_effective": float(rates.effective[one]), "reference_effective": float(rates.effective[zero]),
        }  # fmt: skip
        return replace(
            shared, estimate=nearest_to_none(*pair), p_value=union_p_value(*pair), details=details, reason=None,
            mde=within(max(departures), 1.0), **bounded(lambda at: union_interval(*pair, at), self.level),
        )  # fmt: skip


def _labels(imputed: ImputedAttribute) -> list[str]:
    """In the order of the memberships: those with a column, then the reference where it has none."""
    listed = list(imputed.probabilities)
    return listed if imputed.reference in imputed.probabilities else [*listed, imputed.reference]


def _membership_need(imputed: ImputedAttribute, contract: DataContract) -> MembershipNeed:
    columns = tuple(imputed.probabilities.values())
    return MembershipNeed(columns, imputed.reference not in imputed.probabilities, contract.entity)


def _moments_need(imputed: ImputedAttribute, contract: DataContract) -> MomentsNeed:
    others = tuple(column for label, column in imputed.probabilities.items() if label != imputed.reference)
    return MomentsNeed(None, others, contract.entity)


def _left_out(likely: Memberships) -> int:
    """Decided rows that lack a probability or an entity."""
    return likely.rows - likely.undecided - sum(likely.counts)


def _incomplete(likely: Memberships) -> tuple[str, ...]:
    """What to say where too many decided rows are left out."""
    lost, decided = _left_out(likely), likely.rows - likely.undecided
    if lost <= _MOST_LOST * decided:
        return ()
    told = _LACK_EITHER if likely.cluster else _LACK_PROBABILITY
    return (said(told, share=100 * lost / decided, lost=lost),)


def _odd_probabilities(label: str, likely: Memberships, one: int) -> tuple[str, ...]:
    """What the probabilities themselves show to be wrong, or too little."""
    told = []
    n = sum(likely.counts)
    if n and likely.off > _MOST_OFF * n:
        told.append(said(_EXCEED_ONE if likely.remainder else _NOT_ONE, share=100 * likely.off / n))
    if n and likely.high[one] < _LIKELY:
        told.append(said(_UNLIKELY, label=label, high=likely.high[one]))
    return tuple(told)


def _unidentified(shared: Measurement, likely: Memberships, rates: WeightedRates, one: int, zero: int) -> str | None:
    """Why the probabilities cannot tell the group's rate, or None."""
    if not shared.n:
        return said("no row has a decision that counts and all probabilities")
    for label, i in ((shared.group, one), (shared.reference, zero)):
        if not rates.mass[i] > 0:
            return said("nobody has any probability of belonging to '{label}'", label=label)
        fewest = min(float(rates.approved[i]), float(rates.declined[i]))
        if fewest < _EXPECTED:
            told = _FEW_APPROVED if rates.approved[i] < rates.declined[i] else _FEW_DECLINED
            return said(told, expected=max(fewest, 0.0), label=label, needed=_EXPECTED)
        if likely.cluster and rates.effective[i] < _ENTITIES:
            return said(_FEW_ENTITIES, label=label, worth=rates.effective[i], needed=_ENTITIES)
    if likely.low[one] == likely.high[one]:
        return said(_ALL_ALIKE, label=shared.group)
    return None


def _least_squares(
    column: str, moments: Moments, rates: WeightedRates, one: int, zero: int
) -> tuple[Bound | None, str | None]:
    """The gap by least squares on the probabilities, or why there is none."""
    from audits.statistics.imputed_membership import Bound
    from audits.statistics.linear_model import fit_group_effects

    aliased = said(_ALIASED, column=column)
    if not moments.labels or column not in moments.controls:
        return None, aliased
    fit = fit_group_effects(moments.grouped())
    i = moments.controls.index(column)
    low, high = moments.ranges[i]
    half = high / 2 - low / 2
    worth = float(fit.control_information[i]) * half**2
    if not worth > 0:
        return None, aliased
    if worth < _WORTH:
        return None, said(_ALIKE, column=column, worth=worth, needed=_WORTH)
    errors = fit.control_cluster if moments.cluster else fit.control_robust
    least = min(float(rates.effective[one]), float(rates.effective[zero]))
    freedom = min(least - 1, 2 * worth - 1, float(fit.n - fit.k))
    return Bound(-float(fit.control_coefficients[i]) / half, float(errors[i]) / half, freedom), None
