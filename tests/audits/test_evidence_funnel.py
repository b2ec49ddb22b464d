"""Persons by how far they came against a loop over plain rows, on DuckDB and Postgres. Counts are exact."""

from __future__ import annotations

import json
import math
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import psycopg
import pytest

from audits.comparisons.funnel_faults import told_faults
from audits.evidence import funnel_codes, funnel_layout, funnel_sample
from audits.evidence.collect import Evidence, collect
from audits.evidence.funnel import TIME_EDGES, Funnel, age_attribute, age_labels, funnel_from_json, funnel_to_json
from audits.evidence.funnel_counts import collect_funnel
from audits.evidence.funnel_layout import layout_of
from audits.evidence.funnel_persons import last_day
from audits.evidence.funnel_sample import one_in, thinned
from audits.evidence.needs import FunnelNeed
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import write_program

START = datetime(2024, 3, 1)
STAGES = {"reach": ["shown"], "start": ["opened", "begun"], "identity": ["proved"], "submit": ["sent"],
          "decision": ["granted"]}  # fmt: skip
FAILED = {"face": ["face_failed"], "otp": ["otp_failed", "otp_late"]}
LOG = {
    "entity": "WHO", "time": "seen at", "age": "age", "strata": ["product"],
    "groups": {"region": {"column": "region", "reference": "north", "labels": {"n": "north", "s": "south"}},
               "town": {"column": "town", "reference": "t0"}},
    "funnel": {"event": "what", "stages": STAGES, "failed": FAILED, "fallback": ["video_call"], "device": "device",
               "network": "net", "assisted": "helped"},
}  # fmt: skip
FLAGS = {
    "unit": "row", "age": "age", "strata": ["product"], "decision": {"column": "decided", "favourable": "yes"},
    "groups": {"region": {"column": "region", "reference": "north", "labels": {"n": "north", "s": "south"}}},
    "funnel": {"stages": {"reach": "reached", "start": "began", "identity": "proved", "submit": "sent",
                          "decision": "decided", "price": "taken"},
               "failed": {"face": "face", "otp": "otp"}, "fallback": "video", "device": "device", "assisted": "helped"},
}  # fmt: skip
CUTS = (60.0, 62.0)
STEPS = (-900, -301, -300, -20, 1, 59, 60, 61, 600, 40_000, 3e6)
CHANCES = (0.03, 0.02, 0.03, 0.05, 0.2, 0.1, 0.1, 0.1, 0.2, 0.12, 0.05)


def log(seed=1, persons=120):
    """Events in disorder: lost, repeated, late, unknown, of nobody, with odd labels and clocks that are wrong."""
    rng = np.random.default_rng(seed)
    names = [*(name for names in STAGES.values() for name in names)]
    others = ["face_failed", "otp_failed", "otp_late", "video_call", "scrolled", "Shown", " "]
    rows = []
    for who in range(persons):
        clock = START + timedelta(seconds=int(rng.integers(0, 60 * 86_400)))
        region, town, age = rng.choice(["n", "s", " s"]), f"t{rng.integers(0, 11)}", float(rng.integers(10, 120))
        for name in names[: int(rng.integers(1, len(names) + 1))]:
            if rng.random() < 0.15:
                continue
            clock += timedelta(seconds=float(rng.choice(STEPS, p=CHANCES)))
            rows.append([who, name, clock, region, town, age, rng.choice(["a", "b"])])
            if rng.random() < 0.1:
                rows.append(list(rows[-1]))
            if rng.random() < 0.3:
                rows.append([*rows[-1][:1], str(rng.choice(others)), clock, *rows[-1][3:]])
    data = pd.DataFrame(rows, columns=["WHO", "what", "seen at", "region", "town", "age", "product"])
    size = len(data)
    data["WHO"] = data["WHO"].astype(float)
    data["device"] = rng.choice(["phone", "desk", "nan"], size)
    data["net"] = rng.choice(["4g", "wifi"], size)
    data["helped"] = rng.choice(["yes", "no", "perhaps"], size, p=[0.2, 0.7, 0.1])
    for name, value in (("WHO", np.nan), ("region", "n"), ("region", None), ("town", None), ("age", np.nan),
                        ("age", 0.0), ("product", None), ("product", "c"), ("net", None), ("what", None)):  # fmt: skip
        data[name] = data[name].astype(object)
        data.loc[rng.random(size) < 0.01, name] = value
    data["WHO"], data["age"] = data["WHO"].astype(float), data["age"].astype(float)
    data.loc[rng.random(size) < 0.004, "seen at"] = datetime(2031, 1, 1, 5, 30)
    data["seen at"] = data["seen at"].astype("datetime64[us]")
    return data.sample(frac=1, random_state=seed).reset_index(drop=True)


