"""What rates of whole books cost, as ratios within one run: ``python -m tests.benchmarks.loans``.

Schedules with random dates are held against a loop of `pyxirr.xirr` over the same dates and amounts (in Rust, one
loan a call, given numpy arrays), loans in equal instalments with odd first periods against ten GROUP BYs of DuckDB
over the columns that the rate is made from. ``SQUAREDEAL_BENCH_ROWS`` sets the loans in equal instalments (default: one
million); a tenth as many have schedules.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pyxirr

from audits.statistics.annual_percentage_rate import instalment_rates, nominal, rates_of_return
from audits.statistics.unit_periods import counted_periods, unit_period_of
from tests.benchmarks.questions import best
from tests.loan_books import irregular, level

LOANS = int(float(os.environ.get("SQUAREDEAL_BENCH_ROWS") or 1e6))
SCHEDULES = max(LOANS // 10, 1)
GROUPINGS = 10


def measure() -> list[dict[str, Any]]:
    """One line a comparison: what, baseline and ours in seconds, the bar for the ratio of ours to the baseline."""
    return [*_schedules(), *_instalments()]


def _schedules() -> list[dict[str, Any]]:
    book = irregular(SCHEDULES, seed=1)
    dates, amounts, rows = book.dates, book.amounts, list(pairwise(book.offsets.tolist()))
    flows = f"{SCHEDULES:,} loans, {len(amounts):,} cash flows on random dates"

    def theirs() -> list[float | None]:
        return [pyxirr.xirr(dates[start:end], amounts[start:end]) for start, end in rows]

    def ours() -> object:
        return rates_of_return(book.offsets, (dates - dates[0]).astype(np.float64) / 365, amounts)

    def regulation_z() -> object:
        units = unit_period_of(book.offsets, dates, amounts)
        counted = counted_periods(book.offsets, dates, units)
        rates = rates_of_return(book.offsets, counted.whole, amounts, fractions=counted.fraction)
        return nominal(rates.rate, units.per_year)

    baseline, seconds, from_dates = _in_turn(theirs, ours, regulation_z)
    return [
        _line(f"{flows}: a loop of pyxirr.xirr, effective rates", baseline, seconds, 1.0),
        _line("the same loans under Appendix J from their dates (unit periods, fractions)", baseline, from_dates, None),
    ]


def _instalments() -> list[dict[str, Any]]:
    terms = level(LOANS, seed=2)
    threads = int(os.environ.get("SQUAREDEAL_THREADS") or os.cpu_count() or 1)
    with duckdb.connect(config={"threads": threads}) as connection:
        columns = ", ".join(f"unnest(${name}) AS {name}" for name in terms)
        connection.execute(f"CREATE TABLE loans AS SELECT {columns}", terms)
        query = """SELECT number, first_whole, first_fraction, count(*), sum(advance), sum(instalment)
            FROM loans GROUP BY number, first_whole, first_fraction"""

        def grouped() -> None:
            for _ in range(GROUPINGS):
                connection.execute(query).fetchnumpy()

        baseline, seconds = _in_turn(grouped, lambda: instalment_rates(**terms))
    what = f"{LOANS:,} loans in equal instalments, odd first periods: ten GROUP BYs over their columns"
    return [_line(what, baseline, seconds, 1.0)]


def _in_turn(*works: Callable[[], object]) -> list[float]:
    """The best of three tries each, in turn, after one to warm up, so that what else the machine does falls on all."""
    tries = [[best(work, 1) for work in works] for _ in range(4)]
    return [min(times) for times in zip(*tries[1:], strict=True)]


def _line(what: str, baseline: float, ours: float, bar: float | None) -> dict[str, Any]:
    return {"what": what, "baseline": baseline, "ours": ours, "bar": bar}


def main() -> None:
    """Print the lines."""
    for line in measure():
        ratio, bar = line["ours"] / line["baseline"], line["bar"]
        verdict = "no bar" if bar is None else f"bar {bar:g}{'' if ratio <= bar else '  MISSED'}"
        print(
            f"{line['what']:<100} {line['baseline']:8.3f}  {line['ours']:8.3f}  ratio {ratio:6.2f}  {verdict}",
            flush=True,
        )


if __name__ == "__main__":
    main()
