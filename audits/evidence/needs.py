"""What a question asks of the data: declared before anything is read, merged across questions.

Attributes are the contract's group attributes, columns any column that the contract names.
Every need is frozen and hashable: two questions that ask the same share one answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from checks.inputs.loan_affordability import CREDIT_WITHIN
from checks.inputs.loan_columns import SOLVED
from checks.inputs.loan_figures import FIGURES, figure_column

_ABOVE = "squaredeal_above:"


def above(column: str, edge: float) -> str:
    """The name, among the ``columns`` of a need, of whether a number lies above an edge: 1, 0, or missing with it."""
    return f"{_ABOVE}{float(edge)!r}:{column}"


def edge_of(name: str) -> tuple[str, float | None]:
    """The column behind a name, and the edge above which it is asked about; None for a plain column."""
    if not name.startswith(_ABOVE):
        return name, None
    edge, column = name.removeprefix(_ABOVE).split(":", 1)
    return column, float(edge)


@dataclass(frozen=True, slots=True)
class CellsNeed:
    """Counts of rows by labels of attributes, values of discrete columns and the decision.

    ``columns`` may hold names made by ``above``. ``sums`` names numeric columns whose Σv and Σv² are kept in each cell.
    """

    attributes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    decision: bool = True


@dataclass(frozen=True, slots=True)
class MomentsNeed:
    """Sums and cross-products of decision and controls within each group of one attribute.

    Without an ``attribute`` all rows are one group. ``response`` names a number that takes the place of the
    decision; ``strata`` columns of labels whose levels enter the model beside the controls. With ``cluster`` (a
    column that tells which rows belong together) also the products of the clusters' score sums, for errors that
    allow for dependence within clusters. ``labels`` names a column whose labels are the groups in place of an
    attribute's; the most frequent is their reference.
    """

    attribute: str | None
    controls: tuple[str, ...]
    cluster: str | None = None
    response: str | None = None
    strata: tuple[str, ...] = ()
    labels: str | None = None


@dataclass(frozen=True, slots=True)
class MembershipNeed:
    """Sums and products of probabilities of belonging to groups, by decision; by cluster too where one is named.

    ``columns`` hold one probability each; with ``remainder`` a last one is one less all the others.
    """

    columns: tuple[str, ...]
    remainder: bool = False
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterCellsNeed:
    """For every pair of cells c, c′ the sum over clusters of n_c n_c′, and of the sums of columns."""

    cluster: str
    attributes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    decision: bool = True


@dataclass(frozen=True, slots=True)
class EffectModel:
    """A column to explain by a number or by labels at equal strata.

    Least squares; with an ``exposure`` Poisson pseudo-likelihood of ``response`` for each unit of it. Errors other than
    by cluster then need ``product``, a column that holds the one times the other. ``terms`` is ``slope`` (a year of
    tenure), ``bands`` (bands of tenure against the first) or ``labels`` (groups of an attribute against its reference).
    """

    response: str
    terms: str
    exposure: str | None = None
    product: str | None = None

    @property
    def sums(self) -> tuple[str, ...]:
        """The columns whose sums in each cell the model is fitted from."""
        return tuple(name for name in (self.response, self.exposure, self.product) if name is not None)


@dataclass(frozen=True, slots=True)
class EffectsNeed:
    """Products of the score sums of clusters for models of the same cells (``effect_cells``).

    The cells are ``strata`` (columns of labels) by completed months of tenure, whose bands have the ``edges`` in years,
    or by the labels of one ``attribute`` with its ``reference``.
    """

    models: tuple[EffectModel, ...]
    strata: tuple[str, ...]
    cluster: str | None
    edges: tuple[float, ...] = ()
    attribute: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class HistogramNeed:
    """How a numeric column is distributed within labels of attributes, values of columns and the decision.

    Exact values while the column has at most ``exact`` different ones, else ``bins`` bins.
    """

    score: str
    attributes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    decision: bool = True
    exact: int = 4096
    bins: int = 1024


@dataclass(frozen=True, slots=True)
class SequenceNeed:
    """Rows of an entity in order of time, ties by ``unit``: gaps in days and chains of gaps ≤ ``chain_days``.

    ``within`` are thresholds in days for which gaps are counted.
    """

    entity: str
    time: str
    unit: str
    chain_days: float
    attributes: tuple[str, ...] = ()
    within: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class SampleNeed:
    """``rows`` rows of each combination of labels and values, the same for a seed in any engine and order.

    ``unit`` names each row; ``kept`` are the columns written, restricted to people who may see them.
    """

    unit: str
    rows: int
    seed: int
    kept: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SameTermsNeed:
    """Rows on the same terms in the same time that are asked another price than the cheapest of them.

    ``keys`` are the columns whose values make the terms the same. ``price`` is less ``incentive`` and, where there is a
    ``cost``, per unit of it. ``window_days`` whole days of UTC count as one time, counted from 1970-01-01; without
    ``time`` all do. A price is dearer by more than ``tolerance`` as a share of the cheapest, and not by ``rounding`` of
    its own money or less. Rows whose ``reason`` is among ``allowed`` (whatever the case, blanks around it left out) are
    no cheapest and no case. ``disclosed`` is a flag.
    """

    keys: tuple[str, ...]
    price: str
    cost: str | None = None
    incentive: str | None = None
    time: str | None = None
    window_days: int = 1
    tolerance: float = 0.05
    rounding: float = 0.01
    reason: str | None = None
    allowed: tuple[str, ...] = ()
    disclosed: str | None = None


@dataclass(frozen=True, slots=True)
class CensusNeed:
    """The highest and lowest ``figure`` of any row, and the rows beyond each limit that the rules set on ``measure``.

    ``figure`` is a column, or the figure of a measure of loans (``checks.inputs.loan_figures``), which has a scope of
    its own; ``scope`` names a flag of the rows that are meant. Beyond is above a limit, with ``lowest`` below it.
    ``unit`` names the rows beyond, whose keys are restricted. ``solved`` says that the figure takes the cost of each
    loan.
    """

    measure: str
    figure: str
    scope: str | None = None
    lowest: bool = False
    unit: str | None = None
    solved: bool = False


@dataclass(frozen=True, slots=True)
class ArmsNeed:
    """Money by the two arms of a flag, ``arm``, at equal strata; by groups where an ``attribute`` is named.

    ``response`` is an amount of money, ``controls`` numbers that are cut at their fifths and join the ``strata``,
    ``other`` a second flag to tell beside. With a ``cluster`` also the products of the clusters' score sums for the
    difference between the arms and for tests of balance. ``population``: nobody dealt the rows to the arms, so that
    strata without one are left out, and the error counts the spread of the effects over strata.
    """

    arm: str
    response: str
    strata: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    attribute: str | None = None
    cluster: str | None = None
    other: str | None = None
    population: bool = False


@dataclass(frozen=True, slots=True)
class ReborrowingNeed:
    """Loans of each ``entity`` in the order in which they were ``opened``: chains, and how soon the next one came.

    A loan ended on the day ``closed``, else after its ``term`` in days or months. The next continues the chain when it
    is opened at most ``gap_days`` days after the debt before it ended. ``ratios`` are pairs of columns whose quotient,
    ``times`` a number, says what a borrower can afford; each is cut into at most ``bands``, as are ``fees`` over
    ``amount``. A chain is long from ``chain_length`` loans on.
    """

    entity: str
    opened: str
    unit: str | None = None
    closed: str | None = None
    term: str | None = None
    term_in_months: bool = False
    gap_days: int = 14
    chain_length: int = 10
    attributes: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    ratios: tuple[tuple[str, str], ...] = ()
    times: float = 1.0
    bands: int = 10
    fees: str | None = None
    amount: str | None = None


@dataclass(frozen=True, slots=True)
class DebtTallyNeed:
    """Counts of a loan's own record: rollovers, debits, and debt of which mostly interest was paid.

    ``debits`` are added up. Debt persists where ``interest`` paid exceeds ``principal`` paid and the lowest ``balance``
    is ``floor`` of its money or more.
    """

    rollovers: str | None = None
    debits: str | None = None
    interest: str | None = None
    principal: str | None = None
    balance: str | None = None
    floor: float = 200.0


@dataclass(frozen=True, slots=True)
class DearestNeed:
    """Rows by group and by where their ``rate`` lies about the threshold above which ``share`` of all rows lie.

    ``scope`` names a column that is 1 for the rows that are meant. With a ``cluster`` also the products of counts
    within clusters.
    """

    rate: str
    share: float
    attribute: str
    scope: str | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class FunnelNeed:
    """Persons by how far they came along the contract's funnel, by each of ``attributes`` and of the ``cuts`` of age.

    Labels of ``strata`` are told apart together, the funnel's dimensions and the hour of the start one by one.
    """

    attributes: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    cuts: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class RankedNeed:
    """Rows by their place along a ``rank`` and by outcome, with the sums of a ``value`` that is above zero.

    The outcome is the decision, or whether a stage was ``passed``: a column of times, or of flags.
    """

    rank: str
    value: str | None = None
    passed: str | None = None
    bins: int = 256


@dataclass(frozen=True, slots=True)
class SpreadNeed:
    """Σ y, Σ y log y and their products over granted rows by labels of an ``attribute``; y an ``amount`` above zero."""

    amount: str
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class ReproductionNeed:
    """How many of ``rows`` drawn rows the model gives the recorded figure."""

    rows: int = 20_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ContributionsNeed:
    """Contributions of features to the model's output (SHAP values), by groups of ``attributes``.

    At most ``rows`` rows of each label, fewer where the gap's half-width of sampling reaches ``half_width`` of its
    size sooner. ``values`` is interventional, against ``background`` rows, or path_dependent. With ``strata`` also
    within them.
    """

    attributes: tuple[str, ...]
    strata: tuple[str, ...] = ()
    rows: int = 5_000
    half_width: float = 0.05
    background: int = 100
    values: str = "interventional"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class FlipsNeed:
    """How the model's output changes when one thing about a person is changed, in ``rows`` rows of each label."""

    attributes: tuple[str, ...] = ()
    rows: int = 20_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ProxiesNeed:
    """How well features tell the groups of ``attributes`` apart, and how much of the gap rides on each."""

    attributes: tuple[str, ...]
    strata: tuple[str, ...] = ()
    rows: int = 5_000
    background: int = 100
    small_set: int = 3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ReasonsNeed:
    """Reasons given for refusals against the model's drivers, in ``rows`` refusals of each label.

    A feature drives a refusal where it is among the ``drivers`` that count most against the person.
    """

    attributes: tuple[str, ...] = ()
    rows: int = 5_000
    background: int = 100
    drivers: int = 4
    seed: int = 0


