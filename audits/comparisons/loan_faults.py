"""Why loans have no annual rate, counted by reason and told."""

from __future__ import annotations

from collections.abc import Mapping

from audits.evidence.cells import Cells
from checks.inputs.loan_columns import COST_FAULT
from checks.sentence import Sentence, said, template

_MOST_TOLD = 4
# as the columns of loans and the engine of rates name them
TEMPLATES = (
    template("no amount"),
    template("amount not above zero"),
    template("amount beyond any loan"),
    template("fees not below the amount"),
    template("no instalment and no payments"),
    template("instalment below zero"),
    template("no term"),
    template("term not above zero"),
    template("term beyond a lifetime"),
    template("repaid or due before it was granted"),
    template("fees that are not known"),
    template("a charge below zero"),
    template("no whole number of instalments"),
    template("payments below the amount advanced"),
    template("no payments in the schedule"),
    template("a payment without a day or an amount"),
    template("no day of the loan"),
    template("no positive amount was advanced"),
    template("payments never repay what was advanced"),
    template("several rates solve the cash flows"),
    template("a cash flow has no number or no time"),
    template("the rate is beyond any number"),
    template("all cash flows fall at one time"),
    template("the borrower pays first and receives afterwards, so that nothing was lent to him"),
    template("rounding decides whether none, one or several rates solve the cash flows"),
    template("the terms cannot be those of a loan: a negative payment, number of payments or time"),
)


def cost_faults(cells: Cells) -> dict[str, int]:
    """Loans by what keeps them from having a rate, the most frequent first."""
    place = cells.columns.index(COST_FAULT)
    found: dict[str, int] = {}
    for labels, _, rows in cells.cells:
        label = labels[place + len(cells.attributes)]
        if label is not None:
            found[label] = found.get(label, 0) + rows
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def told_faults(faults: Mapping[str, int]) -> tuple[Sentence, ...]:
    """A sentence for each of the commonest reasons."""
    told = list(faults.items())[:_MOST_TOLD]
    return tuple(
        said("{loans:,} loans have no rate: {reason}", loans=rows, reason=said(reason)) for reason, rows in told
    )
