"""Small books of offers for tests: who was pushed, who was held out, what they borrowed; and programs about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.programs import write_program

TERMS = {"pushed": "shown", "holdout": "kept_back", "borrowed": "drawn"}
GROUPS = {"health": {"column": "health", "reference": "well"}}
CONTRACT: dict[str, Any] = {
    "unit": "occasion", "entity": "customer", "groups": GROUPS, "strata": ["segment"],
    "loan": {"amount": "line", "currency": "CNY"}, "terms": TERMS,
}  # fmt: skip
OPEN = ("shown", "kept_back", "drawn", "health", "segment", "customer", "age", "by_default", "ticked", "asked", "told")


def offers(
    seed: int = 3, rows: int = 6000, effect: float = 0.0, more: float = 0.0, held: float = 0.2,
    people: int | None = None, aimed: float = 2.0,
) -> pd.DataFrame:  # fmt: skip
    """Occasions of customers, held out by customer. A push shown adds ``effect``, and ``more`` for the ill.

    Pushes are ``aimed`` at those inclined to borrow (log-odds); one in fifty of the held-out is pushed all the same.
    """
    rng = np.random.default_rng(seed)
    many = people or rows // 3
    who = rng.integers(0, many, rows)
    ill, kept = (rng.random(many) < 0.3)[who], (rng.random(many) < held)[who]
    keen = rng.normal(0, 1, many)[who]
    segment = rng.choice(["card", "cash", "shop"], rows, p=[0.6, 0.3, 0.1])
    shown = rng.random(rows) < 1 / (1 + np.exp(-aimed * keen))
    shown = np.where(kept, rng.random(rows) < 0.02, shown)
    takes = rng.random(rows) < 1 / (1 + np.exp(-(-1 + keen + 0.5 * (segment == "cash"))))
    drawn = takes * rng.gamma(2.0, 150.0, rows) + shown * (effect + more * ill) * rng.gamma(1.0, 1.0, rows)
    return pd.DataFrame({
        "occasion": np.arange(rows), "customer": who, "health": np.where(ill, "ill", "well"), "segment": segment,
        "shown": shown, "kept_back": kept, "drawn": drawn.round(2), "line": 1000.0, "age": rng.integers(18, 80, rows),
    })  # fmt: skip


def written(folder: Path, data: pd.DataFrame, without: tuple[str, ...] = (), **changes: Any) -> Path:
    """The program of these offers; ``changes`` replace parts of the contract, ``without`` takes some out."""
    contract = {role: part for role, part in (CONTRACT | changes).items() if role not in without}
    contract["columns"] = {
        name: {"null_tolerance": 1} for name in OPEN if name in data and f"'{name}'" in str(contract)
    }
    return write_program(
        folder, data, name="offers", contract=contract, audits={"primary": ["predatory_lending.inducement"]},
        policies=["cn"], scope={"jurisdictions": ["CN"]},
    )  # fmt: skip
