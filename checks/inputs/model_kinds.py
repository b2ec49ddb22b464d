"""What is read of a loaded model: columns, categories, and a margin that its contributions add up to.

Margins by kind and objective:

* LightGBM, XGBoost: the sum of the trees. Its link is the objective's: logit for a binary one, log for Poisson, Gamma,
  Tweedie and survival, identity for a regression. An objective whose output is none of these is taken as a plain
  callable of its output;
* scikit-learn: log-odds of the last class where the estimator works on them (logistic regression, boosting), else the
  last class's chance itself, since a forest's may be 0 or 1; regressors with a logarithmic link on its logarithm;
* any other: what it predicts, or the last of two chances.

Where the model returns a number, ``scale`` of the contract says how that number stands for the recorded figure.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from checks.inputs.contract import DataContract
from checks.inputs.model_estimators import read_sklearn
from checks.inputs.model_fault import ModelFault, ModelUnusable, ends_the_audit, kind_and_place
from checks.inputs.model_opened import Margins, Opened, Reading
from checks.inputs.model_trees import read_lightgbm, read_xgboost

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("lightgbm", "xgboost", "sklearn")
_CELLS = 4_000_000  # values handed to a model at once


def read_opened(opened: Opened, contract: DataContract) -> Reading:
    """The parts of a loaded model against the contract. Raises ``ModelUnusable``."""
    made = contract.prediction
    if made is None:
        raise ModelUnusable(ModelFault("not_named"))
    reading = _READERS[opened.kind](opened, contract)
    reading = _scaled(reading, made.scale, opened.uri)
    levels = _levels(reading.columns, contract)
    one_hot = {name: tuple(values) for name, values in levels.items()}
    missing = _absent(reading.columns, one_hot, opened, contract)
    if missing:
        raise ModelUnusable(ModelFault("missing_features", {"uri": opened.uri, "names": _listed(missing)}))
    return replace(
        reading, one_hot=one_hot, levels={one: text for values in levels.values() for one, text in values.items()},
        margins=_guarded(reading.margins, opened.uri, reading.columns),
    )  # fmt: skip


def _listed(names: list[str], most: int = 8) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" (+ {rest:,})" if rest > 0 else "")


def _scaled(reading: Reading, scale: str, uri: str) -> Reading:
    """What is returned as a number stands for the recorded figure by ``scale``; a chance or a log link says it itself.

    ``chance`` is such a number on the recorded scale, whose link is identity.
    """
    if reading.link == "number":
        return replace(reading, link=scale)
    told = {"logit": ("identity", "logit"), "log": ("identity", "log"), "chance": ("identity",)}[reading.link]
    if scale not in told:
        link = {"logit": "chance", "chance": "chance", "log": "figure itself"}[reading.link]
        raise ModelUnusable(ModelFault("other_scale", {"uri": uri, "scale": _SCALE_WORDS[scale], "link": link}))
    return replace(reading, link="identity" if reading.link == "chance" else reading.link)


_SCALE_WORDS = {"log": "logarithm", "logit": "log-odds", "identity": "figure itself"}


def _levels(columns: tuple[str, ...], contract: DataContract) -> dict[str, dict[str, str]]:
    """By feature the model's columns that are one feature, in its order, with the value that each stands for.

    They are those that a pattern matches; where several do, the longest has it. Where the contract has the feature as
    one column they are made of it; else they are features themselves.
    """
    features, found = set(contract.features), {}
    taken: set[str] = set()
    patterns = contract.prediction.one_hot if contract.prediction else ()
    for name, pattern in sorted(patterns, key=lambda pair: -len(pair[1])):
        form = re.compile(re.escape(pattern).replace(r"\*", "(.*)"), re.DOTALL)
        free = [one for one in columns if one not in taken and (name not in features or one not in features)]
        values = {one: hit[1] for one in free if (hit := form.fullmatch(one))}
        taken |= set(values)
        if values:
            found[name] = values
    return {name: found[name] for name, _ in patterns if name in found}


def _absent(
    columns: tuple[str, ...], one_hot: Mapping[str, tuple[str, ...]], opened: Opened, contract: DataContract
) -> list[str]:
    have = set(contract.features)
    have |= {one for name, made in one_hot.items() if name in have for one in made}
    return [one for one in columns if one not in have]


def _guarded(margins: Margins, uri: str, columns: tuple[str, ...]) -> Margins:
    """Blocks of rows, one finite number for each, whatever else the model does told as a fault."""

    def one_block(frame: pd.DataFrame) -> NDArray[np.float64]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = np.asarray(margins(frame), dtype=np.float64)
        except ModelUnusable:
            raise
        except BaseException as error:  # the model's own code, which may exit
            if ends_the_audit(error):
                raise
            raise ModelUnusable(ModelFault("fails", {"uri": uri, "reason": kind_and_place(error)})) from None
        if found.shape != (len(frame),):
            shape = " × ".join(str(size) for size in found.shape)
            raise ModelUnusable(ModelFault("not_one_number", {"uri": uri, "found": f"{shape} numbers"}))
        if not np.isfinite(found).all():
            lost = f"no finite number for {int((~np.isfinite(found)).sum()):,} of {len(frame):,} rows"
            raise ModelUnusable(ModelFault("fails", {"uri": uri, "reason": lost}))
        return found

    def every(frame: pd.DataFrame) -> NDArray[np.float64]:
        rows = max(1, _CELLS // max(len(columns), 1))
        blocks = [one_block(frame.iloc[start : start + rows]) for start in range(0, len(frame), rows)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    return every


def _read_pyfunc(opened: Opened, contract: DataContract) -> Reading:
    if not opened.names:
        raise ModelUnusable(ModelFault("no_signature", {"uri": opened.uri}))
    have = set(contract.features)
    hot = {one for name, group in _levels(opened.names, contract).items() if name in have for one in group}
    columns = tuple(name for name in opened.names if name in opened.required or name in have or name in hot)
    types = {name: opened.types[name] for name in columns}
    scale = contract.prediction.scale if contract.prediction else "identity"

    def margins(frame: pd.DataFrame) -> NDArray[np.float64]:
        return _numbers(opened.native.predict(frame), opened.uri, scale)

    return Reading("pyfunc", opened.native, columns, types, "number", margins)


def _numbers(output: Any, uri: str, scale: str) -> NDArray[np.float64]:
    """One number for each row, of whatever a model gives."""
    if isinstance(output, Mapping):
        raise ModelUnusable(ModelFault("not_one_number", {"uri": uri, "found": "a mapping"}))
    plain = np.asarray(output)
    if plain.dtype.kind not in "iuf":
        try:
            held = {type(value) for value in plain.ravel().tolist()}
        except AttributeError:
            held = {str}
        if plain.dtype.kind != "O" or not held <= {int, float}:
            raise ModelUnusable(ModelFault("labels", {"uri": uri}))
    found = plain.astype(np.float64)
    if found.ndim == 2 and found.shape[1] == 2:
        if not (np.abs(found.sum(axis=1) - 1) < 1e-3).all():  # noqa: PLR2004 - two chances of one row
            raise ModelUnusable(ModelFault("not_one_number", {"uri": uri, "found": "two numbers"}))
        if scale != "identity":
            values = {"uri": uri, "scale": _SCALE_WORDS[scale], "link": "chance"}
            raise ModelUnusable(ModelFault("other_scale", values))
        return found[:, -1]
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found


_READERS: dict[str, Callable[[Opened, DataContract], Reading]] = {
    "lightgbm": read_lightgbm, "xgboost": read_xgboost, "sklearn": read_sklearn, "pyfunc": _read_pyfunc,
}  # fmt: skip
