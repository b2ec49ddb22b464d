"""Contributions of a model's features to its output, added up by label: rows drawn, computed once, never kept.

The gap itself is told by outputs, which cost next to nothing, its parts by contributions of fewer rows. The model's
margins of some rows tell how many it takes until the half-width of sampling is the asked share of the gap, of which
features bins are worth counting, and of which two numbers the product carries much of the output: it is told by the
book, as bins are. A few hundred rows are explained; more are scored or explained, at most those drawn, until the gap
and each part of it are told to the asked share of the gap. The rows of a label are the first of it by the hash of their
name, a simple random sample. A few thousand of each are drawn at first, and all that may be asked for only where these
do not do. A row that serves several attributes is computed once. The background is the first rows of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.contribution_bins import Bins, Pair, bins_of, count_book, count_pairs, stratum_of
from audits.evidence.contribution_density import edges_of, hill_of, ranks_of
from audits.evidence.contribution_results import (
    FEWEST,
    AttributeSums,
    Contributions,
    Hill,
    LabelSums,
    SideSums,
    WithinSums,
)
from audits.evidence.contribution_rows import ComputedRows
from audits.evidence.contribution_sums import Key, Sums, Within
from audits.evidence.model_rows import ModelRows, model_rows
from audits.evidence.model_scale import unit_of_rows
from audits.evidence.needs import ContributionsNeed
from audits.statistics.gap_sizes import beyond_bins, rows_needed, telling_pairs, variances
from audits.statistics.output_gap import Side, output_gap
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.source import Source

if TYPE_CHECKING:
    from checks.inputs.model import Model, ModelFrame
    from checks.inputs.prediction import Prediction

__all__ = ["Contributions", "collect_contributions"]

PILOT, DRAWN = 500, 2_500  # rows of a label
_MOST_GUESSED, _GUESSED, _FIRST = 32, 1250, 400
_ROUNDS, _MARGIN, _DIGITS = 5, 1.1, 10
_SCALE = 1000  # rows of all that tell to some per cent in what unit margins are read, where no more of these are known
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def collect_contributions(source: Source, model: Model, need: ContributionsNeed) -> Contributions:
    """Means, covariances and hills by label. Raises ``ModelUnusable`` where rows or contributions cannot be had."""
    if need.rows > DRAWN:
        with suppress(_TooFewDrawn):
            return _of_draw(source, model, need, DRAWN)
    return _of_draw(source, model, need, need.rows)


class _TooFewDrawn(Exception):  # noqa: N818
    """More rows are wanted than were drawn, and more may be asked for."""


def _of_draw(source: Source, model: Model, need: ContributionsNeed, most: int) -> Contributions:
    """The same from at most ``most`` rows of each label. Raises ``_TooFewDrawn``."""
    from checks.inputs.model import model_frame

    contract = source.contract
    if contract is None:
        raise ModelUnusable(ModelFault("not_named"))
    entity = (contract.entity,) if contract.entity else ()
    drawn = model_rows(source, need.attributes, most, need.seed, entity, strata=need.strata)
    taken = model_frame(model, drawn.features)
    if not taken.usable.any():
        raise ModelUnusable(ModelFault("no_rows"))
    rows = ComputedRows(model, taken, need, tuple(drawn.features.columns))
    keys = _keys(drawn, need.attributes)
    guess = None
    if len(rows.names) <= _MOST_GUESSED:
        guess = _guessed(_cut(source, drawn, rows.names), rows, drawn, taken, need, source.prepared.references)
    first, crossed = (guess.rows, guess.pairs) if guess else ({}, [])
    _check_drawn(drawn, first, need, most)
    known = {key: max(first[key], _GUESSED) if key in first else PILOT for key in keys}
    scored = {key: _first(drawn, taken, key, min(known[key], need.rows)) for key in keys}
    chosen = {key: _first(drawn, taken, key, min(_FIRST if key in first else PILOT, need.rows)) for key in keys}
    rows.compute(_union(chosen.values()) if chosen else _whole(taken, min(PILOT, need.rows)))
    rows.keep(_largest(rows, chosen, source.prepared.references))
    cut = guess.cut if guess else _cut(source, drawn, rows.names)
    every = [cut.get(name, Bins(name)) for name in rows.names]
    book = count_book(source, drawn, every, crossed)
    pairs = count_pairs(source, need.attributes, contract.entity) if contract.entity else None
    strata = stratum_of([drawn.texts[name] for name in need.strata], len(drawn)) if need.strata else ()
    sums = Sums(drawn, rows, every, book, pairs, contract.entity, strata, taken.usable, crossed)
    for _ in range(_ROUNDS):
        explain, score = _more(sums, chosen, scored, source.prepared.references, need, most)
        if not explain and not score:
            break
        chosen |= {key: _first(drawn, taken, key, n) for key, n in explain.items()}
        scored |= {key: _first(drawn, taken, key, n) for key, n in score.items()}
        rows.compute(_union(chosen.values()))
    return _told(sums, chosen, scored, taken, source.prepared.references, need, contract.prediction)


def _check_drawn(drawn: ModelRows, wanted: Mapping[Key, int], need: ContributionsNeed, most: int) -> None:
    """Raises ``_TooFewDrawn`` where a label has the rows that are wanted, but they are not drawn."""
    short = any(min(n, drawn.sizes[key[0]][key[1]]) > most for key, n in wanted.items())
    if short and drawn.most == most < need.rows:
        raise _TooFewDrawn


def _keys(drawn: ModelRows, attributes: Sequence[str]) -> list[Key]:
    return [(name, label) for name in attributes for label in sorted(one for one in drawn.sizes[name] if one)]


def _first(drawn: ModelRows, taken: ModelFrame, key: Key, rows: int) -> Whole:
    """The first rows of a label by hash that the model can take."""
    attribute, label = key
    places = drawn.places[attribute]
    mine = (drawn.labels[attribute] == label) & (places >= 0) & (places < min(rows, drawn.most)) & taken.usable
    return np.flatnonzero(mine)


def _whole(taken: ModelFrame, rows: int) -> Whole:
    return np.flatnonzero(taken.usable)[:rows]


def _union(chosen: Any) -> Whole:
    return np.unique(np.concatenate([*chosen, np.zeros(0, dtype=np.int64)]))


def _gaps(chosen: Mapping[Key, Whole], references: Mapping[str, str]) -> list[tuple[Key, Key]]:
    """Each group with its reference."""
    pairs = [(key, (key[0], references.get(key[0], ""))) for key in chosen]
    return [(one, other) for one, other in pairs if one != other and other in chosen]


def _largest(rows: ComputedRows, chosen: Mapping[Key, Whole], references: Mapping[str, str]) -> list[int]:
    """Features by the size of their largest gap in the pilot."""
    size = np.zeros(len(rows.names))
    for one, other in _gaps(chosen, references):
        if min(len(chosen[one]), len(chosen[other])) >= FEWEST:
            gap = rows.of(chosen[one]).mean(axis=0) - rows.of(chosen[other]).mean(axis=0)
            size = np.maximum(size, np.abs(gap))
    return [int(i) for i in np.argsort(-size, kind="stable")]


def _cut(source: Source, drawn: ModelRows, names: Sequence[str]) -> dict[str, Bins]:
    """Bins by feature, of those that the contract names one by one."""
    named = [name for name in names if name in drawn.features]
    return {bins.feature: bins for bins in bins_of(source, drawn.features, named)}


@dataclass(frozen=True, slots=True)
class _Guess:
    """The bins worth counting, by feature, the rows to begin with, and pairs of features."""

    cut: Mapping[str, Bins]
    rows: Mapping[Key, int]
    pairs: Sequence[Pair]


def _guessed(
    cut: Mapping[str, Bins],
    computed: ComputedRows,
    drawn: ModelRows,
    taken: ModelFrame,
    need: ContributionsNeed,
    references: Mapping[str, str],
) -> _Guess | None:
    """From the model's margins of a few thousand rows, which cost next to nothing; None without a gap."""
    some = {key: _first(drawn, taken, key, min(_GUESSED, need.rows)) for key in _keys(drawn, need.attributes)}
    gaps = [pair for pair in _gaps(some, references) if min(len(some[key]) for key in pair) >= FEWEST]
    every = _union(some[key] for pair in gaps for key in pair)
    if not len(every):
        return None
    margins, features, bins = computed.margins(every), drawn.features.iloc[every], list(cut.values())
    codes = [one.codes(features[one.feature].to_numpy()) for one in bins]
    fitted = beyond_bins(margins, codes)
    left = fitted.left
    scored = [one.scores() for one in bins]
    scores = [None if held is None else held[own] for held, own in zip(scored, codes, strict=True)]
    pairs = telling_pairs(left, scores)
    found: dict[Key, int] = {}
    for gap in gaps:
        sides = [np.searchsorted(every, some[key]) for key in gap]
        size = float(margins[sides[0]].mean() - margins[sides[1]].mean())
        sizes = [drawn.sizes[key[0]][key[1]] for key in gap]
        rows = rows_needed(variances(left, scores, pairs, sides), sizes, size, need.half_width)
        found |= {key: max(found.get(key, 0), _FIRST, rows) for key in gap}
    worth = {*fitted.telling(), *chain.from_iterable(pairs)}
    kept = {one.feature: one for i, one in enumerate(bins) if i in worth}
    return _Guess(kept, found, [(bins[one].feature, bins[other].feature) for one, other in pairs])