def flags(seed=2, rows=400, *, times=False):
    """A row a person: stages as flags, or as times, with decisions that are missing and odd words."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"row": np.arange(rows)})
    reached = rng.integers(-1, 6, rows)
    clock = [START + timedelta(seconds=int(s)) for s in rng.integers(0, 86_400 * 50, rows)]
    for i, name in enumerate(("reached", "began", "proved", "sent")):
        passed = (reached >= i) ^ (rng.random(rows) < 0.08)
        if times and name in ("began", "sent"):
            late = [c + timedelta(minutes=int(m)) for c, m in zip(clock, rng.integers(0, 400 * i, rows), strict=True)]
            data[name] = pd.Series(
                [t if p else None for t, p in zip(late, passed, strict=True)], dtype="datetime64[us]"
            )
        else:
            data[name] = np.where(passed, rng.choice(["yes", "1", "TRUE"], rows), rng.choice(["no", "huh"], rows))
    decided = rng.choice(["yes", "no"], rows).astype(object)
    decided[(reached < 3) | (rng.random(rows) < 0.1)] = None
    data["decided"], data["taken"] = decided, (reached > 4) & (decided == "yes")
    for name in ("face", "otp", "video", "helped"):
        data[name] = rng.random(rows) < 0.2
    data["region"] = rng.choice(["n", "s", None], rows, p=[0.5, 0.4, 0.1])
    data["age"] = rng.integers(10, 120, rows)
    data["product"], data["device"] = rng.choice(["a", "b"], rows), rng.choice(["phone", "desk"], rows)
    return data


def missing(value):
    return value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def whole(moment):
    return None if missing(moment) else math.floor((moment.to_pydatetime() - datetime(2000, 1, 1)).total_seconds())


YES, NO = {"true", "t", "yes", "y", "1", "1.0"}, {"false", "f", "no", "n", "0", "0.0"}


def said_by(value):
    """yes, no, blank, or odd: what a flag says."""
    text = "" if missing(value) else str(value).strip().lower()
    return "yes" if text in YES else "no" if text in NO else "blank" if text in {"", "nan", "none"} else "odd"


def unread_of(data, contract):
    """Of each row the stages of which nobody can tell, and whether nobody can tell how the check went."""
    funnel = contract["funnel"]
    if "event" in funnel:
        return [(set(), False)] * len(data)
    stages, failed = list(funnel["stages"].values()), list(funnel["failed"].values())
    told = {name: [said_by(value) for value in data[name]] for name in (*stages, *failed, funnel["fallback"])}
    for name in stages:
        if data[name].dtype.kind == "M":
            told[name] = ["no" if missing(value) else "yes" for value in data[name]]
        elif name == contract["decision"]["column"]:
            told[name] = ["yes" if value == "yes" else "no" for value in data[name]]
    found = []
    for number in range(len(data)):
        row = {name: own[number] for name, own in told.items()}
        doubt = {name for name, value in row.items() if value == "odd" or (value == "blank" and "no" in told[name])}
        own = {i for i, name in enumerate(stages)
               if name in doubt and (row[name] == "odd" or i == 0 or row[stages[i - 1]] == "yes")}  # fmt: skip
        check = list(funnel["stages"]).index("identity")
        any_failed = any(row[name] == "yes" for name in failed)
        came = any_failed or any(row[name] == "yes" for name in stages[check - 1 :])
        ways = (
            any(row[name] == "odd" for name in (*failed, funnel["fallback"]))
            or (came and all(name in doubt for name in failed)) or (any_failed and funnel["fallback"] in doubt)
        )  # fmt: skip
        found.append((own, ways))
    return found


def facts_of_row(row, contract, end):
    """What one row says, in plain terms."""
    funnel, logged = contract["funnel"], "event" in contract["funnel"]
    yes = YES
    row_time = None if "time" not in contract else whole(row[contract["time"]])
    row_time = None if row_time is not None and end is not None and row_time > end else row_time
    seen, stages, times = [row_time], set(), defaultdict(list)
    if logged:
        event = row[funnel["event"]]
        event = "" if event is None else event.strip()
        for i, names in enumerate(funnel["stages"].values()):
            if event in names:
                stages.add(i)
                times[i].append(row_time)
        failed = {way for way, names in funnel["failed"].items() if event in names}
        other = event in funnel["fallback"]
    else:
        for i, column in enumerate(funnel["stages"].values()):
            value = row[column]
            if isinstance(value, pd.Timestamp):
                stages.add(i)
                times[i].append(whole(value))
                seen.append(whole(value))
            elif not missing(value) and str(value).strip().lower() in yes:
                stages.add(i)
        failed = {way for way, column in funnel["failed"].items() if said_by(row[column]) == "yes"}
        other = said_by(row[funnel["fallback"]]) == "yes"
    known = [one for one in seen if one is not None]
    age = row["age"]
    odd = not missing(age) and not 14 <= age <= 115
    labels = {"region": {"n": "north", "s": "south"}.get(row["region"], row["region"])}
    if "town" in row:
        labels["town"] = row["town"]
    for cut in CUTS:
        labels[age_attribute(cut)] = None if missing(age) or odd else age_labels(cut)[0 if age >= cut else 1]
    dims = {}
    for name in ("device", "network"):
        if name in funnel:
            dims[name] = None if row[funnel[name]] in (None, "nan") else row[funnel[name]]
    helped = str(row["helped"]).strip().lower()
    dims["assisted"] = "yes" if helped in yes else "no" if helped in {"no", "false"} else None
    return {
        "time": min(known) if known else None, "stages": stages, "times": times, "failed": failed, "other": other,
        "decided": not logged and row["decided"] is not None, "odd": odd, "labels": labels, "dims": dims,
        "product": row["product"],
    }  # fmt: skip


def one(values):
    found = {value for value in values if value is not None}
    return (next(iter(found)) if len(found) == 1 else None), len(found) > 1


def by_hand(data, contract, within=None, end=None, some=None):
    """The same counts from a loop over persons, in the words of the evidence; ``some``: persons that alone count."""
    funnel, entity = contract["funnel"], contract.get("entity")
    logged = "event" in funnel
    stages = list(funnel["stages"])
    own = defaultdict(list)
    counts = Counter(rows=len(data))
    every = []
    ahead_rows = 0
    unread = unread_of(data, contract)
    for number, raw in enumerate(data.to_dict("records")):
        row = {name: None if missing(value) else value for name, value in raw.items()}
        if logged and end is not None and not missing(row[contract["time"]]) and whole(row[contract["time"]]) > end:
            ahead_rows += 1
        facts = {**facts_of_row(row, contract, end), "unread": unread[number]}
        every += [t for t in (facts["time"], *(t for ts in facts["times"].values() for t in ts)) if t is not None]
        who = row[entity] if entity else number
        if missing(who):
            counts["without_person"] += 1
        else:
            own[who].append(facts)
    newest = max(every, default=None)
    counts["ahead"] = ahead_rows
    cells, losses = defaultdict(Counter), defaultdict(lambda: defaultdict(Counter))
    times, failures = defaultdict(dict), defaultdict(Counter)
    values = {name: sorted({f["dims"][name] for fs in own.values() for f in fs} - {None})
              for name in next(iter(own.values()))[0]["dims"]}  # fmt: skip
    order = {name: {value: i for i, value in enumerate([*found, None])} for name, found in values.items()}
    for facts in (facts for who, facts in own.items() if some is None or who in some):
        first = min((f["time"] for f in facts if f["time"] is not None), default=None)
        if within and first is not None and newest - first < within:
            counts["too_early"] += 1
            continue
        at = {}
        for i in range(len(stages)):
            known = [t for f in facts for t in f["times"].get(i, []) if t is not None]
            if known:
                at[i] = min(known)
        passed = {i for f in facts for i in f["stages"]}
        if within:
            late = {i for i, t in at.items() if t - first > within}
            passed, at = passed - late, {i: t for i, t in at.items() if i not in late}
        furthest = max(passed, default=-1)
        drops = [at[i] - at[j] for i in at for j in at if i < j]
        counts["persons"] += 1
        counts["skipped"] += passed != set(range(furthest + 1))
        counts["out_of_order"] += max(drops, default=0) > 300
        counts["skewed"] += 0 < max(drops, default=0) <= 300
        counts["repeated"] += len(facts) > 1
        aged = any(f["labels"][age_attribute(CUTS[0])] for f in facts)
        counts["odd_ages"] += any(f["odd"] for f in facts) and not aged
        counts["without_times"] += bool(within) and first is None
        counts["unread_stages"] += any(furthest + 1 in f["unread"][0] for f in facts)
        sent = stages.index("submit")
        counts["undecided"] += not logged and furthest >= sent and not any(f["decided"] for f in facts)
        lead = min(facts, key=lambda f: (math.inf if f["time"] is None else f["time"],
                                         *(order[name][value] for name, value in f["dims"].items())))  # fmt: skip
        dims = dict(lead["dims"])
        if first is None and len(facts) > 1:
            dims = {name: None if logged else one([f["dims"][name] for f in facts])[0] for name in dims}
            if not logged:
                dims["assisted"] = max((f["dims"]["assisted"] for f in facts if f["dims"]["assisted"]), default=None)
        if newest is not None:
            dims["hour"] = None if first is None else ("00-05", "06-11", "12-17", "18-23")[first % 86_400 // 21_600]
        failed = set().union(*(f["failed"] for f in facts))
        other = any(f["other"] for f in facts)
        check = stages.index("identity")
        stratum = (one([f["product"] for f in facts])[0],)
        start, done = at.get(stages.index("start")), at.get(sent)
        spent = None
        if start is not None and done is not None and done - start >= -300:
            spent = (bisect_left(TIME_EDGES, max(done - start, 0) / 60), True, max(done - start, 0))
        elif start is not None and furthest < sent:
            until = newest if not within else min(newest, first + within)
            spent = (bisect_right(TIME_EDGES, max(until - start, 0) / 60), False, 0)
        came = furthest >= check - 1 or bool(failed) or other
        counts["unread_failures"] += came and any(f["unread"][1] for f in facts)
        for name in facts[0]["labels"]:
            label, several = one([f["labels"][name] for f in facts])
            counts["mixed"] += several
            cells[name][label, stratum, furthest] += 1
            for dim, value in dims.items():
                losses[name][dim][label, value, furthest] += 1
            if spent:
                held = times[name].setdefault((label, *spent[:2]), [0, 0])
                held[0] += 1
                held[1] += spent[2]
            if came:
                for method in ("any", *failed) if failed else ("",):
                    failures[name][label, method, other, furthest >= check] += 1
    return counts, cells, losses, times, failures


def told(found):
    """The evidence in the form of ``by_hand``."""
    cells = {name: {(c.label, c.stratum, c.furthest): c.persons for c in own} for name, own in found.cells.items()}
    losses = {
        name: {dim: {(c.label, c.value, c.furthest): c.persons for c in held} for dim, held in own.items()}
        for name, own in found.losses.items()
    }
    times = {name: {(c.label, c.band, c.done): [c.persons, round(c.minutes * 60)] for c in own}
             for name, own in found.times.items()}  # fmt: skip
    failures = {name: {(c.label, c.method, c.fallback, c.passed): c.persons for c in own}
                for name, own in found.failures.items()}  # fmt: skip
    return cells, losses, times, failures


def plain(found):
    return {name: plain(own) if isinstance(own, dict) else own for name, own in found.items()}


def agrees(found, expected):
    counts, *parts = expected
    assert {name: n for name, n in found.counts.items() if name != "duplicates"} == {
        name: counts[name] for name in found.counts if name != "duplicates"
    }
    for mine, theirs in zip(told(found), parts, strict=True):
        assert mine == plain(theirs)


def opened(folder, data, contract, **source):
    changes = {"source": source} if source else {}
    return open_source(read_program(write_program(folder, data, contract=contract, **changes)), Period())


LOG_NEED = FunnelNeed(("region", "town"), ("product",), CUTS)
FLAG_NEED = FunnelNeed(("region",), ("product",), CUTS)


@pytest.mark.parametrize("within", [None, "20 days"])
@pytest.mark.parametrize(("seed", "persons"), [(1, 120), (2, 1), (3, 500)])
def test_a_log_equals_a_loop_over_persons(tmp_path, seed, persons, within):
    data = log(seed, persons)
    contract = LOG if within is None else {**LOG, "funnel": {**LOG["funnel"], "within": within}}
    with opened(tmp_path, data, contract) as source:
        found = collect_funnel(source, LOG_NEED)
    clocks = sorted(whole(moment) for moment in data["seen at"] if not missing(moment))
    end = max((t for t in clocks if t < whole(pd.Timestamp(2030, 1, 1))), default=None)
    agrees(found, by_hand(data, contract, 20 * 86_400 if within else None, end))
    stage = data["what"].str.strip().isin([*(n for s in STAGES.values() for n in s), *FAILED["face"], *FAILED["otp"],
                                           "video_call"])  # fmt: skip
    own = data[stage & data["WHO"].notna() & data["seen at"].notna()]
    assert (
        found.counts["duplicates"]
        == own.assign(what=own["what"].str.strip()).duplicated(["WHO", "what", "seen at"]).sum()
    )
    others = data[data["what"].notna() & ~stage]["what"].str.strip().value_counts()
    assert dict(found.unknown_events) == others.to_dict()


@pytest.mark.parametrize("times", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_flags_equal_a_loop_over_rows(tmp_path, seed, times):
    data = flags(seed, times=times)
    with opened(tmp_path, data, FLAGS) as source:
        found = collect_funnel(source, FLAG_NEED)
    agrees(found, by_hand(data, FLAGS))
    assert bool(found.times) is times
    assert found.counts["skipped"] > 0 < found.counts["undecided"]


def test_the_hour_is_that_of_the_first_time_whether_a_person_went_on_or_not(tmp_path):
    """Everybody is shown at 20:00; half begin past midnight, and half of these prove who they are."""
    day, size = pd.Timestamp(2024, 5, 1), 80
    rows = [(who, "shown", day + pd.Timedelta(hours=20)) for who in range(size)]
    rows += [(who, "opened", day + pd.Timedelta(hours=27)) for who in range(0, size, 2)]
    rows += [(who, "proved", day + pd.Timedelta(hours=34)) for who in range(0, size, 4)]
    data = pd.DataFrame(rows, columns=["WHO", "what", "seen at"])
    data["WHO"] = data["WHO"].astype(float)
    data = data.assign(region="n", town="t0", age=50.0, product="a", device="phone", net="4g", helped="no")
    data["seen at"] = data["seen at"].astype("datetime64[us]")
    with opened(tmp_path, data, LOG) as source:
        found = collect_funnel(source, LOG_NEED)
    by_hour = {(cell.value, cell.furthest): cell.persons for cell in found.losses["region"]["hour"]}
    assert by_hour == {("18-23", 0): size // 2, ("18-23", 1): size // 4, ("18-23", 2): size // 4}


KINDS = {"b": "boolean", "i": "bigint", "f": "float8", "M": "timestamp"}


def into_postgres(url, data):
    """The data as a table of Postgres."""
    kinds = {name: KINDS.get(data[name].dtype.kind, "text") for name in data}
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS came")
        connection.execute(f"CREATE TABLE came ({', '.join(f'{chr(34)}{n}{chr(34)} {k}' for n, k in kinds.items())})")
        with connection.cursor().copy("COPY came FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row([None if pd.isna(value) else value for value in row])


@pytest.mark.parametrize("which", ["log", "within", "flags", "times"])
def test_order_threads_and_engine_leave_every_byte_and_no_person(tmp_path, monkeypatch, postgres_url, which):
    logged = which in ("log", "within")
    data = log(4) if logged else flags(4, times=which == "times")
    contract = LOG if logged else FLAGS
    if which == "within":
        contract = {**LOG, "funnel": {**LOG["funnel"], "within": "3 weeks"}}
    need = LOG_NEED if logged else FLAG_NEED
    texts = set()
    for threads in ("1", "2"):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        with opened(tmp_path / threads, data.sample(frac=1, random_state=int(threads)), contract) as source:
            texts.add(funnel_to_json(collect_funnel(source, need)))
    into_postgres(postgres_url, data)
    with opened(tmp_path / "pg", data, contract, connection=postgres_url, table="came") as source:
        found = collect_funnel(source, need)
        collect(source, [need], tmp_path / "evidence", len(data))
    text = funnel_to_json(found)
    texts.add(text)
    assert len(texts) == 1
    assert Evidence(tmp_path / "evidence", None).funnel(need) == found == funnel_from_json(text)


def end_of(data):
    """The newest time that is no clock's mistake."""
    clocks = [whole(moment) for moment in data["seen at"] if not missing(moment)]
    return max((t for t in clocks if t < whole(pd.Timestamp(2030, 1, 1))), default=None)


