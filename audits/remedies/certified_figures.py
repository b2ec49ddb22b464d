"""Figures of today's and the chosen model on the untouched rows, with bounds that hold for all of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audits.evidence.remedy_rows import RemedyPart
from audits.remedies.approvals import Floats, tied_places
from audits.remedies.records import Certified
from audits.remedies.validation import FEWEST, ordered_groups, performance_labels
from audits.statistics.approval_ratio import difference, log_ratio, mean_chance, outcome_rate, ratio_difference
from audits.statistics.influences import Bounds, Flags, Influenced, bounds_together
from audits.statistics.paired_auc import auc_difference, auc_influence
from checks.inputs.remedies import Remedies
from checks.sentence import Sentence, said, template

RATIO, GAIN, RECORDED = "adverse_impact_ratio", "adverse_impact_ratio_gain", "recorded_adverse_impact_ratio"
TODAYS = "todays_adverse_impact_ratio"
PERFORMANCE, SHARE, OUTCOME_RATE = "performance_difference", "approved_share_difference", "outcome_rate_difference"
_SAME, LEAST_APPROVED = 1e-12, 10
BY_LOG = template("delta method on the logarithm, by person; max-T over {figures:,} figures, Student's t")
PLAIN = template("delta method, by person; max-T over {figures:,} figures, Student's t")
DELONG = template("DeLong on the logit, paired, by person; max-T over {figures:,} figures, Student's t")
SAME_CHANCES = template(
    "Both models give every one of these rows the same chance of approval: the difference is nought."
)
SAME_ORDER = template("Both models put these rows in the same order: the difference is nought.")
NO_SPREAD = template("These rows show no spread, so that how far chance could move the figure is not known.")
TOO_FEW = template("{n:,} rows of {group} and {reference_n:,} of the reference; {least} of each are needed.")
NOBODY = template("Nobody of {group} is approved: the ratio is 0, and how far chance could move it is not known.")
NO_BASE = template("Nobody of the reference, {reference}, is approved, so that there is no ratio.")
ONE_IS_NOUGHT = template("Nobody of {group} is approved by one of the two models: the difference has no bounds.")
FEW_APPROVED = template(
    "{group} or the reference has {approved:.1f} expected approvals, fewer than {least}: chance moves a ratio of so "
    "few further than bounds from these rows could tell."
)
ONE_KIND = template("The rows do not hold known favourable and unfavourable cases both.")
NO_OUTCOME = template("No outcome of these rows is known.")


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model on the untouched rows: its scores (n,) and the chances of approval (n,) that they give."""

    scores: Floats
    chances: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Drafted:
    """A figure before its bounds: ``own`` estimate and influences, on the logarithm where ``by_log``.

    ``nought`` says why it is exactly 0. The record's other fields stand in ``figure``.
    """

    figure: Certified
    own: Influenced | None
    by_log: bool = False
    nought: Sentence | None = None


def certified_figures(
    part: RemedyPart, today: Model | None, chosen: Model | None, remedies: Remedies, references: Mapping[str, str],
    groups: Mapping[str, Sequence[str]], seed: int = 0,
) -> tuple[Certified, ...]:  # fmt: skip
    """Every figure of ``part``.

    Without a ``chosen`` model the ratios of today's and of the recorded decisions, without today's the latter alone.
    """
    drafts = list(_of_groups(part, today, chosen, references, groups, remedies.level))
    if today is not None and chosen is not None:
        drafts += [_performance(part, today, chosen, remedies), _share(part, today, chosen, remedies.level),
                   _outcome(part, today, chosen, remedies.level)]  # fmt: skip
    with_own = [i for i, one in enumerate(drafts) if one.own is not None and one.nought is None]
    owns = [own for i in with_own if (own := drafts[i].own) is not None]
    bounds, _ = bounds_together(owns, part.persons, remedies.level, seed)
    of = dict(zip(with_own, bounds, strict=True))
    bounded = sum(not np.isnan(one.low) for one in bounds)
    return tuple(_finished(one, of.get(i), bounded) for i, one in enumerate(drafts))


