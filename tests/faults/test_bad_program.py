"""A program that cannot be used is told with file, line, what was found, what was expected, and the nearest name."""

from __future__ import annotations

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
    ("mapping where a text belongs", "table: 贷款 BOOK.csv", "table: {file: x.csv}", ["a mapping with file", "a text"], 0),
    ("number where a mapping belongs", DECISION, "decision: 7", ["'7'", "a mapping"], 0),
    ("text where a number belongs", "min: 0", "min: none", ["'none'", "a number"], 0),
    ("number as name", "program: counter-loans", "program: 20.26", ["'20.26'", "lower-case"], 0),
    ("slash in the name", "program: counter-loans", "program: ../counter", ["'../counter'", "lower-case"], 0),
    ("slash in an attribute", "ethnicity:", "ethni/../city:", ["ethni/../city"], 0),
    ("attribute twice but for case", ETHNICITY, f"{ETHNICITY}\n    {ETHNICITY.replace('eth', 'ETH')}", ["ETHnicity"], 1),
    ("table and query", "table: 贷款 BOOK.csv", "table: 贷款 BOOK.csv\n  query: SELECT 1", ["one of the two"], -1),
    ("reference in other case", "reference: Han", "labels: {Han: 汉, Hui: 回}, reference: han", ["did you mean 'Han'?"], 0),
    ("reference among no bands", "ETHNIC group, reference: Han", "Alter, bands: [25, 40], reference: 25-40", ["25-39"], 0),
    ("bands out of order", "ETHNIC group, reference: Han", "Alter, bands: [40, 25], reference: 40+", ["out of order"], 0),
    ("band that is no number", "ETHNIC group, reference: Han", "Alter, bands: [nan, 25], reference: 25+", ["a number"], 0),
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
    ("question unknown", ".approval\n", ".aproval\n", ["'fair_lending.aproval'", "did you mean 'fair_lending.approval'?"], 0),
    ("package unknown", QUESTION, "- fair_landing\n", ["'fair_landing'", "did you mean 'fair_lending'?"], 0),
    ("question twice", QUESTION, QUESTION + "    " + QUESTION, ["'fair_lending.approval' a second time"], 1),
    ("parameter unknown", QUESTION, "- fair_lending.approval: {levle: 0.9}\n", ["did you mean 'level'?"], 0),
    ("level in percent", QUESTION, "- fair_lending.approval: {level: 95}\n", ["'95'", "0.5 and 1, such as 0.95"], 0),
    ("level as a word", QUESTION, "- fair_lending.approval: {level: high}\n", ["'high'", "0.5 and 1"], 0),
    ("level that is no number", QUESTION, "- fair_lending.approval: {level: .nan}\n", ["'nan'", "0.5 and 1"], 0),
    ("attribute unknown", QUESTION, "- fair_lending.approval: {attributes: [etnicity]}\n", ["did you mean 'ethnicity'?"], 0),
    ("parameters of a package", QUESTION, "- fair_lending: {level: 0.9}\n", ["whole package 'fair_lending'"], 0),
    ("policy unknown", "[conventions]", "[convention]", ["'convention'", "did you mean 'conventions'?"], 0),
    ("policy misspelt, without a list", "[conventions]", "convention", ["did you mean 'conventions'?"], 0),
    ("policy file missing", "[conventions]", "[our-rules.yaml]", ["our-rules.yaml", "no such file"], 0),
    ("check unknown", "audits:", "checks:\n  - expect_column_mean_between: {column: DTI}\naudits:",
     ["unknown check", "did you mean 'expect_column_mean_to_be_between'?"], 1),
    ("check's argument unknown", "audits:", "checks:\n  - expect_column_mean_to_be_between: {column: DTI, min: 1}\naudits:",
     ["unknown argument 'min'", "did you mean 'min_value'?"], 1),
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
    ("Airflow connection missing", "duckdb://", "airflow://no_such", ["AIRFLOW_CONN_NO_SUCH", "the connection 'no_such'"], 0),
    ("port that is no number", "duckdb://", "postgresql://localhost:port/db", ["port"], 0),
    ("DuckDB file missing", "duckdb://", "duckdb://loans.duckdb", ["no file", "loans.duckdb"], 0),
    ("column missing, in other case", "DTI]", "dti]", ["'dti'", "did you mean 'DTI'?"], 0),
    ("column missing, without a list", CONTROLS, "controls: dti", ["'dti'", "did you mean 'DTI'?"], 0),
    ("decision column missing", "审批结果", "审批结", ["'审批结'", "did you mean '审批结果'?"], 0),
    ("group column missing", "column: ETHNIC group", "column: Ethnic_group", ["did you mean 'ETHNIC group'?"], 0),
    ("column of a rule missing", "收入 income: {", "收入: {", ["'收入'", "did you mean '收入 income'?"], 0),
    ("control of text", "DTI]", "ETHNIC group]", ["'ETHNIC group'", "a text", "a number column"], 0),
    ("bands over text", "reference: Han", "bands: [25, 40], reference: 25-39", ["a text", "a number column"], 0),
    ("time of text", "dated: {from: 2025-01-01, to: 2025-12-31}", "time: ETHNIC group", ["a text", "a date column"], 0),
    ("bound of the wrong kind", "min: 0", "min: 2025-01-01", ["2025-01-01", "a number"], 0),
    ("label of the wrong kind", "ETHNIC group, reference: Han", "Alter, reference: young", ["'young'", "a number"], 0),
    ("label NaN of numbers", "ETHNIC group, reference: Han", "Alter, labels: {nan: unknown, 20: u, 21: v}, reference: u", ["nan"], 0),
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
    assert told.text.index("'favorable'") < told.text.index("'minimum'") < told.text.index("'polices'")


