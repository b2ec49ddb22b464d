"""Renewals above their equivalent new business price against pandas on the rows, in whole pence; every kind of gap.

Tolerance 1e-9 relative for money: sums are exact to one rounding, and the oracle adds whole pence.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.programs import run_program, write_program

TERMS = {
    "product": "line", "channel": "route", "payment_method": "instalments", "incentive": "gift",
    "new_customer_incentive": "lure",
}  # fmt: skip
CONTRACT = {
    "unit": "quote", "time": "day", "price": {"column": "asked", "currency": "GBP"}, "new_customer_price": "fresh",
    "tenure": "stayed", "terms": TERMS,
}  # fmt: skip
SCOPE = {"jurisdictions": ["UK"], "products": ["motor_insurance"]}
OPEN = {name: {"null_tolerance": 1} for name in ("asked", "fresh", "stayed", "gift", "lure", "line", "route", "day")}


def quotes(rows: int = 900, seed: int = 3, above: float = 0.0) -> pd.DataFrame:
    """Quotes in whole pence; a share ``above`` of renewals costs more than a new customer would pay."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({
        "quote": np.arange(rows), "stayed": rng.integers(0, 12, rows),
        "line": rng.choice(["car", "van", "old car"], rows), "route": rng.choice(["web", "broker"], rows),
        "instalments": rng.choice(["yearly", "monthly"], rows), "gift": rng.choice([0, 5, 20], rows) * 1.0,
        "lure": rng.choice([0, 30], rows) * 1.0,
        "day": pd.Timestamp("2026-03-01") + pd.to_timedelta(np.arange(rows) % 28, "D"),
    })  # fmt: skip
    data.loc[data["line"] == "old car", "stayed"] += 1
    new = rng.integers(20_000, 90_000, rows)
    gap = np.where(rng.random(rows) < above, rng.integers(2, 9_000, rows), -rng.integers(0, 5_000, rows))
    net = new - np.round(100 * data["lure"]).astype(int) + np.where(data["stayed"] > 0, gap, 0)
    data["fresh"], data["asked"] = new / 100, (net + np.round(100 * data["gift"]).astype(int)) / 100
    return data


def oracle(data: pd.DataFrame) -> pd.DataFrame:
    """Rows with their excess in pence, whether they are renewals, compared, above."""
    pence = data[["asked", "fresh", "gift", "lure"]].mul(100).round()
    renewal = ~(data["stayed"] <= 0)
    compared = renewal & (data["asked"] > 0) & (data["fresh"] > 0)
    net, new = pence["asked"] - pence["gift"].fillna(0), pence["fresh"] - pence["lure"].fillna(0)
    excess = (net - new).where(compared)
    return data.assign(
        renewal=renewal, compared=compared, above=excess > 1, over=excess.where(excess > 1, 0) / 100, net=net / 100
    )


def audited(folder, data, contract=CONTRACT, **changes):
    own = {"scope": SCOPE, "policies": ["uk"], "audits": {"primary": ["loyalty_pricing.renewal_price"]}, **changes}
    used = {**contract, "columns": {name: rule for name, rule in OPEN.items() if f"'{name}'" in str(contract)}}
    run, judgement = run_program(write_program(folder, data, contract=used, **own), folder / "out")
    assert not run.errors
    assert run.checks.fit
    return run, judgement


def figures(run):
    return {(m.measure.removeprefix("renewal_"), m.attribute, m.group): m for m in run.measurements
            if m.segment == "all"}  # fmt: skip


def cases(run):
    return figures(run)["above_enbp_cases", None, None]


def verdict(judgement):
    (found,) = [one for one in judgement.findings if one.rule.id == "uk.icobs6b.enbp"]
    return found.verdict


def lacking(run, part=""):
    return [one for one in run.not_answered if f"renewal_price: {part}" in one.question]


def without(contract, *terms, tenure=True):
    kept = {**contract, "terms": {key: column for key, column in contract["terms"].items() if key not in terms}}
    return kept if tenure else {key: value for key, value in kept.items() if key != "tenure"}


