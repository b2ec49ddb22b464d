"""Bins of drawn rows of which it is known how many rows of the whole lie in each: joined where too few were drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST = 5  # rows drawn of a bin


def joined_bins(
    bins: ArrayLike, book: ArrayLike, rows: int, size: int, fewest: int = FEWEST, apart: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """The bin (n,) of each row, counted anew from 0, the rows of the whole in each new bin, and the new bin of each.

    Bins are joined as ``joined`` says. A bin stands for no fewer rows than were drawn of it. Empty ``bins``: one holds
    all ``rows``, for ``size``. Raises ``ValueError`` for bins that do not fit the rows or the book.
    """
    codes, held = np.asarray(bins, dtype=np.int64), np.asarray(book, dtype=np.float64)
    if not codes.size:
        return np.zeros(rows, dtype=np.int64), np.array([float(size)]), np.zeros(0, dtype=np.int64)
    if codes.shape != (rows,) or codes.min() < 0 or codes.max() >= len(held):
        raise ValueError(f"bins: found shape {codes.shape}, expected {(rows,)} numbers from 0 to {len(held) - 1}")
    drawn = np.bincount(codes, minlength=len(held))
    new = joined(drawn, fewest, apart)
    found = np.zeros(int(new.max()) + 1)
    np.add.at(found, new, np.maximum(held, drawn))
    return new[codes], found, new


def joined(drawn: ArrayLike, fewest: int = FEWEST, apart: int = 0) -> NDArray[np.int64]:
    """The new bin of each bin (k,) of which so many rows were ``drawn`` (k,).

    Neighbours, in the order of their number, are joined until each holds ``fewest`` rows; what is left at the end joins
    the last. The last ``apart`` bins are nobody's neighbours, such as that of what is missing: with fewer rows, they
    join the bin of most rows.
    """
    rows = np.asarray(drawn, dtype=np.int64)
    new, at, count = np.zeros(len(rows), dtype=np.int64), 0, 0
    ordered = len(rows) - apart
    for old, n in enumerate(rows[:ordered].tolist()):
        new[old] = at
        count += n
        if count >= fewest:
            at, count = at + 1, 0
    new = np.minimum(new, max(at - 1, 0))
    if apart:
        new[ordered:] = np.arange(apart) + max(at, 1)
        rows_in = np.bincount(new, weights=rows)
        new = np.unique(np.where(rows_in[new] < fewest, rows_in.argmax(), new), return_inverse=True)[1]
    return new
