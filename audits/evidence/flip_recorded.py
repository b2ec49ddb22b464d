"""The model's price for a renewing customer as a new one beside the new-customer price that was recorded for him."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from audits.evidence.flip_changes import Change
from audits.evidence.flip_persons import Persons
from audits.evidence.flip_results import BesideRecorded
from audits.evidence.flip_sums import FEWEST, Floats
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.inputs.pricing_columns import ABOVE, NEW_SIDE, NOT_ABOVE

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class _Pair:
    own: Floats
    flipped: Floats
    recorded: Floats
    side: np.ndarray[tuple[int], np.dtype[np.object_]]


def recorded_columns(contract: DataContract) -> tuple[str, ...]:
    """The columns beside the features that the comparison reads; none where it cannot be made."""
    if not _compared(contract):
        return ()
    named = (str(contract.new_customer_price), NEW_SIDE)
    return tuple(name for name in named if name not in contract.features)


def beside_recorded(
    contract: DataContract, persons: Persons, changes: list[Change], own: Floats,
    ask: Callable[[pd.DataFrame], Floats],
) -> BesideRecorded | None:  # fmt: skip
    """Of the drawn renewals, among the rows drawn of all, with both prices; ``own`` (n,) are the model's figures.

    ``ask`` gives the figures of changed features, NaN where the model does not take them. None without a flip of
    tenure or a recorded new-customer price, and for fewer than 5 rows.
    """
    change = next((one for one in changes if one.kind == "tenure"), None)
    if change is None or not _compared(contract):
        return None
    prices, side = persons.values(str(contract.new_customer_price)), persons.values(NEW_SIDE)
    prices = np.asarray(prices, dtype=np.float64)
    rows = change.meant(persons) & (np.arange(len(persons)) < persons.whole) & np.isin(side, (ABOVE, NOT_ABOVE))
    rows &= (own > 0) & (prices > 0)
    if not rows.any():
        return None
    flipped = np.full(len(persons), np.nan)
    try:
        flipped[rows] = ask(persons.flipped(dict(change.sets), change.fills, rows))
    except ModelUnusable:  # the flip's own result tells why
        return None
    rows &= flipped > 0
    return _told(_Pair(own[rows], flipped[rows], prices[rows], side[rows]), contract.rounding)


def _compared(contract: DataContract) -> bool:
    made = contract.prediction
    return bool(made and made.of == "price" and contract.price and contract.new_customer_price)


def _told(pair: _Pair, step: float) -> BesideRecorded | None:
    if len(pair.own) < FEWEST:
        return None
    modelled = pair.own - pair.flipped > step * (1 + 1e-9)
    recorded = pair.side == ABOVE
    logs = np.log(pair.flipped / pair.recorded)
    return BesideRecorded(
        len(logs), int(modelled.sum()), int(recorded.sum()), int((modelled & recorded).sum()), float(logs.mean()),
        float(np.abs(logs).mean()), int((np.abs(pair.flipped - pair.recorded) <= step * (1 + 1e-9)).sum()),
    )  # fmt: skip
