"""What is known of borrowers' incomes and debts, and what speaks against it: faults by name, years taken for months.

A share that is wrong twelvefold still looks like a share: where the median borrower pays several times his income, or
hardly any of it, the period of the income is asked about. An income of 0 is often one that nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from audits.comparisons.event_rates import EventTable, event_needs, event_table, scope_of
from audits.comparisons.flags import flag_of
from audits.comparisons.loan_cases import census_need
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, CensusNeed, Need, above
from checks.inputs.contract import DataContract
from checks.inputs.loan_affordability import (
    FAULT,
    FAULTS,
    GRANTED,
    LIMIT_OVER_INCOME,
    SHARE,
    SHARE_OF_EARNERS,
)
from checks.sentence import Sentence, said, template

HIGHEST = "highest_debt_service_share"
EDGES = (0.4, 0.5)  # shares beyond which loans are counted beside any threshold
_TOO_HIGH, _TOO_LOW = 3.0, 0.005  # of the median borrower
_MANY = 0.05
_MOST_TOLD = 4
_YEARS = template(
    "the median borrower pays more than {edge:g} times his income: ask whether 'income' is for a year or for a month, "
    "and write 'income_period' under 'loan'"
)
_MONTHS = template(
    "the median borrower pays less than {edge:.1f} % of his income: ask whether 'income' is for a year or for a month, "
    "and write 'income_period' under 'loan'"
)
_ZEROS = template("{loans:,} loans went to borrowers with an income of 0: ask whether 0 stands for an unknown income")
_NO_OTHERS = said(
    "the contract does not name 'loan.debt_service': what borrowers pay on other debts is not counted, and the shares "
    "of income are too low"
)
_FAULTY = template("{loans:,} loans have no share of income: {reason}")
# as the columns of affordability name them
TEMPLATES = (
    template("no income"),
    template("income below zero"),
    template("income beyond any"),
    template("no instalment"),
    template("instalment below zero"),
    template("no debt service"),
    template("debt service below zero"),
    template("payments beyond any"),
    template("no term of a single payment"),
    template("no income and nothing to pay"),
    template("payments a hundred times the income"),
)


@dataclass(frozen=True, slots=True)
class DebtService:
    """``counts`` and ``details`` of what is known; ``cautions`` and ``unseen`` for every figure of shares.

    ``faulty`` says why loans have no share, for the highest, which may be theirs.
    """

    counts: dict[str, int] = field(default_factory=dict)
    details: dict[str, float] = field(default_factory=dict)
    cautions: tuple[Sentence, ...] = ()
    unseen: tuple[Sentence, ...] = ()
    faulty: tuple[Sentence, ...] = ()


def has_shares(contract: DataContract) -> bool:
    """Whether the contract says what share of income goes to debt."""
    return {"income", "instalment"} <= set(contract.loan)


def debt_service_needs(contract: DataContract) -> Iterable[Need]:
    """Censuses of shares, the reasons why loans have none, and how many lie above a few edges."""
    yield from _censuses(contract).values()
    yield _faults_need(contract)
    for column, edge in _edges():
        yield from event_needs(above(column, edge), None, replace(contract, entity=None))


def highest_need(contract: DataContract) -> CensusNeed:
    """The census of the highest share, which limits are set on."""
    return _censuses(contract)[HIGHEST]


def debt_service(evidence: Evidence, contract: DataContract) -> DebtService:
    """What is known of incomes and debts of all loans."""
    censuses = {name: evidence.census(need) for name, need in _censuses(contract).items()}
    every, earners = censuses[HIGHEST], censuses["highest_of_earners"]
    details = {name: one.highest for name, one in censuses.items() if name != HIGHEST and one.highest is not None}
    penniless = every.known - earners.known
    for edge in EDGES:
        table = _above(evidence, contract, SHARE, edge)
        if rate := table.rate():
            details[f"share_above_{edge:g}"] = rate.rate
    faults = _faults(evidence, contract)
    counts = {"no_income_loans": penniless, **{name.replace(" ", "_"): rows for name, rows in faults.items()}}
    cautions = (said(_ZEROS, loans=penniless),) if every.known and penniless > _MANY * every.known else ()
    high, low = (_above(evidence, contract, SHARE_OF_EARNERS, edge).rate() for edge in (_TOO_HIGH, _TOO_LOW))
    faulty = tuple(
        said(_FAULTY, loans=rows, reason=said(name)) for name, rows in list(faults.items())[:_MOST_TOLD]
    )  # fmt: skip
    unseen: tuple[Sentence, ...] = ()
    if high is not None and high.rate > 0.5:
        cautions = (*cautions, said(_YEARS, edge=_TOO_HIGH))
    if low is not None and low.rate < 0.5 and contract.loan_form.income_period == "month":
        unseen = (*unseen, said(_MONTHS, edge=100 * _TOO_LOW))
    if "debt_service" not in contract.loan:
        unseen = (*unseen, _NO_OTHERS)
    return DebtService(counts, details, cautions, unseen, faulty)


def _edges() -> Iterable[tuple[str, float]]:
    yield from ((SHARE, edge) for edge in EDGES)
    yield from ((SHARE_OF_EARNERS, edge) for edge in (_TOO_HIGH, _TOO_LOW))


def _above(evidence: Evidence, contract: DataContract, column: str, edge: float) -> EventTable:
    return event_table(evidence, replace(contract, entity=None), above(column, edge), None)


def _censuses(contract: DataContract) -> dict[str, CensusNeed]:
    columns = {HIGHEST: SHARE, "highest_of_earners": SHARE_OF_EARNERS}
    if "credit_limit" in contract.loan:
        columns["highest_limit_over_income"] = LIMIT_OVER_INCOME
    return {name: census_need(name, column, contract) for name, column in columns.items()}


def _faults_need(contract: DataContract) -> CellsNeed:
    return CellsNeed(columns=(FAULT, *scope_of(contract)), decision=False)


def _faults(evidence: Evidence, contract: DataContract) -> dict[str, int]:
    """Granted loans by what keeps them from having a share, the most frequent first."""
    cells = evidence.cells(_faults_need(contract))
    found: dict[str, int] = {}
    for labels, _, rows in cells.cells:
        told = dict(zip(cells.columns, labels, strict=True))
        name = told[FAULT]
        if name in FAULTS and (GRANTED not in told or flag_of(told[GRANTED]) is True):
            found[name] = found.get(name, 0) + rows
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))
