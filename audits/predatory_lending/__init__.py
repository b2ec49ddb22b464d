"""Predatory lending: does credit cost more than it may, hide what it costs, or keep people in debt?"""

from __future__ import annotations

from typing import Any

QUESTIONS: tuple[type[Any], ...] = (
)  # fmt: skip
