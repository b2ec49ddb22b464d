"""Effects at equal strata: models fitted on cells, and the score sums of clusters that their errors need.

``fit_effects`` takes the cells (strata by months of tenure, or by the labels of an attribute) and gives the fit of each
model. ``collect_effects`` makes one scan for Σ_g s_g s_gᵀ over all coefficients of all models, s_g the sum over the
rows of cluster g of residual times residual design (``statistics.absorbed_effects``). Rows are added up by cluster and
cell; only those sums are joined with what was fitted, so that a row costs little more than its GROUP BY.

Beyond ``EXACT`` rows, clusters are joined into a thousand sets or more by their key (the remainder of a number by a
prime, the first digits of the MD5 of a text). Rows of one cluster stay together, so that errors by these sets allow
for all that errors by cluster do; they know the spread of the scores to two percent. Columns and scores
are rounded to multiples of 2⁻ᑫ of a bound, such that sums are exact in any order. Rows without a cluster count as one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.cells import Cells, Labels
from audits.evidence.exact_sums import Range, Ranges, as_number
from audits.evidence.needs import CellsNeed, EffectModel, EffectsNeed
from checks.inputs.grouping import coded, on_raw
from checks.inputs.prepared import as_text, group_column
from checks.inputs.pricing_columns import MONTHS
from checks.inputs.source import Source

if TYPE_CHECKING:
    from audits.statistics.absorbed_effects import AbsorbedEffects

EXACT = 1 << 22  # rows up to which every cluster is told apart
_SETS = 1_021  # a prime
_MONTHS = 4096  # more than the months of any tenure that can be; a longer one is told apart by text
_MOST_LABELS = 64  # of one stratum, for comparing each row with all of them
_FINE, _DOUBLE = 61, 52
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EffectFit:
    """A model on cells: ``names`` of its K columns, its fit, and what it was fitted from.

    ``counts`` rows of each cell with all that the model needs, ``levels`` the tenure in years or the place of the label
    of each cell, ``strata`` codes; cells without such rows are left out. ``places`` are the cells' positions.
    """

    model: EffectModel
    names: tuple[str, ...]
    fit: AbsorbedEffects
    counts: Floats
    levels: Floats
    strata: NDArray[np.intp]
    places: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class EffectScores:
    """Σ_g s_g s_gᵀ over the coefficients of all models in turn, (K, K), from ``clusters`` of at most ``largest`` rows.

    ``missing`` rows of the source have no cluster.

    ``grouped`` says that clusters were joined into sets; ``shares`` (K,) is the largest cluster's part of each
    diagonal.
    """

    products: tuple[tuple[float, ...], ...]
    clusters: int
    largest: int
    grouped: bool
    shares: tuple[float, ...]
    missing: int = 0

    def meat(self, start: int, width: int) -> Floats:
        """The block of one model's coefficients."""
        return np.array(self.products, dtype=float)[start : start + width, start : start + width]


def effect_cells(need: EffectsNeed) -> CellsNeed:
    """The cells that the models are fitted on."""
    sums = tuple(dict.fromkeys(name for model in need.models for name in model.sums))
    if need.attribute is not None:
        return CellsNeed((need.attribute,), need.strata, sums, decision=False)
    return CellsNeed((), (*need.strata, MONTHS), sums, decision=False)


def fit_effects(cells: Cells, need: EffectsNeed) -> list[EffectFit]:
    """The fit of each model, in their order, on the cells of ``effect_cells(need)``."""
    return [_fit(cells, model, need) for model in need.models]


