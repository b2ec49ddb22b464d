"""The search for alternatives: what each family tries, that none is shown a group, and what a failure costs."""

from __future__ import annotations

import numpy as np
import pytest

from audits.remedies.search import search
from checks.problem import InputError
from tests.remedy_searches import Measure, Regression, asked, proxy_rows, rich_rows


def searched(rows, trainer=None, seed=1, **said):
    """What was tried by id, and what was announced."""
    announced: list[str] = []
    tried = search(
        rows, asked(**said), trainer or Regression(), tuple(rows.training.features), seed,
        Measure(rows.validation), announced.append,
    )  # fmt: skip
    return {one.candidate.id: one for one in tried}, announced


def test_without_the_trait_the_ratio_rises_as_the_world_says():
    tried, announced = searched(proxy_rows(0.3, 40_000))
    assert next(iter(tried)) == "today"
    gain = tried["without-trait"].candidate.gain
    assert gain == pytest.approx(0.8570 - 0.7506, abs=0.03)
    assert tried["without-trait"].candidate.features == ("risk",)
    assert announced[1].startswith("training 2 of about ")


def test_today_that_cannot_be_trained_names_the_training_file():
    with pytest.raises(InputError) as error:
        searched(proxy_rows(0.0, 2_000), Regression(fails=lambda *_: True))
    assert error.value.problems[0].where == "model.py"
    assert error.value.problems[0].found == "the training code failed"


def test_two_features_that_say_the_same_are_left_out_together():
    tried, _ = searched(rich_rows(1.2))
    alone = max(tried[f"without-{name}"].candidate.gain for name in ("area", "code"))
    together = tried["without-area-code"].candidate.gain
    assert together > alone + 0.2


def test_a_failing_training_costs_one_candidate_alone():
    trainer = Regression(fails=lambda features, *_: "debt" not in features)
    tried, _ = searched(rich_rows(1.2), trainer)
    lost = {name for name, one in tried.items() if one.scorer is None}
    assert lost == {name for name in tried if "debt" in name}
    assert tried["without-debt"].candidate.reason == "the training code failed"
    assert tried["without-income"].candidate.gain is not None


def test_kept_features_stay_and_rows_without_a_target_teach_nothing():
    rows, trainer = rich_rows(1.2), Regression()
    tried, _ = searched(rows, trainer, keep=("debt", "code"))
    assert all({"debt", "code"} <= set(one.candidate.features) for one in tried.values())
    assert trainer.rows == {len(rows.training) - 40}
    assert np.isnan(rows.training.target).sum() == 40
