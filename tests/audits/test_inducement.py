"""Inducement: counted cases against pandas; what a push adds against regressions and influence functions on rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import psycopg
import pytest
import statsmodels.api as sm

from audits.predatory_lending.inducement import Inducement
from audits.statistics.omitted_variable import robustness
from checks.problem import InputError
from tests.programs import run_program
from tests.pushes import CONTRACT, TERMS, offers, written
from tests.questions import measure_program

FLAGS = {"default_credit": "by_default", "preticked": "ticked", "cost_shown": "told", "solicited": "asked"}
OBSERVED = {name: TERMS[name] for name in ("pushed", "borrowed")}
FAULTS = ("without_amount", "amount_below_zero", "amount_beyond_any_sum", "without_entity")


def measured(folder, data, question=None, without=(), **changes):
    figures, missing = measure_program(
        written(folder, data, without, **changes), question or Inducement(), folder / "out"
    )
    found = {(m.measure, m.group) if m.group else m.measure: m for m in figures}
    return found, {one.question.partition(": ")[2]: one for one in missing}


def checkouts(rows: int = 400, seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return offers(rows=rows).assign(**{name: rng.random(rows) < 0.3 for name in FLAGS.values()})


# counted cases


def test_cases_are_those_of_pandas_each_loan_once(tmp_path):
    data = checkouts()
    found, _ = measured(tmp_path, data, terms=FLAGS)
    case = data["by_default"] | data["ticked"] | ~data["told"]
    figure = found["inducement_cases"]
    assert figure.estimate == figure.low == figure.high == case.sum()
    assert figure.counts == {
        "cases": case.sum(), "unknown": 0, "loans": 400, "on_by_default": data["by_default"].sum(),
        "preticked": data["ticked"].sum(), "cost_not_shown": (~data["told"]).sum(),
    }  # fmt: skip
    assert found["preticked_credit_cases"].estimate == data["ticked"].sum()
    assert found["unsolicited_credit_cases"].estimate == (~data["asked"]).sum()
    assert all(one.unseen == () for one in found.values())


def test_unknown_flags_and_flags_that_the_contract_lacks_keep_a_count_from_being_clear(tmp_path):
    data = checkouts().assign(by_default=False, ticked=False, told=True, asked=True).astype({"told": object})
    data.loc[data.index[:7], "told"] = None
    data.loc[data.index[:2], "ticked"] = True
    terms = {key: FLAGS[key] for key in ("preticked", "cost_shown", "solicited")}
    found, _ = measured(tmp_path, data, terms=terms)
    figure = found["inducement_cases"]
    assert (figure.estimate, figure.counts["unknown"]) == (2, 5)
    assert [text for text in figure.unseen if "terms.default_credit" in text]
    assert [text for text in figure.unseen if "5 of 400" in text]
    assert found["unsolicited_credit_cases"].unseen == ()


@pytest.mark.parametrize(("column", "refused"), [("told", 1), ("ticked", 2), ("asked", 1)])
def test_a_flag_that_says_neither_refuses_its_figures(tmp_path, column, refused):
    data = checkouts().astype({column: object})
    data[column] = data[column].map({True: "yes", False: "no"})
    data.loc[7, column] = "sort of"
    found, missing = measured(tmp_path, data, terms=FLAGS)
    without = [m for m in found.values() if m.estimate is None]
    assert len(without) == refused
    for figure in without:
        assert figure.reason == f"'{column}' holds 'sort of', which is neither yes nor no"
        assert "true or false" in missing[figure.measure].needed


def test_every_flag_unknown_is_no_zero(tmp_path):
    found, _ = measured(
        tmp_path, checkouts().assign(asked=None).astype({"asked": object}), terms={"solicited": "asked"}
    )
    assert found["unsolicited_credit_cases"].estimate is None
    assert "no loan" in found["unsolicited_credit_cases"].reason


def test_a_run_judges_the_counts_and_a_fair_checkout_is_clear(tmp_path):
    changes = {"terms": FLAGS, "dated": {"from": "2025-01-01", "to": "2025-12-31"}, "without": ("strata",)}
    verdicts = {}
    for name, data in (("harm", checkouts()), ("fair", checkouts().assign(by_default=False, ticked=False, told=True))):
        run, judgement = run_program(written(tmp_path / name, data, **changes), tmp_path / name / "out")
        assert not run.errors
        verdicts[name] = {f.rule.id: f.verdict for f in judgement.findings if f.rule.measure == "inducement_cases"}
    assert verdicts == {"harm": {"cn.algorithm.8": "concern"}, "fair": {"cn.algorithm.8": "clear"}}


# a randomised holdout


def lin(data: pd.DataFrame, by: str = "segment", **fit):
    """Regression of money on being open to pushes, centred strata and their products."""
    open_to = (~data["kept_back"].astype(bool)).to_numpy(float)
    levels = pd.get_dummies(data[by], drop_first=True).astype(float)
    centred = levels - levels.mean()
    design = np.column_stack([np.ones(len(data)), open_to, centred, centred.mul(open_to, axis=0)])
    return sm.OLS(data["drawn"].to_numpy(float), design).fit(**fit)


def test_the_effect_is_that_of_lins_regression_with_errors_by_customer(tmp_path):
    data = offers(effect=40)
    found, missing = measured(tmp_path, data)
    oracle = lin(data, cov_type="cluster", cov_kwds={"groups": data["customer"]})
    figure = found["push_effect"]
    assert figure.estimate == pytest.approx(oracle.params[1], rel=1e-10)
    assert figure.standard_error == pytest.approx(oracle.bse[1], rel=1e-9)
    assert (figure.unit, figure.equality, figure.cautions, figure.unseen, figure.undecided) == (
        "CNY",
        0.0,
        (),
        (),
        None,
    )
    assert figure.counts["held_out"] == data["kept_back"].sum()
    assert figure.counts["held_out_entities"] == data[data["kept_back"]]["customer"].nunique()
    assert figure.counts["entities_in_both_arms"] == 0
    means = data.groupby("kept_back")["drawn"].mean()
    assert figure.details["difference_without_strata"] == pytest.approx(means[False] - means[True], rel=1e-10)
    assert set(missing) == {"inducement_cases", "preticked_credit_cases", "unsolicited_credit_cases"}


def test_without_customers_it_is_hc2_and_welch(tmp_path):
    data = offers(effect=40)
    found, _ = measured(tmp_path / "a", data, without=("entity",))
    oracle = lin(data, cov_type="HC2")
    assert found["push_effect"].standard_error == pytest.approx(oracle.bse[1], rel=1e-9)
    plain, _ = measured(tmp_path / "b", data, without=("entity", "strata"))
    welch = sm.stats.CompareMeans.from_data(data["drawn"][~data["kept_back"]], data["drawn"][data["kept_back"]])
    low, high = welch.tconfint_diff(usevar="unequal")
    assert (plain["push_effect"].low, plain["push_effect"].high) == pytest.approx((low, high), rel=1e-8)
    once = data.drop_duplicates("customer")
    same, _ = measured(tmp_path / "c", once)
    assert same["push_effect"].standard_error == pytest.approx(lin(once, cov_type="HC2").bse[1], rel=1e-9)


def test_the_gap_is_the_difference_of_the_groups_regressions(tmp_path):
    data = offers(effect=40, more=60)
    found, _ = measured(tmp_path, data)
    figure = found["push_effect_gap", "ill"]
    parts = {}
    for label, mine in data.groupby("health"):
        fit = lin(mine, cov_type="cluster", cov_kwds={"groups": mine["customer"]})
        parts[label] = fit.params[1], fit.bse[1]
    assert figure.estimate == pytest.approx(parts["ill"][0] - parts["well"][0], rel=1e-10)
    # nobody is in two groups, so that the errors are independent
    assert figure.standard_error == pytest.approx(np.hypot(parts["ill"][1], parts["well"][1]), rel=1e-9)
    assert (figure.details["group_effect"], figure.details["reference_effect"]) == pytest.approx(
        (parts["ill"][0], parts["well"][0])
    )
    assert (figure.attribute, figure.reference) == ("health", "well")


def test_customers_who_are_in_both_groups_make_the_gaps_error_smaller_or_larger_as_rows_say(tmp_path):
    data = offers(effect=40)
    rng = np.random.default_rng(1)
    data["health"] = rng.choice(["ill", "well"], len(data))  # by occasion
    found, _ = measured(tmp_path, data, without=("strata",))
    design = pd.DataFrame({"ill": data["health"] == "ill", "open": ~data["kept_back"]}).astype(float)
    design["both"] = design["ill"] * design["open"]
    fit = sm.OLS(data["drawn"], sm.add_constant(design)).fit(
        cov_type="cluster", cov_kwds={"groups": data["customer"], "use_correction": False}
    )
    figure = found["push_effect_gap", "ill"]
    assert figure.estimate == pytest.approx(fit.params["both"], rel=1e-9)
    # the correction is each group's own: G/(G − 1) (n − 1)/(n − 2) within some parts in a thousand
    assert figure.standard_error == pytest.approx(fit.bse["both"], rel=3e-3)


def test_who_was_pushed_all_the_same_is_told(tmp_path):
    data = offers(effect=40)
    found, _ = measured(tmp_path / "a", data)
    shown = data.groupby("kept_back")["shown"].mean()
    details = found["push_effect"].details
    assert details["held_out_pushed_share"] == pytest.approx(shown[True])
    assert details["offered_pushed_share"] == pytest.approx(shown[False])
    assert details["effect_for_each_push_shown"] == pytest.approx(
        found["push_effect"].estimate / (shown[False] - shown[True])
    )
    data["shown"] = np.where(data["kept_back"], data["occasion"] % 2 == 0, data["shown"])
    leaky, _ = measured(tmp_path / "b", data)
    assert leaky["push_effect"].estimate == pytest.approx(found["push_effect"].estimate)
    assert [text for text in leaky["push_effect"].unseen if "pushed all the same" in text]
    for told in (leaky["push_effect"].unseen, leaky["push_effect"].cautions):
        assert [text for text in told if "does not show what pushes do" in text]
    _, missing = measured(tmp_path / "c", data, terms={key: TERMS[key] for key in ("holdout", "borrowed")})
    assert "who was pushed" in missing["pushed"].reason


def test_a_flag_of_pushes_that_cannot_be_read_leaves_the_effect_as_dealt(tmp_path):
    data = offers(effect=40)
    plain, _ = measured(tmp_path / "a", data)
    data["shown"] = data["shown"].map({True: "seen", False: "no"})
    found, missing = measured(tmp_path / "b", data)
    assert found["push_effect"].estimate == pytest.approx(plain["push_effect"].estimate, rel=1e-12)
    assert "'seen'" in missing["pushed"].reason
    assert "effect_for_each_push_shown" not in found["push_effect"].details


def test_a_holdout_that_is_read_upside_down_makes_no_breach_and_no_clear(tmp_path):
    data = offers(effect=40)
    data["kept_back"] = ~data["kept_back"]
    figure = measured(tmp_path, data)[0]["push_effect"]
    assert figure.high < 0
    assert [text for text in figure.cautions if "does not show what pushes do" in text]
    assert set(figure.cautions) <= set(figure.unseen)


def test_of_very_many_groups_those_without_errors_say_so(tmp_path):
    data = offers(rows=30_000, held=0.5)
    data["health"] = np.where(data["customer"] % 3 == 0, "well", "g" + (data["customer"] % 80).astype(str))
    found, _ = measured(tmp_path, data)
    reasons = [m.reason for key, m in found.items() if key != "push_effect"]
    assert sum(reason is None for reason in reasons) == 63
    assert sum("more groups than errors" in (reason or "") for reason in reasons) == 17


@pytest.mark.parametrize("spoilt", ["strata", "groups", "share"])
def test_a_holdout_that_chance_hardly_dealt_decides_nothing(tmp_path, spoilt):
    data = offers(effect=40)
    rng = np.random.default_rng(4)
    if spoilt == "strata":
        data["kept_back"] = rng.random(len(data)) < np.where(data["segment"] == "card", 0.15, 0.3)
    if spoilt == "groups":
        data["kept_back"] = rng.random(len(data)) < np.where(data["health"] == "ill", 0.1, 0.25)
    question = Inducement(holdout_share=0.1 if spoilt == "share" else 0.0)
    found, _ = measured(tmp_path, data, question)
    words = {"strata": "the strata", "groups": "health", "share": "10.00 % were planned"}
    for figure in found.values():
        assert words[spoilt] in figure.undecided
        assert figure.undecided in figure.cautions


def test_a_fair_deal_passes_with_the_share_that_was_planned(tmp_path):
    found, _ = measured(tmp_path, offers(), Inducement(holdout_share=0.2))
    figure = found["push_effect"]
    assert figure.undecided is None
    assert 0.001 < figure.details["balance_p_value"] <= 1
    assert 0.001 < figure.details["sample_ratio_p_value"] <= 1


# without a holdout


def test_the_association_is_the_doubly_robust_estimate_on_rows(tmp_path):
    data = offers()
    found, missing = measured(tmp_path, data, terms=OBSERVED, without=("entity",))
    z, y, s = data["shown"].astype(float), data["drawn"], data["segment"]
    share = z.groupby(s).transform("mean")
    one, zero = (y[z == a].groupby(s[z == a]).mean().reindex(s).to_numpy() for a in (1, 0))
    psi = one - zero + z / share * (y - one) - (1 - z) / (1 - share) * (y - zero)
    figure = found["push_association"]
    assert figure.estimate == pytest.approx(psi.mean(), rel=1e-10)
    assert figure.standard_error == pytest.approx(psi.std() / len(psi) ** 0.5, rel=2e-3)
    assert "not causal" in figure.undecided
    assert "not causal" in figure.cautions[0]
    assert "not causal" in figure.method
    fit = sm.OLS(y, np.column_stack([z, pd.get_dummies(s).astype(float)])).fit()
    plain = robustness([fit.params.iloc[0]], fit.bse.iloc[0], fit.df_resid).robustness_value[0]
    assert figure.details["strength_to_overturn"] == pytest.approx(plain, rel=0.05)
    assert 0 < figure.details["strength_to_overturn_of_the_interval"] < figure.details["strength_to_overturn"]
    assert "no randomised holdout" in missing["push_effect"].reason


def test_its_error_by_customer_is_that_of_influence_summed_within_them(tmp_path):
    data = offers(people=400)
    found, _ = measured(tmp_path, data, terms=OBSERVED)
    z, y, s = data["shown"].astype(float), data["drawn"], data["segment"]
    share = z.groupby(s).transform("mean")
    one, zero = (y[z == a].groupby(s[z == a]).mean().reindex(s).to_numpy() for a in (1, 0))
    psi = one - zero + z / share * (y - one) - (1 - z) / (1 - share) * (y - zero)
    sums = (psi - psi.mean()).groupby(data["customer"]).sum()
    n, g = len(data), len(sums)
    error = ((sums**2).sum() * g / (g - 1) * (n - 1) / (n - 6)) ** 0.5 / n
    assert found["push_association"].standard_error == pytest.approx(error, rel=1e-9)


def test_controls_are_cut_at_their_fifths_and_take_away_what_they_explain(tmp_path):
    data = offers(rows=20_000, aimed=0.0)
    rng = np.random.default_rng(6)
    data["shown"] = rng.random(len(data)) < data["age"] / 100
    data["drawn"] = (data["drawn"] + 10.0 * data["age"]).round(2)
    raw, missing = measured(tmp_path / "a", data, terms=OBSERVED, without=("strata",))
    told, _ = measured(tmp_path / "b", data, terms=OBSERVED, controls=["age"], without=("strata",))
    assert raw["push_association"].estimate > 100
    assert abs(told["push_association"].estimate) < 0.15 * raw["push_association"].estimate
    assert "compared together" in missing["strata"].reason


def test_strata_without_both_arms_are_left_out_by_name(tmp_path):
    data = offers()
    data.loc[data["segment"] == "shop", "shown"] = True
    found, missing = measured(tmp_path, data, terms=OBSERVED)
    inside, _ = measured(tmp_path / "in", data[data["segment"] != "shop"], terms=OBSERVED)
    figure = found["push_association"]
    assert figure.estimate == pytest.approx(inside["push_association"].estimate, rel=1e-10)
    assert figure.counts["strata_left_out"] == 1
    assert figure.counts["in_strata_left_out"] == (data["segment"] == "shop").sum()
    assert "shop" in missing["push_association"].reason
    assert [text for text in figure.unseen if "shop" in text]


# bad input


def test_neither_holdout_nor_pushes(tmp_path):
    found, missing = measured(tmp_path, offers(), terms={"borrowed": "drawn"})
    assert found == {}
    assert {"push_effect", "push_association"} <= set(missing)
    none, missing = measured(tmp_path / "b", offers(), terms={"holdout": "kept_back", "pushed": "shown"})
    assert none == {}
    assert "terms.borrowed" in missing["push_effect"].reason


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"kept_back": True}, "'open to pushes'"), ({"kept_back": False}, "'held out'"),
        ({"drawn": np.nan}, "no occasion"), ({"drawn": -1.0}, "no occasion"), ({"drawn": 0.0}, "no spread"),
        ({"drawn": 1e16}, "no occasion"), ({"kept_back": None}, "which arm"),
        ({"customer": None}, "no occasion"), ({"customer": 1}, "entities are"),
        ({"kept_back": "perhaps"}, "neither yes nor no"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_says_why(tmp_path, change, word):
    data = offers(rows=1500).astype({"kept_back": object, "drawn": float})
    for name, value in change.items():
        data[name] = value
    found, _ = measured(tmp_path, data.astype({"kept_back": str} if "perhaps" in change.values() else {}))
    assert {key if isinstance(key, str) else key[0] for key in found} == {"push_effect", "push_effect_gap"}
    for figure in found.values():
        assert figure.estimate is None
        assert word in figure.reason


def test_rows_without_an_amount_are_counted_and_many_keep_the_figure_from_any_verdict_of_harm_or_health(tmp_path):
    data = offers(effect=40)
    whole, _ = measured(tmp_path / "a", data)
    for count, told in ((50, False), (900, True)):
        spoilt = data.copy()
        for i, value in enumerate((np.nan, -3.0, 1e15)):
            spoilt.loc[spoilt.index[i::3][:count], "drawn"] = value
        found, _ = measured(tmp_path / f"b{count}", spoilt)
        figure = found["push_effect"]
        assert [figure.counts[name] for name in FAULTS] == [count, count, count, 0]
        kept = spoilt[(spoilt["drawn"] >= 0) & (spoilt["drawn"] < 1e15)]
        oracle = lin(kept, cov_type="cluster", cov_kwds={"groups": kept["customer"]})
        assert (figure.estimate, figure.standard_error) == pytest.approx((oracle.params[1], oracle.bse[1]), rel=1e-9)
        assert bool([text for text in figure.cautions if "no amount that counts" in text]) is told
        assert bool([text for text in figure.unseen if "no amount that counts" in text]) is told
    assert whole["push_effect"].cautions == ()


def test_one_huge_amount_is_told_and_leaves_the_other_group_as_it_was(tmp_path):
    data = offers(effect=40)
    before, _ = measured(tmp_path / "a", data)
    data.loc[data.index[(data["health"] == "ill") & data["kept_back"]][0], "drawn"] = 9e14
    after, _ = measured(tmp_path / "b", data)
    gap = after["push_effect_gap", "ill"]
    assert gap.details["reference_effect"] == pytest.approx(
        before["push_effect_gap", "ill"].details["reference_effect"], rel=1e-9
    )
    assert [text for text in gap.cautions if "heavy tails" in text]
    assert [text for text in gap.unseen if "one entity" in text]


def test_small_groups_are_told_with_their_number(tmp_path):
    data = offers()
    data.loc[data.index[:15], "health"] = "unsure"
    found, _ = measured(tmp_path, data)
    assert "of unsure, only" in found["push_effect_gap", "unsure"].reason
    assert found["push_effect_gap", "ill"].estimate is not None


@pytest.mark.parametrize("share", [-0.1, 1.0, 2])
def test_a_planned_share_is_a_share(share):
    with pytest.raises(InputError, match="from 0 to below 1"):
        Inducement(holdout_share=share)


def test_postgres_and_files_give_the_same_figures(postgres_url, tmp_path):
    data = offers(rows=3000, effect=30)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS pushes")
        connection.execute(
            "CREATE TABLE pushes (occasion bigint, customer bigint, health text, segment text, shown boolean, "
            "kept_back boolean, drawn float8, line float8, age bigint)"
        )
        with connection.cursor().copy("COPY pushes FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row(tuple(value.item() if hasattr(value, "item") else value for value in row))
    for terms in (TERMS, OBSERVED):
        figures = []
        for name in ("here", "there"):
            folder = tmp_path / name / str(len(terms))
            file = written(folder, data, controls=["age"], terms=terms)
            if name == "there":
                file.write_text(
                    file.read_text().replace("table: loans.parquet", f"connection: {postgres_url}\n  table: pushes")
                )
            figures.append(measure_program(file, Inducement(), folder / "out")[0])
        for one, two in zip(*figures, strict=True):
            assert (one.measure, one.group, one.counts, one.cautions) == (
                two.measure,
                two.group,
                two.counts,
                two.cautions,
            )
            assert (one.estimate, one.low, one.high) == pytest.approx((two.estimate, two.low, two.high), rel=1e-10)


def test_the_contract_of_these_tests_names_what_it_uses():
    assert set(CONTRACT["terms"]) == {"pushed", "holdout", "borrowed"}


# verdicts under a bank's own rules

PACK = """pack: bank
title: {en: The bank's own rules}
rules:
"""
RULE = """  - id: bank.{measure}
    title: {{en: Pushes add no debt}}
    citation: Credit policy 9
    jurisdiction: CN
    status: in_force
    limit_source: law
    effective_from: 2020-01-01
    jurisdictions: [CN]
    measure: {measure}
    test: point_and_significant
    comparison: at_most
    limit: 0
    severity: high
    verified: true
"""


def verdicts(folder, data, **changes):
    folder.mkdir(parents=True)
    effects = [name for name in Inducement.measures if name not in Inducement.counted]
    (folder / "bank.yaml").write_text(PACK + "".join(RULE.format(measure=name) for name in effects))
    file = written(folder, data, dated={"from": "2025-01-01", "to": "2025-12-31"}, **changes)
    file.write_text(file.read_text().replace("policies:\n- cn", "policies:\n- bank.yaml"))
    run, judgement = run_program(file, folder / "out")
    assert not run.errors
    return {finding.measurement.measure: finding.verdict for finding in judgement.findings}


def test_only_a_sound_holdout_makes_a_breach_and_an_association_never_decides(tmp_path):
    planted, fair = offers(rows=20_000, effect=60, more=120), offers(rows=20_000)
    assert verdicts(tmp_path / "planted", planted) == {"push_effect": "breach", "push_effect_gap": "breach"}
    assert set(verdicts(tmp_path / "fair", fair).values()) <= {"inconclusive", "clear"}
    for name, data in (("seen", planted), ("seen fair", fair)):
        found = verdicts(tmp_path / name, data, terms=OBSERVED)
        assert found == {"push_association": "inconclusive", "push_association_gap": "inconclusive"}
    spoilt = planted.assign(
        kept_back=np.random.default_rng(1).random(20_000) < 0.1 + 0.2 * (planted["segment"] == "card")
    )
    assert set(verdicts(tmp_path / "spoilt", spoilt).values()) == {"inconclusive"}
