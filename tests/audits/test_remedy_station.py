"""What is kept of a search: its version, the rows that were left out, and who read the untouched rows before."""

from __future__ import annotations

import pytest

from audits.remedies import constrained, station
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from tests.programs import write_program
from tests.remedied import applications, write_remedied
from tests.reports import sample_remedies as sample


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(constrained, "EPSILONS", ())
    monkeypatch.setattr(station, "_fit_to_use", lambda *_: None)
    monkeypatch.setattr("audits.remedies.retrained.retraining_of", lambda *_: None)
    monkeypatch.setattr("audits.remedies.cut_by_group.cut_by_group", lambda _: None)


def searched(folder, **said):
    file = write_remedied(folder, trials=0, hyperparameters={}, **said)
    found = station.find_remedies(read_program(file), read_period("all"), folder / "runs")
    return station.read_remedies(found)


def test_rows_that_were_read_before_with_other_settings_are_told_and_the_same_search_finds_its_version(tmp_path):
    first = searched(tmp_path)
    assert (first.version, first.read_before, first.cautions) == (1, (), ())
    assert searched(tmp_path) == first
    second = searched(tmp_path, least_gain=0.03)
    assert (second.version, second.read_before) == (2, (1,))
    assert second.cautions[0].startswith(
        "These untouched rows were already read by version 1 with other settings, training code or packages"
    )
    assert searched(tmp_path, least_gain=0.03) == second
    third = searched(tmp_path, least_gain=0.04)
    assert third.read_before == (1, 2)
    assert "by version 1, 2 with" in third.cautions[0]
    again = searched(tmp_path)  # version 1 read its own rows as this one does
    assert (again.version, again.read_before) == (4, (2, 3))
    assert again.candidates == first.candidates


def test_what_has_read_no_untouched_rows_and_other_seeds_are_no_reading_before(tmp_path):
    parent = tmp_path / "remedies"
    kept = [
        station.read_remedies(station._kept(one, parent))
        for one in (sample.not_answered(), sample.certified(), sample.record(seed=8, cautions=()), sample.none_found())
    ]
    assert [(one.version, one.read_before) for one in kept] == [(1, ()), (2, ()), (3, ()), (4, (2,))]
    assert station._kept(sample.none_found(), parent).name == "v4"


def test_rows_that_were_left_out_stand_in_the_record(tmp_path, monkeypatch):
    def some(*_, **__):
        data = applications()
        data["granted"] = data["granted"].astype(str)
        data.loc[data["case"] < 30, "granted"] = "withdrawn"
        data["person"] = data["case"].where(data["case"] < 2800, "agency").astype(str)
        return data

    monkeypatch.setattr("tests.remedied.applications", some)

    def written(folder, data, name, *, contract, remedies):
        decision = {"column": "granted", "favourable": ["1"], "unfavourable": ["0"], "excluded": ["withdrawn"]}
        contract = {**contract, "decision": decision, "entity": "person"}
        return write_program(folder, data, name, contract=contract, remedies=remedies)

    monkeypatch.setattr("tests.remedied.write_program", written)
    rows = searched(tmp_path, rows=1100).training.rows
    assert rows["total"] == 4000
    assert (rows["without_decision"], rows["of_large_persons"]) == (30, 1200)
    assert rows["beyond_most"] == 4000 - 30 - 1200 - 1100
    assert rows["drawn"] == rows["training"] + rows["validation"] + rows["untouched"] == 1100
