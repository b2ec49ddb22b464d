"""An MLflow store to track in: opened with patience, its refusals said plainly, its runs found again."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from audits.record import digest_of
from audits.run import JUDGEMENT_FILE, RUN_FILE
from checks.problem import InputError, Problem, UnavailableError
from checks.unavailable import did_not_answer, silent

if TYPE_CHECKING:
    from mlflow import MlflowClient

NOTE = "mlflow.note.content"  # what MLflow shows as a run's description
ROUNDS = 8  # that writers of one thing may be in each other's way
BATCH = 1000  # metrics that MLflow takes in one call
# a store that does not answer is given up on after minutes, not hours; the environment may say otherwise
_PATIENCE = {
    "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}  # fmt: skip


@contextmanager
def opened_store(uri: str, expected: str, to_do: str, writes: bool = True) -> Iterator[MlflowClient]:
    """A client of the store; what the store refuses becomes an ``InputError`` with what was expected and what to do.

    A store in an SQLite file is written by one process at a time: others that write wait.
    """
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        with _alone(uri) if writes else nullcontext():
            yield MlflowClient(uri)
    except InputError:
        raise
    except Exception as error:
        again = did_not_answer(error)
        if not again and not isinstance(error, (MlflowException, OSError)):
            raise
        reason = _hidden(" ".join(str(error).split()), uri)[:300]
        where = f"the MLflow store {_hidden(uri, uri)}"
        if again:
            raise UnavailableError(
                Problem(where, f"it does not answer now: {reason}", expected, f"try again; if it stays so, {to_do}")
            ) from None
        raise InputError(Problem(where, f"it refused: {reason}", expected, to_do)) from None


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Alone with a store in an SQLite file, from its schema on. The system takes the lock from a process that dies."""
    if not uri.startswith("sqlite:///"):
        yield
        return
    handle = os.open(f"{_file_of(uri)}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _file_of(uri: str) -> Path:
    """The file of an SQLite store, without what its address asks of the engine."""
    return Path(uri.removeprefix("sqlite:///").partition("?")[0]).absolute()


def experiment(client: MlflowClient, uri: str, program: str) -> str:
    """The id of a program's experiment, made where there is none; beside a store in a file its artifacts lie too."""
    name = f"squaredeal/{program}"
    existing = client.get_experiment_by_name(name)
    if existing:
        return str(existing.experiment_id)
    location = None
    if uri.startswith("sqlite:///"):
        location = (_file_of(uri).parent / "artifacts" / program).as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def run_found_or_made(client: MlflowClient, experiment_id: str, name: str, tags: Mapping[str, str]) -> str:
    """The id of the earliest run that bears all these tags, new where there is none."""
    known = runs_that_bear(client, experiment_id, tags)
    return known[0] if known else str(client.create_run(experiment_id, run_name=name, tags=dict(tags)).info.run_id)


def runs_that_bear(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> list[str]:
    """The ids of the runs that bear all these tags, the earliest first; every process sees the same order."""
    query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    known = client.search_runs([experiment_id], query, max_results=1000)
    return [str(run.info.run_id) for run in sorted(known, key=lambda run: (run.info.start_time, run.info.run_id))]


def run_found(client: MlflowClient, program: str, tags: Mapping[str, str]) -> str | None:
    """The id of the program's run that bears all these tags, None where there is none."""
    kept = client.get_experiment_by_name(f"squaredeal/{program}")
    known = runs_that_bear(client, kept.experiment_id, tags) if kept else []
    return known[0] if known else None


def digests(folder: Path) -> dict[str, str]:
    """The tags that tell the MLflow run of this very run and judgement."""
    return {
        "squaredeal.run_digest": digest_of((folder / RUN_FILE).read_bytes()),
        "squaredeal.judgement_digest": digest_of((folder / JUDGEMENT_FILE).read_bytes()),
    }


def version_of(client: MlflowClient, model: str) -> tuple[str, str]:
    """Name and number of the version that an address names now. Raises ``InputError`` for what is no address."""
    match = re.fullmatch(r"models:/([^/@]+)(?:@(.+)|/(\d+))", model)
    if not match:
        raise InputError(Problem(
            "model", f"'{model}'", "models:/NAME@ALIAS or models:/NAME/VERSION", "mend the program's 'model'",
        ))  # fmt: skip
    name, alias, number = match.groups()
    return name, number or str(client.get_model_version_by_alias(name, alias).version)


def settled(client: MlflowClient, name: str, number: str, key: str, worst_first: Sequence[str]) -> None:
    """Write the worst of a version's tags KEY.PROGRAM as its tag KEY, until what was written is what is read after it.

    So several processes may tag one version at once: whoever writes last has seen what all others said. Raises
    ``UnavailableError`` where others change it all the time.
    """
    for _ in range(ROUNDS):
        tags = client.get_model_version(name, number).tags
        said = {value for other, value in tags.items() if other.startswith(f"{key}.")}
        worst = next((status for status in worst_first if status in said), None)
        if tags.get(key) == worst:
            return
        if worst is None:
            client.delete_model_version_tag(name, number, key)
        else:
            client.set_model_version_tag(name, number, key, worst)
    raise silent("the MLflow store", f"others change '{key}' of {name} {number} all the time", "a tag that stays")


def _hidden(text: str, uri: str) -> str:
    """A text without the password of an address, written as in the address or decoded."""
    try:
        password = urlsplit(uri).password
    except ValueError:
        return "(an address that cannot be read)"
    return text.replace(password, "***").replace(unquote(password), "***") if password else text
