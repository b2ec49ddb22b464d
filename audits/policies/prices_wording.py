"""What the figures of loyalty pricing say of whom: the subjects of ``wording.py`` for prices, costs and terms.

Where a contract declares no cost, prices are compared at equal strata only: a "declared expected cost" is then none.
"""

from __future__ import annotations

from checks.sentence import template

PRICES = {
    "renewal_above_enbp_share": template(
        "Of the renewals that can be compared, where {attribute} is {group}, {estimate} are priced above their "
        "equivalent new business price"
    ),
    "renewal_overcharge_money": template(
        "Renewals where {attribute} is {group} cost {estimate} more in all than their equivalent new business prices"
    ),
    "tenure_price_slope": template(
        "At equal strata and declared expected cost, the change of price with tenure is {estimate}"
    ),
    "tenure_market_slope": template("At equal strata, the change with tenure of price over market price is {estimate}"),
    "loss_ratio_slope": template("The fall with tenure of realised cost per unit of price is {estimate}"),
    "cost_error_slope": template("The change with tenure of realised over expected cost is {estimate}"),
    "loyalty_penalty_slope": template(
        "The growth with tenure of price beyond cost, the smaller figure of the two routes (expected and realised "
        "cost), is {estimate}"
    ),
    "tenure_price_ratio": template(
        "At equal strata and declared expected cost, customers who have stayed {group} pay {estimate} times as much as "
        "those who have stayed {reference}"
    ),
    "tenure_overcharge_money": template(
        "At equal strata and declared expected cost, a quote to customers who have stayed {group} costs on average "
        "{more} than one to those who have stayed {reference}"
    ),
    "group_premium_ratio": template(
        "At equal expected cost and strata, {group} customers pay {estimate} times as much as {reference} customers"
    ),
    "group_value_ratio": template(
        "For each unit of realised benefit, {group} customers pay {estimate} times as much as {reference} customers"
    ),
    "retention_price_slope": template(
        "At equal strata and controls, the margin moves with the score, whichever way, by {estimate}"
    ),
    "trait_price_ratio": template(
        "At equal strata and declared expected cost, where {attribute} is {group}, prices are {estimate} times those "
        "where it is {reference}"
    ),
}
PRICES_OF_ALL = {
    "renewal_above_enbp_cases": template("Renewals priced above their equivalent new business price: {estimate}"),
    "renewal_overcharge_money": template(
        "The renewals priced above their equivalent new business price cost {estimate} more in all"
    ),
    "estimated_overcharge_money": template(
        "At equal strata and declared expected cost, the quotes to customers who have stayed cost {more} in all than "
        "new customers would pay"
    ),
    "undisclosed_price_ratio": template(
        "On the same terms, the highest price that nothing excuses and nobody disclosed is {estimate} times the "
        "cheapest"
    ),
    "unexplained_price_cases": template(
        "Prices that are dearer on the same terms, which nothing excuses and nobody disclosed: {estimate}"
    ),
    "unexplained_price_share": template(
        "Of the prices that can be compared, {estimate} are dearer on the same terms, which nothing excuses and nobody "
        "disclosed"
    ),
    "behaviour_price_share": template(
        "Of the differences between prices that strata, controls and declared cost leave, what the firm knows of its "
        "customers’ behaviour explains {estimate}"
    ),
    "undisclosed_personalised_price_cases": template(
        "Prices that were personalised without anybody saying so: {estimate}"
    ),
    "no_plain_option_cases": template(
        "Personalised offers beside which no option without personalisation stood: {estimate}"
    ),
    "return_missing_figures": template("Figures of the pricing return that these data cannot fill: {estimate}"),
}
PRICES_ALONE = {
    "behaviour_price_share": template(
        "Of the differences between prices that strata, controls and declared cost leave, {attribute} alone explains "
        "{estimate}"
    ),
}
PRICES_OF_ONE_ROUTE = {
    "loyalty_penalty_slope": template("By one route alone, the growth with tenure of price beyond cost is {estimate}"),
}
