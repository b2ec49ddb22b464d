"""From the data contract to a list of planned checks, and from there to a Great Expectations suite.

Question: what must hold for the data to be fit to judge with? Every check stands at a place of
the program, says what is expected in words, and either stops the audit or only warns. Planning
is pure and quick: it reads the program and the column types, never the rows. Great
Expectations is imported only where the suite is built.

A missing label, an unknown label and an absent reference group each stop an audit, since a
rate gap without them compares the wrong people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from checks.access_checks import access_checks
from checks.column_rules import missing_allowed, mostly, planned_pair, planned_rule, typed_values, unique_expectation
from checks.expectation_names import named_expectation
from checks.inputs.contract import DataContract, Decision, GroupAttribute, Outcome
from checks.inputs.funnel_columns import sent_stage
from checks.inputs.prepared import FAVOURABLE, Prepared, group_column, kind_of
from checks.inputs.program import AuditProgram
from checks.loan_checks import loan_checks
from checks.planned_check import PlannedCheck, about, about_role, named_columns, some_of
from checks.sentence import joined, said, template

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

UNDECLARED_NULLS = 0.05
_WARNED_ROLES = (
    "entity", "score", "cost", "weight", "price", "tenure", "strata", "controls", "features", "loan", "rate",
    "imputed_groups", "market_price", "behaviour",
)  # fmt: skip
_SHARE = template("values of {subject} from 0 to 1")
_NOT_NEGATIVE = template("values of {subject} of at least 0")
_ABOVE_ZERO = template("values of {subject} above 0")
_NOT_NULL = "expect_column_values_to_not_be_null"
_IN_SET = "expect_column_values_to_be_in_set"
_CONTAINS = "expect_column_distinct_values_to_contain_set"
_DISTINCT = "expect_column_unique_value_count_to_be_between"


def plan_checks(program: AuditProgram, prepared: Prepared, as_of: dt.date) -> tuple[PlannedCheck, ...]:
    """All checks of a program in the order of its contract, each asked once.

    ``as_of`` is the end of the period or the day of the run; freshness counts from it. Raises
    ``InputError`` for a value, bound or pattern of the program that cannot fit its column.
    """
    contract = program.contract
    checks = [
        *_unit_checks(contract), *_decision_checks(program, prepared), *_outcome_checks(program, prepared),
        *_group_checks(program, prepared),
        *_time_checks(contract, as_of), *_role_checks(contract), *_price_checks(contract),
        *loan_checks(contract, prepared), *access_checks(program, prepared),
        *_rule_checks(program, prepared),
        *_undeclared_null_checks(contract),
    ]  # fmt: skip
    for i, pair in enumerate(contract.pairs):
        checks.append(planned_pair(pair, f"contract.pairs[{i}]", bool(_personal(contract) & {pair.left, pair.right})))
    checks += _extra_checks(program)
    return tuple({(c.expectation, repr(sorted(c.arguments.items()))): c for c in reversed(checks)}.values())[::-1]


def _personal(contract: DataContract) -> set[str | None]:
    """Columns whose values name a person or a contract and never appear in a report."""
    return {contract.unit, contract.entity} - {None}


def _unit_checks(contract: DataContract) -> Iterator[PlannedCheck]:
    if contract.unit is None:
        return
    column, subject = contract.unit, about(contract.unit)
    yield PlannedCheck(
        _NOT_NULL, {"column": column}, "contract.unit", column, subject, "stop", missing_allowed(0.0, subject),
        said("give every row its identifier in the source"), "none",
    )  # fmt: skip
    name, arguments = unique_expectation(column)
    yield PlannedCheck(
        name, {"column": column, **arguments}, "contract.unit", column, subject, "stop",
        said("{subject} holds each value once", subject=subject),
        said("remove the repeated rows, or name the column that identifies a row"), "none",
    )  # fmt: skip


def _null_check(contract: DataContract, column: str, derived: str, place: str, subject: str) -> PlannedCheck:
    """A key column's missing values: none allowed unless the contract's rule allows some."""
    rule = contract.rule_for(column)
    tolerance = rule.null_tolerance or 0.0
    on_failure = rule.on_failure if rule.null_tolerance is not None and rule.on_failure else "stop"
    arguments: dict[str, object] = {"column": derived} | ({"mostly": mostly(tolerance)} if tolerance else {})
    return PlannedCheck(
        _NOT_NULL, arguments, place, column, subject, on_failure, missing_allowed(tolerance, subject),
        said(
            "complete the rows in the source, or set 'null_tolerance' of '{column}' under 'columns' and state why",
            column=column,
        ),
        "none",
    )  # fmt: skip


def _decision_checks(program: AuditProgram, prepared: Prepared) -> Iterator[PlannedCheck]:
    decision = program.contract.decision
    if decision is None:
        return
    column, subject, place = decision.column, about_role(decision.column, "decision"), "contract.decision"
    # who did not come so far has no decision; one who did and has none is a fault of the funnel
    if sent_stage(program.contract) is None or program.contract.rule_for(column).null_tolerance is not None:
        yield _null_check(program.contract, column, column, f"{place}.column", subject)
    yield PlannedCheck(
        _CONTAINS, {"column": FAVOURABLE, "value_set": [1]}, f"{place}.favourable", column, subject, "stop",
        said("{subject} holds {values}", subject=subject, values=some_of(decision.favourable)),
        said("write under 'favourable' the value that the data use"),
        "labels",
        decision.favourable[0] if decision.favourable else None,
    )  # fmt: skip
    yield from _known_values(decision, program, prepared, place, subject)


def _outcome_checks(program: AuditProgram, prepared: Prepared) -> Iterator[PlannedCheck]:
    """No third value may count as unfavourable in silence: a loan that still runs is neither."""
    outcome = program.contract.outcome
    if outcome is None:
        return
    yield from _known_values(outcome, program, prepared, "contract.outcome", about_role(outcome.column, "outcome"))


def _known_values(
    asked: Decision | Outcome, program: AuditProgram, prepared: Prepared, place: str, subject: str
) -> Iterator[PlannedCheck]:
    """Two values at most, or only those that the contract names."""
    column = asked.column
    if not asked.unfavourable:
        most = len(asked.favourable) + len(asked.excluded) + 1
        yield PlannedCheck(
            _DISTINCT, {"column": column, "max_value": most}, place, column, subject, "stop",
            said("at most {most} different values in {subject}", most=most, subject=subject),
            said("name the values under unfavourable and excluded"),
            "labels",
        )  # fmt: skip
        return
    known = (*asked.favourable, *asked.unfavourable, *asked.excluded)
    values = typed_values(known, kind_of(prepared.table[column]), program.where(place))
    yield PlannedCheck(
        _IN_SET, {"column": column, "value_set": values}, place, column, subject, "stop",
        said("{subject} holds only {values}", subject=subject, values=some_of(known, 20)),
        said("name the other values under unfavourable or excluded"),
    )  # fmt: skip


def _group_checks(program: AuditProgram, prepared: Prepared) -> Iterator[PlannedCheck]:
    for group in program.contract.groups:
        place, subject = f"contract.groups.{group.name}", about(group.column, group.name)
        derived, reference = group_column(group.name), prepared.references[group.name]
        yield _null_check(program.contract, group.column, derived, f"{place}.column", subject)
        yield PlannedCheck(
            _CONTAINS, {"column": derived, "value_set": [reference]}, f"{place}.reference", group.column, subject,
            "stop",
            said("the reference group '{reference}' occurs in {subject}", reference=reference, subject=subject),
            said("name a group that occurs under 'reference'"),
            "labels", reference,
        )  # fmt: skip
        yield PlannedCheck(
            _DISTINCT, {"column": derived, "min_value": 2}, place, group.column, subject, "stop",
            said("at least two groups in {subject}", subject=subject),
            said("check the period and the source: one group has nobody to compare with"),
            "labels",
        )  # fmt: skip
        yield from _unseen_label_check(group, prepared.declared[group.name], derived, subject)


def _unseen_label_check(
    group: GroupAttribute, declared: Sequence[str], derived: str, subject: str
) -> Iterator[PlannedCheck]:
    if not declared:
        return
    key = "labels" if group.labels else "values" if group.values else "bands"
    yield PlannedCheck(
        _IN_SET, {"column": derived, "value_set": list(declared)}, f"contract.groups.{group.name}.{key}", group.column,
        subject, "stop", said("only the groups {groups} in {subject}", groups=some_of(declared, 20), subject=subject),
        said("add the groups found under '{key}', or correct them in the source", key=key),
    )  # fmt: skip


def _time_checks(contract: DataContract, as_of: dt.date) -> Iterator[PlannedCheck]:
    if contract.time is None:
        return
    column, subject = contract.time, about_role(contract.time, "time")
    yield _null_check(contract, column, column, "contract.time", subject)
    if contract.freshness:
        days = contract.freshness.within_days
        oldest = as_of - dt.timedelta(days=min(days, (as_of - dt.date.min).days))
        yield PlannedCheck(
            "expect_column_max_to_be_between", {"column": column, "min_value": oldest}, "contract.freshness", column,
            subject, contract.freshness.on_failure,
            said(
                "the newest row is of {oldest} or later ({days} days before {as_of})", oldest=oldest.isoformat(),
                days=days, as_of=as_of.isoformat(),
            ),
            said("load the newest data, or check the job that writes the source"),
        )  # fmt: skip


def _role_checks(contract: DataContract) -> Iterator[PlannedCheck]:
    """What the role of a column says by itself: weights are not negative, probabilities lie between 0 and 1."""
    asked: list[tuple[str, str, int | None]] = [(contract.weight, "contract.weight", None)] if contract.weight else []
    asked += [
        (column, f"contract.imputed_groups.{imputed.name}.probabilities.{label}", 1)
        for imputed in contract.imputed_groups for label, column in imputed.probabilities.items()
    ]  # fmt: skip
    for column, place, most in asked:
        bounds: dict[str, object] = {"min_value": 0, **({"max_value": most} if most else {})}
        asked_of = _SHARE if most else _NOT_NEGATIVE
        yield PlannedCheck(
            "expect_column_values_to_be_between", {"column": column, **bounds}, place, column, about(str(column)),
            "stop", said(asked_of, subject=about(str(column))), said("correct the rows in the source"), "values",
        )  # fmt: skip


def _price_checks(contract: DataContract) -> Iterator[PlannedCheck]:
    """One currency, or amounts of several are compared as if they were of one; no price or tenure below nought."""
    if contract.currency_column:
        column = contract.currency_column
        yield PlannedCheck(
            _DISTINCT, {"column": column, "max_value": 1}, "contract.price.currency_column", column, about(column),
            "stop", said("one currency in {subject}", subject=about(column)),
            said("audit each currency in a program of its own, or convert the amounts in a 'query'"), "labels",
        )  # fmt: skip
        if contract.currency:
            yield PlannedCheck(
                _IN_SET, {"column": column, "value_set": [contract.currency]}, "contract.price.currency", column,
                about(column), "stop",
                said("{subject} holds only {values}", subject=about(column), values=contract.currency),
                said("audit each currency in a program of its own, or convert the amounts in a 'query'"),
            )  # fmt: skip
    amounts = ("price", "cost", "new_customer_price", "market_price", "prior_price")
    for role in (*amounts, "tenure", "realised_cost"):
        named: str | None = getattr(contract, role)
        if named is None:
            continue
        strict: dict[str, object] = {"strict_min": True} if role in amounts else {}
        asked = _ABOVE_ZERO if role in amounts else _NOT_NEGATIVE
        remedy = said("correct the rows in the source; they are left out of comparisons of prices and counted")
        if role == "realised_cost":
            remedy = said(
                "correct the rows in the source, if they are no recoveries: they lower what contracts did cost"
            )
        yield PlannedCheck(
            "expect_column_values_to_be_between", {"column": named, "min_value": 0, **strict}, f"contract.{role}",
            named, about(named), "warn", said(asked, subject=about(named)),
            remedy, "values",
        )  # fmt: skip


def _rule_checks(program: AuditProgram, prepared: Prepared) -> Iterator[PlannedCheck]:
    contract = program.contract
    keys = {contract.unit, contract.time} | {group.column for group in contract.groups}
    keys |= {contract.decision.column} if contract.decision else set()
    for rule in contract.columns:
        kind = kind_of(prepared.table[rule.column])
        yield from planned_rule(rule, program, kind, rule.column not in keys, rule.column in _personal(contract))


def _undeclared_null_checks(contract: DataContract) -> Iterator[PlannedCheck]:
    """Columns of a measured role whose rule says nothing about missing values: a warning above 5 %."""
    keys = {contract.unit, contract.time} | {group.column for group in contract.groups}
    keys |= {contract.decision.column} if contract.decision else set()
    for column, places in contract.columns_used().items():
        place = next((place for place in places if place.split("[")[0].split(".")[0] in _WARNED_ROLES), None)
        if place is None or column in keys or contract.rule_for(column).null_tolerance is not None:
            continue
        yield PlannedCheck(
            _NOT_NULL, {"column": column, "mostly": mostly(UNDECLARED_NULLS)}, f"contract.{place}", column,
            about(column),
            "warn", missing_allowed(UNDECLARED_NULLS, about(column)),
            said("complete the rows in the source, or set 'null_tolerance' of '{column}' under 'columns'",
                 column=column),
            "none",
        )  # fmt: skip


def _extra_checks(program: AuditProgram) -> Iterator[PlannedCheck]:
    personal = _personal(program.contract)
    for i, extra in enumerate(program.checks):
        columns = named_columns(extra.arguments)
        told = _told(extra.arguments)
        subject = " and ".join(about(column) for column in columns) or "the table"
        words = named_expectation(extra.expectation)
        shows = "labels" if extra.expectation.startswith("expect_column_distinct") else "values"
        yield PlannedCheck(
            extra.expectation, dict(extra.arguments), f"checks[{i}]", columns[0] if columns else None, subject,
            extra.on_failure, said("{check}: {arguments}", check=words, arguments=told) if told else said(
                "{check}", check=words
            ),
            said("look at the rows concerned, or change the check"), "none" if personal & set(columns) else shows,
        )  # fmt: skip


def _told(value: object) -> str:
    """An argument as the program gives it: its keys and values are the program's own, a list may be cut short."""
    if isinstance(value, Mapping):
        told = [said("{key} {value}", key=key, value=_told(item)) for key, item in value.items()]
        return joined(told, ", ") if told else ""
    return some_of([_told(item) for item in value], 20) if isinstance(value, list) else str(value)


def build_suite(planned: Iterable[PlannedCheck]) -> ExpectationSuite:
    """The Great Expectations suite of planned checks; each expectation carries its position as ``meta``."""
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.registry import get_expectation_impl

    import checks.differing_pairs  # noqa: F401 - registers the expectation

    expectations = []
    for i, check in enumerate(planned):
        implementation: Any = get_expectation_impl(check.expectation)
        expectations.append(implementation(**check.arguments, meta={"position": i}))
    return ExpectationSuite(name="contract", expectations=expectations)
