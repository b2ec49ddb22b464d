"""Prices on the same terms against a comparison of every pair of rows in exact fractions, and what is said of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

import duckdb
import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.evidence.needs import SameTermsNeed, unknown_names
from audits.evidence.same_terms import collect_same_terms, same_terms_from_json, same_terms_to_json
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import write_program

TERMS = {
    "product": "Product X", "channel": "通道", "payment_method": "pay-by", "incentive": "gift €", "reason_code": "Why",
    "disclosed": "shown?",
}  # fmt: skip
CONTRACT = {
    "unit": "Quote No", "time": "quoted AT", "price": {"column": "asked €", "currency": "EUR"}, "cost": "risk cost",
    "terms": TERMS, "strata": ["tier"],
}  # fmt: skip
ALLOWED = ("new_customer_offer", "Random_Test")
NEED = SameTermsNeed(
    ("Product X", "通道", "pay-by", "tier"), "asked €", incentive="gift €", time="quoted AT", reason="Why",
    allowed=ALLOWED, disclosed="shown?",
)  # fmt: skip


def quotes(seed=1, rows=400):
    """Few terms, few days, ties, prices that lie at the tolerance to the cent, and everything missing now and then."""
    rng = np.random.default_rng(seed)

    def pick(*values):
        return np.array(values, dtype=object)[rng.integers(0, len(values), rows)]

    midnight = pd.Timestamp("2024-03-01")
    seconds = rng.integers(-2 * 86_400, 2 * 86_400, rows) // pick(1, 86_400) * 86_400 + rng.integers(-2, 3, rows)
    data = pd.DataFrame({
        "Quote No": rng.permutation(rows), "Product X": pick("a", "a", "a", " a", "b", None),
        "通道": pick("web", "web", "web", None), "pay-by": pick(1.0, 1.0, 1.0, 12.0, None),
        "tier": pick(True, True, True, False, None),
        "quoted AT": (midnight + pd.to_timedelta(seconds.astype(int), unit="s")).astype("datetime64[us]"),
        "asked €": pick(100.0, 100.0, 100.01, 100.02, 105.0, 105.01, 110.0, 20.0, 21.0, 0.0, -5.0, None).astype(float),
        "risk cost": pick(50.0, 50.0, 52.5, 55.13, 10.0, 0.0, None).astype(float),
        "gift €": pick(0.0, None, None, 5.0, 0.01).astype(float),
        "Why": pick(None, None, " NEW_customer_offer", "random_test", "loyal", "Loyal "),
        "shown?": pick("yes", "no", "no", None, "N"),
    })  # fmt: skip
    data["pay-by"] = data["pay-by"].astype(float)
    data["tier"] = data["tier"].astype("boolean")
    data.loc[rng.integers(0, rows, 8), "quoted AT"] = pd.NaT
    return data


def opened(folder, data, **changes):
    program = write_program(folder, data, **{"contract": CONTRACT, "audits": {"primary": ["fair_lending"]}, **changes})
    return open_source(read_program(program), Period())


def exact(value):
    return None if pd.isna(value) else Fraction(str(value))


def usable(data, need):
    """(terms, rate, paid, cost, excused, code, flag) of each row without a fault, and the faults."""
    rows, faults = [], Counter()
    for row in data.to_dict("records"):
        window = None
        if need.time:
            if pd.isna(row[need.time]):
                faults["no_time"] += 1
                continue
            window = (row[need.time].normalize() - pd.Timestamp("1970-01-01")).days // need.window_days
        paid = exact(row[need.price])
        if need.incentive and paid is not None:
            paid -= exact(row[need.incentive]) or 0
        cost = exact(row[need.cost]) if need.cost else Fraction(1)
        checked = [("price", paid)] + ([("cost", cost)] if need.cost else [])
        wrong = [f"no_{name}" if one is None else f"{name}_not_positive" for name, one in checked
                 if one is None or one <= 0]  # fmt: skip
        if wrong:
            faults[wrong[0]] += 1
            continue
        terms = (*(None if pd.isna(row[key]) else row[key] for key in need.keys), window)
        code, flag = (row[name] if name and not pd.isna(row[name]) else None for name in (need.reason, need.disclosed))
        excused = code is not None and code.strip().casefold() in {one.casefold() for one in need.allowed}
        rows.append((terms, paid / cost, paid, cost, excused, code, flag))
    return rows, faults


def by_pairs(data, need):
    """Every row against every other row."""
    rows, faults = usable(data, need)
    tolerance, rounding = Fraction(str(need.tolerance)), Fraction(str(need.rounding))
    found, dearer, beyond, highest = Counter(faults), Counter(), Counter(), {}
    for i, (terms, rate, paid, cost, excused, code, flag) in enumerate(rows):
        others = [other for j, other in enumerate(rows) if j != i and other[0] == terms and not other[4]]
        found["excused" if excused else "compared" if others else "alone"] += 1
        cheaper = [other[1] for other in others if paid - other[1] * cost > rounding]
        key = (code, flag, excused, None not in terms[:-1])
        if cheaper:
            dearer[key] += 1
            beyond[key] += any(rate > (1 + tolerance) * other for other in cheaper)
            highest[key] = max(highest.get(key, 0), *(rate / other for other in cheaper))
    free = Counter(row[0] for row in rows if not row[4])
    found["sets"] = len({row[0] for row in rows})
    found["single_sets"] = sum(free[terms] < 2 for terms in {row[0] for row in rows})
    return found, dearer, beyond, highest


def agree(found, data, need):
    counts, dearer, beyond, highest = by_pairs(data, need)
    assert found.rows == len(data)
    assert found.usable == counts["excused"] + counts["compared"] + counts["alone"]
    for name in ("sets", "single_sets", "excused", "alone", "compared"):
        assert getattr(found, name) == counts[name], name
    assert found.faults == {
        name: n for name, n in counts.items() if name.startswith("no_") or name.endswith("_positive")
    }
    assert found.incomplete == data[list(need.keys)].isna().any(axis=1).sum()
    assert {(one.code, one.flag, one.excused, one.complete): one.rows for one in found.dearer} == dearer
    assert {(one.code, one.flag, one.excused, one.complete): one.beyond for one in found.dearer} == beyond
    for one in found.dearer:
        assert one.highest == pytest.approx(float(highest[one.code, one.flag, one.excused, one.complete]), rel=1e-13)
    return beyond


NEEDS = {
    "day": NEED,
    "week": replace(NEED, window_days=7),
    "two days": replace(NEED, window_days=2, tolerance=0.0),
    "no time": replace(NEED, time=None),
    "cost": replace(NEED, cost="risk cost"),
    "one key, no reasons, no flag": replace(NEED, keys=("Product X",), reason=None, disclosed=None, incentive=None),
    "wide": replace(NEED, keys=("通道",), tolerance=0.1, rounding=5.0),
}  # fmt: skip


@pytest.mark.parametrize("name", NEEDS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_join_finds_what_a_comparison_of_all_pairs_finds(tmp_path, seed, name):
    data = quotes(seed)
    with opened(tmp_path, data) as source:
        found = collect_same_terms(source, NEEDS[name])
    beyond = agree(found, data, NEEDS[name])
    assert sum(beyond.values()) > 5  # the comparison has something to find
    assert same_terms_from_json(same_terms_to_json(found)) == found


def test_postgres_counts_the_same_rows(tmp_path, postgres_url):
    data = quotes(4)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS quotes")
        connection.execute(
            'CREATE TABLE quotes ("Quote No" bigint, "Product X" text, "通道" text, "pay-by" float8, tier boolean, '
            '"quoted AT" timestamp, "asked €" float8, "risk cost" float8, "gift €" float8, "Why" text, "shown?" text)'
        )
        with connection.cursor().copy("COPY quotes FROM STDIN") as copy:
            for row in data.astype(object).where(data.notna(), None).itertuples(index=False):
                copy.write_row(tuple(row))
    for i, need in enumerate(NEEDS.values()):
        with opened(tmp_path / f"a{i}", data) as source:
            here = collect_same_terms(source, need)
        with opened(tmp_path / f"b{i}", data, source={"connection": postgres_url, "table": "quotes"}) as source:
            there = collect_same_terms(source, need)
        assert same_terms_to_json(here) == same_terms_to_json(there)


def test_no_order_of_rows_or_threads_changes_a_byte(tmp_path, monkeypatch):
    data = quotes(5)
    texts = []
    for i, threads in enumerate(("1", "2", "4")):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        with opened(tmp_path / str(i), data.sample(frac=1, random_state=i)) as source:
            texts.append(same_terms_to_json(collect_same_terms(source, NEEDS["cost"])))
    assert texts[0] == texts[1] == texts[2]


TYPED = """
    SELECT i AS "Quote No", CASE WHEN i % 7 > 0 THEN CAST('2024-01-01' AS date) + CAST(i % 2 AS int) END AS day,
    CASE WHEN i % 5 > 0 THEN CAST(i % 2 AS decimal(24, 6)) / 4 END AS rank,
    CASE WHEN i % 3 > 0 THEN CAST('00000000-0000-0000-0000-00000000000' || CAST(i % 2 AS text) AS uuid) END AS place,
    CASE WHEN i % 4 > 0 THEN CAST('2024-01-01 10:00:00' AS timestamp) END AS moment,
    CAST(1000 + (i % 13) * 7 AS decimal(12, 2)) / 10 AS asked,
    CASE WHEN i % 6 > 0 THEN CAST(i % 3 AS double precision) END AS why, i % 11 = 0 AS shown,
    CAST('2024-03-01 07:59:59+08' AS timestamptz) + CAST(i % 2 AS int) * INTERVAL '2 seconds' AS quoted
