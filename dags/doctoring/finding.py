"""What a probe found, and what probes are asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dags.doctoring.secrets import hidden

State = Literal["ok", "missing", "broken", "not asked"]
PATIENCE = 5  # seconds that a server or database is waited for


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: a thing, its state, what was found, what it is for, what to do.

    A thing that is ``needed`` and missing or broken makes the command end with exit code 2.
    """

    thing: str
    state: State
    found: str
    purpose: str
    remedy: str = ""
    needed: bool = True

    @property
    def fails(self) -> bool:
        return self.needed and self.state in ("missing", "broken")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command is asked about: program files, folder of runs, MLflow store."""

    programs: Path
    out: Path
    mlflow: str | None


@dataclass(frozen=True, slots=True)
class Probe:
    """A thing that is looked at; ``look`` yields what it found, one finding or several."""

    thing: str
    purpose: str
    look: Callable[[Asked], Iterator[Finding]]
    needed: bool = True


def told(error: BaseException) -> str:
    """An error on one short line, without secrets."""
    return " ".join(hidden(f"{type(error).__name__}: {str(error).split('[SQL:')[0]}").split())[:300]


def encoding(stream: Any) -> Finding:
    """What the output of commands is written in; from here on, what cannot be written is escaped."""
    name, purpose = str(stream.encoding or "none"), "names and reasons are printed in any language"
    if name.replace("-", "").replace("_", "").casefold() == "utf8":
        return Finding("output", "ok", name, purpose, needed=False)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return Finding("output", "broken", f"{name}, not UTF-8", purpose, "export PYTHONUTF8=1", needed=False)
