"""Reads the ``operation:`` block of a program into ``Operation``."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

from checks.inputs.operation import Asked, Notify, Operation, SignOff
from checks.inputs.yaml_reader import Place
from checks.problem import listed, suggest

KEYS = ("start", "catch_up", "after", "retries", "retry_after", "deadline", "pool", "notify", "sign_off")
MOST_RETRIES = 20
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_LONGEST = dt.timedelta(days=366)
_MAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,199}")


def read_operation(place: Place, scheduled: bool) -> Operation:
    """The block as read; every problem is recorded at its line. ``scheduled``: the program has a ``schedule``."""
    at = place.entries(KEYS)
    usual, readers = Operation(), _READERS
    found = replace(usual, **{key: readers[key](at[key]) for key in at})
    if found.start and not scheduled:
        at["start"].complain("'start' without 'schedule'", "a schedule whose first period it is", "add 'schedule'")
    if found.catch_up and not found.start:
        at["catch_up"].complain("'catch_up' without 'start'", "the first day to catch up from", "add 'start: DAY'")
    if found.deadline and not found.notify:
        at["deadline"].complain("'deadline' without 'notify'", "somebody who is told when it passes", "add 'notify'")
    return found


def _names(place: Place, what: str) -> tuple[str, ...]:
    names = []
    for item in place.items():
        name = item.text()
        if name and not _NAME.fullmatch(name):
            item.complain(f"'{name}'", f"{what}: letters, digits, '_', '-' and '.'", "write its name")
        elif name in names:
            item.complain(f"'{name}' a second time", "each name once", "remove one of the two")
        names.append(name)
    if not names:
        place.complain("nothing", f"at least one {what}", "name one, or remove the key")
    return tuple(names)


def read_length(place: Place, least: dt.timedelta = dt.timedelta(seconds=1)) -> dt.timedelta:
    """A length of time such as ``6 hours``; a month has no length here. ``least`` up to a year."""
    text = place.text()
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+?)s?", text.strip().lower())
    if not match or match[2] not in _UNITS:
        units = [f"{unit}s" for unit in _UNITS]
        hint = suggest(match[2] + "s", units) if match else "write for instance 6 hours"
        place.complain(f"'{text}'", f"a number of {listed(units)}", hint)
        return least
    seconds = float(match[1]) * _UNITS[match[2]]
    if not least.total_seconds() <= seconds <= _LONGEST.total_seconds():
        place.complain(f"'{text}'", f"a time from {least} to {_LONGEST.days} days", "write a length within that range")
        return least
    return dt.timedelta(seconds=seconds)


def _retries(place: Place) -> int:
    number = place.integer(0)
    if number > MOST_RETRIES:
        place.complain(f"{number}", f"a whole number from 0 to {MOST_RETRIES}", "write fewer")
    return min(number, MOST_RETRIES)


def _name(what: str) -> Callable[[Place], str]:
    return lambda place: next(iter(_names(place, what)), "")


def _notify(place: Place) -> Notify:
    at = place.entries(("mail", "webhook"))
    for item in at["mail"].items() if "mail" in at else ():
        address = item.text()
        if address and not _MAIL.fullmatch(address):
            item.complain(f"'{address}'", "a mail address", "write for instance risk@bank.example")
    if place.is_mapping and not at:
        place.complain("nobody", "mail or webhook", "add 'mail: [ADDRESS]' or 'webhook: CONNECTION'")
    return Notify(
        at["mail"].texts() if "mail" in at else (),
        _name("connection of Airflow that holds the webhook's address")(at["webhook"]) if "webhook" in at else None,
    )


def _sign_off(place: Place) -> SignOff:
    at = place.entries(("by", "within", "asked"), ("by",))
    usual = SignOff(())
    asked: Any = at["asked"].choice(get_args(Asked)) if "asked" in at else usual.asked
    return SignOff(
        _names(at["by"], "user name of Airflow") if "by" in at else (),
        read_length(at["within"]) if "within" in at else usual.within,
        asked,
    )


_READERS: dict[str, Callable[[Place], Any]] = {
    "start": Place.date, "catch_up": Place.boolean, "after": lambda place: _names(place, "name of an asset"),
    "retries": _retries, "retry_after": read_length, "deadline": read_length, "pool": _name("pool of Airflow"),
    "notify": _notify, "sign_off": _sign_off,
}  # fmt: skip
