"""Loans that are cases by a column of 1, 0 or missing: how many, of how many, and the keys of the cases.

The count comes from cells; the census beside it writes the keys of the cases where a rule allows none of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from audits.comparisons.census import counted
from audits.comparisons.event_rates import event_needs, event_table, scope_of
from audits.evidence.collect import Evidence
from audits.evidence.needs import CensusNeed, Need
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, said, template

_OPEN = template("of {open:,} of {loans:,} loans it is not known whether they are cases")
_UNDATED = template("the number of loans without a time is {undated:,}, and every case may be among them")
_LEVEL = 0.95


def census_need(measure: str, figure: str, contract: DataContract) -> CensusNeed:
    """A census of a column over the loans that were granted."""
    scope = next(iter(scope_of(contract)), None)
    return CensusNeed(measure, figure, scope=scope, unit=contract.unit)


def case_needs(measure: str, column: str, contract: DataContract) -> Iterable[Need]:
    """Cells of the column, and a census for the keys of the cases."""
    yield from event_needs(column, None, replace(contract, entity=None))
    yield census_need(measure, column, contract)


def case_figure(question: str, measure: str, column: str, evidence: Evidence, contract: DataContract) -> Measurement:
    """The number of cases with its denominators, or why there is none."""
    table = event_table(evidence, replace(contract, entity=None), column, None)
    known = table.rate()
    loans, unknown = sum(one.rows for one in table.cells), table.unknown() + table.unsure
    counts = {"cases": known.events if known else 0, "loans": loans, "unknown": unknown, "not_granted": table.others}
    cases = float(known.events) if known else None
    figure = counted(question, measure, cases, known.rows if known else 0, counts, _reason(loans))
    if cases is None:
        return figure
    census = evidence.census(census_need(measure, column, contract))
    undated = evidence.data.undated if contract.time else 0
    told = (said(_OPEN, open=unknown, loans=loans + table.unsure),) if unknown else ()
    return replace(
        figure, unseen=told, cautions=(said(_UNDATED, undated=undated),) if 0 < cases <= undated else (),
        beyond=census.beyond if all(0 <= limit < 1 for limit, _ in census.beyond) else (),
        details=_share(int(cases), known.rows) if known else {},
    )  # fmt: skip


def _reason(loans: int) -> Sentence:
    if not loans:
        return said("no row is a loan that was granted")
    return said("of none of {loans:,} loans it is known whether it is a case", loans=loans)


def _share(cases: int, rows: int) -> dict[str, float]:
    """Share of cases with its exact upper bound for loans like these (Hanley and Lippman-Hand 1983 where none is)."""
    from audits.statistics.exact_tests import clopper_pearson_interval, zero_cases_upper_bound

    if not cases:
        return {"share": 0.0, "upper_share_of_none": float(zero_cases_upper_bound(rows, _LEVEL))}
    return {"share": cases / rows, "upper_share": float(clopper_pearson_interval(cases, rows, _LEVEL).high)}
