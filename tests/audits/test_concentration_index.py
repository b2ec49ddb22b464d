"""Concentration of access and of amounts: against rows, the convenient regression, a bootstrap, and over many draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import psycopg
import pytest
from scipy.stats import rankdata
from scipy.stats import t as student

from audits.digital_divide.concentration_index import ConcentrationIndex
from audits.evidence.needs import RankedNeed, SpreadNeed
from audits.evidence.ranked import (
    collect_ranked,
    collect_spread,
    ranked_from_json,
    ranked_to_json,
    spread_from_json,
)
from audits.statistics.concentration_index import concentration_index, theil_index
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import write_program
from tests.questions import measure_program

CONTRACT = {
    "unit": "number", "decision": {"column": "granted", "favourable": 1},
    "groups": {"region": {"column": "region", "reference": "north"}},
    "loan": {"income": "earned", "amount": "lent", "currency": "CNY"},
}  # fmt: skip
OPEN = ("earned", "lent", "region", "granted", "person")


def book(seed=3, rows=1500, steep=0.4, decimals=2):
    """Applications: who earns more is granted more often, and more."""
    rng = np.random.default_rng(seed)
    earned = rng.lognormal(8, 0.6, rows).round(decimals)
    place = rankdata(earned) / rows
    return pd.DataFrame({
        "number": np.arange(rows), "earned": earned, "region": rng.choice(["north", "south"], rows, p=[0.7, 0.3]),
        "granted": (rng.random(rows) < 0.5 + steep * (place - 0.5)).astype(int),
        "lent": (rng.lognormal(7, 0.4, rows) * (1 + place)).round(2), "person": np.arange(rows) // 2,
    })  # fmt: skip


def program(folder, data, without=(), **changes):
    contract = {role: part for role, part in (CONTRACT | changes).items() if role not in without}
    named = {name: {"null_tolerance": 1} for name in OPEN if name in data and f"'{name}'" in str(contract)}
    contract["columns"] = {**named, **changes.get("columns", {})}
    return write_program(folder, data, contract=contract)


def measured(folder, data, question=None, **changes):
    file = program(folder, data, **changes)
    figures, missing = measure_program(file, question or ConcentrationIndex(), folder / "out")
    return {(one.measure, one.attribute): one for one in figures}, missing


def by_rows(rank, h):
    """cov(h, r) without bias, by sorting."""
    r = (rankdata(rank) - 0.5) / len(h)
    return float(np.cov(h, r, ddof=1)[0, 1]), float(np.mean(h))


def of_rows(rank, h):
    """The estimator's sums of rows."""
    _, place = np.unique(rank, return_inverse=True)
    h = np.asarray(h, dtype=float)
    return concentration_index(np.bincount(place), np.bincount(place, h), np.bincount(place, h * h))


@pytest.mark.parametrize("decimals", [-1, -3])
def test_the_index_of_access_is_that_of_rows(tmp_path, decimals):
    data = book(decimals=decimals)
    if decimals == -1:
        data["earned"] = data["earned"].clip(2000, 4000)
    found, missing = measured(tmp_path, data)
    assert not missing
    covariance, mean = by_rows(data["earned"], data["granted"])
    figure = found["access_concentration_index", None]
    assert figure.estimate == pytest.approx(8 * covariance, rel=1e-9)
    assert figure.details["concentration_index"] == pytest.approx(2 * covariance / mean, rel=1e-9)
    assert figure.details["wagstaff_index"] == pytest.approx(2 * covariance / mean / (1 - mean), rel=1e-9)
    assert figure.low < figure.estimate < figure.high
    assert figure.equality == 0.0
    level = found["access_share", None]
    assert level.estimate == mean
    assert level.counts == {"with_access": data["granted"].sum(), "rows": 1500, "unknown": 0}
    assert level.low < mean < level.high


