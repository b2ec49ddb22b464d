"""Exact figures over all loans: the highest of any loan, how many lie beyond each limit, and what is not known.

A loan whose figure is not known may be the case that a rule looks for, so that one such loan keeps a figure from being
clear. Where no case was found among n loans the chance of one elsewhere is no zero: about 3 / n bounds it (Hanley and
Lippman-Hand 1983, JAMA 249:1743–1745), which is told as ``upper_share_of_none``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audits.comparisons.census import counted
from audits.evidence.census import Census
from audits.evidence.collect import Evidence
from audits.evidence.needs import CensusNeed
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.loan_figures import FIGURES, figure_column, lacking, needs_solving
from checks.sentence import Sentence, said

_LEVEL = 0.95


def loan_need(measure: str, contract: DataContract) -> CensusNeed:
    """What to collect for a measure of loans."""
    return CensusNeed(measure, figure_column(measure), unit=contract.unit, solved=needs_solving(measure, contract))


def answerable(measures: Iterable[str], contract: DataContract) -> list[str]:
    """The measures whose roles the contract fills."""
    return [measure for measure in measures if not lacking(measure, contract)]


def undeclared(question: str, measure: str, contract: DataContract) -> NotAnswered:
    """A measure whose roles are not filled, by name."""
    named = ", ".join(lacking(measure, contract))
    return NotAnswered(
        f"{question}: {measure}", said("the contract does not name: {keys}", keys=named),
        said("name the columns of {keys} in the contract", keys=named),
    )  # fmt: skip


def census_figure(
    question: str,
    need: CensusNeed,
    evidence: Evidence,
    contract: DataContract,
    *,
    cautions: Sequence[Sentence] = (),
    unit: str | None = None,
) -> Measurement:
    """The extreme figure of any loan with its denominators; without a known loan the reason."""
    census = evidence.census(need)
    value = census.lowest if need.lowest else census.highest
    worst = (max if need.lowest else min)(census.beyond, default=None)
    counts = {
        "loans": census.rows, "in_scope": census.scope, "with_figure": census.known, "without_figure": census.open,
        **({"beyond": worst[1]} if worst else {}),
    }  # fmt: skip
    figure = counted(question, need.measure, value, census.known, counts, _reason(census))
    money = need.figure == figure_column(need.measure) and FIGURES[need.measure].money
    return replace(
        figure, beyond=census.beyond, unseen=_unseen(census) if value is not None else (), details=_share(census),
        cautions=(*cautions, *_undated(census, evidence, contract)) if value is not None else (),
        unit=unit or (contract.loan_form.currency if money else None),
    )  # fmt: skip


def _share(census: Census) -> dict[str, float]:
    """Share of loans beyond the nearest limit, with its exact upper bound for loans like these."""
    if not census.known or not census.beyond:
        return {}
    from audits.statistics.exact_tests import clopper_pearson_interval, zero_cases_upper_bound

    most = max(n for _, n in census.beyond)
    return {
        "beyond_share": most / census.known,
        "upper_share": float(clopper_pearson_interval(most, census.known, _LEVEL).high),
        "upper_share_of_none": float(zero_cases_upper_bound(census.known, _LEVEL)),
    }


def _reason(census: Census) -> Sentence:
    if not census.scope and not census.unsure:
        return said("none of {loans:,} loans is one that this figure speaks of", loans=census.rows)
    if not census.scope:
        return said(
            "of {unsure:,} of {loans:,} loans it is not known whether this figure speaks of them; no other is meant",
            unsure=census.unsure, loans=census.rows,
        )  # fmt: skip
    return said("no loan of {scope:,} has a figure", scope=census.scope)


def _unseen(census: Census) -> tuple[Sentence, ...]:
    if not census.open:
        return ()
    return (said(
        "{open:,} of {loans:,} loans have no figure, or may be meant and lie beyond the limit",
        open=census.open, loans=census.rows,
    ),)  # fmt: skip


def _undated(census: Census, evidence: Evidence, contract: DataContract) -> tuple[Sentence, ...]:
    """Cases that may all be among the rows without a time, so that nobody knows which rule they fall under."""
    undated = evidence.data.undated if contract.time else 0
    most = max((n for _, n in census.beyond), default=0)
    if not (0 < most <= undated):
        return ()
    return (
        said("the number of loans without a time is {undated:,}, and every case may be among them", undated=undated),
    )
