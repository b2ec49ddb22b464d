"""The data contract: which column plays which role, and what the values must look like.

One vocabulary of roles serves the contract, the audit questions and the policies. The
contract is read from the ``contract:`` block of a program file; it names columns and never
touches data. ``columns_used`` says which columns an audit reads, and nothing else is read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from checks.inputs.yaml_reader import Place

COLUMN_ROLES = ("unit", "entity", "score", "cost", "new_customer_price", "weight")
LIST_ROLES = ("strata", "controls", "features", "funnel")
BLOCK_ROLES = ("loan", "terms")
LOAN_KEYS = ("amount", "term_months", "instalment", "fees", "disclosed_apr", "originated_at")
TERMS_KEYS = ("product", "payment_method", "incentive", "reason_code", "disclosed", "channel")
TYPES = ("number", "integer", "text", "date", "boolean")
RELATIONS = ("<", "<=", ">", ">=", "==", "!=")
ROLES = (
    *COLUMN_ROLES, *LIST_ROLES, *BLOCK_ROLES, "time", "dated", "decision", "outcome", "price", "tenure", "groups",
    "product_rules", "population", "columns", "pairs", "freshness",
)  # fmt: skip
ON_FAILURE = ("stop", "warn")


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision column and which of its values favour the customer.

    ``unfavourable`` and ``excluded`` may be empty: then every value that is not favourable
    is unfavourable and the column may hold two values only.
    """

    column: str
    favourable: tuple[str, ...]
    unfavourable: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the contract: known only where ``observed_when`` holds and after a while."""

    column: str
    favourable: tuple[str, ...]
    observed_when: str | None = None
    matures_after: str | None = None


@dataclass(frozen=True, slots=True)
class GroupAttribute:
    """A protected or vulnerable attribute: its column, its labels, its reference group.

    ``labels`` maps raw values to the labels shown; ``values`` closes the set of raw values;
    ``bands`` are ascending edges that turn a number into labels such as ``25-39``.
    """

    name: str
    column: str
    reference: str
    labels: Mapping[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    bands: tuple[float, ...] = ()
    basis: str | None = None

    @property
    def declared(self) -> tuple[str, ...]:
        """The raw values that may occur, or nothing when any may."""
        return tuple(self.labels) or self.values

    @property
    def reference_label(self) -> str:
        """The label shown for the reference group, whichever way the file names it."""
        return self.labels.get(self.reference, self.reference)


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What a column's values must look like. ``on_failure`` None means the role's own default."""

    column: str
    type: str | None = None
    minimum: float | str | None = None
    maximum: float | str | None = None
    values: tuple[str, ...] = ()
    null_tolerance: float | None = None
    unique: bool = False
    matches: str | None = None
    on_failure: str | None = None


@dataclass(frozen=True, slots=True)
class PairRule:
    """A relation that must hold between two columns of the same row, numbers or dates."""

    left: str
    relation: str
    right: str
    on_failure: str = "stop"


@dataclass(frozen=True, slots=True)
class Freshness:
    """The newest row must lie within so many days before the end of the period."""

    within_days: int
    on_failure: str = "stop"


@dataclass(frozen=True, slots=True)
class Dated:
    """First and last day of the decisions when no column states their time."""

    first: dt.date
    last: dt.date


@dataclass(frozen=True, slots=True)
class DataContract:
    """Columns by role. Absent roles are None or empty; an absent role is never guessed."""

    groups: tuple[GroupAttribute, ...] = ()
    unit: str | None = None
    entity: str | None = None
    time: str | None = None
    dated: Dated | None = None
    decision: Decision | None = None
    outcome: Outcome | None = None
    score: str | None = None
    price: str | None = None
    currency: str | None = None
    cost: str | None = None
    new_customer_price: str | None = None
    tenure: str | None = None
    strata: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    funnel: tuple[str, ...] = ()
    weight: str | None = None
    loan: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    product_rules: str | None = None
    population: str | None = None
    columns: tuple[ColumnRule, ...] = ()
    pairs: tuple[PairRule, ...] = ()
    freshness: Freshness | None = None

    def rule_for(self, column: str) -> ColumnRule:
        """The declared rule of a column, or an empty one."""
        return next((rule for rule in self.columns if rule.column == column), ColumnRule(column))

    def columns_used(self) -> dict[str, list[str]]:
        """Column → the places in the contract that name it, such as ``controls[2]``."""
        used: dict[str, list[str]] = {}
        for place, column in self._named_columns():
            used.setdefault(column, []).append(place)
        return used

    def has(self, role: str) -> bool:
        """Whether the contract fills a role."""
        return bool(getattr(self, role, None))

    def _named_columns(self) -> list[tuple[str, str]]:
        named = [(role, getattr(self, role)) for role in (*COLUMN_ROLES, "time", "price", "tenure")]
        named += [("decision.column", self.decision.column)] if self.decision else []
        if self.outcome:
            named += [("outcome.column", self.outcome.column), ("outcome.observed_when", self.outcome.observed_when)]
        named += [(f"groups.{group.name}.column", group.column) for group in self.groups]
        for role in LIST_ROLES:
            named += [(f"{role}[{i}]", column) for i, column in enumerate(getattr(self, role))]
        for role in BLOCK_ROLES:
            named += [(f"{role}.{key}", column) for key, column in getattr(self, role).items()]
        named += [(f"columns.{rule.column}", rule.column) for rule in self.columns]
        for i, pair in enumerate(self.pairs):
            named += [(f"pairs[{i}].left", pair.left), (f"pairs[{i}].right", pair.right)]
        return [(place, column) for place, column in named if column]


