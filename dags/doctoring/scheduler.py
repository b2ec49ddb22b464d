"""Airflow: can it be loaded, does its database answer, and does it hold what the programs name?"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from checks.inputs.program import AuditProgram
from checks.problem import listed, suggest
from dags.doctoring.database import why_silent
from dags.doctoring.finding import PATIENCE, Asked, Finding, Probe
from dags.doctoring.programs import readable

_HOME = "SQUAREDEAL_DOCTOR_AIRFLOW_HOME"
_URL = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
_SMTP = "squaredeal_smtp"


@cache
def _is_set_up() -> bool:
    return bool(os.environ.get(_HOME) or any(name.startswith(_URL) for name in os.environ))


@cache
def _why_closed() -> str | None:
    """Why Airflow's metadata database cannot be asked; None where it can."""
    from airflow.configuration import conf

    home, url = os.environ.get(_HOME), str(conf.get("database", "sql_alchemy_conn"))
    if home and not Path(home).is_dir() and not any(name.startswith(_URL) for name in os.environ):
        return f"AIRFLOW_HOME is {home}, which is no folder"
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///").partition("?")[0]).is_file():
        return f"no database file at {url.removeprefix('sqlite:///')}"
    return why_silent(url)


@cache
def _is_migrated() -> bool:
    """Whether the tables of Airflow's database, and of its users, are those of the installed version."""
    from airflow.utils.db import check_migrations

    try:
        check_migrations(1)
    except TimeoutError:
        return False
    return True


def _when_open(thing: str, purpose: str, look: Callable[[Asked], Iterator[Finding]]) -> Probe:
    """A probe that asks Airflow's database, where there is one that answers."""

    def guarded(asked: Asked) -> Iterator[Finding]:
        if not _is_set_up():
            yield Finding(thing, "not asked", "no Airflow is set up here", purpose)
        elif _why_closed():
            yield Finding(thing, "not asked", "Airflow's database does not answer", purpose)
        elif not _is_migrated():
            yield Finding(thing, "not asked", "Airflow's database has tables of another version", purpose)
        else:
            yield from look(asked)

    return Probe(thing, purpose, guarded)


def _airflow(_asked: Asked) -> Iterator[Finding]:
    import airflow
    import airflow.sdk

    yield Finding("Airflow", "ok", f"{airflow.__version__} can be loaded", "schedules, approvals, retries")


def _database(_asked: Asked) -> Iterator[Finding]:
    thing, purpose = "Airflow's database", "DAGs, runs, users, connections"
    if not _is_set_up():
        remedy = "set AIRFLOW_HOME as its services have it, or start one with squaredeal serve"
        yield Finding(thing, "not asked", f"neither AIRFLOW_HOME nor {_URL} is set", purpose, remedy)
        return
    if why := _why_closed():
        remedy = "start it, or correct address, user and password; a new one: airflow db migrate"
        yield Finding(thing, "broken", why, purpose, remedy)
        return
    from airflow.configuration import conf
    from sqlalchemy.engine import make_url

    address = make_url(conf.get("database", "sql_alchemy_conn")).render_as_string(hide_password=True)
    if not _is_migrated():
        found = f"{address} answers, and its tables are of another version"
        yield Finding(thing, "broken", found, purpose, "airflow db migrate")
        return
    yield Finding(thing, "ok", f"{address} answers; its tables are of this version", purpose)


def _services(_asked: Asked) -> Iterator[Finding]:
    from airflow.configuration import conf

    thing, purpose = "Airflow's servers", "the scheduler and what works beside it"
    address = conf.get("api", "base_url", fallback=None) if _is_set_up() else None
    if not address:
        remedy = "set AIRFLOW__API__BASE_URL to have them asked"
        yield Finding(thing, "not asked", "no [api] base_url is set", purpose, remedy)
        return
    try:
        told = _health(address)
    except (OSError, http.client.HTTPException, ValueError) as error:
        found = f"{address} does not answer ({type(error).__name__})"
        yield Finding(thing, "broken", found, purpose, "start the servers, or look at the api-server's log")
        return
    states = {part: (told.get(part) or {}).get("status") or "not running" for part in _PARTS}
    ill = {part: state for part, state in states.items() if state != "healthy"}
    if ill:
        found = ", ".join(f"{part} is {state}" for part, state in ill.items())
        yield Finding(thing, "broken", f"{address}: {found}", purpose, "start it, or look at its log")
    else:
        yield Finding(thing, "ok", f"{address}: {', '.join(_PARTS)} healthy", purpose)


