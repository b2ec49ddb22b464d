"""Which alternative: the simplest kind that keeps to the floor and brings nearly the most, by the rows of the choice.

The floor is measured from the best model that was found, today's included, and not from today's alone: what an
alternative gives up is told apart from what today's model never had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from audits.remedies.records import KINDS, Candidate, Floor, GroupRate
from audits.remedies.validation import FEWEST, nearness
from checks.inputs.remedies import Remedies
from checks.sentence import Sentence, joined, said, template

_ROUNDING, _DIGITS = 1e-12, 6
_PLAIN = ("without_features", "changed_features")  # made without a look at the ratio
_FALL = 0.01  # a fall of another group below this is none, however little gain is asked for
Rates = Sequence[GroupRate]
Ids = frozenset[str]
ErrorOf = Callable[[str, str], float | None]
TODAY = template("Today's model: what the others are measured against.")
BY_GROUP = template("It needs to know the group to decide, so that it is shown as a frontier alone.")
NO_PERFORMANCE = template("Its performance is not known on the rows of the choice.")
NO_GAIN = template("No ratio of approval rates is known on the rows of the choice.")
BELOW = template("Its performance, {performance:.4f}, lies {short:.4f} below the floor of {least:.4f}.")
LITTLE = template(
    "It brings the ratio of approval rates nearer to 1 by {gain:.4f}, less than the least gain of {least_gain:g}."
)
SAME = template("It leaves the ratio of approval rates as it is.")
LOWERS = template("It takes the ratio of approval rates further from 1, by {loss:.4f}.")
HURTS = template(
    "It leaves {loser} ({attribute}) further behind: the ratio of {group} to {reference} goes from {today:.4f} to "
    "{ratio:.4f}, {fall:.4f} further from 1."
)
NAMES = {
    "without_features": template("leaving features out"),
    "changed_features": template("changing features"),
    "hyperparameters": template("other hyperparameters"),
    "constrained": template("constrained training"),
}
WAS_ELIGIBLE = template(
    "{eligible:,} of {tried:,} candidates keep to the floor ({performance} of at least {least:.4f}) and bring the "
    "ratio of approval rates nearer to 1 by at least {least_gain:g}."
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
    "None of {tried:,} candidates keeps to the floor ({performance} of at least {least:.4f}) and brings the ratio of "
    "approval rates nearer to 1 by at least {least_gain:g}."
)
ALL_HURT = template(
    "{hurting:,} of {tried:,} candidates keep to the floor ({performance} of at least {least:.4f}) and bring the "
    "ratio of approval rates nearer to 1 by at least {least_gain:g}, but all of these leave another group clearly "
    "further behind."
)
CLOSE = template(
    "Of these, {close:,} lie below the floor, but within one standard error of the difference from the best candidate."
)
SOME_HURT = template("Left out for leaving another group clearly further behind: {hurting:,} more.")
NOT_TRAINED = template("Not counted for want of a model that could be used: {failed:,} more.")
FEW_ROWS = template(
    "The rows of the choice hold {n:,} of {group} and {reference_n:,} of {reference} ({attribute}) among {rows:,}; a "
    "ratio of approval rates needs at least {least:,} of each."
)
MORE_ROWS = template("About {needed:,} rows of the choice would hold as many, of {rows:,} that there are.")
NEAREST = template("The largest gain of those that keep to the floor is {gain:.4f} ('{id}').")
WORDS = {
    ("auc", "outcome"): template("AUC"),
    ("auc", "decision"): template("AUC"),
    ("outcome_rate", "outcome"): template("outcome rate of those approved"),
    ("outcome_rate", "decision"): template("share of those approved whom the recorded decisions favour"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Candidates with ``eligible`` or a reason, in the order given; the id chosen, and those eligible beside it.

    ``answered`` is False where no candidate has a ratio or a performance, so that nothing could be compared.
    """

    candidates: tuple[Candidate, ...]
    floor: Floor
    chosen: str | None
    runner_up: tuple[str, ...]
    reasons: tuple[str, ...]
    answered: bool = True