def test_every_figure_is_that_of_pandas_on_the_rows(tmp_path):
    data = quotes(above=0.3)
    data.loc[::11, "fresh"] = np.nan
    data.loc[::17, "route"] = None
    rows = oracle(data)
    run, _ = audited(tmp_path, data)
    found, compared = figures(run), rows[rows["compared"]]
    whole = cases(run)
    assert whole.estimate == whole.low == whole.high == rows["above"].sum() > 100
    assert whole.counts == {
        "above": rows["above"].sum(), "compared": len(compared), "new_customers": (~rows["renewal"]).sum(),
        "without_new_customer_price": (rows["renewal"] & rows["fresh"].isna()).sum(), "without_price": 0,
        "unknown_tenure": 0, "tenure_below_zero": 0, "without_incentive": 0, "without_new_customer_incentive": 0,
    }  # fmt: skip
    for name, column in {"channel": "route", "product": "line", "payment method": "instalments"}.items():
        for label, group in compared.assign(**{column: compared[column].fillna("missing")}).groupby(column):
            share = found["above_enbp_share", name, label]
            assert (share.counts["above"], share.counts["compared"]) == (group["above"].sum(), len(group))
            assert share.estimate == share.low == share.high == pytest.approx(group["above"].mean(), rel=1e-12)
            if name == "channel":
                money = found["overcharge_money", name, label]
                assert money.estimate == pytest.approx(group["over"].sum(), rel=1e-9)
    money = found["overcharge_money", None, None]
    assert money.estimate == pytest.approx(rows["over"].sum(), rel=1e-9)
    assert money.details["compared_renewal_price"] == pytest.approx(compared["net"].sum(), rel=1e-9)
    assert money.unit == "GBP"


def test_the_share_by_tenure_stands_in_the_order_of_its_bands(tmp_path):
    data = quotes(above=0.3)
    rows = oracle(data).query("compared")
    run, _ = audited(tmp_path, data, {**CONTRACT, "tenure": {"column": "stayed", "bands": [1, 2, 5, 10]}})
    shares = {m.group: m.estimate for m in run.measurements if m.attribute == "tenure"}
    bands = pd.cut(rows["stayed"], [-1, 0, 1, 4, 9, 99], labels=["under 1", "1", "2-4", "5-9", "10+"])
    expected = rows.groupby(bands, observed=True)["above"].mean()
    assert list(shares) == list(expected.index)
    assert list(shares.values()) == pytest.approx(list(expected), rel=1e-12)


def test_a_closed_book_is_a_product_of_a_channel_without_one_new_customer(tmp_path):
    data = quotes(above=0.3)
    data.loc[(data["line"] == "van") & (data["route"] == "web"), "stayed"] += 1
    rows = oracle(data)
    rows["book"] = rows["line"] + rows["route"]
    closed = rows.groupby("book")["renewal"].transform("all")
    assert set(rows.loc[closed, "book"]) == {"old carweb", "old carbroker", "vanweb"}
    found = figures(audited(tmp_path / "all", data)[0])
    for label, group in (("closed", rows[closed & rows["compared"]]), ("open", rows[~closed & rows["compared"]])):
        assert found["above_enbp_share", "book", label].estimate == pytest.approx(group["above"].mean(), rel=1e-12)
    data.loc[data["line"] == "old car", "fresh"] = None
    run, _ = audited(tmp_path / "gap", data)
    told = [one for one in lacking(run, "book") if "of closed books have no new-customer price" in one.reason]
    old = (data["line"] == "old car").sum()
    assert told[0].reason.startswith(f"{old} of {int(closed.sum())} renewals of closed books")


@pytest.mark.parametrize(("pence", "above"), [(1, 0), (2, 5)])
def test_one_step_of_rounding_is_no_excess_and_two_are(tmp_path, pence, above):
    data = quotes(60)
    new = [0.57, 19.99, 333.33, 1234.56, 98765.43]
    renewals = data.index[data["stayed"] > 0][: len(new)]
    data.loc[renewals, ["lure", "gift"]] = 0.0
    data.loc[renewals, "fresh"] = new
    data.loc[renewals, "asked"] = [round(one + pence / 100, 2) for one in new]
    run, judgement = audited(tmp_path, data)
    assert cases(run).estimate == above
    assert verdict(judgement) == ("breach" if above else "clear")


@pytest.mark.parametrize("time", ["time", "dated"])
def test_a_fair_book_is_clear_only_within_the_rules_scope_and_days(tmp_path, time):
    dated = {"time": "day"} if time == "time" else {"dated": {"from": "2026-03-01", "to": "2026-03-28"}}
    contract = {key: value for key, value in CONTRACT.items() if key != "time"}
    data = quotes()
    assert verdict(audited(tmp_path / "in", data, contract | dated)[1]) == "clear"
    data.loc[data.index[data["stayed"] > 0][0], "asked"] += 5000
    assert verdict(audited(tmp_path / "case", data, contract | dated)[1]) == "breach"
    assert verdict(audited(tmp_path / "undated", data, contract)[1]) == "concern"
    _, judgement = audited(tmp_path / "out", data, contract | dated, scope={**SCOPE, "products": ["travel_insurance"]})
    assert judgement.findings == ()
    assert verdict(audited(tmp_path / "unscoped", data, contract | dated, scope={})[1]) == "concern"


