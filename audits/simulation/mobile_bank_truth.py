"""What is true of the simulated bank on a phone, worked out from its law without a draw.

The table holds every kind of person with his probability; nothing here is shared with what audits compute.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audits.simulation.mobile_bank import (
    AGE_SHARES,
    AGES,
    BRANCH,
    CLASSES,
    DEVICES,
    INCOMES,
    NETWORKS,
    REGIONS,
    Columns,
    MobileBank,
)
from audits.simulation.mobile_bank_people import SPREAD, amounts
from audits.simulation.population import Floats
from checks.inputs.contract import DRIVERS

STAGES = ("reach", "start", "identity", "submit", "decision", "price")
YOUNG, PRIME, MIDDLE, OLDEST = "under 25", "25-39", "40-59", "60+"
_BANDS = {YOUNG: (0,), PRIME: (1,), MIDDLE: (2,), OLDEST: (3, 4), "62+": (4,)}
_DECISION = STAGES.index("decision")


def truth(world: MobileBank) -> dict[str, float]:
    """Figures by name, of a group as ``figure[group]``, of a stage as ``figure[stage, group]``.

    Ratios of stages, of the whole way (``cumulative_ratio`` of the people there are, ``approved_ratio`` from being
    reached to the decision), within networks from being reached on, of the elderly, of thin files, of channels; the
    share with access and Erreygers' index of it along income, of everyone in the market and, ``_of_decided``, of those
    decided; services without a person or not accessible, drivers of vulnerability without a group.
    """
    table = _Table(world)
    told = {group.get("driver") for group in world.shared_contract()["groups"].values()}
    return {
        **_funnel(table), **_elderly(world, table), **_thin(world, table), **_channels(world, table),
        **_concentration(table), "elderly_points_lost": float(world.age_malus),
        "no_traditional_channel_cases": float(world.no_branch), "inaccessible_service_cases": float(world.no_branch),
        "missing_vulnerability_drivers": float(len(set(DRIVERS) - told)),
    }  # fmt: skip


class _Table:
    """Every kind of person (C,): ``weight`` his probability, ``at`` what the law reads, ``came`` (C, 6) the chance to
    pass each stage, and all before it."""

    def __init__(self, world: MobileBank) -> None:
        axes = (len(AGES), len(REGIONS), len(NETWORKS), len(DEVICES), len(INCOMES) - 1, 2, 2, CLASSES)
        band, region, network, device, income, helped, thin, risk = (
            index.ravel() for index in np.indices(axes)
        )  # fmt: skip
        old = (band >= _BANDS[OLDEST][0]).astype(int)
        county, poor = np.array(world.county)[old], np.array(world.poor_network)[region]
        by_help, by_file = np.array(world.helped)[old], np.array(world.thin)[old]
        self.weight = (
            np.array(AGE_SHARES)[band] * np.where(region, county, 1 - county) * np.where(network, poor, 1 - poor)
            * np.array(world.devices)[old, device] * np.array(world.incomes)[old, income]
            * np.where(helped, by_help, 1 - by_help) * np.where(thin, by_file, 1 - by_file)
            * world.risks(old.astype(bool))[np.arange(len(old)), risk]
        )  # fmt: skip
        self.band, self.region, self.network, self.income = band, region, network, income
        self.at: Columns = {
            "elderly": old.astype(bool), "network": network, "device": device, "income_class": income,
            "helped": helped.astype(bool), "thin": thin.astype(bool), "risk": risk,
        }  # fmt: skip
        at = self.at
        self.none_failed = (1 - world.fails_face(at)) * (1 - world.fails_otp(at))
        self.rescued = world.tries(at) * world.recovers(at)
        proved = self.none_failed * world.stays(at) + (1 - self.none_failed) * self.rescued
        self.chance_approved = world.approves(world.score_class(at))
        steps = (
            world.reaches(at), world.starts(at), proved, world.submits(at), self.chance_approved,
            np.full(len(band), world.taken * (1 - world.late)),
        )  # fmt: skip
        self.came = np.cumprod(np.column_stack(steps), axis=1)

    def of(self, group: str) -> NDArray[np.bool_]:
        """Who is of an age band, or of a region."""
        if group in REGIONS:
            return np.asarray(self.region == REGIONS.index(group))
        return np.isin(self.band, _BANDS[group])

    def share(self, chance: Floats, given: Floats | NDArray[np.bool_]) -> float:
        """Mean of ``chance`` over people weighted by ``given``."""
        return float((self.weight * given * chance).sum() / (self.weight * given).sum())


def _funnel(table: _Table) -> dict[str, float]:
    found: dict[str, float] = {}
    county = REGIONS[1]
    for group, reference in ((OLDEST, PRIME), (MIDDLE, PRIME), (YOUNG, PRIME), (county, REGIONS[0])):
        mine, theirs = (table.weight * table.of(one) for one in (group, reference))
        own, other = (np.append(w.sum(), w @ table.came) for w in (mine, theirs))
        ratios = (own[1:] / own[:-1]) / (other[1:] / other[:-1])
        found |= {f"stage_ratio[{stage}, {group}]": float(r) for stage, r in zip(STAGES, ratios, strict=True)}
        found[f"cumulative_ratio[{group}]"] = float(np.prod(ratios))
        found[f"approved_ratio[{group}]"] = float(np.prod(ratios[1 : _DECISION + 1]))
        found |= _adjusted(table, mine, theirs, group)
    found["population_reach_share"] = table.share(table.came[:, 0], table.weight > 0)
    for group in (OLDEST, PRIME):
        found[f"population_reach_share[{group}]"] = table.share(table.came[:, 0], table.of(group))
    return found


def _adjusted(table: _Table, mine: Floats, theirs: Floats, group: str) -> dict[str, float]:
    """From being reached on, over what the reference would do in the networks of the group's people; and as it is."""
    own = np.stack([(mine * (table.network == i)) @ table.came for i in range(len(NETWORKS))])
    other = np.stack([(theirs * (table.network == i)) @ table.came for i in range(len(NETWORKS))])
    level = own.sum(axis=0) / (own[:, :1] * other / other[:, :1]).sum(axis=0)
    whole, reference = own.sum(axis=0), other.sum(axis=0)
    stages = {
        f"adjusted_stage_ratio[{stage}, {group}]": float(level[i] / level[i - 1])
        for i, stage in enumerate(STAGES) if i
    }  # fmt: skip
    return {
        **stages, f"adjusted_cumulative_ratio[{group}]": float(level[-1]),
        f"ratio_from_reach[{group}]": float(whole[-1] / whole[0] / (reference[-1] / reference[0])),
    }  # fmt: skip


