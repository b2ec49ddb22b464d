"""Whose outcome is known? Decision by matured outcome of each group, and whether the known ones are a selected sample.

An outcome that is known for the approved only says nothing on what the declined would have done. Where some of the
declined have one, those are rarely a fair draw of them. So a figure on known outcomes is marked whenever the contract
says that they are observed on a condition, or when the known share differs between approved and declined, unless all
are known; and a group's figures when its known share differs from that of the reference, since whatever hides the
outcomes may hide a harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from audits.evidence.cells import Cells
from audits.record import Measurement
from checks.sentence import said, template

_ALIKE = 0.05  # known shares that differ by less, relative to the larger, count as alike


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """Rows of a group: ``known[decision][outcome]``, and ``unknown[decision]`` without a known matured outcome."""

    known: tuple[tuple[int, int], tuple[int, int]]
    unknown: tuple[int, int]

    @property
    def confusion(self) -> tuple[int, int, int, int]:
        """True negatives, false positives, false negatives, true positives; positive is favourable."""
        (bad_declined, good_declined), (bad_approved, good_approved) = self.known
        return bad_declined, bad_approved, good_declined, good_approved

    @property
    def rows(self) -> int:
        """Rows with a known outcome."""
        return sum(map(sum, self.known))

    @property
    def unseen_declined(self) -> bool:
        """Whether some were declined and the outcome of none of them is known."""
        return not sum(self.known[0]) and self.unknown[0] > 0

    @property
    def whole(self) -> bool:
        """Whether some were approved and some declined, and the outcome of all of them is known."""
        return not any(self.unknown) and all(map(sum, self.known))

    def known_share(self, decision: int) -> float | None:
        """Share of the approved (1) or declined (0) whose outcome is known; None without any."""
        known = sum(self.known[decision])
        return known / (known + self.unknown[decision]) if known + self.unknown[decision] else None


def outcome_tables(cells: Cells, attribute: str) -> dict[str, OutcomeTable]:
    """The table of each label, from cells by attribute, outcome and decision; others than decided rows left out."""
    at = cells.attributes.index(attribute), len(cells.attributes)
    counts: dict[str, dict[tuple[int, str | None], int]] = {}
    for labels, decision, rows in cells.cells:
        label, outcome = labels[at[0]], labels[at[1]]
        if label is not None and decision is not None:
            own = counts.setdefault(label, {})
            own[decision, outcome] = own.get((decision, outcome), 0) + rows
    return {label: _table(own) for label, own in sorted(counts.items())}


def _table(counts: Mapping[tuple[int, str | None], int]) -> OutcomeTable:
    declined, approved = ((counts.get((d, "0"), 0), counts.get((d, "1"), 0)) for d in (0, 1))
    return OutcomeTable((declined, approved), (counts.get((0, None), 0), counts.get((1, None), 0)))


def added(tables: Iterable[OutcomeTable]) -> OutcomeTable:
    """All rows of some groups in one table."""
    every = list(tables)
    declined, approved = ((sum(t.known[d][0] for t in every), sum(t.known[d][1] for t in every)) for d in (0, 1))
    return OutcomeTable((declined, approved), (sum(t.unknown[0] for t in every), sum(t.unknown[1] for t in every)))


def selection(tables: Iterable[OutcomeTable], conditional: bool) -> str | None:
    """What to say of a selected sample, or None where the known outcomes are not selected by the decision.

    ``conditional`` says that the contract names a condition under which outcomes are observed.
    """
    every = list(tables)
    whole = added(every)
    if whole.whole or not (conditional or not sum(whole.known[0]) or any(map(_uneven, every))):
        return None
    approved, declined = whole.known_share(1), whole.known_share(0)
    if approved is not None and declined is not None:
        return said(_BOTH, approved=100 * approved, declined=100 * declined)
    if approved is None and declined is None:
        return said("a selected sample: the outcome is known for no decided application, and others may differ")
    share, told = (declined, _DECLINED) if approved is None else (approved, _APPROVED)
    return said(told, share=100 * (share or 0.0))


_BOTH = template(
    "a selected sample: the outcome is known for {approved:.1f} % of the approved and {declined:.1f} % of the "
    "declined, and others may differ"
)
_APPROVED = template("a selected sample: the outcome is known for {share:.1f} % of the approved, and others may differ")
_DECLINED = template("a selected sample: the outcome is known for {share:.1f} % of the declined, and others may differ")
_UNLIKE = template(
    "a selected sample: the outcome is known for {own:.1f} % of {label} and {other:.1f} % of {reference}, and others "
    "may differ"
)


def apart(one: float | None, other: float | None) -> bool:
    """Whether two shares of known outcomes differ by more than counts as alike."""
    return one is not None and other is not None and abs(one - other) > _ALIKE * max(one, other)


def unlike(shares: Mapping[str, float | None], label: str | None, reference: str) -> str | None:
    """What to say of a group whose outcomes are known to another share than the reference's, or None."""
    own, other = shares.get(str(label)), shares.get(reference)
    if own is None or other is None or not apart(own, other):
        return None
    return said(_UNLIKE, own=100 * own, label=label, other=100 * other, reference=reference)


