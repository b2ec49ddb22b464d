"""Points that the model itself takes from the elderly for their age, where no points from age are recorded.

The model is asked about drawn persons of 62 and over at a few younger ages, everything else as it is but for what the
contract says moves with the age. The figure is the mean of what they lose against the younger age that the model
favours most; its error is widened by Bonferroni over the ages, one of which is chosen for being the best.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from audits.comparisons.asked_model import flips_of, model_needs, takes
from audits.comparisons.flip_figures import error_of, flip_cautions, flip_counts
from audits.comparisons.model_doubts import doubts
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.collect import Evidence
    from audits.evidence.flip_results import FlipPart, FlipResult, Spread
    from audits.evidence.needs import Need

LEAST = 30  # drawn persons of 62 and over
_NOBODY = template("only {n} rows drawn are of persons of 62 or older that the model takes, and {needed} are needed")
_ONE_ENTITY = said("all these rows are of one entity, so that there is no error")
_ON_SCORE = said(
    "points of the model itself for drawn persons of 62 and over, as they are and at younger ages, against the one of "
    "these that the model favours most; Student's t, Bonferroni over the ages"
)
_ON_MARGIN = template(
    "the model itself, in its own scale ({link}), for drawn persons of 62 and over, as they are and at younger ages, "
    "against the one of these that the model favours most; Student's t, Bonferroni over the ages"
)
_ASKED = said(
    "the points are what the model makes of another age and were given to nobody: what goes with age beside what the "
    "contract says stays as it is"
)
_WITHIN_ERROR = said("the difference is within what chance makes of so few persons and so many ages")


def points_asked(contract: DataContract) -> bool:
    """Whether the points can only be had of the model: it takes the age, and no column of points is declared."""
    made = contract.prediction
    if made is None or not contract.age or contract.age_points:
        return False
    return made.of in ("score", "decision") and takes(contract, contract.age)


def points_flips_needs(contract: DataContract) -> Iterator[Need]:
    """What the figure takes."""
    if points_asked(contract):
        yield from model_needs(contract)


def points_in_model(
    question: str, measure: str, evidence: Evidence, contract: DataContract, level: float
) -> tuple[list[Measurement], list[NotAnswered]]:
    """The figure, or why the model cannot give it; for a contract of which ``points_asked`` is true."""
    try:
        found = flips_of(evidence, contract)
    except ModelUnusable as error:
        return [], [NotAnswered(f"{question}: {measure}", error.fault.reason, error.fault.needed)]
    flips = found.of_kind("age")
    usable = [flip for flip in flips if flip.fault is None]
    if faults := [flip.fault for flip in flips if flip.fault and not usable]:
        return [], [NotAnswered(f"{question}: {measure}", faults[0].reason, faults[0].needed)]
    made = contract.prediction
    score = made is not None and made.of == "score"
    nothing = Measurement(
        question=question, measure=measure, attribute=None, group=None, reference=None, estimate=None, low=None,
        high=None, level=level, n=0, source=said("flips"),
        method=_ON_SCORE if score else said(_ON_MARGIN, link=found.link),
    )  # fmt: skip
    sign = -1.0 if made is not None and made.favourable == "high" else 1.0  # of own − flipped: what is lost
    figure = _lost(nothing, usable, sign, score)
    told = doubts(evidence, contract)
    return [replace(figure, cautions=(*figure.cautions, *told), unseen=(*figure.unseen, *told))], []


def _lost(nothing: Measurement, flips: list[FlipResult], sign: float, score: bool) -> Measurement:
    """Against the best of the younger ages; ``sign`` turns own − flipped into what is lost."""
    asked = [(flip, flip.whole, spread) for flip in flips if (spread := _spread(flip.whole, score))]
    n = max((part.changed for _, part, _ in asked), default=0)
    counts = flip_counts(asked[0][1]) if asked else {}
    nothing = replace(nothing, n=n, counts=counts)
    if n < LEAST:
        return replace(nothing, reason=said(_NOBODY, n=n, needed=LEAST))
    if any(spread.clusters < 2 for _, _, spread in asked):  # noqa: PLR2004
        return replace(nothing, reason=_ONE_ENTITY)
    flip, part, spread = max(asked, key=lambda one: sign * one[2].mean)
    lost, reach = sign * spread.mean + 0.0, _reach(spread, nothing.level, len(asked))
    return replace(
        nothing, estimate=lost, low=lost, high=lost, undecided=_WITHIN_ERROR if abs(lost) <= reach else None,
        cautions=(_ASKED, *flip_cautions(flip, part)), unseen=(_ASKED,),
        counts={**flip_counts(part), "losing": part.harmed, "gaining": part.better},
        details={
            "best_age": float(flip.other or 0), "error": error_of(spread), "low": lost - reach, "high": lost + reach,
            "ages": float(len(asked)), **{f"lost_to_{one.other}": sign * held.mean + 0.0 for one, _, held in asked},
        },
    )  # fmt: skip


def _spread(part: FlipPart, score: bool) -> Spread | None:
    """Of the points, or of the margin where the figure is no score."""
    return part.recorded if score else part.margin


def _reach(spread: Spread, level: float, ages: int) -> float:
    """The half-width, by Student's t, that holds for all ages at once."""
    from scipy.special import stdtrit

    return float(stdtrit(spread.clusters - 1, 1 - (1 - level) / (2 * ages))) * error_of(spread)
