"""What is paid by channel: against regressions of rows, with a known penalty, over many draws, and with bad columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.digital_divide.channel_price import ChannelPrice
from audits.statistics.mantel_haenszel import mantel_haenszel_risk_difference
from audits.statistics.newcombe import newcombe_interval_difference
from audits.statistics.stratified_means import design_effect, stratified_means
from checks.problem import InputError
from tests.programs import write_program
from tests.questions import measure_program

CONTRACT = {
    "unit": "number", "groups": {"age": {"column": "age", "reference": "young"}},
    "price": {"column": "asked", "currency": "CNY"}, "cost": "expected", "strata": ["shop"],
    "terms": {"channel": "way", "incentive": "off"},
    "channels": {"digital": ["app"], "assisted": ["branch", "phone"]},
    "loan": {"amount": "lent", "fees": "charged", "currency": "CNY"},
}  # fmt: skip
OPEN = ("asked", "expected", "shop", "way", "off", "lent", "charged", "age", "person", "apr", "granted")
RATED = {"without": ("price", "cost"), "rate": {"column": "apr", "unit": "percent"}}
SURE = ChannelPrice(service_in_cost=True)


def book(seed=1, rows=2000, penalty=0.1, people=None, noise=0.1):
    """Contracts: the old are served by persons more often, who cost more to serve and pay ``penalty`` beyond."""
    rng = np.random.default_rng(seed)
    many = people or rows
    who = rng.integers(0, many, rows) if people else np.arange(rows)
    old = (rng.random(many) < 0.3)[who]
    shop = rng.choice(["car", "web"], rows)
    assisted = rng.random(rows) < np.where(old, 0.6, 0.2) + 0.1 * (shop == "car")
    expected = rng.lognormal(5, 0.5, rows) * (1 + 0.05 * assisted)
    own = noise * rng.normal(size=many)[who] if people else 0.0
    asked = expected * np.exp(0.1 + penalty * assisted + own + noise * rng.normal(size=rows) + 0.1 * (shop == "web"))
    lent = rng.integers(5, 60, rows) * 100.0
    return pd.DataFrame({
        "number": np.arange(rows), "person": who, "age": np.where(old, "old", "young"), "shop": shop,
        "way": np.where(assisted, rng.choice(["branch", "phone"], rows), "app"), "asked": asked, "expected": expected,
        "off": np.where(rng.random(rows) < np.where(assisted, 0.1, 0.3), 5.0, 0.0), "lent": lent,
        "charged": (lent * (0.02 + 0.01 * assisted + rng.uniform(0, 0.01, rows))).round(2),
        "apr": 10 * np.exp(penalty * assisted) + rng.normal(0, 1, rows),
    })  # fmt: skip


def measured(folder, data, question=None, without=(), **changes):
    contract = {role: part for role, part in (CONTRACT | changes).items() if role not in without}
    contract["columns"] = {
        name: {"null_tolerance": 1} for name in OPEN if name in data and f"'{name}'" in str(contract)
    }
    figures, missing = measure_program(write_program(folder, data, contract=contract), question or SURE, folder / "out")
    return {(one.measure, one.group): one for one in figures}, missing


def coefficient(data, y, by, strata):
    """Of an indicator in a regression on levels of strata, with HC1 errors: by dummies."""
    levels = pd.get_dummies(data[strata].astype(str).agg("|".join, axis=1)).to_numpy(float)
    x = np.column_stack([by.astype(float), levels])
    inverse = np.linalg.inv(x.T @ x)
    b = inverse @ x.T @ y
    meat = (x * (y - x @ b)[:, None] ** 2).T @ x
    return b[0], np.sqrt(len(y) / (len(y) - x.shape[1]) * (inverse @ meat @ inverse)[0, 0])


def test_prices_are_compared_as_a_regression_of_rows_does(tmp_path):
    data = book()
    found, missing = measured(tmp_path, data)
    assert not missing
    figure = found["assisted_price_ratio", "assisted"]
    b, error = coefficient(data, np.log(data["asked"] / data["expected"]).to_numpy(), data["way"] != "app", ["shop"])
    assert np.log(figure.estimate) == pytest.approx(b, rel=1e-8)
    assert figure.details["log_standard_error"] == pytest.approx(error, rel=1e-6)
    assert figure.low < np.exp(0.1) < figure.high
    assert (figure.reference, figure.equality, figure.cautions, figure.unseen) == ("digital", 1.0, (), ())
    assert figure.counts["group"] == (data["way"] != "app").sum()
    group = found["channel_group_price_ratio", "old"]
    held = data.assign(side=data["way"] == "app")
    y = np.log(data["asked"] / data["expected"]).to_numpy()
    free, _ = coefficient(data, y, data["age"] == "old", ["shop"])
    equal, _ = coefficient(held, y, data["age"] == "old", ["shop", "side"])
    assert np.log(group.estimate) == pytest.approx(free, rel=1e-8)
    assert np.log(group.details["at_equal_channel"]) == pytest.approx(equal, rel=1e-7)
    assert group.details["through_channel"] == pytest.approx(np.exp(free - equal), rel=1e-8)
    assert group.low > 1 > group.details["low_at_equal_channel"]  # the channel carries all of it


def test_no_penalty_is_near_one_and_serving_is_not_held_against_the_lender(tmp_path):
    found, _ = measured(tmp_path, book(penalty=0.0, rows=4000))
    figure = found["assisted_price_ratio", "assisted"]
    assert figure.low < 1 < figure.high < 1.05
    assert not figure.unseen


def test_a_cost_of_which_nobody_says_that_it_holds_serving_makes_no_breach(tmp_path):
    found, _ = measured(tmp_path, book(), ChannelPrice())
    figure = found["assisted_price_ratio", "assisted"]
    assert any("service_in_cost" in text for text in figure.cautions)
    assert not figure.unseen


def test_without_a_cost_there_is_no_breach_and_no_all_clear(tmp_path):
    data = book(penalty=0.0)
    found, _ = measured(tmp_path, data, without=("cost",))
    figure = found["assisted_price_ratio", "assisted"]
    b, _ = coefficient(data, np.log(data["asked"]).to_numpy(), data["way"] != "app", ["shop"])
    assert np.log(figure.estimate) == pytest.approx(b, rel=1e-8)
    for one in (figure, found["channel_group_price_ratio", "old"]):
        assert any("no cost" in text for text in one.cautions)
        assert any("no cost" in text for text in one.unseen)


def test_rates_are_compared_by_means_over_strata(tmp_path):
    data = book()
    found, _ = measured(tmp_path, data, **RATED)
    figure = found["assisted_price_ratio", "assisted"]
    one, zero, weight = 0.0, 0.0, 0.0
    for _, part in data.groupby("shop"):
        own = part["way"] != "app"
        w = own.sum() * (~own).sum() / len(part)
        one, zero, weight = one + w * part["apr"][own].mean(), zero + w * part["apr"][~own].mean(), weight + w
    assert figure.estimate == pytest.approx(one / zero, rel=1e-9)
    assert figure.details["group_mean_rate"] == pytest.approx(one / weight, rel=1e-9)
    assert figure.low < np.exp(0.1) < figure.high
    assert any("no cost" in text for text in figure.unseen)
    draws = []
    rng = np.random.default_rng(5)
    for _ in range(300):
        part = data.iloc[rng.integers(0, len(data), len(data))]
        draws.append(part["apr"][part["way"] != "app"].mean() / part["apr"][part["way"] == "app"].mean())
    assert figure.details["log_standard_error"] == pytest.approx(np.std(np.log(draws)), rel=0.2)


def test_fees_are_compared_as_shares_of_the_amount(tmp_path):
    data = book()
    found, _ = measured(tmp_path, data)
    figure = found["assisted_fee_gap", "assisted"]
    b, error = coefficient(data, (data["charged"] / data["lent"]).to_numpy(), data["way"] != "app", ["shop"])
    assert figure.estimate == pytest.approx(b, rel=1e-6)
    assert figure.standard_error == pytest.approx(error, rel=1e-4)
    assert figure.counts["strata"] == found["assisted_price_ratio", "assisted"].counts["strata"] == 2
    assert figure.method == "least squares within 2 levels of shop, HC1 errors"
    assert any("fees are compared without a cost" in text for text in figure.cautions)


def test_strata_that_add_up_are_counted_by_their_levels(tmp_path):
    data = book().assign(day=lambda d: d["number"] % 40)
    found, _ = measured(tmp_path, data, strata=["shop", "day"], columns={})
    figure = found["assisted_fee_gap", "assisted"]
    assert figure.counts["strata"] == 2 + 40
    assert figure.method == "least squares within 42 levels of shop, day, HC1 errors"
    plain, _ = measured(tmp_path / "plain", data, without=("strata",))
    assert plain["assisted_fee_gap", "assisted"].counts["strata"] == 1
    assert plain["assisted_fee_gap", "assisted"].method == "least squares, HC1 errors"


def test_discounts_are_compared_as_mantel_and_haenszel_do(tmp_path):
    data = book()
    found, _ = measured(tmp_path, data)
    figure = found["digital_discount_gap", "assisted"]
    own, got = data["way"] == "app", data["off"] > 0
    parts = [data["shop"] == name for name in ("car", "web")]
    counts = [[float((part & side & hit).sum()) for part in parts] for side in (own, ~own) for hit in (got, got | True)]
    expected = mantel_haenszel_risk_difference(counts[0], counts[1], counts[2], counts[3])
    assert figure.estimate == pytest.approx(expected.estimate, rel=1e-12)
    assert (figure.low, figure.high) == pytest.approx((expected.low, expected.high), abs=0.003)
    assert figure.details["digital_only"] == 0.0
    assert figure.counts["group_with"] == (~own & got).sum()


def test_a_discount_that_no_assisted_customer_gets_is_told_with_its_bound(tmp_path):
    data = book()
    data.loc[data["way"] != "app", "off"] = 0.0
    found, _ = measured(tmp_path, data)
    figure = found["digital_discount_gap", "assisted"]
    assert figure.details["digital_only"] == 1.0
    assert 0 < figure.details["assisted_high"] < 4 / (data["way"] != "app").sum() * 2
    assert "digital-only" in figure.method
    assert figure.low > 0.2


def test_a_missing_incentive_is_none_only_where_nobody_writes_a_nought(tmp_path):
    data = book()
    none = data.assign(off=data["off"].where(data["off"] > 0))
    found, _ = measured(tmp_path / "a", none)
    plain, _ = measured(tmp_path / "b", data)
    key = "digital_discount_gap", "assisted"
    assert found[key].estimate == plain[key].estimate
    assert not found[key].unseen
    some = data.assign(off=data["off"].where((data["number"] % 5 > 0) | (data["off"] > 0)))
    told, _ = measured(tmp_path / "c", some)
    assert any("do not state their incentive" in text for text in told[key].unseen)
    silent = none.assign(off=none["off"].where(none["way"] == "app"))
    told, _ = measured(tmp_path / "d", silent)
    assert any("none recorded" in text for text in told[key].cautions)
    lost = data.assign(off=data["off"].where(data["way"] == "app"))
    told, _ = measured(tmp_path / "e", lost)
    assert told[key].estimate is None
    assert "only 0 rows" in told[key].reason


def test_shares_served_by_a_person(tmp_path):
    data = book()
    found, _ = measured(tmp_path, data)
    for label, own in ((None, data["age"] != ""), ("old", data["age"] == "old")):
        figure = found["assisted_share", label]
        assert figure.estimate == pytest.approx((data["way"][own] != "app").mean())
        assert figure.low < figure.estimate < figure.high
        assert figure.equality is None


def test_unknown_channels_are_counted_and_keep_from_clear(tmp_path):
    data = book(penalty=0.0)
    few = data.assign(way=data["way"].where(data["number"] >= 50, "agent"))
    found, _ = measured(tmp_path / "a", few)
    assert found["assisted_price_ratio", "assisted"].counts["unknown_channel"] == 50
    assert not found["assisted_price_ratio", "assisted"].unseen
    many = data.assign(way=data["way"].where(data["number"] >= 200, None))
    found, _ = measured(tmp_path / "b", many)
    for figure in found.values():
        assert figure.counts["unknown_channel"] == 200
        assert any("10.0 %" in text for text in figure.unseen)


@pytest.mark.parametrize(("only", "lacking"), [("app", "assisted"), ("branch", "digital"), ("agent", "assisted")])
def test_one_channel_alone_compares_nobody(tmp_path, only, lacking):
    found, _ = measured(tmp_path, book(rows=300).assign(way=only))
    for measure in ("assisted_price_ratio", "assisted_fee_gap", "digital_discount_gap"):
        figure = found[measure, "assisted"]
        assert figure.estimate is None
        assert f"'{lacking}'" in figure.reason
    assert found["channel_group_price_ratio", "old"].estimate is not None


def test_prices_that_are_not_above_zero_are_left_out_and_told(tmp_path):
    data = book(penalty=0.0)
    own = data.index[data["way"] != "app"]
    data.loc[own[:100], "asked"] = 0.0
    data.loc[own[100:150], "asked"] = -3.0
    data.loc[own[150:170], "asked"] = np.nan
    found, _ = measured(tmp_path, data)
    figure = found["assisted_price_ratio", "assisted"]
    assert figure.counts["group_without_price"] == 170
    assert figure.counts["group"] == len(own) - 170
    assert any("no price, rate or cost" in text for text in figure.unseen)
    kept = data[data["asked"] > 0]
    b, _ = coefficient(kept, np.log(kept["asked"] / kept["expected"]).to_numpy(), kept["way"] != "app", ["shop"])
    assert np.log(figure.estimate) == pytest.approx(b, rel=1e-7)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"asked": np.nan}, "have what this figure takes"), ({"asked": 2.0, "expected": 1.0}, "nothing is left"),
     ({"shop": lambda d: d["way"]}, "no stratum holds")],
)  # fmt: skip
def test_where_prices_tell_nothing_the_reason_is_told(tmp_path, change, reason):
    found, _ = measured(tmp_path, book(rows=300).assign(**change))
    figure = found["assisted_price_ratio", "assisted"]
    assert figure.estimate is None
    assert reason in figure.reason


def test_rates_not_above_zero_have_no_ratio(tmp_path):
    found, _ = measured(tmp_path, book(rows=300).assign(apr=lambda d: -d["apr"]), **RATED)
    assert "not above zero" in found["assisted_price_ratio", "assisted"].reason


def test_a_handful_of_assisted_rows_has_no_figure(tmp_path):
    data = book(rows=300)
    data["way"] = np.where(data["number"] < 6, "branch", "app")
    found, _ = measured(tmp_path, data)
    for measure in ("assisted_price_ratio", "assisted_fee_gap", "digital_discount_gap"):
        assert "only 6" in found[measure, "assisted"].reason


def test_a_group_without_anybody_beside_it_is_seen(tmp_path):
    data = book(penalty=0.0)
    alone = data.index[data["way"] != "app"][:100]
    data.loc[alone, "shop"] = "post"
    found, _ = measured(tmp_path, data)
    for measure in ("assisted_price_ratio", "digital_discount_gap"):
        figure = found[measure, "assisted"]
        assert figure.counts["group_alone"] == 100
        assert any("without anybody of digital" in text for text in figure.unseen)


def test_what_the_contract_lacks_is_not_answered(tmp_path):
    without = ("price", "cost", "groups", "loan")
    found, missing = measured(tmp_path, book(rows=300), terms={"channel": "way"}, without=without, weight="expected")
    assert set(found) == {("assisted_share", None)}
    told = {one.question.split(": ")[1] for one in missing}
    assert told == {
        "assisted_price_ratio", "assisted_overcharge_money", "channel_group_price_ratio", "assisted_fee_gap",
        "digital_discount_gap", "weight",
    }  # fmt: skip


def test_decisions_make_a_selected_sample_and_only_the_granted_get_discounts(tmp_path):
    data = book()
    data["granted"] = (data["number"] % 3 > 0).astype(int)
    found, _ = measured(tmp_path, data, decision={"column": "granted", "favourable": 1})
    assert any("selected sample" in text for text in found["assisted_price_ratio", "assisted"].cautions)
    own = (data["way"] != "app") & (data["granted"] == 1)
    assert found["digital_discount_gap", "assisted"].counts["group"] == own.sum()
    assert found["assisted_share", None].estimate == pytest.approx(own.sum() / data["granted"].sum())
    unserved = data.copy()  # who is refused comes to no channel and to no price
    unserved.loc[data["granted"] == 0, ["way", "asked", "off"]] = None
    found, _ = measured(tmp_path / "b", unserved, decision={"column": "granted", "favourable": 1})
    assert not any(figure.unseen for figure in found.values())


def test_customers_who_come_again_widen_errors(tmp_path):
    data = book(rows=3000, people=300, noise=0.15)
    data["way"] = data.groupby("person")["way"].transform("first")
    found, _ = measured(tmp_path / "a", data, entity="person")
    plain, _ = measured(tmp_path / "b", data)
    for key in (("channel_group_price_ratio", "old"), ("assisted_share", "old")):
        assert found[key].estimate == pytest.approx(plain[key].estimate, rel=1e-9)
        assert found[key].high - found[key].low > 1.3 * (plain[key].high - plain[key].low)
    assert found["assisted_price_ratio", "assisted"].counts["group_entities"] >= 80
    assert any("evenly" in text for text in found["digital_discount_gap", "assisted"].unseen)
    few, _ = measured(tmp_path / "c", data.assign(person=data["number"] % 8), entity="person")
    for key in (("assisted_price_ratio", "assisted"), ("assisted_share", "old"), ("digital_discount_gap", "assisted")):
        assert "entities" in few[key].reason


def test_a_parameter_that_is_neither_true_nor_false_is_refused():
    with pytest.raises(InputError, match="service_in_cost"):
        ChannelPrice(service_in_cost="yes")


def test_postgres_gives_the_same_figures(postgres_url, tmp_path):
    data = book(rows=600, people=250)
    data.loc[data["number"] < 40, "way"] = None
    here, _ = measured(tmp_path / "a", data, entity="person")
    texts = ("age", "shop", "way")
    types = {name: "text" if name in texts else "bigint" if name in ("number", "person") else "double precision"
             for name in data}  # fmt: skip
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS channels")
        connection.execute(f"CREATE TABLE channels ({', '.join(f'{name} {kind}' for name, kind in types.items())})")
        with connection.cursor().copy("COPY channels FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row(tuple(None if pd.isna(value) else value for value in row))
    file = tmp_path / "a" / "loans.yaml"
    file.write_text(file.read_text().replace("table: loans.parquet", f"connection: {postgres_url}\n  table: channels"))
    figures, _ = measure_program(file, SURE, tmp_path / "b")
    assert len(figures) == len(here)
    for one in figures:
        other = here[one.measure, one.group]
        assert one.counts == other.counts
        assert (one.estimate, one.low, one.high) == pytest.approx((other.estimate, other.low, other.high), rel=1e-9)


def sums(x, n):
    return np.asarray(n, float), np.asarray(x, float), np.asarray(x, float)


def wilson(p, n, z=1.959963984540054):
    middle, reach = p + z**2 / 2 / n, z * np.sqrt(p * (1 - p) / n + z**2 / 4 / n**2)
    return (middle - reach) / (1 + z**2 / n), (middle + reach) / (1 + z**2 / n)


def test_one_stratum_is_newcombes_interval_with_the_variance_of_a_mean():
    pair = stratified_means(sums([7], [40]), sums([30], [90]))
    p1, p0 = 7 / 40, 30 / 90
    assert pair.difference == pytest.approx(p1 - p0)
    assert pair.one.variance == pytest.approx(p1 * (1 - p1) / 39)
    (l1, u1), (l0, u0) = wilson(p1, 39), wilson(p0, 89)
    low, high = p1 - p0 - np.hypot(p1 - l1, u0 - p0), p1 - p0 + np.hypot(u1 - p1, p0 - l0)
    assert [float(end) for end in pair.rate_difference(0.95)] == pytest.approx([low, high], rel=1e-9)
    plain = newcombe_interval_difference(7, 40, 30, 90)
    assert (low, high) == pytest.approx((float(plain.low), float(plain.high)), abs=4e-3)
    ends = pair.rate_difference(1 - pair.rate_p_value)
    assert min(abs(float(end)) for end in ends) < 1e-6


def test_strata_of_one_side_have_no_weight():
    pair = stratified_means(sums([7, 5], [40, 10]), sums([30, 0], [90, 0]))
    assert pair.difference == pytest.approx(7 / 40 - 30 / 90)
    assert (pair.one.alone, pair.zero.alone, pair.strata) == (10, 0, 1)
    assert np.isnan(stratified_means(sums([5], [10]), sums([0], [0])).difference)


def test_the_design_effect_is_that_of_rows():
    rng = np.random.default_rng(4)
    who = rng.integers(0, 50, 400)
    v = rng.normal(size=50)[who] + rng.normal(size=400) + 3
    n_g, s_g = np.bincount(who, minlength=50), np.bincount(who, v, 50)
    found = design_effect((400, v.sum(), (v**2).sum()), (n_g @ n_g, n_g @ s_g, s_g @ s_g), 50)
    scores = np.bincount(who, v - v.mean(), 50)
    assert found == pytest.approx(50 / 49 * (scores**2).sum() / ((v - v.mean()) ** 2).sum())
    assert found > 2
    assert design_effect((400, 0.0, 0.0), (n_g @ n_g, 0.0, 0.0), 50) == pytest.approx(n_g @ n_g / 400)


@pytest.mark.parametrize(
    ("n1", "n0", "p1", "p0"),
    [((12,), (200,), (0.0,), (0.3,)), ((30, 10), (60, 90), (0.02, 0.05), (0.2, 0.4)),
     ((8,) * 12, (9,) * 12, np.linspace(0.1, 0.8, 12), np.linspace(0.1, 0.8, 12)),
     ((40, 60), (50, 20), (0.5, 0.9), (0.4, 0.8))],
)  # fmt: skip
def test_intervals_of_the_difference_hold_the_truth(n1, n0, p1, p0):
    rng = np.random.default_rng(8)
    n1, n0 = np.array(n1), np.array(n0)
    w = n1 * n0 / (n1 + n0)
    truth, held = w @ (np.array(p1) - np.array(p0)) / w.sum(), 0
    for _ in range(2000):
        low, high = stratified_means(
            sums(rng.binomial(n1, p1), n1), sums(rng.binomial(n0, p0), n0)
        ).rate_difference(0.95)  # fmt: skip
        held += low <= truth <= high
    assert 0.935 < held / 2000 < 0.995


@pytest.mark.parametrize("n", [(10, 40), (100, 300)])
def test_intervals_of_the_ratio_of_rates_hold_the_truth(n):
    from scipy.special import stdtrit

    rng, held = np.random.default_rng(3), 0
    for _ in range(2000):
        one, zero = rng.normal(12, 3, n[0]), rng.normal(10, 2, n[1])
        pair = stratified_means(*(([len(v)], [v.sum()], [(v**2).sum()]) for v in (one, zero)))
        reach = stdtrit(min(n) - 1, 0.975) * pair.log_error
        held += abs(np.log(pair.one.mean / pair.zero.mean / 1.2)) <= reach
    assert 0.935 < held / 2000 < 0.972
