"""The verdict logic: three kinds of test, six verdicts, and who may say breach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audits.policies.judge import judge
from audits.policies.packs import PolicyPack, find_pack, read_pack, shipped_packs
from audits.record import AuditRun, DataRecord, Measurement, ProgramRecord, Rule
from checks.check_report import CheckReport
from checks.problem import InputError
from tests.programs import loans, write_program

LAW = Rule(
    id="x.law", title={"en": "A law"}, citation="Art. 1", jurisdiction="XX", status="in_force", limit_source="law",
    measure="adverse_impact_ratio", test="interval", comparison="at_least", limit=0.8, severity="high", verified=True,
    effective_from="2020-01-01",
)  # fmt: skip


def measured(estimate, low, high, **changes) -> Measurement:
    basis = Measurement(
        question="fair_lending.approval", measure="adverse_impact_ratio", attribute="a", group="g", reference="r",
        estimate=estimate, low=low, high=high, level=0.95, n=1000, method="m", source="s", equality=1.0, mde=0.1,
    )  # fmt: skip
    return replace(basis, **changes)


def verdict(measurement, rule=LAW, fit=True, first="2025-01-01", last="2025-12-31", scope=None):
    judgement = judge(
        a_run([measurement], fit, first, last, scope), "sha256:0", [PolicyPack("p", {"en": "p"}, (rule,), "")]
    )
    return judgement.findings[0].verdict if judgement.findings else judgement.rules_not_applied[0].reason


def a_run(measurements, fit=True, first="2025-01-01", last="2025-12-31", scope=None) -> AuditRun:
    content = {"audits": {"primary": [{"name": "fair_lending.approval"}], "exploratory": []}, "scope": scope or {}}
    return AuditRun(
        schema_version="1.0", program=ProgramRecord("p", {"en": "p"}, content, "d"), version=1, supersedes=None,
        subject=None, data=DataRecord("f", 1000, {}, "all", first, last, {}), environment={}, seed=0,
        checks=CheckReport(fit, ()), exclusions=(), measurements=tuple(measurements), not_answered=(), errors=(),
        evidence=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("estimate", "low", "high", "expected"),
    [
        (0.70, 0.60, 0.79, "breach"),
        (0.70, 0.60, 0.80, "inconclusive"),
        (0.79, 0.60, 0.95, "inconclusive"),
        (0.85, 0.80, 0.95, "clear"),
        (0.85, 0.799, 0.95, "inconclusive"),
        (2.00, 0.90, None, "clear"),
    ],
)
def test_interval_rule_needs_the_whole_interval_on_one_side(estimate, low, high, expected):
    assert verdict(measured(estimate, low, high)) == expected


@pytest.mark.parametrize(
    ("estimate", "low", "high", "expected"),
    [
        (0.779, 0.72, 0.834, "concern"),
        (0.779, 0.55, 1.02, "inconclusive"),
        (0.81, 0.72, 0.90, "inconclusive"),
        (0.81, 0.80, 0.90, "clear"),
    ],
)
def test_point_and_significant_needs_the_point_beyond_and_equality_excluded(estimate, low, high, expected):
    rule = replace(LAW, test="point_and_significant", status="convention", limit_source="ours")
    assert verdict(measured(estimate, low, high), rule) == expected


def test_a_group_treated_better_than_the_reference_is_no_harm_under_a_gap_rule():
    rule = replace(LAW, measure="approval_gap", comparison="at_most", limit=0.05)
    assert verdict(measured(-0.2, -0.3, -0.1, measure="approval_gap", equality=0.0), rule) == "clear"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "convention"}, "convention"),
        ({"status": "guidance"}, "guidance"),
        ({"status": "draft"}, "draft"),
        ({"limit_source": "ours"}, "setting of the policy pack"),
        ({"verified": False}, "primary text"),
        ({"borrowed_from": "elsewhere"}, "borrowed from elsewhere"),
        ({"jurisdictions": ("XX",)}, "declares no jurisdictions"),
    ],
)
def test_only_law_in_force_in_scope_verified_with_its_own_limit_makes_a_breach(changes, words):
    rule = replace(LAW, **changes)
    (finding,) = judge(a_run([measured(0.5, 0.4, 0.6)]), "d", [PolicyPack("p", {"en": "p"}, (rule,), "")]).findings
    assert finding.verdict == "concern"
    assert any(words in caution for caution in finding.cautions)


@pytest.mark.parametrize("changes", [{"effective_from": "2025-06-01"}, {"effective_to": "2025-06-01"}])
def test_a_rule_in_force_for_a_part_of_undivided_decisions_judges_nothing_and_says_what_would(changes):
    rule = replace(LAW, **changes)
    (finding,) = judge(a_run([measured(0.5, 0.4, 0.6)]), "d", [PolicyPack("p", {"en": "p"}, (rule,), "")]).findings
    assert finding.verdict == "not_identified"
    assert "a part of the period" in finding.explanation
    assert "under 'time'" in finding.explanation


def test_undated_decisions_cannot_make_a_breach():
    assert verdict(measured(0.5, 0.4, 0.6), first=None, last=None) == "concern"


def test_a_lapsed_rule_and_a_later_rule_judge_nothing_and_say_so():
    assert "ended on 2024-12-31" in verdict(measured(0.5, 0.4, 0.6), replace(LAW, effective_to="2024-12-31"))
    assert "begins on 2026-01-01" in verdict(measured(0.5, 0.4, 0.6), replace(LAW, effective_from="2026-01-01"))


def test_a_rule_for_elsewhere_judges_nothing_and_says_so():
    rule = replace(LAW, jurisdictions=("US-NJ",))
    assert "out of scope" in verdict(measured(0.5, 0.4, 0.6), rule, scope={"jurisdictions": ["US-MA"]})


def test_a_missing_figure_is_not_identified_with_its_reason_and_never_clear():
    (finding,) = judge(
        a_run([measured(None, None, None, reason="no two groups remain")]),
        "d",
        [PolicyPack("p", {"en": "p"}, (LAW,), "")],
    ).findings
    assert finding.verdict == "not_identified"
    assert "no two groups remain" in finding.explanation


def test_unfit_data_give_unfit_whatever_was_measured():
    assert verdict(measured(0.9, 0.85, 0.95), fit=False) == "unfit"


def test_finding_ids_stay_the_same_when_the_figures_change():
    pack = [PolicyPack("p", {"en": "p"}, (LAW,), "")]
    ids = {judge(a_run([measured(x, x - 0.1, x + 0.1)]), "d", pack).findings[0].finding_id for x in (0.5, 0.9)}
    assert len(ids) == 1


def test_the_effects_test_of_regulation_b_ends_on_its_day():
    us = find_pack("us", None)
    ecoa = next(rule for rule in us.rules if rule.id == "us.ecoa.impact")
    gap = measured(0.2, 0.1, 0.3, measure="adjusted_approval_gap", equality=0.0)
    assert verdict(gap, ecoa, first="2026-07-01", last="2026-07-20", scope={"jurisdictions": ["US"]}) == "concern"
    assert "ended" in verdict(gap, ecoa, first="2026-07-21", last="2026-07-31", scope={"jurisdictions": ["US"]})


def test_shipped_packs_never_present_a_convention_or_a_limit_of_ours_as_law():
    for name in shipped_packs():
        for rule in find_pack(name, None).rules:
            assert rule.citation
            assert rule.title["en"]
            if rule.limit_source == "ours":
                assert verdict(measured(-9, -9, -9, measure=rule.measure, equality=0.0), rule) != "breach"
                assert verdict(measured(9, 9, 9, measure=rule.measure, equality=0.0), rule) != "breach"


def test_a_banks_own_pack_is_read_with_the_same_helpful_errors(tmp_path):
    file = tmp_path / "bank.yaml"
    file.write_text(
        "pack: bank\nrules:\n  - id: b.1\n    title: Own limit\n    citation: Policy 7\n    jurisdiction: US\n"
        "    status: conventoin\n    limit_source: ours\n    measure: adverse_impact_ration\n    test: interval\n"
        "    comparison: at_least\n    limit: 0.9\n    severity: low\n    verified: true\n"
    )
    with pytest.raises(InputError) as caught:
        read_pack(file)
    text = str(caught.value)
    assert "line 7" in text
    assert "did you mean 'convention'?" in text
    assert "line 9" in text
    assert "did you mean 'adverse_impact_ratio'?" in text


PACK = """
pack: ours
rules:
  - {{id: ours.1, title: ours, citation: internal, jurisdiction: XX, status: convention, limit_source: ours,
     measure: {measure}, test: {test}, comparison: at_least, limit: 0.5, severity: low, verified: true}}
