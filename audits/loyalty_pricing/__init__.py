"""Loyalty pricing: do those who stay pay more, and can the firm know it?"""

from __future__ import annotations

from typing import Any

from audits.loyalty_pricing.disclosure import Disclosure
from audits.loyalty_pricing.loss_ratio import LossRatio
from audits.loyalty_pricing.pricing_return import PricingReturn
from audits.loyalty_pricing.renewal_price import RenewalPrice
from audits.loyalty_pricing.same_terms import SameTermsPrice
from audits.loyalty_pricing.tenure_gradient import TenureGradient
from audits.loyalty_pricing.willingness_to_pay import WillingnessToPay

QUESTIONS: tuple[type[Any], ...] = (
    RenewalPrice,
    TenureGradient,
    LossRatio,
    Disclosure,
    SameTermsPrice,
    WillingnessToPay,
    PricingReturn,
)  # fmt: skip