"""


def test_terms_of_every_type_are_compared_in_both_engines(tmp_path, postgres_url):
    duckdb.sql(f"COPY ({TYPED} FROM range(1, 401) AS numbers(i)) TO '{tmp_path / 'typed.parquet'}'")
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS typed")
        connection.execute(f"CREATE TABLE typed AS {TYPED} FROM generate_series(1, 400) AS numbers(i)")
    contract = {
        "unit": "Quote No", "time": "quoted", "price": {"column": "asked", "currency": "EUR"},
        "terms": {"product": "place", "reason_code": "why", "disclosed": "shown"}, "strata": ["day", "rank", "moment"],
    }  # fmt: skip
    need = SameTermsNeed(
        ("place", "rank"), "asked", time="quoted", reason="why", allowed=("2",), disclosed="shown", tolerance=0.02
    )
    typed = {"duckdb": {"table": str(tmp_path / "typed.parquet")}, "postgres": {
        "connection": postgres_url, "table": "typed",
    }}  # fmt: skip
    found = {}
    for name, place in typed.items():
        with opened(tmp_path / name, pd.DataFrame({"x": [1]}), contract=contract, source=place) as source:
            found[name] = [
                collect_same_terms(source, one)
                for one in (need, replace(need, keys=("place", "day")), replace(need, keys=("moment",), time=None))
            ]
    assert found["duckdb"] == found["postgres"]
    assert {(one.code, one.flag) for one in found["duckdb"][0].dearer} >= {("1", "false"), (None, "true")}
    data = duckdb.sql(f"SELECT * FROM '{tmp_path / 'typed.parquet'}'").df()
    data = data.assign(quoted=data["quoted"].dt.tz_convert("UTC").dt.tz_localize(None), place=data["place"].astype(str))
    data["why"] = data["why"].map({0.0: "0", 1.0: "1", 2.0: "2"})
    data["shown"] = data["shown"].map({True: "true", False: "false"})
    data = data.assign(place=data["place"].where(data["place"].str.len() > 4, None))
    assert data["quoted"].dt.day.nunique() == 2  # the two sides of midnight UTC
    assert sum(agree(found["duckdb"][0], data, need).values()) > 5


@pytest.mark.parametrize(
    "change", [{"keys": ()}, {"window_days": 0}, {"tolerance": -0.1}, {"tolerance": float("nan")}, {"rounding": -1.0}]
)
def test_a_need_that_cannot_be_is_refused(tmp_path, change):
    with opened(tmp_path, quotes(1)) as source, pytest.raises(ValueError, match="were expected"):
        collect_same_terms(source, replace(NEED, **change))


def test_every_column_of_a_need_must_be_in_the_contract():
    need = replace(NEED, cost="risk cost")
    used = ["Product X", "通道", "pay-by", "tier", "asked €", "risk cost", "gift €", "quoted AT", "Why", "shown?"]
    assert unknown_names(need, [], used) == []
    assert unknown_names(need, [], used[:4]) == used[4:]


def test_codes_and_flags_beyond_their_number_are_not_used(tmp_path):
    data = pd.concat([quotes(seed) for seed in (1, 2, 3)], ignore_index=True)
    data["Quote No"] = data.index
    with opened(tmp_path, data.assign(**{"Why": data.index.astype(str), "shown?": data.index.astype(str)})) as source:
        found = collect_same_terms(source, replace(NEED, allowed=("3",)))
    assert (found.codes_refused, found.flags_refused, found.excused, found.flags) == (True, True, 0, ())
    assert {(one.code, one.flag, one.excused) for one in found.dearer} == {(None, None, False)}
