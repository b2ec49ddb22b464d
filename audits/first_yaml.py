"""Texts as YAML that reads back as the same text, whatever signs they have."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff./-]*", re.ASCII)
_WORDS = {"y", "n", "yes", "no", "true", "false", "on", "off", "null", "none", "nan", "inf", "infinity", "na"}


def scalar(text: str) -> str:
    """A text as one scalar on one line, in quotes where it needs them."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if re.fullmatch(r"0|[1-9]\d{0,8}", text):
        return text  # a whole number: read back as its digits
    return '"' + "".join(_sign(one) for one in text) + '"'


def comment(text: str) -> str:
    """A text as it may stand in a comment: one line."""
    return "".join(one if one.isprintable() else " " for one in text)


def items(texts: list[str]) -> str:
    """A list on one line."""
    return "[" + ", ".join(scalar(text) for text in texts) + "]"


def _sign(one: str) -> str:
    if one in '"\\':
        return "\\" + one
    if one.isprintable():
        return one
    code = ord(one)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
