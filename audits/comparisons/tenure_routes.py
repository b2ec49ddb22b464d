"""What the questions on tenure share: the models, their effects with errors, and what a slope may be relied on for.

Two routes lead to a loyalty penalty. The first holds the price against the expected (technical) cost,
log(price) − log(cost) on tenure with coefficient 1 of the cost: right where the error of the cost does not depend on
tenure. The second holds what was realised against the price, E[realised cost | price, tenure] = price · exp(a − βt):
right whatever the cost model says. Their difference is the change of realised over expected cost by tenure, which tells
whether the first can be believed. All are taken within the declared strata and allow for customers who come again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from audits.comparisons import prices
from audits.comparisons.rates import ENTITIES
from audits.evidence.collect import Evidence
from audits.evidence.effects import EffectFit, effect_cells, fit_effects
from audits.evidence.needs import CellsNeed, EffectModel, EffectsNeed, Need
from audits.measuring import from_error, number
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.inputs.pricing_columns import (
    EXPECTED,
    EXPECTED_REALISED,
    FAULT,
    LOG_MARKET,
    LOG_MARKUP,
    LOG_PRICE,
    MONTHS,
    PAID,
    PAID_REALISED,
    PRICED,
    REALISED,
)
from checks.sentence import said, template

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEW_CUSTOMERS = 20  # quotes of new customers below which nobody can say what a new customer pays
ROWS = 10
_DOMINANT = 0.2  # the part of one customer in the spread of an estimate beyond which it is that customer's
_MOST_LOST = 0.05
PRICE, PRICE_BANDS, MARKET, LOSS, COST_ERROR = "price", "bands", "market", "loss", "cost error"


@dataclass(frozen=True, slots=True)
class Effect:
    """A model's K effects: ``names``, ``estimates`` (K,), ``covariance`` (K, K), ``classical`` errors (K,).

    ``freedom`` of the reference t, ``counts`` rows, customers and strata; ``method`` in words, ``shares`` (K,) the
    largest customer's part in the spread of each. ``fit`` holds the cells.
    """

    names: tuple[str, ...]
    estimates: NDArray[np.float64]
    covariance: NDArray[np.float64]
    classical: NDArray[np.float64]
    freedom: float
    counts: dict[str, int]
    method: str
    shares: tuple[float, ...]
    found: EffectFit


def models_of(contract: DataContract) -> dict[str, EffectModel]:
    """The models that the contract's roles allow, by name."""
    response = LOG_MARKUP if contract.cost else LOG_PRICE
    found = {PRICE: EffectModel(response, "slope"), PRICE_BANDS: EffectModel(response, "bands")}
    if contract.market_price:
        found[MARKET] = EffectModel(LOG_MARKET, "slope")
    if contract.realised_cost:
        found[LOSS] = _of_cost("slope", PAID, PAID_REALISED, contract)
        if contract.cost:
            found[COST_ERROR] = _of_cost("slope", EXPECTED, EXPECTED_REALISED, contract)
    return found


def _of_cost(terms: str, exposure: str, product: str, contract: DataContract) -> EffectModel:
    return EffectModel(REALISED, terms, exposure, None if contract.entity else product)


def tenure_need(contract: DataContract) -> EffectsNeed:
    """One need for all models of tenure, so that two questions share its scans."""
    return EffectsNeed(tuple(models_of(contract).values()), contract.strata, contract.entity, contract.tenure_bands)


def group_need(attribute: str, reference: str, contract: DataContract) -> EffectsNeed:
    """The price over expected cost, and the realised cost over price, of each group of an attribute."""
    models = [EffectModel(LOG_MARKUP, "labels")] if contract.cost else []
    models += [_of_cost("labels", PAID, PAID_REALISED, contract)] if contract.realised_cost else []
    return EffectsNeed(tuple(models), contract.strata, contract.entity, (), attribute, reference)


def needs_of(need: EffectsNeed) -> list[Need]:
    """The cells of a need, and where customers come again, their score sums.

    Those of tenure also hold the sums of prices (``money_cells``) and what is wrong with rows (``fault_cells``): one
    GROUP BY for all.
    """
    cells = effect_cells(need)
    if need.attribute is None:
        cells = replace(cells, columns=(*cells.columns, FAULT), sums=(*cells.sums, PRICED))
    return [cells, *([need] if need.cluster else [])]


