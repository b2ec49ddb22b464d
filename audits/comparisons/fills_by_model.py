"""Refused thin files that the model itself would approve once what they lack is filled in with what is usual.

Of the drawn thin files that the model decides against, each column that is missing is set to the median, or the most
frequent value, of those who have it, and the model is asked again. Decisions are the model's own, by the prediction's
threshold; interval of Clopper and Pearson (1934, Biometrika 26:404–413), of ``flip_figures`` where entities repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from audits.comparisons.asked_model import flips_of, model_needs, takes
from audits.comparisons.flip_figures import flip_cautions, flip_counts, share_figure
from audits.comparisons.model_doubts import doubts
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.collect import Evidence
    from audits.evidence.flip_results import FlipResult
    from audits.evidence.needs import Need

_NO_THRESHOLD = (
    said("the contract does not say where the model's output turns into a decision"),
    said("name it under 'prediction: {{threshold: …}}', or a decision of the model with the empty columns filled in "
         "under 'thin_file: {{filled_decision: …}}'"),
)  # fmt: skip
_NOTHING_USUAL = (
    said("no row drawn has what thin files lack, so that nothing usual can be filled in"),
    said("have the model decide again after the empty columns are filled in, and name that column under 'thin_file: "
         "{{filled_decision: …}}'"),
)  # fmt: skip
_TOO_FEW = template("the model decides against {n} of the thin files drawn, too few for a share")
_METHOD = said(
    "the model's own decisions on thin files drawn, as they are and with what is usual in place of what they lack; "
    "Clopper and Pearson"
)
_USUAL = said(
    "what is filled in is usual among others and may not be these persons' own, and what else a data trail would show "
    "stays as it is"
)


def fills_asked(contract: DataContract) -> bool:
    """Whether no filled decision is declared, and the model decides and takes a column that thin files lack."""
    made, thin = contract.prediction, contract.thin_file
    if made is None or thin is None or thin.filled_decision or made.of == "price":
        return False
    decides = made.of in ("score", "decision") or made.threshold is not None
    return decides and any(takes(contract, column) for column in thin.missing)


def fills_needs(contract: DataContract) -> Iterator[Need]:
    """What the share takes."""
    if fills_asked(contract) and _decided(contract):
        yield from model_needs(contract)


def share_filled(
    nothing: Measurement, evidence: Evidence, contract: DataContract
) -> tuple[list[Measurement], list[NotAnswered]]:
    """The share, or why the model cannot give it; for a contract of which ``fills_asked`` is true."""
    about = f"{nothing.question}: {nothing.measure}"
    if not _decided(contract):
        return [], [NotAnswered(about, *_NO_THRESHOLD)]
    try:
        found = flips_of(evidence, contract)
    except ModelUnusable as error:
        return [], [NotAnswered(about, error.fault.reason, error.fault.needed)]
    flip = next(iter(found.of_kind("footprint")), None)
    if flip is None:
        return [], [NotAnswered(about, *_NOTHING_USUAL)]
    if flip.fault:
        return [], [NotAnswered(about, flip.fault.reason, flip.fault.needed)]
    figure = _share(nothing, flip, score=bool(contract.prediction and contract.prediction.of == "score"))
    told = doubts(evidence, contract)
    return [replace(figure, cautions=(*figure.cautions, *told), unseen=(*figure.unseen, *told))], []


def _decided(contract: DataContract) -> bool:
    made = contract.prediction
    return made is not None and (made.of == "decision" or made.threshold is not None)


def _share(nothing: Measurement, flip: FlipResult, *, score: bool) -> Measurement:
    part = flip.whole
    against, lost = part.against or 0, part.lost or 0
    counts = {
        **flip_counts(part), "flipped": lost, "refused_and_filled": against, "approved_then_refused": part.gained or 0,
    }  # fmt: skip
    details = {"columns_filled": float(len(flip.sets))}
    if score and part.recorded:
        details["mean_score_change"] = -part.recorded.mean
    figure = replace(
        nothing, n=against, counts=counts, details=details, method=_METHOD, source=said("flips"),
        cautions=flip_cautions(flip, part), unseen=(_USUAL,),
    )  # fmt: skip
    if part.share_lost is None:
        return replace(figure, reason=said(_TOO_FEW, n=against))
    return replace(figure, **share_figure(part.share_lost, lost, nothing.level))
