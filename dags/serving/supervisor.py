"""supervisord, which starts the servers, starts them again with growing pauses, and ends them."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from pathlib import Path
from typing import Any

from checks.problem import Problem, UnavailableError
from dags.serving.home import Home, Secrets, write_private
from dags.serving.leftovers import SUPERVISOR
from dags.serving.postgres import Postgres
from dags.serving.services import POSTGRES, SERVICES, Service, located
from dags.serving.settings import Place, environment

_HEAD = """[supervisord]
nodaemon = true
pidfile = {run}/supervisord.pid
logfile = {logs}/supervisord.log
childlogdir = {logs}
identifier = squaredeal
[unix_http_server]
file = {sockets}/supervisor.sock
chmod = 0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[group:servers]
programs = {names}
priority = 20
"""
_PROGRAM = """[program:{name}]
command = {command}
directory = /
autostart = false
autorestart = true
startsecs = 5
startretries = 20
stopsignal = {signal}
stopwaitsecs = {wait}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = {log}
stdout_logfile_maxbytes = 20MB
stdout_logfile_backups = 3
priority = 10
"""


def write_configuration(place: Place, secrets: Secrets, postgres: Postgres) -> Path:
    """Write what supervisord is told, and for each server its command and environment, for the owner alone."""
    home = place.home
    parts = [_HEAD.format(
        run=_told(home.run), logs=_told(home.logs), sockets=_told(home.sockets),
        names=",".join(one.name for one in SERVICES if one is not POSTGRES),
    )]  # fmt: skip
    for service in SERVICES:
        command = postgres.command(home) if service is POSTGRES else _started(service, place, secrets, postgres)
        parts.append(_PROGRAM.format(
            name=service.name, command=_told(shlex.join(command)), signal=service.stop_signal,
            wait=service.stop_within, log=_told(home.log(service.name)),
        ) + (f"user = {postgres.user}\n" if service is POSTGRES and postgres.user else ""))  # fmt: skip
    file = home.run / "supervisord.conf"
    write_private(file, "".join(parts))
    return file


def _told(value: object) -> str:
    return str(value).replace("%", "%%")


def _started(service: Service, place: Place, secrets: Secrets, postgres: Postgres) -> tuple[str, ...]:
    told = {
        "command": located(service.command, postgres.programs), "folder": str(place.home.work),
        "environment": environment(service.kind, place, secrets),
    }  # fmt: skip
    write_private(place.home.run / f"{service.name}.json", json.dumps(told))
    return sys.executable, "-m", "dags.serving.start", str(place.home.run), service.name


class Supervisor:
    """A running supervisord, spoken to over a Unix socket that only its owner may open."""

    def __init__(self, home: Home, configuration: Path) -> None:
        self.home = home
        kept = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LD_LIBRARY_PATH")
        bare = {key: value for key, value in os.environ.items() if key in kept or key.startswith(("LC_", "LANG"))}
        command = sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(configuration)
        told = {"command": command, "folder": str(home.work), "environment": bare}
        write_private(home.run / f"{SUPERVISOR}.json", json.dumps(told))
        with home.log(SUPERVISOR).with_suffix(".out").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dags.serving.start", str(home.run), SUPERVISOR],
                env=bare, cwd=home.work, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    @property
    def _server(self) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self.home.sockets / 'supervisor.sock'}")
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def start(self, name: str, within: float = 20) -> None:
        """Start a server. Raises ``UnavailableError`` where supervisord does not answer in time."""
        full = name if name == POSTGRES.name else f"servers:{name}"
        end = time.monotonic() + within
        while True:
            try:
                self._server.startProcess(full, False)
                return
            except (OSError, xmlrpc.client.ProtocolError) as error:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise UnavailableError(Problem(
                        "supervisord", f"no answer ({type(error).__name__})", "the process that starts the servers",
                        f"look into {self.home.logs}",
                    )) from None  # fmt: skip
                time.sleep(0.1)
            except xmlrpc.client.Fault as fault:
                if "ALREADY_STARTED" in fault.faultString:
                    return
                raise

    def states(self) -> dict[str, str]:
        """The state of each server in supervisord's words, such as RUNNING or FATAL; empty where it does not answer."""
        try:
            return {str(one["name"]): str(one["statename"]) for one in self._server.getAllProcessInfo()}
        except (OSError, xmlrpc.client.Error):
            return {}

    def stop(self) -> None:
        """End all servers, Postgres last, and supervisord."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(sum(service.stop_within for service in (POSTGRES,)) + 60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
