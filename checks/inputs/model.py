"""A registered model as a plain callable: its kind, its digest, its columns, and rows in the form that it takes."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelFault, ModelUnusable, ends_the_audit, kind_and_place
from checks.inputs.model_frames import ModelFrame, model_frame, recorded
from checks.inputs.model_kinds import KINDS, read_opened
from checks.inputs.model_opened import Opened
from checks.unavailable import did_not_answer, silent

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Model", "ModelFrame", "model_frame", "open_model", "recorded"]

_ADDRESS = re.compile(r"models:/([^/@]+)(?:@([^/@]+)|/(\d+))")
# a registry that does not answer is given up on after minutes, not hours; the environment may say otherwise
_PATIENCE = {
    "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}  # fmt: skip
_MADE_BY_DOWNLOADING = ("registered_model_meta",)
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_opened: dict[tuple[Any, ...], Model | ModelFault] = {}
_REGISTRY, _ANSWERS = "the MLflow registry", "a registry that answers"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model that was loaded.

    ``columns`` are those that it takes, in its order, ``types`` their types in its signature, ``kind`` one of lightgbm,
    xgboost, sklearn and pyfunc, ``native`` the object of that package, ``link`` how its margin becomes the recorded
    figure: identity, log (the margin is its logarithm) or logit (its log-odds). ``one_hot`` maps features of the
    contract to the columns that stand for them, ``levels`` such a column to the value that it stands for (its name
    after ``FEATURE_`` where it is not there); ``categories`` columns to the values that the model knows. ``margins``
    takes rows as ``frame`` makes them and gives (rows,); it raises ``ModelUnusable`` where the model fails.
    """

    uri: str
    name: str
    version: str
    digest: str
    kind: str
    columns: tuple[str, ...]
    types: Mapping[str, str]
    link: str
    native: Any
    margins: Callable[[pd.DataFrame], NDArray[np.float64]]
    one_hot: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    categories: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    run_id: str | None = None
    levels: Mapping[str, str] = field(default_factory=dict)


def open_model(contract: DataContract) -> Model:
    """The contract's model from the registry of the environment. Raises ``ModelUnusable``, and
    ``UnavailableError`` where the registry or the store of its files does not answer now.

    A model that is not trusted is neither loaded nor fetched. The registry is MLFLOW_REGISTRY_URI, else
    MLFLOW_TRACKING_URI. An alias is looked up at each call; one version is loaded once in a process.
    """
    made = contract.prediction
    if made is None or not made.uri:
        raise ModelUnusable(ModelFault("not_named"))
    address = _ADDRESS.fullmatch(made.uri)
    if not address:
        raise ModelUnusable(ModelFault("bad_uri", {"uri": made.uri}))
    if not made.trusted:
        raise ModelUnusable(ModelFault("not_trusted", {"uri": made.uri}))
    registry = os.environ.get("MLFLOW_REGISTRY_URI") or os.environ.get("MLFLOW_TRACKING_URI")
    if not registry:
        raise ModelUnusable(ModelFault("no_registry"))
    stores = os.environ.get("MLFLOW_TRACKING_URI") or registry, registry
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    with _quiet():
        version = _version(made.uri, address.groups(), stores)
        key = (stores, version, made, contract.features)
        if key not in _opened:
            try:
                _opened[key] = _open(contract, version, stores)
            except ModelUnusable as error:
                _opened[key] = error.fault
    found = _opened[key]
    if isinstance(found, ModelFault):
        raise ModelUnusable(found)
    return found


@dataclass(frozen=True, slots=True)
class _Version:
    uri: str
    name: str
    number: str
    made: int
    files: str
    run_id: str | None


def _version(uri: str, address: tuple[Any, ...], stores: tuple[str, str]) -> _Version:
    """The registered version that an address names today."""
    lacking = next((one for one in map(_lacking, stores) if one), None)
    if lacking:  # asking would make it
        raise ModelUnusable(ModelFault("silent", {"reason": f"there is no {lacking}"}))
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    name, alias, number = address
    try:
        client = MlflowClient(*stores)
        found = client.get_model_version_by_alias(name, alias) if alias else client.get_model_version(name, number)
        files = client.get_model_version_download_uri(name, str(found.version))
    except MlflowException as error:
        reason = _told(error, *stores)
        if error.error_code in _ABSENT:
            raise ModelUnusable(ModelFault("absent", {"uri": uri, "reason": reason})) from None
        if did_not_answer(error):
            raise silent(_REGISTRY, reason, _ANSWERS) from None
        raise ModelUnusable(ModelFault("silent", {"reason": reason})) from None
    except Exception as error:  # noqa: BLE001 - of a store's own library
        if did_not_answer(error):
            raise silent(_REGISTRY, _told(error, *stores), _ANSWERS) from None
        raise ModelUnusable(ModelFault("silent", {"reason": _told(error, *stores)})) from None
    return _Version(uri, name, str(found.version), int(found.creation_timestamp or 0), files, found.run_id or None)


