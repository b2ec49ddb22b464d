"""What loans beyond a cap cost beyond it, in money: counted loan by loan, since the rule says what they might cost.

Of a capped yearly rate: Σ P · (1 − A / V), with P a loan's payments, A what it advanced less all charges, and V the
payments discounted at the cap (``audits.statistics.beyond_cap``): payments at the same times and in the same
proportions that bear just the cap are A / V times as large. Of a capped amount: the amount less the cap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from audits.comparisons.census import counted, of_group
from audits.comparisons.currency import in_currency, loan_currency
from audits.comparisons.loan_census import loan_need
from audits.evidence.census import Census
from audits.evidence.collect import Evidence
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.loan_excess import BY_RATE, CAP, CAPPED, cap_label
from checks.sentence import Sentence, said

MEASURE = "cap_excess_money"
_OF_RATE = said(
    "counted, without sampling error: payments less payments at the same times, in the same proportions, that bear "
    "just the cap: Σ P (1 − A / V), A what was advanced less all charges, V the payments discounted at the cap"
)
_OF_AMOUNT = said("counted, without sampling error: what was charged less the most that the cap allows")
_NO_CAP = (
    said("the chosen rules set no cap on a cost of loans that these data can be held against"),
    said("name a policy with a cap on cost under 'policies', and the columns of the loan's terms under 'loan'"),
)


def cap_excesses(
    question: str, measures: Sequence[str], evidence: Evidence, contract: DataContract
) -> tuple[list[Measurement], list[NotAnswered]]:
    """A figure for each cap with loans beyond it; of a figure without any, that of its nearest cap, which is 0."""
    figures = [
        figure for measure in measures if measure in CAPPED
        for figure in _of_figure(question, measure, evidence, contract)
    ]  # fmt: skip
    return figures, [] if figures else [NotAnswered(f"{question}: {MEASURE}", *_NO_CAP)]


def _of_figure(
    question: str, measure: str, evidence: Evidence, contract: DataContract
) -> Iterator[Measurement]:  # fmt: skip
    census = evidence.census(loan_need(measure, contract))
    beyond = dict(census.beyond)
    told = [one for one in census.money if beyond[one[0]]] or list(census.money[:1])
    if not census.known:
        return
    for limit, with_money, total in told:
        yield _figure(question, census, limit, with_money, total, evidence, contract)


def _figure(
    question: str, census: Census, limit: float, with_money: int, total: float, evidence: Evidence,
    contract: DataContract,
) -> Measurement:  # fmt: skip
    cases = dict(census.beyond)[limit]
    counts = {
        "beyond_cap": cases, "cap_without_amount": cases - with_money, "loans": census.rows, "in_scope": census.scope,
        "with_figure": census.known, "without_figure": census.open,
    }  # fmt: skip
    lacking = bool(cases) and not with_money
    reason = said("none of the {cases:,} loans beyond the cap has all that its amount takes", cases=cases)
    figure = counted(question, MEASURE, None if lacking else total, census.known, counts, reason if lacking else None)
    figure = replace(
        of_group(figure, CAP, cap_label(census.measure, limit)),
        method=_OF_RATE if census.measure in BY_RATE else _OF_AMOUNT,
    )
    if not lacking:
        figure = replace(
            figure, details={"mean_of_those_beyond": total / with_money} if with_money else {},
            unseen=tuple(_unseen(census, cases - with_money)), cautions=_undated(cases, evidence, contract),
        )  # fmt: skip
    return in_currency(figure, loan_currency(evidence, contract))


def _unseen(census: Census, without: int) -> Iterator[Sentence]:
    if census.open:
        yield said(
            "{open:,} of {loans:,} loans have no figure, or may be meant and lie beyond the limit",
            open=census.open, loans=census.rows,
        )  # fmt: skip
    if without:
        yield said("{without:,} loans beyond the cap have no amount, and count for nothing", without=without)


def _undated(cases: int, evidence: Evidence, contract: DataContract) -> tuple[Sentence, ...]:
    undated = evidence.data.undated if contract.time else 0
    if not 0 < cases <= undated:
        return ()
    return (
        said("the number of loans without a time is {undated:,}, and every case may be among them", undated=undated),
    )
