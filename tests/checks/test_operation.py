"""How a program is operated: what is read, what is refused, and that it changes no record."""

from __future__ import annotations

import datetime as dt

import pytest
import yaml

from checks.inputs.operation import Notify, Operation, SignOff
from checks.inputs.program import read_program
from checks.problem import InputError
from tests.operated import write_operated

WHOLE = {
    "start": "2025-01-01", "catch_up": True, "after": ["quotes", "claims"], "retries": 2, "retry_after": "90 seconds",
    "deadline": "6 hours", "pool": "warehouse", "notify": {"mail": ["risk@bank.example"], "webhook": "hook"},
    "sign_off": {"by": ["ada", "ben"], "within": "2 weeks", "asked": "always"},
}  # fmt: skip


def test_a_whole_block_is_read(tmp_path):
    found = read_program(write_operated(tmp_path, "loans", 0.0, WHOLE)).operation
    assert found == Operation(
        start=dt.date(2025, 1, 1), catch_up=True, after=("quotes", "claims"), retries=2,
        retry_after=dt.timedelta(seconds=90), deadline=dt.timedelta(hours=6), pool="warehouse",
        notify=Notify(("risk@bank.example",), "hook"),
        sign_off=SignOff(("ada", "ben"), dt.timedelta(days=14), "always"),
    )  # fmt: skip


def test_without_a_block_nothing_is_caught_up_and_nobody_signs(tmp_path):
    found = read_program(write_operated(tmp_path, "loans", 0.0)).operation
    assert (found, found.sign_off, bool(found.notify)) == (Operation(), None, False)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"strat": "2025-01-01"}, "did you mean 'start'?"),
        ({"start": "January"}, "a day as YYYY-MM-DD"),
        ({"start": None, "catch_up": True}, "'catch_up' without 'start'"),
        ({"after": []}, "at least one name of an asset"),
        ({"after": ["quotes", "quotes"]}, "a second time"),
        ({"after": ["two words"]}, "letters, digits"),
        ({"retries": 21}, "a whole number from 0 to 20"),
        ({"retries": -1}, "a number from 0"),
        ({"retry_after": "soon"}, "write for instance 6 hours"),
        ({"deadline": "6 horus"}, "did you mean 'hours'?"),
        ({"deadline": "0 hours"}, "write a length within that range"),
        ({"notify": None}, "'deadline' without 'notify'"),
        ({"deadline": "3 months"}, "a number of seconds, minutes, hours, days, weeks"),
        ({"deadline": "9000 days"}, "write a length within that range"),
        ({"notify": {"mail": ["risk at bank"]}}, "a mail address"),
        ({"notify": {}}, "mail or webhook"),
        ({"sign_off": {"within": "1 day"}}, "no 'by'"),
        ({"sign_off": {"by": []}}, "at least one user name"),
        ({"sign_off": {"by": ["ada"], "asked": "sometimes"}}, "one of always, flagged"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, changed, told):
    operation = {key: value for key, value in {**WHOLE, **changed}.items() if value is not None}
    with pytest.raises(InputError) as error:
        read_program(write_operated(tmp_path, "loans", 0.0, operation))
    assert told in str(error.value)
    assert "loans.yaml, line " in str(error.value)


def test_a_start_needs_a_schedule(tmp_path):
    file = write_operated(tmp_path, "loans", 0.0, {"start": "2025-01-01"})
    content = yaml.safe_load(file.read_text())
    del content["schedule"]
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match="'start' without 'schedule'"):
        read_program(file)


def test_operation_is_no_part_of_what_was_asked(tmp_path):
    from audits.run import program_record

    plain = program_record(read_program(write_operated(tmp_path / "a", "loans", 0.0)))
    operated = program_record(read_program(write_operated(tmp_path / "b", "loans", 0.0, WHOLE)))
    assert plain.digest == operated.digest