def money_cells(contract: DataContract) -> CellsNeed:
    """The sum of prices by the cells of tenure."""
    return CellsNeed((), (*contract.strata, MONTHS), (PRICED,), decision=False)


def fault_cells() -> CellsNeed:
    """Rows that no comparison of prices can use, by what is wrong with them."""
    return CellsNeed((), (FAULT,), (), decision=False)


def effects_of(evidence: Evidence, need: EffectsNeed) -> list[Effect]:
    """The effects of each model of a need, in its order."""
    import numpy as np

    cells = evidence.cells(effect_cells(need))
    scores = evidence.effect_scores(need) if need.cluster else None
    found, start = [], 0
    for one in fit_effects(cells, need):
        width = len(one.names)
        covariance, freedom, shares = one.fit.hc1, one.fit.n - one.fit.parameters, (0.0,) * width
        counts = {"quotes": round(one.fit.n)}
        if need.strata:
            counts["strata"] = one.fit.strata
        if scores:
            covariance = one.fit.clustered(scores.meat(start, width), scores.clusters)
            freedom, shares = float(scores.clusters - 1), scores.shares[start : start + width]
            counts |= {"entities": scores.clusters, "largest_entity": scores.largest}
            counts |= {"without_entity": scores.missing} if scores.missing else {}
        classical = np.sqrt(np.maximum(np.diag(one.fit.classical), 0.0))
        method = _method(one, need, grouped=bool(scores and scores.grouped))
        found.append(Effect(
            one.names, one.fit.coefficients, covariance, classical, float(freedom), counts, method, tuple(shares), one,
        ))  # fmt: skip
        start += width
    return found


def _method(found: EffectFit, need: EffectsNeed, grouped: bool) -> str:
    strata = said(" within {names}", names=", ".join(need.strata)) if need.strata else ""
    errors = said("HC1 errors")
    if need.cluster:
        errors = said("CR1 errors by {cluster}", cluster=need.cluster)
        if grouped:
            errors = said("CR1 errors by sets of {cluster}", cluster=need.cluster)
    words = _METHODS[found.model.response, found.model.exposure]
    return said(words, strata=strata, errors=errors)


_METHODS = {
    (LOG_MARKUP, None): template("least squares of log(price) − log(expected cost){strata}, {errors}"),
    (LOG_PRICE, None): template("least squares of log(price), no cost being declared{strata}, {errors}"),
    (LOG_MARKET, None): template("least squares of log(price) − log(market price){strata}, {errors}"),
    (REALISED, PAID): template("Poisson pseudo-likelihood of realised cost for each unit of price{strata}, {errors}"),
    (REALISED, EXPECTED): template(
        "Poisson pseudo-likelihood of realised cost for each unit of expected cost{strata}, {errors}"
    ),
}


@dataclass(frozen=True, slots=True)
class Newcomers:
    """How many of the ``rows`` with a known tenure are new customers, and strata with too few of them.

    ``lacking`` holds (name of the stratum, new customers, rows) of the largest such strata, ``lacking_rows`` the rows
    of all of them.
    """

    new: int
    rows: int
    lacking: tuple[tuple[str, int, int], ...]
    lacking_rows: int

    @property
    def too_few(self) -> bool:
        """Whether nobody can say what a new customer pays."""
        return self.new < NEW_CUSTOMERS


def newcomers(found: EffectFit, evidence: Evidence, need: EffectsNeed) -> Newcomers:
    """From the cells that a model of tenure was fitted on."""
    edge = need.edges[0] if need.edges else 1.0
    cells = evidence.cells(effect_cells(need))
    by: dict[tuple[str | None, ...], list[int]] = {}
    for count, years, place in zip(found.counts.tolist(), _years(cells, found), found.places.tolist(), strict=True):
        labels = cells.cells[place][0][: len(need.strata)]
        pair = by.setdefault(labels, [0, 0])
        pair[0] += int(count) if years < edge else 0
        pair[1] += int(count)
    lacking = sorted(
        ((_stratum(labels), new, rows) for labels, (new, rows) in by.items() if new < NEW_CUSTOMERS and rows > new),
        key=lambda one: (-one[2], one[0]),
    )
    return Newcomers(
        sum(new for new, _ in by.values()), sum(rows for _, rows in by.values()),
        tuple(lacking[:5]) if need.strata else (), sum(rows for _, _, rows in lacking) if need.strata else 0,
    )  # fmt: skip


