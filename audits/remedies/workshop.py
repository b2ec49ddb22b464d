"""Where candidates are trained and tried: the rows, the training code, what was tried, how much is still to do.

Only the training part teaches a model, and of it the rows whose target is known. What a candidate does is measured by
``validate`` on the validation part. The untouched part is never read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audits.evidence.remedy_rows import RemedyPart, RemedyRows
from audits.remedies.records import Candidate
from audits.remedies.scorers import Change, TrainedScorer, Trainer, changed_frame
from audits.remedies.telling import tells_group
from audits.remedies.tried import Scorer, Tried
from checks.inputs.remedies import Remedies, Setting
from checks.inputs.training_code import TrainingError
from checks.sentence import Sentence

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Chances = Callable[[RemedyPart], Floats]
Validate = Callable[[Candidate, Scorer | None, Chances | None], Candidate]
TRIFLE = 0.005  # a rise of the validated gain that is no rise
_LONGEST = 40  # characters of a name within an id


@dataclass(slots=True, eq=False)
class Workshop:
    """A search while it runs.

    ``frame`` (n, p), ``target`` (n,), ``labels`` (n,) of the attribute whose ratio is to come nearer to 1 and
    ``persons`` (n,) are the training rows with a known target. ``ahead`` is about how many trainings are still to come.
    ``of_groups`` are features of today's model that hold the groups themselves: no candidate may take them. ``notes``
    are what must be known of the search.
    """

    rows: RemedyRows
    remedies: Remedies
    trainer: Trainer
    features: tuple[str, ...]
    seed: int
    validate: Validate
    announce: Callable[[str], None]
    of_groups: tuple[str, ...] = ()
    attribute: str = field(init=False)
    frame: pd.DataFrame = field(init=False)
    target: Floats = field(init=False)
    labels: NDArray[np.object_] = field(init=False)
    persons: NDArray[np.int64] = field(init=False)
    notes: list[Sentence] = field(default_factory=list, init=False)
    tried: list[Tried] = field(default_factory=list, init=False)
    trained: int = field(default=0, init=False)
    ahead: int = field(default=0, init=False)
    _telling: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.attribute = self.remedies.attribute or next(iter(self.rows.references))
        part = self.rows.training
        known = np.flatnonzero(~np.isnan(part.target))
        self.frame = part.features.iloc[known].reset_index(drop=True)
        self.target = part.target[known]
        self.labels = part.labels[self.attribute][known]
        self.persons = part.persons[known]

    @property
    def reference(self) -> str:
        """The label that groups are compared with."""
        return self.rows.references[self.attribute]

    @property
    def blind(self) -> tuple[str, ...]:
        """The features that a candidate may take: none that holds a group."""
        return tuple(name for name in self.features if name not in self.of_groups)

    @property
    def changeable(self) -> tuple[str, ...]:
        """Features that may be dropped or changed."""
        return tuple(name for name in self.blind if name not in self.remedies.keep)

    def without(self, dropped: Sequence[str]) -> tuple[str, ...]:
        """The features that are left without some."""
        return tuple(name for name in self.blind if name not in dropped)

    def by_telling(self, names: Sequence[str]) -> list[str]:
        """Features, those first that tell the groups from their reference best. An order of work, no finding."""
        for name in names:
            if name not in self._telling:
                self._telling[name] = tells_group(self.frame[name], self.labels, self.reference, self.persons)
        return sorted(names, key=lambda name: -self._telling[name])

    def train(
        self,
        words: str,
        features: Sequence[str],
        *,
        changes: Mapping[str, Change] | None = None,
        hyperparameters: Mapping[str, Setting] | None = None,
        rows: NDArray[np.int64] | None = None,
        target: Floats | None = None,
        weights: Floats | None = None,
        may_be_constant: bool = False,
        quietly: bool = False,
    ) -> TrainedScorer:
        """Train a model with today's hyperparameters but for those named, on all training rows or on some.

        ``words`` say what is trained. ``rows`` (m,) are places of training rows; ``target`` (m,) and ``weights`` (m,)
        stand in for the recorded target and for equal weights. ``quietly`` announces nothing. Raises
        ``TrainingError``.
        """
        self.trained += 1
        self.ahead = max(self.ahead - 1, 0)
        if not quietly:
            self.announce(f"training {self.trained:,} of about {self.trained + self.ahead:,}: {words}")
        frame = self.frame if rows is None else self.frame.iloc[rows].reset_index(drop=True)
        if target is None:
            target = self.target if rows is None else self.target[rows]
        settings = {**self.remedies.today, **(hyperparameters or {})}
        taken = changed_frame(frame, features, changes or {})
        model = self.trainer.fit(taken, target, weights, self.seed, settings, may_be_constant=may_be_constant)
        return TrainedScorer(model, tuple(features), dict(changes or {}))

    def attempt(self, candidate: Candidate, make: Callable[[], Scorer]) -> Candidate:
        """Make a candidate's model, measure it and keep both; where that fails, keep the candidate with the reason."""
        candidate = replace(candidate, id=self._own(candidate.id))
        try:
            scorer = make()
            measured = self.validate(candidate, scorer, None)
        except TrainingError as error:
            return self.lost(candidate, error.reason)
        self.tried.append(Tried(measured, scorer))
        return measured

    def lost(self, candidate: Candidate, reason: str) -> Candidate:
        """Keep a candidate that could not be tried, with the reason."""
        failed = replace(candidate, id=self._own(candidate.id), reason=reason)
        self.tried.append(Tried(failed))
        return failed

    def by_group(self, candidate: Candidate, chances: Chances) -> Candidate:
        """Measure and keep a candidate that decides with the group in sight."""
        candidate = replace(candidate, id=self._own(candidate.id))
        try:
            measured = self.validate(candidate, None, chances)
        except TrainingError as error:
            return self.lost(candidate, error.reason)
        self.tried.append(Tried(measured, None, chances))
        return measured

    def candidates(self) -> list[Candidate]:
        """What has been tried so far."""
        return [one.candidate for one in self.tried]

    def keeps_floor(self, candidate: Candidate) -> bool:
        """Whether a candidate lies at most the allowed loss below the best performance that was seen so far."""
        seen = [one.performance for one in self.candidates() if one.deployable and one.performance is not None]
        if candidate.performance is None or not seen:
            return False
        return candidate.performance >= max(seen) - self.remedies.loss

    def better(self, candidate: Candidate) -> tuple[bool, float]:
        """By what candidates are compared while the search goes on: those that keep to the floor, then the gain."""
        return self.keeps_floor(candidate), gain_of(candidate)

    def _own(self, wished: str) -> str:
        """The id wished for, numbered where another candidate has it."""
        taken = {one.id for one in self.candidates()}
        number, own = 1, wished
        while own in taken:
            number += 1
            own = f"{wished}-{number}"
        return own


def gain_of(candidate: Candidate) -> float:
    """The validated gain, below every other where there is none."""
    return -inf if candidate.gain is None else candidate.gain


def slug(name: str) -> str:
    """A feature's name within an id: letters, digits, dots and lines below in any script, all else as dashes."""
    return re.sub(r"[^\w.]+", "-", name).strip("-")[:_LONGEST] or "feature"


def without_words(id_start: str, dropped: Sequence[str]) -> str:
    """An id with the features that are left out: START-without-A-B, or START where there are none."""
    return "-".join([id_start, "without", *map(slug, dropped)]) if dropped else id_start
