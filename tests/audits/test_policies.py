"""The shipped packs: every rule at its limit and at its dates, its facts against a sheet, and a bank's own pack."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest
from typer.testing import CliRunner

import squaredeal
from audits.policies import planned
from audits.policies.judge import judge, verdict_of
from audits.policies.listing import against_breach, amount, describe, describe_rule, in_force_on
from audits.policies.packs import PolicyPack, find_pack, read_pack, shipped_packs
from audits.policies.planned import PLANNED, PLANNED_ROLES, MeasureKind, contract_roles, measure_kinds, stale
from audits.record import AuditRun, DataRecord, Measurement, ProgramRecord, Rule
from checks.check_report import CheckReport
from checks.problem import InputError
from reports.figures import unit_of
from tests.programs import ROOT

PACKS = {name: find_pack(name, ROOT) for name in shipped_packs()}
RULES = {rule.id: rule for pack in PACKS.values() for rule in pack.rules}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
# A sheet written by hand from the sources, not from the packs: id, status, whose limit, limit, from, before, checked.
SHEET = """
uk.icobs6b.enbp           in_force  law   0       2022-01-01 -          yes
uk.icobs6b.tenure         in_force  ours  .005    2022-01-01 -          yes
uk.rep021                 in_force  ours  0       -          -          yes
uk.prin2a.value           in_force  ours  1.1     2023-07-31 -          no
cn.pipl.24                in_force  ours  1.05    2021-11-01 -          yes
cn.algorithm.21           in_force  ours  1.05    2022-03-01 -          yes
cn.consumer.9             in_force  ours  1.05    2024-07-01 -          no
cn.platform_price.2026    in_force  ours  1.05    2026-04-10 -          yes
cn.ecommerce.18           in_force  law   0       2019-01-01 -          yes
eu.crd.6_1_ea             in_force  law   0       2026-06-19 -          no
us.ny.gbl349a             in_force  law   0       2025-11-10 -          yes
us.naic.price_optimization guidance ours  .005    -          -          no
us.regz.apr.regular       in_force  law   .00125  -          -          yes
us.regz.apr.irregular     in_force  law   .0025   -          -          yes
eu.aprc                   in_force  ours  .0005   -          -          no
cn.apr                    in_force  ours  .0005   -          -          no
cn.cost_disclosure.2026.charges in_force law 0    2026-08-01 -          yes
cn.cost_disclosure.2026.rate in_force ours .0005  2026-08-01 -          yes
cn.private_lending.4lpr   in_force  law   4       2020-08-20 -          yes
cn.private_lending.24     repealed  law   .24     -          2020-08-20 no
cn.private_lending.36     repealed  law   .36     -          2020-08-20 no
cn.assisted_loans.24      in_force  law   .24     2025-10-01 -          yes
cn.microlender.24         guidance  law   .24     2026-01-01 -          yes
cn.microlender.4lpr       guidance  law   4       2028-01-01 -          yes
cn.consumer_finance.20    guidance  ours  .20     -          -          no
cn.internet_limit.200k    in_force  law   200000  2021-01-01 -          yes
cn.students               in_force  law   0       2022-01-01 -          no
cn.algorithm.8            in_force  ours  0       2022-03-01 -          yes
uk.hcstc.daily            in_force  law   .008    2015-01-02 -          yes
uk.hcstc.default_fees     in_force  law   15      2015-01-02 -          yes
uk.hcstc.total            in_force  law   1       2015-01-02 -          yes
uk.hcstc.rollovers        in_force  law   2       2015-01-02 -          yes
uk.persistent_debt        in_force  ours  0       -          -          yes
us.hoepa.spread.first     in_force  law   .065    -          -          no
us.hoepa.spread.subordinate in_force law  .085    -          -          no
us.hoepa.prepayment.months in_force law   36      -          -          no
us.hoepa.prepayment.share in_force  law   .02     -          -          no
us.hoepa.fees.larger.2026 in_force  law   .05     2026-01-01 2027-01-01 yes
us.hoepa.fees.smaller_share.2026 in_force law .08 2026-01-01 2027-01-01 yes
us.hoepa.fees.smaller_dollars.2026 in_force law 1380 2026-01-01 2027-01-01 yes
us.hoepa.fees.larger.2025 in_force  law   .05     2025-01-01 2026-01-01 yes
us.hoepa.fees.smaller_share.2025 in_force law .08 2025-01-01 2026-01-01 yes
us.hoepa.fees.smaller_dollars.2025 in_force law 1348 2025-01-01 2026-01-01 yes
us.hpml.first             in_force  law   .015    -          -          no
us.hpml.jumbo             in_force  law   .025    -          -          no
us.hpml.subordinate       in_force  law   .035    -          -          no
us.qm.spread.large.2026   in_force  law   .0225   2026-01-01 2027-01-01 yes
us.qm.spread.middle.2026  in_force  law   .035    2026-01-01 2027-01-01 yes
us.qm.spread.small.2026   in_force  law   .065    2026-01-01 2027-01-01 yes
us.qm.spread.large.2025   in_force  law   .0225   2025-01-01 2026-01-01 yes
us.qm.spread.middle.2025  in_force  law   .035    2025-01-01 2026-01-01 yes
us.qm.spread.small.2025   in_force  law   .065    2025-01-01 2026-01-01 yes
us.qm.fees.1.2026         in_force  law   .03     2026-01-01 2027-01-01 yes
us.qm.fees.2.2026         in_force  law   4139    2026-01-01 2027-01-01 yes
us.qm.fees.3.2026         in_force  law   .05     2026-01-01 2027-01-01 yes
us.qm.fees.4.2026         in_force  law   1380    2026-01-01 2027-01-01 yes
us.qm.fees.5.2026         in_force  law   .08     2026-01-01 2027-01-01 yes
us.mla                    in_force  law   .36     2016-10-03 -          yes
us.mla.cards              in_force  law   .36     2017-10-03 -          no
us.payday_payments        in_force  law   0       2025-03-30 -          yes
conv.36pct                convention ours .36     -          -          yes
conv.dsti.40              convention ours .40     -          -          yes
conv.dsti.50              convention ours .50     -          -          yes
conv.reborrowing.14       convention ours 14      -          -          yes
conv.sequence.10          convention ours 9       -          -          yes
conv.dearest_decile       convention ours 1.25    -          -          yes
au.sacc.repayments        in_force  law   .10     2023-07-01 -          yes
au.sacc.establishment     in_force  law   .20     2023-07-01 -          yes
au.sacc.monthly           in_force  law   .04     2023-07-01 -          yes
eu.ccd2.preticked         in_force  law   0       2026-11-20 -          no
eu.ccd2.unsolicited       in_force  law   0       2026-11-20 -          no
eu.ccd2.assessment        in_force  law   0       2026-11-20 -          no
eu.ccd2.human_review      in_force  law   0       2026-11-20 -          no
eu.eba.loam               guidance  ours  0       -          -          no
in.dl2025.statement       in_force  law   0       2025-05-08 -          yes
in.dl2025.guarantee       in_force  law   .05     2025-05-08 -          yes
cn.elderly.2020.completion in_force ours  .80     2020-11-15 -          yes
cn.elderly.2020.channel   in_force  ours  0       2020-11-15 -          yes
cn.algorithm.19           in_force  ours  .80     2022-03-01 -          yes
us.regb.age               in_force  law   0       -          -          no
uk.fg21_1                 guidance  ours  0       -          -          yes
eu.eaa                    in_force  law   0       2025-06-28 -          no
eu.aiact                  in_force  ours  0       2027-12-02 -          yes
sg.feat                   guidance  ours  .05     2018-11-12 -          yes
us.ecoa.treatment         in_force  ours  0       -          -          yes
us.ecoa.impact            in_force  ours  .05     -          2026-07-21 yes
us.ecoa.impact.stratified in_force  ours  .05     -          2026-07-21 yes
us.ecoa.impact.risk       in_force  ours  .05     -          2026-07-21 yes
us.fha.impact             in_force  ours  .05     -          -          yes
us.fha.impact.stratified  in_force  ours  .05     -          -          yes
us.fha.impact.risk        in_force  ours  .05     -          -          yes
us.air.80                 convention ours .80     1978-09-25 -          yes
us.air.90                 convention ours .90     -          -          yes
us.smd.30                 convention ours .30     -          -          no
us.regc.lar               in_force  ours  .95     -          -          no
us.regb.adverse_action.number in_force ours 4     -          -          no
us.regb.adverse_action.generic in_force ours 0    -          -          no
us.regb.adverse_action.drivers in_force ours 0    -          -          no
co.reg10_1_1.approval     draft     law   .05     -          -          no
co.reg10_1_1.premium      draft     law   1.05    -          -          no
us.nj.impact              in_force  ours  .05     2025-12-15 -          yes
us.nj.impact.stratified   in_force  ours  .05     2025-12-15 -          yes
us.nj.impact.risk         in_force  ours  .05     2025-12-15 -          yes
us.mrm                    guidance  ours  0       2026-04-17 -          yes
""".strip().splitlines()


def test_every_rule_that_has_a_source_is_as_the_sheet_has_it():
    sheet = {line.split()[0]: line.split()[1:] for line in SHEET}
    found = {
        rule.id: [rule.status, rule.limit_source, rule.limit, rule.effective_from or "-", rule.effective_to or "-",
                  "yes" if rule.verified else "no"]
        for rule in RULES.values() if rule.id in sheet
    }  # fmt: skip
    assert found == {name: [*facts[:2], float(facts[2]), *facts[3:]] for name, facts in sheet.items()}
    others = [rule for rule in RULES.values() if rule.id not in sheet]
    assert {(rule.status, rule.limit_source, rule.citation) for rule in others} == {
        ("convention", "ours", "Squaredeal default")
    }


def test_at_most_is_said_of_every_limit_but_ratios_shares_and_spans_that_must_not_fall_short():
    lower = {rule.measure for rule in RULES.values() if rule.comparison == "at_least"}
    assert lower == {
        "adverse_impact_ratio", "approval_odds_ratio", "stratified_odds_ratio", "bounded_adverse_impact_ratio",
        "group_coverage", "fewest_days_between_loans", "stage_ratio", "cumulative_ratio", "adjusted_stage_ratio",
        "adjusted_cumulative_ratio", "bounded_cumulative_ratio", "person_coverage", "elderly_completion_ratio",
        "elderly_62_completion_ratio", "adjusted_elderly_completion_ratio", "fallback_success_ratio",
        "thin_file_approval_ratio", "reason_match_share",
    }  # fmt: skip


def test_the_cap_on_a_short_loan_of_100_pounds_over_30_days_is_24_pounds():
    assert RULES["uk.hcstc.daily"].limit * 100 * 30 == pytest.approx(24)


def test_rules_bind_those_whom_they_bind():
    """Four times the LPR binds no licensed institution; assisted loans are the banks'; carve-outs are heeded."""
    assert RULES["cn.private_lending.4lpr"].lenders == ("private",)
    assert RULES["cn.assisted_loans.24"].lenders == ("bank",)
    assert {RULES[name].lenders for name in ("cn.microlender.24", "cn.microlender.4lpr", "cn.students")} == {
        ("microlender",)
    }
    assert "bank" not in RULES["us.ny.gbl349a"].lenders
    assert "mortgage" not in RULES["us.mla"].products
    assert {rule.borrowed_from is None for rule in RULES.values() if rule.id.startswith("us.air")} == {False}
    for name, rule in RULES.items():
        if rule.jurisdiction not in ("none", *(["US"] if rule.status == "convention" else [])):
            assert rule.jurisdiction in rule.jurisdictions, name


