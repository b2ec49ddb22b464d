"""Small books of loans that make the questions on predatory lending say all that they can say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from checks.inputs.contract import LOAN_FLAGS
from tests import credit_books, loan_rules, pushes
from tests.programs import write_program

GROUPS = {"sex": {"column": "sex", "reference": "m"}}
POLICIES = ("us", "uk", "cn", "eu", "in", "au", "conventions")
SCOPE = {"jurisdictions": ["US", "UK", "CN", "EU", "IN", "AU"], "products": ["personal_loan", "mortgage"]}
TERMS = {"product": "line", "preticked": "ticked", "solicited": "asked", "default_credit": "by_default",
         "cost_shown": "told"}  # fmt: skip
FORM = {"currency": "CNY"}
# of a loan that the columns of the same name hold
KEYS = (
    "amount", "fees", "instalment", "insurance", "ancillary", "default_fees", "establishment_fee", "monthly_fee",
    "cost_sheet", "income", "debt_service", "credit_limit", "policy_limit", "borrower_credit", "prepayment_penalty",
    "interest_paid", "principal_paid", "lowest_balance", "term_months", "disclosed_apr", "benchmark_rate", "apor",
    "loss_guarantee", "prepayment_months", "rollovers", "unauthorised_debits", "originated_at", "repaid_at", "lien",
    *LOAN_FLAGS,
)  # fmt: skip
EVERY_ROLE = {key: key for key in KEYS}


def loans(rows: int = 900, seed: int = 5) -> pd.DataFrame:
    """Loans of a year with every column, a tenth of them far too dear."""
    rng = np.random.default_rng(seed)

    def flag(share: float) -> Any:
        return np.where(rng.random(rows) < share, "yes", "no")

    amount, months = rng.integers(5, 300, rows) * 100.0, rng.choice([1, 3, 12, 36], rows)
    a_month = np.where(rng.random(rows) < 0.1, 0.2, rng.uniform(0.004, 0.02, rows))
    day = pd.Timestamp("2026-01-05") + pd.to_timedelta(rng.integers(0, 170, rows), "D")
    instalment = amount * a_month / (1 - (1 + a_month) ** -months)
    return pd.DataFrame({
        "case": np.arange(rows), "who": [f"p{i // 3}" for i in range(rows)], "sex": rng.choice(["f", "m"], rows),
        "shop": rng.choice(["a", "b"], rows), "line": rng.choice(["cash", "card"], rows), "amount": amount,
        "fees": (amount * rng.uniform(0, 0.03, rows)).round(2), "instalment": instalment.round(2),
        "insurance": (amount * 0.02 * (rng.random(rows) < 0.4)).round(2), "ancillary": 5.0,
        "default_fees": rng.choice([0.0, 12.0, 30.0], rows), "establishment_fee": amount * 0.1, "monthly_fee": 4.0,
        "cost_sheet": (instalment * months - amount).round(2), "income": rng.lognormal(10, 0.5, rows).round(2),
        "debt_service": rng.uniform(0, 900, rows).round(2), "credit_limit": amount, "policy_limit": amount * 1.02,
        "borrower_credit": amount * 2, "prepayment_penalty": amount * rng.uniform(0, 0.03, rows),
        "interest_paid": rng.uniform(0, 500, rows), "principal_paid": rng.uniform(0, 900, rows),
        "lowest_balance": rng.uniform(0, 900, rows), "term_months": months,
        "disclosed_apr": (1200 * a_month - rng.choice([0.0, 0.3], rows)).round(3), "benchmark_rate": 3.0, "apor": 6.0,
        "loss_guarantee": amount * 0.04, "prepayment_months": rng.choice([0, 24, 48], rows),
        "rollovers": rng.integers(0, 4, rows), "unauthorised_debits": rng.integers(0, 2, rows), "originated_at": day,
        "repaid_at": day + pd.to_timedelta(rng.integers(5, 40, rows), "D"), "lien": rng.choice(["1", "2"], rows),
        **{name: flag(0.3) for name in (*LOAN_FLAGS, "ticked", "asked", "by_default", "told")},
    })  # fmt: skip


def holes(data: pd.DataFrame) -> pd.DataFrame:
    """Missing and impossible values, each column in other rows."""
    data = data.copy()
    for i, name in enumerate([*KEYS, *TERMS.values(), "sex", "shop", "who"]):
        if data[name].dtype.kind in "iu":
            data[name] = data[name].astype(float)
        data.loc[data.index[i % 7 :: 9], name] = None
    for place, (name, value) in enumerate({
        "amount": -5.0, "fees": 1e9, "instalment": -1.0, "term_months": 0.0, "income": -1.0, "debt_service": -1.0,
        "rollovers": 0.5, "lien": "third",
    }.items()):  # fmt: skip
        data.loc[data.index[place::17], name] = value
    data.loc[data.index[3::29], "income"] = 0.0
    return data


def written(
    folder: Path, data: pd.DataFrame, without: tuple[str, ...] = (), loan: dict[str, str] | None = None,
    form: dict[str, Any] | None = None, audits: str = "predatory_lending", **changes: Any,
) -> Path:  # fmt: skip
    """The program of these loans; ``changes`` replace parts of the contract, ``without`` takes some out."""
    contract: dict[str, Any] = {
        "unit": "case", "entity": "who", "time": "originated_at", "groups": GROUPS, "strata": ["shop"],
        "loan": {**(EVERY_ROLE if loan is None else loan), **(FORM if form is None else form)}, "terms": TERMS,
        **changes,
    }  # fmt: skip
    contract = {role: part for role, part in contract.items() if role not in without}
    named = str(contract)
    contract["columns"] = {name: {"null_tolerance": 1} for name in data if f"'{name}'" in named and name != "case"}
    return write_program(
        folder, data, name="odd", contract=contract, scope=SCOPE, audits={"primary": [audits]}, policies=[*POLICIES],
    )  # fmt: skip


def _of_one(rows: int = 900, many: int = 800) -> list[str]:
    return ["p" if i < many else f"q{i}" for i in range(rows)]


def _steered(change: Callable[[pd.DataFrame], pd.DataFrame] = lambda data: data, **changes: Any) -> Any:
    def made(folder: Path) -> Path:
        return loan_rules.written(folder, change(loan_rules.loans(4)), loan_rules.rules(4), **changes)

    return made


def _pushed(*without: str, change: Callable[[pd.DataFrame], pd.DataFrame] = lambda data: data, **changes: Any) -> Any:
    def made(folder: Path) -> Path:
        data = change(pushes.offers(3, 1500, 20.0, 30.0))
        terms = {key: name for key, name in pushes.TERMS.items() if key not in without}
        roles = tuple(role for role in without if role not in pushes.TERMS)
        return pushes.written(folder, data, roles, **{"terms": terms, **changes})

    return made


def _pushed_with_holes(data: pd.DataFrame) -> pd.DataFrame:
    data = data.astype({"shown": object, "kept_back": object})
    for i, name in enumerate(("shown", "kept_back", "drawn", "health", "segment", "customer")):
        data[name] = data[name].astype(object) if name != "drawn" else data[name]
        data.loc[data.index[i::13], name] = None
    data.loc[data.index[7::41], "drawn"] = -1.0
    return data


def _of(
    question: str, *keys: str, without: tuple[str, ...] = (), form: dict[str, Any] | None = None, **kept: Any
) -> Any:
    """A book for one question, with some keys of a loan; ``kept`` are columns in place of the book's own."""

    def made(folder: Path) -> Path:
        data = loans().assign(**{name: value for name, value in kept.items() if name not in ("weight", "rows")})
        roles = {"weight": kept["weight"]} if "weight" in kept else {}
        return written(
            folder, data.head(kept.get("rows", 900)), without, {key: key for key in keys}, form,
            f"predatory_lending.{question}", **roles,
        )  # fmt: skip

    return made


