"""The collector: needs of all questions in, files of aggregates out, and back.

The files are what travels with a report: cells as CSV, everything else as JSON. ``Evidence`` is
all that a question sees; no question touches a row. Samples hold rows of persons, and sums of amounts in a
cell of fewer than five rows may be what one person pays: such files lie in a ``restricted`` folder beside
the evidence, closed to others, and only their digest and number of rows are recorded.

Scans: one for the ranges of all numeric columns, one for each set of cells (``planned_cells``
joins needs), and those that each other collector states. ``scans.json`` counts the queries made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from audits.evidence.cells import Cells, cells_from_csv, cells_to_csv, collect_cells, planned_cells
from audits.evidence.needs import (
    MODEL_NEEDS,
    ArmsNeed,
    CellsNeed,
    CensusNeed,
    ClusterCellsNeed,
    DearestNeed,
    DebtTallyNeed,
    EffectsNeed,
    FunnelNeed,
    HistogramNeed,
    MembershipNeed,
    ModelNeed,
    MomentsNeed,
    Need,
    RankedNeed,
    ReborrowingNeed,
    SameTermsNeed,
    SampleNeed,
    SequenceNeed,
    SpreadNeed,
    of_kind,
    unknown_names,
)
from audits.record import DataRecord, EvidenceFile, digest_of
from checks.inputs.pricing_columns import LOGARITHMS
from checks.inputs.source import Source
from checks.problem import InputError, Problem
from checks.whole_file import write_whole

if TYPE_CHECKING:
    from audits.evidence.arms import Arms
    from audits.evidence.census import Census
    from audits.evidence.cluster_cells import ClusterCells
    from audits.evidence.dearest import Dearest
    from audits.evidence.debt_tallies import DebtTallies
    from audits.evidence.effects import EffectScores
    from audits.evidence.exact_sums import Ranges
    from audits.evidence.funnel import Funnel
    from audits.evidence.histograms import Histogram
    from audits.evidence.memberships import Memberships
    from audits.evidence.moments import Moments
    from audits.evidence.ranked import Ranked, Spread
    from audits.evidence.reborrowing import Reborrowing
    from audits.evidence.reborrowing_influences import Influences
    from audits.evidence.same_terms import SameTerms
    from audits.evidence.sequences import Sequences

SCANS_FILE = "scans.json"
Limits = Mapping[str, tuple[float, ...]]
RESTRICTED = "restricted"


@lru_cache(maxsize=8)
def _cells_of(text: str) -> Cells:
    """Cells of a file's text, parsed once however many questions read them."""
    return cells_from_csv(text)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Aggregates of a run. Methods raise ``KeyError`` for what no question declared."""

    folder: Path
    data: DataRecord

    def cells(self, need: CellsNeed | None = None) -> Cells:
        """The cells of one need, or, without one, the first set of cells that was collected."""
        for file in self._cells_files():
            cells = _cells_of(file.read_text(encoding="utf-8"))
            if need is None:
                return cells
            if cells.serves(need):
                return cells.project(need)
        raise KeyError(f"no cells were collected for {need or 'any question'}")

    def attributes(self) -> tuple[str, ...]:
        """The attributes of which there are cells with decisions."""
        every = (_cells_of(file.read_text(encoding="utf-8")) for file in self._cells_files())
        return tuple(sorted({name for cells in every if cells.decision for name in cells.attributes}))

    def moments(self, need: MomentsNeed) -> Moments:
        """The moments of one need."""
        from audits.evidence.moments import moments_from_json

        return moments_from_json(self._text(need))

    def memberships(self, need: MembershipNeed) -> Memberships:
        """The sums and products of probabilities of one need."""
        from audits.evidence.memberships import memberships_from_json

        return memberships_from_json(self._text(need))

    def cluster_cells(self, need: ClusterCellsNeed) -> ClusterCells:
        """The products of cells within clusters of one need."""
        from audits.evidence.cluster_cells import cluster_cells_from_json

        return cluster_cells_from_json(self._text(need))

    def effect_scores(self, need: EffectsNeed) -> EffectScores:
        """The products of the clusters' score sums of one need."""
        from audits.evidence.effects import effect_scores_from_json

        return effect_scores_from_json(self._text(need))

    def histogram(self, need: HistogramNeed) -> Histogram:
        """The distribution of one need."""
        from audits.evidence.histograms import histogram_from_json

        return histogram_from_json(self._text(need))

    def sequences(self, need: SequenceNeed) -> Sequences:
        """Gaps and chains of one need."""
        from audits.evidence.sequences import sequences_from_json

        return sequences_from_json(self._text(need))

    def same_terms(self, need: SameTermsNeed) -> SameTerms:
        """Prices on the same terms of one need."""
        from audits.evidence.same_terms import same_terms_from_json

        return same_terms_from_json(self._text(need))

    def reborrowing(self, need: ReborrowingNeed) -> tuple[Reborrowing, Influences]:
        """Chains of loans of one need, and how far borrowers move each estimate."""
        from audits.evidence.reborrowing import reborrowing_from_json
        from audits.evidence.reborrowing_influences import influences_from_json

        text = self._text(need)
        return reborrowing_from_json(text), influences_from_json(text)

    def debt_tallies(self, need: DebtTallyNeed) -> DebtTallies:
        """Counts of loans' own records of one need."""
        from audits.evidence.debt_tallies import debt_tallies_from_json

        return debt_tallies_from_json(self._text(need))

    def dearest(self, need: DearestNeed) -> Dearest:
        """Who has the dearest rows, of one need."""
        from audits.evidence.dearest import dearest_from_json

        return dearest_from_json(self._text(need))

    def ranked(self, need: RankedNeed) -> Ranked:
        """Who has what along a rank, of one need."""
        from audits.evidence.ranked import ranked_from_json

        return ranked_from_json(self._text(need))

    def spread(self, need: SpreadNeed) -> Spread:
        """How an amount is spread, of one need."""
        from audits.evidence.ranked import spread_from_json

        return spread_from_json(self._text(need))

    def funnel(self, need: FunnelNeed) -> Funnel:
        """Persons by how far they came, of one need."""
        from audits.evidence.funnel import funnel_from_json

        return funnel_from_json(self._text(need))

    def census(self, need: CensusNeed) -> Census:
        """The extremes and the rows beyond limits of one need."""
        from audits.evidence.census import census_from_json

        return census_from_json(self._text(need))

    def arms(self, need: ArmsNeed) -> Arms:
        """Money by arm of one need."""
        from audits.evidence.arms import arms_from_json

        return arms_from_json(self._text(need))

    def modelled(self, need: ModelNeed) -> Any:
        """What the model says of one need, in the dataclass of its module. Raises ``ModelUnusable``."""
        from audits.evidence.modelled import modelled_from_json

        return modelled_from_json(need, self._text(need))

    def sample(self, need: SampleNeed) -> Path:
        """The Parquet file of a sample, which only people who may see persons' rows can have."""
        file = self.folder / _file_name(need)
        if not file.exists():
            raise KeyError(f"no sample was collected for {need}")
        return file

    def _cells_files(self) -> list[Path]:
        return _cells_files(self.folder)

    def _text(self, need: Need) -> str:
        file = self.folder / _file_name(need)
        if not file.exists():  # sums of few rows are closed to others
            file = self.folder.parent / RESTRICTED / file.name
        if not file.exists():
            raise KeyError(f"nothing was collected for {need}")
        return file.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _CountedSource(Source):
    """A source that notes every query."""

    queries: list[str] = field(default_factory=list)

    def rows(self, question: Any) -> list[tuple[Any, ...]]:
        self.queries.append("query")
        return Source.rows(self, question)


