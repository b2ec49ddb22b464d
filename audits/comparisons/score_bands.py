"""Rates of favourable outcomes along a score, for a picture: bands of like numbers of rows, small ones left out.

The bands are cut at quantiles of all rows of both groups, so that they are the same for both; a band is told with
Wilson's interval (1927, JASA 22:209-212) where the group has at least ten rows in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from audits.record import Point

_BANDS, _LEAST = 10, 10
Outcomes = Mapping[float, tuple[int, int]]  # score: favourable outcomes, rows


def points_along(series: Mapping[str, Outcomes], level: float) -> tuple[Point, ...]:
    """The points of every group, from the lowest band to the highest."""
    bands = _bands(series)
    return tuple(
        point for group, outcomes in series.items() for band in bands
        if (point := _point(group, {x: outcomes[x] for x in band if x in outcomes}, level)) is not None
    )  # fmt: skip


def _bands(series: Mapping[str, Outcomes]) -> list[list[float]]:
    """Scores in their order, cut where another tenth of all rows is full."""
    rows: dict[float, int] = {}
    for outcomes in series.values():
        for x, (_, n) in outcomes.items():
            rows[x] = rows.get(x, 0) + n
    total, seen = sum(rows.values()), 0
    bands: list[list[float]] = []
    for x in sorted(rows):
        place = min(int(seen * _BANDS / total), _BANDS - 1) if total else 0
        while len(bands) <= place:
            bands.append([])
        bands[-1].append(x)
        seen += rows[x]
    return [band for band in bands if band]


def _point(group: str, outcomes: Outcomes, level: float) -> Point | None:
    from audits.statistics.proportions import score_interval_rate

    good, n = (sum(pair[i] for pair in outcomes.values()) for i in (0, 1))
    if n < _LEAST:
        return None
    found = score_interval_rate(good, n, level)
    middle = sum(x * pair[1] for x, pair in outcomes.items()) / n
    return Point(group, middle, good / n, float(found.low), float(found.high), n)