def test_bins_of_a_fine_rank_hardly_move_the_index(tmp_path):
    data = book(rows=4000)
    found, _ = measured(tmp_path, data)
    figure = found["access_concentration_index", None]
    assert figure.counts["different_ranks"] > 3000
    exact = of_rows(data["earned"], data["granted"])
    assert figure.estimate == pytest.approx(exact.erreygers, abs=2e-4)
    assert figure.standard_error == pytest.approx(exact.erreygers_error, rel=1e-3)
    granted = data[data["granted"] == 1]
    amount = of_rows(granted["earned"], granted["lent"])
    assert found["amount_concentration_index", None].estimate == pytest.approx(amount.index, abs=2e-4)
    order = granted.sort_values("earned")["lent"].to_numpy()
    fifth = order[: len(order) // 5].mean()
    assert found["amount_concentration_index", None].details["lowest_fifth_mean_amount"] == pytest.approx(
        fifth, rel=0.02
    )


def test_the_index_is_the_slope_of_the_convenient_regression():
    rng = np.random.default_rng(2)
    rank, h = rng.integers(0, 40, 300), rng.gamma(2.0, 1.0, 300)
    r = (rankdata(rank) - 0.5) / 300
    left = 2 * np.var(r, ddof=1) * h / h.mean()
    slope = np.polyfit(r, left, 1)[0]
    assert of_rows(rank, h).index == pytest.approx(slope, rel=1e-10)


def test_the_error_is_that_of_kakwani_wagstaff_and_van_doorslaer():
    rng = np.random.default_rng(4)
    n = 400
    rank, h = rng.normal(size=n), rng.gamma(2.0, 1.0, n)
    h = h[np.argsort(rank)]
    r, mean = (np.arange(n) + 0.5) / n, h.mean()
    c = 2 * np.mean(h * r) / mean - 1
    share = np.cumsum(h) / h.sum()
    a = h / mean * (2 * r - 1 - c) + 2 - np.concatenate([[0], share[:-1]]) - share
    variance = (np.mean(a**2) - (1 + c) ** 2) / n
    found = concentration_index(np.ones(n), h, h**2)
    assert found.index_error == pytest.approx(np.sqrt(variance) * n / (n - 1), rel=1e-9)


def test_errors_are_those_of_a_bootstrap():
    rng = np.random.default_rng(6)
    rank = np.round(rng.normal(size=600), 1)
    h = (rng.random(600) < 1 / (1 + np.exp(1 - rank))).astype(float)
    draws = []
    for _ in range(1500):
        take = rng.integers(0, 600, 600)
        one = of_rows(rank[take], h[take])
        draws.append((one.index, one.erreygers, one.wagstaff))
    found = of_rows(rank, h)
    errors = (found.index_error, found.erreygers_error, found.wagstaff_error)
    assert errors == pytest.approx(np.std(draws, axis=0), rel=0.07)


def test_yes_and_no_changed_turn_the_index_of_erreygers_and_of_wagstaff_round():
    rng = np.random.default_rng(8)
    rank, h = rng.normal(size=300), (rng.random(300) < 0.2).astype(float)
    one, other = of_rows(rank, h), of_rows(rank, 1 - h)
    assert other.erreygers == pytest.approx(-one.erreygers, rel=1e-12)
    assert other.wagstaff == pytest.approx(-one.wagstaff, rel=1e-12)
    assert other.erreygers_error == pytest.approx(one.erreygers_error, rel=1e-9)
    assert other.index != pytest.approx(-one.index, rel=0.1)


def access_cover(n, level, slope, draws, seed):
    """How often the interval of a question of ``n`` rows holds the truth, told of a million rows."""
    from audits.comparisons.along_rank import _interval
    from audits.record import Measurement

    rng = np.random.default_rng(seed)
    blank = Measurement("q", "m", None, None, None, None, None, None, 0.95, n, "", "")

    def draw(size):
        x = rng.normal(size=size)
        return x, (rng.random(size) < 1 / (1 + np.exp(-(level + slope * x)))).astype(float)

    truth, held, kept = of_rows(*draw(1_000_000)).erreygers, 0, 0
    for _ in range(draws):
        x, h = draw(n)
        if min(h.sum(), n - h.sum()) < 10:
            continue
        one = of_rows(x, h)
        figure = _interval(blank, one.erreygers, one.erreygers_error, one.mean, n)
        held, kept = held + (figure.low <= truth <= figure.high), kept + 1
    return held / kept


@pytest.mark.parametrize(("n", "level", "slope"), [(50, 0.0, 1.5), (50, 0.0, 3.0), (200, -2.0, 0.7), (400, 3.0, 0.0)])
def test_intervals_of_access_hold_the_truth_from_the_least_counts_on(n, level, slope):
    assert 0.93 < access_cover(n, level, slope, 1500, 11) < 0.985  # .94 to .97, and two to three errors of the draws


@pytest.mark.parametrize(("n", "spread"), [(200, 0.3), (400, 0.5)])
def test_intervals_of_amounts_hold_the_truth_where_there_are_rows_enough(n, spread):
    rng = np.random.default_rng(13)

    def draw(size):
        x = rng.normal(size=size)
        return x, np.exp(spread * rng.normal(size=size) + 0.3 * x)

    truth, reach, held = of_rows(*draw(1_000_000)).index, student.ppf(0.975, n - 1), 0
    for _ in range(1500):
        one = of_rows(*draw(n))
        held += abs(one.index - truth) <= reach * one.index_error
    assert 0.925 < held / 1500 < 0.965


def theil_of(y):
    log = np.log(y)
    return theil_index(
        [len(y)], [y.sum()], [(y**2).sum()], [(y * log).sum()], [((y * log) ** 2).sum()], [(y**2 * log).sum()]
    )


def test_theils_index_adds_up_exactly_and_is_that_of_rows(tmp_path):
    data = book()
    data.loc[data["region"] == "south", "lent"] *= 1.5
    found, _ = measured(tmp_path, data)
    figure = found["amount_theil_index", "region"]
    own = data[data["granted"] == 1]
    y = own["lent"].to_numpy() / own["lent"].mean()
    assert figure.estimate == pytest.approx(np.mean(y * np.log(y)), rel=1e-10)
    assert figure.details["within"] + figure.details["between"] == pytest.approx(figure.estimate, rel=1e-14)
    shares, means = (own.groupby("region")["lent"].agg(how) for how in ("sum", "mean"))
    between = float((shares / shares.sum() * np.log(means / own["lent"].mean())).sum())
    assert figure.details["between"] == pytest.approx(between, rel=1e-9)
    assert between > 0.01
    assert figure.low < figure.estimate < figure.high


def test_theils_error_is_that_of_a_bootstrap():
    rng = np.random.default_rng(3)
    y = rng.gamma(3.0, 100.0, 800)
    draws = [theil_of(y[rng.integers(0, 800, 800)]).index for _ in range(1500)]
    assert theil_of(y).error == pytest.approx(np.std(draws), rel=0.07)


def test_theils_interval_holds_the_truth():
    rng = np.random.default_rng(5)
    truth, reach = theil_of(rng.gamma(2.0, 1.0, 1_000_000)).index, student.ppf(0.975, 399)
    held = 0
    for _ in range(1500):
        one = theil_of(rng.gamma(2.0, 1.0, 400))
        held += abs(np.log(one.index / truth)) <= reach * one.error / one.index
    assert 0.93 < held / 1500 < 0.968


def test_amounts_that_are_not_above_zero_are_counted_and_left_out(tmp_path):
    data = book()
    granted = data.index[data["granted"] == 1]
    data.loc[granted[:20], "lent"] = 0.0
    data.loc[granted[20:50], "lent"] = -5.0
    data.loc[granted[50:60], "lent"] = np.nan
    found, _ = measured(tmp_path, data)
    theil, index = found["amount_theil_index", "region"], found["amount_concentration_index", None]
    assert theil.counts["amount_not_above_zero"] == 50
    assert theil.counts["amount_missing"] == 10
    assert index.counts["unusable_amounts"] == 60
    assert index.n == theil.n == len(granted) - 60
    assert any("no amount above zero" in text for text in theil.unseen)


def test_a_missing_rank_is_counted_and_keeps_the_figure_from_clear(tmp_path):
    data = book(steep=0.0)
    plain, _ = measured(tmp_path / "a", data)
    assert not plain["access_concentration_index", None].unseen
    data.loc[data.index < 150, "earned"] = np.nan
    found, _ = measured(tmp_path / "b", data)
    figure = found["access_concentration_index", None]
    assert figure.counts["without_rank"] == 150
    assert any("10.0 % of the rows have no earned" in text for text in figure.unseen)
    assert figure.cautions
    assert found["access_share", None].n == 1500


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"earned": 5000.0}, "is the same for all rows"), ({"earned": np.nan}, "no row has both"),
     ({"granted": 1}, "rarer outcome"), ({"granted": np.nan}, "no row has both")],
)  # fmt: skip
def test_where_no_index_can_be_had_the_reason_is_told(tmp_path, change, reason):
    found, _ = measured(tmp_path, book(rows=300).assign(**change))
    figure = found["access_concentration_index", None]
    assert figure.estimate is None
    assert reason in figure.reason


