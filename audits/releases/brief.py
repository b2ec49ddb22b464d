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
class BriefRun:
    """A run in brief. ``released`` are its releases, the last one first; ``is_current`` says of this judgement.

    ``findings`` are by id; where an id stands more than once, the further ones are told apart by a number.
    ``decided_on`` holds, by the digest of a released judgement, the verdicts that its signer saw.
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
    released: tuple[Release, ...] = ()
    is_current: bool = True
    decided_on: Mapping[str, Mapping[str, Verdict]] = field(default_factory=dict)


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
    releases, unread = _releases(folder.path)
    digest = digest_of(judged) if releases else ""
    told = {digest: judgement}
    kept, lost = _kept(folder.path, releases, told)
    inventory = run.program.content.get("inventory") or {}
    return BriefRun(
        folder, run.program.title, {str(key): str(value) for key, value in inventory.items()},
        run.subject.model if run.subject else None, run.subject.version if run.subject else None,
        run.data.period, run.version, place, run.checks.fit, bool(run.errors), _by_id(judgement.findings),
        releases, not releases or releases[0].judgement_digest == digest, kept,
    ), (*unread, *lost)  # fmt: skip


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


def _releases(folder: Path) -> tuple[tuple[Release, ...], tuple[str, ...]]:
    """The releases of a run, the last one first, and what is wrong with those that cannot be read."""
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
    return tuple(made[number] for number in sorted(made, reverse=True)), tuple(unread)


def _kept(
    folder: Path, releases: tuple[Release, ...], known: Mapping[str, _Judgement]
) -> tuple[dict[str, dict[str, Verdict]], tuple[str, ...]]:
    """Verdicts of the released judgements that hold actions; and which judgements are not there any more."""
    found: dict[str, dict[str, Verdict]] = {}
    lost = []
    for release in releases:
        digest = release.judgement_digest
        if not release.actions or digest in found:
            continue
        file = folder / f"judgement-{digest.removeprefix('sha256:')[:12]}.json"
        try:
            if digest not in known and digest_of(file.read_bytes()) != digest:
                raise ValueError(f"{file.name}: another judgement than release {release.number} names")
            judgement = known.get(digest) or _read(_Judgement, file.read_bytes(), file.name)
            found[digest] = {name: one.verdict for name, one in _by_id(judgement.findings).items()}
        except (OSError, ValueError) as error:
            lost.append(f"release {release.number}: {error}")
    return found, tuple(lost)


def _by_id(findings: tuple[BriefFinding, ...]) -> dict[str, BriefFinding]:
    seen: Counter[str] = Counter()
    named: dict[str, BriefFinding] = {}
    for one in findings:
        seen[one.finding_id] += 1
        name = one.finding_id if seen[one.finding_id] == 1 else f"{one.finding_id}.{seen[one.finding_id]}"
        named[name] = one
    return named
