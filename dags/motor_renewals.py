"""A simulated motor insurer whose loyal customers pay more, and how much of what was planted an audit finds.

Loyal customers are cheaper risks here, so that prices fall with tenure while the price at equal cost rises; and the
insurer's own equivalent new business price rises with it, so that the rule on renewals catches few of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from audits.record import AuditRun, Judgement
from audits.run import latest_version, read_run
from audits.simulation.motor_renewals import MotorRenewals
from audits.simulation.write import TRUTH_FILE, Simulation, write_simulation
from checks.problem import InputError, Problem

PROGRAM, ROWS, EFFECT, SEED = "motor-renewals", 60_000, 0.02, 20_260_902
_TITLE = {"en": "Motor insurance renewals (simulated)", "zh": "车险续保（模拟）"}
_PLANTED = {
    "en": (
        "Planted: at equal cost each year of tenure adds {slope:.3g} % to the price; {above:.3g} % of renewals through "
        "brokers are {by:.3g} % above the price for new customers; on phones a price made for the person is not "
        "disclosed. Loyal customers are cheaper risks, so mean prices fall. How much of this is found?"
    ),
    "zh": (
        "预设：在成本相同时，客户年限每增加一年，价格上升 {slope:.3g}%；经纪渠道有 {above:.3g}% 的续保价格"
        "比新客户价格高 {by:.3g}%；手机端的个性化定价未作披露。忠诚客户风险较低，因此平均价格随年限下降。能发现多少？"
    ),
}  # fmt: skip
_MEASURES = {  # measure → entry of the truth, and whether a row of the file stands for so much of it
    "tenure_price_slope": ("tenure_price_slope", False),
    "loss_ratio_slope": ("loss_ratio_slope", False),
    "loyalty_penalty_slope": ("price_slope_at_true_cost", False),
    "estimated_overcharge_money": ("overcharge_a_quote", True),
    "renewal_above_enbp_cases": ("above_enbp_a_quote", True),
    "renewal_overcharge_money": ("above_enbp_money_a_quote", True),
    "undisclosed_personalised_price_cases": ("undisclosed_personalised_share", True),
}


def write_insurer(programs: Path, data: Path) -> None:
    """Write the insurer's quotes into ``data`` and a program on them into ``programs``."""
    world = MotorRenewals()
    files = write_simulation(Simulation(world, ROWS, EFFECT, SEED), data, force=True)
    program = yaml.safe_load(files.program.read_text(encoding="utf-8"))
    sizes = {"slope": 100 * EFFECT, "above": 100 * world.above_share, "by": 100 * world.above}
    told = {language: words.format(**sizes) for language, words in _PLANTED.items()}
    program |= {"program": PROGRAM, "title": _TITLE, "description": told}
    program["source"]["table"] = str(files.data.absolute())
    text = yaml.safe_dump(program, sort_keys=False, allow_unicode=True, width=120)
    (programs / f"{PROGRAM}.yaml").write_text(text, encoding="utf-8")


def planted_and_found(runs: Path, data: Path) -> list[str]:
    """One line a figure: what was planted, what was found with its interval, and the worst verdict on it."""
    folder = latest_version(runs / PROGRAM / "all")
    if folder is None:
        raise InputError(
            Problem(str(runs / PROGRAM), "no finished run", "a run of the DAG", "run the demonstration again")
        )
    run, judgement = read_run(folder)
    told = json.loads((data / TRUTH_FILE).read_text(encoding="utf-8"))
    lines = [f"  {'':38}{'planted':>20}  found"]
    for measure, (entry, counted) in _MEASURES.items():
        value = told["truth"][entry] * (told["rows"] if counted else 1)
        lines.append(f"  {measure:38}{_line(measure, value, run, judgement)}")
    return [*lines, *_what_prices_seem(told["truth"])]


def _line(measure: str, planted: float, run: AuditRun, judgement: Judgement) -> str:
    from audits.policies.units import figure
    from audits.policies.wording import is_counted

    m = next((m for m in run.measurements if m.measure == measure and m.attribute is None), None)
    if m is None or m.estimate is None:
        return f"{planted:>20.4g}  none: {m.reason if m else 'not measured'}"
    low, high = (figure(m, bound).split(" ")[0] for bound in (m.low, m.high))
    found = figure(m, m.estimate) if is_counted(m) else f"{figure(m, m.estimate)} ({low} to {high})"
    return f"{figure(m, planted):>20}  {found}  {_worst(judgement, measure)}"


def _worst(judgement: Judgement, measure: str) -> str:
    return next((f.verdict for f in judgement.findings if f.measurement.measure == measure), "told beside")


def _what_prices_seem(truth: Mapping[str, float]) -> list[str]:
    """What a look at prices alone would say."""
    years = max(int(name[len("mean_price[") : -1]) for name in truth if name.startswith("mean_price["))
    first, last = truth["mean_price[0]"], truth[f"mean_price[{years}]"]
    return [
        f"  mean price: {first:,.0f} GBP of new customers, {last:,.0f} GBP after {years} years, "
        "since those who stay are cheaper risks"
    ]  # fmt: skip
