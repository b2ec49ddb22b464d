"""Gaps of a model's mean output as figures: the whole, its parts by feature, both within strata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import exp
from typing import TYPE_CHECKING, Any

from audits.comparisons.model_doubts import drawn_of
from audits.evidence.contribution_results import FEWEST, AttributeSums, Contributions, LabelSums, SideSums, WithinSums
from audits.measuring import from_error, number
from audits.record import Measurement, Point
from audits.statistics.ladder import LEVELS, ladder
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.statistics.output_gap import OutputGap, Side

WHOLE, PART = "model_output_gap", "feature_output_gap"
WITHIN = {WHOLE: "adjusted_model_output_gap", PART: "adjusted_feature_output_gap"}
_NOT_COVERED = 0.05
_TOO_FEW = template(
    "of {label} there are {n:,} drawn rows that the model takes, and a mean with its error takes {least}"
)
_NO_REFERENCE = template("there is no row of the reference group '{reference}'")
_NOT_WITHIN = template(
    "of the {of:,} strata of {group} there are too few drawn rows of both groups: {strata:,} hold some of both"
)
_INTERVENTIONAL = template(
    "rows drawn by hash, post-stratified by bins of each feature, with a regression on products of two where these "
    "tell much; the gap of all rows also by outputs of rows that are not explained; interventional contributions by "
    "{explainer} against {background:,} rows"
)
_PATHS = template(
    "rows drawn by hash, post-stratified by bins of each feature, with a regression on products of two where these "
    "tell much; the gap of all rows also by outputs of rows that are not explained; path-dependent contributions by "
    "{explainer}"
)
_PATHS_ALONE = said(
    "path-dependent contributions share credit between features that go together, so that they decide nothing alone: "
    "ask with values: interventional"
)
_WIDE = template(
    "the error of drawing rows is ± {half:.3g} on a gap of {gap:.3g}, more than the share of {asked:g} that was asked: "
    "raise 'rows'"
)
_LARGE = template(
    "the error of drawing rows is ± {half:.3g} on a gap of {gap:.3g}, more than the share of {asked:g} that was asked: "
    "of so large a model only {rows:,} rows of each group were explained"
)
_CONSTANT = template("the contribution is the same in all {n:,} rows drawn, and rows not drawn may differ")
_SAME = template("the model's output is the same in all {n:,} rows scored, and rows not drawn may differ")
_UNUSABLE = template("the model does not take {n:,} of the {of:,} rows drawn of {label}")
_UNNAMED = template("{n:,} rows have no name and cannot be drawn")
_STRANGE = template("the model never saw the value of '{feature}' in {n:,} of the {of:,} rows drawn")
_UNCOVERED = template("{share:.1f} % of the rows of {group} lie in strata of which no row of both groups was drawn")
_MANY = 0.01


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks of every gap: its name, confidence level and the share of a gap for sampling alone."""

    question: str
    level: float
    half_width: float


def gap_figures(asked: Asked, found: Contributions, attribute: str, strata: tuple[str, ...] = ()) -> list[Measurement]:
    """Every group of an attribute against its reference; with ``strata`` also within them. Features by size of gap."""
    sums = found.attributes[attribute]
    within = {one.label: one for one in sums.within}
    figures: list[Measurement] = []
    for one in sums.labels:
        if one.label == sums.reference:
            continue
        figures += _of_group(asked, found, attribute, sums, one, ignored=len(strata))
        if strata:
            figures += _inside(asked, found, attribute, sums, one, within.get(one.label))
    return figures


