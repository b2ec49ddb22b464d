"""Lenders of small loans due after two weeks, and borrowers who come back: for need, for fees, in long chains.

Each world knows its true figures exactly. Loans are drawn from long before the first day that the file shows, so that
chains run into the file's first days and out of its last ones, as they do in any lender's books.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from audits.simulation.population import Floats, root, tilted

Whole = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]
FIRST_DAY = np.datetime64("2013-01-01")
BAND_ENDS = (0, 7, 14)  # days since a loan's end
GROUPS = ("A", "B")


@dataclass(frozen=True, slots=True)
class Payday(ABC):
    """``amount`` for ``term`` days, ``days`` of which are seen; who does not come back within 14 days pauses.

    A pause is 15 days and then on average ``pause`` more (geometric). Borrowers begin ``warm_up`` days or more before
    the first day.
    """

    days: int = 720
    term: int = 14
    amount: float = 300.0
    pause: float = 60.0
    warm_up: int = 900

    code: ClassVar[str]
    name: ClassVar[str]
    summary: ClassVar[str]
    trap: ClassVar[str]

    @abstractmethod
    def truth(self, effect: float) -> dict[str, float]:
        """Names of figures and their exact values."""

    @abstractmethod
    def people(self, rng: np.random.Generator, borrowers: int) -> Columns:
        """What is true of each borrower, among it what the file shows."""

    @abstractmethod
    def fees(self, rng: np.random.Generator, people: Columns) -> Floats:
        """The fees of each borrower's next loan."""

    @abstractmethod
    def hazards(self, people: Columns, fees: Floats, place: Whole, effect: float) -> Floats:
        """(borrowers, bands) The chance that the next loan comes in each band, if it has not come before."""

    def draw(self, borrowers: int, seed: int, effect: float = 0.0) -> Columns:
        """Loans that were opened on the days seen, as columns; a loan that is not repaid by the last day has no end."""
        rng = np.random.default_rng(seed)
        people = self.people(rng, borrowers)
        opened = rng.integers(-self.warm_up - 300, -self.warm_up, borrowers)
        place = np.ones(borrowers, dtype=np.int64)
        who = np.arange(borrowers)
        parts: list[tuple[Whole, Whole, Floats]] = []
        while len(who):
            own = {name: values[who] for name, values in people.items()}
            fees = self.fees(rng, own)
            seen = opened >= 0
            parts.append((who[seen], opened[seen], fees[seen]))
            came, gap = self._next(rng, self.hazards(own, fees, place, effect))
            pause = 15 + rng.geometric(1 / self.pause, len(who))
            opened = opened + self.term + np.where(came, gap, pause)
            place = np.where(came, place + 1, 1)
            left = opened < self.days
            who, opened, place = who[left], opened[left], place[left]
        return self._file(people, *(np.concatenate(one) for one in zip(*parts, strict=True)))

    def contract(self) -> dict[str, Any]:
        """The contract of the file."""
        return {
            "unit": "loan", "entity": "borrower", "time": "opened_at",
            "loan": {"amount": "amount", "fees": "fees", "originated_at": "opened_at", "repaid_at": "repaid_at"},
        }  # fmt: skip

    def _next(self, rng: np.random.Generator, hazards: Floats) -> tuple[NDArray[np.bool_], Whole]:
        """Whether the next loan comes within the bands, and how many days after the end."""
        comes = rng.random(hazards.shape) < hazards
        band = np.argmax(comes, axis=1)
        begins = np.array([0, *(end + 1 for end in BAND_ENDS[:-1])])
        widths = np.array(BAND_ENDS) - begins + 1
        day = begins[band] + np.floor(rng.random(len(hazards)) * widths[band]).astype(np.int64)
        return np.asarray(comes.any(axis=1)), day

    def _file(self, people: Columns, who: Whole, opened: Whole, fees: Floats) -> Columns:
        order = np.lexsort((opened, who))
        who, opened, fees = who[order], opened[order], fees[order]
        repaid = (FIRST_DAY + opened + self.term).astype("datetime64[us]")
        repaid[opened + self.term >= self.days] = np.datetime64("NaT")
        shown = {name: values[who] for name, values in people.items() if not name.startswith("hidden")}
        return {
            "loan": np.arange(len(who)), "borrower": who, "opened_at": (FIRST_DAY + opened).astype("datetime64[us]"),
            "repaid_at": repaid, "amount": np.full(len(who), self.amount), "fees": fees, **shown,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Payday2014(Payday):
    """US payday lending as the CFPB found it (Burke, Lanning, Leary and Wang, CFPB Data Point: Payday Lending, 2014).

    A share ``renewed`` of loans is followed by another within 14 days, ``starts`` of new loans begin a chain of
    ``long`` or more, and ``in_long`` of all loans lie in such chains. The law: a first loan is followed with chance a,
    those in places 2 to ``long`` - 1 with chance b, later ones with chance c. With L the length of a chain
    E[L] = 1/(1 - renewed) and a b^(long - 2) = starts; the loans in long chains, in_long · E[L] of a chain, are
    starts · (long - 1 + 1/(1 - c)); and 1 + a (1 - b^(long - 2))/(1 - b) = E[L] - starts/(1 - c) gives b.
    ``same_day`` of those who come back do so on the day, two thirds of the others within a week. Fees are ``fee`` of
    the amount.
    """

    renewed: float = 0.8
    starts: float = 0.15
    in_long: float = 0.5
    long: int = 10
    same_day: float = 0.6
    fee: float = 0.15

    code: ClassVar[str] = "B5"
    name: ClassVar[str] = "payday-2014"
    summary: ClassVar[str] = "80 % of loans followed within 14 days, half of all loans in chains of ten or more"
    trap: ClassVar[str] = "most chains are short, since 85 % of new loans begin one of fewer than ten"

    def chances(self) -> tuple[float, float, float]:
        """a, b and c."""
        each = 1 / (1 - self.renewed)
        later = self.in_long * each / self.starts - (self.long - 1)  # 1 / (1 - c)
        early = each - self.starts * later - 1
        places = self.long - 2
        b = root(lambda b: self.starts * (b**-places - 1) / (1 - b) - early, 0.2, 0.999)
        return self.starts / b**places, b, 1 - 1 / later

    def truth(self, effect: float = 0.0) -> dict[str, float]:
        """The three shares worked out from the chances, and what a chain costs of its first principal."""
        a, b, c = self.chances()
        places = self.long - 2
        reached = a * b**places
        each = 1 + a * (1 - b**places) / (1 - b) + reached / (1 - c)
        return {
            "renewed_share": 1 - 1 / each, "long_chain_start_share": reached,
            "long_chain_loan_share": reached * (self.long - 1 + 1 / (1 - c)) / each,
            "loans_a_chain": each, "chain_cost_ratio": self.fee * each,
        }  # fmt: skip

    def people(self, rng: np.random.Generator, borrowers: int) -> Columns:
        """Nothing but their number."""
        return {"hidden": np.zeros(borrowers)}

    def fees(self, rng: np.random.Generator, people: Columns) -> Floats:
        """The same for every loan."""
        return np.full(len(people["hidden"]), self.fee * self.amount)

    def hazards(self, people: Columns, fees: Floats, place: Whole, effect: float) -> Floats:
        """By the place in the chain."""
        a, b, c = self.chances()
        chance = np.where(place == 1, a, np.where(place < self.long, b, c))
        parts = chance[:, None] * np.array([self.same_day, (1 - self.same_day) * 2 / 3, (1 - self.same_day) / 3])
        left = 1 - np.cumsum(np.column_stack([np.zeros(len(chance)), parts[:, :-1]]), axis=1)
        return np.asarray(parts / left)


@dataclass(frozen=True, slots=True)
class NeedOrFees(Payday):
    """Borrowers come back for need; planted, the fees of the loan that they have just repaid drive part of it.

    Need is the loan over a month's income, one of ``burdens``; those of group B are heavier by ``group_tilt``, so that
    more of B come back though equals come back alike. With u need in standard units and f the fees (one of ``rates`` of
    the amount, by chance for each loan) the hazard in a band is 1 - exp(-λ), λ = base · exp(k + ``slope`` · u +
    effect · (log2 f - its mean) + ``group_effect`` · B) times ``lasting`` or its inverse, by chance for each borrower.
    k is such that the chance of a first loan to be followed within 14 days is the same whatever the effect: the raw
    repeat rate does not tell the twins apart. ``effect`` is the logarithm of the hazard ratio for fees twice as high.
    With 500 borrowers (some 10,000 loans) the errors of the logarithms are about .03 (groups) and .02 (fees), so that
    .15 for groups and .1 for fees are found nine times in ten; what lasts draws the ratio of groups towards 1.
    """

    burdens: tuple[float, ...] = (0.2, 0.3, 0.4, 0.5, 0.6)
    rates: tuple[float, ...] = (0.08, 0.12, 0.16, 0.24, 0.32)
    group_share: float = 0.4
    group_tilt: float = 0.7
    slope: float = 0.45
    group_effect: float = 0.0
    lasting: float = 1.2
    base: tuple[float, ...] = (0.6, 0.3, 0.2)

    code: ClassVar[str] = "B2"
    name: ClassVar[str] = "need-or-fees"
    summary: ClassVar[str] = "borrowers come back for need; harm: the fees of the last loan drive part of it"
    trap: ClassVar[str] = "the raw repeat rate is as high in the fair twin, and higher for one group, by need alone"
    largest_effect: ClassVar[float] = 0.6
    example_effect: ClassVar[float] = 0.25

    def truth(self, effect: float = 0.0) -> dict[str, float]:
        """Ratios of hazards, and chances that a first loan is followed within 14 days: of all and by group."""
        found = {"fee_driven_ratio": float(np.exp(effect)), "reborrowing_ratio": float(np.exp(self.group_effect))}
        level = self._level(effect)
        by_group = [self._followed(level, effect, group) for group in range(2)]
        found["first_loan_followed"] = self.followed(level, effect)
        return found | {f"first_loan_followed[{name}]": by_group[i] for i, name in enumerate(GROUPS)}

    def contract(self) -> dict[str, Any]:
        """Groups and income beside dates and amounts."""
        plain = Payday.contract(self)
        return {
            **plain, "loan": {**plain["loan"], "income": "income", "income_period": "month", "currency": "USD"},
            "groups": {"group": {"column": "group", "values": list(GROUPS), "reference": GROUPS[0]}},
        }  # fmt: skip

    def people(self, rng: np.random.Generator, borrowers: int) -> Columns:
        """Group, income, and hidden what lasts."""
        group = (rng.random(borrowers) < self.group_share).astype(np.int64)
        cumulated = np.cumsum(self._needs(), axis=1)
        need = (rng.random(borrowers)[:, None] > cumulated[group]).sum(axis=1).clip(0, len(self.burdens) - 1)
        return {
            "group": np.array(GROUPS, dtype=object)[group], "income": self.amount / np.array(self.burdens)[need],
            "hidden_need": need, "hidden_group": group,
            "hidden_lasting": np.where(rng.random(borrowers) < 0.5, self.lasting, 1 / self.lasting),
        }  # fmt: skip

    def fees(self, rng: np.random.Generator, people: Columns) -> Floats:
        """One of the rates, by chance."""
        return np.asarray(self.amount * np.array(self.rates)[rng.integers(0, len(self.rates), len(people["income"]))])

    def hazards(self, people: Columns, fees: Floats, place: Whole, effect: float) -> Floats:
        """By need, fees and group."""
        doubled = np.log2(fees / self.amount) - np.mean(np.log2(self.rates))
        rate = np.exp(
            self._level(effect) + self.slope * self._units()[people["hidden_need"]] + effect * doubled
            + self.group_effect * people["hidden_group"]
        ) * people["hidden_lasting"]  # fmt: skip
        return np.asarray(-np.expm1(-rate[:, None] * np.array(self.base)))

    def _units(self) -> Floats:
        spread = np.array(self.burdens)
        return np.asarray((spread - spread.mean()) / spread.std())

    def _needs(self) -> Floats:
        """P(need | group)."""
        even = np.full(len(self.burdens), 1 / len(self.burdens))
        return np.stack([even, tilted(even, self.group_tilt)])

    def _followed(self, level: float, effect: float, group: int) -> float:
        """The chance that a first loan of a group is followed."""
        doubled = np.log2(self.rates) - np.mean(np.log2(self.rates))
        logs = level + self.slope * self._units()[:, None] + effect * doubled[None, :] + self.group_effect * group
        followed = [-np.expm1(-np.exp(logs) * kind * sum(self.base)) for kind in (self.lasting, 1 / self.lasting)]
        return float(self._needs()[group] @ np.mean(followed, axis=0).mean(axis=1))

    def _level(self, effect: float) -> float:
        """k, such that as many come back as without the effect."""
        if not 0 <= effect <= self.largest_effect:
            raise ValueError(f"effect: found {effect:g}, expected a number from 0 to {self.largest_effect:g}")
        return _as_many(self, effect)

    def followed(self, level: float, effect: float) -> float:
        """The chance that anyone's first loan is followed, at a level k."""
        shares = np.array([1 - self.group_share, self.group_share])
        return float(shares @ [self._followed(level, effect, group) for group in range(2)])


@cache
def _as_many(world: NeedOrFees, effect: float) -> float:
    wanted = world.followed(0.0, 0.0)
    return root(lambda level: world.followed(level, effect) - wanted, -2.0, 2.0)
