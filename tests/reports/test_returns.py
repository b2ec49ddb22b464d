"""The pricing return, added up again in pandas from the rows; figures that the data cannot fill; refusals in words.

Tolerance 1e-9 relative: sums are exact to one rounding, and the oracle adds the same numbers in double precision.
"""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import squaredeal
from tests.programs import run_program, write_program

TERMS = {"product": "line", "channel": "route", "incentive": "gift"}
CONTRACT = {
    "unit": "quote", "dated": {"from": "2026-01-01", "to": "2026-12-31"}, "price": {"column": "asked"},
    "cost": "burning", "prior_price": "before", "tenure": {"column": "stayed", "bands": [1, 2, 5]}, "terms": TERMS,
}  # fmt: skip
NAMED = ("asked", "burning", "before", "stayed", "line", "route", "gift")
SCOPE = {"jurisdictions": ["UK"], "products": ["home_insurance"]}
ASKED = {"primary": ["loyalty_pricing.pricing_return"]}
SHARE = "share with expected claims ratio "


def quotes(rows: int = 1500, seed: int = 11) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    asked = rng.integers(20_000, 90_000, rows) / 100
    stayed = rng.integers(0, 9, rows) * 1.0
    return pd.DataFrame({
        "quote": np.arange(rows), "asked": asked, "burning": np.round(asked * rng.uniform(0.1, 1.3, rows), 2),
        "before": np.where(stayed > 0, np.round(asked * rng.uniform(0.8, 1.1, rows), 2), np.nan), "stayed": stayed,
        "line": rng.choice(["roof", "roof, walls", "büilding"], rows), "route": rng.choice(["web", "broker"], rows),
        "gift": rng.choice([0, 5, 20, np.nan], rows),
    })  # fmt: skip


def audited(folder, data, contract=CONTRACT, audits=ASKED, **changes):
    columns = {name: {"null_tolerance": 1} for name in NAMED if f"'{name}'" in str(contract)}
    file = write_program(
        folder, data, contract={**contract, "columns": columns}, scope=SCOPE, policies=["uk"], audits=audits, **changes
    )
    run, judgement = run_program(file, folder / "out")
    assert not run.errors
    return run, judgement, folder / "out" / "loans" / "all" / "v1"


def told(*words):
    result = CliRunner().invoke(squaredeal.app, ["return", *map(str, words)])
    return result.exit_code, result.output


def filled(folder) -> pd.DataFrame:
    code, text = told("rep021", folder)
    assert code == 0
    return pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])


def figure(run):
    (one,) = [m for m in run.measurements if m.measure == "return_missing_figures"]
    return one


def verdict(judgement):
    return [one.verdict for one in judgement.findings if one.rule.id == "uk.rep021"]


def lacking(run):
    return {one.question.split(": ")[1]: one for one in run.not_answered if "pricing_return: " in one.question}


def without(*roles, terms=()):
    kept = {role: value for role, value in CONTRACT.items() if role not in roles}
    return {**kept, "terms": {key: column for key, column in TERMS.items() if key not in terms}}


def oracle(data: pd.DataFrame) -> pd.DataFrame:
    """The return from the rows; a missing label is empty."""
    data = data.assign(
        band=pd.cut(data["stayed"], [0, 1, 2, 5, 999], right=False, labels=["under 1", "1", "2-4", "5+"])
    )
    data["band"] = data["band"].astype(object)
    lines = []
    for labels, group in data.groupby(["line", "route", "band"], dropna=False):
        priced = group[group["asked"] > 0]
        costed, prior = priced[priced["burning"] > 0], priced.loc[priced["before"] > 0, "before"]
        bands = pd.cut(costed["burning"] / costed["asked"], [0, 0.2, 0.4, 0.6, 0.8, 1, 99], right=False)
        shares = bands.value_counts(normalize=True, sort=False).tolist() if len(costed) else [np.nan] * 6
        total, expected = priced["asked"].sum(), costed["burning"].sum()
        lines.append([
            *labels, len(group), len(priced), total if len(priced) else np.nan, priced["asked"].mean(),
            total - priced["gift"].sum() if len(priced) else np.nan, len(costed), expected if len(costed) else np.nan,
            expected / costed["asked"].sum() if len(costed) else np.nan, len(prior), prior.mean(), *shares,
        ])  # fmt: skip
    return pd.DataFrame(lines)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    keys = list(found.columns[:3])
    expected.columns = found.columns
    found, expected = (one.fillna(dict.fromkeys(keys, "?")).sort_values(keys) for one in (found, expected))
    assert found[keys].to_numpy().tolist() == expected[keys].to_numpy().tolist()
    numbers = [one.drop(columns=keys).to_numpy(dtype=float) for one in (found, expected)]
    np.testing.assert_allclose(*numbers, rtol=1e-9, atol=0)


