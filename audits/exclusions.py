"""What the figures leave out: rows, groups and controls, each with its number and the reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from audits.comparisons.loan_faults import cost_faults
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed
from audits.record import Exclusion
from checks.inputs.loan_columns import COST_FAULT
from checks.inputs.pricing_columns import FAULT
from checks.inputs.program import AuditProgram
from checks.sentence import said

_UNDECIDED = said("no decision that counts: it is missing, excluded by the contract, or without a time in a period")
_EXEMPT = said("exempt: it need not be reported (these rows are among those without a value)")
_NO_CONTROL = said("no value of a control: left out of adjusted figures only")
_NOBODY_DECIDED = said("no row of this group has a decision that counts")


def exclusions_of(
    evidence: Evidence, program: AuditProgram, exempt: Mapping[str, int] | None = None
) -> tuple[Exclusion, ...]:
    """Rows and groups that figures leave out, by role and reason, from the evidence.

    ``exempt`` says by column how many of the missing values need not be reported.
    """
    found = [Exclusion(place, None, rows, _EXEMPT) for place, rows in _by_role(exempt or {}, program)]
    for attribute in evidence.attributes():
        counts = evidence.cells(CellsNeed((attribute,))).by(attribute)
        missing = sum(count for (label, _), count in counts.items() if label is None)
        found.append(Exclusion(f"groups.{attribute}", None, missing, said("no group label: the value is missing")))
        found += _unheard(counts, attribute, evidence.data.declared.get(attribute, ()), program)
    if evidence.attributes() and program.contract.decision:
        undecided = sum(count for _, decision, count in evidence.cells(CellsNeed()).cells if decision is None)
        found.append(Exclusion("decision", None, undecided, _UNDECIDED))
    for file in sorted(evidence.folder.glob("moments-*.json")):
        found += _of_moments(json.loads(file.read_text(encoding="utf-8")), program)
    for file in sorted(evidence.folder.glob("memberships-*.json")):
        lost = json.loads(file.read_text(encoding="utf-8"))["undecided"]
        found.append(Exclusion("decision", None, lost, _UNDECIDED))
    found += _unpriced(evidence, program)
    found += _uncosted(evidence, program)
    kept = dict.fromkeys(item for item in found if item.rows or item.label or "never varies" in item.reason)
    return tuple(kept)


_FAULTS = {
    "no price": ("price", said("no price: left out of comparisons of prices")),
    "price not above zero": ("price", said("a price that is not above zero: left out of comparisons of prices")),
    "no cost": ("cost", said("no expected cost: left out of comparisons of prices with it")),
    "cost not above zero": (
        "cost", said("an expected cost that is not above zero: left out of comparisons of prices with it"),
    ),
    "no tenure": ("tenure", said("no tenure: left out of comparisons by tenure")),
    "tenure below zero": ("tenure", said("a tenure below zero: left out of comparisons by tenure")),
    "amount beyond any price": (
        "price", said("a price or expected cost below 1e-9 or of 1e15 and more: left out of comparisons of prices"),
    ),
    "tenure beyond 300 years": ("tenure", said("a tenure beyond 300 years: left out of comparisons by tenure")),
}  # fmt: skip


def _unpriced(evidence: Evidence, program: AuditProgram) -> Iterator[Exclusion]:
    """Quotes that comparisons of prices leave out, by the first thing that is wrong with them."""
    if not program.contract.price:
        return
    try:
        cells = evidence.cells(CellsNeed((), (FAULT,), (), decision=False))
    except KeyError:  # no question of prices was asked
        return
    for labels, _, rows in cells.cells:
        if labels[0] in _FAULTS:
            role, reason = _FAULTS[str(labels[0])]
            yield Exclusion(role, None, rows, reason)


def _uncosted(evidence: Evidence, program: AuditProgram) -> Iterator[Exclusion]:
    """Loans that have no annual rate, by the reason."""
    if not program.contract.loan:
        return
    try:
        cells = evidence.cells(CellsNeed((), (COST_FAULT,), (), decision=False))
    except KeyError:  # no question asked what loans cost
        return
    for reason, rows in cost_faults(cells).items():
        yield Exclusion("loan", None, rows, said("no annual rate: {reason}", reason=said(reason)))


def _of_moments(moments: Mapping[str, Any], program: AuditProgram) -> Iterator[Exclusion]:
    """Rows that linear models leave out, and columns that tell them nothing."""
    imputed = {
        column: f"imputed_groups.{one.name}.{label}"
        for one in program.contract.imputed_groups for label, column in one.probabilities.items()
    }  # fmt: skip
    of_members = moments["attribute"] is None  # a model of probabilities, whose columns are no controls
    for name, rows in moments["missing"].items():
        if of_members and name in imputed:
            yield Exclusion(imputed[name], None, rows, said("no probability of belonging: left out of imputed figures"))
        else:
            yield Exclusion(f"controls.{name}", None, rows, _NO_CONTROL)
    lost = moments["cluster_missing"]
    yield Exclusion("entity", None, lost, said("no value of the cluster: left out of adjusted figures only"))
    if measured := moments.get("measured"):
        role = "rate" if measured == program.contract.rate else f"response.{measured}"
        lost = moments.get("measured_missing", 0)
        yield Exclusion(role, None, lost, said("no value: left out of the figures about it"))
    for name in moments["constant"]:
        if not (of_members and name in imputed):
            yield Exclusion(f"controls.{name}", None, 0, said("the control never varies: it adjusts nothing"))


def _by_role(counts: Mapping[str, int], program: AuditProgram) -> Iterator[tuple[str, int]]:
    for column, places in program.contract.columns_used().items():
        if column in counts:
            role = places[0].split("[")[0].removesuffix(".column")
            yield (role if "." in role else f"{role}.{column}"), counts[column]


def _unheard(
    counts: Mapping[tuple[str | None, int | None], int],
    attribute: str,
    declared: Iterable[str],
    program: AuditProgram,
) -> Iterator[Exclusion]:
    """Groups about which nothing can be said: declared but absent, or without a single decision."""
    for label in declared:
        if not any(found == label for found, _ in counts):
            yield Exclusion(f"groups.{attribute}", label, 0, said("declared, but no row has this label"))
    if program.contract.decision:
        for label in sorted({label for label, _ in counts if label is not None}):
            rows = sum(n for (found, _), n in counts.items() if found == label)
            if rows == counts.get((label, None), 0):
                yield Exclusion(f"groups.{attribute}", label, rows, _NOBODY_DECIDED)
