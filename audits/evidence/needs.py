"""What a question asks of the data: declared before anything is read, merged across questions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CellsNeed:
    """Counts of rows by the labels of these attributes and by the decision."""

    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MomentsNeed:
    """Sums and cross-products of decision and controls within each group of one attribute."""

    attribute: str
    controls: tuple[str, ...]


Need = CellsNeed | MomentsNeed


def merge(needs: Iterable[Need]) -> tuple[CellsNeed | None, tuple[MomentsNeed, ...]]:
    """One set of cells that serves every question, and each distinct set of moments once."""
    every = list(needs)
    attributes = sorted({name for need in every if isinstance(need, CellsNeed) for name in need.attributes})
    moments = dict.fromkeys(need for need in every if isinstance(need, MomentsNeed))
    return (CellsNeed(tuple(attributes)) if attributes else None), tuple(moments)
