"""Small books of quotes that make the questions on loyalty pricing say all that they can say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.programs import write_program

TERMS = {
    "product": "line", "channel": "route", "payment_method": "paid_by", "incentive": "gift",
    "new_customer_incentive": "lure", "reason_code": "code", "disclosed": "told", "personalised": "made_for",
    "plain_option": "plain",
}  # fmt: skip
GROUPS = {"sex": {"column": "sex", "reference": "m"}}
BEHAVIOUR = {"device": "device", "visits": "visits", "spend_history": "spent", "elasticity_score": "score"}
CONTRACT: dict[str, Any] = {
    "unit": "case", "price": {"column": "asked", "currency": "GBP"}, "cost": "expected",
    "realised_cost": "claims", "new_customer_price": "fresh", "market_price": "market", "prior_price": "before",
    "tenure": {"column": "stayed", "bands": [1, 2, 5]}, "strata": ["line", "route"], "terms": TERMS,
}  # fmt: skip
LATE = ("tenure", "realised_cost", "prior_price")  # roles without which the questions on tenure are not asked
SCOPE = {"jurisdictions": ["UK", "CN", "EU", "US"], "products": ["motor_insurance"]}
OPEN = {
    name: {"null_tolerance": 1}
    for name in ("asked", "expected", "claims", "fresh", "market", "before", "stayed", "line", "route", "paid_by",
                 "gift", "lure", "code", "told", "made_for", "plain", "device", "visits", "spent", "score", "sex")
}  # fmt: skip


def quotes(rows: int = 900, seed: int = 5, walk: float = 0.03, error: float = 0.0) -> pd.DataFrame:
    """Quotes dearer by ``walk`` for each year; realised over expected cost grows by ``error`` a year."""
    rng = np.random.default_rng(seed)
    stayed = rng.integers(0, 9, rows)
    cost = np.round(rng.lognormal(5.5, 0.3, rows), 2)
    price = np.round(1.3 * cost * np.exp(walk * stayed + rng.normal(0, 0.03, rows)), 2)
    return pd.DataFrame({
        "case": np.arange(rows), "who": [f"p{i // 2}" for i in range(rows)], "asked": price, "expected": cost,
        "claims": np.round(cost * np.exp(error * stayed) * rng.gamma(2, 0.5, rows), 2),
        "fresh": np.round(price * rng.uniform(0.95, 1.1, rows), 2), "market": np.round(cost * 1.35, 2),
        "before": np.round(price * 0.97, 2), "stayed": stayed, "line": rng.choice(["car", "van"], rows),
        "route": rng.choice(["web", "broker"], rows), "paid_by": rng.choice(["monthly", "yearly"], rows),
        "gift": rng.choice([0.0, 5.0], rows), "lure": rng.choice([0.0, 9.0], rows),
        "code": rng.choice(["cost_difference", "loyal", "random_test"], rows), "told": rng.choice(["yes", "no"], rows),
        "made_for": rng.choice(["yes", "no"], rows), "plain": rng.choice(["yes", "no"], rows),
        "device": rng.choice(["phone", "computer"], rows), "visits": rng.integers(1, 9, rows),
        "spent": np.round(rng.lognormal(3, 1, rows), 2), "score": np.round(rng.random(rows), 3),
        "sex": rng.choice(["f", "m"], rows),
        "day": pd.Timestamp("2026-03-01") + pd.to_timedelta(np.arange(rows) % 9, "D"),
    })  # fmt: skip


def holes(data: pd.DataFrame) -> pd.DataFrame:
    """Missing and impossible values in every tenth row, another column each time."""
    data = data.astype({"stayed": float, "visits": float})
    for i, name in enumerate(OPEN):
        data.loc[data.index[i % 5 :: 9], name] = None
    data.loc[data.index[::11], "asked"] = -1.0
    data.loc[data.index[1::11], "expected"] = 0.0
    data.loc[data.index[2::11], "stayed"] = -2.0
    return data


def written(folder: Path, data: pd.DataFrame, without: tuple[str, ...] = (), **changes: Any) -> Path:
    """The program of these quotes; ``changes`` replace parts of the contract, ``without`` takes some out."""
    contract = {role: part for role, part in (CONTRACT | changes).items() if role not in without}
    contract["columns"] = {name: rule for name, rule in OPEN.items() if f"'{name}'" in str(contract)}
    return write_program(
        folder, data, name="quotes", contract=contract, scope=SCOPE, audits={"primary": ["loyalty_pricing"]},
        policies=["uk", "cn", "eu", "us"],
    )  # fmt: skip


def _cost(error: str) -> dict[str, str]:
    return {"column": "expected", "error": error, "basis": "as declared"}


def _changed(**columns: Any) -> pd.DataFrame:
    return quotes().assign(**columns)


BOOKS: dict[str, Any] = {
    "quotes": lambda folder: written(folder, quotes(), behaviour=BEHAVIOUR, groups=GROUPS),
    "quotes with holes": lambda folder: written(
        folder, holes(quotes()), (*LATE, "market_price"), behaviour=BEHAVIOUR, groups=GROUPS, weight="visits"
    ),
    "customers with holes": lambda folder: written(folder, holes(quotes()), ("terms",), entity="who"),
    "quotes with odd flags": lambda folder: written(folder, _changed(told="maybe", made_for="often"), LATE),
    "quotes of many codes": lambda folder: written(
        folder, _changed(code=[f"c{i}" for i in range(900)], told=[f"t{i}" for i in range(900)]), LATE
    ),
    "quotes of a few customers": lambda folder: written(
        folder, _changed(who=[f"p{i % 9}" for i in range(900)]), ("market_price",), entity="who", groups=GROUPS
    ),
    "quotes of one large customer": lambda folder: written(
        folder, _changed(who=["p" if i < 800 else f"q{i}" for i in range(900)]), entity="who", groups=GROUPS
    ),
    "quotes without cost": lambda folder: written(
        folder, quotes(), ("cost", "realised_cost", "strata"), behaviour=BEHAVIOUR
    ),
    "quotes without claims": lambda folder: written(folder, quotes(), ("realised_cost",)),
    "quotes without expected cost": lambda folder: written(folder, quotes(), ("cost",)),
    "quotes of a sound cost": lambda folder: written(
        folder, quotes(), ("realised_cost",), cost=_cost("unrelated_to_tenure")
    ),
    "quotes of an odd cost": lambda folder: written(folder, quotes(), cost=_cost("depends_on_tenure")),
    "quotes that contradict": lambda folder: written(folder, quotes(3000, error=0.3)),
    "quotes of one tenure": lambda folder: written(folder, _changed(stayed=3)),
    "quotes of tenure alone": lambda folder: written(folder, quotes(), (*set(CONTRACT) - {"unit", "price", "tenure"},)),
    "quotes without tenure": lambda folder: written(folder, quotes(), ("tenure",), terms={"product": "line"}),
    "few quotes": lambda folder: written(folder, quotes(30), groups=GROUPS, behaviour={"device": "device"}),
    "no claims at all": lambda folder: written(folder, _changed(claims=0.0)),
    "prices of cost alone": lambda folder: written(
        folder, quotes().assign(asked=lambda d: d["expected"] * 2), behaviour=BEHAVIOUR
    ),
    "rare devices": lambda folder: written(
        folder, _changed(device=["odd" if i < 5 else f"d{i % 99}" for i in range(900)]), LATE, behaviour=BEHAVIOUR
    ),
    "devices told by strata": lambda folder: written(
        folder, quotes().assign(device=lambda d: d["line"]), LATE, behaviour={"device": "device"}
    ),
    "one spender": lambda folder: written(
        folder, _changed(spent=[1e9 if i == 7 else 1.0 + i % 3 for i in range(900)]), LATE,
        behaviour={"spend_history": "spent"},
    ),
}  # fmt: skip
