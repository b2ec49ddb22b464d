"""Prices against what a firm knows of willingness to pay: statsmodels on rows, planted shares, fair twins, bad input.

Tolerance 1e-8 relative: sums are exact to one rounding, and both sides solve the same equations in double precision.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from audits.policies.packs import find_pack
from audits.statistics.partial_r_squared import LinearMoments, partial_r_squared
from checks.problem import InputError
from tests.programs import ROOT, run_program, write_program

SCORE, VISITS, SPENT = "弹性", "n visits", "spent €"
BEHAVIOUR = {"device": "app", "visits": VISITS, "spend_history": SPENT, "elasticity_score": SCORE}
CONTRACT = {"unit": "case", "price": "asked", "cost": "technical", "strata": ["cover"], "behaviour": BEHAVIOUR}


def quotes(seed=1, rows=3000, share=0.0, dearer=0.0, per_score=0.0):
    """``share`` of log markup's variation by visits, ``dearer`` log points on ios, ``per_score`` on a deviation."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({
        "case": np.arange(rows), "client": np.arange(rows) // 3,
        "cover": rng.choice(["basic", "full"], rows),
        "app": rng.choice(["ios", "android", "web"], rows, p=[0.3, 0.5, 0.2]),
        VISITS: rng.poisson(4, rows), SPENT: rng.lognormal(5, 0.5, rows), SCORE: rng.normal(50, 10, rows),
        "technical": np.exp(rng.normal(6, 0.5, rows)),
    })  # fmt: skip
    markup = 0.2 + 0.05 * (data["cover"] == "full") + 0.1 * rng.normal(size=rows)
    markup += 0.1 * np.sqrt(share / (1 - share)) * (data[VISITS] - 4) / 2
    markup += dearer * (data["app"] == "ios") + per_score * (data[SCORE] - 50) / 10
    data["asked"] = np.exp(markup) * data["technical"]
    return data


def audited(folder, data, policies=("cn", "us"), **roles):
    contract = {key: value for key, value in {**CONTRACT, **roles}.items() if value is not None}
    file = write_program(
        folder, data, contract=contract, audits={"primary": ["loyalty_pricing.willingness_to_pay"]},
        policies=list(policies),
    )  # fmt: skip
    run, judgement = run_program(file, folder / "out")
    assert not run.errors
    return run, judgement


def shares(run):
    return {m.attribute: m for m in run.measurements if m.measure == "behaviour_price_share"}


def ratios(run):
    found = [m for m in run.measurements if m.measure == "trait_price_ratio"]
    return {frozenset((m.group, m.reference)): m for m in found}


def slope_of(run):
    return next(m for m in run.measurements if m.measure == "retention_price_slope")


def fits(data, formula, entity=None):
    used = data.rename(columns={SCORE: "score", VISITS: "visits", SPENT: "spent"})
    used["markup"], used["margin"] = np.log(used["asked"] / used["technical"]), 1 - used["technical"] / used["asked"]
    model = smf.ols(formula, used)
    kind = {"cov_type": "cluster", "cov_kwds": {"groups": used[entity]}} if entity else {"cov_type": "HC1"}
    return model.fit(**kind), model.fit()


