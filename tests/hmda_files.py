"""Register files for tests: a legal line to change, a lender with a planted gap, a national year made by DuckDB.

What stands here of the register's form is written down independently of the importer: its 99 names in their order,
and a legal value of each.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb
import numpy as np

PEOPLE = ("applicant", "co-applicant")
# name → a few legal values, the first of which a plain line holds; in the order of the published file
VALUES: dict[str, tuple[str, ...]] = {
    "activity_year": ("2025",),
    "lei": ("549300ABCDEFGH012345", "549300ABCDEFGH678901"),
    "derived_msa-md": ("31084", "99999"),
    "state_code": ("CA", "TX", "NA"),
    "county_code": ("06037", "48201", "NA"),
    "census_tract": ("06037980001", "48201100000", "NA"),
    "conforming_loan_limit": ("C", "NC", "U", "NA"),
    "derived_loan_product_type": ("Conventional:First Lien", "FHA:First Lien", "FSA/RHS:Subordinate Lien"),
    "derived_dwelling_category": ("Single Family (1-4 Units):Site-Built", "Multifamily:Site-Built (5+ Units)"),
    "derived_ethnicity": ("Not Hispanic or Latino", "Hispanic or Latino", "Joint", "Ethnicity Not Available"),
    "derived_race": ("White", "Black or African American", "Asian", "Joint", "Race Not Available"),
    "derived_sex": ("Male", "Female", "Joint", "Sex Not Available"),
    "action_taken": ("1", "1", "1", "2", "3", "3", "4", "5", "6"),
    "purchaser_type": ("0", "1", "3", "71"),
    "preapproval": ("2", "1"),
    "loan_type": ("1", "2", "3"),
    "loan_purpose": ("1", "2", "31", "32", "4"),
    "lien_status": ("1", "2"),
    "reverse_mortgage": ("2", "1111"),
    "open-end_line_of_credit": ("2", "1"),
    "business_or_commercial_purpose": ("2", "1"),
    "loan_amount": ("205000.0", "75000.0", "1055000.0"),
    "loan_to_value_ratio": ("80.0", "96.5", "NA", "Exempt"),
    "interest_rate": ("6.125", "7.5", "NA"),
    "rate_spread": ("0.241", "-0.35", "1.8", "NA"),
    "hoepa_status": ("2", "3", "3"),
    "total_loan_costs": ("5212.4", "NA"),
    "total_points_and_fees": ("NA", "Exempt"),
    "origination_charges": ("1495.0", "NA"),
    "discount_points": ("", "1200.5"),
    "lender_credits": ("", "300.0"),
    "loan_term": ("360", "180", "240"),
    "prepayment_penalty_term": ("NA", "36"),
    "intro_rate_period": ("NA", "60"),
    "negative_amortization": ("2", "1"),
    "interest_only_payment": ("2", "1"),
    "balloon_payment": ("2", "1"),
    "other_nonamortizing_features": ("2", "1"),
    "property_value": ("255000.0", "1125000.0", "NA"),
    "construction_method": ("1", "2"),
    "occupancy_type": ("1", "2", "3"),
    "manufactured_home_secured_property_type": ("3", "1"),
    "manufactured_home_land_property_interest": ("5", "1"),
    "total_units": ("1", "2", "5-24"),
    "multifamily_affordable_units": ("NA", "40"),
    "income": ("96.0", "151.0", "62.0", "NA"),
    "debt_to_income_ratio": ("30%-<36%", "<20%", "36", "44", "50%-60%", ">60%", "NA"),
    "applicant_credit_score_type": ("1", "3", "9"),
    "co-applicant_credit_score_type": ("10", "9"),
    **{f"applicant_ethnicity-{i}": ("2", "1", "3") if i == 1 else ("", "", "14") for i in range(1, 6)},
    **{f"co-applicant_ethnicity-{i}": ("5", "2") if i == 1 else ("", "", "11") for i in range(1, 6)},
    "applicant_ethnicity_observed": ("2", "3"),
    "co-applicant_ethnicity_observed": ("4", "2"),
    **{f"applicant_race-{i}": ("5", "3", "21") if i == 1 else ("", "", "44") for i in range(1, 6)},
    **{f"co-applicant_race-{i}": ("8", "5") if i == 1 else ("", "", "27") for i in range(1, 6)},
    "applicant_race_observed": ("2", "3"),
    "co-applicant_race_observed": ("4", "2"),
    "applicant_sex": ("1", "2"),
    "co-applicant_sex": ("5", "2"),
    "applicant_sex_observed": ("2", "3"),
    "co-applicant_sex_observed": ("4", "2"),
    "applicant_age": ("35-44", "<25", "65-74", ">74", "8888"),
    "co-applicant_age": ("9999", "45-54"),
    "applicant_age_above_62": ("No", "No", "Yes", "NA"),
    "co-applicant_age_above_62": ("NA", "No"),
    "submission_of_application": ("1", "2"),
    "initially_payable_to_institution": ("1", "2"),
    **{f"aus-{i}": ("1", "6") if i == 1 else ("", "", "2") for i in range(1, 6)},
    **{f"denial_reason-{i}": ("10", "1", "3") if i == 1 else ("", "", "4") for i in range(1, 5)},
    "tract_population": ("4021", "7800"),
    "tract_minority_population_percent": ("43.71", "8.2"),
    "ffiec_msa_md_median_family_income": ("98200", "71000"),
    "tract_to_msa_income_percentage": ("112", "61.5"),
    "tract_owner_occupied_units": ("1104", "310"),
    "tract_one_to_four_family_homes": ("1400", "512"),
    "tract_median_age_of_housing_units": ("41", "0"),
}
NAMES = tuple(VALUES)
PLAIN = {name: values[0] for name, values in VALUES.items()}
PROGRAM = """program: register
source: {table: register.csv, format: hmda}
audits: {primary: [fair_lending.approval]}
policies: [conventions]
"""


def line(changes: Mapping[str, str] = PLAIN, names: Iterable[str] = NAMES) -> str:
    """A legal line with some of its cells changed, quoted where it must be."""
    target = io.StringIO()
    csv.writer(target, lineterminator="").writerow([{**PLAIN, **changes}[name] for name in names])
    return target.getvalue()


def write(folder: Path, rows: Iterable[Mapping[str, str]], name: str = "register.csv", program: str = PROGRAM) -> Path:
    """A register of lines that differ from the plain one as ``rows`` say, and a program about it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([",".join(NAMES), *map(line, rows), ""]), encoding="utf-8")
    file = folder / "register.yaml"
    file.write_text(program.replace("register.csv", name), encoding="utf-8")
    return file


