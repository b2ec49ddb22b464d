"""Programs: what is read from the file, and that every complaint knows its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.inputs.contract import band_labels
from checks.inputs.program import DEFAULT_SEED, find_programs, read_program
from checks.problem import InputError

FULL = """\
program: car_loans-2
title: {en: Car loans, zh: 车贷}
inventory: {owner: desk 7, tier: 1}
source: {connection: 'postgresql://auditor:${CAR_PASSWORD}@db/loans', query: SELECT * FROM loans}
scope: {jurisdictions: [CN, US-MA], products: auto}
contract:
  unit: 编号
  time: {column: Decided ON}
  decision: {column: result, favourable: [Y, C], unfavourable: [N], excluded: W}
  groups:
    region: {column: 地区, reference: 北, labels: {1: 北, 0: 南}, basis: permitted}
    age: {column: Alter, reference: 25-39, bands: [25, 40, 62]}
  controls: [dti]
  price: {column: apr, currency: CNY}
  columns:
    apr: {type: number, min: 0, max: 36, null_tolerance: 0.01, on_failure: warn}
  pairs:
    - {left: offered, relation: <=, right: decided}
audits:
  exploratory: [fair_lending, {fair_lending.approval: {level: 0.9}}]
policies: conventions
seed: 7
"""
MINIMAL = """\
program: small
source: {table: x.csv}
contract:
  groups:
    region: {column: region, reference: north}
