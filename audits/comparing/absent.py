"""Why one run has no such finding, or no such figure."""

from __future__ import annotations

import re

from audits.policies.labels import group_words
from audits.record import AuditRun, Finding, Judgement, Measurement
from checks.sentence import Sentence, said

_PART = re.compile(r"\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d")


def why_no_finding(f: Finding, run: AuditRun, judgement: Judgement) -> Sentence:
    """The nearest reason why ``run`` has no finding like ``f`` of the other run."""
    m = f.measurement
    found = _why_no_answer(m, run)
    if found:
        return found
    idle = next((one for one in judgement.rules_not_applied if one.rule.id == f.rule.id), None)
    if idle is not None:
        return said("the rule was not applied: {reason}", reason=idle.reason)
    if not any(one.rule.id == f.rule.id for one in judgement.findings):
        packs = ", ".join(pack.id for pack in judgement.policies)
        if not packs:
            return said("the run was judged under no policy pack")
        return said("the rule is in none of the packs that judged the run ({packs})", packs=packs)
    return why_no_figure(m, run)


def why_no_figure(m: Measurement, run: AuditRun) -> Sentence:
    """The nearest reason why ``run`` has no figure like ``m`` of the other run."""
    found = _why_no_answer(m, run) or _why_no_part(m)
    if found:
        return found
    alike = [one for one in run.measurements if (one.question, one.measure) == (m.question, m.measure)]
    if not alike:
        return said("the question {question} gave no such figure in this run", question=m.question)
    if m.attribute not in {one.attribute for one in alike}:
        return said("the run has no figure by {attribute}", attribute=m.attribute or "")
    ours = [one for one in alike if one.attribute == m.attribute]
    if m.group not in {one.group for one in ours}:
        return said("no figure of {group} in this run", group=group_words(m, m.group) or "")
    if m.reference not in {one.reference for one in ours}:
        return said("the run compares with another reference than {reference}",
                    reference=group_words(m, m.reference) or "")  # fmt: skip
    return said("the run has no figure of this part of the rows")


def _why_no_answer(m: Measurement, run: AuditRun) -> Sentence | None:
    """Data that were unfit, a question that failed, was not asked or was not answered."""
    if not run.checks.fit:
        return said("the data failed their checks, so nothing was judged")
    for error in run.errors:
        if error.question == m.question:
            return said("the question failed while it ran: {error}", error=error.error)
    if not asked(m.question, run):
        return said("the question {question} was not asked", question=m.question)
    for missing in run.not_answered:
        if missing.question == m.question or missing.question == f"{m.question}: {m.measure}":
            return said("the question was not answered: {reason}", reason=missing.reason)
    return None


def asked(question: str, run: AuditRun) -> bool:
    """Whether the run's program names the question or its package, or the run has a figure of it."""
    audits = run.program.content.get("audits") or {}
    names = {str(call.get("name", "")) for kind in ("primary", "exploratory") for call in audits.get(kind) or ()}
    return question in names or question.split(".")[0] in names or any(m.question == question for m in run.measurements)


def _why_no_part(m: Measurement) -> Sentence | None:
    if not _PART.fullmatch(m.segment):
        return None
    first, last = m.segment.split("..")
    return said("the figure is of the days from {first} to {last} alone, which the run does not tell apart",
                first=first, last=last)  # fmt: skip
