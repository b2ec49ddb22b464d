"""A program that cannot be used is told with file, line, what was found, what was expected, and the nearest name."""

from __future__ import annotations

import os
import re
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

SECRET = "Geheim7"  # noqa: S105 - what must never be printed
CONTROLS = "controls: [收入 income, DTI]"
QUESTION = "- fair_lending.approval\n"
ETHNICITY = "ethnicity: {column: ETHNIC group, reference: Han}"
DECISION = "decision: {column: 审批结果, favourable: Y}"

# name, what stands in the program, what replaces it, what must be told, lines further down than the change
CHANGES = [
    ("unknown key", "scope:", "scop:", ["unknown key 'scop'", "did you mean 'scope'?"], 0),
    ("unknown role", CONTROLS, CONTROLS.replace("rol", "orl", 1), ["unknown key", "did you mean 'controls'?"], 0),
    ("key within a role", "reference: Han", "referense: Han", ["'referense'", "did you mean 'reference'?"], 0),
    ("missing key", "policies: [conventions]\n", "", ["no 'policies'", "the key 'policies'"], -17),
    ("key twice", "policies: [con", "seed: 1\nseed: 2\npolicies: [con", ["'seed' a second time", "each key once"], 1),
    ("required key without a name", "program: counter-loans", "program:", ["program", "nothing"], 0),
    ("required key without a column", "column: 审批结果, favourable: Y", "column: , favourable: Y", ["nothing"], 0),
    ("no favourable value", "favourable: Y", "favourable: []", ["favourable"], 0),
    ("no reference", "reference: Han}", "reference: }", ["nothing"], 0),
    ("no question", "primary:\n    - fair_lending.approval", "primary: []", ["no question"], 0),
    ("nothing under the contract's groups", ETHNICITY, "", ["group"], -1),
    ("list where a mapping belongs", ETHNICITY, "- ETHNIC group", ["a list of 1", "a mapping"], 0),
    ("mapping where a text belongs", "table: 贷款 BOOK.csv", "table: {file: x.csv}",
     ["a mapping with file", "a text"], 0),
    ("number where a mapping belongs", DECISION, "decision: 7", ["'7'", "a mapping"], 0),
    ("text where a number belongs", "min: 0", "min: none", ["'none'", "a number"], 0),
    ("number as name", "program: counter-loans", "program: 20.26", ["'20.26'", "lower-case"], 0),
    ("slash in the name", "program: counter-loans", "program: ../counter", ["'../counter'", "lower-case"], 0),
    ("slash in an attribute", "ethnicity:", "ethni/../city:", ["ethni/../city"], 0),
    ("attribute twice but for case", ETHNICITY, f"{ETHNICITY}\n    {ETHNICITY.replace('eth', 'ETH')}",
     ["ETHnicity"], 1),
    ("table and query", "table: 贷款 BOOK.csv", "table: 贷款 BOOK.csv\n  query: SELECT 1", ["one of the two"], -1),
    ("reference in other case", "reference: Han", "labels: {Han: 汉, Hui: 回}, reference: han",
     ["did you mean 'Han'?"], 0),
    ("reference among no bands", "ETHNIC group, reference: Han", "Alter, bands: [25, 40], reference: 25-40",
     ["25-39"], 0),
    ("bands out of order", "ETHNIC group, reference: Han", "Alter, bands: [40, 25], reference: 40+",
     ["out of order"], 0),
    ("band that is no number", "ETHNIC group, reference: Han", "Alter, bands: [nan, 25], reference: 25+",
     ["a number"], 0),
    ("value both ways", "favourable: Y", "favourable: Y, unfavourable: [N, Y]", ["'Y' under favourable and unfav"], 0),
    ("day that does not exist", "from: 2025-01-01", "from: 2025-02-30", ["'2025-02-30'", "a day as YYYY-MM-DD"], 0),
    ("days swapped", "to: 2025-12-31", "to: 2024-12-31", ["2025-01-01 to 2024-12-31", "before"], 0),
    ("type misspelt", "type: number", "type: nummer", ["'nummer'", "did you mean 'number'?"], 0),
    ("tolerance in percent", "min: 0", "null_tolerance: 5", ["'5'", "0 to 1"], 0),
    ("true or false as a word", "min: 0", "unique: maybe", ["'maybe'", "true or false"], 0),
    ("pattern that is none", "min: 0", "matches: '[0-9'", ["[0-9", "a regular expression"], 0),
    ("seed that is no number", "policies:", "seed: nan\npolicies:", ["'nan'", "a number"], 0),
    ("seed without end", "policies:", "seed: inf\npolicies:", ["'inf'", "a number"], 0),
    ("time and dated", "dated:", "time: Decided ON\n  dated:", ["'dated' beside 'time'"], 1),
    ("freshness without time", "dated:", "freshness: {within_days: 3}\n  dated:", ["'freshness' without 'time'"], 0),
    ("schedule that is none", "policies:", "schedule: every-monday\npolicies:", ["'every-monday'", "@monthly"], 0),
    ("schedule out of range", "policies:", 'schedule: "99 99 * * *"\npolicies:', ["99 99", "five fields"], 0),
    ("schedule that never comes", "policies:", 'schedule: "0 0 30 2 *"\npolicies:', ["0 0 30 2", "five fields"], 0),
    ("maturity without a unit", "dated:", "outcome: {column: DTI, favourable: 1, matures_after: soon}\n  dated:",
     ["'soon'", "12 months"], 0),
    ("population file missing", "dated:", "population: peple.csv\n  dated:", ["peple.csv", "no such file"], 0),
    ("question unknown", ".approval\n", ".aproval\n",
     ["'fair_lending.aproval'", "did you mean 'fair_lending.approval'?"], 0),
    ("package unknown", QUESTION, "- fair_landing\n", ["'fair_landing'", "did you mean 'fair_lending'?"], 0),
    ("question twice", QUESTION, QUESTION + "    " + QUESTION, ["'fair_lending.approval' a second time"], 1),
    ("parameter unknown", QUESTION, "- fair_lending.approval: {levle: 0.9}\n", ["did you mean 'level'?"], 0),
    ("level in percent", QUESTION, "- fair_lending.approval: {level: 95}\n", ["'95'", "0.5 and 1, such as 0.95"], 0),
    ("level as a word", QUESTION, "- fair_lending.approval: {level: high}\n", ["'high'", "0.5 and 1"], 0),
    ("level that is no number", QUESTION, "- fair_lending.approval: {level: .nan}\n", ["'nan'", "0.5 and 1"], 0),
    ("attribute unknown", QUESTION, "- fair_lending.approval: {attributes: [etnicity]}\n",
     ["did you mean 'ethnicity'?"], 0),
    ("parameters of a package", QUESTION, "- fair_lending: {level: 0.9}\n", ["whole package 'fair_lending'"], 0),
    ("policy unknown", "[conventions]", "[convention]", ["'convention'", "did you mean 'conventions'?"], 0),
    ("policy misspelt, without a list", "[conventions]", "convention", ["did you mean 'conventions'?"], 0),
    ("policy file missing", "[conventions]", "[our-rules.yaml]", ["our-rules.yaml", "no such file"], 0),
    ("check unknown", "audits:", "checks:\n  - expect_column_mean_between: {column: DTI}\naudits:",
     ["unknown check", "did you mean 'expect_column_mean_to_be_between'?"], 1),
    ("check's argument unknown", "audits:",
     "checks:\n  - expect_column_mean_to_be_between: {column: DTI, min_valu: 1}\naudits:",
     ["unknown argument 'min_valu'", "did you mean 'min_value'?"], 1),
    ("check of a column not named", "audits:",
     "checks:\n  - expect_column_mean_to_be_between: {column: dti, min_value: 0}\naudits:", ["did you mean 'DTI'?"], 1),
    ("check with a day that does not exist", "audits:",
     "checks:\n  - expect_column_max_to_be_between: {column: DTI, max_value: 2025-02-30}\naudits:", ["2025-02-30"], 1),
    ("unknown tag", QUESTION, "- fair_lending.approval: {level: !!python/name:os.system ''}\n", ["python/name"], 0),
    ("package of the table unknown", "贷款 BOOK.csv", "package://no_such_book/x.csv", ["no installed package"], 0),
    ("file missing", "贷款 BOOK.csv", "贷款 BOK.csv", ["no file", "贷款 BOK.csv", "贷款 BOOK.csv'?"], 0),
    ("pattern without match", "贷款 BOOK.csv", "2025/*.parquet", ["no file", "2025/*.parquet"], 0),
    ("pattern that is none", "贷款 BOOK.csv", "a**b.csv", ["a**b.csv"], 0),
    ("folder as table", "贷款 BOOK.csv", "runs", ["folder", "runs"], 0),
    ("the root as table", "贷款 BOOK.csv", "/", ["folder"], 0),
    ("home of nobody", "贷款 BOOK.csv", "~no-such-user/x.csv", ["~no-such-user/x.csv"], 0),
    ("name too long", "贷款 BOOK.csv", f"{'x' * 300}.csv", ["xxx.csv"], 0),
    ("kind of file unknown", "贷款 BOOK.csv", "counter-loans.yaml", ["'.yaml'", ".parquet, .csv"], 0),
    ("connection unknown", "duckdb://", "snowflake://account/db", ["'snowflake'", "postgresql://"], -0),
    ("variable not set", "duckdb://", "${COUNTER_LOANS_URL}", ["${COUNTER_LOANS_URL}", "environment variable"], 0),
    ("Airflow connection missing", "duckdb://", "airflow://no_such",
     ["AIRFLOW_CONN_NO_SUCH", "the connection 'no_such'"], 0),
    ("port that is no number", "duckdb://", "postgresql://localhost:port/db", ["port"], 0),
    ("DuckDB file missing", "duckdb://", "duckdb://loans.duckdb", ["no file", "loans.duckdb"], 0),
    ("column missing, in other case", "DTI]", "dti]", ["'dti'", "did you mean 'DTI'?"], 0),
    ("column missing, without a list", CONTROLS, "controls: dti", ["'dti'", "did you mean 'DTI'?"], 0),
    ("decision column missing", "审批结果", "审批结", ["'审批结'", "did you mean '审批结果'?"], 0),
    ("group column missing", "column: ETHNIC group", "column: Ethnic_group", ["did you mean 'ETHNIC group'?"], 0),
    ("column of a rule missing", "收入 income: {", "收入 incom: {", ["'收入 incom'", "did you mean '收入 income'?"], 0),
    ("control of text", "DTI]", "ETHNIC group]", ["'ETHNIC group'", "a text", "a number column"], 0),
    ("bands over text", "reference: Han", "bands: [25, 40], reference: 25-39", ["a text", "a number column"], 0),
    ("time of text", "dated: {from: 2025-01-01, to: 2025-12-31}", "time: ETHNIC group", ["a text", "a date column"], 0),
    ("bound of the wrong kind", "min: 0", "min: 2025-01-01", ["2025-01-01", "a number"], 0),
    ("label of the wrong kind", "ETHNIC group, reference: Han", "Alter, reference: young", ["'young'", "a number"], 0),
    ("label NaN of numbers", "ETHNIC group, reference: Han", "Alter, labels: {nan: none, 20: u}, reference: u",
     ["nan"], 0),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words", "down"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_mistake_in_the_program_is_told_with_its_line(desk, old, new, words, down):
    line = desk.program(old, new) + down
    desk.refuses(*words, desk.at(line))


def test_all_mistakes_of_a_program_are_told_at_once_in_the_order_of_their_lines(desk):
    desk.program()
    text = desk.file.read_text().replace("policies:", "polices:").replace("favourable", "favorable")
    desk.file.write_text(text.replace("min: 0", "minimum: 0"))
    told = desk.refuses("problems", "'favorable'", "'minimum'", "'polices'", "did you mean 'policies'?")
    lines = [int(number) for number in re.findall(r"yaml, line (\d+)", told.text)]
    assert lines == sorted(lines)
    assert {9, 14, 18} <= set(lines)


# name, bytes of the program file, what must be told, line or None where the file as a whole is meant
FILES = [
    ("empty", b"", ["an empty file"], None),
    ("comments only", "# 柜台\n\n# 贷款\n".encode(), ["an empty file"], None),
    ("an empty document", b"---\n", ["nothing", "a mapping"], None),
    ("two documents", b"program: a\n---\nprogram: b\n", ["broken YAML", "another document"], 2),
    ("tab", b"program: a\nsource:\n\ttable: x.csv\n", ["broken YAML", "token"], 3),
    ("open bracket", b"program: a\npolicies: [us\naudits: {}\n", ["broken YAML"], 3),
    ("open quote", b"program: a\ntitle: 'open\n", ["broken YAML"], 3),
    ("not UTF-8", "program: a\ntitle: 贷款\n".encode("gb18030"), ["not UTF-8"], 2),
    ("NUL byte", b"program: a\ntitle: b\0c\n", ["broken YAML", "0000"], 2),
    ("a list", b"- program: a\n", ["a list of 1", "a mapping"], 1),
    ("a number", b"17\n", ["'17'", "a mapping"], 1),
    ("alias without anchor", b"program: a\nsource: *other\n", ["alias"], 2),
    ("key that is a list", b"program: a\n[x, y]: z\n", ["unknown key"], 2),
]


@pytest.mark.parametrize(("content", "words", "line"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_a_file_that_is_no_program_is_told(desk, content, words, line):
    desk.file.write_bytes(content)
    desk.refuses(*words, desk.at(line) if line else str(desk.file))


def command(*arguments: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with little memory and little time."""
    return subprocess.run(
        [sys.executable, "-m", "squaredeal", *map(str, arguments)], cwd=folder, capture_output=True, text=True,
        encoding="utf-8", errors="replace", timeout=15, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)),  # noqa: PLW1509
    )  # fmt: skip


LAUGHS = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9) if i else 'x'}]\n" for i in range(12))
BOMBS = [
    ("a mapping that holds itself", "program: a\nsource: &s\n  table: *s\n"),
    ("a list that holds itself", "program: a\npolicies: &p [us, *p]\n"),
    ("nine to the twelfth texts", LAUGHS),
    ("nested a hundred thousand deep", "program: a\ntitle: " + "[" * 100_000 + "]" * 100_000),
]


@pytest.mark.parametrize("content", [bomb[1] for bomb in BOMBS], ids=[bomb[0] for bomb in BOMBS])
def test_a_file_made_to_exhaust_its_reader_is_refused_at_once(tmp_path, content):
    (tmp_path / "bomb.yaml").write_text(content)
    ended = command("check", "bomb.yaml", folder=tmp_path)
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 2, ended.stderr[-500:]
    assert f"{tmp_path / 'bomb.yaml'}, line " in ended.stderr
    assert "found:" in ended.stderr


PASSWORDS = [
    ("in the connection", "connection: duckdb://", f"connection: postgresql://u:{SECRET}@localhost/db"),
    ("with a dollar sign", "connection: duckdb://", f"connection: postgresql://u:$x{SECRET}@localhost/db"),
    ("with a slash", "connection: duckdb://", f"connection: postgresql://u:a/{SECRET}@localhost/db"),
    ("in the connection's options", "connection: duckdb://", f"connection: postgresql://u@h/db?password={SECRET}"),
    ("as keywords", "connection: duckdb://", f"connection: host=localhost user=u password={SECRET}"),
    ("of a kind not supported", "connection: duckdb://", f"connection: mysql://u:{SECRET}@localhost/db"),
    ("under a key misspelt", "connection: duckdb://", f"conection: postgresql://u:{SECRET}@localhost/db"),
    ("as the whole source", "source:\n  connection: duckdb://\n  table: 贷款 BOOK.csv",
     f"source: postgresql://u:{SECRET}@localhost/db"),
    ("in the table", "table: 贷款 BOOK.csv", f"table: postgresql://u:{SECRET}@localhost/loans"),
    ("in a query", "table: 贷款 BOOK.csv",
     f"query: SELECT * FROM postgres_scan('host=localhost user=u password={SECRET}', 'public', 'loans')"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [case[1:] for case in PASSWORDS], ids=[case[0] for case in PASSWORDS])
def test_a_password_in_a_program_is_refused_and_never_shown(desk, old, new):
    line = desk.program(old, new)
    told = desk.refuses("unknown key" if "conection" in new else "a password", desk.at(line))
    assert SECRET not in told.text
    assert "opening" not in told.text


ENVIRONMENT = [
    ("a scheme that is not supported", f"mysql://u:{SECRET}@localhost/db"),
    ("a password with signs that a URL cannot hold", f"postgresql://u:a:b/{SECRET}@localhost/db"),
    ("no URL at all", SECRET),
    ("a port that is no number", f"postgresql://u:{SECRET}@localhost:port/db"),
    ("half an address", f"postgresql://u:{SECRET}@[::1/db"),
    ("an unknown option", f"postgresql://u:{SECRET}@127.0.0.1:1/db?no_such_option=1"),
]


@pytest.mark.parametrize("url", [case[1] for case in ENVIRONMENT], ids=[case[0] for case in ENVIRONMENT])
@pytest.mark.parametrize("way", ["${COUNTER_URL}", "airflow://counter"])
def test_a_secret_from_the_environment_that_cannot_be_used_is_never_shown(desk, monkeypatch, way, url):
    monkeypatch.setenv("COUNTER_URL", url)
    monkeypatch.setenv("AIRFLOW_CONN_COUNTER", url)
    line = desk.program("connection: duckdb://", f"connection: {way}")
    told = desk.refuses(desk.at(line), "source.connection")
    assert SECRET not in told.text


@pytest.mark.parametrize("text", ['{"conn_type": "postgres", "password": "Geheim7"', '{"conn_type": ["x"]}', "{}"])
def test_an_airflow_connection_that_is_not_well_put_is_told(desk, monkeypatch, text):
    monkeypatch.setenv("AIRFLOW_CONN_COUNTER", text)
    line = desk.program("connection: duckdb://", "connection: airflow://counter")
    told = desk.refuses(desk.at(line))
    assert SECRET not in told.text


def test_a_database_that_does_not_answer_is_told_soon_and_without_the_password(desk, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("COUNTER_PASSWORD", SECRET)
    line = desk.program("duckdb://", f"postgresql://auditor:${{COUNTER_PASSWORD}}@127.0.0.1:{port}/loans")
    start = time.monotonic()
    told = desk.refuses(desk.at(line), "the database does not answer", str(port), "check host, port")
    assert time.monotonic() - start < 15
    assert SECRET not in told.text


PACK = """\
pack: ours
rules:
  - {id: ours.1, title: {en: Our rule}, citation: circular 7, jurisdiction: CN, status: convention, limit_source: ours,
     measure: approval_gap, test: interval, comparison: at_most, limit: 0.05, severity: low, verified: true}
"""
PACKS = [
    ("measure unknown", "approval_gap", "aproval_gap", ["'aproval_gap'", "did you mean 'approval_gap'?"], 4),
    ("key unknown", "severity:", "severty:", ["'severty'", "did you mean 'severity'?"], 3),
    ("status unknown", "status: convention", "status: konvention", ["did you mean 'convention'?"], 3),
    ("limit of text", "limit: 0.05", "limit: five", ["'five'", "a number"], 4),
    ("no limit", "limit: 0.05, ", "", ["no 'limit'"], 3),
    ("broken", "rules:", "rules: [", ["broken YAML"], None),
    ("rule twice", "limit: 0.05, severity: low, verified: true}\n", "limit: 1, severity: low, verified: true}\n"
     + PACK.split("rules:\n")[1], ["rule 'ours.1' a second time"], 5),
    ("empty", PACK, "", ["an empty file"], None),
    ("no rules", PACK.split("rules:")[1], " []\n", ["rule"], 2),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words", "line"), [case[1:] for case in PACKS], ids=[case[0] for case in PACKS])
def test_a_policy_file_that_cannot_be_used_is_told_with_its_line(desk, old, new, words, line):
    assert old in PACK
    pack = desk.folder / "ours.yaml"
    pack.write_text(PACK.replace(old, new, 1))
    desk.program("[conventions]", "[ours.yaml]")
    desk.refuses(*words, f"{pack}, line {line}" if line else str(pack))
    if old != PACK:
        desk.command("policies", pack).refused(*words)


NAMES = [
    ("misspelt", "counter-lons.yaml", ["no such file", "counter-loans.yaml'?"]),
    ("a shipped one, misspelt", "boston-mortgage", ["boston-mortgage", "did you mean 'boston-mortgages'?"]),
    ("a folder", "runs", ["a folder"]),
    ("below a file", "counter-loans.yaml/x.yaml", ["no such file"]),
    ("too long", "x" * 300, ["xxx"]),
    ("nothing", "", ["a program"]),
]


@pytest.mark.parametrize(("name", "words"), [case[1:] for case in NAMES], ids=[case[0] for case in NAMES])
def test_a_program_that_is_not_there_is_told_with_the_nearest_name(desk, monkeypatch, name, words):
    monkeypatch.chdir(desk.folder)
    for told in (desk.command("run", name, "--out", desk.out), desk.command("check", name)):
        told.refused(*words)
    desk.kept_earlier()


def test_a_data_file_given_as_program_is_not_printed(desk):
    desk.file.write_text("名字 电话 " * 3000)
    told = desk.refuses(str(desk.file), "a mapping")
    assert len(told.text) < 3000


def test_a_word_that_has_no_near_name_gets_the_list_of_valid_ones(desk):
    line = desk.program("[conventions]", "[qqqq]")
    desk.refuses("'qqqq'", "one of au, cn, conventions", "us", desk.at(line))


def test_the_check_command_tells_the_same(desk):
    line = desk.program("DTI]", "dti]")
    desk.command("check", desk.file).refused("did you mean 'DTI'?", desk.at(line))
