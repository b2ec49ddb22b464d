"""What in the model makes the gap, against brute force over all rows; the same in any order; what cannot be had."""

from __future__ import annotations

import json

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from audits.comparisons.gap_figures import gap_of
from audits.evidence import contributions
from audits.evidence import model_rows as model_rows_module
from audits.evidence.contributions import collect_contributions
from audits.evidence.explainers import explain
from audits.evidence.needs import ContributionsNeed
from audits.explanation.shap_gap import ShapGap
from checks.inputs.model import Model, model_frame, open_model
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import write_program
from tests.questions import measure_program
from tests.registered import Registry

FEATURES = ["claims", "YEARS held", "noise", "town"]
CONTRACT = {
    "unit": "row id", "price": {"column": "asked", "currency": "EUR"}, "features": FEATURES, "strata": ["cover"],
    "prediction": {"of": "price", "scale": "log"}, "groups": {"region": {"column": "area", "reference": "north"}},
}  # fmt: skip


def customers(seed=3, rows=2400):
    """People of two regions, of which the one has more claims; a town and years that depend on nothing."""
    rng = np.random.default_rng(seed)
    south = rng.random(rows) < 0.35
    data = pd.DataFrame({
        "row id": [f"p{i}" for i in range(rows)], "area": np.where(south, "south", "north"),
        "claims": rng.poisson(1 + 0.6 * south).astype(float), "YEARS held": rng.gamma(2, 2, rows),
        "noise": rng.normal(size=rows), "town": rng.choice(["x", "y's", 'z"'], rows, p=[0.5, 0.3, 0.2]),
        "cover": rng.choice(["full", "part"], rows), "who": rng.integers(0, rows // 3, rows),
    })  # fmt: skip
    data.loc[rng.random(rows) < 0.05, "YEARS held"] = np.nan
    data.loc[rng.random(rows) < 0.03, "town"] = None
    return data


def taken(data):
    frame = data[FEATURES].copy()
    frame["town"] = pd.Categorical(frame["town"], categories=["x", "y's", 'z"'])
    return frame


def log_price(data, rng):
    held = data["YEARS held"].fillna(4)
    return 4 + 0.15 * data["claims"] - 0.02 * held + 0.1 * (data["town"] == "x") + 0.05 * rng.normal(size=len(data))


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A store with one model of log prices, and the model itself."""
    data = customers(2, 1500)
    model = lgb.LGBMRegressor(n_estimators=30, num_leaves=6, n_jobs=1, verbose=-1)
    model.fit(taken(data), log_price(data, np.random.default_rng(0)))
    store = Registry(tmp_path_factory.mktemp("store"))
    store.register("asked", model.booster_, "lightgbm", taken(data))
    return store, model


@pytest.fixture
def priced(registry, monkeypatch):
    store, model = registry
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    data = customers()
    return data.assign(asked=np.exp(model.predict(taken(data))))


MODEL = {"model": "models:/asked@live", "trusted_model": True}


def program(folder, data, contract=CONTRACT, **changes):
    named = {**MODEL, "audits": {"primary": ["explanation.shap_gap"]}}
    return write_program(folder, data, contract=contract, policies=["conventions"], **{**named, **changes})


def by_name(figures, group="south"):
    return {(one.measure, one.segment): one for one in figures if one.group == group}


def test_of_all_rows_the_gap_and_its_parts_are_plain_means(tmp_path, priced, registry):
    file = program(tmp_path / "p", priced)
    figures, missing = measure_program(file, ShapGap(half_width=0.001), tmp_path / "out")
    assert missing == []
    found = by_name(figures)
    south = (priced["area"] == "south").to_numpy()
    margins = registry[1].predict(taken(priced))
    whole = found["model_output_gap", "all"]
    assert whole.estimate == pytest.approx(margins[south].mean() - margins[~south].mean(), abs=1e-9)
    assert whole.details["sampling_half_width"] == 0
    assert whole.details["mean_ratio"] == pytest.approx(np.exp(whole.estimate))
    assert (whole.cautions, whole.unseen) == ((), ())
    assert whole.counts["group_rows"] == whole.counts["group_drawn"] == south.sum()
    parts = [found["feature_output_gap", name] for name in FEATURES]
    assert sum(one.estimate for one in parts) == pytest.approx(whole.estimate, abs=1e-9)
    with open_source(read_program(file), Period("all")) as source:
        model = open_model(source.contract)
    frame = model_frame(model, priced[FEATURES].astype({"town": object})).frame
    values = explain(model, frame, frame.iloc[:100], "interventional", FEATURES).values
    by_hand = values[south].mean(axis=0) - values[~south].mean(axis=0)
    np.testing.assert_allclose([one.estimate for one in parts], by_hand, atol=0.01)  # of another background
    claims = found["feature_output_gap", "claims"]
    assert claims.low > 0
    assert claims.corrected
    assert found["feature_output_gap", "noise"].low <= 0 <= found["feature_output_gap", "noise"].high
    within = found["adjusted_model_output_gap", "all"]
    share = priced.loc[south, "cover"].value_counts(normalize=True)
    means = pd.Series(margins).groupby([south, priced["cover"].to_numpy()]).mean()
    standard = sum(share[one] * (means[True, one] - means[False, one]) for one in share.index)
    assert within.estimate == pytest.approx(standard, abs=1e-9)
    assert within.details["covered_share"] == 1


def refusing(folder, registry, lost_share):
    """A group whose only difference is that the model does not take some of its rows; the book, its margins, a file."""
    rng = np.random.default_rng(8)
    size = 2500
    data = pd.DataFrame({
        "row id": np.arange(size), "area": np.where(rng.random(size) < 0.3, "south", "north"),
        "income": rng.lognormal(0, 1, size), "x": rng.normal(size=size),
        "cover": pd.Timestamp("2024-05-01 12:00:00.5") + pd.to_timedelta(rng.integers(0, 2, size), unit="h"),
    })  # fmt: skip
    features = ["income", "x"]
    model = LinearRegression().fit(data[features], 100 + 10 * data["income"] + 3 * data["x"])
    data["asked"] = model.predict(data[features])
    registry[0].register("line", model, "sklearn", data[features])
    margins = data["asked"].to_numpy()
    more = np.where(data["cover"].dt.hour == 12, 1.5, 0.5)  # lost more often in one stratum
    lost = ((data["area"] == "south") & (rng.random(size) < lost_share * more)).to_numpy()
    data.loc[lost, "income"] = np.nan
    contract = {**CONTRACT, "features": features, "prediction": "price"}
    return data, margins, ~lost, program(folder, data, contract, model="models:/line@live")


def test_rows_that_the_model_does_not_take_are_no_part_of_the_gap(tmp_path, registry, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry[0].uri)
    data, margins, taken, file = refusing(tmp_path / "p", registry, 0.2)
    figures, _ = measure_program(file, ShapGap(half_width=0.001), tmp_path / "out")
    found = by_name(figures)
    south = (data["area"] == "south").to_numpy()
    whole, within = found["model_output_gap", "all"], found["adjusted_model_output_gap", "all"]
    unit = whole.details["unit"]
    assert unit == pytest.approx(np.abs(margins[taken]).mean())
    truth = margins[south & taken].mean() - margins[~south].mean()
    assert whole.estimate * unit == pytest.approx(truth, abs=1e-6)
    income = 10 * (data["income"][south & taken].mean() - data["income"][~south].mean())
    assert found["feature_output_gap", "income"].estimate * unit == pytest.approx(income, abs=1e-6)
    means = pd.Series(margins[taken]).groupby([south[taken], data["cover"].to_numpy()[taken]]).mean()
    share = data.loc[south & taken, "cover"].value_counts(normalize=True)
    assert set(share.index) == set(data["cover"])
    standard = sum(share[one] * (means[True, one] - means[False, one]) for one in share.index)
    assert within.estimate * unit == pytest.approx(standard, abs=1e-6)
    assert within.details["covered_share"] == 1
    lost = f"does not take {(~taken).sum():,} of the {south.sum():,} rows drawn of south"
    for one in figures:
        assert any(lost in str(told) for told in one.cautions)
        assert any(lost in str(told) for told in one.unseen)
    few, _ = measure_program(file, ShapGap(half_width=0.001, rows=500), tmp_path / "few")
    drawn = by_name(few)["model_output_gap", "all"]
    assert drawn.n < 1000
    assert abs(drawn.estimate * unit - truth) < 2 * drawn.details["sampling_half_width"]


def test_a_draw_is_as_good_as_was_asked_and_says_so(tmp_path, priced, registry):
    many = pd.concat([priced.assign(**{"row id": priced["row id"] + f"-{k}"}) for k in range(4)])
    south = (many["area"] == "south").to_numpy()
    margins = registry[1].predict(taken(many))
    truth = margins[south].mean() - margins[~south].mean()
    figures, _ = measure_program(program(tmp_path / "p", many), ShapGap(half_width=0.2), tmp_path / "a")
    whole = by_name(figures)["model_output_gap", "all"]
    half = whole.details["sampling_half_width"]
    assert 0 < half <= 0.2 * whole.estimate
    assert abs(whole.estimate - truth) < 2 * half
    assert whole.counts["group_drawn"] + whole.counts["reference_drawn"] < 0.1 * len(many)
    assert whole.n == whole.counts["group_outputs"] + whole.counts["reference_outputs"] < 0.3 * len(many)
    assert whole.details["half_width_reached"] == 1
    few, _ = measure_program(program(tmp_path / "p", many), ShapGap(half_width=0.001, rows=200), tmp_path / "b")
    whole = by_name(few)["model_output_gap", "all"]
    assert whole.n == 400
    assert whole.details["half_width_reached"] == 0
    assert "raise 'rows'" in whole.cautions[0]


def test_no_more_rows_are_drawn_than_it_takes_and_the_draw_changes_no_mean(tmp_path, priced, monkeypatch):
    found = {}
    for half_width in (0.4, 0.001):
        need = ContributionsNeed(("region",), ("cover",), rows=2000, half_width=half_width, background=20)
        for drawn in (400, 2000):
            monkeypatch.setattr(contributions, "DRAWN", drawn)
            with open_source(read_program(program(tmp_path / "p", priced)), Period("all")) as source:
                found[half_width, drawn] = collect_contributions(source, open_model(source.contract), need)
    assert found[0.001, 400] == found[0.001, 2000]  # too few at first: all are drawn
    few, many = found[0.4, 400], found[0.4, 2000]
    assert (few.rows, few.unit, few.base) == (many.rows, many.unit, many.base)
    assert few.asked < 1000 < many.asked
    for label in ("south", "north"):
        one, other = few.attributes["region"].of(label), many.attributes["region"].of(label)
        assert (one.side.drawn, one.side.size) == (other.side.drawn, other.side.size)
        errors = np.sqrt(np.array(other.side.sampling)[np.cumsum([0, 4, 3, 2])])
        assert np.all(np.abs(np.subtract(one.side.mean, other.side.mean)) < 2 * errors + 1e-9)  # other bins alone


def test_outputs_tell_the_gap_and_contributions_of_fewer_rows_its_parts(tmp_path, registry, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry[0].uri)
    data = customers(11, 9000)
    margins = registry[1].predict(taken(data))
    south = (data["area"] == "south").to_numpy()
    truth, asked, misses = margins[south].mean() - margins[~south].mean(), 0.011, []
    with open_source(
        read_program(program(tmp_path / "p", data.assign(asked=np.exp(margins)))), Period("all")
    ) as source:
        model = open_model(source.contract)
        for seed in range(12):
            need = ContributionsNeed(("region",), rows=5000, half_width=asked, background=20, seed=seed)
            found = collect_contributions(source, model, need)
            sides = [found.attributes["region"].of(label).side for label in ("south", "north")]
            gap = gap_of(*sides)
            assert all(side.drawn < side.outputs < side.size for side in sides)
            assert found.rows == sum(side.drawn for side in sides)
            assert 0 < gap.half_width() <= asked * abs(gap.total)
            assert gap.sampling_half_widths().max() <= asked * abs(gap.total)
            misses.append((gap.total - truth) / gap.sampling_error)
    assert np.abs(misses).max() < 4
    assert 0.5 < np.std(misses) < 1.6


def stepped():
    """A step of one column and a line of the other."""
    return Model(
        "models:/m/1", "m", "1", "d", "pyfunc", ("v0", "v1"), {"v0": "double", "v1": "double"}, "identity", None,
        lambda frame: 3.0 * (frame["v0"].to_numpy() > 3.1) + 0.1 * frame["v1"].to_numpy(),
    )  # fmt: skip


def test_a_rare_value_that_no_explained_row_has_is_no_gap_of_nothing(tmp_path):
    """What outputs tell beyond the rows that were explained makes more of these be explained."""
    rng = np.random.default_rng(40)
    size = 20_000
    south = rng.random(size) < 0.5
    data = pd.DataFrame({
        "id": np.arange(size), "v0": rng.normal(size=size) + 0.25 * south, "v1": 0.0,
        "area": np.where(south, "south", "north"),
    })  # fmt: skip
    contract = {"unit": "id", "score": "v0", "features": ["v0", "v1"],
                "prediction": {"of": "score", "favourable": "high"},
                "groups": {"region": {"column": "area", "reference": "north"}}}  # fmt: skip
    steps = 3.0 * (data["v0"] > 3.1)
    truth, misses = steps[south].mean() - steps[~south].mean(), []
    with open_source(read_program(write_program(tmp_path, data, contract=contract, **MODEL)), Period("all")) as source:
        for seed in range(10):
            need = ContributionsNeed(("region",), rows=5000, half_width=0.05, background=20, seed=seed)
            found = collect_contributions(source, stepped(), need)
            gap = gap_of(*[found.attributes["region"].of(label).side for label in ("south", "north")])
            assert gap.sampling_error > 0
            misses.append((gap.total - truth) / gap.sampling_error)
    assert np.abs(misses).max() < 3.5


def test_a_gap_that_no_scored_row_makes_says_that_others_may(tmp_path, registry, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry[0].uri)
    rng = np.random.default_rng(44)
    data = pd.DataFrame({
        "row id": np.arange(9000), "area": rng.choice(["south", "north"], 9000), "v": rng.normal(size=9000),
    })  # fmt: skip
    model = LinearRegression().fit(data[["v"]], np.zeros(9000))
    registry[0].register("flat", model, "sklearn", data[["v"]])
    contract = {key: value for key, value in CONTRACT.items() if key != "strata"}
    contract |= {"features": ["v"], "prediction": "price"}
    file = program(tmp_path / "p", data.assign(asked=0.0), contract, model="models:/flat@live")
    figures, _ = measure_program(file, ShapGap(), tmp_path / "out")
    whole = by_name(figures)["model_output_gap", "all"]
    assert (whole.estimate, whole.standard_error) == (0, 0)
    assert f"the same in all {whole.n:,} rows scored" in str(whole.unseen[-1])


def test_rows_not_taken_among_those_scored_alone_are_no_part_of_the_gap(tmp_path, registry, monkeypatch):
    """The explained rows may hold none of them."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry[0].uri)
    data, margins, taken, file = refusing(tmp_path / "p", registry, 0.004)
    assert 3 < (~taken).sum() < 12
    south, misses = (data["area"] == "south").to_numpy(), []
    truth = margins[south & taken].mean() - margins[~south].mean()
    with open_source(read_program(file), Period("all")) as source:
        model = open_model(source.contract)
        for seed in range(6):
            need = ContributionsNeed(("region",), half_width=0.2, background=20, seed=seed)
            found = collect_contributions(source, model, need)
            one, other = (found.attributes["region"].of(label) for label in ("south", "north"))
            assert one.lost > 0
            assert one.side.outputs == one.side.drawn
            gap = gap_of(one.side, other.side)
            misses.append((gap.total - truth) / max(gap.sampling_error, 1e-9))
    assert np.abs(misses).max() < 4


def test_a_draw_of_fewer_rows_than_asked_is_not_filled_with_those_of_other_labels(tmp_path, monkeypatch):
    """Of so wide a model fewer rows are drawn; a rare label of another attribute has more of its rows among them."""
    monkeypatch.setattr(model_rows_module, "_MOST_CELLS", 1200)
    rng = np.random.default_rng(41)
    rare = rng.random(9000) < 0.05
    data = pd.DataFrame({
        "id": np.arange(9000), "v0": 5.0 * rare, "v1": rng.normal(size=9000), "v2": rng.normal(size=9000),
        "area": np.where(rng.random(9000) < 0.5, "south", "north"), "kind": np.where(rare, "rare", "usual"),
    })  # fmt: skip
    contract = {"unit": "id", "score": "v1", "features": ["v0", "v1", "v2"],
                "prediction": {"of": "score", "favourable": "high"},
                "groups": {"region": {"column": "area", "reference": "north"},
                           "kind": {"column": "kind", "reference": "usual"}}}  # fmt: skip
    with open_source(read_program(write_program(tmp_path, data, contract=contract, **MODEL)), Period("all")) as source:
        need = ContributionsNeed(("region", "kind"), rows=2000, half_width=0.001, background=20)
        found = collect_contributions(source, sum_model(["v0", "v1", "v2"]), need)
    for label in ("south", "north"):
        side = found.attributes["region"].of(label).side
        assert side.drawn <= side.outputs <= 500  # as many as were drawn of each
        assert abs(side.mean[0]) < 0.08  # with the rare rows of other labels it is some .15


def test_order_and_threads_change_nothing_and_no_person_is_kept(tmp_path, priced, monkeypatch):
    texts = set()
    for k in ("1", "2"):
        monkeypatch.setenv("SQUAREDEAL_THREADS", k)
        file = program(tmp_path / k, priced.sample(frac=1, random_state=int(k)))
        measure_program(file, ShapGap(), tmp_path / k / "out")
        (kept,) = (tmp_path / k / "out" / "evidence").glob("contributions-*.json")
        texts.add(kept.read_text())
    (text,) = texts
    assert not {"p17", "y's", "full"} & set(json.dumps(json.loads(text)).replace('"', " ").split())
    assert len(text) < 40_000


def test_paths_alone_decide_nothing_about_features(tmp_path, priced):
    figures, _ = measure_program(program(tmp_path / "p", priced), ShapGap(values="path_dependent"), tmp_path / "out")
    found = by_name(figures)
    assert "decide nothing alone" in found["feature_output_gap", "claims"].undecided
    assert found["model_output_gap", "all"].undecided is None  # the whole is the same whichever way it is shared out
    with pytest.raises(InputError, match="interventional or path_dependent"):
        ShapGap(values="both")


def test_hills_are_points_of_a_feature(tmp_path, priced):
    figures, _ = measure_program(program(tmp_path / "p", priced), ShapGap(half_width=0.001), tmp_path / "out")
    claims = by_name(figures)["feature_output_gap", "claims"]
    rows = {label: [p for p in claims.points if p.group == label] for label in ("south", "north")}
    assert all(p.n >= 5 and p.low < p.x < p.high for p in claims.points)
    assert 0.9 * claims.counts["group_rows"] < sum(p.n for p in rows["south"]) <= claims.counts["group_rows"]
    ranks = [p.rate for p in sorted(rows["north"], key=lambda p: p.x)]
    assert ranks[0] < 0.4 < ranks[-1]  # more claims, more to pay
    assert {p.rate for p in by_name(figures)["feature_output_gap", "town"].points} == {-1.0}


def test_a_group_of_few_is_told_as_such(tmp_path, priced):
    few = priced.assign(area=["isle" if i < 20 else one for i, one in enumerate(priced["area"])])
    figures, _ = measure_program(program(tmp_path / "p", few), ShapGap(), tmp_path / "out")
    isle = [one for one in figures if one.group == "isle"]
    assert {one.estimate for one in isle} == {None}
    assert "of isle there are 20 drawn rows" in isle[0].reason
    assert by_name(figures)["model_output_gap", "all"].estimate is not None


def test_rows_of_one_entity_widen_the_interval(tmp_path, priced):
    twice = pd.concat([priced.assign(**{"row id": priced["row id"] + f"-{k}"}) for k in range(3)])
    plain, _ = measure_program(program(tmp_path / "a", twice), ShapGap(half_width=0.001), tmp_path / "a" / "out")
    same = {**CONTRACT, "entity": "person"}
    data = twice.assign(person=twice["row id"].str.split("-").str[0])
    together, _ = measure_program(program(tmp_path / "b", data, same), ShapGap(half_width=0.001), tmp_path / "b/out")
    one, two = (by_name(figures)["model_output_gap", "all"] for figures in (plain, together))
    assert two.standard_error == pytest.approx(np.sqrt(3) * one.standard_error, rel=0.02)


def test_what_the_model_or_the_contract_lacks_is_said(tmp_path, priced):
    file = program(tmp_path / "a", priced, trusted_model=False)
    figures, missing = measure_program(file, ShapGap(), tmp_path / "a/out")
    assert figures == []
    assert {one.question.split(": ")[1] for one in missing} == set(ShapGap.measures)
    assert all("does not trust" in one.reason for one in missing)
    alone = {name: value for name, value in CONTRACT.items() if name not in ("groups", "strata")}
    figures, missing = measure_program(program(tmp_path / "b", priced, alone), ShapGap(), tmp_path / "b/out")
    assert figures == []
    assert "no group" in missing[0].reason
    flat = {name: value for name, value in CONTRACT.items() if name != "strata"}
    figures, missing = measure_program(program(tmp_path / "c", priced, flat), ShapGap(), tmp_path / "c/out")
    assert {one.measure for one in figures} == {"model_output_gap", "feature_output_gap"}
    assert [one.question.split(": ")[1] for one in missing] == [
        "adjusted_model_output_gap", "adjusted_feature_output_gap",
    ]  # fmt: skip


def test_a_model_that_is_not_behind_the_rows_casts_doubt(tmp_path, priced):
    other = priced.assign(asked=priced["asked"] * 1.3)
    figures, _ = measure_program(program(tmp_path / "p", other), ShapGap(), tmp_path / "out")
    assert all("may not be the model" in one.cautions[-1] for one in figures)


def sum_model(names, one_hot=None):
    """The sum of its columns times their place."""
    weights = np.arange(1, len(names) + 1) / 10
    return Model(
        "models:/m/1", "m", "1", "d", "pyfunc", tuple(names), dict.fromkeys(names, "double"), "identity", None,
        lambda frame: frame.to_numpy(dtype=float) @ weights, one_hot or {},
    )  # fmt: skip


def many_features(folder, p):
    rng = np.random.default_rng(5)
    data = pd.DataFrame(rng.normal(size=(300, p)), columns=[f"v{i}" for i in range(p)])
    data["id"], data["area"] = np.arange(300), np.where(rng.random(300) < 0.5, "south", "north")
    data["v3"] += 4.0 * (data["area"] == "south")
    contract = {"unit": "id", "score": "v0", "features": [f"v{i}" for i in range(p)],
                "prediction": {"of": "score", "favourable": "high"},
                "groups": {"region": {"column": "area", "reference": "north"}}}  # fmt: skip
    return data, write_program(folder, data, contract=contract, **MODEL)


def test_beyond_so_many_features_the_rest_is_one(tmp_path):
    data, file = many_features(tmp_path, 66)
    with open_source(read_program(file), Period("all")) as source:
        names = [f"v{i}" for i in range(66)]
        found = collect_contributions(source, sum_model(names), ContributionsNeed(("region",), background=5))
    assert len(found.features) == 64
    assert found.features[-1] == "other features"
    assert found.others == 3
    assert "v3" in found.features
    south = data["area"] == "south"
    margins = data[names].to_numpy() @ (np.arange(1, 67) / 10)
    means = {one.label: sum(one.side.mean) + found.base for one in found.attributes["region"].labels}
    assert means["south"] == pytest.approx(margins[south].mean(), abs=1e-9)
    assert means["north"] == pytest.approx(margins[~south].mean(), abs=1e-9)


def test_one_hot_columns_of_the_contract_are_one_feature(tmp_path):
    data, file = many_features(tmp_path, 4)
    with open_source(read_program(file), Period("all")) as source:
        model = sum_model(["v0", "v1", "v2", "v3"], {"made": ("v1", "v3")})
        found = collect_contributions(source, model, ContributionsNeed(("region",), background=5))
    assert found.features == ("v0", "made", "v2")
    south = (data["area"] == "south").to_numpy()
    gap = 0.2 * data["v1"] + 0.4 * data["v3"]
    one, other = (found.attributes["region"].of(label).side.mean[1] for label in ("south", "north"))
    assert one - other == pytest.approx(gap[south].mean() - gap[~south].mean(), abs=1e-9)
