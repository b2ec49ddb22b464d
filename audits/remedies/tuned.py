"""Candidates with other hyperparameters, which Optuna looks for: good performance and a good ratio at once.

Akiba, Sano, Yanase, Ohta and Koyama (2019, Optuna: a next-generation hyperparameter optimization framework, KDD). The
sampler is a tree-structured Parzen estimator for several objectives (Ozaki, Tanigaki, Watanabe and Onishi 2020,
Multiobjective tree-structured Parzen estimator for computationally expensive optimization problems, GECCO), seeded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from audits.remedies.records import Candidate
from audits.remedies.workshop import Workshop
from checks.inputs.remedies import Range, Setting
from checks.sentence import Sentence, joined, said

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study

_FIRST, _ASKS = 8, 3  # trials drawn evenly before the sampler learns; times that it may be asked for each trial


def trainings(shop: Workshop) -> int:
    """At most how many models this family trains."""
    return max(shop.remedies.trials, 0) if shop.remedies.hyperparameters else 0


def hyperparameters(shop: Workshop, dropped: Sequence[str]) -> None:
    """Try ``trials`` settings, half of them without the ``dropped`` features where there are any."""
    trials = trainings(shop)
    without = trials // 2 if dropped else 0
    number = _search(shop, (), trials - without, 0)
    _search(shop, tuple(dropped), without, number)


def _search(shop: Workshop, dropped: tuple[str, ...], trials: int, number: int) -> int:
    """Settings tried on one set of features, numbered on; a setting that was asked for twice is not trained twice."""
    if trials <= 0:
        return number
    from optuna.trial import TrialState

    study, space = _study(shop.seed + bool(dropped)), _space(shop.remedies.hyperparameters)
    known: dict[tuple[Setting, ...], Sequence[float] | None] = {} if dropped else _of_today(shop, space)
    last = number + trials
    for _ in range(trials * _ASKS):
        trial = study.ask(space)
        settings = {name: _as_recorded(trial.params[name]) for name in space}
        key = tuple(settings.values())
        if key not in known:
            number += 1
            known[key] = _values(_try(shop, dropped, settings, number))
        found = known[key]
        study.tell(trial, found, state=None if found else TrialState.FAIL)
        if number == last:
            break
    return number


def _as_recorded(value: Setting) -> Setting:
    """The value as a record keeps it, to 12 significant digits, so that what is trained is what stands there."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _try(shop: Workshop, dropped: tuple[str, ...], settings: Mapping[str, Setting], number: int) -> Candidate:
    today, left = shop.remedies.today, shop.without(dropped)
    changed = {name: value for name, value in settings.items() if name not in today or today[name] != value}
    words = _words(changed, dropped)
    candidate = Candidate(f"setting-{number:03d}", "hyperparameters", words, left, hyperparameters=changed)
    return shop.attempt(candidate, lambda: shop.train(words, left, hyperparameters=settings))


def _words(changed: Mapping[str, Setting], dropped: Sequence[str]) -> Sentence:
    settings = joined([_setting(name, value) for name, value in changed.items()], ", ")
    left_out = joined(dropped, ", ")
    if not changed:
        return said("today's hyperparameters, without {features}", features=left_out)
    if not dropped:
        return said("with {settings}", settings=settings)
    return said("with {settings}, without {features}", settings=settings, features=left_out)


def _setting(name: str, value: Setting) -> Sentence:
    if isinstance(value, float):
        return said("{name} {value:.4g}", name=name, value=value)
    return said("{name} {setting}", name=name, setting=str(value))


def _values(candidate: Candidate) -> tuple[float, float] | None:
    if candidate.performance is None or candidate.gain is None:
        return None
    return candidate.performance, candidate.gain


def _of_today(
    shop: Workshop, space: Mapping[str, BaseDistribution]
) -> dict[tuple[Setting, ...], Sequence[float] | None]:
    """Today's setting, which has been trained, where it says all that may vary."""
    today = shop.remedies.today
    return {tuple(today[name] for name in space): _values(shop.tried[0].candidate)} if set(space) <= set(today) else {}


def _space(ranges: Mapping[str, Range]) -> dict[str, BaseDistribution]:
    return {name: _distribution(ranges[name]) for name in sorted(ranges)}


def _distribution(one: Range) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if one.choices:
        return CategoricalDistribution(one.choices)
    if one.low is None or one.high is None:
        raise ValueError("a range of a hyperparameter: found no ends and no choices, expected the one or the other")
    if one.whole:
        return IntDistribution(int(one.low), int(one.high), log=one.log)
    return FloatDistribution(one.low, one.high, log=one.log)


def _study(seed: int) -> Study:
    """A study that raises performance and gain, and says nothing."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        sampler = optuna.samplers.TPESampler(seed=seed % 2**32, n_startup_trials=_FIRST)
        return optuna.create_study(directions=["maximize", "maximize"], sampler=sampler)
    finally:
        optuna.logging.set_verbosity(level)
