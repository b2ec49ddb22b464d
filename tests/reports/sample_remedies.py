"""Records of searches for remedies, made by hand: each outcome, many candidates, awkward names, failed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from audits.record import SCHEMA_VERSION, ProgramRecord
from audits.remedies.records import (
    Candidate,
    Certified,
    Floor,
    GroupRate,
    RemedyRecord,
    TrainingRecord,
)
from checks.sentence import said
from tests.reports.sample_records import ARABIC, HOSTILE, LONG, TURNED

ROWS = {
    "training": 50_012, "validation": 24_979, "untouched": 25_009, "drawn": 100_000, "total": 120_431,
    "without_unit": 0,
}  # fmt: skip
BEST, LOSS, LEAST_GAIN = 0.7112, 0.002, 0.02


def rates(attribute: str, reference: str, **ratios: float | None) -> tuple[GroupRate, ...]:
    """The rate of a reference, .62, and of groups by their ratios to it."""
    made = [GroupRate(attribute, reference, 16_000, 0.62, 1.0)]
    for group, ratio in ratios.items():
        made.append(GroupRate(attribute, group, 8_000, ratio and 0.62 * ratio, ratio, None if ratio else "nobody"))
    return tuple(made)


def candidate(identity: str, kind: Any, words: str, performance: float | None, ratio: float | None, **more: Any) -> Any:
    """A candidate of one attribute ``grp`` with groups a (the reference) and b; today's ratio is .7506."""
    values: dict[str, Any] = {
        "id": identity, "kind": kind, "words": words, "features": ("risk", "trait"), "performance": performance,
        "known": 24_979, "outcome_rate": 0.731, "approved": 0.55, "rates": rates("grp", "a", b=ratio),
        "gain": None if ratio is None else ratio - 0.7506,
    }  # fmt: skip
    return Candidate(**(values | more))


TODAY = candidate("today", "today", said("today's model"), 0.6641, 0.7506)
WITHOUT = candidate(
    "without-trait", "without_features", said("without {features}", features="trait"), 0.7108, 0.857,
    features=("risk",), eligible=True,
)  # fmt: skip
FEW = (
    TODAY,
    WITHOUT,
    candidate("without-risk", "without_features", said("without {features}", features="risk"), 0.52, 0.70,
              features=("trait",), reason=said("its performance lies below the floor")),
    candidate("capped", "changed_features", said("{feature} capped at its 95th percentile", feature="trait"), 0.7093,
              0.81, changes={"trait": "capped"}, eligible=True),
    candidate("tuned-7", "hyperparameters", said("{names} changed", names="depth"), BEST, 0.762,
              hyperparameters={"depth": 3, "rate": 0.1}, reason=said("it gains less than was asked")),
    candidate("tuned-8", "hyperparameters", said("{names} changed", names="depth"), None, None,
              rates=(), known=0, outcome_rate=None, approved=None, reason=said("the training code failed: {error}",
                                                                               error="ValueError")),
    candidate("even-1", "constrained", said("trained to approve groups alike, bound {bound}", bound=0.01), 0.7095, 0.91,
              eligible=True),
    candidate("cut-1", "cut_by_group", said("another cut for each group"), 0.66, 0.99, deployable=False,
              reason=said("it decides by the group")),
)  # fmt: skip


def figure(measure: str, today: float | None, chosen: float | None, low: float, high: float, **more: Any) -> Certified:
    """A certified figure: the difference of the two models, or the chosen one's own ratio."""
    whole = measure == "adverse_impact_ratio"
    estimate = chosen if whole or chosen is None or today is None else chosen - today
    values: dict[str, Any] = {
        "measure": measure, "attribute": None, "group": None, "reference": None, "today": today, "chosen": chosen,
        "estimate": estimate, "low": low, "high": high, "standard_error": 0.006, "level": 0.95, "n": 25_009,
        "method": said("max-T over all figures"), "counts": {},
    }  # fmt: skip
    return Certified(**(values | more))


