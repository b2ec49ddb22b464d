"""Does the chosen alternative hold on rows that nothing before has looked at?

Both models and both ways from score to approval are fixed before these rows are read, so that no choice makes a figure
look better. ``certified``: the gain of the worst-treated group lies above 0 within bounds that hold for all figures at
once, no other group surely ends further from its reference, whichever of the two is behind, and performance surely
falls by no more than the loss that was allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from audits.evidence.remedy_rows import RemedyPart
from audits.remedies.cautions import cautions_of
from audits.remedies.certified_figures import GAIN, PERFORMANCE, RATIO, Model, certified_figures
from audits.remedies.choice import Choice
from audits.remedies.records import Certified, Outcome
from audits.remedies.tried import Scorer
from audits.remedies.validation import Validator, nearness, scored
from checks.inputs.remedies import Remedies
from checks.inputs.training_code import TrainingError
from checks.sentence import Sentence, joined, said, template

_MOST_ROWS = 1e9
Retrain = Callable[[Certified], Certified | None]
HOLDS = template(
    "Chosen on other rows, '{chosen}' holds on {n:,} untouched rows: the approval rate of {group} rises from "
    "{today:.4f} to {ratio:.4f} of that of {reference}, by {gain:.4f} ({low:.4f} to {high:.4f}). Performance changes "
    "by {performance:+.4f} ({performance_low:+.4f} to {performance_high:+.4f}). All certified figures lie within their "
    "bounds at once with {level:.0%} confidence."
)
FALLS = template(
    "Chosen on other rows, '{chosen}' holds on {n:,} untouched rows: the approval rate of {group}, above that of "
    "{reference}, comes down from {today:.4f} to {ratio:.4f} of it, by {gain:.4f} ({low:.4f} to {high:.4f}). "
    "Performance changes by {performance:+.4f} ({performance_low:+.4f} to {performance_high:+.4f}). All certified "
    "figures lie within their bounds at once with {level:.0%} confidence."
)
NOT_CONFIRMED = template("'{chosen}' was chosen, but is not confirmed on the {n:,} untouched rows: {reasons}")
NONE_FOUND = template("No alternative was found: {reason}")
NOT_ANSWERED = template("No alternative could be judged: {reason}")
NO_RATIO = template("the untouched rows give no ratio of {attribute} for the two models.")
MAY_BE_NONE = template(
    "the ratio of {group} changes by {gain:+.4f}, and {low:+.4f} to {high:+.4f} does not rule out that nothing is "
    "gained."
)
BEYOND = template("{group} ends further from {reference} than today, on the other side ({today:.4f} to {ratio:.4f}).")
HARMED = template("the ratio of {group} ({attribute}) falls, by {low:+.4f} to {high:+.4f}.")
REFERENCE_HARMED = template(
    "{reference} ({attribute}) falls behind {group}: the ratio of {group} rises to {ratio:.4f}, by {low:+.4f} to "
    "{high:+.4f}."
)
WORSE = template("performance falls by more than the allowed {loss:g} ({low:+.4f} to {high:+.4f}).")
MAY_BE_WORSE = template(
    "performance changes by {change:+.4f}, and {low:+.4f} to {high:+.4f} does not rule out a fall of more than the "
    "allowed {loss:g}."
)
MORE_ROWS = template("About {rows:,} untouched rows would settle it if the change stays what it is.")
TRAINED_BY_CHANCE = template(
    "trained on other rows of the same book, both models may leave {group} where it is: {low:+.4f} to {high:+.4f} "
    "around {gain:+.4f}."
)
UNKNOWN_CHANCE = template("How much of the gain is due to the rows that were trained on is not known. {reason}")
NO_BOUNDS = template("how performance changes has no bounds. {reason}")
TODAY_NOT_SCORED = template("Today's model could not score the untouched rows. {reason}")
CANNOT_SCORE = template("the untouched rows could not be scored. {reason}")


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is certified, and the outcome in a word and in a sentence."""

    figures: tuple[Certified, ...]
    outcome: Outcome
    explanation: str
    cautions: tuple[str, ...]


