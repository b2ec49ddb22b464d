"""What the site keeps of a run: its verdicts and figures, and what they rest on; or why it cannot be read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from audits.record import (
    SCHEMA_VERSION,
    VERDICTS,
    AuditRun,
    Finding,
    Judgement,
    Measurement,
    Rule,
    Standing,
    Verdict,
    canonical_json,
    digest_of,
    read_record,
)
from audits.releases.brief import Releases
from audits.releases.record import Release
from checks.inputs.period import read_period
from checks.problem import InputError
from checks.sentence import with_sentences
from reports.site.run_folders import JUDGEMENT_FILE, RUN_FILE, RunFolder

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgedFigure:
    """A finding: the measurement's place in the run's list, the rule's id, and the bounds that it was judged at."""

    finding_id: str
    harm: str
    standing: Standing
    verdict: Verdict
    rule: str
    figure: int
    explanation: str
    low: float | None
    high: float | None
    level: float | None


@dataclass(frozen=True, slots=True)
class Pack:
    """A policy pack that was applied."""

    title: Mapping[str, str]
    digest: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run and its judgement in short. ``harms`` holds the worst verdict on each harm that was asked about."""

    program: str
    title: Mapping[str, str]
    question: Mapping[str, str]
    period: str
    version: int
    run_digest: str
    judgement_digest: str
    program_digest: str
    model: str | None
    model_version: str | None
    fingerprint: str
    rows: int
    first_day: str | None
    last_day: str | None
    fit: bool
    failed_checks: int
    errors: tuple[str, ...]
    not_answered: tuple[str, ...]
    idle_rules: int
    seed: int
    environment: Mapping[str, str]
    harms: Mapping[str, Verdict | None]
    policies: Mapping[str, Pack]
    rules: Mapping[str, Rule]
    figures: tuple[Measurement, ...]
    findings: tuple[JudgedFigure, ...]
    owner: str | None = None
    stage: str | None = None
    releases: Releases = field(default_factory=Releases)

    @property
    def released(self) -> Release | None:
        """The last release, where there is one."""
        return next(iter(self.releases.made), None)

    @property
    def is_judged_anew(self) -> bool:
        """Whether the judgement is another than the one that was released."""
        return self.released is not None and self.released.judgement_digest != self.judgement_digest

    @property
    def worst(self) -> Verdict | None:
        """The worst verdict of the run; None when nothing was judged."""
        return worst(finding.verdict for finding in self.findings)

    @property
    def digests(self) -> str:
        """What changes when any record does."""
        return f"{self.run_digest} {self.judgement_digest} {self.releases.made} {self.releases.faults}".rstrip()

    def finding(self, finding_id: str) -> JudgedFigure | None:
        """The finding of that id, where the run has it."""
        return next((one for one in self.findings if one.finding_id == finding_id), None)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a run folder cannot be read: the key of a sentence, and what stands in it."""

    key: str
    file: str
    found: str = ""


def worst(verdicts: Iterator[Verdict]) -> Verdict | None:
    """The first in the order of ``VERDICTS``."""
    return min(verdicts, key=VERDICTS.index, default=None)


def read_records(folder: RunFolder) -> tuple[AuditRun, Judgement] | Unreadable:
    """Both records, of one run and of the place where they lie; or what is wrong with them."""
    for file in (RUN_FILE, JUDGEMENT_FILE):
        if not (folder.path / file).is_file():
            return Unreadable("site.broken.missing", file)
    try:
        run = read_record(AuditRun, folder.path / RUN_FILE)
        judgement = read_record(Judgement, folder.path / JUDGEMENT_FILE)
    except InputError as error:
        return _spoilt(folder, error)
    for file, version in ((RUN_FILE, run.schema_version), (JUDGEMENT_FILE, judgement.schema_version)):
        if version != SCHEMA_VERSION:
            return Unreadable("site.broken.schema", file, version)
    if judgement.run_digest != digest_of((folder.path / RUN_FILE).read_bytes()):
        return Unreadable("site.broken.other_run", JUDGEMENT_FILE)
    return _misplaced(folder, run) or (run, judgement)


def _spoilt(folder: RunFolder, error: InputError) -> Unreadable:
    """Says where and what, without the address of the folder."""
    problem = error.problems[0]
    file = RUN_FILE if problem.where.startswith(str(folder.path / RUN_FILE)) else JUDGEMENT_FILE
    where = problem.where.removeprefix(str(folder.path / file)).removeprefix(", ")
    return Unreadable("site.broken.spoilt", file, f"{where}: {problem.found}" if where else problem.found)


def _misplaced(folder: RunFolder, run: AuditRun) -> Unreadable | None:
    named = f"{run.program.name}/{run.data.period}/v{run.version}"
    if named != folder.name:
        return Unreadable("site.broken.misplaced", RUN_FILE, named)
    try:
        read_period(run.data.period)
    except InputError:
        return Unreadable("site.broken.period", RUN_FILE, run.data.period)
    return None


