"""The search for alternatives: today's model first, then one family of candidates after another, the simplest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from audits.evidence.remedy_rows import RemedyRows
from audits.remedies import changed, constrained, cut_by_group, dropped, tuned
from audits.remedies.records import Candidate
from audits.remedies.scorers import Trainer
from audits.remedies.tried import Tried
from audits.remedies.workshop import Validate, Workshop
from checks.inputs.remedies import Remedies
from checks.problem import InputError, Problem
from checks.sentence import said


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
    candidates. Raises ``InputError`` where today's model cannot be trained.
    """
    shop = Workshop(rows, remedies, trainer, tuple(features), seed, validate, announce, tuple(of_groups))
    changes = changed.changes_to_try(shop)
    later = len(changes), tuned.trainings(shop), constrained.trainings(shop, shop.changeable)
    shop.ahead = 1 + dropped.trainings(shop) + sum(later)
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
    return shop.tried


def _today(shop: Workshop) -> None:
    words = said("today's model")
    candidate = shop.attempt(
        Candidate("today", "today", words, shop.features, deployable=not shop.of_groups),
        lambda: shop.train(words, shop.features),
    )  # fmt: skip
    if shop.tried[0].scorer is None:
        raise InputError(Problem(
            shop.remedies.training.file, candidate.reason or "nothing was trained",
            "code that trains today's model on the training rows with all features",
            "mend the training code, or the hyperparameters under 'remedies: today'",
        ))  # fmt: skip