_CREDIT = ("amount", "instalment", "term_months", "income", "debt_service", "policy_limit", "originated_at")
_CHAINS = ("amount", "fees", "originated_at", "repaid_at", "income")
_SOLD = ("amount", "fees", "instalment", "insurance", "term_months", "originated_at")
_RATES = ("amount", "instalment", "term_months", "originated_at")
_SHEET = (*_SOLD, "disclosed_apr", "cost_sheet", "fact_statement")
_FEW_BORROWERS = [f"p{i % 9}" for i in range(900)]
_SEX_UNKNOWN = [None if i % 3 else "m" if i % 2 else "f" for i in range(900)]
BOOKS: dict[str, Any] = {
    "loans": lambda folder: written(folder, loans()),
    "loans with holes": lambda folder: written(folder, holes(loans())),
    "loans with odd flags": _of("hidden_charges", "fact_statement", "originated_at", fact_statement="maybe"),
    "checkouts with odd flags": _of("inducement", "amount", "originated_at", ticked="often", asked="who knows"),
    "few credits": _of("over_crediting", *_CREDIT, rows=30),
    "credits of one large borrower": _of("over_crediting", *_CREDIT, who=_of_one()),
    "credits of a few borrowers": _of("over_crediting", *_CREDIT, who=_FEW_BORROWERS),
    "credits of nobody": _of("over_crediting", *_CREDIT, who=None),
    "credits without groups": _of("over_crediting", "amount", without=("groups", "entity", "time", "strata")),
    "credits of unknown sex": _of("over_crediting", *_CREDIT, sex=_SEX_UNKNOWN, weight="ancillary"),
    "credits of income of a month": _of(
        "over_crediting", *_CREDIT[:4], "originated_at", income=9e5, form={**FORM, "income_period": "month"}
    ),
    "credits of a poor year": _of("over_crediting", *_CREDIT, income=100.0),
    "credits of no income": _of("over_crediting", *_CREDIT, income=0.0),
    "credits of small guarantees": _of(
        "over_crediting", "amount", "loss_guarantee", "originated_at", loss_guarantee=0.05
    ),
    "few chains": _of("debt_trap", *_CHAINS, rows=30),
    "chains of a few borrowers": _of("debt_trap", *_CHAINS, who=_FEW_BORROWERS),
    "chains of one large borrower": _of("debt_trap", *_CHAINS, "rollovers", who=_of_one()),
    "chains of nobody": _of("debt_trap", *_CHAINS, who=None),
    "chains that never end": _of("debt_trap", *_CHAINS, repaid_at=pd.NaT),
    "chains without roles": _of(
        "debt_trap", "amount", "originated_at", without=("entity", "groups"), weight="ancillary"
    ),
    "few loans with extras": _of("hidden_charges", *_SHEET, rows=30),
    "extras of a few borrowers": _of("hidden_charges", *_SOLD, who=_FEW_BORROWERS),
    "extras without groups": _of("hidden_charges", *_SOLD, without=("groups",), weight="ancillary"),
    "extras of unknown sex": _of("hidden_charges", *_SOLD, sex=_SEX_UNKNOWN),
    "extras that are rare": _of(
        "hidden_charges", *_SOLD, insurance=[9.0 if i < 4 else 0.0 for i in range(900)], fees=[499.0] + [0.0] * 899
    ),
    "extras alike": _of("hidden_charges", *_SOLD, amount=1000.0, fees=10.0),
    "rates told in another unit": _of("hidden_charges", *_SHEET, disclosed_apr=0.12),
    "few rates": _of("concentration", *_RATES, rows=30),
    "rates of a few borrowers": _of("concentration", *_RATES, who=_FEW_BORROWERS),
    "rates of nobody": _of("concentration", *_RATES, who=None),
    "rates alike": _of("concentration", *_RATES, amount=1000.0, instalment=90.0, term_months=12),
    "rates of one sex": _of("concentration", *_RATES, sex="m"),
    "rates of unknown sex": _of("concentration", *_RATES, sex=_SEX_UNKNOWN),
    "rates that are disclosed": _of("concentration", "disclosed_apr", "originated_at", weight="ancillary"),
    "rates of nothing": _of("concentration", "amount", "originated_at"),
    "credit": lambda folder: credit_books.written(folder, credit_books.credit_book(rows=900)),
    "steered loans": _steered(),
    "steered loans with borrowers": _steered(
        lambda data: data.assign(who=[f"p{i // 2}" for i in range(len(data))]), entity="who", strata=["région"]
    ),
    "steered loans of one borrower": _steered(
        lambda data: data.assign(who=_of_one(len(data), 300)), entity="who", weight="months"
    ),
    "steered loans of few": _steered(lambda data: data.head(30)),
    "steered loans without groups": _steered(groups=None),
    "steered loans without a product": _steered(terms=None),
    "pushes": _pushed(),
    "pushes with holes": _pushed(change=_pushed_with_holes),
    "pushes without a holdout": _pushed("holdout", controls=["age"]),
    "pushes without strata": _pushed("holdout", "strata", "loan", weight="age"),
    "pushes nobody told of": _pushed("pushed", "groups"),
    "few pushes": _pushed(change=lambda data: data.head(25)),
    "pushes held out unevenly": _pushed(change=lambda data: data.assign(kept_back=data["segment"] == "cash")),
    "pushes of one customer": _pushed(change=lambda data: data.assign(customer=_of_one(1500, 1300))),
    "pushes that sell alike": _pushed(change=lambda data: data.assign(drawn=100.0)),
    "pushes with a huge one": _pushed("entity", change=lambda data: data.assign(drawn=[1e7] + [1.0] * 1499)),
    "pushes shown to all alike": _pushed(change=lambda data: data.assign(shown=True)),
}  # fmt: skip
