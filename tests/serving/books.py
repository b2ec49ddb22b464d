"""The Postgres of docker-compose.yml without a container: one port on loopback, passwords, the file's own settings."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dags.serving.postgres import Postgres, _as_user, _make, carried_postgres
from tests.stack import free_port


@dataclass(frozen=True, slots=True)
class Books:
    """A running server, and how its administrator reaches it."""

    port: int
    programs: Path
    password: str

    @property
    def environment(self) -> dict[str, str]:
        """What Postgres' own programs take from a container of the service."""
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "POSTGRES_PASSWORD": self.password, "PGPORT": str(self.port), "LC_ALL": "C.UTF-8"}


@contextmanager
def running_books(base: Path, service: Mapping[str, Any]) -> Iterator[Books]:
    """Start the service ``postgres`` with its files below ``base``; it has ended afterwards."""
    found = carried_postgres()
    for parent in (base, *base.parents):  # a user of its own where root starts it
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    data, told = base / "data", service["environment"]
    _initialize(found, data, told)
    kind, *words = service["command"]
    books = Books(free_port(), found.programs, told["POSTGRES_PASSWORD"])
    as_whom: dict[str, Any] = {"user": found.user, "extra_groups": []} if found.user else {}
    where = ["-h", "127.0.0.1", "-p", str(books.port), "-k", ""]
    process = subprocess.Popen(
        [str(found.programs / kind), "-D", str(data), *words, *where], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, cwd="/", **as_whom,
    )  # fmt: skip
    try:
        _wait(books, service["healthcheck"]["test"][1:])
        yield books
    finally:
        process.send_signal(2)
        process.wait(60)


def _initialize(found: Postgres, data: Path, told: Mapping[str, str]) -> None:
    _make(found, (data,))
    word = data.parent / "word"
    word.write_text(told["POSTGRES_PASSWORD"])
    word.chmod(0o644)
    words = [*told["POSTGRES_INITDB_ARGS"].split(), "-U", "postgres", "--pwfile", str(word)]
    made = _as_user(found, [str(found.programs / "initdb"), "-D", str(data), *words])
    word.unlink()
    assert made.returncode == 0, made.stderr


def _wait(books: Books, check: list[str]) -> None:
    end = time.monotonic() + 60
    while subprocess.run(check, env=books.environment, timeout=60).returncode:
        assert time.monotonic() < end, "Postgres does not become well"
        time.sleep(0.2)
