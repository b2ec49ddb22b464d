"""Contributions of features to a model's output that add up to it, by the way that is exact for its kind.

* ``interventional``: the Shapley value of the game "these features from the row, the others from the background"
  (Lundberg & Lee 2017; Janzing, Minorics & Blöbaum 2020). Trees of LightGBM, XGBoost and scikit-learn by
  ``explainers_trees``, deep forests by shap's TreeExplainer; linear models after transformations of one column each in
  closed form; any other model over all sets of at most ten features, and along drawn orders of more.
* ``path_dependent``: the libraries' own contributions of trees (Lundberg et al. 2020), without a background; their
  columns are added up to features. Models that are none of trees have no such values and get interventional ones.

A feature in one-hot columns is one player: its columns change together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence import explainers_linear
from audits.evidence.explainers_inside import LIGHTGBM, PLAIN, SKLEARN, Inside, grouped, inside, players_of
from audits.evidence.explainers_mixes import MOST_EXACT, Mixes, along_orders, blocks, exact
from audits.evidence.explainers_trees import Numbers, TooDeep, interventional
from checks.inputs.model import Model
from checks.inputs.model_fault import ModelFault, ModelUnusable, ends_the_audit, kind_and_place

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EXPLAINERS", "INTERVENTIONAL", "PATH_DEPENDENT", "Explained", "explain", "grouped"]

INTERVENTIONAL, PATH_DEPENDENT = "interventional", "path_dependent"
EXPLAINERS = (
    "lightgbm native", "xgboost native", "exact trees", "shap TreeExplainer", "linear", "exact", "permutation",
)  # fmt: skip
_CELLS = 4_000_000  # numbers of a block of rows
_MIXED = 4_000_000
DEEP = 256  # leaves of a mean tree beyond which shap's walk is quicker than tables by leaf
_AT_ONCE = 4_000_000  # rows times leaves given to shap, which prints of its progress where a call takes seconds
_ROUNDING = {False: (1e-7, 1e-6), True: (1e-4, 1e-3)}  # by single precision: mean and largest miss, as shares


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """n rows by p features of the contract.

    ``values`` (n, p) in the unit of the margin, ``margins`` (n,), ``base`` what they start from: a row's values and the
    base add up to its margin within 1e-12 of the sizes added. ``kind`` is interventional or path_dependent,
    ``explainer`` one of ``EXPLAINERS``, ``background`` the rows of it that were used (0 where none), ``remainder`` the
    largest rounding of a row, which was spread over its features by their sizes.
    """

    values: Numbers
    margins: Numbers
    base: float
    kind: str
    explainer: str
    background: int
    remainder: float


def explain(
    model: Model,
    frame: pd.DataFrame,
    background: pd.DataFrame,
    values: str = INTERVENTIONAL,
    features: Sequence[str] = (),
    *,
    seed: int = 0,
    margins: Numbers | None = None,
) -> Explained:
    """Contributions to the margins of rows in the model's columns (``checks.inputs.model.model_frame``).

    ``features`` are the contract's, in the order wanted (default: the model's columns), ``margins`` (n,) the model's of
    the rows where these are known. Raises ``ModelUnusable``
    ("not_additive" where contributions miss the output by more than rounding, "missing_features", "no_rows", "fails")
    and ValueError for unknown ``values``.
    """
    if values not in (INTERVENTIONAL, PATH_DEPENDENT):
        raise ValueError(f"values are {INTERVENTIONAL} or {PATH_DEPENDENT}, not {values!r}")
    if not len(frame) or not len(background):
        raise ModelUnusable(ModelFault("no_rows"))
    features = tuple(features or model.columns)
    players = players_of(model, features)
    margins, mean = model.margins(frame) if margins is None else margins, model.margins(background)
    within = inside(model, players)
    found = None
    if within is not None and values == PATH_DEPENDENT:
        found = _path_dependent(model, within, frame, len(features), margins)
        if found and model.kind == PLAIN and not _adds_up(found, margins, within.single):
            found = None  # of the margin, the trees are only a part
    if within is not None and found is None:
        with if_it_can():
            ways = _interventional(within, frame, background, len(features), mean, margins)
            found = next((one for one in ways if _adds_up(one, margins, within.single)), None)
    if found is None:
        found = _mixed(model, frame, background, players, len(features), float(mean.mean()), seed)
    loose = found.explainer in ("exact", "permutation")  # a plain callable may well work in single precision
    return _added_up(model, found, margins, loose or bool(within and within.single))


@contextmanager
def if_it_can() -> Iterator[None]:
    """What a library's code, or a model's own, cannot read of an estimator is explained in another way."""
    try:
        yield
    except (ModelUnusable, TooDeep):
        raise
    except BaseException as error:
        if ends_the_audit(error):
            raise


def _added_up(model: Model, found: Explained, margins: Numbers, single: bool) -> Explained:
    """With what rounding left over spread, so that the parts add up."""
    values, rest = found.values, _rest(found, margins)
    off = np.abs(rest)
    if not _adds_up(found, margins, single):
        known = off[np.isfinite(off)]
        missing = float(known.mean()) if len(known) else 0.0
        raise ModelUnusable(ModelFault("not_additive", {"uri": model.uri, "missing": missing, "kind": model.kind}))
    sizes = np.abs(values)
    size = sizes.sum(axis=1)
    share = np.where(size[:, None] > 0, sizes / np.where(size > 0, size, 1.0)[:, None], 1 / max(values.shape[1], 1))
    return Explained(
        values + rest[:, None] * share, margins, found.base, found.kind, found.explainer, found.background,
        float(off.max()),
    )  # fmt: skip


def _rest(found: Explained, margins: Numbers) -> Numbers:
    return np.asarray(margins - found.base - found.values.sum(axis=1))


def _adds_up(found: Explained, margins: Numbers, single: bool) -> bool:
    """Whether the parts miss the margins by no more than rounding."""
    off = np.abs(_rest(found, margins))
    scale = np.abs(found.values).sum(axis=1) + abs(found.base) + np.abs(margins)
    mean, largest = _ROUNDING[single]
    return bool(np.isfinite(off).all() and off.mean() <= mean * scale.mean() and (off <= largest * scale).all())


def _summed(values: Any, players: NDArray[np.int64], p: int) -> Numbers:
    """(rows, p) of (rows, columns): columns of one player added up."""
    if len(players) == p and (players == np.arange(p)).all():
        return np.asarray(values, dtype=np.float64)
    from scipy.sparse import csr_array

    ones = csr_array((np.ones(len(players)), (np.arange(len(players)), players)), shape=(len(players), p))
    return np.asarray(values @ ones, dtype=np.float64)


def _slices(frame: pd.DataFrame, within: Inside) -> Iterator[slice]:
    return blocks(len(frame), max(frame.shape[1], len(within.players)), _CELLS)


def _linear(within: Inside, frame: pd.DataFrame, background: pd.DataFrame, p: int, mean: Numbers) -> Explained | None:
    """None where the estimator is not linear, or its output is not the linear sum."""
    weights = within.weights()
    if weights is None or len(weights) != len(within.players):
        return None
    from scipy.sparse import csr_array

    held = csr_array((weights, (np.arange(len(weights)), within.players)), shape=(len(weights), p))
    none = np.zeros(p)
    theirs = np.concatenate([explainers_linear.parts(within.rows(background.iloc[part]), none, held)
                             for part in _slices(background, within)])  # fmt: skip
    if not _same_but_constant(theirs.sum(axis=1), mean, single=False):
        return None
    centre = theirs.mean(axis=0)
    values = np.empty((len(frame), p))
    for part in _slices(frame, within):
        values[part] = explainers_linear.parts(within.rows(frame.iloc[part]), centre, held)
    return Explained(values, mean, float(mean.mean()), INTERVENTIONAL, "linear", len(background), 0.0)


def _interventional(
    within: Inside, frame: pd.DataFrame, background: pd.DataFrame, p: int, mean: Numbers, margins: Numbers
) -> Iterator[Explained]:
    """By each way that can read the estimator, the preferred one first; what does not add up was not all of it."""
    linear = _linear(within, frame, background, p, mean)
    if linear:
        yield linear
    trees = within.trees()
    if not trees:
        return
    theirs = within.columns(within.rows(background))
    leaves = sum(int((tree.left < 0).sum()) for tree in trees)
    alone = len(np.unique(within.players)) == len(within.players)
    if within.family == SKLEARN and alone and leaves > DEEP * len(trees):
        quick = None
        with if_it_can():
            quick = _shap(within, frame, background, p, mean, max(1, _AT_ONCE // leaves))
        if quick:
            yield quick
    values, scale = np.empty((len(frame), p)), None
    with suppress(TooDeep):
        for part in _slices(frame, within):
            ours = within.columns(within.rows(frame.iloc[part]))
            found = interventional(trees, ours, theirs, within.players, p)
            if scale is None:
                scale = _scale(within, found.sum(axis=1), margins[part] - mean.mean())
            if scale is None:
                return
            values[part] = found * scale
        yield Explained(values, mean, float(mean.mean()), INTERVENTIONAL, "exact trees", len(background), 0.0)


def _scale(within: Inside, sums: Numbers, margins: Numbers) -> float | None:
    """What sums of contributions are to be multiplied by to be the ``margins``, less the background's; None if not."""
    for scale in within.scales():
        size = np.abs(sums * scale).max() + np.abs(margins).max()
        if np.abs(sums * scale - margins).max() <= _ROUNDING[within.single][1] * size:
            return scale
    return None


