"""Is a subgroup at the crossing of several attributes approved less often than everyone else?

Harm: those in whom two or three attributes meet can be treated worse although each attribute alone looks fair. Every
subgroup of up to ``depth`` attributes is formed from one table of all attributes and compared with everyone else:

* subgroup_gap: approval rate of everyone else minus that of the subgroup, positive when the subgroup is approved less
  often. Given for every subgroup that stands out, those approved less often first, and the most extreme others, at most
  ``shown``; ``attribute`` and ``group`` name the crossing, such as race × sex and black × female.
* largest_subgroup_gap: the largest of these gaps over all judged subgroups, which the data hold between the largest
  lower and the largest upper limit. Clear means that no judged subgroup lies beyond the limit.

Intervals and p-values hold for all subgroups at once: max-T over permutations of people (Westfall and Young 1993,
Resampling-Based Multiple Testing; `audits.statistics.subgroup_scan`). Its maximum covers single attributes too, so a
finding has paid for them, but only crossings of ``least_depth`` attributes or more are reported: single groups are
judged against their reference by fair_lending.approval. A subgroup that stands out may do so because a group that it
lies in does; ``largest_gap_of_its_groups`` gives the largest gap of the single groups that it crosses.

For display each rate is also shrunk towards those of the crossings of as many attributes (beta-binomial, Griffiths
1973, Biometrics 29:637–648). Raw rates are compared: applicants may differ in what a lender may lawfully weigh.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from audits.evidence.collect import Evidence
from audits.evidence.needs import CellsNeed, Need
from audits.measuring import POWER, number, within
from audits.record import Measurement, NotAnswered
from audits.statistics.ladder import LEVELS
from audits.unused_roles import ROLES, left_unused, marked
from checks.inputs.contract import DataContract
from checks.problem import InputError, Problem
from checks.sentence import said, template

if TYPE_CHECKING:
    from audits.statistics.crossed_groups import Crossed
    from audits.statistics.subgroup_scan import SubgroupScan

CROSS = " × "
EVERYONE = "everyone else"
MOST_SUBGROUPS = 20_000
_MUCH = 0.05  # of the decided rows in subgroups that nobody judged, above which the largest gap is never clear
_LEAST = {"depth": 1, "least_depth": 1, "least_size": 1, "shown": 1, "replicates": 1, "seed": 0}

_TOO_FEW_ATTRIBUTES = template("the question crosses {least} group attributes, and there is {n}")
_TOO_MANY_LABELS = said("the attributes have too many labels")
_UNDECIDED = said("no row has a decision that counts")
_NONE_JUDGED = template("none of the {n} subgroups has {least} people and five of either decision expected")
_ONE_OF_MANY = template("score interval at the max-T critical value {critical:.3f} of {n:,} subgroups")
_LARGEST = template("largest of {n:,} simultaneous score intervals (max-T); it is that of {group}")
_PERMUTED = template("{replicates} permutation draws from cells")
_BINOMIAL = template("{replicates} binomial draws from cells")
_TOO_SMALL = template("{rows:,} rows lie in one of {subgroups:,} subgroups that are too small to be judged")
_UNLABELLED = template("{rows:,} rows lack a label and are left out of its subgroups")
_SCANNED = template("more than {most:,} subgroups: only depth {depth} is scanned ({subgroups:,} subgroups)")
_POSSIBLE = template("more than {most:,} subgroups: only depth {depth} is possible ({subgroups:,} subgroups)")


@dataclass(frozen=True, slots=True)
class Intersections:
    """``depth`` and ``least_depth`` bound how many attributes are crossed; ``least_size`` is the fewest people judged.

    ``level`` is the confidence level, ``attributes`` restricts the question, empty means all; ``shown`` bounds the
    subgroups given one by one; ``replicates`` and ``seed`` are those of the permutations.
    """

    level: float = 0.95
    attributes: tuple[str, ...] = ()
    depth: int = 3
    least_depth: int = 2
    least_size: int = 50
    shown: int = 12
    replicates: int = 499
    seed: int = 1

    name: ClassVar[str] = "fair_lending.intersections"
    harm: ClassVar[str] = "fair_lending"
    roles: ClassVar[tuple[str, ...]] = ("decision", "groups")
    optional_roles: ClassVar[tuple[str, ...]] = ROLES
    measures: ClassVar[Mapping[str, float | None]] = {"subgroup_gap": 0.0, "largest_subgroup_gap": 0.0}
    counted: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        problems = [
            Problem(f"{self.name}, {field.name}", repr(value), f"a whole number from {least} on", "write such a number")
            for field in fields(self)
            if (least := _LEAST.get(field.name)) is not None
            and (not isinstance(value := getattr(self, field.name), int) or isinstance(value, bool) or value < least)
        ]
        if not problems and self.least_depth > self.depth:
            problems.append(Problem(
                f"{self.name}, least_depth", f"{self.least_depth}", f"at most the depth of {self.depth}", "lower it",
            ))  # fmt: skip
        if not problems and isinstance(self.level, float) and self.level * (self.replicates + 1) > self.replicates:
            problems.append(Problem(
                f"{self.name}, replicates", f"{self.replicates}", f"enough of them for limits at {self.level:g}",
                "leave it at 499",
            ))  # fmt: skip
        if problems:
            raise InputError(problems)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        names = self._attributes(contract)
        return [CellsNeed(names)] if len(names) >= self.least_depth else []

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        from audits.statistics.crossed_groups import cross

        names, missing = self._attributes(contract), left_unused(self.name, contract)
        if len(names) < self.least_depth:
            why = said(_TOO_FEW_ATTRIBUTES, least=self.least_depth, n=len(names))
            needed = said("declare further attributes under 'groups', or lower 'least_depth'")
            return [], [NotAnswered(self.name, why, needed), *missing]
        crossed = cross(evidence.cells(CellsNeed(names)).cells, names, self.depth, MOST_SUBGROUPS)
        if crossed.depth < min(self.depth, len(names)):
            missing.append(self._shallow(crossed))
        if not crossed.rows or crossed.depth < self.least_depth:
            return [self._nothing(names, crossed, _TOO_MANY_LABELS if crossed.rows else _UNDECIDED)], missing
        scan = self._scan(crossed)
        own = [i for i, name in enumerate(scan.subgroups) if len(name) >= self.least_depth]
        judged = [i for i in own if scan.unjudged[i] == 0]
        if not judged:
            few = said(_NONE_JUDGED, n=len(own), least=self.least_size)
            return [self._nothing(names, crossed, few)], missing
        limits = _limits(scan, self.level)
        figures = [self._one(scan, i, limits, shrunk) for i, shrunk in self._listed(scan, judged)]
        figures.append(self._largest(scan, crossed, own, judged, limits, names))
        return [marked(figure, contract) for figure in figures], missing

    def _attributes(self, contract: DataContract) -> tuple[str, ...]:
        return tuple(sorted(self.attributes or (group.name for group in contract.groups)))

    def _shallow(self, crossed: Crossed) -> NotAnswered:
        found = _SCANNED if crossed.depth >= self.least_depth else _POSSIBLE
        return NotAnswered(
            f"{self.name}: depth {crossed.depth + 1}",
            said(found, most=MOST_SUBGROUPS, depth=crossed.depth, subgroups=crossed.subgroups),
            said("name fewer 'attributes', or give coarser labels or bands"),
        )  # fmt: skip

    def _nothing(self, names: tuple[str, ...], crossed: Crossed, reason: str) -> Measurement:
        return Measurement(
            question=self.name, measure="largest_subgroup_gap", attribute=CROSS.join(names), group=None,
            reference=EVERYONE, estimate=None, low=None, high=None, level=self.level, n=crossed.rows,
            method=said("none"), source=said("cells"), equality=0.0, corrected=True, reason=reason,
            counts={"subgroups": crossed.subgroups},
        )  # fmt: skip

    def _scan(self, crossed: Crossed) -> SubgroupScan:
        from audits.statistics.subgroup_scan import scan_subgroups

        return scan_subgroups(
            crossed.labels, crossed.n, crossed.x, depth=crossed.depth, least_size=self.least_size,
            missing=crossed.missing, level=self.level, replicates=self.replicates, seed=self.seed,
        )  # fmt: skip

    def _listed(self, scan: SubgroupScan, judged: list[int]) -> list[tuple[int, dict[str, float]]]:
        """Those who stand out by being approved less often, then the others by |z|, each with its shrunken rate."""
        harmed = {i for i in judged if scan.z[i] < -scan.critical_value}
        chosen = sorted(judged, key=lambda i: (i not in harmed, i))[: self.shown]
        shrunk = _shrunken(scan, {len(scan.subgroups[i]) for i in chosen}, self.level)
        return [(i, shrunk[i]) for i in chosen]

    def _one(self, scan: SubgroupScan, i: int, limits: list[Any], shrunk: dict[str, float]) -> Measurement:
        name = scan.subgroups[i]
        n, rest = int(scan.n[i]), int(scan.rest_n[i])
        simple = {pair[0]: j for j, pair in enumerate(scan.subgroups) if len(pair) == 1}
        groups = [-scan.difference[simple[part]] for part in name if part in simple]
        known = [float(gap) for gap in groups if number(gap) is not None]
        details = {"z": -float(scan.z[i]), **shrunk}
        if len(name) > 1 and known:
            details["largest_gap_of_its_groups"] = max(known)
        return Measurement(
            question=self.name, measure="subgroup_gap", attribute=CROSS.join(part[0] for part in name),
            group=CROSS.join(part[1] for part in name), reference=EVERYONE, estimate=-float(scan.difference[i]),
            **_bounds(limits, self.level, lambda low, high: (-high[i], -low[i])), n=n + rest, equality=0.0,
            counts={
                "group_favourable": int(scan.x[i]), "group_decided": n, "reference_favourable": int(scan.rest_x[i]),
                "reference_decided": rest,
            },
            p_value=number(scan.adjusted_p[i]), mde=_detectable(scan, i), corrected=True, details=details,
            method=said(_ONE_OF_MANY, critical=scan.critical_value, n=scan.judged), source=_drawn(scan),
        )  # fmt: skip

    def _largest(
        self, scan: SubgroupScan, crossed: Crossed, own: list[int], judged: list[int], limits: list[Any],
        names: tuple[str, ...],
    ) -> Measurement:  # fmt: skip
        most = min(judged, key=lambda i: (scan.difference[i], scan.subgroups[i]))
        smallest = min(judged, key=lambda i: (min(scan.n[i], scan.rest_n[i]), i))
        small = {scan.subgroups[i] for i in own if scan.unjudged[i] and scan.rest_n[i] > 0}
        lost = crossed.rows_in(small, self.least_depth)
        cautions, unseen = _not_judged(len(small), lost, crossed)
        adjusted = min((float(scan.adjusted_p[i]) for i in judged if scan.z[i] < 0), default=1.0)
        counts = {
            "subgroups": len(own), "judged": len(judged), "not_judged": len(own) - len(judged),
            "rows_of_subgroups_not_judged": lost, "rows_without_a_label": crossed.unlabelled,
            "approved_less_often": sum(scan.z[i] < -scan.critical_value for i in judged),
            "approved_more_often": sum(scan.z[i] > scan.critical_value for i in judged),
        }  # fmt: skip
        group = CROSS.join(label for _, label in scan.subgroups[most])
        return Measurement(
            question=self.name, measure="largest_subgroup_gap", attribute=CROSS.join(names), group=None,
            reference=EVERYONE, estimate=-float(scan.difference[most]),
            **_bounds(limits, self.level, lambda low, high: (max(-high[judged]), max(-low[judged]))), n=crossed.rows,
            counts={name: int(count) for name, count in counts.items()}, equality=0.0, p_value=adjusted,
            mde=_detectable(scan, smallest), corrected=True, method=said(_LARGEST, n=len(judged), group=group),
            source=_drawn(scan), cautions=cautions, unseen=unseen,
        )  # fmt: skip


def _drawn(scan: SubgroupScan) -> str:
    told = _PERMUTED if scan.null == "permutation" else _BINOMIAL
    return said(told, replicates=scan.replicates)


def _limits(scan: SubgroupScan, level: float) -> list[Any]:
    """(level, low, high) of all differences, for the figure's own level and those of the ladder that can be had."""
    from audits.statistics.subgroup_limits import critical_at, differences

    found: list[Any] = []
    for at in sorted({*LEVELS, level}):
        critical = scan.critical_value if at == level else critical_at(scan.maxima, at)
        if critical is None:
            found.append((at, None, None))
            continue
        _, low, high = differences(critical, scan.z, scan.n, scan.x, scan.rest_n, scan.rest_x)
        found.append((at, low, high))
    return found


