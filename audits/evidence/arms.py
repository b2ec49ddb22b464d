"""Money by arm: what rows of two arms borrowed at equal strata, and score sums of clusters for their difference.

One GROUP BY over group, stratum, arm and a second flag gives rows, Σy, Σy² and Σy³; numbers among the strata
(``controls``) are cut at their fifths (Cochran 1968, Biometrics 24:295–313: five classes leave about a tenth of the
bias of a control). Amounts below zero, or beyond ``LARGEST_AMOUNT``, are counted and left out, so that one absurd
amount changes no sum of the others. Where clusters are named, a second scan adds each row's score for the differences
of ``ArmTable`` within its cluster, and the products of the clusters' sums as integers: no row leaves the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from audits.evidence.cells import FEWEST
from audits.evidence.exact_sums import Range, as_number, limbs, scaled, total, zero_below
from audits.evidence.needs import ArmsNeed
from checks.inputs.grouping import group_rows
from checks.inputs.loan_columns import LARGEST_AMOUNT
from checks.inputs.prepared import MISSING_TEXTS, as_text, group_column
from checks.inputs.source import Source

if TYPE_CHECKING:
    from audits.evidence.arm_scores import ArmScores

Stratum = tuple[str | None, ...]
FAULTS = ("missing", "below", "beyond", "nobody")
FIFTHS = (0.2, 0.4, 0.6, 0.8)
YES, NO = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
ODD_SHOWN = 5
_CUBES = 2.0**-300  # quotients whose cubes no engine calls too small


@dataclass(frozen=True, slots=True)
class ArmCell:
    """Rows of one group (None: everyone, or unknown), stratum, arm and other flag (None: unknown, or says neither).

    ``known`` have an amount and, where clusters are named, a cluster; the others are counted by what they lack.
    """

    label: str | None
    stratum: Stratum
    arm: bool | None
    other: bool | None
    known: int = 0
    total: float = 0.0
    squares: float = 0.0
    cubes: float = 0.0
    missing: int = 0
    below: int = 0
    beyond: int = 0
    nobody: int = 0

    @property
    def lost(self) -> int:
        """Rows without an amount that counts."""
        return self.missing + self.below + self.beyond + self.nobody

    @property
    def rows(self) -> int:
        """All rows."""
        return self.known + self.lost


@dataclass(frozen=True, slots=True)
class Arms:
    """``odd`` holds (column, value) of flags that say neither yes nor no, ``edges`` where each control is cut."""

    attribute: str | None
    cells: tuple[ArmCell, ...]
    edges: tuple[tuple[float, ...], ...]
    odd: tuple[tuple[str, str], ...]
    scores: ArmScores | None = None

    @property
    def tells_persons(self) -> bool:
        """Whether sums of amounts are of fewer than ``FEWEST`` rows in a cell."""
        return any(0 < cell.known < FEWEST for cell in self.cells)

    @property
    def rows(self) -> int:
        """All rows of the source."""
        return sum(cell.rows for cell in self.cells)

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The groups that have a row with an amount in an arm, or None alone where no attribute is asked for."""
        if self.attribute is None:
            return (None,)
        found = {cell.label for cell in self.cells if cell.known and cell.arm is not None and cell.label is not None}
        return tuple(sorted(found))