def known_shares(tables: Mapping[str, OutcomeTable]) -> dict[str, float | None]:
    """Share of each group's decided rows whose outcome is known."""
    sizes = {label: table.rows + sum(table.unknown) for label, table in tables.items()}
    return {label: table.rows / sizes[label] if sizes[label] else None for label, table in tables.items()}


def _uneven(table: OutcomeTable) -> bool:
    return apart(table.known_share(1), table.known_share(0))


def marked_selected(figure: Measurement, told: str | None) -> Measurement:
    """The figure with the caution: no breach may rest on a selected sample, and it is never clear."""
    if told is None or figure.estimate is None:
        return figure
    return replace(figure, cautions=(*figure.cautions, told), unseen=(*figure.unseen, told))


_OF_ALL = template("{approved:.1f} % of the approved and {declined:.1f} % of the declined")
_OF_A_GROUP = template("{approved:.1f} % of the approved and {declined:.1f} % of the declined of {name}")
_OF_DECLINED = template("{own:.1f} % of the declined of {label} and {other:.1f} % of those of {reference}")
_OF_APPROVED = template("{own:.1f} % of the approved of {label} and {other:.1f} % of those of {reference}")
Known = Mapping[str | None, tuple[float | None, float | None]]


def shares_by_decision(tables: Mapping[str, OutcomeTable]) -> Known:
    """Shares of the declined and of the approved whose outcome is known, by group, and under None those of all."""
    every = added(tables.values())
    named: list[tuple[str | None, OutcomeTable]] = [(None, every), *tables.items()]
    return {name: (table.known_share(0), table.known_share(1)) for name, table in named}


def indicative(known: Known, label: str, reference: str, conditional: bool) -> str | None:
    """What to say of risks estimated where decision or group chose whose outcome is known, or None.

    ``known`` as ``shares_by_decision``; ``conditional`` says that the contract names a condition. Where all outcomes
    are known, none were chosen.
    """
    if known[None] == (1.0, 1.0):
        return None
    for name in (None, label, reference):
        declined, approved = known[name]
        if declined is None or approved is None or not (conditional or apart(approved, declined)):
            continue
        shares = _OF_A_GROUP if name else _OF_ALL
        return _indicative(said(shares, approved=100 * approved, declined=100 * declined, name=name or ""))
    for i, shares in enumerate((_OF_DECLINED, _OF_APPROVED)):
        own, other = known[label][i], known[reference][i]
        if own is not None and other is not None and apart(own, other):
            return _indicative(said(shares, own=100 * own, label=label, other=100 * other, reference=reference))
    return None


def _indicative(shares: str) -> str:
    return said(
        "indicative: the outcome is known for {shares}, so the risk of the others is taken from people alike in the "
        "features, who may differ in what the lender saw",
        shares=shares,
    )
