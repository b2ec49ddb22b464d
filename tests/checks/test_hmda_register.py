"""A register file is parsed, or refused by line and column, exactly as documented."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import re
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.inputs.contract import DataContract
from checks.inputs.hmda_register import load_register
from checks.inputs.period import Period
from checks.inputs.program import AuditProgram, read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.hmda_files import NAMES, PLAIN, PROGRAM, lender, line, write
from tests.programs import ROOT, run_program

# written from the publisher's list of fields, not from the importer: column → every code, without blank and NA
SCORES = "1 2 3 4 5 6 7 8 9 11 12 13 14 15 1111"
RACES = "1 2 21 22 23 24 25 26 27 3 4 41 42 43 44 5"
CODES = {
    "conforming_loan_limit": "C NC U",
    "action_taken": "1 2 3 4 5 6 7 8",
    "purchaser_type": "0 1 2 3 4 5 6 71 72 8 9",
    "preapproval": "1 2",
    "loan_type": "1 2 3 4",
    "loan_purpose": "1 2 31 32 4 5",
    "lien_status": "1 2",
    "reverse_mortgage": "1 2 1111",
    "open-end_line_of_credit": "1 2 1111",
    "business_or_commercial_purpose": "1 2 1111",
    "hoepa_status": "1 2 3",
    "negative_amortization": "1 2 1111",
    "interest_only_payment": "1 2 1111",
    "balloon_payment": "1 2 1111",
    "other_nonamortizing_features": "1 2 1111",
    "construction_method": "1 2",
    "occupancy_type": "1 2 3",
    "manufactured_home_secured_property_type": "1 2 3 1111",
    "manufactured_home_land_property_interest": "1 2 3 4 5 1111",
    "total_units": "1 2 3 4 5-24 25-49 50-99 100-149 >149 Exempt",
    "debt_to_income_ratio": "<20% 20%-<30% 30%-<36% 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50%-60% >60% Exempt",
    "applicant_credit_score_type": SCORES,
    "co-applicant_credit_score_type": SCORES + " 10",
    "applicant_ethnicity-1": "1 11 12 13 14 2 3 4",
    "co-applicant_ethnicity-1": "1 11 12 13 14 2 3 4 5",
    **{f"{who}applicant_ethnicity-{i}": "1 11 12 13 14 2" for who in ("", "co-") for i in range(2, 6)},
    "applicant_race-1": RACES + " 6 7",
    "co-applicant_race-1": RACES + " 6 7 8",
    **{f"{who}applicant_race-{i}": RACES for who in ("", "co-") for i in range(2, 6)},
    **{f"applicant_{what}_observed": "1 2 3" for what in ("ethnicity", "race", "sex")},
    **{f"co-applicant_{what}_observed": "1 2 3 4" for what in ("ethnicity", "race", "sex")},
    "applicant_sex": "1 2 3 4 6",
    "co-applicant_sex": "1 2 3 4 5 6",
    "applicant_age": "<25 25-34 35-44 45-54 55-64 65-74 >74 8888",
    "co-applicant_age": "<25 25-34 35-44 45-54 55-64 65-74 >74 8888 9999",
    "applicant_age_above_62": "Yes No",
    "co-applicant_age_above_62": "Yes No",
    "submission_of_application": "1 2 3 1111",
    "initially_payable_to_institution": "1 2 3 1111",
    **{f"aus-{i}": "1 2 3 4 5 6 7 1111" for i in range(1, 6)},
    "denial_reason-1": "1 2 3 4 5 6 7 8 9 10 1111",
    **{f"denial_reason-{i}": "1 2 3 4 5 6 7 8 9 1111" for i in range(2, 5)},
}
LEGAL = {name: codes.split() for name, codes in CODES.items()} | {
    "derived_loan_product_type": [
        f"{loan}:{lien} Lien" for loan in ("Conventional", "FHA", "VA", "FSA/RHS") for lien in ("First", "Subordinate")
    ],
    "derived_dwelling_category": [
        "Single Family (1-4 Units):Site-Built", "Multifamily:Site-Built (5+ Units)",
        "Single Family (1-4 Units):Manufactured", "Multifamily:Manufactured (5+ Units)",
    ],
    "derived_ethnicity": [
        "Hispanic or Latino", "Not Hispanic or Latino", "Joint", "Ethnicity Not Available", "Free Form Text Only",
    ],
    "derived_race": [
        "White", "Black or African American", "Asian", "American Indian or Alaska Native",
        "Native Hawaiian or Other Pacific Islander", "2 or more minority races", "Joint", "Race Not Available",
        "Free Form Text Only",
    ],
    "derived_sex": ["Male", "Female", "Joint", "Sex Not Available"],
}  # fmt: skip
MISSING = {
    "derived_race": ["Race Not Available", "Free Form Text Only"],
    "derived_ethnicity": ["Ethnicity Not Available", "Free Form Text Only"],
    "derived_sex": ["Sex Not Available"],
    "applicant_age": ["8888"],
    "co-applicant_age": ["8888", "9999"],
    "denial_reason-1": ["10"],
}
NUMBERS = [
    "loan_amount", "loan_to_value_ratio", "interest_rate", "rate_spread", "total_loan_costs", "total_points_and_fees",
    "origination_charges", "discount_points", "lender_credits", "loan_term", "prepayment_penalty_term",
    "intro_rate_period", "property_value", "multifamily_affordable_units", "income", "tract_population",
    "tract_minority_population_percent", "ffiec_msa_md_median_family_income", "tract_to_msa_income_percentage",
    "tract_owner_occupied_units", "tract_one_to_four_family_homes", "tract_median_age_of_housing_units",
]  # fmt: skip
ALL = PROGRAM + "contract: {features: [" + ", ".join(f"'{name}'" for name in NAMES) + "]}\n"


class Engine:
    """DuckDB alone, without the steps of an opened source that come after the reading."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()

    def raw_sql(self, sql: str) -> duckdb.DuckDBPyConnection:
        return self.connection.execute(sql)