def of_group(attribute: str, group: str, reference: str, today: float, chosen: float) -> tuple[Certified, ...]:
    """The figures of a group."""
    whom: dict[str, Any] = {"attribute": attribute, "group": group, "reference": reference, "n": 24_311,
                            "counts": {"group": 8_103, "reference": 16_208}}  # fmt: skip
    gain = chosen - today
    approved = {"group": 8_103, "reference": 16_208, "group_approved": 3_794, "reference_approved": 10_130}
    recorded = {**whom, "estimate": today, "counts": approved}
    return (
        figure("adverse_impact_ratio", today, chosen, chosen - 0.017, chosen + 0.017, **whom),
        figure("adverse_impact_ratio_gain", today, chosen, gain - 0.011, gain + 0.011, **whom),
        figure("recorded_adverse_impact_ratio", None, None, today - 0.02, today + 0.021, **recorded),
    )


COMMON = (
    figure("performance_difference", 0.6631, 0.7108, 0.0402, 0.0561),
    figure("approved_share_difference", 0.5511, 0.5512, -0.0021, 0.0024),
    figure("outcome_rate_difference", 0.7304, 0.7486, 0.0127, 0.0236),
)


def record(**changes: Any) -> RemedyRecord:
    """A certified remedy: the model without ``trait``."""
    title = {"en": "Proxy lending", "zh": "代理变量贷款"}
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION, "program": ProgramRecord("proxy", title, {}, "sha256:" + "1" * 64),
        "version": 2, "supersedes": "sha256:" + "2" * 64, "period": "2026-Q3", "fingerprint": "sha256:" + "3" * 64,
        "seed": 7, "attribute": "grp",
        "training": TrainingRecord("train.py", "sha256:" + "4" * 64, "fit", "decision", ROWS, {"numpy": "2.2.0"}),
        "approve": "as_recorded", "floor": Floor("auc", "outcome", LOSS, BEST, BEST - LOSS, LEAST_GAIN),
        "candidates": FEW, "outcome": "certified",
        "explanation": said("{what} raises the ratio from {today} to {chosen}", what=WITHOUT.words, today=0.751,
                            chosen=0.857),
        "chosen": "without-trait", "certified": (*of_group("grp", "b", "a", 0.7506, 0.857), *COMMON),
        "reasons": (said("it is the simplest kind within the least gain of the best"),),
        "cautions": (said("outcomes are known of those approved only"),), "runner_up": ("even-1", "capped"),
        "run": "sha256:" + "5" * 64,
        "settings": {"level": 0.95, "trials": 30, "keep": ["risk"], "target": "decision", "performance": "auc",
                     "split": [0.5, 0.25, 0.25], "today": {"depth": 6}, "hyperparameters": {}},
    }  # fmt: skip
    return RemedyRecord(**(values | changes))


def certified() -> RemedyRecord:
    """Chosen, and it holds."""
    return record()


def not_confirmed() -> RemedyRecord:
    """Chosen, but the gain on the untouched rows may be none."""
    whom: Mapping[str, Any] = {"attribute": "grp", "group": "b", "reference": "a"}
    figures = (
        figure("adverse_impact_ratio", 0.7506, 0.7611, 0.741, 0.7812, **whom),
        figure("adverse_impact_ratio_gain", 0.7506, 0.7611, -0.0004, 0.0214, **whom), *COMMON,
    )  # fmt: skip
    return record(outcome="not_confirmed", certified=figures, explanation=said("the gain may be none"))


def none_found() -> RemedyRecord:
    """No candidate keeps to the floor and brings the least gain."""
    tried = tuple(replace(one, eligible=False) for one in FEW)
    recorded = of_group("grp", "b", "a", 0.7506, 0.857)[2]
    todays = replace(recorded, measure="todays_adverse_impact_ratio", today=0.6606, estimate=0.6606, low=0.64,
                     high=0.68, counts={"group": 8_103, "reference": 16_208})  # fmt: skip
    return record(
        outcome="none_found", chosen=None, certified=(todays, recorded), candidates=tried, runner_up=(), reasons=(),
        explanation=said("no model keeps to the floor and gains enough"),
    )  # fmt: skip


