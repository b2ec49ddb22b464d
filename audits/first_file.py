"""From a data file to a first program, written beside it or where a person says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from audits.first_program import FirstProgram, first_program
from audits.plan import make_plan
from checks.guessing.profile import Profile, read_profile
from checks.guessing.roles import guess_roles
from checks.inputs.contract import DataContract
from checks.inputs.program import AuditProgram, SourceAddress, read_program
from checks.new_files import check_new
from checks.problem import InputError, Problem
from checks.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class Begun:
    """A program that was written, and what keeps it from being one yet."""

    file: Path
    program: FirstProgram
    problems: tuple[Problem, ...]


def begin(table: str, out: Path | None, force: bool = False) -> Begun:
    """Write a first program for a data file. Raises ``InputError`` for what is no table, or a file in the way."""
    package = table.startswith("package://")
    stem = Path(table).name.split(".")[0].replace("*", " ").strip()
    target = out or Path(f"{_file_name(stem)}.yaml")
    if target.suffix not in (".yaml", ".yml"):
        raise InputError(
            Problem(
                str(target), "a program of another ending", "a name that ends in .yaml", f"write {target.name}.yaml"
            )
        )
    check_new({"--out": target}, force, [] if package else [Path(table)])
    folder = target.absolute().parent
    named = table if package else os.path.relpath(Path(table).expanduser().absolute(), folder)
    profile = _profile(named, table, folder)
    if not profile.columns:
        raise InputError(Problem(table, "no columns", "a table with a header and rows", "check the job that writes it"))
    written = first_program(target.stem if out else stem, named, profile, guess_roles(profile))
    write_whole(target, written.text.encode())
    return Begun(target, written, _problems(target))


def _file_name(stem: str) -> str:
    kept = "".join(one if one.isalnum() or one in "-_" else "-" for one in stem).strip("-")
    return kept or "program"


def _profile(named: str, table: str, folder: Path) -> Profile:
    address = AuditProgram("init", {}, SourceAddress(table=named), DataContract(), (), (), (), file=folder / "init")
    try:
        return read_profile(address)
    except InputError as error:
        raise type(error)([replace(one, where=table) for one in error.problems]) from None


def _problems(file: Path) -> tuple[Problem, ...]:
    try:
        make_plan(read_program(file))
    except InputError as error:
        return error.problems
    return ()


def told(begun: Begun) -> Iterator[str]:
    """What a person should know: what was guessed with doubt, what is to be filled in, what comes next."""
    guesses = begun.program.filled
    yield f"{begun.file}: {len(guesses)} role{'s' if len(guesses) != 1 else ''} guessed"
    likely = [guess for guess in guesses if guess.sure != "sure"]
    if likely:
        yield "  filled in, likely: " + _some([f"{guess.role.split('.')[0]} ({guess.column})" for guess in likely])
    if begun.program.doubtful:
        doubtful = [f"{guess.role} ({guess.column})" for guess in begun.program.doubtful]
        yield "  doubtful, written as comments: " + _some(doubtful)
    if begun.program.personal:
        yield f"  columns that look like personal data: {begun.program.personal}; see personal_data in the file"
    if begun.program.nameless:
        yield "  names of columns look like values: does the file have a header?"
    for problem in begun.problems:
        yield f"  to fill or mend: {problem.where}: {problem.found}; {problem.remedy}"
    yield f"read it, correct it, then: squaredeal check {_shell(begun.file)}"


def _shell(file: Path) -> str:
    import shlex

    return shlex.quote(str(file))


def _some(texts: list[str], most: int = 12) -> str:
    shown = ["".join(one if one.isprintable() else " " for one in text)[:80] for text in texts[:most]]
    return ", ".join(shown) + (f" and {len(texts) - most} more" if len(texts) > most else "")
