"""The rows behind a comparison: both groups whole, or the same draw whoever asks, and nothing of other groups."""

from __future__ import annotations

import csv
import hashlib
import io

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from audits.rows_beyond import fetched
from checks.problem import InputError
from reports.workbench_rows import typed_frame
from squaredeal import app
from tests.programs import loans, run_program, write_program


def four_groups(rows=900):
    """Applications of four regions, in an order that says nothing."""
    data = loans(rows=rows)
    regions = np.random.default_rng(4).choice(["north", "south, far", "east", "west"], rows, p=[0.5, 0.2, 0.05, 0.25])
    return data.assign(region=regions)


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Data, and the folder of a run on them."""
    home = tmp_path_factory.mktemp("compared")
    data = four_groups()
    _, judgement = run_program(write_program(home, data), home / "runs")
    return data, home / "runs" / "loans" / "all" / "v1", judgement


def finding_of(judgement, group):
    return next(
        f
        for f in judgement.findings
        if f.measurement.group == group and f.measurement.measure == "adverse_impact_ratio"
    ).finding_id


def test_both_groups_are_there_whole_and_nobody_else(audited):
    data, folder, judgement = audited
    found = fetched(folder, finding_of(judgement, "south, far"))
    got = pd.read_csv(io.StringIO(found.text))
    wanted = data[data["region"].isin(["south, far", "north"])]
    assert found.compared
    assert (found.rows, found.of) == (len(wanted), len(wanted))
    assert sorted(got["case"]) == sorted(wanted["case"])
    assert set(got["squaredeal_group_region"]) == {"south, far", "north"}
    merged = got.merge(wanted, on="case", suffixes=("", "_data"))
    assert (merged["granted"] == merged["granted_data"]).all()
    assert np.allclose(merged["burden"], merged["burden_data"])


def test_too_many_rows_are_drawn_by_the_hash_of_their_unit(audited):
    data, folder, judgement = audited
    found = fetched(folder, finding_of(judgement, "west"), most=50)
    got = pd.read_csv(io.StringIO(found.text))
    both = data[data["region"].isin(["west", "north"])]
    first = sorted(both["case"], key=lambda case: hashlib.md5(str(case).encode()).hexdigest())[:50]
    assert sorted(got["case"]) == sorted(first)
    assert found.of == len(both)


def test_another_program_than_that_of_the_run_is_refused_with_what_differs(tmp_path):
    file = write_program(tmp_path, four_groups())
    _, judgement = run_program(file, tmp_path / "runs")
    folder, asked = tmp_path / "runs" / "loans" / "all" / "v1", finding_of(judgement, "west")
    program = yaml.safe_load(file.read_text())
    moved = tmp_path / "moved.yaml"
    for change, expected in (
        (lambda p: p["contract"]["groups"]["region"].update(reference="east"), "contract.groups.region.reference"),
        (lambda p: p["contract"].pop("unit"), "'case' in the run, nothing in the file"),
        (lambda p: p.update(program="other"), "the program 'other'"),
    ):
        edited = yaml.safe_load(file.read_text())
        change(edited)
        moved.write_text(yaml.safe_dump(edited))
        with pytest.raises(InputError, match=expected):
            fetched(folder, asked, moved)
    program["title"] = "Another title"
    moved.write_text(yaml.safe_dump(program))
    assert fetched(folder, asked, moved).rows > 100


def test_texts_stay_texts_and_numbers_numbers_and_no_text_is_a_formula(tmp_path):
    data = four_groups(400)
    codes = [f"{i:04d}" for i in range(398)] + ["=1+1", "-5x"]
    data = data.assign(case=[10**17 + i for i in range(400)], region=data["region"].replace("west", "@west"))
    contract = {
        "unit": "code", "entity": "case", "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}}, "controls": ["burden"],
    }  # fmt: skip
    data["code"] = codes
    data["burden"] -= 0.3
    _, judgement = run_program(write_program(tmp_path, data, contract=contract), tmp_path / "runs")
    found = fetched(tmp_path / "runs" / "loans" / "all" / "v1", finding_of(judgement, "@west"))
    frame = typed_frame(found.headings, found.values)
    wanted = data[data["region"].isin(["@west", "north"])].set_index("code")
    assert sorted(frame["code"]) == sorted(set(frame["code"]) & set(codes)) == sorted(wanted.index)
    got = frame.set_index("code").loc[wanted.index]
    assert got["case"].tolist() == wanted["case"].tolist()  # no digit is lost
    assert got["burden"].tolist() == wanted["burden"].tolist()
    assert got["granted"].dtype.kind == "i"
    written = list(csv.DictReader(io.StringIO(found.text)))
    assert {row["region"] for row in written} == {"'@west", "north"}
    assert "=1+1" not in {row["code"] for row in written}
    assert any(row["burden"].startswith("-") for row in written)


def test_sums_by_customer_are_refused_where_nothing_is_fixed(audited):
    _, folder, judgement = audited
    with pytest.raises(InputError, match="entity"):
        fetched(folder, finding_of(judgement, "west"), by_entity=True)


def test_other_data_than_those_that_were_judged_are_refused(tmp_path):
    file = write_program(tmp_path, four_groups())
    _, judgement = run_program(file, tmp_path / "runs")
    four_groups(800).to_parquet(tmp_path / "loans.parquet")
    with pytest.raises(InputError, match="other data"):
        fetched(tmp_path / "runs" / "loans" / "all" / "v1", finding_of(judgement, "west"))


def test_without_a_unit_too_many_rows_are_refused(tmp_path):
    contract = {
        "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}},
    }
    _, judgement = run_program(write_program(tmp_path, four_groups(), contract=contract), tmp_path / "runs")
    folder = tmp_path / "runs" / "loans" / "all" / "v1"
    assert fetched(folder, finding_of(judgement, "west")).rows > 100
    with pytest.raises(InputError, match="unit"):
        fetched(folder, finding_of(judgement, "west"), most=10)


def test_the_command_writes_over_nothing_and_says_how_many_rows_there_are(audited, tmp_path):
    data, folder, judgement = audited
    source = folder.parents[3] / "loans.parquet"
    before, out, asked = source.read_bytes(), tmp_path / "rows.csv", finding_of(judgement, "west")

    def invoke(*more):
        return CliRunner().invoke(app, ["rows", asked, str(folder), *map(str, more)])

    done = invoke("--out", out)
    assert (done.exit_code, f"{data['region'].isin(['west', 'north']).sum():,} rows" in done.output) == (0, True)
    assert len(pd.read_csv(out)) == data["region"].isin(["west", "north"]).sum()
    for more, expected in (
        (["--out", out], "--force"),
        (["--out", source, "--force"], "its data"),
        (["--out", folder / "rows.csv"], "finished run"),
        (["--out", tmp_path / "new.csv", "--by-entity", tmp_path / "new.csv"], "named twice"),
    ):
        done = invoke(*more)
        assert (done.exit_code, expected in done.output) == (2, True), done.output
    assert source.read_bytes() == before
    assert invoke("--out", out, "--force").exit_code == 0
