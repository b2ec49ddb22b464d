"""What a notice holds: which program, which run, what was found, who owns it, and where to look.

No row and no person's value, no secret and no path of the machine stands in it: examples and observed values of data
checks are left out, and of an error that is not in our words only its type is told.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from audits.record import VERDICTS, AuditRun, Finding, Judgement, digest_of
from audits.releases.record import FLAGGED
from checks.inputs.program import AuditProgram
from dags.notices.plain import plain

Kind = Literal["awaiting", "flagged", "failed", "unfit", "late", "released", "rejected", "expired", "test"]
KINDS: tuple[str, ...] = get_args(Kind)
MOST = 10  # findings and checks that are told one by one


@dataclass(frozen=True, slots=True)
class Links:
    """Where to look: the report on the site, the page of the approval, the run in the scheduler."""

    report: str | None = None
    approval: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class ToldFinding:
    """A finding in a notice; ``explanation`` is one sentence of the judgement."""

    id: str
    verdict: str
    harm: str
    rule: str
    citation: str
    explanation: str


@dataclass(frozen=True, slots=True)
class ToldCheck:
    """A data check that stopped the run: its place in the program, what was expected, what to do."""

    place: str
    expected: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told of a run. ``key`` is the same whenever the same thing is told again.

    ``period`` is empty and ``version`` None while they are not known; ``verdicts`` counts all findings; ``more`` how
    many flagged findings or failed checks stand in the report only.
    """

    kind: str
    key: str
    program: str
    title: Mapping[str, str]
    owner: str
    tier: str
    period: str = ""
    version: int | None = None
    model: str | None = None
    model_version: str | None = None
    verdicts: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[ToldFinding, ...] = ()
    checks: tuple[ToldCheck, ...] = ()
    more: int = 0
    failed_questions: tuple[str, ...] = ()
    task: str = ""
    reason: str = ""
    links: Links = Links()


def notice_of(
    folder: Path | None, program: AuditProgram, kind: str, *, reason: str = "", task: str = "", run_id: str = "",
    period: str = "", links: Links | None = None,
) -> Notice:  # fmt: skip
    """A notice of a program, and of its run where ``folder`` holds the records of one.

    ``task`` and ``run_id`` are the scheduler's, for what has no version yet. Raises ``InputError`` when the records
    cannot be read, ``ValueError`` for a kind that is none.
    """
    from audits.run import JUDGEMENT_FILE, read_run

    if kind not in KINDS:
        raise ValueError(f"no kind of notice: {kind}")
    notice = Notice(
        kind, _key(program.name, period, kind, task, run_id), program.name,
        {lang: plain(text) for lang, text in program.title.items()}, plain(program.inventory.get("owner", "")),
        plain(program.inventory.get("tier", "")), period, model=program.model, task=plain(task),
        reason=plain(reason, program.folder), links=links or Links(),
    )  # fmt: skip
    if folder is None:
        return notice
    run, judgement = read_run(folder)
    judged = digest_of((folder / JUDGEMENT_FILE).read_bytes())
    key = _key(program.name, run.data.period, str(run.version), kind, task, run_id if task else judged)
    told = replace(
        notice, key=key, period=run.data.period, version=run.version,
        model=run.subject.model if run.subject else None, model_version=run.subject.version if run.subject else None,
        links=replace(notice.links, report=_report(program.name, run)),
    )  # fmt: skip
    return _with_checks(told, run) if not run.checks.fit else _with_findings(told, run, judgement)


def _with_checks(notice: Notice, run: AuditRun) -> Notice:
    """The checks that stopped the run."""
    stopped = [result for result in run.checks.failures if result.on_failure == "stop"]
    told = tuple(ToldCheck(plain(one.place), plain(one.expected), plain(one.remedy)) for one in stopped[:MOST])
    return replace(notice, checks=told, more=max(0, len(stopped) - MOST))


def _with_findings(notice: Notice, run: AuditRun, judgement: Judgement) -> Notice:
    """How many findings of each verdict, the flagged ones with the worst first, and the questions that failed."""
    counted = Counter(finding.verdict for finding in judgement.findings)
    flagged = [finding for verdict in FLAGGED for finding in judgement.findings if finding.verdict == verdict]
    return replace(
        notice, verdicts={verdict: counted[verdict] for verdict in VERDICTS if counted[verdict]},
        findings=tuple(_told(finding) for finding in flagged[:MOST]), more=max(0, len(flagged) - MOST),
        failed_questions=tuple(error.question for error in run.errors),
    )  # fmt: skip


def _told(finding: Finding) -> ToldFinding:
    return ToldFinding(
        finding.finding_id, finding.verdict, finding.harm, plain(finding.rule.id), plain(finding.rule.citation),
        plain(finding.explanation),
    )  # fmt: skip


def _report(program: str, run: AuditRun) -> str | None:
    """The report on the site; None where ``SQUAREDEAL_SITE_URL`` does not say where the site is."""
    from reports.site.addresses import report_of

    site = os.environ.get("SQUAREDEAL_SITE_URL", "").rstrip("/")
    return f"{site}/{report_of(program, run.data.period, run.version)}" if site.startswith("http") else None


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
