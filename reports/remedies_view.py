"""A record of a search for remedies → what its page says: order, wording, rounding."""

from __future__ import annotations

from collections.abc import Iterator

from audits.remedies.records import KINDS, Candidate, Certified, RemedyRecord
from reports.figures import count, percent
from reports.remedies_figures import (
    AUC,
    GAIN,
    OUTCOMES,
    RATIO,
    RECORDED,
    TODAYS,
    bounds,
    certified,
    certified_difference,
    counted_ratio,
    difference,
    gained,
    is_gain,
    level_of,
    performance,
    ratio,
    reference_label,
    share,
)
from reports.remedies_frontier import frontier
from reports.remedies_model import CandidateRow, ComparedRow, Key, RemediesModel
from reports.remedies_openings import opening
from reports.remedies_pictures import pictures
from reports.remedies_terms import lost_candidates, provenance, reference_of, terms, usable
from reports.report_model import Fact
from reports.rule_reading import phrase
from reports.words import ENGLISH, Words

BADGES = {"certified": "clear", "not_confirmed": "inconclusive", "none_found": "none", "not_answered": "not_identified"}
_NEAR = 8  # candidates that are shown without unfolding


def remedies_model(record: RemedyRecord, say: Words = ENGLISH) -> RemediesModel:
    """Everything that the page says of a search."""
    near = _near(record)
    every = sorted(record.candidates, key=lambda one: KINDS.index(one.kind))
    level = level_of(record.certified)
    return RemediesModel(
        outcome=say(f"remedy.outcome.{record.outcome}"),
        badge=BADGES[record.outcome],
        title=phrase(say, record.program.title, record.program.name),
        identity=identity(say, record),
        asked=_asked(say, record),
        headline=headline(say, record),
        explanation=opening(say, record.explanation),
        meaning=_meaning(say, record),
        key=key_figure(say, record),
        compared=tuple(_compared(say, record)),
        pictures=pictures(say, record),
        recorded=tuple(_recorded(say, record)),
        together=say("remedy.together", level=level) if level else "",
        terms=terms(say, record),
        frontier=frontier(say, record),
        near=tuple(_candidate(say, record, one) for one in near),
        every=tuple(_candidate(say, record, one) for one in every) if len(near) < len(every) else (),
        counted=say("join.clauses").join(by_kind(say, record)),
        chosen=_chosen(say, record),
        reasons=tuple(opening(say, one) for one in record.reasons),
        cautions=tuple(opening(say, one) for one in record.cautions),
        not_shown=_not_shown(say, record),
        provenance=provenance(say, record),
    )


def identity(say: Words, record: RemedyRecord) -> str:
    """Name, period and version."""
    period = say("period_whole") if record.period == "all" else record.period
    return say("identity", name=record.program.name, period=period, version=record.version)


def headline(say: Words, record: RemedyRecord) -> str:
    """The outcome in a sentence."""
    return say(f"remedy.headline.{record.outcome}")


def _meaning(say: Words, record: RemedyRecord) -> str:
    """What the outcome means; rows that a search before this one has read are not called untouched."""
    again = ".again" if record.read_before and record.outcome in ("certified", "not_confirmed") else ""
    return say(f"remedy.meaning.{record.outcome}{again}", count=len(_tried(record)))


def by_kind(say: Words, record: RemedyRecord) -> list[str]:
    """How many candidates there are of each kind, today's left out and those that could not be used apart."""
    counted = {kind: sum(one.kind == kind for one in usable(record.candidates)) for kind in KINDS}
    told = {say(f"remedy.kind.{kind}"): number for kind, number in counted.items()}
    told[say("remedy.lost")] = len(lost_candidates(record.candidates))
    return [say("labelled", label=label, value=count(number)) for label, number in told.items() if number]