ENGINE = Engine()


def relation(program: Path | AuditProgram) -> list[dict[str, object]]:
    """The columns of a register as read, in the order of the file (one thread reads so small a file)."""
    read = program if isinstance(program, AuditProgram) else read_program(program)
    ENGINE.raw_sql("DROP VIEW IF EXISTS register")
    load_register(read, ENGINE, read.folder, "register")
    found = ENGINE.raw_sql("SELECT * FROM register")
    columns = [column[0] for column in found.description]
    return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def refusal(program: Path | AuditProgram) -> InputError:
    with pytest.raises(InputError) as caught:
        relation(program)
    return caught.value


def places(error: InputError) -> list[tuple[int, str]]:
    """Line and column of each problem."""
    found = [re.search(r", line ([\d,]+), column '(.*)'$", problem.where) for problem in error.problems]
    return [(int(match[1].replace(",", "")), match[2]) for match in found if match]


def test_the_table_of_this_test_names_every_column_once():
    named = [*LEGAL, *NUMBERS, "activity_year", "lei", "derived_msa-md", "state_code", "county_code", "census_tract"]
    assert sorted(named) == sorted(NAMES)


def test_every_code_of_every_column_is_kept_as_it_stands_or_is_missing(tmp_path):
    wanted = [(name, code) for name, codes in LEGAL.items() for code in [*codes, "", "NA"]]
    found = relation(write(tmp_path, [{name: code} for name, code in wanted], program=ALL))
    assert len(found) == len(wanted)
    for (name, code), row in zip(wanted, found, strict=True):
        gone = code in ("", "NA", "1111", "Exempt") or code in MISSING.get(name, [])
        expected = {"1": True, "2": False}.get(code) if name == "hoepa_status" else None if gone else code
        assert (name, code, row[name]) == (name, code, expected)


@pytest.mark.parametrize("read", [True, False], ids=["named by the contract", "only looked after"])
def test_a_code_of_no_column_is_refused_in_every_coded_column(tmp_path, read):
    wrong = {name: next(str(n) for n in range(10, 99) if str(n) not in codes) for name, codes in LEGAL.items()}
    program = read_program(write(tmp_path, []))
    for name, code in wrong.items():
        write(tmp_path, [{}, {name: code}, {}])
        contract = replace(DataContract(), features=(name if read else "lei", "activity_year"))
        error = refusal(replace(program, contract=contract))
        assert places(error) == [(3, name)]
        assert f"'{code}'" in error.problems[0].found
        assert all(legal in error.problems[0].expected for legal in LEGAL[name])