def test_too_few_rows_give_no_interval(tmp_path):
    found, _ = measured(tmp_path, book(rows=40))
    assert all(one.estimate is None and "needs" in one.reason for key, one in found.items() if key[0] != "access_share")


def test_negative_incomes_have_a_place_and_are_told(tmp_path):
    data = book()
    data.loc[data.index < 200, "earned"] = -1.0
    found, _ = measured(tmp_path, data)
    figure = found["access_concentration_index", None]
    assert figure.counts["negative_ranks"] == 200
    assert any("below zero" in text for text in figure.cautions)
    exact = of_rows(data["earned"], data["granted"])
    assert figure.estimate == pytest.approx(exact.erreygers, abs=5e-4)


def test_a_rank_that_most_share_is_told(tmp_path):
    data = book()
    data.loc[data.index < 900, "earned"] = 0.0
    found, _ = measured(tmp_path, data)
    assert any("60 % of the rows have the same" in text for text in found["access_concentration_index", None].unseen)


def test_a_lowest_fifth_that_the_index_levels_out_is_seen(tmp_path):
    data = book(steep=0.0, rows=3000)
    place = rankdata(data["earned"]) / 3000
    rng = np.random.default_rng(9)
    chance = np.where((place < 0.2) | (place > 0.8), 0.3, 0.7)
    data["granted"] = (rng.random(3000) < chance).astype(int)
    found, _ = measured(tmp_path, data)
    figure = found["access_concentration_index", None]
    assert abs(figure.estimate) < 0.06
    assert any("lowest fifth" in text for text in figure.unseen)
    assert figure.details["lowest_fifth"] == pytest.approx(0.3, abs=0.06)