def _of_group(
    asked: Asked, found: Contributions, attribute: str, sums: AttributeSums, one: LabelSums, *, ignored: int
) -> Iterator[Measurement]:
    other = sums.of(sums.reference)
    shared = _shared(asked, found, attribute, sums, one)
    reason = _lacking(sums, one, other)
    if reason or other is None:
        yield replace(shared, reason=reason)
        return
    gap = gap_of(one.side, other.side)
    whole = _whole(asked, found, shared, gap, one.side, other.side)
    half = whole.details["sampling_half_width"]
    wide = half > asked.half_width * abs(gap.total)
    told = {"half_width_reached": float(not wide)} | ({"declared_strata_ignored": float(ignored)} if ignored else {})
    why = said(_WIDE if found.at_most is None else _LARGE, half=half, gap=gap.total, asked=asked.half_width,
               **({} if found.at_most is None else {"rows": found.at_most}))  # fmt: skip
    wide_said = (why,) if wide else ()
    scored = [max(side.side.outputs, side.side.drawn) for side in (one, other)]
    counts = {**whole.counts, "group_outputs": scored[0], "reference_outputs": scored[1]}
    still = () if gap.total_error or _all_drawn((one.side, other.side)) else (said(_SAME, n=sum(scored)),)
    yield replace(
        whole, n=sum(scored), counts=counts, unseen=(*whole.unseen, *still), details={**whole.details, **told},
        cautions=(*whole.cautions, *wide_said),
    )  # fmt: skip
    hills = {name: _points(found, i, one, other) for i, name in enumerate(found.features)}
    yield from _parts(asked, found, shared, gap, (one.side, other.side), PART, hills)


def _inside(
    asked: Asked,
    found: Contributions,
    attribute: str,
    sums: AttributeSums,
    one: LabelSums,
    within: WithinSums | None,
) -> Iterator[Measurement]:
    shared = replace(_shared(asked, found, attribute, sums, one), measure=WITHIN[WHOLE])
    if within is None or within.group is None or within.reference is None:
        reason = _lacking(sums, one, sums.of(sums.reference)) or said(
            _NOT_WITHIN, of=within.of if within else 0, group=one.label, strata=within.strata if within else 0
        )
        yield replace(shared, reason=reason)
        return
    covered = within.covered / max(one.side.size, 1)
    lost = (said(_UNCOVERED, share=100 * (1 - covered), group=one.label),) if covered < 1 - _NOT_COVERED else ()
    counts = {**shared.counts, "strata": within.strata, "group_strata": within.of, "group_covered": within.covered,
              "group_drawn": within.group.drawn, "reference_drawn": within.reference.drawn}  # fmt: skip
    shared = replace(
        shared, counts=counts, unseen=(*shared.unseen, *lost), n=within.group.drawn + within.reference.drawn
    )  # fmt: skip
    gap = gap_of(within.group, within.reference)
    whole = _whole(asked, found, shared, gap, within.group, within.reference)
    yield replace(whole, details={**whole.details, "covered_share": covered})
    yield from _parts(asked, found, shared, gap, (within.group, within.reference), WITHIN[PART], {})


def gap_of(group: SideSums, reference: SideSums) -> OutputGap:
    """The gap of two sides that were kept."""
    from audits.statistics.output_gap import output_gap

    return output_gap(_side(group), _side(reference))


def _side(sums: SideSums) -> Side:
    import numpy as np

    from audits.statistics.output_gap import Side

    p = len(sums.mean)

    def matrix(upper: tuple[float, ...]) -> Any:
        whole = np.zeros((p, p))
        whole[np.triu_indices(p)] = upper
        return whole + whole.T - np.diag(np.diag(whole))

    mean = np.array(sums.mean, dtype=np.float64)
    return Side(mean, matrix(sums.sampling), matrix(sums.population), sums.drawn, sums.size, sums.entities)


def _lacking(sums: AttributeSums, one: LabelSums, other: LabelSums | None) -> Sentence | None:
    if other is None:
        return said(_NO_REFERENCE, reference=sums.reference or "")
    short = next((side for side in (one, other) if not side.side.mean), None)
    return said(_TOO_FEW, label=short.label, n=short.side.drawn, least=FEWEST) if short else None


def _shared(asked: Asked, found: Contributions, attribute: str, sums: AttributeSums, one: LabelSums) -> Measurement:
    other = sums.of(sums.reference)
    method = (
        said(_INTERVENTIONAL, explainer=found.explainer, background=found.background)
        if found.kind == "interventional" else said(_PATHS, explainer=found.explainer)
    )  # fmt: skip
    drawn, size = (0, 0) if other is None else (other.side.drawn, other.side.size)
    gone = tuple(
        said(_UNUSABLE, n=side.lost, of=side.side.drawn + side.lost, label=side.label)
        for side in (one, other) if side and side.lost > _MANY * (side.side.drawn + side.lost)
    )  # fmt: skip
    unnamed = (said(_UNNAMED, n=found.without_unit),) if found.without_unit > _MANY * found.total else ()
    strange = tuple(
        said(_STRANGE, feature=name, n=n, of=found.asked) for name, n in found.unseen.items() if n > _MANY * found.asked
    )
    return Measurement(
        question=asked.question, measure=WHOLE, attribute=attribute, group=one.label, reference=sums.reference,
        estimate=None, low=None, high=None, level=asked.level, n=one.side.drawn + drawn, method=method,
        source=drawn_of(said("rows drawn for the model"), found.at_most), equality=0.0, cautions=(*strange, *gone),
        unseen=(*gone, *unnamed),
        counts={
            "group_rows": one.side.size, "reference_rows": size, "group_drawn": one.side.drawn,
            "reference_drawn": drawn, "unusable": one.lost + (other.lost if other else 0),
        },
    )  # fmt: skip


