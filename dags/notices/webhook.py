"""A notice to a webhook, as an Airflow connection of type ``http`` says: its address, further headers, a secret."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from dags.notices.faults import LaterError, NeverError
from dags.notices.notice import Notice
from dags.notices.payload import SIGNATURE, payload, signature

WAIT = (5.0, 10.0)  # seconds to connect, and for an answer
_LATER = (408, 425, 429)


def address(connection: Any) -> str:
    """Where the connection points: a whole address in ``host``, or host, schema, port and ``path`` in its extra.

    A connection that was written as an address (``https://host/path``) has its path in ``schema``.
    """
    host, schema = str(connection.host or ""), str(connection.schema or "")
    path = str(connection.extra_dejson.get("path") or "").lstrip("/")
    if "://" in host:
        found = host if not path else f"{host.rstrip('/')}/{path}"
    else:
        scheme = connection.conn_type if connection.conn_type == "https" else "http"
        if schema in ("http", "https"):
            scheme = schema
        else:
            path = path or schema.lstrip("/")
        port = f":{connection.port}" if connection.port else ""
        found = f"{scheme}://{host}{port}/{path}"
    if urlsplit(found).scheme not in ("http", "https") or not urlsplit(found).hostname:
        raise NeverError("the connection holds no http(s) address: set its host")
    return found


def deliver(notice: Notice, connection: Any) -> None:
    """Send it once. Raises ``LaterError`` for what may succeed later, ``NeverError`` for what will not.

    No redirect is followed, and the answer's body is not read.
    """
    import requests

    extra, body, target = connection.extra_dejson, payload(notice), address(connection)
    headers = {str(name): str(value) for name, value in (extra.get("headers") or {}).items()}
    headers |= {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": notice.key}
    if connection.password:
        headers[SIGNATURE] = signature(body, connection.password)
    host = urlsplit(target).hostname
    try:
        with requests.post(
            target, data=body, headers=headers, timeout=WAIT, allow_redirects=False, stream=True,
            verify=extra.get("ca_file") or True,
        ) as answer:  # fmt: skip
            status = answer.status_code
    except requests.exceptions.SSLError:
        raise NeverError(f"{host}: no trusted TLS: see 'ca_file' in its extra") from None
    except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL, UnicodeError):
        raise NeverError(f"{host}: a header or the address cannot be used") from None
    except (requests.exceptions.RequestException, OSError) as error:
        raise LaterError(f"{host} does not answer ({type(error).__name__})") from None
    if status >= 500 or status in _LATER:
        raise LaterError(f"{host} answered {status}")
    if not 200 <= status < 300:
        raise NeverError(f"{host} answered {status}")
