"""Who may read the site: a file of names with hashes of their passwords (scrypt), for its owner alone."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from checks.problem import InputError, Problem

COST, BLOCK, LANES = 2**14, 8, 1  # 16 MB and some 50 ms for each try; kept in the file, so that they may grow
SHORTEST = 12  # characters of a password
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_LINE = re.compile(r"([^:\s]+):scrypt\$(16384|32768|65536)\$(8)\$(1)\$([A-Za-z0-9+/]{22}==)\$([A-Za-z0-9+/]{43}=)")


def hashed(password: str, salt: bytes | None = None, cost: tuple[int, int, int] = (COST, BLOCK, LANES)) -> str:
    """A password's hash with its salt and cost, as one word."""
    salt = salt or secrets.token_bytes(16)
    n, r, p = cost
    key = hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r + 2**20, dklen=32)
    return f"scrypt${n}${r}${p}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def fits(password: str, known: str) -> bool:
    """Is this the password of a hash? Takes the same time whatever the answer."""
    _, n, r, p, salt, _ = known.split("$")
    again = hashed(password, base64.b64decode(salt), (int(n), int(r), int(p)))
    return hmac.compare_digest(again, known)


def read_readers(file: Path) -> dict[str, str]:
    """Names with their hashes. Raises ``InputError`` where there is no file, none in it, or a line that is none."""
    expected = "a line NAME:scrypt$… for each reader"
    remedy = f"make one with: squaredeal site-user NAME --users {file}"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(Problem(str(file), f"no file of users ({type(error).__name__})", expected, remedy)) from None
    readers: dict[str, str] = {}
    for at, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if not found:
            raise InputError(Problem(f"{file}:{at}", "a line that is no user with a hash", expected, remedy))
        readers[found[1]] = line.strip().partition(":")[2]
    if not readers:
        raise InputError(Problem(str(file), "no user", expected, remedy))
    return readers


def add_readers(file: Path, passwords: Mapping[str, str], keep: bool = False) -> None:
    """Add readers, or give them other passwords; with ``keep`` those of the file remain as they are.

    Raises ``InputError`` for a name or a password that cannot be taken, and where the file cannot be written.
    """
    for name, password in passwords.items():
        if not _NAME.fullmatch(name):
            raise InputError(
                Problem("NAME", "a name that is none", "letters, digits and . _ @ -", "write another name")
            )
        if len(password) < SHORTEST or any(ord(sign) < 32 for sign in password):
            raise InputError(Problem(
                f"the password of '{name}'", "one that is too short, or has control characters",
                f"at least {SHORTEST} characters", "take another one, for instance of: openssl rand -hex 16",
            ))  # fmt: skip
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with (file.parent / f".{file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = read_readers(file) if file.exists() and file.stat().st_size else {}
            new = {name: hashed(word) for name, word in passwords.items() if not (keep and name in known)}
            _write(file, {**known, **new})
    except OSError as error:
        raise InputError(Problem(
            str(file), f"it cannot be written ({error.strerror})", "a file in a folder of yours", "name another one"
        )) from None  # fmt: skip


def _write(file: Path, readers: Mapping[str, str]) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as part:
            part.write("".join(f"{reader}:{known}\n" for reader, known in sorted(readers.items())))
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)
