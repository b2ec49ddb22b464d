"""A way of several stages: what is left after each, a bar of the group above that of its reference."""

from __future__ import annotations

from markupsafe import Markup

from reports.charts.frame import LEFT, RIGHT, framed, line, place, symbol, text
from reports.charts.lettering import ACROSS, clip, room
from reports.pictures import FunnelPicture, FunnelStage

_KEY, _LINE, _BAR, _STEP, _AFTER = 18, 17, 10, 16, 6  # pixels
_FULL = 80.0  # percent across that a whole takes, so that its figure has room beside it
_MARGINS, _SIGN = 5, 3  # units: between two texts on a line, and for the sign of a verdict
_GROUP, _REFERENCE = ".62", ".2"  # how dark their bars are


def funnel(picture: FunnelPicture, anchor: str) -> Markup:
    """Stages below one another; beside the name of each the ratio of the stage."""
    parts = [_key(14, picture.group, _GROUP), _key(14 + _KEY, picture.reference, _REFERENCE)]
    top = 14 + 2 * _KEY + 4
    across = ACROSS - _MARGINS - room(picture.ratios)
    parts.append(text(LEFT, top, clip(picture.counted, across), "start", small=True))
    parts.append(text(RIGHT, top, picture.ratios, "end", small=True))
    y = top = top + 10
    drawn = []
    for stage in picture.stages:
        shown, y = _stage(stage, y)
        drawn.append(shown)
    parts += [_tick(share, top, y) for share in (0.0, 0.5, 1.0)]
    return framed(anchor, picture.title, picture.description, y + 22, [*parts, *drawn])


def _tick(share: float, top: int, bottom: int) -> Markup:
    """A line downwards at a share of those who entered, with its name below."""
    x = place(LEFT + _FULL * share)
    kind, faint = ("grid", 0.14) if share else ("axis", 0.6)
    name = text(x, bottom + 15, f"{share:.0%}", "middle" if share else "start", small=True)
    return line(x, top, x, bottom, 1, kind, faint) + name


def _key(y: int, name: str, dark: str) -> Markup:
    """Which bars are whose."""
    return _bar(LEFT, y - 10, 4.0, dark) + text(LEFT + 5.5, y, clip(name, ACROSS - 4), "start")


def _bar(x: float, y: int, width: float, dark: str) -> Markup:
    return Markup('<rect class="bar" x="{}%" y="{}" width="{}%" height="{}" fill-opacity="{}"/>').format(
        x, y, place(width), _BAR, dark
    )


def _stage(stage: FunnelStage, top: int) -> tuple[Markup, int]:
    """Name, ratio and bars of a stage, and where they end; the ratio below the name where they do not fit."""
    left = LEFT + 1
    y = top + _LINE
    words = text(left, y, clip(stage.name, ACROSS - 1), "start", bold=bool(stage.note))
    aside = -20 if stage.verdict else 0
    if stage.ratio:
        if room(stage.name) + room(stage.ratio) + (_SIGN if stage.verdict else 0) + _MARGINS > ACROSS:
            y += _LINE
        words += text(RIGHT, y, clip(stage.ratio, ACROSS - 1 - _SIGN), "end", aside=aside)
    if stage.verdict:
        words += symbol(RIGHT, y - 11, -14, stage.verdict)
    if stage.note:
        y += _LINE - 1
        words += text(left, y, clip(stage.note, ACROSS - 1), "start", small=True)
    shape = Markup('<g class="row-label">{}</g>').format(words)
    y += 6
    for share, told, dark in (
        (stage.group, stage.group_text, _GROUP),
        (stage.reference, stage.reference_text, _REFERENCE),
    ):
        shape += _share(share, told, dark, y)
        y += _STEP
    return shape, y + _AFTER


def _share(share: float | None, told: str, dark: str, y: int) -> Markup:
    """A bar with its figure at the end of it."""
    width = 0.0 if share is None else _FULL * min(max(share, 0.0), 1.0)
    drawn = _bar(LEFT, y, width, dark) if width else Markup("")
    return drawn + text(place(LEFT + width + 1), y + 9, told, "start", small=True)
