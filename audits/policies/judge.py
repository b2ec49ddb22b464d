"""What a run means under dated rules.

Judging is arithmetic on measurements and rules; it needs no data, so that an old run can be
judged again. A rule is taken at the dates of the decisions, never at today's. Only a rule
that is law, in force throughout, in scope, verified and whose limit is the law's own can make
a breach; every other rule caps at concern and says why.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence

from audits.catalogue import questions
from audits.policies.packs import PolicyPack
from audits.policies.wording import explain
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
from checks.problem import nearest


def judge(run: AuditRun, run_digest: str, packs: Sequence[PolicyPack]) -> Judgement:
    """Findings of a run under some packs, in the order primary first, then by verdict."""
    findings: list[Finding] = []
    idle: list[RuleNotApplied] = []
    for rule in {rule.id: rule for pack in packs for rule in pack.rules}.values():
        reason = _why_not_applicable(rule, run)
        measurements = [m for m in run.measurements if m.measure == rule.measure]
        if reason is None and not measurements:
            reason = f"this run has no measurement of {rule.measure}"
        if reason:
            idle.append(RuleNotApplied(rule, reason))
            continue
        findings += [_find(measurement, rule, run) for measurement in measurements]
    return Judgement(
        schema_version=SCHEMA_VERSION,
        program=run.program.name,
        period=run.data.period,
        version=run.version,
        run_digest=run_digest,
        policies=tuple(PolicyRecord(pack.id, pack.title, pack.digest) for pack in packs),
        findings=tuple(sorted(_counted(findings), key=_rank)),
        rules_not_applied=tuple(idle),
        not_answered=run.not_answered,
    )


def _rank(finding: Finding) -> tuple[bool, int, str, str]:
    m = finding.measurement
    return finding.standing != "primary", VERDICTS.index(finding.verdict), finding.rule.id, f"{m.attribute}:{m.group}"


def worst(verdicts: Iterable[Verdict]) -> Verdict | None:
    """The verdict that a reader must see first, or None when there is none."""
    return min(verdicts, key=VERDICTS.index, default=None)


def _why_not_applicable(rule: Rule, run: AuditRun) -> str | None:
    first, last = run.data.first_day, run.data.last_day
    scope = run.program.content.get("scope") or {}
    if rule.status == "repealed" and not rule.effective_to:
        return "the rule is repealed"
    if first and rule.effective_to and rule.effective_to <= first:
        return f"the rule ended on {rule.effective_to}, before the first decision of {first}"
    if last and rule.effective_from and rule.effective_from > last:
        return f"the rule begins on {rule.effective_from}, after the last decision of {last}"
    for key, wanted in (("jurisdictions", rule.jurisdictions), ("products", rule.products)):
        declared = scope.get(key) or ()
        if wanted and declared and not set(wanted) & set(declared):
            meant = next((near for name in declared if (near := nearest(str(name), wanted))), None)
            hint = f" (is '{meant}' meant?)" if meant else ""
            return (
                f"out of scope: the rule is for {', '.join(wanted)}, the program declares {', '.join(declared)}{hint}"
            )
    return None


def _cautions(rule: Rule, run: AuditRun) -> list[str]:
    """Why this rule cannot make a breach here; empty when it can."""
    first, last = run.data.first_day, run.data.last_day
    scope = run.program.content.get("scope") or {}
    cautions = []
    if rule.status != "in_force":
        cautions.append(f"the rule is {_STATUS[rule.status]}, not law in force")
    if rule.borrowed_from:
        cautions.append(f"borrowed from {rule.borrowed_from}")
    if rule.limit_source == "ours":
        cautions.append("the limit is a setting of the policy pack, not a number in a law on lending")
    if not rule.verified:
        cautions.append("nobody has yet checked this rule against its primary text")
    if not first or not last:
        cautions.append("the program states no date of the decisions, so it is unknown whether the rule was in force")
    elif (rule.effective_to and rule.effective_to <= last) or (rule.effective_from and rule.effective_from > first):
        cautions.append("the rule was in force during a part of the period only")
    for key, wanted in (("jurisdictions", rule.jurisdictions), ("products", rule.products)):
        if wanted and not scope.get(key):
            cautions.append(f"the program declares no {key}, so it is unknown whether the rule applies")
    return cautions


_STATUS = {
    "guidance": "guidance", "draft": "a draft", "repealed": "repealed", "convention": "a convention",
}  # fmt: skip


def _find(measurement: Measurement, rule: Rule, run: AuditRun) -> Finding:
    cautions = _cautions(rule, run)
    verdict = verdict_of(measurement, rule, run.checks.fit, may_breach=not cautions)
    explanation = explain(measurement, rule, verdict)
    unseen = [told for told in (_lost(measurement), _unstratified(measurement)) if told]
    if unseen and verdict == "clear":  # what the figure does not see may be the harm
        verdict, explanation = "inconclusive", f"{explanation} But {'; '.join(unseen)}: this figure does not decide."
    cautions += unseen
    key = "|".join(
        str(part)
        for part in (run.program.name, rule.id, measurement.question, measurement.measure, measurement.attribute,
                     measurement.group, measurement.reference, measurement.segment)
    )  # fmt: skip
    return Finding(
        finding_id=hashlib.sha256(key.encode()).hexdigest()[:16],
        harm=questions()[measurement.question].harm if measurement.question in questions() else "unknown",
        standing=_standing(measurement.question, run),
        measurement=measurement,
        rule=rule,
        verdict=verdict,
        explanation=explanation,
        cautions=tuple(cautions),
    )


_MOST_LOST = 0.05


def _lost(m: Measurement) -> str | None:
    """What to say when a figure leaves out so many rows of a group that it could hide a harm."""
    shares = {role: m.details.get(f"{role}_left_out_share", 0.0) for role in ("group", "reference")}
    names = {"group": m.group, "reference": m.reference}
    told = [f"{100 * share:.1f} % of {names[role]}" for role, share in shares.items() if share > _MOST_LOST]
    return f"{' and '.join(told)} are left out for lack of a control or of an entity" if told else None


def _unstratified(m: Measurement) -> str | None:
    """What to say when a figure lumps together what the contract declares apart (Simpson 1951, JRSS-B 13:238–241)."""
    if not m.details.get("declared_strata_ignored"):
        return None
    return "the declared strata are not told apart, and a gap within each of them can vanish over all"


def _standing(question: str, run: AuditRun) -> Standing:
    primary = run.program.content["audits"]["primary"]
    package = question.split(".")[0]
    return "primary" if any(call["name"] in (question, package) for call in primary) else "exploratory"


def _counted(findings: list[Finding]) -> list[Finding]:
    """Say on each finding how many comparisons its family holds: intervals are not corrected."""
    counted = []
    for finding in findings:
        family = {
            (f.measurement.attribute, f.measurement.group, f.measurement.measure)
            for f in findings if f.standing == finding.standing and f.rule.test != "census"
        }  # fmt: skip
        note = f"one of {len(family)} {finding.standing} comparisons; intervals are not corrected for their number"
        extra = (note,) if len(family) > 1 else ()
        counted.append(Finding(**{
            **{name: getattr(finding, name) for name in Finding.__slots__}, "cautions": finding.cautions + extra,
        }))  # fmt: skip
    return counted


def verdict_of(m: Measurement, rule: Rule, fit: bool, may_breach: bool) -> Verdict:
    """The verdict of one figure under one rule; without the right to a breach a met test is a concern."""
    if not fit:
        return "unfit"
    if m.estimate is None:
        return "not_identified"
    low = -math.inf if m.low is None else m.low
    high = math.inf if m.high is None else m.high
    sign = 1.0 if rule.comparison == "at_most" else -1.0
    estimate, near, far = sign * m.estimate, min(sign * low, sign * high), max(sign * low, sign * high)
    limit = sign * rule.limit
    if rule.test == "interval":
        met = near > limit
    elif rule.test == "census":
        met = estimate > limit
    else:
        met = estimate > limit and m.equality is not None and near > sign * m.equality
    if met:
        return "breach" if may_breach else "concern"
    return "clear" if far <= limit else "inconclusive"
