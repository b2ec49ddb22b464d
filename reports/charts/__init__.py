"""Pictures as inline SVG: each a pure function of its data, with a title and a description for those who listen."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.calibration import calibration_curve
from reports.charts.dose_response import dose_response
from reports.charts.dots import dots
from reports.charts.estimate import estimate_with_limit
from reports.charts.frame import ticks
from reports.charts.funnel import funnel
from reports.charts.rates import rates_by_group
from reports.charts.subgroup_map import subgroup_map
from reports.charts.swarm import swarm
from reports.charts.waterfall import waterfall
from reports.pictures import (
    CurvePicture,
    DosePicture,
    DotsPicture,
    FunnelPicture,
    MapPicture,
    Picture,
    SwarmPicture,
    WaterfallPicture,
)

__all__ = [
    "calibration_curve",
    "dose_response",
    "dots",
    "draw",
    "estimate_with_limit",
    "funnel",
    "rates_by_group",
    "subgroup_map",
    "swarm",
    "ticks",
    "waterfall",
]


def draw(picture: Picture, anchor: str) -> Markup:
    """A picture of any kind."""
    if isinstance(picture, DotsPicture):
        return dots(picture, anchor)
    if isinstance(picture, MapPicture):
        return subgroup_map(picture, anchor)
    if isinstance(picture, DosePicture):
        return dose_response(picture, anchor)
    if isinstance(picture, FunnelPicture):
        return funnel(picture, anchor)
    if isinstance(picture, WaterfallPicture):
        return waterfall(picture, anchor)
    if isinstance(picture, SwarmPicture):
        return swarm(picture, anchor)
    return calibration_curve(picture, anchor) if isinstance(picture, CurvePicture) else Markup("")
