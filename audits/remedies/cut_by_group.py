"""What could be had if the group were used to decide: cuts of today's score set by group. A frontier, no remedy.

Hardt, Price and Srebro (2016, Equality of opportunity in supervised learning, NIPS), as ``ThresholdOptimizer`` of
Fairlearn does it: for each group a mixture of two cuts. It draws its decisions; here the chance itself counts, read
from the fitted mixtures. Today's chances of approval are a mixture of cuts too, P(approved) = ∫ 1(P > t) dt, so that
for equal shares cuts by group are set for each of a few t and their chances averaged. All chances are then moved alike,
c → a + b·c, so that the recorded share is approved: this changes neither equal shares nor equal error rates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.remedy_rows import RemedyPart
from audits.remedies.approvals import rule_of
from audits.remedies.records import Candidate
from audits.remedies.tried import Scorer
from audits.remedies.workshop import Workshop
from checks.inputs.training_code import TrainingError
from checks.sentence import Sentence, said

Floats = NDArray[np.float64]
Labels = NDArray[np.object_]
PARITY, ODDS = "demographic_parity", "equalized_odds"
WITHIN = (0.05, 0.1)  # gaps in shares of approvals that a relaxed parity leaves
_LEVELS, _MOST_ROWS, _FEWEST = 8, 10_000, 30  # t; rows that cuts are set on; rows of a group with cuts of its own
ACCURATE = "accuracy_score"
_REPEATS = ((1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (1, 3))  # of rows with outcome 0, with outcome 1


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Cuts set once: Fairlearn's mixture for each group in ``rules``, by groups' ``shares`` of the rows.

    A row of an unknown or another group gets the mean of the rules by these shares. Chances are ``start`` + ``slope`` ·
    that of the rule; without rules they are ``start``. ``weight`` is its share among the levels.
    """

    weight: float
    rules: Mapping[str, Any]
    shares: Mapping[str, float]
    start: float = 0.0
    slope: float = 1.0

    def chances(self, scores: Floats, labels: Labels) -> Floats:
        """Chances (n,) of rows with scores and labels (n,)."""
        by_rule = {group: expected(rule, scores) for group, rule in self.rules.items()}
        found = np.zeros(len(scores))
        for group, chances in by_rule.items():
            found += self.shares[group] * chances
        for group, chances in by_rule.items():
            found[labels == group] = chances[labels == group]
        return self.start + self.slope * found


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """Chances of approval by score and group: ``start`` + ``slope`` · the weighted mean of the levels' chances."""

    scorer: Scorer
    attribute: str
    levels: tuple[Level, ...]
    start: float = 0.0
    slope: float = 1.0

    def __call__(self, part: RemedyPart) -> Floats:
        """Chances (n,) of the rows of a part. Raises ``TrainingError``."""
        raw = mean_of_levels(self.levels, self.scorer.scores(part.features), part.labels[self.attribute])
        return np.clip(self.start + self.slope * raw, 0.0, 1.0)


def mean_of_levels(levels: Sequence[Level], scores: Floats, labels: Labels) -> Floats:
    """The weighted mean (n,) of the levels' chances of rows with scores and labels (n,)."""
    found = np.zeros(len(scores))
    for level in levels:
        found += level.weight * level.chances(scores, labels)
    return found


def expected(rule: Any, scores: Floats) -> Floats:
    """The chance (n,) that a fitted mixture approves rows with scores (n,).

    (1 − p_ignore)·(p0·operation0 + p1·operation1) + p_ignore·constant, the fields of Fairlearn's interpolation.
    """
    cuts = rule["p0"] * rule["operation0"](scores) + rule["p1"] * rule["operation1"](scores)
    ignored = float(rule.get("p_ignore", 0.0))
    return np.asarray(ignored * rule.get("prediction_constant", 0.0) + (1 - ignored) * cuts, dtype=np.float64)


