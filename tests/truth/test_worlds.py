"""The truth of the worlds by brute force: people drawn one by one, every figure worked out from their rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits.simulation.catalogue import WORLDS, find_world
from audits.simulation.insurer import CHANNELS, PRODUCTS, Insurer
from audits.simulation.world import World

# truth by brute force: people drawn one by one, and every figure worked out from their rows

PEOPLE, BATCHES = 400_000, 20
NOT_FROM_ROWS = {"subgroups", "share_of_the_planted_subgroup", "design_effect", "lowest_over_highest_rate"}


def drawn(world: World, effect: float, seed: int) -> pd.DataFrame:
    """People with all that is true of them, hidden columns too."""
    people = world.population(effect)
    rng = np.random.default_rng(seed)
    kinds = rng.choice(people.probability.size, size=PEOPLE, p=people.probability.ravel() / people.probability.sum())
    codes = np.unravel_index(kinds, people.probability.shape)
    data = pd.DataFrame({c.name: np.array(c.values)[code] for c, code in zip(people.columns, codes, strict=True)})
    for name, amount in world.amounts(effect).items():
        data[name] = np.broadcast_to(amount, people.probability.shape).ravel()[kinds]
    if world.rows_each > 1 and not world.shared:
        data = data.loc[data.index.repeat(world.rows_each)]
        turn = np.tile(np.arange(world.rows_each), PEOPLE)
        data["approved"] = (turn < data["approved"]).astype(int)
    return data


def slope(data: pd.DataFrame, outcome: str, strata: list[str]) -> float:
    """Effect of the group on the outcome after taking out the means of the strata (Frisch and Waugh 1933)."""
    group = (data["group"] == "B").astype(float)
    key = [data[name] for name in strata]
    y = data[outcome] - data[outcome].groupby(key).transform("mean")
    g = group - group.groupby(key).transform("mean")
    return float((g * y).sum() / (g * g).sum())


def reweighted(data: pd.DataFrame, band: str, to: str) -> float:
    """Mean over the rows of one group of the difference between the groups' rates in the row's band."""
    rate = data.groupby([band, "group"])["approved"].mean().unstack()
    return float((rate["A"] - rate["B"]).reindex(data.loc[data["group"] == to, band]).mean())


def pooled_odds(data: pd.DataFrame, band: str) -> float:
    from statsmodels.stats.contingency_tables import StratifiedTable

    counts = data.groupby([band, "group", "approved"]).size().unstack([1, 2])
    tables = [[[row["B"][1], row["B"][0]], [row["A"][1], row["A"][0]]] for _, row in counts.iterrows()]
    return float(StratifiedTable(np.array(tables, dtype=float).transpose(1, 2, 0)).oddsratio_pooled)


def mean(data: pd.DataFrame, column: str, **where: object) -> float:
    for name, value in where.items():
        data = data[data[name] == value]
    return float(data[column].mean())


def difference(column: str, **where: object) -> Callable[[pd.DataFrame], float]:
    return lambda d: mean(d, column, group="B", **where) - mean(d, column, group="A", **where)


def figures(world: World) -> dict[str, Callable[[pd.DataFrame], float]]:
    """How each true figure is worked out from rows, by textbook means other than the tables of the worlds."""
    band = "product" if world.code == "D3" else "risk"
    found: dict[str, Callable[[pd.DataFrame], float]] = {
        "approval_gap": lambda d: mean(d, "approved", group="A") - mean(d, "approved", group="B"),
        "adverse_impact_ratio": lambda d: mean(d, "approved", group="B") / mean(d, "approved", group="A"),
        "conditional_gap": lambda d: -slope(d, "approved", [band]),
        "mantel_haenszel_gap": lambda d: -slope(d, "approved", [band]),
        "conditional_gap_of_the_group": lambda d: reweighted(d, band, "B"),
        "conditional_gap_of_the_reference": lambda d: reweighted(d, band, "A"),
        "gap_given_risk_and_trait": lambda d: -slope(d, "approved", ["risk", "trait"]),
        "mantel_haenszel_odds_ratio": lambda d: pooled_odds(d, band),
        "repayment_gap_among_the_approved": lambda d: -difference("repaid", approved=1)(d),
        "default_rate_gap": difference("default"),
        "default_rate_gap_among_the_approved": difference("default", approved=1),
        "calibration_gap": lambda d: slope(d, "default", ["risk"]),
        "calibration_gap_among_the_approved": lambda d: slope(d[d["approved"] == 1], "default", ["risk"]),
        "false_rejection_rate_gap": lambda d: -difference("approved", default=0)(d),
    }
    for label in ("A", "B"):
        found[f"approval_rate[{label}]"] = lambda d, label=label: mean(d, "approved", group=label)
    if isinstance(world, Insurer):
        return of_prices(world)
    if world.code == "D3":
        for product in ("product 1", "product 2", "product 3", "product 4"):
            found[f"ratio_within[{product}]"] = lambda d, p=product: (
                mean(d, "approved", group="B", product=p) / mean(d, "approved", group="A", product=p)
            )
    return {**found, **OWN.get(world.code, dict)()}


def of_groups() -> dict[str, Callable[[pd.DataFrame], float]]:
    labels = find_world("D5").labels()
    own = {f"approval_rate[{g}]": lambda d, g=g: mean(d, "approved", group=g) for g in labels}
    own |= {
        f"adverse_impact_ratio[{g}]": lambda d, g=g: mean(d, "approved", group=g) / mean(d, "approved", group=labels[0])
        for g in labels
    }
    harmed, first = labels[2], labels[0]
    own["approval_gap"] = lambda d: mean(d, "approved", group=first) - mean(d, "approved", group=harmed)
    own["adverse_impact_ratio"] = own[f"adverse_impact_ratio[{harmed}]"]
    return own


def of_members() -> dict[str, Callable[[pd.DataFrame], float]]:
    def weighted(d: pd.DataFrame) -> float:
        q, yes = d["probability"], d["approved"]
        return float(np.average(yes, weights=1 - q) - np.average(yes, weights=q))

    return {
        "approval_rate[member]": lambda d: mean(d, "approved", member=1),
        "approval_rate[not a member]": lambda d: mean(d, "approved", member=0),
        "approval_gap": lambda d: mean(d, "approved", member=0) - mean(d, "approved", member=1),
        "adverse_impact_ratio": lambda d: mean(d, "approved", member=1) / mean(d, "approved", member=0),
        "gap_by_likely_group": lambda d: mean(d, "approved", likely="A") - mean(d, "approved", likely="B"),
        "gap_of_weighted_rates": weighted,
        "gap_by_least_squares_on_probability": lambda d: -np.polyfit(d["probability"], d["approved"], 1)[0],
    }


def of_subgroups() -> dict[str, Callable[[pd.DataFrame], float]]:
    planted = find_world("I1").planted()

    def rates(d: pd.DataFrame) -> tuple[float, float]:
        inside = np.logical_and.reduce([(d[name] == value).to_numpy() for name, value in planted.items()])
        return float(d["approved"][inside].mean()), float(d["approved"][~inside].mean())

    return {
        "approval_rate[planted subgroup]": lambda d: rates(d)[0],
        "approval_rate[everyone else]": lambda d: rates(d)[1],
        "approval_gap": lambda d: rates(d)[1] - rates(d)[0],
        "adverse_impact_ratio": lambda d: rates(d)[0] / rates(d)[1],
    }


def of_signs() -> dict[str, Callable[[pd.DataFrame], float]]:
    """Risk as the mean repayment of everyone drawn who looks alike, and least squares of approval on it."""

    def at(d: pd.DataFrame, known: list[str]) -> float:
        # the group's own cells are too small in a batch: the chance of repayment is linear in risk, so is its mean
        repaid = dict(zip(range(1, 11), np.linspace(0.97, 0.5, 10), strict=True))
        risk = d["risk"].map(repaid).groupby([d[name] for name in known]).transform("mean")
        design = np.column_stack([np.ones(len(d)), risk, d["group"] == "B"]).astype(float)
        return -float(np.linalg.lstsq(design, d["approved"].to_numpy(float), rcond=None)[0][2])

    signs = ["income", "history", "trait"]
    return {
        "risk_adjusted_gap": lambda d: at(d, [*signs, "group"]),
        "gap_at_equal_blind_risk": lambda d: at(d, signs),
        "gap_given_the_signs": lambda d: -slope(d, "approved", signs),
    }


STRATA = ["product", "channel"]


def priced(data: pd.DataFrame, response: pd.Series, cells: list[pd.Series], *beside: pd.Series) -> float:
    """Coefficient of tenure by least squares after taking out the means of the cells (Frisch and Waugh 1933)."""
    code = pd.Series(0, index=data.index)
    for cell in cells:
        code = code * 50 + cell.astype("category").cat.codes
    y, *columns = (x - x.groupby(code).transform("mean") for x in (response, data["tenure"], *beside))
    return float(np.linalg.lstsq(np.column_stack(columns), y.to_numpy(float), rcond=None)[0][0])


def drifts(data: pd.DataFrame, exposure: str) -> float:
    """Slope on tenure of claims for each unit of exposure, by a generalized linear model on rows."""
    import statsmodels.api as sm

    levels = pd.get_dummies(data["product"] + data["channel"]).astype(float)
    design = np.column_stack([data["tenure"], levels])
    model = sm.GLM(
        data["claims"].to_numpy(float), design, sm.families.Poisson(), exposure=data[exposure].to_numpy(float)
    )
    return float(model.fit().params[0])


def overcharged(data: pd.DataFrame) -> pd.Series:
    """Price beyond what a new customer of the same cost is asked, from the slope in these rows."""
    if "overcharge" not in data:
        asked = data["enbp"] if "enbp" in data else data["price"]
        slope = priced(data, np.log(asked / data["true_cost"]), [data[name] for name in STRATA])
        data["overcharge"] = data["price"] - asked * np.exp(-slope * data["tenure"])
    return data["overcharge"]


def of_prices(world: Insurer) -> dict[str, Callable[[pd.DataFrame], float]]:
    def strata(d: pd.DataFrame) -> list[pd.Series]:
        return [d[name] for name in STRATA]

    def above(d: pd.DataFrame) -> pd.Series:
        return d["price"] > d["enbp"] + 0.001

    def at_new_risks(d: pd.DataFrame, year: int) -> float:
        kind = d["risk"] * 10 + (d["product"] == PRODUCTS[0]) * 2 + (d["channel"] == CHANNELS[0])
        means = d[d["tenure"] == year].groupby(kind)["price"].mean()
        share = kind[d["tenure"] == 0].value_counts(normalize=True)
        assert set(share.index) <= set(means.index)
        return float((means * share).sum())

    half = world.bands / 2
    own: dict[str, Callable[[pd.DataFrame], float]] = {
        "price_slope_at_true_cost": lambda d: priced(d, np.log(d["price"] / d["true_cost"]), strata(d)),
        "tenure_price_slope": lambda d: priced(d, np.log(d["price"] / d["technical_cost"]), strata(d)),
        "loss_ratio_slope": lambda d: -drifts(d, "price"),
        "cost_error_slope": lambda d: drifts(d, "technical_cost"),
        "naive_slope": lambda d: float(np.polyfit(d["tenure"], np.log(d["price"]), 1)[0]),
        "slope_at_linear_score": lambda d: priced(d, np.log(d["price"]), strata(d), d["risk"]),
        "slope_in_coarse_risk_cells": lambda d: priced(d, np.log(d["price"]), [*strata(d), d["risk"] > half]),
        "slope_at_free_cost": lambda d: priced(d, np.log(d["price"]), strata(d), np.log(d["technical_cost"])),
        "overcharge_a_quote": lambda d: float(overcharged(d).mean()),
        "overcharge_share": lambda d: float(overcharged(d).sum() / d["price"].sum()),
        "tenure_market_slope": lambda d: priced(d, np.log(d["price"] / d["market_price"]), strata(d)),
        "above_enbp_share": lambda d: float(above(d[d["tenure"] > 0]).mean()),
        "overcharge_above_enbp": lambda d: float((d["price"] - d["enbp"])[d["tenure"] > 0].mean()),
        "above_enbp_a_quote": lambda d: float((above(d) & (d["tenure"] > 0)).mean()),
        "above_enbp_money_a_quote": lambda d: float((d["price"] - d["enbp"]).mean()),
        "undisclosed_personalised_share": lambda d: float(((d["personalised"] == 1) & (d["disclosed"] == 0)).mean()),
    }
    for channel in CHANNELS:
        own[f"above_enbp_share[{channel}]"] = lambda d, c=channel: float(
            above(d[(d["tenure"] > 0) & (d["channel"] == c)]).mean()
        )
    for year in range(15):
        own[f"mean_price[{year}]"] = lambda d, y=year: mean(d, "price", tenure=y)
        own[f"price_at_equal_risk[{year}]"] = lambda d, y=year: at_new_risks(d, y)
        own[f"price_ratio[{year}]"] = lambda d, y=year: at_new_risks(d, y) / at_new_risks(d, 0)
        own[f"overcharge_a_quote[{year}]"] = lambda d, y=year: float(overcharged(d)[d["tenure"] == y].mean())
    return own


def of_pushes() -> dict[str, Callable[[pd.DataFrame], float]]:
    """Means of money on rows; what a push adds by least squares on the inclination that no file shows."""

    def apart(d: pd.DataFrame, flag: str) -> float:
        return float(d["borrowed"][d[flag] == 1].mean() - d["borrowed"][d[flag] == 0].mean())

    def open_to(d: pd.DataFrame, **where: object) -> pd.DataFrame:
        for name, value in {"held_out": 0, **where}.items():
            d = d[d[name] == value]
        return d

    def within(d: pd.DataFrame) -> float:
        return float(sum(len(one) * apart(one, "pushed") for _, one in d.groupby("segment")) / len(d))

    def at_inclination(d: pd.DataFrame) -> float:
        cells = d.groupby(["group", "inclined"])
        return float(sum(len(one) * apart(one, "pushed") for _, one in cells) / len(d))

    own: dict[str, Callable[[pd.DataFrame], float]] = {
        "push_effect": lambda d: -apart(d, "held_out"),
        "push_effect_gap": lambda d: apart(d[d["group"] == "A"], "held_out") - apart(d[d["group"] == "B"], "held_out"),
        "effect_of_a_push": lambda d: at_inclination(open_to(d)),
        "observational_uplift": lambda d: apart(open_to(d), "pushed"),
        "association_at_equal_segments": lambda d: within(open_to(d)),
        "association_gap": lambda d: within(open_to(d, group="B")) - within(open_to(d, group="A")),
    }
    for label in ("A", "B"):
        own[f"push_effect[{label}]"] = lambda d, g=label: -apart(d[d["group"] == g], "held_out")
    return own


def within_cells(data: pd.DataFrame) -> pd.DataFrame:
    return data.groupby("cell").apply(lambda d: pd.Series({
        f"{kind}{label}": (d["group"] == label).sum() if kind == "n" else d.loc[d["group"] == label, "steered"].sum()
        for kind in "nx" for label in "AB"
    }), include_groups=False)  # fmt: skip


def steered_ratio(data: pd.DataFrame) -> float:
    """The ratio r at which the cells' cases, dealt by n_B r to n_A, give the group as many as it has."""
    from scipy.optimize import brentq

    cells = within_cells(data)
    every = cells["xA"] + cells["xB"]

    def left(r: float) -> float:
        return float((cells["xB"] - every * cells["nB"] * r / (cells["nA"] + cells["nB"] * r)).sum())

    return float(brentq(left, 1e-3, 1e3))


