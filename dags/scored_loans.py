"""A simulated lender of consumer loans whose registered score takes a stand-in for where people were born.

What an audit finds in it, and what becomes of the ratio of approval rates when the model is trained without it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from audits.record import AuditRun
from audits.remedies.records import Candidate, Certified, RemedyRecord
from audits.remedies.station import find_remedies, latest_remedies, read_remedies
from audits.simulation.fitted import SCORE, example_of, fitted, recorded_by
from audits.simulation.scored_loans import ScoredLoans
from audits.simulation.training_code import TODAY, TRAINING_FILE
from audits.simulation.write import TRUTH_FILE, Simulation, write_simulation
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.problem import InputError, Problem
from dags.model_registry import leads_to, leads_to_search, register, store_of
from dags.planted import Planted, beside, finished

PROGRAM, ROWS, EFFECT, SEED = ScoredLoans.name, 30_000, ScoredLoans.example_effect, 20_261_127
MODEL, COLUMN = f"{PROGRAM}-score", "score"
TRAINS = f"{PROGRAM}-training.py"  # beside the program
GROUP, TRAIT = "born abroad", "prepaid_phone"
_NAMES = {"group": "origin", "A": "born here", "B": GROUP, "trait": TRAIT, "case": "application"}
_TITLE = {"en": "Consumer loans scored by a registered model (simulated)", "zh": "由注册模型评分的消费贷款（模拟）"}
_MODEL_WORDS = (
    "Chance of approval of a simulated consumer loan; takes risk, telephone, term, purpose and time in the job."
)
_PLANTED = {
    "en": (
        "Planted: a prepaid telephone, which at equal risk says nothing of repayment, makes approval {by:.0f} points "
        "less likely, and the score learned it. Those born abroad have such telephones more often, so that they are "
        "approved {today:.2f} times as often as those born here; of a model that does not take the telephone it is "
        "{without:.2f} times, and it tells repayment better (AUC {better:.3f} instead of {worse:.3f}). The model takes "
        "no place of birth. How much of this is found, which feature is named, and what would help?"
    ),
    "zh": (
        "预设：在风险相同时，预付费电话与还款无关，但使批准的可能性降低 {by:.0f} 个百分点，而评分模型学到了这一点。"
        "在国外出生者更常使用这种电话，因此其批准率为本国出生者的 {today:.2f} 倍；"
        "不使用该特征的模型为 {without:.2f} 倍，而且更能区分还款情况（AUC 为 {better:.3f}，而非 {worse:.3f}）。"
        "模型不使用出生地。能发现多少，会指出哪个特征，怎样补救？"
    ),
}  # fmt: skip
_EXPLORATORY = (
    "explanation.shap_gap",
    "explanation.paired_flips",
    "fair_lending.approval",
    "fair_lending.risk_adjusted",
)
_MEASURES = (  # measure and entry of the truth
    ("adverse_impact_ratio", "adverse_impact_ratio"), ("adjusted_approval_gap", "conditional_gap"),
)  # fmt: skip
_CERTIFIED = (  # what is told, measure, which of its figures, entry of the truth
    ("ratio of approval rates, today's model", "adverse_impact_ratio", "today", "adverse_impact_ratio_of_todays_model"),
    ("ratio of approval rates, chosen model", "adverse_impact_ratio", "chosen", "adverse_impact_ratio_without_trait"),
    ("gain, whoever trains the models", "retrained_ratio_gain", "estimate", "remedy_gain"),
    ("AUC for repayment, chosen less today's", "performance_difference", "estimate", "performance_gain"),
)  # fmt: skip
_WIDE = 46


def write_lender(programs: Path, data: Path, home: Path) -> None:
    """Loans into ``data``, their score into the MLflow store of ``home``, a program and its code into ``programs``."""
    import pandas as pd

    files = write_simulation(Simulation(ScoredLoans(), ROWS, EFFECT, SEED, _NAMES), data, force=True)
    program = yaml.safe_load(files.program.read_text(encoding="utf-8"))
    contract, loans = program["contract"], pd.read_parquet(files.data)
    features = contract["features"]
    model = fitted(loans, features, contract["decision"]["column"], SCORE, rounds=TODAY["n_estimators"], settings={
        "num_leaves": TODAY["num_leaves"], "learning_rate": TODAY["learning_rate"],
        "min_data_in_leaf": TODAY["min_child_samples"], "lambda_l2": TODAY["reg_lambda"],
    })  # fmt: skip
    loans[COLUMN] = recorded_by(model, loans, features, SCORE)
    loans.to_parquet(files.data, index=False)
    registered = register(model, MODEL, example_of(loans, features), _MODEL_WORDS, home)
    contract["score"] = COLUMN
    contract["prediction"] = {
        "of": "score", "favourable": "high",
        "flips": {"no prepaid phone": {"set": {TRAIT: 0}, "when": {TRAIT: 1}}},
    }  # fmt: skip
    truth = json.loads(files.truth.read_text(encoding="utf-8"))["truth"]
    program |= {
        "program": PROGRAM, "title": _TITLE, "description": _described(truth), "model": registered.address,
        "trusted_model": True,
        "audits": {"primary": ["explanation.proxy_features"], "exploratory": list(_EXPLORATORY)},
        "policies": ["conventions", "us"],
    }  # fmt: skip
    program["source"]["table"] = str(files.data.absolute())
    program["remedies"]["training"]["file"] = TRAINS
    (programs / TRAINS).write_bytes((data / TRAINING_FILE).read_bytes())
    text = yaml.safe_dump(program, sort_keys=False, allow_unicode=True, width=120)
    (programs / f"{PROGRAM}.yaml").write_text(text, encoding="utf-8")


def search(programs: Path, runs: Path, home: Path) -> Path:
    """Look for other models beside the audit and publish what was found, also in MLflow; returns the page."""
    from reports.remedies_page import publish_remedies

    found = find_remedies(read_program(programs / f"{PROGRAM}.yaml"), read_period("all"), runs)
    return publish_remedies(found, store_of(home))


def planted_and_found(runs: Path, data: Path) -> list[str]:
    """What was planted beside what the audit found, why a flip of the group says nothing, and what is named."""
    run, judgement = finished(runs, PROGRAM)
    truth = json.loads((data / TRUTH_FILE).read_text(encoding="utf-8"))["truth"]
    planted = [Planted(measure, truth[entry], GROUP) for measure, entry in _MEASURES]
    return [
        *beside(planted, run, judgement),
        f"  flip of {_NAMES['group']}: {_flipped(run)}",
        f"  named as standing in for {_NAMES['group']}: {', '.join(named(run)) or 'nothing'}",
    ]  # fmt: skip


def remedies_found(runs: Path, data: Path) -> list[str]:
    """What leaving the telephone out brings, by the population, beside what was certified of the model chosen."""
    record = _record(runs)
    truth = json.loads((data / TRUTH_FILE).read_text(encoding="utf-8"))["truth"]
    figures = {(one.measure, one.group): one for one in record.certified}
    lines = [f"  {'':{_WIDE}}{'planted':>20}  certified"]
    for words, measure, side, entry in _CERTIFIED:
        one = figures.get((measure, GROUP)) or figures.get((measure, None))
        lines.append(f"  {words:{_WIDE}}{truth[entry]:>20.3f}  {_certified(one, side)}")
    return [
        *lines, f"  {record.outcome}, of {len(record.candidates)} models tried; chosen: {_chosen(record)}",
        f"  {record.explanation}",
    ]  # fmt: skip


def tracked(home: Path) -> list[str]:
    """Where MLflow keeps the search, the run, and the version of the model that the run was of."""
    experiment = f"squaredeal/{PROGRAM}"
    return [*leads_to_search(experiment, home), *leads_to(experiment, MODEL, home)]


def named(run: AuditRun) -> tuple[str, ...]:
    """The features that the run names as proxies of where people were born."""
    attribute = _NAMES["group"]
    return tuple(
        m.segment for m in run.measurements
        if m.measure == "proxy_carried_gap" and m.attribute == attribute and m.details.get("named")
    )  # fmt: skip


def _flipped(run: AuditRun) -> str:
    """Why the model cannot be asked of the same person in the other group."""
    measure = "explanation.paired_flips: flip_output_change"
    return (
        f"not answered: {next((str(one.reason) for one in run.not_answered if one.question == measure), 'not asked')}"
    )


def _record(runs: Path) -> RemedyRecord:
    folder = latest_remedies(runs / PROGRAM / "all")
    if folder is None:
        raise InputError(
            Problem(str(runs / PROGRAM), "no finished search", "a search for remedies", "run the demonstration again")
        )
    return read_remedies(folder)


def _certified(one: Certified | None, side: str) -> str:
    """The figure of the untouched rows, with its bounds where it is the one that they are of."""
    if one is None:
        return "none: not certified"
    value = {"today": one.today, "chosen": one.chosen, "estimate": one.estimate}[side]
    if value is None:
        return f"none: {one.reason or 'not certified'}"
    if side == "today" or one.low is None or one.high is None:
        return f"{value:.3f}"
    return f"{value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _chosen(record: RemedyRecord) -> str:
    chosen: Candidate | None = next((one for one in record.candidates if one.id == record.chosen), None)
    return str(chosen.words) if chosen else "none"


def _described(truth: dict[str, Any]) -> dict[str, str]:
    sizes = {
        "by": 100 * EFFECT, "today": truth["adverse_impact_ratio_of_todays_model"],
        "without": truth["adverse_impact_ratio_without_trait"], "worse": truth["performance_of_todays_model"],
        "better": truth["performance_without_trait"],
    }  # fmt: skip
    return {language: words.format(**sizes) for language, words in _PLANTED.items()}
