"""What must hold of loans: sound terms, flags that say yes or no, one currency, rates in the unit that was declared.

A rate written as .12 where 12 is meant, or the other way round, changes every figure a hundredfold and no verdict would
tell: the unit is asked about wherever the loan's own terms fit another one.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.column_rules import mostly
from checks.inputs.contract import LOAN_AMOUNTS, LOAN_FLAGS, LOAN_NUMBERS, TERMS_FLAGS, DataContract
from checks.inputs.loan_columns import (
    ABOVE,
    DOUBT,
    FAULT,
    GRANTED_FAULT,
    LARGEST_AMOUNT,
    MARKET_RATE_BOUNDS,
    NO,
    RATE_UNIT,
    YES,
    granted,
    periods_of_term,
)
from checks.inputs.prepared import MISSING_TEXTS, Prepared, kind_of
from checks.planned_check import PlannedCheck, about
from checks.sentence import said, template

_BETWEEN = "expect_column_values_to_be_between"
_NULL = "expect_column_values_to_be_null"
_IN_SET = "expect_column_values_to_be_in_set"
_DISTINCT = "expect_column_unique_value_count_to_be_between"
_SIGNED = ("prepayment_penalty", "lowest_balance")
_DOUBTFUL = 0.01  # share of loans from which a unit must be wrong for the data and not for some rows
_ONE_CURRENCY = template("one currency in {subject}")
_OWN_PROGRAM = template("audit each currency in a program of its own, or convert the amounts in a 'query'")
_UNIT = template(
    "no disclosed rate in {subject} that fits its loan only when it is read a hundred times larger or smaller"
)
_ASK = template(
    "ask in which unit the rates are stated: write 'apr_unit' under 'loan', or correct the rows in the source"
)


def loan_checks(contract: DataContract, prepared: Prepared) -> Iterator[PlannedCheck]:
    """The checks of a contract's loans, none where it names none."""
    yield from _currency(contract)
    yield from _amounts(contract, prepared)
    yield from _flags(contract, prepared)
    yield from _market_rates(contract)
    if FAULT in prepared.table.columns:
        fault = GRANTED_FAULT if GRANTED_FAULT in prepared.table.columns else FAULT
        subject = about(contract.loan["amount"])
        yield PlannedCheck(
            _NULL, {"column": fault}, "contract.loan", contract.loan["amount"], subject, "warn",
            said("loans in {subject} with terms that can be: amounts, terms and days in order", subject=subject),
            said("correct the rows in the source; such loans have no annual rate and are counted"), "none",
        )  # fmt: skip
    if DOUBT in prepared.table.columns:
        column = contract.loan["disclosed_apr"]
        subject = about(column)
        for share, on_failure in ((_DOUBTFUL, "stop"), (0.0, "warn")):
            tolerance: dict[str, object] = {"mostly": mostly(share)} if share else {}
            yield PlannedCheck(
                _NULL, {"column": DOUBT, **tolerance}, "contract.loan.disclosed_apr", column, subject, on_failure,
                said(_UNIT, subject=subject), said(_ASK), "none",
            )  # fmt: skip
    if "disclosed_apr" in contract.loan and not ("instalment" in contract.loan and periods_of_term(contract)):
        yield from _plausible_unit(contract)


def _market_rates(contract: DataContract) -> Iterator[PlannedCheck]:
    """Rates of the market lie close together: one that is a hundred times another is told in another unit."""
    scale = 1.0 / RATE_UNIT[contract.loan_form.apr_unit]
    least, most = (round(bound * scale, 6) for bound in MARKET_RATE_BOUNDS)
    for key in ("apor", "benchmark_rate"):
        column = contract.loan.get(key)
        if column is None:
            continue
        yield PlannedCheck(
            _BETWEEN, {"column": column, "min_value": least, "max_value": most}, f"contract.loan.{key}", column,
            about(column), "warn",
            said("rates of {subject} from {least:g} to {most:g}, in the unit that the contract declares",
                 subject=about(column), least=least, most=most),
            said(_ASK), "values",
        )  # fmt: skip


