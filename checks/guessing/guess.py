"""What a guess is: a role, a column, how sure, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SURE, LIKELY, DOUBTFUL = "sure", "likely", "doubtful"


@dataclass(frozen=True, slots=True)
class Guess:
    """A column for a role.

    ``role`` is a role of the contract, with a further part where it has several columns: ``groups.age``,
    ``loan.amount``, ``funnel.start``. ``more`` holds what else the role says, such as the favourable value.
    """

    role: str
    column: str
    sure: str
    why: str
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def filled(self) -> bool:
        """Whether a program should fill the role; a doubtful guess is written as a comment."""
        return self.sure != DOUBTFUL
