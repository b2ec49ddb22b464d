"""The figures of a measurement as a list: each number with its unit, numerators with denominators. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from audits.record import Measurement
from reports.figures import Unit, count, exact, figure, p_value, percent, span, unit_of
from reports.report_model import Fact
from reports.words import Words

_COUNTS = ("group", "reference", "left_out")


def figure_facts(say: Words, m: Measurement, limits: Sequence[float]) -> tuple[Fact, ...]:
    """The figure with its interval, counts, p-value, detectable effect, errors and further figures."""
    unit = unit_of(m.measure)
    facts = []
    if m.estimate is not None:
        facts.append(Fact(say("fact.figure"), figure(say, m.estimate, unit, limits)))
        facts.append(Fact(say("fact.interval", level=percent(m.level)), span(say, m, limits)))
    facts += _count_facts(say, m)
    facts.append(Fact(say("fact.n"), count(m.n)))
    if m.equality is not None:
        chance = say("fact.p_value_none") if m.p_value is None else p_value(say, m.p_value)
        facts.append(Fact(say("fact.equality"), exact(say, m.equality, unit)))
        facts.append(Fact(say("fact.p_value"), chance))
    if m.mde is not None:
        facts.append(Fact(say("fact.mde"), figure(say, m.mde, unit), say("fact.mde_note")))
    if m.standard_error is not None:
        facts.append(Fact(say("fact.standard_error"), figure(say, m.standard_error, unit)))
    for name, value in sorted(m.details.items()):
        facts.append(Fact(say.named("detail", name), _detail(say, name, value, unit)))
    return tuple(facts)


def _detail(say: Words, name: str, value: float, unit: Unit) -> str:
    """A further figure: errors in the unit of the estimate, shares in percent."""
    if name.startswith("standard_error"):
        return figure(say, value, unit)
    return f"{value:,.2%}" if name.endswith("_share") else f"{value:,.4g}".replace("-", "−")


def _count_facts(say: Words, m: Measurement) -> list[Fact]:
    counts, facts, used = dict(m.counts), [], set()
    for part, whole, name in (
        ("group_favourable", "group_decided", m.group), ("reference_favourable", "reference_decided", m.reference),
        ("favourable", "decided", m.group),
    ):  # fmt: skip
        if part in counts and whole in counts:
            share = percent(round(counts[part] / counts[whole], 3)) if counts[whole] else ""
            fraction = say("of", part=count(counts[part]), whole=count(counts[whole]))
            facts.append(Fact(name or say("whole"), fraction, share))
            used |= {part, whole}
    order = [*(name for name in _COUNTS if name in counts), *sorted(set(counts) - set(_COUNTS))]
    for name in order:
        if name not in used:
            key = f"count.{name}"
            named = say(key, group=m.group, reference=m.reference) if say.has(key) else say.named("count", name)
            facts.append(Fact(named, count(counts[name])))
    return facts
