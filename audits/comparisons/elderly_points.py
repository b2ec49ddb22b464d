"""Points of a score that age alone gives, or takes: the best below 62 against the lowest from 62 on.

12 CFR 1002.6(b)(2)(ii) lets a credit scoring system weigh age as long as an elderly applicant's is no negative factor
or value; elderly is 62 or older, 1002.2(o), and a value is negative where it is less favourable than that of the class
not elderly that age favours most, 1002.2(v). In a scorecard points are constant within bands of age, and the best and
the lowest are exact. Shares of a model's score, such as SHAP values, vary with everything else: then means by bands of
five years are compared, with Welch's error and the Bonferroni correction over all pairs of bands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import inf, nextafter, sqrt

from audits.comparisons.census import counted
from audits.evidence.funnel import age_labels
from audits.evidence.histograms import Histogram
from audits.evidence.needs import HistogramNeed, above
from audits.record import Measurement, Point
from checks.inputs.access_columns import AGE
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, said, template

ELDERLY = 62.0
_EDGES = (*(float(edge) for edge in range(15, 65, 5)), ELDERLY, *(float(edge) for edge in range(65, 115, 5)))
_PLACE = _EDGES.index(ELDERLY) + 1  # the first band of the elderly
_MOST_VALUES = 5  # of points in a band of five years that has one for each year
_ROWS_A_VALUE = 5
_LEAST = 30  # rows of a band whose mean is compared
_FEW_ROWS = 5
_MOST_LOST = 0.05
_ONE_SIDE = template("no row with points is of a person {side}")
_FEW_ON_SIDE = template("no band of five years {side} has {needed} rows with points, too few for a mean")
_OLDER, _YOUNGER = said("of 62 or older"), said("under 62")
_NO_AGE = template("the age is missing, or one that nobody has, in {share:.1f} % of the rows, which are left out")
_NO_POINTS = template("{share:.1f} % of the rows of persons of 62 or older have no points")
_NOT_COMPARED = template("{share:.1f} % of the rows of persons of 62 or older are in bands too small for a mean")
_RARE = template("only {rows} rows hold the points at one of the two ends, where an age or points may be wrong")
_VARIES = said(
    "the points vary within bands of age, as parts of a model's score do: means of bands of five years are compared"
)
_WITHIN_ERROR = said("the difference of the two means is within what chance makes of so many bands")
_BY_BANDS = said("best mean of a band of five years under 62 less the lowest from 62 on")


@dataclass(slots=True)
class _Band:
    """Rows of a band by points."""

    rows: dict[float, int] = field(default_factory=dict)
    pointless: int = 0

    @property
    def known(self) -> int:
        return sum(self.rows.values())

    @property
    def mean(self) -> float:
        return sum(points * n for points, n in self.rows.items()) / self.known

    @property
    def variance(self) -> float:
        """Of the mean."""
        mean, n = self.mean, self.known
        return sum((points - mean) ** 2 * m for points, m in self.rows.items()) / (n - 1) / n


@dataclass(frozen=True, slots=True)
class _Seen:
    """Bands by number, rows without an age, and how many of these have one that nobody has."""

    bands: dict[int, _Band]
    ageless: int
    odd: int

    def side(self, older: bool) -> dict[int, _Band]:
        return {i: band for i, band in self.bands.items() if (i >= _PLACE) == older and band.rows}


def points_need(contract: DataContract) -> HistogramNeed:
    """Points by band of age; the last column tells an age that nobody has from a missing one."""
    columns = (*(above(AGE, nextafter(edge, -inf)) for edge in _EDGES), above(str(contract.age), 0.0))
    return HistogramNeed(str(contract.age_points), columns=columns, decision=False)


def points_lost(question: str, measure: str, histogram: Histogram, favour: bool, level: float) -> Measurement:
    """Points that the elderly lose to the younger band that age favours most; below 0 they have more than any.

    ``favour`` says that more points favour the customer.
    """
    seen = _seen(histogram, 1 if favour else -1)
    elderly, others = seen.side(True), seen.side(False)
    counts = {
        "elderly": sum(band.known for band in elderly.values()), "others": sum(band.known for band in others.values()),
        "without_points": sum(band.pointless for band in seen.bands.values()), "unknown_age": seen.ageless,
        "odd_ages": seen.odd, "values": histogram.different,
    }  # fmt: skip
    n = counts["elderly"] + counts["others"]
    if not elderly or not others:
        side = _OLDER if not elderly else _YOUNGER
        return counted(question, measure, None, n, counts, said(_ONE_SIDE, side=side))
    made = _of_scorecard if _constant(histogram, seen) else _of_model
    figure = made(counted(question, measure, None, n, counts), elderly, others, level)
    return replace(figure, unseen=(*figure.unseen, *_lost(seen))) if figure.estimate is not None else figure


def _seen(histogram: Histogram, sign: int) -> _Seen:
    bands: dict[int, _Band] = {}
    ageless = odd = 0
    for labels, _, position, rows in histogram.counts:
        if labels[0] is None:
            ageless += rows
            odd += rows * (labels[-1] is not None)
            continue
        band = bands.setdefault(sum(label == "1" for label in labels[:-1]), _Band())
        if position is None:
            band.pointless += rows
        else:
            points = sign * _value(histogram, position) + 0.0
            band.rows[points] = band.rows.get(points, 0) + rows
    return _Seen(dict(sorted(bands.items())), ageless, odd)


def _value(histogram: Histogram, position: int) -> float:
    """The points, or the middle of their bin."""
    values = histogram.values
    if histogram.exact:
        return values[position]
    return (values[position] + values[min(position + 1, len(values) - 1)]) / 2


def _constant(histogram: Histogram, seen: _Seen) -> bool:
    """Whether points hang on the age alone, as far as can be told: at most one value for each year of age."""
    known = sum(band.known for band in seen.bands.values())
    few = all(len(band.rows) <= _MOST_VALUES for band in seen.bands.values())
    return histogram.exact and few and known >= _ROWS_A_VALUE * histogram.different


def _of_scorecard(
    nothing: Measurement, elderly: dict[int, _Band], others: dict[int, _Band], level: float
) -> Measurement:
    best = max(points for band in others.values() for points in band.rows)
    lowest = min(points for band in elderly.values() for points in band.rows)
    held = [
        sum(band.rows.get(points, 0) for band in side.values()) for side, points in ((others, best), (elderly, lowest))
    ]
    cautions = (said(_RARE, rows=min(held)),) if min(held) < _FEW_ROWS and best > lowest else ()
    details = {
        "best_points": best, "lowest_points": lowest,
        "best_from_age": _start(next(i for i, band in others.items() if best in band.rows)),
        "lowest_from_age": _start(next(i for i, band in elderly.items() if lowest in band.rows)),
    }  # fmt: skip
    return replace(
        nothing, estimate=best - lowest, low=best - lowest, high=best - lowest, details=details, cautions=cautions,
        counts={**nothing.counts, "best_rows": held[0], "lowest_rows": held[1]}, level=level,
        points=tuple(_points({**others, **elderly}, level)),
    )  # fmt: skip


def _of_model(nothing: Measurement, elderly: dict[int, _Band], others: dict[int, _Band], level: float) -> Measurement:
    from audits.statistics.ladder import critical

    old, young = ({i: band for i, band in side.items() if band.known >= _LEAST} for side in (elderly, others))
    nothing = replace(nothing, method=_BY_BANDS)
    if not old or not young:
        return replace(nothing, reason=said(_FEW_ON_SIDE, side=_OLDER if not old else _YOUNGER, needed=_LEAST))
    best, lowest = max(young, key=lambda i: young[i].mean), min(old, key=lambda i: old[i].mean)
    lost = young[best].mean - old[lowest].mean
    error = sqrt(young[best].variance + old[lowest].variance)
    reach = critical(1 - (1 - level) / (len(old) * len(young))) * error
    left = sum(band.known for i, band in elderly.items() if i not in old)
    share = left / sum(band.known for band in elderly.values())
    return replace(
        nothing, estimate=lost, low=lost, high=lost, level=level, cautions=(_VARIES,),
        undecided=_WITHIN_ERROR if abs(lost) <= reach else None,
        unseen=(said(_NOT_COMPARED, share=100 * share),) if share > _MOST_LOST else (),
        counts={**nothing.counts, "best_rows": young[best].known, "lowest_rows": old[lowest].known,
                "elderly_not_compared": left},
        details={
            "best_points": young[best].mean, "lowest_points": old[lowest].mean, "best_from_age": _start(best),
            "lowest_from_age": _start(lowest), "error": error, "low": lost - reach, "high": lost + reach,
        },
        points=tuple(_points({**young, **old}, level)),
    )  # fmt: skip


def _start(band: int) -> float:
    """The age at which a band begins; 14 is the youngest of a customer."""
    return _EDGES[band - 1] if band else 14.0


def _points(bands: dict[int, _Band], level: float) -> Iterable[Point]:
    """Mean points by the age at which each band begins, with Student's interval where they vary."""
    from scipy.special import stdtrit

    older, younger = age_labels(ELDERLY)
    for i, band in bands.items():
        varies = len(band.rows) > 1
        reach = float(stdtrit(band.known - 1, 0.5 + level / 2)) * sqrt(band.variance) if varies else 0.0
        label = older if i >= _PLACE else younger
        yield Point(label, _start(i), band.mean, band.mean - reach, band.mean + reach, band.known)


def _lost(seen: _Seen) -> tuple[Sentence, ...]:
    """What keeps the figure from being clear: ages, and points of the elderly, that are not known."""
    told: list[Sentence] = []
    whole = seen.ageless + sum(band.known + band.pointless for band in seen.bands.values())
    if seen.ageless > _MOST_LOST * whole:
        told.append(said(_NO_AGE, share=100 * seen.ageless / whole))
    elderly = [band for i, band in seen.bands.items() if i >= _PLACE]
    rows, pointless = sum(band.known + band.pointless for band in elderly), sum(band.pointless for band in elderly)
    if pointless > _MOST_LOST * rows:
        told.append(said(_NO_POINTS, share=100 * pointless / rows))
    return tuple(told)
