"""How lending is customarily judged: mixes of products, repeat rates, comparisons of those who saw an offer.

Every interval is at 95 % and takes rows as independent. Ratios are told by their logarithm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.simulation.steered_loans import SteeredLoans
from tests.truth.board.loan_arms import Occasions, occasions_of
from tests.truth.board.loan_cases import files
from tests.truth.board.loan_worlds import Customers
from tests.truth.board.practices import Outcome, Practice, Setting, Z

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
DAYS = 14


def _told(rows: list[tuple[float, float]], limit: float, ratio: bool) -> Outcome:
    """From estimates and errors, of a ratio those of its logarithm: not significant passes."""
    estimate, error = np.array(rows).T
    low, high = estimate - Z * error, estimate + Z * error
    shown = (np.exp(low), np.exp(high)) if ratio else (low, high)
    return Outcome((low > 0) | (high < 0), low <= 0, *shown, found=low > 0, estimate=estimate)


def _log_ratio(hits: Floats, n: Floats) -> tuple[float, float]:
    """Logarithm of the second share over the first, with the error of the delta method."""
    share = hits / n
    return float(np.log(share[1] / share[0])), float(np.sqrt(((1 - share) / hits).sum()))


# steering


def product_mix(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
    """The share of the group in the dear product over the reference's, z test."""
    by = counts.reshape(*counts.shape[:2], -1, 2).sum(axis=2).astype(np.float64)
    return _told([_log_ratio(one[:, 1], one.sum(axis=1)) for one in by], 1.0, ratio=True)


def rates_regressed(scored: bool) -> Practice:
    """Least squares of the rate on the group, and a straight line in the score where ``scored``, HC1."""

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        world = setting.world
        assert isinstance(world, SteeredLoans)
        rows = world._rows(setting.effect)
        score = np.array(world.scores)[np.indices(counts.shape[1:])[1].ravel()]
        design = np.column_stack([rows["group"], np.ones_like(rows["group"]), *([score / 100] if scored else [])])
        return _told([_slope(design, rows["rate"] / 100, n) for n in counts.reshape(len(counts), -1)], 0.0, False)

    return practice


def _slope(design: Floats, y: Floats, n: Any) -> tuple[float, float]:
    """The first coefficient of least squares of rows counted ``n`` times, and its HC1 error."""
    bread = np.linalg.inv((design.T * n) @ design)
    left = y - design @ (bread @ (design.T @ (n * y)))
    cover = bread @ ((design.T * (n * left**2)) @ design) @ bread * n.sum() / (n.sum() - design.shape[1])
    return float((bread @ (design.T @ (n * y)))[0]), float(np.sqrt(cover[0, 0]))


# borrowing again


def returned(book: dict[str, Any]) -> tuple[Any, Any]:
    """Of each loan whether the next came within 14 days of its end, and whether it is the borrower's last in the book.

    A book is sorted by borrower and opening, as the worlds draw it.
    """
    last = np.append(np.diff(book["borrower"]) != 0, True)
    gap = (np.roll(book["opened_at"], -1) - book["repaid_at"]).astype("timedelta64[D]").astype(np.float64)
    return ~last & (gap <= DAYS) & ~np.isnat(book["repaid_at"]), last


def of_books(figure: Callable[[dict[str, Any]], tuple[float, float]], ratio: bool = True) -> Practice:
    """A figure of each book, with its error."""

    def practice(setting: Setting, counts: Ints, rng: np.random.Generator) -> Outcome:
        return _told([figure(one) for one in files(setting, counts, rng)], 0.0, ratio)

    return practice


def over_one_half(book: dict[str, Any]) -> tuple[float, float]:
    """The share of loans renewed within 14 days over one half."""
    hit = returned(book)[0]
    share = hit.mean()
    return float(np.log(share / 0.5)), float(np.sqrt((1 - share) / hit.sum()))