def of_steering(code: str) -> dict[str, Callable[[pd.DataFrame], float]]:
    """Loan by loan: who could have had the plain loan, and what the dear one cost beyond it."""
    world: Any = find_world(code)
    edges = [-np.inf, *world.cheap_edges, np.inf]

    def told(data: pd.DataFrame) -> pd.DataFrame:
        cheap = pd.cut(data["score"], edges, right=False, labels=list(world.cheap)).astype(float)
        easy = data["product"] == world.population(0.0).columns[-1].values[1]
        steered = easy & (data["score"] >= world.cheap_from)
        bands = pd.cut(data["score"], [-np.inf, *sorted({world.cheap_from, *world.cheap_edges}), np.inf], right=False)
        cell = bands.astype(str) + "/" + data["amount"].astype(str) + "/" + data["term"].astype(str)
        excess = steered * (world.dear - cheap) / 100
        money = excess * data["amount"] * data["term"] / 12
        return data.assign(easy=easy * 1.0, steered=steered * 1.0, excess=excess, cell=cell, money=money)

    def share(label: str, column: str) -> Callable[[pd.DataFrame], float]:
        return lambda d: mean(told(d), column, group=label)

    found: dict[str, Callable[[pd.DataFrame], float]] = {
        "log_steered_ratio": lambda d: float(np.log(steered_ratio(told(d)))),
        "steered_ratio": lambda d: steered_ratio(told(d)),
        "steering_excess_rate": lambda d: slope(told(d), "excess", ["cell"]),
        "steered_share": lambda d: mean(told(d), "steered"),
        "mean_excess": lambda d: mean(told(d), "excess"),
        "money_a_loan": lambda d: mean(told(d), "money"),
        "easy_loan_gap": lambda d: difference("easy")(told(d)),
        "easy_loan_ratio": lambda d: share("B", "easy")(d) / share("A", "easy")(d),
        "raw_rate_gap": lambda d: difference("rate")(d) / 100,
    }
    for label in ("A", "B"):
        found[f"steered_share[{label}]"] = share(label, "steered")
        found[f"mean_excess[{label}]"] = share(label, "excess")
    return found


