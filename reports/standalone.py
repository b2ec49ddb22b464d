"""A picture of the page → an SVG file that stands alone: title above, source below, a fixed width, the page's colours.

Colours and fonts are the page's light ones, taken from its style sheet; the fonts are those of whoever looks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from markupsafe import Markup

from reports.charts import estimate_with_limit
from reports.html.page import readable, stylesheet
from reports.report_model import EstimatePicture

WIDTH = 640
_MARGIN, _LINE, _TITLE_WIDTH, _TITLE_LINES = 16, 19, 72, 3
_NOT_IN_XML = dict.fromkeys((0xFFFE, 0xFFFF))


def picture_file(picture: EstimatePicture, source: str) -> str:
    """The picture of a figure as a file; ``source`` says whose figure it is."""
    return standalone(estimate_with_limit(picture, "picture"), picture.title, source)


def standalone(svg: Markup, title: str, source: str) -> str:
    """Any picture of the page, whose first tag states its height in pixels, as a file."""
    found = re.search(r'\bheight="(\d+)"', svg[: svg.index(">")])
    if found is None:
        raise ValueError("the picture states no height")
    lines = list(title_lines(title))
    top = _MARGIN + _LINE * len(lines)
    foot = top + int(found[1]) + 14
    written = Markup("").join(
        _text(_MARGIN + 12 + _LINE * i, line, Markup('font-size="14" font-weight="650"'))
        for i, line in enumerate(lines)
    )
    written += Markup(str(svg).replace("<svg ", f'<svg y="{top}" ', 1))  # noqa: S704 - markup already
    written += _text(foot, source, Markup('font-size="11" fill-opacity=".7"'))
    file = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}"><style>{style}</style>'
        '<rect width="100%" height="100%" fill="var(--ground)"/>{written}</svg>\n'
    ).format(w=WIDTH, h=foot + 12, style=_style(), written=written)
    return readable(file).translate(_NOT_IN_XML)


def title_lines(title: str) -> Iterator[str]:
    """A title broken into at most three lines; broken between words, or anywhere in a script without spaces."""
    words = re.findall(r"\s*(?:[^\s\u2e80-\uffef]+|[\u2e80-\uffef])", title)
    line, given = "", 0
    for word in words:
        if line and _wide(line + word) > _TITLE_WIDTH:
            if given == _TITLE_LINES - 1:
                yield f"{line}…"
                return
            yield line
            line, given = "", given + 1
        line += word if line else word.strip()
    yield line if _wide(line) <= _TITLE_WIDTH * 1.1 else f"{line[: _TITLE_WIDTH // 2]}…"


def _wide(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _text(y: int, words: str, marks: Markup) -> Markup:
    return Markup('<text x="{}" y="{}" fill="currentColor" {}>{}</text>').format(_MARGIN, y, marks, words)


@cache
def _style() -> Markup:
    """The rules of pictures in the page's style sheet, with the colours that they name, and the page's font."""
    sheet = str(stylesheet())
    root = sheet[sheet.index(":root {") : sheet.index("}")]
    rules = " ".join(re.findall(r"^\.chart\b[^{]*\{[^}]*\}", sheet, re.MULTILINE))
    used = {"--ground", "--ink", *re.findall(r"var\((--[\w-]+)", rules)}
    colours = " ".join(f"{name}: {value};" for name, value in re.findall(r"(--[\w-]+): ([^;]+);", root) if name in used)
    font = " ".join(" ".join(re.findall(r"font-family: [^;]+;", root)).split())
    return Markup(f":root {{ {colours} {font} color: var(--ink); }} {rules}")  # noqa: S704 - our own style sheet
