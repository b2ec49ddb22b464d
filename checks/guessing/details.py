"""What else a role says, read from the values: favourable value, unit, bands, reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from checks.guessing.guess import Guess
from checks.guessing.profile import Column, Profile
from checks.guessing.sides import decision_sides, outcome_sides
from checks.guessing.vocabulary import GOOD

_AGES = (25, 40, 60)
# groups that are customarily the reference; elsewhere the most frequent
_REFERENCE = {"male", "m", "man", "men", "男", "男性", "white", "han", "汉", "汉族", "town", "urban", "城镇", "城市"}
_NEVER_REFERENCE = ("unknown", "missing", "other", "未知", "其他", "not stated", "prefer not to say")


def details(guess: Guess, profile: Profile, words: Sequence[str]) -> Guess:
    """The guess with what its column's values tell."""
    column = profile.column(guess.column)
    more: dict[str, object] = dict(guess.more)
    if guess.role == "decision":
        more |= decision_sides(column, words) or {}
    elif guess.role == "outcome":
        more |= outcome_sides(column, words) or {}
        more |= _observed(column, profile)
    elif guess.role == "rate":
        more["unit"] = _rate_unit(column, words)
    elif guess.role == "tenure":
        more["unit"] = _tenure_unit(column, words)
    elif guess.role.startswith("groups."):
        more |= _group(column)
    return replace(guess, more=more)


def _observed(column: Column, profile: Profile) -> dict[str, object]:
    """The column beside whose refusals the outcome is always missing."""
    for (gap, side), shares in profile.missing_by.items():
        known = [value for value, share in shares.items() if share < 0.5]
        if gap == column.name and any(value.casefold() in GOOD for value in known):
            rest = [share for value, share in shares.items() if value not in known]
            if rest and min(rest) > 0.99 and len(known) == 1:
                return {"observed_when": side}
    return {"gaps": True} if column.missing > 0.02 * column.rows else {}


def _rate_unit(column: Column, words: Sequence[str]) -> str:
    middle = column.middle or 0
    if middle > 60:
        return "basis_points"
    return "fraction" if (column.high or 0) <= 1.5 and middle < 0.6 else "percent"


def _tenure_unit(column: Column, words: Sequence[str]) -> str:
    for word, unit in (("month", "months"), ("day", "days"), ("year", "years")):
        if word in words:
            return unit
    high = column.high or 0
    return "years" if high <= 60 else "months" if high <= 720 else "days"


def _group(column: Column) -> dict[str, object]:
    if not column.values:
        low, high = column.low or 0, column.high or 0
        bands = [age for age in _AGES if low < age <= high]
        edges = [*bands, None]
        return {"bands": bands, "reference": _band(edges)} if bands else {}
    able = [label for label in column.labels if label.strip().casefold() not in _NEVER_REFERENCE]
    known = [label for label in able if label.strip().casefold() in _REFERENCE]
    return {"reference": (known or able or list(column.labels))[0], "values": list(column.labels)}


def _band(edges: Sequence[int | None]) -> str:
    first, second = edges[0], edges[1]
    return f"{first}-{second - 1}" if second is not None else f"{first}+"