def _finished(draft: Drafted, bounds: Bounds | None, bounded: int) -> Certified:
    figure = replace(draft.figure, method=said(draft.figure.method, figures=bounded))
    if draft.nought is not None:
        return replace(figure, estimate=0.0, low=0.0, high=0.0, standard_error=0.0, reason=draft.nought)
    if bounds is None or np.isnan(bounds.low):
        return replace(figure, reason=figure.reason or said(NO_SPREAD))
    ends = np.array([bounds.low, bounds.high])
    low, high = (np.exp(ends) if draft.by_log else ends).tolist()
    error = bounds.standard_error * (figure.estimate or 0.0 if draft.by_log else 1.0)
    return replace(figure, low=low, high=high, standard_error=error)


def _of_groups(
    part: RemedyPart, today: Model | None, chosen: Model | None, references: Mapping[str, str],
    groups: Mapping[str, Sequence[str]], level: float,
) -> Iterator[Drafted]:  # fmt: skip
    for attribute, reference in references.items():
        labels = part.labels[attribute]
        theirs = labels == reference
        for group in ordered_groups(labels, reference, groups.get(attribute, ()))[1:]:
            pair = _Pair(part, attribute, group, reference, labels == group, theirs, level)
            if today is not None and chosen is not None:
                yield pair.ratio(RATIO, today.chances, chosen.chances)
                yield pair.gain(today.chances, chosen.chances)
            elif today is not None:
                yield pair.todays(today.chances)
            yield pair.recorded()


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A group and its reference, with their rows."""

    part: RemedyPart
    attribute: str
    group: str
    reference: str
    ours: Flags
    theirs: Flags
    level: float

    def ratio(self, measure: str, today: Floats | None, chances: Floats) -> Drafted:
        """Of the chosen model's ``chances`` (n,), with today's beside it."""
        known = ~np.isnan(chances)
        ours, theirs = self.ours & known, self.theirs & known
        figure = self._figure(measure, BY_LOG, ours, theirs)
        if figure.reason is not None:
            return Drafted(figure, None)
        own = log_ratio(np.where(known, chances, 0.0), ours, theirs, self.part.persons)
        before = None if today is None else _ratio(today, ours, theirs)
        after = _ratio(chances, ours, theirs)
        if np.isnan(own.estimate):
            reason = said(NO_BASE, reference=self.reference) if after is None else said(NOBODY, group=self.group)
            chosen = after if measure == RATIO else None
            return Drafted(replace(figure, today=before, chosen=chosen, estimate=after, reason=reason), None)
        chosen = after if measure == RATIO else None
        figure = replace(figure, today=before, chosen=chosen, estimate=after)
        few = self._few(ours, theirs, chances)
        return Drafted(figure, own, by_log=True) if few is None else Drafted(replace(figure, reason=few), None)

    def gain(self, today: Floats, chances: Floats) -> Drafted:
        """The chosen model's ratio minus today's."""
        figure = self._figure(GAIN, PLAIN, self.ours, self.theirs)
        if figure.reason is not None:
            return Drafted(figure, None)
        before, after = _ratio(today, self.ours, self.theirs), _ratio(chances, self.ours, self.theirs)
        figure = replace(figure, today=before, chosen=after)
        rows = self.ours | self.theirs
        if before is not None and np.abs(today[rows] - chances[rows]).max() <= _SAME:
            return Drafted(figure, None, nought=said(SAME_CHANCES))
        own = ratio_difference(today, chances, self.ours, self.theirs, self.part.persons)
        if before is None or after is None:
            return Drafted(replace(figure, reason=said(NO_BASE, reference=self.reference)), None)
        if np.isnan(own.estimate):
            reason = said(ONE_IS_NOUGHT, group=self.group)
            return Drafted(replace(figure, estimate=after - before, reason=reason), None)
        few = self._few(self.ours, self.theirs, today, chances)
        return Drafted(replace(figure, estimate=own.estimate, reason=few), own if few is None else None)

    def _few(self, ours: Flags, theirs: Flags, *chances: Floats) -> Sentence | None:
        """Why no bounds are given where hardly anybody is approved."""
        least = min(float(one[mask].sum()) for one in chances for mask in (ours, theirs))
        return None if least >= LEAST_APPROVED else said(
            FEW_APPROVED, group=self.group, approved=least, least=LEAST_APPROVED
        )  # fmt: skip

    def todays(self, today: Floats) -> Drafted:
        """Today's own ratio, where nothing was chosen."""
        draft = self.ratio(TODAYS, None, today)
        return replace(draft, figure=replace(draft.figure, today=draft.figure.estimate))

    def recorded(self) -> Drafted:
        """The recorded decisions' own ratio."""
        decided = self.part.decision
        draft = self.ratio(RECORDED, None, decided)
        approved = {
            "group_approved": int(np.nansum(decided[self.ours])),
            "reference_approved": int(np.nansum(decided[self.theirs])),
        }
        return replace(draft, figure=replace(draft.figure, counts={**draft.figure.counts, **approved}))

    def _figure(self, measure: str, method: str, ours: Flags, theirs: Flags) -> Certified:
        n, n0 = int(ours.sum()), int(theirs.sum())
        reason = None
        if min(n, n0) < FEWEST:
            reason = said(TOO_FEW, n=n, group=self.group, reference_n=n0, least=FEWEST)
        counts = {"group": n, "reference": n0}
        return _figure(
            measure, method, n + n0, self.level, counts, reason, (self.attribute, self.group, self.reference)
        )


