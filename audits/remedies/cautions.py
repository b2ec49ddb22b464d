"""What must be known beside a certificate: what these rows cannot show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from audits.evidence.remedy_rows import RemedyPart
from audits.remedies.certified_figures import LEAST_APPROVED, RECORDED, Model
from audits.remedies.records import Certified
from audits.remedies.validation import FEWEST
from audits.statistics.approval_ratio import ratio_difference
from audits.statistics.influences import bounds_together
from checks.inputs.remedies import AS_RECORDED, Remedies
from checks.sentence import Sentence, said, template

_MOSTLY, _FEW_CLASS = 0.95, 30
_LEVEL = 0.99  # at least this sure before decisions and model are called apart
NO_OUTCOME = template(
    "No outcome is recorded: performance is how well the recorded decisions are told, and a decision that was unfair "
    "is taken for a right one."
)
SELECTED = template(
    "Outcomes are known of {approved:.0%} of those approved and of {refused:.0%} of those refused: performance is that "
    "among those approved by the decisions of the past, and says little of those whom the alternative would approve "
    "instead."
)
UNKNOWN_OUTCOMES = template(
    "The outcome of {share:.1%} of the untouched rows is not known; they count in no performance."
)
UNKNOWN_LABELS = template(
    "{share:.1%} of the untouched rows have no known {attribute}; they count in none of its ratios."
)
NOT_IN_PRODUCTION = template(
    "The recorded decisions give {group} {recorded:.4f} of the approval rate of {reference}, today's model as it was "
    "trained here {today:.4f}: more apart than chance allows. The model of the training code, or what turns its scores "
    "into approvals, is not quite what decided, so that any gain is that of replacing the one trained here."
)
NOT_BY_CUT = template(
    "The recorded decisions give {group} {recorded:.4f} of the approval rate of {reference}, a cut of today's scores "
    "{today:.4f}: the recorded decisions did not follow a cut of these scores."
)
COUNT_NOT_IN_PRODUCTION = template(
    "The recorded decisions approve {approved:,} of {n:,} untouched rows of {group}, today's model as it was trained "
    "here {expected:.1f} of them: more apart than chance allows. The model of the training code, or what turns its "
    "scores into approvals, is not quite what decided."
)
SMALL = template("{group} ({attribute}) has {n:,} untouched rows, fewer than {least}: nothing is certified of it.")
FEW_CASES = template(
    "Only {n:,} untouched rows have the rarer outcome: bounds of performance from so few hold roughly at best."
)


def cautions_of(
    part: RemedyPart, figures: Sequence[Certified], today: Model | None, remedies: Remedies,
    references: Mapping[str, str],
) -> tuple[Sentence, ...]:  # fmt: skip
    """Sentences, in the order of how much they bear on the certificate."""
    return (
        *_of_outcomes(part),
        *_of_production(part, figures, today, remedies),
        *_of_counts(part, figures, today, remedies),
        *_of_labels(part, references),
        *_of_sizes(figures),
    )


def _of_outcomes(part: RemedyPart) -> Iterator[Sentence]:
    known = ~np.isnan(part.outcome)
    if not known.any():
        yield said(NO_OUTCOME)
        return
    approved, refused = part.decision == 1, part.decision == 0
    shares = [float(known[mask].mean()) if mask.any() else 1.0 for mask in (approved, refused)]
    if shares[1] < shares[0] / 2:
        yield said(SELECTED, approved=shares[0], refused=shares[1])
    elif known.mean() < _MOSTLY:
        yield said(UNKNOWN_OUTCOMES, share=1 - float(known.mean()))
    rarer = int(min((part.outcome == 1).sum(), (part.outcome == 0).sum()))
    if rarer < _FEW_CLASS:
        yield said(FEW_CASES, n=rarer)


def _of_production(
    part: RemedyPart, figures: Sequence[Certified], today: Model | None, remedies: Remedies
) -> Iterator[Sentence]:  # fmt: skip
    """Where the recorded ratio differs from that of today's model on the same rows, for the first such attribute."""
    if today is None:
        return
    own = [one for one in figures if one.measure == RECORDED and one.low is not None]
    attribute = remedies.attribute or (own[0].attribute if own else None)
    known = ~np.isnan(part.decision)
    decided = np.where(known, part.decision, 0.0)
    own = [one for one in own if one.attribute == attribute]
    masks = [[(part.labels[str(attribute)] == name) & known for name in (one.group, one.reference)] for one in own]
    apart = [ratio_difference(today.chances, decided, ours, theirs, part.persons) for ours, theirs in masks]
    bounds, _ = bounds_together(apart, part.persons, max(remedies.level, _LEVEL))
    for one, change, bound in zip(own, apart, bounds, strict=True):
        if bound.low > 0 or bound.high < 0:
            words = NOT_IN_PRODUCTION if remedies.approve == AS_RECORDED else NOT_BY_CUT
            recorded = one.estimate or 0.0
            yield said(
                words, group=one.group, reference=one.reference, recorded=recorded, today=recorded - change.estimate
            )  # fmt: skip


def _of_counts(
    part: RemedyPart, figures: Sequence[Certified], today: Model | None, remedies: Remedies
) -> Iterator[Sentence]:  # fmt: skip
    """Groups of few rows or approvals, whose ratio has no bounds: approvals on record beside today's chances.

    By the exact binomial test, which takes the chances of a group as alike and so is the more careful; persons count,
    not their rows. The groups share the error evenly.
    """
    if today is None:
        return
    own = [one for one in figures if one.measure == RECORDED]
    attribute = remedies.attribute or (own[0].attribute if own else None)
    pairs = [one for one in own if one.attribute == attribute and one.low is None]
    counted = []
    for name in dict.fromkeys(name for one in pairs for name in (one.group, one.reference)):
        rows = (part.labels[str(attribute)] == name) & ~np.isnan(part.decision)
        if rows.any() and (rows.sum() < FEWEST or part.decision[rows].sum() < LEAST_APPROVED):
            counted.append((name, rows))
    for name, rows in counted:
        approved, n = int(part.decision[rows].sum()), int(rows.sum())
        chance, persons = float(today.chances[rows].mean()), len(np.unique(part.persons[rows]))
        if _apart(round(approved * persons / n), persons, chance, max(remedies.level, _LEVEL), len(counted)):
            yield said(COUNT_NOT_IN_PRODUCTION, approved=approved, n=n, group=name, expected=chance * n)


def _apart(count: int, n: int, chance: float, level: float, tests: int) -> bool:
    from scipy.stats import binomtest

    return float(binomtest(count, n, min(1.0, max(0.0, chance))).pvalue) < (1 - level) / tests


def _of_labels(part: RemedyPart, references: Mapping[str, str]) -> Iterator[Sentence]:
    for attribute in references:
        unknown = float(np.mean([label is None for label in part.labels[attribute]])) if len(part) else 0.0
        if unknown > 0:
            yield said(UNKNOWN_LABELS, share=unknown, attribute=attribute)


def _of_sizes(figures: Sequence[Certified]) -> Iterator[Sentence]:
    for one in figures:
        if one.measure == RECORDED and one.counts.get("group", FEWEST) < FEWEST:
            yield said(SMALL, group=one.group, attribute=one.attribute, n=one.counts["group"], least=FEWEST)
