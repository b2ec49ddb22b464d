"""Personalised prices that nobody was told of, and those without a plain offer beside them, against pandas on rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.programs import run_program, write_program

TERMS = {"personalised": "made_for_one", "disclosed": "told", "plain_option": "plain"}
CONTRACT = {"unit": "offer", "price": "asked", "time": "day", "terms": TERMS}
UNDISCLOSED, PLAIN = "undisclosed_personalised_price_cases", "no_plain_option_cases"
RULES = {"us.ny.gbl349a": UNDISCLOSED, "eu.crd.6_1_ea": UNDISCLOSED, "cn.ecommerce.18": PLAIN}
SCOPE = {"jurisdictions": ["US-NY", "EU", "CN"], "lenders": ["platform", "merchant"]}


def offers(rows: int = 300, seed: int = 5, harm: bool = True) -> pd.DataFrame:
    """Offers with their flags; without harm every personalised one is disclosed and has a plain one beside it."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({
        "offer": np.arange(rows), "asked": rng.integers(10, 99, rows) / 1,
        "day": pd.Timestamp("2026-07-01") + pd.to_timedelta(np.arange(rows) % 28, "D"),
        "made_for_one": rng.random(rows) < 0.4, "told": rng.random(rows) < 0.7, "plain": rng.random(rows) < 0.8,
    })  # fmt: skip
    if not harm:
        data.loc[data["made_for_one"], ["told", "plain"]] = True
    return data


def audited(folder, data, contract=CONTRACT, scope=SCOPE):
    named = [*contract["terms"].values(), "day"]
    columns = {column: {"null_tolerance": 1} for column in named if column in str(contract)}
    file = write_program(
        folder, data, contract={**contract, "columns": columns}, scope=scope, policies=["us", "eu", "cn"],
        audits={"primary": ["loyalty_pricing.disclosure"]},
    )  # fmt: skip
    run, judgement = run_program(file, folder / "out")
    assert not run.errors
    assert run.checks.fit
    verdicts = {one.rule.id: one.verdict for one in judgement.findings}
    return {m.measure: m for m in run.measurements if m.segment == "all"}, verdicts, run, judgement


WRITTEN = {
    "boolean": lambda flag: flag, "number": lambda flag: flag.astype(int), "float": lambda flag: flag.astype(float),
    "words": lambda flag: flag.map({True: "Yes", False: "no"}),
    "letters": lambda flag: flag.map({True: " t", False: "F "}),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITTEN)
def test_cases_are_those_of_pandas_however_yes_and_no_are_written(tmp_path, kind):
    data = offers()
    one, told, plain = (data[name] for name in TERMS.values())
    for name in TERMS.values():
        data[name] = WRITTEN[kind](data[name])
    found, verdicts, _, _ = audited(tmp_path, data)
    for measure, word, beside in ((UNDISCLOSED, "undisclosed", told), (PLAIN, "without_plain_option", plain)):
        figure = found[measure]
        assert figure.estimate == figure.low == figure.high == (one & ~beside).sum() > 10
        assert figure.counts == {
            word: figure.estimate, "personalised": one.sum(), "unknown": 0, "unknown_personalised": 0,
            "offers": len(data),
        }  # fmt: skip
        assert (figure.cautions, figure.unseen) == ((), ())
    assert {rule: verdicts[rule] for rule in ("cn.ecommerce.18", "eu.crd.6_1_ea")} == {
        "cn.ecommerce.18": "concern", "eu.crd.6_1_ea": "concern",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "scope", "verdict"),
    [
        ("us.ny.gbl349a", {"jurisdictions": ["US-NY"], "lenders": ["merchant"]}, "breach"),
        ("cn.ecommerce.18", {"jurisdictions": ["CN"], "lenders": ["platform"]}, "breach"),
        ("eu.crd.6_1_ea", {"jurisdictions": ["EU"]}, "concern"),
    ],
)
def test_each_rule_judges_its_measure_and_a_fair_seller_is_clear(tmp_path, rule, scope, verdict):
    assert audited(tmp_path / "fair", offers(harm=False), scope=scope)[1] == {rule: "clear"}
    one = offers(harm=False)
    one.loc[one.index[one["made_for_one"]][0], ["told", "plain"]] = False
    found, verdicts, _, _ = audited(tmp_path / "one", one, scope=scope)
    assert (found[UNDISCLOSED].estimate, found[PLAIN].estimate) == (1, 1)
    assert verdicts == {rule: verdict}