def cut_by_group(shop: Workshop) -> None:
    """Set cuts on the validation rows: equal shares, shares within some gaps, equal error rates of the outcome."""
    scorer, part = shop.tried[0].scorer, shop.rows.validation
    if scorer is None:
        return
    try:
        scores = scorer.scores(part.features)
    except TrainingError as error:
        shop.lost(_candidate(shop, PARITY, _parity_words(None)), error.reason)
        return
    labels = part.labels[shop.attribute]
    today = rule_of(shop.remedies.approve, scores, part.decision).approver(scores).chances(scores)
    share, gap_today = float(today.mean()), gap_between(today, labels)
    for gap in (None, *(gap for gap in WITHIN if gap < gap_today)):
        candidate = _candidate(shop, PARITY if gap is None else f"{PARITY}-{gap}", _parity_words(gap))
        levels = [
            _level(shop.seed, weight, scores, approved, labels, gap) for weight, approved in cuts_within(today)
        ]  # fmt: skip
        _keep(shop, candidate, scorer, scores, labels, levels, share)
    if not np.isnan(part.outcome).all():
        candidate = _candidate(shop, ODDS, said(
            "cuts set by group so that errors about the outcome are as frequent in each; it uses the group to decide "
            "and is shown as a frontier alone"
        ))  # fmt: skip
        _keep(shop, candidate, scorer, scores, labels, _odds(shop.seed, scores, part.outcome, labels, share), share)


def _keep(
    shop: Workshop, candidate: Candidate, scorer: Scorer, scores: Floats, labels: Labels, levels: Sequence[Level],
    share: float,
) -> None:  # fmt: skip
    if not any(level.rules for level in levels):
        shop.lost(candidate, said("fewer than two groups have {least} rows with both answers", least=_FEWEST))
        return
    approved = float(mean_of_levels(levels, scores, labels).mean())
    shop.by_group(candidate, Cuts(scorer, shop.attribute, tuple(levels), *moved(approved, share)))


def _candidate(shop: Workshop, name: str, words: Sentence) -> Candidate:
    return Candidate(f"by-group-{name.replace('_', '-')}", "cut_by_group", words, shop.features, deployable=False)


def _parity_words(gap: float | None) -> Sentence:
    if gap is None:
        return said(
            "cuts set by group so that the same share of each is approved; it uses the group to decide and is shown as "
            "a frontier alone"
        )
    return said(
        "cuts set by group so that shares of approvals differ by about {gap} at most; it uses the group to decide and "
        "is shown as a frontier alone",
        gap=gap,
    )


def cuts_within(chances: Floats) -> Iterator[tuple[float, Floats]]:
    """Decisions (n,) of 0 and 1 whose weighted mean comes near to chances (n,), with their weights, which add up to 1.

    1(chance > t) at the middles t of equal parts of 0 to 1; those that are alike are one.
    """
    decided = [(chances > (part + 0.5) / _LEVELS).astype(np.float64) for part in range(_LEVELS)]
    sums = [float(one.sum()) for one in decided]  # each approves some of those that the one before approves
    for place, one in enumerate(decided):
        if sums.index(sums[place]) == place:
            yield sums.count(sums[place]) / _LEVELS, one


def _level(
    seed: int, weight: float, scores: Floats, approved: Floats, labels: Labels, gap: float | None
) -> Level:  # fmt: skip
    """Cuts by group as near to these decisions (n,) as parity allows, moved so that as many are approved."""
    share, rows = float(approved.mean()), rows_to_set(approved, labels, seed)
    if not len(rows):
        return Level(weight, {}, {}, share)
    rules = fitted_rules(scores[rows], approved[rows], labels[rows], PARITY, ACCURATE, gap)
    level = Level(weight, rules, _shares(labels[rows]))
    start, slope = moved(float(level.chances(scores, labels).mean()), share)
    return replace(level, start=start, slope=slope)


def _odds(seed: int, scores: Floats, outcome: Floats, labels: Labels, share: float) -> list[Level]:
    """Cuts by group with equal error rates, mixed so that the share is approved and the outcomes are parted best.

    Which of them are most accurate depends on how frequent each outcome is; error rates do not, so that rows of an
    outcome are repeated to find further ones. A mixture of two with equal error rates has equal ones.
    """
    rows = rows_to_set(outcome, labels, seed)
    if not len(rows):
        return []
    levels = [Level(1.0, {}, {}, 0.0), Level(1.0, {}, {}, 1.0)]
    for repeats in _REPEATS:
        taken = np.repeat(rows, np.where(outcome[rows] == 1, repeats[1], repeats[0]))
        rules = fitted_rules(scores[taken], outcome[taken], labels[taken], ODDS, ACCURATE)
        levels.append(Level(1.0, rules, _shares(labels[rows])))
    chances = [level.chances(scores, labels) for level in levels]
    parted = [float(one[outcome == 1].mean() - one[outcome == 0].mean()) for one in chances]
    return _mixed(levels, [float(one.mean()) for one in chances], parted, share)


