"""What a signer decided on the findings of a run, read from what was typed, with every fault told at once."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args

from audits.record import Judgement
from audits.releases.record import FLAGGED, Action, ActionKind
from checks.problem import InputError, Problem, listed, suggest

LONGEST = dt.timedelta(days=366)
_KEYS = ("finding", "decision", "owner", "until", "comment")
_KINDS = get_args(ActionKind)
_DATED = "a day as YYYY-MM-DD"


def read_actions(entered: object, judgement: Judgement, today: dt.date) -> tuple[Action, ...]:
    """Actions from a list of {finding, decision, owner, until, comment}, or from the JSON of one; nothing is no action.

    ``decision`` is accepted or remediated; ``until`` (YYYY-MM-DD) is the last day of an acceptance, from ``today`` to
    366 days later. Raises ``InputError`` with all that is wrong.
    """
    problems: list[Problem] = []
    actions: list[Action] = []
    for number, entry in enumerate(_entries(entered), 1):
        where = f"action {number}"
        faults = list(_faults_of_shape(entry, where))
        problems += faults
        if not faults:
            actions.append(_action(cast(Mapping[str, Any], entry)))
            problems += faults_of(actions[-1:], judgement, today, where)
    problems += _twice(actions)
    if problems:
        raise InputError(problems)
    return tuple(actions)


def faults_of(actions: Sequence[Action], judgement: Judgement, today: dt.date, where: str = "") -> list[Problem]:
    """What is wrong with each action on the findings of this judgement, decided on the day ``today``."""
    verdicts = {finding.finding_id: finding.verdict for finding in judgement.findings}
    flagged = sorted(name for name, verdict in verdicts.items() if verdict in FLAGGED)
    problems = []
    for number, action in enumerate(actions, 1):
        place = where or f"action {number}"
        if action.finding_id not in verdicts:
            problems.append(Problem(
                f"{place}, finding", f"'{action.finding_id}', which this run does not have",
                f"one of {listed(flagged)}", suggest(action.finding_id, flagged or list(verdicts)),
            ))  # fmt: skip
        elif action.finding_id not in flagged:
            problems.append(Problem(
                f"{place}, finding", f"'{action.finding_id}', whose verdict is {verdicts[action.finding_id]}",
                f"a finding that is a breach or a concern: {listed(flagged)}", "remove this action",
            ))  # fmt: skip
        if not action.owner.strip():
            problems.append(Problem(
                f"{place}, owner", "nothing", "who answers for it", "write the name of a person or a unit",
            ))  # fmt: skip
        problems += _faults_of_end(action, today, place)
    return problems


def twice_decided(actions: Sequence[Action]) -> list[Problem]:
    """Findings on which more than one action was taken."""
    return list(_twice(actions))


def _entries(entered: object) -> Sequence[object]:
    if entered is None or (isinstance(entered, str) and not entered.strip()):
        return ()
    if isinstance(entered, str):
        try:
            entered = json.loads(entered)
        except ValueError as error:
            raise InputError(Problem(
                "actions", f"no JSON ({error})", "a list of actions", 'write [{"finding": "…", "decision": "…", …}]',
            )) from None  # fmt: skip
    if isinstance(entered, str) or not isinstance(entered, Sequence):
        raise InputError(Problem(
            "actions", _named(entered), "a list of actions", "write one entry for each finding, in a list",
        ))  # fmt: skip
    return entered


def _faults_of_shape(entry: object, where: str) -> Iterator[Problem]:
    if not isinstance(entry, Mapping):
        yield Problem(where, _named(entry), f"an entry with {listed(_KEYS)}", "write {key: value, …}")
        return
    for key in entry:
        if key not in _KEYS:
            yield Problem(where, f"unknown key '{key}'", f"one of {listed(_KEYS)}", suggest(str(key), _KEYS))
    for key in _KEYS:
        value = entry.get(key)
        if value is not None and not isinstance(value, str) and not (key == "until" and type(value) is dt.date):
            yield Problem(f"{where}, {key}", _named(value), "a text", "write it in quotes")
    for key in ("finding", "decision"):
        if entry.get(key) in (None, ""):
            yield Problem(f"{where}, {key}", "nothing", f"a value for '{key}'", f"write '{key}'")
    kind = entry.get("decision")
    if isinstance(kind, str) and kind and kind not in _KINDS:
        yield Problem(f"{where}, decision", f"'{kind}'", f"one of {listed(_KINDS)}", suggest(kind, _KINDS))


def _action(entry: Mapping[str, Any]) -> Action:
    def text(key: str) -> str:
        return str(entry.get(key) or "").strip()

    return Action(
        text("finding"), cast(ActionKind, text("decision")), text("owner"), text("until") or None, text("comment")
    )


def _faults_of_end(action: Action, today: dt.date, place: str) -> Iterator[Problem]:
    place = f"{place}, until"
    if action.kind == "remediated":
        if action.until:
            yield Problem(
                place, f"{action.until} for a finding that is remediated", "an end for an accepted risk only",
                "leave it out: a remediation stands until a later period tells",
            )  # fmt: skip
        return
    if not action.until:
        yield Problem(place, "nothing", f"the last day on which the risk is accepted: {_DATED}", "write that day")
        return
    try:
        end = dt.datetime.strptime(action.until, "%Y-%m-%d").date()
        regular = end.isoformat() == action.until
    except ValueError:
        regular = False
    if not regular:
        yield Problem(place, f"'{action.until}'", _DATED, f"write it as {today + dt.timedelta(days=90)}")
    elif end < today:
        yield Problem(place, f"{action.until}, which is past", f"{today} or later", "write a day to come")
    elif end > today + LONGEST:
        yield Problem(
            place, f"{action.until}, which is more than {LONGEST.days} days away", f"{today + LONGEST} or earlier",
            "accept it for a shorter time, and decide again then",
        )  # fmt: skip


def _twice(actions: Sequence[Action]) -> Iterator[Problem]:
    names = [action.finding_id for action in actions]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield Problem(
                "actions", f"{names.count(name)} actions on the finding '{name}'", "one action on a finding",
                "keep the one that holds",
            )  # fmt: skip


def _named(value: object) -> str:
    return f"a {type(value).__name__}"
