"""The audit program: what is audited, on which data, by which questions, under which policies.

A program is one YAML file. ``read_program`` turns it into an immutable ``AuditProgram`` or
raises ``InputError`` with file, line, what was found, what was expected and the nearest
valid name. Names of questions and policies are texts here; ``audits.plan`` resolves them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from checks.inputs.contract import ON_FAILURE, DataContract
from checks.inputs.contract_reader import read_contract
from checks.inputs.hmda_program import FORMAT, with_register_roles
from checks.inputs.operation import Operation
from checks.inputs.operation_reader import read_operation
from checks.inputs.personal import refuse_personal_words
from checks.inputs.product_rules import ProductRules, read_product_rules
from checks.inputs.remedies import Remedies
from checks.inputs.remedies_reader import read_remedies
from checks.inputs.schedule import read_schedule
from checks.inputs.yaml_reader import Place, read_yaml
from checks.problem import InputError, Problem

PROGRAM_KEYS = (
    "program", "title", "description", "inventory", "model", "trusted_model", "source", "scope", "contract", "checks",
    "audits", "policies", "schedule", "seed", "remedies", "operation",
)  # fmt: skip
DEFAULT_SEED = 20210709
STAGES = ("production", "development", "retired")


@dataclass(frozen=True, slots=True)
class SourceAddress:
    """Where the model outputs lie. Exactly one of ``table`` and ``query`` is set.

    ``connection`` is ``duckdb://`` for files, a database URL, or ``airflow://CONN_ID``. ``format`` names what a
    file's columns mean where a standard says so: ``hmda``, the public loan/application register.
    """

    connection: str = "duckdb://"
    table: str | None = None
    query: str | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where, for what products and by what kind of lender decisions were made; rules out of scope are not judged."""

    jurisdictions: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    lenders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExtraCheck:
    """A Great Expectations check added by the program: its GX name and arguments."""

    expectation: str
    arguments: Mapping[str, object]
    on_failure: str = "stop"


@dataclass(frozen=True, slots=True)
class QuestionCall:
    """A question, or a whole package of them, asked by name with its YAML parameters."""

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    place: str = ""


@dataclass(frozen=True, slots=True)
class AuditProgram:
    """A program as read.

    ``cron`` is the schedule as a cron line; ``product_rules`` what the contract's file of that name says; ``lines``
    maps dotted places to lines of ``file``, for later errors.
    """

    name: str
    title: Mapping[str, str]
    source: SourceAddress
    contract: DataContract
    primary: tuple[QuestionCall, ...]
    exploratory: tuple[QuestionCall, ...]
    policies: tuple[str, ...]
    description: Mapping[str, str] = field(default_factory=dict)
    inventory: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    trusted_model: bool = False
    scope: Scope = Scope()
    checks: tuple[ExtraCheck, ...] = ()
    schedule: str | None = None
    cron: str | None = None
    seed: int = DEFAULT_SEED
    product_rules: ProductRules | None = None
    remedies: Remedies | None = None
    operation: Operation = field(default_factory=Operation)
    file: Path = Path()
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder of the program file; relative paths in the program start here."""
        return self.file.parent

    def where(self, place: str) -> str:
        """File, line and dotted place, for an error about something that the program names."""
        spot = place
        while spot and spot not in self.lines:  # a list written as one value has no items: its own line then
            spot = re.sub(r"(^|\.)[^.\[]*$|\[\d+\]$", "", spot)
        line = self.lines.get(spot) if spot else None
        return f"{self.file}" + (f", line {line}" if line else "") + f", {place}"


def read_program(file: Path | str) -> AuditProgram:
    """Read a program file. Raises ``InputError`` with every problem of the file at once."""
    file = Path(file).absolute()
    root = read_yaml(file, "program")
    _refuse_secrets(root)
    root = with_register_roles(root)
    at = root.entries(PROGRAM_KEYS, ("program", "source", "contract", "audits", "policies"))
    name = _read_name(at["program"]) if "program" in at else ""
    audits = _read_audits(at["audits"]) if "audits" in at else {}
    if "audits" in at:
        refuse_personal_words(at["audits"])
    contract = read_contract(at["contract"]) if "contract" in at else DataContract()
    program = AuditProgram(
        name=name,
        title=at["title"].languages() if "title" in at else {"en": name},
        source=_read_source(at["source"]) if "source" in at else SourceAddress(),
        contract=contract,
        primary=audits.get("primary", ()),
        exploratory=audits.get("exploratory", ()),
        policies=at["policies"].texts() if "policies" in at else (),
        description=at["description"].languages() if "description" in at else {},
        inventory=_read_inventory(at["inventory"]) if "inventory" in at else {},
        model=at["model"].text() if "model" in at else None,
        trusted_model=at["trusted_model"].boolean() if "trusted_model" in at else False,
        scope=_read_scope(at["scope"]) if "scope" in at else Scope(),
        checks=tuple(_read_check(item) for item in at["checks"].items()) if "checks" in at else (),
        schedule=at["schedule"].text() if "schedule" in at else None,
        cron=read_schedule(at["schedule"], contract.time is not None) if "schedule" in at else None,
        seed=at["seed"].integer(0) if "seed" in at else DEFAULT_SEED,
        remedies=read_remedies(at["remedies"], contract) if "remedies" in at else None,
        operation=read_operation(at["operation"], "schedule" in at) if "operation" in at else Operation(),
        file=file,
        lines=_lines(root),
    )
    if contract.prediction and "model" not in at:
        root.complain(
            "'prediction' without 'model'", "the registered model that made the rows",
            "add 'model: models:/NAME@ALIAS' and 'trusted_model: true'",
        )  # fmt: skip
    root.finish()
    if contract.prediction:
        named = replace(contract.prediction, uri=program.model, trusted=program.trusted_model)
        program = replace(program, contract=replace(contract, prediction=named))
    if contract.product_rules:
        program = replace(program, product_rules=read_product_rules(file.parent / contract.product_rules, contract))
    return program


_SECRET = re.compile(
    r"://[^/@\s:]*:(?!\$\{\w+\}@)[^@\s]+@|\b(password|passwd|pwd)\s*=\s*'?(?!\$\{\w+\})[^\s&']", re.IGNORECASE
)


def _refuse_secrets(place: Place) -> None:
    """A password must not stand anywhere in a program: the program is kept with its runs."""
    quiet = Place(place.node, place.path, place.file, [])
    for inner in quiet.free_entries().values() if quiet.is_mapping else quiet.items() if quiet.is_list else ():
        _refuse_secrets(Place(inner.node, inner.path, inner.file, place.problems))
    if not quiet.is_mapping and not quiet.is_list and _SECRET.search(str(place.node.value)):
        place.complain(
            "a password in the program file", "a connection without a secret",
            "use airflow://CONN_ID, or ${NAME} for a part that stands in the environment",
        )  # fmt: skip


def _read_name(place: Place) -> str:
    name = place.text()
    if name and not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,99}", name):
        place.complain(f"'{name}'", "lower-case letters, digits, '-' and '_'", "choose a name that can be a folder")
    return name


def _read_inventory(place: Place) -> dict[str, str]:
    """Entries of the user's own; ``stage`` alone has known words, since it tells which models are in production."""
    entries = place.free_entries()
    return {key: one.choice(STAGES) if key == "stage" else one.text() for key, one in entries.items()}


