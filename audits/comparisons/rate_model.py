"""A coefficient of a least-squares model of rates as a gap in basis points, or why no error of it is to be relied on.

The interval takes t with one degree less than the rows, or entities, of the smaller group, and fewer where controls and
strata leave less of the group's indicator than that: HC1 and CR1 errors rest on the smaller group's residuals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from audits.comparisons import prices
from audits.comparisons.rates import ENTITIES
from audits.measuring import from_error
from audits.record import Measurement
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.moments import Moments
    from audits.statistics.linear_model import GroupEffects

ROWS = 10  # rates in either group below which no error is to be relied on
_WORTH = 5.0  # what controls must leave of a group's indicator: ten rows against ten, nothing else in the model
_NOTHING = 1e-9  # an error below this share of the range of rates is rounding
_WITHOUT_INTERVAL = template("{reason}; without an interval the gap is {gap:.1f} basis points")
_TOO_FEW = template("'{label}' has only {n} rates, and an error to rely on needs {needed}")
_TOO_FEW_ENTITIES = template(
    "one of the two groups has only {fewest} entities, and an error that allows for them needs {needed}"
)
_LITTLE_LEFT = template(
    "controls and strata tell this group apart so well that what is left is worth {worth:.1f} rows, and an error to "
    "rely on needs {needed:.0f}"
)


def modelled_gap(shared: Measurement, moments: Moments, fit: GroupEffects, unit: float) -> Measurement:
    """The gap of the group that ``shared`` names; ``unit`` is how many basis points one of the rate's units has."""
    i = fit.labels.index(str(shared.group))
    gap = unit * float(fit.group_coefficients[i])
    shared = replace(shared, counts={**shared.counts, **_entities(shared, moments)})
    if reason := _unreliable(shared, moments, float(fit.information[i])):
        return replace(shared, reason=said(_WITHOUT_INTERVAL, reason=reason, gap=gap))
    worth = float(fit.information[i])
    if not worth >= _WORTH:
        why = said("controls and strata tell this group apart by themselves, so that nothing is left to compare")
        return replace(shared, reason=why)
    error = unit * float((fit.cluster_errors if moments.cluster else fit.robust_errors)[i])
    low, high = moments.measured_range
    if not error > _NOTHING * unit * (high - low):
        why = said("the model leaves no difference between rates, so that no error can be told")
        return replace(shared, reason=why)
    freedom = min(float(fit.n - fit.k), float(_fewest(shared, moments) - 1), 2 * worth - 1)
    details = dict(shared.details)
    if moments.columns:  # an omitted variable is one beside those adjusted for
        classical = unit * float(fit.classical_errors[i])
        details |= prices.robustness_values(gap, classical, fit.n - fit.k, shared.level)
    return replace(shared, details=details, reason=None, **from_error(gap, error, freedom, shared.level))


def too_few(sizes: Mapping[str | None, int]) -> str | None:
    """Why groups of these sizes have no error to rely on, or None."""
    fewest = min(sizes, key=lambda name: sizes[name])
    if sizes[fewest] >= ROWS:
        return None
    return said(_TOO_FEW, label=fewest, n=sizes[fewest], needed=ROWS)


def described(moments: Moments, fit: GroupEffects) -> str:
    """The model in words."""
    used = len(moments.columns) - len(fit.dropped)
    strata, dropped = ", ".join(moments.strata), ", ".join(fit.dropped)
    levels = said(" ({n} of them levels of {names})", n=len(moments.indicators), names=strata)
    return said(
        "least squares on {used} controls{levels}{repeated}, {errors}", used=used, errors=errors(moments),
        levels=levels if moments.indicators else "",
        repeated=said(", {names} only repeating others", names=dropped) if dropped else "",
    )  # fmt: skip


def errors(moments: Moments) -> str:
    """The errors in words."""
    if moments.cluster:
        return said(
            "CR1 errors by {cluster}, t with at most one degree less than the entities of the smaller group",
            cluster=moments.cluster,
        )
    return said("HC1 errors, t with at most one degree less than the rows of the smaller group")


def _sizes(shared: Measurement, moments: Moments) -> dict[str | None, int]:
    rows = dict(zip(moments.labels, moments.counts, strict=True))
    return {name: rows[str(name)] for name in (shared.group, shared.reference)}


def _entities(shared: Measurement, moments: Moments) -> dict[str, int]:
    if not moments.cluster:
        return {}
    found = dict(zip(moments.labels, moments.clusters_by_label, strict=True))
    return {
        "group_entities": found[str(shared.group)], "reference_entities": found[str(shared.reference)],
        "largest_entity": moments.largest_cluster,
    }  # fmt: skip


def _fewest(shared: Measurement, moments: Moments) -> int:
    """Entities, or else rows, of the smaller group."""
    if moments.cluster:
        return min(shared.counts["group_entities"], shared.counts["reference_entities"])
    return min(_sizes(shared, moments).values())


def _unreliable(shared: Measurement, moments: Moments, worth: float) -> str | None:
    if few := too_few(_sizes(shared, moments)):
        return few
    fewest = _fewest(shared, moments)
    if moments.cluster and fewest < ENTITIES:
        return said(_TOO_FEW_ENTITIES, fewest=fewest, needed=ENTITIES)
    if 0 < worth < _WORTH:
        return said(_LITTLE_LEFT, worth=worth, needed=_WORTH)
    return None