def read_contract(place: Place) -> DataContract:
    """Read a ``contract:`` block; problems are recorded at their lines."""
    at = place.entries(ROLES, ("groups",))
    columns = {role: _column(at[role]) for role in COLUMN_ROLES if role in at}
    lists = {role: at[role].texts() for role in LIST_ROLES if role in at}
    price = at["price"] if "price" in at else None
    currency = price.free_entries().get("currency") if price and price.is_mapping else None
    contract = DataContract(
        groups=_read_groups(at["groups"]) if "groups" in at else (),
        time=_column(at["time"]) if "time" in at else None,
        dated=_read_dated(at["dated"]) if "dated" in at else None,
        decision=_read_decision(at["decision"]) if "decision" in at else None,
        outcome=_read_outcome(at["outcome"]) if "outcome" in at else None,
        price=_column(price, ("column", "currency")) if price else None,
        currency=currency.text() if currency else None,
        tenure=_column(at["tenure"]) if "tenure" in at else None,
        loan=_read_block(at["loan"], LOAN_KEYS) if "loan" in at else {},
        terms=_read_block(at["terms"], TERMS_KEYS) if "terms" in at else {},
        product_rules=at["product_rules"].text() if "product_rules" in at else None,
        population=at["population"].text() if "population" in at else None,
        columns=tuple(_read_column_rule(key, at_) for key, at_ in at["columns"].free_entries().items())
        if "columns" in at else (),
        pairs=tuple(_read_pair(item) for item in at["pairs"].items()) if "pairs" in at else (),
        freshness=_read_freshness(at["freshness"]) if "freshness" in at else None,
        **columns, **lists,  # type: ignore[arg-type]
    )  # fmt: skip
    _check_time(place, at, contract)
    return contract


def _column(place: Place, keys: tuple[str, ...] = ("column",)) -> str:
    if place.is_mapping:
        at = place.entries(keys, ("column",))
        return at["column"].text() if "column" in at else ""
    return place.text()


def _read_dated(place: Place) -> Dated:
    if place.is_mapping:
        at = place.entries(("from", "to"), ("from", "to"))
        first = at["from"].date() if "from" in at else dt.date(1970, 1, 1)
        last = at["to"].date() if "to" in at else first
    else:
        first = last = place.date()
    if last < first:
        place.complain(f"{first} to {last}", "a first day before the last", "swap the two")
    return Dated(first, last)


def _read_decision(place: Place) -> Decision:
    at = place.entries(("column", "favourable", "unfavourable", "excluded"), ("column", "favourable"))
    values = {key: at[key].texts() for key in ("favourable", "unfavourable", "excluded") if key in at}
    seen: dict[str, str] = {}
    for key, texts in values.items():
        for text in texts:
            if text in seen:
                at[key].complain(f"'{text}' under {seen[text]} and {key}", "each value once", "remove one of the two")
            seen[text] = key
    return Decision(column=at["column"].text() if "column" in at else "", **{"favourable": (), **values})


def _read_outcome(place: Place) -> Outcome:
    at = place.entries(("column", "favourable", "observed_when", "matures_after"), ("column", "favourable"))
    return Outcome(
        column=at["column"].text() if "column" in at else "",
        favourable=at["favourable"].texts() if "favourable" in at else (),
        observed_when=at["observed_when"].text() if "observed_when" in at else None,
        matures_after=at["matures_after"].text() if "matures_after" in at else None,
    )


