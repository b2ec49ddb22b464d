"""Loans on the page: cases beyond a limit and the command that fetches them, shares by quarter, numbers by name."""

from __future__ import annotations

from reports.charts import draw, estimate_with_limit
from reports.comparisons import measured_figure, pair_up
from reports.figure_facts import figure_facts
from reports.picture_data import pictures_of
from reports.pictures import DotsPicture
from reports.words import ENGLISH, language
from tests.reports.sample_loans import cap, judged, stretched

CHINESE = language("zh-CN")


def of(say, m, *limits):
    """The section of a figure under limits, each met where cases lie beyond it."""
    beyond = dict(m.beyond)
    findings = [judged(m, limit, "concern" if beyond.get(limit) else "clear") for limit in limits]
    (one,) = pair_up([m], findings, {})
    return measured_figure(say, one, "a")


def test_a_counted_finding_tells_how_to_fetch_its_rows_and_one_without_cases_does_not():
    figure = of(ENGLISH, cap(0.3601, (0.36, 7), (0.5, 0)), 0.36, 0.5)
    met, clear = figure.rules
    (fetch,) = met.fetch
    assert fetch.value == f"squaredeal rows {met.finding_id} RUN"
    assert fetch.note == "rows beyond the limit: 7; RUN stands for the folder of this run"
    assert clear.fetch == ()
    (chinese, _) = of(CHINESE, cap(0.3601, (0.36, 7), (0.5, 0)), 0.36, 0.5).rules
    assert chinese.fetch[0].value == fetch.value
    assert "超出限值的行：7" in chinese.fetch[0].note


def test_the_picture_of_a_cap_has_how_many_lie_beyond_each_limit():
    picture = of(ENGLISH, cap(0.3601, (0.24, 1234), (0.36, 7)), 0.24, 0.36).picture
    assert sorted(line.label for line in picture.limits) == [
        "limit: at most 24% (1,234 beyond)", "limit: at most 36% (7 beyond)",
    ]  # fmt: skip
    assert "7 beyond" in estimate_with_limit(picture, "a")
    assert picture.label == "36.01%"


def test_the_figure_just_above_a_cap_is_told_apart_from_it_in_words_and_picture():
    figure = of(ENGLISH, cap(0.360000001, (0.36, 1)), 0.36)
    assert figure.figure == "36.0000001% a year"
    assert "36.0000001%" in figure.picture.label
    assert "36.0000001% a year" in figure.sentence


def names(m):
    return {fact.label: (fact.value, fact.note) for fact in figure_facts(ENGLISH, m, ())}


def test_cases_beyond_each_limit_stand_once_and_the_bound_of_none_only_where_there_is_none():
    some, none = names(cap(0.3601, (0.36, 7))), names(cap(0.3, (0.36, 0)))
    assert some["Beyond 36% a year"] == ("7 of 18,883", "0.03707%")
    assert none["Beyond 36% a year"][0] == "0 of 18,883"
    bound = "Share that may lie beyond although none was found (95%)"
    assert bound not in some
    assert none[bound][0] == "0.02%"
    assert "Beyond the strictest limit" not in some


def test_shares_of_loans_are_percent_and_thresholds_too():
    found = names(stretched())
    assert found["Threshold of income"][0] == "40.00%"
    assert found["Share of loans above 50% of income"][0] == "12.50%"


def test_effects_of_pushes_are_money_and_what_describes_them_is_not():
    m = cap(12.5, measure="push_effect", unit="CNY", details={
        "offered_pushed_share": 0.5, "strength_to_overturn": 0.031, "mean_held_out": 100.0, "balance_p_value": 0.25,
    })  # fmt: skip
    found = names(m)
    assert found["Share pushed among those open to pushes"][0] == "50.00%"
    assert found["Mean borrowed, held out"][0] == "100.00 CNY"
    assert found["p-value of balance"][0] == "0.25"
    assert [value for label, (value, _) in found.items() if label.startswith("Strength")] == ["0.031"]


def test_a_share_is_drawn_by_quarter_the_earliest_first():
    (one,) = pair_up([stretched()], [], {})
    (picture,) = [p for p in pictures_of(ENGLISH, [one], [one]) if isinstance(p, DotsPicture)]
    assert [(row.label, row.text) for row in picture.rows] == [
        ("2025 Q3", "20.0%"), ("2025 Q4", "24.0%"), ("2026 Q1", "31.0%"),
    ]  # fmt: skip
    assert "2026 Q1: 31.0%, interval 27.0% to 35.0%, 600 loans." in picture.description
    assert "2025 Q3" in draw(picture, "a")
    (chinese,) = pictures_of(CHINESE, [one], [one])
    assert chinese.rows[0].label == "2025 年第 3 季度"


def test_one_quarter_alone_is_no_picture():
    m = stretched()
    (one,) = pair_up([type(m)(**{**{f: getattr(m, f) for f in m.__slots__}, "points": m.points[:1]})], [], {})
    assert pictures_of(ENGLISH, [one], [one]) == ()


def test_pushes_are_counted_by_occasions_and_loans_by_loans():
    assert "18,883 occasions" in of(ENGLISH, cap(12.5, measure="push_effect", unit="CNY")).denominators
    assert "18,883 loans" in of(ENGLISH, cap()).denominators
