"""A simulated insurer whose registered pricing model holds a proxy of tenure, and what an audit of it finds.

The model takes no tenure, so that a flip of it shows nothing; it takes how often the app is opened, which grows with
tenure and has no bearing on cost. The recorded prices are those that the model itself gives.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import yaml

from audits.record import AuditRun
from audits.simulation.app_visits import AppVisits
from audits.simulation.fitted import example_of, fitted, recorded_by
from audits.simulation.write import TRUTH_FILE, Simulation, write_simulation
from checks.inputs.prediction import RENEWING, STANDING
from dags.model_registry import leads_to, register
from dags.planted import Planted, beside, finished

PROGRAM, ROWS, EFFECT, SEED = AppVisits.name, 40_000, AppVisits.example_effect, 20_261_126
MODEL = f"{PROGRAM}-price"
_PENNY = 2  # decimals of a recorded price
_TITLE = {"en": "Renewals priced by a registered model (simulated)", "zh": "由注册模型定价的续保（模拟）"}
_MODEL_WORDS = "Log premium of a simulated motor policy; takes car, mileage, region and visits of the app, no tenure."
_PLANTED = {
    "en": (
        "Planted: the model does not take how long a customer has stayed. It takes how often the app is opened, which "
        "grows with that and has no bearing on cost: at equal cost, {counted} openings or more make a price {by:.0f} % "
        "dearer than none, which adds {rides:.1f} % to the prices of renewing customers over those of new ones. They "
        "are cheaper risks, so that their prices are {lower:.1f} % lower all the same, and a flip of tenure changes "
        "nothing. How much of this is found, and which feature is named?"
    ),
    "zh": (
        "预设：模型不使用客户年限，但使用 App 打开次数；打开次数随年限增加，与成本无关。在成本相同时，"
        "打开 {counted} 次及以上的价格比未打开的高 {by:.0f}%，使续保客户的价格相对新客户高 {rides:.1f}%。"
        "续保客户风险较低，因此其价格仍低 {lower:.1f}%，而改变年限不影响模型输出。能发现多少，会指出哪个特征？"
    ),
}  # fmt: skip
_EXPLORATORY = (
    "explanation.shap_gap", "explanation.paired_flips", "explanation.reproduction", "loyalty_pricing.tenure_gradient",
    "loyalty_pricing.renewal_price",
)  # fmt: skip
_MEASURES = (  # measure, part, and entry of the truth
    ("proxy_carried_gap", "visits", "gap_that_rides_on_visits"), ("model_output_gap", "all", "price_gap"),
)  # fmt: skip


def write_insurer(programs: Path, data: Path, home: Path) -> None:
    """Quotes into ``data``, their model into the MLflow store of ``home``, and a program on both into ``programs``."""
    import pandas as pd

    files = write_simulation(Simulation(AppVisits(), ROWS, EFFECT, SEED), data, force=True)
    program = yaml.safe_load(files.program.read_text(encoding="utf-8"))
    contract, quotes = program["contract"], pd.read_parquet(files.data)
    column, features = contract["price"]["column"], contract["features"]
    model = fitted(quotes, features, column)
    quotes[column] = recorded_by(model, quotes, features).round(_PENNY)
    quotes.to_parquet(files.data, index=False)
    registered = register(model, MODEL, example_of(quotes, features), _MODEL_WORDS, home)
    contract["prediction"] = {"of": "price", "scale": "log", "tolerance": _tolerance(float(quotes[column].min()))}
    truth = json.loads(files.truth.read_text(encoding="utf-8"))["truth"]
    program |= {
        "program": PROGRAM, "title": _TITLE, "description": _described(truth), "model": registered.address,
        "trusted_model": True,
        "audits": {"primary": ["explanation.proxy_features"], "exploratory": list(_EXPLORATORY)},
        "policies": ["conventions", "uk"],
    }  # fmt: skip
    program["source"]["table"] = str(files.data.absolute())
    text = yaml.safe_dump(program, sort_keys=False, allow_unicode=True, width=120)
    (programs / f"{PROGRAM}.yaml").write_text(text, encoding="utf-8")


def planted_and_found(runs: Path, data: Path) -> list[str]:
    """What was planted beside what was found, the flip of tenure, and what is named as its proxy."""
    run, judgement = finished(runs, PROGRAM)
    told = json.loads((data / TRUTH_FILE).read_text(encoding="utf-8"))
    planted = [Planted(measure, told["truth"][entry], RENEWING, segment=part) for measure, part, entry in _MEASURES]
    return [
        *beside(planted, run, judgement, held=False),
        f"  what was planted is of the formula of prices; the model was fitted to {told['rows']:,} quotes made by it, "
        "and what it learned differs a little",
        f"  flip of tenure: {_flipped(run)}",
        f"  named as standing in for {STANDING}: {', '.join(named(run)) or 'nothing'}",
    ]  # fmt: skip


def tracked(home: Path) -> list[str]:
    """Where MLflow keeps the run, and the version of the model that it was of."""
    return leads_to(f"squaredeal/{PROGRAM}", MODEL, home)


def named(run: AuditRun) -> tuple[str, ...]:
    """The features that the run names as proxies of the time as a customer."""
    return tuple(
        m.segment for m in run.measurements
        if m.measure == "proxy_carried_gap" and m.attribute == STANDING and m.details.get("named")
    )  # fmt: skip


def _flipped(run: AuditRun) -> str:
    """The figure, or why there is none."""
    measure = "flip_output_change"
    for m in run.measurements:
        if m.measure == measure and m.segment == "tenure" and m.estimate is not None:
            return f"{m.estimate:.4f}"
    reasons = (str(one.reason) for one in run.not_answered if one.question == f"explanation.paired_flips: {measure}")
    return f"not answered: {next(reasons, 'not asked')}"


def _tolerance(cheapest: float) -> float:
    """Half a penny as a share of the cheapest price, up to one figure: what rounding alone can change."""
    share = 0.5 * 10**-_PENNY / cheapest
    step = 10.0 ** math.floor(math.log10(share))
    return float(f"{math.ceil(share / step) * step:.0e}")


def _described(truth: dict[str, Any]) -> dict[str, str]:
    sizes = {
        "counted": AppVisits().counted_visits, "by": 100 * math.expm1(EFFECT),
        "rides": 100 * math.expm1(truth["gap_that_rides_on_visits"]), "lower": -100 * math.expm1(truth["price_gap"]),
    }  # fmt: skip
    return {language: words.format(**sizes) for language, words in _PLANTED.items()}
