"""Do certified figures of a remedy hold where the truth is known, and does choosing leak into them?

``python -m tests.truth.remedies [FILES] [SEED]`` plays the whole line on so many files of each effect (written, read,
drawn, searched with the lender's own training code, chosen, certified), every third with other names for columns and
labels, and prints a table. The truth of today's and of the chosen model, as they were trained, is a sum over the
population table. ``quick`` plays made-up scores without training, many of them noise, with a least gain that lets one
of them be chosen whatever it is worth: there the figures of the rows of the choice, taken as if they were certified,
are shown to fail.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from audits.evidence.remedy_rows import RemedyPart, RemedyRows, draw_remedy_rows
from audits.remedies.certificate import certify
from audits.remedies.certified_figures import Model, certified_figures
from audits.remedies.choice import Choice, choose
from audits.remedies.records import Candidate, Certified, Kind
from audits.remedies.retrained import MEASURE, Retraining, retraining_of
from audits.remedies.search import search
from audits.remedies.tried import Scorer
from audits.remedies.validation import Validator
from audits.remedies.workshop import Workshop
from audits.simulation.catalogue import find_world
from audits.simulation.population import Population
from audits.simulation.proxy import Proxy
from audits.simulation.write import Simulation, write_simulation
from audits.statistics.exact_tests import clopper_pearson_interval
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from checks.inputs.remedies import Remedies, Training
from checks.inputs.source import open_source
from checks.inputs.training_code import open_training

SEED, FILES, ROWS = 81_0101, 12, 20_000
EFFECTS = (0.0, 0.1, 0.3)
NAMES = {"trait": "Merkmal X", "risk": "pd %", "group": "region 2", "approved": "zugesagt", "A": "North", "B": "south"}
Truth = dict[str, float]


@dataclass(frozen=True, slots=True)
class Played:
    """One file: the outcome, what was chosen, and whether all bounds, the planted gain, and a leak were inside.

    ``inside`` says that every certified figure holds its truth at once, ``gain_inside`` that the gain's bounds hold
    what was planted, ``retrained_inside`` that those do which allow for training, ``leaked_inside`` that the rows of
    the choice, taken as if certified, hold theirs. None where nothing was chosen. ``gain`` was certified,
    ``leaked_gain`` is that of the rows of the choice, ``truth`` is true.
    """

    outcome: str
    chosen: str | None
    inside: bool | None = None
    gain_inside: bool | None = None
    leaked_inside: bool | None = None
    gain: float | None = None
    truth: float | None = None
    leaked_gain: float | None = None
    candidates: int = 0
    retrained_inside: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """Every kind of applicant as a model sees them: a frame (K, p), and the masses of who holds it.

    ``approved`` and ``repaid`` (2, K) are masses of group and kind that were approved and that repay, ``people`` all.
    """

    frame: pd.DataFrame
    people: np.ndarray
    approved: np.ndarray
    repaid: np.ndarray

    @classmethod
    def of(cls, people: Population, features: Sequence[str], names: Mapping[str, str]) -> Kinds:
        values = [people.values(name) for name in features]
        rows = list(product(*values))
        called = {names.get(name, name): [names.get(v, v) if isinstance(v, str) else float(v) for v in column]
                  for name, column in zip(features, zip(*rows, strict=True), strict=True)}  # fmt: skip
        joint = people.over("group", "approved", "repaid", *features).reshape(2, 2, 2, len(rows))
        return cls(pd.DataFrame(called), joint.sum(axis=(1, 2)), joint[:, 1].sum(axis=1), joint[:, :, 1].sum(axis=1))

    def truth(self, today: Model, chosen: Model) -> Truth:
        """Every certified figure of two fixed models, by its measure."""
        mass, repaid = self.people.sum(axis=0), self.repaid.sum(axis=0)

        def ratio(by_kind: np.ndarray) -> float:
            rate = by_kind.sum(axis=1) / self.people.sum(axis=1)
            return float(rate[1] / rate[0])

        def by(model: Model) -> np.ndarray:
            return self.people * model.chances

        def area(model: Model) -> float:
            _, place = np.unique(np.round(model.scores, 12), return_inverse=True)
            bad = np.bincount(place, mass - repaid)
            below = np.cumsum(bad) - bad / 2
            return float(repaid @ below[place] / (repaid.sum() * (mass - repaid).sum()))

        def outcome(model: Model) -> float:
            return float(repaid @ model.chances / (mass @ model.chances))

        return {
            "adverse_impact_ratio": ratio(by(chosen)),
            "adverse_impact_ratio_gain": ratio(by(chosen)) - ratio(by(today)),
            "recorded_adverse_impact_ratio": ratio(self.approved),
            "performance_difference": area(chosen) - area(today),
            "approved_share_difference": float(mass @ (chosen.chances - today.chances)),
            "outcome_rate_difference": outcome(chosen) - outcome(today),
        }


def inside(figures: Sequence[Certified], truth: Truth) -> bool:
    """Whether the bounds of all figures hold their truth at once; a figure without bounds holds nothing."""
    return all(_holds(one.low, one.high, truth[one.measure]) for one in figures)


def _holds(low: float | None, high: float | None, truth: float) -> bool:
    return low is not None and high is not None and low - 1e-12 <= truth <= high + 1e-12


def judged(
    rows: RemedyRows, scorers: Mapping[str, Scorer | None], choice: Choice, validator: Validator, remedies: Remedies,
    kinds: Kinds, planted: float | None, again: Retraining | None = None,
) -> Played:  # fmt: skip
    """The certificate set beside the truth."""
    found = certify(rows.untouched, scorers, choice, validator, remedies, rows.references, retrained=again)
    if choice.chosen is None:
        return Played(found.outcome, None, candidates=len(scorers))
    truth = kinds.truth(*(_on(kinds.frame, scorers[one], validator) for one in ("today", choice.chosen)))
    today, chosen = (_on(rows.validation.features, scorers[one], validator) for one in ("today", choice.chosen))
    leaked = certified_figures(rows.validation, today, chosen, remedies, rows.references, {})
    gain, leaked_gain = (
        next(one for one in figures if one.measure == "adverse_impact_ratio_gain")
        for figures in (found.figures, leaked)
    )
    retrained = next((one for one in found.figures if one.measure == MEASURE and one.low is not None), None)
    fixed = [one for one in found.figures if one.measure != MEASURE]
    return Played(
        found.outcome, choice.chosen, inside(fixed, truth),
        None if planted is None else _holds(gain.low, gain.high, planted),
        inside(leaked, truth), gain.estimate, truth["adverse_impact_ratio_gain"],
        leaked_gain.estimate, len(scorers),
        None if planted is None or retrained is None else _holds(retrained.low, retrained.high, planted),
    )  # fmt: skip


def _on(frame: pd.DataFrame, scorer: Scorer | None, validator: Validator) -> Model:
    assert scorer is not None
    scores = scorer.scores(frame)
    return Model(scores, validator.approver(scorer).chances(scores))


def play(code: str, effect: float, seed: int, names: Mapping[str, str], folder: Path, rows: int = ROWS) -> Played:
    """The whole line on one file."""
    world = find_world(code)
    written = write_simulation(Simulation(world, rows, effect, seed, names), folder / f"{code}-{effect}-{seed}")
    program = read_program(written.program)
    remedies = program.remedies
    assert remedies is not None
    with open_source(program, read_period("all")) as source:
        drawn = draw_remedy_rows(source, remedies, program.contract, program.seed)
    validator = Validator(drawn.validation, remedies, drawn.references)
    features = tuple(dict.fromkeys(program.contract.features))
    tried = search(drawn, remedies, open_training(program), features, program.seed, validator, lambda _: None)
    choice = choose([one.candidate for one in tried], remedies, validator.of, validator.error_between)
    back = {new: old for old, new in names.items()}
    kinds = Kinds.of(world.population(effect), [back.get(name, name) for name in features], names)
    planted = world.truth(effect)["remedy_gain"] if effect else None
    scorers = {one.candidate.id: one.scorer for one in tried}
    shop = Workshop(drawn, remedies, open_training(program), features, program.seed, validator, lambda _: None)
    again = retraining_of(shop, {one.id: one for one in choice.candidates}, scorers, choice.chosen, program.seed)
    return judged(drawn, scorers, choice, validator, remedies, kinds, planted, again)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A score by risk and trait, (bands, 2), and by noise, (levels,), of the noise column named."""

    by_risk: np.ndarray
    noise: str
    by_noise: np.ndarray

    def scores(self, features: pd.DataFrame) -> np.ndarray:
        risk = features["risk"].to_numpy().astype(int) - 1
        score = self.by_risk[risk, features["trait"].to_numpy().astype(int)]
        return np.asarray(score + self.by_noise[features[self.noise].to_numpy().astype(int)])


