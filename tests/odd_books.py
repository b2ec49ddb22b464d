"""Lenders' books that make the questions give their reasons: something is missing, constant, scarce or all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

APPROVAL, PRICING, ERRORS = "fair_lending.approval", "fair_lending.pricing", "fair_lending.errors"
CALIBRATION, IMPUTED = "fair_lending.calibration", "fair_lending.imputed_groups"
CROSSED = {"fair_lending.intersections": {"replicates": 199, "least_size": 20}}
TWO_ERRORS = {"fair_lending.errors": {"metrics": ["true_positive_rate", "true_negative_rate", "precision_score"]}}
RISK = {"fair_lending.risk_adjusted": {"folds": 2, "replicates": 50, "rows": 1000}}
ALL = (APPROVAL, PRICING, ERRORS, CALIBRATION, CROSSED, RISK, IMPUTED)
OPEN = ("region", "burden", "rate", "points", "paid", "weight", "client", "costly", "p", "q", "granted")
REGION = {"region": {"column": "region", "reference": "north"}}
PLAIN = {"unit": "case", "decision": {"column": "granted", "favourable": 1, "unfavourable": 0}, "groups": REGION}
BASE = {
    **PLAIN, "groups": {**REGION, "sex": {"column": "sex", "reference": "m"}},
    "rate": {"column": "rate", "unit": "percent"}, "score": "points", "features": ["burden", "product"],
    "outcome": {"column": "paid", "favourable": 1, "unfavourable": 0},
}  # fmt: skip
EVERYTHING = {
    **BASE, "controls": ["burden", "twice"], "strata": ["product"], "entity": "client", "weight": "weight",
    "loan": {"high_cost": "costly"},
}  # fmt: skip
ONCE = {name: EVERYTHING[name] for name in EVERYTHING if name not in ("entity", "weight")}
NO_DECISION = {name: ONCE[name] for name in ONCE if name != "decision"}
BELONGING = {"imputed_groups": {"race": {"probabilities": {"black": "p", "other": "q"}, "reference": "white"}}}


def book(rows: int = 1200, seed: int = 7) -> pd.DataFrame:
    """A lender's applications with everything that a contract can name."""
    rng = np.random.default_rng(seed)
    burden, region = rng.normal(0.3, 0.1, rows), np.where(rng.random(rows) < 0.35, "south", "north")
    granted = (rng.random(rows) < np.clip(0.85 - burden - 0.1 * (region == "south"), 0.05, 0.95)).astype(int)
    share = rng.dirichlet([0.4, 0.4, 0.8], rows)
    return pd.DataFrame({
        "case": np.arange(rows), "client": np.arange(rows) // 2, "region": region, "granted": granted,
        "sex": rng.choice(["m", "f"], rows), "burden": burden, "twice": 2 * burden,
        "product": rng.choice(["home", "car"], rows), "rate": np.where(granted == 1, 4 + burden, np.nan),
        "costly": rng.choice(["yes", "no"], rows), "points": rng.random(rows),
        "paid": (rng.random(rows) < 1.1 - burden).astype(float), "weight": rng.integers(1, 4, rows).astype(float),
        "p": share[:, 0], "q": share[:, 1],
    })  # fmt: skip


SOUTH = {"region": "south"}


def changed(where: Mapping[str, Any] | None = None, rows: int = 1200, **values: Any) -> pd.DataFrame:
    """The book with other values in some columns, for those rows alone where the others have such values."""
    data = book(rows)
    mask = np.logical_and.reduce([data[name] == value for name, value in (where or {}).items()] or [data["case"] >= 0])
    for name, value in values.items():
        new = value(data) if callable(value) else value
        data[name] = data[name].mask(mask, new) if where else new
    return data


def with_holes() -> pd.DataFrame:
    """Some values missing in each column."""
    data = book()
    for at, name in enumerate(("region", "burden", "rate", "points", "paid", "weight", "client", "p")):
        data[name] = data[name].mask(data.index % 12 == at)
    return data


def few_of_the_south(rows: int, **values: Any) -> pd.DataFrame:
    return changed(region=lambda d: np.where(d.index < rows, "south", "north"), **values)


def losing(*shares: float) -> pd.DataFrame:
    """Outcomes are lost of these shares of the south's approved, its declined, the north's approved, its declined."""
    data = book()
    place = data.groupby(["region", "granted"]).cumcount()
    for share, (region, granted) in zip(shares, (("south", 1), ("south", 0), ("north", 1), ("north", 0)), strict=True):
        own = (data["region"] == region) & (data["granted"] == granted)
        data["paid"] = data["paid"].mask(own & (place * share % 1 >= 1 - share))
    return data


def calibrated(way: str) -> dict[str, dict[str, str]]:
    return {CALIBRATION: {"score_is": way}}


def is_south(data: pd.DataFrame) -> pd.Series:
    return (data["region"] == "south").astype(float)


