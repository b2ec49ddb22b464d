"""The report page in a real browser: first screen, phone, dark, print, contrast, and no request to anywhere."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from reports.html.page import render, stylesheet
from reports.words import language
from tests.reports import sample_prices as prices
from tests.reports import sample_records as sample

pytestmark = pytest.mark.xdist_group("browser")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
STATES = {
    "ordinary": lambda: (sample.run(), sample.judgement()),
    "unfit": sample.unfit,
    "nothing_judged": sample.nothing_judged,
    "awkward": sample.awkward,
    "hostile": sample.hostile,
    "loyalty": prices.loyalty,
}
VERDICTS = ("breach", "concern", "inconclusive", "not_identified", "unfit", "clear", "none")
AA = 4.5


def chromium() -> str | None:
    """The path of a Chromium on this machine, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; absent ones skip, but fail where CI says that it must be there."""
    found = chromium()
    if found is None:
        reason = "no Chromium on this machine: install chromium to test the page in a browser"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The page of every state, as a file; in Chinese under its name with zh."""
    folder, found = tmp_path_factory.mktemp("pages"), {}
    for name, made in STATES.items():
        for end, lang in (("", "en"), (" zh", "zh-CN")):
            file = folder / f"{name}{end}.html"
            file.write_text(render(*made(), language(lang), {"en": file.name}), encoding="utf-8")
            found[name + end] = file.as_uri()
    return found


@pytest.fixture
def opened(browser, files):
    """Opens a state, and afterwards holds it to silence: no console message, no request but the file itself."""
    pages, heard = [], []

    def show(state: str, size=DESKTOP, scheme: str = "light", media: str = "screen"):
        page = browser.new_page(viewport=size, color_scheme=scheme)
        pages.append(page)
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: heard.append(request.url) if request.url not in allowed else None)
        allowed = {files[state], "data:,"}
        page.goto(files[state])
        page.emulate_media(media=media, color_scheme=scheme)
        return page

    yield show
    for page in pages:
        page.close()
    assert heard == []


def inside_first_screen(page, selector: str, text: str) -> bool:
    box = page.locator(selector, has_text=text).first.bounding_box()
    size = page.viewport_size
    return bool(box) and box["y"] + box["height"] <= size["height"] and box["x"] + box["width"] <= size["width"]


FIRST_SCREEN = (
    ("h1", "Boston mortgages"),
    (".question", "Were non-white applicants turned down more often?"),
    (".asked dd", "non-white with white (race)"),
    (".asked dd", "1,989 rows"),
    (".asked dd", "1 January 1990 to 31 December 1990"),
    (".harm-line .badge", "Concern"),
    (".key strong", "12.9 percentage points"),
    (".key .sure", "95% interval 7.8 to 18.0 percentage points"),
    (".key .n", "1,971 applications: 303 non-white, 1,668 white"),
    (".under cite", "Citation of us.fha, § 7"),
    (".under .chip", "Law in force"),
    (".under .chip", "our setting, not a number in the law"),
    (".others .rule", "Citation of us.air.80, § 7"),
    ("#unanswered", "Every question that the program asked could be run."),
    (".not-legal", "This is an audit record, not a legal finding."),
)


def test_the_first_screen_says_what_was_asked_found_how_sure_under_which_rule_and_what_is_open(opened):
    page = opened("ordinary")
    assert [part for part in FIRST_SCREEN if not inside_first_screen(page, *part)] == []


def test_the_first_screen_of_a_hard_case_still_holds_verdict_figure_and_what_was_not_answered(opened):
    page = opened("awkward")
    for selector, text in (
        (".harm-line .badge", "Breach"), (".key strong", "12.9"), (".under cite", "Citation of law"),
        ("#unanswered", "6 in all"),
    ):  # fmt: skip
        assert inside_first_screen(page, selector, text)


def test_an_unfit_run_opens_with_the_failed_checks(opened):
    page = opened("unfit")
    assert inside_first_screen(page, ".banner h2", "nothing was judged")
    assert inside_first_screen(page, ".banner .failed", "add the groups found under 'labels'")


def test_on_a_phone_the_verdict_and_the_figure_stand_on_the_first_screen(opened):
    page = opened("ordinary", PHONE)
    assert inside_first_screen(page, ".harm-line .badge", "Concern")
    assert inside_first_screen(page, ".key strong", "12.9 percentage points")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", [f"{name}{end}" for name in STATES for end in ("", " zh")])
