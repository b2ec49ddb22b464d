"""Figures of a model's margins in the unit in which limits are held against them, turned to the harm of a group."""

from __future__ import annotations

from dataclasses import replace

from audits.record import Measurement


def in_units(figure: Measurement, unit: float, side: int = 1) -> Measurement:
    """The figure divided by ``unit``, and with ``side`` −1 turned round, bounds, error, points and all.

    Where that changes it, the figure on the model's own scale stands in the details as ``on_own_scale``.
    """
    by = side / unit
    if figure.estimate is None or by == 1.0:
        return figure

    def both(low: float | None, high: float | None) -> tuple[float | None, float | None]:
        ends = (None if low is None else low * by, None if high is None else high * by)
        return ends if by > 0 else (ends[1], ends[0])

    low, high = both(figure.low, figure.high)
    points = []
    for p in figure.points:
        ends = sorted((p.low * by, p.high * by))
        points.append(replace(p, x=p.x * by, low=ends[0], high=ends[1]))
    scale = abs(by)
    return replace(
        figure, estimate=figure.estimate * by, low=low, high=high,
        ladder=tuple((level, *both(under, over)) for level, under, over in figure.ladder),
        standard_error=None if figure.standard_error is None else figure.standard_error * scale,
        mde=None if figure.mde is None else figure.mde * scale,
        points=tuple(points), details={**figure.details, "on_own_scale": figure.estimate, "unit": unit},
    )  # fmt: skip
