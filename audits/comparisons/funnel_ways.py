"""Persons of one attribute on their way: how many of each label, in each stratum, passed each stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from audits.evidence.funnel import Funnel, FunnelCell
from checks.inputs.contract import DataContract, band_labels
from checks.inputs.population import AGES

Stratum = tuple[str | None, ...]
Passed = tuple[int, ...]
"""Persons who passed the first stage, the second, …; it never rises."""


@dataclass(frozen=True, slots=True)
class Ways:
    """``tables`` has the persons by label (None: unknown) and stratum; ``people`` those who could be reached, by label.

    ``never`` counts the persons of the data who did not even pass the first stage, by label. ``misnamed`` are labels of
    the table that no row has and the contract does not declare: nobody can tell who they are; no figure has them.
    """

    attribute: str
    reference: str
    stages: tuple[str, ...]
    tables: Mapping[str | None, Mapping[Stratum, Passed]]
    never: Mapping[str | None, int] = field(default_factory=dict)
    people: Mapping[str, int] = field(default_factory=dict)
    misnamed: tuple[str, ...] = ()

    def passed(self, label: str | None) -> Passed:
        """Persons of a label who passed each stage, over all strata."""
        held = self.tables.get(label, {}).values()
        return tuple(map(sum, zip(*held, strict=True))) if held else (0,) * len(self.stages)

    @property
    def seen(self) -> tuple[str, ...]:
        """The labels that rows have."""
        return tuple(sorted(label for label in {*self.tables, *self.never} if label is not None))

    @property
    def others(self) -> tuple[str, ...]:
        """The labels that are compared, also those of whom nobody was reached."""
        return tuple(sorted({*self.seen, *self.people} - {self.reference}))

    def strata(self, label: str) -> tuple[list[Stratum], list[Passed], list[Passed]]:
        """The strata with anybody of the label or of the reference, and both in each of them."""
        mine, theirs = self.tables.get(label, {}), self.tables.get(self.reference, {})
        keys = sorted({*mine, *theirs}, key=lambda key: tuple((part is None, part or "") for part in key))
        nobody = (0,) * len(self.stages)
        return keys, [mine.get(key, nobody) for key in keys], [theirs.get(key, nobody) for key in keys]

    def unknown_share(self) -> float:
        """Share of the persons who passed the first stage whose label is not known."""
        every = sum(self.passed(label)[0] for label in self.tables)
        return self.passed(None)[0] / every if every else 0.0

    def entry(self, label: str) -> tuple[int, int] | None:
        """People of the label and of the reference who could be reached, where the table of people has both."""
        mine, theirs = self.people.get(label), self.people.get(self.reference)
        return None if mine is None or theirs is None else (mine, theirs)

    def too_few_people(self, label: str) -> str | None:
        """The label, of these two, of whom more were reached than the table of people has."""
        over = (one for one in (label, self.reference) if self.passed(one)[0] > self.people.get(one, 0))
        return next(over, None) if self.entry(label) else None

    def usable_entry(self, label: str) -> tuple[int, int] | None:
        """``entry`` unless more were reached than there are people."""
        return None if self.too_few_people(label) else self.entry(label)

    @property
    def from_people(self) -> bool:
        """Whether every comparison begins with the people of the table."""
        return bool(self.others) and all(self.usable_entry(label) for label in self.others)


def ways_of(funnel: Funnel, attribute: str, reference: str, contract: DataContract) -> Ways:
    """The persons of one attribute."""
    cells = funnel.cells.get(attribute, ())
    held = contract.population.people if contract.population else ()
    never: dict[str | None, int] = {}
    for cell in cells:
        if cell.furthest < 0:
            never[cell.label] = never.get(cell.label, 0) + cell.persons
    people = {label: round(people) for name, label, people in held if name == attribute}
    known = {*never, *(cell.label for cell in cells), *_declared(attribute, contract)}
    return Ways(
        attribute, reference, funnel.stages, _tables(cells, len(funnel.stages)), never,
        {label: size for label, size in people.items() if label in known},
        tuple(label for label in people if label not in known),
    )  # fmt: skip


def _declared(attribute: str, contract: DataContract) -> tuple[str, ...]:
    """The labels that there are by the contract, whether any row has them or not."""
    group = next((one for one in contract.groups if one.name == attribute), None)
    if group is None:
        return AGES.get(attribute, ())
    return (*group.labels.values(), *group.values, *band_labels(group.bands))


def _tables(cells: Iterable[FunnelCell], stages: int) -> dict[str | None, dict[Stratum, Passed]]:
    found: dict[str | None, dict[Stratum, list[int]]] = {}
    for cell in cells:
        row = found.setdefault(cell.label, {}).setdefault(cell.stratum, [0] * stages)
        for place in range(cell.furthest + 1):
            row[place] += cell.persons
    return {label: {key: tuple(row) for key, row in table.items() if row[0]} for label, table in found.items()}