@pytest.mark.parametrize(
    ("cell", "number"),
    [("205000.0", 205000.0), ("0", 0.0), ("36", 36.0), ("1.05E7", 1.05e7), ("007", 7.0), ("", None), ("NA", None),
     ("Exempt", None)],
)  # fmt: skip
def test_a_number_is_read_whatever_its_column(tmp_path, cell, number):
    (row,) = relation(write(tmp_path, [dict.fromkeys(NUMBERS, cell)], program=ALL))
    assert {row[name] for name in NUMBERS} == {number}


@pytest.mark.parametrize("cell", ["1,234", " 12", "12 ", "+5", "1e5", "inf", "nan", "1_000", "0x1F", "12%", "$5", ".",
                                  "5.", ".5", "--1", "none", "exempt", "1" * 20, "１２"])  # fmt: skip
def test_what_is_no_plain_number_is_refused_in_every_number_column(tmp_path, cell):
    error = refusal(write(tmp_path, [{}, dict.fromkeys(NUMBERS, cell)], program=ALL))
    assert places(error) == [(3, name) for name in NAMES if name in NUMBERS][:5]
    assert f"{len(NUMBERS)} such lines and cells, of which the first 5" in error.problems[-1].found


def test_a_separator_of_thousands_is_named_in_the_remedy(tmp_path):
    (problem,) = refusal(write(tmp_path, [{"income": "1,234"}])).problems
    assert (problem.found, problem.remedy) == ("'1,234'", "write it without the separator of thousands: 1234")
    assert problem.where.endswith("register.csv, line 2, column 'income'")


def test_spreads_and_incomes_may_be_negative_and_amounts_may_not(tmp_path):
    rows = relation(write(tmp_path, [{"rate_spread": "-1.25", "income": "-3.0"}]))
    assert (rows[0]["rate_spread"], rows[0]["income"]) == (-1.25, -3.0)
    assert places(refusal(write(tmp_path, [{"loan_amount": "-5000.0"}]))) == [(2, "loan_amount")]


@pytest.mark.parametrize("year", ["", "NA", "25", "2025.0", "1999", "20255"])
def test_a_line_without_a_year_is_refused(tmp_path, year):
    assert places(refusal(write(tmp_path, [{}, {"activity_year": year}]))) == [(3, "activity_year")]


def test_identifiers_are_kept_as_text_with_their_zeros(tmp_path):
    (row,) = relation(write(tmp_path, [{"county_code": "06037", "census_tract": "06037980001"}], program=ALL))
    assert (row["county_code"], row["census_tract"], row["lei"]) == ("06037", "06037980001", PLAIN["lei"])
    for name, cell in (("lei", "549300"), ("state_code", "California"), ("county_code", "LA"), ("census_tract", "12")):
        assert places(refusal(write(tmp_path, [{name: cell}], program=ALL))) == [(2, name)]


def test_columns_are_bound_by_name_in_any_order_and_either_spelling(tmp_path):
    order = random.Random(3).sample(NAMES, len(NAMES))
    header = ",".join(order).replace("-", "_").replace("loan_to_value", "combined_loan_to_value")
    program = write(tmp_path, [])
    (tmp_path / "register.csv").write_text(f"{header}\n{line({'loan_purpose': '31', 'loan_term': '240'}, order)}\n")
    (row,) = relation(program)
    assert (row["loan_purpose"], row["loan_term"], row["derived_race"]) == ("31", 240.0, "White")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda names: names[:-1], "no column tract_median_age_of_housing_units"),
        (lambda names: [*names, "my_notes"], "a column 'my_notes'"),
        (lambda names: [*names, "income"], "the column 'income' twice"),
        (lambda names: ["incme" if name == "income" else name for name in names], "a column 'incme'"),
        (lambda names: [*PLAIN.values()], "no name of a column but 2025, 549300ABCDEFGH012345, 31084"),
        (lambda names: [""], "nothing"),
    ],
    ids=["missing", "extra", "twice", "misspelt", "no header", "blank"],
)
def test_a_wrong_header_is_told_by_name(tmp_path, change, found):
    program = write(tmp_path, [])
    (tmp_path / "register.csv").write_text(",".join(change(list(NAMES))) + f"\n{line()}\n")
    told = [problem.found for problem in refusal(program).problems]
    assert any(text.startswith(found) for text in told), told


