"""What in the model makes the gap: the difference of its mean outputs, feature by feature, with nothing left over.

Contributions (SHAP values) of a row add up, with one base for all, to the model's output before its link; so the gap of
mean outputs of a group and its reference is the sum of their gaps in mean contributions. Measures, group less
reference:

* model_output_gap: of the mean output. On the model's own scale: with the link log, exp(gap) is a ratio of geometric
  means, with logit it is a difference of log-odds;
* feature_output_gap: the part of each feature (``segment``), simultaneous over features;
* adjusted_model_output_gap, adjusted_feature_output_gap: the same at the group's shares of the declared strata.

Estimated from rows drawn by the hash of their name, post-stratified by the feature's own bins in the whole book
(``statistics.output_gap``; Särndal, Swensson and Wretman 1992, ch. 7). The interval holds the error of drawing rows and
that of the book as a draw itself; ``sampling_half_width`` is the former alone.

A part says what the model does with a feature, and neither that the feature is a cause outside of it nor that it is
justified. Interventional values (Lundberg et al. 2020, Nature Machine Intelligence 2:56–67) ask what the model would
say with other values put in; path-dependent ones give credit to features by how the training rows went through the
trees, so that a feature which the model hardly uses can share that of one it goes with: they decide nothing alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from audits.comparisons.gap_figures import PART, WHOLE, WITHIN, Asked, gap_figures
from audits.comparisons.model_doubts import doubts
from audits.comparisons.model_scale import in_units
from audits.comparisons.proxy_figures import harmful_side
from audits.evidence.collect import Evidence
from audits.evidence.needs import ContributionsNeed, Need, ReproductionNeed
from audits.parameters import refuse_outside
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused
from checks.inputs.access_columns import made_attributes
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.inputs.prediction import PREDICTED
from checks.problem import InputError, Problem
from checks.sentence import said

VALUES = ("interventional", "path_dependent")
_BOUNDS = {"rows": (100, 1_000_000), "background": (1, 10_000), "seed": (0, 2**32 - 1)}
_NO_STRATA = (
    said("the contract declares no strata"),
    said("list under 'strata' the columns within which alone customers may be compared"),
)
_NO_GROUPS = (
    said("the contract declares no group of people"),
    said("name under 'groups' the columns of the groups to compare"),
)


@dataclass(frozen=True, slots=True)
class ShapGap:
    """``rows`` of each label at most, fewer where sampling alone has a half-width of ``half_width`` of the gap sooner.

    ``values`` is interventional, against ``background`` rows, or path_dependent; ``attributes`` are those to compare,
    by default all; ``seed`` draws the rows; ``level`` is the confidence level.
    """

    level: float = 0.95
    rows: int = 5_000
    half_width: float = field(default=0.05, metadata={"least": 0.001})
    background: int = 100
    seed: int = 0
    values: str = "interventional"
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "explanation.shap_gap"
    harm: ClassVar[str] = "explanation"
    roles: ClassVar[tuple[str, ...]] = ("features", "prediction")
    optional_roles: ClassVar[tuple[str, ...]] = (
        *PREDICTED, "groups", "strata", "entity", "weight", "tenure", "channels", "thin_file",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = dict.fromkeys((*WITHIN, *WITHIN.values()), 0.0)
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        given = {"rows": self.rows, "background": self.background, "seed": self.seed}
        refuse_outside(self.name, given, _BOUNDS)
        if self.values not in VALUES:
            raise InputError(Problem(
                f"{self.name}: values", f"'{self.values}'", "interventional or path_dependent", "write one of these",
            ))  # fmt: skip

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Contributions by group, and whether the model is the one behind the rows."""
        if self._attributes(contract):
            yield self._need(contract)
            yield ReproductionNeed()

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The gap, its parts, and both within strata; or why there are none."""
        unused = left_unused(self.name, replace(contract, entity=None, strata=()))
        if not self._attributes(contract):
            return [], [*(NotAnswered(f"{self.name}: {name}", *_NO_GROUPS) for name in (WHOLE, PART)), *unused]
        try:
            found = evidence.modelled(self._need(contract))
        except ModelUnusable as error:
            fault = error.fault
            lost = [NotAnswered(f"{self.name}: {name}", fault.reason, fault.needed) for name in self.measures]
            return [], [*lost, *unused]
        told = doubts(evidence, contract)
        asked, side = Asked(self.name, self.level, self.half_width), harmful_side(contract)
        figures = [
            in_units(replace(one, cautions=(*one.cautions, *told), unseen=(*one.unseen, *told)), found.unit, side)
            for name in self._attributes(contract) for one in gap_figures(asked, found, name, contract.strata)
        ]  # fmt: skip
        within = [] if contract.strata else [
            NotAnswered(f"{self.name}: {name}", *_NO_STRATA) for name in WITHIN.values()
        ]  # fmt: skip
        return figures, [*within, *unused]

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        every = (*(group.name for group in contract.groups), *made_attributes(contract))
        return self.attributes or tuple(dict.fromkeys(every))

    def _need(self, contract: DataContract) -> ContributionsNeed:
        return ContributionsNeed(
            self._attributes(contract), contract.strata, self.rows, self.half_width, self.background, self.values,
            self.seed,
        )  # fmt: skip
