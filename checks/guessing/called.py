"""How well a column's name and values fit what columns of a role are called and hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checks.guessing.guess import DOUBTFUL, LIKELY, SURE
from checks.guessing.profile import Column
from checks.guessing.sides import decision_sides, outcome_sides
from checks.guessing.vocabulary import BAD_NAMES, CALLED, FILLERS, GROUPS, KEYS

MONEY = (
    "price", "cost", "realised_cost", "market_price", "new_customer_price", "prior_price", "loan.amount", "loan.fees",
    "loan.instalment", "loan.income", "loan.insurance", "loan.debt_service", "loan.credit_limit",
)  # fmt: skip
_FLAGS = ("terms.personalised", "terms.disclosed", "terms.pushed", "terms.holdout")
_LABELLED = ("terms.product", "terms.channel", "terms.payment_method", "behaviour.device", "strata", "funnel.network")


def fit(role: str, column: Column, words: Sequence[str]) -> tuple[float, str] | None:
    """How well (0 to 1, and in words) a column fits a role of ``CALLED``; None where it does not."""
    if column.missing == column.rows or not holds(role, column, words):
        return None
    return named(CALLED[role], words)


def named(alternatives: Sequence[str], words: Sequence[str]) -> tuple[float, str] | None:
    """How much of a name the best of some alternatives accounts for."""
    have, best = set(words), (0.0, DOUBTFUL)
    if not have:
        return None
    for alternative in alternatives:
        asked = set(alternative.split())
        if not asked <= have:
            continue
        rest = have - asked
        foreign = rest - FILLERS
        score = len(asked) * 0.5 + 1.0 - 0.05 * len(rest) - 0.6 * len(foreign)
        sure = SURE if not rest else LIKELY if not foreign else DOUBTFUL
        best = max(best, (score, sure), key=lambda one: one[0])
    return best if best[0] > 0 else None


def group_named(words: Sequence[str]) -> tuple[str, float, str] | None:
    """The protected attribute that a name speaks of, with how well."""
    found = [(name, *fits) for name, called in GROUPS.items() if (fits := named(called, words))]
    return max(found, key=lambda one: one[1]) if found else None


def is_key(column: Column, words: Sequence[str]) -> bool:
    """A number or text that names rows or persons rather than measures them."""
    many = column.distinct > 40 or column.unique
    return (
        many
        and column.kind in ("number", "text")
        and (column.kind == "text" or column.whole)
        and bool(KEYS & set(words))
    )


def holds(role: str, column: Column, words: Sequence[str]) -> bool:
    """Whether the values can be those of the role."""
    if column.personal and role not in ("entity",):
        return False
    if role in MONEY:
        return _amounts(column, words)
    if role in _FLAGS or (role.startswith("funnel.") and role != "funnel.network"):
        return _flag(column)
    if role in _LABELLED:
        return (
            column.kind in ("text", "number", "boolean")
            and 1 < column.distinct <= 40
            and (column.kind == "text" or column.distinct <= 12)
        )
    test = _TESTS.get(role)
    return test is None or test(column, words)


def _flag(column: Column) -> bool:
    labels = {label.casefold() for label in column.labels}
    return column.kind == "time" or (
        0 < len(labels) <= 2 and labels <= {"0", "1", "true", "false", "yes", "no", "y", "n", "是", "否", "t", "f"}
    )


def _amounts(column: Column, words: Sequence[str]) -> bool:
    few = column.distinct <= 2 and (column.high or 0) <= 1
    return column.kind == "number" and not few and (column.low or 0) >= 0 and not {"id", "date"} & set(words)


def _rate(column: Column, words: Sequence[str]) -> bool:
    """A price of credit: not an amount, not a ratio of something else."""
    if column.kind != "number" or column.middle is None or {"claims", "approved", "ratio", "loss"} & set(words):
        return False
    return column.distinct > 2 and column.low is not None and column.low >= -5 and column.middle <= 60


def _outcome(column: Column, words: Sequence[str]) -> bool:
    """Two sides; a name that only speaks of a status needs values that say them."""
    flag = {label.casefold() for label in column.labels} <= {"0", "1", "true", "false", "y", "n"}
    if flag and "status" in words and not (BAD_NAMES | {"repaid", "paid"}) & set(words):
        return False
    return outcome_sides(column, words) is not None


def _decision(column: Column, words: Sequence[str]) -> bool:
    return decision_sides(column, words) is not None


def _term(column: Column, words: Sequence[str]) -> bool:
    return column.kind == "number" and column.whole and (column.low or 0) > 0 and 3 <= (column.high or 0) <= 600


def _span(column: Column, words: Sequence[str]) -> bool:
    return column.kind == "number" and column.distinct > 2 and (column.low or 0) >= 0 and (column.high or 0) <= 40_000


def _counted(column: Column, words: Sequence[str]) -> bool:
    return column.kind == "number" and column.whole and column.distinct > 1 and (column.low or 0) >= 0


def _numeric(column: Column, words: Sequence[str]) -> bool:
    return column.kind == "number" and column.distinct > 2


def _weight(column: Column, words: Sequence[str]) -> bool:
    return column.kind == "number" and (column.low or 0) >= 0 and column.distinct > 1


def _repeats(column: Column, words: Sequence[str]) -> bool:
    keys = column.kind == "text" or (column.kind == "number" and column.whole)
    return keys and column.distinct > max(20, 0.02 * column.rows) and not column.unique


def _reason(column: Column, words: Sequence[str]) -> bool:
    return column.kind in ("text", "number") and 1 < column.distinct <= 60


_TESTS: dict[str, Callable[[Column, Sequence[str]], bool]] = {
    "decision": _decision, "outcome": _outcome, "score": _numeric, "rate": _rate, "tenure": _span, "weight": _weight,
    "entity": _repeats, "loan.term_months": _term, "loan.disclosed_apr": _rate, "terms.borrowed": _numeric,
    "behaviour.visits": _counted, "thin_file.filled_decision": _decision, "denial_reasons": _reason,
}  # fmt: skip
