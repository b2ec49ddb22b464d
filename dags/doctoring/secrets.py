"""No secret in what is told: whatever the environment or an address holds as one is left out of every text."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

_NAMES = re.compile(
    r"PASSW|SECRET|TOKEN|CREDENTIAL|(^|_)(API_?|FERNET_|PRIVATE_|ACCESS_)?KEY(_ID)?$|_PASS$", re.IGNORECASE
)
_IN_PAIRS = re.compile(r"pass|secret|token|key", re.IGNORECASE)
_LOGIN = re.compile(r"(//[^/\s:@]*:)[^\s/]*(?=@)")
_QUERY = re.compile(r"((?:password|passwd|token|secret)=)[^&\s;]+", re.IGNORECASE)
_SHORTEST = 3  # shorter ones would blot out words


def hidden(text: str, *addresses: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """The text without any secret of the environment or of these addresses."""
    found = {secret for address in addresses for secret in _of_value(address or "")}
    for name, value in environment.items():
        found |= set(_of_value(value)) | ({value} if _NAMES.search(name) else set())
    for secret in sorted((one for one in found if len(one) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(secret, "***")
    return _QUERY.sub(r"\1***", _LOGIN.sub(r"\1***", text))


def _of_value(value: str) -> Iterator[str]:
    if value.lstrip().startswith("{"):
        try:
            pairs = json.loads(value)
        except ValueError:
            return
        yield from (str(one) for key, one in pairs.items() if one and _IN_PAIRS.search(key))
    elif "://" in value:
        try:
            parts = urlsplit(value)
            password, asked = parts.password, parts.query
        except ValueError:
            return
        if password:
            yield from (password, unquote(password))
        yield from (one for key, one in parse_qsl(asked) if _IN_PAIRS.search(key))
