"""The search for alternatives: today's model first, then one family of candidates after another, the simplest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from audits.evidence.remedy_rows import RemedyRows
from audits.remedies import changed, constrained, cut_by_group, dropped, tuned
from audits.remedies.records import Candidate
from audits.remedies.scorers import Trainer
from audits.remedies.tried import Scorer, Tried
from audits.remedies.workshop import Validate, Workshop
from checks.inputs.remedies import Remedies
from checks.inputs.training_code import TrainingError
from checks.problem import InputError, Problem
from checks.sentence import said, template

if TYPE_CHECKING:
    import pandas as pd

NOT_REPEATED = template(
    "Trained twice on the same rows with the same seed, today's model scores them otherwise: the same seed gives other "
    "models, so that this record cannot be repeated. Let the training code draw from its 'seed' alone."
)
_SAME = 1e-6  # of the stretch of scores: what sums in another order may differ by


def search(
    rows: RemedyRows,
    remedies: Remedies,
    trainer: Trainer,
    features: Sequence[str],
    seed: int,
    validate: Validate,
    announce: Callable[[str], None],
    of_groups: Sequence[str] = (),
) -> list[Tried]:
    """Every candidate that was tried, today's model first, with its model or the reason why it has none.

    ``features`` are those of today's model, in order; no candidate takes those ``of_groups``, which hold a group.
    ``validate`` fills a candidate's figures of the validation part. The same rows, training code and seed give the same
    candidates. The notes of today's model are what must be known of the search. Raises ``InputError`` where today's
    model cannot be trained, or its score of a row depends on the rows beside it.
    """
    shop = Workshop(rows, remedies, trainer, tuple(features), seed, validate, announce, tuple(of_groups))
    changes = changed.changes_to_try(shop)
    later = len(changes), tuned.trainings(shop), constrained.trainings(shop, shop.changeable)
    shop.ahead = 2 + dropped.trainings(shop) + sum(later)
    _today(shop)
    left_out = dropped.without_features(shop)
    later = len(changes), tuned.trainings(shop), constrained.trainings(shop, left_out)
    shop.ahead = sum(later)
    changed.changed_features(shop, changes)
    shop.ahead = sum(later[1:])
    tuned.hyperparameters(shop, left_out)
    shop.ahead = later[2]
    constrained.constrained(shop, left_out)
    cut_by_group.cut_by_group(shop)
    return [replace(shop.tried[0], notes=tuple(shop.notes)), *shop.tried[1:]]


def _today(shop: Workshop) -> None:
    words = said("today's model")
    candidate = shop.attempt(
        Candidate("today", "today", words, shop.features, deployable=not shop.of_groups),
        lambda: shop.train(words, shop.features),
    )  # fmt: skip
    scorer = shop.tried[0].scorer
    if scorer is None:
        raise InputError(Problem(
            shop.remedies.training.file, candidate.reason or "nothing was trained",
            "code that trains today's model on the training rows with all features",
            "mend the training code, or the hyperparameters under 'remedies: today'",
        ))  # fmt: skip
    _check_scores(shop, scorer)
    if not _repeated(shop, scorer):
        shop.notes.insert(0, said(NOT_REPEATED))


def _check_scores(shop: Workshop, scorer: Scorer) -> None:
    """Whether rows are scored alike whichever rows are scored with them: all at once, and every other row alone."""
    try:
        alike = _scored_alike(scorer, shop.rows.validation.features)
    except TrainingError:
        alike = False
    if not alike:
        raise InputError(Problem(
            shop.remedies.training.file, "a model that scores a row otherwise when other rows are scored with it",
            "scores that are a fixed function of the row's features",
            "let the training code learn all that scoring needs (means, ranks, levels) from the rows to train on",
        ))  # fmt: skip


def _scored_alike(scorer: Scorer, features: pd.DataFrame) -> bool:
    whole = scorer.scores(features)
    apart = np.empty(len(whole))
    for start in (0, 1):
        apart[start::2] = scorer.scores(features.iloc[start::2].reset_index(drop=True))
    return bool(np.abs(whole - apart).max() <= _SAME * (whole.max() - whole.min()))


def _repeated(shop: Workshop, scorer: Scorer) -> bool:
    """Whether training once more with the same seed gives the same scores."""
    features = shop.rows.validation.features
    try:
        again = shop.train("today's model once more, to see whether its seed gives the same", shop.features)
        return np.array_equal(again.scores(features), scorer.scores(features))
    except TrainingError:
        return False
