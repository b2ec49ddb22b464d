"""One DAG per program file: pull → check → collect → audit (mapped) → judge → publish → gate.

Tasks call the same functions as ``squaredeal run`` and hand on the addresses of files.
"""

import os
from pathlib import Path

from airflow.sdk import DAG, Param, task

from audits.plan import make_plan
from checks.inputs.program import find_programs, read_program
from checks.problem import InputError
from dags import stations

PROGRAMS = Path(os.environ.get("SQUAREDEAL_PROGRAMS") or Path(__file__).parent / "programs")
PARAMS = {"period": Param("", type="string", description="such as 2026-10; empty: the run's own period")}


def build(file: Path) -> DAG:
    """The DAG of a program; a broken program becomes a DAG whose one task fails with the reason."""
    try:
        program = read_program(file)
        make_plan(program)
        schedule = stations.timetable(program)
    except InputError as error:
        with DAG(
            f"broken-{file.stem}", schedule=None, tags=["squaredeal", "broken"], doc_md=f"```\n{error}\n```"
        ) as dag:
            task(stations.broken_task, task_id="program_cannot_be_read")(str(error))
        return dag
    about = {"dag_display_name": program.title["en"], "doc_md": program.description.get("en"), "params": PARAMS}
    tags = ["squaredeal", *program.policies]
    with DAG(program.name, schedule=schedule, catchup=False, max_active_runs=1, tags=tags, **about) as dag:
        staging = task(stations.pull_task, task_id="pull")(str(file))
        checked = task(stations.check_task, task_id="check")(staging)
        questions = task(stations.collect_task, task_id="collect")(checked)
        audit = task(stations.audit_task, task_id="audit", map_index_template="{{ question }}")
        answers = audit.partial(staging=checked).expand(question=questions)
        folder = task(stations.judge_task, task_id="judge", trigger_rule="none_failed")(checked)
        answers >> folder
        task(stations.gate_task, task_id="gate")(task(stations.publish_task, task_id="publish")(folder))
    return dag


for program_file in find_programs(PROGRAMS):
    built = build(program_file)
    globals()[built.dag_id] = built
