"""Planted persons in every kind of column and fault: no byte that a run leaves or says holds any of them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.canaries import CARD, EMAIL, KEY, NAME, NAME_ZH, PHONE, PHONE_ZH, RESIDENT, found_in, found_in_text, planted
from tests.programs import ROOT

CONTRACT = {
    "unit": "case",
    "entity": "customer",
    "time": "decided",
    "decision": {"column": "status", "favourable": ["approved"], "unfavourable": ["denied"]},
    "groups": {"region": {"column": "region", "reference": "north", "values": ["north", "south"]}},
    "strata": ["channel"],
    "controls": ["burden"],
    "denial_reasons": ["reason"],
    "columns": {"burden": {"type": "number", "min": 0, "max": 5}, "channel": {"values": ["branch", "online"]}},
}


def book(rows: int = 300) -> pd.DataFrame:
    """Applications with keys, labels, a number, a day and reasons, none of which names anybody."""
    rng = np.random.default_rng(5)
    granted = rng.uniform(size=rows) < 0.7
    return pd.DataFrame(
        {
            "case": [f"L-{i:05d}" for i in range(rows)],
            "customer": [f"C-{i // 2:05d}" for i in range(rows)],
            "decided": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(rows) % 90, unit="D"),
            "status": np.where(granted, "approved", "denied"),
            "region": rng.choice(["north", "south"], rows),
            "channel": rng.choice(["branch", "online"], rows),
            "burden": rng.uniform(0.1, 0.6, rows).round(3),
            "reason": np.where(granted, "none needed", "debt too high"),
        }
    )


@dataclass
class Told:
    code: int
    text: str


class Bench:
    """A folder with data and program, and the command line run on it as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs, self.site = folder, folder / "runs", folder / "site"
        self.store = f"sqlite:///{folder}/mlflow.db"

    def program(self, data: pd.DataFrame, url: str | None = None, contract: dict | None = None, **changes) -> Path:
        source = {"table": "book.csv"}
        if url is None:
            data.to_csv(self.folder / "book.csv", index=False)
        else:
            import sqlalchemy

            engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
            data.to_sql("canary_book", engine, if_exists="replace", index=False)
            engine.dispose()
            source = {"connection": url, "table": "canary_book"}
        told = {
            "program": "canaries", "source": source, "contract": contract or CONTRACT,
            "audits": {"primary": ["fair_lending.approval"]}, "policies": ["conventions"], **changes,
        }  # fmt: skip
        file = self.folder / "canaries.yaml"
        file.write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return file

    def command(self, *arguments: object, before: str = "") -> Told:
        """A command in a process of its own; ``before`` is Python that breaks something first."""
        code = f"{before}\nfrom squaredeal import main\nmain()"
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "GIT_PYTHON_REFRESH": "quiet"}, timeout=300,
        )  # fmt: skip
        return Told(done.returncode, done.stdout + done.stderr)

    def everything(self, program: Path, before: str = "") -> Told:
        """Run, and from what there is then: the site, the page anew, another judgement, a comparison with itself."""
        told = [self.command("run", program, "--out", self.runs, "--mlflow", self.store, before=before)]
        for folder in sorted(self.runs.glob("canaries/*/v*")):
            told.append(self.command("site", self.runs, "--out", self.site))
            told.append(self.command("report", folder))
            told.append(self.command("judge", folder))
            told.append(self.command("compare", folder, folder))
        return Told(told[0].code, "\n".join(one.text for one in told))

    def holds_none(self, told: Told, planted_file: Path | None = None) -> None:
        """No canary in what was said, nor in any file but the data themselves."""
        assert found_in_text(told.text) == [], told.text
        left = [path for path in self.folder.iterdir() if path.name not in ("book.csv", "canaries.yaml")]
        assert found_in(left) == []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


# what is planted, in which column, what, and what the command ends with
FAULTS = {
    "a name as a group": ("region", NAME, 2),
    "a Chinese name as a group": ("region", NAME_ZH, 2),
    "a phone as a channel": ("channel", PHONE, 2),
    "a Chinese phone as a channel": ("channel", PHONE_ZH, 2),
    "an e-mail as a decision": ("status", EMAIL, 2),
    "a card as a reason": ("reason", f"card {CARD} stolen", 2),
    "a resident number as a reason": ("reason", f"号码 {RESIDENT} 不符", 2),
    "a name within a reason": ("reason", f"asked by {NAME} to wait", 2),
    "an e-mail in a number": ("burden", EMAIL, 2),
    "a phone out of range": ("burden", int(PHONE_ZH), 2),
    "a name as a day": ("decided", NAME, 2),
}
_SOME = (
    "a name as a group",
    "a phone as a channel",
    "an e-mail as a decision",
    "a name within a reason",
    "a name as a day",
)


@pytest.mark.parametrize("case", FAULTS)
def test_no_fault_in_a_file_echoes_a_person(bench, case):
    column, value, code = FAULTS[case]
    told = bench.everything(bench.program(planted(book(), column, value)))
    assert told.code == code, told.text
    bench.holds_none(told)