# every rule at its limit


def at(rule: Rule, estimate: float, low: float | None, high: float | None) -> Measurement:
    kind = measure_kinds()[rule.measure]
    return Measurement(
        question=kind.question, measure=rule.measure, attribute="a", group="g", reference="r", estimate=estimate,
        low=low, high=high, level=0.95, n=1000, method="m", source="s", equality=kind.equality, mde=0.01,
    )  # fmt: skip


def placed(rule: Rule, estimate: float, inner: float, outer: float) -> Measurement:
    """A figure by its distance beyond the limit, with the ends of its interval, inner on the harmless side."""
    sign = 1 if rule.comparison == "at_most" else -1
    ends = sorted((rule.limit + sign * inner, rule.limit + sign * outer))
    return at(rule, rule.limit + sign * estimate, *ends)


def hair(rule: Rule) -> float:
    """Small beside every limit, large beside the spacing of floating-point numbers there (1e-16 of the limit)."""
    return 1e-9 * max(1.0, abs(rule.limit))


def cases(rule: Rule) -> list[tuple[str, Measurement, str]]:
    """(where, figure, verdict), with ``met`` for the verdict of a test that is met."""
    d, place = hair(rule), partial(placed, rule)
    if rule.test == "census":
        return [
            ("below", place(-d, -d, -d), "clear"),
            ("at", place(0, 0, 0), "clear"),
            ("above", place(d, d, d), "met"),
        ]
    if rule.test == "interval":
        return [
            ("ends just below", place(-2 * d, -3 * d, -d), "clear"), ("ends at", place(-d, -2 * d, 0), "clear"),
            ("ends just above", place(0, -d, d), "inconclusive"),
            ("begins just below", place(d, -d, 2 * d), "inconclusive"),
            ("begins at", place(d, 0, 2 * d), "inconclusive"), ("begins just above", place(2 * d, d, 3 * d), "met"),
        ]  # fmt: skip
    sign = 1 if rule.comparison == "at_most" else -1
    room = sign * (rule.limit - measure_kinds()[rule.measure].equality)  # from equality to the limit
    return [
        ("within", place(-2 * d, -3 * d, 0), "clear"), ("just below", place(-d, -room / 2, room), "inconclusive"),
        ("at", place(0, -room / 2, room), "inconclusive"), ("just above", place(d, -room / 2, room), "met"),
        ("just above, equality at the end", place(d, -room, room), "inconclusive"),
        ("just above, equality within", place(d, -room - d, room), "inconclusive"),
    ]  # fmt: skip


