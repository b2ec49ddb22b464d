"""Programs about lenders of loans, renamed as a seed says, and what a run on each drawn file measures and concludes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from audits.plan import Plan, make_plan
from audits.run import program_record
from audits.simulation.population import Population
from audits.simulation.steered_loans import SteeredLoans
from audits.simulation.world import World
from audits.simulation.write import Simulation, write_simulation
from checks.inputs.period import Period
from checks.inputs.program import AuditProgram, read_program
from checks.inputs.source import open_source
from tests.truth.board.asked import Answer, answered, data_of, other_names, renames
from tests.truth.board.evidence import CountedEvidence, Layout
from tests.truth.board.loan_arms import ArmEvidence, occasions_of
from tests.truth.board.loan_chains import ChainEvidence
from tests.truth.board.loan_worlds import Books, Customers
from tests.truth.board.practices import Setting

Ints = NDArray[np.int64]
Drawn = list[Any]  # of each file its counts, or the columns of its book
BOOK = "book.parquet"


@dataclass(frozen=True)
class LoanCase:
    """A program about a lender with the names of one seed; ``layout`` of the kinds of loans, where they are counted."""

    world: World
    program: AuditProgram
    plan: Plan
    names: Mapping[str, str]
    record: Any = field(repr=False)
    layout: Layout | None = None

    def called(self, *names: str) -> tuple[str, ...]:
        """The names that columns or labels bear in the files."""
        return tuple(self.names.get(name, name) for name in names)

    def evidence(self, file: Any) -> Any:
        """Evidence of one drawn file."""
        contract = self.program.contract
        if isinstance(self.world, Books):
            columns = renamed_book(file, self.names)
            return ChainEvidence(columns, data_of(contract, len(file["loan"])))
        people = file.ravel()
        if isinstance(self.world, Customers):
            kinds = occasions_of(self.world)
            return ArmEvidence(kinds, people, data_of(contract, 2 * int(people.sum())), self.called)
        if self.layout is None:
            raise ValueError("layout: found none, expected the kinds of loans")
        return CountedEvidence(self.layout, people, data_of(contract, int(people.sum())))

    def answer(self, file: Any) -> Answer:
        """Measure every question on one drawn file, and judge."""
        return answered(self.program, self.plan, self.record, self.evidence(file))


@cache
def loan_case(world: World, seed: int) -> LoanCase:
    """The program about a world under the names of a seed."""
    names = names_of(world, seed)
    with tempfile.TemporaryDirectory() as folder:
        program = read_program(written(world, names, Path(folder), 0.0, 2, 1))
        layout = kinds_as_read(world, names, Path(folder) / "kinds") if isinstance(world, SteeredLoans) else None
    return LoanCase(world, program, make_plan(program), names, program_record(program), layout)


def names_of(world: World, seed: int) -> dict[str, str]:
    """Another name for every column and label."""
    if isinstance(world, Books):
        book = world.draw(2, 0, 0.0)
        labels = [label for group in world.contract().get("groups", {}).values() for label in group["values"]]
        return renames([*book, *labels], seed)
    return other_names(world.lender if isinstance(world, Customers) else world, seed)


def written(world: World, names: Mapping[str, str], folder: Path, effect: float, rows: int, seed: int) -> Path:
    """A program and its data: of a payday lender the book of so many borrowers, of others so many rows."""
    if not isinstance(world, Books):
        shown = world.lender if isinstance(world, Customers) else world
        return write_simulation(Simulation(shown, rows, effect, seed, names), folder).program
    return written_book(world, names, folder, world.draw(rows, seed, effect))


def written_book(world: Books, names: Mapping[str, str], folder: Path, book: Mapping[str, Any]) -> Path:
    """A program about a book and its data."""
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(renamed_book(book, names)).to_parquet(folder / BOOK)
    contract = _renamed(world.contract(), names)
    contract["columns"] = {contract["loan"]["repaid_at"]: {"null_tolerance": 1}}
    program = {
        "program": f"simulated-{world.name}", "source": {"table": BOOK}, "contract": contract,
        "audits": {"primary": list(world.audits)}, "policies": list(world.policies),
    }  # fmt: skip
    file = folder / f"{world.name}.yaml"
    file.write_text(yaml.safe_dump(program, allow_unicode=True), encoding="utf-8")
    return file


def renamed_book(book: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A book's columns, and the labels in them, under other names."""
    found = {}
    for name, values in book.items():
        if values.dtype == object:
            different, codes = np.unique(values.astype(str), return_inverse=True)
            values = np.array([names.get(one, one) for one in different.tolist()], dtype=object)[codes]
        found[names.get(name, name)] = values
    return found


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Texts under other names, and attributes, but no role of the contract."""
    if isinstance(value, dict):
        return {
            key: {names.get(one, one): _renamed(block, names) for one, block in item.items()} if key == "groups"
            else _renamed(item, names)
            for key, item in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def kinds_as_read(world: SteeredLoans, names: Mapping[str, str], folder: Path) -> Layout:
    """What the engine makes of one loan of every kind: each replayed against the rules of products."""
    import pandas as pd

    file = written(world, names, folder, 0.0, 1, 1)
    program = read_program(file)
    people = world.population(0.0)
    place = np.indices(people.probability.shape).reshape(len(people.columns), -1)
    columns = {
        names.get(column.name, column.name): np.array([
            names.get(value, value) if isinstance(value, str) else value for value in column.values
        ], dtype=object if isinstance(column.values[0], str) else None)[codes]
        for column, codes in zip(people.columns, place, strict=True)
    }  # fmt: skip
    rate = np.broadcast_to(world.amounts(0.0)["rate"], people.probability.shape).ravel()
    unit = str(program.contract.unit)
    data = pd.DataFrame({unit: np.arange(rate.size), **columns, names.get("rate", "rate"): rate})
    data.to_parquet(folder / "data.parquet")
    with open_source(program, Period()) as source:
        read = source.table.to_pyarrow().to_pandas().sort_values(unit)
    return _layout(people, program, read)


def _layout(people: Population, program: AuditProgram, read: Any) -> Layout:
    values, codes = {}, {}
    for name in read.columns:
        column = [None if one is None or one != one else one for one in read[name].tolist()]
        different = list(dict.fromkeys(column))
        values[name] = tuple(different)
        codes[name] = np.array([different.index(one) for one in column], dtype=np.int64)
    every = np.arange(len(read))
    return Layout(
        people, program.contract, every, np.ones_like(every), np.zeros_like(every), program.contract.entity, values,
        codes,
    )  # fmt: skip


_drawn: list[tuple[Any, Drawn]] = []
_told: list[tuple[Any, list[Answer]]] = []


def files(setting: Setting, counts: Ints, rng: np.random.Generator) -> Drawn:
    """The drawn files: counts as they are, or as many books; all practices given the same counts get the same books."""
    if not isinstance(setting.world, Books):
        return list(counts)
    if not _drawn or _drawn[0][0] is not counts:
        seeds = rng.integers(2**62, size=len(counts))
        _drawn[:] = [(counts, [setting.world.draw(setting.rows, int(seed), setting.effect) for seed in seeds])]
    return _drawn[0][1]


def answers(setting: Setting, counts: Ints, rng: np.random.Generator) -> list[Answer]:
    """The answers on each drawn file; those on the last draw are kept, since several practices read them."""
    if not _told or _told[0][0] is not counts:
        case = loan_case(setting.world, setting.seed)
        _told[:] = [(counts, [case.answer(one) for one in files(setting, counts, rng)])]
    return _told[0][1]
