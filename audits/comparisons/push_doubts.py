"""What keeps a difference between two arms from being relied on: rows lost, heavy tails, one entity, what was shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from audits.comparisons.rates import MOST_LOST
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.evidence.arm_tables import ArmTable
    from audits.evidence.arms import ArmCell, Arms

TOLD = 0.05  # share of pushed that must lie between the arms, or a difference says little of pushes
ONE_ENTITY = 0.25  # of a figure's variance, beyond which it hangs on one entity
_NAMED = 5
_LOST = template("{share:.1f} % of the occasions of '{arm}' have no amount that counts and are left out")
_UNKNOWN = template("{share:.1f} % of the occasions do not say which arm they are in and are left out")
_LEFT_OUT = template("{share:.1f} % of the occasions are in strata without both arms and are left out: {names}")
_NO_GROUP = template("{share:.1f} % of the occasions have no known group")
_FLAT = template("all amounts of '{arm}' are the same: the spread is the other arm's")
_HEAVY = template(
    "heavy tails: the amounts of '{arm}' have skewness {skewness:.1f}, for which {n:,} occasions are fewer than the "
    "{needed:,.0f} that a mean needs (Cochran 1977)"
)
_ONE = template("one entity makes {share:.0f} % of the variance, so that the error is not to be relied on")
_CONTAMINATED = template(
    "{share:.1f} % of those held out were pushed all the same, so that a push does more than this difference shows"
)
_LITTLE = template(
    "of those not held out {offered:.1f} % were pushed, of those held out {held:.1f} %: the difference does not "
    "show what pushes do"
)


@dataclass(frozen=True, slots=True)
class Side:
    """How an arm flag is read: ``sign`` of arm yes less arm no, and what the arms (no, yes) are called."""

    dealt: bool
    sign: float
    names: tuple[str, str]
    keys: tuple[str, str]


HOLDOUT = Side(True, -1.0, ("open to pushes", "held out"), ("offered", "held_out"))
PUSHED = Side(False, 1.0, ("not pushed", "pushed"), ("not_pushed", "pushed"))


_ARMS = (template("open to pushes"), template("held out"), template("not pushed"), template("pushed"))


def arm_name(name: str) -> Sentence:
    """The name of an arm, to be said in another language too."""
    return Sentence(name)


def doubts(arms: Arms, tables: Sequence[ArmTable], side: Side) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cautions, and what the figure cannot see."""
    told = [*_lost(arms, side), *_uneven(arms, tables, side), *(_little_shown(arms) if side.dealt else [])]
    for one in tables:
        lost = sum(rows for _, rows in one.left_out)
        every = sum(one.rows)
        if lost > MOST_LOST * every:
            told.append(said(_LEFT_OUT, share=100 * lost / every, names=named(one.left_out)))
    unseen = [*told, *(_contaminated(arms) if side.dealt else [])]
    return tuple(dict.fromkeys(told)), tuple(dict.fromkeys(unseen))


def named(strata: Sequence[tuple[Sequence[str | None], int]]) -> str:
    """The first few strata by their labels."""
    shown = [" / ".join("–" if label is None else label for label in labels) for labels, _ in strata[:_NAMED]]
    return ", ".join(shown) + (", …" if len(strata) > _NAMED else "")


def without_group(arms: Arms) -> list[Sentence]:
    """What a gap between groups cannot see."""
    nobody = sum(cell.rows for cell in arms.cells if cell.label is None)
    return [said(_NO_GROUP, share=100 * nobody / arms.rows)] if nobody > MOST_LOST * arms.rows else []


def _lost(arms: Arms, side: Side) -> list[Sentence]:
    told = []
    nowhere = sum(cell.rows for cell in arms.cells if cell.arm is None)
    if nowhere > MOST_LOST * arms.rows:
        told.append(said(_UNKNOWN, share=100 * nowhere / arms.rows))
    for arm, name in zip((False, True), side.names, strict=True):
        cells = [cell for cell in arms.cells if cell.arm is arm]
        rows, lost = sum(cell.rows for cell in cells), sum(cell.lost for cell in cells)
        if lost > MOST_LOST * rows:
            told.append(said(_LOST, share=100 * lost / rows, arm=arm_name(name)))
    return told


def _uneven(arms: Arms, tables: Sequence[ArmTable], side: Side) -> list[Sentence]:
    """Heavy tails, an arm without spread, one entity that the error hangs on."""
    from audits.evidence.arm_tables import counted, skewness_of
    from audits.statistics.mean_difference import COCHRAN, too_skewed

    told = []
    for one in tables:
        cells = counted(arms.cells, one.label, arms.attribute)
        for arm, name in zip((False, True), side.names, strict=True):
            mine = [cell for cell in cells if cell.arm is arm]
            n, skew = sum(cell.known for cell in mine), skewness_of(mine)
            if n and not skew and _flat(mine):
                told.append(said(_FLAT, arm=arm_name(name)))
            elif n and too_skewed(n, skew):
                told.append(said(_HEAVY, arm=arm_name(name), skewness=skew, n=n, needed=COCHRAN * skew**2))
        if arms.scores is not None and arms.scores.largest > 1 and one.label in arms.scores.labels:
            share = arms.scores.largest_shares[arms.scores.labels.index(one.label)]
            if share > ONE_ENTITY:
                told.append(said(_ONE, share=100 * share))
    return told


def _flat(cells: Sequence[ArmCell]) -> bool:
    """Whether all amounts are the same."""
    n, total = sum(cell.known for cell in cells), math.fsum(cell.total for cell in cells)
    squares = math.fsum(cell.squares for cell in cells)
    return not squares - total**2 / n > 1e-9 * squares


def _shown(arms: Arms) -> tuple[float | None, float | None]:
    """Shares pushed of those not held out, and of those held out."""
    offered, held = (pushed_share([cell for cell in arms.cells if cell.arm is arm]) for arm in (False, True))
    return offered, held


def _contaminated(arms: Arms) -> list[Sentence]:
    _, held = _shown(arms)
    return [said(_CONTAMINATED, share=100 * held)] if held is not None and held > MOST_LOST else []


def _little_shown(arms: Arms) -> list[Sentence]:
    """Arms that hardly differ in pushes, or the wrong way round, as a flag that is read upside down makes them."""
    offered, held = _shown(arms)
    if offered is None or held is None or offered - held >= TOLD:
        return []
    return [said(_LITTLE, offered=100 * offered, held=100 * held)]


def pushed_share(cells: Sequence[ArmCell]) -> float | None:
    """Of rows that count and say whether a push was shown, the share that were; None without any."""
    known = sum(cell.known for cell in cells if cell.other is not None)
    return sum(cell.known for cell in cells if cell.other) / known if known else None
