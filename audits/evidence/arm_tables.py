"""From cells to the difference between two arms: strata side by side, small ones together or left out by name.

In an experiment strata with fewer than two rows in an arm are taken together as one: chance has dealt their rows alike.
Where nobody dealt them, strata in which everybody, or nobody, or all but one is in an arm say nothing of the other arm:
they are left out and named (positivity; Rosenbaum and Rubin 1983, Biometrika 70:41–55).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.evidence.arms import ArmCell, Arms, Stratum
from audits.statistics.arm_difference import LEAST, ArmDifference, arm_difference

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ArmTable:
    """One group, or everyone: ``n``, ``totals``, ``squares`` are (S, 2), arm 0 first; ``place`` of each stratum.

    ``left_out`` are strata without both arms, with their rows; ``together`` how many small strata are one.
    """

    label: str | None
    n: Floats
    totals: Floats
    squares: Floats
    place: dict[Stratum, int]
    left_out: tuple[tuple[Stratum, int], ...]
    together: int
    difference: ArmDifference

    @property
    def rows(self) -> tuple[int, int]:
        """Rows of arm 0 and arm 1, those left out too."""
        return int(self.n[:, 0].sum()), int(self.n[:, 1].sum())


def counted(cells: Sequence[ArmCell], label: str | None, attribute: str | None) -> list[ArmCell]:
    """The cells of a group with rows that count, in either arm; of everyone without an attribute."""
    return [
        cell for cell in cells if cell.known and cell.arm is not None and (attribute is None or cell.label == label)
    ]


def arm_table(arms: Arms, label: str | None, *, population: bool) -> ArmTable:
    """The strata of a group and the difference between its arms. ``population``: nobody dealt the rows."""
    every: dict[Stratum, Floats] = {}
    for cell in counted(arms.cells, label, arms.attribute):
        sums = every.setdefault(cell.stratum, np.zeros((3, 2)))
        sums[:, int(cell.arm is True)] += (cell.known, cell.total, cell.squares)
    order = list(every)
    small = [one for one in order if (every[one][0] < LEAST).any()]
    kept = [one for one in order if one not in set(small)]
    place = {one: i for i, one in enumerate(kept)}
    if not population and small:
        place |= dict.fromkeys(small, len(kept))
    else:
        place |= {one: len(kept) + i for i, one in enumerate(small)}
    table = np.zeros((3, max(place.values(), default=-1) + 1, 2))
    for one, at in place.items():
        table[:, at] += every[one]
    n, totals, squares = table
    found = arm_difference(n, totals, squares, population=population)
    without = tuple((one, int(every[one][0].sum())) for one in order if not found.used[place[one]])
    together = len(small) if not population and len(small) > 1 else 0
    return ArmTable(label, n, totals, squares, place, without, together, found)


def skewness_of(cells: Sequence[ArmCell]) -> float:
    """Of the amounts in some cells, from Σy, Σy², Σy³; 0 without spread."""
    n = sum(cell.known for cell in cells)
    if not n:
        return 0.0
    first, second, third = (sum(getattr(cell, name) for cell in cells) / n for name in ("total", "squares", "cubes"))
    spread = second - first**2
    if not spread > 1e-9 * second:
        return 0.0
    return float((third - 3 * first * second + 2 * first**3) / spread**1.5)
