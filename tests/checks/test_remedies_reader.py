"""What a program says of remedies: what is read, what it has by default, and that every mistake knows its line."""

from __future__ import annotations

import textwrap

import pytest

from checks.inputs.program import read_program
from checks.inputs.remedies import Range, Remedies, Training
from checks.problem import InputError
from tests.programs import ROOT

HEAD = """\
program: small
source: {table: x.csv}
contract:
  unit: case
  decision: {column: granted, favourable: 1}
  outcome: {column: repaid, favourable: 1}
  groups:
    region: {column: area, reference: north}
    years: {column: age, reference: 25-39, bands: [25, 40]}
  features: [risk, trait, age]
audits: {primary: [fair_lending.approval]}
policies: [us]
remedies:
"""
FULL = """\
  training: {file: train.py, function: learn, trusted: true}
  target: decision
  attribute: years
  performance: {measure: outcome_rate, loss: 0.01}
  least_gain: 0.03
  approve: cut
  keep: [risk]
  today: {num_leaves: 15, learning_rate: 1e-2, kind: a, extra: true, shrink: "1e-2"}
  hyperparameters:
    num_leaves: {from: 4, to: 31}
    learning_rate: {from: 0.02, to: 1, log: true}
    kind: {one_of: [a, 2, 0.5, true]}
  trials: 0
  rows: 1_000
  split: [0.6, 0.3, 0.1]
  level: 0.9
"""
LEAST = "  training: train.py\n"


def read(folder, block, head=HEAD):
    (folder / "p.yaml").write_text(head + block, encoding="utf-8")
    return read_program(folder / "p.yaml").remedies


def told(folder, block, head=HEAD):
    """The problems of a program, each as (line, place, found, remedy)."""
    with pytest.raises(InputError) as raised:
        read(folder, block, head)
    found = []
    for problem in raised.value.problems:
        assert problem.where.startswith(f"{folder / 'p.yaml'}, line ")
        assert problem.expected
        line, _, place = problem.where.rpartition(", line ")[2].partition(", ")
        found.append((int(line), place, problem.found, problem.remedy))
    return found


def test_a_full_block_is_read_as_it_stands(tmp_path):
    read_ = read(tmp_path, FULL)
    assert read_ == Remedies(
        Training("train.py", "learn", True), "decision", "years", "outcome_rate", 0.01, 0.03, "cut", ("risk",),
        {"num_leaves": 15, "learning_rate": 0.01, "kind": "a", "extra": True, "shrink": "1e-2"},
        {
            "num_leaves": Range(4, 31, whole=True), "learning_rate": Range(0.02, 1, log=True),
            "kind": Range(choices=("a", 2, 0.5, True)),
        },
        0, 1000, (0.6, 0.3, 0.1), 0.9,
    )  # fmt: skip
    assert type(read_.today["num_leaves"]) is int


def test_what_a_block_leaves_out_has_its_default(tmp_path):
    assert read(tmp_path, LEAST) == Remedies(Training("train.py"), attribute="region")
    assert read(tmp_path, LEAST).training.trusted is False


def test_without_an_outcome_the_model_learns_the_decision(tmp_path):
    head = HEAD.replace("  outcome: {column: repaid, favourable: 1}\n", "")
    assert read(tmp_path, LEAST, head).target == "decision"
    assert read(tmp_path, LEAST + "  performance: auc\n", head).performance == "auc"
    ((line, place, found, remedy),) = told(tmp_path, LEAST + "  target: outcome\n", head)
    assert (line, place) == (14, "remedies.target")
    assert "without 'outcome'" in found
    assert "add 'outcome'" in remedy


def test_a_program_without_the_block_has_no_remedies(tmp_path):
    assert read(tmp_path, "", HEAD.replace("remedies:\n", "")) is None


@pytest.mark.parametrize("text", ["4", "+4", "1_000"])
def test_numbers_without_a_point_are_whole(tmp_path, text):
    block = f"  hyperparameters: {{n: {{from: -2, to: {text}}}}}\n"
    assert read(tmp_path, LEAST + block).hyperparameters["n"].whole


@pytest.mark.parametrize("text", ["4.0", "1e3", "4."])
def test_numbers_with_a_point_or_a_power_are_not(tmp_path, text):
    block = f"  hyperparameters: {{n: {{from: 2, to: {text}}}}}\n"
    found = read(tmp_path, LEAST + block).hyperparameters["n"]
    assert found == Range(2, float(text))


