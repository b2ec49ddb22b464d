"""A population known in full: the probability of every kind of applicant, and what follows from it exactly.

A population is a table of probabilities with one axis a column. Every true figure of a world is a sum over that
table, so it carries no sampling error; rows and counts are drawn from the same table. Nothing here is estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Value = str | int | float | None
_ROUNDING = 1e-12  # probabilities below nought by less than this are rounding, and count as nought


@dataclass(frozen=True, slots=True)
class Column:
    """A column and the values it can take; None among them means that the value is missing."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Population:
    """``probability`` has one axis a column, in the order of ``columns``, and sums to one."""

    columns: tuple[Column, ...]
    probability: Floats

    def __post_init__(self) -> None:
        shape = tuple(len(column.values) for column in self.columns)
        if self.probability.shape != shape:
            raise ValueError(f"probability: found shape {self.probability.shape}, expected {shape}")
        if not np.isfinite(self.probability).all() or (self.probability < 0).any():
            raise ValueError("probability: found a negative or missing probability, expected numbers from 0 to 1")
        if abs(self.probability.sum() - 1) > 1e-9:
            raise ValueError(f"probability: found a sum of {self.probability.sum()}, expected 1")

    def axis(self, name: str) -> int:
        """Position of a column. Raises ``ValueError`` when there is none of that name."""
        names = [column.name for column in self.columns]
        if name not in names:
            raise ValueError(f"column: found '{name}', expected one of {', '.join(names)}")
        return names.index(name)

    def over(self, *names: str) -> Floats:
        """Probabilities by these columns, in this order, summed over all others."""
        kept = [self.axis(name) for name in names]
        summed = self.probability.sum(axis=tuple(set(range(self.probability.ndim)) - set(kept)))
        return np.asarray(np.transpose(summed, [sorted(kept).index(axis) for axis in kept]))

    def values(self, name: str) -> tuple[Value, ...]:
        """The values a column can take."""
        return self.columns[self.axis(name)].values

    def along(self, name: str) -> Floats:
        """The numbers of a column, of one length along its axis and of length one along all others."""
        axis = self.axis(name)
        numbers = np.array(self.values(name), dtype=np.float64)
        return numbers.reshape([-1 if i == axis else 1 for i in range(self.probability.ndim)])


def table(parts: Mapping[str, tuple[Value, ...]], *factors: tuple[tuple[str, ...], ArrayLike]) -> Population:
    """The product of probability tables: each factor names its axes, and all axes together are ``parts``.

    So P(group) · P(risk | group) · P(approved | risk, group) is given as three factors in any order.
    """
    names = tuple(parts)
    product = np.ones(tuple(len(values) for values in parts.values()))
    for axes, factor in factors:
        values = np.asarray(factor, dtype=np.float64)
        order = sorted(range(len(axes)), key=lambda i: names.index(axes[i]))
        shape = [len(parts[name]) if name in axes else 1 for name in names]
        product = product * np.transpose(values, order).reshape(shape)
    product = np.where((product < 0) & (product > -_ROUNDING), 0.0, product)
    return Population(tuple(Column(name, values) for name, values in parts.items()), product)


def either(chance: ArrayLike) -> Floats:
    """P(no), P(yes) on a new last axis, from the chance of yes. Raises ``ValueError`` outside 0 to 1."""
    yes = np.asarray(chance, dtype=np.float64)
    if (yes < -_ROUNDING).any() or (yes > 1 + _ROUNDING).any():
        raise ValueError(f"chance: found {np.min(yes):.4g} to {np.max(yes):.4g}, expected numbers from 0 to 1")
    yes = np.clip(yes, 0.0, 1.0)
    return np.stack([1 - yes, yes], axis=-1)


def tilted(shares: Floats, tilt: float) -> Floats:
    """Shares made heavier at the end (tilt > 0) or the start (tilt < 0): each times exp(tilt · position)."""
    weights = shares * np.exp(tilt * np.linspace(-1.0, 1.0, len(shares)))
    return np.asarray(weights / weights.sum())


def root(gap: Callable[[float], float], low: float, high: float) -> float:
    """Where an increasing or decreasing function crosses nought. Raises ``ValueError`` when it does not."""
    from scipy.optimize import brentq

    ends = gap(low), gap(high)
    if not all(map(isfinite, ends)) or ends[0] * ends[1] > 0:
        raise ValueError(f"no solution between {low:.6g} and {high:.6g}: found {ends[0]:.4g} and {ends[1]:.4g}")
    return cast(float, brentq(gap, low, high, xtol=1e-15, rtol=1e-14))


def conditional_gap(joint: Floats) -> dict[str, float]:
    """Gap in approval between reference and group among applicants alike in every stratum.

    ``joint`` has axes (group: reference first, stratum, no and yes). Three averages of the gaps in the strata:
    ``overlap`` weights a stratum by n₁n₀/n, as least squares with a level for every stratum and the
    Mantel–Haenszel risk difference do; ``group`` weights it as the group is spread, ``reference`` as the reference is.
    """
    size = joint.sum(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = joint[0, :, 1] / size[0] - joint[1, :, 1] / size[1]
        weights = {"overlap": size[0] * size[1] / size.sum(axis=0), "group": size[1], "reference": size[0]}
    shared = (size > 0).all(axis=0)
    return {
        name: float((gaps[shared] * weight[shared]).sum() / weight[shared].sum()) for name, weight in weights.items()
    }


def odds_ratio(joint: Floats) -> float:
    """What the Mantel–Haenszel estimator of the odds ratio of approval tends to; axes as in ``conditional_gap``."""
    size = joint.sum(axis=(0, 2))
    kept = size > 0
    approved_and_not = (joint[1, :, 1] * joint[0, :, 0])[kept] / size[kept]
    not_and_approved = (joint[1, :, 0] * joint[0, :, 1])[kept] / size[kept]
    return float(approved_and_not.sum() / not_and_approved.sum())