def _elderly(world: MobileBank, table: _Table) -> dict[str, float]:
    old, at, started = table.at["elderly"], table.at, table.came[:, 1]
    older, done = np.isin(table.band, _BANDS["62+"]), table.came[:, 3] / started

    def ratio(chance: Floats, given: Floats, who: NDArray[np.bool_]) -> float:
        return table.share(chance, given * who) / table.share(chance, given * ~who)

    own = np.stack([table.weight * started * old * (table.network == i) for i in range(len(NETWORKS))])
    other = np.stack([table.weight * started * ~old * (table.network == i) for i in range(len(NETWORKS))])
    expected = (own.sum(axis=1) * (other @ done) / other.sum(axis=1)).sum()
    return {
        "elderly_completion_ratio": ratio(done, started, old),
        "elderly_62_completion_ratio": ratio(done, started, older),
        "adjusted_elderly_completion_ratio": float((own @ done).sum() / expected),
        "verification_failure_ratio[face]": ratio(world.fails_face(at), started, old),
        "verification_failure_ratio[otp]": ratio(world.fails_otp(at), started, old),
        "verification_failure_ratio[all]": ratio(1 - table.none_failed, started, old),
        "fallback_success_ratio": ratio(table.rescued, started * (1 - table.none_failed), old),
        "completion_time_ratio": world.slower,
    }  # fmt: skip