@every_rule
def test_just_below_at_and_just_above_the_limit(rule):
    for where, figure, verdict in cases(rule):
        for may, met in ((True, "breach"), (False, "concern")):
            assert verdict_of(figure, rule, True, may) == (met if verdict == "met" else verdict), where
        assert verdict_of(figure, rule, False, True) == "unfit"
    assert verdict_of(at(rule, None, None, None), rule, True, True) == "not_identified"


# every rule at its dates


def a_run(
    figure: Measurement, first: str, last: str, scope: dict[str, tuple[str, ...]], currency: str | None = None
) -> AuditRun:
    content = {"audits": {"primary": [{"name": figure.question}], "exploratory": []}, "scope": scope,
               "contract": {"loan_form": {"currency": currency}}}  # fmt: skip
    return AuditRun(
        schema_version="1.0", program=ProgramRecord("p", {"en": "p"}, content, "d"), version=1, supersedes=None,
        subject=None, data=DataRecord("f", 1000, {}, "all", first, last, {}), environment={}, seed=0,
        checks=CheckReport(True, ()), exclusions=(), measurements=(figure,), not_answered=(), errors=(), evidence=(),
    )  # fmt: skip


def scope_of(rule: Rule) -> dict[str, tuple[str, ...]]:
    return {"jurisdictions": rule.jurisdictions, "products": rule.products, "lenders": rule.lenders}