@pytest.mark.parametrize("entity", [None, "client"])
def test_figures_equal_statsmodels_on_rows_of_renamed_columns(tmp_path, entity):
    data = quotes(2, 1500, share=0.05, dearer=0.03, per_score=-0.02)
    data.loc[data["app"] == "web", "asked"] *= 1.01
    run, _ = audited(tmp_path, data, entity=entity)
    terms = {
        None: "C(app) + visits + spent + score", "device": "C(app)", "visits": "visits", "spend history": "spent",
        "price sensitivity": "score",
    }  # fmt: skip
    reduced = fits(data, "markup ~ C(cover)")[1].ssr
    found = shares(run)
    assert set(found) == set(terms)
    for attribute, columns in terms.items():
        robust, plain = fits(data, f"markup ~ C(cover) + {columns}", entity)
        assert found[attribute].details["unadjusted"] == pytest.approx(1 - plain.ssr / reduced, rel=1e-8)
        tested = np.eye(len(robust.params))[
            [i for i, name in enumerate(robust.params.index) if i and "cover" not in name]
        ]
        wald = robust.wald_test(tested, use_f=False, scalar=True)
        assert found[attribute].details["wald"] == pytest.approx(wald.statistic, rel=1e-8)
        assert found[attribute].details["columns"] == len(tested)
        assert found[attribute].group is None
        assert (found[attribute].equality, found[attribute].n) == (0.0, 1500)
    robust, plain = fits(data, "margin ~ C(cover) + score", entity)
    slope, deviation = slope_of(run), data[SCORE].std()
    assert slope.estimate == pytest.approx(abs(deviation * robust.params["score"]), rel=1e-8)
    assert slope.details["slope"] < 0
    assert slope.details["score_deviation"] == pytest.approx(deviation, rel=1e-9)
    assert slope.standard_error == pytest.approx(deviation * robust.bse["score"], rel=1e-8)
    f = abs(plain.tvalues["score"]) / np.sqrt(plain.df_resid)
    assert slope.details["robustness_value"] == pytest.approx(0.5 * (np.sqrt(f**4 + 4 * f**2) - f**2), rel=1e-7)
    robust, _ = fits(data, "markup ~ C(cover) + C(app)", entity)
    for label in ("ios", "web"):  # android is the most frequent, and the first in statsmodels' order
        ratio, log = ratios(run)[frozenset((label, "android"))], robust.params[f"C(app)[T.{label}]"]
        assert ratio.estimate == pytest.approx(np.exp(abs(log)), rel=1e-9)
        assert ratio.group == (label if log > 0 else "android")
        assert ratio.details["log_standard_error"] == pytest.approx(robust.bse[f"C(app)[T.{label}]"], rel=1e-8)
        assert ratio.low < ratio.estimate < ratio.high
        sizes = data["app"].value_counts()
        assert (ratio.counts["group"], ratio.counts["reference"]) == (sizes[ratio.group], sizes[ratio.reference])


@pytest.mark.parametrize("planted", [0.01, 0.08, 0.3])
def test_a_planted_share_lies_in_its_interval_and_other_traits_have_none(tmp_path, planted):
    found = shares(audited(tmp_path, quotes(3, 4000, share=planted))[0])
    for attribute in (None, "visits"):
        assert found[attribute].low < planted < found[attribute].high
        assert found[attribute].estimate == pytest.approx(planted, rel=0.2, abs=0.006)
        assert found[attribute].p_value < 1e-3
    for attribute in ("device", "spend history", "price sensitivity"):
        assert found[attribute].low == 0
        assert found[attribute].high < 0.01
    ladder = found[None].ladder
    assert all(one[1] >= two[1] and one[2] <= two[2] for one, two in pairwise(ladder))


def test_a_device_that_pays_more_is_named_first_and_judged_by_its_interval(tmp_path):
    run, judgement = audited(tmp_path, quotes(4, 6000, dearer=-0.1))
    ratio = ratios(run)[frozenset(("ios", "android"))]
    assert (ratio.group, ratio.reference) == ("android", "ios")
    assert ratio.low < np.exp(0.1) < ratio.high
    verdicts = {(f.measurement.group, f.measurement.reference): f.verdict for f in judgement.findings
                if f.rule.id == "cn.algorithm.21"}  # fmt: skip
    assert verdicts["android", "ios"] == "concern"
    assert list(verdicts.values()).count("clear") == 1


@pytest.mark.parametrize(("per_score", "verdict"), [(0.03, "concern"), (-0.03, "concern"), (0.0, "clear")])
def test_a_score_moves_the_margin_whichever_way_it_counts(tmp_path, per_score, verdict):
    run, judgement = audited(tmp_path, quotes(5, 8000, per_score=per_score))
    slope = slope_of(run)
    expected = abs(per_score) * float((quotes(5, 8000)["technical"] / quotes(5, 8000)["asked"]).mean())
    assert slope.low <= expected <= slope.high
    assert slope.low >= 0
    found = [f.verdict for f in judgement.findings if f.rule.id == "us.naic.price_optimization"]
    assert found == [verdict]


def test_fair_prices_are_seldom_flagged_whatever_the_traits_look_like():
    rng, flagged, draws = np.random.default_rng(6), 0, 200
    for _ in range(draws):
        n = 400
        app = rng.choice(3, n, p=[0.5, 0.3, 0.2])
        z = np.column_stack([
            np.ones(n), rng.random(n) < 0.4, rng.poisson(3, n), rng.lognormal(0, 0.7, n), rng.normal(size=n), app == 1,
            app == 2,
        ]).astype(float)  # fmt: skip
        y = 0.05 * z[:, 1] + 0.1 * (1 + z[:, 2] / 3) * rng.normal(size=n)
        gram = z.T @ z
        scores = z * (y - z @ np.linalg.solve(gram, z.T @ y))[:, None]
        sums = LinearMoments(gram, z.T @ y, (y**2).sum(), scores.T @ scores, n)
        found = partial_r_squared(sums, range(2, 7), range(2))
        flagged += not found.accepts(0.0, 0.95)
    assert 0 < flagged / draws <= 0.06


