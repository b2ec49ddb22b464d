"""The prepared relation: the contract's columns and nothing else, cleaned the same way for everybody.

Data checks and evidence both read one relation: the columns that the contract names,
restricted to the period, with NaN and infinity turned into NULL and times written in UTC,
and the derived columns that the contract asks for: those of ``pricing_columns``, ``squaredeal_favourable`` (1, 0 or
NULL),
``squaredeal_outcome`` (1, 0, or NULL where it is not known) and ``squaredeal_group_NAME`` (the
label of each attribute, NULL where it is missing).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from checks.inputs.access_columns import FILLED, LABELS, REFERENCES, access_columns, made_attributes
from checks.inputs.contract import (
    LOAN_AMOUNTS,
    LOAN_NUMBERS,
    LOAN_TIMES,
    Decision,
    GroupAttribute,
    Outcome,
    band_labels,
)
from checks.inputs.funnel_columns import funnel_columns
from checks.inputs.loan_affordability import affordability_columns
from checks.inputs.loan_columns import loan_columns
from checks.inputs.loan_products import derived, replayed
from checks.inputs.loan_sheet import sheet_columns
from checks.inputs.outcomes import OUTCOME, outcome_column
from checks.inputs.period import Period
from checks.inputs.pricing_columns import bounded_by, pricing_columns
from checks.inputs.program import AuditProgram
from checks.inputs.rule_expressions import Cleaning
from checks.problem import InputError, Problem, listed, suggest

if TYPE_CHECKING:
    import ibis.expr.types as ir

FAVOURABLE = "squaredeal_favourable"
MISSING_TEXTS = ("", "nan", "null", "none", "nat", "na", "n/a", "<na>", "#n/a")
_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
_NUMERIC_PLACES = (
    "imputed_groups", "score", "cost", "new_customer_price", "market_price", "prior_price", "realised_cost", "weight",
    "price", "rate", "tenure", "age", "age_points", "thin_file.filled_score", "controls",
    "terms.incentive", "terms.new_customer_incentive", "behaviour.visits",
    "behaviour.spend_history", "behaviour.elasticity_score",
    "terms.borrowed", *(f"loan.{key}" for key in (*LOAN_AMOUNTS, *LOAN_NUMBERS)),
)  # fmt: skip
_EXACT_DIGITS = 15  # decimal digits that a float64 keeps
_TIME_PLACES = ("time", *(f"loan.{key}" for key in LOAN_TIMES))


def group_column(attribute: str) -> str:
    """Name of the derived label column of an attribute."""
    return f"squaredeal_group_{attribute}"


def kind_of(column: ir.Value) -> str:
    """number, text, date, boolean or other: what a column holds, in the contract's words."""
    dtype = column.type()
    if dtype.is_boolean():
        return "boolean"
    if dtype.is_numeric():
        return "number"
    if dtype.is_string() or dtype.is_enum() or dtype.is_uuid():
        return "text"
    return "date" if dtype.is_temporal() else "other"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The prepared relation with the labels it uses.

    ``references`` maps each attribute to the label of its reference group; ``declared`` to the
    labels that may occur, empty where any may. ``bounded_by`` names for a derived column the
    contract's column that holds all its values.
    """

    table: ir.Table
    references: Mapping[str, str]
    declared: Mapping[str, tuple[str, ...]]
    bounded_by: Mapping[str, str] = field(default_factory=dict)


def prepare(raw: ir.Table, program: AuditProgram, period: Period) -> Prepared:
    """The prepared relation over the raw one. Raises ``InputError`` for missing or mistyped columns."""
    contract = program.contract
    _bind(raw, program)
    everyone = raw
    if period.start is not None:
        if contract.time is None:
            raise InputError(Problem(
                program.where("contract"), f"period {period.text} but no 'time' column",
                "a time column, or period all", "add 'time: COLUMN' to the contract, or leave the period out",
            ))  # fmt: skip
        time = raw[contract.time].cast("timestamp")
        raw = raw.filter(((time >= period.start.isoformat()) & (time < str(period.end))) | time.isnull())
    if program.product_rules:
        cleaning = Cleaning(_finite, as_text, _canonical)
        raw = replayed(raw, contract, program.product_rules, _granted(raw, program), cleaning)
    references, declared = {}, {}
    for group in contract.groups:
        where = program.where(f"contract.groups.{group.name}")
        references[group.name] = _reference(group, raw[group.column], where)
        declared[group.name] = _declared(group, raw[group.column], where)
    columns: dict[str, ir.Value] = {name: _finite(raw[name]) for name in sorted(contract.columns_used())}
    for name in {contract.unit, contract.entity} - {None}:
        columns[str(name)] = _missing_as_null(columns[str(name)])
    if contract.decision:
        known = _without_missing_texts(raw[contract.decision.column], contract.decision)
        columns[contract.decision.column] = _finite(known)
        columns[FAVOURABLE] = _granted(raw, program)
    if contract.outcome:
        if contract.outcome.column not in {contract.decision.column if contract.decision else None, contract.time}:
            known = _without_missing_texts(raw[contract.outcome.column], contract.outcome)
            columns[contract.outcome.column] = _finite(known)
        columns[OUTCOME] = outcome_column(raw, everyone, program, columns.get(FAVOURABLE), as_text, _canonical)
    columns |= pricing_columns(columns, raw, contract)
    columns |= loan_columns(columns, contract)
    columns |= affordability_columns(columns, contract)
    columns |= sheet_columns(columns, contract)
    columns |= {name: raw[name] for name in derived(contract)} if program.product_rules else {}
    columns |= _access(columns, raw, program)
    columns |= funnel_columns(columns, contract, as_text)
    for name in made_attributes(contract):
        references[name], declared[name] = REFERENCES[name], LABELS[name]
    for group in contract.groups:
        columns[group_column(group.name)] = _label(raw[group.column], group, program)
    table = raw.select([column.name(name) for name, column in columns.items()])
    return Prepared(table, references, declared, bounded_by(contract))


def _access(columns: Mapping[str, ir.Value], raw: ir.Table, program: AuditProgram) -> dict[str, ir.Value]:
    """What an audit of access adds."""
    contract = program.contract
    made = access_columns(
        columns, contract, MISSING_TEXTS, as_text,
        lambda values, column: _canonical(values, column, program.where("contract.channels")),
    )  # fmt: skip
    named = {group_column(name) if name in REFERENCES else name: column for name, column in made.items()}
    filled = contract.thin_file and contract.thin_file.filled_decision
    if filled and contract.decision:
        known = _without_missing_texts(raw[filled], contract.decision)
        named[FILLED] = _favourable(known, contract.decision, program)
    return named


def _bind(raw: ir.Table, program: AuditProgram) -> None:
    problems: list[Problem] = []
    for column, places in program.contract.columns_used().items():
        where = program.where(f"contract.{places[0]}")
        if column.startswith("squaredeal_"):
            problems.append(Problem(
                where, f"column '{column}'", "a name that does not begin like the columns that an audit adds",
                "give the column another name in the source, or in a 'query' with AS",
            ))  # fmt: skip
        if column not in raw.columns:
            problems.append(Problem(
                where, f"column '{column}', which the data do not have", f"one of {listed(raw.columns, 60)}",
                suggest(column, raw.columns),
            ))  # fmt: skip
            continue
        problems += _mistyped(raw[column], column, places, program)
    if problems:
        raise InputError(problems)


def _mistyped(column: ir.Value, name: str, places: Iterable[str], program: AuditProgram) -> list[Problem]:
    kind = kind_of(column)
    problems = []
    for place in places:
        role = "imputed_groups" if place.startswith("imputed_groups.") else place.split("[")[0]
        banded = any(group.bands and place == f"groups.{group.name}.column" for group in program.contract.groups)
        expected = "number" if role in _NUMERIC_PLACES or banded else "date" if role in _TIME_PLACES else None
        accepted = (expected, "boolean") if expected == "number" and not banded else (expected,)
        if expected and kind not in accepted:
            problems.append(Problem(
                program.where(f"contract.{place}"), f"column '{name}' of type {column.type()}, a {kind}",
                f"a {expected} column", "convert it in the source, or in a 'query' with CAST",
            ))  # fmt: skip
    return problems


def _finite(column: ir.Value) -> ir.Value:
    import ibis

    dtype = column.type()
    if dtype.is_timestamp() and dtype.timezone:
        return _finite(column.cast("timestamp"))  # both engines' sessions are set to UTC
    if dtype.is_timestamp() or dtype.is_date():  # infinite times, and years that no calendar of Python holds
        day = column.cast("timestamp") if dtype.is_timestamp() and dtype.scale else column
        return ibis.ifelse((day >= "0001-01-01") & (day < "9999-12-31"), column, ibis.null(dtype))
    if dtype.is_decimal():  # Postgres' numeric knows NaN and infinity too
        number = column.cast("float64")
        return ibis.ifelse(number.isnan() | number.isinf(), ibis.null(dtype), column)
    if not dtype.is_floating():
        return column
    return ibis.ifelse(column.isnan() | column.isinf(), ibis.null(column.type()), column)


def as_text(column: ir.Value) -> ir.Value:
    """The value as the label a person would write: 1 for 1.0, true for a boolean."""
    import ibis

    kind, dtype = kind_of(column), column.type()
    if kind == "boolean":
        return ibis.ifelse(column, "true", ibis.ifelse(~column, "false", ibis.null("string")))
    if dtype.is_integer() or kind != "number":
        return column.cast("string")
    if dtype.is_decimal() and (dtype.precision is None or dtype.precision > _EXACT_DIGITS):
        text = _finite(column).cast("string")
        return ibis.ifelse(text.contains("."), text.re_replace(r"\.?0+$", ""), text)
    number = _finite(column.cast("float64"))
    # floor and cast give 64-bit integers: only numbers that fit may come near them
    small = ibis.ifelse(number.abs() < 9e18, number, ibis.null("float64"))
    whole = ibis.ifelse(small == small.floor(), small, ibis.null("float64"))
    return ibis.coalesce(whole.cast("int64").cast("string"), number.cast("string"))


def _canonical(texts: Iterable[str], column: ir.Value, where: str) -> list[str]:
    """Values as written in the program, in the form that ``as_text`` gives the column's values."""
    kind = kind_of(column)
    return [_canonical_one(text, kind, where) for text in texts]


