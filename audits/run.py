"""The straight line of an audit: open → check → collect → measure → run.json → judge → judgement.json.

Each station reads and writes files in a staging folder and takes nothing else, so that the
command line runs them one after another and Airflow runs them as tasks that pass addresses.
``conclude`` moves the result to OUT/PROGRAM/PERIOD/vN and never overwrites a version: the same
inputs find their version again, changed inputs get the next one, which names what it supersedes.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from audits.environment import environment
from audits.evidence.collect import Evidence, collect
from audits.evidence.loan_costs import LoanCosts
from audits.evidence.needs import MODEL_NEEDS, Need
from audits.evidence.payments import payments_digest
from audits.exclusions import exclusions_of
from audits.parts import collect_parts, measure_parts
from audits.plan import Plan, make_plan
from audits.policies.again import write_judgement
from audits.policies.judge import judge
from audits.question import Question
from audits.record import (
    SCHEMA_VERSION,
    AuditRun,
    DataRecord,
    EvidenceFile,
    Exclusion,
    Judgement,
    Measurement,
    NotAnswered,
    ProgramRecord,
    RunError,
    Subject,
    canonical_json,
    digest_of,
    read_record,
)
from audits.staging import (
    ORIGIN_FILE,
    became,
    dropped_on_failure,
    forget,
    given_up_for,
    moved_to,
    refuse_older,
    staging_folder,
    without_remains,
)
from checks.check_report import CheckReport
from checks.foreign_text import kind_and_place, told_of
from checks.inputs.contract import AUDITED_ROLES
from checks.inputs.fingerprint import fingerprint
from checks.inputs.hmda_register import years_of
from checks.inputs.model_fault import ModelUnusable
from checks.inputs.period import Period
from checks.inputs.program import AuditProgram
from checks.inputs.source import ConnectionResolver, Source, environment_connection, open_source
from checks.problem import InputError, Problem, UnavailableError
from checks.sentence import said
from checks.unavailable import did_not_answer, silent, tried_again
from checks.whole_file import UMASK, write_whole

RUN_FILE, JUDGEMENT_FILE, REPORT_FILE = "run.json", "judgement.json", "report.html"
_STRAY = said("payments of loans that are not among these rows: they count for none of them")
Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question gave: figures, parts it could not answer, or an error."""

    question: str
    measurements: tuple[Measurement, ...] = ()
    not_answered: tuple[NotAnswered, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """Evidence files, exclusions, the questions that can be measured, and why the evidence of some could not be had."""

    questions: tuple[str, ...]
    files: tuple[EvidenceFile, ...]
    exclusions: tuple[Exclusion, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    subject: Subject | None = None


def program_record(program: AuditProgram) -> ProgramRecord:
    """The program without the address of its source: the data are known by their fingerprint."""
    content: dict[str, Any] = {
        key: value for key, value in asdict(program).items()
        if key not in ("file", "lines", "source", "cron", "product_rules", "remedies", "operation")
    }  # fmt: skip
    if not program.contract.personal_data:
        content["contract"].pop("personal_data")
    if program.product_rules:
        content["product_rules"] = program.product_rules.content()
    if program.contract.payments:
        content["payments"] = payments_digest(program.contract, program.file.parent)
    for calls in (content["primary"], content["exploratory"]):
        for call in calls:
            call.pop("place")
    content["audits"] = {"primary": content.pop("primary"), "exploratory": content.pop("exploratory")}
    content["query"] = program.source.query
    content = json.loads(canonical_json(content))
    return ProgramRecord(program.name, program.title, content, digest_of(canonical_json(content)))


def pull(source: Source, program: AuditProgram, period: Period, staging: Path) -> DataRecord:
    """Fingerprint the data and note the days they cover, and when they began to be read."""
    pulled_at = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    found = fingerprint(source, program)
    first, last = _days(source, program)
    data = DataRecord(
        found.digest, found.rows, found.columns, period.text, first, last, dict(source.prepared.references),
        dict(source.prepared.declared), _undated(source, program),
    )  # fmt: skip
    _write(staging / "data.json", data)
    address = {"connection": program.source.connection, "table": program.source.table, "program": str(program.file)}
    _write(staging / ORIGIN_FILE, {**address, "pulled_at": pulled_at, "staged_as": staging.name})
    return data


def check(
    source: Source, program: AuditProgram, period: Period, staging: Path, as_of: dt.date | None = None
) -> CheckReport:
    """Run the data checks. ``as_of`` is the day that freshness counts from: the period's last, else today."""
    from checks.gate import run_checks

    last = period.end - dt.timedelta(days=1) if period.end else None
    report = run_checks(source, program, as_of or last or dt.datetime.now(dt.UTC).date())
    _write(staging / "checks.json", report)
    return report


def gather(source: Source, program: AuditProgram, plan: Plan, staging: Path) -> Collected:
    """Collect the evidence for every question whose roles are filled; nothing when the data are unfit."""
    without_remains(staging, evidence=True)
    data = read_record(DataRecord, staging / "data.json")
    fit = read_record(CheckReport, staging / "checks.json").fit
    ready = [planned.question for planned in plan.questions if not _lacking(planned.question, program)] if fit else []
    needs = [need for question in ready for need in question.needs(program.contract)]
    with (
        tried_again("the source"),
        LoanCosts(source, needs, program.file.parent, staging, plan.limits) as costs,
    ):
        asked, failed, files = _collected(costs, program, plan, ready, staging, data)
        files += collect_parts(costs, program, plan, asked, staging, data)
    if files and fingerprint(source, program).digest != data.fingerprint:
        raise InputError(Problem(
            "the source", "other data than at the start of the run", "data that stay as they are during a run",
            "run again when the job that writes the data has ended",
        ))  # fmt: skip
    exclusions = exclusions_of(Evidence(staging / "evidence", data), program, source.exempt) if fit and files else ()
    if costs.stray:
        exclusions = (*exclusions, Exclusion("loan.payments", None, costs.stray, _STRAY))
    subject = _subject(source, needs)
    collected = Collected(tuple(question.name for question in ready), files, exclusions, failed, subject)
    _write(staging / "collected.json", collected)
    return collected


def _subject(source: Source, needs: Iterable[Need]) -> Subject | None:
    """The model that was read, where a question needed one and it could be."""
    if source.contract is None or not any(isinstance(need, MODEL_NEEDS) for need in needs):
        return None
    from checks.inputs.model import open_model

    try:
        model = open_model(source.contract)
    except ModelUnusable:
        return None
    return Subject(model.uri, model.version, model.digest)


def _collected(
    costs: LoanCosts, program: AuditProgram, plan: Plan, ready: list[Question], staging: Path, data: DataRecord
) -> tuple[list[Question], dict[str, str], tuple[EvidenceFile, ...]]:
    """The questions whose evidence was collected, why that of others was not, and the files.

    A failure costs the questions that need what failed, and no other its answer: then each is tried by itself, and what
    remains is collected together. What is wrong with the source itself (``InputError``) ends the run.
    """

    def gathered(questions: Iterable[Question], folder: Path) -> tuple[EvidenceFile, ...]:
        needs = [need for question in questions for need in question.needs(program.contract)]
        return collect(costs.serve(needs), needs, folder, data.rows, plan.limits)

    def why_not(question: Question) -> str | None:
        try:
            with tempfile.TemporaryDirectory(dir=staging) as scratch:
                gathered([question], Path(scratch) / "evidence")
        except InputError:
            raise
        except Exception as error:
            if did_not_answer(error):
                raise
            return kind_and_place(error)  # recorded under the question, never lost, never read as a result
        return None

    folder = staging / "evidence"
    try:
        return ready, {}, gathered(ready, folder)
    except InputError:
        raise
    except Exception as error:
        if did_not_answer(error):
            raise
        # else found again below, under the question that it belongs to
        failed = {question.name: told for question in ready if (told := why_not(question))}
        if not failed:  # it failed only in company: nothing says whose fault it is
            raise
    shutil.rmtree(folder, ignore_errors=True)
    asked = [question for question in ready if question.name not in failed]
    return asked, failed, gathered(asked, folder)


def measure(program: AuditProgram, plan: Plan, question: str, staging: Path) -> Answer:
    """Measure one question on the evidence. A failure of the question is an answer with an error."""
    data = read_record(DataRecord, staging / "data.json")
    failed = read_record(Collected, staging / "collected.json").failed.get(question)
    try:
        asked = plan.named(question)
        answer = Answer(question, error=failed)
        if not failed:
            figures, missing = asked.measure(Evidence(staging / "evidence", data), program.contract)
            parted = measure_parts(asked, program, plan, staging, data)
            answer = Answer(question, (*figures, *parted), tuple(missing))
    except Exception as error:  # noqa: BLE001 - recorded under the question, never lost, never read as a result
        if did_not_answer(error):
            raise silent(question, told_of(error)) from None
        answer = Answer(question, error=kind_and_place(error))
    (staging / "answers").mkdir(exist_ok=True)
    _write(staging / "answers" / f"{question}.json", answer)
    return answer


def conclude(program: AuditProgram, plan: Plan, staging: Path) -> Path:
    """Write run.json and judgement.json, and move the staging folder to its version. Returns that folder.

    A folder that has become a version already gives that version. Raises ``InputError`` where newer data became the
    latest version meanwhile, and drops the folder.
    """
    done = became(staging)
    if done:
        return done
    run = _assemble(program, plan, staging)
    parent = staging.parent
    while True:
        previous = latest_version(parent)
        if previous and _same_content(run, previous):
            run = read_record(AuditRun, previous / RUN_FILE)
            write_judgement(previous, judge(run, digest_of((previous / RUN_FILE).read_bytes()), plan.packs))
            given_up_for(staging, previous)
            return previous
        if previous:
            refuse_older(staging, previous)
        number = max((_number(other) for other in _numbered(parent)), default=0) + 1
        superseded = digest_of((previous / RUN_FILE).read_bytes()) if previous else None
        run = replace(run, version=number, supersedes=superseded)
        _write(staging / RUN_FILE, run)
        _write(staging / JUDGEMENT_FILE, judge(run, digest_of((staging / RUN_FILE).read_bytes()), plan.packs))
        try:
            staging.chmod(0o777 & ~UMASK)  # mkdtemp shut it to everybody else
            moved_to(staging, parent / f"v{number}")
        except OSError:
            if not (parent / f"v{number}").exists():
                raise
            continue  # somebody else took the number in between
        return parent / f"v{number}"


def audit(
    program: AuditProgram,
    period: Period,
    out: Path,
    *,
    as_of: dt.date | None = None,
    resolve: ConnectionResolver = environment_connection,
    announce: Announce = lambda _: None,
) -> Path:
    """Run a program from start to end and return the folder of its version."""
    plan = make_plan(program)
    staging = staging_folder(out, program, period)
    with dropped_on_failure(staging):
        announce("opening the source")
        with open_source(program, period, resolve) as source:
            announce("fingerprinting the data")
            data = pull(source, program, period, staging)
            announce(f"checking {data.rows:,} rows with Great Expectations")
            check(source, program, period, staging, as_of)
            announce("collecting evidence")
            collected = gather(source, program, plan, staging)
        for i, question in enumerate(collected.questions, 1):
            announce(f"measuring {question} ({i} of {len(collected.questions)})")
            measure(program, plan, question, staging)
        announce("judging")
        folder = conclude(program, plan, staging)
    forget(staging)
    return folder


def latest_version(parent: Path) -> Path | None:
    """The folder of the highest version under OUT/PROGRAM/PERIOD, or None."""
    return max((folder for folder in _numbered(parent) if (folder / RUN_FILE).is_file()), key=_number, default=None)


def _numbered(parent: Path) -> list[Path]:
    """Whatever bears the name of a version, whole or not."""
    return [path for path in parent.glob("v*") if re.fullmatch(r"v[0-9]+", path.name)]


def _number(folder: Path) -> int:
    return int(folder.name[1:])


def _same_content(run: AuditRun, previous: Path) -> bool:
    """Whether the earlier version holds this very run. A file that cannot be read is not it."""
    try:
        earlier = read_record(AuditRun, previous / RUN_FILE)
    except UnavailableError:
        raise
    except InputError:
        return False
    same = replace(run, version=earlier.version, supersedes=earlier.supersedes)
    return canonical_json(same) == (previous / RUN_FILE).read_bytes()


def _assemble(program: AuditProgram, plan: Plan, staging: Path) -> AuditRun:
    collected = read_record(Collected, staging / "collected.json")
    checks = read_record(CheckReport, staging / "checks.json")
    answers = [_answer(staging, question) for question in collected.questions]
    unfit = [] if checks.fit else [_unfit(planned.question) for planned in plan.questions]
    lacking = [_not_run(planned.question, program) for planned in plan.questions if _lacking(planned.question, program)]
    return AuditRun(
        schema_version=SCHEMA_VERSION,
        program=program_record(program),
        version=0,
        supersedes=None,
        subject=collected.subject or (Subject(program.model) if program.model else None),
        data=read_record(DataRecord, staging / "data.json"),
        environment=environment(),
        seed=program.seed,
        checks=checks,
        exclusions=collected.exclusions,
        measurements=tuple(m for group in [*unfit, *(a.measurements for a in answers)] for m in group),
        not_answered=(*lacking, *(missing for a in answers for missing in a.not_answered), *_unread(program, plan)),
        errors=tuple(RunError(a.question, a.error) for a in answers if a.error),
        evidence=collected.files,
    )


def _answer(staging: Path, question: str) -> Answer:
    """A question whose answer never arrived is an error of the run, not a silent gap."""
    file = staging / "answers" / f"{question}.json"
    if not file.exists():
        return Answer(question, error=said("the question's task left no answer"))
    return read_record(Answer, file)


def _lacking(question: Question, program: AuditProgram) -> list[str]:
    return [role for role in question.roles if not program.contract.has(role)]


def _not_run(question: Question, program: AuditProgram) -> NotAnswered:
    roles = ", ".join(_lacking(question, program))
    return NotAnswered(
        question.name,
        said("the contract does not fill: {roles}", roles=roles),
        said("declare {roles} in the contract", roles=roles),
    )


def _unread(program: AuditProgram, plan: Plan) -> tuple[NotAnswered, ...]:
    """Roles that the contract fills and no question of the plan reads: nobody may think them audited."""
    read = {role for planned in plan.questions for role in _reads(planned.question, program)}
    idle = [role for role in AUDITED_ROLES if program.contract.has(role) and role not in read]
    if not idle:
        return ()
    roles = ", ".join(idle)
    return (
        NotAnswered(
            "contract", said("no question of this program reads the declared {roles}", roles=roles),
            said("name a question that does under 'audits', where there is one"),
        ),
    )  # fmt: skip


def _reads(question: Question, program: AuditProgram) -> set[str]:
    """Roles that a question reads; what a model takes is read by questions on it where there is one."""
    roles = {*question.roles, *question.optional_roles}
    return roles - {"features"} if "prediction" in roles and not program.contract.prediction else roles


def _unfit(question: Question) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(
            question=question.name, measure=measure, attribute=None, group=None, reference=None, estimate=None,
            low=None, high=None, level=getattr(question, "level", 0.95), n=0, method=said("none"), source=said("none"),
            reason=said("the data checks failed"),
        )
        for measure in question.measures
    )  # fmt: skip


def _days(source: Source, program: AuditProgram) -> tuple[str | None, str | None]:
    contract = program.contract
    if contract.dated:
        return contract.dated.first.isoformat(), contract.dated.last.isoformat()
    if not contract.time:
        return years_of(source) if program.source.format else (None, None)
    time = source.table[contract.time].cast("timestamp")
    low, high = source.rows(source.table.aggregate(low=time.min(), high=time.max()))[0]
    return (low.date().isoformat(), high.date().isoformat()) if low else (None, None)


def _undated(source: Source, program: AuditProgram) -> int:
    """Rows whose time is missing: no rule can be said to have been in force for them."""
    if not program.contract.time:
        return 0
    missing = source.table.filter(source.table[program.contract.time].isnull()).count()
    return int(source.rows(missing)[0][0])


def _write(file: Path, value: Any) -> None:
    """Write a record whole or not at all."""
    write_whole(file, canonical_json(value))


def read_run(folder: Path, judgement_file: str = JUDGEMENT_FILE) -> tuple[AuditRun, Judgement]:
    """Both records of a finished run's folder, the judgement from another file where one is named.

    Raises ``InputError`` when they are not there.
    """
    run, judgement = read_record(AuditRun, folder / RUN_FILE), read_record(Judgement, folder / judgement_file)
    for file, record in ((RUN_FILE, run), (judgement_file, judgement)):
        if record.schema_version != SCHEMA_VERSION:
            raise InputError(Problem(
                str(folder / file), f"schema version {record.schema_version}", SCHEMA_VERSION,
                "read it with the version of Squaredeal that wrote it",
            ))  # fmt: skip
    if judgement.run_digest != digest_of((folder / RUN_FILE).read_bytes()):
        raise InputError(Problem(
            str(folder / judgement_file), f"a judgement of another run than {RUN_FILE}", "the digest of this run.json",
            "restore both files, or make the run again",
        ))  # fmt: skip
    return run, judgement
