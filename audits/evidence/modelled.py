"""Figures that take the model itself, as files of aggregates: collected once, read by questions.

A model that cannot be used costs the questions that need it their answer and nothing else: its fault is what the file
holds, and reading it raises ``ModelUnusable`` with what was found and what would answer.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from audits.evidence.needs import (
    ContributionsNeed,
    FlipsNeed,
    ModelNeed,
    ProxiesNeed,
    ReasonsNeed,
    ReproductionNeed,
)
from checks.inputs.model_fault import ModelFault, ModelUnusable, kind_and_place
from checks.inputs.source import Source
from checks.problem import InputError
from checks.unavailable import did_not_answer

if TYPE_CHECKING:
    from checks.inputs.contract import DataContract
    from checks.inputs.model import Model

# need → (module, function that collects, dataclass of what it gives, which has the number of rows under ``rows``)
_KINDS: dict[type, tuple[str, str, str]] = {
    ReproductionNeed: ("audits.evidence.reproduction", "collect_reproduction", "Reproduction"),
    ContributionsNeed: ("audits.evidence.contributions", "collect_contributions", "Contributions"),
    FlipsNeed: ("audits.evidence.flips", "collect_flips", "Flips"),
    ProxiesNeed: ("audits.evidence.proxies", "collect_proxies", "Proxies"),
    ReasonsNeed: ("audits.evidence.reasons", "collect_reasons", "Reasons"),
}


def collect_modelled(source: Source, need: ModelNeed) -> tuple[str, int]:
    """The text of the file, and the rows behind it; with a fault no rows."""
    from checks.inputs.model import open_model

    module, function, _ = _KINDS[type(need)]
    if source.contract is None:
        raise TypeError("a model needs the contract of its source")
    try:
        model = open_model(source.contract)
        asked = _within_time(model, source.contract, need)
        found = getattr(importlib.import_module(module), function)(source, model, asked)
        if asked is not need:
            found = replace(found, at_most=asked.rows)
    except ModelUnusable as error:
        return _text({"fault": asdict(error.fault), "found": None}), 0
    except InputError:
        raise
    except Exception as error:  # what it says may quote rows
        if did_not_answer(error):
            raise
        raise RuntimeError(kind_and_place(error)) from error
    return _text({"fault": None, "found": asdict(found)}), int(found.rows)


def _within_time(model: Model, contract: DataContract, need: ModelNeed) -> Any:
    """What is asked of contributions, with fewer rows where those of so large a model would take too long."""
    if not isinstance(need, ContributionsNeed | ProxiesNeed | ReasonsNeed):
        return need
    from audits.evidence.explainers_work import LEAST, most_rows

    values = need.values if isinstance(need, ContributionsNeed) else "interventional"
    most = most_rows(model, contract.features, values, need.background)
    if most is None:
        return need
    rows = max(LEAST, most // max(2 * len(need.attributes), 1))  # of a group and its reference
    return replace(need, rows=rows) if rows < need.rows else need


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def modelled_from_json(need: ModelNeed, text: str) -> Any:
    """What was collected for a need. Raises ``ModelUnusable`` where the model could not be used."""
    from pydantic import TypeAdapter

    content = json.loads(text)
    if content["fault"]:
        raise ModelUnusable(ModelFault(content["fault"]["kind"], content["fault"]["values"]))
    module, _, kind = _KINDS[type(need)]
    return TypeAdapter(getattr(importlib.import_module(module), kind)).validate_python(content["found"])
