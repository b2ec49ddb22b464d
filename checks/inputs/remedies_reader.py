"""Reads the ``remedies:`` block of a program into ``Remedies``, against the contract beside it."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable

from checks.inputs.contract import DataContract
from checks.inputs.remedies import APPROVALS, PERFORMANCES, TARGETS, Range, Remedies, Setting, Training
from checks.inputs.yaml_reader import Place
from checks.problem import listed, suggest

KEYS = (
    "training", "target", "attribute", "performance", "least_gain", "approve", "keep", "today", "hyperparameters",
    "trials", "rows", "split", "level",
)  # fmt: skip
MOST_TRIALS, FEWEST_ROWS, LEAST_PART, MOST_LEVEL = 1000, 1000, 0.05, 0.999
_ARGUMENTS = ("features", "target", "weights", "seed")  # of the training function, before its hyperparameters
_WHOLE = re.compile(r"[-+]?\d[\d_]*")
_POWER = re.compile(r"[-+]?\d+[eE][-+]?\d+")
_NEEDED = {
    "unit": ("the column that identifies each row", "name it under 'unit' in the contract"),
    "decision": ("the recorded decisions, whose share of approvals every alternative keeps", "add 'decision'"),
    "groups": ("the groups whose approvals are compared", "add 'groups'"),
    "features": ("the columns that the model takes", "list them under 'features'"),
}


def read_remedies(place: Place, contract: DataContract) -> Remedies:
    """The block as read; every problem is recorded at its line, those of what the contract lacks at the block's."""
    at = place.entries(KEYS, ("training",))
    for role, (what, remedy) in _NEEDED.items():
        if not contract.has(role):
            place.complain(f"'remedies' without '{role}' in the contract", what, remedy)
    usual = Remedies(Training(""))
    measure, loss = _read_performance(at["performance"]) if "performance" in at else (usual.performance, usual.loss)
    names = [group.name for group in contract.groups]
    return Remedies(
        training=_read_training(at["training"]) if "training" in at else usual.training,
        target=_read_target(at.get("target"), contract),
        attribute=_read_attribute(at["attribute"], contract) if "attribute" in at else next(iter(names), None),
        performance=measure,
        loss=loss,
        least_gain=_small(at["least_gain"]) if "least_gain" in at else usual.least_gain,
        approve=at["approve"].choice(APPROVALS) if "approve" in at else usual.approve,
        keep=_read_keep(at["keep"], contract) if "keep" in at else (),
        today=_read_today(at["today"]) if "today" in at else {},
        hyperparameters=_read_ranges(at["hyperparameters"]) if "hyperparameters" in at else {},
        trials=_whole_number(at["trials"], 0, MOST_TRIALS) if "trials" in at else usual.trials,
        rows=_whole_number(at["rows"], FEWEST_ROWS) if "rows" in at else usual.rows,
        split=_read_split(at["split"], usual.split) if "split" in at else usual.split,
        level=_number(
            at["level"], lambda v: 0.5 < v <= MOST_LEVEL, f"a number above 0.5, at most {MOST_LEVEL}", usual.level
        ) if "level" in at else usual.level,
    )  # fmt: skip


def _read_training(place: Place) -> Training:
    """A file's name alone, which is not trusted, or a mapping."""
    if not place.is_mapping:
        return Training(place.text())
    at = place.entries(("file", "function", "trusted"), ("file",))
    function = at["function"].text() if "function" in at else "fit"
    if function and not function.isidentifier():
        at["function"].complain(f"'{function}'", "the name of a function of that file", "write for instance fit")
    return Training(
        at["file"].text() if "file" in at else "", function, at["trusted"].boolean() if "trusted" in at else False
    )


def _read_target(place: Place | None, contract: DataContract) -> str:
    if place is None:
        return "outcome" if contract.outcome else "decision"
    target = place.choice(TARGETS)
    if target in TARGETS and not contract.has(target):
        place.complain(
            f"'target: {target}' without '{target}' in the contract", "a role that the contract fills",
            f"add '{target}' to the contract, or let the model learn another role",
        )  # fmt: skip
    return target


def _read_attribute(place: Place, contract: DataContract) -> str:
    """The name of one of the contract's groups; whoever writes its column is told the name."""
    names, columns = [group.name for group in contract.groups], {group.column: group.name for group in contract.groups}
    name = place.text()
    if name and names and name not in names:
        remedy = f"did you mean '{columns[name]}'?" if name in columns else suggest(name, names)
        place.complain(f"the attribute '{name}'", f"one of {listed(names)}", remedy)
    return name


def _read_performance(place: Place) -> tuple[str, float]:
    """A measure alone, or with the loss that is allowed."""
    usual = Remedies(Training(""))
    if not place.is_mapping:
        return place.choice(PERFORMANCES), usual.loss
    at = place.entries(("measure", "loss"))
    return (
        at["measure"].choice(PERFORMANCES) if "measure" in at else usual.performance,
        _small(at["loss"]) if "loss" in at else usual.loss,
    )


