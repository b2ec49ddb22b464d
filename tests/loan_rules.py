"""Random rules of products and loans that stand on their edges, and a replay of them row by row in plain Python."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from tests.programs import write_program

DAYS = (dt.date(2025, 3, 30), dt.date(2025, 4, 3))
COLUMNS = {"score": "fico", "amount": "lent €", "term": "months", "region": "région", "offer": "offered"}
CONTRACT: dict[str, Any] = {
    "unit": "case", "time": "day", "score": "fico", "features": ["région", "offered"],
    "loan": {"amount": "lent €", "term_months": "months", "currency": "EUR"}, "terms": {"product": "sold"},
    "groups": {"sex": {"column": "sex", "reference": "m"}}, "product_rules": "rules.yaml",
}  # fmt: skip
BEYOND = {"unknown": None, "days": None}


def rules(seed: int, products: int = 4) -> dict[str, Any]:
    """Products with one or two versions, ranges with every kind of bound, sets, and every kind of rate."""
    rng = np.random.default_rng(seed)
    found = {}
    for i in range(products):
        if rng.random() < 0.5:
            found[f"product {i}"] = _version(rng)
            continue
        change, pause = dt.date(2025, 4, int(rng.integers(1, 3))), int(rng.integers(1, 3))
        found[f"product {i}"] = [
            {"from": change, **_version(rng)}, {"to": change - dt.timedelta(days=pause), **_version(rng)},
        ]  # fmt: skip
    return {"unit": "percent", "products": found}


def _version(rng: np.random.Generator) -> dict[str, Any]:
    eligible: dict[str, Any] = {}
    for role, low, high in (("score", 600, 700), ("amount", 1000, 5000), ("term", 12, 36)):
        if rng.random() < 0.6:
            bounds = {str(rng.choice(["from", "above"])): low, str(rng.choice(["to", "below"])): high}
            drop = rng.random()
            kept = list(bounds)[:1] if drop < 0.3 else list(bounds)[1:] if drop < 0.6 else list(bounds)
            eligible[role] = {bound: bounds[bound] for bound in kept}
    if rng.random() < 0.3:
        eligible["région"] = ["nord"] if rng.random() < 0.5 else ["nord", "sud"]
    rate: Any = round(float(rng.uniform(5, 30)), 2)
    kind = rng.random()
    if kind < 0.25:
        rate = {"by": "score", "edges": [600, 650, 700], "rates": [round(rate + i, 2) for i in (3, 2, 1, 0)]}
    elif kind < 0.45:
        rate = {
            "by": ["term", "fico"], "edges": [[24], [650, 700]], "rates": [[rate, 9.5, 8.5], [7.25, rate + 1, 6.75]],
        }  # fmt: skip
    elif kind < 0.6:
        rate = {"column": "offered"}
    return {**({"eligible": eligible} if eligible else {}), "rate": rate}


def loans(seed: int, rows: int = 400) -> pd.DataFrame:
    """Loans below, at and above every edge, some with missing values, of products with and without a rule."""
    rng = np.random.default_rng(seed)

    def near(edges: list[float]) -> Any:
        edge = rng.choice(edges, rows).astype(float)
        return np.choose(rng.integers(0, 3, rows), [np.nextafter(edge, -np.inf), edge, np.nextafter(edge, np.inf)])

    data = pd.DataFrame({
        "case": np.arange(rows), "sex": rng.choice(["m", "f"], rows), "fico": near([600, 650, 700]),
        "lent €": near([1000, 5000]), "months": rng.choice([11.0, 12.0, 13.0, 24.0, 36.0, 37.0], rows),
        "région": rng.choice(["nord", "sud", "est"], rows), "offered": rng.choice([4.5, 9.75, 22.0], rows),
        "sold": rng.choice([*(f"product {i}" for i in range(4)), "other"], rows, p=[0.23] * 4 + [0.08]),
        "day": pd.Timestamp("2025-03-30") + pd.to_timedelta(rng.integers(0, 5 * 24, rows), "h"),
    })  # fmt: skip
    for name in ("fico", "lent €", "months", "région", "offered", "sold", "day"):
        data.loc[rng.random(rows) < 0.06, name] = None
    return data


def written(folder: Path, data: pd.DataFrame, content: dict[str, Any] | str, **changes: Any) -> Path:
    """A program that replays these loans; ``changes`` replace roles of the contract, None takes one out."""
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    (folder / "rules.yaml").write_text(text, encoding="utf-8")
    source = changes.pop("source", None)
    contract = {role: block for role, block in {**CONTRACT, **changes}.items() if block is not None}
    contract["columns"] = {name: {"null_tolerance": 1} for name in data.columns if f"'{name}'" in str(contract)}
    return write_program(
        folder, data, contract=contract, audits={"primary": ["predatory_lending.steering"]}, policies=["us"],
        **({"source": source} if source else {}),
    )  # fmt: skip


def replay(row: Any, content: dict[str, Any], own_rate: str | None = None) -> tuple[str | None, float | None]:
    """(fault, excess) of one loan by the rules, worked out without any of the tool's code."""
    options, day = [], None if pd.isna(row["day"]) else row["day"].date()
    sold_rate, known_product, offered = None, not pd.isna(row["sold"]), False
    for name, versions in content["products"].items():
        for version in versions if isinstance(versions, list) else [versions]:
            open_now = _all([
                None if day is None and "from" in version else "from" not in version or day >= version["from"],
                None if day is None and "to" in version else "to" not in version or day <= version["to"],
            ])  # fmt: skip
            rate = _rate(row, version["rate"])
            if known_product and row["sold"] == name:
                if open_now is not False:
                    offered = open_now if offered is False else offered
                if open_now is True:
                    sold_rate = rate
                    continue
            fits = _all([open_now, *(_meets(row, key, one) for key, one in version.get("eligible", {}).items())])
            options.append((fits, rate))
    own = None if own_rate is None or pd.isna(row[own_rate]) else row[own_rate] / 100
    sold_rate = own if sold_rate is None else sold_rate
    if sold_rate is None:
        known = [str(name) for name in content["products"]]
        if not known_product:
            return "no product", None
        if row["sold"] not in known:
            return "product without a rule", None
        return {None: "no day", False: "product not offered on that day", True: "no rate"}[offered], None
    sure = min([sold_rate, *(rate for fits, rate in options if fits and rate is not None)])
    maybe = min([sure, *(-math.inf if rate is None else rate for fits, rate in options if fits is not False)])
    if maybe < sure - 1e-9:
        return ("no day" if day is None else "eligibility unknown"), None
    return None, sold_rate - sure if sold_rate - sure > 1e-9 else 0.0


def _all(tests: list[bool | None]) -> bool | None:
    """False where any is, else unknown where any is."""
    return False if any(one is False for one in tests) else None if None in tests else True


def _value(row: Any, key: str) -> Any:
    value = row[COLUMNS.get(key, key)]
    return None if pd.isna(value) else value


def _meets(row: Any, key: str, condition: Any) -> bool | None:
    value = _value(row, key)
    if value is None:
        return None
    if not isinstance(condition, dict):
        return value in condition
    return all({"from": value >= edge, "above": value > edge, "to": value <= edge, "below": value < edge}[bound]
               for bound, edge in condition.items())  # fmt: skip


def _rate(row: Any, rate: Any) -> float | None:
    if not isinstance(rate, dict):
        return float(rate / 100)
    if "column" in rate:
        value = _value(row, rate["column"])
        return None if value is None else value / 100
    by = rate["by"] if isinstance(rate["by"], list) else [rate["by"]]
    edges = rate["edges"] if isinstance(rate["by"], list) else [rate["edges"]]
    found: Any = rate["rates"]
    for key, own in zip(by, edges, strict=True):
        value = _value(row, key)
        if value is None:
            return None
        found = found[sum(value >= edge for edge in own)]
    return float(found / 100)
