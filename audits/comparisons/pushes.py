"""From money by arm to measurements: what a push adds to borrowing, and what keeps such a figure from being relied on.

A randomised holdout is read as dealt (intention to treat): those not held out less those held out, whatever was really
shown to either. Without one, those pushed less those not pushed is an association at equal strata and decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audits.comparisons import push_doubts
from audits.comparisons.push_doubts import Side, arm_name
from audits.comparisons.rates import ENTITIES
from audits.measuring import from_error, number
from audits.record import Measurement
from checks.sentence import Sentence, joined, said, template

if TYPE_CHECKING:
    from audits.evidence.arm_tables import ArmTable
    from audits.evidence.arms import Arms

ROWS = 10  # occasions of an arm below which no error is to be relied on
_FEW = template("only {n} occasions of '{arm}' have an amount, and an error to rely on needs {needed}")
_FEW_OF = template("of {label}, {why}")
_FEW_ENTITIES = template("only {n} entities are '{arm}', and an error that allows for them needs {needed}")
_DEALT = template(
    "mean difference over the occasions given, by the arm that chance dealt whatever was shown (intention to treat){at}"
)
_SEEN = template(
    "doubly robust difference at equal strata (share pushed and mean borrowed both by stratum){at}; not causal"
)
_NO_ARM = template("no occasion with an amount is '{arm}', so that there is nothing to compare with")
NO_ARMS = said("no occasion says which arm it is in")
NOT_DEALT = said(
    "not causal: nobody dealt pushes by chance, so that those who are pushed may be those who would borrow anyway"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Of one group, or everyone: ``estimate`` and ``variance`` of the money that a push adds, or why there is none.

    ``shared`` is the covariance with the reference's.
    """

    table: ArmTable
    estimate: float
    variance: float
    freedom: float
    shared: float
    clusters: tuple[int, int, int]
    reason: Sentence | None


def difference(arms: Arms, label: str | None, side: Side) -> Difference:
    """The difference between the arms, by cluster where they were collected and repeat."""
    from audits.evidence.arm_tables import arm_table
    from audits.statistics.arm_difference import cluster_factor

    table = arm_table(arms, label, population=not side.dealt)
    found = table.difference
    variance, freedom, shared, clusters = found.variance, found.freedom, 0.0, (0, 0, 0)
    reason = _too_few(table, side)
    scores = arms.scores
    if reason is None and scores is not None:
        if label not in scores.labels:
            return Difference(table, math.nan, math.nan, math.nan, 0.0, clusters, said(
                "there are more groups than errors by entity are worked out for"
            ))  # fmt: skip
        place = scores.labels.index(label)
        clusters = scores.clusters[place]
        reason = _too_few_entities(clusters, side)
        if scores.largest > 1:
            factor = cluster_factor(clusters[2], found.n, found.parameters)
            first = _factor_of_first(arms, side)
            own, joint = scores.variances[place]
            variance = factor * own
            shared = math.sqrt(factor * first) * joint if factor > 0 and first > 0 else 0.0
            freedom = min([at for at in (freedom, float(min(clusters[:2]) - 1)) if math.isfinite(at)], default=math.nan)
    return Difference(table, side.sign * found.estimate, variance, freedom, shared, clusters, reason)


def _factor_of_first(arms: Arms, side: Side) -> float:
    """The correction of the group that others are held against."""
    from audits.evidence.arm_tables import arm_table
    from audits.statistics.arm_difference import cluster_factor

    if arms.scores is None:
        return math.nan
    first = arm_table(arms, arms.scores.labels[0], population=not side.dealt).difference
    return cluster_factor(arms.scores.clusters[0][2], first.n, first.parameters)


def _too_few(table: ArmTable, side: Side) -> Sentence | None:
    for rows, name in zip(table.rows, side.names, strict=True):
        if not rows:
            return said(_NO_ARM, arm=arm_name(name))
    for rows, name in zip(table.rows, side.names, strict=True):
        if rows < ROWS:
            return said(_FEW, n=rows, arm=arm_name(name), needed=ROWS)
    if not table.difference.n:
        return said("no stratum has two occasions of either arm")
    return None


