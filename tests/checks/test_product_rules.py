"""The file of product rules: what is read, and every complaint with its line."""

from __future__ import annotations

import datetime as dt

import pytest

from audits.run import program_record
from checks.inputs.period import Period
from checks.inputs.product_rules import Among, Rate, Within, read_product_rules
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.loan_rules import loans, written

GOOD = """\
unit: percent
products:
  plain:
    - {from: 2025-01-01, to: 2025-03-31, eligible: {score: {from: 620}, région: [nord, sud]}, rate: 9.5}
    - from: 2025-04-01
      eligible: {amount: {above: 500, below: 9000}, fico: {to: 800}}
      rate: {by: [score, term], edges: [[650, 700], [24]], rates: [[12, 11], [10, 9], [8, 7]]}
  card: {rate: {column: offered}}
"""


def read(folder, text):
    file = written(folder, loans(1, 20), text)
    return read_program(file).product_rules


def test_a_file_is_read_as_it_stands(tmp_path):
    rules = read(tmp_path, GOOD)
    first, second, card = rules.versions
    assert rules.products == ("plain", "card")
    assert (first.first, first.last, first.label) == (dt.date(2025, 1, 1), dt.date(2025, 3, 31), "plain (1)")
    assert first.conditions == (Within("fico", 620.0), Among("région", ("nord", "sud")))
    assert first.rate == Rate((0.095,))
    assert second.last is None
    assert second.conditions == (Within("lent €", 500.0, 9000.0, False, False), Within("fico", None, 800.0))
    assert second.rate.by == ("fico", "months")
    assert second.rate.edges == ((650.0, 700.0), (24.0,))
    assert second.rate.rates == pytest.approx((0.12, 0.11, 0.10, 0.09, 0.08, 0.07))
    assert (card.label, card.rate) == ("card", Rate(column="offered"))
    # the rules' own edges cut the cells
    assert dict(rules.cells) == {"amount": (500.0, 9000.0), "term": (24.0,), "score": (620.0, 650.0, 700.0, 800.0)}
    given = read(tmp_path / "given", GOOD + "cells: {score: [600]}\n")
    assert dict(given.cells) == {"amount": (500.0, 9000.0), "term": (24.0,), "score": (600.0,)}


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("score: {from: 620}", "scor: {from: 620}", 4, "did you mean 'score'"),
        ("{from: 620}", "{from: 620, above: 600}", 4, "one lower bound"),
        ("{from: 620}", "{}", 4, "one lower bound"),
        ("{from: 620}", "{from: 620, to: 600}", 4, "edges in order"),
        ("{above: 500, below: 9000}", "{above: 500, below: 500}", 6, "edges in order"),
        ("{from: 620}", "{from: high}", 4, "a number"),
        ("{from: 620}", "{least: 620}", 4, "unknown key 'least'"),
        ("[nord, sud]", "[]", 4, "no value"),
        ("2025-03-31", "2025-04-01", 5, "days of one product that do not overlap"),
        ("2025-03-31", "2024-12-31", 4, "a first day before the last"),
        (", to: 2025-03-31", "", 5, "do not overlap"),
        ("2025-01-01", "1 January", 4, "a day as YYYY-MM-DD"),
        ("[[650, 700], [24]]", "[[700, 650], [24]]", 7, "edges out of order"),
        ("[[650, 700], [24]]", "[[650, 700], []]", 7, "no edge"),
        ("[[650, 700], [24]]", "[[650, 700]]", 7, "2, one for each of 'by'"),
        ("[[12, 11], [10, 9], [8, 7]]", "[[12, 11], [10, 9]]", 7, "3, one more than there are edges"),
        ("[[12, 11], [10, 9], [8, 7]]", "[[12, 11], [10, 9], [8]]", 7, "2, one more than there are edges"),
        ("[[12, 11], [10, 9], [8, 7]]", "[[12, 11], [10, 9], [8, -7]]", 7, "a number from 0 to 10000"),
        ("by: [score, term]", "by: [score, fico]", 7, "two different ones"),
        ("by: [score, term], ", "", 7, "no 'by'"),
        ("by: [score, term]", "by: [score, colour]", 7, "'colour', which the contract does not name"),
        ("column: offered", "column: colour", 8, "'colour', which the contract does not name"),
        ("{rate: {column: offered}}", "{price: 3}", 8, "no 'rate'"),
        ("{rate: {column: offered}}", "", 8, "nothing about 'card'"),
        ("percent", "per cent", 1, "one of basis_points, fraction, percent"),
        ("  card:", "  plain:", 8, "'plain' a second time"),
        ("unit: percent", "cells: {amount: [500, 100]}", 1, "edges out of order"),
        ("unit: percent", "cells: {height: [5]}", 1, "unknown key 'height'"),
        ("unit: percent", "goods: []", 1, "unknown key 'goods'"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_line(tmp_path, old, new, line, told):
    assert GOOD.count(old) == 1
    with pytest.raises(InputError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    wheres = [problem.where for problem in caught.value.problems]
    assert told in str(caught.value)
    assert any(f"rules.yaml, line {line}" in where for where in wheres)


@pytest.mark.parametrize("text", ["", "products: {}", "products: 5", "unit: percent", "- 1", "products: {card: [}"])
def test_a_file_without_rules_is_told(tmp_path, text):
    with pytest.raises(InputError, match=r"rules\.yaml"):
        read(tmp_path, text)


def test_a_missing_file_and_edges_of_nothing_are_told(tmp_path):
    file = written(tmp_path, loans(1, 20), GOOD, product_rules="rule.yaml")
    with pytest.raises(InputError, match=r"did you mean 'rules\.yaml'"):
        read_program(file)
    text = "products: {card: {rate: 5}}\ncells: {score: [600]}\n"
    with pytest.raises(InputError, match="edges of 'score', which the contract does not name"):
        read_program(written(tmp_path, loans(1, 20), text, score=None))


def test_a_name_with_two_meanings_is_refused(tmp_path):
    data = loans(1, 20).rename(columns={"offered": "amount"})
    text = "products: {card: {rate: 5, eligible: {amount: {from: 5}}}}"
    with pytest.raises(InputError, match="a name with one meaning"):
        read_program(written(tmp_path, data, text, features=["amount"]))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("products: {card: {rate: 5, eligible: {région: {from: 5}}}}", "bounds or bands on the column 'région'"),
        ("products: {card: {rate: {column: région}}}", "bounds or bands on the column 'région'"),
        ("products: {card: {rate: 5, eligible: {fico: [high]}}}", "a number, as the column holds numbers"),
    ],
)
def test_rules_that_do_not_fit_the_data_are_told_with_their_line(tmp_path, text, told):
    file = written(tmp_path, loans(1, 20), text)
    with pytest.raises(InputError) as caught, open_source(read_program(file), Period()):
        pass
    assert told in str(caught.value)
    assert "rules.yaml, line 1" in str(caught.value)


def test_what_the_rules_say_stands_in_the_record_and_where_they_stand_does_not(tmp_path):
    texts = {"a": GOOD, "b": "# a remark\n" + GOOD, "c": GOOD.replace("9.5", "9.6")}
    programs = [read_program(written(tmp_path / name, loans(1, 20), text)) for name, text in texts.items()]
    records = [program_record(program) for program in programs]
    assert records[0] == records[1]
    assert records[0].digest != records[2].digest
    assert str(tmp_path) not in str(records[0].content)
    assert records[0].content["product_rules"]["versions"][0]["rate"]["rates"] == [0.095]


def test_very_many_products_are_refused(tmp_path):
    text = "products:\n" + "".join(f"  p{i}: {{rate: 5}}\n" for i in range(201))
    with pytest.raises(InputError, match="at most 200"):
        read(tmp_path, text)
    few = text.replace("  p200: {rate: 5}\n", "")
    assert len(
        read_product_rules(written_rules(tmp_path, few), read_program(tmp_path / "loans.yaml").contract).versions
    )


def written_rules(folder, text):
    (folder / "rules.yaml").write_text(text)
    return folder / "rules.yaml"