# name → data, contract, questions
CASES: dict[str, tuple[Callable[[], pd.DataFrame], dict[str, Any], tuple[object, ...]]] = {
    "everything, with holes": (with_holes, {**EVERYTHING, **BELONGING}, ALL),
    "every row once": (book, ONCE, ALL),
    "neither controls nor strata": (book, {**PLAIN, "rate": BASE["rate"]}, ALL),
    "no decision": (book, NO_DECISION, ALL),
    "few rows": (lambda: book(40), EVERYTHING, ALL),
    "few clients": (lambda: changed(client=lambda d: d.index % 16), EVERYTHING, (APPROVAL, PRICING)),
    "few clients alone": (lambda: changed(client=lambda d: d.index % 7), {**BASE, "entity": "client"}, (RISK,)),
    "unfit": (lambda: changed(case=1), PLAIN, (APPROVAL,)),
    "nobody of the reference decided": (
        lambda: changed({"region": "north"}, granted=2),
        {**EVERYTHING, "decision": {**PLAIN["decision"], "excluded": 2}, "groups": {
            "region": {**REGION["region"], "values": ["north", "south", "west"]},
        }}, (APPROVAL, ERRORS, RISK),
    ),
    "everybody approved": (lambda: changed(granted=1, burden=1.0), {**PLAIN, "controls": ["burden"]}, (APPROVAL,)),
    "nobody of the reference approved": (
        lambda: changed({"region": "north"}, granted=0), {**PLAIN, "strata": ["product"]}, (APPROVAL,),
    ),
    "no control varies": (
        lambda: changed(burden=1.0), {**PLAIN, "rate": BASE["rate"], "controls": ["burden"]}, (APPROVAL, PRICING),
    ),
    "a control is the group": (
        lambda: changed(burden=is_south), {**PLAIN, "rate": BASE["rate"], "controls": ["burden"]}, (APPROVAL, PRICING),
    ),
    "a control is nearly the group": (
        lambda: changed(burden=lambda d: is_south(d) + 0.02 * (d.index % 2)),
        {**PLAIN, "rate": BASE["rate"], "controls": ["burden"]}, (APPROVAL, PRICING),
    ),
    "a control that the south lacks": (
        lambda: changed(SOUTH, burden=np.nan), {**PLAIN, "rate": BASE["rate"], "controls": ["burden"]},
        (APPROVAL, PRICING),
    ),
    "no weight in the south": (lambda: changed(SOUTH, weight=0.0), {**BASE, "weight": "weight"}, (APPROVAL, RISK)),
    "no weight in the north": (
        lambda: changed({"region": "north"}, weight=0.0), {**BASE, "weight": "weight"}, (APPROVAL, RISK),
    ),
    "no client in the south": (
        lambda: changed(SOUTH, client=None), {**EVERYTHING, "controls": []}, (APPROVAL, PRICING, RISK),
    ),
    "unlike strata": (
        lambda: changed({"product": "home"}, granted=lambda d: np.where(is_south(d) == 1, d.index % 9 == 0, 1)),
        {**PLAIN, "strata": ["product"]}, (APPROVAL,),
    ),
    "strata of one group": (lambda: changed(product=lambda d: d["region"]), {**PLAIN, "strata": ["product"]},
                            (APPROVAL, PRICING)),
    "strata of many levels": (
        lambda: changed(product=lambda d: "kind " + (d.index % 140).astype(str), granted=lambda d: d.index % 3 // 2),
        {**ONCE, "strata": ["product", "sex"], "controls": ["burden"]}, (APPROVAL, PRICING),
    ),
    "strata of too many levels": (
        lambda: changed(product=lambda d: "kind " + (d.index % 1100).astype(str)),
        {**ONCE, "strata": ["product", "sex"]}, (APPROVAL, PRICING),
    ),
    "one rate a group": (lambda: changed(rate=lambda d: 4 + is_south(d)), ONCE, (PRICING,)),
    "one rate in the south": (lambda: changed(SOUTH, rate=5.0), ONCE, (PRICING,)),
    "rates of odd flags": (lambda: changed(costly="perhaps"), ONCE, (PRICING,)),
    "no flags": (lambda: changed(SOUTH, costly=None), ONCE, (PRICING,)),
    "no high cost": (lambda: changed(costly="no", rate=4.0), ONCE, (PRICING,)),
    "rates of the refused": (lambda: changed(rate=lambda d: 4 + d["burden"]), ONCE, (PRICING,)),
    "outcomes of the approved": (lambda: changed({"granted": 0}, paid=np.nan), ONCE, (TWO_ERRORS, CALIBRATION, RISK)),
    "outcomes of few approved of the south": (lambda: losing(1 / 2, 0, 0, 1 / 4), BASE, (TWO_ERRORS, RISK)),
    "outcomes of few of the south": (lambda: losing(2 / 3, 2 / 3, 0, 0), BASE, (TWO_ERRORS, CALIBRATION, RISK)),
    "outcomes of fewer approved of the south": (lambda: losing(0.055, 0.03, 0, 0.03), BASE, (RISK,)),
    "a third region without a control": (
        lambda: changed({"sex": "f", "product": "car"}, region="west", burden=np.nan),
        {**PLAIN, "controls": ["burden"]}, (APPROVAL,),
    ),
    "no outcomes": (lambda: changed(paid=np.nan), ONCE, (TWO_ERRORS, CALIBRATION, RISK)),
    "no outcomes of the south": (
        lambda: changed(SOUTH, paid=np.nan), ONCE, (TWO_ERRORS, calibrated("favourable"), RISK),
    ),
    "outcomes on a condition": (
        lambda: changed(sex=lambda d: d.index % 3 > 0),
        {**NO_DECISION, "groups": REGION, "outcome": {**BASE["outcome"], "observed_when": "sex"}}, (CALIBRATION,),
    ),
    "one outcome": (lambda: changed(paid=1.0), ONCE, (TWO_ERRORS, calibrated("favourable"))),
    "all alike": (lambda: few_of_the_south(3, granted=1, paid=1.0), ONCE, (ERRORS, CROSSED)),
    "a score that is no chance": (lambda: changed(points=lambda d: d.index), ONCE, (calibrated("unfavourable"),)),
    "one score": (lambda: changed(points=0.5), ONCE, (calibrated("favourable"),)),
    "few scores": (lambda: changed(points=lambda d: d.index % 4), ONCE, (CALIBRATION,)),
    "scores far off": (
        lambda: changed(rows=70_000, points=lambda d: np.where(d.index < 5, 1e9 * (d.index + 1.0), d.index / 1e5)),
        ONCE, (CALIBRATION,),
    ),
    "scores apart": (lambda: changed(points=lambda d: d["points"] + 2 * is_south(d)), ONCE, (CALIBRATION,)),
    "scores half apart": (lambda: changed(points=lambda d: d["points"] + 0.5 * is_south(d)), ONCE, (CALIBRATION,)),
    "a score that never misses": (lambda: changed(points=lambda d: d["paid"]), ONCE, (calibrated("favourable"),)),
    "small subgroups": (lambda: few_of_the_south(30), BASE, (CROSSED,)),
    "a feature that is the group": (book, {**BASE, "groups": REGION, "features": ["region"]}, (RISK,)),
    "a feature that tells groups apart": (
        lambda: changed(burden=lambda d: is_south(d) + 0.001 * d["burden"], paid=lambda d: np.where(
            is_south(d) == 1, d.index % 29 == 0, d.index % 31 > 0).astype(float)), BASE, (RISK,),
    ),
    "features that tell nothing": (
        lambda: changed(burden=lambda d: d.index % 7, paid=lambda d: d.index % 2), BASE, (RISK,),
    ),
    "few approved of the south": (lambda: changed(SOUTH, granted=lambda d: (d.index % 60 == 0) * 1), BASE, (RISK,)),
    "few declined of the south": (lambda: changed(SOUTH, granted=lambda d: (d.index % 60 > 0) * 1), BASE, (RISK,)),
    "probabilities": (book, {**PLAIN, **BELONGING}, (IMPUTED,)),
    "checked probabilities": (
        book, {**ONCE, "entity": "client", "imputed_groups": {
            "race": {**BELONGING["imputed_groups"]["race"], "calibration": "held against a survey"},
        }}, (IMPUTED,),
    ),
    "probabilities of all labels": (book, {**PLAIN, "imputed_groups": {
        "race": {"probabilities": {"black": "p", "white": "q"}, "reference": "white"}}}, (IMPUTED,)),
    "probabilities above one": (
        lambda: changed(p=0.7, q=lambda d: d["q"] / 2 + 0.4), {**PLAIN, **BELONGING}, (IMPUTED,),
    ),
    "small probabilities": (lambda: changed(p=lambda d: d["p"] / 1e3, q=lambda d: d["q"] / 3), {**PLAIN, **BELONGING},
                            (IMPUTED,)),
    "equal probabilities": (lambda: changed(p=0.3, q=lambda d: d["q"] / 3), {**PLAIN, **BELONGING}, (IMPUTED,)),
    "nearly equal probabilities": (
        lambda: changed(p=lambda d: 0.3 + 0.02 * d["p"], q=lambda d: d["q"] / 3), {**PLAIN, **BELONGING}, (IMPUTED,),
    ),
    "probabilities that follow": (lambda: changed(p=lambda d: d["q"] / 2), {**PLAIN, **BELONGING}, (IMPUTED,)),
    "no probabilities": (lambda: changed(p=np.nan), {**PLAIN, **BELONGING}, (IMPUTED,)),
    "probabilities of few clients": (
        lambda: changed(client=lambda d: d.index % 9), {**PLAIN, **BELONGING, "entity": "client"}, (IMPUTED,),
    ),
    "probabilities of few approved": (lambda: changed(granted=lambda d: d.index % 100 == 0), {**PLAIN, **BELONGING},
                                      (IMPUTED,)),
}  # fmt: skip
