"""Does the model give the figures that its record has?

Whatever is said of a model is said of the rows only if it is the model that made them. Figure:

* unreproduced_share: share of drawn rows with a recorded figure for which the model does not give it (what counts as
  given: ``audits.evidence.reproduction``). The rows are a simple random sample of the source's, so that the bounds of
  Clopper and Pearson (1934, Biometrika 26:404–413) hold for the share of all its rows, whoever they are of.

It cannot tell why a row differs: another version, an override by a person, another rounding, features that changed
since. Rows that the model does not take, or that have no recorded figure, are counted beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

from audits.evidence.collect import Evidence
from audits.evidence.needs import Need, ReproductionNeed
from audits.measuring import bounded
from audits.parameters import refuse_outside
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.inputs.model_fault import ModelUnusable
from checks.inputs.prediction import PREDICTED
from checks.sentence import Sentence, said

if TYPE_CHECKING:
    from audits.evidence.reproduction import Reproduction as Found

_BOUNDS = {"rows": (100, 1_000_000), "seed": (0, 2**32 - 1)}
_MEASURE = "unreproduced_share"
_MOST = 0.01
_CLOSER = 0.5


@dataclass(frozen=True, slots=True)
class Reproduction:
    """``level`` of confidence; ``rows`` drawn at most, by ``seed``."""

    level: float = 0.95
    rows: int = 20_000
    seed: int = 0

    name: ClassVar[str] = "explanation.reproduction"
    harm: ClassVar[str] = "explanation"
    roles: ClassVar[tuple[str, ...]] = ("features", "prediction")
    optional_roles: ClassVar[tuple[str, ...]] = (*PREDICTED, "entity", "weight")
    measures: ClassVar[Mapping[str, float | None]] = {_MEASURE: None}
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        refuse_outside(self.name, asdict(self), _BOUNDS)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """One draw of rows."""
        yield ReproductionNeed(self.rows, self.seed)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """The share, or why the model could not be asked."""
        missing = list(self._unread(contract))
        try:
            found = evidence.modelled(ReproductionNeed(self.rows, self.seed))
        except ModelUnusable as error:
            why = NotAnswered(f"{self.name}: {_MEASURE}", error.fault.reason, error.fault.needed)
            return [], [*missing, why]
        figure = share_of(found, self.level)
        if figure.reason:
            needed = said("see the checks of the features and of the recorded figure for what is missing")
            missing.append(NotAnswered(f"{self.name}: {_MEASURE}", figure.reason, needed))
        return [figure], missing

    def _unread(self, contract: DataContract) -> Iterator[NotAnswered]:
        """Roles that the contract fills and the figure does not take; rows are drawn as such, whoever they are of."""
        if contract.weight:
            yield NotAnswered(
                f"{self.name}: weight", said("every row counts once: the declared weight is not used"),
                said("read the figures as those of the rows given"),
            )  # fmt: skip
        of = contract.prediction.of if contract.prediction else ""
        for role in (role for role in PREDICTED if role != of and contract.has(role)):
            yield NotAnswered(
                f"{self.name}: {role}", said("the model's output stands for the {of} here", of=of),
                said("ask it in a program of its own whose 'prediction' is 'of: {role}', where a model gives it",
                     role=role),
            )  # fmt: skip


def share_of(found: Found, level: float) -> Measurement:
    """The share of compared rows that the model does not reproduce, with all that was left out."""
    from audits.statistics.exact_tests import clopper_pearson_interval

    counts = {
        "unreproduced": found.unreproduced, "compared": found.compared, "drawn": found.rows,
        "unusable": found.unusable, "unrecorded": found.unrecorded, "unseen_categories": sum(found.unseen.values()),
        "without_unit": found.without_unit, "rows": found.total,
    }  # fmt: skip
    told = {"largest_difference": found.largest, "median_difference": found.median, "mean_difference": found.mean,
            "step": found.step, "tolerance": found.tolerance}  # fmt: skip
    details = {key: value for key, value in told.items() if value is not None}
    known: dict[str, object] = {"low": None, "high": None, "level": level}
    estimate = None
    if found.compared:
        estimate = found.unreproduced / found.compared

        def interval_at(at: float) -> tuple[object, object]:
            one = clopper_pearson_interval(found.unreproduced, found.compared, at)
            return one.low, one.high

        known = bounded(interval_at, level)
    return Measurement(
        question=Reproduction.name, measure=_MEASURE, attribute=None, group=None, reference=None, estimate=estimate,
        n=found.compared, counts=counts, details=details, unseen=_unseen(found), cautions=_cautions(found),
        method=said("share of drawn rows; Clopper and Pearson"), source=said("the model, asked again"),
        reason=None if found.compared else _without(found), **known,  # type: ignore[arg-type]
    )  # fmt: skip


def _without(found: Found) -> Sentence:
    if found.unrecorded == found.rows:
        return said("no row drawn has a recorded figure")
    if found.unusable == found.rows:
        return said("the model takes none of the rows drawn")
    return said("no row drawn has both a recorded figure and one of the model")


def _unseen(found: Found) -> tuple[Sentence, ...]:
    """Rows of which nobody can tell whether the model reproduces them."""
    told = []
    if found.unusable > _MOST * found.rows:
        told.append(said("the model does not take {rows:,} of {drawn:,} rows drawn", rows=found.unusable,
                         drawn=found.rows))  # fmt: skip
    if found.unrecorded > _MOST * found.rows:
        told.append(said("{rows:,} of {drawn:,} rows drawn have no recorded figure", rows=found.unrecorded,
                         drawn=found.rows))  # fmt: skip
    if found.without_unit > _MOST * (found.total + found.without_unit):
        told.append(said("{rows:,} rows have no name under 'unit' and cannot be drawn", rows=found.without_unit))
    return tuple(told)


def _cautions(found: Found) -> tuple[Sentence, ...]:
    """Where the model would reproduce most rows on another scale, the contract may be what is wrong."""
    best = max(found.by_scale, key=lambda scale: found.by_scale[scale], default=found.scale)
    if not found.compared or best == found.scale or found.by_scale[best] < _CLOSER * found.compared:
        return ()
    if found.by_scale[found.scale] >= _CLOSER * found.compared:
        return ()
    share = 100 * found.by_scale[best] / found.compared
    return (said("with 'scale: {scale}' under 'prediction' the model would give the recorded figure in {share:.1f} % "
                 "of the rows compared", scale=best, share=share),)  # fmt: skip
