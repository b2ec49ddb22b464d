"""Counts of loans by flags of how a customer came into credit: on by default, pre-ticked, unasked for, cost not shown.

A loan is a case where one flag says so. It is open where none does and one is unknown: then it may be a case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from audits.comparisons.census import counted
from audits.comparisons.flags import flag_of
from audits.evidence.cells import Cells
from audits.record import Measurement
from checks.sentence import Sentence, said, template

_MOST_SHOWN = 5
ODD = template("'{column}' holds {values}, which is neither yes nor no")
_OPEN = template("the flags do not tell of {open:,} of {loans:,} loans whether they are cases")
_UNDATED = template("the number of loans without a time is {undated:,}, and every case may be among them")
_UNSEEN = template("the contract does not name {keys}, so that cases of that kind are not seen")


@dataclass(frozen=True, slots=True)
class FlaggedLoans:
    """``cases`` of ``loans``, each once; ``by_flag`` those by each key; ``odd`` (column, value) that say neither."""

    loans: int = 0
    cases: int = 0
    open: int = 0
    by_flag: Mapping[str, int] = field(default_factory=dict)
    odd: tuple[tuple[str, str], ...] = ()


def flagged_loans(cells: Cells, columns: Mapping[str, str], case_when: Mapping[str, bool]) -> FlaggedLoans:
    """Loans by flags: ``columns`` of each key, and what value of it makes a case."""
    places = {key: cells.columns.index(column) for key, column in columns.items()}
    loans = cases = unknown = 0
    by_flag, odd = dict.fromkeys(columns, 0), set()
    for labels, _, rows in cells.cells:
        flags = {key: flag_of(labels[place]) for key, place in places.items()}
        hits = [key for key, flag in flags.items() if flag is case_when[key]]
        odd |= {(columns[key], flag) for key, flag in flags.items() if isinstance(flag, str)}
        loans += rows
        cases += rows * bool(hits)
        unknown += rows * (not hits and any(flag is None for flag in flags.values()))
        for key in hits:
            by_flag[key] += rows
    return FlaggedLoans(loans, cases, unknown, by_flag, tuple(sorted(odd)))


def case_figure(
    question: str, measure: str, seen: FlaggedLoans, words: Mapping[str, str], undated: int, absent: tuple[str, ...]
) -> Measurement:
    """The count with its denominators (``words`` name those of each key), or why there is none.

    ``absent`` are keys of the contract that would show further cases.
    """
    counts = {"cases": seen.cases, "unknown": seen.open, "loans": seen.loans}
    counts |= {words[key]: n for key, n in seen.by_flag.items() if key in words}
    reason = refused(seen)
    figure = counted(question, measure, None if reason else float(seen.cases), seen.loans, counts, reason)
    if reason:
        return figure
    unseen: list[str] = []
    if seen.open:
        unseen.append(said(_OPEN, open=seen.open, loans=seen.loans))
    if absent:
        unseen.append(said(_UNSEEN, keys=", ".join(f"terms.{key}" for key in absent)))
    cautions = (said(_UNDATED, undated=undated),) if 0 < seen.cases <= undated else ()
    return replace(figure, unseen=tuple(unseen), cautions=cautions)


def refused(seen: FlaggedLoans) -> Sentence | None:
    """Why flags give no count, or None."""
    if seen.odd:
        column = seen.odd[0][0]
        values = ", ".join([repr(value) for name, value in seen.odd if name == column][:_MOST_SHOWN])
        return said(ODD, column=column, values=values)
    if seen.open == seen.loans:
        return said("the flags tell of no loan whether it is a case")
    return None
