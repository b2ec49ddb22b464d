"""Unit periods of Regulation Z (12 CFR 1026, Appendix J, (b)(2)–(5)), and years under the European directives.

Dates of n loans stand in compressed rows, as cash flows do: `offsets[k]:offsets[k + 1]` are those of loan k, as
datetime64[D] in any order. The term of a loan begins at its first date. A missing date, or one before year 1 or after
9999, counts NaN, and so does every date of its loan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.calendar_months import Dates, Days, before, day_of_month, days_of_year_before, months_back
from audits.statistics.cash_flows import Codes, Flags, Floats, Ints, blocks

__all__ = ["BASES", "KINDS", "Counted", "UnitPeriods", "counted_periods", "unit_period_of", "year_fractions"]

KINDS = ("day", "week", "semimonth", "month", "year", "term")
_DAY, _WEEK, _SEMIMONTH, _MONTH, _YEAR, _TERM = range(6)
BASES = ("days", "weeks", "months", "years")
_DAYS = np.array([1, 7, 15, 30, 365, 1])  # days in one of each kind, where days are divided
_PER_YEAR = np.array([365.0, 52.0, 24.0, 12.0, 1.0, 365.0])
_LENGTH = np.array([1, 7, 365 / 24, 365 / 12, 365, 1])  # to compare periods of different kinds
_RANK = np.array([2, 1, 0, 0, 0, 3])  # between periods of one length
_YEAR_MONTHS = 12
_FIRST, _LAST = np.datetime64("0001-01-01"), np.datetime64("9999-12-31")
_CALENDAR = 1 << 22  # days, more than lie between them
_BITS = 26  # of a period in a key


@dataclass(frozen=True, slots=True)
class UnitPeriods:
    """By loan (n,): `kind`, an index into `KINDS`, `size` of them in a unit period, and unit periods `per_year`.

    A single advance with a single payment within a year has its term as unit period: "term", `size` in days.
    """

    kind: Codes
    size: Days
    per_year: Floats


@dataclass(frozen=True, slots=True)
class Counted:
    """By flow (m,): `whole` unit periods since the loan's first date and the `fraction` of one left, in [0, 1)."""

    whole: Floats
    fraction: Floats


@dataclass(frozen=True, slots=True)
class _Intervals:
    """Between neighbouring advances, and neighbouring payments, the loan's first date counting as a payment."""

    loan: Ints
    days: Days
    months: Days  # 0 where not whole
    halves: Flags  # one of two neighbours that make a month together


def unit_period_of(offsets: ArrayLike, dates: ArrayLike, amounts: ArrayLike) -> UnitPeriods:
    """The unit period of each loan, from its dates (m,) and the signs of its amounts (m,), + to the borrower.

    The most frequent of the periods of at most a year that occur more than once between advances, between payments and
    from the first date to the first payment, the smaller of equally frequent ones ((b)(4)(i)(A)). Where none occurs
    twice, the average of all, rounded to a day, a number of weeks, half a month, a number of months or a year, the
    lower of two as near ((b)(4)(i)(B)). With one advance and one payment the term, at most a year ((b)(4)(iii)).
    A period of days that are not weeks is one of that many days, 365 over them a year. ValueError on arrays that do
    not fit each other.
    """
    rows, days = _checked(offsets, dates)
    values = np.asarray(amounts, dtype=np.float64)
    if values.shape != days.shape:
        raise ValueError(f"dates and amounts must be as long as each other: {days.shape} and {values.shape}")
    parts = []
    for first, last in blocks(rows):
        flows = slice(rows[first], rows[last])
        parts.append(_units(rows[first : last + 1] - rows[first], days[flows], values[flows]))
    if not parts:
        parts.append(_units(rows, days, values))
    return UnitPeriods(*[np.concatenate([getattr(part, one) for part in parts]) for one in UnitPeriods.__slots__])


def counted_periods(offsets: ArrayLike, dates: ArrayLike, units: UnitPeriods) -> Counted:
    """Whole unit periods and the fraction left from each loan's first date to each of its dates ((b)(5)(i)–(vii)).

    Months are counted back from the later date and the days left over 30; half months and several months in days of
    30 to a month; years in months back, the rest in months over 12 where it is whole months and else in days over 365;
    days, weeks and terms in days.
    """
    rows, days = _checked(offsets, dates)
    origin, usual = _by_flow(rows, days)
    kind, size = np.repeat(units.kind, np.diff(rows)), np.repeat(units.size, np.diff(rows))
    total = (days - origin).astype(np.int64)
    by_month = (kind == _SEMIMONTH) | (kind == _MONTH)
    if by_month.any():
        months, left = months_back(origin[by_month], days[by_month], usual[by_month])
        total[by_month] = 30 * months + left
    unit = size * _DAYS[kind]
    whole, rest = np.divmod(total, unit)
    periods, fraction = whole.astype(np.float64), rest / unit
    year = kind == _YEAR
    if year.any():
        periods[year], fraction[year] = _years(origin[year], days[year], usual[year])
    lost = np.isnat(days) | np.isnat(origin)
    if lost.any():
        periods[lost] = fraction[lost] = np.nan
    return Counted(periods, fraction)


