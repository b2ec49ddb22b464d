"""Moments: the sums that a linear model needs, taken in the engine and exact in any row order.

Controls, and a response that is not the decision, are mapped to [−1, 1] and summed as integers (``design``).
Sums are kept within each group of one attribute or column of labels, or over all rows, which gives the regression on
group indicators without an indicator column. Strata enter as indicators beside the controls: sums are taken in each
stratum and spread to the indicators' columns. A second scan collects the sandwich's meat Σ e² z zᵀ with e the
residual of the fit, z = (1, u₁ … u_k, indicators).

With a cluster column a further scan collects Σ_g s_g s_gᵀ, with s_g the sum of e over the rows of
cluster g in each group and of e z_j over all its rows (Liang and Zeger 1986, Biometrika 73:13–22).

Rows with a missing label, decision or response, control or cluster are left out and counted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.clustered_moments import plain_products, stratified_products
from audits.evidence.design import (
    EVERYONE,
    NEGLIGIBLE,
    SCALE,
    Design,
    half_range,
    integer_sums,
    is_complete,
    make_design,
    matrices,
    too_many_labels,
    vector,
)
from audits.evidence.exact_sums import Ranges, collect_ranges, zero_below
from audits.evidence.needs import MomentsNeed
from audits.evidence.strata import Strata, find_strata
from audits.statistics.linear_model import GroupedMoments, fit_group_effects
from checks.inputs.source import Source
from checks.sentence import sentences_in, with_sentences

_LATER = (
    "measured", "measured_missing", "measured_range", "squares", "ranges", "strata", "crossed", "indicators", "refused",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of one attribute. Lists are per label; matrices are (1 + k) × (1 + k) over z.

    ``rows`` counts all rows of the source, ``missing`` the rows without a value by control,
    ``constant`` the controls that never vary and are therefore not in ``controls``.
    ``cluster_meat`` is (L + k) × (L + k) over the labels' indicators, then the controls;
    ``clusters_by_label`` says in how many clusters each label has a used row.

    ``measured`` names the response where it is not the decision: ``measured_range`` are its two ends, ``squares``
    Σ v² of v in [−1, 1], ``measured_missing`` the rows without it; ``favourable`` is empty then. ``ranges`` holds the
    two ends of each control. ``indicators`` are the levels of ``strata``, ``crossed`` or adding up; they stand after
    the controls in every matrix. ``refused`` says why there are too many levels for a model; there is none then.
    """

    attribute: str | None
    reference: str
    labels: list[str]
    controls: list[str]
    constant: list[str]
    missing: dict[str, int]
    rows: int
    counts: list[int]
    favourable: list[int]
    cross: list[list[list[float]]]
    response: list[list[float]]
    meat: list[list[list[float]]]
    cluster: str | None = None
    cluster_missing: int = 0
    clusters: int = 0
    largest_cluster: int = 0
    cluster_meat: list[list[float]] = field(default_factory=list)
    clusters_by_label: list[int] = field(default_factory=list)
    measured: str | None = None
    measured_missing: int = 0
    measured_range: list[float] = field(default_factory=list)
    squares: list[float] = field(default_factory=list)
    ranges: list[list[float]] = field(default_factory=list)
    strata: list[str] = field(default_factory=list)
    crossed: bool = True
    indicators: list[str] = field(default_factory=list)
    refused: str | None = None

    @property
    def columns(self) -> list[str]:
        """Controls, then indicators: the order of every matrix after the constant."""
        return [*self.controls, *self.indicators]

    def clustered_meat(self) -> NDArray[np.float64]:
        """Σ_g s_g s_gᵀ over the columns that ``fit_group_effects`` uses: 1, controls, groups but the reference.

        With G clusters, n rows and k columns, CR1 = G / (G − 1) · (n − 1) / (n − k) · S⁻¹ M S⁻¹.
        Raises ``ValueError`` where no cluster sums were collected.
        """
        if not self.cluster_meat:
            raise ValueError(f"no cluster sums were collected for '{self.attribute}'")
        labels, width = len(self.labels), len(self.columns)
        turn = np.zeros((labels + width, labels + width))
        turn[0, :labels] = 1
        turn[1 : 1 + width, labels:] = np.eye(width)
        turn[1 + width :, :labels] = np.eye(labels)[[i for i in range(labels) if self.labels[i] != self.reference]]
        return np.asarray(turn @ np.array(self.cluster_meat) @ turn.T)

    def grouped(self) -> GroupedMoments:
        """As arrays, for ``fit_group_effects``: a response that is not the decision is fitted in its own unit."""
        low, high = self.measured_range or (-1.0, 1.0)
        response = np.array(self.response, dtype=float)
        return GroupedMoments(
            labels=tuple(self.labels),
            reference=self.reference,
            controls=tuple(self.columns),
            counts=np.array(self.counts, dtype=float),
            favourable=response[:, 0] if self.measured else np.array(self.favourable, dtype=float),
            cross=np.array(self.cross, dtype=float),
            response=response,
            meat=np.array(self.meat, dtype=float),
            cluster_meat=self.clustered_meat() if self.cluster_meat else np.zeros((0, 0)),
            clusters=self.clusters,
            squares=math.fsum(self.squares) if self.measured else None,
            unit=high / 2 - low / 2,
            centre=low / 2 + high / 2,
        )