def test_a_full_return_is_that_of_pandas_on_the_rows_and_lacks_nothing(tmp_path):
    data = quotes()
    run, judgement, folder = audited(tmp_path, data)
    found = filled(folder)
    assert len(found) == 3 * 2 * 4
    same(found, oracle(data))
    assert list(found["tenure_band"][:4]) == ["under 1", "1", "2-4", "5+"]
    assert found.filter(like=SHARE).sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert figure(run).counts == {
        "missing": 0, "filled": 5 * 24, "incomplete": 0, "return_rows": 24, "quotes": len(data), "without_price": 0,
        "without_expected_claims": 0,
    }  # fmt: skip
    assert (figure(run).estimate, figure(run).unseen, lacking(run)) == (0, (), {})
    assert verdict(judgement) == ["clear"]


def test_bad_values_are_left_out_as_pandas_leaves_them_out(tmp_path):
    data = quotes()
    data.loc[::40, "asked"] = 0.0
    data.loc[1::40, "asked"] = -5.0
    data.loc[2::40, "asked"] = np.nan
    data.loc[3::40, "burning"] = [0.0, np.nan] * 19
    data.loc[4::40, "before"] = 0.0
    data.loc[5::40, "stayed"] = [-1.0, np.nan] * 19
    data.loc[6::40, "route"] = None
    run, judgement, folder = audited(tmp_path, data)
    same(filled(folder), oracle(data.assign(stayed=data["stayed"].where(data["stayed"] >= 0))))
    counts = figure(run).counts
    assert (counts["without_price"], counts["without_expected_claims"]) == (114, 38)
    placeless = oracle(data.assign(stayed=data["stayed"].where(data["stayed"] >= 0))).iloc[:, :3].isna().any(axis=1)
    assert figure(run).estimate == counts["missing"] == 5 * placeless.sum() > 0
    assert counts["incomplete"] > 0
    assert figure(run).unseen
    assert "38 quotes" in lacking(run)["channel"].reason
    assert "38 quotes" in lacking(run)["tenure"].reason
    assert verdict(judgement) == ["concern"]


@pytest.mark.parametrize("column", ["asked", "burning", "before"])
def test_the_largest_double_is_no_amount_and_leaves_all_others_as_they_are(tmp_path, column):
    """A sentinel that no sum can hold: in places of it every other amount was 0 and filled the return."""
    data = quotes()
    sound = data.copy()
    data.loc[data.index[::90], column], sound.loc[data.index[::90], column] = 1.7976931348623157e308, np.nan
    sound.loc[sound["asked"].isna(), "gift"] = 0.0
    _, _, folder = audited(tmp_path, data.assign(gift=sound["gift"]))
    same(filled(folder), oracle(sound))


@pytest.mark.parametrize(
    ("contract", "missing", "lacks", "empty"),
    [
        (without("cost"), 2 * 24, {"expected_claims_ratio", "expected_claims_bands"}, "expected_claims_ratio"),
        (without("prior_price"), 18, {"prior_year_average_premium"}, "prior_year_average_premium"),
        (without(terms=["product"]), 5 * 8, {"product"}, "product"),
        (without(terms=["channel"]), 5 * 12, {"channel"}, "channel"),
        (without(terms=["incentive"]), 0, set(), "net_premium_total"),
    ],
)
def test_what_the_contract_does_not_declare_is_missing_and_its_fields_are_empty(
    tmp_path, contract, missing, lacks, empty
):
    run, judgement, folder = audited(tmp_path, quotes(), contract)
    assert figure(run).estimate == missing
    assert set(lacking(run)) == lacks
    assert filled(folder)[empty].isna().all()
    assert verdict(judgement) == (["concern"] if missing else ["clear"])