def _same_but_constant(ours: Numbers, theirs: Numbers, single: bool) -> bool:
    """Whether two outputs differ by no more than a constant and rounding."""
    off = theirs - ours
    scale = np.abs(theirs).max() + np.abs(ours).max()
    return bool(np.abs(off - off.mean()).max() <= _ROUNDING[single][0] * scale)


def _shap(
    within: Inside, frame: pd.DataFrame, background: pd.DataFrame | None, p: int, mean: Numbers, at_once: int = 10_000
) -> Explained:
    """shap's TreeExplainer of an estimator of scikit-learn, with a background or along the paths of its trees."""
    import shap

    kept = None if background is None else within.columns(within.rows(background)).T
    way = "tree_path_dependent" if kept is None else INTERVENTIONAL
    explainer = shap.TreeExplainer(within.estimator, data=kept, feature_perturbation=way, model_output="raw")
    values = np.empty((len(frame), p))
    for part in _slices(frame, within):
        ours, into = within.columns(within.rows(frame.iloc[part])).T, values[part]
        for few in blocks(len(ours), 1, at_once):
            given = np.asarray(explainer.shap_values(ours[few], check_additivity=False))
            into[few] = _summed(given[..., -1] if given.ndim == 3 else given, within.players, p)
    base = float(np.atleast_1d(explainer.expected_value)[-1]) if kept is None else float(mean.mean())
    kind = PATH_DEPENDENT if kept is None else INTERVENTIONAL
    return Explained(values, mean, base, kind, "shap TreeExplainer", 0 if kept is None else len(kept), 0.0)


