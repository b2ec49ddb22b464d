"""Predatory lending on the board: evidence from counts against the engine's, ours in the bands, what is broken out."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from itertools import pairwise, product

import numpy as np
import pytest

from audits.comparisons import steering_cells
from audits.comparisons.reborrowing import Seen
from audits.evidence.collect import Evidence, collect
from audits.evidence.loan_costs import LoanCosts
from audits.policies import judge
from audits.predatory_lending import debt_trap
from audits.predatory_lending.inducement import Inducement
from audits.simulation.draw import Turns, draw_kinds
from audits.simulation.steered_loans import SteeredLoans
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import run_program
from tests.truth.board import loan_customary as usual
from tests.truth.board.__main__ import parts_of
from tests.truth.board.access_page import TITLE as ACCESS
from tests.truth.board.lending import BREACH, lending_scenarios
from tests.truth.board.lending_page import TITLE, lending_part, shown
from tests.truth.board.loan_arms import ArmEvidence
from tests.truth.board.loan_cases import loan_case, names_of, written, written_book
from tests.truth.board.loan_worlds import Books, DrivenByFees, GroupReturns, LongChains, WithHoldout, WithoutHoldout
from tests.truth.board.page import MISSING
from tests.truth.board.practices import Setting
from tests.truth.board.prices_page import TITLE as PRICES
from tests.truth.board.quick import outcome
from tests.truth.board.replicates import ROOT, SEEDS, Tally, checks, everything
from tests.truth.board.scenarios import AT_LIMIT, DETECTABLE, FAIR, FAR_BEYOND, NAIVE, OURS, PLANTED

PLAYED = {f"{scenario.world.code} {scenario.title}": scenario for scenario in lending_scenarios()}
SEED = 63
CHECK = r"^\| .* \| [0-9.]+ % \| (?:at (?:least|most) [0-9.]+|[0-9.]+ to [0-9.]+) % \|$"


def drawn(world, effect: float, rows: int, files: int = 6, seed: int = 8):
    """Counts of some files of a world."""
    setting, rng = Setting(world, effect, rows), np.random.default_rng(seed)
    people = setting.people.probability
    counts = rng.multinomial(rows // world.rows_each, people.ravel(), size=files)
    return setting, counts.reshape(files, *people.shape), rng


def counts_of_written(world, effect: float, rows: int):
    """The counts of the kinds that ``write_simulation`` draws with the seed."""
    lender = world.lender if hasattr(world, "lender") else world
    people = lender.population(effect)
    edges = np.cumsum(people.probability.ravel())
    if world.rows_each == 1:
        return np.bincount(draw_kinds(edges, SEED, 0, rows), minlength=edges.size).reshape(people.probability.shape)
    kinds = Turns.of(people, len(lender.shared), lender.rows_each).draw(edges, SEED, 0, rows).reshape(-1, 2)
    codes = [np.array(np.unravel_index(kinds[:, i], people.probability.shape)) for i in (0, 1)]
    place = [people.axis(name) for name in ("group", "segment", "held_out")]
    both = [people.axis(name) for name in ("pushed", "borrowed")]
    own = [codes[0][i] for i in place] + [codes[0][i] for i in both] + [codes[1][i] for i in both]
    counts = np.zeros(world.population(effect).probability.shape, dtype=np.int64)
    np.add.at(counts, tuple(own), 1)
    return counts


# evidence


@pytest.mark.parametrize(
    ("world", "effect", "rows"),
    [
        (SteeredLoans(), 0.1, 4000), (WithHoldout(), 40.0, 4000), (WithoutHoldout(), 40.0, 4000),
        (DrivenByFees(), 0.25, 150), (GroupReturns(), 0.4, 150), (LongChains(), 1.0, 150),
    ],
)  # fmt: skip
def test_figures_and_verdicts_from_counts_are_those_of_the_written_file(tmp_path, world, effect, rows) -> None:
    file = written(world, names_of(world, SEED), tmp_path / "data", effect, rows, SEED)
    run, judgement = run_program(file, tmp_path / "out")
    assert not run.errors
    book = world.draw(rows, SEED, effect) if isinstance(world, Books) else counts_of_written(world, effect, rows)
    answer = loan_case(world, SEED).answer(book)
    assert len(answer.measurements) == len(run.measurements) > 1
    for mine, theirs in zip(answer.measurements, run.measurements, strict=True):
        assert (mine.measure, mine.group, mine.undecided) == (theirs.measure, theirs.group, theirs.undecided)
        assert dict(mine.counts) == dict(theirs.counts)
        for part in ("estimate", "low", "high", "standard_error", "p_value", "mde"):
            told = getattr(theirs, part)
            assert getattr(mine, part) == (told if told is None else pytest.approx(told, rel=1e-6, abs=1e-9)), part
    verdicts = [sorted((f.rule.id, str(f.measurement.group), f.verdict) for f in one.findings)
                for one in (answer, judgement)]  # fmt: skip
    assert verdicts[0] == verdicts[1]


def test_chains_and_influences_are_those_that_the_engine_collects(tmp_path) -> None:
    world = DrivenByFees()
    names, book = names_of(world, SEED), world.draw(200, SEED, 0.3)
    program = read_program(written_book(world, names, tmp_path, book))
    case = loan_case(world, SEED)
    (question,) = (one.question for one in case.plan.questions)
    needs = list(question.needs(program.contract))
    with open_source(program, Period()) as source, LoanCosts(source, needs, tmp_path, tmp_path / "o") as costs:
        collect(costs.serve(needs), needs, tmp_path / "evidence", len(book["loan"]))
    evidence = case.evidence(book)
    need = next(one for one in needs if hasattr(one, "chain_length"))
    found, influences = evidence.reborrowing(need)
    theirs, told = Evidence(tmp_path / "evidence", evidence.data).reborrowing(need)
    assert replace(found, counts={}) == replace(theirs, counts={})
    assert dict(found.counts) == dict(theirs.counts)
    assert asdict(influences) == {
        name: pytest.approx(value, rel=1e-5) if name in ("squares", "shares", "money") else value
        for name, value in asdict(told).items()
    }


def test_customers_of_the_board_have_the_truth_of_the_lender() -> None:
    world = WithHoldout()
    people = world.population(40.0)
    money = sum(people.over(name) @ np.array(people.values(name), dtype=float) for name in ("borrowed 1", "borrowed 2"))
    lender = world.lender.population(40.0)
    assert money == pytest.approx(2 * (lender.over("borrowed") @ np.array(lender.values("borrowed"), dtype=float)))
    both = people.over("pushed 1", "pushed 2")
    assert both[1, 1] > both.sum(axis=1)[1] ** 2  # whoever is inclined is pushed twice


# estimators and the judge


@pytest.mark.parametrize("name", PLAYED)
def test_lending_holds_every_check_in_the_quick_form(name: str) -> None:
    scenario = PLAYED[name]
    own = {key: way for key, way in scenario.ways.items() if way.who != NAIVE}
    size = 8 if isinstance(scenario.world, Books) else 30
    found = outcome(replace(scenario, ways=own), size, (FAIR, DETECTABLE, AT_LIMIT, FAR_BEYOND, PLANTED))
    assert len(found) > 3
    assert {key: (c.count, c.low, c.high) for key, c in found.items() if not c.held} == {}


# what is broken


def caught(name: str, effects: tuple[str, ...], part: str, size: int = 14) -> bool:
    """Whether a check of a way whose name has ``part`` fails in the quick form."""
    scenario = PLAYED[name]
    own = {key: way for key, way in scenario.ways.items() if part in key and way.who != NAIVE}
    assert own
    return any(not one.held for one in outcome(replace(scenario, ways=own), size, effects).values())


@pytest.mark.parametrize("name", [name for name in PLAYED if not name.startswith("B4")])
def test_customary_practice_in_our_place_falls_out_of_its_band(name: str) -> None:
    scenario = PLAYED[name]
    mine = next(way for way in scenario.ways.values() if way.who == OURS)
    ways = {key: replace(mine, practice=way.practice) for key, way in scenario.ways.items() if way.who == NAIVE}
    found = outcome(replace(scenario, ways=ways), 24, (PLANTED,))
    assert all(any(not one.held for check, one in found.items() if check.startswith(key)) for key in ways)


def test_steering_that_forgets_who_was_eligible_is_caught(monkeypatch) -> None:
    monkeypatch.setattr(steering_cells, "CELLS", ())
    assert caught("B1 steered_ratio", (FAIR,), "95 % interval", 30)


def test_returns_that_are_not_compared_at_equal_affordability_are_caught(monkeypatch) -> None:
    monkeypatch.setattr(debt_trap, "_BANDS", {0: 1, 1: 1, 2: 1})
    assert caught("B2 reborrowing_ratio", (FAIR,), "95 % interval")


def test_errors_of_a_quarter_of_their_size_are_caught(monkeypatch) -> None:
    right = Seen._variance
    monkeypatch.setattr(Seen, "_variance", lambda self, place: right(self, place) / 16)
    assert caught("B2 fee_driven_ratio", (PLANTED,), "95 % interval", 14)


def test_pushes_read_as_shown_and_not_as_dealt_are_caught(monkeypatch) -> None:
    monkeypatch.setattr(ArmEvidence, "_flags", lambda self, need: 1 - self.kinds.pushed)
    assert caught("B3 push_effect", (FAIR,), "95 % interval")


def test_an_association_that_is_taken_for_an_effect_is_caught(monkeypatch) -> None:
    monkeypatch.setattr(Inducement, "_judged", lambda self, base, found, side, deal: found)
    assert caught("B4 ", (FAIR,), "push_association", 3)


def test_a_judge_who_calls_a_convention_breached_is_caught(monkeypatch) -> None:
    monkeypatch.setattr(judge, "cautions_of", lambda rule, run: [])
    assert caught("B1 steered_ratio", (PLANTED,), BREACH, 3)


def test_a_judge_who_clears_on_the_estimate_alone_is_caught(monkeypatch) -> None:
    right = judge.verdict_of

    def lax(m, rule, fit, may_breach):
        found = right(m, rule, fit, may_breach)
        return "clear" if found == "inconclusive" and m.estimate <= rule.limit else found

    monkeypatch.setattr(judge, "verdict_of", lax)
    assert caught("B1 steered_ratio", (AT_LIMIT,), "verdict", 30)


def test_customary_readings_are_misled_as_the_worlds_say() -> None:
    fair = drawn(SteeredLoans(), 0.0, 10_000)
    assert usual.product_mix(*fair).finds().all()
    assert usual.rates_regressed(scored=True)(*fair).finds().all()
    for effect in (0.0, 0.25):  # the raw repeat rate is the same in both twins
        told = usual.of_books(usual.over_one_half)(*drawn(DrivenByFees(), effect, 500))
        assert told.estimate is not None
        assert np.exp(told.estimate.mean()) == pytest.approx(1.45, abs=0.04)
    assert usual.of_books(usual.by_group)(*drawn(GroupReturns(), 0.0, 500)).finds().all()
    assert usual.seen_or_not(within=True, gap=False)(*drawn(WithHoldout(), 0.0, 16_000)).finds().all()
    long = drawn(LongChains(), 1.0, 500)
    told = usual.of_books(usual.in_long_chains, ratio=False)(*long)
    assert told.high is not None
    assert (told.high < 0.5).all()


def test_a_customary_figure_of_a_book_is_that_of_its_definition() -> None:
    book = DrivenByFees().draw(40, 3, 0.0)
    loans = sorted(zip(book["borrower"], book["opened_at"], book["repaid_at"], strict=True), key=lambda one: one[:2])
    back, size, sizes = [], 0, []
    for one, other in pairwise([*loans, (None, None, None)]):
        size += 1
        back.append(one[0] == other[0] and (other[1] - one[2]) <= np.timedelta64(14, "D"))
        if not back[-1]:
            sizes.append(size)
            size = 0
    assert usual.returned(book)[0].tolist() == back
    assert usual.lengths(book).tolist() == sizes
    assert usual.renewed(book)[0] == pytest.approx(np.mean(back))


# the page


def test_the_part_on_lending_tells_means_in_their_units_and_names_failures() -> None:
    scenario = PLAYED["B1 steered_ratio"]
    results = {
        (0, effect, name): {seed: Tally(50, 25, 25, 25, 50, 0, 50 * np.log(1.5)) for seed in (1, 2)}
        for name, way in scenario.ways.items() for effect in way.plan
    }  # fmt: skip
    text = lending_part((scenario,), (0,), results, checks((scenario,), results), (1, 2))
    assert "**FAILS** type-I error" in text
    assert "checks fail" in text
    assert "| 1.500 (1.000) | 1.500 (1.250) | 1.500 (1.900) |" in text
    assert all(name in text and way.used in text for name, way in scenario.ways.items())


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [("ratio", 1.25, "1.250"), ("rate", -0.0025, "−0.25 %"), ("rate", -1e-9, "0.00 %"), ("share", 0.8, "80.0 %"),
     ("money", -12.34, "−12.3"), ("money", -0.01, "0.0")],
)  # fmt: skip
def test_figures_are_written_in_their_units(kind: str, value: float, text: str) -> None:
    assert shown(kind, value) == text


def test_lending_comes_before_access_alone_so_that_no_other_file_changes() -> None:
    played = [one.name for one in everything()]
    first = played.index(next(iter(PLAYED.values())).name)
    assert played[first : first + len(PLAYED)] == [one.name for one in PLAYED.values()]
    assert {name[:1] for name in played[first + len(PLAYED) :]} == {"C"}


def test_playing_one_part_alone_leaves_the_others_as_they_are(tmp_path) -> None:
    file, first = tmp_path / "page.md", "# The scoreboard\n\n## D1 true-risk\n"
    prices, lending, access = f"{PRICES}\n## A1\n", f"{TITLE}\n## B1\n", f"{ACCESS}\n## C1\n"
    assert parts_of(file) == ("", "", "", "")
    for every in product((first,), ("", prices), ("", lending), ("", access)):
        file.write_text("\n".join([*(one for one in every if one), MISSING]), encoding="utf-8")
        assert parts_of(file) == every


def test_the_published_page_has_every_lender_and_no_failed_check() -> None:
    text = (ROOT / "docs/truth.md").read_text(encoding="utf-8")
    part = text.partition(f"\n{TITLE}")[2].partition("\n# ")[0].partition(MISSING)[0]
    for scenario in PLAYED.values():
        assert f"## {scenario.name}\n" in part
        assert all(name in part for name in scenario.ways)
    lines = re.findall(CHECK, part, re.MULTILINE)
    assert len(lines) > 120
    assert f"All {len(lines)} checks hold" in part
    assert "FAIL" not in part
    assert ", ".join(map(str, SEEDS)) in part