def key_figure(say: Words, record: RemedyRecord) -> Key | None:
    """The certified gain of the group that today's model treats worst."""
    from audits.remedies.certificate import worst_of

    one = worst_of(record.certified, record.attribute)
    if one is None:
        return None
    label = say("remedy.key", who=_against(say, one))
    told, gain = difference(one.estimate or 0.0), gained(one)
    if one.today is not None and one.chosen is not None and gain is not None:
        told = say("remedy.from_to", today=ratio(one.today), chosen=ratio(one.chosen), gain=difference(gain))
    words = "remedy.key_bounds" if is_gain(one) else "remedy.key_bounds_of_change"
    interval = say(words, level=percent(one.level), bounds=bounds(say, one, record.floor.performance))
    return Key(label, told, interval, say("remedy.untouched_rows", n=one.n))


def candidate_words(say: Words, record: RemedyRecord, identity: str | None) -> str:
    """What a candidate is, by its id."""
    return next((say.sentence(one.words) for one in record.candidates if one.id == identity), identity or "")


def _tried(record: RemedyRecord) -> list[Candidate]:
    """Alternatives that a lender could use, as the record's sentences count them."""
    return [one for one in usable(record.candidates) if one.deployable]


def _asked(say: Words, record: RemedyRecord) -> tuple[Fact, ...]:
    period = say("period_all") if record.period == "all" else say("period_some", period=record.period)
    rows = record.training.rows.get("untouched", 0)
    return (
        Fact(say("remedy.attribute"), record.attribute, reference_of(say, record)),
        Fact(say("remedy.tried"), count(len(_tried(record)))),
        Fact(say("remedy.untouched"), say("prov.rows", rows=count(rows))),
        Fact(say("prov.data"), period),
    )


def _compared(say: Words, record: RemedyRecord) -> Iterator[ComparedRow]:
    """Ratios of each group with their gain, then what stands once for all."""
    gains = {(one.attribute, one.group): one for one in record.certified if one.measure == GAIN}
    for one in record.certified:
        if one.measure == RATIO:
            yield _row(say, record, one, gains.pop((one.attribute, one.group), None))
    told = {RATIO, GAIN, RECORDED, TODAYS}
    if record.floor.performance != AUC and record.floor.of == "outcome":
        told.add(OUTCOMES)  # it is the performance itself
    for one in (*gains.values(), *(one for one in record.certified if one.measure not in told)):
        yield _row(say, record, one, one)


def _row(say: Words, record: RemedyRecord, one: Certified, gain: Certified | None) -> ComparedRow:
    """A figure of both models, with the certified difference of them."""
    kind, name = record.floor.performance, say(f"remedy.figure.{one.measure}")
    if one.measure == "performance_difference":
        name = say(f"remedy.performance.{kind}")
    if one.group:
        name = say("measure_of", measure=say("labelled", label=one.attribute, value=name), who=_against(say, one))
    none = say("remedy.none")
    today, chosen = (none if value is None else certified(one, value, kind) for value in (one.today, one.chosen))
    if one.measure == RATIO and one.chosen is not None:
        chosen = say("measure_of", measure=chosen, who=bounds(say, one, kind))
    reason = next((say.sentence(part.reason) for part in (gain, one) if part and part.reason), "")
    told = gain is not None and gain.estimate is not None
    return ComparedRow(
        name, say("prov.rows", rows=count(one.n)), today, chosen,
        certified_difference(say, gain, gain.estimate or 0.0, kind) if gain and told else none,
        bounds(say, gain, kind) if gain and told else none, reason,
    )  # fmt: skip


def _recorded(say: Words, record: RemedyRecord) -> Iterator[tuple[str, ...]]:
    """The ratios of the recorded decisions, or of today's model alone: whom, ratio, bounds, how many were approved."""
    for one in record.certified:
        if one.measure in (RECORDED, TODAYS):
            whom = say("labelled", label=one.attribute, value=_against(say, one))
            if one.measure == TODAYS:
                whom = say("remedy.todays_row", who=whom)
            if one.estimate is None:
                yield whom, say("remedy.none"), say.sentence(one.reason or ""), say("remedy.none")
                continue
            told = one.counts.keys() >= {"group", "reference", "group_approved", "reference_approved"}
            counts = say("remedy.recorded_counts", **one.counts) if told else count(one.n)
            yield whom, ratio(one.estimate), bounds(say, one, record.floor.performance), counts


