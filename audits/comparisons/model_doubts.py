"""Doubts about a model that every figure of it carries: it may not be the one that made the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audits.evidence.collect import Evidence
from audits.evidence.needs import ReproductionNeed
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.sentence import Sentence, joined, said, template

if TYPE_CHECKING:
    from audits.evidence.reproduction import Reproduction

_FEWER = template("at most {rows:,} of each group, since more of so large a model take too long")
MOST = 0.01  # share of the rows, up to which nobody is told


def drawn_of(source: str, at_most: int | None) -> str:
    """Where rows come from, with how many of each label were explained where the size of the model set their number."""
    return source if at_most is None else joined((source, said(_FEWER, rows=at_most)), ", ")


def doubts(evidence: Evidence, contract: DataContract) -> tuple[Sentence, ...]:
    """Sentences for the cautions of a figure whose question also needs ``ReproductionNeed()``.

    None where nothing was collected, the model reproduces its record, or it cannot be used, which the question tells.
    """
    if contract.prediction is None:
        return ()
    try:
        found: Reproduction = evidence.modelled(ReproductionNeed())
    except (KeyError, ModelUnusable):
        return ()
    return doubts_of(found)


def doubts_of(found: Reproduction) -> tuple[Sentence, ...]:
    """What is doubtful about a model that reproduces its record so far."""
    told = []
    if not found.compared:
        told.append(
            said("no row drawn has both a recorded figure and one of the model: it may not be the model that made them")
        )
    elif found.unreproduced > MOST * found.compared:
        told.append(
            said(
                "the model gives another figure than the recorded one in {share:.1f} % of the rows drawn: it may not "
                "be the model that made them",
                share=100 * found.unreproduced / found.compared,
            )
        )
    if found.unusable > MOST * found.rows:
        told.append(
            said("the model does not take {share:.1f} % of the rows drawn", share=100 * found.unusable / found.rows)
        )
    return tuple(told)