def collect(
    source: Source, needs: Iterable[Need], folder: Path, rows: int, limits: Limits = MappingProxyType({})
) -> tuple[EvidenceFile, ...]:
    """Collect into ``folder``; ``limits`` are those that rules set on each measure.

    Raises ``InputError`` when the data no longer have ``rows`` rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    every = tuple(needs)
    if not every:
        return ()
    _known(source, every)
    counted = _CountedSource(*(getattr(source, one.name) for one in fields(Source)))
    ranges = _ranges(counted, every)
    if ranges:
        _unchanged(rows, ranges.rows)
    files = _collect_cells(counted, every, ranges, folder, rows)
    for need in (need for need in dict.fromkeys(every) if not isinstance(need, CellsNeed)):
        if isinstance(need, CensusNeed):
            files += _collect_census(counted, need, limits.get(need.measure, ()), folder, rows)
        else:
            files.append(_collect_one(counted, need, ranges, folder, rows))
    scans = json.dumps({"queries": len(counted.queries), "rows": rows}, indent=1, sort_keys=True) + "\n"
    return (*files, _write(folder / SCANS_FILE, scans, rows))


def _known(source: Source, needs: Sequence[Need]) -> None:
    """A need for what the contract does not name is a mistake of its question, and says so."""
    columns, attributes = set(source.table.columns), set(source.prepared.references)
    for need in needs:
        if unknown := unknown_names(need, attributes, columns):
            raise KeyError(f"{need} names {', '.join(unknown)}, which the contract does not have")


def _ranges(source: Source, needs: Sequence[Need]) -> Ranges | None:
    from audits.evidence.exact_sums import LIGHT_EXPONENT, collect_ranges, range_of_logarithms

    loose = [name for need in of_kind(needs, CellsNeed) for name in need.sums]
    loose += [name for need in of_kind(needs, EffectsNeed) for model in need.models for name in model.sums]
    numbers = [name for need in of_kind(needs, ClusterCellsNeed) for name in need.sums]
    numbers += [name for need in of_kind(needs, MomentsNeed) for name in need.controls]
    numbers += [need.response for need in of_kind(needs, MomentsNeed) if need.response is not None]
    numbers += [need.score for need in of_kind(needs, HistogramNeed)]
    logarithms = sorted({name for name in loose if name in LOGARITHMS} - set(numbers))
    held = source.prepared.bounded_by
    numbers += [held.get(name, name) for name in loose if name not in logarithms]
    clustered = (MomentsNeed, ClusterCellsNeed, EffectsNeed)
    clusters = [need.cluster for need in needs if isinstance(need, clustered) and need.cluster]
    if not numbers and not clusters and not logarithms:
        return None
    found = collect_ranges(source, sorted(set(numbers)), sorted(set(clusters) - set(numbers)))
    known = {name: range_of_logarithms(found.rows) for name in logarithms}
    taken = {name: found.by_column[held[name]] for name in loose if name in held and name not in found.by_column}
    beyond = sorted(name for name, one in taken.items() if one.exponent > LIGHT_EXPONENT)
    if beyond:  # the largest amounts may be in rows that derived columns leave out
        taken |= collect_ranges(source, beyond).by_column
    known |= taken
    return replace(found, by_column={**found.by_column, **known})


def _collect_cells(
    source: Source, needs: Sequence[Need], ranges: Ranges | None, folder: Path, rows: int
) -> list[EvidenceFile]:
    files = []
    for old in _cells_files(folder):  # of a collection that did not end
        old.unlink()
    for i, need in enumerate(planned_cells(source, of_kind(needs, CellsNeed))):
        cells = collect_cells(source, need, ranges.by_column if ranges else None)
        _unchanged(rows, cells.rows)
        name = f"cells-{i + 1}.csv" if i else "cells.csv"
        write = _write_restricted if cells.tells_persons else _write
        files.append(write(folder / name, cells_to_csv(cells), cells.rows))
    return files


def _cells_files(folder: Path) -> list[Path]:
    """The files of cells of a folder of evidence, and those beside it that only some may read, in order."""
    found = [*folder.glob("cells*.csv"), *(folder.parent / RESTRICTED).glob("cells*.csv")]
    return sorted(found, key=lambda file: (len(file.name), file.name))


def _collect_census(
    source: Source, need: CensusNeed, limits: Sequence[float], folder: Path, rows: int
) -> list[EvidenceFile]:
    """The counts, and the keys of rows beyond limits where there are any."""
    from audits.evidence.census import census_to_json, collect_census

    keys = folder.parent / RESTRICTED / beyond_file(need.measure)
    census = collect_census(source, need, limits, keys if need.unit is not None else None)
    _unchanged(rows, census.rows)
    files = [_write(folder / _file_name(need), census_to_json(census), census.known)]
    if keys.exists():
        told = max(n for _, n in census.beyond)
        files.append(EvidenceFile(f"{RESTRICTED}/{keys.name}", digest_of(keys.read_bytes()), told))
    return files


def beyond_file(measure: str) -> str:
    """Name of the restricted file with the keys of the rows beyond a limit."""
    return f"beyond-{measure}.parquet"


def _collect_one(source: Source, need: Need, ranges: Ranges | None, folder: Path, rows: int) -> EvidenceFile:
    """Everything but cells: one file for each need."""
    file = folder / _file_name(need)
    if isinstance(need, MomentsNeed):
        from audits.evidence.moments import collect_moments, moments_to_json

        moments = collect_moments(source, need, ranges)
        return _write(file, moments_to_json(moments), sum(moments.counts))
    if isinstance(need, MembershipNeed):
        from audits.evidence.memberships import collect_memberships, memberships_to_json

        likely = collect_memberships(source, need)
        return _write(file, memberships_to_json(likely), sum(likely.counts))
    if isinstance(need, ClusterCellsNeed):
        from audits.evidence.cluster_cells import cluster_cells_to_json, collect_cluster_cells

        found = collect_cluster_cells(source, need, ranges, _cells_at_hand(folder, need))
        return _write(file, cluster_cells_to_json(found), rows - found.missing)
    if isinstance(need, EffectsNeed):
        from audits.evidence.effects import collect_effects, effect_cells, effect_scores_to_json

        cells = _cells_for(source, effect_cells(need), ranges, folder)
        scores = collect_effects(source, need, ranges, cells) if ranges else None
        if scores is None:
            raise TypeError("effects need the ranges of their columns")
        return _write(file, effect_scores_to_json(scores), cells.rows)
    if isinstance(need, HistogramNeed):
        from audits.evidence.histograms import collect_histogram, histogram_to_json

        histogram = collect_histogram(source, need, ranges)
        return _write(file, histogram_to_json(histogram), rows - histogram.missing)
    if isinstance(need, SequenceNeed):
        from audits.evidence.sequences import collect_sequences, sequences_to_json

        sequences = collect_sequences(source, need)
        return _write(file, sequences_to_json(sequences), rows - sequences.missing)
    if isinstance(need, SameTermsNeed):
        from audits.evidence.same_terms import collect_same_terms, same_terms_to_json

        priced = collect_same_terms(source, need)
        _unchanged(rows, priced.rows)
        return _write(file, same_terms_to_json(priced), priced.usable)
    if isinstance(need, ArmsNeed):
        from audits.evidence.arms import arms_to_json, collect_arms

        arms = collect_arms(source, need)
        _unchanged(rows, arms.rows)
        write = _write_restricted if arms.tells_persons else _write
        return write(file, arms_to_json(arms), arms.rows)
    if isinstance(need, ReborrowingNeed):
        from audits.evidence.reborrowing_influences import collect_whole

        text, used = collect_whole(source, need, rows)
        return _write(file, text, used)
    if isinstance(need, DearestNeed):
        from audits.evidence.dearest import collect_dearest, dearest_to_json

        dearest = collect_dearest(source, need)
        return _write(file, dearest_to_json(dearest), dearest.known)
    if isinstance(need, (RankedNeed, SpreadNeed)):
        from audits.evidence.ranked import collect_ranked, collect_spread, ranked_to_json

        along = collect_ranked(source, need) if isinstance(need, RankedNeed) else collect_spread(source, need)
        return _write(file, ranked_to_json(along), along.rows)
    if isinstance(need, DebtTallyNeed):
        from audits.evidence.debt_tallies import collect_debt_tallies, debt_tallies_to_json

        tallies = collect_debt_tallies(source, need)
        _unchanged(rows, tallies.rows)
        return _write(file, debt_tallies_to_json(tallies), tallies.rows)
    if isinstance(need, FunnelNeed):
        from audits.evidence.funnel import funnel_to_json
        from audits.evidence.funnel_counts import collect_funnel

        funnel = collect_funnel(source, need)
        _unchanged(rows, funnel.counts["rows"])
        return _write(file, funnel_to_json(funnel), rows - funnel.counts["without_person"])
    if isinstance(need, MODEL_NEEDS):
        from audits.evidence.modelled import collect_modelled

        told, used = collect_modelled(source, need)
        return _write(file, told, used)
    if isinstance(need, SampleNeed):
        from audits.evidence.samples import collect_sample

        drawn = collect_sample(source, need, file)
        return EvidenceFile(f"{RESTRICTED}/{file.name}", digest_of(file.read_bytes()), drawn)
    raise TypeError(f"{type(need).__name__} is no need that can be collected")


def _cells_at_hand(folder: Path, need: ClusterCellsNeed) -> Cells | None:
    """The cells that a need's products are between, where they were collected for another need."""
    return _served(folder, CellsNeed(need.attributes, need.columns, (), need.decision))


