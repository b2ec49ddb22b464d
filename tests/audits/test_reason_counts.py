"""Reasons and flags of review counted over all rows, against counts in Python on the rows themselves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.comparisons.reason_counts import reason_counts
from audits.evidence.cells import Cells
from audits.evidence.reasons import code_of
from audits.explanation.reason_codes import ReasonCodes
from checks.problem import InputError
from tests.hmda_files import PLAIN, write
from tests.programs import loans, write_program
from tests.questions import measure_program

COLUMNS = ("why 1", "why-2", "第三", "why4", "why5")
MOST, GENERIC, REVIEW = "most_reasons_given", "generic_reason_cases", "unreviewed_decision_cases"
NOTHING = (None, "", " ", "none", "N/A")


def refused(seed: int = 3, rows: int = 1200, columns=COLUMNS) -> pd.DataFrame:
    """Applications with reasons beside refusals, now and then one twice, in other letters, or none."""
    rng = np.random.default_rng(seed)
    data = loans(seed, rows, gap=0.3)
    for name in columns:
        given = rng.choice(["R1", "r1 ", "R2", "R7", "other", "Vague", *NOTHING], rows)
        data[name] = np.where((data["granted"] == 0) | (rng.random(rows) < 0.02), given, None)
    return data


def told(row, columns=COLUMNS) -> set[str]:
    """The different reasons of a row."""
    texts = [str(row[name]).strip().lower() for name in columns if not pd.isna(row[name])]
    return {text for text in texts if text not in ("", "none", "n/a")}


def contract(columns=COLUMNS, **more):
    return {
        "unit": "case", "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}}, "denial_reasons": list(columns), **more,
    }  # fmt: skip


def measured(folder, data, question=None, **more):
    found, missing = measure_program(
        write_program(folder, data, contract=contract(**more)), question or ReasonCodes(), folder / "out"
    )
    return {m.measure: m for m in found}, {one.question.split(": ")[1]: one for one in missing}


def test_most_reasons_and_generic_ones_are_those_of_a_count_by_hand(tmp_path):
    data = refused()
    found, missing = measured(tmp_path, data, ReasonCodes(generic=("OTHER", "vague", "never given")))
    rows = [told(row) for row in data[data["granted"] == 0].to_dict("records")]
    many = [len(given) for given in rows]
    most = found[MOST]
    assert (most.estimate, most.low, most.high, most.n) == (max(many), max(many), max(many), len(rows))
    assert most.counts["with_most"] == many.count(max(many)) > 0
    assert most.counts["without_reason"] == many.count(0) > 0
    generic = found[GENERIC]
    assert generic.estimate == sum(bool(given & {"other", "vague"}) for given in rows) > 0
    assert generic.counts["only_generic"] == sum(bool(given) and given <= {"other", "vague"} for given in rows) > 0
    for figure in (most, generic):
        assert any("give no reason" in one for one in figure.unseen)
    assert {"reason_match_share", "reason_match_gap", "unfounded_reason_cases", REVIEW} == set(missing)
    assert "no model" in missing["reason_match_share"].reason


def test_without_a_generic_code_nothing_is_counted_as_none(tmp_path):
    found, missing = measured(tmp_path, refused())
    assert GENERIC not in found
    assert "no code is named" in missing[GENERIC].reason
    assert "generic_reasons" in missing[GENERIC].needed


def test_reasons_that_all_refusals_have_leave_nothing_unseen(tmp_path):
    data = refused()
    data.loc[data["granted"] == 0, "why 1"] = "R1"
    found, _ = measured(tmp_path, data, ReasonCodes(generic=("R99",)))
    assert found[GENERIC].estimate == 0
    assert not found[MOST].unseen
    assert not found[GENERIC].unseen


@pytest.mark.parametrize(("change", "reason"), [
    ({"granted": 1}, "no application is refused"),
    (dict.fromkeys(COLUMNS, "n/a"), "no refusal gives a reason"),
])  # fmt: skip
def test_no_refusal_or_no_reason_gives_no_figure(tmp_path, change, reason):
    found, _ = measured(tmp_path, refused().assign(**change), ReasonCodes(generic=("R99",)))
    for measure in (MOST, GENERIC):
        assert found[measure].estimate is None
        assert found[measure].reason == reason


def test_a_cell_with_several_codes_is_refused_and_not_counted_as_one(tmp_path):
    data = refused()
    data.loc[data.index[data["granted"] == 0][5], "why-2"] = "R7; R2"
    found, missing = measured(tmp_path, data)
    assert found[MOST].estimate is None
    assert "'R7; R2'" in found[MOST].reason
    assert "a column of its own" in missing[MOST].needed


def test_a_text_with_a_comma_is_one_reason_and_so_is_a_code_that_is_named():
    cells = Cells((), ((("debt, too high",), 0, 3), (("A/B",), 0, 2), (("a",), 0, 1), (("B",), 0, 1)), ("why",))
    assert reason_counts(cells, (), ("A/b",)).joined is None
    assert reason_counts(cells, (), ()).joined == "A/B"


@pytest.mark.parametrize("kind", ["int", "float", "text", "decimal"])
def test_numbers_are_codes_as_a_person_writes_them(tmp_path, kind, postgres_url):
    types = {"int": "bigint", "float": "float8", "text": "text", "decimal": "numeric(6,2)"}
    data = loans(5, 400, gap=0.3)
    codes = np.random.default_rng(5).integers(1, 10, (2, 400))
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS reasons_given")
        connection.execute(f'CREATE TABLE reasons_given ("case" bigint, granted int, region text, one {types[kind]}, '
                           f"two {types[kind]})")  # fmt: skip
        with connection.cursor().copy("COPY reasons_given FROM STDIN") as copy:
            for i, row in data.iterrows():
                second = None if i % 3 == 0 else str(codes[1, i])
                copy.write_row((int(row["case"]), int(row.granted), row.region, str(codes[0, i]), second))
    file = write_program(
        tmp_path, data, contract=contract(("one", "two")),
        source={"connection": postgres_url, "table": "reasons_given"},
    )  # fmt: skip
    found = {m.measure: m for m in measure_program(file, ReasonCodes(generic=("9",)), tmp_path / "out")[0]}
    no = data["granted"].to_numpy() == 0
    nine = (codes[0] == 9) | ((codes[1] == 9) & (np.arange(400) % 3 > 0))
    assert found[GENERIC].estimate == int((nine & no).sum()) > 0
    assert found[MOST].estimate == 2


@pytest.mark.parametrize(("value", "code"), [
    (3, "3"), (3.0, "3"), (np.int64(3), "3"), (np.float64(3.0), "3"), (2.5, "2.5"), (True, "true"), (" R1 ", "r1"),
    (None, None), (float("nan"), None), ("NA", None), ("", None),
])  # fmt: skip
def test_a_value_is_the_same_code_whatever_its_type(value, code):
    assert code_of(value) == code


def test_a_register_says_nothing_by_ten_and_other_by_nine(tmp_path):
    def refusal(action, *reasons):
        return {**PLAIN, "action_taken": action, **{f"denial_reason-{k}": code for k, code in enumerate(reasons, 1)}}

    rows = [
        refusal("1", "10"), refusal("3", "9", "", "", ""), refusal("3", "1", "3", "9", "4"), refusal("3", "10"),
        refusal("3", "1111", "1111", "1111", "1111"), refusal("3", "1", "1", "", ""), refusal("4", "10"),
    ]  # fmt: skip
    file = write(tmp_path, rows)
    found = {m.measure: m for m in measure_program(file, ReasonCodes(generic=("9",)), tmp_path / "out")[0]}
    assert found[MOST].estimate == 4
    assert found[MOST].counts["with_most"] == 1
    assert found[GENERIC].estimate == 2
    assert (found[GENERIC].counts["only_generic"], found[GENERIC].counts["refusals"]) == (1, 5)
    assert found[GENERIC].counts["without_reason"] == 2


# human review


def reviews(rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    return loans(8, rows).assign(review=rng.choice(["yes", "No", "T", "false "], rows, p=[0.5, 0.02, 0.46, 0.02]))


def test_reviews_that_were_asked_for_and_not_given_are_counted(tmp_path):
    data = reviews()
    terms = {"human_review": "review"}
    for name in COLUMNS:
        data[name] = "R1"
    found, missing = measured(tmp_path / "a", data, terms=terms)
    cases = int(data["review"].str.strip().str.lower().isin(["no", "false"]).sum())
    assert found[REVIEW].estimate == cases > 0
    assert found[REVIEW].counts["decisions"] == 400
    assert not found[REVIEW].unseen
    assert REVIEW not in missing
    data.loc[:9, "review"] = None
    some, _ = measured(tmp_path / "b", data, terms=terms)
    assert some[REVIEW].counts["unknown"] == 10
    assert "empty for 10 of 400" in some[REVIEW].unseen[0]


@pytest.mark.parametrize(("value", "reason"), [("perhaps", "neither yes nor no"), (None, "no decision says")])
def test_a_flag_that_tells_nothing_refuses_the_count(tmp_path, value, reason):
    data = reviews().assign(**dict.fromkeys(COLUMNS, "R1"))
    data["review"] = data["review"].where(data.index > 3, value) if value else pd.Series([None] * 400, dtype=object)
    found, missing = measured(tmp_path, data.astype({"review": "string"}), terms={"human_review": "review"})
    assert found[REVIEW].estimate is None
    assert reason in found[REVIEW].reason
    assert (REVIEW in missing) == (value is not None)


def test_without_reasons_and_flag_everything_says_what_it_lacks(tmp_path):
    file = write_program(tmp_path, loans(1, 50))
    found, missing = measure_program(file, ReasonCodes(), tmp_path / "out")
    assert found == []
    assert {one.question.split(": ")[1] for one in missing} >= set(ReasonCodes.measures)
    assert all(one.reason and one.needed for one in missing)


@pytest.mark.parametrize("change", [{"rows": 5}, {"drivers": 0}, {"background": 0}, {"seed": -1}, {"drivers": 2.5}])
def test_parameters_beyond_their_bounds_are_refused(change):
    with pytest.raises(InputError, match="a whole number from"):
        ReasonCodes(**change)
