"""Words for the attributes and groups that questions name themselves, such as bands of tenure.

What the data write stays as it is; these names are ours, so that a report may say them in its own language.
"""

from __future__ import annotations

import re

from audits.record import Measurement
from checks.inputs.contract import ASSISTED, CHANNEL, CREDIT_FILE, DIGITAL, FULL, THIN
from checks.inputs.loan_excess import CAP
from checks.inputs.prediction import NEW, RENEWING, STANDING
from checks.sentence import said, template

TENURE, BOOK = "tenure", "book"
_ATTRIBUTES = {
    TENURE: template("tenure"), BOOK: template("book"), "channel": template("channel"), "product": template("product"),
    "payment method": template("payment method"), "device": template("device"), "visits": template("visits"),
    "spend history": template("spend history"), "price sensitivity": template("price sensitivity"),
}  # fmt: skip
# the cap of a figure of loans: its factor, and words for the limit
_CAPS = {
    "highest_all_in_rate": (100.0, template("{limit} % a year, all charges included")),
    "highest_lpr_ratio": (1.0, template("{limit} times the loan prime rate, all charges included")),
    "highest_mapr_rate": (100.0, template("{limit} % a year for covered borrowers, all charges included")),
    "highest_daily_cost_rate": (100.0, template("{limit} % a day of what is owed")),
    "highest_default_fees": (1.0, template("{limit} of default charges")),
    "highest_total_cost_ratio": (1.0, template("total cost of {limit} times the amount")),
    "highest_establishment_fee_share": (100.0, template("establishment fee of {limit} % of the amount")),
    "highest_monthly_fee_share": (100.0, template("monthly fee of {limit} % of the amount")),
}  # fmt: skip
_CAP_LABEL = re.compile(r"(\w+) above (\S+)")
_BOOKS = {"closed": template("closed"), "open": template("open")}
_MADE = {
    CREDIT_FILE: template("credit file"), CHANNEL: template("service channel"),
    STANDING: template("time as a customer"),
}  # fmt: skip
_MADE_LABELS = {
    CREDIT_FILE: {THIN: template("thin"), FULL: template("full")},
    CHANNEL: {ASSISTED: template("assisted"), DIGITAL: template("digital")},
    STANDING: {RENEWING: template("renewing"), NEW: template("new")},
}  # fmt: skip
_OF_FLIPS = ("flip_output_change", "flip_harmed_share", "protected_flip_cases", "trait_flip_price_ratio")
_FLIPS = {
    TENURE: template("tenure"), "device": template("device"), "channel": template("channel"),
    "footprint": template("digital footprint"), "visits": template("visits"),
    "spend_history": template("spend history"), "elasticity_score": template("price sensitivity"),
}  # fmt: skip
_AGE_FLIP = re.compile(r"age (\d+\+) → (\d+)")
_AGE, _AGE_LABEL = re.compile(r"age from (\d+(?:\.\d+)?)"), re.compile(r"(under )?(\d+(?:\.\d+)?)(\+)?")
_DIMENSIONS = {
    "device": template("device"), "network": template("network"), "assisted": template("assisted"),
    "hour": template("hour"),
}  # fmt: skip
_ANSWERS = {"yes": template("yes"), "no": template("no")}
_UNKNOWN, _WITHIN, _BEST_SET = "unknown", "within strata", "best set"
_LOSS = re.compile(rf"(.+?) · ({'|'.join(_DIMENSIONS)}) (.+)", re.DOTALL)
_PART_OF_PERIOD = re.compile(r"\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d")
_MISSING = "missing"
_OF_DECLARED_GROUPS = ("group_premium_ratio", "group_value_ratio")
_NUMBER = r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
_BAND = re.compile(rf"under {_NUMBER}|{_NUMBER}\+|{_NUMBER}(?:-(<?){_NUMBER})?")


def cap_of(m: Measurement) -> tuple[str, float] | None:
    """Measure and limit of the cap that the figure speaks of; None for any other figure."""
    found = _CAP_LABEL.fullmatch(m.group or "") if _is_of_cap(m) else None
    return (found[1], float(found[2])) if found and found[1] in _CAPS else None


def _is_of_cap(m: Measurement) -> bool:
    return m.attribute == CAP and m.question == "predatory_lending.cost_caps"


def is_own(m: Measurement) -> bool:
    """Whether the question named the attribute, and not the program."""
    if _is_of_cap(m):
        return True
    if m.question.startswith(("digital_divide.", "explanation.")):
        return m.attribute in _MADE or is_age(m) or _is_own_flip(m)
    named = m.question.startswith("loyalty_pricing.") and m.measure not in _OF_DECLARED_GROUPS
    return named and m.attribute in _ATTRIBUTES


def _is_own_flip(m: Measurement) -> bool:
    """Whether the audit named what is changed, and neither the program nor its groups."""
    return m.measure in _OF_FLIPS and m.attribute is not None and (
        m.segment in _FLIPS or _AGE_FLIP.fullmatch(m.segment) is not None
    )  # fmt: skip


