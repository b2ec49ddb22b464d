"""Plays scenarios many times: draws counts from the exact table of a world, applies every practice, adds up.

A job is a seed, a scenario, an effect and a batch of files with a generator of its own, so the result does not depend
on how many processes there are or where a run was cut. The seed also gives the files' columns and labels other names.
Finished jobs are kept as lines of JSON under a key that changes with the code they depend on.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from math import ceil, prod
from pathlib import Path

import numpy as np

from audits.catalogue import questions
from audits.policies.packs import PACKS_FOLDER
from tests.truth.board.access import access_scenarios
from tests.truth.board.bands import Check, check
from tests.truth.board.insurers import priced_scenarios
from tests.truth.board.lending import lending_scenarios
from tests.truth.board.lines import scenarios
from tests.truth.board.practices import Outcome, Setting
from tests.truth.board.scenarios import NAIVE, Scenario, Way

SEEDS = (48_271, 69_621, 907_633_385)  # of nothing else: neither a test nor any tuning has seen their files
BATCH = 100
_NUMBERS = 4_000_000  # counts drawn at once
ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Tally:
    """Of ``replicates``: anything flagged, the planted harm found, let pass, not identified, and truths held.

    ``covered`` is None without an interval, ``total``, the sum of the estimates, without any.
    """

    replicates: int
    flagged: int
    found: int
    passed: int
    covered: int | None
    unknown: int = 0
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A batch of files of one effect of one scenario, by position, under one seed; ``start`` is the first file."""

    seed: int
    scenario: int
    effect: int
    start: int
    files: int

    def generator(self) -> list[int]:
        """Numbers that no other job shares."""
        return [self.seed, self.scenario, self.effect, self.start]


Results = dict[tuple[int, str, str], dict[int, Tally]]  # scenario, effect, practice → seed → tally


def share_of(files: int, scale: float, seeds: int) -> int:
    """Files under each seed."""
    return max(1, ceil(files * scale / seeds))


def jobs(
    played: tuple[Scenario, ...], seeds: Sequence[int], scale: float = 1.0, chosen: Sequence[int] | None = None
) -> list[Job]:
    """All batches of the chosen scenarios, by default of all, the dearest first: those that questions are asked of."""
    found = []
    for s in range(len(played)) if chosen is None else chosen:
        scenario = played[s]
        total = share_of(scenario.files, scale, len(seeds))
        for seed in seeds:
            for e in range(len(scenario.effects())):
                found += [Job(seed, s, e, at, min(BATCH, total - at)) for at in range(0, total, BATCH)]
    return sorted(found, key=lambda job: (job.start, -played[job.scenario].rows, *job.generator()))