def test_the_file_that_a_lender_submits_is_recognised(tmp_path):
    program = write(tmp_path, [])
    transmittal = "1|Any Bank|2025|4|Jane Doe|999-555-0100|jane@example.com|1 Main St|Any City|CA|90210|9|3|12-345|LEI"
    (tmp_path / "register.csv").write_text(transmittal + "\n" + "|".join(["2"] * 110) + "\n")
    (problem,) = refusal(program).problems
    assert "as in the file that a lender submits" in problem.found
    assert "write the contract by hand" in problem.remedy


def test_the_public_register_may_be_separated_by_bars(tmp_path):
    program = write(tmp_path, [])
    (tmp_path / "register.csv").write_text("|".join(NAMES) + "\n" + "|".join(PLAIN.values()) + "\n")
    assert relation(program)[0]["loan_amount"] == 205000.0


@pytest.mark.parametrize(
    ("text", "line_number", "found"),
    [
        (line().rsplit(",", 1)[0], 4, "98 fields"),
        (line() + ",7", 4, "100 fields"),
        (line({"income": "1,234"}).replace('"', ""), 4, "100 fields"),
        (line({"lei": "5"}).replace(",5,", ',"5,', 1), 4, "a quotation mark that is not closed"),
        (line().replace("CA", '"C"A', 1), 4, "quotation marks out of place"),
        (line().replace("White", "Wh\udcffte", 1), 4, "bytes that are not UTF-8"),
    ],
    ids=["too few", "too many", "bare separator", "open quote", "stray quote", "no UTF-8"],
)
def test_a_line_that_breaks_the_form_is_refused_with_its_number(tmp_path, text, line_number, found):
    program = write(tmp_path, [])
    lines = "\n".join([",".join(NAMES), line(), line(), text, line(), ""])
    (tmp_path / "register.csv").write_bytes(lines.encode("utf-8", "surrogateescape"))
    first = refusal(program).problems[0]
    assert first.where.endswith(f"register.csv, line {line_number}")
    assert first.found.startswith(found)


def test_quotes_line_ends_marks_and_blank_lines_change_nothing(tmp_path):
    quoted = ",".join(f'"{cell}"' for cell in PLAIN.values())
    plain = relation(write(tmp_path, [{}, {}]))
    for text in (
        "\r\n".join([",".join(NAMES), line(), line(), ""]),
        "\ufeff" + "\n".join([",".join(NAMES), line(), line()]),
        "\n".join([",".join(f'"{name}"' for name in NAMES), quoted, quoted, ""]),
        "\n".join([",".join(NAMES), line(), "", line(), "", ""]),
    ):
        program = write(tmp_path, [])
        (tmp_path / "register.csv").write_bytes(text.encode())
        assert relation(program) == plain


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    program = write(tmp_path, [])
    spread = line({"lei": "two\nlines"})
    text = "\n".join([",".join(NAMES), "", spread, line({"action_taken": "9"}), ""])
    (tmp_path / "register.csv").write_text(text)
    assert places(refusal(program)) == [(5, "action_taken")]


@pytest.mark.parametrize(("suffix", "opener"), [("gz", gzip.open), ("bz2", bz2.open), ("xz", lzma.open)])
def test_packed_files_are_read_and_refused_under_their_own_name(tmp_path, suffix, opener):
    program = write(tmp_path, [{}], name=f"register.csv.{suffix}")
    packed = tmp_path / f"register.csv.{suffix}"
    for changes, expected in (({}, None), ({"loan_type": "7"}, [(2, "loan_type")])):
        with opener(packed, "wt") as stream:
            stream.write(",".join(NAMES) + "\n" + line(changes) + "\n")
        if expected is None:
            assert len(relation(program)) == 1
        else:
            error = refusal(program)
            assert places(error) == expected
            assert error.problems[0].where.startswith(str(packed))


