"""The site in a real browser: silent, without requests beyond its own files, readable on a phone, every link alive."""

from __future__ import annotations

import pytest

from reports.site.build import build
from tests.browser.test_report_page import BEYOND, DESKTOP, OUT_OF_FRAME, PHONE, browser  # noqa: F401 - a fixture
from tests.reports.test_site import many_runs

pytestmark = pytest.mark.xdist_group("browser")
WIDTHS = (320, PHONE["width"], 768, DESKTOP["width"])
KINDS = {
    "overview": "index", "program": "programs/cards/index", "settled by nobody": "programs/motor/index",
    "hostile": "programs/hostile/index", "finding": "programs/cards/finding--cap-adjusted_approval_gap-race",
    "comparison": "programs/cards/2026-04--changes", "versions": "programs/cards/2026-04--v2--changes",
    "superseded report": "programs/cards/2026-04--v1", "list": "verdict-concern", "pair": "verdict-breach--rule-cap",
    "period": "period-2026-01", "silent": "silent", "unreadable": "unreadable", "programs": "programs",
}  # fmt: skip
STATES = [f"{kind}{end}" for kind in KINDS for end in ("", " zh")]
OPEN_ALL = "document.querySelectorAll('details').forEach(part => part.open = true)"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site of programs in every state."""
    home = tmp_path_factory.mktemp("site")
    build(many_runs(home / "runs"), home / "site")
    return home / "site"


@pytest.fixture
def opened(browser, site):  # noqa: F811
    """Opens a page, and afterwards holds it to silence: no console message, no request but to the site's own files."""
    pages, heard = [], []

    def show(state: str, size=DESKTOP, scheme: str = "light", media: str = "screen"):
        name = KINDS[state.removesuffix(" zh")] + (".zh-CN.html" if state.endswith(" zh") else ".html")
        page = browser.new_page(viewport=size, color_scheme=scheme)
        pages.append(page)
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("requestfailed", lambda request: heard.append(request.url))
        page.on("request", lambda request: None if request.url.startswith(own) else heard.append(request.url))
        own = (site.as_uri(), "data:,")
        page.goto((site / name).as_uri())
        page.emulate_media(media=media, color_scheme=scheme)
        return page

    yield show
    for page in pages:
        page.close()
    assert heard == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_serious(opened, state, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(state, scheme=scheme)
    page.evaluate(OPEN_ALL)
    found = Axe().run(page, options={"preload": False}).response["violations"]  # the page forbids it to fetch the style
    serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
    assert serious == []


@pytest.mark.parametrize("state", STATES)
def test_nothing_scrolls_sideways(opened, state):
    page = opened(state, PHONE)
    page.evaluate(OPEN_ALL)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(BEYOND) == []


def test_every_link_of_every_page_resolves_as_the_browser_reads_it(browser, site):  # noqa: F811
    page = browser.new_page()
    targets = set()
    for file in sorted(site.rglob("*.html")):
        page.goto(file.as_uri())
        targets |= set(page.evaluate("[...document.links].map(a => a.href.split('#')[0])"))
        assert page.evaluate(
            "[...document.links].filter(a => a.href.split('#')[0] === location.href.split('#')[0] && a.hash.length > 1"
            " && !document.getElementById(decodeURIComponent(a.hash.slice(1)))).map(a => a.href)"
        ) == []  # fmt: skip
    page.close()
    files = {file.as_uri() for file in site.rglob("*.html")}
    assert targets <= files


def test_the_style_sheet_is_read_and_its_colours_follow_dark_and_print(opened):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    shades = [opened("overview", scheme=scheme, media=media).evaluate(ground)
              for scheme, media in (("light", "screen"), ("dark", "screen"), ("dark", "print"))]  # fmt: skip
    assert shades[0] == shades[2] == "rgb(255, 255, 255)"
    assert shades[1] != shades[0]


def test_the_first_screen_of_the_overview_says_what_is_open_where_under_which_rule_since_when(opened):
    page = opened("overview")
    row = page.locator("#open tbody tr", has_text="20.0 percentage points")
    for text in ("Breach", "20.0 percentage points", "Cap on the gap", "open since 2026-04"):
        assert row.get_by_text(text, exact=False).first.is_visible()
    box = row.bounding_box()
    assert box["y"] + box["height"] <= DESKTOP["height"]


def test_last_months_run_is_two_clicks_away(opened):
    page = opened("overview")
    page.locator("#browse a", has_text="2026-03").first.click()
    page.locator("tbody a", has_text="2026-03, version 1").first.click()
    assert "2026-03" in page.locator(".identity").inner_text()
    assert page.locator("#found").is_visible()


def test_the_languages_lead_to_each_other(opened):
    page = opened("finding")
    page.locator("a.language").click()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.locator("nav.way a").first.click()
    assert page.url.endswith("index.zh-CN.html")


def test_a_list_and_a_timeline_are_named_for_those_who_listen(opened):
    page = opened("program")
    for role, name in (
        ("table", "Timeline"), ("table", "Findings as they stand"), ("img", "Adjusted gap in approval rates"),
        ("navigation", "Way back"), ("heading", "Over the periods"),
    ):  # fmt: skip
        assert page.get_by_role(role, name=name).count() >= 1


def test_no_picture_has_text_beyond_its_frame(opened):
    for size in (DESKTOP, PHONE):
        outside = opened("program", size).evaluate(OUT_OF_FRAME)
        assert outside == []


def test_it_prints(opened):
    for state in ("overview", "program"):
        page = opened(state, media="print")
        assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
        assert page.locator("nav").first.is_hidden()
