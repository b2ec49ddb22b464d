"""Evidence of a file that is never written: what the collector would find, worked out from counts of kinds of people.

A drawn file is a table of counts with one axis a column. Cells, moments, products within entities, histograms and
samples are sums over that table, so a question can be asked of thousands of files without a row. A test writes some of
the files, collects them through the engine and compares every figure of every question.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.cells import Cells, Total, sorted_cells
from audits.evidence.cluster_cells import ClusterCells
from audits.evidence.design import EVERYONE
from audits.evidence.histograms import Histogram
from audits.evidence.memberships import TOLERANCE, Memberships
from audits.evidence.moments import Moments
from audits.evidence.needs import CellsNeed, ClusterCellsNeed, HistogramNeed, MembershipNeed, MomentsNeed, SampleNeed
from audits.record import DataRecord
from audits.simulation.population import Population
from audits.statistics.linear_model import fit_group_effects
from checks.inputs.contract import DataContract
from checks.inputs.outcomes import OUTCOME
from checks.inputs.prepared import FAVOURABLE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Text = str | None


@dataclass(frozen=True)
class Layout:
    """What each kind of row says. ``kind`` is the kind of person that a kind of row belongs to, ``times`` how many such
    rows that person has; ``decided`` is the decision. ``entity`` names the column of the person, where rows repeat.
    """

    people: Population
    contract: DataContract
    kind: Ints
    times: Ints
    decided: Ints
    entity: str | None
    columns: dict[str, tuple[Any, ...]]
    codes: dict[str, Ints]
    _grouped: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, people: Population, contract: DataContract, rows_each: int) -> Layout:
        """The kinds of rows of a population, as its file shows them."""
        decision = contract.decision
        if decision is None:
            raise ValueError("contract: found no decision, expected one")
        made = np.array(people.values(decision.column), dtype=np.int64)
        place = np.array(list(np.ndindex(people.probability.shape)))
        approvals = made[place[:, people.axis(decision.column)]]
        parts = [(approvals, 1), (rows_each - approvals, 0)]
        kind = np.concatenate([np.flatnonzero(times > 0) for times, _ in parts])
        times = np.concatenate([times[times > 0] for times, _ in parts])
        decided = np.concatenate([np.full((times > 0).sum(), value) for times, value in parts])
        columns = {column.name: column.values for column in people.columns}
        codes = {column.name: place[kind, i] for i, column in enumerate(people.columns)}
        columns[decision.column], codes[decision.column] = (0, 1), decided
        return cls(people, contract, kind, times, decided, contract.entity, columns, codes)

    def labels(self, name: str) -> tuple[Ints, tuple[Text, ...]]:
        """Codes and texts of a column, or of the outcome that the contract makes of one."""
        if name == OUTCOME:
            return self._outcome()
        return self.codes[name], tuple(None if value is None else str(value) for value in self.columns[name])

    def attribute(self, name: str) -> tuple[Ints, tuple[Text, ...]]:
        """Codes and labels of a group attribute."""
        group = next(one for one in self.contract.groups if one.name == name)
        return self.labels(group.column)

    def numbers(self, name: str) -> Floats:
        """A column as numbers, NaN where missing."""
        values = np.array([np.nan if value is None else float(value) for value in self.columns[name]])
        return np.asarray(values[self.codes[name]])

    def _outcome(self) -> tuple[Ints, tuple[Text, ...]]:
        outcome, decision = self.contract.outcome, self.contract.decision
        if outcome is None or decision is None:
            raise KeyError("outcome: found none in the contract")
        codes, texts = self.labels(outcome.column)
        known = np.array([text is not None for text in texts])[codes]
        if outcome.observed_when is not None:
            if outcome.observed_when != decision.column:
                raise NotImplementedError(f"observed_when: {outcome.observed_when}, expected the decision's own column")
            known &= self.decided == 1
        good = np.array([text in outcome.favourable for text in texts])[codes]
        return np.where(known, good.astype(np.int64), 2), ("0", "1", None)

    def grouped(self, keys: tuple[str, ...], attributes: tuple[str, ...]) -> tuple[Ints, list[tuple[Text, ...]]]:
        """Number of the combination of labels of each kind of row, and the combinations; worked out once."""
        if (keys, attributes) not in self._grouped:
            parts = [self.attribute(name) for name in attributes] + [self.labels(name) for name in keys]
            size = tuple(len(texts) for _, texts in parts)
            codes = [codes for codes, _ in parts]
            flat = np.ravel_multi_index(codes, size) if parts else np.zeros(len(self.kind), dtype=np.int64)
            found, number = np.unique(flat, return_inverse=True)
            places = np.array(np.unravel_index(found, size)).T if parts else np.zeros((1, 0), dtype=np.int64)
            names = [tuple(parts[i][1][code] for i, code in enumerate(place)) for place in places]
            self._grouped[keys, attributes] = number, names
        return self._grouped[keys, attributes]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class CountedEvidence:
    """The methods of ``Evidence`` for one drawn file: ``people`` counts the kinds of ``layout``, in order."""

    layout: Layout
    people: Ints
    data: DataRecord

    @cached_property
    def rows(self) -> Ints:
        """Rows of each kind of row."""
        return np.asarray(self.people[self.layout.kind] * self.layout.times)

    def cells(self, need: CellsNeed) -> Cells:
        """As ``collect_cells``."""
        number, names = self.layout.grouped(need.columns, need.attributes)
        key = 2 * number + self.layout.decided if need.decision else number
        size = len(names) * (2 if need.decision else 1)
        counts = np.bincount(key, self.rows, minlength=size).round().astype(np.int64)
        totals = {name: self._totals(name, key, size) for name in need.sums}
        found = []
        for i in np.flatnonzero(counts):
            place, decision = divmod(int(i), 2) if need.decision else (int(i), None)
            cell = (names[place], decision, int(counts[i]))
            found.append((cell, tuple(Total(*(part[i] for part in totals[name])) for name in need.sums)))
        return sorted_cells(need, found)  # type: ignore[arg-type]

    def _totals(self, name: str, key: Ints, size: int) -> tuple[list[int], list[float], list[float]]:
        value = self.layout.numbers(name)
        known, value = np.isfinite(value) * self.rows, np.nan_to_num(value)
        sums = [np.bincount(key, weight, minlength=size) for weight in (known, known * value, known * value**2)]
        return [round(n) for n in sums[0]], sums[1].tolist(), sums[2].tolist()

    def moments(self, need: MomentsNeed) -> Moments:
        """As ``collect_moments``, for what the worlds declare: the decision on controls, by group or over all rows."""
        if need.response is not None or need.strata:
            raise NotImplementedError(f"{need}: the worlds ask for the decision, without strata")
        here, columns, ranges = self.rows > 0, {}, []
        for name in need.controls:
            value = self.layout.numbers(name)
            if not np.isfinite(value[here]).all():
                raise NotImplementedError(f"{name}: found a missing control, expected none in the worlds")
            low, high = value[here].min(), value[here].max()
            if high > low:
                columns[name] = (value - low / 2 - high / 2) / (high / 2 - low / 2)
                ranges.append([float(low), float(high)])
        alone = np.zeros(len(here), dtype=np.int64), (EVERYONE,)
        codes, texts = alone if need.attribute is None else self.layout.attribute(need.attribute)
        z = np.column_stack([np.ones(len(here)), *columns.values()])
        labels = sorted(str(texts[code]) for code in set(codes[here].tolist()))
        mine = [(codes == texts.index(label)) * self.rows for label in labels]
        made = self.layout.decided.astype(np.float64)
        moments = Moments(
            attribute=need.attribute,
            reference=EVERYONE if need.attribute is None else self.data.references[need.attribute],
            labels=labels, controls=list(columns), constant=[name for name in need.controls if name not in columns],
            missing=dict.fromkeys(need.controls, 0), rows=int(self.rows.sum()),
            counts=[int(n.sum()) for n in mine], favourable=[int(n @ made) for n in mine],
            cross=[((z.T * n) @ z).tolist() for n in mine], response=[((n * made) @ z).tolist() for n in mine],
            meat=[], cluster=need.cluster, ranges=ranges if need.attribute is None else [],
        )  # fmt: skip
        if moments.reference not in labels or (len(labels) < 2 and need.attribute is not None):
            return moments
        fit = fit_group_effects(moments.grouped())
        own = dict(zip(fit.labels, fit.group_coefficients, strict=True))
        effect = np.array([own.get(str(text), 0.0) for text in texts])[codes]
        left = made - fit.intercept - effect - z[:, 1:] @ fit.control_coefficients
        meat = [((z.T * (n * left**2)) @ z).tolist() for n in mine]
        moments = replace(moments, meat=meat)
        return self._with_people(moments, left, z, codes, texts) if need.cluster else moments

    def memberships(self, need: MembershipNeed) -> Memberships:
        """As ``collect_memberships``, without clusters and with every probability known."""
        if need.cluster:
            raise NotImplementedError(f"{need}: the worlds have no entities beside probabilities")
        given = np.column_stack([self.layout.numbers(name) for name in need.columns])
        every = np.column_stack([given, 1 - given.sum(axis=1)]) if need.remainder else given
        by = [self.rows * (self.layout.decided == decision) for decision in (0, 1)]
        there = every[self.rows > 0]
        miss = every[:, -1] < -TOLERANCE if need.remainder else abs(every.sum(axis=1) - 1) > TOLERANCE
        return Memberships(
            columns=list(need.columns), remainder=need.remainder, rows=int(self.rows.sum()), undecided=0,
            counts=[int(n.sum()) for n in by], sums=[(n @ every).tolist() for n in by],
            cross=[((every.T * n) @ every).tolist() for n in by], low=there.min(axis=0).tolist(),
            high=there.max(axis=0).tolist(), off=int(self.rows[miss].sum()),
        )  # fmt: skip

    def _with_people(self, moments: Moments, left: Floats, z: Floats, codes: Ints, texts: tuple[Text, ...]) -> Moments:
        """Products of people's score sums; a person has one label and one value of every control."""
        size = len(self.people)
        whole = np.bincount(self.layout.kind, left * self.layout.times, minlength=size)
        first = np.full(size, -1)
        first[self.layout.kind[::-1]] = np.arange(len(codes))[::-1]
        belongs = [(codes[first] == texts.index(label)).astype(float) for label in moments.labels]
        score = np.column_stack([*belongs, z[first][:, 1:]]) * whole[:, None]
        return replace(
            moments, cluster_meat=((score.T * self.people) @ score).tolist(), clusters=int(self.people.sum()),
            largest_cluster=int(np.bincount(self.layout.kind, self.layout.times).max()),
            clusters_by_label=[int(self.people @ mine) for mine in belongs],
        )  # fmt: skip

    def cluster_cells(self, need: ClusterCellsNeed) -> ClusterCells:
        """As ``collect_cluster_cells``, without sums of columns."""
        if need.sums:
            raise NotImplementedError(f"{need}: the worlds have no weights")
        cells = self.cells(CellsNeed(need.attributes, need.columns, (), need.decision))
        number, names = self.layout.grouped(need.columns, need.attributes)
        places = {cell[:2]: i for i, cell in enumerate(cells.cells)}
        has = np.zeros((len(self.people), len(places)))
        for row, (kind, times) in enumerate(zip(self.layout.kind, self.layout.times, strict=True)):
            decision = int(self.layout.decided[row]) if need.decision else None
            place = places.get((names[number[row]], decision))
            if place is not None:
                has[kind, place] += times
        return ClusterCells(
            cluster=need.cluster, attributes=need.attributes, columns=need.columns, cells=cells.cells,
            variables=("rows",), products=tuple(map(tuple, ((has.T * self.people) @ has).tolist())),
            clusters=int(self.people.sum()), clusters_by_cell=tuple(int(n) for n in self.people @ (has > 0)),
            largest=int(has.sum(axis=1).max()), missing=0,
        )  # fmt: skip

    def histogram(self, need: HistogramNeed) -> Histogram:
        """As ``collect_histogram``, while the values are few."""
        number, names = self.layout.grouped(need.columns, need.attributes)
        value = self.layout.numbers(need.score)
        here = self.rows > 0
        values = np.unique(value[here & np.isfinite(value)])
        if len(values) > need.exact:
            raise NotImplementedError(f"{need.score}: found {len(values)} values, expected at most {need.exact}")
        held = np.array([self.rows[value == one].sum() for one in values])
        merged: dict[Any, int] = {}
        for row in np.flatnonzero(here):
            place = int(np.searchsorted(values, value[row])) if np.isfinite(value[row]) else None
            decision = int(self.layout.decided[row]) if need.decision else None
            key = names[number[row]], decision, place
            merged[key] = merged.get(key, 0) + int(self.rows[row])
        return Histogram(
            score=need.score, attributes=need.attributes, columns=need.columns, exact=True,
            values=tuple(values.tolist()), counts=tuple((*key, n) for key, n in sorted(merged.items(), key=_order)),
            different=len(values), modal_rows=int(held.max(initial=0)), tied_pairs=int((held * (held - 1)).sum()) // 2,
            missing=int(self.rows[~np.isfinite(value)].sum()),
        )  # fmt: skip

    def sample(self, need: SampleNeed) -> io.BytesIO:
        """All rows as Parquet in memory, in the order of their kinds: the worlds' files are smaller than a sample."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if int(self.rows.sum()) > need.rows:
            raise NotImplementedError(f"rows: found {self.rows.sum()}, expected at most the sample's {need.rows}")
        every = np.repeat(np.arange(len(self.rows)), self.rows)
        columns = {f"group:{name}": self._texts(*self.layout.attribute(name), every) for name in need.attributes}
        columns |= {f"column:{name}": self._texts(*self.layout.labels(name), every) for name in need.columns}
        columns |= {name: self._plain(name, every) for name in need.kept}
        file = io.BytesIO()
        pq.write_table(pa.table(columns), file)
        file.seek(0)
        return file

    def _texts(self, codes: Ints, texts: tuple[Text, ...], every: Ints) -> Any:
        import pyarrow as pa

        return pa.array(texts, pa.string()).take(pa.array(codes[every]))

    def _plain(self, name: str, every: Ints) -> Any:
        import pyarrow as pa

        if name == FAVOURABLE:
            return pa.array(self.layout.decided[every])
        if name == OUTCOME:
            codes, _ = self.layout.labels(OUTCOME)
            return pa.array([0, 1, None]).take(pa.array(codes[every]))
        if name == self.layout.entity:
            raise NotImplementedError("a sample of entities: the worlds with outcomes have one row each")
        return pa.array(self.layout.columns[name]).take(pa.array(self.layout.codes[name][every]))


def _order(one: tuple[Any, int]) -> Any:
    (labels, decision, place), _ = one
    keys = tuple((label is None, label or "") for label in labels)
    return keys, (decision is None, decision or 0), (place is None, place or 0)
