"""The period of a run: which rows of the source belong to it.

A period is written ``all``, ``2026``, ``2026-Q3``, ``2026-10``, ``2026-10-05`` or
``2026-01-01..2026-03-31``; it names a folder, so the text is kept as given.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from checks.problem import InputError, Problem

FORMS = "all, 2026, 2026-Q3, 2026-10, 2026-10-05 or 2026-01-01..2026-03-31"


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open interval of days [start, end); both None for ``all``."""

    text: str = "all"
    start: dt.date | None = None
    end: dt.date | None = None


def read_period(text: str) -> Period:
    """Parse a period. Raises ``InputError`` on any other form."""
    try:
        return _parse(text.strip())
    except (ValueError, OverflowError):
        raise InputError(Problem("the period", f"'{text}'", FORMS, "write the period in one of these forms")) from None


def _parse(text: str) -> Period:
    if text == "all":
        return Period()
    if not re.fullmatch(r"[0-9Q.-]+", text):
        raise ValueError(text)
    if match := re.fullmatch(r"(\d{4})(?:-Q([1-4])|-(\d{2}))?", text):
        year, quarter, month = match.groups()
        first = int(month) if month else 3 * int(quarter) - 2 if quarter else 1
        length = 1 if month else 3 if quarter else 12
        start = dt.date(int(year), first, 1)
        return Period(text, start, _months_later(start, length))
    days = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?", text)
    if not days:
        raise ValueError(text)
    start = dt.date.fromisoformat(days[1])
    last = dt.date.fromisoformat(days[2] or days[1])
    if last < start:
        raise ValueError(text)
    return Period(text, start, min(last, dt.date.max - dt.timedelta(days=1)) + dt.timedelta(days=1))


def _months_later(day: dt.date, months: int) -> dt.date:
    index = day.year * 12 + day.month - 1 + months
    return dt.date(index // 12, index % 12 + 1, 1)


def period_between(start: dt.date, end: dt.date) -> Period:
    """The period from ``start`` up to but not including ``end``, in its shortest form."""
    last = end - dt.timedelta(days=1)
    for text in (f"{start:%Y}", f"{start:%Y}-Q{(start.month + 2) // 3}", f"{start:%Y-%m}", f"{start}"):
        candidate = _parse(text)
        if (candidate.start, candidate.end) == (start, end):
            return candidate
    return _parse(f"{start}..{last}")
