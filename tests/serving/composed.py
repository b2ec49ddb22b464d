"""The services of docker-compose.yml without containers: variables filled in, names, ports and folders of this machine.

Nothing else of a service is changed: its command, its environment and its health check are what the file says.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.programs import ROOT
from tests.stack import free_port

FILE = ROOT / "docker-compose.yml"
BESIDE = Path(sys.executable).parent
SERVERS = ("mlflow", "api-server", "scheduler", "dag-processor", "triggerer", "site")
ONCE = ("databases", "airflow-tables", "readers")


def interpolated(value: Any, variables: Mapping[str, str]) -> Any:
    """A value as Compose would read it. Raises ``KeyError`` for a required variable that is not set."""
    if isinstance(value, dict):
        return {key: interpolated(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [interpolated(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value

    def filled(found: re.Match[str]) -> str:
        name, how, rest = found.groups()
        given = variables.get(name, "")
        if not given and how == ":?":
            raise KeyError(name)
        return given or (rest if how == ":-" else "")

    return re.sub(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}", filled, value)


def services(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The services of the file, variables filled in."""
    return dict(interpolated(yaml.safe_load(FILE.read_text())["services"], variables))


class Composed:
    """Services of the file on this machine."""

    def __init__(self, base: Path, variables: Mapping[str, str], postgres: int) -> None:
        self.base = base
        self.ports = {"postgres:5432": postgres, "api-server:8080": free_port(), "mlflow:5000": free_port(),
                      "site:8090": free_port()}  # fmt: skip
        own = {"MLFLOW_ALLOWED_HOSTS": f"localhost:{self.ports['mlflow:5000']}", **variables}
        self.services = services(own)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for folder in ("airflow", "artifacts", "runs", "site", "users", "logs"):
            (base / folder).mkdir(exist_ok=True)

    def address(self, name: str) -> str:
        return next(f"http://127.0.0.1:{port}" for place, port in self.ports.items() if place.startswith(f"{name}:"))

    def environment(self, name: str) -> dict[str, str]:
        """What a service is told, in places of this machine."""
        kept = {key: os.environ[key] for key in ("HOME", "LANG", "TMPDIR") if key in os.environ}
        told = {key: self._here(key, str(value)) for key, value in self.services[name]["environment"].items()}
        return {"PATH": f"{BESIDE}{os.pathsep}{os.environ['PATH']}", **kept, **told}

    def _here(self, key: str, value: str) -> str:
        for place, port in self.ports.items():
            host, _, number = place.partition(":")
            value = value.replace(place, f"127.0.0.1:{port}")
            if key.endswith("PORT") and value == number:
                return str(port)
            if key == "PGHOST" and value == host:
                return "127.0.0.1"
        value = value.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        value = value.replace("/var/lib/squaredeal", str(self.base)).replace("/opt/squaredeal/dags", str(ROOT / "dags"))
        return value.replace("/srv/programs", str(self.base / "programs"))

    def _command(self, words: list[str]) -> list[str]:
        return [sys.executable if words[0] == "python" else str(BESIDE / words[0]), *words[1:]]

    def once(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a service to its end."""
        command = self._command(self.services[name]["command"])
        return subprocess.run(
            command, env=self.environment(name), cwd=self.base, capture_output=True, text=True, check=False, timeout=300
        )

    def start(self, name: str) -> None:
        log = (self.base / "logs" / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            self._command(self.services[name]["command"]), env=self.environment(name), cwd=self.base, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def check(self, name: str) -> subprocess.CompletedProcess[str]:
        """One call of the health check that the file names."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return subprocess.run(
            self._command(words), env=self.environment(name), cwd=self.base, capture_output=True, text=True, timeout=60
        )

    def wait(self, name: str, within: float = 240) -> None:
        end = time.monotonic() + within
        while (found := self.check(name)).returncode:
            assert self.processes[name].poll() is None, self.log(name)
            assert time.monotonic() < end, found.stdout + self.log(name)
            time.sleep(0.5)

    def log(self, name: str) -> str:
        return (self.base / "logs" / f"{name}.log").read_text(errors="replace")[-3000:]

    def stop(self, name: str) -> float:
        """End a service as Compose does; returns how long it took in seconds. Fails where that is too long."""
        process, start = self.processes[name], time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(float(self.services[name]["stop_grace_period"].rstrip("s")))
        return time.monotonic() - start

    def kill(self) -> None:
        """End whatever is left of every service, also what its first process left."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