def choose(
    candidates: Sequence[Candidate], remedies: Remedies, of: str = "outcome", error: ErrorOf | None = None
) -> Choice:  # fmt: skip
    """The choice by the figures that the candidates hold; ``of`` is the role that performance is for.

    Eligible is what needs no group, keeps to the floor, gains ``least_gain``, and takes no declared group's ratio
    further from 1 by as much. Chosen is, of those that come within
    ``least_gain`` of the largest gain, the simplest kind, and of a kind the one that changes least of today's model:
    features left out or changed, hyperparameters set; ties go to the larger gain, the better performance, the id. The
    best performance of many is partly chance: where ``error`` gives the standard error of the difference between two
    candidates' performance, by their ids, one that only leaves out or changes features keeps to the floor, too, where
    it lies below by no more than one such error. What was fitted towards the ratio gets no such allowance, or it would
    buy parity with accuracy wherever rows are few.
    """
    floor = _floor(candidates, remedies, of)
    rates = next((one.rates for one in candidates if one.kind == "today"), ())
    kept = _keeping(candidates, floor, error)
    judged = tuple(_judged(one, floor, kept, rates) for one in candidates)
    eligible = [one for one in judged if one.eligible]
    if not eligible:
        lacking = _lacking(judged, floor, remedies.attribute)
        return Choice(judged, floor, None, (), lacking or _why_nobody(judged, floor, kept, rates), not lacking)
    largest = max(_gain(one) for one in eligible)
    near = [one for one in eligible if _gain(one) >= largest - remedies.least_gain - _ROUNDING]
    today = next((one.features for one in judged if one.kind == "today"), ())
    chosen = min(near, key=lambda one: (*_departure(one, today), *_rank(one)))
    others = sorted((one for one in eligible if one is not chosen), key=_rank)
    why = _why(judged, eligible, chosen, floor, kept, rates)
    return Choice(judged, floor, chosen.id, tuple(one.id for one in others), why)


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


def _judged(one: Candidate, floor: Floor, kept: Ids, today: Rates) -> Candidate:
    """Eligible, or with the first reason why not; a reason that is there already stays."""
    reason: str | None = one.reason or _against(one, floor, kept, today)
    return replace(one, eligible=reason is None, reason=reason)


def _against(one: Candidate, floor: Floor, kept: Ids, today: Rates) -> Sentence | None:
    if one.kind == "today":
        return said(TODAY)
    if not one.deployable:
        return said(BY_GROUP)
    if one.performance is None or floor.least is None:
        return said(NO_PERFORMANCE)
    if one.gain is None:
        return said(NO_GAIN)
    against, short = [], floor.least - one.performance
    if one.id not in kept:
        against = [said(BELOW, performance=one.performance, short=short, least=floor.least)]
    if one.gain < floor.least_gain - _ROUNDING:
        against.append(_little(one.gain, floor.least_gain))
    against += _hurt(one, today, floor.least_gain)
    return joined(against, " ") if against else None


def _little(gain: float, least_gain: float) -> Sentence:
    if round(gain, 4) == 0:
        return said(SAME)
    return said(LOWERS, loss=-gain) if gain < 0 else said(LITTLE, gain=gain, least_gain=least_gain)


def _hurt(one: Candidate, today: Rates, least_gain: float) -> Iterator[Sentence]:
    """Groups of any attribute, the reference among them, that end clearly further behind than by today's model."""
    before = {(rate.attribute, rate.group): rate.ratio for rate in today}
    reference: dict[str, str] = {}
    for rate in one.rates:
        was, base = before.get((rate.attribute, rate.group)), reference.setdefault(rate.attribute, rate.group)
        if was is None or rate.ratio is None or rate.group == base:
            continue
        fall = nearness(was) - nearness(rate.ratio)
        if fall >= max(least_gain, _FALL) - _ROUNDING:
            loser = rate.group if rate.ratio < 1 else base
            yield said(
                HURTS, loser=loser, attribute=rate.attribute, group=rate.group, reference=base, today=was,
                ratio=rate.ratio, fall=fall,
            )  # fmt: skip


def _trained(judged: Sequence[Candidate]) -> list[Candidate]:
    """Those beside today's that could decide and could be trained."""
    return [one for one in _deployable(judged) if not one.performance is one.approved is one.gain is None]


def _deployable(judged: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in judged if one.kind != "today" and one.deployable]