def twice(data):
    """Rows that repeat a person's event at the same time."""
    names = [*(n for s in STAGES.values() for n in s), *FAILED["face"], *FAILED["otp"], "video_call"]
    own = data.assign(what=data["what"].str.strip())
    own = own[own["what"].isin(names) & own["WHO"].notna() & own["seen at"].notna()]
    return own.duplicated(["WHO", "what", "seen at"]).sum()


@pytest.mark.parametrize(("engine", "head"), [("duckdb", 1_000_000), ("duckdb", 1), ("postgres", 1)])
@pytest.mark.parametrize("which", ["log", "flags", "times"])
def test_of_very_many_all_are_counted_and_some_have_their_times_read(
    tmp_path, monkeypatch, postgres_url, which, engine, head
):
    """Stages and failures are exact, also where labels come late; losses and times are those of the persons chosen."""
    monkeypatch.setattr(funnel_sample, "EXACT", 0)
    monkeypatch.setattr(funnel_codes, "HEAD", head)
    monkeypatch.setattr(funnel_sample, "SOME", 1000)
    logged = which == "log"
    data, contract, need = log(5, 400), LOG, LOG_NEED
    if not logged:
        data = flags(5, 2400, times=which == "times").assign(WHO=np.arange(2400) % 1500)
        contract, need = {**FLAGS, "entity": "WHO"}, FLAG_NEED
        contract.pop("unit")
    where = {}
    if engine == "postgres":
        into_postgres(postgres_url, data)
        where = {"connection": postgres_url, "table": "came"}
    with opened(tmp_path, data, contract, **where) as source:
        found, layout = collect_funnel(source, need), layout_of(source, need)
        rows = source.rows(f"SELECT DISTINCT e FROM ({thinned(layout, one_in(layout)).base}) AS chosen")
    times, some = found.sampled, {who for (who,) in rows if who is not None}
    assert times == one_in(layout) == (2 if len(data) < 2000 else 4)
    end = end_of(data) if logged else None
    counts, cells, _, _, failures = by_hand(data, contract, end=end)
    part, _, losses, spent, _ = by_hand(data, contract, end=end, some=some)
    assert 0.5 * counts["persons"] < times * part["persons"] < 1.5 * counts["persons"]
    expected = Counter({**counts, **{name: times * part[name] for name in ("out_of_order", "skewed", "repeated")}})
    agrees(found, (expected, cells, losses, spent, failures))
    if logged:
        assert found.counts["duplicates"] == times * twice(data[data["WHO"].isin(some)]) > 0 < expected["skewed"]
    attribute = age_attribute(CUTS[0])
    if which != "flags":
        came = sum(n for (_, last), n in _by_stage(losses[attribute]["device"]).items() if last >= 1)
        assert found.looked_at(attribute, 1) == came
    assert funnel_from_json(funnel_to_json(found)) == found


