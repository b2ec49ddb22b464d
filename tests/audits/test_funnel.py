"""Where a group is lost on its way: funnels made by hand against plain arithmetic, small files end to end."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, prod
from statistics import NormalDist
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from audits.comparisons.funnel_losses import LOSS
from audits.comparisons.funnel_stages import compared
from audits.digital_divide.funnel import Funnel
from audits.evidence.cells import Cells
from audits.evidence.funnel import Funnel as Counts
from audits.evidence.funnel import FunnelCell, LossCell, TimeCell
from audits.record import AuditRun, canonical_json
from audits.simulation.poor_network import HiddenByNetwork, PoorNetwork
from audits.simulation.way_to_credit import as_log, log_contract
from audits.simulation.write import Simulation, write_simulation
from audits.statistics.detectable_effect import minimum_detectable_ratio
from audits.statistics.funnel_ratios import log_interval
from audits.statistics.proportions import score_interval_rate
from audits.statistics.ratio_interval import ratio_interval
from checks.inputs.contract import (
    DataContract,
    Decision,
    GroupAttribute,
    Population,
    Stage,
)
from checks.inputs.contract import (
    Funnel as Declared,
)
from checks.sentence import Sentence
from tests.programs import run_program, write_program
from tests.questions import measure_program

STAGES = ("reach", "start", "identity", "submit", "decision")
OLD, YOUNG = (1000, 500, 250, 200, 100), (4000, 3200, 2400, 2160, 1300)
COUNTS = {"rows": 5000, "persons": 5000}
PLACES = {"old": OLD, "young": YOUNG}


def furthest(passed):
    """Furthest stage → persons."""
    return {k: n for k, n in enumerate(-np.diff([*passed, 0])) if n}


def way(label, passed, stratum=()):
    return [FunnelCell(label, stratum, k, int(n)) for k, n in furthest(passed).items()]


def counted(cells, losses=(), counts=COUNTS, attribute="age", **changes):
    held = {attribute: {"device": tuple(losses)}} if losses else {}
    return Counts(stages=STAGES, counts=counts, cells={attribute: tuple(cells)}, losses=held, **changes)


def declared(**changes):
    stages = tuple(Stage(name, name) for name in STAGES)
    funnel = changes.pop("funnel", {})
    return DataContract(
        groups=(GroupAttribute("age", "age", "young"),), decision=Decision("decision", ("1",)),
        funnel=Declared(stages, "start", "identity", "submit", **funnel), **changes,
    )  # fmt: skip


def _key(m):
    if m.measure == "population_reach_share":
        return m.measure, m.group
    return (m.measure, m.segment) if m.segment != "all" else m.measure


def measured(counts, contract=None, cells=None, question=None):
    evidence = SimpleNamespace(
        funnel=lambda need: counts, cells=lambda need: cells, data=SimpleNamespace(references={"age": "young"})
    )
    figures, missing = (question or Funnel()).measure(evidence, contract or declared())
    by_name = {_key(m): m for m in figures}
    assert len(by_name) == len(figures)
    return by_name, {one.question.partition(": ")[2]: one for one in missing}


def everybody():
    return [*way("old", OLD), *way("young", YOUNG)]


def ends(*counts):
    found = ratio_interval(*counts)
    return float(found.low), float(found.high)


# as persons stand


def test_every_stage_and_the_way_are_plain_ratios_whose_logs_add_up():
    found, missing = measured(counted(everybody()))
    ratios = []
    for k, stage in enumerate(STAGES[1:], 1):
        figure = found["stage_ratio", stage]
        pair = OLD[k], OLD[k - 1], YOUNG[k], YOUNG[k - 1]
        assert tuple(figure.counts.values()) == pair
        assert figure.estimate == pytest.approx(pair[0] / pair[1] * pair[3] / pair[2])
        alone, joint = (ends(*pair, level) for level in (0.95, 0.95**0.25))
        assert (figure.low, figure.high) == pytest.approx(joint)
        assert (figure.level, figure.corrected) == (0.95, True)
        assert (figure.details["pointwise_low"], figure.details["pointwise_high"]) == pytest.approx(alone)
        assert joint[0] < alone[0] < alone[1] < joint[1]
        rungs = {rung[0]: rung[1:] for rung in figure.ladder}
        assert rungs[0.95] == pytest.approx(joint)
        assert rungs[0.99] == pytest.approx(ends(*pair, 0.99**0.25))
        single = compared(replace(figure, details={}), pair)
        assert figure.p_value == pytest.approx(1 - (1 - single.p_value) ** 4)
        assert figure.mde > single.mde
        wide = 1 - float(minimum_detectable_ratio(pair[2] / pair[3], pair[1], pair[3], 0.95**0.25, 0.8).below)
        assert figure.mde == pytest.approx(wide)
        assert figure.method.endswith("all 4 stages of the way at once")
        assert figure.details["log_ratio"] == pytest.approx(log(figure.estimate))
        assert 0 < figure.mde < 0.25
        ratios.append(figure.estimate)
    whole = found["cumulative_ratio"]
    assert whole.estimate == pytest.approx(prod(ratios)) == pytest.approx(0.1 / (1300 / 4000))
    assert sum(found["stage_ratio", stage].details["share_of_log_ratio"] for stage in STAGES[1:]) == pytest.approx(1)
    assert ("stage_ratio", "reach") not in found
    assert f"most is lost at '{STAGES[1 + int(np.argmin(ratios))]}'" in whole.method
    assert whole.details["costliest_ratio"] == pytest.approx(min(ratios))
    assert missing["population_reach_share"].reason.startswith("reach unknown")
    assert "'reach'" in whole.method
    assert "population" in missing["population_reach_share"].needed


def test_the_people_of_a_table_come_before_the_first_stage():
    people = Population((("age", "old", 10_000.0), ("age", "young", 8000.0), ("other", "old", 5.0)))
    found, missing = measured(counted(everybody()), declared(population=people))
    reach = found["stage_ratio", "reach"]
    assert reach.estimate == pytest.approx((1000 / 10_000) / (4000 / 8000))
    whole = found["cumulative_ratio"]
    assert whole.estimate == pytest.approx((100 / 10_000) / (1300 / 8000))
    assert whole.estimate == pytest.approx(prod(found["stage_ratio", stage].estimate for stage in STAGES))
    assert "people who could be reached" in whole.method
    assert "most is lost at 'reach'" in whole.method
    assert "population_reach_share" not in missing
    for label, reached, size in (("old", 1000, 10_000), ("young", 4000, 8000)):
        one, oracle = found["population_reach_share", label], score_interval_rate(reached, size)
        assert one.estimate == reached / size
        assert (one.low, one.high, one.equality) == (pytest.approx(oracle.low), pytest.approx(oracle.high), None)


def test_the_ratio_from_the_first_stage_stands_beside_that_of_the_people():
    people = Population((("age", "old", 10_000.0), ("age", "young", 8000.0)))
    found, _ = measured(counted(stratified()), declared(population=people, strata=("network",)))
    whole, within = found["cumulative_ratio"], found["adjusted_cumulative_ratio"]
    first = (236 / 1000) / (1443 / 4000)
    assert whole.estimate == pytest.approx((236 / 10_000) / (1443 / 8000))
    assert whole.details["ratio_from_first_stage"] == pytest.approx(first)
    assert within.details["raw_ratio"] == pytest.approx(first)
    assert f"as they stand and from the same first stage: {first:.3f}, of which what the strata do" in within.method
    unreached, _ = measured(counted(stratified()), declared(strata=("network",)))
    assert "ratio_from_first_stage" not in unreached["cumulative_ratio"].details
    alike = {"a": ((400, 300, 200, 160, 101), (400, 300, 200, 160, 100))}
    one, _ = measured(counted(stratified(alike)), declared(strata=("network",)))
    assert one["adjusted_cumulative_ratio"].method.endswith("as they stand and from the same first stage: 1.010")


def test_being_reached_has_no_figure_within_strata_and_lumps_none():
    people = Population((("age", "old", 10_000.0), ("age", "young", 8000.0)))
    found, _ = measured(counted(stratified()), declared(population=people, strata=("network",)))
    lumped = {key for key, m in found.items() if m.details.get("declared_strata_ignored")}
    assert lumped == {"cumulative_ratio", *(("stage_ratio", stage) for stage in STAGES[1:])}
    assert found["stage_ratio", "reach"].estimate is not None


def test_the_costliest_stage_is_named_only_where_the_whole_way_is_sure():
    unsure = (1000, 790, 600, 540, 315)
    found, _ = measured(counted([*way("old", unsure), *way("young", YOUNG)]))
    whole = found["cumulative_ratio"]
    assert whole.estimate < 1 < whole.high
    assert "is lost" not in whole.method
    assert "ahead" not in whole.method
    assert not [name for name in whole.details if name.startswith("costliest")]
    assert {"log_ratio", "stages"} <= set(whole.details)
    level, _ = measured(counted([*way("old", unsure), *way("young", YOUNG)]), question=Funnel(level=0.3))
    assert level["cumulative_ratio"].high < 1
    assert "most is lost at" in level["cumulative_ratio"].method


def test_persons_who_came_too_late_to_count_are_among_the_people_and_that_is_said():
    people = declared(population=Population((("age", "old", 10_000.0), ("age", "young", 8000.0))))
    cells = [*everybody(), *way(None, (90, 80, 70, 60, 45))]
    touched = {("population_reach_share", "old"), ("population_reach_share", "young"), ("stage_ratio", "reach"),
               "cumulative_ratio", "bounded_cumulative_ratio"}  # fmt: skip
    found, missing = measured(counted(cells, counts={**COUNTS, "too_early": 51}), people)
    assert {key for key, m in found.items() if any("too shortly" in one for one in m.cautions)} == touched
    for key in touched:
        assert found[key].unseen == found[key].cautions
        assert "51 persons" in found[key].unseen[-1]
        assert "of the same span, or data of a longer period, would answer" in found[key].unseen[-1]
    assert "51 persons" in missing["too_early"].reason
    rare, _ = measured(counted(cells, counts={**COUNTS, "too_early": 50}), people)
    assert not [one for m in rare.values() for one in m.cautions]
    bare, _ = measured(counted(cells, counts={**COUNTS, "too_early": 2000}))
    assert not [one for m in bare.values() for one in m.cautions]


@pytest.mark.parametrize(("column", "ages"), [("age_group", ["age from 60"]), ("years", []), (None, [])])
def test_of_the_cuts_of_age_only_the_first_is_asked_and_none_where_an_attribute_is_made_of_it(column, ages):
    own = {"age": everybody()} | {
        name: [*way(f"{name[-2:]}+", OLD), *way(f"under {name[-2:]}", YOUNG)] for name in ("age from 60", "age from 62")
    }
    counts = Counts(stages=STAGES, counts=COUNTS, cells={name: tuple(cells) for name, cells in own.items()}, losses={})
    contract = declared(age="years" if column else None)
    contract = replace(contract, groups=(GroupAttribute("age", column or "age_group", "young"),))
    evidence = SimpleNamespace(funnel=lambda need: counts, data=SimpleNamespace(references={"age": "young"}))
    asked = []
    for question in (Funnel(), Funnel(attributes=("age",))):
        figures, _ = question.measure(evidence, contract)
        asked.append([m.attribute for m in figures if m.measure == "cumulative_ratio"])
    assert asked == [["age", *ages], ["age"]]


AGE = GroupAttribute("age", "age", "young")


def reach_of(population, group=AGE, cells=()):
    evidence = SimpleNamespace(
        funnel=lambda need: counted([*everybody(), *cells]), data=SimpleNamespace(references={"age": "young"})
    )
    return Funnel().measure(evidence, replace(declared(population=population), groups=(group,)))


def test_more_reached_than_there_are_people_is_no_ratio():
    people = Population((("age", "old", 900.0), ("age", "young", 8000.0)))
    figures, _ = reach_of(people)
    told = {(m.measure, m.segment, m.group): m for m in figures}
    for key in (("stage_ratio", "reach", "old"), ("population_reach_share", "all", "old")):
        assert told[key].estimate is None
        assert "1,000 persons of 'old' were reached and the table has 900 people" in told[key].reason
    whole = told["cumulative_ratio", "all", "old"]
    assert whole.estimate == pytest.approx(0.1 / (1300 / 4000))
    assert "counted from those who passed 'reach'" in whole.method


def test_a_group_that_nobody_was_reached_of_is_not_passed_over():
    people = Population((("age", "old", 10_000.0), ("age", "young", 8000.0), ("age", "older", 500.0)))
    figures, missing = reach_of(people, GroupAttribute("age", "age", "young", values=("young", "old", "older")))
    assert not [one for one in missing if "population" in one.question]
    told = {(m.measure, m.segment, m.group): m for m in figures}
    assert told["stage_ratio", "reach", "older"].estimate == 0
    assert told["cumulative_ratio", "all", "older"].estimate == 0
    assert told["cumulative_ratio", "all", "older"].high < 0.1
    assert "most is lost at 'reach'" in told["cumulative_ratio", "all", "older"].method
    later = told["stage_ratio", "start", "older"]
    assert (later.estimate, "nobody of 'older' came" in later.reason) == (None, True)


def test_a_name_of_the_table_that_no_row_has_is_no_group():
    people = Population((("age", "Old", 10_000.0), ("age", "young", 8000.0), ("age", "zzz", 5.0)))
    figures, missing = reach_of(people)
    assert {m.group for m in figures} == {None, "old", "young"}
    assert not [m for m in figures if m.segment == "reach"]
    told = {one.reason: one for one in missing if one.question == "digital_divide.funnel: population"}
    words = "the table of people names the group '{}' of age, which the data do not have"
    assert set(told) == {words.format("Old"), words.format("zzz")}
    assert told[words.format("Old")].needed.startswith("did you mean 'old'? ")
    assert told[words.format("zzz")].needed.startswith("name the groups of the table as the data do")
    figures, _ = reach_of(people, cells=[FunnelCell("Old", (), -1, 3)])
    assert [m.estimate for m in figures if m.group == "Old" and m.measure == "population_reach_share"] == [0]
    for group in (GroupAttribute("age", "n", "young", labels={"0": "young", "1": "Old"}),
                  GroupAttribute("age", "n", "young", values=("young", "Old"))):  # fmt: skip
        figures, _ = reach_of(people, group)
        assert 0 in [m.estimate for m in figures if m.group == "Old" and m.measure == "cumulative_ratio"]


def test_reach_is_unknown_of_each_group_that_the_table_lacks():
    cells = [*everybody(), *way("older", OLD)]
    evidence = SimpleNamespace(funnel=lambda need: counted(cells), data=SimpleNamespace(references={"age": "young"}))

    def lacking(*labels):
        table = Population(tuple(("age", label, 90_000.0) for label in labels))
        _, missing = Funnel().measure(evidence, declared(population=table))
        return [one.reason for one in missing if one.question.endswith("population_reach_share")]

    words = "reach unknown: the table of people does not have the group '{}' of age"
    assert lacking("old", "young") == [words.format("older")]
    assert lacking("old", "older") == [words.format("young")]
    assert lacking("old", "older", "young") == []
    assert lacking() == ["reach unknown: nothing tells how many people of each age could have been reached"]


def test_a_reference_that_nobody_came_through_of_has_no_ratio_and_a_reason():
    found, _ = measured(counted([*way("old", OLD), *way("young", (50, 40, 0, 0, 0))]))
    assert found["stage_ratio", "identity"].estimate is None
    assert "'young' passed" in found["stage_ratio", "identity"].reason
    assert found["stage_ratio", "submit"].reason
    assert found["cumulative_ratio"].estimate is None
    alone, missing = measured(counted(way("young", YOUNG)))
    assert set(alone) == {"person_coverage"}
    assert "nobody in the data has another age" in missing["cumulative_ratio"].reason


def test_without_groups_and_age_nothing_is_compared():
    contract = DataContract(funnel=declared().funnel)
    found, missing = measured(counted(everybody()), contract)
    assert found == {}
    assert {"stage_ratio", "cumulative_ratio"} <= set(missing)


# within strata

ROWS = {
    "fast": ((300, 240, 216, 205, 123), (3200, 2560, 2304, 2189, 1313)),
    "slow": ((700, 350, 210, 189, 113), (800, 400, 240, 216, 130)),
}


def stratified(rows=ROWS):
    return [cell for name, (old, young) in rows.items()
            for cell in (*way("old", old, (name,)), *way("young", young, (name,)))]  # fmt: skip


def test_who_lives_where_the_network_is_poor_is_lost_there_and_not_within():
    found, _ = measured(counted(stratified()), declared(strata=("network",)))
    assert found["cumulative_ratio"].high < 0.8
    whole = found["adjusted_cumulative_ratio"]
    expected = 300 * 1313 / 3200 + 700 * 130 / 800
    assert whole.estimate == pytest.approx((123 + 113) / expected)
    assert whole.low < 1 < whole.high
    assert whole.details["raw_ratio"] == pytest.approx(found["cumulative_ratio"].estimate)
    assert whole.details["composition_ratio"] == pytest.approx(whole.details["raw_ratio"] / whole.estimate)
    assert whole.details["composition_high"] < 0.9
    assert whole.details["composition_share_of_log_ratio"] > 0.9
    assert "what the strata do makes" in whole.method
    stages = [found["adjusted_stage_ratio", stage] for stage in STAGES[1:]]
    assert prod(one.estimate or np.nan for one in stages) == pytest.approx(whole.estimate)
    assert not whole.corrected
    for one in stages:
        assert one.low < one.details["pointwise_low"] < one.estimate < one.details["pointwise_high"] < one.high
        assert one.corrected
        assert one.method.endswith("all 4 stages of the way at once")
        alone = log_interval(one.estimate, one.standard_error**2, 0.95)
        assert (one.details["pointwise_low"], one.details["pointwise_high"]) == pytest.approx(alone)
        reach = log(one.high / one.estimate) / one.standard_error
        assert reach == pytest.approx(log(one.estimate / one.low) / one.standard_error)
        assert 2.4 < reach <= NormalDist().inv_cdf(0.5 + 0.95**0.25 / 2) + 1e-9  # of four that hardly hang together
        assert one.mde == pytest.approx(1 - exp(-(reach + NormalDist().inv_cdf(0.8)) * one.standard_error), abs=1e-3)
        assert one.p_value >= 2 * NormalDist().cdf(-abs(log(one.estimate)) / one.standard_error)
        assert {rung[0]: rung[1:] for rung in one.ladder}[0.95] == pytest.approx((one.low, one.high))
        beyond = {rung[0]: log(rung[2] / one.estimate) / one.standard_error for rung in one.ladder}
        assert beyond[0.999999] == pytest.approx(NormalDist().inv_cdf(0.5 + 0.999999**0.25 / 2), rel=1e-4)
    assert (whole.cautions, whole.unseen) == ((), ())


def test_simpsons_reversal_is_called_by_name_on_both_figures():
    rows = {
        "fast": ((3000, 2100, 1890, 1800, 1080), (1000, 800, 720, 680, 408)),
        "slow": ((1000, 300, 150, 130, 70), (3000, 1200, 720, 640, 400)),
    }
    found, _ = measured(counted(stratified(rows)), declared(strata=("network",)))
    raw, within = found["cumulative_ratio"], found["adjusted_cumulative_ratio"]
    assert raw.low > 1
    assert within.high < 1
    for one in (raw, within):
        (told,) = one.cautions
        assert told.startswith("Simpson's reversal over network")
        assert f"{raw.estimate:.3f}" in told
        assert f"{within.estimate:.3f}" in told
        assert one.unseen == one.cautions
    stage = found["stage_ratio", "start"]
    assert stage.low > 1 > found["adjusted_stage_ratio", "start"].high
    assert "Simpson's reversal" in stage.cautions[0]
    assert "'start'" in stage.cautions[0]
    assert found["stage_ratio", "submit"].cautions == ()


def test_points_on_either_side_may_be_a_reversal_only_where_the_strata_matter():
    tilted = {
        "fast": ((300, 210, 189, 180, 108), (100, 80, 72, 68, 44)),
        "slow": ((100, 35, 20, 18, 13), (300, 110, 60, 54, 38)),
    }  # fmt: skip
    found, _ = measured(counted(stratified(tilted)), declared(strata=("network",)))
    raw, within = found["cumulative_ratio"], found["adjusted_cumulative_ratio"]
    assert raw.estimate > 1 > within.estimate
    assert within.low < 1 < within.high
    assert raw.cautions[0].startswith("this may be Simpson's reversal")
    alike = {
        "a": ((400, 300, 200, 160, 101), (400, 300, 200, 160, 100)),
        "b": ((100, 75, 50, 40, 24), (105, 79, 52, 42, 25)),
    }
    found, _ = measured(counted(stratified(alike)), declared(strata=("network",)))
    assert (found["cumulative_ratio"].estimate - 1) * (found["adjusted_cumulative_ratio"].estimate - 1) != 0
    assert found["cumulative_ratio"].cautions == ()


def test_what_the_strata_do_has_no_bounds_where_some_have_hardly_a_reference():
    bounds = {"composition_low", "composition_high"}
    tilted = {
        "fast": ((300, 210, 189, 180, 108), (100, 80, 72, 68, 44)),
        "slow": ((100, 35, 20, 18, 13), (300, 110, 60, 54, 38)),
    }  # fmt: skip
    full, _ = measured(counted(stratified(tilted)), declared(strata=("network",)))
    assert bounds <= set(full["adjusted_cumulative_ratio"].details)
    alone = [*stratified(tilted), *way("old", (1, 1, 1, 1, 1), ("none",))]
    scarce = stratified(tilted | {"thin": ((900, 800, 700, 600, 500), (2, 2, 2, 2, 2))})
    for cells in (alone, scarce):
        found, _ = measured(counted(cells), declared(strata=("network",)))
        whole = found["adjusted_cumulative_ratio"]
        assert whole.details["composition_ratio"] > 0
        assert not bounds & set(whole.details)
        assert "what the strata do makes" not in whole.method
        assert found["cumulative_ratio"].cautions == ()
    lonely, _ = measured(counted(alone), declared(strata=("network",)))
    assert lonely["cumulative_ratio"].estimate > 1 > lonely["adjusted_cumulative_ratio"].estimate


def test_scarce_strata_lonely_strata_and_refused_columns_give_reasons():
    rows = {"fast": ((90, 60, 40, 30, 14), (900, 700, 500, 400, 300))}
    found, _ = measured(counted(stratified(rows)), declared(strata=("network",)))
    scarce = found["adjusted_cumulative_ratio"]
    assert (scarce.estimate, scarce.low) == (None, None)
    assert "without one the ratio is 0.467" in scarce.reason
    assert found["adjusted_stage_ratio", "start"].estimate is not None
    lonely, _ = measured(
        counted([*stratified(), *way("old", (100, 90, 80, 70, 60), ("none",))]), declared(strata=("network",))
    )
    assert "9.1 % of old are in strata without anybody of young" in lonely["adjusted_cumulative_ratio"].unseen[0]
    assert lonely["adjusted_cumulative_ratio"].counts["group_alone"] == 100
    refused, _ = measured(counted(everybody(), refused=("network",)), declared(strata=("network",)))
    assert "'network' has too many labels" in refused["adjusted_stage_ratio", "start"].reason
    apart, _ = measured(
        counted([*way("old", OLD, ("a",)), *way("young", YOUNG, ("b",))]), declared(strata=("network",))
    )
    assert "no stratum holds persons of both" in apart["adjusted_cumulative_ratio"].reason
    placeless, _ = measured(counted(stratified({**ROWS, None: ROWS["slow"]})), declared(strata=("network",)))
    assert "the stratum of 41.2 % of old is not known" in placeless["adjusted_cumulative_ratio"].unseen[0]


def test_without_strata_that_is_said():
    _, missing = measured(counted(everybody()))
    assert missing["adjusted_cumulative_ratio"].reason == "the contract declares no strata"


# unknown groups

UNKNOWN = (4600, 3000, 2000, 1800, 900)


def test_half_without_a_group_are_counted_bounded_and_no_figure_is_clear():
    found, _ = measured(counted([*everybody(), *way(None, UNKNOWN)]))
    coverage = found["person_coverage"]
    assert coverage.estimate == coverage.low == coverage.high == pytest.approx(5000 / 9600)
    assert coverage.counts == {"known": 5000, "persons": 9600}
    assert coverage.details["known_among_finished"] == pytest.approx(1400 / 2300)
    bounded = found["bounded_cumulative_ratio"]
    assert bounded.equality is None
    assert bounded.estimate == found["cumulative_ratio"].estimate
    assert bounded.low == pytest.approx(ends(100, 1000 + 3700, 1300 + 900, 4000 + 900)[0])
    assert bounded.high == pytest.approx(ends(100 + 900, 1000 + 900, 1300, 4000 + 3700)[1])
    for name in ("cumulative_ratio", ("stage_ratio", "start")):
        assert "47.9 % of the persons" in found[name].cautions[0]
        assert found[name].unseen[0] == found[name].cautions[0]
    few, _ = measured(counted([*everybody(), *way(None, (100, 50, 20, 10, 5))]))
    assert few["cumulative_ratio"].cautions == ()
    assert few["bounded_cumulative_ratio"].low < few["cumulative_ratio"].low
    none, _ = measured(counted(everybody()))
    assert "bounded_cumulative_ratio" not in none


@pytest.mark.parametrize("people", [None, (20_000.0, 30_000.0)])
def test_bounds_hold_every_way_to_give_the_unknown_a_group(people):
    table = people and Population((("age", "old", people[0]), ("age", "young", people[1])))
    found, _ = measured(counted([*way("old", (60, 40, 30, 20, 12)), *way("young", (90, 80, 70, 60, 45)),
                                 *way(None, (8, 7, 6, 5, 3))]), declared(population=table))  # fmt: skip
    bounded = found["bounded_cumulative_ratio"]
    every = []
    for yes in range(4):
        for no in range(6):
            n1, n0 = people or (60 + yes + no, 90 + (3 - yes) + (5 - no))
            every.append(((12 + yes) / n1) / ((45 + 3 - yes) / n0))
    assert bounded.low < min(every)
    assert bounded.high > max(every)
    worst, best = min(every), max(every)
    assert bounded.ladder[0][1] < worst < best < bounded.ladder[0][2]


# faults


@pytest.mark.parametrize(("name", "grave"), [
    ("skipped", True), ("out_of_order", True), ("mixed", True), ("without_person", True), ("duplicates", False),
    ("skewed", False), ("ahead", False), ("too_early", False), ("odd_ages", False),
])  # fmt: skip
def test_faults_are_told_and_grave_ones_keep_figures_from_clear_above_one_percent(name, grave):
    rare, missing = measured(counted(everybody(), counts={**COUNTS, name: 50}))
    assert "50" in missing[name].reason
    assert rare["cumulative_ratio"].unseen == ()
    often, _ = measured(counted(everybody(), counts={**COUNTS, name: 51}))
    assert bool(often["cumulative_ratio"].unseen) is grave
    assert bool(often["stage_ratio", "start"].unseen) is grave
    assert often["person_coverage"].details[name] == 51
    assert often["cumulative_ratio"].cautions == often["cumulative_ratio"].unseen


def test_missing_decisions_touch_the_decision_and_the_whole():
    found, missing = measured(counted(everybody(), counts={**COUNTS, "undecided": 300}))
    assert "300 of 5,000" in missing["undecided"].reason
    assert "300 of 5,000" in found["cumulative_ratio"].unseen[0]
    assert found["stage_ratio", "decision"].unseen
    assert found["stage_ratio", "start"].unseen == ()


def test_events_without_a_meaning_and_those_before_the_first_stage_are_told():
    cells = [*everybody(), FunnelCell("old", (), -1, 70)]
    events = tuple((f"e{i}", 100 - i) for i in range(8))
    found, missing = measured(counted(cells, unknown_events=events), declared(weight="w"))
    assert found["cumulative_ratio"].counts["group_decided"] == 1000
    assert "70 persons" in missing["before_first"].reason
    assert "population" in missing["before_first"].needed
    people = [("age", "old", 10_000.0), ("age", "young", 8000.0)]
    _, told = measured(counted(cells), declared(population=Population(tuple(people))))
    assert "before_first" not in told
    for useless in ((people[0],), (("age", "old", 10.0), people[1]), (("other", "old", 10_000.0),)):
        _, told = measured(counted(cells), declared(population=Population(useless)))
        assert "70 persons" in told["before_first"].reason
    assert "of 3 kinds" in missing["unknown_events"].reason
    assert "weight" in missing["weight"].reason


@pytest.mark.parametrize("within", [None, "30 days"])
def test_persons_whose_time_is_not_up_make_no_concern(within):
    times = [TimeCell("old", 5, True, 200, 1000.0), TimeCell("old", 5, False, 250, 0.0),
             TimeCell("old", 30, True, 50, 9e5), TimeCell("young", 5, True, 2160, 9e3),
             TimeCell("young", 38, False, 1040, 0.0)]  # fmt: skip
    cells = [*stratified(), *way(None, (10, 9, 8, 7, 6), ("fast",))]
    contract = declared(strata=("network",))
    contract = replace(contract, funnel=replace(contract.funnel, within=within))
    found, _ = measured(counted(cells, times={"age": tuple(times)}), contract)
    held = {key for key, m in found.items() if m.undecided}
    stages = [(measure, stage) for measure in ("stage_ratio", "adjusted_stage_ratio") for stage in STAGES[2:4]]
    wholes = ["cumulative_ratio", "adjusted_cumulative_ratio", "bounded_cumulative_ratio"]
    assert held == (set() if within else {*wholes, *stages})
    for key in held:
        assert "the data end before all who started could finish" in found[key].undecided
        assert found[key].undecided in found[key].cautions
        assert found[key].details["group_finished_share"] > 0.5
    prompt = [TimeCell(label, 5, done, n, 0.0) for label in ("old", "young") for done, n in ((True, 90),)]
    prompt += [TimeCell(label, 38, False, 10, 0.0) for label in ("old", "young")]
    calm, _ = measured(counted(cells, times={"age": tuple(prompt)}), contract)
    assert not [m for m in calm.values() if m.undecided]


# where they are lost


def test_losses_by_device_at_the_costliest_stage_beside_the_reference():
    cells = [
        LossCell("old", "phone", 1, 200), LossCell("old", "phone", 3, 100), LossCell("old", None, 1, 50),
        LossCell("old", "desk", 4, 150), LossCell("old", "desk", 0, 500), LossCell("young", "phone", 1, 100),
        LossCell("young", "phone", 4, 900),
    ]  # fmt: skip
    found, _ = measured(counted(everybody(), losses=cells))
    ratios = {stage: found["stage_ratio", stage].estimate for stage in STAGES[1:]}
    worst = min(ratios, key=ratios.get)
    place = STAGES.index(worst)
    shares = {name[1]: m for name, m in found.items() if name[0] == LOSS}
    came = {"phone": (300, 1000), "desk": (150 if place > 1 else 650, 0)}
    assert {segment.values["stage"] for segment in shares} == {worst}
    phone = shares[f"{worst} · device phone"]
    assert phone.n == came["phone"][0]
    lost = sum(c.persons for c in cells if c.label == "old" and c.value == "phone" and c.furthest == place - 1)
    other = sum(c.persons for c in cells if c.label == "young" and c.value == "phone" and c.furthest == place - 1)
    assert phone.estimate == pytest.approx(lost / 300)
    assert phone.details["reference_share"] == pytest.approx(other / 1000)
    assert phone.details["excess_persons"] == pytest.approx(lost - 300 * other / 1000)
    oracle = score_interval_rate(lost, 300)
    assert (phone.low, phone.high) == (pytest.approx(oracle.low), pytest.approx(oracle.high))
    assert phone.equality is None
    segments = [segment for segment in shares if "unknown" in segment]
    assert len(segments) == 1
    assert isinstance(segments[0].values["dimension"], Sentence)
    assert isinstance(segments[0].values["value"], Sentence)
    assert not isinstance(phone.segment.values["value"], Sentence)
    assert shares[f"{worst} · device desk"].details == {}


def without_groups(**changes):
    losses = [LossCell("everyone", "phone", 1, 300), LossCell("everyone", "phone", 0, 450),
              LossCell("everyone", "desk", 1, 200), LossCell("everyone", "desk", 0, 50)]  # fmt: skip
    cells = [*way("everyone", OLD), FunnelCell("everyone", (), -1, 70)]
    counts = counted(cells, losses=losses, attribute="", **changes)
    return measured(counts, replace(declared(), groups=()))


def test_without_groups_and_age_losses_of_everyone_are_levels():
    found, missing = without_groups()
    assert {m.measure for m in found.values()} == {LOSS}
    for k, stage in enumerate(STAGES[1:], 1):
        one, lost = found[LOSS, stage], OLD[k - 1] - OLD[k]
        assert one.counts == {"group_lost": lost, "group_came": OLD[k - 1]}
        assert one.estimate == lost / OLD[k - 1]
        oracle = score_interval_rate(lost, OLD[k - 1])
        assert (one.low, one.high) == (pytest.approx(oracle.low), pytest.approx(oracle.high))
        assert (one.attribute, one.group, one.reference, one.equality) == (None, None, None, None)
    parts = {name[1]: m for name, m in found.items() if name[1] not in STAGES}
    assert {name: (m.estimate, m.n, m.details) for name, m in parts.items()} == {
        "start · device phone": (450 / 750, 750, {}), "start · device desk": (50 / 250, 250, {}),
    }  # fmt: skip
    assert all(set(m.counts) == {"group_lost", "group_came"} for m in parts.values())
    assert "70 persons" in missing["before_first"].reason
    assert missing["before_first"].needed.startswith("declare 'groups' or 'age'")
    assert {"stage_ratio", "cumulative_ratio"} <= set(missing)
    grave, _ = without_groups(counts={**COUNTS, "skipped": 500})
    assert all("500 of 5,000" in m.unseen[0] for m in grave.values())


def test_losses_of_everyone_say_where_nobody_came_and_where_nothing_tells_them_apart():
    contract = replace(declared(), groups=())
    found, missing = measured(counted([FunnelCell("everyone", (), -1, 70)], attribute=""), contract)
    assert found == {}
    assert missing[LOSS].reason == "the funnel names no device, network or help, and no time"
    _, told = Funnel().measure(SimpleNamespace(
        funnel=lambda need: counted([FunnelCell("everyone", (), -1, 70)], attribute=""),
        data=SimpleNamespace(references={}),
    ), contract)  # fmt: skip
    assert "nobody came to any stage" in [one.reason for one in told]
    found, _ = measured(counted(way("everyone", (9, 9, 0, 0, 0)), attribute=""), contract)
    assert found[LOSS, "start"].estimate == 0
    assert found[LOSS, "identity"].estimate == 1
    assert found[LOSS, "submit"].reason == "nobody passed 'identity'"


def test_hours_that_only_those_who_went_on_have_are_no_figure():
    worst = (1000, 500, 400, 390, 380)
    people = [*way("old", worst), *way("young", YOUNG)]

    def of(lost, passed):
        cells = [LossCell("old", "06-11", 1, 500 - passed), LossCell("old", None, 1, passed)]
        cells += [LossCell("old", "06-11", 0, 500 - lost), LossCell("old", None, 0, lost)]
        held = {"age": {"hour": tuple(cells)}}
        found, missing = measured(Counts(stages=STAGES, counts=COUNTS, cells={"age": tuple(people)}, losses=held))
        return [name[1] for name in found if name[0] == LOSS], missing.get(LOSS)

    shown, told = of(lost=400, passed=20)
    assert shown == []
    assert "not known of 80.0 % of those who were lost there and of 4.0 %" in told.reason
    assert "'time'" in told.needed
    for lost, passed in ((25, 0), (300, 200), (0, 100)):
        shown, told = of(lost=lost, passed=passed)
        assert "start · hour 06-11" in shown
        assert told is None or "hour" not in told.reason


def test_many_values_are_cut_and_that_is_said():
    cells = [LossCell("old", f"d{i:02}", 1, 100 - i) for i in range(20)] + [LossCell("young", "d00", 4, 5)]
    worst = (1000, 900, 200, 190, 170)
    found, missing = measured(counted([*way("old", worst), *way("young", YOUNG)], losses=cells))
    shares = [m for m in found.values() if m.measure == LOSS]
    assert len(shares) == 12
    assert {m.n for m in shares} == set(range(89, 101))
    assert "20 values" in missing[LOSS].reason


def test_a_group_that_is_never_behind_has_no_costliest_stage():
    cells = [LossCell("old", "phone", 1, 5), LossCell("young", "phone", 1, 5)]
    found, missing = measured(counted([*way("old", YOUNG), *way("young", YOUNG)], losses=cells))
    assert not [m for m in found.values() if m.measure == LOSS]
    assert "less often" in missing[LOSS].reason
    _, missing = measured(counted(everybody()))
    assert "device" in missing[LOSS].needed


@pytest.mark.parametrize(("old", "young", "told"), [
    ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), "nobody of old or of young came to any stage"),
    ((0, 0, 0, 0, 0), YOUNG, "nobody of old passed 'reach', so that no stage can be told to cost old most"),
    (OLD, (0, 0, 0, 0, 0), "nobody of young passed 'reach', so that no stage can be told to cost old most"),
    (OLD, (9, 0, 0, 0, 0), "nobody of young passed 'start', so that no stage can be told to cost old most"),
    (YOUNG, YOUNG, "the persons of old pass no stage less often than those of young"),
])  # fmt: skip
def test_where_nobody_passed_anything_it_is_not_said_that_nothing_is_lost(old, young, told):
    losses = [LossCell("old", "phone", -1, 5), LossCell("young", "phone", -1, 5)]
    nobody = [FunnelCell("old", (), -1, 5), FunnelCell("young", (), -1, 5)]
    _, missing = measured(counted([*way("old", old), *way("young", young), *nobody], losses=losses))
    assert missing[LOSS].reason == told
    assert ("names of the events, or the flags" in missing[LOSS].needed) is (old != young or not any(old))


# services that are not accessible


def services(rows, named=True):
    columns = ("ok", "product") if named else ("ok",)
    return Cells((), tuple((labels[: len(columns)], None, n) for labels, n in rows), columns, decision=False)


def test_a_service_with_a_row_that_is_not_accessible_is_a_case_each_once():
    contract = declared(funnel={"accessible": "ok"}, terms={"product": "product"})
    rows = [(("true", "app"), 50), (("false", "app"), 2), (("no", "app"), 1), (("yes", "desk"), 9), ((None, "atm"), 3),
            (("1", "atm"), 3)]  # fmt: skip
    found, _ = measured(counted(everybody()), contract, services(rows))
    figure = found["inaccessible_service_cases"]
    assert figure.estimate == figure.low == figure.high == 1
    assert figure.counts == {
        "cases": 1, "open": 1, "services": 3, "rows": 68, "rows_not_accessible": 3, "rows_unknown": 3,
    }  # fmt: skip
    assert "1 of 3 services" in figure.unseen[0]
    odd, _ = measured(counted(everybody()), contract, services([*rows, (("partly", "atm"), 1)]))
    assert odd["inaccessible_service_cases"].reason == "'ok' holds 'partly', which is neither yes nor no"
    blind, _ = measured(counted(everybody()), contract, services([((None, "app"), 4)]))
    assert "no row says" in blind["inaccessible_service_cases"].reason
    whole, _ = measured(counted(everybody()), declared(funnel={"accessible": "ok"}), services(rows, named=False))
    assert whole["inaccessible_service_cases"].estimate == 1
    assert "terms.product" in whole["inaccessible_service_cases"].unseen[0]
    nameless, _ = measured(counted(everybody()), contract, services([(("yes", "app"), 4), (("no", None), 2)]))
    assert nameless["inaccessible_service_cases"].estimate == 0
    assert "2 rows" in nameless["inaccessible_service_cases"].unseen[0]
    clean, _ = measured(counted(everybody()), contract, services([(("yes", "app"), 4)]))
    assert clean["inaccessible_service_cases"].unseen == ()


# small files end to end


def test_stages_are_judged_at_once_and_are_in_no_larger_family(tmp_path):
    out = write_simulation(Simulation(PoorNetwork(), 12_000, 0.9, 7), tmp_path)
    run, judgement = run_program(out.program, tmp_path / "out")
    assert not run.errors
    by_stage = [f for f in judgement.findings if f.measurement.measure in ("stage_ratio", "adjusted_stage_ratio")]
    assert len(by_stage) == 10
    for finding in by_stage:
        m = finding.measurement
        assert (finding.family, finding.low, finding.high, finding.mde) == (1, m.low, m.high, m.mde)
    whole = [f for f in judgement.findings if f.measurement.measure.endswith("cumulative_ratio")]
    assert {f.family for f in whole} == {len(whole)} == {2}


@pytest.fixture(scope="module")
def poor(tmp_path_factory):
    """The old live where the network is poor, and nothing else."""
    folder = tmp_path_factory.mktemp("poor")
    out = write_simulation(Simulation(PoorNetwork(), 30_000, 0.0, 5), folder)
    return out, folder


def of_all(figures):
    return {(m.measure, m.segment) if m.segment != "all" else m.measure: m for m in figures}


def test_a_confounded_world_is_found_as_planted(poor):
    out, folder = poor
    figures, _ = measure_program(out.program, Funnel(), folder / "out")
    found, truth = of_all(figures), PoorNetwork().truth(0.0)
    for stage in ("start", "identity", "submit", "decision", "price"):
        for measure in ("stage_ratio", "adjusted_stage_ratio"):
            figure = found[measure, stage]
            assert figure.low < truth[f"{measure}[{stage}]"] < figure.high
    assert found["cumulative_ratio"].low < truth["cumulative_ratio"] < found["cumulative_ratio"].high
    assert found["cumulative_ratio"].high < 0.9
    within = found["adjusted_cumulative_ratio"]
    assert within.low < 1 < within.high
    composition = within.details
    assert composition["composition_low"] < truth["cumulative_ratio"] < composition["composition_high"]
    assert [m for m in figures if m.measure == LOSS and m.segment.values["dimension"] == "network"]


def test_a_harm_that_the_network_hides_is_called_simpsons_reversal(tmp_path):
    out = write_simulation(Simulation(HiddenByNetwork(), 40_000, 0.4, 6), tmp_path)
    run, judgement = run_program(out.program, tmp_path / "out")
    assert not run.errors
    assert canonical_json(run)
    found, truth = of_all(run.measurements), HiddenByNetwork().truth(0.4)
    raw, within = found["cumulative_ratio"], found["adjusted_cumulative_ratio"]
    assert raw.low > 1 > within.high
    assert within.low < truth["adjusted_cumulative_ratio"] < within.high
    for one in (raw, within):
        assert "Simpson's reversal over network" in one.cautions[0]
        assert one.unseen == one.cautions
    verdicts = {f.rule.id: f.verdict for f in judgement.findings if f.measurement.segment == "all"}
    assert "clear" not in (verdicts["conv.funnel.cumulative"], verdicts["conv.funnel.adjusted_cumulative"])


@pytest.mark.parametrize("share", [0.03, 0.3])
def test_persons_without_a_stratum_are_a_stratum_of_their_own_and_none_is_dropped(tmp_path, share):
    rng = np.random.default_rng(14)
    size = 6000
    old, slow = rng.random(size) < 0.4, rng.random(size) < 0.5
    passed = np.cumprod(rng.random((size, 4)) < np.where(slow, 0.75, 0.9)[:, None], axis=1).astype(bool)
    passed = np.column_stack([rng.random(size) < 0.95, passed])
    passed = np.minimum.accumulate(passed, axis=1)
    network = np.where(slow, "slow", "fast").astype(object)
    network[rng.random(size) < share] = None
    data = pd.DataFrame({"case": np.arange(size), "age": np.where(old, "old", "young"), "network": network})
    data = data.assign(**{stage: passed[:, k] for k, stage in enumerate(STAGES)})
    contract = {
        "unit": "case", "groups": {"age": {"column": "age", "reference": "young"}}, "strata": ["network"],
        "funnel": list(STAGES), "columns": {"network": {"null_tolerance": 1}},
    }  # fmt: skip
    program = write_program(tmp_path, data, contract=contract, audits={"primary": ["digital_divide.funnel"]})
    run, _ = run_program(program, tmp_path / "out")
    assert not run.errors
    within = of_all(run.measurements)["adjusted_cumulative_ratio"]
    came, ended = passed[:, 0], passed[:, -1]
    assert within.n == came.sum()
    assert (within.counts["strata"], within.counts["group_alone"]) == (3, 0)
    expected = 0.0
    for held in (network == "slow", network == "fast", data["network"].isna().to_numpy()):
        expected += (held & old & came).sum() * (held & ~old & ended).sum() / (held & ~old & came).sum()
    assert within.estimate == pytest.approx((old & ended).sum() / expected)
    nameless = (data["network"].isna() & old & came).sum() / (old & came).sum()
    told = [one for one in within.unseen if "the stratum of" in one]
    assert bool(told) is (share > 0.05)
    assert all(f"{100 * nameless:.1f} % of old is not known" in one for one in told)


def test_flags_and_a_log_of_events_agree_to_the_last_figure(poor, tmp_path):
    out, _ = poor
    rows = pd.read_parquet(out.data).iloc[:4000]
    contract = PoorNetwork().contract()
    plain = write_program(tmp_path / "rows", rows, contract=contract, audits={"primary": ["digital_divide.funnel"]})
    names = {name: rows[name].to_numpy() for name in rows.columns}
    logged = pd.DataFrame(as_log(names, 3))
    program = write_program(
        tmp_path / "log", logged, contract=log_contract(contract), audits={"primary": ["digital_divide.funnel"]}
    )
    one, _ = measure_program(plain, Funnel(), tmp_path / "one")
    two, missing = measure_program(program, Funnel(), tmp_path / "two")
    first, second = of_all(one), of_all(two)
    shared = [key for key in first if key != "person_coverage" and LOSS not in key]
    assert len(shared) == 12
    for key in shared:
        assert (first[key].estimate, first[key].low, first[key].counts) == (
            second[key].estimate, second[key].low, second[key].counts,
        )  # fmt: skip
    assert not {one.question for one in missing} & {"digital_divide.funnel: skipped"}


def test_half_of_the_persons_without_a_group_end_to_end(tmp_path):
    rng = np.random.default_rng(8)
    size = 3000
    old = rng.random(size) < 0.4
    passed = np.cumprod(rng.random((size, 4)) < np.where(old, 0.7, 0.85)[:, None], axis=1)
    data = pd.DataFrame({"case": np.arange(size), "age": np.where(old, "old", "young"), "reach": 1})
    for k, stage in enumerate(STAGES[1:]):
        data[stage] = passed[:, k]
    hidden = rng.random(size) < 0.48
    data["age"] = data["age"].astype(object)
    data.loc[hidden, "age"] = None
    contract = {
        "unit": "case", "groups": {"age": {"column": "age", "reference": "young", "values": ["old", "young"]}},
        "funnel": list(STAGES), "columns": {"age": {"null_tolerance": 1}},
    }  # fmt: skip
    audits = {"primary": ["digital_divide.funnel"]}
    bare = write_program(tmp_path / "bare", data, contract=contract, audits=audits)
    run, judgement = run_program(bare, tmp_path / "out")
    assert not run.errors
    found = of_all(run.measurements)
    assert found["person_coverage"].estimate == pytest.approx(1 - hidden.mean())
    assert found["cumulative_ratio"].counts["group_decided"] == (old & ~hidden).sum()
    truth = passed[old, -1].mean() / passed[~old, -1].mean()
    assert found["bounded_cumulative_ratio"].low < truth < found["bounded_cumulative_ratio"].high
    assert found["cumulative_ratio"].unseen
    assert all(f.verdict != "clear" for f in judgement.findings if f.measurement.measure != "person_coverage")
    assert isinstance(run, AuditRun)
    assert sum("reach unknown" in one.reason for one in run.not_answered) == 1
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "people.csv").write_text(
        "attribute,group,people\nage,old,4000\nage,young,5000\n", encoding="utf-8"
    )
    full = write_program(tmp_path / "full", data, contract={**contract, "population": "people.csv"}, audits=audits)
    run, _ = run_program(full, tmp_path / "out2")
    assert not run.errors
    told = of_all(run.measurements)
    assert told["stage_ratio", "reach"].estimate == pytest.approx(
        (old & ~hidden).sum() / 4000 / ((~old & ~hidden).sum() / 5000)
    )
    assert told["bounded_cumulative_ratio"].counts["group_decided"] == 4000
    truth *= (old.sum() / 4000) / ((~old).sum() / 5000)
    assert told["bounded_cumulative_ratio"].low < truth < told["bounded_cumulative_ratio"].high
    assert not [one for one in run.not_answered if "reach unknown" in one.reason]