def play(
    scenario: Scenario,
    effect: str,
    start: int,
    files: int,
    generator: Sequence[int],
    seed: int,
    most: Callable[[Way], int] | None = None,
) -> dict[str, Tally]:
    """Practice → tally of so many files; ``most`` says how many of all files, counted from 0, a practice is given."""
    value = scenario.effect(effect)
    setting, truth = Setting(scenario.world, value, scenario.rows, seed), scenario.world.truth(value)
    people, draws = setting.people, scenario.rows // scenario.world.rows_each
    rng, found = np.random.default_rng(list(generator)), defaultdict(list)
    ways = {name: way for name, way in scenario.ways.items() if effect in way.plan}
    step = max(1, _NUMBERS // prod(people.probability.shape))
    for first in range(0, files, step):
        size = min(step, files - first)
        counts = rng.multinomial(draws, people.probability.ravel(), size=size)
        shaped = counts.reshape(size, *people.probability.shape)
        parts: dict[int, np.ndarray] = {}  # one array for all practices that are given as many files  # type: ignore[type-arg]
        for name, way in ways.items():
            given = size if most is None else min(size, most(way) - start - first)
            if given > 0:
                part = parts.setdefault(given, shaped[:given])
                figure = truth[way.covered or scenario.world.estimand]
                found[name].append(_tally(way.practice(setting, part, rng), figure))
    return {name: add(every) for name, every in found.items()}


def _tally(outcome: Outcome, truth: float) -> Tally:
    covers = outcome.covers
    if covers is None and outcome.low is not None and outcome.high is not None:
        covers = (outcome.low <= truth) & (truth <= outcome.high)
    return Tally(
        len(outcome.flags), int(outcome.flags.sum()), int(outcome.finds().sum()), int(outcome.passes.sum()),
        None if covers is None else int(covers.sum()), 0 if outcome.unknown is None else int(outcome.unknown.sum()),
        None if outcome.estimate is None else float(np.nansum(outcome.estimate)),
    )  # fmt: skip


def add(parts: Iterable[Tally]) -> Tally:
    """The sum of tallies of one practice."""
    every = list(parts)
    covered = [part.covered for part in every if part.covered is not None]
    totals = [part.total for part in every if part.total is not None]
    return Tally(
        sum(part.replicates for part in every), sum(part.flagged for part in every),
        sum(part.found for part in every), sum(part.passed for part in every), sum(covered) if covered else None,
        sum(part.unknown for part in every), sum(totals) if totals else None,
    )  # fmt: skip


def run_job(job: Job, scale: float, seeds: int) -> dict[str, Tally]:
    """One batch, found by its place, so that it can be sent to another process."""
    scenario = _played()[job.scenario]
    return play(
        scenario, list(scenario.effects())[job.effect], job.start, job.files, job.generator(), job.seed,
        lambda way: share_of(way.files or scenario.files, scale, seeds),
    )  # fmt: skip


@cache
def _played() -> tuple[Scenario, ...]:
    return everything()


def everything() -> tuple[Scenario, ...]:
    """Decisions, prices, lending, access: a scenario's place is part of its generators, so that new ones come last."""
    return (*scenarios(), *priced_scenarios(), *lending_scenarios(), *access_scenarios())


def board(
    played: tuple[Scenario, ...], seeds: Sequence[int], scale: float, kept: Path | None, processes: int,
    announce: Callable[[str], None], chosen: Sequence[int] | None = None,
) -> Results:  # fmt: skip
    """Play every job of the chosen scenarios not yet kept, in so many processes, and add up all of them."""
    todo, key = jobs(played, seeds, scale, chosen), f"{code_digest()} {scale:g} {len(seeds)}"
    done = _read(kept, key) if kept else {}
    missing = [job for job in todo if job not in done]
    announce(f"{len(todo) - len(missing)} of {len(todo)} batches kept from before")
    with ProcessPoolExecutor(processes) as pool:
        waiting = {pool.submit(run_job, job, scale, len(seeds)): job for job in missing}
        for count, future in enumerate(as_completed(waiting), 1):
            job = waiting[future]
            done[job] = future.result()
            if kept:
                _keep(kept, key, job, done[job])
            announce(f"{len(todo) - len(missing) + count} of {len(todo)} batches; {played[job.scenario].name}")
    return collect(played, {job: done[job] for job in todo})


def collect(played: tuple[Scenario, ...], done: Mapping[Job, Mapping[str, Tally]]) -> Results:
    """(scenario, effect's name, practice) → seed → tally."""
    parts: dict[tuple[int, str, str], dict[int, list[Tally]]] = defaultdict(lambda: defaultdict(list))
    for job, tallies in sorted(done.items(), key=lambda item: item[0].generator()):
        effect = list(played[job.scenario].effects())[job.effect]
        for name, tally in tallies.items():
            parts[job.scenario, effect, name][job.seed].append(tally)
    return {key: {seed: add(tallies) for seed, tallies in seeds.items()} for key, seeds in parts.items()}


def checks(
    played: tuple[Scenario, ...], results: Results, chosen: Sequence[int] | None = None
) -> dict[tuple[int, str, str, str], Check]:
    """(scenario, effect, practice, target) → check over all seeds together, for our practices only.

    The bands are those of the chosen scenarios' checks together, by default of all.
    """
    asked = [
        ((s, effect, name, target.name), count, target)
        for s in (range(len(played)) if chosen is None else chosen) for effect in played[s].effects()
        for name, way in played[s].ways.items() if way.who != NAIVE
        for count, target in way.plan.get(effect, ())
    ]  # fmt: skip
    found = {}
    for key, count, target in asked:
        tally = add(results[key[0], key[1], key[2]].values())
        value = getattr(tally, count)
        found[key] = check(target, 0 if value is None else value, tally.replicates, len(asked))
    return found


def code_digest() -> str:
    """Over all that the figures depend on: modules of ours that are loaded, but for pages and bands, and the packs."""
    questions()
    files = {
        name: Path(module.__file__)
        for name, module in sys.modules.items()
        if name.startswith(("audits.", "checks.", "tests.truth.board.")) and not name.endswith(("page", ".bands"))
        and getattr(module, "__file__", None)
    }  # fmt: skip
    files |= {f"packs/{file.name}": file for file in PACKS_FOLDER.glob("*.yaml")}
    whole = hashlib.sha256()
    for name, file in sorted(files.items()):
        whole.update(name.encode() + b"\0" + file.read_bytes())
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
