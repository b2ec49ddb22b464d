"""What the doctor says of servers that all work, and of what a program wants and they lack."""

from __future__ import annotations

import pytest

from tests.doctored import PASSWORD, doctor
from tests.operated import write_operated

pytestmark = pytest.mark.xdist_group("stack")


def test_on_servers_that_work_everything_needed_works_and_what_is_missing_in_them_is_told(stack, tmp_path):
    operation = {"pool": "default_pool", "sign_off": {"by": ["ada", "ben"]}, "notify": {"webhook": "doctors_hook"}}
    write_operated(tmp_path / "good", "doctored", 0.1, operation, rows=120)
    environment = {
        **stack.environment,
        "SQUAREDEAL_SITE_URL": "http://127.0.0.1:1",
        "AIRFLOW_CONN_DOCTORS_HOOK": "http://a",
    }
    words = ("--programs", str(tmp_path / "good"), "--out", str(stack.runs))
    stack.revive()
    rows = {name: stack.dump(name) for name in ("mlflow",)}
    code, found, printed, _ = doctor(environment, tmp_path, *words)
    assert code == 0, printed
    needed = [one for ones in found.values() for one in ones if one["needed"]]
    assert {one["state"] for one in needed} <= {"ok", "not asked"}
    for thing in (
        "Airflow's database",
        "Airflow's servers",
        "pool",
        "connection",
        "signer",
        "approvals",
        "MLflow store",
    ):
        assert found[thing][0]["state"] == "ok", found[thing]
    assert "squaredeal-doctor" not in stack.dump("mlflow")
    assert len(stack.dump("mlflow")) == len(rows["mlflow"])
    secrets = [value for name, value in stack.environment.items() if "SECRET" in name or "FERNET" in name]
    assert not any(secret in printed for secret in secrets)

    lost = {
        "pool": "no_pool",
        "sign_off": {"by": ["ada", "nobody"]},
        "notify": {"webhook": "no_hook"},
        "after": ["x-y"],
    }
    write_operated(tmp_path / "bad", "doctored", 0.1, lost, rows=120)
    ill = {
        **environment, "MLFLOW_TRACKING_PASSWORD": PASSWORD,
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
    }  # fmt: skip
    code, found, printed, _ = doctor(ill, tmp_path, "--programs", str(tmp_path / "bad"), "--out", str(stack.runs))
    assert code == 2
    states = {thing: [one["state"] for one in found[thing]] for thing in ("pool", "connection", "asset")}
    assert states == {"pool": ["missing"], "connection": ["missing"], "asset": ["missing"]}
    assert [(one["state"], "nobody" in one["found"]) for one in found["signer"]] == [("missing", True), ("ok", False)]
    assert found["approvals"][0]["state"] == "broken"
    assert found["MLflow store"][0]["state"] == "broken"
    assert PASSWORD not in printed
