"""Sentences of a finding: what was compared, with whom, by how much, how sure, under which limit.

Each is a template and its values, so that a report can say it in another language (``checks/sentence.py``).
"""

from __future__ import annotations

from collections.abc import Iterable

from audits.policies.access_wording import ACCESS, ACCESS_OF_AGE, ACCESS_OF_ALL, ACCESS_OF_PART, access_whole
from audits.policies.labels import attribute_words, group_words, is_age, segment_words, stage_of
from audits.policies.lending_wording import LENDING, LENDING_OF_ALL
from audits.policies.model_wording import MODEL, MODEL_OF_ALL, MODEL_OF_PART, model_whole
from audits.policies.prices_wording import PRICES, PRICES_ALONE, PRICES_OF_ALL, PRICES_OF_ONE_ROUTE
from audits.policies.units import MONEY, bare, figure, stated
from audits.record import Measurement, Rule, Verdict
from checks.sentence import Sentence, Value, said, template

_SUBJECT = {
    **PRICES,
    **LENDING,
    **ACCESS,
    **MODEL,
    "rate_gap_bp": template("The mean rate of {group} borrowers less that of {reference} borrowers is {estimate}"),
    "adjusted_rate_gap_bp": template(
        "At equal controls and strata, the mean rate of {group} borrowers less that of {reference} borrowers is "
        "{estimate}"
    ),
    "rate_gap_money": template(
        "The gap in mean rates comes, over all their loans, to {more} for {group} borrowers than at the rates of "
        "{reference} borrowers"
    ),
    "high_cost_ratio": template(
        "The share of high-cost loans of {group} borrowers is {estimate} times that of {reference} borrowers"
    ),
    "imputed_approval_gap": template(
        "Going by probabilities of belonging, the approval rate of {group} applicants lies at least {where} that of "
        "{reference} applicants"
    ),
    "adverse_impact_ratio": template(
        "The approval rate of {group} applicants is {estimate} times that of {reference} applicants"
    ),
    "approval_gap": template("The approval rate of {group} applicants lies {where} that of {reference} applicants"),
    "adjusted_approval_gap": template(
        "Among applications alike in the declared controls, the approval rate of {group} applicants lies {where} "
        "that of {reference} applicants"
    ),
    "approval_rate": template("Of the decided applications of {group} applicants, a share of {estimate} was approved"),
    "approval_odds_ratio": template(
        "The odds of approval of {group} applicants are {estimate} times those of {reference} applicants"
    ),
    "standardized_mean_difference": template(
        "The approval of {group} applicants lies {where} that of {reference} applicants"
    ),
    "stratified_odds_ratio": template(
        "Within the declared strata, the odds of approval of {group} applicants are {estimate} times those of "
        "{reference} applicants"
    ),
    "stratified_risk_ratio": template(
        "Within the declared strata, the approval rate of {group} applicants is {estimate} times that of {reference} "
        "applicants"
    ),
    "stratified_approval_gap": template(
        "Within the declared strata, the approval rate of {group} applicants lies {where} that of {reference} "
        "applicants"
    ),
    "logit_approval_gap": template(
        "At equal strata (logit), the approval rate of {group} applicants lies {where} that of {reference} applicants"
    ),
    "risk_adjusted_gap": template(
        "Among applications of equal estimated risk, the approval rate of {group} applicants lies {where} that of "
        "{reference} applicants"
    ),
    "selection_rate_gap": template(
        "Where the outcome is known, the approval rate of {group} applicants lies {where} that of {reference} "
        "applicants"
    ),
    "true_positive_rate_gap": template(
        "Of those who repaid, the share of {group} applicants who were approved lies {where} that of {reference} "
        "applicants"
    ),
    "false_negative_rate_gap": template(
        "Of those who repaid, the share of {group} applicants who were approved lies {where} that of {reference} "
        "applicants"
    ),
    "false_positive_rate_gap": template(
        "Of those who did not repay, the share of {group} applicants who were declined lies {where} that of "
        "{reference} applicants"
    ),
    "true_negative_rate_gap": template(
        "Of those who did not repay, the share of {group} applicants who were approved lies {where} that of "
        "{reference} applicants"
    ),
    "accuracy_score_gap": template(
        "The share of decisions on {group} applicants that the outcome bears out lies {where} that of {reference} "
        "applicants"
    ),
    "zero_one_loss_gap": template(
        "The share of decisions on {group} applicants that the outcome bears out lies {where} that of {reference} "
        "applicants"
    ),
    "precision_score_gap": template(
        "Of the approved, the share of {group} applicants who did not repay lies {where} that of {reference} applicants"
    ),
    "calibration_gap": template(
        "At equal score, the rate of unfavourable outcomes of {group} applicants lies {where} that of {reference} "
        "applicants"
    ),
    "subgroup_gap": template("The approval rate of {group} applicants lies {where} that of {reference}"),
    "largest_subgroup_gap": template(
        "The approval rate of the judged subgroup approved least often lies {where} that of {reference}"
    ),
    "group_coverage": template("The attribute {attribute} is known for {estimate} of the decided applications"),
    "bounded_adverse_impact_ratio": template(
        "Whoever the applicants without a known {attribute} are, the approval rate of {group} applicants lies "
        "between {low} and {high} times that of {reference} applicants"
    ),
    "bounded_approval_gap": template(
        "Whoever the applicants without a known {attribute} are, the approval rate of {group} applicants lies "
        "between {low} and {high} below that of {reference} applicants"
    ),
}
_OF_ALL = {**PRICES_OF_ALL, **LENDING_OF_ALL, **ACCESS_OF_ALL, **MODEL_OF_ALL}


