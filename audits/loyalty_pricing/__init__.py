"""Loyalty pricing: do those who stay pay more, and can the firm know it?"""

from __future__ import annotations

from typing import Any

from audits.loyalty_pricing.disclosure import Disclosure
from audits.loyalty_pricing.renewal_price import RenewalPrice

QUESTIONS: tuple[type[Any], ...] = (
    RenewalPrice,
    Disclosure,
)  # fmt: skip