def _more(
    sums: Sums,
    chosen: Mapping[Key, Whole],
    scored: Mapping[Key, Whole],
    references: Mapping[str, str],
    need: ContributionsNeed,
    most: int,
) -> tuple[dict[Key, int], dict[Key, int]]:
    """Labels whose gap, or a part of it, is not told well enough yet, with the rows to explain, and those to score.

    Raises ``_TooFewDrawn``.
    """
    explain: dict[Key, int] = {}
    score: dict[Key, int] = {}
    sides = {key: sums.side(key, rows, scored[key]) for key, rows in chosen.items()}
    explained, known = (_held(sums.drawn, rows) for rows in (chosen, scored))
    for one, other in _gaps(chosen, references):
        group, reference = sides[one], sides[other]
        if group is None or reference is None:
            explain |= {key: need.rows for key in (one, other) if sides[key] is None}
            continue
        of_parts, of_total = _rows_of_gap(sums, chosen, (one, other), (group, reference), need)
        for key, side in ((one, group), (other, reference)):
            alone = side.unlike or len(sums.lost(key, scored[key]))  # then outputs alone do not tell the total
            all_scored = max(of_total, known[key]) if alone else 0
            explain[key] = max(explain.get(key, 0), min(max(of_parts, all_scored), need.rows))
            score[key] = max(score.get(key, 0), min(of_total, need.rows))
    wanted = {key: max(n, score.get(key, 0)) for key, n in explain.items()}
    _check_drawn(sums.drawn, wanted, need, most)
    drawn = {key: min(int((sums.drawn.labels[key[0]] == key[1]).sum()), sums.drawn.most) for key in wanted}
    return (
        {key: n for key, n in explain.items() if n > explained[key] and drawn[key] > explained[key]},
        {key: n for key, n in wanted.items() if n > known[key] and drawn[key] > known[key]},
    )


