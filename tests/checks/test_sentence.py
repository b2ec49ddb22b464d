"""Sentences remember what they were made of, through a record and back, and nothing else becomes one."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace

import pytest

from audits.record import AuditRun, canonical_json, read_record
from checks.sentence import Sentence, joined, said, sentences_in
from reports.words import language
from tests.reports import sample_records as sample

WHY = said("{n:,} rows of {who}: {why}", n=1234, who="none", why=said("none"))


def kept(tmp_path, run, spoil=None):
    content = json.loads(canonical_json(run))
    if spoil:
        content["sentences"] = spoil(content["sentences"])
    (tmp_path / "run.json").write_text(json.dumps(content), encoding="utf-8")
    return read_record(AuditRun, tmp_path / "run.json")


def a_run():
    figure = sample.gap("none", estimate=None, reason=WHY, method=said("none"))
    return sample.run(measurements=(figure, sample.gap("cells", method=said("cells"))))


def test_a_sentence_is_its_text_and_survives_copies():
    assert WHY == "1,234 rows of none: none"
    for other in (copy.deepcopy(WHY), pickle.loads(pickle.dumps(WHY))):
        assert (other, other.template, other.values) == (WHY, WHY.template, WHY.values)


def test_parts_set_together_keep_their_templates():
    both = joined([said("a {x}", x=1), "label"], "; ")
    assert both == "a 1; label"
    assert isinstance(both.values["part1"], Sentence)
    assert joined([WHY]) is WHY


def test_a_record_read_back_is_the_same_and_its_labels_are_no_sentences(tmp_path):
    read = kept(tmp_path, a_run())
    assert canonical_json(read) == canonical_json(a_run())
    m = read.measurements[0]
    assert isinstance(m.reason, Sentence)
    assert isinstance(m.method, Sentence)
    assert not isinstance(m.group, Sentence)
    assert language("zh-CN").sentence(m.method) == "无"
    assert not isinstance(m.reason.values["who"], Sentence)
    assert isinstance(m.reason.values["why"], Sentence)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: [], lambda table: None, lambda table: "x",
        lambda table: {text: {"template": "other", "values": {}} for text in table},
        lambda table: {text: {"template": entry["template"], "values": [1]} for text, entry in table.items()},
        lambda table: {text: {"template": entry["template"], "values": "x"} for text, entry in table.items()},
        lambda table: {text: {"template": "{n:>99999999999}", "values": {"n": 1}} for text in table},
        lambda table: {text: {"template": "{n.__class__}", "values": {"n": "x"}} for text in table},
        lambda table: {text: {"template": "{n:c}", "values": {"n": 10**400}} for text in table},
        lambda table: {str(WHY): {"template": "{a}", "values": {"a": [str(WHY)]}}},
        lambda table: table | {str(i): {"template": "{a}", "values": {"a": [str(i + 1)]}} for i in range(3000)},
    ],
)  # fmt: skip
def test_a_spoilt_table_changes_no_text(spoil, tmp_path):
    assert kept(tmp_path, a_run(), spoil) == a_run()


def test_numbers_are_kept_as_the_record_writes_them():
    share = 28.749999999999996
    assert said("{s:.1f}", s=share).values["s"] == float(f"{share:.12g}")
    assert sentences_in(replace(a_run(), measurements=())) == {}
