"""Figures of a least-squares model of prices on what a firm knows of its customers, from moments.

Errors are HC1, or CR1 by entity. No figure from a handful: a label needs ten rows, entities must be twenty, and what
strata and controls leave of a label must be worth five rows. Where one row holds a tenth of a number's variation, its
error rests on that row, so that the figure makes no breach and is not clear.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from audits.comparisons import prices
from audits.comparisons.rate_model import ROWS
from audits.comparisons.rates import ENTITIES
from audits.measuring import bounded_at_once, from_error, number
from audits.record import Measurement
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.moments import Moments
    from audits.statistics.linear_model import Assembled, GroupEffects

_WORTH = 5.0
_NOTHING = 1e-10  # of Σ y²: below it what is left is rounding
_ONE_ROW_SHARE = 0.1
_FLAT = 1e-9  # of a logarithm or a margin
_TOO_FEW = template("'{label}' has only {n} prices, and an error to rely on needs {needed}")
_TOO_FEW_ROWS = template("only {n:,} rows have all that the model of {k} columns uses")
_TOO_FEW_ENTITIES = template("only {n} entities, and an error that allows for them needs {needed}")
_LITTLE_LEFT = template(
    "strata and controls tell this label apart so well that what is left is worth {worth:.1f} rows, and an error to "
    "rely on needs {needed:.0f}"
)
_LEFT_OUT = template(
    "{share:.1f} % of the rows lack a price, a cost, a trait, a control or an entity, and are left out"
)
_RARE = template("{share:.1f} % of the rows have a device label with fewer than {needed} rows, and tell nothing")
_ONE_ROW = template("one row holds up to {share:.0f} % of all variation of '{column}', and the figure may rest on it")
_SHARE = template(
    "partial R² (columns tested: {columns}), adjusted for chance; a straight line for each number, so that a relation "
    "that is not linear can be missed; {held}, {errors}; interval by inversion of the noncentral χ² with design effects"
)
_SLOPE = template(
    "size of the slope whichever way, since a high score may stand for staying or for leaving; a straight line, so "
    "that a relation that is not linear can be missed; {held}, {errors}"
)
_RATIO = template("ratio of geometric means by least squares on logarithms, the dearer label first; {held}, {errors}")


def share(shared: Measurement, moments: Moments, traits: Sequence[str]) -> Measurement:
    """The share of the price variation that the numbers ``traits``, and the labels where there are, explain."""
    from audits.statistics.linear_model import assembled, independent
    from audits.statistics.partial_r_squared import LinearMoments, partial_r_squared

    shared = _described(shared, moments, traits)
    if reason := _nothing_to_compare(moments):
        return replace(shared, reason=reason)
    sums = assembled(moments.grouped())
    others, tested = _places(sums, moments, traits)
    kept = independent(sums.gram, [*others, *tested])
    others, tested = [j for j in others if j in kept], [j for j in tested if j in kept]
    thin = _too_thin(moments, shared.n, len(kept), len(tested))
    if reason := thin or (None if tested else _nothing_varies()):
        return replace(shared, reason=reason)
    found = partial_r_squared(
        LinearMoments(
            sums.gram, sums.right, sums.squares, sums.cluster_meat if moments.cluster else sums.meat, shared.n,
            moments.clusters if moments.cluster else 0,
        ), tested, others,
    )  # fmt: skip
    shared = replace(shared, method=said(
        _SHARE, columns=len(tested), held=_held(moments), errors=_errors(moments)
    ))  # fmt: skip
    if not found.residual_reduced > _NOTHING * sums.squares:
        return replace(shared, reason=_flat())
    details = {**shared.details, "unadjusted": float(found.unadjusted), "columns": float(len(tested))}
    if not found.residual > _NOTHING * sums.squares:
        return _whole(replace(shared, details=details))
    if (estimate := number(found.share)) is None or number(found.p_value) is None:
        return replace(shared, details=details, reason=said("no error can be told from residuals that are zero"))
    details |= {"design_effect": float(found.trace) / len(tested), "wald": float(found.wald)}
    return replace(
        shared, details=details, estimate=estimate, p_value=float(found.p_value),
        mde=number(found.detectable(shared.level)), **bounded_at_once(found.interval, shared.level),
    )  # fmt: skip


def slope(shared: Measurement, moments: Moments, score: str) -> Measurement:
    """How much the response moves with one standard deviation of ``score``, by size."""
    from audits.statistics.linear_model import fit_group_effects

    shared = _described(shared, moments, (score,))
    if reason := _nothing_to_compare(moments):
        return replace(shared, reason=reason)
    if score not in moments.controls:
        return replace(shared, reason=_nothing_varies())
    fit, place = fit_group_effects(moments.grouped()), moments.controls.index(score)
    if reason := _too_thin(moments, shared.n, fit.k, 1):
        return replace(shared, reason=reason)
    deviation = math.sqrt(_variation(moments, place)[1] / (shared.n - 1))
    error = deviation * float((fit.control_cluster if moments.cluster else fit.control_robust)[place])
    if not error > _NOTHING * (moments.measured_range[1] - moments.measured_range[0]):
        return replace(shared, reason=said("strata and controls leave no difference of margin or score to compare"))
    signed = deviation * float(fit.control_coefficients[place])
    freedom = float(moments.clusters - 1 if moments.cluster else fit.n - fit.k)
    found = from_error(abs(signed), error, freedom, shared.level)
    rungs = tuple((level, None if low is None else max(low, 0.0), high) for level, low, high in found["ladder"])
    found |= {"low": max(found["low"], 0.0), "ladder": rungs}
    half = moments.ranges[place][1] / 2 - moments.ranges[place][0] / 2
    classical = deviation * float(fit.control_classical[place])
    details = {
        **shared.details, "slope": signed, "score_deviation": deviation * half,
        **prices.robustness_values(abs(signed), classical, fit.n - fit.k, shared.level),
    }  # fmt: skip
    method = said(_SLOPE, held=_held(moments), errors=_errors(moments))
    return replace(shared, details=details, method=method, **found)


def ratios(shared: Measurement, moments: Moments) -> Iterator[Measurement]:
    """Each label against the most frequent one; without two labels one figure that says so."""
    from audits.statistics.linear_model import fit_group_effects

    shared = _described(shared, moments, ())
    if reason := _nothing_to_compare(moments):
        yield replace(shared, reason=reason)
        return
    if len(moments.labels) < 2:
        yield replace(shared, reason=_nothing_varies())
        return
    fit = fit_group_effects(moments.grouped())
    for label in fit.labels:
        yield _ratio(replace(shared, group=label, reference=moments.reference), moments, fit)


def _ratio(shared: Measurement, moments: Moments, fit: GroupEffects) -> Measurement:
    label, often = str(shared.group), str(shared.reference)
    i, rows = fit.labels.index(label), dict(zip(moments.labels, moments.counts, strict=True))
    entities = dict(zip(moments.labels, moments.clusters_by_label, strict=False))
    coefficient = float(fit.group_coefficients[i])
    dearer, cheaper = (often, label) if coefficient < 0 else (label, often)
    counts = {**shared.counts, "group": rows[dearer], "reference": rows[cheaper]}
    if moments.cluster:
        counts |= {"group_entities": entities[dearer], "reference_entities": entities[cheaper]}
    shared = replace(
        shared, group=dearer, reference=cheaper, counts=counts, n=rows[label] + rows[often],
        method=said(_RATIO, held=_held(moments), errors=_errors(moments)),
    )  # fmt: skip
    if rows[label] < ROWS:
        return replace(shared, reason=said(_TOO_FEW, label=label, n=rows[label], needed=ROWS))
    if moments.cluster and entities[label] < ENTITIES:
        return replace(shared, reason=said(_TOO_FEW_ENTITIES, n=entities[label], needed=ENTITIES))
    if not float(fit.information[i]) >= _WORTH:
        worth = number(fit.information[i]) or 0.0
        return replace(shared, reason=said(_LITTLE_LEFT, worth=worth, needed=_WORTH))
    error = float((fit.cluster_errors if moments.cluster else fit.robust_errors)[i])
    if not error > _NOTHING * (moments.measured_range[1] - moments.measured_range[0]):
        return replace(shared, reason=said(
            "the model leaves no difference between prices, so that no error can be told; the ratio is {ratio:.3f}",
            ratio=math.exp(abs(coefficient)),
        ))  # fmt: skip
    smaller = min(entities[label], entities[often]) if moments.cluster else min(rows[label], rows[often])
    freedom = min(float(fit.n - fit.k), float(smaller - 1), 2 * float(fit.information[i]) - 1)
    logs = from_error(abs(coefficient), error, freedom, shared.level)
    details = {
        **shared.details, "log_standard_error": error,
        **prices.robustness_values(abs(coefficient), float(fit.classical_errors[i]), fit.n - fit.k, shared.level),
    }  # fmt: skip
    return replace(
        shared, details=details, estimate=math.exp(abs(coefficient)), low=_exp(logs["low"]), high=_exp(logs["high"]),
        p_value=logs["p_value"], mde=math.expm1(logs["mde"]),
        ladder=tuple((level, _exp(low), _exp(high)) for level, low, high in logs["ladder"]),
    )  # fmt: skip


def _exp(bound: float | None) -> float | None:
    return None if bound is None or bound > 700 else math.exp(bound)


def _described(shared: Measurement, moments: Moments, traits: Sequence[str]) -> Measurement:
    """Rows used and left out, and what keeps the figure from being clear."""
    used, rare = sum(moments.counts), sum(moments.counts[moments.labels.index(label)] for label in _rare(moments))
    lost = 1 - used / moments.rows if moments.rows else 1.0
    counts = {"rows": moments.rows, "used": used, "left_out": moments.rows - used}
    if moments.cluster:
        counts |= {"entities": moments.clusters, "largest_entity": moments.largest_cluster}
    unseen = list(shared.unseen)
    if lost > prices.MOST_LOST:
        unseen.append(said(_LEFT_OUT, share=100 * lost))
    if used and rare > prices.MOST_LOST * used:
        unseen.append(said(_RARE, share=100 * rare / used, needed=ROWS))
    single = tuple(_single_rows(moments, traits)) if used else ()
    return replace(
        shared, n=used, counts=counts, details={"left_out_share": lost}, cautions=(*shared.cautions, *single),
        unseen=(*unseen, *single),
    )  # fmt: skip


def _single_rows(moments: Moments, traits: Sequence[str]) -> Iterator[str]:
    for name in traits:
        if name in moments.controls:
            mean, squares = _variation(moments, moments.controls.index(name))
            most = (1 + abs(mean)) ** 2 / squares if squares > 0 else 0.0
            if most > _ONE_ROW_SHARE:
                yield said(_ONE_ROW, share=100 * min(most, 1.0), column=name)


def _variation(moments: Moments, place: int) -> tuple[float, float]:
    """Mean of a number on [−1, 1], and the sum of its squared deviations."""
    n = sum(moments.counts)
    total = math.fsum(block[0][1 + place] for block in moments.cross)
    squares = math.fsum(block[1 + place][1 + place] for block in moments.cross)
    return total / n, max(squares - total * total / n, 0.0)


def _rare(moments: Moments) -> tuple[str, ...]:
    """Labels of too few rows, the reference among them where all are."""
    return tuple(label for label, n in zip(moments.labels, moments.counts, strict=True) if n < ROWS)


def _places(sums: Assembled, moments: Moments, traits: Sequence[str]) -> tuple[list[int], list[int]]:
    """Positions of the columns that are held equal, and of those tested."""
    first, rare = 1 + len(moments.columns), set(_rare(moments))
    own = [1 + moments.controls.index(name) for name in traits if name in moments.controls]
    own += [first + i for i, label in enumerate(sums.groups) if label not in rare]
    return [j for j in range(len(sums.gram)) if j not in own], own


def _too_thin(moments: Moments, n: int, k: int, tested: int) -> str | None:
    if n < k + ROWS:
        return said(_TOO_FEW_ROWS, n=n, k=k)
    needed = max(ENTITIES, tested + ROWS)
    if moments.cluster and moments.clusters < needed:
        return said(_TOO_FEW_ENTITIES, n=moments.clusters, needed=needed)
    return None


def _whole(shared: Measurement) -> Measurement:
    """Every price follows from the traits: the share is 1, without an error."""
    from audits.statistics.ladder import LEVELS

    return replace(
        shared, estimate=1.0, low=1.0, high=1.0, ladder=tuple((level, 1.0, 1.0) for level in LEVELS),
        method=said("every price beyond cost and strata follows from the traits exactly"),
    )  # fmt: skip


def _nothing_to_compare(moments: Moments) -> str | None:
    """Why there is no model, or no variation of prices beyond the rounding of logarithms."""
    if moments.refused:
        return moments.refused
    if not sum(moments.counts):
        return said("no row has a price, a cost, the traits, the controls and an entity, where they are declared")
    return None if moments.measured_range[1] - moments.measured_range[0] > _FLAT else _flat()


def _flat() -> str:
    return said("at equal strata all prices are the same, or the same share of cost: nothing varies")


def _nothing_varies() -> str:
    return said("it never varies at equal strata and controls, or none of its labels has rows enough")


def _held(moments: Moments) -> str:
    if not moments.strata:
        return said("no strata are declared")
    names = ", ".join(moments.strata)
    return said("at equal {names}", names=names) if moments.crossed else said(
        "at equal {names}, whose levels add up", names=names
    )  # fmt: skip


def _errors(moments: Moments) -> str:
    if moments.cluster:
        return said("CR1 errors by {cluster}", cluster=moments.cluster)
    return said("HC1 errors")
