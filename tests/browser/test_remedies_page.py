"""The page of a search for remedies in a real browser: phone, desk, dark, contrast, accessibility, no request."""

from __future__ import annotations

import pytest

from reports.remedies_page import render_remedies
from reports.words import language
from tests.browser.test_report_page import (
    AA,
    BEYOND,
    CONTRASTS,
    DESKTOP,
    OUT_OF_FRAME,
    PHONE,
    browser,  # noqa: F401 - a fixture
    inside_first_screen,
)
from tests.reports.sample_remedies import STATES

pytestmark = pytest.mark.xdist_group("browser")
SHOWN = [f"{name}{end}" for name in ("certified", "none_found", "many", "hostile") for end in ("", " zh")]
UNFOLD = "document.querySelectorAll('details').forEach(part => part.open = true)"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The page of every state, as a file; in Chinese under its name with zh."""
    folder, found = tmp_path_factory.mktemp("remedies"), {}
    for name in SHOWN:
        state, _, end = name.partition(" ")
        file = folder / f"{name}.html"
        say = language("zh-CN" if end else "en")
        file.write_text(render_remedies(STATES[state](), say, {"en": file.name}), encoding="utf-8")
        found[name] = file.as_uri()
    return found


@pytest.fixture
def opened(browser, files):  # noqa: F811 - a fixture
    """Opens a state, and afterwards holds it to silence: no console message, no request but the file itself."""
    pages, heard = [], []

    def show(state: str, size=DESKTOP, scheme: str = "light"):
        page = browser.new_page(viewport=size, color_scheme=scheme)
        pages.append(page)
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        allowed = {files[state], "data:,"}
        page.on("request", lambda request: heard.append(request.url) if request.url not in allowed else None)
        page.goto(files[state])
        page.evaluate(UNFOLD)
        return page

    yield show
    for page in pages:
        page.close()
    assert heard == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
def test_the_first_screen_says_the_outcome_and_the_figure_that_matters(opened, size):
    page = opened("certified", size)
    for selector, text in (
        ("h1", "Proxy lending"), (".harm-line .badge", "Certified"), (".key strong", "0.751 → 0.857 (+0.106)"),
        (".harm-line h3", "Another model treats groups more alike"),
    ):  # fmt: skip
        assert inside_first_screen(page, selector, text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", SHOWN)
def test_axe_finds_nothing_serious_and_every_text_has_the_contrast_of_wcag_aa(opened, state, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(state, scheme=scheme)
    found = Axe().run(page).response["violations"]
    serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
    assert serious == []
    assert [entry for entry in page.evaluate(CONTRASTS) if entry["ratio"] < AA] == []


@pytest.mark.parametrize("state", SHOWN)
def test_nothing_scrolls_sideways_and_no_picture_has_text_beyond_its_frame(opened, state):
    page = opened(state, PHONE)
    for width in (320, PHONE["width"], 620, 768, DESKTOP["width"]):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(BEYOND) == []
        assert page.evaluate(OUT_OF_FRAME) == []


def test_sections_and_pictures_are_named_for_those_who_listen(opened):
    page = opened("certified")
    for role, name in (
        ("heading", "What was asked"), ("region", "What was found"), ("region", "What this does not show"),
        ("img", "All models that were tried"), ("img", "Ratio of approval rates under both models"),
        ("table", "Figures of both models on the untouched rows"), ("table", "All models by their kind"),
    ):  # fmt: skip
        assert page.get_by_role(role, name=name).count() >= 1, name


def test_the_two_models_are_named_in_the_picture_and_their_names_lie_apart(opened):
    for size in (DESKTOP, PHONE):
        page = opened("many", size)
        boxes = page.evaluate(NAMES)
        assert set(boxes) == {"today's model", "chosen model"}
        one, other = boxes.values()
        assert one["bottom"] <= other["top"] or other["bottom"] <= one["top"]


NAMES = """() => Object.fromEntries([...document.querySelectorAll('#frontier text.equality-label')]
  .filter(t => t.textContent.endsWith(' model')).map(t => [t.textContent, t.getBoundingClientRect().toJSON()]))"""
