"""What would change a verdict: the limits at which it turns, the rows that would decide, its cautions. Pure."""

from __future__ import annotations

from audits.record import Finding, Measurement
from reports.figures import exact, figure_of, unit_of
from reports.words import Words

_MOST = 1000  # times as many rows, beyond which no number is worth naming
_FEW = 1.1


def turning_points(say: Words, finding: Finding) -> tuple[str, ...]:
    """Sentences for one finding, on the bounds that it was judged by."""
    verdict = finding.verdict
    if verdict in ("not_identified", "unfit"):
        return (say(f"change.{verdict}"),)
    if verdict in ("breach", "concern"):
        met = _met(say, finding)
        return (met, say("change.law")) if verdict == "concern" else (met,)
    return (_clear(say, finding),) if verdict == "clear" else (_undecided(say, finding),)


def undecided(say: Words, m: Measurement) -> str:
    """What would let a figure decide that decides nothing by itself."""
    key = f"change.undecided.{m.measure}"
    return say(key if say.has(key) else "change.undecided")


def _ends(finding: Finding) -> tuple[float | None, float | None]:
    """The bound that comes first when nearing the limit from beyond it, and the other; of the level judged by."""
    m = finding.measurement
    low, high = (finding.low, finding.high) if finding.level is not None else (m.low, m.high)
    return (low, high) if finding.rule.comparison == "at_most" else (high, low)


def _met(say: Words, finding: Finding) -> str:
    near, far = _ends(finding)
    m = finding.measurement
    estimate = _shown(say, m.estimate, finding)
    if finding.rule.test == "census":
        return say("change.census", estimate=estimate)
    if finding.rule.test == "point_and_significant":
        if m.equality is None or near is None:
            return say("change.significant_limit", estimate=estimate)
        equality = exact(say, m.equality, unit_of(m.measure), m.unit)
        return say("change.significant", estimate=estimate, equality=equality, near=_shown(say, near, finding))
    if near is None:
        return say("change.met_unbounded")
    nearer = _shown(say, near, finding)
    if far is None or finding.unseen:  # what it cannot see keeps it from being clear under any limit
        return say("change.met_open", near=nearer)
    return say("change.met", near=nearer, far=_shown(say, far, finding))


def _clear(say: Words, finding: Finding) -> str:
    far = finding.measurement.estimate if finding.rule.test == "census" else _ends(finding)[1]
    return say("change.clear", far=_shown(say, far, finding))


def _undecided(say: Words, finding: Finding) -> str:
    """How many rows would decide: an interval narrows with the square root of their number."""
    m, limit = finding.measurement, finding.rule.limit
    if m.undecided:
        return undecided(say, m)
    near, far = _ends(finding)
    sign = 1.0 if finding.rule.comparison == "at_most" else -1.0
    if within(finding):
        return say("change.unseen")
    beyond = m.estimate is not None and sign * (m.estimate - limit) > 0
    if beyond and finding.rule.test == "point_and_significant":
        return say("change.no_equality" if m.equality is None else "change.equality")
    end = near if beyond else far
    if m.estimate is None or end is None:
        return say("change.open_beyond" if beyond else "change.open_within")
    if finding.unseen and not beyond:
        return say("change.unseen_wide")
    distance, reach = abs(m.estimate - limit), abs(m.estimate - end)
    if not m.n or distance * _MOST**0.5 <= reach:
        return say("change.rows_many", times=_MOST)
    times = (reach / distance) ** 2
    side = say("change.side.beyond" if beyond else "change.side.within")
    if times < _FEW:
        return say("change.rows_few", side=side)
    shown = f"{times:.2g}" if times < 100 else f"{times:.0f}"
    return say("change.rows", times=shown, rows=_rounded(m.n * times), now=m.n, side=side)


def within(finding: Finding) -> bool:
    """Whether the figure with its whole interval, or for a count the figure alone, lies within the limit."""
    m, limit = finding.measurement, finding.rule.limit
    sign = 1.0 if finding.rule.comparison == "at_most" else -1.0
    far = m.estimate if finding.rule.test == "census" else _ends(finding)[1]
    return far is not None and m.estimate is not None and sign * (far - limit) <= 0


def _rounded(rows: float) -> int:
    """Two significant digits, upwards: it is an estimate, not a count."""
    step = int(10 ** max(len(str(int(rows))) - 2, 0))
    return -(-int(rows) // step) * step


def _shown(say: Words, value: float | None, finding: Finding) -> str:
    return say("no_figure") if value is None else figure_of(say, finding.measurement, value, (finding.rule.limit,))
