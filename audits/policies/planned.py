"""What measures are known: those that questions measure, and those that rules name and no question measures yet.

A rule may stand in a pack before its measure exists; a run then lists it as not applied and says so. A question's own
declaration wins over an entry here, so that an entry is merely stale once its question has come (a test tells).
``counted`` marks what is known case by case, a number of cases or the highest figure of any case: such a figure is
exact and is put to the test ``census``, which asks whether any case lies beyond the limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from audits.catalogue import questions
from checks.inputs.contract import BEHAVIOUR_KEYS, LOAN_KEYS, ROLES, TERMS_KEYS


@dataclass(frozen=True, slots=True)
class MeasureKind:
    """A measure: the question that has it, the value that means no difference, and whether it is a count of cases."""

    question: str
    equality: float | None
    counted: bool
    planned: str | None = None
    """What it will be, in a line; None where a question measures it."""


def measure_kinds() -> dict[str, MeasureKind]:
    """Every measure that a rule may name; what questions declare comes before what is planned."""
    measured = {
        measure: MeasureKind(kind.name, equality, measure in kind.counted)
        for kind in questions().values()
        for measure, equality in kind.measures.items()
    }
    return {**PLANNED, **measured}


def stale() -> list[str]:
    """Planned measures and roles that exist by now: their entries here are to be deleted."""
    return [*(set(PLANNED) & {measure for kind in questions().values() for measure in kind.measures}),
            *(set(PLANNED_ROLES) & set(contract_roles()))]  # fmt: skip


def contract_roles() -> tuple[str, ...]:
    """The roles of a contract; the parts of a block by name, such as ``loan.amount``."""
    blocks = {"loan": LOAN_KEYS, "terms": TERMS_KEYS, "behaviour": BEHAVIOUR_KEYS}
    return (*ROLES, "loan.payments", *(f"{block}.{key}" for block, keys in blocks.items() for key in keys))


def _counted(question: str, **what: str) -> dict[str, MeasureKind]:
    return {measure: MeasureKind(question, None, True, text) for measure, text in what.items()}


_MODELS: dict[str, MeasureKind] = {
    **_counted(
        "monitoring.model_records",
        missing_model_records="missing records of a model",
        high_risk_missing_records="missing records of a high-risk system",
    ),
}


PLANNED: dict[str, MeasureKind] = {**_MODELS}

# roles that rules take and that no contract has yet
PLANNED_ROLES: dict[str, str] = {
    "model_records": "owner, tier, validation and other records of the model",
}
