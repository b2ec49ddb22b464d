"""Columns that an audit of access adds: an age that somebody can have, who has a thin file, on which side a channel is.

The last two are attributes like those of the contract, with labels of the audit's own: ``CREDIT_FILE`` and ``CHANNEL``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import (
    ASSISTED,
    CHANNEL,
    CREDIT_FILE,
    DIGITAL,
    FULL,
    TENURE_UNITS,
    THIN,
    DataContract,
    ThinFile,
)
from checks.inputs.loan_columns import flag, number
from checks.inputs.prediction import NEW, RENEWING, STANDING

if TYPE_CHECKING:
    import ibis.expr.types as ir

AGE = "squaredeal_age"
FILLED = "squaredeal_filled_favourable"
YOUNGEST, OLDEST = 14.0, 115.0  # of a customer; what lies beyond is no age
DERIVED = (AGE, FILLED)
REFERENCES = {CREDIT_FILE: FULL, CHANNEL: DIGITAL, STANDING: NEW}
LABELS = {CREDIT_FILE: (THIN, FULL), CHANNEL: (ASSISTED, DIGITAL), STANDING: (RENEWING, NEW)}


def made_attributes(contract: DataContract) -> tuple[str, ...]:
    """The attributes that the audit makes of other columns."""
    standing = contract.prediction and contract.tenure
    return (
        *((CREDIT_FILE,) if contract.thin_file else ()), *((CHANNEL,) if contract.channels else ()),
        *((STANDING,) if standing else ()),
    )  # fmt: skip


def age_of(column: ir.Value) -> Any:
    """The age in years, NULL where nobody has it."""
    import ibis

    years = number(column)
    return ibis.ifelse((years >= YOUNGEST) & (years <= OLDEST), years, ibis.null("float64"))


def empty(column: ir.Value, missing_texts: tuple[str, ...]) -> Any:
    """Whether a value is missing, also in words."""
    if not column.type().is_string():
        return column.isnull()
    return column.isnull() | column.strip().lower().isin(missing_texts)


def file_label(columns: Mapping[str, ir.Value], contract: DataContract, missing_texts: tuple[str, ...]) -> Any:
    """``thin``, ``full``, or NULL where a flag says neither."""
    import ibis

    made = contract.thin_file or ThinFile()
    if made.flag:
        thin = flag(columns[made.flag])
    else:
        join = and_ if made.when == "all" else or_
        thin = reduce(join, (empty(columns[name], missing_texts) for name in made.missing))
    return ibis.cases((thin, THIN), (~thin, FULL), else_=ibis.null("string"))


def channel_label(column: ir.Value, digital: list[str], assisted: list[str]) -> Any:
    """``digital``, ``assisted``, or NULL for a channel that the contract puts on neither side."""
    import ibis

    return ibis.cases((column.isin(digital), DIGITAL), (column.isin(assisted), ASSISTED), else_=ibis.null("string"))


def standing_label(column: ir.Value, contract: DataContract) -> Any:
    """``new`` below the first edge of tenure, else ``renewing``; NULL without a tenure, and below 0."""
    import ibis

    years = number(column) / TENURE_UNITS[contract.tenure_unit]
    edge = contract.tenure_bands[0]
    return ibis.cases(
        (years < 0, ibis.null("string")), (years < edge, NEW), (years >= edge, RENEWING), else_=ibis.null("string")
    )  # fmt: skip


def access_columns(
    columns: Mapping[str, ir.Value], contract: DataContract, missing_texts: tuple[str, ...],
    as_text: Callable[[Any], Any], canonical: Callable[[tuple[str, ...], Any], list[str]],
) -> dict[str, Any]:  # fmt: skip
    """The derived columns by name; labels of made attributes under the attribute's name."""
    made: dict[str, Any] = {}
    if contract.age:
        made[AGE] = age_of(columns[contract.age])
    if contract.thin_file:
        made[CREDIT_FILE] = file_label(columns, contract, missing_texts)
    if contract.channels:
        column = columns[contract.terms["channel"]]
        sides = (canonical(side, column) for side in (contract.channels.digital, contract.channels.assisted))
        made[CHANNEL] = channel_label(as_text(column), *sides)
    if contract.tenure and contract.prediction:
        made[STANDING] = standing_label(columns[contract.tenure], contract)
    return made
