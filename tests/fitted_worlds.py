"""Simulated worlds whose recorded figures are those of a registered model, with programs that name it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import yaml

from audits.simulation.fitted import PRICE, SCORE, fitted, model_rows_of, recorded_by
from audits.simulation.world import World
from audits.simulation.write import Simulation, write_simulation
from tests.registered import Registry

QUESTION = "explanation.proxy_features"
POINTS = "model score"  # the column of a lender's model


def modelled(
    folder: Path, registry: Registry, world: World, rows: int, effect: float, seed: int = 1,
    names: Mapping[str, str] | None = None,
) -> Path:  # fmt: skip
    """A program of a world of prices, or of decisions by a score, whose model is in ``registry``."""
    simulation = Simulation(world, rows, effect, seed, names or {})
    files = write_simulation(simulation, folder)
    data, content = pd.read_parquet(files.data), yaml.safe_load(files.program.read_text(encoding="utf-8"))
    contract = content["contract"]
    priced = "price" in contract
    kind, column = (PRICE, contract["price"]["column"]) if priced else (SCORE, contract["decision"]["column"])
    model = fitted(data, contract["features"], column, kind, seed)
    said = recorded_by(model, data, contract["features"], kind)
    if priced:
        contract["prediction"] = {"of": "price", "scale": "log"}
    else:
        contract |= {"score": POINTS, "prediction": {"of": "score", "favourable": "high"}}
    data[column if priced else POINTS] = said
    data.to_parquet(files.data)
    example = model_rows_of(data.head(50), contract["features"])
    for name in example.columns:
        if example[name].dtype.name == "category":
            example[name] = example[name].astype(str)
    content["model"] = registry.register(f"{world.name}-{folder.name}", model, "lightgbm", example)
    content["trusted_model"], content["audits"] = True, {"primary": [QUESTION]}
    files.program.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return files.program