def test_several_files_are_one_register_and_an_error_names_the_file(tmp_path):
    write(tmp_path, [{"activity_year": "2024"}] * 2, name="a.csv")
    order = list(reversed(NAMES))
    (tmp_path / "b.csv").write_text(",".join(order) + "\n" + line({"activity_year": "2025"}, order) + "\n")
    program = tmp_path / "register.yaml"
    program.write_text(PROGRAM.replace("register.csv", "'*.csv'"))
    assert sorted(row["activity_year"] for row in relation(program)) == [2024, 2024, 2025]
    (tmp_path / "b.csv").write_text(",".join(order) + "\n" + line({"lien_status": "3"}, order) + "\n")
    error = refusal(program)
    assert places(error) == [(2, "lien_status")]
    assert error.problems[0].where.startswith(str(tmp_path / "b.csv"))


def test_an_empty_register_is_refused(tmp_path):
    program = write(tmp_path, [])
    with pytest.raises(InputError) as caught, open_source(read_program(program), Period()):
        pass
    assert caught.value.problems[0].found == "no rows"
    (tmp_path / "register.csv").write_bytes(b"")
    assert refusal(program).problems[0].found.startswith("an empty file")


def test_many_bad_cells_are_counted_and_the_first_listed_in_the_order_of_the_file(tmp_path):
    rows = [{"action_taken": "0", "income": "?"} if i % 2 else {} for i in range(100)]
    error = refusal(write(tmp_path, rows))
    assert places(error) == [
        (3, "action_taken"),
        (3, "income"),
        (5, "action_taken"),
        (5, "income"),
        (7, "action_taken"),
    ]
    assert error.problems[-1].found == "100 such lines and cells, of which the first 5 are listed"


def legal(name: str, cell: str) -> bool:
    """Whether this test's own table allows a cell."""
    if name in LEGAL:
        return cell in ("", "NA", *LEGAL[name])
    return cell in ("", "NA", "Exempt") or bool(re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?(E-?[0-9]{1,2})?", cell))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 19),
            st.sampled_from([*LEGAL, "loan_amount", "loan_term", "property_value"]),
            st.one_of(
                st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=4),
                st.sampled_from(
                    ["8888", "9999", "Exempt", "1111", "1,234", "NA", "", "0", "1", "5", "10", "<25", "Joint"]
                ),
            ),
        ),
        min_size=1, max_size=4, unique_by=lambda change: (change[0], change[1]),
    )
)  # fmt: skip
def test_a_corrupted_cell_is_refused_at_its_place_or_is_legal(tmp_path_factory, changes):
    rows: list[dict[str, str]] = [{} for _ in range(20)]
    for row, name, cell in changes:
        rows[row][name] = cell
    program = write(tmp_path_factory.mktemp("register"), rows, program=ALL)
    wrong = sorted(
        ((row + 2, NAMES.index(name), name) for row, name, cell in changes if not legal(name, cell)),
    )
    if wrong:
        assert places(refusal(program)) == [(row, name) for row, _, name in wrong]
    else:
        assert len(relation(program)) == 20


@pytest.mark.parametrize("cell", ["9", "-1", "x", "1,234", "70000", "Exempt", "1.2.3"])
def test_columns_that_nobody_names_are_looked_after(tmp_path, cell):
    rows = [{}, {"preapproval": cell}]
    assert places(refusal(write(tmp_path, rows))) == [(3, "preapproval")]


def test_numbers_that_nobody_names_stay_unread(tmp_path):
    assert len(relation(write(tmp_path, [{"tract_population": "1,234"}]))) == 1


