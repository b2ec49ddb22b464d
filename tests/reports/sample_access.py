"""Figures of access made by hand: a way of five stages for two groups, failures by method, losses by device."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt
from typing import Any

from audits.record import AuditRun, Finding, Judgement, Measurement, Point
from tests.reports import sample_records as sample

STAGES = ("reach", "start", "identity", "submit", "decision")
LEFT = {  # who is left of those who entered, after each stage
    "village": (10_000, 7_900, 5_100, 2_550, 2_400, 1_500), "town": (12_000, 10_400, 8_500, 7_050, 6_800, 5_000),
    "city": (40_000, 36_000, 30_600, 27_500, 26_700, 20_300),
}  # fmt: skip


def rounded(value: Any) -> Any:
    """As a record keeps it."""
    return round(value, 6) if isinstance(value, float) else value


def figure(measure: str, group: str | None = None, **changes: Any) -> Measurement:
    """A figure of access without any uncertainty but its interval."""
    values: dict[str, Any] = {
        "question": "digital_divide.funnel", "measure": measure, "attribute": "place",
        "reference": "city" if group else None, "equality": 1.0 if measure.endswith("_ratio") else None,
        "counts": {}, "details": {}, "standard_error": None, "mde": None, "p_value": None,
        "method": "counts of persons",
    }  # fmt: skip
    return sample.gap(group, **{name: rounded(value) for name, value in (values | changes).items()})


def ratio(measure: str, group: str, ours: tuple[int, int], theirs: tuple[int, int], **changes: Any) -> Measurement:
    """The ratio of two shares with a Wald interval on its logarithm."""
    share, other = ours[0] / ours[1], theirs[0] / theirs[1]
    spread = exp(1.96 * sqrt(sum(1 / a - 1 / b for a, b in (ours, theirs))))
    at = share / other
    counts = {
        "group_favourable": ours[0], "group_decided": ours[1], "reference_favourable": theirs[0],
        "reference_decided": theirs[1],
    }  # fmt: skip
    made = {"estimate": at, "low": at / spread, "high": at * spread, "n": ours[1] + theirs[1], "counts": counts}
    return figure(measure, group, **(made | changes))


def stages(group: str, names: Sequence[str] = STAGES, **changes: Any) -> list[Measurement]:
    """A figure for each stage, as the rows stand."""
    ours, theirs = LEFT[group], LEFT["city"]
    return [
        ratio("stage_ratio", group, (ours[i + 1], ours[i]), (theirs[i + 1], theirs[i]), segment=name, **changes)
        for i, name in enumerate(names)
    ]


def way(group: str) -> list[Measurement]:
    """Every stage as it stands and within strata, and the whole way in three ways."""
    ends = [(LEFT[name][-1], LEFT[name][0]) for name in (group, "city")]
    own = stages(group)
    adjusted = [
        figure("adjusted_stage_ratio", group, segment=m.segment, estimate=(m.estimate or 0) ** 0.6,
               low=(m.low or 0) ** 0.7, high=min((m.high or 1) ** 0.5, 1.02), n=m.n) for m in own
    ]  # fmt: skip
    told = {"costliest_stage": 4.0, "costliest_ratio": rounded(min(m.estimate or 1.0 for m in own))}
    whole = ratio("cumulative_ratio", group, *ends, details=told)
    return [
        *own, *adjusted, whole,
        figure("adjusted_cumulative_ratio", group, estimate=(whole.estimate or 0) ** 0.6, low=0.4, high=0.9, n=whole.n),
        figure("bounded_cumulative_ratio", group, estimate=whole.estimate, low=0.2, high=1.1, equality=None, n=whole.n),
    ]  # fmt: skip


LOST = (  # segment, share of the group, of the reference
    ("identity · device old phone", 0.48, 0.12), ("identity · device unknown", 0.3, 0.25),
    ("identity · network 2g", 0.375, 0.3), ("identity · assisted no", 0.21, 0.1), ("identity · hour 18-23", 0.22, None),
    ("start · device phone", 0.1, 0.11),
)  # fmt: skip


def losses(group: str) -> list[Measurement]:
    """Shares lost at two stages by device, network, help and hour."""
    return [
        figure("stage_loss_share", group, segment=segment, estimate=ours, low=ours * 0.9, high=ours * 1.1,
               n=2000 - 100 * i, details={} if theirs is None else {
                   "reference_share": theirs, "excess_persons": (2000 - 100 * i) * (ours - theirs)
               })
        for i, (segment, ours, theirs) in enumerate(LOST)
    ]  # fmt: skip


def failures() -> list[Measurement]:
    """Failures of the identity check from an age on: by any method, and by each of three."""
    found = (("all", 0.31, 0.12), ("face", 0.27, 0.06), ("otp", 0.06, 0.05), ("card", 0.02, 0.021))
    return [
        ratio("verification_failure_ratio", "60+", (round(2000 * ours), 2000), (round(9000 * theirs), 9000),
              segment=name, attribute="age from 60", reference="under 60", question="digital_divide.elderly")
        for name, ours, theirs in found
    ]  # fmt: skip


def times(group: str = "60+", reference: str = "under 60") -> Measurement:
    """Who has finished after so many minutes: the elderly take about twice as long."""
    made = [
        Point(name, minutes, share, max(share - 0.02, 0.0), min(share + 0.02, 1.0), 900)
        for name, slower in ((group, 2.0), (reference, 1.0))
        for minutes in (1.0, 5.0, 20.0, 60.0, 240.0, 2880.0, 43_200.0)
        for share in (0.9 * minutes / (minutes + 15 * slower),)
    ]  # fmt: skip
    return figure(
        "completion_time_ratio", group, estimate=1.8, low=1.6, high=2.0, n=7900, points=tuple(made),
        attribute="age from 60", reference=reference, question="digital_divide.elderly",
    )  # fmt: skip


def points_of_age() -> Measurement:
    """Points of a score by band of age, ten fewer from 60 on."""
    made = tuple(Point("all", age, -10.0 if age >= 60 else 0.0, 0.0, 0.0, 50) for age in (62.0, 20.0, 40.0, 60.0))
    return figure(
        "elderly_points_lost", None, attribute=None, question="digital_divide.elderly", estimate=10.0, low=10.0,
        high=10.0, n=9000, points=made,
    )  # fmt: skip


def elderly() -> list[Measurement]:
    """What the elderly finish, and how they fare at the identity check."""
    of_age = {"attribute": "age from 60", "reference": "under 60", "question": "digital_divide.elderly"}
    return [
        ratio("elderly_completion_ratio", "60+", (900, 2000), (7000, 9000), **of_age),
        times(), *failures(), points_of_age(),
        figure("no_traditional_channel_cases", None, **(of_age | {"attribute": None, "reference": None}), estimate=1.0,
               low=1.0, high=1.0, n=3),
    ]  # fmt: skip


def thin_files() -> list[Measurement]:
    """Thin against full files: raw, at equal score, at equal risk."""
    of_files = {"attribute": "credit file", "reference": "full", "question": "digital_divide.thin_file"}
    return [
        ratio("thin_file_approval_ratio", "thin", (800, 2000), (6000, 9000), **of_files),
        *(figure(name, "thin", estimate=at, low=at - 0.02, high=at + 0.02, equality=0.0, n=9000, **of_files)
          for name, at in (("thin_file_repayment_gap", 0.051), ("thin_file_approval_gap", 0.12))),
        figure("thin_file_price_gap", "thin", estimate=0.0123, low=0.01, high=0.0146, equality=0.0, n=7000, **of_files),
    ]  # fmt: skip


def channels() -> list[Measurement]:
    """Service by a person against an app."""
    of_channels = {"attribute": "service channel", "reference": "digital", "question": "digital_divide.channel_price"}
    return [
        figure("assisted_price_ratio", "assisted", estimate=1.083, low=1.06, high=1.107, n=9000, **of_channels),
        figure("digital_discount_gap", "assisted", estimate=0.31, low=0.29, high=0.33, equality=0.0, n=9000,
               **of_channels),
    ]  # fmt: skip


def unequal() -> list[Measurement]:
    """Access along income, with its level."""
    of_all = {"question": "digital_divide.concentration_index", "attribute": None, "n": 52_000}
    return [
        figure("access_concentration_index", None, estimate=0.212, low=0.2, high=0.224, details={"access_share": 0.45},
               points=tuple(Point("all", (i + 0.5) / 10, 0.3 + 0.03 * i, 0.28 + 0.03 * i, 0.32 + 0.03 * i, 5200)
                            for i in range(10)), **(of_all | {"equality": 0.0})),
        figure("access_share", None, estimate=0.45, low=0.44, high=0.46, **of_all),
    ]  # fmt: skip


def everything() -> list[Measurement]:
    """Figures of all five questions."""
    return [
        *way("village"), *way("town"), *losses("village"), *elderly(), *thin_files(), *channels(), *unequal(),
        figure("person_coverage", None, estimate=0.93, low=0.93, high=0.93, n=66_600),
    ]  # fmt: skip


RULES = {
    "stage_ratio": ("at_least", 0.8), "cumulative_ratio": ("at_least", 0.8),
    "elderly_completion_ratio": ("at_least", 0.8),
    "verification_failure_ratio": ("at_most", 1.25), "thin_file_repayment_gap": ("at_most", 0.02),
    "thin_file_price_gap": ("at_most", 0.005), "assisted_price_ratio": ("at_most", 1.05),
    "no_traditional_channel_cases": ("at_most", 0.0), "access_concentration_index": ("at_most", 0.2),
}  # fmt: skip


def findings(measurements: Sequence[Measurement]) -> list[Finding]:
    """A finding on each figure that a rule of thumb speaks of."""
    found = []
    for m in measurements:
        if m.measure in RULES and m.estimate is not None:
            comparison, limit = RULES[m.measure]
            test = "census" if m.measure.endswith("_cases") else "interval"
            rule = sample.rule(f"conv.{m.measure}", measure=m.measure, comparison=comparison, limit=limit, test=test,
                               status="convention", limit_source="ours", partial=None, note=None)  # fmt: skip
            sign = 1 if comparison == "at_most" else -1
            beyond = [sign * (bound - limit) > 0 for bound in (m.low, m.high) if bound is not None]
            verdict = "concern" if all(beyond) else "inconclusive" if any(beyond) else "clear"
            found.append(sample.finding(m, rule, verdict, harm="digital_divide", cautions=()))
    return found


def records() -> tuple[AuditRun, Judgement]:
    """A run of all five questions and its judgement."""
    measured = everything()
    asked = {"audits": {"primary": [{"name": "digital_divide.funnel", "parameters": {}}], "exploratory": []}}
    program = sample.run().program
    content = {**program.content, **asked, "contract": {}, "description": {"en": "Who is lost on the way to credit?"}}
    made = sample.run(
        measurements=tuple(measured), program=type(program)(program.name, program.title, content, "sha256:aa")
    )
    return made, sample.judgement(findings(measured))
