"""What is read of a scikit-learn estimator or pipeline: margin, link, and the categories of its encoders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.model_opened import Margins, Opened, Reading, column_names
from checks.inputs.model_trees import LOG, XGBOOST_LOG


def read_sklearn(opened: Opened, contract: DataContract) -> Reading:
    native = getattr(opened.native, "best_estimator_", opened.native)  # of a search
    if _is_log_target(native):
        native = native.regressor_
        link, margins = "log", native.predict
    else:
        link, margins = _sklearn_margins(native, opened.uri, contract)
    names = tuple(str(name) for name in getattr(native, "feature_names_in_", ()))
    columns = column_names(opened, names, contract.features)
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
    if module == "lightgbm" and objective in LOG:
        return "log", lambda frame: last.predict(rows(frame), raw_score=True)
    if module == "xgboost" and objective in XGBOOST_LOG:
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
