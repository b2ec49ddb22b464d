"""Two simulated lenders with one ratio of approval rates, .73, and what an audit makes of each.

The fair one decides on true risk, in which the groups differ; the strict one asks more of the group at equal risk. The
four-fifths rule says the same of both. The gap at equal risk, and the gap at equal estimated chance of repayment,
tell them apart.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from audits.run import latest_version, read_run
from audits.simulation.same_ratio import SameRatio
from audits.simulation.write import Simulation, write_simulation
from checks.problem import InputError, Problem

ROWS, SEED = 60_000, 20_260_901
EFFECTS = {"fair-lender": 0.0, "strict-lender": 0.14}
_TITLES = {
    "fair-lender": {"en": "A fair lender with a ratio of .73 (simulated)", "zh": "比率为 0.73 的公平放贷机构（模拟）"},
    "strict-lender": {
        "en": "A discriminating lender with a ratio of .73 (simulated)", "zh": "比率为 0.73 的歧视性放贷机构（模拟）",
    },
}  # fmt: skip
_QUESTION = {
    "en": "Both approve the group .73 times as often. Which of the two asks more of it at equal risk?",
    "zh": "两家机构对该群体的批准率均为参照群体的 0.73 倍。在风险相同时，哪一家对该群体的要求更高？",
}
_MEASURES = ("adverse_impact_ratio", "adjusted_approval_gap", "risk_adjusted_gap")


def write_lenders(programs: Path, data: Path) -> None:
    """Write both lenders' decisions into ``data`` and a program for each into ``programs``."""
    for name, effect in EFFECTS.items():
        files = write_simulation(Simulation(SameRatio(), ROWS, effect, SEED), data / name, force=True)
        program = yaml.safe_load(files.program.read_text(encoding="utf-8"))
        program |= {"program": name, "title": _TITLES[name], "description": _QUESTION}
        program["source"]["table"] = str(files.data.absolute())
        program["audits"] = {"primary": ["fair_lending.approval", "fair_lending.risk_adjusted"]}
        text = yaml.safe_dump(program, sort_keys=False, allow_unicode=True, width=120)
        (programs / f"{name}.yaml").write_text(text, encoding="utf-8")


def told_apart(runs: Path) -> list[str]:
    """One line a figure, both lenders side by side: estimate, interval and worst verdict."""
    columns = {name: _figures(runs, name) for name in EFFECTS}
    lines = [f"  {'':24}{''.join(f'{name:>40}' for name in EFFECTS)}"]
    for measure in _MEASURES:
        lines.append(f"  {measure:24}{''.join(f'{column[measure]:>40}' for column in columns.values())}")
    planted = "".join(f"{f'{100 * effect:g} points' if effect else 'nothing':>40}" for effect in EFFECTS.values())
    return [*lines, f"  {'planted at equal risk':24}{planted}"]


def _figures(runs: Path, name: str) -> dict[str, str]:
    from audits.policies.units import figure

    folder = latest_version(runs / name / "all")
    if folder is None:
        raise InputError(
            Problem(str(runs / name), "no finished run", "a run of the DAG", "run the demonstration again")
        )
    run, judgement = read_run(folder)
    told = {}
    for measure in _MEASURES:
        m = next(m for m in run.measurements if m.measure == measure)
        verdict = next((f.verdict for f in judgement.findings if f.measurement.measure == measure), "not judged")
        if m.estimate is None:
            told[measure] = f"none ({verdict})"
            continue
        estimate, low, high = (figure(m, bound).split(" ")[0] for bound in (m.estimate, m.low, m.high))
        unit = " points" if measure.endswith("_gap") else ""
        told[measure] = f"{estimate}{unit} ({low} to {high})  {verdict}"
    return told
