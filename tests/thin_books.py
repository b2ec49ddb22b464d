"""Applications with and without a data trail, and programs about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from tests.programs import write_program

CONTRACT: dict[str, Any] = {
    "unit": "case", "score": "points", "decision": {"column": "granted", "favourable": "yes", "unfavourable": "no"},
    "outcome": {"column": "paid", "favourable": 1}, "rate": {"column": "apr", "unit": "percent"},
    "thin_file": ["bureau €", "bank"], "columns": {"paid": {"null_tolerance": 1}, "apr": {"null_tolerance": 1}},
}  # fmt: skip


def applications(
    seed: int = 1, rows: int = 6000, underrated: float = 0.0, held_back: float = 0.0, thin_share: float = 0.3
) -> pd.DataFrame:
    """Scores of both files; the score underrates thin ones by points, or they need more of them."""
    rng = np.random.default_rng(seed)
    thin = rng.random(rows) < thin_share
    points = np.round(np.clip(rng.normal(600 - 40 * thin, 50), 400, 800), 1)
    paid = (rng.random(rows) < expit((points + underrated * thin - 520) / 45)).astype(float)
    chance = np.clip(0.55 + (points - held_back * thin - 590) / 300, 0.02, 0.98)
    granted = rng.random(rows) < chance
    better = np.clip(0.55 + (points + 60 * thin - 590) / 300, 0.02, 0.98)
    filled = granted | (rng.random(rows) < np.maximum(better - chance, 0) / (1 - chance))
    history = pd.Series(np.where(thin, None, rng.integers(1, 9, rows)), dtype="Int64")
    return pd.DataFrame({
        "case": np.arange(rows), "who": np.arange(rows) // 2, "bureau €": history,
        "bank": np.where(thin, "n/a", "1200"), "points": points, "granted": np.where(granted, "yes", "no"),
        "paid": paid, "apr": np.where(granted, 30 - points / 40, np.nan), "branch": rng.choice(["x", "y"], rows),
        "filled": np.where(filled, "yes", "no"), "filled points": points + 60.0 * thin,
        "unseen": np.where(~granted & (rng.random(rows) < np.where(thin, 0.6, 0.2)), "y", "n"), "thin": thin,
        "why": np.where(~granted & (rng.random(rows) < np.where(thin, 0.5, 0.1)), " No History", "income"),
    })  # fmt: skip


def book(folder: Path, data: pd.DataFrame, drop: tuple[str, ...] = (), **contract: Any) -> Path:
    """A program about them; ``drop`` takes roles out of the contract, others are put into it."""
    content = {key: value for key, value in {**CONTRACT, **contract}.items() if key not in drop and value is not None}
    used = {key: rule for key, rule in content.get("columns", {}).items() if _named(content, key)}
    content["columns"] = used
    return write_program(
        folder, data, contract=content if used else {k: v for k, v in content.items() if k != "columns"},
        audits={"primary": ["digital_divide.thin_file"]},
    )  # fmt: skip


def _named(contract: dict[str, Any], column: str) -> bool:
    return any(
        isinstance(contract.get(role), dict) and contract[role].get("column") == column for role in ("outcome", "rate")
    )
