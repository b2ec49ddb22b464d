"""Histograms against pandas and numpy on rows: every count is exact, so nothing has a tolerance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.evidence.exact_sums import Range
from audits.evidence.histograms import _edges, collect_histogram, histogram_from_json, histogram_to_json
from audits.evidence.needs import HistogramNeed
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import loans, write_program

CONTRACT = {
    "unit": "case",
    "decision": {"column": "granted", "favourable": 1},
    "groups": {"region": {"column": "region", "reference": "north"}},
    "score": 'ORDER "评分"',
}
SCORE = CONTRACT["score"]


def scored(rows=2000, digits=1, scale=1.0):
    data = loans(3, rows)
    rng = np.random.default_rng(1)
    data[SCORE] = np.round(rng.normal(0, 1, rows), digits) * scale
    data.loc[:4, SCORE] = [np.nan, np.inf, -np.inf, -0.0, 0.0]
    return data


def opened(folder, data, **source):
    changes = {"source": source} if source else {}
    return open_source(read_program(write_program(folder, data, contract=CONTRACT, **changes)), Period())


def known(data):
    return data[SCORE].replace([np.inf, -np.inf], np.nan)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e200])
def test_few_values_keep_their_own_counts(tmp_path, scale):
    data = scored(scale=scale)
    with opened(tmp_path, data) as source:
        found = collect_histogram(source, HistogramNeed(SCORE, ("region",)))
    assert found.exact
    oracle = data.assign(s=known(data) + 0.0).groupby(["region", "granted", "s"], dropna=False).size()
    here = {
        (label, decision, np.nan if place is None else found.values[place]): rows
        for (label,), decision, place, rows in found.counts
    }
    assert sum(here.values()) == len(data)
    assert {key: n for key, n in here.items() if key[2] == key[2]} == {
        key: n for key, n in oracle.to_dict().items() if key[2] == key[2]
    }
    assert found.missing == 3


def test_ties_are_stated_as_pairs_and_as_the_share_of_the_commonest_value(tmp_path):
    data = scored()
    with opened(tmp_path, data) as source:
        found = collect_histogram(source, HistogramNeed(SCORE))
        binned = collect_histogram(source, HistogramNeed(SCORE, exact=5))
    sizes = known(data).dropna().value_counts()
    assert found.tied_pairs == binned.tied_pairs == sum(m * (m - 1) // 2 for m in sizes)
    assert (found.modal_rows, found.different) == (sizes.max(), len(sizes))
    assert found.modal_share == sizes.max() / sizes.sum()


@pytest.mark.parametrize(("bins", "scale"), [(1, 1.0), (7, 1e-12), (64, 1e15)])
def test_many_values_fall_into_the_bins_that_numpy_finds_for_the_same_edges(tmp_path, bins, scale):
    data = scored(digits=9, scale=scale)
    with opened(tmp_path, data) as source:
        found = collect_histogram(source, HistogramNeed(SCORE, exact=10, bins=bins))
    assert not found.exact
    assert len(found.values) == bins + 1
    values = known(data).dropna()
    assert (found.values[0], found.values[-1]) == (values.min(), values.max())
    here = np.zeros(bins, int)
    for _, _, place, rows in found.counts:
        if place is not None:
            here[place] += rows
    np.testing.assert_array_equal(here, np.histogram(values, found.values)[0])


def test_a_score_that_is_never_known_or_never_varies_is_a_histogram_too(tmp_path):
    data = scored()
    with opened(tmp_path / "a", data.assign(**{SCORE: np.nan})) as source:
        empty = collect_histogram(source, HistogramNeed(SCORE))
    with opened(tmp_path / "b", data.assign(**{SCORE: 7.5})) as source:
        constant = collect_histogram(source, HistogramNeed(SCORE))
    assert (empty.different, empty.modal_share, empty.missing, empty.values) == (0, None, len(data), ())
    assert (constant.values, constant.modal_share) == ((7.5,), 1.0)
    with opened(tmp_path / "c", data) as source, pytest.raises(ValueError, match="bins=0"):
        collect_histogram(source, HistogramNeed(SCORE, bins=0))


@pytest.mark.parametrize("exact", [4096, 10])
def test_order_threads_and_engine_leave_every_byte(tmp_path, monkeypatch, postgres_url, exact):
    data = scored(digits=3)
    need = HistogramNeed(SCORE, ("region",), exact=exact, bins=50)
    texts = set()
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        with opened(tmp_path / threads, data.sample(frac=1, random_state=int(threads))) as source:
            found = collect_histogram(source, need)
            texts.add(histogram_to_json(found))
    assert histogram_from_json(texts.copy().pop()) == found
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS scored")
        connection.execute('CREATE TABLE scored ("case" bigint, region text, burden float8, granted int, '
                           '"ORDER ""评分""" float8)')  # fmt: skip
        with connection.cursor().copy("COPY scored FROM STDIN") as copy:
            for row in data[["case", "region", "burden", "granted", SCORE]].itertuples(index=False):
                copy.write_row(row)
    with opened(tmp_path / "pg", data, connection=postgres_url, table="scored") as source:
        texts.add(histogram_to_json(collect_histogram(source, need)))
    assert len(texts) == 1


def test_labels_of_bins_keep_a_missing_group_apart(tmp_path):
    data = scored()
    data["region"] = data["region"].astype(object)
    data.loc[10:19, "region"] = None
    with opened(tmp_path, data) as source:
        found = collect_histogram(source, HistogramNeed(SCORE, ("region",), exact=3, bins=4))
    oracle = pd.Series([None if label is None else label for (label,), *_ in found.counts]).isna()
    assert sum(rows for (_, _, _, rows), missing in zip(found.counts, oracle, strict=True) if missing) == 10


@pytest.mark.parametrize("low", [1.0, 0.1, 3e-3, -7.7, 1e16])
def test_edges_ascend_even_where_the_range_holds_fewer_numbers_than_bins(low):
    for ulps in (1, 2, 50, 333, 599, 20_000):
        high = low + ulps * np.spacing(abs(low))
        edges = np.array(_edges(Range(low, float(high), 2), 1024))
        assert (edges[0], edges[-1]) == (low, high)
        assert (np.diff(edges) > 0).all()


def test_a_boolean_score_is_counted_on_postgres_too(tmp_path, postgres_url):
    data = scored()
    data[SCORE] = data[SCORE] > 0
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS flagged")
        connection.execute('CREATE TABLE flagged ("case" bigint, region text, burden float8, granted int, '
                           '"ORDER ""评分""" boolean)')  # fmt: skip
        with connection.cursor().copy("COPY flagged FROM STDIN") as copy:
            for row in data[["case", "region", "burden", "granted", SCORE]].itertuples(index=False):
                copy.write_row(row)
    with opened(tmp_path / "a", data) as source:
        here = collect_histogram(source, HistogramNeed(SCORE, ("region",)))
    with opened(tmp_path / "b", data, connection=postgres_url, table="flagged") as source:
        there = collect_histogram(source, HistogramNeed(SCORE, ("region",)))
    assert here == there
    assert here.values == (0.0, 1.0)
    assert sum(rows for _, _, place, rows in here.counts if place == 1) == data[SCORE].sum()
