"""What a run means under dated rules.

Judging is arithmetic on measurements and rules; it needs no data, so that an old run can be
judged again. A rule is taken at the dates of the decisions, never at today's. Only a rule
that is law, in force throughout, in scope, verified and whose limit is the law's own can make
a breach, and only on a figure that carries no caution of its own; every other met rule is a
concern and says why. What a figure cannot see keeps it from being clear.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from audits.catalogue import questions
from audits.policies.in_force import cautions_of, covers, fill, undatable, unknown_money, why_not_applicable, window_of
from audits.policies.multiplicity import Candidate, Corrected, corrections, detectable
from audits.policies.packs import PolicyPack
from audits.policies.wording import alone, cannot_answer, explain, percent_of
from audits.record import (
    SCHEMA_VERSION,
    VERDICTS,
    AuditRun,
    Finding,
    Judgement,
    Measurement,
    PolicyRecord,
    Rule,
    RuleNotApplied,
    Standing,
    Verdict,
)
from checks.sentence import Sentence, joined, said, template


def judge(run: AuditRun, run_digest: str, packs: Sequence[PolicyPack]) -> Judgement:
    """Findings of a run under some packs, in the order primary first, then by verdict."""
    candidates: list[Candidate] = []
    idle: list[RuleNotApplied] = []
    for rule in {rule.id: rule for pack in packs for rule in pack.rules}.values():
        reason = why_not_applicable(rule, run)
        measurements = [] if reason else _judged_by(rule, run)
        if reason is None and not measurements:
            reason = _why_unmeasured(rule, run)
        if reason:
            idle.append(RuleNotApplied(rule, reason))
        candidates += [Candidate(m, rule, _standing(m.question, run)) for m in measurements]
    datable = [one for one in candidates if not undatable(one.measurement, one.rule, run)]
    corrected = corrections(datable if run.checks.fit else ())
    findings = [_find(one, corrected.get(one.key), run) for one in candidates]
    return Judgement(
        schema_version=SCHEMA_VERSION,
        program=run.program.name,
        period=run.data.period,
        version=run.version,
        run_digest=run_digest,
        policies=tuple(PolicyRecord(pack.id, pack.title, pack.digest) for pack in packs),
        findings=tuple(sorted(findings, key=_rank)),
        rules_not_applied=tuple(idle),
        not_answered=run.not_answered,
    )


def _rank(finding: Finding) -> tuple[bool, int, str, str]:
    m = finding.measurement
    name = f"{m.attribute}:{m.group}:{m.measure}:{m.segment}"
    return finding.standing != "primary", VERDICTS.index(finding.verdict), finding.rule.id, name


def worst(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The verdict that a reader must see first, or None when there is none."""
    return min(verdicts, key=VERDICTS.index, default=None)


def _judged_by(rule: Rule, run: AuditRun) -> list[Measurement]:
    """The rule's figures: of the whole period where it was in force throughout, else of the parts that are its days.

    A run judged again under other rules may hold parts cut for the earlier ones: those judge nothing of these.
    """
    own = [m for m in run.measurements if m.measure == rule.measure]
    whole = [m for m in own if window_of(m, run) == (run.data.first_day, run.data.last_day)]
    if covers(rule, run.data.first_day, run.data.last_day) is not False:
        return whole
    covered = [m for m in own if m not in whole and covers(rule, *window_of(m, run))]
    windows = {window_of(m, run) for m in covered}
    return covered if fill(rule, windows, run.data.first_day, run.data.last_day) else whole


def _why_unmeasured(rule: Rule, run: AuditRun) -> Sentence:
    measure = rule.measure
    owner = next((kind.name for kind in questions().values() if measure in kind.measures), None)
    if owner is None:
        return said("this version of Squaredeal does not measure {measure} yet", measure=measure)
    if any(error.question == owner for error in run.errors):
        return said(
            "this run has no measurement of {measure}; the question {question} failed while it ran",
            measure=measure, question=owner,
        )  # fmt: skip
    about = (owner, f"{owner}: {measure}")
    lacking = next((missing for missing in run.not_answered if missing.question in about), None)
    if lacking is None:
        return said(
            "this run has no measurement of {measure}; the question {question} measures it",
            measure=measure, question=owner,
        )  # fmt: skip
    return said(
        "this run has no measurement of {measure}; {question}: {reason}",
        measure=measure, question=owner, reason=lacking.reason,
    )  # fmt: skip


