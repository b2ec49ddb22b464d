"""Reasons of refusals against a model whose drivers are known: a sum of its features, so that each has its own part."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.explanation.reason_codes import ReasonCodes
from tests.programs import loans, write_program
from tests.questions import measure_program
from tests.registered import Registry

WEIGHTS = {"debt": -2.0, "income": 1.5, "años": 0.7, "enquiries": -0.4}
CODES = {"D": ["debt"], "I": ["income"], "Y": ["años", "enquiries"]}
SHARE, GAP, UNFOUNDED = "reason_match_share", "reason_match_gap", "unfounded_reason_cases"
MEASURES = (SHARE, GAP, UNFOUNDED)


def applications(seed: int = 4, rows: int = 900, people: int | None = None) -> pd.DataFrame:
    """Decisions by the sum, with a true first reason mostly, and one at random beside it now and then."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(rng.normal(size=(rows, len(WEIGHTS))), columns=list(WEIGHTS))
    data["case"] = [f"ü{i:05d}" for i in rng.permutation(rows)]
    data["who"] = rng.integers(0, people or rows, rows)
    data["sex"] = np.where(rng.random(rows) < 0.4, "f", "m")
    scores = data[list(WEIGHTS)] * list(WEIGHTS.values())
    data["granted"] = np.where(scores.sum(axis=1) + rng.normal(0, 0.3, rows) > 0, "yes", "no")
    worst = scores.idxmin(axis=1).map({"debt": "D", "income": "I", "años": "Y", "enquiries": "Y"})
    lost = rng.random(rows) < np.where(data["sex"] == "f", 0.35, 0.1)
    data["why"] = np.where(lost, rng.choice(["D", "I", "Y", "Z9", "R99"], rows), worst)
    data["also"] = np.where(rng.random(rows) < 0.3, rng.choice(["D ", "i", "Z9"], rows), None)
    data.loc[data["granted"] == "yes", ["why", "also"]] = None
    return data


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression()
    model.fit(pd.DataFrame(np.eye(4), columns=list(WEIGHTS)), [0, 1, 0, 1])
    model.coef_, model.intercept_ = np.array([list(WEIGHTS.values())]), np.array([0.1])
    registry = Registry(tmp_path_factory.mktemp("registry"))
    uri = registry.register("granting", model, "sklearn", pd.DataFrame(np.eye(4), columns=list(WEIGHTS)))
    return registry, uri


@pytest.fixture
def model(address, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address[0].uri)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    return address[1]


def contract(prediction=None, **more):
    return {
        "unit": "case", "decision": {"column": "granted", "favourable": "yes"}, "features": list(WEIGHTS),
        "groups": {"sex": {"column": "sex", "reference": "m"}}, "denial_reasons": ["why", "also"],
        "prediction": {"of": "decision", "reasons": CODES, "generic_reasons": ["R99"], **(prediction or {})}, **more,
    }  # fmt: skip


def measured(folder, data, model, question=None, made=None, **more):
    file = write_program(folder, data, contract=made or contract(**more), model=model, trusted_model=True)
    found, missing = measure_program(file, question or ReasonCodes(drivers=2), folder / "out")
    return found, {one.question.split(": ")[1]: one for one in missing}


def named(found, measure, group=None):
    return next(m for m in found if m.measure == measure and m.group == group)


def judged_by_hand(data, drivers: int, background: int = 100, seed: int = 0) -> pd.DataFrame:
    """Refusals with the number of their explained and matched reasons, by the definition."""
    order = data.assign(hash=[hashlib.md5(f"{seed}:{case}".encode()).hexdigest() for case in data["case"]])
    order = order.sort_values("hash")
    usable = order.dropna(subset=list(WEIGHTS))
    middle = usable[usable["granted"] == "yes"].head(background)[list(WEIGHTS)].mean()
    refused = order[order["granted"] == "no"].dropna(subset=list(WEIGHTS))
    parts = (refused[list(WEIGHTS)] - middle) * list(WEIGHTS.values())
    rows = []
    for (_, row), (_, part) in zip(refused.iterrows(), parts.iterrows(), strict=True):
        worst = set(part[part < 0].nsmallest(drivers).index)
        given = {str(row[name]).strip().upper() for name in ("why", "also")} & set(CODES)
        rows.append((row["sex"], row["who"], len(given), sum(bool(worst & set(CODES[code])) for code in given)))
    return pd.DataFrame(rows, columns=["sex", "who", "explained", "matched"])


