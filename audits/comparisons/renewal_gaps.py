"""Renewals that cannot be compared, by segment; closed books; and what would answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from audits.comparisons.renewal_cells import (
    CHANNEL,
    PAYMENT,
    PRODUCT,
    TENURE,
    Labels,
    Renewals,
    by,
    dimensions,
    total,
)
from audits.record import NotAnswered
from checks.inputs.contract import DataContract
from checks.sentence import Sentence, joined, said, template

MISSING, CLOSED, OPEN = "missing", "closed", "open"
MOST_SEGMENTS = 50  # lines of the record; the rest is added up in one more
_GIVE_PRICE = said("give each renewal the price that a new customer would be asked for the same cover")
_OF = {
    CHANNEL: template("channel {label}"), PRODUCT: template("product {label}"),
    PAYMENT: template("payment method {label}"),
}  # fmt: skip


def shown(label: str | None, labels: Iterable[str | None]) -> str:
    """The name of a group; a missing label is a group of its own, under a name that no other has."""
    if label is not None:
        return label
    name, taken = MISSING, set(labels)
    while name in taken:
        name = f"({name})"
    return name


def missing(
    question: str, found: Mapping[Labels, Renewals], everyone: Renewals, contract: DataContract
) -> Iterator[NotAnswered]:
    """What the contract or the data leave open."""
    if everyone.compared:
        yield from _segments(question, found, contract)
    elif everyone.renewals:
        yield NotAnswered(
            f"{question}: renewal_above_enbp_cases",
            said("none of {renewals:,} renewals has both a price and a new-customer price", renewals=everyone.renewals),
            _GIVE_PRICE,
        )  # fmt: skip
    named = dimensions(contract)
    for name, needed in _DECLARE.items():
        if name not in named:
            yield NotAnswered(f"{question}: {name}", *needed)
    yield from _unknown_values(question, everyone)


_DECLARE = {
    CHANNEL: (said("the contract names no channel"), said("name its column under 'terms: {{channel: …}}'")),
    PRODUCT: (said("the contract names no product"), said("name its column under 'terms: {{product: …}}'")),
    PAYMENT: (
        said("the contract names no payment method"), said("name its column under 'terms: {{payment_method: …}}'")
    ),
    TENURE: (
        said("the contract declares no tenure, so that every quote counts as a renewal"),
        said("declare 'tenure', with 0 for new customers"),
    ),
}  # fmt: skip


def _unknown_values(question: str, one: Renewals) -> Iterator[NotAnswered]:
    pairs = (("incentive", one.without_incentive), ("new_customer_incentive", one.without_new_incentive))
    for key, lacking in pairs:
        if lacking:
            yield NotAnswered(
                f"{question}: {key}",
                said("{lacking:,} of {compared:,} compared renewals have no value", lacking=lacking,
                     compared=one.compared),
                said("write 0 where there was none"),
            )  # fmt: skip
    if one.unknown_tenure or one.below_zero:
        yield NotAnswered(
            f"{question}: tenure",
            said(
                "the tenure of {unknown:,} quotes is unknown, that of {below:,} below zero",
                unknown=one.unknown_tenure, below=one.below_zero,
            ),
            said("correct it in the source"),
        )  # fmt: skip


def _segments(question: str, found: Mapping[Labels, Renewals], contract: DataContract) -> Iterator[NotAnswered]:
    """Channel × product × payment method in which no renewal can be compared."""
    names = [name for name in dimensions(contract) if name != TENURE]
    places = [list(dimensions(contract)).index(name) for name in names]
    unanswered = [(key, one) for key, one in by(found, places).items() if one.renewals and not one.compared]
    for labels, one in unanswered[:MOST_SEGMENTS]:
        yield NotAnswered(
            f"{question}: renewal_above_enbp_share",
            said(
                "none of {renewals:,} renewals has a new-customer price to compare with: {segment}",
                renewals=one.renewals, segment=_segment(names, labels),
            ),
            _GIVE_PRICE,
        )  # fmt: skip
    if rest := unanswered[MOST_SEGMENTS:]:
        yield NotAnswered(
            f"{question}: renewal_above_enbp_share",
            said(
                "none of {renewals:,} renewals of {segments:,} more segments has a new-customer price to compare with",
                renewals=total(one for _, one in rest).renewals, segments=len(rest),
            ),
            _GIVE_PRICE,
        )  # fmt: skip


def _segment(names: Iterable[str], labels: Labels) -> Sentence:
    parts = [said(_OF[name], label=label or said("missing")) for name, label in zip(names, labels, strict=True)]
    return joined(parts)


def books(
    question: str, found: Mapping[Labels, Renewals], contract: DataContract
) -> tuple[dict[str, Renewals], list[NotAnswered]]:
    """Renewals of closed and of open books; a book is a product in a channel. Closed: not one new customer."""
    names = list(dimensions(contract))
    if not {PRODUCT, TENURE} <= set(names):
        return {}, [NotAnswered(
            f"{question}: book", said("closed books are told by products and by the tenure of their customers"),
            said("name the product under 'terms: {{product: …}}' and declare 'tenure'"),
        )]  # fmt: skip
    if not total(found.values()).new_customers:
        return {}, [NotAnswered(
            f"{question}: book", said("the data hold no new customer, so that closed books cannot be told from open"),
            said("add the quotes of new customers, with tenure 0"),
        )]  # fmt: skip
    places = [names.index(name) for name in (PRODUCT, CHANNEL) if name in names]
    sides: dict[str, Renewals] = {}
    nowhere = 0
    for labels, one in by(found, places).items():
        if labels[0] is None:
            nowhere += one.renewals
        elif one.renewals:
            side = OPEN if one.new_customers else CLOSED
            sides[side] = sides.get(side, Renewals()) + one
    return sides, list(_unanswered_books(question, sides.get(CLOSED, Renewals()), nowhere))


def _unanswered_books(question: str, closed: Renewals, nowhere: int) -> Iterator[NotAnswered]:
    if nowhere:
        yield NotAnswered(
            f"{question}: book", said("{nowhere:,} renewals have no product, so that their book is unknown",
                                      nowhere=nowhere), said("give every quote its product"),
        )  # fmt: skip
    if lacking := closed.renewals - closed.compared:
        yield NotAnswered(
            f"{question}: book",
            said("{lacking:,} of {renewals:,} renewals of closed books have no new-customer price to compare with",
                 lacking=lacking, renewals=closed.renewals),
            said("give them the price of the most similar product that is still sold to new customers"),
        )  # fmt: skip
