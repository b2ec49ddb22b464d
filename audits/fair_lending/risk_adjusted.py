"""Among applications of equal risk, is a protected group approved less often than the reference group?

Harm: credit refused to people who would have repaid as well as those who got it. risk_adjusted_gap is the approval rate
of the reference minus that of the group at equal estimated risk, so that a positive gap means harm to the group.
Risk is the chance of a favourable outcome given all of the contract's features and the group, estimated on the rows
whose outcome is known. A feature that stands in for the group without bearing on risk cannot hide the harm, as it does
when it is controlled for; a true difference in risk is not taken for harm, as it is by the raw rates.

The group is part of what risk is given although a lender must not use it: features seldom carry the whole difference
in risk, and at equal blind risk the riskier group is still riskier, so that a fair lender looks unfair. The price is
that a lender that uses the group itself as a sign of risk looks fair. So the gap at equal blind risk is given beside
it, and where that is larger by more than chance the figure never clears, where smaller it never accuses. The column of
the audited attribute is left out of the features; any other is used as declared, another protected attribute too.

Rows come from a sample that a seed draws by the hash of the unit: each label has a share of ``rows``, and weights
restore the labels' true numbers, or weigh by the contract's weight. Errors are from a bootstrap of the whole pipeline,
of entities where the contract names one.
Source: Jung, Corbett-Davies, Gaebler, Shroff and Goel (2018), arXiv:1809.05651; audits/statistics/risk_adjusted.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need, SampleNeed
from audits.known_outcomes import indicative
from audits.measuring import from_error, number, within
from audits.parameters import refuse_outside
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.outcomes import OUTCOME
from checks.inputs.prepared import FAVOURABLE
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.sampled_applicants import SampledApplicants
    from audits.statistics.risk_adjusted import RiskAdjusted, RiskAdjustedGap

_BOUNDS = {
    "rows": (100, 1_000_000), "folds": (2, 20), "bins": (1, 50), "replicates": (50, 10_000), "seed": (0, 2**32 - 1),
}  # fmt: skip
_MOST_OUTSIDE = 0.05  # share without others of like risk, above which what was left out may be the harm
_TOLD_APART = 0.55  # area under the ROC curve below which risk is hardly known (0.5 is not at all)
_WORTH_TELLING = 0.01  # difference between the gaps at equal risk and at equal blind risk that matters
_STRATA = said("the declared strata are not told apart here, and a gap within each of them can vanish over all")
_METHOD = template(
    "risk-adjusted regression: logit risk on {columns} columns of features and the group, cross-fitted in {folds} "
    "folds; least squares on a line in risk with {pieces} pieces; bootstrap of the whole pipeline, {draws} draws"
)
_ALONE = template("{share:.1f} % of the applications have none of the other group near them in risk")
_HARDLY_TOLD = template(
    "the features hardly tell outcomes apart (area under the ROC curve {area:.2f}), so that this is little more than "
    "the raw gap"
)
_BLIND_LARGER = template(
    "at equal risk estimated without the group the gap is {gap:.1f} percentage points, and a lender that takes the "
    "group itself for a sign of risk would look like this"
)
_BLIND_SMALLER = template(
    "at equal risk estimated without the group the gap is {gap:.1f} percentage points: the rest is there because "
    "members of the group repay better than features say"
)


# the departure stated as detectable over (t + t.8) errors: at 1 × the pipeline finds it in .77 of files of one world
# (600 draws; its recalibration costs .15 points), and a stated power is to be reached
_STATED = 1.06


@dataclass(frozen=True, slots=True)
class RiskAdjustedApproval:
    """``level`` of confidence; ``attributes``, empty for all; ``rows`` of the sample of an attribute at most.

    ``folds`` of the cross-fitted risk, ``bins`` at whose borders the line in risk is bent, ``replicates`` of the
    bootstrap, ``seed`` of sample, folds and bootstrap.
    """

    level: float = 0.95
    attributes: tuple[str, ...] = ()
    rows: int = 20_000
    folds: int = 5
    bins: int = 5
    replicates: int = 200
    seed: int = 20210709

    name: ClassVar[str] = "fair_lending.risk_adjusted"
    harm: ClassVar[str] = "fair_lending"
    roles: ClassVar[tuple[str, ...]] = ("decision", "groups", "outcome", "features", "unit")
    optional_roles: ClassVar[tuple[str, ...]] = ("entity", "weight", "strata")
    measures: ClassVar[Mapping[str, float | None]] = {"risk_adjusted_gap": 0.0}
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        refuse_outside(self.name, asdict(self), _BOUNDS)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        for name in self._attributes(contract):
            yield CellsNeed((name,))
            yield self._sample(name, contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        figures: list[Measurement] = []
        missing: list[NotAnswered] = []
        for attribute in self._attributes(contract):
            if not self._features(attribute, contract):
                missing.append(NotAnswered(
                    f"{self.name}: {attribute}", said("the only declared feature is the attribute's own column"),
                    said("list under 'features' what the lender knows of an application"),
                ))  # fmt: skip
                continue
            figures += self._of_attribute(attribute, evidence, contract)
        if contract.strata:
            figures = [replace(m, unseen=(*m.unseen, _STRATA)) if m.estimate is not None else m for m in figures]
            missing.append(NotAnswered(
                f"{self.name}: strata", _STRATA, said("ask the question of each stratum in a program of its own")
            ))  # fmt: skip
        return figures, missing

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _features(self, attribute: str, contract: DataContract) -> tuple[str, ...]:
        """All features but the attribute's own column and those that tell the decision or the outcome."""
        own = {group.column for group in contract.groups if group.name == attribute}
        own |= {block.column for block in (contract.decision, contract.outcome) if block}
        return tuple(dict.fromkeys(name for name in contract.features if name not in own))

    def _sample(self, attribute: str, contract: DataContract) -> SampleNeed:
        extra = [name for name in (contract.weight, contract.entity) if name]
        kept = dict.fromkeys((FAVOURABLE, OUTCOME, *self._features(attribute, contract), *extra))
        return SampleNeed(str(contract.unit), self.rows, self.seed, tuple(kept), (attribute,))

    def _of_attribute(self, attribute: str, evidence: Evidence, contract: DataContract) -> list[Measurement]:
        from audits.sampled_applicants import SampledColumns, sampled_applicants
        from audits.statistics.risk_adjusted import risk_adjusted_gaps

        totals: dict[str, int] = {}
        for (label, decision), rows in evidence.cells(CellsNeed((attribute,))).by(attribute).items():
            if label is not None and decision is not None:
                totals[label] = totals.get(label, 0) + rows
        features = self._features(attribute, contract)
        columns = SampledColumns(FAVOURABLE, OUTCOME, features, contract.weight, contract.entity)
        file = evidence.sample(self._sample(attribute, contract))
        reference = evidence.data.references[attribute]
        sample = sampled_applicants(file, columns, reference, totals, self.rows)
        found = risk_adjusted_gaps(
            sample.people, folds=self.folds, bins=self.bins, replicates=self.replicates, seed=self.seed
        )
        conditional = bool(contract.outcome and contract.outcome.observed_when)
        measured = [
            self._one(attribute, sample, found, gap, _selected(sample, gap.group, conditional), contract)
            for gap in found.gaps
        ]  # fmt: skip
        why: dict[str, str] = {
            label: said("no row of it could be drawn") for label in sorted(totals) if label not in sample.labels
        }
        why |= {label: reason for label, reason in sample.unusable.items() if label in why}
        return [*measured, *(self._nothing(attribute, sample, label, reason) for label, reason in why.items())]

    def _nothing(self, attribute: str, sample: SampledApplicants, group: str | None, reason: str) -> Measurement:
        rows = sample.rows.get(str(group), 0), sample.rows.get(sample.labels[0], 0)
        n = len(sample.features)
        return Measurement(
            question=self.name, measure="risk_adjusted_gap", attribute=attribute, group=group,
            reference=sample.labels[0], estimate=None, low=None, high=None, level=self.level, n=sum(rows),
            counts={"group": rows[0], "reference": rows[1], "left_out": sample.left_out}, equality=0.0,
            method=said(_METHOD, columns=n, folds=self.folds, pieces=self.bins, draws=self.replicates),
            source=said("a sample of rows, seed {seed}", seed=self.seed), reason=reason,
        )  # fmt: skip

    def _one(
        self,
        attribute: str,
        sample: SampledApplicants,
        found: RiskAdjusted,
        gap: RiskAdjustedGap,
        selected: str | None,
        contract: DataContract,
    ) -> Measurement:
        label = sample.labels[gap.group]
        nothing = self._nothing(attribute, sample, label, _reason(gap, sample, label))
        if gap.reason is not None:
            return nothing
        if not gap.error > 0:
            return replace(nothing, reason=said("the bootstrap shows no spread, so that there is no error to rely on"))
        figure = from_error(gap.gap, gap.error, gap.freedom, self.level)
        cautions, unseen = _said(gap, found, selected, self.level)
        return replace(
            nothing, **{**figure, "mde": within(_STATED * figure["mde"], 1.0)}, reason=None, cautions=cautions,
            unseen=unseen,
            details=_details(gap, found, figure["low"], figure["high"], selected is not None),
        )  # fmt: skip


