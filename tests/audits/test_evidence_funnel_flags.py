"""Flags that nobody can read, attempts without a time, and contracts without groups, on DuckDB and Postgres."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audits.evidence.funnel import EVERYBODY, EVERYONE, age_attribute, funnel_to_json
from audits.evidence.funnel_counts import collect_funnel
from audits.evidence.needs import FunnelNeed
from tests.audits.test_evidence_funnel import (
    FLAG_NEED,
    FLAGS,
    LOG,
    LOG_NEED,
    agrees,
    by_hand,
    flags,
    into_postgres,
    log,
    opened,
    told,
)

ATTEMPTS = {**FLAGS, "entity": "who"}


def odd(seed=5, rows=400, *, times=False, attempts=1):
    """Flags that say yes, no, nothing, or what is neither; as many attempts a person, in no order."""
    rng = np.random.default_rng(seed)
    data = flags(seed, rows, times=times)
    for name, weights in (("reached", (0.9, 0.06, 0.02, 0.02)), ("proved", (0.6, 0.2, 0.1, 0.1)),
                          ("taken", (0.5, 0.3, 0.1, 0.1)), ("face", (0.2, 0.4, 0.36, 0.04)),
                          ("otp", (0.2, 0.3, 0.45, 0.05)), ("video", (0.3, 0.2, 0.4, 0.1)),
                          ("helped", (0.3, 0.4, 0.2, 0.1))):  # fmt: skip
        data[name] = rng.choice(np.array(["Yes", "no", None, "timeout"], object), rows, p=weights)
    data.loc[rng.random(rows) < 0.05, "otp"] = "nan"
    if not times:
        data["began"] = np.where(rng.random(rows) < 0.8, "1", None)  # writes no explicit no
        data["sent"] = rng.choice(np.array([True, False, None], object), rows, p=[0.7, 0.2, 0.1])
    data["device"] = rng.choice(np.array(["phone", "desk", None], object), rows, p=[0.6, 0.3, 0.1])
    data["age"] = np.where(rng.random(rows) < 0.3, 5, data["age"])
    data["who"] = rng.integers(0, rows // attempts, rows)
    return data


def both(folder, url, data, contract, need):
    """The funnel in both engines, which must be alike to the byte."""
    with opened(folder, data, contract) as source:
        found = collect_funnel(source, need)
    into_postgres(url, data)
    with opened(folder / "pg", data, contract, connection=url, table="came") as source:
        assert funnel_to_json(collect_funnel(source, need)) == funnel_to_json(found)
    return found


@pytest.mark.parametrize("within", [None, "20 days"])
@pytest.mark.parametrize("times", [False, True])
@pytest.mark.parametrize("attempts", [1, 3])
def test_odd_flags_equal_a_loop_over_persons(tmp_path, postgres_url, attempts, times, within):
    data = odd(5 + attempts, times=times, attempts=attempts)
    contract = FLAGS if attempts == 1 else ATTEMPTS
    contract = {**contract, "funnel": {**contract["funnel"], **({"within": within} if within else {})}}
    found = both(tmp_path, postgres_url, data, contract, FLAG_NEED)
    newest = data[["began", "sent"]].max().max() if times else None
    end = int((newest - pd.Timestamp(2000, 1, 1)).total_seconds()) if times else None
    agrees(found, by_hand(data, contract, 20 * 86_400 if within else None, end))
    assert found.counts["unread_stages"] > 0 < found.counts["unread_failures"]
    assert found.counts["odd_ages"] > 0
    assert (found.counts["without_times"] > 0) is (within is not None)
    assert (found.counts["without_times"] == found.counts["persons"]) is (within is not None and not times)


def simple(stage, face=("no",) * 4, video=("no",) * 4):
    """Four persons who came to the check."""
    data = flags(1, 4)
    for name in ("reached", "began", "proved", "sent", "taken"):
        data[name] = ["yes"] * 4
    data["decided"] = ["yes"] * 4
    data["proved"], data["face"], data["video"] = list(stage), list(face), list(video)
    data[["sent", "taken", "otp"]] = "no"
    return data


CASES = [
    (("yes", "no", "ok", "yes"), ("no",) * 4, ("no",) * 4, 1, 0),
    (("yes", "no", None, "yes"), ("no",) * 4, ("no",) * 4, 1, 0),
    (("yes", "yes", None, "n/a"), ("no",) * 4, ("no",) * 4, 0, 0),  # the column never says no: empty is one
    (("yes",) * 4, ("timeout", "yes", None, "no"), ("no",) * 4, 0, 1),  # the other way of failing is told
    (("yes",) * 4, ("yes", "no", "yes", "no"), (None, None, "no", "maybe"), 0, 2),  # a fallback of who failed
]


@pytest.mark.parametrize(("stage", "face", "video", "stages", "failures"), CASES)
def test_who_is_counted_as_not_read(tmp_path, stage, face, video, stages, failures):
    data = simple(stage, face, video)
    data.loc[data["proved"] != "yes", "decided"] = "no"  # else a later stage tells that they passed
    with opened(tmp_path, data, FLAGS) as source:
        counts = collect_funnel(source, FLAG_NEED).counts
    assert (counts["unread_stages"], counts["unread_failures"]) == (stages, failures)


def test_an_empty_flag_is_unknown_where_no_way_of_failing_tells_anything(tmp_path):
    data = simple(("yes",) * 4, (None, "no", None, "yes"))
    data["otp"] = ["no", None, None, None]
    with opened(tmp_path, data, FLAGS) as source:
        assert collect_funnel(source, FLAG_NEED).counts["unread_failures"] == 1


@pytest.mark.parametrize("logged", [False, True])
def test_without_attributes_everybody_is_one_label(tmp_path, postgres_url, logged):
    data, contract, need = (log(7), LOG, LOG_NEED) if logged else (odd(7), FLAGS, FLAG_NEED)
    contract = {name: part for name, part in contract.items() if name != "groups"}
    asked = both(tmp_path / "ages", postgres_url, data, contract, FunnelNeed((), ("product",), need.cuts))
    found = both(tmp_path, postgres_url, data, contract, FunnelNeed((), ("product",)))
    assert found.counts == asked.counts
    assert set(asked.cells) == {age_attribute(cut) for cut in need.cuts}
    for mine, by_age in zip(told(found), told(asked), strict=True):
        if not mine and not by_age:
            continue
        assert set(mine) == {EVERYONE}
        whole = {}
        for key, value in flat(by_age[age_attribute(need.cuts[0])]):
            whole[key] = np.add(whole.get(key, 0), value).tolist()
        assert dict(flat(mine[EVERYONE])) == whole
    assert {cell.label for cell in found.cells[EVERYONE]} == {EVERYBODY}
    assert found.losses[EVERYONE]


def flat(own):
    """Cells without their label; of losses with their dimension."""
    for key, value in own.items():
        if isinstance(value, dict):
            yield from (((key, *rest), n) for (_, *rest), n in value.items())
        else:
            yield key[1:], value