def collect_arms(source: Source, need: ArmsNeed) -> Arms:
    """Two scans, one more for controls, two more for clusters, one for each flag with odd values."""
    edges = _edges(source, need)
    keys = arm_keys(source, need, edges)
    found = _range(source, need)
    grouped = group_rows(source.table, {**keys, "fault": _fault(source, need)}, _figures(source, need, found))
    width = len(keys)
    cells: dict[tuple[Any, ...], dict[str, Any]] = {}
    odd_flags = {"arm": False, "other": False}
    for row in source.rows(grouped):
        told = dict(zip(keys, row[:width], strict=True))
        fault, rows, *parts = row[width:]
        if not rows:
            continue
        for name in odd_flags:
            odd_flags[name] |= told.get(name) == "odd"
        key = _cell_key(told, need)
        cell = cells.setdefault(key, dict.fromkeys(("known", *FAULTS), 0) | {"parts": [0] * 8})
        cell[fault or "known"] += int(rows)
        if fault is None:
            cell["parts"] = [one + int(two or 0) for one, two in zip(cell["parts"], parts, strict=True)]
    every = tuple(_cell(key, cells[key], found) for key in sorted(cells, key=_order))
    columns = {"arm": need.arm, "other": need.other}
    odd = tuple(pair for name, there in odd_flags.items() if there for pair in _odd(source, str(columns[name])))
    arms = Arms(need.attribute, every, edges, tuple(dict.fromkeys(odd)))
    if need.cluster is None or odd_flags["arm"]:
        return arms
    from audits.evidence.arm_scores import collect_arm_scores

    return Arms(need.attribute, every, edges, arms.odd, collect_arm_scores(source, need, arms, found))


def arm_keys(source: Source, need: ArmsNeed, edges: Sequence[Sequence[float]]) -> dict[str, Any]:
    """What tells cells apart: ``label``, ``s0`` … the strata, ``b0`` … the bands, ``arm`` and ``other``, as text."""
    table = source.table
    keys: dict[str, Any] = {"label": table[group_column(need.attribute)]} if need.attribute is not None else {}
    keys |= {f"s{i}": as_text(table[name]) for i, name in enumerate(need.strata)}
    keys |= {f"b{i}": _band(table[name], edges[i]) for i, name in enumerate(need.controls)}
    keys["arm"] = _mark(table[need.arm])
    if need.other is not None:
        keys["other"] = _mark(table[need.other])
    return keys


def clean_amount(source: Source, need: ArmsNeed) -> Any:
    """The amount where it counts, else NULL."""
    import ibis

    amount = as_number(source.table[need.response])
    return ibis.ifelse((amount >= 0) & (amount < LARGEST_AMOUNT), amount, ibis.null("float64"))


def fault_free(source: Source, need: ArmsNeed) -> Any:
    """Whether a row has an amount that counts, and a cluster where they are named."""
    fine = clean_amount(source, need).notnull()
    return fine & source.table[need.cluster].notnull() if need.cluster is not None else fine


def _fault(source: Source, need: ArmsNeed) -> Any:
    """What keeps a row out, NULL where nothing does. Its cases make the engine group by the fault, not the amounts."""
    import ibis

    amount = as_number(source.table[need.response])
    nobody = [(source.table[need.cluster].isnull(), FAULTS[3])] if need.cluster is not None else []
    return ibis.cases(
        *nobody, (amount.isnull(), FAULTS[0]), (amount < 0, FAULTS[1]), (amount < LARGEST_AMOUNT, ibis.null("string")),
        else_=FAULTS[2],
    )  # fmt: skip


def _mark(column: Any) -> Any:
    """``yes``, ``no``, NULL where missing, ``odd`` where it says neither; as ``audits/comparisons/flags.py`` reads."""
    import ibis

    text = as_text(column).strip().lower()
    nothing = ibis.null("string")
    return ibis.cases(
        (text.isnull(), nothing), (text.isin(YES), "yes"), (text.isin(NO), "no"), (text.isin(MISSING_TEXTS), nothing),
        else_="odd",
    )  # fmt: skip


def _band(column: Any, edges: Sequence[float]) -> Any:
    """The fifth that a number lies in, as text; NULL where it is missing."""
    import ibis

    number = as_number(column)
    cut = [(number <= ibis.literal(repr(edge), "string").cast("float64"), str(i + 1)) for i, edge in enumerate(edges)]
    return ibis.cases(*cut, (number <= 1.7e308, str(len(edges) + 1)), else_=ibis.null("string"))


