"""The site of all runs: what it says, that the same runs give the same bytes, and that only what changed is written."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import squaredeal
from audits.record import RunError, canonical_json, digest_of
from checks.problem import InputError
from reports.site import addresses, lists
from reports.site.build import build
from reports.site.history import history, lives, place_in_time
from reports.site.run_summary import from_json, summarise, to_json
from reports.words import LANGUAGES
from tests.released import days_of
from tests.reports import sample_records as sample

LAW = sample.rule("cap", limit_source="law", borrowed_from=None, title={"en": "Cap on the gap", "zh": "差距上限"})
MONTHS = tuple(f"2026-{month:02}" for month in range(1, 13))


def put(runs: Path, records, program: str, period: str = "2026-01", version: int = 1, **changes) -> Path:
    """Write both records, as of a program and a period, where such a run lies."""
    run, judgement = records
    named = {"program": replace(run.program, name=program), "data": replace(run.data, period=period, **days_of(period))}
    run = replace(run, **{**named, "version": version, **changes})
    home = runs / program / period / f"v{version}"
    home.mkdir(parents=True, exist_ok=True)
    content = canonical_json(run)
    (home / "run.json").write_bytes(content)
    judged = replace(judgement, program=program, period=period, version=version, run_digest=digest_of(content))
    (home / "judgement.json").write_bytes(canonical_json(judged))
    return home


def ordinary(verdict="concern", estimate: float = 0.1288, rule=LAW, **changes):
    """A run with one finding on the gap."""
    gap = sample.gap(estimate=estimate, low=estimate - 0.05, high=estimate + 0.05)
    run = sample.run(measurements=(gap, sample.rate("white", 1527, 1681, 0.89, 0.92)), **changes)
    return run, sample.judgement([sample.finding(gap, rule, verdict, cautions=())])


def many_runs(runs: Path) -> Path:
    """Programs in every state: open, settled, superseded, unfit, failed, not judged, hostile, broken."""
    for month, verdict in zip(MONTHS, ("concern", "inconclusive", "clear", "breach"), strict=False):
        put(runs, ordinary(verdict), "cards", month)
    put(runs, ordinary("breach", 0.2), "cards", MONTHS[3], 2)
    put(runs, (sample.run(), sample.judgement()), "boston", "all")
    put(runs, ordinary("concern"), "motor", MONTHS[0])
    put(runs, sample.unfit(), "motor", MONTHS[1])
    put(runs, sample.nothing_judged(), "silent", "all")
    put(runs, ordinary("clear", errors=(RunError("fair_lending.pricing", "boom"),)), "failing")
    put(runs, sample.hostile(), "hostile")
    put(runs, sample.awkward(), "awkward", "2026-Q1")
    (runs / "cards" / MONTHS[4] / "v1").mkdir(parents=True)
    return runs


def pages(site: Path) -> dict[str, bytes]:
    """Every file of the site but the state."""
    return {
        file.relative_to(site).as_posix(): file.read_bytes()
        for file in site.rglob("*") if file.is_file() and not file.name.startswith(".")
    }  # fmt: skip


def text(page: bytes | str) -> str:
    """What a reader reads, in one line."""
    words = page.decode() if isinstance(page, bytes) else page
    bare = re.sub(r"<style>.*?</style>|<[^>]*>", " ", words, flags=re.S)
    return " ".join(bare.replace("&lt;", "<").replace("&gt;", ">").replace("&#39;", "'").split())


@pytest.fixture
def runs(tmp_path):
    """An empty folder of runs."""
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """The pages of a site of programs in every state."""
    home = tmp_path_factory.mktemp("site")
    build(many_runs(home / "runs"), home / "site")
    return pages(home / "site")


def test_a_page_of_every_kind_is_there_in_every_language(everything):
    for page in (
        "index", "programs/cards/index", "programs/cards/2026-04--v2", "programs/cards/2026-04--v1",
        "programs/cards/2026-02--changes", "programs/cards/2026-04--v2--changes", "verdict-breach", "harm-fair_lending",
        "rule-cap", "verdict-breach--rule-cap", "verdict-concern--harm-fair_lending", "period-2026-01", "open",
        "programs/cards/finding--cap-adjusted_approval_gap-race", "unreadable", "silent", "unsettled", "worst-unfit",
    ):  # fmt: skip
        for lang in LANGUAGES:
            page_in = everything[addresses.file(page, lang)].decode()
            assert f'<html lang="{lang}">' in page_in
            twins = {addresses.file(page, other).rpartition("/")[2] for other in LANGUAGES if other != lang}
            assert twins <= set(re.findall(r'class="language" href="([^"]+)"', page_in))


def test_every_link_of_every_page_leads_to_a_file(everything):
    for name, page in everything.items():
        if name.endswith(".html"):
            for target in re.findall(r'(?:href|src)="([^"#]+)', page.decode()):
                if target != "data:,":
                    at = (Path("/") / name).parent / target
                    assert str(at.resolve().relative_to("/")) in everything, (name, target)


def test_the_overview_says_first_what_is_open_where_under_which_rule_since_when(everything):
    words = text(everything["index.html"])
    first = words[words.index("Since when") :]
    assert first.index("Breach") < first.index("Concern")
    told = first[: first.index("Concern")]
    for part in ("2026-04", "20.0 percentage points", "Cap on the gap", "Citation of cap", "open since 2026-04"):
        assert part in told


def test_the_newest_runs_stand_first_and_those_without_a_date_last(runs, tmp_path):
    for period in ("2026-01", "2025", "2026-03", "all"):
        put(runs, ordinary(), "cards", period)
    undated = sample.run(), sample.judgement([])
    put(runs, undated, "undated", "all", data=replace(undated[0].data, period="all", first_day=None, last_day=None))
    build(runs, tmp_path / "site")
    page = (tmp_path / "site/index.html").read_text()
    part = page[page.index('id="newest"') : page.index('id="browse"')]
    assert re.findall(r">([^<]+), version 1</a>", part) == ["2026-03", "2026-01", "2025", "all data", "all data"]
    assert part.index("programs/cards/all--v1") < part.index("programs/undated/all--v1")


def test_an_unfit_period_leaves_an_earlier_concern_open_and_is_listed(everything):
    words = text(everything["unsettled.html"])
    assert "opened in 2026-01 , not settled since" in words
    assert "last judged in 2026-01" in words
    silent = text(everything["silent.html"])
    for part in ("data unfit: 2 checks failed", "1 question failed while it ran", "nothing was judged"):
        assert part in silent


def test_no_page_has_a_script_or_names_an_address_and_each_forbids_both(everything):
    for name, page in everything.items():
        if name.endswith(".html"):
            words = page.decode()
            assert not re.search(r"<script|\son\w+=[\"']|https?://(?!www\.w3\.org/2000/svg)", words), name
            assert "default-src &#39;none&#39;" in words
            assert 'data:,">' in words or "data:," in words


def test_names_with_markup_and_turned_text_come_out_as_text(everything):
    class Reader(HTMLParser):
        found: list[str] = []  # noqa: RUF012 - one reader

        def handle_starttag(self, tag, attrs):
            self.found.append(tag)

    for name, page in everything.items():
        if name.endswith(".html"):
            Reader().feed(page.decode())
            assert not re.search("[\u202a-\u202e\u2066\u2067]", page.decode()), name
    assert not {"script", "img", "b onclick"} & set(Reader.found)
    assert sample.HOSTILE.split(" & ")[0] in text(everything["rule-us.air.80.html"]) + text(everything["index.html"])


def test_every_file_name_is_plain_short_and_lower_case_but_for_the_language(everything):
    for name in everything:
        assert re.fullmatch(r"[a-z0-9_./-]+(?:\.zh-CN)?\.(?:html|css)", name), name
        assert all(len(part) < 180 for part in name.split("/"))


@given(st.lists(st.text(min_size=1, max_size=250), min_size=2, max_size=2, unique=True))
def test_two_names_never_share_a_slug(names):
    one, other = map(addresses.slug, names)
    assert one != other
    assert re.fullmatch(r"[a-z0-9_](?:[a-z0-9_.]|-(?!-)){0,72}", one)


def test_a_name_that_looks_like_a_slug_of_another_gets_one_of_its_own():
    marked = addresses.slug("Rule é")
    assert addresses.slug(marked) != marked
    assert addresses.slug("us.fha") == "us.fha"


SEQUENCES = (
    (("concern",), "open", 0, None),
    (("clear", "concern", "breach"), "open", 1, None),
    (("concern", "inconclusive", "concern"), "open", 0, None),
    (("concern", "unfit", None, "breach"), "open", 0, None),
    (("concern", "inconclusive"), "unsettled", 0, None),
    (("breach", None), "unsettled", 0, None),
    (("concern", "clear", "inconclusive"), "closed", 0, 1),
    (("concern", "clear", "concern"), "open", 2, None),
    (("clear", "inconclusive"), "never", None, None),
    (("unfit", "not_identified"), "silent", None, None),
)


@pytest.mark.parametrize(("verdicts", "state", "opened", "closed"), SEQUENCES)
def test_a_finding_opens_with_a_concern_and_closes_only_with_clear(verdicts, state, opened, closed):
    made = []
    for month, verdict in zip(MONTHS, verdicts, strict=False):
        run, judgement = ordinary(verdict or "clear")
        judgement = judgement if verdict else replace(judgement, findings=())
        data = replace(run.data, period=month, **days_of(month))
        made.append(summarise(replace(run, data=data), judgement, month))
    (life,) = lives(history(made), dt.date(2026, 12, 31)).values()
    assert life.state == state
    assert life.opened is (None if opened is None else made[opened])
    assert life.closed is (None if closed is None else made[closed])


def test_periods_stand_in_the_order_of_their_last_days():
    texts = ("2025", "2026-01", "2026-Q1", "2026-03", "2026-03-31", "2026-04-01..2026-04-15")
    made = [summarise(*ordinary(), "x") for _ in texts]
    made = [replace(run, period=period) for run, period in zip(made, texts, strict=True)]
    ordered = sorted([made[i] for i in (3, 0, 5, 1, 4, 2)], key=place_in_time)
    assert [run.period for run in ordered] == ["2025", "2026-01", "2026-Q1", "2026-03", "2026-03-31", texts[-1]]
    past = history(made)
    assert past.before(made[3]).period == "2026-01"
    assert past.current.period == texts[-1]


def test_a_summary_comes_back_as_it_was_written():
    for records in (sample.awkward(), sample.hostile(), sample.unfit(), sample.nothing_judged(), ordinary()):
        summary = summarise(*records, "sha256:jj")
        assert to_json(from_json(to_json(summary))) == to_json(summary)
        assert len({finding.finding_id for finding in summary.findings}) == len(records[1].findings)


def test_the_current_run_is_the_latest_version_of_the_newest_period(everything):
    page = text(everything["programs/cards/index.html"])
    assert "Newest run 2026-04, version 2" in page
    assert "version 2, supersedes version 1" in page
    assert "1 version of this program cannot be read" in page
    assert "This run was superseded" in text(everything["programs/cards/2026-04--v1.html"])
    assert "This run was superseded" not in text(everything["programs/cards/2026-04--v2.html"])


def test_the_report_of_a_run_stands_whole_below_the_bar(everything):
    page = everything["programs/boston/all--v1.html"].decode()
    assert page.index('class="skip"') < page.index('<nav class="site-bar"') < page.index('class="masthead"')
    assert "What was found" in text(page)
    assert page.count("<body>") == page.count("</html>") == 1


def test_a_comparison_says_what_changed_in_verdict_figure_data_rule_and_environment(runs, tmp_path):
    put(runs, ordinary("concern", 0.10), "cards", MONTHS[0])
    stricter = replace(LAW, limit=0.02)
    after = ordinary("breach", 0.12, stricter, environment={"python": "3.12.1", "squaredeal": "0.1.0"})
    packs = tuple(replace(pack, digest="sha256:new") for pack in after[1].policies)
    put(runs, (replace(after[0], data=replace(after[0].data, rows=7, fingerprint="sha256:other")),
               replace(after[1], policies=packs)), "cards", MONTHS[1])  # fmt: skip
    build(runs, tmp_path / "site")
    page = text((tmp_path / "site/programs/cards/2026-02--changes.html").read_bytes())
    for part in (
        "Concern Breach", "10.0 percentage points", "12.0 percentage points", "+2.0", "1 figure stayed as it was",
        "Pack us: its digest differs", "at most 5 percentage points", "at most 2 percentage points", "1,989 7 differs",
        "sha256:dd sha256:other differs", "python 3.11.7 3.12.1 differs",
    ):  # fmt: skip
        assert part in page, part


def spoil_json(home: Path) -> None:
    (home / "judgement.json").write_text("{")


def spoil_version(home: Path) -> None:
    run = json.loads((home / "run.json").read_text()) | {"schema_version": "9.9"}
    (home / "run.json").write_text(json.dumps(run))


def spoil_run(home: Path) -> None:
    (home / "run.json").write_bytes((home / "run.json").read_bytes() + b"\n")


def spoil_place(home: Path) -> None:
    shutil.copytree(home, home.parent / "v7")
    shutil.rmtree(home)


def spoil_number(home: Path) -> None:
    file = home / "run.json"
    file.write_text(file.read_text().replace("0.1288", "1e999"))
    judgement = json.loads((home / "judgement.json").read_text()) | {"run_digest": digest_of(file.read_bytes())}
    (home / "judgement.json").write_text(json.dumps(judgement))


SPOILERS = (
    (lambda home: (home / "judgement.json").unlink(), "judgement.json is not there"),
    (lambda home: (home / "run.json").unlink(), "run.json is not there"),
    (spoil_json, "judgement.json is no whole record"),
    (spoil_version, "run.json has schema version 9.9"),
    (spoil_run, "judges another run"),
    (spoil_place, "run.json says that it is cards/2026-02/v1"),
    (spoil_number, "cannot be made into a page"),
)


@pytest.mark.parametrize(("spoil", "why"), SPOILERS)
def test_a_spoilt_run_is_listed_with_its_reason_and_stops_nothing(runs, tmp_path, spoil, why):
    put(runs, ordinary("clear"), "cards", MONTHS[0])
    spoil(put(runs, ordinary(), "cards", MONTHS[1]))
    built = build(runs, tmp_path / "site")
    assert (built.runs, built.unreadable) == (1, 1)
    words = text((tmp_path / "site/index.html").read_bytes())
    assert why in words
    assert "cards/2026-02/v" in words
    assert str(tmp_path) not in words
    assert "1 run folder cannot be read and is in none of these numbers" in words


def test_a_folder_in_the_making_is_no_run(runs, tmp_path):
    shutil.copytree(put(runs, ordinary(), "cards"), runs / "cards/2026-01/.staging-x/v1")
    built = build(runs, tmp_path / "site")
    assert (built.runs, built.unreadable) == (1, 0)


def test_the_same_runs_give_the_same_bytes_wherever_they_lie(tmp_path):
    for name in ("one", "other/place"):
        build(many_runs(tmp_path / name / "runs"), tmp_path / name / "site")
    assert pages(tmp_path / "one/site") == pages(tmp_path / "other/place/site")


def test_nothing_new_reads_and_writes_nothing(runs, tmp_path):
    build(many_runs(runs), tmp_path / "site")
    built = build(runs, tmp_path / "site")
    assert (built.read, built.written, built.removed) == (0, 0, 0)


def add(runs: Path) -> None:
    put(runs, ordinary("clear"), "cards", MONTHS[5])


def supersede(runs: Path) -> None:
    put(runs, ordinary("concern", 0.3), "cards", MONTHS[0], 2)


def judge_again(runs: Path) -> None:
    file = runs / "boston/all/v1/judgement.json"
    file.write_text(file.read_text().replace('"concern"', '"clear"', 1))


def remove_a_run(runs: Path) -> None:
    shutil.rmtree(runs / "cards" / MONTHS[1])


def remove_a_program(runs: Path) -> None:
    shutil.rmtree(runs / "hostile")


def break_a_run(runs: Path) -> None:
    (runs / "motor" / MONTHS[1] / "v1/judgement.json").unlink()


def mend_a_run(runs: Path) -> None:
    put(runs, ordinary("concern"), "cards", MONTHS[4])


CHANGES = (add, supersede, judge_again, remove_a_run, remove_a_program, break_a_run, mend_a_run)
NAMES = [change.__name__ for change in CHANGES]


@pytest.mark.parametrize("changes", [*[(change,) for change in CHANGES], CHANGES], ids=[*NAMES, "all"])
def test_a_rebuild_gives_what_a_full_build_gives(runs, tmp_path, changes):
    build(many_runs(runs), tmp_path / "site")
    for change in changes:
        change(runs)
        build(runs, tmp_path / "site")
    build(runs, tmp_path / "fresh")
    assert pages(tmp_path / "site") == pages(tmp_path / "fresh")


def test_one_more_run_reads_that_run_and_leaves_other_programs_alone(runs, tmp_path):
    site = tmp_path / "site"
    build(many_runs(runs), site)
    before = {file: file.stat().st_mtime_ns for file in site.rglob("*.html")}
    add(runs)
    assert build(runs, site).read == 1
    after = {file: file.stat().st_mtime_ns for file in site.rglob("*.html")}
    written = {file.relative_to(site).as_posix() for file in after if before.get(file) != after[file]}
    assert "programs/cards/2026-06--v1.html" in written
    assert "index.html" in written
    assert not [name for name in written if name.startswith("programs/") and not name.startswith("programs/cards/")]
    assert not [name for name in written if re.match(r"programs/cards/2026-0[1-5]--", name)]


def test_a_record_rewritten_with_the_same_size_and_time_is_read_again(runs, tmp_path):
    import os

    file = put(runs, ordinary("concern"), "cards") / "judgement.json"
    build(runs, tmp_path / "site")
    before = file.stat()
    file.write_text(file.read_text().replace('"concern"', '"breach" '))
    assert file.stat().st_size == before.st_size
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert build(runs, tmp_path / "site").read == 1
    assert (tmp_path / "site/verdict-breach.html").exists()
    assert not (tmp_path / "site/verdict-concern.html").exists()


def test_a_page_that_was_lost_comes_back(runs, tmp_path):
    site = tmp_path / "site"
    build(many_runs(runs), site)
    whole = pages(site)
    lost = ("index.html", "site.css", "programs/cards/index.zh-CN.html", "programs/boston/all--v1.html", "open.html")
    for name in lost:
        (site / name).unlink()
    build(runs, site)
    assert pages(site) == whole


def test_a_program_that_goes_while_squaredeal_is_updated_leaves_no_page(runs, tmp_path, monkeypatch):
    build(many_runs(runs), tmp_path / "site")
    remove_a_program(runs)
    monkeypatch.setattr("reports.site.build._code", lambda: "another")
    build(runs, tmp_path / "site")
    assert not (tmp_path / "site/programs/hostile").exists()


def test_a_long_life_goes_on_on_further_pages(runs, tmp_path, monkeypatch):
    monkeypatch.setattr("reports.site.finding_page.PERIODS", 2)
    for month in MONTHS[:5]:
        put(runs, ordinary(), "cards", month)
    build(runs, tmp_path / "site")
    name = "programs/cards/finding--cap-adjusted_approval_gap-race"
    told = [(tmp_path / f"site/{name}{end}.html").read_text() for end in ("", "--2", "--3")]
    assert [re.findall(r">(2026-\d\d)</a></th>", page) for page in told] == [
        ["2026-05", "2026-04"], ["2026-03", "2026-02"], ["2026-01"],
    ]  # fmt: skip
    assert "open since 2026-01" in text(told[0])


def test_a_site_among_the_runs_is_not_taken_for_a_program(runs):
    put(runs, ordinary(), "cards")
    build(runs, runs / "site")
    built = build(runs, runs / "site")
    assert (built.programs, built.runs, built.unreadable) == (1, 1, 0)


def test_a_long_list_goes_on_on_further_pages(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(lists, "_MOST", 2)
    for i in range(5):
        put(runs, ordinary(), f"lender-{i}")
    build(runs, tmp_path / "site")
    told = [text((tmp_path / f"site/verdict-concern{end}.html").read_bytes()) for end in ("", "--2", "--3")]
    assert [len(re.findall("Cap on the gap Citation", page)) for page in told] == [2, 2, 1]
    assert "5 lines from 5 programs" in told[0]
    assert "Page 2 of 3" in told[1]


def test_the_counts_on_the_overview_are_those_of_the_lists(everything):
    index = everything["index.html"].decode()
    chips = re.findall(r'<li><a href="([\w.-]+\.html)">(?:(?!</li>).)*<b>([\d,]+)</b></a></li>', index)
    assert len(chips) > 20
    for page, count in chips:
        assert f"{count} line" in text(everything[page]), page


def test_a_folder_that_holds_other_files_is_left_alone(runs, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("mine")
    with pytest.raises(InputError, match="a folder that holds other files"):
        build(runs, tmp_path / "site")
    assert (tmp_path / "site/index.html").read_text() == "mine"


def test_a_state_that_cannot_be_read_is_a_problem_and_not_a_crash(runs, tmp_path):
    build(runs, tmp_path / "site")
    (tmp_path / "site/.site.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match="remove the whole folder"):
        build(runs, tmp_path / "site")


def test_without_runs_the_site_says_so(runs, tmp_path):
    assert build(runs, tmp_path / "site").runs == 0
    assert "No run was found" in text((tmp_path / "site/index.html").read_bytes())


def test_the_command_says_what_it_did_and_refuses_a_folder_that_is_none(runs, tmp_path):
    put(runs, ordinary(), "cards")
    done = CliRunner().invoke(squaredeal.app, ["site", str(runs), "--out", str(tmp_path / "site"), "--quiet"])
    assert done.exit_code == 0
    assert "1 programs, 1 runs (1 read)" in done.output
    assert CliRunner().invoke(squaredeal.app, ["site", str(tmp_path / "none"), "--quiet"]).exit_code == 2
