"""Roles that a contract declares and a question does not use: said in its answer, and on every figure that they touch.

Repeated rows of one entity make an interval that takes rows as independent too narrow, so a figure beside a declared
entity can neither be relied on for a breach nor be clear. A comparison that lumps declared strata together can be
nothing over all of them and a harm within each (Simpson 1951, JRSS B 13:238–241), so it is never clear.
"""

from __future__ import annotations

from dataclasses import replace

from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.sentence import said

ROLES = ("weight", "entity", "strata")
_NARROW = said(
    "the rows of one entity count as independent here, so that the interval is too narrow where entities repeat"
)
_LUMPED = said("the declared strata are not told apart here, and a gap within each of them can vanish over all")
_WHY = {
    "weight": (
        said("every row counts once: the declared weight is not used"),
        said("read the figures as those of the rows given"),
    ),
    "entity": (_NARROW, said("give one row for each entity")),
    "strata": (_LUMPED, said("ask the question of each stratum in a program of its own")),
}


def left_unused(question: str, contract: DataContract) -> list[NotAnswered]:
    """One line for each such role that the contract fills."""
    return [NotAnswered(f"{question}: {role}", *told) for role, told in _WHY.items() if contract.has(role)]


def marked(figure: Measurement, contract: DataContract) -> Measurement:
    """The figure with what the unused roles do to it."""
    if figure.estimate is None:
        return figure
    cautions, unseen = figure.cautions, figure.unseen
    if contract.entity:
        cautions, unseen = (*cautions, _NARROW), (*unseen, _NARROW)
    if contract.strata and figure.reference is not None:
        unseen = (*unseen, _LUMPED)
    return replace(figure, cautions=cautions, unseen=unseen)
