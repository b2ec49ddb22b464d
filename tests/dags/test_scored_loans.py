"""A stand-in in a registered score is named, and a model without it is found and holds; in the fair twin nothing is."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import yaml

from audits.remedies.station import latest_remedies, read_remedies
from audits.simulation.fitted import model_rows_of
from checks.problem import InputError
from dags import scored_loans
from dags.model_registry import store_of
from tests.programs import run_program

pytestmark = pytest.mark.xdist_group("mlflow")
ROWS, TRIALS = 8_000, 2


def written(home, patch, seed, effect=scored_loans.EFFECT):
    """The program of another draw, with its model in a store of its own, and a short search."""
    patch.setattr(scored_loans, "ROWS", ROWS)
    patch.setattr(scored_loans, "SEED", seed)
    patch.setattr(scored_loans, "EFFECT", effect)
    patch.setenv("MLFLOW_TRACKING_URI", store_of(home))
    programs = home / "programs"
    programs.mkdir(exist_ok=True)
    scored_loans.write_lender(programs, home / "data", home)
    file = programs / "scored-loans.yaml"
    program = yaml.safe_load(file.read_text(encoding="utf-8"))
    program["remedies"]["trials"] = TRIALS
    file.write_text(yaml.safe_dump(program, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    """Another draw: its folder, the run with its judgement, and the record of the search."""
    home = tmp_path_factory.mktemp("lender")
    with pytest.MonkeyPatch.context() as patch:
        file = written(home, patch, 61)
        run, judgement = run_program(file, home / "runs")
        page = scored_loans.search(home / "programs", home / "runs", home)
        yield home, run, judgement, read_remedies(page.parent)


def test_the_stand_in_is_named_and_a_flip_of_the_group_is_not_answered(another):
    _, run, judgement, _ = another
    assert run.checks.fit
    assert not run.errors
    assert scored_loans.named(run) == ("prepaid_phone",)
    accused = {f.measurement.segment for f in judgement.findings
               if f.measurement.measure == "proxy_carried_gap" and f.verdict == "concern"}  # fmt: skip
    assert accused == {"prepaid_phone"}
    (flip,) = (f for f in judgement.findings if f.measurement.measure == "flip_output_change")
    assert flip.measurement.segment == "no prepaid phone"
    assert flip.measurement.low > 0.2


def test_the_recorded_score_is_the_registered_models_and_takes_no_group(another):
    from mlflow.lightgbm import load_model

    home, *_ = another
    loans = pd.read_parquet(home / "data/data.parquet")
    model = load_model(f"models:/{scored_loans.MODEL}@production")
    features = ["risk", "prepaid_phone", "term", "purpose", "months_in_job"]
    assert yaml.safe_load((home / "programs/scored-loans.yaml").read_text(encoding="utf-8"))["contract"][
        "features"
    ] == features  # fmt: skip
    assert model.feature_name() == features
    np.testing.assert_allclose(model.predict(model_rows_of(loans, features)), loans["score"], atol=1e-12)


def test_a_model_without_the_stand_in_is_found_and_holds_on_untouched_rows(another):
    home, run, _, record = another
    assert record.outcome == "certified"
    chosen = next(one for one in record.candidates if one.id == record.chosen)
    assert "prepaid_phone" not in chosen.features
    assert chosen.deployable
    truth = json.loads((home / "data/truth.json").read_text())["truth"]
    gain = next(one for one in record.certified if one.measure == "adverse_impact_ratio_gain")
    assert 0 < gain.low < truth["remedy_gain"] < gain.high
    better = next(one for one in record.certified if one.measure == "performance_difference")
    assert better.low < truth["performance_gain"] < better.high
    code = (home / "programs" / record.training.file).read_bytes()
    assert record.training.digest == f"sha256:{hashlib.sha256(code).hexdigest()}"
    assert record.fingerprint == run.data.fingerprint
    assert record.run is not None


def test_what_is_told_has_planted_and_found_side_by_side(another):
    home, _, _, record = another
    program = yaml.safe_load((home / "programs/scored-loans.yaml").read_text(encoding="utf-8"))
    assert set(program["title"]) == set(program["description"]) == {"en", "zh"}
    for text in program["description"].values():
        assert "0.75" in text
        assert "0.86" in text
        assert "{" not in text
    lines = scored_loans.planted_and_found(home / "runs", home / "data")
    (ratio,) = (line for line in lines if line.startswith("  adverse_impact_ratio, born abroad"))
    assert "0.751" in ratio
    assert ratio.endswith("concern")
    assert any("flip of origin: not answered: the model does not take origin" in line for line in lines)
    assert lines[-1].endswith("named as standing in for origin: prepaid_phone")
    told = scored_loans.remedies_found(home / "runs", home / "data")
    (gain,) = (line for line in told if line.startswith("  gain"))
    figure = next(one for one in record.certified if one.measure == "retrained_ratio_gain")
    assert gain.split()[-5:] == [
        "0.106", f"{figure.estimate:.3f}", f"({figure.low:.3f}", "to", f"{figure.high:.3f})",
    ]  # fmt: skip
    assert any("certified, of" in line and "without prepaid_phone" in line for line in told)


def test_the_search_is_tracked_and_is_not_taken_for_the_audit(another):
    home, *_ = another
    search, rest = scored_loans.tracked(home)
    assert search.startswith("  MLflow search:")
    assert rest == "  MLflow: no run in squaredeal/scored-loans that names the version of its model"


def test_without_a_search_the_demonstration_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="no finished search"):
        scored_loans.remedies_found(tmp_path, tmp_path)


def test_the_fair_twin_has_nothing_named_and_no_remedy(tmp_path, monkeypatch):
    run, _ = run_program(written(tmp_path, monkeypatch, 64, 0.0), tmp_path / "runs")
    assert scored_loans.named(run) == ()
    scored_loans.search(tmp_path / "programs", tmp_path / "runs", tmp_path)
    record = read_remedies(latest_remedies(tmp_path / "runs/scored-loans/all"))
    assert record.outcome == "none_found"
    told = scored_loans.remedies_found(tmp_path / "runs", tmp_path / "data")
    assert any(line.startswith("  gain") and line.endswith("none: not certified") for line in told)
    assert any("chosen: none" in line for line in told)
