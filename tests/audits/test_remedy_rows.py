"""Rows for a search of alternatives: whole persons, three parts that share none, the same in any engine and order."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.evidence.remedy_rows import draw_remedy_rows
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import write_program

SEED, PARTS = 11, ("training", "validation", "untouched")
FEATURES = ["select", "it's", "flag", "since", "count"]
GROUPS = {
    "region": {"column": "Area", "reference": "north"},
    "years": {"column": "age", "bands": [30, 60], "reference": "30-59"},
}
CONTRACT = {
    "unit": "case", "entity": "who", "outcome": {"column": "repaid", "favourable": 1}, "groups": GROUPS,
    "decision": {"column": "granted", "favourable": "yes", "unfavourable": "no", "excluded": "withdrawn"},
    "features": FEATURES,
}  # fmt: skip
COLUMNS = {
    "case": "text", "who": "text", "granted": "text", "repaid": "bigint", "Area": "text", "age": "float8",
    "select": "float8", "it's": "text", "flag": "boolean", "since": "timestamp", "count": "bigint",
}  # fmt: skip


def book(n=3000, seed=5, persons=900):
    """Applications of persons who come again, with something missing in nearly every column."""
    rng = np.random.default_rng(seed)
    lost = {name: rng.uniform(size=n) < share for name, share in (
        ("case", 0.01), ("who", 0.2), ("granted", 0.05), ("repaid", 0.4), ("Area", 0.05), ("age", 0.05), ("it's", 0.1),
        ("select", 0.1), ("flag", 0.1), ("since", 0.1),
    )}  # fmt: skip
    days = pd.Timestamp("2024-03-01 10:00") + pd.to_timedelta(rng.integers(0, 90, n), unit="D")
    columns = {
        "case": [f"Fall {i} é" for i in range(n)], "who": [f"客 {i}" for i in rng.integers(0, persons, n)],
        "granted": rng.choice(["yes", "no", "withdrawn"], n, p=[0.6, 0.35, 0.05]), "repaid": rng.integers(0, 2, n),
        "Area": rng.choice(["north", "south", "west"], n), "age": rng.integers(18, 90, n).astype(float),
        "select": rng.normal(size=n), "it's": rng.choice(["a", "B"], n), "flag": rng.integers(0, 2, n).astype(bool),
        "since": days, "count": rng.integers(0, 9, n),
    }  # fmt: skip
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    for name, gone in lost.items():
        frame.loc[gone, name] = None
    types = {"age": "float64", "select": "float64", "repaid": "Int64", "flag": "boolean", "count": "int64"}
    return frame.astype(types).assign(since=pd.to_datetime(frame["since"]))


def program_of(folder, data, source=None, contract=None, **block):
    remedies = {"training": "train.py", "target": "decision", "rows": 1000, **block}
    more = {"source": source} if source else {}
    return read_program(
        write_program(folder, data, contract={**CONTRACT, **(contract or {})}, remedies=remedies, **more)
    )


def draw(program, seed=SEED):
    with open_source(program, Period("all")) as source:
        return draw_remedy_rows(source, program.remedies, program.contract, seed)


def content(rows):
    """All that was drawn, as plain values."""
    return [
        (
            part.features.astype(object).where(part.features.notna(), None).to_dict("list"),
            [str(dtype) for dtype in part.features.dtypes], part.persons.tolist(),
            {name: labels.tolist() for name, labels in part.labels.items()},
            *(np.nan_to_num(values, nan=-1).tolist() for values in (part.target, part.decision, part.outcome)),
        )
        for part in (rows.training, rows.validation, rows.untouched)
    ]  # fmt: skip


def counts(rows):
    return rows.references, rows.total, rows.without_unit, rows.drawn, rows.without_decision, rows.of_large_persons


def hashed(text):
    return hashlib.md5(text.encode()).hexdigest()


def by_hand(data, most, split=(0.5, 0.25, 0.25), seed=SEED):
    """The units of each part in their order, one person after another."""
    usable = data[data["case"].notna() & data["granted"].isin(["yes", "no"])]
    named = usable["who"].notna()
    persons = ("e" + usable["who"].astype(str)).where(named, "u" + usable["case"].astype(str))
    parts, taken = {name: [] for name in PARTS}, 0
    for person in sorted(persons.unique(), key=lambda one: hashed(f"{seed}:{one}")):
        units = usable["case"][persons == person]
        taken += len(units)
        if taken > most:
            break
        share = int(hashed(f"{seed}:part:{person}")[:13], 16) / 16**13
        name = PARTS[0] if share < split[0] else PARTS[1] if share < split[0] + split[1] else PARTS[2]
        parts[name] += sorted(units, key=lambda unit: hashed(f"{seed}:{unit}"))
    return parts


def test_persons_of_the_smallest_hash_are_drawn_whole_into_their_parts(tmp_path):
    data = book()
    rows, expected = draw(program_of(tmp_path, data)), by_hand(data, 1000)
    lookup = data.set_index("case")
    assert rows.drawn == sum(len(units) for units in expected.values()) <= 1000
    for name in PARTS:
        part, wanted = getattr(rows, name), lookup.loc[expected[name]]
        assert len(part) == len(wanted) > 100
        np.testing.assert_array_equal(part.features["select"], wanted["select"])
        assert part.features["it's"].tolist() == [None if pd.isna(one) else one for one in wanted["it's"]]
        np.testing.assert_array_equal(part.features["flag"], wanted["flag"].astype("float64"))
        np.testing.assert_array_equal(part.features["count"], wanted["count"])
        np.testing.assert_array_equal(part.features["since"], wanted["since"])
        assert [dtype.kind for dtype in part.features.dtypes] == ["f", "O", "f", "M", "i"]
        assert part.labels["region"].tolist() == [None if pd.isna(one) else one for one in wanted["Area"]]
        bands = [None if np.isnan(one) else "under 30" if one < 30 else "30-59" if one < 60 else "60+"
                 for one in wanted["age"]]  # fmt: skip
        assert part.labels["years"].tolist() == bands
        np.testing.assert_array_equal(part.decision, (wanted["granted"] == "yes").astype(float))
        np.testing.assert_array_equal(part.outcome, wanted["repaid"].astype("float64"))
        np.testing.assert_array_equal(part.target, part.decision)
        people = wanted["who"].where(wanted["who"].notna(), wanted.index.to_series())
        assert pd.Series(part.persons).groupby(people.to_numpy()).nunique().eq(1).all()
        assert len(np.unique(part.persons)) == people.nunique()


def test_no_person_is_in_two_parts(tmp_path):
    rows = draw(program_of(tmp_path, book()))
    persons = [set(getattr(rows, name).persons.tolist()) for name in PARTS]
    assert set.union(*persons) == set(range(sum(map(len, persons))))


def test_what_was_left_out_is_counted(tmp_path):
    data = book()
    rows = draw(program_of(tmp_path, data))
    named = data["case"].notna()
    assert (rows.total, rows.without_unit) == (int(named.sum()), int((~named).sum()))
    assert rows.without_decision == int((named & ~data["granted"].isin(["yes", "no"])).sum()) > 100
    assert rows.of_large_persons == 0
    assert rows.references == {"region": "north", "years": "30-59"}


@pytest.mark.parametrize("rows_of_a_unit", [1, 3])
def test_order_and_threads_change_nothing(tmp_path, monkeypatch, rows_of_a_unit):
    data, found = book(), []
    data["case"] = [f"Fall {i // rows_of_a_unit}" for i in range(len(data))]
    for k in range(3):
        monkeypatch.setenv("SQUAREDEAL_THREADS", str(1 + k % 2))
        found.append(content(draw(program_of(tmp_path / str(k), data.sample(frac=1, random_state=k)))))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("entity", ["who", None])
def test_postgres_draws_the_same_rows_as_a_file(tmp_path, postgres_url, entity):
    data = book()
    plain = data.astype(object).where(data.notna(), None)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS remedy_book")
        typed = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
        connection.execute(f"CREATE TABLE remedy_book ({typed})")
        with connection.cursor().copy("COPY remedy_book FROM STDIN") as copy:
            for row in plain.sample(frac=1, random_state=3)[list(COLUMNS)].itertuples(index=False, name=None):
                copy.write_row(row)
    source = {"connection": postgres_url, "table": "remedy_book"}
    there = draw(program_of(tmp_path / "there", data, source, {"entity": entity}))
    here = draw(program_of(tmp_path / "here", data, None, {"entity": entity}))
    assert content(there) == content(here)
    assert counts(there) == counts(here)


def test_a_smaller_draw_is_a_part_of_a_larger_one_and_a_seed_changes_it(tmp_path):
    data = book()
    small, large = (draw(program_of(tmp_path / str(n), data, rows=n)) for n in (1000, 2000))
    for name in PARTS:
        few, many = getattr(small, name), getattr(large, name)
        pd.testing.assert_frame_equal(few.features, many.features.iloc[: len(few)], check_dtype=False)
        np.testing.assert_array_equal(few.persons, many.persons[: len(few)])
    assert small.drawn <= 1000 < large.drawn <= 2000
    assert content(draw(program_of(tmp_path, data), SEED + 1)) != content(small)


def test_all_rows_are_drawn_where_there_are_fewer_and_parts_have_their_shares(tmp_path):
    data = book().assign(who=None).astype({"who": object})
    rows = draw(program_of(tmp_path, data, contract={"entity": None}, rows=5000, split=[0.2, 0.5, 0.3]))
    assert rows.drawn == rows.total - rows.without_decision
    shares = np.array([len(getattr(rows, name)) for name in PARTS]) / rows.drawn
    np.testing.assert_allclose(shares, [0.2, 0.5, 0.3], atol=4 * np.sqrt(0.25 / rows.drawn))


def test_a_person_with_more_rows_than_may_be_read_is_left_out_and_counted(tmp_path):
    data = book(4000)
    nobody = min((f"nobody {i}" for i in range(9000)), key=lambda name: hashed(f"{SEED}:e{name}"))  # comes first
    data.loc[data.index[:1500], "who"] = nobody
    rows = draw(program_of(tmp_path, data))
    usable = data["case"].notna() & data["granted"].isin(["yes", "no"]) & (data["who"] == nobody)
    assert rows.of_large_persons == int(usable.sum()) > 1000
    assert 900 < rows.drawn <= 1000


def test_the_target_may_be_the_outcome_unknown_for_some(tmp_path):
    rows = draw(program_of(tmp_path, book(), target="outcome"))
    for name in PARTS:
        part = getattr(rows, name)
        np.testing.assert_array_equal(part.target, part.outcome)
        assert np.isnan(part.target).any()
    without = draw(program_of(tmp_path / "b", book(), contract={"outcome": None}))
    assert all(np.isnan(getattr(without, name).outcome).all() for name in PARTS)
    assert not np.isnan(without.training.target).any()


def test_a_column_is_of_one_type_in_every_part(tmp_path):
    data = book(2000)
    data["count"] = data["count"].astype("Int64")
    data.loc[data["case"] == by_hand(data, 1000)["untouched"][0], "count"] = None
    rows = draw(program_of(tmp_path, data))
    assert {str(getattr(rows, name).features["count"].dtype) for name in PARTS} == {"float64"}
    assert rows.untouched.features["count"].isna().sum() == 1


def few(data, **changes):
    """The book with some columns the same in every row of a part."""
    units = by_hand(data, 1000)["validation"]
    mine = data["case"].isin(units)
    for name, value in changes.items():
        data.loc[mine, name] = value
    return data


@pytest.mark.parametrize(("changes", "block", "found"), [
    ({"Area": "south"}, {}, "no row of 'north' (region)"),
    ({"Area": "north"}, {}, "no row of another group than 'north' (region)"),
    ({"Area": None}, {}, "no row of 'north' (region)"),
    ({"age": 40.0}, {"attribute": "years"}, "no row of another group than '30-59' (years)"),
    ({"granted": "yes"}, {}, "fewer than two values of the decision"),
    ({"repaid": 1}, {}, "fewer than two values of the outcome"),
    ({"repaid": 0}, {"target": "outcome", "performance": "outcome_rate"}, "fewer than two values of the outcome"),
])  # fmt: skip
def test_a_part_that_cannot_be_learned_from_or_compared_on_is_refused(tmp_path, changes, block, found):
    with pytest.raises(InputError) as told:
        draw(program_of(tmp_path, few(book(), **changes), **block))
    (problem,) = told.value.problems
    assert problem.found == found
    assert "line 3, source.table: the validation rows" in problem.where


@pytest.mark.parametrize(("changes", "block"), [
    ({"age": 40.0}, {}),  # of another attribute
    ({"repaid": 1}, {"performance": "outcome_rate"}),  # a share that can be told
])  # fmt: skip
def test_what_is_not_asked_for_is_no_reason_to_refuse(tmp_path, changes, block):
    assert draw(program_of(tmp_path, few(book(), **changes), **block)).drawn > 900


def test_rows_of_an_unknown_group_are_no_rows_of_another_group(tmp_path):
    data = book()
    mine = data["case"].isin(by_hand(data, 1000)["untouched"])
    data.loc[mine & (data["Area"] != "north"), "Area"] = None
    with pytest.raises(InputError, match="no row of another group than 'north'") as told:
        draw(program_of(tmp_path, data))
    assert "the untouched rows" in str(told.value)


def test_rows_without_any_decision_are_refused(tmp_path):
    data = book().assign(granted="withdrawn")
    with pytest.raises(InputError, match="no row with a unit and a decision"):
        draw(program_of(tmp_path, data))
