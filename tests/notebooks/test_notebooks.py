"""Every notebook runs from top to bottom on the results of the demonstration, and shows what its text speaks of."""

from __future__ import annotations

import re

import pytest

from tests.notebooks import rendering
from tests.notebooks.rendering import NOTEBOOKS, executed, names, page

pytestmark = pytest.mark.xdist_group("airflow")  # the demonstration runs there, once
SPOKEN_OF = {  # what a reader must find in the outputs
    "loyal_customers": ("Breach", "equivalent new business price", "GBP", "squaredeal_money"),
    "predatory_loans": ("Breach", "loans beyond the cap", "fees", "USD"),
    "digital_divide": ("decision", "start", "at equal", "assisted"),
    "fair_lending": ("fair-lender", "strict-lender", "Boston"),
    "from_red_to_root_cause": ("prepaid_phone", "certified", "holds on", "disparate"),
}


def test_every_notebook_is_among_these():
    assert names() == sorted(SPOKEN_OF)


@pytest.mark.parametrize("name", names())
def test_a_notebook_runs_and_its_page_stands_alone(demonstration, name, tmp_path):
    home, _ = demonstration
    before = sorted(path.name for path in NOTEBOOKS.iterdir())
    notebook = executed(name, home)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count == number for number, cell in enumerate(cells, 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    assert sum("image/svg+xml" in output.get("data", {}) for output in outputs) >= 1
    text = page(notebook, name)
    for words in SPOKEN_OF[name]:
        assert words in text, words
    assert "No description has been provided" not in text
    assert not re.findall(r"(?:src|href)=[\"']?https?:", text)  # nothing is fetched
    assert "NaN" not in re.sub(r"<td>NaN</td>", "", text)
    assert sorted(path.name for path in NOTEBOOKS.iterdir()) == before


def test_a_notebook_types_no_figure_by_hand():
    """Numbers come from the run: the texts of notebooks hold none with decimals but those of definitions."""
    allowed = {"0.5", ".80"}
    for file in NOTEBOOKS.glob("*.py"):
        texts = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
        found = set(re.findall(r"(?<![\w.])\d*\.\d+(?![\w.])", "\n".join(texts)))
        assert found <= allowed, (file.name, found - allowed)


@pytest.mark.parametrize("words", ["OUT --demo D NAME", "OUT NAME --demo D", "--demo D OUT"])
def test_the_command_takes_its_arguments_as_it_says(words, tmp_path, monkeypatch, capsys):
    rendered = []
    monkeypatch.setattr(rendering, "executed", lambda name, demo: rendered.append((name, demo)))
    monkeypatch.setattr(rendering, "page", lambda notebook, title: title)
    (tmp_path / "d" / "runs").mkdir(parents=True)
    values = {"OUT": str(tmp_path / "out"), "D": str(tmp_path / "d"), "NAME": "fair_lending"}
    assert rendering.main([values.get(word, word) for word in words.split()]) == 0
    wanted = ["fair_lending"] if "NAME" in words else names()
    assert rendered == [(name, tmp_path / "d") for name in wanted]
    assert rendering.main([str(tmp_path / "out"), "fair_lendin", "--demo", str(tmp_path / "d")]) == 2
    assert "fair_lending" in capsys.readouterr().err
