"""The text of a first program for a data file: roles as guessed, each with its reason, doubtful ones as comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audits.first_contract import contract_lines
from audits.first_questions import questions_for
from audits.first_yaml import comment, scalar
from checks.guessing.guess import Guess
from checks.guessing.profile import Column, Profile
from checks.guessing.roles import roleless
from checks.personal_kinds import looks_personal

TO_FILL = "to fill"
_EXAMPLES = """
# scope: {jurisdictions: [US], products: [unsecured], lenders: [bank]}   # rules for others are not judged

# schedule: "@monthly"                     # needs a time column
# operation:                               # how a scheduler runs it
#   start: 2026-01-01                      # first period
#   catch_up: true                         # run the periods that were missed
#   retries: 5
#   retry_after: 30 seconds
#   deadline: 6 hours
#   notify: {mail: [risk@bank.example]}
#   sign_off: {by: [ada, ben], within: 14 days, asked: flagged}
"""


@dataclass(frozen=True, slots=True)
class FirstProgram:
    """The text, what was guessed with doubt, how many columns look personal, and whether names of columns do."""

    text: str
    filled: tuple[Guess, ...]
    doubtful: tuple[Guess, ...]
    personal: int
    nameless: bool


def first_program(name: str, table: str, profile: Profile, guesses: Sequence[Guess]) -> FirstProgram:
    """Write a program about ``table``, a path relative to the program's folder."""
    filled = [guess for guess in guesses if guess.filled]
    parts = {part for guess in filled for part in _parts(guess.role)}
    primary, exploratory = questions_for(parts)
    contract = contract_lines(profile, guesses)
    lines = [
        f"# A first program for {comment(table)}: {profile.rows:,} rows, {len(profile.columns):,} columns"
        + (f", of which {profile.looked:,} rows were looked at" if profile.looked < profile.rows else "") + ".",
        "# Roles are guessed from names and values. Read each line marked 'guess', correct it, and remove the mark.",
        "# A line that begins with '#' does nothing; docs/program.md explains every key.",
        "",
        f"program: {program_name(name)}",
        "source:",
        f"  table: {scalar(table)}",
        "contract:",
        *contract,
        *_personal(profile, guesses),
        *_left(profile, guesses),
        "audits:",
        f"  primary: [{', '.join(primary or ['fair_lending.approval'])}]",
        *([f"  exploratory: [{', '.join(exploratory)}]"] if exploratory else []),
        "policies: [conventions]                    # squaredeal policies lists the packs: us, uk, eu, cn, …",
        *_EXAMPLES.rstrip("\n").split("\n"),
    ]  # fmt: skip
    doubtful = tuple(guess for guess in guesses if not guess.filled)
    personal = sum(bool(column.personal) for column in profile.columns)
    nameless = any(looks_personal(column.name) for column in profile.columns)
    return FirstProgram("\n".join(lines) + "\n", tuple(filled), doubtful, personal, nameless)


def program_name(name: str) -> str:
    """A name as programs have them: lower-case letters, digits and '-'; ``first-program`` where none are left."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-")
    return scalar(text) if text and not looks_personal(name) else "first-program"


def _parts(role: str) -> Iterator[str]:
    pieces = role.split(".")
    yield pieces[0]
    if len(pieces) > 1:
        yield ".".join(pieces[:2])


def _personal(profile: Profile, guesses: Sequence[Guess]) -> Iterator[str]:
    found = [column for column in profile.columns if column.personal]
    if not found:
        return
    used = {guess.column for guess in guesses if guess.filled}
    yield "  # Columns that look like personal data; one that is used stops the run until its purpose is said here:"
    yield "  # personal_data:"
    for column in found:
        if looks_personal(column.name):
            yield f"  #   (column {profile.columns.index(column) + 1} of the file, whose name itself looks personal)"
            continue
        said = "used above: say why" if column.name in used else "used by no role: nothing to do"
        yield f"  #   {scalar(column.name)}: {{kind: {column.personal[0]}, purpose: }}   # {said}"


def _left(profile: Profile, guesses: Sequence[Guess]) -> Iterator[str]:
    left = [column for column in roleless(profile, guesses) if not column.personal]
    if not left:
        return
    yield "  # Columns without a role:"
    for column in left:
        yield f"  #   {scalar(column.name)}: {_told(column)}"


def _told(column: Column) -> str:
    """A column in words, without a value."""
    if column.missing == column.rows:
        return "empty" if column.rows else column.kind
    share = column.missing / column.rows
    gaps = "" if not share else ", less than 1 % missing" if share < 0.01 else f", {share:.0%} missing"
    return f"{column.kind}, {column.distinct:,} different value{'s' if column.distinct != 1 else ''}{gaps}"