def test_without_a_cost_it_is_said_and_nothing_is_clear_or_a_breach(tmp_path):
    run, judgement = audited(tmp_path, quotes(7, 1500), cost=None)
    assert all(any("no cost" in told for told in m.unseen) for m in run.measurements)
    assert all(any("no cost" in told for told in m.cautions) for m in run.measurements)
    assert not [m for m in run.measurements if m.measure == "retention_price_slope"]
    assert {f.verdict for f in judgement.findings} == {"inconclusive"}
    assert any(m.question.endswith("retention_price_slope") and "no cost" in m.reason for m in run.not_answered)


@pytest.mark.parametrize("key", list(BEHAVIOUR))
def test_each_trait_that_is_not_declared_is_named_and_one_alone_is_measured_once(tmp_path, key):
    run, _ = audited(tmp_path, quotes(8, 600), behaviour={key: BEHAVIOUR[key]})
    assert list(shares(run)) == [None]
    assert shares(run)[None].estimate is not None
    told = [m for m in run.not_answered if m.question.startswith("loyalty_pricing.willingness_to_pay: ")]
    for other in BEHAVIOUR:
        assert any(f"'{other}'" in m.reason and f"{{{other}: …}}" in m.needed for m in told) is (other != key)
    assert bool(ratios(run)) is (key == "device")


def test_a_trait_that_never_varies_has_no_figure_and_spoils_no_other(tmp_path):
    data = quotes(9, 900, share=0.1).assign(**{SCORE: 50.0, "app": "web"})
    run, _ = audited(tmp_path, data)
    for attribute in ("device", "price sensitivity"):
        assert shares(run)[attribute].estimate is None
        assert "never varies" in shares(run)[attribute].reason
    assert "never varies" in slope_of(run).reason
    assert "never varies" in next(m for m in run.measurements if m.measure == "trait_price_ratio").reason
    assert shares(run)[None].details["columns"] == 2
    assert shares(run)[None].low < 0.1 < shares(run)[None].high


def test_labels_of_few_rows_tell_nothing_and_are_said(tmp_path):
    data = quotes(10, 1200)
    data.loc[:6, "app"], data.loc[:6, "asked"] = "fridge", data.loc[:6, "asked"] * 3
    run, _ = audited(tmp_path / "few", data)
    assert "'fridge' has only 7 prices" in ratios(run)[frozenset(("fridge", "android"))].reason
    assert shares(run)["device"].details["columns"] == 2
    assert shares(run)["device"].high < 0.02
    assert not shares(run)["device"].unseen
    data["app"] = data["app"].where(data.index < 1000, [f"phone {i // 8}" for i in range(1200)])
    run, judgement = audited(tmp_path / "many", data)
    assert any("fewer than 10 rows" in told for told in shares(run)["device"].unseen)
    assert any("fewer than 10 rows" in told for told in ratios(run)[frozenset(("ios", "android"))].unseen)
    assert "clear" not in {f.verdict for f in judgement.findings if f.rule.id == "cn.algorithm.21"}


def test_a_label_for_nearly_every_row_is_no_label(tmp_path):
    data = quotes(11, 600)
    data["app"] = [f"id {i}" for i in range(600)]
    run, _ = audited(tmp_path, data)
    assert "more than 128 labels" in shares(run)["device"].reason
    assert "more than 128 labels" in shares(run)[None].reason
    assert shares(run)["visits"].estimate is not None


