"""Reads the ``contract:`` block of a program file into a ``DataContract``."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from checks.inputs.access_reader import check_access, read_channels, read_funnel, read_thin_file
from checks.inputs.contract import (
    BEHAVIOUR_KEYS,
    CHANNEL,
    COLUMN_ROLES,
    COST_ERRORS,
    CREDIT_FILE,
    DRIVERS,
    INCOME_PERIODS,
    LIST_ROLES,
    LOAN_KEYS,
    ON_FAILURE,
    PERIODS_A_YEAR,
    RATE_UNITS,
    RELATIONS,
    ROLES,
    TENURE_BANDS,
    TENURE_UNITS,
    TERMS_KEYS,
    TYPES,
    ColumnRule,
    DataContract,
    Dated,
    Decision,
    Freshness,
    GroupAttribute,
    ImputedAttribute,
    LoanForm,
    Outcome,
    PairRule,
    Payments,
    Population,
    band_labels,
)
from checks.inputs.loan_columns import granted_on
from checks.inputs.personal import check_personal, read_personal, refuse_personal_words
from checks.inputs.population import read_population
from checks.inputs.prediction import STANDING
from checks.inputs.prediction_reader import check_prediction, read_prediction
from checks.inputs.yaml_reader import Place
from checks.problem import listed, nearest, suggest

_WITHOUT_GROUPS = {"groups", "imputed_groups", "price", "loan", "funnel", "thin_file", "channels"}


def read_contract(place: Place) -> DataContract:
    """Read a ``contract:`` block; problems are recorded at their lines."""
    at = place.entries(ROLES)
    if place.is_mapping and not _WITHOUT_GROUPS & set(at):
        place.entries(ROLES, ("groups",))
    rate = at.get("rate")
    rate_at = rate.free_entries() if rate and rate.is_mapping else {}
    columns = {role: _column(at[role]) for role in COLUMN_ROLES if role in at}
    lists = {role: at[role].texts() for role in LIST_ROLES if role in at}
    groups = _read_groups(at["groups"]) if "groups" in at else ()
    contract = DataContract(
        groups=groups,
        time=_column(at["time"]) if "time" in at else None,
        dated=_read_dated(at["dated"]) if "dated" in at else None,
        decision=_read_decision(at["decision"]) if "decision" in at else None,
        outcome=_read_outcome(at["outcome"]) if "outcome" in at else None,
        **_read_price(at.get("price")),
        **_read_cost(at.get("cost")),
        rate=_column(rate, ("column", "unit")) if rate else None,
        rate_unit=rate_at["unit"].choice(RATE_UNITS) if "unit" in rate_at else "percent",
        imputed_groups=_read_imputed(at["imputed_groups"]) if "imputed_groups" in at else (),
        **_read_tenure(at.get("tenure")),
        **_read_loan(at.get("loan")),
        terms=_read_block(at["terms"], TERMS_KEYS) if "terms" in at else {},
        behaviour=_read_block(at["behaviour"], BEHAVIOUR_KEYS) if "behaviour" in at else {},
        product_rules=_read_file(at["product_rules"]) if "product_rules" in at else None,
        population=_read_people(at["population"], groups) if "population" in at else None,
        funnel=read_funnel(at["funnel"]) if "funnel" in at else None,
        thin_file=read_thin_file(at["thin_file"]) if "thin_file" in at else None,
        channels=read_channels(at["channels"]) if "channels" in at else None,
        prediction=read_prediction(at["prediction"]) if "prediction" in at else None,
        columns=tuple(_read_column_rule(key, at_) for key, at_ in at["columns"].free_entries().items())
        if "columns" in at else (),
        pairs=tuple(_read_pair(item) for item in at["pairs"].items()) if "pairs" in at else (),
        freshness=_read_freshness(at["freshness"]) if "freshness" in at else None,
        personal_data=read_personal(at["personal_data"]) if "personal_data" in at else (),
        **columns, **lists,  # type: ignore[arg-type]
    )  # fmt: skip
    _check_time(place, at, contract)
    _check_apart(at, contract)
    check_access(at, contract)
    check_prediction(at, contract)
    check_personal(at, contract)
    refuse_personal_words(place)
    return contract


def _read_people(place: Place, groups: tuple[GroupAttribute, ...]) -> Population | None:
    return read_population(_read_file(place), place, groups)


def _column(place: Place, keys: tuple[str, ...] = ("column",)) -> str:
    if place.is_mapping:
        at = place.entries(keys, ("column",))
        return at["column"].text() if "column" in at else ""
    return place.text()


def _read_price(place: Place | None) -> dict[str, Any]:
    if place is None or not place.is_mapping:
        return {"price": place.text()} if place else {}
    at = place.entries(("column", "currency", "currency_column", "rounding"), ("column",))
    return {
        "price": at["column"].text() if "column" in at else "",
        "currency": at["currency"].text() if "currency" in at else None,
        "currency_column": at["currency_column"].text() if "currency_column" in at else None,
        **({"rounding": at["rounding"].number(0)} if "rounding" in at else {}),
    }  # fmt: skip


def _read_cost(place: Place | None) -> dict[str, Any]:
    if place is None or not place.is_mapping:
        return {"cost": place.text()} if place else {}
    at = place.entries(("column", "error", "basis"), ("column",))
    error = at["error"].choice(COST_ERRORS) if "error" in at else "unknown"
    if error == "unrelated_to_tenure" and "basis" not in at:
        at["error"].complain(
            "'unrelated_to_tenure' without a basis", "why the error of the cost does not depend on tenure",
            "add 'basis: …', such as the validation that showed it, or leave 'error' out",
        )  # fmt: skip
    return {
        "cost": at["column"].text() if "column" in at else "", "cost_error": error,
        "cost_basis": at["basis"].text() if "basis" in at else None,
    }  # fmt: skip


def _read_tenure(place: Place | None) -> dict[str, Any]:
    if place is None or not place.is_mapping:
        return {"tenure": place.text()} if place else {}
    at = place.entries(("column", "unit", "bands"), ("column",))
    bands = tuple(item.number(0) for item in at["bands"].items()) if "bands" in at else TENURE_BANDS
    if list(bands) != sorted(set(bands)) or not bands or bands[0] <= 0:
        at["bands"].complain("edges out of order", "ascending edges in years, each once and above 0", "sort them")
    return {
        "tenure": at["column"].text() if "column" in at else "",
        "tenure_unit": at["unit"].choice(tuple(TENURE_UNITS)) if "unit" in at else "years",
        "tenure_bands": bands,
    }  # fmt: skip


def _read_dated(place: Place) -> Dated:
    if place.is_mapping:
        at = place.entries(("from", "to"), ("from", "to"))
        first = at["from"].date() if "from" in at else dt.date(1970, 1, 1)
        last = at["to"].date() if "to" in at else first
    else:
        first = last = place.date()
    if last < first:
        place.complain(f"{first} to {last}", "a first day before the last", "swap the two")
    return Dated(first, last)


def _read_decision(place: Place) -> Decision:
    at = place.entries(("column", "favourable", "unfavourable", "excluded"), ("column", "favourable"))
    values = _read_sides(at)
    if "favourable" in at and not values["favourable"]:
        at["favourable"].complain(
            "no favourable value", "at least one value", "name the value that favours the customer"
        )
    return Decision(column=at["column"].text() if "column" in at else "", **{"favourable": (), **values})


def _read_outcome(place: Place) -> Outcome:
    keys = ("column", "favourable", "unfavourable", "excluded", "observed_when", "matures_after", "observed_until")
    at = place.entries(keys, ("column", "favourable"))
    return Outcome(
        column=at["column"].text() if "column" in at else "",
        observed_when=at["observed_when"].text() if "observed_when" in at else None,
        matures_after=_read_duration(at["matures_after"]) if "matures_after" in at else None,
        observed_until=at["observed_until"].date() if "observed_until" in at else None,
        **{"favourable": (), **_read_sides(at)},
    )


def _read_sides(at: Mapping[str, Place]) -> dict[str, tuple[str, ...]]:
    """The values on either side and those that do not count, each value once."""
    values = {key: at[key].texts() for key in ("favourable", "unfavourable", "excluded") if key in at}
    seen: dict[str, str] = {}
    for key, texts in values.items():
        for text in texts:
            if text in seen:
                at[key].complain(f"'{text}' under {seen[text]} and {key}", "each value once", "remove one of the two")
            seen[text] = key
    return values


def _read_duration(place: Place) -> str:
    text = place.text()
    if text and not re.fullmatch(r"[1-9]\d{0,4} (day|week|month|year)s?", text):
        place.complain(f"'{text}'", "a number of days, weeks, months or years", "write for instance 12 months")
    return text


def _read_file(place: Place) -> str:
    """The name of a file beside the program, which must be there."""
    text = place.text()
    file = place.file.parent / text
    if text and not file.is_file():
        near = nearest(file.name, [other.name for other in file.parent.glob("*")] if file.parent.is_dir() else [])
        remedy = f"did you mean '{near}'?" if near else "check the path; it is relative to the program file"
        place.complain(f"no such file '{file}'", "a file", remedy)
    return text


def _read_groups(place: Place) -> tuple[GroupAttribute, ...]:
    entries = place.free_entries()
    for name, at in entries.items():
        if not re.fullmatch(r"[\w][\w .-]{0,60}", name):
            at.complain(f"the attribute '{name}'", "letters, digits, '-', '_', '.' and spaces", "choose another name")
        if name.casefold() in (CREDIT_FILE, CHANNEL, STANDING) or name.casefold().startswith("age from "):
            at.complain(
                f"the attribute '{name}'", "a name that the audit does not give to an attribute of its own",
                "choose another name",
            )  # fmt: skip
        twin = next(other for other in entries if other.casefold() == name.casefold())
        if twin != name:
            at.complain(f"'{name}' beside '{twin}'", "names that differ in more than case", "rename one of the two")
    groups = tuple(_read_group(name, at) for name, at in entries.items())
    if not groups and place.is_mapping:
        place.complain("no group", "at least one attribute with column and reference", "add for instance race: {…}")
    return groups


def _read_group(name: str, place: Place) -> GroupAttribute:
    keys = ("column", "reference", "labels", "values", "bands", "basis", "driver")
    at = place.entries(keys, ("column", "reference"))
    labels = {raw: label.text() for raw, label in at["labels"].free_entries().items()} if "labels" in at else {}
    bands = tuple(item.number() for item in at["bands"].items()) if "bands" in at else ()
    if list(bands) != sorted(set(bands)):
        at["bands"].complain("edges out of order", "ascending edges, each once", "sort them")
    if bands and (labels or "values" in at):
        at["bands"].complain("bands beside labels or values", "one of them", "remove the labels or the bands")
    group = GroupAttribute(
        name=name,
        column=at["column"].text() if "column" in at else "",
        reference=at["reference"].text() if "reference" in at else "",
        labels=labels,
        values=at["values"].texts() if "values" in at else (),
        bands=bands,
        basis=at["basis"].text() if "basis" in at else None,
        driver=at["driver"].choice(DRIVERS) if "driver" in at else None,
    )
    _check_reference(at, group)
    return group


def _read_imputed(place: Place) -> tuple[ImputedAttribute, ...]:
    entries = place.free_entries()
    if not entries and place.is_mapping:
        place.complain("no attribute", "at least one, with probabilities and reference", "add for instance race: {…}")
    return tuple(_read_one_imputed(name, at) for name, at in entries.items())


def _read_one_imputed(name: str, place: Place) -> ImputedAttribute:
    if not re.fullmatch(r"[\w][\w .-]{0,60}", name):
        place.complain(f"the attribute '{name}'", "letters, digits, '-', '_', '.' and spaces", "choose another name")
    at = place.entries(("probabilities", "reference", "basis", "calibration"), ("probabilities", "reference"))
    columns = at["probabilities"].free_entries() if "probabilities" in at else {}
    probabilities = {label: column.text() for label, column in columns.items()}
    reference = at["reference"].text() if "reference" in at else ""
    near = nearest(reference, probabilities) if reference not in probabilities else None
    if near:
        at["reference"].complain(
            f"reference '{reference}'", f"one of {listed(tuple(probabilities))}, or another label without a column",
            suggest(reference, probabilities),
        )  # fmt: skip
    if "probabilities" in at and not set(probabilities) - {reference}:
        at["probabilities"].complain(
            "no label beside the reference", "two labels at least, of which the reference alone may lack a column",
            "write {LABEL: COLUMN, …}",
        )  # fmt: skip
    return ImputedAttribute(
        name, probabilities, reference, at["basis"].text() if "basis" in at else None,
        at["calibration"].text() if "calibration" in at else None,
    )  # fmt: skip


def _check_reference(at: Mapping[str, Place], group: GroupAttribute) -> None:
    known = (*group.labels, *group.labels.values(), *group.values, *band_labels(group.bands))
    if known and "reference" in at and group.reference not in known:
        at["reference"].complain(
            f"reference '{group.reference}'", f"one of {listed(tuple(dict.fromkeys(known)))}",
            suggest(group.reference, known),
        )  # fmt: skip


def _read_block(place: Place, keys: tuple[str, ...]) -> dict[str, str]:
    return {key: at.text() for key, at in place.entries(keys).items()}


_LOAN_FORM = ("currency", "currency_column", "apr_unit", "period", "income_period")


def _read_loan(place: Place | None) -> dict[str, Any]:
    """The loan's columns, how they are to be read, and the file of its payments."""
    if place is None:
        return {}
    at = place.entries((*LOAN_KEYS, *_LOAN_FORM, "payments"))
    form = LoanForm(
        currency=at["currency"].text() if "currency" in at else None,
        currency_column=at["currency_column"].text() if "currency_column" in at else None,
        apr_unit=at["apr_unit"].choice(RATE_UNITS) if "apr_unit" in at else "percent",
        period=at["period"].choice(tuple(PERIODS_A_YEAR)) if "period" in at else "month",
        income_period=at["income_period"].choice(tuple(INCOME_PERIODS)) if "income_period" in at else "year",
    )
    for key, needed in (("instalments", "instalment"), ("final_payment", "instalment")):
        if key in at and needed not in at:
            at[key].complain(
                f"'{key}' without '{needed}'", "both columns under 'loan'", f"name the column of '{needed}'"
            )
    return {
        "loan": {key: where.text() for key, where in at.items() if key in LOAN_KEYS}, "loan_form": form,
        "payments": _read_payments(at["payments"]) if "payments" in at else None,
    }  # fmt: skip