@pytest.mark.parametrize("case", _SOME)
def test_no_fault_in_postgres_echoes_a_person(bench, postgres_url, case):
    column, value, code = FAULTS[case]
    told = bench.everything(bench.program(planted(book(), column, value), postgres_url))
    assert told.code == code, told.text
    bench.holds_none(told)


def test_a_key_twice_is_counted_and_not_shown(bench):
    told = bench.everything(bench.program(planted(book(), "case", KEY, (3, 9))))
    assert told.code == 2
    bench.holds_none(told)


@pytest.mark.parametrize("cast", ["CAST(burden AS double)", "CAST(burden AS date)"])
@pytest.mark.parametrize("server", [False, True])
def test_a_value_that_an_engine_cannot_convert_is_not_quoted(bench, postgres_url, server, cast):
    data = planted(book(), "burden", f'O\'Brien "{NAME}" {EMAIL}')
    table = "canary_book" if server else "'book.csv'"
    columns = ", ".join(name for name in data.columns if name != "burden")
    if "double" in cast and server:
        cast = cast.replace("double", "double precision")
    source = {"query": f"SELECT {columns}, {cast} AS burden FROM {table}"}
    program = bench.program(data, postgres_url if server else None)
    told = yaml.safe_load(program.read_text())
    told["source"] = source | ({"connection": postgres_url} if server else {})
    program.write_text(yaml.safe_dump(told, sort_keys=False))
    told = bench.everything(program)
    assert told.code == 2, told.text
    assert "cannot be read" in told.text or "a date" in told.text
    bench.holds_none(told)


def test_an_exception_in_a_question_is_told_by_kind_and_place(bench):
    before = (
        "from audits.fair_lending.approval import Approval\n"
        "def broken(*_):\n"
        f"    raise ValueError('no rate for {NAME}, {EMAIL}, {KEY}')\n"
        "Approval.measure = broken"
    )
    told = bench.everything(bench.program(book()), before)
    assert told.code == 3, told.text
    assert "ValueError in" in told.text
    bench.holds_none(told)


def test_a_fault_of_ours_is_told_by_its_places(bench):
    before = f"import audits.run\ndef broken(*_):\n    raise KeyError('{NAME} {EMAIL}')\naudits.run.conclude = broken"
    told = bench.everything(bench.program(book()), before)
    assert told.code == 1
    assert "KeyError in " in told.text
    bench.holds_none(told)


def test_keys_that_are_e_mails_stop_a_run_until_they_are_declared(bench):
    data = book()
    data["customer"] = [f"person.{i // 2}@canary.example" for i in range(len(data))]
    data.loc[[4, 5], "customer"] = EMAIL
    told = bench.everything(bench.program(data))
    assert told.code == 2
    assert "150 of 150 different values look like e-mail addresses" in told.text
    bench.holds_none(told)
    declared = {**CONTRACT, "personal_data": {"customer": {"kind": "email", "purpose": "key of the applicant"}}}
    told = bench.everything(bench.program(data, contract=declared))
    assert told.code == 0, told.text
    assert any("declared for: " in file.read_text() for file in bench.runs.rglob("run.json"))
    bench.holds_none(told)


REFUSED = {
    "a column that is not used": ({"custmer": "key"}, "did you mean 'customer'?"),
    "no purpose": ({"customer": ""}, "no purpose"),
    "no purpose beside a kind": ({"customer": {"kind": "email"}}, "no 'purpose'"),
    "an unknown kind": ({"customer": {"kind": "emial", "purpose": "key"}}, "did you mean 'email'?"),
    "a group": ({"region": "we need it"}, "whose labels stand in records and pages"),
    "a reason": ({"reason": "we need it"}, "whose labels stand in records and pages"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_program_says_of_personal_data_must_be_whole(bench, case):
    block, words = REFUSED[case]
    told = bench.command("check", bench.program(book(), contract={**CONTRACT, "personal_data": block}))
    assert told.code == 2
    assert words in told.text
    assert "Traceback" not in told.text


def test_a_person_among_the_labels_of_the_program_is_refused_and_not_quoted(bench):
    groups = {"region": {"column": "region", "reference": "north", "labels": {"north": "north", "south": NAME}}}
    told = bench.everything(bench.program(book(), contract={**CONTRACT, "groups": groups}))
    assert told.code == 2
    assert "a value that looks like personal data (name)" in told.text
    bench.holds_none(told)


def test_the_search_finds_what_is_there(tmp_path):
    pd.DataFrame({"a": [EMAIL]}).to_parquet(tmp_path / "a.parquet", compression="gzip")
    (tmp_path / "b.html").write_text(f"<p>{NAME}</p>")
    (tmp_path / "c.json").write_text('"\\u738b\\u79c0\\u82f1"')
    assert {canary for canary, _ in found_in([tmp_path])} == {EMAIL, NAME, NAME_ZH}
