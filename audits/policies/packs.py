"""Policy packs: dated rules in YAML, read with the same helpful errors as programs.

A pack is shipped with Squaredeal (by name) or is a bank's own file (by path, relative to the
program file).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

from audits.policies.planned import PLANNED_ROLES, contract_roles, measure_kinds
from audits.record import Rule, canonical_json, digest_of
from checks.inputs.yaml_reader import Place, read_yaml
from checks.problem import InputError, Problem, listed, nearest

PACKS_FOLDER = Path(__file__).parent / "packs"
_REQUIRED = (
    "id", "title", "citation", "jurisdiction", "status", "limit_source", "measure", "test", "comparison", "limit",
    "severity", "verified",
)  # fmt: skip
_LISTS = ("jurisdictions", "products", "lenders", "inputs")
_OPTIONAL = (
    "effective_from", "effective_to", *_LISTS, "formula", "borrowed_from", "currency", "partial", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PolicyPack:
    """A pack: id, title by language, rules, and the digest of its content."""

    id: str
    title: dict[str, str]
    rules: tuple[Rule, ...]
    digest: str


def shipped_packs() -> list[str]:
    """Names of the packs that come with Squaredeal."""
    return sorted(file.stem for file in PACKS_FOLDER.glob("*.yaml"))


def find_pack(name: str, folder: Path, where: str = "policies") -> PolicyPack:
    """A shipped pack by name, or a file by path. Raises ``InputError`` naming the nearest pack."""
    if name in shipped_packs():
        return read_pack(PACKS_FOLDER / f"{name}.yaml")
    if name.endswith((".yaml", ".yml")):
        file = (folder / name).resolve()
        if not file.is_file():
            near = nearest(file.name, [other.name for other in file.parent.glob("*.y*ml")])
            remedy = f"did you mean '{near}'?" if near else "check the path; it is relative to the program file"
            raise InputError(Problem(where, f"no such file '{file}'", "a policy pack in YAML", remedy))
        return read_pack(file)
    close = nearest(name, shipped_packs())
    raise InputError(Problem(
        where, f"unknown policy '{name}'", f"one of {listed(shipped_packs())}, or the path of a .yaml file",
        f"did you mean '{close}'?" if close else "run 'squaredeal policies' to see what they hold",
    ))  # fmt: skip


def read_pack(file: Path) -> PolicyPack:
    """Read a pack file, once while it stays as it is. Raises ``InputError`` with every problem of the file."""
    state = file.stat() if file.is_file() else None
    return _read_pack(file, (state.st_mtime_ns, state.st_size) if state else None)


@lru_cache(maxsize=64)
def _read_pack(file: Path, _state: tuple[int, int] | None) -> PolicyPack:
    root = read_yaml(file, "policy pack")
    at = root.entries(("pack", "title", "rules"), ("pack", "rules"))
    name = at["pack"].text() if "pack" in at else ""
    title = at["title"].languages() if "title" in at else {"en": name}
    rules = tuple(_read_rule(item) for item in at["rules"].items()) if "rules" in at else ()
    seen: set[str] = set()
    for rule, item in zip(rules, at["rules"].items() if "rules" in at else (), strict=True):
        if rule.id in seen:
            item.complain(f"rule '{rule.id}' a second time", "each id once", "rename or remove one of the two")
        seen.add(rule.id)
    if "rules" in at and not rules:
        at["rules"].complain("no rule", "at least one rule", "add a rule, or leave the pack out")
    root.finish()
    digest = digest_of(canonical_json({"pack": name, "rules": [canonical_json(rule).decode() for rule in rules]}))
    return PolicyPack(name, title, rules, digest)


def _read_rule(place: Place) -> Rule:
    at = place.entries((*_REQUIRED, *_OPTIONAL), _REQUIRED)
    values: dict[str, Any] = {}
    for key in ("id", "citation", "jurisdiction"):
        values[key] = at[key].text() if key in at else None
    for key in (
        "formula",
        "borrowed_from",
        "currency",
        "partial",
        "note",
    ):  # looked up in the message catalogue on one line
        values[key] = " ".join(at[key].text().split()) if key in at else None
    for key in ("status", "limit_source", "test", "comparison", "severity"):
        allowed = get_args(get_type_hints(Rule)[key])
        values[key] = at[key].choice(allowed) if key in at else allowed[0]
    values["measure"] = at["measure"].choice(tuple(measure_kinds())) if "measure" in at else ""
    if "test" in at:
        _check_test(at["test"], values["test"], values["measure"])
    values["title"] = at["title"].languages() if "title" in at else {}
    values["limit"] = at["limit"].number() if "limit" in at else 0.0
    values["verified"] = at["verified"].boolean() if "verified" in at else False
    for key in _LISTS:
        values[key] = at[key].texts() if key in at else ()
    for item in at["inputs"].items() if "inputs" in at else ():
        item.choice((*contract_roles(), *PLANNED_ROLES))
    for key in ("effective_from", "effective_to"):
        values[key] = at[key].date().isoformat() if key in at else None
    if values["effective_from"] and values["effective_to"] and values["effective_to"] <= values["effective_from"]:
        at["effective_to"].complain(
            f"{values['effective_to']}, not after effective_from {values['effective_from']}",
            "the first day on which the rule is no longer in force", "swap or mend the two",
        )  # fmt: skip
    return Rule(**values)


def _check_test(place: Place, test: str, measure: str) -> None:
    """A test that a measure cannot be put to would never fire, or explain itself wrongly."""
    kind = measure_kinds().get(measure)
    if kind is None:
        return
    if test == "census" and not kind.counted:
        place.complain(
            f"'{test}' for {measure}, which is estimated and not counted", "test: interval or point_and_significant",
            "write one of these",
        )  # fmt: skip
    elif test == "point_and_significant" and kind.equality is None:
        place.complain(
            f"'{test}' for {measure}, which has no value that means equality", "test: interval",
            "write interval, or name a measure that compares two groups",
        )  # fmt: skip
