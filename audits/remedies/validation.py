"""The figures of a candidate on the rows of the choice: what it would approve, whom, and how well it predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from audits.evidence.remedy_rows import RemedyPart
from audits.remedies.approvals import ApprovalRule, Approver, Floats, rule_of, tied_places
from audits.remedies.records import Candidate, GroupRate
from audits.remedies.tried import Scorer
from audits.statistics.approval_ratio import outcome_rate
from audits.statistics.influences import covariance
from audits.statistics.paired_auc import auc, auc_influence
from checks.inputs.remedies import Remedies
from checks.inputs.training_code import TrainingError
from checks.sentence import said, template

_DIGITS = 12  # of a gain; what is left beyond is rounding
FEWEST = 30  # rows of a group below which a rate is shown and no ratio is judged
NO_NUMBER = template("The model gave scores that are not finite numbers.")
NO_REFERENCE = template("No ratio: the reference, {reference}, has too few rows, or nobody of it is approved.")
FEW_ROWS = template("{n:,} rows, fewer than {least}: too few for a ratio.")
BY_CHANCES = template(
    "It needs to know the group to decide, so that it is shown as a frontier alone; its AUC is that of its chances of "
    "approval, which order less finely than a score."
)
NOTHING_KNOWN = template("No row has a known {of} of either kind, so that its performance is not known.")
Chances = Callable[[RemedyPart], Floats] | Sequence[float] | Floats


@dataclass(slots=True)
class Validator:
    """Fills the figures of candidates on ``part``; ``references`` are the reference labels of the attributes.

    ``today`` comes first: its scores set the rule from score to approval and what gains are counted from. ``groups``
    are labels of each attribute that are to be shown even where no row has them.
    """

    part: RemedyPart
    remedies: Remedies
    references: Mapping[str, str]
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _rule: ApprovalRule | None = field(default=None, init=False, repr=False)
    _least: float | None = field(default=None, init=False, repr=False)
    _judged_by: dict[str, Floats] = field(default_factory=dict, init=False, repr=False)

    @property
    def attribute(self) -> str:
        """The attribute whose ratio is to rise."""
        return self.remedies.attribute or next(iter(self.references))

    @property
    def of(self) -> str:
        """The role that performance is for: outcome, or decision where no outcome is known."""
        return performance_role(self.part)

    @property
    def rule(self) -> ApprovalRule:
        """From score to approval. Raises ``RuntimeError`` before ``today``."""
        if self._rule is None:
            raise RuntimeError("today's model must be scored first")
        return self._rule

    def today(self, scorer: Scorer) -> None:
        """Set the rule and the ratio that gains are counted from.

        Raises ``TrainingError``, or ``UnanswerableError`` where the recorded decisions give no rule.
        """
        scores = scored(scorer, self.part)
        self._rule = rule_of(self.remedies.approve, scores, self.part.decision, self.remedies.target)
        chances = self.rule.approver(scores).chances(scores)
        self._least = least_ratio(self._rates(chances), self.attribute, self.references[self.attribute])

    def approver(self, scorer: Scorer) -> Approver:
        """What turns this model's scores into chances, fixed by the rows of the choice. Raises ``TrainingError``."""
        return self.rule.approver(scored(scorer, self.part))

    def __call__(self, candidate: Candidate, scorer: Scorer | None, chances: Chances | None = None) -> Candidate:
        """``fill``; a candidate of kind ``today`` sets the rule before."""
        if candidate.kind == "today" and scorer is not None:
            self.today(scorer)
        return self.fill(candidate, scorer, chances)

    def fill(self, candidate: Candidate, scorer: Scorer | None, chances: Chances | None = None) -> Candidate:
        """The candidate with the figures of these rows, or with the reason why its model cannot be scored.

        Without a scorer, ``chances`` (n,) of approval, or a function of the part that gives them.
        """
        reason = candidate.reason
        try:
            if scorer is not None:
                scores = scored(scorer, self.part)
                approved = self.rule.approver(scores).chances(scores)
            elif chances is not None:
                approved = scores = _checked(chances(self.part) if callable(chances) else chances, self.part)
                reason = said(BY_CHANCES) if self.remedies.performance == "auc" and not reason else reason
            else:
                return candidate
        except TrainingError as error:
            return replace(candidate, reason=error.reason)
        performance, known = performance_on(self.part, self.remedies.performance, scores, approved)
        by_order = self.remedies.performance == "auc"
        self._judged_by[candidate.id] = tied_places(scores)[0].astype(np.float64) if by_order else approved
        outcome = outcome_rate(approved, self.part.outcome).estimate
        rates = self._rates(approved)
        least = least_ratio(rates, self.attribute, self.references[self.attribute])
        gain = None if least is None or self._least is None else round(least - self._least, _DIGITS) + 0.0
        if performance is None and not reason:
            reason = said(NOTHING_KNOWN, of=self.of)
        return replace(
            candidate, performance=performance, known=known, outcome_rate=None if np.isnan(outcome) else outcome,
            approved=float(approved.mean()), rates=rates, gain=gain, reason=reason,
        )  # fmt: skip

    def error_between(self, one: str, other: str) -> float | None:
        """Standard error of the difference of two candidates' performance on these rows, by person.

        None where one of the ids has not been filled, or its performance has no error.
        """
        found = [self._judged_by[name] for name in (one, other) if name in self._judged_by]
        if len(found) < 2:
            return None
        labels, persons = performance_labels(self.part), self.part.persons
        of = auc_influence if self.remedies.performance == "auc" else outcome_rate
        before, after = (of(values, labels, persons).influence for values in found)
        error = float(covariance((after - before)[:, None], persons)[0, 0]) ** 0.5
        return error if np.isfinite(error) else None

    def _rates(self, approved: Floats) -> tuple[GroupRate, ...]:
        return group_rates(approved, self.part.labels, self.references, self.groups)