STAGE_FLAGS = {"start": "began", "identity": "proved", "submit": "sent", "decision": "decision", "price": "taken"}


def of_ways() -> dict[str, Callable[[pd.DataFrame], float]]:
    """Persons with flags: shares of those who passed the stage before; within networks as the old are spread."""

    def over(d: pd.DataFrame, passed: str, before: str, by: str = "age_group", one: str = "60+") -> float:
        rates = d[d[before] == 1].groupby(by)[passed].agg(lambda flag: (flag == 1).mean())
        return float(rates[one] / rates.drop(one).iloc[0])

    def within(d: pd.DataFrame, passed: str, before: str) -> float:
        came = d[d[before] == 1]
        rate = (came[passed] == 1).groupby([came["network"], came["age_group"]]).mean().unstack()
        old = came.loc[came["age_group"] == "60+", "network"]
        return float(rate["60+"].reindex(old).mean() / rate["under 60"].reindex(old).mean())

    pairs = dict(zip(STAGE_FLAGS, pairwise(["shown", *STAGE_FLAGS.values()]), strict=True))
    own: dict[str, Callable[[pd.DataFrame], float]] = {
        "cumulative_ratio": lambda d: over(d, "taken", "shown"),
        "approved_ratio": lambda d: over(d, "decision", "shown"),
        "adverse_impact_ratio": lambda d: over(d[d["decision"] < 2], "decision", "sent"),
        "log_cumulative_loss": lambda d: -float(np.log(over(d, "taken", "shown"))),
        "cumulative_ratio[country]": lambda d: over(d, "taken", "shown", "area", "country"),
        "adjusted_cumulative_ratio": lambda d: within(d, "taken", "shown"),
        "log_adjusted_loss": lambda d: -float(np.log(within(d, "taken", "shown"))),
    }
    for stage, (before, passed) in pairs.items():
        own[f"stage_ratio[{stage}]"] = lambda d, p=passed, b=before: over(d, p, b)
        own[f"adjusted_stage_ratio[{stage}]"] = lambda d, p=passed, b=before: within(d, p, b)
    return own


