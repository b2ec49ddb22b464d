"""The tasks of an audit DAG: each opens what it needs, calls the library, and returns an address.

``SQUAREDEAL_OUT`` is the folder of runs, shared by all workers; ``MLFLOW_TRACKING_URI`` the
store to track in, none when unset; ``SQUAREDEAL_FAIL_ON`` the verdict that turns a run red.
A task may be killed at any point and tried again: files are there whole or not at all, and a run that has become a
version is found again.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Connection, get_current_context
from airflow.sdk.exceptions import AirflowFailException

from checks.inputs.period import Period, read_period
from checks.inputs.program import AuditProgram, find_programs, read_program
from checks.problem import InputError, Problem
from dags.periods import day_of_run, period_of_run
from dags.signing import RUNS, is_flagged
from dags.telling import plain_errors, tell

_CLAIMED: dict[str, Path] = {}


def remedies_id(program: AuditProgram) -> str:
    """The name of the DAG that searches for remedies of a program."""
    return f"{program.name}-remedies"


def broken_id(file: Path) -> str:
    """The name of the DAG that stands for a program file that cannot be read."""
    return "broken-" + re.sub(r"[^A-Za-z0-9_.-]", "-", file.stem)[:80]


def why_broken(error: InputError) -> dict[str, Any]:
    """What the DAG of a program that cannot be read shows."""
    return {"tags": ["squaredeal", "broken"], "doc_md": f"```\n{error}\n```"}


def files_for(folder: Path, dag_id: str | None) -> list[Path]:
    """The program files of a folder; when a task runs, only those that may be its DAG's, so that it reads no other."""
    files = find_programs(folder)
    if not dag_id:
        return files
    return [file for file in files if dag_id == broken_id(file) or _may_be(file, dag_id)] or files