def year_fractions(offsets: ArrayLike, dates: ArrayLike, *, basis: str = "days") -> Floats:
    """Years from each loan's first date to each of its dates (m,).

    Directive 2008/48/EC, Annex I, part I, remark (c), and (EU) 2023/2225, Annex III: whole "weeks" of 1/52, equal
    "months" of 1/12 (30.41666 days) or "years", counted back from the later date, and the days left over 365, or 366
    where the year that ends on the last of them holds 29 February. "days" are all days over 365.
    """
    if basis not in BASES:
        raise ValueError(f"basis must be one of {', '.join(BASES)}, not {basis!r}")
    rows, days = _checked(offsets, dates)
    origin, usual = _by_flow(rows, days)
    gap = (days - origin).astype(np.int64)
    lost = np.isnat(days) | np.isnat(origin)
    if basis == "days":
        return np.where(lost, np.nan, gap / 365)
    if basis == "weeks":
        periods, left = np.divmod(gap, 7)
        whole = periods / 52
    else:
        months, left = months_back(origin, days, usual)
        whole = months / _YEAR_MONTHS
    if basis == "years":
        whole = np.floor(whole)
        left = (before(days, (_YEAR_MONTHS * whole).astype(np.int64), usual) - origin).astype(np.int64)
    length = days_of_year_before(origin + left.astype("timedelta64[D]"))
    return np.where(lost, np.nan, whole + left / length)


def _checked(offsets: ArrayLike, dates: ArrayLike) -> tuple[Ints, Dates]:
    rows, days = np.asarray(offsets), np.asarray(dates, dtype="datetime64[D]")
    if rows.ndim != 1 or not len(rows) or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError("offsets must be whole numbers in one dimension, from 0 to the number of dates")
    if days.ndim != 1 or rows[0] != 0 or rows[-1] != len(days) or (np.diff(rows) < 0).any():
        raise ValueError(f"offsets must rise from 0 to the number of dates ({days.size})")
    return rows.astype(np.intp), np.where((days >= _FIRST) & (days <= _LAST), days, np.datetime64("NaT"))


def _units(rows: Ints, days: Dates, amounts: Floats) -> UnitPeriods:
    """The unit periods of one block of loans."""
    intervals = _intervals(rows, days, amounts)
    kind, size = _average(intervals, len(rows) - 1)
    loans, kinds, sizes = _common(intervals)
    kind[loans], size[loans] = kinds, sizes
    per_year = _PER_YEAR[kind] / size
    _single(kind, size, per_year, rows, days, amounts)
    return UnitPeriods(kind, size, per_year)


def _years(origin: Dates, days: Dates, usual: Days) -> tuple[Floats, Floats]:
    """Full years back and the rest, in months over 12 where it is whole months and else in days over 365."""
    months, left = months_back(origin, days, usual)
    years, over = np.divmod(months, _YEAR_MONTHS)
    since = (before(days, _YEAR_MONTHS * years, usual) - origin).astype(np.int64)
    part = np.where(left == 0, over / _YEAR_MONTHS, since / 365)
    return years + (part >= 1.0), np.where(part < 1, part, 0.0)


def _firsts(rows: Ints, days: Dates) -> Dates:
    """First date of each loan; missing for a loan without dates."""
    first = np.full(len(rows) - 1, np.datetime64("NaT"), dtype="datetime64[D]")
    some = rows[1:] > rows[:-1]
    if some.any():
        first[some] = np.minimum.reduceat(days, rows[:-1][some])
    return first


def _by_flow(rows: Ints, days: Dates) -> tuple[Dates, Days]:
    """By flow, the loan's first date and the latest day of the month among its later dates."""
    counts = np.diff(rows)
    origin = np.repeat(_firsts(rows, days), counts)
    later = np.where(days > origin, day_of_month(days), 0)
    usual = np.zeros(len(counts), dtype=np.int64)
    if counts.any():
        usual[counts > 0] = np.maximum.reduceat(later, rows[:-1][counts > 0])
    return origin, np.repeat(usual, counts)


def _intervals(rows: Ints, days: Dates, amounts: Floats) -> _Intervals:
    counts = np.diff(rows)
    usual = np.zeros(len(counts), dtype=np.int64)
    usual[counts > 0] = _by_flow(rows, days)[1][rows[:-1][counts > 0]]
    row = np.concatenate(
        [np.repeat(2 * np.arange(len(counts)), counts) + ~(amounts > 0), 2 * np.arange(len(counts)) + 1]
    )
    when = np.concatenate([days, _firsts(rows, days)])
    known = ~np.isnat(when)
    places = (when[known] - _FIRST).astype(np.int64) + row[known] * _CALENDAR
    places.sort(kind="stable")  # two runs that are mostly in order: by loan, by side, by date
    places = places[np.diff(places, prepend=-1) > 0]
    row, when = places // _CALENDAR, _FIRST + places % _CALENDAR
    pair = row[1:] == row[:-1]
    loan, gap = row // 2, np.diff(places)
    months, left = months_back(when[:-1], when[1:], usual[loan[1:]])
    halves = _halves(row, when, gap, usual)
    return _Intervals(loan[1:][pair], gap[pair], np.where(left == 0, months, 0)[pair], halves[pair])


