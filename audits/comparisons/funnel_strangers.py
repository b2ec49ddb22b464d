"""Persons on the way whose group nobody knows: how many, and what they could make of the ratio of the whole way.

The worst case for a group has every stranger who came through among the reference and every other in the group, the
best the reverse (``audits.comparisons.unknown``; Manski 1990, American Economic Review 80:319–323). Where a table tells
how many people there are of either, strangers who were lost are among these already, and only those who came through
move the ratio. Nobody is given a group.
"""

from __future__ import annotations

from dataclasses import replace

from audits.comparisons.census import counted
from audits.comparisons.funnel_stages import nothing
from audits.comparisons.funnel_ways import Ways
from audits.comparisons.unknown import MOST_UNKNOWN, Counts, bounded_ratio, extremes
from audits.record import Measurement
from checks.sentence import Sentence, said, template

COVERAGE, BOUNDED = "person_coverage", "bounded_cumulative_ratio"
_UNKNOWN = template("{attribute} is not known for {share:.1f} % of the persons, who are left out here")
_BOUNDS = said("bounds over every group that persons without a known one could have, with score limits")
_NO_RATIO = template("nobody of the reference group '{reference}' came through: there is no ratio")
_NOBODY = template("nobody of '{label}' came to the first stage")


def coverage(question: str, ways: Ways) -> Measurement:
    """The share of persons who passed the first stage whose label is known, also among those who came through."""
    came, through = ({label: ways.passed(label)[k] for label in ways.tables} for k in (0, -1))
    every, ends = sum(came.values()), sum(through.values())
    known, known_ends = every - came.get(None, 0), ends - through.get(None, 0)
    counts = {"known": known, "persons": every}
    reason = None if every else said("no person passed the first stage")
    figure = counted(question, COVERAGE, known / every if every else None, every, counts, reason)
    details = {"known_among_finished": known_ends / ends} if ends else {}
    details |= {"known_among_lost": (known - known_ends) / (every - ends)} if every > ends else {}
    return replace(figure, attribute=ways.attribute, details=details, corrected=True)


def unknown_told(ways: Ways) -> tuple[Sentence, ...]:
    """What a comparison of the labelled alone must carry once the others are many."""
    share = ways.unknown_share()
    return (said(_UNKNOWN, attribute=ways.attribute, share=100 * share),) if share > MOST_UNKNOWN else ()


def bounds(question: str, ways: Ways, label: str, level: float) -> list[Measurement]:
    """The ratio of the whole way whoever the strangers are; nothing where everybody's label is known."""
    strangers = ways.passed(None)
    if not strangers[0]:
        return []
    mine, theirs = ways.passed(label), ways.passed(ways.reference)
    people = ways.usable_entry(label)
    came = people or (mine[0], theirs[0])
    yes, all_ = strangers[-1], strangers[0]
    counts = {
        "group_favourable": mine[-1], "group_decided": came[0], "reference_favourable": theirs[-1],
        "reference_decided": came[1], "unknown_favourable": yes, "unknown_decided": all_,
    }  # fmt: skip
    shared = replace(
        nothing(question, BOUNDED, ways, label, level), equality=None, counts=counts, method=_BOUNDS,
        n=came[0] + came[1] + (0 if people else all_),
    )  # fmt: skip
    if not came[0] or not came[1]:
        empty = label if not came[0] else ways.reference
        return [replace(shared, reason=said(_NOBODY, label=empty))]
    if people:
        worst, best = _among_people(mine[-1], theirs[-1], yes, people)
    else:
        worst, best = extremes((mine[-1], came[0]), (theirs[-1], came[1]), yes, all_ - yes)
    ratio = (mine[-1] / came[0]) / (theirs[-1] / came[1]) if theirs[-1] else None
    reason = said(_NO_RATIO, reference=ways.reference) if ratio is None else None
    return [replace(shared, estimate=ratio, reason=reason, **bounded_ratio(worst, best, level))]


def _among_people(x1: int, x0: int, yes: int, people: tuple[int, int]) -> tuple[Counts, Counts]:
    """Both cases where the numbers of people are known: strangers who were lost count among them already."""
    n1, n0 = people
    return (x1, n1, min(x0 + yes, n0), n0), (min(x1 + yes, n1), n1, x0, n0)