def _fit(cells: Cells, model: EffectModel, need: EffectsNeed) -> EffectFit:
    from audits.statistics.absorbed_effects import ExposedSums, absorbed_least_squares, absorbed_poisson

    key = 0 if need.attribute is not None else len(need.strata)
    own = [cells.totals[i][cells.sums.index(model.response)] for i in range(len(cells.cells))]
    places = [i for i, (labels, _, _) in enumerate(cells.cells) if labels[key] is not None and own[i].known]
    names, design, levels = _design([str(cells.cells[i][0][key]) for i in places], model, need)
    strata = _strata([cells.cells[i][0] for i in places], need)

    def sums(name: str, what: str) -> Floats:
        index = cells.sums.index(name)
        return np.array([getattr(cells.totals[i][index], what) for i in places], dtype=float)

    counts = sums(model.response, "known")
    totals, squares = sums(model.response, "sum"), sums(model.response, "squares")
    if model.exposure is None:
        squares = np.maximum(squares, totals**2 / counts)  # squares are summed rounded down, to some 2⁻³⁹ a row
        fit = absorbed_least_squares(design, strata, counts, totals, squares)
    else:
        products = sums(model.product, "sum") if model.product is not None else np.zeros(len(places))
        fit = absorbed_poisson(design, strata, ExposedSums(
            counts, totals, squares, sums(model.exposure, "sum"), sums(model.exposure, "squares"), products,
        ))  # fmt: skip
        if model.product is None:
            nothing = np.full_like(fit.hc1, np.nan)
            fit = replace(fit, hc1=nothing, classical=nothing)
    return EffectFit(model, names, fit, counts, levels, strata, np.array(places, dtype=np.intp))


def _design(labels: Sequence[str], model: EffectModel, need: EffectsNeed) -> tuple[tuple[str, ...], Floats, Floats]:
    """Names of the columns, the columns (C, K), and the level of each cell."""
    from checks.inputs.pricing_columns import band_of, tenure_labels

    if model.terms == "slope":
        years = np.array([int(label) for label in labels], dtype=float) / 12
        return ("year",), years[:, None], years
    if model.terms == "bands":
        of_cell = [band_of(int(label), need.edges) for label in labels]
        known = [label for label in tenure_labels(need.edges) if label in of_cell]
        levels = np.array([known.index(label) for label in of_cell], dtype=float)
    else:
        others = sorted(set(labels) - {need.reference})
        known = [str(need.reference), *others]
        levels = np.array([known.index(label) for label in labels], dtype=float)
    names = tuple(known[1:])
    columns = [levels == i for i in range(1, len(known))] or [np.zeros(len(labels))]
    return names or ("",), np.column_stack(columns).astype(float).reshape(len(labels), len(columns)), levels


def _strata(cells: Sequence[tuple[str | None, ...]], need: EffectsNeed) -> NDArray[np.intp]:
    first = 1 if need.attribute is not None else 0
    known: dict[tuple[str | None, ...], int] = {}
    return np.array(
        [known.setdefault(labels[first : first + len(need.strata)], len(known)) for labels in cells], dtype=np.intp
    )


def collect_effects(source: Source, need: EffectsNeed, ranges: Ranges, cells: Cells) -> EffectScores:
    """One scan. ``ranges`` holds the responses, exposures and the number of rows with a cluster."""
    fits = fit_effects(cells, need)
    width = sum(len(found.names) for found in fits)
    table, bounds = _cell_table(cells, fits, ranges)
    missing = ranges.rows - ranges.by_column[str(need.cluster)].known
    if not table:
        return EffectScores(((0.0,) * width,) * width, 0, 0, False, (0.0,) * width, missing)
    grouped = ranges.rows > EXACT
    sql = _statement(source, need, fits, table, width, grouped, ranges)
    clusters, largest, *values = source.rows(sql)[0]
    most, values = values[:width], values[width:]
    matrix = np.zeros((width, width))
    pairs = [(i, j) for i in range(width) for j in range(i, width)]
    for k, (i, j) in enumerate(pairs):
        whole, fine = values[2 * k : 2 * k + 2]
        value = (int(whole or 0) * 2**_FINE + int(fine or 0)) / 2**_FINE * bounds[i] * bounds[j]
        matrix[i, j] = matrix[j, i] = value
    shares = tuple(
        float((bounds[i] * float(most[i] or 0.0)) ** 2 / matrix[i, i]) if matrix[i, i] > 0 else 0.0
        for i in range(width)
    )
    return EffectScores(
        tuple(map(tuple, matrix.tolist())), int(clusters), int(largest or 0), grouped, shares, missing,
    )  # fmt: skip


