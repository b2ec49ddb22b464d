"""release.json: who released a run, when, what was decided on its findings, after which earlier release.

A release is the one record with a clock time. It lies beside the run that it releases and never changes: a finding's
life is read by folding judgements and releases, and there is no second store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

RELEASE_FILE = "release.json"
RELEASE_SCHEMA_VERSION = "1.0"
FLAGGED = ("breach", "concern")
Decision = Literal["approved", "nothing_flagged"]
ActionKind = Literal["accepted", "remediated"]


@dataclass(frozen=True, slots=True)
class Signer:
    """A named user of the scheduler: the id that the scheduler knows, and the name that it shows."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Action:
    """What was decided on one finding: its risk accepted by an ``owner`` until a day, or remediated by an ``owner``.

    ``until`` is the last day (YYYY-MM-DD) on which an acceptance holds, None for a remediation. What is said to be
    remediated stays open until a later period is clear.
    """

    finding_id: str
    kind: ActionKind
    owner: str
    until: str | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """release.json. ``number`` counts a program's releases from 1; ``previous`` is the digest of the one before.

    ``by`` is None where nothing was flagged and nobody had to sign. ``at`` is UTC, ISO 8601 to the second. ``verdicts``
    counts the findings of the judgement, ``flagged`` are the ids of those that are a breach or a concern.
    """

    schema_version: str
    program: str
    period: str
    version: int
    run_digest: str
    judgement_digest: str
    number: int
    previous: str | None
    decision: Decision
    by: Signer | None
    at: str
    comment: str = ""
    verdicts: Mapping[str, int] = field(default_factory=dict)
    flagged: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
