"""What questions share that ask a model about changed persons: one collection for all, and figures from its sums."""

from __future__ import annotations

from audits.evidence.needs import FlipsNeed
from checks.inputs.access_columns import made_attributes
from checks.inputs.contract import DataContract


def flips_need(contract: DataContract, rows: int = 20_000, seed: int = 0) -> FlipsNeed:
    """The need of every question on flips: by the contract's groups and the attributes that the audit makes."""
    attributes = (*(group.name for group in contract.groups), *made_attributes(contract))
    return FlipsNeed(tuple(dict.fromkeys(attributes)), rows, seed)