def _reason(gap: RiskAdjustedGap, sample: SampledApplicants, label: str) -> str:
    reference = sample.labels[0]
    if reference in sample.unusable:
        return said("of the reference group '{reference}', {why}", reference=reference, why=sample.unusable[reference])
    if not sample.rows.get(reference):
        return said("no row of the reference group '{reference}' has a decision that counts", reference=reference)
    reason = gap.reason or said("there is no figure")
    return said("of {label}, {why}", label=label, why=reason) if reason.startswith(("only", "all")) else reason


def _selected(sample: SampledApplicants, group: int, conditional: bool) -> str | None:
    """What to say where the decision, or the group, chose whose outcome is known, or None."""
    return indicative(sample.known, sample.labels[group], sample.labels[0], conditional)


def _said(
    gap: RiskAdjustedGap, found: RiskAdjusted, selected: str | None, level: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cautions, and what the figure cannot see."""
    from scipy.special import stdtrit

    cautions, unseen = [], []
    if selected:
        cautions.append(selected)
        unseen.append(selected)
    if gap.left_out > _MOST_OUTSIDE:
        unseen.append(said(_ALONE, share=100 * gap.left_out))
    if found.discrimination < _TOLD_APART:
        why = said(_HARDLY_TOLD, area=found.discrimination)
        cautions.append(why)
        unseen.append(why)
    apart = gap.blind - gap.gap
    if abs(apart) > max(_WORTH_TELLING, float(stdtrit(gap.freedom, 0.5 + level / 2)) * gap.blind_error):
        if apart > 0:
            unseen.append(said(_BLIND_LARGER, gap=100 * gap.blind))
        else:
            cautions.append(said(_BLIND_SMALLER, gap=100 * gap.blind))
    return tuple(cautions), tuple(unseen)


def _details(
    gap: RiskAdjustedGap, found: RiskAdjusted, low: float | None, high: float | None, selected: bool
) -> dict[str, float]:
    """Further figures, those that can be had; audits/statistics/omitted_variable.py for the robustness values."""
    from audits.statistics.omitted_variable import robustness

    bounds = [bound for bound in (low, high) if bound is not None]
    nearest = 0.0 if min(bounds) <= 0 <= max(bounds) else min(map(abs, bounds))
    values = {
        "gap_at_equal_blind_risk": gap.blind, "outside_common_risk_share": gap.left_out,
        "standard_error_risk_taken_as_known": gap.known_risk_error, "risk_discrimination": found.discrimination,
        "risk_calibration_slope": found.calibration_slope, "decision_explained_by_risk_share": gap.risk_share,
        "outcome_error_to_overturn": abs(gap.gap) / gap.slope if gap.slope > 0 else math.nan,
    }  # fmt: skip
    if gap.known_risk_error > 0:
        at = robustness([gap.gap, nearest], gap.known_risk_error, gap.residual_freedom).robustness_value
        values |= {"robustness_value": float(at[0]), "robustness_value_of_the_interval": float(at[1])}
    if selected:
        values |= {
            "gap_if_declined_of_the_group_are_riskier": gap.if_declined[0],
            "gap_if_declined_of_the_reference_are_riskier": gap.if_declined[1],
        }
    return {name: value for name, value in values.items() if number(value) is not None}