def test_the_rules_name_every_flag_that_their_measure_reads():
    from audits.policies.packs import find_pack, shipped_packs
    from tests.programs import ROOT

    rules = {rule.id: rule for name in shipped_packs() for rule in find_pack(name, ROOT).rules}
    keys = {UNDISCLOSED: {"terms.personalised", "terms.disclosed"}, PLAIN: {"terms.personalised", "terms.plain_option"}}
    assert {rule.id: rule.measure for rule in rules.values() if rule.measure in keys} == RULES
    assert all(keys[measure] <= set(rules[rule].inputs) for rule, measure in RULES.items())


@pytest.mark.parametrize(("column", "refused"), [("told", [UNDISCLOSED]), ("made_for_one", [UNDISCLOSED, PLAIN])])
@pytest.mark.parametrize("value", ["maybe", "2", "Ja"])
def test_a_flag_that_says_neither_yes_nor_no_refuses_its_figures(tmp_path, column, refused, value):
    data = offers()
    data[column] = data[column].map({True: "yes", False: "no"})
    data.loc[7, column] = value
    found, verdicts, run, _ = audited(tmp_path, data)
    assert [measure for measure in (UNDISCLOSED, PLAIN) if found[measure].estimate is None] == refused
    for measure in refused:
        assert found[measure].reason == f"'{column}' holds '{value}', which is neither yes nor no"
        assert any(one.question.endswith(measure) and "true or false" in one.needed for one in run.not_answered)
    assert {verdicts[rule] for rule, measure in RULES.items() if measure in refused} == {"not_identified"}


@pytest.mark.parametrize(
    ("row", "open_case"),
    [
        ({"made_for_one": True, "told": None}, True), ({"made_for_one": None, "told": False}, True),
        ({"made_for_one": None, "told": None}, True), ({"made_for_one": None, "told": True}, False),
        ({"made_for_one": False, "told": None}, False),
    ],
)  # fmt: skip
def test_an_offer_that_may_be_a_case_is_counted_and_keeps_the_count_from_being_clear(tmp_path, row, open_case):
    data = offers(harm=False).astype(dict.fromkeys(TERMS.values(), object))
    for column, value in row.items():
        data.loc[3, column] = value
    found, verdicts, _, _ = audited(tmp_path, data)
    figure = found[UNDISCLOSED]
    assert (figure.estimate, figure.counts["unknown"]) == (0, int(open_case))
    assert figure.counts["unknown_personalised"] == (row["made_for_one"] is None)
    assert bool(figure.unseen) is open_case
    assert verdicts["us.ny.gbl349a"] == ("inconclusive" if open_case else "clear")


@pytest.mark.parametrize(("column", "reason"), [("made_for_one", "whether its price was personalised"),
                                                ("told", "of no offer whether it is a case")])  # fmt: skip
def test_flags_that_are_missing_throughout_give_no_figure(tmp_path, column, reason):
    data = offers().assign(made_for_one=True)
    data[column] = pd.array([None] * len(data), dtype="boolean")
    found, verdicts, _, _ = audited(tmp_path, data)
    assert reason in found[UNDISCLOSED].reason
    assert verdicts["us.ny.gbl349a"] == "not_identified"


@pytest.mark.parametrize(
    ("keys", "lacks"),
    [
        (("personalised", "disclosed"), {PLAIN: "terms.plain_option"}),
        (("personalised", "plain_option"), {UNDISCLOSED: "terms.disclosed"}),
        (("disclosed", "plain_option"), {UNDISCLOSED: "terms.personalised", PLAIN: "terms.personalised"}),
        (("disclosed",), {UNDISCLOSED: "terms.personalised", PLAIN: "terms.personalised, terms.plain_option"}),
    ],
)
def test_a_flag_that_the_contract_does_not_name_is_asked_for_by_its_key(tmp_path, keys, lacks):
    contract = {**CONTRACT, "terms": {key: TERMS[key] for key in keys}}
    found, _, run, judgement = audited(tmp_path, offers(), contract)
    assert set(found) == {UNDISCLOSED, PLAIN} - set(lacks)
    told = {one.question.split(": ")[1]: one.needed for one in run.not_answered if "disclosure: " in one.question}
    assert told == {measure: f"name the columns of {names} in the contract" for measure, names in lacks.items()}
    idle = {one.rule.measure: one.reason for one in judgement.rules_not_applied}
    assert all(names in idle[measure] for measure, names in lacks.items())


def test_a_case_without_a_time_may_have_been_before_the_rule(tmp_path):
    data = offers(harm=False)
    data.loc[data.index[data["made_for_one"]][0], "told"] = False
    data.loc[data.index[data["made_for_one"]][0], "day"] = pd.NaT
    scope = {"jurisdictions": ["US-NY"], "lenders": ["merchant"]}
    found, verdicts, _, _ = audited(tmp_path, data, scope=scope)
    assert found[UNDISCLOSED].cautions == (
        "the number of offers without a time is 1, and every case may be among them",
    )
    assert verdicts == {"us.ny.gbl349a": "concern"}
