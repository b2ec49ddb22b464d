"""Reasons given for refusals against what drove them in the model, counted over refusals that are drawn.

A driver of a refusal is a feature whose contribution to the model's output counts against the person, among the
``drivers`` that do most; ties with the last are drivers too. Contributions are interventional, against applicants who
were approved: the official interpretation of 12 CFR 1002.9(b)(2) compares an applicant with applicants near the score
that passes, or with all. Where nobody drawn was approved the background is of all rows, and says so. A reason is
matched where any of its features is a driver, and unfounded where none is. Generic codes, and codes that the contract
does not explain, are neither.

Codes are compared as texts, whatever the case, blanks around them left out; the same one twice in a refusal is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audits.evidence.model_rows import ModelRows, model_rows
from audits.evidence.needs import ReasonsNeed
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.prepared import FAVOURABLE, MISSING_TEXTS
from checks.inputs.source import Source

if TYPE_CHECKING:
    import pandas as pd

    from checks.inputs.model import Model

Whole = NDArray[np.int64]
_ROWS_A_BACKGROUND = 20  # rows drawn for each approved one that is wanted
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class GivenReasons:
    """Of the refusals of a ``label`` of an ``attribute``, or of all of them where both are None.

    ``refusals`` are those of the source, ``drawn`` of them, ``used`` that the model can take; all below is of these.
    ``reasons`` were given, ``explained`` by the contract and not generic, ``matched`` of those. Refusals: ``unfounded``
    with a reason that no driver stands behind, ``without_reason``, ``generic`` with a generic code, ``without_driver``.
    ``unexplained`` are reasons that the contract does not explain. ``clusters`` have an explained reason; ``squares``
    are Σ m², Σ m g and Σ g² over them, m matched and g explained; ``shared`` Σ m₀m, Σ m₀g, Σ g₀m and Σ g₀g over those
    with refusals of the reference (₀) as well.
    """

    attribute: str | None
    label: str | None
    refusals: int
    drawn: int
    used: int
    reasons: int
    explained: int
    matched: int
    unexplained: int
    unfounded: int
    without_reason: int
    generic: int
    without_driver: int
    clusters: int
    squares: tuple[int, int, int]
    shared: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Reasons:
    """What was given against what drove. ``rows`` are the refusals used of all, ``parts`` (all, then each label).

    ``background`` rows were compared with, applicants who were approved where ``approved``; ``explainer`` and ``kind``
    say how. ``features`` is their number. ``unknown`` are refusals used with a category that the model never saw.
    ``at_most`` refusals of each label were explained of so large a model; None where as many as were asked.
    """

    rows: int
    parts: tuple[GivenReasons, ...]
    explainer: str
    kind: str
    background: int
    approved: bool
    drivers: int
    features: int
    unknown: int
    without_unit: int
    at_most: int | None = None

    def of(self, attribute: str | None, label: str | None) -> GivenReasons | None:
        """The part of a label; None where it has no refusal."""
        return next((one for one in self.parts if (one.attribute, one.label) == (attribute, label)), None)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Refusals, (n,) each: their reasons by what they are, and whether any feature drove them."""

    reasons: Whole
    explained: Whole
    matched: Whole
    unexplained: Whole
    generic: Whole
    driven: NDArray[np.bool_]


def code_of(value: Any) -> str | None:
    """A reason as a person would write it, in lower case without blanks around it; None where there is none."""
    if value is None or value != value:
        return None
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, float, np.integer, np.floating)) and float(value).is_integer():
        value = int(value)
    text = str(value).strip().casefold()
    return None if text in MISSING_TEXTS else text


def codes_given(columns: Sequence[Sequence[Any] | NDArray[Any]]) -> list[tuple[str, ...]]:
    """The different codes of each row over columns of (n,)."""
    rows = zip(*columns, strict=True) if columns else iter(())
    return [tuple(dict.fromkeys(code for code in map(code_of, row) if code is not None)) for row in rows]


