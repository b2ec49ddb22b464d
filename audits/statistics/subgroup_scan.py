"""Is there a subgroup, however the attributes are crossed, whose rate differs from everyone else's?

From leaf cells (one per combination of A attributes, with n people and x events) every intersection of up
to `depth` attributes is formed, its rate is compared with the rest by the score statistic
z = (x_s/n_s - x_r/n_r) / sqrt(p (1 - p) (1/n_s + 1/n_r)), p pooled, and |z| is judged against the largest
|z| that chance alone gives over all subgroups (max-T: Westfall and Young 1993). Under the null that the
rate is the same in every leaf, the events are a random draw of X people out of N, so the null is simulated
exactly by drawing the leaves' events from the multivariate hypergeometric distribution (a permutation of
people); a subgroup's events are sums of its leaves, which carries the overlap between subgroups through.
The chance of any finding when there is nothing to find is then at most 1 - level in samples of any size.
With M subgroups the critical value is near sqrt(2 log M), less where they overlap.

When some rates differ, the draws still use the common rate. Each statistic has its own standard error, so the
error rate among subgroups that do equal those they are compared with still holds, approximately in large
samples; where the rest is a mixture of rates it is conservative. A finding says
that the subgroup's rate differs from the rest, not that the difference arises there: subgroups that share
many people with a deviating one deviate too, and the ranking shows which stands out most.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.statistics.cell_metrics import coded_labels
from audits.statistics.max_t import critical_value, single_step_p
from audits.statistics.subgroup_limits import differences
from checks.sentence import said

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]
Name = tuple[tuple[str, str], ...]

_BLOCK = 1 << 19  # numbers of one block of replicates; fixed, so that threads do not change the draws
_HYPERGEOMETRIC_LIMIT = 1_000_000_000  # numpy draws from fewer people than this


class Unjudged(IntEnum):
    """Why a subgroup was not compared."""

    NONE = 0
    TOO_SMALL = 1
    NO_REST = 2
    TOO_FEW_EXPECTED = 3

    @property
    def reason(self) -> str | None:
        """The sentence to print beside the subgroup, or None when it was compared."""
        return _REASONS.get(self)


_REASONS = {
    Unjudged.TOO_SMALL: said("the subgroup has fewer people than the least size asked for"),
    Unjudged.NO_REST: said("nobody is outside the subgroup to compare it with"),
    Unjudged.TOO_FEW_EXPECTED: said("too few events or non-events are expected for a comparison"),
}


@dataclass(frozen=True, slots=True)
class SubgroupScan:
    """All subgroups, the most deviating first; arrays have shape (S,), NaN where `unjudged` says why.

    `subgroups` names each as ((attribute, label), …). `rest_n` and `rest_x` count those it is compared with.
    `low` and `high` bound `difference` for all judged subgroups at once: the score interval (Mee 1984) whose
    critical value is that of the maximum, so that it excludes 0 exactly when |z| exceeds `critical_value`.
    """

    subgroups: tuple[Name, ...]
    n: Floats
    x: Floats
    rest_n: Floats
    rest_x: Floats
    difference: Floats
    z: Floats
    adjusted_p: Floats
    low: Floats
    high: Floats
    unjudged: NDArray[np.uint8]  # codes of Unjudged
    critical_value: float  # NaN when no subgroup could be judged
    level: float
    judged: int
    replicates: int
    null: str  # "permutation", or "binomial" from 1e9 people on
    maxima: Floats  # the largest |z| in each replicate of the null, ascending, for limits at other levels


@dataclass(frozen=True, slots=True)
class _Leaves:
    """Leaves in an order that depends on names and labels only, not on how they were listed."""

    attributes: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    codes: Codes  # (A, C)
    n: Codes
    x: Codes
    base: Flags  # leaves of the stated reference; empty when it is everyone else
    missing: tuple[int, ...]  # of each attribute the code of its missing label, or -1


@dataclass(frozen=True, slots=True)
class _Tables:
    """Sums from leaves to subgroups: the deepest tables from leaves, each shallower one from a deeper one."""

    names: tuple[Name, ...]  # deepest first, in the order of `totals`
    steps: tuple[Any, ...]  # sparse matrices, applied one after another
    starts: Codes  # where the subgroups of each set of attributes begin
    known: Flags  # (S,): no label is missing

    def totals(self, leaves: Floats) -> Floats:
        """Subgroup sums (S, …) of leaf values (C, …)."""
        parts = [self.steps[0] @ leaves]
        for step in self.steps[1:]:
            parts.append(step @ parts[-1])
        return np.concatenate(parts)

    def all_known(self, totals: Floats) -> Floats:
        """Of every subgroup the total of all whose labels are known in its attributes, from subgroup totals."""
        sums = np.add.reduceat(
            np.where(self.known if totals.ndim == 1 else self.known[:, None], totals, 0.0), self.starts
        )
        return np.repeat(sums, np.diff([*self.starts, len(self.known)]), axis=0)


def scan_subgroups(
    attributes: Mapping[str, ArrayLike],
    n: ArrayLike,
    x: ArrayLike,
    *,
    depth: int = 3,
    least_size: int = 50,
    least_expected: float = 5.0,
    reference: Mapping[str, str] | None = None,
    missing: str | None = None,
    level: float = 0.95,
    replicates: int = 499,
    seed: int = 0,
    threads: int = 2,
) -> SubgroupScan:
    """Compare every subgroup of up to `depth` attributes with the rest, adjusted for having tried them all.

    Each attribute gives one label per leaf (C,); `n` and `x` are whole counts per leaf (C,). Leaves listed
    twice are added up; the order of leaves, labels and attributes does not matter for a given seed.
    A subgroup is judged from `least_size` people on, when it and those it is compared with are each expected to
    have `least_expected` events and non-events. With `reference`, a label for some attributes, subgroups (without
    those people) are compared with the people who carry all these labels instead of with everyone else.
    `missing` is the label of those whose value is not known: it names no subgroup, and everyone else is then whoever
    has a known label in the attributes of the subgroup.
    Raises ValueError for counts that are not whole or larger than n, missing labels, or too few replicates.
    """
    leaves = _leaves(attributes, n, x, reference, missing)
    tables = _tables(leaves, depth)
    size, events, all_size, all_events = _compared(leaves, tables, leaves.x[:, None].astype(np.float64))
    rest = (all_size - size, (all_events - events)[:, 0])
    unjudged = _unjudged(leaves, size, rest[0], least_size, least_expected)
    unjudged[~tables.known] = Unjudged.TOO_SMALL  # left out below
    z = np.where(unjudged == Unjudged.NONE, _score(size, events, all_size, all_events)[:, 0], np.nan)
    critical, p_value, maxima = np.nan, z, np.empty(0)
    if np.isfinite(z).any():
        maxima = _null_maxima(leaves, tables, np.isfinite(z), replicates, seed, threads)
        critical, p_value = critical_value(maxima, level), single_step_p(z, maxima)
    columns = [size, events[:, 0], *rest]
    columns += [*differences(critical, z, *columns), z, p_value]
    order = _ranking(tables.names, z)
    order = order[tables.known[order]]
    size, hits, others, other_hits, gap, low, high, z, p_value = (np.asarray(column[order]) for column in columns)
    names = tuple(tables.names[i] for i in order)
    return SubgroupScan(names, size, hits, others, other_hits, gap, z, p_value, low, high, unjudged[order], critical,
                        level, int(np.isfinite(z).sum()), replicates, _null(leaves), np.sort(maxima))  # fmt: skip


def _leaves(
    attributes: Mapping[str, ArrayLike],
    n: ArrayLike,
    x: ArrayLike,
    reference: Mapping[str, str] | None,
    missing: str | None,
) -> _Leaves:
    """Checked leaves, listed once each, in canonical order."""
    people, events = _whole("n", n), _whole("x", x)
    if (events > people).any():
        raise ValueError(f"x: found {events[events > people][0]} events, expected no more than n has people")
    if not attributes:
        raise ValueError("attributes: found none, expected at least one")
    names = tuple(sorted(attributes))
    coded = [coded_labels(f"attribute '{name}'", attributes[name], len(people)) for name in names]
    labels = tuple(found for found, _ in coded)
    keys, inverse = _distinct(np.array([codes for _, codes in coded], dtype=np.int64))
    sums = [np.zeros(keys.shape[1], dtype=np.int64) for _ in range(2)]
    for total, counts in zip(sums, (people, events), strict=True):
        np.add.at(total, inverse, counts)
    base = _reference_leaves(reference, names, labels, keys) if reference is not None else np.empty(0, dtype=bool)
    unknown = tuple(found.index(missing) if missing in found else -1 for found in labels)
    return _Leaves(names, labels, keys, sums[0], sums[1], base, unknown)


def _distinct(codes: Codes) -> tuple[Codes, Codes]:
    """The distinct columns of codes (A, C) in lexicographic order, and each column's place among them."""
    joint = np.zeros(codes.shape[1], dtype=np.int64)
    for row in codes:
        joint = joint * (row.max(initial=0) + 1) + row
        if joint.max(initial=0) > 1 << 40:  # renumbered before the next factor could overflow
            joint = np.unique(joint, return_inverse=True)[1]
    _, first, inverse = np.unique(joint, return_index=True, return_inverse=True)
    return codes[:, first], inverse