def by_burden(book: dict[str, Any]) -> tuple[float, float]:
    """Poisson regression of the return on fees over income: the ratio for a burden twice as heavy."""
    hit = returned(book)[0].astype(np.float64)
    burden = np.log2(book["fees"] / book["income"])
    design = np.column_stack([burden - burden.mean(), np.ones_like(burden)])
    beta = np.array([0.0, np.log(hit.mean())])
    for _ in range(8):
        mean = np.exp(design @ beta)
        bread = np.linalg.inv((design.T * mean) @ design)
        beta = beta + bread @ (design.T @ (hit - mean))
    meat = (design.T * (hit - np.exp(design @ beta)) ** 2) @ design
    return float(beta[0]), float(np.sqrt((bread @ meat @ bread)[0, 0]))


def by_group(book: dict[str, Any]) -> tuple[float, float]:
    """The repeat rate of group B over that of A."""
    hit, group = returned(book)[0], (book["group"] == "B").astype(np.int64)
    hits, loans = (np.bincount(group, weights).astype(np.float64) for weights in (hit, np.ones(len(hit))))
    return _log_ratio(hits, loans)


def lengths(book: dict[str, Any]) -> Ints:
    """The length of each chain as the book shows it."""
    begins = ~np.append(False, returned(book)[0][:-1])
    return np.bincount(np.cumsum(begins) - 1)


def renewed(book: dict[str, Any]) -> tuple[float, float]:
    """Share of all loans that were renewed."""
    return _share(returned(book)[0])


def long_chains(book: dict[str, Any]) -> tuple[float, float]:
    """Share of the chains that have ten loans or more, as the book shows them."""
    return _share(lengths(book) >= 10)


def in_long_chains(book: dict[str, Any]) -> tuple[float, float]:
    """Share of the loans in such chains."""
    size = lengths(book)
    return _share(np.repeat(size >= 10, size))


def _share(hits: Any) -> tuple[float, float]:
    share = hits.mean()
    return float(share), float(np.sqrt(share * (1 - share) / len(hits)))


# pushes


def seen_or_not(within: bool, gap: bool) -> Practice:
    """Mean borrowed of those who saw a push less that of those who did not, among those not held out.

    ``within`` segments, weighted by their size; ``gap``: of group B less that of A.
    """

    def practice(setting: Setting, counts: Ints, _: np.random.Generator) -> Outcome:
        assert isinstance(setting.world, Customers)
        kinds = occasions_of(setting.world)
        return _told([_uplift(kinds, one.ravel(), within, gap) for one in counts], 0.0, ratio=False)

    return practice


def _uplift(kinds: Occasions, people: Ints, within: bool, gap: bool) -> tuple[float, float]:
    found = []
    for mine in [kinds.group == 1, kinds.group == 0] if gap else [np.ones(len(people), dtype=bool)]:
        value = variance = 0.0
        cells = [kinds.segment == s for s in (0, 1)] if within else [np.ones(len(people), dtype=bool)]
        open_to = people * mine * (kinds.held == 0)
        for cell in cells:
            own = open_to * cell
            means, errors = zip(*(_mean(kinds, own, pushed) for pushed in (0, 1)), strict=True)
            weight = own.sum() / open_to.sum()
            value += weight * (means[1] - means[0])
            variance += weight**2 * sum(errors)
        found.append((value, variance))
    if not gap:
        return found[0][0], float(np.sqrt(found[0][1]))
    return found[0][0] - found[1][0], float(np.sqrt(found[0][1] + found[1][1]))


def _mean(kinds: Occasions, people: Ints, pushed: int) -> tuple[float, float]:
    """Mean of the occasions of a flag, and its variance."""
    n = people[:, None] * (kinds.pushed == pushed)
    mean = (n * kinds.borrowed).sum() / n.sum()
    return float(mean), float((n * (kinds.borrowed - mean) ** 2).sum() / n.sum() ** 2)
