"""Models of the demonstration in its MLflow registry: the same model is one version, however often it is registered."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.problem import InputError, Problem

if TYPE_CHECKING:
    import lightgbm
    import pandas as pd
    from mlflow import MlflowClient

ALIAS = "production"
_DIGEST = "booster_digest"
_SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
_NOISY = ("mlflow", "alembic")


@dataclass(frozen=True, slots=True)
class Registered:
    """A version in a registry, and whether it was made just now."""

    name: str
    version: str
    made: bool

    @property
    def address(self) -> str:
        """As a program names it: whatever version bears the alias."""
        return f"models:/{self.name}@{ALIAS}"


def register(model: lightgbm.Booster, name: str, example: pd.DataFrame, words: str, home: Path) -> Registered:
    """The model under ``name`` in the store of ``home``, with the alias ``production``.

    ``example`` are rows as the model takes them, texts as texts, for its signature; ``words`` describe it. A version
    of the same trees is found again. Raises ``InputError`` where the store refuses.
    """
    for setting, value in _SETTINGS.items():
        os.environ.setdefault(setting, value)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    digest = hashlib.sha256(model.model_to_string(num_iteration=-1).encode()).hexdigest()
    store = store_of(home)
    try:
        with _quiet():
            client = MlflowClient(store, store)
            found = client.search_model_versions(f"name = '{name}' and tag.`{_DIGEST}` = '{digest}'")
            if found:
                version = str(max(int(one.version) for one in found))
            else:
                version = _made(client, model, name, example, words, home, digest)
            client.set_registered_model_alias(name, ALIAS, version)
    except (MlflowException, OSError) as error:
        raise InputError(Problem(
            store, f"the registry refused: {' '.join(str(error).split())[:300]}", "a store for the demonstration",
            "name another folder with --out",
        )) from None  # fmt: skip
    return Registered(name, version, not found)


def store_of(home: Path) -> str:
    """The address of the demonstration's MLflow store."""
    return f"sqlite:///{home.absolute() / 'mlflow.db'}"


def leads_to(experiment: str, name: str, home: Path) -> list[str]:
    """Lines: the newest tracked run of an experiment, and the page of the model version that was its input."""
    from mlflow import MlflowClient

    store = store_of(home)
    with _quiet():
        client = MlflowClient(store, store)
        there = client.get_experiment_by_name(experiment)
        runs = _newest(client, there, "tags.`squaredeal.model_version` LIKE '%'")
        number = runs[0].data.tags.get("squaredeal.model_version") if runs else None
        if not runs or number is None:
            return [f"  MLflow: no run in {experiment} that names the version of its model"]
        status = client.get_model_version(name, number).tags.get("fairness.status", "none")
    info = runs[0].info
    return [
        f"  MLflow run:     {info.run_id}, at #/experiments/{info.experiment_id}/runs/{info.run_id}",
        f"  model version:  {name} {number}, at #/models/{name}/versions/{number}, fairness.status {status}",
        f"  pages behind:   mlflow ui --backend-store-uri {store}",
    ]  # fmt: skip


def leads_to_search(experiment: str, home: Path) -> list[str]:
    """A line: the newest tracked search for remedies of an experiment."""
    from mlflow import MlflowClient

    store = store_of(home)
    with _quiet():
        client = MlflowClient(store, store)
        runs = _newest(client, client.get_experiment_by_name(experiment), "tags.`squaredeal.kind` = 'remedies'")
    if not runs:
        return [f"  MLflow: no search for remedies in {experiment}"]
    info = runs[0].info
    return [
        f"  MLflow search:  {info.run_id}, at #/experiments/{info.experiment_id}/runs/{info.run_id}, with a run for "
        "each candidate under it"
    ]  # fmt: skip


def _newest(client: MlflowClient, experiment: Any, of: str) -> list[Any]:
    """The newest run of an experiment that a filter lets through, or none."""
    if experiment is None:
        return []
    return list(client.search_runs([experiment.experiment_id], of, order_by=["start_time DESC"], max_results=1))


def _made(
    client: MlflowClient, model: lightgbm.Booster, name: str, example: pd.DataFrame, words: str, home: Path, digest: str
) -> str:  # fmt: skip
    """A logged model, which runs can have as an input, and a version of it."""
    import lightgbm as package
    import mlflow.lightgbm
    from mlflow.models import infer_signature
    from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, description=words)
    known, files = client.get_experiment_by_name(name), home.absolute() / "artifacts" / "models" / name
    experiment = known.experiment_id if known else client.create_experiment(name, files.as_uri())
    needed = [f"lightgbm=={package.__version__}"]
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "model"
        mlflow.lightgbm.save_model(model, str(saved), signature=infer_signature(example), pip_requirements=needed)
        run = client.create_run(experiment, run_name=name).info.run_id
        logged: Any = client.create_logged_model(experiment, name=name, source_run_id=run, tags={_DIGEST: digest})
        client.log_model_artifacts(logged.model_id, str(saved))
        client.finalize_logged_model(logged.model_id, "READY")
        client.set_terminated(run)
    with _store_of_the_process(store_of(home)):  # where the registry looks for a logged model, whichever client asks
        made = client.create_model_version(
            name, f"models:/{logged.model_id}", run_id=run, tags={_DIGEST: digest}, model_id=logged.model_id
        )
    client.set_logged_model_tags(
        logged.model_id, {MLFLOW_MODEL_VERSIONS: json.dumps([{"name": name, "version": made.version}])}
    )
    return str(made.version)


@contextmanager
def _store_of_the_process(store: str) -> Iterator[None]:
    import mlflow

    before = os.environ.get("MLFLOW_TRACKING_URI")
    mlflow.set_tracking_uri(store)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """A new store tells of each of its tables."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
