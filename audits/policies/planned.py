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
    **_counted("explanation.paired_flips", protected_flip_cases="decisions that turn on the protected attribute"),
    **_counted(
        "explanation.reason_codes",
        most_reasons_given="most reasons in a notice of refusal",
        generic_reason_cases="refusals for a generic reason",
        unfounded_reason_cases="refusals for a reason that did not drive them",
        unreviewed_decision_cases="automated decisions without the human review that was asked for",
    ),
    **_counted(
        "monitoring.model_records",
        missing_model_records="missing records of a model",
        high_risk_missing_records="missing records of a high-risk system",
    ),
}

_COMING = {
    name: MeasureKind("explanation", None, False, "about the model itself")
    for name in ("unreproduced_share", "proxy_carried_gap", "flip_output_change", "flip_harmed_share",
                 "trait_flip_price_ratio", "modelled_renewal_above_enbp_share", "reason_match_share",
                 "reason_match_gap", "adjusted_model_output_gap")
}  # fmt: skip
PLANNED: dict[str, MeasureKind] = {**_MODELS, **_COMING}

# roles that rules take and that no contract has yet
PLANNED_ROLES: dict[str, str] = {
    "model_records": "owner, tier, validation and other records of the model",
}
