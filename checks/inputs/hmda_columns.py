"""The 99 columns of the public HMDA loan/application register and what each cell may hold.

Question: is a cell a value of its column, a missing one, or neither? A code that is read as
something it is not, or a band that is taken for a number, moves people between groups without
a trace. Every column lists its codes, or the form of its numbers; whatever else stands in a
cell is refused. Source: the publisher's list of fields of the loan-level register, 2018 on.

Blank and ``NA`` are missing everywhere. ``Exempt`` (1111 where the column is coded) is missing
because a small lender need not report it; such cells are counted apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

BLANK = ("", "NA")
YEAR = "activity_year"


@dataclass(frozen=True, slots=True)
class RegisterColumn:
    """``kind`` is code, number, identifier, flag or year.

    ``codes`` are the values of a coded column, ``pattern`` the form of the others; ``exempt`` the
    text for a value that need not be reported; ``unknown`` the codes that say that nothing is known.
    """

    name: str
    kind: str
    codes: tuple[str, ...] = ()
    pattern: str = ""
    exempt: str | None = None
    unknown: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Every legal text that is no number or identifier, missing ones included."""
        blank = () if self.kind == "year" else BLANK
        return (*blank, *self.codes, *((self.exempt,) if self.exempt else ()))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The codes as ascending numbers where all of them are, else nothing."""
        texts = (*self.codes, *((self.exempt,) if self.exempt else ()))
        return tuple(sorted(map(int, texts))) if all(text.isdigit() for text in texts) else ()

    @property
    def expected(self) -> str:
        """What may stand in a cell, for an error text."""
        blank = "NA or nothing" + (f", or {self.exempt} where it need not be reported" if self.exempt else "")
        if self.kind == "year":
            return "a year such as 2025"
        if self.kind == "number":
            return f"a number such as {_EXAMPLES[self.pattern]} (digits and a decimal point only), {blank}"
        if self.kind == "identifier":
            return f"a text of the form {self.pattern}, {blank}"
        return f"one of {', '.join(self.codes)}; {blank}"

    def allows(self, cell: str) -> bool:
        """Whether a cell may stand in this column."""
        return cell in self.words or bool(self.pattern and re.fullmatch(self.pattern, cell))


_SIZE = r"[0-9]{1,15}(\.[0-9]{1,15})?(E-?[0-9]{1,2})?"  # large ones are published as 1.05E7
_SIGNED = f"-?{_SIZE}"
_EXAMPLES = {_SIZE: "205000.0", _SIGNED: "-0.125"}
_ORIGINS = ("1", "11", "12", "13", "14", "2")
_RACES = (
    "1", "2", "21", "22", "23", "24", "25", "26", "27", "3", "4", "41", "42", "43", "44", "5",
)  # fmt: skip
_AGES = ("<25", "25-34", "35-44", "45-54", "55-64", "65-74", ">74")
_SCORES = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "11", "12", "13", "14", "15")
_REASONS = ("1", "2", "3", "4", "5", "6", "7", "8", "9")
_SYSTEMS = ("1", "2", "3", "4", "5", "6", "7")
_HIDDEN = "Free Form Text Only"
_CODES: dict[str, tuple[str, ...]] = {
    "conforming_loan_limit": ("C", "NC", "U"),
    "derived_loan_product_type": tuple(
        f"{loan}:{lien} Lien" for lien in ("First", "Subordinate") for loan in ("Conventional", "FHA", "VA", "FSA/RHS")
    ),
    "derived_dwelling_category": (
        "Single Family (1-4 Units):Site-Built", "Multifamily:Site-Built (5+ Units)",
        "Single Family (1-4 Units):Manufactured", "Multifamily:Manufactured (5+ Units)",
    ),
    "derived_ethnicity": (
        "Hispanic or Latino", "Not Hispanic or Latino", "Joint", "Ethnicity Not Available", _HIDDEN,
    ),
    "derived_race": (
        "White", "Black or African American", "Asian", "American Indian or Alaska Native",
        "Native Hawaiian or Other Pacific Islander", "2 or more minority races", "Joint", "Race Not Available", _HIDDEN,
    ),
    "derived_sex": ("Male", "Female", "Joint", "Sex Not Available"),
    "action_taken": ("1", "2", "3", "4", "5", "6", "7", "8"),
    "purchaser_type": ("0", "1", "2", "3", "4", "5", "6", "71", "72", "8", "9"),
    "preapproval": ("1", "2"),
    "loan_type": ("1", "2", "3", "4"),
    "loan_purpose": ("1", "2", "31", "32", "4", "5"),
    "lien_status": ("1", "2"),
    "hoepa_status": ("1", "2", "3"),
    "construction_method": ("1", "2"),
    "occupancy_type": ("1", "2", "3"),
    "manufactured_home_secured_property_type": ("1", "2", "3"),
    "manufactured_home_land_property_interest": ("1", "2", "3", "4", "5"),
    "total_units": ("1", "2", "3", "4", "5-24", "25-49", "50-99", "100-149", ">149"),
    "debt_to_income_ratio": (
        "<20%", "20%-<30%", "30%-<36%", *(str(percent) for percent in range(36, 50)), "50%-60%", ">60%",
    ),
    "applicant_credit_score_type": _SCORES,
    "co-applicant_credit_score_type": (*_SCORES, "10"),
    "applicant_sex": ("1", "2", "3", "4", "6"),
    "co-applicant_sex": ("1", "2", "3", "4", "5", "6"),
    "applicant_age": (*_AGES, "8888"),
    "co-applicant_age": (*_AGES, "8888", "9999"),
    "submission_of_application": ("1", "2", "3"),
    "initially_payable_to_institution": ("1", "2", "3"),
}  # fmt: skip
for _who in ("applicant", "co-applicant"):
    _nobody = _who == "co-applicant"
    _CODES |= {f"{_who}_ethnicity-1": (*_ORIGINS, "3", "4", *("5" * _nobody))}
    _CODES |= {f"{_who}_ethnicity-{i}": _ORIGINS for i in range(2, 6)}
    _CODES |= {f"{_who}_race-1": (*_RACES, "6", "7", *("8" * _nobody))}
    _CODES |= {f"{_who}_race-{i}": _RACES for i in range(2, 6)}
    _CODES |= {f"{_who}_{what}_observed": ("1", "2", "3", *("4" * _nobody)) for what in ("ethnicity", "race", "sex")}
    _CODES |= {f"{_who}_age_above_62": ("Yes", "No")}
_CODES |= {f"aus-{i}": _SYSTEMS for i in range(1, 6)}
_CODES |= {"denial_reason-1": (*_REASONS, "10")} | {f"denial_reason-{i}": _REASONS for i in range(2, 5)}
_YES_NO = (
    "reverse_mortgage", "open-end_line_of_credit", "business_or_commercial_purpose", "negative_amortization",
    "interest_only_payment", "balloon_payment", "other_nonamortizing_features",
)  # fmt: skip
_CODES |= dict.fromkeys(_YES_NO, ("1", "2"))
# codes that say that nobody knows, or that there is nothing to know
_UNKNOWN = {
    "derived_ethnicity": ("Ethnicity Not Available", _HIDDEN),
    "derived_race": ("Race Not Available", _HIDDEN),
    "derived_sex": ("Sex Not Available",),
    "applicant_age": ("8888",),
    "co-applicant_age": ("8888", "9999"),
    "denial_reason-1": ("10",),
}
# columns that a small lender need not report, and that are coded
_EXEMPT_CODES = (
    *_YES_NO, "manufactured_home_secured_property_type", "manufactured_home_land_property_interest",
    "applicant_credit_score_type", "co-applicant_credit_score_type", "submission_of_application",
    "initially_payable_to_institution", *(f"aus-{i}" for i in range(1, 6)),
    *(f"denial_reason-{i}" for i in range(1, 5)),
)  # fmt: skip
_EXEMPT_WORDS = ("debt_to_income_ratio", "total_units")
_SIGNED_NUMBERS = (
    "interest_rate", "rate_spread", "total_loan_costs", "total_points_and_fees", "origination_charges",
    "discount_points", "lender_credits", "income",
)  # fmt: skip
_IDENTIFIERS = {
    "lei": "[A-Z0-9]{20}", "derived_msa-md": "[0-9]{1,5}", "state_code": "[A-Z]{2}", "county_code": "[0-9]{4,5}",
    "census_tract": r"[0-9]{10,11}",
}  # fmt: skip
_ORDER = """
activity_year lei derived_msa-md state_code county_code census_tract conforming_loan_limit derived_loan_product_type
derived_dwelling_category derived_ethnicity derived_race derived_sex action_taken purchaser_type preapproval loan_type
loan_purpose lien_status reverse_mortgage open-end_line_of_credit business_or_commercial_purpose loan_amount
loan_to_value_ratio interest_rate rate_spread hoepa_status total_loan_costs total_points_and_fees origination_charges
discount_points lender_credits loan_term prepayment_penalty_term intro_rate_period negative_amortization
interest_only_payment balloon_payment other_nonamortizing_features property_value construction_method occupancy_type
manufactured_home_secured_property_type manufactured_home_land_property_interest total_units
multifamily_affordable_units income debt_to_income_ratio applicant_credit_score_type co-applicant_credit_score_type
applicant_ethnicity-1 applicant_ethnicity-2 applicant_ethnicity-3 applicant_ethnicity-4 applicant_ethnicity-5
co-applicant_ethnicity-1 co-applicant_ethnicity-2 co-applicant_ethnicity-3 co-applicant_ethnicity-4
co-applicant_ethnicity-5 applicant_ethnicity_observed co-applicant_ethnicity_observed applicant_race-1 applicant_race-2
applicant_race-3 applicant_race-4 applicant_race-5 co-applicant_race-1 co-applicant_race-2 co-applicant_race-3
co-applicant_race-4 co-applicant_race-5 applicant_race_observed co-applicant_race_observed applicant_sex
co-applicant_sex applicant_sex_observed co-applicant_sex_observed applicant_age co-applicant_age
applicant_age_above_62 co-applicant_age_above_62 submission_of_application initially_payable_to_institution aus-1 aus-2
aus-3 aus-4 aus-5 denial_reason-1 denial_reason-2 denial_reason-3 denial_reason-4 tract_population
tract_minority_population_percent ffiec_msa_md_median_family_income tract_to_msa_income_percentage
tract_owner_occupied_units tract_one_to_four_family_homes tract_median_age_of_housing_units
""".split()  # noqa: SIM905 - a list of 99 texts is no easier to read


def _column(name: str) -> RegisterColumn:
    if name == YEAR:
        return RegisterColumn(name, "year", pattern="20[0-9]{2}")
    if name in _IDENTIFIERS:
        return RegisterColumn(name, "identifier", pattern=_IDENTIFIERS[name])
    if name in _CODES:
        kind = "flag" if name == "hoepa_status" else "code"
        exempt = "1111" if name in _EXEMPT_CODES else "Exempt" if name in _EXEMPT_WORDS else None
        return RegisterColumn(name, kind, _CODES[name], exempt=exempt, unknown=_UNKNOWN.get(name, ()))
    return RegisterColumn(name, "number", pattern=_SIGNED if name in _SIGNED_NUMBERS else _SIZE, exempt="Exempt")


COLUMNS: Mapping[str, RegisterColumn] = MappingProxyType({name: _column(name) for name in _ORDER})
# one name for two spellings: the yearly files write '_' for '-' and say which loan-to-value ratio it is
_SPELLINGS = {name.replace("-", "_"): name for name in COLUMNS} | {
    "combined_loan_to_value_ratio": "loan_to_value_ratio"
}


def known_as(name: str) -> str | None:
    """The column that a name in a header means, or None."""
    return _SPELLINGS.get(name.replace("-", "_"))


def checked(used: Iterable[str]) -> tuple[RegisterColumn, ...]:
    """The columns whose cells are all looked at: the coded ones, and the used ones whatever they hold."""
    used = set(used)
    return tuple(column for column in COLUMNS.values() if column.codes or column.name in used)