@pytest.mark.parametrize("drivers", [1, 2])
def test_shares_gap_and_cases_are_those_of_the_definition(tmp_path, model, drivers):
    data = applications()
    data.loc[data.index[data["granted"] == "no"][:7], "income"] = np.nan  # a linear model cannot take them
    found, missing = measured(tmp_path, data, model, ReasonCodes(drivers=drivers))
    rows = judged_by_hand(data, drivers)
    for group, part in ((None, rows), *rows.groupby("sex")):
        figure = named(found, SHARE, group)
        assert figure.estimate == pytest.approx(part["matched"].sum() / part["explained"].sum(), abs=1e-12)
        assert figure.counts["explained"] == part["explained"].sum()
        assert figure.counts["clusters"] == (part["explained"] > 0).sum()
        assert figure.low < figure.estimate < figure.high
        assert figure.counts["drawn"] - figure.counts["used"] == data[data["income"].isna()].pipe(
            lambda lost, group=group: len(lost) if group is None else (lost["sex"] == group).sum()
        )  # fmt: skip
    gap = named(found, GAP, "f")
    shares = {group: part["matched"].sum() / part["explained"].sum() for group, part in rows.groupby("sex")}
    assert gap.estimate == pytest.approx(shares["m"] - shares["f"], abs=1e-12)
    assert gap.estimate > 0.05
    assert gap.low > 0
    assert gap.p_value < 0.05
    assert 0 < gap.mde < 0.3
    cases = named(found, UNFOUNDED)
    assert cases.estimate == (rows["matched"] < rows["explained"]).sum() > 0
    assert cases.counts["refusals"] == (data["granted"] == "no").sum()
    assert "cannot take 7" in " ".join(cases.unseen)
    assert not any("were drawn" in one for one in cases.unseen)
    assert any("codes that the contract does not explain" in one for one in cases.unseen)
    assert all("100 approved applicants" in one.cautions[0] for one in (cases, gap))
    assert set(missing) == {"unreviewed_decision_cases"}


def test_refusals_of_one_person_hang_together(tmp_path, model):
    data = applications(6, 500, 60)
    apart, _ = measured(tmp_path / "a", data, model)
    people, _ = measured(tmp_path / "b", data, model, entity="who")
    rows = judged_by_hand(data, 2)
    one, other = named(people, SHARE), named(apart, SHARE)
    assert one.estimate == other.estimate
    known = rows[rows["explained"] > 0]
    assert one.counts["clusters"] == known["who"].nunique() < other.counts["clusters"] == len(known)
    scores = (rows["matched"] - one.estimate * rows["explained"]).groupby(rows["who"]).sum()
    many = known["who"].nunique()
    error = (many / (many - 1) * (scores**2).sum()) ** 0.5 / rows["explained"].sum()
    assert one.standard_error == pytest.approx(error, rel=1e-9)


