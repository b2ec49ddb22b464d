"""What is kept of how features stand in for a group: figures by feature, and no rows of persons."""

from __future__ import annotations

from dataclasses import dataclass

COST, KNOWN_OUTCOME = "cost", "outcome"


@dataclass(frozen=True, slots=True)
class FeatureProxy:
    """One feature between one group and its reference.

    ``itself`` says that the feature is what the attribute is made of. ``auc`` is the chance that the feature, as far as
    it was learned on other rows, ranks a row of the group above one of the reference, with its standard error. ``raw``
    is the gap (group − reference) of the feature's contribution to the margin, ``carried`` the part of it beyond what
    cost or outcomes explain, ``at_equal`` the same at equal expected cost or outcome: each with its standard error, and
    None where it cannot be had. ``shared`` is how far the other features tell what this one tells (R²).
    """

    feature: str
    itself: bool
    auc: float | None
    auc_error: float | None
    raw: float
    raw_error: float
    carried: float | None
    error: float | None
    at_equal: float | None
    at_equal_error: float | None
    shared: float | None


@dataclass(frozen=True, slots=True)
class ProxyPair:
    """A group and its reference; ``features`` with the largest raw gaps, in the contract's order.

    ``covariance`` is that of the features' carried gaps, or of raw gaps where nothing is justified. ``gap`` is the gap
    of the margin; ``justified`` that of what justifies it, on the margin's scale; ``held`` the part that strata hold
    equal; ``residual`` what is left of gap − justified − held beside the carried gaps; all None without
    justification. ``others`` counts features whose sum is ``others_raw`` and ``others_carried``. ``fit`` is the share
    (R²) of the cost that the features tell, ``proportion`` by how much the margin rises with the expected cost (1: in
    proportion). ``known`` are the shares of rows whose outcome or cost is known, of the group and the reference.
    ``too_few`` says that one of them has too few rows for any figure.
    """

    attribute: str
    group: str
    reference: str
    group_rows: int
    reference_rows: int
    group_size: int
    reference_size: int
    entities: int | None
    features: tuple[FeatureProxy, ...]
    covariance: tuple[tuple[float, ...], ...]
    best_set: tuple[str, ...]
    best_auc: float | None
    best_error: float | None
    gap: float | None
    gap_error: float | None
    justified: float | None
    held: float | None
    residual: float | None
    others: int
    others_raw: float
    others_carried: float | None
    fit: float | None
    proportion: float | None
    known: tuple[float, float]
    too_few: bool


@dataclass(frozen=True, slots=True)
class Proxies:
    """``rows`` drawn and used, ``justified_by`` cost or outcome, None where the contract tells neither.

    ``selected`` says that outcomes are known of rows with one decision only. ``unusable`` rows were drawn and could not
    be given to the model.
    """

    rows: int
    unusable: int
    link: str
    explainer: str
    kind: str
    background: int
    justified_by: str | None
    selected: bool
    pairs: tuple[ProxyPair, ...]
    unit: float = 1.0
    """What counts as one of the margins (``model_scale``)."""
    at_most: int | None = None
    """Rows of each label that were explained of so large a model; None where as many as were asked."""