def _read_keep(place: Place, contract: DataContract) -> tuple[str, ...]:
    features, grouped = contract.features, columns_of_groups(contract)
    kept = []
    for item in place.items():
        name = item.text()
        kept.append(name)
        if name and features and name not in features:
            item.complain(f"the feature '{name}'", f"one of {listed(features)}", suggest(name, features))
        elif name in features and name in grouped:
            item.complain(
                f"'{name}', the column of the group '{grouped[name]}'", "features that tell no group by themselves",
                "leave it out: an alternative does not see the group when it decides",
            )  # fmt: skip
    return tuple(dict.fromkeys(kept))


def columns_of_groups(contract: DataContract) -> dict[str, str]:
    """Columns that hold a group, or the chances of one, by the name of the group."""
    imputed = {column: one.name for one in contract.imputed_groups for column in one.probabilities.values()}
    return imputed | {group.column: group.name for group in contract.groups}


def _read_today(place: Place) -> dict[str, Setting]:
    return {name: _setting(one) for name, one in _hyperparameters(place).items()}


def _hyperparameters(place: Place) -> dict[str, Place]:
    entries = place.free_entries()
    for name, one in entries.items():
        if name in _ARGUMENTS:
            one.complain(
                f"'{name}', which the training code is given as an argument", "a hyperparameter", "remove or rename it"
            )
        elif not name.isidentifier() or keyword.iskeyword(name):
            one.complain(f"'{name}'", "a name that a Python function can take", "rename it in the training code")
    return entries


def _setting(place: Place) -> Setting:
    value = None if place.is_null or place.is_mapping or place.is_list else place.value()
    if isinstance(value, str) and not getattr(place.node, "style", None) and _POWER.fullmatch(value):
        value = float(value)  # YAML 1.1 takes 1e-3, without a point, for a text
    if isinstance(value, (bool, str, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    place.complain(place.describe(), "a number, a text, true or false", "write one value")
    return ""


def _read_ranges(place: Place) -> dict[str, Range]:
    return {name: _read_range(one) for name, one in _hyperparameters(place).items()}


def _read_range(place: Place) -> Range:
    """``{from: …, to: …, log: …}``, or ``{one_of: […]}``."""
    if not place.is_mapping:
        place.complain(
            place.describe(), "the values that it may take", "write {from: 1, to: 9}, or {one_of: [one, another]}"
        )
        return Range()
    given = {str(key.value) for key, _ in place.node.value}
    if "one_of" in given:
        at = place.entries(("one_of",))
        return _read_choices(at["one_of"]) if "one_of" in at else _without_values(place)
    at = place.entries(("from", "to", "log", "one_of"), ("from", "to"))
    if not {"from", "to"} <= set(at):
        return Range()
    low, high = at["from"].number(), at["to"].number()
    log = at["log"].boolean() if "log" in at else False
    if low >= high:
        at["from"].complain(
            f"from {at['from'].describe()} to {at['to'].describe()}", "'from' below 'to'",
            "write the smaller number under 'from', or one value under 'today'",
        )  # fmt: skip
    elif log and low <= 0:
        at["from"].complain(
            f"from {at['from'].describe()} with 'log: true'", "a number above 0, which has a logarithm",
            "raise 'from', or remove 'log'",
        )  # fmt: skip
    whole = all(_WHOLE.fullmatch(str(at[key].node.value)) for key in ("from", "to"))
    return Range(low, high, whole, log)


def _without_values(place: Place) -> Range:
    place.complain("'one_of' without values", "a list of values", "write {one_of: [one, another]}")
    return Range()


def _read_choices(place: Place) -> Range:
    values = tuple(_setting(item) for item in place.items())
    if not values:
        return _without_values(place)
    if len({(type(value), value) for value in values}) < len(values):
        place.complain(f"the same value twice in {place.describe()}", "each value once", "remove one of the two")
    return Range(choices=values)


def _read_split(place: Place, usual: tuple[float, float, float]) -> tuple[float, float, float]:
    expected = f"three shares of at least {LEAST_PART:g} that add up to 1"
    remedy = "write the shares for training, for the choice and for the certificate: [0.5, 0.25, 0.25]"
    if not place.is_list or len(place.items()) != 3:
        place.complain(place.describe(), expected, remedy)
        return usual
    before = len(place.problems)
    shares = tuple(item.number(LEAST_PART, 1) for item in place.items())
    if len(place.problems) == before and not math.isclose(sum(shares), 1, abs_tol=1e-9):
        place.complain(f"shares that add up to {sum(shares):g}", expected, remedy)
    return shares[0], shares[1], shares[2]


def _small(place: Place) -> float:
    return _number(place, lambda value: 0 <= value < 0.5, "a number from 0 to below 0.5", 0.0)


def _number(place: Place, fits: Callable[[float], bool], expected: str, usual: float) -> float:
    before = len(place.problems)
    value = place.number()
    if len(place.problems) == before and not fits(value):
        place.complain(place.describe(), expected, "write a number within that range")
        return usual
    return value


def _whole_number(place: Place, low: int, high: int | None = None) -> int:
    value = place.number(low, high)
    if value != int(value):
        place.complain(place.describe(), "a whole number", "write a whole number")
    return int(value)