def _lacking(store: str) -> str | None:
    """The name of a store's file or folder on this machine that is not there."""
    text = store.split("?")[0]
    form = re.fullmatch(r"sqlite:///(.+)|file:(?://)?(.+)", text)
    if not form and "://" in text:
        return None
    file = Path(unquote(next(part for part in form.groups() if part)) if form else text)
    return None if file.exists() or text == "databricks" else file.name


def _open(contract: DataContract, version: _Version, stores: tuple[str, str]) -> Model:
    folder = _fetched(version, stores)
    opened = _loaded(version.uri, folder, stores)
    try:
        reading = read_opened(opened, contract)
    except ModelUnusable:
        raise
    except BaseException as error:  # a class of the model's own, or a form of its library that nobody knew
        if ends_the_audit(error):
            raise
        reason = {"uri": version.uri, "reason": kind_and_place(error)}
        raise ModelUnusable(ModelFault("unloadable", reason)) from None
    return Model(
        version.uri, version.name, version.number, digest_of_files(folder), reading.kind, reading.columns,
        reading.types, reading.link, reading.native, reading.margins, reading.one_hot, reading.categories,
        version.run_id, reading.levels,
    )  # fmt: skip


def _fetched(version: _Version, stores: tuple[str, str]) -> Path:
    """The model's files in a folder of our own, which stays until the process ends: a model may read them later."""
    from mlflow.artifacts import download_artifacts

    kept = tempfile.TemporaryDirectory(prefix="squaredeal-model-", ignore_cleanup_errors=True)
    atexit.register(kept.cleanup)
    try:
        found = download_artifacts(version.files, dst_path=kept.name, tracking_uri=stores[0], registry_uri=stores[1])
    except Exception as error:  # noqa: BLE001 - MLflow passes on those of the store
        if did_not_answer(error):
            raise silent(_REGISTRY, _told(error, *stores, folder=kept.name), _ANSWERS) from None
        reason = {"uri": version.uri, "reason": _told(error, *stores, folder=kept.name)}
        raise ModelUnusable(ModelFault("unloadable", reason)) from None
    return Path(found)


def _loaded(uri: str, folder: Path, stores: tuple[str, str]) -> Opened:
    """The object of the first flavour that an audit knows, and the signature."""
    import importlib

    from mlflow.models import Model as Described

    try:
        described = Described.load(str(folder))
        kind = next((one for one in KINDS if one in described.flavors), "pyfunc")
        native = importlib.import_module(f"mlflow.{kind}").load_model(str(folder))
        names, types, required = _inputs(described.signature)
    except BaseException as error:  # loading runs code of the model's own, which may exit
        if ends_the_audit(error):
            raise
        reason = {"uri": uri, "reason": _told(error, *stores, folder=str(folder.parent))}
        raise ModelUnusable(ModelFault("unloadable", reason)) from None
    return Opened(uri, kind, native, names, types, required)


def _inputs(signature: Any) -> tuple[tuple[str, ...], dict[str, str], frozenset[str]]:
    """Names, types and names of the required ones among a signature's input columns; none where it does not say."""
    inputs = signature.inputs if signature else None
    if inputs is None or inputs.is_tensor_spec() or not inputs.has_input_names():
        return (), {}, frozenset()
    types = {spec.name: str(getattr(spec.type, "name", spec.type)) for spec in inputs.inputs}
    return tuple(inputs.input_names()), types, frozenset(inputs.required_input_names())


def digest_of_files(folder: Path) -> str:
    """``sha256:`` over the names and bytes of a model's files, whatever the order in which they came."""
    total = hashlib.sha256()
    names = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    for name in sorted(names):
        if name not in _MADE_BY_DOWNLOADING and "__pycache__" not in name:
            total.update(f"{name}\0{hashlib.sha256(names[name].read_bytes()).hexdigest()}\n".encode())
    return f"sha256:{total.hexdigest()}"


def _told(error: BaseException, *stores: str, folder: str = "") -> str:
    """What an error says on one line, without the password of a store and paths of this machine."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = text.replace(folder, "") if folder else text
    for uri in stores:
        try:
            password = urlsplit(uri).password
        except ValueError:
            password = None
        for secret in (password, unquote(password)) if password else ():
            text = text.replace(secret, "***")
    return re.sub(r"(\w+://[^\s?]+)\?\S*", r"\1", text)[:300]


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow's notices are no part of an audit's output; what matters of them is told as a fault."""
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
