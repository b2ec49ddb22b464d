"""The simulated bank on a phone: its people, its fair twin, its log, and its truth against plain counting in draws."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from audits.simulation.mobile_bank import HIDDEN, MobileBank
from audits.simulation.mobile_bank_people import EVENTS, FAILURES, OPENED_HELP, draw, events, shown
from audits.simulation.mobile_bank_truth import OLDEST, PRIME, STAGES, YOUNG, truth

PERSONS, DRAWS = 30_000, 20
COLUMNS = ("reached_at", "started_at", "identity_at", "submitted_at", "approved", "taken_at")
ELDERLY = ("elderly_start", "elderly_submit", "face_ratio", "elderly_tried", "elderly_passed")
ANYBODY = ("poor_start", "poor_leave", "poor_submit", "old_phone")


def frame(world: MobileBank, persons: int, seed: int) -> pd.DataFrame:
    """What the file shows, and whether a person was approved, as a time or nothing like the other stages."""
    people = pd.DataFrame(shown(draw(world, persons, seed)))
    return people.assign(approved=people["submitted_at"].where(people["decision"] == "approved"))


@pytest.fixture(scope="module")
def told() -> dict[str, float]:
    return truth(MobileBank())


@pytest.fixture(scope="module")
def drawn() -> list[pd.DataFrame]:
    return [frame(MobileBank(), PERSONS, 100 + seed) for seed in range(DRAWS)]


def near(values, chance=5.0):
    """Values have mean nought, within so many standard errors of their own; not so if all are far from it alike."""
    values = np.array(values)
    assert values.std(ddof=1) > 0
    return abs(values.mean()) < chance * values.std(ddof=1) / np.sqrt(len(values))


def rate(part, whole):
    """Share of ``whole`` that is in ``part`` too."""
    return (part & whole).sum() / whole.sum()


def test_the_same_seed_gives_the_same_people_and_another_seed_others():
    first, again, other = (frame(MobileBank(), 500, seed) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert not first["income"].equals(other["income"])
    logs = [pd.DataFrame(events(draw(MobileBank(), 500, 3), seed)) for seed in (1, 1, 2)]
    pd.testing.assert_frame_equal(logs[0], logs[1])
    assert not logs[0].equals(logs[2])


def test_nobody_passes_a_stage_without_those_before_it_and_in_their_order(drawn):
    people = drawn[0]
    for before, after in pairwise(COLUMNS):
        assert not (people[after].notna() & people[before].isna()).any()
    times = people[["addressed_at", *(name for name in COLUMNS if name != "approved")]]
    for before, after in pairwise(times):
        both = times[after].notna()
        assert (times[after] >= times[before])[both].all()
    assert times.max().max() < pd.Timestamp(MobileBank.last_day) + pd.Timedelta(days=1)
    assert (people["decision"].notna() == people["submitted_at"].notna()).all()
    assert (people["repaid"].notna() == people["funded"]).all()
    refused = people["decision"] == "refused"
    assert 0.05 < people.loc[refused, "funded"].mean() < 0.11
    assert not people.loc[~refused, "automatic"].any()
    assert not people.loc[people["started_at"].isna(), ["face_failed", "otp_failed"]].any(axis=None)
    assert people.loc[~(people["face_failed"] | people["otp_failed"]), "other_way_tried"].sum() == 0


def test_the_file_shows_nothing_hidden_and_its_columns_are_those_of_the_contract(drawn):
    people = drawn[0]
    assert not [name for name in people if name.startswith(HIDDEN)]
    assert not {"risk", "thin", "elderly", "income_class"} & set(people)
    named = set(MobileBank().contract()["columns"])
    gaps = set(people.columns[people.isna().any()]) - {"approved"}
    assert gaps == named


def test_what_is_planted_is_what_the_law_makes_of_it(told):
    assert told[f"approved_ratio[{OLDEST}]"] == pytest.approx(0.54, abs=0.005)
    assert told[f"stage_ratio[decision, {OLDEST}]"] == pytest.approx(1, abs=1e-12)
    assert told["verification_failure_ratio[face]"] == pytest.approx(2.5)
    assert told["fallback_success_ratio"] == pytest.approx(0.7 * 0.7)
    assert told["access_concentration_index"] > 0.1
    assert told["access_concentration_index_of_decided"] == pytest.approx(0, abs=1e-12)  # what comes before is not seen
    for name, value in told.items():
        if name.endswith(f"{YOUNG}]") and "reach_share" not in name:
            assert value == pytest.approx(1, abs=1e-12), name
    adjusted, raw = told[f"adjusted_cumulative_ratio[{OLDEST}]"], told[f"ratio_from_reach[{OLDEST}]"]
    assert raw < adjusted - 0.02 < 0.7  # a part of it is where they live, and only a part


def test_the_law_of_the_way_is_what_draws_do_on_average(drawn, told):
    differences: dict[str, list[float]] = {}
    for people in drawn:
        old, prime = people["age"] >= 60, people["age"].between(25, 39)
        young = people["age"] < 25
        for group, who in ((OLDEST, old), (YOUNG, young)):
            came = pd.Series(True, people.index)
            for stage, column in zip(STAGES, COLUMNS, strict=True):
                passed = people[column].notna()
                name = f"stage_ratio[{stage}, {group}]"
                found = rate(passed, came & who) / rate(passed, came & prime)
                differences.setdefault(name, []).append(np.log(found / told[name]))
                came = passed
            found = came[who].mean() / came[prime].mean()
            differences.setdefault("whole", []).append(np.log(found / told[f"cumulative_ratio[{group}]"]))
        expected = sum(
            part.loc[old & part["reached_at"].notna(), "person"].size * rate(part["taken_at"].notna(), prime & seen)
            for _, part in people.groupby("network") for seen in [part["reached_at"].notna()]
        )  # fmt: skip
        found = people.loc[old, "taken_at"].notna().sum() / expected
        differences.setdefault("adjusted", []).append(np.log(found / told[f"adjusted_cumulative_ratio[{OLDEST}]"]))
        for name, those in (("", people), ("_of_decided", people[people["decision"].notna()])):
            index = 8 * np.cov(those["approved"].notna(), those["income"].rank(pct=True))[0, 1]
            differences.setdefault(f"index{name}", []).append(index - told[f"access_concentration_index{name}"])
    assert len(differences) == 2 * len(STAGES) + 4
    assert {name: near(values) for name, values in differences.items()} == dict.fromkeys(differences, True)


def test_the_law_of_the_elderly_is_what_draws_do_on_average(drawn, told):
    differences: dict[str, list[float]] = {}
    for people in drawn:
        old, started = people["age"] >= 60, people["started_at"].notna()
        done, proved = people["submitted_at"].notna(), people["identity_at"].notna()
        failed = people["face_failed"] | people["otp_failed"]
        minutes = (people["submitted_at"] - people["started_at"]).dt.total_seconds()
        older = people["age"] >= 62
        found = {
            "elderly_completion_ratio": rate(done, started & old) / rate(done, started & ~old),
            "elderly_62_completion_ratio": rate(done, started & older) / rate(done, started & ~older),
            "verification_failure_ratio[face]": people["face_failed"][started & old].mean()
            / people["face_failed"][started & ~old].mean(),
            "verification_failure_ratio[otp]": people["otp_failed"][started & old].mean()
            / people["otp_failed"][started & ~old].mean(),
            "verification_failure_ratio[all]": failed[started & old].mean() / failed[started & ~old].mean(),
            "fallback_success_ratio": rate(proved, failed & old) / rate(proved, failed & ~old),
            "completion_time_ratio": minutes[old].mean() / minutes[~old].mean(),
        }
        for name, value in found.items():
            differences.setdefault(name, []).append(np.log(value / told[name]))
    assert {name: near(values) for name, values in differences.items()} == dict.fromkeys(differences, True)


def test_the_law_of_thin_files_channels_and_amounts_is_what_draws_do_on_average(drawn, told):
    differences: dict[str, list[float]] = {}
    for people in drawn:
        thin, sent = people["shop_orders"].isna(), people["decision"].notna()
        approved, funded = people["decision"] == "approved", people["funded"]
        refused = sent & ~approved & thin
        served = people["channel"].isin(["branch", "telephone"])
        offered = people["price"].notna()
        margin, fees = people["price"] / people["cost"], people["fee"] / people["amount"]
        young = people["age"] < 60
        at_score = (people.loc[funded & young & thin].groupby("score")["repaid"].agg(["mean", "size"])).join(
            people.loc[funded & young & ~thin].groupby("score")["repaid"].mean(), how="inner"
        )  # fmt: skip
        rates = people.loc[offered & young].groupby([thin, "score"])["rate"].mean().unstack(0).dropna()
        amount = people.loc[approved, "amount"]
        told_of = {
            "thin_file_share": thin.mean(),
            "thin_file_approval_ratio": rate(approved, sent & thin) / rate(approved, sent & ~thin),
            "thin_file_automatic_ratio": people["automatic"][sent & thin].mean()
            / people["automatic"][sent & ~thin].mean(),
            "thin_file_flip_share": (people["filled_decision"] == "approved")[refused].mean(),
            "thin_file_repayment_gap": np.average(at_score["mean"] - at_score["repaid"], weights=at_score["size"]),
            "thin_file_price_gap_at_score": (rates[True] - rates[False]).mean() / 100,
            "assisted_price_ratio": margin[offered & served].mean() / margin[offered & ~served].mean(),
            "assisted_fee_gap": fees[offered & served].mean() - fees[offered & ~served].mean(),
            "digital_discount_gap": (people["discount"] > 0)[offered & ~served].mean()
            - (people["discount"] > 0)[offered & served].mean(),
            f"assisted_share[{OLDEST}]": served[approved & (people["age"] >= 60)].mean(),
            f"assisted_share[{PRIME}]": served[approved & people["age"].between(25, 39)].mean(),
            f"channel_group_price_ratio[{OLDEST}]": margin[approved & (people["age"] >= 60)].mean()
            / margin[approved & people["age"].between(25, 39)].mean(),
            "access_share": approved.mean(),
            "access_share_of_decided": approved[sent].mean(),
            "amount_theil_index": (amount / amount.mean() * np.log(amount / amount.mean())).mean(),
            "amount_concentration_index": 2 * np.cov(amount, people["income"][approved].rank(pct=True))[0, 1]
            / amount.mean(),
        }  # fmt: skip
        for name, value in told_of.items():
            differences.setdefault(name, []).append(value - told[name])
    assert {name: near(values) for name, values in differences.items()} == dict.fromkeys(differences, True)


def test_filling_in_a_thin_file_gives_what_others_of_equal_risk_get():
    people = draw(MobileBank(), 60_000, 8)
    sent, young = ~np.isnat(people["submitted_at"]), people["age"] < 60
    for risk in range(5):
        mine = sent & young & (people["risk"] == risk)
        full = (people["decision"] == "approved")[mine & ~people["thin"]].mean()
        thin = (people["decision"] == "approved")[mine & people["thin"]].mean()
        filled = (people["filled_decision"] == "approved")[mine & people["thin"]].mean()
        assert full - thin == pytest.approx(0.15, abs=0.06)
        assert filled == pytest.approx(full, abs=0.06)
    same = (people["decision"] == people["filled_decision"])[sent & ~people["thin"]]
    assert same.all()


def test_the_fair_twin_has_no_harm():
    found = truth(MobileBank().fair())
    apart = ("population", "access_share", "amount_", "assisted_share", "thin_file_share", "missing_vulnerability")
    for name, value in found.items():
        if name.startswith(apart):
            continue
        ratio = name.split("[")[0].endswith("_ratio") or name.startswith("ratio_from_reach")
        assert value == pytest.approx(1 if ratio else 0, abs=1e-12), name


@pytest.mark.parametrize(("harms", "moved"), [
    (ELDERLY, {"cumulative_ratio[60+]", "adjusted_cumulative_ratio[60+]", "elderly_completion_ratio"}),
    (ANYBODY, {"cumulative_ratio[60+]", "cumulative_ratio[county]", "elderly_completion_ratio"}),
    (("slower",), {"completion_time_ratio"}),
    (("understated",), {
        "thin_file_repayment_gap", "thin_file_approval_gap", "thin_file_approval_ratio", "thin_file_flip_share",
    }),
    (("thin_markup",), {"thin_file_price_gap", "thin_file_price_gap_at_score"}),
    (("thin_automatic",), {"thin_file_automatic_ratio"}),
    (("assisted_price",), {"assisted_price_ratio", "channel_group_price_ratio[60+]"}),
    (("assisted_fee", "discount"), {"assisted_fee_gap", "digital_discount_gap"}),
    (("no_branch",), {"no_traditional_channel_cases", "inaccessible_service_cases"}),
    (("age_malus",), {"elderly_points_lost"}),
    (("income_slope",), {"access_concentration_index"}),
])  # fmt: skip
def test_each_harm_can_be_planted_by_itself(harms, moved):
    fair, full = MobileBank().fair(), MobileBank()
    assert set(harms) <= {one.name for one in fields(full)}
    one = replace(fair, **{harm: getattr(full, harm) for harm in harms})
    found, nothing = (truth(world) for world in (one, fair))
    large = {name for name in found if abs(found[name] - nothing[name]) > max(0.015 * abs(nothing[name]), 1e-9)}
    assert moved <= large
    assert found["stage_ratio[decision, 60+]"] == pytest.approx(1, abs=1e-12)
    if not set(harms) & {*ELDERLY, *ANYBODY, "income_slope"}:
        assert found["cumulative_ratio[60+]"] == pytest.approx(nothing["cumulative_ratio[60+]"])
        assert found["elderly_completion_ratio"] == pytest.approx(1)


def test_the_log_tells_the_same_way_of_the_same_people():
    people = draw(MobileBank(), 20_000, 9)
    rows = pd.DataFrame(shown(people))
    log = pd.DataFrame(events(people, 9))
    assert log["at"].is_monotonic_increasing
    assert set(log["event"]) == {*EVENTS.values(), *FAILURES.values(), OPENED_HELP}
    passed = {event: set(part["person"]) for event, part in log.groupby("event")}
    for column, event in EVENTS.items():
        expected = rows["decision"] == "approved" if column == "approved_at" else rows[column].notna()
        lost = set(rows.index[expected]) - passed[event]
        assert not passed[event] - set(rows.index[expected])
        assert (0 < len(lost) < 60) if event == "verified" else not lost
        assert lost <= set(rows.index[rows["submitted_at"].notna()])
    for column, event in FAILURES.items():
        assert passed[event] == set(rows.index[rows[column]])
    assert 0.005 < log.duplicated().mean() < 0.02
    known = log.drop_duplicates("person").set_index("person")
    pd.testing.assert_series_equal(known["age"].sort_index(), rows.loc[sorted(known.index), "age"], check_names=False)
    steps = log.drop_duplicates().pivot_table("at", "person", "event", aggfunc="min")
    early = (steps["submitted"] < steps["opened"]) | (steps["opened"] < steps["shown"])
    assert early.mean() < 0.01
    assert (steps["accepted"] < steps["approved"]).sum() + (steps["approved"] < steps["submitted"]).sum() > 0
