"""What the model itself would ask a renewing customer as a new one: the share it asks more, and the money.

The model is asked about drawn renewals as they are and with a tenure of 0, together with what the contract says moves
with it. It is the model's own price and no quoted one, and a flip of tenure leaves whatever stands in for tenure as it
is: neither figure is ever clear, whatever it shows. Intervals are those of ``flip_figures``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import exp
from typing import TYPE_CHECKING, Any

from audits.comparisons.asked_model import flips_of, model_needs, takes
from audits.comparisons.currency import in_currency, price_currency, price_currency_needs
from audits.comparisons.flip_figures import flip_cautions, flip_counts, mean_figure, share_figure
from audits.comparisons.model_doubts import doubts
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.evidence.collect import Evidence
    from audits.evidence.flip_results import BesideRecorded, FlipPart, FlipResult, Flips
    from audits.evidence.needs import Need

ABOVE, OVERCHARGE = "modelled_renewal_above_enbp_share", "modelled_renewal_overcharge"
_NO_PRICE = (
    template("the contract's model predicts the {of}, and no price"),
    said("name the model of the price under 'prediction'"),
)
_NO_TENURE = (
    said("the contract declares no tenure, so that the model cannot be asked about a new customer"),
    said("declare 'tenure', with 0 for new customers"),
)
_NOT_TAKEN = (
    said("the model does not take the tenure, so that asking it about a new customer changes nothing; what stands in "
         "for tenure is not seen this way"),
    said("ask explanation.proxy_features which features stand in for tenure"),
)  # fmt: skip
_NOBODY = said("no row drawn is a renewal that the model takes")
_OWN = said("it is the model's own price for a new customer, and not a quoted one")
_STAND_INS = said(
    "asking the model about a tenure of 0 changes what the contract says moves with it, and leaves whatever else "
    "stands in for tenure as it is"
)
_SHARE = said("the model's own prices of drawn renewals, as they are and with a tenure of 0; Clopper and Pearson")
_MONEY = said(
    "the model's own prices of drawn renewals, as they are and with a tenure of 0: mean of what is beyond one step of "
    "rounding, 0 where nothing is; Student's t"
)


def asks_of_renewals(contract: DataContract) -> bool:
    """Whether the contract has a model of the price that takes the tenure."""
    return contract.prediction is not None and _lack(contract) is None


def renewals_needs(contract: DataContract) -> Iterator[Need]:
    """What the figures take, where the contract's model can give them."""
    if asks_of_renewals(contract):
        yield from model_needs(contract)
        yield from price_currency_needs(contract)


def modelled_renewals(
    question: str, evidence: Evidence, contract: DataContract, level: float
) -> tuple[list[Measurement], list[NotAnswered]]:
    """Both figures, or why the declared model cannot give them; nothing without a declared model."""
    if not contract.prediction:
        return [], []
    lack = _lack(contract)
    flips: Flips | None = None
    if lack is None:
        try:
            flips = flips_of(evidence, contract)
        except ModelUnusable as error:
            lack = error.fault.reason, error.fault.needed
    flip = next(iter(flips.of_kind("tenure")), None) if flips else None
    if flip and flip.fault:
        lack = flip.fault.reason, flip.fault.needed
    if lack or flips is None or flip is None:
        return [], [NotAnswered(f"{question}: {measure}", *(lack or _NOT_TAKEN)) for measure in (ABOVE, OVERCHARGE)]
    base = _base(question, flip, level, doubts(evidence, contract))
    money = in_currency(_overcharge(base, flip.whole), price_currency(evidence, contract))
    return [_above(base, flip.whole, flips.recorded), money], []


def _lack(contract: DataContract) -> tuple[Sentence, Sentence] | None:
    made = contract.prediction
    if made is None or made.of != "price":
        return said(_NO_PRICE[0], of=made.of if made else "price"), _NO_PRICE[1]
    if not contract.tenure:
        return _NO_TENURE
    return None if takes(contract, contract.tenure) else _NOT_TAKEN


def _base(question: str, flip: FlipResult, level: float, told: tuple[Sentence, ...]) -> Measurement:
    part = flip.whole
    cautions = (*flip_cautions(flip, part), *told)
    return Measurement(
        question=question, measure=ABOVE, attribute=None, group=None, reference=None, estimate=None, low=None,
        high=None, level=level, n=part.changed, counts={**flip_counts(part), "above": part.dearer or 0},
        method=_SHARE, source=said("flips"), cautions=cautions, unseen=(_OWN, _STAND_INS, *told),
        reason=None if part.changed else _NOBODY,
    )  # fmt: skip


def _above(base: Measurement, part: FlipPart, recorded: BesideRecorded | None) -> Measurement:
    details = {"cheaper_share": part.better / part.changed} if part.changed else {}
    if part.log_ratio:
        details["mean_price_ratio"] = exp(part.log_ratio.mean)
    figure = replace(base, details={**details, **_agreement(recorded)})
    return figure if base.reason else replace(figure, **share_figure(part.share_dearer, part.dearer or 0, base.level))


def _agreement(one: BesideRecorded | None) -> dict[str, float]:
    """How far the recorded new-customer prices and the model's own lead to the same."""
    if one is None:
        return {}
    unlike = one.modelled_above + one.recorded_above - 2 * one.both_above
    return {
        "recorded_compared": float(one.renewals), "recorded_above_share": one.recorded_above / one.renewals,
        "modelled_above_share": one.modelled_above / one.renewals, "same_side_share": 1 - unlike / one.renewals,
        "model_to_recorded_new_price_ratio": exp(one.mean_log), "mean_distance_of_the_logs": one.mean_distance,
        "within_a_step_share": one.within_step / one.renewals,
    }  # fmt: skip


def _overcharge(base: Measurement, part: FlipPart) -> Measurement:
    """Money beyond the model's price as a new customer, on average over renewals."""
    base = replace(base, measure=OVERCHARGE, method=_MONEY)
    if base.reason or part.excess is None:
        return replace(base, reason=base.reason or mean_figure(None, base.level)["reason"])
    found = {name: value for name, value in mean_figure(part.excess, base.level).items() if name not in _OF_EQUALITY}
    if found["estimate"] is None:
        return replace(base, **found)
    if not part.dearer:  # how dear those would be who were not drawn is not known
        found |= {"low": 0.0, "high": None, "ladder": tuple((at, 0.0, None) for at, *_ in found["ladder"])}
    mean = part.excess.mean
    details = {"estimated_total_money": mean * part.population * part.changed / part.drawn}
    details |= {"mean_of_those_above": mean * part.changed / part.dearer} if part.dearer else {}
    return replace(base, **_above_zero(found), details=details)


_OF_EQUALITY = ("p_value", "mde")


def _above_zero(found: dict[str, Any]) -> dict[str, Any]:
    """Bounds of what cannot be below 0."""
    ladder = tuple((at, None if low is None else max(low, 0.0), high) for at, low, high in found["ladder"])
    return {**found, "low": None if found["low"] is None else max(found["low"], 0.0), "ladder": ladder}