def test_whatever_the_first_rows_do_not_have_is_seen(tmp_path, monkeypatch):
    data = log(5, 400)
    with opened(tmp_path, data, LOG) as source:
        whole = collect_funnel(source, LOG_NEED)
        assert layout_of(source, LOG_NEED, early=True).doubts == ()  # few rows: every label is looked up
        monkeypatch.setattr(funnel_sample, "EXACT", 0)
        monkeypatch.setattr(funnel_sample, "SOME", 1000)
        watched = layout_of(source, LOG_NEED, early=True)
        assert watched.doubts
        seen = collect_funnel(source, LOG_NEED)
        monkeypatch.setattr(funnel_codes, "HEAD", 2)
        assert collect_funnel(source, LOG_NEED) == seen
    assert (seen.cells, seen.failures, seen.unknown_events) == (whole.cells, whole.failures, whole.unknown_events)


def _by_stage(cells):
    found = Counter()
    for (label, _, last), persons in cells.items():
        found[label, last] += persons
    return found


def test_with_a_span_that_counts_everybody_is_read_and_what_comes_twice_is_told_by_some(tmp_path, monkeypatch):
    data, contract = log(5, 400), {**LOG, "funnel": {**LOG["funnel"], "within": "20 days"}}
    with opened(tmp_path, data, contract) as source:
        whole_log = collect_funnel(source, LOG_NEED)
        monkeypatch.setattr(funnel_sample, "EXACT", 0)
        monkeypatch.setattr(funnel_sample, "SOME", 1000)
        found, layout = collect_funnel(source, LOG_NEED), layout_of(source, LOG_NEED)
        some = {who for (who,) in source.rows(f"SELECT DISTINCT e FROM ({thinned(layout, 2).base})")}
    assert found.sampled == 1
    assert found.counts["duplicates"] == 2 * twice(data[data["WHO"].isin(some)]) > 0
    assert replace(found, counts={**found.counts, "duplicates": twice(data)}) == whole_log


