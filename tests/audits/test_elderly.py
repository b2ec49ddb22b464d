"""The elderly on the way to credit: planted truths measured back, and what bad input makes of each figure."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.comparisons.elderly_points import points_lost
from audits.comparisons.elderly_services import drivers_missing, without_counter
from audits.comparisons.time_not_up import not_up
from audits.digital_divide.elderly import Elderly
from audits.evidence.cells import Cells
from audits.evidence.funnel import TIME_EDGES, FailureCell, Funnel, FunnelCell, TimeCell, age_attribute, age_labels
from audits.evidence.histograms import Histogram
from audits.plan import make_plan
from audits.simulation.mobile_bank import MobileBank
from checks.inputs.contract import DataContract, Decision, Failing, GroupAttribute, Stage
from checks.inputs.contract import Funnel as Way
from checks.inputs.program import read_program
from checks.problem import InputError
from dags import mobile_bank
from tests.programs import run_program, write_program

NAMES = ("reach", "start", "identity", "submit")
WAY = Way(
    tuple(Stage(name, name) for name in NAMES), "start", "identity", "submit",
    failed=(Failing("face", "f"), Failing("otp", "o")), fallback=Failing("fallback", "b"),
)  # fmt: skip
CONTRACT = DataContract(age="years", funnel=WAY)
FUNNEL_MEASURES = [name for name, equality in Elderly.measures.items() if equality == 1.0]


class Held:
    """Evidence made by hand."""

    def __init__(self, funnel: Funnel):
        self._funnel = funnel

    def funnel(self, need) -> Funnel:
        """The funnel, whatever is asked."""
        return self._funnel


def funnel(older, younger, unknown=(0, 0), *, strata=("a",), failures=(), times=(), **counts) -> Funnel:
    """Persons as (started, finished) by label, alike at both cuts, spread evenly over strata."""
    cells, failed, timed = {}, {}, {}
    for cut in (60.0, 62.0):
        labels = (*age_labels(cut), None)
        cells[age_attribute(cut)] = tuple(
            FunnelCell(label, (stratum,), furthest, persons // len(strata))
            for label, (started, finished) in zip(labels, (older, younger, unknown), strict=True)
            for furthest, persons in ((0, started), (1, started - finished), (3, finished))
            for stratum in strata
        )
        failed[age_attribute(cut)] = tuple(FailureCell(labels[who], *rest) for who, *rest in failures)
        timed[age_attribute(cut)] = tuple(TimeCell(labels[who], *rest) for who, *rest in times)
    whole = {"rows": 9_000, "persons": 9_000, "odd_ages": 0, "skipped": 0, "without_person": 0, **counts}
    return Funnel(NAMES, whole, cells, {}, timed, failed)


def measured(of: Funnel, contract: DataContract = CONTRACT, **parameters):
    figures, missing = Elderly(**parameters).measure(Held(of), contract)
    return {(one.measure, one.segment): one for one in figures}, {one.question.split(": ")[-1]: one for one in missing}


def test_shares_and_their_denominators():
    found, missing = measured(funnel((400, 240), (4_000, 3_200)))
    one = found["elderly_completion_ratio", "all"]
    assert one.estimate == pytest.approx(0.75)
    assert one.low < 0.75 < one.high < 1
    assert (one.group, one.reference, one.equality) == ("60+", "under 60", 1.0)
    assert one.counts == {
        "group_finished": 240, "group_started": 400, "reference_finished": 3_200, "reference_started": 4_000,
        "odd_ages": 0, "unknown_age": 0,
    }  # fmt: skip
    assert one.n == 4_400
    assert 0 < one.mde < 0.1
    assert not one.cautions
    assert not one.unseen
    assert found["elderly_62_completion_ratio", "all"].group == "62+"
    assert "adjusted_elderly_completion_ratio" in missing
    assert "elderly_points_lost" in missing
    assert "no_traditional_channel_cases" in missing


def test_ages_that_nobody_knows_keep_it_from_clear_and_from_breach():
    one = measured(funnel((400, 390), (4_000, 3_900), (300, 290), odd_ages=120))[0]["elderly_completion_ratio", "all"]
    assert one.counts["unknown_age"] == 300
    assert one.counts["odd_ages"] == 120
    assert "for 6.4 % of the persons" in one.unseen[0]
    assert one.unseen == one.cautions
    few = measured(funnel((400, 390), (4_000, 3_900), (60, 0)))[0]["elderly_completion_ratio", "all"]
    assert not few.unseen


FAULTS = ("skipped", "out_of_order", "mixed", "without_person", "unread_stages")
LIGHT = ("too_early", "duplicates", "skewed", "ahead", "odd_ages", "undecided")


@pytest.mark.parametrize("name", FAULTS)
def test_rows_that_are_not_what_they_should_be_keep_every_figure_from_clear(name):
    whole = funnel((400, 390), (4_000, 3_900), failures=FAILED)
    few = measured(replace(whole, counts={**whole.counts, name: 90}))
    many = measured(replace(whole, counts={**whole.counts, name: 91}))
    for measure in ("elderly_completion_ratio", "verification_failure_ratio", "fallback_success_ratio"):
        assert not few[0][measure, "all"].unseen
        assert "91" in many[0][measure, "all"].unseen[0]
    assert "90" in few[1][name].reason


@pytest.mark.parametrize("name", LIGHT)
def test_what_the_data_lost_is_told_where_this_question_alone_is_asked(name):
    told = measured(funnel((400, 390), (4_000, 3_900), **{name: 7}))[1]
    assert told[name].reason.startswith("7 ")
    assert told[name].needed
    assert name not in measured(funnel((400, 390), (4_000, 3_900)))[1]


def test_events_that_are_no_stage_are_told():
    told = measured(replace(funnel((400, 390), (4_000, 3_900)), unknown_events=(("scroll", 31),)))[1]
    assert "'scroll'" in told["unknown_events"].reason


def test_flags_of_failures_that_nobody_can_read_keep_figures_of_the_check_from_clear():
    came = sum(n for _, method, _, _, n in FAILED if method in ("", "any"))
    many = measured(funnel((400, 390), (4_000, 3_900), failures=FAILED, unread_failures=came // 100 + 1))
    for one in [("verification_failure_ratio", "all"), ("verification_failure_ratio", "face"),
                ("fallback_success_ratio", "all")]:  # fmt: skip
        assert "neither yes nor no" in many[0][one].unseen[0]
        assert many[0][one].unseen == many[0][one].cautions
    assert not many[0]["elderly_completion_ratio", "all"].unseen
    assert "neither yes nor no" in many[1]["unread_failures"].reason
    few = measured(funnel((400, 390), (4_000, 3_900), failures=FAILED, unread_failures=came // 100))[0]
    assert not few["verification_failure_ratio", "all"].unseen
    assert not few["fallback_success_ratio", "all"].unseen


@pytest.mark.parametrize(("column", "unseen"), [("submit", 1), ("identity", 1), ("later", 0)])
def test_persons_without_a_decision_keep_the_share_who_finish_from_clear(column, unseen):
    stages = (*WAY.stages, Stage("later", "later"))
    contract = replace(CONTRACT, decision=Decision(column, ("1",)), funnel=replace(WAY, stages=stages))
    of = replace(funnel((400, 390), (4_000, 3_900), failures=FAILED, undecided=91), stages=(*NAMES, "later"))
    found = measured(of, contract)[0]
    assert len(found["elderly_completion_ratio", "all"].unseen) == unseen
    assert not found["verification_failure_ratio", "all"].unseen
    few = measured(replace(of, counts={**of.counts, "undecided": 90}), contract)[0]
    assert not few["elderly_completion_ratio", "all"].unseen


def slow(rng, who, n, minutes, until):
    """Time cells of persons of whom 85 % finish in exponential times, and who start at any time before the end."""
    times = np.where(rng.random(n) < 0.85, rng.exponential(minutes, n), np.inf)
    return cells_of(who, times, rng.uniform(0, until, n))


def test_persons_whose_time_was_not_up_make_no_concern():
    rng, day = np.random.default_rng(8), 1_440.0
    cells = [*slow(rng, 0, 2_500, 12 * day, 31 * day), *slow(rng, 1, 3_500, 10.0, 31 * day)]
    seen = [sum(n for who, _, done, n, _ in cells if done and who == label) for label in (0, 1)]
    of = funnel((2_500, seen[0]), (3_500, seen[1]), times=cells)
    found = measured(of)[0]
    for measure in ("elderly_completion_ratio", "elderly_62_completion_ratio"):
        one = found[measure, "all"]
        assert one.estimate < 0.7
        assert "'within'" in one.undecided
        assert one.undecided in one.cautions
        assert one.undecided in one.unseen
        assert one.details["group_finished_share"] == pytest.approx(0.85 * (1 - np.exp(-31 / 12)), abs=0.04)
        assert one.details["reference_finished_share"] == pytest.approx(0.85, abs=0.02)
        assert f"{100 * one.details['group_finished_share']:.1f} %" in one.undecided
        assert "under 6" in one.undecided
    assert found["completion_time_ratio", "all"].undecided is None
    adjusted = measured(of, replace(CONTRACT, strata=("net",)))[0]["adjusted_elderly_completion_ratio", "all"]
    assert adjusted.undecided
    given = replace(CONTRACT, funnel=replace(WAY, within="7 days"))
    assert measured(of, given)[0]["elderly_completion_ratio", "all"].undecided is None


@pytest.mark.parametrize(("days", "decides"), [(0.01, True), (3.0, True), (12.0, False)])
def test_a_real_loss_decides_where_all_but_few_had_their_time(days, decides):
    rng, day = np.random.default_rng(9), 1_440.0
    # of two years: those who start within the last days are 3 or 12 in 700, of whom 85 % would finish
    cells = [*slow(rng, 0, 9_000, days * day, 700 * day), *slow(rng, 1, 9_000, days * day, 700 * day)]
    cells = [(who, band, done and who == 1, n, spent) for who, band, done, n, spent in cells]  # no older one finishes
    one = measured(funnel((9_000, 3_000), (9_000, 7_000), times=cells))[0]["elderly_completion_ratio", "all"]
    assert one.high < 0.5
    assert (one.undecided is None) is decides


def test_times_of_one_side_alone_tell_nothing():
    cells = [(0, 3, True, 50, 200.0), (0, 3, False, 900, 0.0), (0, 30, True, 50, 50_000.0)]
    both = [*cells, *((1, *rest) for _, *rest in cells)]
    labels = ("60+", "under 60")
    assert not_up(funnel((1_000, 100), (1_000, 100), times=both), "age from 60", labels)
    assert not_up(funnel((1_000, 100), (1_000, 100), times=cells), "age from 60", labels) is None


def test_empty_groups_have_reasons():
    nobody = measured(funnel((0, 0), (4_000, 3_900)))[0]["elderly_completion_ratio", "all"]
    assert nobody.estimate is None
    assert "'60+'" in nobody.reason
    none = measured(funnel((40, 20), (50, 0)))[0]["elderly_completion_ratio", "all"]
    assert "'under 60' is 0" in none.reason
    three = measured(funnel((3, 2), (4_000, 3_000)))[0]["elderly_completion_ratio", "all"]
    assert three.low < 0.5
    assert three.high > 1.2
    assert three.mde is None or three.mde > 0.5


def test_within_strata():
    contract = replace(CONTRACT, strata=("net",))
    found, _ = measured(funnel((400, 240), (4_000, 3_200), strata=("a", "b")), contract)
    adjusted = found["adjusted_elderly_completion_ratio", "all"]
    assert adjusted.estimate == pytest.approx(0.75)
    assert adjusted.counts["strata"] == 2
    assert not adjusted.unseen
    assert "strata" in found["elderly_completion_ratio", "all"].unseen[0]
    lopsided = funnel((400, 240), (4_000, 3_200))
    cells = tuple(replace(cell, stratum=(cell.label,)) for cell in lopsided.cells["age from 60"])
    alone = measured(replace(lopsided, cells={**lopsided.cells, "age from 60": cells}), contract)[0]
    assert alone["adjusted_elderly_completion_ratio", "all"].estimate is None
    refused = measured(replace(lopsided, refused=("net",)), contract)[0]["adjusted_elderly_completion_ratio", "all"]
    assert "'net' has too many labels" in refused.reason


FAILED = (
    (0, "", False, True, 300), (0, "any", True, True, 40), (0, "any", True, False, 40), (0, "any", False, False, 20),
    (0, "face", True, True, 30), (0, "face", True, False, 40), (0, "otp", True, True, 12), (0, "otp", False, False, 20),
    (1, "", False, True, 1_800), (1, "any", True, True, 150), (1, "any", False, True, 10),
    (1, "any", False, False, 40), (1, "face", True, True, 100), (1, "otp", False, False, 100),
)  # fmt: skip


def test_failures_by_method_and_second_chances():
    found, missing = measured(funnel((400, 240), (4_000, 3_200), failures=FAILED))
    assert found["verification_failure_ratio", "all"].estimate == pytest.approx((100 / 400) / (200 / 2_000))
    assert found["verification_failure_ratio", "face"].estimate == pytest.approx((70 / 400) / (100 / 2_000))
    assert found["verification_failure_ratio", "otp"].counts["group_failed"] == 32
    second = found["fallback_success_ratio", "all"]
    assert second.estimate == pytest.approx((40 / 100) / (160 / 200))
    assert second.details["group_other_way_share"] == pytest.approx(0.8)
    assert second.details["group_other_way_success"] == pytest.approx(0.5)
    assert second.details["reference_other_way_success"] == 1.0
    assert second.counts["reference_other_way"] == 150
    assert "verification_failure_ratio" not in missing
    plain = tuple((who, method, None, passed, n) for who, method, _, passed, n in FAILED)
    untold = measured(funnel((400, 240), (4_000, 3_200), failures=plain))[0]["fallback_success_ratio", "all"]
    assert untold.estimate == pytest.approx(0.5)
    assert "group_other_way_share" not in untold.details


def test_nobody_failed():
    passed = ((0, "", False, True, 300), (1, "", False, True, 1_800))
    found, _ = measured(funnel((400, 240), (4_000, 3_200), failures=passed))
    assert found["verification_failure_ratio", "all"].estimate is None
    assert "is 0" in found["verification_failure_ratio", "all"].reason
    assert "nobody whose age is known failed" in found["fallback_success_ratio", "all"].reason


def taken(rng, who, n, median, seen):
    """Time cells of persons of whom two thirds finish, seen over a span or up to the end of the data."""
    times = np.where(rng.random(n) < 0.67, rng.lognormal(np.log(median), 0.8, n), np.inf)
    return cells_of(who, times, rng.uniform(0, 2_880, n) if seen is None else np.full(n, seen))


def cells_of(who, times, until):
    """Time cells of persons with times, infinite for who never finishes, who are seen for so many minutes."""
    done = times <= until
    band = np.where(
        done, np.searchsorted(TIME_EDGES, np.where(done, times, 1.0)),
        np.searchsorted(TIME_EDGES, until, side="right"),
    )  # fmt: skip
    table = pd.DataFrame({"band": band, "done": done, "minutes": np.where(done, times, 0.0)})
    counted = table.groupby(["band", "done"]).agg(n=("minutes", "size"), minutes=("minutes", "sum")).reset_index()
    return [(who, int(r.band), bool(r.done), int(r.n), float(r.minutes)) for r in counted.itertuples()]


@pytest.mark.parametrize("seen", [43_200.0, None])
def test_time_taken_is_measured_back_also_where_the_data_end(seen):
    rng = np.random.default_rng(8)
    cells = [*taken(rng, 0, 3_000, 60.0, seen), *taken(rng, 1, 20_000, 30.0, seen)]
    found, missing = measured(funnel((3_000, 2_000), (20_000, 13_000), times=cells))
    one = found["completion_time_ratio", "all"]
    assert one.low < 2.0 < one.high
    assert one.high / one.low < 1.25
    assert 0 < one.mde < 0.3
    assert one.details["horizon_minutes"] > 700
    assert one.details["group_finished_share"] == pytest.approx(0.67, abs=0.03)
    assert one.counts["group_started"] == 3_000
    assert one.counts["without_times"] == 0
    assert not one.cautions
    assert "completion_time_ratio" not in missing
    mine = [point for point in one.points if point.group == "60+"]
    assert [point.rate for point in mine] == sorted(point.rate for point in mine)
    assert all(0 <= point.low <= point.rate <= point.high <= 1 for point in one.points)


def test_times_that_are_few_lost_or_not_there():
    rng = np.random.default_rng(9)
    few = [*taken(rng, 0, 50, 60.0, 43_200.0), *taken(rng, 1, 5_000, 30.0, 43_200.0)]
    one = measured(funnel((50, 30), (5_000, 3_000), times=few))[0]["completion_time_ratio", "all"]
    assert one.estimate is None
    assert "worth of 50 persons" in one.reason
    assert one.details["group_mean_minutes"] > 0
    many = [*taken(rng, 0, 1_000, 60.0, 43_200.0), *taken(rng, 1, 5_000, 30.0, 43_200.0)]
    lost = measured(funnel((1_200, 700), (6_000, 3_000), times=many))[0]["completion_time_ratio", "all"]
    assert lost.counts["without_times"] == 1_200
    assert "16.7 % of the persons who started" in lost.unseen[0]
    days = [(0, 0, True, 500, 0.0), (1, 0, True, 500, 0.0)]
    by_day = measured(funnel((500, 500), (500, 500), times=days))[0]["completion_time_ratio", "all"]
    assert "no time at all" in by_day.reason
    one_sided = measured(funnel((500, 500), (500, 500), times=days[:1]))[0]["completion_time_ratio", "all"]
    assert "'under 60'" in one_sided.reason
    cut_short = [(who, 0, False, 400, 0.0) for who in (0, 1)]
    ended = measured(funnel((400, 0), (400, 0), times=cut_short))[0]["completion_time_ratio", "all"]
    assert "the data end before" in ended.reason
    none, missing = measured(funnel((500, 400), (500, 400)))
    assert ("completion_time_ratio", "all") not in none
    assert "have no times" in missing["completion_time_ratio"].reason
    nobody = measured(funnel((0, 0), (0, 0)))[1]["completion_time_ratio"]
    assert "nobody passed 'start'" in nobody.reason
    assert "'funnel'" in nobody.needed


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"funnel": None}, FUNNEL_MEASURES),
        ({"age": None}, [*FUNNEL_MEASURES, "elderly_points_lost"]),
        ({"funnel": replace(WAY, identity=None)}, ["verification_failure_ratio", "fallback_success_ratio"]),
        ({"funnel": replace(WAY, failed=())}, ["verification_failure_ratio", "fallback_success_ratio"]),
        ({"funnel": replace(WAY, finished=None)}, [name for name in FUNNEL_MEASURES if "compl" in name]),
        ({"funnel": replace(WAY, started="submit")}, [name for name in FUNNEL_MEASURES if "compl" in name]),
        ({"weight": "w"}, ["weight"]),
    ],
)
def test_what_a_contract_lacks_is_said(changes, lost):
    found, missing = measured(funnel((400, 240), (4_000, 3_200), failures=FAILED), replace(CONTRACT, **changes))
    assert set(lost) <= set(missing)
    assert not {measure for measure, _ in found} & set(lost)
    assert ("missing_vulnerability_drivers", "all") in found


def test_drivers_that_nobody_looks_at():
    assert drivers_missing("q", "m", CONTRACT).estimate == 4
    groups = (GroupAttribute("a", "a", "x", driver="health"), GroupAttribute("b", "b", "x", driver="health"))
    one = drivers_missing("q", "m", replace(CONTRACT, groups=(*groups, GroupAttribute("c", "c", "x"))))
    assert (one.estimate, one.n) == (3, 4)
    assert one.counts == {"health": 2, "life_events": 0, "resilience": 0, "capability": 0, "declared": 1}


def services(*rows, columns=("side", "channel", "product")):
    cells = tuple((labels, decision, n) for labels, decision, n in rows)
    return Cells((), cells, columns)


def counters(*rows, decided=True, **more):
    return without_counter("q", "no_traditional_channel_cases", services(*rows, **more), decided)


def test_services_without_a_counter():
    one = counters(
        (("assisted", "branch", "loan"), 1, 3), (("digital", "app", "loan"), 1, 900),
        (("digital", "app", "line"), 0, 60), ((None, None, "line"), None, 500),
        (("digital", "app", "card"), 1, 59),
    )  # fmt: skip
    assert (one.estimate, one.n) == (1, 3)
    assert one.counts == {
        "cases": 1, "open": 1, "services": 3, "rows": 1_022, "assisted": 3, "unknown_channel": 0, "without_service": 0,
        "without_application": 500,
    }  # fmt: skip
    assert "1 of 3 services" in one.unseen[0]
    assert "nobody used" in one.cautions[0]


def test_unknown_channels_are_no_proof_of_a_missing_counter():
    rows = ((("digital", "app", "loan"), 1, 900), ((None, "partner", "loan"), 1, 100))
    one = counters(*rows)
    assert (one.estimate, one.counts["open"], one.counts["unknown_channel"]) == (0, 1, 100)
    assert one.unseen
    missing = counters((("digital", "app", "loan"), None, 900), ((None, None, "loan"), None, 100), decided=False)
    assert (missing.estimate, missing.counts["open"]) == (0, 1)
    helped = counters(*rows, (("assisted", "branch", "loan"), 1, 1))
    assert helped.estimate == 0
    assert not helped.unseen


def test_services_that_nobody_names():
    one = counters((("assisted", "branch", "loan"), 1, 90), (("digital", "app", "nan"), 1, 10))
    assert one.counts["without_service"] == 10
    assert "10.0 % of the rows name no service" in one.unseen[0]
    whole = counters((("digital", "app"), 1, 90), columns=("side", "channel"))
    assert (whole.estimate, whole.n) == (1, 1)
    assert "terms.product" in whole.unseen[0]
    assert counters((("digital", "app", None), 1, 90)).reason == "no row names a service"
    assert "either side" in counters(((None, "x", "loan"), 1, 90)).reason


def scores(rows: pd.DataFrame, exact: bool = True) -> Histogram:
    """The histogram of points by band of age, worked out from rows."""
    from audits.comparisons.elderly_points import points_need
    from audits.evidence.needs import edge_of

    need = points_need(replace(CONTRACT, age_points="points"))
    known = rows["years"].where((rows["years"] >= 14) & (rows["years"] <= 115))
    labels = []
    for name in need.columns:
        column, edge = edge_of(name)
        held = rows["years"] if column == "years" else known
        labels.append([None if np.isnan(v) else "1" if v > edge else "0" for v in held])
    values = sorted(set(rows["points"].dropna()))
    if not exact:
        values = list(np.linspace(min(values), max(values), 1_025))
    places = [
        None if np.isnan(v) else values.index(v) if exact else min(int(np.searchsorted(values, v, "right")) - 1, 1_023)
        for v in rows["points"]
    ]
    table = pd.Series(list(zip(zip(*labels, strict=True), places, strict=True))).value_counts(sort=False)
    counts = tuple((one, None, place, int(n)) for (one, place), n in table.items())
    return Histogram("points", (), need.columns, exact, tuple(values), counts, rows["points"].nunique(), 1, 0, 0)


def lost(rows, favour=True, exact=True):
    return points_lost("q", "elderly_points_lost", scores(rows, exact), favour, 0.95)


def scorecard(points):
    ages = np.repeat(np.arange(18, 90), 20).astype(float)
    return pd.DataFrame({"years": ages, "points": [float(points(age)) for age in ages]})


def test_points_of_a_scorecard_are_exact():
    one = lost(scorecard(lambda age: 30 if 40 <= age < 62 else 10 if age < 62 else 25 if age < 75 else 18))
    assert (one.estimate, one.low, one.high) == (12, 12, 12)
    assert not one.cautions
    assert not one.unseen
    assert one.undecided is None
    assert (one.details["best_from_age"], one.details["lowest_from_age"]) == (40, 75)
    assert (one.counts["best_rows"], one.counts["lowest_rows"]) == (22 * 20, 15 * 20)
    assert {point.group for point in one.points} == {"62+", "under 62"}
    more = lost(scorecard(lambda age: 10 if age < 62 else 25))
    assert more.estimate == -15
    turned = lost(scorecard(lambda age: 10 if age < 62 else 25), favour=False)
    assert turned.estimate == 15


def test_the_edge_is_62_to_the_day():
    rows = pd.DataFrame({"years": np.repeat([61.0, 61.99, 62.0, 62.5], 50), "points": np.repeat([5.0, 5, 3, 3], 50)})
    one = lost(rows)
    assert one.estimate == 2
    assert (one.counts["elderly"], one.counts["others"]) == (100, 100)


def test_odd_ages_and_missing_points_are_counted_and_left_out():
    rows = scorecard(lambda age: 10.0)
    odd = pd.DataFrame({"years": [0.0, 150.0, 13.0, np.nan], "points": [500.0, -500, 90, 90]})
    one = lost(pd.concat([rows, odd]))
    assert one.estimate == 0
    assert (one.counts["odd_ages"], one.counts["unknown_age"]) == (3, 4)
    assert not one.unseen
    many = lost(pd.concat([rows, *[odd] * 40]))
    assert "10.0 % of the rows" in many.unseen[0]
    gaps = rows.assign(points=rows["points"].where(rows["years"] < 85))
    assert "have no points" in lost(gaps).unseen[0]
    rare = lost(pd.concat([rows, pd.DataFrame({"years": [30.0], "points": [99.0]})]))
    assert rare.estimate == 89
    assert "only 1 rows" in rare.cautions[0]


@pytest.mark.parametrize("exact", [True, False])
def test_points_of_a_model_are_compared_by_bands(exact):
    rng = np.random.default_rng(2)
    ages = rng.integers(18, 90, 6_000).astype(float)
    points = np.where(ages >= 62, -0.5, np.where((ages >= 40) & (ages < 45), 0.3, 0.0)) + rng.normal(0, 0.4, len(ages))
    one = lost(pd.DataFrame({"years": ages, "points": points}), exact=exact)
    assert one.estimate == pytest.approx(0.8, abs=0.12)
    assert one.details["low"] < 0.8 < one.details["high"]
    assert one.details["best_from_age"] == 40
    assert "vary within bands" in one.cautions[0]
    assert one.undecided is None
    level = lost(pd.DataFrame({"years": ages, "points": rng.normal(0, 0.4, len(ages))}), exact=exact)
    assert level.estimate > 0
    assert "chance" in level.undecided
    few = lost(pd.DataFrame({"years": ages[:60], "points": points[:60]}))
    assert few.estimate is None
    assert "30 rows" in few.reason


def test_points_of_one_side_only():
    young = scorecard(lambda age: 10.0)
    one = lost(young[young["years"] < 62])
    assert one.estimate is None
    assert "of 62 or older" in one.reason


# -- through the whole line ------------------------------------------------------------------------------------------


def bank(folder, monkeypatch, world, seed, persons=16_000):
    """The run of this question on a draw of the simulated bank, and what is true of it."""
    monkeypatch.setattr(mobile_bank, "SEED", seed)
    monkeypatch.setattr(mobile_bank, "PERSONS", persons)
    (folder / "programs").mkdir()
    mobile_bank.write_bank(folder / "programs", folder / "data", world)
    true = json.loads((folder / "data/truth.json").read_text())["truth"]
    file = folder / "programs" / f"{mobile_bank.PROGRAM}.yaml"
    text = file.read_text(encoding="utf-8")
    start = text.index("audits:")
    file.write_text(text[:start] + "audits: {primary: [digital_divide.elderly]}\npolicies: [conventions, cn, us]\n")
    run, judgement = run_program(file, folder / "runs")
    assert not run.errors
    return {(m.measure, m.segment): m for m in run.measurements}, judgement, true


@pytest.mark.parametrize("fair", [False, True])
def test_a_bank_on_a_phone_is_measured_back(tmp_path, monkeypatch, fair):
    world = MobileBank()
    found, judgement, true = bank(tmp_path, monkeypatch, world.fair() if fair else world, 5)
    wrong = []
    for (measure, segment), one in found.items():
        if one.equality is None or measure == "adjusted_elderly_completion_ratio":
            continue
        truth = true.get(f"{measure}[{segment}]", true.get(measure))
        error = np.log(one.high / one.low) / 3.92
        if abs(np.log(one.estimate / truth)) > 4 * error:
            wrong.append((measure, segment, one.estimate, truth))
    assert not wrong
    assert len(found) == 11
    adjusted = found["adjusted_elderly_completion_ratio", "all"]
    assert adjusted.estimate == pytest.approx(true["adjusted_elderly_completion_ratio"], abs=0.06)
    for measure in Elderly.counted:
        assert found[measure, "all"].estimate == true[measure]
    assert found["elderly_points_lost", "all"].estimate == (0 if fair else 10)
    assert found["missing_vulnerability_drivers", "all"].estimate == 2
    verdicts = {(f.measurement.measure, f.verdict) for f in judgement.findings}
    harms = {measure for measure, verdict in verdicts if verdict in ("breach", "concern")}
    assert ("completion_time_ratio" in harms) is not fair
    assert ("elderly_points_lost" in harms) is not fair
    assert ("no_traditional_channel_cases" in harms) is not fair
    assert ("elderly_completion_ratio" in harms) is not fair


ODD_AGES = {
    "unit": "case", "decision": {"column": "granted", "favourable": 1}, "age": "years", "age_points": "pts",
    "groups": {"region": {"column": "region", "reference": "north", "driver": "resilience"}},
    "funnel": {"stages": {"start": "began", "submit": "sent"}}, "terms": {"channel": "way"},
    "channels": {"digital": ["app"], "assisted": ["branch"]},
}  # fmt: skip
ODD_PROGRAM = {"audits": {"primary": ["digital_divide.elderly"]}, "policies": ["conventions", "us", "uk"]}


def odd_ages(rows=2_000):
    """Applications of whom ten have the age 0 and ten 150, with points by age."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame({
        "case": range(rows), "granted": 1, "region": ["north", "south"] * (rows // 2),
        "years": rng.integers(18, 90, rows), "began": 1, "sent": (rng.random(rows) < 0.7).astype(int), "way": "app",
    })  # fmt: skip
    data["pts"] = np.where(data["years"] >= 62, 7.5, 5.0)
    data.loc[:9, "years"], data.loc[10:19, "years"] = 0, 150
    return data


