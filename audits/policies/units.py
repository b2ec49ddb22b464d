"""How a figure is written in a sentence of a record: its unit by the ending of the measure's name, its decimals."""

from __future__ import annotations

from collections.abc import Iterable

from audits.record import Measurement
from checks.sentence import said, template

# a bare number becomes a figure by the ending of the measure's name: factor, decimals, words
MONEY = (
    "_money", "_default_fees", "_dollars", "_borrower_credit", "push_effect", "push_effect_gap", "push_association",
    "push_association_gap", "modelled_renewal_overcharge",
)  # fmt: skip
_UNITS = (
    *((name, 1.0, 2, "") for name in MONEY),
    ("_all_in_rate", 100.0, 2, template("{number} % a year")),
    ("_mapr_rate", 100.0, 2, template("{number} % a year")),
    ("_daily_cost_rate", 100.0, 2, template("{number} % a day")),
    ("_excess_rate", 100.0, 2, template("{number} percentage points")),
    ("_apor_gap", 100.0, 2, template("{number} percentage points")),
    ("_understated_gap", 100.0, 2, template("{number} percentage points")),
    ("fee_share_gap", 100.0, 2, template("{number} percentage points")),
    ("assisted_fee_gap", 100.0, 2, template("{number} percentage points")),
    ("thin_file_price_gap", 100.0, 2, template("{number} percentage points")),
    ("elderly_points_lost", 1.0, 2, template("{number} points")),
    ("_output_gap", 100.0, 2, template("{number} %")),
    ("_output_change", 100.0, 2, template("{number} %")),
    ("_carried_gap", 100.0, 2, template("{number} %")),
    ("most_reasons_given", 1.0, 0, ""),
    ("_drivers", 1.0, 0, ""),
    ("_months", 1.0, 0, template("{number} months")),
    ("fewest_days_between_loans", 1.0, 0, template("{number} days")),
    ("longest_loan_sequence", 1.0, 0, ""),
    ("most_rollovers", 1.0, 0, ""),
    ("retention_price_slope", 100.0, 2, template("{number} % per standard deviation of the score")),
    ("_slope", 100.0, 2, template("{number} % a year")),
    ("_gap", 100.0, 1, template("{number} percentage points")),
    ("_bp", 1.0, 1, template("{number} basis points")),
    ("_share", 100.0, 1, template("{number} %")),
    ("_coverage", 100.0, 1, template("{number} %")),
    ("_cases", 1.0, 0, ""),
    ("_figures", 1.0, 0, ""),
)
_SEPARATED = (*MONEY, "_cases", "_figures", "longest_loan_sequence", "most_rollovers")  # thousands by commas
_MOST_EXTRA_DECIMALS = 8
_GRAIN = 1e-9  # of a number, within which two are one


def figure(m: Measurement, value: float | None, beside: Iterable[float] = ()) -> str:
    """A figure of a measurement in the unit a reader expects; None is a bound at infinity.

    It has as many decimals as tell it from those of ``beside`` that it is not.
    """
    if value is None:
        return said("unbounded")
    factor, least, _ = _unit(m)
    return _in_unit(m, value, decimals_apart(value * factor, [other * factor for other in beside], least))


def bare(m: Measurement, value: float | None) -> str:
    """The figure without its unit."""
    return said("unbounded") if value is None else _written(m, value, _unit(m)[1])


def _in_unit(m: Measurement, value: float, decimals: int) -> str:
    number, words = _written(m, value, decimals), _unit(m)[2]
    if m.unit and m.measure.endswith(MONEY):
        return said("{number} {currency}", number=number, currency=m.unit)
    return said(words, number=number) if words else number


def _written(m: Measurement, value: float, decimals: int) -> str:
    text = f"{value * _unit(m)[0]:{',' if m.measure.endswith(_SEPARATED) else ''}.{decimals}f}"
    return text if text.strip("-0.,") else text.removeprefix("-")  # no minus zero


def decimals_apart(value: float, others: Iterable[float], least: int) -> int:
    """How many decimals, at least ``least``, tell a value from others that it is not, and show it equal to those it is.

    ``least`` where no number of decimals does.
    """
    near = [(other, abs(value - other) <= _GRAIN * max(abs(value), abs(other))) for other in others]
    for decimals in range(least, least + _MOST_EXTRA_DECIMALS + 1):
        shown = round(value, decimals)
        if all(abs(shown - value) < _GRAIN if same else shown != round(other, decimals) for other, same in near):
            return decimals
    return least


def stated(m: Measurement, limit: float) -> str:
    """A limit with all the decimals that it has."""
    factor, least, _ = _unit(m)
    places = range(least, least + _MOST_EXTRA_DECIMALS)
    exact = (n for n in places if abs(round(limit * factor, n) - limit * factor) < _GRAIN)
    return _in_unit(m, limit, next(exact, least))


def _unit(m: Measurement) -> tuple[float, int, str]:
    found = ((factor, decimals, words) for end, factor, decimals, words in _UNITS if m.measure.endswith(end))
    return next(found, (1.0, 3, ""))
