"""Records made by hand for the report page: an ordinary run, and runs in every awkward state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from audits.record import (
    SCHEMA_VERSION,
    AuditRun,
    DataRecord,
    EvidenceFile,
    Exclusion,
    Finding,
    Judgement,
    Measurement,
    NotAnswered,
    PolicyRecord,
    ProgramRecord,
    Rule,
    RuleNotApplied,
    RunError,
    Subject,
)
from checks.check_report import CheckReport, CheckResult

HOSTILE = "<script>alert('x')</script> & \"quoted\" {braces}"
LONG = "applicants of Scandinavian-Mediterranean extraction living in municipalities of fewer than 2,000 inhabitants"
TURNED = "\u202eelbisrever\u202c and \u2067turned\u2069"
ARABIC = "مقدمو الطلبات من غير المواطنين (65+)"
CHINESE = "外来务工人员及其随迁家属(含个体工商户)"
UNIT_CAUTION = "the limit is a setting of the policy pack, not a number in the law"


def rule(identity: str = "us.fha", **changes: Any) -> Rule:
    """A law whose limit is ours, unless changed."""
    values: dict[str, Any] = {
        "id": identity, "title": {"en": f"Rule {identity}", "zh": "规则"}, "citation": f"Citation of {identity}, § 7",
        "jurisdiction": "US", "status": "in_force", "limit_source": "ours", "measure": "adjusted_approval_gap",
        "test": "interval", "comparison": "at_most", "limit": 0.05, "severity": "high", "verified": True,
        "effective_from": "1969-01-01", "partial": "the unexplained gap", "note": "a note of the rule",
    }  # fmt: skip
    return Rule(**(values | changes))


FOUR_FIFTHS = rule(
    "us.air.80", measure="adverse_impact_ratio", comparison="at_least", limit=0.8, test="point_and_significant",
    status="convention", severity="medium", borrowed_from="employment guidelines", partial=None, note=None,
)  # fmt: skip


def gap(group: str | None = "non-white", **changes: Any) -> Measurement:
    """An adjusted gap of 12.9 points."""
    values: dict[str, Any] = {
        "question": "fair_lending.approval", "measure": "adjusted_approval_gap", "attribute": "race", "group": group,
        "reference": "white", "estimate": 0.1288, "low": 0.0781, "high": 0.1796, "level": 0.95, "n": 1971,
        "method": "linear probability model", "source": "moments", "equality": 0.0, "p_value": 7e-7, "mde": 0.0725,
        "counts": {"group": 303, "reference": 1668, "left_out": 18}, "standard_error": 0.0259,
        "details": {"standard_error_classical": 0.0197},
    }  # fmt: skip
    return Measurement(**(values | changes))


def ratio(group: str = "non-white", **changes: Any) -> Measurement:
    """An adverse impact ratio of 0.779."""
    counts = {
        "group_favourable": 218, "group_decided": 308, "reference_favourable": 1527, "reference_decided": 1681,
    }  # fmt: skip
    values: dict[str, Any] = {
        "measure": "adverse_impact_ratio", "estimate": 0.7792, "low": 0.7198, "high": 0.8336, "n": 1989,
        "method": "Koopman score", "equality": 1.0, "counts": counts, "standard_error": None, "details": {},
        "mde": 0.055,
    }  # fmt: skip
    return gap(group, **(values | changes))


def rate(group: str, favourable: int, decided: int, low: float, high: float, **changes: Any) -> Measurement:
    """An approval rate."""
    values: dict[str, Any] = {
        "measure": "approval_rate", "estimate": favourable / decided if decided else None, "low": low, "high": high,
        "n": decided, "method": "Wilson score", "equality": None, "reference": None, "p_value": None, "mde": None,
        "counts": {"favourable": favourable, "decided": decided}, "standard_error": None, "details": {},
    }  # fmt: skip
    return gap(group, **(values | changes))


def finding(measurement: Measurement, under: Rule, verdict: Any = "concern", **changes: Any) -> Finding:
    """A finding with two cautions."""
    values: dict[str, Any] = {
        "harm": "fair_lending",
        "standing": "primary", "measurement": measurement, "rule": under, "verdict": verdict,
        "explanation": "see the page", "cautions": (UNIT_CAUTION, f"a caution of {under.id}"),
    }  # fmt: skip
    values["finding_id"] = f"{under.id}-{measurement.measure}-{measurement.attribute}"
    return Finding(**(values | changes))


def run(**changes: Any) -> AuditRun:
    """A fit run with one attribute, a control, one warning and one exclusion."""
    content = {
        "description": {"en": "Were non-white applicants turned down more often?"},
        "audits": {"primary": [{"name": "fair_lending.approval", "parameters": {}}], "exploratory": []},
        "contract": {
            "controls": ["income", "burden"], "dated": {"first": "1990-01-01", "last": "1990-12-31"},
            "decision": {"column": "approve", "favourable": ["1"]},
            "groups": [{"name": "race", "reference": "white", "basis": "recorded under the disclosure act"}],
        },
        "inventory": {"owner": "demonstration"},
    }  # fmt: skip
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "program": ProgramRecord("boston", {"en": "Boston mortgages", "zh": "波士顿"}, content, "sha256:aa"),
        "version": 2, "supersedes": "sha256:bb", "subject": Subject("models:/credit", "7", "sha256:cc"),
        "data": DataRecord(
            "sha256:dd", 1989, {"approve": "int64"}, "all", "1990-01-01", "1990-12-31", {"race": "white"}
        ),
        "environment": {"python": "3.11.7", "squaredeal": "0.1.0"}, "seed": 11, "checks": CheckReport(True, checks()),
        "exclusions": (Exclusion("controls.income", None, 18, "no value of a control"),),
        "measurements": (
            rate("white", 1527, 1681, 0.894, 0.921), rate("non-white", 218, 308, 0.655, 0.756), ratio(), gap(),
        ),
        "not_answered": (), "errors": (), "evidence": (EvidenceFile("cells.csv", "sha256:ee", 1989),),
    }  # fmt: skip
    return AuditRun(**(values | changes))


def checks(stop: bool = False) -> tuple[CheckResult, ...]:
    """Forty checks, one of which warns; with ``stop`` two more that stop the audit."""
    passed = [
        CheckResult("expect", "c", f"contract.columns.c{i}", True, "stop", f"c{i} is at least 0", "all fit", 1989, 0)
        for i in range(39)
    ]
    warned = CheckResult(
        "expect_mean", "approve", "checks[1]", False, "warn", "mean between 0.5 and 0.8", "mean 0.877", 1989, None, (),
        "look at the rows concerned",
    )  # fmt: skip
    failed = [
        CheckResult(
            "expect_in_set", "white", "contract.groups.race.labels", False, "stop", "only the groups 0 and 1",
            "4 rows hold 9", 1989, 4, ("9",), "add the groups found under 'labels'",
        ),
        CheckResult("expect_count", None, "checks[0]", False, "stop", "at least 5,000 rows", "1,989 rows"),
    ]  # fmt: skip
    return (*passed, warned, *(failed if stop else ()))


def judgement(findings: Sequence[Finding] | None = None, **changes: Any) -> Judgement:
    """The gap under two laws, the ratio under the four-fifths rule, and a rule that did not apply."""
    standard = (
        finding(ratio(), FOUR_FIFTHS), finding(gap(), rule("us.ecoa", effective_to="2026-07-21")),
        finding(gap(), rule("us.fha")),
    )  # fmt: skip
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION, "program": "boston", "period": "all", "version": 2, "run_digest": "sha256:ff",
        "policies": (PolicyRecord("us", {"en": "United States", "zh": "美国"}, "sha256:99"),),
        "findings": standard if findings is None else tuple(findings),
        "rules_not_applied": (RuleNotApplied(rule("us.nj"), "the rule begins on 2025-12-15"),), "not_answered": (),
    }  # fmt: skip
    return Judgement(**(values | changes))


def unfit() -> tuple[AuditRun, Judgement]:
    """Data that failed two checks: no figure."""
    nothing = {
        "attribute": None, "reference": None, "estimate": None, "low": None, "high": None, "n": 0, "counts": {},
        "equality": None, "p_value": None, "mde": None, "standard_error": None, "details": {}, "method": "none",
        "source": "none", "reason": "the data checks failed",
    }  # fmt: skip
    figures = (ratio(None, **nothing), gap(None, **nothing))  # type: ignore[arg-type]
    findings = [finding(figures[0], FOUR_FIFTHS, "unfit"), finding(figures[1], rule(), "unfit")]
    return run(checks=CheckReport(False, checks(stop=True)), measurements=figures), judgement(findings)


def nothing_judged() -> tuple[AuditRun, Judgement]:
    """Measurements, but no policies, no dates and no model."""
    undated = replace(run().data, first_day=None, last_day=None)
    return run(data=undated, subject=None), judgement([], policies=(), rules_not_applied=())


def hostile() -> tuple[AuditRun, Judgement]:
    """Labels, titles, reasons and rules that hold markup, words that run from right to left, and no place to break."""
    bad = (
        HOSTILE,
        TURNED,
        ARABIC,
        "x" * 200,
        "未知" * 100,
        "&lt;b&gt;bold&lt;/b&gt;",
        "</svg></title><img src=x onerror=1>",
    )
    figures = [gap(name, estimate=0.02 * (i + 1), low=0.01 * i, high=0.03 * (i + 2)) for i, name in enumerate(bad)]
    figures += [ratio(name) for name in bad]
    rates = [rate(name, 40 + i, 60 + i, 0.5, 0.8) for i, name in enumerate(bad)]
    lost = gap("nobody", estimate=None, low=None, high=None, p_value=None, mde=None, reason=" ".join(bad))
    unbroken = rule(
        "z" * 90, title={"en": "y" * 200, "zh": TURNED}, citation=bad[-1], note=bad[0], borrowed_from=TURNED
    )
    findings = [finding(m, unbroken, "concern", cautions=bad) for m in figures[:7]]
    findings += [finding(m, replace(FOUR_FIFTHS, title={"en": HOSTILE}), "inconclusive") for m in figures[7:]]
    made = run(
        measurements=(*rates, *figures, lost), program=replace(run().program, title={"en": f"{TURNED} {bad[3]}"}),
        not_answered=tuple(NotAnswered(f"fair_lending.{i}", text, text) for i, text in enumerate(bad)),
        exclusions=(Exclusion(bad[3], bad[4], 3, TURNED),), errors=(RunError("a.b", bad[6]),),
    )  # fmt: skip
    return made, judgement([*findings, finding(lost, unbroken, "not_identified", explanation=TURNED)])


def awkward() -> tuple[AuditRun, Judgement]:
    """Many groups, long and hostile names, Chinese text, open bounds, errors, and all verdicts but unfit."""
    age = {"attribute": "age", "reference": "25-39"}
    rates = [rate("white", 1527, 1681, 0.894, 0.921)]
    rates += [rate(name, 40 + i, 60 + i, 0.5, 0.8) for i, name in enumerate((LONG, CHINESE, HOSTILE, "Pacific"))]
    rates += [rate("nobody", 0, 0, 0.0, 1.0, reason="no decision of this group")]
    far = gap(LONG, low=0.0612, high=None, p_value=0.02)
    open_below = ratio(HOSTILE, estimate=0.79996, low=None, high=2.4, p_value=0.4321)
    undecided = gap(CHINESE, estimate=0.04, low=-0.02, high=0.1, n=1_234_567)
    reverse = gap("Pacific", estimate=-0.031, low=-0.05, high=0.049996)
    lost = gap("60+", estimate=None, low=None, high=None, p_value=None, mde=None, reason="nobody is left", **age)
    other = gap(
        None, question="loyalty_pricing.renewal_price", measure="renewal_price_excess", attribute=None, reference=None,
        estimate=12.5, low=3.25, high=2500.0, equality=0.0, counts={HOSTILE: 12}, details={"odd": 1234.5678},
    )  # fmt: skip
    law = rule("law", limit_source="law", title={"zh": "《某法》第七条"}, borrowed_from=None)
    findings = [
        finding(far, law, "breach", cautions=()), finding(open_below, FOUR_FIFTHS, "inconclusive"),
        finding(undecided, law, "inconclusive"), finding(reverse, law, "clear"), finding(lost, law, "not_identified"),
        finding(other, rule("x", measure="renewal_price_excess", limit=1.0, title={"en": HOSTILE}), "concern",
                harm="loyalty_pricing", standing="exploratory", cautions=(HOSTILE, UNIT_CAUTION)),
    ]  # fmt: skip
    lacking = tuple(
        NotAnswered(f"predatory_lending.{name}", f"the contract does not fill: {name}", f"declare {name} {HOSTILE}")
        for name in ("cost_caps", "hidden_charges", "debt_trap")
    )
    made = run(
        measurements=(*rates, far, open_below, undecided, reverse, lost, other), not_answered=lacking,
        errors=(RunError("digital_divide.funnel", f"ValueError: {HOSTILE}"),),
        program=replace(run().program, title={"zh": f"《车险续保》{HOSTILE}"}),
        exclusions=(Exclusion(HOSTILE, HOSTILE, 12_345, HOSTILE),),
    )  # fmt: skip
    return made, judgement(findings, not_answered=lacking)
