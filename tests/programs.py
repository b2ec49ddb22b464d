"""Programs for tests: the shipped one, and small ones written with their data into a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parent.parent
BOSTON = ROOT / "dags" / "programs" / "boston-mortgages.yaml"


def run_program(file: Path, out: Path, period: str = "all"):
    """Audit a program and read both records back."""
    from audits.run import audit, read_run
    from checks.inputs.period import read_period
    from checks.inputs.program import read_program

    return read_run(audit(read_program(file), read_period(period), out))


def loans(seed: int = 7, rows: int = 1500, gap: float = 0.15) -> pd.DataFrame:
    """Applications with a planted gap in approval between two regions and a control that matters."""
    rng = np.random.default_rng(seed)
    region = np.where(rng.uniform(size=rows) < 0.3, "south", "north")
    burden = rng.normal(0.3, 0.1, rows) + 0.02 * (region == "south")
    chance = np.clip(0.85 - 0.5 * (burden - 0.3) - gap * (region == "south"), 0.02, 0.98)
    return pd.DataFrame(
        {
            "case": np.arange(rows),
            "region": region,
            "burden": burden,
            "granted": (rng.uniform(size=rows) < chance).astype(int),
        }
    )


def write_program(
    folder: Path, data: pd.DataFrame, name: str = "loans", file: str = "loans.parquet", **changes
) -> Path:
    """Write data and a program about them; ``changes`` replace top-level blocks of the program."""
    folder.mkdir(parents=True, exist_ok=True)
    if file.endswith(".parquet"):
        data.to_parquet(folder / file)
    else:
        data.to_csv(folder / file, index=False)
    program = {
        "program": name,
        "source": {"table": file},
        "contract": {
            "unit": "case",
            "decision": {"column": "granted", "favourable": 1},
            "groups": {"region": {"column": "region", "reference": "north"}},
            "controls": ["burden"],
        },
        "audits": {"primary": ["fair_lending.approval"]},
        "policies": ["conventions", "us"],
        **changes,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(program, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path
