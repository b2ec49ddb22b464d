"""Thin and full files by score, decision and outcome: from a histogram of all rows, or from a sample of rows.

A histogram counts every row. A sample has what no histogram holds: who a row belongs to, and what rate it was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audits.evidence.histograms import Histogram
from audits.evidence.needs import HistogramNeed, SampleNeed
from checks.inputs.contract import CREDIT_FILE, FULL, THIN, DataContract
from checks.inputs.outcomes import OUTCOME
from checks.inputs.prepared import FAVOURABLE

if TYPE_CHECKING:
    from audits.statistics.filed_scores import Filed

FILES = (FULL, THIN)
RATE_UNITS = {"percent": 0.01, "fraction": 1.0, "basis_points": 1e-4}


@dataclass(frozen=True, slots=True)
class ScoredFiles:
    """``people`` with a score, of those decided; rows (full, thin) that are ``scored`` and those ``without_score``.

    ``without_entity`` are left out.
    """

    people: Filed
    scored: tuple[int, int]
    without_score: tuple[int, int]
    without_entity: int = 0


def histogram_need(contract: DataContract) -> HistogramNeed:
    """Scores by file, decision and outcome, as far as the contract names them."""
    outcome = (OUTCOME,) if contract.outcome else ()
    return HistogramNeed(str(contract.score), (CREDIT_FILE,), outcome, decision=contract.decision is not None)


def sample_need(contract: DataContract, rows: int, seed: int) -> SampleNeed:
    """Rows of each file with all that is known of them."""
    named = (
        contract.score, FAVOURABLE if contract.decision else None, OUTCOME if contract.outcome else None,
        contract.rate, contract.entity,
    )  # fmt: skip
    kept = tuple(dict.fromkeys(name for name in named if name))
    return SampleNeed(str(contract.unit), rows, seed, kept, (CREDIT_FILE,))


def files_of_histogram(histogram: Histogram) -> ScoredFiles:
    """Every row, those alike as one; the rows of a bin stand at its middle."""
    import numpy as np

    from audits.statistics.filed_scores import Filed

    values = histogram.values
    points = values if histogram.exact else [a / 2 + b / 2 for a, b in pairwise(values)]
    asked = "decision" if any(decision is not None for _, decision, _, _ in histogram.counts) else None
    rows: list[tuple[float, int, float, float, int]] = []
    missing = [0, 0]
    for labels, decision, place, number in histogram.counts:
        if labels[0] not in FILES or (asked and decision is None):
            continue
        thin = FILES.index(str(labels[0]))
        if place is None:
            missing[thin] += number
            continue
        outcome = labels[1] if histogram.columns else None
        rows.append((
            points[place], thin, np.nan if decision is None else decision, np.nan if outcome is None else int(outcome),
            number,
        ))  # fmt: skip
    table = np.array(rows, dtype=float).reshape(-1, 5)
    people = Filed(
        table[:, 0], table[:, 1].astype(np.int64), table[:, 2], table[:, 3], table[:, 4].astype(np.int64)
    )  # fmt: skip
    return ScoredFiles(people, _sizes(people), (missing[0], missing[1]))


def files_of_sample(file: Path, contract: DataContract) -> ScoredFiles:
    """The rows of a sample; those without an entity, where one is declared, are left out and counted."""
    import numpy as np
    import pandas as pd
    import pyarrow.parquet as pq

    from audits.statistics.filed_scores import Filed

    table = pq.read_table(file)
    kept = {contract.score, FAVOURABLE, OUTCOME, contract.rate, contract.entity}
    label = next(name for name in table.column_names if name not in kept)

    def numbers(name: str | None) -> Any:
        if name is None or name not in table.column_names:
            return np.full(len(table), np.nan)
        return np.array([np.nan if value is None else float(value) for value in table[name].to_pylist()], dtype=float)

    labels = np.array([FILES.index(one) if one in FILES else -1 for one in table[label].to_pylist()], dtype=np.int64)
    decision, score = numbers(FAVOURABLE), numbers(contract.score)
    fine = (labels >= 0) & (np.isfinite(decision) if contract.decision else True)
    owners, adrift = None, 0
    if contract.entity:
        owners = pd.factorize(pd.Series(table[contract.entity].to_pylist(), dtype=object))[0].astype(np.int64)
        adrift = int((fine & (owners < 0)).sum())
        fine &= owners >= 0
    missing = [int((fine & ~np.isfinite(score) & (labels == file)).sum()) for file in (0, 1)]
    fine &= np.isfinite(score)
    if owners is not None:
        owners = np.unique(owners[fine], return_inverse=True)[1].astype(np.int64)
    price = numbers(contract.rate)[fine] * RATE_UNITS[contract.rate_unit] if contract.rate else None
    people = Filed(
        score[fine], labels[fine], decision[fine], numbers(OUTCOME)[fine], np.ones(int(fine.sum()), dtype=np.int64),
        price, owners,
    )  # fmt: skip
    return ScoredFiles(people, _sizes(people), (missing[0], missing[1]), adrift)


def _sizes(people: Filed) -> tuple[int, int]:
    full, thin = (int(people.counts[people.thin == file].sum()) for file in (0, 1))
    return full, thin
