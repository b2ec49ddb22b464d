"""Findings as lines of text, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dags.doctoring.finding import Finding


def lines(findings: Sequence[Finding]) -> list[str]:
    """A line per thing, what to do below it, and a last line that says whether what is needed works."""
    wide = max((len(finding.thing) for finding in findings), default=0)
    told = []
    for one in findings:
        optional = "" if one.needed or one.state in ("ok", "not asked") else " (not needed)"
        told.append(f"{one.state:9}  {one.thing:{wide}}  {one.found}{optional} - {one.purpose}")
        if one.remedy and one.state != "ok":
            told.append(f"{'':11}{'':{wide}}  to do: {one.remedy}")
    return [*told, "", summary(findings)]


def summary(findings: Sequence[Finding]) -> str:
    """Whether everything needed works, and how many of the rest do not."""
    failed = sum(finding.fails for finding in findings)
    other = sum(finding.state in ("missing", "broken") for finding in findings) - failed
    rest = f"; {other} not needed {'is' if other == 1 else 'are'} missing or broken" if other else ""
    if failed:
        return f"{failed} needed {'thing does' if failed == 1 else 'things do'} not work{rest}"
    return f"everything needed works{rest}"


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """All findings, and whether what is needed works."""
    return {"works": not any(one.fails for one in findings), "findings": [asdict(one) for one in findings]}
