"""What pictures of several figures show: immutable, already worded and rounded."""

from __future__ import annotations

from dataclasses import dataclass

from reports.figures import Unit


@dataclass(frozen=True, slots=True)
class LimitLine:
    """A limit in a picture. ``beyond_is_above`` tells which side breaks it."""

    value: float
    beyond_is_above: bool
    label: str


@dataclass(frozen=True, slots=True)
class DotRow:
    """A figure with its name and its text; ``estimate`` is None where there is none, a bound of None is at infinity.

    ``verdict`` is the name of the sign that stands beside the text, empty for none; ``limits`` are those that judge
    this figure, None for all of the picture's.
    """

    label: str
    text: str
    estimate: float | None
    low: float | None
    high: float | None
    verdict: str = ""
    limits: tuple[LimitLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class DotsPicture:
    """Figures in one unit below one another; ``note`` says what is left out."""

    title: str
    description: str
    unit: Unit
    axis: str
    rows: tuple[DotRow, ...]
    limits: tuple[LimitLine, ...]
    equality: float | None
    equality_label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class MapCell:
    """A subgroup: its figure, how many people, how far on the side of harm (0 to 1), and whether beyond a limit."""

    text: str
    note: str
    weight: float
    beyond: bool
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class MapPicture:
    """Subgroups of two attributes; a field is None where nothing is told of it."""

    title: str
    description: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[MapCell | None, ...], ...]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A rate with its interval at a place of the score."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CurveSeries:
    """The points of one group."""

    label: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class CurvePicture:
    """Rates along a score; ``expected`` are the ends, (score, rate), of the line that the score itself foretells.

    ``marks`` are places across with their names, round values where there are none.
    """

    title: str
    description: str
    horizontal: str
    vertical: str
    series: tuple[CurveSeries, ...]
    expected: tuple[tuple[float, float], tuple[float, float]] | None = None
    expected_label: str = ""
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DoseBand:
    """A band of the dose: its sign on the axis, its name, figure and interval in words, and how many are in it."""

    sign: str
    name: str
    text: str
    interval: str
    estimate: float | None
    low: float | None
    high: float | None
    size: int
    verdict: str = ""
    verdict_word: str = ""
    is_reference: bool = False
    limits: tuple[LimitLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class DosePicture:
    """Figures of bands beside one another, each against the first; ``headings`` are those of its table."""

    title: str
    description: str
    unit: Unit
    horizontal: str
    vertical: str
    sizes: str
    bands: tuple[DoseBand, ...]
    limits: tuple[LimitLine, ...]
    equality: float | None
    equality_label: str
    reference_label: str
    table: str
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FunnelStage:
    """What is left of a group and of its reference after a stage, as shares of those who entered, in words beside them.

    ``ratio`` is that of the stage in words, empty where there is none, with the sign of its ``verdict``; ``note`` marks
    the costliest stage.
    """

    name: str
    group: float | None
    reference: float | None
    group_text: str
    reference_text: str
    ratio: str = ""
    verdict: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class FunnelPicture:
    """Stages in order from above, with the names of the two who are compared, what bars count and ratios are of."""

    title: str
    description: str
    group: str
    reference: str
    counted: str
    ratios: str
    stages: tuple[FunnelStage, ...]


@dataclass(frozen=True, slots=True)
class WaterfallBar:
    """A part of a whole: its name, its text, where it begins and ends, and its bounds as the end may lie.

    ``verdict`` is the name of the sign beside the text, empty for none; ``is_total`` marks the whole.
    """

    label: str
    text: str
    begin: float
    end: float
    low: float | None = None
    high: float | None = None
    verdict: str = ""
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class WaterfallPicture:
    """Parts that add up to a whole, the largest first; ``begin`` names where they begin."""

    title: str
    description: str
    unit: Unit
    axis: str
    begin: str
    bars: tuple[WaterfallBar, ...]


@dataclass(frozen=True, slots=True)
class SwarmBin:
    """People whose part lies between ``low`` and ``high``: their share of those of the fullest bin, and what they have.

    ``rank`` is the mean rank of the feature's own value, from 0 for the lowest to 1; None where there is none.
    """

    low: float
    high: float
    share: float
    rank: float | None


@dataclass(frozen=True, slots=True)
class SwarmRow:
    """A feature: the bins of the group and those of its reference."""

    label: str
    group: tuple[SwarmBin, ...]
    reference: tuple[SwarmBin, ...]


@dataclass(frozen=True, slots=True)
class SwarmPicture:
    """How far each feature moves the output, person by person, of a group above and of its reference below a line.

    ``few`` and ``much`` name the shades of a low and a high value.
    """

    title: str
    description: str
    unit: Unit
    axis: str
    group: str
    reference: str
    few: str
    much: str
    rows: tuple[SwarmRow, ...]


Picture = (
    DotsPicture | MapPicture | CurvePicture | DosePicture | FunnelPicture | WaterfallPicture | SwarmPicture
)  # fmt: skip
