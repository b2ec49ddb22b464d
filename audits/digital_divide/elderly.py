"""Do the elderly finish less often, fail to prove who they are, take longer, or lose points for their age?

Harm: a way to credit that is made for others. The elderly are 60 and over in China's notice of 2020, 62 and over in
Regulation B; each comparison is with everybody below its cut. Persons are those of ``audits.evidence.funnel``:

* elderly_completion_ratio (from 60 on) and elderly_62_completion_ratio: share who pass ``finished`` of those who passed
  ``started``; adjusted_elderly_completion_ratio within declared strata, at ``from_age``;
* verification_failure_ratio: share who fail the identity check at least once, by each method and by any ("all"), of
  those who came to it;
* fallback_success_ratio: share of those who failed it and passed in the end; beside it for how many another way was
  tried, and how many of them passed;
* completion_time_ratio: mean minutes of those who finish (``audits.statistics.completion_times``).

Case by case, without sampling error:

* no_traditional_channel_cases: services that no person serves (``audits.comparisons.elderly_services``);
* missing_vulnerability_drivers: of health, life events, resilience and capability, those that no group is said to stand
  for: nobody has looked at them. That a group is declared says nothing of how it fares;
* elderly_points_lost: points of a score that age alone takes (``audits.comparisons.elderly_points``); without a column
  of them those of the contract's model, where it takes the age (``audits.comparisons.age_flips``), with an error.

An age that nobody has (below 14, above 115) is unknown; above 5 % of unknown ages no figure is clear, nor above 1 % of
persons or rows with a fault (``audits.comparisons.funnel_faults``). Whoever was never reached, or left before
``started``, is in none of these figures. Where the data end before persons could finish, shares who finish decide
nothing (``audits.comparisons.time_not_up``).

Sources: 国办发〔2020〕45号; 12 CFR 1002.2(o), (p), (v), 1002.6(b)(2); FCA FG21/1; Koopman (1984), Biometrics 40:513;
Mantel and Haenszel (1959), JNCI 22:719–748; Kaplan and Meier (1958), JASA 53:457–481.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from audits.comparisons.age_flips import points_asked, points_flips_needs, points_in_model
from audits.comparisons.elderly_points import points_lost, points_need
from audits.comparisons.elderly_services import drivers_missing, services_need, without_counter
from audits.comparisons.elderly_stages import ByAge, adjusted_completion, completion, doubted, failures, second_chances
from audits.comparisons.elderly_times import time_taken
from audits.comparisons.funnel_faults import failures_told, told_faults, undecided_told
from audits.comparisons.funnel_need import CHINA, UNITED_STATES, funnel_need
from audits.comparisons.time_not_up import time_doubted
from audits.evidence.collect import Evidence
from audits.evidence.funnel import Funnel, age_attribute
from audits.evidence.needs import FunnelNeed, Need
from audits.record import Measurement, NotAnswered
from audits.unused_roles import left_unused, marked
from checks.inputs.contract import DataContract
from checks.problem import InputError, Problem
from checks.sentence import Sentence, said, template

_COMPLETION = ("elderly_completion_ratio", "elderly_62_completion_ratio", "adjusted_elderly_completion_ratio")
_FAILURE, _SECOND, _TIME = "verification_failure_ratio", "fallback_success_ratio", "completion_time_ratio"
_CHANNEL, _DRIVERS, _POINTS = "no_traditional_channel_cases", "missing_vulnerability_drivers", "elderly_points_lost"
Lack = tuple[Sentence, Sentence]
_NO_FUNNEL = said("the contract declares no funnel"), said("name the stages of the way to credit under 'funnel'")
_NO_AGE = said("the contract declares no age"), said("name the column of the age in years under 'age'")
_NO_END = (
    said("the funnel does not say which stage the customer finishes with, or it is the one he starts with"),
    said("name under 'funnel' a stage 'finished' behind the stage 'started'"),
)
_NO_STRATA = (
    said("the contract declares no strata"),
    said("list under 'strata' the columns within which alone applications may be compared"),
)
_NO_CHECK = (
    said("the funnel names no stage of the identity check, or nothing that says who failed it"),
    said("name under 'funnel' the stage 'identity', and under 'failed' a flag, or events, for each method"),
)
_NO_TIMES = (
    said("the stages 'started' and 'finished' have no times"),
    said("name columns that hold the times at which these stages were passed, or give a log of events"),
)
_NOBODY_CAME = (
    template("nobody passed '{stage}', so that there is no time that anybody took"),
    said("see whether the events, or the flags, under 'funnel' are those of the data"),
)
_NO_POINTS = (
    said("the contract declares no points from age"),
    said("name under 'age_points' the column of the points that come from age alone"),
)
_NO_CHANNELS = (
    said("the contract does not say which channels are assisted"),
    said("list the values of 'terms.channel' on either side under 'channels'"),
)


@dataclass(frozen=True, slots=True)
class Elderly:
    """``from_age`` is the cut of those measures that name none; ``points_favour``: more points favour the customer.

    ``level`` is the confidence level.
    """

    level: float = 0.95
    from_age: float = field(default=CHINA, metadata={"least": 40.0})
    points_favour: bool = True

    name: ClassVar[str] = "digital_divide.elderly"
    harm: ClassVar[str] = "digital_divide"
    roles: ClassVar[tuple[str, ...]] = ()
    optional_roles: ClassVar[tuple[str, ...]] = (
        "age", "funnel", "groups", "strata", "terms", "channels", "age_points", "entity", "weight", "decision",
        "prediction", "features",
    )  # fmt: skip
    measures: ClassVar[Mapping[str, float | None]] = {
        **dict.fromkeys((*_COMPLETION, _FAILURE, _SECOND, _TIME), 1.0),
        _CHANNEL: None, _DRIVERS: None, _POINTS: None,
    }  # fmt: skip
    counted: ClassVar[tuple[str, ...]] = (_CHANNEL, _DRIVERS, _POINTS)

    def __post_init__(self) -> None:
        if not isinstance(self.points_favour, bool):
            raise InputError(Problem(
                f"{self.name}, points_favour", f"'{self.points_favour}'", "true or false",
                "write false where fewer points favour the customer",
            ))  # fmt: skip

    def needs(self, contract: DataContract) -> Iterable[Need]:
        """The funnel by age, rows by channel, points by age: what the contract has."""
        if contract.funnel and contract.age:
            yield self._need(contract)
        if contract.channels and "channel" in contract.terms:
            yield services_need(contract)
        if contract.age and contract.age_points:
            yield points_need(contract)
        yield from points_flips_needs(contract)

    def measure(self, evidence: Evidence, contract: DataContract) -> tuple[list[Measurement], list[NotAnswered]]:
        """What can be had, and what the others lack."""
        lacks = self._lacks(contract)
        figures: list[Measurement] = []
        faults: list[NotAnswered] = []
        if contract.funnel and contract.age:
            funnel = evidence.funnel(self._need(contract))
            lacks |= {} if _TIME in lacks else self._untimed(funnel, contract.funnel.started)
            figures += self._on_the_way(funnel, contract, lacks)
            faults += told_faults(self.name, funnel, ())  # no figure here begins with the people of a table
        if _CHANNEL not in lacks:
            cells = evidence.cells(services_need(contract))
            figures.append(without_counter(self.name, _CHANNEL, cells, contract.decision is not None))
        figures.append(drivers_missing(self.name, _DRIVERS, contract))
        if _POINTS not in lacks:
            histogram = evidence.histogram(points_need(contract))
            figures.append(points_lost(self.name, _POINTS, histogram, self.points_favour, self.level))
        elif points_asked(contract):
            lacks.pop(_POINTS)
            asked, lacking = points_in_model(self.name, _POINTS, evidence, contract, self.level)
            figures, faults = [*figures, *asked], [*faults, *lacking]
        missing = [NotAnswered(f"{self.name}: {measure}", *lack) for measure, lack in lacks.items()]
        unused = left_unused(self.name, replace(contract, entity=None, strata=()))
        return figures, [*faults, *missing, *unused]

    def _need(self, contract: DataContract) -> FunnelNeed:
        return funnel_need(contract, (self.from_age,))

    def _untimed(self, funnel: Funnel, started: str) -> dict[str, Lack]:
        """Why there are no times: nobody came so far, or the stages have none."""
        attribute = age_attribute(self.from_age)
        if funnel.times.get(attribute):
            return {}
        place = funnel.stages.index(started)
        if not any(cell.persons for cell in funnel.cells.get(attribute, ()) if cell.furthest >= place):
            words, needed = _NOBODY_CAME
            return {_TIME: (said(words, stage=started), needed)}
        return {_TIME: _NO_TIMES}

    def _lacks(self, contract: DataContract) -> dict[str, Lack]:
        """Measure → why the contract cannot answer it, and what would."""
        found: dict[str, Lack] = {}
        way = contract.funnel
        lack = _NO_FUNNEL if way is None else _NO_AGE if contract.age is None else None
        if lack or way is None:
            found |= dict.fromkeys((*_COMPLETION, _FAILURE, _SECOND, _TIME), lack or _NO_FUNNEL)
        else:
            started, finished = way.place(way.started), way.place(way.finished)
            if started is None or finished is None or started >= finished:
                found |= dict.fromkeys((*_COMPLETION, _TIME), _NO_END)
            elif not contract.strata:
                found[_COMPLETION[2]] = _NO_STRATA
            if way.place(way.identity) is None or not way.failed:
                found |= dict.fromkeys((_FAILURE, _SECOND), _NO_CHECK)
        if not contract.channels or "channel" not in contract.terms:
            found[_CHANNEL] = _NO_CHANNELS
        if not contract.age or not contract.age_points:
            found[_POINTS] = _NO_AGE if not contract.age else _NO_POINTS
        return found

    def _on_the_way(self, funnel: Funnel, contract: DataContract, lacks: Mapping[str, Lack]) -> Iterator[Measurement]:
        """Every figure of the funnel that can be had."""
        way = contract.funnel
        if way is None:
            return
        raw = replace(contract, entity=None)  # persons are counted once, however many rows they have
        here = ByAge(self.name, self.level, self.from_age, funnel)
        if _COMPLETION[0] not in lacks:
            started, finished = way.place(way.started) or 0, way.place(way.finished) or 0
            place = contract.decision_stage
            waiting = undecided_told(funnel) if place is not None and place <= finished else ()
            for figure in self._completions(here, contract, started, finished, _COMPLETION[2] not in lacks):
                yield time_doubted(doubted(figure, waiting), funnel, contract)
        if _FAILURE not in lacks:
            unread = failures_told(funnel)
            for figure in failures(here, _FAILURE, (one.method for one in way.failed)):
                yield marked(doubted(figure, unread), raw)
            yield marked(doubted(second_chances(here, _SECOND), unread), raw)
        if _TIME not in lacks:
            yield marked(time_taken(here, _TIME, way.place(way.started) or 0), raw)

    def _completions(
        self, here: ByAge, contract: DataContract, started: int, finished: int, within: bool
    ) -> Iterator[Measurement]:
        """Shares who finish from each rule's age on, and ``within`` strata."""
        for measure, cut in zip(_COMPLETION, (CHINA, UNITED_STATES), strict=False):
            figure = completion(replace(here, cut=cut), measure, started, finished)
            yield marked(figure, replace(contract, entity=None))
        if within:
            strata = tuple(dict.fromkeys(contract.strata))
            yield adjusted_completion(here, _COMPLETION[2], started, finished, strata)
