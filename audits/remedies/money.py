"""What a harm has cost, in money, from a finished run's records: totals, never a person.

For every harm a list of figures, the one to be told first at its head, each with what its price or cost is compared
with. Figures of one harm commonly speak of the same money (a renewal above its new-customer price, and what those who
stay pay beyond equal cost): each says whether it may be added to the others, and nothing is added up here. Amounts of
no declared currency, and a harm without a figure, say what would give one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import Formatter
from typing import Literal

from audits.policies.labels import attribute_words, cap_of, group_words
from audits.policies.wording import is_counted
from audits.record import VERDICTS, AuditRun, Finding, Judgement, Measurement
from audits.remedies.money_figures import DISJOINT, FIGURES, HARMS, MoneyFigure
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
    figure, with what it cannot see.
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


def harm_costs(run: AuditRun, judgement: Judgement | None = None) -> dict[str, tuple[HarmCost, ...]]:
    """Harm → its figures, the headline first; at least one entry for each harm, with a reason where there is none.

    With a ``judgement``, caps are those of rules that were judged, in the part of the period that the rule was in
    force; without one, of the caps on a figure the loosest is told first.
    """
    found = {}
    for harm in HARMS:
        costs = [cost for figure in FIGURES if figure.harm == harm for cost in _of_figure(figure, run, judgement)]
        found[harm] = _told(costs) or (_missing(harm, run),)
    return found


def _of_figure(figure: MoneyFigure, run: AuditRun, judgement: Judgement | None) -> Iterator[HarmCost]:
    for m in run.measurements:
        if (m.question, m.measure) != (figure.question, figure.measure) or not figure.takes(m):
            continue
        finding = _finding(m, judgement)
        if m.segment != "all" and finding is None:
            continue  # a part of the period that no rule judges in money
        if judgement is not None and cap_of(m) and finding is None:
            continue  # a cap of a rule that was not applied
        yield _cost(figure, m, run, finding)


def _finding(m: Measurement, judgement: Judgement | None) -> Finding | None:
    """The worst finding under a rule that sets this cap, on the same part of the period."""
    cap = cap_of(m)
    if judgement is None or cap is None:
        return None
    own = [
        one for one in judgement.findings
        if (one.measurement.measure, one.measurement.segment) == (cap[0], m.segment)
        and abs(one.rule.limit - cap[1]) <= 1e-9 * max(1.0, abs(cap[1]))
    ]  # fmt: skip
    return min(own, key=_weight, default=None)


def _weight(finding: Finding) -> tuple[int, bool, str]:
    """The worst verdict first, law before what is not."""
    return VERDICTS.index(finding.verdict), finding.rule.status not in _LAW, finding.rule.id


def _cost(figure: MoneyFigure, m: Measurement, run: AuditRun, finding: Finding | None) -> HarmCost:
    told = {**m.counts, "n": m.n}
    cap = cap_of(m)
    words: dict[str, str] = {}
    if cap:
        words = {"cap": group_words(m, m.group)}
    cost = HarmCost(
        harm=figure.harm, question=m.question, measure=m.measure, attribute=m.attribute, group=m.group,
        estimate=m.estimate, low=m.low, high=m.high, level=m.level, currency=m.unit,
        period=run.data.period if m.segment == "all" else m.segment, n=m.n, counts=m.counts,
        denominators=_filled(figure.denominators, told), method=m.method,
        counterfactual=_filled(figure.counterfactual, {**told, **words, "reference": group_words(m, m.reference)}),
        fixed=figure.fixed, additive=False, of=figure.of, counted=is_counted(m), why=figure.why,
        rule=finding.rule.id if finding else None, reason=m.reason, group_words=_group(m),
        cautions=tuple(dict.fromkeys((*m.cautions, *m.unseen, *filter(None, [m.undecided])))), parts=figure.parts_of(m),
        order=_order(figure, m, finding),
    )  # fmt: skip
    if m.estimate is not None and m.unit is None:
        return replace(
            cost, estimate=None, low=None, high=None, counted=False,
            reason=said("the amounts have no declared currency"),
            needed=said("name 'currency' under '{block}' in the contract", block=figure.block),
        )  # fmt: skip
    return cost


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
    """What is told first: a figure of some money, then the kind, then the verdict on its cap, then the size."""
    judged = _weight(finding) if finding else (len(VERDICTS), True, "")
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
        found.append(replace(cost, additive=additive, headline=bool(had) and cost is had[0]))
    if found and not had:
        return (found[0],)
    return tuple(cost if cost.headline else replace(cost, why="") for cost in found)


def _addable(one: HarmCost, other: HarmCost) -> bool:
    """Whether two figures are of one currency and hold no money twice: of other parts of a cost, or of other rows."""
    if one.currency != other.currency:
        return False
    apart = one.measure == other.measure and one.attribute == other.attribute and one.group != other.group
    return not one.parts & other.parts or (apart and DISJOINT in one.parts)


def _missing(harm: str, run: AuditRun) -> HarmCost:
    """Why a harm has no figure at all, and what would give one: what was asked and not answered first."""
    own = [figure for figure in FIGURES if figure.harm == harm]
    first = own[0]
    reason, needed = said("no question that this program asks puts it in money"), _ask(own)
    if any((m.question, m.measure) == (figure.question, figure.measure) for figure in own for m in run.measurements):
        reason = said("no rule that was applied fixes what its cases are compared with")
        needed = said("choose a policy with a rule that applies to these data")
    for figure in own:
        about = (figure.question, f"{figure.question}: {figure.measure}", f"{figure.question}: {figure.rests_on}")
        lacking = next((one for one in run.not_answered if one.question in about), None)
        failed = next((one for one in run.errors if one.question == figure.question), None)
        if lacking or failed:
            first = figure
            reason = lacking.reason if lacking else said("the question failed while it ran")  # type: ignore[assignment]
            needed = lacking.needed if lacking else said("see the error of the run")  # type: ignore[assignment]
            break
    if not run.checks.fit:
        reason, needed = said("the data checks failed"), said("mend the data, and run the program again")
    return HarmCost(
        harm=harm, question=first.question, measure=first.measure, attribute=None, group=None, estimate=None, low=None,
        high=None, level=0.95, currency=None, period=run.data.period, n=0, counts={}, denominators="", method="",
        counterfactual="", fixed=first.fixed, additive=False, reason=reason, needed=needed,
    )  # fmt: skip


def _ask(own: Iterable[MoneyFigure]) -> Sentence:
    names = ", ".join(dict.fromkeys(figure.question for figure in own))
    return said("name one of these questions under 'audits', with the columns that it takes: {names}", names=names)
