"""What is kept of flips: sums over rows, never a row.

A flip asks the model twice about the same person: as recorded (own), and with one thing about him changed (flipped).
Every difference is own − flipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from checks.inputs.model_fault import ModelFault


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean of n values, Σ(v − mean)², and over clusters (entities) Σ_c (Σ_{i in c} (v_i − mean))².

    Without a declared entity each row is its own cluster: then ``clustered`` is ``squares`` and ``clusters`` n.
    """

    n: int
    mean: float
    squares: float
    clusters: int
    clustered: float


@dataclass(frozen=True, slots=True)
class FlipPart:
    """One flip in the rows of one label of an attribute; without an attribute, in all rows.

    ``population`` are the source's rows of that label, ``drawn`` those drawn of it, by chance; ``census`` says whether
    that is all of them. Of the drawn rows ``meant`` are those that the flip speaks of, ``changed`` those of them whose
    features really change and that the model takes both ways, ``unusable`` those that it does not take. A row that
    keeps its features keeps its output: figures are of changed rows, and None for fewer than 5 of them.

    ``margin`` is the change of the model's margin; ``recorded`` that on the scale of the role (money of a price, points
    of a score, a chance); ``relative`` own/flipped − 1 and ``log_ratio`` log(own/flipped) of a price or rate where both
    are above 0. ``harmed`` rows are worse off with their own value beyond the declared tolerance, ``better`` ones
    better off, the others neither; ``share_harmed`` is the spread of that flag (1 for harmed). ``dearer`` rows pay more
    than flipped by more than one step of the price's rounding, and ``excess`` is what they pay more (0 for the other
    changed rows), ``share_dearer`` the spread of that flag: prices only.

    Decisions, where the prediction has a threshold: ``against`` counts rows decided against the person as recorded,
    among all that are meant and usable, changed or not; of these ``lost`` are decided for him when flipped, and
    ``share_lost`` is the spread of that flag among them. ``gained`` rows are the other way round.

    ``edges`` (bins + 1) and ``bins`` are a histogram of the change of margin, with cells of under 5 rows told as 0;
    values beyond the ends are in the end bins. ``quantiles`` are the 5th, 25th, 50th, 75th and 95th percentile. Both
    are empty for fewer than 20 rows, and for the parts of one label.
    """

    attribute: str | None
    label: str | None
    population: int
    drawn: int
    census: bool
    meant: int
    changed: int
    unusable: int
    margin: Spread | None = None
    recorded: Spread | None = None
    relative: Spread | None = None
    log_ratio: Spread | None = None
    harmed: int = 0
    better: int = 0
    share_harmed: Spread | None = None
    dearer: int | None = None
    excess: Spread | None = None
    share_dearer: Spread | None = None
    against: int | None = None
    lost: int | None = None
    gained: int | None = None
    share_lost: Spread | None = None
    edges: tuple[float, ...] = ()
    bins: tuple[int, ...] = ()
    quantiles: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class FlipResult:
    """One flip. ``kind`` is tenure, group, device, channel, footprint, trait, age or declared.

    ``name`` is that of the figures' segment. ``attribute`` is what is changed: the contract's attribute of a group
    flip, with ``own`` and ``other`` its labels; else tenure, device, service channel, credit file, visits, spend
    history or price sensitivity; None for a declared flip. ``sets`` holds (feature, what it is set to, as text).
    ``unseen`` counts, by feature, changed rows whose new category the model never saw, ``outside`` those whose new
    value lies outside of all that was drawn. The first of ``parts`` is of all rows that the flip speaks of (of a group
    flip, a footprint and a channel with sides: of its own label), the further ones are by label. With a ``fault`` the
    model does not take the changed rows, and no part has a figure.
    """

    name: str
    kind: str
    attribute: str | None
    own: str | None
    other: str | None
    sets: tuple[tuple[str, str], ...]
    parts: tuple[FlipPart, ...]
    unseen: Mapping[str, int] = field(default_factory=dict)
    outside: Mapping[str, int] = field(default_factory=dict)
    fault: ModelFault | None = None

    @property
    def whole(self) -> FlipPart:
        """The part of all rows that the flip speaks of."""
        return self.parts[0]

    def of(self, attribute: str, label: str) -> FlipPart | None:
        """The part of one label, None where there is none."""
        return next((part for part in self.parts if (part.attribute, part.label) == (attribute, label)), None)


@dataclass(frozen=True, slots=True)
class BesideRecorded:
    """The model's price as a new customer beside the recorded one, in drawn ``renewals`` that have both.

    By the model's own prices ``modelled_above`` of them lie above it, by the recorded ones, net of incentives,
    ``recorded_above``, by each ``both_above``. ``mean_log`` is the mean of log(model's / recorded new-customer price),
    ``mean_distance`` that of its size; ``within_step`` counts those within one step of the price's rounding.
    """

    renewals: int
    modelled_above: int
    recorded_above: int
    both_above: int
    mean_log: float
    mean_distance: float
    within_step: int


@dataclass(frozen=True, slots=True)
class Flips:
    """All flips of one need. ``rows`` is the number of drawn rows, ``link`` the model's.

    ``left_out`` tells of attributes without flips why: not_a_feature, no_reference (no drawn row has the reference
    label), one_label, too_many_labels (the rarer ones have no flip) or no_value (nothing recorded could be set).
    """

    rows: int
    link: str
    census: bool
    results: tuple[FlipResult, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    recorded: BesideRecorded | None = None
    unit: float = 1.0
    """What counts as one of the margins (``model_scale``)."""

    def of_kind(self, *kinds: str) -> tuple[FlipResult, ...]:
        """The flips of some kinds, in their order."""
        return tuple(one for one in self.results if one.kind in kinds)
