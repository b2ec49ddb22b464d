"""What would the model say of the same person, were one thing about him different?

Harm: the model itself treats people worse for how long they stayed, for who they are, or for the device they use. It is
asked twice about the same drawn rows: as recorded (own), and with one feature set to another value, together with all
that ``prediction.moves_with`` says moves with it. Flips are made of tenure (to a new customer), of each group whose
column is a feature (to the reference, and the reference to each label), of device, channel, what a thin file lacks,
what the firm knows of the willingness to pay, and of what ``prediction.flips`` declares. One figure a flip:

* flip_output_change: mean change of the model's margin, own less flipped, turned so that above 0 the own value is worse
  for the person. Of a flip of tenure this is an in-house equivalent new business price: ``mean_ratio`` and
  ``share_above`` among its details;
* flip_harmed_share: share of the changed rows to whom the own value is worse than the flipped one, beyond the
  prediction's tolerance;
* protected_flip_cases: decisions, by the prediction's threshold, that turn when a group or an age is flipped. Counted
  in the rows drawn; where these are not all, no case leaves a bound (Hanley and Lippman-Hand 1983, JAMA 249:1743–1745).

A flip is a statement on the model and not on the world: it leaves all other features as they are, so that it does not
see what stands in for the thing flipped. Where such a feature is
named by the evidence of ``explanation.proxy_features``, the figure says so and is never clear. A model that does not
take a group's column is told of as not answered, and not as free of harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from audits.comparisons.flip_figures import flips_need, shows_nothing
from audits.comparisons.flip_proxies import stand_ins
from audits.comparisons.flip_told import CASES, CHANGE, HARMED, PROTECTED, Told, unchanged
from audits.comparisons.model_doubts import doubts
from audits.comparisons.model_scale import in_units
from audits.comparisons.proxy_figures import harmful_side, proxies_need
from audits.evidence.collect import Evidence
from audits.evidence.needs import FlipsNeed, Need, ReproductionNeed
from audits.parameters import refuse_outside
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.sentence import Sentence, said, template

if TYPE_CHECKING:
    from audits.evidence.flip_results import FlipResult, Flips

_BOUNDS = {"rows": (100, 1_000_000), "seed": (0, 2**32 - 1)}
_SEE_PROXIES = said("see explanation.proxy_features for what stands in for it")
_LEFT_OUT = {
    "no_reference": (
        template("no drawn row is of the reference of {attribute}"),
        said("name as reference a label that the data have"),
    ),
    "one_label": (
        template("all rows have the same label of {attribute}"), said("give rows of more than one label"),
    ),
    "too_many_labels": (
        template("only the most frequent labels of {attribute} are flipped"),
        said("declare a flip of the others under 'prediction: {{flips: …}}'"),
    ),
    "no_value": (
        template("no row of the reference of {attribute} has a recorded value"),
        said("give that feature where it is known"),
    ),
}  # fmt: skip
_NO_THRESHOLD = (
    said("the model's output makes no decision: the prediction has no threshold"),
    said("name under 'prediction: {{threshold: …}}' where the decision turns"),
)
_NO_PROTECTED = (
    said("the model takes no column of a group and no age, so that no flip can turn a decision on it"), _SEE_PROXIES,
)  # fmt: skip
_NO_FLIP = (
    said("nothing about a person can be flipped: no feature is a tenure, a group, a device, a channel or a trait"),
    said("declare what to change under 'prediction: {{flips: …}}'"),
)


@dataclass(frozen=True, slots=True)
class PairedFlips:
    """``level`` of confidence, ``rows`` drawn of each label at most, ``seed`` of the draw."""

    level: float = 0.95
    rows: int = 20_000
    seed: int = 0

    name: ClassVar[str] = "explanation.paired_flips"
    harm: ClassVar[str] = "explanation"
    roles: ClassVar[tuple[str, ...]] = ("features", "prediction")
    optional_roles: ClassVar[tuple[str, ...]] = (
        "price", "rate", "score", "decision", "groups", "tenure", "terms", "behaviour", "funnel", "channels",
        "thin_file", "age", "entity", "weight",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {CHANGE: 0.0, HARMED: None, CASES: None}
    counted: ClassVar[tuple[str, ...]] = (CASES,)

    def __post_init__(self) -> None:
        refuse_outside(self.name, asdict(self), _BOUNDS)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """All flips, what stands in for each group, and whether the model is that of the rows."""
        yield self._need(contract)
        yield ReproductionNeed()
        if proxies_need(contract).attributes:
            yield proxies_need(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """Each flip's figures; what could not be flipped, and why."""
        missing = left_unused(self.name, replace(contract, entity=None, strata=()))
        try:
            flips: Flips = evidence.modelled(self._need(contract))
        except ModelUnusable as error:
            return [], [
                *missing,
                *(self._without(one, error.fault.reason, error.fault.needed) for one in self.measures),
            ]
        doubtful = doubts(evidence, contract)
        told = Told(self.name, self.level, harmful_side(contract))
        figures: list[Measurement] = []
        for flip in flips.results:
            if reason := unchanged(flip):
                missing += [self._without(one, reason, _remedy(flip)) for one in (CHANGE, HARMED)]
            unseen = self._unseen(flip, evidence, contract)
            own = [in_units(told.change(flip), flips.unit), told.harmed(flip)]
            if flip.kind in PROTECTED and flip.whole.lost is not None:
                own.append(told.cases(flip))
            figures += [replace(one, unseen=(*one.unseen, *unseen), cautions=(*one.cautions, *doubtful)) for one in own]
        missing += [*self._left_out(flips, evidence, contract), *self._no_cases(flips)]
        if not flips.results:
            told_of = {one.question for one in missing}
            lacking = (self._without(one, *_NO_FLIP) for one in (CHANGE, HARMED))
            missing += [one for one in lacking if one.question not in told_of]
        return figures, missing

    def _need(self, contract: DataContract) -> FlipsNeed:
        return flips_need(contract, self.rows, self.seed)

    def _without(self, measure: str, reason: Sentence, needed: Sentence) -> NotAnswered:
        return NotAnswered(f"{self.name}: {measure}", reason, needed)

    def _unseen(self, flip: FlipResult, evidence: Evidence, contract: DataContract) -> tuple[Sentence, ...]:
        """What stands in for a tenure or group that is flipped."""
        if flip.kind not in ("tenure", "group") or flip.attribute is None or contract.prediction is None:
            return ()
        nothing = shows_nothing(flip.whole, contract.prediction.tolerance, self.level)
        return stand_ins(evidence, contract, flip.attribute).beside(nothing=nothing)

    def _left_out(self, flips: Flips, evidence: Evidence, contract: DataContract) -> Iterator[NotAnswered]:
        for attribute, why in flips.left_out.items():
            if why == "not_a_feature":
                reason, needed = stand_ins(evidence, contract, attribute).not_taken(), _SEE_PROXIES
            else:
                reason, needed = said(_LEFT_OUT[why][0], attribute=attribute), _LEFT_OUT[why][1]
            for measure in (CHANGE,) if attribute == "tenure" else (CHANGE, CASES):
                yield self._without(measure, reason, needed)

    def _no_cases(self, flips: Flips) -> Iterator[NotAnswered]:
        protected = flips.of_kind(*PROTECTED)
        if not protected and not any(name != "tenure" for name in flips.left_out):
            yield self._without(CASES, *_NO_PROTECTED)
        elif protected and all(one.whole.lost is None for one in protected):
            yield self._without(CASES, *_NO_THRESHOLD)


def _remedy(flip: FlipResult) -> Sentence:
    """What would give a flip its figure."""
    if flip.fault:
        return flip.fault.needed
    return said("see what '{flip}' sets, and of which rows, in the contract", flip=flip.name)