NOISE, LEVELS = ("n0", "n1"), 12


def quick(
    effect: float, seed: int, rows: int = 4_000, candidates: int = 60, least_gain: float = 0.0, loss: float = 0.5
) -> Played:
    """Scores by cell of the training rows, and ``candidates`` of them with noise added, chosen without a bar.

    The noise of each is the same in another order, so that all are worth the same and accident alone chooses.
    """
    world, rng = Proxy(), np.random.default_rng(seed)
    people = world.population(effect)
    training, validation, untouched = (
        _part(people, rows // 4 * size, rng, start) for start, size in ((0, 2), (rows, 1), (2 * rows, 1))
    )
    drawn = RemedyRows(training, validation, untouched, {"group": "A"}, rows, 0, rows)
    remedies = Remedies(Training("none.py"), target="decision", least_gain=least_gain, loss=loss)
    still, zero = np.zeros(LEVELS), NOISE[0]
    cells, bands = _cell_means(drawn.training)
    models = {"today": Table(cells, zero, still), "without-trait": Table(bands, zero, still)}
    for i in range(candidates):
        models[f"noise-{i:02}"] = Table(cells, NOISE[i % 2], rng.permutation(np.linspace(-0.3, 0.3, LEVELS)))
    if not least_gain:
        del models["without-trait"]  # what noise alone makes of the choice
    validator = Validator(drawn.validation, remedies, drawn.references)
    filled = [
        validator(Candidate(name, _kind(name), name, ("risk", "trait", *NOISE)), one) for name, one in models.items()
    ]
    choice = choose(filled, remedies, validator.of, validator.error_between)
    kinds = _with_noise(Kinds.of(people, ["risk", "trait"], {}))
    planted = world.truth(effect)["remedy_gain"] if effect and least_gain else None
    return judged(drawn, models, choice, validator, remedies, kinds, planted)


def _kind(name: str) -> Kind:
    return "today" if name == "today" else "without_features" if name == "without-trait" else "hyperparameters"


def _part(people: Population, size: int, rng: np.random.Generator, start: int) -> RemedyPart:
    shape = people.probability.shape
    drawn = np.unravel_index(rng.choice(people.probability.size, size, p=people.probability.ravel()), shape)
    pairs = zip(people.columns, drawn, strict=True)
    at = {column.name: np.array(column.values, dtype=object)[place] for column, place in pairs}
    frame = {"risk": at["risk"].astype(float), "trait": at["trait"].astype(float)}
    frame |= {name: rng.integers(0, LEVELS, size).astype(float) for name in NOISE}
    decision, outcome = (at[name].astype(float) for name in ("approved", "repaid"))
    return RemedyPart(pd.DataFrame(frame), decision, decision, outcome, {"group": at["group"]}, start + np.arange(size))


def _cell_means(part: RemedyPart) -> tuple[np.ndarray, np.ndarray]:
    """Shares approved by risk and trait, and by risk alone on both places of the trait, drawn to the mean a little."""
    risk, trait = (part.features[name].to_numpy().astype(int) for name in ("risk", "trait"))
    yes, all_ = np.zeros((10, 2)), np.zeros((10, 2))
    np.add.at(yes, (risk - 1, trait), part.decision)
    np.add.at(all_, (risk - 1, trait), 1.0)
    mean = part.decision.mean()
    alone = (yes.sum(axis=1) + 5 * mean) / (all_.sum(axis=1) + 5)
    return (yes + 5 * mean) / (all_ + 5), np.stack([alone, alone], axis=1)


def _with_noise(kinds: Kinds) -> Kinds:
    """The kinds crossed with both noise columns, each evenly spread and of no bearing."""
    pairs = pd.DataFrame(list(product(range(LEVELS), repeat=2)), columns=list(NOISE)).astype(float)
    frame = kinds.frame.merge(pairs, how="cross")
    masses = (np.repeat(one, len(pairs), axis=1) / len(pairs) for one in (kinds.people, kinds.approved, kinds.repaid))
    return Kinds(frame, *masses)


def row(name: str, played: Sequence[Played]) -> str:
    """A line of the table."""
    chosen = [one for one in played if one.chosen is not None]

    def share(flags: Sequence[bool | None]) -> str:
        told = [flag for flag in flags if flag is not None]
        if not told:
            return "–"
        low, high = _band(sum(told), len(told))
        return f"{sum(told)} of {len(told)} ({low:.3f}–{high:.3f})"

    gains = [one.truth for one in chosen if one.truth is not None]
    return (
        f"| {name} | {len(played)} | {np.mean([one.candidates for one in played]):.0f} "
        f"| {sum(one.outcome == 'certified' for one in played)} | {len(chosen)} "
        f"| {share([one.inside for one in chosen])} | {share([one.gain_inside for one in chosen])} "
        f"| {share([one.retrained_inside for one in chosen])} "
        f"| {share([one.leaked_inside for one in chosen])} | {np.mean(gains) if gains else float('nan'):.4f} |"
    )


def _band(count: int, total: int) -> tuple[float, float]:
    found = clopper_pearson_interval(count, total)
    return float(found.low), float(found.high)


HEAD = (
    "| world | files | candidates | certified | chosen | all figures inside | planted gain inside "
    "| planted gain inside, training allowed for | rows of the choice inside | true gain |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def main(files: int = FILES, seed: int = SEED) -> None:
    """Print the table, line by line."""
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as name:
        for code, effect in product(("D2", "D2M"), EFFECTS):
            start = time.perf_counter()
            played = [
                play(code, effect, seed + i, NAMES if i % 3 == 2 else {}, Path(name)) for i in range(files)
            ]  # fmt: skip
            print(row(f"{code} at {effect:g}", played), f"{(time.perf_counter() - start) / files:.1f} s", flush=True)
    for effect in EFFECTS:
        print(row(f"noise chosen, {effect:g}", [quick(effect, seed + i) for i in range(20 * files)]), flush=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