def judged(
    rule: Rule, day: str, scope: dict[str, tuple[str, ...]] | None = None, currency: str | None = "its own"
) -> str:
    """The verdict on a figure far beyond the limit, of decisions of one day; or why the rule was not applied."""
    met = next(figure for _, figure, verdict in cases(rule) if verdict == "met")
    money = rule.currency if currency == "its own" else currency
    run = a_run(met, day, day, scope_of(rule) if scope is None else scope, money)
    judgement = judge(run, "sha256:0", [PolicyPack("p", {"en": "p"}, (rule,), "")])
    return judgement.findings[0].verdict if judgement.findings else judgement.rules_not_applied[0].reason


def some_day_in_force(rule: Rule) -> str:
    first = rule.effective_from or "1990-01-01"
    return first if in_force_on(rule, dt.date.fromisoformat(first)) else ""


def around(day: str) -> list[str]:
    return [(dt.date.fromisoformat(day) + dt.timedelta(days=step)).isoformat() for step in (-1, 0, 1)]


DATED = [
    (rule, key, day) for rule in RULES.values() for key in ("effective_from", "effective_to")
    if (day := getattr(rule, key))
]  # fmt: skip


@pytest.mark.parametrize(("rule", "key", "day"), DATED, ids=[f"{rule.id} {day}" for rule, _, day in DATED])
def test_the_day_before_the_day_and_the_day_after_each_date(rule, key, day):
    held = (False, True, True) if key == "effective_from" else (True, False, False)
    word = f"begins on {day}" if key == "effective_from" else f"ended on {day}"
    for moment, holds in zip(around(day), held, strict=True):
        assert in_force_on(rule, dt.date.fromisoformat(moment)) is holds
        told = judged(rule, moment)
        assert told in ("breach", "concern") if holds else word in told, f"{moment}: {told}"