def test_an_order_that_tells_who_has_access_without_exception_is_no_silence(tmp_path):
    data = book(rows=400)
    data["granted"] = (data["earned"] > data["earned"].median()).astype(int)
    found, _ = measured(tmp_path, data)
    figure = found["access_concentration_index", None]
    assert figure.estimate == pytest.approx(1.0, abs=1e-3)
    assert 0.9 < figure.low <= figure.estimate <= figure.high <= 1.0


def test_without_decisions_the_last_stage_of_the_funnel_is_access(tmp_path):
    data = book().assign(seen=True, began=True)
    data["passed"] = np.where(data["granted"] == 1, "yes", "no")
    changes = {"without": ("decision",), "funnel": ["seen", "began", "passed"]}
    found, missing = measured(tmp_path / "a", data, **changes)
    plain, _ = measured(tmp_path / "b", data)
    key = "access_concentration_index", None
    assert found[key].estimate == pytest.approx(plain[key].estimate, rel=1e-12)
    assert found["amount_concentration_index", None].n == 1500
    data["passed"] = pd.Series(pd.Timestamp("2025-01-01"), index=data.index).where(data["granted"] == 1)
    timed, _ = measured(tmp_path / "c", data, **changes)
    assert timed[key].estimate == pytest.approx(plain[key].estimate, rel=1e-12)
    assert not missing


def way(rows=2000, lost=0.6):
    """People, of whom those who earn less more often never come to a decision; who comes is granted by chance alone."""
    data = book(steep=0.0, rows=rows)
    place = rankdata(data["earned"]) / rows
    came = np.random.default_rng(12).random(rows) > lost * 2 * (1 - place)
    data["sent"] = came
    data["granted"] = data["granted"].astype(float).where(came)
    return data.assign(seen=True, lent=data["lent"].where(data["granted"] == 1))


