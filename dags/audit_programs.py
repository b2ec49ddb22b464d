"""One DAG per program file: pull → check → collect → audit (mapped) → judge → publish → gate, and sign-off behind it.

Tasks call the same functions as ``squaredeal run`` and hand on the addresses of files. A program that says how its
model is trained has a second DAG, started by hand, whose one task does what ``squaredeal remedies`` does.
"""

import os
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context, task

from audits.plan import make_plan
from checks.inputs.program import read_program
from checks.problem import InputError
from dags import operating, stations
from dags.signing import sign_off
from dags.updates import start_others

PROGRAMS = Path(os.environ.get("SQUAREDEAL_PROGRAMS") or Path(__file__).parent / "programs")
pull, check, collect, judge, publish, gate, remedies, broken = (task(does, **about) for does, about in stations.LINE)
audit = task(stations.audit_task, task_id="audit", map_index_template="{{ question }}")


def build(file: Path) -> list[DAG]:
    """The DAGs of a program; a broken program becomes a DAG whose one task fails with the reason."""
    try:
        program = read_program(file)
        make_plan(program)
        stations.claim(program)
        about = operating.about(program)
    except InputError as error:
        return stations.alone(broken, str(error), stations.broken_id(file), **stations.why_broken(error))
    at_source = operating.at_source(program)
    with DAG(program.name, **operating.when(program), **about) as dag:
        checked = check.override(**at_source)(pull.override(**at_source)(str(file)))
        answers = audit.partial(staging=checked).expand(question=collect.override(**at_source)(checked))
        judged = judge(checked)
        answers >> judged
        published = publish(judged)
        gate(published, str(file))
        sign_off(program, published)
        start_others(program)
    if program.remedies is None:
        return [dag]
    return [dag, *stations.alone(remedies, str(file), stations.remedies_id(program), **about)]


for built in (dag for file in stations.files_for(PROGRAMS, get_parsing_context().dag_id) for dag in build(file)):
    globals()[built.dag_id] = built
