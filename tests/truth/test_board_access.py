"""Access on the board: evidence from counts against the engine's, ours in the bands, what is broken out."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from audits.comparisons.funnel_need import funnel_need
from audits.evidence.collect import Evidence, collect
from audits.evidence.funnel import HOUR
from audits.policies import judge
from audits.simulation.draw import draw_kinds
from audits.simulation.lost_on_the_way import LostOnTheWay
from audits.simulation.poor_network import HiddenByNetwork, PoorNetwork
from audits.simulation.thin_files import ThinFiles
from audits.simulation.way_to_credit import as_log, log_contract
from audits.simulation.write import Simulation, write_simulation
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import run_program
from tests.truth.board import access_practices as by
from tests.truth.board.access import BREACH, STAGE, access_scenarios
from tests.truth.board.access_cases import CountedFunnel, access_case, answers, case_of, written
from tests.truth.board.access_files import ASKED, FilesApprovedOnly, FilesWithoutRates
from tests.truth.board.access_page import TITLE, access_part
from tests.truth.board.access_stages import each_stage, stages_at_once
from tests.truth.board.asked import data_of, other_names, write_program
from tests.truth.board.page import MISSING
from tests.truth.board.practices import Setting
from tests.truth.board.quick import outcome
from tests.truth.board.replicates import ROOT, SEEDS, Tally, checks, everything
from tests.truth.board.scenarios import AT_LIMIT, FAIR, FAR_BEYOND, NAIVE, OURS, PLANTED

SCENARIOS = access_scenarios()
PLAYED = {scenario.name: scenario for scenario in SCENARIOS}
WORLDS = (LostOnTheWay(), HiddenByNetwork())  # without strata, and with
SEED = 63
TWINS = {"C1N": (FAIR,), "C1R": (PLANTED,)}  # one way with networks, played dear: each twin once
CHECK = r"^\| .* \| [0-9.]+ % \| (?:at (?:least|most) [0-9.]+|[0-9.]+ to [0-9.]+) % \|$"


def drawn(world, effect: float, rows: int = 20_000, files: int = 40, seed: int = 8):
    """Counts of some files of a world."""
    setting, rng = Setting(world, effect, rows), np.random.default_rng(seed)
    people = setting.people.probability
    return setting, rng.multinomial(rows, people.ravel(), size=files).reshape(files, *people.shape), rng


def counts_of_written(world, effect: float, rows: int):
    """The counts of the kinds that ``write_simulation`` draws with the seed."""
    people = world.recorded(effect).probability
    kinds = draw_kinds(np.cumsum(people.ravel()), SEED, 0, rows)
    return np.bincount(kinds, minlength=people.size).reshape(people.shape)


def collected(file, folder):
    """What the engine finds on the way to credit of a program's file."""
    program = read_program(file)
    need = funnel_need(program.contract)
    with open_source(program, Period()) as source:
        collect(source, [need], folder, source.rows(source.table.count())[0][0])
    return Evidence(folder, data_of(program.contract, 0)).funnel(need), need


def ordered(funnel):
    """The cells of a funnel without the order in which they came, and without the hour, which flags do not tell."""

    def cells(every):
        return {name: sorted(one, key=str) for name, one in every.items() if one}

    losses = {
        name: cells({dimension: own for dimension, own in by_dimension.items() if dimension != HOUR})
        for name, by_dimension in funnel.losses.items()
    }
    return funnel.stages, cells(funnel.cells), {name: one for name, one in losses.items() if one}


# evidence


@pytest.mark.parametrize("world", [*WORLDS, FilesWithoutRates(), FilesApprovedOnly()], ids=lambda world: world.code)
def test_figures_and_verdicts_from_counts_are_those_of_the_written_file(tmp_path, world) -> None:
    effect, rows = world.example_effect, 4000
    if isinstance(world, ThinFiles):
        made = write_simulation(Simulation(world, rows, effect, SEED, other_names(world, SEED)), tmp_path / "data")
        file = made.program
        file.write_bytes(write_program(world, ASKED, SEED, tmp_path / "asked").read_bytes())
    else:
        file = written(world, SEED, tmp_path / "data", effect, rows, SEED)
    run, judgement = run_program(file, tmp_path / "out")
    assert not run.errors
    answer = case_of(world, SEED).answer(counts_of_written(world, effect, rows))
    assert len(answer.measurements) == len(run.measurements) > 4
    for mine, theirs in zip(answer.measurements, run.measurements, strict=True):
        assert (mine.measure, mine.group, mine.segment) == (theirs.measure, theirs.group, theirs.segment)
        assert dict(mine.counts) == dict(theirs.counts)
        assert (mine.cautions, mine.unseen, mine.undecided) == (theirs.cautions, theirs.unseen, theirs.undecided)
        for part in ("estimate", "low", "high", "standard_error", "p_value", "mde"):
            told = getattr(theirs, part)
            assert getattr(mine, part) == (told if told is None else pytest.approx(told, rel=1e-9, abs=1e-12)), part
    verdicts = [sorted((f.rule.id, str(f.measurement.group), f.measurement.segment, f.verdict) for f in one.findings)
                for one in (answer, judgement)]  # fmt: skip
    assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.code)
