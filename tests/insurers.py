"""Small books of insurance quotes for tests, and programs about them, under column names of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml


def quotes(
    seed: int = 1, rows: int = 20_000, penalty: float = 0.02, risk: float = -0.03, cost_error: float = 0.0,
    people: int | None = None, spread: float = 0.1,
) -> pd.DataFrame:  # fmt: skip
    """Quotes whose price over true cost grows by ``penalty`` a year of tenure.

    ``risk`` is the yearly change of the true cost (below 0: loyal customers are cheaper), ``cost_error`` that of the
    technical cost over the true one. ``people`` come again; each has a discount of their own.
    """
    rng = np.random.default_rng(seed)
    years = rng.integers(0, 11, rows)
    who = rng.integers(0, people or rows // 3, rows)
    own = rng.normal(0, 0.05, who.max() + 1)[who]
    cover, route = rng.choice(["car", "van"], rows), rng.choice(["web", "phone", "broker"], rows)
    true = np.exp(5.5 + 0.3 * (cover == "van") + risk * years + rng.normal(0, 0.35, rows))
    price = true * 1.3 * np.exp(penalty * years + own + rng.normal(0, spread, rows) + 0.05 * (route == "phone"))
    claims = np.where(rng.random(rows) < 0.15, true / 0.15 * rng.gamma(1.5, 1 / 1.5, rows), 0.0)
    return pd.DataFrame({
        "offer": np.arange(rows), "holder": who, "since": years, "cover": cover, "route": route,
        "premium": price.round(2), "technical": true * np.exp(cost_error * years + rng.normal(0, 0.05, rows)),
        "paid_out": claims, "elsewhere": true * 1.4 * np.exp(rng.normal(0, 0.05, rows)),
        "day": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 365, rows), unit="D"),
    })  # fmt: skip


CONTRACT: dict[str, Any] = {
    "unit": "offer", "entity": "holder", "time": "day", "price": {"column": "premium", "currency": "GBP"},
    "cost": "technical", "realised_cost": "paid_out", "market_price": "elsewhere", "tenure": {"column": "since"},
    "strata": ["cover", "route"],
}  # fmt: skip


def insurer(folder: Path, data: pd.DataFrame, contract: dict[str, Any] | None = None, **changes: Any) -> Path:
    """Write quotes and a program about them; a role of ``contract`` that is None is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    data.to_parquet(folder / "quotes.parquet")
    roles = {role: block for role, block in {**CONTRACT, **(contract or {})}.items() if block is not None}
    program = {
        "program": "insurer", "source": {"table": "quotes.parquet"},
        "scope": {"jurisdictions": ["UK"], "products": ["motor_insurance"]}, "contract": roles,
        "audits": {"primary": ["loyalty_pricing.tenure_gradient", "loyalty_pricing.loss_ratio"]}, "policies": ["uk"],
        **changes,
    }  # fmt: skip
    (folder / "insurer.yaml").write_text(yaml.safe_dump(program))
    return folder / "insurer.yaml"
