"""Is credit granted that borrowers cannot afford, or that the firm's own limits forbid?

Harm: over-indebtedness. Case by case, without sampling error:

* highest_debt_service_share: payments on all debts over income in a month; whoever has no income and something to pay
  is beyond any limit (``checks.inputs.loan_affordability``);
* highest_borrower_credit: all credit of a borrower, by the contract's column or else what these data hold of him;
* student_loan_cases, unassessed_credit_cases, unverified_income_cases, beyond_policy_cases: by flags and limits;
* highest_loss_guarantee_share: loss guarantees over the loans that they cover, by product where one is named.

With intervals, that allow for repeat borrowers where the contract names an entity:

* overstretched_share: the share of loans whose payments exceed ``threshold`` of the borrower's income, of everyone
  (with its course by quarter) and by group;
* overstretched_ratio, beyond_policy_ratio: a group's share over that of its reference, within declared strata where
  there are any (Mantel and Haenszel 1959, JNCI 22:719–748).

Only loans that were granted count, where a decision is declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from audits.comparisons.borrower_limits import credit_figure, credit_needs, guarantee_figure, guarantee_needs
from audits.comparisons.debt_service import (
    HIGHEST,
    DebtService,
    debt_service,
    debt_service_needs,
    has_shares,
    highest_need,
)
from audits.comparisons.event_rates import event_needs, event_table
from audits.comparisons.event_ratios import Asked, points_of, ratio_figure, share_figure
from audits.comparisons.loan_cases import case_figure, case_needs
from audits.comparisons.loan_census import census_figure
from audits.evidence.collect import Evidence
from audits.evidence.needs import Need, above
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused
from checks.inputs.contract import DataContract
from checks.inputs.loan_affordability import BEYOND_POLICY, CASE_FLAGS, QUARTER, SHARE, STUDENT, UNASSESSED, UNVERIFIED
from checks.inputs.loan_columns import granted_on
from checks.problem import InputError, Problem
from checks.sentence import said

_CASES = {
    "student_loan_cases": STUDENT, "unassessed_credit_cases": UNASSESSED, "unverified_income_cases": UNVERIFIED,
    "beyond_policy_cases": BEYOND_POLICY,
}  # fmt: skip
_LARGEST_THRESHOLD = 10.0
_KEYS = {
    HIGHEST: ("income", "instalment"), "overstretched_share": ("income", "instalment"),
    "overstretched_ratio": ("income", "instalment"), "beyond_policy_cases": ("policy_limit", "amount"),
    "beyond_policy_ratio": ("policy_limit", "amount"), "highest_loss_guarantee_share": ("amount", "loss_guarantee"),
    **{name: (CASE_FLAGS[column][0],) for name, column in _CASES.items() if column in CASE_FLAGS},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OverCrediting:
    """``threshold`` is the share of income that debt may take, .4 for 40 %; ``attributes``, empty for all."""

    threshold: float = field(default=0.4, metadata={"least": 0.0})
    level: float = 0.95
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "predatory_lending.over_crediting"
    harm: ClassVar[str] = "predatory_lending"
    roles: ClassVar[tuple[str, ...]] = ("loan",)
    optional_roles: ClassVar[tuple[str, ...]] = ("decision", "groups", "strata", "entity", "weight", "terms")
    measures: ClassVar[Mapping[str, float | None]] = {
        HIGHEST: None, "highest_borrower_credit": None, **dict.fromkeys(_CASES), "highest_loss_guarantee_share": None,
        "overstretched_share": None, "overstretched_ratio": 1.0, "beyond_policy_ratio": 1.0,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = (
        HIGHEST, "highest_borrower_credit", *_CASES, "highest_loss_guarantee_share",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if isinstance(self.threshold, (int, float)) and self.threshold >= _LARGEST_THRESHOLD:
            raise InputError(Problem(
                f"{self.name}, threshold", f"{self.threshold:g}", f"a share of income below {_LARGEST_THRESHOLD:g}",
                "write 0.4 for 40 %",
            ))  # fmt: skip

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Censuses, cells of cases, and cells by group, stratum and entity."""
        if has_shares(contract):
            yield from debt_service_needs(contract)
            yield from event_needs(self._event, None, contract)
            if granted_on(contract):
                yield from event_needs(self._event, None, contract, (QUARTER,))
        for measure, column in _CASES.items():
            if self._can(measure, contract):
                yield from case_needs(measure, column, contract)
        yield from credit_needs(contract)
        yield from guarantee_needs(contract)
        for event in self._compared(contract).values():
            for attribute in self._attributes(contract):
                yield from event_needs(event, attribute, contract)
                if contract.strata:
                    yield from event_needs(event, attribute, contract, contract.strata)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The figures, and which roles the others lack."""
        known = debt_service(evidence, contract) if has_shares(contract) else DebtService()
        figures = list(self._counted(evidence, contract, known))
        if has_shares(contract):
            figures += self._shares(evidence, contract, known)
        for measure, event in self._compared(contract).items():
            told = known if measure == "overstretched_ratio" else DebtService()
            figures += self._ratios(evidence, contract, measure, event, told)
        return figures, [*self._missing(contract), *left_unused(self.name, replace(contract, entity=None, strata=()))]

    @property
    def _event(self) -> str:
        return above(SHARE, self.threshold)

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _can(self, measure: str, contract: DataContract) -> bool:
        if measure.startswith("beyond_policy"):
            return "policy_limit" in contract.loan and bool({"amount", "credit_limit"} & set(contract.loan))
        return set(_KEYS[measure]) <= set(contract.loan)

    def _compared(self, contract: DataContract) -> dict[str, str]:
        """Ratio → the event whose rates it compares."""
        events = {"overstretched_ratio": self._event, "beyond_policy_ratio": BEYOND_POLICY}
        return {measure: event for measure, event in events.items() if self._can(measure, contract)}

    def _counted(self, evidence: Evidence, contract: DataContract, known: DebtService) -> Iterator[Measurement]:
        if has_shares(contract):
            highest = _with(census_figure(self.name, highest_need(contract), evidence, contract), known, details=True)
            yield replace(highest, unseen=(*highest.unseen, *known.faulty) if highest.estimate is not None else ())
        yield from credit_figure(self.name, evidence, contract)
        for measure, column in _CASES.items():
            if self._can(measure, contract):
                yield case_figure(self.name, measure, column, evidence, contract)
        yield from guarantee_figure(self.name, evidence, contract)

    def _shares(self, evidence: Evidence, contract: DataContract, known: DebtService) -> Iterator[Measurement]:
        asked = Asked(self.name, "overstretched_share", self.level)
        everyone = share_figure(asked, event_table(evidence, contract, self._event, None))
        if granted_on(contract):
            by_quarter = event_table(evidence, contract, self._event, None, (QUARTER,))
            everyone = replace(everyone, points=points_of(by_quarter, 0, _year_of, "all", self.level))
        details = {**everyone.details, "threshold": self.threshold}
        yield _with(replace(everyone, details=details), known, details=True)
        for attribute in self._attributes(contract):
            table = event_table(evidence, contract, self._event, attribute)
            for label in table.labels():
                figure = share_figure(replace(asked, attribute=attribute), table, label)
                yield _with(replace(figure, details={"threshold": self.threshold}), known)

    def _ratios(
        self, evidence: Evidence, contract: DataContract, measure: str, event: str, known: DebtService
    ) -> Iterator[Measurement]:
        for attribute in self._attributes(contract):
            table = event_table(evidence, contract, event, attribute)
            by_strata = event_table(evidence, contract, event, attribute, contract.strata) if contract.strata else None
            reference = evidence.data.references[attribute]
            asked = Asked(self.name, measure, self.level, attribute, reference, contract.strata)
            for label in (label for label in table.labels() if label != reference):
                yield _with(ratio_figure(asked, table, label, by_strata), known)

    def _missing(self, contract: DataContract) -> list[NotAnswered]:
        lacking = {measure: _KEYS[measure] for measure in self.measures
                   if measure in _KEYS and not self._can(measure, contract)}  # fmt: skip
        missing = [self._undeclared(measure, keys, contract) for measure, keys in lacking.items()]
        if not contract.groups:
            missing += [
                NotAnswered(
                    f"{self.name}: {measure}", said("the contract declares no groups"),
                    said("declare under 'groups' whose loans are to be compared with whose"),
                )
                for measure in self._compared(contract)
            ]  # fmt: skip
        if "borrower_credit" not in contract.loan and not (contract.entity and "amount" in contract.loan):
            missing.append(NotAnswered(
                f"{self.name}: highest_borrower_credit",
                said("the contract says of no borrower how much credit he has"),
                said("name the column of 'borrower_credit' under 'loan', or an 'entity' beside 'loan.amount'"),
            ))  # fmt: skip
        return missing

    def _undeclared(self, measure: str, keys: tuple[str, ...], contract: DataContract) -> NotAnswered:
        named = ", ".join(f"loan.{key}" for key in keys if key not in contract.loan)
        return NotAnswered(
            f"{self.name}: {measure}", said("the contract does not name: {keys}", keys=named),
            said("name the columns of {keys} in the contract", keys=named),
        )  # fmt: skip


def _with(figure: Measurement, known: DebtService, *, details: bool = False) -> Measurement:
    """The figure with what is wrong with incomes and debts, and with ``details`` all that is known of them."""
    if figure.estimate is None:
        return figure
    if details:
        figure = replace(
            figure, counts={**figure.counts, **known.counts}, details={**figure.details, **known.details}
        )  # fmt: skip
    return replace(
        figure, cautions=(*figure.cautions, *known.cautions), unseen=(*figure.unseen, *known.unseen)
    )  # fmt: skip


def _year_of(quarter: str) -> float:
    """Where a quarter such as 20254 begins, in years."""
    return int(quarter[:-1]) + (int(quarter[-1]) - 1) / 4
