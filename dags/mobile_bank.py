"""A simulated bank on a phone that loses the elderly before they apply, and how much of what was planted is found.

The same people stand once as a row each and once as a log of events, which gives a second program that is written
beside the first and can be run like any other.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from audits.record import canonical_json
from audits.simulation.mobile_bank import POOR, REGIONS, Columns, MobileBank
from audits.simulation.mobile_bank_people import EVENTS, FAILURES, draw, events, shown
from audits.simulation.mobile_bank_truth import OLDEST, PRIME, YOUNG, truth
from dags.planted import Planted, beside, finished

PROGRAM, LOG_PROGRAM = MobileBank.name, f"{MobileBank.name}-events"
PROGRAMS = (PROGRAM, LOG_PROGRAM)
PERSONS, SEED = 80_000, 20_261_101
DATA_FILE, LOG_FILE, PEOPLE_FILE, TRUTH_FILE = "persons.parquet", "events.parquet", "people.csv", "truth.json"
_TITLE = {"en": "A bank on a phone (simulated)", "zh": "手机银行（模拟）"}
_LOG_TITLE = {"en": "A bank on a phone, its log of events (simulated)", "zh": "手机银行事件日志（模拟）"}
_PLANTED = {
    "en": (
        "Planted: people of 60 and over who are reached are approved {approved:.2f} times as often as those of 25 to "
        "39, though of those who apply as many are approved ({decision:.2f}). The face check fails them {face:g} times "
        "as often, another way in works {fallback:.2f} times as often, and they take {slower:g} times as long. Part of "
        "it is where they live: {poor:.0f} % have a poor network, {other:.0f} % of the others. People without a data "
        "trail repay {repay:.0f} points more often than others with the same score, and at equal risk are approved "
        "{refused:.0f} points less often. Served by a person costs {price:.0f} % more. How much of this is found?"
    ),
    "zh": (
        "预设：在被触达的人群中，60 岁及以上者获批的频率为 25 至 39 岁者的 {approved:.2f} 倍，"
        "而在申请人中两者批准率之比为 {decision:.2f}。老年人人脸识别失败的频率为其他人的 {face:g} 倍，"
        "通过替代方式成功的频率为其他人的 {fallback:.2f} 倍，办理时间为其他人的 {slower:g} 倍。"
        "部分差距来自居住地：{poor:.0f}% 的老年人网络较差，其他人为 {other:.0f}%。"
        "评分相同时，信用白户的还款率高 {repay:.0f} 个百分点；风险相同时，其批准率低 {refused:.0f} 个百分点。"
        "由人工服务的价格高 {price:.0f}%。能发现多少？"
    ),
}  # fmt: skip
_LOG_TOLD = {
    "en": "The people of the program {name} as events: some stand twice, a few clocks are behind, a few are lost.",
    "zh": "程序 {name} 中同一批人的事件日志：部分事件重复，少数时钟偏慢，部分事件丢失。",
}
_LOST = (
    *(("stage_ratio", OLDEST, stage) for stage in ("reach", "start", "identity", "submit", "decision", "price")),
    ("cumulative_ratio", OLDEST, "all"), ("adjusted_cumulative_ratio", OLDEST, "all"),
    ("adjusted_stage_ratio", OLDEST, "start"), ("adjusted_stage_ratio", OLDEST, "decision"),
    ("adjusted_stage_ratio", YOUNG, "start"), ("adjusted_cumulative_ratio", YOUNG, "all"),
    ("stage_ratio", YOUNG, "start"), ("stage_ratio", YOUNG, "submit"), ("cumulative_ratio", YOUNG, "all"),
    ("population_reach_share", OLDEST, "all"),
)  # fmt: skip
_ELDERLY = (
    ("elderly_completion_ratio", "60+", "all"), ("adjusted_elderly_completion_ratio", "60+", "all"),
    ("verification_failure_ratio", "60+", "face"), ("verification_failure_ratio", "60+", "otp"),
    ("fallback_success_ratio", "60+", "all"), ("completion_time_ratio", "60+", "all"),
    ("missing_vulnerability_drivers", None, "all"),
)  # fmt: skip
_OTHERS = (
    ("no_traditional_channel_cases", None, "all"), ("inaccessible_service_cases", None, "all"),
    ("elderly_points_lost", None, "all"), ("thin_file_share", "thin", "all"),
    ("thin_file_approval_ratio", "thin", "all"), ("thin_file_repayment_gap", "thin", "all"),
    ("thin_file_approval_gap", "thin", "all"), ("thin_file_price_gap", "thin", "all"),
    ("thin_file_automatic_ratio", "thin", "all"), ("thin_file_flip_share", "thin", "all"),
    ("assisted_price_ratio", "assisted", "all"), ("assisted_fee_gap", "assisted", "all"),
    ("digital_discount_gap", "assisted", "all"), ("channel_group_price_ratio", OLDEST, "all"),
    ("access_share", None, "all"), ("access_concentration_index", None, "all"),
    ("amount_concentration_index", None, "all"), ("amount_theil_index", None, "all"),
)  # fmt: skip


def write_bank(programs: Path, data: Path, world: MobileBank | None = None) -> None:
    """Write the bank's people, their log and how many live where into ``data``, two programs into ``programs``."""
    world = world or MobileBank()
    people = draw(world, PERSONS, SEED)
    true = truth(world)
    data.mkdir(parents=True, exist_ok=True)
    _write(shown(people), data / DATA_FILE)
    _write(events(people, SEED), data / LOG_FILE)
    _write_people(people, data / PEOPLE_FILE)
    told = {"world": world.name, "seed": SEED, "rows": PERSONS, "truth": true}
    (data / TRUTH_FILE).write_bytes(canonical_json(told))
    where = {"population": os.path.relpath(data / PEOPLE_FILE, programs)}
    _write_program(programs, PROGRAM, {
        "title": _TITLE, "description": _described(world, true), "source": _source(data / DATA_FILE),
        "contract": {**world.contract(), **where}, "audits": {"primary": [
            "digital_divide.funnel", "digital_divide.elderly", "digital_divide.thin_file",
            {"digital_divide.channel_price": {"service_in_cost": True, "attributes": ["age"]}},
            {"digital_divide.concentration_index": {"attributes": ["age"]}},
        ]},
    })  # fmt: skip
    _write_program(programs, LOG_PROGRAM, {
        "title": _LOG_TITLE, "description": {lang: words.format(name=PROGRAM) for lang, words in _LOG_TOLD.items()},
        "source": _source(data / LOG_FILE), "contract": {**_log_contract(world), **where},
        "audits": {"primary": ["digital_divide.funnel", "digital_divide.elderly"]},
    })  # fmt: skip


