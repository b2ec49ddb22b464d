"""Every text of a data check is a sentence that the record keeps and that the Chinese catalogue knows."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from audits.record import canonical_json, read_record
from checks.check_report import CheckReport, CheckResult
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.sentence import Sentence
from reports.words import language
from tests.checks.conftest import AS_OF, CHECKS, OpenedFrame, clean_frame
from tests.programs import BOSTON, ROOT, loans, write_program

CATALOGUE = ROOT / "reports" / "locale" / "zh_CN" / "checks.po"
MANY = list(range(30))
FAILING = f"""
  - expect_column_mean_to_be_between: {{column: gender, min_value: 1}}
  - expect_column_values_to_be_in_set: {{column: fee, value_set: {MANY}}}
  - expect_column_distinct_values_to_be_in_set: {{column: Age, value_set: [1]}}
  - expect_column_most_common_value_to_be_in_set: {{column: 'Customer "Ref"', value_set: [a]}}
  - expect_compound_columns_to_be_unique: {{column_list: [fee, term, gender]}}
  - expect_table_column_count_to_equal: {{value: 3}}
  - expect_table_columns_to_match_set: {{column_set: [fee, term]}}
"""
SMALL = """
  decision: {column: outcome, favourable: [approved]}
  outcome: {column: paid, favourable: [1], maturity: {days: 30}}
  groups: {race: {column: race, reference: white}}