def test_a_row_without_one_expected_cost_lacks_its_figures_alone(tmp_path):
    data = quotes()
    data.loc[(data["line"] == "roof") & (data["route"] == "web") & (data["stayed"] == 1), "burning"] = np.nan
    run, _, folder = audited(tmp_path, data)
    assert figure(run).estimate == 2
    assert "1 of 24 rows" in lacking(run)["expected_claims_ratio"].reason
    found = filled(folder)
    empty = found[found["expected_claims_ratio"].isna()]
    assert empty[["product", "channel", "tenure_band"]].to_numpy().tolist() == [["roof", "web", "1"]]
    assert empty.filter(like=SHARE).isna().all(axis=None)


@pytest.mark.parametrize(("bands", "missing"), [([1, 5], 0), ([2, 5], 6), ([0.5, 5], 0)])
def test_new_customers_need_no_premium_of_the_year_before(tmp_path, bands, missing):
    data = quotes()
    data["stayed"] = np.where(data["stayed"] < 5, 0, data["stayed"])
    data.loc[data["stayed"] == 0, "before"] = np.nan
    run, _, _ = audited(tmp_path, data, {**CONTRACT, "tenure": {"column": "stayed", "bands": bands}})
    assert figure(run).estimate == missing


def test_one_tenure_for_all_gives_one_row_for_each_product_and_channel(tmp_path):
    data = quotes().assign(stayed=3, before=100.0)
    run, _, folder = audited(tmp_path, data)
    same(filled(folder), oracle(data))
    assert figure(run).counts["return_rows"] == 6


def test_an_entity_and_a_weight_are_not_used_and_that_is_said(tmp_path):
    data = quotes().assign(client=1, heavy=3.0)
    run, _, folder = audited(tmp_path, data, {**CONTRACT, "entity": "client", "weight": "heavy"})
    assert set(lacking(run)) == {"entity", "weight"}
    same(filled(folder), oracle(quotes()))


def test_the_return_is_the_same_without_the_data_and_beside_other_questions(tmp_path):
    data = quotes().assign(fresh=500.0)
    contract = {**CONTRACT, "new_customer_price": "fresh"}
    _, _, folder = audited(tmp_path, data, contract, {"primary": ["loyalty_pricing.pricing_return",
                                                                  "loyalty_pricing.renewal_price"]})  # fmt: skip
    (tmp_path / "loans.parquet").unlink()
    code, text = told("rep021", folder, "--out", tmp_path / "rep021.csv")
    assert (code, text.strip()) == (0, str(tmp_path / "rep021.csv"))
    assert (tmp_path / "rep021.csv").read_text(encoding="utf-8") == told("rep021", folder)[1]
    same(filled(folder), oracle(data))


def test_a_run_that_cannot_be_filled_in_says_what_to_declare(tmp_path):
    bare = {**without("cost", "prior_price", "tenure"), "new_customer_price": "before"}
    _, _, folder = audited(tmp_path / "other", quotes(), bare, {"primary": ["loyalty_pricing.renewal_price"]})
    code, text = told("rep021", folder)
    assert code == 2
    assert "add 'loyalty_pricing.pricing_return' under 'audits' of the program, and tenure in the contract" in text
    _, _, folder = audited(tmp_path / "lacking", quotes(), bare)
    code, text = told("rep021", folder)
    assert code == 2
    assert "declare tenure in the contract of the program" in text
    repeated = pd.concat([quotes(), quotes()])
    _, judgement, folder = audited(tmp_path / "unfit", repeated)
    assert verdict(judgement) == ["unfit"]
    assert told("rep021", folder)[0] == 2
    assert "failed their checks" in told("rep021", folder)[1]


def test_refusals_name_the_return_the_folder_the_file_and_changed_evidence(tmp_path):
    _, _, folder = audited(tmp_path, quotes(200))
    assert told("rep21", folder)[0] == 2
    assert "did you mean 'rep021'?" in told("rep21", folder)[1]
    assert "no readable file" in told("rep021", tmp_path / "nowhere")[1]
    code, text = told("rep021", folder, "--out", tmp_path / "no" / "folder.csv")
    assert code == 2
    assert "name another file with --out" in text
    cells = folder / "restricted" / "cells.csv"
    cells.write_text(cells.read_text(encoding="utf-8").replace("web", "wеb"), encoding="utf-8")
    assert "other content than run.json records" in told("rep021", folder)[1]
    cells.unlink()
    assert "no cells of the pricing return" in told("rep021", folder)[1]
