"""Every program file, read as the scheduler reads it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from checks.inputs.program import AuditProgram, find_programs, read_program
from checks.problem import InputError
from dags.doctoring.finding import Asked, Finding, Probe

_PURPOSE = "each is a DAG and a run"


def readable(asked: Asked) -> list[AuditProgram]:
    """The programs that can be read; none where the folder is none."""
    found = []
    for file in find_programs(asked.programs) if asked.programs.is_dir() else ():
        try:
            found.append(read_program(file))
        except (InputError, OSError):
            continue
    return found


def _programs(asked: Asked) -> Iterator[Finding]:
    if not asked.programs.is_dir():
        what = "is a file" if asked.programs.exists() else "is not there"
        yield Finding("programs", "missing", f"{asked.programs} {what}", _PURPOSE, "name a folder with --programs")
        return
    files, names, broken = find_programs(asked.programs), dict[str, str](), 0
    for file in files:
        fault = _fault(file, names)
        if fault:
            broken += 1
            yield Finding(f"program {file.name}", "broken", fault[0], _PURPOSE, fault[1])
    if not files:
        found = f"no program file in {asked.programs}"
        yield Finding("programs", "missing", found, _PURPOSE, "write one: squaredeal init FILE")
    elif len(files) > broken:
        found = f"{len(files) - broken} of {len(files)} in {asked.programs} can be read"
        yield Finding("programs", "ok", found, _PURPOSE)


def _fault(file: Path, names: dict[str, str]) -> tuple[str, str] | None:
    """What is wrong with a file, and what to do; the name of a program that is read is noted."""
    from audits.plan import make_plan

    try:
        program = read_program(file)
        make_plan(program)
    except InputError as error:
        first, more = error.problems[0], len(error.problems) - 1
        found = f"{first.where}: found {first.found}; expected {first.expected}"
        return found + (f"; and {more} more" if more else ""), f"{first.remedy} (all of it: squaredeal check {file})"
    except OSError as error:
        return f"it cannot be read ({error.strerror})", "give this user the right to read it"
    other = names.setdefault(program.name, file.name)
    if other != file.name:
        return f"'{program.name}', the name that {other} bears too", "rename one of the two"
    return None


PROBES = (Probe("programs", _PURPOSE, _programs),)
