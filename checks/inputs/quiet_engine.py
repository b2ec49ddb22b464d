"""DuckDB without a progress bar, which would stand among the results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def quieted(execute: Callable[[str], Any]) -> None:
    """Turn the bar off, by whatever executes a statement. A notebook that could not draw one refuses, and has none."""
    import contextlib

    import duckdb

    with contextlib.suppress(duckdb.InvalidInputException):
        execute("SET enable_progress_bar = false")