def explain(m: Measurement, rule: Rule, verdict: Verdict) -> Sentence:
    """One or two plain sentences for a finding; the measurement's bounds are those it was judged by."""
    if verdict == "unfit":
        return said("The data checks failed, so nothing was judged; see the failed checks.")
    if verdict == "not_identified":
        return cannot_answer(m.reason or said("the record states no reason"))
    return _whole(m, _because(m, rule, verdict), (rule.limit,))


def alone(m: Measurement, undecided: str) -> Sentence:
    """The explanation of a figure that decides nothing by itself, and why."""
    return _whole(m, said("This decides nothing by itself: {undecided}.", undecided=undecided))


def _whole(m: Measurement, because: Sentence, limits: Iterable[float] = ()) -> Sentence:
    whole = template("{subject} ({interval}, {n:,} rows). {because}")
    if m.question.startswith("fair_lending."):
        whole = template("{subject} ({interval}, {n:,} applications). {because}")
    if m.question.startswith("loyalty_pricing."):
        whole = template("{subject} ({interval}, {n:,} quotes). {because}")
    if m.question.startswith("predatory_lending."):
        whole = template("{subject} ({interval}, {n:,} loans). {because}")
        if m.measure in MONEY and m.measure.startswith("push_"):
            whole = template("{subject} ({interval}, {n:,} occasions). {because}")
        if m.measure in ("reborrowing_ratio", "fee_driven_ratio"):
            whole = template("{subject} ({interval}, {n:,} spells at risk). {because}")
    whole = access_whole(m.question, m.measure) or model_whole(m.question) or whole
    return said(whole, subject=_subject(m, tuple(limits)), interval=figure_with_interval(m), n=m.n, because=because)


def cannot_answer(reason: str) -> Sentence:
    """What stands in place of a verdict where the data do not allow one."""
    return said("These data cannot answer it: {reason}.", reason=reason)


def _subject(m: Measurement, limits: tuple[float, ...] = ()) -> Sentence:
    """What the figure says of whom; ``limits`` are what it must not look equal to."""
    words = _SUBJECT.get(m.measure)
    if m.group is None:
        words = (PRICES_ALONE.get(m.measure) if m.attribute else _OF_ALL.get(m.measure)) or words
    if stage_of(m):
        words = ACCESS_OF_PART.get(m.measure) or MODEL_OF_PART.get(m.measure) or words
    if is_age(m):
        words = ACCESS_OF_AGE.get(m.measure) or words
    if m.undecided:
        words = PRICES_OF_ONE_ROUTE.get(m.measure) or words
    if words is None:
        words = template("The figure {measure} of {group} is {estimate}")
        if m.reference:
            words = template("The figure {measure} of {group} against {reference} is {estimate}")
    values: dict[str, Value] = {
        "measure": m.measure,
        "attribute": attribute_words(m),
        "group": group_words(m, m.group) or said("all rows"),
        "reference": group_words(m, m.reference),
        "segment": segment_words(m),
        "estimate": figure(m, m.estimate, limits),
        "low": figure(m, m.low),
        "high": figure(m, m.high),
        "where": _where(m, limits),
        "over": _over(m, limits),
        "more": _more(m),
        "less": _more(m, -1.0),
        "level": said("{number} %", number=f"{100 * m.details.get('access_share', 0.0):.1f}"),
        "higher": _higher(m),
        "worse": _worse(m),
    }
    return said(words, **{name: value for name, value in values.items() if f"{{{name}}}" in words})


def _where(m: Measurement, limits: tuple[float, ...] = ()) -> Sentence:
    """On which side of the reference group a gap lies, and how far: a positive gap is below."""
    above, distance = (m.estimate or 0.0) < 0, figure(m, abs(m.estimate or 0.0), limits)
    words = template("{distance} above") if above else template("{distance} below")
    if m.measure == "standardized_mean_difference":
        words = template("{distance} standard deviations below")
        if above:
            words = template("{distance} standard deviations above")
    return said(words, distance=distance)


def _over(m: Measurement, limits: tuple[float, ...] = ()) -> Sentence:
    """How far a rate lies over a benchmark: a positive distance is above."""
    words = template("{distance} below") if (m.estimate or 0.0) < 0 else template("{distance} above")
    return said(words, distance=figure(m, abs(m.estimate or 0.0), limits))


