"""A registered model as a plain callable: its kind, its digest, its columns, and rows in the form that it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import DataContract

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model that was loaded.

    ``columns`` are those that it takes, in its order, ``types`` their types in its signature, ``kind`` one of lightgbm,
    xgboost, sklearn and pyfunc, ``native`` the object of that package, ``link`` how its margin becomes the recorded
    figure: identity, log (the margin is its logarithm) or logit (its log-odds). ``one_hot`` maps features of the
    contract to the columns that stand for them. ``margins`` takes rows as ``frame`` makes them and gives (rows,).
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


def open_model(contract: DataContract) -> Model:
    """The contract's model from the registry. Raises ``ModelUnusable``; never loads one that is not trusted."""
    raise NotImplementedError
