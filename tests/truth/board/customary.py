"""Further customary practice: the logit on everything, Becker's outcome test, the lowest subgroup over the highest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audits.statistics.generalized_linear import fit_logit
from audits.statistics.marginal_effects import average_effects
from tests.truth.board.practices import FOUR_FIFTHS, Outcome, Practice, Setting, Z, margin, wald


def logit_on(*controls: str) -> Practice:
    """A logit of approval on the group and everything recorded, each column a straight line; its average effect."""

    def practice(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
        joint = margin(setting, counts, "group", *controls, "approved")
        flat = joint.reshape(len(joint), -1, 2)
        values = [np.arange(2.0), *(np.asarray(setting.people.values(name), dtype=np.float64) for name in controls)]
        columns = [part.ravel() for part in np.meshgrid(*values, indexing="ij")]
        columns = [columns[0], np.ones(len(columns[0])), *((c - c.mean()) / c.std() for c in columns[1:])]
        low, high = np.array([_limits(np.column_stack(columns), one) for one in flat]).T
        flags = (low > 0) | (high < 0)
        return Outcome(flags, ~flags, low, high)

    return practice


def _limits(design: NDArray[np.float64], cells: NDArray[np.float64]) -> tuple[float, float]:
    held = cells.sum(axis=1) > 0
    design, size, yes = design[held], cells[held].sum(axis=1), cells[held][:, 1]
    found = average_effects(fit_logit(design, size, yes), design, size, [0], factors=[[0]])
    gap, reach = -float(found.effects[0]), Z * float(found.errors[0])
    return gap - reach, gap + reach


def outcome_test(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """Becker's outcome test: flagged when the approved of the group repay more often, as if held to a higher bar."""
    joint = margin(setting, counts, "group", "approved", "repaid")[:, :, 1]
    _low, high = wald(joint, Z)  # of the repayment rate: reference minus group
    return Outcome(high < 0, high >= 0)


def repayment_rates(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """Parity of repayment among the approved: any significant difference flags."""
    low, high = wald(margin(setting, counts, "group", "approved", "repaid")[:, :, 1], Z)
    flags = (low > 0) | (high < 0)
    return Outcome(flags, ~flags)


def lowest_subgroup_over_highest(setting: Setting, counts: NDArray[np.int64], _: np.random.Generator) -> Outcome:
    """The lowest approval rate of all crossings of three attributes over the highest, untested."""
    from itertools import combinations

    axes = range(1, counts.ndim - 1)
    low, high = np.full(len(counts), np.inf), np.zeros(len(counts))
    for kept in combinations(axes, 3):
        part = counts.sum(axis=tuple(set(axes) - set(kept))).reshape(len(counts), -1, 2)
        rate = part[..., 1] / np.maximum(part.sum(axis=-1), 1)
        low, high = np.minimum(low, rate.min(axis=1)), np.maximum(high, rate.max(axis=1))
    flags = low / high < FOUR_FIFTHS
    return Outcome(flags, ~flags)
