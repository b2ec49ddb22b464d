"""``make pictures``: the screenshots that the documents show, taken anew from the shipped program."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from reports.publish import page_names, write_pages
from tests.browser.test_report_page import ARGUMENTS, chromium
from tests.programs import BOSTON, ROOT, run_program


@dataclass(frozen=True)
class Picture:
    """A screenshot: its file, the page's language, width and height in pixels, and how it is shown."""

    file: str
    lang: str = "en"
    size: tuple[int, int] = (1280, 900)
    scheme: str = "light"
    media: str = "screen"


PICTURES = (
    Picture("report.png"),
    Picture("report-zh-dark.png", "zh-CN", scheme="dark"),
    Picture("report-phone.png", "zh-CN", (390, 844)),
    Picture("report-print.png", size=(794, 1123), media="print"),  # A4 at 96 dots an inch
)


def main() -> None:
    """Write them to docs."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run_program(BOSTON, Path(folder))
        home = write_pages(Path(folder) / "boston-mortgages/all/v1").parent
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for one in PICTURES:
            page = browser.new_page(viewport={"width": one.size[0], "height": one.size[1]}, color_scheme=one.scheme)
            page.goto((home / page_names()[one.lang]).as_uri())
            page.emulate_media(media=one.media, color_scheme=one.scheme)
            page.screenshot(path=ROOT / "docs" / one.file)
        browser.close()


if __name__ == "__main__":
    main()
