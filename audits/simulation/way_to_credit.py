"""The way to credit that several worlds share: stages that a person passes or not, as flags and as a log of events.

A person's ``furthest`` stage says all: whoever passed a stage has passed those before it. Everyone in a file passed the
first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.simulation.population import Floats, Population
from audits.simulation.world import Numbers

STAGES = ("reach", "start", "identity", "submit", "decision", "price")
COLUMNS = ("shown", "began", "proved", "sent", "decision", "taken")
EVENTS = ("offer shown", "form opened", "identity proved", "form sent", "credit approved", "credit taken")
FURTHEST = "furthest"
YOUNGER, OLDER = AGES = ("under 60", "60+")
AGE_GROUP, NETWORK = "age_group", "network"
REFUSED, APPROVED, NEVER_DECIDED = 0, 1, 2
_SUBMIT, _DECISION = STAGES.index("submit"), STAGES.index("decision")
_START = np.datetime64("2025-01-02T08:00:00", "s")
_SPREAD, _LONGEST = 300 * 86_400, 3600  # seconds over which persons begin, and between two of their events


def furthest_chances(passing: ArrayLike) -> Floats:
    """P(furthest stage) on the last axis (…, 6), from the chance (…, 5) of passing each stage after the first."""
    chance = np.asarray(passing, dtype=np.float64)
    came = np.concatenate([np.ones((*chance.shape[:-1], 1)), np.cumprod(chance, axis=-1)], axis=-1)
    left = np.concatenate([1 - chance, np.ones((*chance.shape[:-1], 1))], axis=-1)
    return np.asarray(came * left)


def flags(people: Population) -> dict[str, Numbers]:
    """A column for each stage: 1 where it was passed; of the decision what was decided, or that nothing was."""
    furthest = people.along(FURTHEST).astype(np.int64)
    found: dict[str, Numbers] = {name: (furthest >= i).astype(np.int64) for i, name in enumerate(COLUMNS)}
    decided = np.where(furthest >= _DECISION, APPROVED, REFUSED)
    found[COLUMNS[_DECISION]] = np.where(furthest < _SUBMIT, NEVER_DECIDED, decided)
    return found


def contract(others: tuple[str, ...] = (), strata: tuple[str, ...] = (), network: str | None = None) -> dict[str, Any]:
    """A person a row; ``others`` are attributes beside the age group, each with its reference after a colon."""
    groups = {AGE_GROUP: {"column": AGE_GROUP, "values": list(AGES), "reference": YOUNGER}}
    groups |= {name: {"column": name, "reference": reference} for name, reference in (one.split(":") for one in others)}
    return {
        "unit": "case",
        "decision": {
            "column": COLUMNS[_DECISION], "favourable": APPROVED, "unfavourable": REFUSED, "excluded": NEVER_DECIDED,
        },
        "groups": groups,
        **({"strata": list(strata)} if strata else {}),
        "funnel": {
            "stages": dict(zip(STAGES, COLUMNS, strict=True)), **({"network": network} if network else {}),
        },
    }  # fmt: skip


# what is true


def raw_truth(joint: Floats) -> dict[str, float]:
    """Ratios of the second group over the first; axes (group, furthest).

    ``stage_ratio[STAGE]`` is of those who came to the stage before, ``cumulative_ratio`` from the first stage to the
    last, ``approved_ratio`` from the first to the decision, ``adverse_impact_ratio`` that of approvals among those who
    submitted, which is all that a table of applications shows.
    """
    came = _came(joint)
    share = came[:, 1:] / came[:, :-1]
    stages = {f"stage_ratio[{name}]": float(r) for name, r in zip(STAGES[1:], share[1] / share[0], strict=True)}
    whole = came / came[:, :1]
    return {
        **stages,
        "cumulative_ratio": float(whole[1, -1] / whole[0, -1]),
        "approved_ratio": float(whole[1, _DECISION] / whole[0, _DECISION]),
        "adverse_impact_ratio": stages[f"stage_ratio[{STAGES[_DECISION]}]"],
    }


def adjusted_truth(joint: Floats) -> dict[str, float]:
    """The same with the reference spread over strata as the group is; axes (group, stratum, furthest).

    Who of the group comes through each stage over who would at the reference's rates in the group's strata: the ratio
    of a stage is that of this figure to the one before.
    """
    came = _came(joint)
    expected = (came[1, :, :1] * came[0] / came[0, :, :1]).sum(axis=0)
    level = came[1].sum(axis=0) / expected
    stages = {
        f"adjusted_stage_ratio[{name}]": float(r) for name, r in zip(STAGES[1:], level[1:] / level[:-1], strict=True)
    }
    return {**stages, "adjusted_cumulative_ratio": float(level[-1])}


def _came(joint: Floats) -> Floats:
    """Share that came at least to each stage."""
    return np.asarray(np.flip(np.cumsum(np.flip(joint, axis=-1), axis=-1), axis=-1))


# the same as a log


def as_log(rows: Mapping[str, NDArray[Any]], seed: int) -> dict[str, NDArray[Any]]:
    """The rows of a file as events, out of order: ``case``, ``event``, ``at`` and every other column of its person.

    ``rows`` are columns under their plain names. An event stands for every stage that a person passed, later than those
    of the stages before it; that nothing came of an application is no event.
    """
    rng = np.random.default_rng([seed, 29])
    count = len(rows["case"])
    passed = np.stack([np.asarray(rows[name]) == 1 for name in COLUMNS], axis=1)
    steps = rng.integers(1, _LONGEST, size=passed.shape)
    steps[:, 0] = rng.integers(0, _SPREAD, size=count)
    person, stage = np.nonzero(passed)
    order = rng.permutation(len(person))
    person, stage = person[order], stage[order]
    shared = {name: np.asarray(values)[person] for name, values in rows.items() if name not in COLUMNS}
    at = _START + np.cumsum(steps, axis=1)[person, stage].astype("timedelta64[s]")
    return {**shared, "event": np.array(EVENTS, dtype=object)[stage], "at": at}


def log_contract(of_rows: Mapping[str, Any]) -> dict[str, Any]:
    """The contract of such a log, from that of the rows."""
    kept = {role: block for role, block in of_rows.items() if role not in ("unit", "decision", "dated", "funnel")}
    dimensions = {key: value for key, value in of_rows["funnel"].items() if key != "stages"}
    stages = {name: [event] for name, event in zip(STAGES, EVENTS, strict=True)}
    return {**kept, "entity": "case", "time": "at", "funnel": {"event": "event", "stages": stages, **dimensions}}
