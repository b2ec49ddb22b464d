"""Reads what a contract says of the model behind its rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from checks.inputs.prediction import COPIED, PREDICTED, SCALES, SIDES, Flip, Prediction, Sets, Value
from checks.inputs.yaml_reader import Place
from checks.problem import listed, suggest

if TYPE_CHECKING:
    from checks.inputs.contract import DataContract

_KEYS = (
    "of", "scale", "favourable", "threshold", "tolerance", "moves_with", "flips", "one_hot", "reasons",
    "generic_reasons",
)  # fmt: skip
_GOOD = {"price": "low", "rate": "low", "decision": "high"}
_NAME = r"[\w][\w .-]{0,60}"


def read_prediction(place: Place) -> Prediction:
    """The role alone, such as ``prediction: price``, or a mapping."""
    if not place.is_mapping:
        of = place.choice(PREDICTED)
        if of == "score":
            place.complain("'score' alone", "which side is good for the customer",
                           "write {of: score, favourable: high} or low")  # fmt: skip
        return Prediction(of or PREDICTED[0], favourable=_GOOD.get(of, "high"))
    at = place.entries(_KEYS, ("of",))
    of = at["of"].choice(PREDICTED) if "of" in at else PREDICTED[0]
    if of == "score" and "favourable" not in at:
        place.complain("'of: score' without 'favourable'", "which side is good for the customer",
                       "add 'favourable: high' or low")  # fmt: skip
    flips = at["flips"].free_entries() if "flips" in at else {}
    moves = at["moves_with"].free_entries() if "moves_with" in at else {}
    hot = at["one_hot"].free_entries() if "one_hot" in at else {}
    reasons = at["reasons"].free_entries() if "reasons" in at else {}
    return Prediction(
        of,
        scale=at["scale"].choice(SCALES) if "scale" in at else "identity",
        favourable=at["favourable"].choice(SIDES) if "favourable" in at else _GOOD.get(of, "high"),
        threshold=at["threshold"].number() if "threshold" in at else None,
        tolerance=at["tolerance"].number(0) if "tolerance" in at else 0.001,
        moves_with=tuple((name, _sets(one)) for name, one in moves.items()),
        flips=tuple(_flip(name, one) for name, one in flips.items()),
        one_hot=tuple((name, _pattern(one)) for name, one in hot.items()),
        reasons=tuple((code, _texts(one)) for code, one in reasons.items()),
        generic_reasons=at["generic_reasons"].texts() if "generic_reasons" in at else (),
    )


def _texts(place: Place) -> tuple[str, ...]:
    return place.texts() if place.is_list else (place.text(),)


def _pattern(place: Place) -> str:
    text = place.text()
    if text.count("*") != 1:
        place.complain(f"'{text}'", "a pattern with one *", "write for instance area_*")
    return text


def _flip(name: str, place: Place) -> Flip:
    """``{FEATURE: value}``, or ``{set: {…}, when: {…}}``."""
    if not re.fullmatch(_NAME, name) or name.casefold() == "all":
        place.complain(f"the flip '{name}'", "letters, digits, '-', '_', '.' and spaces, and not 'all'", "rename it")
    inner = place.free_entries() if place.is_mapping else {}
    if "set" in inner and inner["set"].is_mapping:
        at = place.entries(("set", "when"), ("set",))
        return Flip(name, _sets(at["set"]), _sets(at["when"]) if "when" in at else ())
    return Flip(name, _sets(place))


def _sets(place: Place) -> Sets:
    entries = place.free_entries() if place.is_mapping else {}
    if not entries:
        place.complain(place.describe(), "a mapping from features to their new values", "write {FEATURE: value}")
    return tuple((name, _value(one)) for name, one in entries.items())


def _value(place: Place) -> Value:
    if place.is_null:
        return None
    value = place.value()
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return float(value)
    place.complain(place.describe(), "a number, a text, true, false, null or =COLUMN", "write one of these")
    return None


def check_prediction(at: Mapping[str, Any], contract: DataContract) -> None:
    """What the model needs of the rest of the contract."""
    made = contract.prediction
    if made is None:
        return
    place = at["prediction"]
    if not contract.has(made.of):
        place.complain(f"'of: {made.of}' without '{made.of}'", "the column that the model's output stands for",
                       f"add '{made.of}' to the contract")  # fmt: skip
    features = contract.features
    if not features:
        place.complain("'prediction' without 'features'", "the columns that the model takes",
                       "list them under 'features'")  # fmt: skip
        return
    hot = [name for name, _ in made.one_hot]
    named = [name for sets in _every(made) for name, _ in sets]
    named += [name for _, of in made.reasons for name in of] + [name for name, _ in made.moves_with]
    for name in dict.fromkeys(named):
        if name not in features and name not in hot:
            place.complain(f"the feature '{name}'", f"one of {listed(features)}", suggest(name, features))
    copied = [str(value)[1:] for sets in _every(made) for _, value in sets if str(value).startswith(COPIED)]
    for name in dict.fromkeys(copied):
        if name not in contract.columns_used():
            place.complain(f"'={name}'", "a column that the contract names", suggest(name, contract.columns_used()))


def _every(made: Prediction) -> list[Sets]:
    return [*(flip.sets for flip in made.flips), *(flip.when for flip in made.flips),
            *(sets for _, sets in made.moves_with)]  # fmt: skip
