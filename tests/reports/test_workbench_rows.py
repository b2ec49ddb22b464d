"""A table of fetched rows holds what the source holds: no text becomes a number, no number is rounded."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from reports.workbench_rows import typed_frame


def test_every_kind_of_value_stays_what_it_is():
    day = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    rows = [
        ("0491", 2**60 + 1, None, Decimal("1.10"), 1.5, True, day, Decimal("0.12345678901234567890123"), None),
        ("NA", 7, 9007199254740993, Decimal("2.00"), None, False, None, Decimal("1"), None),
        (None, -1, 3, None, 2.0, True, day, None, None),
    ]
    names = ["text", "long", "gaps", "price", "float", "flag", "time", "exact", "text"]
    frame = typed_frame(names, rows)
    assert list(frame.columns) == names
    assert frame.iloc[:, 0].tolist() == ["0491", "NA", None]
    assert frame["long"].tolist() == [2**60 + 1, 7, -1]
    assert (frame["gaps"].isna().tolist(), frame["gaps"].iloc[1]) == ([True, False, False], 9007199254740993)
    assert frame["price"].iloc[:2].tolist() == [1.1, 2.0]
    assert frame["float"].sum() == 3.5
    assert frame["flag"].dtype == bool
    assert frame["time"].iloc[0] == day
    assert frame["time"].isna().tolist() == [False, True, False]
    assert frame["exact"].iloc[0] == Decimal("0.12345678901234567890123")
    assert frame.iloc[:, 8].tolist() == [None] * 3


def test_no_rows_are_a_table_with_its_headings():
    assert list(typed_frame(["a", "b"], []).columns) == ["a", "b"]
