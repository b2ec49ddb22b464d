"""What went into two runs and differs: data, period, program, model, rules, packages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from audits.comparing.absent import asked
from audits.comparing.record import InputChange, InputKind
from audits.record import AuditRun, Judgement, Rule
from checks.check_report import CheckResult
from checks.sentence import Sentence, said

_TERMS = (
    "limit", "comparison", "test", "measure", "status", "limit_source", "verified", "effective_from", "effective_to",
    "jurisdictions", "products", "lenders", "currency", "borrowed_from",
)  # fmt: skip
_ABSENT = object()


def input_changes(
    before: tuple[AuditRun, Judgement], after: tuple[AuditRun, Judgement]
) -> tuple[InputChange, ...]:  # fmt: skip
    """Every place that differs: data, fitness, answers, model, program, policies, rules, packages, seed."""
    (a, of_a), (b, of_b) = before, after
    told = [
        *_changes("data", _data(a), _data(b)),
        *_changes("fitness", _checks(a), _checks(b)),
        *_changes("answers", _answers(a, b), _answers(b, a)),
        *_changes("model", _model(a), _model(b)),
        *_changes("program", {"program": a.program.name}, {"program": b.program.name}),
        *_changes("program", _content(a), _content(b)),
        *_changes("policies", _packs(of_a), _packs(of_b)),
        *_changes("rules", _terms(of_a), _terms(of_b), both=True),
        *_changes("packages", a.environment, b.environment),
        *_changes("seed", {"seed": a.seed}, {"seed": b.seed}),
    ]
    return tuple(told)


def _changes(
    kind: InputKind, before: Mapping[str, Any], after: Mapping[str, Any], both: bool = False
) -> Iterator[InputChange]:  # fmt: skip
    """Places with another value; with ``both``, only those that both sides have."""
    for place in dict.fromkeys((*before, *after)):
        one, two = before.get(place, _ABSENT), after.get(place, _ABSENT)
        if one != two and not (both and _ABSENT in (one, two)):
            yield InputChange(kind, place, _text(one), _text(two))


def _text(value: Any) -> str | None:
    if value is _ABSENT or value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _data(run: AuditRun) -> dict[str, Any]:
    data = run.data
    left_out = {".".join(filter(None, ("left_out", e.role, e.label))): e.rows for e in run.exclusions}
    return {
        "fingerprint": data.fingerprint, "period": data.period, "version": run.version, "rows": data.rows,
        "first_day": data.first_day, "last_day": data.last_day, "undated": data.undated,
        **{f"columns.{name}": kind for name, kind in data.columns.items()},
        **{f"references.{name}": label for name, label in data.references.items()}, **left_out,
    }  # fmt: skip


def _checks(run: AuditRun) -> dict[str, Any]:
    found = {f"{r.place} {r.expectation}": _outcome(r) for r in run.checks.results if not r.success}
    return {"fit": run.checks.fit, **found}


def _outcome(result: CheckResult) -> Sentence:
    if result.on_failure == "stop":
        return said("failed: {observed}", observed=result.observed)
    return said("warned: {observed}", observed=result.observed)


def _answers(run: AuditRun, other: AuditRun) -> dict[str, Sentence]:
    """What became of the questions, or parts of them, that one of two runs could not answer."""
    troubled = [name for one in (run, other) for name in _troubles(one)]
    return {name: _troubles(run).get(name) or _became(name, run) for name in dict.fromkeys(troubled)}


def _troubles(run: AuditRun) -> dict[str, Sentence]:
    failed = {one.question: said("failed while it ran: {error}", error=one.error) for one in run.errors}
    return {one.question: said("not answered: {reason}", reason=one.reason) for one in run.not_answered} | failed


def _became(name: str, run: AuditRun) -> Sentence:
    question = name.partition(":")[0]
    if asked(question, run) or question == "contract":
        return said("nothing wrong with it")
    return said("not asked")


def _model(run: AuditRun) -> dict[str, Any]:
    subject = run.subject
    return {"model": subject.model, "version": subject.version, "digest": subject.digest} if subject else {}


def _packs(judgement: Judgement) -> dict[str, str]:
    return {pack.id: pack.digest for pack in judgement.policies}


def _terms(judgement: Judgement) -> dict[str, Any]:
    """What of each rule decides a verdict; a rule that came or went shows in the packs and with its findings."""
    rules: dict[str, Rule] = {f.rule.id: f.rule for f in judgement.findings}
    rules |= {idle.rule.id: idle.rule for idle in judgement.rules_not_applied}
    return {f"{name}.{term}": getattr(rule, term) for name, rule in sorted(rules.items()) for term in _TERMS}


def _content(run: AuditRun) -> dict[str, Any]:
    return {place: value for place, value in places_of(run.program.content).items() if place != "name"}


def places_of(value: Any, place: str = "") -> dict[str, Any]:
    """The leaves of a program's content by their place; entries of a list that have names go by those."""
    parts = value if isinstance(value, Mapping) else _by_name(value)
    if parts is None:
        return {} if value is None or value == [] else {place: value}
    found: dict[str, Any] = {}
    for key, item in parts.items():
        found |= places_of(item, f"{place}.{key}" if place else str(key))
    return found


def _by_name(value: Any) -> dict[str, Any] | None:
    """Entries of a list by their name or column, each of which must be another; None where they have none."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, Mapping) for item in value):
        return None
    for field in ("name", "column"):
        names = [str(item.get(field) or "") for item in value]
        if names and all(names) and len(set(names)) == len(names):
            return {name: dict(item) for name, item in zip(names, value, strict=True)}
    return None
