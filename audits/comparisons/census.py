"""Figures that are counted and not estimated: the bounds are the figure itself, at every level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from audits.record import Measurement
from checks.sentence import Sentence, said

LEVEL = 0.95  # a field that every record has; an exact figure is the same at any level


def counted(
    question: str,
    measure: str,
    value: float | None,
    n: int,
    counts: Mapping[str, int],
    reason: Sentence | None = None,
) -> Measurement:
    """An exact figure over ``n`` rows with its ``counts``; without a value, the ``reason`` why there is none."""
    return Measurement(
        question=question, measure=measure, attribute=None, group=None, reference=None, estimate=value, low=value,
        high=value, level=LEVEL, n=n, counts=counts, method=said("counted, without sampling error"),
        source=said("cells"), reason=reason if value is None else None,
    )  # fmt: skip


def of_group(figure: Measurement, attribute: str, group: str) -> Measurement:
    """The figure as that of one group."""
    return replace(figure, attribute=attribute, group=group)
