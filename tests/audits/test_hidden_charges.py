"""Hidden charges: gaps just below, at and just above each tolerance, days of rules, units, and oracles by group."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audits.predatory_lending.hidden_charges import HiddenCharges
from audits.rows_beyond import rows_beyond
from checks.inputs.disclosure_figures import RATE_GAPS
from tests.disclosure_books import QUESTION, book, in_postgres, rates, written
from tests.programs import run_program, write_program
from tests.questions import measure_program

REGULAR, IRREGULAR, APRC, IRR = RATE_GAPS
SHEET, UNDISCLOSED = "cost_sheet_understated_gap", "undisclosed_charge_cases"
CHARGES = "undisclosed_charge_money"
STATEMENT, PACKING, FEES = "missing_fact_statement_cases", "insurance_packing_ratio", "fee_share_gap"
MONTHS = {"amount": "lent", "instalment": "due", "term_months": "length"}
DAYS = {"amount": "lent", "instalment": "due", "term_days": "length"}
MONTH = {"lent": 1000.0, "due": 1010.0, "length": 1}
# measure, limit, pack, rule, verdict above it, roles, the rest of the loan, what moves, its value below, at and above
TABLE = [
    (REGULAR, 0.00125, "us", "us.regz.apr.regular", "breach", MONTHS | {"disclosed_apr": "told"}, MONTH, "told",
     (11.876, 11.875, 11.874)),
    (REGULAR, 0.00125, "us", "us.regz.apr.regular", "breach", MONTHS | {"disclosed_apr": "told", "fees": "fee"},
     {"lent": 1010.0, "fee": 10.0, "due": 1010.0, "length": 1}, "told", (11.876, 11.875, 11.874)),
    (IRREGULAR, 0.0025, "us", "us.regz.apr.irregular", "breach", {"amount": "lent", "disclosed_apr": "told"},
     {"lent": 1000.0}, "told", (11.751, 11.75, 11.749)),
    (APRC, 0.0005, "eu", "eu.aprc", "concern", DAYS | {"disclosed_apr": "told"},
     {"lent": 1000.0, "due": 1100.0, "length": 365}, "told", (9.951, 9.95, 9.949)),
    (IRR, 0.0005, "cn", "cn.apr", "concern", MONTHS | {"disclosed_apr": "told", "insurance": "cover"},
     {"lent": 1060.0, "due": 1081.5, "length": 1, "cover": 10.0}, "told", (35.951, 35.95, 35.949)),
    (SHEET, 0.0005, "cn", "cn.cost_disclosure.2026.rate", "concern", MONTHS | {"cost_sheet": "sheet"},
     {"lent": 24_000.0, "due": 24_480.0, "length": 1}, "sheet", (479.01, 479.0, 478.99)),
    (UNDISCLOSED, 0.0, "cn", "cn.cost_disclosure.2026.charges", "breach",
     MONTHS | {"cost_sheet": "sheet", "fees": "fee"}, {"lent": 1000.0, "due": 1010.0, "length": 1, "fee": 10.0},
     "sheet", (20.0, 19.99, 19.98)),
    (STATEMENT, 0.0, "in", "in.dl2025.statement", "breach", {"fact_statement": "facts"}, {}, "facts",
     ("yes", "yes", "no")),
]  # fmt: skip
IRREGULAR_PAYMENTS = {"2026-09-04": 110.0, "2026-10-04": 209.0, "2026-11-04": 307.0, "2026-12-04": 404.0}


def _program(folder, data, roles, pack, **blocks):
    """A program of loans granted on their day; payments of one loan in four parts where no instalment is named."""
    data = data.assign(no=[f"L{i}" for i in range(len(data))])
    loan = dict(roles)
    folder.mkdir(parents=True, exist_ok=True)
    if "instalment" not in roles and "amount" in roles:
        parts = [(no, day, amount) for no in data["no"] for day, amount in IRREGULAR_PAYMENTS.items()]
        pd.DataFrame(parts, columns=["loan", "at", "amount"]).to_csv(folder / "payments.csv", index=False)
        loan["payments"] = "payments.csv"
    contract = {"unit": "no", "time": "day", "loan": loan}
    scope = {"jurisdictions": [pack.upper()], "products": ["personal_loan"], "lenders": ["bank", "platform"]}
    return write_program(folder, data, **{
        "contract": contract, "audits": {"primary": [QUESTION]}, "policies": [pack], "scope": scope, **blocks,
    })  # fmt: skip


def _finding(judgement, rule):
    return next(one for one in judgement.findings if one.rule.id == rule)


def found(folder, data, **changes):
    figures, missing = measure_program(written(folder, data, **changes), HiddenCharges(), folder / "out")
    return {(one.measure, one.group): one for one in figures}, missing


@pytest.mark.parametrize(
    ("measure", "limit", "pack", "rule", "verdict", "roles", "loan", "moving", "values"), TABLE,
    ids=[f"{row[3]} {len(row[5])}" for row in TABLE],
)  # fmt: skip
def test_what_lies_just_above_a_tolerance_is_a_case_and_what_lies_at_it_is_none(
    tmp_path, measure, limit, pack, rule, verdict, roles, loan, moving, values
):
    rows = [{**loan, moving: value, "day": pd.Timestamp("2026-08-04")} for value in values for _ in range(4)]
    for many, told, cases in ((8, "clear", 0), (12, verdict, 4)):
        file = _program(tmp_path / told, pd.DataFrame(rows[:many]), roles, pack)
        run, judgement = run_program(file, tmp_path / told / "runs")
        one = _finding(judgement, rule)
        assert run.errors == ()
        assert (one.verdict, one.measurement.measure) == (told, measure)
        counts = measure in (UNDISCLOSED, STATEMENT)
        assert one.measurement.estimate == (cases if counts else pytest.approx(limit, abs=1.5e-5))
        assert dict(one.measurement.beyond) == {limit: cases}
        assert one.measurement.unseen == ()
        if cases:
            text, _ = rows_beyond(next((tmp_path / told / "runs").glob("*/all/v1")), one.finding_id[:8])
            keys = [line.split(",") for line in text.splitlines()]
            assert [row[keys[0].index("no")] for row in keys[1:]] == ["L10", "L11", "L8", "L9"]


def test_every_counted_measure_stands_in_the_table():
    assert {*(row[0] for row in TABLE), CHARGES} == set(HiddenCharges.counted)
    assert {*HiddenCharges.counted, PACKING, FEES} == set(HiddenCharges.measures)


@pytest.mark.parametrize(
    ("measure", "rule"),
    [(UNDISCLOSED, "cn.cost_disclosure.2026.charges"), (SHEET, "cn.cost_disclosure.2026.rate")],
)
@pytest.mark.parametrize(("day", "verdict"), [("2026-07-31", "clear"), ("2026-08-01", "harm")])
def test_a_rule_judges_the_loans_from_its_first_day_on(tmp_path, measure, rule, day, verdict):
    days = pd.date_range("2026-07-20", "2026-08-12")
    data = pd.DataFrame({"lent": 1000.0, "due": 1010.0, "length": 1, "sheet": 10.0, "day": days})
    data.loc[data["day"] == day, "sheet"] = 2.0
    run, judgement = run_program(_program(tmp_path, data, MONTHS | {"cost_sheet": "sheet"}, "cn"), tmp_path / "runs")
    one = _finding(judgement, rule)
    assert run.errors == ()
    assert one.measurement.n == 12, "the days of August alone"
    assert one.verdict == {"clear": "clear", "harm": "breach" if measure == UNDISCLOSED else "concern"}[verdict]


def test_a_book_that_only_discloses_too_much_harms_nobody(tmp_path):
    data = pd.DataFrame({"told": [12.0, 12.5, 30.0], "day": pd.Timestamp("2026-08-04"), **MONTH})
    _, judgement = run_program(_program(tmp_path, data, MONTHS | {"disclosed_apr": "told"}, "us"), tmp_path / "runs")
    one = _finding(judgement, "us.regz.apr.regular")
    assert (one.verdict, one.measurement.estimate) == ("clear", 0.0)
    assert one.measurement.details["lowest_gap"] == pytest.approx(-0.18)
    higher, _ = found(tmp_path / "b", book(rows=400))
    assert {higher[measure, None].estimate < 0 for measure in (REGULAR,)} == {True}
    assert higher[SHEET, None].estimate == higher[UNDISCLOSED, None].estimate == 0.0


@pytest.mark.parametrize("unit", ["percent", "fraction", "basis_points"])
def test_the_highest_gap_is_that_of_another_engine(tmp_path, unit):
    data = book(rows=1500)
    rng = np.random.default_rng(5)
    data["told"] += rng.uniform(-0.6, 0.4, len(data)).round(3)
    own = rates(data["lent"] - data["fee"], data["due"], data["months"])
    every = rates(data["lent"] - data["fee"] - data["cover"], data["due"], data["months"])
    told = data["told"] / 100
    data["told"] *= {"percent": 1, "fraction": 0.01, "basis_points": 100}[unit]
    here, _ = found(tmp_path, data, loan={"apr_unit": unit})
    effective, effective_all = (1 + own / 12) ** 12 - 1, (1 + every / 12) ** 12 - 1
    for measure, rate, further in ((REGULAR, own, every), (APRC, effective, effective_all), (IRR, every, None)):
        figure = here[measure, None]
        assert figure.estimate == pytest.approx((rate - told).max(), abs=1e-9)
        assert figure.details["lowest_gap"] == pytest.approx((rate - told).min(), abs=1e-9)
        assert (figure.n, figure.counts["in_doubt"], figure.counts["without_figure"]) == (1500, 0, 0)
        if further is not None:
            assert figure.details["highest_gap_of_all_charges"] == pytest.approx((further - told).max(), abs=1e-9)
            assert "insurance and other charges are left out of the rate" in figure.unseen[0]
    assert here[IRREGULAR, None].estimate is None
    assert here[IRREGULAR, None].counts["in_scope"] == 0
    alone, _ = found(tmp_path / "b", data, loan={"apr_unit": unit, "insurance": None})
    assert alone[REGULAR, None].unseen == ()
    assert alone[REGULAR, None].estimate == here[REGULAR, None].estimate
    assert alone[IRR, None].estimate == alone[REGULAR, None].estimate


@pytest.mark.parametrize("dated", [False, True])
@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_a_rate_in_another_unit_is_asked_about_and_is_no_gap(tmp_path, factor, dated):
    data = pd.DataFrame({"lent": 1000.0, "told": [12.0] * 11 + [12 * factor], "day": pd.Timestamp("2026-08-04")})
    roles = {"amount": "lent", "disclosed_apr": "told"} | ({} if dated else MONTHS)
    if not dated:
        data = data.assign(due=1010.0, length=1)
    measure = IRREGULAR if dated else REGULAR
    figures, _ = measure_program(_program(tmp_path, data, roles, "us"), HiddenCharges(), tmp_path / "out")
    one = next(figure for figure in figures if figure.measure == measure)
    assert one.estimate == pytest.approx(0.0, abs=1e-9)
    assert (one.counts["in_doubt"], one.counts["with_figure"], one.counts["without_figure"]) == (1, 11, 1)
    assert any("ask in which unit it is stated" in told and "'percent'" in told for told in one.unseen)
    data["told"] = 12 * factor
    figures, _ = measure_program(_program(tmp_path / "b", data, roles, "us"), HiddenCharges(), tmp_path / "b/out")
    one = next(figure for figure in figures if figure.measure == measure)
    assert one.estimate is None
    assert str(one.reason).startswith("12 of 12 loans disclose a rate that fits their payments only when it is read")


@pytest.mark.parametrize("told", [0.12, 1200.0])
def test_a_book_in_another_unit_makes_no_breach(tmp_path, told):
    rows = pd.DataFrame({"told": [12.0] * 298 + [told] * 2, "day": pd.Timestamp("2026-08-04"), **MONTH})
    roles = MONTHS | {"disclosed_apr": "told"}
    _, judgement = run_program(_program(tmp_path, rows, roles, "us"), tmp_path / "runs")
    assert _finding(judgement, "us.regz.apr.regular").verdict == "inconclusive"
    rows["told"] = told
    _, judgement = run_program(_program(tmp_path / "b", rows, roles, "us"), tmp_path / "b/runs")
    assert {one.verdict for one in judgement.findings} <= {"unfit", "inconclusive", "not_identified"}


@pytest.mark.parametrize("told", [0.0, 2.4, 3.0])
def test_a_rate_far_too_low_in_its_own_unit_is_a_gap(tmp_path, told):
    data = pd.DataFrame({"told": [told], "day": pd.Timestamp("2026-08-04"), **MONTH, "due": 1040.0})
    figures, _ = measure_program(
        _program(tmp_path, data, MONTHS | {"disclosed_apr": "told"}, "us"), HiddenCharges(), tmp_path / "out"
    )
    one = next(figure for figure in figures if figure.measure == REGULAR)
    assert one.estimate == pytest.approx(0.48 - told / 100)


def test_loans_without_a_rate_or_a_cost_are_open_and_told(tmp_path):
    data = book(rows=60)
    data.loc[0, "told"], data.loc[1, "told"] = np.nan, -1.0
    data.loc[2, "fee"], data.loc[3, "sheet"], data.loc[4, "sheet"] = data.loc[2, "lent"] + 5, np.nan, -3.0
    here, _ = found(tmp_path, data)
    for measure, without in ((REGULAR, 3), (APRC, 3), (IRR, 3), (SHEET, 3)):
        figure = here[measure, None]
        assert (figure.n, figure.counts["without_figure"]) == (60 - without, without)
        assert "1 loans have no rate: fees not below the amount" in [str(told) for told in figure.unseen]
    case = here[UNDISCLOSED, None]
    assert (case.estimate, case.n, case.counts["unknown"], case.counts["loans"]) == (0.0, 57, 3, 60)
    assert "it is not known whether they are cases" in case.unseen[0]
    gap = here[FEES, "young"]
    lost = gap.counts["group_without_fees"] + gap.counts["reference_without_fees"]
    assert lost == 1, "fees above the amount are no share of it"


def test_without_any_rate_there_is_a_reason_and_no_figure(tmp_path):
    data = book(rows=40)
    data["told"], data["sheet"], data["facts"] = np.nan, np.nan, None
    here, _ = found(tmp_path, data)
    for measure in (REGULAR, APRC, IRR, SHEET, UNDISCLOSED, STATEMENT):
        assert here[measure, None].estimate is None
        assert here[measure, None].reason
        assert here[measure, None].n == 0


def test_nobody_lends_for_free_without_a_word(tmp_path):
    """A contract without roles is told which; without groups no group is compared."""
    data = book(rows=40)[["no", "lent"]]
    file = write_program(tmp_path, data, contract={"unit": "no", "loan": {"amount": "lent"}},
                         audits={"primary": [QUESTION]}, policies=["conventions"])  # fmt: skip
    figures, missing = measure_program(file, HiddenCharges(), tmp_path / "out")
    assert figures == []
    told = {note.question.split(": ")[1]: str(note.reason) for note in missing}
    assert set(told) == set(HiddenCharges.measures) - {CHARGES}, "what is told of the cases holds for their money"
    assert told[REGULAR] == "the contract does not name: loan.disclosed_apr, loan.instalment, loan.term_months"
    _, missing = found(tmp_path / "b", book(rows=40), without=("groups",))
    told = {note.question.split(": ")[1]: str(note.reason) for note in missing}
    assert told == dict.fromkeys((PACKING, FEES), "the contract declares no groups")


def test_what_rounding_can_make_is_no_charge(tmp_path):
    """Thirty-six instalments in cents may come to 17.5 cents more; a cent more is a charge, and so it is with a last
    payment that is known."""
    lent, due = np.full(4, 1000.0), np.full(4, 33.0)
    data = pd.DataFrame({"no": range(4), "lent": lent, "due": due, "months": 36, "last": [np.nan, np.nan, 33.0, 33.0]})
    data["sheet"] = 188.0 - np.array([0.18, 0.19, 0.01, 0.02])
    roles = {"amount": "lent", "instalment": "due", "term_months": "months", "cost_sheet": "sheet",
             "final_payment": "last"}  # fmt: skip
    contract = {"unit": "no", "loan": roles, "columns": {"last": {"null_tolerance": 1}}}
    file = write_program(tmp_path, data, contract=contract, audits={"primary": [QUESTION]}, policies=["conventions"])
    figures, _ = measure_program(file, HiddenCharges(), tmp_path / "out")
    here = {figure.measure: figure for figure in figures}
    assert (here[UNDISCLOSED].estimate, here[UNDISCLOSED].counts["loans"]) == (2.0, 4)
    assert here[UNDISCLOSED].details["largest_charge_left_out"] == pytest.approx(0.19)
    assert here[SHEET].estimate > 0


def test_every_charge_that_the_sheet_leaves_out_is_a_case(tmp_path):
    """Fees, insurance, other charges and a fee of establishment, each by itself, and none where the sheet has it."""
    plain = {"lent": 1000.0, "due": 90.0, "months": 12, "fee": 0.0, "cover": 0.0, "more": 0.0, "sheet": 80.0}
    for roles, column in (
        ({"fees": "fee"}, "fee"), ({"insurance": "cover"}, "cover"), ({"ancillary": "more"}, "more"),
        ({"establishment_fee": "fee"}, "fee"),
    ):  # fmt: skip
        rows = [plain, plain | {column: 25.0}, plain | {column: 25.0, "sheet": 105.0}]
        data = pd.DataFrame(rows).assign(no=range(3))
        loan = {"amount": "lent", "instalment": "due", "term_months": "months", "cost_sheet": "sheet", **roles}
        folder = tmp_path / next(iter(roles))
        file = write_program(folder, data, contract={"unit": "no", "loan": loan}, audits={"primary": [QUESTION]},
                             policies=["conventions"])  # fmt: skip
        figures, _ = measure_program(file, HiddenCharges(), folder / "out")
        case = next(figure for figure in figures if figure.measure == UNDISCLOSED)
        assert (case.estimate, case.counts["known"]) == (1.0, 3)
        assert case.details["largest_charge_left_out"] == 25.0
        assert case.details["share"] == pytest.approx(1 / 3)


def test_a_fee_of_establishment_that_nobody_noted_is_not_known_to_be_on_the_sheet(tmp_path):
    plain = {"lent": 1000.0, "due": 90.0, "months": 12, "fee": 0.0, "sheet": 80.0}
    data = pd.DataFrame([plain, plain | {"fee": np.nan}]).assign(no=range(2))
    loan = {"amount": "lent", "instalment": "due", "term_months": "months", "cost_sheet": "sheet",
            "establishment_fee": "fee"}  # fmt: skip
    file = write_program(tmp_path, data, contract={"unit": "no", "loan": loan}, audits={"primary": [QUESTION]},
                         policies=["conventions"])  # fmt: skip
    figures, _ = measure_program(file, HiddenCharges(), tmp_path / "out")
    case = next(figure for figure in figures if figure.measure == UNDISCLOSED)
    assert (case.estimate, case.counts["known"], case.counts["unknown"]) == (0.0, 1, 1)
    assert case.unseen


def test_the_cost_of_a_sheet_is_a_year_over_what_is_owed(tmp_path):
    """Against pandas: the interest of each month is the rate times the principal owed, so that the sums agree."""
    data = book(rows=300)
    data["sheet"] = (0.8 * data["sheet"]).round(2)
    here, _ = found(tmp_path, data)
    rate, gaps = rates(data["lent"], data["due"], data["months"]) / 12, []
    for one, monthly in zip(data.itertuples(), rate, strict=True):
        owed, months_owed = one.lent, 0.0
        for _ in range(one.months):
            months_owed += owed
            owed += owed * monthly - one.due
        total = one.due * one.months - one.lent + one.fee + one.cover
        gaps.append((total - one.sheet) * 12 / months_owed)
    assert here[SHEET, None].estimate == pytest.approx(max(gaps), rel=1e-7)


def test_a_flag_that_is_neither_yes_nor_no_refuses_the_count(tmp_path):
    data = book(rows=50)
    data.loc[:2, "facts"] = ["no", None, "no"]
    here, missing = found(tmp_path, data)
    figure = here[STATEMENT, None]
    assert (figure.estimate, figure.counts["cases"], figure.counts["unknown"], figure.n) == (2.0, 2, 1, 49)
    assert "1 of 50 loans it is not known whether they are cases" in figure.unseen[0]
    data.loc[3, "facts"] = "sent"
    here, missing = found(tmp_path / "b", data)
    assert here[STATEMENT, None].estimate is None
    assert str(here[STATEMENT, None].reason) == "'facts' holds 'sent', which is neither yes nor no"
    assert [note.question for note in missing] == [f"{QUESTION}: {STATEMENT}"]


def test_applications_that_were_declined_are_no_loans(tmp_path):
    data = book(rows=400)
    data["granted"] = np.where(data["no"] % 4 == 0, "no", "yes")
    declined = data["granted"] == "no"
    data.loc[declined, ["told", "sheet"]] = 1.0, 0.0
    data.loc[declined, "facts"] = "no"
    decision = {"decision": {"column": "granted", "favourable": "yes", "unfavourable": ["no"]}}
    here, _ = found(tmp_path, data, **decision)
    alone, _ = found(tmp_path / "b", data[~declined].drop(columns="granted"))
    for measure in (REGULAR, APRC, IRR, SHEET, UNDISCLOSED, STATEMENT):
        assert (here[measure, None].estimate, here[measure, None].n) == (alone[measure, None].estimate, 300)
    for measure in (PACKING, FEES):
        one, other = here[measure, "young"], alone[measure, "young"]
        assert (one.estimate, one.low, one.n) == pytest.approx((other.estimate, other.low, other.n), rel=1e-9)
    assert here[FEES, "young"].counts["group_without_fees"] == 0


def test_shares_with_insurance_within_strata_are_those_of_pandas(tmp_path):
    data = book(packed=0.15)
    here, _ = found(tmp_path, data, without=("entity",))
    top = bottom = 0.0
    for _, rows in data.assign(event=data["cover"] > 0).groupby("shop"):
        own = rows["age"] == "young"
        x1, n1, x0, n0 = rows["event"][own].sum(), own.sum(), rows["event"][~own].sum(), (~own).sum()
        top, bottom = top + x1 * n0 / len(rows), bottom + x0 * n1 / len(rows)
    figure = here[PACKING, "young"]
    assert figure.estimate == pytest.approx(top / bottom, rel=1e-12)
    assert 1 < figure.low < figure.estimate < figure.high
    plain, _ = found(tmp_path / "b", data, without=("entity", "strata"))
    shares = (data["cover"] > 0).groupby(data["age"]).mean()
    assert plain[PACKING, "young"].estimate == pytest.approx(shares["young"] / shares["older"], rel=1e-12)
    assert plain[PACKING, "young"].details["reference_share"] == pytest.approx(shares["older"])
    even, _ = found(tmp_path / "c", book())
    assert even[PACKING, "young"].low < 1 < even[PACKING, "young"].high


@pytest.mark.parametrize("people", [None, 700])
def test_the_gap_of_fees_is_that_of_a_regression(tmp_path, people):
    import statsmodels.formula.api as smf

    data = book(people=people, dearer=0.01)
    without = () if people else ("entity",)
    here, _ = found(tmp_path, data, without=without)
    rows = data.assign(share=(data["fee"] / data["lent"]).round(10), young=(data["age"] == "young").astype(int))
    errors = {"cov_type": "cluster", "cov_kwds": {"groups": rows["person"]}} if people else {"cov_type": "HC1"}
    fit = smf.ols("share ~ young + C(shop)", rows).fit(**errors)
    figure = here[FEES, "young"]
    assert figure.estimate == pytest.approx(fit.params["young"], rel=1e-7)
    assert figure.standard_error == pytest.approx(fit.bse["young"], rel=1e-5)
    assert 0 < figure.low < 0.01 < figure.high
    means = rows.groupby("age")["share"].mean()
    assert figure.details == pytest.approx({"group_fee_share": means["young"], "reference_fee_share": means["older"]})
    if people:
        assert figure.counts["group_entities"] == data[data["age"] == "young"]["person"].nunique()
    plain, _ = found(tmp_path / "b", data, without=("entity", "strata"))
    assert plain[FEES, "young"].estimate == pytest.approx(means["young"] - means["older"], rel=1e-9)


def test_groups_too_small_alike_or_unknown_have_no_error_to_rely_on(tmp_path):
    data = book(rows=400)
    few = data[(data["age"] == "older") | (data["no"] < 12)]
    many = (few["age"] == "young").sum()
    assert 0 < many < 10
    here, _ = found(tmp_path / "a", few, without=("entity",))
    assert str(here[FEES, "young"].reason) == (
        f"'young' has only {many} loans whose fees are known, and an error to rely on needs 10"
    )
    flat = data.assign(fee=0.0)
    here, _ = found(tmp_path / "b", flat, without=("entity", "strata"))
    assert "no error can be told" in str(here[FEES, "young"].reason)
    people = data.assign(person=data["no"] % 15)
    here, _ = found(tmp_path / "c", people)
    assert "only 15 entities" in str(here[FEES, "young"].reason)
    apart = data.assign(shop=data["age"])
    here, _ = found(tmp_path / "d", apart, without=("entity",))
    assert "strata tell this group apart" in str(here[FEES, "young"].reason)
    none = data.assign(fee=data["fee"].where(data["age"] == "older"))
    here, _ = found(tmp_path / "e", none)
    assert "no loan of one of the two groups has known fees" in str(here[FEES, "young"].reason)
    tail = data.assign(fee=np.where(data["no"] == data[data["age"] == "young"]["no"].iloc[0], 0.9 * data["lent"], 0.01))
    here, _ = found(tmp_path / "f", tail, without=("entity",))
    assert any("heavy tails" in told for told in here[FEES, "young"].cautions)
    lost = data.assign(
        fee=data["fee"].where(data["no"] % 5 > 0), cover=data["cover"].where(data["no"] % 5 > 0),
        age=data["age"].where(data["no"] % 7 > 0),
    )  # fmt: skip
    here, _ = found(tmp_path / "g", lost, without=("entity",))
    told = [str(one) for one in here[FEES, "young"].unseen]
    assert any("have no known fees below their amount" in one for one in told)
    assert any("have no known group" in one for one in told)
    assert len(here[PACKING, "young"].unseen) == 2


@pytest.mark.parametrize("without", [(), ("entity", "strata")])
def test_postgres_gives_the_same_figures(postgres_url, tmp_path, without):
    data = book(rows=900, people=300, packed=0.1)
    data.loc[:4, ["told", "fee", "cover"]] = np.nan
    data.loc[5:8, "told"] /= 100
    data.loc[9, "fee"], data.loc[10:12, "facts"], data.loc[13:20, "sheet"] = 1e6, "no", 1.0
    here = measure_program(written(tmp_path / "a", data, without=without), HiddenCharges(), tmp_path / "a/out")
    file = in_postgres(tmp_path / "b", data, postgres_url, "sheets", without=without)
    assert "connection" in file.read_text()
    assert measure_program(file, HiddenCharges(), tmp_path / "b/out") == here
    counts = {figure.measure: figure.counts for figure in here[0]}
    assert (counts[REGULAR]["in_doubt"], counts[UNDISCLOSED]["cases"], counts[STATEMENT]["cases"]) == (4, 8, 3)
