"""Does the likelihood of a logit or Poisson regression have a maximum at finite coefficients?

It has none when some direction d separates the outcomes: zᵀd ≥ 0 wherever the outcome is at its upper bound,
≤ 0 wherever it is at its lower bound, 0 wherever it is neither, and not 0 everywhere (Albert and Anderson 1984,
Biometrika 71:1–10; for Poisson, whose only bound is 0: Santos Silva and Tenreyro 2010, Economics Letters
107:310–312; Correia, Guimarães and Zylkin 2019, arXiv:1903.01633). All cells that any such direction
separates are found by one linear program (Konis 2007, DPhil thesis, Oxford) over the directions that leave the
cells of mixed outcome alone; usually there is none and no program is solved.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_RANK = 1e-9
_ZERO = 1e-9


def separated_cells(design: Floats, lowest: Flags, highest: Flags) -> Flags:
    """Cells (C,) that a direction separates: all, or those that a single column does if there is one.

    Cells set aside first stay separated whatever separates the rest, so the caller asks again without them.
    ``design`` (C, p) has independent columns; ``lowest`` and ``highest`` mark cells all of whose outcomes
    are at the lower or the upper bound. Raises ``ArithmeticError`` when the linear program is not solved.
    """
    bound, found = lowest | highest, np.zeros(len(design), dtype=np.bool_)
    push = np.where(highest, 1.0, -1.0)[:, None] * design
    alone = (design[~bound] == 0).all(axis=0) & ((push[bound] >= 0).all(axis=0) | (push[bound] <= 0).all(axis=0))
    if (design[:, alone] != 0).any():
        return np.asarray((design[:, alone] != 0).any(axis=1))
    scale = np.abs(design).max(axis=0, initial=0.0)
    scaled = design / np.where(scale > 0, scale, 1.0)
    free = _null_space(scaled[~bound])
    if free.shape[1] == 0 or not bound.any():
        return found
    pushed = np.where(highest, 1.0, -1.0)[bound, None] * (scaled[bound] @ free)
    length = np.abs(pushed).max(axis=1)
    moved = length > _ZERO
    if moved.any():
        rows, place = np.unique(np.round(pushed[moved] / length[moved, None], 12), axis=0, return_inverse=True)
        found[np.flatnonzero(bound)[moved]] = _pushed_apart(rows)[place.reshape(-1)]
    return found


def _null_space(design: Floats) -> Floats:
    """Directions (p, m) that no row of the design tells from 0."""
    width = design.shape[1]
    if not len(design):
        return np.eye(width)
    triangle = np.linalg.qr(design, mode="r")
    _, values, vectors = np.linalg.svd(triangle, full_matrices=True)
    rank = int((values > _RANK * max(float(values[0]), 1e-300)).sum())
    return np.asarray(vectors[rank:].T)


def _pushed_apart(rows: Floats) -> Flags:
    """Rows r with rᵀa > 0 for some a under which no row is below 0: maximise Σ t over 0 ≤ t ≤ min(1, rᵀa)."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, eye_array, hstack

    count, width = rows.shape
    limits = [(None, None)] * width + [(0.0, 1.0)] * count
    aim = np.concatenate([np.zeros(width), -np.ones(count)])
    solved = linprog(aim, A_ub=hstack([csr_array(-rows), eye_array(count)]), b_ub=np.zeros(count), bounds=limits)
    if solved.status != 0:
        raise ArithmeticError(f"separation: the linear program ended with '{solved.message}'")
    return np.asarray(solved.x[width:] > 0.5)