def moments_to_json(moments: Moments) -> str:
    """Text of a file; floats in full precision. What a plain need does not ask for is left out."""
    content = asdict(moments)
    for one in fields(Moments):
        empty = [] if one.default is MISSING else one.default
        if one.name in _LATER and content[one.name] == empty:
            del content[one.name]
    table = sentences_in(moments.refused)
    content |= {"sentences": table} if table else {}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def moments_from_json(text: str) -> Moments:
    """The inverse of ``moments_to_json``."""
    content = json.loads(text)
    table = content.pop("sentences", {})
    made: Moments = with_sentences(Moments(**content), table)
    return made


def collect_moments(source: Source, need: MomentsNeed, ranges: Ranges | None = None) -> Moments:
    """Three scans: ranges (unless given), sums, and the meat of the robust errors.

    One more with strata, two more with a cluster, and with both one beyond these.
    """
    clusters = (need.cluster,) if need.cluster else ()
    numbers = (*need.controls, *((need.response,) if need.response is not None else ()))
    ranges = ranges or collect_ranges(source, numbers, clusters)
    nothing = _nothing_yet(source, need, ranges)
    table = source.table.filter(is_complete(source, need))
    strata = find_strata(source, table, need.strata)
    refused = strata if isinstance(strata, str) else too_many_labels(source, table, need)
    if isinstance(strata, str) or refused:
        return replace(nothing, refused=refused)
    design = make_design(table, need, ranges, nothing.controls, strata).worked_out()
    pairs, z = _pairs(nothing), design.z
    width = len(z)
    sums = [z[i] * z[j] for i, j in pairs] + [design.response * column for column in z]
    sums += [] if need.response is None else [design.response * design.response]
    found = integer_sums(source, design.table, design.keys, sums)
    response = {key: values[len(pairs) : len(pairs) + width] for key, (_, values) in found.items()}
    labels = sorted({str(key[0]) for key in found})
    measured = need.response is not None
    moments = replace(
        nothing, labels=labels, crossed=design.strata.crossed, indicators=list(design.strata.indicators),
        counts=[sum(n for key, (n, _) in found.items() if key[0] == name) for name in labels],
        cross=matrices(found, labels, design, pairs),
        response=[vector(((key[1:], one) for key, one in response.items() if key[0] == name), design)
                  for name in labels],
        squares=[sum(values[-1] for key, (_, values) in found.items() if key[0] == name) / SCALE
                 for name in labels] if measured else [],
    )  # fmt: skip
    if need.labels is not None:
        often = dict(zip(moments.labels, moments.counts, strict=True))
        moments = replace(moments, reference=min(labels, key=lambda label: (-often[label], label), default=""))
    if not measured:
        moments = replace(moments, favourable=[round(one[0]) for one in moments.response])
    if moments.reference not in labels or (len(labels) < 2 and need.attribute is not None):
        return moments
    moments = replace(moments, meat=_meat(source, moments, design, pairs))
    return _with_clusters(source, need, moments, ranges, strata) if need.cluster else moments