def _cell_table(cells: Cells, fits: Sequence[EffectFit], ranges: Ranges) -> tuple[dict[Labels, list[str]], list[float]]:
    """Labels of each cell → fitted mean of each model, then residual design over its bound; and the bounds.

    A bound is a power of two that no row's score exceeds.
    """
    blocks: dict[int, list[str]] = {}
    bounds: list[float] = []
    empty = ["NULL"]
    width = sum(1 + len(found.names) for found in fits)
    column = 0
    for found in fits:
        fit, size = found.fit, len(found.names)
        reach = _reach(found, ranges)
        for k in range(size):
            most = reach * float(np.max(np.abs(fit.residual_design[:, k]), initial=0.0))
            bounds.append(2.0 ** math.ceil(math.log2(most)) if most > 0 and math.isfinite(most) else 1.0)
        own = bounds[len(bounds) - size :]
        for c, place in enumerate(found.places.tolist()):
            if not fit.used[c]:
                continue
            row = blocks.setdefault(place, empty * width)
            row[column] = _number(float(fit.means[c]))
            for k in range(size):
                row[column + 1 + k] = _number(float(fit.residual_design[c, k]) / own[k])
        column += 1 + size
    return {cells.cells[place][0]: row for place, row in blocks.items()}, bounds


def _reach(found: EffectFit, ranges: Ranges) -> float:
    """The most that a residual can amount to."""
    fit, model = found.fit, found.model
    means = np.abs(fit.means[fit.used])
    largest = float(np.max(means, initial=0.0))
    response = ranges.by_column[model.response]
    most = max(abs(response.low or 0.0), abs(response.high or 0.0))
    if model.exposure is None:
        return most + largest
    exposure = ranges.by_column[model.exposure]
    return most + largest * max(abs(exposure.low or 0.0), abs(exposure.high or 0.0))


def _number(value: float) -> str:
    """A literal that both engines read as a double (DuckDB takes 0.1 for a decimal)."""
    return f"{value:.17e}"


def _statement(
    source: Source, need: EffectsNeed, fits: Sequence[EffectFit], table: Mapping[Labels, list[str]],
    width: int, grouped: bool, ranges: Ranges,
) -> str:  # fmt: skip
    """The scan as SQL: sums by cluster and cell, each joined with its cell; score sums of clusters; their products."""
    columns = list(dict.fromkeys(name for found in fits for name in _row_columns(found.model)))
    keys, literals = _keys(source, need, list(table))
    figures = {f"y{i}": as_number(source.table[name]) for i, name in enumerate(columns)}
    told = {"g": _cluster(source, need, grouped), **{f"k{i}": key for i, key in enumerate(keys)}, **figures}
    base = on_raw(source.table, told, None)
    names = [f"k{i}" for i in range(len(keys))]
    fitted = [f"v{i}" for i in range(sum(1 + len(found.names) for found in fits))]
    held = ", ".join(f"({', '.join([*one, *row])})" for one, row in zip(literals, table.values(), strict=True))
    kind = "integer" if len(keys) == 1 and _is_code(keys[0]) else "varchar"
    casts = ", ".join([*(f"CAST({name} AS {kind}) AS {name}" for name in names),
                       *(f"CAST({name} AS double precision) AS {name}" for name in fitted)])  # fmt: skip
    places = 2.0 ** (_DOUBLE - math.ceil(math.log2(max(ranges.rows, 2))))
    linear = {found.model.response for found in fits if found.model.exposure is None} or {columns[0]}
    sums = ", ".join(
        _sum_of_column(i, ranges.by_column[name], places, name in linear) for i, name in enumerate(columns)
    )
    equal = "=" if kind == "integer" else "IS NOT DISTINCT FROM"
    joined = " AND ".join(f"a.{name} {equal} f.{name}" for name in names)
    scores = ", ".join(f"coalesce(sum(s{i}), 0) / {places:.1f} AS s{i}" for i in range(width))
    products = ", ".join(
        part for i in range(width) for j in range(i, width) for part in (
            f"sum(CAST(floor(s{i} * s{j}) AS bigint))",
            f"sum(CAST((s{i} * s{j} - floor(s{i} * s{j})) * {2.0**_FINE:.1f} AS bigint))",
        )
    )  # fmt: skip
    most = ", ".join(f"max(abs(s{i}))" for i in range(width))
    by = ", ".join(["g", *names])
    used = f"greatest({', '.join(f'a.m{i}' for i, name in enumerate(columns) if name in linear)}, 0)"
    return (
        f"WITH f0({', '.join([*names, *fitted])}) AS (VALUES {held}), f AS (SELECT {casts} FROM f0), "
        f"b AS ({source.backend.compile(base)}), "
        f"a AS (SELECT {by}, {sums} FROM b GROUP BY {by}), "
        f"r AS (SELECT a.g AS g, {used} AS n, {_scores(fits, columns, places)} FROM a JOIN f ON {joined} "
        f"WHERE {used} > 0), "
        f"c AS (SELECT g, sum(n) AS n, {scores} FROM r GROUP BY g) "
        f"SELECT count(*), max(n), {most}, {products} FROM c"
    )


