"""What must not matter does not: the order of rows, the format, threads, and the names of columns and labels."""

from __future__ import annotations

import json
from dataclasses import replace

from audits.record import canonical_json
from tests.faults.test_fair_lending_edges import CONTRACT, SCOPE, plain
from tests.programs import run_program, write_program

ASKED = [
    "fair_lending.approval", "fair_lending.errors", "fair_lending.calibration", "fair_lending.pricing",
    {"fair_lending.risk_adjusted": {"replicates": 50}}, {"fair_lending.intersections": {"replicates": 99}},
    "fair_lending.imputed_groups",
]  # fmt: skip


def audited(folder, data, contract=None, file="loans.parquet", questions=ASKED):
    program = write_program(
        folder, data, file=file, contract=contract or CONTRACT, audits={"primary": questions}, scope=SCOPE
    )
    return run_program(program, folder / "out")


def test_order_of_rows_format_and_threads_change_no_byte_of_any_figure(tmp_path, monkeypatch):
    data = plain(900, 8)
    first, _ = audited(tmp_path / "a", data)
    monkeypatch.setenv("SQUAREDEAL_THREADS", "1")
    second, _ = audited(tmp_path / "b", data.sample(frac=1, random_state=4), file="loans.csv")
    assert canonical_json(list(map(plainly, first.measurements))) == canonical_json(
        list(map(plainly, second.measurements))
    )
    assert first.not_answered == second.not_answered
    assert {m.question for m in first.measurements} == {q if isinstance(q, str) else next(iter(q)) for q in ASKED}


def plainly(measurement):
    from dataclasses import asdict

    return asdict(measurement)


def test_names_of_columns_and_labels_do_not_matter(tmp_path):
    data = plain(900, 9)
    names = {name: f"Spalte {i} §" for i, name in enumerate(data.columns)}
    labels = {"north": "Z nord", "south": "süd\u200f", "far east": '"fern" <b>', "old": "1", "young": "0"}
    other = data.replace({"region": labels, "age": labels}).rename(columns=names)
    contract = json.loads(json.dumps(CONTRACT))
    contract = renamed(contract, names, labels)
    questions = [q for q in ASKED if not isinstance(q, dict)]  # the others draw by names, so that their draws differ
    first, judged = audited(tmp_path / "a", data, questions=questions)
    second, judged_again = audited(tmp_path / "b", other, contract, questions=questions)
    kept = {(m.measure, m.attribute, m.group, m.reference): numbers(m) for m in first.measurements}
    again = {
        (m.measure, m.attribute, back(m.group, labels), back(m.reference, labels)): numbers(m)
        for m in second.measurements
    }  # fmt: skip
    assert kept == again
    verdicts = [sorted((f.rule.id, f.verdict) for f in one.findings) for one in (judged, judged_again)]
    assert verdicts[0] == verdicts[1]


def numbers(m):
    """The figures of a measurement, to a precision that the order of sums over labels cannot reach."""
    parts = [m.estimate, m.low, m.high, m.mde, m.p_value, m.n]
    return [None if x is None else float(f"{x:.8g}") for x in parts]


def back(label, labels):
    return next((old for old, new in labels.items() if new == label), label)


def renamed(value, names, labels):
    if isinstance(value, dict):
        return {names.get(k, k) if k in names and isinstance(v, dict) and "null_tolerance" in v else k:
                renamed(v, names, labels) for k, v in value.items()}  # fmt: skip
    if isinstance(value, list):
        return [renamed(item, names, labels) for item in value]
    if isinstance(value, str):
        return names.get(value, labels.get(value, value))
    return value


def test_every_row_twice_keeps_every_level_and_ratio(tmp_path):
    import pandas as pd

    data = plain(900, 10)
    twice = pd.concat([data, data.assign(case=data["case"] + 10_000)])
    questions = ["fair_lending.approval", "fair_lending.errors", "fair_lending.pricing"]
    first, _ = audited(tmp_path / "a", data, questions=questions)
    second, _ = audited(tmp_path / "b", twice, questions=questions)
    for one, two in zip(first.measurements, second.measurements, strict=True):
        assert replace(one, estimate=None).measure == two.measure
        if one.estimate is None or two.estimate is None:
            continue
        assert abs(one.estimate - two.estimate) < 1e-9 * max(1, abs(one.estimate)), one.measure
        if one.low is not None and one.high is not None and one.measure != "group_coverage":
            assert two.high - two.low < one.high - one.low