def test_every_date_of_the_packs_was_tried():
    """Half of the rules carry a date; a pack that lost its dates would leave the test above with nothing to try."""
    assert len(DATED) >= sum(line.split()[4] != "-" for line in SHEET) + sum(line.split()[5] != "-" for line in SHEET)


@every_rule
def test_only_a_checked_law_in_force_with_its_own_limit_can_make_a_breach(rule):
    law = rule.status == "in_force" and rule.limit_source == "law" and rule.verified and not rule.borrowed_from
    day = some_day_in_force(rule)
    assert judged(rule, day) == ("breach" if law else "concern")
    assert bool(against_breach(rule)) is not law
    if any(scope_of(rule).values()):
        assert judged(rule, day, scope={}) == "concern"
        elsewhere = {key: ("nowhere",) for key, bound in scope_of(rule).items() if bound}
        assert "out of scope" in judged(rule, day, scope=elsewhere)


@pytest.mark.parametrize("name", [rule.id for rule in RULES.values() if rule.currency])
def test_an_amount_of_other_money_is_not_held_against_a_limit_and_one_of_unknown_money_is_no_breach(name):
    rule = RULES[name]
    day = rule.effective_from or "2026-05-01"
    assert judged(rule, day) == "breach"
    assert "declares amounts in JPY" in judged(rule, day, currency="JPY")
    assert judged(rule, day, currency=None) == "concern"


def test_every_limit_in_money_says_in_which():
    from audits.policies.units import MONEY

    own = {
        rule.id for rule in RULES.values() if rule.measure.endswith(MONEY) and rule.limit and rule.limit_source == "law"
    }
    assert own == {rule.id for rule in RULES.values() if rule.currency}


def test_the_rules_that_can_make_a_breach_are_these():
    """Widening what can be called a breach is a decision: it must be made here too."""
    able = {re.sub(r"\.202[56].*", "", rule.id) for rule in RULES.values() if not against_breach(rule)}
    assert able == {
        "uk.icobs6b.enbp", "uk.hcstc.daily", "uk.hcstc.default_fees", "uk.hcstc.total", "uk.hcstc.rollovers",
        "cn.ecommerce.18", "cn.cost_disclosure", "cn.private_lending.4lpr", "cn.assisted_loans.24",
        "cn.internet_limit.200k", "us.ny.gbl349a", "us.regz.apr.regular", "us.regz.apr.irregular",
        "us.hoepa.fees.larger", "us.hoepa.fees.smaller_share", "us.hoepa.fees.smaller_dollars",
        "us.qm.spread.large", "us.qm.spread.middle", "us.qm.spread.small", *(f"us.qm.fees.{i}" for i in range(1, 6)),
        "us.mla", "us.payday_payments", "au.sacc.repayments", "au.sacc.establishment", "au.sacc.monthly",
        "in.dl2025.statement", "in.dl2025.guarantee",
    }  # fmt: skip


# what every rule says of itself


