"""Pictures in every awkward state, by name: many groups, long, turned and hostile labels, no figure, open bounds."""

from __future__ import annotations

from dataclasses import replace

from audits.record import Point
from reports.comparisons import Judged, pair_up
from reports.picture_data import pictures_of
from reports.pictures import Picture
from reports.report_model import EstimatePicture, RatePanel
from reports.view import report_model
from reports.words import Words
from tests.reports import sample_access as access
from tests.reports import sample_prices as prices
from tests.reports import sample_records as sample

CROSSED = {"question": "fair_lending.intersections", "measure": "subgroup_gap", "reference": "everyone else"}
ODD = (sample.HOSTILE, sample.TURNED, sample.ARABIC, "x" * 200, "未知" * 100, sample.LONG, sample.CHINESE, "A")
VERDICTS = ("breach", "concern", "inconclusive", "not_identified", "clear")
LAW = {"limit_source": "law", "partial": None, "note": None}


def pictures(say: Words) -> dict[str, Picture]:
    """Every picture that the records of this file give."""
    found: dict[str, Picture] = {}
    for name, judged in _judged().items():
        for i, picture in enumerate(pictures_of(say, judged, judged)):
            found[f"{name} {i}"] = picture
    return found


def _judged() -> dict[str, tuple[Judged, ...]]:
    return {
        "three groups": _gaps("East Asian", "South Asian", "Pacific"),
        "odd labels": _gaps(*ODD),
        "sixty groups": _gaps(*(f"group number {i}" for i in range(60))),
        "ratios": _ratios("women", "non-binary", sample.CHINESE),
        "far bounds": _gaps("far", "open", low=-900.0, high=None),
        "all alike": _gaps("one", "other", step=0.0),
        "ways": _ways("non-white"),
        "ways of odd labels": _ways(sample.ARABIC),
        "basis points": _priced(),
        "map": _crossings(("18–29", "30–59", "60+"), ("Asian", "Black", "Latino", "Pacific")),
        "odd map": _crossings(ODD[:5], ODD[2:7]),
        "wide map": _crossings(("a", "b"), tuple(f"label {i}" for i in range(8))),
        "too wide a map": _crossings(("a", "b"), tuple(f"label {i}" for i in range(12))),
        "three attributes": _crossings(("a × x", "b × y"), ("c", "d"), attribute="age × race × sex"),
        "chance": _curve("non-white", 0.05, tuple(i / 10 + 0.05 for i in range(10))),
        "credit score": _curve(sample.ARABIC, 0.09, (421.0, 502.0, 560.0, 640.0, 700.0, 783.0)),
        "bands of tenure": prices.bands(("1", "2-4", "5+")),
        "ten bands": prices.bands((*map(str, range(1, 10)), "10+"), low=(3, None), high=(7, 9.0)),
        "half years": prices.bands((*(f"{i / 2:g}-<{i / 2 + 0.5:g}" for i in range(1, 12)), "6+")),
        "thirty bands": prices.bands((*map(str, range(1, 30)), "30+")),
        "money by band": prices.bands(("1", "2-4", "5-9", "10+"), measure="tenure_overcharge_money", factor=1234.5),
        "stages": pair_up(made := [*access.way("village"), *access.way("town")], access.findings(made), {}),
        "odd stages": _odd_ways(),
        "losses": pair_up([*access.losses("village"), *access.losses("town")], [], {}),
        "access": pair_up([*access.unequal(), access.points_of_age(), access.times(), *access.thin_files()], [], {}),
        "failures": pair_up(made := access.failures(), access.findings(made), {}),
        "long scores": _curve("x" * 200, 0.0, (1.25e6, 2.5e6, 9.75e6)),
    }


def figures() -> dict[str, EstimatePicture]:
    """Pictures of one figure."""
    found = {f"figure {i}": f.picture for i, f in enumerate(report_model(*sample.awkward()).blocks[0].figures)}
    return {name: picture for name, picture in found.items() if picture}


def panels() -> dict[str, RatePanel]:
    """Rates by group."""
    return {
        "rates": report_model(*sample.awkward()).blocks[0].rates[0],
        "odd rates": report_model(*sample.hostile()).blocks[0].rates[0],
    }


