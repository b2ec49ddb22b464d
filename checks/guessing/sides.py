"""Which value of a decision or an outcome favours the customer."""

from __future__ import annotations

from collections.abc import Sequence

from checks.guessing.profile import Column
from checks.guessing.vocabulary import BAD_NAMES, GOOD, LOST, REFUSED, REPAID


def decision_sides(column: Column, words: Sequence[str]) -> dict[str, list[str]] | None:
    """``favourable``, ``unfavourable`` and ``excluded`` values of a decision; None where no value says approved."""
    labels = list(column.labels)
    denied = "denied" in words
    if not 1 < len(labels) <= 12:
        return None
    if denied and set(labels) == {"0", "1"}:
        return {"favourable": ["0"], "unfavourable": ["1"], "excluded": []}
    good = [one for one in labels if _among(one, GOOD)]
    bad = [one for one in labels if _among(one, REFUSED) and one not in good]
    if denied and good and bad:  # yes means denied
        good, bad = bad, good
    if not good or (not bad and len(labels) > 2):
        return None
    return {"favourable": good, "unfavourable": bad, "excluded": [one for one in labels if one not in (*good, *bad)]}


def outcome_sides(column: Column, words: Sequence[str]) -> dict[str, list[str]] | None:
    """The same of an outcome; a column called after a loss is 1 or yes where it came to one."""
    labels = list(column.labels)
    if not 1 < len(labels) <= 8:
        return None
    bad_name = bool(BAD_NAMES & set(words)) and "good" not in words
    flags = {_folded(one) for one in labels}
    if flags <= {"0", "1", "true", "false", "yes", "no", "y", "n", "是", "否"}:
        yes = [one for one in labels if _folded(one) in {"1", "true", "yes", "y", "是"}]
        no = [one for one in labels if one not in yes]
        good, bad = (no, yes) if bad_name else (yes, no)
        return {"favourable": good, "unfavourable": bad, "excluded": []}
    good = [one for one in labels if _folded(one) in REPAID]
    bad = [one for one in labels if _folded(one) in LOST]
    if not good or not bad:
        return None
    rest = [one for one in labels if one not in (*good, *bad)]
    return {"favourable": good, "unfavourable": bad, "excluded": rest}


def _folded(value: str) -> str:
    return value.strip().casefold().replace("_", " ").replace("-", " ")


def _among(value: str, known: frozenset[str]) -> bool:
    text = _folded(value)
    if text in known:
        return True
    first = text.split()[0] if text.split() else ""
    return len(first) > 4 and first in known
