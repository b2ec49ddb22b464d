"""What the chosen recipe brings when both models are trained on other rows of the same book.

The certificate's bounds hold two trained models fixed. A model that was trained on a finite book holds chance: where
today's model happens to have learned noise that hurts a group, any other training looks like a remedy. So both are
trained again on rows drawn with replacement, whole persons at a time (bootstrap: Efron and Tibshirani 1993, An
Introduction to the Bootstrap), and the variance of the gain over these trainings is added to that of the untouched
rows. Bounds lie as many standard errors away as the certified gain's own, which hold for all figures at once, or as
Student's t asks with the degrees of freedom of Satterthwaite (1946, Biometrics Bulletin 2:110–114), where that is more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from audits.evidence.remedy_rows import RemedyPart
from audits.remedies.approvals import UnanswerableError, rule_of
from audits.remedies.records import Candidate, Certified
from audits.remedies.scorers import TrainedScorer
from audits.remedies.tried import Scorer
from audits.remedies.validation import scored
from audits.remedies.workshop import Workshop
from checks.inputs.training_code import TrainingError
from checks.sentence import said, template

MEASURE, TIMES, _FEWEST = "retrained_ratio_gain", 10, 5
METHOD = template(
    "both models trained again {times} times on persons drawn with replacement; delta method; bounds as many standard "
    "errors away as those of all certified figures, or as Student's t asks where that is more"
)
TOO_LONG = template("A constrained model takes some thirty trainings, so that training it again was left out.")
NOBODY = template("a model trained again approves nobody of {reference}")
FAILED = template("Only {done} of {times} repeated trainings could be used: {reason}")
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Retraining:
    """Trains today's and the ``chosen`` model again; called with the gain that was certified."""

    shop: Workshop
    chosen: Candidate
    scorer: Scorer | None
    seed: int
    times: int = TIMES

    def __call__(self, gain: Certified) -> Certified | None:
        """The gain of the group with bounds that allow for training; without bounds and with the reason if need be."""
        figure = replace(
            gain, measure=MEASURE, low=None, high=None, standard_error=None,
            method=said(METHOD, times=self.times), level=self.shop.remedies.level, reason=None,
        )  # fmt: skip
        if gain.standard_error is None or gain.estimate is None:
            return None
        if not isinstance(self.scorer, TrainedScorer):
            return replace(figure, reason=said(TOO_LONG))
        self.shop.ahead = 2 * self.times
        gains, reason = [], ""
        for draw in _draws(self.shop.rows.training, self.times, self.seed):
            try:
                gains.append(self._gain(draw, gain))
            except (TrainingError, UnanswerableError) as error:
                reason = error.reason
        if len(gains) < _FEWEST:
            return replace(figure, reason=said(FAILED, done=len(gains), times=self.times, reason=reason))
        of_rows, of_training = gain.standard_error**2, float(np.var(gains, ddof=1))
        whole = of_rows + of_training
        freedom = whole**2 / (of_rows**2 / max(gain.n - 2, 1) + of_training**2 / (len(gains) - 1)) if whole else 1.0
        alone = float(stats.t.ppf((1 + self.shop.remedies.level) / 2, freedom))
        reach = max(alone, _critical(gain)) * whole**0.5
        counts = {**gain.counts, "trainings": len(gains)}
        return replace(
            figure, low=gain.estimate - reach, high=gain.estimate + reach, standard_error=whole**0.5, counts=counts
        )

    def _gain(self, rows: Whole, gain: Certified) -> float:
        """The gain on the untouched rows of both models trained on ``rows`` (m,), places of training rows."""
        shop, scorer = self.shop, self.scorer
        assert isinstance(scorer, TrainedScorer)  # noqa: S101 - told apart by the caller
        words = said("trained again on rows drawn with replacement")
        today = shop.train(words, shop.features, rows=rows)
        other = shop.train(
            words, scorer.features, changes=scorer.changes, hyperparameters=self.chosen.hyperparameters, rows=rows
        )
        part, choice = shop.rows.untouched, shop.rows.validation
        before = scored(today, choice)
        rule = rule_of(shop.remedies.approve, before, choice.decision)
        labels = part.labels[str(gain.attribute)]
        ratios = []
        for model, on_choice in ((today, before), (other, scored(other, choice))):
            chances = rule.approver(on_choice).chances(scored(model, part))
            base = float(chances[labels == gain.reference].mean())
            if not base > 0:
                raise TrainingError(said(NOBODY, reference=gain.reference))
            ratios.append(float(chances[labels == gain.group].mean()) / base)
        return ratios[1] - ratios[0]


def _critical(gain: Certified) -> float:
    """How many standard errors the certified bounds are away, which hold for all figures at once."""
    if gain.low is None or gain.high is None or not gain.standard_error:
        return 0.0
    return (gain.high - gain.low) / 2 / gain.standard_error


def _draws(part: RemedyPart, times: int, seed: int) -> list[Whole]:
    """Places of the training rows with a known target, of persons drawn with replacement; ``times`` draws."""
    known = np.flatnonzero(~np.isnan(part.target))
    persons, of = np.unique(part.persons[known], return_inverse=True)
    order = np.argsort(of, kind="stable")
    starts = np.searchsorted(of[order], np.arange(len(persons) + 1))
    found = []
    for draw in np.random.default_rng(seed).integers(0, len(persons), (times, len(persons))):
        drawn = np.sort(draw)
        found.append(np.concatenate([order[starts[one] : starts[one + 1]] for one in drawn]))
    return found


def retraining_of(
    shop: Workshop, candidates: Mapping[str, Candidate], scorers: Mapping[str, Scorer | None], chosen: str | None,
    seed: int,
) -> Retraining | None:  # fmt: skip
    """What trains the chosen candidate again; None where none was chosen."""
    return None if chosen is None else Retraining(shop, candidates[chosen], scorers[chosen], seed)
