"""Steering: statsmodels on rows, worlds of known excess, what is counted and said, fair twins seldom flagged."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import psycopg
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from audits.comparisons.steering_cells import Worth, effects_of, group_need, groups_of
from audits.comparisons.steering_figures import excess_gap, steered_ratio
from audits.comparisons.steering_told import Replay
from audits.evidence.cells import Cells, Total, sorted_cells
from audits.evidence.effects import effect_cells
from audits.predatory_lending.steering import Steering
from audits.record import Measurement
from audits.simulation.catalogue import find_world
from audits.simulation.draw import draw_kinds
from audits.simulation.steered_loans import GROUPS, SteeredLoans
from audits.simulation.write import Simulation, write_simulation
from checks.inputs.contract import DataContract, GroupAttribute
from checks.inputs.loan_products import EXCESS, STEERED
from checks.inputs.program import read_program
from tests.loan_rules import loans, written
from tests.programs import run_program
from tests.questions import measure_program

RULES = {"products": {
    "cheap": {"eligible": {"score": {"from": 650}}, "rate": {"by": "score", "edges": [700], "rates": [9, 7]}},
    "dear": {"rate": 20},
}}  # fmt: skip


def book(seed=1, rows=3000, led=0.2, other=0.05):
    """Loans of two groups; ``led`` of the group's eligible members and ``other`` of the rest have the dear one."""
    rng = np.random.default_rng(seed)
    data = loans(seed, rows).assign(day=pd.Timestamp("2025-04-01"), offered=12.0, région="nord")
    data["sex"] = rng.choice(["m", "f"], rows)
    data["fico"] = rng.integers(600, 760, rows) - 30.0 * (data["sex"] == "f")
    data["lent €"], data["months"] = rng.integers(1, 9, rows) * 1000.0, rng.choice([12.0, 24.0], rows)
    dear = rng.random(rows) < np.where(data["sex"] == "f", led, other)
    data["sold"] = np.where((data["fico"] < 650) | dear, "dear", "cheap")
    data["who"], data["branch"] = np.arange(rows) // 2, rng.choice(["x", "y"], rows)
    return data


def steered_rows(data):
    """The oracle's own replay of ``RULES``: excess, steered, cell."""
    cheapest = np.where(data["fico"] >= 700, 0.07, np.where(data["fico"] >= 650, 0.09, 0.2))
    excess = np.where(data["sold"] == "dear", 0.2 - cheapest, 0.0)
    score = np.digitize(data["fico"], [650, 700])
    return data.assign(
        excess=excess, steered=(excess > 0).astype(float), cell=[f"{a}" for a in score],
        money=excess * data["lent €"] * data["months"] / 12, f=(data["sex"] == "f").astype(float),
    )  # fmt: skip


def measured(tmp_path, data, content=None, question=None, **changes):
    file = written(tmp_path, data, content or RULES, **changes)
    return measure_program(file, question or Steering(), tmp_path / "out")


def named(figures, measure, group=None):
    return next(m for m in figures if m.measure == measure and m.group == group)