def _health(address: str) -> dict[str, Any]:
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/api/v2/monitor/health")
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(answer.status)
        told = json.loads(answer.read(100_000))
    finally:
        connection.close()
    if not isinstance(told, dict):
        raise ValueError("no health")
    return told


def _compared(
    thing: str, purpose: str, wanted: dict[str, list[str]], there: set[str], remedy: str
) -> Iterator[Finding]:
    """Names that programs use beside those that are there."""
    if not wanted:
        yield Finding(thing, "not asked", "no program names one", purpose)
        return
    for name, users in sorted(wanted.items()):
        if name not in there:
            found = f"'{name}', which {listed(users, 4)} names"
            close = suggest(name, there)
            hint = f"{remedy}; {close}" if close.startswith("did you mean") else remedy
            yield Finding(thing, "missing", found, purpose, hint)
    if present := sorted(wanted.keys() & there):
        yield Finding(thing, "ok", f"{listed(present)}: all there", purpose)


def _named(programs: list[AuditProgram], of: Callable[[AuditProgram], Iterator[str]]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for program in programs:
        for name in of(program):
            if program.name not in named.setdefault(name, []):
                named[name].append(program.name)
    return named


def _all(model: Any) -> set[str]:
    from airflow.utils.session import create_session

    with create_session() as session:
        return {str(name) for (name,) in session.query(model)}


def _pools(asked: Asked) -> Iterator[Finding]:
    from airflow.models import Pool

    wanted = _named(readable(asked), lambda one: iter([one.operation.pool] if one.operation.pool else []))
    purpose = "limits how many tasks are at a source; without it no task starts"
    remedy = "airflow pools set NAME SLOTS DESCRIPTION"
    yield from _compared("pool", purpose, wanted, _all(Pool.pool), remedy)


def connections_of(program: AuditProgram) -> Iterator[str]:
    """Airflow's connections that a program needs: of its source, for mail, for its webhook."""
    address = str(program.source.connection)
    if address.startswith("airflow://"):
        yield address.removeprefix("airflow://")
    if program.operation.notify.mail:
        yield _SMTP
    if program.operation.notify.webhook:
        yield program.operation.notify.webhook


def _connections(asked: Asked) -> Iterator[Finding]:
    purpose = "sources, mail and webhooks are reached by them"
    wanted = _named(readable(asked), connections_of)
    there = {name for name in wanted if os.environ.get(f"AIRFLOW_CONN_{name.upper()}")}
    remedy = "airflow connections add NAME --conn-uri URI, or export AIRFLOW_CONN_NAME"
    if _is_set_up() and not _why_closed() and _is_migrated():
        from airflow.exceptions import AirflowNotFoundException
        from airflow.models import Connection

        for name in wanted.keys() - there:
            try:
                _ = Connection.get_connection_from_secrets(name).get_uri()
            except AirflowNotFoundException:
                continue
            except Exception as error:  # noqa: BLE001 - such as a key that is not the one it was written with
                found = f"'{name}' is there and cannot be read ({type(error).__name__})"
                yield Finding("connection", "broken", found, purpose, "set the Fernet key that it was written with")
                wanted = {other: users for other, users in wanted.items() if other != name}
                continue
            there.add(name)
    yield from _compared("connection", purpose, wanted, there, remedy)


def _auth_manager() -> Any:
    from airflow.configuration import conf

    return conf.getimport("core", "auth_manager")


def _is_fab(manager: Any) -> bool:
    return any(base.__name__ == "FabAuthManager" for base in manager.__mro__)


def _signers(asked: Asked) -> dict[str, list[str]]:
    return _named(readable(asked), lambda one: iter(one.operation.sign_off.by if one.operation.sign_off else ()))


def _users(asked: Asked) -> Iterator[Finding]:
    thing, purpose, wanted = "signer", "they release what is flagged", _signers(asked)
    if wanted and not _is_fab(_auth_manager()):
        found = f"{listed(sorted(wanted))} cannot be asked of {_auth_manager().__name__}"
        yield Finding(thing, "not asked", found, purpose, "see in its own list of users that they exist")
        return
    there: set[str] = set()
    if wanted:
        from airflow.providers.fab.auth_manager.models import User
        from airflow.utils.session import create_session

        with create_session() as session:
            there = {str(name) for name, active in session.query(User.username, User.active) if active}
    remedy = "airflow users create --username NAME --role Op, or name another in sign_off"
    yield from _compared(thing, purpose, wanted, there, remedy)


def _approvals(asked: Asked) -> Iterator[Finding]:
    thing, purpose = "approvals", "an approval is answered by the users that its program names"
    manager, name = _auth_manager(), "dags.named_users.NamedUsersAuthManager"
    told = f"{manager.__module__}.{manager.__name__}"
    if _is_fab(manager) and not any(f"{one.__module__}.{one.__name__}" == name for one in manager.__mro__):
        needed, remedy = bool(_signers(asked)), f"set AIRFLOW__CORE__AUTH_MANAGER={name}"
        yield Finding(thing, "broken", f"{told} knows users by number, not by name", purpose, remedy, needed)
    else:
        yield Finding(thing, "ok", told, purpose)


def _assets(asked: Asked) -> Iterator[Finding]:
    from airflow.models.asset import AssetEvent, AssetModel, TaskOutletAssetReference
    from airflow.utils.session import create_session

    purpose = "their update starts a run"
    wanted = _named(readable(asked), lambda one: iter(one.operation.after))
    if not wanted:
        yield Finding("asset", "not asked", "no program waits for one", purpose)
        return
    with create_session() as session:
        known = {str(name): number for name, number in session.query(AssetModel.name, AssetModel.id)}
        made = {number for (number,) in session.query(TaskOutletAssetReference.asset_id)}
        updated = {number for (number,) in session.query(AssetEvent.asset_id).distinct()}
    for name, users in sorted(wanted.items()):
        number = known.get(name)
        if number in updated:
            yield Finding("asset", "ok", f"'{name}' was updated before", purpose)
        elif number in made:
            yield Finding("asset", "ok", f"'{name}' is updated by a task, not yet so far", purpose)
        else:
            found = f"'{name}', which {listed(users, 4)} waits for, was never updated and no task here does"
            remedy = "have the DAG that writes the data name it as an outlet, or post an asset event"
            yield Finding("asset", "missing", found, purpose, remedy, needed=False)


def _site(_asked: Asked) -> Iterator[Finding]:
    for name, purpose in (
        ("SQUAREDEAL_SITE", "the site is renewed there after each run"),
        ("SQUAREDEAL_SITE_URL", "notices and approvals link to reports"),
    ):
        value = os.environ.get(name)
        if value:
            yield Finding(name, "ok", value, purpose, needed=False)
        elif _is_set_up():
            remedy = "set it for all of Airflow's servers"
            yield Finding(name, "missing", "it is not set", purpose, remedy, needed=False)
        else:
            yield Finding(name, "not asked", "no Airflow is set up here", purpose, needed=False)


PROBES = (
    Probe("Airflow", "schedules, approvals, retries", _airflow),
    Probe("Airflow's database", "DAGs, runs, users, connections", _database),
    Probe("Airflow's servers", "the scheduler and what works beside it", _services),
    _when_open("pool", "limits how many tasks are at a source", _pools),
    Probe("connection", "sources, mail and webhooks are reached by them", _connections),
    _when_open("signer", "they release what is flagged", _users),
    _when_open("approvals", "an approval is answered by the users that its program names", _approvals),
    _when_open("asset", "their update starts a run", _assets),
    Probe("site settings", "links to reports", _site, needed=False),
)
