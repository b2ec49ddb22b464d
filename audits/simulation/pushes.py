"""A lender who offers credit unasked, to those above all who would borrow anyway; some customers may be held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from audits.simulation.population import Floats, Population, Value, either, table
from audits.simulation.world import TURN, World, checked_effect

GROUPS, SEGMENTS = ("A", "B"), ("regular", "occasional")


@dataclass(frozen=True, slots=True)
class TargetedPushes(World):
    """Each customer has two occasions; on each a push may be shown, and money may be borrowed, in one of two sizes.

    A customer is inclined to borrow or not, which nobody sees; ``inclined_share`` of either group are. Those inclined
    borrow with chance ``keen``, others with ``slow``, pushed or not; they are shown a push with chance ``aimed``,
    others with ``spread``; ``regular_share`` of them, and of the others the rest, are in the segment that a file
    shows. ``holdout`` of customers are held out by chance, of whom ``leak`` are pushed all the same. The planted harm:
    a push shown adds ``effect`` of money on average for group A, ``vulnerable`` times that for group B, by raising the
    chance of borrowing. Pushes that do nothing look as if they did, since they are shown to those who borrow.
    """

    group_share: float = 0.3
    inclined_share: float = 0.35
    regular_share: float = 0.7
    keen: float = 0.45
    slow: float = 0.08
    aimed: float = 0.8
    spread: float = 0.25
    holdout: float = 0.2
    leak: float = 0.02
    vulnerable: float = 3.0
    sizes: tuple[float, float] = (200.0, 1000.0)
    large_share: float = 0.25

    code: ClassVar[str] = "B3"
    name: ClassVar[str] = "targeted-pushes"
    summary: ClassVar[str] = (
        "credit is pushed to those who would borrow anyway, a fifth held out by chance; harm: money that a push adds"
    )
    trap: ClassVar[str] = "those who are pushed borrow far more in the fair twin too, which is flagged"
    estimand: ClassVar[str] = "push_effect"
    largest_effect: ClassVar[float] = 70.0
    example_effect: ClassVar[float] = 40.0
    rows_each: ClassVar[int] = 2
    entity: ClassVar[str] = "customer"
    shared: ClassVar[tuple[str, ...]] = ("group", "inclined", "segment", "held_out")
    hidden: ClassVar[tuple[str, ...]] = ("inclined", TURN)
    audits: ClassVar[tuple[str, ...]] = ("predatory_lending.inducement",)
    policies: ClassVar[tuple[str, ...]] = ("conventions", "cn")
    jurisdictions: ClassVar[tuple[str, ...]] = ("CN",)
    products: ClassVar[tuple[str, ...]] = ("consumer_loan",)

    def population(self, effect: float) -> Population:
        """Axes of a customer as ``shared`` has them, the turn, whether a push was shown, what was borrowed."""
        checked_effect(self, effect)
        parts: dict[str, tuple[Value, ...]] = {
            "group": GROUPS, "inclined": (0, 1), "segment": SEGMENTS, "held_out": (0, 1),
            TURN: tuple(range(self.rows_each)), "pushed": (0, 1), "borrowed": (0.0, *self.sizes),
        }  # fmt: skip
        keen = self.regular_share
        shown = np.array([self.spread, self.aimed])
        return table(
            parts, (("group",), [1 - self.group_share, self.group_share]),
            (("inclined",), [1 - self.inclined_share, self.inclined_share]),
            (("inclined", "segment"), [[1 - keen, keen], [keen, 1 - keen]]),
            (("held_out",), [1 - self.holdout, self.holdout]),
            ((TURN,), np.full(self.rows_each, 1 / self.rows_each)),
            (("inclined", "held_out", "pushed"), either(np.stack([shown, np.full(2, self.leak)], axis=1))),
            (("group", "inclined", "pushed", "borrowed"), self._borrowed(effect)),
        )  # fmt: skip

    def truth(self, effect: float) -> dict[str, float]:
        """Money for each occasion.

        ``push_effect`` is the mean of those not held out less that of those held out, where anybody is, by group too;
        ``effect_of_a_push`` what a push shown adds on average over all occasions. ``observational_uplift`` is what
        those pushed borrow beyond those not, of those not held out, and ``association_at_equal_segments`` the same
        within the segments that the file shows; neither is an effect.
        """
        people = self.population(effect)
        amount = people.along("borrowed")
        by = ("group", "segment", "held_out", "pushed")
        rows = people.over(*by)
        keep = [people.axis(name) for name in by]
        worth = (people.probability * amount).sum(axis=tuple(set(range(amount.ndim)) - set(keep)))
        worth = np.transpose(worth, [sorted(keep).index(axis) for axis in keep])
        found = {
            "effect_of_a_push": effect * (1 - self.group_share + self.vulnerable * self.group_share),
            "observational_uplift": _difference(worth[:, :, 0].sum(axis=(0, 1)), rows[:, :, 0].sum(axis=(0, 1))),
            "association_at_equal_segments": _within(worth[:, :, 0].sum(axis=0), rows[:, :, 0].sum(axis=0)),
            "association_gap": _within(worth[1, :, 0], rows[1, :, 0]) - _within(worth[0, :, 0], rows[0, :, 0]),
        }
        if not self.holdout:
            return found
        held = worth.sum(axis=3), rows.sum(axis=3)
        own = [-_difference(held[0][g].sum(axis=0), held[1][g].sum(axis=0)) for g in range(2)]
        found["push_effect"] = -_difference(held[0].sum(axis=(0, 1)), held[1].sum(axis=(0, 1)))
        found |= {f"push_effect[{label}]": value for label, value in zip(GROUPS, own, strict=True)}
        return found | {"push_effect_gap": own[1] - own[0]}

    def contract(self) -> dict[str, Any]:
        """Customers by segment; what was pushed, held out and borrowed."""
        return {
            "dated": {"from": "2025-01-01", "to": "2025-12-31"}, "unit": "case", "entity": self.entity,
            "groups": {"group": {"column": "group", "reference": "A"}}, "strata": ["segment"],
            "loan": {"currency": "CNY"},
            "terms": {"pushed": "pushed", "holdout": "held_out", "borrowed": "borrowed"},
        }  # fmt: skip

    def _borrowed(self, effect: float) -> Floats:
        """P(borrowed | group, inclined, pushed)."""
        mean = float(np.dot(self.sizes, [1 - self.large_share, self.large_share]))
        more = np.array([1.0, self.vulnerable]) * effect / mean
        chance = np.array([self.slow, self.keen])[None, :, None] + more[:, None, None] * np.array([0.0, 1.0])
        sizes = either(np.full(chance.shape, self.large_share))
        return np.concatenate([1 - chance[..., None], chance[..., None] * sizes], axis=-1)


@dataclass(frozen=True, slots=True)
class PushesWithoutHoldout(TargetedPushes):
    """The same lender, who holds nobody out: what pushes do cannot be told from whom they are shown to."""

    holdout: float = 0.0

    code: ClassVar[str] = "B4"
    name: ClassVar[str] = "pushes-without-holdout"
    summary: ClassVar[str] = (
        "credit is pushed to those who would borrow anyway, nobody held out; harm: money that a push adds"
    )
    trap: ClassVar[str] = "an association at equal segments is as large in the fair twin, and is called an effect"
    estimand: ClassVar[str] = "effect_of_a_push"
    hidden: ClassVar[tuple[str, ...]] = ("inclined", "held_out", TURN)

    def contract(self) -> dict[str, Any]:
        """Without the flag of a holdout."""
        contract = TargetedPushes.contract(self)
        contract["terms"] = {"pushed": "pushed", "borrowed": "borrowed"}
        return contract


def _difference(worth: Floats, rows: Floats) -> float:
    """Mean of the second less that of the first."""
    return float(worth[1] / rows[1] - worth[0] / rows[0])


def _within(worth: Floats, rows: Floats) -> float:
    """Mean of those pushed less that of those not, weighted over segments; axes (segment, pushed)."""
    means = worth / rows
    share = rows.sum(axis=1) / rows.sum()
    return float(share @ (means[:, 1] - means[:, 0]))
