"""What is wrong with the rows of a funnel: counted, told, and, where it is not rare, what figures cannot see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audits.evidence.funnel import EVERYONE, Funnel
from audits.record import NotAnswered
from checks.sentence import Sentence, said, template

MOST = 0.01  # share of persons, or rows, above which no figure is clear
_SHOWN = 5
_CORRECT = said("correct it in the source")
_SAY = said("say yes or no in each row of the column; only a column that never says no may be left empty for a no")
_TOLD = {
    "skipped": (
        template("{n:,} of {whole:,} persons have a later stage and not one before it, and count as having passed it"),
        said("see whether the log loses events, or the stages stand in another order"),
    ),
    "out_of_order": (
        template("{n:,} of {whole:,} persons have a later stage at an earlier time, and count as having passed both"),
        said("see whether the clocks agree, or the stages stand in another order"),
    ),
    "mixed": (
        template("{n:,} times in {whole:,} persons rows of one person name several groups, which are told as unknown"),
        said("give each person one group in the source"),
    ),
    "without_person": (
        template("{n:,} of {whole:,} rows name no person and are left out"),
        said("fill in the entity of each row"),
    ),
    "undecided": (
        template("{n:,} of {whole:,} persons submitted and have no decision, and count as not having passed it"),
        said("wait until they are decided, or name a span 'within' under 'funnel'"),
    ),
    "too_early": (
        template("{n:,} persons were first seen too shortly before the end of the data, and are left out of the "
                 "{whole:,}"),
        said("ask again of a later period"),
    ),
    "duplicates": (template("{n:,} of {whole:,} rows repeat an event of a person at the same time"), _CORRECT),
    "skewed": (
        template("{n:,} of {whole:,} persons have a later stage earlier by no more than clocks differ"), _CORRECT,
    ),
    "ahead": (template("{n:,} of {whole:,} rows have a time beyond the end of the data"), _CORRECT),
    "odd_ages": (template("{n:,} of {whole:,} persons have an age that nobody has, which is told as unknown"),
                 _CORRECT),
    "unread_stages": (
        template("{n:,} of {whole:,} persons have a flag of the stage after their last that says neither yes nor no, "
                 "and count as not having passed it"),
        _SAY,
    ),
    "unread_failures": (
        template("{n:,} of {whole:,} persons who came to the identity check have a flag of failures or of the fallback "
                 "that says neither yes nor no, and count as a no"),
        _SAY,
    ),
    "without_times": (
        template("{n:,} of {whole:,} persons have no time at all, so that nobody can tell who had the span 'within'"),
        said("name under 'time' when a person was first seen, or leave 'within' out"),
    ),
}  # fmt: skip
_TOO_EARLY = template(
    "{n:,} persons first seen too shortly before the end of the data are left out of those reached and stand among the "
    "people of the table, so that shares of the people are too low: a table of the people of the same span, or data of "
    "a longer period, would answer"
)
_ONCE = ("", "any")  # methods of the cells that hold each person who came to the check once
_ROWS = ("without_person", "duplicates", "ahead")
GRAVE = ("skipped", "out_of_order", "mixed", "without_person", "unread_stages")
_EVENT = template("{rows:,} rows hold the event '{event}', which is no stage")
_EVENTS = template("{rows:,} rows hold other events that are no stage, of {events} kinds")
_NAME_EVENT = said("add it under 'funnel' to the stage that it means, or leave it")
_SOME = template(
    "shares lost by device, network, help and hour, and times, are those of one person in {sampled:,}, chosen by a "
    "hash; persons with stages out of order and rows that repeat an event are counted among these and told as "
    "{sampled:,} times as many"
)
_FEWER = said("read these figures with their intervals, which allow for it, or ask of a shorter period")
_BEFORE = template("{n:,} persons of the data did not pass '{stage}' and are in no ratio of a later stage")

_PEOPLE = said("give a table 'population' of the people who could be reached")
_GROUPS_FIRST = said("declare 'groups' or 'age', and give a table 'population' of the people who could be reached")


def told_faults(question: str, funnel: Funnel, reached_unknown: Iterable[str]) -> Iterator[NotAnswered]:
    """A line for each kind that occurs; ``reached_unknown`` are attributes without a table of people."""
    if funnel.sampled > 1:
        yield NotAnswered(f"{question}: sampled", said(_SOME, sampled=funnel.sampled), _FEWER)
    for name, (words, needed) in _TOLD.items():
        if funnel.counts.get(name, 0):
            yield NotAnswered(f"{question}: {name}", _said(words, funnel, name), needed)
    for event, rows in funnel.unknown_events[:_SHOWN]:
        yield NotAnswered(f"{question}: unknown_events", said(_EVENT, rows=rows, event=event), _NAME_EVENT)
    if rest := funnel.unknown_events[_SHOWN:]:
        told = said(_EVENTS, rows=sum(rows for _, rows in rest), events=len(rest))
        yield NotAnswered(f"{question}: unknown_events", told, _NAME_EVENT)
    yield from _before_the_first(question, funnel, reached_unknown)


def unseen_faults(funnel: Funnel) -> tuple[Sentence, ...]:
    """What keeps every figure of the way from being clear."""
    return tuple(_said(_TOLD[name][0], funnel, name) for name in GRAVE if _share(funnel, name) > MOST)


def undecided_told(funnel: Funnel) -> tuple[Sentence, ...]:
    """What keeps figures of the decision, and of what lies beyond, from being clear."""
    return (_said(_TOLD["undecided"][0], funnel, "undecided"),) if _share(funnel, "undecided") > MOST else ()


def failures_told(funnel: Funnel) -> tuple[Sentence, ...]:
    """What keeps figures of the identity check from being clear: failures and ways round them that nobody can read."""
    name = "unread_failures"
    return (_said(_TOLD[name][0], funnel, name),) if _share(funnel, name) > MOST else ()


def too_early_told(funnel: Funnel) -> tuple[Sentence, ...]:
    """What figures that begin with the people of a table must carry once many persons were seen too late to count."""
    n = funnel.counts.get("too_early", 0)
    return (said(_TOO_EARLY, n=n),) if n > MOST * (n + funnel.counts.get("persons", 0)) else ()


def fault_details(funnel: Funnel) -> dict[str, float]:
    """Every count, as a figure may carry them."""
    return {name: float(n) for name, n in funnel.counts.items()}


def _before_the_first(question: str, funnel: Funnel, attributes: Iterable[str]) -> Iterator[NotAnswered]:
    """Persons who did not even pass the first stage, of the attribute that has the most of them."""
    told = (funnel.cells.get(name, ()) for name in attributes)
    most = max((sum(cell.persons for cell in cells if cell.furthest < 0) for cells in told), default=0)
    if most:
        needed = _GROUPS_FIRST if EVERYONE in funnel.cells else _PEOPLE
        yield NotAnswered(f"{question}: before_first", said(_BEFORE, n=most, stage=funnel.stages[0]), needed)


def _share(funnel: Funnel, name: str) -> float:
    whole = _whole(funnel, name)
    return funnel.counts.get(name, 0) / whole if whole else 0.0


def _said(words: str, funnel: Funnel, name: str) -> Sentence:
    return said(words, n=funnel.counts.get(name, 0), whole=_whole(funnel, name))


def _whole(funnel: Funnel, name: str) -> int:
    """The rows, persons, or persons who came to the identity check, of whom a fault is a part."""
    if name == "unread_failures" and funnel.failures:
        one = next(iter(funnel.failures.values()))
        return sum(cell.persons for cell in one if cell.method in _ONCE)
    return funnel.counts.get("rows" if name in _ROWS else "persons", 0)
