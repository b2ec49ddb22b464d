"""Which finding, or figure, of one run is that of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeVar

from audits.record import AuditRun, Finding, Judgement, Measurement

K = TypeVar("K")
T = TypeVar("T")
Key = tuple[str, ...]


def figure_key(m: Measurement) -> Key:
    """What makes a figure the same one in another run, whatever its program is called."""
    return tuple(str(part) for part in (m.question, m.measure, m.attribute, m.group, m.reference, m.segment))


def finding_key(f: Finding) -> Key:
    """What makes a finding the same one: harm, rule and figure. Within a program this is what its id is made of."""
    return (f.harm, f.rule.id, *figure_key(f.measurement))


def figures_of(run: AuditRun) -> dict[Key, Measurement]:
    """Figures by key; one that stands more than once has a number."""
    return _numbered((figure_key(m), m) for m in run.measurements)


def findings_of(judgement: Judgement, same_program: bool) -> dict[Key, Finding]:
    """Findings by their id, or between two programs by harm, rule and figure."""
    return _numbered(((f.finding_id,) if same_program else finding_key(f), f) for f in judgement.findings)


def paired(before: Mapping[K, T], after: Mapping[K, T]) -> list[tuple[T | None, T | None]]:
    """Both sides of every key, in the order of the second run."""
    return [(before.get(key), after.get(key)) for key in dict.fromkeys((*after, *before))]


def _numbered(items: Iterable[tuple[Key, T]]) -> dict[Key, T]:
    seen: Counter[Key] = Counter()
    found: dict[Key, T] = {}
    for key, item in items:
        seen[key] += 1
        found[key if seen[key] == 1 else (*key, f"#{seen[key]}")] = item
    return found
