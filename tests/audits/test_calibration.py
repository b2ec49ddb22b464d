"""Calibration: statsmodels on rows is the oracle of the estimate, drawn lenders of its error rates.

Shares of draws get a band of four standard errors of a proportion, so that a correct estimator fails one such
comparison in about 16,000; all seeds are fixed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from audits.fair_lending.calibration import Calibration
from audits.simulation.approved_only import ApprovedOnly
from audits.statistics.calibration import CalibrationCaveat, _quantile_bins, _unit, calibration_gap
from audits.statistics.mantel_haenszel import mantel_haenszel_risk_difference
from checks.problem import InputError
from tests.programs import run_program, write_program
from tests.questions import measure_program

GRID = np.linspace(-4, 5, 1000)
CONTRACT = {
    "unit": "case", "score": "points", "groups": {"region": {"column": "region", "reference": "north"}},
    "decision": {"column": "granted", "favourable": 1, "unfavourable": 0},
    "outcome": {"column": "paid", "favourable": 1}, "columns": {"paid": {"null_tolerance": 1}},
}  # fmt: skip


def lender(kind: str):
    """Scores, their spread in the group and in the reference, and the chance of the good outcome at each."""
    if kind == "few values":
        score = np.arange(8.0)
        group, reference, chance = np.linspace(2, 1, 8), np.linspace(1, 3, 8), np.linspace(0.4, 0.95, 8)
    elif kind == "steep":
        score, chance = GRID, 1 / (1 + np.exp(1 - 3 * GRID))
        group, reference = stats.norm.pdf(GRID, 0, 1), stats.norm.pdf(GRID, 1, 1)
    else:
        score, chance = GRID, 1 / (1 + np.exp(-0.8 - GRID))
        group, reference = stats.norm.pdf(GRID, 0, 1), stats.norm.pdf(GRID, 1, 1)
    return score, group / group.sum(), reference / reference.sum(), chance


def drawn(rng, kind: str, n1: int, n0: int, gap: float = 0.0):
    score, group, reference, chance = lender(kind)
    m, k = rng.multinomial(n1, group), rng.multinomial(n0, reference)
    return score, rng.binomial(m, np.clip(chance + gap, 0, 1)), m, rng.binomial(k, chance), k


def band(chance: float, draws: int) -> float:
    return 4 * np.sqrt(chance * (1 - chance) / draws)


@pytest.mark.parametrize(("kind", "bins"), [("normal", None), ("normal", 6), ("few values", None), ("few values", 3)])
def test_the_gap_and_its_error_are_those_of_statsmodels_on_rows(kind, bins):
    score, a, m, c, k = drawn(np.random.default_rng(3), kind, 400, 700, 0.05)
    found = calibration_gap(score, a, m, c, k, bins)
    parts = ((a, 1, 1), (m - a, 1, 0), (c, 0, 1), (k - c, 0, 0))
    rows = pd.concat([pd.DataFrame({"s": np.repeat(score, n), "d": d, "y": y}) for n, d, y in parts])
    used = np.unique(rows["s"])
    bin_of = _quantile_bins(np.array([(rows["s"] == value).sum() for value in used], dtype=float), found.bins)
    rows["b"] = bin_of[np.searchsorted(used, rows["s"])]
    both = rows.groupby("b")["d"].transform("nunique") == 2
    rows = rows[both].assign(s=_unit(used)[np.searchsorted(used, rows.loc[both, "s"])])
    levels = pd.get_dummies(rows["b"], dtype=float)
    slopes = levels.mul(rows["s"] - rows.groupby("b")["s"].transform("mean"), axis=0)
    slopes = slopes.loc[:, slopes.abs().max() > 0]
    design = np.column_stack([rows["d"], levels, slopes])
    fit = sm.OLS(rows["y"].to_numpy(float), design).fit(cov_type="HC3")
    assert found.sloped == bool(slopes.shape[1])
    assert found.gap == pytest.approx(fit.params[0], rel=1e-8)
    assert found.standard_error == pytest.approx(fit.bse[0], rel=1e-8)
    assert found.alone1 + found.alone0 == (~both).sum()


def test_with_every_score_a_bin_the_gap_is_the_mantel_haenszel_difference():
    score, a, m, c, k = drawn(np.random.default_rng(4), "few values", 300, 900, 0.1)
    found = calibration_gap(score, a, m, c, k)
    theirs = mantel_haenszel_risk_difference(a, m, c, k)
    assert (found.sloped, found.bins) == (False, 8)
    assert found.gap == pytest.approx(theirs.estimate, rel=1e-12)
    assert found.standard_error == pytest.approx(theirs.standard_error, rel=0.03)  # two estimates of one error


@pytest.mark.parametrize("kind", ["normal", "steep", "few values"])
@pytest.mark.parametrize(("n1", "n0"), [(100, 400), (50, 5000), (3000, 7000), (300_000, 700_000)])
def test_a_calibrated_score_is_accused_no_more_often_than_stated(kind, n1, n0):
    rng, draws = np.random.default_rng(n1), 250
    accused = 0
    for _ in range(draws):
        found = calibration_gap(*drawn(rng, kind, n1, n0))
        accused += abs(found.gap) > stats.t.ppf(0.975, found.freedom) * found.standard_error
    assert accused / draws < 0.05 + band(0.05, draws)


def test_bins_without_slopes_accuse_a_calibrated_score_which_the_slopes_are_there_for():
    rng, draws = np.random.default_rng(7), 60
    accused = {True: 0, False: 0}
    for _ in range(draws):
        score, *counts = drawn(rng, "normal", 300_000, 700_000)
        bins = _quantile_bins((counts[1] + counts[3]).astype(float), 20)
        plain = mantel_haenszel_risk_difference(*(np.bincount(bins, part) for part in counts))
        ours = calibration_gap(score, *counts)
        accused[False] += plain.low > 0 or plain.high < 0
        accused[True] += abs(ours.gap) > 1.96 * ours.standard_error
    assert accused[False] > 0.3 * draws
    assert accused[True] / draws < 0.05 + band(0.05, draws)


def test_the_interval_covers_a_planted_gap_and_finds_it():
    rng, draws = np.random.default_rng(9), 300
    held = found_it = 0
    for _ in range(draws):
        found = calibration_gap(*drawn(rng, "few values", 3000, 7000, 0.04))
        reach = stats.t.ppf(0.975, found.freedom) * found.standard_error
        held += abs(found.gap - 0.04) <= reach
        found_it += found.gap > reach
    assert abs(held / draws - 0.95) < band(0.95, draws)
    assert found_it / draws > 0.9


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e200, 1e308])
def test_the_unit_of_the_score_changes_nothing(scale):
    score, *counts = drawn(np.random.default_rng(5), "normal", 400, 600)
    plain, scaled = calibration_gap(score, *counts), calibration_gap(score / 5 * scale, *counts)
    assert (scaled.gap, scaled.standard_error) == pytest.approx((plain.gap, plain.standard_error), rel=1e-9)
    turned = calibration_gap(-score, *counts)
    assert turned.gap == pytest.approx(plain.gap, abs=0.2 * plain.standard_error)  # other bins, the same question


@pytest.mark.parametrize(
    ("counts", "caveat"),
    [((([1, 2], [0, 0], [0, 0], [1, 1], [5, 5])), CalibrationCaveat.NO_ROWS),
     (([3, 3], [1, 1], [5, 5], [1, 1], [5, 5]), CalibrationCaveat.CONSTANT_SCORE),
     (([1, 2], [1, 0], [5, 0], [0, 1], [0, 5]), CalibrationCaveat.NO_OVERLAP),
     (([1, 2], [5, 5], [5, 5], [6, 6], [6, 6]), CalibrationCaveat.NO_VARIANCE)],
)  # fmt: skip
def test_what_cannot_be_compared_says_why(counts, caveat):
    found = calibration_gap(*counts)
    assert found.caveat == caveat
    assert caveat.reason
    assert np.isnan(found.standard_error)


def test_a_score_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite score"):
        calibration_gap([1.0, np.nan], [1, 1], [2, 2], [1, 1], [2, 2])


def book(seed: int = 2, rows: int = 4000, digits: int = 2) -> pd.DataFrame:
    """A score that is the chance of repayment, too harsh on the south by .08."""
    rng = np.random.default_rng(seed)
    region = rng.choice(["north", "south", "west"], rows, p=[0.55, 0.3, 0.15])
    chance = np.where(region == "south", rng.beta(4, 4, rows), rng.beta(5, 3, rows)).round(digits)
    good = rng.uniform(size=rows) < np.clip(chance + 0.08 * (region == "south"), 0, 1)
    data = pd.DataFrame({"case": range(rows), "region": region, "points": chance, "paid": good.astype(float)})
    return data.assign(granted=(chance + rng.normal(0, 0.1, rows) > 0.45).astype(int))


def measured(folder, data, question=None, period="all", **contract):
    file = write_program(folder, data, contract={**CONTRACT, **contract})
    return measure_program(file, question or Calibration(), folder / "evidence", period)


def figures(found, measure, group=None):
    return [m for m in found if m.measure == measure and group in (None, m.group)]


@pytest.mark.parametrize("digits", [2, 15])
def test_the_question_measures_the_planted_harshness(tmp_path, digits):
    found, missing = measured(tmp_path, book(digits=digits, rows=8000))
    (gap,) = figures(found, "calibration_gap", "south")
    assert abs(gap.estimate - 0.08) < 3 * gap.standard_error
    assert 0 < gap.low < gap.estimate < gap.high
    assert gap.n == gap.counts["group"] + gap.counts["reference"]
    assert 0 < gap.mde < 0.1
    assert not gap.unseen
    assert [m.question for m in missing] == ["fair_lending.calibration: calibration_in_the_large"]


def test_a_score_turned_round_has_the_same_gap_and_the_other_direction_the_same_level(tmp_path):
    data = book()
    plain, _ = measured(tmp_path / "a", data, Calibration(score_is="favourable"))
    turned, _ = measured(tmp_path / "b", data.assign(points=1 - data["points"]), Calibration(score_is="unfavourable"))
    for name in ("calibration_gap", "calibration_in_the_large"):
        for one, two in zip(figures(plain, name), figures(turned, name), strict=True):
            # the bins are cut from the other end, so the gap is the same question, not the same sum
            slack = 0.5 * one.standard_error if name == "calibration_gap" else 1e-9
            assert one.estimate == pytest.approx(two.estimate, abs=slack)


def test_calibration_in_the_large_is_the_mean_of_outcome_less_score(tmp_path):
    data = book()
    data.loc[::7, "paid"] = np.nan
    data.loc[::11, "points"] = np.nan
    found, _ = measured(tmp_path, data, Calibration(score_is="favourable"))
    known = data.dropna()
    for label in ("north", "south", "west"):
        (one,) = figures(found, "calibration_in_the_large", label)
        rows = known[known["region"] == label]
        off = rows["paid"] - rows["points"]
        error = off.std(ddof=1) / np.sqrt(len(off))
        assert (one.estimate, one.standard_error) == pytest.approx((off.mean(), error), rel=1e-9)
        assert (one.low, one.high) == pytest.approx(stats.t.interval(0.95, len(off) - 1, off.mean(), error), rel=1e-9)


def test_the_outcome_rate_is_that_of_the_known_ones(tmp_path):
    data = book()
    data.loc[::7, "paid"] = np.nan
    found, _ = measured(tmp_path, data)
    for label, rows in data.groupby("region"):
        (one,) = figures(found, "outcome_rate", label)
        assert one.estimate == pytest.approx(rows["paid"].mean())
        assert one.counts["outcome_unknown"] == rows["paid"].isna().sum()


def test_the_direction_of_the_score_is_never_guessed(tmp_path):
    found, missing = measured(tmp_path / "a", book())
    assert not figures(found, "calibration_in_the_large")
    assert "not said" in missing[0].reason
    points = book().assign(points=lambda d: 600 + 100 * d["points"])
    found, missing = measured(tmp_path / "b", points, Calibration(score_is="favourable"))
    assert not figures(found, "calibration_in_the_large")
    assert "is no chance" in missing[0].reason
    with pytest.raises(InputError, match="favourable, unfavourable, none"):
        Calibration(score_is="good")


def test_outcomes_of_the_approved_only_are_never_clear_and_never_a_breach(tmp_path):
    data = book()
    data.loc[data["granted"] == 0, "paid"] = np.nan
    found, _ = measured(tmp_path, data, Calibration(score_is="favourable"))
    assert len(found) == 8
    for one in found:
        assert any("selected sample" in said for said in one.cautions)
        assert any("selected sample" in said for said in one.unseen)


@pytest.mark.parametrize("effect", [0.0, 0.12])
def test_among_the_approved_the_gap_is_what_the_world_says_the_approved_show(tmp_path, effect):
    world, rows = ApprovedOnly(), 60_000
    people = world.recorded(effect)
    rng = np.random.default_rng(12)
    codes = np.unravel_index(
        rng.choice(people.probability.size, rows, p=people.probability.ravel()), people.probability.shape
    )
    data = pd.DataFrame({column.name: np.array(column.values, dtype=object)[at]
                         for column, at in zip(people.columns, codes, strict=True)})  # fmt: skip
    data = data.assign(case=range(rows), default=data["default"].astype(float), risk=data["risk"].astype(int))
    contract = {**world.contract(), "score": "risk", "controls": []}
    contract.pop("controls")
    file = write_program(tmp_path, data.astype({"approved": int}), contract=contract)
    found, _ = measure_program(file, Calibration(), tmp_path / "evidence")
    (gap,) = figures(found, "calibration_gap")
    shown = -world.truth(effect)["calibration_gap_among_the_approved"]  # there of defaults, here of repayments
    assert abs(gap.estimate - shown) < 4 * gap.standard_error
    assert gap.unseen


@pytest.mark.parametrize("size", [0, 1, 5, 9])
def test_small_groups_have_a_reason_or_an_interval(tmp_path, size):
    data = book()
    data = data[(data["region"] != "west") | (data.groupby("region").cumcount() < size)]
    found, _ = measured(tmp_path, data, Calibration(score_is="favourable"))
    assert len(figures(found, "calibration_gap")) == (2 if size else 1)
    for one in found:
        assert (one.estimate is None) == (one.reason is not None)
    assert all(m.estimate is None for m in figures(found, "calibration_gap", "west"))


@pytest.mark.parametrize(
    "changes",
    [
        {"points": 0.5},
        {"paid": 1.0},
        {"paid": 0.0},
        {"paid": np.nan},
        {"points": np.nan},
        {"granted": 1},
        {"granted": 0},
    ],
)
def test_one_sided_books_have_figures_or_reasons(tmp_path, changes):
    found, _ = measured(tmp_path, book(rows=400).assign(**changes), Calibration(score_is="favourable"))
    assert len(found) >= 5
    for one in found:
        assert (one.estimate is None) == (one.reason is not None)
    if "granted" not in changes:
        assert all(m.estimate is None for m in figures(found, "calibration_gap"))


def test_groups_that_hardly_overlap_say_who_has_no_counterpart(tmp_path):
    data = book(rows=3000)
    data["points"] = np.where(data["region"] == "south", data["points"] * 0.5, 0.3 + data["points"] * 0.5).round(2)
    found, _ = measured(tmp_path, data)
    (gap,) = figures(found, "calibration_gap", "south")
    assert gap.counts["group_alone"] > 0.05 * gap.counts["group"]
    assert any("comes near" in said for said in gap.unseen)


def test_scores_squeezed_together_by_one_far_off_are_said(tmp_path):
    data = book(rows=6000, digits=12)
    data.loc[0, "points"] = 1e9
    found, _ = measured(tmp_path, data)
    (gap,) = figures(found, "calibration_gap", "south")
    assert any("lie far off" in said for said in gap.unseen)


def test_a_program_judges_it(tmp_path):
    file = write_program(tmp_path, book(), contract=CONTRACT, audits={"primary": ["fair_lending.calibration"]})
    run, judgement = run_program(file, tmp_path / "out")
    assert not run.errors
    verdicts = {
        f.measurement.group: f.verdict for f in judgement.findings if f.measurement.measure == "calibration_gap"
    }
    assert set(verdicts) <= {"south", "west"}
    assert "breach" not in verdicts.values()


@pytest.mark.parametrize("decision", [True, False])
@pytest.mark.parametrize(("alike", "told"), [(True, False), (False, True)])
def test_a_group_whose_outcomes_are_less_often_known_is_never_clear(tmp_path, decision, alike, told):
    data = book(rows=6000)
    hidden = np.arange(6000) % 5 == 0
    data.loc[hidden & (alike | (data["region"] == "south").to_numpy()), "paid"] = np.nan
    found, _ = measured(tmp_path, data, **({} if decision else {"decision": None}))
    gap = figures(found, "calibration_gap", "south")[0]
    assert any("% of south and" in words for words in gap.unseen) is told
    assert any("% of south and" in words for words in gap.cautions) is told
    west = figures(found, "calibration_gap", "west")[0]
    assert not any("% of west and" in words for words in west.unseen)
