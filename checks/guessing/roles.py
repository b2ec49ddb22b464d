"""From a profile to guesses: which column may play which role, how sure and why.

Each role takes the column that its name and values fit best; what several columns fit almost as well is given as
doubtful. What a role needs beside it (an amount a term, a device visits) is looked at once all columns are placed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checks.guessing.called import fit, group_named, is_key
from checks.guessing.details import details
from checks.guessing.guess import DOUBTFUL, LIKELY, SURE, Guess
from checks.guessing.inputs import model_inputs
from checks.guessing.names import words
from checks.guessing.profile import Column, Profile
from checks.guessing.vocabulary import CALLED, NO_TIMES, TIMES
from checks.personal_kinds import looks_personal

_STAGES = ("reach", "start", "identity", "submit", "price")
_LEAST_STAGES = 3
_GEOGRAPHY = "region"
_UNIQUE = "in the rows looked at no value is missing and none occurs twice"


@dataclass(slots=True)
class Placed:
    """Guesses so far, by role, with the words of each column."""

    profile: Profile
    said: Mapping[str, tuple[str, ...]]
    best: dict[str, Guess] = field(default_factory=dict)
    doubts: list[Guess] = field(default_factory=list)

    def taken(self) -> set[str]:
        """Columns that play a role, or may."""
        return {guess.column for guess in (*self.best.values(), *self.doubts)}

    def column_of(self, role: str) -> Column | None:
        """The column that fills a role."""
        guess = self.best.get(role)
        return self.profile.column(guess.column) if guess and guess.filled else None

    def doubt(self, role: str, why: str) -> None:
        """Make a guess doubtful."""
        if role in self.best:
            self.best[role] = replace(self.best[role], sure=DOUBTFUL, why=f"{self.best[role].why}; {why}")


def guess_roles(profile: Profile) -> tuple[Guess, ...]:
    """All guesses, those of a role beside one another."""
    profile = replace(profile, columns=tuple(one for one in profile.columns if not looks_personal(one.name)))
    placed = Placed(profile, {column.name: words(column.name) for column in profile.columns})
    _by_name(placed)
    _keys(placed)
    _time(placed)
    _groups(placed)
    _together(placed)
    inputs = list(model_inputs(placed))
    every = (*placed.best.values(), *inputs, *placed.doubts)
    return tuple(_kept(details(guess, profile, placed.said[guess.column])) for guess in every)


def _kept(guess: Guess) -> Guess:
    """A group whose reference cannot be guessed is doubtful."""
    lacks = guess.role.startswith("groups.") and "reference" not in guess.more
    return replace(guess, sure=DOUBTFUL) if lacks else guess


def _by_name(placed: Placed) -> None:
    """Each column to the role that it fits best, each role the best of its columns."""
    claims: dict[str, list[tuple[float, str, Column]]] = {}
    for column in placed.profile.columns:
        said = placed.said[column.name]
        fits = [(*found, role) for role in CALLED if (found := fit(role, column, said))]
        group = group_named(said)
        if not fits:
            continue
        score, sure, role = max(fits, key=lambda one: one[0])
        score -= 0.1 if role == "decision" and "denied" in said else 0.0
        if group and group[1] > score:
            continue
        if sure != DOUBTFUL or role in ("decision", "outcome", "price", "rate", "entity"):
            claims.setdefault(role, []).append((score, sure, column))
        else:
            placed.doubts.append(Guess(role, column.name, DOUBTFUL, _why(role, sure)))
    for role, claimed in claims.items():
        claimed.sort(key=lambda one: -one[0])
        for i, (_, sure, column) in enumerate(claimed):
            guess = Guess(role, column.name, sure, _why(role, sure))
            if role == "strata" and sure != DOUBTFUL:
                placed.best[f"strata.{column.name}"] = guess
            elif i == 0:
                placed.best[role] = guess
            else:
                placed.doubts.append(replace(guess, sure=DOUBTFUL, why=f"another column fits '{role}' better"))


def _why(role: str, sure: str) -> str:
    told = {SURE: "name and values fit", LIKELY: "the name says so among other words, and the values fit"}
    return told.get(sure, "a part of the name says so")


def _keys(placed: Placed) -> None:
    """The unit: the first unique key; a person's number that never repeats is one too."""
    keys = [
        column for column in placed.profile.columns
        if column.unique and column.rows > 1 and column.name not in placed.taken()
        and (column.kind == "text" or (column.kind == "number" and column.whole))
    ]  # fmt: skip
    named = [column for column in keys if is_key(column, placed.said[column.name])]
    persons = [column for column in keys if set(placed.said[column.name]) & {*CALLED["entity"]}]
    own = [column for column in named if column not in persons]
    if chosen := (own or named or persons):
        sure = SURE if own else LIKELY
        placed.best["unit"] = Guess("unit", chosen[0].name, sure, _UNIQUE)
    elif keys:
        first = keys[0] is placed.profile.columns[0] or len(keys) == 1
        placed.best["unit"] = Guess(
            "unit", keys[0].name, LIKELY if first and placed.profile.rows > 50 else DOUBTFUL,
            _UNIQUE,
        )  # fmt: skip


