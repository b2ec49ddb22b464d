"""Where findings stand: the rules of a life, the folding over released runs, and the same rules on the site."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.policies.again import write_judgement
from audits.record import VERDICTS, Judgement, read_record
from audits.releases.life import OPEN_STATES, Decision, Step, course, is_of_a_part, place_in_time, unrefuted_in
from audits.releases.lives import standings
from audits.releases.record import Action, Release
from checks.problem import InputError
from reports.site.build import read_summary
from reports.site.history import history, lives
from reports.site.run_folders import run_folders
from reports.site.run_summary import RunSummary, Unreadable, read_records
from tests.released import ADA, BEN, NOON, accepted, judged_run, judgement_bytes, release, remediated

DAY = dt.date(2026, 6, 1)


def decided(kind: str, verdict: str, until: str | None = None) -> Decision:
    action = Action("x", kind, "desk 7", until)  # type: ignore[arg-type]
    made = Release("1.0", "p", "2026-01", 1, "r", "j", 1, None, "approved", ADA, "2026-01-31T00:00:00Z")
    return Decision(action, verdict, made)  # type: ignore[arg-type]


ACCEPTED = ("accepted", "2026-06-01")
MENDED = ("remediated", None)
# each period: its verdict, and the decision in it
STORIES = [
    ([("breach", None)], "open"),
    ([("inconclusive", None), ("clear", None)], None),
    ([("concern", None), ("inconclusive", None)], "unsettled"),
    ([("concern", None), (None, None)], "unsettled"),
    ([("concern", None), ("clear", None)], "closed"),
    ([("concern", None), ("clear", None), ("unfit", None)], "closed"),
    ([("concern", None), ("clear", None), ("breach", None)], "open"),
    ([("breach", ACCEPTED)], "accepted"),
    ([("breach", ACCEPTED), ("breach", None), ("concern", None)], "accepted"),
    ([("breach", ACCEPTED), ("unfit", None)], "accepted"),
    ([("breach", ("accepted", "2026-05-31"))], "expired"),
    ([("breach", ("accepted", "2026-05-31")), ("breach", ACCEPTED)], "accepted"),
    ([("concern", ACCEPTED), ("breach", None)], "open"),
    ([("concern", ACCEPTED), ("breach", None), ("concern", None)], "accepted"),
    ([("concern", ACCEPTED), ("breach", None), ("unfit", None)], "unsettled"),
    ([("breach", ACCEPTED), ("clear", None)], "closed"),
    ([("breach", ACCEPTED), ("clear", None), ("breach", None)], "open"),
    ([("breach", MENDED)], "remediated"),
    ([("breach", MENDED), ("inconclusive", None)], "remediated"),
    ([("breach", MENDED), ("clear", None)], "retested"),
    ([("breach", MENDED), ("inconclusive", None), ("clear", None)], "retested"),
    ([("breach", MENDED), ("concern", None)], "reopened"),
    ([("breach", MENDED), ("concern", None), ("not_identified", None)], "reopened"),
    ([("breach", MENDED), ("concern", MENDED)], "remediated"),
    ([("breach", MENDED), ("concern", ACCEPTED)], "accepted"),
    ([("breach", MENDED), ("concern", None), ("clear", None)], "closed"),
    ([("breach", MENDED), ("clear", None), ("breach", None)], "reopened"),
    ([("breach", ACCEPTED), ("breach", MENDED)], "remediated"),
]


@pytest.mark.parametrize(("story", "state"), STORIES)
def test_a_life(story, state):
    steps = [Step(verdict, decided(made[0], verdict, made[1]) if made else None) for verdict, made in story]
    assert course(monthly(steps), DAY).state(DAY) == state


def monthly(steps):
    """One period after another, none with days of the other."""
    for month, step in enumerate(steps, 1):
        yield replace(step, first=f"2025-{month:02}-01", last=f"2025-{month:02}-28")


JAN, FEB, DEC = (("2025-01-01", "2025-01-31"), ("2025-02-01", "2025-02-28"), ("2025-12-01", "2025-12-31"))
Q1, YEAR, TO_COME, UNKNOWN = (
    ("2025-01-01", "2025-03-31"), ("2025-01-01", "2025-12-31"), ("2026-06-02", "2026-06-30"), ("", ""),
)  # fmt: skip
LATER = [
    ([(JAN, "breach"), (FEB, "clear")], "closed"),
    ([(JAN, "breach"), (Q1, "clear")], "open"),
    ([(JAN, "breach"), (YEAR, "clear")], "open"),
    ([(JAN, "breach"), (YEAR, "inconclusive")], "open"),
    ([(DEC, "breach"), (YEAR, None)], "open"),
    ([(Q1, "breach"), (("2025-03-01", "2025-03-31"), "clear")], "open"),
    ([(Q1, "breach"), (("2025-04-01", "2025-04-30"), "clear")], "closed"),
    ([(JAN, "breach"), (("2025-02-01", "2025-12-31"), "clear")], "closed"),
    ([(JAN, "breach"), (FEB, "concern"), (("2025-02-10", "2025-03-10"), "clear")], "open"),
    ([(JAN, "breach"), (Q1, "breach"), (("2025-04-01", "2025-04-30"), "clear")], "closed"),
    ([(JAN, "breach"), (FEB, "clear"), (Q1, "breach")], "open"),
    ([(JAN, "breach"), (FEB, "clear"), (YEAR, "inconclusive")], "closed"),
    ([(JAN, "breach"), (TO_COME, "clear")], "open"),
    ([(JAN, "breach"), (("2026-06-01", "2026-06-30"), "clear")], "closed"),
    ([(UNKNOWN, "breach"), (FEB, "clear")], "open"),
    ([(JAN, "breach"), (UNKNOWN, "clear")], "open"),
]


@pytest.mark.parametrize(("told", "state"), LATER)
def test_only_days_that_all_come_later_settle_a_finding(told, state):
    steps = [Step(verdict, first=first, last=last) for (first, last), verdict in told]
    assert course(steps, DAY).state(DAY) == state


def test_a_period_reaches_no_further_than_its_data():
    assert place_in_time("2026", "2026-01-01", "2026-03-31") == ("2026-03-31", "2026-01-01", "2026")
    assert place_in_time("2026-02", None, None) == ("2026-02-28", "2026-02-01", "2026-02")
    assert place_in_time("2099-01", "2026-01-05", "2026-01-31") == ("2026-01-31", "2099-01-01", "2099-01")
    assert place_in_time("all", "2026-01-05", "2026-01-31")[:2] == ("2026-01-31", "2026-01-05")


@given(st.lists(st.sampled_from([*VERDICTS, None]), min_size=1, max_size=8))
def test_without_decisions_a_finding_is_open_exactly_where_its_newest_verdict_is_flagged(verdicts):
    came_to = course(monthly(Step(verdict) for verdict in verdicts), DAY)
    flagged = [place for place, verdict in enumerate(verdicts) if verdict in ("breach", "concern")]
    state = came_to.state(DAY)
    assert (state == "open") == (verdicts[-1] in ("breach", "concern"))
    assert (state is None) == (not flagged)
    if state == "closed":
        assert "clear" in verdicts[flagged[-1] :]


# --- over runs -------------------------------------------------------------------------------------------------------


def test_an_acceptance_holds_until_its_last_day_for_its_finding_alone(tmp_path):
    first = judged_run(tmp_path, {"a": "breach", "b": "breach"})
    release(first, ADA, NOON, actions=[accepted("a", "2026-06-01")])
    judged_run(tmp_path, {"a": "breach", "b": "breach"}, period="2026-02")
    for day, state in ((DAY, "accepted"), (DAY + dt.timedelta(days=1), "expired")):
        a, b = standings(tmp_path, day).findings
        assert (a.state, a.since, a.period, a.risk_owner, a.until) == (
            state,
            "2026-01",
            "2026-02",
            "desk 7",
            "2026-06-01",
        )
        assert (a.decided and a.decided.by, a.released) == ("Ada Byron", None)
        assert (b.state, b.risk_owner, b.is_open) == ("open", None, True)


def test_only_the_latest_version_counts_and_decisions_on_earlier_ones_hold(tmp_path):
    release(judged_run(tmp_path, {"a": "concern", "b": "breach"}), ADA, NOON, actions=[accepted("a"), accepted("b")])
    judged_run(tmp_path, {"a": "breach", "b": "breach", "c": "clear"}, version=2)
    found = {one.finding_id: one for one in standings(tmp_path, DAY).findings}
    assert {name: one.state for name, one in found.items()} == {"a": "open", "b": "accepted"}
    assert found["a"].version == 2


UNDECIDED = ("inconclusive", "not_identified", "unfit")


@pytest.mark.parametrize("verdict", UNDECIDED)
def test_a_version_that_decides_nothing_takes_back_no_breach_of_the_version_before(tmp_path, verdict):
    judged_run(tmp_path, {"a": "breach", "b": "concern", "c": "breach"})
    judged_run(tmp_path, {"a": verdict, "b": "clear", "c": "clear"}, version=2)
    judged_run(tmp_path, {"a": verdict, "b": "clear", "c": verdict}, version=3)
    found = standings(tmp_path, DAY)
    assert [(one.finding_id, one.state, one.verdict, one.version) for one in found.findings] == [
        ("a", "unsettled", "breach", 1)
    ]
    assert found.audit_status("cards") in ("undecided", "unfit")
    assert_same(tmp_path)
    judged_run(tmp_path, {"a": "clear", "b": "clear", "c": "clear"}, period="2026-02")
    assert [one.state for one in standings(tmp_path, DAY).findings] == ["closed"]
    assert_same(tmp_path)


def test_what_was_decided_on_the_version_before_holds_where_the_next_decides_nothing(tmp_path):
    release(judged_run(tmp_path, {"a": "breach", "b": "breach"}), ADA, NOON, actions=[accepted("a"), remediated("b")])
    judged_run(tmp_path, {"a": "inconclusive", "b": "unfit"}, version=2)
    found = {one.finding_id: (one.state, one.verdict) for one in standings(tmp_path, DAY).findings}
    assert found == {"a": ("accepted", "breach"), "b": ("remediated", "breach")}
    assert_same(tmp_path)


def test_a_version_without_the_finding_takes_the_place_of_the_one_before(tmp_path):
    judged_run(tmp_path, {"a": "breach"})
    judged_run(tmp_path, {"b": "clear"}, version=2)
    assert not standings(tmp_path, DAY).findings
    assert_same(tmp_path)


@given(st.lists(st.sampled_from([*VERDICTS, None]), min_size=1, max_size=6))
def test_what_is_not_refuted_is_the_last_word_that_was_one(verdicts):
    found = unrefuted_in(verdicts)
    words = [one for one in verdicts if one in ("breach", "concern", "clear")]
    undecided = verdicts[-1] in UNDECIDED
    assert found == (words[-1] if undecided and words and words[-1] != "clear" else None)


def test_a_run_judged_anew_is_released_under_its_earlier_judgement(tmp_path):
    folder = judged_run(tmp_path, {"a": "concern"})
    release(folder, ADA, NOON, actions=[accepted("a")])
    (tmp_path / "anew.json").write_bytes(judgement_bytes(folder, {"a": "breach"}))
    write_judgement(folder, read_record(Judgement, tmp_path / "anew.json"))
    found = standings(tmp_path, DAY)
    (one,) = found.findings
    assert (one.verdict, one.state) == ("breach", "open")
    assert one.released is not None
    assert not one.released.is_current
    release(folder, BEN, NOON, actions=[accepted("a")])
    (one,) = standings(tmp_path, DAY).findings
    assert (one.state, one.released and one.released.is_current) == ("accepted", True)
    assert not standings(tmp_path, DAY).unreadable


def test_periods_stand_in_the_order_of_their_last_days(tmp_path):
    judged_run(tmp_path, {"a": "clear"}, period="2026-Q1")
    judged_run(tmp_path, {"a": "breach"}, period="2026-02")
    judged_run(tmp_path, {"a": "breach"}, period="all", program="old")
    found = standings(tmp_path, DAY)
    assert [(one.program, one.state, one.period) for one in found.findings] == [
        ("cards", "open", "2026-02"), ("old", "open", "all"),
    ]  # fmt: skip


OVERLAPS = [
    ([("2025", "clear"), ("2025-11", "breach")], "2025-11", {}),
    ([("2025-Q3", "breach"), ("2025-09", "clear")], "2025-Q3", {}),
    ([("2025-10", "breach"), ("2099-01", "clear")], "2025-10", {}),
    ([("2025-10", "breach"), ("2099-01", "clear")], "2025-10", {"first_day": "2025-11-01", "last_day": "2025-11-30"}),
]


@pytest.mark.parametrize(("told", "period", "days"), OVERLAPS)
def test_a_period_that_overlaps_or_has_not_come_yet_hides_no_open_breach(tmp_path, told, period, days):
    for (name, verdict), its in zip(told, ({}, days), strict=True):
        judged_run(tmp_path, {"a": verdict}, period=name, days=its)
    found = standings(tmp_path, DAY)
    assert [(one.state, one.period) for one in found.findings] == [("open", period)]
    assert found.audit_status("cards") == "breach_open"
    assert_same(tmp_path)


def test_a_year_that_was_run_in_march_lies_before_a_breach_of_november(tmp_path):
    judged_run(tmp_path, {"a": "breach"}, period="2025-11")
    march = {"first_day": "2025-01-01", "last_day": "2025-03-31"}
    judged_run(tmp_path, {"a": "clear"}, period="2025", days=march)
    (newest,) = standings(tmp_path, DAY).programs
    assert newest.period == "2025-11"


@pytest.mark.parametrize(("verdict", "state"), [("breach", "reopened"), ("concern", "reopened")])
def test_a_later_version_re_tests_what_was_said_to_be_remediated(tmp_path, verdict, state):
    release(judged_run(tmp_path, {"a": "breach"}), ADA, NOON, actions=[remediated("a")])
    assert standings(tmp_path, DAY).findings[0].state == "remediated"
    restated = judged_run(tmp_path, {"a": verdict}, version=2)
    assert standings(tmp_path, DAY).findings[0].state == state
    release(restated, ADA, NOON, actions=[remediated("a")])
    assert standings(tmp_path, DAY).findings[0].state == "remediated"
    judged_run(tmp_path, {"a": "clear"}, period="2026-02")
    assert standings(tmp_path, DAY).findings[0].state == "retested"


def test_the_newest_run_that_cannot_be_read_leaves_its_program_undecided_at_best(tmp_path):
    for program, verdict in (("clear", "clear"), ("open", "breach"), ("taken", "breach")):
        first = judged_run(tmp_path, {"a": verdict}, program=program)
        if program == "taken":
            release(first, ADA, NOON, actions=[accepted("a")])
    before = [standings(tmp_path, DAY).audit_status(name) for name in ("clear", "open", "taken")]
    for program in ("clear", "open", "taken", "only"):
        (judged_run(tmp_path, {"a": "breach"}, program=program, period="2026-02") / "run.json").write_bytes(b"{")
    found = standings(tmp_path, DAY)
    assert before == ["clear", "breach_open", "accepted"]
    told = {name: found.audit_status(name) for name in ("clear", "open", "taken", "only")}
    assert told == {"clear": "undecided", "open": "breach_open", "taken": "undecided", "only": "undecided"}
    assert (found.unread, len(found.unreadable)) == (("only",), 4)
    assert "only" not in [one.program for one in found.programs]


BROKEN = {
    "missing": lambda folder: (folder / "judgement.json").unlink(),
    "cut": lambda folder: (folder / "judgement.json").write_bytes((folder / "judgement.json").read_bytes()[:-90]),
    "other run": lambda folder: (folder / "run.json").write_bytes((folder / "run.json").read_bytes() + b" "),
    "misplaced": lambda folder: shutil.move(folder, folder.parent / "v7"),
    "schema": lambda folder: _rewrite(folder / "judgement.json", schema_version="9.9"),
    "verdict": lambda folder: (folder / "judgement.json").write_bytes(
        (folder / "judgement.json").read_bytes().replace(b'"concern"', b'"dubious"')
    ),
}


def _rewrite(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize("how", BROKEN)
def test_what_cannot_be_read_is_listed_and_counts_nowhere(tmp_path, how):
    judged_run(tmp_path, {"a": "breach"})
    broken = judged_run(tmp_path, {"a": "concern"}, period="2026-02")
    BROKEN[how](broken)
    found = standings(tmp_path, DAY)
    assert [(one.verdict, one.period) for one in found.findings] == [("breach", "2026-01")]
    ((folder, reason),) = found.unreadable
    assert folder.startswith("cards/2026-02/v")
    assert ".json" in reason


def test_a_release_that_cannot_be_read_releases_nothing_and_is_listed(tmp_path):
    folder = judged_run(tmp_path, {"a": "breach"})
    release(folder, ADA, NOON, actions=[accepted("a")])
    (folder / "release.json").write_text("{")
    found = standings(tmp_path, DAY)
    assert [(one.state, one.released) for one in found.findings] == [("open", None)]
    assert found.unreadable[0][0] == "cards/2026-01/v1"
    assert "release.json" in found.unreadable[0][1]


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="the folder of all runs"):
        standings(tmp_path / "nowhere", DAY)


STATUSES = [
    ({"a": "breach", "b": "concern"}, [], "breach_open"),
    ({"a": "breach", "b": "concern"}, [accepted("a")], "concern_open"),
    ({"a": "breach", "b": "concern"}, [accepted("a"), remediated("b")], "accepted"),
    ({"a": "breach", "b": "inconclusive"}, [accepted("a")], "accepted"),
    ({"a": "breach", "b": "clear"}, [remediated("a")], "remediated"),
    ({"a": "breach"}, [accepted("a", "2026-05-31")], "breach_open"),
    ({"a": "inconclusive", "b": "clear"}, [], "undecided"),
    ({}, [], "undecided"),
    ({"a": "clear"}, [], "clear"),
]


@pytest.mark.parametrize(("verdicts", "actions", "status"), STATUSES)
def test_a_program_in_one_word(tmp_path, verdicts, actions, status):
    folder = judged_run(tmp_path, verdicts)
    if actions:
        release(folder, ADA, NOON, actions=actions)
    assert standings(tmp_path, DAY).audit_status("cards") == status


def test_an_unfit_run_and_what_it_left_open(tmp_path):
    from audits.record import RunError
    from checks.check_report import CheckReport

    judged_run(tmp_path, {"a": "unfit"}, checks=CheckReport(False, ()))
    judged_run(tmp_path, {"a": "clear"}, program="failed", errors=(RunError("fair_lending.pricing", "boom"),))
    judged_run(tmp_path, {"a": "breach"}, program="later")
    judged_run(tmp_path, {"a": "inconclusive"}, program="later", period="2026-02")
    found = standings(tmp_path, DAY)
    assert [found.audit_status(name) for name in ("cards", "failed", "later")] == ["unfit", "undecided", "undecided"]
    with pytest.raises(InputError, match="did you mean 'cards'"):
        found.audit_status("card")


def test_all_count_as_in_production_but_those_that_say_otherwise(tmp_path):
    for name, inventory in (("a", {}), ("b", {"stage": "production"}), ("c", {"stage": "Retired"}),
                            ("d", {"stage": "development"})):  # fmt: skip
        judged_run(tmp_path, {"x": "breach"}, program=name, inventory={"owner": "desk 7", **inventory})
    found = standings(tmp_path, DAY)
    assert [one.in_production for one in found.programs] == [True, True, False, False]
    assert [one.program for one in standings(tmp_path, DAY, {"b", "d"}).programs] == ["b", "d"]


# --- the same as the site --------------------------------------------------------------------------------------------

PERIODS = ("2025", "2026-01", "2026-Q1", "2026-03", "2026-04", "2026-05", "2026-07", "all")
ANY = st.sampled_from(["breach", "concern", "clear", "inconclusive", "unfit", None])
PERIOD = st.tuples(st.fixed_dictionaries({"a": ANY, "b": ANY}), st.booleans(), st.sampled_from([None, *"ar"]))


@settings(max_examples=60, deadline=None)
@given(told=st.lists(st.tuples(st.sampled_from(PERIODS), PERIOD), min_size=1, max_size=6))
def test_the_site_says_the_same_of_every_history(tmp_path_factory, told):
    runs = tmp_path_factory.mktemp("same")
    versions: dict[str, int] = {}
    for period, (verdicts, with_c, decision) in told:
        versions[period] = versions.get(period, 0) + 1
        judged = {name: verdict for name, verdict in verdicts.items() if verdict} | ({"c": "breach"} if with_c else {})
        folder = judged_run(runs, judged, period=period, version=versions[period])
        flagged = [name for name, verdict in judged.items() if verdict in ("breach", "concern")]
        if decision and flagged:
            action = accepted(flagged[0]) if decision == "a" else remediated(flagged[0])
            release(folder, ADA, NOON, actions=[action])
    assert_same(runs)


def assert_same(runs):
    """The lists of both ways, finding by finding."""
    read = [read_summary(folder) for folder in run_folders(runs, runs / "site")]
    summaries = [one[0] for one in read if isinstance(one[0], RunSummary)]
    found = {name: life for name, life in lives(history(summaries), DAY).items() if life.standing}
    told = {one.finding_id: one for one in standings(runs, DAY).findings}
    assert {name: life.standing for name, life in found.items()} == {name: one.state for name, one in told.items()}
    for name, life in found.items():
        assert life.opened is not None
        assert life.opened.period == told[name].since
        assert (life.closed is not None) == (told[name].state in ("closed", "retested"))
        assert (life.standing in OPEN_STATES) == told[name].is_open


def test_what_the_site_cannot_read_is_not_read_here_either(tmp_path):
    for name, how in BROKEN.items():
        how(judged_run(tmp_path, {"a": "concern"}, program=name.replace(" ", "-")))
    unread = {folder for folder, _ in standings(tmp_path, DAY).unreadable}
    there = run_folders(tmp_path, tmp_path / "site")
    assert unread == {one.name for one in there if isinstance(read_records(one), Unreadable)}
    assert len(unread) == len(BROKEN)


def test_findings_on_a_part_of_a_period_are_told_by_their_days():
    assert is_of_a_part("2026-01-01..2026-01-14")
    assert not is_of_a_part("all")