# name, bytes of the program file, what must be told, line or None where the file as a whole is meant
FILES = [
    ("empty", b"", ["an empty file"], None),
    ("comments only", "# 柜台\n\n# 贷款\n".encode(), ["an empty file"], None),
    ("an empty document", b"---\n", ["nothing", "a mapping"], 1),
    ("two documents", b"program: a\n---\nprogram: b\n", ["broken YAML", "single document"], 2),
    ("tab", b"program: a\nsource:\n\ttable: x.csv\n", ["broken YAML", "token"], 3),
    ("open bracket", b"program: a\npolicies: [us\naudits: {}\n", ["broken YAML"], 3),
    ("open quote", b"program: a\ntitle: 'open\n", ["broken YAML"], 3),
    ("not UTF-8", "program: a\ntitle: 贷款\n".encode("gb18030"), ["not UTF-8"], 2),
    ("NUL byte", b"program: a\ntitle: b\0c\n", ["broken YAML", "0000"], 2),
    ("a list", b"- program: a\n", ["a list of 1", "a mapping"], 1),
    ("a number", b"17\n", ["'17'", "a mapping"], 1),
    ("alias without anchor", b"program: a\nsource: *other\n", ["broken YAML", "other"], 2),
    ("anchor that holds itself", b"program: a\nsource: &s\n  table: *s\n", ["table"], 3),
    ("list that holds itself", b"program: a\npolicies: &p [us, *p]\n", ["policies"], 2),
    ("nested a thousand deep", b"program: a\ntitle: " + b"[" * 5000 + b"]" * 5000, ["deep"], 2),
    ("key that is a list", b"program: a\n[x, y]: z\n", ["unknown key"], 2),
]


@pytest.mark.timeout(20) if hasattr(pytest.mark, "never") else lambda f: f
@pytest.mark.parametrize(("content", "words", "line"), [f[1:] for f in FILES], ids=[f[0] for f in FILES])
def test_a_file_that_is_no_program_is_told(desk, content, words, line):
    desk.file.write_bytes(content)
    desk.refuses(*words, desk.at(line) if line else str(desk.file))
