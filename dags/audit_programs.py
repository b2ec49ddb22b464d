"""One DAG per program file: pull → check → collect → audit (mapped) → judge → publish → gate, and sign-off behind it.

Tasks call the same functions as ``squaredeal run`` and hand on the addresses of files. A program that says how its
model is trained has a second DAG, started by hand, whose one task does what ``squaredeal remedies`` does.
"""

import os
from pathlib import Path

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, Param, get_parsing_context, task

from audits.plan import make_plan
from checks.inputs.program import read_program
from checks.problem import InputError
from dags import operating, stations
from dags.periods import PERIOD_PATTERN
from dags.signing import RUNS, sign_off

PROGRAMS = Path(os.environ.get("SQUAREDEAL_PROGRAMS") or Path(__file__).parent / "programs")
PERIOD = Param("", type="string", pattern=PERIOD_PATTERN, description="such as 2026-10; empty: the run's own period")
check, collect, judge, gate, remedies, broken = (task(does, **about) for does, about in stations.LINE)
audit = task(stations.audit_task, task_id="audit", map_index_template="{{ question }}")


def build(file: Path) -> list[DAG]:
    """The DAGs of a program; a broken program becomes a DAG whose one task fails with the reason."""
    try:
        program = read_program(file)
        make_plan(program)
        stations.claim(program)
        about = operating.about(program) | {"params": {"period": PERIOD}}
    except InputError as error:
        told = {"tags": ["squaredeal", "broken"], "doc_md": f"```\n{error}\n```"}
        return stations.alone(broken, str(error), stations.broken_id(file), **told)
    with DAG(program.name, **operating.when(program), **about) as dag:
        pulled = task(stations.pull_task, task_id="pull", **operating.at_source(program))(str(file))
        checked = check.override(**operating.at_source(program))(pulled)
        answers = audit.partial(staging=checked).expand(
            question=collect.override(**operating.at_source(program))(checked)
        )
        judged = judge(checked)
        answers >> judged
        published = task(stations.publish_task, task_id="publish", outlets=[RUNS])(judged)
        gate(published, str(file))
        sign_off(program, published)
        if program.operation.after:
            inlets = [Asset(name) for name in program.operation.after]
            others = task(stations.other_periods_task, task_id="other_periods", inlets=inlets)(str(file))
            TriggerDagRunOperator.partial(
                task_id="start_others", trigger_dag_id=program.name, skip_when_already_exists=True
            ).expand_kwargs(others)
    if program.remedies is None:
        return [dag]
    return [dag, *stations.alone(remedies, str(file), stations.remedies_id(program), **about)]


for built in (dag for file in stations.files_for(PROGRAMS, get_parsing_context().dag_id) for dag in build(file)):
    globals()[built.dag_id] = built
