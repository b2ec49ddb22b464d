"""What is true of a scoring model, and of the same model without one feature, in a population known in full.

A model that learned the decisions of endless rows says of every kind of applicant how often that kind was approved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audits.simulation.population import Floats

_TIED = 12  # decimals to which two scores are one


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """K kinds of applicants as a model sees them, and whom each holds.

    ``groups`` (2, K) are probabilities of group and kind, the reference first; ``repaid`` and ``not_repaid`` (K,) those
    of kind and outcome. ``today`` (K,) is the score of today's model, which is the share of the kind that was approved,
    and ``without`` (K,) that of the other one. Each model approves by rank, as the share approved falls with the ranks
    of today's score.
    """

    groups: Floats
    repaid: Floats
    not_repaid: Floats
    today: Floats
    without: Floats

    @classmethod
    def of(cls, joint: Floats) -> Kinds:
        """From a table with axes (group, feature kept, feature left out, approved, repaid)."""
        groups, approved, outcome = joint.sum(axis=(3, 4)), joint[:, :, :, 1].sum(axis=(0, 3)), joint.sum(axis=(0, 3))
        people = groups.sum(axis=0)
        there = people > 0
        without = np.broadcast_to((approved.sum(axis=1) / people.sum(axis=1))[:, None], people.shape)
        return cls(
            groups[:, there], outcome[there][:, 1], outcome[there][:, 0], approved[there] / people[there],
            without[there],
        )  # fmt: skip

    def chances(self, score: Floats) -> Floats:
        """Chance of approval (K,): the mean of the shares over the ranks that a kind and those tied with it take."""
        people = self.groups.sum(axis=0)
        order = np.argsort(self.today, kind="stable")
        ranks = np.concatenate([[0.0], np.cumsum(people[order])])
        below = np.concatenate([[0.0], np.cumsum((people * self.today)[order])])
        tied, held = _tied(score, people)
        top = np.cumsum(held)
        bottom = top - held
        return np.asarray((np.interp(top, ranks, below) - np.interp(bottom, ranks, below))[tied] / held[tied])

    def impact_ratio(self, score: Floats) -> float:
        """Rate of approval of the group over that of the reference."""
        rate = self.groups @ self.chances(score) / self.groups.sum(axis=1)
        return float(rate[1] / rate[0])

    def area(self, score: Floats) -> float:
        """AUC: the chance that one who repays scores above one who does not, ties counted as a half."""
        tied, bad = _tied(score, self.not_repaid)
        below = np.cumsum(bad) - bad / 2
        return float(self.repaid @ below[tied] / (self.repaid.sum() * self.not_repaid.sum()))


def figures_without(joint: Floats) -> dict[str, float]:
    """Ratios of approval rates and AUC for repayment of both models, and what leaving the feature out brings.

    ``joint`` has axes (group, feature kept, feature left out, approved, repaid) and the reference first.
    """
    kinds = Kinds.of(joint)
    ratio, other = kinds.impact_ratio(kinds.today), kinds.impact_ratio(kinds.without)
    area, beside = kinds.area(kinds.today), kinds.area(kinds.without)
    return {
        "adverse_impact_ratio_of_todays_model": ratio,
        "adverse_impact_ratio_without_trait": other,
        "remedy_gain": other - ratio,
        "performance_of_todays_model": area,
        "performance_without_trait": beside,
        "performance_gain": beside - area,
    }


def _tied(score: Floats, mass: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Place of each kind among the different scores, lowest first, and the mass at each of them."""
    different, place = np.unique(np.round(score, _TIED), return_inverse=True)
    return place, np.bincount(place, mass, minlength=len(different)).astype(np.float64)
