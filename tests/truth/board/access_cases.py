"""Programs about the way to credit, renamed as a seed says, and what a run on each drawn file measures and concludes.

The counts of a drawn file are those of its persons by how far they came, which is what the collector would find.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from audits.evidence.funnel import Funnel, FunnelCell, LossCell
from audits.evidence.needs import FunnelNeed
from audits.plan import Plan, make_plan
from audits.record import DataRecord
from audits.run import program_record
from audits.simulation.population import Population
from audits.simulation.thin_files import ThinFiles
from audits.simulation.way_to_credit import AGE_GROUP, FURTHEST, OLDER, STAGES
from audits.simulation.world import World
from audits.simulation.write import Simulation, write_simulation
from checks.inputs.contract import DataContract
from checks.inputs.program import AuditProgram, read_program
from tests.truth.board.access_files import FileCase, file_case
from tests.truth.board.asked import Answer, answered, data_of, other_names, renamed, renames
from tests.truth.board.practices import Setting

Ints = NDArray[np.int64]
NAMED_STAGES = {"started": "start", "identity": "identity", "finished": "submit"}
NOTHING = (
    "without_person", "skipped", "out_of_order", "skewed", "ahead", "duplicates", "repeated", "too_early", "undecided",
    "odd_ages", "mixed", "unread_stages", "unread_failures", "without_times",
)  # fmt: skip


@dataclass(frozen=True)
class CountedFunnel:
    """The method of ``Evidence`` that a question on the way to credit reads; ``counts`` on the axes of ``people``."""

    people: Population
    counts: Ints
    contract: DataContract
    data: DataRecord

    def funnel(self, need: FunnelNeed) -> Funnel:
        """As the collector would find it of one row a person, without times."""
        if need.cuts:
            raise NotImplementedError(f"{need}: the worlds have no ages in years")
        way, rows = self.contract.funnel, int(self.counts.sum())
        if way is None:
            raise ValueError("contract: found no funnel, expected one")
        columns = {one.name: one.column for one in self.contract.groups}
        return Funnel(
            way.names, {"rows": rows, "persons": rows, **dict.fromkeys(NOTHING, 0)},
            {name: self._cells(columns[name], need.strata) for name in need.attributes},
            {name: self._losses(columns[name], way.dimensions) for name in need.attributes},
            dict.fromkeys(need.attributes, ()), dict.fromkeys(need.attributes, ()),
        )  # fmt: skip

    def _cells(self, column: str, strata: tuple[str, ...]) -> tuple[FunnelCell, ...]:
        return tuple(
            FunnelCell(label, tuple(stratum), furthest, n)
            for (label, *stratum, furthest), n in self._by(column, *strata)
        )

    def _losses(self, column: str, dimensions: Mapping[str, str]) -> dict[str, tuple[LossCell, ...]]:
        return {
            name: tuple(LossCell(label, value, furthest, n) for (label, value, furthest), n in self._by(column, other))
            for name, other in dimensions.items()
        }

    def _by(self, *names: str) -> list[tuple[tuple[Any, ...], int]]:
        """Values of these columns and the furthest stage, and how many persons have them, where anybody does."""
        every = (*names, FURTHEST)
        kept = [self.people.axis(name) for name in every]
        summed = self.counts.sum(axis=tuple(set(range(self.counts.ndim)) - set(kept)))
        by = np.transpose(summed, [sorted(kept).index(axis) for axis in kept])
        keys = product(*(self.people.values(name) for name in every))
        return [(key, n) for key, n in zip(keys, by.ravel().tolist(), strict=True) if n]


@dataclass(frozen=True)
class AccessCase:
    """A program about a world with the names of one seed; ``stages`` are other names of the stages."""

    world: World
    program: AuditProgram
    plan: Plan
    names: Mapping[str, str]
    stages: Mapping[str, str]
    record: Any = field(repr=False)

    def place(self, stage: str) -> tuple[str, str, str]:
        """Attribute, group and segment of a figure on the old: a stage, or the whole way."""
        called = [self.names.get(name, name) for name in (AGE_GROUP, OLDER)]
        return called[0], called[1], self.stages[stage] if stage else "all"

    def evidence(self, counts: Ints) -> CountedFunnel:
        """Evidence of one drawn file."""
        contract = self.program.contract
        people = renamed(self.world.population(0.0), self.names)
        return CountedFunnel(people, counts, contract, data_of(contract, int(counts.sum())))

    def answer(self, counts: Ints) -> Answer:
        """Measure every question on one drawn file, and judge."""
        return answered(self.program, self.plan, self.record, self.evidence(counts))


@cache
def access_case(world: World, seed: int) -> AccessCase:
    """The program about a world under the names of a seed."""
    names, stages = other_names(world, seed), renames(STAGES, seed)
    with tempfile.TemporaryDirectory() as folder:
        program = read_program(written(world, seed, Path(folder), 0.0, 2, 1))
    return AccessCase(world, program, make_plan(program), names, stages, program_record(program))


def written(world: World, names_of: int, folder: Path, effect: float, rows: int, seed: int) -> Path:
    """A program about age and its data, with the names of a seed for columns, labels and stages."""
    names, stages = other_names(world, names_of), renames(STAGES, names_of)
    file = write_simulation(Simulation(world, rows, effect, seed, names), folder).program
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    way = content["contract"]["funnel"]
    way["stages"] = {stages[name]: column for name, column in way["stages"].items()}
    way |= {key: stages[name] for key, name in NAMED_STAGES.items()}
    asked = {"attributes": [names[AGE_GROUP]]}
    content["audits"] = {"primary": [{name: asked} for name in world.audits]}
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


def case_of(world: World, seed: int) -> AccessCase | FileCase:
    """The program about a world: of the way to credit, or of files with and without a data trail."""
    return file_case(world, seed) if isinstance(world, ThinFiles) else access_case(world, seed)


_told: list[tuple[Any, list[Answer]]] = []


def answers(setting: Setting, counts: Ints) -> list[Answer]:
    """The answers on each drawn file; those on the last draw are kept, since several practices read them."""
    if not _told or _told[0][0] is not counts:
        case = case_of(setting.world, setting.seed)
        _told[:] = [(counts, [case.answer(one) for one in counts])]
    return _told[0][1]
