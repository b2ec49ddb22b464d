"""Proxies as figures: how well each feature tells a group, and what rides on it, with what must be known of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from audits.comparisons.model_doubts import drawn_of
from audits.comparisons.proxy_figures import carried_of, is_named, maxima_of
from audits.evidence.proxy_results import COST, KNOWN_OUTCOME
from audits.measuring import POWER, bounded, from_error
from audits.record import Measurement
from audits.statistics.ladder import LEVELS, critical, ladder
from checks.sentence import Sentence, joined, said, template

if TYPE_CHECKING:
    from audits.evidence.proxy_results import FeatureProxy, Proxies, ProxyPair

AUC, CARRIED = "proxy_auc", "proxy_carried_gap"
BEST_SET = said("best set")
_MOST_KNOWN, _MOST_SHARED, _MOST_FIT, _LEAST_AUC = 0.95, 0.9, 0.99, 0.5
_PROPORTION = (0.9, 1.1)
_TOO_FEW = template(
    "{group_rows:,} drawn rows of {group} and {reference_rows:,} of {reference} can be used, and it takes {least} of "
    "either"
)
_ITSELF = template(
    "{attribute} is made of '{feature}': this is no proxy but the thing itself, which explanation.paired_flips asks "
    "about"
)
_NOT_JUSTIFIED = said("what rides on a feature may be justified by cost or repayment, which the contract does not tell")
_UNFITTED = said(
    "too few rows of either group have a known cost or outcome, so that what is justified of the gap cannot be told"
)
_SELECTED = said(
    "outcomes are known of one decision only: what the features tell of them is of a selected sample, and others may "
    "differ"
)
_KNOWN = {
    COST: template(
        "cost is known of {group_share:.0f} % of the rows of {group} and {reference_share:.0f} % of those of "
        "{reference}: the others are left out"
    ),
    KNOWN_OUTCOME: template(
        "the outcome is known of {group_share:.0f} % of the rows of {group} and {reference_share:.0f} % of those of "
        "{reference}, and the others may differ"
    ),
}
_SHARED = template(
    "the other features tell {share:.0f} % of what '{feature}' tells: what is laid to it may be theirs, and the reverse"
)
_MADE_ALIKE = said(
    "cost follows from these features almost exactly: where it was worked out from them, what it takes from a proxy "
    "counts as justified here"
)
_BENDS = template(
    "prices rise by {rise:.2f} % for each per cent of expected cost, and not in proportion; at equal expected cost "
    "nothing that can be told from 0 rides on '{feature}' to the harm of {group}"
)
_ONE = template("learned and tested on five folds, by entity where declared; interval by DeLong's method")
_SET = template(
    "gradient-boosted trees of {names}, learned and tested on five folds, by entity where declared; interval by "
    "DeLong's method"
)
_METHODS = {
    COST: template(
        "interventional contributions by {explainer} less an additive fit of cost on the same {rows:,} rows; bounds "
        "hold all features at once"
    ),
    KNOWN_OUTCOME: template(
        "interventional contributions by {explainer} at equal log-odds of the outcome, fitted on the same {rows:,} "
        "rows; bounds hold all features at once"
    ),
    None: template("interventional contributions by {explainer}, {rows:,} rows; bounds hold all features at once"),
}
FEWEST = 50


@dataclass(frozen=True, slots=True)
class ProxyFigures:
    """What a question asks of every pair: its name, level, the harmful side of the margin (±1), doubts of the model."""

    question: str
    level: float
    side: int
    doubts: tuple[Sentence, ...]

    def of(self, found: Proxies, pair: ProxyPair) -> list[Measurement]:
        """AUC of the best set and of features, the largest first; then what rides on each, by size."""
        if pair.too_few:
            reason = said(
                _TOO_FEW, group_rows=pair.group_rows, group=pair.group, reference_rows=pair.reference_rows,
                reference=pair.reference, least=FEWEST,
            )  # fmt: skip
            return [replace(self._shared(pair, measure), reason=reason) for measure in (AUC, CARRIED)]
        told = sorted(pair.features, key=lambda one: (-(one.auc or 0.0), one.feature))
        sized = sorted(pair.features, key=lambda one: (-abs(carried_of(one)), one.feature))
        figures = [*self._best(pair), *(self._auc(pair, one) for one in told), *self._carried(found, pair, sized)]
        return [replace(one, source=drawn_of(one.source, found.at_most)) for one in figures]

    def _shared(self, pair: ProxyPair, measure: str) -> Measurement:
        counts = {
            "group_rows": pair.group_size, "reference_rows": pair.reference_size, "group_drawn": pair.group_rows,
            "reference_drawn": pair.reference_rows,
        }  # fmt: skip
        if pair.entities is not None:
            counts["entities"] = pair.entities
        return Measurement(
            question=self.question, measure=measure, attribute=pair.attribute, group=pair.group,
            reference=pair.reference, estimate=None, low=None, high=None, level=self.level,
            n=pair.group_rows + pair.reference_rows, method=said("none"), source=said("rows drawn for the model"),
            counts=counts, equality=_LEAST_AUC if measure == AUC else 0.0, cautions=(), unseen=(),
        )  # fmt: skip

    def _best(self, pair: ProxyPair) -> Iterator[Measurement]:
        if pair.best_auc is None or not pair.best_set:
            return
        method = said(_SET, names=joined(pair.best_set, ", "))
        figure = replace(self._shared(pair, AUC), segment=BEST_SET, method=method)
        details = {"features": float(len(pair.best_set))}
        yield replace(figure, details=details, **_area(pair.best_auc, pair.best_error, self.level))

    def _auc(self, pair: ProxyPair, one: FeatureProxy) -> Measurement:
        figure = replace(self._shared(pair, AUC), segment=one.feature, method=said(_ONE))
        if one.auc is None:
            return replace(figure, reason=said("too few rows of either group for folds"))
        details = {"in_best_set": float(one.feature in pair.best_set), "itself": float(one.itself)}
        itself = said(_ITSELF, attribute=pair.attribute, feature=one.feature) if one.itself else None
        return replace(figure, details=details, undecided=itself, **_area(one.auc, one.auc_error, self.level))

    def _carried(self, found: Proxies, pair: ProxyPair, features: list[FeatureProxy]) -> Iterator[Measurement]:
        import numpy as np

        from audits.statistics.max_t import critical_value, single_step_p

        drawn = maxima_of(pair)
        crits = {at: critical_value(drawn, at) if drawn is not None and len(drawn) * (1 - at) >= 2 else critical(at)
                 for at in (self.level, *LEVELS)}  # fmt: skip
        for at in sorted(crits):  # one feature's bound is never narrower than alone, nor at a higher level
            crits[at] = max(crits[at], critical(at), *(crits[lower] for lower in crits if lower < at))
        justified = any(one.carried is not None for one in features)
        by = found.justified_by if justified else None
        for one in features:
            error = (one.raw_error if one.carried is None else one.error) or 0.0
            value = self.side * carried_of(one)
            figure = replace(
                self._shared(pair, CARRIED), segment=one.feature, corrected=True,
                method=said(_METHODS[by], explainer=found.explainer, rows=pair.group_rows + pair.reference_rows),
                details=self._details(pair, one, crits[self.level], found.unit),
                **self._doubts(found, pair, one, crits[self.level]),
            )  # fmt: skip
            p = None
            if error > 0 and drawn is not None:
                p = float(single_step_p(np.array([value / error]), drawn)[0])
            bounds = {at: (value - reach * error, value + reach * error) for at, reach in crits.items()}
            low, high = bounds[self.level]
            yield replace(
                figure, estimate=value, standard_error=error, low=low, high=high, p_value=p,
                ladder=ladder((at, *bounds[at]) for at in LEVELS),
                mde=(crits[self.level] + critical(2 * POWER - 1)) * error,
            )  # fmt: skip

    def _details(self, pair: ProxyPair, one: FeatureProxy, reach: float, unit: float) -> dict[str, float]:
        value = carried_of(one)
        found: dict[str, float | None] = {
            "raw_part": self.side * one.raw,
            "justified_part": None if one.carried is None else self.side * (one.raw - one.carried),
            "share_of_gap": value / pair.gap if pair.gap else None,
            "whole_gap": None if pair.gap is None else self.side * pair.gap,
            "whole_justified": None if pair.justified is None else self.side * pair.justified,
            "whole_held_by_strata": None if pair.held is None else self.side * pair.held,
            "whole_residual": None if pair.residual is None else self.side * pair.residual,
            "at_equal_expectation": None if one.at_equal is None else self.side * one.at_equal,
            "auc": one.auc, "told_by_others": one.shared, "cost_told_by_features": pair.fit,
            "price_rise_with_cost": pair.proportion, "itself": float(one.itself),
            "named": float(is_named(one, pair, self.side, reach, self.level, unit)),
            "other_features": float(pair.others) if pair.others else None,
            "other_features_carry": None if pair.others_carried is None else self.side * pair.others_carried,
        }  # fmt: skip
        return {name: number for name, number in found.items() if number is not None}

    def _doubts(self, found: Proxies, pair: ProxyPair, one: FeatureProxy, reach: float) -> dict[str, Any]:
        """Cautions, what is not seen, and why a figure decides nothing."""
        cautions, unseen = list(self.doubts), list(self.doubts)
        undecided: Sentence | None = None
        if one.carried is None:
            why = _NOT_JUSTIFIED if found.justified_by is None else _UNFITTED
            return {"cautions": (*cautions, why), "unseen": (*unseen, why), "undecided": why}
        if one.itself:
            cautions.append(said(_ITSELF, attribute=pair.attribute, feature=one.feature))
        if found.selected:
            cautions.append(_SELECTED)
            unseen.append(_SELECTED)
        elif min(pair.known) < _MOST_KNOWN and found.justified_by:
            told = said(_KNOWN[found.justified_by], group_share=100 * pair.known[0], group=pair.group,
                        reference_share=100 * pair.known[1], reference=pair.reference)  # fmt: skip
            cautions.append(told)
            unseen.append(told)
        if one.shared is not None and one.shared > _MOST_SHARED:
            told = said(_SHARED, share=100 * one.shared, feature=one.feature)
            cautions.append(told)
            unseen.append(told)
        if pair.fit is not None and pair.fit > _MOST_FIT:
            unseen.append(_MADE_ALIKE)
        if self._bends(pair, one, reach):
            undecided = said(_BENDS, rise=pair.proportion, feature=one.feature, group=pair.group)
        return {"cautions": tuple(cautions), "unseen": tuple(unseen), "undecided": undecided}

    def _bends(self, pair: ProxyPair, one: FeatureProxy, reach: float) -> bool:
        """Whether a harm stands only because prices are no proportion of cost."""
        if one.at_equal is None or one.carried is None or pair.proportion is None:
            return False
        if _PROPORTION[0] <= pair.proportion <= _PROPORTION[1]:
            return False
        harmful = self.side * one.carried - reach * (one.error or 0.0) > 0
        return harmful and self.side * one.at_equal - critical(self.level) * (one.at_equal_error or 0.0) <= 0


def _area(auc: float, error: float | None, level: float) -> dict[str, Any]:
    """Bounds of an AUC within 0 and 1, by the normal distribution."""
    spread = error or 0.0
    if spread > 0:
        found = from_error(auc, spread, 1e6, level, _LEAST_AUC)
        rungs = ladder((at, _least(low), _most(high)) for at, low, high in found["ladder"])
        return {**found, "low": _least(found["low"]), "high": _most(found["high"]), "ladder": rungs}
    return {"estimate": auc, "standard_error": 0.0, **bounded(lambda _: (auc, auc), level)}


def _least(bound: float | None) -> float | None:
    return None if bound is None else max(bound, 0.0)


def _most(bound: float | None) -> float | None:
    return None if bound is None else min(bound, 1.0)
