"""What must be there before servers start: ``python -m dags.serving.prepare databases|airflow|readers``.

databases  roles and databases, with PGHOST, PGUSER, PGPASSWORD, AIRFLOW_DB_PASSWORD, MLFLOW_DB_PASSWORD
airflow    the tables of Airflow, and its users; also after an upgrade
readers    the users of MLflow, which must be running, and those of the report site (SQUAREDEAL_SITE_USERS)

Users come from SQUAREDEAL_USERS, as ``name:role:password`` between commas. Each step may be done again: what is there
stays, and nobody's password is changed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from checks.problem import InputError, Problem, UnavailableError
from dags.serving.people import Person, people_of


def prepare_airflow(people: Sequence[Person]) -> None:
    """Bring the metadata database up to date, and make users in it."""
    from airflow.utils import db
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded

    providers_configuration_loaded(db.upgradedb)()
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        manager: Any = builder.sm
        for person in people:
            role, found = manager.find_role(person.role), manager.find_user(username=person.name)
            if found is None:
                mail = person.name if "@" in person.name else f"{person.name}@users.invalid"
                made = manager.add_user(person.name, person.name, "-", mail, role, person.password)
                if not made:
                    raise UnavailableError(Problem(
                        f"the user '{person.name}'", "Airflow did not make it", "a new user", "look into its log"
                    ))  # fmt: skip
            elif role not in found.roles:
                found.roles = [role]
                manager.update_user(found)


def prepare_readers(people: Sequence[Person], environment: Mapping[str, str], within: float = 120) -> None:
    """Make users of the report site and of MLflow, where administrators of Airflow administer too."""
    if environment.get("SQUAREDEAL_SITE_USERS"):
        from reports.site.readers import add_readers

        add_readers(Path(environment["SQUAREDEAL_SITE_USERS"]), {one.name: one.password for one in people}, keep=True)
    if environment.get("MLFLOW_TRACKING_URI"):
        _mlflow_users(people, environment, within)


def _mlflow_users(people: Sequence[Person], environment: Mapping[str, str], within: float) -> None:
    import httpx

    address = environment["MLFLOW_TRACKING_URI"].rstrip("/")
    who = environment["MLFLOW_TRACKING_USERNAME"], environment["MLFLOW_TRACKING_PASSWORD"]
    with httpx.Client(base_url=f"{address}/api/2.0/mlflow/users", auth=who, timeout=30) as server:
        _wait(server, address, within)
        for person in people:
            if server.get("/get", params={"username": person.name}).status_code == 200:
                continue
            _expect(server.post("/create", json={"username": person.name, "password": person.password}), person.name)
            if person.role == "Admin":
                _expect(server.patch("/update-admin", json={"username": person.name, "is_admin": True}), person.name)


def _wait(server: Any, address: str, within: float) -> None:
    import httpx

    end = time.monotonic() + within
    while True:
        try:
            if server.get(f"{address}/health").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > end:
            raise UnavailableError(Problem(address, f"no answer within {within:.0f} s", "the MLflow server",
                                           "look into its log"))  # fmt: skip
        time.sleep(0.3)


def _expect(answer: Any, name: str) -> None:
    if answer.status_code != 200:
        raise UnavailableError(Problem(
            f"the user '{name}'", f"MLflow answers {answer.status_code}", "a new user", "look into its log"
        ))  # fmt: skip


def main(step: str) -> int:
    """Do one step with what the environment says. Returns the exit code."""
    try:
        if step == "databases":
            from dags.serving.databases import make_databases

            make_databases(os.environ)
        elif step == "airflow":
            prepare_airflow(people_of(os.environ))
        elif step == "readers":
            prepare_readers(people_of(os.environ), os.environ)
        else:
            raise InputError(Problem("prepare", f"'{step}'", "databases, airflow or readers", "name one of them"))
    except InputError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
