"""A bank on a phone and everyone in its market for a year, from those it never reached to those it lent to.

A row is a person. Every chance on the way is a method of the law, so that what is true of the bank can be worked out
without a draw (``mobile_bank_truth``). Each harm is a field of its own; ``fair`` is the twin without any.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audits.simulation.population import Floats

Columns = dict[str, NDArray[Any]]
HIDDEN = "hidden_"  # columns that the file does not show begin with it
AGES = ((18, 25), (25, 40), (40, 60), (60, 62), (62, 85))  # from, up to but not including
AGE_SHARES, ELDERLY = (0.14, 0.34, 0.30, 0.03, 0.19), 60
REGIONS, NETWORKS, POOR = ("city", "county"), ("good", "poor"), 1
DEVICES, NEW = ("new phone", "old phone", "no smartphone"), 0
INCOMES = (2_000, 4_000, 6_000, 9_000, 14_000, 24_000)  # edges of five classes, yuan a month
PRODUCTS, BUYING = ("cash loan", "credit line", "instalment purchase"), 2
CHANNELS, BRANCH = ("app", "web", "branch", "telephone"), 2  # from the branch on a person serves
WITHIN = 30  # days from the first one in which a stage counts
LOWEST_SCORE, CLASS_POINTS, CLASSES = 540, 40, 5  # scores of a class of risk with a data trail, and between classes


@dataclass(frozen=True, slots=True)
class MobileBank:
    """A bank in China over a year from ``first_day`` on. Shares are fractions, pairs are of (the younger, the elderly).

    A person is addressed on some day, may see it (stage reach), begin (start), prove who he is (identity), send the
    application (submit), be approved (decision) and take the loan (price). Those with a data trail are approved with
    chance ``approved_from`` + ``approved_by`` · class of risk, 0 to 4, and repay with chance ``repaid_from`` +
    ``repaid_by`` · class. ``funded_anyhow`` of the refused get their loan at random, so that their outcome is known.
    ``late`` of those who take the loan do so only after the span that counts. ``serving`` a customer by a person, or
    not, costs so many yuan, which the declared cost holds.

    Composition, which is nobody's harm but the elderly's: they live where the network is poor (``county``,
    ``poor_network``), have old phones or no smartphone (``devices``) and lower incomes; they also lack a data trail
    more often (``thin``), and are so much better risks (``risks``) that their approval rate equals that of others.

    The harms, each nought (ratios 1) in the fair twin:

    * ``elderly_start``, ``elderly_submit``: how much less often they begin, and send what nobody helps them with;
    * ``face_ratio``: how many times as often the face check fails them;
    * ``elderly_tried``, ``elderly_passed``: how much less often another way is offered to them, and works;
    * ``slower``: how many times as long they take;
    * ``poor_start``, ``poor_leave``, ``poor_submit``, ``old_phone``: what a poor network and an old phone cost anybody;
    * ``understated``: classes of risk by which scores underrate those without a data trail; ``thin_markup`` points of
      rate that they pay on top; ``thin_automatic`` of their refusals are seen by nobody;
    * ``assisted_price``: price at equal cost of those whom a person serves, over that of others; ``assisted_fee`` more
      fees, ``discount`` of digital customers get one and no others;
    * ``no_branch``: purchases in instalments cannot be had from a person, and their page is not accessible;
    * ``age_malus``: points of the score taken from the elderly for their age;
    * ``income_slope``: how much the chance to begin rises from one class of income to the next.
    """

    county: tuple[float, float] = (0.28, 0.62)
    poor_network: tuple[float, float] = (0.08, 0.6)
    devices: tuple[tuple[float, float, float], ...] = ((0.86, 0.12, 0.02), (0.55, 0.35, 0.10))
    incomes: tuple[tuple[float, ...], ...] = ((0.2, 0.2, 0.2, 0.2, 0.2), (0.3, 0.25, 0.2, 0.15, 0.1))
    thin: tuple[float, float] = (0.2, 0.45)
    helped: tuple[float, float] = (0.05, 0.25)
    seen: tuple[float, float, float] = (0.92, 0.84, 0.3)
    begun: float = 0.55
    face_failed: float = 0.08
    otp_failed: tuple[float, float] = (0.03, 0.07)
    tried: float = 0.75
    passed: float = 0.8
    sent: float = 0.88
    approved_from: float = 0.30
    approved_by: float = 0.15
    repaid_from: float = 0.77
    repaid_by: float = 0.05
    taken: float = 0.85
    late: float = 0.02
    funded_anyhow: float = 0.08
    automatic: float = 0.5
    minutes: float = 14.0
    channels: tuple[tuple[float, ...], ...] = ((0.62, 0.2, 0.12, 0.06), (0.38, 0.1, 0.38, 0.14))
    buying: float = 0.3
    serving: tuple[float, float] = (45.0, 15.0)
    fees: float = 0.01
    margin: float = 1.3

    elderly_start: float = 0.84
    elderly_submit: float = 0.84
    face_ratio: float = 2.5
    elderly_tried: float = 0.7
    elderly_passed: float = 0.7
    slower: float = 2.2
    poor_start: float = 0.85
    poor_leave: float = 0.08
    poor_submit: float = 0.88
    old_phone: float = 0.94
    understated: float = 1.0
    thin_markup: float = 1.0
    thin_automatic: float = 0.85
    assisted_price: float = 1.12
    assisted_fee: float = 0.02
    discount: float = 0.4
    no_branch: bool = True
    age_malus: int = 10
    income_slope: float = 0.15

    name: ClassVar[str] = "mobile-bank"
    first_day: ClassVar[str] = "2025-09-01"
    last_day: ClassVar[str] = "2026-08-31"

    def fair(self) -> Self:
        """The same bank, in the same market, without any harm."""
        return replace(
            self, elderly_start=1.0, elderly_submit=1.0, face_ratio=1.0, elderly_tried=1.0, elderly_passed=1.0,
            slower=1.0, poor_start=1.0, poor_leave=0.0, poor_submit=1.0, old_phone=1.0, seen=(self.seen[NEW],) * 3,
            otp_failed=(self.otp_failed[0],) * 2, understated=0.0, thin_markup=0.0, thin_automatic=self.automatic,
            assisted_price=1.0, assisted_fee=0.0, discount=0.0, no_branch=False, age_malus=0, income_slope=0.0,
        )  # fmt: skip

    def risks(self, elderly: ArrayLike) -> Floats:
        """(…, classes) The chance of each class of risk: the elderly's mean makes up for what their scores lose."""
        points = self.understated * (self.thin[1] - self.thin[0]) + self.age_malus / CLASS_POINTS
        younger = np.array([0.1, 0.2, 0.3, 0.25, 0.15])
        older = younger.copy()
        for worse, better, most in ((0, 4, 0.07), (1, 3, 0.16), (2, 3, 0.2)):  # moved up, until the mean is enough
            moved = min(most, max(points, 0.0) / (better - worse))
            older[worse] -= moved
            older[better] += moved
            points -= moved * (better - worse)
        return np.where(np.asarray(elderly)[..., None], older, younger)

    def reaches(self, at: Columns) -> Floats:
        """The chance to see what the bank sends."""
        return np.array(self.seen)[at["device"]]

    def starts(self, at: Columns) -> Floats:
        """Of those who saw it, the chance to begin."""
        income = 1 + self.income_slope * (at["income_class"] - 2)
        poor = np.where(at["network"] == POOR, self.poor_start, 1.0)
        return np.asarray(self.begun * income * poor * self._phone(at) * np.where(at["elderly"], self.elderly_start, 1))

    def fails_face(self, at: Columns) -> Floats:
        """Of those who began, the chance that the face check fails."""
        return np.asarray(self.face_failed * np.where(at["elderly"], self.face_ratio, 1.0))

    def fails_otp(self, at: Columns) -> Floats:
        """Of those who began, the chance that the code by text message fails, whatever the face check does."""
        return np.array(self.otp_failed)[at["network"]]

    def stays(self, at: Columns) -> Floats:
        """Of those whom no check fails, the chance not to leave."""
        return np.where(at["network"] == POOR, 1 - self.poor_leave, 1.0)

    def tries(self, at: Columns) -> Floats:
        """Of those whom a check failed, the chance to try another way."""
        return np.asarray(self.tried * np.where(at["elderly"], self.elderly_tried, 1.0))

    def recovers(self, at: Columns) -> Floats:
        """Of those who try another way, the chance that it works."""
        return np.asarray(self.passed * np.where(at["elderly"], self.elderly_passed, 1.0))

    def submits(self, at: Columns) -> Floats:
        """Of those who proved who they are, the chance to send the application."""
        alone = at["elderly"] & ~at["helped"]
        poor = np.where(at["network"] == POOR, self.poor_submit, 1.0)
        return np.asarray(self.sent * poor * self._phone(at) * np.where(alone, self.elderly_submit, 1.0))

    def score_class(self, at: Columns) -> Floats:
        """The class of risk that the score shows."""
        malus = np.where(at["elderly"], self.age_malus, 0) / CLASS_POINTS
        return np.asarray(at["risk"] - self.understated * at["thin"] - malus)

    def approves(self, score_class: Floats) -> Floats:
        """The chance to be approved at a score."""
        return np.asarray(self.approved_from + self.approved_by * score_class)

    def repays(self, risk: ArrayLike) -> Floats:
        """The chance to repay of a class of risk, which the score may not show."""
        return np.asarray(self.repaid_from + self.repaid_by * np.asarray(risk))

    def channel_chance(self, at: Columns) -> Floats:
        """(…, channels) The chance of each channel of those who apply."""
        by_age = np.array(self.channels)[at["elderly"].astype(int)]
        served = by_age * (np.arange(len(CHANNELS)) < BRANCH)
        online = served / served.sum(axis=-1, keepdims=True)
        return np.asarray(np.where((at["buying"] & self.no_branch)[..., None], online, by_age))

    def _phone(self, at: Columns) -> Floats:
        """What an old phone, and no smartphone, leave of a chance."""
        kept: Floats = np.array([1.0, self.old_phone, self.old_phone**3])
        return np.asarray(kept[at["device"]])

    def contract(self) -> dict[str, Any]:
        """The contract block of a program that audits the file."""
        seldom = (
            "reached_at", "started_at", "identity_at", "submitted_at", "taken_at", "decision", "filled_decision",
            "score", "channel", "amount", "fee", "rate", "price", "cost", "discount", "repaid", "shop_orders",
            "phone_months",
        )  # fmt: skip
        decision = {"favourable": ["approved"], "unfavourable": ["refused"]}
        return {
            "unit": "person", "time": "addressed_at", "decision": {"column": "decision", **decision}, "score": "score",
            "outcome": {"column": "repaid", "favourable": 1, "observed_when": "funded"},
            "rate": {"column": "rate", "unit": "percent"}, "price": {"column": "price", "currency": "CNY"},
            "cost": "cost",
            **self.shared_contract(),
            "funnel": {
                "stages": {
                    "reach": "reached_at", "start": "started_at", "identity": "identity_at", "submit": "submitted_at",
                    "decision": "decision", "price": "taken_at",
                },
                "failed": {"face": "face_failed", "otp": "otp_failed"}, "fallback": "other_way_tried",
                "within": f"{WITHIN} days", "device": "device", "network": "network", "assisted": "helped",
                "accessible": "accessible",
            },
            "thin_file": {
                "missing": ["shop_orders", "phone_months"], "filled_decision": "filled_decision",
                "automatic": "automatic",
            },
            "age_points": "age_points",
            "terms": {"product": "product", "channel": "channel", "incentive": "discount"},
            "channels": {"digital": list(CHANNELS[:BRANCH]), "assisted": list(CHANNELS[BRANCH:])},
            "loan": {
                "amount": "amount", "fees": "fee", "income": "income", "income_period": "month", "currency": "CNY",
            },
            "columns": {name: {"null_tolerance": 1} for name in seldom},
        }  # fmt: skip

    def shared_contract(self) -> dict[str, Any]:
        """What a contract on persons and one on the log of their events have in common."""
        return {
            "groups": {
                "age": {"column": "age", "bands": [25, 40, 60], "reference": "25-39", "driver": "capability"},
                "region": {"column": "region", "values": list(REGIONS), "reference": "city", "driver": "resilience"},
                "sex": {"column": "sex", "values": ["female", "male"], "reference": "male"},
            },
            "strata": ["network"], "age": "age",
        }  # fmt: skip
