"""Is it refused for good, or does it not answer now? One table for databases, stores, shares and disks.

What does not answer becomes an ``UnavailableError``, which a scheduler tries again; what is refused stays an
``InputError``. The chain of causes is looked at too, since libraries wrap the errors of others.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from checks.foreign_text import told_of
from checks.problem import InputError, Problem, UnavailableError

# SQLSTATE: lost connections, lack of resources, shutdown and crash, cancelled, locked or in conflict, the disk
_STATES = ("08", "53", "57P", "57014", "55P03", "40001", "40P01", "25P03", "58000", "58030")
_NUMBERS = frozenset({
    errno.EIO, errno.ESTALE, errno.ENOSPC, errno.EDQUOT, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EHOSTDOWN,
    errno.ENETUNREACH, errno.ENETDOWN, errno.ENETRESET, errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED,
    errno.EPIPE, errno.EAGAIN, errno.EBUSY, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.EREMOTEIO, errno.ENOLCK,
    errno.EMFILE, errno.ENFILE, errno.ESHUTDOWN,
})  # fmt: skip
# Postgres refuses a connection without a SQLSTATE that a client could read: words are all there is
_STARTS_OR_STOPS = re.compile(
    r"starting up|shutting down|in recovery mode|not yet accepting|too many (clients|connections)|connection slots|"
    r"terminating connection|not accepting (connections|commands)|too many open files|out of memory",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"\bFATAL\b|no password supplied|password authentication|certificate|does not support SSL|invalid |"
    r"authentication method|too long",
    re.IGNORECASE,
)
# of a disk, a share or a file that another process holds, in the words of an engine
_DISK = re.compile(
    r"Input/output error|Stale (NFS )?file handle|No space left|Disk quota|Transport endpoint|timed? ?out|"
    r"Host is (down|unreachable)|No such device|Resource temporarily|Too many open files|Could not set lock|"
    r"database is locked|database table is locked|disk I/O error|database or disk is full|"
    r"Connection (refused|reset|aborted)|Could not establish connection|Network is unreachable",
    re.IGNORECASE,
)
_FOR_GOOD = re.compile(
    r"password authentication|role .* does not exist|database .* does not exist|read-?only|out-of-date database|"
    r"unable to open database file|Permission denied|not a database|No module named|error code 4(?!29)\d\d",
    re.IGNORECASE,
)
# DuckDB's own words for the status of an answer, where the exception has no ``status_code``
_STATUS = re.compile(r"\(HTTP ([45]\d\d)\b|\bHTTP(?: code| status)?:? ([45]\d\d)\b|: ([45]\d\d) \(")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
# a resolver cannot tell a name that was mistyped from that of a server which is started anew just now
_NO_NAME_NOW = frozenset(
    getattr(socket, name) for name in ("EAI_AGAIN", "EAI_NONAME", "EAI_NODATA", "EAI_SYSTEM", "EAI_MEMORY")
    if hasattr(socket, name)
)  # fmt: skip
_CERTIFICATE = re.compile(r"certificate[ _]verify[ _]failed", re.IGNORECASE)
_NETWORK = ("botocore", "boto3", "google", "azure", "requests", "urllib3", "httpx")
_AGAIN = "try again; if it stays so, see whether it runs, and whether the network and the disk are sound"


def did_not_answer(error: BaseException) -> bool:
    """Whether the error, or one that caused it, says that something does not answer now."""
    chain = list(_chain(error))
    if any(isinstance(one, ssl.SSLCertVerificationError) or _CERTIFICATE.search(str(one)) for one in chain):
        return False
    return next((answered for one in chain if (answered := _verdict(one)) is not None), False)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what caused it, down to the first."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or getattr(found, "orig", None) or found.__context__


def silent(where: str, reason: str, expected: str = "an answer") -> UnavailableError:
    """The error for what does not answer now. ``reason`` must hold no secret and no value of the data."""
    return UnavailableError(Problem(where, f"it does not answer now: {reason}", expected, _AGAIN))


def silent_or(refused: InputError, error: BaseException) -> InputError:
    """What was refused for good, or an ``UnavailableError`` where ``error`` says that it does not answer now."""
    if not did_not_answer(error):
        return refused
    problem = refused.problems[0]
    return silent(problem.where, problem.found, problem.expected)


@contextmanager
def tried_again(where: str) -> Iterator[None]:
    """Turn what does not answer now into an ``UnavailableError``, and leave all other errors as they are."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if not did_not_answer(error):
            raise
        raise silent(where, told_of(error)) from None


def _verdict(error: BaseException) -> bool | None:
    """True: it does not answer; False: it refuses; None: its kind is not known here."""
    if isinstance(error, UnavailableError):
        return True
    if isinstance(error, InputError):
        return False
    package = type(error).__module__.split(".")[0].lstrip("_")
    if package in ("psycopg", "psycopg2", "psycopg_binary"):
        return _of_postgres(error)
    if package in ("duckdb", "sqlite3"):
        status = _status_of_duckdb(error)
        if status:
            return _again(status)
        return bool(_DISK.search(str(error))) and not _FOR_GOOD.search(str(error))
    if package == "mlflow":
        return _of_mlflow(error)
    if package in _NETWORK or isinstance(error, OSError):
        return _of_network(error)
    if package == "sqlalchemy" and type(error).__name__ == "TimeoutError":  # no connection of the pool is free
        return True
    return None


def _of_postgres(error: BaseException) -> bool:
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if state:
        return str(state).startswith(_STATES)
    text = str(error)
    if _STARTS_OR_STOPS.search(text):
        return True
    kinds = {kind.__name__ for kind in type(error).__mro__}
    lost = bool(kinds & {"OperationalError", "InterfaceError"}) or "server closed the connection" in text
    return lost and not _REFUSES.search(text)


def _again(status: int) -> bool:
    """Whether an HTTP status asks to come again."""
    return status in (408, 425, 429) or status >= 500


def _status_of_duckdb(error: BaseException) -> int | None:
    """The HTTP status that an error of DuckDB tells of; addresses, which may hold any number, are not read."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status:
        return status
    if type(error).__name__ != "HTTPException":
        return None
    found = _STATUS.search(_QUOTED.sub("", str(error)))
    return int(next(filter(None, found.groups()))) if found else None


def _of_mlflow(error: Any) -> bool | None:
    status = error.get_http_status_code() if hasattr(error, "get_http_status_code") else None
    if status is None:
        return None
    return bool(_again(status) or _DISK.search(str(error))) and not _FOR_GOOD.search(str(error))


def _of_network(error: BaseException) -> bool | None:
    response = getattr(error, "response", None)
    status: Any = getattr(response, "status_code", None)
    if isinstance(response, dict):  # of botocore
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if isinstance(status, int):
        return _again(status)
    if isinstance(error, socket.gaierror):
        return error.errno in _NO_NAME_NOW
    number = getattr(error, "errno", None)
    if isinstance(number, int):
        return number in _NUMBERS
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    return True if re.search(r"Connect|Timeout|TransportError|ProtocolError|MaxRetry", type(error).__name__) else None