"""


def gate(program_file: Path) -> CheckReport:
    from checks.gate import run_checks

    program = read_program(program_file)
    with open_source(program, read_period("all")) as source:
        return run_checks(source, program, dt.date(2026, 10, 31))


def broken_loans(folder: Path) -> Path:
    frame = loans()
    frame.loc[frame.index[:7], "granted"] = 3
    frame.loc[frame.index[7:9], "region"] = None
    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "nrth"}},
        "columns": {"burden": {"type": "integer", "min": 0.2, "max": 0.3, "null_tolerance": 0.01, "matches": "x.*"}},
    }  # fmt: skip
    return write_program(folder, frame, contract=contract)


def spoilt_applications(opened: OpenedFrame) -> CheckReport:
    """Applications with something wrong in nearly every place of the contract, and added checks that fail."""
    from checks.gate import run_checks

    frame = clean_frame(2000)
    frame.loc[:40, "gender"] = [f"other {i:02d}" for i in range(41)]
    frame["gender"] = frame["gender"].where(frame["gender"] != "m", "male")
    frame.loc[:9, "申请结果"] = "pending"
    frame.loc[:3, "RACE group"] = "D"
    frame.loc[:5, "decided_on"] = None
    frame["Application ID"] = frame["Application ID"].clip(lower=5)
    frame["Loan Amount"] = frame["fee"]
    frame["fee"] = frame["fee"].where(frame.index > 20, 12)
    frame["offered_on"] = frame["decided_on"].max().date()
    frame["Zip:code"] = "x"
    frame["term"] = 12
    with opened(frame, checks=CHECKS + FAILING.lstrip("\n")) as (source, program):
        return run_checks(source, program, AS_OF + dt.timedelta(days=400))


@pytest.fixture(params=["boston", "broken loans", "clean applications", "spoilt applications"])
def report(request: pytest.FixtureRequest, tmp_path: Path, opened: OpenedFrame) -> CheckReport:
    """The checks of the shipped program, and of programs that keep their contract or break it in many ways."""
    from checks.gate import run_checks

    if request.param == "boston":
        return gate(BOSTON)
    if request.param == "broken loans":
        return gate(broken_loans(tmp_path))
    if request.param == "spoilt applications":
        return spoilt_applications(opened)
    with opened(clean_frame(2000)) as (source, program):
        return run_checks(source, program, AS_OF)


def texts(result: CheckResult) -> list[str]:
    return [text for text in (result.expected, result.observed, result.remedy) if text]


def parts(text: object) -> Iterator[Sentence]:
    """A sentence and every sentence within it."""
    if isinstance(text, Sentence):
        yield text
        for value in text.values.values():
            yield from parts(value)


def remembers(read: object, sentence: Sentence) -> bool:
    """Whether what was read is made as the sentence was, and every sentence within it too."""
    return (
        isinstance(read, Sentence)
        and (read.template, read.values) == (sentence.template, sentence.values)
        and all(
            remembers(read.values[name], value)
            for name, value in sentence.values.items()
            if isinstance(value, Sentence)
        )
    )


def placeholders(template: str) -> list[str]:
    return sorted(re.findall(r"\{[^{}]*\}", template))


def translations() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def has_words(template: str) -> bool:
    return any(character.isalpha() for character in re.sub(r"\{[^{}]*\}", "", template))


def test_every_text_of_a_check_is_a_sentence(report: CheckReport) -> None:
    assert report.results
    assert [text for result in report.results for text in texts(result) if not isinstance(text, Sentence)] == []


def test_every_template_has_a_chinese_one_with_the_same_placeholders(report: CheckReport) -> None:
    chinese = translations()
    told = [text for result in report.results for text in (*texts(result), *result.examples)]
    used = {part.template for text in told for part in parts(text) if has_words(part.template)}
    assert len(used) > 10
    assert {one for one in used if placeholders(chinese.get(one, "")) != placeholders(one) or not chinese[one]} == set()


def test_the_record_keeps_the_sentences_and_reads_them_back(report: CheckReport, tmp_path: Path) -> None:
    (tmp_path / "checks.json").write_bytes(canonical_json(report))
    read = read_record(CheckReport, tmp_path / "checks.json")
    assert read == report
    assert canonical_json(read) == canonical_json(report)
    for before, after in zip(report.results, read.results, strict=True):
        for one, same in zip((*texts(before), *before.examples), (*texts(after), *after.examples), strict=True):
            assert not isinstance(one, Sentence) or remembers(same, one)


def test_labels_and_columns_stay_as_the_data_write_them_in_any_language(tmp_path: Path) -> None:
    chinese = language("zh-CN")
    told = " ".join(chinese.sentence(result.expected) for result in gate(broken_loans(tmp_path)).results)
    assert "“nrth”" in told
    assert "列“burden”" in told


def test_chinese_leaves_no_english_word_in_what_fails_but_the_program_s_own(opened: OpenedFrame) -> None:
    chinese = language("zh-CN")
    failed = [result for result in spoilt_applications(opened).results if not result.success]
    assert len(failed) > 20
    told = [text for result in failed for text in (*texts(result), *result.examples)]
    known = [text for text in told if not text.startswith("it could not be checked")]  # gives the engine's own words
    english = r"\b(column '|values|missing|more|and|holds|only|the|of|decision|time|break|rows?|table|source|check)\b"
    assert re.findall(english, " ".join(map(chinese.sentence, known))) == []


def test_a_group_called_like_a_role_is_no_word(opened: OpenedFrame) -> None:
    from checks.planned_check import about, about_role

    chinese = language("zh-CN")
    assert about("kind", "decision") == about_role("kind", "decision") == "column 'kind' (decision)"
    assert "decision" in chinese.sentence(about("kind", "decision"))
    assert "decision" not in chinese.sentence(about_role("kind", "decision"))


def test_a_derived_column_in_a_library_s_text_is_named_by_a_sentence() -> None:
    from checks.expectation_results import _without_derived_names
    from checks.inputs.prepared import FAVOURABLE, group_column

    contract = read_program(BOSTON).contract
    group = contract.groups[0]
    text = _without_derived_names(f'no "{group_column(group.name)}" beside {FAVOURABLE}', contract)
    assert text.startswith(f"no column '{group.column}' ({group.name}) beside column ")
    assert [part.template for part in parts(text)][1:] == [
        "column '{column}' ({role})", "column '{column}' (decision)",
    ]  # fmt: skip
    assert _without_derived_names("no such column", contract) == "no such column"
