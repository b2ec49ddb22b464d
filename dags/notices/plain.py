"""Texts of a notice: on one line, without what turns text around, without addresses of the machine and credentials."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

MOST = 600  # characters
_CREDENTIALS = re.compile(r"(\w+://)[^\s/@]*:[^\s@]*@")
_PATH = re.compile(r"(?<![\w/:.~-])/(?:[^\s/'\",;:()]+/)+")
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # controls, marks of direction, private and broken characters


def plain(text: str, *folders: Path) -> str:
    """The text as one line of at most 600 characters; ``folders`` are further places whose address is left out."""
    for folder in (*folders, Path(os.environ.get("SQUAREDEAL_OUT", "runs")).absolute(), Path.home()):
        if len(str(folder)) > 1:
            text = text.replace(f"{folder}/", "")
    text = _PATH.sub("", _CREDENTIALS.sub(r"\1", text))
    text = "".join(" " if unicodedata.category(one) in _HIDDEN else one for one in text)
    text = " ".join(text.split())
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"