@every_rule
def test_a_rule_is_titled_in_two_languages_cites_its_source_and_says_what_it_computes_from_which_roles(rule):
    assert set(rule.title) == {"en", "zh"}
    assert re.search(r"[\u4e00-\u9fff]", rule.title["zh"])
    assert all((rule.title["en"], rule.citation, rule.formula, rule.inputs, rule.measure in measure_kinds()))
    assert set(rule.inputs) <= {*contract_roles(), *PLANNED_ROLES}
    assert rule.note or rule.limit_source == "law", "a setting of ours says so"


def test_rule_ids_are_given_once_over_all_packs():
    assert len(RULES) == sum(len(pack.rules) for pack in PACKS.values())
    assert {pack.id for pack in PACKS.values()} == set(PACKS)


def test_conventions_and_drafts_stand_in_packs_of_their_own():
    for status, pack in (("convention", "conventions"), ("draft", "drafts")):
        assert {name for name, held in PACKS.items() if any(rule.status == status for rule in held.rules)} == {pack}
        assert {rule.status for rule in PACKS[pack].rules} == {status}


def test_no_figure_is_held_against_more_than_two_limits():
    """Verdicts allow for the number of comparisons, so that each further limit costs power."""
    asked: dict[str, set[tuple[str, str, float]]] = {}
    for rule in RULES.values():
        if rule.test != "census":
            asked.setdefault(rule.measure, set()).add((rule.test, rule.comparison, rule.limit))
    assert {measure: limits for measure, limits in asked.items() if len(limits) > 2} == {}


# measures that are planned


def test_a_planned_measure_or_role_is_deleted_once_it_exists():
    assert stale() == []


def test_every_planned_measure_and_role_is_named_by_a_rule():
    assert set(PLANNED) <= {rule.measure for rule in RULES.values()}
    assert set(PLANNED_ROLES) <= {role for rule in RULES.values() for role in rule.inputs}


def test_what_a_question_declares_comes_before_what_is_planned_and_is_told_as_stale(monkeypatch):
    entry = MeasureKind("nowhere.at_all", 7.0, True, "planned")
    monkeypatch.setattr(planned, "PLANNED", {"approval_gap": entry, "some_cases": entry})
    assert measure_kinds()["approval_gap"] == MeasureKind("fair_lending.approval", 0.0, False)
    assert measure_kinds()["some_cases"] is entry
    assert stale() == ["approval_gap"]


def test_a_measure_has_one_meaning_of_equality_over_all_questions_that_declare_it():
    from audits.catalogue import questions

    values: dict[str, set[float | None]] = {}
    for kind in questions().values():
        for measure, equality in kind.measures.items():
            values.setdefault(measure, set()).add(equality)
    assert {measure for measure, found in values.items() if len(found) > 1} == set()


def test_a_rule_whose_measure_is_planned_is_listed_as_not_applied(monkeypatch):
    """Without the figure, which no question gives yet, the judgement names the rule and that it is not measured."""
    rule = RULES["us.mrm"]
    run = replace(a_run(at(rule, 0.5, 0.5, 0.5), "2026-05-01", "2026-05-31", scope_of(rule)), measurements=())
    judgement = judge(run, "sha256:0", [PACKS["us"]])
    reason = next(idle.reason for idle in judgement.rules_not_applied if idle.rule.id == "us.mrm")
    assert "does not measure missing_model_records yet" in reason
    assert judgement.findings == ()


# a bank's own pack