def _reference_leaves(
    reference: Mapping[str, str], names: tuple[str, ...], labels: tuple[tuple[str, ...], ...], codes: Codes
) -> Flags:
    """The leaves that carry every label of the reference."""
    base = np.ones(codes.shape[1], dtype=bool)
    for name, label in reference.items():
        if name not in names or str(label) not in labels[names.index(name)]:
            raise ValueError(f"reference: found {name} = '{label}', expected an attribute and one of its labels")
        base &= codes[names.index(name)] == labels[names.index(name)].index(str(label))
    if not base.any():
        raise ValueError("reference: found no leaf with these labels, expected at least one")
    return base


def _tables(leaves: _Leaves, depth: int) -> _Tables:
    """Every observed intersection of 1 to `depth` attributes."""
    from scipy import sparse

    width = len(leaves.attributes)
    if depth < 1:
        raise ValueError(f"depth: found {depth}, expected at least 1")
    names: list[Name] = []
    known: list[Flags] = []
    steps, starts = [], []
    cells: dict[tuple[int, ...], tuple[Codes, int]] = {tuple(range(width)): (leaves.codes, 0)}
    columns = leaves.codes.shape[1]
    for size in range(min(depth, width), 0, -1):
        deeper, cells, rows, places, start = cells, {}, [], [], 0
        for subset in combinations(range(width), size):
            source = next(key for key in deeper if set(subset) <= set(key))
            codes, offset = deeper[source]
            part = codes[[source.index(position) for position in subset]]
            keys, inverse = _distinct(part)
            rows.append(start + inverse)
            places.append(offset + np.arange(part.shape[1]))
            cells[subset] = (keys, start)
            starts.append(len(names))
            names.extend(_names(leaves, subset, keys))
            known.append((keys != np.array([leaves.missing[i] for i in subset])[:, None]).all(axis=0))
            start += keys.shape[1]
        spots = (np.concatenate(rows), np.concatenate(places))
        steps.append(sparse.csr_array((np.ones(len(spots[0])), spots), shape=(start, columns)))
        columns = start
    return _Tables(tuple(names), tuple(steps), np.array(starts, dtype=np.int64), np.concatenate(known))


