"""YAML read so that every complaint knows its line.

``read_yaml`` composes the node tree instead of plain values. A ``Place`` is one node with
its file, its dotted path and a list of problems shared by the whole file, so that a person
gets all complaints about a file at once. A failed read records a problem and returns a
harmless value; ``finish`` raises what was recorded.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from pathlib import Path

import yaml

from checks.problem import InputError, Problem, listed, nearest, suggest

Scalar = str
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"


class Place:
    """A node of a YAML file: knows its line, its path, and how to be read as a kind of value."""

    def __init__(self, node: yaml.Node, path: str, file: Path, problems: list[Problem]) -> None:
        self.node = node
        self.path = path
        self.file = file
        self.problems = problems

    @property
    def line(self) -> int:
        """The line in the file, counted from 1."""
        return int(self.node.start_mark.line) + 1

    @property
    def where(self) -> str:
        return f"{self.file}, line {self.line}" + (f", {self.path}" if self.path else "")

    def complain(self, found: str, expected: str, remedy: str) -> None:
        """Record a problem at this place."""
        self.problems.append(Problem(self.where, found, expected, remedy))

    def describe(self) -> str:
        """What stands here, for an error text."""
        if isinstance(self.node, yaml.MappingNode):
            return "a mapping with " + listed([str(key.value) for key, _ in self.node.value])
        if isinstance(self.node, yaml.SequenceNode):
            return f"a list of {len(self.node.value)}"
        text = shortened(str(self.node.value))
        return f"'{text}'" if text else "nothing"

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_null(self) -> bool:
        return bool(self.node.tag == _TAG + "null")

    def _child(self, node: yaml.Node, step: str) -> Place:
        path = f"{self.path}{step}" if step.startswith("[") or not self.path else f"{self.path}.{step}"
        return Place(node, path, self.file, self.problems)

    def free_entries(self) -> dict[str, Place]:
        """The entries of a mapping whose keys are the user's own. A key given twice is a problem."""
        if not isinstance(self.node, yaml.MappingNode):
            if not self.is_null:
                self.complain(self.describe(), "a mapping of key: value", "write it as indented key: value lines")
            return {}
        entries: dict[str, Place] = {}
        for key_node, value_node in self.node.value:
            key = str(key_node.value)
            child = self._child(value_node, key)
            if key in entries:
                key_place = self._child(key_node, key)
                key_place.complain(f"'{key}' a second time", "each key once", "remove one of the two")
            entries[key] = child
        return entries

    def entries(self, allowed: Collection[str], required: Collection[str] = ()) -> dict[str, Place]:
        """The entries of a mapping with known keys; unknown and missing keys are problems."""
        if not self.is_mapping:
            self.complain(self.describe(), f"a mapping with {listed(sorted(allowed), 40)}", "write key: value lines")
            return {}
        entries = self.free_entries()
        for key in [key for key in entries if key not in allowed]:
            entries.pop(key).complain(
                f"unknown key '{key}'", f"one of {listed(sorted(allowed), 40)}", suggest(key, allowed)
            )
        for key in required:
            if key in entries and entries[key].is_null:
                entries[key].complain("nothing", f"a value for '{key}'", f"write it after '{key}:'")
            elif key not in entries:
                close = nearest(key, [str(k.value) for k, _ in self.node.value])
                hint = f" (is '{close}' meant to be it?)" if close and close not in allowed else ""
                self.complain(f"no '{key}'", f"the key '{key}'", f"add a line '{key}: …'{hint}")
        return {key: place for key, place in entries.items() if not place.is_null}

    def items(self) -> list[Place]:
        """The items of a list; a single value counts as a list of one."""
        if isinstance(self.node, yaml.SequenceNode):
            return [self._child(node, f"[{i}]") for i, node in enumerate(self.node.value)]
        return [] if self.is_null else [self]

    def text(self) -> str:
        """A scalar as the text that stands in the file."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.value == "":
            self.complain(self.describe(), "a text", "write one value")
            return ""
        return str(self.node.value)

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.items())

    def number(self, low: float | None = None, high: float | None = None) -> float:
        """A number, within the stated bounds where given."""
        expected = (
            "a number" + (f" from {low:g}" if low is not None else "") + (f" to {high:g}" if high is not None else "")
        )
        try:
            value = float(str(self.node.value).replace("_", ""))
        except (TypeError, ValueError):
            self.complain(self.describe(), expected, "write a number without unit or quotes")
            return low if low is not None else 0.0
        if not (-1e300 < value < 1e300) or (low is not None and value < low) or (high is not None and value > high):
            self.complain(self.describe(), expected, "write a number within that range")
            return low if low is not None else 0.0
        return value

    def integer(self, low: int | None = None) -> int:
        value = self.number(low)
        if value != int(value):
            self.complain(self.describe(), "a whole number", "write a whole number")
        return int(value)

    def boolean(self) -> bool:
        """true or false, in any of the spellings that YAML 1.1 takes."""
        if self.node.tag != _TAG + "bool":
            self.complain(self.describe(), "true or false", "write true or false")
            return False
        return str(self.node.value).lower() in ("true", "yes", "on")

    def date(self) -> dt.date:
        """A day in the form YYYY-MM-DD."""
        text = str(self.node.value)
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            self.complain(self.describe(), "a day as YYYY-MM-DD", "write for instance 2026-01-31")
            return dt.date(1970, 1, 1)

    def choice(self, allowed: Collection[str]) -> str:
        """A text out of a known set."""
        value = self.text()
        if value and value not in allowed:
            self.complain(f"'{value}'", f"one of {listed(sorted(allowed))}", suggest(value, allowed))
        return value

    def languages(self) -> dict[str, str]:
        """A text by language, or one text that is then the English one."""
        if self.is_mapping:
            return {key: place.text() for key, place in self.entries(("en", "zh"), ("en",)).items()}
        return {"en": self.text()}

    def value(self) -> object:
        """The plain value (for arguments handed to another library)."""
        if isinstance(self.node, yaml.MappingNode):
            return {key: place.value() for key, place in self.free_entries().items()}
        if isinstance(self.node, yaml.SequenceNode):
            return [item.value() for item in self.items()]
        try:
            return yaml.load(yaml.serialize(self.node), Loader=_LOADER)  # noqa: S506 - a safe loader
        except (yaml.YAMLError, ValueError):
            self.complain(
                f"{self.describe()} ({self.node.tag})", "a text, a number, a day or a list", "write a plain value"
            )
            return None

    def finish(self) -> None:
        """Raise ``InputError`` with everything recorded for this file, in the order of its lines."""
        if self.problems:
            raise InputError(sorted(self.problems, key=_line_of))


def _line_of(problem: Problem) -> int:
    match = re.search(r", line (\d+)", problem.where)
    return int(match.group(1)) if match else 0


def read_text(file: Path, kind: str) -> str:
    """The text of a file, or an ``InputError`` that names the nearest file in its folder."""
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        siblings = [other.name for other in file.parent.glob("*.y*ml")] if file.parent.is_dir() else []
        near = nearest(file.name, siblings)
        remedy = f"did you mean '{file.parent / near}'?" if near else "check the path"
        raise InputError(Problem(str(file), "no such file", f"a {kind} in YAML", remedy)) from None
    except IsADirectoryError:
        raise InputError(Problem(str(file), "a folder", f"a {kind} in YAML", "name a file in it")) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(Problem(
            f"{file}, line {line}", f"bytes that are not UTF-8 (byte {error.start + 1} of the file)", "UTF-8 text",
            "save it as UTF-8",
        )) from None  # fmt: skip
    except OSError as error:
        raise InputError(
            Problem(str(file), f"it cannot be read ({error.strerror})", "a readable file", "check its permissions")
        ) from None


def read_yaml(file: Path, kind: str) -> Place:
    """The root of a YAML file. Raises ``InputError`` when the file is absent, empty or not YAML."""
    text = read_text(file, kind)
    try:
        _refuse_bombs(text, file)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        if isinstance(error, yaml.reader.ReaderError):
            line = f", line {text.count(chr(10), 0, error.position) + 1}"
        reason = " ".join((getattr(error, "problem", None) or str(error)).split())
        raise InputError(
            Problem(
                f"{file}{line}",
                f"broken YAML: {reason}",
                "well-formed YAML",
                "look at that line and the one before it: indentation, a missing colon, an open quote or bracket",
            )
        ) from None
    if node is None:
        raise InputError(Problem(str(file), "an empty file", f"a {kind}", "write it, or name another file"))
    return Place(node, "", file, [])


_DEEPEST, _LARGEST = 50, 100_000


def _refuse_bombs(text: str, file: Path) -> None:
    """Refuse what would exhaust a reader of nodes: aliases (they repeat or hold themselves), depth, size."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        found = (
            f"the alias *{event.anchor}" if isinstance(event, yaml.AliasEvent)
            else f"values nested more than {_DEEPEST} deep" if depth > _DEEPEST
            else f"more than {_LARGEST} values" if count > _LARGEST else None
        )  # fmt: skip
        if found:
            line = f", line {event.start_mark.line + 1}" if event.start_mark else ""
            raise InputError(
                Problem(f"{file}{line}", found, "values written out", "write the values where they are needed")
            )


def shortened(text: str, most: int = 80) -> str:
    """A value of a file for an error text: on one line, not too long, without a password."""
    text = re.sub(
        r"(://[^:@/\s]*:)[^@\s]+@|(password=)[^&\s]+", r"\1\2***", " ".join(text.split()), flags=re.IGNORECASE
    )
    return text if len(text) <= most else f"{text[:most]}…"
