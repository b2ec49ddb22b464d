"""How many people there are to be reached: a small table beside the program.

    attribute,group,people,source,as_of
    age,under 60,812000,census,2020-11-01
    age,60+,188000,census,2020-11-01

A CSV file in UTF-8; ``source`` and ``as_of`` are optional and the same in every row. Groups are named by the labels
that the contract shows.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence

from checks.inputs.contract import GroupAttribute, Population, band_labels
from checks.inputs.yaml_reader import Place, read_text
from checks.problem import InputError, listed, suggest

_NEEDED, _KEYS = ("attribute", "group", "people"), ("attribute", "group", "people", "source", "as_of")
AGES = {"age from 60": ("60+", "under 60")}  # the attribute by age that the way to credit is asked for, its groups


def read_population(file: str, place: Place, groups: Sequence[GroupAttribute]) -> Population | None:
    """Read the table; problems are recorded at the line of the program that names it."""
    path = place.file.parent / file
    if not file or not path.is_file():
        return None
    try:
        text = read_text(path, "table of people")
    except InputError as error:
        place.problems.extend(error.problems)
        return None
    reader = csv.DictReader(text.lstrip("\ufeff").splitlines())
    header = tuple(name.strip() for name in reader.fieldnames or ())
    if missing := [name for name in _NEEDED if name not in header]:
        place.complain(
            f"{path.name} with the columns {listed(header) or 'none'}", f"the columns {listed(_NEEDED)}",
            f"add {listed(missing)} to the first line of the file",
        )  # fmt: skip
        return None
    rows = [{str(k or "").strip(): str(v or "").strip() for k, v in row.items()} for row in reader]
    people: dict[tuple[str, str], float] = {}
    for number, row in enumerate(rows, 2):
        key = row["attribute"], row["group"]
        count = _people(place, path.name, number, row["people"])
        _known(place, path.name, number, key, groups)
        if key in people:
            place.complain(
                f"{path.name}, line {number}: {key[0]} '{key[1]}' again", "each group once", "remove one of the two"
            )
        people[key] = count
    if not rows:
        place.complain(f"{path.name} without a group", "a line for each group", "write attribute,group,people")
    told = {name: _one(place, path.name, name, rows) for name in ("source", "as_of") if name in header}
    return Population(tuple((*key, count) for key, count in people.items()), **told)


def _people(place: Place, name: str, number: int, text: str) -> float:
    try:
        count = float(text)
    except ValueError:
        count = math.nan
    if not (count >= 1 and math.isfinite(count)):
        place.complain(
            f"{name}, line {number}: '{text}' people", "a number of 1 or more", "write how many people there are"
        )
        return 0.0
    return count


def _known(place: Place, name: str, number: int, key: tuple[str, str], groups: Sequence[GroupAttribute]) -> None:
    """A name that nobody has would leave its group without a denominator in silence."""
    attribute, label = key
    known = {group.name: (*group.labels.values(), *group.values, *band_labels(group.bands)) for group in groups}
    known |= AGES
    if attribute not in known:
        place.complain(
            f"{name}, line {number}: the attribute '{attribute}'", f"one of {listed(tuple(known))}",
            suggest(attribute, tuple(known)),
        )  # fmt: skip
        return
    labels = known[attribute]
    if labels and label not in labels:
        place.complain(
            f"{name}, line {number}: the group '{label}' of {attribute}", f"one of {listed(labels)}",
            suggest(label, labels),
        )  # fmt: skip


def _one(place: Place, name: str, column: str, rows: list[dict[str, str]]) -> str | None:
    values = {row.get(column, "") for row in rows} - {""}
    if len(values) > 1:
        place.complain(
            f"{name}: {len(values)} values of '{column}'", "one for the whole table", "use one source for all groups"
        )
    return min(values) if values else None
