"""The page: self-contained, escaped, the same bytes every time, and nothing of the records left unsaid."""

from __future__ import annotations

import datetime as dt
import html
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest
from markupsafe import escape

import reports
from audits.remedies.money import harm_costs
from reports.html.page import render
from reports.named import group_in
from reports.words import ENGLISH, Words
from tests.reports import sample_prices as prices
from tests.reports import sample_records as sample

STATES = {
    "ordinary": lambda: (sample.run(), sample.judgement()),
    "unfit": sample.unfit,
    "nothing judged": sample.nothing_judged,
    "awkward": sample.awkward,
    "hostile": sample.hostile,
    "loyalty": prices.loyalty,
}
VOID = {"meta", "link", "br"}


@pytest.fixture(params=STATES, scope="module")
def state(request):
    """A run, its judgement, and the page of both."""
    run, judgement = STATES[request.param]()
    return run, judgement, render(run, judgement)


def bare(text: str) -> str:
    """A text without the characters that turn its direction."""
    return text.translate(dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


class Outline(HTMLParser):
    """Tags in order, with a check that they nest; visible text; ids and links."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.ids, self.links, self.shown, self.skipped = [], [], [], [], [], 0
        self.feed(page)
        assert self.open == []
        self.text = bare(re.sub(r"\s+", " ", " ".join(self.shown)))

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.append((tag, named))
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named["href"]] if tag == "a" else []
        # a path or a line closes itself
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if not {"style", "svg"} & set(self.open):
            self.shown.append(data)


def test_it_holds_no_script_and_names_no_address(state):
    page = state[2]
    tags = [tag for tag, _ in Outline(page).tags]
    assert not {"script", "iframe", "img", "object", "form"} & set(tags)
    assert not re.search(r"https?://|//\w|@import|url\(", page)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in html.unescape(page)
    assert not [named for _, named in Outline(page).tags if any(key.startswith("on") for key in named)]


def test_texts_of_the_records_are_escaped(state):
    assert sample.HOSTILE not in state[2]
    assert state[2].count("<script") == 0


def test_hostile_and_chinese_texts_are_shown_as_they_are():
    text = Outline(render(*sample.awkward())).text
    for shown in (sample.HOSTILE, sample.LONG, sample.CHINESE, "《某法》第七条"):
        assert shown in text


def test_the_same_records_give_the_same_bytes(state):
    run, judgement, page = state
    assert render(run, judgement) == page


def test_every_id_stands_once_and_every_link_leads_somewhere(state):
    outline = Outline(state[2])
    assert len(outline.ids) == len(set(outline.ids))
    assert {link.removeprefix("#") for link in outline.links} <= set(outline.ids)


def test_headings_go_down_one_rank_at_a_time_and_landmarks_are_there(state):
    tags = [tag for tag, _ in Outline(state[2]).tags]
    ranks = [int(tag[1]) for tag in tags if re.fullmatch(r"h\d", tag)]
    assert ranks[0] == 1
    assert ranks.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(ranks))
    assert {"header", "main", "nav", "footer", "section"} <= set(tags)


def test_tables_have_captions_and_scopes(state):
    tags = Outline(state[2]).tags
    names = [tag for tag, _ in tags]
    assert names.count("table") == names.count("caption")
    assert all("scope" in named for tag, named in tags if tag == "th")


def test_every_caution_citation_and_status_is_shown(state):
    _, judgement, page = state
    text = Outline(page).text.lower()
    for finding in judgement.findings:
        for caution in finding.cautions:
            assert bare(caution.lower()) in text
        assert finding.rule.citation.lower() in text
        assert ENGLISH(f"status.{finding.rule.status}").lower() in text
        assert finding.finding_id in page
    for idle in judgement.rules_not_applied:
        assert idle.rule.citation.lower() in text
        assert bare(idle.reason.lower()) in text


def test_every_check_exclusion_error_and_open_question_is_shown(state):
    run, judgement, page = state
    text = Outline(page).text
    for result in run.checks.results:
        assert bare(result.place) in text
        assert bare(result.expected) in text
        assert bare(result.observed) in text
        assert result.success or not result.remedy or bare(result.remedy) in text
    for entry in run.exclusions:
        assert bare(entry.reason) in text
    for error in run.errors:
        assert bare(error.error) in text
    for entry in (*run.not_answered, *judgement.not_answered):
        assert bare(entry.reason) in text
        assert bare(entry.needed) in text


def test_every_measurement_is_shown_with_its_count_method_or_reason(state):
    run, _, page = state
    text = Outline(page).text
    for m in run.measurements:
        assert bare(group_in(ENGLISH, m)) in text
        assert f"{m.n:,}" in text
        assert bare(m.reason) in text if m.estimate is None else m.measure == "approval_rate" or m.method in text


def test_provenance_holds_every_digest(state):
    run, judgement, page = state
    digests = [judgement.run_digest, run.program.digest, run.data.fingerprint, run.supersedes]
    digests += [policy.digest for policy in judgement.policies] + [file.digest for file in run.evidence]
    for digest in digests:
        assert digest in page


def test_it_says_that_it_is_a_record_and_no_legal_finding(state):
    assert "This is an audit record, not a legal finding." in Outline(state[2]).text


def test_an_unfit_run_says_so_before_anything_is_found():
    text = Outline(render(*sample.unfit())).text
    assert text.index("The data failed their checks: nothing was judged") < text.index("What was found")
    first = text[: text.index("What was found")]
    for told in ("only the groups 0 and 1", "4 rows hold 9", "add the groups found under 'labels'", "1,989 rows"):
        assert told in first


def test_nothing_judged_is_never_called_no_harm():
    text = Outline(render(*sample.nothing_judged())).text
    assert "Nothing was judged" in text
    assert "This says nothing on whether there is harm" in text
    assert "no harm" not in text.lower().replace("says nothing on harm", "")
    assert "no date stated" in text


def test_a_text_in_another_language_is_marked():
    marked = [named["lang"] for tag, named in Outline(render(*sample.awkward())).tags if "lang" in named]
    assert marked[0] == "en"
    assert "zh" in marked


MONTHS = [f"{dt.date(2026, month, 1):%B}".lower() for month in range(1, 13)]


class Wordless(dict):
    """A language without words: what is still readable on its page comes from the records or is fixed in code."""

    def __init__(self):
        super().__init__({key: " ".join(_placeholders(text)) or " " for key, text in ENGLISH.entries.items()})
        self.asked = set()

    def __getitem__(self, key):
        self.asked.add(key)
        return super().__getitem__(key)

    def get(self, key, default=None):
        self.asked.add(key)
        return super().get(key, default)


def _placeholders(entry):
    text = entry if isinstance(entry, str) else entry[-1]
    return ["{" + name + "}" for _, name, _, _ in Formatter().parse(text) if name]


def test_every_word_of_the_page_comes_from_the_words_or_the_records(state):
    run, judgement, _ = state
    text = Outline(render(run, judgement, Words("en", Wordless()))).text
    known = re.sub(r"[_.]", " ", repr((run, judgement)).lower()) + "loyalty pricing predatory digital divide"
    known += " ".join(MONTHS) + " ".join(group_in(ENGLISH, m) for m in run.measurements)
    known += repr(harm_costs(run, judgement)).lower()  # sentences of the audits on these records, translated as theirs
    stray = {word for word in re.findall(r"[a-z]{3,}", text.lower()) if word not in known}
    assert stray == set()


def test_every_word_is_asked_for_by_some_page_or_by_the_code():
    silent = Wordless()
    for made in STATES.values():
        render(*made(), Words("en", silent))
    folder = Path(reports.__file__).parent
    code = "\n".join(file.read_text(encoding="utf-8") for file in folder.rglob("*.py"))
    kinds = set(re.findall(r'f"([a-z_.]+)\.\{', code)) | set(re.findall(r'named\("([a-z_]+)"', code)) | {"measure"}
    kinds |= {"site.changes"}
    begun = tuple(f"{kind}." for kind in kinds)
    unused = {
        key for key in ENGLISH.entries
        if key not in silent.asked and f'"{key}"' not in code and not key.startswith(begun)
    }  # fmt: skip
    assert unused == set()


def test_the_style_sheet_is_in_the_page_unescaped():
    page = render(sample.run(), sample.judgement())
    assert "main > .part" in page
    assert str(escape("main > .part")) not in page
