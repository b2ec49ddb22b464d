"""From chains of loans to measurements: what was counted, shares with clustered errors, ratios of hazards."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from audits.evidence.needs import ReborrowingNeed
from audits.evidence.reborrowing import Reborrowing
from audits.evidence.reborrowing_influences import Influences
from audits.evidence.reborrowing_models import FEES, IN_LONG, RATIO, RENEWED, STARTS, Estimate, models_of
from audits.measuring import POWER, bounded, number
from audits.record import Measurement
from checks.sentence import Sentence, said, template

LEAST_CASES, LEAST_BORROWERS = 10, 20
LOST = 0.05
_MEASURES = {
    RENEWED: "renewed_share", STARTS: "long_chain_start_share", IN_LONG: "long_chain_loan_share",
    RATIO: "reborrowing_ratio", FEES: "fee_driven_ratio",
}  # fmt: skip
_BY_BORROWER, _BY_SETS = template("errors by borrower"), template("errors by sets of borrowers")
_METHODS = {
    RENEWED: template("share of loans whose days to come back were wholly seen; Wilson's interval, {errors}"),
    STARTS: template("product limit over places in the chain; Wilson's interval, {errors}"),
    IN_LONG: template("product limit over places in the chain, in shares of loans; Wilson's interval, {errors}"),
    RATIO: template("discrete-time hazards at equal affordability, complementary log-log; {errors}"),
    FEES: template("discrete-time hazards for fees twice as high at equal affordability; {errors}"),
}
_COST = template("fees of chains over their first principal; delta method, {errors}")


@dataclass(frozen=True, slots=True)
class Seen:
    """The evidence of one need, fitted, and what a question calls itself and its level."""

    question: str
    level: float
    need: ReborrowingNeed
    found: Reborrowing
    influences: Influences
    references: tuple[str, ...]

    def figures(self) -> list[Measurement]:
        """Every share and ratio that was estimated."""
        estimates, _ = models_of(self.found, self.need, self.references)
        return [self._figure(estimate, i) for i, estimate in enumerate(estimates)]

    def base(self, measure: str, method: Sentence) -> Measurement:
        """What all figures share: loans, what was lost, and what a figure then cannot see."""
        counts = self.found.counts
        return Measurement(
            question=self.question, measure=measure, attribute=None, group=None, reference=None, estimate=None,
            low=None, high=None, level=self.level, n=counts["loans"], counts=dict(counts), method=method,
            source=said("chains of loans"), unseen=self._lost(),
        )  # fmt: skip

    def _lost(self) -> tuple[Sentence, ...]:
        counts = self.found.counts
        loans, rows = counts["loans"], counts["rows"]
        told = []
        if counts["without_end"] > LOST * loans:
            told.append(said("{n:,} of {loans:,} loans have no usable end, and what followed them is not known",
                             n=counts["without_end"], loans=loans))  # fmt: skip
        nobody = counts["without_borrower"] + counts["without_opening"]
        if nobody > LOST * rows:
            told.append(said("{n:,} of {rows:,} loans have no borrower or no day of opening", n=nobody, rows=rows))
        return tuple(told)

    def _errors(self) -> Sentence:
        return said(_BY_SETS) if self.influences.grouped else said(_BY_BORROWER)

    def _variance(self, place: int) -> float:
        clusters = self.influences.clusters
        return self.influences.squares[place] * clusters / (clusters - 1) if clusters > 1 else math.nan

    def _figure(self, one: Estimate, place: int) -> Measurement:
        base = self.base(_MEASURES[one.what], said(_METHODS[one.what], errors=self._errors()))
        if one.attribute is not None and one.label is not None:
            base = replace(base, attribute=self.need.attributes[one.attribute],
                           group=self.found.labels[one.attribute][one.label])  # fmt: skip
        if one.what in (RATIO, FEES):
            return self._ratio(base, one, place)
        return self._share(base, one, place)

    def _share(self, base: Measurement, one: Estimate, place: int) -> Measurement:
        from audits.statistics.chain_shares import clustered_share_interval

        counts = {**base.counts, "seen": one.loans, "followed_in_time": one.cases}
        if one.attribute is None:
            counts["not_yet_seen"] = self.found.counts["loans"] - self.found.counts["without_end"] - self._whole()
        base = replace(base, n=one.loans, counts=counts)
        borrowers = self._borrowers(one)
        if reason := _too_few(one.loans, borrowers, one.value):
            return replace(base, reason=reason)
        variance = self._variance(place)
        clusters = min(self.influences.clusters, max(borrowers, 2))
        return replace(
            base, estimate=one.value, standard_error=math.sqrt(variance),
            **bounded(clustered_share_interval(one.value, variance, clusters, one.loans), self.level),
        )  # fmt: skip

    def _whole(self) -> int:
        size = len(self.found.edges)
        return sum(loans.loans for loans in self.found.of_kind("places") if loans.seen == size)

    def _borrowers(self, one: Estimate) -> int:
        """Borrowers of the label by their first loan, or all."""
        if one.attribute is None or one.label is None:
            return self.found.counts["borrowers"]
        return self._by_first(one.attribute, one.label)

    def _by_first(self, attribute: int, label: int) -> int:
        return sum(loans.first for loans in self.found.of_kind("groups") if loans.key[:2] == (attribute, label))

    def _ratio(self, base: Measurement, one: Estimate, place: int) -> Measurement:
        base = replace(base, equality=1.0, n=one.loans + one.reference_loans, counts={
            **base.counts, "periods": one.loans, "followed_in_time": one.cases, "cells": one.strata,
        })  # fmt: skip
        if one.attribute is not None and one.label is not None:
            base = self._compared(base, one)
        else:
            base = replace(base, cautions=(*base.cautions, said(
                "that fees drive the return holds only where fees differ for reasons other than need"
            )))  # fmt: skip
        if base.reason is None and (reason := self._no_ratio(one, place)):
            base = replace(base, reason=reason)
        if base.reason is not None:
            return base
        return _exponentiated(base, one.value, math.sqrt(self._variance(place)), self.influences.clusters - 1)

    def _compared(self, base: Measurement, one: Estimate) -> Measurement:
        """Both sides of a comparison, and whether there are enough borrowers and returns on each."""
        attribute, label = int(one.attribute or 0), int(one.label or 0)
        labels, reference = self.found.labels[attribute], self.references[attribute]
        sides = {"group": label, "reference": labels.index(reference) if reference in labels else -1}
        borrowers = {side: self._by_first(attribute, code) for side, code in sides.items()}
        apart, unseen = self._without_cell(attribute, label), base.unseen
        loans = max(sum(self._loans(attribute, code) for code in sides.values()), 1)
        if apart > LOST * loans:
            unseen = (*unseen, said("{n:,} of {loans:,} loans do not tell what the borrower could afford",
                                    n=apart, loans=loans))  # fmt: skip
        nobody, every = self._loans(attribute, -1), max(self.found.counts["loans"], 1)
        if nobody > LOST * every:
            unseen = (*unseen, said("{n:,} of {loans:,} loans have no label of the group", n=nobody, loans=every))
        if self.found.refused:
            named = ", ".join(self.found.refused)
            unseen = (*unseen, said("strata with more than 128 labels are not told apart: {named}", named=named))
        counts = {
            **base.counts, "reference_periods": one.reference_loans, "reference_followed_in_time": one.reference_cases,
            "group_borrowers": borrowers["group"], "reference_borrowers": borrowers["reference"],
            "without_affordability": apart, "without_group": nobody,
        }  # fmt: skip
        details = {}
        if one.cases and one.loans and one.reference_cases and one.reference_loans:
            details["raw_ratio"] = one.cases / one.loans / (one.reference_cases / one.reference_loans)
        base = replace(base, reference=reference, counts=counts, unseen=unseen, details=details)
        least = min(borrowers.values())
        if least < LEAST_BORROWERS:
            return replace(base, reason=said("only {n} borrowers in one of the two groups, and an error to rely on "
                                             "needs {needed}", n=least, needed=LEAST_BORROWERS))  # fmt: skip
        return base

    def _without_cell(self, attribute: int, label: int) -> int:
        reference = self.references[attribute]
        codes = [i for i, name in enumerate(self.found.labels[attribute]) if i == label or name == reference]
        return sum(
            one.loans for one in self.found.of_kind("groups")
            if one.key[0] == attribute and one.key[1] in codes and one.key[2] < 0
        )  # fmt: skip

    def _loans(self, attribute: int, label: int) -> int:
        return sum(one.loans for one in self.found.of_kind("groups") if one.key[:2] == (attribute, label))

    def _no_ratio(self, one: Estimate, place: int) -> Sentence | None:
        sides = [one.cases] if one.attribute is None else [one.cases, one.reference_cases]
        if min(sides) < LEAST_CASES:
            return said("only {n} loans were followed by another in time, and an error to rely on needs {needed}",
                        n=min(sides), needed=LEAST_CASES)  # fmt: skip
        if not math.isfinite(one.value):
            return said("no cell of equal affordability tells the two sides apart, or everyone of one side comes back")
        if self.found.counts["borrowers"] < LEAST_BORROWERS or self.influences.clusters < 2:
            return said("only {n} borrowers, and an error to rely on needs {needed}",
                        n=self.found.counts["borrowers"], needed=LEAST_BORROWERS)  # fmt: skip
        if not self._variance(place) > 0:
            return said("loans do not differ within the cells: no error can be told")
        if not self.influences.grouped and self.influences.shares[place] > 0.5:
            return said("one borrower alone makes up more than half of the error")
        return None

    def chain_cost(self) -> Measurement:
        """Fees of all loans in chains over the principal of their first loan: Σ F / Σ P over borrowers."""
        base = self.base("chain_cost_ratio", said(_COST, errors=self._errors()))
        fees, principal, ff, fp, pp = self.influences.money
        running = sum(n for _, start, end, n in self.found.chains if start == "known" and end != "ended")
        begun = self.influences.started
        base = replace(base, n=begun, counts={
            **base.counts, "chains": begun, "running": running,
            "truncated": sum(n for _, start, _, n in self.found.chains if start != "known"),
        })  # fmt: skip
        lost = self.found.counts["without_money"]
        if lost > LOST * base.counts["loans"]:
            return replace(base, reason=said("{n:,} of {loans:,} loans have no fees or no amount", n=lost,
                                             loans=base.counts["loans"]))  # fmt: skip
        if running > LOST * max(begun, 1):
            base = replace(base, unseen=(*base.unseen, said(
                "{n:,} of {chains:,} chains were still running, and count with their fees so far", n=running,
                chains=begun)))  # fmt: skip
        clusters = self.influences.clusters
        if self.found.counts["borrowers"] < LEAST_BORROWERS or clusters < 2 or not principal > 0:
            return replace(base, reason=said("only {n} borrowers, and an error to rely on needs {needed}",
                                             n=self.found.counts["borrowers"], needed=LEAST_BORROWERS))  # fmt: skip
        ratio = fees / principal
        variance = max(ff - 2 * ratio * fp + ratio**2 * pp, 0.0) / principal**2 * clusters / (clusters - 1)
        return _with_error(base, ratio, math.sqrt(variance), clusters - 1)


def _too_few(loans: int, borrowers: int, value: float) -> Sentence | None:
    if loans < LEAST_CASES:
        return said("only {n} loans were seen long enough after their end, and a share needs {needed}", n=loans,
                    needed=LEAST_CASES)  # fmt: skip
    if borrowers < LEAST_BORROWERS:
        return said("only {n} borrowers, and an error to rely on needs {needed}", n=borrowers, needed=LEAST_BORROWERS)
    if not math.isfinite(value):
        return said("no chain whose beginning is known was seen long enough")
    return None


def _with_error(base: Measurement, estimate: float, error: float, freedom: int) -> Measurement:
    """Student's t around a level that is no less than 0."""
    from scipy.special import stdtrit

    def interval_at(level: float) -> tuple[float, float]:
        reach = float(stdtrit(freedom, 0.5 + level / 2)) * error
        return max(estimate - reach, 0.0), estimate + reach

    return replace(base, estimate=estimate, standard_error=error, **bounded(interval_at, base.level))


def _exponentiated(base: Measurement, logarithm: float, error: float, freedom: int) -> Measurement:
    """A ratio from its logarithm; ``standard_error`` is that of the logarithm."""
    from scipy.special import stdtr, stdtrit

    def interval_at(level: float) -> tuple[float, float]:
        reach = float(stdtrit(freedom, 0.5 + level / 2)) * error
        return math.exp(max(logarithm - reach, -700.0)), math.exp(min(logarithm + reach, 700.0))

    wanted = float(stdtrit(freedom, 0.5 + base.level / 2) + stdtrit(freedom, POWER)) * error
    return replace(
        base, estimate=math.exp(logarithm), standard_error=error, **bounded(interval_at, base.level),
        p_value=float(2 * stdtr(freedom, -abs(logarithm) / error)), mde=number(math.expm1(min(wanted, 700.0))),
    )  # fmt: skip