def _read_payments(place: Place) -> Payments:
    if not place.is_mapping:
        return Payments(_read_file(place))
    at = place.entries(("file", "loan", "at", "amount"), ("file",))
    names = {key: at[key].text() for key in ("loan", "at", "amount") if key in at}
    return Payments(_read_file(at["file"]) if "file" in at else "", **names)


def _read_column_rule(column: str, place: Place) -> ColumnRule:
    keys = ("type", "min", "max", "values", "null_tolerance", "unique", "matches", "on_failure")
    at = place.entries(keys)
    return ColumnRule(
        column=column,
        type=at["type"].choice(TYPES) if "type" in at else None,
        minimum=_bound(at["min"]) if "min" in at else None,
        maximum=_bound(at["max"]) if "max" in at else None,
        values=at["values"].texts() if "values" in at else (),
        null_tolerance=at["null_tolerance"].number(0, 1) if "null_tolerance" in at else None,
        unique=at["unique"].boolean() if "unique" in at else False,
        matches=at["matches"].text() if "matches" in at else None,
        on_failure=at["on_failure"].choice(ON_FAILURE) if "on_failure" in at else None,
    )


def _bound(place: Place) -> float | str:
    """A bound is a number or a day."""
    if place.node.tag.endswith(("int", "float")):
        return place.number()
    if place.node.tag.endswith("timestamp"):
        return place.date().isoformat()
    place.complain(place.describe(), "a number, or a day as YYYY-MM-DD", "write one of these without quotes")
    return 0.0


