"""``squaredeal remedies`` from end to end, its exit codes, and the schema of its record."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import squaredeal
from audits.record import canonical_json, json_schema
from audits.remedies.records import REMEDIES_FILE, RemedyRecord
from tests.programs import BOSTON, ROOT
from tests.remedied import write_remedied
from tests.reports import sample_remedies as sample


def told(*arguments):
    done = CliRunner().invoke(squaredeal.app, [str(argument) for argument in arguments])
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search that finds the trait, and the lines that it printed."""
    folder = tmp_path_factory.mktemp("searched")
    file = write_remedied(folder)
    return file, folder / "runs", told("remedies", file, "--out", folder / "runs", "--quiet")


def test_it_finds_the_trait_and_writes_record_and_pages(searched):
    _, runs, (code, lines) = searched
    folder = runs / "remedied/all/remedies/v1"
    assert code == 0
    assert "  chosen: without-trait, without trait" in lines.splitlines()
    assert lines.splitlines()[-1] == f"  page: {folder / 'remedies.html'}"
    assert sorted(path.name for path in folder.iterdir()) == ["remedies.html", "remedies.json", "remedies.zh-CN.html"]
    record = json.loads((folder / REMEDIES_FILE).read_text())
    assert (record["outcome"], record["chosen"]) == ("certified", "without-trait")


def test_nothing_of_the_real_record_is_left_in_english_on_the_chinese_page(searched):
    from audits.remedies.station import read_remedies
    from reports.remedies_view import remedies_model
    from reports.words import language

    say, record = language("zh-CN"), read_remedies(searched[1] / "remedied/all/remedies/v1")
    texts = [*record.reasons, *record.cautions, record.explanation, *(one.words for one in record.candidates)]
    texts += [one.reason for one in (*record.candidates, *record.certified) if one.reason]
    assert [text for text in texts if not say.knows(text) or text == say.sentence(text)] == []
    model = remedies_model(record, say)
    assert model.near[0].name == say.sentence(record.candidates[0].words)


def test_the_pages_are_written_again_from_the_record_alone(searched, tmp_path):
    (tmp_path / REMEDIES_FILE).write_bytes((searched[1] / "remedied/all/remedies/v1" / REMEDIES_FILE).read_bytes())
    assert told("report", tmp_path) == (0, f"{tmp_path / 'remedies.html'}\n")
    made = (searched[1] / "remedied/all/remedies/v1/remedies.zh-CN.html").read_bytes()
    assert (tmp_path / "remedies.zh-CN.html").read_bytes() == made
    assert told("report", tmp_path, "--out", tmp_path / "one.html", "--lang", "zh-CN")[0] == 0
    assert 'lang="zh-CN"' in (tmp_path / "one.html").read_text()


def test_what_cannot_be_used_ends_with_2_and_words_and_writes_nothing(searched, tmp_path):
    for file, words in (
        (write_remedied(tmp_path / "untrusted", trusted=False), "trusted"),
        (write_remedied(tmp_path / "lost", training={"file": "nowhere.py", "trusted": True}), "nowhere.py"),
        (BOSTON, "no block 'remedies'"), (tmp_path / "none.yaml", "no such file"),
    ):  # fmt: skip
        code, lines = told("remedies", file, "--out", tmp_path / "out", "--quiet")
        assert (code, words in lines, "Traceback" in lines) == (2, True, False), lines
    assert not list((tmp_path / "out").rglob("*.json"))


@pytest.mark.parametrize("state", sample.STATES)
def test_records_fit_the_published_schema(state):
    import jsonschema

    published = json.loads((ROOT / "docs/schemas/remedies.schema.json").read_text())
    assert published == json.loads(json.dumps(json_schema(RemedyRecord)))
    jsonschema.validate(json.loads(canonical_json(sample.STATES[state]())), published)


def test_the_real_record_fits_the_published_schema_too(searched):
    import jsonschema

    published = json.loads((ROOT / "docs/schemas/remedies.schema.json").read_text())
    record = json.loads((searched[1] / "remedied/all/remedies/v1" / REMEDIES_FILE).read_text())
    jsonschema.validate(record, published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "outcome": "guaranteed"}, published)


def test_the_schema_is_printed_by_name():
    code, lines = told("schema", "remedies")
    assert code == 0
    assert json.loads(lines) == json.loads((ROOT / "docs/schemas/remedies.schema.json").read_text())
