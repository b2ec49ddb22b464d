"""Eight programs at once, on one Airflow and one MLflow server: none lost, none doubled, nobody's data told."""

from __future__ import annotations

import pandas as pd
import pytest

from audits.run import read_run
from tests.canaries import CANARIES, EMAIL, KEY, NAME, PHONE, found_in, found_in_text, planted
from tests.operated import write_operated

pytestmark = pytest.mark.xdist_group("stack")
EIGHT = [f"many-{number}" for number in range(8)]


def test_eight_programs_at_once_are_all_tracked_once(stack):
    for number, name in enumerate(EIGHT):
        write_operated(stack.programs, name, 0.04 * number, rows=2400, seed=number)
    stack.refresh(*EIGHT)
    runs = {name: stack.trigger(name, "2025-06") for name in EIGHT}
    for name, run in runs.items():
        assert stack.wait(name, run, timeout=900) == "success"
    for name in EIGHT:
        (version,) = (stack.runs / name / "2025-06").glob("v*")
        run, judgement = read_run(version)
        (tracked,) = stack.tracked(name, "2025-06")
        metrics = {one["key"]: one["value"] for one in tracked["data"]["metrics"]}
        tags = {one["key"]: one["value"] for one in tracked["data"]["tags"]}
        (ratio,) = (m for m in run.measurements if m.measure == "adverse_impact_ratio" and m.group == "south")
        assert metrics["adverse_impact_ratio/region/south"] == pytest.approx(ratio.estimate)
        assert tags["squaredeal.fingerprint"] == run.data.fingerprint
        assert tracked["info"]["status"] == "FINISHED"
        assert len(tracked["inputs"]["dataset_inputs"]) == 1
        assert judgement.findings
    assert len({stack.tracked(name)[0]["info"]["run_id"] for name in EIGHT}) == 8


def test_no_person_of_the_data_is_told_in_records_pages_mlflow_logs_or_tables_of_airflow(stack):
    """Runs that are refused and runs that go through, on data with planted persons."""
    outcomes = {}
    for name, column, value in (
        ("named-region", "region", NAME), ("phone-region", "region", PHONE), ("mail-loan", "loan", EMAIL),
        ("key-loan", "loan", KEY), ("text-granted", "granted", NAME), ("key-twice", "loan", KEY),
    ):  # fmt: skip
        write_operated(stack.programs, name, 0.3, {"retry_after": "1 second", "sign_off": {"by": ["ada"]}}, rows=1200)
        data = stack.programs / "data" / f"{name}.parquet"
        rows = (3, 4) if name == "key-twice" else (3,)
        table = pd.read_parquet(data)
        if column in ("loan", "granted"):
            table[column] = table[column].astype(str)
        planted(table, column, value, rows).to_parquet(data, index=False)
    names = ("named-region", "phone-region", "mail-loan", "key-loan", "text-granted", "key-twice")
    stack.refresh(*names)
    runs = {name: stack.trigger(name, "all") for name in names}
    for name, run in runs.items():
        outcomes[name] = stack.until(lambda name=name, run=run: stack.resting(name, run), 900)
    assert set(outcomes.values()) >= {"failed"}
    canaries = tuple(CANARIES.values())
    home = stack.home
    places = [stack.runs, stack.site, home / "artifacts", home / "logs", home / "airflow" / "logs"]
    assert found_in(places, canaries) == []
    for database in ("airflow", "mlflow"):
        dump = stack.dump(database)
        assert "named-region" in dump  # it is the right dump
        assert found_in_text(dump, canaries) == []
