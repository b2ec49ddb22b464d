"""Sentences of a finding: what was compared, with whom, by how much, how sure, under which limit."""

from __future__ import annotations

from audits.record import Measurement, Rule, Verdict

_SUBJECT = {
    "rate_gap_bp": "The mean rate of {group} borrowers less that of {reference} borrowers is {estimate}",
    "adjusted_rate_gap_bp": (
        "At equal controls and strata, the mean rate of {group} borrowers less that of {reference} borrowers is "
        "{estimate}"
    ),
    "high_cost_ratio": (
        "The share of high-cost loans of {group} borrowers is {estimate} times that of {reference} borrowers"
    ),
    "imputed_approval_gap": (
        "Going by probabilities of belonging, the approval rate of {group} applicants lies at least {distance} {side} "
        "that of {reference} applicants"
    ),
    "adverse_impact_ratio": (
        "The approval rate of {group} applicants is {estimate} times that of {reference} applicants"
    ),
    "approval_gap": "The approval rate of {group} applicants lies {distance} {side} that of {reference} applicants",
    "adjusted_approval_gap": (
        "Among applications alike in the declared controls, the approval rate of {group} applicants lies {distance} "
        "{side} that of {reference} applicants"
    ),
    "approval_rate": "Of the decided applications of {group} applicants, a share of {estimate} was approved",
    "approval_odds_ratio": (
        "The odds of approval of {group} applicants are {estimate} times those of {reference} applicants"
    ),
    "standardized_mean_difference": (
        "The approval of {group} applicants lies {distance} standard deviations {side} that of {reference} applicants"
    ),
    "stratified_odds_ratio": (
        "Within the declared strata, the odds of approval of {group} applicants are {estimate} times those of "
        "{reference} applicants"
    ),
    "stratified_risk_ratio": (
        "Within the declared strata, the approval rate of {group} applicants is {estimate} times that of {reference} "
        "applicants"
    ),
    "stratified_approval_gap": (
        "Within the declared strata, the approval rate of {group} applicants lies {distance} {side} that of "
        "{reference} applicants"
    ),
    "logit_approval_gap": (
        "At equal strata (logit), the approval rate of {group} applicants lies {distance} {side} that of {reference} "
        "applicants"
    ),
    "risk_adjusted_gap": (
        "Among applications of equal estimated risk, the approval rate of {group} applicants lies {distance} {side} "
        "that of {reference} applicants"
    ),
    "selection_rate_gap": (
        "Where the outcome is known, the approval rate of {group} applicants lies {distance} {side} that of "
        "{reference} applicants"
    ),
    "true_positive_rate_gap": (
        "Of those who repaid, the share of {group} applicants who were approved lies {distance} {side} that of "
        "{reference} applicants"
    ),
    "false_negative_rate_gap": (
        "Of those who repaid, the share of {group} applicants who were approved lies {distance} {side} that of "
        "{reference} applicants"
    ),
    "false_positive_rate_gap": (
        "Of those who did not repay, the share of {group} applicants who were declined lies {distance} {side} that of "
        "{reference} applicants"
    ),
    "true_negative_rate_gap": (
        "Of those who did not repay, the share of {group} applicants who were approved lies {distance} {side} that of "
        "{reference} applicants"
    ),
    "accuracy_score_gap": (
        "The share of decisions on {group} applicants that the outcome bears out lies {distance} {side} that of "
        "{reference} applicants"
    ),
    "zero_one_loss_gap": (
        "The share of decisions on {group} applicants that the outcome bears out lies {distance} {side} that of "
        "{reference} applicants"
    ),
    "precision_score_gap": (
        "Of the approved, the share of {group} applicants who did not repay lies {distance} {side} that of {reference} "
        "applicants"
    ),
    "calibration_gap": (
        "At equal score, the rate of unfavourable outcomes of {group} applicants lies {distance} {side} that of "
        "{reference} applicants"
    ),
    "subgroup_gap": "The approval rate of {group} applicants lies {distance} {side} that of {reference}",
    "largest_subgroup_gap": (
        "The approval rate of the judged subgroup approved least often lies {distance} {side} that of {reference}"
    ),
    "group_coverage": "The attribute {attribute} is known for {estimate} of the decided applications",
    "bounded_adverse_impact_ratio": (
        "Whoever the applicants without a known {attribute} are, the approval rate of {group} applicants lies between "
        "{low} and {high} times that of {reference} applicants"
    ),
    "bounded_approval_gap": (
        "Whoever the applicants without a known {attribute} are, the approval rate of {group} applicants lies between "
        "{low} and {high} below that of {reference} applicants"
    ),
}
# a bare number becomes a figure by the ending of the measure's name: factor, decimals, unit
_UNITS = (
    ("_gap", 100.0, 1, " percentage points"), ("_bp", 1.0, 1, " basis points"), ("_share", 100.0, 1, " %"),
    ("_coverage", 100.0, 1, " %"),
)  # fmt: skip