def test_a_program_with_odd_ages_and_nothing_else(tmp_path):
    data = odd_ages()
    file = write_program(tmp_path, data, contract=ODD_AGES, **ODD_PROGRAM)
    run, _ = run_program(file, tmp_path / "out")
    assert run.checks.fit, [one for one in run.checks.results if not one.success]
    assert not run.errors
    found = {m.measure: m for m in run.measurements}
    older = data["years"].between(60, 115)
    one = found["elderly_completion_ratio"]
    assert one.counts["odd_ages"] == one.counts["unknown_age"] == 20
    assert one.counts["group_started"] == older.sum()
    assert one.counts["group_finished"] == data.loc[older, "sent"].sum()
    assert found["elderly_points_lost"].estimate == -2.5
    assert found["elderly_points_lost"].counts["odd_ages"] == 20
    assert found["elderly_points_lost"].counts["elderly"] == data["years"].between(62, 115).sum()
    assert found["no_traditional_channel_cases"].estimate == 1
    assert found["missing_vulnerability_drivers"].estimate == 3
    told = {one.question for one in run.not_answered}
    assert "digital_divide.elderly: completion_time_ratio" in told
    assert "digital_divide.elderly: verification_failure_ratio" in told


def test_a_server_gives_the_same(tmp_path, postgres_url):
    data = odd_ages()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS elderly")
        connection.execute(
            'CREATE TABLE elderly ("case" bigint, granted int, region text, years int, began int, sent int, way text, '
            "pts numeric)"
        )
        with connection.cursor().copy("COPY elderly FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row(tuple(row))
    here, _ = run_program(write_program(tmp_path / "a", data, contract=ODD_AGES, **ODD_PROGRAM), tmp_path / "out-a")
    source = {"connection": postgres_url, "table": "elderly"}
    file = write_program(tmp_path / "b", data, contract=ODD_AGES, source=source, **ODD_PROGRAM)
    there, _ = run_program(file, tmp_path / "out-b")
    assert len(here.measurements) == 5
    assert there.measurements == here.measurements
    assert there.not_answered == here.not_answered


def test_a_program_with_groups_alone(tmp_path):
    data = pd.DataFrame({"case": range(50), "region": ["north", "south"] * 25, "granted": [0, 1] * 25, "burden": 0.3})
    contract = {"unit": "case", "groups": {"region": {"column": "region", "reference": "north"}}}
    audits = {"primary": ["digital_divide.elderly"]}
    file = write_program(tmp_path, data, contract=contract, audits=audits, policies=["uk"])
    run, judgement = run_program(file, tmp_path / "out")
    assert not run.errors
    assert [(m.measure, m.estimate) for m in run.measurements] == [("missing_vulnerability_drivers", 4)]
    assert len([one for one in run.not_answered if one.question.startswith("digital_divide.elderly")]) == 8
    assert "missing_vulnerability_drivers" in {f.measurement.measure for f in judgement.findings}


@pytest.mark.parametrize(("name", "value"), [("from_age", 20), ("from_age", "old"), ("points_favour", "maybe")])
def test_bad_parameters_are_refused(tmp_path, name, value):
    data = pd.DataFrame({"case": range(50), "region": ["north", "south"] * 25, "granted": [0, 1] * 25, "burden": 0.3})
    file = write_program(tmp_path, data, audits={"primary": [{"digital_divide.elderly": {name: value}}]})
    with pytest.raises(InputError, match=str(value)):
        make_plan(read_program(file))
