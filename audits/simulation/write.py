"""A world as files: model outputs in Parquet, a program that audits them, and the truth.

Rows are drawn block by block, so that memory does not grow with their number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audits.record import canonical_json
from audits.simulation.draw import Turns, draw_kinds
from audits.simulation.population import Column, Population
from audits.simulation.training_code import TRAINING_CODE, TRAINING_FILE, training_block
from audits.simulation.world import World, checked_effect
from checks.problem import InputError, Problem, suggest
from checks.whole_file import part_of, write_whole

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 1 << 19  # rows of a block; a fixed number, since other blocks would be other rows
MOST_ROWS = 10**11
DATA_FILE, TRUTH_FILE = "data.parquet", "truth.json"
UNIT, DECISION = "case", "approved"
_QUIET_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Simulation:
    """A world to write: how many rows, how much harm, which draw, and other names for its columns and labels."""

    world: World
    rows: int
    effect: float = 0.0
    seed: int = 1
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [*self._numbers(), *self._names()]
        if problems:
            raise InputError(problems)

    def _numbers(self) -> Iterator[Problem]:
        if not 1 <= self.rows <= MOST_ROWS:
            yield Problem("--rows", f"{self.rows}", f"a whole number from 1 to {MOST_ROWS:.0e}", "for instance 100000")
        if not 0 <= self.seed < 2**63:
            yield Problem("--seed", f"{self.seed}", "a whole number from 0 to 2^63 − 1", "for instance 1")
        try:
            checked_effect(self.world, self.effect)
        except ValueError:
            most = self.world.largest_effect
            yield Problem(
                "--effect", f"{self.effect:g}", f"a number from 0 (the fair twin) to {most:g} in the world "
                f"'{self.world.name}'", f"for instance {self.world.example_effect:g}",
            )  # fmt: skip

    def _names(self) -> Iterator[Problem]:
        known = plain_names(self.world)
        for old in self.names:
            if old not in known:
                yield Problem("--rename", f"'{old}'", f"one of {', '.join(known)}", suggest(old, known))
        for name in self.names.values():
            if not name.isprintable():
                yield Problem("--rename", repr(name), "signs that can be printed", "choose another name")
        given = [self.names.get(name, name).casefold() for name in known]
        for name in sorted({name for name in given if given.count(name) > 1 or not name.strip()}):
            found = f"'{name}' for more than one column or label" if name.strip() else "an empty name"
            yield Problem("--rename", found, "another name for each", "choose another name")

    def called(self, name: str) -> str:
        """The name that a column or label bears in the files."""
        return self.names.get(name, name)


@dataclass(frozen=True, slots=True)
class Written:
    """Where the files are."""

    data: Path
    program: Path
    truth: Path


def plain_names(world: World) -> list[str]:
    """Every name in a world's files: unit and entity, columns as shown, and labels."""
    shown = [column for column in world.recorded(0.0).columns if column.name not in world.hidden]
    worked_out = [name for name in world.amounts(0.0) if name not in world.hidden]
    keys = [UNIT, *([world.entity] if world.rows_each > 1 else []), *(column.name for column in shown), *worked_out]
    return list(dict.fromkeys([*keys, *(v for column in shown for v in column.values if isinstance(v, str))]))


def read_names(pairs: Sequence[str]) -> dict[str, str]:
    """OLD=NEW texts as a mapping. Raises ``InputError`` for a text of another form, or an OLD named twice."""
    names: dict[str, str] = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not (old and equals and new) or old in names:
            raise InputError(Problem("--rename", f"'{pair}'", "OLD=NEW, each OLD once", "for instance group=region"))
        names[old] = new
    return names


