"""Which period a run is for, and which further runs several updates of data start."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from airflow.sdk import Asset

from checks.inputs.program import read_program
from checks.problem import InputError, UnavailableError
from dags import periods, updates
from dags.retrying import patience
from tests.operated import write_operated

pytestmark = pytest.mark.xdist_group("airflow")
NOW = dt.datetime(2025, 8, 17, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def program(tmp_path):
    return read_program(write_operated(tmp_path, "loans", 0.0, {"after": ["quotes"]}, rows=120))


def event(seconds: int, period: str | None = None, started: str | None = None):
    runs = [SimpleNamespace(dag_id=started)] if started else []
    extra = {"period": period} if period else {}
    return SimpleNamespace(timestamp=NOW + dt.timedelta(seconds=seconds), extra=extra, created_dagruns=runs)


class Later(list):
    """Updates of an asset as Airflow hands them out."""

    def after(self, moment):
        return [one for one in self if one.timestamp >= dt.datetime.fromisoformat(moment)]


def context(own, known=(), **more):
    asset = Asset("quotes")
    return {
        "params": {"period": ""}, "triggering_asset_events": {asset: own} if own else {},
        "inlet_events": {asset: Later(known)}, "dag_run": SimpleNamespace(run_after=NOW), **more,
    }  # fmt: skip


def period_in(monkeypatch, program, **about) -> str:
    monkeypatch.setattr(periods, "get_current_context", lambda: context(about.pop("own", []), **about))
    return periods.period_of_run(program).text


def test_the_period_asked_for_stands_before_all_others_and_is_written_in_one_way(monkeypatch, program):
    asked = {"params": {"period": "2025-03-01..2025-03-31"}}
    assert period_in(monkeypatch, program, own=[event(0, "2025-06")], **asked) == "2025-03"


def test_an_interval_is_the_period_of_a_scheduled_run(monkeypatch, program):
    ends = {"data_interval_start": dt.datetime(2025, 4, 1), "data_interval_end": dt.datetime(2025, 5, 1)}
    assert period_in(monkeypatch, program, **ends) == "2025-04"


def test_an_update_without_a_period_and_a_run_by_hand_are_for_the_month_that_ended_last(monkeypatch, program):
    assert period_in(monkeypatch, program, own=[event(0)]) == "2025-07"
    assert period_in(monkeypatch, program) == "2025-07"


def test_the_newest_update_names_the_run_s_period_and_the_others_get_runs_of_their_own(monkeypatch, program):
    own = [event(0, "2025-05", "loans"), event(1, "2025-04", "loans"), event(2, "2025-06", "loans")]
    assert period_in(monkeypatch, program, own=own) == "2025-06"
    started = updates.other_periods(program, context(own, own))
    assert [one["conf"]["period"] for one in started] == ["2025-05", "2025-04"]
    assert started == updates.other_periods(program, context(own, own))


def test_an_update_that_came_in_while_the_run_was_created_gets_a_run(program):
    own, late, other = event(0, "2025-05", "loans"), event(1, "2025-06"), event(2, "2025-07", "loans")
    assert [one["conf"] for one in updates.other_periods(program, context([own], [own, late, other]))] == [
        {"period": "2025-06"}
    ]


def test_a_run_that_no_update_started_starts_none(program):
    assert updates.other_periods(program, context([], [event(1, "2025-06")])) == []


def test_words_that_are_no_period_are_told(monkeypatch, program):
    with pytest.raises(InputError, match=r"the asset.s update, extra\.period"):
        period_in(monkeypatch, program, own=[event(0, "last month")])


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (UnavailableError(()), "retry"), (OSError(28, "No space left"), "retry"), (ConnectionResetError(), "retry"),
        (InputError(()), "fail"), (ValueError("a fault of the code"), "fail"), (KeyError("x"), "fail"),
    ],
)  # fmt: skip
def test_only_what_did_not_answer_is_tried_again(program, error, action):
    about = patience(program.operation)
    assert about["retry_policy"].evaluate(error, 1, 5).action.value == action
    assert about["retry_exponential_backoff"] == 2.0


def test_a_transport_error_of_airflow_s_own_client_is_tried_again(program):
    import httpx

    policy = patience(program.operation)["retry_policy"]
    assert policy.evaluate(httpx.ConnectError("refused"), 1, 5).action.value == "retry"
