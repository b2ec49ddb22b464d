"""From a score to an approval: one rule for today's model and every alternative, so that all approve the same share.

The rule is a curve of the rank. ``as_recorded`` takes G(u), the chance that the recorded decision was favourable at the
rank u of today's score on the rows of the choice, as the increasing curve that fits them best (isotonic regression:
Barlow, Bartholomew, Bremner and Brunk 1972, Statistical Inference under Order Restrictions). ``cut`` takes the step
from 0 to 1 that leaves the recorded share above it. A score of any model gets the mean of G over the interval of ranks
that its ties hold on the rows of the choice, ∫G / length; so the mean chance there is ∫G = the recorded share, whatever
the model. Between two such scores, on rows that come later, the chance runs straight from one to the other: it is a
fixed, increasing function of the score, the same for every group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.paired_auc import auc
from checks.inputs.remedies import APPROVALS, AS_RECORDED
from checks.problem import InputError, Problem
from checks.sentence import Sentence, said

Floats = NDArray[np.float64]
LEAST_ORDER = 0.6  # AUC of today's score for the recorded decision below which its curve says next to nothing
_TIED = 1e-12  # scores nearer than this, in shares of the largest, differ by rounding alone


class UnanswerableError(InputError):
    """What is recorded lets no rule be drawn; ``reason`` says it in a sentence that a record can keep."""

    def __init__(self, reason: Sentence, problem: Problem) -> None:
        super().__init__(problem)
        self.reason = reason


@dataclass(frozen=True, slots=True, eq=False)
class Approver:
    """Chances of approval of one model's scores.

    ``knots`` (k,) are scores in increasing order and ``at`` (k,) their chances.
    """

    knots: Floats
    at: Floats

    def chances(self, scores: ArrayLike) -> Floats:
        """Chances of approval (n,), from 0 to 1, of scores (n,). Raises ``ValueError`` for one that is not finite."""
        return np.asarray(np.interp(_finite(scores), self.knots, self.at), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class ApprovalRule:
    """The curve: ``ranks`` (k,) from 0 to 1 and ``below`` (k,), its integral ∫₀ᵘ G, straight between them.

    ``share`` is the recorded share of approvals, ``order`` the AUC of today's score for the recorded decision.
    """

    approve: str
    share: float
    order: float
    ranks: Floats
    below: Floats

    def approver(self, scores: ArrayLike) -> Approver:
        """What turns a model's scores into chances, from its scores (n,) of the rows of the choice."""
        places, lowest, highest = tied_places(scores)
        counts = np.bincount(places)
        ends = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
        area = np.diff(np.interp(ends, self.ranks, self.below))
        chance = np.maximum.accumulate(np.clip(area / np.diff(ends), 0.0, 1.0))
        knots, first = np.unique(np.concatenate([lowest, highest]), return_index=True)
        return Approver(knots, np.tile(chance, 2)[first])


def rule_of(
    approve: str, today_scores: ArrayLike, decisions: ArrayLike, target: str = "outcome"
) -> ApprovalRule:  # fmt: skip
    """The rule from today's scores (n,) and the recorded decisions (n,), 1 favourable, 0 not, NaN unknown.

    ``target`` is what the model learned, which bears on the advice where there is no rule.

    Raises ``UnanswerableError`` where no decision is known or all are alike, and for ``as_recorded`` where today's
    score hardly orders the decisions: its curve would be nearly flat, and every model would seem to treat groups alike.
    """
    if approve not in APPROVALS:
        raise ValueError(f"approve: found '{approve}', expected one of {', '.join(APPROVALS)}")
    scores, decided = _finite(today_scores), np.asarray(decisions, dtype=np.float64)
    known = ~np.isnan(decided)
    scores, decided = scores[known], decided[known]
    share = float(decided.mean()) if len(decided) else np.nan
    if not 0 < share < 1:
        raise _all_alike(len(decided), share)
    places = tied_places(scores)[0]
    order = auc(places, decided)
    if approve != AS_RECORDED:
        return ApprovalRule(approve, share, order, np.array([0.0, 1 - share, 1.0]), np.array([0.0, 0.0, share]))
    if order < LEAST_ORDER:
        raise _hardly_ordered(order, target)
    counts = np.bincount(places)
    curve = _increasing(np.bincount(places, decided) / counts, counts)
    ranks, below = (np.concatenate([[0.0], np.cumsum(part)]) / len(decided) for part in (counts, counts * curve))
    below *= share / below[-1]  # the fit keeps the mean up to rounding
    return ApprovalRule(approve, share, order, ranks, below)


