"""A real MLflow server in a real browser: what a data scientist sees who opens a run or a model version."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from mlflow import MlflowClient

from reports.publish import write_pages
from reports.tracking import track
from tests.browser.test_report_page import ARGUMENTS, browser, chromium  # noqa: F401 - a fixture
from tests.programs import loans, run_program, write_program

pytestmark = pytest.mark.xdist_group("browser")
PATIENCE = 60_000  # milliseconds: two cores may be busy
HOSTILE = "<img src=x onerror=alert(1)> *south* | www.a.example http://b.example :smile: @nobody"


@dataclass(frozen=True)
class Opened:
    """A server with two tracked runs and a described model version."""

    address: str
    runs: dict[str, str]

    def page(self, name: str, tail: str = "") -> str:
        return f"{self.address}/#/experiments/{self.runs[name]}{tail}"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server on this machine alone, on a free port, with a store of its own."""
    if chromium() is None:
        reason = "no Chromium on this machine: install chromium to test MLflow's pages in a browser"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    folder = tmp_path_factory.mktemp("mlflow-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}",
             "--artifacts-destination", str(folder / "artifacts"), "--host", "127.0.0.1", "--port", str(port),
             "--workers", "1"],
            env=surroundings | {"MLFLOW_DISABLE_TELEMETRY": "true"}, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    yield f"http://127.0.0.1:{port}"
    os.killpg(server.pid, signal.SIGKILL)  # its own group, a store that nobody needs any more
    server.wait(20)


def answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def opened(address, tmp_path_factory):
    """Two programs, audited while the server starts, and tracked when it answers."""
    folder, runs = tmp_path_factory.mktemp("audited"), {}
    data = {"plain": loans(), "hostile": loans().replace({"region": {"south": HOSTILE}})}
    model = {"plain": {"model": "models:/scorecard/1"}, "hostile": {}}
    made = {name: audited(folder, name, rows, **model[name]) for name, rows in data.items()}
    end = time.monotonic() + 120
    while not answers(address):
        assert time.monotonic() < end, "the MLflow server did not start"
        time.sleep(0.3)
    client = MlflowClient(address)
    client.create_registered_model("scorecard")
    client.create_model_version("scorecard", source="s3://nowhere/scorecard", description="What its team wrote.")
    for name, one in made.items():
        run = client.get_run(track(one, address))
        runs[name] = f"{run.info.experiment_id}/runs/{run.info.run_id}"
    return Opened(address, runs)


def audited(folder: Path, name: str, rows, **changes) -> Path:
    run_program(write_program(folder / name, rows, name, **changes), folder)
    return write_pages(folder / name / "all/v1").parent


@pytest.fixture(scope="module")
def visitor(browser):  # noqa: F811
    """One visitor for all tests, whose browser keeps what it has loaded."""
    context = browser.new_context(viewport={"width": 1400, "height": 1600})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def show(visitor, opened):
    """Opens an address; a label that runs as a script fails the test."""
    pages, ran = [], []

    def visit(address: str):
        page = visitor.new_page()
        pages.append(page)
        page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
        page.goto(address)
        return page

    yield visit
    for page in pages:
        page.close()
    assert ran == []


def the_description(page):
    page.get_by_role("button", name="Expand description").click()
    return page.get_by_test_id("note-editor-preview-content")


def test_the_page_of_a_run_shows_the_verdict_the_figure_and_the_pictures(show, opened):
    page = show(opened.page("plain"))
    told = the_description(page)
    words = told.inner_text()
    for said in (
        "Fair lending: ",
        "percentage points",
        "95% interval",
        "applications: ",
        "Judged under: ",
        "公平信贷：",
    ):
        assert said in words
    assert page.get_by_text("squaredeal.verdict.fair_lending").count() >= 1
    page.wait_for_function("[...document.querySelectorAll('.note-editor-preview img')].every(i => i.complete)")
    widths = told.locator("img").evaluate_all("all => all.map(image => image.naturalWidth)")
    assert widths == [640, 640]


def test_a_folded_description_shows_the_verdict_and_the_figure_already(show, opened):
    page = show(opened.page("plain"))
    fold = page.get_by_test_id("truncation-gradient").bounding_box()
    verdict = page.get_by_test_id("note-editor-preview-content").get_by_text("Fair lending: ").bounding_box()
    assert verdict["y"] + verdict["height"] <= fold["y"] + fold["height"]


def test_a_hostile_label_shows_as_it_is(show, opened):
    told = the_description(show(opened.page("hostile")))
    assert HOSTILE in told.inner_text()
    assert told.locator("img").count() == 2
    addresses = told.locator("a").evaluate_all("all => all.map(link => link.getAttribute('href'))")
    assert [address for address in addresses if not address.startswith("#/experiments/")] == []


def test_the_link_of_a_description_leads_to_the_report_page(show, opened):
    page = show(opened.page("plain"))
    link = the_description(page).get_by_role("link", name="report.html").get_attribute("href")
    page.goto(f"{opened.address}/{link}")
    report = page.frame_locator("iframe")
    report.get_by_role("heading", name="What was found").wait_for()
    assert report.locator("svg.chart").count() >= 1


def test_a_picture_among_the_artifacts_can_be_seen(show, opened):
    page = show(opened.page("plain", "/artifacts/figures/fair_lending.svg"))
    page.wait_for_function("[...document.querySelectorAll('img')].some(i => i.complete && i.naturalWidth === 640)")


def test_a_model_version_says_the_verdict_after_what_its_team_wrote(show, opened):
    page = show(f"{opened.address}/#/models/scorecard/versions/1")
    told = page.get_by_test_id("note-editor-preview-content")
    told.wait_for()
    words = told.inner_text()
    assert words.startswith("What its team wrote.")
    assert "Fair lending: " in words
    assert "<!--" not in words