def test_a_file_from_before_persons_were_sampled_is_of_everybody(tmp_path):
    with opened(tmp_path, log(1), LOG) as source:
        found = collect_funnel(source, LOG_NEED)
    content = json.loads(funnel_to_json(found))
    assert content.pop("sampled") == 1
    assert funnel_from_json(json.dumps(content)) == found


def test_columns_with_too_many_labels_are_named_and_nobody_is_lost(tmp_path):
    data = flags(3).assign(town=[f"t{i}" for i in range(400)], device=[f"d{i}" for i in range(400)])
    contract = {**FLAGS, "groups": {**FLAGS["groups"], "town": {"column": "town", "reference": "t0"}},
                "strata": ["town"]}  # fmt: skip
    with opened(tmp_path, data, contract) as source:
        found = collect_funnel(source, FunnelNeed(("region", "town"), ("town",)))
    assert set(found.refused) == {"town", "device"}
    assert {cell.label for cell in found.cells["town"]} == {None}
    assert {cell.stratum for cell in found.cells["region"]} == {(None,)}
    assert [sum(cell.persons for cell in own) for own in found.cells.values()] == [400, 400]
    assert set(found.losses["region"]) == {"assisted"}


def test_strata_that_are_missing_in_words_are_not_known_and_nobody_is_lost(tmp_path):
    data = flags(3)
    data["product"] = ["a", "b", None, " N/A", "none", "", "nan", "c"] * 50
    with opened(tmp_path, data, FLAGS) as source:
        found = collect_funnel(source, FLAG_NEED)
    for cells in found.cells.values():
        by_stratum = Counter()
        for cell in cells:
            by_stratum[cell.stratum] += cell.persons
        assert by_stratum == {("a",): 50, ("b",): 50, ("c",): 50, (None,): 250}