def _path_dependent(model: Model, within: Inside, frame: pd.DataFrame, p: int, margins: Numbers) -> Explained | None:
    """None where the estimator has no trees."""
    if not within.trees():
        return None
    try:
        if within.family == SKLEARN:
            return _shap(within, frame, None, p, np.zeros(1))
        return _native(within, frame, p, margins)
    except BaseException as error:  # the library's own code on a model of its own
        if ends_the_audit(error):
            raise
        raise ModelUnusable(ModelFault("fails", {"uri": model.uri, "reason": kind_and_place(error)})) from None


def _native(within: Inside, frame: pd.DataFrame, p: int, margins: Numbers) -> Explained:
    """The contributions of a booster's own library; they do not depend on its number of threads."""
    values, base = np.empty((len(frame), p)), 0.0
    ours = _lightgbm_native if within.family == LIGHTGBM else _xgboost_native
    for part in _slices(frame, within):
        given = ours(within.estimator, within.rows(frame.iloc[part]))
        values[part] = _summed(given[:, :-1], within.players, p)
        base = float(given[0, -1])
    sums = values.sum(axis=1) + base
    scale = min(within.scales(), key=lambda one: float(np.abs(sums * one - margins).max()))
    return Explained(values * scale, margins, base * scale, PATH_DEPENDENT, f"{within.family} native", 0, 0.0)


def _lightgbm_native(booster: Any, rows: Any) -> Numbers:
    given = booster.predict(rows, pred_contrib=True)  # sparse where the rows are
    return np.asarray(given.toarray() if hasattr(given, "toarray") else given, dtype=np.float64)


def _xgboost_native(booster: Any, rows: Any) -> Numbers:
    import pandas as pd
    import xgboost

    names = booster.feature_names
    if isinstance(rows, pd.DataFrame) and names:
        rows = rows.set_axis(names, axis=1)
    data = xgboost.DMatrix(rows, enable_categorical=True)
    given = booster.predict(data, pred_contribs=True, validate_features=False)
    return np.asarray(given, dtype=np.float64)


def _mixed(
    model: Model,
    frame: pd.DataFrame,
    background: pd.DataFrame,
    players: NDArray[np.int64],
    p: int,
    base: float,
    seed: int,
) -> Explained:
    """Any model, over all sets of features or along drawn orders."""
    used = np.unique(players)  # a feature that the model does not take has no part
    of = [np.flatnonzero(players == player).tolist() for player in used]
    few = len(used) <= MOST_EXACT
    values = np.zeros((len(frame), p))
    for part in blocks(len(frame), len(background) * frame.shape[1], _MIXED):
        mixes = Mixes(model.margins, frame.iloc[part], background, of)
        rows = part.stop - part.start
        values[part, used] = exact(mixes, len(used)) if few else along_orders(mixes, len(used), rows, seed)
    explainer = "exact" if few else "permutation"
    return Explained(values, values, base, INTERVENTIONAL, explainer, len(background), 0.0)
