"""The site behind names and passwords: HTTP basic authentication over the folder that ``squaredeal site`` writes.

Speaks plain HTTP and listens on loopback unless told otherwise: TLS is a reverse proxy's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import stat
from collections import OrderedDict
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from checks.problem import InputError
from reports.site.readers import fits, hashed, read_readers

HEALTH = "/health"
LOOPBACK = ("127.0.0.1", "localhost")
REMEMBERED = 500  # proofs of passwords, as keyed hashes in memory
AT_ONCE = 2  # passwords that are tried at a time: each takes 16 MB
HEADERS = {
    "cache-control": "private, no-cache",
    "content-security-policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
ABSENT = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>No site yet</title><h1>No site yet</h1>"
    "<p>The folder that is served holds no site. Make one: <code>squaredeal site RUNS --out SITE</code>. "
    "Where Airflow runs, the DAG <code>squaredeal-portfolio</code> makes it once a day, and when it is triggered.</p>"
    "<p lang=zh-CN>所服务的文件夹中还没有网站。请运行 <code>squaredeal site RUNS --out SITE</code>。</p></html>"
)


class Pages(StaticFiles):
    """Files of a site; none that is hidden, none by a link that leads out of the folder."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if any(part.startswith(".") and part != "." for part in path.replace("\\", "/").split("/")):
            raise HTTPException(404)
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code == 404 and not (Path(str(self.directory)) / "index.html").exists():
                return HTMLResponse(ABSENT, 404)
            raise

    async def check_config(self) -> None:
        """A folder that is not there yet is no fault."""

    def lookup_path(self, path: str) -> tuple[str, Any]:
        full, found = super().lookup_path(path)
        regular = found is not None and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode))
        return (full, found) if regular else ("", None)


class Named:
    """Lets through whoever gives the name and password of a reader; all else is answered with 401."""

    def __init__(self, app: ASGIApp, users: Path) -> None:
        self.app, self.users = app, users
        self._stamp: tuple[int, int, int] | None = None
        self._known: dict[str, str] = {}
        self._nobody = hashed(secrets.token_urlsafe(16))
        self._key = secrets.token_bytes(32)
        self._proved: OrderedDict[bytes, None] = OrderedDict()
        self._tries: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == HEALTH or await self._is_reader(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        asked = {"www-authenticate": 'Basic realm="Squaredeal", charset="UTF-8"'}
        await PlainTextResponse("name and password of a reader are needed", 401, asked)(scope, receive, send)

    async def _is_reader(self, headers: Headers) -> bool:
        given = _given(headers.get("authorization", ""))
        if given is None:
            return False
        name, password = given
        known = self._readers().get(name)
        proof = hmac.digest(self._key, f"{known}\0{password}".encode(), hashlib.sha256)
        if known and proof in self._proved:
            self._proved.move_to_end(proof)
            return True
        self._tries = self._tries or CapacityLimiter(AT_ONCE)
        right = await to_thread.run_sync(fits, password, known or self._nobody, limiter=self._tries)
        if not (known and right):
            return False
        self._proved[proof] = None
        if len(self._proved) > REMEMBERED:
            self._proved.popitem(last=False)
        return True

    def _readers(self) -> dict[str, str]:
        """The file of users as it is now; nobody where it cannot be read."""
        try:
            found = self.users.stat()
            stamp = found.st_mtime_ns, found.st_size, found.st_ino
            if stamp != self._stamp:
                self._known, self._stamp = read_readers(self.users), stamp
        except (OSError, InputError):
            self._known, self._stamp = {}, None
        return self._known


class Guarded:
    """Only known Host names, and headers that keep a page to itself on every answer."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = frozenset(host.casefold() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        host = _without_port(Headers(scope=scope).get("host", ""))
        app: ASGIApp = self.app if host in self.hosts else PlainTextResponse("this server has another name", 421)
        await app(scope, receive, with_headers)


def _without_port(host: str) -> str:
    name, colon, port = host.casefold().rpartition(":")
    return name if colon and port.isdigit() else host.casefold()


def _given(header: str) -> tuple[str, str] | None:
    kind, _, coded = header.partition(" ")
    if kind.casefold() != "basic" or len(coded) > 1000:
        return None
    try:
        name, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon else None


def application(site: Path, users: Path, hosts: tuple[str, ...] = ()) -> Starlette:
    """The server as an ASGI application. Raises ``InputError`` where no reader is known."""
    read_readers(users)

    def well(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    pages = Pages(directory=site, html=True, check_dir=False)
    guards = [Middleware(Guarded, hosts=(*LOOPBACK, *hosts)), Middleware(Named, users=users)]
    return Starlette(routes=[Route(HEALTH, well), Mount("/", pages)], middleware=guards)


def serve_site(site: Path, users: Path, host: str, port: int, hosts: tuple[str, ...]) -> None:
    """Serve until a signal ends it. Raises ``InputError`` where no reader is known."""
    import uvicorn

    app = application(site, users, hosts)
    uvicorn.run(
        app, host=host, port=port, server_header=False, access_log=False, proxy_headers=False, log_level="warning"
    )
