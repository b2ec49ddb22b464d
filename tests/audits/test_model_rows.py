"""Rows drawn for a model: the same whatever order they lie in, strata in the engine's words, numbers of any size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audits.evidence.contribution_bins import count_book, stratum_of
from audits.evidence.model_rows import model_rows
from checks.inputs.columns import array_of
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import write_program

STRATA = ["when", "size"]
CONTRACT = {
    "unit": "id", "score": "x", "features": ["x", "name"], "prediction": {"of": "score", "favourable": "high"},
    "strata": STRATA, "groups": {"region": {"column": "area", "reference": "north"}},
}  # fmt: skip


def book(rows=400):
    """Units of seven rows each."""
    rng = np.random.default_rng(5)
    when = pd.Timestamp("2024-01-01 00:00:00.5") + pd.to_timedelta(rng.integers(0, 3, rows), unit="D")
    return pd.DataFrame({
        "id": np.arange(rows) // 7, "area": rng.choice(["north", "south"], rows), "x": rng.normal(size=rows),
        "name": rng.choice(["a", "b", None], rows), "when": when, "size": rng.choice([1e300, 2.5, 1e-7], rows),
    })  # fmt: skip


def drawn_of(folder, data, rows):
    """What is drawn, with the strata of all rows as the engine counts them."""
    file = write_program(folder, data, contract=CONTRACT, model="models:/m/1")
    with open_source(read_program(file), Period("all")) as source:
        drawn = model_rows(source, ["region"], rows, 3, ["when"], strata=STRATA)
        return drawn, count_book(source, drawn, []).strata


def test_rows_of_one_unit_come_in_an_order_of_their_own(tmp_path, monkeypatch):
    kept = []
    for k in range(4):
        monkeypatch.setenv("SQUAREDEAL_THREADS", str(1 + k % 2))
        drawn, _ = drawn_of(tmp_path / str(k), book().sample(frac=1, random_state=k), 60)
        kept.append((
            drawn.features.to_dict("list"), drawn.labels["region"].tolist(), drawn.places["region"].tolist(),
            drawn.columns["when"].tolist(), {name: texts.tolist() for name, texts in drawn.texts.items()},
        ))  # fmt: skip
    assert len(kept[0][1]) >= 60
    assert all(str(one) == str(kept[0]) for one in kept[1:])


def test_strata_are_in_the_words_in_which_the_engine_counts_them(tmp_path):
    data = book()
    drawn, counted = drawn_of(tmp_path, data, 400)
    assert len(drawn) == 400
    cells = pd.Series(stratum_of([drawn.texts[name] for name in STRATA], len(drawn)))
    for label in ("north", "south"):
        mine = cells[drawn.labels["region"] == label].value_counts().to_dict()
        assert mine == dict(counted["region", label])
    assert cells.nunique() == len(data[STRATA].drop_duplicates())


@pytest.mark.parametrize("values", [[1, 2**64 - 1], [-(2**63) - 1, 0], [2**63, None]])
def test_whole_numbers_beyond_64_bits_are_numbers(values):
    found = array_of(values)
    assert found.dtype == np.float64
    expected = [np.nan if one is None else float(one) for one in values]
    np.testing.assert_array_equal(found, expected)


def test_whole_numbers_of_64_bits_stay_whole():
    assert array_of([2**63 - 1, -(2**63)]).tolist() == [2**63 - 1, -(2**63)]