def _held(drawn: ModelRows, chosen: Mapping[Key, Whole]) -> dict[Key, int]:
    """How many of the first rows of each label these are."""
    return {key: int(drawn.places[key[0]][rows].max(initial=-1)) + 1 for key, rows in chosen.items()}


def _rows_of_gap(
    sums: Sums, chosen: Mapping[Key, Whole], keys: tuple[Key, Key], sides: tuple[Side, Side], need: ContributionsNeed
) -> tuple[int, int]:
    """Rows of either label that tell the parts, and the one within strata, as well as was asked; and the total.

    0 where these do. A part is told as the total is: to the asked share of the total.
    """
    found, of_parts, of_total = output_gap(*sides), 0, 0
    size, most = abs(found.total), max(len(chosen[key]) for key in keys)
    allowed, half = need.half_width * size, float(found.sampling_half_widths().max(initial=0.0))
    if found.half_width() > allowed:
        told = [side.residual for side in sides], [side.size for side in sides]
        of_total = int(_MARGIN * rows_needed(*told, size, need.half_width)) + 1
    if half > allowed:
        of_parts = _scaled(most, half, allowed, need.rows)
    inside = sums.within(chosen, *keys).sides if need.strata else None
    if inside:
        within = output_gap(*inside)
        half, allowed = within.half_width(), need.half_width * max(size, abs(within.total))
        if half > allowed:
            of_parts = max(of_parts, _scaled(most, half, allowed, need.rows))
    return of_parts, of_total


