"""Predatory lending: does credit cost more than it may, hide what it costs, or keep people in debt?"""

from __future__ import annotations

from typing import Any

from audits.predatory_lending.concentration import Concentration
from audits.predatory_lending.cost_caps import CostCaps
from audits.predatory_lending.debt_trap import DebtTrap
from audits.predatory_lending.hidden_charges import HiddenCharges
from audits.predatory_lending.inducement import Inducement
from audits.predatory_lending.mortgage_thresholds import MortgageThresholds
from audits.predatory_lending.over_crediting import OverCrediting
from audits.predatory_lending.steering import Steering

QUESTIONS: tuple[type[Any], ...] = (
    Concentration,
    CostCaps,
    DebtTrap,
    HiddenCharges,
    Inducement,
    MortgageThresholds,
    OverCrediting,
    Steering,
)  # fmt: skip