@pytest.mark.parametrize("entity", [None, "who"])
@pytest.mark.parametrize("strata", [None, ["branch"]])
def test_figures_equal_statsmodels_on_rows(tmp_path, entity, strata):
    data = book(2, 2000)
    figures, missing = measured(tmp_path, data, entity=entity, strata=strata)
    assert not missing
    rows = steered_rows(data)
    if strata:
        rows["cell"] = rows["cell"] + rows["branch"]
    kind = {"cov_type": "cluster", "cov_kwds": {"groups": rows["who"]}} if entity else {"cov_type": "HC1"}
    fit = smf.ols("excess ~ f + C(cell)", rows).fit(**kind)
    gap = named(figures, "steering_excess_rate", "f")
    assert gap.estimate == pytest.approx(fit.params["f"], rel=1e-9)
    assert gap.standard_error == pytest.approx(fit.bse["f"], rel=1e-8)
    held = rows[rows["cell"].map(rows.groupby("cell")["steered"].sum()) > 0].reset_index(drop=True)
    kind = {"cov_type": "cluster", "cov_kwds": {"groups": held["who"]}} if entity else {"cov_type": "HC1"}
    fit = smf.glm("steered ~ f + C(cell)", held, family=sm.families.Poisson()).fit(**kind, tol=1e-13)
    ratio = named(figures, "steered_ratio", "f")
    assert ratio.estimate == pytest.approx(np.exp(fit.params["f"]), rel=1e-8)
    n, k = len(held), len(fit.params)  # statsmodels corrects the errors of a GLM by cluster, and no other
    error = fit.bse["f"] * (1.0 if entity else np.sqrt(n / (n - k)))
    assert ratio.details["log_standard_error"] == pytest.approx(error, rel=1e-6 if not entity else 2e-3)
    assert ratio.low < ratio.estimate < ratio.high
    counts = rows.groupby("sex")["steered"].agg(["sum", "count"])
    assert gap.counts["group_steered"] == ratio.counts["group_steered"] == counts.loc["f", "sum"]
    assert (gap.counts["group"], gap.counts["reference"]) == (counts.loc["f", "count"], counts.loc["m", "count"])
    assert gap.details["group_mean_excess"] == pytest.approx(rows[rows["sex"] == "f"]["excess"].mean())
    for group in ("f", "m"):
        share = named(figures, "steered_share", group)
        assert share.estimate == pytest.approx(counts.loc[group, "sum"] / counts.loc[group, "count"])
        assert share.low < share.estimate < share.high
    money = named(figures, "steering_excess_money")
    assert money.estimate == money.low == money.high == pytest.approx(rows["money"].sum(), rel=1e-12)
    assert money.unit == "EUR"
    assert all(one[1] >= two[1] and one[2] <= two[2] for one, two in pairwise(gap.ladder))


def test_borrowers_who_come_again_widen_a_share(tmp_path):
    data = book(3, 2000).sort_values("fico", ignore_index=True)
    data["who"] = np.arange(2000) // 10  # ten alike each
    data["sold"] = np.where(data["who"] % 7 == 0, "dear", np.where(data["fico"] < 650, "dear", "cheap"))
    alone = named(measured(tmp_path / "a", data)[0], "steered_share")
    together = named(measured(tmp_path / "b", data, entity="who")[0], "steered_share")
    rows = steered_rows(data)
    fit = smf.ols("steered ~ 1", rows).fit(cov_type="cluster", cov_kwds={"groups": rows["who"]})
    wide = 2 * 1.96 * fit.bse["Intercept"]
    assert together.estimate == alone.estimate
    assert together.high - together.low == pytest.approx(wide, rel=0.05)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert together.counts["borrowers_at_least"] <= 200


@pytest.mark.parametrize("name", ["B1", "B1E"])
@pytest.mark.parametrize("effect", [0.0, 0.15])
def test_worlds_tell_the_true_excess_under_other_names(tmp_path, name, effect):
    world = find_world(name)
    names = {"group": "cohort", "B": "young", "score": "points", "easy loan": "fast cash", "product": "kind"}
    files = write_simulation(Simulation(world, 40_000, effect, 5, names), tmp_path)
    figures, _ = measure_program(files.program, Steering(), tmp_path / "out")
    truth = world.truth(effect)
    for measure in ("steering_excess_rate", "steered_ratio"):
        figure = named(figures, measure, "young")
        reach = 2.2 * (figure.high - figure.low) / 2  # 1.96 · 2.2 deviations: one in 60,000 goes beyond
        assert abs(figure.estimate - truth[measure]) < reach
        assert (figure.p_value < 1e-6) == (effect > 0)
    for label, shown in (("A", "A"), ("B", "young")):
        share = named(figures, "steered_share", shown)
        assert abs(share.estimate - truth[f"steered_share[{label}]"]) < 2.2 * (share.high - share.low) / 2
    money = named(figures, "steering_excess_money")
    assert money.estimate == pytest.approx(40_000 * truth["money_a_loan"], rel=0.1)
    # the bare mix of products is as uneven in the fair twin with real ineligibility, and in no other
    data = pd.read_parquet(files.data)
    mix = (data["kind"] == "fast cash").groupby(data["cohort"]).mean()
    fooled = mix["young"] - mix["A"]
    assert fooled == pytest.approx(truth["easy_loan_gap"], abs=0.03)
    assert (fooled > 0.05) == (name == "B1" or effect > 0)


