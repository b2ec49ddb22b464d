"""Small books of loans for tests: what borrowers earn and owe, what the firm allows them; and programs about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.programs import write_program

GROUPS = {"age": {"column": "age_group", "reference": "older"}}
LOAN = {
    "amount": "sum_lent", "instalment": "monthly", "term_months": "months", "income": "earned", "currency": "CNY",
    "debt_service": "owes", "policy_limit": "allowed", "originated_at": "granted_on", "repaid_at": "closed_on",
    "assessment": "assessed", "verified_income": "checked", "student": "studies", "loss_guarantee": "covered",
}  # fmt: skip
CONTRACT: dict[str, Any] = {"unit": "loan", "entity": "person", "groups": GROUPS, "strata": ["shop"], "loan": LOAN}
OPEN = (
    "sum_lent", "monthly", "months", "earned", "owes", "allowed", "granted_on", "closed_on", "assessed", "checked",
    "studies", "covered", "age_group", "shop", "person", "line", "price", "said",
)  # fmt: skip


def credit_book(
    seed: int = 3, rows: int = 4000, people: int | None = None, young: float = 0.3, stretched: float = 0.0,
    beyond: float = 0.0,
) -> pd.DataFrame:  # fmt: skip
    """Loans of people; ``stretched`` and ``beyond`` are added to the young's chance to lie above .4 and the limit."""
    rng = np.random.default_rng(seed)
    many = people or rows
    who = rng.integers(0, many, rows) if people else np.arange(rows)
    is_young, shop = (rng.random(many) < young)[who], rng.choice(["car", "web"], many)[who]
    chance = 0.15 + 0.15 * (shop == "web") + stretched * is_young
    tight = rng.random(rows) < chance
    share = np.where(tight, rng.uniform(0.41, 0.9, rows), rng.uniform(0.02, 0.39, rows))
    earned = rng.lognormal(8.2, 0.4, rows).round(2)
    amount = rng.integers(5, 60, rows) * 100.0
    owes = (share * earned * rng.uniform(0.2, 0.8, rows)).round(2)
    above = rng.random(rows) < 0.1 + beyond * is_young
    day = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 365, rows), unit="D")
    return pd.DataFrame({
        "loan": np.arange(rows), "person": who, "age_group": np.where(is_young, "young", "older"), "shop": shop,
        "sum_lent": amount, "months": rng.choice([6, 12, 24], rows), "earned": earned * 12, "owes": owes,
        "monthly": (share * earned - owes).round(6), "allowed": np.where(above, amount - 50, amount + 50),
        "granted_on": day, "closed_on": day + pd.to_timedelta(rng.integers(10, 300, rows), unit="D"),
        "assessed": rng.random(rows) < 0.98, "checked": rng.random(rows) < 0.9, "studies": rng.random(rows) < 0.01,
        "covered": np.where(rng.random(rows) < 0.5, 0.04 * amount, np.nan),
        "price": rng.normal(12, 3, rows).round(3),
    })  # fmt: skip


def written(
    folder: Path, data: pd.DataFrame, question: str = "predatory_lending.over_crediting",
    without: tuple[str, ...] = (), loan: dict[str, Any] | None = None, **changes: Any,
) -> Path:  # fmt: skip
    """The program of a book; ``loan`` and ``changes`` replace parts of the contract, ``without`` takes some out.

    A key of ``loan`` whose value is None is taken out.
    """
    contract = {role: part for role, part in (CONTRACT | changes).items() if role not in without}
    if "loan" in contract:
        merged = LOAN | (loan or {})
        contract["loan"] = {key: value for key, value in merged.items() if value is not None}
    named = str(contract)
    contract["columns"] = {name: {"null_tolerance": 1} for name in OPEN if name in data and f"'{name}'" in named}
    return write_program(
        folder, data, name="credits", contract=contract, audits={"primary": [question]}, policies=["conventions"],
    )  # fmt: skip