def _time(placed: Placed) -> None:
    times = [column for column in placed.profile.columns if column.kind == "time" and column.missing < column.rows]
    times = [column for column in times if column.name not in placed.taken()]
    able = [column for column in times if not NO_TIMES & set(placed.said[column.name])]
    if not able:
        placed.doubts += [
            Guess("time", one.name, DOUBTFUL, "a time, perhaps not that of the decision") for one in times
        ]
        return
    ranked = sorted(able, key=lambda one: _time_rank(placed.said[one.name]))
    sure = SURE if len(able) == 1 else LIKELY
    placed.best["time"] = Guess("time", ranked[0].name, sure, "a time whose name fits that of a decision best")
    placed.doubts += [Guess("time", one.name, DOUBTFUL, "another time") for one in ranked[1:]]


def _time_rank(said: Sequence[str]) -> int:
    return min((i for i, word in enumerate(TIMES) if word in said), default=len(TIMES))


def _groups(placed: Placed) -> None:
    seen: set[str] = set()
    for column in placed.profile.columns:
        found = group_named(placed.said[column.name])
        if found is None or column.personal or column.name in placed.taken():
            continue
        name, _, sure = found
        aged = name == "age" and column.kind == "number" and not column.binary
        if aged and not (column.high is not None and 14 <= (column.middle or 0) <= 100):
            continue
        if not aged and not 1 < len(column.values) <= 40:
            continue
        unclear = sure == DOUBTFUL or (name == _GEOGRAPHY and len(column.values) > 20)
        role = f"groups.{column.name if name in seen or not aged else name}"
        seen.add(name)
        why = f"the name speaks of {name}" if name != "group" else "the name speaks of groups of persons"
        guess = Guess(role, column.name, DOUBTFUL if unclear else sure, why, {"attribute": name})
        if unclear:
            placed.doubts.append(guess)
        else:
            placed.best[role] = guess


def _together(placed: Placed) -> None:
    """What needs, or rules out, another role."""
    best = placed.best
    _decision_kept(placed)
    price = best.get("price")
    if price and not price.filled and "decision" not in best and {"tenure", "cost", "new_customer_price"} & set(best):
        told = "a part of the name says so, and other columns speak of prices"
        best["price"] = replace(price, sure=LIKELY, why=told)
    pricing = "price" in best and best["price"].filled and bool({"tenure", "cost", "realised_cost"} & set(best))
    if "decision" in best and best["decision"].filled and not pricing:
        placed.doubt("price", "beside a decision a price may be that of what is bought")
    _loan(placed)
    _funnel(placed)
    lending = "decision" in best and best["decision"].filled
    if pricing and not lending:
        for role in [role for role, guess in best.items() if guess.more.get("attribute") == _GEOGRAPHY]:
            placed.doubt(role, "in prices a place is mostly a feature")
    for role in ("terms.product", "terms.channel"):
        _stratum(placed, role, pricing)
    if not pricing:
        for role in ("cost", "realised_cost", "market_price", "new_customer_price", "prior_price", "tenure"):
            placed.doubt(role, "there is no price beside it")
    if "behaviour.visits" in best and "behaviour.device" not in best:
        placed.doubt("behaviour.visits", "it may as well be a feature")
    if "behaviour.device" in best and not pricing:
        placed.doubt("behaviour.device", "there is no price beside it")
    if {"terms.pushed", "terms.borrowed"} - set(best):
        for role in ("terms.pushed", "terms.holdout", "terms.borrowed"):
            placed.doubt(role, "of offers and what was borrowed only one is there")
    _thin_file(placed)
    _lone_group(placed)


