"""What is true of the simulated lender of small loans: counted in its loans, or what its law makes of them.

Nothing here is shared with what audits compute: a loan of one payment has its annual rate in closed form, and chances
come from the law, given everything that was not left to the chance in question (Neyman 1923).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audits.simulation.population import Floats
from audits.simulation.quickcash import (
    BAND_ENDS,
    CELLS,
    LOW,
    PLAIN_FROM,
    RATES,
    TARIFFS,
    Columns,
    QuickCash,
)
from audits.simulation.table_figures import Codes, slopes

CAP, DECILE, TOO_MUCH = 0.36, 0.1, 0.4  # a year; of loans; of income
YOUNG = "under 25"
GROUPS = (YOUNG, LOW)
_A_MONTH = 365 / 12


def truth(world: QuickCash, loans: Columns) -> dict[str, float]:
    """Figures by name, those of a group as ``figure[group]``; shares and rates are fractions, money is in dollars.

    Counted: ``above_cap_loans``, ``understated_loans`` (with ``understated_gap``, how far), ``preticked_loans``,
    ``beyond_policy_loans``, ``longest_sequence``, ``overstretched_share`` (also by quarter, from 0). By the law:
    ``insurance_ratio``, ``steered_ratio``, ``steering_excess_rate``, ``renewed_share`` (of loans that were seen long
    enough), ``fee_driven_ratio``, ``push_effect`` of an occasion not held out, ``push_effect_gap``,
    ``dearest_decile_ratio``, ``beyond_policy_chance`` by quarter.
    """
    return {
        **_counted(world, loans),
        "understated_gap": world.understated_points / 100 if world.understated_share else 0.0,
        f"insurance_ratio[{LOW}]": world.packing,
        **_steering(world, loans),
        "renewed_share": _renewed(world, loans),
        "fee_driven_ratio": float(np.exp(world.fee_effect)),
        **_pushes(world, loans),
        **_dearest(world, loans),
        **{f"beyond_policy_chance[{q}]": float(world.beyond_first + world.beyond_growth * q)
           for q in np.unique(world.quarter(loans["hidden_opened"]))},
    }  # fmt: skip


def members(loans: Columns, group: str) -> NDArray[np.bool_]:
    """Who belongs to a group of ``GROUPS``."""
    return np.asarray(loans["age"] < 25 if group == YOUNG else loans["income_band"] == group)


def annual_rate(loans: Columns, *charges: str) -> Floats:
    """(N,) Nominal annual rate of one payment for the amount less charges: (payment / advance − 1) · 365 / days."""
    advance = loans["amount"] - sum(loans[charge] for charge in charges)
    return np.asarray((loans["instalment"] / advance - 1) * 365 / loans["term_days"])


def _counted(world: QuickCash, loans: Columns) -> dict[str, float]:
    above = loans["covered"] & (annual_rate(loans, "fees", "insurance") > CAP)
    monthly = loans["instalment"] * np.minimum(_A_MONTH / loans["term_days"], 1.0) + loans["debt_service"]
    over, quarter = monthly / loans["income"] > TOO_MUCH, world.quarter(loans["hidden_opened"])
    found = {
        "above_cap_loans": float(above.sum()),
        "understated_loans": float(loans["hidden_understated"].sum()),
        "preticked_loans": float(loans["preticked"].sum()),
        "beyond_policy_loans": float((loans["amount"] > loans["policy_limit"]).sum()),
        "longest_sequence": float(_longest(loans)),
        "overstretched_share": float(over.mean()),
    }
    return found | {f"overstretched_share[{q}]": float(over[quarter == q].mean()) for q in np.unique(quarter)}


def _longest(loans: Columns) -> int:
    """Most loans of a borrower in a row, each at most 14 days after the end of the one before; none overlap."""
    order = np.lexsort((loans["hidden_opened"], loans["borrower"]))
    opened = loans["hidden_opened"][order]
    ended, who = opened + loans["hidden_length"][order], loans["borrower"][order]
    goes_on = (who[1:] == who[:-1]) & (opened[1:] - ended[:-1] <= BAND_ENDS[-1])
    begins = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    return int(np.diff(np.append(begins, len(order))).max())


def _steering(world: QuickCash, loans: Columns) -> dict[str, float]:
    """The gap in mean excess that the law makes, within cells of equal loans; the ratio is alike in all cells."""
    eligible = (loans["score"] >= PLAIN_FROM) & ~loans["covered"]
    excess = np.where(eligible, world.quick_chance(loans) * (RATES[2] - RATES[1]) / 100, 0.0)
    gap = slopes(excess, [members(loans, YOUNG).astype(float)], np.ones(len(excess)), _cells(loans))
    led = world.own_choice + (1 - world.own_choice) * world.steered
    return {f"steering_excess_rate[{YOUNG}]": float(gap[0]), f"steered_ratio[{YOUNG}]": led / world.own_choice}


def _cells(loans: Columns) -> Codes:
    """Cells of amount, term, score, products open to the customer and stratum."""
    columns = {"amount": "amount", "term": "term_days", "score": "score"}
    parts = [np.searchsorted(edges, loans[columns[name]], side="right") for name, edges in CELLS.items()]
    keys = np.column_stack([*parts, loans["covered"], loans["affordability"] == "tight"])
    return np.asarray(np.unique(keys, axis=0, return_inverse=True)[1].ravel(), dtype=np.int64)


def _renewed(world: QuickCash, loans: Columns) -> float:
    seen = loans["hidden_opened"] + loans["hidden_length"] + BAND_ENDS[-1] < world.days
    return float(-np.expm1(-world.intensity(loans)[seen]).mean())


def _pushes(world: QuickCash, loans: Columns) -> dict[str, float]:
    worth = world.push_worth(loans) * world.shown_chance()
    low = members(loans, LOW)
    return {
        "push_effect": float(worth.mean()),
        f"push_effect_gap[{LOW}]": float(worth[low].mean() - worth[~low].mean()),
    }


def _dearest(world: QuickCash, loans: Columns) -> dict[str, float]:
    """The share of a group among the dearest tenth over its share, by the law of product and tariff of each loan."""
    n, marked = len(loans["amount"]), members(loans, YOUNG) | members(loans, LOW)
    quick, covered = world.quick_chance(loans)[:, None], loans["covered"][:, None]
    product = np.where(covered, [1.0, 0.0, 0.0], np.concatenate([np.zeros((n, 1)), 1 - quick, quick], axis=1))
    tariff = np.where(covered, [1.0, 0.0, 0.0], world.tariffs(marked))
    years = loans["term_days"][:, None, None] / 365
    fee = np.where(covered, 0.0, np.array(TARIFFS) * loans["hidden_spread"][:, None])[:, None, :]
    rate = (((1 + np.array(RATES)[None, :, None] / 100 * years) / (1 - fee) - 1) / years).ravel()
    weight = (product[:, :, None] * tariff[:, None, :]).ravel() / n
    order = np.argsort(-rate)
    before = np.cumsum(weight[order]) - weight[order]
    counted = np.empty(len(rate))
    counted[order] = np.clip(DECILE - before, 0.0, weight[order])  # the loans at the threshold fill the tenth
    by_loan = counted.reshape(n, -1).sum(axis=1)
    return {
        f"dearest_decile_ratio[{group}]": float(by_loan[own].sum() / DECILE / own.mean())
        for group in GROUPS for own in [members(loans, group)]
    }  # fmt: skip
