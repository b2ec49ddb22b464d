"""Are people without a data trail refused, or charged more, although they would repay as well?

Harm: credit is out of reach for whoever has no history that a model can read. A thin file is what the contract's
``thin_file`` says; the others are full. Figures:

* thin_file_share: share of applications with a thin file; score interval;
* thin_file_approval_ratio: approval rate of thin over full files as they stand, and within declared strata
  (segment "within strata": Mantel and Haenszel). It accuses a lender whose thin files do repay less often;
* thin_file_repayment_gap: repayment of thin less full files at equal score, spread as the thin are. Above 0 the score
  underrates them;
* thin_file_approval_gap: approval of full less thin files at equal estimated repayment, where one score may stand for
  another repayment in each file; a fraction of 1, errors of both steps;
* thin_file_price_gap: mean rate of thin less full files among the approved at equal estimated repayment (at equal score
  where no outcome is known); a fraction a year. From a sample of rows;
* thin_file_automatic_ratio: share of applications that are refused with nobody looking, thin over full, by a flag or by
  ``reasons`` that stand for a rule. A rule that nobody declared is told where no thin file at all is approved;
* thin_file_flip_share: of refused thin files, the share that the model approves once their columns are filled in: by a
  recorded decision, or where there is none by asking the contract's model itself (``fills_by_model``).

Where outcomes are not known of all the two gaps in repayment and approval are indicative: the outcome test
and the benchmark test can each be wrong, but hardly both in one direction (Gaebler and Goel 2025, PNAS 122:10), so that
they decide nothing where they disagree. Estimators and their sources: ``audits.statistics.equal_repayment``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from audits.comparisons import raw
from audits.comparisons.file_gaps import Selected, at_equal_repayment
from audits.comparisons.file_refusals import as_if_by_rule, automatic_ratio, flip_share, refusals
from audits.comparisons.fills_by_model import fills_asked, fills_needs, share_filled
from audits.comparisons.rates import group_rates, rates_needs
from audits.comparisons.scored_files import (
    ScoredFiles,
    files_of_histogram,
    files_of_sample,
    histogram_need,
    sample_need,
)
from audits.comparisons.stratified import stratified
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need
from audits.known_outcomes import indicative, known_shares, outcome_tables, selection, shares_by_decision, unlike
from audits.measuring import bounded
from audits.parameters import refuse_outside
from audits.record import Measurement, NotAnswered
from audits.unused_roles import marked
from checks.inputs.access_columns import FILLED
from checks.inputs.contract import CREDIT_FILE, FULL, THIN, DataContract
from checks.inputs.outcomes import OUTCOME
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.evidence.cells import Cells

_BOUNDS = {"rows": (100, 1_000_000), "folds": (2, 20), "replicates": (100, 10_000), "seed": (0, 2**32 - 1)}
_MOST_UNKNOWN = 0.05
_UNKNOWN = template("of {share:.1f} % of the applications it is not known whether their file is thin")
_ON_CONDITION = template(
    "a selected sample: the outcome is known on a condition, for {share:.1f} % of the rows, and others may differ"
)
_WITHIN = "within strata"
_ABSENT = {
    "decision": (said("the contract names no decision"), said("name its column under 'decision'")),
    "outcome": (said("the contract names no outcome"), said("name under 'outcome' what became of the credit")),
    "score": (said("the contract names no score"), said("name under 'score' the number by which it is decided")),
    "rate": (said("the contract names no rate"), said("name the column of the yearly rate under 'rate'")),
    "unit": (
        said("the rows have no names, so that no sample can be drawn of them"),
        said("name a column that is another for each row under 'unit'"),
    ),
}
_REASONS_UNNAMED = (
    said("the contract neither flags automatic refusals nor are reasons named that stand for a rule"),
    said("name a flag under 'thin_file: {{automatic: …}}', or under 'reasons' values of 'denial_reasons' such as no "
         "credit history"),
)  # fmt: skip
_NOT_FILLED = (
    said("the contract names no decision of the model with the empty columns filled in"),
    said("have the model decide again after the empty columns are filled in, and name that column under 'thin_file: "
         "{{filled_decision: …}}'"),
)  # fmt: skip
_UNWEIGHTED = (
    said("every row counts once in shares and gaps: the declared weight is used for the approval ratio alone"),
    said("read the other figures as those of the rows given"),
)


@dataclass(frozen=True, slots=True)
class ThinFileAccess:
    """``level`` of confidence; ``reasons`` are values of denial reasons that stand for an automatic rule.

    ``rows`` of either file in the sample at most, ``folds`` of the cross-fitted repayment, ``replicates`` of the
    bootstrap, ``seed`` of sample, folds and bootstrap.
    """

    level: float = 0.95
    reasons: tuple[str, ...] = ()
    rows: int = 20_000
    folds: int = 5
    replicates: int = 400
    seed: int = 20210709

    name: ClassVar[str] = "digital_divide.thin_file"
    harm: ClassVar[str] = "digital_divide"
    roles: ClassVar[tuple[str, ...]] = ("thin_file",)
    optional_roles: ClassVar[tuple[str, ...]] = (
        "decision", "outcome", "score", "rate", "strata", "entity", "weight", "denial_reasons", "prediction",
        "features",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {
        "thin_file_share": None, "thin_file_approval_ratio": 1.0, "thin_file_repayment_gap": 0.0,
        "thin_file_approval_gap": 0.0, "thin_file_price_gap": 0.0, "thin_file_automatic_ratio": 1.0,
        "thin_file_flip_share": None,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        refuse_outside(self.name, asdict(self), _BOUNDS)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        yield CellsNeed((CREDIT_FILE,), (OUTCOME,) if contract.outcome else ())
        if contract.decision:
            yield from rates_needs(CREDIT_FILE, contract)
            if self._rules(contract):
                yield self._rule_cells(contract)
            if contract.thin_file and contract.thin_file.filled_decision:
                yield _filled_cells(contract)
        if contract.score:
            yield histogram_need(contract)
            if self._sampled(contract):
                yield sample_need(contract, self.rows, self.seed)
        yield from fills_needs(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        missing = [NotAnswered(f"{self.name}: weight", *_UNWEIGHTED)] if contract.weight else []
        cells = evidence.cells(CellsNeed((CREDIT_FILE,), (OUTCOME,) if contract.outcome else ()))
        scored = files_of_histogram(evidence.histogram(histogram_need(contract))) if contract.score else None
        rule = self._rule(cells, scored, contract)
        share = marked(self._share(cells), contract)
        figures = self._approval(evidence, contract)
        for own, lacking in (
            self._gaps(evidence, cells, scored, contract), self._automatic(evidence, contract),
            self._flips(evidence, contract),
        ):  # fmt: skip
            figures += own
            missing += lacking
        if not contract.decision:
            missing.append(self._without("thin_file_approval_ratio", "decision"))
        told = [_with_unknown(_with_rule(figure, rule), cells) for figure in figures]
        if rule:
            missing.append(NotAnswered(f"{self.name}: thin_file_approval_gap", rule, said(
                "ask which rule refuses them, and flag its refusals under 'thin_file: {{automatic: …}}'"
            )))  # fmt: skip
        return [share, *told], missing

    def _sampled(self, contract: DataContract) -> bool:
        return bool(contract.unit and contract.decision and (contract.rate or contract.entity))

    def _without(self, measure: str, role: str) -> NotAnswered:
        return NotAnswered(f"{self.name}: {measure}", *_ABSENT[role])

    def _nothing(self, measure: str, reference: str | None = FULL) -> Measurement:
        return Measurement(
            question=self.name, measure=measure, attribute=CREDIT_FILE, group=THIN, reference=reference, estimate=None,
            low=None, high=None, level=self.level, n=0, method=said("none"), source=said("cells"),
            equality=self.measures[measure],
        )  # fmt: skip

    def _share(self, cells: Cells) -> Measurement:
        from audits.statistics.proportions import score_interval_rate

        rows = {label: sum(n for labels, _, n in cells.cells if labels[0] == label) for label in (THIN, FULL, None)}
        x, n = rows[THIN], rows[THIN] + rows[FULL]
        nothing = self._nothing("thin_file_share", None)
        nothing = replace(nothing, n=n, counts={"thin": x, "files": n, "unknown": rows[None]})
        if not n:
            return replace(nothing, reason=said("of no application it is known whether its file is thin"))

        def at(level: float) -> tuple[float, float]:
            found = score_interval_rate(x, n, level)
            return float(found.low), float(found.high)

        figure = replace(nothing, estimate=x / n, **bounded(at, self.level), method=said("Wilson score interval"))
        return _with_unknown(figure, cells)

    def _approval(self, evidence: Evidence, contract: DataContract) -> list[Measurement]:
        if not contract.decision:
            return []
        rates = group_rates(evidence, contract, CREDIT_FILE)
        if THIN not in rates.groups:
            why = said("no thin file has a decision that counts")
            return [replace(self._nothing("thin_file_approval_ratio"), reason=why)]
        found = [
            replace(one, measure="thin_file_approval_ratio", cautions=(*one.cautions, *rates.lost),
                    unseen=(*one.unseen, *rates.lost))
            for one in raw.comparisons(self.name, rates, THIN, self.level) if one.measure == "adverse_impact_ratio"
        ]  # fmt: skip
        if contract.strata:
            details = {"declared_strata_ignored": float(len(contract.strata))}
            found = [replace(one, details={**one.details, **details}) for one in found]
            inside = stratified(self.name, rates, contract.strata, THIN, self.level, contract.entity is not None)
            found += [
                replace(one, measure="thin_file_approval_ratio", segment=_WITHIN)
                for one in inside if one.measure == "stratified_risk_ratio"
            ]  # fmt: skip
        return [replace(one, equality=1.0) for one in found]

    def _gaps(
        self, evidence: Evidence, cells: Cells, scored: ScoredFiles | None, contract: DataContract
    ) -> tuple[list[Measurement], list[NotAnswered]]:
        """Repayment, approval and price, each as far as the contract has what it takes."""
        needed = {
            "thin_file_repayment_gap": ("outcome", "score"),
            "thin_file_approval_gap": ("decision", "outcome", "score"),
            "thin_file_price_gap": ("rate", "decision", "score", "unit"),
        }
        lacking = {name: next((role for role in roles if not contract.has(role)), None)
                   for name, roles in needed.items()}  # fmt: skip
        missing = [self._without(name, role) for name, role in lacking.items() if role]
        asked = [name for name, role in lacking.items() if role is None]
        if scored is None or not asked:
            return [], missing
        sample = files_of_sample(
            evidence.sample(sample_need(contract, self.rows, self.seed)), contract
        ) if self._sampled(contract) else None  # fmt: skip
        nothing = {name: self._nothing(name) for name in asked}
        found = at_equal_repayment(
            nothing, scored, sample, _selected(cells, contract), entity=bool(contract.entity),
            folds=self.folds, replicates=self.replicates, seed=self.seed,
        )  # fmt: skip
        held = replace(contract, entity=None) if sample is not None else contract
        return [marked(figure, held) for figure in found], missing

    def _rules(self, contract: DataContract) -> bool:
        flagged = bool(contract.thin_file and contract.thin_file.automatic)
        return flagged or bool(self.reasons and contract.denial_reasons)

    def _rule_cells(self, contract: DataContract) -> CellsNeed:
        flag = contract.thin_file.automatic if contract.thin_file else None
        reasons = contract.denial_reasons if self.reasons else ()
        return CellsNeed((CREDIT_FILE,), tuple(dict.fromkeys((*((flag,) if flag else ()), *reasons))))

    def _automatic(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        if not contract.decision:
            return [], [self._without("thin_file_automatic_ratio", "decision")]
        if not self._rules(contract):
            return [], [NotAnswered(f"{self.name}: thin_file_automatic_ratio", *_REASONS_UNNAMED)]
        flag = contract.thin_file.automatic if contract.thin_file else None
        columns = contract.denial_reasons if self.reasons else ()
        seen = refusals(evidence.cells(self._rule_cells(contract)), flag, self.reasons, columns)
        return [marked(automatic_ratio(self._nothing("thin_file_automatic_ratio"), seen, flag), contract)], []

    def _flips(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        if fills_asked(contract):
            return share_filled(self._nothing("thin_file_flip_share", None), evidence, contract)
        if not contract.decision:
            return [], [self._without("thin_file_flip_share", "decision")]
        if not (contract.thin_file and contract.thin_file.filled_decision):
            return [], [NotAnswered(f"{self.name}: thin_file_flip_share", *_NOT_FILLED)]
        cells = evidence.cells(_filled_cells(contract))
        return [marked(flip_share(self._nothing("thin_file_flip_share", None), cells, self.level), contract)], []

    def _rule(self, cells: Cells, scored: ScoredFiles | None, contract: DataContract) -> Sentence | None:
        if not contract.decision or (contract.thin_file and contract.thin_file.automatic):
            return None
        approved: dict[str, tuple[int, int]] = {}
        for labels, decision, rows in cells.cells:
            if labels[0] is not None and decision is not None:
                yes, n = approved.get(labels[0], (0, 0))
                approved[labels[0]] = yes + rows * decision, n + rows
        return as_if_by_rule(approved, scored.people if scored else None)


def _filled_cells(contract: DataContract) -> CellsNeed:
    made = contract.thin_file
    both = (contract.score, made.filled_score) if made and made.filled_score and contract.score else ()
    return CellsNeed((CREDIT_FILE,), (FILLED,), tuple(str(name) for name in both))


def _selected(cells: Cells, contract: DataContract) -> Selected:
    """What to say of outcomes that are known of some only."""
    if not contract.outcome:
        return Selected()
    conditional = bool(contract.outcome.observed_when)
    tables = outcome_tables(cells, CREDIT_FILE)
    if not contract.decision or THIN not in tables or FULL not in tables:
        every, known = cells.rows, sum(rows for labels, _, rows in cells.cells if labels[1] is not None)
        if not conditional or known == every:
            return Selected()
        return Selected(said(_ON_CONDITION, share=100 * known / every))
    return Selected(
        selection(tables.values(), conditional), unlike(known_shares(tables), THIN, FULL),
        indicative(shares_by_decision(tables), THIN, FULL, conditional),
    )  # fmt: skip


def _with_unknown(figure: Measurement, cells: Cells) -> Measurement:
    """Applications of which nobody knows whether their file is thin may hold the harm once they are many."""
    every, unknown = cells.rows, sum(rows for labels, _, rows in cells.cells if labels[0] is None)
    if figure.estimate is None or unknown <= _MOST_UNKNOWN * every:
        return figure
    told = said(_UNKNOWN, share=100 * unknown / every)
    return replace(figure, cautions=(*figure.cautions, told), unseen=(*figure.unseen, told))


def _with_rule(figure: Measurement, rule: Sentence | None) -> Measurement:
    """A rule that nobody declared is not seen by a count of declared ones."""
    if rule is None or figure.measure not in ("thin_file_approval_ratio", "thin_file_automatic_ratio"):
        return figure
    return replace(figure, unseen=(*figure.unseen, rule))