def test_loans_that_cannot_be_replayed_are_counted_by_cause_and_name(tmp_path):
    data = book(4, 400)
    data.loc[:9, "fico"], data.loc[:9, "sold"] = None, "dear"
    data.loc[10:15, "sold"], data.loc[16:18, "sold"], data.loc[19:20, "sold"] = "gold", "silver", None
    figures, missing = measured(tmp_path, data)
    share = named(figures, "steered_share")
    assert share.counts["loans"] == 400
    assert share.counts["replayed"] == 379
    for told in ("10 to customers of whom it is not known", "9 of products without a rule ('gold' 6, 'silver' 3)",
                 "2 without a product"):  # fmt: skip
        assert any(told in one for one in share.unseen)
        assert any(told in one for one in named(figures, "steering_excess_money").unseen)
    assert named(figures, "steering_excess_money").counts["without_money"] == 21
    assert [one.reason for one in missing] == ["9 of products without a rule ('gold' 6, 'silver' 3)"]


def test_a_few_lost_loans_leave_an_estimate_open_to_be_clear_and_no_count(tmp_path):
    data = book(4, 400)
    data.loc[:3, "fico"], data.loc[:3, "sold"] = None, "dear"
    figures, _ = measured(tmp_path, data)
    assert not named(figures, "steered_share").unseen
    assert not named(figures, "steering_excess_rate", "f").unseen
    assert "4 of 400 loans" in named(figures, "steering_excess_money").unseen[0]


def test_nobody_steered_is_told_by_share_and_money_and_no_gap_is_made_up(tmp_path):
    figures, _ = measured(tmp_path, book(5, 600, led=0.0, other=0.0))
    assert named(figures, "steered_share").estimate == 0
    assert 0 < named(figures, "steered_share").high < 0.01
    assert named(figures, "steering_excess_money").estimate == 0
    for measure in ("steering_excess_rate", "steered_ratio"):
        figure = named(figures, measure, "f")
        assert figure.estimate is None
        assert "0 loans of f and 0 of m were sold dearer" in figure.reason


def test_groups_that_no_cell_compares_have_no_gap(tmp_path):
    data = book(6, 600)
    data["fico"] = np.where(data["sex"] == "f", 660.0, 720.0)
    data["sold"] = np.where(np.arange(600) % 3, "cheap", "dear")
    figures, _ = measured(tmp_path, data)
    figure = named(figures, "steering_excess_rate", "f")
    assert "no cell holds loans of f and of m" in figure.reason
    assert figure.counts["group_alone"] == figure.counts["group"]
    data.loc[:99, "fico"] = 660.0
    figure = named(measured(tmp_path / "some", data.assign(sex=np.where(data.index < 200, "m", "f")))[0],
                   "steering_excess_rate", "f")  # fmt: skip
    assert figure.estimate is not None or figure.reason


def test_no_loan_of_a_product_with_a_rule_gives_reasons_and_no_error(tmp_path):
    figures, missing = measured(tmp_path, book(7, 100).assign(sold="gold"), entity="who")
    assert all(m.estimate is None for m in figures)
    assert all("no loan could be held against the rules: 100 of products without a rule ('gold' 100)" in m.reason
               for m in figures)  # fmt: skip
    assert missing


@pytest.mark.parametrize("rows", [12, 60])
def test_from_a_handful_there_is_no_comparison(tmp_path, rows):
    figures, _ = measured(tmp_path, book(8, rows), entity="who")
    for measure in ("steering_excess_rate", "steered_ratio"):
        assert named(figures, measure, "f").reason


def test_without_product_and_rate_or_money_it_is_said(tmp_path):
    figures, missing = measured(tmp_path, book(9, 100), terms=None)
    assert not figures
    assert {one.question.split(": ")[1] for one in missing} == set(Steering.measures)
    figures, missing = measured(tmp_path / "b", book(9, 100), loan={"amount": "lent €"}, weight="offered")
    assert not [m for m in figures if m.measure == "steering_excess_money"]
    assert [one.question for one in missing] == [
        "predatory_lending.steering: weight", "predatory_lending.steering: steering_excess_money",
    ]  # fmt: skip
    figures, missing = measured(tmp_path / "c", book(9, 100), groups=None)
    assert {m.measure for m in figures} == {"steered_share", "steering_excess_money"}
    assert len(missing) == 2


