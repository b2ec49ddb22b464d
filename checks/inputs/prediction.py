"""What a contract says of the model behind its rows: what it predicts, what moves together, which reasons mean what."""

from __future__ import annotations

from dataclasses import dataclass

PREDICTED = ("price", "rate", "score", "decision")
SCALES = ("identity", "log", "logit")
SIDES = ("low", "high")
STANDING = "time as a customer"  # an attribute that the audit makes of the tenure
RENEWING, NEW = "renewing", "new"
Value = str | float | bool | None
Sets = tuple[tuple[str, Value], ...]
COPIED = "="  # before the name of a column whose value is taken


@dataclass(frozen=True, slots=True)
class Flip:
    """One thing about a person that is changed, and everything that depends on it.

    ``sets`` gives features their new values: None is missing, ``=NAME`` what the column NAME holds in the same row.
    ``when`` restricts it to rows whose features hold these values.
    """

    name: str
    sets: Sets
    when: Sets = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """The model behind the rows.

    ``uri`` names it in a registry and ``trusted`` says that loading it may run its code; both stand in the program. Its
    output stands for the column of the role ``of``; with ``scale`` log or logit the model returns the logarithm, or the
    log-odds, of it. ``favourable`` says which side is good for the customer. A ``threshold``, on the scale of the role,
    turns the output into a decision. The model reproduces a row where it differs by at most ``tolerance`` (a share of a
    price or rate, a difference of a score or chance). ``moves_with`` holds, for a feature, what is set besides when it
    is changed. ``one_hot`` are columns of the model that are one feature here, by a pattern such as ``area_*``.
    ``reasons`` maps codes of the denial reasons to features; ``generic_reasons`` are codes that tell nothing.
    """

    of: str
    scale: str = "identity"
    favourable: str = "low"
    threshold: float | None = None
    tolerance: float = 0.001
    moves_with: tuple[tuple[str, Sets], ...] = ()
    flips: tuple[Flip, ...] = ()
    one_hot: tuple[tuple[str, str], ...] = ()
    reasons: tuple[tuple[str, tuple[str, ...]], ...] = ()
    generic_reasons: tuple[str, ...] = ()
    uri: str | None = None
    trusted: bool = False

    def together(self, sets: Sets) -> Sets:
        """The changes with all that moves with them, each feature once; what is named outright comes first."""
        found = dict(sets)
        rest = list(found)
        while rest:
            for name, value in dict(self.moves_with).get(rest.pop(), ()):
                if name not in found:
                    found[name] = value
                    rest.append(name)
        return tuple(found.items())
