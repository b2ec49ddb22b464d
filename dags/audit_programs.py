"""One DAG per program file: pull → check → collect → audit (mapped) → judge → publish → gate.

Tasks call the same functions as ``squaredeal run`` and hand on the addresses of files. A program that says how its
model is trained gets a second DAG, without schedule, which searches for remedies as ``squaredeal remedies`` does.
"""

import os
from pathlib import Path

from airflow.sdk import DAG, Param, task

from audits.plan import make_plan
from checks.inputs.program import find_programs, read_program
from checks.problem import InputError
from dags import stations

PROGRAMS = Path(os.environ.get("SQUAREDEAL_PROGRAMS") or Path(__file__).parent / "programs")
pull, check, collect, judge, publish, gate, remedies, broken = (
    task(station, **options) for station, options in stations.LINE
)
audit = task(stations.audit_task, task_id="audit", map_index_template="{{ question }}")
PARAMS = {"period": Param("", type="string", description="such as 2026-10; empty: the run's own period")}


def build(file: Path) -> list[DAG]:
    """The DAGs of a program; a broken program becomes a DAG whose one task fails with the reason."""
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
        return [dag]
    about = {"dag_display_name": program.title["en"], "doc_md": program.description.get("en"), "params": PARAMS}
    tags = ["squaredeal", *(Path(name).stem[:90] for name in program.policies)]
    with DAG(program.name, schedule=schedule, catchup=False, max_active_runs=1, tags=tags, **about) as dag:
        checked = check(pull(str(file)))
        answers = audit.partial(staging=checked).expand(question=collect(checked))
        judged = judge(checked)
        answers >> judged
        gate(publish(judged))
    if program.remedies is None:
        return [dag]
    with DAG(
        stations.remedies_id(program), schedule=None, max_active_runs=1, tags=[*tags, "remedies"], params=PARAMS
    ) as by_hand:
        remedies(str(file))
    return [dag, by_hand]


for program_file in find_programs(PROGRAMS):
    for built in build(program_file):
        globals()[built.dag_id] = built
