"""Margins in the unit that limits are held against: the same harm is the same figure, whatever the model gives."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from audits.comparisons.model_scale import in_units
from audits.evidence.model_scale import unit_of_margins
from audits.record import Point
from checks.inputs.prediction import Prediction
from tests.reports import sample_models as models

RNG = np.random.default_rng(4)


def unit(link, of, margins):
    return unit_of_margins(SimpleNamespace(link=link), Prediction(of), margins)


def test_a_price_and_its_logarithm_give_nearly_the_same_gap():
    prices = RNG.normal(500.0, 5.0, 4000)
    dearer = prices * 1.02
    as_price = (dearer.mean() - prices.mean()) / unit("identity", "price", prices)
    as_log = (np.log(dearer).mean() - np.log(prices).mean()) / unit("log", "price", np.log(prices))
    assert as_price == pytest.approx(as_log, rel=0.02)


def test_log_odds_count_for_what_they_move_a_chance_at_most():
    odds = RNG.normal(0.0, 0.01, 1000)
    chance = 1 / (1 + np.exp(-odds))
    more = 1 / (1 + np.exp(-(odds + 0.1)))
    assert 0.1 / unit("logit", "decision", odds) == pytest.approx(more.mean() - chance.mean(), rel=0.01)


def test_points_of_a_score_count_by_its_width_whatever_its_points():
    points = RNG.normal(600.0, 50.0, 5000)
    assert unit("identity", "score", points) == pytest.approx(4 * points.std(ddof=1))
    assert unit("identity", "score", points / 850) == pytest.approx(unit("identity", "score", points) / 850)


@pytest.mark.parametrize("margins", [[], [3.0], [np.nan, np.nan], [0.0, 0.0, 0.0]])
def test_rows_that_tell_nothing_leave_the_scale_as_it_is(margins):
    assert unit("identity", "score", margins) == 1.0
    assert unit("identity", "decision", [0.1, 0.7]) == 1.0


def test_a_figure_is_turned_whole():
    figure = models.part("visits", 0.2, ladder=((0.9, 0.19, None), (0.99, None, 0.22)), standard_error=0.01, mde=0.03)
    turned = in_units(figure, 2.0, -1)
    assert (turned.estimate, turned.low, turned.high) == pytest.approx((-0.1, -0.1015, -0.0985))
    assert turned.ladder == ((0.9, None, -0.095), (0.99, -0.11, None))
    assert (turned.standard_error, turned.mde) == (0.005, 0.015)
    assert turned.details["on_own_scale"] == 0.2
    assert [p.x for p in turned.points] == pytest.approx([-p.x / 2 for p in figure.points])
    assert all(isinstance(p, Point) and p.low < p.high for p in turned.points)
    assert in_units(figure, 1.0) is figure