def summarise(
    run: AuditRun, judgement: Judgement, judgement_digest: str, releases: Releases | None = None
) -> RunSummary:  # fmt: skip
    """The run in short, with what was released of it."""
    figures = {key_of(m): _bare(m) for m in (*(f.measurement for f in judgement.findings), *run.measurements)}
    places = {key: i for i, key in enumerate(figures)}
    content, subject = run.program.content, run.subject
    unanswered = [entry.question for entry in (*judgement.not_answered, *run.not_answered)]
    errors = tuple(error.question for error in run.errors)
    return RunSummary(
        run.program.name, run.program.title, content.get("description") or {}, run.data.period, run.version,
        judgement.run_digest, judgement_digest, run.program.digest,
        subject.model if subject else None, subject.version if subject else None,
        run.data.fingerprint, run.data.rows, run.data.first_day, run.data.last_day,
        run.checks.fit, len(run.checks.failures), errors, tuple(dict.fromkeys(unanswered)),
        len(judgement.rules_not_applied), run.seed, run.environment,
        _harms(judgement, (*errors, *unanswered)),
        {pack.id: Pack(pack.title, pack.digest) for pack in judgement.policies},
        {f.rule.id: _short(f.rule) for f in judgement.findings}, tuple(figures.values()),
        _findings(judgement, places), _inventory(content, "owner"), _inventory(content, "stage"),
        releases or Releases(),
    )  # fmt: skip


def _inventory(content: Mapping[str, Any], key: str) -> str | None:
    told = (content.get("inventory") or {}).get(key)
    return str(told) if told else None


def _findings(judgement: Judgement, places: Mapping[Key, int]) -> tuple[JudgedFigure, ...]:
    """Every finding; where an id stands more than once, the further ones are told apart by a number."""
    found: list[JudgedFigure] = []
    seen: Counter[str] = Counter()
    for f in judgement.findings:
        seen[f.finding_id] += 1
        name = f.finding_id if seen[f.finding_id] == 1 else f"{f.finding_id}.{seen[f.finding_id]}"
        told = f.explanation if f.verdict == "not_identified" or f.measurement.undecided else ""
        place = places[key_of(f.measurement)]
        found.append(JudgedFigure(name, f.harm, f.standing, f.verdict, f.rule.id, place, told, *_judged_at(f)))
    return tuple(found)


def _judged_at(f: Finding) -> tuple[float | None, float | None, float | None]:
    m = f.measurement
    return (m.low, m.high, m.level) if f.level is None else (f.low, f.high, f.level)


def _harms(judgement: Judgement, unanswered: tuple[str, ...]) -> dict[str, Verdict | None]:
    asked = [f.harm for f in judgement.findings] + [question.split(".")[0] for question in unanswered]
    return {
        harm: worst(f.verdict for f in judgement.findings if f.harm == harm)
        for harm in dict.fromkeys(asked) if harm != "contract"
    }  # fmt: skip


def key_of(m: Measurement) -> Key:
    """What makes a figure the same one in another run."""
    return tuple(str(part) for part in (m.question, m.measure, m.attribute, m.group, m.reference, m.segment))


def _bare(m: Measurement) -> Measurement:
    """A figure without its ladder, its method and its remarks."""
    return replace(m, counts={}, details={}, ladder=(), cautions=(), unseen=(), undecided=None, method="", source="")


def _short(rule: Rule) -> Rule:
    return replace(rule, formula=None, inputs=(), note=None, partial=None, jurisdictions=(), products=(), lenders=())


def to_json(summary: RunSummary) -> bytes:
    """The summary with a table of its sentences. Raises ``ValueError`` for a number that is none."""
    return canonical_json(summary)


def from_json(content: bytes) -> RunSummary:
    """What ``to_json`` wrote."""
    from pydantic import TypeAdapter

    plain = json.loads(content)
    table = plain.pop("sentences", {})
    plain["policies"] = {name: Pack(**pack) for name, pack in plain["policies"].items()}
    plain["rules"] = {name: Rule(**rule) for name, rule in plain["rules"].items()}
    plain["figures"] = tuple(Measurement(**figure) for figure in plain["figures"])
    plain["findings"] = tuple(JudgedFigure(**finding) for finding in plain["findings"])
    plain["releases"] = TypeAdapter(Releases).validate_python(plain["releases"])
    for name in ("errors", "not_answered"):
        plain[name] = tuple(plain[name])
    summary: RunSummary = with_sentences(RunSummary(**plain), table)
    rules = {name: with_sentences(rule, table) for name, rule in summary.rules.items()}
    return replace(summary, rules=rules)
