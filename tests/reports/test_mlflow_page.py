"""The words and picture files of a tracked run: the page's own words, safe against labels, within MLflow's limits."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from reports.markdown import escaped, fitted
from reports.mlflow_page import (
    DESCRIPTION_LIMIT,
    VERSION_LIMIT,
    Place,
    beside,
    description,
    pictures,
    verdict_tags,
    version_words,
)
from reports.standalone import WIDTH, title_lines
from reports.view import report_model
from reports.words import LANGUAGES, language
from tests.reports import sample_prices as prices
from tests.reports import sample_records as sample

HERE = Place("7", "0123abc")
STATES = {
    "ordinary": lambda: (sample.run(), sample.judgement()), "unfit": sample.unfit, "awkward": sample.awkward,
    "nothing_judged": sample.nothing_judged, "hostile": sample.hostile, "loyalty": prices.loyalty,
}  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


def told(state: str) -> str:
    return description(*STATES[state](), HERE)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_description_says_of_each_harm_what_the_page_says_first(lang):
    records = STATES["ordinary"]()
    model, text = report_model(*records, language(lang)), told("ordinary")
    (harm,) = model.harms
    headline = harm.headline
    said = (
        model.title.text, harm.title, headline.title, headline.figure, headline.interval, headline.denominators,
        headline.sentence, headline.rules[0].citation, headline.rules[0].status, headline.rules[0].limit,
        headline.rules[0].limit_source, *(text for text, _ in model.remarks), model.not_asked,
    )  # fmt: skip
    assert [words for words in said if escaped(words) not in text] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_figure_that_decides_nothing_by_itself_says_why_in_the_description_too(lang):
    run, judgement = prices.loyalty()
    records = run, replace(judgement, findings=[one for one in judgement.findings if one.measurement.undecided])
    (headline,) = [harm.headline for harm in report_model(*records, language(lang)).harms if harm.headline]
    assert headline.undecided
    assert escaped(headline.undecided) in description(*records, HERE)


def test_a_description_lists_cautions_failed_checks_and_what_was_not_answered():
    for state in ("ordinary", "unfit", "awkward"):
        run, judgement = STATES[state]()
        model, text = report_model(run, judgement), told(state)
        assert [row.place for row in model.checks.having("fail") if f"**{escaped(row.place)}**" not in text] == []
        assert [one for one in model.unanswered[:3] if escaped(one.question) not in text] == []
        assert [one for harm in model.harms if harm.headline for one in harm.headline.cautions if one not in text] == []


@pytest.mark.parametrize("state", STATES)
def test_a_description_keeps_within_the_limit_and_is_the_same_for_the_same_records(state):
    assert len(told(state)) <= DESCRIPTION_LIMIT
    assert told(state) == told(state)


def test_a_description_that_is_too_long_loses_whole_lines_and_says_so():
    lines = [f"line {i}" for i in range(400)]
    text = fitted(language("en"), lines, 1000)
    *kept, empty, last = text.split("\n")
    assert len(text) <= 1000
    assert kept == lines[: len(kept)]
    assert (empty, last.startswith(f"Cut here for length: {400 - len(kept)} more lines")) == ("", True)


@pytest.mark.parametrize("state", STATES)
def test_no_label_becomes_markup(state):
    text = told(state)
    assert "<" not in text
    assert re.findall(r"(?<!\\)\]\(", text) == re.findall(
        r"(?<!\\)\]\((?=get-artifact|#/experiments/7/|#/models/)", text
    )
    assert [character for character in ("\u202e", "\u2067", "\x00") if character in text] == []


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("a\n# head", "a \\# head"), ("<b>&", "&lt;b&gt;&amp;"), ("*x* _y_ `z`", "\\*x\\* \\_y\\_ \\`z\\`"),
        ("http://a.b", "http&#58;//a.b"), ("www.a.b", "www\\.a.b"), ("a@b.c", "a&#64;b.c"), ("1. x", "1\\. x"),
        ("12.9 points: no", "12.9 points: no"), ("- x", "\\- x"), ("a|b", "a\\|b"), ("\\*", "\\\\\\*"),
    ],
)  # fmt: skip
def test_marks_of_a_label_are_escaped_and_plain_text_is_left_alone(label, shown):
    assert escaped(label) == shown


@pytest.mark.parametrize("state", STATES)
def test_every_picture_that_a_description_shows_is_a_file_of_the_run(state):
    shown = re.findall(r"!\[.*?[^\\]\]\(get-artifact\?path=(\S+)&run_uuid=0123abc\)", told(state))
    assert sorted(shown) == sorted(pictures(*STATES[state]()))


@pytest.mark.parametrize("state", STATES)
def test_a_picture_file_stands_alone(state):
    for name, text in pictures(*STATES[state]()).items():
        root = ElementTree.fromstring(text)  # noqa: S314 - our own file
        assert (root.tag, root.get("width")) == (f"{SVG}svg", str(WIDTH)), name
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert set(re.findall(r"var\((--[\w-]+)\)", text)) <= set(re.findall(r"(--[\w-]+):", text))
        assert [part for part in root.iter() if part.tag == f"{SVG}script"] == []


def test_a_picture_file_names_its_figure_and_its_run():
    words = " ".join(ElementTree.fromstring(pictures(*STATES["ordinary"]())["figures/fair_lending.svg"]).itertext())
    assert "Adjusted gap in approval rates" in words
    assert "Boston mortgages; boston · period all · version 2" in words


def test_a_long_title_is_broken_and_never_lost_without_a_mark():
    assert " ".join(title_lines("word " * 20)) == ("word " * 20).strip()
    for title in ("word " * 200, "x" * 400, "字" * 400):
        lines = list(title_lines(title))
        assert len(lines) <= 3
        assert lines[-1].endswith("…")


def test_each_harm_has_its_verdict_and_figure_as_tags():
    tags = verdict_tags(*STATES["awkward"]())
    assert tags["squaredeal.verdict.fair_lending"] == "breach"
    assert tags["squaredeal.verdict.loyalty_pricing"] == "concern"
    assert tags["squaredeal.figure.fair_lending"].startswith("12.9 percentage points; 95% interval 6.1")


def test_words_in_the_description_of_a_model_version_stand_once_beside_what_others_wrote():
    words = version_words(*STATES["ordinary"](), HERE)
    both = beside(beside("Ours.", "boston", words), "paris", words)
    again = beside(f"{both}\n\nMore.", "boston", "New words.")
    assert again.startswith("Ours.")
    assert again.endswith("More.")
    assert (again.count("squaredeal: boston"), again.count(words)) == (1, 1)
    assert beside(again, "paris", words) == again


def test_words_that_have_no_room_beside_what_others_wrote_are_left_out():
    full = "x" * (VERSION_LIMIT - 10)
    assert beside(full, "boston", "words") == full


def test_words_of_an_earlier_verdict_go_where_the_new_ones_have_no_room():
    full = beside(beside("Ours.", "boston", "Clear."), "paris", "Concern.")
    told = beside(full, "boston", "Breach. " * VERSION_LIMIT)
    assert told == beside("Ours.", "paris", "Concern.")
    assert beside(told, "boston", "Breach. " * VERSION_LIMIT) == told


def test_a_model_version_is_told_in_both_languages_and_where_the_run_is():
    run, judgement = STATES["ordinary"]()
    words = version_words(replace(run), judgement, HERE)
    assert "Concern" in words
    assert "需要关注" in words
    assert words.count("(#/experiments/7/runs/0123abc)") == len(LANGUAGES)
