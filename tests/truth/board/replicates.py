"""Plays scenarios many times: draws counts from the exact table of a world, applies every practice, adds up.

A job is a scenario, an effect and a batch of replicates with a seed of its own, so the result does not depend on how
many processes there are or where a run was cut. Finished jobs are kept as lines of JSON under a key that changes
with the code they depend on.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from math import prod
from pathlib import Path

import numpy as np

from tests.truth.board.bands import FALSE_CLEAR, HIGH_POWER, POWER, TYPE_ONE, Check, Target, check
from tests.truth.board.practices import Outcome, Setting
from tests.truth.board.scenarios import AT_LIMIT, FAIR, OURS, Scenario, scenarios

BASE_SEED = 20_260_701
BATCH = 100
_NUMBERS = 4_000_000  # counts drawn at once
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Tally:
    """Of ``replicates``: anything flagged, the planted harm found, let pass, and intervals that held the truth.

    ``covered`` is None without an interval.
    """

    replicates: int
    flagged: int
    found: int
    passed: int
    covered: int | None


@dataclass(frozen=True, slots=True)
class Job:
    """A batch of replicates of one effect of one scenario, by position."""

    scenario: int
    effect: int
    batch: int
    replicates: int

    def seed(self) -> list[int]:
        """Numbers that no other job shares."""
        return [BASE_SEED, self.scenario, self.effect, self.batch]


Results = dict[tuple[int, str, str], Tally]


def jobs(played: tuple[Scenario, ...], scale: float = 1.0) -> list[Job]:
    """All batches of the board, the dearest scenarios first."""
    found = []
    for s, scenario in enumerate(played):
        total = max(1, round(scenario.replicates * scale))
        for e in range(len(scenario.effects())):
            for b, start in enumerate(range(0, total, BATCH)):
                found.append(Job(s, e, b, min(BATCH, total - start)))
    return sorted(found, key=lambda job: (-played[job.scenario].rows, job.scenario, job.effect, job.batch))


def play(scenario: Scenario, effect: float, replicates: int, seed: list[int]) -> dict[str, Tally]:
    """Practice → tally of so many replicates."""
    setting = Setting(scenario.world, effect, scenario.rows)
    truth, estimand = scenario.world.truth(effect), scenario.world.estimand
    people, draws = setting.people, scenario.rows // scenario.world.rows_each
    rng, found = np.random.default_rng(seed), defaultdict(list)
    step = max(1, _NUMBERS // prod(people.probability.shape))
    for start in range(0, replicates, step):
        size = min(step, replicates - start)
        counts = rng.multinomial(draws, people.probability.ravel(), size=size)
        shaped = counts.reshape(size, *people.probability.shape)
        for name, (who, practice) in scenario.practices.items():
            figure = truth[scenario.covered or estimand] if who == OURS else truth[estimand]
            found[name].append(_tally(practice(setting, shaped, rng), figure))
    return {name: add(parts) for name, parts in found.items()}


def _tally(outcome: Outcome, truth: float) -> Tally:
    covers = outcome.covers
    if covers is None and outcome.low is not None and outcome.high is not None:
        covers = (outcome.low <= truth) & (truth <= outcome.high)
    return Tally(
        len(outcome.flags), int(outcome.flags.sum()), int(outcome.finds().sum()), int(outcome.passes.sum()),
        None if covers is None else int(covers.sum()),
    )  # fmt: skip


def add(parts: Iterable[Tally]) -> Tally:
    """The sum of tallies of one practice."""
    every = list(parts)
    covered = [part.covered for part in every if part.covered is not None]
    return Tally(
        sum(part.replicates for part in every), sum(part.flagged for part in every),
        sum(part.found for part in every), sum(part.passed for part in every), sum(covered) if covered else None,
    )  # fmt: skip


def run_job(job: Job) -> dict[str, Tally]:
    """One batch, found by its place, so that it can be sent to another process."""
    scenario = _played()[job.scenario]
    return play(scenario, list(scenario.effects().values())[job.effect], job.replicates, job.seed())


@cache
def _played() -> tuple[Scenario, ...]:
    return scenarios()


def board(
    played: tuple[Scenario, ...], scale: float, kept: Path | None, processes: int, announce: Callable[[str], None]
) -> Results:
    """Play every job not yet kept, in so many processes, and add up all of them."""
    todo, key = jobs(played, scale), code_digest()
    done = _read(kept, key) if kept else {}
    missing = [job for job in todo if job not in done]
    announce(f"{len(todo) - len(missing)} of {len(todo)} batches kept from before")
    with ProcessPoolExecutor(processes) as pool:
        waiting = {pool.submit(run_job, job): job for job in missing}
        for count, future in enumerate(as_completed(waiting), 1):
            job = waiting[future]
            done[job] = future.result()
            if kept:
                _keep(kept, key, job, done[job])
            announce(f"{len(todo) - len(missing) + count} of {len(todo)} batches; {played[job.scenario].name}")
    return collect(played, {job: done[job] for job in todo})


def collect(played: tuple[Scenario, ...], done: Mapping[Job, Mapping[str, Tally]]) -> Results:
    """(scenario, effect's name, practice) → tally."""
    parts: dict[tuple[int, str, str], list[Tally]] = defaultdict(list)
    for job, tallies in sorted(done.items(), key=lambda item: item[0].seed()):
        effect = list(played[job.scenario].effects())[job.effect]
        for name, tally in tallies.items():
            parts[job.scenario, effect, name].append(tally)
    return {key: add(tallies) for key, tallies in parts.items()}


def targets(scenario: Scenario, effect: str) -> list[tuple[str, Target]]:
    """What our practices must reach at an effect: (the count that is held against it, target)."""
    asked = [("covered", scenario.coverage)]
    if effect == FAIR and scenario.powered:
        asked.append(("flagged", TYPE_ONE))
    if effect == "detectable effect":
        asked.append(("found", POWER))
    if effect == "1.5 times it":
        asked.append(("found", HIGH_POWER))
    if effect == AT_LIMIT:
        asked.append(("passed", FALSE_CLEAR))
    return asked


def checks(played: tuple[Scenario, ...], results: Results) -> dict[tuple[int, str, str, str], Check]:
    """(scenario, effect, practice, target) → check, for our practices only."""
    asked = []
    for s, scenario in enumerate(played):
        ours = [name for name, (who, _) in scenario.practices.items() if who == OURS]
        for effect in scenario.effects():
            for count, target in targets(scenario, effect):
                asked += [((s, effect, name, target.name), count, target) for name in ours]
    found = {}
    for key, count, target in asked:
        tally = results[key[0], key[1], key[2]]
        value = getattr(tally, count)
        found[key] = check(target, 0 if value is None else value, tally.replicates, len(asked))
    return found


def code_digest() -> str:
    """Over every module of ours that the figures depend on: all that are loaded, but for the page and the bands."""
    whole = hashlib.sha256()
    for name, module in sorted(sys.modules.items()):
        counts = name.startswith(("audits.", "tests.truth.board.")) and not name.endswith((".page", ".bands"))
        if counts and module.__file__ and "__init__" not in module.__file__:
            whole.update(name.encode() + b"\0" + Path(module.__file__).read_bytes())
    return whole.hexdigest()[:16]


def _read(kept: Path, key: str) -> dict[Job, dict[str, Tally]]:
    """Kept jobs of this code; a line that was cut off is played again."""
    done = {}
    for line in kept.read_text().splitlines() if kept.exists() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry["key"] == key:
            done[Job(**entry["job"])] = {name: Tally(**tally) for name, tally in entry["tallies"].items()}
    return done


def _keep(kept: Path, key: str, job: Job, tallies: Mapping[str, Tally]) -> None:
    entry = {"key": key, "job": asdict(job), "tallies": {name: asdict(tally) for name, tally in tallies.items()}}
    with kept.open("a") as file:
        file.write(json.dumps(entry) + "\n")