def write_simulation(
    simulation: Simulation, folder: Path, force: bool = False, announce: Callable[[str], None] = lambda _: None
) -> Written:
    """Write data, program and truth, and training code where the program is to look for remedies.

    Raises ``InputError`` where that would overwrite, or cannot be done.
    """
    files = Written(folder / DATA_FILE, folder / f"{simulation.world.name}.yaml", folder / TRUTH_FILE)
    trains = [folder / TRAINING_FILE] if simulation.world.remedies() else []
    there = [file.name for file in (files.data, files.program, files.truth, *trains) if file.exists()]
    if there and not force:
        raise InputError(Problem(
            str(folder), f"{', '.join(there)} from before", "a folder without them",
            "name another folder with --out, or overwrite with --force",
        ))  # fmt: skip
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part_of(files.data) as part:
            _write_rows(simulation, part, announce)
        for file in trains:
            write_whole(file, TRAINING_CODE.encode())
        write_whole(files.program, _program(simulation))
        for name, content in _beside(simulation).items():
            write_whole(folder / name, content)
        write_whole(files.truth, _truth(simulation))
    except OSError as error:
        raise InputError(Problem(
            str(folder), f"the files cannot be written ({error.strerror or error})",
            "a folder with room that this user may write to", "name another folder with --out",
        )) from None  # fmt: skip
    return files