def _thin(world: MobileBank, table: _Table) -> dict[str, float]:
    """Gaps are alike at every score and every risk, since the law is straight in both."""
    thin, sent = table.at["thin"], table.came[:, 3]
    approved = table.chance_approved
    filled = world.approves(world.score_class(table.at) + world.understated * thin)
    automatic = (1 - approved) * np.where(thin, world.thin_automatic, world.automatic)
    refused = table.weight * sent * (1 - approved) * thin
    return {
        "thin_file_share": table.share(thin.astype(float), thin | ~thin),
        "thin_file_approval_ratio": table.share(approved, sent * thin) / table.share(approved, sent * ~thin),
        "thin_file_repayment_gap": world.repaid_by * world.understated,
        "thin_file_approval_gap": world.approved_by * world.understated,
        "thin_file_price_gap_at_score": world.thin_markup / 100,
        "thin_file_price_gap": (1.5 * world.understated + world.thin_markup) / 100,
        "thin_file_automatic_ratio": table.share(automatic, sent * thin) / table.share(automatic, sent * ~thin),
        "thin_file_flip_share": float((refused * (filled - approved) / (1 - approved)).sum() / refused.sum()),
    }  # fmt: skip


def _channels(world: MobileBank, table: _Table) -> dict[str, float]:
    """Of approved people, by whether a person serves them."""
    approved = table.came[:, _DECISION]
    assisted = np.zeros(len(approved))
    for buying, share in ((True, world.buying), (False, 1 - world.buying)):
        at = {**table.at, "buying": np.full(len(approved), buying)}
        assisted += share * world.channel_chance(at)[:, BRANCH:].sum(axis=1)
    price = 1 + (world.assisted_price - 1) * assisted
    found = {
        "assisted_price_ratio": world.assisted_price, "assisted_fee_gap": world.assisted_fee,
        "digital_discount_gap": world.discount,
        f"channel_group_price_ratio[{OLDEST}]": table.share(price, approved * table.of(OLDEST))
        / table.share(price, approved * table.of(PRIME)),
    }  # fmt: skip
    return found | {f"assisted_share[{g}]": table.share(assisted, approved * table.of(g)) for g in (OLDEST, PRIME)}


def _concentration(table: _Table) -> dict[str, float]:
    """Access along income, 4 · its mean · C (Erreygers 2009), and amounts of those approved along it."""
    approved, sent = table.came[:, _DECISION], table.came[:, _DECISION - 1]
    found: dict[str, float] = {}
    for name, everyone in (("", np.ones(len(sent))), ("_of_decided", sent)):
        people, favoured = _by_class(table, everyone), _by_class(table, approved)
        level = float(favoured.sum() / people.sum())
        index = _index(people / people.sum(), favoured / people)
        found |= {f"access_share{name}": level, f"access_concentration_index{name}": 4 * level * index}
    lent, size = _by_class(table, approved), amounts(np.arange(len(INCOMES) - 1)) * np.mean(SPREAD)
    lent = lent / lent.sum()
    values = np.outer(amounts(np.arange(len(lent))), SPREAD) / (lent @ size)
    return {
        **found, "amount_concentration_index": _index(lent, size),
        "amount_theil_index": float(lent @ (values * np.log(values)).mean(axis=1)),
    }  # fmt: skip


def _by_class(table: _Table, given: Floats) -> Floats:
    """Share of the people in each class of income who are given."""
    return np.array([(table.weight * given * (table.income == i)).sum() for i in range(len(INCOMES) - 1)])


def _index(shares: Floats, means: Floats) -> float:
    """2 cov(h, rank) / mean of classes in order, the rank of a person being uniform in his class."""
    middle = np.cumsum(shares) - shares / 2
    return float(2 * (shares * means) @ middle / (shares @ means) - 1)
