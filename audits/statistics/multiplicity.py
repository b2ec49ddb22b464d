"""Many findings at once: which still stand when each had a chance of its own to arise by accident?

All given p-values, of whatever shape, are one family. A NaN is a test that was not made: it stays NaN, with a
code, and does not count in the family, which it would enlarge for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike

from audits.statistics.counts import Codes, Flags, Floats, demand, inside

_ROUNDING = 1e-9  # a p-value summed from many terms may exceed 1 by this much and is then taken as 1


class MultiplicityCaveat(IntEnum):
    """Why an adjusted p-value or a level is missing."""

    NONE = 0
    NO_P_VALUE = 1
    NOTHING_SELECTED = 2

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the number, or None when nothing needs saying."""
        return _REASONS.get(self)


_REASONS = {
    MultiplicityCaveat.NO_P_VALUE: "there is no p-value, so the finding is not one of the family",
    MultiplicityCaveat.NOTHING_SELECTED: "nothing was selected, so that no interval needs a level",
}


@dataclass(frozen=True, slots=True)
class AdjustedPValues:
    """p-values adjusted over a family of `family` tests, in the shape given; NaN where none was given."""

    adjusted: Floats
    family: int
    method: str
    caveat: Codes  # codes of MultiplicityCaveat


@dataclass(frozen=True, slots=True)
class Discoveries:
    """Findings selected at false discovery rate `q`, with the level that their intervals need.

    `rejected` and `adjusted` have the shape given; a NaN p-value is not rejected. `interval_level` is
    1 - R q/m for R selected of m, NaN with `level_caveat` when R is 0.
    """

    rejected: Flags
    adjusted: Floats
    interval_level: float
    selected: int
    family: int
    q: float
    method: str
    caveat: Codes  # codes of MultiplicityCaveat
    level_caveat: MultiplicityCaveat


def bonferroni(p_values: ArrayLike) -> AdjustedPValues:
    """m p, at most 1: no false finding with probability 1 - alpha, whatever the dependence (Dunn 1961, JASA 56)."""
    p, given, caveat = _family(p_values)
    family = int(given.sum())
    return AdjustedPValues(np.minimum(p * family, 1.0), family, "Bonferroni", caveat)


def holm(p_values: ArrayLike) -> AdjustedPValues:
    """Step-down max over j <= i of (m - j + 1) p_(j), at most 1 (Holm 1979, Scandinavian Journal of Statistics 6).

    The guarantee of `bonferroni`, and never a larger p-value.
    """
    p, given, caveat = _family(p_values)
    family = int(given.sum())
    return AdjustedPValues(_in_order(p, given, _step_down), family, "Holm", caveat)


def benjamini_hochberg(p_values: ArrayLike, q: float = 0.05) -> Discoveries:
    """Select findings at false discovery rate q (Benjamini & Hochberg 1995, JRSS B 57:289-300).

    Adjusted p: min over j >= i of m p_(j)/j; selected are those at most q. For independent or positively
    dependent tests (Benjamini & Yekutieli 2001, Annals of Statistics 29) the expected share of false ones among the
    selected is at most q. Intervals of the selected at the usual level would miss the truth too often, because they
    were looked at for being large; at level 1 - R q/m the expected share that misses is at most q (Benjamini &
    Yekutieli 2005, JASA 100:71-93).
    """
    p, given, caveat = _family(p_values)
    family = int(given.sum())
    adjusted = _in_order(p, given, _step_up)
    rejected = given & (adjusted <= inside(q, "q"))
    selected = int(rejected.sum())
    level = 1 - selected * q / family if selected else float("nan")
    missing = MultiplicityCaveat.NONE if selected else MultiplicityCaveat.NOTHING_SELECTED
    return Discoveries(rejected, adjusted, level, selected, family, q, "Benjamini-Hochberg", caveat, missing)


def _step_down(ordered: Floats) -> Floats:
    """Holm's adjusted values of p-values in increasing order."""
    return np.maximum.accumulate(ordered * np.arange(len(ordered), 0, -1))


def _step_up(ordered: Floats) -> Floats:
    """Benjamini and Hochberg's adjusted values of p-values in increasing order."""
    shares = ordered * (len(ordered) / np.arange(1, len(ordered) + 1))
    return np.minimum.accumulate(shares[::-1])[::-1]


def _in_order(p: Floats, given: Flags, adjust: Callable[[Floats], Floats]) -> Floats:
    """Values adjusted in increasing order and put back where they came from."""
    adjusted = np.full(p.shape, np.nan)
    family = p[given]
    order = np.argsort(family, kind="stable")
    restored = np.empty(family.shape)
    restored[order] = np.minimum(adjust(family[order]), 1.0)
    adjusted[given] = restored
    return adjusted


def _family(p_values: ArrayLike) -> tuple[Floats, Flags, Codes]:
    """p-values, which of them are there, and the codes of those that are not; or ValueError."""
    p = np.asarray(p_values, dtype=np.float64)
    given = ~np.isnan(p)
    demand("p_values", p, ~given | ((p >= 0) & (p <= 1 + _ROUNDING)), "numbers from 0 to 1, or NaN")
    codes = np.where(given, MultiplicityCaveat.NONE, MultiplicityCaveat.NO_P_VALUE).astype(np.uint8)
    return np.minimum(p, 1.0), given, codes