def test_axe_finds_nothing_serious(opened, state, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(state, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    found = Axe().run(page).response["violations"]
    serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
    assert serious == []


@pytest.mark.parametrize("state", [f"{name}{end}" for name in STATES for end in ("", " zh")])
def test_nothing_scrolls_sideways(opened, state):
    page = opened(state, PHONE)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    for width in (320, PHONE["width"], 620, 768, DESKTOP["width"]):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(BEYOND) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["ordinary", "unfit", "awkward"])
def test_every_text_has_the_contrast_of_wcag_aa(opened, state, scheme):
    low = opened(state, scheme=scheme).evaluate(CONTRASTS)
    assert [entry for entry in low if entry["ratio"] < AA] == []


def test_dark_mode_is_dark_and_print_is_light(opened):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert luminance(colour(opened("ordinary", scheme="dark").evaluate(ground))) < 0.02
    assert luminance(colour(opened("ordinary", scheme="dark", media="print").evaluate(ground))) > 0.9


A4 = (595, 842)  # points


@pytest.mark.parametrize("state", ["ordinary", "ordinary zh", "hostile", "hostile zh"])
def test_it_prints_on_a4_whole_and_without_what_only_a_screen_can_use(opened, state):
    page = opened(state, media="print")
    printed = page.pdf(prefer_css_page_size=True)
    sizes = {tuple(float(side) for side in box.split()[2:]) for box in re.findall(rb"/MediaBox \[([^\]]+)\]", printed)}
    assert sizes
    assert all(abs(side - wanted) < 2 for size in sizes for side, wanted in zip(size, A4, strict=True))
    assert page.locator("nav").is_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_sections_and_pictures_are_named_for_those_who_listen(opened):
    page = opened("ordinary")
    for role, name in (
        ("heading", "What was not answered"), ("region", "What was found"), ("navigation", "On this page"),
        ("img", "Adjusted gap in approval rates"), ("table", "Approval rate by group"),
    ):  # fmt: skip
        assert page.get_by_role(role, name=name).count() >= 1


def test_no_picture_has_text_beyond_its_frame(opened):
    for size in (DESKTOP, PHONE):
        outside = opened("awkward", size).evaluate(OUT_OF_FRAME)
        assert outside == []


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
@pytest.mark.parametrize("verdict", VERDICTS)
def test_verdict_badges_have_the_contrast_of_wcag_aa(verdict, scheme):
    name = verdict.replace("_", "-")
    ground = re.findall(rf"--{name}: (#\w+);", stylesheet())[scheme]
    ink = re.findall(rf"--on-{name}: (#\w+);", stylesheet())[scheme]
    assert contrast(colour(ground), colour(ink)) >= AA


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_word_and_a_symbol_beside_its_colour(verdict):
    page = render(*sample.unfit())
    assert re.search(rf'<span class="badge {verdict}"><svg class="symbol".*?</svg>\w', page)


def colour(text: str) -> tuple[float, ...]:
    """``#abc``, ``#aabbcc`` or ``rgb(…)`` as three shares."""
    if text.startswith("#"):
        digits = text[1:] if len(text) == 7 else "".join(digit * 2 for digit in text[1:])
        return tuple(int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return tuple(float(part) / 255 for part in re.findall(r"[\d.]+", text)[:3])


def luminance(shares: tuple[float, ...]) -> float:
    """Relative luminance as WCAG 2 defines it."""
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Contrast ratio as WCAG 2 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


OUT_OF_FRAME = """() => [...document.querySelectorAll('svg.chart text')].filter(t => {
    const b = t.getBoundingClientRect(), f = t.closest('svg.chart').getBoundingClientRect();
    return b.left < f.left - 2 || b.right > f.right + 2 }).map(t => t.textContent)"""
BEYOND = """() => [...document.querySelectorAll('main *, header *')]
  .filter(e => !e.closest('.hidden') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 120))"""
CONTRASTS = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const line = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const lum = c => { const [r, g, b] = c.map(line); return .2126 * r + .7152 * g + .0722 * b };
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c.slice(0, 3) } return [255, 255, 255] };
  const seen = [];
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg, .hidden, .skip') || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const a = lum(parse(getComputedStyle(e).color).slice(0, 3)), b = lum(ground(e));
    seen.push({text: e.textContent.slice(0, 40), ratio: (Math.max(a, b) + .05) / (Math.min(a, b) + .05)});
  }
  return seen;
}"""
