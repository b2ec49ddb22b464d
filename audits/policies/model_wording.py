"""What the figures about the model itself say: the subjects of ``wording.py`` for its output, flips, proxies, reasons.

``MODEL`` speaks of a group, ``MODEL_OF_ALL`` of everyone, ``MODEL_OF_PART`` of a feature or flip by its name.
"""

from __future__ import annotations

from checks.sentence import template

MODEL = {
    "model_output_gap": template("On average, the model treats {group} {worse} than {reference}"),
    "adjusted_model_output_gap": template(
        "Within the declared strata, the model treats {group} on average {worse} than {reference}"
    ),
    "feature_output_gap": template("A feature makes the model treat {group} {worse} than {reference}"),
    "adjusted_feature_output_gap": template(
        "Within the declared strata, a feature makes the model treat {group} {worse} than {reference}"
    ),
    "flip_output_change": template(
        "With one thing about them as it is, the model treats {group} {worse} than with it changed"
    ),
    "flip_harmed_share": template(
        "To a share of {estimate} of {group} the model gives a worse figure than with one thing about them changed"
    ),
    "proxy_auc": template(
        "A feature tells {group} from {reference} with an area under the curve of {estimate}, where 0.5 is chance"
    ),
    "proxy_carried_gap": template(
        "Beyond what cost or outcomes explain, a feature makes the model treat {group} {worse} than {reference}"
    ),
    "reason_match_share": template(
        "Of the reasons given to {group} for refusals, a share of {estimate} is among the model's drivers"
    ),
    "reason_match_gap": template(
        "The share of reasons that are among the model's drivers lies, for {group}, {where} that for {reference}"
    ),
    "modelled_renewal_above_enbp_share": template(
        "Of the renewals of {group}, a share of {estimate} has a higher price in the model than the same person as a "
        "new customer"
    ),
}
MODEL_OF_ALL = {
    "unreproduced_share": template("For a share of {estimate} of the rows the model does not give the recorded figure"),
    "flip_output_change": template(
        "With one thing about them as it is, the model treats people {worse} than with it changed"
    ),
    "flip_harmed_share": template(
        "To a share of {estimate} of the people meant the model gives a worse figure than with one thing changed"
    ),
    "protected_flip_cases": template("Decisions that turn on the protected attribute alone: {estimate}"),
    "reason_match_share": template(
        "Of the reasons given for refusals, a share of {estimate} is among the model's drivers"
    ),
    "most_reasons_given": template("Most reasons in one notice of refusal: {estimate}"),
    "generic_reason_cases": template("Refusals for a generic reason: {estimate}"),
    "unfounded_reason_cases": template("Refusals for a reason that did not drive the model: {estimate}"),
    "unreviewed_decision_cases": template("Automated decisions without the human review asked for: {estimate}"),
    "modelled_renewal_above_enbp_share": template(
        "Of the renewals, a share of {estimate} has a higher price in the model than the same person as a new customer"
    ),
    "modelled_renewal_overcharge": template(
        "By the model's own prices, a renewal is on average {estimate} above what the same person would pay as a new "
        "customer, those below counting as 0"
    ),
    "trait_flip_price_ratio": template(
        "The model's price is on average {estimate} times what it would be with the usual value of one trait"
    ),
}
MODEL_OF_PART = {
    "feature_output_gap": template("'{segment}' makes the model treat {group} {worse} than {reference}"),
    "adjusted_feature_output_gap": template(
        "Within the declared strata, '{segment}' makes the model treat {group} {worse} than {reference}"
    ),
    "flip_output_change": template(
        "With '{segment}' as it is, the model treats the people meant {worse} than with it changed"
    ),
    "flip_harmed_share": template(
        "With '{segment}' as it is, a share of {estimate} of the people meant gets a worse figure than with it changed"
    ),
    "proxy_auc": template(
        "'{segment}' tells {group} from {reference} with an area under the curve of {estimate}, where 0.5 is chance"
    ),
    "proxy_carried_gap": template(
        "Beyond what cost or outcomes explain, '{segment}' makes the model treat {group} {worse} than {reference}"
    ),
    "trait_flip_price_ratio": template(
        "With '{segment}' as it is, the model's price is on average {estimate} times that with its usual value"
    ),
    "protected_flip_cases": template("Decisions that turn on '{segment}' alone: {estimate}"),
}


def model_whole(question: str) -> str | None:
    """The whole sentence of a figure about the model; None for other questions."""
    if not question.startswith("explanation."):
        return None
    return template("{subject} ({interval}, {n:,} rows drawn or counted). {because}")
