"""Who may use the servers: users by name and role, with a first password each."""

from __future__ import annotations

import getpass
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from checks.problem import InputError, Problem, listed, suggest
from dags.serving.home import write_private

ROLES = ("Admin", "Op", "User", "Viewer")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HEAD = "# First passwords, made once: name, role, password. Whoever changed theirs in Airflow has another one there.\n"


@dataclass(frozen=True, slots=True)
class Person:
    """A named user. The password is no part of what is printed of it."""

    name: str
    role: str
    password: str

    def __repr__(self) -> str:
        return f"Person({self.name}, {self.role})"


def read_people(text: str, where: str) -> tuple[tuple[str, str, str], ...]:
    """Users from ``name:role`` or ``name:role:password``, between commas or spaces. Raises ``InputError``.

    An error quotes no word that may be a password.
    """
    people: dict[str, tuple[str, str, str]] = {}
    problems = []
    for at, entry in enumerate(re.split(r"[,\s]+", text.strip()), 1):
        name, _, rest = entry.partition(":")
        role, _, password = rest.partition(":")
        problem = _why_not(name, role or "Admin", name in people)
        if problem:
            problems.append(Problem(f"{where}, user {at}", *problem))
        people[name] = (name, role or "Admin", password)
    if problems:
        raise InputError(problems)
    return tuple(people.values())


def _why_not(name: str, role: str, twice: bool) -> tuple[str, str, str] | None:
    if not _NAME.fullmatch(name):
        return "a name that is none", "letters, digits and . _ @ -, as ada:Admin,ben:Op", "write another name"
    if role not in ROLES:
        return f"a role of '{name}' that is none", f"one of {listed(ROLES)}", suggest(role, ROLES)
    if twice:
        return f"'{name}', who was named before", "each user once", "leave one out"
    return None


def kept_people(file: Path, asked: str | None) -> tuple[Person, ...]:
    """The users of a home with their first passwords, made once into a file with rights 0600.

    Those of the file remain; those asked for are added, or given the role asked for. Without any, the user who is
    logged in is the one administrator.
    """
    kept = {} if not file.exists() else {
        words[0]: Person(*words) for line in file.read_text(encoding="utf-8").splitlines()
        if len(words := line.split()) == 3 and not line.startswith("#")
    }  # fmt: skip
    wanted = read_people(asked, "--users") if asked else () if kept else ((_login(), "Admin", ""),)
    for name, role, given in wanted:
        before = kept.get(name)
        kept[name] = Person(name, role, before.password if before else given or secrets.token_urlsafe(18))
    write_private(file, _HEAD + "".join(f"{one.name} {one.role} {one.password}\n" for one in kept.values()))
    return tuple(kept.values())


def _login() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        name = ""
    return name if _NAME.fullmatch(name) else "admin"


def people_of(environment: Mapping[str, str], variable: str = "SQUAREDEAL_USERS") -> Sequence[Person]:
    """The users that a variable names, each with its password. Raises ``InputError`` where one has none."""
    people = read_people(environment.get(variable, ""), variable)
    bare = [name for name, _, password in people if len(password) < 12]
    if bare:
        raise InputError(Problem(
            variable, f"no password of at least 12 characters for {listed(bare)}", "name:role:password, between commas",
            "give each user a first password, for instance of: openssl rand -hex 16",
        ))  # fmt: skip
    return tuple(Person(*one) for one in people)
