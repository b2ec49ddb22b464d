"""What a search for remedies was asked, and what stands behind its record."""

from __future__ import annotations

from collections.abc import Sequence

from audits.remedies.records import Candidate, RemedyRecord
from reports.figures import count
from reports.remedies_figures import performance, performance_difference, ratio, reference_label
from reports.report_model import Fact, FactGroup
from reports.words import Words

_PARTS = ("training", "validation", "untouched")
NOT_DRAWN = ("without_unit", "without_decision", "of_large_persons", "beyond_most")


def terms(say: Words, record: RemedyRecord) -> tuple[Fact, ...]:
    """What was asked, as the program states it or by default."""
    floor, settings, rows = record.floor, record.settings, record.training.rows
    kept = settings.get("keep") or ()
    parts = {part: count(rows.get(part, 0)) for part in _PARTS}
    facts = [
        Fact(say("remedy.attribute"), record.attribute, reference_of(say, record)),
        Fact(say("remedy.target"), say(f"remedy.role.{record.training.target}")),
        Fact(say("remedy.approvals"), say(f"remedy.approve.{record.approve}")),
        Fact(say("remedy.performance"), say("remedy.performance_of", performance=say(
            f"remedy.performance.{floor.performance}"), role=say(f"remedy.role.{floor.of}"))),
        Fact(say("remedy.floor"), floor_words(say, record)),
        Fact(say("remedy.least_gain"), ratio(floor.least_gain), say("remedy.gain_is")),
    ]  # fmt: skip
    facts += [Fact(say("remedy.kept"), say("join.list").join(map(str, kept)))] if kept else []
    facts += [Fact(say("remedy.trials"), str(settings["trials"]))] if "trials" in settings else []
    note = say("remedy.rows_drawn", drawn=rows.get("drawn", 0), total=rows.get("total", 0))
    facts.append(Fact(say("remedy.rows"), say("remedy.parts", **parts), note))
    left = [say(f"remedy.rows.{kind}", count=rows[kind]) for kind in NOT_DRAWN if rows.get(kind)]
    facts += [Fact(say("remedy.rows_left"), say("join.clauses").join(left))] if left else []
    facts.append(Fact(say("remedy.training"), record.training.file, say(
        "remedy.function", function=record.training.function), True))  # fmt: skip
    return (*facts, Fact(say("remedy.training_digest"), record.training.digest, "", True))


def usable(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates beside today's whose model could be trained and measured."""
    return [one for one in candidates if one.kind != "today" and not _is_lost(one)]


def lost_candidates(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates that could not be used."""
    return [one for one in candidates if one.kind != "today" and _is_lost(one)]


def _is_lost(one: Candidate) -> bool:
    return one.performance is None and one.approved is None and one.gain is None


def floor_words(say: Words, record: RemedyRecord) -> str:
    """The least performance, and what it is made of."""
    floor = record.floor
    loss = performance_difference(say, floor.loss, floor.performance, ()).lstrip("+")
    if floor.least is None or floor.best is None:
        return say("remedy.floor_open", loss=loss)
    least, best = (performance(value, floor.performance) for value in (floor.least, floor.best))
    return say("remedy.floor_is", least=least, best=best, loss=loss)


def reference_of(say: Words, record: RemedyRecord) -> str:
    """The group that the others of the remedied attribute are compared with; empty where none is told."""
    reference = reference_label(record)
    return say("remedy.reference", reference=reference) if reference else ""


def provenance(say: Words, record: RemedyRecord) -> tuple[FactGroup, ...]:
    """Digests, versions, seed and packages."""
    records = (
        Fact(say("prov.program", name=record.program.name), record.program.digest, "", True),
        Fact(say("prov.version"), str(record.version)),
        Fact(say("prov.supersedes"), record.supersedes or say("prov.supersedes_none"), "", bool(record.supersedes)),
        Fact(say("prov.schema"), record.schema_version),
        Fact(say("prov.seed"), str(record.seed)),
        Fact(say("remedy.audit"), record.run or say("remedy.audit_none"), "", bool(record.run)),
    )
    packages = tuple(Fact(name, version, "", True) for name, version in sorted(record.training.packages.items()))
    data = (Fact(say("prov.fingerprint"), record.fingerprint or say("prov.empty"), "", True),)
    return tuple(
        FactGroup(say(title), facts or (Fact(say("prov.empty"), ""),))
        for title, facts in (("prov.records", records), ("prov.data", data), ("prov.environment", packages))
    )