def _find(one: Candidate, corrected: Corrected | None, run: AuditRun) -> Finding:
    m, rule = one.measurement, one.rule
    undated = undatable(m, rule, run) if m.estimate is not None else None
    bounds = corrected or Corrected(m.low, m.high, m.level, 1)
    mde = detectable(m, rule, bounds) if m.estimate is not None else None
    read = replace(m, low=bounds.low, high=bounds.high, level=bounds.level, mde=mde)
    cautions = [*cautions_of(rule, run), *m.cautions]
    verdict = verdict_of(read, rule, run.checks.fit, may_breach=not cautions)
    explanation = explain(read, rule, verdict)
    if undated and run.checks.fit:
        verdict, explanation = "not_identified", cannot_answer(undated)
    if m.undecided and verdict in ("breach", "concern", "clear", "inconclusive"):
        verdict, explanation = "inconclusive", alone(read, m.undecided)
    unseen = [*_lost(m), *_unstratified(m), *_undated(run), *m.unseen, *unknown_money(rule, run)]
    if unseen and verdict == "clear":  # what the figure does not see may be the harm
        verdict, explanation = "inconclusive", _undecided(explanation, unseen)
    return Finding(
        finding_id=_identity(m, rule, run),
        harm=questions()[m.question].harm if m.question in questions() else "unknown",
        standing=one.standing,
        measurement=m,
        rule=rule,
        verdict=verdict,
        explanation=explanation,
        cautions=tuple(dict.fromkeys([*cautions, *unseen, *_family(one.standing, bounds)])),
        low=bounds.low,
        high=bounds.high,
        level=bounds.level,
        family=bounds.family,
        mde=mde,
        unseen=tuple(dict.fromkeys(unseen)),
    )


def _undecided(explanation: Sentence, unseen: Sequence[str]) -> Sentence:
    """Why a figure within its limit is not clear."""
    whole = (
        unseen[0] if len(unseen) == 1 else joined(unseen)
    )  # one alone would share its entry in the table with itself
    return said("{explanation} But {unseen}: this figure does not decide.", explanation=explanation, unseen=whole)


def _identity(m: Measurement, rule: Rule, run: AuditRun) -> str:
    parts = (run.program.name, rule.id, m.question, m.measure, m.attribute, m.group, m.reference, m.segment)
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


_MOST_LOST = 0.05


def _lost(m: Measurement) -> list[Sentence]:
    """What to say when a figure leaves out so many rows of a group that it could hide a harm."""
    sides = (("group", m.group or ""), ("reference", m.reference or ""))
    shares = [(m.details.get(f"{role}_left_out_share", 0.0), label) for role, label in sides]
    told = [(round(100 * share, 1), label) for share, label in shares if share > _MOST_LOST]
    if len(told) == 2:
        (share, group), (reference_share, reference) = told
        return [said(
            "{share:.1f} % of {group} and {reference_share:.1f} % of {reference} are left out for lack of a control "
            "or of an entity",
            share=share, group=group, reference_share=reference_share, reference=reference,
        )]  # fmt: skip
    return [
        said("{share:.1f} % of {group} are left out for lack of a control or of an entity", share=share, group=label)
        for share, label in told
    ]


def _unstratified(m: Measurement) -> list[Sentence]:
    """What to say when a figure lumps together what the contract declares apart (Simpson 1951, JRSS-B 13:238–241)."""
    if not m.details.get("declared_strata_ignored"):
        return []
    return [said("the declared strata are not told apart, and a gap within each of them can vanish over all")]


def _undated(run: AuditRun) -> list[Sentence]:
    """What to say when many rows have no time, so that nobody knows under which rules they fall."""
    share = run.data.undated / run.data.rows if run.data.rows else 0.0
    if share <= _MOST_LOST:
        return []
    told = round(100 * share, 1)
    return [said("{share:.1f} % of the rows have no time, and no rule can be put to them", share=told)]


def _standing(question: str, run: AuditRun) -> Standing:
    primary = run.program.content["audits"]["primary"]
    package = question.split(".")[0]
    return "primary" if any(call["name"] in (question, package) for call in primary) else "exploratory"


def _family(standing: Standing, bounds: Corrected) -> list[Sentence]:
    """Say on each finding how many comparisons its family holds and at which level it is read."""
    if bounds.family == 1:
        return []
    words = template(
        "one of {family} exploratory comparisons; the interval allows for their number by false discovery rate "
        "(level {level:.5g} %)"
    )
    if standing == "primary":
        words = template(
            "one of {family} primary comparisons; the interval allows for their number family-wise "
            "(level {level:.5g} %)"
        )
    return [said(words, family=bounds.family, level=percent_of(bounds.level))]


def verdict_of(m: Measurement, rule: Rule, fit: bool, may_breach: bool) -> Verdict:
    """The verdict of one figure, with its bounds as given, under one rule.

    Without the right to a breach a met test is a concern. A count is exact, so that it needs no interval.
    """
    if not fit:
        return "unfit"
    if m.estimate is None:
        return "not_identified"
    sign = 1.0 if rule.comparison == "at_most" else -1.0
    ends = (sign * (-math.inf if m.low is None else m.low), sign * (math.inf if m.high is None else m.high))
    estimate, near, far, limit = sign * m.estimate, min(ends), max(ends), sign * rule.limit
    if rule.test == "interval":
        met = near > limit
    elif rule.test == "census":
        met, far = estimate > limit, estimate
    else:
        met = estimate > limit and m.equality is not None and near > sign * m.equality
    if met:
        return "breach" if may_breach else "concern"
    return "clear" if far <= limit else "inconclusive"
