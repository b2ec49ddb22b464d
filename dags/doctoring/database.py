"""Does a database answer, within seconds?"""

from __future__ import annotations

from typing import Any

from dags.doctoring.finding import PATIENCE, told


def why_silent(url: str) -> str | None:
    """Why a database does not answer, without its password; None where it does."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    try:
        address = make_url(url)
        kind = address.get_backend_name()
        waits: dict[str, Any] = {"connect_timeout": PATIENCE} if kind in ("postgresql", "mysql") else {}
        engine = create_engine(address, connect_args=waits, poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except Exception as error:  # noqa: BLE001 - drivers raise what they like
        password = ""
        try:
            password = str(make_url(url).password or "")
        except Exception:  # noqa: BLE001 - the address itself is wrong, and may hold a password
            return "an address that cannot be read"
        why = told(getattr(error, "orig", None) or error)
        return why.replace(password, "***") if password else why
    return None
