"""``make pictures``: the screenshots that the documents show, taken anew from the shipped program."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from reports.publish import write_pages
from tests.browser.test_report_page import ARGUMENTS, chromium
from tests.programs import BOSTON, ROOT, run_program

PICTURES = {"report.png": (1280, 900), "report-phone.png": (390, 844)}


def main() -> None:
    """Write docs/report.png and docs/report-phone.png."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run_program(BOSTON, Path(folder))
        page_file = write_pages(Path(folder) / "boston-mortgages/all/v1")
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for name, (width, height) in PICTURES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(page_file.as_uri())
            page.screenshot(path=ROOT / "docs" / name)
        browser.close()


if __name__ == "__main__":
    main()
