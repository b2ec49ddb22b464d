"""Rows with a score, of people with a data trail and without: what there is of them, and in which bins they fall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checks.sentence import said, template

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FEWEST = 10  # people of either outcome and of either decision in each file, below which there is no interval
FEWEST_OWNERS = 20
MOST_BINS, FEWEST_BINS = 40, 5
_NAMES = (said("full"), said("thin"))
_FEW_OUTCOMES = template("only {n} {files} files have the rarer outcome, and an error to rely on needs {least}")
_FEW_DECISIONS = template("only {n} {files} files have the rarer decision, and an error to rely on needs {least}")
_FEW_PRICES = template("only {n} approved {files} files have a rate, and an error to rely on needs {least}")
_FEW_OWNERS = template("all {files} files are those of {n} entities, and an error to rely on needs {least}")


@dataclass(frozen=True, slots=True)
class Filed:
    """Rows with a score, each of which may stand for ``counts`` people alike.

    ``thin`` is 1 or 0; ``decision`` 1, 0 or NaN where there is none; ``outcome`` 1, 0 or NaN where not known. ``price``
    (NaN without) and ``owners`` (from 0) are for rows that stand for one each.
    """

    score: Floats
    thin: Ints
    decision: Floats
    outcome: Floats
    counts: Ints
    price: Floats | None = None
    owners: Ints | None = None

    def __post_init__(self) -> None:
        parts = (self.score, self.thin, self.decision, self.outcome, self.counts, self.price, self.owners)
        lengths = {len(part) for part in parts if part is not None}
        if len(lengths) > 1:
            raise ValueError(f"arrays: found lengths {sorted(lengths)}, expected one length")
        single = self.price is None and self.owners is None
        if not single and (self.counts != 1).any():
            raise ValueError(
                "counts: found rows that stand for several people, expected one each beside price or owners"
            )


def scarce(people: Filed) -> dict[str, str | None]:
    """Why there are no outcomes, decisions or prices to rely on."""
    found: dict[str, str | None] = dict.fromkeys(("outcomes", "decisions", "prices"))
    for file in (0, 1):
        mine = people.thin == file
        n, name = people.counts[mine], _NAMES[file]
        approved = people.decision[mine] == 1
        priced = 0 if people.price is None else int(np.isfinite(people.price[mine])[approved].sum())

        def rarer(values: Floats, n: Ints = n) -> int:
            return int(min(n[values == 1].sum(), n[values == 0].sum()))

        for key, told, number in (
            ("outcomes", _FEW_OUTCOMES, rarer(people.outcome[mine])),
            ("decisions", _FEW_DECISIONS, rarer(people.decision[mine])),
            ("prices", _FEW_PRICES, priced),
        ):
            if number < FEWEST and found[key] is None:
                found[key] = said(told, n=number, files=name, least=FEWEST)
        if people.owners is not None and (owners := len(np.unique(people.owners[mine]))) < FEWEST_OWNERS:
            found = {key: said(_FEW_OWNERS, n=owners, files=name, least=FEWEST_OWNERS) for key in found}
    return found


def score_bins(people: Filed) -> Ints:
    """The bin of each row's score: every score alone where they are few, else like shares of both files."""
    values, place = np.unique(people.score, return_inverse=True)
    rows = [np.bincount(place, people.counts * (people.thin == f), minlength=len(values)) for f in (0, 1)]
    many = int(np.clip(np.sqrt(min(part.sum() for part in rows)), FEWEST_BINS, MOST_BINS))
    if len(values) <= many:
        return place.astype(np.int64)
    share = sum(part / part.sum() for part in rows) / 2
    middle = np.cumsum(share) - share / 2
    of_value = np.unique(np.minimum(middle * many, many - 1).astype(np.int64), return_inverse=True)[1]
    return np.asarray(of_value[place], dtype=np.int64)


def mean_places(people: Filed, bin_of: Ints, bins: int) -> Floats:
    """Mean score of each file in each bin, that of the other file where it has none, moved to a unit spread."""
    mean = np.average(people.score, weights=people.counts)
    spread = float(np.sqrt(np.average((people.score - mean) ** 2, weights=people.counts)))
    score = (people.score - mean) / (spread if spread > 0 else 1.0)
    sums, many = np.zeros((bins, 2)), np.zeros((bins, 2))
    np.add.at(sums, (bin_of, people.thin), score * people.counts)
    np.add.at(many, (bin_of, people.thin), people.counts)
    own = sums / np.maximum(many, 1)
    return np.where(many > 0, own, own[:, ::-1])