def blocks(simulation: Simulation) -> Iterator[dict[str, Any]]:
    """Rows block by block: column → codes into its values, and ``case``, numbered from 0; amounts as they are.

    Where people repeat, the entity's number stands too. Without axes that its rows share, a decision of each row takes
    the place of the count of approvals.
    """
    world = simulation.world
    people, each = world.recorded(simulation.effect), world.rows_each
    edges = np.cumsum(people.probability.ravel())
    codes = np.unravel_index(np.arange(edges.size), people.probability.shape)
    values = {c.name: _narrow(axis) for c, axis in zip(people.columns, codes, strict=True)}
    for name, amount in world.amounts(simulation.effect).items():
        values[name] = np.broadcast_to(amount, people.probability.shape).ravel()
    shown = {name: axis for name, axis in values.items() if name not in world.hidden}
    turns = Turns.of(people, len(world.shared), each) if world.shared else None
    for number, start in enumerate(range(0, simulation.rows, BLOCK)):
        size = min(BLOCK, simulation.rows - start)
        block: dict[str, Any] = {UNIT: np.arange(start, start + size, dtype=np.int64)}
        if each > 1:
            block[world.entity] = start // each + np.arange(size, dtype=np.int64) // each
        if turns:
            kinds = turns.draw(edges, simulation.seed, number, size)
        else:
            kinds = draw_kinds(edges, simulation.seed, number, -(-size // each))
        chosen = {name: axis[kinds] for name, axis in shown.items()}
        yield block | (chosen if turns or each == 1 else _repeated(chosen, people, size, each))


def _narrow(codes: Any) -> Any:
    return codes.astype(np.int8 if np.max(codes, initial=0) < 128 else np.int32)


def _repeated(chosen: dict[str, Any], people: Population, size: int, each: int) -> dict[str, Any]:
    """One row for each application of a person; the first ``approved`` of them, a count, are approved."""
    approvals = np.array(people.values(DECISION), dtype=np.int64)[chosen[DECISION]]
    rows = {name: np.repeat(codes, each)[:size] for name, codes in chosen.items()}
    turn = np.tile(np.arange(each), len(approvals))[:size]
    rows[DECISION] = (turn < np.repeat(approvals, each)[:size]).astype(np.int8)
    return rows


def _write_rows(simulation: Simulation, file: Path, announce: Callable[[str], None]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {column.name: column for column in simulation.world.recorded(simulation.effect).columns}
    if simulation.world.rows_each > 1 and not simulation.world.shared:
        columns[DECISION] = Column(DECISION, (0, 1))
    writer, told, done = None, time.monotonic(), 0
    try:
        for block in blocks(simulation):
            arrays = [_array(simulation, columns.get(name), codes) for name, codes in block.items()]
            batch = pa.table(dict(zip(map(simulation.called, block), arrays, strict=True)))
            writer = writer or pq.ParquetWriter(file, batch.schema, compression="snappy")
            writer.write_table(batch, row_group_size=BLOCK)
            done += batch.num_rows
            if time.monotonic() - told > _QUIET_SECONDS:
                told = time.monotonic()
                announce(f"{done:,} of {simulation.rows:,} rows")
    finally:
        if writer:
            writer.close()


def _array(simulation: Simulation, column: Column | None, codes: Any) -> pa.Array:
    """The values of a column for its codes; numbers as they are where there is no column."""
    import pyarrow as pa

    if column is None:
        return pa.array(codes)
    values = column.values
    if isinstance(values[0], str):
        texts = pa.array([simulation.called(str(value)) for value in values])
        return pa.DictionaryArray.from_arrays(pa.array(codes), texts)
    kind = pa.float64() if any(isinstance(value, float) for value in values) else pa.int32()
    return pa.array(values, type=kind).take(pa.array(codes))


def _program(simulation: Simulation) -> bytes:
    import yaml

    world = simulation.world
    harm = f"a planted harm of size {simulation.effect:g}" if simulation.effect else "nothing planted: the fair twin"
    program = {
        "program": f"simulated-{world.name}",
        "title": {"en": f"Simulated world {world.code}: {world.name}, {harm}"},
        "description": {"en": f"Made up, with known truth ({TRUTH_FILE}): {world.summary}."},
        "source": {"connection": "duckdb://", "table": DATA_FILE},
        "scope": {"jurisdictions": list(world.jurisdictions), "products": list(world.products)},
        "contract": {"dated": {"from": "2025-01-01", "to": "2025-12-31"}, **_renamed(simulation)},
        "audits": {"primary": list(world.audits)},
        "policies": list(world.policies),
        **_remedies(simulation),
    }
    return str(yaml.safe_dump(program, sort_keys=False, allow_unicode=True, width=120)).encode()


def _renamed(simulation: Simulation) -> dict[str, Any]:
    """The contract with the names of the files: columns, attributes and labels."""

    contract = {role: _with_names(block, simulation) for role, block in simulation.world.contract().items()}
    for role in {"groups", "columns"} & set(contract):
        contract[role] = {simulation.called(name): block for name, block in contract[role].items()}
    for imputed in contract.get("imputed_groups", {}).values():
        named = imputed["probabilities"].items()
        imputed["probabilities"] = {simulation.called(label): column for label, column in named}
    return contract


def _remedies(simulation: Simulation) -> dict[str, Any]:
    """The block of a search for other models, with the names of the files; nothing where the world has none."""
    asked = simulation.world.remedies()
    if asked is None:
        return {}
    named = {key: _with_names(asked[key], simulation) for key in ("attribute", "keep") if key in asked}
    return {"remedies": {"training": training_block(), **asked, **named}}


def _with_names(value: Any, simulation: Simulation) -> Any:
    """The value with every text in it that names a column or label under its name in the files."""
    if isinstance(value, dict):
        return {key: _with_names(item, simulation) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_names(item, simulation) for item in value]
    return simulation.called(value) if isinstance(value, str) else value


def _beside(simulation: Simulation) -> dict[str, bytes]:
    """Further files by name; products bear their names in the data."""
    import yaml

    found = {}
    for name, content in simulation.world.beside().items():
        told = _with_names(content, simulation)
        if "products" in told:
            told["products"] = {simulation.called(product): rules for product, rules in told["products"].items()}
        found[name] = str(yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=120)).encode()
    return found


def _truth(simulation: Simulation) -> bytes:
    world = simulation.world
    return canonical_json({
        "world": world.name, "code": world.code, "summary": world.summary, "trap": world.trap,
        "harm_is_planted": simulation.effect > 0, "effect": simulation.effect, "estimand": world.estimand,
        "truth": {name: round(value, 14) + 0.0 for name, value in world.truth(simulation.effect).items()},
        "parameters": asdict(world),  # type: ignore[call-overload]
        "rows": simulation.rows, "seed": simulation.seed, "names": dict(simulation.names),
    })  # fmt: skip
