"""A small lender whose model penalises a trait, with a program that asks for remedies; training takes milliseconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.programs import write_program

TRAIN = """
import numpy as np

class Line:
    def __init__(self, weights):
        self.weights = weights

    def predict(self, features):
        return 1 / (1 + np.exp(-design(features) @ self.weights))

def design(features):
    return np.column_stack([np.ones(len(features)), features.to_numpy(float)])

def fit(features, target, weights, seed, pull=1.0):
    x, w = design(features), np.ones(len(target)) if weights is None else np.asarray(weights, float)
    inner = x.T @ (x * w[:, None]) + pull * np.eye(x.shape[1])
    return Line(np.linalg.solve(inner, x.T @ (w * (np.asarray(target, float) - 0.5))) * 4)
"""


def applications(rows: int = 4000, seed: int = 11, penalty: float = 1.8) -> pd.DataFrame:
    """Applications decided on risk, less ``penalty`` for a trait that says nothing of repayment."""
    rng = np.random.default_rng(seed)
    region = np.where(rng.random(rows) < 0.4, "south", "north")
    risk = rng.normal(size=rows)
    trait = (rng.random(rows) < np.where(region == "south", 0.7, 0.2)).astype(float)
    granted = rng.random(rows) < 1 / (1 + np.exp(-(0.8 + risk - penalty * trait)))
    repaid = rng.random(rows) < 1 / (1 + np.exp(-(1.0 + 1.2 * risk)))
    return pd.DataFrame({
        "case": np.arange(rows), "region": region, "risk": risk, "trait": trait, "granted": granted.astype(int),
        "repaid": repaid.astype(int),
    })  # fmt: skip


def write_remedied(folder: Path, name: str = "remedied", trusted: bool = True, **changes) -> Path:
    """Data, training code and program; ``changes`` replace keys of the block ``remedies``."""
    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1},
        "outcome": {"column": "repaid", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}}, "features": ["risk", "trait"],
    }  # fmt: skip
    asked = {
        "training": {"file": "train.py", "trusted": trusted}, "target": "decision", "trials": 1,
        "hyperparameters": {"pull": {"from": 0.5, "to": 2.0}}, **changes,
    }  # fmt: skip
    file = write_program(folder, applications(), name, contract=contract, remedies=asked)
    (folder / "train.py").write_text(TRAIN, encoding="utf-8")
    return file
