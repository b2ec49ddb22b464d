"""Everyone in the market of the bank on a phone, drawn from its law: a row a person, or the same as a log of events."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.simulation.mobile_bank import (
    AGE_SHARES,
    AGES,
    BRANCH,
    BUYING,
    CHANNELS,
    CLASS_POINTS,
    DEVICES,
    ELDERLY,
    HIDDEN,
    INCOMES,
    LOWEST_SCORE,
    NETWORKS,
    PRODUCTS,
    REGIONS,
    WITHIN,
    Columns,
    MobileBank,
)
from audits.simulation.population import Floats

SECOND, NEVER = "timedelta64[s]", np.datetime64("NaT", "us")
DUPLICATES, SKEWED, LOST, SKEW = 0.01, 0.005, 0.003, 240  # shares of events; seconds at most that a clock is behind
LATEST = 45  # days before the last one from which on nobody is addressed any more
EVENTS = {
    "reached_at": "shown", "started_at": "opened", "identity_at": "verified", "submitted_at": "submitted",
    "approved_at": "approved", "taken_at": "accepted",
}  # fmt: skip
FAILURES = {"face_failed": "face_failed", "otp_failed": "otp_failed", "other_way_tried": "video_call"}
OPENED_HELP = "help_page"  # an event that is no stage


def draw(world: MobileBank, persons: int, seed: int) -> Columns:
    """A row a person: what is known of everyone, when each stage was passed, what was decided, priced and repaid."""
    rng = np.random.default_rng(seed)
    at = _people(world, rng, persons)
    at |= _way(world, rng, at)
    at |= _decided(world, rng, at)
    at |= _priced(world, rng, at)
    return {"person": np.arange(persons), **at}


def shown(columns: Columns) -> Columns:
    """The columns that the file shows, codes in words."""
    words = {"region": REGIONS, "network": NETWORKS, "device": DEVICES, "product": PRODUCTS}
    kept = {name: values for name, values in columns.items() if not name.startswith(HIDDEN) and name not in _WORKING}
    return {name: np.array(words[name])[values] if name in words else values for name, values in kept.items()}


def events(columns: Columns, seed: int) -> Columns:
    """The same people as a log: ``person``, ``event``, ``at``, and what is known of the person, sorted by time.

    A few events stand twice, a few clocks are behind, a few events before others were lost; a help page is no stage.
    """
    rng = np.random.default_rng([seed, 7])
    seen = shown(columns)
    taken = {name: columns[name] for name in EVENTS if name != "approved_at"}
    taken["approved_at"] = np.where(columns["decision"] == "approved", columns["hidden_decided_at"], NEVER)
    parts = [(what, taken[name]) for name, what in EVENTS.items()]
    check = columns["hidden_checked_at"]
    parts += [(what, np.where(columns[name], check, NEVER)) for name, what in FAILURES.items()]
    parts += [(OPENED_HELP, np.where(columns["helped"], columns["started_at"], NEVER))]
    person = np.concatenate([np.flatnonzero(~np.isnat(times)) for _, times in parts])
    name = np.concatenate([np.full(int((~np.isnat(times)).sum()), what) for what, times in parts])
    at = np.concatenate([times[~np.isnat(times)] for _, times in parts])
    lost = (rng.random(len(at)) < LOST) & (name == EVENTS["identity_at"]) & ~np.isnat(columns["submitted_at"])[person]
    behind = np.where(rng.random(len(at)) < SKEWED, rng.integers(1, SKEW, len(at)), 0)
    at = at - behind.astype(SECOND)
    twice = np.flatnonzero(~lost & (rng.random(len(at)) < DUPLICATES))
    rows = np.concatenate([np.flatnonzero(~lost), twice])
    rows = rows[np.lexsort((name[rows], person[rows], at[rows]))]
    kept = ("age", "region", "sex", "network", "device", "helped")
    return {
        "person": person[rows], "event": name[rows], "at": at[rows],
        **{column: seen[column][person[rows]] for column in kept},
    }  # fmt: skip


_WORKING = ("elderly", "income_class", "risk", "thin", "buying")  # what the law reads and the file does not show


def _people(world: MobileBank, rng: np.random.Generator, n: int) -> Columns:
    band = rng.choice(len(AGES), n, p=AGE_SHARES)
    low, high = np.array(AGES)[band].T
    age = rng.integers(low, high)
    elderly = age >= ELDERLY
    old = elderly.astype(int)
    county = rng.random(n) < np.array(world.county)[old]
    thin = rng.random(n) < np.array(world.thin)[old]
    income_class = _one_of(rng, np.array(world.incomes)[old])
    product = _one_of(rng, np.tile([(1 - world.buying) * 0.6, (1 - world.buying) * 0.4, world.buying], (n, 1)))
    income = rng.integers(np.array(INCOMES)[income_class], np.array(INCOMES)[income_class + 1])
    day = rng.integers(0, days(world) - LATEST - 1, n)
    second = rng.integers(8 * 3600, 20 * 3600, n)
    orders, months = rng.poisson(30, n) + 1.0, rng.integers(12, 180, n).astype(float)
    return {
        "addressed_at": (np.datetime64(world.first_day, "us") + (day * 86_400 + second).astype(SECOND)),
        "age": age, "elderly": elderly, "region": county.astype(int), "sex": rng.choice(["female", "male"], n),
        "network": (rng.random(n) < np.array(world.poor_network)[county.astype(int)]).astype(int),
        "device": _one_of(rng, np.array(world.devices)[old]), "income_class": income_class, "income": income,
        "helped": rng.random(n) < np.array(world.helped)[old], "thin": thin,
        "shop_orders": np.where(thin, np.nan, orders), "phone_months": np.where(thin, np.nan, months),
        "risk": _one_of(rng, world.risks(elderly)), "product": product, "buying": product == BUYING,
        "accessible": (product != BUYING) | (not world.no_branch),
    }  # fmt: skip


def days(world: MobileBank) -> int:
    """Days of the year seen."""
    return int((np.datetime64(world.last_day) - np.datetime64(world.first_day)).astype(int)) + 1


def _way(world: MobileBank, rng: np.random.Generator, at: Columns) -> Columns:
    """The stages up to the application, with their times; the last day lies beyond all of them."""
    n = len(at["age"])

    def happens(chance: Floats) -> NDArray[np.bool_]:
        return np.asarray(rng.random(n) < chance)

    reached = happens(world.reaches(at))
    started = reached & happens(world.starts(at))
    face, otp = started & happens(world.fails_face(at)), started & happens(world.fails_otp(at))
    tried = (face | otp) & happens(world.tries(at))
    passed = np.where(face | otp, tried & happens(world.recovers(at)), happens(world.stays(at)))
    identity = started & passed
    submitted = identity & happens(world.submits(at))
    reached_at = at["addressed_at"] + _seconds(rng.exponential(6 * 3600, n))
    started_at = reached_at + _seconds(60 + rng.exponential(12 * 3600, n))
    spread = rng.lognormal(-0.18, 0.6, n)  # of mean one
    took = 60 * world.minutes * np.where(at["elderly"], world.slower, 1.0) * spread
    identity_at, submitted_at = started_at + _seconds(0.4 * took), started_at + _seconds(took)

    def at_last(done: NDArray[np.bool_], when: NDArray[Any]) -> NDArray[Any]:
        return np.where(done, when, NEVER)

    return {
        "reached_at": at_last(reached, reached_at), "started_at": at_last(started, started_at),
        "face_failed": face, "otp_failed": otp, "other_way_tried": tried,
        "identity_at": at_last(identity, identity_at), "submitted_at": at_last(submitted, submitted_at),
        "hidden_checked_at": started_at + _seconds(0.3 * took),
    }  # fmt: skip


def _decided(world: MobileBank, rng: np.random.Generator, at: Columns) -> Columns:
    """Score, decision, what the model says once a thin file is filled in, and what became of funded loans."""
    n, submitted = len(at["age"]), ~np.isnat(at["submitted_at"])
    luck, score_class = rng.random(n), world.score_class(at)
    filled_class = score_class + world.understated * at["thin"]
    approved = submitted & (luck < world.approves(score_class))
    filled = submitted & (luck < world.approves(filled_class))
    refused = submitted & ~approved
    unseen = np.where(at["thin"], world.thin_automatic, world.automatic)
    decided_at = at["submitted_at"] + _seconds(30 + rng.exponential(240, n))
    taken = approved & (rng.random(n) < world.taken)
    late = rng.random(n) < world.late
    wait = np.where(late, 86_400 * rng.uniform(WITHIN + 1, LATEST - 3, n), 60 + rng.exponential(3 * 3600, n))
    taken_at = decided_at + _seconds(wait)
    funded = taken | (refused & (rng.random(n) < world.funded_anyhow))
    return {
        "hidden_decided_at": decided_at, "taken_at": np.where(taken, taken_at, NEVER),
        "score": np.where(submitted, LOWEST_SCORE + CLASS_POINTS * score_class, np.nan),
        "age_points": np.where(at["elderly"], -world.age_malus, 0), "funded": funded,
        "decision": _decision(submitted, approved), "filled_decision": _decision(submitted, filled),
        "automatic": refused & (rng.random(n) < unseen),
        "repaid": np.where(funded, (rng.random(n) < world.repays(at["risk"])).astype(float), np.nan),
    }  # fmt: skip


def _priced(world: MobileBank, rng: np.random.Generator, at: Columns) -> Columns:
    """Channel of whoever applies; amount, rate, fee and price of whoever is approved or funded. Money in yuan."""
    n, offered = len(at["age"]), (at["decision"] == "approved") | at["funded"]
    channel = _one_of(rng, world.channel_chance(at))
    assisted = channel >= BRANCH
    amount = amounts(at["income_class"]) * rng.choice(SPREAD, n)
    serving = np.where(assisted, *world.serving)
    cost = np.round(serving + 0.03 * amount + 0.2 * amount * (1 - world.repays(at["risk"])), 2)
    price = cost * world.margin * np.where(assisted, world.assisted_price, 1.0) * rng.lognormal(-0.005, 0.1, n)
    rate = 21 - 1.5 * world.score_class(at) + world.thin_markup * at["thin"] + rng.choice([-0.5, 0, 0.5], n)
    fees = (world.fees + world.assisted_fee * assisted) * rng.choice([0.5, 1.0, 1.5], n) * amount
    discount = np.where(~assisted & (rng.random(n) < world.discount), 30.0, 0.0)
    numbers = {"amount": amount, "cost": cost, "price": np.round(price, 2), "rate": np.round(rate, 3),
               "fee": np.round(fees, 2), "discount": discount}  # fmt: skip
    return {
        "channel": _words(np.array(CHANNELS)[channel], ~np.isnat(at["submitted_at"])),
        **{name: np.where(offered, values, np.nan) for name, values in numbers.items()},
    }  # fmt: skip


SPREAD = (0.5, 1.0, 1.5)


def amounts(income_class: NDArray[Any]) -> Floats:
    """The middle amount that a class of income is lent."""
    return np.asarray(np.array([4_000.0, 6_000, 8_000, 12_000, 20_000])[income_class])


def _decision(submitted: NDArray[np.bool_], approved: NDArray[np.bool_]) -> NDArray[Any]:
    return _words(np.where(approved, "approved", "refused"), submitted)


def _words(texts: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """Texts, and None where they are not known."""
    words = texts.astype(object)
    words[~known] = None
    return words


def _one_of(rng: np.random.Generator, chances: Floats) -> NDArray[np.int64]:
    """(n,) A column of ``chances`` (n, kinds), drawn by them."""
    ends = np.cumsum(chances, axis=1)[:, :-1]
    return np.asarray((rng.random(len(chances))[:, None] > ends).sum(axis=1), dtype=np.int64)


def _seconds(values: Floats) -> NDArray[Any]:
    return np.asarray(values, dtype=np.int64).astype(SECOND)
