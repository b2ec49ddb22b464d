"""Candidates trained under a constraint: groups shall be approved alike, while the model never sees a group.

Agarwal, Beygelzimer, Dudík, Langford and Wallach (2018, A reductions approach to fair classification, ICML):
exponentiated gradient (Fairlearn) calls the program's own training code again and again, with rows weighted and
relabelled so that groups come closer, and gives a lottery over the models. A lottery would decide alike cases
differently, so that a candidate is its mean instead: score = Σ weight · score of each model, a fixed function of the
features.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.remedies.records import Candidate
from audits.remedies.scorers import ConstantScorer, MeanScorer
from audits.remedies.tried import Scorer
from audits.remedies.workshop import Workshop, without_words
from checks.inputs.training_code import TrainingError
from checks.sentence import Sentence, joined, said, template

Floats = NDArray[np.float64]
Fit = Callable[[Floats, Floats], Scorer]  # a target and weights of the rows that are trained on
EPSILONS = (0.01, 0.03)
ALIKE = template("under this constraint every row gets the same score")
_MOST_STEPS, _LEAST_WEIGHT, _FEWEST = 10, 1e-6, 30
_EACH, _ANNOUNCED = 30, 10  # trainings that a constrained candidate usually takes; of how many one is announced


def trainings(shop: Workshop, dropped: Sequence[str]) -> int:
    """About how many models this family trains."""
    return len(EPSILONS) * (2 if dropped else 1) * _EACH + 1


def constrained(shop: Workshop, dropped: Sequence[str]) -> None:
    """Try each bound on the gap in approvals, with all features and without the ``dropped`` ones."""
    refused = _refusal(shop)
    for left_out in [(), tuple(dropped)] if dropped else [()]:
        for eps in EPSILONS:
            features, words = shop.without(left_out), _words(eps, left_out)
            candidate = Candidate(without_words(f"constrained-{eps}", left_out), "constrained", words, features)
            if refused:
                shop.lost(candidate, refused)
            else:
                _try(shop, candidate, eps)


def _try(shop: Workshop, candidate: Candidate, eps: float) -> None:
    shop.attempt(candidate, lambda: _trained(shop, candidate, eps))


def _words(eps: float, dropped: Sequence[str]) -> Sentence:
    if not dropped:
        return said("trained towards shares of approvals that differ by at most {eps} between groups", eps=eps)
    return said(
        "trained towards shares of approvals that differ by at most {eps} between groups, without {features}",
        eps=eps, features=joined(dropped, ", "),
    )  # fmt: skip


def _refusal(shop: Workshop) -> str | None:
    """Why no model can be trained under a constraint: one group alone, or code that takes no weights."""
    if len(set(shop.labels[_rows_of_groups(shop.labels)].tolist())) < 2:
        return said("fewer than two groups have {least} training rows", least=_FEWEST)
    share = _recorded_share(shop)
    if not 0 < share < 1:
        return said("the training rows hold no recorded decision, or only decisions that are alike")
    weights = np.random.default_rng(shop.seed).exponential(size=len(shop.target))
    try:
        weighted = shop.train("rows weighted at random, to see whether the code takes weights", shop.features,
                              weights=weights).scores(shop.frame)  # fmt: skip
        plain = shop.tried[0].scorer
    except TrainingError as error:
        return error.reason
    if plain is not None and np.array_equal(weighted, plain.scores(shop.frame)):
        return said("the training code takes no notice of weights, which training under a constraint needs")
    return None


def _rows_of_groups(labels: NDArray[np.object_]) -> NDArray[np.int64]:
    """Places of the rows with a known label (n,), but for groups of too few rows to be held to a constraint."""
    counts = Counter(label for label in labels if label is not None)
    return np.flatnonzero(np.array([counts[label] >= _FEWEST for label in labels], dtype=bool))


def _recorded_share(shop: Workshop) -> float:
    """Share approved of all training rows, those with an unknown target too."""
    decided = shop.rows.training.decision
    known = decided[~np.isnan(decided)]
    return float(known.mean()) if len(known) else 0.0


def _trained(shop: Workshop, candidate: Candidate, eps: float) -> Scorer:
    """The mean of the models. Raises ``TrainingError``."""
    rows = _rows_of_groups(shop.labels)
    frame = shop.frame.iloc[rows].reset_index(drop=True)
    fits = count()

    def fit(target: Floats, weights: Floats) -> Scorer:
        return shop.train(
            candidate.words, candidate.features, rows=rows, target=target, weights=weights, may_be_constant=True,
            quietly=next(fits) % _ANNOUNCED > 0,
        )  # fmt: skip

    groups = shop.labels[rows].astype(str)
    base = Reweighted(fit, lambda scorer: scorer.scores(frame), _recorded_share(shop))
    mean = mean_of(*lottery(base, shop.target[rows], groups, eps))
    scores = mean.scores(frame)
    if scores.min() == scores.max():
        raise TrainingError(said(ALIKE))
    return mean


def lottery(base: Reweighted, target: Floats, groups: NDArray[Any], eps: float) -> tuple[list[float], list[Any]]:
    """Weights and models of the lottery under demographic parity within ``eps``.

    ``target`` (n,) of 0 and 1, ``groups`` (n,) labels. Raises ``TrainingError``.
    """
    from fairlearn.reductions import DemographicParity, ExponentiatedGradient

    places = np.arange(len(target)).reshape(-1, 1)  # rows are known by their place: their values stay out of it
    search = ExponentiatedGradient(base, DemographicParity(difference_bound=eps), eps=eps, max_iter=_MOST_STEPS)
    try:
        search.fit(places, target.astype(np.int64), sensitive_features=groups)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        kind = type(error).__name__
        raise TrainingError(said("training under this constraint came to no end ({kind})", kind=kind)) from None
    used = [place for place in search.predictors_.index if search.weights_[place] > _LEAST_WEIGHT]
    return [float(search.weights_[place]) for place in used], [search.predictors_[place] for place in used]


def mean_of(weights: Sequence[float], models: Sequence[Any]) -> Scorer:
    """The weighted mean of the models' scores."""
    scorers = [one.scorer if isinstance(one, Reweighted) else ConstantScorer(float(one.constant)) for one in models]
    return MeanScorer(tuple(weights), tuple(scorers))


