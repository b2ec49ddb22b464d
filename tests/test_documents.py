"""The documents say what the code does."""

from __future__ import annotations

import re

import squaredeal
from audits.catalogue import PACKAGES, questions
from audits.policies.packs import find_pack, shipped_packs
from checks.inputs.program import read_program
from tests.programs import ROOT


def test_every_question_has_a_row_with_its_measures_and_a_rule_or_a_reason():
    page = (ROOT / "docs/questions.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+\.\w+)` \|(.*)$", page, re.MULTILINE))
    assert set(rows) == set(questions())
    for name, kind in questions().items():
        assert [measure for measure in kind.measures if f"`{measure}`" not in rows[name]] == []
    judged = {rule.measure for pack in shipped_packs() for rule in find_pack(pack, ROOT).rules}
    assert all(judged & set(kind.measures) for kind in questions().values())


def test_every_question_is_one_file_in_its_package():
    for package, kinds in PACKAGES.items():
        files = {file.stem for file in (ROOT / "audits" / package).glob("*.py")} - {"__init__"}
        assert files == {kind.name.split(".")[1] for kind in kinds}


def test_the_readme_lists_every_command():
    readme = (ROOT / "README.md").read_text()
    commands = {command.name or command.callback.__name__ for command in squaredeal.app.registered_commands}
    assert set(re.findall(r"^\| `squaredeal ([\w-]+)", readme, re.MULTILINE)) == commands


def test_the_readme_starts_with_the_two_commands_and_a_picture_that_exists():
    readme = (ROOT / "README.md").read_text()
    assert readme.index("make demo") < readme.index("make test") < readme.index("![")
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", readme):
        assert (ROOT / picture).stat().st_size > 10_000


def test_the_example_program_in_the_documents_is_valid(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/program.md").read_text(), re.DOTALL)
    (tmp_path / "example.yaml").write_text(example)
    assert read_program(tmp_path / "example.yaml").name == "motor-loans"


def test_the_licence_is_whole():
    assert "END OF TERMS AND CONDITIONS" in (ROOT / "LICENSE").read_text()


def test_the_page_on_statistics_names_every_module():
    page = (ROOT / "docs/statistics.md").read_text()
    named = set(re.findall(r"`(\w+)`", page))
    modules = {file.stem for file in (ROOT / "audits/statistics").glob("*.py")} - {"__init__", "counts", "score_limits"}
    assert modules <= named


def test_the_page_on_statistics_names_every_need():
    from typing import get_args

    from audits.evidence.needs import Need

    page = (ROOT / "docs/statistics.md").read_text()
    assert [need.__name__ for need in get_args(Need) if f"`{need.__name__}`" not in page] == []