def test_the_loans_own_rate_is_said_in_the_method(tmp_path):
    data = book(10, 300).assign(offered=20.0)
    rate = {"column": "offered", "unit": "percent"}
    assert "by the same rules" in named(measured(tmp_path / "a", data, rate=rate)[0], "steered_share").method
    figures, _ = measured(tmp_path / "b", data, rate=rate, terms=None)
    assert "the loan's own, no product" in named(figures, "steered_share").method
    data.loc[:9, "sold"] = "gold"
    figures, _ = measured(tmp_path / "c", data, rate=rate)
    assert "the loan's own where that is not known" in named(figures, "steered_share").method
    assert named(figures, "steered_share").counts["replayed"] == 300


def test_products_sold_to_people_who_were_not_eligible_cast_doubt_on_the_rules(tmp_path):
    data = book(11, 500).assign(sold="cheap", fico=600.0)
    share = named(measured(tmp_path, data)[0], "steered_share")
    assert share.estimate == 0
    assert "100.0 % of the loans are of a product that the customer was not eligible for" in share.cautions[0]
    assert share.cautions[0] in share.unseen


def test_amounts_in_two_currencies_have_no_total(tmp_path):
    data = book(12, 300)
    data["money"] = np.where(data.index < 150, "EUR", "CHF")
    loan = {"amount": "lent €", "term_months": "months", "currency_column": "money"}
    figure = named(measured(tmp_path / "a", data, loan=loan)[0], "steering_excess_money")
    assert figure.estimate is None
    assert "CHF, EUR" in figure.reason
    figure = named(measured(tmp_path / "b", data.assign(money="CHF"), loan=loan)[0], "steering_excess_money")
    assert figure.estimate > 0
    assert figure.unit == "CHF"


def test_a_run_is_the_same_again_and_of_shuffled_rows(tmp_path):
    data = book(13, 500)
    first, _ = run_program(written(tmp_path / "a", data, RULES, entity="who"), tmp_path / "out-a")
    mixed = data.sample(frac=1, random_state=1)
    again, _ = run_program(written(tmp_path / "b", mixed, RULES, entity="who"), tmp_path / "out-b")
    assert not first.errors
    assert first == again
    assert first.measurements
    changed = {"products": {**RULES["products"], "dear": {"rate": 21}}}
    other, _ = run_program(written(tmp_path / "c", data, changed, entity="who"), tmp_path / "out-c")
    assert other.data.fingerprint == first.data.fingerprint
    assert other.program.digest != first.program.digest


@pytest.mark.parametrize("entity", [None, "who"])
def test_postgres_gives_the_same_figures(postgres_url, tmp_path, entity):
    data = book(15, 800)
    data.loc[::29, "fico"], data.loc[3::31, "sold"] = None, "gold"
    names = ["case", "sex", "fico", "lent €", "months", "région", "offered", "sold", "day", "who"]
    kinds = ["bigint", "text", "float8", "float8", "float8", "text", "float8", "text", "timestamp", "bigint"]
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS steered")
        columns = ", ".join(f'"{name}" {kind}' for name, kind in zip(names, kinds, strict=True))
        connection.execute(f"CREATE TABLE steered ({columns})")
        with connection.cursor().copy("COPY steered FROM STDIN") as copy:
            for row in data[names].itertuples(index=False):
                copy.write_row([None if pd.isna(value) else value for value in row])
    here, _ = measured(tmp_path / "here", data, entity=entity)
    source = {"connection": postgres_url, "table": "steered"}
    there, _ = measured(tmp_path / "there", data, entity=entity, source=source)
    assert len(here) == len(there) == 6
    for one, two in zip(here, there, strict=True):
        assert (one.measure, one.group, one.counts, one.unseen) == (two.measure, two.group, two.counts, two.unseen)
        assert [two.estimate, two.low, two.high] == pytest.approx([one.estimate, one.low, one.high], rel=1e-11)


class Drawn:
    """Evidence of one draw of a world: its cells, without rows."""

    def __init__(self, cells: Cells) -> None:
        self.held = cells

    def cells(self, need):
        if self.held.serves(need):
            return self.held.project(need)
        counts = {}
        for labels, _, rows in self.held.cells:
            counts[labels[0]] = counts.get(labels[0], 0) + rows
        return Cells(
            need.attributes, tuple(((label, None), None, rows) for label, rows in counts.items()), need.columns
        )