def _canonical_one(text: str, kind: str, where: str) -> str:
    folded = text.strip().casefold()
    if kind == "boolean":
        if folded in _TRUE + _FALSE:
            return "true" if folded in _TRUE else "false"
        raise InputError(
            Problem(where, f"'{text}'", "true or false, as the column holds booleans", "write true or false")
        )
    if kind == "number":
        try:
            number = float(text)
        except ValueError:
            raise InputError(
                Problem(where, f"'{text}'", "a number, as the column holds numbers", "write the code that the data use")
            ) from None
        if not math.isfinite(number):
            raise InputError(Problem(
                where, f"'{text}'", "a number, as the column holds numbers",
                "leave it out: a missing value is never a label; allow some with 'null_tolerance' under 'columns'",
            ))  # fmt: skip
        return str(int(number)) if number.is_integer() else repr(number)
    return text


def _favourable(column: ir.Value, decision: Decision, program: AuditProgram) -> ir.Value:
    import ibis

    text = as_text(column)
    where = program.where("contract.decision.favourable")
    favourable = _canonical(decision.favourable, column, where)
    unfavourable = _canonical(decision.unfavourable, column, where)
    excluded = _canonical(decision.excluded, column, where)
    is_unfavourable = text.isin(unfavourable) if unfavourable else text.notnull() & ~text.isin(excluded or [""])
    one, zero, nothing = ibis.literal(1, "int8"), ibis.literal(0, "int8"), ibis.null("int8")
    return ibis.ifelse(text.isin(favourable), one, ibis.ifelse(is_unfavourable, zero, nothing))


