"""An online lender of small loans whose every harm is planted: what is true of it is known, by its law or by counting.

Loans fall due in one payment after two weeks or a month. Chains of loans run into the file's first days and out of its
last ones, as they do in any lender's books. Each harm is a field of its own; ``fair`` is the twin without any.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from audits.simulation.population import Floats

Whole = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]
LOW = "low-income"
HIDDEN = "hidden_"  # columns that the file does not show begin with it
RULES_FILE = "product-rules.yaml"
SERVICE, PLAIN, QUICK = "service loan", "plain loan", "quick loan"
PRODUCTS, RATES = (SERVICE, PLAIN, QUICK), (24.9, 29.9, 89.9)  # percent a year
CHANNELS, CHANNEL_SHARES = ("app", "web", "broker"), (0.5, 0.3, 0.2)
BAND_ENDS, BAND_RATES = (0, 7, 14), (0.6, 0.3, 0.2)  # days since a loan's end, and how much of the hazard falls there
TARIFFS, TARIFF_SHARES = (0.02, 0.04, 0.08), (0.4, 0.4, 0.2)  # fees over amount, spread evenly by so much about them:
TARIFF_SPREAD = 0.15
TERMS = (14, 15, 16, 28, 29, 30, 31)
SCORES, PLAIN_FROM = (540, 580, 620, 660, 700, 740), 580
FRACTIONS, OVERSHOOT = (0.5, 0.75, 1.0), 1.5  # of the firm's own limit
DEBTS = (0.0, 0.05, 0.10, 0.15)  # other debts' service over income
CELLS = {"amount": (300, 600), "term": (20,), "score": (PLAIN_FROM, 660)}


@dataclass(frozen=True, slots=True)
class QuickCash:
    """A lender in the United States over ``days`` from ``first_day`` on. Shares and chances are fractions.

    Whose score is ``PLAIN_FROM`` or more may have the plain loan, and takes the dear quick loan of his own choice with
    chance ``own_choice``; others have the quick loan only. A covered borrower (of the armed forces) has the service
    loan without fees. ``limit`` of a month's income is the firm's own limit. Who repays borrows again within 14 days
    with an intensity that follows need, other debts and fees, in the proportions ``BAND_RATES``; of the others a share
    ``leaves`` does not come back, the rest after a pause of ``pause`` days on average beyond those 14.

    The harms, each nought (ratios 1) in the fair twin:

    * ``service_insured``: covered borrowers are sold insurance too, ``service_premium`` of the amount, which lifts
      loans of two weeks just above the cap of 36 % a year on what they pay;
    * ``understated_share`` of loans through brokers disclose a rate that is ``understated_points`` too low;
    * ``packing``: how many times as often those of low income are sold insurance as others;
    * ``steered``: the further chance that young customers are led to the quick loan though eligible for the plain one;
    * ``fee_effect``: logarithm of the ratio of hazards of borrowing again after fees twice as high;
    * ``beyond_first`` of loans exceed the firm's own limit in the first quarter, ``beyond_growth`` more in each later;
    * ``push_adds`` dollars that a push shown adds to what is drawn on top, ``vulnerable`` times that for low incomes;
    * ``preticked_share`` of loans in the app before ``preticked_days`` were agreed by a box ticked beforehand;
    * ``dear_tariff``: how many times as often the young and those of low income get the highest fees.
    """

    days: int = 548
    warm_up: int = 150
    young_share: float = 0.25
    low_income_share: float = 0.3
    covered_share: float = 0.05
    limit: float = 0.2
    own_choice: float = 0.15
    insured: float = 0.15
    premium: float = 0.03
    service_premium: float = 0.005
    again: float = -0.1
    need_slope: float = 0.2
    debt_slope: float = 0.15
    pause: float = 90.0
    leaves: float = 0.5
    rolled: tuple[float, float, float] = (0.92, 0.06, 0.02)
    holdout: float = 0.2
    inclined: float = 0.35
    keen: float = 0.4
    slow: float = 0.08
    aimed: float = 0.85
    spread: float = 0.4
    drawn: tuple[float, float] = (100.0, 300.0)

    service_insured: bool = True
    understated_share: float = 0.05
    understated_points: float = 0.75
    packing: float = 1.8
    steered: float = 0.2
    fee_effect: float = 0.3
    beyond_first: float = 0.02
    beyond_growth: float = 0.02
    push_adds: float = 10.0
    vulnerable: float = 3.0
    preticked_share: float = 0.1
    preticked_days: int = 120
    dear_tariff: float = 2.0

    name: ClassVar[str] = "quickcash-loans"
    first_day: ClassVar[str] = "2025-04-01"
    last_day: ClassVar[str] = "2026-09-30"

    def fair(self) -> Self:
        """The same lender without any harm."""
        return replace(
            self, service_insured=False, understated_share=0.0, packing=1.0, steered=0.0, fee_effect=0.0,
            beyond_first=0.0, beyond_growth=0.0, push_adds=0.0, preticked_share=0.0, dear_tariff=1.0,
        )  # fmt: skip

    def draw(self, borrowers: int, seed: int) -> Columns:
        """Loans opened on the days seen, in order, as columns; one that has not ended by the last day has no end."""
        rng = np.random.default_rng(seed)
        people = self._people(rng, borrowers)
        parts: list[Columns] = []
        who, opened = np.arange(borrowers), rng.integers(-self.warm_up, self.days, borrowers)
        while len(who):
            loans = self._loans(rng, {name: values[who] for name, values in people.items()}, opened)
            gap = self._gaps(rng, loans)
            seen = opened >= 0
            parts.append({name: values[seen] for name, values in {**loans, "borrower": who}.items()})
            opened = opened + loans["hidden_length"] + gap
            left = opened < self.days
            who, opened = who[left], opened[left]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.lexsort((columns["borrower"], columns["hidden_opened"]))
        columns = {name: values[order] for name, values in columns.items()}
        return {"loan": np.arange(len(order)), **columns, **self._pushes(rng, columns)}

    def tariffs(self, marked: NDArray[np.bool_]) -> Floats:
        """(…, tariffs) The chance of each tariff, for those whom the dear one is kept for and for others."""
        plain = np.array(TARIFF_SHARES)
        dear = plain[-1] * self.dear_tariff
        tilted = np.append(plain[:-1] * (1 - dear) / (1 - plain[-1]), dear)
        return np.where(np.asarray(marked)[..., None], tilted, plain)

    def quick_chance(self, columns: Columns) -> Floats:
        """The chance of the quick loan by the law: of each loan, its score, age and cover."""
        own = self.own_choice + (1 - self.own_choice) * self.steered * (columns["age"] < 25)
        chance = np.where(columns["score"] >= PLAIN_FROM, own, 1.0)
        return np.asarray(np.where(columns["covered"], 0.0, chance))

    def intensity(self, columns: Columns) -> Floats:
        """The intensity of borrowing again within 14 days: 1 − exp(−it) is the chance, by the law."""
        need = (columns["amount"] / columns["income"] - 0.15) / 0.05
        debt = (columns["debt_service"] / columns["income"] - 0.075) / 0.05
        fees = np.where(columns["fees"] > 0, columns["fees"] / columns["amount"], TARIFFS[0])
        log = self.again + self.need_slope * need + self.debt_slope * debt + self.fee_effect * np.log2(fees / 0.04)
        return np.asarray(sum(BAND_RATES) * np.exp(log))

    def insured_chance(self, columns: Columns) -> Floats:
        """The chance that insurance is sold, by the law."""
        low = columns["income_band"] == LOW
        chance = self.insured * np.where(low, self.packing, 1.0)
        return np.asarray(chance * (~columns["covered"] | self.service_insured))

    def beyond_chance(self, opened: Whole) -> Floats:
        """The chance that credit exceeds the firm's own limit, by the quarter of the day (from the first one on)."""
        return np.asarray(self.beyond_first + self.beyond_growth * self.quarter(opened))

    def quarter(self, opened: Whole) -> Whole:
        """Quarters since the first, nought before it."""
        months = (np.datetime64(self.first_day) + np.maximum(opened, 0)).astype("datetime64[M]").astype(np.int64)
        return np.asarray((months - np.datetime64(self.first_day, "M").astype(np.int64)) // 3)

    def push_worth(self, columns: Columns) -> Floats:
        """Dollars that a push adds where it is shown."""
        return np.asarray(self.push_adds * np.where(columns["income_band"] == LOW, self.vulnerable, 1.0))

    def shown_chance(self) -> float:
        """The chance that a push is shown after a loan of a borrower who is not held out."""
        return self.inclined * self.aimed + (1 - self.inclined) * self.spread

    def _people(self, rng: np.random.Generator, borrowers: int) -> Columns:
        young = rng.random(borrowers) < self.young_share
        low = rng.random(borrowers) < self.low_income_share
        income = 10 * np.where(low, rng.integers(120, 200, borrowers), rng.integers(200, 500, borrowers))
        debt = rng.choice(DEBTS, borrowers)
        return {
            "age": np.where(young, rng.integers(18, 25, borrowers), rng.integers(25, 75, borrowers)),
            "score": rng.choice(SCORES, borrowers), "income": income,
            "income_band": np.where(low, LOW, "other"), "debt_service": np.round(debt * income, 2),
            "affordability": np.where(debt > 0.075, "tight", "easy"),
            "covered": rng.random(borrowers) < self.covered_share,
            "held_out": rng.random(borrowers) < self.holdout,
            "policy_limit": 10 * np.round(self.limit * income / 10),
        }  # fmt: skip

    def _loans(self, rng: np.random.Generator, people: Columns, opened: Whole) -> Columns:
        """The next loan of each: its terms, what it is sold with, how long it runs."""
        n, limit = len(opened), people["policy_limit"]
        share = np.where(rng.random(n) < self.beyond_chance(opened), OVERSHOOT, rng.choice(FRACTIONS, n))
        amount, term = 10 * np.ceil(share * limit / 10 - 1e-9), rng.choice(TERMS, n)
        quick = rng.random(n) < self.quick_chance(people)
        kind = np.where(people["covered"], 0, np.where(quick, 2, 1))
        marked = (people["age"] < 25) | (people["income_band"] == LOW)
        tariff = (rng.random(n)[:, None] > np.cumsum(self.tariffs(marked), axis=1)[:, :-1]).sum(axis=1)
        spread = rng.uniform(1 - TARIFF_SPREAD, 1 + TARIFF_SPREAD, n)
        fees = np.round(np.where(people["covered"], 0.0, np.array(TARIFFS)[tariff] * spread) * amount, 2)
        rate = np.array(RATES)[kind]
        instalment = np.round(amount * (1 + rate / 100 * term / 365), 2)
        with_insurance = rng.random(n) < self.insured_chance(people)
        premium = np.where(people["covered"], self.service_premium, self.premium)
        insurance = np.round(np.where(with_insurance, premium * amount, 0.0), 2)
        channel = rng.choice(len(CHANNELS), n, p=CHANNEL_SHARES)
        low = (rng.random(n) < self.understated_share) & (channel == CHANNELS.index("broker"))
        apr = 100 * (instalment / (amount - fees) - 1) * 365 / term
        rollovers = rng.choice(3, n, p=self.rolled)
        ticked = (rng.random(n) < self.preticked_share) & (channel == 0) & (opened < self.preticked_days)
        length = term * (1 + rollovers)
        day = np.datetime64(self.first_day)
        repaid = (day + opened + length).astype("datetime64[us]")
        repaid[opened + length >= self.days] = np.datetime64("NaT")
        return {
            "opened_at": (day + opened).astype("datetime64[us]"), "repaid_at": repaid,
            "product": np.array(PRODUCTS)[kind], "channel": np.array(CHANNELS)[channel], "amount": amount,
            "fees": fees, "insurance": insurance, "term_days": term, "instalment": instalment, "rate": rate,
            "disclosed_apr": np.round(apr, 2) - np.where(low, self.understated_points, 0.0),
            "cost_sheet": np.round(instalment + fees + insurance - amount, 2), "rollovers": rollovers, **people,
            "assessed": np.ones(n, dtype=bool), "preticked": ticked, "solicited": np.ones(n, dtype=bool),
            "hidden_opened": opened, "hidden_length": length, "hidden_understated": low,
            "hidden_spread": spread,
        }  # fmt: skip

    def _gaps(self, rng: np.random.Generator, loans: Columns) -> Whole:
        """Days from a loan's end to the next: by the bands of the law, else a pause beyond them."""
        parts = self.intensity(loans)[:, None] * np.array(BAND_RATES) / sum(BAND_RATES)
        comes = rng.random(parts.shape) < -np.expm1(-parts)
        band = np.argmax(comes, axis=1)
        begins = np.array([0, *(end + 1 for end in BAND_ENDS[:-1])])
        widths = np.array(BAND_ENDS) - begins + 1
        soon = begins[band] + np.floor(rng.random(len(parts)) * widths[band]).astype(np.int64)
        later = BAND_ENDS[-1] + rng.geometric(1 / self.pause, len(parts))
        later = np.where(rng.random(len(parts)) < self.leaves, self.days, later)
        return np.asarray(np.where(comes.any(axis=1), soon, later))

    def _pushes(self, rng: np.random.Generator, columns: Columns) -> Columns:
        """After each loan a push to draw more may be shown, above all to those who would draw anyway."""
        n = len(columns["amount"])
        inclined = rng.random(n) < self.inclined
        shown = (rng.random(n) < np.where(inclined, self.aimed, self.spread)) & ~columns["held_out"]
        more = self.push_worth(columns) / np.mean(self.drawn)
        chance = np.where(inclined, self.keen, self.slow) + shown * more
        drawn = np.where(rng.random(n) < chance, rng.choice(self.drawn, n), 0.0)
        return {"pushed": shown, "drawn_on_top": drawn}

    def contract(self) -> dict[str, Any]:
        """The contract block of a program that audits the file."""
        return {
            "unit": "loan", "entity": "borrower", "time": "opened_at", "score": "score",
            "rate": {"column": "rate", "unit": "percent"},
            "groups": {
                "age": {"column": "age", "bands": [25], "reference": "25+"},
                "income": {"column": "income_band", "reference": "other"},
                "score band": {"column": "score", "bands": [600], "reference": "600+"},
            },
            "strata": ["affordability"],
            "loan": {
                "amount": "amount", "fees": "fees", "instalment": "instalment", "term_days": "term_days",
                "insurance": "insurance", "disclosed_apr": "disclosed_apr", "cost_sheet": "cost_sheet",
                "income": "income", "debt_service": "debt_service", "policy_limit": "policy_limit",
                "assessment": "assessed", "covered_borrower": "covered", "rollovers": "rollovers",
                "originated_at": "opened_at", "repaid_at": "repaid_at", "currency": "USD", "apr_unit": "percent",
                "income_period": "month",
            },
            "terms": {
                "product": "product", "channel": "channel", "preticked": "preticked", "solicited": "solicited",
                "pushed": "pushed", "holdout": "held_out", "borrowed": "drawn_on_top",
            },
            "product_rules": RULES_FILE,
            "columns": {"repaid_at": {"null_tolerance": 0.1}},  # loans that still run
        }  # fmt: skip

    def beside(self) -> dict[str, Any]:
        """Content of the file of product rules, by its name."""
        rates = dict(zip(PRODUCTS, RATES, strict=True))
        return {RULES_FILE: {
            "unit": "percent",
            "products": {
                SERVICE: {"eligible": {"covered_borrower": [True]}, "rate": rates[SERVICE]},
                PLAIN: {"eligible": {"covered_borrower": [False], "score": {"from": PLAIN_FROM}}, "rate": rates[PLAIN]},
                QUICK: {"eligible": {"covered_borrower": [False]}, "rate": rates[QUICK]},
            },
            "cells": {name: list(edges) for name, edges in CELLS.items()},
        }}  # fmt: skip
