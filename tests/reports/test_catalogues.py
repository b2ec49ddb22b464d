"""The Chinese catalogues: complete, with the same placeholders, nothing left in English, up to date with the code."""

from __future__ import annotations

import re
import shutil
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import reports
from audits.catalogue import questions
from reports.words import ENGLISH, language

LOCALE = Path(reports.__file__).parent / "locale"
SCRIPT = LOCALE.parent.parent / ".ci" / "collect-messages"
DOMAINS = ("checks", "audits", "policies", "packs", "page")

# names, abbreviations and units that Chinese texts keep; identifiers (see IDENTIFIER) need no entry
KEPT = {
    "Squaredeal", "MLflow", "SHAP", "Fairlearn", "MetricFrame", "DuckDB", "Postgres", "YAML", "CSV", "JSON", "SQL",
    "Wilson", "Koopman", "Gart", "Nam", "Miettinen", "Nurminen", "Cornfield", "Mee", "Newcombe", "Welch", "Mantel",
    "Donner", "Zou", "Hedges", "Robins", "Greenland", "Sato", "Jeffreys", "Delta", "logit", "fairlearn", "BCa",
    "max", "mid", "Neyman", "Clopper", "Pearson", "Bonferroni", "DeLong", "XGBoost",
    "favourable", "unfavourable", "excluded", "true", "false", "yes", "no", "ii", "iii", "vi", "ea",
    "Haenszel", "Breslow", "Day", "Tarone", "Kish", "Cochran", "Cinelli", "Hazlett", "Logit", "delta", "ROC", "UTC",
}  # fmt: skip
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
# what stands in quotes of code, or holds a mark or a digit that no English word has
IDENTIFIER = re.compile(r"'[^']*'|“[-\w.: {}…/@]*”|`[^`]*`|[A-Za-z0-9]*(?:[_.=/:][A-Za-z0-9]+)+|[A-Za-z]+\d+\w*")
WORD = re.compile(r"(?=[A-Za-z]*[a-z])[A-Za-z]{2,}")  # initials are no words
CHINESE = "一-鿿"
HALF_WIDTH = re.compile(rf"[{CHINESE}”）]\s*[,;:.!?()](?=\s*[{CHINESE}“（]|\s*$)|[{CHINESE}]\s*\(|\)\s*[{CHINESE}]")


def messages(file):
    """Key and English → the text of a file's message, of its only form or of its last."""
    with file.open("rb") as opened:
        found = [message for message in read_po(opened) if message.id]
    return {(message.context, last(message.id)): last(message.string) for message in found}


def last(text):
    return text if isinstance(text, str) else text[-1] if text else ""


def pairs(domain):
    """Every English text of a domain with its Chinese, empty where there is none."""
    chinese = messages(LOCALE / "zh_CN" / f"{domain}.po")
    return [(key, english, chinese.get((key, english), "")) for key, english in messages(LOCALE / f"{domain}.pot")]


def placeholders(text):
    return sorted(set(PLACEHOLDER.findall(text)))


def leftovers(chinese):
    """English words and half-width marks that a Chinese text should not hold."""
    words = WORD.findall(IDENTIFIER.sub(" ", PLACEHOLDER.sub(" ", chinese)))
    marks = HALF_WIDTH.findall(PLACEHOLDER.sub("值", chinese)) if re.search(f"[{CHINESE}]", chinese) else []
    return [word for word in words if word not in KEPT] + marks


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_english_text_has_a_chinese_one(domain):
    found = pairs(domain)
    assert found
    assert [key or english for key, english, chinese in found if not chinese] == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_chinese_text_has_the_placeholders_of_the_english_one(domain):
    assert [text for text in pairs(domain) if text[2] and placeholders(text[1]) != placeholders(text[2])] == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_english_word_and_no_half_width_mark_is_left_in_a_chinese_text(domain):
    assert [(text[2], leftovers(text[2])) for text in pairs(domain) if leftovers(text[2])] == []


@pytest.mark.parametrize(
    "text",
    [
        "限值,见下文",
        "结论: 需要关注",
        "批准率(按群体)",
        "共 {n} 行.",
        "{name}:{n} 行",
        "limit 不高于 {limit}",
        "approved",
    ],
)
def test_a_text_that_is_half_translated_is_caught(text):
    assert leftovers(text)


@pytest.mark.parametrize(
    "text",
    [
        "p 值小于 0.001。", "在“controls.age”处：{found}；{n:,} 行", "列出 'controls' 中的列", "共 1,971 行",
        "R²、F1 与 HC1", "{shown} 等", "{measure}（{who}）：{figure}。", "；",
    ],
)  # fmt: skip
def test_a_text_that_is_wholly_translated_passes(text):
    assert leftovers(text) == []


def test_each_key_of_the_page_stands_once():
    keys = re.findall(r'^msgctxt "(.*)"$', (LOCALE / "page.pot").read_text(encoding="utf-8"), re.M)
    assert [key for key in set(keys) if keys.count(key) > 1] == []


def test_every_measure_of_every_question_says_what_its_figure_assumes():
    measures = {measure for question in questions().values() for measure in question.measures}
    assert [measure for measure in sorted(measures) if not ENGLISH.has(f"assumes.{measure}")] == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_collecting_the_messages_again_changes_nothing(domain, tmp_path, monkeypatch):
    shutil.copytree(LOCALE, tmp_path / "locale")
    loader = SourceFileLoader("collect_messages", str(SCRIPT))
    script = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(script)
    monkeypatch.setattr(script, "LOCALE", tmp_path / "locale")
    monkeypatch.setattr("sys.argv", [str(SCRIPT), domain])
    script.main()
    names = (f"{domain}.pot", f"zh_CN/{domain}.po")
    changed = [name for name in names if (LOCALE / name).read_bytes() != (tmp_path / "locale" / name).read_bytes()]
    assert changed == [], "run 'make messages' and fill what comes out empty"


def test_both_languages_write_numbers_alike_so_that_one_form_serves():
    from babel import Locale

    marks = [
        {name: Locale.parse(locale).number_symbols["latn"][name] for name in ("decimal", "group", "percentSign")}
        for locale in ("en_GB", "zh_CN")
    ]
    assert marks[0] == marks[1] == {"decimal": ".", "group": ",", "percentSign": "%"}
    assert language("zh-CN").date("2026-07-20") == "2026年7月20日"
    assert language("en").date("2026-07-20") == "20 July 2026"