def _sum_of_column(place: int, found: Range, places: float, counted: bool) -> str:
    """The rows that have a column, where asked, and its sum in places of a power of two that bounds it."""
    scale = places / 2.0**found.exponent
    told = f"floor(y{place} * {scale:.17e} + 0.5)"
    rows = f"count(y{place}) AS m{place}, " if counted else ""
    return f"{rows}sum({told}) / {scale:.17e} AS y{place}"


def _is_code(key: Any) -> bool:
    return bool(key.type().is_integer())


def _keys(source: Source, need: EffectsNeed, cells: Sequence[Labels]) -> tuple[list[Any], list[list[str]]]:
    """What tells cells apart, as one number where few labels occur, else as texts; and the literals of each cell."""
    labels = {name: source.table[group_column(need.attribute)] for name in ("label",) if need.attribute is not None}
    labels |= {f"s{i}": as_text(source.table[name]) for i, name in enumerate(need.strata)}
    width = len(labels)
    occurring = {name: list(dict.fromkeys(one[i] for one in cells)) for i, name in enumerate(labels)}
    code = coded(source, labels, occurring, _MOST_LABELS) if labels else _zero()
    months = need.attribute is None
    if code is None or math.prod(map(len, occurring.values())) * _MONTHS > 2**31:
        texts = [*(key.cast("string") for key in labels.values()), *([as_text(source.table[MONTHS])] if months else [])]
        return texts, [list(map(_text, one)) for one in cells]
    key = (code.cast("int32") * _MONTHS + source.table[MONTHS].cast("int32")) if months else code.cast("int32")
    literals = []
    for one in cells:
        number = 0
        for label, known in zip(one[:width], occurring.values(), strict=True):
            number = number * len(known) + known.index(label)
        literals.append([str(number * _MONTHS + int(one[width] or 0) if months else number)])
    return [key], literals


def _zero() -> Any:
    import ibis

    return ibis.literal(0, "int32")


def _row_columns(model: EffectModel) -> tuple[str, ...]:
    return (model.response, *([model.exposure] if model.exposure is not None else []))


def _scores(fits: Sequence[EffectFit], columns: Sequence[str], places: float) -> str:
    """Residual times residual design of each coefficient in whole places; NULL where rows lack what a model needs."""
    parts: list[str] = []
    column = 0
    for found in fits:
        place = columns.index(found.model.response)
        exposure = f"m{place}" if found.model.exposure is None else f"y{columns.index(found.model.exposure)}"
        for k in range(len(found.names)):
            score = f"(a.y{place} - f.v{column} * a.{exposure}) * f.v{column + 1 + k}"
            parts.append(f"floor({score} * {places:.1f} + 0.5) AS s{len(parts)}")
        column += 1 + len(found.names)
    return ", ".join(parts)


def _cluster(source: Source, need: EffectsNeed, grouped: bool) -> Any:
    """The cluster, or with very many rows the set that it falls into."""
    column = source.table[str(need.cluster)]
    if not grouped:
        return column
    if column.type().is_integer():
        return column.cast("int64") % _SETS
    return column.cast("string").hexdigest("md5").substr(0, 3)


def _text(label: str | None) -> str:
    return "NULL" if label is None else "'" + label.replace("'", "''") + "'"


def effect_scores_to_json(found: EffectScores) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(found), indent=1, sort_keys=True, allow_nan=False) + "\n"


def effect_scores_from_json(text: str) -> EffectScores:
    """The inverse of ``effect_scores_to_json``."""
    content = json.loads(text)
    return EffectScores(
        tuple(tuple(float(value) for value in row) for row in content["products"]), content["clusters"],
        content["largest"], content["grouped"], tuple(content["shares"]), content["missing"],
    )  # fmt: skip
