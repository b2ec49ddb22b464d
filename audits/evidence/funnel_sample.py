"""Which persons of very many stand for all: losses by dimension, times, their order and what comes twice.

How far persons came is counted of all, in a few words a person. What needs times and the first row costs as much again
for each of them: beyond ``EXACT`` rows it is taken of one person in so many that theirs are at most ``SOME`` rows or
so. A hash of the person chooses: all his rows or none, the same in every run. With a span ``within``, times say which
stages count, and everybody's are read. The hash is the engine's own: another engine chooses other persons.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audits.evidence.funnel_layout import Layout

EXACT, SOME = 1 << 24, 1 << 19


def one_in(layout: Layout) -> int:
    """One person in so many stands for all; 1: everybody for himself."""
    return 1 if layout.within is not None else one_in_rows(layout)


def one_in_rows(layout: Layout) -> int:
    """The same whatever the span: a power of two."""
    return 1 << (layout.rows // SOME).bit_length() if layout.person and layout.rows > EXACT else 1


def thinned(layout: Layout, times: int) -> Layout:
    """The same of one person in ``times``. Their rows are few, and need not be brought together first."""
    if times == 1:
        return layout
    if layout.engine == "duckdb":
        chosen = f"hash(e) < {(1 << 64) // times}"  # which the reading of a file takes over; a remainder it does not
    else:
        chosen = f"(hash_record_extended(ROW(e), 0) & {times - 1}) = 0"
    base = f"SELECT * FROM ({layout.base}) AS every_row WHERE {chosen}"
    return replace(layout, base=base, scattered=False)
