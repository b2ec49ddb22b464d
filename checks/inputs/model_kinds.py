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

import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelFault, ModelUnusable

if TYPE_CHECKING:
    import pandas as pd

Margins = Callable[["pd.DataFrame"], Any]
KINDS = ("lightgbm", "xgboost", "sklearn")
_CELLS = 4_000_000  # values handed to a model at once
_LOG = ("poisson", "gamma", "tweedie")
_LIGHTGBM_LOGIT = ("binary", "cross_entropy")
_LIGHTGBM_OTHER = ("cross_entropy_lambda",)
_XGBOOST_LOGIT = ("binary:logistic", "reg:logistic")
_XGBOOST_LOG = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft")


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A loaded object with its signature: names of columns (none where it does not say), types, required ones."""

    uri: str
    kind: str
    native: Any
    names: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A model's parts, as ``checks.inputs.model.Model`` has them."""

    kind: str
    native: Any
    columns: tuple[str, ...]
    types: Mapping[str, str]
    link: str
    margins: Margins
    categories: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    one_hot: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)


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

    They are those that a pattern matches. Where the contract has the feature as one column they are made of it; else
    they are features themselves.
    """
    features, found = set(contract.features), {}
    for name, pattern in contract.prediction.one_hot if contract.prediction else ():
        form = re.compile(re.escape(pattern).replace(r"\*", "(.*)"), re.DOTALL)
        hits = {one: form.fullmatch(one) for one in columns if name not in features or one not in features}
        values = {one: hit[1] for one, hit in hits.items() if hit}
        if values:
            found[name] = values
    return found


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
        except Exception as error:  # noqa: BLE001 - the model's own code
            raise ModelUnusable(ModelFault("fails", {"uri": uri, "reason": _told(error, columns)})) from None
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


def _told(error: Exception, columns: tuple[str, ...]) -> str:
    """What an error says, without values of rows: of quoted words only names of columns stay."""
    known = set(columns)
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    text = re.sub(r"'([^']*)'|\"([^\"]*)\"", lambda one: one[0] if (one[1] or one[2]) in known else "'…'", text)
    return re.sub(r"\[[^\]]*\]", "[…]", text)[:300]


def _columns(opened: Opened, native: tuple[str, ...]) -> tuple[str, ...]:
    """Names in the order that the object takes. Names that a package made up give way to the signature's."""
    signed = opened.names
    if not native and not signed:
        raise ModelUnusable(ModelFault("no_signature", {"uri": opened.uri}))
    if not native or not signed or set(native) == set(signed):
        return native or signed
    spelt = {re.sub(r"\s", "_", name): name for name in signed}  # LightGBM writes _ for a space
    if set(native) <= set(spelt):
        return tuple(spelt[name] for name in native)
    made_up = all(re.fullmatch(r"(Column_|f)?\d+", name) for name in native)
    return signed if made_up and len(native) == len(signed) else native


# --- LightGBM ---------------------------------------------------------------------------------------------------------


def _lightgbm(opened: Opened, contract: DataContract) -> Reading:
    booster = getattr(opened.native, "booster_", opened.native)
    text = booster.model_to_string(num_iteration=1)
    head = dict(line.partition("=")[::2] for line in text.split("\nTree=")[0].splitlines())
    classes = int(booster.num_model_per_iteration())
    if classes > 1:
        raise ModelUnusable(ModelFault("many_classes", {"uri": opened.uri, "classes": classes}))
    native = tuple(booster.feature_name())
    if all(re.fullmatch(r"Column_\d+", name) for name in native) and not opened.names:
        raise ModelUnusable(ModelFault("no_signature", {"uri": opened.uri}))
    columns = _columns(opened, native)
    categories = _lightgbm_categories(booster, head.get("feature_infos", ""), columns, opened)
    objective, *options = (head.get("objective", "") or "custom").split()
    types = {name: opened.types.get(name, "double") for name in columns}
    if (
        objective in _LIGHTGBM_OTHER
        or "sqrt" in options
        or any(one.startswith("sigmoid:") and float(one[8:]) != 1 for one in options)
    ):
        link = "chance" if objective == "binary" else "number"
        plain = dict.fromkeys(columns, "double")
        return Reading("pyfunc", opened.native, columns, plain, link, booster.predict, categories)
    link = "logit" if objective in _LIGHTGBM_LOGIT else "log" if objective in _LOG else "number"

    def margins(frame: pd.DataFrame) -> Any:
        return booster.predict(frame, raw_score=True)

    return Reading("lightgbm", booster, columns, types, link, margins, categories)


