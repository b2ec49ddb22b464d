"""Who has access, and of whom: those approved of decided applications, or those who passed a stage of all rows.

A funnel in columns has a row for each person, also for those who never came to a decision: they have no access. The
stage is the decision's where the funnel has it, else the last one. Without a funnel, and in a log of events, which has
no row for each person, the decided rows are all that is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from audits.comparisons.funnel_faults import MOST
from audits.evidence.cells import Cells
from audits.evidence.needs import CellsNeed
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.inputs.funnel_columns import FAULT, LATER_WITHOUT_EARLIER, NOT_DECIDED
from checks.sentence import Sentence, said, template

_TOLD = {
    "later_without_earlier": (
        LATER_WITHOUT_EARLIER,
        template("{n:,} of {whole:,} rows have a later stage and not one before it, so that access may be missed"),
    ),
    "submitted_undecided": (
        NOT_DECIDED, template("{n:,} of {whole:,} rows submitted and have no decision, and count as without access"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Access:
    """Access is the decision, or a stage ``passed`` in a column; of ``everybody`` or of the decided rows.

    ``whom`` says in words of which rows.
    """

    passed: str | None
    everybody: bool
    whom: Sentence


def access_of(contract: DataContract) -> Access | None:
    """What access is by the contract; None where it names neither a decision nor a funnel in columns."""
    funnel = contract.funnel
    if funnel is None or funnel.event:
        return Access(None, False, said("decided applications")) if contract.decision else None
    place = contract.decision_stage
    stage = funnel.stages[-1 if place is None else place]
    whom = said("all rows, access being to have passed '{stage}'", stage=stage.name)
    return Access(stage.column if place is None else None, True, whom)


def fault_cells() -> CellsNeed:
    """Rows by what is wrong with their way through the funnel."""
    return CellsNeed((), (FAULT,), decision=False)


def with_faults(figure: Measurement, cells: Cells) -> Measurement:
    """The figure with the rows whose way is in doubt; more than 1 % of one kind keep it from being clear."""
    counts, told = _counted(cells), []
    for name, (_, words) in _TOLD.items():
        if counts[name] > MOST * cells.rows:
            told.append(said(words, n=counts[name], whole=cells.rows))
    unseen = figure.unseen if figure.estimate is None else (*figure.unseen, *told)
    return replace(figure, counts={**figure.counts, **counts}, unseen=unseen)


def _counted(cells: Cells) -> Mapping[str, int]:
    return {
        name: sum(rows for labels, _, rows in cells.cells if labels[-1] == fault) for name, (fault, _) in _TOLD.items()
    }