def drawn(world: SteeredLoans, effect: float, rows: int, seed: int, contract) -> Drawn:
    """Loans of the world counted into the cells that the question needs."""
    table = world._rows(effect)
    kinds = draw_kinds(np.cumsum(table["weights"]), seed, 0, rows)
    counts = np.bincount(kinds, minlength=len(table["weights"]))
    need = effect_cells(group_need("group", contract))
    sums: dict = {}
    for i in np.flatnonzero(counts):
        labels = (
            GROUPS[int(table["group"][i])],
            str(table["amount"][i]),
            str(table["term"][i]),
            str(table["cell"][i]),
            "",
        )
        one = sums.setdefault(labels, np.zeros(4))
        one += counts[i] * np.array([1, table["excess"][i], table["excess"][i] ** 2, table["steered"][i]])
    found = []
    for labels, (n, excess, squares, steered) in sums.items():
        own = {EXCESS: Total(int(n), excess, squares), STEERED: Total(int(n), steered, steered)}
        totals = tuple(own.get(name, Total(int(n), n, n)) for name in need.sums)
        found.append(((labels, None, int(n)), totals))
    return Drawn(sorted_cells(need, found))


def figures_of(world, effect, rows, seed):
    contract = DataContract(groups=(GroupAttribute("group", "group", "A"),), terms={"product": "p"}, product_rules="r")
    evidence = drawn(world, effect, rows, seed, contract)
    groups = groups_of(evidence, "group", contract)
    replay = Replay(rows, rows, 1, 1.0, {}, 0, 0)
    base = Measurement(
        question="q", measure="m", attribute="group", group="B", reference="A", estimate=None, low=None, high=None,
        level=0.95, n=rows, method="", source="", equality=0.0,
        counts={
            "group": groups.of["B"].replayed, "reference": groups.of["A"].replayed, "cells": groups.cells("B", "A"),
        },
    )  # fmt: skip
    sizes = dict.fromkeys(("A", "B"), Worth(float(rows)))
    gap, ratio = effects_of(evidence, "group", contract)
    return (
        excess_gap(base, gap, groups, sizes, replay, contract),
        steered_ratio(base, ratio, groups, sizes, replay, contract),
    )


@pytest.mark.parametrize(("rows", "draws"), [(1000, 400), (3000, 400)])
def test_fair_twins_are_seldom_flagged_and_intervals_cover(rows, draws):
    """Beyond an interval at most 5 % and 3.3 deviations, which a correct tool exceeds in one of two thousand."""
    world, beyond, told = SteeredLoans(), np.zeros(2), np.zeros(2)
    for seed in range(draws):
        for i, (figure, truth) in enumerate(zip(figures_of(world, 0.0, rows, seed), (0.0, 1.0), strict=True)):
            if figure.estimate is not None:
                told[i] += 1
                beyond[i] += not figure.low <= truth <= figure.high
    assert (told >= draws * (0.8 if rows < 3000 else 1.0)).all()
    assert (beyond <= 0.05 * told + 3.3 * np.sqrt(0.0475 * told)).all()


def test_a_planted_harm_is_found_with_the_power_that_is_told():
    world, rows, draws = SteeredLoans(), 3000, 200
    fair = figures_of(world, 0.0, rows, 1)[0]
    truth = world.truth
    effect = fair.mde / truth(0.1)["steering_excess_rate"] * 0.1  # the excess grows with the effect in proportion
    assert 0 < effect < 0.4
    found = [figures_of(world, effect, rows, 1000 + seed) for seed in range(draws)]
    power = np.mean([gap.low > 0 for gap, _ in found])
    assert 0.65 < power < 0.95
    covered = np.mean([gap.low <= truth(effect)["steering_excess_rate"] <= gap.high for gap, _ in found])
    assert covered > 0.9
    ratios = np.mean([ratio.low <= truth(effect)["steered_ratio"] <= ratio.high for _, ratio in found])
    assert ratios > 0.9


def test_a_program_names_its_rules_by_content(tmp_path):
    file = written(tmp_path, book(14, 50), RULES)
    assert read_program(file).product_rules.products == ("cheap", "dear")