def _years(cells: Any, found: EffectFit) -> list[float]:
    return [int(cells.cells[place][0][-1]) / 12 for place in found.places.tolist()]


def _stratum(labels: Sequence[str | None]) -> str:
    return " & ".join("\u2205" if label is None else label for label in labels)


FEW_NEW = template(
    "insufficient comparison group: new customers make {new:,} of {rows:,} quotes, and at least {needed} are needed"
)
_LACKING_STRATA = template(
    "{share:.1f} % of the quotes lie in strata with fewer than {needed} quotes of new customers: there those who "
    "stayed are compared with each other only"
)
_NO_CHANGE = said("tenure is the same for all quotes of each stratum, so that nobody can be compared")
_ONE_TENURE = said("all quotes have the same tenure, so that nobody can be compared")
_GROUPS_APART = said("no stratum holds quotes of this group and of another, so that nobody can be compared")
_NO_OTHER_GROUP = said("all quotes are of one group, so that nobody can be compared")
_GROUP_NOT_SOLVED = said("realised costs sit in some of the groups of every stratum only, so that no finite ratio fits")
_NO_REALISED = said("no stratum has a realised cost above zero, so that nothing can be held against prices")
_FEW_ROWS = template("only {n} quotes can be used, and an error to rely on needs {needed}")
_FEW_CUSTOMERS = template("only {n} customers, and an error that allows for them needs {needed}")
_NOT_SOLVED = said("realised costs sit at one end of tenure in every stratum, so that no finite slope fits them")
_NO_ERROR = template(
    "nothing is left of the differences between quotes, so that no error can be told; the logarithm of the ratio is "
    "{effect:.4f}"
)
_ONE_CUSTOMER = template("one customer makes {share:.0f} % of the spread of this figure")
_NOBODY = template(
    "{share:.1f} % of the quotes have no customer, and count as those of one: errors by customer may be too small"
)
_ONE_OR_NONE = template(
    "{share:.0f} % of the quotes are of one customer or of none that is known, and errors by customer may be too small"
)
_LEFT_OUT = template("{share:.1f} % of the quotes lack a price, cost or tenure that can be used and are left out")
_LEFT_OUT_OF_COSTS = template(
    "{share:.1f} % of the quotes lack a price, tenure or realised cost that can be used, or lie in strata without any "
    "realised cost, and are left out"
)


def shared(question: str, measure: str, effect: Effect, level: float, rows: int) -> Measurement:
    """What the figures of a model have in common; ``rows`` of the source."""
    n = effect.counts["quotes"]
    words = _LEFT_OUT if effect.found.model.exposure is None else _LEFT_OUT_OF_COSTS
    unseen = (said(words, share=100 * (1 - n / rows)),) if rows and 1 - n / rows > _MOST_LOST else ()
    nobody = effect.counts.get("without_entity", 0) / rows if rows else 0.0
    if nobody > _MOST_LOST:
        unseen = (*unseen, said(_NOBODY, share=100 * nobody))
    largest = effect.counts.get("largest_entity", 0) / n if n else 0.0
    if largest > _DOMINANT:  # one score with one degree of freedom, which may come out small by chance
        unseen = (*unseen, said(_ONE_OR_NONE, share=100 * min(largest, 1.0)))
    return Measurement(
        question=question, measure=measure, attribute=None, group=None, reference=None, estimate=None, low=None,
        high=None, level=level, n=n, counts={**effect.counts, "left_out": rows - n}, equality=0.0,
        method=effect.method, source=said("cells"), cautions=unseen, unseen=unseen,
    )  # fmt: skip