"""


@pytest.mark.parametrize(
    ("measure", "test", "words"),
    [
        ("approval_rate", "point_and_significant", "no value that means equality"),
        ("approval_rate", "census", "estimated and not counted"),
        ("adverse_impact_ratio", "census", "estimated and not counted"),
    ],
)
def test_a_test_that_a_measure_cannot_be_put_to_is_refused_with_its_line(tmp_path, measure, test, words):
    (tmp_path / "ours.yaml").write_text(PACK.format(measure=measure, test=test))
    with pytest.raises(InputError, match=words) as told:
        read_pack(tmp_path / "ours.yaml")
    assert "ours.yaml, line 5" in str(told.value)


def test_a_pack_that_was_changed_is_read_again(tmp_path):
    file = tmp_path / "ours.yaml"
    file.write_text(PACK.format(measure="approval_gap", test="interval"))
    before = read_pack(file)
    file.write_text(PACK.format(measure="approval_gap", test="interval").replace("0.5", "0.25"))
    assert (before.rules[0].limit, read_pack(file).rules[0].limit) == (0.5, 0.25)


def test_two_packs_with_one_rule_id_are_refused(tmp_path):
    from audits.plan import make_plan
    from checks.inputs.program import read_program

    text = PACK.format(measure="approval_gap", test="interval")
    (tmp_path / "one.yaml").write_text(text)
    (tmp_path / "two.yaml").write_text(text.replace("pack: ours", "pack: theirs"))
    program = read_program(write_program(tmp_path, loans(7, 50), policies=["one.yaml", "two.yaml"]))
    with pytest.raises(InputError, match=r"rule .ours\.1. in the packs .ours. and .theirs."):
        make_plan(program)


def test_a_level_is_explained_without_talk_of_equality():
    rule = replace(LAW, measure="approval_rate", limit=0.6)
    level = measured(0.61, 0.55, 0.66, measure="approval_rate", reference=None, equality=None, mde=None)
    (finding,) = judge(a_run([level]), "d", [PolicyPack("p", {"en": "p"}, (rule,), "")]).findings
    assert finding.verdict == "inconclusive"
    assert "equality" not in finding.explanation


@pytest.mark.parametrize(("measure", "told"), [("push_effect_gap", True), ("approval_gap", False)])
def test_a_gap_of_money_beyond_one_is_detectable_and_one_of_shares_is_not(measure, told):
    rule = replace(LAW, measure=measure, limit=0.0, comparison="at_most")
    figure = measured(30.0, -4.0, 64.0, measure=measure, equality=0.0, mde=48.6)
    (finding,) = judge(a_run([figure]), "d", [PolicyPack("p", {"en": "p"}, (rule,), "")]).findings
    assert finding.mde == (pytest.approx(48.6) if told else None)


def test_a_label_is_written_as_the_data_write_it():
    rule = replace(LAW, limit=0.8)
    (finding,) = judge(a_run([measured(0.7, 0.6, 0.75, group="b")]), "d", [PolicyPack("p", {}, (rule,), "")]).findings
    assert finding.explanation.startswith("The approval rate of b applicants is 0.700 times that of r applicants")


def test_a_mistyped_jurisdiction_is_told_the_one_that_may_be_meant():
    rule = replace(LAW, jurisdictions=("US",))
    assert "(is 'US' meant?)" in verdict(measured(0.7, 0.6, 0.75), rule, scope={"jurisdictions": ["USA"]})


def test_a_figure_that_lumps_declared_strata_together_is_never_clear():
    lumped = measured(0.99, 0.95, 1.03, details={"declared_strata_ignored": 1.0})
    assert verdict(replace(lumped, details={})) == "clear"
    (finding,) = judge(a_run([lumped]), "d", [PolicyPack("p", {}, (LAW,), "")]).findings
    assert finding.verdict == "inconclusive"
    assert "strata are not told apart" in finding.explanation
    assert verdict(replace(lumped, estimate=0.7, low=0.6, high=0.75)) == "breach"
