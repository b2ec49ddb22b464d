"""The model's own price with what the firm knows of a customer's willingness to pay, and with what is usual instead.

Each trait among the model's features is set to its median, the device to the most frequent, in drawn rows. The
geometric mean of price as it is over price flipped lets those above and those below cancel, so that both sides are
told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from audits.comparisons.asked_model import flips_of, model_needs, takes
from audits.comparisons.flip_figures import flip_cautions, flip_counts, ratio_figure
from audits.comparisons.model_doubts import doubts
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import BEHAVIOUR_KEYS, DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.evidence.collect import Evidence
    from audits.evidence.flip_results import FlipResult
    from audits.evidence.needs import Need

TRAIT_RATIO = "trait_flip_price_ratio"
_NO_PRICE = (
    template("the contract's model predicts the {of}, and no price"),
    said("name the model of the price under 'prediction'"),
)
_NOT_TAKEN = (
    said("the model takes none of the columns under 'behaviour'; what stands in for them is not seen this way"),
    said("list the columns that the model takes under 'features', where one of them is such a trait"),
)
_METHOD = said(
    "geometric mean of the model's own price over its price with the usual value instead, in drawn rows that the flip "
    "changes; Student's t on logarithms"
)
_OWN = said("a flip of one trait leaves whatever else stands in for it as it is")
_CANCEL = template(
    "the model asks {harmed:.1f} % of these persons more than with the usual value and {better:.1f} % less, and both "
    "cancel in a mean"
)
_OTHERS = said("below 1 those who have the usual value are asked more, and no figure here is of them")


def traits_needs(contract: DataContract) -> Iterator[Need]:
    """What the ratios take, where the contract's model can give them."""
    if contract.prediction and _lack(contract) is None:
        yield from model_needs(contract)


def trait_flips(
    question: str, evidence: Evidence, contract: DataContract, level: float
) -> tuple[list[Measurement], list[NotAnswered]]:
    """A ratio for each trait that the model takes, or why the declared model cannot give one."""
    if not contract.prediction:
        return [], []
    about = f"{question}: {TRAIT_RATIO}"
    if lack := _lack(contract):
        return [], [NotAnswered(about, *lack)]
    try:
        flips = flips_of(evidence, contract)
    except ModelUnusable as error:
        return [], [NotAnswered(about, error.fault.reason, error.fault.needed)]
    found = flips.of_kind("trait", "device")
    told = doubts(evidence, contract)
    figures = [_ratio(question, flip, level, told) for flip in found if flip.fault is None]
    faults = [NotAnswered(about, flip.fault.reason, flip.fault.needed) for flip in found if flip.fault]
    return figures, faults if found else [NotAnswered(about, *_NOT_TAKEN)]


def _lack(contract: DataContract) -> tuple[Sentence, Sentence] | None:
    made = contract.prediction
    if made is None or made.of != "price":
        return said(_NO_PRICE[0], of=made.of if made else "price"), _NO_PRICE[1]
    traits = [contract.behaviour[key] for key in BEHAVIOUR_KEYS if key in contract.behaviour]
    return None if any(takes(contract, column) for column in traits) else _NOT_TAKEN


def _ratio(question: str, flip: FlipResult, level: float, told: tuple[Sentence, ...]) -> Measurement:
    part = flip.whole
    base = Measurement(
        question=question, measure=TRAIT_RATIO, attribute=flip.attribute, group=None, reference=None, estimate=None,
        low=None, high=None, level=level, n=part.changed, equality=1.0, segment=flip.name,
        counts={**flip_counts(part), "harmed": part.harmed, "better": part.better}, method=_METHOD,
        source=said("flips"), cautions=(*flip_cautions(flip, part), *told), unseen=(_OWN, *told),
    )  # fmt: skip
    figure = replace(base, **ratio_figure(part.log_ratio, level))
    if figure.estimate is None or part.log_ratio is None:
        return figure
    shares = {"harmed_share": part.harmed / part.changed, "better_share": part.better / part.changed}
    spread = (part.log_ratio.squares / part.log_ratio.n) ** 0.5
    return replace(
        figure, details={**shares, "deviation_of_the_log": spread}, unseen=(*figure.unseen, *_hidden(figure, shares)),
    )  # fmt: skip


def _hidden(figure: Measurement, shares: dict[str, float]) -> Iterator[Sentence]:
    """What a mean does not show."""
    if all(shares.values()):
        yield said(_CANCEL, harmed=100 * shares["harmed_share"], better=100 * shares["better_share"])
    if figure.estimate is not None and figure.estimate < 1:
        yield _OTHERS
