"""Sums over the rows that a flip changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.flip_persons import Mask
from audits.evidence.flip_results import FlipPart, Spread

FEWEST = 5  # rows of persons behind any figure, and behind any cell of a histogram
FEWEST_SHAPED = 20  # rows behind a histogram and quantiles
BINS = 25
_ROUNDING = 1e-11  # of the largest change, within which changes are alike
QUANTILES = (5, 25, 50, 75, 95)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """How figures of the role are read.

    ``of`` is the role, ``harmful`` +1 where a higher figure is worse for the person, −1 where a lower one is;
    ``tolerance`` a share of a price or rate, else a difference; ``step`` that of a price's rounding; ``threshold`` on
    the scale of the role, or None.
    """

    of: str
    harmful: int
    tolerance: float
    step: float
    threshold: float | None

    @property
    def ratio(self) -> bool:
        """Whether figures are compared by their ratio."""
        return self.of in ("price", "rate")

    def against(self, figures: Floats) -> Mask:
        """(n,) whether a figure is decided against the person; one at the threshold is decided for him."""
        if self.threshold is None:
            return np.zeros(len(figures), dtype=bool)
        return np.asarray(self.harmful * (figures - self.threshold) > 0)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Of n drawn rows: ``meant``, ``changed`` and ``unusable`` ones, margins and figures both ways (NaN elsewhere)."""

    meant: Mask
    changed: Mask
    unusable: Mask
    own_margins: Floats
    margins: Floats
    own_figures: Floats
    figures: Floats
    clusters: NDArray[Any] | None = field(default=None)


def spread(values: Floats, clusters: NDArray[Any] | None) -> Spread | None:
    """Mean and centred sums of values (n,) by cluster (n,); None for fewer than ``FEWEST``."""
    n = len(values)
    if n < FEWEST:
        return None
    mean = float(values.mean())
    rest = values - mean
    rest[np.abs(rest) <= _ROUNDING * float(np.abs(values).max())] = 0.0
    squares = float(rest @ rest)
    if clusters is None:
        return Spread(n, mean, squares, n, squares)
    _, places = np.unique(clusters, return_inverse=True)
    sums = np.bincount(places, weights=rest)
    return Spread(n, mean, squares, len(sums), float(sums @ sums))


def part_of(
    asked: Asked, rows: Mask, scale: Scale, about: tuple[str | None, str | None, int], *, shaped: bool
) -> FlipPart:
    """The part of ``rows`` (n,); ``about`` is (attribute, label, population). ``shaped``: with histogram, quantiles."""
    attribute, label, population = about
    meant, changed = asked.meant & rows, asked.changed & rows
    clusters = None if asked.clusters is None else asked.clusters[changed]
    own, other = asked.own_figures[changed], asked.figures[changed]
    margin, difference = asked.own_margins[changed] - asked.margins[changed], own - other
    drawn = int(rows.sum())
    allowed = scale.tolerance * (np.abs(other) if scale.ratio else 1.0)
    harmed, better = scale.harmful * difference > allowed, -scale.harmful * difference > allowed
    edges, bins = _histogram(margin) if shaped else ((), ())
    return FlipPart(
        attribute, label, population, drawn, drawn >= population, int(meant.sum()), int(changed.sum()),
        int((asked.unusable & rows).sum()), margin=spread(margin, clusters), recorded=spread(difference, clusters),
        harmed=int(harmed.sum()), better=int(better.sum()), share_harmed=spread(harmed.astype(np.float64), clusters),
        edges=edges, bins=bins, quantiles=_quantiles(margin) if shaped else (), **_ratios(own, other, clusters, scale),
        **_money(difference, clusters, scale), **_decisions(asked, meant, changed, scale),
    )  # fmt: skip


def _ratios(own: Floats, other: Floats, clusters: NDArray[Any] | None, scale: Scale) -> dict[str, Any]:
    if not scale.ratio:
        return {}
    both = (own > 0) & (other > 0)
    kept = None if clusters is None else clusters[both]
    ratio = own[both] / other[both]
    return {"relative": spread(ratio - 1, kept), "log_ratio": spread(np.log(ratio), kept)}


def _money(difference: Floats, clusters: NDArray[Any] | None, scale: Scale) -> dict[str, Any]:
    if scale.of != "price":
        return {}
    dearer = difference > scale.step * (1 + 1e-9)
    return {
        "dearer": int(dearer.sum()), "excess": spread(np.where(dearer, difference, 0.0), clusters),
        "share_dearer": spread(dearer.astype(np.float64), clusters),
    }  # fmt: skip


def _decisions(asked: Asked, meant: Mask, changed: Mask, scale: Scale) -> dict[str, Any]:
    if scale.threshold is None:
        return {}
    usable = meant & ~asked.unusable
    against = usable & scale.against(asked.own_figures)
    flipped = changed & scale.against(asked.figures)
    lost = against & changed & ~flipped
    clusters = None if asked.clusters is None else asked.clusters[against]
    return {
        "against": int(against.sum()), "lost": int(lost.sum()), "gained": int((flipped & ~against).sum()),
        "share_lost": spread(lost[against].astype(np.float64), clusters),
    }  # fmt: skip


def _histogram(values: Floats) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Between the 0.5th and 99.5th percentile; one cell where these are alike."""
    if len(values) < FEWEST_SHAPED:
        return (), ()
    low, high = (float(one) for one in np.percentile(values, (0.5, 99.5)))
    if high - low <= _ROUNDING * max(abs(low), abs(high)):
        return (low, high), (len(values),)
    counts, edges = np.histogram(np.clip(values, low, high), BINS, (low, high))
    return tuple(edges.tolist()), tuple(int(n) if n >= FEWEST else 0 for n in counts)


def _quantiles(values: Floats) -> tuple[float, ...]:
    return tuple(np.percentile(values, QUANTILES).tolist()) if len(values) >= FEWEST_SHAPED else ()
