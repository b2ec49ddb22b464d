"""All worlds. Adding one is a file, or a class in the file of its family, and a line here."""

from __future__ import annotations

from audits.simulation.app_visits import AppVisits
from audits.simulation.approved_only import ApprovedOnly
from audits.simulation.estimated_risk import EstimatedRisk
from audits.simulation.intersections import Intersections
from audits.simulation.lost_on_the_way import LostOnTheWay
from audits.simulation.loyal_customers import CostError, LoyalCheaper, LoyalDearer, PriceWalking
from audits.simulation.many_groups import ManyGroups
from audits.simulation.motor_renewals import MotorRenewals
from audits.simulation.noisy_groups import NoisyGroups
from audits.simulation.poor_network import HiddenByNetwork, PoorNetwork
from audits.simulation.proxy import Proxy
from audits.simulation.pushes import PushesWithoutHoldout, TargetedPushes
from audits.simulation.repeated import Repeated
from audits.simulation.returning_customers import ReturningCustomers
from audits.simulation.same_ratio import SameRatio
from audits.simulation.scored_loans import ScoredLoans
from audits.simulation.steered_loans import SteeredLoans, SteeredThoughEligible
from audits.simulation.strata import Strata
from audits.simulation.thin_files import ThinFiles, ThinFilesApprovedOnly
from audits.simulation.true_risk import TrueRisk
from audits.simulation.world import World
from checks.problem import InputError, Problem, suggest

WORLDS: tuple[type[World], ...] = (
    TrueRisk, Proxy, ScoredLoans, Strata, ApprovedOnly, ManyGroups, NoisyGroups, Repeated, SameRatio, EstimatedRisk,
    Intersections, LoyalCheaper, LoyalDearer, AppVisits, CostError, PriceWalking, ReturningCustomers, MotorRenewals,
    SteeredLoans, SteeredThoughEligible,
    TargetedPushes, PushesWithoutHoldout,
    LostOnTheWay, PoorNetwork, HiddenByNetwork,
    ThinFiles, ThinFilesApprovedOnly,
)  # fmt: skip


def find_world(name: str) -> World:
    """The world of this name or code, with its default parameters. Raises ``InputError`` with the nearest name."""
    for kind in WORLDS:
        if name.strip().casefold() in (kind.name, kind.code.casefold()):
            return kind()
    names = [kind.name for kind in WORLDS]
    codes = [kind.code for kind in WORLDS]
    raise InputError(Problem(
        "WORLD", f"'{name}'", f"one of {', '.join(f'{a} ({b})' for a, b in zip(names, codes, strict=True))}",
        suggest(name, [*names, *codes]),
    ))  # fmt: skip


def describe() -> list[str]:
    """One line a world: its name, its code, what it is."""
    wide = max(len(kind.name) for kind in WORLDS)
    return [
        f"{kind.name:<{wide}}  {kind.code}  {kind.summary} (for instance --effect {kind.example_effect:g}, "
        f"at most {kind.largest_effect:g})"
        for kind in WORLDS
    ]
