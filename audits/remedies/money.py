"""What a harm has cost, in money, from a finished run's records: totals, never a person.

For every harm a list of figures, the one to be told first at its head, each with what its price or cost is compared
with. Figures of one harm commonly speak of the same money (a renewal above its new-customer price, and what those who
stay pay beyond equal cost): each says whether it may be added to the others, and nothing is added up here but the parts
of a period that a rule judged. Amounts of no declared currency, and a harm without a figure, say what would give one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import Formatter
from typing import Literal

from audits.policies.in_force import window_of
from audits.policies.labels import attribute_words, cap_of, group_words
from audits.policies.wording import is_counted
from audits.record import VERDICTS, AuditRun, Finding, Judgement, Measurement
from audits.remedies.money_figures import DISJOINT, FIGURES, GAP, HARMS, UNDATED_CAP, UNRULED, MoneyFigure
from audits.remedies.money_missing import lacks_of
from audits.remedies.money_rules import Ruled, ruled_sums
from checks.sentence import Sentence, said, template

_LAW = ("in_force",)
_ROWS = template("{n:,} rows")


@dataclass(frozen=True, slots=True)
class HarmCost:
    """A figure of money of one harm; ``estimate`` is None with a ``reason`` and what is ``needed`` to have it.

    ``of`` says whether it is a total (``all``) or a mean of each case. ``counted`` figures have no sampling error, so
    that ``low`` and ``high`` are the figure itself. ``counterfactual`` says what is compared with what, ``fixed``
    whether a rule fixes that (``rule``, where one that was judged does). ``additive`` figures share no money with
    another of the harm. ``headline`` is the one to be told first, ``why`` the reason. ``cautions`` are those of the
    figure, with what it cannot see. ``period`` is first and last day of the rows behind it (``2026-01-01..2026-03-31``)
    where they are known, else the period of the run; ``segments`` are the parts of the run that it is the sum of.
    ``asked`` is False for a harm of which no question that gives money was asked.
    """

    harm: str
    question: str
    measure: str
    attribute: str | None
    group: str | None
    estimate: float | None
    low: float | None
    high: float | None
    level: float
    currency: str | None
    period: str
    n: int
    counts: Mapping[str, int]
    denominators: str
    method: str
    counterfactual: str
    fixed: bool
    additive: bool
    of: Literal["all", "each"] = "all"
    counted: bool = False
    headline: bool = False
    why: str = ""
    rule: str | None = None
    reason: str | None = None
    needed: str | None = None
    cautions: tuple[str, ...] = ()
    group_words: str = ""
    parts: frozenset[str] = field(default_factory=frozenset)
    order: tuple[float, ...] = ()
    segments: tuple[str, ...] = ("all",)
    asked: bool = True


def harm_costs(run: AuditRun, judgement: Judgement | None = None) -> dict[str, tuple[HarmCost, ...]]:
    """Harm → its figures, the headline first; at least one entry for each harm, with a reason where there is none.

    With a ``judgement``, what a rule fixes is counted on the days of the rules that were judged, so that a cap of a
    rule that is out of scope or was not in force has no figure; without one, of the caps on a figure the loosest is
    told first.
    """
    found = {}
    for harm in HARMS:
        costs = [cost for figure in FIGURES if figure.harm == harm for cost in _of_figure(figure, run, judgement)]
        found[harm] = _told(costs) or (_missing(harm, run),)
    return found


def _of_figure(figure: MoneyFigure, run: AuditRun, judgement: Judgement | None) -> Iterator[HarmCost]:
    own = [
        m for m in run.measurements
        if (m.question, m.measure) == (figure.question, figure.measure) and figure.takes(m)
    ]  # fmt: skip
    for one in ruled_sums(own, figure.ruled, run, judgement):
        yield _cost(figure, one, run)


def _cost(figure: MoneyFigure, one: Ruled, run: AuditRun) -> HarmCost:
    m, finding = one.measurement, one.finding
    told = {**m.counts, "n": m.n}
    words: dict[str, str] = {"cap": group_words(m, m.group)} if cap_of(m) else {}
    fixed = figure.fixed and one.fixed
    compared = figure.counterfactual if fixed == figure.fixed else (UNDATED_CAP if cap_of(m) else figure.unruled)
    why = figure.why if fixed == figure.fixed else UNRULED
    cost = HarmCost(
        harm=figure.harm, question=m.question, measure=m.measure, attribute=m.attribute, group=m.group,
        estimate=m.estimate, low=m.low, high=m.high, level=m.level, currency=m.unit, period=_days(one, run), n=m.n,
        counts=m.counts, denominators=_filled(figure.denominators, told), method=m.method,
        counterfactual=_filled(compared, {**told, **words, "reference": group_words(m, m.reference)}),
        fixed=fixed, additive=False, of=figure.of, counted=is_counted(m), why=why,
        rule=finding.rule.id if finding else None, reason=m.reason, group_words=_group(m),
        cautions=tuple(dict.fromkeys((*m.cautions, *m.unseen, *filter(None, [m.undecided, one.undated])))),
        parts=figure.parts_of(m), order=_order(figure, m, finding), segments=one.segments,
    )  # fmt: skip
    if m.estimate is not None and m.unit is None:
        return replace(
            cost, estimate=None, low=None, high=None, counted=False,
            reason=said("the amounts have no declared currency"),
            needed=said("name 'currency' under '{block}' in the contract", block=figure.block),
        )  # fmt: skip
    return cost


def _days(one: Ruled, run: AuditRun) -> str:
    """First and last day of the parts, which lie end to end; the run's own word for its period where unknown."""
    spans = [window_of(replace(one.measurement, segment=segment), run) for segment in one.segments]
    first, last = spans[0][0], spans[-1][1]
    return f"{first}..{last}" if first and last else run.data.period