def driving(values: NDArray[np.float64], favourable: str, drivers: int) -> NDArray[np.bool_]:
    """Which contributions (n, p) are among the ``drivers`` of their row that count most against the person.

    ``favourable`` is the side of the output that is good for the customer, low or high.
    """
    against = -values if favourable == "high" else values
    if not against.shape[1]:
        return np.zeros(against.shape, dtype=bool)
    place = max(against.shape[1] - drivers, 0)
    last = np.partition(against, place, axis=1)[:, [place]]
    least = np.abs(values).max(axis=1, keepdims=True, initial=0.0) * _TIE  # less is rounding
    return np.asarray((against > least) & (against >= last - np.abs(last) * _TIE))


def places_of(names: Sequence[str], one_hot: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The place of each feature among ``names``, and of columns that are part of one of them."""
    own = {name: i for i, name in enumerate(names)}
    return {part: own[whole] for whole, parts in one_hot.items() if whole in own for part in parts} | own


def judge_reasons(
    codes: Sequence[tuple[str, ...]],
    drives: NDArray[np.bool_],
    place: Mapping[str, int],
    explains: Mapping[str, Sequence[str]],
    generic: Iterable[str],
) -> Judged:
    """Reasons of n refusals against their drivers (n, p); ``explains`` maps a code to features, ``place`` these to p.

    A code of which no feature is the model's is not explained.
    """
    meant: dict[str, list[int]] = {}
    for code, names in explains.items():
        meant.setdefault(code_of(code) or "", []).extend(place[name] for name in names if name in place)
    told = {code_of(code) for code in generic}
    found = np.zeros((5, len(codes)), dtype=np.int64)
    for i, given in enumerate(codes):
        for code in given:
            places = [] if code in told else meant.get(code, [])
            hit = bool(places) and bool(drives[i, places].any())
            found[:, i] += (1, bool(places), hit, not places and code not in told, code in told)
    reasons, explained, matched, unexplained, hollow = found
    return Judged(reasons, explained, matched, unexplained, hollow, np.asarray(drives.any(axis=1)))


def clusters_of(owners: Sequence[Any] | NDArray[Any] | None, n: int) -> Whole:
    """Numbers that tell which rows belong together; a row without an owner stands alone."""
    if owners is None:
        return np.arange(n)
    known: dict[Any, int] = {}
    alone = iter(range(n, 2 * n))
    return np.array(
        [next(alone) if one is None or one != one else known.setdefault(one, len(known)) for one in owners],
        dtype=np.int64,
    )


def cluster_sums(judged: Judged, rows: NDArray[np.bool_], owners: Whole) -> tuple[Whole, Whole]:
    """Matched and explained reasons of each owner over some rows, both (2 n,)."""
    most = 2 * len(owners)
    both = [np.bincount(owners[rows], part[rows], minlength=most).astype(np.int64)
            for part in (judged.matched, judged.explained)]  # fmt: skip
    return both[0], both[1]


def tally(
    judged: Judged,
    rows: NDArray[np.bool_],
    owners: Whole,
    sizes: tuple[int, int],
    named: tuple[str | None, str | None] = (None, None),
    reference: NDArray[np.bool_] | None = None,
) -> GivenReasons:
    """Counts over ``rows`` (n,) of what was judged; ``sizes`` are refusals of the source and drawn."""
    m, g = cluster_sums(judged, rows, owners)
    shared = (0, 0, 0, 0)
    if reference is not None:
        m0, g0 = cluster_sums(judged, reference, owners)
        shared = int(m0 @ m), int(m0 @ g), int(g0 @ m), int(g0 @ g)
    return GivenReasons(
        *named, *sizes, used=int(rows.sum()), reasons=int(judged.reasons[rows].sum()),
        explained=int(judged.explained[rows].sum()), matched=int(judged.matched[rows].sum()),
        unexplained=int(judged.unexplained[rows].sum()),
        unfounded=int((judged.matched < judged.explained)[rows].sum()),
        without_reason=int((judged.reasons == 0)[rows].sum()), generic=int((judged.generic > 0)[rows].sum()),
        without_driver=int((~judged.driven)[rows].sum()), clusters=int((g > 0).sum()),
        squares=(int(m @ m), int(m @ g), int(g @ g)), shared=shared,
    )  # fmt: skip


def collect_reasons(source: Source, model: Model, need: ReasonsNeed) -> Reasons:
    """Refusals drawn, explained and counted. Raises ``ModelUnusable``."""
    from audits.evidence.explainers import explain
    from audits.evidence.explainers_inside import grouped
    from checks.inputs.model import model_frame

    contract = source.contract
    if contract is None or contract.prediction is None:
        raise ModelUnusable(ModelFault("not_named"))
    features = tuple(dict.fromkeys(contract.features))
    columns = (*contract.denial_reasons, *((contract.entity,) if contract.entity else ()))
    rows = model_rows(source, need.attributes, need.rows, need.seed, columns, refused=True)
    taken = model_frame(model, rows.features)
    usable = np.asarray(taken.usable, dtype=bool)
    if not usable.any():
        raise ModelUnusable(ModelFault("no_rows"))
    background, approved = _background(source, model, need)
    names = grouped(model, features)
    frame = taken.frame.loc[usable].reset_index(drop=True)
    found = explain(model, frame, background, "interventional", names, seed=need.seed)
    codes = codes_given([rows.columns[name][usable] for name in dict.fromkeys(contract.denial_reasons)])
    made = contract.prediction
    judged = judge_reasons(
        codes,
        driving(found.values, made.favourable, need.drivers),
        places_of(names, model.one_hot),
        dict(made.reasons),
        made.generic_reasons,
    )
    owners = clusters_of(rows.columns[contract.entity][usable] if contract.entity else None, len(codes))
    drawn = _Drawn(rows, usable, rows.most)
    parts = tuple(_parts(drawn, judged, owners, source.prepared.references, need.attributes))
    return Reasons(
        rows=parts[0].used, parts=parts, explainer=found.explainer, kind=found.kind, background=len(background),
        approved=approved, drivers=need.drivers, features=len(names), unknown=sum(taken.unseen.values()),
        without_unit=rows.without_unit,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Rows with those that the model can take, and how many were drawn of each label and of all."""

    rows: ModelRows
    usable: NDArray[np.bool_]
    most: int

    def everyone(self) -> NDArray[np.bool_]:
        """The draw of all rows: those with the smallest hashes come first."""
        return np.arange(len(self.rows)) < self.most

    def label(self, attribute: str, label: str) -> NDArray[np.bool_]:
        """The draw of a label."""
        return np.asarray((self.rows.labels[attribute] == label) & (self.rows.places[attribute] < self.most))


def _parts(
    drawn: _Drawn, judged: Judged, owners: Whole, references: Mapping[str, str], attributes: Sequence[str]
) -> Iterator[GivenReasons]:
    everyone = drawn.everyone()
    yield tally(judged, everyone[drawn.usable], owners, (drawn.rows.total, int(everyone.sum())))
    for attribute in attributes:
        reference = drawn.label(attribute, references[attribute])[drawn.usable]
        for label in sorted(name for name in drawn.rows.sizes[attribute] if name is not None):
            own, own_reference = drawn.label(attribute, label), label == references[attribute]
            yield tally(
                judged, own[drawn.usable], owners, (drawn.rows.sizes[attribute][label], int(own.sum())),
                (attribute, label), None if own_reference else reference,
            )  # fmt: skip


def _background(source: Source, model: Model, need: ReasonsNeed) -> tuple[pd.DataFrame, bool]:
    """Rows to compare with: applicants who were approved, of all where nobody drawn was; and which."""
    from checks.inputs.model import model_frame

    rows = model_rows(source, (), need.background * _ROWS_A_BACKGROUND, need.seed, (FAVOURABLE,))
    taken = model_frame(model, rows.features)
    usable = np.asarray(taken.usable, dtype=bool)
    yes = usable & np.array([value == 1 for value in rows.columns[FAVOURABLE]], dtype=bool)
    chosen = np.flatnonzero(yes if yes.any() else usable)[: need.background]
    if not len(chosen):
        raise ModelUnusable(ModelFault("no_rows"))
    return taken.frame.iloc[chosen].reset_index(drop=True), bool(yes.any())