def _higher(m: Measurement) -> Sentence:
    """How far a mean lies over another."""
    words = template("{distance} lower") if (m.estimate or 0.0) < 0 else template("{distance} higher")
    return said(words, distance=figure(m, abs(m.estimate or 0.0)))


def _worse(m: Measurement) -> Sentence:
    """How much worse the model treats somebody: a positive figure is to his harm."""
    words = template("better, by {distance},") if (m.estimate or 0.0) < 0 else template("worse, by {distance},")
    return said(words, distance=figure(m, abs(m.estimate or 0.0)))


def _more(m: Measurement, sign: float = 1.0) -> Sentence:
    """How much more an amount is, or less; ``sign`` is −1 where a positive one is less."""
    less, distance = sign * (m.estimate or 0.0) < 0, figure(m, abs(m.estimate or 0.0))
    words = template("{distance} less") if less else template("{distance} more")
    return said(words, distance=distance)


def figure_with_interval(m: Measurement) -> Sentence:
    """``gap 12.9 percentage points, 95 % interval 7.8 to 18.0``: the figure as recorded, with its bounds."""
    if is_counted(m):
        return said("every case counted")
    level, low, high = percent_of(m.level), bare(m, m.low), bare(m, m.high)
    if not m.measure.endswith("_gap"):
        return said("{level:.5g} % interval {low} to {high}", level=level, low=low, high=high)
    return said(
        "gap {gap}, {level:.5g} % interval {low} to {high}",
        gap=figure(m, m.estimate), level=level, low=low, high=high,
    )  # fmt: skip


def is_counted(m: Measurement) -> bool:
    """Whether every case was counted, so that there is no sampling error and no interval at any level."""
    sure = m.standard_error is None and m.p_value is None and not m.ladder
    return sure and m.estimate is not None and m.low == m.high == m.estimate


def percent_of(level: float) -> float:
    """A level in percent with five digits, so that a record's rounding can never turn its last one."""
    return float(f"{100 * level:.5g}")


def _because(m: Measurement, rule: Rule, verdict: Verdict) -> Sentence:
    """The limit, and how the figure lies to it."""
    words = template("The limit is at most {limit}")
    if rule.comparison == "at_least":
        words = template("The limit is at least {limit}")
    limit = said(words, limit=stated(m, rule.limit))
    if verdict == "inconclusive":
        return said(
            "{limit}: the interval holds values on both sides, so these data do not decide. {detectable}",
            limit=limit, detectable=_detectable(m),
        )  # fmt: skip
    if rule.test == "census" and rule.limit in dict(m.beyond):
        return _counted_beyond(m, dict(m.beyond)[rule.limit], limit)
    words = _WITHIN[rule.test] if verdict == "clear" else _BEYOND[rule.test]
    return said(words, limit=limit)


def _counted_beyond(m: Measurement, cases: int, limit: Sentence) -> Sentence:
    """How many cases lie beyond the limit; where none does, what that says of others like these."""
    upper = m.details.get("upper_share_of_none")
    if cases or upper is None:
        return said("{limit}: {cases:,} of {rows:,} rows lie beyond it.", limit=limit, cases=cases, rows=m.n)
    return said(
        "{limit}: none of {rows:,} rows lies beyond it; of rows like these, at most {upper:.3g} % do (95 % bound).",
        limit=limit, rows=m.n, upper=100 * upper,
    )  # fmt: skip


_BEYOND = {
    "interval": template("{limit}: the whole interval lies beyond it."),
    "point_and_significant": template("{limit}: the figure lies beyond it and the interval excludes equality."),
    "census": template("{limit}: the counted figure lies beyond it."),
}
_WITHIN = {
    "interval": template("{limit}: the whole interval lies within it."),
    "point_and_significant": template("{limit}: the whole interval lies within it."),
    "census": template("{limit}: the counted figure lies within it."),
}


def _detectable(m: Measurement) -> Sentence:
    """What this sample would have found: stands with every inconclusive finding."""
    against, level = "limit" if m.equality is None else "equality", percent_of(m.level)
    if m.mde is None:
        words = _TOO_FEW[against]
        return said(words, level=level)
    words = _FOUND[against]
    return said(words, departure=figure(m, m.mde), level=level)


_TOO_FEW = {
    "limit": template(
        "So few rows could not be counted on to show any departure from the limit (power 0.8, level {level:.5g} %)."
    ),
    "equality": template(
        "So few rows could not be counted on to show any departure from equality (power 0.8, level {level:.5g} %)."
    ),
}
_FOUND = {
    "limit": template(
        "A departure of {departure} from the limit would have been found (power 0.8, level {level:.5g} %)."
    ),
    "equality": template(
        "A departure of {departure} from equality would have been found (power 0.8, level {level:.5g} %)."
    ),
}