def lender(rows: int = 3000, seed: int = 5, gap: float = 0.2, unknown: float = 0.25) -> list[dict[str, str]]:
    """Applications of a lender who approves Black applicants less often by ``gap``; a share has no race on record."""
    rng = np.random.default_rng(seed)
    black = rng.random(rows) < 0.3
    known = rng.random(rows) >= unknown
    approved = rng.random(rows) < 0.8 - gap * black
    made = []
    for i in range(rows):
        one = {name: values[rng.integers(len(values))] for name, values in VALUES.items()}
        race = "Black or African American" if black[i] else "White"
        one |= {"derived_race": race if known[i] else "Race Not Available", "action_taken": "1" if approved[i] else "3"}
        made.append(one)
    return made


_NUMBERS = {  # name → lowest, number of steps, step, decimals: what a national year holds many different values of
    "loan_amount": (5000, 90, 10000, 1), "loan_to_value_ratio": (20, 90_000, 0.001, 3),
    "interest_rate": (2, 7_000, 0.001, 3), "rate_spread": (-1, 5_000, 0.001, 3),
    "total_loan_costs": (500, 2_000_000, 0.01, 2), "origination_charges": (0, 900_000, 0.01, 2),
    "property_value": (55_000, 190, 10_000, 1), "income": (20, 380, 1, 1), "tract_population": (900, 7_000, 1, 0),
    "tract_minority_population_percent": (0, 10_000, 0.01, 2), "tract_owner_occupied_units": (0, 3_000, 1, 0),
    "ffiec_msa_md_median_family_income": (50_000, 700, 100, 0), "tract_to_msa_income_percentage": (30, 17_000, 0.01, 2),
    "tract_one_to_four_family_homes": (0, 3_000, 1, 0), "county_code": (10_001, 3_000, 1, 0),
    "census_tract": (10_001_000_000, 90_000, 1, 0),
}  # fmt: skip


_MOSTLY_FIRST = (
    "reverse_mortgage", "open-end_line_of_credit", "business_or_commercial_purpose", "preapproval", "lien_status",
    "negative_amortization", "interest_only_payment", "balloon_payment", "other_nonamortizing_features",
    "construction_method", "occupancy_type", "manufactured_home_secured_property_type", "total_units",
    "manufactured_home_land_property_interest", "prepayment_penalty_term", "multifamily_affordable_units",
)  # fmt: skip


def write_year(file: Path, rows: int) -> None:
    """A register of so many lines, every cell drawn by hashing its row and column; about 400 bytes a line."""
    cells = []
    for i, (name, values) in enumerate(VALUES.items()):
        draw = f"hash(i * 131 + {i})"
        texts = ", ".join("NULL" if value == "" else f"'{value}'" for value in values)
        if values[0] == "" or name in _MOSTLY_FIRST:  # nineteen cells of twenty hold the first value
            value = f"([{texts}])[1 + CAST(if({draw} % 20 > 0, 0, {draw} // 20 % {len(values)}) AS INTEGER)]"
        else:
            value = f"([{texts}])[1 + CAST({draw} % {len(values)} AS INTEGER)]"
        if name in _NUMBERS:
            low, steps, step, decimals = _NUMBERS[name]
            number = f"CAST(CAST({low} + {draw} % {steps} * {step} AS DECIMAL(18, {decimals})) AS VARCHAR)"
            value = f"CASE WHEN {value} IN ('NA', 'Exempt') THEN {value} ELSE {number} END"
        cells.append(f'{value} AS "{name}"')
    with duckdb.connect(config={"memory_limit": "2GB", "preserve_insertion_order": False}) as connection:
        connection.execute(f"COPY (SELECT {', '.join(cells)} FROM range({rows}) AS t(i)) TO '{file}' (FORMAT csv)")
