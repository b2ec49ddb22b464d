"""All credit of one borrower, and loss guarantees over the loans that they cover.

The credit of a borrower is the contract's column, or else the sum of the amounts of his loans that are open at once
within these data (``audits.evidence.borrower_credit``): credit from before them or from elsewhere is not seen. A loss
guarantee is bounded over the portfolio that it covers, not loan by loan: guarantees and amounts of the loans with a
guarantee are added up by product where the contract names one, and the highest share of any product is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from audits.comparisons.census import counted
from audits.comparisons.event_rates import scope_of
from audits.comparisons.flags import flag_of
from audits.comparisons.loan_cases import census_need
from audits.comparisons.loan_census import census_figure
from audits.evidence.cells import Cells
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, CensusNeed, Need
from audits.record import Measurement
from checks.inputs.contract import DataContract
from checks.inputs.loan_affordability import CREDIT_WITHIN, GRANTED, GUARANTEE, GUARANTEED
from checks.inputs.loan_columns import granted_on
from checks.sentence import Sentence, said, template

CREDIT, GUARANTEES = "highest_borrower_credit", "highest_loss_guarantee_share"
_LEAST_SHARE = 0.0005
_WITHIN = said("within these data alone: credit that a borrower has from elsewhere or from before them is not seen")
_STAYS = said(
    "the contract names no 'loan.repaid_at' beside the day of the loan, so that loans that were repaid count on"
)
_TINY = template(
    "the guarantees are {share:.3g} % of the loans that they cover: ask whether 'loan.loss_guarantee' holds money, as "
    "is expected, or a share"
)


def credit_needs(contract: DataContract) -> Iterable[Need]:
    """The census of borrowers' credit, where it can be had."""
    need = _credit_need(contract)
    return [need] if need is not None else []


def credit_figure(question: str, evidence: Evidence, contract: DataContract) -> Iterator[Measurement]:
    """The highest credit of any borrower; nothing where the contract does not tell."""
    need = _credit_need(contract)
    if need is None:
        return
    figure = census_figure(question, need, evidence, contract, unit=contract.loan_form.currency)
    if need.figure == CREDIT_WITHIN and figure.estimate is not None:
        stays = not (granted_on(contract) and "repaid_at" in contract.loan)
        figure = replace(
            figure, unseen=(*figure.unseen, _WITHIN), cautions=(*figure.cautions, *((_STAYS,) if stays else ())),
            method=said("counted: amounts of a borrower's loans open at once, within these data"),
        )  # fmt: skip
    yield figure


def guarantee_needs(contract: DataContract) -> Iterable[Need]:
    """Sums of guarantees and of the loans that they cover."""
    return [_guarantee_need(contract)] if _has_guarantees(contract) else []


def guarantee_figure(question: str, evidence: Evidence, contract: DataContract) -> Iterator[Measurement]:
    """The highest share of guarantees over the loans that they cover; nothing where the contract does not tell."""
    if not _has_guarantees(contract):
        return
    cells = evidence.cells(_guarantee_need(contract))
    loans, portfolios = _portfolios(cells, contract.terms.get("product"))
    covered = {name: one for name, one in portfolios.items() if one[1] > 0}
    most = max(covered, key=lambda name: (covered[name][0] / covered[name][1], name), default=None)
    counts = {"loans": loans, "covered": sum(one[2] for one in covered.values()), "portfolios": len(covered)}
    share = covered[most][0] / covered[most][1] if most is not None else None
    figure = counted(question, GUARANTEES, share, counts["covered"], counts, _no_guarantee(loans))
    if most is None or share is None:
        yield figure
        return
    method = said("counted: loss guarantees over the amounts of the loans that they cover")
    if "product" in contract.terms:
        told = most or said("without a product")
        method = said("{method}, the highest of any product; it is that of {product}", method=method, product=told)
    yield replace(
        figure, method=method, details={"guarantee": covered[most][0], "amount": covered[most][1]},
        unseen=(said(_TINY, share=100 * share),) if share < _LEAST_SHARE else (),
    )  # fmt: skip


def _credit_need(contract: DataContract) -> CensusNeed | None:
    if "borrower_credit" in contract.loan:
        return census_need(CREDIT, contract.loan["borrower_credit"], contract)
    if contract.entity and "amount" in contract.loan:
        return CensusNeed(CREDIT, CREDIT_WITHIN, unit=contract.unit)
    return None


def _has_guarantees(contract: DataContract) -> bool:
    return {"amount", "loss_guarantee"} <= set(contract.loan)


def _guarantee_need(contract: DataContract) -> CellsNeed:
    product = (contract.terms["product"],) if "product" in contract.terms else ()
    return CellsNeed(columns=(*product, *scope_of(contract)), sums=(GUARANTEE, GUARANTEED), decision=False)


def _portfolios(cells: Cells, product: str | None) -> tuple[int, dict[str, tuple[float, float, int]]]:
    """Granted loans, and by product guarantee, amount and loans covered; '' where no product is known."""
    loans, found = 0, dict[str, tuple[float, float, int]]()
    for (labels, _, rows), totals in zip(cells.cells, cells.totals, strict=True):
        told = dict(zip(cells.columns, labels, strict=True))
        if GRANTED in told and flag_of(told[GRANTED]) is not True:
            continue
        loans += rows
        name = (told[product] if product else None) or ""
        guarantee, amount, many = found.get(name, (0.0, 0.0, 0))
        by_name = dict(zip(cells.sums, totals, strict=True))
        found[name] = (guarantee + by_name[GUARANTEE].sum, amount + by_name[GUARANTEED].sum,
                       many + by_name[GUARANTEED].known)  # fmt: skip
    return loans, found


def _no_guarantee(loans: int) -> Sentence:
    return said("none of {loans:,} loans has a loss guarantee and an amount", loans=loans)
