"""The board in a quick form: our practices alone, few files, bands no narrower than the whole board's."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from audits.simulation.intersections import Intersections
from tests.truth.board.bands import (
    Check,
    Target,
    check,
)
from tests.truth.board.lines import scenarios
from tests.truth.board.replicates import play
from tests.truth.board.scenarios import (
    NAIVE,
    Scenario,
)

CHECKS = 300  # about as many as the whole board has, so that the bands here are no narrower
FEW = 6  # files of which a question is asked in the quick form
SEED = 5


def quick(scenario: Scenario) -> Scenario:
    """The same without customary practice, and with a smaller family of subgroups where they are scanned."""
    own = {name: way for name, way in scenario.ways.items() if way.who != NAIVE}
    if isinstance(scenario.world, Intersections):
        world = Intersections(levels=(2, 2, 3, 4), harmed=(0, 2, 3))
        return replace(
            scenario, world=world, ways=own, multiplicity=world.subgroups(), family=world.subgroups(), rows=20_000
        )
    return replace(scenario, ways=own)


def outcome(
    scenario: Scenario, size: int, effects: tuple[str, ...] = (), only: Target | None = None
) -> dict[str, Check]:
    """'practice: target, effect' → check; one target only where it is named."""
    found = {}
    every = dict.fromkeys(effect for way in scenario.ways.values() for effect in way.plan)
    for e, effect in enumerate(every):
        asked = {
            name: [pair for pair in way.plan.get(effect, ()) if only in (None, pair[1])]
            for name, way in scenario.ways.items()
        }
        if not any(asked.values()) or (effects and effect not in effects):
            continue
        tallies = play(scenario, effect, 0, size, [SEED, e], SEED, lambda way: FEW if way.files else size)
        for name, tally in tallies.items():
            for count, target in asked[name]:
                value = getattr(tally, count) or 0
                found[f"{name}: {target.name}, {effect}"] = check(target, value, tally.replicates, CHECKS)
    return found


@cache
def played() -> dict[str, Scenario]:
    return {scenario.name: quick(scenario) for scenario in scenarios()}
