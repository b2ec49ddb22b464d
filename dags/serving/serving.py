"""``squaredeal serve``: all servers of one home folder in the foreground, until a signal ends them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.problem import InputError, Problem, UnavailableError
from dags.serving.databases import make_databases
from dags.serving.health import unwell
from dags.serving.home import Home, Secrets, kept_ports, kept_secrets, make_folders, write_private
from dags.serving.leftovers import STEP, end_leftovers
from dags.serving.people import Person, kept_people
from dags.serving.postgres import carried_postgres, prepare_folder
from dags.serving.services import POSTGRES, SERVICES
from dags.serving.settings import Place, database_settings, environment, versions
from dags.serving.supervisor import Supervisor, write_configuration

WELL_WITHIN = 300.0  # seconds from the start of a server until it must answer
LOOKED = 2.0  # seconds between two looks at the servers
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
REVIVED = 60.0  # seconds until a server that failed too often is started again


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for. Ports of 0 mean: any that is free."""

    home: Path
    programs: Path
    out: Path
    users: str | None = None
    ports: Mapping[str, int] | None = None
    pools: Path | None = None


class EndedError(Exception):
    """A signal asked for the end."""


def serve(asked: Asked, announce: Callable[[str], None], tell: Callable[[str], None]) -> int:
    """Start the servers, tell their addresses, and stay until SIGINT, SIGTERM or SIGHUP. Returns the exit code.

    Raises ``InputError`` where they cannot be started; nothing of them is left then either.
    """
    home = Home(asked.home.expanduser().resolve())
    if not asked.programs.is_dir():
        raise InputError(Problem(str(asked.programs), "no folder", "a folder of programs", "name one with --programs"))
    make_folders(home)
    with _alone(home), _signals() as signals:
        try:
            return _served(asked, home, announce, tell)
        except EndedError:
            return 0
        finally:
            signals.ignore()
            end_leftovers(home)


def _served(asked: Asked, home: Home, announce: Callable[[str], None], tell: Callable[[str], None]) -> int:
    left = end_leftovers(home)
    if left:
        announce(f"ended what an earlier start had left: {', '.join(left)}")
    secrets, people = kept_secrets(home), kept_people(home.passwords, asked.users)
    ports = kept_ports(home, {name: (asked.ports or {}).get(name, 0) for name in ("airflow", "mlflow", "site")})
    out = asked.out.expanduser().resolve()
    out.mkdir(parents=True, exist_ok=True)
    place = Place(home, asked.programs.expanduser().resolve(), out, ports)
    postgres = carried_postgres()
    announce("starting Postgres")
    prepare_folder(postgres, home)
    supervisor = Supervisor(home, write_configuration(place, secrets, postgres))
    try:
        supervisor.start(POSTGRES.name)
        make_databases(database_settings(place))
        supervisor.start("mlflow")
        _prepare(place, secrets, people, asked.pools, announce)
        announce("starting Airflow and the report site")
        for service in SERVICES:
            supervisor.start(service.name)
        _wait_until_well(place, secrets, supervisor)
        for line in told(place):
            tell(line)
        return _watch(place, supervisor, announce)
    finally:
        with _undisturbed():
            announce("ending all servers")
            supervisor.stop()


def told(place: Place) -> list[str]:
    """What a person must know: addresses, and where passwords stand; none of them itself."""
    return [
        f"  Airflow      {place.address('airflow')}",
        f"  MLflow       {place.address('mlflow')}",
        f"  report site  {place.address('site')}",
        f"  users and their first passwords: {place.home.passwords} (only you may read it)",
        f"  programs: {place.programs}   runs: {place.out}   logs: {place.home.logs}",
        "  end with Ctrl-C",
    ]


