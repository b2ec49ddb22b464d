"""From names in a program to questions with parameters and to policy packs. Nothing is read from data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audits.catalogue import PACKAGES, questions
from audits.policies.in_force import out_of_scope
from audits.policies.packs import PolicyPack, find_pack
from audits.question import Question
from audits.record import Standing
from checks.inputs.program import AuditProgram, QuestionCall
from checks.problem import InputError, Problem, listed, suggest


@dataclass(frozen=True, slots=True)
class PlannedQuestion:
    """A question with its parameters, and whether the program declares it primary."""

    question: Question
    standing: Standing


@dataclass(frozen=True, slots=True)
class Plan:
    """What a program will do, fully resolved."""

    questions: tuple[PlannedQuestion, ...]
    packs: tuple[PolicyPack, ...]
    scope: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def named(self, name: str) -> Question:
        """The planned question of a name."""
        return next(planned.question for planned in self.questions if planned.question.name == name)

    @property
    def limits(self) -> dict[str, tuple[float, ...]]:
        """Every limit that a chosen rule in scope sets on a measure, ascending: cases beyond each are counted."""
        found: dict[str, set[float]] = {}
        for pack in self.packs:
            for rule in pack.rules:
                if not out_of_scope(rule, self.scope):  # a limit for others binds nobody here
                    found.setdefault(rule.measure, set()).add(rule.limit)
        return {measure: tuple(sorted(limits)) for measure, limits in found.items()}


def make_plan(program: AuditProgram) -> Plan:
    """Resolve names. Raises ``InputError`` for unknown questions, parameters and policies."""
    problems: list[Problem] = []
    planned: dict[str, PlannedQuestion] = {}
    for standing, calls in (("primary", program.primary), ("exploratory", program.exploratory)):
        for call in calls:
            for kind in _kinds(call, program, problems):
                if kind.name not in planned:
                    question = _make(kind, call, program, problems)
                    planned[kind.name] = PlannedQuestion(question, standing)  # type: ignore[arg-type]
                elif kind.name == call.name:
                    problems.append(Problem(
                        program.where(call.place), f"'{call.name}' a second time", "each question once", "remove one",
                    ))  # fmt: skip
    packs = []
    for i, name in enumerate(program.policies):
        try:
            packs.append(find_pack(name, program.folder, program.where(f"policies[{i}]")))
        except InputError as error:
            problems += error.problems
    owner: dict[str, str] = {}
    for pack in packs:
        for rule in pack.rules:
            if owner.setdefault(rule.id, pack.id) != pack.id:
                problems.append(Problem(
                    program.where("policies"), f"rule '{rule.id}' in the packs '{owner[rule.id]}' and '{pack.id}'",
                    "each rule id in one pack", "give the bank's own rule an id of its own",
                ))  # fmt: skip
    if problems:
        raise InputError(problems)
    return Plan(tuple(planned.values()), tuple(packs), dataclasses.asdict(program.scope))


def _kinds(call: QuestionCall, program: AuditProgram, problems: list[Problem]) -> Iterator[type[Any]]:
    known = questions()
    if call.name in known:
        yield known[call.name]
    elif call.name in PACKAGES and not call.parameters:
        yield from PACKAGES[call.name]
    elif call.name in PACKAGES:
        problems.append(Problem(
            program.where(call.place), f"parameters for the whole package '{call.name}'",
            "parameters for one question", f"name one of {listed([kind.name for kind in PACKAGES[call.name]])}",
        ))  # fmt: skip
    else:
        names = (*known, *PACKAGES)
        problems.append(Problem(
            program.where(call.place), f"unknown question '{call.name}'", f"one of {listed(names, 40)}",
            suggest(call.name, names),
        ))  # fmt: skip


def _make(kind: type[Any], call: QuestionCall, program: AuditProgram, problems: list[Problem]) -> Question:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in call.parameters.items():
        where = program.where(f"{call.place}.{call.name}.{key}")
        if key not in fields:
            problems.append(
                Problem(where, f"unknown parameter '{key}'", f"one of {listed(fields)}", suggest(key, fields))
            )
            continue
        values[key] = tuple(value) if isinstance(value, list) else value
        problems += _unfit_parameter(fields[key], values[key], where, program)
    return kind(**values)  # type: ignore[no-any-return]


def _unfit_parameter(field: dataclasses.Field[Any], value: Any, where: str, program: AuditProgram) -> list[Problem]:
    """What keeps a value from being that of a field: its annotation, and ``least`` in its metadata."""
    if field.name == "attributes":
        names = [group.name for group in program.contract.groups]
        if not isinstance(value, tuple):
            return [Problem(where, f"'{value}'", "a list", f"write [{value}]")]
        return [
            Problem(where, f"unknown attribute '{name}'", f"one of {listed(names)}", suggest(str(name), names))
            for name in value if name not in names
        ]  # fmt: skip
    if field.name == "level":
        fits = _is_number(value) and 0.5 < value < 1
        expected = "a number between 0.5 and 1, such as 0.95"
        return [] if fits else [Problem(where, f"'{value}'", expected, "write a number in that range")]
    if field.type in ("float", "int"):
        return _unfit_number(field, value, where)
    if field.type == "tuple[str, ...]":
        return _unfit_texts(value, where)
    return []


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _unfit_number(field: dataclasses.Field[Any], value: Any, where: str) -> list[Problem]:
    least = field.metadata.get("least")
    whole = field.type == "int"
    fits = _is_number(value) and float("-inf") < value < float("inf") and (least is None or value >= least)
    if fits and not (whole and isinstance(value, float)):
        return []
    expected = ("a whole number" if whole else "a number") + ("" if least is None else f" from {least} on")
    return [Problem(where, f"'{value}'", expected, "write a number in that range")]


def _unfit_texts(value: Any, where: str) -> list[Problem]:
    if not isinstance(value, tuple):
        return [Problem(where, f"'{value}'", "a list of texts", f"write [{value}]")]
    return [
        Problem(where, f"'{one}', which is no text", "a list of texts", f'write "{one}", in quotes')
        for one in value if not isinstance(one, str)
    ]  # fmt: skip
