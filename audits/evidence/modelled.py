"""Figures that take the model itself, as files of aggregates: collected once, read by questions.

A model that cannot be used costs the questions that need it their answer and nothing else: its fault is what the file
holds, and reading it raises ``ModelUnusable`` with what was found and what would answer.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from typing import Any

from audits.evidence.needs import (
    ContributionsNeed,
    FlipsNeed,
    ModelNeed,
    ProxiesNeed,
    ReasonsNeed,
    ReproductionNeed,
)
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.source import Source

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
        found = getattr(importlib.import_module(module), function)(source, model, need)
    except ModelUnusable as error:
        return _text({"fault": asdict(error.fault), "found": None}), 0
    return _text({"fault": None, "found": asdict(found)}), int(found.rows)


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
