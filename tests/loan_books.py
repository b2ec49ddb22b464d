"""Books of loans for tests and benchmarks of rates: cash flows in compressed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DAY_ONE = np.datetime64("2020-01-01")


@dataclass(frozen=True, slots=True)
class Book:
    """Cash flows of n loans: `offsets` (n + 1,), `days` and `amounts` by flow, and the `rates` (n,) aimed at."""

    offsets: NDArray[np.intp]
    days: NDArray[np.int64]
    amounts: NDArray[np.float64]
    rates: NDArray[np.float64]

    @property
    def dates(self) -> NDArray[np.datetime64]:
        """The days as dates."""
        return DAY_ONE + self.days.astype("timedelta64[D]")


def stacked(
    loans: Sequence[tuple[ArrayLike, ArrayLike]],
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Offsets, times and amounts of loans that are each given as times and amounts."""
    lengths = [np.size(times) for times, _ in loans]
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.intp)]).astype(np.intp)
    times = [np.zeros(0), *(np.asarray(one, dtype=np.float64) for one, _ in loans)]
    amounts = [np.zeros(0), *(np.asarray(one, dtype=np.float64) for _, one in loans)]
    return offsets, np.concatenate(times), np.concatenate(amounts)


def irregular(loans: int, seed: int) -> Book:
    """Loans with 2 to 60 payments at random intervals of up to two months, from 2 % to more than 4,000 % a year.

    Amounts are rounded to cents, so that the rates aimed at are only nearly those of the cash flows.
    """
    draw = np.random.default_rng(seed)
    payments = draw.integers(2, 61, loans)
    offsets = np.concatenate([[0], np.cumsum(payments + 1)])
    first = np.zeros(offsets[-1], dtype=np.bool_)
    first[offsets[:-1]] = True
    days = np.cumsum(np.where(first, 0, draw.integers(1, 61, offsets[-1])))
    days -= np.repeat(days[offsets[:-1]], payments + 1)
    rates = draw.choice([0.05, 0.15, 0.4, 2.0, 30.0], loans) * draw.uniform(0.4, 1.6, loans)
    advance = np.round(draw.lognormal(8, 1, loans), 2)
    share = np.where(first, 0.0, draw.uniform(0.5, 1.5, offsets[-1]))
    by_flow = np.repeat(np.log1p(rates), payments + 1)
    value = np.add.reduceat(share * np.exp(-by_flow * days / 365), offsets[:-1])
    amounts = -np.round(share * np.repeat(advance / value, payments + 1), 2)
    amounts[first] = advance
    return Book(offsets.astype(np.intp), days, amounts, rates)


def level(loans: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Terms of loans in equal instalments, from one to 360, with an odd first period; the instalment in cents."""
    draw = np.random.default_rng(seed)
    advance = np.round(draw.lognormal(8.5, 1, loans), 2)
    number = draw.integers(1, 361, loans).astype(np.float64)
    rate = draw.choice([0.002, 0.005, 0.01, 0.03, 0.2], loans) * draw.uniform(0.5, 1.5, loans)
    whole, fraction = draw.integers(1, 4, loans).astype(np.float64), draw.integers(0, 30, loans) / 30
    factor = -np.expm1(-number * np.log1p(rate)) / rate
    instalment = np.round(advance / factor * (1 + rate) ** (whole - 1) * (1 + fraction * rate), 2)
    return {"advance": advance, "instalment": instalment, "number": number, "first_whole": whole,
            "first_fraction": fraction}  # fmt: skip
