"""Every fixed sentence of the report page, by key. A translation is another mapping with the same keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language. ``lang`` is its BCP 47 tag."""

    lang: str
    entries: Mapping[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence of a key with its values put in. Raises ``KeyError`` for an unknown key."""
        return Formatter().vformat(self.entries[key], (), values)

    def named(self, kind: str, name: str) -> str:
        """The words for a name of the records, such as a measure; the name itself, spaced, when there are none."""
        spaced = name.replace("_", " ").replace(".", ": ")
        return self.entries.get(f"{kind}.{name}") or spaced[:1].upper() + spaced[1:]

    def has(self, key: str) -> bool:
        """Whether there is a sentence for the key."""
        return key in self.entries


_PAGE = {
    "product": "Squaredeal",
    "record": "Audit record",
    "not_legal": (
        "This is an audit record, not a legal finding. It says what was measured and what stated rules make of it."
    ),
    "skip": "Skip to the findings",
    "identity": "{name} · period {period} · version {version}",
    "contents": "On this page",
    "asked": "What was asked",
    "found": "What was found",
    "unanswered": "What was not answered",
    "also": "Before relying on it",
    "full": "The measurements in full",
    "idle": "Rules not applied",
    "exclusions": "Left out of the figures",
    "checks": "Data checks",
    "errors": "Questions that failed while they ran",
    "reading": "How to read this record",
    "provenance": "Provenance",
    "to_details_bare": "Reason, method and cautions",
    "to_details": "Picture, method and cautions",
    "no_question": "The program states no question in words.",
}  # fmt: skip

_ASKED = {
    "compared": "Compared",
    "compared_pair": "{groups} with {reference} ({attribute})",
    "compared_all": "every group with {reference} ({attribute})",
    "compared_none": "no groups were compared",
    "and_more": "{shown} and {count} more",
    "dates": "Decisions",
    "dates_span": "{first} to {last}",
    "dates_none": "no date stated",
    "dates_none_note": "so it is unknown which rules were in force",
    "rows": "Data",
    "rows_value": "{rows} rows",
    "period_all": "all rows of the source",
    "period_some": "period {period}",
    "model": "Model",
    "model_none": "none named",
    "model_none_note": "the recorded decisions were audited",
    "model_version": "version {version}",
    "dated_as_declared": "as the program states",
}  # fmt: skip

_VERDICTS = {
    "verdict.breach": "Breach",
    "verdict.concern": "Concern",
    "verdict.inconclusive": "Inconclusive",
    "verdict.not_identified": "Not identified",
    "verdict.unfit": "Unfit",
    "verdict.clear": "Clear",
    "verdict.none": "Not judged",
    "meaning.breach": "beyond a limit that the law itself sets",
    "meaning.concern": "beyond the limit, but with a caution on the rule",
    "meaning.concern.ours": "beyond the limit; the rule is law, its number is our setting",
    "meaning.concern.soft": "beyond the limit of a rule that is not law",
    "meaning.inconclusive": "the interval holds values on both sides of the limit",
    "meaning.not_identified": "these data cannot answer it",
    "meaning.unfit": "the data failed their checks, so nothing was judged",
    "meaning.clear": "the whole interval lies within the limit",
    "meaning.none": "no rule was applied",
    "detail.breach": (
        "The rule’s test is met, and the rule is law, in force throughout, in scope, checked against its text, "
        "and the limit is the law’s own number. Whether the law was broken is for people and courts to decide."
    ),
    "detail.concern": (
        "The test is met, but the rule is a convention, guidance or draft, or is borrowed, unchecked, not "
        "certainly applicable, or the limit is a setting of the policy pack. The cautions say which."
    ),
    "detail.inconclusive": (
        "Too few data to decide. The smallest departure that these data would have found is given with the figure."
    ),
    "detail.not_identified": "The figure cannot be had from these data. The reason is given in its place.",
    "detail.unfit": "A check that stops an audit failed. No figure was formed, and none may be inferred.",
    "detail.clear": (
        "The figure and its whole interval lie within the limit. It does not show that nobody was treated "
        "unfairly."
    ),
    "detail.none": "A figure that no rule of the chosen policies judges. It is no statement in either direction.",
    "level_note": (
        "An interval holds the values that the data do not contradict at the stated level. It covers chance "
        "alone: not errors in the data, and not what was never recorded."
    ),
    "standing_note": (
        "Primary questions were declared before the data were seen. Exploratory ones were not, and deserve a "
        "second look on new data."
    ),
}  # fmt: skip

_HARMS = {
    "harm.fair_lending": "Fair lending",
    "harm.loyalty_pricing": "Loyalty pricing",
    "harm.predatory_lending": "Predatory lending",
    "harm.digital_divide": "Digital divide",
    "not_asked": "Not asked of these data: {harms}.",
    "standing.primary": "primary question",
    "standing.exploratory": "exploratory question",
    "headline_rule": "Judged under",
    "headline_rule_open": "Would be judged under",
    "headline_more": "Also under",
    "headline_more_count": "and {count} more",
    "others": "Further results",
    "others_more": "{count} more results below",
    "nothing_judged": "Nothing was judged",
    "nothing_judged_note": "This says nothing on whether there is harm: no figure was held against a rule.",
    "why_no_policy": "The program names no policies, so there was no rule to judge under.",
    "why_idle": "The chosen policies hold {count} rules; none of them applied. Each is listed below with its reason.",
    "why_idle_one": "The chosen policies hold 1 rule; it did not apply. It is listed below with its reason.",
    "why_no_rules": "The chosen policies hold no rule for what was measured.",
    "why_no_figures": "The run holds no measurement.",
    "why_unfit": "The data failed the checks that stop an audit.",
    "why_errors": "{count} of its questions failed while running.",
    "why_harm": "No rule of the chosen policies judged what was measured here.",
    "why_harm_unanswered": "No question on this harm could be answered.",
}  # fmt: skip

_UNANSWERED = {
    "all_ran": "Every question that the program asked could be run.",
    "needed": "Needed:",
    "unanswered_error": "failed while it ran, so there is no result",
    "unanswered_count": "{count} in all; the full list is below.",
    "no_figure": "No figure",
    "unanswered_full": "What was not answered, in full",
    "checks_fit": "{passed} of {total} data checks passed.",
    "checks_none": "No data check was recorded.",
    "checks_warned": "{count} gave a warning.",
    "checks_stopped": "{count} failed and stop the audit.",
    "idle_count": "{count} rules of the policies were not applied.",
    "idle_count_one": "1 rule of the policies was not applied.",
    "exclusion_count": "{count} kinds of rows were left out of some figures.",
    "exclusion_count_one": "1 kind of rows was left out of some figures.",
    "errors_count": "{count} questions failed while they ran.",
    "errors_count_one": "1 question failed while it ran.",
    "see": "Details",
}  # fmt: skip

_RULES = {
    "status.in_force": "Law in force",
    "status_ended": "Law in force until {last}",
    "status.guidance": "Guidance, not law",
    "status.draft": "Draft, not yet law",
    "status.repealed": "Repealed",
    "status.convention": "Convention, not law",
    "borrowed": "Borrowed from {source}",
    "borrowed_mark": "borrowed",
    "limit": "Limit",
    "limit.at_least": "at least {limit}",
    "limit.at_most": "at most {limit}",
    "limit_source.law": "set by the law itself",
    "limit_source.ours": "our setting, not a number in the law",
    "test": "Test",
    "test.interval": "the whole interval lies beyond the limit",
    "test.point_and_significant": "the figure lies beyond the limit and the interval excludes equality",
    "test.census": "every case is counted, and the count lies beyond the limit",
    "dates_rule": "Valid",
    "valid.both": "{first} to {last}",
    "valid.from": "since {first}",
    "valid.to": "until {last}",
    "valid.none": "no date stated",
    "jurisdiction": "Jurisdiction",
    "severity": "Severity",
    "severity.high": "high",
    "severity.medium": "medium",
    "severity.low": "low",
    "verified.yes": "checked against its primary text",
    "verified.no": "not yet checked against its primary text",
    "verified": "Source",
    "products": "Products",
    "partial": "Covers only: {partial}",
    "note": "Note: {note}",
    "finding": "Finding",
    "says.breach": "The test is met: {how}.",
    "says.concern": "The test is met: {how}.",
    "says.clear": "The test is not met: the whole interval lies within the limit.",
    "says.inconclusive": "Undecided: the interval holds values on both sides of the limit, or of equality.",
    "says.not_identified": "Not judged: there is no figure.",
    "says.unfit": "Not judged: the data failed the checks.",
    "rules_of": "Rules that judge this figure",
    "judged": "Judged by",
    "judged_by": "{level} interval {interval}",
    "judged_note": "allows for {count} comparisons judged together",
    "no_rule": "No rule of the chosen policies judges this figure.",
    "idle_none": "Every rule of the chosen policies was applied.",
    "no_policies": "The program names no policies.",
    "col.rule": "Rule",
    "col.why": "Why it was not applied",
}  # fmt: skip

_MEASURED = {
    "question.fair_lending.approval": "Approval",
    "question.fair_lending.intersections": "Intersections",
    "question.fair_lending.calibration": "Calibration",
    "question.fair_lending.errors": "Errors against outcomes",
    "question.fair_lending.pricing": "Rates",
    "question.fair_lending.imputed_groups": "Approval of groups that nobody recorded",
    "question.fair_lending.risk_adjusted": "Approval at equal risk",
    "block.attribute": "{question} by {attribute}",
    "block.segment": "{title}, within {segment}",
    "rates": "{what} by group",
    "rates_table": "{what} by group, with {level} intervals",
    "col.group": "Group",
    "col.rate": "Rate",
    "col.interval": "{level} interval",
    "col.counts": "Counts",
    "reference": "reference",
    "of": "{part} of {whole}",
    "favourable_is": "Counted as favourable: {column} is {values}.",
    "versus": "{group} compared with {reference}",
    "whole": "all rows",
    "interval_short": "{level} interval {low} to {high}",
    "interval_upward": "{level} interval {low} or more",
    "interval_downward": "{level} interval {high} or less",
    "interval_open": "{level} interval unbounded on both sides",
    "between": "{low} to {high}",
    "or_more": "{low} or more, no upper bound",
    "or_less": "{high} or less, no lower bound",
    "unbounded": "unbounded on both sides",
    "fact.figure": "Figure",
    "fact.interval": "{level} interval",
    "fact.n": "Rows behind it",
    "fact.method": "Method",
    "fact.source": "Computed with",
    "fact.p_value": "p-value of equality",
    "fact.p_value_none": "none for this figure",
    "fact.mde": "Minimum detectable effect",
    "fact.mde_note": "smallest departure from equality that this sample would have found with power 0.8",
    "fact.standard_error": "Standard error",
    "fact.equality": "Equality would be",
    "fact.controls": "Declared controls ({count})",
    "missing": "No figure: {reason}.",
    "missing_unknown": "the record gives no reason",
    "cautions": "Cautions",
    "cautions_all": "Cautions on every rule",
    "does_not_show": "What it does not show",
    "figures": "Figures",
    "none_measured": "The run holds no measurement.",
}  # fmt: skip

_MEASURES = {
    "measure.approval_rate": "Approval rate",
    "measure.adverse_impact_ratio": "Adverse impact ratio",
    "measure.approval_gap": "Gap in approval rates",
    "measure.adjusted_approval_gap": "Adjusted gap in approval rates",
    "measure.approval_odds_ratio": "Odds ratio of approval",
    "measure.standardized_mean_difference": "Standardized mean difference",
    "measure.stratified_odds_ratio": "Odds ratio within strata",
    "measure.stratified_risk_ratio": "Ratio of approval rates within strata",
    "measure.stratified_approval_gap": "Gap in approval rates within strata",
    "measure.logit_approval_gap": "Gap at equal strata, by logit",
    "measure.group_coverage": "Applications whose group is known",
    "measure.bounded_adverse_impact_ratio": "Adverse impact ratio, whoever the unknown are",
    "measure.bounded_approval_gap": "Gap in approval rates, whoever the unknown are",
    "says.approval_odds_ratio": (
        "The odds of approval of {group} applicants are {figure} times those of {reference} applicants."
    ),
    "says.standardized_mean_difference.above": (
        "The approval of {group} applicants lies {figure} standard deviations below that of {reference} applicants."
    ),
    "says.standardized_mean_difference.below": (
        "The approval of {group} applicants lies {figure} standard deviations above that of {reference} applicants."
    ),
    "says.standardized_mean_difference.equal": (
        "The approval of {group} applicants equals that of {reference} applicants."
    ),
    "says.stratified_odds_ratio": (
        "Within the declared strata, the odds of approval of {group} applicants are {figure} times those of "
        "{reference} applicants."
    ),
    "says.stratified_risk_ratio": (
        "Within the declared strata, the approval rate of {group} applicants is {figure} times that of {reference} "
        "applicants."
    ),
    "says.stratified_approval_gap.above": (
        "Within the declared strata, the approval rate of {group} applicants lies {figure} below that of {reference} "
        "applicants."
    ),
    "says.stratified_approval_gap.below": (
        "Within the declared strata, the approval rate of {group} applicants lies {figure} above that of {reference} "
        "applicants."
    ),
    "says.stratified_approval_gap.equal": (
        "Within the declared strata, {group} and {reference} applicants have the same approval rate."
    ),
    "says.logit_approval_gap.above": (
        "At equal strata, by a logit, the approval rate of {group} applicants lies {figure} below that of {reference} "
        "applicants."
    ),
    "says.logit_approval_gap.below": (
        "At equal strata, by a logit, the approval rate of {group} applicants lies {figure} above that of {reference} "
        "applicants."
    ),
    "says.logit_approval_gap.equal": (
        "At equal strata, by a logit, {group} and {reference} applicants have the same approval rate."
    ),
    "says.group_coverage": "For {figure} of the decided applications it is known which group they belong to.",
    "says.bounded_adverse_impact_ratio": (
        "Among applicants whose group is known, the approval rate of {group} applicants is {figure} times that of "
        "{reference} applicants; the interval holds the ratio of all, whoever the others are."
    ),
    "says.bounded_approval_gap.above": (
        "Among applicants whose group is known, the approval rate of {group} applicants lies {figure} below that of "
        "{reference} applicants; the interval holds the gap of all, whoever the others are."
    ),
    "says.bounded_approval_gap.below": (
        "Among applicants whose group is known, the approval rate of {group} applicants lies {figure} above that of "
        "{reference} applicants; the interval holds the gap of all, whoever the others are."
    ),
    "says.bounded_approval_gap.equal": (
        "Among applicants whose group is known, {group} and {reference} applicants have the same approval rate; the "
        "interval holds the gap of all, whoever the others are."
    ),
    "limits.approval_odds_ratio": (
        "It compares raw odds of approval. It does not say why they differ: applicants may differ in what a lender "
        "may lawfully weigh."
    ),
    "limits.standardized_mean_difference": (
        "It compares raw approval rates against their spread. It does not say why they differ."
    ),
    "limits.stratified_odds_ratio": (
        "Applicants alike in the strata may still differ in what a lender may lawfully weigh."
    ),
    "limits.stratified_risk_ratio": (
        "Applicants alike in the strata may still differ in what a lender may lawfully weigh."
    ),
    "limits.stratified_approval_gap": (
        "Applicants alike in the strata may still differ in what a lender may lawfully weigh; and a stratum that is "
        "itself tainted can hide a difference."
    ),
    "limits.logit_approval_gap": (
        "It takes the strata to act alike on the odds of either group. What is not among them is not held equal."
    ),
    "limits.group_coverage": "It does not say who the applicants without a known group are.",
    "limits.bounded_adverse_impact_ratio": (
        "The bounds are as wide as the worst and best case allow; where the truth lies between them is not known."
    ),
    "limits.bounded_approval_gap": (
        "The bounds are as wide as the worst and best case allow; where the truth lies between them is not known."
    ),
    "count.known": "Group known",
    "count.strata": "Strata",
    "count.group_alone": "{group}, in strata without anybody to compare with",
    "count.unknown_favourable": "Group unknown, favourable",
    "count.unknown_decided": "Group unknown, decided",
    "detail.homogeneity_p": "p-value that all strata share one odds ratio",
    "detail.known_among_approved": "Share known among the approved",
    "detail.known_among_declined": "Share known among the declined",
    "measure.rate_gap_bp": "Gap in mean rates",
    "measure.adjusted_rate_gap_bp": "Adjusted gap in mean rates",
    "measure.high_cost_share": "Share of high-cost loans",
    "measure.high_cost_ratio": "Ratio of shares of high-cost loans",
    "measure.imputed_approval_gap": "Gap in approval rates by probability of belonging",
    "says.rate_gap_bp.above": "The mean rate of {group} borrowers lies {figure} above that of {reference} borrowers.",
    "says.rate_gap_bp.below": "The mean rate of {group} borrowers lies {figure} below that of {reference} borrowers.",
    "says.rate_gap_bp.equal": "The mean rate of {group} borrowers equals that of {reference} borrowers.",
    "says.adjusted_rate_gap_bp.above": (
        "Among loans alike in the declared controls and strata, the mean rate of {group} borrowers lies {figure} above "
        "that of {reference} borrowers."
    ),
    "says.adjusted_rate_gap_bp.below": (
        "Among loans alike in the declared controls and strata, the mean rate of {group} borrowers lies {figure} below "
        "that of {reference} borrowers."
    ),
    "says.adjusted_rate_gap_bp.equal": (
        "Among loans alike in the declared controls and strata, {group} and {reference} borrowers pay the same mean "
        "rate."
    ),
    "says.high_cost_share": "{figure} of the loans of {group} borrowers are high-cost.",
    "says.high_cost_ratio": (
        "The share of high-cost loans of {group} borrowers is {figure} times that of {reference} borrowers."
    ),
    "says.imputed_approval_gap.above": (
        "Going by probabilities of belonging, the approval rate of {group} applicants lies at least {figure} below "
        "that of {reference} applicants."
    ),
    "says.imputed_approval_gap.below": (
        "Going by probabilities of belonging, the approval rate of {group} applicants lies at least {figure} above "
        "that of {reference} applicants."
    ),
    "says.imputed_approval_gap.equal": (
        "Going by probabilities of belonging, no gap between the approval rates of {group} and {reference} applicants "
        "is certain."
    ),
    "limits.rate_gap_bp": (
        "It compares rates of those who got one. It does not say why they differ: loans may differ in what may "
        "lawfully move a rate, and who got a loan is the lender’s own choice."
    ),
    "limits.adjusted_rate_gap_bp": (
        "It is what the declared controls and strata leave unexplained among those who got a rate, and no proof of "
        "discrimination: a lawful reason that is not among them would appear here too, and a control that is itself "
        "tainted can hide a difference. The robustness value says how strong such a reason would have to be."
    ),
    "limits.high_cost_ratio": (
        "It compares shares of high-cost loans. It does not say whether these borrowers could have had a cheaper one."
    ),
    "limits.imputed_approval_gap": (
        "Nobody’s group is known. The bounds rest on calibrated probabilities, and on leanings that go one way; which "
        "value between them is right is not known."
    ),
    "count.group_without_rate": "{group}, without a rate",
    "count.reference_without_rate": "{reference}, without a rate",
    "count.group_approved_without_rate": "{group}, approved without a rate",
    "count.reference_approved_without_rate": "{reference}, approved without a rate",
    "count.high_cost": "high-cost",
    "count.flagged": "with a flag",
    "count.group_high_cost": "{group}, high-cost",
    "count.group_flagged": "{group}, with a flag",
    "count.reference_high_cost": "{reference}, high-cost",
    "count.reference_flagged": "{reference}, with a flag",
    "count.entities": "Entities",
    "detail.weighted_gap": "Gap of probability-weighted rates",
    "detail.weighted_gap_error": "Its standard error",
    "detail.least_squares_gap": "Gap by least squares on the probabilities",
    "detail.least_squares_gap_error": "Standard error of that",
    "detail.group_weighted_rate": "Weighted approval rate of the group",
    "detail.reference_weighted_rate": "Weighted approval rate of the reference",
    "detail.group_expected": "Members that the probabilities expect",
    "detail.group_effective": "Effective size of the group (Kish)",
    "detail.reference_effective": "Effective size of the reference (Kish)",
    "measure.risk_adjusted_gap": "Gap in approval rates at equal risk",
    "unit.fair_lending": "applications",
    "denominators": "{total} {unit}: {group}, {reference}",
    "denominator": "{count} {name}",
    "shares": "{group} against {reference}",
    "unit.other": "rows",
    "says.adverse_impact_ratio": (
        "The approval rate of {group} applicants is {figure} times that of {reference} applicants."
    ),
    "says.approval_rate": "{figure} of the decided applications of {group} applicants were approved.",
    "says.approval_gap.above": (
        "The approval rate of {group} applicants lies {figure} below that of {reference} applicants."
    ),
    "says.approval_gap.below": (
        "The approval rate of {group} applicants lies {figure} above that of {reference} applicants."
    ),
    "says.approval_gap.equal": "The approval rate of {group} applicants equals that of {reference} applicants.",
    "says.adjusted_approval_gap.above": (
        "Among applications alike in the declared controls, the approval rate of {group} applicants lies {figure} "
        "below that of {reference} applicants."
    ),
    "says.adjusted_approval_gap.below": (
        "Among applications alike in the declared controls, the approval rate of {group} applicants lies {figure} "
        "above that of {reference} applicants."
    ),
    "says.adjusted_approval_gap.equal": (
        "Among applications alike in the declared controls, {group} and {reference} applicants have the same "
        "approval rate."
    ),
    "says.risk_adjusted_gap.above": (
        "Among applications of equal estimated risk, the approval rate of {group} applicants lies {figure} below that "
        "of {reference} applicants."
    ),
    "says.risk_adjusted_gap.below": (
        "Among applications of equal estimated risk, the approval rate of {group} applicants lies {figure} above that "
        "of {reference} applicants."
    ),
    "says.risk_adjusted_gap.equal": (
        "Among applications of equal estimated risk, {group} and {reference} applicants have the same approval rate."
    ),
    "says.other": "{measure}, {who}: {figure}.",
    "limits.adverse_impact_ratio": (
        "It compares raw approval rates. It does not say why they differ: applicants may differ in what a lender "
        "may lawfully weigh."
    ),
    "limits.approval_gap": (
        "It compares raw approval rates. It does not say why they differ: applicants may differ in what a lender "
        "may lawfully weigh."
    ),
    "limits.adjusted_approval_gap": (
        "It is what the declared controls leave unexplained, and no proof of discrimination: a lawful reason that "
        "is not among the controls would appear here too, and a control that is itself tainted can hide a "
        "difference."
    ),
    "limits.risk_adjusted_gap": (
        "Risk is estimated from the declared features and the group, on the rows whose outcome is known. A lender "
        "that knew more of an applicant’s risk than the features say can look harmful, and one that takes the group "
        "itself for a sign of risk can look fair; the gap at equal risk estimated without the group stands beside it."
    ),
    "limits.clear": "Not finding a difference beyond the limit is not a finding that there is none.",
    "limits.other": "It does not say why the figure is as it is.",
    "count.decided": "decided",
    "count.favourable": "favourable",
    "count.group": "Rows of {group}",
    "count.reference": "Rows of {reference}",
    "count.left_out": "Left out",
    "detail.standard_error_classical": "Standard error, classical",
    "detail.group_left_out_share": "Share of the group left out",
    "detail.declared_strata_ignored": "Declared strata not told apart",
    "detail.reference_left_out_share": "Share of the reference left out",
    "detail.gap_at_equal_blind_risk": "Gap at equal risk estimated without the group (1 is 100 percentage points)",
    "detail.outside_common_risk_share": "Share of applications with none of the other group near them in risk",
    "detail.standard_error_risk_taken_as_known": "Standard error if the estimated risk were the true one (too small)",
    "detail.risk_discrimination": "How well estimated risk tells outcomes apart (0.5 not at all, 1 wholly)",
    "detail.risk_calibration_slope": "Spread of estimated risk before recalibration (1 is right, less is too spread)",
    "detail.decision_explained_by_risk_share": "Share of the decisions that estimated risk explains",
    "detail.outcome_error_to_overturn": (
        "How far the group’s chance of a good outcome would have to be misjudged for the gap to be none "
        "(1 is 100 percentage points)"
    ),
    "detail.robustness_value": (
        "Share of what is left of decisions and of group that something omitted would have to explain for the gap to "
        "be none"
    ),
    "detail.robustness_value_of_the_interval": "The same for the interval to reach none (0: it does already)",
    "detail.gap_if_declined_of_the_group_are_riskier": (
        "Gap if the declined of the group had half the odds of a good outcome of approved people alike"
    ),
    "detail.gap_if_declined_of_the_reference_are_riskier": (
        "Gap if the declined of the reference had half the odds of a good outcome of approved people alike"
    ),
    "count.group_decided": "{group}, decided",
    "count.group_favourable": "{group}, favourable",
    "count.reference_decided": "{reference}, decided",
    "count.reference_favourable": "{reference}, favourable",
}  # fmt: skip

_OUTCOMES_AND_CROSSINGS = {
    "measure.selection_rate": "Approval rate where the outcome is known",
    "measure.true_positive_rate": "Approved among those who repaid",
    "measure.true_negative_rate": "Declined among those who did not repay",
    "measure.false_positive_rate": "Approved among those who did not repay",
    "measure.false_negative_rate": "Declined among those who repaid",
    "measure.accuracy_score": "Decisions that the outcome bears out",
    "measure.zero_one_loss": "Decisions that the outcome refutes",
    "measure.precision_score": "Repaid among the approved",
    "measure.mean_prediction": "Mean decision where the outcome is known",
    "measure.recall_score": "Recall",
    "measure.f1_score": "F1 score",
    "measure.jaccard_score": "Jaccard score",
    "measure.balanced_accuracy_score": "Balanced accuracy",
    "measure.roc_auc_score": "Area under the curve of the decision",
    "measure.matthews_corrcoef": "Matthews correlation",
    "measure.hamming_loss": "Hamming loss",
    "measure.mean_absolute_error": "Mean absolute error",
    "measure.mean_squared_error": "Mean squared error",
    "measure.root_mean_squared_error": "Root mean squared error",
    "measure.r2_score": "R²",
    "measure.selection_rate_gap": "Gap in approval where the outcome is known",
    "measure.true_positive_rate_gap": "Gap in approval of those who repaid",
    "measure.true_negative_rate_gap": "Gap in refusal of those who did not repay",
    "measure.false_positive_rate_gap": "Gap in approval of those who did not repay",
    "measure.false_negative_rate_gap": "Gap in refusal of those who repaid",
    "measure.accuracy_score_gap": "Gap in decisions that the outcome bears out",
    "measure.zero_one_loss_gap": "Gap in decisions that the outcome refutes",
    "measure.precision_score_gap": "Gap in repayment among the approved",
    "says.selection_rate_gap.above": (
        "Where the outcome is known, the approval rate of {group} applicants lies {figure} below that of "
        "{reference} applicants."
    ),
    "says.selection_rate_gap.below": (
        "Where the outcome is known, the approval rate of {group} applicants lies {figure} above that of "
        "{reference} applicants."
    ),
    "says.selection_rate_gap.equal": (
        "Where the outcome is known, the approval rate of {group} applicants equals that of {reference} "
        "applicants."
    ),
    "says.true_positive_rate_gap.above": (
        "Of those who repaid, the share of {group} applicants who were approved lies {figure} below that of "
        "{reference} applicants."
    ),
    "says.true_positive_rate_gap.below": (
        "Of those who repaid, the share of {group} applicants who were approved lies {figure} above that of "
        "{reference} applicants."
    ),
    "says.true_positive_rate_gap.equal": (
        "Of those who repaid, the share of {group} applicants who were approved equals that of {reference} "
        "applicants."
    ),
    "says.true_negative_rate_gap.above": (
        "Of those who did not repay, the share of {group} applicants who were declined lies {figure} above that of "
        "{reference} applicants."
    ),
    "says.true_negative_rate_gap.below": (
        "Of those who did not repay, the share of {group} applicants who were declined lies {figure} below that of "
        "{reference} applicants."
    ),
    "says.true_negative_rate_gap.equal": (
        "Of those who did not repay, the share of {group} applicants who were declined equals that of {reference} "
        "applicants."
    ),
    "says.false_positive_rate_gap.above": (
        "Of those who did not repay, the share of {group} applicants who were approved lies {figure} above that of "
        "{reference} applicants."
    ),
    "says.false_positive_rate_gap.below": (
        "Of those who did not repay, the share of {group} applicants who were approved lies {figure} below that of "
        "{reference} applicants."
    ),
    "says.false_positive_rate_gap.equal": (
        "Of those who did not repay, the share of {group} applicants who were approved equals that of {reference} "
        "applicants."
    ),
    "says.false_negative_rate_gap.above": (
        "Of those who repaid, the share of {group} applicants who were declined lies {figure} above that of "
        "{reference} applicants."
    ),
    "says.false_negative_rate_gap.below": (
        "Of those who repaid, the share of {group} applicants who were declined lies {figure} below that of "
        "{reference} applicants."
    ),
    "says.false_negative_rate_gap.equal": (
        "Of those who repaid, the share of {group} applicants who were declined equals that of {reference} "
        "applicants."
    ),
    "says.accuracy_score_gap.above": (
        "The share of decisions that the outcome bears out lies for {group} applicants {figure} below that of "
        "{reference} applicants."
    ),
    "says.accuracy_score_gap.below": (
        "The share of decisions that the outcome bears out lies for {group} applicants {figure} above that of "
        "{reference} applicants."
    ),
    "says.accuracy_score_gap.equal": (
        "The share of decisions that the outcome bears out for {group} applicants equals that of {reference} "
        "applicants."
    ),
    "says.zero_one_loss_gap.above": (
        "The share of decisions that the outcome refutes lies for {group} applicants {figure} above that of "
        "{reference} applicants."
    ),
    "says.zero_one_loss_gap.below": (
        "The share of decisions that the outcome refutes lies for {group} applicants {figure} below that of "
        "{reference} applicants."
    ),
    "says.zero_one_loss_gap.equal": (
        "The share of decisions that the outcome refutes for {group} applicants equals that of {reference} "
        "applicants."
    ),
    "says.precision_score_gap.above": (
        "Of the approved, the share of {group} applicants who repaid lies {figure} above that of {reference} "
        "applicants."
    ),
    "says.precision_score_gap.below": (
        "Of the approved, the share of {group} applicants who repaid lies {figure} below that of {reference} "
        "applicants."
    ),
    "says.precision_score_gap.equal": (
        "Of the approved, the share of {group} applicants who repaid equals that of {reference} applicants."
    ),
    "limits.selection_rate_gap": (
        "Only rows with a known outcome count. It moves with how risk is spread in each group: under one standard "
        "for all it differs where risks are spread differently."
    ),
    "limits.true_positive_rate_gap": (
        "Only rows with a known outcome count. It moves with how risk is spread in each group: under one standard "
        "for all it differs where risks are spread differently."
    ),
    "limits.true_negative_rate_gap": (
        "Only rows with a known outcome count. Neither sign is harmful for sure: approval of those who do not "
        "repay is leniency, and a debt that they could not carry. It moves with how risk is spread in each group: "
        "under one standard for all it differs where risks are spread differently."
    ),
    "limits.false_positive_rate_gap": (
        "Only rows with a known outcome count. Neither sign is harmful for sure: approval of those who do not "
        "repay is leniency, and a debt that they could not carry. It moves with how risk is spread in each group: "
        "under one standard for all it differs where risks are spread differently."
    ),
    "limits.false_negative_rate_gap": (
        "Only rows with a known outcome count. It moves with how risk is spread in each group: under one standard "
        "for all it differs where risks are spread differently."
    ),
    "limits.accuracy_score_gap": (
        "Only rows with a known outcome count. It counts refusals of those who would repay and approvals of those "
        "who would not as one. It moves with how risk is spread in each group: under one standard for all it "
        "differs where risks are spread differently."
    ),
    "limits.zero_one_loss_gap": (
        "Only rows with a known outcome count. It counts refusals of those who would repay and approvals of those "
        "who would not as one. It moves with how risk is spread in each group: under one standard for all it "
        "differs where risks are spread differently."
    ),
    "limits.precision_score_gap": (
        "It is a mean outcome test. Repayment among the approved depends on all who are above the bar, not on the "
        "bar: where risks are spread differently it can be of the wrong sign under one standard for all "
        "(infra-marginality). The approved are a selected sample."
    ),
    "measure.calibration_gap": "Gap in outcomes at equal score",
    "measure.calibration_in_the_large": "Outcomes less what the score says",
    "measure.outcome_rate": "Favourable outcomes where known",
    "says.calibration_gap.above": (
        "At equal score, {group} applicants have a favourable outcome {figure} more often than {reference} "
        "applicants: the score is too harsh on them."
    ),
    "says.calibration_gap.below": (
        "At equal score, {group} applicants have a favourable outcome {figure} less often than {reference} "
        "applicants: the score is lenient on them."
    ),
    "says.calibration_gap.equal": (
        "At equal score, {group} and {reference} applicants have a favourable outcome equally often."
    ),
    "says.calibration_in_the_large": (
        "The mean outcome of {group} applicants less the mean chance that the score gives them is {figure}."
    ),
    "says.outcome_rate": "{figure} of the known outcomes of {group} applicants are favourable.",
    "limits.calibration_gap": (
        "It is a mean over all scores: a score may be harsh at one end and lenient at the other. A score that "
        "means the same for all can still be a poor reason to decline."
    ),
    "limits.calibration_in_the_large": (
        "It is a mean over all scores of a group: what is too high for some and too low for others is not seen."
    ),
    "limits.outcome_rate": "It covers known outcomes only, and does not hold the score equal.",
    "measure.subgroup_gap": "Gap in approval rates of a subgroup",
    "measure.largest_subgroup_gap": "Largest gap of any subgroup",
    "says.subgroup_gap.above": "The approval rate of {group} applicants lies {figure} below that of {reference}.",
    "says.subgroup_gap.below": "The approval rate of {group} applicants lies {figure} above that of {reference}.",
    "says.subgroup_gap.equal": "The approval rate of {group} applicants equals that of {reference}.",
    "says.largest_subgroup_gap.above": (
        "Of all judged subgroups, the one approved least often against {reference} lies {figure} below."
    ),
    "says.largest_subgroup_gap.below": (
        "No judged subgroup is approved less often than {reference}; the nearest lies {figure} above."
    ),
    "says.largest_subgroup_gap.equal": "No judged subgroup is approved less often than {reference}.",
    "limits.subgroup_gap": (
        "It compares raw approval rates and does not say why they differ. A subgroup can stand out because a group "
        "that it lies in does, or because it shares many people with one that does."
    ),
    "limits.largest_subgroup_gap": (
        "It compares raw approval rates and does not say why they differ. Subgroups that are too small are not "
        "judged."
    ),
    "count.counted": "Counted",
    "count.counted_in": "Counted in",
    "count.outcome_known": "Outcome known",
    "count.outcome_unknown": "Outcome not known, or not old enough",
    "count.group_counted": "{group}, counted",
    "count.group_counted_in": "{group}, counted in",
    "count.reference_counted": "{reference}, counted",
    "count.reference_counted_in": "{reference}, counted in",
    "count.group_outcome_unknown": "{group}, outcome not known or not old enough",
    "count.reference_outcome_unknown": "{reference}, outcome not known or not old enough",
    "count.good_outcomes": "Favourable outcomes",
    "count.scored_and_known": "With a score and a known outcome",
    "count.group_without_score": "{group}, without a score",
    "count.reference_without_score": "{reference}, without a score",
    "count.reference_alone": "{reference}, without anybody to compare with",
    "count.subgroups": "Subgroups",
    "count.judged": "Judged",
    "count.not_judged": "Not judged",
    "count.approved_less_often": "Subgroups approved less often, beyond chance",
    "count.approved_more_often": "Subgroups approved more often, beyond chance",
    "count.rows_of_subgroups_not_judged": "Rows in subgroups not judged",
    "count.rows_without_a_label": "Rows without one of the labels",
    "detail.bins": "Bins of the score",
    "detail.mean_outcome": "Mean outcome",
    "detail.mean_score_chance": "Mean chance by the score",
    "detail.subgroup_rate": "Approval rate of the subgroup",
    "detail.shrunken_rate": "The same, shrunk towards crossings alike (for display)",
    "detail.shrunken_rate_low": "Shrunken rate, lower end",
    "detail.shrunken_rate_high": "Shrunken rate, upper end",
    "detail.largest_gap_of_its_groups": "Largest gap of the single groups it crosses (1 is 100 percentage points)",
    "detail.z": "Deviation in standard errors, positive when approved less often",
}  # fmt: skip

_FIGURES = {
    "points": "{number} percentage points",
    "points_one": "{number} percentage point",
    "axis.points": "percentage points",
    "basis_points": "{number} basis points",
    "axis.basis points": "basis points",
    "axis.percent": "percent",
    "axis.ratio": "ratio",
    "axis.number": "",
    "p_below": "below 0.001",
}  # fmt: skip

_CHART = {
    "chart.limit": "limit: {limit}",
    "chart.equality": "equality",
    "chart.beyond": "beyond the limit",
    "chart.estimate_title": "{title}: {figure}",
    "chart.estimate_desc": "Dot at {figure}, whisker {interval}. {limits} {equality}",
    "chart.limit_desc": "The limit is {limit}.",
    "chart.equality_desc": "Equality is {equality}.",
    "chart.rate_desc": "{group}: {rate}, interval {interval}.",
}  # fmt: skip

_CHECKS = {
    "unfit_title": "The data failed their checks: nothing was judged",
    "unfit_text": (
        "{count} checks that stop an audit failed. No figure was formed from these data, and their absence says "
        "nothing on harm."
    ),
    "unfit_text_one": (
        "1 check that stops an audit failed. No figure was formed from these data, and their absence says nothing "
        "on harm."
    ),
    "unfit_text_none": (
        "The record calls these data unfit, without naming a failed check. No figure was formed, and that says "
        "nothing on harm."
    ),
    "stopped": "Failed: these stop the audit",
    "warned": "Warnings: the audit goes on",
    "check.found": "Found",
    "check.expected": "Expected",
    "check.remedy": "To do",
    "check.where": "Where",
    "check.examples": "Examples",
    "check.values": "Values",
    "check.remedy_none": "no remedy is recorded",
    "check.unexpected": "{unexpected} of {rows} values",
    "check.all": "All {count} checks",
    "check.all_caption": "Every check of the data, failures first",
    "check.pass": "Passed",
    "check.fail": "Failed",
    "check.warn": "Warning",
    "col.outcome": "Outcome",
    "col.role": "Left out by",
    "col.excluded": "Rows",
    "col.reason": "Reason",
    "col.question": "Question",
    "col.error": "Error",
    "col.needed": "What would answer it",
    "needed_none": "not stated",
    "exclusions_none": "The record lists no rows as left out.",
    "exclusions_caption": "Rows left out of figures, by role and reason",
    "errors_note": "A question that failed gives no result, and must not be read as one.",
    "errors_caption": "Questions that failed, with the error",
    "idle_caption": "Rules of the chosen policies that judged nothing, with the reason",
    "unanswered_caption": "Questions without an answer, and what would answer them",
}  # fmt: skip

_PROVENANCE = {
    "prov.records": "Records",
    "prov.data": "Data",
    "prov.environment": "Environment",
    "prov.policies": "Policies",
    "prov.evidence": "Evidence files",
    "prov.run_digest": "Digest of run.json",
    "prov.program": "Program {name}",
    "prov.version": "Version",
    "prov.supersedes": "Supersedes",
    "prov.supersedes_none": "no earlier version",
    "prov.schema": "Version of the record format",
    "prov.seed": "Seed",
    "prov.fingerprint": "Fingerprint of the data",
    "prov.columns": "Columns",
    "prov.references": "Reference groups",
    "prov.basis": "Why {attribute} may be processed",
    "prov.inventory": "Inventory, {key}",
    "prov.model": "Model {model}",
    "prov.model_digest_none": "no digest recorded",
    "prov.rows": "{rows} rows",
    "prov.empty": "none recorded",
    "prov.note": (
        "The same inputs give the same bytes. Whoever holds the evidence files can compute every figure again; a "
        "digest that differs shows that a file was changed."
    ),
}  # fmt: skip

ENGLISH = Words("en", {
    **_PAGE, **_ASKED, **_VERDICTS, **_HARMS, **_UNANSWERED, **_RULES, **_MEASURED, **_MEASURES, **_FIGURES, **_CHART,
    **_OUTCOMES_AND_CROSSINGS,
    **_CHECKS, **_PROVENANCE,
})  # fmt: skip