OWN = """
pack: bank
rules:
  - id: bank.1
    title: Own limit
    citation: credit policy 7
    jurisdiction: none
    status: convention
    limit_source: ours
    effective_from: 2026-01-01
    effective_to: 2027-01-01
    lenders: [bank]
    formula: one thing over another
    inputs: [decision, groups, loan.amount]
    measure: adverse_impact_ratio
    test: interval
    comparison: at_least
    limit: 0.9
    severity: low
    verified: true
"""
MISTAKES = [
    ("unknown key", "formula:", "formla:", ["unknown key 'formla'", "did you mean 'formula'?"], 13),
    ("unknown role", "loan.amount", "loan.amout", ["'loan.amout'", "did you mean 'loan.amount'?"], 14),
    ("role of nothing", "decision,", "decisions,", ["'decisions'", "did you mean 'decision'?"], 14),
    ("no date", "2026-01-01", "2026-13-01", ["'2026-13-01'", "a day as YYYY-MM-DD"], 10),
    ("ends before it begins", "2027-01-01", "2025-01-01", ["2025-01-01, not after effective_from", "swap"], 11),
    ("ends when it begins", "2027-01-01", "2026-01-01", ["2026-01-01, not after effective_from", "swap"], 11),
    ("unknown measure", "adverse_impact_ratio", "highest_mpar_rate", ["did you mean 'highest_mapr_rate'?"], 15),
    ("estimate as a count", "test: interval", "test: census", ["estimated and not counted"], 16),
    ("level against equality", "adverse_impact_ratio\n    test: interval",
     "highest_mapr_rate\n    test: point_and_significant", ["no value that means equality"], 16),
    ("percent sign", "0.9", "90 %", ["'90 %'", "a number"], 18),
    ("a status that is none", "convention", "law", ["'law'", "in_force"], 8),
    ("verified in words", "verified: true", "verified: perhaps", ["'perhaps'", "true or false"], 20),
    ("no citation", "citation: credit policy 7", "note: none", ["no 'citation'"], 4),
    ("a limit of nobody", "limit_source: ours", "limit_source: bank", ["'bank'", "law, ours"], 9),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "words", "line"), [one[1:] for one in MISTAKES], ids=[one[0] for one in MISTAKES]
)
def test_a_mistake_in_a_banks_pack_is_told_with_its_line(tmp_path, old, new, words, line):
    assert old in OWN
    file = tmp_path / "bank.yaml"
    file.write_text(OWN.replace(old, new, 1))
    with pytest.raises(InputError) as told:
        read_pack(file)
    for word in (*words, f"bank.yaml, line {line}"):
        assert word in str(told.value)


def test_a_banks_pack_may_name_planned_measures_and_roles(tmp_path):
    file = tmp_path / "bank.yaml"
    own = OWN.replace("adverse_impact_ratio", "missing_model_records").replace("at_least", "at_most")
    file.write_text(own.replace("groups,", "loan.income,"))
    (rule,) = read_pack(file).rules
    assert (rule.measure, rule.inputs[1], rule.lenders) == ("missing_model_records", "loan.income", ("bank",))
    assert "[not measured yet]" in "\n".join(describe(read_pack(file)))


# the command


def told(*arguments: str) -> str:
    result = CliRunner().invoke(squaredeal.app, ["policies", *arguments])
    return f"{result.exit_code}\n{result.output}"


def test_the_effects_test_is_listed_until_its_day_and_named_as_lapsed_from_then_on():
    before, after = told("us", "--on", "2026-07-20"), told("us", "--on", "2026-07-21")
    assert "\n  us.ecoa.impact: " in before
    assert "\n  us.ecoa.impact: " not in after
    assert re.search(r"lapsed on 2026-07-21: 9: us\.ecoa\.impact \(2026-07-21\)", after)
    assert "us.ecoa.impact (" not in before


def test_what_is_in_force_on_a_day_and_what_is_not_add_up_to_the_pack():
    for name, pack in PACKS.items():
        for day in ("2019-06-01", "2026-08-01", "2028-01-01"):
            text = told(name, "--on", day)
            shown = re.search(rf"{name}: .* · (\d+) of (\d+) rules on {day}", text)
            absent = re.findall(rf"(?:lapsed|not yet begun) on {day}: (\d+):", text)
            assert int(shown[1]) + sum(map(int, absent)) == int(shown[2]) == len(pack.rules)
            assert len(re.findall(r"^  [\w.]+: ", text, re.MULTILINE)) == int(shown[1])


