"""Which columns a model may have read, and which of them a lender may lawfully weigh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from checks.guessing.called import is_key
from checks.guessing.guess import DOUBTFUL, LIKELY, Guess
from checks.guessing.profile import Column
from checks.guessing.vocabulary import CONTROLS

if TYPE_CHECKING:
    from checks.guessing.roles import Placed

_MOST = 30


def model_inputs(placed: Placed) -> Iterator[Guess]:
    """Controls, beside a decision; features, where decisions have outcomes or prices further columns beside them."""
    decided = placed.column_of("decision") is not None
    priced = placed.column_of("price") is not None and not decided
    if "funnel.start" in placed.best or "thin_file.filled_decision" in placed.best or "terms.pushed" in placed.best:
        return
    taken = placed.taken()
    left = [column for column in placed.profile.columns if column.name not in taken and _usable(column, placed)]
    controls = [column for column in left if _control(column, placed)] if decided else []
    income = placed.best.get("loan.income")
    means = [placed.profile.column(income.column)] if decided and income else []
    for column in [*controls, *means]:
        yield Guess("controls", column.name, LIKELY, "the name speaks of the risk or the means of the applicant")
    if decided and placed.column_of("outcome") is not None:
        why = "beside decision and outcome, a column of no other role is taken for an input of the model"
    elif priced and len(left) > 1:
        why = "beside a price, columns of no other role are taken for inputs of the model"
        left += [
            placed.profile.column(guess.column) for guess in placed.best.values()
            if guess.more.get("attribute") == "region" and guess.column not in {one.name for one in left}
        ]  # fmt: skip
        visits = placed.best.get("behaviour.visits")
        left += [placed.profile.column(visits.column)] if visits and not visits.filled else []
    else:
        return
    sure = LIKELY if len(left) <= _MOST else DOUBTFUL
    for column in left:
        yield Guess("features", column.name, sure, why)


def _usable(column: Column, placed: Placed) -> bool:
    if column.personal or column.missing == column.rows or column.distinct < 2 or column.kind in ("time", "other"):
        return False
    if column.unique and column.kind == "text":
        return False
    return not is_key(column, placed.said[column.name]) and (column.kind != "text" or len(column.values) > 1)


def _control(column: Column, placed: Placed) -> bool:
    return column.kind == "number" and column.distinct > 2 and bool(CONTROLS & set(placed.said[column.name]))
