"""Products of clusters' score sums for differences between arms, and for tests that chance dealt the arms.

Each row joins the table of its cell by equality of one text and brings two figures in [−1, 1]: its score for the
difference within its own group, h + b (y − mean), and z = 1[arm 1] − p. Within a cluster the scores are added by group,
the z by level (groups, or strata where there are none, the smallest taken together). Each figure is the sum of two
whole numbers of places, so that sums of doubles are exact in any order; products are summed as integers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.arms import ArmCell, Arms, arm_keys, clean_amount, fault_free, key_of, text_of
from audits.evidence.exact_sums import Range, scaled
from audits.evidence.needs import ArmsNeed
from checks.inputs.grouping import on_raw
from checks.inputs.source import Source

if TYPE_CHECKING:
    from audits.evidence.arm_tables import ArmTable

MOST_LABELS = 64  # groups, the most frequent ones, whose differences get errors by cluster
MOST_LEVELS = 12
_DOUBLE, _FINE = 52, 61


@dataclass(frozen=True, slots=True)
class ArmScores:
    """``labels`` (K) with a row each in ``clusters``: (of arm 0, of arm 1, of either); ``variances`` (K, 2).

    ``variances`` holds Σ_g s_g² of a group's difference and Σ_g s_g r_g with that of the reference, in squared money.
    ``levels`` are lists of cells' levels (texts of labels) taken as one, ``departures`` (J, J) the products of their z
    sums, ``alone`` those of each with all z, ``whole`` the product of all z with itself. ``largest_shares`` is the
    largest cluster's part of each Σ_g s_g²; ``largest`` the rows of the largest cluster.
    """

    labels: tuple[str | None, ...]
    clusters: tuple[tuple[int, int, int], ...]
    variances: tuple[tuple[float, float], ...]
    largest_shares: tuple[float, ...]
    levels: tuple[tuple[str, ...], ...]
    departures: tuple[tuple[float, ...], ...]
    alone: tuple[float, ...]
    whole: float
    total: int
    largest: int

    def balance_variance(self, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of T_j = Σ (1[j] − π_j) z for all levels but the last, π from the ``sizes`` of levels."""
        share = sizes / sizes.sum()
        together, alone = np.array(self.departures), np.array(self.alone)
        full = together - np.outer(share, alone) - np.outer(alone, share) + self.whole * np.outer(share, share)
        return np.asarray(full[:-1, :-1] * self.total / max(self.total - 1, 1))


def level_of(arms: Arms, cell: ArmCell) -> str:
    """The level of a cell in tests of balance: its group, or its stratum where everyone is one."""
    return text_of((cell.label,) if arms.attribute is not None else cell.stratum)


def levels_of(arms: Arms) -> tuple[tuple[str, ...], ...]:
    """The levels that tests of balance compare; the smallest are one."""
    from audits.statistics.balance import merged

    sizes: dict[str, NDArray[np.int64]] = {}
    for cell in arms.cells:
        if cell.known and cell.arm is not None:
            sizes.setdefault(level_of(arms, cell), np.zeros(2, dtype=np.int64))[int(cell.arm)] += cell.known
    if not sizes:
        return ()
    names, counts = list(sizes), np.array(list(sizes.values()))
    smaller = counts.sum(axis=0).min() / counts.sum()
    parts = merged(counts.sum(axis=1), counts.sum(axis=1) * smaller, MOST_LEVELS)
    return tuple(tuple(names[i] for i in part) for part in parts)


