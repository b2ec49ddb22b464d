"""Risk-adjusted regression: are people of equal risk decided upon alike?

Jung, Corbett-Davies, Gaebler, Shroff and Goel (2018, 'Mitigating included- and omitted-variable bias in estimates of
disparate impact', arXiv:1809.05651). Risk r is the chance of a favourable outcome given everything in the features
and the group; the estimand is the mean gap in approval at equal r, weighted where both groups are present. Adjusting
for r and for nothing else neither hides a harm that works through a feature without bearing on risk, as a regression on
all features does, nor takes differences in risk for harm, as a raw comparison does.

1. Risk: cross-fitted penalised logit on the features and the group, recalibrated for each group.
   The group belongs to what risk is given: features seldom carry the whole difference in risk between groups, and a
   risk that is blind to it gives the riskier group better risks than it has, so that a fair lender looks unfair. The
   gap at equal blind risk is computed beside it; where the two differ, the file cannot tell a lender that knows more
   than the features from one that uses the group itself as a sign of risk.
2. Gap: `equal_risk`, for each group against the reference alone (a joint regression would mix the groups'
   gaps: Goldsmith-Pinkham, Hull and Kolesár 2024, American Economic Review 114:4015–4051).
3. Error: the standard deviation over draws of a bootstrap of people or of their owners (Poisson weights: Hanley and
   MacGibbon 2006, Computer Methods and Programs in Biomedicine 83:57–62), each through the whole pipeline.
   An error that takes the estimated risk for known leaves out how uncertain the groups' own levels of risk are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from audits.statistics.applicants import Applicants
from audits.statistics.cross_fitting import (
    Calibration,
    area_under_curve,
    calibration,
    converged_fit,
    deal,
    out_of_fold,
    recalibrated,
    spread_of_log_odds,
)
from audits.statistics.equal_risk import bends_of, equal_risk, gap_at_equal_risk, gap_if_declined_repay_less
from checks.sentence import said, template

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FEWEST = 10  # people of either outcome and of either decision in a group, below which there is no interval
FEWEST_OWNERS = 20
FAILED_DRAWS = 0.05
_NUMBERS = 2_000_000  # of weights held at once


@dataclass(frozen=True, slots=True)
class RiskAdjustedGap:
    """One group against the reference; figures are NaN where ``reason`` says why.

    ``error`` is that of the whole pipeline, to be used with ``freedom`` degrees; ``known_risk_error`` the one that
    takes the risk as known, with ``residual_freedom``. ``blind`` is the gap at equal risk without the group in it,
    ``blind_error`` that of ``blind − gap``. ``left_out`` is the share of people without others of like risk.
    ``risk_share`` and ``slope`` as in `EqualRisk`; ``if_declined`` as in `gap_if_declined_repay_less`, at ``ODDS``.
    """

    group: int
    gap: float = np.nan
    error: float = np.nan
    freedom: float = np.nan
    known_risk_error: float = np.nan
    residual_freedom: float = np.nan
    blind: float = np.nan
    blind_error: float = np.nan
    left_out: float = np.nan
    risk_share: float = np.nan
    slope: float = np.nan
    if_declined: tuple[float, float] = (np.nan, np.nan)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RiskAdjusted:
    """A gap for every group but the reference, and how well the risk tells outcomes apart out of fold.

    ``discrimination`` is the area under the ROC curve, ``calibration_slope`` 1 where log-odds are spread as they are.
    """

    gaps: tuple[RiskAdjustedGap, ...]
    discrimination: float
    calibration_slope: float


ODDS = 2.0


def risk_adjusted_gaps(
    people: Applicants, *, folds: int = 5, bins: int = 5, replicates: int = 200, seed: int = 20210709
) -> RiskAdjusted:
    """The gap at equal risk of every group against group 0, with errors of the whole pipeline."""
    groups = int(people.group.max(initial=0)) + 1
    reasons = [_too_few(people, g) for g in range(groups)]
    usable = [g for g in range(groups) if reasons[g] is None]
    if reasons[0] is not None or len(usable) < 2:
        lacking = said("of the reference group {why}", why=reasons[0]) if reasons[0] is not None else None
        unknown = tuple(RiskAdjustedGap(g, reason=lacking or reasons[g]) for g in range(1, groups))
        return RiskAdjusted(unknown, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    pipeline = _Pipeline.over(people.of_groups(usable), usable, folds, rng)
    risks = pipeline.risks((pipeline.base * pipeline.people)[None, :])
    bends = {key: bends_of(risk[0], pipeline.base * pipeline.people, bins) for key, risk in risks.items()}
    draws = _draws(pipeline, bends, replicates, rng)
    gaps = []
    for g in range(1, groups):
        if reasons[g] is not None:
            gaps.append(RiskAdjustedGap(g, reason=reasons[g]))
            continue
        place = usable.index(g)
        gaps.append(_gap(pipeline, g, place, {key: risk[0] for key, risk in risks.items()}, bends, draws[:, place - 1]))
    known = np.isfinite(pipeline.outcome)
    area = area_under_curve(risks["aware"][0][known], pipeline.outcome[known], (pipeline.base * pipeline.people)[known])
    return RiskAdjusted(tuple(gaps), area, pipeline.slope)


@dataclass(frozen=True, slots=True)
class _Pipeline:
    """Rows dealt into folds, with the designs of both risks and the fits to all rows, where every draw starts.

    ``slope`` is that of the outcomes on the out-of-fold log-odds of all rows.
    """

    matrix: Floats  # level, features, then the groups but the first
    blind_columns: int
    group: Ints
    decision: Floats
    outcome: Floats
    fold: Ints
    people: Floats
    base: Floats
    owners: Ints | None
    folds: int
    aware_start: Floats
    blind_start: Floats
    calibration: Calibration
    slope: float
    fewest: Ints

    @classmethod
    def over(cls, all_: Applicants, usable: list[int], folds: int, rng: np.random.Generator) -> _Pipeline:
        row, fold, people = deal(all_.counts, folds, rng, all_.owners)
        group = np.searchsorted(usable, all_.group[row])
        spread = np.eye(len(usable))[group][:, 1:]
        spread = (spread - spread.mean(axis=0)) / np.maximum(spread.std(axis=0), 1e-12)
        features = all_.features[row]
        matrix = np.column_stack([np.ones(len(row)), features, spread])
        base = all_.weights[row] * people.sum() / (all_.weights[row] @ people)
        outcome = all_.outcome[row]
        known, plain = np.isfinite(outcome), 1 + features.shape[1]
        w = (base * people)[known]
        aware = converged_fit(matrix[known], outcome[known], w)
        log_odds = out_of_fold(matrix, outcome, fold, (base * people)[None, :], aware, folds)[0]
        return cls(
            matrix, plain, group, all_.decision[row], outcome, fold, people.astype(np.float64), base,
            None if all_.owners is None else all_.owners[row], folds,
            aware, converged_fit(matrix[known][:, :plain], outcome[known], w),
            calibration(log_odds, outcome, base * people, group, len(usable)),
            spread_of_log_odds(log_odds, outcome, base * people), np.array([_fewest(all_, g) for g in usable]),
        )  # fmt: skip

    def risks(self, weights: Floats) -> dict[str, Floats]:
        """Chances of a favourable outcome (draws, rows), given the features and with or without the group.

        Blind ones are not calibrated: a line in risk is bent the same way whatever their spread.
        """
        aware = out_of_fold(self.matrix, self.outcome, self.fold, weights, self.aware_start, self.folds)
        plain = np.ascontiguousarray(self.matrix[:, : self.blind_columns])
        blind = out_of_fold(plain, self.outcome, self.fold, weights, self.blind_start, self.folds)
        return {
            "aware": recalibrated(aware, self.outcome, weights, self.group, self.calibration),
            "blind": expit(blind),
        }

    def resampled(self, draws: int, rng: np.random.Generator) -> Floats:
        """How often each row, or each owner with all of its rows, is drawn."""
        if self.owners is None:
            return rng.poisson(self.people, size=(draws, len(self.people))).astype(np.float64)
        times = rng.poisson(1.0, size=(draws, int(self.owners.max()) + 1))
        return times[:, self.owners] * self.people

    def pair(self, place: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Rows of the group and the reference, and which of those are the group's."""
        both = (self.group == 0) | (self.group == place)
        return both, self.group[both] == place


