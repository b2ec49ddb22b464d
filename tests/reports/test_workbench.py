"""The workbench says what records and page say, and a wrong name is answered with the right ones."""

from __future__ import annotations

import pandas as pd
import pytest

from checks.problem import InputError
from reports.html.page import render
from reports.tracking import track
from reports.words import language
from reports.workbench import latest, load
from tests.programs import loans, run_program, write_program


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two small audits: one with a planted gap, one whose attribute is hardly known."""
    home = tmp_path_factory.mktemp("bench")
    run_program(write_program(home / "a", loans(gap=0.25)), home / "runs")
    return home / "runs"


@pytest.fixture(scope="module")
def run(runs):
    return latest(runs, "loans")


def test_findings_are_those_of_the_judgement_in_the_order_of_the_page(run):
    frame = run.findings()
    assert len(frame) == len(run.judgement.findings)
    assert set(frame.index) == {found.finding_id[:8] for found in run.judgement.findings}
    order = ["unfit", "breach", "concern", "inconclusive", "not_identified", "clear"]
    places = [order.index(verdict) for verdict in frame["verdict"]]
    assert places == sorted(places)
    assert frame["figure"].iloc[0] == run.page.harms[0].headline.figure


def test_findings_are_picked_by_verdict_measure_and_harm(run):
    concerns = run.findings(verdict="concern")
    assert set(concerns["verdict"]) == {"concern"}
    assert len(run.findings(verdict=["concern", "clear"])) > len(concerns)
    ratio = run.findings(measure="adverse_impact_ratio")
    assert len(ratio) == sum(f.measurement.measure == "adverse_impact_ratio" for f in run.judgement.findings)
    assert run.findings(harm="loyalty_pricing").empty
    with pytest.raises(InputError, match="one of"):
        run.findings(verdict="concerned")


def test_a_finding_is_found_by_identifier_rule_and_measure_and_reads_as_on_the_page(run):
    found = run.judgement.findings[0]
    by_id = run.finding(found.finding_id[:8])
    assert by_id.measurement == found.measurement
    assert run.finding(found.rule.id).measurement.measure == found.measurement.measure
    view = run.finding("adverse_impact_ratio")
    page = render(run.record, run.judgement, language("en"))
    assert view.sentence in page.replace("&#39;", "’")
    assert view.figure in page
    assert view.picture().svg.startswith("<svg")
    assert view.verdict in repr(view).lower()
    assert view.sentence in view._repr_html_()
    for name in ("cautions", "does_not_show", "would_change"):
        for line in getattr(view, name):
            assert line in getattr(view, name)._repr_html_().replace("&#39;", "'")


def test_a_name_that_there_is_not_is_answered_with_those_that_there_are(run):
    with pytest.raises(InputError, match=r"us\.air\.80"):
        run.finding("us.air.8")
    with pytest.raises(InputError, match="adverse_impact_ratio"):
        run.measurements(measure="adverse_impact_ration")
    for asked in (
        lambda: run.findings(harm="fair_lendin"),
        lambda: run.findings(measure="adverse_impact"),
        lambda: run.pictures("adverse_impact"),
        lambda: run.features("regio"),
        lambda: run.worst("fair_lendin"),
        lambda: run.findings(verdict=[]),
        lambda: run.findings(verdict=[None]),
        lambda: run.findings(verdict=5),
    ):
        with pytest.raises(InputError, match=r"one of|one or several of|in quotes"):
            asked()
    for asked in (
        lambda: run.finding(None),
        lambda: run.measurements(measure=5),
        lambda: latest(run.folder.parents[2], None),
        lambda: latest(run.folder.parents[2], "loans", 2026),
        lambda: load(5),
        lambda: run.compare("v1"),
    ):
        with pytest.raises(InputError, match=r"text|another run"):
            asked()
    with pytest.raises(AttributeError):
        run.finding("adverse_impact_ratio").sentense  # noqa: B018


def test_measurements_hold_every_figure_once_with_its_numbers(run):
    frame = run.measurements()
    assert len(frame) == len(run.record.measurements)
    for m in run.record.measurements:
        row = frame[(frame["measure"] == m.measure) & (frame["n"] == m.n) & (frame["estimate"] == m.estimate)]
        assert m.estimate is None or not row.empty
    segments = run.finding("adverse_impact_ratio").segments()
    assert set(segments["measure"]) == {"adverse_impact_ratio"}


def test_the_worst_is_what_the_page_says_first(run):
    assert run.worst().sentence == run.page.harms[0].headline.sentence
    with pytest.raises(InputError, match="loyalty_pricing"):
        run.worst("loyalty_pricing")


def test_a_run_without_a_model_has_no_features_flips_or_proxies(run):
    assert run.features().empty
    assert run.flips().empty
    assert run.proxies() == []


def test_pictures_are_files_of_their_own(run):
    for picture in run.pictures():
        assert picture.svg.startswith("<svg")
        assert picture.title
        assert picture._repr_svg_() == picture.svg


def test_what_was_not_answered_says_what_would_answer_it(run):
    frame = run.unanswered()
    assert len(frame) == len(run.page.unanswered)
    assert frame["reason"].str.len().min() > 0


def test_words_come_in_chinese_too(runs):
    chinese = latest(runs, "loans", lang="zh-CN")
    assert chinese.findings()["harm"].iloc[0] == language("zh-CN")("harm.fair_lending")
    with pytest.raises(InputError, match="zh-CN"):
        latest(runs, "loans", lang="zh")


def test_folders_that_hold_no_run_are_answered_with_what_there_is(runs, tmp_path):
    with pytest.raises(InputError, match="loans"):
        latest(runs, "loan")
    with pytest.raises(InputError, match="all"):
        latest(runs, "loans", "2026-10")
    with pytest.raises(InputError, match="a folder of runs"):
        latest(tmp_path / "nowhere", "loans")
    with pytest.raises(InputError, match="finished run"):
        load(tmp_path)
    with pytest.raises(InputError, match="squaredeal remedies"):
        latest(runs, "loans").remedies()


def test_a_run_is_loaded_from_mlflow_as_it_was_tracked(run, tmp_path):
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    run_id = track(run.folder, store)
    again = load(run_id, store)
    assert again.record == run.record
    assert again.judgement == run.judgement
    pd.testing.assert_frame_equal(again.findings(), run.findings())
    assert load(f"runs:/{run_id}", store).record == run.record
    with pytest.raises(InputError, match="it refused"):
        load("0" * 32, store)
    with pytest.raises(InputError, match="nothing was made"):
        load(run_id, f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()


def test_the_rows_behind_a_comparison_are_those_of_both_groups(run):
    rows = run.finding("adverse_impact_ratio").rows()
    data = loans(gap=0.25)
    assert len(rows) == len(data)
    assert rows.groupby("squaredeal_group_region")["granted"].mean().to_dict() == pytest.approx(
        data.groupby("region")["granted"].mean().to_dict()
    )
    assert list(dict.fromkeys(rows["squaredeal_group_region"])) == ["south", "north"]  # the group, then its reference


def test_money_is_told_by_harm_or_why_there_is_none(run):
    frame = run.money()
    assert set(frame["harm"]) == {"fair_lending", "loyalty_pricing", "predatory_lending", "digital_divide"}
    assert frame["estimate"].isna().all()  # decisions alone hold no money
    assert frame["figure"].str.len().min() > 20
    assert not frame["headline"].any()
    assert {"period", "basis", "cautions"} <= set(frame.columns)


def test_two_runs_are_compared_with_the_reasons_of_what_turned(runs, run, tmp_path):
    run_program(write_program(tmp_path / "later", loans(gap=0.0, seed=9)), tmp_path / "runs")
    later = latest(tmp_path / "runs", "loans")
    compared = run.compare(later)
    found = compared.findings()
    assert len(found) == len(compared.shown.findings) > 0
    assert "better" in {one.kind.lower() for one in compared.shown.findings}
    assert found["because"].str.len().max() > 10
    assert not compared.inputs().empty
    assert set(compared.figures().columns) == {"before", "after", "change", "says"}
    assert "Findings that changed" in repr(compared)
    assert compared.shown.title in compared._repr_html_()
    assert compared._repr_html_().count("<tr>") == len(compared.shown.findings)
    assert "loans" in repr(run)
    with pytest.raises(InputError, match="twice"):
        run.compare(run)