@pytest.mark.parametrize(("gone", "role"), [
    ("  unit: case\n", "unit"), ("  decision: {column: granted, favourable: 1}\n", "decision"),
    ("  features: [risk, trait, age]\n", "features"),
])  # fmt: skip
def test_what_the_contract_lacks_is_told_at_the_block(tmp_path, gone, role):
    ((line, place, found, remedy),) = told(tmp_path, LEAST, HEAD.replace(gone, ""))
    assert (line, place) == (13, "remedies")
    assert f"'{role}'" in found
    assert f"'{role}'" in remedy


def test_imputed_groups_alone_are_no_groups(tmp_path):
    start, end = HEAD.index("  groups:"), HEAD.index("  features:")
    imputed = "  imputed_groups:\n    region: {probabilities: {north: pn, south: ps}, reference: north}\n"
    ((_, place, found, _),) = told(tmp_path, LEAST, HEAD[:start] + imputed + HEAD[end:])
    assert (place, found) == ("remedies", "'remedies' without 'groups' in the contract")


def test_chances_of_a_group_are_not_kept(tmp_path):
    imputed = "  imputed_groups:\n    origin: {probabilities: {here: trait, far: pf}, reference: here}\n  features:"
    ((_, place, found, remedy),) = told(tmp_path, LEAST + "  keep: [trait]\n", HEAD.replace("  features:", imputed))
    assert (place, found) == ("remedies.keep[0]", "'trait', the column of the group 'origin'")
    assert "leave it out" in remedy
    assert read(tmp_path, LEAST + "  level: 0.999\n").level == 0.999


@pytest.mark.parametrize(("block", "place", "found", "remedy"), [
    ("  attribute: regoin\n", "attribute", "'regoin'", "did you mean 'region'?"),
    ("  attribute: area\n", "attribute", "'area'", "did you mean 'region'?"),
    ("  keep: [risk, triat]\n", "keep[1]", "'triat'", "did you mean 'trait'?"),
    ("  keep: triat\n", "keep", "'triat'", "did you mean 'trait'?"),
    ("  keep: [age]\n", "keep[0]", "the column of the group 'years'", "leave it out"),
    ("  target: decison\n", "target", "'decison'", "did you mean 'decision'?"),
    ("  approve: cutt\n", "approve", "'cutt'", "did you mean 'cut'?"),
    ("  performance: acu\n", "performance", "'acu'", "did you mean 'auc'?"),
    ("  performance: {measure: auc, los: 0.1}\n", "performance.los", "'los'", "did you mean 'loss'?"),
    ("  performance: {loss: 0.5}\n", "performance.loss", "'0.5'", "within that range"),
    ("  performance: {loss: -0.001}\n", "performance.loss", "'-0.001'", "within that range"),
    ("  performance: {loss: much}\n", "performance.loss", "'much'", "without unit"),
    ("  least_gain: 0.5\n", "least_gain", "'0.5'", "within that range"),
    ("  least_gain: .nan\n", "least_gain", "'.nan'", "without unit"),
    ("  lest_gain: 0.1\n", "lest_gain", "'lest_gain'", "did you mean 'least_gain'?"),
    ("  trials: 1001\n", "trials", "'1001'", "within that range"),
    ("  trials: -1\n", "trials", "'-1'", "within that range"),
    ("  trials: 2.5\n", "trials", "'2.5'", "whole number"),
    ("  rows: 999\n", "rows", "'999'", "within that range"),
    ("  level: 0.5\n", "level", "'0.5'", "within that range"),
    ("  level: 1\n", "level", "'1'", "within that range"),
    ("  level: 0.9991\n", "level", "'0.9991'", "within that range"),
    ("  split: [0.5, 0.5]\n", "split", "a list of 2", "[0.5, 0.25, 0.25]"),
    ("  split: 0.5\n", "split", "'0.5'", "[0.5, 0.25, 0.25]"),
    ("  split: [0.5, 0.25, 0.26]\n", "split", "add up to 1.01", "[0.5, 0.25, 0.25]"),
    ("  split: [0.9, 0.06, 0.04]\n", "split[2]", "'0.04'", "within that range"),
    ("  today: {a b: 1}\n", "today.a b", "'a b'", "rename"),
    ("  today: {class: 1}\n", "today.class", "'class'", "rename"),
    ("  today: {seed: 1}\n", "today.seed", "'seed'", "rename"),
    ("  today: {n: [1]}\n", "today.n", "a list of 1", "one value"),
    ("  today: {n: null}\n", "today.n", "'null'", "one value"),
    ("  today: {n: .inf}\n", "today.n", "'.inf'", "one value"),
    ("  today: 3\n", "today", "'3'", "key: value"),
    ("  hyperparameters: {n: 3}\n", "hyperparameters.n", "'3'", "{from: 1, to: 9}"),
    ("  hyperparameters: {n: {from: 3}}\n", "hyperparameters.n", "no 'to'", "add a line 'to: …'"),
    ("  hyperparameters: {n: {from: 3, to: 2}}\n", "hyperparameters.n.from", "from '3' to '2'", "smaller"),
    ("  hyperparameters: {n: {from: 3, to: 3}}\n", "hyperparameters.n.from", "from '3' to '3'", "smaller"),
    ("  hyperparameters: {n: {from: 0, to: 3, log: true}}\n", "hyperparameters.n.from", "from '0'", "raise 'from'"),
    ("  hyperparameters: {n: {from: 1, to: 3, log: often}}\n", "hyperparameters.n.log", "'often'", "true or false"),
    ("  hyperparameters: {n: {from: 1, to: 3, step: 2}}\n", "hyperparameters.n.step", "'step'", "as expected"),
    ("  hyperparameters: {n: {one_of: []}}\n", "hyperparameters.n.one_of", "'one_of' without values", "one_of: ["),
    ("  hyperparameters: {n: {one_of: null}}\n", "hyperparameters.n", "'one_of' without values", "one_of: ["),
    ("  hyperparameters: {n: {one_of: [1, 2, 1]}}\n", "hyperparameters.n.one_of", "twice", "remove one"),
    ("  hyperparameters: {n: {one_of: [1], from: 2}}\n", "hyperparameters.n.from", "'from'", "as expected"),
])  # fmt: skip
def test_a_mistake_is_told_at_its_line_with_what_to_do(tmp_path, block, place, found, remedy):
    ((line, where, what, to_do),) = told(tmp_path, LEAST + block)
    assert (line, where) == (15, f"remedies.{place}")
    assert found in what
    assert remedy in to_do


