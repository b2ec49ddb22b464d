"""How well features tell a group from its reference, and how much of the model's gap rides on each.

Rows are drawn of each label by the hash of their name, a simple random sample within it; each is explained once, by
interventional contributions against the first rows of the whole draw. What is justified comes from the contract's cost,
where the prediction is a price, or from its outcome. Rows that the model does not take, or whose cost is not known, are
left out of the gaps. Nothing but sums leaves this file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.model_rows import ModelRows, model_rows
from audits.evidence.model_scale import unit_of_rows
from audits.evidence.needs import ProxiesNeed
from audits.evidence.proxy_columns import Named, numbers_of, one_column_each, strata_codes, unit_codes
from audits.evidence.proxy_pairs import PairRows, pair_of
from audits.evidence.proxy_results import COST, KNOWN_OUTCOME, FeatureProxy, Proxies, ProxyPair
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.outcomes import OUTCOME
from checks.inputs.prediction import STANDING
from checks.inputs.prepared import FAVOURABLE
from checks.inputs.source import Source

if TYPE_CHECKING:
    from audits.evidence.explainers import Explained
    from checks.inputs.model import Model

__all__ = ["FeatureProxy", "Proxies", "ProxyPair", "collect_proxies"]

Floats = NDArray[np.float64]


def collect_proxies(source: Source, model: Model, need: ProxiesNeed) -> Proxies:
    """Each group of each attribute against its reference. Raises ``ModelUnusable``."""
    from audits.evidence.explainers import explain
    from checks.inputs.model import model_frame

    contract = source.contract
    if contract is None:
        raise ModelUnusable(ModelFault("not_named"))
    drawn = model_rows(source, need.attributes, need.rows, need.seed, _further(contract), strata=need.strata)
    taken = model_frame(model, drawn.features)
    usable = np.flatnonzero(taken.usable)
    if not len(usable):
        raise ModelUnusable(ModelFault("no_rows"))
    pairs = list(_pairs(drawn, taken.usable, need, source.prepared.references))
    wanted = np.unique(np.concatenate([usable[:0], *(rows for _, rows, _ in pairs)]))
    explained: Explained | None = None
    if len(wanted):
        background = taken.frame.iloc[usable[: need.background]]
        features = tuple(drawn.features.columns)
        explained = explain(model, taken.frame.iloc[wanted], background, "interventional", features)
    told = _Told(contract, model, drawn, need)
    found = () if explained is None else tuple(
        told.pair(name, rows, is_group, explained, np.searchsorted(wanted, rows)) for name, rows, is_group in pairs
    )  # fmt: skip
    return Proxies(
        len(wanted), int((~taken.usable).sum()), model.link,
        explained.explainer if explained else "", explained.kind if explained else "",
        explained.background if explained else 0, told.justified_by, told.selected, found,
        unit_of_rows(model, contract.prediction, taken, drawn.whole) if explained else 1.0,
    )  # fmt: skip


def _further(contract: DataContract) -> tuple[str, ...]:
    """Columns besides the features."""
    named = [contract.entity, contract.cost]
    named += [OUTCOME] if contract.outcome else []
    named += [FAVOURABLE] if contract.decision else []
    return tuple(dict.fromkeys(name for name in named if name))


def _pairs(
    drawn: ModelRows, usable: NDArray[np.bool_], need: ProxiesNeed, references: Any
) -> Iterator[tuple[tuple[str, str, str], NDArray[np.int64], NDArray[np.bool_]]]:
    """(attribute, group, reference), the rows of both, and which of them are the group's."""
    for attribute in need.attributes:
        reference = references.get(attribute)
        labels, places = drawn.labels[attribute], drawn.places[attribute]
        taken = usable & (places >= 0) & (places < need.rows)
        for label in sorted(one for one in drawn.sizes[attribute] if one is not None and one != reference):
            rows = np.flatnonzero(taken & ((labels == label) | (labels == reference)))
            yield (attribute, label, str(reference)), rows, labels[rows] == label


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """What figures of all pairs are made of."""

    contract: DataContract
    model: Model
    drawn: ModelRows
    need: ProxiesNeed

    @property
    def justified_by(self) -> str | None:
        """What can justify a gap: cost of a price, an outcome of anything else."""
        made = self.contract.prediction
        if made is not None and made.of == "price":
            return COST if self.contract.cost else None
        return KNOWN_OUTCOME if self.contract.outcome else None

    @property
    def selected(self) -> bool:
        """Whether outcomes are known of rows with one decision only, though there are others."""
        if self.justified_by != KNOWN_OUTCOME or not self.contract.decision:
            return False
        granted = numbers_of(self.drawn.columns[FAVOURABLE])
        known = np.isfinite(numbers_of(self.drawn.columns[OUTCOME]))
        return any((granted == side).any() and not known[granted == side].any() for side in (0, 1))

    def pair(
        self, names: tuple[str, str, str], rows: NDArray[np.int64], is_group: NDArray[np.bool_], explained: Explained,
        places: NDArray[np.int64],
    ) -> ProxyPair:  # fmt: skip
        """Figures of one group and its reference."""
        frame = self.drawn.features.iloc[rows]
        named = one_column_each(self.model, frame, np.asarray(explained.values, dtype=np.float64)[places])
        sizes = self.drawn.sizes[names[0]]
        entity, strata = self.contract.entity, self.need.strata
        chosen = PairRows(
            names, is_group, named, np.asarray(explained.margins, dtype=np.float64)[places], self._justification(rows),
            self.justified_by, None if entity is None else unit_codes(self._column(entity, rows)),
            strata_codes([self.drawn.texts[name][rows] for name in strata]) if strata else None,
            (int(sizes.get(names[1], 0)), int(sizes.get(names[2], 0))), self._itself(names[0], named),
        )  # fmt: skip
        return pair_of(chosen, self.need.small_set, self.need.seed)

    def _column(self, name: str, rows: NDArray[np.int64]) -> NDArray[Any]:
        return self.drawn.columns[name][rows]

    def _justification(self, rows: NDArray[np.int64]) -> Floats | None:
        """Cost on the margin's scale, or the outcome, NaN where not known."""
        if self.justified_by == KNOWN_OUTCOME:
            return numbers_of(self._column(OUTCOME, rows))
        if self.justified_by is None or self.contract.cost is None:
            return None
        cost = numbers_of(self._column(self.contract.cost, rows))
        if self.model.link != "log":
            return cost
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(cost > 0, np.log(cost), np.nan), dtype=np.float64)

    def _itself(self, attribute: str, named: Sequence[Named]) -> frozenset[str]:
        """The features that an attribute is made of."""
        made = {group.column for group in self.contract.groups if group.name == attribute}
        if attribute == STANDING and self.contract.tenure:
            made.add(self.contract.tenure)
        return frozenset(one.name for one in named if one.name in made)
