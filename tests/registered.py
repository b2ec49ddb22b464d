"""Models registered in an MLflow store of a test's own: a SQLite file, with the files beside it."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import warnings
from pathlib import Path
from typing import Any

PLAIN = ["numpy"]  # what a model is said to need: working it out would load it once more in another process


class Registry:
    """A store in a folder. ``register`` gives the address of what it holds."""

    def __init__(self, folder: Path) -> None:
        from mlflow import MlflowClient

        folder.mkdir(parents=True, exist_ok=True)
        folder = self.folder = folder.resolve()
        self.uri = f"sqlite:///{folder / 'mlflow.db'}"
        self.client = MlflowClient(self.uri, self.uri)

    def register(self, name: str, model: Any, kind: str, example: Any = None, alias: str = "live", **more: Any) -> str:
        """A model of a flavour (lightgbm, xgboost, sklearn, pyfunc) as the next version of ``name``.

        Its signature is of ``example``, none without; ``more`` goes to MLflow's ``save_model``.
        """
        from mlflow.exceptions import MlflowException
        from mlflow.models import infer_signature

        files = self.folder / f"{name}-{len(list(self.folder.glob(f'{name}-*')))}"
        word = {"lightgbm": "lgb_model", "xgboost": "xgb_model", "sklearn": "sk_model", "pyfunc": "python_model"}[kind]
        if kind in ("lightgbm", "sklearn"):
            more = {"serialization_format": "cloudpickle", **more}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if example is not None:
                more["signature"] = infer_signature(example)
            module = importlib.import_module(f"mlflow.{kind}")
            module.save_model(**{word: model}, path=str(files), pip_requirements=PLAIN, **more)
        shutil.rmtree(files / "__pycache__", ignore_errors=True)
        with contextlib.suppress(MlflowException):
            self.client.create_registered_model(name)
        version = self.client.create_model_version(name, files.as_uri())
        self.client.set_registered_model_alias(name, alias, version.version)
        return f"models:/{name}@{alias}"
