"""Columns that an audit of steering adds to the prepared relation: every loan replayed against the rules of products.

For each loan the engine works out which products the customer was eligible for on its day, the cheapest rate among
them, and how far the rate sold lies above it. The product sold counts as eligible. The rate sold is that of its product
by the same rules, so that like is compared with like; where the product or its rate is not known, the contract's
``rate``. A condition on a missing value is neither met nor not: where such a product might be the cheapest, it is not
known what the customer could have had, and the loan has a fault and no figure.

``MONEY`` is excess · amount · years, the simple interest on the whole amount over the whole term: an upper bound where
the loan is paid back on the way.
"""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

from checks.inputs.contract import PERIODS_A_YEAR, DataContract, band_labels
from checks.inputs.loan_columns import RATE_UNIT, number
from checks.inputs.product_rules import AMOUNT, SCORE, TERM, ProductRules, role_columns
from checks.inputs.rule_expressions import Cleaning, RuleExpressions, exact, one_of, sound
from checks.problem import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir

EXCESS, STEERED, MONEY = "squaredeal_excess_rate", "squaredeal_steered", "squaredeal_steering_money"
REPLAYED = "squaredeal_replayed"
FAULT, HOW, STANDING = "squaredeal_product_fault", "squaredeal_rate_sold_by", "squaredeal_product_standing"
ELIGIBLE = "squaredeal_eligible_products"
AMOUNT_BAND, TERM_BAND, SCORE_BAND = "squaredeal_amount_band", "squaredeal_term_band", "squaredeal_score_band"
CELLS = (AMOUNT_BAND, TERM_BAND, SCORE_BAND, ELIGIBLE)
DERIVED = (EXCESS, STEERED, MONEY, REPLAYED, FAULT, HOW, STANDING, *CELLS)
NOT_GRANTED, NO_DAY, NO_PRODUCT, NO_RULE, NOT_OFFERED, NO_RATE, UNKNOWN = FAULTS = (
    "not granted", "no day", "no product", "product without a rule", "product not offered on that day", "no rate",
    "eligibility unknown",
)  # fmt: skip
BY_RULES, BY_RATE = "rules", "rate"
FIT, NOT_FIT, FIT_UNKNOWN = "eligible", "not eligible", "unknown"
TOLERANCE = 1e-9  # of a rate: what units leave of rounding is no dearer rate
LONGEST_YEARS, LARGEST_AMOUNT = 150.0, 1e15
_NONE = 1e9  # stands for a rate that nobody was offered
# what is worked out on the way; no question sees it
_GRANTED, _DAY, _PRODUCT, _OWN = (f"squaredeal_rule_{name}" for name in ("granted", "day", "product", "rate"))
_FITS, _RATE, _HERE = (f"squaredeal_rule_{name}_" for name in ("fits", "rate", "sold"))
_BY_RULES, _SOLD, _CERTAIN, _POSSIBLE = (
    f"squaredeal_rule_{name}" for name in ("by_rules", "sold_rate", "cheapest", "cheapest_possible")
)


def can_be_replayed(contract: DataContract) -> bool:
    """Whether the contract names rules, and the product or the rate that was sold."""
    return bool(contract.product_rules and ("product" in contract.terms or contract.rate))


def term_key(contract: DataContract) -> str | None:
    """Which of the contract's columns says how long a loan runs."""
    return next((key for key in ("term_months", "term_days", "instalments") if key in contract.loan), None)


def has_money(contract: DataContract) -> bool:
    """Whether an excess can be put in money."""
    return "amount" in contract.loan and term_key(contract) is not None


def replayed(
    raw: ir.Table, contract: DataContract, rules: ProductRules | None, granted: Any, cleaning: Cleaning
) -> ir.Table:
    """The ``raw`` relation with the derived columns (``derived``), worked out step by step, each in a selection.

    ``granted`` is 1 where a loan was granted, None without a decision. Raises ``InputError`` where rules set bounds to
    a column that holds no numbers, or name values that its column cannot hold.
    """
    if rules is None or not can_be_replayed(contract):
        return raw
    return _Replay(raw, contract, rules, cleaning).table(granted)


