"""Programs through a real Airflow on embedded defaults: SQLite metadata, a local MLflow store.

Airflow runs as separate processes of this Python; the states of the tasks are read back from
its metadata database, not from what the processes print.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from checks.problem import InputError, Problem

DAGS_FOLDER = Path(__file__).resolve().parent
PROGRAM = "boston-mortgages"


def demonstrate(home: Path, announce: Callable[[str], None]) -> list[str]:
    """Run the DAGs of real mortgage decisions and simulated companies in ``home``. Returns printed lines.

    Raises ``InputError`` with the end of Airflow's log when a DAG did not succeed.
    """
    from dags import mobile_bank, modelled_renewals, motor_renewals, quickcash_loans, scored_loans
    from dags.two_lenders import EFFECTS, told_apart, write_lenders

    programs = home / "programs"
    try:
        for folder in (home / "airflow", programs):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DAGS_FOLDER / "programs" / f"{PROGRAM}.yaml", programs / f"{PROGRAM}.yaml")
        announce("drawing two simulated lenders")
        write_lenders(programs, home / "lenders")
        announce("drawing a simulated insurer")
        motor_renewals.write_insurer(programs, home / "insurer")
        announce("drawing a simulated lender of small loans")
        quickcash_loans.write_lender(programs, home / "quickcash")
        announce("drawing a simulated bank on a phone")
        mobile_bank.write_bank(programs, home / "mobile")
        announce("fitting and registering the pricing model of a simulated insurer")
        modelled_renewals.write_insurer(programs, home / "modelled", home)
        announce("fitting and registering the score of a simulated lender of consumer loans")
        scored_loans.write_lender(programs, home / "scored", home)
    except OSError as error:
        raise InputError(Problem(
            str(home), f"the folder cannot be written ({error.strerror})", "a folder for the demonstration",
            "name another one with --out",
        )) from None  # fmt: skip
    environment = airflow_environment(home, programs)
    announce("preparing Airflow's metadata database (about 20 s the first time)")
    airflow(["db", "migrate"], environment, home / "airflow" / "migrate.log")
    states = {}
    companies = (motor_renewals, quickcash_loans, mobile_bank, modelled_renewals, scored_loans)
    simulated = (*EFFECTS, *(company.PROGRAM for company in companies))
    for program in (PROGRAM, *simulated):
        announce(f"running the DAG {program} through Airflow")
        states[program] = _run_dag(program, home, environment)
    announce(f"looking for models of {scored_loans.PROGRAM} that treat groups more alike")
    remedied = scored_loans.search(programs, home / "runs", home)
    lenders = [
        "", "Two simulated lenders with one ratio of approval rates, told apart:", *told_apart(home / "runs"),
        *(f"  report: {home / 'runs' / name / 'all' / 'v1' / 'report.html'}" for name in EFFECTS),
    ]  # fmt: skip
    insurer = [
        "", "A simulated motor insurer, what was planted beside what was found:",
        *motor_renewals.planted_and_found(home / "runs", home / "insurer"),
        f"  report: {home / 'runs' / motor_renewals.PROGRAM / 'all' / 'v1' / 'report.html'}",
    ]  # fmt: skip
    quickcash = [
        "", "A simulated lender of small loans, what was planted beside what was found:",
        *quickcash_loans.planted_and_found(home / "runs", home / "quickcash"),
        f"  report: {home / 'runs' / quickcash_loans.PROGRAM / 'all' / 'v1' / 'report.html'}",
    ]  # fmt: skip
    mobile = [
        "", "A simulated bank on a phone, what was planted beside what was found:",
        *mobile_bank.planted_and_found(home / "runs", home / "mobile"),
        f"  report: {home / 'runs' / mobile_bank.PROGRAM / 'all' / 'v1' / 'report.html'}",
        f"  the same people as a log of events: squaredeal run {programs / mobile_bank.LOG_PROGRAM}.yaml",
    ]  # fmt: skip
    modelled = [
        "", "A simulated insurer with a registered model, what was planted beside what was found:",
        *modelled_renewals.planted_and_found(home / "runs", home / "modelled"),
        f"  report: {home / 'runs' / modelled_renewals.PROGRAM / 'all' / 'v1' / 'report.html'}",
        *modelled_renewals.tracked(home),
    ]  # fmt: skip
    scored = [
        "", "A simulated lender with a registered score, what was planted beside what was found, and a remedy:",
        *scored_loans.planted_and_found(home / "runs", home / "scored"),
        *scored_loans.remedies_found(home / "runs", home / "scored"),
        f"  report: {home / 'runs' / scored_loans.PROGRAM / 'all' / 'v1' / 'report.html'}",
        f"  remedies: {remedied}",
        *scored_loans.tracked(home),
    ]  # fmt: skip
    return [*_lines(home, states[PROGRAM]), *lenders, *insurer, *quickcash, *mobile, *modelled, *scored]


def _run_dag(program: str, home: Path, environment: dict[str, str]) -> list[tuple[str, int, str]]:
    """Run one DAG; returns its tasks with their states, all of which are success."""
    log = home / "airflow" / f"{program}.log"
    ended = airflow(["dags", "test", program], environment, log, must_succeed=False)
    states = task_states(home / "airflow" / "airflow.db", program)
    if ended or not states or any(state not in ("success",) for _, _, state in states):
        found = ", ".join(f"{task} {state}" for task, _, state in states) or "no task instance"
        tail = " | ".join(log.read_text(errors="replace").splitlines()[-15:])
        raise InputError(Problem(str(log), f"the DAG did not succeed: {found}", "every task in state success", tail))
    return states


def airflow_environment(home: Path, programs: Path) -> dict[str, str]:
    """Settings of an embedded Airflow whose files all lie under ``home``."""
    kept = {
        key: value for key, value in os.environ.items()
        if not key.startswith(("AIRFLOW__", "PYTHONDONTWRITEBYTECODE")) and key != "AIRFLOW_HOME"
    }  # fmt: skip
    return {
        **kept,
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS_FOLDER),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SQUAREDEAL_PROGRAMS": str(programs),
        "SQUAREDEAL_OUT": str(home / "runs"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{home / 'mlflow.db'}",
    }


def airflow(arguments: list[str], environment: dict[str, str], log: Path, must_succeed: bool = True) -> int:
    """Run one Airflow command with its output in a file. Returns its exit code."""
    with log.open("w") as output:
        ended = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments], env=environment, stdout=output, stderr=subprocess.STDOUT,
            check=False,
        )  # fmt: skip
    if must_succeed and ended.returncode:
        tail = " | ".join(log.read_text(errors="replace").splitlines()[-15:])
        raise InputError(Problem(str(log), f"airflow {' '.join(arguments)} failed", "exit code 0", tail))
    return ended.returncode


def task_states(database: Path, dag_id: str) -> list[tuple[str, int, str]]:
    """(task, map index, state) of the DAG's latest run, from Airflow's SQLite metadata database."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        rows = connection.execute(
            "SELECT t.task_id, t.map_index, coalesce(t.state, 'none') FROM task_instance t JOIN dag_run r "
            "ON r.dag_id = t.dag_id AND r.run_id = t.run_id WHERE r.id = "
            "(SELECT max(id) FROM dag_run WHERE dag_id = ?) ORDER BY t.start_date, t.task_id, t.map_index",
            (dag_id,),
        )
        return [(str(task), int(index), str(state)) for task, index, state in rows]
    finally:
        connection.close()


def _lines(home: Path, states: list[tuple[str, int, str]]) -> list[str]:
    from audits.run import latest_version, read_run
    from reports.outcome import summary

    folder = latest_version(home / "runs" / PROGRAM / "all")
    if folder is None:
        raise InputError(
            Problem(str(home / "runs"), "no finished run", "a run of the DAG", "run the demonstration again")
        )
    tasks = [f"  {task}{f'[{index}]' if index >= 0 else ''}: {state}" for task, index, state in states]
    return [
        f"Airflow ran the DAG {PROGRAM}; task states from its metadata database:", *tasks, "",
        *summary(*read_run(folder)), "",
        f"report:  {folder / 'report.html'}",
        f"records: {folder / 'run.json'} and judgement.json",
        f"MLflow:  mlflow ui --backend-store-uri sqlite:///{home / 'mlflow.db'}",
    ]  # fmt: skip
