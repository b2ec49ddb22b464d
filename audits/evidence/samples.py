"""Samples: rows drawn by the hash of their own name, so that a seed gives the same ones anywhere.

In each combination of labels the rows with the smallest MD5 of ``seed`` and ``unit`` are taken: a
simple random sample as far as MD5 behaves like a random function, whatever the order of rows, the
number of threads or the engine. The file holds rows of persons. It lies in the ``restricted`` folder;
the record keeps its digest and its number of rows.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from audits.evidence.cells import label_expressions
from audits.evidence.needs import SampleNeed
from checks.inputs.prepared import as_text
from checks.inputs.source import Source


def collect_sample(source: Source, need: SampleNeed, file: Path) -> int:
    """One scan. Writes Parquet, columns ``kept`` and the labels, in order of labels and hash; returns the rows.

    Rows without a unit cannot be drawn again and are left out. Units that occur twice are taken in
    the order of the kept columns as text. Raises ``ValueError`` for fewer than one row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if need.rows < 1:
        raise ValueError(f"a sample of {need.rows} rows where at least 1 was expected")
    labels = label_expressions(source.table, need.attributes, need.columns)
    names = [*labels, *need.kept]
    found = _drawn(source, need, labels)
    kinds = [pa.string()] * len(labels) + [_arrow_type(source.table[name].type()) for name in need.kept]
    arrays = [_array([row[i] for row in found], kind) for i, kind in enumerate(kinds)]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.parent.chmod(0o700)
    pq.write_table(pa.Table.from_arrays(arrays, names=names), file, compression="zstd")
    file.chmod(0o600)
    return len(found)


def _drawn(source: Source, need: SampleNeed, labels: dict[str, Any]) -> list[tuple[Any, ...]]:
    table = source.table
    columns = {f"g{i}": label for i, label in enumerate(labels.values())}
    columns |= {f"c{i}": table[name] for i, name in enumerate(need.kept)}
    texts = {f"t{i}": as_text(table[name]) for i, name in enumerate(need.kept)}
    rows = table.filter(table[need.unit].notnull()).select(**columns, **texts, unit=as_text(table[need.unit]))
    groups = ", ".join(f"g{i}" for i in range(len(labels)))
    texts_of = ["unit", *(f"t{i}" for i in range(len(need.kept)))]  # an ENUM of DuckDB is no text until it is cast
    order = ", ".join(["hash", *(f'CAST({name} AS varchar) COLLATE "C" NULLS LAST' for name in texts_of)])
    wanted = ", ".join([f"g{i}" for i in range(len(labels))] + [f"c{i}" for i in range(len(need.kept))])
    by = f"PARTITION BY {groups} " if groups else ""
    ranked = (
        f"SELECT *, row_number() OVER ({by}ORDER BY {order}) AS place FROM "
        f"(SELECT *, md5('{int(need.seed)}:' || CAST(unit AS varchar)) AS hash "
        f"FROM ({source.backend.compile(rows)}) AS r) AS h"
    )
    found = source.rows(f"SELECT {wanted}, place FROM ({ranked}) AS p WHERE place <= {int(need.rows)}")

    def key(row: tuple[Any, ...]) -> Any:
        return [(value is None, str(value or "")) for value in row[: len(labels)]], row[-1]

    return sorted(found, key=key)


def _arrow_type(dtype: Any) -> Any:
    """The same Parquet type for the same kind of column in any engine; numbers keep all their digits."""
    import pyarrow as pa

    if dtype.is_boolean():
        return pa.bool_()
    if dtype.is_integer():
        return pa.decimal128(20, 0) if dtype.is_uint64() else pa.int64()
    if dtype.is_decimal():
        precision, scale = dtype.precision or 0, dtype.scale or 0
        return pa.decimal128(precision, scale) if 0 <= scale <= precision <= 38 and precision else pa.string()
    if dtype.is_numeric():
        return pa.float64()
    if dtype.is_timestamp():
        return pa.timestamp("us")
    return pa.date32() if dtype.is_date() else pa.string()


def _array(values: list[Any], kind: Any) -> Any:
    """Decimals of more digits than their type says, as a 128-bit integer may have, make the column one of text."""
    import pyarrow as pa

    try:
        return pa.array([_plain(value, kind) for value in values], type=kind)
    except pa.ArrowInvalid:
        if not pa.types.is_decimal(kind):
            raise
        return pa.array([_plain(value, pa.string()) for value in values], type=pa.string())


def _plain(value: Any, kind: Any) -> Any:
    import pyarrow as pa

    if value is None:
        return None
    if kind == pa.float64():
        return float(value)
    if pa.types.is_decimal(kind):
        return Decimal(value)
    if kind == pa.string() and isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if kind == pa.string() else value