def certify(
    part: RemedyPart, scorers: Mapping[str, Scorer | None], choice: Choice, validator: Validator, remedies: Remedies,
    references: Mapping[str, str], seed: int = 0, retrained: Retrain | None = None,
) -> Certificate:  # fmt: skip
    """Today's and the chosen model on ``part``; ``scorers`` by candidate id, ``validator`` holds the rule.

    ``retrained`` is given the gain of the group that is worst off and adds how much of it training by chance explains.

    Where nothing was chosen, the figures are the ratios of the recorded decisions and of today's model.
    """
    groups = validator.groups
    today_id = next(one.id for one in choice.candidates if one.kind == "today")
    if choice.chosen is None:
        return _none_chosen(part, scorers.get(today_id), choice, validator, remedies, references, seed)
    try:
        today, chosen = (_on(part, scorers[one], validator) for one in (today_id, choice.chosen))
    except TrainingError as error:
        recorded = certified_figures(part, None, None, remedies, references, groups, seed)
        cautions = cautions_of(part, recorded, None, remedies, references)
        why = said(CANNOT_SCORE, reason=error.reason)
        return Certificate(recorded, "not_confirmed", _not_confirmed(choice.chosen, part, [why]), cautions)
    figures = certified_figures(part, today, chosen, remedies, references, groups, seed)
    cautions = cautions_of(part, figures, today, remedies, references)
    worst = worst_of(figures, validator.attribute)
    again = retrained(worst) if retrained is not None and worst is not None else None
    if again is not None:
        figures = (*figures, again)
        if again.reason is not None:  # without bounds it is not known, which is not nought
            cautions = (*cautions, said(UNKNOWN_CHANCE, reason=again.reason))
    against = [*_against(figures, validator.attribute, remedies), *_by_chance(again)]
    if against:
        return Certificate(figures, "not_confirmed", _not_confirmed(choice.chosen, part, against), cautions)
    return Certificate(figures, "certified", _holds(figures, validator.attribute, choice.chosen, part), cautions)


def _none_chosen(
    part: RemedyPart, scorer: Scorer | None, choice: Choice, validator: Validator, remedies: Remedies,
    references: Mapping[str, str], seed: int,
) -> Certificate:  # fmt: skip
    """Today's model beside the recorded decisions, and why there is nothing else."""
    failed, today = [], None
    try:
        today = None if scorer is None else _on(part, scorer, validator)
    except TrainingError as error:
        failed = [said(TODAY_NOT_SCORED, reason=error.reason)]
    figures = certified_figures(part, today, None, remedies, references, validator.groups, seed)
    cautions = (*failed, *cautions_of(part, figures, today, remedies, references))
    reason = choice.reasons[0] if choice.reasons else ""
    if choice.answered:
        return Certificate(figures, "none_found", said(NONE_FOUND, reason=reason), cautions)
    return Certificate(figures, "not_answered", said(NOT_ANSWERED, reason=reason), cautions)


def _on(part: RemedyPart, scorer: Scorer | None, validator: Validator) -> Model:
    if scorer is None:
        raise ValueError("scorers: found none of a candidate that was chosen, expected its model")
    approver = validator.approver(scorer)
    scores = scored(scorer, part)
    return Model(scores, approver.chances(scores))


def worst_of(figures: Sequence[Certified], attribute: str) -> Certified | None:
    """The gain of the group whose ratio by today's model lies furthest from 1; None where no group has one."""
    gains = [one for one in figures if one.measure == GAIN and one.attribute == attribute and one.low is not None]
    return min(gains, key=lambda one: (nearness(one.today), str(one.group)), default=None)


def _against(figures: Sequence[Certified], attribute: str, remedies: Remedies) -> Iterator[Sentence]:
    """Why the chosen model is not certified, each reason a sentence."""
    worst = worst_of(figures, attribute)
    if worst is None or worst.low is None or worst.high is None:
        yield said(NO_RATIO, attribute=attribute)
        return
    above = (worst.today or 0.0) > 1
    if (worst.high >= 0) if above else (worst.low <= 0):
        yield said(MAY_BE_NONE, group=worst.group, gain=worst.estimate, low=worst.low, high=worst.high)
        yield from _more_rows(worst, 0.0, above)
    elif nearness(worst.chosen) <= nearness(worst.today):
        yield said(
            BEYOND, group=worst.group, reference=worst.reference, today=worst.today, ratio=worst.chosen
        )  # fmt: skip
    yield from (reason for one in figures if one.measure == GAIN and one is not worst for reason in _harm(one, figures))
    yield from _worse(next(one for one in figures if one.measure == PERFORMANCE), remedies.loss)


