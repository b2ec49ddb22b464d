"""A judged run in a few lines of text, and whether it should stop a pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from audits.policies.judge import worst
from audits.policies.labels import attribute_words, group_words, is_age, segment_words
from audits.policies.wording import is_counted
from audits.record import AuditRun, Judgement, Measurement
from checks.problem import InputError, Problem, listed, suggest

FAIL_ON = {
    "breach": ("breach",),
    "concern": ("breach", "concern"),
    "inconclusive": ("breach", "concern", "inconclusive", "not_identified"),
}
_OFTEN = 3  # findings that share a note before it is written once for all
OK, STOPPED, BAD_INPUT, INCOMPLETE = 0, 1, 2, 3


def check_fail_on(asked: str | None, where: str) -> None:
    """Raise ``InputError`` for a verdict that a pipeline cannot stop at."""
    if asked is not None and asked not in FAIL_ON:
        raise InputError(Problem(where, f"'{asked}'", f"one of {listed(FAIL_ON)}", suggest(asked, FAIL_ON)))


def exit_code(run: AuditRun, judgement: Judgement, fail_on: str | None) -> int:
    """0 finished; 1 a verdict at or above ``fail_on``; 2 data unfit; 3 a question failed with an error."""
    if not run.checks.fit:
        return BAD_INPUT
    if fail_on and any(finding.verdict in FAIL_ON[fail_on] for finding in judgement.findings):
        return STOPPED
    if fail_on == "inconclusive" and not judgement.findings and not run.errors:
        return STOPPED  # nothing was judged: that is no pass
    return INCOMPLETE if run.errors else OK


def summary(run: AuditRun, judgement: Judgement) -> Iterator[str]:
    """Lines for a terminal or a task log: failed checks, findings, what was not answered, errors."""
    yield f"{run.program.title.get('en', run.program.name)} · {run.data.rows:,} rows · period {run.data.period}"
    for result in run.checks.failures + run.checks.warnings:
        word = "FAILED" if result.on_failure == "stop" else "warning"
        such = f", such as {listed(result.examples)}" if result.examples else ""
        yield f"  data check {word}: {result.place}: found {result.observed}{such}; expected {result.expected}"
        yield f"      to do: {result.remedy}"
    for exclusion in run.exclusions:
        name = f" '{exclusion.label}'" if exclusion.label else ""
        yield f"  left out: {exclusion.rows:,} rows, {exclusion.role}{name}: {exclusion.reason}"
    yield from _figures(run)
    yield from _findings(judgement)
    for missing in run.not_answered:
        yield f"  not answered: {missing.question}: {missing.reason}; {missing.needed}"
    for error in run.errors:
        yield f"  ERROR in {error.question}: {error.error}"
    verdict = worst(finding.verdict for finding in judgement.findings)
    yield f"  overall: {verdict}" if verdict else "  overall: nothing was judged, which is not a finding of no harm"


def _findings(judgement: Judgement) -> Iterator[str]:
    """Every finding with its notes; a note that stands on many is written once, below, and pointed at."""
    findings = [finding for finding in judgement.findings if finding.verdict != "unfit"]
    counted = Counter(caution for finding in findings for caution in finding.cautions)
    often = {caution: i for i, caution in enumerate((c for c, n in counted.items() if n >= _OFTEN), 1)}
    for finding in findings:
        marks = [str(often[caution]) for caution in finding.cautions if caution in often]
        pointer = f" [{', '.join(marks)}]" if marks else ""
        yield f"  {finding.verdict.upper()}  {finding.rule.id} ({finding.rule.status}, {finding.standing}){pointer}"
        yield f"      {finding.explanation}"
        yield from (f"      note: {caution}" for caution in finding.cautions if caution not in often)
    yield from (f"  [{i}] {caution}" for caution, i in often.items())


def _figures(run: AuditRun) -> Iterator[str]:
    """Every figure with its interval, its error and its denominators, or why it is missing."""
    for m in run.measurements:
        whom = _whom(m)
        if m.estimate is None:
            told = m.group or m.attribute or not m.question.startswith("fair_lending.")
            yield f"  {m.measure}, {whom if told else 'nobody'}: none, {m.reason}"
            continue
        money = f" {m.unit}" if m.unit else ""
        if is_counted(m):
            yield f"  {m.measure}, {whom}: {round(m.estimate, 4):,.15g}{money} ({_counts(m, 'every case counted; ')})"
            continue
        low, high = (f"{bound:.4f}" if bound is not None else "unbounded" for bound in (m.low, m.high))
        kind = next((f"{name} " for name in ("CR1", "HC1") if name in m.method), "")
        error = f", {kind}standard error {m.standard_error:.4f}" if m.standard_error is not None else ""
        error += "".join(f", {name.replace('_', ' ')} {value:.4f}" for name, value in m.details.items())
        sure = f"{m.level * 100:g} % interval {low} to {high}{error}; "
        yield f"  {m.measure}, {whom}: {m.estimate:.4f}{money} ({_counts(m, sure)})"


def _whom(m: Measurement) -> str:
    """Who is compared with whom, in which part, in the words of the page."""
    of, group = attribute_words(m), group_words(m, m.group)
    whom = (group if is_age(m) else f"{of} {group}") if group else of or "all rows"
    whom += f" against {group_words(m, m.reference)}" if m.reference else ""
    return whom if m.segment == "all" else f"{whom}, {segment_words(m)}"


def _counts(m: Measurement, before: str) -> str:
    """How sure it is, and its numerators and denominators."""
    counts = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in m.counts.items())
    return (before + counts).removesuffix("; ")