def _too_few_entities(clusters: Sequence[int], side: Side) -> Sentence | None:
    for n, name in zip(clusters[:2], side.names, strict=True):
        if n < ENTITIES:
            return said(_FEW_ENTITIES, n=n, arm=arm_name(name), needed=ENTITIES)
    return None


def effect(base: Measurement, arms: Arms, side: Side, cluster: str | None) -> Measurement:
    """The difference of everyone."""
    found = difference(arms, None, side)
    base = replace(
        base, n=found.table.difference.n, method=_method(side, [found.table], cluster, arms),
        counts=_counts(arms, [("", found)], side), details=_details(arms, found, side),
    )  # fmt: skip
    if found.reason:
        return replace(base, reason=found.reason)
    cautions, unseen = push_doubts.doubts(arms, [found.table], side)
    return _estimated(base, found.estimate, found.variance, found.freedom, cautions, unseen)


def effect_gap(base: Measurement, arms: Arms, side: Side, cluster: str | None) -> Measurement:
    """The difference of a group less that of the reference."""
    pair = [difference(arms, label, side) for label in (base.group, base.reference)]
    one, zero = pair
    counts = _counts(arms, [("group_", one), ("reference_", zero)], side)
    base = replace(
        base, n=one.table.difference.n + zero.table.difference.n, counts=counts,
        method=_method(side, [one.table, zero.table], cluster, arms),
    )  # fmt: skip
    for found, label in zip(pair, (base.group, base.reference), strict=True):
        if found.reason:
            return replace(base, reason=said(_FEW_OF, label=label, why=found.reason))
    details = {"group_effect": one.estimate, "reference_effect": zero.estimate}
    if not side.dealt:
        details |= _strength(one.estimate - zero.estimate, [one.table, zero.table])
    cautions, unseen = push_doubts.doubts(arms, [one.table, zero.table], side)
    unseen = (*unseen, *push_doubts.without_group(arms))
    variance = one.variance + zero.variance - 2 * one.shared
    own = [found for found in pair if found.variance > 0]
    below = sum(found.variance**2 / found.freedom for found in own)
    freedom = (one.variance + zero.variance) ** 2 / below if below > 0 else math.nan
    return _estimated(
        replace(base, details=details), one.estimate - zero.estimate, variance, freedom, cautions, unseen
    )  # fmt: skip


def _estimated(
    base: Measurement, estimate: float, variance: float, freedom: float, cautions: tuple[str, ...],
    unseen: tuple[str, ...],
) -> Measurement:  # fmt: skip
    if not (variance > 0 and freedom > 0):
        why = said("the amounts show no spread, so that no error can be told")
        return replace(base, reason=why)
    error = variance**0.5
    figure = replace(
        base, cautions=(*base.cautions, *cautions), unseen=(*base.unseen, *unseen),
        **from_error(estimate, error, freedom, base.level),
    )  # fmt: skip
    if "strength_to_overturn" not in figure.details or figure.low is None or figure.high is None:
        return figure
    nearest = 0.0 if figure.low <= 0 <= figure.high else min(abs(figure.low), abs(figure.high))
    share = figure.details["strength_to_overturn"]
    scale = abs(estimate) * math.sqrt(1 - share) / share if share > 0 else math.inf
    from audits.statistics.arm_difference import confounding_to_overturn

    told = confounding_to_overturn(nearest, scale) if math.isfinite(scale) else 0.0
    return replace(figure, details={**figure.details, "strength_to_overturn_of_the_interval": told})


