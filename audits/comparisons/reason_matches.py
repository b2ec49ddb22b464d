"""Figures of reasons against drivers: shares of reasons that match, gaps by group, refusals with unfounded ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audits.comparisons.model_doubts import drawn_of
from audits.measuring import bounded, within
from audits.record import Measurement
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.evidence.reasons import GivenReasons, Reasons
    from audits.statistics.clustered_shares import ClusteredShare

MATCH, GAP, UNFOUNDED = "reason_match_share", "reason_match_gap", "unfounded_reason_cases"
_SOURCE = template("refusals drawn for the model")
_APPROVED = template(
    "what drove a refusal depends on how the model's output is split ({explainer}, against {background:,} approved "
    "applicants) and on how many features count as drivers (the {drivers} that count most against the person)"
)
_EVERYBODY = template(
    "what drove a refusal depends on how the model's output is split ({explainer}, against {background:,} rows of any "
    "decision, since none drawn was approved) and on how many features count as drivers (the {drivers} that count most "
    "against the person)"
)
_UNEXPLAINED = template(
    "{n:,} of {reasons:,} reasons are codes that the contract does not explain: they count neither as matched nor as "
    "unfounded"
)
_UNUSED = template("the model cannot take {n:,} of {drawn:,} refusals drawn")
_SAMPLE = template("{drawn:,} of {refusals:,} refusals were drawn, and the others may hold further cases")
_NONE_FOUND = template(
    "{drawn:,} of {refusals:,} refusals were drawn: with none found among them, up to {most:.2g} % of all may be cases"
)
_UNNAMED = template("{n:,} refusals without a unit could not be drawn")


@dataclass(frozen=True, slots=True)
class Told:
    """What every figure says beside itself: the question's name, its level, and what it must be read with."""

    question: str
    level: float
    found: Reasons
    cautions: tuple[Sentence, ...] = ()

    def of(self, figure: Measurement, part: GivenReasons) -> Measurement:
        """The figure with its doubts."""
        if figure.estimate is None:
            return figure
        unnamed = (said(_UNNAMED, n=self.found.without_unit),) if self.found.without_unit else ()
        return replace(
            figure, cautions=(dependence(self.found), *self.cautions, *figure.cautions),
            unseen=(*lost(part), *unnamed, *figure.unseen),
        )  # fmt: skip


def dependence(found: Reasons) -> Sentence:
    """What drivers depend on."""
    return said(
        _APPROVED if found.approved else _EVERYBODY, explainer=found.explainer, background=found.background,
        drivers=min(found.drivers, found.features),
    )  # fmt: skip


def lost(part: GivenReasons) -> tuple[Sentence, ...]:
    """Reasons and refusals that a figure could not judge."""
    unexplained = said(_UNEXPLAINED, n=part.unexplained, reasons=part.reasons) if part.unexplained else None
    unused = said(_UNUSED, n=part.drawn - part.used, drawn=part.drawn) if part.drawn > part.used else None
    return tuple(one for one in (unexplained, unused) if one is not None)


def figures(told: Told, references: Sequence[tuple[str, str]]) -> Iterator[Measurement]:
    """Shares of all and of each label, gaps to the reference, refusals with an unfounded reason.

    ``references`` are (attribute, label of its reference).
    """
    everyone = told.found.parts[0]
    yield match_share(told, everyone)
    for attribute, reference in references:
        own = [part for part in told.found.parts if part.attribute == attribute]
        for part in own:
            yield match_share(told, part)
        base = told.found.of(attribute, reference)
        for part in own:
            if part.label != reference:
                yield match_gap(told, base, part, reference)
    yield unfounded(told, everyone)


def _nothing(told: Told, measure: str, part: GivenReasons, reference: str | None = None) -> Measurement:
    return Measurement(
        question=told.question, measure=measure, attribute=part.attribute, group=part.label, reference=reference,
        estimate=None, low=None, high=None, level=told.level, n=part.used, counts=_counts(part), method=said("none"),
        source=drawn_of(said(_SOURCE), told.found.at_most),
        details={
            "drivers": float(told.found.drivers), "features": float(told.found.features),
            "background": float(told.found.background), "unseen_categories": float(told.found.unknown),
        },
    )  # fmt: skip


