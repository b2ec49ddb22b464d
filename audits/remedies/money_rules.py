"""Which sums a rule fixes: those of the rules that were judged, added up over the parts of the period on their days."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from audits.policies.in_force import undatable
from audits.policies.labels import cap_of
from audits.record import VERDICTS, AuditRun, Finding, Judgement, Measurement
from checks.sentence import Sentence

_WHOLE = "all"


@dataclass(frozen=True, slots=True)
class Ruled:
    """A sum with the parts of the period that it is of, and the worst ``finding`` under a rule that fixes it.

    ``fixed`` is False where no rule that was judged fixes what its cases are compared with; ``undated`` is why nobody
    can say which of its rows fell into the days of its rule.
    """

    measurement: Measurement
    segments: tuple[str, ...]
    finding: Finding | None = None
    fixed: bool = True
    undated: Sentence | None = None


def ruled_sums(
    sums: Sequence[Measurement], ruled: str | None, run: AuditRun, judgement: Judgement | None
) -> Iterator[Ruled]:
    """The sums of one measure of money; ``ruled`` is the measure that rules judge, a cap names its own.

    A cap that no judged rule sets has none. Without a judgement, and for what no rule fixes, the whole period's.
    """
    whole = [m for m in sums if m.segment == _WHOLE]
    for key in dict.fromkeys((m.attribute, m.group) for m in sums):
        own = {m.segment: m for m in sums if (m.attribute, m.group) == key}
        cap = cap_of(next(iter(own.values())))
        if judgement is None or (cap is None and ruled is None):
            yield from (Ruled(m, (_WHOLE,)) for m in whole if (m.attribute, m.group) == key)
            continue
        found = list(_by_days(own, cap, ruled, run, judgement))
        if not found and cap is None and _WHOLE in own:
            found = [Ruled(own[_WHOLE], (_WHOLE,), fixed=False)]
        yield from found


def _by_days(
    own: dict[str, Measurement], cap: tuple[str, float] | None, ruled: str | None, run: AuditRun, judgement: Judgement
) -> Iterator[Ruled]:
    """For each set of parts that a rule judged the sum over them, under the rule of the worst finding."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in judgement.findings:
        m, rule = finding.measurement, finding.rule
        fits = cap is None or abs(rule.limit - cap[1]) <= 1e-9 * max(1.0, abs(cap[1]))
        if fits and m.group is None and m.measure == (cap[0] if cap else ruled):
            by_rule.setdefault(rule.id, []).append(finding)
    by_days: dict[tuple[str, ...], list[Finding]] = {}
    for findings in by_rule.values():
        ordered = sorted(findings, key=lambda one: one.measurement.segment)
        days = tuple(one.measurement.segment for one in ordered)
        if own.keys() & set(days):
            by_days.setdefault(days, []).append(min(ordered, key=_weight))
            own = {**{one.measurement.segment: _none_beyond(one, own) for one in ordered}, **own}
    for days, findings in by_days.items():
        worst = min(findings, key=lambda one: (bool(undatable(one.measurement, one.rule, run)), *_weight(one)))
        undated = undatable(worst.measurement, worst.rule, run)
        yield Ruled(_added([own[day] for day in days]), days, worst, undated is None, undated)


def _none_beyond(finding: Finding, own: dict[str, Measurement]) -> Measurement:
    """The sum of a part of the period in which no case lies beyond the limit: a record holds none of those."""
    part, pattern = finding.measurement, next(iter(own.values()))
    nothing = 0.0 if part.estimate is not None else None
    return replace(
        pattern, estimate=nothing, low=nothing, high=nothing, n=part.n, segment=part.segment, details={},
        counts={**dict.fromkeys(pattern.counts, 0), **part.counts}, cautions=part.cautions, unseen=part.unseen,
        reason=part.reason,
    )  # fmt: skip


def _weight(finding: Finding) -> tuple[int, bool, str]:
    """The worst verdict first, law before what is not."""
    return VERDICTS.index(finding.verdict), finding.rule.status != "in_force", finding.rule.id


def _added(parts: Sequence[Measurement]) -> Measurement:
    """Counted sums of parts of the period as one: no row is in two. A part without one is told as not seen."""
    first = parts[0]
    if len(parts) == 1:
        return first
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.counts)
    had = [part.estimate for part in parts if part.estimate is not None]
    lacking = tuple(part.reason for part in parts if part.estimate is None and part.reason)
    total = math.fsum(had) if had and len({part.unit for part in parts}) == 1 else None
    return replace(
        first, estimate=total, low=total, high=total, n=sum(part.n for part in parts), counts=dict(counts), details={},
        reason=lacking[0] if lacking and total is None else None, cautions=_every(part.cautions for part in parts),
        unseen=_every((*(part.unseen for part in parts), lacking)),
    )  # fmt: skip


def _every(told: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence for one in told for sentence in one))