def _read_pair(place: Place) -> PairRule:
    at = place.entries(("left", "relation", "right", "on_failure"), ("left", "relation", "right"))
    return PairRule(
        left=at["left"].text() if "left" in at else "",
        relation=at["relation"].choice(RELATIONS) if "relation" in at else "==",
        right=at["right"].text() if "right" in at else "",
        on_failure=at["on_failure"].choice(ON_FAILURE) if "on_failure" in at else "stop",
    )


def _read_freshness(place: Place) -> Freshness:
    at = place.entries(("within_days", "on_failure"), ("within_days",))
    return Freshness(
        within_days=at["within_days"].integer(0) if "within_days" in at else 0,
        on_failure=at["on_failure"].choice(ON_FAILURE) if "on_failure" in at else "stop",
    )


_AMOUNTS = ("price", "cost", "new_customer_price", "market_price", "prior_price", "realised_cost")
_FLAGS = ("personalised", "disclosed", "plain_option")


def _check_apart(at: Mapping[str, Place], contract: DataContract) -> None:
    """What is held against another must not be the same column: nothing would ever differ."""
    terms = at["terms"].free_entries() if "terms" in at and at["terms"].is_mapping else {}
    amounts = [(role, getattr(contract, role), at.get(role)) for role in _AMOUNTS]
    flags = [(f"terms.{key}", contract.terms.get(key), terms.get(key)) for key in _FLAGS]
    for named in (amounts, flags):
        first: dict[str, str] = {}
        for role, column, where in named:
            if column and where and first.setdefault(column, role) != role:
                where.complain(
                    f"column '{column}' as '{role}' and as '{first[column]}'", "a column for each of the two",
                    "name the column that holds it, or leave the role out",
                )  # fmt: skip


def _check_time(place: Place, at: Mapping[str, Place], contract: DataContract) -> None:
    if contract.time and contract.dated:
        at["dated"].complain("'dated' beside 'time'", "one of the two", "remove 'dated': the column states the time")
    if contract.outcome and contract.outcome.matures_after and not contract.time:
        at["outcome"].complain(
            "'matures_after' without 'time'", "a column with the time of each decision",
            "add 'time: COLUMN' to the contract, or remove 'matures_after'",
        )  # fmt: skip
    if "first_due_at" in contract.loan and not granted_on(contract):
        at["loan"].complain(
            "'first_due_at' without a day of the loan", "the day from which the first period runs",
            "add 'originated_at' under 'loan', or 'time: COLUMN' to the contract",
        )  # fmt: skip
    if contract.freshness and not contract.time:
        at["freshness"].complain("'freshness' without 'time'", "a time column", "add 'time: COLUMN' to the contract")
