"""Whether the data end before persons who started could finish, so that those still on the way look like lost ones.

Without a span ``within`` that everybody is given, who started shortly before the end of the data counts as lost. A
group that takes days then seems to lose more persons than one that takes minutes, though as many finish in the end.
Where the times are known, the share who are seen to finish is compared, in each group, with that of Kaplan and Meier of
the same persons (``audits.statistics.completion_times.share_finished``). Where the two lie more than one percentage
point apart, a figure of who finishes decides nothing: one point is far below what rules on such shares ask about, and
above what the last minutes of a log of quick persons make.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from audits.evidence.funnel import TIME_EDGES, Funnel, TimeCell
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, said, template

MOST_APART = 0.01
_NOT_UP = template(
    "the data end before all who started could finish: {seen:.1f} % of '{label}' and {other_seen:.1f} % of "
    "'{other}' are seen to finish, and with the end of the data allowed for (Kaplan-Meier) it is at least "
    "{share:.1f} % and {other_share:.1f} %; name a span 'within' under 'funnel', or give data that end later"
)


@dataclass(frozen=True, slots=True)
class FinishedShares:
    """Of persons of one label whose times are known.

    ``seen`` is the share who are seen to finish, ``share`` that of Kaplan and Meier, which is never below it.
    """

    seen: float
    share: float

    @property
    def apart(self) -> bool:
        """Whether the end of the data hides more than ``MOST_APART`` of the persons who finish."""
        return self.share - self.seen > MOST_APART


def finished_shares(funnel: Funnel, attribute: str, label: str) -> FinishedShares | None:
    """Both shares of a label; None where no person of it has a known time."""
    from audits.statistics.completion_times import share_finished

    cells = [cell for cell in funnel.times.get(attribute, ()) if cell.label == label]
    done, cut = _by_band(cell for cell in cells if cell.done), _by_band(cell for cell in cells if not cell.done)
    whole = sum(done) + sum(cut)
    return FinishedShares(sum(done) / whole, share_finished(done, cut)) if whole else None


def not_up(funnel: Funnel, attribute: str, labels: tuple[str, str]) -> Sentence | None:
    """Why figures from ``started`` to ``finished`` of these two labels decide nothing; None where nothing is wrong.

    ``labels`` are the group and its reference. None also where times of either are not known. To be asked only where
    the contract names no ``within`` (``time_doubted`` sees to that): with a span, everybody who counts was given it.
    """
    both = [finished_shares(funnel, attribute, label) for label in labels]
    one, zero = both
    if one is None or zero is None or not (one.apart or zero.apart):
        return None
    return said(
        _NOT_UP, label=labels[0], other=labels[1], seen=100 * one.seen, other_seen=100 * zero.seen,
        share=100 * one.share, other_share=100 * zero.share,
    )  # fmt: skip


def time_doubted(figure: Measurement, funnel: Funnel, contract: DataContract) -> Measurement:
    """A figure of who passes stages up to ``finished``, with what the end of the data does to it.

    ``figure.attribute``, ``group`` and ``reference`` say whom it compares. Where the contract names no ``within`` and
    time was not up, it gets a caution and an ``unseen``, and is ``undecided``; ``details`` then hold the shares of
    Kaplan and Meier, ``group_finished_share`` and ``reference_finished_share``.
    """
    if figure.estimate is None or contract.funnel is None or contract.funnel.within is not None:
        return figure
    attribute, labels = str(figure.attribute), (str(figure.group), str(figure.reference))
    told = not_up(funnel, attribute, labels)
    if told is None:
        return figure
    shares = {
        f"{who}_finished_share": found.share
        for who, label in zip(("group", "reference"), labels, strict=True)
        if (found := finished_shares(funnel, attribute, label)) is not None
    }
    return replace(
        figure, cautions=(*figure.cautions, told), unseen=(*figure.unseen, told), undecided=figure.undecided or told,
        details={**figure.details, **shares},
    )  # fmt: skip


def _by_band(cells: Iterable[TimeCell]) -> list[int]:
    found = [0] * (len(TIME_EDGES) + 1)
    for cell in cells:
        found[cell.band] += cell.persons
    return found
