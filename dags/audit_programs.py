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
pull, check, collect, judge, publish, gate, broken = (task(station, **options) for station, options in stations.LINE)
audit = task(stations.audit_task, task_id="audit", map_index_template="{{ question }}")
PARAMS = {"period": Param("", type="string", description="such as 2026-10; empty: the run's own period")}


def build(file: Path) -> DAG:
    """The DAG of a program; a broken program becomes a DAG whose one task fails with the reason."""
    try:
        program = read_program(file)
        make_plan(program)
        stations.claim(program)
        schedule = stations.timetable(program)
    except InputError as error:
        with DAG(
            stations.broken_id(file), schedule=None, tags=["squaredeal", "broken"], doc_md=f"```\n{error}\n```"
        ) as dag:
            broken(str(error))
        return dag
    about = {"dag_display_name": program.title["en"], "doc_md": program.description.get("en"), "params": PARAMS}
    tags = ["squaredeal", *(Path(name).stem[:90] for name in program.policies)]
    with DAG(program.name, schedule=schedule, catchup=False, max_active_runs=1, tags=tags, **about) as dag:
        checked = check(pull(str(file)))
        answers = audit.partial(staging=checked).expand(question=collect(checked))
        judged = judge(checked)
        answers >> judged
        gate(publish(judged))
    return dag


for program_file in find_programs(PROGRAMS):
    built = build(program_file)
    globals()[built.dag_id] = built
