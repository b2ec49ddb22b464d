"""How often something happened to the loans of each group, and how many independent loans its rate is worth.

The event is a column of 1, 0 or missing. Where rows of one entity depend on each other, the variance of a rate is that
of sums over entities, told as an effective number of loans n* = p(1 − p) / variance, at most the rows, as
``audits.comparisons.rates`` has it for decisions. A rate of 0 or 1, or fewer than twenty entities, is worth
n² / Σ(entity's rows)²: as if the rows of an entity were one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from audits.comparisons.flags import flag_of
from audits.comparisons.rates import ENTITIES
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, Need
from checks.inputs.contract import DataContract
from checks.inputs.loan_affordability import GRANTED
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.evidence.clusters import Matrix

Key = tuple[str | None, ...]
_NO_ENTITY = template("no loan of '{label}' names its entity, so that nothing is known of dependence")
_NO_ENTITY_AT_ALL = said("no loan names its entity, so that nothing is known of dependence")
_DEPENDENT = template("dependence within {entity} allowed for, effective counts")


@dataclass(frozen=True, slots=True)
class EventCell:
    """Rows of one cell: its label (of the attribute), the keys beside it, and whether the event happened."""

    label: str | None
    keys: Key
    event: bool | None
    rows: int


@dataclass(frozen=True, slots=True)
class EventRate:
    """``events`` of ``rows`` with a known event; ``x`` of ``n`` are the effective counts behind intervals."""

    events: int
    rows: int
    x: float
    n: float
    entities: int
    reason: Sentence | None = None

    @property
    def rate(self) -> float:
        """The share of events; only where there are rows."""
        return self.events / self.rows


@dataclass(frozen=True, slots=True)
class EventTable:
    """Cells of granted loans by label, keys and event; ``products`` of counts within entities between these cells.

    ``others`` counts the rows that are no loans, ``unsure`` those of which nobody knows; ``adrift`` is the share of
    rows without an entity.
    """

    cells: tuple[EventCell, ...]
    others: int = 0
    unsure: int = 0
    entity: str | None = None
    products: Matrix | None = None
    clusters: tuple[int, ...] = ()
    adrift: float = 0.0
    how: str = field(default="")

    def labels(self) -> list[str]:
        """The known labels of loans whose event is known, sorted."""
        return sorted({one.label for one in self.cells if one.label is not None and one.event is not None})

    def unknown(self) -> int:
        """Loans of which it is not known whether the event happened."""
        return sum(one.rows for one in self.cells if one.event is None)

    def unlabelled(self) -> int:
        """Loans with a known event whose group is not known."""
        return sum(one.rows for one in self.cells if one.label is None and one.event is not None)

    def rate(self, chosen: Mapping[str, Any] | None = None) -> EventRate | None:
        """Of the loans whose ``label`` or ``keys`` are those chosen, or of all; None without any."""
        wanted = chosen or {}
        own = [one.event is not None and all(getattr(one, name) == value for name, value in wanted.items())
               for one in self.cells]  # fmt: skip
        rows = sum(one.rows for one, mine in zip(self.cells, own, strict=True) if mine)
        events = sum(one.rows for one, mine in zip(self.cells, own, strict=True) if mine and one.event)
        if not rows:
            return None
        if self.products is None:
            return EventRate(events, rows, events, rows, rows)
        return self._effective(events, rows, own, wanted.get("label"))

    def counting(self) -> AbstractContextManager[None]:
        """Within it, score intervals take the effective counts, which may be fractions."""
        from audits.statistics.counts import effective_counts

        return nullcontext() if self.products is None else effective_counts()

    def _effective(self, events: int, rows: int, own: list[bool], label: str | None) -> EventRate:
        import numpy as np

        mine, p = np.array(own, dtype=float), events / rows
        scores = np.array([m * (bool(one.event) - p) for m, one in zip(mine, self.cells, strict=True)])
        many = max((n for n, chosen in zip(self.clusters, own, strict=True) if chosen), default=0)
        held, products = 1 - self.adrift, np.asarray(self.products)
        together = float(mine @ products @ mine)
        if many < 1 or together <= 0 or held <= 0:
            why = said(_NO_ENTITY, label=label) if label is not None else _NO_ENTITY_AT_ALL
            return EventRate(events, rows, 0.0, 0.0, many, why)
        variance = float(scores @ products @ scores) * many / max(many - 1, 1) / held / rows**2
        few = many < ENTITIES or not 0 < p < 1 or variance <= 0
        worth = rows**2 * held / together if few else p * (1 - p) / variance
        worth = min(worth, float(rows))
        return EventRate(events, rows, p * worth, worth, many)


def event_needs(
    event: str, attribute: str | None, contract: DataContract, keys: tuple[str, ...] = ()
) -> Iterable[Need]:
    """Cells by label, ``keys`` (columns) and event; and products within entities where those may repeat."""
    yield _cells_need(event, attribute, contract, keys)
    if contract.entity:
        yield _cluster_need(event, attribute, contract, keys)


def event_table(
    evidence: Evidence, contract: DataContract, event: str, attribute: str | None, keys: tuple[str, ...] = ()
) -> EventTable:
    """What ``event_needs`` asked for, with rows that are no granted loans left out and counted."""
    clustered = evidence.cluster_cells(_cluster_need(event, attribute, contract, keys)) if contract.entity else None
    need = _cells_need(event, attribute, contract, keys)
    cells = clustered.cells if clustered else evidence.cells(need).cells
    names = (*need.attributes, *need.columns)
    granted = [_is_loan(dict(zip(names, labels, strict=True))) for labels, _, _ in cells]
    held, found = [i for i, flag in enumerate(granted) if flag], []
    for labels, _, rows in (cells[i] for i in held):
        told = dict(zip(names, labels, strict=True))
        flag = flag_of(told[event])  # the column holds 1, 0 or nothing
        label = told[attribute] if attribute is not None else None
        found.append(EventCell(label, tuple(told[key] for key in keys), flag if isinstance(flag, bool) else None, rows))
    others, unsure = (sum(rows for (_, _, rows), flag in zip(cells, granted, strict=True) if flag is told)
                      for told in (False, None))  # fmt: skip
    if clustered is None:
        return EventTable(tuple(found), others, unsure)
    every = sum(rows for _, _, rows in cells)
    return EventTable(
        tuple(found), others, unsure, contract.entity, clustered.between()[held][:, held],
        tuple(clustered.clusters_by_cell[i] for i in held), clustered.missing / every if every else 0.0,
        said(_DEPENDENT, entity=contract.entity),
    )  # fmt: skip


def scope_of(contract: DataContract) -> tuple[str, ...]:
    """The column that tells granted loans from others, where a decision is declared."""
    return (GRANTED,) if contract.decision and contract.loan else ()


def _columns(event: str, contract: DataContract, keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((event, *keys, *scope_of(contract))))


def _cells_need(event: str, attribute: str | None, contract: DataContract, keys: tuple[str, ...]) -> CellsNeed:
    return CellsNeed((attribute,) if attribute else (), _columns(event, contract, keys), decision=False)


def _cluster_need(event: str, attribute: str | None, contract: DataContract, keys: tuple[str, ...]) -> ClusterCellsNeed:
    columns = _columns(event, contract, keys)
    return ClusterCellsNeed(str(contract.entity), (attribute,) if attribute else (), columns, decision=False)


def _is_loan(told: Mapping[str, str | None]) -> bool | str | None:
    return True if GRANTED not in told else flag_of(told[GRANTED])
