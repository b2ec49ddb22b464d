"""Loyalty pricing: do those who stay pay more, and can the firm know it?"""

from __future__ import annotations

from typing import Any

QUESTIONS: tuple[type[Any], ...] = ()