ModelNeed = ReproductionNeed | ContributionsNeed | FlipsNeed | ProxiesNeed | ReasonsNeed
MODEL_NEEDS = (ReproductionNeed, ContributionsNeed, FlipsNeed, ProxiesNeed, ReasonsNeed)
Need = (
    EffectsNeed
    | CellsNeed
    | MomentsNeed
    | MembershipNeed
    | ClusterCellsNeed
    | HistogramNeed
    | SequenceNeed
    | SampleNeed
    | SameTermsNeed
    | ArmsNeed
    | CensusNeed
    | DearestNeed
    | ReborrowingNeed
    | DebtTallyNeed
    | FunnelNeed
    | RankedNeed
    | SpreadNeed
    | ReproductionNeed
    | ContributionsNeed
    | FlipsNeed
    | ProxiesNeed
    | ReasonsNeed
)
Kind = TypeVar("Kind", bound=Need)


def unknown_names(need: Need, attributes: Iterable[str], columns: Iterable[str]) -> list[str]:
    """The attributes and columns that a need names and that are not among those given, once each, in its own order."""
    groups: tuple[str, ...] = ()
    named: tuple[str | None, ...]
    if isinstance(need, MomentsNeed):
        groups = (need.attribute,) if need.attribute is not None else ()
        named = (*need.controls, need.cluster, need.response, *need.strata, need.labels)
    elif isinstance(need, EffectsNeed):
        groups = (need.attribute,) if need.attribute is not None else ()
        named = (need.cluster, *need.strata, *(name for model in need.models for name in model.sums))
    elif isinstance(need, MembershipNeed):
        named = (*need.columns, need.cluster)
    elif isinstance(need, HistogramNeed):
        groups, named = need.attributes, (need.score, *need.columns)
    elif isinstance(need, SequenceNeed):
        groups, named = need.attributes, (need.entity, need.time, need.unit)
    elif isinstance(need, SampleNeed):
        groups, named = need.attributes, (need.unit, *need.kept, *need.columns)
    elif isinstance(need, SameTermsNeed):
        named = (*need.keys, need.price, need.cost, need.incentive, need.time, need.reason, need.disclosed)
    elif isinstance(need, ArmsNeed):
        groups = (need.attribute,) if need.attribute is not None else ()
        named = (need.arm, need.response, need.other, need.cluster, *need.strata, *need.controls)
    elif isinstance(need, ClusterCellsNeed):
        groups, named = need.attributes, (need.cluster, *need.columns, *need.sums)
    elif isinstance(need, ReborrowingNeed):
        pairs = (name for pair in need.ratios for name in pair)
        groups, named = need.attributes, (
            need.entity, need.opened, need.unit, need.closed, need.term, *need.strata, *pairs, need.fees, need.amount,
        )  # fmt: skip
    elif isinstance(need, FunnelNeed):
        groups, named = need.attributes, need.strata
    elif isinstance(need, RankedNeed):
        named = (need.rank, need.value, need.passed)
    elif isinstance(need, SpreadNeed):
        groups, named = ((need.attribute,) if need.attribute is not None else ()), (need.amount,)
    elif isinstance(need, DebtTallyNeed):
        named = (need.rollovers, need.debits, need.interest, need.principal, need.balance)
    elif isinstance(need, DearestNeed):
        groups, named = (need.attribute,), (need.rate, need.scope, need.cluster)
    elif isinstance(need, CensusNeed):
        named = (*figure_inputs(need), need.scope, need.unit)
    elif isinstance(need, (ContributionsNeed, ProxiesNeed)):
        groups, named = need.attributes, need.strata
    elif isinstance(need, (FlipsNeed, ReasonsNeed)):
        groups, named = need.attributes, ()
    elif isinstance(need, ReproductionNeed):
        named = ()
    else:
        groups, named = need.attributes, (*need.columns, *need.sums)
    known_groups, known = set(attributes), set(columns)
    unknown = [name for name in groups if name not in known_groups]
    unknown += [name for name in (edge_of(one)[0] for one in named if one is not None) if name not in known]
    return list(dict.fromkeys(unknown))


