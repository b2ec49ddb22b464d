"""Which alternative: the simplest kind that keeps to the floor and brings nearly the most, by the rows of the choice.

The floor is measured from the best model that was found, today's included, and not from today's alone: what an
alternative gives up is told apart from what today's model never had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from audits.remedies.records import KINDS, Candidate, Floor
from checks.inputs.remedies import Remedies
from checks.sentence import Sentence, joined, said, template

_ROUNDING, _DIGITS = 1e-12, 6
TODAY = template("Today's model: what the others are measured against.")
BY_GROUP = template("It needs to know the group to decide, so that it is shown as a frontier alone.")
NO_PERFORMANCE = template("Its performance is not known on the rows of the choice.")
NO_GAIN = template("No ratio of approval rates is known on the rows of the choice.")
BELOW = template("Its performance, {performance:.4f}, lies {short:.4f} below the floor of {least:.4f}.")
LITTLE = template("It raises the ratio of approval rates by {gain:.4f}, less than the least gain of {least_gain:g}.")
LOWERS = template("It lowers the ratio of approval rates by {loss:.4f}.")
NAMES = {
    "without_features": template("leaving features out"),
    "changed_features": template("changing features"),
    "hyperparameters": template("other hyperparameters"),
    "constrained": template("constrained training"),
}
WAS_ELIGIBLE = template(
    "{eligible:,} of {tried:,} candidates keep to the floor ({performance} of at least {least:.4f}) and raise the "
    "ratio of approval rates by at least {least_gain:g}."
)
LARGEST = template("'{chosen}' brings the largest gain of them all, {gain:.4f}, and is of the simplest kind ({kind}).")
CHANGES_LESS = template(
    "The largest gain, {largest:.4f}, is that of '{best}' ({best_kind}), which changes more of today's model. "
    "'{chosen}' ({kind}), with a gain of {gain:.4f}, is taken: a remedy that changes more has to bring at least "
    "{least_gain:g} more."
)
WORTH_IT = template(
    "It is of a more complicated kind ({kind}); no simpler one comes within {least_gain:g} of the largest gain, "
    "{largest:.4f}."
)
PERFORMS = template("Its {performance} on the rows of the choice is {value:.4f}, today's {today:.4f}.")
NOBODY = template(
    "None of {tried:,} candidates keeps to the floor ({performance} of at least {least:.4f}) and raises the ratio of "
    "approval rates by at least {least_gain:g}."
)
NEAREST = template("The largest gain of those that keep to the floor is {gain:.4f} ('{id}').")
WORDS = {"auc": template("AUC"), "outcome_rate": template("outcome rate of those approved")}


@dataclass(frozen=True, slots=True)
class Choice:
    """Candidates with ``eligible`` or a reason, in the order given; the id chosen, and those eligible beside it."""

    candidates: tuple[Candidate, ...]
    floor: Floor
    chosen: str | None
    runner_up: tuple[str, ...]
    reasons: tuple[str, ...]


def choose(candidates: Sequence[Candidate], remedies: Remedies, of: str = "outcome") -> Choice:
    """The choice by the figures that the candidates hold; ``of`` is the role that performance is for.

    Eligible is what needs no group, keeps to the floor and gains ``least_gain``. Chosen is, of those that come within
    ``least_gain`` of the largest gain, the simplest kind, and of a kind the one that changes least of today's model:
    features left out or changed, hyperparameters set. Ties go to the larger gain, the better performance, the id.
    """
    floor = _floor(candidates, remedies, of)
    judged = tuple(_judged(one, floor) for one in candidates)
    eligible = [one for one in judged if one.eligible]
    if not eligible:
        return Choice(judged, floor, None, (), _why_nobody(judged, floor))
    largest = max(_gain(one) for one in eligible)
    near = [one for one in eligible if _gain(one) >= largest - remedies.least_gain - _ROUNDING]
    today = next((one.features for one in judged if one.kind == "today"), ())
    chosen = min(near, key=lambda one: (*_departure(one, today), *_rank(one)))
    others = sorted((one for one in eligible if one is not chosen), key=_rank)
    return Choice(
        judged, floor, chosen.id, tuple(one.id for one in others), _why(judged, eligible, chosen, floor)
    )  # fmt: skip


def _departure(one: Candidate, today: Sequence[str]) -> tuple[int, int]:
    """How far from today's model: its kind, and how many things it changes."""
    left_out = sum(name not in one.features for name in today)
    return KINDS.index(one.kind), left_out + len(one.changes) + len(one.hyperparameters)