def _gaps(*groups: str, step: float = 0.021, **changes: object) -> tuple[Judged, ...]:
    """Gaps of the groups, the last of many without a figure, under two limits and every verdict in turn."""
    made = [
        sample.gap(name, **({"estimate": step * i - 0.02, "low": step * i - 0.05, "high": step * i + 0.01} | changes))
        for i, name in enumerate(groups)
    ]  # fmt: skip
    if len(made) > 3:
        made[-1] = replace(made[-1], estimate=None, low=None, high=None, reason="nobody is left")
    found = [
        sample.finding(m, sample.rule(law, limit=limit), VERDICTS[i % len(VERDICTS)])
        for i, m in enumerate(made) for law, limit in (("us.fha", 0.05), ("law", 0.1))
    ]  # fmt: skip
    return pair_up(made, found, {})


def _ratios(*groups: str) -> tuple[Judged, ...]:
    made = [sample.ratio(name, estimate=0.7 + 0.15 * i, low=0.6 + 0.15 * i) for i, name in enumerate(groups)]
    return pair_up(made, [sample.finding(m, sample.FOUR_FIFTHS, VERDICTS[i]) for i, m in enumerate(made)], {})


def _ways(group: str) -> tuple[Judged, ...]:
    names = (
        "approval_gap",
        "stratified_approval_gap",
        "logit_approval_gap",
        "adjusted_approval_gap",
        "risk_adjusted_gap",
    )
    made = [
        sample.gap(group, measure=name, estimate=0.21 - 0.045 * i, low=0.15 - 0.05 * i, high=None if i == 2 else 0.26)
        for i, name in enumerate(names)
    ]  # fmt: skip
    made += [
        sample.ratio(group),
        sample.ratio(group, measure="stratified_risk_ratio", estimate=0.9, low=0.81, high=1.1),
    ]
    return pair_up(made, [sample.finding(made[3], sample.rule()), sample.finding(made[5], sample.FOUR_FIFTHS)], {})


def _priced() -> tuple[Judged, ...]:
    made = [
        sample.gap(measure=name, question="fair_lending.pricing", estimate=at, low=at - 9, high=at + 9)
        for name, at in (("rate_gap_bp", 31.0), ("adjusted_rate_gap_bp", 12.5))
    ]  # fmt: skip
    return pair_up(
        made, [sample.finding(made[1], sample.rule(measure=made[1].measure, limit=10.0), "inconclusive")], {}
    )


def _crossings(first: tuple[str, ...], second: tuple[str, ...], attribute: str = "age × race") -> tuple[Judged, ...]:
    made = []
    for i, (one, other) in enumerate((a, b) for a in first for b in second):
        at = ((i * 7) % 11 - 5) * 0.03
        made.append(sample.gap(
            f"{one} × {other}", attribute=attribute, estimate=at, low=at - 0.04, high=at + 0.04,
            counts={"group_decided": 51 + 997 * i}, **CROSSED,
        ))  # fmt: skip
    made = [m for i, m in enumerate(made) if i % 6 != 4]
    found = [
        sample.finding(m, sample.rule(measure="subgroup_gap"), VERDICTS[i % 5])
        for i, m in enumerate(made) if i % 2 or (m.estimate or 0) > 0.1
    ]  # fmt: skip
    largest = sample.gap(None, attribute=attribute, **(CROSSED | {"measure": "largest_subgroup_gap"}))
    return pair_up([*made, largest], found, {})


def _curve(group: str, gap: float, places: tuple[float, ...]) -> tuple[Judged, ...]:
    """Rates along a score, the better the higher."""
    points = []
    for name, more in ((group, gap), ("white", 0.0)):
        for i, x in enumerate(places):
            at = min((i + 0.5) / len(places) + more, 1.0)
            points.append(Point(name, x, at, max(at - 0.06, 0.0), min(at + 0.06, 1.0), 40 + i))
    made = sample.gap(group, measure="calibration_gap", question="fair_lending.calibration", points=tuple(points))
    at_large = sample.gap(group, measure="calibration_in_the_large", question=made.question, reference=None)
    asked = {"audits": {"primary": [{"name": made.question, "parameters": {"score_is": "favourable"}}]}}
    members = [made, at_large] if places[-1] <= 1 else [made]
    return pair_up(members, [sample.finding(made, sample.rule(measure=made.measure))], asked)


def _odd_ways() -> tuple[Judged, ...]:
    """Stages with the oddest names, for groups with odd names, under a rule that all stages break in turn."""
    made = access.stages("village", ODD[:5])
    made = [replace(m, group=ODD[i % 2], reference=sample.CHINESE) for i in (0, 1) for m in made]
    made += [replace(m, measure="adjusted_stage_ratio", counts={}) for m in made]
    under = sample.rule(measure="stage_ratio", comparison="at_least", limit=0.8)
    found = [sample.finding(m, under, VERDICTS[i % 5]) for i, m in enumerate(made) if m.measure == "stage_ratio"]
    return pair_up(made, found, {})
