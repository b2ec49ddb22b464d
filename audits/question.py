"""What an audit question is: parameters, needs, measurements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Protocol

from audits.evidence.collect import Evidence
from audits.evidence.needs import Need
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract


class Question(Protocol):
    """A frozen dataclass whose fields are its YAML parameters.

    ``name`` is PACKAGE.QUESTION, ``harm`` the package's harm, ``roles`` what the contract must
    fill, ``optional_roles`` what the question uses, or says why not, where the contract fills
    it. ``measures`` maps the names of what it measures to the value that means no difference,
    or to None for a level, which has none; ``counted`` names the measures that are counts of
    cases, for which alone a census rule makes sense.
    """

    name: ClassVar[str]
    harm: ClassVar[str]
    roles: ClassVar[tuple[str, ...]]
    optional_roles: ClassVar[tuple[str, ...]]
    measures: ClassVar[Mapping[str, float | None]]
    counted: ClassVar[tuple[str, ...]]

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """What to collect."""
        ...

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The figures, and the parts of the question that this contract cannot answer."""
        ...
