"""What is said of prices on the same terms: planted differences through whole programs, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from audits.comparisons.same_terms_told import cases_in
from audits.evidence.same_terms import Dearer, SameTerms
from audits.loyalty_pricing.same_terms import SameTermsPrice
from audits.plan import make_plan
from checks.inputs.program import read_program
from checks.problem import InputError
from tests.programs import run_program, write_program
from tests.questions import measure_program

RATIO, CASES, SHARE = "undisclosed_price_ratio", "unexplained_price_cases", "unexplained_price_share"
TERMS = {
    "product": "套餐", "channel": "Via", "payment_method": "paid BY", "reason_code": "why-less", "disclosed": "told?",
}  # fmt: skip
CONTRACT = {
    "unit": "no", "time": "asked AT", "price": {"column": "monthly ask", "currency": "CNY"}, "terms": TERMS,
}  # fmt: skip
OWN = """
pack: own
rules:
  - {id: own.cases, title: No hidden difference, citation: Statute 1, jurisdiction: CN, status: in_force,
     limit_source: law, effective_from: 2020-01-01, verified: true, measure: unexplained_price_cases, test: census,
     comparison: at_most, limit: 0, severity: high}
  - {id: own.share, title: Few differences, citation: Statute 2, jurisdiction: CN, status: in_force,
     limit_source: law, effective_from: 2020-01-01, verified: true, measure: unexplained_price_share, test: census,
     comparison: at_most, limit: 0.01, severity: low}