def _bounds(limits: list[Any], level: float, ends: Any) -> dict[str, Any]:
    """``low``, ``high``, ``level`` and ``ladder`` of a measurement; None where the draws are too few for a level."""
    rungs = [
        (at, None, None) if low is None else (at, *(number(end) for end in ends(low, high))) for at, low, high in limits
    ]
    own = next(rung for rung in rungs if rung[0] == level)
    return {"low": own[1], "high": own[2], "level": level, "ladder": tuple(rungs)}


def _detectable(scan: SubgroupScan, i: int) -> float | None:
    """The gap that the scan finds with power .8 in a subgroup of this size."""
    from audits.statistics.detectable_effect import minimum_detectable_rates
    from audits.statistics.subgroup_limits import pointwise_level

    level, rest = pointwise_level(scan.critical_value), float(scan.rest_x[i] / scan.rest_n[i])
    if not 0 < level < 1:
        return None
    sides = minimum_detectable_rates(rest, scan.n[i], scan.rest_n[i], level, POWER)
    return within(rest - float(sides.below), rest)


def _shrunken(scan: SubgroupScan, depths: set[int], level: float) -> dict[int, dict[str, float]]:
    """Rate and shrunken rate of every subgroup of these depths, the crossings of as many attributes being alike."""
    from audits.statistics.shrinkage import beta_binomial_shrinkage

    found = {}
    for depth in depths:
        place = [i for i, name in enumerate(scan.subgroups) if len(name) == depth]
        shrunk = beta_binomial_shrinkage(scan.x[place], scan.n[place], level)
        for j, i in enumerate(place):
            found[i] = {
                "subgroup_rate": float(scan.x[i] / max(scan.n[i], 1)), "shrunken_rate": float(shrunk.estimate[j]),
                "shrunken_rate_low": float(shrunk.low[j]), "shrunken_rate_high": float(shrunk.high[j]),
            }  # fmt: skip
    return found


def _not_judged(subgroups: int, rows: int, crossed: Crossed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cautions, and what the largest gap cannot see: people in subgroups too small to judge, and without a label."""
    cautions, unseen = [], []
    for count, told in (
        (rows, said(_TOO_SMALL, rows=rows, subgroups=subgroups)),
        (crossed.unlabelled, said(_UNLABELLED, rows=crossed.unlabelled)),
    ):
        if count:
            cautions.append(told)
            unseen += [told] if count > _MUCH * crossed.rows else []
    return tuple(cautions), tuple(unseen)