class Reweighted:
    """The training code in the form that Fairlearn calls: rows are their places, and predictions are decisions.

    A row is approved where its score lies above the cut whose share of approvals is nearest to the recorded ``share``.
    """

    def __init__(self, train: Fit, scores: Callable[[Scorer], Floats], share: float) -> None:
        self._train, self._scores, self._share = train, scores, share
        self.scorer: Scorer = ConstantScorer(0.0)
        self._approved = np.zeros(0, dtype=np.int64)

    def __sklearn_clone__(self) -> Reweighted:
        """An untrained one."""
        return Reweighted(self._train, self._scores, self._share)

    def fit(self, X: Any, y: Any, sample_weight: Any) -> Reweighted:  # noqa: N803 - as Fairlearn calls it
        """Train on places (n, 1), target (n,) and weights (n,). Raises ``TrainingError``."""
        self.scorer = self._train(np.asarray(y, dtype=np.float64), np.asarray(sample_weight, dtype=np.float64))
        scores = self._scores(self.scorer)
        self._approved = (scores > cut_for(scores, self._share)).astype(np.int64)
        return self

    def predict(self, X: Any) -> NDArray[np.int64]:  # noqa: N803 - as Fairlearn calls it
        """Decisions (n,) on places (n, 1): 1 approved, 0 not."""
        return np.asarray(self._approved[np.asarray(X)[:, 0].astype(np.int64)])


def cut_for(scores: Floats, share: float) -> float:
    """The value among scores (n,) above which the share of rows is nearest to ``share``."""
    values, counts = np.unique(scores, return_counts=True)
    above = 1 - np.cumsum(counts) / len(scores)
    return float(values[np.argmin(np.abs(above - share))])