def of_thin_files(code: str) -> dict[str, Callable[[pd.DataFrame], float]]:
    """Points that a missing trail costs by a logit on rows, and what a point is worth by least squares."""
    import statsmodels.api as sm

    def thin(d: pd.DataFrame) -> pd.Series:
        return (d["file"] == "thin").astype(float)

    def points(d: pd.DataFrame) -> float:
        design = np.column_stack([np.ones(len(d)), d["score"], thin(d)]).astype(float)
        _, slope, more = sm.Logit(d["repaid"].to_numpy(float), design).fit(disp=0).params
        return float(more / slope)

    def worth(d: pd.DataFrame, column: str) -> float:
        return float(np.polyfit(d["score"].astype(float), d[column].astype(float), 1)[0])

    def at_equal_score(d: pd.DataFrame) -> float:
        d = d[d["approved"] == 1] if code == "C2A" else d
        rate = d[d["file"] == "full"].groupby("score")["repaid"].mean()
        own = d[d["file"] == "thin"]
        return float((own["repaid"] - own["score"].map(rate)).mean())

    return {
        "thin_file_share": lambda d: float(thin(d).mean()),
        "thin_file_approval_ratio": lambda d: mean(d, "approved", file="thin") / mean(d, "approved", file="full"),
        "thin_file_repayment_gap": at_equal_score,
        "thin_file_approval_gap": lambda d: points(d) * worth(d, "approved"),
        "thin_file_price_gap": lambda d: -points(d) * worth(d, "rate") / 100,
        "thin_file_flip_share": lambda d: mean(d, "filled", file="thin", approved=0),
        "raw_approval_gap": lambda d: mean(d, "approved", file="full") - mean(d, "approved", file="thin"),
        "raw_repayment_gap": lambda d: (
            mean(d, "repaid", file="thin", approved=1) - mean(d, "repaid", file="full", approved=1)
        ),
    }


