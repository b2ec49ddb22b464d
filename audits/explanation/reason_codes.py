"""Do the reasons that refused people are given say what refused them?

Harm: a person who is told another reason than the true one mends the wrong thing, and cannot contest the right one.
Case by case, over all rows:

* most_reasons_given: the most different reasons in any refusal;
* generic_reason_cases: refusals with a reason that tells nothing, by ``prediction.generic_reasons`` or ``generic``;
* unreviewed_decision_cases: decisions whose flag ``terms.human_review`` says no, a review that was asked for and not
  given. Yes means that it was given or that none was asked for; an empty flag is not known.

Against the model, over refusals that are drawn by the hash of their unit:

* reason_match_share: share of given reasons that are among the drivers of the refusal, of all and by group. A driver is
  one of the ``drivers`` features that count most against the person, by interventional contributions against
  applicants who were approved; ``prediction.reasons`` says which features a code means;
* reason_match_gap: that share of the reference less that of the group. Above 0 the group is told the truth less often;
* unfounded_reason_cases: refusals with a reason of which no feature is a driver. Of a sample the count is of that
  sample, and never clear.

The decision may rest on more than the model: a refusal by a rule beside it has drivers that the model cannot show.
Reasons are read whatever their case; the same one twice is one, an empty one none. Shares have Wilson's interval at the
effective number of reasons, since those of one refusal, or of one person, hang together
(``audits.statistics.clustered_shares``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

from audits.comparisons import reason_counts, reason_matches
from audits.comparisons.model_doubts import doubts
from audits.comparisons.reason_counts import JOINED, ODD
from audits.evidence.cells import Cells
from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need, ReasonsNeed, ReproductionNeed
from audits.parameters import refuse_outside
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused, marked
from checks.inputs.access_columns import made_attributes
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.sentence import Sentence, said

_BOUNDS = {"rows": (100, 1_000_000), "background": (1, 100_000), "drivers": (1, 1000), "seed": (0, 2**32 - 1)}
_MOST, _GENERIC, _UNREVIEWED = "most_reasons_given", "generic_reason_cases", "unreviewed_decision_cases"
_MODELLED = (reason_matches.MATCH, reason_matches.GAP, reason_matches.UNFOUNDED)
REVIEW = "human_review"
_NO_REASONS = (
    said("the contract names no reasons of refusals"), said("name their columns under 'denial_reasons'"),
)  # fmt: skip
_NOT_GENERIC = (
    said("no code is named that tells nothing"),
    said("list such codes under 'prediction: {{generic_reasons: …}}', or as 'generic' of this question"),
)  # fmt: skip
_NO_MODEL = (
    said("the contract names no model behind the decision"),
    said("name under 'prediction' what the model predicts, and the model in the program"),
)
_OTHER_MODEL = (
    said("the model predicts a price or a rate, so that its output does not drive refusals"),
    said("name the model of the decision: 'prediction: {{of: score}}' or 'of: decision'"),
)
_UNMAPPED = (
    said("the contract does not say which features a reason means"),
    said("map each code to features under 'prediction: {{reasons: …}}'"),
)
_NOBODY = (said("no application is refused"), said("a period in which applications are refused"))
_UNFLAGGED = (
    said("the contract does not name: {keys}", keys="terms.human_review"),
    said("name under 'terms: {{human_review: …}}' a flag that is no where a human review was asked for and not given, "
         "and yes elsewhere"),
)  # fmt: skip
_WRITE_FLAG = said("write no where a human review was asked for and not given, and yes elsewhere")
_WRITE_CODES = said("give each reason a column of its own, in the source or in a 'query'")


@dataclass(frozen=True, slots=True)
class ReasonCodes:
    """``level`` of confidence; ``generic`` are codes that tell nothing, beside those of the contract.

    ``rows`` of refusals of each label at most, ``background`` of approved applicants to compare with, ``drivers`` that
    count, ``seed`` of the draw.
    """

    level: float = 0.95
    rows: int = 5_000
    background: int = 100
    drivers: int = 4
    seed: int = 0
    generic: tuple[str, ...] = ()

    name: ClassVar[str] = "explanation.reason_codes"
    harm: ClassVar[str] = "explanation"
    roles: ClassVar[tuple[str, ...]] = ("decision",)
    optional_roles: ClassVar[tuple[str, ...]] = (
        "denial_reasons", "prediction", "features", "terms", "groups", "entity", "weight", "strata",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {
        "reason_match_share": None, "reason_match_gap": 0.0, "most_reasons_given": None, "generic_reason_cases": None,
        "unfounded_reason_cases": None, "unreviewed_decision_cases": None,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = (
        "most_reasons_given", "generic_reason_cases", "unfounded_reason_cases", "unreviewed_decision_cases",
    )  # fmt: skip

    def __post_init__(self) -> None:
        refuse_outside(self.name, asdict(self), _BOUNDS)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Cells of the reasons and of the flag of review; refusals against the model where the contract explains."""
        if contract.denial_reasons:
            yield _reason_cells(contract)
        if REVIEW in contract.terms:
            yield _review_cells(contract)
        if _lacking(contract) is None:
            yield self._need(contract)
            yield ReproductionNeed()

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The counts, then the figures against the model, or what each lacks."""
        figures, missing = self._given(evidence, contract)
        for own, lacks in (self._against_model(evidence, contract), self._reviews(evidence, contract)):
            figures += own
            missing += lacks
        unused = [one for one in left_unused(self.name, contract) if not one.question.endswith(": entity")]
        return figures, [*missing, *(unused if contract.denial_reasons else [])]

    def _without(self, measure: str, told: tuple[Sentence, Sentence]) -> NotAnswered:
        return NotAnswered(f"{self.name}: {measure}", *told)

    def _codes(self, contract: DataContract) -> tuple[str, ...]:
        named = contract.prediction.generic_reasons if contract.prediction else ()
        return tuple(dict.fromkeys((*named, *self.generic)))

    def _need(self, contract: DataContract) -> ReasonsNeed:
        return ReasonsNeed(_attributes(contract), self.rows, self.background, self.drivers, self.seed)

    def _given(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """How many reasons, and generic ones."""
        if not contract.denial_reasons:
            return [], [self._without(measure, _NO_REASONS) for measure in (_MOST, _GENERIC)]
        cells, generic = evidence.cells(_reason_cells(contract)), self._codes(contract)
        mapped = [code for code, _ in contract.prediction.reasons] if contract.prediction else []
        seen = reason_counts.reason_counts(cells, generic, mapped)
        undated = _undated(cells, evidence)
        figures = [reason_counts.most_reasons(self.name, _MOST, seen, undated)]
        missing = [] if generic else [self._without(_GENERIC, _NOT_GENERIC)]
        if generic:
            figures.append(reason_counts.generic_reasons(self.name, _GENERIC, seen, undated))
        return figures, [*missing, *self._refused(figures, JOINED, _WRITE_CODES)]

    def _reviews(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        if REVIEW not in contract.terms:
            return [], [self._without(_UNREVIEWED, _UNFLAGGED)]
        cells = evidence.cells(_review_cells(contract))
        figure = reason_counts.unreviewed(self.name, _UNREVIEWED, cells, _undated(cells, evidence))
        return [figure], list(self._refused([figure], ODD, _WRITE_FLAG))

    def _refused(self, figures: list[Measurement], told: str, write: Sentence) -> Iterator[NotAnswered]:
        for one in figures:
            if one.reason and getattr(one.reason, "template", "") == told:
                yield NotAnswered(f"{self.name}: {one.measure}", one.reason, write)

    def _against_model(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        lacking = _lacking(contract)
        if lacking is not None:
            return [], [self._without(measure, lacking) for measure in _MODELLED]
        try:
            found = evidence.modelled(self._need(contract))
        except ModelUnusable as error:
            refused = any(decision == 0 for _, decision, _ in evidence.cells(_reason_cells(contract)).cells)
            why = (error.fault.reason, error.fault.needed) if refused else _NOBODY
            return [], [self._without(measure, why) for measure in _MODELLED]
        told = reason_matches.Told(self.name, self.level, found, cautions=doubts(evidence, contract))
        references = [(name, evidence.data.references[name]) for name in _attributes(contract)]
        clustered = replace(contract, entity=None)  # its rows are clusters here
        return [marked(one, clustered) for one in reason_matches.figures(told, references)], []


def _attributes(contract: DataContract) -> tuple[str, ...]:
    return (*(group.name for group in contract.groups), *made_attributes(contract))


def _reason_cells(contract: DataContract) -> CellsNeed:
    return CellsNeed(columns=tuple(dict.fromkeys(contract.denial_reasons)))


def _review_cells(contract: DataContract) -> CellsNeed:
    return CellsNeed(columns=(contract.terms[REVIEW],))


def _undated(cells: Cells, evidence: Evidence) -> int:
    """Rows without a time, where these cells are of all rows."""
    return evidence.data.undated if cells.rows == evidence.data.rows else 0


def _lacking(contract: DataContract) -> tuple[Sentence, Sentence] | None:
    """Why reasons cannot be held against a model, and what would answer; None where they can."""
    if not contract.denial_reasons:
        return _NO_REASONS
    made = contract.prediction
    if made is None:
        return _NO_MODEL
    if made.of in ("price", "rate"):
        return _OTHER_MODEL
    return None if made.reasons else _UNMAPPED
