"""Whether rows stand behind both of two runs, as far as their records tell.

Only where none does are two figures independent. Days part rows where both runs read them from one column and every
row has one; a scope parts them where nothing in the records speaks against what the programs declare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audits.comparing.record import Rows
from audits.record import AuditRun
from checks.sentence import Sentence, said

_OTHER_SCOPE = {
    "lenders": said("as declared, the programs are of other kinds of lender, so that no row is behind both"),
    "products": said("as declared, the programs are of other products, so that no row is behind both"),
}


def shared_rows(before: AuditRun, after: AuditRun) -> tuple[Rows, Sentence]:
    """What the records tell of rows that stand behind both runs, and why."""
    if before.data.fingerprint == after.data.fingerprint:
        return "same", said("the same rows are behind both runs (one fingerprint)")
    if _disjoint(before, after):
        doubt = _doubt_of_days(before, after)
        if doubt is None:
            return "independent", said("the runs are of different days and share no row")
        return "unknown", doubt
    if before.program.name != after.program.name:
        return _two_programs(before, after)
    if not (_days(before) and _days(after)):
        return "unknown", said(
            "a run has no days of its decisions, so it is unknown whether the same decisions are behind both"
        )
    return "overlap", said(
        "the days of both runs overlap, so the same decisions may be behind both, and how the two figures vary "
        "together is not recorded"
    )


def parted_as_declared(before: AuditRun, after: AuditRun) -> bool:
    """Whether rows are told apart by nothing but what the programs declare of their scope."""
    return shared_rows(before, after)[1] in _OTHER_SCOPE.values()


def _days(run: AuditRun) -> tuple[str, str] | None:
    first, last = run.data.first_day, run.data.last_day
    return (first, last) if first and last else None


def _disjoint(before: AuditRun, after: AuditRun) -> bool:
    one, two = _days(before), _days(after)
    return bool(one and two and (one[1] < two[0] or two[1] < one[0]))


def _doubt_of_days(before: AuditRun, after: AuditRun) -> Sentence | None:
    """Why other days may still be of the same rows; None where they cannot."""
    undated = before.data.undated + after.data.undated
    if undated:
        return said(
            "the runs are of different days, but {rows:,} rows have no day and may be behind both", rows=undated
        )
    one, two = _time(before), _time(after)
    if one != two:
        return said(
            "the runs are of different days, but read them from different columns ({before}; {after}), so that one "
            "decision may have a day in each",
            before=one or "", after=two or "",
        )  # fmt: skip
    return None


def _time(run: AuditRun) -> str | None:
    return (run.program.content.get("contract") or {}).get("time")


def _two_programs(before: AuditRun, after: AuditRun) -> tuple[Rows, Sentence]:
    apart = _apart(before.program.content.get("scope") or {}, after.program.content.get("scope") or {})
    if apart is None:
        return "unknown", said(
            "these are two programs, and the records do not tell whether the same decisions are behind both"
        )
    if before.data.rows == after.data.rows:
        return "unknown", said(
            "the programs declare that they are of other decisions, but as many rows ({rows:,}) are behind each, and "
            "no days tell them apart: they may be the same ones",
            rows=before.data.rows,
        )  # fmt: skip
    return "independent", apart


def _apart(one: Mapping[str, Sequence[str]], two: Mapping[str, Sequence[str]]) -> Sentence | None:
    """What the programs declare of their scope that leaves no decision to both; None where nothing does."""
    for key, told in _OTHER_SCOPE.items():
        if one.get(key) and two.get(key) and not set(one[key]) & set(two[key]):
            return told
    return None
