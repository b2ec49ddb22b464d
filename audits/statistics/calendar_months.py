"""Months and years between dates, counted back from the later one.

A month ends on the same day of the month, or on its last day where it has no such day. A last day of a month stands for
the day that is `usual` among the loan's dates where that is later: payments due on the 30th fall on 28 February.
Dates are datetime64[D]; a missing date gives numbers without meaning, which callers blank.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Dates = NDArray[np.datetime64]
Days = NDArray[np.int64]


def day_of_month(dates: Dates) -> Days:
    """1 to 31."""
    return np.asarray((dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1)


def months_back(start: Dates, end: Dates, usual: Days) -> tuple[Days, Days]:
    """Full months back from `end` that do not pass `start`, and the days from `start` to where they begin."""
    first = start.astype("datetime64[M]").astype(np.int64)
    months = end.astype("datetime64[M]").astype(np.int64) - first
    own, longest = day_of_month(end), _length(end.astype("datetime64[M]").astype(np.int64))
    anchor = np.where(own == longest, np.maximum(own, usual), own)
    past = np.minimum(anchor, _length(first)) < day_of_month(start)
    begins = _date(first + past, anchor)
    return months - past, (begins - start).astype(np.int64)


def before(end: Dates, months: Days, usual: Days) -> Dates:
    """The date `months` before `end`."""
    index, own = end.astype("datetime64[M]").astype(np.int64), day_of_month(end)
    return _date(index - months, np.where(own == _length(index), np.maximum(own, usual), own))


def days_of_year_before(end: Dates) -> Days:
    """Days of the year that ends on `end`, 365 or 366."""
    year = np.full(end.shape, 12, dtype=np.int64)
    return np.asarray((end - before(end, year, day_of_month(end))).astype(np.int64))


def _date(month: Days, day: Days) -> Dates:
    start = month.astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(start + (np.minimum(day, _length(month)) - 1).astype("timedelta64[D]"))


def _length(month: Days) -> Days:
    start = month.astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(((month + 1).astype("datetime64[M]").astype("datetime64[D]") - start).astype(np.int64))
