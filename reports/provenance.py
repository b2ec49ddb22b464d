"""What stands behind the figures: data checks, rows left out, and the digests by which anyone can compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from audits.record import AuditRun, Exclusion, Judgement
from checks.check_report import CheckReport, CheckResult
from checks.sentence import Sentence
from reports.figures import count
from reports.report_model import CheckRow, ExcludedRows, Fact, FactGroup
from reports.rule_reading import phrase
from reports.words import ENGLISH, Words

_OUTCOMES = ("fail", "warn", "pass")


def check_rows(say: Words, report: CheckReport) -> tuple[CheckRow, ...]:
    """All checks: those that stop the audit, then warnings, then the passed, each in the order of the contract."""
    rows = [_check_row(say, result) for result in report.results]
    return tuple(sorted(rows, key=lambda row: _OUTCOMES.index(row.outcome)))


def _check_row(say: Words, result: CheckResult) -> CheckRow:
    outcome = "pass" if result.success else "warn" if result.on_failure == "warn" else "fail"
    values = ""
    if result.unexpected is not None and result.rows is not None:
        counted = {"unexpected": result.unexpected, "rows": result.rows}
        told = result.observed.startswith(ENGLISH("check.unexpected", **counted))
        values = "" if told else say("check.unexpected", **counted)
    return CheckRow(
        outcome, result.place, say.sentence(result.expected), say.sentence(result.observed), values,
        tuple(say.sentence(one) if isinstance(one, Sentence) else one for one in result.examples),
        say.sentence(result.remedy) if result.remedy else say("check.remedy_none"),
    )  # fmt: skip


def excluded_rows(say: Words, exclusions: Sequence[Exclusion]) -> tuple[ExcludedRows, ...]:
    """Rows and groups left out, in the order of the record."""
    return tuple(
        ExcludedRows(
            say("labelled", label=e.role, value=e.label) if e.label else e.role, count(e.rows), say.sentence(e.reason)
        )
        for e in exclusions
    )


def provenance(say: Words, run: AuditRun, judgement: Judgement) -> tuple[FactGroup, ...]:
    """Digests, versions, fingerprint, policies, evidence."""
    groups = (
        FactGroup(say("prov.records"), _records(say, run, judgement)),
        FactGroup(say("prov.data"), _data(say, run)),
        FactGroup(say("prov.policies"), tuple(
            Fact(phrase(say, pack.title, pack.id).text, pack.digest, pack.id, True) for pack in judgement.policies
        )),
        FactGroup(say("prov.evidence"), tuple(
            Fact(file.name, file.digest, say("prov.rows", rows=count(file.rows)), True) for file in run.evidence
        )),
        FactGroup(say("prov.environment"), tuple(
            Fact(name, version, "", True) for name, version in sorted(run.environment.items())
        )),
    )  # fmt: skip
    return tuple(group if group.facts else FactGroup(group.title, (Fact(say("prov.empty"), ""),)) for group in groups)


def _records(say: Words, run: AuditRun, judgement: Judgement) -> tuple[Fact, ...]:
    facts = [
        Fact(say("prov.run_digest"), judgement.run_digest, "", True),
        Fact(say("prov.program", name=run.program.name), run.program.digest, "", True),
        Fact(say("prov.version"), str(run.version)),
        Fact(say("prov.supersedes"), run.supersedes or say("prov.supersedes_none"), "", bool(run.supersedes)),
        Fact(say("prov.schema"), run.schema_version),
        Fact(say("prov.seed"), str(run.seed)),
    ]
    if run.subject:
        digest = run.subject.digest or say("prov.model_digest_none")
        name = say("prov.model", model=run.subject.model)
        facts.append(Fact(name, digest, run.subject.version or "", bool(run.subject.digest)))
        facts.append(Fact(say("prov.mlflow"), judgement.run_digest, say("prov.mlflow_note"), True))
    inventory = run.program.content.get("inventory") or {}
    facts += [Fact(say("prov.inventory", key=key), str(value)) for key, value in sorted(inventory.items())]
    return tuple(facts)


def _data(say: Words, run: AuditRun) -> tuple[Fact, ...]:
    data = run.data
    columns = say("join.list").join(
        say("measure_of", measure=name, who=kind) for name, kind in sorted(data.columns.items())
    )
    references = say("join.list").join(
        say("labelled", label=attribute, value=group) for attribute, group in sorted(data.references.items())
    )
    return (
        Fact(say("prov.fingerprint"), data.fingerprint, say("prov.rows", rows=count(data.rows)), True),
        Fact(say("prov.references"), references or say("prov.empty")),
        *_bases(say, run.program.content),
        Fact(say("prov.columns"), columns or say("prov.empty")),
    )


def _bases(say: Words, content: Mapping[str, Any]) -> list[Fact]:
    """The declared reason why each protected attribute may be processed."""
    groups = (content.get("contract") or {}).get("groups") or ()
    return [Fact(say("prov.basis", attribute=g.get("name", "")), str(g["basis"])) for g in groups if g.get("basis")]