def _granted(raw: ir.Table, program: AuditProgram) -> Any:
    """1 where the decision favours the customer, 0 where not, NULL where it does not count; None without decisions."""
    contract = program.contract
    if contract.decision is None:
        return None
    known = _without_missing_texts(raw[contract.decision.column], contract.decision)
    favourable = _favourable(known, contract.decision, program)
    if contract.time is None:
        return favourable
    # a row without a time falls under no rule: checked, but counted nowhere
    return _unless(_finite(raw[contract.time]).isnull(), favourable)


def _without_missing_texts(column: ir.Value, decision: Decision | Outcome) -> ir.Value:
    """A decision or outcome whose text says that it is missing, such as nan, is so, unless the program names it."""
    import ibis

    if kind_of(column) != "text":
        return column
    named = {value.strip().casefold() for value in (*decision.favourable, *decision.unfavourable, *decision.excluded)}
    missing = [text for text in MISSING_TEXTS if text not in named]
    return ibis.ifelse(column.strip().lower().isin(missing), ibis.null("string"), column.cast("string"))


def _missing_as_null(column: ir.Value) -> ir.Value:
    """A text that says that it is missing names nobody: no unit, and no giant entity."""
    import ibis

    if kind_of(column) != "text" or column.type().is_uuid():
        return column
    return ibis.ifelse(column.strip().lower().isin(MISSING_TEXTS), ibis.null("string"), column.cast("string"))


def _unless(condition: ir.Value, column: ir.Value) -> ir.Value:
    import ibis

    return ibis.ifelse(condition, ibis.null(column.type()), column)


def _label(column: ir.Value, group: GroupAttribute, program: AuditProgram) -> ir.Value:
    import ibis

    if group.bands:
        return _band(column, group.bands)
    text = as_text(column)
    where = program.where(f"contract.groups.{group.name}")
    raw_values = _canonical(group.declared, column, where)
    missing = [spelling for spelling in MISSING_TEXTS if spelling not in {value.casefold() for value in raw_values}]
    label = ibis.ifelse(text.strip().lower().isin(missing), ibis.null("string"), text)
    shown = [group.labels.get(value, value) for value in group.declared]
    renamed = [(text == raw, new) for raw, new in zip(raw_values, shown, strict=True) if raw != new]
    return ibis.cases(*renamed, else_=label) if renamed and group.labels else label


def _reference(group: GroupAttribute, column: ir.Value, where: str) -> str:
    if group.bands or group.reference in group.labels.values():
        return group.reference
    value = _canonical([group.reference], column, where)[0]
    labels = dict(zip(_canonical(group.labels, column, where), group.labels.values(), strict=True))
    return labels.get(value, value)


def _declared(group: GroupAttribute, column: ir.Value, where: str) -> tuple[str, ...]:
    if group.bands:
        return band_labels(group.bands)
    shown = tuple(group.labels.values()) or tuple(_canonical(group.values, column, where))
    return tuple(dict.fromkeys(shown))


def _band(column: ir.Value, edges: tuple[float, ...]) -> ir.Value:
    import ibis

    number = _finite(column.cast("float64"))
    labels = band_labels(edges)
    branches = [(number < edge, label) for edge, label in zip(edges, labels, strict=False)]
    return ibis.cases(*branches, (number.notnull(), labels[-1]), else_=ibis.null("string"))
