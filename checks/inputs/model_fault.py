"""Why a model cannot be used: what was found, and what would answer. A fault is told in the answer of each question."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from traceback import walk_tb
from typing import Any

from checks.sentence import Sentence, said, template

FAULTS = {
    "not_named": (template("the program names no model"), template("add 'model: models:/NAME@ALIAS'")),
    "not_trusted": (
        template("loading the model {uri} runs code that came with it, and the program does not trust it"),
        template("once the model's origin is known, add 'trusted_model: true' to the program"),
    ),
    "bad_uri": (
        template("'{uri}' is no address of a registered model"),
        template("write models:/NAME@ALIAS or models:/NAME/VERSION"),
    ),
    "no_registry": (
        template("no MLflow registry is named"),
        template("name it with --mlflow, or in the environment as MLFLOW_TRACKING_URI"),
    ),
    "absent": (
        template("the registry has no model {uri}: {reason}"),
        template("register the model, or set the alias that the program names"),
    ),
    "unloadable": (
        template("the model {uri} cannot be loaded: {reason}"),
        template("load it by hand in this environment, and install what it needs"),
    ),
    "silent": (
        template("the MLflow registry does not answer: {reason}"),
        template("name a registry that answers, and audit again"),
    ),
    "no_signature": (
        template("the model {uri} has no signature: nobody can tell which columns it takes, nor their order"),
        template("log it again with a signature (mlflow.models.infer_signature)"),
    ),
    "missing_features": (
        template("the model {uri} takes {names}, which the contract's features do not have"),
        template("list these columns under 'features', or make them in the source's query"),
    ),
    "wrong_type": (
        template("the model {uri} takes {name} as {expected}, and the data hold {found}"),
        template("give {name} as {expected} in the source's query, or log the model with the type of the data"),
    ),
    "categories": (
        template("the model {uri} has categories, and nobody can tell of which of its columns"),
        template("log it again with a signature (mlflow.models.infer_signature) of the rows that it was trained on"),
    ),
    "cut_categories": (
        template(
            "XGBoost has cut short the values of {names} that the model {uri} was trained on, which are not all plain "
            "ASCII, so that nobody can tell which is which"
        ),
        template("give {names} as codes of ASCII letters or numbers, in training and in the source's query"),
    ),
    "many_classes": (
        template("the model {uri} tells {classes:,} classes apart, and an audit reads one number for each row"),
        template("register a model of two classes, or of a number"),
    ),
    "labels": (
        template("the model {uri} gives labels instead of numbers"),
        template("log a model that gives the chance of a side (predict_proba), or a number"),
    ),
    "not_one_number": (
        template("the model {uri} gives {found} instead of one number for each row"),
        template("log a model that gives one number for each row, or the chances of two sides"),
    ),
    "no_threshold": (
        template("the model {uri} gives no chance, so that nobody can tell where its decision turns"),
        template("add 'threshold' under 'prediction', or log a model that gives chances (predict_proba)"),
    ),
    "other_scale": (
        template("the contract says that the model {uri} returns a {scale}, and it returns a {link}"),
        template("leave out 'scale' under 'prediction', or name the model that the contract means"),
    ),
    "no_unit": (
        template("the contract has no 'unit', so that no rows can be drawn again by their name"),
        template("name the column that identifies each row under 'unit'"),
    ),
    "no_rows": (
        template("no row has all that the model needs"),
        template("see the checks of the features for what is missing"),
    ),
    "fails": (
        template("the model {uri} fails on these rows: {reason}"),
        template("predict rows of this source with the model by hand, and correct what fails"),
    ),
    "not_additive": (
        template(
            "the contributions of the model {uri} do not add up to its output: they miss it by {missing:.3g} on average"
        ),
        template("report this with the model's kind ({kind}) and the versions of its packages"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelFault:
    """A key of ``FAULTS`` with the values of its sentences."""

    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> Sentence:
        """What was found."""
        return said(FAULTS[self.kind][0], **self.values)

    @property
    def needed(self) -> Sentence:
        """What would answer."""
        return said(FAULTS[self.kind][1], **self.values)


class ModelUnusable(Exception):  # noqa: N818 - it is a finding about the model, told in the record
    """Raised by whoever opens or runs a model."""

    def __init__(self, fault: ModelFault) -> None:
        super().__init__(str(fault.reason))
        self.fault = fault


_OURS = ("checks.", "audits.")


def ends_the_audit(error: BaseException) -> bool:
    """Whether what was raised while a model ran is meant for the audit: Ctrl-C, or what a signal's handler raised.

    A time limit or a shutdown comes that way. Anything else, an exit included, is the model's own failure.
    """
    if isinstance(error, KeyboardInterrupt | GeneratorExit):
        return True
    handlers = {getattr(signal.getsignal(one), "__code__", None) for one in signal.valid_signals()} - {None}
    return any(frame.f_code in handlers for frame, _ in walk_tb(error.__traceback__))


def kind_and_place(error: BaseException) -> str:
    """The type of an error and the function that raised it ("ValueError in MODULE.FUNCTION"), and never its text.

    The text of a model's error may quote rows, and records keep no value of a person. A type made while running is told
    by the first of its bases that its module names, since its own name may quote them too.
    """
    kind = next(one for one in type(error).__mro__ if getattr(sys.modules.get(one.__module__), one.__name__, 0) is one)
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    places = [(str(one.f_globals.get("__name__", "")), one.f_code.co_name) for one in frames]
    theirs = [place for place in places if place[0] and not place[0].startswith(_OURS)] or places
    return f"{kind.__name__} in {'.'.join(theirs[-1])}" if theirs else kind.__name__
