"""Fetched rows as a table in which everything stays what it is in the source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def typed_frame(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """A frame of rows, shape (rows, headings): numbers are numbers, texts are texts, also those that look like numbers.

    Whole numbers with gaps are pandas' ``Int64``, and those that it cannot hold stay Python's; decimals become floats
    where a float says the same digits. What is missing is None among texts, NaN or NaT else.
    """
    import pandas as pd

    columns = [_typed([row[i] for row in rows]) for i in range(len(headings))]
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame()
    frame.columns = pd.Index(list(headings), dtype=object)
    return frame


def _typed(values: Sequence[Any]) -> pd.Series:
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean" if None in values else bool)
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return pd.Series(values, dtype="Int64" if None in values else "int64")
    if kinds == {Decimal} and all(Decimal(repr(float(value))) == value for value in values if value is not None):
        return pd.Series([None if value is None else float(value) for value in values], dtype=float)
    if kinds and kinds <= {float, int}:
        return pd.Series(values, dtype=float) if _exact(values) else pd.Series(values, dtype=object)
    if kinds == {dt.datetime} and len({value.tzinfo for value in values if value is not None}) == 1:
        return pd.Series(pd.to_datetime(list(values)))
    return pd.Series(values, dtype=object)


def _exact(values: Sequence[Any]) -> bool:
    return all(value is None or isinstance(value, float) or int(float(value)) == value for value in values)
