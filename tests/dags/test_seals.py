"""An answer that somebody else than the approval wrote is none."""

from __future__ import annotations

import pytest

from checks.problem import InputError
from dags import seals

pytestmark = pytest.mark.xdist_group("airflow")
ANSWER = {"chosen_options": ["Approve"], "responded_by_user": {"id": "1", "name": "ada"}}


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "a key of the tests")


def test_an_answer_comes_back_as_it_was_sealed():
    assert seals.opened(seals.sealed(ANSWER, "loans run-1"), "loans run-1") == ANSWER


def test_a_changed_a_moved_a_made_up_and_a_missing_answer_are_refused(monkeypatch):
    kept = seals.sealed(ANSWER, "loans run-1")
    changed = {**kept, "value": {**ANSWER, "responded_by_user": {"id": "2", "name": "ben"}}}
    for forged, place in (
        (changed, "loans run-1"), (kept, "loans run-2"), ({"value": ANSWER}, "loans run-1"), (ANSWER, "loans run-1"),
        (None, "loans run-1"), ("Approve", "loans run-1"),
    ):  # fmt: skip
        with pytest.raises(InputError, match="clear 'approve' to ask again"):
            seals.opened(forged, place)
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "another key")
    with pytest.raises(InputError):
        seals.opened(kept, "loans run-1")


def test_without_a_key_nothing_is_sealed(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    with pytest.raises(InputError, match="AIRFLOW__CORE__FERNET_KEY"):
        seals.sealed(ANSWER, "loans run-1")