def _currency(contract: DataContract) -> Iterator[PlannedCheck]:
    form = contract.loan_form
    if form.currency_column is None:
        return
    column, subject = form.currency_column, about(form.currency_column)
    yield PlannedCheck(
        _DISTINCT, {"column": column, "max_value": 1}, "contract.loan.currency_column", column, subject, "stop",
        said(_ONE_CURRENCY, subject=subject), said(_OWN_PROGRAM), "labels",
    )  # fmt: skip
    if form.currency:
        yield PlannedCheck(
            _IN_SET, {"column": column, "value_set": [form.currency]}, "contract.loan.currency", column, subject,
            "stop", said("{subject} holds only {values}", subject=subject, values=form.currency), said(_OWN_PROGRAM),
        )  # fmt: skip


def _amounts(contract: DataContract, prepared: Prepared) -> Iterator[PlannedCheck]:
    """Figures of loans; 0 is no mistake of a row that a declared decision did not grant."""
    for key in (*LOAN_AMOUNTS, *LOAN_NUMBERS):
        column = contract.loan.get(key)
        if column is None or key in _SIGNED:
            continue
        strict: dict[str, object] = {"strict_min": True} if key in ABOVE else {}
        words = (
            template("values of {subject} above 0") if key in ABOVE else template("values of {subject} of at least 0")
        )
        meant = granted(key) if granted(key) in prepared.table.columns else column
        yield PlannedCheck(
            _BETWEEN, {"column": meant, "min_value": 0, "max_value": LARGEST_AMOUNT, **strict}, f"contract.loan.{key}",
            column, about(column), "warn", said(words, subject=about(column)),
            said("correct the rows in the source; what rests on them is left out and counted"), "values",
        )  # fmt: skip


def _flags(contract: DataContract, prepared: Prepared) -> Iterator[PlannedCheck]:
    """A code that nobody explained would be counted on one side or the other by guess."""
    named = [(f"contract.loan.{key}", contract.loan[key]) for key in LOAN_FLAGS if key in contract.loan]
    named += [(f"contract.terms.{key}", contract.terms[key]) for key in TERMS_FLAGS if key in contract.terms]
    for place, column in named:
        yield from says_yes_or_no(place, column, prepared)


def says_yes_or_no(place: str, column: str, prepared: Prepared) -> Iterator[PlannedCheck]:
    """That a flag is one; none for a column of booleans."""
    kind = kind_of(prepared.table[column])
    if kind == "boolean":
        return
    texts = dict.fromkeys(form for text in (*YES, *NO, *MISSING_TEXTS)
                          for form in (text, text.upper(), text.capitalize()))  # fmt: skip
    values: list[object] = [0, 1] if kind == "number" else list(texts)
    yield PlannedCheck(
        _IN_SET, {"column": column, "value_set": values}, place, column, about(column), "warn",
        said("{subject} says yes or no: true or false, yes or no, 1 or 0", subject=about(column)),
        said("write one of these in the source or in a 'query'; any other value counts as unknown"), "labels",
    )  # fmt: skip


def _plausible_unit(contract: DataContract) -> Iterator[PlannedCheck]:
    """Without terms to hold a rate against, its unit is asked about where the whole column speaks against it."""
    column = contract.loan["disclosed_apr"]
    subject = about(column)
    expectation, bound, words = {
        "percent": ("expect_column_max_to_be_between", {"min_value": 1}, template(
            "some rate in {subject} above 1, as rates in per cent are")),
        "fraction": ("expect_column_min_to_be_between", {"max_value": 1}, template(
            "some rate in {subject} of at most 1, as fractions are")),
        "basis_points": ("expect_column_max_to_be_between", {"min_value": 100}, template(
            "some rate in {subject} above 100, as basis points are")),
    }[contract.loan_form.apr_unit]  # fmt: skip
    yield PlannedCheck(
        expectation, {"column": column, **bound}, "contract.loan.apr_unit", column, subject, "stop",
        said(words, subject=subject), said(_ASK),
    )  # fmt: skip