def _mixed(levels: Sequence[Level], approved: Sequence[float], parted: Sequence[float], share: float) -> list[Level]:
    """Two levels, by the shares that they approve, with the weights that approve ``share`` and part most."""
    best, most = [levels[0]], -np.inf
    for fewer, more in product(range(len(levels)), repeat=2):
        if approved[fewer] <= share < approved[more]:
            weight = (share - approved[fewer]) / (approved[more] - approved[fewer])
            value = (1 - weight) * parted[fewer] + weight * parted[more]
            if value > most:
                best = [replace(levels[fewer], weight=1 - weight), replace(levels[more], weight=weight)]
                most = value
    return best


def rows_to_set(target: Floats, labels: Labels, seed: int) -> NDArray[np.int64]:
    """Places of rows with a known label and target (n,) whose group has enough of them and both targets, in order.

    At most ``_MOST_ROWS``, drawn by the seed. None where fewer than two groups are left.
    """
    places = np.flatnonzero(np.array([label is not None for label in labels], dtype=bool) & ~np.isnan(target))
    if len(places) > _MOST_ROWS:
        places = np.sort(np.random.default_rng(seed).choice(places, _MOST_ROWS, replace=False))
    groups = {label: target[places][labels[places] == label] for label in set(labels[places].tolist())}
    fit = [label for label, own in groups.items() if len(own) >= _FEWEST and 0 < own.mean() < 1]
    return places[np.isin(labels[places].astype(str), fit)] if len(fit) > 1 else places[:0]


def _shares(labels: Labels) -> dict[str, float]:
    groups, counts = np.unique(labels.astype(str), return_counts=True)
    return {str(group): float(share) for group, share in zip(groups, counts / counts.sum(), strict=True)}


def fitted_rules(
    scores: Floats, target: Floats, labels: Labels, constraint: str, objective: str, gap: float | None = None
) -> dict[str, Any]:
    """Fairlearn's mixture of cuts for each group, from scores, targets of 0 and 1 and labels (n,)."""
    from fairlearn.postprocessing import ThresholdOptimizer

    optimizer = ThresholdOptimizer(
        estimator=_as_scored(), constraints=constraint, objective=objective, prefit=True, predict_method="predict",
        tol=gap,
    )  # fmt: skip
    optimizer.fit(scores.reshape(-1, 1), target.astype(np.int64), sensitive_features=labels.astype(str))
    return {str(group): rule for group, rule in optimizer.interpolated_thresholder_.interpolation_dict.items()}


def moved(approved: float, share: float) -> tuple[float, float]:
    """Start and slope of the line that brings a mean chance to ``share`` and keeps chances within 0 and 1.

    Too many: all chances times share ÷ approved. Too few: all chances of refusal times (1 − share) ÷ (1 − approved).
    """
    if approved > share:
        return 0.0, share / approved
    slope = (1 - share) / (1 - approved)
    return 1 - slope, slope


def gap_between(chances: Floats, labels: Labels) -> float:
    """The largest difference between groups' mean chances, by chances and labels (n,)."""
    rates = [float(chances[labels == label].mean()) for label in {one for one in labels if one is not None}]
    return max(rates) - min(rates) if rates else 0.0


class _Scores:
    """A model whose rows (n, 1) are scores already."""

    def fit(self, X: Any, y: Any) -> _Scores:  # noqa: N803 - as Fairlearn calls it
        """Nothing is left to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """It always is."""
        return True

    def predict(self, X: Any) -> Floats:  # noqa: N803 - as Fairlearn calls it
        """The scores (n,) themselves."""
        return np.asarray(X, dtype=np.float64)[:, 0]


def _as_scored() -> Any:
    from sklearn.base import BaseEstimator

    return type("AsScored", (_Scores, BaseEstimator), {})()