def test_decisions_from_before_the_rule_are_not_judged_by_it(tmp_path):
    data = quotes()
    data["day"] = pd.Timestamp("2021-12-15") + pd.to_timedelta(np.arange(len(data)) % 28, "D")
    early = data["day"] < "2022-01-01"
    data.loc[early & (data["stayed"] > 0), "asked"] += 5000
    run, judgement = audited(tmp_path, data)
    assert cases(run).estimate > 100
    assert verdict(judgement) == "clear"


def test_a_channel_without_new_customer_prices_is_named_and_keeps_the_count_from_being_clear(tmp_path):
    data = quotes()
    data.loc[data["route"] == "broker", "fresh"] = np.nan
    run, judgement = audited(tmp_path, data)
    rows = data[(data["route"] == "broker") & (data["stayed"] > 0)]
    told = lacking(run, "renewal_above_enbp_share")
    assert len(told) == rows.groupby(["line", "instalments"]).ngroups == 6
    size = len(rows.query("line == 'van' and instalments == 'monthly'"))
    assert any(
        one.reason == f"none of {size} renewals has a new-customer price to compare with: channel broker; product van; "
        "payment method monthly" for one in told
    )  # fmt: skip
    assert all("a new customer would be asked" in one.needed for one in told)
    share = figures(run)["above_enbp_share", "channel", "broker"]
    assert share.estimate is None
    assert share.reason
    assert verdict(judgement) == "inconclusive"
    assert cases(run).unseen[0].startswith(f"{len(rows)} of {(data['stayed'] > 0).sum()} renewals cannot be compared")


@pytest.mark.parametrize(("share", "clear"), [(0.04, True), (0.06, False)])
def test_few_renewals_without_a_new_customer_price_are_counted_and_many_keep_it_open(tmp_path, share, clear):
    data = quotes()
    renewals = data.index[data["stayed"] > 0]
    lost = int(share * len(renewals))
    data.loc[renewals[:lost], "fresh"] = np.nan
    run, judgement = audited(tmp_path, data)
    assert cases(run).counts["without_new_customer_price"] == lost
    assert verdict(judgement) == ("clear" if clear else "inconclusive")


def test_very_many_segments_without_a_price_are_added_up(tmp_path):
    data = quotes()
    data["line"] = [f"line {i % 150}" for i in range(len(data))]
    data.loc[np.arange(len(data)) % 150 > 10, "fresh"] = np.nan
    told = lacking(audited(tmp_path, data)[0], "renewal_above_enbp_share")
    assert len(told) == 51
    assert "more segments" in told[-1].reason


def test_no_new_customer_price_at_all_gives_no_figure_and_says_so(tmp_path):
    run, judgement = audited(tmp_path, quotes().assign(fresh=np.nan))
    assert all(m.estimate is None and m.reason for m in run.measurements)
    assert verdict(judgement) == "not_identified"
    assert any("none of" in one.reason for one in lacking(run, "renewal_above_enbp_cases"))
    contract = {key: value for key, value in CONTRACT.items() if key != "new_customer_price"}
    run, judgement = audited(tmp_path / "undeclared", quotes(), contract)
    assert run.measurements == ()
    assert any("new_customer_price" in one.reason for one in run.not_answered)
    assert judgement.findings == ()


@pytest.mark.parametrize(("key", "words"), [("channel", "the same channel"), ("payment_method", "payment method")])
def test_an_undeclared_channel_or_payment_method_is_a_caution_and_makes_no_breach(tmp_path, key, words):
    data = quotes()
    data.loc[data.index[data["stayed"] > 0][0], "asked"] += 5000
    run, judgement = audited(tmp_path, data, without(CONTRACT, key))
    assert any(words in told and "not told by these data" in told for told in cases(run).cautions)
    assert verdict(judgement) == "concern"
    assert lacking(run, key.replace("_", " "))


def test_one_tenure_for_all_tells_no_closed_book_and_new_customers_alone_are_no_renewals(tmp_path):
    run, _ = audited(tmp_path / "three", quotes(above=0.3).assign(stayed=3))
    assert cases(run).counts["compared"] == 900
    assert any("no new customer" in one.reason for one in lacking(run, "book"))
    assert not [m for m in run.measurements if m.attribute == "book"]
    run, judgement = audited(tmp_path / "none", quotes().assign(stayed=0))
    assert cases(run).estimate is None
    assert cases(run).reason == "no quote is a renewal"
    assert verdict(judgement) == "not_identified"


