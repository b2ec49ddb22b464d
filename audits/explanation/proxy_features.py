"""Which features stand in for a group, and how much of the gap in the model's output rides on them?

A model that does not take a group, or the time as a customer, can treat it by features that tell it. Measures, for each
feature (``segment``) between a group and its reference:

* proxy_auc: how well the feature alone, and the best small set, tells the group from the reference: the area under the
  ROC curve on rows that it was not learned on (``statistics.group_prediction``); .5 is chance;
* proxy_carried_gap: the part of the gap in the model's margin that rides on the feature beyond what cost or outcomes
  explain (``statistics.carried_gap``), turned so that above 0 is to the group's harm; simultaneous over features.

Details of the latter name a feature as a proxy (``named``) where it tells the group and carries a gap to its harm
(``comparisons.proxy_figures``). The raw part is that of interventional contributions (Lundberg and Lee 2017, NeurIPS
30:4765–4774), the justified part what the feature tells of cost, where the prediction is a price and the contract has
cost, or of the outcome. Without either the raw part stands and decides nothing.

What is not seen: features that tell a group only together, and are not among the best set; a justified part that is
wrong because cost itself was made with a proxy; effects of the group on cost beyond the features, which a proxy takes
over: these count as justified. Features that tell the same share what they carry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from audits.comparisons.model_doubts import doubts
from audits.comparisons.model_scale import in_units
from audits.comparisons.proxy_figures import harmful_side, proxies_need
from audits.comparisons.proxy_told import AUC, CARRIED, ProxyFigures
from audits.evidence.collect import Evidence
from audits.evidence.needs import Need, ProxiesNeed, ReproductionNeed
from audits.parameters import refuse_outside
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.inputs.prediction import PREDICTED
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.evidence.proxy_results import Proxies

_BOUNDS = {
    "rows": (100, 1_000_000), "background": (1, 10_000), "small_set": (1, 10), "seed": (0, 2**32 - 1),
}  # fmt: skip
_NO_GROUPS = (
    said("the contract declares no group of people"),
    said("name under 'groups' the columns of the groups to compare, or the tenure of customers"),
)
_ONE_LABEL = (
    template("all rows have the same label of {attribute}, or none"),
    said("give rows of a group and of its reference"),
)
_NOTHING_JUSTIFIES = (
    said("the contract names neither the cost of a price nor an outcome, so that no part of a gap counts as justified"),
    said("name the column of expected costs under 'cost', or what became of it under 'outcome'"),
)


@dataclass(frozen=True, slots=True)
class ProxyFeatures:
    """``rows`` drawn of each label at most, explained against ``background`` rows; ``small_set`` features in a set.

    ``attributes`` are those to compare, by default all; ``seed`` draws rows and folds; ``level`` of confidence.
    """

    level: float = 0.95
    rows: int = 5_000
    background: int = 100
    small_set: int = 3
    seed: int = 0
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "explanation.proxy_features"
    harm: ClassVar[str] = "explanation"
    roles: ClassVar[tuple[str, ...]] = ("features", "prediction")
    optional_roles: ClassVar[tuple[str, ...]] = (
        *PREDICTED, "groups", "tenure", "channels", "thin_file", "cost", "outcome", "strata", "entity", "weight",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {AUC: 0.5, CARRIED: 0.0}
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        refuse_outside(self.name, asdict(self), _BOUNDS)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Proxies of every group, and whether the model is the one behind the rows."""
        need = self._need(contract)
        if need.attributes:
            yield need
            yield ReproductionNeed()

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """Every feature between each group and its reference; or why not."""
        missing = left_unused(self.name, replace(contract, entity=None, strata=()))
        need = self._need(contract)
        if not need.attributes:
            return [], [*(NotAnswered(f"{self.name}: {one}", *_NO_GROUPS) for one in self.measures), *missing]
        try:
            found: Proxies = evidence.modelled(need)
        except ModelUnusable as error:
            lost = (NotAnswered(f"{self.name}: {one}", error.fault.reason, error.fault.needed) for one in self.measures)
            return [], [*lost, *missing]
        figures = ProxyFigures(self.name, self.level, harmful_side(contract), doubts(evidence, contract))
        every = (figure for pair in found.pairs for figure in figures.of(found, pair))
        told = [in_units(one, found.unit) if one.measure == CARRIED else one for one in every]
        seen = {pair.attribute for pair in found.pairs}
        missing += [
            NotAnswered(f"{self.name}: {one}", said(_ONE_LABEL[0], attribute=attribute), _ONE_LABEL[1])
            for attribute in need.attributes if attribute not in seen for one in self.measures
        ]  # fmt: skip
        if found.justified_by is None:
            missing.append(NotAnswered(f"{self.name}: {CARRIED}", *_NOTHING_JUSTIFIES))
        return told, missing

    def _need(self, contract: DataContract) -> ProxiesNeed:
        usual = proxies_need(contract)
        return replace(
            usual, attributes=self.attributes or usual.attributes, rows=self.rows, background=self.background,
            small_set=self.small_set, seed=self.seed,
        )  # fmt: skip
