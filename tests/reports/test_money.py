"""The part on money: one figure told first for each harm, others beside it, in both languages, or nothing."""

from __future__ import annotations

from dataclasses import replace

from audits.record import Measurement
from checks.inputs.loan_excess import cap_label
from reports.html.page import render
from reports.view import report_model
from reports.words import ENGLISH, language
from tests.reports import sample_records as sample

CHINESE = language("zh-CN")


def _money(question, measure, value, **changes):
    basis = Measurement(
        question=question, measure=measure, attribute=None, group=None, reference=None, estimate=value, low=value,
        high=value, level=0.95, n=900, method="m", source="s", unit="GBP",
    )  # fmt: skip
    return replace(basis, **changes)


RENEWALS = _money(
    "loyalty_pricing.renewal_price", "renewal_overcharge_money", 7497.685, counts={"above": 282, "compared": 7542}
)
STAYED = _money(
    "loyalty_pricing.tenure_gradient", "estimated_overcharge_money", 203_003.8, low=109_387.2, high=296_620.4,
    standard_error=4.0, equality=0.0, n=8000, undecided="one route alone",
)  # fmt: skip
CAP = _money(
    "predatory_lending.cost_caps", "cap_excess_money", 12.5, attribute="cap",
    group=cap_label("highest_all_in_rate", 0.36), counts={"beyond_cap": 3, "with_figure": 50},
)  # fmt: skip


def _model(say, *measurements, **changes):
    run = sample.run(measurements=measurements, **changes)
    return report_model(run, sample.judgement([]), say), run


def test_each_harm_has_one_figure_first_with_interval_denominators_and_what_it_is_compared_with():
    (loyalty,) = _model(ENGLISH, RENEWALS, STAYED)[0].money
    first, (other,) = loyalty.headline, loyalty.others
    assert (first.figure, first.interval) == ("7,497.69 GBP", "every case counted")
    assert first.denominators == "282 of 7,542 renewals that can be compared"
    assert first.compared.startswith("Compared with the equivalent new-customer price")
    assert first.anchor
    assert (other.figure, other.interval) == ("203,003.80 GBP", "95% interval 109,387.20 to 296,620.40 GBP")
    assert "not to be added" in loyalty.beside
    assert loyalty.why.startswith("Told first: it is counted case by case, though no rule that was applied fixes")
    (chinese,) = _model(CHINESE, RENEWALS, STAYED)[0].money
    assert chinese.title == "老客户定价"
    assert chinese.headline.denominators == "可比较的 7,542 件续保中的 282 件"
    assert not any("price" in text for text in (chinese.headline.compared, chinese.why, chinese.beside))
    assert first.days == "1 January 1990 to 31 December 1990"
    assert chinese.headline.days == "1990年1月1日至1990年12月31日"


def test_what_a_sum_should_be_read_with_and_its_days_stand_under_it():
    doubtful = replace(RENEWALS, cautions=("nobody noted the channel",), unseen=("17 renewals cannot be compared",))
    wide = replace(STAYED, low=-5.0)
    run = sample.run(measurements=(doubtful, wide))
    (harm,) = report_model(run, sample.judgement([]), ENGLISH).money
    assert harm.headline.cautions == ("nobody noted the channel", "17 renewals cannot be compared")
    assert harm.others[0].cautions[0].startswith("The interval holds 0")
    page = render(run, sample.judgement([]))
    part = page[page.index('id="in-money"') :].split("</section>")[0]
    for words in ("obody noted the channel", "17 renewals cannot be compared", "The interval holds 0", "31 December"):
        assert words in part
    assert "Told first: it is counted case by case, though no rule" in part, "no rule was applied"
    certain = _model(ENGLISH, RENEWALS, STAYED)[0].money[0]
    assert certain.others[0].cautions == ("one route alone",)


def test_a_harm_that_was_asked_about_without_a_sum_says_why():
    reason = "26 of 400 rows name no currency in 'ccy'"
    lacking = replace(RENEWALS, estimate=None, low=None, high=None, unit=None, reason=reason)
    for say, words in ((ENGLISH, f"No sum: {reason}."), (CHINESE, "没有金额：")):
        (harm,) = _model(say, lacking)[0].money
        assert harm.headline is None
        assert harm.missing.startswith(words)
    (bare,) = _model(ENGLISH, replace(RENEWALS, unit=None))[0].money
    assert bare.missing == (
        "No sum: the amounts have no declared currency. What would give one: name 'currency' under 'price' in the "
        "contract."
    )
    run = sample.run(measurements=(lacking,))
    assert reason.replace("'", "&#39;") in render(run, sample.judgement([])).split('id="in-money"')[1]


def test_a_cap_is_told_in_words_and_links_to_its_section():
    under = sample.rule("us.cap", measure="highest_all_in_rate", limit=0.36, test="census")
    highest = replace(CAP, measure="highest_all_in_rate", attribute=None, group=None, estimate=0.5, low=0.5, high=0.5)
    run = sample.run(measurements=(CAP, highest))
    judged = sample.judgement([sample.finding(highest, under, "breach", harm="predatory_lending")])
    for say, words in ((ENGLISH, "36 % a year, all charges included"), (CHINESE, "年利率 36%，计入全部费用")):
        (harm,) = report_model(run, judged, say).money
        page = render(run, judged, say)
        assert words in harm.headline.who
        assert "us.cap" in harm.headline.rule
        assert f'<a href="#{harm.headline.anchor}">' in page
        assert f'id="{harm.headline.anchor}"' in page
        assert 'href="#in-money"' in page
        assert words in page


def test_without_a_question_of_money_or_with_unfit_data_the_part_is_not_there():
    for run in (
        sample.run(), sample.run(measurements=(RENEWALS,), checks=replace(sample.run().checks, fit=False)),
    ):  # fmt: skip
        assert report_model(run, sample.judgement([]), ENGLISH).money == ()
        assert 'id="in-money"' not in render(run, sample.judgement([]))


def test_many_figures_beside_are_cut_and_counted():
    own = [replace(CAP, group=cap_label("highest_all_in_rate", 0.2 + i / 100), estimate=float(i + 1)) for i in range(8)]
    findings = [
        sample.finding(
            replace(CAP, measure="highest_all_in_rate", attribute=None, group=None),
            sample.rule(f"r{i}", measure="highest_all_in_rate", limit=0.2 + i / 100, test="census"), "concern",
        )
        for i in range(8)
    ]  # fmt: skip
    run = sample.run(measurements=tuple(own))
    (harm,) = report_model(run, sample.judgement(findings), ENGLISH).money
    assert len(harm.others) == 4
    assert harm.more == "Further figures of money stand below: 3."