def tied_places(scores: ArrayLike) -> tuple[NDArray[np.int64], Floats, Floats]:
    """The place (n,) of each score among the different ones, from 0, and the lowest and highest score of each place.

    Scores that differ by no more than rounding share a place, so that the order in which a model adds up its parts
    breaks no tie. Raises ``ValueError`` for no scores or one that is not finite.
    """
    values = _finite(scores)
    if not len(values):
        raise ValueError("scores: found none, expected at least one")
    distinct, inverse = np.unique(values, return_inverse=True)
    step = np.diff(distinct) > _TIED * np.abs(distinct[[0, -1]]).max()
    place = np.concatenate([[0], np.cumsum(step)]).astype(np.int64)
    starts = np.flatnonzero(np.concatenate([[True], step]))
    ends = np.concatenate([starts[1:], [len(distinct)]]) - 1
    return place[inverse.ravel()], distinct[starts], distinct[ends]


def _increasing(shares: Floats, counts: NDArray[np.int64]) -> Floats:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(increasing=True, y_min=0.0, y_max=1.0).fit_transform(
        np.arange(len(shares), dtype=np.float64), shares, sample_weight=counts.astype(np.float64)
    )
    return np.asarray(fitted, dtype=np.float64)


def _finite(scores: ArrayLike) -> Floats:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("scores: found a missing or infinite one, or more than one axis, expected finite numbers (n,)")
    return values


def _all_alike(known: int, share: float) -> UnanswerableError:
    if not known:
        reason = said("No decision is recorded on the rows of the choice, so that no share of approvals is known.")
        found = "no recorded decision"
    else:
        reason = said(
            "All {known:,} recorded decisions on the rows of the choice are alike ({share:.0%} favourable), so that no "
            "other model could approve anybody else.", known=known, share=share,
        )  # fmt: skip
        found = f"{known:,} recorded decisions that are all alike"
    return UnanswerableError(reason, Problem(
        "remedies, rows of the choice", found, "favourable and unfavourable decisions",
        "audit a period or a source that holds refusals as well as approvals",
    ))  # fmt: skip


def _hardly_ordered(order: float, target: str) -> UnanswerableError:
    found = f"an AUC of {order:.3f} of today's score for the recorded decision"
    needed = f"at least {LEAST_ORDER:g}: decisions that follow the score"
    if target == "decision":
        reason = said(
            "Today's score hardly orders the recorded decisions (AUC {order:.3f}, at least {least:g} is needed), "
            "though the model learned them, so that approvals as recorded would follow next to nothing of any score; "
            "write 'approve: cut'.", order=order, least=LEAST_ORDER,
        )  # fmt: skip
        return UnanswerableError(
            reason, Problem("remedies, approve: as_recorded", found, needed, "write 'approve: cut'")
        )
    reason = said(
        "Today's score hardly orders the recorded decisions (AUC {order:.3f}, at least {least:g} is needed), so that "
        "approvals as recorded would follow next to nothing of any score; write 'approve: cut', or let the model learn "
        "the decision ('target: decision').", order=order, least=LEAST_ORDER,
    )  # fmt: skip
    return UnanswerableError(reason, Problem(
        "remedies, approve: as_recorded", found, needed, "write 'approve: cut', or 'target: decision'",
    ))  # fmt: skip
