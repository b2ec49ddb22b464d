"""A loyalty penalty that two independent routes agree on, or why they say nothing together.

An estimated penalty is a claim about what a new customer of the same risk would have paid, which no data show. So it is
told only where the price over expected cost and the realised cost over price lead to it, each for itself: an
intersection–union test (Berger 1982, Technometrics 24:295–300), whose size is that of each route. The interval is the
hull of both: it lies beyond a limit exactly when both do, and within it exactly when both do. The detectable effect is
that of both together, the power of each multiplied, which is a lower bound for routes that share the noise of prices
and so are positively correlated (Slepian 1962, Bell System Technical Journal 41:463–501); it allows for the one run in
a hundred in which routes that agree look contradictory.
"""

from __future__ import annotations

from dataclasses import replace

from audits.comparisons.tenure_routes import interval_in_words
from audits.measuring import POWER, number
from audits.record import Measurement
from audits.statistics.ladder import Rung
from checks.inputs.contract import DataContract
from checks.sentence import said, template

MEASURE = "loyalty_penalty_slope"
_SURE = 0.99
_POWER = POWER / _SURE  # of both routes, so that with the guard it is .8
_DECLARED = template(
    "one route alone (price over expected cost); that the error of the expected cost does not depend on tenure is "
    "declared ({basis}), not measured; the realised cost of quotes, under 'realised_cost', would give the other"
)
_ONLY_LOSS = template(
    "one route alone (realised cost over price); the expected cost, under 'cost', would give the other"
)
_UNKNOWN_ERROR = template(
    "price over expected cost changes by {slope}, and whether the error of the expected cost depends on tenure is not "
    "known, which would show as the same; the realised cost of quotes, under 'realised_cost', would tell, or a "
    "declaration with its basis under 'cost: {{error: unrelated_to_tenure, basis: …}}'"
)
_DEPENDS = template(
    "the error of the expected cost depends on tenure by the program's own declaration, so that price over expected "
    "cost ({slope}) does not tell a penalty"
)
_CONTRADICT = template(
    "the error of the expected cost depends on tenure: realised over expected cost changes by {error}, so that price "
    "over expected cost ({slope}) and realised cost over price ({loss}) do not measure one thing; an expected cost "
    "whose error does not change with tenure would let them"
)
_NO_COST = template(
    "price at equal strata changes by {slope}, but neither the expected cost nor the realised cost is declared, and "
    "what a customer costs may change with tenure; both, under 'cost' and 'realised_cost', would tell"
)
_NEITHER = template("no route has a figure: {reason}")
_NO_PRICE = template(
    "price over expected cost has no figure, and realised cost over price alone does not decide: {reason}"
)
_NO_LOSS = template(
    "price over expected cost changes by {slope}, and the other route, realised cost over price, has no figure: "
    "{reason}"
)
_DECLARED_NO_LOSS = template(
    "one route alone (price over expected cost); that the error of the expected cost does not depend on tenure is "
    "declared ({basis}), not measured; realised cost over price has no figure: {reason}"
)
_MAY_DEPEND = template(
    "the error of the expected cost may depend on tenure: realised over expected cost changes by {error}"
)
_UNTOLD = template(
    "realised over expected cost has no figure, so that nobody can tell whether the error of the expected cost depends "
    "on tenure, nor whether the routes are two: {reason}"
)


