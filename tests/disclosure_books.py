"""Books of loans for tests of disclosure: what they cost, what their papers say, what was sold with them; programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from tests.programs import write_program

QUESTION = "predatory_lending.hidden_charges"
LOAN = {
    "amount": "lent", "instalment": "due", "term_months": "months", "fees": "fee", "insurance": "cover",
    "disclosed_apr": "told", "cost_sheet": "sheet", "fact_statement": "facts",
}  # fmt: skip
CONTRACT: dict[str, Any] = {
    "unit": "no",
    "entity": "person",
    "groups": {"age": {"column": "age", "reference": "older"}},
    "strata": ["shop"],
    "loan": LOAN,
}
TYPES = {
    "no": "bigint", "person": "bigint", "age": "text", "shop": "text", "lent": "double precision",
    "months": "bigint", "fee": "double precision", "cover": "double precision", "due": "double precision",
    "told": "double precision", "sheet": "double precision", "facts": "text", "day": "timestamp",
}  # fmt: skip


def book(seed: int = 11, rows: int = 3000, people: int | None = None, packed: float = 0.0, dearer: float = 0.0):
    """Loans whose papers say a tenth of a point too much of a rate and all of the cost.

    The chance of insurance is higher by ``packed`` for the young, and fees by ``dearer`` of the amount.
    """
    import numpy_financial as npf

    rng = np.random.default_rng(seed)
    many = people or rows
    who = rng.integers(0, many, rows) if people else np.arange(rows)
    young, shop = (rng.random(many) < 0.35)[who], rng.choice(["car", "web"], many)[who]
    lent, months = rng.integers(5, 90, rows) * 100.0, rng.choice([3, 6, 12, 24, 36], rows)
    share = np.clip(rng.normal(0.03, 0.01, rows) + 0.01 * (shop == "web") + dearer * young, 0, 0.2)
    fee = (share * lent).round(2)
    insured = rng.random(rows) < 0.2 + 0.2 * (shop == "web") + packed * young
    due = np.round(-npf.pmt(rng.uniform(0.05, 0.4, rows) / 12, months, lent), 2)
    own = rates(lent - fee, due, months)
    cover = np.where(insured, 0.04 * lent, 0.0).round(2)
    return pd.DataFrame({
        "no": np.arange(rows), "person": who, "age": np.where(young, "young", "older"), "shop": shop, "lent": lent,
        "months": months, "fee": fee, "cover": cover, "due": due, "told": (100 * own + 0.1).round(4),
        "sheet": (due * months - lent + fee + cover).round(2), "facts": "yes",
    })  # fmt: skip


def rates(advance, due, months) -> np.ndarray:
    """Annual rates by an engine of its own, nominal."""
    import pyxirr

    found = [pyxirr.rate(int(n), -pay, sum_lent, 0) for sum_lent, pay, n in zip(advance, due, months, strict=True)]
    return 12 * np.array(found, dtype=float)


def written(
    folder: Path, data: pd.DataFrame, *, without: tuple[str, ...] = (), loan: dict[str, Any] | None = None,
    program: dict[str, Any] | None = None, **changes: Any,
) -> Path:  # fmt: skip
    """The program of a book; ``loan`` and ``changes`` replace parts of the contract, None or ``without`` takes out."""
    contract = {role: part for role, part in (CONTRACT | changes).items() if role not in without}
    contract["loan"] = {key: value for key, value in (LOAN | (loan or {})).items() if value is not None}
    used = {str(value) for value in contract["loan"].values()} | {"age", "shop", "person"}
    contract["columns"] = {
        name: {"null_tolerance": 1} for name in data if name in used and f"'{name}'" in str(contract)
    }
    blocks = {"contract": contract, "audits": {"primary": [QUESTION]}, "policies": ["conventions"], **(program or {})}
    return write_program(folder, data, **blocks)


def in_postgres(folder: Path, data: pd.DataFrame, url: str, table: str, **changes: Any) -> Path:
    """The program of a book whose rows lie in a table of Postgres."""
    with psycopg.connect(url) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.execute(f"CREATE TABLE {table} ({', '.join(f'{name} {TYPES[name]}' for name in data)})")
        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row(tuple(None if pd.isna(value) else value for value in row))
    file = written(folder, data, **changes)
    file.write_text(file.read_text().replace("table: loans.parquet", f"connection: {url}\n  table: {table}"))
    return file