audits: {primary: [fair_lending.approval]}
policies: [us]
"""


def read(folder: Path, text: str):
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    return read_program(folder / "p.yaml")


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as told:
        read(folder, text)
    return [str(problem) for problem in told.value.problems]


def test_a_full_program_is_read_as_it_stands(tmp_path):
    program = read(tmp_path, FULL)
    contract = program.contract
    assert (program.name, program.title["zh"], program.seed) == ("car_loans-2", "车贷", 7)
    assert (program.source.table, program.source.query) == (None, "SELECT * FROM loans")
    assert (program.scope.jurisdictions, program.scope.products) == (("CN", "US-MA"), ("auto",))
    assert (contract.unit, contract.time, contract.price, contract.currency) == ("编号", "Decided ON", "apr", "CNY")
    assert (contract.decision.favourable, contract.decision.excluded) == (("Y", "C"), ("W",))
    assert contract.groups[0].labels == {"1": "北", "0": "南"}
    assert contract.groups[0].reference_label == "北"
    assert contract.groups[1].bands == (25, 40, 62)
    assert (contract.columns[0].maximum, contract.columns[0].on_failure) == (36, "warn")
    assert contract.pairs[0].relation == "<="
    assert [call.name for call in program.exploratory] == ["fair_lending", "fair_lending.approval"]
    assert program.exploratory[1].parameters == {"level": 0.9}
    assert program.policies == ("conventions",)


def test_what_a_program_leaves_out_has_its_default(tmp_path):
    program = read(tmp_path, MINIMAL)
    assert (program.source.connection, program.seed, program.title) == ("duckdb://", DEFAULT_SEED, {"en": "small"})
    assert (program.exploratory, program.checks, program.model, program.contract.decision) == ((), (), None, None)


def test_every_column_named_anywhere_in_the_contract_is_used_and_no_other(tmp_path):
    used = read(tmp_path, FULL).contract.columns_used()
    assert set(used) == {"编号", "Decided ON", "result", "地区", "Alter", "dti", "apr", "offered", "decided"}
    assert used["apr"] == ["price", "columns.apr"]


def test_words_of_yaml_that_look_like_something_else_stay_texts(tmp_path):
    text = MINIMAL.replace("reference: north", "reference: no, values: [no, 1.0, 2026-01-01, 0x1F, 1_000, on]")
    group = read(tmp_path, text).contract.groups[0]
    assert group.values == ("no", "1.0", "2026-01-01", "0x1F", "1_000", "on")


def test_a_byte_order_mark_and_windows_lines_do_no_harm(tmp_path):
    (tmp_path / "p.yaml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert read_program(tmp_path / "p.yaml").name == "small"


def test_every_complaint_names_the_file_its_line_and_its_place(tmp_path):
    told = problems(tmp_path, FULL.replace("relation: <=", "relation: =<").replace("max: 36", "max: high"))
    assert [text.splitlines()[0] for text in told] == [
        f"{tmp_path / 'p.yaml'}, line 16, contract.columns.apr.max",
        f"{tmp_path / 'p.yaml'}, line 18, contract.pairs[0].relation",
    ]
    assert all("found:" in text and "expected:" in text and "to do:" in text for text in told)


def test_every_place_of_a_program_knows_its_line_also_where_a_list_is_written_as_one_value(tmp_path):
    program = read(tmp_path, FULL)
    for column, places in program.contract.columns_used().items():
        for place in places:
            assert ", line " in program.where(f"contract.{place}"), (column, place)
    assert ", line 21," in program.where("policies[0]")
    assert ", line 5," in program.where("scope.products[0]")


def test_a_required_key_without_a_value_is_missing(tmp_path):
    for key in (
        "program: small",
        "source: {table: x.csv}",
        "audits: {primary: [fair_lending.approval]}",
        "policies: [us]",
    ):
        name = key.split(":")[0]
        (told,) = problems(tmp_path, MINIMAL.replace(key, f"{name}:"))
        assert f"'{name}'" in told


def test_a_secret_never_stands_in_a_program_and_is_never_repeated(tmp_path):
    for connection in (
        "postgresql://a:Geheim7@db/x",
        "mysql+x://a:$Geheim7@db",
        "postgresql://a@db/x?password=Geheim7",
    ):
        (told,) = problems(tmp_path, MINIMAL.replace("table: x.csv", f"table: x, connection: '{connection}'"))
        assert "a password" in told
        assert "Geheim7" not in told
    read(tmp_path, MINIMAL.replace("table: x.csv", "table: x, connection: 'postgresql://a:${GEHEIM}@db/x'"))


def test_bands_are_closed_below_and_named_by_their_whole_years():
    assert band_labels((18, 25, 62)) == ("under 18", "18-24", "25-61", "62+")
    assert band_labels((0.5, 1.5)) == ("under 0.5", "0.5-<1.5", "1.5+")
    assert band_labels(()) == ()


def test_program_files_of_a_folder_come_in_the_order_of_their_names(tmp_path):
    for name in ("b.yaml", "a.yml", "c.txt"):
        (tmp_path / name).write_text("")
    assert [file.name for file in find_programs(tmp_path)] == ["a.yml", "b.yaml"]
    with pytest.raises(InputError, match="no such folder"):
        find_programs(tmp_path / "none")


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        ("price: premium\n  new_customer_price: premium", "column 'premium' as 'new_customer_price' and as 'price'"),
        ("price: {column: premium}\n  cost: {column: premium}", "column 'premium' as 'cost' and as 'price'"),
        ("price: p\n  cost: c\n  realised_cost: c", "column 'c' as 'realised_cost' and as 'cost'"),
        ("price: p\n  terms: {personalised: f, disclosed: f}", "column 'f' as 'terms.disclosed' and as 'terms.perso"),
    ],
)
def test_what_is_held_against_another_must_be_another_column(tmp_path, roles, told):
    """A renewal price that is its own new-customer price lies above it nowhere, and would have been clear."""
    text = MINIMAL.replace("contract:\n", f"contract:\n  {roles}\n")
    found = problems(tmp_path, text)
    assert any(told in one for one in found), found


def test_a_stage_of_the_inventory_is_one_of_three(tmp_path):
    (tmp_path / "p.yaml").write_text(FULL.replace("tier: 1", "tier: 1, stage: retird"))
    with pytest.raises(InputError, match="did you mean 'retired'"):
        read_program(tmp_path / "p.yaml")
