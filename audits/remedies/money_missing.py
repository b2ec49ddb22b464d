"""Why a run has no sum of money of a harm, in the words of the question that lacks it, and what would give one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audits.record import AuditRun
from audits.remedies.money_figures import MoneyFigure
from checks.sentence import said


@dataclass(frozen=True, slots=True)
class Lack:
    """The ``figure`` that lacks, or the harm's first; ``asked`` whether any question that gives money was asked."""

    figure: MoneyFigure
    reason: str
    needed: str
    asked: bool


def lacks_of(own: Sequence[MoneyFigure], run: AuditRun) -> Lack:
    """The reason of what the figure is made from first, then of its question, then of its own."""
    asked = _asked(run)
    first = next((figure for figure in own if figure.question in asked), None)
    if first is None:
        names = ", ".join(dict.fromkeys(figure.question for figure in own))
        needed = said(
            "name one of these questions under 'audits', with the columns that it takes: {names}", names=names
        )
        return Lack(own[0], said("no question that this program asks puts it in money"), needed, False)
    if not run.checks.fit:
        return Lack(first, said("the data checks failed"), said("mend the data, and run the program again"), True)
    for figure in own:
        for about in (f"{figure.question}: {figure.rests_on}", figure.question, f"{figure.question}: {figure.measure}"):
            for one in run.not_answered:
                if one.question == about:
                    return Lack(figure, one.reason, one.needed, True)
        if any(error.question == figure.question for error in run.errors):
            return Lack(figure, said("the question failed while it ran"), said("see the error of the run"), True)
    return Lack(
        first, said("no rule that was applied fixes what its cases are compared with"),
        said("choose a policy with a rule that applies to these data"), True,
    )  # fmt: skip


def _asked(run: AuditRun) -> set[str]:
    """The questions of which the run holds a figure, a reason or an error."""

    def named() -> Iterable[str]:
        yield from (m.question for m in run.measurements)
        yield from (one.question.split(":")[0] for one in run.not_answered)
        yield from (error.question for error in run.errors)

    return set(named())