def test_four_lines_of_a_program_give_findings_and_count_what_is_not_known_or_exempt(tmp_path):
    rows = lender(1000)
    run, _ = run_program(write(tmp_path, rows), tmp_path / "out")
    assert run.checks.fit
    assert (run.data.first_day, run.data.last_day) == ("2025-01-01", "2025-12-31")
    black = {m.measure: m for m in run.measurements if m.attribute == "race" and m.group == "Black or African American"}
    assert black["approval_gap"].low < 0.2 < black["approval_gap"].high  # planted
    assert "Race Not Available" not in {m.group for m in run.measurements}
    left_out = {(item.role, item.reason.split(":")[0]): item.rows for item in run.exclusions}
    unknown = sum(row["derived_race"] == "Race Not Available" for row in rows)
    exempt = sum(row["loan_to_value_ratio"] == "Exempt" for row in rows)
    assert left_out["groups.race", "no group label"] == unknown
    assert left_out["controls.loan_to_value_ratio", "exempt"] == exempt
    assert [reason for _, reason in left_out].count("exempt") == 1


def test_what_the_program_writes_comes_before_what_the_register_gives(tmp_path):
    own = """contract:
  controls: [income]
  strata: []
  groups: {sex: {column: applicant_sex, labels: {1: man, 2: woman}, reference: man}, age: }
  columns: {loan_amount: {max: 5000000}}
  denial_reasons:
scope: {jurisdictions: [US-CA]}
"""
    contract = read_program(write(tmp_path, [], program=PROGRAM + own)).contract
    assert contract.controls == ("income",)
    assert (contract.strata, contract.denial_reasons) == ((), ())
    assert [group.name for group in contract.groups] == ["sex", "race", "ethnicity"]
    assert contract.groups[0].column == "applicant_sex"
    assert contract.rule_for("loan_amount").maximum == 5_000_000
    assert contract.rule_for("derived_race").null_tolerance == 1
    program = read_program(write(tmp_path, [], program=PROGRAM + own))
    assert (program.scope.jurisdictions, program.contract.rate) == (("US-CA",), "rate_spread")


def test_roles_of_a_register_without_a_contract(tmp_path):
    program = read_program(write(tmp_path, []))
    assert (program.scope.jurisdictions, program.scope.products) == (("US",), ("mortgage",))
    decision = program.contract.decision
    assert (decision.favourable, decision.unfavourable) == (("1", "2"), ("3",))
    assert program.contract.loan["high_cost"] == "hoepa_status"
    assert not set(program.contract.controls) & {"debt_to_income_ratio"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("contract: {controls: [fico]}\n", "column 'fico'"),
        ("contract: 5\n", "'5'"),
    ],
)
def test_a_contract_that_does_not_fit_a_register_is_told(tmp_path, text, found):
    assert refusal(write(tmp_path, [{}], program=PROGRAM + text)).problems[0].found == found


@pytest.mark.parametrize("source", ["{query: SELECT 1, format: hmda}", "{table: a.csv, format: hmdaa}",
                                    "{table: a.csv, connection: 'duckdb:///x', format: hmda}"])  # fmt: skip
def test_a_format_that_cannot_be_is_refused(tmp_path, source):
    file = write(tmp_path, [{}])
    file.write_text(re.sub(r"source: .*", f"source: {source}", file.read_text()))
    assert any("format" in problem.where for problem in refusal(file).problems)


def test_the_example_of_the_documents_runs(tmp_path):
    examples = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/hmda.md").read_text(), re.DOTALL)
    write(tmp_path, lender(200), name="2025_lar.csv")
    for i, example in enumerate(examples):
        (tmp_path / f"example{i}.yaml").write_text(example)
        run, _ = run_program(tmp_path / f"example{i}.yaml", tmp_path / "out")
        assert run.checks.fit
    assert len(examples) == 2


@pytest.mark.parametrize(
    ("ends", "place", "found"),
    [(("\r", "\r", "\r"), 1, "carriage returns alone"), (("\r\n", "\r\n", "\n"), 3, "a line that ends in LF")],
)
def test_line_ends_that_cannot_be_read_are_told_by_line(tmp_path, ends, place, found):
    program = write(tmp_path, [])
    text = "".join(row + end for row, end in zip([",".join(NAMES), line(), line()], ends, strict=True))
    (tmp_path / "register.csv").write_bytes((text + line() + "\r\n").encode())
    (problem,) = refusal(program).problems
    assert problem.where.endswith(f"register.csv, line {place}")
    assert found in problem.found