def test_a_need_without_a_funnel_or_without_ages_is_a_mistake_of_its_question(tmp_path):
    data = flags(3)
    plain = {name: part for name, part in FLAGS.items() if name not in ("funnel", "age")}
    with opened(tmp_path, data, plain) as source, pytest.raises(ValueError, match="no funnel"):
        collect_funnel(source, FLAG_NEED)
    ageless = {name: part for name, part in FLAGS.items() if name != "age"}
    with opened(tmp_path, data, ageless) as source, pytest.raises(ValueError, match="ages"):
        collect_funnel(source, FLAG_NEED)


def test_the_data_end_where_times_run_on_without_a_long_gap():
    assert last_day({0: 50, 40: 49, 100: 1}) == 100
    assert last_day({0: 99, 40: 1, 101: 1}) == 40
    assert last_day({0: 50, 100: 50}) == 100


def test_persons_whose_rows_lie_far_apart_are_counted_alike(tmp_path, monkeypatch):
    data, texts = log(6), set()
    for together, scattered in ((1, True), (10_000, False)):
        monkeypatch.setattr(funnel_layout, "_TOGETHER", together)
        with opened(tmp_path / str(together), data, LOG) as source:
            assert layout_of(source, LOG_NEED).scattered is scattered
            texts.add(funnel_to_json(collect_funnel(source, LOG_NEED)))
    assert len(texts) == 1


def test_figures_of_one_person_in_so_many_say_so_and_hold_the_persons_looked_at():
    plain_counts = Funnel(("reach", "start"), {"rows": 99, "persons": 99}, {}, {})
    assert not any(one.question == "q: sampled" for one in told_faults("q", plain_counts, ()))
    (told,) = told_faults("q", replace(plain_counts, sampled=64), ())
    assert "one person in 64, chosen by a hash" in str(told.reason)
    assert "intervals" in str(told.needed)
