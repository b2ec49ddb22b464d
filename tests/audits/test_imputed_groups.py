"""Groups known by probability only: both bounds against rows, coverage of their union, and what probabilities show.

Tolerance 1e-9 relative: sums are exact to 2^-61 of a row, clusters' sums to 2⁻⁴⁰.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from audits.evidence.memberships import collect_memberships, memberships_from_json, memberships_to_json
from audits.evidence.needs import MembershipNeed
from audits.simulation.noisy_groups import NoisyGroups
from audits.statistics.imputed_membership import (
    Bound,
    nearest_to_none,
    union_interval,
    union_p_value,
    weighted_rates,
)
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import run_program, write_program

RELATIVE = 1e-9
RACES = {"black": "p b", "hispanic": "p_h", "white": "p_w"}
CONTRACT = {
    "unit": "case",
    "decision": {"column": "granted", "favourable": 1},
    "imputed_groups": {"race": {"probabilities": RACES, "reference": "white", "calibration": "drawn from them"}},
}


def people(seed: int = 1, rows: int = 2500, gap: float = 0.15) -> pd.DataFrame:
    """Applicants whose group is drawn from their own probabilities, then forgotten."""
    rng = np.random.default_rng(seed)
    client = np.arange(rows) // 4
    base = rng.dirichlet([0.3, 0.3, 0.8], rows // 4 + 1)[client]
    group = np.array([rng.choice(3, p=p) for p in base])
    chance = 0.75 - gap * (group == 0) + np.repeat(rng.normal(0, 0.1, rows // 4 + 1), 4)[:rows]
    data = pd.DataFrame({"case": np.arange(rows), "client": client, "granted": (rng.random(rows) < chance) * 1})
    for column, values in zip(RACES.values(), base.T, strict=True):
        data[column] = values
    return data


def audited(folder, data, contract=None, **roles):
    contract = {**(contract or CONTRACT), **roles}
    file = write_program(folder, data, contract=contract, audits={"primary": ["fair_lending.imputed_groups"]})
    run, judgement = run_program(file, folder / "out")
    assert not run.errors
    return {m.group: m for m in run.measurements}, run, judgement


def weighted_on_rows(data, group, reference, cluster=None):
    """Difference of weighted means and its linearised error, row by row."""
    scores, rates = [], []
    for column in (reference, group):
        p, y = data[column].to_numpy(), data["granted"].to_numpy()
        rates.append(np.average(y, weights=p))
        scores.append(p * (y - rates[-1]) / p.sum())
    score = scores[0] - scores[1]
    if cluster is not None:
        score = pd.Series(score).groupby(data[cluster].to_numpy()).sum().to_numpy()
    n = len(score)
    return rates[0] - rates[1], np.sqrt(n / (n - 1) * (score**2).sum())


@pytest.mark.parametrize("entity", [None, "client"])
def test_both_bounds_and_their_errors_equal_rows(tmp_path, entity):
    data = people(1)
    found, _, _ = audited(tmp_path, data, **({"entity": entity} if entity else {}))
    design = np.column_stack([np.ones(len(data)), data["p b"], data["p_h"]])
    kind = {"cov_type": "cluster", "cov_kwds": {"groups": data["client"]}} if entity else {"cov_type": "HC1"}
    fit = sm.OLS(data["granted"].to_numpy(float), design).fit(**kind)
    for i, (label, column) in enumerate(list(RACES.items())[:2]):
        details = found[label].details
        gap, error = weighted_on_rows(data, column, "p_w", entity)
        assert details["weighted_gap"] == pytest.approx(gap, rel=RELATIVE)
        assert details["weighted_gap_error"] == pytest.approx(error, rel=RELATIVE)
        assert details["least_squares_gap"] == pytest.approx(-fit.params[1 + i], rel=RELATIVE)
        assert details["least_squares_gap_error"] == pytest.approx(fit.bse[1 + i], rel=RELATIVE)
    assert found["black"].low < found["black"].estimate < found["black"].high
    assert set(found) == {"black", "hispanic"}


def test_the_estimate_is_the_bound_nearest_to_no_gap_and_the_interval_holds_both(tmp_path):
    gap = audited(tmp_path, people(2, 4000))[0]["black"]
    bounds = sorted([gap.details["weighted_gap"], gap.details["least_squares_gap"]])
    assert gap.estimate == bounds[0] > 0
    assert gap.low < bounds[0] < bounds[1] < gap.high
    assert gap.mde > 0
    assert "nearest to no gap" in gap.method
    assert any("pull apart" in caution for caution in gap.cautions)


def test_a_reference_without_a_column_takes_what_is_left_over(tmp_path):
    data = people(3)
    listed = audited(tmp_path / "listed", data)[0]["black"]
    fewer = {"race": {**CONTRACT["imputed_groups"]["race"], "probabilities": {"black": "p b", "hispanic": "p_h"}}}
    left = audited(tmp_path / "left", data, imputed_groups=fewer)[0]["black"]
    for figure in ("estimate", "low", "high", "mde", "p_value"):
        assert getattr(left, figure) == pytest.approx(getattr(listed, figure), rel=1e-8)


def test_certain_groups_give_the_plain_gap_twice(tmp_path):
    data = people(4)
    group = data[list(RACES.values())].to_numpy().argmax(axis=1)
    for i, column in enumerate(RACES.values()):
        data[column] = (group == i) * 1.0
    gap = audited(tmp_path, data)[0]["black"]
    rate = data.groupby(group)["granted"].mean()
    assert gap.details["weighted_gap"] == pytest.approx(rate[2] - rate[0], rel=RELATIVE)
    assert gap.details["least_squares_gap"] == pytest.approx(rate[2] - rate[0], rel=RELATIVE)
    assert gap.details["group_effective"] == pytest.approx((group == 0).sum(), rel=RELATIVE)


def replicates(effect: float, rows: int, number: int, seed: int) -> tuple[float, float, float]:
    """Share of unions that hold the truth, lie beyond no gap, and beyond five points, on counts of the world D6."""
    world = NoisyGroups()
    joint, q = world.population(effect).over("probability", "approved"), np.array(world.probabilities)
    truth = world.truth(effect)["approval_gap"]
    rng, members = np.random.default_rng(seed), np.stack([q, 1 - q], axis=1)
    held = apart = beyond = 0
    for _ in range(number):
        counts = rng.multinomial(rows, joint.ravel()).reshape(joint.shape)
        sums = counts.T @ members
        cross = np.stack([(members * counts[:, [y]]).T @ members for y in (0, 1)])
        rates = weighted_rates(sums, cross, rows)
        size, yes = counts.sum(axis=1), counts[:, 1]
        centred = q - q @ size / rows
        information = size @ centred**2
        slope = centred @ yes / information
        away = yes.sum() / rows + slope * centred
        squares = yes * (1 - away) ** 2 + (size - yes) * away**2
        error = np.sqrt(rows / (rows - 2) * (centred**2 @ squares)) / information
        freedom = min(rates.effective) - 1
        pair = (Bound(*rates.difference(1, 0), freedom), Bound(-slope, float(error), freedom))
        low, high = union_interval(*pair, 0.95)
        held, apart, beyond = held + (low <= truth <= high), apart + (low > 0 or high < 0), beyond + (low > 0.05)
    return held / number, apart / number, beyond / number


@pytest.mark.parametrize(("effect", "rows"), [(0.0, 600), (0.0, 4000), (0.05, 4000), (0.15, 600), (0.15, 4000)])
def test_the_union_holds_the_truth_at_least_as_often_as_it_says(effect, rows):
    held, apart, beyond = replicates(effect, rows, 400, seed=8)
    # at a true coverage of .95 fewer than 366 of 400 occur with probability .001
    assert held >= stats.binom.ppf(0.001, 400, 0.95) / 400
    if effect == 0:  # at a true rate of .05 more than 35 of 400 occur with probability .001
        assert apart <= stats.binom.ppf(0.999, 400, 0.05) / 400
        assert beyond == 0
    if (effect, rows) == (0.15, 4000):
        assert apart > 0.95


def test_a_planted_gap_is_found_and_a_fair_lender_is_clear_only_where_calibration_is_stated(tmp_path):
    from audits.simulation.write import Simulation, write_simulation

    for effect, expected in ((0.0, "clear"), (0.15, "concern")):
        files = write_simulation(Simulation(NoisyGroups(), 20_000, effect, 5), tmp_path / f"{effect}")
        text = files.program.read_text().replace("- fair_lending\n", "- fair_lending.imputed_groups\n")
        for stated, verdict in ((True, expected), (False, expected.replace("clear", "inconclusive"))):
            lines = [line for line in text.splitlines() if stated or "calibration" not in line]
            files.program.write_text("\n".join(lines))
            run, judgement = run_program(files.program, tmp_path / f"out-{effect}-{stated}")
            (gap,) = run.measurements
            assert gap.low <= NoisyGroups().truth(effect)["approval_gap"] <= gap.high
            assert [finding.verdict for finding in judgement.findings] == [verdict]


@pytest.mark.parametrize(("change", "words"), [
    ({"p b": 0.0}, "nobody has any probability of belonging to 'black'"),
    ({"p b": 0.3}, "everybody has the same probability"),
    ({"p_w": 0.0}, "nobody has any probability of belonging to 'white'"),
    ({"granted": 1}, "expect only 0.0 declined"),
    ({"granted": lambda data: (data["case"] == 0) * 1}, " approved applicants of 'black'"),
])  # fmt: skip
def test_what_probabilities_cannot_tell_is_said(tmp_path, change, words):
    gap = audited(tmp_path, people(5, 800).assign(**change), decision={
        "column": "granted", "favourable": 1, "unfavourable": 0,
    })[0]["black"]  # fmt: skip
    assert (gap.estimate, gap.low, gap.high) == (None, None, None)
    assert words in gap.reason


@pytest.mark.parametrize("members", [1, 5])
def test_a_handful_of_sure_members_has_no_interval(tmp_path, members):
    data = people(6, 800)
    data["p b"] = (data["case"] < members) * 1.0
    data["p_h"] = 0.5 * (1 - data["p b"]) * (data["case"] % 2)
    data["p_w"] = 1 - data["p b"] - data["p_h"]
    assert "an error to rely on needs 10" in audited(tmp_path, data)[0]["black"].reason


def test_probabilities_that_follow_from_each_other_do_not_tell_their_groups_apart(tmp_path):
    data = people(7)
    data["p_h"] = data["p b"] * 0.5
    data["p_w"] = 1 - 1.5 * data["p b"].clip(upper=0.6)
    found, _, _ = audited(tmp_path, data)
    assert "follow from the others" in found["hispanic"].reason


def test_few_entities_give_no_interval(tmp_path):
    data = people(8)
    data["client"] = data["case"] % 12
    assert "entities, and an error that allows for them" in audited(tmp_path, data, entity="client")[0]["black"].reason


def test_probabilities_that_miss_one_or_single_nobody_out_keep_the_verdict_open(tmp_path):
    data = people(9)
    data["p_w"] *= 0.5
    gap = audited(tmp_path / "sum", data)[0]["black"]
    assert any("do not sum to one" in told for told in gap.unseen)
    faint = people(9)
    faint["p b"] *= 0.4
    faint["p_w"] = 1 - faint["p b"] - faint["p_h"]
    gap = audited(tmp_path / "faint", faint)[0]["black"]
    assert any("nobody is more likely than not" in told for told in gap.unseen)
    assert audited(tmp_path / "plain", people(9))[0]["black"].unseen == ()


def test_rows_without_a_probability_or_a_decision_are_left_out_and_counted(tmp_path):
    data = people(10)
    data["granted"] = data["granted"].astype(float)
    data.loc[:49, "p b"] = np.nan
    data.loc[50:79, "granted"] = np.nan
    rules = {"p b": {"null_tolerance": 0.5}, "granted": {"null_tolerance": 0.5}}
    found, run, _ = audited(tmp_path, data, columns=rules)
    gap, _ = weighted_on_rows(data.iloc[80:], "p b", "p_w")
    assert found["black"].n == len(data) - 80
    assert found["black"].details["weighted_gap"] == pytest.approx(gap, rel=RELATIVE)
    left_out = {(one.role, one.rows) for one in run.exclusions}
    assert {("imputed_groups.race.black", 50), ("decision", 30)} <= left_out


def test_row_order_and_threads_leave_every_byte_of_memberships(tmp_path, monkeypatch):
    data, texts = people(11, 3000), set()
    for threads, order in (("1", None), ("4", 1), ("2", 2)):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        shuffled = data if order is None else data.sample(frac=1, random_state=order)
        file = write_program(tmp_path / threads, shuffled, contract={**CONTRACT, "entity": "client"})
        with open_source(read_program(file), Period()) as source:
            found = collect_memberships(source, MembershipNeed(("p b", "p_h"), True, "client"))
        texts.add(memberships_to_json(found))
    assert len(texts) == 1
    assert memberships_from_json(texts.pop()) == found
    products = np.column_stack([data["p b"], data["p_h"], 1 - data["p b"] - data["p_h"]])
    np.testing.assert_allclose(np.sum(found.cross, axis=0), products.T @ products, rtol=RELATIVE)


@pytest.mark.parametrize(("block", "words"), [
    ({"probabilities": RACES, "reference": "whte"}, "did you mean 'white'?"),
    ({"probabilities": {"white": "p_w"}, "reference": "white"}, "no label beside the reference"),
    ({"probabilities": RACES}, "reference"),
])  # fmt: skip
def test_a_contract_that_cannot_be_meant_is_refused_with_words(tmp_path, block, words):
    file = write_program(tmp_path, people(12, 80), contract={**CONTRACT, "imputed_groups": {"race": block}})
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        read_program(file)


def test_bounds_on_either_side_of_no_gap_say_none_at_the_least():
    down, up = Bound(-0.02, 0.01, 50.0), Bound(0.03, 0.01, 50.0)
    assert (nearest_to_none(down, up), union_p_value(down, up)) == (0.0, 1.0)
    far = Bound(0.08, 0.02, 50.0)
    assert nearest_to_none(up, far) == 0.03
    assert union_p_value(up, far) == pytest.approx(2 * stats.t.sf(3, 50), rel=1e-9)
    reach = stats.t.ppf(0.975, 50)
    assert union_interval(up, far, 0.95) == pytest.approx((0.03 - 0.01 * reach, 0.08 + 0.02 * reach), rel=1e-9)


@pytest.mark.parametrize(("every", "told"), [(25, False), (10, True)])
def test_decided_rows_without_a_probability_are_counted_and_above_a_twentieth_never_clear(tmp_path, every, told):
    data = people(1)
    data.loc[::every, "p b"] = np.nan
    roles = {"columns": {"p b": {"null_tolerance": 1}}}
    gap = audited(tmp_path, data, **roles)[0]["hispanic"]
    assert gap.counts["left_out"] == 2500 // every
    assert any("lack a probability of belonging" in words for words in gap.unseen) is told
