"""Where on the way to credit is a group lost, from the people there are to those who have what they asked for?

Harm: a group that never gets as far as applying is in no table of approvals. Persons are those of
``audits.evidence.funnel``; for each attribute of the contract a group is compared with its reference, and those of 60
and over with the younger where no attribute is made of the age already (``digital_divide.elderly`` has other cuts):

* stage_ratio: of those who came to the stage before, the share who pass it; cumulative_ratio: from the people who could
  be reached, where a table of them is given, else from the first stage, to the last. Logarithms of the stages add up to
  that of the whole, so that each has its share of the loss, and the method of the whole names the costliest where its
  interval excludes 1;
* population_reach_share: share of a group's people who passed the first stage. Without a table of people nobody can
  tell whom the service never reached: that is said, and no number made up;
* adjusted_stage_ratio and adjusted_cumulative_ratio: the reference given the group's own strata. The raw figure is what
  people of the group meet as they live, the adjusted one what sets them apart from people in the same strata; their
  quotient is what living in other strata does. Where both lie on opposite sides of 1 that is Simpson's reversal, and
  neither is clear or a breach;
* person_coverage and bounded_cumulative_ratio: how many persons have a known group, and the ratio whoever the others
  are;
* stage_loss_share: with what device, network, help or part of the day the group is lost at its costliest stage, as
  persons stand and within strata, the reference beside it; without groups and age, of everybody, at every stage and
  by the same parts where most are lost;
* inaccessible_service_cases: services flagged as not accessible, counted.

Where the contract names no span ``within`` and many had no time to finish, figures of who finishes decide nothing
(``audits.comparisons.time_not_up``). It tells where people are lost, not why: who gave up of his own accord and who
could not go on look alike. Persons count once, whatever a declared weight.

Sources: Koopman (1984), Biometrics 40:513–517; Gart and Nam (1988), Biometrics 44:323–338; Šidák (1967), JASA
62:626–633; Breslow and Day (1987), Statistical Methods in Cancer Research II, ch. 2; Simpson (1951), JRSS B 13:238–241;
Manski (1990), American Economic Review 80:319–323.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from audits.comparisons import funnel_faults as faults
from audits.comparisons.accessible_services import MEASURE as INACCESSIBLE
from audits.comparisons.accessible_services import accessible_need, inaccessible, services_of
from audits.comparisons.funnel_everyone import losses_of_everyone
from audits.comparisons.funnel_losses import LOSS, before_the_data, loss_shares, undeclared_dimensions
from audits.comparisons.funnel_need import CHINA, funnel_need
from audits.comparisons.funnel_people import unreached_told
from audits.comparisons.funnel_stages import (
    REACH,
    STAGE,
    WHOLE,
    cumulative,
    reach_shares,
    stage_ratios,
    with_doubts,
)
from audits.comparisons.funnel_strangers import BOUNDED, COVERAGE, bounds, coverage, unknown_told
from audits.comparisons.funnel_strata import ALL, within_strata
from audits.comparisons.funnel_strata import STAGE as ADJUSTED_STAGE
from audits.comparisons.funnel_strata import WHOLE as ADJUSTED_WHOLE
from audits.comparisons.funnel_ways import Ways, ways_of
from audits.comparisons.time_not_up import time_doubted
from audits.evidence.collect import Evidence
from audits.evidence.funnel import EVERYONE, age_attribute, age_labels
from audits.evidence.funnel import Funnel as Counts
from audits.evidence.needs import Need
from audits.record import Measurement, NotAnswered
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, said, template

Answer = tuple[list[Measurement], list[NotAnswered]]
_NO_FLAG = (
    said("the funnel does not say which services are accessible"),
    said("name under 'funnel: accessible' the flag of a service that meets the requirements"),
)
_NO_GROUPS = (
    said("the contract declares no groups and no age"),
    said("declare 'groups' with their reference, or name the column 'age'"),
)
_NO_STRATA = (
    said("the contract declares no strata"),
    said("list under 'strata' the columns, such as the network, within which people are to be compared"),
)
_WEIGHT = (
    said("every person counts once: the declared weight is not used"),
    said("read the figures as those of the persons given"),
)
_REFUSED = template("'{attribute}' has too many labels to be told apart")
_GROUP = said("group the labels of the column in the source or in a 'query'")
_ONE_SIDE = template("nobody in the data has another {attribute} than '{reference}'")


@dataclass(frozen=True, slots=True)
class Funnel:
    """``level`` is the confidence level; ``attributes`` restricts the groups, empty means all and those of 60."""

    level: float = 0.95
    attributes: tuple[str, ...] = ()

    name: ClassVar[str] = "digital_divide.funnel"
    harm: ClassVar[str] = "digital_divide"
    roles: ClassVar[tuple[str, ...]] = ("funnel",)
    optional_roles: ClassVar[tuple[str, ...]] = (
        "groups", "strata", "population", "age", "entity", "time", "weight", "terms",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {
        **dict.fromkeys((STAGE, WHOLE, ADJUSTED_STAGE, ADJUSTED_WHOLE), 1.0),
        **dict.fromkeys((BOUNDED, COVERAGE, REACH, LOSS, INACCESSIBLE)),
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = (COVERAGE, INACCESSIBLE)

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """Persons by how far they came, and the flag of accessible services where there is one."""
        yield funnel_need(contract)
        if (need := accessible_need(contract)) is not None:
            yield need

    def measure(self, evidence: Evidence, contract: DataContract) -> Answer:
        """The figures of every attribute, and what they lack."""
        funnel = evidence.funnel(funnel_need(contract))
        figures: list[Measurement] = []
        references = self._references(evidence, contract)
        every = [ways_of(funnel, attribute, reference, contract) for attribute, reference in references.items()]
        unreached = [ways.attribute for ways in every if not ways.from_people]
        missing = list(faults.told_faults(self.name, funnel, unreached if references else (EVERYONE,)))
        if not references:
            missing += [NotAnswered(f"{self.name}: {measure}", *_NO_GROUPS) for measure in (STAGE, WHOLE)]
            figures, lacking = losses_of_everyone(self.name, funnel, contract, self.level)
            missing += lacking
        for ways in every:
            if ways.attribute in funnel.refused:
                told = said(_REFUSED, attribute=ways.attribute)
                missing.append(NotAnswered(f"{self.name}: {ways.attribute}", told, _GROUP))
                continue
            own, lacking = self._of_attribute(funnel, ways, contract)
            figures += own
            missing += lacking
        figures += self._services(evidence, contract)
        return figures, [*missing, *self._missing(funnel, contract, bool(references))]

    def _references(self, evidence: Evidence, contract: DataContract) -> dict[str, str]:
        """Attribute → its reference: the contract's groups, and those below 60 where no group is made of the age."""
        named = self.attributes or tuple(group.name for group in contract.groups)
        found = {name: evidence.data.references[name] for name in named}
        told = any(group.column == contract.age for group in contract.groups)
        if self.attributes or contract.age is None or told:
            return found
        return {**found, age_attribute(CHINA): age_labels(CHINA)[1]}

    def _of_attribute(self, funnel: Counts, ways: Ways, contract: DataContract) -> Answer:
        covered = coverage(self.name, ways)
        figures = [replace(covered, details={**covered.details, **faults.fault_details(funnel)})]
        early = faults.too_early_told(funnel)
        figures += [with_doubts(one, early, early) for one in reach_shares(self.name, ways, self.level)]
        missing: list[NotAnswered] = []
        if not ways.others:
            told = said(_ONE_SIDE, attribute=ways.attribute, reference=ways.reference)
            missing.append(NotAnswered(f"{self.name}: {WHOLE}", told, said("give data of both groups")))
        missing += unreached_told(self.name, ways)
        for label in ways.others:
            compared, lost, lacking = self._of_group(funnel, ways, label, contract)
            compared = [self._doubted(one, funnel, ways, contract) for one in compared]
            for one in bounds(self.name, ways, label, self.level):
                compared.append(time_doubted(one, funnel, contract))
            compared += lost
            people = ways.usable_entry(label) is not None
            figures += [with_doubts(one, early, early) if people and _of_people(one, ways) else one for one in compared]
            missing += lacking
        return figures, missing

    def _of_group(
        self, funnel: Counts, ways: Ways, label: str, contract: DataContract
    ) -> tuple[list[Measurement], list[Measurement], list[NotAnswered]]:
        """Compared figures, shares of losses, and what is lacking."""
        whole = cumulative(self.name, ways, label, self.level)
        raw = [*stage_ratios(self.name, ways, label, self.level), whole]
        adjusted: Sequence[Measurement] = ()
        if contract.strata:
            strata = tuple(dict.fromkeys(contract.strata))
            within = within_strata(self.name, ways, label, self.level, strata, funnel.refused)
            adjusted = within.figures
            raw = [_lumping(_reversed(one, within.reversals), len(strata), ways) for one in raw]
        lost, missing = loss_shares(self.name, funnel, ways, label, adjusted, self.level)
        if lost and whole.details.get("costliest_stage") == 1 and (whole.estimate or 0.0) < 1:
            missing.append(before_the_data(self.name, ways, label, ways.stages[0]))
        return [*raw, *adjusted], lost, missing

    def _doubted(self, figure: Measurement, funnel: Counts, ways: Ways, contract: DataContract) -> Measurement:
        """The figure with what holds for all of its attribute: unknown groups, faults of rows, missing decisions."""
        told = [*unknown_told(ways), *faults.unseen_faults(funnel)]
        place = contract.decision_stage
        if place is not None and figure.segment in (ALL, ways.stages[place]):
            told += faults.undecided_told(funnel)
        figure = with_doubts(figure, told, told)
        return time_doubted(figure, funnel, contract) if _takes_time(figure, contract) else figure

    def _services(self, evidence: Evidence, contract: DataContract) -> Iterator[Measurement]:
        need = accessible_need(contract)
        if need is not None:
            yield inaccessible(self.name, need.columns[0], services_of(evidence.cells(need)))

    def _missing(self, funnel: Counts, contract: DataContract, compared: bool) -> Iterator[NotAnswered]:
        if compared and not contract.strata:
            yield NotAnswered(f"{self.name}: {ADJUSTED_WHOLE}", *_NO_STRATA)
        if contract.funnel and (compared or EVERYONE in funnel.cells):
            yield from undeclared_dimensions(self.name, funnel, contract.funnel, contract)
        if accessible_need(contract) is None:
            yield NotAnswered(f"{self.name}: {INACCESSIBLE}", *_NO_FLAG)
        if contract.weight:
            yield NotAnswered(f"{self.name}: weight", *_WEIGHT)


