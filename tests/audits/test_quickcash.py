"""The simulated lender of small loans: its file, its fair twin, and its truth against other ways to have it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from audits.simulation.quickcash import (
    HIDDEN,
    LOW,
    PLAIN_FROM,
    PRODUCTS,
    QUICK,
    RATES,
    SERVICE,
    TARIFF_SHARES,
    QuickCash,
)
from audits.simulation.quickcash_truth import truth

BORROWERS = 15_000
COUNTED = ("above_cap_loans", "understated_loans", "preticked_loans", "beyond_policy_loans")


@pytest.fixture(scope="module")
def drawn() -> pd.DataFrame:
    return pd.DataFrame(QuickCash().draw(BORROWERS, 5))


@pytest.fixture(scope="module")
def told() -> dict[str, float]:
    world = QuickCash()
    return truth(world, world.draw(BORROWERS, 5))


def draws(world: QuickCash, seeds: int, borrowers: int = 6_000):
    """(loans as a frame, truth) of several draws."""
    for seed in range(seeds):
        loans = world.draw(borrowers, 100 + seed)
        yield pd.DataFrame(loans), truth(world, loans)


def near(values, chance=4.0):
    """Values have mean nought, within so many standard errors of their own."""
    values = np.array(values)
    return abs(values.mean()) < chance * values.std(ddof=1) / np.sqrt(len(values))


def test_loans_of_a_borrower_follow_each_other_and_the_file_is_of_the_promised_size(drawn):
    assert 40_000 < len(drawn) < 60_000
    assert drawn["loan"].tolist() == list(range(len(drawn)))
    assert drawn["opened_at"].is_monotonic_increasing
    assert (drawn["opened_at"].min(), drawn["opened_at"].max()) == (
        pd.Timestamp(QuickCash.first_day), pd.Timestamp(QuickCash.last_day)
    )  # fmt: skip
    ordered = drawn.sort_values(["borrower", "opened_at"])
    before = ordered.groupby("borrower")["repaid_at"].shift()
    assert (ordered["opened_at"] >= before)[before.notna()].all()
    assert ordered.groupby("borrower")["repaid_at"].apply(lambda ends: ends.iloc[:-1].notna().all()).all()
    running = drawn["repaid_at"].isna()
    assert 0.01 < running.mean() < 0.1
    assert drawn["repaid_at"].max() <= pd.Timestamp(QuickCash.last_day)
    for lasting in ("age", "income", "score", "covered", "held_out", "policy_limit"):
        assert (drawn.groupby("borrower")[lasting].nunique() == 1).all()


def test_the_same_seed_gives_the_same_loans_and_another_seed_others():
    first, again, other = (pd.DataFrame(QuickCash().draw(500, seed)) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert not first["amount"].head(100).equals(other["amount"].head(100))


def test_products_and_rates_are_those_of_the_rules(drawn):
    rates = dict(zip(PRODUCTS, RATES, strict=True))
    assert (drawn["rate"] == drawn["product"].map(rates)).all()
    assert (drawn["covered"] == (drawn["product"] == SERVICE)).all()
    assert (drawn.loc[(drawn["score"] < PLAIN_FROM) & ~drawn["covered"], "product"] == QUICK).all()
    assert (drawn.loc[drawn["covered"], "fees"] == 0).all()
    interest = drawn["amount"] * (1 + drawn["rate"] / 100 * drawn["term_days"] / 365)
    assert (drawn["instalment"] - interest).abs().max() <= 0.005 + 1e-9
    total = drawn["instalment"] + drawn["fees"] + drawn["insurance"] - drawn["amount"]
    assert (drawn["cost_sheet"] - total).abs().max() < 1e-6


def test_what_is_counted_agrees_with_counting_row_by_row(drawn, told):
    above = understated = beyond = 0
    for row in drawn.itertuples():
        advance, days = row.amount - row.fees, row.term_days
        above += row.covered and (row.instalment / (advance - row.insurance) - 1) * 365 / days > 0.36
        understated += (row.instalment / advance - 1) * 365 / days - row.disclosed_apr / 100 > 0.00125
        beyond += row.amount > row.policy_limit
    assert (above, understated, beyond) == tuple(told[name] for name in (COUNTED[0], COUNTED[1], COUNTED[3]))
    assert told["preticked_loans"] == drawn["preticked"].sum()
    assert (drawn.loc[drawn["preticked"], "channel"] == "app").all()
    assert min(told[name] for name in COUNTED) > 100
    longest = 0
    for _, own in drawn.sort_values(["borrower", "opened_at"]).groupby("borrower"):
        length, end = 0, None
        for row in own.itertuples():
            follows = end is not None and (row.opened_at - end).days <= 14
            length, end = length + 1 if follows else 1, row.repaid_at
            longest = max(longest, length)
    assert told["longest_sequence"] == longest


def test_loans_above_the_cap_lie_just_above_it_and_all_others_of_the_covered_well_below(drawn):
    mine = drawn[drawn["covered"]]
    rate = (mine["instalment"] / (mine["amount"] - mine["insurance"]) - 1) * 365 / mine["term_days"]
    above = rate[rate > 0.36]
    assert 0.361 < above.min() < above.max() < 0.385
    assert rate[rate <= 0.36].max() < 0.33


def test_understated_rates_are_off_by_what_is_stated_and_the_others_by_rounding(drawn, told):
    rate = 100 * (drawn["instalment"] / (drawn["amount"] - drawn["fees"]) - 1) * 365 / drawn["term_days"]
    gap, low = rate - drawn["disclosed_apr"], drawn["hidden_understated"]
    assert (gap[low] - 0.75).abs().max() <= 0.005 + 1e-9
    assert gap[~low].abs().max() <= 0.005 + 1e-9
    assert told["understated_gap"] == 0.0075
    assert set(drawn.loc[low, "channel"]) == {"broker"}


def test_the_file_fits_and_shows_nothing_hidden(tmp_path):
    from dags.quickcash_loans import write_lender

    (tmp_path / "programs").mkdir()
    write_lender(tmp_path / "programs", tmp_path / "data")
    file = tmp_path / "data/loans.parquet"
    assert file.stat().st_size < 5_000_000
    data = pd.read_parquet(file)
    assert not [name for name in data if name.startswith(HIDDEN)]
    assert not data.drop(columns="repaid_at").isna().any(axis=None)


def test_the_fair_twin_has_no_harm_whatever_is_counted_or_worked_out():
    fair = QuickCash().fair()
    found = truth(fair, fair.draw(BORROWERS, 5))
    counted = [name for name in found if name.startswith(("overstretched", "beyond_policy", *COUNTED))]
    assert {found[name] for name in counted} == {0.0}
    assert [found[name] for name in ("understated_gap", "push_effect", "push_effect_gap[low-income]")] == [0, 0, 0]
    assert abs(found["steering_excess_rate[under 25]"]) < 1e-12
    for name in ("insurance_ratio[low-income]", "steered_ratio[under 25]", "fee_driven_ratio"):
        assert found[name] == 1
    for group in ("under 25", LOW):  # terms differ between borrowers by chance
        assert found[f"dearest_decile_ratio[{group}]"] == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("harm", [
    "service_insured", "understated_share", "packing", "steered", "fee_effect", "beyond_growth", "push_adds",
    "preticked_share", "dear_tariff",
])  # fmt: skip
def test_each_harm_can_be_planted_by_itself(harm):
    fair, full = QuickCash().fair(), QuickCash()
    assert harm in {one.name for one in fields(full)}
    one = replace(fair, **{harm: getattr(full, harm)})
    moved = {
        "service_insured": {"above_cap_loans"}, "understated_share": {"understated_loans", "understated_gap"},
        "packing": {"insurance_ratio[low-income]"},
        "steered": {"steered_ratio[under 25]", "steering_excess_rate[under 25]", "dearest_decile_ratio[under 25]"},
        "fee_effect": {"fee_driven_ratio"}, "beyond_growth": {"beyond_policy_loans", "overstretched_share"},
        "push_adds": {"push_effect", "push_effect_gap[low-income]"}, "preticked_share": {"preticked_loans"},
        "dear_tariff": {"dearest_decile_ratio[under 25]", "dearest_decile_ratio[low-income]"},
    }[harm]  # fmt: skip
    found, nothing = (truth(world, world.draw(8_000, 6)) for world in (one, fair))
    kept = [name for name in nothing if "[" not in name or name.endswith(("[low-income]", "[under 25]"))]
    large = {name for name in kept if abs(found[name] - nothing[name]) > max(0.05 * abs(nothing[name]), 1e-9)}
    assert moved <= large
    assert large - moved <= {"longest_sequence", "renewed_share"}  # chance's, or what a larger need does


def test_the_law_of_steering_insurance_and_pushes_is_what_draws_do_on_average():
    gaps, ratios, effects, by_group = [], [], [], []
    for loans, told in draws(QuickCash(), 24):
        young, low = loans["age"] < 25, loans["income_band"] == LOW
        eligible = (loans["score"] >= PLAIN_FROM) & ~loans["covered"]
        quick = loans["product"] == QUICK
        gaps.append(np.log(quick[eligible & young].mean() / quick[eligible & ~young].mean()
                           / told["steered_ratio[under 25]"]))  # fmt: skip
        insured = loans["insurance"] > 0
        ratios.append(np.log(insured[low].mean() / insured[~low].mean() / told["insurance_ratio[low-income]"]))
        money = loans["drawn_on_top"].where(~loans["held_out"]), loans["drawn_on_top"].where(loans["held_out"])
        effects.append(money[0].mean() - money[1].mean() - told["push_effect"])
        by_group.append(
            money[0][low].mean() - money[1][low].mean() - (money[0][~low].mean() - money[1][~low].mean())
            - told["push_effect_gap[low-income]"]
        )  # fmt: skip
        assert not loans.loc[loans["held_out"], "pushed"].any()
    for values in (gaps, ratios, effects, by_group):
        assert near(values)


def test_the_law_of_coming_back_and_of_the_dearest_tenth_is_what_draws_do_on_average():
    again, dearest = [], {"under 25": [], LOW: []}
    for loans, told in draws(QuickCash(), 24):
        ordered = loans.sort_values(["borrower", "opened_at"])
        follows = (ordered.groupby("borrower")["opened_at"].shift(-1) - ordered["repaid_at"]).dt.days <= 14
        seen = ordered["repaid_at"] + pd.Timedelta(days=14) <= pd.Timestamp(QuickCash.last_day)
        again.append(follows[seen].mean() - told["renewed_share"])
        rate = (loans["instalment"] / (loans["amount"] - loans["fees"]) - 1) / loans["term_days"]
        top = rate.rank(ascending=False) <= len(rate) / 10
        for group, own in (("under 25", loans["age"] < 25), (LOW, loans["income_band"] == LOW)):
            dearest[group].append(own[top].mean() / own.mean() - told[f"dearest_decile_ratio[{group}]"])
    for values in (again, *dearest.values()):
        assert near(values)


def test_twice_the_fees_raise_the_hazard_by_what_is_planted_and_nothing_else_enters_it():
    """−log of the share that does not come back is the hazard, at equal need and debts: no bands, no models."""
    world = replace(QuickCash(), need_slope=0.0, debt_slope=0.0, fee_effect=0.4)
    loans = pd.concat([frame for frame, _ in draws(world, 8, 10_000)], ignore_index=True)
    loans["borrower"] += 10_000_000 * (loans["loan"].diff() < 0).cumsum()
    ordered = loans.sort_values(["borrower", "opened_at"])
    follows = (ordered.groupby("borrower")["opened_at"].shift(-1) - ordered["repaid_at"]).dt.days <= 14
    use = (ordered["repaid_at"] + pd.Timedelta(days=14) <= pd.Timestamp(QuickCash.last_day)) & ~ordered["covered"]
    tariff = np.log2((ordered["fees"] / ordered["amount"])[use] / 0.04).round()
    hazard = -np.log(1 - follows[use].groupby(tariff).mean())
    doubled = np.diff(np.log(hazard.to_numpy()))
    assert doubled == pytest.approx([0.4, 0.4], abs=0.03)


def test_credit_beyond_the_lenders_own_limit_grows_by_quarter(drawn, told):
    quarter = drawn["opened_at"].dt.to_period("Q")
    beyond = (drawn["amount"] > drawn["policy_limit"]).groupby(quarter).mean()
    assert len(beyond) == 6
    for q, (share, loans) in enumerate(zip(beyond, quarter.value_counts().sort_index(), strict=True)):
        chance = told[f"beyond_policy_chance[{q}]"]
        assert chance == pytest.approx(0.02 + 0.02 * q)
        assert abs(share - chance) < 4.5 * np.sqrt(chance * (1 - chance) / loans)
    rising = [told[f"overstretched_share[{q}]"] for q in range(6)]
    assert rising[5] > 3 * rising[0]


def test_the_dear_tariff_is_more_frequent_for_the_young_and_for_low_incomes(drawn):
    world = QuickCash()
    chances = world.tariffs(np.array([True, False]))
    assert chances.sum(axis=1) == pytest.approx([1, 1])
    assert chances[:, -1] == pytest.approx([2 * TARIFF_SHARES[-1], TARIFF_SHARES[-1]])
    marked = (drawn["age"] < 25) | (drawn["income_band"] == LOW)
    dear = (drawn["fees"] / drawn["amount"] > 0.055)[~drawn["covered"]]
    assert dear[marked].mean() == pytest.approx(0.4, abs=0.015)
    assert dear[~marked].mean() == pytest.approx(0.2, abs=0.012)
