"""Ways to credit that cannot be: each kind of bad input is told where it stands, and stops where it decides."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.evidence.funnel_counts import collect_funnel
from audits.evidence.needs import FunnelNeed
from checks.gate import run_checks
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.programs import write_program

STAGES = {"reach": "seen", "start": "began", "identity": "proved", "submit": "sent", "decision": "granted"}
FLAGS = {
    "unit": "no", "age": "age", "groups": {"region": {"column": "region", "reference": "north"}},
    "decision": {"column": "granted", "favourable": "yes"},
    "funnel": {"stages": STAGES, "failed": {"face": "face"}, "fallback": "video", "assisted": "helped"},
}  # fmt: skip
EVENTS = {"reach": ["shown"], "start": ["opened"], "identity": ["proved"], "submit": ["sent"]}
LOG = {
    "entity": "who", "time": "at", "age": "age", "groups": {"region": {"column": "region", "reference": "north"}},
    "funnel": {"event": "what", "stages": EVENTS, "failed": {"face": ["face_failed"]}},
}  # fmt: skip
AS_OF = dt.date(2026, 3, 31)
START = pd.Timestamp("2026-03-02 09:00")


def persons(rows=200):
    """A row a person; two of three come to each stage, and whoever submits is decided upon."""
    came = np.arange(rows) % 10
    data = pd.DataFrame({"no": np.arange(rows), "age": 20 + np.arange(rows) % 70})
    for i, name in enumerate(("seen", "began", "proved", "sent")):
        data[name] = np.where(came >= i, "yes", "no")
    data["granted"] = np.where(came >= 3, np.where(came >= 6, "yes", "no"), None)
    data["face"], data["video"], data["helped"] = came == 3, came == 4, came % 2 == 0
    data["region"] = np.where(np.arange(rows) % 3 == 0, "south", "north")
    return data


def events(rows=200):
    """Four events a person, five minutes and more apart."""
    who = np.repeat(np.arange(rows // 4), 4)
    step = np.tile(np.arange(4), rows // 4)
    return pd.DataFrame({
        "who": who, "what": np.array(["shown", "opened", "proved", "sent"])[step],
        "at": START + pd.to_timedelta(who * 60 + step * 10, unit="min"), "age": 20.0 + who % 70,
        "region": np.where(who % 3 == 0, "south", "north"),
    })  # fmt: skip


def checked(folder, data, contract, **changes):
    with open_source(read_program(write_program(folder, data, contract=contract, **changes)), Period()) as source:
        return run_checks(source, read_program(folder / "loans.yaml"), AS_OF)


def lines(report):
    return [one for one in report.results if not one.success]


def only(report):
    found = lines(report)
    assert len(found) == 1, [(one.place, one.observed) for one in found]
    return found[0]


def counted(folder, data, contract):
    with open_source(read_program(write_program(folder, data, contract=contract)), Period()) as source:
        return collect_funnel(source, FunnelNeed(("region",)))


def into_postgres(url, data):
    kinds = {"b": "boolean", "i": "bigint", "f": "float8", "M": "timestamp"}
    columns = ", ".join(f'"{name}" {kinds.get(data[name].dtype.kind, "text")}' for name in data)
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS on_the_way")
        connection.execute(f"CREATE TABLE on_the_way ({columns})")
        with connection.cursor().copy("COPY on_the_way FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row([None if pd.isna(value) else value for value in row])


@pytest.mark.parametrize(("data", "contract"), [(persons(), FLAGS), (events(), LOG)], ids=["flags", "log"])
def test_a_sound_funnel_is_fit_in_both_engines(tmp_path, postgres_url, data, contract):
    into_postgres(postgres_url, data)
    there = checked(tmp_path / "pg", data, contract, source={"connection": postgres_url, "table": "on_the_way"})
    here = checked(tmp_path, data, contract)
    for report in (here, there):
        assert report.fit
        assert lines(report) == []


def test_a_log_needs_no_unit_and_its_rows_no_decision(tmp_path):
    places = {one.place for one in checked(tmp_path, events(), LOG).results}
    assert "contract.unit" not in places
    assert "contract.funnel.event" in places


@pytest.mark.parametrize("age", [0, 150])
def test_ages_that_nobody_has_are_told_and_counted(tmp_path, age):
    data = persons()
    data.loc[4, "age"] = age
    report = checked(tmp_path, data, FLAGS)
    line = only(report)
    assert report.fit
    assert (line.place, line.on_failure, line.unexpected, line.examples) == ("contract.age", "warn", 1, (str(age),))
    assert "from 14 to 115 years" in line.expected
    assert counted(tmp_path, data, FLAGS).counts["odd_ages"] == 1


@pytest.mark.parametrize(("rows", "fit"), [(10, True), (11, False)])
def test_a_later_stage_without_an_earlier_one_is_told_and_stops_above_one_in_twenty(tmp_path, rows, fit):
    data = persons()
    data.loc[data.index[data["proved"] == "yes"][:rows], "began"] = "no"
    report = checked(tmp_path, data, FLAGS)
    found = {line.on_failure: line for line in lines(report)}
    assert set(found) == ({"warn"} if fit else {"warn", "stop"})
    assert report.fit is fit
    assert found["warn"].unexpected == rows
    assert "a later stage without an earlier one" in str(found["warn"].observed)
    assert counted(tmp_path, data, FLAGS).counts["skipped"] == rows


def test_stages_out_of_order_in_time_are_told_and_clocks_may_differ_by_five_minutes(tmp_path):
    data = persons()
    for i, name in enumerate(("seen", "began")):
        data[name] = (START + pd.to_timedelta(np.arange(len(data)) + 60 * i, unit="min")).where(data[name] == "yes")
    data.loc[8, "began"] = data.loc[8, "seen"] - pd.Timedelta(seconds=301)
    data.loc[9, "began"] = data.loc[9, "seen"] - pd.Timedelta(seconds=300)
    report = checked(tmp_path, data, FLAGS)
    assert report.fit
    assert only(report).unexpected == 1
    assert "stages out of order in time" in str(only(report).observed)
    counts = counted(tmp_path, data, FLAGS).counts
    assert (counts["out_of_order"], counts["skewed"], counts["skipped"]) == (1, 1, 0)


def test_who_submitted_and_has_no_decision_is_told_and_who_did_not_submit_needs_none(tmp_path):
    data = persons()
    data.loc[data.index[data["sent"] == "yes"][:3], "granted"] = None
    report = checked(tmp_path, data, FLAGS)
    assert report.fit
    assert only(report).unexpected == 3
    assert "submitted and not decided" in str(only(report).observed)
    assert counted(tmp_path, data, FLAGS).counts["undecided"] == 3
    without = {**FLAGS, "funnel": {"stages": {"reach": "seen", "start": "began"}}}
    assert any(line.place == "contract.decision.column" for line in lines(checked(tmp_path, data, without)))


@pytest.mark.parametrize("finished", ["submit", "decision", "price", None])
def test_a_missing_decision_is_told_whatever_stage_is_the_last_of_the_customer(tmp_path, finished):
    data = persons().assign(taken="no")
    data.loc[data.index[data["sent"] == "yes"][:3], "granted"] = None
    stages = {("filing" if name == "submit" and finished is None else name): column for name, column in STAGES.items()}
    contract = funnel(stages={**stages, "price": "taken"}, **({"finished": finished} if finished else {}))
    line = only(checked(tmp_path, data, contract))
    assert line.unexpected == counted(tmp_path, data, contract).counts["undecided"] == 3
    assert "submitted and not decided" in str(line.observed)


def test_where_the_decision_comes_first_everybody_has_one(tmp_path):
    data = persons().assign(granted="yes")
    data.loc[:3, "granted"] = None
    contract = funnel(stages={"decision": "granted", "reach": "seen", "submit": "sent"}, finished="submit",
                      started="decision")  # fmt: skip
    places = {line.place: line.unexpected for line in lines(checked(tmp_path, data, contract))}
    assert places["contract.decision.column"] == counted(tmp_path, data, contract).counts["undecided"] == 4


def test_a_tolerance_for_missing_decisions_is_kept(tmp_path):
    contract = {**FLAGS, "columns": {"granted": {"null_tolerance": 0.1}}}
    found = {line.place for line in lines(checked(tmp_path, persons(), contract))}
    assert found == {"contract.decision.column"}


@pytest.mark.parametrize("column", ["began", "helped", "face", "video"])
def test_flags_that_say_neither_are_told(tmp_path, column):
    data = persons()
    data[column] = np.where(data[column].isin(["yes", True]), "yes", "no").astype(object)
    data.loc[0, column] = "perhaps"
    line = only(checked(tmp_path, data, FLAGS))
    assert (line.on_failure, line.column, line.unexpected) == ("warn", column, 1)
    assert "perhaps" in str(line.observed)


def test_thin_file_flags_that_say_neither_are_told(tmp_path):
    data = persons().assign(thin="no", machine="yes")
    data.loc[:1, "thin"], data.loc[:2, "machine"] = "maybe", "2"
    contract = {**FLAGS, "thin_file": {"flag": "thin", "automatic": "machine"}}
    found = {line.place: line.unexpected for line in lines(checked(tmp_path, data, contract))}
    assert found == {"contract.thin_file.flag": 2, "contract.thin_file.automatic": 3}


FILLED = {**FLAGS, "thin_file": {"flag": "thin", "filled_decision": "again"}}


@pytest.mark.parametrize("unfavourable", ["no", None])
def test_filled_in_decisions_in_other_words_are_told(tmp_path, postgres_url, unfavourable):
    decision = {"column": "granted", "favourable": "yes"} | ({"unfavourable": unfavourable} if unfavourable else {})
    contract = {**FILLED, "decision": decision}
    data = persons().assign(thin="no")
    data["again"] = np.where(data["no"] % 2, "yes", "no").astype(object)
    data.loc[:9, "again"] = None
    assert lines(checked(tmp_path, data, contract)) == []
    data.loc[20:23, "again"] = "ok"
    into_postgres(postgres_url, data)
    there = checked(tmp_path / "pg", data, contract, source={"connection": postgres_url, "table": "on_the_way"})
    for report in (checked(tmp_path, data, contract), there):
        line = only(report)
        assert report.fit
        assert (line.place, line.on_failure) == ("contract.thin_file.filled_decision", "warn")
        assert "ok" in str(line.observed) or not unfavourable


def test_filled_in_decisions_of_which_none_is_a_grant_in_the_words_of_the_decision_are_told(tmp_path):
    data = persons().assign(thin="no", again="refused")
    data.loc[data.index % 2 == 0, "again"] = "granted"
    line = only(checked(tmp_path, data, FILLED))
    assert (line.place, line.on_failure) == ("contract.thin_file.filled_decision", "warn")
    assert "yes" in str(line.expected)


def test_channels_on_neither_side_are_told(tmp_path):
    data = persons().assign(way="app")
    data.loc[:4, "way"], data.loc[5:9, "way"] = "fax", "branch"
    contract = {**FLAGS, "terms": {"channel": "way"}, "channels": {"digital": ["app"], "assisted": ["branch"]}}
    line = only(checked(tmp_path, data, contract))
    assert (line.place, line.on_failure, line.unexpected) == ("contract.channels", "warn", 5)
    assert "fax" in str(line.observed)


def test_unknown_events_are_told_with_their_names_and_counted(tmp_path):
    data = events()
    data.loc[data.index[data["what"] == "opened"][:2], "what"] = "Opened"
    data.loc[0, "what"] = " shown "
    report = checked(tmp_path, data, LOG)
    line = only(report)
    assert report.fit
    assert (line.place, line.on_failure, line.unexpected) == ("contract.funnel.event", "warn", 2)
    assert "Opened" in str(line.observed)
    assert " shown" not in str(line.observed)
    assert counted(tmp_path, data, LOG).unknown_events == (("Opened", 2),)


def test_duplicates_and_clocks_of_a_log_are_counted(tmp_path):
    data = events()
    last = data["at"].max()
    data = pd.concat([data, data.iloc[[0, 0, 5]]])
    data.loc[(data["who"] == 3) & (data["what"] == "opened"), "at"] -= pd.Timedelta(minutes=12)
    data.loc[(data["who"] == 4) & (data["what"] == "opened"), "at"] -= pd.Timedelta(minutes=20)
    data.loc[(data["who"] == 5) & (data["what"] == "sent"), "at"] = last + pd.Timedelta(days=4000)
    counts = counted(tmp_path, data, LOG).counts
    assert (counts["duplicates"], counts["skewed"], counts["out_of_order"], counts["ahead"]) == (3, 1, 1, 1)
    assert counts["rows"] == 203


def test_a_group_that_is_not_known_stops_unless_the_contract_tolerates_it_and_is_counted(tmp_path):
    data = persons()
    data.loc[:19, "region"] = None
    report = checked(tmp_path, data, FLAGS)
    assert not report.fit
    assert only(report).place == "contract.groups.region.column"
    tolerant = {**FLAGS, "columns": {"region": {"null_tolerance": 0.2}}}
    assert checked(tmp_path, data, tolerant).fit
    cells = counted(tmp_path, data, tolerant).cells["region"]
    assert sum(cell.persons for cell in cells if cell.label is None) == 20
    mixed = events()
    mixed.loc[0, "region"] = "north"
    found = counted(tmp_path, mixed, LOG)
    assert found.counts["mixed"] == 1
    assert sum(cell.persons for cell in found.cells["region"] if cell.label is None) == 1


def problems(folder, contract, table=None):
    file = write_program(folder, persons(), contract=contract)
    if table is not None:
        (folder / "people.csv").write_text(table)
    with pytest.raises(InputError) as error:
        read_program(file)
    lines = file.read_text().splitlines()
    for problem in error.value.problems:
        place, number = problem.where.split(",")[:2]
        assert place == str(file)
        assert 1 <= int(number.removeprefix(" line ")) <= len(lines)
        assert problem.found
        assert problem.expected
        assert problem.remedy
    return error.value.problems


def funnel(**changes):
    return {**FLAGS, "funnel": {**FLAGS["funnel"], **changes}}


BAD = [
    (funnel(stages={"reach": "seen"}), "1 stages", "two at least"),
    (funnel(stages={**STAGES, "so/so": "age"}), "the stage 'so/so'", "letters, digits"),
    (funnel(stages={**STAGES, "again": "seen"}), "'seen' as 'reach' and as 'again'", "of its own"),
    (funnel(started="begin"), "the stage 'begin'", "one of reach, start"),
    (funnel(finished="start", started="submit"), "out of order", "in the order"),
    (funnel(within="a month"), "'a month'", "a number of minutes, hours, days or weeks"),
    (funnel(wihtin="3 days"), "wihtin", ""),
    ({**FLAGS, "funnel": ["seen"]}, "1 stages", "two at least"),
    ({**FLAGS, "funnel": ["seen", "began", "began"]}, "'began' as 'began' and as 'began'", "of its own"),
    (funnel(stages={**STAGES, "all": "age"}), "the stage 'all'", "none of all"),
    (funnel(failed={"any": "face"}), "the way of proving who one is 'any'", "none of all"),
    ({**FLAGS, "groups": {"age from 60": {"column": "region", "reference": "north"}}}, "'age from 60'", "a name that"),
    ({**LOG, "entity": None, "funnel": LOG["funnel"]}, "'event' without 'entity'", "events of a person"),
    ({**FLAGS, "channels": {"digital": ["app"], "assisted": ["branch"]}}, "'channels' without 'terms.channel'",
     "the column whose values they are"),
    ({**FLAGS, "terms": {"channel": "region"}, "channels": {"digital": ["a"], "assisted": ["a"]}},
     "'a' as digital and as assisted", "each value once"),
    ({**FLAGS, "thin_file": {"flag": "face", "missing": ["age"]}}, "both 'missing' and 'flag'", "one of the two"),
    ({**FLAGS, "thin_file": {"when": "all"}}, "neither 'missing' nor 'flag'", "one of the two"),
    ({**FLAGS, "decision": None, "thin_file": {"flag": "face", "filled_decision": "granted"}},
     "'filled_decision' without 'decision'", "a decision"),
]  # fmt: skip


@pytest.mark.parametrize(("contract", "found", "expected"), BAD, ids=[one[1][:24] for one in BAD])
def test_errors_of_a_contract_say_where_what_was_found_what_is_expected_and_what_to_do(
    tmp_path, contract, found, expected
):
    told = problems(tmp_path, {key: value for key, value in contract.items() if value is not None})
    assert any(found in str(problem.found) and expected in str(problem.expected) for problem in told), told


TABLES = [
    ("attribute,people\nregion,3\n", "people.csv with the columns attribute, people", "the columns"),
    ("attribute,group,people\nregion,north,many\n", "line 2: 'many' people", "a number of 1 or more"),
    ("attribute,group,people\nregion,north,0\n", "line 2: '0' people", "a number of 1 or more"),
    ("attribute,group,people\nregion,north,5\nregion,north,6\n", "line 3: region 'north' again", "each group once"),
    ("attribute,group,people\ncolour,north,5\n", "line 2: the attribute 'colour'", "one of region"),
    ("attribute,group,people\nregion,north,0.3\n", "line 2: '0.3' people", "a number of 1 or more"),
    ("attribute,group,people\nage from 60,over 60,100\n", "the group 'over 60' of age from 60", "one of 60+"),
    ("attribute,group,people\nage from 65,65+,100\n", "the attribute 'age from 65'", "age from 60"),
    ("attribute,group,people\n", "without a group", "a line for each group"),
    ("attribute,group,people,source\nregion,north,5,a\nregion,south,6,b\n", "2 values of 'source'", "one for"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "found", "expected"), TABLES, ids=[one[1][:24] for one in TABLES])
def test_errors_of_a_table_of_people_say_the_line_of_the_table_too(tmp_path, table, found, expected):
    told = problems(tmp_path, {**FLAGS, "population": "people.csv"}, table)
    assert any(found in str(problem.found) and expected in str(problem.expected) for problem in told), told
