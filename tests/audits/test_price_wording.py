"""Sentences on prices: units, bands of tenure in words, and what a counted figure says of its certainty."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audits.policies.labels import attribute_words, group_words, tenure_sign, tenure_start
from audits.policies.wording import alone, explain
from audits.record import Measurement, Rule
from checks.inputs.pricing_columns import tenure_labels
from checks.sentence import Sentence, said

CASES = Rule(
    id="x.cases", title={"en": "Cases"}, citation="Art. 1", jurisdiction="XX", status="in_force", limit_source="law",
    measure="renewal_above_enbp_cases", test="census", comparison="at_most", limit=0, severity="high", verified=True,
)  # fmt: skip
SLOPE = replace(CASES, measure="tenure_price_slope", test="interval", limit=0.005)


def measured(measure, estimate, low=None, high=None, **changes):
    basis = Measurement(
        question="loyalty_pricing.tenure_gradient", measure=measure, attribute=None, group=None, reference=None,
        estimate=estimate, low=low, high=high, level=0.95, n=20_000, method="m", source="s", standard_error=0.001,
    )  # fmt: skip
    return replace(basis, **changes)


def counted(measure, value, **changes):
    return measured(measure, value, value, value, standard_error=None, **changes)


BAND = {"attribute": "tenure", "group": "5+", "reference": "under 1"}


@pytest.mark.parametrize(("m", "text"), [
    (counted("renewal_above_enbp_cases", 1234.0),
     "Renewals priced above their equivalent new business price: 1,234 (every case counted, 20,000 quotes)"),
    (counted("renewal_above_enbp_share", 0.0213, attribute="channel", group="broker"),
     "where channel is broker, 2.1 % are priced above"),
    (counted("renewal_overcharge_money", 1234567.891, unit="GBP"), "cost 1,234,567.89 GBP more in all"),
    (counted("renewal_overcharge_money", 12.0), "cost 12.00 more in all"),
    (measured("tenure_price_slope", 0.0123, 0.01, 0.0146),
     "the change of price with tenure is 1.23 % a year (95 % interval 1.00 to 1.46, 20,000 quotes)"),
    (measured("retention_price_slope", 0.0123, 0.01, 0.0146), "by 1.23 % per standard deviation of the score"),
    (measured("tenure_price_ratio", 1.1234, 1.1, 1.15, **BAND),
     "customers who have stayed 5 years or more pay 1.123 times as much as those who have stayed under 1 year"),
    (measured("tenure_overcharge_money", -12.5, -20.0, -1.0, unit="EUR", **BAND), "costs on average 12.50 EUR less"),
    (measured("group_premium_ratio", 1.1, 1.0, 1.2, attribute="tenure", group="5+", reference="under 1"),
     "5+ customers pay 1.100 times as much as under 1 customers"),
])  # fmt: skip
def test_a_sentence_says_of_whom_how_much_and_how_sure(m, text):
    assert text in explain(m, SLOPE, "inconclusive")


def test_a_count_is_held_against_the_limit_without_an_interval():
    told = explain(counted("renewal_above_enbp_cases", 3.0), CASES, "breach")
    assert told.endswith("The limit is at most 0: the counted figure lies beyond it.")


def test_a_figure_that_decides_nothing_says_why():
    told = alone(measured("tenure_price_slope", 0.01, 0.005, 0.02), said("the cost may be wrong"))
    assert told.endswith("This decides nothing by itself: the cost may be wrong.")


@pytest.mark.parametrize(("edges", "words", "signs"), [
    ((1.0, 2.0, 5.0), ["under 1 year", "1 year", "2 to 4 years", "5 years or more"], ["<1", "1", "2–4", "5+"]),
    ((1.0,), ["under 1 year", "1 year or more"], ["<1", "1+"]),
    ((2.0, 3.0), ["under 2 years", "2 years", "3 years or more"], ["<2", "2", "3+"]),
    ((0.5, 1.5), ["under 0.5 years", "0.5 to under 1.5 years", "1.5 years or more"], ["<0.5", "0.5–<1.5", "1.5+"]),
])  # fmt: skip
def test_every_band_of_tenure_has_words_a_sign_and_a_place(edges, words, signs):
    labels = tenure_labels(edges)
    m = measured("tenure_price_ratio", 1.0, **BAND)
    assert [group_words(m, label) for label in labels] == words
    assert [tenure_sign(label) for label in labels] == signs
    starts = [tenure_start(label) for label in labels]
    assert starts == sorted(starts)
    assert starts == [-1.0, *edges]


def test_labels_of_the_data_are_never_taken_for_ours():
    declared = measured("group_premium_ratio", 1.0, attribute="channel", group="missing", reference="5+")
    assert not isinstance(attribute_words(declared), Sentence)
    assert not any(isinstance(group_words(declared, label), Sentence) for label in ("missing", "5+", "open"))
    other = replace(declared, measure="renewal_above_enbp_share", attribute="Kanal")
    assert not isinstance(attribute_words(other), Sentence)
    own = replace(other, attribute="channel")
    assert group_words(own, "5+") == "5+"
    assert not isinstance(group_words(own, "5+"), Sentence)
    assert tenure_start("five or so") is None
    assert tenure_sign("five or so") == "five or so"
