"""Counts of refusals by the reasons that were given, and of decisions by a flag of human review, over all rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from audits.comparisons.census import counted
from audits.comparisons.flags import flag_of, known_label
from audits.evidence.cells import Cells
from audits.record import Measurement
from checks.sentence import Sentence, said, template

ODD = template("'{column}' holds {values}, which is neither yes nor no")
JOINED = template("a cell of the reasons holds several codes: '{cell}'")
_MOST_SHOWN = 5
_BETWEEN = re.compile(r"\s*[,;|/+]\s*")
_WITHOUT = template("{n:,} of {refusals:,} refusals give no reason")
_UNDATED = template("{undated:,} rows have no time, and every case may be among them")


@dataclass(frozen=True, slots=True)
class ReasonCounts:
    """Refusals: ``without`` any reason, by the ``number`` of their reasons, with a ``generic`` one, with no other.

    ``undecided`` are rows with reasons and without a decision that counts; ``joined`` is a cell with several codes.
    """

    refusals: int = 0
    without: int = 0
    number: Mapping[int, int] = field(default_factory=dict)
    generic: int = 0
    only_generic: int = 0
    undecided: int = 0
    joined: str | None = None

    @property
    def most(self) -> int:
        """The most reasons that a refusal gives."""
        return max(self.number, default=0)


def reason_counts(cells: Cells, generic: Iterable[str], mapped: Iterable[str] = ()) -> ReasonCounts:
    """From cells by columns of reasons and the decision; the same reason twice in a refusal is one.

    Reasons are compared whatever the case, blanks around them left out. ``generic`` are codes that tell nothing; with
    ``mapped`` they are known as codes, so that a cell which holds several is told.
    """
    told = {plain for code in generic if (plain := _plain(code))}
    known = told | {plain for code in mapped if (plain := _plain(code))}
    refusals = without = some = only = undecided = 0
    number: dict[int, int] = {}
    seen: dict[str, str] = {}
    for labels, decision, rows in cells.cells:
        given = {plain: str(label) for label in labels if (plain := _plain(label))}
        if decision == 0:
            refusals += rows
            without += rows * (not given)
            number[len(given)] = number.get(len(given), 0) + rows
            some += rows * bool(given.keys() & told)
            only += rows * bool(given and given.keys() <= told)
            seen |= given
        undecided += rows * (decision is None and bool(given))
    joined = _joined(seen, known)
    return ReasonCounts(refusals, without, dict(sorted(number.items())), some, only, undecided, joined)


def _plain(text: str | None) -> str | None:
    known = known_label(text)
    return None if known is None else known.strip().casefold()


def _joined(seen: Mapping[str, str], known: set[str]) -> str | None:
    """A value that is no known code and is made of codes, or of values that occur alone, such as ``01;03``."""
    alone = known | set(seen)
    for plain in sorted(set(seen) - known):
        parts = [part for part in _BETWEEN.split(plain) if part]
        if len(parts) > 1 and all(part in alone for part in parts):
            return seen[plain]
    return None


def most_reasons(question: str, measure: str, seen: ReasonCounts, undated: int) -> Measurement:
    """The most reasons in any refusal, with the refusals that give so many."""
    many = seen.number.get(seen.most, 0)
    counts = _counts(seen) | {"with_most": many}
    reason = _none(seen)
    figure = counted(question, measure, None if reason else float(seen.most), seen.refusals, counts, reason)
    return figure if reason else _doubted(figure, seen, undated, many)


def generic_reasons(question: str, measure: str, seen: ReasonCounts, undated: int) -> Measurement:
    """Refusals with a generic reason."""
    counts = _counts(seen) | {"generic": seen.generic, "only_generic": seen.only_generic}
    reason = _none(seen)
    figure = counted(question, measure, None if reason else float(seen.generic), seen.refusals, counts, reason)
    return figure if reason else _doubted(figure, seen, undated, seen.generic)


def _counts(seen: ReasonCounts) -> dict[str, int]:
    return {"refusals": seen.refusals, "without_reason": seen.without, "undecided_with_reason": seen.undecided}


def _none(seen: ReasonCounts) -> Sentence | None:
    if not seen.refusals:
        return said("no application is refused")
    if seen.joined:
        return said(JOINED, cell=seen.joined)
    return said("no refusal gives a reason") if seen.without == seen.refusals else None


def _doubted(figure: Measurement, seen: ReasonCounts, undated: int, cases: int) -> Measurement:
    unseen = (said(_WITHOUT, n=seen.without, refusals=seen.refusals),) if seen.without else ()
    return replace(figure, unseen=unseen, cautions=_dates(undated, cases))


def _dates(undated: int, cases: int) -> tuple[Sentence, ...]:
    return (said(_UNDATED, undated=undated),) if 0 < cases <= undated else ()


def unreviewed(question: str, measure: str, cells: Cells, undated: int) -> Measurement:
    """Decisions whose flag of human review says no: one was asked for and not given.

    ``cells`` by that flag alone. Yes is a decision that was reviewed, or of which nobody asked a review; an empty flag
    is not known, and keeps the count from being clear. A flag that says neither refuses it.
    """
    decisions = reviewed = cases = unknown = undecided = 0
    odd: set[str] = set()
    for labels, decision, rows in cells.cells:
        flag = flag_of(labels[0])
        odd |= {flag} if isinstance(flag, str) else set()
        if decision is None:
            undecided += rows * (flag is False)
            continue
        decisions += rows
        reviewed += rows * (flag is True)
        cases += rows * (flag is False)
        unknown += rows * (flag is None)
    counts = {"cases": cases, "reviewed": reviewed, "unknown": unknown, "decisions": decisions,
              "undecided_cases": undecided}  # fmt: skip
    reason: Sentence | None = None
    if odd:
        values = ", ".join([repr(value) for value in sorted(odd)][:_MOST_SHOWN])
        reason = said(ODD, column=cells.columns[0], values=values)
    elif not decisions:
        reason = said("no row has a decision that counts")
    elif unknown == decisions:
        reason = said("no decision says whether a human review was asked for and given")
    figure = counted(question, measure, None if reason else float(cases), decisions, counts, reason)
    if reason:
        return figure
    unseen: list[Sentence] = []
    if unknown:
        unseen.append(said("the flag of human review is empty for {unknown:,} of {decisions:,} decisions",
                           unknown=unknown, decisions=decisions))  # fmt: skip
    if undecided:
        unseen.append(said("{undecided:,} rows without a decision that counts were not given the review that was asked "
                           "for", undecided=undecided))  # fmt: skip
    return replace(figure, unseen=tuple(unseen), cautions=_dates(undated, cases))
