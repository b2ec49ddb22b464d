"""Two lenders with one ratio of approval rates: the one by true risk alone, the other by a stricter threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Floats, Population
from audits.simulation.true_risk import TrueRisk, group_spread

_RECORDS = ("clean", "late once", "late often")


@dataclass(frozen=True, slots=True)
class SameRatio(TrueRisk):
    """As true-risk, but the ratio of approval rates is exactly ``ratio`` whatever the effect.

    The fair lender's ratio comes from the group's worse risks alone. With a stricter threshold for the group by
    ``effect``, the group's risks are so much better that the ratio stays: no figure that looks at rates can tell the
    two apart. ``record`` is how past bills were paid: late once or often with chances that rise over the bands, and
    no further bearing on decision or repayment.
    """

    code: ClassVar[str] = "D8"
    name: ClassVar[str] = "same-ratio"
    summary: ClassVar[str] = "the ratio of rates is the same for every effect; harm: a stricter threshold behind it"
    trap: ClassVar[str] = "the four-fifths rule says the same of the fair and of the harmful lender"
    largest_effect: ClassVar[float] = 0.2
    example_effect: ClassVar[float] = 0.14

    def population(self, effect: float) -> Population:
        """Axes group, risk, record, approved, repaid."""
        from audits.simulation.population import Column

        plain = TrueRisk.population(self, effect)
        often = np.linspace(0.02, 0.45, self.bands)
        once = np.linspace(0.1, 0.3, self.bands)
        record = np.stack([1 - once - often, once, often], axis=1)
        joint = np.einsum("graq,rk->grkaq", plain.probability, record)
        group, risk, *rest = plain.columns
        return Population((group, risk, Column("record", _RECORDS), *rest), joint)

    def contract(self) -> dict[str, Any]:
        """Risk may be weighed; risk and the record are inputs of the model."""
        return {**TrueRisk.contract(self), "features": ["risk", "record"]}

    def _spread(self, effect: float) -> Floats:
        return group_spread(self, effect)
