"""No English sentence escapes into a Chinese page: every text of the records and of the page is said in Chinese."""

from __future__ import annotations

import re

import pytest
from markupsafe import escape

from audits.simulation.catalogue import WORLDS
from audits.simulation.write import Simulation, write_simulation
from checks.sentence import Sentence
from reports.html.page import render
from reports.words import language
from tests import odd_loans, odd_quotes
from tests.audits.test_judgement_sentences import figures_of
from tests.programs import BOSTON, loans, run_program, write_program
from tests.reports.test_page import Outline

CHINESE = language("zh-CN")
# names that stay in their own letters: of people who gave a method theirs, of laws, units and files
ENGLISH_WORDS = re.compile(r"\b[a-z]{2,}(?: [a-z]{2,}){2,}\b")  # three words of small letters in a row make a phrase

OF_THE_PROGRAM = (
    r"(?s)<(code|cite|style|title|h1)[ >].*?</\1>", r'(?s)<p class="question".*?</p>',
    r'(?s)<section id="provenance".*?</section>',
)  # fmt: skip


def texts_of(run, judgement):
    """Every text of both records that is for people."""
    for m in run.measurements:
        yield from (text for text in (m.method, m.source, m.reason, m.undecided, *m.cautions, *m.unseen) if text)
    for one in (*run.not_answered, *judgement.not_answered):
        yield from (one.reason, one.needed)
    yield from (one.reason for one in run.exclusions)
    for finding in judgement.findings:
        yield from (finding.explanation, *finding.cautions)
    yield from (idle.reason for idle in judgement.rules_not_applied)
    for check in run.checks.results:
        yield from (text for text in (check.expected, check.observed, check.remedy) if text)


def unsaid(text, seen=()):
    """Sentences within a text that have no Chinese, however deep; a text that is no sentence is one of them."""
    if not isinstance(text, Sentence):
        return [text]
    own = [] if CHINESE.knows(text) else [text]
    return own + [lost for v in text.values.values() if isinstance(v, Sentence) for lost in unsaid(v)]


def broken_loans(folder):
    """Loans whose data fail: repeated units, a third decision, a group nobody knows."""
    frame = loans()
    frame.loc[frame.index[:9], "granted"] = 7
    frame.loc[frame.index[9], "case"] = frame["case"].iloc[0]
    return write_program(folder, frame)


def sparse_loans(folder):
    """Few rows, repeating entities, constant and missing controls: many figures have a reason in their place."""
    frame = loans().head(60)
    frame["who"] = [f"p{i % 5}" for i in range(len(frame))]
    frame["same"] = 1.0
    frame.loc[frame.index[:9], "burden"] = None
    contract = {
        "unit": "case", "entity": "who", "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}}, "controls": ["burden", "same"],
    }  # fmt: skip
    return write_program(folder, frame, contract=contract)


def simulated(world):
    """A program on a simulated world, with other names for its columns."""

    def made(folder):
        return write_simulation(Simulation(world(), 3000, 0.1, 5, {}), folder / "world", force=True).program

    return made


CASES = {
    "boston": lambda folder: BOSTON, "broken": broken_loans, "sparse": sparse_loans,
    **{world.name: simulated(world) for world in WORLDS}, **odd_quotes.BOOKS, **odd_loans.BOOKS,
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_text_of_the_records_is_said_in_chinese(case, tmp_path):
    records = run_program(CASES[case](tmp_path), tmp_path / "out")
    assert [lost for text in texts_of(*records) for lost in unsaid(text)] == []
    assert [text for text in texts_of(*records) if figures_of(CHINESE.sentence(text)) != figures_of(text)] == []
    page = render(*records, CHINESE)
    for own in OF_THE_PROGRAM:  # its words are its owner's
        page = re.sub(own, "", page)
    for imputed in records[0].program.content["contract"].get("imputed_groups") or ():
        page = page.replace(str(escape(imputed["calibration"])), "")
    page = Outline(page).text
    assert ENGLISH_WORDS.findall(page) == []


def test_a_phrase_of_english_on_a_page_would_be_found():
    assert ENGLISH_WORDS.findall("方法：linear probability model 含 14 个控制变量") == ["linear probability model"]
    assert unsaid("plain text") == ["plain text"]