def _served(folder: Path, need: CellsNeed) -> Cells | None:
    """The cells of a need from those that were collected, where they hold them."""
    for file in _cells_files(folder):
        cells = _cells_of(file.read_text(encoding="utf-8"))
        if cells.serves(need):
            return cells.project(need)
    return None


def _cells_for(source: Source, need: CellsNeed, ranges: Ranges | None, folder: Path) -> Cells:
    """The cells of a need, collected where they are not at hand."""
    return _served(folder, need) or collect_cells(source, need, ranges.by_column if ranges else None)


def _file_name(need: Need) -> str:
    """A name that tells needs apart. Names of attributes may hold signs that no file may."""
    if isinstance(need, MomentsNeed):
        return _moments_name(need)
    digest = _short(json.dumps(astuple(need)))
    if isinstance(need, SampleNeed):
        return f"../{RESTRICTED}/sample-{digest}.parquet"
    kinds: dict[type, str] = {
        ClusterCellsNeed: "cluster-cells", HistogramNeed: "histogram", SequenceNeed: "sequences",
        MembershipNeed: "memberships", EffectsNeed: "effects", SameTermsNeed: "same-terms",
        ArmsNeed: "arms",
        FunnelNeed: "funnel",
        CensusNeed: "census", DearestNeed: "dearest", ReborrowingNeed: "reborrowing", DebtTallyNeed: "debt-tallies",
        RankedNeed: "ranked", SpreadNeed: "spread",
        **{kind: kind.__name__.removesuffix("Need").lower() for kind in MODEL_NEEDS},
    }  # fmt: skip
    return f"{kinds[type(need)]}-{digest}.json"


