"""How many subgroups do crossed attributes make, and how deep may one go before they are too many to scan?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def deepest(codes: Codes, depth: int, most: int) -> tuple[int, int]:
    """The greatest depth up to ``depth`` whose subgroups number at most ``most``, and their number.

    ``codes`` (A, C) holds each leaf's label of each attribute from 0 on, below 0 where it is missing. Only
    combinations that occur count. Depth 0 when single labels are too many already.
    """
    number = 0
    for size in range(1, min(depth, len(codes)) + 1):
        found = number
        for subset in combinations(range(len(codes)), size):
            found += _observed(codes[list(subset)], most - found)
            if found > most:
                return size - 1, number
        number = found
    return min(depth, len(codes)), number


def _observed(codes: Codes, room: int) -> int:
    """Combinations that occur; or more than ``room`` as soon as one attribute alone shows as many."""
    known = codes[:, (codes >= 0).all(axis=0)]
    if not known.shape[1]:
        return 0
    widest = max(len(np.unique(row)) for row in known)
    if widest > room:
        return widest
    return len(np.unique(_joint(known)))


def _joint(codes: Codes) -> Codes:
    """One number for each combination, in mixed radix; renumbered before it could overflow."""
    joint = np.zeros(codes.shape[1], dtype=np.int64)
    for row in codes:
        width = int(row.max()) + 1
        if (int(joint.max()) + 1) * width > 1 << 62:
            joint = np.unique(joint, return_inverse=True)[1].astype(np.int64)
        joint = joint * width + row
    return joint
