"""Was a personalised price said to be one, and was there a plain offer beside it?

Harm: a price made for one person, who does not know it or cannot do without it. Case by case, without sampling error:

* undisclosed_personalised_price_cases: offers priced by automated means on a person's data without a statement of it;
* no_plain_option_cases: such offers beside which no option without personalisation stood.

Flags are read as yes or no. Any other value refuses the figure, since a code that nobody explained would be counted on
one side or the other by guess; a missing one is unknown, and an offer that may be a case keeps the count from being
clear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons.census import counted
from audits.comparisons.flags import flag_of
from audits.evidence.cells import Cells
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, said

PERSONALISED = "personalised"
# measure → the key of 'terms' that must hold beside a personalised price, and what a case is called among the counts
_BESIDE = {
    "undisclosed_personalised_price_cases": ("disclosed", "undisclosed"),
    "no_plain_option_cases": ("plain_option", "without_plain_option"),
}
_MOST_SHOWN = 5
_WRITE = said("write true or false, yes or no, 1 or 0, in the source or in a 'query'")


@dataclass(frozen=True, slots=True)
class Flagged:
    """Offers by two flags. ``open`` are no cases that are known, but may be; ``odd`` are values that say neither."""

    offers: int = 0
    personalised: int = 0
    unknown_personalised: int = 0
    cases: int = 0
    open: int = 0
    odd: tuple[tuple[str, str], ...] = ()
    """(column, value) of each."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """No parameters: every figure is a count over all offers."""

    name: ClassVar[str] = "loyalty_pricing.disclosure"
    harm: ClassVar[str] = "loyalty_pricing"
    roles: ClassVar[tuple[str, ...]] = ("terms",)
    optional_roles: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[Mapping[str, float | None]] = dict.fromkeys(_BESIDE)
    counted: ClassVar[tuple[str, ...]] = tuple(_BESIDE)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """One set of cells of the flags that there are; none where no figure can be had."""
        if _answerable(contract):
            yield _need(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """Both counts, or which flags they lack."""
        figures, missing = [], list(self._undeclared(contract))
        for measure in _answerable(contract):
            cells = evidence.cells(_need(contract))
            key, word = _BESIDE[measure]
            seen = flagged(cells, contract.terms[PERSONALISED], contract.terms[key])
            undated = evidence.data.undated if cells.rows == evidence.data.rows else 0
            figures.append(_figure(measure, word, seen, undated))
            if figures[-1].reason:
                missing.append(NotAnswered(f"{self.name}: {measure}", figures[-1].reason, _WRITE))
        return figures, missing

    def _undeclared(self, contract: DataContract) -> Iterator[NotAnswered]:
        for measure, (key, _) in _BESIDE.items():
            keys = [name for name in (PERSONALISED, key) if name not in contract.terms]
            if keys:
                named = ", ".join(f"terms.{name}" for name in keys)
                yield NotAnswered(
                    f"{self.name}: {measure}", said("the contract does not name: {keys}", keys=named),
                    said("name the columns of {keys} in the contract", keys=named),
                )  # fmt: skip


def _answerable(contract: DataContract) -> list[str]:
    return [measure for measure, (key, _) in _BESIDE.items() if {PERSONALISED, key} <= set(contract.terms)]


def _need(contract: DataContract) -> CellsNeed:
    keys = (PERSONALISED, *(key for key, _ in _BESIDE.values()))
    return CellsNeed(
        columns=tuple(dict.fromkeys(contract.terms[key] for key in keys if key in contract.terms)), decision=False
    )


def flagged(cells: Cells, personalised: str, beside: str) -> Flagged:
    """Offers by the flags in two columns: a case is personalised and lacks what must stand beside it."""
    places = cells.columns.index(personalised), cells.columns.index(beside)
    seen = Flagged()
    for labels, _, rows in cells.cells:
        one, other = (flag_of(labels[place]) for place in places)
        odd = [(name, flag) for name, flag in ((personalised, one), (beside, other)) if isinstance(flag, str)]
        case = one is True and other is False
        seen = Flagged(
            offers=seen.offers + rows,
            personalised=seen.personalised + rows * (one is True),
            unknown_personalised=seen.unknown_personalised + rows * (one is None),
            cases=seen.cases + rows * case,
            open=seen.open + rows * (one is not False and other is not True and not case),
            odd=tuple(sorted({*seen.odd, *odd})),
        )  # fmt: skip
    return seen


def _figure(measure: str, word: str, seen: Flagged, undated: int) -> Measurement:
    """The count with its denominators, or why there is none."""
    counts = {
        word: seen.cases, "personalised": seen.personalised, "unknown": seen.open, "offers": seen.offers,
        "unknown_personalised": seen.unknown_personalised,
    }  # fmt: skip
    reason = _refused(seen)
    figure = counted(Disclosure.name, measure, None if reason else seen.cases, seen.offers, counts, reason)
    unseen: tuple[Sentence, ...] = ()
    if seen.open and not reason:
        unseen = (said("the flags do not tell of {open:,} of {offers:,} offers whether they are cases",
                       open=seen.open, offers=seen.offers),)  # fmt: skip
    cautions: tuple[Sentence, ...] = ()
    if 0 < seen.cases <= undated and not reason:
        cautions = (
            said(
                "the number of offers without a time is {undated:,}, and every case may be among them", undated=undated
            ),
        )
    return replace(figure, unseen=unseen, cautions=cautions)


def _refused(seen: Flagged) -> Sentence | None:
    if seen.odd:
        column = seen.odd[0][0]
        values = ", ".join([repr(value) for name, value in seen.odd if name == column][:_MOST_SHOWN])
        return said("'{column}' holds {values}, which is neither yes nor no", column=column, values=values)
    if seen.unknown_personalised == seen.offers:
        return said("no offer says whether its price was personalised")
    if seen.open == seen.offers:
        return said("the flags tell of no offer whether it is a case")
    return None
