"""Odd but usable data: the figures are right, and whoever is left out is listed with the reason."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml

from audits.record import AuditRun, Judgement
from audits.run import audit, read_run
from checks.inputs.period import read_period
from checks.inputs.program import read_program
from tests.faults.conftest import applications, write
from tests.programs import loans, run_program, write_program

DECISION, GROUP = "审批结果", "ETHNIC group"
ALL_MISSING = "no group label: the value is missing"


def judged(
    folder: Path, data: pd.DataFrame, file: str = "book.parquet", period: str = "all", **contract: object
) -> tuple[AuditRun, Judgement]:
    """Write data and a program about them, audit, and read the records."""
    if data is not None:
        write(data, folder / file)
    program = {
        "program": "counter-loans",
        "source": contract.pop("source", {"table": file}),
        "contract": {
            "decision": {"column": DECISION, "favourable": "Y"},
            "groups": {"ethnicity": {"column": GROUP, "reference": "Han"}},
            **contract,
        },
        "audits": {"primary": ["fair_lending.approval"]},
        "policies": ["conventions"],
    }
    path = folder / "counter-loans.yaml"
    path.write_text(yaml.safe_dump(program, allow_unicode=True, sort_keys=False), encoding="utf-8")
    run, judgement = read_run(audit(read_program(path), read_period(period), folder / "runs"))
    assert run.checks.fit, run.checks.failures
    assert not run.errors, run.errors
    no_figure_without_meaning(run)
    return run, judgement


def no_figure_without_meaning(run: AuditRun) -> None:
    """No group called NaN, no figure that is NaN, and none missing without its reason."""
    for figure in run.measurements:
        assert str(figure.group).strip().casefold() not in ("", "nan", "null", "nat", "<na>"), figure
        assert (figure.estimate is None) == bool(figure.reason), figure
        assert figure.estimate is None or np.isfinite(figure.estimate)


def figures(run: AuditRun, measure: str, attribute: str = "ethnicity") -> dict[str | None, float | None]:
    return {m.group: m.estimate for m in run.measurements if (m.measure, m.attribute) == (measure, attribute)}


def rates(decision: pd.Series, group: pd.Series) -> dict[str, float]:
    """The approval rates by pandas alone."""
    return {str(label): float(rate) for label, rate in decision.groupby(group).mean().items()}


def same(run: AuditRun, expected: dict[str, float], reference: str = "Han", attribute: str = "ethnicity") -> None:
    """Rates, ratios and gaps are those computed by hand, for these groups and no others."""
    gaps = {label: expected[reference] - rate for label, rate in expected.items() if label != reference}
    ratios = {label: rate / expected[reference] for label, rate in expected.items() if label != reference}
    assert figures(run, "approval_rate", attribute) == pytest.approx(expected, rel=1e-11)
    assert figures(run, "approval_gap", attribute) == pytest.approx(gaps, abs=1e-11)
    assert figures(run, "adverse_impact_ratio", attribute) == pytest.approx(ratios, rel=1e-11)


def left_out(run: AuditRun) -> dict[tuple[str, str | None], int]:
    assert all(exclusion.reason for exclusion in run.exclusions)
    return {(exclusion.role, exclusion.label): exclusion.rows for exclusion in run.exclusions}


def plain(data: pd.DataFrame) -> dict[str, float]:
    return rates(data[DECISION].eq("Y"), data[GROUP])


@pytest.mark.parametrize("file", ["book.csv", "book.CSV", "book.csv.gz", "book.csv.bz2", "book.csv.xz", "book.parquet"])
def test_three_groups_from_every_kind_of_file(tmp_path, frame, file):
    run, _ = judged(tmp_path, frame, file)
    same(run, plain(frame))
    assert run.data.rows == len(frame)


def test_three_groups_from_a_table_of_a_duckdb_file(tmp_path, frame):
    with duckdb.connect(str(tmp_path / "book.duckdb")) as connection:
        connection.register("given", frame)
        connection.execute('CREATE TABLE "Loan Book" AS SELECT * FROM given')
    run, _ = judged(tmp_path, None, source={"connection": "duckdb://book.duckdb", "table": "Loan Book"})
    same(run, plain(frame))


def test_a_query_over_a_file_beside_the_program(tmp_path, frame):
    write(frame, tmp_path / "book.csv")
    run, _ = judged(tmp_path, None, source={"query": "SELECT * FROM 'book.csv' WHERE DTI < 0.4 -- a note"})
    same(run, plain(frame[frame["DTI"] < 0.4]))


def test_several_parquet_files_are_one_book(tmp_path, frame):
    (tmp_path / "年 2025").mkdir()
    for i, part in enumerate(np.array_split(np.arange(len(frame)), 5)):
        write(frame.iloc[part], tmp_path / "年 2025" / f"part {i}.parquet")
    run, _ = judged(tmp_path, None, source={"table": "年 2025/part *.parquet"})
    same(run, plain(frame))
    assert run.data.rows == len(frame)


@pytest.mark.parametrize("file", ["book [1].csv", "book [1].parquet", "book*.csv", "book?.csv", "it's; a book.csv"])
def test_a_file_whose_name_holds_signs_of_a_pattern_is_read_and_not_its_neighbour(tmp_path, frame, file):
    for other in ("book 1", "book1", "bookx"):
        write(frame.assign(**{DECISION: "Y"}), tmp_path / f"{other}{Path(file).suffix}")
    run, _ = judged(tmp_path, frame, file)
    same(run, plain(frame))
    assert run.data.rows == len(frame)


def test_a_folder_whose_name_holds_signs_of_a_pattern_is_no_pattern(tmp_path, frame):
    for name in ("books [2025]", "books 2"):
        (tmp_path / name).mkdir()
    write(frame.assign(**{DECISION: "Y"}), tmp_path / "books 2" / "book.csv")
    run, _ = judged(tmp_path / "books [2025]", frame, "book.csv")
    same(run, plain(frame))


def test_rows_that_begin_with_a_number_sign_are_rows(tmp_path, frame):
    frame["Lauf Nr"] = [f"{'#' if i % 40 == 0 else ''}{i}" for i in range(len(frame))]
    run, _ = judged(tmp_path, frame, "book.csv", unit="Lauf Nr")
    assert run.data.rows == len(frame)
    same(run, plain(frame))


def test_columns_named_by_numbers_are_found(tmp_path, frame):
    data = pd.DataFrame({"2024": frame[DECISION].eq("Y").astype(int), "2025": frame[GROUP].eq("Han").astype(int)})
    run, _ = judged(
        tmp_path, data, "book.csv", decision={"column": "2024", "favourable": 1},
        groups={"ethnicity": {"column": "2025", "reference": 1}},
    )  # fmt: skip
    same(run, rates(data["2024"], data["2025"]), "1")


MISSING = [
    ("book.csv", ""),
    ("book.parquet", None),
    ("book.parquet", "nan"),
    ("book.parquet", " NaN "),
    ("book.parquet", "N/A"),
]


@pytest.mark.parametrize(("file", "missing"), MISSING)
def test_missing_labels_that_are_tolerated_are_left_out_with_the_reason(tmp_path, frame, file, missing):
    gone = np.arange(len(frame)) % 25 == 3
    given = frame.assign(**{GROUP: frame[GROUP].astype(object).where(~gone, missing)})
    run, _ = judged(tmp_path, given, file, columns={GROUP: {"null_tolerance": 0.05}}, controls=["DTI"])
    same(run, plain(frame[~gone]))
    assert left_out(run) == {("groups.ethnicity", None): gone.sum()}
    assert run.exclusions[0].reason == ALL_MISSING
    kept, _ = judged(tmp_path / "kept", (tmp_path / "kept").mkdir() or frame[~gone], controls=["DTI"])
    assert figures(run, "adjusted_approval_gap") == pytest.approx(figures(kept, "adjusted_approval_gap"), rel=1e-9)


def test_missing_decisions_that_are_tolerated_are_left_out_with_the_reason(tmp_path, frame):
    gone = np.arange(len(frame)) % 25 == 3
    given = frame.assign(**{DECISION: frame[DECISION].astype(object).where(~gone, None)})
    run, _ = judged(tmp_path, given, columns={DECISION: {"null_tolerance": 0.05}})
    same(run, plain(frame[~gone]))
    assert left_out(run) == {("decision", None): gone.sum()}


CODES = [
    ("whole", lambda y: y.astype(int), 1),
    ("float", lambda y: y.astype(float), 1),
    ("float, told as float", lambda y: y.astype(float), 1.0),
    ("boolean, told as number", lambda y: y, 1),
    ("boolean", lambda y: y, True),
    ("boolean, told as a word", lambda y: y, "yes"),
    ("nullable boolean", lambda y: y.astype("boolean"), True),
    ("small integers", lambda y: y.astype("int8"), 1),
    ("32-bit float", lambda y: y.astype("float32"), 1),
    ("text of digits", lambda y: y.astype(int).astype(str), "1"),
    ("words", lambda y: y.map({True: "通过", False: "拒绝"}), "通过"),
    ("categories", lambda y: y.map({True: "in", False: "out"}).astype("category"), "in"),
]


@pytest.mark.parametrize(("name", "values", "favourable"), CODES, ids=[c[0] for c in CODES])
def test_a_decision_in_any_code_gives_the_same_rates(tmp_path, frame, name, values, favourable):
    file = "book.csv" if name in ("float", "boolean", "words") else "book.parquet"
    given = frame.assign(**{DECISION: values(frame[DECISION].eq("Y"))})
    run, _ = judged(tmp_path, given, file, decision={"column": DECISION, "favourable": favourable})
    same(run, plain(frame))


def test_float_codes_with_nan_for_decision_and_group(tmp_path, frame):
    code = frame[GROUP].map({"Han": 1.0, "Hui": 2.0, "Zhuang": np.nan})
    decision = frame[DECISION].eq("Y").astype(float).where(np.arange(len(frame)) % 50 != 0)
    run, _ = judged(
        tmp_path, frame.assign(**{GROUP: code, DECISION: decision}), decision={"column": DECISION, "favourable": 1},
        groups={"ethnicity": {"column": GROUP, "reference": 1, "labels": {1: "汉", 2: "回"}}},
        columns={GROUP: {"null_tolerance": 0.5}, DECISION: {"null_tolerance": 0.05}},
    )  # fmt: skip
    known = code.notna() & decision.notna()
    same(run, rates(decision[known], code[known].map({1.0: "汉", 2.0: "回"})), "汉")
    assert left_out(run) == {("groups.ethnicity", None): code.isna().sum(), ("decision", None): decision.isna().sum()}


def test_excluded_decisions_are_left_out_with_the_reason(tmp_path, frame):
    withdrawn = np.arange(len(frame)) % 9 == 0
    given = frame.assign(**{DECISION: frame[DECISION].where(~withdrawn, "W")})
    for extra in ({}, {"unfavourable": ["N"]}):
        decision = {"column": DECISION, "favourable": "Y", "excluded": ["W"], **extra}
        run, _ = judged(tmp_path, given, decision=decision)
        same(run, plain(frame[~withdrawn]))
        assert left_out(run) == {("decision", None): withdrawn.sum()}


def test_several_favourable_values_count_as_one(tmp_path, frame):
    given = frame.assign(**{DECISION: frame[DECISION].where(np.arange(len(frame)) % 3 != 0, "C")})
    run, _ = judged(tmp_path, given, decision={"column": DECISION, "favourable": ["Y", "C"], "unfavourable": ["N"]})
    same(run, rates(given[DECISION].isin(["Y", "C"]), given[GROUP]))


def test_a_group_whose_decisions_are_all_excluded_is_listed_with_the_reason(tmp_path, frame):
    given = frame.assign(**{DECISION: frame[DECISION].where(frame[GROUP] != "Zhuang", "W")})
    run, _ = judged(tmp_path, given, decision={"column": DECISION, "favourable": "Y", "excluded": ["W"]})
    same(run, plain(frame[frame[GROUP] != "Zhuang"]))
    assert ("groups.ethnicity", "Zhuang") in left_out(run)


def test_a_reference_group_whose_decisions_are_all_excluded_leaves_no_silence(tmp_path, frame):
    given = frame.assign(**{DECISION: frame[DECISION].where(frame[GROUP] != "Han", "W")})
    run, judgement = judged(tmp_path, given, decision={"column": DECISION, "favourable": "Y", "excluded": ["W"]})
    for measure in ("adverse_impact_ratio", "approval_gap"):
        assert set(figures(run, measure).values()) == {None}
    assert "not_identified" in {finding.verdict for finding in judgement.findings}


def test_a_declared_label_that_never_occurs_is_listed_with_the_reason(tmp_path, frame):
    labels = {"Han": "汉", "Hui": "回", "Zhuang": "壮", "Miao": "苗"}
    run, _ = judged(tmp_path, frame, groups={"ethnicity": {"column": GROUP, "reference": "Han", "labels": labels}})
    same(run, rates(frame[DECISION].eq("Y"), frame[GROUP].map(labels)), "汉")
    assert left_out(run) == {("groups.ethnicity", "苗"): 0}


def test_labels_that_swap_the_codes_are_applied_once(tmp_path, frame):
    code = frame[GROUP].map({"Han": 0, "Hui": 1, "Zhuang": 2})
    labels = {0: "1", 1: "0", 2: "2"}
    run, _ = judged(
        tmp_path, frame.assign(**{GROUP: code}),
        groups={"ethnicity": {"column": GROUP, "labels": labels, "reference": "0"}},
    )  # fmt: skip
    assert figures(run, "approval_rate")["1"] == pytest.approx(plain(frame)["Han"])
    assert figures(run, "approval_rate")["0"] == pytest.approx(plain(frame)["Hui"])


def test_labels_that_differ_in_case_or_spaces_stay_apart(tmp_path, frame):
    given = frame.assign(**{GROUP: frame[GROUP].map({"Han": "Han", "Hui": "han", "Zhuang": "Han "})})
    run, _ = judged(tmp_path, given)
    same(run, plain(given))


def test_a_group_of_one_row_is_measured_without_a_claim(tmp_path, frame):
    given = frame.assign(**{GROUP: np.where(np.arange(len(frame)) == 5, "Miao", "Han")})
    run, judgement = judged(tmp_path, given, controls=["DTI"])
    same(run, plain(given))
    assert {m.n for m in run.measurements if (m.group, m.measure) == ("Miao", "approval_rate")} == {1}
    assert not {"breach", "concern"} & {finding.verdict for finding in judgement.findings}


@pytest.mark.parametrize("everybody", ["Y", "mixed"])
def test_all_approved_or_a_reference_never_approved_gives_no_false_alarm_and_no_nan(tmp_path, frame, everybody):
    if everybody == "Y":
        run, judgement = judged(tmp_path, frame.assign(**{DECISION: "Y"}), controls=["DTI"])
        assert set(figures(run, "approval_gap").values()) == {0.0}
        assert not {"breach", "concern"} & {finding.verdict for finding in judgement.findings}
    else:
        given = frame.assign(**{DECISION: frame[DECISION].where(frame[GROUP] != "Han", "N")})
        run, _ = judged(tmp_path, given, controls=["DTI"])
        assert set(figures(run, "adverse_impact_ratio").values()) == {None}


def adjusted(data: pd.DataFrame, controls: list[str], reference: str = "Han") -> dict[str, float]:
    """The gap after controls, by least squares on the rows themselves."""
    data = data.replace([np.inf, -np.inf], np.nan).dropna(subset=controls)
    others = sorted(set(data[GROUP]) - {reference})
    columns = [np.ones(len(data)), *(data[GROUP].eq(label).astype(float) for label in others)]
    columns += [data[name].astype(float) for name in controls]
    found = np.linalg.lstsq(np.column_stack(columns), data[DECISION].eq("Y").astype(float), rcond=None)[0]
    return {label: -float(found[1 + i]) for i, label in enumerate(others)}


def test_controls_that_say_nothing_change_nothing_and_are_named(tmp_path, frame):
    given = frame.assign(constant=7.0, again=frame["DTI"] * 3 - 1)
    run, _ = judged(tmp_path, given, controls=["DTI", "constant", "again"])
    assert figures(run, "adjusted_approval_gap") == pytest.approx(adjusted(frame, ["DTI"]), abs=1e-9)
    assert left_out(run)["controls.constant", None] == 0


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_rows_whose_control_is_no_number_are_left_out_of_the_adjusted_figure_only(tmp_path, frame, odd):
    given = frame.assign(DTI=frame["DTI"].where(np.arange(len(frame)) % 30 != 0, odd))
    run, _ = judged(tmp_path, given, controls=["DTI"])
    same(run, plain(frame))
    assert figures(run, "adjusted_approval_gap") == pytest.approx(adjusted(given, ["DTI"]), abs=1e-9)
    assert left_out(run) == {("controls.DTI", None): 14}


def test_a_control_that_is_the_group_itself_leaves_nothing_to_compare(tmp_path, frame):
    given = frame[frame[GROUP] != "Zhuang"].assign(twin=lambda d: d[GROUP].eq("Hui").astype(int))
    run, _ = judged(tmp_path, given, controls=["DTI", "twin"])
    assert figures(run, "adjusted_approval_gap") == {"Hui": None}


def test_a_control_without_any_value_leaves_the_adjusted_figure_unanswered(tmp_path, frame):
    run, _ = judged(tmp_path, frame.assign(DTI=np.nan), controls=["DTI"])
    same(run, plain(frame))
    assert set(figures(run, "adjusted_approval_gap").values()) == {None}


def test_a_group_that_never_has_a_control_is_not_dropped_from_the_adjusted_figures_in_silence(tmp_path, frame):
    run, _ = judged(tmp_path, frame.assign(DTI=frame["DTI"].where(frame[GROUP] != "Zhuang")), controls=["DTI"])
    found = figures(run, "adjusted_approval_gap")
    assert found["Hui"] == pytest.approx(adjusted(frame[frame[GROUP] != "Zhuang"], ["DTI"])["Hui"], abs=1e-9)
    assert found["Zhuang"] is None


def test_a_control_named_twice_counts_once(tmp_path, frame):
    run, _ = judged(tmp_path, frame, controls=["DTI", "DTI"])
    assert figures(run, "adjusted_approval_gap") == pytest.approx(adjusted(frame, ["DTI"]), abs=1e-9)


def test_controls_of_very_unlike_sizes_keep_their_precision(tmp_path, frame):
    given = frame.assign(huge=frame["收入 income"] * 1e280, tiny=frame["Alter"] * 1e-290 + 5e-288)
    run, _ = judged(tmp_path, given, controls=["huge", "tiny"])
    expected = adjusted(frame, ["收入 income", "Alter"])
    assert figures(run, "adjusted_approval_gap") == pytest.approx(expected, abs=1e-9)


def test_bands_close_below_and_open_above_and_several_attributes_stand_side_by_side(tmp_path, frame):
    ages = frame["Alter"].astype(float)
    groups = {
        "age": {"column": "Alter", "bands": [25, 40, 62], "reference": "25-39"},
        "ethnicity": {"column": GROUP, "reference": "Han"},
    }
    run, _ = judged(tmp_path, frame, groups=groups, controls=["DTI"])
    labels = pd.cut(ages, [-np.inf, 25, 40, 62, np.inf], right=False, labels=["under 25", "25-39", "40-61", "62+"])
    same(run, rates(frame[DECISION].eq("Y"), labels.astype(str)), "25-39", "age")
    same(run, plain(frame))
    assert {m.attribute for m in run.measurements} == {"age", "ethnicity"}


PERIODS = [
    ("2025-Q3", "2025-07-01", "2025-09-30"),
    ("2025-02", "2025-02-01", "2025-02-28"),
    ("2025", "2025-01-01", "2025-12-31"),
    ("2025-03-01..2025-10-15", "2025-03-01", "2025-10-15"),
    ("2025-06-01..9999-12-31", "2025-06-01", "9999-12-31"),
]


@pytest.mark.parametrize(("period", "first", "last"), PERIODS)
def test_a_period_takes_whole_days_by_the_time_column(tmp_path, frame, period, first, last):
    file = "book.csv" if period == "2025-Q3" else "book.parquet"
    frame["Decided ON"] += pd.to_timedelta(np.arange(len(frame)) % 24 * 3599, unit="s")
    run, _ = judged(tmp_path, frame, file, period, time="Decided ON")
    day = frame["Decided ON"].dt.date
    chosen = frame[(day >= dt.date.fromisoformat(first)) & (day <= dt.date.fromisoformat(last))]
    assert run.data.rows == len(chosen)
    same(run, plain(chosen))
    assert (run.data.first_day, run.data.last_day) == (
        str(min(chosen["Decided ON"]).date()), str(max(chosen["Decided ON"]).date())
    )  # fmt: skip


def test_bounds_that_mean_without_end_are_bounds(tmp_path, frame):
    run, _ = judged(
        tmp_path, frame, time="Decided ON", freshness={"within_days": 1_000_000},
        columns={"Decided ON": {"type": "date", "min": dt.date(1, 1, 1), "max": dt.date(9999, 12, 31)}},
    )  # fmt: skip
    same(run, plain(frame))


def test_a_version_can_be_read_by_whoever_may_read_the_out_folder(tmp_path):
    judged(tmp_path, applications())
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "runs/counter-loans/all/v1").stat().st_mode & 0o777 == 0o777 & ~mask


@pytest.mark.parametrize("word", ["at", "show", "lateral", "describe", "glob", "positional", "select", "order"])
def test_columns_may_be_called_by_words_of_the_engine(tmp_path, word):
    """A time column named ``at`` stopped every check with a syntax error."""
    data = loans(3, 300).assign(**{word: pd.Timestamp("2025-03-01")}).rename(columns={"burden": "asof"})
    contract = {
        "unit": "case", "time": word, "decision": {"column": "granted", "favourable": 1},
        "groups": {"region": {"column": "region", "reference": "north"}}, "controls": ["asof"],
    }  # fmt: skip
    run, _ = run_program(write_program(tmp_path, data, contract=contract), tmp_path / "out")
    assert run.checks.fit
    assert run.errors == ()
