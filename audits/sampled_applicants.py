"""A sample of rows as applicants: labels in number, features as a basis, weights that restore the labels' true numbers.

Each label of an attribute has a share of the sample, so that a small group is not a handful; a row then counts for as
many decided rows of its label as it stands for. Rows alike in everything are joined, which changes no figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.statistics.applicants import Applicants, applicants
from checks.sentence import said

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class SampledApplicants:
    """``people`` with ``labels`` in the order of their numbers, the reference first; ``rows`` of each, in the sample.

    ``known`` are by label the shares of the declined and of the approved whose outcome is known, None without any, and
    under None those of all; ``unusable`` says why nobody of a label that was drawn counts;
    ``features`` and ``constant`` name the columns of the basis and the features that never vary; ``left_out`` counts
    rows without a usable weight or without an entity.
    """

    people: Applicants
    labels: tuple[str, ...]
    rows: Mapping[str, int]
    known: Mapping[str | None, tuple[float | None, float | None]]
    features: tuple[str, ...]
    constant: tuple[str, ...]
    left_out: int
    unusable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SampledColumns:
    """Which column of a sample is what."""

    decision: str
    outcome: str
    features: tuple[str, ...]
    weight: str | None = None
    entity: str | None = None


def sampled_applicants(
    file: Path, columns: SampledColumns, reference: str, totals: Mapping[str, int], rows: int
) -> SampledApplicants:
    """Applicants from a sample with one attribute, of at most ``rows`` rows; ``totals`` are decided rows by label.

    The reference gets half of the rows and the other labels equal parts of the rest, as far as they have so many.
    """
    frame, left_out, unusable = _decided(file, columns)
    if frame.empty:
        return _nobody(reference, left_out, unusable)
    labels = (reference, *sorted(set(frame["label"]) - {reference}))
    frame = frame[frame["label"].map(_places(frame, labels, rows)) > frame.groupby("label").cumcount()]
    drawn = frame["label"].value_counts()
    worth = {label: totals.get(label, 0) / drawn[label] if label in drawn else 1.0 for label in labels}
    frame = frame.assign(worth=frame["label"].map(worth) * frame["weight"])
    frame, counts = (frame, np.ones(len(frame), dtype=np.int64)) if columns.entity else _joined(frame, columns)
    from audits.statistics.feature_basis import feature_basis

    basis = feature_basis({name: _values(frame[name]) for name in columns.features}, counts)
    people = applicants(
        basis.matrix, frame["label"].map({label: i for i, label in enumerate(labels)}).to_numpy(np.int64),
        frame["decision"].to_numpy(np.float64), frame["outcome"].to_numpy(np.float64), counts,
        frame["worth"].to_numpy(np.float64), frame["entity"].to_numpy() if columns.entity else None,
    )  # fmt: skip
    sizes = {label: int(drawn.get(label, 0)) for label in labels}
    known = {None: _known(people), **{label: _known(people.of_groups([i])) for i, label in enumerate(labels)}}
    return SampledApplicants(people, labels, sizes, known, basis.names, basis.constant, left_out, unusable)


def _nobody(reference: str, left_out: int, unusable: Mapping[str, str]) -> SampledApplicants:
    """A sample in which no row counts."""
    whole, real = np.zeros(0, dtype=np.int64), np.zeros(0)
    people = Applicants(np.zeros((0, 0)), whole, real, real, whole, real)
    return SampledApplicants(people, (reference,), {}, {}, (), (), left_out, unusable)


def _decided(file: Path, columns: SampledColumns) -> tuple[pd.DataFrame, int, dict[str, str]]:
    """Rows with a label and a decision, in their order; how many cannot be used, and why labels have none."""
    import pandas as pd
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    names = table.column_names
    label = next(name for name in names if name not in _kept(columns))
    frame = pd.DataFrame({name: _plain(table[name]) for name in dict.fromkeys(columns.features)})
    frame["label"] = pd.Series(table[label].to_pylist(), dtype=object)
    for name, column in (("decision", columns.decision), ("outcome", columns.outcome)):
        frame[name] = np.array([np.nan if v is None else float(v) for v in table[column].to_pylist()], dtype=float)
    frame["weight"] = _plain(table[columns.weight]).astype(float) if columns.weight else 1.0
    if columns.entity:
        frame["entity"] = pd.factorize(pd.Series(table[columns.entity].to_pylist(), dtype=object))[0]
    frame = frame[frame["label"].notna() & frame["decision"].notna()]
    fine = frame["weight"].notna() & (frame["weight"] > 0)
    if columns.entity:
        fine &= frame["entity"] >= 0
    unusable: dict[str, str] = {}
    for label in sorted(set(frame["label"]) - set(frame.loc[fine, "label"])):
        nought = (frame.loc[frame["label"] == label, "weight"] == 0).all()
        lacking = said("every decided row lacks a usable weight or an entity")
        unusable[label] = said("every decided row has the weight 0") if nought else lacking
    return frame[fine], int((~fine).sum()), unusable


def _kept(columns: SampledColumns) -> tuple[str | None, ...]:
    return (columns.decision, columns.outcome, *columns.features, columns.weight, columns.entity)


def _plain(column: Any) -> NDArray[Any]:
    """Numbers, dates as days and everything else as text; what is missing is NaN or None."""
    import pyarrow as pa

    kind, values = column.type, column.to_pylist()
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    if pa.types.is_temporal(kind):
        return np.array([np.nan if value is None else float(value.toordinal()) for value in values], dtype=np.float64)
    return np.array([None if value is None else str(value) for value in values], dtype=object)


def _places(frame: pd.DataFrame, labels: tuple[str, ...], rows: int) -> dict[str, int]:
    """How many rows each label may have: half for the reference; what some do not need goes to the others."""
    have = frame["label"].value_counts()
    size = {label: int(have.get(label, 0)) for label in labels}
    others = sorted(labels[1:], key=lambda label: size[label])
    reference = min(size[labels[0]], max(rows // 2, rows - sum(size[label] for label in others)))
    left, places = rows - reference, {labels[0]: reference}
    for i, label in enumerate(others):
        places[label] = min(size[label], left // (len(others) - i))
        left -= places[label]
    return places


def _joined(frame: pd.DataFrame, columns: SampledColumns) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Rows alike in everything as one with their number, in the order of their first mention."""
    keys = [*dict.fromkeys(columns.features), "label", "decision", "outcome", "worth"]
    number = frame.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
    _, first, counts = np.unique(number, return_index=True, return_counts=True)
    return frame.iloc[first], counts.astype(np.int64)


def _values(column: pd.Series) -> NDArray[Any]:
    return column.to_numpy(dtype=np.float64 if column.dtype.kind in "biuf" else object)


def _known(people: Applicants) -> tuple[float | None, float | None]:
    known, size = np.isfinite(people.outcome), people.counts * people.weights
    shares = []
    for decision in (0, 1):
        there = people.decision == decision
        shares.append(float(size[there & known].sum() / size[there].sum()) if there.any() else None)
    return shares[0], shares[1]
