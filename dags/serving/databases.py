"""The databases that servers keep their books in: one role each, which may enter no other's.

Takes the address of the server and its administrator from PGHOST, PGUSER and PGPASSWORD, as Postgres' own programs do.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from checks.problem import Problem, UnavailableError

DATABASES = {"airflow": "airflow", "mlflow": "mlflow", "mlflow_auth": "mlflow"}  # by their owner
PASSWORDS = {"airflow": "AIRFLOW_DB_PASSWORD", "mlflow": "MLFLOW_DB_PASSWORD"}


def make_databases(environment: Mapping[str, str], within: float = 60) -> None:
    """Make roles and databases that are not there; give each role the password that the environment says, if any.

    Raises ``UnavailableError`` where the server does not answer within so many seconds.
    """
    from psycopg import sql

    with _connected(environment, within) as connection:
        roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for role, variable in PASSWORDS.items():
            if role not in roles:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            password = environment.get(variable)
            if password:  # hashed here, so that no log of the server can hold it
                hashed = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(hashed.decode()))
                )
        there = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        for name, owner in DATABASES.items():
            which = sql.Identifier(name)
            if name not in there:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(which, sql.Identifier(owner)))
            connection.execute(sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(which))


def _connected(environment: Mapping[str, str], within: float) -> Any:
    import psycopg

    end = time.monotonic() + within
    asked: dict[str, Any] = {
        "host": environment.get("PGHOST"), "port": environment.get("PGPORT"), "user": environment.get("PGUSER"),
        "password": environment.get("PGPASSWORD"), "dbname": "postgres",
    }  # fmt: skip
    while True:
        try:
            return psycopg.connect(
                **{key: value for key, value in asked.items() if value}, autocommit=True, connect_timeout=5
            )
        except psycopg.OperationalError as error:
            if time.monotonic() > end:
                raise UnavailableError(Problem(
                    f"Postgres at {environment.get('PGHOST', 'its socket')}", f"no answer ({str(error).strip()})",
                    "a server that takes connections", "look into its log",
                )) from None  # fmt: skip
            time.sleep(0.2)
