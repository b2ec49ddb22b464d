"""Two loans by declared rules: whoever is eligible for the cheap one may yet be sold the dear one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Floats, Population, Value, either, table, tilted
from audits.simulation.table_figures import mean_by, ratio_slope, slopes
from audits.simulation.world import Numbers, World, checked_effect

GROUPS, PRODUCTS = ("A", "B"), ("plain loan", "easy loan")
RULES_FILE = "product-rules.yaml"


@dataclass(frozen=True, slots=True)
class SteeredLoans(World):
    """A plain loan for scores from ``cheap_from`` on, priced by score, and an easy loan for all at ``dear`` a year.

    Who is eligible for the plain loan takes the easy one of his own choice with chance ``own_choice``, in either group.
    The group has lower ``scores`` (``tilt`` below nought: the heavier at the low end), so that far more of it has
    nothing but the easy loan. The planted harm: eligible members of the group, and they alone, are led to the easy loan
    with a further chance ``effect``. Rates are in percent; amounts and terms bear on nothing.
    """

    scores: tuple[int, ...] = (540, 580, 600, 620, 640, 680, 700, 740, 780)
    cheap_from: int = 620
    cheap: tuple[float, float, float] = (11.9, 9.9, 7.9)
    cheap_edges: tuple[int, int] = (680, 720)
    dear: float = 24.9
    amounts_lent: tuple[int, ...] = (2000, 6000, 12000)
    terms: tuple[int, ...] = (12, 36)
    group_share: float = 0.35
    tilt: float = -1.2
    own_choice: float = 0.1

    code: ClassVar[str] = "B1"
    name: ClassVar[str] = "steered-loans"
    summary: ClassVar[str] = "a group with low scores gets the dear loan by the rules; harm: its eligible members too"
    trap: ClassVar[str] = "the mix of products is as uneven in the fair twin, which is flagged"
    estimand: ClassVar[str] = "log_steered_ratio"
    largest_effect: ClassVar[float] = 0.4
    example_effect: ClassVar[float] = 0.1
    audits: ClassVar[tuple[str, ...]] = ("predatory_lending.steering",)
    policies: ClassVar[tuple[str, ...]] = ("conventions", "us")
    products: ClassVar[tuple[str, ...]] = ("personal_loan",)

    def population(self, effect: float) -> Population:
        """Axes group, score, amount, term, product; P(product | group, score) holds the rules and the harm."""
        checked_effect(self, effect)
        parts: dict[str, tuple[Value, ...]] = {
            "group": GROUPS, "score": self.scores, "amount": self.amounts_lent, "term": self.terms,
            "product": PRODUCTS,
        }  # fmt: skip
        even = np.full(len(self.scores), 1 / len(self.scores))
        return table(
            parts, (("group",), [1 - self.group_share, self.group_share]),
            (("group", "score"), np.stack([even, tilted(even, self.tilt)])),
            (("amount",), np.full(len(self.amounts_lent), 1 / len(self.amounts_lent))),
            (("term",), np.full(len(self.terms), 1 / len(self.terms))),
            (("group", "score", "product"), either(self._dear_chance(effect))),
        )  # fmt: skip

    def amounts(self, effect: float) -> dict[str, Numbers]:
        """The yearly rate, in percent, that the loan bears."""
        people = self.population(effect)
        rate = np.stack([self._cheap_rates(), np.full(len(self.scores), self.dear)], axis=-1)
        size = [1] * people.probability.ndim
        size[people.axis("score")], size[people.axis("product")] = rate.shape
        return {"rate": rate.reshape(size)}

    def truth(self, effect: float) -> dict[str, float]:
        """What is true within cells of equal loans, and of the bare mix of products.

        ``steering_excess_rate`` is the gap in mean excess within cells (weights n₁n₀/n), ``steered_ratio`` the ratio
        of shares there, with its logarithm; ``steered_share`` and ``mean_excess`` are those of a group and of all,
        ``money_a_loan`` the mean of excess · amount · years. ``easy_loan_gap`` and ``easy_loan_ratio`` are the group's
        share of easy loans against the reference's, ``raw_rate_gap`` that of mean rates.
        """
        rows = self._rows(effect)
        weights, group = rows["weights"], rows["group"]
        cell = np.unique(rows["cell"], return_inverse=True)[1].astype(np.int64)
        steered, excess, easy = rows["steered"], rows["excess"], rows["easy"]
        member = group.astype(np.int64)
        shares, excesses, mix = (mean_by(values, weights, member) for values in (steered, excess, easy))
        rates = mean_by(rows["rate"], weights, member)
        log_ratio = ratio_slope(steered, np.ones_like(steered), group, weights, cell)
        return {
            "log_steered_ratio": log_ratio,
            "steered_ratio": float(np.exp(log_ratio)),
            "steering_excess_rate": float(slopes(excess, [group], weights, cell)[0]),
            "steered_share": float(weights @ steered),
            "mean_excess": float(weights @ excess),
            "money_a_loan": float(weights @ (excess * rows["amount"] * rows["term"] / 12)),
            **{f"steered_share[{label}]": float(share) for label, share in zip(GROUPS, shares, strict=True)},
            **{f"mean_excess[{label}]": float(mean) for label, mean in zip(GROUPS, excesses, strict=True)},
            "easy_loan_gap": float(mix[1] - mix[0]),
            "easy_loan_ratio": float(mix[1] / mix[0]),
            "raw_rate_gap": float(rates[1] - rates[0]) / 100,
        }  # fmt: skip

    def contract(self) -> dict[str, Any]:
        """The product sold and what the rules speak of."""
        return {
            "dated": {"from": "2025-01-01", "to": "2025-12-31"},
            "unit": "case",
            "score": "score",
            "rate": {"column": "rate", "unit": "percent"},
            "loan": {"amount": "amount", "term_months": "term", "currency": "USD"},
            "terms": {"product": "product"},
            "groups": {"group": {"column": "group", "values": list(GROUPS), "reference": "A"}},
            "product_rules": RULES_FILE,
        }

    def beside(self) -> dict[str, Any]:
        """The rules of both products."""
        cheap, dear = PRODUCTS
        bands = {"by": "score", "edges": list(self.cheap_edges), "rates": list(self.cheap)}
        return {RULES_FILE: {
            "unit": "percent",
            "products": {
                cheap: {"from": "2025-01-01", "eligible": {"score": {"from": self.cheap_from}}, "rate": bands},
                dear: {"rate": self.dear},
            },
            "cells": {"amount": [5000, 10000], "term": [24], "score": [self.cheap_from, *self.cheap_edges]},
        }}  # fmt: skip

    def _cheap_rates(self) -> Floats:
        """The plain loan's rate by score, for whoever is eligible."""
        return np.array(self.cheap)[np.searchsorted(self.cheap_edges, self.scores, side="right")]

    def _eligible(self) -> Floats:
        return (np.array(self.scores) >= self.cheap_from).astype(np.float64)

    def _dear_chance(self, effect: float) -> Floats:
        """Chance of the easy loan, axes group and score."""
        harmed = self.own_choice + (1 - self.own_choice) * np.array([0.0, effect])
        eligible = self._eligible()
        return np.asarray(1 - eligible[None, :] * (1 - harmed[:, None]))

    def _rows(self, effect: float) -> dict[str, Floats]:
        """Columns over all kinds of loans (C,), with their ``weights`` and the ``cell`` of equal loans."""
        people = self.population(effect)
        shape = people.probability.shape
        group, score, amount, term, product = np.indices(shape)
        excess = self._eligible()[score] * product * (self.dear - self._cheap_rates()[score]) / 100
        every = {
            "group": group, "easy": product, "steered": excess > 0, "excess": excess,
            "amount": np.array(self.amounts_lent)[amount], "term": np.array(self.terms)[term],
            "rate": np.broadcast_to(self.amounts(effect)["rate"], shape),
            "cell": (self._score_cell()[score] * len(self.amounts_lent) + amount) * len(self.terms) + term,
        }  # fmt: skip
        flat = {name: np.asarray(values, dtype=np.float64).ravel() for name, values in every.items()}
        return {**flat, "weights": people.probability.ravel()}

    def _score_cell(self) -> Any:
        """Which band of score a loan falls into."""
        return np.searchsorted(sorted({self.cheap_from, *self.cheap_edges}), self.scores, side="right")


@dataclass(frozen=True, slots=True)
class SteeredThoughEligible(SteeredLoans):
    """The same with every customer eligible for both loans, and scores alike: only the harm moves the mix."""

    cheap_from: int = 300
    tilt: float = 0.0

    code: ClassVar[str] = "B1E"
    name: ClassVar[str] = "steered-though-eligible"
    summary: ClassVar[str] = "everybody is eligible for both loans; harm: a group is led to the dear one"
    trap: ClassVar[str] = "none: the mix of products tells it, as ours must"