def test_every_rule_is_explained_with_its_limit_dates_and_power():
    for pack in PACKS.values():
        for rule in pack.rules:
            text = "\n".join(describe_rule(rule, pack))
            side = {"at_least": "at least", "at_most": "at most"}[rule.comparison]
            assert f"{rule.measure} {side} {amount(rule.measure, rule.limit)}, met when" in text
            for part in (rule.citation, rule.formula, *rule.title.values(), rule.effective_from, rule.effective_to):
                assert not part or part in text
            assert ("can make a breach" in text) is not against_breach(rule)
            assert ("can make a concern at most" in text) is bool(against_breach(rule))
            assert ("not measured yet" in text) is (measure_kinds()[rule.measure].planned is not None)


def test_one_rule_is_explained_in_full_and_an_unknown_one_gets_the_nearest_name():
    text = told("--rule", "uk.hcstc.daily")
    assert "at most 0.8 %" in text
    assert "高成本短期信贷" in text
    assert "measured by predatory_lending.cost_caps" in text
    assert "planned question monitoring.model_records" in told("--rule", "us.mrm")
    assert "us.air" not in text
    assert "on 2015-01-01: outside its dates" in told("--rule", "uk.hcstc.daily", "--on", "2015-01-01")
    assert "on 2015-01-02: within its dates" in told("--rule", "uk.hcstc.daily", "--on", "2015-01-02")
    refused = told("--rule", "uk.hcstc.dayly")
    assert refused.startswith("2\n")
    assert "did you mean 'uk.hcstc.daily'?" in refused


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        ("first_lien_apor_gap", 0.065, "6.5 percentage points"), ("regular_apr_understated_gap", 0.00125,
         "0.125 percentage points"), ("highest_mapr_rate", 0.36, "36 % a year"), ("group_coverage", 0.95, "95 %"),
        ("rate_gap_bp", 10, "10 basis points"), ("adverse_impact_ratio", 0.8, "0.8"),
        ("highest_borrower_credit", 200000, "200,000"), ("undisclosed_price_ratio", 1.05, "1.05"),
        ("tenure_price_slope", 0.005, "0.5 % a year"), ("renewal_above_enbp_cases", 0, "0 cases"),
        ("retention_price_slope", 0.005, "0.5 % per standard deviation of the score"),
    ],
)  # fmt: skip
def test_a_limit_is_written_in_the_unit_of_its_measure(measure, value, text):
    assert amount(measure, value) == text


def test_the_list_and_the_page_agree_on_the_unit_of_every_measure():
    units = {
        "points": " percentage points", "percent": " %", "basis points": " basis points",
        "percent a year": " % a year", "percent a deviation": " % per standard deviation of the score",
        "cases": " cases", "figures": " figures", "rate points": " percentage points", "percent a day": " % a day",
        "days": " days", "months": " months", "loans": " loans", "rollovers": " rollovers",
        "model scale": " %", "reasons": " reasons",
    }  # fmt: skip
    for measure in measure_kinds():
        assert amount(measure, 0.25).lstrip("0.25") == units.get(unit_of(measure), ""), measure


def test_help_reads_no_pack():
    code = "import squaredeal, sys; sys.exit(any(name.startswith('audits.policies') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# the page on policies


def test_the_page_on_policies_counts_the_packs_as_they_are():
    page = (ROOT / "docs/policies.md").read_text()
    rows = {name: list(map(int, cells)) for name, *cells in re.findall(
        r"^\| `(\w+)` \|[^|]*\| (\d+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)}  # fmt: skip
    assert rows == {
        name: [
            len(pack.rules), sum(rule.status == "in_force" for rule in pack.rules),
            sum(not against_breach(rule) for rule in pack.rules),
        ]
        for name, pack in PACKS.items()
    }  # fmt: skip


def test_the_pack_on_the_page_is_valid_and_every_key_is_explained(tmp_path):
    page = (ROOT / "docs/policies.md").read_text()
    (example,) = re.findall(r"```yaml\n(pack:.*?)```", page, re.DOTALL)
    (tmp_path / "bank.yaml").write_text(example)
    assert [rule.id for rule in read_pack(tmp_path / "bank.yaml").rules] == ["bank.gap.3", "bank.burden.45"]
    fields = set(Rule.__dataclass_fields__)
    assert fields - set(re.findall(r"`(\w+)`", page)) == set()
