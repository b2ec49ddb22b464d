"""Subgroups at the crossing of attributes: what is planted is found, and where nothing is planted nothing is claimed.

Rates of draws are held to a band of four standard errors of a proportion; all seeds are fixed. The cells of a world are
drawn as one multinomial count, which is the same as counting rows drawn one by one.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from audits.evidence.cells import Cells, sorted_cells
from audits.evidence.needs import CellsNeed
from audits.fair_lending.intersections import MOST_SUBGROUPS, Intersections
from audits.simulation.intersections import Intersections as World
from audits.statistics.crossed_groups import cross
from audits.statistics.ladder import bounds_at
from audits.statistics.subgroup_count import deepest
from audits.statistics.subgroup_scan import scan_subgroups
from checks.inputs.contract import DataContract, GroupAttribute
from checks.problem import InputError
from tests.programs import run_program, write_program
from tests.questions import measure_program

SMALL = World(levels=(2, 3, 4, 2), harmed=(0, 1, 2))


class Given:
    """Cells as evidence."""

    def __init__(self, cells: Cells) -> None:
        self.given = cells

    def cells(self, need: CellsNeed) -> Cells:
        return self.given.project(need)


def drawn(world: World, effect: float, rows: int, seed: int, rename: str = "") -> tuple[Cells, DataContract]:
    """Cells of a draw of a world, names and labels with ``rename`` put before and their order turned round."""
    people = world.population(effect)
    counts = np.random.default_rng(seed).multinomial(rows, people.probability.ravel()).reshape(people.probability.shape)
    columns = people.columns[:-1]
    names = [rename + column.name[::-1] if rename else column.name for column in columns]
    order = sorted(range(len(names)), key=names.__getitem__)
    found = []
    for place in np.argwhere(counts):
        labels = tuple(f"{rename}{columns[i].values[place[i]]}" for i in order)
        found.append(((labels, int(place[-1]), int(counts[tuple(place)])), ()))
    contract = DataContract(groups=tuple(GroupAttribute(name, name, f"{rename}value 01") for name in names))
    return sorted_cells(CellsNeed(tuple(names[i] for i in order)), found), contract


def measured(cells: Cells, contract: DataContract, **parameters):
    figures, missing = Intersections(**parameters).measure(Given(cells), contract)
    return [m for m in figures if m.measure == "subgroup_gap"], figures[-1], missing


def counted(labels, rows: dict) -> tuple[Cells, DataContract]:
    """Cells from (labels…) → (favourable, unfavourable)."""
    found = [((key, d, n), ()) for key, (yes, no) in rows.items() for d, n in ((1, yes), (0, no)) if n]
    contract = DataContract(groups=tuple(GroupAttribute(name, name, "a") for name in labels))
    return sorted_cells(CellsNeed(tuple(labels)), found), contract


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_three_points_planted_in_one_of_1957_subgroups_are_found_under_other_names(seed):
    world = World()
    cells, contract = drawn(world, 0.03, 1_000_000, seed, rename="α ")
    found, largest, missing = measured(cells, contract)
    assert not missing
    first = found[0]
    planted = {f"α {name[::-1]}": f"α {label}" for name, label in world.planted().items()}
    assert dict(zip(first.attribute.split(" × "), first.group.split(" × "), strict=True)) == planted
    truth = world.truth(0.03)["approval_gap"]
    assert 0 < first.low <= truth <= first.high
    assert (largest.low > 0, largest.counts["subgroups"]) == (True, world.subgroups() - sum(world.levels))
    assert largest.low <= truth <= largest.high
    # whoever else stands out shares people with the planted subgroup
    assert all(set(m.group.split(" × ")) & set(planted.values()) for m in found if m.low > 0)


@pytest.mark.parametrize("seed", [21])
def test_nothing_planted_among_1957_subgroups_is_silence(seed):
    found, largest, _ = measured(*drawn(World(), 0.0, 1_000_000, seed))
    assert len(found) == 12
    assert all(m.low < 0 < m.high for m in found)
    assert largest.low <= 0 <= largest.high
    assert largest.counts["approved_less_often"] == largest.counts["approved_more_often"] == 0


def scanned(cells: Cells, replicates: int = 99):
    """The scan that the question makes."""
    crossed = cross(cells.cells, cells.attributes, 3, MOST_SUBGROUPS)
    return scan_subgroups(crossed.labels, crossed.n, crossed.x, missing=crossed.missing, replicates=replicates, seed=1)


def test_the_question_claims_what_its_scan_claims():
    cells, contract = drawn(SMALL, 0.1, 6000, 4)
    scan = scanned(cells, 499)
    found, *_ = measured(cells, contract, shown=1000, least_depth=1)
    claims = {m.group for m in found if not m.low <= 0 <= m.high}
    by_scan = {
        " × ".join(label for _, label in name)
        for name, z in zip(scan.subgroups, scan.z, strict=True)
        if abs(z) > scan.critical_value
    }
    assert claims == by_scan != set()


@pytest.mark.parametrize("torn", [0.0, 0.2])
def test_the_chance_of_any_claim_where_nothing_is_planted_is_that_stated(torn):
    """``torn`` is the share of the people whose first label is missing."""
    draws, claimed = 200, 0
    for seed in range(draws):
        cells, _ = drawn(SMALL, 0.0, 4000, 1000 + seed)
        scan = scanned(without_labels(cells, torn, seed) if torn else cells)
        claimed += bool(np.nanmax(np.abs(scan.z)) > scan.critical_value)
    assert abs(claimed / draws - 0.05) < 4 * np.sqrt(0.05 * 0.95 / draws)


def without_labels(cells: Cells, share: float, seed: int) -> Cells:
    """The cells, a share of the people's first label missing at random."""
    rng = np.random.default_rng(seed)
    pieces = []
    for labels, decision, rows in cells.cells:
        lost = int(rng.binomial(rows, share))
        pieces += [((labels, decision, rows - lost), ()), (((None, *labels[1:]), decision, lost), ())]
    return sorted_cells(CellsNeed(cells.attributes), [piece for piece in pieces if piece[0][2]])


