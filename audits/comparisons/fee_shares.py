"""Fees as a share of the amount lent: a group's mean less that of its reference, within strata where they are declared.

Least squares of the share on indicators of groups and strata, errors HC1 (White 1980, Econometrica 48:817–838) or CR1
by entity (Liang and Zeger 1986, Biometrika 73:13–22). Student's t has one degree less than the rows, or entities, of
the smaller group, and fewer where strata leave less of the group to compare. Shares are fractions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from audits.comparisons.prices import MOST_LOST, Priced, priced
from audits.comparisons.rates import ENTITIES
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, HistogramNeed, MomentsNeed, Need
from audits.measuring import from_error
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.inputs.loan_sheet import FEE_SHARE
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.evidence.moments import Moments
    from audits.statistics.linear_model import GroupEffects

ROWS = 10  # loans in either group below which no error is to be relied on
_WORTH = 5.0  # what strata must leave of a group's indicator
_NOTHING = 1e-9  # an error below this share of the range of fees is rounding
_FEW = template("'{label}' has only {n} loans whose fees are known, and an error to rely on needs {needed}")
_FEW_ENTITIES = template(
    "one of the two groups has only {fewest} entities, and an error that allows for them needs {needed}"
)
_LITTLE = template(
    "strata tell this group apart so well that what is left to compare is worth fewer than {n:.0f} loans"
)
_WITHOUT = template("{share:.1f} % of the loans of {label} have no known fees below their amount and are left out")
_STRANGERS = template("{share:.1f} % of the loans with known fees have no known group")
_HEAVY = template(
    "heavy tails: the fees of {label} have skewness {skewness:.1f}, for which {n:,} loans are fewer than the "
    "{needed:,.0f} that a mean needs (Cochran 1977)"
)


def fee_share_needs(attribute: str, contract: DataContract) -> Iterable[Need]:
    """Sums by group, their distribution, and moments within strata and by entity."""
    yield from (_cells(attribute), _histogram(attribute), _moments(attribute, contract))


def fee_share_gaps(
    question: str, evidence: Evidence, contract: DataContract, attribute: str, level: float
) -> Iterator[Measurement]:
    """One figure for each group but the reference, or the reason why there is none."""
    from audits.statistics.linear_model import fit_group_effects

    seen = priced(evidence.cells(_cells(attribute)), evidence.histogram(_histogram(attribute)))
    reference, moments = evidence.data.references[attribute], evidence.moments(_moments(attribute, contract))
    fit = None
    if not moments.refused and reference in moments.labels and len(moments.labels) > 1:
        fit = fit_group_effects(moments.grouped())
    for label in sorted(set(seen.groups) - {reference}):
        shared = _shared(question, seen, contract, attribute, label, reference, level)
        if moments.refused:
            yield replace(shared, reason=moments.refused)
        elif fit is None or label not in fit.labels:
            yield replace(shared, reason=said("no loan of one of the two groups has known fees"))
        else:
            yield _estimated(shared, moments, fit)


def _cells(attribute: str) -> CellsNeed:
    return CellsNeed((attribute,), (), (FEE_SHARE,))


def _histogram(attribute: str) -> HistogramNeed:
    return HistogramNeed(FEE_SHARE, (attribute,), decision=False)


def _moments(attribute: str, contract: DataContract) -> MomentsNeed:
    return MomentsNeed(attribute, (), contract.entity, FEE_SHARE, contract.strata)


def _shared(
    question: str, seen: Priced, contract: DataContract, attribute: str, label: str, reference: str, level: float
) -> Measurement:
    """What is known of both groups, and whom the figure leaves out."""
    from audits.statistics.mean_difference import COCHRAN, too_skewed

    counts: dict[str, int] = {}
    details: dict[str, float] = {}
    told: list[str] = []
    for role, name in (("group", label), ("reference", reference)):
        group = seen.of(name)
        loans = group.favourable if contract.decision else group.rows
        counts |= {role: group.n, f"{role}_without_fees": loans - group.n}
        if group.n:
            details[f"{role}_fee_share"] = group.total / group.n
        if loans - group.n > MOST_LOST * loans:
            told.append(said(_WITHOUT, share=100 * (1 - group.n / loans), label=name))
        if group.n and group.skewness and too_skewed(group.n, group.skewness):
            needed = COCHRAN * group.skewness**2
            told.append(said(_HEAVY, label=name, skewness=group.skewness, n=group.n, needed=needed))
    if seen.unlabelled > MOST_LOST:
        told.append(said(_STRANGERS, share=100 * seen.unlabelled))
    return Measurement(
        question=question, measure="fee_share_gap", attribute=attribute, group=label, reference=reference,
        estimate=None, low=None, high=None, level=level, n=counts["group"] + counts["reference"], counts=counts,
        equality=0.0, method=said("least squares"), source=said("moments"), cautions=tuple(told), unseen=tuple(told),
        details=details,
    )  # fmt: skip


def _estimated(shared: Measurement, moments: Moments, fit: GroupEffects) -> Measurement:
    i = fit.labels.index(str(shared.group))
    pair = (str(shared.group), str(shared.reference))
    sizes = dict(zip(moments.labels, moments.counts, strict=True))
    counts = {**shared.counts, "group": sizes[pair[0]], "reference": sizes[pair[1]], "strata": _levels(moments)}
    fewest = min(sizes[name] for name in pair)
    if moments.cluster:
        entities = dict(zip(moments.labels, moments.clusters_by_label, strict=True))
        counts |= {"group_entities": entities[pair[0]], "reference_entities": entities[pair[1]]}
        fewest = min(entities[name] for name in pair)
    shared = replace(shared, counts=counts, n=sum(sizes[name] for name in pair), method=_method(moments))
    worth = float(fit.information[i])
    error = float((fit.cluster_errors if moments.cluster else fit.robust_errors)[i])
    if reason := _unreliable(moments, sizes, pair, fewest, worth, error):
        return replace(shared, reason=reason)
    freedom = min(float(fit.n - fit.k), float(fewest - 1), 2 * worth - 1)
    return replace(shared, **from_error(float(fit.group_coefficients[i]), error, freedom, shared.level))


def _unreliable(
    moments: Moments, sizes: dict[str, int], pair: tuple[str, str], fewest: int, worth: float, error: float
) -> Sentence | None:
    scarce = min(pair, key=lambda name: sizes[name])
    if sizes[scarce] < ROWS:
        return said(_FEW, label=scarce, n=sizes[scarce], needed=ROWS)
    if moments.cluster and fewest < ENTITIES:
        return said(_FEW_ENTITIES, fewest=fewest, needed=ENTITIES)
    if not worth >= _WORTH:
        return said(_LITTLE, n=2 * _WORTH)
    low, high = moments.measured_range
    if not error > _NOTHING * (high - low):
        return said("fees are the same share of every loan of a group, so that no error can be told")
    return None


def _levels(moments: Moments) -> int:
    """Combinations of strata, or levels of all strata where these add up; each has one level without an indicator."""
    bare = 1 if moments.crossed else len(moments.strata)
    return len(moments.indicators) + bare


def _method(moments: Moments) -> Sentence:
    errors = said("CR1 errors by {cluster}", cluster=moments.cluster) if moments.cluster else said("HC1 errors")
    if not moments.strata:
        return said("least squares, {errors}", errors=errors)
    names = ", ".join(moments.strata)
    return said(
        "least squares within {levels} levels of {names}, {errors}", levels=_levels(moments), names=names, errors=errors
    )