def explain(m: Measurement, rule: Rule, verdict: Verdict) -> str:
    """One or two plain sentences for a finding; the measurement's bounds are those it was judged by."""
    if verdict == "unfit":
        return "The data checks failed, so nothing was judged; see the failed checks."
    if verdict == "not_identified":
        return f"These data cannot answer it: {m.reason}."
    generic = f"The figure {m.measure} of {{group}} against {{reference}} is {{estimate}}"
    generic = generic if m.reference else f"The figure {m.measure} of {{group}} is {{estimate}}"
    subject = _SUBJECT.get(m.measure, generic).format(
        attribute=m.attribute,
        group=m.group or "all rows",
        reference=m.reference,
        estimate=figure(m, m.estimate),
        low=figure(m, m.low),
        high=figure(m, m.high),
        distance=figure(m, abs(m.estimate or 0.0)),
        side="above" if (m.estimate or 0.0) < 0 else "below",
    )
    return f"{subject} ({figure_with_interval(m)}, {m.n:,} {_rows(m)}). {_because(m, rule, verdict)}"


def _rows(m: Measurement) -> str:
    return "applications" if m.question.startswith("fair_lending.") else "rows"


def figure_with_interval(m: Measurement) -> str:
    """``gap 12.9 percentage points, 95 % interval 7.8 to 18.0``: the figure as recorded, with its bounds."""
    unit = _unit(m)[2]
    low, high = (figure(m, bound).removesuffix(unit).rstrip() for bound in (m.low, m.high))
    gap = f"gap {figure(m, m.estimate)}, " if m.measure.endswith("_gap") else ""
    return f"{gap}{m.level * 100:.5g} % interval {low} to {high}"


def figure(m: Measurement, value: float | None) -> str:
    """A figure of a measurement in the unit a reader expects; None is a bound at infinity."""
    if value is None:
        return "unbounded"
    factor, decimals, unit = _unit(m)
    text = f"{value * factor:.{decimals}f}"
    return (text.removeprefix("-") if float(text) == 0 else text) + unit  # no minus zero


def _unit(m: Measurement) -> tuple[float, int, str]:
    found = ((factor, decimals, unit) for end, factor, decimals, unit in _UNITS if m.measure.endswith(end))
    return next(found, (1.0, 3, ""))


def _because(m: Measurement, rule: Rule, verdict: Verdict) -> str:
    side = "at least" if rule.comparison == "at_least" else "at most"
    limit = f"The limit is {side} {figure(m, rule.limit)}: "
    if verdict in ("breach", "concern"):
        if rule.test == "point_and_significant":
            return limit + "the figure lies beyond it and the interval excludes equality."
        return limit + (
            "the whole interval lies beyond it." if rule.test == "interval" else "the counted figure lies beyond it."
        )
    if verdict == "clear":
        return limit + (
            "the counted figure lies within it." if rule.test == "census" else "the whole interval lies within it."
        )
    return f"{limit}the interval holds values on both sides, so these data do not decide. {_detectable(m)}"


def _detectable(m: Measurement) -> str:
    """What this sample would have found: stands with every inconclusive finding."""
    level = f"(power 0.8, level {m.level * 100:.5g} %)"
    whence = "the limit" if m.equality is None else "equality"
    if m.mde is None:
        return f"So few rows could not be counted on to show any departure from {whence} {level}."
    return f"A departure of {figure(m, m.mde)} from {whence} would have been found {level}."
