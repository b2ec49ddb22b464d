"""How well features tell a group from its reference, and how much of the model's gap rides on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audits.evidence.needs import ProxiesNeed
from audits.evidence.proxy_results import FeatureProxy, Proxies, ProxyPair

if TYPE_CHECKING:
    from checks.inputs.model import Model
    from checks.inputs.source import Source

__all__ = ["FeatureProxy", "Proxies", "ProxyPair", "collect_proxies"]


def collect_proxies(source: Source, model: Model, need: ProxiesNeed) -> Proxies:
    """Raises ``ModelUnusable``."""
    raise NotImplementedError
