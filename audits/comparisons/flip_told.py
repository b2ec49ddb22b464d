"""The figures of one flip: how much it changes, for how many it is worse, and which decisions turn on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp
from typing import Any

from audits.comparisons.census import counted
from audits.comparisons.flip_figures import flip_cautions, flip_counts, mean_figure, share_figure
from audits.evidence.flip_results import FlipPart, FlipResult
from audits.record import Measurement
from checks.sentence import Sentence, joined, said, template

CHANGE, HARMED, CASES = "flip_output_change", "flip_harmed_share", "protected_flip_cases"
PROTECTED = ("group", "age")
_QUANTILES = ("change_5", "change_25", "change_50", "change_75", "change_95")
_MEAN = template("mean over the changed rows, each asked of the model as recorded and with {sets}")
_MEAN_BY_ENTITY = template(
    "mean over the changed rows, each asked of the model as recorded and with {sets}; errors by entity"
)
_SHARE = template("Clopper-Pearson, of the changed rows, each asked of the model as recorded and with {sets}")
_SHARE_BY_ENTITY = template(
    "Clopper-Pearson of the effective number of changed rows, since entities repeat; each asked of the model as "
    "recorded and with {sets}"
)
_COUNTED = template("counted in the rows drawn, each asked of the model as recorded and with {sets}")


@dataclass(frozen=True, slots=True)
class Told:
    """What all figures of one question share; ``harmful`` is −1 where a lower output is worse for the person."""

    question: str
    level: float
    harmful: int

    def change(self, flip: FlipResult) -> Measurement:
        """The mean change of the margin, own − flipped, above 0 where the own value is worse for the person."""
        part = flip.whole
        figure = self._started(CHANGE, flip, part, by_entity(part, _MEAN, _MEAN_BY_ENTITY))
        if reason := unchanged(flip):
            return replace(figure, reason=reason)
        found = mean_figure(part.margin, self.level, sign=self.harmful)
        figure = replace(figure, **found, equality=0.0, details=self._details(part))
        return replace(figure, unseen=_alike(part, figure.estimate, found.get("standard_error")))

    def harmed(self, flip: FlipResult) -> Measurement:
        """The share of changed rows to whom the own value is worse beyond tolerance."""
        part = flip.whole
        figure = self._started(HARMED, flip, part, by_entity(part, _SHARE, _SHARE_BY_ENTITY))
        if reason := unchanged(flip):
            return replace(figure, reason=reason)
        return replace(
            figure, **share_figure(part.share_harmed, part.harmed, self.level),
            details={"better_share": part.better / part.changed},
        )  # fmt: skip

    def cases(self, flip: FlipResult) -> Measurement:
        """Decisions of drawn rows that turn, either way."""
        part = flip.whole
        lost, gained, asked = part.lost or 0, part.gained or 0, part.meant - part.unusable
        reason = unchanged(flip) if not asked else None
        counts = {**flip_counts(part), "lost": lost, "gained": gained, "against": part.against or 0}
        figure = counted(self.question, CASES, None if reason else lost + gained, asked, counts, reason)
        return replace(
            figure, attribute=flip.attribute, group=flip.own, reference=flip.other, segment=flip.name,
            method=said(_COUNTED, sets=sets_of(flip)), source=said("flips"), cautions=flip_cautions(flip, part),
            unseen=() if reason or lost + gained else _none_seen(part, asked, self.level),
        )  # fmt: skip

    def _started(self, measure: str, flip: FlipResult, part: FlipPart, method: str) -> Measurement:
        counts = {
            **flip_counts(part), "harmed": part.harmed, "better": part.better,
            "alike": part.changed - part.harmed - part.better,
        }  # fmt: skip
        if part.lost is not None and part.gained is not None:
            counts |= {"lost": part.lost, "gained": part.gained, "against": part.against or 0}
        return Measurement(
            question=self.question, measure=measure, attribute=flip.attribute, group=flip.own, reference=flip.other,
            estimate=None, low=None, high=None, level=self.level, n=part.changed, segment=flip.name, counts=counts,
            method=said(method, sets=sets_of(flip)), source=said("flips"), cautions=flip_cautions(flip, part),
        )  # fmt: skip

    def _details(self, part: FlipPart) -> dict[str, float]:
        """Further figures of the same rows: own − flipped of the margin as it is, and on the scale of the role."""
        found: dict[str, Any] = {}
        if part.quantiles:
            ordered = part.quantiles if self.harmful > 0 else tuple(-one for one in reversed(part.quantiles))
            found |= dict(zip(_QUANTILES, ordered, strict=True))
        if part.margin:
            found["own_less_flipped"] = part.margin.mean
        if part.recorded:
            found["recorded_change"] = part.recorded.mean
        if part.relative:
            found["relative_change"] = part.relative.mean
        if part.log_ratio:
            found["mean_ratio"] = exp(part.log_ratio.mean)
        if part.dearer is not None and part.changed:
            found["share_above"] = part.dearer / part.changed
        return found


def by_entity(part: FlipPart, plain: str, clustered: str) -> str:
    """One of two templates, by whether entities repeat among the changed rows."""
    return clustered if part.margin and part.margin.clusters < part.margin.n else plain


def sets_of(flip: FlipResult) -> Sentence:
    """What a flip sets, as written in the method: ``tenure = 0, age = =birth``."""
    return joined([" = ".join((name, value or "NULL")) for name, value in flip.sets], ", ")


def unchanged(flip: FlipResult) -> Sentence | None:
    """Why a flip has no figure, where it changes nobody that the model takes."""
    part = flip.whole
    if part.changed:
        return None
    if flip.fault:
        return said(
            "the model does not take the rows that the flip '{flip}' changes: {reason}",
            flip=flip.name, reason=flip.fault.reason,
        )  # fmt: skip
    if not part.meant:
        return said("of {drawn:,} drawn rows the flip '{flip}' speaks of none", drawn=part.drawn, flip=flip.name)
    if part.unusable:
        return said(
            "the flip '{flip}' changes nobody whom the model takes: of {meant:,} rows it does not take {unusable:,}",
            flip=flip.name, meant=part.meant, unusable=part.unusable,
        )  # fmt: skip
    return said("the flip '{flip}' changes no feature in any of {meant:,} rows", flip=flip.name, meant=part.meant)


def _alike(part: FlipPart, estimate: float | None, error: float | None) -> tuple[Sentence, ...]:
    """A change that is the same in every drawn row has no error, and rows that were not drawn may differ."""
    if estimate is None or error or part.census:
        return ()
    return (said(
        "all {n:,} changed rows change alike, so that drawing has no error to tell: of the rows not drawn up to "
        "{share:.2g} % may change otherwise", n=part.changed, share=min(100.0, 300.0 / part.changed),
    ),)  # fmt: skip


def _none_seen(part: FlipPart, asked: int, level: float) -> tuple[Sentence, ...]:
    """What no case among the rows asked leaves open."""
    from audits.statistics.exact_tests import zero_cases_upper_bound

    found = []
    if not part.census:
        most = 100 * float(zero_cases_upper_bound(asked, level))
        found.append(said(
            "no decision turned in {n:,} drawn rows of {population:,}: up to {most:.2g} % of them may turn",
            n=asked, population=part.population, most=most,
        ))  # fmt: skip
    if part.unusable:
        found.append(said("the model does not take {unusable:,} of the rows drawn", unusable=part.unusable))
    return tuple(found)
