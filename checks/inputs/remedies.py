"""What a program says of remedies: how its model is trained, what may change, and what an alternative must still do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TARGETS = ("decision", "outcome")
PERFORMANCES = ("auc", "outcome_rate")
AS_RECORDED, CUT = "as_recorded", "cut"
APPROVALS = (AS_RECORDED, CUT)
Setting = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Range:
    """Values that a hyperparameter may take: from ``low`` to ``high``, or one of ``choices``.

    ``whole`` numbers only; ``log`` draws evenly on the logarithm.
    """

    low: float | None = None
    high: float | None = None
    whole: bool = False
    log: bool = False
    choices: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Training:
    """The code that trains the model: a Python file beside the program, and a function of it.

    It is called as ``function(features, target, weights, seed, **hyperparameters)``: a pandas frame (n, p) of the
    features as recorded, an array (n,) of 0 and 1, an array (n,) of weights or None, and a whole number. It returns an
    object with ``predict_proba(features)`` (n, 2), or ``predict(features)`` (n,) where more means likelier 1. Calling
    it runs its code, so that it is refused unless ``trusted``.
    """

    file: str
    function: str = "fit"
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Remedies:
    """A search for less discriminatory alternatives of the program's model.

    The model learns the ``target`` role from the contract's features. The approval ratio of ``attribute`` (None: the
    first of the contract's groups) is to come nearer to 1. Performance is ``performance`` for the contract's outcome,
    or for its decision where there is no outcome: ``auc``, or ``outcome_rate``, the share of favourable outcomes
    among those approved. An alternative may lie at most ``loss`` below the best model that was found, and must bring
    ``least_gain`` in the ratio of approval rates. ``approve`` turns scores into approvals: ``as_recorded``, by rank
    as the recorded decisions fall with the score of today's model, or ``cut``, the highest scores up to the recorded
    share of approvals. Features in ``keep`` may not be dropped or changed. ``today`` holds the hyperparameters of
    today's model, ``hyperparameters`` those that may vary; ``trials`` of them are tried. At most ``rows`` rows are
    read; ``split`` holds the shares of them for training, for the choice, and untouched for the certificate.
    """

    training: Training
    target: str = "outcome"
    attribute: str | None = None
    performance: str = "auc"
    loss: float = 0.002
    least_gain: float = 0.02
    approve: str = AS_RECORDED
    keep: tuple[str, ...] = ()
    today: Mapping[str, Setting] = field(default_factory=dict)
    hyperparameters: Mapping[str, Range] = field(default_factory=dict)
    trials: int = 30
    rows: int = 200_000
    split: tuple[float, float, float] = (0.5, 0.25, 0.25)
    level: float = 0.95