def _against(say: Words, one: Certified) -> str:
    return say("remedy.against", group=one.group, reference=one.reference)


def _near(record: RemedyRecord) -> list[Candidate]:
    """Today's, the chosen one, those close behind it, then others with the largest gain."""
    first = [record.chosen, *record.runner_up]
    rest = sorted(record.candidates, key=lambda one: -(one.gain if one.gain is not None else -9.0))
    order = [*(one for one in record.candidates if one.kind == "today")]
    order += [one for name in first for one in record.candidates if one.id == name]
    order += [one for one in rest if one.deployable]
    order += rest
    return list({one.id: one for one in order}.values())[:_NEAR]


def _candidate(say: Words, record: RemedyRecord, one: Candidate) -> CandidateRow:
    none, found = say("remedy.none"), counted_ratio(one, record.attribute, reference_label(record))
    shown = none
    if found:
        shown = ratio(found[1].ratio or 0.0)
        several = sum(rate.attribute == record.attribute for rate in one.rates) > 2
        shown = say("measure_of", measure=shown, who=found[1].group) if several else shown
    kind = record.floor.performance
    rated = none if one.performance is None else performance(one.performance, kind)
    outcomes = ""
    if kind == AUC and one.outcome_rate is not None:
        outcomes = say("remedy.outcomes_of", share=share(one.outcome_rate))
    gain = none if one.gain is None or one.kind == "today" else difference(one.gain)
    return CandidateRow(
        opening(say, one.words), one.id, say(f"remedy.kind.{one.kind}"), rated, outcomes, shown, gain,
        _eligible(say, one), tuple(_marks(say, record, one)),
    )  # fmt: skip


def _marks(say: Words, record: RemedyRecord, one: Candidate) -> Iterator[str]:
    if one.id == record.chosen:
        yield say("remedy.mark.chosen")
    if not one.deployable:
        yield say("remedy.mark.by_group")


def _eligible(say: Words, one: Candidate) -> str:
    if one.eligible:
        return say("remedy.eligible")
    if one.reason:
        return opening(say, one.reason)
    return say("remedy.none") if one.kind == "today" else say("remedy.not_eligible")


def _chosen(say: Words, record: RemedyRecord) -> tuple[Fact, ...]:
    """What the chosen model is made of."""
    one = next((one for one in record.candidates if one.id == record.chosen), None)
    if one is None:
        return ()
    today = next((other for other in record.candidates if other.kind == "today"), one)
    left = [name for name in today.features if name not in one.features]
    listed, settings = say("join.list").join, one.hyperparameters
    made = {
        "remedy.chosen": say.sentence(one.words), "remedy.kind": say(f"remedy.kind.{one.kind}"),
        "remedy.takes": listed(one.features), "remedy.leaves_out": listed(left),
        "remedy.changes": listed(say("labelled", label=n, value=say.sentence(w)) for n, w in one.changes.items()),
        "remedy.hyperparameters": listed(say("labelled", label=n, value=f"{v}") for n, v in settings.items()),
        "remedy.runner_up": say("join.clauses").join(_runners_up(say, record)),
    }  # fmt: skip
    return tuple(Fact(say(key), value) for key, value in made.items() if value)


def _runners_up(say: Words, record: RemedyRecord) -> Iterator[str]:
    yield from (candidate_words(say, record, name) for name in record.runner_up[:_NEAR])
    if len(record.runner_up) > _NEAR:
        yield say("remedy.and_more", count=len(record.runner_up) - _NEAR)


def _not_shown(say: Words, record: RemedyRecord) -> tuple[str, ...]:
    keys = ["others", "period", "rule", "law"]
    told = [say(f"remedy.not_shown.{key}") for key in keys]
    return tuple(told if record.chosen else [told[0], *told[2:]])