def _halves(row: Ints, when: Dates, gap: Days, usual: Days) -> Flags:
    """Intervals of about half a month of which two neighbours make a whole one."""
    halves = np.zeros(max(len(row) - 1, 0), dtype=np.bool_)
    short = (gap >= 13) & (gap <= 18)
    first = np.flatnonzero(short[:-1] & short[1:] & (row[2:] == row[:-2])) if len(row) > 2 else np.zeros(0, np.intp)
    months, left = months_back(when[first], when[first + 2], usual[row[first] // 2])
    first = first[(months == 1) & (left == 0)]
    halves[first] = halves[first + 1] = True
    return halves


def _common(intervals: _Intervals) -> tuple[Ints, Codes, Days]:
    """Loans that have a period more than once: the most frequent one, the smaller of equally frequent ones."""
    days, months = intervals.days, intervals.months
    weeks = (days % 7 == 0) & (days <= 364)
    kinds = (
        (weeks, _WEEK, days // 7),
        (~weeks & (days <= 365), _DAY, days),
        ((months > 0) & (months < _YEAR_MONTHS), _MONTH, months),
        (months == _YEAR_MONTHS, _YEAR, np.ones_like(days)),
        (intervals.halves, _SEMIMONTH, np.ones_like(days)),
    )
    key = np.concatenate([_key(intervals.loan[mark], code, many[mark]) for mark, code, many in kinds])
    key.sort()
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    often = np.diff(starts, append=len(key))
    key, often = key[starts][often > 1], often[often > 1]
    loan = key >> _BITS
    loans, first = np.unique(loan, return_index=True)
    if not len(loans):
        return loans, np.zeros(0, dtype=np.int8), loans
    most = np.repeat(np.maximum.reduceat(often, first), np.diff(first, append=len(loan)))
    best = np.flatnonzero(often == most)
    best = best[np.unique(loan[best], return_index=True)[1]]
    return loans, ((key[best] >> 9) & 7).astype(np.int8), key[best] & 511


def _key(loan: Ints, kind: int, size: Days) -> Days:
    """Loan, length in tenths of a day, rank, kind and size in one number, which sorts in that order."""
    length = np.rint(10 * size * _LENGTH[kind]).astype(np.int64)
    return np.asarray((loan << _BITS) | (length << 14) | (int(_RANK[kind]) << 12) | (kind << 9) | size)


def _average(intervals: _Intervals, loans: int) -> tuple[Codes, Days]:
    """The standard interval nearest to the average of all of a loan's; a day where it has none."""
    kind = np.repeat([_DAY, _WEEK, _SEMIMONTH, _MONTH, _YEAR], [1, 52, 1, 11, 1]).astype(np.int8)
    size = np.concatenate([[1], np.arange(1, 53), [1], np.arange(1, 12), [1]]).astype(np.int64)
    order = np.argsort(size * _LENGTH[kind], kind="stable")
    length = (size * _LENGTH[kind])[order]
    number = np.bincount(intervals.loan, minlength=loans)
    mean = np.bincount(intervals.loan, intervals.days, minlength=loans) / np.maximum(number, 1)
    above = np.clip(np.searchsorted(length, mean), 1, len(length) - 1)
    lower = mean - length[above - 1] <= length[above] - mean
    nearest = order[np.where(lower, above - 1, above)]
    return kind[nearest], size[nearest]


def _single(kind: Codes, size: Days, per_year: Floats, rows: Ints, days: Dates, amounts: Floats) -> None:
    """Write the term of loans with one advance and one payment over what their intervals told."""
    starts = rows[:-1][np.diff(rows) == 2]
    starts = starts[(amounts[starts] > 0) != (amounts[starts + 1] > 0)]
    loans = np.searchsorted(rows, starts, side="right") - 1
    one, other = np.minimum(days[starts], days[starts + 1]), np.maximum(days[starts], days[starts + 1])
    known = ~np.isnat(one) & (other > one)
    loans, one, other = loans[known], one[known], other[known]
    months, left = months_back(one, other, np.zeros(len(one), dtype=np.int64))
    term, within = (other - one).astype(np.int64), months < _YEAR_MONTHS
    kind[loans] = np.where(within, _TERM, _YEAR)
    size[loans] = np.where(within, term, 1)
    whole = np.where(left == 0, _YEAR_MONTHS / np.maximum(months, 1), 365 / term)
    per_year[loans] = np.where(within, whole, 1.0)