def _read_groups(place: Place) -> tuple[GroupAttribute, ...]:
    groups = tuple(_read_group(name, at) for name, at in place.free_entries().items())
    if not groups and place.is_mapping:
        place.complain("no group", "at least one attribute with column and reference", "add for instance race: {…}")
    return groups


def _read_group(name: str, place: Place) -> GroupAttribute:
    at = place.entries(("column", "reference", "labels", "values", "bands", "basis"), ("column", "reference"))
    labels = {raw: label.text() for raw, label in at["labels"].free_entries().items()} if "labels" in at else {}
    bands = tuple(item.number() for item in at["bands"].items()) if "bands" in at else ()
    if list(bands) != sorted(set(bands)):
        at["bands"].complain("edges out of order", "ascending edges, each once", "sort them")
    if bands and (labels or "values" in at):
        at["bands"].complain("bands beside labels or values", "one of them", "remove the labels or the bands")
    group = GroupAttribute(
        name=name,
        column=at["column"].text() if "column" in at else "",
        reference=at["reference"].text() if "reference" in at else "",
        labels=labels,
        values=at["values"].texts() if "values" in at else (),
        bands=bands,
        basis=at["basis"].text() if "basis" in at else None,
    )
    _check_reference(at, group)
    return group


def _check_reference(at: Mapping[str, Place], group: GroupAttribute) -> None:
    from checks.problem import listed, suggest

    known = (*group.labels, *group.labels.values(), *group.values, *band_labels(group.bands))
    if known and "reference" in at and group.reference not in known:
        at["reference"].complain(
            f"reference '{group.reference}'", f"one of {listed(tuple(dict.fromkeys(known)))}",
            suggest(group.reference, known),
        )  # fmt: skip


def band_labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Labels of the bands between ascending edges: ``under 18``, ``18-24``, …, ``62+``.

    Whole edges give inclusive labels (the band from 25 below 40 is ``25-39``), others a
    half-open notation (``0.5-<1.5``).
    """
    if not edges:
        return ()
    whole = all(edge == int(edge) for edge in edges)
    middle = [
        f"{low:g}-{high - 1:g}" if whole else f"{low:g}-<{high:g}" for low, high in zip(edges, edges[1:], strict=False)
    ]
    return (f"under {edges[0]:g}", *middle, f"{edges[-1]:g}+")


def _read_block(place: Place, keys: tuple[str, ...]) -> dict[str, str]:
    return {key: at.text() for key, at in place.entries(keys).items()}


def _read_column_rule(column: str, place: Place) -> ColumnRule:
    keys = ("type", "min", "max", "values", "null_tolerance", "unique", "matches", "on_failure")
    at = place.entries(keys)
    return ColumnRule(
        column=column,
        type=at["type"].choice(TYPES) if "type" in at else None,
        minimum=_bound(at["min"]) if "min" in at else None,
        maximum=_bound(at["max"]) if "max" in at else None,
        values=at["values"].texts() if "values" in at else (),
        null_tolerance=at["null_tolerance"].number(0, 1) if "null_tolerance" in at else None,
        unique=at["unique"].boolean() if "unique" in at else False,
        matches=at["matches"].text() if "matches" in at else None,
        on_failure=at["on_failure"].choice(ON_FAILURE) if "on_failure" in at else None,
    )


def _bound(place: Place) -> float | str:
    """A bound is a number or a day."""
    if place.node.tag.endswith(("int", "float")):
        return place.number()
    return place.date().isoformat()


def _read_pair(place: Place) -> PairRule:
    at = place.entries(("left", "relation", "right", "on_failure"), ("left", "relation", "right"))
    return PairRule(
        left=at["left"].text() if "left" in at else "",
        relation=at["relation"].choice(RELATIONS) if "relation" in at else "==",
        right=at["right"].text() if "right" in at else "",
        on_failure=at["on_failure"].choice(ON_FAILURE) if "on_failure" in at else "stop",
    )


def _read_freshness(place: Place) -> Freshness:
    at = place.entries(("within_days", "on_failure"), ("within_days",))
    return Freshness(
        within_days=at["within_days"].integer(0) if "within_days" in at else 0,
        on_failure=at["on_failure"].choice(ON_FAILURE) if "on_failure" in at else "stop",
    )


def _check_time(place: Place, at: Mapping[str, Place], contract: DataContract) -> None:
    if contract.time and contract.dated:
        at["dated"].complain("'dated' beside 'time'", "one of the two", "remove 'dated': the column states the time")
    if contract.freshness and not contract.time:
        at["freshness"].complain("'freshness' without 'time'", "a time column", "add 'time: COLUMN' to the contract")
