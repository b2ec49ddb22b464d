"""The figures of a measurement as a list: each number with its unit, numerators with denominators. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from audits.policies.wording import is_counted
from audits.record import Measurement
from reports.figures import count, exact, figure_of, p_value, percent, span, unit_of
from reports.named import group_in, reference_in
from reports.report_model import Fact
from reports.words import Words

_COUNTS = ("group", "reference", "left_out")
# counts of a part and of its whole, on either side
PARTS = (
    ("favourable", "decided"), ("passed", "came"), ("failed", "came"), ("passed", "failed"), ("finished", "started"),
    ("lost", "came"), ("automatic", "decided"),
)  # fmt: skip
# details that are parts of a whole, beside those that end so
_SHARES = (
    "share", "unadjusted", "tolerance", "upper_share_of_none", "share_above_0.4", "share_above_0.5", "share_of_loans",
    "threshold", "threshold_rate", "highest_of_earners", "beyond_share", "known_among_finished", "known_among_lost",
    "lowest_fifth", "highest_fifth", "assisted_high", "share_of_gap", "share_above",
)  # fmt: skip
_OF_COUNTS = ("group_share", "reference_share")
_SHARE_ENDINGS = ("_share", "share_of_log_ratio", "_other_way_success")
_AMOUNTS = ("largest_charge_left_out", "guarantee", "amount", "dearest", "dearest_of_group")
_BARE = ("strength_to_overturn", "balance", "p_", "homogeneity_p")  # numbers without a unit, whatever the figure's is
_SLOPES = ("percent a year", "percent a deviation")


def figure_facts(say: Words, m: Measurement, limits: Sequence[float]) -> tuple[Fact, ...]:
    """The figure with its interval, counts, p-value, detectable effect, errors and further figures."""
    unit = unit_of(m.measure)
    facts = []
    if m.estimate is not None:
        note = say("currency_none") if unit == "money" and not m.unit else ""
        facts.append(Fact(say("fact.figure"), figure_of(say, m, m.estimate, limits), note))
        sure = Fact(say("fact.interval", level=percent(m.level)), span(say, m, limits))
        facts.append(Fact(say("fact.counted"), say("fact.counted_none")) if is_counted(m) else sure)
    facts += _count_facts(say, m)
    facts.append(Fact(say("fact.n"), count(m.n)))
    if m.equality is not None:
        chance = say("fact.p_value_none") if m.p_value is None else p_value(say, m.p_value)
        facts.append(Fact(say("fact.equality"), exact(say, m.equality, unit, m.unit)))
        facts.append(Fact(say("fact.p_value"), chance))
    if m.mde is not None:
        facts.append(Fact(say("fact.mde"), figure_of(say, m, m.mde), say("fact.mde_note")))
    if m.standard_error is not None:
        facts.append(Fact(say("fact.standard_error"), figure_of(say, m, m.standard_error)))
    for name, value in sorted(m.details.items()):
        if m.beyond and (name == "beyond_share" or (name == "upper_share_of_none" and all(n for _, n in m.beyond))):
            continue  # told limit by limit; and the bound speaks of limits beyond which nothing was found
        if name in _OF_COUNTS and any(f"group_{part}" in m.counts for part, _ in PARTS):
            continue  # told beside its numerator and denominator
        key = _key(say, m, "detail", name)
        facts.append(Fact(say(key) if say.has(key) else say.named("detail", name), _detail(say, m, name, value)))
    facts += [_beyond(say, m, limit, cases) for limit, cases in m.beyond if m.estimate is not None]
    return tuple(facts)


def _key(say: Words, m: Measurement, kind: str, name: str) -> str:
    """The key of a number's name: that of its own package where it means something else there."""
    own = f"{kind}.{m.question.split('.')[0]}.{name}"
    return own if say.has(own) else f"{kind}.{name}"


def _beyond(say: Words, m: Measurement, limit: float, cases: int) -> Fact:
    """How many cases lie beyond a limit, of how many that have a figure."""
    stated = exact(say, limit, unit_of(m.measure), m.unit)
    share = percent(float(f"{cases / m.n:.4g}")) if m.n else ""
    return Fact(say("fact.beyond", limit=stated), say("of", part=count(cases), whole=count(m.n)), share)


def _detail(say: Words, m: Measurement, name: str, value: float) -> str:
    """A further figure: errors in the unit of the estimate, shares in percent."""
    unit = unit_of(m.measure)
    if name.endswith(_SHARE_ENDINGS) or name in _SHARES:
        return f"{value:,.2%}"
    if name in _AMOUNTS:
        return f"{value:,.2f}"
    if name.startswith(("lowest_gap", "highest_gap")):
        return figure_of(say, m, value)
    money = unit == "money" and not name.startswith(_BARE)
    if name.startswith("standard_error") or money or (name.startswith("slope_of") and unit in _SLOPES):
        return figure_of(say, m, value)
    return f"{value:,.4g}".replace("-", "−")


def _count_facts(say: Words, m: Measurement) -> list[Fact]:
    counts, facts = dict(m.counts), []
    used: set[str] = set()
    group, reference = group_in(say, m), reference_in(say, m)
    sides = [(f"{side}_{part}", f"{side}_{whole}", name) for part, whole in PARTS
             for side, name in (("group", group), ("reference", reference))]  # fmt: skip
    for part, whole, name in (*sides, ("favourable", "decided", group)):
        if part in counts and whole in counts and not {part, whole} & used:
            share = percent(round(counts[part] / counts[whole], 3)) if counts[whole] else ""
            fraction = say("of", part=count(counts[part]), whole=count(counts[whole]))
            facts.append(Fact(name or say("whole"), fraction, share))
            used |= {part, whole}
    if m.beyond:
        used.add("beyond")  # told limit by limit
    order = [*(name for name in _COUNTS if name in counts), *sorted(set(counts) - set(_COUNTS))]
    for name in order:
        if name not in used:
            key = _key(say, m, "count", name)
            named = say(key, group=group, reference=reference) if say.has(key) else say.named("count", name)
            facts.append(Fact(named, count(counts[name])))
    return facts
