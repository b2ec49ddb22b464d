"""What the figures leave out: rows, groups and controls, each with its number and the reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed
from audits.record import Exclusion
from checks.inputs.program import AuditProgram


def exclusions_of(evidence: Evidence, program: AuditProgram) -> tuple[Exclusion, ...]:
    """Rows and groups that figures leave out, by role and reason, from the evidence."""
    found = []
    for attribute in evidence.attributes():
        counts = evidence.cells(CellsNeed((attribute,))).by(attribute)
        missing = sum(count for (label, _), count in counts.items() if label is None)
        found.append(Exclusion(f"groups.{attribute}", None, missing, "no group label: the value is missing"))
        found += _unheard(counts, attribute, evidence.data.declared.get(attribute, ()), program)
    if evidence.attributes():
        undecided = sum(count for _, decision, count in evidence.cells(CellsNeed()).cells if decision is None)
        why = "no decision that counts: it is missing, excluded by the contract, or without a time in a period"
        found.append(Exclusion("decision", None, undecided, why))
    for file in sorted(evidence.folder.glob("moments-*.json")):
        moments = json.loads(file.read_text(encoding="utf-8"))
        found += [
            Exclusion(f"controls.{name}", None, rows, "no value of a control: left out of adjusted figures only")
            for name, rows in moments["missing"].items()
        ]
        lost = moments["cluster_missing"]
        found.append(Exclusion("entity", None, lost, "no value of the cluster: left out of adjusted figures only"))
        found += [
            Exclusion(f"controls.{name}", None, 0, "the control never varies: it adjusts nothing")
            for name in moments["constant"]
        ]
    kept = dict.fromkeys(item for item in found if item.rows or item.label or "never varies" in item.reason)
    return tuple(kept)


def _unheard(
    counts: Mapping[tuple[str | None, int | None], int],
    attribute: str,
    declared: Iterable[str],
    program: AuditProgram,
) -> Iterator[Exclusion]:
    """Groups about which nothing can be said: declared but absent, or without a single decision."""
    for label in declared:
        if not any(found == label for found, _ in counts):
            yield Exclusion(f"groups.{attribute}", label, 0, "declared, but no row has this label")
    if program.contract.decision:
        for label in sorted({label for label, _ in counts if label is not None}):
            rows = sum(n for (found, _), n in counts.items() if found == label)
            if rows == counts.get((label, None), 0):
                yield Exclusion(f"groups.{attribute}", label, rows, "no row of this group has a decision that counts")