def is_age(m: Measurement) -> bool:
    """Whether its groups are those from an age on and those under it."""
    return m.question.startswith("digital_divide.") and _AGE.fullmatch(m.attribute or "") is not None


def stage_of(m: Measurement) -> str:
    """The stage, method or other part that the figure is of; empty where it is of all, or of days of the period."""
    own = m.question.startswith(("digital_divide.", "explanation.")) or m.measure == "trait_flip_price_ratio"
    return m.segment if own and m.segment != "all" and not _PART_OF_PERIOD.fullmatch(m.segment) else ""


def loss_of(m: Measurement) -> tuple[str, str, str] | None:
    """Stage, dimension and value of a loss by device, network, help or hour, in words; None for any other figure."""
    found = _LOSS.fullmatch(m.segment) if m.measure == "stage_loss_share" else None
    if found is None:
        return None
    stage, dimension, value = found.groups()
    if dimension == "assisted" and value in _ANSWERS:
        value = said(_ANSWERS[value])
    return stage, said(_DIMENSIONS[dimension]), said("unknown") if value == _UNKNOWN else value


def segment_words(m: Measurement) -> str:
    """The part that the figure is of, as a sentence where some of its words are ours."""
    loss = loss_of(m)
    if loss is not None:
        return said("{stage} · {dimension} {value}", stage=loss[0], dimension=loss[1], value=loss[2])
    if m.segment == _WITHIN and m.question == "digital_divide.thin_file":
        return said("within strata")
    if _is_own_flip(m):
        age = _AGE_FLIP.fullmatch(m.segment)
        return said("age {own} → {other}", own=age[1], other=age[2]) if age else said(_FLIPS[m.segment])
    # a feature of that name tells of itself whether it is in the set
    of_set = m.segment == _BEST_SET and m.measure == "proxy_auc" and "in_best_set" not in m.details
    return said("best set") if of_set else m.segment


def attribute_words(m: Measurement) -> str:
    """The attribute, as a sentence where it is ours; empty where there is none."""
    if not m.attribute or not is_own(m):
        return m.attribute or ""
    age = _AGE.fullmatch(m.attribute)
    if age is not None and is_age(m):
        return said("age from {age}", age=age[1])
    flipped = _AGE_FLIP.fullmatch(m.segment)
    if flipped is not None and _is_own_flip(m):
        return said("age from {age}", age=flipped[1].removesuffix("+"))
    words = template("cap") if _is_of_cap(m) else {**_ATTRIBUTES, **_MADE}.get(m.attribute)
    return said(words) if words else m.attribute


def group_words(m: Measurement, label: str | None) -> str:
    """A group or reference of the measurement, as a sentence where it is ours; empty where there is none."""
    if not label or not is_own(m):
        return label or ""
    if cap := cap_of(m):
        factor, words = _CAPS[cap[0]]
        return said(words, limit=f"{factor * cap[1]:,.10g}")
    if m.question.startswith(("digital_divide.", "explanation.")):
        return _age(label) if is_age(m) or _AGE_FLIP.fullmatch(m.segment) else _made(m.attribute, label)
    if label == _MISSING:
        return said("missing")
    if m.attribute == BOOK and label in _BOOKS:
        return said(_BOOKS[label])
    return _tenure(label) if m.attribute == TENURE else label


def _made(attribute: str | None, label: str) -> str:
    words = _MADE_LABELS.get(attribute or "", {}).get(label)
    return said(words) if words else label


def _age(label: str) -> str:
    """``60+`` and ``under 60`` in words."""
    found = _AGE_LABEL.fullmatch(label)
    if found is None or bool(found[1]) == bool(found[3]):
        return label
    return said("under {age}", age=found[2]) if found[1] else said("aged {age} or over", age=found[2])


def tenure_start(label: str) -> float | None:
    """The first year of a band of tenure; None for a label that is none."""
    found = _BAND.fullmatch(label)
    if found is None:
        return None
    under, over, low = found[1], found[2], found[3]
    return -1.0 if under else float(over or low)


def tenure_sign(label: str) -> str:
    """A band of tenure in the fewest letters: ``<1``, ``1``, ``2–4``, ``5+``."""
    return label.replace("under ", "<").replace("-", "–") if tenure_start(label) is not None else label


def _tenure(label: str) -> str:
    """A band of years as ``tenure_labels`` names it."""
    found = _BAND.fullmatch(label)
    if found is None:
        return label
    under, over, low, below, high = found.groups()
    if under:
        return said("under 1 year") if under == "1" else said("under {years} years", years=under)
    if over:
        return said("1 year or more") if over == "1" else said("{years} years or more", years=over)
    if high is None:
        return said("1 year") if low == "1" else said("{years} years", years=low)
    if below:
        return said("{low} to under {high} years", low=low, high=high)
    return said("{low} to {high} years", low=low, high=high)