def of_app_visits() -> dict[str, Callable[[pd.DataFrame], float]]:
    """Differences of means of logarithms; what visits add is the price over cost, load and noise."""

    def apart(d: pd.DataFrame, logarithm: pd.Series) -> float:
        return float(logarithm[d["tenure"] > 0].mean() - logarithm[d["tenure"] == 0].mean())

    return {
        "gap_that_rides_on_visits": lambda d: apart(d, np.log(d["premium"] / d["true_cost"]) - d["price_noise"]),
        "price_gap": lambda d: apart(d, np.log(d["premium"])),
        "cost_gap": lambda d: apart(d, np.log(d["technical_cost"])),
    }


def of_models_without_trait() -> dict[str, Callable[[pd.DataFrame], float]]:
    """Every kind of applicant scored by its own rate; a model approves its n-th as the n-th of today's was approved."""
    from sklearn.metrics import roc_auc_score

    def scores(d: pd.DataFrame, features: list[str]) -> pd.Series:
        return d.groupby(features)["approved"].transform("mean")

    def ratio(d: pd.DataFrame, features: list[str]) -> float:
        approved = d.assign(score=scores(d, ["risk", "trait"])).sort_values("score", kind="stable")["approved"]
        to = np.concatenate([[0.0], approved.cumsum()])
        ranks = scores(d, features).rank(method="min"), scores(d, features).rank(method="max")
        first, last = (rank.to_numpy(int) for rank in ranks)
        chance = pd.Series((to[last] - to[first - 1]) / (last - first + 1)).groupby(d["group"].to_numpy()).mean()
        return float(chance["B"] / chance["A"])

    def area(d: pd.DataFrame, features: list[str]) -> float:
        return float(roc_auc_score(d["repaid"], scores(d, features)))

    both, alone = ["risk", "trait"], ["risk"]
    return {
        "adverse_impact_ratio_of_todays_model": lambda d: ratio(d, both),
        "adverse_impact_ratio_without_trait": lambda d: ratio(d, alone),
        "remedy_gain": lambda d: ratio(d, alone) - ratio(d, both),
        "performance_of_todays_model": lambda d: area(d, both),
        "performance_without_trait": lambda d: area(d, alone),
        "performance_gain": lambda d: area(d, alone) - area(d, both),
    }