def _filled(words: str, values: Mapping[str, object]) -> Sentence:
    """A template over a figure's counts; where a record lacks one of them, the number of rows."""
    asked = {name for _, name, _, _ in Formatter().parse(words) if name}
    if asked - values.keys():
        words, asked = _ROWS, {"n"}
    return said(words, **{name: values[name] for name in asked})


def _group(m: Measurement) -> str:
    """The group with its attribute, as a sentence where the words are ours; empty where the figure is of all."""
    if not m.group:
        return ""
    return said("{attribute}: {group}", attribute=attribute_words(m), group=group_words(m, m.group))


def _order(figure: MoneyFigure, m: Measurement, finding: Finding | None) -> tuple[float, ...]:
    """What is told first: a figure of some money, then the kind, then the verdict of its rule, then the size."""
    judged = (len(VERDICTS), True)
    if finding:
        judged = VERDICTS.index(finding.verdict), finding.rule.status not in _LAW
    nothing = m.estimate is None or m.estimate <= 0 or m.unit is None
    cap = cap_of(m)
    loosest = -cap[1] if cap and finding is None else 0.0
    return (
        float(m.estimate is None or m.unit is None), float(nothing), float(figure.of == "each"), float(figure.rank),
        float(judged[0]), float(judged[1]), loosest, -(m.estimate or 0.0),
    )  # fmt: skip


def _told(costs: Sequence[HarmCost]) -> tuple[HarmCost, ...]:
    """In order; the first is the headline where it has an estimate. Who shares money with whom is seen over all."""
    ordered = sorted(costs, key=lambda cost: (cost.order, cost.measure, cost.group or "", cost.period))
    had = [cost for cost in ordered if cost.estimate is not None]
    found = []
    for cost in ordered:
        others = [other for other in had if other is not cost]
        total = cost.estimate is not None and cost.of == "all"
        additive = total and all(_addable(cost, one) for one in others)
        alone = cost.why == GAP and not any(one.measure == cost.measure for one in others)
        headline = bool(had) and cost is had[0]
        found.append(replace(
            cost, additive=additive, headline=headline, why="" if alone or (had and not headline) else cost.why,
        ))  # fmt: skip
    return tuple(found) if had else tuple(found[:1])


def _addable(one: HarmCost, other: HarmCost) -> bool:
    """Whether two figures are of one currency and hold no money twice: of other parts of a cost, rows or days."""
    if one.currency != other.currency:
        return False
    apart = one.measure == other.measure and one.attribute == other.attribute and one.group != other.group
    return not one.parts & other.parts or (apart and DISJOINT in one.parts) or _other_days(one, other)


def _other_days(one: HarmCost, other: HarmCost) -> bool:
    """Whether both are of known days, of which none is in both: a row lies on one day."""
    spans = sorted(tuple(cost.period.split("..")) for cost in (one, other))
    known = all(len(span) == 2 for span in spans) and "all" not in (*one.segments, *other.segments)
    return known and spans[0][1] < spans[1][0]


def _missing(harm: str, run: AuditRun) -> HarmCost:
    """Why a harm has no figure at all, and what would give one."""
    own = [figure for figure in FIGURES if figure.harm == harm]
    lack = lacks_of(own, run)
    return HarmCost(
        harm=harm, question=lack.figure.question, measure=lack.figure.measure, attribute=None, group=None,
        estimate=None, low=None, high=None, level=0.95, currency=None, period=run.data.period, n=0, counts={},
        denominators="", method="", counterfactual="", fixed=lack.figure.fixed, additive=False, reason=lack.reason,
        needed=lack.needed, asked=lack.asked,
    )  # fmt: skip
