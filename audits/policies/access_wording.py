"""What the figures of the digital divide say of whom: the subjects of ``wording.py`` for access and what it costs.

``ACCESS`` speaks of a group, ``ACCESS_OF_ALL`` of everyone, ``ACCESS_OF_PART`` of a stage or method by its name,
``ACCESS_OF_AGE`` of the elderly and the younger.
"""

from __future__ import annotations

from checks.sentence import template

ACCESS = {
    "stage_ratio": template(
        "Of those who came to the stage before, the share of {group} customers who pass the stage is {estimate} times "
        "that of {reference} customers"
    ),
    "adjusted_stage_ratio": template(
        "Within the declared strata, of those who came to the stage before, the share of {group} customers who pass "
        "the stage is {estimate} times that of {reference} customers"
    ),
    "cumulative_ratio": template(
        "The share of {group} customers who come through all stages is {estimate} times that of {reference} customers"
    ),
    "adjusted_cumulative_ratio": template(
        "Within the declared strata, the share of {group} customers who come through all stages is {estimate} times "
        "that of {reference} customers"
    ),
    "bounded_cumulative_ratio": template(
        "Whoever the persons without a known {attribute} are, the share of {group} customers who come through all "
        "stages lies between {low} and {high} times that of {reference} customers"
    ),
    "person_coverage": template("The attribute {attribute} is known for {estimate} of the persons"),
    "population_reach_share": template("Of the {group} people whom the service is meant for, {estimate} are reached"),
    "elderly_completion_ratio": template(
        "The share of customers {group} who finish what they started is {estimate} times that of customers {reference}"
    ),
    "elderly_62_completion_ratio": template(
        "The share of customers {group} who finish what they started is {estimate} times that of customers {reference}"
    ),
    "adjusted_elderly_completion_ratio": template(
        "Within the declared strata, the share of customers {group} who finish what they started is {estimate} times "
        "that of customers {reference}"
    ),
    "verification_failure_ratio": template(
        "Of those who came to the identity check, the share of customers {group} who fail it at least once is "
        "{estimate} times that of customers {reference}"
    ),
    "fallback_success_ratio": template(
        "Of those who failed the identity check, the share of customers {group} who pass it in the end is {estimate} "
        "times that of customers {reference}"
    ),
    "completion_time_ratio": template(
        "From start to finish, customers {group} take {estimate} times as long as customers {reference}"
    ),
    "thin_file_share": template("Of all applications, {estimate} come with a {group} file"),
    "thin_file_approval_ratio": template(
        "As the rows stand, the approval rate with a {group} file is {estimate} times that with a {reference} one"
    ),
    "thin_file_repayment_gap": template(
        "At equal score, the rate of repayment with a {group} file is {higher} than with a {reference} one"
    ),
    "thin_file_approval_gap": template(
        "At equal chance of repayment, the approval rate with a {group} file lies {where} that with a {reference} one"
    ),
    "thin_file_price_gap": template(
        "At equal chance of repayment, the mean rate with a {group} file is {higher} than with a {reference} one"
    ),
    "thin_file_automatic_ratio": template(
        "The share refused automatically with a {group} file is {estimate} times that with a {reference} one"
    ),
    "thin_file_flip_share": template(
        "Of the refused applications with a {group} file, {estimate} are approved once the file is filled in"
    ),
    "assisted_price_ratio": template(
        "At equal strata and declared cost, prices in {group} channels are {estimate} times those in {reference} "
        "channels"
    ),
    "assisted_overcharge_money": template(
        "At equal strata and declared cost, customers in {group} channels were asked {more} in all than in {reference} "
        "channels"
    ),
    "assisted_fee_gap": template(
        "At equal strata, the mean of fees over amount in {group} channels is {higher} than in {reference} channels"
    ),
    "digital_discount_gap": template(
        "At equal strata, the share with a discount in {group} channels lies {where} that in {reference} channels"
    ),
    "assisted_share": template("Of {group} customers, {estimate} are served by a person"),
    "channel_group_price_ratio": template(
        "At equal strata and declared cost, whatever the channel, {group} customers pay {estimate} times as much as "
        "{reference} customers"
    ),
}
ACCESS_OF_ALL = {
    "population_reach_share": template("Of the people whom the service is meant for, {estimate} are reached"),
    "inaccessible_service_cases": template("Services that do not meet the requirements of accessibility: {estimate}"),
    "no_traditional_channel_cases": template("Services without a channel that needs no device: {estimate}"),
    "missing_vulnerability_drivers": template("Drivers of vulnerability for which no group is declared: {estimate}"),
    "elderly_points_lost": template(
        "For age alone, the elderly who get least from the score get {less} than the younger customers who get most"
    ),
    "thin_file_flip_share": template(
        "Of the refused applications with a thin file, {estimate} are approved once the file is filled in"
    ),
    "assisted_share": template("Of all customers, {estimate} are served by a person"),
    "access_concentration_index": template(
        "Over the rank of income, the concentration index of access is {estimate}, where {level} of all have access"
    ),
    "access_share": template("Of all, {estimate} have access"),
    "amount_concentration_index": template("Over the rank of income, the concentration index of amounts is {estimate}"),
    "amount_theil_index": template("The Theil index of amounts is {estimate}"),
}
ACCESS_OF_PART = {
    "stage_ratio": template(
        "Of those who came to stage “{segment}”, the share of {group} customers who pass it is {estimate} times that "
        "of {reference} customers"
    ),
    "adjusted_stage_ratio": template(
        "Within the declared strata, of those who came to stage “{segment}”, the share of {group} customers who pass "
        "it is {estimate} times that of {reference} customers"
    ),
    "stage_loss_share": template("{segment}: of the {group} customers who came to it, {estimate} are lost"),
    "thin_file_approval_ratio": template(
        "Compared {segment}, the approval rate with a {group} file is {estimate} times that with a {reference} one"
    ),
    "verification_failure_ratio": template(
        "Of those who came to the identity check, the share of customers {group} who fail “{segment}” at least once "
        "is {estimate} times that of customers {reference}"
    ),
}
ACCESS_OF_AGE = {
    "stage_ratio": template(
        "Of those who came to stage “{segment}”, the share of customers {group} who pass it is {estimate} times that "
        "of customers {reference}"
    ),
    "adjusted_stage_ratio": template(
        "Within the declared strata, of those who came to stage “{segment}”, the share of customers {group} who pass "
        "it is {estimate} times that of customers {reference}"
    ),
    "cumulative_ratio": template(
        "The share of customers {group} who come through all stages is {estimate} times that of customers {reference}"
    ),
    "adjusted_cumulative_ratio": template(
        "Within the declared strata, the share of customers {group} who come through all stages is {estimate} times "
        "that of customers {reference}"
    ),
    "bounded_cumulative_ratio": template(
        "Whoever the persons without a known age are, the share of customers {group} who come through all stages lies "
        "between {low} and {high} times that of customers {reference}"
    ),
    "population_reach_share": template("Of the people {group} whom the service is meant for, {estimate} are reached"),
    "stage_loss_share": template("{segment}: of the customers {group} who came to it, {estimate} are lost"),
}
_SERVICES = template("{subject} ({interval}, {n:,} services). {because}")
_APPLICATIONS = template("{subject} ({interval}, {n:,} applications). {because}")
_WHOLE = {
    "inaccessible_service_cases": _SERVICES, "no_traditional_channel_cases": _SERVICES,
    "missing_vulnerability_drivers": template("{subject} ({interval}, {n:,} drivers). {because}"),
}  # fmt: skip
_OF_PERSONS = ("digital_divide.funnel", "digital_divide.elderly", "digital_divide.concentration_index")


def access_whole(question: str, measure: str) -> str:
    """The template of an explanation, with what the figure counts; empty where that is rows."""
    if question == "digital_divide.thin_file":
        return _APPLICATIONS
    persons = template("{subject} ({interval}, {n:,} persons). {because}")
    return _WHOLE.get(measure, persons if question in _OF_PERSONS and measure != "elderly_points_lost" else "")
