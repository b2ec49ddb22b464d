"""Over-crediting against pandas on rows, just at each threshold, with bad incomes, in both engines, over many draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.comparisons.debt_service import TEMPLATES
from audits.predatory_lending.over_crediting import OverCrediting
from checks.inputs.loan_affordability import FAULTS
from checks.problem import InputError
from tests.credit_books import LOAN, credit_book, written
from tests.programs import run_program
from tests.questions import measure_program

QUESTION = OverCrediting()


def measured(folder, data, question=QUESTION, **changes):
    figures, missing = measure_program(written(folder, data, **changes), question, folder / "out")
    return {(one.measure, one.group): one for one in figures}, missing


def shares(data):
    """The share of income that goes to debt, by hand."""
    return (data["monthly"] + data["owes"]) / (data["earned"] / 12)


def counts_of(figure, *names):
    return tuple(figure.counts[name] for name in names)


def test_every_count_is_that_of_pandas(tmp_path):
    data = credit_book(stretched=0.1, beyond=0.1, people=2500)
    found, missing = measured(tmp_path, data)
    share = shares(data)
    assert found["highest_debt_service_share", None].estimate == pytest.approx(share.max(), abs=1e-9)
    for measure, cases in {
        "student_loan_cases": data["studies"], "unassessed_credit_cases": ~data["assessed"],
        "unverified_income_cases": ~data["checked"], "beyond_policy_cases": data["sum_lent"] > data["allowed"],
    }.items():  # fmt: skip
        figure = found[measure, None]
        assert (figure.estimate, *counts_of(figure, "cases", "loans", "unknown")) == (cases.sum(), cases.sum(), 4000, 0)
        assert figure.low == figure.high == figure.estimate
    covered = data[data["covered"].notna()]
    guarantee = found["highest_loss_guarantee_share", None]
    assert guarantee.estimate == pytest.approx(covered["covered"].sum() / covered["sum_lent"].sum())
    assert counts_of(guarantee, "loans", "covered") == (4000, len(covered))
    for label, rows in (None, data), *data.groupby("age_group"):
        figure, over = found["overstretched_share", label], share[rows.index] > 0.4
        assert counts_of(figure, "cases", "loans") == (over.sum(), len(rows))
        assert figure.estimate == over.mean()
        assert figure.low < figure.estimate < figure.high
    assert {note.question for note in missing} == set()


def test_ratios_within_strata_are_those_of_mantel_and_haenszel(tmp_path):
    data = credit_book(stretched=0.1, beyond=0.1)
    found, _ = measured(tmp_path, data, without=("entity",))
    events = {"overstretched_ratio": shares(data) > 0.4, "beyond_policy_ratio": data["sum_lent"] > data["allowed"]}
    for measure, event in events.items():
        top = bottom = 0.0
        for _, rows in data.assign(event=event).groupby("shop"):
            own = rows["age_group"] == "young"
            x1, n1, x0, n0 = rows["event"][own].sum(), own.sum(), rows["event"][~own].sum(), (~own).sum()
            top, bottom = top + x1 * n0 / len(rows), bottom + x0 * n1 / len(rows)
        figure = found[measure, "young"]
        assert figure.estimate == pytest.approx(top / bottom, rel=1e-12)
        assert figure.low < figure.estimate < figure.high
        assert figure.p_value < 1e-4
        assert figure.equality == 1.0
        assert figure.reference == "older"
    unstratified, _ = measured(tmp_path / "raw", data, without=("entity", "strata"))
    event, own = events["overstretched_ratio"], data["age_group"] == "young"
    assert unstratified["overstretched_ratio", "young"].estimate == event[own].mean() / event[~own].mean()


def test_quarters_are_those_of_the_day_of_the_loan(tmp_path):
    data = credit_book(rows=2000)
    found, _ = measured(tmp_path, data, without=("entity",))
    by_hand = (shares(data) > 0.4).groupby(data["granted_on"].dt.quarter).agg(["mean", "size"])
    points = found["overstretched_share", None].points
    assert [(p.x, p.rate, p.n) for p in points] == [
        (2025 + (quarter - 1) / 4, row["mean"], row["size"]) for quarter, row in by_hand.iterrows()
    ]
    assert all(p.low < p.rate < p.high for p in points)


@pytest.mark.parametrize("threshold", [0.4, 0.5, 0.37123])
@pytest.mark.parametrize(("off", "over"), [(-1e-6, 0), (0.0, 0), (1e-6, 1)])
def test_a_share_just_below_at_or_above_the_threshold(tmp_path, threshold, off, over):
    data = credit_book(rows=200).assign(earned=120_000.0, owes=100.0, monthly=50.0)
    data.loc[7, "monthly"] = (threshold + off) * 10_000.0 - 100.0
    found, _ = measured(tmp_path, data, OverCrediting(threshold=threshold), without=("entity",))
    figure = found["overstretched_share", None]
    assert counts_of(figure, "cases", "loans") == (over, 200)
    assert figure.details["threshold"] == threshold


@pytest.mark.parametrize(("amount", "cases"), [(999.99, 0), (1000.0, 0), (1000.01, 1)])
@pytest.mark.parametrize("limit_too", [True, False])
def test_an_amount_or_a_limit_just_below_at_or_above_the_policy(tmp_path, amount, cases, limit_too):
    data = credit_book(rows=50).assign(sum_lent=500.0, allowed=1000.0, line=600.0)
    data.loc[3, "line" if limit_too else "sum_lent"] = amount
    found, _ = measured(tmp_path, data, loan={"credit_limit": "line"} if limit_too else {})
    assert found["beyond_policy_cases", None].estimate == cases


@pytest.mark.parametrize(("share", "verdict"), [(0.4, "clear"), (0.4001, "concern"), (0.5001, "concern")])
def test_the_highest_share_is_judged_by_its_rules(tmp_path, share, verdict):
    data = credit_book(rows=60).assign(earned=120_000.0, owes=0.0, monthly=100.0)
    data.loc[7, "monthly"] = share * 10_000.0
    _, judgement = run_program(written(tmp_path, data), tmp_path / "out")
    verdicts = {one.rule.id: one.verdict for one in judgement.findings}
    assert verdicts["conv.dsti.40"] == verdict
    assert verdicts["conv.dsti.50"] == ("concern" if share > 0.5 else "clear")


def bad_incomes():
    """One loan for each fault, and one borrower without any income who pays."""
    data = credit_book(rows=300).assign(months=12.0, earned=60_000.0, owes=500.0, monthly=500.0)
    changes = {
        "no income": {"earned": np.nan}, "income below zero": {"earned": -5.0}, "income beyond any": {"earned": 1e17},
        "no instalment": {"monthly": np.nan}, "instalment below zero": {"monthly": -1.0},
        "no debt service": {"owes": np.nan}, "debt service below zero": {"owes": -1.0},
        "payments beyond any": {"owes": 1e16}, "no income and nothing to pay": {"earned": 0, "owes": 0, "monthly": 0},
        "payments a hundred times the income": {"earned": 12.0}, "penniless": {"earned": 0.0},
        "infinite": {"earned": np.inf},
    }  # fmt: skip
    for i, change in enumerate(changes.values()):
        data.loc[i, list(change)] = list(change.values())
    return data, changes


def test_rows_without_a_share_are_counted_by_name_and_none_is_dropped(tmp_path):
    data, changes = bad_incomes()
    found, _ = measured(tmp_path, data, without=("entity",))
    figure = found["highest_debt_service_share", None]
    by_name = {name.replace(" ", "_") for name in changes} & set(figure.counts)
    assert by_name == {name.replace(" ", "_") for name in FAULTS} - {"no_term_of_a_single_payment"}
    faulty = {name: figure.counts[name] for name in by_name}
    assert faulty == {name: 2 if name == "no_income" else 1 for name in by_name}  # an infinite income is none
    assert counts_of(figure, "with_figure", "without_figure") == (289, 11)
    assert figure.estimate == 100.0  # who pays out of nothing is beyond any limit
    assert figure.details["highest_of_earners"] == pytest.approx(0.2)
    assert figure.counts["no_income_loans"] == 1
    assert any("have no share of income" in text for text in figure.unseen)
    everyone = found["overstretched_share", None]
    assert counts_of(everyone, "cases", "loans") == (1, 289)
    assert set(map(str, TEMPLATES)) == set(FAULTS)


def test_who_pays_out_of_nothing_is_overstretched_whatever_the_threshold(tmp_path):
    data, _ = bad_incomes()
    found, _ = measured(tmp_path, data, OverCrediting(threshold=9.9), without=("entity",))
    assert found["overstretched_share", None].counts["cases"] == 1


def test_many_incomes_of_nothing_are_asked_about(tmp_path):
    data = credit_book(rows=300)
    data.loc[:20, "earned"] = 0.0
    found, _ = measured(tmp_path, data)
    for measure in ("highest_debt_service_share", "overstretched_share"):
        assert any("income of 0" in text for text in found[measure, None].cautions)
    assert not any("income_period" in text for text in found["overstretched_share", None].cautions)


@pytest.mark.parametrize(
    ("period", "factor", "asked"), [("year", 12.0, None), ("month", 1.0, None), ("year", 1.0, "cautions"),
                                    ("month", 60.0, "unseen")],
)  # fmt: skip
def test_months_taken_for_years_are_asked_about(tmp_path, period, factor, asked):
    data = credit_book(rows=300)
    data["earned"] = data["earned"] / 12 * factor
    if factor == 1.0 and period == "year":
        data[["owes", "monthly"]] *= 1.5  # the median borrower of this book pays a fifth of his income
    found, _ = measured(tmp_path, data, loan={"income_period": period})
    for key, figure in found.items():
        if key[0] in ("highest_debt_service_share", "overstretched_share", "overstretched_ratio"):
            texts = {"cautions": figure.cautions, "unseen": figure.unseen}
            told = [name for name, words in texts.items() if any("income_period" in text for text in words)]
            assert told == ([asked] if asked and figure.estimate is not None else []), key


def test_income_as_text_is_refused_with_what_to_do(tmp_path):
    data = credit_book(rows=50)
    data["earned"] = data["earned"].astype(str)
    with pytest.raises(InputError, match="CAST"):
        measured(tmp_path, data)


@pytest.mark.parametrize("wrong", [40, 10, -0.1])
def test_a_threshold_in_percent_is_refused(tmp_path, wrong):
    file = written(tmp_path, credit_book(rows=50), question={"predatory_lending.over_crediting": {"threshold": wrong}})
    with pytest.raises(InputError, match="threshold"):
        run_program(file, tmp_path / "out")


def test_without_other_debts_the_shares_are_never_clear(tmp_path):
    found, _ = measured(tmp_path, credit_book(rows=300), loan={"debt_service": None})
    figure = found["highest_debt_service_share", None]
    data = credit_book(rows=300)
    assert figure.estimate == pytest.approx((data["monthly"] / (data["earned"] / 12)).max(), abs=1e-9)
    assert any("loan.debt_service" in text for text in figure.unseen)


@pytest.mark.parametrize(
    ("loan", "columns", "a_month"),
    [({"period": "week"}, {}, 52 / 12),
     ({"period": "week", "term_months": None, "instalments": "months"}, {"months": 2}, 2),
     ({"term_months": None, "term_days": "months"}, {"months": 14}, 1.0),
     ({"term_months": None, "term_days": "months"}, {"months": 73}, 365 / 12 / 73)],
)  # fmt: skip
def test_instalments_of_a_month_by_period_and_term(tmp_path, loan, columns, a_month):
    data = credit_book(rows=40).assign(earned=12_000.0, owes=0.0, monthly=90.0, **columns)
    found, _ = measured(tmp_path, data, loan=loan)
    assert found["highest_debt_service_share", None].estimate == pytest.approx(0.09 * a_month, abs=1e-9)


def decided(data):
    """The same loans with a decision each: the last hundred declined, ten withdrawn, ten undecided."""
    said = np.full(len(data), "yes", dtype=object)
    said[-120:-20], said[-20:-10], said[-10:] = "no", "withdrawn", None
    return data.assign(said=said)


DECISION = {"column": "said", "favourable": "yes", "unfavourable": "no", "excluded": ["withdrawn"]}


def test_only_loans_that_were_granted_count(tmp_path):
    data = decided(credit_book(rows=1000))
    found, _ = measured(tmp_path, data, decision=DECISION)
    granted = data[data["said"] == "yes"]
    over = shares(granted) > 0.4
    assert counts_of(found["overstretched_share", None], "cases", "loans") == (over.sum(), 880)
    cases = found["unassessed_credit_cases", None]
    assert counts_of(cases, "cases", "loans", "not_granted", "unknown") == ((~granted["assessed"]).sum(), 880, 110, 10)
    assert cases.unseen  # ten may be loans, and cases
    highest = found["highest_debt_service_share", None]
    assert highest.estimate == pytest.approx(shares(granted).max(), abs=1e-9)
    assert highest.counts["in_scope"] == 880
    assert found["highest_borrower_credit", None].counts["in_scope"] == 880


def most_at_once(data, amount="sum_lent"):
    """The most that any borrower was granted and had open on one day, by walking through the days."""
    most = 0.0
    for _, own in data.groupby("person"):
        for day in own["granted_on"]:
            late = (own["closed_on"] > own["granted_on"]) | own["closed_on"].isna()
            closed = own["closed_on"].where(late, own["granted_on"] + pd.Timedelta("1D"))
            is_open = (own["granted_on"] <= day) & ~(closed <= day)
            most = max(most, own.loc[is_open, amount].sum())
    return most


def test_the_credit_of_a_borrower_is_the_most_that_was_open_at_once(tmp_path):
    data = credit_book(rows=600, people=80)
    data.loc[::7, "closed_on"] = pd.NaT
    data.loc[::11, "closed_on"] = data.loc[::11, "granted_on"]  # repaid on its own day
    found, _ = measured(tmp_path, data)
    figure = found["highest_borrower_credit", None]
    assert figure.estimate == most_at_once(data)
    assert figure.unit == "CNY"
    assert any("within these data" in text for text in figure.unseen)
    assert not figure.cautions
    stays, _ = measured(tmp_path / "stays", data, loan={"repaid_at": None})
    assert stays["highest_borrower_credit", None].estimate == data.groupby("person")["sum_lent"].sum().max()
    assert stays["highest_borrower_credit", None].cautions
    told, _ = measured(tmp_path / "told", data.assign(line=data["sum_lent"] * 3), loan={"borrower_credit": "line"})
    assert told["highest_borrower_credit", None].estimate == 3 * data["sum_lent"].max()
    assert not told["highest_borrower_credit", None].unseen


def test_the_limit_on_a_borrowers_credit_counts_the_loans_beyond_it(tmp_path):
    data = credit_book(rows=4).assign(person=[1, 1, 2, 3], sum_lent=[150_000.0, 50_000.0, 200_000.01, 10.0])
    data["granted_on"], data["closed_on"] = pd.Timestamp("2025-03-01"), pd.NaT
    file = written(tmp_path, data)
    scope = "- cn\nscope:\n  jurisdictions: [CN]\n  products: [internet_consumer_loan]"
    file.write_text(file.read_text().replace("- conventions", scope))
    run, _ = run_program(file, tmp_path / "out")
    figure = next(one for one in run.measurements if one.measure == "highest_borrower_credit")
    assert figure.beyond == ((200_000.0, 1),)  # just at the limit lies within it
    assert figure.estimate == 200_000.01


def test_guarantees_are_bounded_by_product(tmp_path):
    data = credit_book(rows=100).assign(line=["card", "cash"] * 50, sum_lent=1000.0, covered=[30.0, 60.0] * 50)
    data.loc[:9, "covered"] = np.nan
    found, _ = measured(tmp_path, data, terms={"product": "line"})
    figure = found["highest_loss_guarantee_share", None]
    assert figure.estimate == pytest.approx(0.06)
    assert counts_of(figure, "loans", "covered", "portfolios") == (100, 90, 2)
    assert "cash" in figure.method
    share, _ = measured(tmp_path / "share", data.assign(covered=0.05), terms={"product": "line"})
    assert any("holds money" in text for text in share["highest_loss_guarantee_share", None].unseen)
    none, _ = measured(tmp_path / "none", data.assign(covered=np.nan))
    assert none["highest_loss_guarantee_share", None].reason is not None


def test_flags_that_nobody_knows_keep_the_count_from_being_clear(tmp_path):
    data = credit_book(rows=100)
    data["studies"] = data["studies"].astype(object)
    data["studies"] = [None] * 5 + ["no"] * 95
    found, _ = measured(tmp_path, data)
    figure = found["student_loan_cases", None]
    assert (figure.estimate, figure.n, *counts_of(figure, "unknown", "loans")) == (0.0, 95, 5, 100)
    assert figure.unseen
    assert 0 < figure.details["upper_share_of_none"] < 0.04
    none, _ = measured(tmp_path / "none", data.assign(studies=pd.Series([None] * 100, dtype="string")))
    assert none["student_loan_cases", None].reason is not None


def test_what_cannot_be_had_is_said_by_name(tmp_path):
    nothing = dict.fromkeys(set(LOAN) - {"amount", "currency"})
    found, missing = measured(tmp_path, credit_book(rows=50), loan=nothing, without=("entity", "groups"))
    assert not found
    named = {note.question.removeprefix("predatory_lending.over_crediting: ") for note in missing}
    assert named == set(OverCrediting.measures)
    assert all(note.reason and note.needed for note in missing)


def test_tiny_groups_have_a_reason_or_a_wide_interval(tmp_path):
    data = credit_book(rows=300)
    data["age_group"] = np.where(data.index < 3, "young", "older")
    strata, _ = measured(tmp_path, data, without=("entity",))
    assert strata["overstretched_ratio", "young"].reason is not None
    plain, _ = measured(tmp_path / "plain", data, without=("entity", "strata"))
    figure = plain["overstretched_ratio", "young"]
    assert figure.high is None or figure.high / max(figure.low, 1e-9) > 5
    share = plain["overstretched_share", "young"]
    assert share.high - share.low > 0.3
    alone, _ = measured(tmp_path / "alone", data.assign(age_group="young"))
    assert not [key for key in alone if key[0] == "overstretched_ratio" and alone[key].estimate is not None]


def test_unknown_groups_are_told(tmp_path):
    data = credit_book(rows=600)
    data.loc[::8, "age_group"] = None
    found, _ = measured(tmp_path, data)
    figure = found["overstretched_ratio", "young"]
    assert any("age is not known" in text for text in figure.cautions)
    assert any("age is not known" in text for text in figure.unseen)


TYPES = {
    "loan": "bigint", "person": "bigint", "age_group": "text", "shop": "text", "sum_lent": "float8", "months": "bigint",
    "earned": "float8", "owes": "float8", "monthly": "float8", "allowed": "float8", "granted_on": "timestamp",
    "closed_on": "timestamp", "assessed": "boolean", "checked": "boolean", "studies": "boolean", "covered": "float8",
    "price": "float8", "said": "text",
}  # fmt: skip


def in_postgres(folder, data, url, table, **changes):
    """The program of a book whose rows lie in a table of Postgres."""
    with psycopg.connect(url) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {TYPES[name]}' for name in data)})")
        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row(tuple(None if pd.isna(value) else value for value in row))
    file = written(folder, data, **changes)
    file.write_text(file.read_text().replace("table: loans.parquet", f"connection: {url}\n  table: {table}"))
    return file


@pytest.mark.parametrize("without", [(), ("entity", "strata")])
def test_postgres_gives_the_same_figures(postgres_url, tmp_path, without):
    data = bad_incomes()[0]
    data = decided(pd.concat([credit_book(rows=900, people=400), data.assign(loan=lambda d: d["loan"] + 900)]))
    data["months"] = data["months"].astype("int64")
    changes = {"decision": DECISION, "without": without}
    here = measure_program(written(tmp_path / "a", data, **changes), QUESTION, tmp_path / "a/out")
    file = in_postgres(tmp_path / "b", data, postgres_url, "credits", **changes)
    assert "connection" in file.read_text()
    assert measure_program(file, QUESTION, tmp_path / "b/out") == here


def clustered(rng, people, of_each):
    """Borrowers with alike loans, no gap between groups within shops, and more young in the shop with more strain."""
    shop = rng.random(people) < 0.5
    young = rng.random(people) < np.where(shop, 0.5, 0.2)
    mine = np.clip(rng.normal(np.where(shop, 0.35, 0.2), 0.12), 0.02, 0.98)
    who = np.repeat(np.arange(people), of_each)
    return shop[who], young[who], who, rng.random(people * of_each) < mine[who]


def test_the_ratio_within_strata_covers_and_errs_as_often_as_said():
    """Against equality, with five loans of each borrower whose chances are alike: .05 within chance, .036 to .066."""
    from audits.statistics.clustered_risk_ratio import clustered_risk_ratio

    rng, draws, missed, naive = np.random.default_rng(17), 2000, 0, 0
    for _ in range(draws):
        shop, young, who, event = clustered(rng, 150, 5)
        cell = np.where(young, 0, 2) + np.where(event, 0, 1) + 4 * shop
        table = np.zeros((150, 8))
        np.add.at(table, (who, cell), 1)
        sums = table.sum(axis=0).reshape(2, 4)
        counts = sums[:, 0], sums[:, :2].sum(axis=1), sums[:, 2], sums[:, 2:].sum(axis=1)
        smaller = min(young[::5].sum(), (~young[::5]).sum())
        found = clustered_risk_ratio(*counts, table.T @ table, smaller)
        low, high = found.interval(0.95)
        missed += not low <= 1 <= high
        low, high = clustered_risk_ratio(*counts, None, 0).interval(0.95)
        naive += not low <= 1 <= high
    assert 0.036 < missed / draws < 0.066
    assert naive / draws > 0.066  # rows taken as independent err more often than they say


def test_the_error_of_the_ratio_is_that_of_leaving_borrowers_out():
    """The delta method against the jackknife over borrowers, which knows nothing of gradients."""
    from audits.statistics.clustered_risk_ratio import clustered_risk_ratio
    from audits.statistics.mantel_haenszel import mantel_haenszel_risk_ratio

    shop, young, who, event = clustered(np.random.default_rng(3), 2000, 4)
    cell = np.where(young, 0, 2) + np.where(event, 0, 1) + 4 * shop
    table = np.zeros((2000, 8))
    np.add.at(table, (who, cell), 1)

    def estimate(sums):
        sums = sums.reshape(2, 4)
        return np.log(mantel_haenszel_risk_ratio(
            sums[:, 0], sums[:, :2].sum(axis=1), sums[:, 2], sums[:, 2:].sum(axis=1)).estimate)  # fmt: skip

    total = table.sum(axis=0)
    left = np.array([estimate(total - row) for row in table])
    jackknife = np.sqrt(((left - left.mean()) ** 2).sum() * (len(left) - 1) / len(left))
    sums = total.reshape(2, 4)
    counts = sums[:, 0], sums[:, :2].sum(axis=1), sums[:, 2], sums[:, 2:].sum(axis=1)
    assert clustered_risk_ratio(*counts, table.T @ table, 500).error == pytest.approx(jackknife, rel=0.03)


def test_a_rate_by_borrower_is_as_wide_as_its_clusters_demand(tmp_path):
    """Every loan five times over says no more than once, whatever its rows."""
    once = credit_book(rows=800, seed=11)
    fivefold = pd.concat([once] * 5, ignore_index=True).assign(loan=lambda d: np.arange(len(d)))
    single, _ = measured(tmp_path / "a", once, without=("entity", "strata"))
    copied, _ = measured(tmp_path / "b", fivefold, without=("strata",))
    for key in (("overstretched_share", None), ("overstretched_share", "young"), ("overstretched_ratio", "young")):
        one, five = single[key], copied[key]
        assert five.estimate == pytest.approx(one.estimate)
        assert five.high - five.low == pytest.approx(one.high - one.low, rel=0.02)
