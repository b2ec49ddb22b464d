"""The program's own code that trains a model: found, trusted, called, and what is wrong with it."""

from __future__ import annotations


class TrainingError(Exception):
    """The training code, or a model that it gave, failed; ``reason`` is a sentence. One candidate is lost by it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
