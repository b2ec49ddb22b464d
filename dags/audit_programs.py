"""One DAG per program file: pull → check → collect → audit (mapped) → judge → publish → gate.

Tasks call the same functions as ``squaredeal run`` and hand on the addresses of files. A program that says how its
model is trained has a second DAG, started by hand, whose one task does what ``squaredeal remedies`` does.
"""

import os
from pathlib import Path

from airflow.sdk import DAG, Param, task

from audits.plan import make_plan
from checks.inputs.program import find_programs, read_program
from checks.problem import InputError
from dags import stations

PROGRAMS = Path(os.environ.get("SQUAREDEAL_PROGRAMS") or Path(__file__).parent / "programs")
pull, check, collect, judge, publish, gate, remedies, broken = (task(does, **about) for does, about in stations.LINE)
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
        about = {"tags": ["squaredeal", "broken"], "doc_md": f"```\n{error}\n```"}
        return stations.alone(broken, str(error), stations.broken_id(file), **about)
    about = {"doc_md": program.description.get("en"), "params": PARAMS, "max_active_runs": 1}
    tags, title = ["squaredeal", *(Path(name).stem[:90] for name in program.policies)], program.title["en"]
    with DAG(program.name, schedule=schedule, catchup=False, tags=tags, dag_display_name=title, **about) as dag:
        checked = check(pull(str(file)))
        answers = audit.partial(staging=checked).expand(question=collect(checked))
        judged = judge(checked)
        answers >> judged
        gate(publish(judged))
    asked = program.remedies is not None
    return [dag, *(stations.alone(remedies, str(file), stations.remedies_id(program), tags=tags, **about) * asked)]


for built in (dag for file in find_programs(PROGRAMS) for dag in build(file)):
    globals()[built.dag_id] = built
