"""Training by chance: the spread over repeated trainings is that of a bootstrap, and noise is no remedy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from audits.remedies.records import Candidate, Certified
from audits.remedies.retrained import MEASURE, Retraining, _draws, retraining_of
from audits.remedies.scorers import MeanScorer
from checks.inputs.training_code import TrainingError
from tests.remedy_searches import Regression, asked, proxy_rows, workshop

GAIN = Certified(
    "adverse_impact_ratio_gain", "group", "B", "A", 0.75, 0.86, 0.11, 0.09, 0.13, 0.008, 0.95, 2000, "delta method"
)


def made(effect=0.3, n=6_000, seed=5, trainer=None, times=10):
    """Retraining of the model without the trait."""
    shop = workshop(proxy_rows(effect, n, seed), trainer, approve="as_recorded")
    words = "without trait"
    features = tuple(name for name in shop.features if name != "trait")
    chosen = Candidate("without-trait", "without_features", words, features)
    return Retraining(shop, chosen, shop.train(words, features), 7, times)


def test_what_is_added_is_the_spread_over_trainings():
    again = made()
    found = again(GAIN)
    assert found.measure == MEASURE
    gains = [again._gain(draw, GAIN) for draw in _draws(again.shop.rows.training, 10, 7)]
    assert found.standard_error == pytest.approx((GAIN.standard_error**2 + np.var(gains, ddof=1)) ** 0.5)
    assert found.low < GAIN.estimate < found.high
    assert found.high - found.low > GAIN.high - GAIN.low  # never nearer than the certified bounds
    assert found.counts["trainings"] == 10
    assert again(GAIN) == found  # the same seed, the same bounds


def test_draws_are_of_whole_persons_with_a_known_target():
    part = proxy_rows(0.3, 3_000).training
    part = replace(
        part, persons=np.arange(len(part)) // 3, target=np.where(np.arange(len(part)) % 7, part.target, np.nan)
    )
    known = np.flatnonzero(~np.isnan(part.target))
    for draw in _draws(part, 3, 1):
        persons = part.persons[known[draw]]
        sizes = {one: int((part.persons[known] == one).sum()) for one in np.unique(persons)}
        counts = {one: int((persons == one).sum()) for one in np.unique(persons)}
        assert all(counts[one] % sizes[one] == 0 for one in counts)
        assert 0.55 < len(counts) / len(np.unique(part.persons[known])) < 0.72  # 1 − 1/e of them


def test_noise_that_todays_model_learned_is_within_what_training_explains():
    """In the fair twin the gain of leaving the trait out is due to training alone."""
    inside = 0
    for seed in range(12):
        again = made(effect=0.0, n=3_000, seed=seed)
        shop = again.shop
        own = again._gain(np.arange(len(shop.frame)), GAIN)
        found = again(replace(GAIN, estimate=own, standard_error=0.001))
        inside += found.low <= 0 <= found.high
    assert inside >= 10


class Fails(Regression):
    """Fits the first models and none after."""

    def __init__(self, fits):
        super().__init__()
        self.left = fits

    def fit(self, *args, **kwargs):
        self.left -= 1
        if self.left < 0:
            raise TrainingError("the memory is full")
        return super().fit(*args, **kwargs)


def test_trainings_that_fail_leave_the_gain_without_bounds_and_say_why():
    found = made(trainer=Fails(2 + 2 * 3))(GAIN)
    assert found.low is None
    assert "3 of 10" in found.reason
    assert "the memory is full" in found.reason
    enough = made(trainer=Fails(2 + 2 * 8))(GAIN)
    assert enough.counts["trainings"] == 8


def test_a_constrained_model_is_not_trained_again_and_says_so():
    again = made()
    mean = MeanScorer((1.0,), (again.scorer,))
    found = replace(again, scorer=mean)(GAIN)
    assert found.low is None
    assert "thirty trainings" in found.reason


def test_nothing_is_trained_again_where_nothing_was_chosen_or_certified():
    again = made()
    assert retraining_of(again.shop, {}, {}, None, 1) is None
    assert again(replace(GAIN, standard_error=None)) is None
    assert asked().level == again.shop.remedies.level


def test_a_training_that_approves_nobody_gives_no_number(monkeypatch):
    """A ratio without a base is a reason, never a number that is none."""
    again = made(times=6)
    monkeypatch.setattr("audits.remedies.approvals.Approver.chances", lambda _, scores: np.zeros(len(scores)))
    found = again(GAIN)
    assert (found.low, found.high) == (None, None)
    assert "0 of 6" in found.reason
    assert "nobody of A" in found.reason