def not_answered() -> RemedyRecord:
    """The data lack something, so that nothing was tried."""
    return record(
        outcome="not_answered", chosen=None, certified=(), runner_up=(), candidates=(), cautions=(), run=None,
        supersedes=None, explanation=said("nobody of group {group} is in the data", group="b"),
        floor=Floor("auc", "outcome", LOSS, None, None, LEAST_GAIN),
        reasons=(said("the data hold no row of {group}", group="b"),), approve="cut", settings={},
    )  # fmt: skip


def failed() -> RemedyRecord:
    """Every candidate failed but today's."""
    lost = tuple(replace(FEW[5], id=f"lost-{i}") for i in range(5))
    return replace(none_found(), candidates=(TODAY, *lost))


def _one_of_many(i: int) -> Candidate:
    kind: Any = ("without_features", "changed_features", "hyperparameters", "constrained", "cut_by_group")[i * 5 // 68]
    performance = 0.7112 - 0.0004 * (i % 17) - (0.05 if i % 23 == 5 else 0.0)
    ratio = 0.742 + 0.0023 * (i * 7 % 61) + (0.06 if kind == "cut_by_group" else 0.0)
    told = (*rates("race", "white", black=ratio, latino=ratio + 0.05, asian=1.04), *rates("sex", "man", woman=0.97))
    good = performance >= BEST - LOSS and ratio - 0.7506 >= LEAST_GAIN and kind != "cut_by_group"
    return candidate(
        f"{kind}-{i}", kind, said("candidate {n} of the search", n=i), performance, ratio, rates=told, eligible=good,
        gain=ratio - 0.7506, deployable=kind != "cut_by_group",
        reason=None if good else said("its performance lies below the floor"),
    )  # fmt: skip


def many() -> RemedyRecord:
    """Some seventy candidates, two attributes with several groups."""
    today = replace(TODAY, rates=(*rates("race", "white", black=0.7506, latino=0.81, asian=1.05),
                                  *rates("sex", "man", woman=0.96)))  # fmt: skip
    tried = tuple(_one_of_many(i) for i in range(68))
    best = max((one for one in tried if one.eligible), key=lambda one: one.gain or 0.0)
    figures = (
        *of_group("race", "black", "white", 0.7506, 0.842), *of_group("race", "latino", "white", 0.81, 0.885),
        *of_group("race", "asian", "white", 1.05, 1.04), *of_group("sex", "woman", "man", 0.96, 0.97), *COMMON,
    )  # fmt: skip
    return record(attribute="race", candidates=(today, *tried), chosen=best.id, certified=figures,
                  runner_up=tuple(one.id for one in tried if one.eligible and one is not best)[:9])  # fmt: skip


def hostile() -> RemedyRecord:
    """Names that are markup, long, Arabic, or turn the direction of text."""
    groups = {HOSTILE: 0.75, LONG: 0.83, TURNED: 0.9, ARABIC: 0.95}
    today = replace(TODAY, rates=rates(HOSTILE, LONG, **groups), words=said("today's model"))
    other = replace(
        WITHOUT, words=said("without {features}", features=HOSTILE), features=(HOSTILE, ARABIC, LONG),
        rates=rates(HOSTILE, LONG, **{name: ratio + 0.05 for name, ratio in groups.items()}), gain=0.05,
        hyperparameters={HOSTILE: TURNED}, changes={ARABIC: LONG},
    )  # fmt: skip
    figures = tuple(f for name, r in groups.items() for f in of_group(HOSTILE, name, LONG, r, r + 0.05))
    return record(
        program=ProgramRecord("hostile", {"en": HOSTILE}, {}, "sha256:" + "1" * 64), attribute=HOSTILE,
        candidates=(today, other), certified=(*figures, *COMMON), cautions=(said("of {group}", group=TURNED),),
        explanation=said("{what} is better for {group}", what=HOSTILE, group=ARABIC), runner_up=(),
        training=TrainingRecord(HOSTILE, "sha256:" + "4" * 64, "fit", "decision", ROWS),
    )  # fmt: skip


STATES = {
    "certified": certified, "not_confirmed": not_confirmed, "none_found": none_found, "not_answered": not_answered,
    "failed": failed, "many": many, "hostile": hostile,
}  # fmt: skip
