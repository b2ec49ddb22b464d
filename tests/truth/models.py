"""What audits of a model find where the truth is known: proxies named, flips that see nothing, parts of a gap covered.

``python -m tests.truth.models [FILES]`` draws so many files an effect for each of three reserved seeds, fits and
registers a model on each, asks the questions, and writes docs/truth-models.md. Every third file has other names for
columns and labels. Beside ours stand what is customary: a flip of tenure, and the feature with the largest share of the
raw gap.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audits.explanation.paired_flips import PairedFlips
from audits.explanation.proxy_features import ProxyFeatures
from audits.simulation.catalogue import find_world
from audits.statistics.exact_tests import clopper_pearson_interval
from tests.fitted_worlds import modelled
from tests.programs import ROOT
from tests.questions import measure_program
from tests.registered import Registry

SEEDS, FILES, ROWS = (70_1101, 70_2202, 70_3303), 6, 6_000
PLANTED = {"A3": ("visits", (0.0, 0.1, 0.3), "gap_that_rides_on_visits"), "D2": ("trait", (0.0, 0.1, 0.3), None)}
NAMES = {
    "A3": {"visits": "App-Besuche (30 T)", "car": "地区", "mileage": "km / Jahr", "premium": "Prämie €"},
    "D2": {"trait": "Merkmal X", "risk": "pd %", "group": "region 2", "A": "North", "B": "south side"},
}
PAGE = ROOT / "docs/truth-models.md"


@dataclass(frozen=True, slots=True)
class Played:
    """What was found in one file: features named, the one with the largest raw gap, whether a flip saw anything.

    ``covered`` says whether the interval of what rides on the planted feature holds the truth, None without one.
    """

    named: tuple[str, ...]
    largest_raw: str
    flip: bool
    covered: bool | None


def play(code: str, effect: float, seed: int, names: dict[str, str], registry: Registry, folder: Path) -> Played:
    """One file: drawn, a model fitted and registered, asked."""
    world = find_world(code)
    program = modelled(folder / f"{code}-{effect}-{seed}", registry, world, ROWS, effect, seed, names)
    figures, _ = measure_program(program, ProxyFeatures(), folder / f"p{code}{effect}{seed}")
    own = [one for one in figures if one.measure == "proxy_carried_gap"]
    back = {new: old for old, new in names.items()}
    named = tuple(back.get(one.segment, one.segment) for one in own if one.details["named"])
    raw = max(own, key=lambda one: abs(one.details["raw_part"])).segment
    flips, _ = measure_program(program, PairedFlips(), folder / f"f{code}{effect}{seed}")
    seen = any(one.measure == "flip_output_change" and (one.low or 0.0) > 0 for one in flips)
    planted, _, truth = PLANTED[code]
    of = next(one for one in own if back.get(one.segment, one.segment) == planted)
    covered = None
    if truth is not None and of.low is not None and of.high is not None:
        covered = of.low <= world.truth(effect)[truth] <= of.high
    return Played(named, back.get(raw, raw), seen, covered)


def lines(files: int) -> list[str]:
    """Rows of the table, as they are played."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        registry = Registry(folder / "registry")
        os.environ["MLFLOW_TRACKING_URI"] = registry.uri
        for code, (planted, effects, _) in PLANTED.items():
            for effect in effects:
                played = [
                    play(code, effect, seed + i, NAMES[code] if i % 3 == 2 else {}, registry, folder)
                    for seed in SEEDS for i in range(files)
                ]  # fmt: skip
                found.append(_row(code, planted, effect, played))
                print(found[-1], flush=True)
    return found


def _row(code: str, planted: str, effect: float, played: list[Played]) -> str:
    n = len(played)
    right = sum(one.named == () if not effect else one.named[:1] == (planted,) for one in played)
    others = sum(bool(set(one.named) - {planted}) for one in played)
    raw = sum(one.largest_raw == planted for one in played)
    known = [one.covered for one in played if one.covered is not None]
    bounds = clopper_pearson_interval(right, n)
    low, high = float(np.asarray(bounds.low)), float(np.asarray(bounds.high))
    told = "nothing named" if not effect else f"`{planted}` named first"
    cover = f"{sum(known)} of {len(known)}" if known else "–"
    return (
        f"| {code} | {effect:g} | {told}: {right} of {n} ({low:.2f}–{high:.2f}) | {others} | {cover} | {raw} | "
        f"{sum(one.flip for one in played)} |"
    )


def main() -> None:
    """Play, print and write the page."""
    files, started = int(sys.argv[1]) if len(sys.argv) > 1 else FILES, time.perf_counter()
    table = lines(files)
    told = [
        "# Models of known truth", "",
        f"`python -m tests.truth.models {files}`: {files} files an effect for each of the reserved seeds "
        f"{', '.join(map(str, SEEDS))}, {ROWS:,} rows each, every third with other names for columns and labels; a "
        "LightGBM fitted on each file and registered in MLflow.", "",
        "A3: an insurer whose model takes app visits, which grow with tenure and tell nothing of cost; tenure is no "
        "input. D2: a lender whose score penalises a trait that stands in for the group. Effect 0 is the fair twin, "
        "which has the same columns.", "",
        "| world | effect | `explanation.proxy_features` | files in which another feature is named | interval of what "
        "rides on it holds the truth | customary: largest raw part of the gap is the planted one | customary: a flip "
        "sees anything |", "|---|---|---|---|---|---|---|", *table, "",
        f"Played in {(time.perf_counter() - started) / 60:.0f} minutes on two shared cores.", "",
    ]  # fmt: skip
    PAGE.write_text("\n".join(told), encoding="utf-8")


if __name__ == "__main__":
    main()