def derived(contract: DataContract) -> tuple[str, ...]:
    """The columns that ``replayed`` adds for the contract."""
    if not can_be_replayed(contract):
        return ()
    return tuple(name for name in DERIVED if name != MONEY or has_money(contract))


class _Replay:
    def __init__(self, raw: ir.Table, contract: DataContract, rules: ProductRules, cleaning: Cleaning) -> None:
        self.raw, self.contract, self.rules = raw, contract, rules
        self.on = RuleExpressions(raw, contract, rules, cleaning)
        self.numbers = range(len(rules.versions))

    def table(self, granted: Any) -> ir.Table:
        import ibis

        first = self._first(granted)
        if self.on.problems:
            raise InputError(self.on.problems)
        table = self.raw.mutate(**first)
        table = table.mutate(**{_BY_RULES: self._sold_by_rules(table)})
        table = table.mutate(**{_SOLD: ibis.coalesce(table[_BY_RULES], table[_OWN])})
        certain, possible = self._cheapest(table)
        table = table.mutate(**{_CERTAIN: certain, _POSSIBLE: possible})
        table = table.mutate(**{FAULT: self._fault(table)})
        table = table.mutate(**self._last(table))
        return table.mutate(**{MONEY: self._money(table)}) if has_money(self.contract) else table

    def _first(self, granted: Any) -> dict[str, ir.Value]:
        """What rests on the contract's columns alone: of each version whether it fits, its rate, and if it was sold."""
        import ibis

        found: dict[str, ir.Value] = {
            _GRANTED: ibis.literal(True) if granted is None else ibis.coalesce(granted == 1, ibis.literal(False)),
            _DAY: ibis.literal(True) if self.on.day is None else self.on.day.notnull(),
            _PRODUCT: self.on.product(), _OWN: self._own_rate(),
            AMOUNT_BAND: self._band(AMOUNT), TERM_BAND: self._band(TERM), SCORE_BAND: self._band(SCORE),
        }  # fmt: skip
        for i, version in enumerate(self.rules.versions):
            force = self.on.on_sale(version)
            found[f"{_FITS}{i}"] = reduce(and_, self.on.conditions(version), force)
            found[f"{_RATE}{i}"] = self.on.rate(version)
            found[f"{_HERE}{i}"] = self.on.is_sold(version, force)
        return found

    def _last(self, table: ir.Table) -> dict[str, ir.Value]:
        import ibis

        known, above = table[FAULT].isnull(), table[_SOLD] - table[_CERTAIN]
        yes, no, nothing = ibis.literal(1, "int32"), ibis.literal(0, "int32"), ibis.null("int32")
        dearer = above > exact(TOLERANCE)
        return {
            EXCESS: ibis.ifelse(known, ibis.ifelse(dearer, above, exact(0.0)), ibis.null("float64")),
            STEERED: ibis.ifelse(known, ibis.ifelse(dearer, yes, no), nothing),
            REPLAYED: ibis.ifelse(known, yes, nothing),
            HOW: ibis.cases(
                (table[_BY_RULES].notnull(), BY_RULES), (table[_OWN].notnull(), BY_RATE), else_=ibis.null("string"),
            ),
            STANDING: self._standing(table), ELIGIBLE: self._eligible(table),
        }  # fmt: skip

    def _sold_by_rules(self, table: ir.Table) -> Any:
        import ibis

        pairs = [(table[f"{_HERE}{i}"], table[f"{_RATE}{i}"]) for i in self.numbers]
        return ibis.cases(*pairs, else_=ibis.null("float64"))

    def _own_rate(self) -> Any:
        """The rate that the contract names, as a fraction."""
        import ibis

        if not self.contract.rate:
            return ibis.null("float64")
        return sound(number(self.on.column(self.contract.rate)) * exact(RATE_UNIT[self.contract.rate_unit]))

    def _cheapest(self, table: ir.Table) -> tuple[Any, Any]:
        """The cheapest rate that the customer surely could have had, and the cheapest that he may have had."""
        import ibis

        none, least = exact(_NONE), exact(-_NONE)
        certain, possible = [table[_SOLD]], [table[_SOLD]]
        for i in self.numbers:
            fits, rate, here = (table[f"{name}{i}"] for name in (_FITS, _RATE, _HERE))
            certain.append(ibis.cases((here, none), (fits & rate.notnull(), rate), else_=none))
            possible.append(ibis.cases((here, none), (~fits, none), else_=ibis.coalesce(rate, least)))
        return ibis.least(*certain), ibis.least(*possible)

    def _fault(self, table: ir.Table) -> Any:
        """The first thing that keeps a loan from being replayed, NULL where nothing does."""
        import ibis

        cases: list[tuple[Any, Any]] = [(~table[_GRANTED], NOT_GRANTED)]
        without, column = table[_SOLD].isnull(), self.contract.terms.get("product")
        if column is not None:
            names = self.on.names(self.rules.products, column, self.rules.file)
            offered = reduce(or_, [table[f"{_HERE}{i}"] for i in self.numbers])
            cases += [
                (without & table[_PRODUCT].isnull(), NO_PRODUCT), (without & ~one_of(table[_PRODUCT], names), NO_RULE),
                (without & offered.isnull(), NO_DAY), (without & ~offered, NOT_OFFERED),
            ]  # fmt: skip
        unknown = table[_POSSIBLE] < table[_CERTAIN] - exact(TOLERANCE)
        return ibis.cases(
            *cases, (without, NO_RATE), (~table[_DAY] & unknown, NO_DAY), (unknown, UNKNOWN),
            else_=ibis.null("string"),
        )  # fmt: skip

    def _standing(self, table: ir.Table) -> Any:
        """Whether the customer was eligible for the product that he was sold, NULL where that has no rule."""
        import ibis

        cases = []
        for i in self.numbers:
            fits, here = table[f"{_FITS}{i}"], table[f"{_HERE}{i}"]
            cases += [(here & fits, FIT), (here & ~fits, NOT_FIT), (here, FIT_UNKNOWN)]
        return ibis.cases(*cases, else_=ibis.null("string"))

    def _eligible(self, table: ir.Table) -> Any:
        """The versions that the customer was eligible for, in the file's order, with ``?`` where that is not known."""
        import ibis

        text = ibis.literal("")
        for i, version in enumerate(self.rules.versions):
            fits = table[f"{_FITS}{i}"]
            text = text + ibis.cases((fits, f"{version.label}; "), (~fits, ""), else_=f"{version.label}?; ")
        return text

    def _band(self, name: str) -> Any:
        """The band of amount, term or score between the edges of the rules; one band where there is no edge."""
        import ibis

        edges, column = self.rules.cells.get(name, ()), role_columns(self.contract).get(name)
        if not edges or column is None:
            return ibis.literal("all")
        value, labels = number(self.on.column(column)), band_labels(edges)
        branches = [(value < exact(edge), label) for edge, label in zip(edges, labels, strict=False)]
        return ibis.cases(*branches, (value.notnull(), labels[-1]), else_=ibis.null("string"))

    def _money(self, table: ir.Table) -> Any:
        """Simple interest on the whole amount over the whole term."""
        import ibis

        contract, key = self.contract, term_key(self.contract)
        many = {"term_months": 12.0, "term_days": 365.0, "instalments": PERIODS_A_YEAR[contract.loan_form.period]}
        excess = table[EXCESS]
        years = number(self.on.column(contract.loan[str(key)])) / exact(many[str(key)])
        amount = number(self.on.column(contract.loan["amount"]))
        fine = (amount > 0) & (amount < LARGEST_AMOUNT) & (years > 0) & (years < LONGEST_YEARS)
        return ibis.ifelse(fine, excess * amount * years, ibis.null("float64"))
