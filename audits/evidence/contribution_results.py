"""What is kept of contributions: means, covariances and hills of each label, and nothing of single rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FEWEST = 30  # usable rows drawn of a label, below which nothing is told of it but their number
HIDDEN = 5  # a bin of a hill with fewer rows is told as empty


@dataclass(frozen=True, slots=True)
class SideSums:
    """Of p features: ``mean`` (p,), and the upper triangles of both covariances (p, p), row by row.

    ``sampling`` is from drawing ``drawn`` of ``size`` rows, ``population`` from the book as a draw; ``entities`` are
    those of the rows drawn. All three are empty where too few rows were drawn. Of ``outputs`` rows, those drawn and
    more, the output tells the total.
    """

    drawn: int
    size: int
    entities: int
    mean: tuple[float, ...] = ()
    sampling: tuple[float, ...] = ()
    population: tuple[float, ...] = ()
    outputs: int = 0


@dataclass(frozen=True, slots=True)
class Hill:
    """Rows of a label by bin of a feature's contribution; ``ranks`` hold the mean rank of its value, None without.

    The rank goes from 0 (the lowest value drawn) to 1 and is known of numbers alone.
    """

    rows: tuple[int, ...]
    ranks: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class LabelSums:
    """A label of an attribute: its ``side``, and a hill for each feature, none where too few rows were drawn.

    The model could not take ``lost`` further rows among those drawn.
    """

    label: str
    side: SideSums
    lost: int = 0
    hills: tuple[Hill, ...] = ()


@dataclass(frozen=True, slots=True)
class WithinSums:
    """A group and its reference at the group's shares of the strata that hold both; ``covered`` of its rows are there.

    ``strata`` are those compared, ``of`` all in which the group has rows.
    """

    label: str
    strata: int
    of: int
    covered: int
    group: SideSums | None = None
    reference: SideSums | None = None


@dataclass(frozen=True, slots=True)
class AttributeSums:
    """The labels of an attribute, and its groups within strata."""

    reference: str | None
    labels: tuple[LabelSums, ...]
    within: tuple[WithinSums, ...] = ()

    def of(self, label: str | None) -> LabelSums | None:
        """The sums of a label."""
        return next((one for one in self.labels if one.label == label), None)


@dataclass(frozen=True, slots=True)
class Contributions:
    """Contributions of ``features`` to a model's margin, added up by label.

    ``others`` features are one, the last: ``OTHERS``. ``rows`` were computed of ``total`` with a name; ``without_unit``
    have none, ``unusable`` of the ``asked`` the model could not take, ``unseen`` counts by feature rows with a category
    that it never saw. ``kind`` is interventional, against ``background`` rows, or path_dependent; ``base`` the output
    that all contributions start from; ``remainder`` the largest rounding that was spread over the features of a row.
    ``edges`` (low, high) are those of each feature's hills. ``unit`` is what counts as one (``model_scale``).
    ``at_most`` rows of each label were explained of so large a model; None where as many as were asked.
    """

    rows: int
    asked: int
    total: int
    without_unit: int
    unusable: int
    unseen: Mapping[str, int]
    link: str
    explainer: str
    kind: str
    background: int
    remainder: float
    base: float
    features: tuple[str, ...]
    others: int
    edges: tuple[tuple[float, float], ...]
    attributes: Mapping[str, AttributeSums]
    unit: float = 1.0
    at_most: int | None = None