def names_of(need: Need) -> list[str]:
    """Every attribute and column that a need names."""
    return unknown_names(need, (), ())


def figure_inputs(need: CensusNeed) -> tuple[str, ...]:
    """The columns behind a figure: itself, or what solves the cost of a loan where a measure of loans needs it."""
    if need.figure == CREDIT_WITHIN:
        return ()  # made of the contract's own columns
    if need.figure != figure_column(need.measure):
        return (need.figure,)
    return SOLVED if need.solved or FIGURES[need.measure].solved else ()


def of_kind(needs: Iterable[Need], kind: type[Kind]) -> tuple[Kind, ...]:
    """Each distinct need of a kind once, in the order of their first mention."""
    return tuple(dict.fromkeys(need for need in needs if isinstance(need, kind)))


def union(needs: Iterable[CellsNeed]) -> CellsNeed:
    """The cells from which each of these cells can be added up."""
    every = list(needs)
    return CellsNeed(
        attributes=tuple(sorted({name for need in every for name in need.attributes})),
        columns=tuple(sorted({name for need in every for name in need.columns})),
        sums=tuple(sorted({name for need in every for name in need.sums})),
        decision=any(need.decision for need in every),
    )


def merge(needs: Iterable[Need]) -> tuple[CellsNeed | None, tuple[MomentsNeed, ...]]:
    """One set of cells that serves every question, and each distinct set of moments once."""
    every = list(needs)
    cells = of_kind(every, CellsNeed)
    return (union(cells) if cells else None), of_kind(every, MomentsNeed)
