"""The straight line of a search for remedies: open → check → draw → train and try → choose → certify → remedies.json.

The result stands in OUT/PROGRAM/PERIOD/remedies/vN, beside the audits of the same period. The same program, rows,
training code and seed find their version again; anything else gets the next one, which names what it supersedes.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from audits.record import SCHEMA_VERSION, AuditRun, canonical_json, digest_of, read_record
from audits.remedies.records import REMEDIES_FILE, Candidate, Floor, RemedyRecord, TrainingRecord
from audits.run import RUN_FILE, latest_version, program_record
from checks.inputs.fingerprint import fingerprint
from checks.inputs.period import Period
from checks.inputs.program import AuditProgram
from checks.inputs.remedies import Remedies
from checks.inputs.remedies_reader import columns_of_groups
from checks.inputs.source import ConnectionResolver, environment_connection, open_source
from checks.problem import InputError, Problem
from checks.sentence import Sentence, joined, said, template
from checks.whole_file import UMASK, write_whole

if TYPE_CHECKING:
    from audits.evidence.remedy_rows import RemedyRows
    from audits.remedies.tried import Tried
    from checks.inputs.source import Source
    from checks.inputs.training_code import Trainer

FOLDER = "remedies"
READ_BEFORE = template(
    "These untouched rows were already read by version {versions} with other settings, training code or packages: the "
    "more often a search is repeated on them the less they prove. Name another 'seed' or period for rows that nothing "
    "has read."
)
TAKES_GROUP = template("today's model takes {columns}, which tells the group itself; no candidate does")
_PACKAGES = ("fairlearn", "lightgbm", "numpy", "optuna", "pandas", "scikit-learn", "scipy")
Announce = Callable[[str], None]


def find_remedies(
    program: AuditProgram,
    period: Period,
    out: Path,
    *,
    as_of: dt.date | None = None,
    resolve: ConnectionResolver = environment_connection,
    announce: Announce = lambda _: None,
) -> Path:
    """Search, choose and certify; returns the folder of the version.

    Raises ``InputError`` where the program says nothing of remedies, its training code cannot be used, the data are
    unfit, or lack what a search needs.
    """
    from checks.inputs.training_code import open_training

    asked = _asked(program)
    trainer = open_training(program)
    with open_source(program, period, resolve) as source:
        announce("fingerprinting the data")
        data = fingerprint(source, program).digest
        announce("checking the data with Great Expectations")
        _fit_to_use(source, program, period, as_of)
        announce("drawing rows")
        rows = _drawn(source, program, asked)
    record = _record(program, asked, trainer, rows, announce)
    parent = out.absolute() / program.name / period.text / FOLDER
    audited = _audited(parent.parent, data)
    return _kept(replace(record, period=period.text, fingerprint=data, run=audited), parent)


def read_remedies(folder: Path) -> RemedyRecord:
    """The record in a folder that ``find_remedies`` returned. Raises ``InputError`` where there is none to read."""
    record = read_record(RemedyRecord, folder / REMEDIES_FILE)
    if record.schema_version != SCHEMA_VERSION:
        raise InputError(Problem(
            str(folder / REMEDIES_FILE), f"schema version {record.schema_version}", SCHEMA_VERSION,
            "read it with the version of Squaredeal that wrote it",
        ))  # fmt: skip
    return record


def latest_remedies(parent: Path) -> Path | None:
    """The newest search beside the runs in OUT/PROGRAM/PERIOD, or None."""
    whole = [folder for folder in _versions(parent / FOLDER) if (folder / REMEDIES_FILE).is_file()]
    return max(whole, key=_number, default=None)


def _asked(program: AuditProgram) -> Remedies:
    if program.remedies is None:
        raise InputError(Problem(
            str(program.file), "no block 'remedies'", "how the model is trained and what may change",
            "add 'remedies: {training: {file: FILE.py, trusted: true}}' to the program; docs/remedies.md explains it",
        ))  # fmt: skip
    return program.remedies


def _fit_to_use(source: Source, program: AuditProgram, period: Period, as_of: dt.date | None) -> None:
    from checks.gate import run_checks

    last = period.end - dt.timedelta(days=1) if period.end else None
    report = run_checks(source, program, as_of or last or dt.datetime.now(dt.UTC).date())
    if not report.fit:
        raise InputError([
            Problem(program.where(one.place), str(one.observed), str(one.expected), str(one.remedy))
            for one in report.failures
        ])  # fmt: skip


def _drawn(source: Source, program: AuditProgram, asked: Remedies) -> RemedyRows:
    from audits.evidence.remedy_rows import draw_remedy_rows

    return draw_remedy_rows(source, asked, program.contract, program.seed)


def _record(
    program: AuditProgram, asked: Remedies, trainer: Trainer, rows: RemedyRows, announce: Announce
) -> RemedyRecord:
    """What was tried, chosen and certified; period, data and audit are filled in by the caller."""
    from audits.remedies.approvals import UnanswerableError
    from audits.remedies.certificate import certify
    from audits.remedies.choice import choose
    from audits.remedies.retrained import retraining_of
    from audits.remedies.search import search
    from audits.remedies.validation import Validator
    from audits.remedies.workshop import Workshop

    validator = Validator(rows.validation, asked, rows.references)
    features = tuple(dict.fromkeys(program.contract.features))
    of_groups = tuple(name for name in features if name in columns_of_groups(program.contract))
    record = _unanswered(program, asked, trainer, rows, validator.of)
    try:
        tried = search(rows, asked, trainer, features, program.seed, validator, announce, of_groups)
    except UnanswerableError as error:
        return replace(record, explanation=error.reason)
    announce(f"choosing among {len(tried)} candidates")
    choice = choose([one.candidate for one in tried], asked, validator.of, validator.error_between)
    scorers = {one.candidate.id: one.scorer for one in tried}
    announce("certifying on untouched rows")
    shop = Workshop(rows, asked, trainer, features, program.seed, validator, announce, of_groups)
    again = retraining_of(shop, {one.id: one for one in choice.candidates}, scorers, choice.chosen, program.seed)
    found = certify(rows.untouched, scorers, choice, validator, asked, rows.references, retrained=again)
    return replace(
        record, floor=choice.floor, candidates=choice.candidates, outcome=found.outcome,
        explanation=found.explanation, chosen=choice.chosen, certified=found.figures, reasons=choice.reasons,
        cautions=(
            *_of_groups(of_groups), *_of_search(tried, choice.candidates, choice.chosen, rows), *found.cautions
        ), runner_up=choice.runner_up,
    )  # fmt: skip


def _unanswered(
    program: AuditProgram, asked: Remedies, trainer: Trainer, rows: RemedyRows, of: str
) -> RemedyRecord:  # fmt: skip
    """What was asked and with what, before anything is known."""
    return RemedyRecord(
        schema_version=SCHEMA_VERSION, program=program_record(program), version=0, supersedes=None, period="",
        fingerprint="", seed=program.seed, attribute=asked.attribute or program.contract.groups[0].name,
        training=TrainingRecord(
            trainer.file, trainer.digest, trainer.function, asked.target, _sizes(rows),
            {name: metadata.version(name) for name in _PACKAGES},
        ),
        approve=asked.approve, floor=Floor(asked.performance, of, asked.loss, None, None, asked.least_gain),
        candidates=(), outcome="not_answered", explanation="", chosen=None, certified=(),
        settings={key: value for key, value in asdict(asked).items() if key != "training"},
    )  # fmt: skip


def _of_groups(columns: tuple[str, ...]) -> tuple[str, ...]:
    return (said(TAKES_GROUP, columns=joined(columns, ", ")),) if columns else ()


def _of_search(
    tried: Sequence[Tried], candidates: Sequence[Candidate], chosen: str | None, rows: RemedyRows
) -> Iterator[Sentence]:
    """What must be known of the search, and of features of the chosen model that nearly are a group."""
    from audits.remedies.telling import nearly_told

    yield from tried[0].notes
    taken = next((list(one.features) for one in candidates if one.id == chosen), [])
    part = rows.training
    yield from nearly_told(part.features[taken], part.labels, rows.references, part.persons)


def _sizes(rows: RemedyRows) -> dict[str, int]:
    return {
        "training": len(rows.training), "validation": len(rows.validation), "untouched": len(rows.untouched),
        "drawn": rows.drawn, "total": rows.total, "without_unit": rows.without_unit,
        "without_decision": rows.without_decision, "of_large_persons": rows.of_large_persons,
        "beyond_most": rows.total - rows.drawn - rows.without_decision - rows.of_large_persons,
    }  # fmt: skip


def _audited(period: Path, data: str) -> str | None:
    """Digest of the newest audit of the same data, where one lies beside."""
    newest = latest_version(period)
    if newest is None:
        return None
    try:
        run = read_record(AuditRun, newest / RUN_FILE)
    except InputError:
        return None
    return digest_of((newest / RUN_FILE).read_bytes()) if run.data.fingerprint == data else None


def _kept(record: RemedyRecord, parent: Path) -> Path:
    """The folder of this very record: an earlier version with the same content, or a new one, whole or not at all."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        while True:
            previous = latest_remedies(parent.parent)
            if previous and _same(record, previous):
                return previous
            number = max((_number(one) for one in _versions(parent)), default=0) + 1
            before = digest_of((previous / REMEDIES_FILE).read_bytes()) if previous else None
            staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=parent))
            try:
                new = replace(_read_before(record, parent), version=number, supersedes=before)
                write_whole(staging / REMEDIES_FILE, canonical_json(new))
                staging.chmod(0o777 & ~UMASK)
                os.rename(staging, parent / f"v{number}")
                return parent / f"v{number}"
            except OSError:
                shutil.rmtree(staging, ignore_errors=True)
                if not (parent / f"v{number}").exists():
                    raise
    except OSError as error:
        raise InputError(Problem(
            str(parent), f"the record cannot be written ({error.strerror})", "a folder that this user may write to",
            "name another folder with --out, or change its permissions",
        )) from None  # fmt: skip


