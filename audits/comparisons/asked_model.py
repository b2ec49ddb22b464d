"""What questions share that ask the contract's model besides reading what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from audits.comparisons.flip_figures import flips_need
from audits.evidence.needs import Need, ReproductionNeed
from checks.inputs.contract import DataContract

if TYPE_CHECKING:
    from audits.evidence.collect import Evidence
    from audits.evidence.flip_results import Flips


def model_needs(contract: DataContract) -> Iterator[Need]:
    """Flips, and how often the model gives what was recorded: the same for every question, so that all share one."""
    yield flips_need(contract)
    yield ReproductionNeed()


def flips_of(evidence: Evidence, contract: DataContract) -> Flips:
    """The flips that were collected. Raises ``ModelUnusable``."""
    found: Flips = evidence.modelled(flips_need(contract))
    return found


def takes(contract: DataContract, column: str) -> bool:
    """Whether a column is among the features, or stands for one-hot columns among them."""
    hot = dict(contract.prediction.one_hot) if contract.prediction else {}
    return column in contract.features or column in hot
