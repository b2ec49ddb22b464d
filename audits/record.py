"""The versioned records. Everything after an audit reads only these.

``AuditRun`` (run.json) holds what was measured, ``Judgement`` (judgement.json) what that means
under dated rules. Both are immutable and carry no wall-clock time and no address of a file or
server, so that the same inputs give the same bytes. Texts are English; beside them the file has a table ``sentences``
with the template and the values of each, by which a report says them in another language. Their JSON Schemas are made
from these dataclasses and published in ``docs/schemas``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from checks.check_report import CheckReport
from checks.problem import InputError, Problem
from checks.sentence import sentences_in, with_sentences
from checks.unavailable import silent_or

SCHEMA_VERSION = "1.0"
SIGNIFICANT_DIGITS = 12
Verdict = Literal["breach", "concern", "clear", "inconclusive", "not_identified", "unfit"]
VERDICTS: tuple[Verdict, ...] = ("unfit", "breach", "concern", "inconclusive", "not_identified", "clear")
Test = Literal["interval", "point_and_significant", "census"]
Standing = Literal["primary", "exploratory"]


@dataclass(frozen=True, slots=True)
class ProgramRecord:
    """What was asked: the program's content without the address of its source, and its digest."""

    name: str
    title: Mapping[str, str]
    content: Mapping[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class DataRecord:
    """What it was asked of: fingerprint (order-free), rows, columns with types, period and its days.

    ``references`` maps each attribute to its reference label, ``declared`` to the labels that may occur,
    both as the data write them; ``declared`` is empty where any may.
    ``undated`` counts the rows whose time is missing.
    """

    fingerprint: str
    rows: int
    columns: Mapping[str, str]
    period: str
    first_day: str | None
    last_day: str | None
    references: Mapping[str, str]
    declared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    undated: int = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """The audited model, where the program names one."""

    model: str
    version: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Rows or groups left out of a figure, with their number and the reason."""

    role: str
    label: str | None
    rows: int
    reason: str


@dataclass(frozen=True, slots=True)
class Point:
    """A rate of a ``group`` at the place ``x`` of a scale, with its interval at the figure's level and its rows."""

    group: str
    x: float
    rate: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure.

    ``estimate`` is None with a ``reason`` when it cannot be had; ``low`` and ``high`` are the
    bounds at ``level``, None with a bound at infinity; ``n`` is the number of rows behind the
    figure and ``counts`` its numerators and denominators; ``equality`` is the value that means
    no difference; ``mde`` the smallest departure from it that this sample would have found
    with power .8; ``details`` further figures of the same estimate. ``ladder`` holds (level, low, high) at further
    levels, ascending, so that a judgement can allow for the number of comparisons; ``corrected`` says that the interval
    does so already. ``cautions`` is what must be known before relying on the figure: with one, it makes no breach.
    ``unseen`` is what the figure cannot see and what may be the harm: with one, it is never clear. ``undecided`` is why
    the figure decides nothing by itself, whatever its interval: with it, the verdict is inconclusive. ``points`` are
    rates along a scale that lie behind the figure, for a picture; ``unit`` is the currency of an amount of money.
    ``beyond`` holds (limit, cases) for the limits that the chosen rules set on an exact figure: how many cases lie
    beyond.
    """

    question: str
    measure: str
    attribute: str | None
    group: str | None
    reference: str | None
    estimate: float | None
    low: float | None
    high: float | None
    level: float
    n: int
    method: str
    source: str
    segment: str = "all"
    counts: Mapping[str, int] = field(default_factory=dict)
    equality: float | None = None
    p_value: float | None = None
    mde: float | None = None
    standard_error: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    reason: str | None = None
    ladder: tuple[tuple[float, float | None, float | None], ...] = ()
    corrected: bool = False
    cautions: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    points: tuple[Point, ...] = ()
    undecided: str | None = None
    unit: str | None = None
    beyond: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """A question that could not run, what it lacks, and what would answer it."""

    question: str
    reason: str
    needed: str


@dataclass(frozen=True, slots=True)
class RunError:
    """A question that failed while it ran. Never read as a result."""

    question: str
    error: str


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file of aggregates that the figures were computed from, beside run.json."""

    name: str
    digest: str
    rows: int


@dataclass(frozen=True, slots=True)
class AuditRun:
    """run.json. Keyed by program, period and version; ``supersedes`` is the digest of the version before."""

    schema_version: str
    program: ProgramRecord
    version: int
    supersedes: str | None
    subject: Subject | None
    data: DataRecord
    environment: Mapping[str, str]
    seed: int
    checks: CheckReport
    exclusions: tuple[Exclusion, ...]
    measurements: tuple[Measurement, ...]
    not_answered: tuple[NotAnswered, ...]
    errors: tuple[RunError, ...]
    evidence: tuple[EvidenceFile, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A dated rule. ``limit_source`` says whether the limit is the law's own or ours.

    In force from ``effective_from`` on and before ``effective_to``. ``jurisdictions``, ``products`` and ``lenders`` are
    its scope, each empty where it is not bound; ``currency`` is that of a limit which is an amount of money;
    ``formula`` says in a line what is computed, ``inputs`` names the roles of the contract that it takes, ``partial``
    which part of the law the rule covers.
    """

    id: str
    title: Mapping[str, str]
    citation: str
    jurisdiction: str
    status: Literal["in_force", "guidance", "draft", "repealed", "convention"]
    limit_source: Literal["law", "ours"]
    measure: str
    test: Test
    comparison: Literal["at_least", "at_most"]
    limit: float
    severity: Literal["high", "medium", "low"]
    verified: bool
    effective_from: str | None = None
    effective_to: str | None = None
    jurisdictions: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    lenders: tuple[str, ...] = ()
    formula: str | None = None
    inputs: tuple[str, ...] = ()
    borrowed_from: str | None = None
    currency: str | None = None
    partial: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A policy pack that was applied."""

    id: str
    title: Mapping[str, str]
    digest: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A measurement under a rule. ``finding_id`` stays the same over periods and versions.

    ``unseen`` is what keeps it from being clear. ``low`` and ``high`` are the bounds at ``level``, which allows for the
    ``family`` of comparisons judged together; they are the measurement's own where nothing was corrected. ``mde`` is
    the smallest departure from equality, or from the limit where there is no equality, that would have been found at
    that level with power .8.
    """

    finding_id: str
    harm: str
    standing: Standing
    measurement: Measurement
    rule: Rule
    verdict: Verdict
    explanation: str
    cautions: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    level: float | None = None
    family: int = 1
    mde: float | None = None
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleNotApplied:
    """A rule of the chosen policies that judged nothing in this run, and why."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """judgement.json: the run it judges (digest), the policies (digests), the findings."""

    schema_version: str
    program: str
    period: str
    version: int
    run_digest: str
    policies: tuple[PolicyRecord, ...]
    findings: tuple[Finding, ...]
    rules_not_applied: tuple[RuleNotApplied, ...]
    not_answered: tuple[NotAnswered, ...]


Record = TypeVar("Record")


def canonical_json(value: Any) -> bytes:
    """Bytes of a record: keys sorted, floats rounded to 12 significant digits, UTF-8, one final newline.

    A record with sentences has a table of them under ``sentences``. Raises ``ValueError`` for a NaN or infinity: a
    missing number is None with a reason.
    """
    plain = value
    if is_dataclass(value) and not isinstance(value, type):
        plain, table = asdict(value), sentences_in(value)
        plain |= {"sentences": table} if table else {}
    return json.dumps(_rounded(plain), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0 if math.isfinite(value) else value
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return str(value)


def digest_of(content: bytes) -> str:
    """``sha256:`` and the hexadecimal digest."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def read_record(kind: type[Record], file: Path) -> Record:
    """Read a record back. Raises ``InputError`` when the file is absent or not such a record.

    Raises ``UnavailableError`` where the disk or the share does not answer now.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        content = file.read_bytes()
        record = TypeAdapter(kind).validate_json(content)
        return cast(Record, with_sentences(record, _table(content)))
    except OSError as error:
        raise silent_or(InputError(Problem(
            str(file), f"no readable file ({error.strerror})", f"a record of kind {kind.__name__}",
            "name the folder of a finished run",
        )), error) from None  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise InputError(Problem(
            f"{file}, {where or 'top level'}", first["msg"],
            f"a record of kind {kind.__name__}, version {SCHEMA_VERSION}",
            "write the run again with this version, or restore the file",
        )) from None  # fmt: skip


def _table(content: bytes) -> dict[str, Any]:
    """The sentences of a record's file; none where the table is no table: the texts stay English."""
    table = json.loads(content).get("sentences") if b'"sentences"' in content else None
    return table if isinstance(table, dict) else {}


_SENTENCES = {
    "description": "Template and values of every text made by Squaredeal, by the text: what a translation starts from.",
    "type": "object",
    "additionalProperties": {
        "type": "object", "required": ["template"],
        "properties": {
            "template": {"type": "string"},
            "values": {"type": "object", "additionalProperties": {"type": ["string", "number", "array"]}},
        },
    },
}  # fmt: skip


def json_schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON Schema of a record."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(kind).json_schema()
    schema.setdefault("properties", {})["sentences"] = _SENTENCES
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"squaredeal:{kind.__name__}", **schema}