def _nothing_yet(source: Source, need: MomentsNeed, ranges: Ranges) -> Moments:
    """What is known of a need before anything is summed."""
    known = {name: found.known for name, found in ranges.by_column.items()}
    varying = [name for name in need.controls if half_range(ranges.by_column[name])]
    plain = need.attribute is not None and need.response is None and not need.strata
    measured = ranges.by_column[need.response] if need.response is not None else None
    return Moments(
        attribute=need.attribute,
        reference=EVERYONE if need.attribute is None else source.prepared.references[need.attribute],
        labels=[],
        controls=varying,
        constant=[name for name in need.controls if name not in varying],
        missing={name: ranges.rows - known[name] for name in need.controls},
        rows=ranges.rows,
        counts=[], favourable=[], cross=[], response=[], meat=[],
        cluster=need.cluster,
        cluster_missing=ranges.rows - known[need.cluster] if need.cluster else 0,
        measured=need.response,
        measured_missing=ranges.rows - measured.known if measured else 0,
        measured_range=[measured.low or 0.0, measured.high or 0.0] if measured else [],
        ranges=[] if plain else [_ends(ranges, name) for name in varying],
        strata=list(need.strata),
    )  # fmt: skip


def _ends(ranges: Ranges, name: str) -> list[float]:
    found = ranges.by_column[name]
    return [found.low or 0.0, found.high or 0.0]


def _pairs(moments: Moments) -> list[tuple[int, int]]:
    width = 1 + len(moments.controls)
    return [(i, j) for i in range(width) for j in range(i, width)]


def _meat(
    source: Source, moments: Moments, design: Design, pairs: Sequence[tuple[int, int]]
) -> list[list[list[float]]]:
    """Σ e² z zᵀ by label; e is divided by a bound to stay in [−1, 1]."""
    residual, bound = _residual(moments, design)
    rows = design.table.mutate(e=residual)
    squared = rows["e"] * rows["e"]
    sums = [rows[f"z{i}"] * rows[f"z{j}"] * squared for i, j in pairs]
    found = integer_sums(source, rows, design.keys, sums)
    scaled = matrices(found, moments.labels, design, pairs)
    return [[[value * bound * bound for value in row] for row in matrix] for matrix in scaled]


def _residual(moments: Moments, design: Design) -> tuple[Any, float]:
    """e / bound with e from the fit on the moments, and the bound, a power of two."""
    import ibis

    fit = fit_group_effects(replace(moments.grouped(), unit=1.0, centre=0.0))
    width = len(moments.controls)
    controls, indicators = fit.control_coefficients[:width], fit.control_coefficients[width:].tolist()
    effects = [(design.label == name, float(effect))
               for name, effect in zip(fit.labels, fit.group_coefficients, strict=True)]  # fmt: skip
    fitted = (ibis.cases(*effects, else_=0.0) if effects else design.z[0] * 0.0) + float(fit.intercept)
    for column, coefficient in zip(design.z[1:], controls, strict=True):
        if abs(coefficient) >= NEGLIGIBLE:
            fitted = fitted + column * float(coefficient)
    for effect in design.strata.effects(design.levels, indicators):
        fitted = fitted + effect
    largest = (
        1
        + abs(fit.intercept)
        + float(np.abs(fit.group_coefficients).max(initial=0))
        + float(np.abs(controls).sum())
        + design.strata.largest(indicators)
    )
    bound = 2.0 ** math.ceil(math.log2(largest))
    return zero_below(design.response - fitted, NEGLIGIBLE * bound) / bound, bound


def _with_clusters(source: Source, need: MomentsNeed, moments: Moments, ranges: Ranges, strata: Strata) -> Moments:
    counts, products = moments.counts, plain_products
    design = make_design(source.table, need, ranges, moments.controls, strata)
    if need.strata:
        table, first = source.table.filter(is_complete(source, need)), 1 + len(moments.controls)
        design = make_design(table, need, ranges, moments.controls, strata).worked_out(cluster=table[need.cluster])
        whole = np.array(moments.cross)[:, 0, first:].sum(axis=0)
        counts, products = [*counts, *(round(float(n)) for n in whole)], stratified_products
    residual, bound = _residual(moments, design)
    found = products(source, need, design, residual, moments.labels, counts, ranges.rows)
    return replace(
        moments, clusters=found.clusters, largest_cluster=found.largest, clusters_by_label=list(found.by_class),
        cluster_meat=(found.matrix * bound * bound).tolist(),
    )  # fmt: skip
