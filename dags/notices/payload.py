"""The JSON that a webhook is sent. Fields are only ever added under one ``schema_version``."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict

from dags.notices.notice import Notice
from dags.notices.wording import head

SCHEMA_VERSION = "1.0"
SIGNATURE = "X-Squaredeal-Signature"


def payload(notice: Notice) -> bytes:
    """The body: UTF-8, keys sorted, the same bytes for the same notice."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "key": notice.key,
        "kind": notice.kind,
        "message": head(notice),
        "program": {"name": notice.program, "title": dict(notice.title), "owner": notice.owner, "tier": notice.tier},
        "period": notice.period or None,
        "version": notice.version,
        "model": {"name": notice.model, "version": notice.model_version} if notice.model else None,
        "verdicts": dict(notice.verdicts),
        "findings": [asdict(one) for one in notice.findings],
        "checks": [asdict(one) for one in notice.checks],
        "more": notice.more,
        "failed_questions": list(notice.failed_questions),
        "task": notice.task or None,
        "reason": notice.reason or None,
        "links": asdict(notice.links),
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


def signature(body: bytes, secret: str) -> str:
    """What stands in the header ``X-Squaredeal-Signature``: HMAC-SHA256 of the body, in hexadecimal."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
