"""Gaps between thin and full files as measurements: what they are of, what they leave out, whether they agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audits.comparisons.scored_files import ScoredFiles
from audits.measuring import from_error, number, within
from audits.record import Measurement
from checks.inputs.contract import FULL, THIN
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.statistics.equal_repayment import EqualRepayment, FileGap

NAMES = ("thin_file_repayment_gap", "thin_file_approval_gap", "thin_file_price_gap")
_NAMES = {FULL: said("full"), THIN: said("thin")}
_MUCH = 0.05
_TOLD_APART = 0.55  # area under the ROC curve below which repayment is hardly known (0.5 is not at all)
_STANDARD = template(
    "mean over thin files of what full files have at the same score, in {bins} bins; bootstrap, {draws} draws"
)
_EQUAL = template(
    "logit of repayment on the score for each file, cross-fitted in {folds} folds, then the mean over thin files of "
    "what full files have at the same repayment, in {bins} bins; bootstrap of both steps, {draws} draws"
)
_ALONE = template("{share:.1f} % of the thin files have no full file near them")
_NO_SCORE = template("{share:.1f} % of the {files} files have no score")
_ADRIFT = template("{rows:,} sampled rows name no entity and are left out")
_HARDLY_TOLD = template(
    "the score hardly tells outcomes apart (area under the ROC curve {area:.2f}), so that this is little more than the "
    "raw gap"
)
_PRICES = said(
    "a selected sample: rates are those of approved applications, so a stricter door changes who is compared"
)
_AT_SCORE = said(
    "too few outcomes are known: rates are compared at equal score, which may stand for another repayment in each"
)
_BOTH = said(
    "outcome test and benchmark test agree: thin files repay more often at equal score and are approved less often at "
    "equal repayment"
)
_APART = said(
    "outcome test and benchmark test do not agree, and where outcomes are known for some only, neither decides alone"
)


@dataclass(frozen=True, slots=True)
class Selected:
    """What to say where the outcome is known of some only: of whom, of which file, and what that makes of risk."""

    sample: str | None = None
    files: str | None = None
    risk: str | None = None

    @property
    def any(self) -> bool:
        """Whether anything is to be said."""
        return bool(self.sample or self.files or self.risk)


def at_equal_repayment(
    nothing: Mapping[str, Measurement], every: ScoredFiles, sample: ScoredFiles | None, selected: Selected, *,
    entity: bool, folds: int, replicates: int, seed: int,
) -> list[Measurement]:  # fmt: skip
    """The gaps that ``nothing`` has an empty figure of.

    Prices are from the ``sample``, as is everything where rows of an ``entity`` may repeat; else all rows are taken.
    """
    from audits.statistics.equal_repayment import equal_repayment

    whole = sample if entity and sample is not None else every
    found = equal_repayment(whole.people, folds=folds, replicates=replicates, seed=seed)
    figures = {}
    for name, gap in zip(NAMES[:2], (found.repayment, found.approval), strict=True):
        if name in nothing:
            figures[name] = _figure(nothing[name], gap, found, whole, whole is sample, folds, replicates)
    if NAMES[2] in nothing and sample is not None:
        priced = found
        if whole is not sample:
            priced = equal_repayment(sample.people, folds=folds, replicates=replicates, seed=seed)
        figures[NAMES[2]] = _figure(nothing[NAMES[2]], priced.price, priced, sample, True, folds, replicates)
        figures[NAMES[2]] = _told(figures[NAMES[2]], (_PRICES, *((_AT_SCORE,) if priced.at_score else ())), ())
    if selected.any:
        figures = {name: _marked(figure, selected) for name, figure in figures.items()}
        figures = _agreeing(figures)
    return list(figures.values())


def _figure(
    nothing: Measurement, gap: FileGap, found: EqualRepayment, files: ScoredFiles, sampled: bool, folds: int, draws: int
) -> Measurement:
    full, thin = files.scored
    lost = files.without_score
    counts = {
        "group_scored": thin, "reference_scored": full, "group_without_score": lost[1],
        "reference_without_score": lost[0], "group_compared": gap.thin, "reference_compared": gap.full,
    }  # fmt: skip
    if files.without_entity:
        counts["without_entity"] = files.without_entity
    at_score = nothing.measure == NAMES[0] or found.at_score
    told = _STANDARD if at_score else _EQUAL
    shared = replace(
        nothing, n=gap.thin + gap.full, counts=counts, method=said(told, bins=found.bins, draws=draws, folds=folds),
        source=said("a sample of rows") if sampled else said("histogram"), reason=gap.reason,
    )  # fmt: skip
    if gap.reason is not None:
        return shared
    figure = from_error(gap.gap, gap.error, gap.freedom, nothing.level)
    values = {"left_out_share": gap.left_out, "repayment_discrimination": found.discrimination}
    most = 1.0 if nothing.measure != NAMES[2] else float("inf")
    shared = replace(
        shared, **{**figure, "mde": within(figure["mde"], most)},
        details={name: value for name, value in values.items() if number(value) is not None},
    )  # fmt: skip
    return _unseen(shared, gap, found, files)


def _unseen(figure: Measurement, gap: FileGap, found: EqualRepayment, files: ScoredFiles) -> Measurement:
    """What the gap cannot see and may be the harm."""
    told = []
    if gap.left_out > _MUCH:
        told.append(said(_ALONE, share=100 * gap.left_out))
    for label, scored, lost in zip((FULL, THIN), files.scored, files.without_score, strict=True):
        if lost > _MUCH * (scored + lost):
            told.append(said(_NO_SCORE, share=100 * lost / (scored + lost), files=_NAMES[label]))
    if files.without_entity > _MUCH * sum(files.scored):
        told.append(said(_ADRIFT, rows=files.without_entity))
    if figure.measure != NAMES[0] and found.discrimination < _TOLD_APART:
        told.append(said(_HARDLY_TOLD, area=found.discrimination))
    return _told(figure, tuple(told), tuple(told))


def _told(figure: Measurement, cautions: tuple[str, ...], unseen: tuple[str, ...]) -> Measurement:
    if figure.estimate is None:
        return figure
    return replace(figure, cautions=(*figure.cautions, *cautions), unseen=(*figure.unseen, *unseen))


def _marked(figure: Measurement, selected: Selected) -> Measurement:
    """Of repayment that it is a selected sample's, of what risk bears on that it is indicative."""
    own = (selected.sample, selected.files) if figure.measure == NAMES[0] else (selected.risk,)
    told = tuple(one for one in own if one)
    return _told(figure, told, told)


def _agreeing(figures: dict[str, Measurement]) -> dict[str, Measurement]:
    """Both gaps with what they say together, where both are there."""
    pair = [figures[name] for name in NAMES[:2] if name in figures and figures[name].estimate is not None]
    if len(pair) < len(NAMES[:2]):
        lone = said("the other of the two tests cannot be had, and neither decides alone")
        return figures | {one.measure: replace(one, undecided=lone) for one in pair}
    sides = {_side(one) for one in pair}
    if sides == {0}:
        return figures
    if sides == {1}:
        return figures | {one.measure: _told(one, (_BOTH,), ()) for one in pair}
    return figures | {one.measure: replace(one, undecided=_APART) for one in pair}


def _side(figure: Measurement) -> int:
    """1 above nought for sure, −1 below, 0 neither."""
    if figure.low is not None and figure.low > 0:
        return 1
    return -1 if figure.high is not None and figure.high < 0 else 0