def test_with_a_funnel_whoever_never_came_to_the_decision_has_no_access(tmp_path):
    data = way()
    funnel = ["seen", "sent", "granted"]
    found, missing = measured(tmp_path / "a", data, funnel=funnel)
    assert not missing
    index, level = found["access_concentration_index", None], found["access_share", None]
    covariance, mean = by_rows(data["earned"], data["granted"] == 1)
    assert index.estimate == pytest.approx(8 * covariance, abs=2e-4)
    assert index.low > 0.1
    assert level.estimate == mean < 0.5
    assert level.counts["rows"] == index.counts["rows"] == 2000
    assert level.counts["unknown"] == index.counts["unknown"] == index.counts["submitted_undecided"] == 0
    assert not level.unseen
    assert index.details["access_share"] == pytest.approx(mean)
    assert "all rows, access being to have passed 'granted'" in index.method
    assert "all rows" in level.method
    alone, _ = measured(tmp_path / "b", data)
    decided = data[data["granted"].notna()]
    few, _ = by_rows(decided["earned"], decided["granted"])
    assert alone["access_concentration_index", None].estimate == pytest.approx(8 * few, abs=2e-3)
    assert alone["access_share", None].estimate == decided["granted"].mean() > 0.45
    assert all("decided applications" in alone[name, None].method for name in (index.measure, level.measure))
    for figures in (found, alone):
        assert figures["amount_concentration_index", None].counts["rows"] == (data["granted"] == 1).sum()


def test_a_funnel_without_the_decision_goes_by_its_last_stage_and_amounts_by_the_decision(tmp_path):
    data = way()
    data["taken"] = pd.Series(pd.Timestamp("2025-01-01"), data.index).where((data["granted"] == 1) & (data.index % 2))
    found, _ = measured(tmp_path, data, funnel=["seen", "sent", "taken"])
    covariance, mean = by_rows(data["earned"], data["taken"].notna())
    assert found["access_concentration_index", None].estimate == pytest.approx(8 * covariance, abs=2e-4)
    assert found["access_share", None].estimate == mean
    assert "'taken'" in found["access_share", None].method
    assert found["amount_concentration_index", None].counts["rows"] == (data["granted"] == 1).sum()


@pytest.mark.parametrize(("kind", "words"), [
    ("submitted_undecided", "have no decision"), ("later_without_earlier", "not one before it"),
])  # fmt: skip
def test_rows_whose_way_is_in_doubt_are_counted_and_keep_access_from_clear(tmp_path, kind, words):
    data = way()
    if kind == "submitted_undecided":
        data.loc[data[data["granted"].notna()].index[:100], "granted"] = np.nan
    else:
        data.loc[data[data["granted"].notna()].index[:100], "sent"] = False
        data["granted"] = data["granted"].where(data["granted"] == 1)
    found, _ = measured(tmp_path, data, funnel=["seen", "sent", "granted"])
    doubted = {"submitted_undecided": 100, "later_without_earlier": (data["granted"].notna() & ~data["sent"]).sum()}[
        kind
    ]
    for measure in ("access_concentration_index", "access_share"):
        assert found[measure, None].counts[kind] == doubted > 20
        assert any(words in text for text in found[measure, None].unseen)


def test_persons_with_several_rows_of_a_funnel_make_no_breach(tmp_path):
    found, _ = measured(tmp_path, way(), funnel=["seen", "sent", "granted"], entity="person")
    for measure in ("access_concentration_index", "access_share"):
        assert any("entity" in text for text in found[measure, None].cautions)


def test_a_log_of_events_is_not_answered(tmp_path):
    data = book().assign(what="shown", at=pd.Timestamp("2025-01-01"))
    funnel = {"event": "what", "stages": {"reach": ["shown"], "start": ["begun"]}}
    found, missing = measured(tmp_path, data, without=("decision", "loan"), funnel=funnel, entity="person", time="at")
    assert not found
    told = {one.question.split(": ")[1]: one.reason for one in missing}
    assert "log of events" in told["access_concentration_index"]
    assert "loan.amount" in told["amount_theil_index"]


@pytest.mark.parametrize(("column", "fine"), [("burden", True), ("region", False), ("nowhere", False)])
def test_a_rank_must_be_a_number_that_the_contract_names(tmp_path, column, fine):
    data = book().assign(burden=lambda d: -d["earned"])
    found, missing = measured(tmp_path, data, ConcentrationIndex(ranked_by=column), controls=["burden"])
    assert (("access_concentration_index", None) in found) == fine
    assert ("amount_theil_index", "region") in found
    if fine:
        plain, _ = measured(tmp_path / "b", data)
        key = "access_concentration_index", None
        assert found[key].estimate == pytest.approx(-plain[key].estimate, abs=2e-4)
    else:
        assert any(f"'{column}'" in one.reason for one in missing)