def _counts(part: GivenReasons) -> dict[str, int]:
    return {
        "refusals": part.refusals, "drawn": part.drawn, "used": part.used, "reasons": part.reasons,
        "explained": part.explained, "matched": part.matched, "unexplained": part.unexplained,
        "unfounded": part.unfounded, "without_reason": part.without_reason, "generic": part.generic,
        "without_driver": part.without_driver, "clusters": part.clusters,
    }  # fmt: skip


def share_of(part: GivenReasons) -> ClusteredShare | None:
    """The share of a label's reasons that match; None where fewer than two clusters have any."""
    from audits.statistics.clustered_shares import ClusteredShare

    if part.clusters < 2:
        return None
    return ClusteredShare(part.matched, part.explained, part.clusters, part.squares)


def _too_few(part: GivenReasons) -> Sentence:
    if not part.explained:
        return said("no refusal drawn has a reason that the contract explains")
    return said("only one refusal, or one person's, has a reason that the contract explains")


def match_share(told: Told, part: GivenReasons) -> Measurement:
    """The share of explained reasons that are among the drivers, with an interval over refusals or persons."""
    nothing, share = _nothing(told, MATCH, part), share_of(part)
    if share is None:
        return replace(nothing, reason=_too_few(part))
    figure = replace(
        nothing, estimate=share.estimate, **bounded(share.interval(), told.level), standard_error=share.variance**0.5,
        method=said("Wilson score interval at the effective number of reasons, by cluster"),
        details={**nothing.details, "effective_reasons": share.effective},
    )  # fmt: skip
    return told.of(figure, part)


def match_gap(told: Told, base: GivenReasons | None, part: GivenReasons, reference: str) -> Measurement:
    """The reference's share less the group's: above 0 the group's reasons explain its refusals less."""
    from audits.statistics.clustered_shares import share_gap

    nothing = replace(_nothing(told, GAP, part, reference), equality=0.0)
    first, second = share_of(base) if base else None, share_of(part)
    if base is None:
        return replace(nothing, reason=said("no refusal drawn is of the reference group '{label}'", label=reference))
    nothing = replace(
        nothing, n=part.used + base.used,
        counts={**nothing.counts, **{f"reference_{name}": n for name, n in _counts(base).items()}},
    )  # fmt: skip
    if first is None or second is None:
        return replace(nothing, reason=_too_few(base if first is None else part))
    gap = share_gap(first, second, part.shared)
    figure = replace(
        nothing, estimate=gap.estimate, **bounded(gap.interval(), told.level), standard_error=gap.standard_error,
        p_value=gap.p_value, mde=within(gap.detectable(told.level) or float("inf"), 1.0),
        method=said("difference of two Wilson score intervals, by cluster"),
        details={**nothing.details, "group_share": second.estimate, "reference_share": first.estimate},
    )  # fmt: skip
    unseen = tuple(one for one in lost(base) if one not in lost(part))
    return told.of(replace(figure, unseen=unseen), part)


def unfounded(told: Told, part: GivenReasons) -> Measurement:
    """Refusals drawn with a reason that no driver stands behind; a sample cannot say that there is none.

    The bound with none found is the rule of three, 3/n (Hanley and Lippman-Hand 1983, JAMA 249:1743–1745).
    """
    from audits.comparisons.census import LEVEL

    nothing = replace(_nothing(told, UNFOUNDED, part), level=LEVEL)
    if not part.explained:
        return replace(nothing, reason=_too_few(part))
    cases = float(part.unfounded)
    details = {**nothing.details, "share": cases / part.used}
    unseen: list[Sentence] = []
    if part.drawn < part.refusals:
        most = 3 / part.used
        told_so = said(_SAMPLE, drawn=part.drawn, refusals=part.refusals)
        if not part.unfounded:
            told_so = said(_NONE_FOUND, drawn=part.drawn, refusals=part.refusals, most=min(100 * most, 100.0))
            details["most_share"] = min(most, 1.0)
        unseen.append(told_so)
    figure = replace(
        nothing, estimate=cases, low=cases, high=cases, details=details, unseen=tuple(unseen),
        method=said("counted over the refusals drawn"),
    )  # fmt: skip
    return told.of(figure, part)
