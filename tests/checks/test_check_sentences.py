"""Every text of a data check is a sentence that the record keeps and that Chinese knows."""

from __future__ import annotations

import pytest

from audits.record import canonical_json, read_record
from checks.check_report import CheckReport
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.sentence import Sentence
from reports.words import language
from tests.programs import BOSTON, loans, write_program


def report_of(program_file, day="2026-10-31"):
    import datetime as dt

    from checks.gate import run_checks

    program = read_program(program_file)
    with open_source(program, read_period("all")) as source:
        return run_checks(source, program, dt.date.fromisoformat(day))


def broken(tmp_path):
    frame = loans()
    frame.loc[frame.index[:7], "granted"] = 3
    frame.loc[frame.index[7:9], "region"] = None
    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "nrth"}},
        "columns": {"burden": {"type": "integer", "min": 0.2, "max": 0.3, "null_tolerance": 0.01, "matches": "x.*"}},
    }  # fmt: skip
    return write_program(tmp_path, frame, contract=contract)


@pytest.fixture(params=["boston", "broken"])
def report(request, tmp_path):
    """The checks of the shipped program, and of a program with much that fails."""
    return report_of(BOSTON if request.param == "boston" else broken(tmp_path))


def test_every_text_of_a_check_is_a_sentence_that_chinese_knows(report):
    chinese = language("zh-CN")
    texts = [text for one in report.results for text in (one.expected, one.observed, one.remedy) if text]
    assert texts
    assert [text for text in texts if not isinstance(text, Sentence) or not chinese.knows(text)] == []


def test_the_record_keeps_them_and_reads_them_back(report, tmp_path):
    (tmp_path / "checks.json").write_bytes(canonical_json(report))
    read = read_record(CheckReport, tmp_path / "checks.json")
    assert read == report
    assert canonical_json(read) == canonical_json(report)
    assert all(isinstance(one.expected, Sentence) for one in read.results)


def test_labels_and_columns_stay_as_the_data_write_them_in_any_language(tmp_path):
    chinese = language("zh-CN")
    told = " ".join(chinese.sentence(one.expected) for one in report_of(broken(tmp_path)).results)
    assert "“nrth”" in told
    assert "列“burden”" in told
