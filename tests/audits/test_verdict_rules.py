"""Who may say breach, and how many comparisons cost: properties over random rules, and oracles for the corrections."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.policies.judge import judge
from audits.policies.multiplicity import Candidate, corrections, p_value
from audits.policies.packs import PolicyPack
from audits.record import Rule
from audits.statistics.ladder import LEVELS, bounds_at, climb, level_beyond
from audits.statistics.ratio_interval import ratio_interval
from tests.audits.test_judge import LAW, a_run, measured

NORMAL = NormalDist()
FIRST, LAST = "2025-01-01", "2025-12-31"
DAYS = st.sampled_from([None, "2024-06-01", "2025-01-01", "2025-06-01", "2025-12-31", "2026-01-01", "2026-06-01"])


@st.composite
def rules(draw) -> Rule:
    first, last = sorted([draw(DAYS) or "", draw(DAYS) or ""])
    return replace(
        LAW,
        status=draw(st.sampled_from(["in_force", "guidance", "draft", "repealed", "convention"])),
        limit_source=draw(st.sampled_from(["law", "ours"])), verified=draw(st.booleans()),
        borrowed_from=draw(st.sampled_from([None, "elsewhere"])),
        effective_from=first or None, effective_to=last or None,
        jurisdictions=draw(st.sampled_from([(), ("XX",), ("YY", "XX")])),
        products=draw(st.sampled_from([(), ("mortgage",)])), lenders=draw(st.sampled_from([(), ("bank",)])),
        test=draw(st.sampled_from(["interval", "point_and_significant", "census"])),
        comparison=draw(st.sampled_from(["at_least", "at_most"])), limit=draw(st.floats(0.1, 2)),
    )  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    rule=rules(), estimate=st.floats(0, 3), reach=st.floats(0, 1), cautions=st.sampled_from([(), ("indicative",)]),
    scope=st.sampled_from([{}, {"jurisdictions": ["XX"]}, {"jurisdictions": ["XX"], "products": ["mortgage"],
                                                           "lenders": ["bank"]}, {"jurisdictions": ["ZZ"]}]),
    dated=st.booleans(), fit=st.booleans(), unseen=st.sampled_from([(), ("strata",)]),
)  # fmt: skip
def test_only_verified_law_in_force_in_scope_with_its_own_limit_ever_makes_a_breach(
    rule, estimate, reach, cautions, scope, dated, fit, unseen
):
    figure = measured(estimate, estimate - reach, estimate + reach, cautions=cautions, unseen=unseen)
    run = a_run([figure], fit, FIRST if dated else None, LAST if dated else None, scope)
    for finding in judge(run, "d", [PolicyPack("p", {"en": "p"}, (rule,), "")]).findings:
        if finding.verdict == "breach":
            assert (rule.status, rule.limit_source, rule.verified, rule.borrowed_from) == (
                "in_force",
                "law",
                True,
                None,
            )
            assert dated
            assert (rule.effective_from or FIRST) <= FIRST
            assert rule.effective_to is None or rule.effective_to > LAST
            assert all(
                not getattr(rule, key) or set(getattr(rule, key)) & set(scope.get(key, ()))
                for key in ("jurisdictions", "products", "lenders")
            )
            assert not cautions
            assert fit
        if finding.verdict == "clear":
            assert not unseen
        if dated and (rule.effective_to or "9") <= LAST:
            assert finding.verdict in ("unfit", "not_identified")  # lapsed for some of the decisions, and undivided
        if finding.verdict == "inconclusive" and not finding.explanation.endswith("this figure does not decide."):
            assert "would have been found" in finding.explanation or "counted on" in finding.explanation


def figure_of(z: float, error: float = 0.1, group: str = "g"):
    """A normal estimate so many errors above the limit of 1, with its exact ladder."""
    estimate = 1 + z * error

    def ends(level: float):
        reach = NORMAL.inv_cdf((1 + level) / 2) * error
        return estimate - reach, estimate + reach

    low, high = ends(0.95)
    return measured(estimate, low, high, ladder=climb(ends), group=group, equality=None)


ABOVE = replace(LAW, comparison="at_most", limit=1.0, measure="adverse_impact_ratio")


def family(zs, standing):
    return [Candidate(figure_of(z, group=f"g{i}"), ABOVE, standing) for i, z in enumerate(zs)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_exploratory_findings_are_those_of_benjamini_and_hochberg_with_matching_intervals(seed):
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(seed)
    zs = np.concatenate([rng.normal(3.5, 1, 8), rng.normal(0, 1, 30)])
    every = family(zs, "exploratory")
    found = corrections(every)
    p = np.array([2 * NORMAL.cdf(-z) if z > 0 else 1.0 for z in zs])
    rejected = multipletests(p, 0.05, "fdr_bh")[0]
    assert [p_value(one) for one in every] == pytest.approx([x if x < 0.5 else 1.0 for x in p], abs=1e-9)
    assert [found[one.key].low > 1 for one in every] == rejected.tolist()
    assert {one.level for one in found.values()} == {1 - 0.05 * max(1, rejected.sum()) / len(zs)}


def test_primary_findings_are_read_at_the_level_of_bonferroni():
    every = family([2.0, 3.2, 0.0, 5.0], "primary")
    found = corrections(every)
    reach = NORMAL.inv_cdf(1 - 0.05 / 8) * 0.1
    assert [found[one.key].low for one in every] == pytest.approx([1 + z * 0.1 - reach for z in (2, 3.2, 0, 5)])
    assert {one.family for one in found.values()} == {4}


def test_several_rules_with_one_limit_count_once_and_counted_or_simultaneous_figures_not_at_all():
    first = figure_of(3)
    twins = [Candidate(first, replace(ABOVE, id=f"x.{i}"), "primary") for i in range(3)]
    exempt = [
        Candidate(replace(figure_of(3, group="c"), corrected=True), ABOVE, "primary"),
        Candidate(figure_of(3, group="d"), replace(ABOVE, test="census"), "primary"),
        Candidate(replace(figure_of(3, group="e"), estimate=None), ABOVE, "primary"),
    ]
    found = corrections([*twins, *exempt])
    assert {found[one.key].level for one in twins} == {0.95}
    assert all(found[one.key].family == 1 for one in exempt)


@settings(max_examples=150, deadline=None)
@given(zs=st.lists(st.floats(-8, 8), min_size=1, max_size=12), primary=st.booleans())
def test_a_correction_never_manufactures_a_clear_nor_a_concern(zs, primary):
    rule = replace(ABOVE, limit_source="ours", status="convention")
    figures = [figure_of(z, group=f"g{i}") for i, z in enumerate(zs)]
    run = a_run(figures)
    if not primary:
        run.program.content["audits"]["primary"] = []
    together = judge(run, "d", [PolicyPack("p", {}, (rule,), "")]).findings
    for finding in together:
        alone = judge(a_run([finding.measurement]), "d", [PolicyPack("p", {}, (rule,), "")]).findings[0]
        assert finding.verdict in (alone.verdict, "inconclusive")
        assert finding.low <= finding.measurement.low
        assert finding.high >= finding.measurement.high


def test_one_family_of_true_nulls_is_rarely_accused():
    rng = np.random.default_rng(5)
    rule = replace(ABOVE, limit_source="ours", status="convention")
    accused = 0
    for _ in range(400):
        run = a_run([figure_of(z, group=f"g{i}") for i, z in enumerate(rng.normal(size=15))])
        accused += any(f.verdict == "concern" for f in judge(run, "d", [PolicyPack("p", {}, (rule,), "")]).findings)
    # one-sided .025 at most: 10 expected of 400; 23 or more has probability below 1e-4
    assert accused < 23


def test_a_ladder_of_a_score_interval_gives_bounds_and_p_values_near_those_of_the_interval_itself():
    pair = (218, 308, 1527, 1681)

    def ends(level: float):
        found = ratio_interval(*pair, level)
        return float(found.low), float(found.high)

    ladder = climb(ends)
    for level in (0.93, 0.97, 0.9833, 0.9975, 0.99995):
        assert bounds_at(ladder, level) == pytest.approx(ends(level), abs=2e-4)  # a report rounds to 1e-3
    reached = level_beyond(ladder, 0.86, -1)
    assert ends(reached)[1] == pytest.approx(0.86, abs=2e-4)
    assert level_beyond(ladder, 0.7, -1) == 0.0
    assert [rung[0] for rung in ladder] == list(LEVELS)


def test_a_record_without_a_ladder_is_judged_by_normal_theory_on_the_scale_of_its_interval():
    old = measured(0.7, 0.6, 0.7**2 / 0.6)  # symmetric on the logarithm
    every = [Candidate(replace(old, group=g), LAW, "primary") for g in "ab"]
    found = corrections(every)[every[0].key]
    z = NORMAL.inv_cdf(1 - 0.05 / 4) / NORMAL.inv_cdf(0.975)
    assert (found.low, found.high) == pytest.approx((0.7 * (0.6 / 0.7) ** z, 0.7 * (0.7 / 0.6) ** z), rel=1e-9)


def test_the_detectable_departure_grows_with_the_number_of_comparisons():
    figures = [measured(0.85, 0.7, 1.0, group=g, mde=0.1) for g in "abcd"]
    findings = judge(a_run(figures), "d", [PolicyPack("p", {}, (LAW,), "")]).findings
    z8 = NORMAL.inv_cdf(0.8)
    grown = 0.1 * (NORMAL.inv_cdf(1 - 0.05 / 8) + z8) / (NORMAL.inv_cdf(0.975) + z8)
    assert [f.mde for f in findings] == pytest.approx([grown] * 4, rel=1e-6)
    assert all("would have been found (power 0.8, level 98.75 %)" in f.explanation for f in findings)


@pytest.mark.parametrize(
    ("declared", "wanted", "verdict"),
    [(["US"], ("US",), "breach"), (["US", "US-MA"], ("US",), "breach"), (["US", "DE"], ("US",), "concern"),
     (["US", "US-NJ"], ("US-NJ",), "breach"), (["US-NJ", "US-NY"], ("US-NJ",), "concern")],
)  # fmt: skip
def test_figures_that_also_cover_what_a_rule_is_not_for_make_no_breach(declared, wanted, verdict):
    run = a_run([measured(0.5, 0.4, 0.6)], scope={"jurisdictions": declared})
    rule = replace(LAW, jurisdictions=wanted)
    assert judge(run, "d", [PolicyPack("p", {}, (rule,), "")]).findings[0].verdict == verdict


def test_no_departure_that_cannot_occur_is_called_detectable():
    figures = [measured(0.85, 0.1, 1.9, group=g, mde=0.95) for g in "abcdefgh"]
    findings = judge(a_run(figures), "d", [PolicyPack("p", {}, (LAW,), "")]).findings
    assert {f.mde for f in findings} == {None}
    assert all("could not be counted on to show any departure" in f.explanation for f in findings)
