"""What the estimators of an audit of prices tend to: the same sums, over the exact table of a population.

Nothing here is shared with ``audits.statistics``, which these figures are to prove.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audits.simulation.population import Floats, root

Codes = NDArray[np.int64]


def slopes(response: Floats, columns: list[Floats], weights: Floats, strata: Codes) -> Floats:
    """Least squares of the response on columns with a level for every stratum (Frisch and Waugh 1933); all (C,)."""
    inside = np.column_stack([within(column, weights, strata) for column in columns])
    scale = np.sqrt(weights)
    target = within(response, weights, strata) * scale
    return np.asarray(np.linalg.lstsq(inside * scale[:, None], target, rcond=None)[0])


def ratio_slope(response: Floats, exposure: Floats, years: Floats, weights: Floats, strata: Codes) -> float:
    """b of E[response] = exposure · exp(level of the stratum + b · years), by Poisson pseudo-likelihood; all (C,).

    The score Σ response (years − ȳears), with ȳears the mean in the stratum weighted by exposure · exp(b · years),
    falls in b. Raises ``ValueError`` when b lies beyond ±2.
    """
    mass = weights * response
    total, drawn = np.bincount(strata, mass), float(mass @ years)

    def score(b: float) -> float:
        expected = weights * exposure * np.exp(b * years)
        middle = np.bincount(strata, expected * years) / np.bincount(strata, expected)
        return (drawn - float(total @ middle)) / float(total.sum())

    return root(score, -2.0, 2.0)


def mean_by(values: Floats, weights: Floats, codes: Codes) -> Floats:
    """Weighted mean for each code."""
    return np.asarray(np.bincount(codes, weights * values) / np.bincount(codes, weights))


def within(values: Floats, weights: Floats, strata: Codes) -> Floats:
    """Values less their weighted mean in the stratum."""
    return values - mean_by(values, weights, strata)[strata]