def test_a_column_declared_a_number_may_order_people(tmp_path):
    data = book().assign(savings=lambda d: d["earned"])
    found, _ = measured(
        tmp_path, data, ConcentrationIndex(ranked_by="savings"), columns={"savings": {"type": "number"}}
    )
    assert found["access_concentration_index", None].estimate > 0


def test_without_an_income_levels_and_amounts_are_still_told(tmp_path):
    found, missing = measured(tmp_path, book(), loan={"amount": "lent", "currency": "CNY"})
    assert set(found) == {("amount_theil_index", "region")}
    assert any("loan.income" in one.reason for one in missing)


def test_a_parameter_that_is_no_name_is_refused():
    with pytest.raises(InputError, match="ranked_by"):
        ConcentrationIndex(ranked_by=3)


def test_an_entity_that_repeats_makes_no_breach_and_is_not_clear(tmp_path):
    data = book()
    once, missing = measured(tmp_path / "a", data.assign(person=np.arange(1500)), entity="person")
    assert not missing
    assert not once["access_share", None].cautions
    again, missing = measured(tmp_path / "b", data, entity="person")
    for figure in again.values():
        assert any("entity" in text for text in figure.cautions)
        assert any("entity" in text for text in figure.unseen)
    assert [one.question for one in missing] == ["digital_divide.concentration_index: entity"]


def test_strata_that_are_lumped_keep_indices_from_clear(tmp_path):
    data = book(steep=0.0).assign(shop=lambda d: d["number"] % 2)
    found, _ = measured(tmp_path, data, strata=["shop"])
    assert any("strata" in text for text in found["access_concentration_index", None].unseen)


def test_files_give_back_what_was_collected(tmp_path):
    file = program(tmp_path, book())
    with open_source(read_program(file), read_period("all")) as source:
        ranked = collect_ranked(source, RankedNeed("earned", "lent"))
        spread = collect_spread(source, SpreadNeed("lent", "region"))
        with pytest.raises(ValueError, match="bins=1"):
            collect_ranked(source, RankedNeed("earned", bins=1))
    assert ranked_from_json(ranked_to_json(ranked)) == ranked
    assert spread_from_json(ranked_to_json(spread)) == spread
    assert str(book()["earned"].iloc[0]) not in ranked_to_json(ranked)  # no income leaves the source


def test_places_part_no_ties_and_hold_equal_numbers(tmp_path):
    data = book(rows=2000)
    data.loc[data.index < 400, "earned"] = 3000.0
    with open_source(read_program(program(tmp_path, data)), read_period("all")) as source:
        ranked = collect_ranked(source, RankedNeed("earned", bins=20))
    rows = pd.Series([one.rows for one in ranked.cells]).groupby([one.place for one in ranked.cells]).sum()
    order = data["earned"].sort_values().to_numpy()
    ends = np.cumsum(rows.to_numpy())[:-1]
    assert all(order[end - 1] < order[end] for end in ends)
    assert sorted(rows)[-1] >= 400
    assert np.median(rows) == pytest.approx(100, abs=2)


def test_postgres_gives_the_same_figures(postgres_url, tmp_path):
    data = book(rows=900)
    data.loc[data.index < 60, "earned"] = np.nan
    data.loc[data.index > 880, "lent"] = 0.0
    here = measure_program(program(tmp_path / "a", data), ConcentrationIndex(), tmp_path / "a/out")
    types = {"earned": "double precision", "lent": "double precision", "region": "text"}
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS incomes")
        columns = ", ".join(f"{name} {types.get(name, 'bigint')}" for name in data)
        connection.execute(f"CREATE TABLE incomes ({columns})")
        with connection.cursor().copy("COPY incomes FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row(tuple(None if pd.isna(value) else value for value in row))
    file = program(tmp_path / "b", data)
    file.write_text(file.read_text().replace("table: loans.parquet", f"connection: {postgres_url}\n  table: incomes"))
    there, missing = measure_program(file, ConcentrationIndex(), tmp_path / "b/out")
    assert missing == here[1]
    for one, other in zip(here[0], there, strict=True):
        assert (one.measure, one.counts) == (other.measure, other.counts)
        assert one.estimate == pytest.approx(other.estimate, rel=1e-11)
        assert one.low == pytest.approx(other.low, rel=1e-10)
