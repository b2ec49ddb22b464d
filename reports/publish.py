"""A finished run → its page and its entry in MLflow."""

from __future__ import annotations

from pathlib import Path

from audits.run import REPORT_FILE, read_run
from checks.whole_file import write_whole


def write_page(folder: Path, file: Path | None = None) -> Path:
    """Render the page of a run's folder, by default to report.html inside it. Returns the file."""
    from reports.html.page import render

    run, judgement = read_run(folder)
    target = file or folder / REPORT_FILE
    write_whole(target, render(run, judgement).encode())
    return target


def publish(folder: Path, tracking_uri: str | None = None) -> Path:
    """Write the page and, where a store is named, track the run in MLflow. Returns the page's file."""
    page = write_page(folder)
    if tracking_uri:
        from reports.tracking import track

        track(folder, tracking_uri)
    return page
