"""Rows for a search of alternatives, in three parts that share no person; in memory alone.

Persons are taken by the smallest MD5 of seed and person, with all their rows, and fall into a part by another MD5, so
that a seed gives the same rows in any engine and order. A smaller draw is a part of a larger one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.model_rows import plain, ties_in_order
from checks.inputs.columns import array_of
from checks.inputs.contract import DataContract
from checks.inputs.outcomes import OUTCOME
from checks.inputs.prepared import FAVOURABLE, as_text, group_column
from checks.inputs.remedies import Remedies
from checks.inputs.source import Source
from checks.problem import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd

_MOST_CELLS = 10_000_000  # values held of a draw
_DIGITS = 13  # hexadecimal ones of a hash, which a float64 holds exactly
_PARTS = ("training", "validation", "untouched")


@dataclass(frozen=True, slots=True, eq=False)
class RemedyPart:
    """n rows of one part.

    ``features`` (n, p) as recorded: numbers with NaN where missing, truth values as 1.0 and 0.0 with NaN, times as
    datetime64, texts with None. ``target``, ``decision`` and ``outcome`` (n,) are 1.0 favourable, 0.0 not, NaN unknown
    (``outcome`` is all NaN where the contract has none). ``labels`` (n,) of each attribute are texts, None where
    unknown. ``persons`` (n,) are whole numbers: rows of one person (the contract's entity, else the row itself) share
    one, and no other part has it.
    """

    features: pd.DataFrame
    target: NDArray[np.float64]
    decision: NDArray[np.float64]
    outcome: NDArray[np.float64]
    labels: Mapping[str, NDArray[np.object_]]
    persons: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True, slots=True, eq=False)
class RemedyRows:
    """The parts. ``total`` rows of the source have a unit, ``without_unit`` do not; ``drawn`` were read.

    ``references`` are the reference labels of the attributes. ``without_decision`` rows have a unit and no decision,
    ``of_large_persons`` rows belong to persons with more rows than may be read: none of these is drawn.
    """

    training: RemedyPart
    validation: RemedyPart
    untouched: RemedyPart
    references: Mapping[str, str]
    total: int
    without_unit: int
    drawn: int
    without_decision: int = 0
    of_large_persons: int = 0


def draw_remedy_rows(source: Source, remedies: Remedies, contract: DataContract, seed: int) -> RemedyRows:
    """At most ``remedies.rows`` rows (fewer of very many features) that have a unit and a decision, in three parts.

    Raises ``InputError`` where the contract has no unit or decision, no row is left, or a part has no row of the
    reference or of any other group, or one value of the target alone, or of the outcome where the area under the curve
    is to be kept.
    """
    _check(source, contract)
    features, attributes = list(dict.fromkeys(contract.features)), [group.name for group in contract.groups]
    most = min(remedies.rows, max(1, _MOST_CELLS // max(len(features), 1)))
    every = _every(source, contract, features, attributes)
    total, named, lacking, large = _sizes(source, every, most)
    found = _drawn(source, every, most, seed, [*(f"f{i}" for i in range(len(features))),
                                               *(f"g{i}" for i in range(len(attributes)))])  # fmt: skip
    if not found:
        raise InputError(Problem(
            source.address, "no row with a unit and a decision", "rows to train a model on",
            "see the checks of the unit and the decision",
        ))  # fmt: skip
    whole = _whole(found, features, attributes, remedies)
    shares = _shares([row[0] for row in found])
    edges = np.cumsum(remedies.split)[:2]
    places = np.searchsorted(edges, shares, side="right")
    parts = [_part(whole, np.flatnonzero(places == place)) for place in range(len(_PARTS))]
    references = {name: source.prepared.references[name] for name in attributes}
    for name, part in zip(_PARTS, parts, strict=True):
        _check_part(source, name, part, remedies, contract, references)
    return RemedyRows(
        parts[0], parts[1], parts[2], references=references, total=named, without_unit=total - named, drawn=len(found),
        without_decision=lacking, of_large_persons=large,
    )  # fmt: skip


def _check(source: Source, contract: DataContract) -> None:
    for role, what in (("unit", "the column that identifies each row"), ("decision", "the recorded decisions"),
                       ("features", "the columns that the model takes"), ("groups", "groups to compare")):  # fmt: skip
        if not contract.has(role):
            raise InputError(Problem(
                source.address, f"a contract without '{role}'", what, f"add '{role}' to the contract"
            ))  # fmt: skip


def _every(source: Source, contract: DataContract, features: Sequence[str], attributes: Sequence[str]) -> str:
    """SQL of all rows: unit, person, decision and outcome (d, o), features (f0 …) and labels (g0 …)."""
    import ibis

    table = source.table
    unit = as_text(table[contract.unit])
    person = ibis.literal("u") + unit
    if contract.entity:
        person = ibis.coalesce(ibis.literal("e") + as_text(table[contract.entity]), person)
    outcome = table[OUTCOME] if contract.outcome else ibis.null("int8")
    named = {f"f{i}": plain(table[name]) for i, name in enumerate(features)}
    named |= {f"g{i}": table[group_column(name)] for i, name in enumerate(attributes)}
    return str(source.backend.compile(table.select(unit=unit, person=person, d=table[FAVOURABLE], o=outcome, **named)))


def _sizes(source: Source, every: str, most: int) -> tuple[int, int, int, int]:
    """All rows, those with a unit, those of them without a decision, and those of persons with more rows than most."""
    sql = (
        f"WITH s AS (SELECT unit, person, d FROM ({every}) AS e), "
        "p AS (SELECT person, count(*) AS n FROM s WHERE unit IS NOT NULL AND d IS NOT NULL GROUP BY person) "
        "SELECT count(*), count(unit), count(CASE WHEN unit IS NOT NULL AND d IS NULL THEN 1 END), "
        f"(SELECT COALESCE(sum(n), 0) FROM p WHERE n > {most}) FROM s"
    )
    total, named, lacking, large = source.rows(sql)[0]
    return int(total), int(named), int(lacking), int(large)


def _drawn(source: Source, every: str, most: int, seed: int, wanted: Sequence[str]) -> list[Sequence[Any]]:
    """Rows (part's hash, person, decision, outcome, wanted …) in the order of their persons' hash, then their own."""
    sql = (
        f"WITH w AS (SELECT * FROM ({every}) AS e WHERE unit IS NOT NULL AND d IS NOT NULL), "
        f"p AS (SELECT person, md5('{int(seed)}:' || person) AS hash, count(*) AS n FROM w GROUP BY person), "
        "k AS (SELECT person, hash, sum(n) OVER (ORDER BY hash, person ROWS UNBOUNDED PRECEDING) AS upto "
        f"FROM p WHERE n <= {most}) "
        f"SELECT w.unit, md5('{int(seed)}:part:' || w.person), w.person, w.d, w.o, "
        f"{', '.join(f'w.{name}' for name in wanted)} FROM w JOIN k ON w.person = k.person WHERE k.upto <= {most} "
        f"ORDER BY k.hash, md5('{int(seed)}:' || w.unit)"
    )
    return [row[1:] for row in ties_in_order(source.rows(sql))]


def _whole(
    found: Sequence[Sequence[Any]], features: Sequence[str], attributes: Sequence[str], remedies: Remedies
) -> RemedyPart:
    """All drawn rows as one part, so that a column is of one type in every part."""
    import pandas as pd

    columns = list(zip(*found, strict=True))
    start, last = 4, 4 + len(features)
    numbers: dict[str, int] = {}
    persons = np.array([numbers.setdefault(name, len(numbers)) for name in columns[1]], dtype=np.int64)
    decision, outcome = (np.array(column, dtype=np.float64) for column in columns[2:4])
    frame = pd.DataFrame({name: _feature(columns[start + i]) for i, name in enumerate(features)})
    labels = {name: _objects(columns[last + i]) for i, name in enumerate(attributes)}
    return RemedyPart(
        frame, outcome if remedies.target == "outcome" else decision, decision, outcome, labels, persons
    )  # fmt: skip


def _feature(values: Sequence[Any]) -> Any:
    import datetime as dt

    import pandas as pd

    kinds = set(map(type, values)) - {type(None)}
    if kinds == {bool}:
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    if kinds and all(issubclass(kind, dt.date) for kind in kinds):
        return np.array(values, dtype="datetime64[us]")
    found = array_of(values)
    return pd.Series(found, dtype=object) if found.dtype == object else found


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _shares(hashes: Sequence[str]) -> NDArray[np.float64]:
    """Of each hash a number in [0, 1)."""
    return np.array([int(one[:_DIGITS], 16) for one in hashes], dtype=np.float64) / 16.0**_DIGITS


def _part(whole: RemedyPart, rows: NDArray[np.intp]) -> RemedyPart:
    return RemedyPart(
        whole.features.iloc[rows].reset_index(drop=True), whole.target[rows], whole.decision[rows],
        whole.outcome[rows], {name: labels[rows] for name, labels in whole.labels.items()}, whole.persons[rows],
    )  # fmt: skip


def _check_part(
    source: Source, name: str, part: RemedyPart, remedies: Remedies, contract: DataContract,
    references: Mapping[str, str],
) -> None:  # fmt: skip
    """Whether a part can be learned from, or compared on."""
    attribute = remedies.attribute or contract.groups[0].name
    reference, labels = references[attribute], part.labels[attribute]
    known = labels != np.array(None)
    of_reference = labels == reference
    where, more = f"{source.address}: the {name} rows", "audit a longer period, or raise 'rows'"
    if not of_reference.any():
        raise InputError(Problem(where, f"no row of '{reference}' ({attribute})", "rows of the reference", more))
    if not (known & ~of_reference).any():
        raise InputError(Problem(
            where, f"no row of another group than '{reference}' ({attribute})", "rows of a group to compare", more
        ))  # fmt: skip
    needed = {remedies.target: part.target}
    if contract.outcome and remedies.performance == "auc":
        needed["outcome"] = part.outcome
    for role, values in needed.items():
        if len(np.unique(values[~np.isnan(values)])) < 2:
            raise InputError(Problem(
                where, f"fewer than two values of the {role}", "favourable and unfavourable ones",
                f"see the contract's '{role}', {more}",
            ))  # fmt: skip
