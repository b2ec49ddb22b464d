"""A finished run judged again, without its data: under other packs, or under a pack that was changed since.

The judgement before is kept beside the new one under its own digest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from audits.policies.judge import judge
from audits.policies.packs import PolicyPack, find_pack
from audits.record import SCHEMA_VERSION, AuditRun, Judgement, canonical_json, digest_of, read_record
from checks.problem import InputError, Problem
from checks.whole_file import write_whole

_RUN, _JUDGEMENT, _ORIGIN = "run.json", "judgement.json", "origin.json"


def packs_named(folder: Path, names: Sequence[str]) -> tuple[PolicyPack, ...]:
    """The packs of these names or files, seen from here; without any, those that the run's program names.

    Raises ``InputError`` for unknown packs, a run that cannot be read, and rules of one id in two packs.
    """
    asked = [name.strip() for text in names for name in text.split(",") if name.strip()]
    if asked:
        packs = tuple(find_pack(name, Path.cwd(), "--policies") for name in dict.fromkeys(asked))
    else:
        run = read_record(AuditRun, folder / _RUN)
        home = _home(folder)
        packs = tuple(find_pack(str(name), home, "the program of the run") for name in run.program.content["policies"])
    owners: dict[str, str] = {}
    for pack in packs:
        for rule in pack.rules:
            if owners.setdefault(rule.id, pack.id) != pack.id:
                raise InputError(Problem(
                    "--policies", f"rule '{rule.id}' in the packs '{owners[rule.id]}' and '{pack.id}'",
                    "each rule id in one pack", "give the bank's own rule an id of its own",
                ))  # fmt: skip
    return packs


def _home(folder: Path) -> Path:
    """The folder of the program file, for packs that it names by path."""
    try:
        return Path(str(json.loads((folder / _ORIGIN).read_text(encoding="utf-8"))["program"])).parent
    except (OSError, ValueError, KeyError):
        return Path.cwd()


def judge_again(folder: Path, packs: Sequence[PolicyPack]) -> Path | None:
    """Write the judgement of a finished run under these packs. Returns where a differing one before it is kept.

    Raises ``InputError`` where run.json is absent, is no such record, or is of another schema version.
    """
    run = read_record(AuditRun, folder / _RUN)
    if run.schema_version != SCHEMA_VERSION:
        raise InputError(Problem(
            str(folder / _RUN), f"schema version {run.schema_version}", SCHEMA_VERSION,
            "read it with the version of Squaredeal that wrote it",
        ))  # fmt: skip
    return write_judgement(folder, judge(run, digest_of((folder / _RUN).read_bytes()), packs))


def write_judgement(folder: Path, judgement: Judgement) -> Path | None:
    """Write a judgement beside its run; another one, under other rules, is kept by its digest."""
    file = folder / _JUDGEMENT
    earlier = file.read_bytes() if file.is_file() else b""
    if earlier == canonical_json(judgement):
        return None
    kept = None
    if earlier:
        kept = folder / f"judgement-{digest_of(earlier).removeprefix('sha256:')[:12]}.json"
        write_whole(kept, earlier)
    write_whole(file, canonical_json(judgement))
    return kept
