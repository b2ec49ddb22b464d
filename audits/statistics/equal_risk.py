"""The gap between two groups' decisions at equal risk, and how much would have to be wrong with the risk to undo it.

Least squares of the decision on belonging to the group and on risk, which enters as a line bent at the borders of
bins of equal size: as flexible as the bins, but without a jump that a small error in risk could carry a person over,
and without a slope left over within a bin. By Frisch, Waugh and Lovell the coefficient is a mean of the gaps at each
risk, weighted where both groups are present (Angrist 1998, Econometrica 66:249–288). People without five of the other
group within ``CALIPER`` standard deviations of their log-odds are left out and counted: so wide a caliper
leaves about a tenth of a difference to matching (Cochran and Rubin 1973, Sankhyā A 35:417–446), and the line in risk
takes that. A narrower one would throw out whole bands where risk takes few values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
CALIPER = 0.5
_NEIGHBOURS = 5
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class EqualRisk:
    """``gap`` (reference minus group) with its classical ``error`` and degrees, which take the risk as known.

    ``supported`` are the rows used, ``left_out`` the share of people in the others. ``risk_share`` is the share of
    the decision that risk explains beyond the group; ``slope`` what approval gains for one unit of repayment.
    ``chance`` is the fitted chance of approval. NaN where the groups cannot be compared.
    """

    gap: float
    error: float
    freedom: float
    left_out: float
    risk_share: float
    slope: float
    supported: Flags
    chance: Floats


def bends_of(risk: Floats, weight: Floats, bins: int) -> Floats:
    """Borders between bins of equal weight, each once and none at an end."""
    order = np.argsort(risk, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    at = np.searchsorted(share, np.arange(1, bins) / bins)
    found = np.unique(risk[order][np.minimum(at, len(risk) - 1)])
    return np.asarray(found[(found > risk.min()) & (found < risk.max())])


def supported(risk: Floats, inside: Flags, people: Floats) -> Flags:
    """Rows that have five people of the other group near them."""
    log_odds = logit(np.clip(risk, _EDGE, 1 - _EDGE))
    mean = np.average(log_odds, weights=people)
    reach = CALIPER * float(np.sqrt(np.average((log_odds - mean) ** 2, weights=people)))
    kept = np.zeros(len(risk), dtype=bool)
    for mine, other in ((inside, ~inside), (~inside, inside)):
        order = np.argsort(log_odds[other], kind="stable")
        there = log_odds[other][order]
        heap = np.concatenate([[0.0], np.cumsum(people[other][order])])
        # a hair more than the caliper, so that equal risks stay near each other when risk is all but constant
        low = np.searchsorted(there, log_odds[mine] - reach - _EDGE)
        high = np.searchsorted(there, log_odds[mine] + reach + _EDGE, side="right")
        kept[mine] = heap[high] - heap[low] >= _NEIGHBOURS
    return kept


def gap_at_equal_risk(
    risk: Floats, inside: Flags, decision: Floats, weight: Floats, people: Floats, bends: Floats
) -> tuple[float, Flags]:
    """The gap alone, as every draw of a bootstrap needs it, and the rows it rests on."""
    kept = supported(risk, inside, people)
    if not kept.any():
        return np.nan, kept
    basis, w = _basis(risk[kept], bends), weight[kept]
    rest = _residual(basis, inside[kept].astype(np.float64), w)
    left = float(w @ (rest * rest))
    return (-float(w @ (rest * decision[kept])) / left if left > _EDGE * w.sum() else np.nan), kept


def equal_risk(
    risk: Floats, inside: Flags, decision: Floats, weight: Floats, people: Floats, bends: Floats
) -> EqualRisk:
    """The gap with what its sensitivity is judged by. Weights are scaled to the number of people."""
    gap, kept = gap_at_equal_risk(risk, inside, decision, weight, people, bends)
    left_out = float(people[~kept].sum() / people.sum())
    nothing = EqualRisk(np.nan, np.nan, np.nan, left_out, np.nan, np.nan, kept, np.full(len(risk), np.nan))
    if not np.isfinite(gap):
        return nothing
    w = weight[kept] * people[kept].sum() / weight[kept].sum()
    basis, group, made = _basis(risk[kept], bends), inside[kept].astype(np.float64), decision[kept]
    level = np.ones((len(w), 1))
    both = np.column_stack([basis, group])
    unexplained = float(w @ _residual(both, made, w) ** 2)
    by_group = float(w @ _residual(np.column_stack([level, group]), made, w) ** 2)
    freedom = people[kept].sum() - np.linalg.matrix_rank(both.T @ (both * w[:, None]))
    left = float(w @ _residual(basis, group, w) ** 2)
    straight = _residual(np.column_stack([level, group]), risk[kept], w)
    spread = float(w @ straight**2)
    chance = np.full(len(risk), np.nan)
    chance[kept] = made - _residual(both, made, w)
    return EqualRisk(
        gap, float(np.sqrt(unexplained / freedom / left)) if freedom > 0 else np.nan, float(freedom), left_out,
        1 - unexplained / by_group if by_group > 0 else np.nan,
        float(w @ (straight * made)) / spread if spread > _EDGE * w.sum() else np.nan, kept, chance,
    )  # fmt: skip


def gap_if_declined_repay_less(
    risk: Floats, inside: Flags, decision: Floats, weight: Floats, people: Floats, bends: Floats, odds: float
) -> tuple[float, float]:
    """The gap if the odds of repayment of those declined were ``odds`` times as bad as those of approved people alike.

    First for declined people of the group only, then of the reference only: the two bound what selection of that
    strength on something that the file lacks can do. Risk at each place becomes the mean over approved and declined.
    """
    found = equal_risk(risk, inside, decision, weight, people, bends)
    chance = np.clip(np.where(np.isfinite(found.chance), found.chance, 0.5), 0.0, 1.0)
    worse = expit(logit(np.clip(risk, _EDGE, 1 - _EDGE)) - np.log(odds))
    mixed = chance * risk + (1 - chance) * worse
    gaps = []
    for shifted in (inside, ~inside):
        gaps.append(gap_at_equal_risk(np.where(shifted, mixed, risk), inside, decision, weight, people, bends)[0])
    return gaps[0], gaps[1]


def _basis(risk: Floats, bends: Floats) -> Floats:
    return np.column_stack([np.ones(len(risk)), risk, *(np.maximum(risk - bend, 0.0) for bend in bends)])


def _residual(basis: Floats, target: Floats, weight: Floats) -> Floats:
    """What least squares leaves; columns that repeat others do no harm."""
    weighted = basis * weight[:, None]
    coefficients = np.linalg.lstsq(weighted.T @ basis, weighted.T @ target, rcond=1e-12)[0]
    return np.asarray(target - basis @ coefficients)
