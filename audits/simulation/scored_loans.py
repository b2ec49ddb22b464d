"""A lender of consumer loans whose score model takes a trait that stands in for the group, among harmless features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Floats, Population, table, tilted
from audits.simulation.proxy import Proxy

PURPOSES = ("car", "debts", "furniture", "home")
TERMS = (12, 24, 36, 48, 60)
MONTHS = (3, 9, 18, 36, 72, 144)


@dataclass(frozen=True, slots=True)
class ScoredLoans(Proxy):
    """Decisions and repayment of ``Proxy``, with what else an application for a loan says.

    Given risk, the purpose and the months in the current job have no bearing on decision, repayment, group or trait;
    worse bands have more debts to pay off, by ``debt_tilt``, and fewer months in the job, by ``job_tilt``. The term is
    drawn of its own.
    """

    debt_tilt: float = 0.6
    job_tilt: float = 0.8

    code: ClassVar[str] = "D2M"
    name: ClassVar[str] = "scored-loans"
    summary: ClassVar[str] = "scores consumer loans; harm: the score takes a trait that stands in for the group"
    trap: ClassVar[str] = "the model takes no group, and a flip of it shows nothing"
    products: ClassVar[tuple[str, ...]] = ("personal_loan",)

    def population(self, effect: float) -> Population:
        """Axes group, risk, trait, approved, repaid, term, purpose, months_in_job."""
        core = Proxy.population(self, effect)
        names = tuple(column.name for column in core.columns)
        parts = {column.name: column.values for column in core.columns}
        parts |= {"term": TERMS, "purpose": PURPOSES, "months_in_job": MONTHS}
        return table(
            parts, (names, core.probability), (("term",), [0.1, 0.2, 0.3, 0.2, 0.2]),
            (("risk", "purpose"), self._purposes()), (("risk", "months_in_job"), self._months()),
        )  # fmt: skip

    def contract(self) -> dict[str, Any]:
        """The model takes all that an application says and no group."""
        return {**Proxy.contract(self), "features": ["risk", "trait", "term", "purpose", "months_in_job"]}

    def _purposes(self) -> Floats:
        """P(purpose | risk), axes risk and purpose."""
        heavier = np.exp(self.debt_tilt * np.linspace(-1, 1, self.bands))
        weights = np.stack([np.ones(self.bands), heavier, np.full(self.bands, 0.6), np.full(self.bands, 0.8)], axis=1)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def _months(self) -> Floats:
        """P(months in the job | risk), axes risk and months."""
        usual = np.array([0.12, 0.13, 0.18, 0.22, 0.2, 0.15])
        return np.stack([tilted(usual, -self.job_tilt * place) for place in np.linspace(-1, 1, self.bands)])
