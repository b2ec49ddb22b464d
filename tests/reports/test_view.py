"""The report model: what is said first, what is never said, and that every figure is said rightly."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest

from audits.record import VERDICTS, NotAnswered, RunError
from reports.figures import exact, figure, number, p_value, percent
from reports.html.page import render
from reports.view import report_model
from reports.words import ENGLISH, Words
from tests.reports import sample_prices as prices
from tests.reports import sample_records as sample


def figures_of(model):
    return [figure for block in model.blocks for figure in block.figures]


def test_the_worst_verdict_is_said_first_and_the_unjudged_last():
    model = report_model(*sample.awkward())
    for block in model.blocks:
        ranks = [VERDICTS.index(figure.verdict) for figure in block.figures]
        assert ranks == sorted(ranks)
    assert model.blocks[0].figures[0].verdict == "breach"
    assert [harm.verdict for harm in model.harms] == ["breach", "concern", None, None]


def test_law_in_force_is_said_before_a_convention_and_before_a_law_that_has_ended():
    headline = report_model(sample.run(), sample.judgement()).harms[0].headline
    assert [rule.citation for rule in headline.rules] == ["Citation of us.fha, § 7", "Citation of us.ecoa, § 7"]
    assert headline.figure == "12.9 percentage points"
    assert headline.interval == "95% interval 7.8 to 18.0 percentage points"
    assert headline.denominators == "1,971 applications: 303 non-white, 1,668 white"


def test_a_measurement_under_several_rules_is_shown_once_with_all_of_them():
    figures = figures_of(report_model(sample.run(), sample.judgement()))
    assert [(f.title, len(f.rules)) for f in figures] == [
        ("Adjusted gap in approval rates", 2), ("Adverse impact ratio", 1),
    ]  # fmt: skip


def test_cautions_shared_by_all_rules_stand_once_and_the_others_under_their_rule():
    figure = figures_of(report_model(sample.run(), sample.judgement()))[0]
    assert figure.cautions == (sample.UNIT_CAUTION,)
    assert [rule.cautions for rule in figure.rules] == [("a caution of us.fha",), ("a caution of us.ecoa",)]


def test_borrowed_rules_and_limits_of_ours_are_marked():
    ratio = figures_of(report_model(sample.run(), sample.judgement()))[1].rules[0]
    assert (ratio.status, ratio.is_law, ratio.limit_is_ours) == ("Convention, not law", False, True)
    assert "Borrowed from employment guidelines" in ratio.remarks
    assert ratio.limit == "at least 0.80"


def test_a_group_above_the_reference_is_not_said_to_lie_below_it():
    told = next(f for f in figures_of(report_model(*sample.awkward())) if "Pacific" in f.who)
    assert "lies 3.1 percentage points above that of white applicants" in told.sentence
    assert "Not finding a difference beyond the limit is not a finding that there is none." in told.does_not_show


def test_unbounded_intervals_say_so_and_the_picture_keeps_the_open_end():
    far = next(f for f in figures_of(report_model(*sample.awkward())) if f.verdict == "breach")
    assert far.interval == "95% interval 6.1 percentage points or more"
    assert far.picture.high is None


def test_a_missing_estimate_shows_its_reason_and_counts_as_not_answered():
    model = report_model(*sample.awkward())
    lost = next(f for f in figures_of(model) if f.verdict == "not_identified")
    assert (lost.figure, lost.missing, lost.picture) == ("No figure", "No figure: nobody is left.", None)
    assert ("Adjusted gap in approval rates (age: 60+ compared with 25-39)", "nobody is left") in [
        (entry.question, entry.reason) for entry in model.unanswered
    ]  # fmt: skip


def test_a_failed_question_is_no_result_and_is_named_first_among_the_unanswered():
    model = report_model(sample.run(errors=(RunError("fair_lending.approval", "KeyError: 1"),)), sample.judgement())
    assert model.unanswered[0].question == "Fair lending, approval"
    assert "no result" in model.unanswered[0].reason
    assert [fact.value for fact in model.errors] == ["KeyError: 1"]


def test_an_unanswered_question_of_both_records_is_listed_once():
    entry = (NotAnswered("fair_lending.approval: adjusted_approval_gap", "no controls", "list them"),)
    model = report_model(sample.run(not_answered=entry), sample.judgement(not_answered=entry))
    assert [u.question for u in model.unanswered] == ["Fair lending, approval: adjusted gap in approval rates"]


@pytest.mark.parametrize(
    ("changes", "judged", "reason"),
    [
        ({}, {"policies": (), "rules_not_applied": ()}, "names no policies"),
        ({}, {}, "hold 1 rule; it did not apply"),
        ({}, {"rules_not_applied": ()}, "hold no rule for what was measured"),
        ({"measurements": ()}, {}, "holds no measurement"),
        ({"errors": (RunError("a.b", "c"),)}, {}, "1 of its questions failed"),
    ],
)
def test_without_findings_it_says_why_and_names_no_verdict(changes, judged, reason):
    model = report_model(sample.run(**changes), sample.judgement([], **judged))
    assert model.harms == ()
    assert any(reason in told for told in model.nothing_judged)


def test_unfit_runs_carry_no_figure():
    model = report_model(*sample.unfit())
    assert model.checks.fit is False
    assert [row.place for row in model.checks.having("fail")] == ["contract.groups.race.labels", "checks[0]"]
    assert {figure.figure for figure in figures_of(model)} == {"No figure"}
    assert model.harms[0].verdict == "unfit"


def test_failed_checks_come_before_warnings_before_the_passed():
    outcomes = [row.outcome for row in report_model(*sample.unfit()).checks.rows]
    assert outcomes == ["fail", "fail", "warn", *["pass"] * 39]


def test_what_was_not_asked_is_named():
    assert report_model(sample.run(), sample.judgement()).not_asked == (
        "Not asked of these data: loyalty pricing, predatory lending, digital divide."
    )


def test_who_was_compared_with_whom_is_told_for_every_attribute():
    compared = report_model(*sample.awkward()).asked[0].value
    assert compared.startswith("60+ with 25-39 (age); ")
    assert compared.endswith("with white (race)")


def test_the_order_of_the_records_does_not_change_the_order_of_the_page():
    run, judgement = sample.awkward()
    turned = replace(judgement, findings=judgement.findings[::-1])
    assert report_model(run, turned) == report_model(run, judgement)


def test_the_model_and_the_records_stay_as_they_are():
    run, judgement = sample.awkward()
    before = repr((run, judgement))
    model = report_model(run, judgement)
    assert repr((run, judgement)) == before
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.identity = "changed"  # type: ignore[misc]


def test_another_language_takes_its_titles_from_the_records():
    chinese = Words("zh", ENGLISH.entries)
    assert report_model(sample.run(), sample.judgement(), chinese).title.text == "波士顿"


def test_a_title_that_is_not_in_the_page_language_is_marked_with_its_own():
    assert report_model(*sample.awkward()).title.lang == "zh"


@pytest.mark.parametrize(
    ("value", "unit", "beside", "text"),
    [
        (0.12882, "points", (), "12.9"), (-0.031, "points", (), "−3.1"), (-0.0001, "points", (), "0.0"),
        (0.79996, "ratio", (0.8,), "0.79996"), (0.8, "ratio", (0.8,), "0.800"), (0.0504, "points", (0.05,), "5.04"),
        (0.00512, "percent a year", (0.005,), "0.51"), (0.00501, "percent a year", (0.005,), "0.501"),
        (1234567.891, "money", (), "1,234,567.89"), (0.004, "money", (0.0,), "0.004"), (-12.0, "cases", (), "−12"),
        (12345.0, "cases", (), "12,345"), (0.0123, "percent a deviation", (), "1.23"),
        (1234.5, "number", (), "1,234"), (12.5, "number", (), "12.50"), (0.9084, "percent", (), "90.8"),
    ],
)  # fmt: skip
def test_rounding_never_hides_on_which_side_of_a_limit_a_figure_lies(value, unit, beside, text):
    assert number(value, unit, beside) == text


def test_figures_carry_their_unit():
    assert figure(ENGLISH, 0.01, "points") == "1.0 percentage point"
    assert exact(ENGLISH, 0.05, "points") == "5 percentage points"
    assert [exact(ENGLISH, *stated) for stated in ((0.8, "ratio"), (1.0, "ratio"), (0.36, "percent"))] == [
        "0.80", "1", "36%",
    ]  # fmt: skip
    assert figure(ENGLISH, 0.0123, "percent a year") == "1.23% a year"
    assert figure(ENGLISH, -0.0123, "percent a deviation") == "−1.23% per standard deviation of the score"
    assert [figure(ENGLISH, n, "cases") for n in (0.0, 1.0, 12345.0)] == ["0 cases", "1 case", "12,345 cases"]
    assert exact(ENGLISH, 0.005, "percent a year") == "0.5% a year"
    assert (percent(0.95), percent(0.999), p_value(ENGLISH, 6e-23), p_value(ENGLISH, 0.0432)) == (
        "95%", "99.9%", "below 0.001", "0.043",
    )  # fmt: skip


def test_money_has_its_currency_where_the_program_states_one_and_the_page_says_where_it_does_not():
    amount = sample.gap(measure="tenure_overcharge_money", question="loyalty_pricing.tenure_gradient", attribute=None,
                        group=None, reference=None, estimate=1234.5, low=-1.0, high=2000.0, unit="GBP")  # fmt: skip
    (told,) = figures_of(report_model(sample.run(measurements=(amount,)), sample.judgement([])))
    assert (told.figure, told.interval) == ("1,234.50 GBP", "95% interval −1.00 to 2,000.00 GBP")
    assert told.picture.axis == "GBP"
    (bare,) = figures_of(report_model(sample.run(measurements=(replace(amount, unit=None),)), sample.judgement([])))
    assert bare.figure == "1,234.50"
    assert [fact.note for fact in bare.facts if fact.value == "1,234.50"] == ["the program states no currency"]


@pytest.mark.parametrize("changes", [{}, {"standard_error": 0.0}, {"p_value": 1.0}, {"low": 2.0}, {"low": None}])
def test_only_a_figure_without_any_sampling_error_is_said_to_be_counted(changes):
    values = {"measure": "renewal_above_enbp_cases", "question": "loyalty_pricing.renewal_price", "estimate": 3.0,
              "low": 3.0, "high": 3.0, "standard_error": None, "p_value": None, "equality": None}  # fmt: skip
    m = sample.gap(None, attribute=None, reference=None, **(values | changes))
    judged = sample.judgement([sample.finding(m, sample.rule(measure=m.measure, test="census"))])
    (told,) = figures_of(report_model(sample.run(measurements=(m,)), judged))
    assert (told.interval == "every case counted") == (not changes)
    assert ("every case counted" in told.picture.description) == (not changes)
    assert told.figure == "3 cases"
    (bare,) = figures_of(report_model(sample.run(measurements=(m,)), sample.judgement([])))
    assert (bare.picture is None) == (not changes)


def test_a_label_at_the_start_of_a_sentence_stays_as_the_data_write_it(tmp_path):
    from tests.programs import loans, run_program, write_program

    run, judgement = run_program(write_program(tmp_path, loans()), tmp_path / "out")
    told = [figure.sentence for figure in figures_of(report_model(run, judgement)) if "south" in figure.who]
    assert all("south" in sentence and not sentence.startswith("South") for sentence in told)
    assert told


def test_a_figure_that_decides_nothing_by_itself_says_so_first_and_what_would_decide():
    run, judgement = prices.loyalty()
    own = [one for one in judgement.findings if one.measurement.undecided]
    alone = replace(judgement, findings=own)
    page = render(run, alone)
    assert "the figure decides nothing by itself" in page
    assert page.index("It decides nothing by itself: one route alone: both costs would tell.") < page.index('id="full"')
    (headline,) = [harm.headline for harm in report_model(run, alone).harms if harm.headline]
    assert headline.sentence == "By one route alone, price grows with tenure by 2.11% a year beyond cost."
    assert headline.would_change == (
        "The other route: with the expected and the realised cost of the quotes both declared, the two can be held "
        "against each other and the figure can decide.",
    )
    assert page.count("Why it decides nothing by itself") == 2


def test_figures_that_a_picture_shows_are_folded_unless_a_rule_judges_them():
    model = report_model(*prices.loyalty())
    (block,) = [block for block in model.blocks if block.folded]
    assert block.title == "The price of staying by tenure"
    assert [len(block.folded), len(block.figures), len(block.pictures)] == [6, 0, 2]
    judged = prices.bands(("1", "2-4"))
    figures = [one.measurement for one in judged]
    found = [finding for one in judged for finding in one.findings][:1]
    (block,) = report_model(sample.run(measurements=tuple(figures)), sample.judgement(found)).blocks
    assert [len(block.folded), len(block.figures)] == [1, 1]


@pytest.mark.parametrize(("part", "told"), [
    ("weight", "weight"), ("terms.reason_code", "reason codes"), ("prior_year_average_premium", "average premium of"),
    ("tenure_market_slope", "growth of price over the market"), ("Broker & Home_Plus", "Broker & Home_Plus"),
])  # fmt: skip
def test_the_part_of_a_question_is_named_in_words_and_a_label_of_the_data_as_it_is(part, told):
    open_one = NotAnswered(f"loyalty_pricing.tenure_gradient: {part}", "because", "do")
    model = report_model(sample.run(not_answered=(open_one,)), sample.judgement([]))
    assert model.unanswered[0].question.startswith(f"Loyalty pricing, the price of staying: {told}")


def test_a_role_that_nobody_reads_is_no_harm_without_a_verdict(tmp_path):
    from tests.programs import loans, run_program, write_program

    contract = {
        "unit": "case", "decision": {"column": "granted", "favourable": 1}, "tenure": "burden",
        "groups": {"region": {"column": "region", "reference": "north"}},
    }  # fmt: skip
    model = report_model(*run_program(write_program(tmp_path, loans(), contract=contract), tmp_path / "out"))
    assert [harm.title for harm in model.harms] == ["Fair lending"]
    assert any("tenure" in entry.reason for entry in model.unanswered)


def test_the_lines_for_a_terminal_say_of_counts_that_every_case_was_counted():
    from reports.outcome import summary

    lines = list(summary(*prices.loyalty()))
    assert "  renewal_above_enbp_cases, all rows: 743 (every case counted; above 743, compared 18,883)" in lines
    assert "  renewal_overcharge_money, all rows: 22,405.19 GBP (every case counted)" in lines
    assert "  loss_ratio_slope, all rows: none, no figure" in lines
    assert any("tenure_price_slope, all rows: 0.0123 (95 % interval 0.0102 to 0.0144, " in line for line in lines)
