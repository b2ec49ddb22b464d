"""Sentences of a finding: what was compared, with whom, by how much, how sure, under which limit."""

from __future__ import annotations

from audits.record import Measurement, Rule, Verdict

_SUBJECT = {
    "adverse_impact_ratio": (
        "The approval rate of {group} applicants is {estimate} times that of {reference} applicants"
    ),
    "approval_gap": "The approval rate of {group} applicants lies {distance} {side} that of {reference} applicants",
    "adjusted_approval_gap": (
        "Among applications alike in the declared controls, the approval rate of {group} applicants lies {distance} "
        "{side} that of {reference} applicants"
    ),
    "approval_rate": "Of the decided applications of {group} applicants, a share of {estimate} was approved",
}
_POINTS = ("approval_gap", "adjusted_approval_gap")


def explain(m: Measurement, rule: Rule, verdict: Verdict) -> str:
    """One or two plain sentences for a finding."""
    if verdict == "unfit":
        return "The data checks failed, so nothing was judged; see the failed checks."
    if verdict == "not_identified":
        return f"These data cannot answer it: {m.reason}."
    subject = _SUBJECT.get(m.measure, "The figure " + m.measure + " of {group} is {estimate}").format(
        group=m.group,
        reference=m.reference,
        estimate=figure(m, m.estimate),
        distance=figure(m, abs(m.estimate or 0.0)),
        side="above" if (m.estimate or 0.0) < 0 else "below",
    )
    bounds = f"({figure_with_interval(m)}, {m.n:,} applications)"
    return f"{subject} {bounds}. {_because(m, rule, verdict)}"


def figure_with_interval(m: Measurement) -> str:
    """``gap 12.9 percentage points, 95 % interval 7.8 to 18.0``: the figure as recorded, with its bounds."""
    unit = figure(m, 0.0).partition(" ")[2]
    low, high = (figure(m, bound).removesuffix(unit).rstrip() for bound in (m.low, m.high))
    gap = f"gap {figure(m, m.estimate)}, " if m.measure in _POINTS else ""
    return f"{gap}{m.level * 100:g} % interval {low} to {high}"


def figure(m: Measurement, value: float | None) -> str:
    """A figure of a measurement in the unit a reader expects; None is a bound at infinity."""
    if value is None:
        return "unbounded"
    text = f"{value * 100:.1f}" if m.measure in _POINTS else f"{value:.3f}"
    text = text.removeprefix("-") if float(text) == 0 else text  # no minus zero
    return f"{text} percentage points" if m.measure in _POINTS else text


def _because(m: Measurement, rule: Rule, verdict: Verdict) -> str:
    side = "at least" if rule.comparison == "at_least" else "at most"
    limit = f"The limit is {side} {figure(m, rule.limit)}: "
    if verdict in ("breach", "concern"):
        if rule.test == "point_and_significant":
            return limit + "the figure lies beyond it and the interval excludes equality."
        return limit + (
            "the whole interval lies beyond it." if rule.test == "interval" else "the count lies beyond it."
        )
    if verdict == "clear":
        return limit + "the whole interval lies within it."
    if m.equality is None:
        mde = ""
    elif m.mde:
        mde = f"A departure of {figure(m, m.mde)} from equality would have been found with power 0.8."
    else:
        mde = "So few rows could not be counted on to show any departure from equality (power 0.8)."
    return limit + f"the interval holds values on both sides, so these data do not decide. {mde}".rstrip()