def test_postgres_and_a_file_give_the_same_figures(tmp_path, model, postgres_url):
    codes = {"D": 1, "I": 2, "Y": 3, "Z9": 9, "R99": 99}
    data = applications(7, 400, 90)
    data["why"] = data["why"].map(codes).astype("float64")
    data["also"] = data["also"].str.strip().str.upper().map(codes).astype("float64")
    made = contract({"reasons": {str(codes[code]): names for code, names in CODES.items()},
                     "generic_reasons": ["99"]}, entity="who")  # fmt: skip
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS refused")
        numbers = ", ".join(f'"{name}" float8' for name in WEIGHTS)
        connection.execute(f'CREATE TABLE refused ({numbers}, "case" text, who bigint, sex text, granted text, '
                           "why smallint, also numeric(4,1))")  # fmt: skip
        with connection.cursor().copy("COPY refused FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                plain = [None if pd.isna(value) else value for value in row]
                plain[-2] = None if plain[-2] is None else int(plain[-2])
                copy.write_row(plain)
    here = measured(tmp_path / "a", data, model, made=made)[0]
    file = write_program(tmp_path / "b", data, contract=made, model=model, trusted_model=True,
                         source={"connection": postgres_url, "table": "refused"})  # fmt: skip
    there = measure_program(file, ReasonCodes(drivers=2), tmp_path / "b" / "out")[0]
    assert len(here) == len(there) > 4
    for one, two in zip(here, there, strict=True):
        assert (one.measure, one.group, one.estimate, one.low, one.high) == (
            two.measure, two.group, two.estimate, two.low, two.high,
        )  # fmt: skip
        assert (dict(one.counts), one.cautions, one.unseen) == (dict(two.counts), two.cautions, two.unseen)
    assert named(here, SHARE).counts["generic"] > 0


def test_a_model_that_did_not_make_the_record_is_a_caution(tmp_path, model):
    data = applications(14, 400)
    swapped = data.assign(debt=-data["debt"], income=-data["income"])
    found, _ = measured(tmp_path, swapped, model)
    for figure in (named(found, SHARE), named(found, GAP, "f"), named(found, UNFOUNDED)):
        assert any("may not be the model that made them" in one for one in figure.cautions)
    assert not named(found, "most_reasons_given").cautions


def test_a_sample_without_a_case_says_how_many_there_may_be(tmp_path, model):
    data = applications(8, 900)
    refused = data["granted"] == "no"
    scores = data[list(WEIGHTS)] * list(WEIGHTS.values())
    data.loc[refused, "why"] = scores.idxmin(axis=1).map({"debt": "D", "income": "I", "años": "Y", "enquiries": "Y"})
    data["also"] = None
    question = ReasonCodes(drivers=4, rows=100)
    cases = named(measured(tmp_path, data, model, question)[0], UNFOUNDED)
    assert cases.estimate == 0
    assert (cases.counts["drawn"], cases.counts["refusals"]) == (100, refused.sum())
    assert cases.details["most_share"] == pytest.approx(0.03)
    assert f"100 of {refused.sum()} refusals were drawn" in " ".join(cases.unseen)
    assert "up to 3 % of all may be cases" in " ".join(cases.unseen)
    whole = named(measured(tmp_path / "all", data, model, ReasonCodes(drivers=4))[0], UNFOUNDED)
    assert whole.estimate == 0
    assert not whole.unseen
    assert whole.cautions


def test_the_draw_of_a_label_is_its_first_by_hash_whatever_others_draw(tmp_path, model):
    data = applications(9, 1200)
    found, _ = measured(tmp_path, data, model, ReasonCodes(drivers=2, rows=120))
    rows = judged_by_hand(data, 2)
    for group, part in ((None, rows), *rows.groupby("sex")):
        first = part.head(120)
        figure = named(found, SHARE, group)
        assert figure.counts["drawn"] == 120
        assert figure.estimate == pytest.approx(first["matched"].sum() / first["explained"].sum(), abs=1e-12)


@pytest.mark.parametrize("listed", [True, False])
def test_columns_of_one_feature_count_as_one_driver(tmp_path, address, model, listed):
    from sklearn.linear_model import LogisticRegression

    columns = ["debt", "area_north", "area_south", "area_west"]
    fitted = LogisticRegression().fit(pd.DataFrame(np.eye(4), columns=columns), [0, 1, 0, 1])
    fitted.coef_ = np.array([[-1.0, 0.6, -0.6, 0.0]])
    uri = address[0].register(f"areas-{listed}", fitted, "sklearn", pd.DataFrame(np.eye(4), columns=columns))
    rng = np.random.default_rng(15)
    data = pd.DataFrame(
        {
            "case": np.arange(400),
            "debt": rng.choice([-1.0, 0.5, 2.0], 400),
            "area": rng.choice(["north", "south", "west"], 400),
            "sex": rng.choice(["f", "m"], 400),
        }
    )
    for name in ("north", "south", "west"):
        data[f"area_{name}"] = (data["area"] == name) * 1.0
    data["granted"] = np.where(data["debt"] < 0, "yes", np.where(rng.random(400) < 0.3, "yes", "no"))
    data["why"], data["also"] = np.where(data["granted"] == "no", "A", None), None
    made = contract(
        {"one_hot": {"area": "area_*"}, "reasons": {"A": ["area"]}}, features=columns if listed else ["debt", "area"]
    )
    share = named(measured(tmp_path, data, uri, ReasonCodes(drivers=1), made)[0], SHARE)
    order = data.assign(hash=[hashlib.md5(f"0:{case}".encode()).hexdigest() for case in data["case"]])
    order = order.sort_values("hash")
    effect = pd.DataFrame({"debt": -order["debt"], "area": order["area"].map({"north": 0.6, "south": -0.6, "west": 0})})
    parts = effect - effect[order["granted"] == "yes"].head(100).mean()
    worst = parts[order["granted"] == "no"].idxmin(axis=1)
    assert share.estimate == pytest.approx((worst == "area").mean())
    assert 0 < share.estimate < 1
    assert share.details["features"] == 2


def test_where_nobody_was_approved_the_background_is_everybody_and_says_so(tmp_path, model):
    data = applications(10, 300).assign(granted="no").assign(why="D")
    found, _ = measured(tmp_path, data, model, made=contract() | {
        "decision": {"column": "granted", "favourable": "yes", "unfavourable": "no"}
    })  # fmt: skip
    assert "none drawn was approved" in named(found, SHARE).cautions[0]


def test_codes_that_nobody_explains_leave_no_share(tmp_path, model):
    data = applications(11, 300)
    data.loc[data["granted"] == "no", ["why", "also"]] = ["X1", None]
    found, _ = measured(tmp_path, data, model)
    for measure, group in ((SHARE, None), (SHARE, "f"), (GAP, "f"), (UNFOUNDED, None)):
        figure = named(found, measure, group)
        assert figure.estimate is None
        assert "has a reason that the contract explains" in figure.reason
    assert named(found, SHARE).counts["unexplained"] == (data["granted"] == "no").sum()


@pytest.mark.parametrize(("prediction", "reason"), [
    ({"reasons": {}}, "which features a reason means"), ({"of": "rate"}, "a price or a rate"),
])  # fmt: skip
def test_a_model_that_cannot_answer_costs_its_figures_alone(tmp_path, model, prediction, reason):
    made = contract()
    made["prediction"] = {key: value for key, value in {**made["prediction"], **prediction}.items() if value}
    data = applications(12, 300).assign(apr=5.0)
    found, missing = measured(tmp_path, data, model, made=made | {"rate": {"column": "apr"}})
    assert {m.measure for m in found} == {"most_reasons_given", "generic_reason_cases"}
    assert all(reason in missing[measure].reason for measure in MEASURES)


@pytest.mark.parametrize(("change", "reason"), [
    ({"model": "models:/granting@nobody"}, "has no model"), ({"trusted_model": False}, "does not trust"),
])  # fmt: skip
def test_a_model_that_cannot_be_used_is_told_and_the_counts_still_answer(tmp_path, model, change, reason):
    data = applications(13, 300)
    file = write_program(tmp_path, data, **{"contract": contract(), "model": model, "trusted_model": True, **change})
    found, missing = measure_program(file, ReasonCodes(), tmp_path / "out")
    assert {m.measure for m in found} == {"most_reasons_given", "generic_reason_cases"}
    lacking = {one.question.split(": ")[1]: one for one in missing}
    for measure in MEASURES:
        assert reason in lacking[measure].reason
        assert lacking[measure].needed


def test_where_nobody_is_refused_that_is_said_and_not_that_the_model_lacks_something(tmp_path, model):
    made = contract() | {"decision": {"column": "granted", "favourable": "yes", "unfavourable": "no"}}
    _, missing = measured(tmp_path, applications(16, 100).assign(granted="yes"), model, made=made)
    assert {missing[measure].reason for measure in MEASURES} == {"no application is refused"}


def test_refusals_without_a_name_are_told(tmp_path, model):
    data = applications(17, 400)
    gone = data["granted"].eq("no") & (data.index % 3 == 0)
    found, _ = measured(tmp_path, data.assign(case=data["case"].mask(gone)), model, ReasonCodes(drivers=50))
    for figure in (named(found, SHARE), named(found, GAP, "f"), named(found, UNFOUNDED)):
        assert any(f"{gone.sum()} refusals without a unit" in one for one in figure.unseen)
        assert "(the 4 that count most" in figure.cautions[0]


def test_without_a_model_the_counts_answer(tmp_path):
    file = write_program(tmp_path, loans(2, 300).assign(why="R1"), contract={
        "unit": "case", "decision": {"column": "granted", "favourable": 1}, "denial_reasons": ["why"],
        "groups": {"region": {"column": "region", "reference": "north"}},
    })  # fmt: skip
    found, missing = measure_program(file, ReasonCodes(), tmp_path / "out")
    assert [m.measure for m in found] == ["most_reasons_given"]
    assert {one.question.split(": ")[1] for one in missing} == set(ReasonCodes.measures) - {"most_reasons_given"}
