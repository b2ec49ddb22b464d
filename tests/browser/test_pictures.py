"""The pictures of several figures in a real browser: no text over another or beyond its frame, on phone and desk.

``SQUAREDEAL_GALLERY=folder pytest tests/browser/test_pictures.py -k gallery`` also writes screenshots to look at.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from markupsafe import Markup

from reports.charts import draw, estimate_with_limit, rates_by_group
from reports.html.marks import symbols
from reports.html.page import readable, stylesheet
from reports.words import language
from tests.browser.test_report_page import DESKTOP, PHONE, browser  # noqa: F401 - a fixture
from tests.reports.gallery import figures, panels, pictures

pytestmark = pytest.mark.xdist_group("browser")
SIZES = {"narrow": {"width": 320, "height": 700}, "phone": PHONE, "desk": DESKTOP}


def gallery(lang: str) -> str:
    """A page of every picture in every awkward state, in the report's own style."""
    say = language(lang)
    drawn = [(name, draw(one, f"p-{i}")) for i, (name, one) in enumerate(pictures(say).items())]
    drawn += [(name, estimate_with_limit(one, f"e-{i}")) for i, (name, one) in enumerate(figures().items())]
    drawn += [(name, rates_by_group(one, f"r-{i}")) for i, (name, one) in enumerate(panels().items())]
    shown = Markup("").join(
        Markup('<figure class="several"><figcaption>{}</figcaption>{}</figure>').format(name, svg)
        for name, svg in drawn
    )
    return readable(
        Markup(
            '<!doctype html><html lang="{}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            '<meta name="color-scheme" content="light dark"><style>{}</style><body>{}<main><div class="pictures">{}'
            "</div></main></body></html>"
        ).format(lang, stylesheet(), symbols(), shown)
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The gallery in both languages, as files."""
    folder = tmp_path_factory.mktemp("gallery")
    for lang in ("en", "zh-CN"):
        (folder / f"{lang}.html").write_text(gallery(lang), encoding="utf-8")
    return folder


@pytest.fixture
def shown(browser, pages):  # noqa: F811 - a fixture
    """Opens the gallery."""
    opened = []

    def show(lang, size, scheme="light"):
        opened.append(browser.new_page(viewport=SIZES[size], color_scheme=scheme))
        opened[-1].goto((pages / f"{lang}.html").as_uri())
        return opened[-1]

    yield show
    for page in opened:
        page.close()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_no_text_lies_over_another_text_or_a_mark(shown, lang, size):
    assert shown(lang, size).evaluate(OVERLAPS) == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_no_text_or_mark_leaves_its_frame(shown, lang, size):
    assert shown(lang, size).evaluate(OUTSIDE) == []


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_every_picture_has_a_name_and_a_description_for_those_who_listen(shown, lang):
    page = shown(lang, "desk")
    images = page.locator("svg.chart[role=img]")
    assert images.count() == len(pictures(language(lang))) + len(figures()) + len(panels())
    assert all(
        page.evaluate("[...document.querySelectorAll('svg.chart')].map(s => !!s.querySelector('desc').textContent)")
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_gallery_can_be_looked_at(shown, size, scheme):
    page = shown("en", size, scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    folder = os.environ.get("SQUAREDEAL_GALLERY")
    for lang in ("en", "zh-CN") if folder else ():
        page = shown(lang, size, scheme)
        page.screenshot(path=Path(folder) / f"{lang}-{size}-{scheme}.png", full_page=True)


# boxes of texts and of symbols by picture; a hairline of overlap is let pass
_BOXES = """
  const boxes = svg => [...svg.querySelectorAll('text, .symbol, .dot, .marker, .arrow')].map(node =>
    ({node, box: node.getBoundingClientRect(), is: node.tagName, words: node.textContent.slice(0, 40)}));
"""
OVERLAPS = (
    "() => {"
    + _BOXES
    + """
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  const found = [];
  for (const svg of document.querySelectorAll('svg.chart')) {
    const all = boxes(svg), name = svg.parentNode.querySelector('figcaption').textContent;
    for (const [i, one] of all.entries()) for (const other of all.slice(i + 1))
      if ((one.is === 'text' || other.is === 'text') && meet(one.box, other.box))
        found.push([name, one.words || one.is, other.words || other.is]);
  }
  return found;
}"""
)
OUTSIDE = (
    "() => {"
    + _BOXES
    + """
  const found = [];
  for (const svg of document.querySelectorAll('svg.chart')) {
    const f = svg.getBoundingClientRect(), name = svg.parentNode.querySelector('figcaption').textContent;
    for (const {box: b, words, is} of boxes(svg))
      if (b.left < f.left - 1 || b.right > f.right + 1 || b.top < f.top - 1 || b.bottom > f.bottom + 1)
        found.push([name, words || is, Math.round(b.left - f.left), Math.round(b.right - f.right)]);
  }
  return found;
}"""
)