def _ratio(chances: Floats, ours: Flags, theirs: Flags) -> float | None:
    base = float(chances[theirs].mean())
    return float(chances[ours].mean()) / base if base > 0 else None


def _performance(part: RemedyPart, today: Model, chosen: Model, remedies: Remedies) -> Drafted:
    labels = performance_labels(part)
    if remedies.performance != "auc":
        return _of_outcome(PERFORMANCE, labels, part, today, chosen, remedies.level)
    yes, no = int((labels == 1).sum()), int((labels == 0).sum())
    known = ~np.isnan(labels)
    figure = _figure(PERFORMANCE, DELONG, yes + no, remedies.level, {"favourable": yes, "unfavourable": no})
    if not yes or not no:
        return Drafted(replace(figure, reason=said(ONE_KIND)), None)
    before, after = (tied_places(one.scores)[0] for one in (today, chosen))
    figure = replace(figure, today=auc_influence(before, labels).estimate, chosen=auc_influence(after, labels).estimate)
    one, two = (np.unique(places[known], return_inverse=True)[1] for places in (before, after))
    if np.array_equal(one, two):
        return Drafted(figure, None, nought=said(SAME_ORDER))
    own = auc_difference(before, after, labels, part.persons)
    return Drafted(replace(figure, estimate=own.estimate), own)


def _share(part: RemedyPart, today: Model, chosen: Model, level: float) -> Drafted:
    everyone = np.ones(len(part), dtype=bool)
    before, after = (mean_chance(one.chances, everyone, part.persons) for one in (today, chosen))
    figure = _figure(SHARE, PLAIN, len(part), level, {"rows": len(part)})
    figure = replace(figure, today=before.estimate, chosen=after.estimate)
    return _difference(figure, before, after, today, chosen, everyone)


def _outcome(part: RemedyPart, today: Model, chosen: Model, level: float) -> Drafted:
    return _of_outcome(OUTCOME_RATE, part.outcome, part, today, chosen, level)


def _of_outcome(
    measure: str, labels: Floats, part: RemedyPart, today: Model, chosen: Model, level: float
) -> Drafted:  # fmt: skip
    known = ~np.isnan(labels)
    yes, no = int((labels == 1).sum()), int((labels == 0).sum())
    figure = _figure(measure, PLAIN, yes + no, level, {"favourable": yes, "unfavourable": no})
    before, after = (outcome_rate(one.chances, labels, part.persons) for one in (today, chosen))
    if np.isnan(before.estimate) or np.isnan(after.estimate):
        return Drafted(replace(figure, reason=said(NO_OUTCOME)), None)
    figure = replace(figure, today=before.estimate, chosen=after.estimate)
    return _difference(figure, before, after, today, chosen, known)


def _difference(
    figure: Certified, before: Influenced, after: Influenced, today: Model, chosen: Model, rows: Flags
) -> Drafted:  # fmt: skip
    if np.abs(today.chances[rows] - chosen.chances[rows]).max() <= _SAME:
        return Drafted(figure, None, nought=said(SAME_CHANCES))
    own = difference(before, after)
    return Drafted(replace(figure, estimate=own.estimate), own)


def _figure(
    measure: str, method: str, n: int, level: float, counts: Mapping[str, int], reason: Sentence | None = None,
    of: tuple[str | None, str | None, str | None] = (None, None, None),
) -> Certified:  # fmt: skip
    """Without estimate; ``method`` is a template until the number of figures is known."""
    return Certified(measure, *of, None, None, None, None, None, None, level, n, method, counts, reason)