def _rank(one: Candidate) -> tuple[float, int, float, str]:
    """The larger gain first, as far as figures tell it; then the simpler kind and the better performance."""
    return -round(_gain(one), _DIGITS), KINDS.index(one.kind), -(one.performance or 0.0), one.id


def _gain(one: Candidate) -> float:
    return -1.0 if one.gain is None else one.gain


def _floor(candidates: Sequence[Candidate], remedies: Remedies, of: str) -> Floor:
    known = [one.performance for one in candidates if one.deployable and one.performance is not None]
    best = max(known, default=None)
    least = None if best is None else best - remedies.loss
    return Floor(remedies.performance, of, remedies.loss, best, least, remedies.least_gain)


def _judged(one: Candidate, floor: Floor) -> Candidate:
    """Eligible, or with the first reason why not; a reason that is there already stays."""
    reason: str | None = one.reason or _against(one, floor)
    return replace(one, eligible=reason is None, reason=reason)


def _against(one: Candidate, floor: Floor) -> Sentence | None:
    if one.kind == "today":
        return said(TODAY)
    if not one.deployable:
        return said(BY_GROUP)
    if one.performance is None or floor.least is None:
        return said(NO_PERFORMANCE)
    if one.gain is None:
        return said(NO_GAIN)
    short = floor.least - one.performance
    against = [said(BELOW, performance=one.performance, short=short, least=floor.least)] if short > _ROUNDING else []
    if one.gain < -_ROUNDING:
        against.append(said(LOWERS, loss=-one.gain))
    elif one.gain < floor.least_gain - _ROUNDING:
        against.append(said(LITTLE, gain=one.gain, least_gain=floor.least_gain))
    return joined(against, " ") if against else None


def _why_nobody(judged: Sequence[Candidate], floor: Floor) -> tuple[str, ...]:
    tried = [one for one in judged if one.kind != "today" and one.deployable]
    if floor.least is None:
        return (said(NO_PERFORMANCE),)
    reasons = [said(
        NOBODY, tried=len(tried), performance=said(WORDS[floor.performance]), least=floor.least,
        least_gain=floor.least_gain,
    )]  # fmt: skip
    within = [one for one in tried if one.gain is not None and (one.performance or 0.0) >= floor.least - _ROUNDING]
    if within:
        best = min(within, key=_rank)
        reasons.append(said(NEAREST, gain=_gain(best), id=best.id))
    return tuple(reasons)


def _why(
    judged: Sequence[Candidate], eligible: Sequence[Candidate], chosen: Candidate, floor: Floor
) -> tuple[str, ...]:  # fmt: skip
    """Sentences in the order in which the choice was made."""
    performance, kind = said(WORDS[floor.performance]), said(NAMES[chosen.kind])
    tried = sum(one.kind != "today" and one.deployable for one in judged)
    best = min(eligible, key=_rank)
    reasons = [said(
        WAS_ELIGIBLE, eligible=len(eligible), tried=tried, performance=performance, least=floor.least,
        least_gain=floor.least_gain,
    )]  # fmt: skip
    simpler = any(KINDS.index(one.kind) < KINDS.index(chosen.kind) for one in eligible)
    if simpler:
        reasons.append(said(WORTH_IT, kind=kind, least_gain=floor.least_gain, largest=_gain(best)))
    if best is not chosen:
        reasons.append(said(
            CHANGES_LESS, largest=_gain(best), best=best.id, best_kind=said(NAMES[best.kind]), chosen=chosen.id,
            gain=_gain(chosen), kind=kind, least_gain=floor.least_gain,
        ))  # fmt: skip
    elif not simpler:
        reasons.append(said(LARGEST, chosen=chosen.id, gain=_gain(chosen), kind=kind))
    today = next((one.performance for one in judged if one.kind == "today"), None)
    if today is not None:
        reasons.append(said(PERFORMS, performance=performance, value=chosen.performance, today=today))
    return tuple(reasons)