def collect_arm_scores(source: Source, need: ArmsNeed, arms: Arms, found: Range) -> ArmScores | None:
    """Two scans; None where no row counts in an arm."""
    from audits.evidence.arm_tables import arm_table

    sizes = dict.fromkeys(arms.labels, 0)
    for cell in arms.cells:
        if cell.arm is not None and (arms.attribute is None or cell.label in sizes):
            sizes[cell.label if arms.attribute is not None else None] += cell.known
    reference = source.prepared.references.get(need.attribute) if need.attribute is not None else None
    order = sorted(sizes, key=lambda one: (one != reference, -sizes[one], str(one)))
    labels = tuple(order[:MOST_LABELS])
    if not any(sizes.values()):
        return None
    tables = [arm_table(arms, label, population=need.population) for label in labels]
    levels = levels_of(arms)
    rows, bounds = _values(arms, tables, levels, found)
    base = _scored(source, need, arms, found, rows)
    width, places = len(labels), 2.0 ** (_DOUBLE - math.ceil(math.log2(max(arms.rows, 2))))
    pairs = [*((i, i) for i in range(width)), *((0, i) for i in range(1, width))]
    sides = range(width, width + len(levels) + 1)
    pairs += [(i, j) for i in sides for j in sides if i <= j]
    products, most, total, largest = _products(source, base, width, len(levels), pairs, places)
    scale = [*bounds, *([1.0] * (len(levels) + 1))]
    matrix = {pair: value * scale[pair[0]] * scale[pair[1]] for pair, value in zip(pairs, products, strict=True)}
    own = [matrix[i, i] for i in range(width)]
    everyone = width + len(levels)
    return ArmScores(
        labels, _clusters(source, base, width), tuple((own[i], matrix[0, i]) for i in range(width)),
        tuple((bounds[i] * most[i]) ** 2 / own[i] if own[i] > 0 else 0.0 for i in range(width)), levels,
        tuple(tuple(matrix[min(i, j), max(i, j)] for j in sides[:-1]) for i in sides[:-1]),
        tuple(matrix[i, everyone] for i in sides[:-1]), matrix[everyone, everyone], total, largest,
    )  # fmt: skip


def _values(
    arms: Arms, tables: Sequence[ArmTable], levels: Sequence[Sequence[str]], found: Range
) -> tuple[list[tuple[str, int, int, int, float, float, float, float]], list[float]]:
    """(text, group, level, arm, h, b, mean, z) of each cell, amounts in units of 2ᵉ, scores over their bounds."""
    unit = 2.0**found.exponent
    level = {name: j for j, names in enumerate(levels) for name in names}
    known = [cell for cell in arms.cells if cell.known and cell.arm is not None]
    share = sum(cell.known for cell in known if cell.arm) / max(sum(cell.known for cell in known), 1)
    bounds = [_bound(table, unit) for table in tables]
    of_label = {table.label: i for i, table in enumerate(tables)}
    rows: dict[str, tuple[str, int, int, int, float, float, float, float]] = {}
    for cell in known:
        arm = int(cell.arm is True)
        text = text_of([*([cell.label] if arms.attribute is not None else []), *cell.stratum, "yes" if arm else "no"])
        place = of_label.get(cell.label if arms.attribute is not None else None, -1)
        h = b = mean = 0.0
        if place >= 0:
            table = tables[place]
            at = table.place[cell.stratum], arm
            h = float(table.difference.levels[at]) / bounds[place]
            b = float(table.difference.slopes[at]) * unit / bounds[place]
            mean = float(table.difference.means[at]) / unit
        rows[text] = (text, place, level[level_of(arms, cell)], arm, h, b, mean, arm - share)
    return list(rows.values()), bounds


def _bound(table: ArmTable, unit: float) -> float:
    """A power of two that no row's score of a group exceeds."""
    most = float(np.max(np.abs(table.difference.levels) + np.abs(table.difference.slopes) * unit, initial=0.0))
    return 2.0 ** math.ceil(math.log2(most)) if most > 0 and math.isfinite(most) else 1.0


def _scored(source: Source, need: ArmsNeed, arms: Arms, found: Range, rows: Sequence[tuple[Any, ...]]) -> str:
    """SQL: ``r``, the rows that count with their cluster and figures."""
    keys = {name: key for name, key in arm_keys(source, need, arms.edges).items() if name != "other"}
    used = fault_free(source, need) & keys["arm"].isin(("yes", "no"))
    told = {"g": source.table[str(need.cluster)], "k": key_of(keys), "q": scaled(clean_amount(source, need), found)}
    base = on_raw(source.table, told, used)
    held = ", ".join(
        f"({_text(text)}, {place}, {level}, {arm}, {', '.join(f'{value:.17e}' for value in rest)})"
        for text, place, level, arm, *rest in rows
    )
    names = "h", "b", "m", "z"
    casts = ", ".join(
        [f"CAST({name} AS integer) AS {name}" for name in ("lab", "lev", "arm")]
        + [f"CAST({name} AS double precision) AS {name}" for name in names]
    )
    return (
        f"WITH f0(k, lab, lev, arm, {', '.join(names)}) AS (VALUES {held}), "
        f"f AS (SELECT CAST(k AS varchar) AS k, {casts} FROM f0), b0 AS ({source.backend.compile(base)}), "
        "r AS (SELECT g, lab, lev, arm, h + b * (q - m) AS u, z FROM b0 JOIN f ON b0.k = f.k)"
    )  # noqa: S608 - names of columns are our own