def test_persons_by_how_far_they_came_are_those_that_the_engine_counts_of_flags_and_of_a_log(tmp_path, world) -> None:
    effect, rows = world.example_effect, 3000
    case = access_case(world, SEED)
    theirs, need = collected(written(world, SEED, tmp_path / "data", effect, rows, SEED), tmp_path / "evidence")
    mine = case.evidence(counts_of_written(world, effect, rows)).funnel(need)
    assert ordered(mine) == ordered(theirs)
    assert dict(mine.counts) == dict(theirs.counts)
    plain = write_simulation(Simulation(world, rows, effect, SEED), tmp_path / "plain")
    of_flags, _ = collected(plain.program, tmp_path / "plain evidence")
    data = pd.read_parquet(plain.data)
    pd.DataFrame(as_log({name: data[name].to_numpy() for name in data}, SEED)).to_parquet(tmp_path / "log.parquet")
    told = yaml.safe_load(plain.program.read_text(encoding="utf-8"))
    told |= {"source": {"table": "log.parquet"}, "contract": log_contract(told["contract"])}
    (tmp_path / "log.yaml").write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True), encoding="utf-8")
    of_log, _ = collected(tmp_path / "log.yaml", tmp_path / "log evidence")
    assert ordered(of_log) == ordered(of_flags)
    assert of_log.counts["persons"] == of_flags.counts["persons"] == rows


# estimators and the judge


def failures(scenario, size: int, effects: tuple[str, ...]):
    """Checks that fail in the quick form, of more than five."""
    found = outcome(scenario, size, effects)
    assert len(found) > 5
    return {key: (c.count, c.low, c.high) for key, c in found.items() if not c.held}


@pytest.mark.parametrize("code", dict.fromkeys(scenario.world.code for scenario in SCENARIOS))
def test_access_holds_every_check_of_both_twins_in_the_quick_form(code: str) -> None:
    same = [scenario for scenario in SCENARIOS if scenario.world.code == code]
    own = {f"{s.title}: {key}": way for s in same for key, way in s.ways.items() if way.who != NAIVE}
    assert failures(replace(same[0], ways=own), 5, TWINS.get(code, (FAIR, PLANTED))) == {}


def test_a_stage_holds_every_check_of_its_limit_in_the_quick_form() -> None:
    scenario = PLAYED["C1 lost-on-the-way, the identity check"]
    own = {key: way for key, way in scenario.ways.items() if way.who != NAIVE}
    assert failures(replace(scenario, ways=own), 5, (AT_LIMIT, FAR_BEYOND)) == {}


def test_a_stage_is_covered_by_its_own_limits_and_judged_by_those_of_all(monkeypatch) -> None:
    setting, counts, rng = drawn(LostOnTheWay(), 0.0, files=8)
    one = by.measured(STAGE)(setting, counts, rng)
    told = [STAGE.of(answer, case_of(setting.world, setting.seed)) for answer in answers(setting, counts)]
    assert one.low.tolist() == [m.low for m in told]
    assert all(m.corrected and m.low < m.details["pointwise_low"] < m.details["pointwise_high"] < m.high for m in told)
    ends = np.array([[m.details["pointwise_low"], m.details["pointwise_high"]] for m in told])
    monkeypatch.setattr(type(setting.world), "truth", lambda *_: {STAGE.truth: np.nextafter(ends[0, 0], 0)})
    beside = by.measured(STAGE)(setting, counts, rng)
    assert beside.low[0] < ends[0, 0]
    assert not beside.covers[0]
    each = each_stage(STAGE.measure)
    monkeypatch.undo()
    assert len(each(setting, counts, rng).covers) == 5 * len(counts)
    together = stages_at_once(STAGE.measure)(setting, counts, rng)
    assert together.covers.tolist() == [
        all(m.low <= 1 <= m.high for m in answer.measurements if m.measure == STAGE.measure)
        for answer in answers(setting, counts)
    ]
    assert together.flags.tolist() == [not held for held in together.covers.tolist()]


# what is broken


def caught(name: str, effects: tuple[str, ...], part: str, size: int = 14) -> bool:
    """Whether a check of a way whose name has ``part`` fails in the quick form."""
    scenario = PLAYED[name]
    own = {key: way for key, way in scenario.ways.items() if part in key and way.who != NAIVE}
    assert own
    return any(not one.held for one in outcome(replace(scenario, ways=own), size, effects).values())


@pytest.mark.parametrize("name", [name for name in PLAYED if any(w.who == NAIVE for w in PLAYED[name].ways.values())])
def test_customary_practice_in_our_place_falls_out_of_its_band(name: str) -> None:
    scenario = PLAYED[name]
    mine = next(way for way in scenario.ways.values() if way.who == OURS)
    blind = {key: way for key, way in scenario.ways.items() if way.who == NAIVE}
    if isinstance(scenario.world, LostOnTheWay):  # who looks at the whole way sees what is lost on it
        blind = {key: way for key, way in blind.items() if "applied" in key}
    ways = {key: replace(mine, practice=way.practice) for key, way in blind.items()}
    found = outcome(replace(scenario, ways=ways), 24, (FAIR, PLANTED))
    assert all(any(not one.held for check, one in found.items() if check.startswith(key)) for key in ways)


