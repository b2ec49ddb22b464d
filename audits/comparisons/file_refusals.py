"""Thin files that no person looked at, that are refused as if by rule, or that pass once columns are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from audits.comparisons.flags import flag_of
from audits.comparisons.share_ratios import share_ratio
from audits.evidence.cells import Cells
from audits.measuring import bounded
from audits.record import Measurement
from checks.inputs.contract import FULL, THIN
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.statistics.filed_scores import Filed

LEAST_REFUSED = 60  # thin files, below which none approved is no sign of a rule (at most 3/60 = 5 %)
_LEAST_EXPECTED = 10.0  # approvals of thin files, had they been decided upon as full ones of the same scores
_MOST_OPEN = 0.05
_MOST_SHOWN = 5
_ODD = template("'{column}' holds {values}, which is neither yes nor no")
_OPEN = template("of {share:.1f} % of the refused applications it is not known whether anybody looked at them")
_RULE = template(
    "thin files are refused as if by rule: 0 of {n:,} approved (at most {most:.2f} %), where of full files with the "
    "same scores {share:.1f} % are"
)
_RULE_UNSCORED = template(
    "thin files are refused as if by rule: 0 of {n:,} approved (at most {most:.2f} %), where of full files {share:.1f} "
    "% are"
)


@dataclass(frozen=True, slots=True)
class Refusals:
    """By file: applications ``decided``, ``refused``, ``automatic`` among those, and ``open`` where that is not known.

    ``odd`` are values of the flag that say neither yes nor no.
    """

    decided: Mapping[str, int]
    refused: Mapping[str, int]
    automatic: Mapping[str, int]
    open: Mapping[str, int] = field(default_factory=dict)
    odd: tuple[str, ...] = ()


def refusals(cells: Cells, flag: str | None, reasons: tuple[str, ...], columns: tuple[str, ...]) -> Refusals:
    """From cells by file and columns: a refusal is automatic where the flag says so, or a reason among ``reasons``."""
    counts: dict[str, dict[str, int]] = {key: {} for key in ("decided", "refused", "automatic", "open")}
    rules, odd = {reason.strip().casefold() for reason in reasons}, set()
    for labels, decision, rows in cells.cells:
        if labels[0] is None or decision is None:
            continue
        values = dict(zip(cells.columns, labels[1:], strict=True))
        flagged = flag_of(values[flag]) if flag else False
        odd |= {flagged} if isinstance(flagged, str) else set()
        by_reason = any(str(values[name] or "").strip().casefold() in rules for name in columns) if rules else False
        told = {"decided": True, "refused": decision == 0}
        told["automatic"] = decision == 0 and (flagged is True or by_reason)
        told["open"] = decision == 0 and flagged is None and not by_reason
        for key, there in told.items():
            counts[key][labels[0]] = counts[key].get(labels[0], 0) + rows * there
    return Refusals(counts["decided"], counts["refused"], counts["automatic"], counts["open"], tuple(sorted(odd)))


def automatic_ratio(nothing: Measurement, seen: Refusals, flag: str | None) -> Measurement:
    """Share of applications refused automatically, thin over full; a refusal is part of it only where that is known."""
    if seen.odd:
        shown = ", ".join(repr(value) for value in seen.odd[:_MOST_SHOWN])
        return replace(nothing, reason=said(_ODD, column=flag, values=shown))
    x1, n1, x0, n0 = (part.get(label, 0) for label in (THIN, FULL) for part in (seen.automatic, seen.decided))
    counts = {
        "group_refused": seen.refused.get(THIN, 0), "reference_refused": seen.refused.get(FULL, 0),
        "group_open": seen.open.get(THIN, 0), "reference_open": seen.open.get(FULL, 0),
    }  # fmt: skip
    figure = share_ratio(replace(nothing, counts=counts), (x1, n1, x0, n0), "automatic", "decided", harm=1)
    refused, unknown = sum(seen.refused.values()), sum(seen.open.values())
    if figure.estimate is None or not refused or unknown <= _MOST_OPEN * refused:
        return figure
    told = said(_OPEN, share=100 * unknown / refused)
    return replace(figure, cautions=(*figure.cautions, told), unseen=(*figure.unseen, told))


def as_if_by_rule(approved: Mapping[str, tuple[int, int]], people: Filed | None) -> Sentence | None:
    """What to say where no thin file is approved although full ones of the same scores are, or None.

    ``approved`` maps a file to (approved, decided); ``people`` are those with a score, where there is one. The bound is
    the rule of three, 3/n (Hanley and Lippman-Hand 1983, JAMA 249:1743–1745).
    """
    yes, n = approved.get(THIN, (0, 0))
    if yes or n < LEAST_REFUSED:
        return None
    share = None if people is None else _full_share_at(people)
    told = _RULE
    if share is None:
        granted, of = approved.get(FULL, (0, 0))
        share, told = (granted / of if of else 0.0), _RULE_UNSCORED
    if n * share < _LEAST_EXPECTED:
        return None
    return said(told, n=n, most=100 * 3 / n, share=100 * share)


def _full_share_at(people: Filed) -> float | None:
    """Share approved of full files, spread over bins of the score as the thin are; None where no bin holds both."""
    import numpy as np

    from audits.statistics.filed_scores import score_bins

    if not (people.thin == 1).any() or not (people.thin == 0).any():
        return None
    place = score_bins(people)
    bins = int(place.max()) + 1
    thin = np.bincount(place, people.counts * (people.thin == 1), minlength=bins)
    full = np.bincount(place, people.counts * (people.thin == 0), minlength=bins)
    granted = np.bincount(place, people.counts * ((people.thin == 0) & (people.decision == 1)), minlength=bins)
    both = (thin > 0) & (full > 0)
    if not both.any():
        return None
    return float((thin[both] * granted[both] / full[both]).sum() / thin[both].sum())


def flip_share(nothing: Measurement, cells: Cells, level: float) -> Measurement:
    """Of refused thin files with a decision once filled in, the share approved then; score interval (Wilson 1927).

    ``cells`` by file and filled decision with the sums of the score and the filled score, where both are declared.
    """
    from audits.statistics.proportions import score_interval_rate

    by: dict[tuple[int, str | None], int] = {}
    scores: list[tuple[int, float, int, float]] = []
    for i, (labels, decision, rows) in enumerate(cells.cells):
        if labels[0] != THIN or decision is None:
            continue
        by[decision, labels[1]] = by.get((decision, labels[1]), 0) + rows
        if len(cells.sums) > 1:
            before, after = (cells.totals[i][cells.sums.index(name)] for name in _pair(cells))
            scores.append((before.known, before.sum, after.known, after.sum))
    x, stayed, unknown = (by.get((0, value), 0) for value in ("1", "0", None))
    n = x + stayed
    counts = {
        "flipped": x, "refused_and_filled": n, "refused_not_filled": unknown,
        "approved_then_refused": by.get((1, "0"), 0), "approved_and_filled": by.get((1, "0"), 0) + by.get((1, "1"), 0),
    }  # fmt: skip
    shared = replace(nothing, n=n, counts=counts, details=_moved(scores))
    if not n:
        return replace(shared, reason=said("no refused thin file has a decision once its columns are filled in"))
    lost: tuple[Sentence, ...] = ()
    if unknown > _MOST_OPEN * (n + unknown):
        lost = (said("of {share:.1f} % of the refused thin files it is not known what the model says once they are "
                     "filled in", share=100 * unknown / (n + unknown)),)  # fmt: skip

    def at(level: float) -> tuple[float, float]:
        found = score_interval_rate(x, n, level)
        return float(found.low), float(found.high)

    return replace(
        shared, estimate=x / n, **bounded(at, level), method=said("Wilson score interval"), cautions=lost, unseen=lost
    )  # fmt: skip


def _pair(cells: Cells) -> tuple[str, str]:
    """Score and filled score, in the order in which they were asked for."""
    return cells.sums[0], cells.sums[1]


def _moved(scores: list[tuple[int, float, int, float]]) -> dict[str, float]:
    """Mean score of thin files before and after, where the same number of rows has each."""
    known = [sum(one[i] for one in scores) for i in (0, 2)]
    if not known[0] or known[0] != known[1]:
        return {}
    before, after = (sum(one[i] for one in scores) / known[0] for i in (1, 3))
    return {"mean_score_change": after - before, "mean_score": before, "mean_filled_score": after}
