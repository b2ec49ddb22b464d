"""Are applications of a protected group approved less often than those of the reference group?

Harm: unequal access to credit. Per attribute, against the declared reference group:

* approval_rate: approved over decided applications, by group (Fairlearn's selection rate).
* adverse_impact_ratio: rate of the group over the rate of the reference; score interval.
* approval_gap: rate of the reference minus rate of the group, so that a positive gap means that
  the group is approved less often; score interval.
* adjusted_approval_gap: the same gap among applications alike in the declared controls, by a
  linear probability model with HC1 errors, or CR1 errors by entity where the contract names one.
  It says what the controls leave unexplained: it is no proof of discrimination, and controls
  that are themselves tainted can hide it.

Sources: Uniform Guidelines 29 CFR 1607.4(D) for the ratio; Koopman (1984), Biometrics 40:513–517,
Gart and Nam (1988), Biometrics 44:323–338, and Miettinen and Nurminen (1985), Statistics in
Medicine 4:213–226 for the intervals; White (1980) for HC1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, MomentsNeed, Need
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract

if TYPE_CHECKING:
    from audits.evidence.moments import Moments
    from audits.statistics.linear_model import GroupEffects

_POWER = 0.8
# entities in a group below which CR1 errors are too small; above, t with one degree less than the smaller group has
# (simulated: 20 against 1,000 entities cover .944, with the usual degrees .930; 5 against 1,000 cover .84)
_ENTITIES = 20
_OUTCOMES = 10  # rows of each decision in each group below which HC1 errors are too small (a group of one has none)
# roles that a contract may declare and that would change these figures or their intervals, were they used here
_UNUSED = {
    "weight": ("every row counts once: the declared weight is not used", "read the figures as those of the rows given"),
    "entity": (
        "in rates, ratios and raw gaps the rows of one entity count as independent, so that their intervals are too "
        "narrow where an entity repeats; the adjusted gap allows for it",
        "give one row for each entity, or read those intervals with that in mind",
    ),
    "strata": (
        "the figures are not stratified by the declared strata",
        "declare as 'controls' what can be written as a number",
    ),
}


@dataclass(frozen=True, slots=True)
class Approval:
    """``level`` is the confidence level; ``attributes`` restricts the question, empty means all."""

    level: float = 0.95
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "fair_lending.approval"
    harm: ClassVar[str] = "fair_lending"
    roles: ClassVar[tuple[str, ...]] = ("decision", "groups")
    optional_roles: ClassVar[tuple[str, ...]] = ("controls", *_UNUSED)
    measures: ClassVar[Mapping[str, float | None]] = {
        "approval_rate": None, "adverse_impact_ratio": 1.0, "approval_gap": 0.0, "adjusted_approval_gap": 0.0,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ()

    def needs(self, contract: DataContract) -> Iterable[Need]:
        names = self._attributes(contract)
        moments = [self._moments(name, contract) for name in names] if contract.controls else []
        return [*(CellsNeed((name,)) for name in names), *moments]

    def _moments(self, attribute: str, contract: DataContract) -> MomentsNeed:
        return MomentsNeed(attribute, contract.controls, contract.entity)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        figures: list[Measurement] = []
        missing: list[NotAnswered] = []
        for attribute in self._attributes(contract):
            reference = evidence.data.references[attribute]
            counts = _decided(evidence.cells(CellsNeed((attribute,))).by(attribute))
            figures += self._raw(attribute, reference, counts)
            if contract.controls:
                moments = evidence.moments(self._moments(attribute, contract))
                figures += self._adjusted(moments, reference, counts)
        if not contract.controls:
            missing.append(NotAnswered(
                f"{self.name}: adjusted_approval_gap", "the contract declares no controls",
                "list under 'controls' the columns that the lender may lawfully weigh",
            ))  # fmt: skip
        missing += [
            NotAnswered(f"{self.name}: {role}", reason, needed)
            for role, (reason, needed) in _UNUSED.items()
            if contract.has(role)
        ]
        return [_with_strata(figure, contract) for figure in figures], missing

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _raw(self, attribute: str, reference: str, counts: Mapping[str, tuple[int, int]]) -> list[Measurement]:
        rates = _selection_rates(counts)
        measurements = [self._rate(attribute, label, counts[label], rates[label]) for label in sorted(counts)]
        others = [label for label in sorted(counts) if label != reference]
        for label in others:
            if reference in counts:
                measurements += self._comparison(attribute, label, reference, counts, rates)
            else:
                measurements += self._no_comparison(attribute, label, reference, counts[label][1])
        return measurements

    def _no_comparison(self, attribute: str, label: str, reference: str, n: int) -> list[Measurement]:
        return [
            Measurement(
                question=self.name, measure=measure, attribute=attribute, group=label, reference=reference,
                estimate=None, low=None, high=None, level=self.level, n=n, method="none", source="none",
                reason=f"no row of the reference group '{reference}' has a decision that counts",
            )
            for measure in ("adverse_impact_ratio", "approval_gap")
        ]  # fmt: skip

    def _rate(self, attribute: str, label: str, count: tuple[int, int], rate: float) -> Measurement:
        from audits.statistics.proportions import score_interval_rate

        interval = score_interval_rate(count[0], count[1], self.level)
        return Measurement(
            question=self.name, measure="approval_rate", attribute=attribute, group=label, reference=None,
            estimate=rate, low=_number(interval.low), high=_number(interval.high), level=self.level, n=count[1],
            counts={"favourable": count[0], "decided": count[1]}, method=interval.method, source=_FAIRLEARN,
        )  # fmt: skip

    def _comparison(
        self,
        attribute: str,
        label: str,
        reference: str,
        counts: Mapping[str, tuple[int, int]],
        rates: Mapping[str, float],
    ) -> list[Measurement]:
        """Ratio and gap of one group against the reference."""
        from audits.statistics import proportions
        from audits.statistics.detectable_effect import minimum_detectable_rates
        from audits.statistics.ratio_interval import ratio_interval

        (x1, n1), (x0, n0) = counts[label], counts[reference]
        test = proportions.equality_p_value(x1, n1, x0, n0)
        # the departure that would be a harm: a lower rate of the group
        mde = x0 / n0 - minimum_detectable_rates(x0 / n0, n1, n0, self.level, _POWER).below
        ratio = ratio_interval(x1, n1, x0, n0, self.level)
        gap = proportions.score_interval_difference(x1, n1, x0, n0, self.level, corrected=True)
        as_ratio = Measurement(
            question=self.name, measure="adverse_impact_ratio", attribute=attribute, group=label, reference=reference,
            estimate=rates[label] / rates[reference] if x0 else None,
            low=_number(ratio.low), high=_number(ratio.high), level=self.level, n=n1 + n0, equality=1.0,
            counts={
                "group_favourable": x1, "group_decided": n1, "reference_favourable": x0, "reference_decided": n0,
            },
            p_value=_number(test.p_value), mde=_within(mde * n0 / x0, 1.0) if x0 else None,
            method=f"{ratio.method} interval, {_item(test.method)} p-value", source=_FAIRLEARN,
            reason=None if x0 else f"nobody of the reference group '{reference}' was approved: there is no ratio",
        )  # fmt: skip
        as_gap = replace(
            as_ratio, measure="approval_gap", estimate=rates[reference] - rates[label],
            low=_number(-gap.high), high=_number(-gap.low), equality=0.0, mde=_within(mde, x0 / n0), reason=None,
            method=f"{gap.method} interval, {_item(test.method)} p-value",
        )  # fmt: skip
        return [as_ratio, as_gap]

    def _adjusted(self, moments: Moments, reference: str, decided: Mapping[str, tuple[int, int]]) -> list[Measurement]:
        """The gap that the controls leave, one for each group against the reference."""
        from audits.statistics.linear_model import fit_group_effects

        nothing = Measurement(
            question=self.name, measure="adjusted_approval_gap", attribute=moments.attribute, group=None,
            reference=reference, estimate=None, low=None, high=None, level=self.level, n=sum(moments.counts),
            method=f"linear probability model with {len(moments.controls)} controls, {_errors(moments)}",
            source="moments", equality=0.0,
            reason="once rows without a value of a control or an entity are left out, no two groups remain to compare",
        )  # fmt: skip
        if reference not in moments.labels or len(moments.labels) < 2:
            return [nothing]
        fit = fit_group_effects(moments.grouped())
        used = len(moments.controls) - len(fit.dropped)
        if not used:
            return [replace(nothing, reason="no declared control varies, so there is nothing to adjust for")]
        repeated = f" ({', '.join(fit.dropped)} only repeat others)" if fit.dropped else ""
        method = f"linear probability model with {used} controls{repeated}, {_errors(moments)}"
        nothing = replace(nothing, method=method)
        rows = dict(zip(moments.labels, moments.counts, strict=True))
        reason = "every row of the group lacks a value of a control or an entity"
        measurements = [
            replace(nothing, group=label, reason=reason) for label in sorted(set(decided) - set(moments.labels))
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
                f"{role}_left_out_share": 1 - rows[name] / decided[name][1]
                for role, name in (("group", label), ("reference", reference))
            }
            one = replace(nothing, group=label, n=fit.n, counts=counts, details=lost)
            scarce = _scarcest(moments, label, reference)
            measurements.append(self._adjusted_one(one, fit, i, scarce))
        return measurements

    def _adjusted_one(self, shared: Measurement, fit: GroupEffects, i: int, scarce: int) -> Measurement:
        from scipy.special import stdtr, stdtrit

        by_entity = "group_entities" in shared.counts
        fewest = min(shared.counts[f"{role}_entities"] for role in ("group", "reference")) if by_entity else 0
        errors = fit.cluster_errors if by_entity else fit.robust_errors
        gap, error = -float(fit.group_coefficients[i]), float(errors[i])
        if scarce < _OUTCOMES:
            why = (
                f"one of the two groups has only {scarce} rows of its rarer decision, and an error to rely on "
                f"needs {_OUTCOMES}; without an interval the gap is {100 * gap:.1f} percentage points"
            )
            return replace(shared, reason=why)
        if by_entity and fewest < _ENTITIES:
            why = (
                f"one of the two groups consists of only {fewest} entities, and an error that allows for their "
                f"dependence needs {_ENTITIES}; without an interval the gap is {100 * gap:.1f} percentage points"
            )
            return replace(shared, reason=why)
        if not error > 0:  # also when it is NaN
            why = "the controls tell this group apart by themselves, so that nothing is left to compare"
            return replace(shared, reason=why)
        freedom = fewest - 1 if by_entity else fit.n - fit.k
        reach = float(stdtrit(freedom, 0.5 + self.level / 2)) * error
        return replace(
            shared, estimate=gap, low=gap - reach, high=gap + reach, standard_error=error, reason=None,
            details={**shared.details, "standard_error_classical": float(fit.classical_errors[i])},
            p_value=float(2 * stdtr(freedom, -abs(gap) / error)),
            mde=float(stdtrit(freedom, 0.5 + self.level / 2) + stdtrit(freedom, _POWER)) * error,
        )  # fmt: skip


_FAIRLEARN = "fairlearn MetricFrame on cells"


def _with_strata(figure: Measurement, contract: DataContract) -> Measurement:
    """A comparison that ignores declared strata carries their number: a gap within each can vanish over all of them."""
    if not contract.strata or figure.reference is None:
        return figure
    return replace(figure, details={**figure.details, "declared_strata_ignored": float(len(contract.strata))})


def _errors(moments: Moments) -> str:
    """The errors of the adjusted gap, as its method names them."""
    if moments.cluster:
        return f"CR1 errors by {moments.cluster}, t with one degree less than the entities of the smaller group"
    return "HC1 errors, t with n − k degrees"


def _decided(counts: Mapping[tuple[str | None, int | None], int]) -> dict[str, tuple[int, int]]:
    """label → (favourable, decided), rows without a label or a decision left out."""
    labels = {label for label, decision in counts if label is not None and decision is not None}
    return {
        label: (counts.get((label, 1), 0), counts.get((label, 1), 0) + counts.get((label, 0), 0)) for label in labels
    }


def _selection_rates(counts: Mapping[str, tuple[int, int]]) -> dict[str, float]:
    """Fairlearn's selection rate by group, on cells with their counts as weights."""
    import pandas as pd
    from fairlearn.metrics import MetricFrame, selection_rate

    cells = pd.DataFrame(
        [(label, decision, rows)
         for label, (favourable, decided) in sorted(counts.items())
         for decision, rows in ((1, favourable), (0, decided - favourable)) if rows],
        columns=["label", "favourable", "rows"],
    )  # fmt: skip
    frame = MetricFrame(
        metrics={"selection_rate": selection_rate},
        y_true=cells["favourable"], y_pred=cells["favourable"], sensitive_features=cells["label"],
        sample_params={"selection_rate": {"sample_weight": cells["rows"]}},
    )  # fmt: skip
    return {str(label): float(rate) for label, rate in frame.by_group["selection_rate"].items()}


def _number(value: object) -> float | None:
    """A finite number, or None: a bound at infinity, or a figure that cannot be had."""
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def _within(departure: object, most: float) -> float | None:
    """A detectable departure, or None where it is larger than any that can occur."""
    number = _number(departure)
    return number if number is not None and number <= most else None


def _scarcest(moments: Moments, *labels: str) -> int:
    """The smallest number of rows of either decision in any of the groups: robust errors rest on it."""
    rows = {
        label: (favourable, count - favourable)
        for label, count, favourable in zip(moments.labels, moments.counts, moments.favourable, strict=True)
    }
    return min(number for label in labels for number in rows[label])


def _item(value: object) -> str:
    """The text in a numpy array of one."""
    return str(value.item()) if hasattr(value, "item") else str(value)