def agreed(
    base: Measurement, price: Measurement, loss: Measurement | None, error: Measurement | None, tolerance: float,
    contract: DataContract,
) -> Measurement:  # fmt: skip
    """The joint figure from those of the routes and of the cost's error.

    ``price`` is the slope of price over expected cost (over nothing where no cost is declared), ``loss`` that of
    realised cost over price, ``error`` that of realised over expected cost; an error is one that its interval shows
    and that amounts to ``tolerance`` a year.
    """
    base = replace(
        base, measure=MEASURE, method=said("both routes: the hull of their intervals, the smaller of their figures"),
        source=said("cells"), estimate=None, counts={**price.counts}, n=price.n, cautions=price.cautions,
        unseen=price.unseen,
    )  # fmt: skip
    if loss is not None:
        base = replace(base, counts={**base.counts, "with_realised_cost": loss.n},
                       cautions=tuple(dict.fromkeys((*price.cautions, *loss.cautions))),
                       unseen=tuple(dict.fromkeys((*price.unseen, *loss.unseen))))  # fmt: skip
    if price.estimate is None:
        words = _NEITHER if loss is None or loss.estimate is None else _NO_PRICE
        return replace(base, reason=said(words, reason=price.reason or said("no figure")))
    told = interval_in_words(price)
    if loss is None or loss.estimate is None:
        return _price_alone(base, price, told, contract, loss.reason if loss else None)
    if not contract.cost:
        return replace(_taken(base, loss), undecided=said(_ONLY_LOSS))
    if contract.cost_error == "depends_on_tenure":
        return replace(base, reason=said(_DEPENDS, slope=told))
    if error is not None and error.estimate is None:
        return replace(base, reason=said(_UNTOLD, reason=error.reason or said("no figure")))
    if error is not None and _shown(error, tolerance):
        return replace(base, reason=said(
            _CONTRADICT, error=interval_in_words(error), slope=told, loss=interval_in_words(loss),
        ))  # fmt: skip
    if error is not None and abs(error.estimate or 0.0) >= tolerance:  # by chance perhaps, but a clear needs more
        told = said(_MAY_DEPEND, error=interval_in_words(error))
        base = replace(base, unseen=(*base.unseen, told))
    return _both(base, price, loss)


def _price_alone(
    base: Measurement, price: Measurement, told: str, contract: DataContract, lacking: str | None
) -> Measurement:  # fmt: skip
    """One route; ``lacking`` is why the other has no figure where its realised cost is declared."""
    if lacking and (not contract.cost or contract.cost_error == "unknown"):
        return replace(base, reason=said(_NO_LOSS, slope=told, reason=lacking))
    if not contract.cost:
        return replace(base, reason=said(_NO_COST, slope=told))
    if contract.cost_error == "depends_on_tenure":
        return replace(base, reason=said(_DEPENDS, slope=told))
    if contract.cost_error == "unknown":
        return replace(base, reason=said(_UNKNOWN_ERROR, slope=told))
    basis = contract.cost_basis or ""
    if lacking:
        return replace(_taken(base, price), undecided=said(_DECLARED_NO_LOSS, basis=basis, reason=lacking))
    return replace(_taken(base, price), undecided=said(_DECLARED, basis=basis))


def _taken(base: Measurement, one: Measurement) -> Measurement:
    """The figure of one route."""
    return replace(
        base, estimate=one.estimate, low=one.low, high=one.high, level=one.level, ladder=one.ladder,
        p_value=one.p_value, mde=one.mde, standard_error=one.standard_error, details=one.details, method=one.method,
    )  # fmt: skip


def _shown(error: Measurement, tolerance: float) -> bool:
    """Whether an error of the cost that depends on tenure stands out and matters.

    At level ``_SURE``: routes that agree within their noise must not be called contradictory one time in twenty.
    """
    if error.estimate is None or error.p_value is None:
        return False
    return abs(error.estimate) >= tolerance and error.p_value < 1 - _SURE


def _both(base: Measurement, price: Measurement, loss: Measurement) -> Measurement:
    from audits.statistics.detectable_effect import joint_detectable_coefficient

    errors = [float(price.standard_error or 0.0), float(loss.standard_error or 0.0)]
    together = number(joint_detectable_coefficient(errors, level=base.level, power=_POWER).coefficient) or 0.0
    mde = max(together, price.mde or 0.0, loss.mde or 0.0)
    robust = [one.details.get("robustness_value_of_the_interval") for one in (price, loss)]
    least = {"robustness_value_of_the_interval": min(value for value in robust if value is not None)} if any(
        value is not None for value in robust) else {}  # fmt: skip
    return replace(
        base,
        estimate=min(price.estimate or 0.0, loss.estimate or 0.0),
        low=_least(price.low, loss.low), high=_most(price.high, loss.high),
        p_value=max(price.p_value or 0.0, loss.p_value or 0.0),
        mde=number(mde), ladder=_hull(price.ladder, loss.ladder),
        details={
            "slope_of_price": price.estimate or 0.0, "slope_of_loss_ratio": loss.estimate or 0.0, **least,
        },
    )  # fmt: skip


def _least(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else min(one, other)


def _most(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)


def _hull(price: tuple[Rung, ...], loss: tuple[Rung, ...]) -> tuple[Rung, ...]:
    """The hull of both at each level that both have."""
    other = {level: (low, high) for level, low, high in loss}
    return tuple(
        (level, _least(low, other[level][0]), _most(high, other[level][1]))
        for level, low, high in price if level in other
    )  # fmt: skip
