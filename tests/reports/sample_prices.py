"""Records of loyalty pricing made by hand: bands of tenure, and a run that was judged under four rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from audits.record import AuditRun, Judgement, Measurement, NotAnswered
from checks.sentence import said
from reports.comparisons import Judged, pair_up
from tests.reports import sample_records as sample


def bands(
    labels: Sequence[str], measure: str = "tenure_price_ratio", factor: float = 1.0, **odd: Any
) -> tuple[Judged, ...]:
    """Prices of bands of tenure against new customers, dearer with every band, under one limit and every verdict.

    ``low`` and ``high`` are a band's place and the bound that it has in place of its own.
    """
    equality = 1.0 if measure.endswith("_ratio") else 0.0
    made = []
    for i, label in enumerate(labels):
        at = equality + factor * 0.02 * i
        low, high = (odd[side][1] if odd.get(side, (None,))[0] == i else at + factor * 0.03 * sign
                     for side, sign in (("low", -1), ("high", 1)))  # fmt: skip
        made.append(price(
            label, measure=measure, attribute="tenure", reference="under 1", equality=equality, estimate=at,
            low=low, high=high, counts={"group": 9000 // (i + 1), "reference": 12_345}, corrected=True,
            unit=None if measure.endswith("_ratio") else "GBP",
        ))  # fmt: skip
    if len(made) > 3:
        made[2] = replace(made[2], estimate=None, low=None, high=None, reason="too few quotes")
    verdicts = ("clear", "inconclusive", "not_identified", "concern", "breach")
    under = sample.rule("uk.band", measure=measure, limit=equality + factor * 0.05)
    return pair_up(made, [sample.finding(m, under, verdicts[i % 5]) for i, m in enumerate(made)], {})


def price(group: str | None = None, **changes: Any) -> Measurement:
    """A figure of loyalty pricing: growth of price with tenure of 1.2 % a year."""
    values: dict[str, Any] = {
        "question": "loyalty_pricing.tenure_gradient", "measure": "tenure_price_slope", "attribute": None,
        "reference": None, "estimate": 0.0123, "low": 0.0102, "high": 0.0144, "n": 21_345,
        "counts": {}, "details": {}, "standard_error": 0.0011, "mde": 0.003, "method": "least squares",
    }  # fmt: skip
    return sample.gap(group, **(values | changes))


LAW = {"limit_source": "law", "partial": None, "note": None, "jurisdiction": "UK", "severity": "high"}
ONE_ROUTE = said("one route alone: both costs would tell")


def counted(measure: str, value: float, n: int = 18_883, **changes: Any) -> Measurement:
    """A figure without sampling error."""
    values: dict[str, Any] = {
        "question": "loyalty_pricing.renewal_price", "measure": measure, "estimate": value, "low": value,
        "high": value, "n": n, "equality": None, "p_value": None, "mde": None, "standard_error": None,
        "method": "counted, without sampling error", "source": "cells",
    }  # fmt: skip
    return price(**(values | changes))


def shares(attribute: str, **of: tuple[int, int]) -> list[Measurement]:
    """Shares of renewals above by group: (above, compared)."""
    return [
        counted("renewal_above_enbp_share", above / compared, compared, attribute=attribute, group=group,
                counts={"above": above, "compared": compared})
        for group, (above, compared) in of.items()
    ]  # fmt: skip


def loyalty() -> tuple[AuditRun, Judgement]:
    """A breach, a concern, an undecided figure and one that lacks data, with pictures and unjudged figures."""
    cases = counted("renewal_above_enbp_cases", 743.0, counts={"above": 743, "compared": 18_883})
    money = counted("renewal_overcharge_money", 22_405.19, unit="GBP", details={"compared_renewal_price": 13_798_102.6})
    missing = counted("return_missing_figures", 1.0, 20_000, question="loyalty_pricing.pricing_return")
    slope = price(undecided=ONE_ROUTE)
    joint = price(
        measure="loyalty_penalty_slope", estimate=0.0211, low=0.0043, high=0.0418, undecided=ONE_ROUTE,
        details={"slope_of_price": 0.0211, "slope_of_loss_ratio": 0.023},
    )  # fmt: skip
    score = price(measure="retention_price_slope", question="loyalty_pricing.willingness_to_pay",
                  attribute="price sensitivity", details={"slope": -0.0123})  # fmt: skip
    lost = price(measure="loss_ratio_slope", question="loyalty_pricing.loss_ratio", estimate=None, low=None, high=None,
                 p_value=None, mde=None, reason=said("no figure"))  # fmt: skip
    ladder = [one.measurement for one in bands(("1", "2-4", "5+"))]
    amounts = [one.measurement for one in bands(("1", "2-4", "5+"), "tenure_overcharge_money", 500.0)]
    made = sample.run(
        measurements=(
            cases, money, missing, slope, joint, score, lost, *ladder, *amounts,
            *shares("channel", broker=(743, 7_798), direct=(0, 11_085)),
            *shares("tenure", **{"1": (9, 99), "10+": (3, 9)}),
        ),
        program=replace(sample.run().program, title={"en": "Motor renewals", "zh": "车险续保"}),
        not_answered=(
            NotAnswered("loyalty_pricing.same_terms: terms.reason_code", said("no figure"), said("there is no quote")),
        ),
    )  # fmt: skip
    return made, sample.judgement([
        _found(cases, "breach", "census", 0.0, LAW), _found(missing, "concern", "census", 0.0),
        _found(joint, "inconclusive", "interval", 0.005), _found(score, "concern", "interval", 0.005),
        _found(lost, "not_identified", "interval", 0.005),
    ])  # fmt: skip


def _found(m: Measurement, verdict: str, test: str, limit: float, more: dict[str, Any] | None = None) -> Any:
    under = sample.rule(f"uk.{m.measure}", measure=m.measure, test=test, limit=limit, **(more or {}))
    return sample.finding(
        m, under, verdict, harm="loyalty_pricing", cautions=() if verdict == "breach" else ("a caution",)
    )