def test_the_intervals_hold_the_truth_of_every_subgroup_at_once_where_one_is_harmed():
    people, draws, wrong = SMALL.population(0.15), 120, 0
    truth = {}
    for seed in range(draws):
        scan = scanned(drawn(SMALL, 0.15, 6000, 5000 + seed)[0])
        gaps = np.array([truth.setdefault(name, true_difference(people, name)) for name in scan.subgroups])
        judged = scan.unjudged == 0
        held = (scan.low[judged] <= gaps[judged]) & (gaps[judged] <= scan.high[judged])
        largest = max(-scan.high[judged]) <= max(-gaps[judged]) <= max(-scan.low[judged])
        assert largest or not held.all()  # the maximum is held whenever all are
        wrong += not held.all()
    assert wrong / draws < 0.05 + 4 * np.sqrt(0.05 * 0.95 / draws)


def true_difference(people, name) -> float:
    """Approval rate of a subgroup less that of everyone else, in the whole population."""
    joint = people.over(*(attribute for attribute, _ in name), "approved")
    inside = joint[tuple(people.values(attribute).index(label) for attribute, label in name)]
    outside = people.over("approved") - inside
    return float(inside[1] / inside.sum() - outside[1] / outside.sum())


def book(seed: int = 3, rows: int = 3000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({
        "case": range(rows), "sex": rng.choice(["f", "m"], rows), "race": rng.choice(["a", "b", "c"], rows),
        "age": rng.choice(["old", "young"], rows, p=[0.3, 0.7]),
    })  # fmt: skip
    chance = 0.75 - 0.3 * ((data["sex"] == "f") & (data["race"] == "c") & (data["age"] == "old"))
    return data.assign(granted=(rng.uniform(size=rows) < chance).astype(int))


GROUPS = {
    "sex": {"column": "sex", "reference": "m"}, "race": {"column": "race", "reference": "a"},
    "age": {"column": "age", "reference": "young"},
}  # fmt: skip


def audited(folder, data, question=None, **contract):
    given = {"unit": "case", "decision": {"column": "granted", "favourable": 1}, "groups": GROUPS, **contract}
    file = write_program(folder, data, contract=given)
    figures, missing = measure_program(file, question or Intersections(), folder / "evidence")
    return [m for m in figures if m.measure == "subgroup_gap"], figures[-1], missing


def test_every_figure_is_that_of_the_rows(tmp_path):
    data = book()
    found, largest, _ = audited(tmp_path, data, Intersections(shown=1000, least_size=1))
    assert len(found) == 2 * 3 + 2 * 2 + 3 * 2 + 12
    gaps = []
    for m in found:
        inside = np.logical_and.reduce(
            [data[name] == label for name, label in zip(m.attribute.split(" × "), m.group.split(" × "), strict=True)]
        )
        own, other = data[inside]["granted"], data[~inside]["granted"]
        gaps.append(other.mean() - own.mean())
        assert m.estimate == pytest.approx(gaps[-1], abs=1e-12)
        assert (m.counts["group_favourable"], m.counts["group_decided"]) == (own.sum(), len(own))
        assert m.details["subgroup_rate"] == pytest.approx(own.mean())
        assert m.low <= m.estimate <= m.high
        assert m.corrected
        assert m.reference == "everyone else"
        ends = sorted([own.mean(), data["granted"].mean()])
        assert ends[0] - 0.1 < m.details["shrunken_rate"] < ends[1] + 0.1
    assert largest.estimate == pytest.approx(max(gaps))
    assert largest.low == max(m.low for m in found)
    assert largest.high == max(m.high for m in found)
    for level in (0.5, 0.9, 0.99):
        at = [bounds_at(m.ladder, level) for m in found]
        assert bounds_at(largest.ladder, level) == (max(low for low, _ in at), max(high for _, high in at))
    assert found[0].group == "old × c × f"
    widest = max(data[data[n] != v]["granted"].mean() - data[data[n] == v]["granted"].mean()
                 for n, v in (("age", "old"), ("race", "c"), ("sex", "f")))  # fmt: skip
    assert found[0].details["largest_gap_of_its_groups"] == pytest.approx(widest)


def test_those_approved_less_often_come_first_and_no_more_than_shown(tmp_path):
    rows = {(r, s): (300, 300) for r in "abcd" for s in "xy"}
    rows |= {("a", "x"): (590, 10), ("b", "x"): (580, 20), ("c", "x"): (200, 400)}
    found, largest, _ = measured(*counted(("race", "sex"), rows), shown=2)
    assert found[0].group == "c × x"
    assert len(found) == 2
    assert largest.counts["approved_less_often"] > 2


def test_threads_and_the_order_of_attributes_change_nothing():
    cells, contract = drawn(SMALL, 0.1, 5000, 7)
    one = Intersections().measure(Given(cells), contract)
    turned = DataContract(groups=contract.groups[::-1])
    assert Intersections().measure(Given(cells), turned) == one
    crossed = cross(cells.cells, cells.attributes, 3, 1000)
    scans = [scan_subgroups(crossed.labels, crossed.n, crossed.x, replicates=499, seed=1, threads=t) for t in (1, 2, 5)]
    assert all((scan.maxima == scans[0].maxima).all() for scan in scans)
    other = Intersections(seed=2).measure(Given(cells), contract)
    assert other[0][0].estimate == one[0][0].estimate
    assert other[0][0].ladder != one[0][0].ladder


def test_the_seed_and_the_bounds_of_parameters_are_said_where_they_are_wrong():
    for wrong in (
        {"shown": 0},
        {"depth": "three"},
        {"replicates": 10},
        {"seed": -1},
        {"least_depth": 4},
        {"shown": True},
    ):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Intersections(**wrong)


def test_fewer_than_two_attributes_is_no_question(tmp_path):
    groups = {"sex": GROUPS["sex"]}
    file = write_program(tmp_path, book(), contract={
        "unit": "case", "decision": {"column": "granted", "favourable": 1}, "groups": groups,
    })  # fmt: skip
    figures, missing = measure_program(file, Intersections(), tmp_path / "evidence")
    assert figures == []
    assert "there is 1" in missing[0].reason


def test_rows_without_a_label_take_no_part_in_the_subgroups_of_that_attribute(tmp_path):
    data = book()
    data.loc[::10, "race"] = None
    question = Intersections(shown=1000, least_size=1)
    found, largest, _ = audited(tmp_path, data, question, columns={"race": {"null_tolerance": 0.2}})
    assert len(found) == 2 * 3 + 2 * 2 + 3 * 2 + 12
    for m in found:
        names, labels = m.attribute.split(" × "), m.group.split(" × ")
        known = data.dropna(subset=names)
        inside = np.logical_and.reduce([known[name] == label for name, label in zip(names, labels, strict=True)])
        own, other = known[inside]["granted"], known[~inside]["granted"]
        assert (m.n, m.counts["group_decided"]) == (len(known), len(own))
        assert m.estimate == pytest.approx(other.mean() - own.mean(), abs=1e-12)
    assert largest.counts["rows_without_a_label"] == 300
    assert any("lack a label" in said for said in largest.unseen)  # a tenth of the rows


def test_a_label_called_missing_is_a_label():
    rows = {("missing", "x"): (10, 90), ("missing", "y"): (50, 50), ("b", "x"): (50, 50), (None, "y"): (50, 50)}
    found, largest, _ = measured(*counted(("race", "sex"), rows))
    assert "missing × x" in {m.group for m in found}
    assert largest.counts["rows_without_a_label"] == 100


def test_subgroups_too_small_to_judge_are_counted_and_bar_a_clear_when_many_people_are_in_them():
    rows = {(r, s): (400, 400) for r in "ab" for s in "xy"}
    few, many = {("c", "x"): (10, 10)}, {(f"c{i}", "x"): (15, 15) for i in range(8)}
    _, largest, _ = measured(*counted(("race", "sex"), rows | few))
    assert largest.counts["not_judged"] == 1
    assert largest.counts["rows_of_subgroups_not_judged"] == 20
    assert (len(largest.cautions), largest.unseen) == (1, ())
    _, largest, _ = measured(*counted(("race", "sex"), rows | many))
    assert largest.counts["rows_of_subgroups_not_judged"] == 240
    assert largest.cautions == largest.unseen != ()


def test_rows_in_several_small_subgroups_count_once():
    rows = {
        ("a", "x", "p"): (10, 10),
        ("a", "y", "q"): (500, 500),
        ("b", "x", "q"): (500, 500),
        ("b", "y", "p"): (500, 500),
    }
    _, largest, _ = measured(*counted(("race", "sex", "area"), rows))
    assert largest.counts["rows_of_subgroups_not_judged"] == 20


@pytest.mark.parametrize(
    "rows",
    [{("a", "x"): (1, 0)}, {("a", "x"): (5, 0), ("b", "y"): (0, 5)}, {("a", "x"): (500, 0), ("b", "y"): (500, 0)},
     {("a", "x"): (0, 500), ("b", "y"): (0, 500)}, {("a", "x"): (300, 200)}, {}],
)  # fmt: skip
def test_books_that_cannot_be_compared_give_a_reason(rows):
    found, largest, _ = measured(*counted(("race", "sex"), rows))
    assert found == []
    assert largest.estimate is None
    assert largest.reason
    assert largest.corrected


def test_groups_of_none_one_and_five_are_not_judged_and_everything_else_is():
    base = {(r, s): (400, 400) for r in "ab" for s in "xy"}
    for size in (0, 1, 5):
        _, largest, _ = measured(*counted(("race", "sex"), base | {("c", "y"): (size, 0)}))
        assert largest.counts["judged"] == 4
        assert largest.counts["not_judged"] == bool(size)


def test_nobody_of_a_subgroup_approved_is_found():
    rows = {(r, s): (400, 400) for r in "ab" for s in "xy"} | {("a", "x"): (0, 200)}
    found, largest, _ = measured(*counted(("race", "sex"), rows))
    assert (found[0].group, found[0].low > 0.3, largest.low > 0.3) == ("a × x", True, True)


def test_too_many_subgroups_lower_the_depth_and_say_so():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 60, (20_000, 3))
    rows = {}
    for key in codes.tolist():
        label = tuple(f"v{k}" for k in key)
        rows[label] = (rows.get(label, (0, 0))[0] + 3, rows.get(label, (0, 0))[1] + 1)
    cells, contract = counted(("a", "b", "c"), rows)
    found, largest, missing = measured(cells, contract)
    assert {m.attribute.count("×") for m in found} == {1}
    assert (missing[0].question, "only depth 2" in missing[0].reason) == ("fair_lending.intersections: depth 3", True)
    pairs = {(i, j, key[i], key[j]) for key in rows for i, j in combinations(range(3), 2)}
    assert largest.counts["subgroups"] == len(pairs)
    assert largest.counts["subgroups"] < MOST_SUBGROUPS


@pytest.mark.parametrize("most", [0, 5, 9, 30, 10_000])
def test_the_depth_that_can_be_had_is_that_of_counting_combinations(most):
    rng = np.random.default_rng(4)
    codes = rng.integers(-1, 3, (4, 60))
    number, reach = 0, 0
    for size in (1, 2, 3):
        more = sum(
            len({tuple(leaf) for leaf in codes[list(part)].T.tolist() if min(leaf) >= 0})
            for part in combinations(range(4), size)
        )
        if number + more > most:
            break
        number, reach = number + more, size
    assert deepest(codes, 3, most) == (reach, number)


def test_a_program_judges_it_and_its_page_is_written(tmp_path):
    contract = {"unit": "case", "decision": {"column": "granted", "favourable": 1}, "groups": GROUPS}
    file = write_program(tmp_path, book(), contract=contract, audits={"primary": ["fair_lending.intersections"]})
    run, judgement = run_program(file, tmp_path / "out")
    assert not run.errors
    (largest,) = [m for m in run.measurements if m.measure == "largest_subgroup_gap"]
    assert largest.low > 0
    assert {f.verdict for f in judgement.findings if f.measurement.measure == "largest_subgroup_gap"} <= {"concern"}