def planted_and_found(runs: Path, data: Path) -> list[str]:
    """One line a figure: what was planted, what was found with its interval, and the worst verdict on it."""
    run, judgement = finished(runs, PROGRAM)
    return beside(planted(data, _LOST + _ELDERLY + _OTHERS), run, judgement)


def planted(data: Path, measures: tuple[tuple[str, str | None, str], ...]) -> list[Planted]:
    """What is true of each (measure, group, segment)."""
    true = json.loads((data / TRUTH_FILE).read_text(encoding="utf-8"))["truth"]
    return [
        Planted(measure, true[entry_of(true, measure, group, segment)], group, segment=segment)
        for measure, group, segment in measures
    ]


def entry_of(true: dict[str, float], measure: str, group: str | None, segment: str) -> str:
    """The name of a figure in the truth: ``measure``, ``measure[segment]``, ``measure[group]``, or with both."""
    parts = [part for part in (segment if segment != "all" else None, group) if part]
    names = (f"{measure}[{', '.join(parts)}]", f"{measure}[{segment}]", f"{measure}[{group}]", measure)
    return next(name for name in names if name in true)


def _log_contract(world: MobileBank) -> dict[str, Any]:
    rows = world.contract()["funnel"]
    at = dict(zip(rows["stages"], EVENTS.values(), strict=True))
    return {
        "entity": "person", "time": "at", **world.shared_contract(),
        "funnel": {
            "event": "event", "stages": {stage: [event] for stage, event in at.items()},
            "failed": {method: [FAILURES[column]] for method, column in rows["failed"].items()},
            "fallback": [FAILURES[rows["fallback"]]],
            **{key: rows[key] for key in ("within", "device", "network", "assisted")},
        },
    }  # fmt: skip


def _described(world: MobileBank, true: dict[str, float]) -> dict[str, str]:
    at_home = np.array(world.county)
    poor = at_home * world.poor_network[POOR] + (1 - at_home) * world.poor_network[0]
    sizes = {
        "approved": true[f"approved_ratio[{OLDEST}]"], "decision": true[f"stage_ratio[decision, {OLDEST}]"],
        "face": world.face_ratio, "fallback": true["fallback_success_ratio"], "slower": world.slower,
        "other": 100 * poor[0], "poor": 100 * poor[1], "repay": 100 * true["thin_file_repayment_gap"],
        "refused": 100 * true["thin_file_approval_gap"], "price": 100 * (world.assisted_price - 1),
    }  # fmt: skip
    return {language: words.format(**sizes) for language, words in _PLANTED.items()}


def _write_people(people: Columns, file: Path) -> None:
    """How many there are in the market, by group: what a register of residents would tell."""
    age, county = people["age"], people["region"] == 1
    groups = {
        ("age", YOUNG): age < 25, ("age", PRIME): (age >= 25) & (age < 40),
        ("age", "40-59"): (age >= 40) & (age < 60), ("age", OLDEST): age >= 60,
        ("age from 60", "under 60"): age < 60, ("age from 60", "60+"): age >= 60,
        ("region", REGIONS[0]): ~county, ("region", REGIONS[1]): county,
        **{("sex", sex): people["sex"] == sex for sex in ("female", "male")},
    }  # fmt: skip
    with file.open("w", encoding="utf-8", newline="") as opened:
        rows = csv.writer(opened, lineterminator="\n")
        rows.writerow(("attribute", "group", "people", "source", "as_of"))
        for (attribute, group), who in groups.items():
            rows.writerow((attribute, group, int(who.sum()), "register of residents (simulated)", MobileBank.first_day))


def _write(columns: Columns, file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pydict({n: pa.array(v, from_pandas=True) for n, v in columns.items()}), file)


def _source(file: Path) -> dict[str, str]:
    return {"connection": "duckdb://", "table": str(file.absolute())}


def _write_program(programs: Path, name: str, blocks: dict[str, Any]) -> None:
    program = {
        "program": name, **blocks, "scope": {"jurisdictions": ["CN"], "products": ["internet_consumer_loan"]},
        "policies": ["conventions", "cn"],
    }  # fmt: skip
    text = yaml.safe_dump(program, sort_keys=False, allow_unicode=True, width=120)
    (programs / f"{name}.yaml").write_text(text, encoding="utf-8")
