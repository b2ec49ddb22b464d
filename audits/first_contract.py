"""The ``contract:`` block of a first program, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from audits.first_yaml import items, scalar
from checks.guessing.guess import Guess
from checks.guessing.profile import Profile

_SINGLE = (
    "unit", "entity", "time", "decision", "outcome", "score", "price", "rate", "cost", "realised_cost", "market_price",
    "new_customer_price", "prior_price", "tenure", "weight",
)  # fmt: skip
_LISTS = ("strata", "controls", "features", "denial_reasons")
_BLOCKS = ("loan", "terms", "behaviour")
_STAGES = ("reach", "start", "identity", "submit", "decision", "price")
_WITHOUT_GROUPS = {"groups", "price", "loan", "funnel", "thin_file"}
_WIDTH = 58
_DATED = "where no column tells the day: first and last day of the decisions"
_DECISION = "to fill: the column with the decision, and the value that favours the customer"
_GROUP = "to fill: a column of groups of persons, and the group that others are compared with"
_MOST_VALUES = 12


def contract_lines(profile: Profile, guesses: Sequence[Guess]) -> Iterator[str]:
    """All lines; a role that is needed and has no column is a line to fill."""
    filled = {guess.role.split(".")[0] for guess in guesses if guess.filled}
    nothing = not filled & {"decision", "price", "rate", "loan", "terms", "funnel", "thin_file", "score"}
    for role in _SINGLE:
        yield from _single(role, [guess for guess in guesses if guess.role == role])
        if role == "time" and "time" not in filled:
            yield f"  # dated: {{from: 2026-01-01, to: 2026-12-31}}   # {_DATED}"
        if role == "decision" and nothing:
            yield f"  decision: {{column: , favourable: }}   # {_DECISION}"
    yield from _groups(profile, guesses, needed=not filled & _WITHOUT_GROUPS)
    for role in _LISTS:
        yield from _list(role, [guess for guess in guesses if guess.role == role])
    for block in _BLOCKS:
        yield from _block(block, [guess for guess in guesses if guess.role.startswith(f"{block}.")])
    yield from _funnel(guesses)
    yield from _thin_file(guesses)
    yield from _tolerances(profile, guesses)


def _line(text: str, guess: Guess, indent: str = "  ") -> str:
    """A line with its reason; a doubtful one as a comment."""
    written = f"{indent}{text}" if guess.filled else f"{indent}# {text}"
    return f"{written:<{_WIDTH}}  # guess, {guess.sure}: {guess.why}"


def _single(role: str, guesses: Sequence[Guess]) -> Iterator[str]:
    for guess in sorted(guesses, key=lambda one: not one.filled):
        yield _line(f"{role}: {_value(guess)}", guess)


def _value(guess: Guess) -> str:
    more: dict[str, Any] = dict(guess.more)
    column = scalar(guess.column)
    if guess.role in ("decision", "outcome"):
        sides = [
            f"{side}: {items(more[side])}" for side in ("favourable", "unfavourable", "excluded") if more.get(side)
        ]
        seen = [f"observed_when: {scalar(more['observed_when'])}"] if "observed_when" in more else []
        return "{" + ", ".join([f"column: {column}", *(sides or ["favourable: "]), *seen]) + "}"
    if guess.role in ("rate", "tenure"):
        return f"{{column: {column}, unit: {more['unit']}}}"
    if guess.role == "cost":
        return f"{{column: {column}}}"
    return column


def _groups(profile: Profile, guesses: Sequence[Guess], needed: bool) -> Iterator[str]:
    groups = [guess for guess in guesses if guess.role.startswith("groups.")]
    active = any(guess.filled and "reference" in guess.more for guess in groups)
    if active or needed:
        yield "  groups:"
    elif groups:
        yield "  # groups:"
    names: set[str] = set()
    for guess in groups:
        name = attribute_name(guess.role.removeprefix("groups."), names)
        if "reference" not in guess.more:
            yield f"    # {name}: {{column: {scalar(guess.column)}, reference: }}   # no reference could be guessed"
            continue
        yield _line(f"{name}: {{{_group(guess, profile.looked == profile.rows)}}}", guess, "    ")
    if needed and not active:
        yield f"    group: {{column: , reference: }}   # {_GROUP}"


def attribute_name(text: str, taken: set[str]) -> str:
    """A name that an attribute may have, unlike the others."""
    name = re.sub(r"[^\w .-]+", " ", text).strip(" .-")[:50].strip(" .-") or "group"
    if name.casefold() in ("credit file", "service channel", "time as a customer") or name.casefold().startswith(
        "age from "
    ):
        name = f"{name} recorded"
    plain, number = name, 1
    while name.casefold() in taken:
        number += 1
        name = f"{plain} {number}"
    taken.add(name.casefold())
    return scalar(name)


def _group(guess: Guess, whole: bool) -> str:
    """The group; its values close the set only where the whole file was looked at."""
    more: dict[str, Any] = dict(guess.more)
    parts = [f"column: {scalar(guess.column)}"]
    if more.get("bands"):
        parts.append(f"bands: [{', '.join(map(str, more['bands']))}]")
    elif whole and 1 < len(more["values"]) <= _MOST_VALUES and all(value.strip() for value in more["values"]):
        parts.append(f"values: {items(more['values'])}")
    return ", ".join([*parts, f"reference: {scalar(str(more['reference']))}"])


def _list(role: str, guesses: Sequence[Guess]) -> Iterator[str]:
    filled = {guess.column: guess for guess in guesses if guess.filled}
    doubtful = {guess.column: guess for guess in guesses if not guess.filled and guess.column not in filled}
    for chosen in (filled, doubtful):
        if chosen:
            first = next(iter(chosen.values()))
            yield _line(f"{role}: {items(list(chosen))}", first)


def _block(block: str, guesses: Sequence[Guess]) -> Iterator[str]:
    if any(guess.filled for guess in guesses):
        yield f"  {block}:"
    elif guesses:
        yield f"  # {block}:"
    for guess in _once(guesses):
        yield _line(f"{guess.role.removeprefix(f'{block}.')}: {scalar(guess.column)}", guess, "    ")
    if block == "loan" and guesses and not any(guess.role == "loan.fees" and guess.filled for guess in guesses):
        yield "    # fees: COLUMN   # without fees a loan has no annual rate; 0 in the column where there is none"


def _once(guesses: Iterable[Guess]) -> list[Guess]:
    return sorted(guesses, key=lambda one: not one.filled)


def _funnel(guesses: Sequence[Guess]) -> Iterator[str]:
    parts = {
        guess.role.removeprefix("funnel."): guess
        for guess in guesses
        if guess.role.startswith("funnel.") and guess.filled
    }
    if "start" not in parts:
        return
    decision = next((guess for guess in guesses if guess.role == "decision" and guess.filled), None)
    if decision:
        parts["decision"] = decision
    stages = [f"{stage}: {scalar(parts[stage].column)}" for stage in _STAGES if stage in parts]
    yield "  funnel:"
    yield f"    stages: {{{', '.join(stages)}}}   # guess, {parts['start'].sure}: names of stages; put them in order"
    if "network" in parts:
        yield _line(f"network: {scalar(parts['network'].column)}", parts["network"], "    ")


def _thin_file(guesses: Sequence[Guess]) -> Iterator[str]:
    missing = [guess for guess in guesses if guess.role == "thin_file.missing" and guess.filled]
    filled = next((guess for guess in guesses if guess.role == "thin_file.filled_decision" and guess.filled), None)
    if missing and filled:
        columns = items([one.column for one in missing])
        yield _line(f"thin_file: {{missing: {columns}, filled_decision: {scalar(filled.column)}}}", missing[0])


def _tolerances(profile: Profile, guesses: Sequence[Guess]) -> Iterator[str]:
    """Gaps: an outcome that the refused do not have is no fault; others are for a person to accept."""
    rules = []
    for guess in guesses:
        column = profile.column(guess.column)
        if not guess.filled or not column.missing:
            continue
        if guess.role == "outcome" and "observed_when" in guess.more:
            rules.append((f"{scalar(guess.column)}: {{null_tolerance: 1}}", "the refused have no outcome", True))
        elif guess.role == "decision" or guess.role.startswith("groups."):
            share = min(1.0, column.missing / column.rows + 0.01)
            told = (
                f"{column.missing / column.rows:.1%} is missing, which stops the run; remove the '#' if that is right"
            )
            rules.append((f"{scalar(guess.column)}: {{null_tolerance: {share:.2f}}}", told, False))
    if rules:
        yield "  columns:" if any(active for *_, active in rules) else "  # columns:"
    for text, told, active in rules:
        yield f"    {'' if active else '# '}{text}   # {told}"
