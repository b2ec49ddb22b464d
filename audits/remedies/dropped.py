"""Candidates without some of the features.

Each feature is left out alone; then greedily up to three together, as long as the validated gain rises. Two features
that say the same of a group bring nothing when only one of them is left out, so that those which tell the group best
are also left out together.
"""

from __future__ import annotations

from collections.abc import Sequence

from audits.remedies.records import Candidate
from audits.remedies.workshop import TRIFLE, Workshop, gain_of, slug
from checks.sentence import joined, said, template

MOST, _FURTHER, _TOGETHER = 30, 12, 3  # features left out alone, tried as further ones, left out together
NOT_ALONE = template(
    "{untried:,} of {all:,} features were not left out alone: only the {most:,} that tell the groups best were."
)


def trainings(shop: Workshop) -> int:
    """At most how many models this family trains."""
    many, left = min(len(shop.changeable), MOST), len(shop.blind)
    together = [size for size in range(2, _TOGETHER + 1) if many >= size < left]
    return (
        bool(shop.of_groups) + (many if left > 1 else 0) + sum(min(many - size + 1, _FURTHER) + 1 for size in together)
    )


def without_features(shop: Workshop) -> tuple[str, ...]:
    """Try them; returns the set whose absence brings most, those that keep to the floor first, or ()."""
    if shop.of_groups:
        _without_groups(shop)
    order = shop.by_telling(shop.changeable)[:MOST]
    untried = len(shop.changeable) - len(order)
    if untried:
        shop.notes.append(said(NOT_ALONE, untried=untried, all=len(shop.changeable), most=MOST))
    found: dict[tuple[str, ...], Candidate] = {}
    for name in order:
        _try(shop, (name,), found)
    for size in range(2, _TOGETHER + 1):
        _try(shop, tuple(order[:size]), found)
    base: tuple[str, ...] = ()
    for _ in range(_TOGETHER):
        best = max(found, key=lambda names: shop.better(found[names]), default=())
        if not best or best == base or gain_of(found[best]) <= (gain_of(found[base]) if base else 0.0) + TRIFLE:
            break
        base = best
        for name in _further(order, found, base):
            _try(shop, (*base, name), found)
    return _best(shop, found)


def _without_groups(shop: Workshop) -> None:
    """Today's model without the features that hold the groups themselves, where anything is left."""
    if not shop.blind:
        return
    words = said("without {features}, which tells the group itself", features=joined(shop.of_groups, ", "))
    candidate = Candidate("-".join(["without", *map(slug, shop.of_groups)]), "without_features", words, shop.blind)
    shop.attempt(candidate, lambda: shop.train(words, shop.blind))


def _best(shop: Workshop, found: dict[tuple[str, ...], Candidate]) -> tuple[str, ...]:
    """The smallest set within a trifle of the largest gain of those that keep to the floor, else of all."""
    gains = {names: gain_of(one) for names, one in found.items() if gain_of(one) > TRIFLE}
    kept = {names: gain for names, gain in gains.items() if shop.keeps_floor(found[names])} or gains
    near = [names for names, gain in kept.items() if gain >= max(kept.values()) - TRIFLE]
    return min(near, key=lambda names: (len(names), -kept[names]), default=())


def _further(order: Sequence[str], found: dict[tuple[str, ...], Candidate], base: Sequence[str]) -> list[str]:
    """Features that may join those left out, those first whose own absence brought most."""
    if len(base) >= _TOGETHER:
        return []
    rest = [name for name in order if name not in base]
    return sorted(rest, key=lambda name: -gain_of(found[name,]) if (name,) in found else 0.0)[:_FURTHER]


def _try(shop: Workshop, dropped: tuple[str, ...], found: dict[tuple[str, ...], Candidate]) -> None:
    left = shop.without(dropped)
    if not dropped or not left or any(set(dropped) == set(names) for names in found):
        return
    words = said("without {features}", features=joined(dropped, ", "))
    candidate = Candidate("-".join(["without", *map(slug, dropped)]), "without_features", words, left)
    found[dropped] = shop.attempt(candidate, lambda: shop.train(words, left))
