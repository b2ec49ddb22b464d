"""The one need that all questions about the way to credit share, so that its rows are read once."""

from __future__ import annotations

from audits.evidence.needs import FunnelNeed
from checks.inputs.contract import DataContract

CHINA, UNITED_STATES = 60.0, 62.0  # ages from which rules call a person elderly


def funnel_need(contract: DataContract, cuts: tuple[float, ...] = ()) -> FunnelNeed:
    """Every attribute of the contract, its strata, and the ages of the rules beside ``cuts``."""
    ages = tuple(sorted({CHINA, UNITED_STATES, *cuts})) if contract.age else ()
    return FunnelNeed(tuple(group.name for group in contract.groups), tuple(dict.fromkeys(contract.strata)), ages)
