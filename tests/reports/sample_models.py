"""Figures of a model made by hand: parts of a gap, flips, proxies and reasons."""

from __future__ import annotations

from typing import Any

from audits.record import AuditRun, Judgement, Measurement, Point, Subject
from tests.reports import sample_records as sample

PARTS = {"app visits": 0.048, "vehicle value": -0.021, "area": 0.012, "driver age": -0.006, "engine": 0.001}
WHOLE = sum(PARTS.values())


def figure(measure: str, question: str = "shap_gap", group: str | None = "renewing", **changes: Any) -> Measurement:
    """A figure about the model."""
    values: dict[str, Any] = {
        "question": f"explanation.{question}", "measure": measure, "attribute": "time as a customer",
        "reference": "new" if group else None, "equality": 0.0, "counts": {"group": 5000, "reference": 3000},
        "details": {}, "standard_error": None, "mde": None, "p_value": None, "n": 8000, "method": "SHAP values",
    }  # fmt: skip
    return sample.gap(group, **(values | changes))


def hill(label: str, middle: float) -> list[Point]:
    """Bins round a middle, the feature's own value rising with them."""
    sizes = (40, 310, 900, 320, 60)
    return [
        Point(label, middle + 0.01 * (i - 2), i / 4, middle + 0.01 * (i - 2.5), middle + 0.01 * (i - 1.5), n)
        for i, n in enumerate(sizes)
    ]  # fmt: skip


def part(name: str, value: float, **changes: Any) -> Measurement:
    """What one feature makes of the gap."""
    points = (*hill("renewing", value), *hill("new", 0.0))
    made = {"estimate": value, "low": value - 0.003, "high": value + 0.003, "segment": name, "points": points,
            "corrected": True}  # fmt: skip
    return figure("feature_output_gap", **(made | changes))


def gap() -> list[Measurement]:
    """The whole gap and its parts."""
    whole = figure("model_output_gap", estimate=WHOLE, low=WHOLE - 0.004, high=WHOLE + 0.004)
    return [whole, *(part(name, value) for name, value in PARTS.items())]


def proxies() -> list[Measurement]:
    """How well features tell who renews, and what rides on them."""
    found = []
    for name, value in PARTS.items():
        made = {"segment": name, "corrected": True, "question": "explanation.proxy_features"}
        found.append(figure("proxy_carried_gap", estimate=value, low=value - 0.004, high=value + 0.004, **made))
        found.append(figure("proxy_auc", estimate=0.5 + abs(value) * 8, low=0.5 + abs(value) * 7,
                            high=0.5 + abs(value) * 9, **(made | {"equality": 0.5})))  # fmt: skip
    return found


def flips() -> list[Measurement]:
    """What changes with one thing changed."""
    of_all = {"question": "explanation.paired_flips", "group": None, "attribute": None}
    found = []
    for name, value in (("tenure", 0.0), ("device", 0.031), ("channel", -0.004)):
        found.append(figure("flip_output_change", estimate=value, low=value - 0.002, high=value + 0.002, segment=name,
                            **of_all))  # fmt: skip
        found.append(figure("flip_harmed_share", estimate=abs(value) * 10, low=0.0, high=abs(value) * 12 + 0.01,
                            segment=name, **(of_all | {"equality": None})))  # fmt: skip
    return found


def reasons() -> list[Measurement]:
    """Reasons given for refusals."""
    of_all = {"question": "explanation.reason_codes", "group": None, "attribute": None, "equality": None}
    return [
        figure("reason_match_share", estimate=0.83, low=0.8, high=0.86, **of_all),
        figure("most_reasons_given", estimate=5.0, low=5.0, high=5.0, **of_all),
        figure("unreproduced_share", estimate=0.002, low=0.0, high=0.004,
               **(of_all | {"question": "explanation.reproduction"})),
    ]  # fmt: skip


def records() -> tuple[AuditRun, Judgement]:
    """A run of all questions on a model and its judgement."""
    measured = [*gap(), *proxies(), *flips(), *reasons()]
    rule = sample.rule("conv.model.proxy", measure="proxy_carried_gap", comparison="at_most", limit=0.02,
                       test="interval", status="convention", limit_source="ours", partial=None, note=None)  # fmt: skip
    found = [
        sample.finding(m, rule, "concern" if (m.low or 0) > 0.02 else "clear", harm="explanation", cautions=())
        for m in measured if m.measure == "proxy_carried_gap"
    ]  # fmt: skip
    subject = Subject("models:/motor pricing@production", "3", "sha256:" + "ab" * 32)
    return sample.run(measurements=tuple(measured), subject=subject), sample.judgement(found)