def unreliable(effect: Effect, place: int) -> str | None:
    """Why the effect at this place has no figure, or None."""
    import numpy as np

    n = effect.counts["quotes"]
    found = effect.found
    levels, strata = found.levels[found.fit.used], found.strata[found.fit.used]
    labels = found.model.terms == "labels"
    if effect.found.model.exposure is not None and not len(levels):
        return _NO_REALISED
    if len(np.unique(levels)) < 2:
        return _NO_OTHER_GROUP if labels else _ONE_TENURE
    if n < ROWS:
        return said(_FEW_ROWS, n=n, needed=ROWS)
    if effect.counts.get("entities", ENTITIES) < ENTITIES:
        return said(_FEW_CUSTOMERS, n=effect.counts["entities"], needed=ENTITIES)
    if not np.isfinite(effect.estimates[place]):
        own = np.isin(strata, strata[levels == place + 1]) if labels else np.full(len(strata), True)
        beside = len(np.unique(np.column_stack([strata[own], levels[own]]), axis=0)) > len(np.unique(strata[own]))
        if found.model.exposure is not None and beside:
            return _GROUP_NOT_SOLVED if labels else _NOT_SOLVED
        return _GROUPS_APART if labels else _NO_CHANGE
    variance = float(effect.covariance[place, place])
    if not variance > 0 or effect.freedom < 1:
        return said(_NO_ERROR, effect=float(effect.estimates[place]))
    return None


def slope(base: Measurement, effect: Effect, sign: float = 1.0) -> Measurement:
    """The slope of a model as a figure; ``sign`` −1 where a fall is the harm."""
    if reason := unreliable(effect, 0):
        return replace(base, reason=reason)
    estimate, error = sign * float(effect.estimates[0]), float(effect.covariance[0, 0]) ** 0.5
    cautions = base.cautions
    unseen = base.unseen
    if effect.shares[0] > _DOMINANT:
        told = said(_ONE_CUSTOMER, share=100 * effect.shares[0])
        cautions, unseen = (*cautions, told), (*unseen, told)
    return replace(
        base, cautions=cautions, unseen=unseen, details={**base.details, **robustness(effect, base.level)},
        **from_error(estimate, error, effect.freedom, base.level),
    )  # fmt: skip


def robustness(effect: Effect, level: float, place: int = 0) -> dict[str, float]:
    """Robustness values of the effect at this place.

    Cinelli and Hazlett's identities hold for least squares with its classical error. For a Poisson pseudo-likelihood
    they are used by analogy: with the error that allows for the mean's variance, or, where only errors by customer are
    at hand, with those.
    """
    classical = float(effect.classical[place])
    if not classical > 0:
        classical = float(effect.covariance[place, place]) ** 0.5
    freedom = effect.found.fit.n - effect.found.fit.parameters
    return prices.robustness_values(float(effect.estimates[place]), classical, int(freedom), level)


def without_newcomers(figure: Measurement, new: Newcomers) -> Measurement:
    """The figure with what a lack of new customers hides: whatever happens when a customer first renews."""
    told: list[str] = []
    if new.too_few:
        told.append(said(FEW_NEW, new=new.new, rows=new.rows, needed=NEW_CUSTOMERS))
    elif new.rows and new.lacking_rows / new.rows > 0.5:
        told.append(said(_LACKING_STRATA, share=100 * new.lacking_rows / new.rows, needed=NEW_CUSTOMERS))
    return replace(
        figure, counts={**figure.counts, "new_customers": new.new}, cautions=(*figure.cautions, *told),
        unseen=(*figure.unseen, *told),
    )  # fmt: skip


def interval_in_words(figure: Measurement) -> str:
    """``2.1 % a year (95 % interval 1.2 to 3.0)`` for a sentence about a slope."""
    return said(
        "{estimate:.2f} % a year ({level:.5g} % interval {low:.2f} to {high:.2f})",
        estimate=100 * (figure.estimate or 0.0), level=100 * figure.level, low=100 * (number(figure.low or 0.0) or 0.0),
        high=100 * (number(figure.high or 0.0) or 0.0),
    )  # fmt: skip
