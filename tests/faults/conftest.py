"""A counter of loan decisions to break: its program, its data, its earlier run, and the command line."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

PROGRAM = """\
program: counter-loans
title: {en: Counter loans, zh: 柜台贷款}
source:
  connection: duckdb://
  table: 贷款 BOOK.csv
scope: {jurisdictions: [CN]}
contract:
  dated: {from: 2025-01-01, to: 2025-12-31}
  decision: {column: 审批结果, favourable: Y}
  groups:
    ethnicity: {column: ETHNIC group, reference: Han}
  controls: [收入 income, DTI]
  columns:
    收入 income: {type: number, min: 0}
audits:
  primary:
    - fair_lending.approval
policies: [conventions]
"""
BOOK = "贷款 BOOK.csv"


def applications(rows: int = 400, seed: int = 20) -> pd.DataFrame:
    """Decisions on three groups whose chances differ, with a control that matters."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["Han", "Hui", "Zhuang"], rows, p=[0.6, 0.25, 0.15])
    ratio = rng.uniform(0.1, 0.6, rows).round(3)
    chance = 0.85 - 0.4 * ratio - 0.15 * (group == "Hui") - 0.05 * (group == "Zhuang")
    day = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 365, rows), unit="D")
    return pd.DataFrame(
        {
            "Lauf Nr": np.arange(rows) + 1,
            "审批结果": np.where(rng.uniform(size=rows) < chance, "Y", "N"),
            "ETHNIC group": group,
            "收入 income": rng.lognormal(9, 0.4, rows).round(2),
            "DTI": ratio,
            "Alter": rng.integers(18, 80, rows),
            "Decided ON": day,
        }
    )


def write(data: pd.DataFrame, file: Path) -> Path:
    """Data in the kind of file that the name asks for."""
    if file.suffix == ".parquet":
        data.to_parquet(file, index=False)
    else:
        data.to_csv(file, index=False)
    return file


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file with its content, every folder with None."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@dataclass
class Told:
    """How a command ended and all it said."""

    code: int
    text: str

    def names(self, *words: str) -> None:
        """Every word stands in what was said."""
        for word in words:
            assert word in self.text, f"{word!r} is not in:\n{self.text}"

    def refused(self, *words: str) -> None:
        """Exit code 2, no traceback, and found, expected and what to do in words."""
        assert "Traceback" not in self.text, self.text
        assert self.code == 2, self.text
        self.names("found:", "expected:", "to do:", *words)


class Desk:
    """A folder with a program, its data, and the run made before anything went wrong."""

    def __init__(self, folder: Path, earlier: Path, spill: Path) -> None:
        self.folder, self.out, self.spill = folder, folder / "runs", spill
        self.file = folder / "counter-loans.yaml"
        shutil.copytree(earlier, self.out)
        self.before = tree(self.out)

    @property
    def versions(self) -> Path:
        return self.out / "counter-loans" / "all"

    def program(self, old: str = "", new: str = "") -> int:
        """Write the program with one change; the line on which the change begins."""
        assert old in PROGRAM, old
        self.file.write_text(PROGRAM.replace(old, new, 1) if old else PROGRAM, encoding="utf-8")
        return PROGRAM[: PROGRAM.index(old)].count("\n") + 1

    def at(self, line: int) -> str:
        return f"{self.file}, line {line}"

    def command(self, *arguments: str) -> Told:
        """A command in this process; an error that is not told in words fails the test."""
        from squaredeal import app

        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Told(result.exit_code, result.output)

    def run(self, *arguments: str) -> Told:
        return self.command("run", self.file, "--out", self.out, *arguments)

    def refuses(self, *words: str, arguments: tuple[str, ...] = ()) -> Told:
        """A run that is refused before anything is recorded: all is as it was."""
        told = self.run(*arguments)
        told.refused(*words)
        self.kept_earlier()
        left = {path: content for path, content in tree(self.out).items() if path not in self.before}
        assert not [path for path, content in left.items() if content is not None or ".staging" in path], left
        return told

    def kept_earlier(self) -> None:
        """The earlier version is byte for byte as it was; no half-made folder and no temporary file is left."""
        now = tree(self.out)
        assert {path: now.get(path, "gone") for path in self.before} == self.before
        assert not [path for path in now if ".staging" in path or path.endswith(".part")]
        assert not list(self.spill.iterdir())


@pytest.fixture(scope="session")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The out folder of one good run."""
    from audits.run import audit
    from checks.inputs.period import Period
    from checks.inputs.program import read_program

    folder = tmp_path_factory.mktemp("earlier")
    write(applications(), folder / BOOK)
    (folder / "counter-loans.yaml").write_text(PROGRAM, encoding="utf-8")
    audit(read_program(folder / "counter-loans.yaml"), Period(), folder / "runs")
    return folder / "runs"


@pytest.fixture
def desk(tmp_path: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with good data, a good program, and a temporary folder of its own."""
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spill))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    desk = Desk(tmp_path, earlier, spill)
    write(applications(), tmp_path / BOOK)
    desk.program()
    return desk


@pytest.fixture
def frame() -> pd.DataFrame:
    return applications()