def _decision_kept(placed: Placed) -> None:
    """A word such as status or result alone is a decision only if its values say so; repaid loans are an outcome."""
    for role in ("decision", "outcome"):
        guess = placed.best.get(role)
        if guess and guess.sure == DOUBTFUL and not any(one.role == role and one.filled for one in placed.doubts):
            values = placed.profile.column(guess.column)
            if values.kind == "text" and not values.binary:
                continue
            placed.doubt(role, "look at its values")


def _loan(placed: Placed) -> None:
    loan = [role for role in placed.best if role.startswith("loan.")]
    whole = {"loan.amount", "loan.term_months"} <= set(loan)
    if not whole:
        for role in loan:
            del placed.best[role]
    elif "loan.income" in placed.best and "decision" in placed.best:
        placed.doubt("loan.income", "by the year or by the month: say which with income_period")


def _funnel(placed: Placed) -> None:
    stages = [role for stage in _STAGES if (role := f"funnel.{stage}") in placed.best]
    decided = "decision" in placed.best
    if len(stages) + decided >= _LEAST_STAGES and "funnel.start" in stages:
        if network := placed.best.get("funnel.network"):
            placed.best["strata.network"] = replace(network, role="strata")
        return
    for role in [*stages, "funnel.network"]:
        guess = placed.best.pop(role, None)
        if guess and role == "funnel.network":
            placed.best["strata.network"] = replace(guess, role="strata", sure=LIKELY)


def _stratum(placed: Placed, role: str, pricing: bool) -> None:
    guess = placed.best.get(role)
    if guess is None:
        return
    loan = "loan.amount" in placed.best
    decided = "decision" in placed.best and placed.best["decision"].filled
    why = "like is customarily compared with like within it"
    if pricing or (decided and not loan):
        placed.best[f"strata.{guess.column}"] = replace(guess, role="strata", sure=min_sure(guess.sure), why=why)
    elif not pricing:
        placed.doubts.append(replace(guess, role="strata", sure=DOUBTFUL, why=why))
    if decided and not loan and not pricing and "funnel.start" not in placed.best:
        del placed.best[role]


def min_sure(sure: str) -> str:
    """No more than likely."""
    return LIKELY if sure == SURE else sure


def _thin_file(placed: Placed) -> None:
    filled = placed.best.get("thin_file.filled_decision")
    if filled is None:
        return
    gaps = [
        column for column in placed.profile.columns
        if 0.03 < column.missing / max(1, column.rows) < 0.97 and column.name not in placed.taken()
    ]  # fmt: skip
    for column in gaps[:5]:
        placed.best[f"thin_file.missing.{column.name}"] = Guess(
            "thin_file.missing", column.name, LIKELY, "it is empty for many, and decisions with it filled in are there"
        )
    decision = placed.best.get("decision")
    if not gaps or decision is None or not decision.filled:
        placed.doubt("thin_file.filled_decision", "a decision, or a column that is empty for many, is not there")


def _lone_group(placed: Placed) -> None:
    """Beside a decision without groups: the one column whose name speaks of a group in part, or those of few labels."""
    active = [guess for guess in placed.best.values() if guess.role.startswith("groups.") and guess.filled]
    if active or "decision" not in placed.best or "thin_file.filled_decision" in placed.best:
        return
    partly = [guess for guess in placed.doubts if guess.role.startswith("groups.")]
    few = [guess for guess in partly if 1 < len(placed.profile.column(guess.column).values) <= 15]
    if len(few) == 1:  # no other column speaks of a group
        placed.doubts.remove(few[0])
        placed.best[few[0].role] = replace(few[0], sure=LIKELY)
        return
    why = "no column is called after a group; this one has few labels and no other role"
    placed.doubts += [
        Guess(f"groups.{column.name}", column.name, DOUBTFUL, why) for column in placed.profile.columns
        if column.kind == "text" and 1 < len(column.values) <= 15 and column.name not in placed.taken()
    ]  # fmt: skip


def roleless(profile: Profile, guesses: Sequence[Guess]) -> Iterator[Column]:
    """Columns that no guess names."""
    named = {guess.column for guess in guesses}
    return (column for column in profile.columns if column.name not in named)
