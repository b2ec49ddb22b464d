"""The figures that put a harm in money: what each is compared with, whether a rule fixes that, and what it shares.

Figures of one harm that have a part of ``parts`` in common may speak of the same money. Groups of one attribute
may be ``DISJOINT`` rows. Debt that a push adds is no cost, and stands in the report alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from audits.policies.labels import cap_of
from audits.record import Measurement
from checks.inputs.loan_excess import DEFAULT, TOTAL
from checks.sentence import said, template

HARMS = ("fair_lending", "loyalty_pricing", "predatory_lending", "digital_divide")


def _whole(m: Measurement) -> bool:
    return m.group is None


def _any(_: Measurement) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class MoneyFigure:
    """A measure of a question; ``rank`` orders those of a harm, ``rests_on`` is the measure that it is made from.

    ``counterfactual`` and ``denominators`` are templates over the figure's counts, ``block`` the part of the contract
    that names its currency. ``ruled`` is the measure that rules judge which fix what each case is compared with,
    ``unruled`` the counterfactual where no rule that was applied does.
    """

    harm: str
    question: str
    measure: str
    rank: int
    fixed: bool
    counterfactual: str
    denominators: str
    why: str
    parts: frozenset[str]
    rests_on: str
    block: str = "loan"
    of: Literal["all", "each"] = "all"
    takes: Callable[[Measurement], bool] = _any
    ruled: str | None = None
    unruled: str = ""

    def parts_of(self, m: Measurement) -> frozenset[str]:
        """What money the figure speaks of: default charges stand apart from what a loan costs as agreed."""
        cap = cap_of(m)
        if cap is None:
            return self.parts
        return frozenset({DEFAULT: {"default"}, TOTAL: {"default", "charges"}}.get(cap[0], {"charges"}))


DISJOINT = "disjoint rows"  # the groups of one attribute hold other rows
_CHARGES, _PRICES = frozenset({"charges"}), frozenset({"prices"})
_FIXED = said("a rule fixes what each case is compared with, so that it is counted case by case")
_CAP_FIXED = said(
    "a cap fixes what each loan may cost, so that it is counted loan by loan; of several caps, that of the worst "
    "verdict"
)
_ESTIMATED = said("no figure of this harm is fixed by a rule here; this one is an estimate for all together")
GAP = said("it is the largest of the groups: those of other attributes may be the same people")
UNRULED = said("it is counted case by case, though no rule that was applied fixes what each case is compared with")
UNDATED_CAP = template(
    "the most that the cap allows for the same loan ({cap}); in which part of these days its rule was in force is not "
    "told apart"
)
FIGURES: tuple[MoneyFigure, ...] = (
    MoneyFigure(
        "fair_lending", "fair_lending.pricing", "rate_gap_money", 1, False,
        template(
            "the mean rate of {reference}, at equal controls and strata if any: estimated, fixed by no rule"
        ),
        template("{with_amount:,} loans of the group with amount and term; {reference:,} rates of the reference"),
        GAP, frozenset({"rates", DISJOINT}), "rate_gap_bp",
    ),
    MoneyFigure(
        "loyalty_pricing", "loyalty_pricing.renewal_price", "renewal_overcharge_money", 1, True,
        template("the equivalent new-customer price of each renewal, net of incentives, which rules on renewals fix"),
        template("{above:,} of {compared:,} renewals that can be compared"),
        _FIXED, _PRICES, "renewal_above_enbp_cases", "price", takes=_whole, ruled="renewal_above_enbp_cases",
        unruled=template(
            "the equivalent new-customer price of each renewal, net of incentives; no rule that was applied fixes it"
        ),
    ),
    MoneyFigure(
        "loyalty_pricing", "loyalty_pricing.tenure_gradient", "estimated_overcharge_money", 2, False,
        template("what new customers pay at equal strata and expected cost; estimated, and fixed by no rule"),
        template("{n:,} quotes"),
        _ESTIMATED, _PRICES, "tenure_price_slope", "price", takes=_whole,
    ),
    MoneyFigure(
        "loyalty_pricing", "loyalty_pricing.renewal_price", "modelled_renewal_overcharge", 3, False,
        template("the model’s own price of the same person as a new customer; no such price was quoted"),
        template("{n:,} renewals drawn"),
        _ESTIMATED, _PRICES, "modelled_renewal_overcharge", "price", "each", takes=_whole,
    ),
    MoneyFigure(
        "loyalty_pricing", "loyalty_pricing.tenure_gradient", "tenure_overcharge_money", 4, False,
        template("what new customers pay at equal strata and expected cost; estimated, and fixed by no rule"),
        template("{n:,} quotes of the band and of new customers"),
        _ESTIMATED, _PRICES, "tenure_price_slope", "price", "each",
    ),
    MoneyFigure(
        "predatory_lending", "predatory_lending.cost_caps", "cap_excess_money", 1, True,
        template("the most that the cap allows for the same loan ({cap}), which its rule fixes"),
        template("{beyond_cap:,} of {with_figure:,} loans that can be held against the cap"),
        _CAP_FIXED, _CHARGES, "highest_all_in_rate",
    ),
    MoneyFigure(
        "predatory_lending", "predatory_lending.hidden_charges", "undisclosed_charge_money", 2, True,
        template("the total on each loan’s own cost sheet, which rules on disclosure fix"),
        template("{cases:,} of {known:,} loans with a cost sheet and a cost"),
        _FIXED, _CHARGES, "undisclosed_charge_cases", ruled="undisclosed_charge_cases",
        unruled=template("the total on each loan’s own cost sheet; no rule that was applied fixes it"),
    ),
    MoneyFigure(
        "predatory_lending", "predatory_lending.steering", "steering_excess_money", 3, False,
        template(
            "the cheapest rate that the lender’s own product rules opened to each customer, over the whole term: an "
            "upper bound where loans are paid back on the way"
        ),
        template("{steered:,} of {replayed:,} loans that could be replayed"),
        said("it is counted by the lender’s own product rules; no law fixes it"), _CHARGES, "steered_share",
    ),
    MoneyFigure(
        "digital_divide", "digital_divide.channel_price", "assisted_overcharge_money", 1, False,
        template("what {reference} customers are asked at equal strata and declared cost; estimated, fixed by no rule"),
        template("{with_amount:,} rows served by a person; {reference:,} rows of the others"),
        _ESTIMATED, frozenset({"channel prices"}), "assisted_price_ratio", "price",
    ),
)  # fmt: skip
