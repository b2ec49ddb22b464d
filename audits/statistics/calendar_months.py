"""Months and years between dates, counted back from the later one.

A month ends on the same day of the month, or on its last day where it has no such day. A last day of a month stands for
the day that is `usual` among the loan's dates where that is later: payments due on the 30th fall on 28 February.
Dates are datetime64[D]; a missing date gives numbers without meaning, which callers blank.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Dates = NDArray[np.datetime64]
Days = NDArray[np.int64]

_MONTHS = (np.datetime64("1800-01"), np.datetime64("2300-01"))  # of the table; other dates take the longer way


def day_of_month(dates: Dates) -> Days:
    """1 to 31."""
    return _split(dates)[1]


def months_back(start: Dates, end: Dates, usual: Days) -> tuple[Days, Days]:
    """Full months back from `end` that do not pass `start`, and the days from `start` to where they begin."""
    (first, day), (last, own) = _split(start), _split(end)
    anchor = np.where(own == _length(last), np.maximum(own, usual), own)
    past = np.minimum(anchor, _length(first)) < day
    begins = _days(first + past, anchor)
    return last - first - past, begins - start.view(np.int64)


def before(end: Dates, months: Days, usual: Days) -> Dates:
    """The date `months` before `end`."""
    month, own = _split(end)
    anchor = np.where(own == _length(month), np.maximum(own, usual), own)
    return _days(month - months, anchor).view("datetime64[D]")


def days_of_year_before(end: Dates) -> Days:
    """Days of the year that ends on `end`, 365 or 366."""
    month, own = _split(end)
    return end.view(np.int64) - _days(month - 12, own)


def _split(dates: Dates) -> tuple[Days, Days]:
    """Month since January 1970, and day of the month."""
    months, days, first, *_ = _table()
    place = dates.view(np.int64) - first[0]
    if _inside(place, len(months)):
        return months[place], days[place]
    exact = dates.astype("datetime64[M]")
    return exact.astype(np.int64), (dates - exact.astype("datetime64[D]")).astype(np.int64) + 1


def _days(month: Days, day: Days) -> Days:
    """Days since 1970 of a day of the month, at most its last."""
    return _start(month) + np.minimum(day, _length(month)) - 1


def _start(month: Days) -> Days:
    _, _, first, _, lowest = _table()
    place = month - lowest
    if _inside(place, len(first)):
        return first[place]
    return np.asarray(month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64))


def _length(month: Days) -> Days:
    _, _, _, lengths, lowest = _table()
    place = month - lowest
    return lengths[place] if _inside(place, len(lengths)) else _start(month + 1) - _start(month)


def _inside(place: Days, length: int) -> bool:
    return not place.size or bool(place.min() >= 0 and place.max() < length)


@cache
def _table() -> tuple[Days, Days, Days, Days, int]:
    """Month and day by day, first day and length by month, and the first month."""
    months = np.arange(*_MONTHS)
    first = np.append(months, _MONTHS[1]).astype("datetime64[D]").astype(np.int64)
    lengths = np.diff(first)
    index = months.astype(np.int64)
    day = np.arange(first[0], first[-1]) - np.repeat(first[:-1], lengths) + 1
    return np.repeat(index, lengths), day, first, lengths, int(index[0])
