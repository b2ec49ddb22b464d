"""Are customers led, pushed or ticked into credit that they did not ask for?

Harm: debt that a person would not have taken of their own accord (诱导借贷). Counted, without sampling error:

* inducement_cases: loans to which a checkout led by credit on by default, by a box ticked beforehand, or without the
  cost being shown, each once; preticked_credit_cases; unsolicited_credit_cases, which nobody asked for. A flag that
  says neither yes nor no refuses its figure, an unknown one keeps it from being clear.

Estimated, money borrowed for each occasion, 0 where nothing was:

* push_effect: what a push adds, from a randomised holdout, read as dealt whatever was really shown: the mean of those
  not held out less that of those held out, weighted over strata (Lin 2013, Annals of Applied Statistics 7:295–318; with
  strata as indicators, post-stratification), with Neyman's error, or CR1 by entity. The estimand is the mean effect,
  over the occasions given, of being open to pushes; for each push shown it is larger, as its details say.
* push_effect_gap: that of a group less that of the reference. Above 0, pushes add more debt for the group.
* push_association and its gap, where nobody was held out: the doubly robust difference of those pushed and those not at
  equal strata and fifths of controls (audits/statistics/arm_difference.py). Pushes aimed at those who would borrow
  anyway look the same, so that it decides nothing; beside it stands how strong an omitted confounder must be.

Who was held out must be chance's doing: balance over strata and groups, and the planned share, are tested
(audits/comparisons/dealt.py); where a test fails the effect decides nothing. A row is an occasion to borrow: where
pushes bring occasions about, or keep people from them, give one row for each customer and span of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from audits.comparisons import push_doubts, pushes
from audits.comparisons.credit_flags import ODD, case_figure, flagged_loans
from audits.comparisons.currency import loan_currency, loan_currency_needs
from audits.comparisons.dealt import Dealt, dealt
from audits.comparisons.push_doubts import HOLDOUT, PUSHED, Side
from audits.evidence.arm_tables import arm_table
from audits.evidence.arms import Arms
from audits.evidence.collect import Evidence
from audits.evidence.needs import ArmsNeed, CellsNeed, Need
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.problem import InputError, Problem
from checks.sentence import Sentence, said

# measure → the keys of 'terms' that show it, each with the value that makes a case
_CASES: dict[str, dict[str, bool]] = {
    "inducement_cases": {"default_credit": True, "preticked": True, "cost_shown": False},
    "preticked_credit_cases": {"preticked": True},
    "unsolicited_credit_cases": {"solicited": False},
}
_COUNTED_AS = {"default_credit": "on_by_default", "preticked": "preticked", "cost_shown": "cost_not_shown"}
_EFFECTS = {True: ("push_effect", "push_effect_gap"), False: ("push_association", "push_association_gap")}
_FLAGS = said("write true or false, yes or no, 1 or 0, in the source or in a 'query'")


@dataclass(frozen=True, slots=True)
class Inducement:
    """``level`` of confidence; ``attributes``, empty for all; ``holdout_share`` as planned, 0 where nobody says it."""

    level: float = 0.95
    attributes: tuple[str, ...] = ()
    holdout_share: float = field(default=0.0, metadata={"least": 0.0})

    name: ClassVar[str] = "predatory_lending.inducement"
    harm: ClassVar[str] = "predatory_lending"
    roles: ClassVar[tuple[str, ...]] = ("terms",)
    optional_roles: ClassVar[tuple[str, ...]] = ("groups", "strata", "controls", "entity", "weight", "loan")
    measures: ClassVar[Mapping[str, float | None]] = {
        **dict.fromkeys(_CASES), **{name: 0.0 for pair in _EFFECTS.values() for name in pair},
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = tuple(_CASES)

    def __post_init__(self) -> None:
        if not 0 <= self.holdout_share < 1:
            raise InputError(Problem(
                f"{self.name}: holdout_share", f"'{self.holdout_share}'", "a share from 0 to below 1, such as 0.1",
                "write the share of customers that was to be held out, or leave it out",
            ))  # fmt: skip

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """One set of cells of the flags; money by arm for everyone and for each attribute."""
        if keys := _flags(contract):
            yield CellsNeed(columns=tuple(dict.fromkeys(contract.terms[key] for key in keys)), decision=False)
        if side := _side(contract):
            yield from self._arms_needs(contract, side).values()
            yield from loan_currency_needs(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The counts, then the effects or associations."""
        missing = [*self._undeclared(contract), *self._unused(contract)]
        figures = list(self._cases(evidence, contract))
        side = _side(contract)
        if side is not None:
            arms = {name: evidence.arms(need) for name, need in self._arms_needs(contract, side).items()}
            figures += self._pushes(arms, side, evidence, contract)
            missing += [*self._unlike(arms[None], side), *self._unread(arms[None], contract, side)]
        for figure in figures:
            if getattr(figure.reason, "template", "") == ODD:
                missing.append(NotAnswered(f"{self.name}: {figure.measure}", figure.reason or "", _FLAGS))
        return figures, list(dict.fromkeys(missing))

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return self.attributes or tuple(group.name for group in contract.groups)

    def _arms_needs(self, contract: DataContract, side: Side) -> dict[str | None, ArmsNeed]:
        """Attribute, None for everyone → its need."""
        everyone = ArmsNeed(
            contract.terms["holdout" if side.dealt else "pushed"], contract.terms["borrowed"],
            tuple(dict.fromkeys(contract.strata)), () if side.dealt else tuple(dict.fromkeys(contract.controls)),
            cluster=contract.entity, other=contract.terms.get("pushed") if side.dealt else None,
            population=not side.dealt,
        )  # fmt: skip
        return {name: replace(everyone, attribute=name) for name in (None, *self._attributes(contract))}

    def _cases(self, evidence: Evidence, contract: DataContract) -> Iterator[Measurement]:
        for measure, case_when in _CASES.items():
            columns = {key: contract.terms[key] for key in case_when if key in contract.terms}
            if not columns:
                continue
            cells = evidence.cells(CellsNeed(columns=tuple(dict.fromkeys(columns.values())), decision=False))
            undated = evidence.data.undated if cells.rows == evidence.data.rows else 0
            absent = tuple(key for key in case_when if key not in columns)
            seen = flagged_loans(cells, columns, case_when)
            yield case_figure(self.name, measure, seen, _COUNTED_AS if len(case_when) > 1 else {}, undated, absent)

    def _pushes(
        self, arms: Mapping[str | None, Arms], side: Side, evidence: Evidence, contract: DataContract
    ) -> Iterator[Measurement]:
        measure, gap = _EFFECTS[side.dealt]
        column = contract.terms["holdout" if side.dealt else "pushed"]
        deal = Dealt({}, None)
        if side.dealt:
            groups = {name: one for name, one in arms.items() if name is not None}
            deal = dealt(arms[None], groups, bool(contract.strata), self.holdout_share)
        base = Measurement(
            question=self.name, measure=measure, attribute=None, group=None, reference=None, estimate=None, low=None,
            high=None, level=self.level, n=0, equality=0.0, method=said("none"), source=said("money by arm"),
            unit=loan_currency(evidence, contract).unit,
        )  # fmt: skip
        yield self._judged(
            base, _refused(arms[None], column) or pushes.effect(base, arms[None], side, contract.entity), side, deal
        )
        for attribute in self._attributes(contract):
            reference = evidence.data.references[attribute]
            for label in _labels(arms[attribute], reference):
                one = replace(base, measure=gap, attribute=attribute, group=label, reference=reference)
                found = _refused(arms[attribute], column) or pushes.effect_gap(
                    one, arms[attribute], side, contract.entity
                )
                yield self._judged(one, found, side, deal)

    def _judged(self, base: Measurement, found: Measurement | Sentence, side: Side, deal: Dealt) -> Measurement:
        """What an unsound deal, or none, does to a figure."""
        if isinstance(found, Sentence):
            return replace(base, reason=found)
        found = replace(found, details={**found.details, **deal.details})
        doubt = deal.doubt if side.dealt else pushes.NOT_DEALT
        if found.estimate is None or doubt is None:
            return found
        return replace(found, cautions=(doubt, *found.cautions), undecided=doubt)

    def _unread(self, arms: Arms, contract: DataContract, side: Side) -> Iterator[NotAnswered]:
        """A flag of pushes that cannot be read: what was shown is unknown, the effect as dealt is not."""
        if side.dealt and "pushed" in contract.terms:
            why = _refused(arms, contract.terms["pushed"])
            if getattr(why, "template", "") == ODD and why is not None:
                yield NotAnswered(f"{self.name}: pushed", why, _FLAGS)

    def _unlike(self, arms: Arms, side: Side) -> Iterator[NotAnswered]:
        """Strata in which everybody, or nobody, was in an arm."""
        if any(cell.arm is not None and cell.known for cell in arms.cells):
            without = arm_table(arms, None, population=not side.dealt).left_out
            if without:
                yield NotAnswered(
                    f"{self.name}: {_EFFECTS[side.dealt][0]}",
                    said(
                        "{n} strata with {rows:,} occasions have not two occasions of either arm and are left out: "
                        "{names}",
                        n=len(without), rows=sum(rows for _, rows in without), names=push_doubts.named(without),
                    ),
                    said("coarser strata, or some customers like these in the other arm"),
                )  # fmt: skip

    def _undeclared(self, contract: DataContract) -> Iterator[NotAnswered]:
        for measure, case_when in _CASES.items():
            if not set(case_when) & set(contract.terms):
                yield self._lacks(measure, tuple(case_when))
        if "borrowed" not in contract.terms:
            yield self._lacks("push_effect", ("borrowed", "holdout"))
        elif "holdout" not in contract.terms:
            yield NotAnswered(
                f"{self.name}: push_effect", said("the contract names no randomised holdout"),
                said(
                    "hold some customers out of pushes by chance, and name the flag of who was under "
                    "'terms: {{holdout: …}}'"
                ),
            )  # fmt: skip
            if "pushed" not in contract.terms:
                yield self._lacks("push_association", ("pushed",))
        elif "pushed" not in contract.terms:
            yield NotAnswered(
                f"{self.name}: pushed",
                said("the contract does not say who was pushed, so that it is unknown whether the holdout was kept"),
                said("name the flag of pushes shown under 'terms: {{pushed: …}}'"),
            )
        if _side(contract) and not contract.groups:
            yield NotAnswered(
                f"{self.name}: {_EFFECTS['holdout' in contract.terms][1]}", said("the contract names no groups"),
                said("name vulnerable and other groups under 'groups'"),
            )  # fmt: skip

    def _lacks(self, measure: str, keys: tuple[str, ...]) -> NotAnswered:
        named = ", ".join(f"terms.{key}" for key in keys)
        return NotAnswered(
            f"{self.name}: {measure}", said("the contract does not name: {keys}", keys=named),
            said("name the columns of {keys} in the contract", keys=named),
        )  # fmt: skip

    def _unused(self, contract: DataContract) -> Iterator[NotAnswered]:
        if contract.weight:
            yield NotAnswered(
                f"{self.name}: weight", said("every row counts once: the declared weight is not used"),
                said("read the figures as those of the rows given"),
            )  # fmt: skip
        side = _side(contract)
        if side is None:
            return
        if not (contract.loan_form.currency or contract.loan_form.currency_column):
            yield NotAnswered(
                f"{self.name}: unit", said("the contract does not say in which currency money is borrowed"),
                said("name it under 'loan: {{currency: …}}'"),
            )  # fmt: skip
        if side.dealt and contract.controls:
            yield NotAnswered(
                f"{self.name}: controls", said("chance dealt the holdout, so that controls are not used, only strata"),
                said("nothing; put what borrowing hangs on among the strata for a narrower interval"),
            )  # fmt: skip
        if not side.dealt and not contract.strata and not contract.controls:
            yield NotAnswered(
                f"{self.name}: strata",
                said("neither strata nor controls are declared: all customers are compared together"),
                said("list what pushes are aimed by under 'strata' or 'controls'"),
            )  # fmt: skip


def _flags(contract: DataContract) -> tuple[str, ...]:
    keys = dict.fromkeys(key for case_when in _CASES.values() for key in case_when)
    return tuple(key for key in keys if key in contract.terms)


def _side(contract: DataContract) -> Side | None:
    """Which arms are compared, or None where the contract names none, or no money."""
    if "borrowed" not in contract.terms:
        return None
    return HOLDOUT if "holdout" in contract.terms else PUSHED if "pushed" in contract.terms else None


def _labels(arms: Arms, reference: str) -> list[str]:
    """Every group but the reference that occurs."""
    return sorted({cell.label for cell in arms.cells if cell.label is not None} - {reference})


def _refused(arms: Arms, column: str) -> Sentence | None:
    """Why no figure of these arms can be had, or None."""
    if values := ", ".join(repr(value) for name, value in arms.odd if name == column):
        return said(ODD, column=column, values=values)
    if all(cell.arm is None for cell in arms.cells):
        return pushes.NO_ARMS
    return None