def _edges(source: Source, need: ArmsNeed) -> tuple[tuple[float, ...], ...]:
    """Different fifths of each control, as values that occur."""
    if not need.controls:
        return ()
    numbers = source.table.select(**{f"c{i}": as_number(source.table[name]) for i, name in enumerate(need.controls)})
    asked = ", ".join(
        f"percentile_disc({part}) WITHIN GROUP (ORDER BY c{i})" for i in range(len(need.controls)) for part in FIFTHS
    )
    row = source.rows(f"SELECT {asked} FROM ({source.backend.compile(numbers)}) AS r")[0]  # noqa: S608 - our own names
    width = len(FIFTHS)
    parts = [row[width * i : width * i + width] for i in range(len(need.controls))]
    return tuple(tuple(sorted({float(edge) for edge in part if edge is not None})) for part in parts)


def _range(source: Source, need: ArmsNeed) -> Range:
    high, known = source.rows(
        source.table.aggregate(high=clean_amount(source, need).max(), known=clean_amount(source, need).count())
    )[0]
    return Range(0.0, high, int(known))


def _figures(source: Source, need: ArmsNeed, found: Range) -> dict[str, Any]:
    quotient = scaled(clean_amount(source, need), found)
    seen = zero_below(quotient, _CUBES)
    parts = (*limbs(quotient), *limbs(quotient * quotient, 3), *limbs(seen * seen * seen, 3))
    return {f"f{i}": part for i, part in enumerate(parts)}


def _cell_key(told: Mapping[str, Any], need: ArmsNeed) -> tuple[Any, ...]:
    stratum = tuple(
        None if told[name] is None else str(told[name])
        for name in (*(f"s{i}" for i in range(len(need.strata))), *(f"b{i}" for i in range(len(need.controls))))
    )
    flags = tuple({"yes": True, "no": False}.get(str(told.get(name))) for name in ("arm", "other"))
    return told.get("label"), stratum, *flags


def _cell(key: tuple[Any, ...], held: Mapping[str, Any], found: Range) -> ArmCell:
    e, parts = found.exponent, held["parts"]
    label, stratum, arm, other = key
    return ArmCell(
        label, stratum, arm, other, held["known"],
        total(parts[:2], e), total(parts[2:5], 2 * e), total(parts[5:], 3 * e),
        *(held[name] for name in FAULTS),
    )  # fmt: skip


def _order(key: tuple[Any, ...]) -> list[tuple[bool, str]]:
    label, stratum, *flags = key
    return [(value is None, str(value)) for value in (label, *stratum, *flags)]


def _odd(source: Source, column: str) -> list[tuple[str, str]]:
    """Values of a flag that say neither yes nor no, the first few by their text."""
    table = source.table
    text, mark = as_text(table[column]), _mark(table[column])
    grouped = group_rows(table, {"text": text, "mark": mark}, {})
    odd = grouped.filter(grouped["mark"] == "odd").select("text")
    found = sorted(str(row[0]) for row in source.rows(odd.limit(1000)))
    return [(column, value) for value in found[:ODD_SHOWN]]


def arms_to_json(found: Arms) -> str:
    """Text of a file; floats in full precision."""
    return json.dumps(asdict(found), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def arms_from_json(text: str) -> Arms:
    """The inverse of ``arms_to_json``."""
    from audits.evidence.arm_scores import arm_scores_of

    content = json.loads(text)
    cells = tuple(ArmCell(**{**cell, "stratum": tuple(cell["stratum"])}) for cell in content["cells"])
    scores = content["scores"]
    return Arms(
        content["attribute"], cells, tuple(map(tuple, content["edges"])),
        tuple((str(column), str(value)) for column, value in content["odd"]),
        None if scores is None else arm_scores_of(scores),
    )  # fmt: skip


def key_of(columns: Mapping[str, Any]) -> Any:
    """One text that is equal where all labels are, so that the engine joins by equality."""
    import ibis

    parts = [ibis.ifelse(one.isnull(), "-", ibis.literal("+") + one) + "\x1f" for one in columns.values()]
    return reduce(add, parts)


def text_of(labels: Sequence[str | None]) -> str:
    """The text that ``key_of`` makes of these labels."""
    return "".join(("-" if one is None else "+" + one) + "\x1f" for one in labels)