def _method(side: Side, tables: Sequence[ArmTable], cluster: str | None, arms: Arms) -> Sentence:
    strata = max(len(table.n) for table in tables)
    at = said(", weighted to {n} strata", n=strata) if strata > 1 else ""
    told = said(_DEALT if side.dealt else _SEEN, at=at)
    if cluster is not None and arms.scores is not None and arms.scores.largest > 1:
        return joined([told, said("CR1 errors by {cluster}", cluster=cluster)], "; ")
    return joined([told, said("errors of unequal variances (Neyman)")], "; ")


def _counts(arms: Arms, pair: Sequence[tuple[str, Difference]], side: Side) -> dict[str, int]:
    """Occasions of either arm, their entities, and what is left out of all occasions."""
    counts: dict[str, int] = {}
    for prefix, found in pair:
        for rows, key in zip(found.table.rows, side.keys, strict=True):
            counts[f"{prefix}{key}"] = rows
        if arms.scores is not None:
            for n, key in zip(found.clusters[:2], side.keys, strict=True):
                counts[f"{prefix}{key}_entities"] = n
    left_out = sum(rows for _, found in pair for _, rows in found.table.left_out)
    counts |= {
        "occasions": arms.rows, "without_arm": sum(cell.rows for cell in arms.cells if cell.arm is None),
        "without_amount": sum(cell.missing for cell in arms.cells),
        "amount_below_zero": sum(cell.below for cell in arms.cells),
        "amount_beyond_any_sum": sum(cell.beyond for cell in arms.cells),
        "without_entity": sum(cell.nobody for cell in arms.cells), "in_strata_left_out": left_out,
        "strata_left_out": sum(len(found.table.left_out) for _, found in pair),
        "strata_taken_together": sum(found.table.together for _, found in pair),
    }  # fmt: skip
    if arms.scores is not None:
        counts["largest_entity"] = arms.scores.largest
        if len(pair) == 1:
            first, second, either = pair[0][1].clusters
            counts["entities_in_both_arms"] = first + second - either
    return counts


def _details(arms: Arms, found: Difference, side: Side) -> dict[str, float]:
    """Means, the difference without strata, and what was shown to whom."""
    table = found.table
    details: dict[str, float] = {}
    rows, totals = table.n.sum(axis=0), table.totals.sum(axis=0)
    if (rows > 0).all():
        means = totals / rows
        details |= {f"mean_{key}": float(mean) for key, mean in zip(side.keys, means, strict=True)}
        details["difference_without_strata"] = side.sign * float(means[1] - means[0])
    if side.dealt:
        details |= _compliance(arms, found)
    elif found.reason is None:
        details |= _strength(found.estimate, [table])
    return {name: value for name, value in details.items() if number(value) is not None}


def _compliance(arms: Arms, found: Difference) -> dict[str, float]:
    """Shares pushed of either arm, the effect for each push that the deal brought, and what a raw comparison says."""
    shares = {
        held: push_doubts.pushed_share([cell for cell in arms.cells if cell.arm is held]) for held in (False, True)
    }
    told = {"offered_pushed_share": shares[False], "held_out_pushed_share": shares[True]}
    details = {name: share for name, share in told.items() if share is not None}
    offered, held = shares[False], shares[True]
    if offered is not None and held is not None and offered - held > push_doubts.TOLD and math.isfinite(found.estimate):
        details["effect_for_each_push_shown"] = found.estimate / (offered - held)
    sides = []
    for pushed in (True, False):
        cells = [cell for cell in arms.cells if cell.arm is False and cell.other is pushed and cell.known]
        rows = sum(cell.known for cell in cells)
        sides.append(math.fsum(cell.total for cell in cells) / rows if rows else math.nan)
    return details | {"pushed_less_not_pushed": sides[0] - sides[1]}


def _strength(estimate: float, tables: Sequence[ArmTable]) -> dict[str, float]:
    """How strong an omitted confounder must be to take the figure to 0; of a gap, at work in both groups against it."""
    from audits.statistics.arm_difference import confounding_to_overturn

    scale = sum(math.sqrt(table.difference.scale * table.difference.representer) for table in tables)
    return {"strength_to_overturn": confounding_to_overturn(estimate, scale)}
