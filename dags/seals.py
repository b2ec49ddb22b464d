"""A seal on what one task hands to another, so that nobody who may write there can make it up.

The seal is HMAC-SHA256 (RFC 2104) under the key that Airflow encrypts its connections with, over the value and the run
that it belongs to. Tasks have that key; users of Airflow have not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from airflow.sdk.configuration import conf

from checks.problem import InputError, Problem


def sealed(value: dict[str, Any], place: str) -> dict[str, Any]:
    """The value with its seal for one run, ``place``."""
    return {"value": value, "seal": _seal(value, place)}


def opened(kept: Any, place: str) -> dict[str, Any]:
    """The value, where its seal is right. Raises ``InputError`` for anything else."""
    value = kept.get("value") if isinstance(kept, dict) else None
    seal = kept.get("seal") if isinstance(kept, dict) else None
    if not isinstance(value, dict) or not hmac.compare_digest(str(seal), _seal(value, place)):
        raise InputError(Problem(
            "approve", "an answer that the approval did not leave" if kept else "no answer",
            "the answer of a named user to this run's approval", "clear 'approve' to ask again",
        ))  # fmt: skip
    return value


def _seal(value: dict[str, Any], place: str) -> str:
    key = str(conf.get("core", "fernet_key", fallback="") or "")
    if not key:
        raise InputError(Problem(
            "AIRFLOW__CORE__FERNET_KEY", "no key", "the key that Airflow encrypts connections with",
            "set it to the same value for every part of Airflow",
        ))  # fmt: skip
    content = json.dumps([place, value], sort_keys=True, ensure_ascii=False).encode()
    return hmac.new(key.encode(), content, hashlib.sha256).hexdigest()