def _may_be(file: Path, dag_id: str) -> bool:
    """Whether a file bears the name, read without reading the program."""
    try:
        named = re.search(r"""^program:\s*["']?([a-z0-9_-]+)""", file.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return True
    return named is None or dag_id in (named[1], f"{named[1]}-remedies")


def alone(does: Any, argument: str, name: str, **about: Any) -> list[DAG]:
    """A DAG of one task, started by hand; in a list."""
    with DAG(name, schedule=None, **about) as dag:
        does(argument)
    return [dag]


def claim(program: AuditProgram) -> None:
    """Each name of a DAG belongs to one file: a second one would silently replace the first one's DAG."""
    for name in (program.name, *([remedies_id(program)] if program.remedies else [])):
        first = _CLAIMED.setdefault(name, program.file)
        if first != program.file:
            raise InputError(Problem(
                program.where("program"), f"'{name}', which {first.name} bears too", "a name of its own",
                "rename one of the two programs",
            ))  # fmt: skip


def pull_task(file: str) -> str:
    """Open the source for the run's period and fingerprint it. Returns the staging folder."""
    from audits.run import program_record, pull
    from audits.staging import TASK_FILE, dropped_on_failure, staging_folder
    from reports.outcome import check_fail_on

    with plain_errors():
        program = read_program(file)
        check_fail_on(os.environ.get("SQUAREDEAL_FAIL_ON") or None, "SQUAREDEAL_FAIL_ON")
        period = period_of_run(program)
        staging = staging_folder(Path(os.environ.get("SQUAREDEAL_OUT", "runs")), program, period)
        with dropped_on_failure(staging), _open(program, period) as source:
            asked = {"program": file, "period": period.text, "as_of": day_of_run().isoformat()}
            asked["digest"] = program_record(program).digest
            (staging / TASK_FILE).write_text(json.dumps(asked), encoding="utf-8")
            pull(source, program, period, staging)
    return str(staging)


def check_task(staging: str) -> str:
    """Run the data checks. An unfit data set is recorded, published, and fails the last task."""
    from audits.run import check

    with plain_errors():
        program, period, day = _asked(staging)
        with _open(program, period) as source:
            check(source, program, period, Path(staging), None if period.end else day)
    return staging


def collect_task(staging: str) -> list[str]:
    """Collect the evidence of all questions. Returns the questions that can be measured."""
    from audits.plan import make_plan
    from audits.run import gather

    with plain_errors():
        program, period, _ = _asked(staging)
        with _open(program, period) as source:
            return list(gather(source, program, make_plan(program), Path(staging)).questions)


def audit_task(staging: str, question: str) -> None:
    """Measure one question on the collected evidence."""
    from audits.plan import make_plan
    from audits.run import measure

    get_current_context()["question"] = question
    with plain_errors():
        program, _, _ = _asked(staging)
        answer = measure(program, make_plan(program), question, Path(staging))
    print(answer.error or f"{len(answer.measurements)} figures")


def judge_task(staging: str) -> str:
    """Assemble run.json, judge it under the program's policies. Returns the folder of the version."""
    from audits.plan import make_plan
    from audits.run import conclude
    from audits.staging import became

    with plain_errors():
        done = became(Path(staging))
        if done:  # an earlier try was killed when its work was done
            return str(done)
        program, _, _ = _asked(staging)
        return str(conclude(program, make_plan(program), Path(staging)))


def publish_task(folder: str) -> str:
    """Write the page and track the run in MLflow. Returns the folder of the version."""
    from reports.publish import publish

    with plain_errors():
        print(publish(Path(folder), os.environ.get("MLFLOW_TRACKING_URI")))
    return folder


def gate_task(folder: str, file: str) -> None:
    """End red when the data were unfit, a question failed, or a verdict reaches SQUAREDEAL_FAIL_ON.

    Sends word of unfit data, and of what is flagged where nobody is asked to sign.
    """
    from audits.run import read_run
    from reports.outcome import exit_code, summary

    with plain_errors():
        program = read_program(file)
        run, judgement = read_run(Path(folder))
    text = "\n".join(summary(run, judgement))
    print(text)
    if not run.checks.fit:
        tell(program, "unfit", Path(folder))
    elif is_flagged(run, judgement) and not program.operation.sign_off:
        tell(program, "flagged", Path(folder))
    if exit_code(run, judgement, os.environ.get("SQUAREDEAL_FAIL_ON")):
        raise AirflowFailException(f"{text}\n  the page is in {folder}")


def remedies_task(file: str) -> str:
    """Search for remedies in the run's period, write the pages and track in MLflow. Returns the folder of the version.

    Whatever the search found, the task succeeds: it fails where the input cannot be used.
    """
    from audits.remedies.station import find_remedies, read_remedies
    from reports.remedies_page import publish_remedies
    from reports.remedies_text import summary

    with plain_errors():
        program = read_program(file)
        period, out = period_of_run(program), Path(os.environ.get("SQUAREDEAL_OUT", "runs"))
        day = None if period.end else day_of_run()
        folder = find_remedies(program, period, out, as_of=day, resolve=_connection, announce=print)
        page = publish_remedies(folder, os.environ.get("MLFLOW_TRACKING_URI") or None)
        print("\n".join((*summary(read_remedies(folder)), f"  page: {page}")))
    return str(folder)


def broken_task(reason: str) -> None:
    """Say why a program file cannot be read."""
    raise AirflowFailException(reason)


LINE: tuple[tuple[Any, dict[str, Any]], ...] = (
    (pull_task, {"task_id": "pull"}),
    (check_task, {"task_id": "check"}),
    (collect_task, {"task_id": "collect"}),
    (judge_task, {"task_id": "judge", "trigger_rule": "none_failed"}),
    (publish_task, {"task_id": "publish", "outlets": [RUNS]}),
    (gate_task, {"task_id": "gate", "on_failure_callback": []}),
    (remedies_task, {"task_id": "remedies"}),
    (broken_task, {"task_id": "program_cannot_be_read"}),
)


def _asked(staging: str) -> tuple[AuditProgram, Period, dt.date]:
    """Program, period and day of a run, from the staging folder that its first task made."""
    from audits.run import program_record
    from audits.staging import TASK_FILE

    try:
        asked = json.loads((Path(staging) / TASK_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(Problem(
            staging, "no staging folder: an earlier try finished or was cleaned away", "the folder that 'pull' made",
            "clear the run from its first task, 'pull'",
        )) from None  # fmt: skip
    program = read_program(asked["program"])
    if program_record(program).digest != asked["digest"]:
        raise InputError(Problem(
            asked["program"], "a program that was changed since this run began", "the program that 'pull' read",
            "clear the run from its first task, 'pull'",
        ))  # fmt: skip
    return program, read_period(asked["period"]), dt.date.fromisoformat(asked["as_of"])


def _open(program: AuditProgram, period: Period) -> Any:
    from checks.inputs.source import open_source

    return open_source(program, period, _connection)


def _connection(conn_id: str) -> str:
    return str(Connection.get(conn_id).get_uri())