def test_without_a_tenure_every_quote_counts_as_a_renewal_and_the_record_says_so(tmp_path):
    data = quotes(above=0.3)
    run, _ = audited(tmp_path, data, without(CONTRACT, tenure=False))
    rows = oracle(data.assign(stayed=1))
    assert (cases(run).estimate, cases(run).n) == (rows["above"].sum(), len(rows))
    assert any("every quote counts as a renewal" in one.reason for one in lacking(run, "tenure"))
    assert not [m for m in run.measurements if m.attribute in ("tenure", "book")]


def test_prices_and_tenures_that_cannot_be_are_counted_and_never_read_as_in_order(tmp_path):
    data = quotes()
    renewals = data.index[data["stayed"] > 0]
    data["stayed"] = data["stayed"].astype(float)
    data.loc[renewals[:30], "asked"] = [0.0, -12.5, np.nan] * 10
    data.loc[renewals[30:50], "fresh"] = [0.0, -3.0] * 10
    data.loc[renewals[50:64], "stayed"] = -1
    data.loc[renewals[64:70], "stayed"] = np.nan
    run, judgement = audited(tmp_path, data)
    counts = cases(run).counts
    assert (counts["without_price"], counts["without_new_customer_price"]) == (30, 20)
    assert (counts["tenure_below_zero"], counts["unknown_tenure"]) == (14, 6)
    assert counts["compared"] == len(renewals) - 64
    assert verdict(judgement) == "inconclusive"
    assert lacking(run, "tenure")


@pytest.mark.parametrize("column", ["gift", "lure"])
def test_missing_incentives_count_as_none_are_told_and_leave_certain_cases_certain(tmp_path, column):
    data = quotes()
    renewals = data.index[data["stayed"] > 0]
    data.loc[renewals[:40], column] = np.nan
    data.loc[renewals[:40], "asked"] = 1.0
    expected = oracle(data)
    run, judgement = audited(tmp_path / "fair", data)
    assert cases(run).estimate == expected["above"].sum() == 0
    assert any("40 of" in told and "counts as none" in told for told in cases(run).cautions)
    assert verdict(judgement) == "clear"
    data.loc[renewals[0], "asked"] = 9000.0
    assert verdict(audited(tmp_path / "one", data)[1]) == ("concern" if column == "gift" else "breach")
    data.loc[renewals[-1], "asked"] = 9000.0
    run, judgement = audited(tmp_path / "certain", data)
    assert cases(run).estimate == 2
    assert verdict(judgement) == "breach"
    assert "40 of" in lacking(run, "incentive" if column == "gift" else "new_customer_incentive")[0].reason


def test_a_case_of_unknown_tenure_or_time_alone_makes_no_breach(tmp_path):
    data = quotes()
    data["stayed"] = data["stayed"].astype(float)
    renewals = data.index[data["stayed"] > 0]
    data.loc[renewals[0], "asked"] = 9000.0
    for column, word in (("stayed", "tenure"), ("day", "time")):
        odd = data.copy()
        odd.loc[renewals[0], column] = None
        run, judgement = audited(tmp_path / column, odd)
        assert cases(run).estimate == 1
        assert verdict(judgement) == "concern"
        assert any(word in told for told in cases(run).cautions)


def test_a_label_that_reads_missing_is_not_taken_for_a_missing_one(tmp_path):
    data = quotes()
    data.loc[::5, "route"] = None
    data.loc[1::5, "route"] = "missing"
    data.loc[2::5, "route"] = "nan"
    shares = {m.group: m.n for m in audited(tmp_path, data)[0].measurements if m.attribute == "channel"
              and m.measure.endswith("share")}  # fmt: skip
    renewal = data["stayed"] > 0
    nowhere = data["route"].isna() | (data["route"] == "nan")
    assert shares["(missing)"] == (renewal & nowhere).sum()
    assert shares["missing"] == (renewal & (data["route"] == "missing")).sum()


def test_a_declared_weight_is_not_used_and_that_is_said(tmp_path):
    run, _ = audited(tmp_path, quotes(above=0.3).assign(heavy=2.0), {**CONTRACT, "weight": "heavy"})
    assert cases(run).estimate == oracle(quotes(above=0.3))["above"].sum()
    assert [one.question for one in lacking(run, "weight")] == ["loyalty_pricing.renewal_price: weight"]


def test_new_customer_incentives_that_nobody_noted_are_never_clear(tmp_path):
    """Without them no renewal lies above; with them each may."""
    data = quotes()
    assert verdict(audited(tmp_path / "all", data)[1]) == "clear"
    data.loc[::2, "lure"] = None
    data["asked"] = np.minimum(data["asked"], data["fresh"] - 60.0)
    run, judgement = audited(tmp_path / "half", data)
    assert cases(run).estimate == 0
    assert verdict(judgement) == "inconclusive"
    assert "have no new-customer incentive noted" in cases(run).unseen[0]
