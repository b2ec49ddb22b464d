"""What was loaded of a model, what is read of it, and the names of its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from checks.inputs.model_fault import ModelFault, ModelUnusable

if TYPE_CHECKING:
    import pandas as pd

Margins = Callable[["pd.DataFrame"], Any]


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
    """A model's parts, as ``checks.inputs.model.Model`` has them.

    ``link`` is what the margin is of the model's output: logit, log, chance (itself, and between 0 and 1) or number
    (itself; the contract says what it stands for).
    """

    kind: str
    native: Any
    columns: tuple[str, ...]
    types: Mapping[str, str]
    link: str
    margins: Margins
    categories: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    one_hot: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    levels: Mapping[str, str] = field(default_factory=dict)


def column_names(opened: Opened, native: tuple[str, ...], features: tuple[str, ...]) -> tuple[str, ...]:
    """Names in the order that the object takes, whose own are ``native``.

    Names that a package made up give way to the signature's, and those in which it wrote _ for a space to the ones of
    the signature, or of the contract. Raises ``ModelUnusable`` where neither object nor signature has names.
    """
    if not native and not opened.names:
        raise ModelUnusable(ModelFault("no_signature", {"uri": opened.uri}))
    if not native:
        return opened.names
    given = opened.names or features
    if all(re.fullmatch(r"(Column_|f)?\d+", name) for name in native) and not set(native) <= set(given):
        if len(opened.names) != len(native):
            raise ModelUnusable(ModelFault("no_signature", {"uri": opened.uri}))
        return opened.names
    known, spelt = set(given), {re.sub(r"\s", "_", name): name for name in given}
    return tuple(name if name in known else spelt.get(name, name) for name in native)