OWN = {
    "A3": of_app_visits,
    "D2": of_models_without_trait,
    "D2M": of_models_without_trait,
    "C1": of_ways,
    "C1N": of_ways,
    "C1R": of_ways,
    "B1": partial(of_steering, "B1"),
    "B1E": partial(of_steering, "B1E"),
    "D5": of_groups,
    "D6": of_members,
    "D9": of_signs,
    "I1": of_subgroups,
    "C2": partial(of_thin_files, "C2"),
    "C2A": partial(of_thin_files, "C2A"),
    "B3": of_pushes,
    "B4": of_pushes,
}


@pytest.mark.parametrize("effect", ["fair", "planted"])
@pytest.mark.parametrize("name", [kind.name for kind in WORLDS])
def test_truth_matches_people_drawn_one_by_one_within_monte_carlo_error(name: str, effect: str) -> None:
    world = find_world(name)
    size = 0.0 if effect == "fair" else world.example_effect
    data, ways = drawn(world, size, seed=11), figures(world)
    part = np.arange(len(data)) * BATCHES // len(data)
    batches = [data[part == batch].copy() for batch in range(BATCHES)]
    for figure, true in world.truth(size).items():
        if figure in NOT_FROM_ROWS:
            continue
        estimates = [ways[figure](batch) for batch in batches]
        error = np.std(estimates, ddof=1) / np.sqrt(BATCHES)
        # 20 batches give the error itself within some 16 %; ratios of rates have a bias of order 1/n
        assert abs(np.mean(estimates) - true) < 6 * error + 1e-4, figure


def test_figures_not_taken_from_rows_follow_from_those_that_are() -> None:
    truth = find_world("D5").truth(0.2)
    every = [value for key, value in truth.items() if key.startswith("approval_rate")]
    assert truth["lowest_over_highest_rate"] == pytest.approx(min(every) / max(every), rel=1e-12)
    share = find_world("I1").truth(0)["share_of_the_planted_subgroup"]
    assert share == pytest.approx(1 / (2 * 5 * 6), rel=1e-12)
