"""Programs that are operated: decisions over the months of a year, with a schedule and people who sign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

FIRST = "2025-01-01"


def decisions(harm: float, rows: int = 6000, months: int = 12, seed: int = 7) -> pd.DataFrame:
    """Decisions from 2025 on, as many in each month; the group ``south`` is approved less often by ``harm``."""
    rng = np.random.default_rng(seed)
    starts = pd.date_range(FIRST, periods=months, freq="MS")
    month = np.arange(rows) % months
    region = np.where(rng.random(rows) < 0.5, "north", "south")
    granted = rng.random(rows) < 0.7 - harm * (region == "south")
    decided = starts[month] + pd.to_timedelta(rng.integers(0, 27, rows), unit="D")
    numbers = np.arange(rows)
    return pd.DataFrame({"loan": numbers, "decided": decided, "region": region, "granted": granted.astype(int)})


def write_operated(
    folder: Path, name: str, harm: float, operation: dict[str, Any] | None = None, rows: int = 6000, months: int = 12,
    seed: int = 7, **content: Any,
) -> Path:  # fmt: skip
    """A program NAME.yaml in ``folder`` beside its data; monthly, ``operation`` and further ``content`` as given."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    data = folder / "data" / f"{name}.parquet"
    decisions(harm, rows, months, seed).to_parquet(data, index=False)
    program = {
        "program": name, "title": {"en": f"Loans of {name}", "zh": f"{name} 的贷款"},
        "inventory": {"owner": "lending-team", "tier": "1"},
        "schedule": "@monthly",
        "source": {"table": str(data.absolute())},
        "contract": {
            "unit": "loan", "time": "decided", "decision": {"column": "granted", "favourable": 1},
            "groups": {"region": {"column": "region", "reference": "north"}},
        },
        "audits": {"primary": ["fair_lending.approval"]},
        "policies": ["conventions"],
        **({"operation": operation} if operation else {}),
        **content,
    }  # fmt: skip
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(program, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file