def _prepare(
    place: Place, secrets: Secrets, people: tuple[Person, ...], pools: Path | None, announce: Callable[[str], None]
) -> None:
    """Tables and users: once, and again after an upgrade, or for other users."""
    home, airflow = place.home, environment("airflow", place, secrets)
    stamp = home.run / "prepared"
    given = {"SQUAREDEAL_USERS": ",".join(f"{one.name}:{one.role}:{one.password}" for one in people)}
    site = environment("site", place, secrets)
    state = f"{versions()} {' '.join(f'{one.name}:{one.role}' for one in people)}"
    if not stamp.exists() or stamp.read_text() != state:
        announce("preparing the databases and users (some 15 s)")
        step(home, ("-m", "dags.serving.prepare", "airflow"), {**airflow, **given})
        readers = {"SQUAREDEAL_SITE_USERS": site["SQUAREDEAL_SITE_USERS"], **given}
        step(home, ("-m", "dags.serving.prepare", "readers"), {**airflow, **readers})
        write_private(stamp, state)
    if pools is not None:
        step(home, ("-m", "airflow", "pools", "import", str(pools)), airflow)


def step(home: Home, words: tuple[str, ...], told: Mapping[str, str]) -> None:
    """Run this Python to its end. Raises ``UnavailableError`` with where its log is."""
    log = home.log(STEP)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *words], env=dict(told), cwd=home.work, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        home.pid_file(STEP).write_text(f"{process.pid}\n")
        try:
            code = process.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            home.pid_file(STEP).unlink(missing_ok=True)
    if code:
        raise UnavailableError(Problem(
            " ".join(words[1:]), f"it ended with {code}", "databases and users that are ready", f"look into {log}"
        ))  # fmt: skip


def _wait_until_well(place: Place, secrets: Secrets, supervisor: Supervisor) -> None:
    waiting = {one.name: one.kind for one in SERVICES if one is not POSTGRES}
    end = time.monotonic() + WELL_WITHIN
    while waiting:
        name, kind = next(iter(waiting.items()))
        reason = unwell(name, environment(kind, place, secrets))
        if reason is None:
            del waiting[name]
            continue
        state = "" if supervisor.process.poll() is None else "supervisord has ended; "
        if state or time.monotonic() > end:
            raise UnavailableError(Problem(
                name, f"{state}{reason}", "a server that answers", f"look into {place.home.log(name)}"
            ))  # fmt: skip
        time.sleep(0.3)


def _watch(place: Place, supervisor: Supervisor, announce: Callable[[str], None]) -> int:
    """Stay until a signal; what fails again and again is told, and started again after a while."""
    failed: dict[str, float] = {}
    while supervisor.process.poll() is None:
        for name, state in supervisor.states().items():
            if state != "FATAL":
                failed.pop(name, None)
            elif name not in failed:
                failed[name] = time.monotonic()
                announce(f"{name} fails again and again; its log: {place.home.log(name)}")
            elif time.monotonic() - failed[name] > REVIVED:
                failed[name] = time.monotonic()
                supervisor.start(name)
        time.sleep(LOOKED)
    raise UnavailableError(Problem(
        "supervisord", f"it ended with {supervisor.process.returncode}", "the process that starts the servers",
        "start again; what it left is ended",
    ))  # fmt: skip


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Hold the home against a second start. Raises ``InputError`` where one is running."""
    with (home.run / "serve.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise InputError(Problem(
                str(home.folder), f"servers of this home that run already (process {lock.read().strip() or 'unknown'})",
                "one start at a time", "end that one, or name another folder with --home",
            )) from None  # fmt: skip
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


class _Signals:
    def __init__(self) -> None:
        self.before: dict[int, Any] = {}

    def raise_ended(self, _number: int, _frame: object) -> None:
        self.ignore()  # the end is not disturbed by a second one
        raise EndedError

    def ignore(self) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _signals() -> Iterator[_Signals]:
    """The end is asked for by an exception; handlers of before come back afterwards."""
    signals = _Signals()
    for number in SIGNALS:
        signals.before[number] = signal.signal(number, signals.raise_ended)
    try:
        yield signals
    finally:
        for before, handler in signals.before.items():
            signal.signal(before, handler)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    before: dict[int, Any] = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