def _products(
    source: Source, base: str, groups: int, levels: int, pairs: Sequence[tuple[int, int]], places: float
) -> tuple[list[float], list[float], int, int]:
    """Sums over clusters of products of their sums, the largest of each group's sums, clusters, rows of the largest."""
    split = ", ".join(
        f"floor({name} * {places:.1f} + 0.5) AS {name}c, "
        f"floor(({name} * {places:.1f} - floor({name} * {places:.1f} + 0.5)) * {places:.1f} + 0.5) AS {name}d"
        for name in ("u", "z")
    )
    sums = [_sum("u", f"lab = {i}", places) for i in range(groups)]
    sums += [_sum("z", f"lev = {j}", places) for j in range(levels)] + [_sum("z", "TRUE", places)]
    cluster = ", ".join(f"{one} AS x{i}" for i, one in enumerate(sums))
    parts = []
    for i, j in pairs:
        value = f"x{i} * x{j}"
        for _ in range(3):
            parts.append(f"sum(CAST(floor({value}) AS bigint))")
            value = f"(({value}) - floor({value})) * {2.0**_FINE:.1f}"
    most = [f"max(abs(x{i}))" for i in range(groups)]
    statement = (
        f"{base}, p AS (SELECT g, lab, lev, {split} FROM r), "
        f"c AS (SELECT g, count(*) AS n, {cluster} FROM p GROUP BY g) "
        f"SELECT count(*), max(n), {', '.join([*most, *parts])} FROM c"
    )  # noqa: S608 - names of columns are our own
    clusters, largest, *values = source.rows(statement)[0]
    heights, limbs = [float(value or 0.0) for value in values[:groups]], values[groups:]
    products = [_added(limbs[3 * i : 3 * i + 3]) for i in range(len(pairs))]
    return products, heights, int(clusters), int(largest or 0)


def _sum(name: str, test: str, places: float) -> str:
    """The sum of a figure in a cluster over the rows that meet a test, from its two whole parts."""
    coarse, fine = (f"sum(CASE WHEN {test} THEN {name}{part} ELSE 0 END)" for part in "cd")
    return f"({coarse} + {fine} / {places:.1f}) / {places:.1f}"


def _added(limbs: Sequence[Any]) -> float:
    number = 0
    for limb in limbs:
        number = number * 2**_FINE + int(limb or 0)
    return float(number / 2 ** (2 * _FINE))


def _clusters(source: Source, base: str, groups: int) -> tuple[tuple[int, int, int], ...]:
    """For each group the clusters that have a row in arm 0, in arm 1, in either."""
    counts = [[0, 0, 0] for _ in range(groups)]
    statement = (
        f"{base}, t AS (SELECT g, lab, max(1 - arm) AS a0, max(arm) AS a1 FROM r WHERE lab >= 0 GROUP BY g, lab) "
        "SELECT lab, sum(a0), sum(a1), count(*) FROM t GROUP BY lab"
    )  # noqa: S608 - names of columns are our own
    for lab, *found in source.rows(statement):
        counts[int(lab)] = [int(n) for n in found]
    return tuple((a, b, c) for a, b, c in counts)


def _text(label: str) -> str:
    return "'" + label.replace("'", "''") + "'"


def arm_scores_of(content: Mapping[str, Any]) -> ArmScores:
    """From a file's content."""

    def tuples(value: Any) -> Any:
        return tuple(map(tuples, value)) if isinstance(value, list) else value

    return ArmScores(**{name: tuples(value) for name, value in content.items()})
