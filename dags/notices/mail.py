"""A notice by mail, as an Airflow connection of type ``smtp`` says: SSL, STARTTLS or none, with or without a login."""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from dags.notices.faults import LaterError, NeverError
from dags.notices.notice import Notice
from dags.notices.wording import page, subject, text

SSL_PORT, WAIT = 465, 10.0  # seconds for each answer of the server


def message(notice: Notice, sender: str, to: Sequence[str]) -> EmailMessage:
    """The mail. Its Message-ID is made of the notice's key, so that a mail that is sent twice is shown once."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"], mail["From"], mail["To"] = subject(notice), sender, ", ".join(to)
    domain = Address(addr_spec=sender).domain if "<" not in sender else sender.rpartition("@")[2].rstrip("> ")
    mail["Message-ID"] = f"<{notice.key}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text(notice))
    mail.add_alternative(page(notice), subtype="html")
    return mail


def deliver(notice: Notice, to: Sequence[str], connection: Any) -> None:
    """Send it once. Raises ``LaterError`` for what may succeed later, ``NeverError`` for what will not."""
    extra = connection.extra_dejson
    sender = str(extra.get("from_email") or connection.login or "")
    if "@" not in sender:
        raise NeverError("the connection names no sender: set 'from_email' in its extra")
    if not connection.host:
        raise NeverError("the connection names no host")
    try:
        mail = message(notice, sender, to)
    except (ValueError, IndexError) as error:
        raise NeverError(f"an address of sender or recipients cannot be used: {type(error).__name__}") from None
    try:
        with _opened(connection, extra) as server:
            refused = server.send_message(mail)
    except smtplib.SMTPResponseException as error:
        raise _answered(error.smtp_code) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise _answered(max(codes, default=550), "the recipients") from None
    except ssl.SSLError as error:
        raise NeverError(
            f"no trusted TLS with the mail server ({error.reason}): see 'ssl_context', 'ca_file'"
        ) from None
    except smtplib.SMTPNotSupportedError:
        raise NeverError("the mail server offers no STARTTLS, or no login: see 'disable_tls' in its extra") from None
    except (OSError, smtplib.SMTPException) as error:
        raise LaterError(f"the mail server does not answer ({type(error).__name__})") from None
    if refused:
        raise NeverError(f"the mail server refused {', '.join(sorted(refused))}; the others were sent it")


def _opened(connection: Any, extra: dict[str, Any]) -> smtplib.SMTP:
    """A session: encrypted unless the extra says otherwise, and logged in where the connection has a password."""
    port = int(connection.port or SSL_PORT)
    direct = not _said(extra, "disable_ssl", port != SSL_PORT)
    upgrade = not direct and not _said(extra, "disable_tls", False)
    wait, context = float(extra.get("timeout") or WAIT), _trusted(extra)
    if connection.password and not (direct or upgrade or _is_here(connection.host)):
        raise NeverError("a password is sent encrypted only: leave out 'disable_tls', or the password")
    server: smtplib.SMTP = (
        smtplib.SMTP_SSL(connection.host, port, timeout=wait, context=context) if direct
        else smtplib.SMTP(connection.host, port, timeout=wait)
    )  # fmt: skip
    try:
        if upgrade:
            server.starttls(context=context)
        if connection.login and connection.password:
            server.login(connection.login, connection.password)
    except BaseException:
        server.close()
        raise
    return server


def _trusted(extra: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=extra.get("ca_file"))
    if extra.get("ssl_context") == "none":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _said(extra: dict[str, Any], name: str, default: bool) -> bool:
    value = extra.get(name, default)
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answered(code: int, whom: str = "") -> Exception:
    what = f"the mail server refused {whom or 'the login or the mail'} ({code})"
    return LaterError(what) if 400 <= code < 500 else NeverError(what)
