"""The mean of one group less that of another at the same places of a scale, both known by bins.

The others' means are lines between bins, each bin at its own mean place, so that a step between two bins stays a step
and what is compared is linear in the counts. Beyond the outermost bins the line through the last of them (a tenth of
all, by least squares) goes on up to a given reach; who lies further is left out. Standardisation to the group asked
about (Kitagawa 1955, JASA 50:1168–1194).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_OUTERMOST, _TENTH = 3, 0.1
_SAME = 1e-9  # places that differ by less are one


def standardised(place: Floats, total: Floats, many: Floats, reach: float) -> Floats:
    """(b, 2): the group's mean less the others' at the same place, over parts; and the group's share left out.

    ``place``, ``total`` and ``many`` (b, F, S, 2) are where bins lie, the sum of what is compared and how many there
    are, of the others (0) and the group (1). Each of F parts of the group is compared with all of the others, at the
    places that hold for that part.
    """
    found = np.full((len(total), 2), np.nan)
    for b in range(len(total)):
        others = total[b, :, :, 0].sum(axis=0), many[b, :, :, 0].sum(axis=0)
        gap = kept = 0.0
        for f in range(total.shape[1]):
            own = many[b, f, :, 1]
            theirs = along(place[b, f, :, 0], *others, place[b, f, :, 1], reach)
            there = np.isfinite(theirs) & (own > 0)
            gap += float(total[b, f, there, 1].sum() - own[there] @ theirs[there])
            kept += float(own[there].sum())
        every = float(many[b, :, :, 1].sum())
        found[b] = (gap / kept if kept else np.nan), (1 - kept / every if every else np.nan)
    return found


def along(place: Floats, total: Floats, many: Floats, asked: Floats, reach: float) -> Floats:
    """Means along a scale at the places asked for: lines between bins, NaN further than ``reach`` beyond the last."""
    there = many > 0
    if not there.any():
        return np.full(len(asked), np.nan)
    order = np.argsort(place[there], kind="stable")
    x, n = place[there][order], many[there][order]
    y = total[there][order] / n
    value = np.interp(asked, x, y)
    for below in (True, False):
        outside = asked < x[0] - _SAME if below else asked > x[-1] + _SAME
        if outside.any():
            end = _outermost(n, below)
            middle, level = np.average(x[end], weights=n[end]), np.average(y[end], weights=n[end])
            square = float(n[end] @ (x[end] - middle) ** 2)
            slope = float(n[end] @ ((x[end] - middle) * (y[end] - level))) / square if square > 0 else 0.0
            value[outside] = level + slope * (asked[outside] - middle)
    value[(asked < x[0] - reach) | (asked > x[-1] + reach)] = np.nan
    return np.asarray(value)


def _outermost(many: Floats, below: bool) -> slice:
    """The bins at one end: three at least, and a tenth of all."""
    beyond = np.cumsum(many if below else many[::-1])
    bins = max(_OUTERMOST, int(np.searchsorted(beyond, _TENTH * beyond[-1])) + 1)
    return slice(None, bins) if below else slice(-bins, None)