def _lightgbm_categories(
    booster: Any, infos: str, columns: tuple[str, ...], opened: Opened
) -> dict[str, tuple[Any, ...]]:
    """The booster keeps categories in the order of their columns, and not which columns these are.

    A categorical column's values are told as 1:2:3, a number's as [low:high], and none of one without a split; the
    signature has categories as texts.
    """
    known = booster.pandas_categorical or []
    if not known:
        return {}
    told = infos.split(" ")
    texts = [name for name in columns if opened.types.get(name) == "string"]
    sure = [name for name, info in zip(columns, told, strict=True) if info != "none" and not info.startswith("[")]
    may = [name for name in columns if name in set(texts) | set(sure)]
    hit = next((names for names in (texts, sure, may) if len(names) == len(known) and set(sure) <= set(names)), None)
    if hit is None:
        raise ModelUnusable(ModelFault("categories", {"uri": opened.uri}))
    return {name: tuple(values) for name, values in zip(hit, known, strict=True)}


# --- XGBoost ----------------------------------------------------------------------------------------------------------


def _xgboost(opened: Opened, contract: DataContract) -> Reading:
    wrapper, booster = opened.native, opened.native
    if hasattr(wrapper, "get_booster"):
        booster = wrapper.get_booster()
        best = booster.attr("best_iteration")
        if best is not None and int(best) + 1 < booster.num_boosted_rounds():
            booster = booster[: int(best) + 1]  # as the wrapper predicts
    learner = json.loads(booster.save_config())["learner"]
    objective = learner["learner_train_param"]["objective"]
    shape = learner["learner_model_param"]
    classes = max(int(shape.get("num_class", 0)), int(shape.get("num_target", 1)))
    if classes > 1:
        raise ModelUnusable(ModelFault("many_classes", {"uri": opened.uri, "classes": classes}))
    if objective == "binary:hinge":
        raise ModelUnusable(ModelFault("labels", {"uri": opened.uri}))
    columns = _columns(opened, tuple(booster.feature_names or ()))
    categories = _xgboost_categories(booster, columns, opened.uri)
    types = {name: opened.types.get(name, "double") for name in columns}
    link = "logit" if objective in _XGBOOST_LOGIT else "log" if objective in _XGBOOST_LOG else "number"
    names = booster.feature_names

    def margins(frame: pd.DataFrame) -> Any:
        import xgboost

        named = frame.set_axis(names, axis=1) if names else frame
        rows = xgboost.DMatrix(named, enable_categorical=True)
        return booster.predict(rows, output_margin=True, validate_features=bool(names))

    return Reading("xgboost", booster, columns, types, link, margins, categories)


def _xgboost_categories(booster: Any, columns: tuple[str, ...], uri: str) -> dict[str, tuple[Any, ...]]:
    hot = [i for i, kind in enumerate(booster.feature_types or ()) if kind == "c"]
    if not hot:
        return {}
    known = dict(booster.get_categories(export_to_arrow=True).to_arrow() or [])
    names = booster.feature_names
    values = {columns[i]: known.get(names[i] if names else str(i)) for i in hot}
    if any(one is None for one in values.values()):
        raise ModelUnusable(ModelFault("categories", {"uri": uri}))
    return {name: tuple(one.to_pylist()) for name, one in values.items() if one is not None}


# --- scikit-learn -----------------------------------------------------------------------------------------------------


def _sklearn(opened: Opened, contract: DataContract) -> Reading:
    native = opened.native
    if _is_log_target(native):
        native = native.regressor_
        link, margins = "log", native.predict
    else:
        link, margins = _sklearn_margins(native, opened.uri, contract)
    names = tuple(str(name) for name in getattr(native, "feature_names_in_", ()))
    columns = _columns(opened, names)
    types = {name: opened.types[name] for name in columns if name in opened.types}
    given = margins if names else lambda frame: margins(frame.to_numpy())
    return Reading("sklearn", native, columns, types, link, given, _sklearn_categories(native, columns))


def _is_log_target(estimator: Any) -> bool:
    pair = (getattr(estimator, "func", None), getattr(estimator, "inverse_func", None))
    return pair == (np.log, np.exp) and hasattr(estimator, "regressor_")


