"""The least of a run that tells where its findings stand, read quickly; or why its folder cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from audits.record import SCHEMA_VERSION, Verdict, digest_of
from audits.releases.folders import JUDGEMENT_FILE, RUN_FILE, VersionFolder
from audits.releases.life import place_in_time
from audits.releases.record import RELEASE_FILE, RELEASE_SCHEMA_VERSION, Release
from checks.problem import InputError

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class BriefFigure:
    """What was measured of whom."""

    measure: str
    attribute: str | None
    group: str | None
    segment: str = "all"


@dataclass(frozen=True, slots=True)
class BriefRule:
    """Under which rule."""

    id: str


@dataclass(frozen=True, slots=True)
class BriefFinding:
    """A finding without its figure, bounds and texts."""

    finding_id: str
    harm: str
    verdict: Verdict
    measurement: BriefFigure
    rule: BriefRule


@dataclass(frozen=True, slots=True)
class _Judgement:
    schema_version: str
    run_digest: str
    findings: tuple[BriefFinding, ...]


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    title: Mapping[str, str]
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Subject:
    model: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class _Data:
    period: str
    first_day: str | None
    last_day: str | None


@dataclass(frozen=True, slots=True)
class _Checks:
    fit: bool


@dataclass(frozen=True, slots=True)
class _Run:
    schema_version: str
    program: _Program
    version: int
    subject: _Subject | None
    data: _Data
    checks: _Checks
    errors: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Releases:
    """The releases of a run, the last one first, the verdicts that each signer saw, and what cannot be read of them.

    ``decided_on`` holds verdicts by finding, by the digest of a released judgement in which anything was decided.
    """

    made: tuple[Release, ...] = ()
    decided_on: Mapping[str, Mapping[str, Verdict]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BriefRun:
    """A run in brief. ``is_current`` says that its last release is of the judgement that is there.

    ``findings`` are by id; where an id stands more than once, the further ones are told apart by a number.
    """

    folder: VersionFolder
    title: Mapping[str, str]
    inventory: Mapping[str, str]
    model: str | None
    model_version: str | None
    period: str
    version: int
    place: tuple[str, str, str]
    fit: bool
    failed: bool
    findings: Mapping[str, BriefFinding]
    releases: Releases
    is_current: bool


def read_brief(folder: VersionFolder) -> tuple[BriefRun | None, tuple[str, ...]]:
    """The run in brief, None where it cannot be read; and what of it cannot be read.

    A release that cannot be read leaves the run unreleased.
    """
    try:
        content = (folder.path / RUN_FILE).read_bytes()
        judged = (folder.path / JUDGEMENT_FILE).read_bytes()
    except OSError as error:
        return None, (f"{Path(str(error.filename)).name}: no readable file ({error.strerror})",)
    try:
        run, judgement = _read(_Run, content, RUN_FILE), _read(_Judgement, judged, JUDGEMENT_FILE)
        for file, version in ((RUN_FILE, run.schema_version), (JUDGEMENT_FILE, judgement.schema_version)):
            if version != SCHEMA_VERSION:
                raise ValueError(f"{file}: schema version {version}, not {SCHEMA_VERSION}")
        if judgement.run_digest != digest_of(content):
            raise ValueError(f"{JUDGEMENT_FILE}: a judgement of another run")
        named = f"{run.program.name}/{run.data.period}/v{run.version}"
        if named != folder.name:
            raise ValueError(f"{RUN_FILE}: the run of {named}, in another place than it says")
        place = place_in_time(run.data.period, run.data.first_day, run.data.last_day)
    except InputError as error:
        return None, (f"{RUN_FILE}: {error.problems[0].found}",)
    except ValueError as error:
        return None, (str(error),)
    inventory = run.program.content.get("inventory") or {}
    findings = _by_id(judgement.findings)
    releases = releases_of(folder.path, judged, {name: one.verdict for name, one in findings.items()})
    return BriefRun(
        folder, run.program.title, {str(key): str(value) for key, value in inventory.items()},
        run.subject.model if run.subject else None, run.subject.version if run.subject else None,
        run.data.period, run.version, place, run.checks.fit, bool(run.errors), findings, releases,
        not releases.made or releases.made[0].judgement_digest == digest_of(judged),
    ), releases.faults  # fmt: skip


@cache
def _adapter(kind: Hashable) -> Any:
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(cast(Any, kind))
    return adapter


def _read(kind: type[Kind], content: bytes, file: str) -> Kind:
    from pydantic import ValidationError

    try:
        read: Kind = _adapter(cast(Hashable, kind)).validate_json(content)
        return read
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ValueError(f"{file}{', ' if where else ''}{where}: {first['msg']}") from None


def releases_of(folder: Path, judgement: bytes, verdicts: Mapping[str, Verdict]) -> Releases:
    """What was released of a run. ``judgement`` is the content of its judgement.json, ``verdicts`` what that says.

    A release that cannot be read counts as none and is told.
    """
    made, faults = _releases(folder)
    if not made:
        return Releases(faults=tuple(faults))
    known = {digest_of(judgement): dict(verdicts)}
    for release in made:
        if release.actions and release.judgement_digest not in known:
            try:
                known[release.judgement_digest] = _kept(folder, release)
            except (OSError, ValueError) as error:
                faults.append(f"release {release.number}: {error}")
    needed = {release.judgement_digest for release in made if release.actions}
    return Releases(made, {digest: known[digest] for digest in sorted(needed & known.keys())}, tuple(faults))


def _releases(folder: Path) -> tuple[tuple[Release, ...], list[str]]:
    made: dict[int, Release] = {}
    unread = []
    for file in (folder / RELEASE_FILE, *sorted(folder.glob("release-*.json"))):
        if not file.exists():
            continue
        try:
            release = _read(Release, file.read_bytes(), file.name)
            if release.schema_version != RELEASE_SCHEMA_VERSION:
                raise ValueError(f"{file.name}: schema version {release.schema_version}, not {RELEASE_SCHEMA_VERSION}")
            made[release.number] = release
        except (OSError, ValueError) as error:
            unread.append(str(error))
    return tuple(made[number] for number in sorted(made, reverse=True)), unread


def _kept(folder: Path, release: Release) -> dict[str, Verdict]:
    """Verdicts of the judgement that was released, which another one has taken the place of."""
    file = folder / f"judgement-{release.judgement_digest.removeprefix('sha256:')[:12]}.json"
    content = file.read_bytes()
    if digest_of(content) != release.judgement_digest:
        raise ValueError(f"{file.name} is another judgement than the one released")
    found = _by_id(_read(_Judgement, content, file.name).findings)
    return {name: one.verdict for name, one in found.items()}


def _by_id(findings: tuple[BriefFinding, ...]) -> dict[str, BriefFinding]:
    seen: Counter[str] = Counter()
    named: dict[str, BriefFinding] = {}
    for one in findings:
        seen[one.finding_id] += 1
        name = one.finding_id if seen[one.finding_id] == 1 else f"{one.finding_id}.{seen[one.finding_id]}"
        named[name] = one
    return named
