"""Are the lender's mistakes spread alike, once it is known what became of the contracts?

Harm: those of a group who would have repaid are turned down more often, or must be better risks to be approved. The
decision is held against the matured outcome, y_true = outcome favourable, y_pred = decision favourable. By group every
base metric of Fairlearn and scikit-learn for a yes or no, under their names; for eight of them METRIC_gap against the
reference, signed so that positive is the harm to the group:

* reference minus group: selection_rate (fewer approved), true_positive_rate (fewer of those who would have repaid
  approved), accuracy_score (more decisions wrong);
* group minus reference: false_negative_rate, zero_one_loss, and precision_score: approved members of the group repay
  more often, which suggests that more was asked of them (the outcome test of Becker 1957, The Economics of
  Discrimination);
* group minus reference without a harmful side: false_positive_rate and true_negative_rate. Those approved who do not
  repay were given leniency, or a debt they could not carry; read both signs.

Only rows with a known outcome count. Where it is known for the approved alone, all but precision would need what the
declined would have done, and has no figure; precision is then a selected sample. A mean outcome test is wrong, even in
sign, when the groups' risks are spread differently (infra-marginality: Simoiu, Corbett-Davies and Goel 2017, Annals of
Applied Statistics 11:1193–1216), so precision_score_gap never makes a breach and is never clear.

Metrics that repeat another for a yes or no (recall_score is true_positive_rate; mean_prediction is selection_rate;
hamming_loss, mean_absolute_error and mean_squared_error are zero_one_loss) have no gap of their own. Log loss is left
out: it asks for probabilities. Intervals: Wilson; Miettinen and Nurminen (1985, Statistics in Medicine 4:213–226) for
gaps; the rest in `audits.statistics.metric_intervals`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need
from audits.known_outcomes import (
    OutcomeTable,
    added,
    known_shares,
    marked_selected,
    outcome_tables,
    selection,
    unlike,
)
from audits.measuring import POWER, bounded, item, number, within
from audits.record import Measurement, NotAnswered
from audits.unused_roles import ROLES, left_unused, marked
from checks.inputs.contract import DataContract
from checks.inputs.outcomes import OUTCOME
from checks.problem import InputError, Problem, listed
from checks.sentence import said, template

Tables = Mapping[str, OutcomeTable]
Values = Mapping[tuple[str, str], float]
# which side of the reference harms the group: its rate is lower, it is higher, or neither for sure
GAPS: Mapping[str, str] = {
    "selection_rate": "lower", "true_positive_rate": "lower", "true_negative_rate": "either",
    "false_positive_rate": "either", "false_negative_rate": "higher", "accuracy_score": "lower",
    "zero_one_loss": "higher", "precision_score": "higher",
}  # fmt: skip
METRICS = (
    *GAPS, "mean_prediction", "recall_score", "f1_score", "jaccard_score", "balanced_accuracy_score", "roc_auc_score",
    "matthews_corrcoef", "hamming_loss", "mean_absolute_error", "mean_squared_error", "root_mean_squared_error",
    "r2_score",
)  # fmt: skip
_APPROVED_ONLY = "precision_score"  # all that can be said without the declined
_OUTCOME_TEST = said(
    "a mean outcome test: where the groups' risks are spread differently it can have the wrong sign, even when both "
    "are held to one standard"
)
_NO_VALUE = template("there is nothing to divide by: the group has none of the rows that {metric} is a share of")
_NO_VALUE_OF = template(
    "'{group}': there is nothing to divide by: the group has none of the rows that {metric} is a share of"
)


@dataclass(frozen=True, slots=True)
class Errors:
    """``level`` is the confidence level; ``attributes`` and ``metrics`` restrict the question, empty means all."""

    level: float = 0.95
    attributes: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    seed: int = 1

    name: ClassVar[str] = "fair_lending.errors"
    harm: ClassVar[str] = "fair_lending"
    roles: ClassVar[tuple[str, ...]] = ("decision", "outcome", "groups")
    optional_roles: ClassVar[tuple[str, ...]] = ROLES
    measures: ClassVar[Mapping[str, float | None]] = {
        **dict.fromkeys(METRICS, None), **{f"{name}_gap": 0.0 for name in GAPS},
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        given = (self.metrics,) if isinstance(self.metrics, str) else self.metrics
        unknown = [name for name in given if name not in METRICS]
        if unknown or isinstance(self.metrics, str):
            found = str(unknown[0] if unknown else self.metrics)
            raise InputError(Problem(
                f"{self.name}, metrics", f"'{found}'", f"a list of some of {listed(METRICS, 30)}", "name other metrics",
            ))  # fmt: skip

    def needs(self, contract: DataContract) -> Iterable[Need]:
        return [self._need(attribute) for attribute in self._attributes(contract)]

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        figures: list[Measurement] = []
        conditional = bool(contract.outcome and contract.outcome.observed_when)
        for attribute in self._attributes(contract):
            tables = outcome_tables(evidence.cells(self._need(attribute)), attribute)
            told = selection(tables.values(), conditional)
            reference = evidence.data.references[attribute]
            values = _values(tables, self._chosen())
            own = [*self._levels(attribute, tables, values), *self._gaps(attribute, reference, tables, values)]
            shares = known_shares(tables)
            figures += [marked_selected(marked_selected(m, told), unlike(shares, m.group, reference)) for m in own]
        return [marked(figure, contract) for figure in figures], left_unused(self.name, contract)

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _need(self, attribute: str) -> CellsNeed:
        return CellsNeed((attribute,), (OUTCOME,))

    def _chosen(self) -> tuple[str, ...]:
        return tuple(name for name in METRICS if name in self.metrics or not self.metrics)

    def _nothing(self, measure: str, attribute: str, rows: OutcomeTable, reason: str) -> Measurement:
        return Measurement(
            question=self.name, measure=measure, attribute=attribute, group=None, reference=None, estimate=None,
            low=None, high=None, level=self.level, n=rows.rows, method=said("none"), source=said("none"), reason=reason,
            equality=0.0 if measure.endswith("_gap") else None, counts={"outcome_unknown": sum(rows.unknown)},
        )  # fmt: skip

    def _levels(self, attribute: str, tables: Tables, values: Values) -> list[Measurement]:
        everyone = added(tables.values())
        if not everyone.rows:
            why = said("no decided row has a known outcome: none is stated, observed and old enough")
            return [self._nothing(name, attribute, everyone, why) for name in self._chosen()]
        found = []
        for name in self._chosen():
            if name != _APPROVED_ONLY and not sum(everyone.known[0]):
                found.append(self._nothing(name, attribute, everyone, _needs_declined(name)))
            else:
                found += [self._level(name, attribute, label, tables[label], values) for label in tables]
        return found

    def _level(self, name: str, attribute: str, label: str, table: OutcomeTable, values: Values) -> Measurement:
        from audits.statistics.metric_intervals import SHARES, metric_interval, share

        nothing = replace(self._nothing(name, attribute, table, ""), group=label)
        if name != _APPROVED_ONLY and table.unseen_declined:
            return replace(nothing, reason=_needs_declined(name))
        if (name, label) not in values:
            return replace(nothing, reason=said(_NO_VALUE, metric=name))
        interval = metric_interval(name, table.confusion, self.seed)
        x, n = share(name, table.confusion) if name in SHARES else (None, table.rows)
        counts = {"counted": x, "counted_in": n} if x is not None else {"outcome_known": n}
        bounds = bounded(interval.at, self.level)
        without = bounds["low"] is None and bounds["high"] is None
        return replace(
            nothing, estimate=values[name, label], **bounds, n=n, counts={**counts, **nothing.counts}, reason=None,
            method=interval.method, source=_FAIRLEARN,
            cautions=(said("so few rows give no interval"),) if without else (),
        )  # fmt: skip

    def _gaps(self, attribute: str, reference: str, tables: Tables, values: Values) -> list[Measurement]:
        everyone = added(tables.values())
        found = []
        for name in (name for name in self._chosen() if name in GAPS):
            for label in (label for label in tables if label != reference):
                nothing = self._nothing(f"{name}_gap", attribute, everyone, "")
                nothing = replace(nothing, group=label, reference=reference)
                why = _why_no_gap(name, label, reference, tables)
                found.append(replace(nothing, reason=why) if why else self._gap(name, nothing, tables, values))
        return found

    def _gap(self, name: str, nothing: Measurement, tables: Tables, values: Values) -> Measurement:
        from audits.statistics import proportions
        from audits.statistics.metric_intervals import share

        group, reference = str(nothing.group), str(nothing.reference)
        own, other = tables[group], tables[reference]
        (x1, n1), (x0, n0) = share(name, own.confusion), share(name, other.confusion)
        counts = {
            "group_counted": x1, "group_counted_in": n1, "reference_counted": x0, "reference_counted_in": n0,
            "group_outcome_unknown": sum(own.unknown), "reference_outcome_unknown": sum(other.unknown),
        }  # fmt: skip
        if not n1 or not n0:
            empty = reference if n1 else group
            return replace(nothing, counts=counts, reason=said(_NO_VALUE_OF, group=empty, metric=name))
        sign = -1.0 if GAPS[name] == "lower" else 1.0

        def at(level: float) -> tuple[float, float]:
            found = proportions.score_interval_difference(x1, n1, x0, n0, level, corrected=True)
            ends = sign * float(found.low), sign * float(found.high)
            return min(ends), max(ends)

        test = proportions.equality_p_value(x1, n1, x0, n0)
        outcome_test = (_OUTCOME_TEST,) if name == _APPROVED_ONLY else ()
        return replace(
            nothing, estimate=sign * (values[name, group] - values[name, reference]), **bounded(at, self.level),
            n=n1 + n0, counts=counts, p_value=number(test.p_value),
            mde=_detectable(name, x0 / n0, n1, n0, self.level), reason=None,
            source=_FAIRLEARN, cautions=outcome_test, unseen=outcome_test,
            method=said("Miettinen-Nurminen score interval, {test} p-value", test=item(test.method)),
        )  # fmt: skip


_FAIRLEARN = said("fairlearn MetricFrame on cells")


def _needs_declined(name: str) -> str:
    return said("what the declined would have done is unknown, and {metric} needs it", metric=name)


def _why_no_gap(name: str, label: str, reference: str, tables: Tables) -> str | None:
    if reference not in tables:
        return said("no row of the reference group '{reference}' has a decision that counts", reference=reference)
    if name == _APPROVED_ONLY:
        return None
    nobody = not sum(added(tables.values()).known[0])
    unseen = nobody or any(tables[one].unseen_declined for one in (label, reference))
    return _needs_declined(name) if unseen else None


def _detectable(name: str, rate: float, n1: int, n0: int, level: float) -> float | None:
    """The departure on the harmful side, or the larger of both where neither is, if it can occur."""
    from audits.statistics.detectable_effect import minimum_detectable_rates

    sides = minimum_detectable_rates(rate, n1, n0, level, POWER)
    below, above = within(rate - float(sides.below), rate), within(float(sides.above) - rate, 1 - rate)
    if GAPS[name] == "lower":
        return below
    if GAPS[name] == "higher":
        return above
    return None if below is None or above is None else max(below, above)


def _values(tables: Tables, names: tuple[str, ...]) -> dict[tuple[str, str], float]:
    """Every metric of every group that has one, by Fairlearn's MetricFrame; what divides by nothing is left out."""
    import warnings

    from audits.statistics.cell_metrics import cell_metrics, metric_frame
    from audits.statistics.metric_intervals import table_cells

    known = {label: table.confusion for label, table in tables.items() if table.rows}
    if not known:
        return {}
    cells = table_cells(known)
    ours = cell_metrics(cells, names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is undefined, which is left out below
        frame = metric_frame(cells, names).by_group
    return {
        (name, label): float(frame.loc[label, name])
        for i, name in enumerate(names)
        for j, label in enumerate(ours.labels)
        if math.isfinite(ours.by_group[i, j])
    }