def _sklearn_margins(native: Any, uri: str, contract: DataContract) -> tuple[str, Margins]:
    """The link and the margin of an estimator, or of the last step of a pipeline."""
    last = native.steps[-1][1] if hasattr(native, "steps") else native

    def rows(frame: Any) -> Any:
        return native[:-1].transform(frame) if hasattr(native, "steps") and len(native.steps) > 1 else frame

    classes = getattr(native, "classes_", None)
    if classes is None:
        return _regression(native, last, rows)
    if len(classes) != 2:
        raise ModelUnusable(ModelFault("many_classes", {"uri": uri, "classes": len(classes)}))
    module = type(last).__module__.split(".")[0]
    if module == "lightgbm":
        return "logit", lambda frame: last.predict(rows(frame), raw_score=True)
    if module == "xgboost":
        return "logit", lambda frame: last.predict(rows(frame), output_margin=True)
    if _has_log_odds(last):
        return "logit", native.decision_function
    if hasattr(native, "predict_proba"):
        return "chance", lambda frame: native.predict_proba(frame)[:, -1]
    made = contract.prediction
    if not hasattr(native, "decision_function"):
        raise ModelUnusable(ModelFault("labels", {"uri": uri}))
    if made and made.of == "decision" and made.threshold is None:
        raise ModelUnusable(ModelFault("no_threshold", {"uri": uri}))
    return "number", native.decision_function


def _has_log_odds(estimator: Any) -> bool:
    kind = type(estimator).__name__
    loss = getattr(estimator, "loss", "log_loss")
    return kind in (
        "LogisticRegression", "LogisticRegressionCV", "HistGradientBoostingClassifier"
    ) or (kind in ("GradientBoostingClassifier", "SGDClassifier") and loss == "log_loss")  # fmt: skip


def _regression(native: Any, last: Any, rows: Callable[[Any], Any]) -> tuple[str, Margins]:
    module, kind = type(last).__module__.split(".")[0], type(last).__name__
    objective = str(getattr(last, "objective_", None) or getattr(last, "objective", None) or "")
    if module == "lightgbm" and objective in _LOG:
        return "log", lambda frame: last.predict(rows(frame), raw_score=True)
    if module == "xgboost" and objective in _XGBOOST_LOG:
        return "log", lambda frame: last.predict(rows(frame), output_margin=True)
    power, form = getattr(last, "power", 0), getattr(last, "link", "auto")
    log = (
        kind in ("PoissonRegressor", "GammaRegressor")
        or (kind == "TweedieRegressor" and (form == "log" or (form == "auto" and power > 0)))
        or (kind == "HistGradientBoostingRegressor" and last.loss in ("poisson", "gamma"))
        or _is_log_target(last)
    )
    if not log:
        return "number", native.predict
    return "log", lambda frame: np.log(native.predict(frame))


def _sklearn_categories(native: Any, columns: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    """Values that encoders know, of columns that reach an encoder as they are."""
    found: dict[str, tuple[Any, ...]] = {}
    first = native.steps[0][1] if hasattr(native, "steps") else native
    first = getattr(first, "_preprocessor", None) or first  # of boosting by histograms
    parts = getattr(first, "transformers_", [("all", first, list(columns))])
    for _, part, names in parts:
        steps = [step for _, step in part.steps] if hasattr(part, "steps") else [part]
        encoder = next((one for one in steps if hasattr(one, "categories_")), None)
        given = _names(names, columns)
        if encoder is not None and len(encoder.categories_) == len(given):
            found |= {name: tuple(one.tolist()) for name, one in zip(given, encoder.categories_, strict=True)}
    return found


def _names(chosen: Any, columns: tuple[str, ...]) -> list[str]:
    """The columns that a ColumnTransformer's choice means."""
    if isinstance(chosen, slice):
        return list(columns[chosen]) if isinstance(chosen.start or 0, int) else []
    one = [chosen] if isinstance(chosen, (str, int)) else list(chosen)
    if one and all(isinstance(name, (bool, np.bool_)) for name in one):
        return [name for name, taken in zip(columns, one, strict=True) if taken]
    return [name if isinstance(name, str) else columns[int(name)] for name in one]


# --- any other --------------------------------------------------------------------------------------------------------


def _pyfunc(opened: Opened, contract: DataContract) -> Reading:
    if not opened.names:
        raise ModelUnusable(ModelFault("no_signature", {"uri": opened.uri}))
    have = set(contract.features)
    hot = {one for group in _levels(opened.names, contract).values() for one in group}
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
    "lightgbm": _lightgbm, "xgboost": _xgboost, "sklearn": _sklearn, "pyfunc": _pyfunc,
}  # fmt: skip
