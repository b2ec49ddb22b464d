"""The home folder of a set of servers: where each thing lies, and what is made once and kept for its owner alone."""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from checks.problem import InputError, Problem

LONGEST_SOCKET = 90  # bytes; systems end at 103 to 107, with the socket's name


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below a home folder, which is absolute."""

    folder: Path

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def work(self) -> Path:
        """The folder that every server and all that it starts work in, and nobody else: it is empty."""
        return self.run / "work"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def airflow(self) -> Path:
        return self.folder / "airflow"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def passwords(self) -> Path:
        return self.folder / "passwords"

    @property
    def readers(self) -> Path:
        return self.folder / "site-users"

    @property
    def sockets(self) -> Path:
        """Where Unix sockets are made: below the home, or where its path is too long for one, a folder beside it."""
        return _short(self.run / "sockets", "sockets")

    @property
    def postgres_sockets(self) -> Path:
        """Postgres' own, which only its user and this one may enter."""
        return _short(self.postgres / "sockets", "postgres")

    def pid_file(self, name: str) -> Path:
        return self.run / f"{name}.pid"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def _short(wanted: Path, what: str) -> Path:
    if len(os.fsencode(wanted)) <= LONGEST_SOCKET:
        return wanted
    import hashlib

    mark = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"squaredeal-{os.getuid()}-{mark}-{what}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What servers know of each other and nobody else does."""

    jwt_secret: str
    api_secret: str
    fernet_key: str
    mlflow_secret: str
    mlflow_password: str  # of the user that DAGs log with


def kept_secrets(home: Home) -> Secrets:
    """The secrets of a home, made at the first call. Raises ``InputError`` where the file is not one."""
    file = home.folder / "secrets.json"
    if not file.exists():
        made = Secrets(
            jwt_secret=secrets.token_hex(32), api_secret=secrets.token_hex(32),
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            mlflow_secret=secrets.token_hex(32), mlflow_password=secrets.token_urlsafe(24),
        )  # fmt: skip
        write_private(file, json.dumps(asdict(made), indent=1))
        return made
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Secrets(**{field.name: str(found[field.name]) for field in fields(Secrets)})
    except (ValueError, KeyError, TypeError):
        raise InputError(Problem(
            str(file), "a file that does not hold the secrets of this home", "the file as it was made",
            "take it from the backup; without it, stored connections cannot be read",
        )) from None  # fmt: skip


def kept_ports(home: Home, asked: Mapping[str, int]) -> dict[str, int]:
    """A port for each name: the one asked for, else the one it had before where that is free, else a free one.

    Raises ``InputError`` where a port that was asked for is taken.
    """
    file = home.folder / "ports.json"
    before: dict[str, int] = {}
    if file.exists():
        try:
            before = {str(name): int(port) for name, port in json.loads(file.read_text()).items()}
        except (ValueError, AttributeError):
            before = {}
    ports: dict[str, int] = {}
    for name, port in asked.items():
        if port and not _is_free(port):
            raise InputError(Problem(
                f"--{name}-port", f"port {port}, which another process listens on", "a free port, or 0 for any",
                "name another one",
            ))  # fmt: skip
        earlier = before.get(name, 0)
        ports[name] = port or (earlier if earlier and _is_free(earlier) else free_port(tuple(ports.values())))
    write_private(file, json.dumps(ports))
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(besides: tuple[int, ...] = ()) -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    while True:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
        if port not in besides:
            return port


def write_private(file: Path, content: str) -> None:
    """Write a file whole that only its owner may read, at no moment anybody else."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as part:
            part.write(content)
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)


def own_folder(folder: Path, users: tuple[int, ...]) -> None:
    """Make a folder closed to others. Raises ``OSError`` where it is there and a link, or not one of these users'."""
    folder.mkdir(exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in users:
        raise PermissionError(1, f"it is a link or belongs to the user {found.st_uid}", str(folder))
    folder.chmod(0o700)


def make_folders(home: Home) -> None:
    """Make the folders of a home, closed to others. Raises ``InputError`` where that cannot be done."""
    folder = home.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Postgres refuses root and runs as a user of its own, who must pass through
        folder.chmod(0o711 if os.getuid() == 0 else 0o700)
        for inner in (home.run, home.work, home.logs, home.airflow, home.artifacts, home.site, home.sockets):
            own_folder(inner, (os.getuid(),))
    except OSError as error:
        raise InputError(Problem(
            str(error.filename or folder), f"the folder cannot be used ({error.strerror})",
            "a folder that belongs to whoever starts the servers", "name another one with --home",
        )) from None  # fmt: skip
