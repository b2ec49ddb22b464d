"""What would change a verdict: each sentence must be true of the finding that it stands with."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from audits.policies.judge import verdict_of
from reports.rule_reading import rule_reading
from reports.turning_points import turning_points
from reports.words import ENGLISH
from tests.reports import sample_records as sample

RULES = {
    "interval": {"test": "interval", "comparison": "at_most", "limit": 0.05},
    "significant": {"test": "point_and_significant", "comparison": "at_most", "limit": 0.05},
    "census": {"test": "census", "comparison": "at_most", "limit": 0.05},
}


def found(kind="interval", estimate=0.129, low=0.078, high=0.18, unseen=(), equality=0.0, **changes):
    """A finding with the verdict that the judge gives."""
    m = sample.gap(estimate=estimate, low=low, high=high, equality=equality)
    rule = sample.rule(**(RULES[kind] | changes))
    verdict = verdict_of(m, rule, True, may_breach=False)
    verdict = "inconclusive" if unseen and verdict == "clear" else verdict
    return sample.finding(m, rule, verdict, low=low, high=high, level=0.95, unseen=unseen)


def told(**changes):
    return " ".join(turning_points(ENGLISH, found(**changes)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Under a limit of about 7.8 percentage points the test would no longer be met; under one of about 18.0"),
        ({"unseen": ("rows lost",)}, "Under a limit of about 7.8 percentage points the test would no longer be met."),
        ({"high": None}, "Under a limit of about 7.8 percentage points the test would no longer be met."),
        ({"kind": "significant"}, "or if the interval held 0 percentage points; its nearer end is 7.8"),
        ({"kind": "census"}, "no longer be met under a limit of about 12.9"),
        ({"estimate": 0.02, "low": 0.0, "high": 0.04}, "Under a limit stricter than about 4.0"),
        ({"estimate": 0.04, "low": 0.01, "high": 0.07}, "within the limit"),
        ({"estimate": 0.02, "low": 0.0, "high": 0.04, "unseen": ("x",)}, "It lies within the limit. What the figure"),
        ({"kind": "census", "estimate": 0.02, "unseen": ("x",)}, "It lies within the limit. What the figure"),
        ({"estimate": 0.04, "low": 0.01, "high": 0.07, "unseen": ("x",)}, "More rows alone would not make it clear"),
        ({"estimate": 0.02, "low": 0.0, "high": None}, "lies within the limit, but its interval has no end"),
        ({"estimate": 0.07, "low": None, "high": 0.2}, "lies beyond the limit, but its interval has no end"),
        ({"kind": "significant", "estimate": 0.07, "low": -0.01}, "but its interval holds equality"),
        ({"kind": "significant", "equality": None}, "no value means equality"),
        ({"estimate": 0.0501, "low": 0.01, "high": 0.09}, "more than 1,000 times as many rows"),
        ({"estimate": 0.09, "low": 0.0495, "high": 0.13}, "A few more rows would decide it"),
    ],
)
def test_each_case_has_the_sentence_that_is_true_of_it(changes, words):
    assert words in told(**changes)


@pytest.mark.parametrize("comparison", ["at_most", "at_least"])
def test_at_the_limits_named_the_judge_says_what_is_said(comparison):
    sign = 1 if comparison == "at_most" else -1
    one = found(estimate=sign * 0.129, low=min(sign * 0.078, sign * 0.18), high=max(sign * 0.078, sign * 0.18),
                comparison=comparison, limit=sign * 0.05)  # fmt: skip
    for limit, verdict in ((sign * 0.0782, "inconclusive"), (sign * 0.1801, "clear")):
        assert verdict_of(one.measurement, replace(one.rule, limit=limit), True, False) == verdict
    assert one.verdict == "concern"


@pytest.mark.parametrize("changes", [{}, {"estimate": 0.02, "low": 0.0, "high": 0.04}, {"kind": "census"},
                                     {"estimate": 0.04, "low": 0.01, "high": 0.07}])  # fmt: skip
def test_of_a_figure_that_decides_nothing_by_itself_no_number_is_promised(changes):
    one = found(**changes)
    one = replace(one, verdict="inconclusive", measurement=replace(one.measurement, undecided="the cost may be wrong"))
    (text,) = turning_points(ENGLISH, one)
    assert text.startswith("Neither another limit nor more rows would decide it")
    assert not re.search(r"\d", text)
    reading = rule_reading(ENGLISH, one.rule, one)
    assert reading.reading == "Undecided: the figure decides nothing by itself, as told beside it."
    assert reading.kind == ".undecided"


def test_so_many_times_the_rows_do_decide():
    one = found(estimate=0.04, low=0.01, high=0.07)
    assert "9 times as many rows" in turning_points(ENGLISH, one)[0]
    narrower = replace(one.measurement, low=0.04 - 0.03 / 3.001, high=0.04 + 0.03 / 3.001)
    assert verdict_of(narrower, one.rule, True, False) == "clear"


def test_a_rule_reads_as_the_judge_did():
    reading = {
        name: rule_reading(ENGLISH, one.rule, one).reading
        for name, one in (
            ("seen", found(estimate=0.04, low=0.01, high=0.07)),
            ("unseen", found(estimate=0.02, low=0.0, high=0.04, unseen=("x",))),
            ("count", found(kind="census", estimate=0.02)),
        )
    }
    assert "values on both sides" in reading["seen"]
    assert reading["unseen"].startswith("Undecided: it lies within the limit")
    assert reading["count"] == "The test is not met: the counted figure lies within the limit."


def test_the_last_day_of_a_rule_is_the_day_before_it_ended():
    ended = sample.rule(effective_from="1969-01-01", effective_to="2026-07-21")
    shown = rule_reading(ENGLISH, ended)
    assert shown.status == "Law in force until 20 July 2026"
    assert [fact.value for fact in shown.facts if fact.label == "Valid"] == ["1 January 1969 to 20 July 2026"]