@pytest.mark.parametrize(("block", "place", "found"), [
    ("  target: decision\n", "", "no 'training'"),
    ("  training: {function: fit}\n", ".training", "no 'file'"),
    ("  training: {file: t.py, function: a b}\n", ".training.function", "'a b'"),
    ("  training: {file: t.py, trusted: surely}\n", ".training.trusted", "'surely'"),
    ("  training: {file: t.py, trust: true}\n", ".training.trust", "'trust'"),
    ("  []\n", "", "a list of 0"),
])  # fmt: skip
def test_a_mistake_about_the_training_code_is_told(tmp_path, block, place, found):
    assert any(where == f"remedies{place}" and found in what for _, where, what, _ in told(tmp_path, block))


def test_the_block_of_the_documentation_is_the_default_but_for_what_has_none(tmp_path):
    page = (ROOT / "docs/program.md").read_text(encoding="utf-8")
    lines = page.partition("    remedies:\n")[2].partition("\n\n")[0]
    block = textwrap.indent(textwrap.dedent(lines), "  ") + "\n"
    found = read(tmp_path, block, HEAD.replace("region:", "area:"))
    ranges = {
        "num_leaves": Range(4, 31, whole=True), "learning_rate": Range(0.02, 0.3, log=True),
        "kind": Range(choices=("a", "b")),
    }  # fmt: skip
    assert found == Remedies(
        Training("train.py", "fit", True), attribute="area", keep=("risk",), today={"num_leaves": 15},
        hyperparameters=ranges,
    )  # fmt: skip


def test_every_mistake_of_a_block_is_told_at_once(tmp_path):
    block = LEAST + "  attribute: regoin\n  level: 2\n  split: [1]\n"
    assert [line for line, *_ in told(tmp_path, block)] == [15, 16, 17]
