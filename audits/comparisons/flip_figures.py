"""What questions share that ask a model about changed persons: one collection for all, and figures from its sums.

A mean of changes d_i = own − flipped has the variance G/(G − 1) · Σ_c (Σ_{i in c} (d_i − mean))² / n² over G clusters,
each row its own cluster without a declared entity (Liang and Zeger 1986, Biometrika 73:13–22), and Student's t with
G − 1 degrees of freedom. A share has the bounds of Clopper and Pearson (1934, Biometrika 26:404–413); where entities
repeat, of the number of rows over the design effect and its degrees of freedom (Korn and Graubard 1998, Survey
Methodology 24:193–201).
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, Any

from audits.evidence.needs import FlipsNeed
from audits.measuring import bounded, from_error
from checks.inputs.access_columns import made_attributes
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, joined, said, template

if TYPE_CHECKING:
    from audits.evidence.flip_results import FlipPart, FlipResult, Flips, Spread

FEWEST = 5
_OUTSIDE = template(
    "the model is asked about customers that it never saw: with the flip '{flip}', {n:,} of {changed:,} rows get a "
    "value of {names} beyond all that was drawn"
)
_UNSEEN = template(
    "the model never saw the value that the flip '{flip}' gives to {names}, or left it out as a level of its own, in "
    "{n:,} of {changed:,} rows"
)
_UNUSABLE = template("the model does not take {unusable:,} of the {meant:,} rows that the flip '{flip}' speaks of")
_MOST_UNUSABLE = 0.05


def flips_need(contract: DataContract, rows: int = 20_000, seed: int = 0) -> FlipsNeed:
    """The need of every question on flips: by the contract's groups and the attributes that the audit makes."""
    attributes = (*(group.name for group in contract.groups), *made_attributes(contract))
    return FlipsNeed(tuple(dict.fromkeys(attributes)), rows, seed)


def flip_named(flips: Flips, name: str) -> FlipResult | None:
    """The flip of a name, None where it was not asked."""
    return next((one for one in flips.results if one.name == name), None)


def mean_figure(spread: Spread | None, level: float, *, equality: float = 0.0, sign: float = 1.0) -> dict[str, Any]:
    """``estimate``, ``standard_error``, bounds, ``ladder``, ``p_value`` and ``mde`` of sign · mean.

    A constant change has no error: its bounds are itself, without p-value and detectable departure. Without a spread,
    or with one cluster, ``estimate`` is None with its ``reason``.
    """
    if spread is None:
        return {**_empty(level), "reason": said("the flip changes fewer than {fewest} rows", fewest=FEWEST)}
    if spread.clusters < 2:  # noqa: PLR2004
        return {**_empty(level), "reason": said("all changed rows are of one entity, so that there is no error")}
    mean, error = sign * spread.mean, error_of(spread)
    if error > 0:
        return from_error(mean, error, spread.clusters - 1, level, equality)
    return {"estimate": mean, "standard_error": 0.0, **bounded(lambda _: (mean, mean), level)}


def ratio_figure(spread: Spread | None, level: float) -> dict[str, Any]:
    """As ``mean_figure`` of a spread of logarithms of ratios, read as the geometric mean of the ratios; 1 is equality.

    The detectable departure is that above 1; the standard error is by the delta method.
    """
    found = mean_figure(spread, level)

    def ratio(value: float | None) -> float | None:
        return None if value is None else exp(value)

    found |= {name: ratio(found[name]) for name in ("estimate", "low", "high")}
    found["ladder"] = tuple((at, ratio(low), ratio(high)) for at, low, high in found["ladder"])
    if found["estimate"] is not None:
        found["standard_error"] *= found["estimate"]
    if found.get("mde") is not None:
        found["mde"] = exp(found["mde"]) - 1
    return found


def share_figure(spread: Spread | None, events: int, level: float) -> dict[str, Any]:
    """``estimate``, bounds and ``ladder`` of the share of ``events`` among the rows of a spread of their flags.

    None with its ``reason`` without a spread, or with one entity.
    """
    import numpy as np

    from audits.statistics.counts import effective_counts
    from audits.statistics.exact_tests import clopper_pearson_interval

    if spread is None:
        return {**_empty(level), "reason": said("the flip changes fewer than {fewest} rows", fewest=FEWEST)}
    if spread.clusters < 2:  # noqa: PLR2004
        return {**_empty(level), "reason": said("all changed rows are of one entity, so that there is no error")}
    share, size = events / spread.n, _effective_rows(spread)
    hits = float(events) if size == spread.n else min(share * size, size)

    def interval_at(at: float) -> tuple[float, float]:
        with effective_counts():
            found = clopper_pearson_interval(np.array(hits), np.array(size), at)
        return float(found.low), float(found.high)

    return {"estimate": share, "standard_error": error_of(spread), **bounded(interval_at, level)}


def error_of(spread: Spread) -> float:
    """The standard error of the mean; ``ValueError`` with one cluster."""
    if spread.clusters < 2:  # noqa: PLR2004
        raise ValueError("clusters: found 1, expected 2 at least")
    return float((spread.clusters / (spread.clusters - 1) * spread.clustered) ** 0.5 / spread.n)


def _effective_rows(spread: Spread) -> float:
    """Rows over the design effect, never more than there are; of a share of 0 or 1 the entities."""
    from scipy.special import stdtrit

    if spread.clusters == spread.n:
        return float(spread.n)
    plain, clustered = spread.squares / spread.n**2, error_of(spread) ** 2
    if plain <= 0 or clustered <= 0:
        return float(spread.clusters)
    freedom = (stdtrit(spread.n - 1, 0.975) / stdtrit(spread.clusters - 1, 0.975)) ** 2
    return float(spread.n * min(1.0, plain / clustered * freedom))


def _empty(level: float) -> dict[str, Any]:
    return {"estimate": None, "low": None, "high": None, "level": level, "ladder": ()}


def flip_counts(part: FlipPart) -> dict[str, int]:
    """Denominators of a flip's figures."""
    return {
        "drawn": part.drawn, "population": part.population, "meant": part.meant, "changed": part.changed,
        "unusable": part.unusable,
    }  # fmt: skip


def flip_cautions(flip: FlipResult, part: FlipPart) -> tuple[Sentence, ...]:
    """What must be known before relying on a flip: values that nobody drawn has, or that the model never saw."""
    found = []
    if flip.outside:
        found.append(_told(_OUTSIDE, flip, flip.outside))
    if flip.unseen:
        found.append(_told(_UNSEEN, flip, flip.unseen))
    if part.meant and part.unusable > _MOST_UNUSABLE * part.meant:
        found.append(said(_UNUSABLE, unusable=part.unusable, meant=part.meant, flip=flip.name))
    return tuple(found)


def _told(words: str, flip: FlipResult, rows: Any) -> Sentence:
    names = joined(rows, ", ")
    return said(words, flip=flip.name, n=max(rows.values()), changed=flip.whole.changed, names=names)


def shows_nothing(part: FlipPart, tolerance: float, level: float) -> bool:
    """Whether the interval of the mean change, relative of a price or rate, lies within ± ``tolerance``."""
    spread = part.relative or part.recorded
    if spread is None or spread.clusters < 2:  # noqa: PLR2004
        return False
    found = mean_figure(spread, level)
    return bool(-tolerance <= found["low"] and found["high"] <= tolerance)
