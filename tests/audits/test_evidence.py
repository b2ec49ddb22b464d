"""Evidence: aggregates equal rows, in any order, on any number of threads.

Tolerance 1e-12 relative: the bar that cells equal rows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, selection_rate

from audits.evidence.cells import Cells, cells_from_csv, cells_to_csv
from audits.evidence.collect import collect
from audits.evidence.needs import (
    CellsNeed,
    ClusterCellsNeed,
    HistogramNeed,
    MomentsNeed,
    SampleNeed,
    SequenceNeed,
    merge,
    unknown_names,
)
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import loans, run_program, write_program


def test_needs_of_many_questions_become_one_set_of_cells():
    needs = [CellsNeed(("b",)), CellsNeed(("a", "b")), MomentsNeed("a", ("x",)), MomentsNeed("a", ("x",))]
    assert merge(needs) == (CellsNeed(("a", "b")), (MomentsNeed("a", ("x",)),))


def test_cells_survive_their_file_with_awkward_labels():
    cells = Cells(("race",), ((('a,"b"\n',), 1, 2), (("\\N",), 0, 3), (("白人",), None, 4), ((None,), 1, 5)))
    assert cells_from_csv(cells_to_csv(cells)) == cells


def test_rates_from_cells_equal_fairlearn_on_rows(tmp_path):
    data = loans(3)
    run, _ = run_program(write_program(tmp_path, data), tmp_path / "out")
    rows = MetricFrame(
        metrics=selection_rate, y_true=data["granted"], y_pred=data["granted"], sensitive_features=data["region"]
    )
    for m in run.measurements:
        if m.measure == "approval_rate":
            assert m.estimate == pytest.approx(rows.by_group[m.group], rel=1e-12)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_adjusted_gap_does_not_depend_on_the_units_of_a_control(tmp_path, scale):
    import statsmodels.api as sm

    data = loans(5)
    data["burden"] = (data["burden"] + 2000) * scale
    run, _ = run_program(write_program(tmp_path, data), tmp_path / "out")
    (adjusted,) = [m for m in run.measurements if m.measure == "adjusted_approval_gap"]
    centred = data["burden"] / scale - 2000
    design = sm.add_constant(pd.DataFrame({"north": (data["region"] == "north") * 1.0, "burden": centred}))
    fit = sm.OLS(data["granted"], design).fit(cov_type="HC1")
    assert adjusted.estimate == pytest.approx(fit.params["north"], rel=1e-7)
    assert adjusted.standard_error == pytest.approx(fit.bse["north"], rel=1e-7)


def test_threads_and_row_order_leave_every_byte_of_the_run_as_it_was(tmp_path, monkeypatch):
    data = pd.concat([loans(seed, 30_000) for seed in range(10)], ignore_index=True)
    data["case"] = np.arange(len(data))
    contents = set()
    for threads, order in (("1", None), ("2", 1), ("4", 2)):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        folder = tmp_path / threads
        shuffled = data if order is None else data.sample(frac=1, random_state=order)
        write = write_program(folder, shuffled)
        run_program(write, folder / "out")
        contents.add((folder / "out/loans/all/v1/run.json").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize(("need", "unknown"), [
    (CellsNeed(("a", "no"), ("x", "c"), ("x", "s")), ["no", "c", "s"]),
    (MomentsNeed("no", ("x", "c"), "g"), ["no", "c", "g"]),
    (MomentsNeed("a", ("x",)), []),
    (ClusterCellsNeed("g", ("no",), ("c",), ("s", "c")), ["no", "g", "c", "s"]),
    (HistogramNeed("s", ("no",), ("c",)), ["no", "s", "c"]),
    (SequenceNeed("e", "t", "u", 1.0, ("no",)), ["no", "e", "t", "u"]),
    (SampleNeed("u", 1, 1, ("k", "x"), ("no",), ("c",)), ["no", "u", "k", "c"]),
    (CellsNeed(("x",), ("a",)), ["x", "a"]),
    (CellsNeed(), []),
])  # fmt: skip
def test_every_name_that_a_need_cannot_have_is_said(need, unknown):
    assert unknown_names(need, ["a"], ["x", "y"]) == unknown


def test_a_need_for_what_the_contract_does_not_name_is_told_by_name(tmp_path):
    program = read_program(write_program(tmp_path, loans(1, 60)))
    with open_source(program, Period()) as source, pytest.raises(KeyError, match="names nope, which the contract"):
        collect(source, [CellsNeed(("region",), ("nope",))], tmp_path / "evidence", 60)
