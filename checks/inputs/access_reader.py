"""Reads what a contract says of access: the funnel's stages, who has a thin file, which channels are digital."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from checks.inputs.contract import (
    FUNNEL_COLUMNS,
    THIN_FILE_COLUMNS,
    THIN_WHEN,
    Channels,
    DataContract,
    Failing,
    Funnel,
    Stage,
    ThinFile,
)
from checks.inputs.yaml_reader import Place
from checks.problem import listed, suggest

_FUNNEL = ("stages", "started", "identity", "finished", "failed", "fallback", "within", *FUNNEL_COLUMNS)
_NAME = r"[\w][\w .-]{0,60}"
_FEWEST = 2
_TAKEN = ("all", "any")


def read_funnel(place: Place) -> Funnel:
    """A list of columns, each a stage by its own name, or a mapping with ``stages`` and what belongs to them."""
    if place.is_list:
        stages = tuple(Stage(column, column) for column in place.texts())
        return _sound(place, {}, Funnel(stages, stages[1].name if len(stages) > 1 else ""))
    at = place.entries(_FUNNEL, ("stages",))
    logged = "event" in at
    entries = at["stages"].free_entries() if "stages" in at else {}
    if "stages" in at and at["stages"].is_list:
        stages = tuple(Stage(column, column) for column in at["stages"].texts())
    else:
        stages = tuple(Stage(name, *_named(where, logged)) for name, where in entries.items())
    names = [stage.name for stage in stages]
    failed = at["failed"].free_entries() if "failed" in at else {}
    funnel = Funnel(
        stages,
        started=_stage(at, "started", names) or ("start" if "start" in names else "".join(names[1:2])),
        identity=_stage(at, "identity", names) or ("identity" if "identity" in names else None),
        finished=_stage(at, "finished", names) or ("submit" if "submit" in names else None),
        failed=tuple(Failing(method, *_named(where, logged)) for method, where in failed.items()),
        fallback=Failing("fallback", *_named(at["fallback"], logged)) if "fallback" in at else None,
        within=_span(at["within"]) if "within" in at else None,
        **{key: at[key].text() if key in at else None for key in FUNNEL_COLUMNS},
    )
    return _sound(place, at, funnel)


def _named(place: Place, logged: bool) -> tuple[str | None, tuple[str, ...]]:
    """Column and events: in a log a stage is a value of the event column, or several."""
    return (None, place.texts()) if logged else (place.text(), ())


def _stage(at: Mapping[str, Place], key: str, names: list[str]) -> str | None:
    if key not in at:
        return None
    name = at[key].text()
    if name not in names:
        at[key].complain(f"the stage '{name}'", f"one of {listed(tuple(names))}", suggest(name, names))
    return name


def _span(place: Place) -> str:
    text = place.text()
    if text and not re.fullmatch(r"[1-9]\d{0,4} (minute|hour|day|week)s?", text):
        place.complain(f"'{text}'", "a number of minutes, hours, days or weeks", "write for instance 30 days")
    return text


def _sound(place: Place, at: Mapping[str, Place], funnel: Funnel) -> Funnel:
    stages = at.get("stages", place)
    if len(funnel.stages) < _FEWEST:
        stages.complain(
            f"{len(funnel.stages)} stages", "two at least, in the order in which they are passed",
            "name the column of each stage, such as {reach: …, start: …, submit: …, decision: …}",
        )  # fmt: skip
    for stage in funnel.stages:
        _name_of_its_own(stages, "stage", stage.name)
    for one in funnel.failed:
        _name_of_its_own(at["failed"], "way of proving who one is", one.method)
    first: dict[str, int] = {}
    for i, stage in enumerate(funnel.stages):
        for what in (stage.column, *stage.events):
            if what and first.setdefault(what, i) != i:
                names = funnel.names[first[what]], stage.name
                stages.complain(
                    f"'{what}' as '{names[0]}' and as '{names[1]}'", "a column, or events, of its own for each stage",
                    "correct one of the two",
                )  # fmt: skip
    order = [funnel.place(name) for name in (funnel.started, funnel.identity, funnel.finished) if name]
    known = [spot for spot in order if spot is not None]
    if known != sorted(known):
        stages.complain(
            f"'{funnel.started}', '{funnel.identity}', '{funnel.finished}' out of order",
            "the stages in the order in which they are passed", "sort the stages, or correct the three",
        )  # fmt: skip
    return funnel


def _name_of_its_own(place: Place, what: str, name: str) -> None:
    """Names of parts stand in reports, where ``all`` and ``any`` mean the whole."""
    if not re.fullmatch(_NAME, name) or name.casefold() in _TAKEN:
        place.complain(
            f"the {what} '{name}'", f"letters, digits, '-', '_', '.' and spaces, and none of {listed(_TAKEN)}",
            "rename it",
        )  # fmt: skip


def read_thin_file(place: Place) -> ThinFile:
    """A list of columns that are empty where there is no data trail, or a mapping."""
    if place.is_list:
        return ThinFile(place.texts())
    at = place.entries(("missing", "when", *THIN_FILE_COLUMNS))
    if ("missing" in at) == ("flag" in at):
        place.complain(
            "both 'missing' and 'flag'" if "flag" in at else "neither 'missing' nor 'flag'", "one of the two",
            "list the columns that are empty where there is no data trail, or name a flag",
        )  # fmt: skip
    return ThinFile(
        missing=at["missing"].texts() if "missing" in at else (),
        when=at["when"].choice(THIN_WHEN) if "when" in at else "all",
        **{key: at[key].text() if key in at else None for key in THIN_FILE_COLUMNS},
    )


def read_channels(place: Place) -> Channels:
    """The values of either side, each once."""
    at = place.entries(("digital", "assisted"), ("digital", "assisted"))
    values = {key: at[key].texts() if key in at else () for key in ("digital", "assisted")}
    for text in sorted(set(values["digital"]) & set(values["assisted"])):
        at["assisted"].complain(f"'{text}' as digital and as assisted", "each value once", "remove one of the two")
    return Channels(**values)


def check_access(at: Mapping[str, Any], contract: DataContract) -> None:
    """What the parts about access need of the rest of the contract."""
    if contract.funnel and contract.funnel.event:
        for role in ("entity", "time"):
            if not contract.has(role):
                at["funnel"].complain(
                    f"'event' without '{role}'", "rows that are events of a person at a time",
                    f"add '{role}: COLUMN' to the contract",
                )  # fmt: skip
    if contract.channels and "channel" not in contract.terms:
        at["channels"].complain(
            "'channels' without 'terms.channel'", "the column whose values they are", "add 'terms: {channel: COLUMN}'"
        )
    filled = contract.thin_file and contract.thin_file.filled_decision
    if filled and not contract.decision:
        at["thin_file"].complain(
            "'filled_decision' without 'decision'", "a decision in whose words it is told",
            "add 'decision' to the contract",
        )  # fmt: skip