def _read_source(place: Place) -> SourceAddress:
    at = place.entries(("connection", "table", "query", "format"))
    if at and ("table" in at) == ("query" in at):
        found = "both 'table' and 'query'" if "table" in at else "neither 'table' nor 'query'"
        place.complain(found, "one of the two", "name a file or table under 'table', or SQL under 'query'")
    if "format" in at and ("query" in at or "connection" in at):
        found = "'format' beside " + ("'query'" if "query" in at else "'connection'")
        at["format"].complain(found, "a file under 'table'", "a register is read from its file: remove the other key")
    return SourceAddress(
        connection=at["connection"].text() if "connection" in at else "duckdb://",
        table=at["table"].text() if "table" in at else None,
        query=at["query"].text() if "query" in at else None,
        format=at["format"].choice((FORMAT,)) if "format" in at else None,
    )


def _read_scope(place: Place) -> Scope:
    at = place.entries(("jurisdictions", "products", "lenders"))
    return Scope(
        jurisdictions=at["jurisdictions"].texts() if "jurisdictions" in at else (),
        products=at["products"].texts() if "products" in at else (),
        lenders=at["lenders"].texts() if "lenders" in at else (),
    )


def _read_check(place: Place) -> ExtraCheck:
    entries = place.free_entries()
    on_failure = entries.pop("on_failure").choice(ON_FAILURE) if "on_failure" in entries else "stop"
    if len(entries) != 1:
        place.complain(
            place.describe(), "one expectation with its arguments, and perhaps on_failure",
            "write - expect_…: {column: …, …}",
        )  # fmt: skip
        return ExtraCheck("", {})
    name, arguments = next(iter(entries.items()))
    values = arguments.value() if arguments.is_mapping else {}
    if not arguments.is_mapping:
        arguments.complain(arguments.describe(), "a mapping of arguments", "write {column: …, …}")
    return ExtraCheck(name, values if isinstance(values, dict) else {}, on_failure)


def _read_audits(place: Place) -> dict[str, tuple[QuestionCall, ...]]:
    at = place.entries(("primary", "exploratory"))
    if place.is_mapping and not any(at[key].items() for key in at):
        place.complain("no question", "a list under 'primary' or 'exploratory'", "add primary: [fair_lending.approval]")
    return {key: tuple(_read_call(item) for item in at[key].items()) for key in at}


def _read_call(place: Place) -> QuestionCall:
    if not place.is_mapping:
        return QuestionCall(place.text(), {}, place.path)
    entries = place.free_entries()
    if len(entries) != 1:
        place.complain(place.describe(), "one question with its parameters", "write - package.question: {…}")
        return QuestionCall("", {}, place.path)
    name, parameters = next(iter(entries.items()))
    values = parameters.value()
    if not isinstance(values, dict) and not parameters.is_null:
        parameters.complain(parameters.describe(), "a mapping of parameters", "write {level: 0.95}")
    return QuestionCall(name, values if isinstance(values, dict) else {}, place.path)


def _lines(root: Place) -> dict[str, int]:
    lines: dict[str, int] = {}
    stack = [root]
    quiet: list[Problem] = []
    while stack:
        place = stack.pop()
        lines[place.path] = place.line
        inner = Place(place.node, place.path, place.file, quiet)
        stack += inner.free_entries().values() if inner.is_mapping else inner.items() if inner.is_list else []
    return lines


def find_programs(folder: Path) -> list[Path]:
    """Program files of a folder, sorted by name."""
    if not folder.is_dir():
        raise InputError(Problem(str(folder), "no such folder", "a folder of program files", "check the path"))
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
