"""Rates of loans repaid in equal instalments, from the annuity factor in closed form.

An advance A is repaid in n instalments R one unit period apart, the first after s whole unit periods and the fraction f
of one; the last may be a final payment B instead. With x the rate of a unit period and δ = log(1 + x),
A = (R (1 − e^(−mδ)) / x + B e^(−nδ)) e^(−(s − 1)δ) / (1 + f x), m = n, or n − 1 beside B (Regulation Z, Appendix J,
(b)(8)). Newton's method on the logarithm of payments over advance, as for any cash flows, but without them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audits.statistics.cash_flows import Codes, Flags, Floats, Reason
from audits.statistics.rate_search import HIGHEST, LOWEST, search

_SMALL = 1e-4  # of δ times the number: below it the annuity's slope is taken from its series


@dataclass(frozen=True, slots=True)
class Terms:
    """By loan (n,), for an advance of 1: instalment, their number, periods that delay them, fraction, final payment."""

    instalment: Floats
    number: Floats
    delay: Floats
    fraction: Floats
    final: Floats | None

    def of(self, loans: Flags) -> Terms:
        """Some of the loans."""
        final = None if self.final is None else self.final[loans]
        return Terms(self.instalment[loans], self.number[loans], self.delay[loans], self.fraction[loans], final)

    @property
    def span(self) -> Floats:
        """Unit periods from the advance to the last payment, at least."""
        return self.number + self.delay + 2

    def gap_and_distance(self, force: Floats) -> tuple[Floats, Floats]:
        """log payments − log advance at δ, and minus its slope, the mean time of the discounted payments."""
        count = self.number
        rate = np.expm1(force)
        growth = 1 + rate
        shrunk = np.expm1(-count * force)
        factor, fall = -shrunk / rate, None
        fall = (factor * growth - count * (1 + shrunk)) / rate
        small = np.abs(force) * count < _SMALL
        if small.any():
            series = count * (count + 1) * (0.5 - (2 * count + 1) * force / 6)
            factor, fall = np.where(force == 0, count, factor), np.where(small, series, fall)
        value, slope = self.instalment * factor, self.instalment * fall
        if self.final is not None:
            last = self.final * np.exp(-(count + 1) * force)
            value, slope = value + last, slope + (count + 1) * last
        odd = self.fraction * growth / (1 + self.fraction * rate)
        gap = np.log(value) - self.delay * force - np.log1p(self.fraction * rate)
        return gap, slope / value + self.delay + odd


def instalment_forces(
    advance: Floats,
    instalment: Floats,
    number: Floats,
    whole: Floats,
    fraction: Floats,
    final: Floats,
    *,
    balloon: bool,
) -> tuple[Floats, Codes]:
    """δ (n,) of a unit period and the reason where there is none."""
    reason = _reasons(advance, instalment, number, whole, fraction, final)
    force = np.full(len(advance), np.nan)
    some = reason == Reason.SOLVED
    if some.any():
        kept = [one if some.all() else one[some] for one in (advance, instalment, number, whole, fraction, final)]
        terms = _terms(*kept, balloon=balloon)
        found = search(terms, _first_guess(terms))
        force[some] = found.force
        reason[some] = np.where(found.settled, Reason.SOLVED, Reason.BEYOND)
    return force, reason


def _reasons(
    advance: Floats, instalment: Floats, number: Floats, whole: Floats, fraction: Floats, final: Floats
) -> Codes:
    """What the terms alone tell."""
    reason = np.full(len(advance), Reason.SOLVED, dtype=np.int8)
    last = np.where(np.isnan(final), instalment, final)
    at_once = (whole == 0) & (fraction == 0)
    early = at_once & (number > 1)
    later = np.where(number - early > 1, instalment, 0.0) + last
    reason[later <= 0] = Reason.NOT_REPAID
    reason[at_once & (number == 1) & (last > 0)] = Reason.ONE_TIME
    reason[~(advance - np.where(early, instalment, 0.0) > 0)] = Reason.NO_ADVANCE
    wrong = (number < 1) | (number != np.floor(number)) | (whole < 0) | (whole != np.floor(whole))
    reason[wrong | (fraction < 0) | (fraction >= 1) | (instalment < 0) | (last < 0)] = Reason.IMPOSSIBLE
    missing = ~np.isfinite(advance + instalment + number + whole + fraction) | np.isinf(final)
    reason[missing] = Reason.NOT_A_NUMBER
    return reason


def _terms(
    advance: Floats,
    instalment: Floats,
    number: Floats,
    whole: Floats,
    fraction: Floats,
    final: Floats,
    *,
    balloon: bool,
) -> Terms:
    """Loans whose first instalment falls with the advance are told as the smaller loan that they are."""
    at_once = (whole == 0) & (fraction == 0)
    if at_once.any():
        advance = advance - np.where(at_once, instalment, 0.0)
        number, whole = number - at_once, whole + at_once
    if not balloon:
        return Terms(instalment / advance, number, whole - 1, fraction, None)
    last = np.where(np.isnan(final), instalment, final)
    return Terms(instalment / advance, number - 1, whole - 1, fraction, last / advance)


def _first_guess(terms: Terms) -> Floats:
    """Root of the parabola that touches log payments − log advance at δ = 0, or its lowest point."""
    count, first = terms.number, terms.delay + 1 + terms.fraction
    paid, mean = terms.instalment * count, first + (count - 1) / 2
    spread = (count * count - 1) / 12
    if terms.final is not None:
        total = paid + terms.final
        share, gone = paid / total, first + count - mean
        paid, mean = total, mean + (1 - share) * gone
        spread = share * np.maximum(spread, 0.0) + share * (1 - share) * gone**2
    gap = np.log(paid)
    root = np.sqrt(np.maximum(mean**2 - 2 * spread * gap, 0.0))
    return np.clip(2 * gap / (mean + root), LOWEST, HIGHEST)
