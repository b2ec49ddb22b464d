"""Sequences against a plain loop over sorted rows, on DuckDB and Postgres. Counts are exact."""

from __future__ import annotations

from collections import Counter

import duckdb
import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.evidence.needs import SequenceNeed
from audits.evidence.sequences import collect_sequences, sequences_from_json, sequences_to_json
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import write_program

CONTRACT = {
    "unit": "Loan No",
    "entity": "WHERE",
    "time": "时间",
    "decision": {"column": "granted", "favourable": 1},
    "groups": {"region": {"column": "region", "reference": "north"}},
}
NEED = SequenceNeed("WHERE", "时间", "Loan No", 30.0, ("region",), (0.5, 7, 30))


def borrowing(seed=1, rows=800, entities=60, hours=24 * 400):
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2024-01-01")
    time = start + pd.to_timedelta(rng.integers(0, hours // 12, rows) * 12, unit="h")  # many rows share a time
    data = pd.DataFrame({
        "Loan No": [f"L{i:05d}" for i in rng.permutation(rows)], "WHERE": rng.integers(0, entities, rows).astype(float),
        "时间": time.astype("datetime64[us]"), "region": np.where(rng.uniform(size=rows) < 0.4, "south", "north"),
        "granted": rng.integers(0, 2, rows),
    })  # fmt: skip
    data["region"] = data["region"].astype(object)
    data.loc[rng.integers(0, rows, 20), "region"] = None
    data.loc[rng.integers(0, rows, 20), "WHERE"] = np.nan
    data.loc[rng.integers(0, rows, 20), "时间"] = pd.NaT
    return data


def opened(folder, data, **source):
    changes = {"source": source} if source else {}
    return open_source(read_program(write_program(folder, data, contract=CONTRACT, **changes)), Period())


def by_hand(data, need):
    used = data.dropna(subset=["WHERE", "时间"]).sort_values(["WHERE", "时间", "Loan No"])
    rows, gaps, tied, chains = Counter(), {}, Counter(), Counter()
    for _, own in used.groupby("WHERE"):
        before, first, length = None, None, 0
        for time, region in zip(own["时间"], own["region"], strict=True):
            label = None if pd.isna(region) else region
            rows[label] += 1
            gap = None if before is None else (time - before) / pd.Timedelta(days=1)
            if gap is not None:
                gaps.setdefault(label, []).append(gap)
                tied[label] += gap == 0
            if gap is None or gap > need.chain_days:
                chains[(first,), length] += length > 0
                first, length = label, 0
            length, before = length + 1, time
        chains[(first,), length] += 1
    return rows, gaps, tied, {key: n for key, n in chains.items() if n}


@pytest.mark.parametrize(("seed", "entities"), [(1, 60), (2, 1), (3, 700)])
def test_gaps_and_chains_equal_a_loop_over_sorted_rows(tmp_path, seed, entities):
    data = borrowing(seed, entities=entities)
    with opened(tmp_path, data) as source:
        found = collect_sequences(source, NEED)
    rows, gaps, tied, chains = by_hand(data, NEED)
    for one in found.gaps:
        (label,) = one.labels
        own = np.array(gaps.get(label, []))
        assert (one.rows, one.gaps, one.tied) == (rows[label], len(own), tied[label])
        assert one.days == pytest.approx(own.sum(), rel=1e-12)
        assert one.within == tuple(int((own <= days).sum()) for days in NEED.within)
    assert {one.labels[0] for one in found.gaps} == set(rows)
    assert {(labels, length): n for labels, length, n in found.chains} == chains
    assert found.missing == data[["WHERE", "时间"]].isna().any(axis=1).sum()
    assert found.entities == data.dropna(subset=["WHERE", "时间"])["WHERE"].nunique()


def test_a_gap_of_exactly_the_limit_continues_the_chain_and_one_more_second_ends_it(tmp_path):
    day = pd.Timestamp("2024-01-01")
    times = [day, day + pd.Timedelta(days=30), day + pd.Timedelta(days=60, seconds=1)]
    data = borrowing().head(3).assign(时间=pd.Series(times).astype("datetime64[us]"), WHERE=1.0, region="north")
    with opened(tmp_path, data) as source:
        found = collect_sequences(source, NEED)
    assert found.chains == ((("north",), 1, 1), (("north",), 2, 1))
    assert found.gaps[0].within == (0, 0, 1)


def test_order_threads_and_engine_leave_every_byte_and_no_identifier(tmp_path, monkeypatch, postgres_url):
    data = borrowing()
    texts = set()
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        with opened(tmp_path / threads, data.sample(frac=1, random_state=int(threads))) as source:
            found = collect_sequences(source, NEED)
            texts.add(sequences_to_json(found))
    assert sequences_from_json(texts.copy().pop()) == found
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS borrowing")
        connection.execute('CREATE TABLE borrowing ("Loan No" text, "WHERE" float8, "时间" timestamp, region text, '
                           "granted int)")  # fmt: skip
        with connection.cursor().copy("COPY borrowing FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row([None if pd.isna(value) and i != 1 else value for i, value in enumerate(row)])
    with opened(tmp_path / "pg", data, connection=postgres_url, table="borrowing") as source:
        texts.add(sequences_to_json(collect_sequences(source, NEED)))
    assert len(texts) == 1
    assert "L0" not in texts.pop()


@pytest.mark.parametrize("days", [-1.0, float("inf"), float("nan")])
def test_an_impossible_number_of_days_is_refused(tmp_path, days):
    need = SequenceNeed("WHERE", "时间", "Loan No", days)
    with opened(tmp_path, borrowing()) as source, pytest.raises(ValueError, match="days where a number"):
        collect_sequences(source, need)


def test_enumerations_of_a_database_order_rows_as_their_texts_and_unknown_times_are_missing(tmp_path):
    data = borrowing(rows=300)
    data.loc[:49, "时间"] = pd.NaT
    data["Loan No"] = [f"{'bac'[i % 3]}{i % 7}" for i in range(len(data))]
    found = []
    for name in ("text", "enum"):
        (tmp_path / name).mkdir()
        with duckdb.connect(str(tmp_path / name / "loans.db")) as connection:
            connection.register("given", data)
            units = ", ".join(f"'{unit}'" for unit in sorted(set(data["Loan No"]), reverse=True))
            columns = {
                "text": "*",
                "enum": f"""* REPLACE ("Loan No"::ENUM({units}) AS "Loan No",
                region::ENUM('south', 'north') AS region)""",
            }[name]
            connection.execute(f"CREATE TABLE borrowing AS SELECT {columns} FROM given")
        url = f"duckdb:///{tmp_path / name / 'loans.db'}"
        with opened(tmp_path / name, data, connection=url, table="borrowing") as source:
            found.append(collect_sequences(source, NEED))
    assert found[0] == found[1]
    assert found[0].missing == data[["WHERE", "时间"]].isna().any(axis=1).sum() >= 50