def _moments_name(need: MomentsNeed) -> str:
    asked = need.controls if need.cluster is None else (*need.controls, "", need.cluster)
    plain = "everyone" if need.attribute is None else re.sub(r"\W", "_", need.attribute)
    if need.attribute is not None and plain != need.attribute:
        asked = (*asked, "", need.attribute)
    text = "\x1f".join(asked)
    if need.attribute is None or need.response is not None or need.strata:
        text = json.dumps(astuple(need))
    return f"moments-{plain}-{_short(text)}.json"


def _short(text: str) -> str:
    return digest_of(text.encode()).removeprefix("sha256:")[:8]


def _write(file: Path, text: str, rows: int) -> EvidenceFile:
    content = text.encode()
    write_whole(file, content)
    return EvidenceFile(file.name, digest_of(content), rows)


def _write_restricted(file: Path, text: str, rows: int) -> EvidenceFile:
    """The same beside the folder of evidence, closed to others."""
    home = file.parent.parent / RESTRICTED
    home.mkdir(exist_ok=True)
    home.chmod(0o700)
    written = _write(home / file.name, text, rows)
    (home / file.name).chmod(0o600)
    return replace(written, name=f"{RESTRICTED}/{file.name}")


def _unchanged(before: int, now: int) -> None:
    if before != now:
        raise InputError(Problem(
            "the source", f"{now} rows where {before} were counted at the start",
            "data that stay as they are during a run",
            "run again when the job that writes the data has ended",
        ))  # fmt: skip
