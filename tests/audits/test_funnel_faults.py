"""Rows of a way to credit of which nobody can tell: told, and nothing is clear once they are not rare."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audits.comparisons.funnel_faults import failures_told, told_faults, unseen_faults
from audits.evidence.funnel import FailureCell, Funnel
from tests.programs import run_program, write_program

STAGES = ("reach", "identity")


def funnel(failures=(), **counts):
    return Funnel(STAGES, {"rows": 1000, "persons": 1000, **counts}, {}, {}, failures={"age": tuple(failures)})


def texts(found):
    return {one.question.split(": ")[-1]: (str(one.reason), str(one.needed)) for one in found}


@pytest.mark.parametrize(("n", "grave"), [(0, False), (10, False), (11, True)])
def test_stages_that_nobody_can_read_are_told_and_leave_nothing_clear_above_one_percent(n, grave):
    seen = funnel(unread_stages=n)
    told = texts(told_faults("q", seen, ()))
    assert ("unread_stages" in told) is (n > 0)
    assert bool(unseen_faults(seen)) is grave
    assert failures_told(seen) == ()
    if n:
        assert told["unread_stages"][0].startswith(f"{n} of 1,000 persons")
        assert "yes or no" in told["unread_stages"][1]


@pytest.mark.parametrize(("n", "grave"), [(2, False), (3, True)])
def test_failures_that_nobody_can_read_are_a_part_of_those_who_came_to_the_check(n, grave):
    cells = [FailureCell(None, "", None, True, 150), FailureCell("60+", "any", None, False, 50),
             FailureCell("60+", "face", None, False, 40)]  # fmt: skip
    seen = funnel(cells, unread_failures=n)
    assert texts(told_faults("q", seen, ()))["unread_failures"][0].startswith(f"{n} of 200 persons")
    assert bool(failures_told(seen)) is grave
    assert unseen_faults(seen) == ()


def test_a_span_without_any_time_is_told_with_what_would_answer():
    reason, needed = texts(told_faults("q", funnel(without_times=1000), ()))["without_times"]
    assert "1,000 of 1,000 persons have no time" in reason
    assert "'within'" in reason
    assert "'time'" in needed


def applicants(word, rows=6000):
    """Where as many pass in the north as in the south, save for a part of the north that nobody can read."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"case": np.arange(rows), "region": np.where(rng.random(rows) < 0.5, "north", "south")})
    data["seen"], data["began"] = "yes", np.where(rng.random(rows) < 0.8, "yes", "no").astype(object)
    unread = (data["region"] == "north") & (data["began"] == "yes") & (rng.random(rows) < 0.4)
    data.loc[unread, "began"] = word
    return data, int(unread.sum())


@pytest.mark.parametrize("word", ["yes", "ok", None])
def test_a_group_is_not_cleared_by_flags_of_the_others_that_nobody_can_read(tmp_path, word):
    data, unread = applicants(word)
    contract = {"unit": "case", "groups": {"region": {"column": "region", "reference": "north"}},
                "funnel": {"stages": {"reach": "seen", "start": "began"}, "within": "2 days"}}  # fmt: skip
    file = write_program(tmp_path, data, contract=contract, audits={"primary": ["digital_divide.funnel"]})
    record, _ = run_program(file, tmp_path / "runs")
    ratio = next(one for one in record.measurements if one.measure == "stage_ratio")
    told = texts(record.not_answered)
    assert "without_times" in told
    assert ("unread_stages" in told) is bool(ratio.unseen) is (word != "yes")
    if word != "yes":
        assert told["unread_stages"][0].startswith(f"{unread:,} of 6,000 persons")
