"""The solved columns of a batch of loans: annual rates, total cost, money outstanding over time, or why there are none.

Two ways to say what is paid: equal instalments of a term (with a first period of another length and a last payment of
another amount), or a schedule of dated payments. Rates are fractions, rounded to ten places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from audits.evidence.dated_costs import dated_beyond, dated_rates, first_period, length_days, owed_days
from audits.evidence.payments import Schedule
from audits.statistics.annual_percentage_rate import REASONS, instalment_rates, rates_of_return
from audits.statistics.beyond_cap import instalments_beyond
from checks.inputs import loan_columns as names
from checks.inputs.contract import PERIODS_A_YEAR, DataContract
from checks.inputs.loan_columns import days_a_period, periods_of_term
from checks.inputs.loan_excess import cap_name, excess_name

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Cap = tuple[str, float]

INPUTS = ("amount", "fees", "instalment", "term_days", "final_payment", "insurance", "ancillary")
CHARGES = ("fees", "insurance", "ancillary")
NO_SCHEDULE, BAD_PAYMENT = "no payments in the schedule", "a payment without a day or an amount"
_PLACES = 10


@dataclass(frozen=True, slots=True)
class Costs:
    """Of each loan: rate per period with its periods a year and the effective annual rate, by two sets of charges.

    ``beyond`` holds the money beyond each cap.
    """

    apr: Numbers
    aprc: Numbers
    all_in: Numbers
    all_in_effective: Numbers
    paid: Numbers
    money_days: Numbers
    irregular: NDArray[np.bool_]
    length: Numbers
    fault: NDArray[np.object_]
    beyond: Sequence[Numbers]


def solved_columns(
    batch: pa.RecordBatch, contract: DataContract, schedule: Schedule | None, caps: Sequence[Cap] = ()
) -> dict[str, Any]:
    """Arrow arrays of the columns ``SOLVED`` for a batch that holds ``squaredeal_in_…`` columns.

    Beside them the money beyond each of the ``caps`` on a yearly rate of all charges.
    """
    import pyarrow as pa

    held = {key: _numbers(batch, f"squaredeal_in_{key}") for key in INPUTS}
    charges = {key: held[key] if key in contract.loan else np.zeros(batch.num_rows) for key in CHARGES}
    fault = np.array(batch.column("squaredeal_in_fault").to_pylist(), dtype=object)
    with np.errstate(all="ignore"):
        if schedule is None:
            costs = _by_term(batch, held, charges, fault, contract, caps)
        else:
            costs = _by_schedule(batch, held, charges, fault, schedule, caps)
        total = costs.paid + charges["fees"] + charges["insurance"] + charges["ancillary"] - held["amount"]
    known = costs.fault == None  # noqa: E711 - element by element
    found = {
        names.APR: costs.apr, names.APRC: costs.aprc, names.ALL_IN: costs.all_in,
        names.ALL_IN_EFFECTIVE: costs.all_in_effective, names.TOTAL_COST: total, names.MONEY_DAYS: costs.money_days,
        names.LENGTH: costs.length, **dict(zip(map(excess_name, caps), costs.beyond, strict=True)),
    }  # fmt: skip
    arrays = {
        name: pa.array(np.round(values, _PLACES), pa.float64(), mask=~(known & np.isfinite(values)))
        for name, values in found.items()
    }
    arrays[names.COST_FAULT] = pa.array(costs.fault.tolist(), pa.string())
    arrays[names.IRREGULAR] = pa.array(costs.irregular, pa.bool_())
    return arrays


def _numbers(batch: pa.RecordBatch, name: str) -> Numbers:
    column = batch.column(name)
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _days(batch: pa.RecordBatch, name: str) -> NDArray[np.datetime64]:
    return np.asarray(batch.column(name).to_numpy(zero_copy_only=False), dtype="datetime64[D]")


def _faults(fault: NDArray[np.object_], *reasons: NDArray[np.int8]) -> NDArray[np.object_]:
    """The loan's own fault first, then why it has no rate."""
    found = fault.copy()
    for codes in reasons:
        told = np.array([*REASONS], dtype=object)[codes]
        fill = (found == None) & (codes != 0)  # noqa: E711 - element by element
        found[fill] = told[fill]
    return found