def _read_before(record: RemedyRecord, parent: Path) -> RemedyRecord:
    """The record with a caution where earlier versions of another content certified on the same rows."""
    found, own = [], _content(record)
    for folder in sorted(_versions(parent), key=_number):
        try:
            earlier = read_record(RemedyRecord, folder / REMEDIES_FILE)
        except InputError:
            continue
        same_rows = (earlier.fingerprint, earlier.seed) == (record.fingerprint, record.seed) and earlier.certified
        if same_rows and _content(earlier) != own:
            found.append(earlier.version)
    if not found or not record.certified:
        return record
    return replace(record, cautions=(_told_before(found), *record.cautions), read_before=tuple(found))


def _told_before(versions: Sequence[int]) -> Sentence:
    return said(READ_BEFORE, versions=joined([str(one) for one in versions], ", "))


def _content(record: RemedyRecord) -> bytes:
    """What was found, whatever lies beside it: its version, the audit, what was read before."""
    own = str(_told_before(record.read_before)) if record.read_before else None
    cautions = tuple(one for one in record.cautions if str(one) != own)
    return canonical_json(replace(record, version=0, supersedes=None, run=None, cautions=cautions, read_before=()))


def _same(record: RemedyRecord, previous: Path) -> bool:
    try:
        earlier = read_record(RemedyRecord, previous / REMEDIES_FILE)
    except InputError:
        return False
    return _content(record) == _content(earlier)


def _versions(parent: Path) -> list[Path]:
    return [path for path in parent.glob("v*") if re.fullmatch(r"v[0-9]+", path.name)]


def _number(folder: Path) -> int:
    return int(folder.name[1:])
