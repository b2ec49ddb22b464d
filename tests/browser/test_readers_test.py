"""The reader's test of docs/reading.md, taken on the page of the shipped program in a real browser."""

from __future__ import annotations

import re

import pytest

from reports.publish import page_names, write_pages
from tests.browser.test_report_page import DESKTOP, browser  # noqa: F401 - a fixture
from tests.programs import BOSTON, ROOT, run_program

pytestmark = pytest.mark.xdist_group("browser")
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| `(.+?)` \| (.+?) \|$", re.M)
QUESTIONS = ROW.findall((ROOT / "docs/reading.md").read_text(encoding="utf-8"))
ON_THE_FIRST_SCREEN = 6


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of the audited program, with its pages."""
    folder = tmp_path_factory.mktemp("reader")
    run_program(BOSTON, folder)
    return write_pages(folder / "boston-mortgages/all/v1").parent


@pytest.fixture(scope="module", params=["en", "zh-CN"])
def page(request, browser, home):  # noqa: F811
    """The page in a language, on a desktop."""
    opened = browser.new_page(viewport=DESKTOP)
    opened.goto((home / page_names()[request.param]).as_uri())
    yield request.param, opened
    opened.close()


def test_there_are_ten_questions():
    assert [int(number) for number, *_ in QUESTIONS] == list(range(1, 11))


@pytest.mark.parametrize(("number", "_question", "_where", "place", "words"), QUESTIONS)
def test_each_question_is_answered_where_the_document_says(page, number, _question, _where, place, words):  # noqa: PT019
    lang, opened = page
    found = opened.locator(place).first
    text = " ".join(found.inner_text().split())
    assert words in text if lang == "en" else re.search(r"[\u4e00-\u9fff]", text)
    assert found.is_visible()
    if int(number) <= ON_THE_FIRST_SCREEN:
        box = found.bounding_box()
        assert box["y"] + box["height"] <= DESKTOP["height"]


def test_the_languages_lead_to_each_other(browser, home):  # noqa: F811
    opened = browser.new_page(viewport=DESKTOP)
    opened.goto((home / page_names()["en"]).as_uri())
    opened.locator("a.language").click()
    assert opened.locator("html").get_attribute("lang") == "zh-CN"
    opened.locator("a.language").click()
    assert opened.locator("html").get_attribute("lang") == "en"
    opened.close()
