"""Did chance deal the holdout? Tests over strata and groups, and of the share held out against the one planned.

All tests of a contract are read together: each at ``SUSPECT`` over their number. Where one fails, the arms may differ
in more than pushes, and no difference between them decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audits.evidence.arms import Arms
from audits.measuring import number
from audits.statistics.balance import SUSPECT, Balance, levels_by_arm, levels_by_clusters, share_as_planned
from checks.sentence import Sentence, said, template

_STRATA = "strata"
_UNBALANCED = template(
    "the holdout is not spread evenly over {name} (p = {p:.1e}): chance alone hardly deals so, and the arms may "
    "differ in more than pushes"
)
_SHARE = template(
    "{found:.2f} % are held out where {planned:.2f} % were planned (p = {p:.1e}): chance alone hardly deals so, and "
    "the arms may differ in more than pushes"
)


@dataclass(frozen=True, slots=True)
class Dealt:
    """``details`` for every figure of the holdout; ``doubt`` is why chance is not believed, or None."""

    details: Mapping[str, float]
    doubt: Sentence | None


def dealt(everyone: Arms, by_group: Mapping[str, Arms], strata: bool, planned: float) -> Dealt:
    """``everyone`` has the strata, ``by_group`` the groups of each attribute; ``planned`` 0 where nobody says it."""
    tests: list[tuple[str, Balance]] = [(_STRATA, balance_of(everyone))] if strata else []
    tests += [(attribute, balance_of(arms)) for attribute, arms in by_group.items()]
    told = [(name, test) for name, test in tests if number(test.p_value) is not None]
    held, rows = _held(everyone)
    ratio = _ratio(everyone, held, rows, planned) if planned else None
    details = {"held_out_share": held / rows} if rows else {}
    if told:
        details["balance_p_value"] = min(1.0, len(told) * min(test.p_value for _, test in told))
    if ratio is not None and number(ratio.p_value) is not None:
        details["sample_ratio_p_value"] = ratio.p_value
    level = SUSPECT / max(len(told) + (ratio is not None), 1)
    if ratio is not None and ratio.p_value < level:
        return Dealt(details, said(_SHARE, found=100 * held / rows, planned=100 * planned, p=ratio.p_value))
    worst = min(told, key=lambda pair: pair[1].p_value, default=None)
    if worst is not None and worst[1].p_value < level:
        name = said("the strata") if worst[0] == _STRATA else worst[0]
        return Dealt(details, said(_UNBALANCED, name=name, p=worst[1].p_value))
    return Dealt(details, None)


def balance_of(arms: Arms) -> Balance:
    """The test over the levels of strata or of groups, by cluster where rows of one depend."""
    import numpy as np

    from audits.evidence.arm_scores import level_of, levels_of

    levels = levels_of(arms)
    place = {name: j for j, names in enumerate(levels) for name in names}
    counts = np.zeros((len(levels), 2))
    for cell in arms.cells:
        if cell.known and cell.arm is not None:
            counts[place[level_of(arms, cell)], int(cell.arm)] += cell.known
    if arms.scores is None or arms.scores.largest <= 1 or not counts.sum():
        return levels_by_arm(counts)
    share = counts[:, 1].sum() / counts.sum()
    departures = counts[:, 1] - share * counts.sum(axis=1)
    return levels_by_clusters(departures[:-1], arms.scores.balance_variance(counts.sum(axis=1)), arms.scores.total)


def _held(arms: Arms) -> tuple[int, int]:
    known = [cell for cell in arms.cells if cell.known and cell.arm is not None]
    return sum(cell.known for cell in known if cell.arm), sum(cell.known for cell in known)


def _ratio(arms: Arms, held: int, rows: int, planned: float) -> Balance:
    scores = arms.scores
    if scores is None or scores.largest <= 1:
        return share_as_planned(held, rows, planned)
    return share_as_planned(held, rows, planned, scores.whole * scores.total / max(scores.total - 1, 1))
