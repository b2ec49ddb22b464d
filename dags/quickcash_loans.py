"""A simulated online lender of small loans with nine harms of known size, and how much of each an audit finds."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from audits.record import AuditRun, canonical_json
from audits.simulation.quickcash import HIDDEN, LOW, Columns, QuickCash
from audits.simulation.quickcash_truth import YOUNG, truth
from dags.planted import Planted, beside, finished, found

if TYPE_CHECKING:
    import pyarrow as pa

PROGRAM, BORROWERS, SEED = QuickCash.name, 15_000, 20_261_001
DATA_FILE, TRUTH_FILE = "loans.parquet", "truth.json"
_TITLE = {"en": "Small online loans (simulated)", "zh": "网络小额贷款（模拟）"}
_PLANTED = {
    "en": (
        "Planted: {above:,} loans to covered borrowers above 36 % a year; {understated:,} disclosed rates {points:g} "
        "points too low; {ticked:,} pre-ticked boxes. Low incomes are sold insurance {packing:g} times as often; "
        "{steered:.0f} % of young customers who qualify for the plain loan are led to the dear one; twice the fees "
        "raise the chance of borrowing again by {again:.0f} % at any moment; loans beyond the lender's own limit rise "
        "from {first:.0f} % to {last:.0f} %; a push adds {push:g} dollars, {vulnerable:g} times that for low incomes; "
        "the young and low incomes pay the highest fees {dear:g} times as often. How much of this is found?"
    ),
    "zh": (
        "预设：{above:,} 笔发放给受保护借款人的贷款年化成本超过 36%；{understated:,} 笔贷款的披露利率低报 {points:g} "
        "个百分点；{ticked:,} 笔贷款使用预先勾选框。低收入者被搭售保险的频率为其他人的 {packing:g} 倍；"
        "符合普通贷款条件的年轻客户中有 {steered:.0f}% 被引导至高价贷款；费用加倍使再次借款的即时概率"
        "上升 {again:.0f}%；"
        "超出机构自身限额的贷款占比由 {first:.0f}% 升至 {last:.0f}%；每次推送使借款增加 {push:g} 美元，"
        "对低收入者为其 {vulnerable:g} 倍；年轻人和低收入者支付最高费用的频率为其他人的 {dear:g} 倍。能发现多少？"
    ),
}  # fmt: skip
# measure, group, entry of the truth, and whether it is the number of loans beyond a limit
_MEASURES = (
    ("highest_mapr_rate", None, "above_cap_loans", True),
    ("regular_apr_understated_gap", None, "understated_loans", True),
    ("regular_apr_understated_gap", None, "understated_gap", False),
    ("insurance_packing_ratio", LOW, f"insurance_ratio[{LOW}]", False),
    ("steering_excess_rate", YOUNG, f"steering_excess_rate[{YOUNG}]", False),
    ("steered_ratio", YOUNG, f"steered_ratio[{YOUNG}]", False),
    ("renewed_share", None, "renewed_share", False),
    ("longest_loan_sequence", None, "longest_sequence", False),
    ("fee_driven_ratio", None, "fee_driven_ratio", False),
    ("beyond_policy_cases", None, "beyond_policy_loans", False),
    ("overstretched_share", None, "overstretched_share", False),
    ("push_effect", None, "push_effect", False),
    ("push_effect_gap", LOW, f"push_effect_gap[{LOW}]", False),
    ("preticked_credit_cases", None, "preticked_loans", False),
    ("dearest_decile_ratio", YOUNG, f"dearest_decile_ratio[{YOUNG}]", False),
    ("dearest_decile_ratio", LOW, f"dearest_decile_ratio[{LOW}]", False),
)


def write_lender(programs: Path, data: Path, world: QuickCash | None = None) -> None:
    """Write the lender's loans and product rules into ``data`` and a program on them into ``programs``."""
    import pyarrow.parquet as pq

    world = world or QuickCash()
    loans = world.draw(BORROWERS, SEED)
    true = truth(world, loans)
    data.mkdir(parents=True, exist_ok=True)
    pq.write_table(_shown(loans), data / DATA_FILE, compression="zstd")
    told = {"world": world.name, "seed": SEED, "rows": len(loans["loan"]), "truth": true}
    (data / TRUTH_FILE).write_bytes(canonical_json(told))
    contract = world.contract()
    for name, content in world.beside().items():
        (data / name).write_text(_yaml(content), encoding="utf-8")  # in the folder of programs each file is a DAG
        contract["product_rules"] = os.path.relpath(data / name, programs)
    program = {
        "program": PROGRAM, "title": _TITLE, "description": _described(world, true),
        "source": {"connection": "duckdb://", "table": str((data / DATA_FILE).absolute())},
        "scope": {"jurisdictions": ["US"], "products": ["payday_loan"]},
        "contract": contract, "audits": {"primary": ["predatory_lending"]},
        "policies": ["conventions", "us"],
    }  # fmt: skip
    (programs / f"{PROGRAM}.yaml").write_text(_yaml(program), encoding="utf-8")


def planted_and_found(runs: Path, data: Path) -> list[str]:
    """One line a figure: what was planted, what was found with its interval, and the worst verdict on it."""
    run, judgement = finished(runs, PROGRAM)
    true = json.loads((data / TRUTH_FILE).read_text(encoding="utf-8"))["truth"]
    planted = [Planted(measure, true[entry], group, loans) for measure, group, entry, loans in _MEASURES]
    return [*beside(planted, run, judgement), *_over_quarters(true, run)]


def _shown(loans: Columns) -> pa.Table:
    """The columns that the file shows."""
    import pyarrow as pa

    return pa.table({name: values for name, values in loans.items() if not name.startswith(HIDDEN)})


def _described(world: QuickCash, true: dict[str, float]) -> dict[str, str]:
    sizes = {
        "above": round(true["above_cap_loans"]), "understated": round(true["understated_loans"]),
        "ticked": round(true["preticked_loans"]), "points": world.understated_points, "packing": world.packing,
        "steered": 100 * world.steered, "again": 100 * math.expm1(world.fee_effect), "push": world.push_adds,
        "first": 100 * true["beyond_policy_chance[0]"], "last": 100 * true[f"beyond_policy_chance[{_last(true)}]"],
        "vulnerable": world.vulnerable, "dear": world.dear_tariff,
    }  # fmt: skip
    return {language: words.format(**sizes) for language, words in _PLANTED.items()}


def _over_quarters(true: dict[str, float], run: AuditRun) -> list[str]:
    """How the lending beyond means grew."""
    last, m = _last(true), found(run, "overstretched_share", None)
    lines = [
        f"  beyond the lender's own limit: planted {100 * true['beyond_policy_chance[0]']:.0f} % of the first "
        f"quarter's loans, {100 * true[f'beyond_policy_chance[{last}]']:.0f} % of the last one's"
    ]  # fmt: skip
    if m is None or not m.points:
        return lines
    first, final = (100 * true[f"overstretched_share[{q}]"] for q in (0, last))
    return [
        *lines,
        f"  overstretched by quarter: {first:.1f} % to {final:.1f} % made, {100 * m.points[0].rate:.1f} % to "
        f"{100 * m.points[-1].rate:.1f} % found",
    ]


def _last(true: dict[str, float]) -> int:
    """The last quarter's number."""
    return sum(name.startswith("beyond_policy_chance[") for name in true) - 1


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
