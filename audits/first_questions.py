"""Which questions the roles that were guessed can answer."""

from __future__ import annotations

from collections.abc import Collection

from audits.catalogue import PACKAGES

# what a question needs beyond its roles to be worth asking: one of these sets of filled parts
_WORTH: dict[str, tuple[tuple[str, ...], ...]] = {
    "predatory_lending.concentration": (("groups", "loan"), ("groups", "rate")),
    "predatory_lending.cost_caps": (("loan.fees",), ("loan.disclosed_apr",)),
    "predatory_lending.hidden_charges": (("loan.fees",), ("loan.disclosed_apr",), ("loan.insurance",)),
    "predatory_lending.debt_trap": (("loan", "entity", "time"),),
    "predatory_lending.inducement": (("terms.pushed", "terms.borrowed"),),
    "predatory_lending.mortgage_thresholds": (("loan.apor",),),
    "predatory_lending.over_crediting": (("loan.income", "loan.debt_service"), ("loan.credit_limit", "loan.income")),
    "loyalty_pricing.disclosure": (("terms.disclosed",),),
    "loyalty_pricing.same_terms": (("terms.payment_method",), ("terms.channel",), ("terms.product",)),
    "loyalty_pricing.willingness_to_pay": (("behaviour",),),
    "digital_divide.elderly": (("groups.age", "funnel"),),
    "digital_divide.concentration_index": (("funnel", "groups"),),
    "explanation.reason_codes": (("denial_reasons", "prediction"),),
}


def questions_for(filled: Collection[str]) -> tuple[list[str], list[str]]:
    """Primary and exploratory questions: the first that a package can answer, and the others.

    ``filled`` are roles and parts of roles, such as ``loan`` and ``loan.amount``.
    """
    primary: list[str] = []
    exploratory: list[str] = []
    have = set(filled)
    for kinds in PACKAGES.values():
        able = [kind.name for kind in kinds if set(kind.roles) <= have and _worth(kind.name, have)]
        primary += able[:1]
        exploratory += able[1:]
    return primary, exploratory


def _worth(name: str, have: set[str]) -> bool:
    ways = _WORTH.get(name)
    return ways is None or any(set(way) <= have for way in ways)
