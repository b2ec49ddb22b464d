"""What the data checks found: the record that the gate writes and that every later layer reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One expectation's outcome.

    ``place`` is the dotted place in the program that asked for the check; ``rows`` is the
    number of values looked at and ``unexpected`` how many broke it, both None where the
    expectation does not count values; ``examples`` holds a few distinct unexpected values,
    never of the unit or entity column.
    """

    expectation: str
    column: str | None
    place: str
    success: bool
    on_failure: str
    expected: str
    observed: str
    rows: int | None = None
    unexpected: int | None = None
    examples: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All checks of a run, in the order of the contract. ``fit`` is False when a stopping check failed.

    ``as_of`` is the day that freshness was counted from, an input of the run; None where nothing counts from it.
    """

    fit: bool
    results: tuple[CheckResult, ...]
    as_of: str | None = None

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """Failed checks that stop an audit."""
        return tuple(result for result in self.results if not result.success and result.on_failure == "stop")

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """Failed checks that only warn."""
        return tuple(result for result in self.results if not result.success and result.on_failure == "warn")
