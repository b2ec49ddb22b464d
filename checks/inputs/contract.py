"""The data contract: which column plays which role, and what the values must look like.

One vocabulary of roles serves the contract, the audit questions and the policies. The
contract is read from the ``contract:`` block of a program file; it names columns and never
touches data. ``columns_used`` says which columns an audit reads, and nothing else is read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from checks.inputs.personal import PersonalColumn
from checks.inputs.prediction import Prediction

COLUMN_ROLES = (
    "unit", "entity", "score", "new_customer_price", "market_price", "prior_price", "realised_cost", "weight", "age",
    "age_points",
)  # fmt: skip
LIST_ROLES = ("strata", "controls", "features", "denial_reasons")
BLOCK_ROLES = ("loan", "terms", "behaviour")
LOAN_AMOUNTS = (
    "amount", "fees", "instalment", "final_payment", "insurance", "ancillary", "default_fees", "establishment_fee",
    "monthly_fee", "cost_sheet", "income", "debt_service", "credit_limit", "policy_limit", "borrower_credit",
    "prepayment_penalty", "interest_paid", "principal_paid", "lowest_balance", "charged",
)  # fmt: skip
LOAN_NUMBERS = (
    "instalments", "term_months", "term_days", "disclosed_apr", "benchmark_rate", "apor", "loss_guarantee",
    "prepayment_months", "rollovers", "unauthorised_debits",
)  # fmt: skip
LOAN_TIMES = ("originated_at", "first_due_at", "repaid_at")
LOAN_FLAGS = (
    "fact_statement", "assessment", "verified_income", "student", "covered_borrower", "jumbo", "personal_property",
    "high_cost", "higher_priced", "qualified",
)  # fmt: skip
LOAN_KEYS = (*LOAN_AMOUNTS, *LOAN_NUMBERS, *LOAN_TIMES, *LOAN_FLAGS, "lien")
TERMS_FLAGS = (
    "disclosed", "personalised", "plain_option", "preticked", "solicited", "human_review", "default_credit",
    "cost_shown", "pushed", "holdout",
)  # fmt: skip
TERMS_KEYS = (
    "product", "channel", "payment_method", "incentive", "new_customer_incentive", "reason_code", *TERMS_FLAGS,
    "borrowed",
)  # fmt: skip
FUNNEL_COLUMNS = ("event", "device", "network", "assisted", "accessible")
THIN_FILE_COLUMNS = ("flag", "filled_decision", "filled_score", "automatic")
THIN_WHEN = ("all", "any")
DRIVERS = ("health", "life_events", "resilience", "capability")
CREDIT_FILE, CHANNEL = "credit file", "service channel"  # attributes that the audit makes of other columns
THIN, FULL = "thin", "full"
DIGITAL, ASSISTED = "digital", "assisted"
BEHAVIOUR_KEYS = ("device", "visits", "spend_history", "elasticity_score")
TENURE_UNITS = {"years": 1.0, "months": 12.0, "days": 365.0}  # so that no anniversary falls short of its year
TENURE_BANDS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
COST_ERRORS = ("unknown", "unrelated_to_tenure", "depends_on_tenure")
RATE_UNITS = ("percent", "fraction", "basis_points")
PERIODS_A_YEAR = {"month": 12.0, "quarter": 4.0, "fortnight": 26.0, "week": 52.0, "day": 365.0}
INCOME_PERIODS = {"year": 12.0, "month": 1.0}  # months that an income is for
TYPES = ("number", "integer", "text", "date", "boolean")
RELATIONS = ("<", "<=", ">", ">=", "==", "!=")
ROLES = (
    *COLUMN_ROLES, *LIST_ROLES, *BLOCK_ROLES, "time", "dated", "decision", "outcome", "price", "rate", "cost",
    "tenure", "groups", "imputed_groups", "product_rules", "population", "funnel", "channels", "thin_file",
    "prediction", "columns", "pairs", "freshness", "personal_data",
)  # fmt: skip
# what questions measure with; the other roles name rows, periods and what values must look like
AUDITED_ROLES = (
    "decision", "outcome", "score", "price", "rate", "cost", "new_customer_price", "market_price", "prior_price",
    "realised_cost", "tenure", "entity", "weight", "behaviour", "strata", "controls", "features", "funnel",
    "denial_reasons", "loan", "terms", "imputed_groups", "product_rules", "population", "channels", "thin_file", "age",
    "age_points", "prediction",
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
    """What became of the contract: known only where ``observed_when`` holds and after a while.

    ``unfavourable`` and ``excluded`` (not yet known, such as a loan that still runs) may be empty, as with a decision.

    ``observed_when`` is a column that is true where the outcome can be known; ``matures_after`` a span such as
    ``12 months`` from the contract's time; ``observed_until`` the last day on which outcomes were noted, by
    default that of the newest row of the source.
    """

    column: str
    favourable: tuple[str, ...]
    unfavourable: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    observed_when: str | None = None
    matures_after: str | None = None
    observed_until: dt.date | None = None


@dataclass(frozen=True, slots=True)
class GroupAttribute:
    """A protected or vulnerable attribute: its column, its labels, its reference group.

    ``labels`` maps raw values to the labels shown; ``values`` closes the set of raw values;
    ``bands`` are ascending edges that turn a number into labels such as ``25-39``; ``driver`` is the driver of
    vulnerability that the attribute stands for, one of ``DRIVERS``.
    """

    name: str
    column: str
    reference: str
    labels: Mapping[str, str] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    bands: tuple[float, ...] = ()
    basis: str | None = None
    driver: str | None = None

    @property
    def declared(self) -> tuple[str, ...]:
        """The raw values that may occur, or nothing when any may."""
        return tuple(self.labels) or self.values

    @property
    def reference_label(self) -> str:
        """The label shown for the reference group, whichever way the file names it."""
        return self.labels.get(self.reference, self.reference)


@dataclass(frozen=True, slots=True)
class ImputedAttribute:
    """An attribute that nobody recorded: for each of its labels a column with the probability of belonging.

    The reference may have no column: its probability is then one less all the others. ``calibration`` says how the
    probabilities were held against people whose group is known, where they were.
    """

    name: str
    probabilities: Mapping[str, str]
    reference: str
    basis: str | None = None
    calibration: str | None = None


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
class LoanForm:
    """How a loan's columns are to be read.

    Money is in ``currency`` (``currency_column`` tells it row by row); ``apr_unit`` is the unit of disclosed, benchmark
    and prime offer rates; instalments fall due once a ``period`` (a key of ``PERIODS_A_YEAR``); ``income`` is for an
    ``income_period``.
    """

    currency: str | None = None
    currency_column: str | None = None
    apr_unit: str = "percent"
    period: str = "month"
    income_period: str = "year"


@dataclass(frozen=True, slots=True)
class Payments:
    """A file of dated cash flows beside the program: a row each, by the loan's ``unit``.

    ``amount`` is what the customer pays (negative: what is advanced to him after the first day) ``at`` its day.
    """

    file: str
    loan: str = "loan"
    at: str = "at"
    amount: str = "amount"


@dataclass(frozen=True, slots=True)
class Population:
    """People who could have been reached, by (attribute, group), from a table such as a census or a branch's books.

    ``source`` says where the numbers come from, ``as_of`` the day for which they stand.
    """

    people: tuple[tuple[str, str, float], ...]
    source: str | None = None
    as_of: str | None = None

    def of(self, attribute: str, group: str | None) -> float | None:
        """The people of a group, None where the table does not tell."""
        found = (people for name, label, people in self.people if name == attribute and label == group)
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the way to credit: the ``column`` that is true, or holds the time, where a person passed it.

    In a log of events ``events`` are the values of the event column that mean so.
    """

    name: str
    column: str | None = None
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failing:
    """A way of proving who one is, such as a face scan, and the flag or events that say that a person failed it."""

    method: str
    column: str | None = None
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Funnel:
    """The stages in their order, from being reached to having what was asked for.

    Rows are persons, or attempts of the persons that ``entity`` names; with an ``event`` column rows are events, of the
    contract's ``entity`` at its ``time``. ``started`` is the stage from which a person is seen to want it, ``identity``
    that of the identity check, ``finished`` the last that the customer passes by himself. ``failed`` and ``fallback``
    (another way was tried) speak of the identity check. A person who is first seen less than ``within`` before the
    end of the data had too little time and is counted apart. ``device``, ``network`` and ``assisted`` (a flag: somebody
    helped) are columns by which losses are told apart, ``accessible`` flags a service that meets the requirements.
    """

    stages: tuple[Stage, ...]
    started: str
    identity: str | None = None
    finished: str | None = None
    event: str | None = None
    failed: tuple[Failing, ...] = ()
    fallback: Failing | None = None
    within: str | None = None
    device: str | None = None
    network: str | None = None
    assisted: str | None = None
    accessible: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the stages."""
        return tuple(stage.name for stage in self.stages)

    def place(self, stage: str | None) -> int | None:
        """Where a stage stands, from 0; None where it is not named."""
        return self.names.index(stage) if stage in self.names else None

    @property
    def dimensions(self) -> dict[str, str]:
        """The columns by which losses are told apart, by what they are."""
        named = {"device": self.device, "network": self.network, "assisted": self.assisted}
        return {name: column for name, column in named.items() if column}


@dataclass(frozen=True, slots=True)
class ThinFile:
    """Who has no data trail: where ``missing`` columns are empty (``when``: all of them, or any), or a ``flag``.

    ``filled_decision`` and ``filled_score`` hold what the model says once the empty columns are filled in, decisions in
    the words of the contract's decision; ``automatic`` flags a refusal that no person looked at.
    """

    missing: tuple[str, ...] = ()
    when: str = "all"
    flag: str | None = None
    filled_decision: str | None = None
    filled_score: str | None = None
    automatic: str | None = None


@dataclass(frozen=True, slots=True)
class Channels:
    """Values of the channel column (``terms.channel``) on either side: by oneself on a device, or with a person."""

    digital: tuple[str, ...]
    assisted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataContract:
    """Columns by role. Absent roles are None or empty; an absent role is never guessed.

    ``price`` is what the customer is asked, in ``currency`` (``currency_column`` tells it row by row), stated in
    steps of ``rounding``; ``cost`` what the contract was expected to cost (technical price), ``realised_cost`` what
    it did cost (claims, losses), both in the same money. ``cost_error`` says what is known of whether the error of
    ``cost`` depends on tenure, and ``cost_basis`` why. ``tenure`` is in ``tenure_unit`` since the first contract;
    ``tenure_bands`` are its edges in years.
    """

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
    currency_column: str | None = None
    rounding: float = 0.01
    rate: str | None = None
    rate_unit: str = "percent"
    cost: str | None = None
    cost_error: str = "unknown"
    cost_basis: str | None = None
    new_customer_price: str | None = None
    market_price: str | None = None
    prior_price: str | None = None
    realised_cost: str | None = None
    tenure: str | None = None
    tenure_unit: str = "years"
    tenure_bands: tuple[float, ...] = TENURE_BANDS
    strata: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    denial_reasons: tuple[str, ...] = ()
    imputed_groups: tuple[ImputedAttribute, ...] = ()
    weight: str | None = None
    loan: Mapping[str, str] = field(default_factory=dict)
    loan_form: LoanForm = LoanForm()
    payments: Payments | None = None
    terms: Mapping[str, str] = field(default_factory=dict)
    behaviour: Mapping[str, str] = field(default_factory=dict)
    product_rules: str | None = None
    population: Population | None = None
    funnel: Funnel | None = None
    thin_file: ThinFile | None = None
    channels: Channels | None = None
    prediction: Prediction | None = None
    age: str | None = None
    age_points: str | None = None
    columns: tuple[ColumnRule, ...] = ()
    pairs: tuple[PairRule, ...] = ()
    freshness: Freshness | None = None
    personal_data: tuple[PersonalColumn, ...] = ()

    def rule_for(self, column: str) -> ColumnRule:
        """The declared rule of a column, or an empty one."""
        return next((rule for rule in self.columns if rule.column == column), ColumnRule(column))

    def columns_used(self) -> dict[str, list[str]]:
        """Column → the places in the contract that name it, such as ``controls[2]``."""
        used: dict[str, list[str]] = {}
        for place, column in self._named_columns():
            used.setdefault(column, []).append(place)
        return used

    @property
    def decision_stage(self) -> int | None:
        """The place of the funnel's stage that is the decision, whose column it shares; None without one."""
        columns = [stage.column for stage in self.funnel.stages] if self.funnel else []
        decided = self.decision.column if self.decision else None
        return columns.index(decided) if decided is not None and decided in columns else None

    def has(self, role: str) -> bool:
        """Whether the contract fills a role."""
        return bool(getattr(self, role, None))

    def _named_columns(self) -> list[tuple[str, str]]:
        named = [(role, getattr(self, role)) for role in (*COLUMN_ROLES, "time", "price", "rate", "cost", "tenure")]
        named += [("price.currency_column", self.currency_column)]
        named += [("loan.currency_column", self.loan_form.currency_column)]
        named += [("decision.column", self.decision.column)] if self.decision else []
        if self.outcome:
            named += [("outcome.column", self.outcome.column), ("outcome.observed_when", self.outcome.observed_when)]
        named += [(f"groups.{group.name}.column", group.column) for group in self.groups]
        for imputed in self.imputed_groups:
            named += [
                (f"imputed_groups.{imputed.name}.probabilities.{label}", column)
                for label, column in imputed.probabilities.items()
            ]
        for role in LIST_ROLES:
            named += [(f"{role}[{i}]", column) for i, column in enumerate(getattr(self, role))]
        for role in BLOCK_ROLES:
            named += [(f"{role}.{key}", column) for key, column in getattr(self, role).items()]
        named += self._access_columns()
        named += [(f"columns.{rule.column}", rule.column) for rule in self.columns]
        for i, pair in enumerate(self.pairs):
            named += [(f"pairs[{i}].left", pair.left), (f"pairs[{i}].right", pair.right)]
        return [(place, column) for place, column in named if column]

    def _access_columns(self) -> list[tuple[str, str | None]]:
        named: list[tuple[str, str | None]] = []
        if self.funnel:
            named += [(f"funnel.{key}", getattr(self.funnel, key)) for key in FUNNEL_COLUMNS]
            named += [(f"funnel.stages.{stage.name}", stage.column) for stage in self.funnel.stages]
            named += [(f"funnel.failed.{one.method}", one.column) for one in self.funnel.failed]
            named += [("funnel.fallback", self.funnel.fallback.column)] if self.funnel.fallback else []
        if self.thin_file:
            named += [(f"thin_file.{key}", getattr(self.thin_file, key)) for key in THIN_FILE_COLUMNS]
            named += [(f"thin_file.missing[{i}]", column) for i, column in enumerate(self.thin_file.missing)]
        return named


def band_labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Labels of the bands between ascending edges: ``under 18``, ``18-24``, …, ``62+``.

    Whole edges give inclusive labels (the band from 25 below 40 is ``25-39``), others a
    half-open notation (``0.5-<1.5``).
    """
    if not edges:
        return ()
    whole = all(edge == int(edge) for edge in edges)
    middle = [f"{low:g}-{high - 1:g}" if whole else f"{low:g}-<{high:g}" for low, high in pairwise(edges)]
    return (f"under {edges[0]:g}", *middle, f"{edges[-1]:g}+")
