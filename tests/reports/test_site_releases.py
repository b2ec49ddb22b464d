"""The site on decisions and releases: what it says of them, in both languages, and on which day."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pytest

from audits.policies.again import write_judgement
from audits.record import Judgement, read_record
from reports.site.build import build
from tests.released import ADA, BEN, NOON, accepted, judged_run, judgement_bytes, release, remediated
from tests.reports import test_site
from tests.reports.test_site import many_runs, pages

DAY = dt.date(2026, 6, 1)
VERDICTS = {"a": "breach", "b": "concern", "c": "breach", "d": "concern", "e": "breach"}


def followed(runs: Path) -> Path:
    """Two periods of loans in every state, and one of overdrafts that nobody released."""
    first = judged_run(runs, VERDICTS, program="loans")
    actions = [accepted("a", "2026-03-10"), accepted("b"), remediated("c"), remediated("d")]
    release(first, ADA, NOON, "January", actions)
    second = judged_run(runs, {**VERDICTS, "d": "clear"}, program="loans", period="2026-02")
    release(second, BEN, NOON + dt.timedelta(days=31))
    judged_run(runs, {"x": "breach"}, program="overdrafts", inventory={"owner": "<b>desk</b>", "stage": "production"})
    release(judged_run(runs, {"x": "clear"}, program="mortgage"), None, NOON)
    return runs


def text(page: bytes) -> str:
    """What a reader reads; the marks around names are no spaces."""
    return test_site.text(page.replace(b"<bdi>", b"").replace(b"</bdi>", b""))


def built(tmp_path: Path, day: dt.date = DAY) -> dict[str, bytes]:
    build(followed(tmp_path / "runs"), tmp_path / "site", today=day)
    return pages(tmp_path / "site")


SAID = {
    "a": ("acceptance by desk 7 ended on 10 March 2026", "desk 7 的风险接受已于 2026年3月10日 到期"),
    "b": ("risk accepted until 30 June 2026 by desk 7", "desk 7 接受此风险至 2026年6月30日"),
    "c": ("remediated by desk 7, flagged again since", "desk 7 称已整改，此后再次超限"),
    "d": ("remediated by desk 7, clear when re-tested", "desk 7 已整改，复测在限值之内"),
}


@pytest.mark.parametrize("finding", SAID)
def test_a_findings_page_says_what_was_decided_by_whom_and_who_signed(tmp_path, finding):
    site = built(tmp_path)
    english, chinese = SAID[finding]
    told = text(site[f"programs/loans/finding--{finding}.html"])
    assert english in told
    assert "Released on 2 March 2026 by Ada Byron, release 1" in told
    assert "Released on 2 April 2026 by Ben Lee, release 2" in told
    zh = text(site[f"programs/loans/finding--{finding}.zh-CN.html"])
    assert chinese in zh
    assert "已于 2026年3月2日 由 Ada Byron 签批放行（第 1 号）" in zh


def test_an_undecided_finding_says_nothing_of_a_decision(tmp_path):
    told = text(built(tmp_path)["programs/loans/finding--e.html"])
    assert "Decision" not in told
    assert "open since 2026-01" in told


@pytest.mark.parametrize(
    "later", [{"a": "clear"}, {"a": "inconclusive"}, {"z": "clear"}], ids=["clear", "unsure", "gone"]
)
def test_a_run_of_some_of_the_flagged_days_does_not_make_a_breach_look_settled(tmp_path, later):
    judged_run(tmp_path / "runs", {"a": "breach"}, program="loans", period="2025-Q3")
    judged_run(tmp_path / "runs", later, program="loans", period="2025-09")
    build(tmp_path / "runs", tmp_path / "site", today=DAY)
    site = pages(tmp_path / "site")
    life = site["programs/loans/finding--a.html"]
    assert b'<div class="harm edge-breach">' in life
    assert "open since 2025-Q3" in text(life)
    assert text(life).count("changes nothing: its days are not all later") == 1
    assert "不改变状态" in text(site["programs/loans/finding--a.zh-CN.html"])
    assert "of 2025-Q3" in text(site["programs/loans/index.html"])
    for page in ("index.html", "state-open.html", "programs/loans/index.html"):
        (row,) = re.findall(rb'<tr class="edge-([a-z]+)"(?:(?!</tr>).)*finding--a\.html', site[page], re.DOTALL) or [
            b"none"
        ]
        assert row == b"breach", page


def test_a_runs_bar_says_who_released_it_or_that_nobody_did(tmp_path):
    site = built(tmp_path)
    told = text(site["programs/loans/2026-01--v1.html"])
    assert told.index("Released on 2 March 2026 by Ada Byron, release 1") < told.index("Audit record")
    assert "Not released" in text(site["programs/overdrafts/2026-01--v1.html"])
    assert "未签批放行" in text(site["programs/overdrafts/2026-01--v1.zh-CN.html"])
    assert "nothing was flagged, nobody had to sign" in text(site["programs/mortgage/2026-01--v1.html"])


def test_a_run_judged_anew_says_that_its_release_is_of_an_earlier_judgement(tmp_path):
    runs = followed(tmp_path / "runs")
    folder = runs / "loans" / "2026-02" / "v1"
    (tmp_path / "anew.json").write_bytes(judgement_bytes(folder, VERDICTS))
    write_judgement(folder, read_record(Judgement, tmp_path / "anew.json"))
    build(runs, tmp_path / "site", today=DAY)
    told = text(pages(tmp_path / "site")["programs/loans/2026-02--v1.html"])
    assert "by Ben Lee, release 2 It was judged anew since" in told


def test_a_release_that_cannot_be_read_is_told(tmp_path):
    runs = followed(tmp_path / "runs")
    (runs / "loans" / "2026-02" / "v1" / "release.json").write_text("{")
    build(runs, tmp_path / "site", today=DAY)
    told = text(pages(tmp_path / "site")["programs/loans/2026-02--v1.html"])
    assert "Not released A release cannot be read: release.json" in told


def test_the_overview_counts_states_and_lists_open_breaches_by_model(tmp_path):
    told = text(built(tmp_path)["index.html"])
    assert "Findings by state open 2 reopened 1 acceptance ended 1 risk accepted 1 remediated and re-tested 1" in told
    part = told[told.index("One line for each model") : told.index("Decided by whoever released")]
    assert part.count("models:/credit 7") == 2
    assert "3 findings open since 2026-01 desk 7 Released on 2 April 2026 by Ben Lee, release 2" in part
    assert "production 1 finding open since 2026-01 <b>desk</b> Not released" in part
    assert "Risk accepted, or remediated and not yet re-tested" in told


def test_a_state_has_a_list_with_its_findings(tmp_path):
    site = built(tmp_path)
    assert "1 line from 1 programs" in text(site["state-expired.html"])
    assert "acceptance by desk 7 ended" in text(site["state-expired.html"])
    assert "风险接受已到期" in text(site["state-expired.zh-CN.html"])


def test_only_the_end_of_an_acceptance_depends_on_the_day(tmp_path):
    runs = followed(tmp_path / "runs")
    build(runs, tmp_path / "one", today=DAY)
    assert build(runs, tmp_path / "one", today=DAY).written == 0
    assert build(runs, tmp_path / "one", today=DAY + dt.timedelta(days=20)).written == 0
    assert build(runs, tmp_path / "one", today=dt.date(2026, 7, 1)).read == 0
    build(runs, tmp_path / "two", today=dt.date(2026, 7, 1))
    later = pages(tmp_path / "two")
    assert pages(tmp_path / "one") == later
    assert "acceptance by desk 7 ended on 30 June 2026" in text(later["programs/loans/finding--b.html"])
    build(runs, tmp_path / "one", today=DAY)
    build(runs, tmp_path / "three", today=DAY)
    assert pages(tmp_path / "one") == pages(tmp_path / "three") != later


def test_without_acceptances_no_page_depends_on_the_day(tmp_path):
    build(many_runs(tmp_path / "runs"), tmp_path / "one", today=DAY)
    build(tmp_path / "runs", tmp_path / "two", today=dt.date(2036, 1, 1))
    assert pages(tmp_path / "one") == pages(tmp_path / "two")


def test_a_release_made_after_a_build_is_read_by_the_next(tmp_path):
    folder = judged_run(tmp_path / "runs", VERDICTS, program="loans")
    build(tmp_path / "runs", tmp_path / "site", today=DAY)
    release(folder, ADA, NOON, actions=[accepted("a")])
    assert build(tmp_path / "runs", tmp_path / "site", today=DAY).read == 1
    build(tmp_path / "runs", tmp_path / "fresh", today=DAY)
    assert pages(tmp_path / "site") == pages(tmp_path / "fresh")
    assert "risk accepted until 30 June 2026" in text(pages(tmp_path / "site")["programs/loans/finding--a.html"])


def test_names_and_comments_of_signers_come_out_as_text(tmp_path):
    from audits.releases.record import Action, Signer

    folder = judged_run(tmp_path / "runs", {"a": "breach"}, program="loans")
    spoilt = "<script>alert(1)</script>{owner}"
    release(folder, Signer("x", spoilt), NOON, spoilt, [Action("a", "accepted", spoilt, "2026-06-30", spoilt)])
    build(tmp_path / "runs", tmp_path / "site", today=DAY)
    for content in pages(tmp_path / "site").values():
        assert b"<script>" not in content
    assert spoilt in text(pages(tmp_path / "site")["programs/loans/finding--a.html"])


# --- the query -------------------------------------------------------------------------------------------------------


def asked(*arguments):
    from typer.testing import CliRunner

    import squaredeal

    return CliRunner().invoke(squaredeal.app, ["findings", *map(str, arguments)])


def test_which_production_models_have_an_open_breach(tmp_path):
    runs = followed(tmp_path)
    judged_run(runs, {"x": "breach"}, program="pilot", inventory={"stage": "development"})
    told = asked(runs, "--verdict", "breach", "--state", "open", "--production", "--on", "2026-06-01")
    assert told.exit_code == 0
    lines = told.output.splitlines()
    assert lines[0] == ("loans · models:/credit 7 · owner desk 7 · tier 1 · 2026-02 v1 released 2026-04-02 by Ben Lee")
    assert "breach, open since 2026-01, its acceptance by desk 7 ended on 2026-03-10" in lines[1]
    assert "breach, open since 2026-01, reopened: remediated by desk 7 and flagged again" in lines[2]
    assert lines[3].startswith("  breach, open since 2026-01: Adjusted gap in approval rates, race: non-white")
    assert lines[4].startswith("overdrafts · models:/credit 7 · owner <b>desk</b> · production")
    assert lines[4].endswith("not released")
    assert lines[-1] == "2 of 3 programs in production (1 of 1 model) with an open breach on 2026-06-01: 4 findings"
    assert "pilot" not in told.output
    assert "3 of 4 programs (1 of 1 model)" in asked(runs, "--verdict", "breach", "--state", "open").output


def test_the_query_as_json_counts_the_same(tmp_path):
    told = json.loads(asked(followed(tmp_path), "--state", "accepted", "--on", "2026-06-01", "--json").output)
    assert told["counts"] == {
        "programs": 3, "programs_with_any": 1, "models": 1, "models_with_any": 1, "findings": 1,
    }  # fmt: skip
    (one,) = told["findings"]
    assert (one["finding_id"], one["until"], one["risk_owner"], one["is_open"]) == ("b", "2026-06-30", "desk 7", False)
    assert {program["program"]: program["audit_status"] for program in told["programs"]} == {
        "loans": "breach_open", "mortgage": "clear", "overdrafts": "breach_open",
    }  # fmt: skip


def test_exit_codes_of_the_query(tmp_path):
    runs = followed(tmp_path)
    assert asked(runs, "--fail-on", "open").exit_code == 1
    assert asked(runs, "--program", "mortgage", "--fail-on", "open").exit_code == 0
    assert asked(runs, "--program", "loans", "--state", "accepted", "--fail-on", "open").exit_code == 0
    (runs / "mortgage" / "2026-01" / "v1" / "run.json").unlink()
    told = asked(runs, "--program", "mortgage")
    assert told.exit_code == 3
    assert "cannot be read: mortgage/2026-01/v1: run.json" in told.output


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [(["--state", "opne"], "did you mean 'open'"), (["--verdict", "breech"], "did you mean 'breach'"),
     (["--program", "loan"], "did you mean 'loans'"), (["--on", "today"], "a day as YYYY-MM-DD"),
     (["--fail-on", "breach"], "expected: open")],
)  # fmt: skip
def test_unknown_words_are_answered(tmp_path, arguments, answer):
    told = asked(followed(tmp_path), *arguments)
    assert told.exit_code == 2
    assert answer in told.output


def test_a_folder_that_is_none_ends_with_2(tmp_path):
    for more in ([], ["--verify"]):
        assert asked(tmp_path / "nowhere", *more).exit_code == 2


def test_every_chain_is_verified(tmp_path):
    runs = followed(tmp_path)
    told = asked(runs, "--verify")
    assert (told.exit_code, told.output.splitlines()) == (
        0, ["loans: 2 releases, unbroken", "mortgage: 1 release, unbroken", "overdrafts: 0 releases, unbroken"],
    )  # fmt: skip
    file = runs / "loans" / "2026-01" / "v1" / "release.json"
    file.write_bytes(file.read_bytes().replace(b"January", b"Januari"))
    told = asked(runs, "--verify")
    assert told.exit_code == 1
    assert f"loans: broken\n  {file}" in told.output
    assert asked(runs, "--verify", "--program", "mortgage").exit_code == 0


def test_nothing_can_be_released_from_the_command_line():
    from typer.testing import CliRunner

    import squaredeal

    told = " ".join(CliRunner().invoke(squaredeal.app, ["findings", "--help"]).output.split())
    assert "Nothing can be released here, where nobody is authenticated" in told
    assert "release" not in {command.name for command in squaredeal.app.registered_commands}