def test_ratios_that_forget_the_strata_are_caught(monkeypatch) -> None:
    right = CountedFunnel._cells
    monkeypatch.setattr(CountedFunnel, "_cells", lambda self, column, strata: tuple(
        replace(one, stratum=("all",) * len(strata)) for one in right(self, column, strata)
    ))  # fmt: skip
    assert caught("C1N poor-network, at an equal network", (FAIR,), "95 % interval", 5)


def test_persons_who_are_counted_at_the_wrong_stage_are_caught(monkeypatch) -> None:
    right = CountedFunnel._cells
    monkeypatch.setattr(CountedFunnel, "_cells", lambda self, column, strata: tuple(
        replace(one, furthest=min(one.furthest + 1, 5)) for one in right(self, column, strata)
    ))  # fmt: skip
    assert caught("C1 lost-on-the-way, the identity check", (PLANTED,), "planted stage")


def test_a_judge_who_calls_a_convention_breached_is_caught(monkeypatch) -> None:
    monkeypatch.setattr(judge, "cautions_of", lambda rule, run: [])
    assert caught("C1 lost-on-the-way, the whole way", (PLANTED,), BREACH, 3)


def test_a_judge_who_clears_on_the_estimate_alone_is_caught(monkeypatch) -> None:
    right = judge.verdict_of

    def lax(m, rule, fit, may_breach):
        found = right(m, rule, fit, may_breach)
        return "clear" if found == "inconclusive" and m.estimate >= rule.limit else found

    monkeypatch.setattr(judge, "verdict_of", lax)
    assert caught("C1 lost-on-the-way, the whole way", (AT_LIMIT,), "verdict", 12)


def test_customary_readings_are_misled_as_the_worlds_say() -> None:
    for effect in (0.0, 1.0):  # the table of applications says the same of both lenders
        told = by.applications(tested=False)(*drawn(LostOnTheWay(), effect))
        assert not told.flags.any()
        assert np.exp(told.estimate.mean()) == pytest.approx(1.0, abs=0.02)
    assert by.conversion(tested=True)(*drawn(PoorNetwork(), 0.0)).finds().all()
    assert by.conversion(tested=False)(*drawn(PoorNetwork(), 0.0)).flags.mean() > 0.5
    harmful = by.conversion(tested=True)(*drawn(HiddenByNetwork(), 0.4))
    assert not harmful.finds().any()
    assert harmful.passes.all()


def test_a_customary_ratio_is_that_of_its_definition() -> None:
    setting, counts, rng = drawn(LostOnTheWay(), 0.5, files=1)
    told = by.applications(tested=True)(setting, counts, rng)
    came = {
        (g, k): counts[0][g, :, k:].sum() for g in (0, 1) for k in (by.SUBMIT, by.DECISION)
    }  # persons who came at least so far
    share = [came[g, by.DECISION] / came[g, by.SUBMIT] for g in (0, 1)]
    assert np.exp(told.estimate[0]) == pytest.approx(share[1] / share[0])
    error = np.sqrt(sum((1 - share[g]) / came[g, by.DECISION] for g in (0, 1)))
    assert np.log(told.high[0] / told.low[0]) == pytest.approx(2 * 1.959964 * error, rel=1e-6)


# the page


def test_the_part_on_access_tells_means_as_ratios_and_names_failures() -> None:
    scenario = PLAYED["C1 lost-on-the-way, the whole way"]
    results = {
        (0, effect, name): {seed: Tally(50, 25, 25, 25, 50, 0, 50 * np.log(0.7)) for seed in (1, 2)}
        for name, way in scenario.ways.items() for effect in way.plan
    }  # fmt: skip
    text = access_part((scenario,), (0,), results, checks((scenario,), results), (1, 2))
    assert "**FAILS** type-I error" in text
    assert "checks fail" in text
    assert "| 0.700 (1.000) | 0.700 (0.540) |" in text
    assert all(name in text and way.used in text for name, way in scenario.ways.items())


def test_access_comes_last_so_that_no_other_file_changes() -> None:
    played = everything()
    assert [one.name for one in played[-len(PLAYED) :]] == list(PLAYED)
    assert len(PLAYED) == len(SCENARIOS)


def test_the_published_page_has_every_lender_and_no_failed_check() -> None:
    text = (ROOT / "docs/truth.md").read_text(encoding="utf-8")
    part = text.partition(f"\n{TITLE}")[2].partition(MISSING)[0]
    for scenario in SCENARIOS:
        assert f"## {scenario.name}\n" in part
        assert all(name in part for name in scenario.ways)
    lines = re.findall(CHECK, part, re.MULTILINE)
    assert len(lines) > 60
    assert f"All {len(lines)} checks hold" in part
    assert "FAIL" not in part
    assert ", ".join(map(str, SEEDS)) in part