def _by_term(
    batch: pa.RecordBatch, held: dict[str, Numbers], charges: dict[str, Numbers], fault: NDArray[np.object_],
    contract: DataContract, caps: Sequence[Cap],
) -> Costs:  # fmt: skip
    many, instalment, last = _numbers(batch, "squaredeal_in_many"), held["instalment"], held["final_payment"]
    last = np.where(np.isnan(last), instalment, last)
    single = periods_of_term(contract) == "term_days"
    a_year = 365.0 / held["term_days"] if single else np.full(len(many), PERIODS_A_YEAR[contract.loan_form.period])
    whole, part = np.ones(len(many)), np.zeros(len(many))
    if not single and "first_due_at" in contract.loan:
        granted, due = _days(batch, "squaredeal_in_granted"), _days(batch, "squaredeal_in_due")
        whole, part = first_period(granted, due, contract.loan_form.period)
    advance = held["amount"] - charges["fees"]
    least = advance - charges["insurance"] - charges["ancillary"]
    own = instalment_rates(advance, instalment, many, first_whole=whole, first_fraction=part, final_payment=last)
    every = own
    if np.any(least != advance):
        every = instalment_rates(least, instalment, many, first_whole=whole, first_fraction=part, final_payment=last)
    odd = (part != 0) & np.isfinite(own.rate)
    exponential, exponential_all = own.rate.copy(), every.rate.copy()
    if odd.any():  # the European form discounts a broken first period by a power, the American by a proportion
        exponential[odd] = _broken(advance[odd], instalment[odd], many[odd], (whole + part)[odd], last[odd])
        exponential_all[odd] = _broken(least[odd], instalment[odd], many[odd], (whole + part)[odd], last[odd])
    paid = instalment * (many - 1.0) + last
    on_principal = instalment_rates(
        held["amount"], instalment, many, first_whole=whole, first_fraction=part, final_payment=last
    ).rate
    length = held["term_days"] if single else np.full(len(many), days_a_period(contract))
    owing = _owing(held["amount"], instalment, many, whole, part, paid, on_principal)
    return Costs(
        apr=own.rate * a_year, aprc=np.expm1(a_year * np.log1p(exponential)),
        all_in=every.rate * a_year, all_in_effective=np.expm1(a_year * np.log1p(exponential_all)),
        paid=paid, money_days=owing * length, irregular=np.zeros(len(many), dtype=bool),
        length=(whole + part + many - 1.0) * length, fault=_faults(fault, own.reason, _known(every.reason, least)),
        beyond=[
            instalments_beyond(
                least, instalment, many, _numbers(batch, cap_name(cap)) / a_year, first_whole=whole,
                first_fraction=part, final_payment=last,
            )
            for cap in caps
        ],
    )  # fmt: skip


def _known(reason: NDArray[np.int8], least: Numbers) -> NDArray[np.int8]:
    """Why there is no all-in rate, save that a charge beside the fees is not known: then it alone is missing."""
    return np.where(np.isnan(least), 0, reason).astype(np.int8)


def _owing(
    amount: Numbers, instalment: Numbers, many: Numbers, whole: Numbers, part: Numbers, paid: Numbers, rate: Numbers
) -> Numbers:
    """Principal times periods for which it is owed.

    Interest is ``rate`` times the principal at the beginning of each period, the first of which may be longer or
    shorter, so that principal × periods is interest over rate; without a rate each instalment repays principal.
    """
    first = (1.0 + part * rate) * (1.0 + rate) ** whole - 1.0
    later = (paid - amount - amount * first) / rate
    flat = (many - 1.0) * amount - instalment * many * (many - 1.0) / 2.0
    rest = np.where(np.abs(rate) > 1e-7, later, flat)
    return amount * (whole + part) + np.where(many == 1.0, 0.0, rest)


def _broken(advance: Numbers, instalment: Numbers, many: Numbers, first: Numbers, last: Numbers) -> Numbers:
    """Rate per period of loans whose first period is broken, discounted by powers."""
    count = many.astype(np.int64) + 1
    offsets = np.concatenate([[0], np.cumsum(count)])
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], count)
    times = np.where(place == 0, 0.0, np.repeat(first, count) + place - 1.0)
    amounts = np.where(place == 0, np.repeat(advance, count), -np.repeat(instalment, count))
    amounts[offsets[1:] - 1] = -last
    return rates_of_return(offsets, times, amounts).rate


def _by_schedule(
    batch: pa.RecordBatch, held: dict[str, Numbers], charges: dict[str, Numbers], fault: NDArray[np.object_],
    schedule: Schedule, caps: Sequence[Cap],
) -> Costs:  # fmt: skip
    flows, granted = schedule.of(batch.column("squaredeal_in_unit")), _days(batch, "squaredeal_in_granted")
    fault = fault.copy()
    empty = flows.offsets[1:] == flows.offsets[:-1]
    for wrong, told in ((empty, NO_SCHEDULE), (flows.bad, BAD_PAYMENT), (np.isnat(granted), "no day of the loan")):
        fault[(fault == None) & wrong] = told  # noqa: E711 - element by element
    advance = held["amount"] - charges["fees"]
    own = dated_rates(granted, advance, flows)
    least = advance - charges["insurance"] - charges["ancillary"]
    every = dated_rates(granted, least, flows)
    loan = np.repeat(np.arange(len(granted)), np.diff(flows.offsets))
    paid = np.bincount(loan, np.nan_to_num(flows.amounts), minlength=len(granted)).astype(np.float64)
    return Costs(
        apr=own.nominal, aprc=own.effective, all_in=every.nominal, all_in_effective=every.effective,
        paid=paid, money_days=owed_days(granted, held["amount"], flows), irregular=own.irregular,
        length=length_days(granted, flows), fault=_faults(fault, own.reason, _known(every.reason, least)),
        beyond=dated_beyond(granted, least, flows, [_numbers(batch, cap_name(cap)) for cap in caps]) if caps else [],
    )  # fmt: skip
