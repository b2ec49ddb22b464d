"""Where persons are lost on their way when nothing tells groups apart: levels of all, compared with nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from audits.comparisons.funnel_faults import undecided_told, unseen_faults
from audits.comparisons.funnel_losses import LOSS, losses_at, share_lost
from audits.comparisons.funnel_stages import nothing, with_doubts
from audits.comparisons.funnel_ways import Passed, Ways, ways_of
from audits.evidence.funnel import EVERYBODY, EVERYONE, Funnel
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.sentence import said, template

_NOBODY = template("nobody came to any stage")
_NOBODY_CAME = template("nobody passed '{stage}'")
_CHECK = said("see whether the names of the events, or the flags, under 'funnel' are those of the data")


def losses_of_everyone(
    question: str, funnel: Funnel, contract: DataContract, level: float
) -> tuple[list[Measurement], list[NotAnswered]]:
    """Of all who came to a stage, the share lost there; by device, network, help and hour where most are lost.

    Nothing where the persons are counted by groups. Attribute, group and reference are None; the segment is the stage,
    or stage, dimension and value; ``counts`` are ``group_lost`` and ``group_came``.
    """
    if EVERYONE not in funnel.cells:
        return [], []
    ways = ways_of(funnel, EVERYONE, EVERYBODY, contract)
    passed = ways.passed(EVERYBODY)
    if not passed[0]:
        return [], [NotAnswered(f"{question}: {LOSS}", said(_NOBODY), _CHECK)]
    figures = list(_stages(question, ways, passed, level))
    place = _dearest(passed)
    missing: list[NotAnswered] = []
    if place is not None and funnel.losses.get(EVERYONE):
        own, missing = losses_at(question, funnel, ways, EVERYBODY, place, level)
        figures += [_of_all(one) for one in own]
    return [_doubted(one, funnel, contract) for one in figures], missing


def _stages(question: str, ways: Ways, passed: Passed, level: float) -> Iterator[Measurement]:
    for k, stage in enumerate(ways.stages[1:], 1):
        blank = replace(nothing(question, LOSS, ways, EVERYBODY, level, stage), equality=None)
        row = passed[k - 1] - passed[k], passed[k - 1], 0, 0
        figure = share_lost(blank, row) if passed[k - 1] else replace(
            blank, reason=said(_NOBODY_CAME, stage=ways.stages[k - 1])
        )  # fmt: skip
        yield _of_all(figure)


def _dearest(passed: Sequence[int]) -> int | None:
    """The stage with the largest share lost; None where nobody is."""
    shares = {k: 1 - passed[k] / passed[k - 1] for k in range(1, len(passed)) if passed[k - 1]}
    most = max(shares, key=lambda k: shares[k], default=None)
    return most if most is not None and shares[most] > 0 else None


def _of_all(figure: Measurement) -> Measurement:
    """The figure of everybody: it names no group, and there is no reference whose persons it could count."""
    counts = {name: n for name, n in figure.counts.items() if name.startswith("group_")}
    return replace(figure, attribute=None, group=None, reference=None, counts=counts, details={})


def _doubted(figure: Measurement, funnel: Funnel, contract: DataContract) -> Measurement:
    place = contract.decision_stage
    decides = place is not None and figure.segment == funnel.stages[place]
    return with_doubts(figure, (), (*unseen_faults(funnel), *(undecided_told(funnel) if decides else ())))
