"""What loans' papers say too little of: the highest gap of a rate, and charges that a cost sheet does not contain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from audits.comparisons.census import counted
from audits.comparisons.currency import in_currency, loan_currency, loan_currency_needs
from audits.comparisons.loan_census import census_figure, loan_need
from audits.evidence.census import Census
from audits.evidence.collect import Evidence
from audits.evidence.needs import Need
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.inputs.disclosure_figures import RATE_GAPS, charges_left_out, in_doubt, of_all_charges
from checks.inputs.loan_figures import FIGURES
from checks.sentence import Sentence, said, template

CHARGES = "undisclosed_charge_money"
_TOTAL = said(
    "counted, without sampling error: total cost less the total on the cost sheet, beyond what rounding makes"
)
_DOUBT = template(
    "{loans:,} of {scope:,} loans disclose a rate that fits their payments only when it is read a hundred times larger "
    "or smaller than as '{unit}' and have no gap: ask in which unit it is stated, and write 'apr_unit' or correct the "
    "rows"
)
_LEFT_OUT = template(
    "insurance and other charges are left out of the rate; where they were a condition of the credit they belong to "
    "it, and with them the highest gap is {gap:.2f} percentage points"
)
_OPEN = template("of {open:,} of {loans:,} loans it is not known whether they are cases")
_UNDATED = template("the number of loans without a time is {undated:,}, and every case may be among them")
_POINTS = 100.0
_ROUNDING = 1e-9
_LEVEL = 0.95


def gap_needs(measure: str, contract: DataContract) -> Iterable[Need]:
    """A census of the gap, of loans whose rate is in doubt, and of the gap with all charges where they are named."""
    yield loan_need(measure, contract)
    if measure in RATE_GAPS:
        yield loan_need(in_doubt(measure), contract)
        if _further(measure, contract):
            yield loan_need(of_all_charges(measure), contract)


def gap_figure(question: str, measure: str, evidence: Evidence, contract: DataContract) -> Measurement:
    """The highest gap of any loan; below or at zero where no loan's figure was disclosed too low."""
    census = evidence.census(loan_need(measure, contract))
    figure = census_figure(question, loan_need(measure, contract), evidence, contract)
    details = dict(figure.details)
    if census.lowest is not None:
        details["lowest_gap"] = census.lowest
    if measure not in RATE_GAPS:
        return replace(figure, details=details)
    doubtful = evidence.census(loan_need(in_doubt(measure), contract)).scope
    counts, unseen = {**figure.counts, "in_doubt": doubtful}, list(figure.unseen)
    asked = said(_DOUBT, loans=doubtful, scope=census.scope, unit=contract.loan_form.apr_unit) if doubtful else None
    if asked and figure.estimate is None and census.scope:
        return replace(figure, counts=counts, reason=asked)
    unseen += [asked] if asked else []
    if _further(measure, contract):
        further = evidence.census(loan_need(of_all_charges(measure), contract)).highest
        if further is not None and census.highest is not None:
            details["highest_gap_of_all_charges"] = further
            if further > census.highest + _ROUNDING:
                unseen.append(said(_LEFT_OUT, gap=_POINTS * further))
    return replace(figure, counts=counts, details=details, unseen=tuple(unseen))


def charge_needs(measure: str, contract: DataContract) -> Iterable[Need]:
    """A census of the cases, and of the money that the sheet leaves out."""
    yield loan_need(measure, contract)
    yield loan_need(charges_left_out(measure), contract)
    yield from loan_currency_needs(contract)


def charge_figure(question: str, measure: str, evidence: Evidence, contract: DataContract) -> Measurement:
    """How many loans cost more than their sheet says beyond rounding, with the largest charge left out, in money."""
    census = evidence.census(loan_need(measure, contract))
    money = evidence.census(loan_need(charges_left_out(measure), contract))
    cases = money.scope
    counts = {"cases": cases, "loans": census.scope + census.unsure, "unknown": census.open, "known": census.known}
    value = float(cases) if census.known else None
    figure = counted(question, measure, value, census.known, counts, said("no loan has both a cost sheet and a cost"))
    if value is None:
        return figure
    undated = evidence.data.undated if contract.time else 0
    unseen: tuple[Sentence, ...] = ()
    if census.open:
        unseen = (said(_OPEN, open=census.open, loans=census.scope + census.unsure),)
    return replace(
        figure, unseen=unseen, details=_shares(census, money),
        cautions=(said(_UNDATED, undated=undated),) if 0 < cases <= undated else (),
        beyond=census.beyond if all(0 <= limit < 1 for limit, _ in census.beyond) else (),
    )  # fmt: skip


def charge_money(question: str, measure: str, evidence: Evidence, contract: DataContract) -> Measurement:
    """What the loans of ``charge_figure`` cost in all beyond their sheets."""
    cases = charge_figure(question, measure, evidence, contract)
    money = evidence.census(loan_need(charges_left_out(measure), contract))
    total = None if cases.estimate is None else money.total or 0.0
    figure = counted(question, CHARGES, total, cases.n, cases.counts, said("no loan has both a cost sheet and a cost"))
    details = {"mean_of_those_beyond": total / money.scope} if total and money.scope else {}
    figure = replace(figure, unseen=cases.unseen, cautions=cases.cautions, details=details, method=_TOTAL)
    return in_currency(figure, loan_currency(evidence, contract))


def _shares(census: Census, money: Census) -> dict[str, float]:
    """Share of cases with its exact upper bound for loans like these, and the largest charge left out."""
    from audits.statistics.exact_tests import clopper_pearson_interval, zero_cases_upper_bound

    if not money.scope:
        return {"share": 0.0, "upper_share_of_none": float(zero_cases_upper_bound(census.known, _LEVEL))}
    found = {
        "share": money.scope / census.known,
        "upper_share": float(clopper_pearson_interval(money.scope, census.known, _LEVEL).high),
    }
    return found | ({"largest_charge_left_out": money.highest} if money.highest is not None else {})


def _further(measure: str, contract: DataContract) -> bool:
    """Whether charges are named that a rate of fees alone leaves out."""
    return of_all_charges(measure) in FIGURES and bool({"insurance", "ancillary"} & set(contract.loan))
