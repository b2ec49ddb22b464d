"""A third route to a loyalty penalty, told beside the two: what the model asks of renewing customers as new ones.

It makes no breach, since a flip is no quoted price, and it makes nothing clear: where it shows nothing, a stand-in for
tenure may carry the penalty. Where it shows a penalty, the figure of the two routes is not clear.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from audits.comparisons.asked_model import flips_of
from audits.comparisons.flip_figures import ratio_figure
from audits.comparisons.modelled_renewals import asks_of_renewals
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.collect import Evidence

_BESIDE = template(
    "{method}; a third route, told beside: {n:,} drawn renewals cost {ratio:.4f} times what the model itself asks of "
    "the same customers as new ones ({level:.5g} % interval {low:.4f} to {high:.4f})"
)
_SHOWN = template(
    "the model itself asks {percent:.2f} % more of drawn renewing customers than of the same customers as new ones"
)


def with_flip(figure: Measurement, evidence: Evidence, contract: DataContract) -> tuple[Measurement, list[NotAnswered]]:
    """The joint figure with the model's own route in its words and details, or why a declared model gives none."""
    if not asks_of_renewals(contract):
        return figure, []
    try:
        flips = flips_of(evidence, contract)
    except ModelUnusable as error:
        told = NotAnswered(f"{figure.question}: tenure_flip", error.fault.reason, error.fault.needed)
        return figure, [told]
    flip = next(iter(flips.of_kind("tenure")), None)
    if flip is None or flip.whole.log_ratio is None:
        return figure, []
    found = ratio_figure(flip.whole.log_ratio, figure.level)
    ratio, low, high = found["estimate"], found["low"], found["high"]
    if ratio is None or low is None or high is None:
        return figure, []
    n = flip.whole.changed
    details = {"flip_price_ratio": ratio, "flip_low": low, "flip_high": high, "flipped_renewals": float(n)}
    tolerance = contract.prediction.tolerance if contract.prediction else 0.0
    shown = (said(_SHOWN, percent=100 * (ratio - 1)),) if low > 1 + tolerance else ()
    method = said(_BESIDE, method=figure.method, n=n, ratio=ratio, level=100 * figure.level, low=low, high=high)
    return replace(
        figure, method=method, details={**figure.details, **details}, unseen=(*figure.unseen, *shown)
    ), []  # fmt: skip
