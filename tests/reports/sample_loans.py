"""Figures of predatory lending made by hand: a cap that some loans lie beyond, and a share by quarter."""

from __future__ import annotations

from typing import Any

from audits.record import Finding, Measurement, Point
from tests.reports import sample_records as sample
from tests.reports.sample_prices import counted


def cap(value: float = 0.3601, *beyond: tuple[float, int], **changes: Any) -> Measurement:
    """The highest annual rate of 18,883 loans, with the cases beyond each limit."""
    return counted(str(changes.pop("measure", "highest_all_in_rate")), value, **{
        "question": "predatory_lending.cost_caps", "beyond": beyond,
        "counts": {"loans": 20_000, "with_figure": 18_883, "beyond": beyond[0][1] if beyond else 0},
        "details": {"beyond_share": 0.1, "upper_share_of_none": 0.0002}, **changes,
    })  # fmt: skip


def judged(m: Measurement, limit: float, verdict: str) -> Finding:
    """A finding under a census rule of this limit."""
    under = sample.rule(f"x.{limit}", measure=m.measure, test="census", comparison="at_most", limit=limit)
    return sample.finding(m, under, verdict, harm="predatory_lending")


def stretched() -> Measurement:
    """The share of loans beyond the threshold of income, over three quarters."""
    quarters = ((2025.5, 0.20, 400), (2025.75, 0.24, 500), (2026.0, 0.31, 600))
    return sample.gap(
        None, question="predatory_lending.over_crediting", measure="overstretched_share", attribute=None,
        reference=None, estimate=0.26, low=0.23, high=0.29, n=1500, equality=None, p_value=None, mde=None,
        details={"threshold": 0.4, "share_above_0.5": 0.125}, counts={"cases": 390, "loans": 1500},
        points=tuple(Point("all", x, rate, rate - 0.04, rate + 0.04, n) for x, rate, n in quarters),
    )  # fmt: skip
