"""Programs about applications with and without a data trail, renamed as a seed says, from counts of drawn files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from audits.plan import Plan, make_plan
from audits.run import program_record
from audits.simulation.thin_files import ThinFiles, ThinFilesApprovedOnly
from audits.simulation.world import Numbers, World
from checks.inputs.access_columns import FILLED
from checks.inputs.contract import CREDIT_FILE, FULL, THIN
from checks.inputs.program import AuditProgram, read_program
from tests.truth.board.asked import Answer, Asked, answered, data_of, other_names, renamed, write_program
from tests.truth.board.evidence import CountedEvidence, Layout

Ints = NDArray[np.int64]
DRAWS = 100  # of the bootstrap in each file; the question's own default is 400
ASKED = Asked.about("digital_divide.thin_file", replicates=DRAWS)


def _without_rate(contract: dict[str, Any]) -> dict[str, Any]:
    return {role: block for role, block in contract.items() if role != "rate"}


@dataclass(frozen=True, slots=True)
class FilesWithoutRates(ThinFiles):
    """Two files, and a score on which the lender decides alike for both. Thin files have lower scores, and in the fair
    twin they repay as their scores say. The planted harm: the score took points off for the missing trail, which cost
    ``effect`` of the chance of approval at equal repayment, while rates of approval stay as in the fair twin.
    """

    def contract(self) -> dict[str, Any]:
        """Without the rate of interest, which would take a sample of rows."""
        return _without_rate(ThinFiles.contract(self))

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """No rate."""
        return World.amounts(self, effect)


@dataclass(frozen=True, slots=True)
class FilesApprovedOnly(ThinFilesApprovedOnly):
    """The same lender, whose file shows repayment for approved applications only."""

    example_effect: ClassVar[float] = ThinFiles.example_effect

    def contract(self) -> dict[str, Any]:
        """Without the rate of interest, which would take a sample of rows."""
        return _without_rate(ThinFilesApprovedOnly.contract(self))

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """No rate."""
        return World.amounts(self, effect)


@dataclass(frozen=True)
class FileLayout(Layout):
    """The kinds of applications, with the attribute and the decision that an audit makes of other columns."""

    def attribute(self, name: str) -> tuple[Ints, tuple[str | None, ...]]:
        """Thin where what the contract names is missing."""
        made = self.contract.thin_file
        if name != CREDIT_FILE or made is None:
            return Layout.attribute(self, name)
        empty = [np.isin(self.codes[column], _missing(self.columns[column])) for column in made.missing]
        thin = np.all(empty, axis=0) if made.when == "all" else np.any(empty, axis=0)
        return np.asarray(thin, dtype=np.int64), (FULL, THIN)

    def labels(self, name: str) -> tuple[Ints, tuple[str | None, ...]]:
        """Also the decision of the model once the trail is filled in."""
        made = self.contract.thin_file
        if name != FILLED or made is None or made.filled_decision is None:
            return Layout.labels(self, name)
        codes, texts = Layout.labels(self, made.filled_decision)
        return codes, tuple(None if text is None else str(int(float(text))) for text in texts)


def _missing(values: tuple[Any, ...]) -> list[int]:
    return [code for code, value in enumerate(values) if value is None]


@dataclass(frozen=True)
class FileCase:
    """A program about a world with the names of one seed."""

    program: AuditProgram
    plan: Plan
    names: Mapping[str, str]
    layout: FileLayout
    record: Any = field(repr=False)

    def place(self, _: str) -> tuple[str, str, str]:
        """Attribute, group and segment of a figure."""
        return CREDIT_FILE, THIN, "all"

    def evidence(self, counts: Ints) -> CountedEvidence:
        """Evidence of one drawn file."""
        people = counts.ravel()
        data = data_of(self.program.contract, int(people.sum()))
        return CountedEvidence(self.layout, people, replace(data, references={CREDIT_FILE: FULL}))

    def answer(self, counts: Ints) -> Answer:
        """Measure every question on one drawn file, and judge."""
        return answered(self.program, self.plan, self.record, self.evidence(counts))


@cache
def file_case(world: World, seed: int) -> FileCase:
    """The program about a world under the names of a seed."""
    names = other_names(world, seed)
    with tempfile.TemporaryDirectory() as folder:
        program = read_program(write_program(world, ASKED, seed, Path(folder)))
    layout = FileLayout.of(renamed(world.recorded(0.0), names), program.contract, world.rows_each)
    assert isinstance(layout, FileLayout)  # noqa: S101 - what the class makes
    return FileCase(program, make_plan(program), names, layout, program_record(program))
