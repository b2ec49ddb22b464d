"""What is read of LightGBM and XGBoost: the objective with its link, columns, categories, and the sum of the trees.

An objective whose output is none of a number, an exponential or a chance of that sum is taken as a plain callable.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.model_opened import Opened, Reading, column_names

if TYPE_CHECKING:
    import pandas as pd

LOG = ("poisson", "gamma", "tweedie")  # LightGBM's objectives with that link
XGBOOST_LOG = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft")
_LOGIT = ("binary", "cross_entropy")
_OTHER = ("cross_entropy_lambda",)
_XGBOOST_LOGIT = ("binary:logistic", "reg:logistic")


def read_lightgbm(opened: Opened, contract: DataContract) -> Reading:
    booster = getattr(opened.native, "booster_", opened.native)
    text = booster.model_to_string(num_iteration=1)
    head = dict(line.partition("=")[::2] for line in text.split("\nTree=")[0].splitlines())
    classes = int(booster.num_model_per_iteration())
    if classes > 1:
        raise ModelUnusable(ModelFault("many_classes", {"uri": opened.uri, "classes": classes}))
    native = tuple(booster.feature_name())
    columns = column_names(opened, native, contract.features)
    categories = _lightgbm_categories(booster, head.get("feature_infos", ""), columns, opened)
    objective, *options = (head.get("objective", "") or "custom").split()
    types = {name: opened.types.get(name, "double") for name in columns}
    averaged = "average_output" in head  # of random forests, whose raw score is a sum all the same
    stretched = any(one.startswith("sigmoid:") and float(one[8:]) != 1 for one in options)
    if objective in _OTHER or "sqrt" in options or averaged or stretched:
        link = "chance" if objective in _LOGIT else "number"
        plain = dict.fromkeys(columns, "double")
        return Reading("pyfunc", opened.native, columns, plain, link, booster.predict, categories)
    link = "logit" if objective in _LOGIT else "log" if objective in LOG else "number"

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


def read_xgboost(opened: Opened, contract: DataContract) -> Reading:
    wrapper, booster = opened.native, opened.native
    whole = booster
    if hasattr(wrapper, "get_booster"):
        booster = wrapper.get_booster()
        whole, best = booster, booster.attr("best_iteration")
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
    columns = column_names(opened, tuple(booster.feature_names or ()), contract.features)
    categories = _xgboost_categories(whole, columns, opened.uri)  # a part of the trees has lost them
    types = {name: opened.types.get(name, "double") for name in columns}
    link = "logit" if objective in _XGBOOST_LOGIT else "log" if objective in XGBOOST_LOG else "number"
    names = booster.feature_names

    def margins(frame: pd.DataFrame) -> Any:
        import xgboost

        named = frame.set_axis(names, axis=1) if names else frame
        rows = xgboost.DMatrix(named, enable_categorical=True)
        return booster.predict(rows, output_margin=True, validate_features=bool(names))

    return Reading("xgboost", booster, columns, types, link, margins, categories)


def _xgboost_categories(booster: Any, columns: tuple[str, ...], uri: str) -> dict[str, tuple[Any, ...]]:
    """Those that the booster keeps; where it keeps none its categories are numbers in the data too.

    Releases of XGBoost that take the letters of texts for their bytes lose the end of what is not ASCII when they are
    trained; then nobody can tell which value is which.
    """
    hot = [i for i, kind in enumerate(booster.feature_types or ()) if kind == "c"]
    if not hot:
        return {}
    kept = dict(booster.get_categories(export_to_arrow=True).to_arrow() or [])
    names = booster.feature_names
    values = {columns[i]: kept.get(names[i] if names else str(i)) for i in hot}
    found = {name: one for name, one in values.items() if one is not None}
    foreign = [name for name, one in found.items() if _beyond_ascii(one)]
    lost = foreign if foreign and not _keeps_whole_texts() else [name for name in foreign if not _readable(found[name])]
    if lost:
        raise ModelUnusable(ModelFault("cut_categories", {"uri": uri, "names": ", ".join(lost)}))
    return {name: tuple(one.to_pylist()) for name, one in found.items()}


def _beyond_ascii(kept: Any) -> bool:
    texts = kept.buffers()[-1] if str(kept.type) in ("string", "large_string") else None
    return texts is not None and any(byte > 127 for byte in texts.to_pybytes())  # noqa: PLR2004


def _readable(kept: Any) -> bool:
    try:
        kept.to_pylist()
    except UnicodeDecodeError:
        return False
    return True


@cache
def _keeps_whole_texts() -> bool:
    """Whether this release of XGBoost keeps a text beyond ASCII as it is."""
    import pandas as pd
    import xgboost

    asked = pd.DataFrame({"text": pd.Categorical(["é", "éé"])})
    kept = xgboost.DMatrix(asked, enable_categorical=True).get_categories(export_to_arrow=True).to_arrow()
    texts = dict(kept or [])["text"]
    return _readable(texts) and texts.to_pylist() == ["é", "éé"]