def _draws(pipeline: _Pipeline, bends: dict[str, Floats], replicates: int, rng: np.random.Generator) -> Floats:
    """Gaps at equal risk and at equal blind risk (replicates, groups, 2) through the whole pipeline."""
    places = range(1, int(pipeline.group.max()) + 1)
    found = np.empty((replicates, len(places), 2))
    step = max(1, _NUMBERS // len(pipeline.people))
    pairs = {place: pipeline.pair(place) for place in places}
    for begin in range(0, replicates, step):
        times = pipeline.resampled(min(step, replicates - begin), rng)
        risks = pipeline.risks(times * pipeline.base)
        for b, drawn in enumerate(times):
            for place, (both, inside) in pairs.items():
                there = drawn[both] > 0
                parts = (inside[there], pipeline.decision[both][there], (drawn * pipeline.base)[both][there])
                for k, key in enumerate(("aware", "blind")):
                    risk = risks[key][b][both][there]
                    gap, _ = gap_at_equal_risk(risk, *parts, drawn[both][there], bends[key])
                    found[begin + b, place - 1, k] = gap
    return found


def _gap(
    pipeline: _Pipeline, group: int, place: int, risks: dict[str, Floats], bends: dict[str, Floats], draws: Floats
) -> RiskAdjustedGap:
    both, inside = pipeline.pair(place)
    parts = (inside, pipeline.decision[both], (pipeline.base * pipeline.people)[both], pipeline.people[both])
    found = equal_risk(risks["aware"][both], *parts, bends["aware"])
    if not np.isfinite(found.gap):
        return RiskAdjustedGap(group, left_out=found.left_out, reason=said(_APART, share=100 * found.left_out))
    done = np.isfinite(draws).all(axis=1)
    if (~done).mean() > FAILED_DRAWS or done.sum() < 20:
        return RiskAdjustedGap(group, left_out=found.left_out, reason=said("the groups hardly overlap in risk"))
    blind = equal_risk(risks["blind"][both], *parts, bends["blind"]).gap
    return RiskAdjustedGap(
        group, found.gap, float(draws[done, 0].std(ddof=1)),
        float(min(done.sum(), pipeline.fewest[0], pipeline.fewest[place])) - 1, found.error, found.freedom,
        blind, float((draws[done, 1] - draws[done, 0]).std(ddof=1)), found.left_out, found.risk_share, found.slope,
        gap_if_declined_repay_less(risks["aware"][both], *parts, bends["aware"], ODDS),
    )  # fmt: skip


def _numbers(people: Applicants, group: int) -> tuple[int, int, int, int]:
    """Of a group: favourable and unfavourable outcomes, approved and declined."""
    mine = people.group == group
    counts, became, made = people.counts[mine], people.outcome[mine], people.decision[mine]
    return tuple(int(counts[part].sum()) for part in (became == 1, became == 0, made == 1, made == 0))  # type: ignore[return-value]


def _fewest(people: Applicants, group: int) -> int:
    """The number that the group's figures rest on: its rarest outcome or decision, or its owners if they are fewer."""
    owners = [] if people.owners is None else [len(np.unique(people.owners[people.group == group]))]
    return min(*_numbers(people, group), *owners)


_FEW = (
    template("only {number} have a favourable outcome, and an error to rely on needs {least}"),
    template("only {number} have an unfavourable outcome, and an error to rely on needs {least}"),
    template("only {number} were approved, and an error to rely on needs {least}"),
    template("only {number} were declined, and an error to rely on needs {least}"),
)
_FEW_OWNERS = template("all rows are those of {owners} entities, and an error to rely on needs {least}")
_APART = template(
    "{share:.0f} % of the applicants have none of the other group near them in risk, so that nothing is left to compare"
)


def _too_few(people: Applicants, group: int) -> str | None:
    for told, number in zip(_FEW, _numbers(people, group), strict=True):
        if number < FEWEST:
            return said(told, number=number, least=FEWEST)
    if people.owners is not None and _fewest(people, group) < FEWEST_OWNERS:
        owners = len(np.unique(people.owners[people.group == group]))
        if owners < FEWEST_OWNERS:
            return said(_FEW_OWNERS, owners=owners, least=FEWEST_OWNERS)
    return None