def _takes_time(figure: Measurement, contract: DataContract) -> bool:
    """Whether who passes is seen only in time: the whole way, and stages after ``started`` up to ``finished``."""
    way = contract.funnel
    first, last = (way.place(way.started), way.place(way.finished)) if way else (None, None)
    if way is None or first is None or last is None:
        return False
    return figure.segment == ALL or figure.segment in way.names[first + 1 : last + 1]


def _of_people(figure: Measurement, ways: Ways) -> bool:
    """Whether a figure of a way that begins with the people counts them."""
    return figure.measure in (WHOLE, BOUNDED) or (figure.measure == STAGE and figure.segment == ways.stages[0])


def _lumping(figure: Measurement, strata: int, ways: Ways) -> Measurement:
    """A raw figure with the number of declared strata that it does not tell apart: it is never clear by itself.

    Not that of being reached: nobody counts the people of a table by strata, so that it has no figure within them.
    """
    if figure.measure == STAGE and figure.segment == ways.stages[0]:
        return figure
    return replace(figure, details={**figure.details, "declared_strata_ignored": float(strata)})


def _reversed(figure: Measurement, reversals: Mapping[str, Sentence]) -> Measurement:
    """A raw figure with the reversal that it shares with the one within strata."""
    told = reversals.get(figure.segment)
    return figure if told is None else with_doubts(figure, (told,), (told,))
