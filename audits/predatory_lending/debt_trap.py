"""Do loans lead into the next loan, and do fees keep borrowers in debt?

Harm: credit that its borrower cannot repay without borrowing again. Counted, without sampling error:

* fewest_days_between_loans: fewest full days without a loan between two loans of one borrower;
* longest_loan_sequence: most loans in a row, each opened at most ``gap_days`` days after the debt before ended;
* most_rollovers: by the loan's own record, else the most loans in a row opened on the day on which the last one ended;
* persistent_debt_cases: loans of which more interest and fees than principal was paid over 18 months, the balance
  ``persistent_balance`` of the loan's money or more throughout (UK FCA CONC 6.7.27);
* third_debit_cases: debits after two failures in a row without a new authorisation (12 CFR 1041.7, 1041.8).

Estimated, with errors by borrower (``reborrowing_models``):

* renewed_share: loans followed by another within ``gap_days``; long_chain_start_share: new loans that begin a chain of
  ``chain_length`` or more; long_chain_loan_share: loans that lie in such chains (Burke and others, CFPB Data Point:
  Payday Lending, 2014); chain_cost_ratio: fees of a chain over its first principal;
* reborrowing_ratio: hazard of borrowing again of a group over that of the reference group at equal affordability, which
  is amount over income and other debts' service over income, and equal strata. Above 1 is harm;
* fee_driven_ratio: how many times as high that hazard is after fees twice as high, at equal affordability. In a cell
  amount over income is equal, so that fees over income move with fees over amount, which is taken: what is left of need
  within a cell then does not move it. A lender to whom people return for need has 1, however many return.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from audits.comparisons.census import counted
from audits.comparisons.reborrowing import Seen
from audits.evidence.collect import Evidence
from audits.evidence.debt_tallies import Tally
from audits.evidence.needs import DebtTallyNeed, Need, ReborrowingNeed
from audits.evidence.reborrowing import Reborrowing
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.loan_columns import granted_on
from checks.sentence import joined, said

_BANDS = {0: 1, 1: 20, 2: 10}  # of each ratio at most, by how many there are
_CHAINED = ("fewest_days_between_loans", "longest_loan_sequence")
_SHARES = ("renewed_share", "long_chain_start_share", "long_chain_loan_share")
_TALLIED = {
    "third_debit_cases": ("unauthorised_debits",),
    "persistent_debt_cases": ("interest_paid", "principal_paid", "lowest_balance"),
}
_SOURCE = said("correct the numbers in the source or in a 'query'")


@dataclass(frozen=True, slots=True)
class DebtTrap:
    """``level`` is the confidence level, ``attributes`` restricts the question (empty means all), days are whole."""

    level: float = 0.95
    attributes: tuple[str, ...] = ()
    gap_days: int = field(default=14, metadata={"least": 0})
    chain_length: int = field(default=10, metadata={"least": 2})
    persistent_balance: float = field(default=200.0, metadata={"least": 0})

    name: ClassVar[str] = "predatory_lending.debt_trap"
    harm: ClassVar[str] = "predatory_lending"
    roles: ClassVar[tuple[str, ...]] = ("loan",)
    optional_roles: ClassVar[tuple[str, ...]] = ("entity", "time", "groups", "strata", "weight")
    measures: ClassVar[Mapping[str, float | None]] = {
        **dict.fromkeys((*_CHAINED, "most_rollovers", "persistent_debt_cases", "third_debit_cases")),
        **dict.fromkeys((*_SHARES, "chain_cost_ratio")), "reborrowing_ratio": 1.0, "fee_driven_ratio": 1.0,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = (
        *_CHAINED, "most_rollovers", "persistent_debt_cases", "third_debit_cases",
    )  # fmt: skip

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Chains of loans where borrower, opening and end are named; counts of the loans' own record."""
        if not _lacks_chains(contract):
            yield self._chains(contract)
        if (tallies := self._tallies(contract)) != DebtTallyNeed(floor=self.persistent_balance):
            yield tallies

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """What was counted, then what was estimated."""
        figures: list[Measurement] = []
        missing: list[NotAnswered] = [*self._missing(contract)]
        rollovers = None
        if (need := self._tallies(contract)) != DebtTallyNeed(floor=self.persistent_balance):
            tallies = evidence.debt_tallies(need)
            rollovers = tallies.rollovers
            own = {"third_debit_cases": tallies.debits, "persistent_debt_cases": tallies.persistent}
            figures += [self._tallied(name, tally, tallies.rows) for name, tally in own.items() if tally]
            if rollovers:
                figures.append(self._tallied("most_rollovers", rollovers, tallies.rows))
        if not _lacks_chains(contract):
            chains = self._chains(contract)
            found, influences = evidence.reborrowing(chains)
            references = tuple(evidence.data.references[name] for name in chains.attributes)
            seen = Seen(self.name, self.level, chains, found, influences, references)
            figures += self._counted(found, rollovers is None)
            figures += [one for one in seen.figures() if self._asked(one.measure, contract)]
            if chains.fees and chains.amount:
                figures.append(seen.chain_cost())
            missing += self._alike(found, contract)
        missing += [
            NotAnswered(f"{self.name}: {one.measure}", one.reason, _SOURCE)
            for one in figures if one.reason and one.measure in (*_TALLIED, "most_rollovers")
        ]  # fmt: skip
        return figures, list(dict.fromkeys(missing))

    def _chains(self, contract: DataContract) -> ReborrowingNeed:
        loan = contract.loan
        ratios = _ratios(contract)
        month = "term_months" in loan and "term_days" not in loan
        return ReborrowingNeed(
            entity=str(contract.entity), opened=str(granted_on(contract)), unit=contract.unit,
            closed=loan.get("repaid_at"), term=loan.get("term_days") or loan.get("term_months"), term_in_months=month,
            gap_days=self.gap_days, chain_length=self.chain_length, attributes=self._attributes(contract),
            strata=contract.strata, ratios=ratios,
            times=12.0 if contract.loan_form.income_period == "year" else 1.0, bands=_BANDS[len(ratios)],
            fees=loan.get("fees"), amount=loan.get("amount"),
        )  # fmt: skip

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _tallies(self, contract: DataContract) -> DebtTallyNeed:
        loan, persistent = contract.loan, _TALLIED["persistent_debt_cases"]
        paid = [loan.get(name) if set(persistent) <= set(loan) else None for name in persistent]
        interest, principal, balance = paid
        return DebtTallyNeed(
            loan.get("rollovers"), loan.get("unauthorised_debits"), interest, principal, balance,
            self.persistent_balance,
        )  # fmt: skip

    def _asked(self, measure: str, contract: DataContract) -> bool:
        """Ratios hold affordability equal, so without it there is none."""
        return measure in _SHARES or bool(_ratios(contract))

    def _tallied(self, measure: str, tally: Tally, rows: int) -> Measurement:
        counts = {"known": tally.known, "unknown": tally.unknown, "loans": rows, "loans_above_none": tally.cases}
        value = float(tally.total if measure in _TALLIED else tally.largest or 0.0)
        reason = None
        if tally.odd:
            reason = said("{n:,} of {rows:,} loans have numbers below 0, or that are not whole", n=tally.odd, rows=rows)
        elif not tally.known:
            reason = said("no loan says it")
        figure = counted(self.name, measure, None if reason else value, rows, counts, reason)
        if tally.unknown and not reason:
            return replace(figure, unseen=(said("{n:,} of {rows:,} loans do not say it", n=tally.unknown, rows=rows),))
        return figure

    def _counted(self, found: Reborrowing, rollovers: bool) -> Iterator[Measurement]:
        counts, loans = dict(found.counts), found.counts["loans"]
        lost = counts["without_borrower"] + counts["without_opening"]
        nobody = said("{n:,} loans have no borrower or no day of opening", n=lost)
        unknown = said("what followed {n:,} loans without a usable end is not known", n=counts["unknown_gaps"])
        unseen = (*([nobody] if lost else []), *([unknown] if counts["unknown_gaps"] else []))
        none = said("no borrower has two loans with a known end of the first")
        days = None if found.fewest_days is None else float(found.fewest_days)
        yield replace(counted(self.name, "fewest_days_between_loans", days, loans, counts, none), unseen=unseen)
        truncated = sum(n for _, start, _, n in found.chains if start == "truncated")
        if truncated:
            early = said("{n:,} chains may have begun before the first day: their length is at least what was seen",
                         n=truncated)  # fmt: skip
            unseen = (*unseen, early)
        chains = {
            **counts, "chains": sum(n for *_, n in found.chains), "truncated": truncated,
            "running": sum(n for _, _, end, n in found.chains if end == "running"),
            "long_chains": sum(n for length, _, _, n in found.chains if length >= self.chain_length),
            "loans_in_long_chains": sum(length * n for length, _, _, n in found.chains if length >= self.chain_length),
        }  # fmt: skip
        empty = said("no loan has a borrower and a day of opening")
        length = float(found.longest) if loans else None
        yield replace(counted(self.name, "longest_loan_sequence", length, loans, chains, empty), unseen=unseen)
        if rollovers:
            most = float(found.most_same_day) if loans else None
            figure = counted(self.name, "most_rollovers", most, loans, chains, empty)
            proxy = said(
                "no rollovers are recorded: loans opened on the day on which the one before ended stand for them"
            )
            yield replace(figure, unseen=(*unseen, proxy), cautions=(proxy,))

    def _missing(self, contract: DataContract) -> Iterator[NotAnswered]:
        loan = contract.loan
        lacks = _lacks_chains(contract)
        if lacks:
            measures = [*_CHAINED, *_SHARES, "chain_cost_ratio", "reborrowing_ratio", "fee_driven_ratio"]
            if "rollovers" not in loan:
                measures.append("most_rollovers")
            for measure in measures:
                yield NotAnswered(f"{self.name}: {measure}", said("the contract does not name: {keys}", keys=lacks),
                                  said("name the columns of {keys} in the contract", keys=lacks))  # fmt: skip
        for measure, keys in _TALLIED.items():
            if absent := ", ".join(f"loan.{key}" for key in keys if key not in loan):
                yield NotAnswered(f"{self.name}: {measure}", said("the contract does not name: {keys}", keys=absent),
                                  said("name the columns of {keys} in the contract", keys=absent))  # fmt: skip
        if not lacks:
            yield from self._without_ratios(contract)
        if contract.weight:
            yield NotAnswered(
                f"{self.name}: weight", said("every loan counts once: the declared weight is not used"),
                said("read the figures as those of the loans given"),
            )  # fmt: skip

    def _without_ratios(self, contract: DataContract) -> Iterator[NotAnswered]:
        loan, ratios = contract.loan, _ratios(contract)
        if not ratios:
            for measure in ("reborrowing_ratio", "fee_driven_ratio"):
                yield NotAnswered(
                    f"{self.name}: {measure}",
                    said("nothing tells what a borrower can afford: those who return for need would look trapped"),
                    said("name loan.amount and loan.income in the contract"),
                )  # fmt: skip
        elif not self._attributes(contract):
            yield NotAnswered(f"{self.name}: reborrowing_ratio", said("the contract declares no groups"),
                              said("declare groups with a reference"))  # fmt: skip
        if absent := ", ".join(f"loan.{key}" for key in ("fees", "amount") if key not in loan):
            for measure in ("chain_cost_ratio", *(["fee_driven_ratio"] if ratios else [])):
                yield NotAnswered(f"{self.name}: {measure}", said("the contract does not name: {keys}", keys=absent),
                                  said("name the columns of {keys} in the contract", keys=absent))  # fmt: skip

    def _alike(self, found: Reborrowing, contract: DataContract) -> Iterator[NotAnswered]:
        """What the data leave without a figure."""
        if _ratios(contract) and {"fees", "amount"} <= set(contract.loan) and found.grids[-1].bands < 2:
            yield NotAnswered(
                f"{self.name}: fee_driven_ratio", said("fees over amount are the same for all loans"),
                said("loans at other fees, or from before fees were changed"),
            )  # fmt: skip
        if found.refused:
            named = joined(found.refused, ", ")
            yield NotAnswered(
                f"{self.name}: strata", said("more than 128 labels in: {named}", named=named),
                said("join labels into fewer in the source or in a 'query'"),
            )  # fmt: skip


def _ratios(contract: DataContract) -> tuple[tuple[str, str], ...]:
    """What tells what a borrower can afford: the loan and other debts over income."""
    loan = contract.loan
    if not {"amount", "income"} <= set(loan):
        return ()
    pairs = [(loan["amount"], loan["income"])]
    if "debt_service" in loan:
        pairs.append((loan["debt_service"], loan["income"]))
    return tuple(pairs)


def _lacks_chains(contract: DataContract) -> str:
    """What a contract must name for chains of loans and does not."""
    lacks = [] if contract.entity else ["entity"]
    if granted_on(contract) is None:
        lacks.append("loan.originated_at")
    if not {"repaid_at", "term_days", "term_months"} & set(contract.loan):
        lacks.append("loan.repaid_at")
    return ", ".join(lacks)