def _whole(
    asked: Asked, found: Contributions, shared: Measurement, gap: OutputGap, group: SideSums, reference: SideSums
) -> Measurement:
    half = gap.half_width(asked.level)
    details = {
        "group_mean": found.base + sum(group.mean), "reference_mean": found.base + sum(reference.mean),
        "sampling_half_width": half,
    }  # fmt: skip
    if gap.total:
        details["sampling_share"] = half / abs(gap.total)
    if found.link == "log" and abs(gap.total) < 700:  # noqa: PLR2004 - beyond, an exponential is no double
        details["mean_ratio"] = exp(gap.total)
    return replace(shared, details=details, **_figure(gap.total, gap.total_error, gap.freedom, asked.level))


def _all_drawn(sides: tuple[SideSums, SideSums]) -> bool:
    return all(side.drawn >= side.size for side in sides)


def _figure(estimate: float, error: float, freedom: int, level: float) -> dict[str, Any]:
    if error > 0:
        return from_error(estimate, error, freedom, level)
    rungs = ladder((at, estimate, estimate) for at in LEVELS)
    return {"estimate": estimate, "standard_error": 0.0, "low": estimate, "high": estimate, "ladder": rungs}


def _parts(
    asked: Asked,
    found: Contributions,
    shared: Measurement,
    gap: OutputGap,
    sides: tuple[SideSums, SideSums],
    measure: str,
    hills: Mapping[str, tuple[Point, ...]],
) -> Iterator[Measurement]:
    """The part of each feature, the largest first; their intervals hold at once."""
    reach = [gap.critical(level) for level in LEVELS]
    own, errors, p_values = gap.critical(asked.level), gap.errors, gap.p_values()
    detectable, one_alone = gap.detectable(asked.level), gap.sampling_half_widths(asked.level)
    drawn_all = _all_drawn(sides)
    undecided = _PATHS_ALONE if found.kind != "interventional" else None
    for i in sorted(range(len(gap.gap)), key=lambda i: (-abs(float(gap.gap[i])), i)):
        value, error = float(gap.gap[i]), float(errors[i])
        rungs = ladder((at, value - c * error, value + c * error) for at, c in zip(LEVELS, reach, strict=True))
        details = {
            "group_mean": sides[0].mean[i], "reference_mean": sides[1].mean[i],
            "sampling_half_width": float(one_alone[i]),
        }  # fmt: skip
        if gap.total:
            details["share_of_gap"] = value / gap.total
        still = (said(_CONSTANT, n=shared.n),) if not error and not drawn_all else ()
        yield replace(
            shared, measure=measure, segment=found.features[i], estimate=value, low=value - own * error,
            high=value + own * error, ladder=rungs, standard_error=error, corrected=True, details=details,
            p_value=float(p_values[i]) if error else None, mde=number(detectable[i]) if error else None,
            unseen=(*shared.unseen, *still), undecided=undecided, points=hills.get(found.features[i], ()),
        )  # fmt: skip


def _points(found: Contributions, i: int, one: LabelSums, other: LabelSums) -> tuple[Point, ...]:
    """The hills of a feature: bins of its contribution with the rows of either label and the mean rank of its value.

    The rate of a point is that rank, from 0 to 1; −1 where there is none.
    """
    points = []
    low, high = found.edges[i]
    for label in (one, other):
        hill = label.hills[i]
        width = (high - low) / len(hill.rows)
        for k, (n, rank) in enumerate(zip(hill.rows, hill.ranks, strict=True)):
            if n:
                start = low + k * width
                points.append(Point(
                    label.label, start + width / 2, -1.0 if rank is None else rank, start, start + width, n
                ))  # fmt: skip
    return tuple(points)
