"""Finished runs made by hand, with findings of given verdicts, to release and to follow over the periods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from audits.record import Subject, canonical_json, digest_of
from audits.releases import chain
from audits.releases.record import Action, Release, Signer
from checks.inputs.period import read_period
from tests.reports import sample_records as sample

ADA, BEN = Signer("ada", "Ada Byron"), Signer("ben", "Ben Lee")
NOON = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)


def judged_run(
    runs: Path, verdicts: Mapping[str, str], program: str = "cards", period: str = "2026-01", version: int = 1,
    inventory: Mapping[str, str] | None = None, model: tuple[str, str] = ("models:/credit", "7"),
    days: Mapping[str, str | None] | None = None, **changes,
) -> Path:  # fmt: skip
    """Write a run and its judgement where they lie; ``verdicts`` are by the id of the finding.

    Its data reach over the whole period.
    """
    gap = sample.gap()
    run = sample.run(measurements=(gap,), **changes)
    content = {**run.program.content, "inventory": dict(inventory or {"owner": "desk 7", "tier": "1"})}
    run = replace(
        run, version=version, data=replace(run.data, period=period, **(days or days_of(period))),
        subject=Subject(*model, "sha256:cc"),
        program=replace(run.program, name=program, content=content),
    )  # fmt: skip
    folder = runs / program / period / f"v{version}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_bytes(canonical_json(run))
    write_verdicts(folder, verdicts)
    return folder


def days_of(period: str) -> dict[str, str]:
    """First and last day of data that reach over a whole period."""
    whole = read_period(period)
    if whole.start is None or whole.end is None:
        return {}
    return {"first_day": str(whole.start), "last_day": str(whole.end - dt.timedelta(days=1))}


def release(
    folder: Path, by: Signer | None, at: dt.datetime, comment: str = "", actions: Sequence[Action] = (),
    judged: str | None = None,
) -> Release:  # fmt: skip
    """Release a run under the judgement that lies there, unless another digest is named."""
    file = folder / "judgement.json"
    there = digest_of(file.read_bytes()) if file.exists() else "sha256:none"
    return chain.release(folder, by, at, comment, actions, there if judged is None else judged)


def write_verdicts(folder: Path, verdicts: Mapping[str, str]) -> None:
    """Judge a run that lies there: each finding by its verdict."""
    (folder / "judgement.json").write_bytes(judgement_bytes(folder, verdicts))


def judgement_bytes(folder: Path, verdicts: Mapping[str, str]) -> bytes:
    """The judgement of a run that lies there."""
    law = sample.rule("cap", limit_source="law", title={"en": "Cap on the gap", "zh": "差距上限"})
    found = [
        sample.finding(sample.gap(), law, verdict, cautions=(), finding_id=name) for name, verdict in verdicts.items()
    ]
    program, period, version = folder.parts[-3:]
    return canonical_json(replace(
        sample.judgement(found), program=program, period=period, version=int(version[1:]),
        run_digest=digest_of((folder / "run.json").read_bytes()),
    ))  # fmt: skip


def accepted(finding: str, until: str = "2026-06-30", owner: str = "desk 7") -> Action:
    """The risk of a finding, accepted."""
    return Action(finding, "accepted", owner, until, "known to the committee")


def remediated(finding: str, owner: str = "desk 7") -> Action:
    """A finding that is said to be mended."""
    return Action(finding, "remediated", owner)