def _scaled(rows: int, half: float, allowed: float, most: int) -> int:
    """Rows, of so many that reach ``half``, that reach what is allowed; ``most`` where no number will."""
    wanted = _MARGIN * rows * (half / allowed) ** 2 if allowed > 0 else float(most)
    return int(min(wanted, most)) + 1


def _told(
    sums: Sums,
    chosen: Mapping[Key, Whole],
    scored: Mapping[Key, Whole],
    taken: ModelFrame,
    references: Mapping[str, str],
    need: ContributionsNeed,
    prediction: Prediction | None,
) -> Contributions:
    rows, drawn = sums.rows, sums.drawn
    edges = [edges_of(rows.phi[:, j]) for j in range(len(rows.names))]
    told = _union(chosen.values())
    held = drawn.features.iloc[told]
    ranks = [ranks_of(held[name].to_numpy()) if name in held else None for name in rows.names]
    attributes = {}
    for attribute in need.attributes:
        labels = []
        for key in [key for key in chosen if key[0] == attribute]:
            found = sums.side(key, chosen[key], scored[key])
            at = np.searchsorted(told, chosen[key])
            hills = () if found is None else _hills(rows.of(chosen[key]), at, ranks, edges)
            size = sums.book.sizes.get(key, len(chosen[key]))
            kept = _side_sums(found) or SideSums(len(chosen[key]), size, 0)
            labels.append(LabelSums(key[1], kept, len(sums.lost(key, chosen[key])), hills))
        gaps = [pair for pair in _gaps(chosen, references) if pair[0][0] == attribute and need.strata]
        within = [_within_sums(one[1], sums.within(chosen, one, other)) for one, other in gaps]
        attributes[attribute] = AttributeSums(references.get(attribute), tuple(labels), tuple(within))
    explained = rows.explained
    whole = min(drawn.whole, max(rows.known, _SCALE))
    unit = unit_of_rows(rows.model, prediction, taken, whole, rows.margins)
    return Contributions(
        len(rows.phi), len(drawn), drawn.total, drawn.without_unit, int((~taken.usable).sum()), dict(taken.unseen),
        rows.model.link, explained.explainer, explained.kind, int(explained.background), rows.remainder,
        float(explained.base), rows.names, rows.others, tuple(edges), attributes, unit,
    )  # fmt: skip


def _hills(
    phi: Floats, chosen: Whole, ranks: Sequence[Floats | None], edges: Sequence[tuple[float, float]]
) -> tuple[Hill, ...]:
    return tuple(
        hill_of(phi[:, j], None if one is None else one[chosen], edges[j]) for j, one in enumerate(ranks)
    )  # fmt: skip


def _within_sums(label: str, found: Within) -> WithinSums:
    one, other = found.sides or (None, None)
    return WithinSums(label, found.strata, found.of, found.covered, _side_sums(one), _side_sums(other))


def _side_sums(side: Side | None) -> SideSums | None:
    if side is None:
        return None
    upper = np.triu_indices(len(side.mean))

    def short(matrix: Floats) -> tuple[float, ...]:
        return tuple(float(f"{value:.{_DIGITS}g}") for value in matrix[upper])

    return SideSums(
        side.rows, side.size, side.clusters, tuple(float(one) for one in side.mean), short(side.sampling),
        short(side.population), side.outputs,
    )  # fmt: skip