@pytest.mark.parametrize(("lost", "told"), [(30, False), (300, True)])
def test_rows_without_a_trait_are_counted_and_many_keep_a_verdict_open(tmp_path, lost, told):
    data = quotes(12, 2000)
    data[VISITS] = data[VISITS].astype(float).where(data.index >= lost // 2)
    data["app"] = data["app"].where(data.index < 2000 - lost // 2, "N/A ")
    run, _ = audited(tmp_path, data)
    assert shares(run)[None].counts == {"rows": 2000, "used": 2000 - lost, "left_out": lost}
    assert shares(run)["visits"].counts["left_out"] == lost // 2
    assert not any("N/A" in str(m.group) for m in run.measurements)
    assert any(f"{100 * lost / 2000:.1f} % of the rows lack" in text for text in shares(run)[None].unseen) is told


def test_prices_that_have_no_logarithm_are_left_out_and_counted(tmp_path):
    data = quotes(13, 1000)
    data.loc[:9, "asked"], data.loc[10:19, "technical"] = 0.0, -5.0
    assert shares(audited(tmp_path, data)[0])[None].counts["left_out"] == 20


def test_one_row_that_holds_most_of_a_trait_is_told(tmp_path):
    data = quotes(14, 1500)
    data.loc[0, SPENT] = 1e5
    run, _ = audited(tmp_path, data)
    assert any(f"variation of '{SPENT}'" in told for told in shares(run)["spend history"].cautions)
    assert any(f"variation of '{SPENT}'" in told for told in shares(run)[None].unseen)
    assert not shares(run)["visits"].cautions


def test_a_handful_of_rows_or_of_entities_gives_no_error(tmp_path):
    run, _ = audited(tmp_path / "rows", quotes(15, 14))
    assert "only 14 rows" in shares(run)[None].reason
    data = quotes(16, 900)
    data["client"] = data.index // 60
    run, _ = audited(tmp_path / "entities", data, entity="client")
    assert all("entities" in m.reason for m in run.measurements)


def test_prices_that_follow_from_a_trait_are_all_of_the_share(tmp_path):
    data = quotes(17, 800)
    data["asked"] = data["technical"] * np.exp(0.02 * data[VISITS])
    found = shares(audited(tmp_path / "all", data)[0])
    for attribute in (None, "visits"):
        assert (found[attribute].estimate, found[attribute].low, found[attribute].high) == (1.0, 1.0, 1.0)
    data["asked"] = 1.25 * data["technical"]
    run, _ = audited(tmp_path / "none", data)
    assert all(m.estimate is None and m.reason for m in run.measurements)


def test_controls_are_held_equal_too(tmp_path):
    data = quotes(18, 1500)
    data["risk"] = data[VISITS] + np.random.default_rng(1).normal(size=1500)
    data["asked"] *= np.exp(0.1 * data["risk"])
    assert shares(audited(tmp_path / "without", data)[0])["visits"].low > 0.2
    run, _ = audited(tmp_path / "with", data, controls=["risk"])
    plain = fits(data, "markup ~ C(cover) + risk + visits")[1]
    reduced = fits(data, "markup ~ C(cover) + risk")[1]
    assert shares(run)["visits"].details["unadjusted"] == pytest.approx(1 - plain.ssr / reduced.ssr, rel=1e-6)
    assert shares(run)["visits"].high < 0.02


def test_more_strata_than_are_crossed_add_up(tmp_path):
    data = quotes(19, 3000, share=0.05)
    data["place"] = np.random.default_rng(2).integers(0, 40, 3000)
    run, _ = audited(tmp_path, data, strata=["cover", "place"])
    plain, reduced = (fits(data, f"markup ~ C(cover) + C(place){more}")[1].ssr for more in (" + visits", ""))
    assert shares(run)["visits"].details["unadjusted"] == pytest.approx(1 - plain / reduced, rel=1e-8)
    assert "whose levels add up" in shares(run)["visits"].method


def test_the_order_of_rows_changes_no_byte(tmp_path):
    data = quotes(20, 700, share=0.05)
    contents = set()
    for i, rows in enumerate((data, data.sample(frac=1, random_state=1))):
        audited(tmp_path / str(i), rows, entity="client")
        contents.add((tmp_path / str(i) / "out/loans/all/v1/run.json").read_bytes())
    assert len(contents) == 1


def test_a_weight_is_said_to_be_unused(tmp_path):
    data = quotes(21, 400).assign(w=1.0)
    run, _ = audited(tmp_path, data, weight="w")
    assert any(m.question == "loyalty_pricing.willingness_to_pay: weight" for m in run.not_answered)


def test_text_where_a_number_belongs_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"behaviour\.visits"):
        audited(tmp_path, quotes(22, 100).assign(**{VISITS: "many"}))


def test_the_rule_on_devices_asks_for_the_whole_interval():
    rules = {rule.id: rule for rule in find_pack("cn", ROOT, "policies").rules}
    assert (rules["cn.algorithm.21"].test, rules["cn.algorithm.21"].limit) == ("interval", 1.05)
    assert "behaviour.device" in rules["cn.algorithm.21"].inputs
