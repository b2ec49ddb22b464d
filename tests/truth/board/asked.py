"""Questions asked of drawn files as a program would ask them: renamed, measured, judged under the shipped packs."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from audits.plan import Plan, make_plan
from audits.policies.judge import judge
from audits.record import SCHEMA_VERSION, AuditRun, DataRecord, Finding, Measurement, NotAnswered
from audits.run import program_record
from audits.simulation.population import Column, Population
from audits.simulation.world import World
from audits.simulation.write import Simulation, plain_names, write_simulation
from checks.check_report import CheckReport
from checks.inputs.contract import DataContract
from checks.inputs.program import AuditProgram, read_program
from tests.truth.board.evidence import CountedEvidence, Layout

_FORMS = ("{} é", "区 {}", "{}-k", "x.{}", "Ж{}", "_{}")  # what a group may be called


@dataclass(frozen=True)
class Asked:
    """``questions`` are a program's primary ones with their parameters; ``roles`` add to the contract of the world."""

    questions: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]
    roles: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def about(cls, *names: str, roles: Mapping[str, Any] | None = None, **parameters: Any) -> Asked:
        """Questions by name; ``parameters`` are those of the first."""
        own = tuple(sorted(parameters.items()))
        return cls(tuple((name, () if i else own) for i, name in enumerate(names)), tuple((roles or {}).items()))


@dataclass(frozen=True)
class Answer:
    """What a run holds and what the judge makes of it."""

    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...]
    not_answered: tuple[NotAnswered, ...]


@dataclass(frozen=True)
class Case:
    """A program about a world, with the names of one seed."""

    program: AuditProgram
    plan: Plan
    names: Mapping[str, str]
    layout: Layout
    _record: Any = field(repr=False)

    def evidence(self, counts: NDArray[np.int64]) -> CountedEvidence:
        """Evidence of one drawn file."""
        people = counts.ravel()
        contract, rows = self.program.contract, int(people[self.layout.kind] @ self.layout.times)
        return CountedEvidence(self.layout, people, data_of(contract, rows))

    def answer(self, counts: NDArray[np.int64]) -> Answer:
        """Measure every question and judge."""
        return answered(self.program, self.plan, self._record, self.evidence(counts))

    def called(self, name: str) -> str:
        """The name that a column or a label bears in the files."""
        return self.names.get(name, name)


def answered(program: AuditProgram, plan: Plan, record: Any, evidence: Any) -> Answer:
    """What a run with this evidence measures and what the judge makes of it."""
    measured: list[Measurement] = []
    missing: list[NotAnswered] = []
    for planned in plan.questions:
        figures, lacking = planned.question.measure(evidence, program.contract)
        measured += figures
        missing += lacking
    run = AuditRun(
        SCHEMA_VERSION, record, 1, None, None, evidence.data, {}, 1, CheckReport(True, ()), (), tuple(measured),
        tuple(missing), (), (),
    )  # fmt: skip
    judgement = judge(run, "sha256:drawn", plan.packs)
    return Answer(run.measurements, judgement.findings, run.not_answered)


def data_of(contract: DataContract, rows: int) -> DataRecord:
    """The record of a drawn file of so many rows."""
    return DataRecord(
        "sha256:drawn", rows, {}, "all", _day(contract, "first"), _day(contract, "last"),
        {group.name: str(group.reference_label) for group in contract.groups},
        {group.name: group.declared for group in contract.groups},
    )  # fmt: skip


@cache
def case_of(world: World, asked: Asked, seed: int) -> Case:
    """The program that `squaredeal simulate` writes about a world, renamed as the seed says, with these questions."""
    names = other_names(world, seed)
    with tempfile.TemporaryDirectory() as folder:
        program = read_program(write_program(world, asked, seed, Path(folder)))
    layout = Layout.of(renamed(world.recorded(0.0), names), program.contract, world.rows_each)
    return Case(program, make_plan(program), names, layout, program_record(program))


def write_program(world: World, asked: Asked, seed: int, folder: Path) -> Path:
    """The program's file, beside data of a row or two."""
    names = other_names(world, seed)
    file = write_simulation(Simulation(world, world.rows_each, 0.0, 1, names), folder).program
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    calls = [{name: dict(parameters)} if parameters else name for name, parameters in asked.questions]
    content["audits"] = {"primary": calls}
    content["contract"] |= {role: _renamed(value, names) for role, value in asked.roles}
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def other_names(world: World, seed: int) -> dict[str, str]:
    """Another name for every column and label of a world's files."""
    return renames(plain_names(world), seed)


def renames(plain: Iterable[str], seed: int) -> dict[str, str]:
    """Another name for each: another order of the alphabet, signs of other scripts."""
    found = {}
    for name in plain:
        digest = hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
        found[name] = _FORMS[int(digest[-1], 16) % len(_FORMS)].format(f"q{digest[:6]}")
    return found


def renamed(people: Population, names: Mapping[str, str]) -> Population:
    """The same table under other names."""
    columns = tuple(
        Column(names.get(c.name, c.name), tuple(names.get(v, v) if isinstance(v, str) else v for v in c.values))
        for c in people.columns
    )
    return Population(columns, people.probability)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def _day(contract: DataContract, end: str) -> str | None:
    return getattr(contract.dated, end).isoformat() if contract.dated else None