def _hurting(judged: Sequence[Candidate], floor: Floor, kept: Ids, today: Rates) -> int:
    """How many would be eligible but for another group that they leave behind."""
    return sum(
        one.id in kept and _gain(one) >= floor.least_gain - _ROUNDING
        and any(_hurt(one, today, floor.least_gain)) for one in _trained(judged)
    )  # fmt: skip


def _keeping(candidates: Sequence[Candidate], floor: Floor, error: ErrorOf | None) -> Ids:
    """Ids of those that keep to the floor, or lie below it by no more than a standard error beside the best."""
    if floor.least is None:
        return frozenset()
    best = next(one.id for one in candidates if one.deployable and one.performance == floor.best)
    found = set()
    for one in candidates:
        short = inf if one.performance is None else floor.least - one.performance
        if 0 < short < inf and error is not None and one.kind in _PLAIN:
            short -= error(one.id, best) or 0.0
        if short <= _ROUNDING:
            found.add(one.id)
    return frozenset(found)


def _close(of: Sequence[Candidate], floor: Floor) -> Iterator[Sentence]:
    """How many of those that keep to the floor do so within a standard error alone."""
    close = sum((one.performance or 0.0) < (floor.least or 0.0) - _ROUNDING for one in of)
    if close:
        yield said(CLOSE, close=close)


def _lacking(judged: Sequence[Candidate], floor: Floor, attribute: str | None) -> tuple[str, ...]:
    """Why nothing could be compared at all; () where something could."""
    if floor.least is None:
        return (said(NO_PERFORMANCE),)
    if any(one.gain is not None for one in judged):
        return ()
    rates = next((one.rates for one in judged if one.kind == "today"), ())
    own = [one for one in rates if attribute in (None, one.attribute)]
    own = [one for one in own if one.attribute == own[0].attribute]
    groups = sorted(own[1:], key=lambda one: -one.n)
    if not groups:
        return (said(NO_GAIN),)
    base, most = own[0], groups[0]
    if min(base.n, most.n) >= FEWEST:
        return (said(NO_GAIN), *((most.reason,) if most.reason else ()))
    rows = sum(one.n for one in own)
    reasons = [said(
        FEW_ROWS, n=most.n, group=most.group, reference_n=base.n, reference=base.group, attribute=base.attribute,
        rows=rows, least=FEWEST,
    )]  # fmt: skip
    if min(base.n, most.n):
        reasons.append(said(MORE_ROWS, needed=-(-FEWEST * rows // min(base.n, most.n)), rows=rows))
    return tuple(reasons)


def _why_nobody(judged: Sequence[Candidate], floor: Floor, kept: Ids, today: Rates) -> tuple[str, ...]:
    tried, hurting = _trained(judged), _hurting(judged, floor, kept, today)
    performance = said(WORDS[floor.performance, floor.of])
    reasons = [said(
        ALL_HURT if hurting else NOBODY, tried=len(tried), performance=performance, least=floor.least,
        least_gain=floor.least_gain, **({"hurting": hurting} if hurting else {}),
    )]  # fmt: skip
    within = [one for one in tried if one.gain is not None and one.id in kept]
    if within:
        best = min(within, key=_rank)
        reasons.append(said(NEAREST, gain=_gain(best), id=best.id))
    return (*reasons, *_not_trained(judged))


def _not_trained(judged: Sequence[Candidate]) -> Iterator[Sentence]:
    failed = len(_deployable(judged)) - len(_trained(judged))
    if failed:
        yield said(NOT_TRAINED, failed=failed)


def _why(
    judged: Sequence[Candidate], eligible: Sequence[Candidate], chosen: Candidate, floor: Floor, kept: Ids,
    rates: Rates,
) -> tuple[str, ...]:  # fmt: skip
    """Sentences in the order in which the choice was made."""
    performance, kind = said(WORDS[floor.performance, floor.of]), said(NAMES[chosen.kind])
    tried, hurting = len(_trained(judged)), _hurting(judged, floor, kept, rates)
    best = min(eligible, key=_rank)
    reasons = [said(
        WAS_ELIGIBLE, eligible=len(eligible), tried=tried, performance=performance, least=floor.least,
        least_gain=floor.least_gain,
    )]  # fmt: skip
    reasons += _close(eligible, floor)
    reasons += [said(SOME_HURT, hurting=hurting)] if hurting else []
    reasons += _not_trained(judged)
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
