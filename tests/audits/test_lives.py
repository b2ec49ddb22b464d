"""Where findings stand: the rules of a life, the folding over released runs, and the same rules on the site."""

from __future__ import annotations

import datetime as dt
import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.policies.again import write_judgement
from audits.record import VERDICTS, Judgement, read_record
from audits.releases.chain import release
from audits.releases.life import OPEN_STATES, Decision, Step, course, is_of_a_part
from audits.releases.lives import standings
from audits.releases.record import Action, Release
from checks.problem import InputError
from reports.site.build import read_summary
from reports.site.history import history, lives
from reports.site.run_folders import run_folders
from reports.site.run_summary import RunSummary, Unreadable, read_records
from tests.released import ADA, BEN, NOON, accepted, judged_run, judgement_bytes, remediated

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
    assert course(steps).state(DAY) == state


@given(st.lists(st.sampled_from([*VERDICTS, None]), min_size=1, max_size=8))
def test_without_decisions_a_finding_is_open_exactly_where_its_newest_verdict_is_flagged(verdicts):
    came_to = course(Step(verdict) for verdict in verdicts)
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
        ("cards", "closed", "2026-Q1"), ("old", "open", "all"),
    ]  # fmt: skip


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

PERIODS = ("2026-01", "2026-Q1", "2026-04", "2026-05", "all")
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