def scored(scorer: Scorer, part: RemedyPart) -> Floats:
    """Finite scores (n,) of a part. Raises ``TrainingError``."""
    return _checked(scorer.scores(part.features), part)


def _checked(values: Sequence[float] | Floats, part: RemedyPart) -> Floats:
    scores = np.asarray(values, dtype=np.float64)
    if scores.shape != (len(part),) or not np.isfinite(scores).all():
        raise TrainingError(said(NO_NUMBER))
    return scores


def performance_role(part: RemedyPart) -> str:
    """``outcome`` where any is known, else ``decision``."""
    return "decision" if np.isnan(part.outcome).all() else "outcome"


def performance_labels(part: RemedyPart) -> Floats:
    """What performance is for (n,): 1, 0, NaN where unknown."""
    return part.decision if performance_role(part) == "decision" else part.outcome


def performance_on(part: RemedyPart, measure: str, scores: Floats, approved: Floats) -> tuple[float | None, int]:
    """AUC of ``scores`` (n,), or the outcome rate of those ``approved`` (n,); None where it has none; known rows."""
    labels = performance_labels(part)
    known = ~np.isnan(labels)
    value = auc(tied_places(scores)[0], labels) if measure == "auc" else outcome_rate(approved, labels).estimate
    return (None if np.isnan(value) else float(value)), int(known.sum())


def group_rates(
    approved: Floats, labels: Mapping[str, NDArray[np.object_]], references: Mapping[str, str],
    groups: Mapping[str, Sequence[str]] | None = None,
) -> tuple[GroupRate, ...]:  # fmt: skip
    """Mean chance of approval of each group of each attribute, the reference first, and its ratio to that.

    ``approved`` (n,) and ``labels`` (n,) of each attribute. A ratio needs ``FEWEST`` rows of both.
    """
    found = []
    for attribute, reference in references.items():
        own = labels[attribute]
        names = ordered_groups(own, reference, (groups or {}).get(attribute, ()))
        counted = {name: (int((own == name).sum()), own == name) for name in names}
        n0, mask0 = counted[reference]
        base = float(approved[mask0].mean()) if n0 else 0.0
        for name, (n, mask) in counted.items():
            rate = float(approved[mask].mean()) if n else None
            ratio, reason = None, None
            if n < FEWEST:
                reason = said(FEW_ROWS, n=n, least=FEWEST)
            elif name == reference:
                ratio = 1.0
            elif n0 < FEWEST or not base > 0:
                reason = said(NO_REFERENCE, reference=reference)
            elif rate is not None:
                ratio = rate / base
            found.append(GroupRate(attribute, name, n, rate, ratio, reason))
    return tuple(found)


def ordered_groups(labels: NDArray[np.object_], reference: str, further: Iterable[str] = ()) -> tuple[str, ...]:
    """The labels (n,) that occur and ``further`` ones, in order, the reference first."""
    others = ({str(one) for one in set(labels.tolist()) if one is not None} | set(further)) - {reference}
    return (reference, *sorted(others))


def least_ratio(rates: Sequence[GroupRate], attribute: str, reference: str) -> float | None:
    """The least of min(r, 1/r) over the groups of an attribute that have a ratio r; None where none has."""
    ratios = [one.ratio for one in rates if one.attribute == attribute and one.group != reference]
    return min((nearness(ratio) for ratio in ratios if ratio is not None), default=None)


def nearness(ratio: float | None) -> float:
    """min(r, 1/r) of a ratio r: 1 where both groups are approved alike, 0 where one of them never is, or for None."""
    return min(ratio, 1 / ratio) if ratio is not None and ratio > 0 else 0.0
