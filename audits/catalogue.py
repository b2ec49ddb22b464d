"""All packages of questions. Adding a package is one line here, a question one in its package."""

from __future__ import annotations

from typing import Any

from audits import digital_divide, explanation, fair_lending, loyalty_pricing, predatory_lending

PACKAGES: dict[str, tuple[type[Any], ...]] = {
    "fair_lending": fair_lending.QUESTIONS,
    "loyalty_pricing": loyalty_pricing.QUESTIONS,
    "predatory_lending": predatory_lending.QUESTIONS,
    "digital_divide": digital_divide.QUESTIONS,
    "explanation": explanation.QUESTIONS,
}


def questions() -> dict[str, type[Any]]:
    """Every question by its name PACKAGE.QUESTION."""
    return {kind.name: kind for package in PACKAGES.values() for kind in package}