def _names(leaves: _Leaves, subset: tuple[int, ...], keys: Codes) -> list[Name]:
    """The subgroups of one table as ((attribute, label), …)."""
    pairs = [
        [(leaves.attributes[i], leaves.labels[i][code]) for code in row] for i, row in zip(subset, keys, strict=True)
    ]
    return list(zip(*pairs, strict=True))


def _compared(leaves: _Leaves, tables: _Tables, events: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """People (S,) and events (S, R) of subgroups, and of both sides of their comparison together.

    Against everyone else both sides are always the same people, so that the last two have one row, unless some labels
    are missing.
    """
    people = leaves.n.astype(np.float64)
    if not leaves.base.size and not tables.known.all():
        size, hits = tables.totals(people), tables.totals(events)
        return size, hits, tables.all_known(size), tables.all_known(hits)
    if not leaves.base.size:
        return tables.totals(people), tables.totals(events), people.sum(keepdims=True), events.sum(axis=0)[None, :]
    outside = ~leaves.base
    size, hits = tables.totals(people * outside), tables.totals(events * outside[:, None])
    return size, hits, size + people[leaves.base].sum(), hits + events[leaves.base].sum(axis=0)


def _score(size: Floats, events: Floats, all_size: Floats, all_events: Floats) -> Floats:
    """Score statistics (S, R); 0 where all share one outcome."""
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = all_events / all_size[:, None]
        z = events - size[:, None] * pooled
        spread = np.sqrt(pooled * (1 - pooled))
        z /= np.where(spread > 0, spread, np.inf)
        z /= np.sqrt(size * (all_size - size) / all_size)[:, None]
    return z


def _unjudged(leaves: _Leaves, size: Floats, rest: Floats, least_size: int, least_expected: float) -> NDArray[np.uint8]:
    """The first reason not to judge each subgroup; it looks at sizes and the overall rate, never at its own rate."""
    total = max(int(leaves.n.sum()), 1)
    rarer = min(int(leaves.x.sum()), total - int(leaves.x.sum())) / total
    cases = [(size < max(least_size, 1), Unjudged.TOO_SMALL), (rest == 0, Unjudged.NO_REST),
             (np.minimum(size, rest) * rarer < least_expected, Unjudged.TOO_FEW_EXPECTED)]  # fmt: skip
    codes = [np.uint8(code) for _, code in cases]
    return np.select([mask for mask, _ in cases], codes, default=np.uint8(0)).astype(np.uint8)


def _null(leaves: _Leaves) -> str:
    return "permutation" if int(leaves.n.sum()) < _HYPERGEOMETRIC_LIMIT else "binomial"


def _null_maxima(leaves: _Leaves, tables: _Tables, judged: Flags, replicates: int, seed: int, threads: int) -> Floats:
    """Largest |z| over the judged subgroups in each replicate of the null, (B,)."""
    step = max(1, _BLOCK // max(len(judged), len(leaves.n)))
    sizes = [min(step, replicates - start) for start in range(0, replicates, step)]
    streams = np.random.SeedSequence(seed).spawn(len(sizes))

    def block(rows: int, stream: np.random.SeedSequence) -> Floats:
        events = _null_events(leaves, rows, np.random.default_rng(stream))
        z = _score(*_compared(leaves, tables, events))
        return np.asarray(np.abs(z[judged]).max(axis=0))

    with ThreadPoolExecutor(max(1, threads)) as pool:
        return np.concatenate([*pool.map(block, sizes, streams), np.empty(0)])


def _null_events(leaves: _Leaves, rows: int, rng: np.random.Generator) -> Floats:
    """Leaf events (C, rows) when the rate is the same in every leaf."""
    events, people = int(leaves.x.sum()), int(leaves.n.sum())
    if people < _HYPERGEOMETRIC_LIMIT:
        drawn = rng.multivariate_hypergeometric(leaves.n, events, size=rows, method="marginals").T
    else:
        drawn = rng.binomial(leaves.n[:, None], events / people, size=(len(leaves.n), rows))
    return np.ascontiguousarray(drawn, dtype=np.float64)


def _ranking(names: tuple[Name, ...], z: Floats) -> Codes:
    """Largest |z| first, unjudged last; ties by fewer attributes, then by name."""
    size = np.where(np.isnan(z), -1.0, np.abs(z))
    listed = sorted(range(len(names)), key=lambda i: (-size[i], len(names[i]), names[i]))
    return np.array(listed, dtype=np.int64)


def _whole(name: str, values: ArrayLike) -> Codes:
    """Whole counts (C,) from 0 to 2**53, or ValueError."""
    array = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    if array.ndim != 1:
        raise ValueError(f"{name}: found shape {array.shape}, expected one axis of leaves")
    fine = (array >= 0) & (array <= 2.0**53) & (array == np.floor(array))
    if not fine.all():
        raise ValueError(f"{name}: found {array[~fine][0]:g}, expected whole numbers from 0 to 2**53")
    return array.astype(np.int64)