"""
CN = ("cn.pipl.24", "cn.consumer.9", "cn.platform_price.2026")


def book(rows=600):
    """One price for each of six sets of terms a day, over five days."""
    index = np.arange(rows)
    product = np.array(["a", "b"])[index % 2]
    return pd.DataFrame({
        "no": index, "套餐": product, "Via": np.array(["web", "shop", "app"])[index % 3], "paid BY": "card",
        "asked AT": pd.Timestamp("2026-05-01") + pd.to_timedelta(index % 5, unit="D") + pd.Timedelta(hours=3),
        "monthly ask": np.where(product == "a", 100.0, 40.0), "why-less": "none", "told?": "no",
        "years": index % 7, "risk": 20.0, "gift": 0.0,
    })  # fmt: skip


def answered(folder, data, contract=CONTRACT, parameters=None, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own.yaml").write_text(OWN)
    columns = {name: {"null_tolerance": 1} for name in data.columns if name in str(contract) and name != "no"}
    program = write_program(folder, data, **{
        "contract": {**contract, "columns": columns}, "policies": ["cn", "own.yaml"],
        "audits": {"primary": [{"loyalty_pricing.same_terms": parameters} if parameters else SameTermsPrice.name]},
        "scope": {"jurisdictions": ["CN"], "lenders": ["platform"]}, **changes,
    })  # fmt: skip
    run, judgement = run_program(program, folder / "out")
    assert not run.errors
    assert run.checks.fit, [check for check in run.checks.results if not check.success]
    return run, judgement


def whole(run):
    return {m.measure: m for m in run.measurements if m.segment == "all"}


def verdicts(judgement):
    return {finding.rule.id: finding.verdict for finding in judgement.findings}


def dearer(data, factor=1.1, rows=12, **columns):
    """The first rows of the book at a higher price; other columns of theirs too."""
    data = data.copy()
    data.loc[: rows - 1, "monthly ask"] *= factor
    for name, value in columns.items():
        data.loc[: rows - 1, {"why": "why-less", "told": "told?"}[name]] = value
    return data


def test_one_price_on_the_same_terms_is_clear(tmp_path):
    run, judgement = answered(tmp_path, book())
    figures = whole(run)
    assert {name: figures[name].estimate for name in (RATIO, CASES, SHARE)} == {RATIO: 1.0, CASES: 0.0, SHARE: 0.0}
    assert figures[RATIO].counts["compared"] == 600
    assert set(verdicts(judgement).values()) == {"clear"}
    assert set(verdicts(judgement)) == {*CN, "own.cases", "own.share"}
    assert run.not_answered == ()


def test_hidden_differences_are_counted_and_judged(tmp_path):
    run, judgement = answered(tmp_path, dearer(book(), why="long_tenure"))
    figures = whole(run)
    assert (figures[RATIO].estimate, figures[CASES].estimate, figures[SHARE].estimate) == (1.1, 12, 0.02)
    assert all(m.low == m.high == m.estimate and m.n == 600 for m in figures.values())
    assert verdicts(judgement) == {**dict.fromkeys(CN, "concern"), "own.cases": "breach", "own.share": "breach"}
    told = {one.question: one.reason for one in run.not_answered}
    assert "long_tenure (12)" in told["loyalty_pricing.same_terms: terms.reason_code"]


@pytest.mark.parametrize(
    ("changes", "ratio", "cases"),
    [
        ({"why": " NEW_Customer_Offer "}, 1.0, 0), ({"why": "cost_difference"}, 1.0, 0), ({"told": " Yes"}, 1.0, 0),
        ({"factor": 1.05}, 1.05, 0), ({"factor": 1.0501}, 1.0501, 12), ({"factor": 1.04}, 1.04, 0),
    ],
)  # fmt: skip
def test_what_is_excused_disclosed_or_within_the_tolerance_is_no_case(tmp_path, changes, ratio, cases):
    run, judgement = answered(tmp_path, dearer(book(), **changes))
    figures = whole(run)
    assert (figures[RATIO].estimate, figures[CASES].estimate) == (ratio, cases)
    assert figures[RATIO].counts["beyond"] == (0 if 1.0 < changes.get("factor", 9) <= 1.05 else 12)
    assert verdicts(judgement)["cn.pipl.24"] == ("concern" if cases else "clear")


def test_a_cheaper_price_for_new_customers_makes_nobody_elses_dear(tmp_path):
    data = book()
    data.loc[:11, ["monthly ask", "why-less"]] = [50.0, "new_customer_offer"]
    run, _ = answered(tmp_path / "a", data)
    assert whole(run)[CASES].estimate == 0
    data.loc[:11, "why-less"] = "none"
    run, _ = answered(tmp_path / "b", data)
    assert whole(run)[CASES].estimate > 100  # the same price without a reason is what the others are held against


def test_a_wide_tolerance_hides_no_ratio(tmp_path):
    run, judgement = answered(tmp_path, dearer(book()), parameters={"tolerance": 0.2})
    assert (whole(run)[RATIO].estimate, whole(run)[CASES].estimate) == (1.1, 0)
    assert verdicts(judgement)["cn.pipl.24"] == "concern"


def test_the_allowed_codes_are_those_of_the_program(tmp_path):
    run, _ = answered(tmp_path, dearer(book(), why="Loyal"), parameters={"allowed": ["loyal"]})
    assert whole(run)[CASES].estimate == 0
    run, _ = answered(tmp_path / "b", dearer(book(), why="random_test"), parameters={"allowed": []})
    assert whole(run)[CASES].estimate == 12


def test_incentives_costs_and_windows_are_part_of_the_price(tmp_path):
    data = dearer(book())
    data["gift"] = data["monthly ask"] - book()["monthly ask"]
    with_gift = {**CONTRACT, "terms": {**TERMS, "incentive": "gift"}}
    run, _ = answered(tmp_path / "gift", data, with_gift)
    assert whole(run)[CASES].estimate == 0
    data["risk"] = data["monthly ask"] / 5
    run, _ = answered(tmp_path / "cost", data, {**CONTRACT, "cost": "risk"})
    assert whole(run)[CASES].estimate == 0
    assert any("per unit of expected cost" in caution for caution in whole(run)[CASES].cautions)
    data = book()
    data["monthly ask"] += 10.0 * (data["asked AT"].dt.day - 1)  # the list price rises day by day
    assert whole(answered(tmp_path / "day", data)[0])[CASES].estimate == 0
    assert whole(answered(tmp_path / "week", data, parameters={"window_days": 400})[0])[CASES].estimate > 300


def test_currencies_are_not_compared(tmp_path):
    data = dearer(book(), factor=7.2)
    data["money"] = np.where(data["no"] < 12, "CNY", "USD")
    contract = {**CONTRACT, "price": {"column": "monthly ask", "currency_column": "money"}}
    program = write_program(tmp_path, data, contract=contract, audits={"primary": [SameTermsPrice.name]})
    figures, _ = measure_program(program, SameTermsPrice(), tmp_path / "out")
    assert [m.estimate for m in figures if m.measure == CASES] == [0]


def test_a_rule_that_begins_within_the_period_sees_its_own_days(tmp_path):
    data = dearer(book())
    data["asked AT"] -= pd.Timedelta(days=23)  # from 2026-04-08; the platform rules begin on the tenth
    _, judgement = answered(tmp_path, data)
    own = [one for one in judgement.findings if one.rule.id == "cn.platform_price.2026"]
    assert [one.measurement.segment for one in own] == ["2026-04-10..2026-04-12"]
    late = data[data["asked AT"] >= "2026-04-10"]
    assert own[0].measurement.counts["unexplained"] == (late["no"] < 12).sum() > 0


@pytest.mark.parametrize("left_out", ["reason_code", "disclosed", "channel", "payment_method", "time"])
def test_what_the_contract_does_not_name_keeps_a_difference_from_being_a_breach(tmp_path, left_out):
    contract = {**CONTRACT, "terms": {key: name for key, name in TERMS.items() if key != left_out}}
    if left_out == "time":
        contract = {key: value for key, value in contract.items() if key != "time"}
        contract["dated"] = {"from": "2026-05-01", "to": "2026-05-05"}
    run, judgement = answered(tmp_path, dearer(book()), contract)
    assert verdicts(judgement)["own.cases"] == "concern"
    assert len(whole(run)[CASES].cautions) == 1
    named = {one.question for one in run.not_answered}
    assert (f"loyalty_pricing.same_terms: terms.{left_out}" in named) is (left_out in ("reason_code", "disclosed"))


def test_missing_flags_count_as_undisclosed_and_leave_known_cases_certain(tmp_path):
    data = dearer(book(), told=None)
    run, judgement = answered(tmp_path / "a", data)
    assert (whole(run)[CASES].estimate, whole(run)[CASES].counts["disclosure_unknown"]) == (12, 12)
    assert "12 of 12 cases have no value" in whole(run)[CASES].cautions[0]
    assert verdicts(judgement)["own.cases"] == "concern"
    data.loc[0, "told?"] = "no"
    run, judgement = answered(tmp_path / "b", data)
    assert whole(run)[CASES].cautions == ()
    assert verdicts(judgement)["own.cases"] == "breach"
    assert verdicts(judgement)["own.share"] == "concern"  # without the uncertain ones it may be smaller


def test_cases_whose_terms_are_missing_are_uncertain(tmp_path):
    data = dearer(book())
    data["Via"] = data["Via"].where(data["no"] >= 60, None)
    run, judgement = answered(tmp_path, data)
    assert whole(run)[CASES].estimate == 12
    assert "12 of 12 cases miss one of their terms" in whole(run)[CASES].cautions[0]
    assert verdicts(judgement)["own.cases"] == "concern"


def test_a_flag_that_says_neither_yes_nor_no_is_refused_whole(tmp_path):
    data = dearer(book(), told="yes")
    data.loc[599, "told?"] = "perhaps"
    run, judgement = answered(tmp_path, data)
    assert whole(run)[CASES].estimate == 12
    assert any("'perhaps', which is neither yes nor no" in caution for caution in whole(run)[CASES].cautions)
    assert verdicts(judgement)["own.cases"] == "concern"


@pytest.mark.parametrize("column", ["why-less", "told?"])
def test_a_column_of_free_text_is_no_list_of_codes_and_no_flag(tmp_path, column):
    data = pd.concat([dearer(book(), why="random_test", told="yes")] * 2, ignore_index=True)
    data["no"] = data.index
    data[column] = [f"note {i}" for i in data.index]
    run, _ = answered(tmp_path, data)
    found = whole(run)[CASES]
    assert sum("different values" in caution for caution in found.cautions) == 1
    assert found.estimate == 0  # the other column still says why


@pytest.mark.parametrize(("kind", "code"), [(float, 7.0), (int, 7), (bool, True)])
def test_codes_and_flags_may_be_numbers_or_booleans(tmp_path, kind, code):
    data = dearer(book(), why="x")
    data["why-less"] = (data["why-less"] == "x").map({True: code, False: kind(0)}).astype(kind)
    allowed = "true" if kind is bool else "7"
    run, _ = answered(tmp_path / "code", data, parameters={"allowed": [allowed]})
    assert (whole(run)[CASES].estimate, whole(run)[CASES].counts["beyond_excused"]) == (0, 12)
    data["told?"] = pd.Series(data["no"] < 6).astype(kind)
    run, _ = answered(tmp_path / "flag", data)
    assert (whole(run)[CASES].estimate, whole(run)[CASES].counts["beyond_disclosed"]) == (6, 6)
    told = {one.question: one.reason for one in run.not_answered}
    assert f"{allowed} (6)" in told["loyalty_pricing.same_terms: terms.reason_code"]


def test_one_row_on_its_terms_is_compared_with_nobody(tmp_path):
    data = book()
    data["套餐"] = [f"p{i}" for i in data.index]
    run, judgement = answered(tmp_path / "all", data)
    assert {m.estimate for m in whole(run).values()} == {None}
    assert all("nobody to compare with" in m.reason for m in whole(run).values())
    assert set(verdicts(judgement).values()) == {"not_identified"}
    data.loc[data["no"] >= 400, "套餐"] = "p"
    run, judgement = answered(tmp_path / "most", data.assign(**{"monthly ask": 5.0}))
    assert whole(run)[CASES].counts["alone"] == 400
    assert set(verdicts(judgement).values()) == {"inconclusive"}


def test_prices_that_are_none_are_left_out_counted_and_never_clear(tmp_path):
    data = book()
    data.loc[:9, "monthly ask"] = 0.0
    data.loc[10:19, "monthly ask"] = -3.0
    data.loc[20:39, "monthly ask"] = np.nan
    program = write_program(tmp_path, data, contract=CONTRACT, audits={"primary": [SameTermsPrice.name]})
    figures, missing = measure_program(program, SameTermsPrice(), tmp_path / "out")
    assert {m.estimate for m in figures} == {0, 1}
    assert all(m.counts["left_out"] == 40 and m.n == 560 and "40 of 600 rows" in m.unseen[0] for m in figures)
    assert [one.question for one in missing] == ["loyalty_pricing.same_terms: price"]


def test_a_book_that_is_excused_as_a_whole_is_not_clear(tmp_path):
    data = book()
    data.loc[:399, "why-less"] = "random_test"
    run, judgement = answered(tmp_path, data)
    assert "400 of 600 prices have an allowed reason code" in whole(run)[RATIO].unseen[0]
    assert set(verdicts(judgement).values()) == {"inconclusive"}


def test_without_a_product_nothing_is_the_same(tmp_path):
    contract = {**CONTRACT, "terms": {key: name for key, name in TERMS.items() if key != "product"}}
    run, judgement = answered(tmp_path, book(), contract)
    assert run.measurements == ()
    assert "terms.product" in run.not_answered[0].reason
    assert not judgement.findings
    assert {one.rule.id for one in judgement.rules_not_applied} >= set(CN)


def test_tenure_and_groups_make_no_other_terms(tmp_path):
    data = book()
    data["monthly ask"] *= 1 + 0.1 * (data["years"] > 3)
    contract = {**CONTRACT, "tenure": {"column": "years", "unit": "years"}, "strata": ["years", "Via"]}
    run, _ = answered(tmp_path, data, contract)
    assert whole(run)[CASES].estimate == (data["years"] > 3).sum()
    told = {one.question: one.reason for one in run.not_answered}
    assert "years tells customers apart" in told["loyalty_pricing.same_terms: strata"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"tolerance": -0.01}, ["'-0.01'", "a number from 0 on"]), ({"tolerance": "some"}, ["'some'", "a number"]),
        ({"tolerance": float("nan")}, ["'nan'", "a number from 0 on"]), ({"window_days": 0}, ["'0'", "from 1 on"]),
        ({"window_days": 1.5}, ["'1.5'", "a whole number"]), ({"window_days": True}, ["'True'", "a whole number"]),
        ({"allowed": "random_test"}, ["'random_test'", "a list of texts", "write [random_test]"]),
        ({"allowed": ["a", 7]}, ["'7'", "no text", 'write "7"']), ({"level": 1.5}, ["'1.5'", "0.95"]),
    ],
)  # fmt: skip
def test_a_parameter_that_fits_not_is_told(tmp_path, parameters, words):
    file = write_program(tmp_path, book(20), contract=CONTRACT, policies=["cn"], audits={"primary": []})
    text = yaml.safe_load(file.read_text()) | {"audits": {"primary": [{SameTermsPrice.name: parameters}]}}
    file.write_text(yaml.safe_dump(text, allow_unicode=True))
    with pytest.raises(InputError) as caught:
        make_plan(read_program(file))
    assert len(caught.value.problems) == 1
    for word in words:
        assert word in str(caught.value)


def test_cases_are_read_from_rows_by_code_and_flag():
    rows = SameTerms((), 1, 0.05, 100, {}, 0, 1, 0, 0, 0, 100, (), flags=("no", "yes"))
    one = Dearer("loyal", "no", False, True, 10, 4, 1.2)
    found = cases_in(replace(rows, dearer=(
        one, replace(one, code=" LOYAL", flag=None, highest=1.5), replace(one, code="nan", flag="yes", highest=1.9),
        replace(one, code=None, complete=False, highest=1.3), replace(one, excused=True, highest=2.0),
    )))  # fmt: skip
    assert (found.beyond, found.excused, found.disclosed, found.unexplained) == (20, 4, 4, 12)
    assert (found.unknown, found.incomplete, found.certain, found.uncoded) == (4, 4, 4, 4)
    assert (found.highest, found.highest_certain, found.codes) == (1.5, 1.2, {"loyal": 8})
    odd = cases_in(replace(rows, flags=("no", "?"), dearer=(replace(one, flag="yes"),)))
    assert (odd.odd, odd.disclosed, odd.unexplained) == (("?",), 0, 4)
    unflagged = cases_in(replace(rows, flags=(), dearer=(replace(one, flag=None),)), flagged=False)
    assert (unflagged.unknown, unflagged.certain) == (0, 4)
