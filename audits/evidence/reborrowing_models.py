"""What is estimated from counts of loans, and what each loan adds to it: shares, chains and ratios of hazards.

``models_of`` fits every model on the counts and gives, for each kind of loan, its influence on each estimate;
``reborrowing_influences`` adds them up by borrower.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.evidence.needs import ReborrowingNeed
from audits.evidence.reborrowing import LoanCount, Reborrowing

RENEWED, STARTS, IN_LONG, RATIO, FEES = "renewed", "long_chain_start", "long_chain_loans", "ratio", "fees"
_PLACES = 26
Key = tuple[int, ...]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One figure: what, of which attribute's ``label`` (None for everyone), its value; a ratio as its logarithm.

    ``loans`` and ``cases`` behind it (for a hazard person-periods and their events, of the label and of the
    ``reference``, which are 0 else), ``borrowers`` by the label of their first loan. NaN where it cannot be had.
    """

    what: str
    attribute: int | None
    label: int | None
    value: float
    loans: int
    cases: int
    reference_loans: int = 0
    reference_cases: int = 0
    strata: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Influences of a kind of loans: (key …, band, seen) → one number for each of the estimates at ``places``."""

    kind: str
    attribute: int | None
    places: tuple[int, ...]
    influences: Mapping[Key, tuple[float, ...]]


def models_of(
    found: Reborrowing, need: ReborrowingNeed, references: Sequence[str | None]
) -> tuple[list[Estimate], list[Table]]:
    """Every estimate and the tables of influences; ``references`` are the labels that each attribute compares with."""
    estimates: list[Estimate] = []
    tables = [_places(found, need, estimates)]
    for i in range(len(found.labels)):
        tables.append(_groups(found, i, references[i], estimates))
    if found.grids[-1].bands > 1:
        tables.append(_fees(found, estimates))
    return estimates, tables


def _places(found: Reborrowing, need: ReborrowingNeed, estimates: list[Estimate]) -> Table:
    from audits.statistics.chain_shares import long_chain_loans, long_chain_start

    size, most = len(found.edges), need.chain_length
    counts = found.of_kind("places")
    whole = [one for one in counts if one.seen == size]
    n, d = np.zeros(most), np.zeros(most)
    for one in whole:
        if one.key[1] == 1:
            place = min(one.key[0], most) - 1
            n[place] += one.loans
            d[place] += one.loans * (one.band < size)
    total, renewed = sum(one.loans for one in whole), sum(one.loans for one in whole if one.band < size)
    share = renewed / total if total else math.nan
    starts, loans = long_chain_start(d, n), long_chain_loans(d, n)
    begun, followed = int(n.sum()), int(d.sum())
    first = len(estimates)
    estimates += [
        Estimate(RENEWED, None, None, share, total, renewed),
        Estimate(STARTS, None, None, starts.estimate, begun, followed),
        Estimate(IN_LONG, None, None, loans.estimate, begun, followed),
    ]
    rows = {}
    for one in whole:
        y, place = int(one.band < size), min(one.key[0], most) - 1
        chained = (starts.scores[place, y], loans.scores[place, y]) if one.key[1] == 1 else (0.0, 0.0)
        rows[(*one.key, one.band, one.seen)] = ((y - share) / total, *map(float, chained))
    return Table("places", None, tuple(range(first, first + 3)), rows)


def _groups(found: Reborrowing, attribute: int, reference: str | None, estimates: list[Estimate]) -> Table:
    """Share renewed by label, and ratio of hazards of each label to the reference at equal affordability."""
    size, labels = len(found.edges), found.labels[attribute]
    counts = [one for one in found.of_kind("groups") if one.key[0] == attribute]
    first = len(estimates)
    totals = np.zeros((len(labels), 2))
    for one in counts:
        if one.seen == size and one.key[1] >= 0:
            totals[one.key[1]] += one.loans * np.array([1.0, one.band < size])
    for label, (n, d) in enumerate(totals.tolist()):
        estimates.append(Estimate(RENEWED, attribute, label, d / n if n else math.nan, int(n), int(d)))
    others = [label for label, name in enumerate(labels) if name != reference]
    zero = labels.index(reference) if reference in labels else -1
    usable = [one for one in counts if one.key[2] >= 0 and one.key[1] >= 0]
    periods, events = _by_label(usable, size, len(labels))
    ratios: dict[LoanCount, list[float]] = {one: [0.0] * len(others) for one in usable}
    for k, label in enumerate(others):  # each with the reference alone, so that one without returns costs no other
        pair = [one for one in usable if one.key[1] in (label, zero)] if zero >= 0 else []
        effect = _hazard([(one.key[2], one) for one in pair], [float(one.key[1] == label) for one in pair], size)
        for i, one in enumerate(pair):
            ratios[one][k] = effect.influences[i]
        sides = [(int(periods[code]), int(events[code])) if code >= 0 else (0, 0) for code in (label, zero)]
        estimates.append(Estimate(RATIO, attribute, label, effect.coefficient, *sides[0], *sides[1], effect.strata))
    rows: dict[Key, tuple[float, ...]] = {}
    for one in counts:
        shares = [0.0] * len(labels)
        if one.seen == size and one.key[1] >= 0:
            n, d = totals[one.key[1]]
            shares[one.key[1]] = float((float(one.band < size) - d / n) / n)
        rows[(*one.key[1:], one.band, one.seen)] = (*shares, *ratios.get(one, [0.0] * len(others)))
    return Table("groups", attribute, tuple(range(first, len(estimates))), rows)


def _fees(found: Reborrowing, estimates: list[Estimate]) -> Table:
    """Ratio of hazards for fees twice as high, in the same cell of affordability."""
    means = found.grids[-1].means
    usable = [one for one in found.of_kind("fees") if min(one.key) >= 0]
    effect = _hazard([(one.key[0], one) for one in usable], [means[one.key[1]] for one in usable], len(found.edges))
    periods, events = _by_label(usable, len(found.edges), 1, whole=True)
    estimates.append(
        Estimate(FEES, None, None, effect.coefficient, int(periods[0]), int(events[0]), strata=effect.strata)
    )
    rows = {(*one.key, one.band, one.seen): (effect.influences[i],) for i, one in enumerate(usable)}
    return Table("fees", None, (len(estimates) - 1,), rows)


@dataclass(frozen=True, slots=True)
class _Effect:
    """A coefficient and the influence of each count of loans; ``strata`` that told."""

    coefficient: float
    influences: list[float]
    strata: int


def _periods(one: LoanCount, size: int) -> Iterator[tuple[int, int]]:
    """(band, whether the next loan came) of each band that was wholly seen, until the next loan."""
    for band in range(min(one.seen, one.band + 1, size)):
        yield band, int(band == one.band)


def _by_label(counts: Sequence[LoanCount], size: int, labels: int, whole: bool = False) -> tuple[Floats, Floats]:
    periods, events = np.zeros(labels), np.zeros(labels)
    for one in counts:
        label = 0 if whole else one.key[1]
        for _, y in _periods(one, size):
            periods[label] += one.loans
            events[label] += one.loans * y
    return periods, events


def _hazard(placed: Sequence[tuple[int, LoanCount]], dose: Sequence[float], size: int) -> _Effect:
    """The fit of counts of loans, each in its stratum, as person-periods; NaN where nothing can be fitted."""
    from audits.statistics.discrete_hazard import hazard_ratio

    cells: dict[tuple[int, int, float], list[int]] = {}
    for (stratum, one), z in zip(placed, dose, strict=True):
        for band, y in _periods(one, size):
            held = cells.setdefault((stratum, band, z), [0, 0])
            held[0] += one.loans
            held[1] += one.loans * y
    if not cells:
        return _Effect(math.nan, [0.0] * len(placed), 0)
    keys = sorted(cells)
    fit = hazard_ratio(
        [[z] for _, _, z in keys], [stratum * (size + 1) + band for stratum, band, _ in keys],
        [cells[key][0] for key in keys], [cells[key][1] for key in keys],
    )  # fmt: skip
    by_outcome = [fit.influences(0.0)[:, 0], fit.influences(1.0)[:, 0]]
    at = {key: i for i, key in enumerate(keys)}
    sums = [
        math.fsum(by_outcome[y][at[stratum, band, z]] for band, y in _periods(one, size))
        for (stratum, one), z in zip(placed, dose, strict=True)
    ]
    return _Effect(float(fit.coefficients[0]), sums, fit.strata)