def _by_chance(again: Certified | None) -> Iterator[Sentence]:
    """Why what was gained may be due to the rows that both models happened to be trained on."""
    if again is None or again.low is None or again.high is None:
        return
    if again.high >= 0 if (again.today or 0.0) > 1 else again.low <= 0:
        yield said(TRAINED_BY_CHANCE, group=again.group, gain=again.estimate, low=again.low, high=again.high)


def _harm(gain: Certified, figures: Sequence[Certified]) -> Iterator[Sentence]:
    """Who loses where two groups surely end further apart, the group or its reference: whoever ends behind."""
    if gain.low is None or gain.high is None or not (gain.low > 0 or gain.high < 0) or not gain.chosen:
        return
    if not _surely_further(gain, figures):
        return
    words = HARMED if gain.chosen < 1 else REFERENCE_HARMED
    yield said(
        words, group=gain.group, reference=gain.reference, attribute=gain.attribute, ratio=gain.chosen, low=gain.low,
        high=gain.high,
    )  # fmt: skip


def _surely_further(gain: Certified, figures: Sequence[Certified]) -> bool:
    """Whether min(r, 1/r) surely falls, where r surely changes.

    On one side of 1 it falls or rises with r. Where r changes sides, both ends of its bounds have to lie beyond where
    it was.
    """
    before, after = gain.today or 0.0, gain.chosen or 0.0
    if (before - 1) * (after - 1) >= 0:
        return nearness(after) < nearness(before)
    of = (gain.attribute, gain.group)
    own = next((one for one in figures if one.measure == RATIO and (one.attribute, one.group) == of), None)
    if own is None or own.low is None or own.high is None or own.low <= 1 <= own.high:
        return False
    return max(nearness(own.low), nearness(own.high)) < nearness(before)


def _worse(one: Certified, loss: float) -> Iterator[Sentence]:
    if one.low is None or one.high is None:
        yield said(NO_BOUNDS, reason=one.reason)
    elif one.high < -loss:
        yield said(WORSE, loss=loss, low=one.low, high=one.high)
    elif one.low < -loss:
        yield said(MAY_BE_WORSE, change=one.estimate, low=one.low, high=one.high, loss=loss)
        yield from _more_rows(one, -loss)


def _more_rows(one: Certified, limit: float, below: bool = False) -> Iterator[Sentence]:
    """How many rows would set the bound of this estimate apart from ``limit``, with two digits, where any would."""
    beyond = ((one.estimate or 0.0) - limit) * (-1 if below else 1)
    if beyond > 0 and one.low is not None and one.high is not None:
        reach = (one.high - one.low) / 2
        rows = one.n * (reach / beyond) ** 2
        if rows < _MOST_ROWS:
            step = 10 ** max(0, len(str(int(rows))) - 2)
            yield said(MORE_ROWS, rows=int(-(-rows // step) * step))


def _not_confirmed(chosen: str, part: RemedyPart, reasons: Sequence[Sentence]) -> Sentence:
    return said(NOT_CONFIRMED, chosen=chosen, n=len(part), reasons=joined(reasons, " "))


def _holds(figures: Sequence[Certified], attribute: str, chosen: str, part: RemedyPart) -> Sentence:
    worst = worst_of(figures, attribute)
    performance = next(one for one in figures if one.measure == PERFORMANCE)
    if worst is None:
        raise ValueError("figures: found no gain, expected that of the group that was treated worst")
    words, gain, low, high = HOLDS, worst.estimate or 0.0, worst.low or 0.0, worst.high or 0.0
    if (worst.today or 0.0) > 1:
        words, gain, low, high = FALLS, -gain, -high, -low
    return said(
        words, chosen=chosen, n=len(part), group=worst.group, reference=worst.reference, today=worst.today,
        ratio=worst.chosen, gain=gain, low=low, high=high, performance=performance.estimate,
        performance_low=performance.low, performance_high=performance.high, level=worst.level,
    )  # fmt: skip
