"""Chains of re-borrowing against a loop over sorted rows, on DuckDB and Postgres. Counts are exact."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import psycopg
import pytest
import statsmodels.api as sm

from audits.evidence import reborrowing_layout
from audits.evidence.needs import DebtTallyNeed, ReborrowingNeed
from audits.evidence.reborrowing import STARTS, collect_reborrowing, reborrowing_from_json
from audits.evidence.reborrowing_influences import collect_influences, collect_whole, influences_from_json
from audits.evidence.reborrowing_models import models_of
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import write_program

CONTRACT = {
    "unit": "Loan No", "entity": "WHO", "time": "opened", "strata": ["product"],
    "groups": {"region": {"column": "region", "reference": "north"}},
    "loan": {"amount": "amount", "fees": "fees", "originated_at": "opened", "repaid_at": "closed", "income": "income"},
}  # fmt: skip
NEED = ReborrowingNeed(
    "WHO", "opened", "Loan No", "closed", attributes=("region",), strata=("product",), ratios=(("amount", "income"),),
    bands=3, fees="fees", amount="amount", chain_length=4,
)  # fmt: skip
DAY = pd.Timedelta(days=1)


def borrowing(seed=1, borrowers=150, each=9):
    """Loans that overlap, come again the same day, lack an end, end before they begin, or belong to nobody."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(borrowers):
        day = int(rng.integers(0, 60))
        for _ in range(int(rng.integers(1, 2 * each))):
            term = int(rng.integers(5, 25))
            hour = int(rng.integers(0, 24))
            rows.append((float(who), day * 24 + hour, (day + term) * 24 + int(rng.integers(0, 24))))
            day += term + int(rng.choice([-9, 0, 0, 0, 3, 7, 8, 14, 15, 40]))
    who, opened, closed = map(np.array, zip(*rows, strict=True))
    size = len(who)
    start = pd.Timestamp("2024-01-01")
    data = pd.DataFrame({
        "Loan No": [f"L{i:05d}" for i in rng.permutation(size)], "WHO": who,
        "opened": (start + pd.to_timedelta(opened, unit="h")).astype("datetime64[us]"),
        "closed": (start + pd.to_timedelta(closed, unit="h")).astype("datetime64[us]"),
        "region": np.where(rng.random(size) < 0.4, "south", "north").astype(object),
        "product": np.where(rng.random(size) < 0.5, "card", "cash").astype(object),
        "amount": rng.integers(100, 900, size).astype(float), "income": rng.integers(500, 3000, size).astype(float),
    })  # fmt: skip
    data["fees"] = data["amount"] * rng.choice([0.0, 0.1, 0.15, 0.3], size)

    def some(share):
        return rng.random(size) < share

    late = some(0.03)
    data.loc[late, "closed"] = data.loc[late, "opened"] - 3 * DAY
    data.loc[some(0.04), "closed"] = pd.NaT
    for name, value in (("WHO", np.nan), ("opened", pd.NaT), ("region", None), ("product", None), ("income", np.nan)):
        data.loc[some(0.02), name] = value
    data.loc[some(0.02), "fees"] = np.nan
    return data


def opened(folder, data, contract=CONTRACT, **source):
    changes = {"source": source} if source else {}
    return open_source(read_program(write_program(folder, data, contract=contract, **changes)), Period())


def by_hand(data, need):
    """Everything that is known of each loan, from a loop over sorted rows."""
    used = data.dropna(subset=["WHO", "opened"]).sort_values(["WHO", "opened", "Loan No"])
    day = used["opened"].dt.floor("D")
    first, last, size = day.min(), day.max(), len(EDGES)
    loans = []
    for _, own in used.groupby("WHO"):
        reached, endless, open_chain = None, False, []
        rows = list(own.itertuples(index=False))
        for place, row in enumerate(rows, 1):
            begins, end = row.opened.floor("D"), row.closed.floor("D") if not pd.isna(row.closed) else None
            end = None if end is None or end < begins else end
            before = None if reached is None else (begins - reached) // DAY
            continues = before is not None and before <= need.gap_days
            if continues:
                kind = open_chain[-1]["start"]
            elif place > 1 and endless:
                kind = "unknown"
            else:
                kind = "truncated" if place == 1 and (begins - first) // DAY < need.gap_days else "known"
            known = continues or (place > 1 and not endless)
            one = {
                "row": row, "who": row.WHO, "place": place, "continues": continues, "start": kind,
                "before": before if known else None, "same": before == 0,
                "place_in": open_chain[-1]["place_in"] + 1 if continues else 1,
            }  # fmt: skip
            if end is not None and (reached is None or end > reached):
                reached = end
            endless = end is None
            after = rows[place].opened.floor("D") if place < len(rows) else None
            gap = None if after is None or reached is None else (after - reached) // DAY
            one["j"] = next((k for k, edge in enumerate(EDGES) if gap is not None and gap <= edge), size)
            one["m"] = -1 if end is None else sum(reached + edge * DAY <= last for edge in EDGES)
            one["next"] = after is not None
            open_chain.append(one)
            loans.append(one)
    return loans


EDGES = (0, 7, 14)


def ends(one):
    if one["j"] < len(EDGES):
        return "goes on"
    if one["m"] >= 0 and (one["next"] or one["m"] == len(EDGES)):
        return "ended"
    return "unknown" if one["next"] else "running"


@pytest.mark.parametrize(("seed", "borrowers"), [(1, 150), (2, 1), (3, 400)])
def test_chains_gaps_and_counts_equal_a_loop_over_sorted_rows(tmp_path, seed, borrowers):
    data = borrowing(seed, borrowers)
    with opened(tmp_path, data) as source:
        found, _ = collect_reborrowing(source, NEED)
    loans = by_hand(data, NEED)
    gaps = [one["before"] for one in loans if one["before"] is not None]
    chains = Counter((one["place_in"], one["start"], ends(one)) for one in loans if ends(one) != "goes on")
    assert {(length, start, end): n for length, start, end, n in found.chains} == chains
    assert {STARTS.index(start) for _, start, _, _ in found.chains} <= {1, 2, 3}
    places = Counter((one["place_in"], STARTS.index(one["start"]), one["j"], one["m"]) for one in loans)
    assert {(*one.key, one.band, one.seen): one.loans for one in found.of_kind("places")} == places
    used = data.dropna(subset=["WHO", "opened"])
    early = used["closed"].dt.floor("D") < used["opened"].dt.floor("D")
    assert found.counts == {
        "rows": len(data), "without_borrower": data["WHO"].isna().sum(), "loans": len(used),
        "without_opening": (data["opened"].isna() & data["WHO"].notna()).sum(), "borrowers": used["WHO"].nunique(),
        "without_end": (early | used["closed"].isna()).sum(), "out_of_order": early.sum(), "ended_by_term": 0,
        "without_money": used[["fees", "amount"]].isna().any(axis=1).sum(), "followed": len(gaps),
        "overlaps": sum(gap < 0 for gap in gaps), "on_the_day": sum(gap == 0 for gap in gaps),
        "days_between": sum(max(gap - 1, 0) for gap in gaps), "same_day": _same_day(used),
        "twins": 0, "unknown_gaps": sum(one["place"] > 1 and one["before"] is None for one in loans),
    }  # fmt: skip
    assert found.fewest_days == min((max(gap - 1, 0) for gap in gaps), default=None)
    assert found.most_same_day == _longest_run(loans)
    assert found.longest == max(one["place_in"] for one in loans)


def _same_day(used):
    days = used.sort_values(["WHO", "opened", "Loan No"]).assign(day=lambda rows: rows["opened"].dt.floor("D"))
    return int((days.groupby("WHO")["day"].diff() == pd.Timedelta(0)).sum())


def _longest_run(loans):
    longest, run = 0, 0
    for one in loans:
        run = run + 1 if one["same"] and one["place"] > 1 else 0
        longest = max(longest, run)
    return longest


def _cells(data, found):
    """Band of affordability by loan number, with the edges that were found."""
    ratio = np.floor(data["amount"] / data["income"] * 1000 + 0.5)
    return dict(zip(data["Loan No"], [None if np.isnan(r) else sum(r > e for e in found.grids[0].edges) for r in ratio],
                    strict=True))  # fmt: skip


def test_counts_by_group_and_cell_and_bands_of_like_size(tmp_path):
    data = borrowing(5, 300)
    with opened(tmp_path, data) as source:
        found, _ = collect_reborrowing(source, NEED)
    band, loans = _cells(data, found), by_hand(data, NEED)
    wanted = Counter()
    for one in loans:
        region, product = one["row"].region, one["row"].product
        label = -1 if pd.isna(region) else found.labels[0].index(region)
        stratum = found.strata[0].index(None if pd.isna(product) else product)
        held = band[one["row"][0]]
        cell = -1 if held is None else stratum * found.grids[0].bands + held
        wanted[0, label, cell, one["j"], one["m"]] += 1
    assert {(*one.key, one.band, one.seen): one.loans for one in found.of_kind("groups")} == wanted
    sizes = found.grids[0].counts
    assert len(sizes) == 3
    assert max(sizes) < 1.1 * min(sizes)
    assert found.grids[1].edges == (100, 150)  # loans without fees have no dose
    assert found.grids[1].means == pytest.approx(np.log2([0.1, 0.15, 0.3]))


def test_shares_ratios_and_errors_equal_those_worked_out_row_by_row(tmp_path):
    data = borrowing(6, 500)
    with opened(tmp_path, data) as source:
        text, _ = collect_whole(source, NEED, len(data))
    found, influences = reborrowing_from_json(text), influences_from_json(text)
    estimates, _ = models_of(found, NEED, ["north"])
    got = {(one.what, one.label): (one, influences.squares[i]) for i, one in enumerate(estimates)}
    loans, size = by_hand(data, NEED), len(EDGES)
    whole = [one for one in loans if one["m"] == size]
    y = np.array([one["j"] < size for one in whole], dtype=float)
    one, square = got["renewed", None]
    assert (one.loans, one.cases, one.value) == (len(y), y.sum(), pytest.approx(y.mean(), abs=1e-12))
    sums = defaultdict(float)
    for loan, value in zip(whole, y, strict=True):
        sums[loan["who"]] += (value - y.mean()) / len(y)
    assert square == pytest.approx(sum(value**2 for value in sums.values()), rel=1e-6)
    known = [loan for loan in whole if loan["start"] == "known"]
    chance = [np.mean([loan["j"] < size for loan in known if loan["place_in"] == k]) for k in (1, 2, 3)]
    assert got["long_chain_start", None][0].value == pytest.approx(np.prod(chance), abs=1e-12)
    _regression(got, loans, data, found)
    fees = [(loan["row"].fees, loan["who"]) for loan in loans if loan["start"] == "known"]
    first = [(loan["row"].amount, loan["who"]) for loan in loans if loan["start"] == "known" and loan["place_in"] == 1]
    f, p = (pd.DataFrame(rows, columns=["money", "who"]).groupby("who")["money"].sum() for rows in (fees, first))
    p = p.reindex(f.index)
    wanted = (f.sum(), p.sum(), (f * f).sum(), (f * p).sum(), (p * p).sum())
    assert influences.money == pytest.approx(wanted, rel=1e-5)
    assert influences.started == len(first)


def _regression(got, loans, data, found):
    """Person-periods of each loan in statsmodels, with a level for every cell and band."""
    band, rows = _cells(data, found), []
    for loan in loans:
        row, held = loan["row"], band[loan["row"][0]]
        if held is None or loan["m"] < 0:
            continue
        product = "none" if pd.isna(row.product) else row.product
        for k in range(min(loan["m"], loan["j"] + 1, len(EDGES))):
            rows.append(
                (row.region, f"{product}-{held}-{k}", loan["who"], float(k == loan["j"]), row.fees / row.amount)
            )
    table = pd.DataFrame(rows, columns=["region", "stratum", "who", "y", "dose"])
    grouped = table.dropna(subset=["region"])
    dosed = table[table["dose"] > 0]
    cases = [
        (("ratio", 1), grouped, (grouped["region"] == "south").to_numpy(float)),
        (("fees", None), dosed, np.log2(dosed["dose"].to_numpy())),
    ]
    for key, used, column in cases:
        share = used.groupby("stratum")["y"].transform("mean")
        some = ((share > 0) & (share < 1)).to_numpy()
        used, column = used[some], column[some]
        z = np.column_stack([column, pd.get_dummies(used["stratum"]).to_numpy(float)])
        fit = sm.GLM(used["y"], z, family=sm.families.Binomial(sm.families.links.CLogLog())).fit(
            tol=1e-13, maxiter=300, cov_type="cluster",
            cov_kwds={"groups": used["who"].to_numpy(), "use_correction": False},
        )  # fmt: skip
        estimate, square = got[key]
        assert estimate.value == pytest.approx(fit.params.iloc[0], abs=1e-6)
        assert math.sqrt(square) == pytest.approx(fit.bse.iloc[0], rel=0.02)
        assert (estimate.loans + estimate.reference_loans) >= len(used)


def test_order_threads_and_engine_leave_every_byte_and_no_identifier(tmp_path, monkeypatch, postgres_url):
    data = borrowing(4)
    texts = set()
    for threads in ("1", "2"):
        monkeypatch.setenv("SQUAREDEAL_THREADS", threads)
        with opened(tmp_path / threads, data.sample(frac=1, random_state=int(threads))) as source:
            texts.add(collect_whole(source, NEED, len(data))[0])
    kinds = {"Loan No": "text", "WHO": "float8", "opened": "timestamp", "closed": "timestamp", "region": "text",
             "product": "text", "amount": "float8", "income": "float8", "fees": "float8"}  # fmt: skip
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE IF EXISTS borrowed")
        columns = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
        connection.execute(f"CREATE TABLE borrowed ({columns})")
        with connection.cursor().copy("COPY borrowed FROM STDIN") as copy:
            for row in data.itertuples(index=False):
                copy.write_row([None if pd.isna(value) else value for value in row])
    with opened(tmp_path / "pg", data, connection=postgres_url, table="borrowed") as source:
        texts.add(collect_whole(source, NEED, len(data))[0])
    assert len(texts) == 1
    assert "L0" not in texts.pop()


def test_loans_of_the_same_borrower_time_and_unit_are_told_and_their_order_in_the_file_does_not_matter(tmp_path):
    data = borrowing(9)
    data["Loan No"], data["opened"] = "L0", data["opened"].dt.floor("4D")
    texts = set()
    for seed in range(3):
        with opened(tmp_path / str(seed), data.sample(frac=1, random_state=seed)) as source:
            texts.add(collect_whole(source, NEED, len(data))[0])
    assert len(texts) == 1
    used = data.dropna(subset=["WHO", "opened"])
    assert reborrowing_from_json(texts.pop()).counts["twins"] == used.duplicated(["WHO", "opened"]).sum() > 10


def test_joined_borrowers_give_errors_near_those_of_each_apart(tmp_path, monkeypatch):
    data = borrowing(8, 3000, 3)
    for kind in (float, int, str):
        named = data.dropna(subset=["WHO"]).assign(WHO=lambda rows, kind=kind: rows["WHO"].astype(int).astype(kind))
        with opened(tmp_path / kind.__name__, named) as source:
            monkeypatch.setattr(reborrowing_layout, "EXACT", 1 << 22)
            apart = influences_from_json(collect_whole(source, NEED, len(named))[0])
            monkeypatch.setattr(reborrowing_layout, "EXACT", 1)
            joined = influences_from_json(collect_whole(source, NEED, len(named))[0])
        assert (apart.grouped, joined.grouped) == (False, True)
        assert 900 < joined.clusters < 4097
        assert joined.squares == pytest.approx(apart.squares, rel=0.25)


def one(days, need=NEED, **changes):
    """A book of one borrower: (opened, closed) in days."""
    start = pd.Timestamp("2024-03-01")
    data = borrowing(1).head(len(days)).reset_index(drop=True)
    data["WHO"], data["region"] = 1.0, "north"
    data["opened"] = pd.Series([start + day * DAY for day, _ in days]).astype("datetime64[us]")
    data["closed"] = pd.Series([pd.NaT if end is None else start + end * DAY for _, end in days]).astype(
        "datetime64[us]"
    )
    return data.assign(**changes)


@pytest.mark.parametrize(
    ("days", "chains", "fewest"),
    [
        ([(0, 10)], {(1, "truncated", "running"): 1}, None),
        ([(0, 10), (24, 30)], {(2, "truncated", "running"): 1}, 13),
        ([(0, 10), (25, 30)], {(1, "truncated", "ended"): 1, (1, "known", "running"): 1}, 14),
        ([(0, 10), (10, 20), (15, 16), (30, 31)], {(4, "truncated", "running"): 1}, 0),
        ([(0, None), (25, 30)], {(1, "truncated", "unknown"): 1, (1, "unknown", "running"): 1}, None),
        ([(0, 90), (20, 25), (100, 110)], {(3, "truncated", "running"): 1}, 0),
        ([(5, 2), (30, 40)], {(1, "truncated", "unknown"): 1, (1, "unknown", "running"): 1}, None),
    ],
)
def test_small_books_by_hand(tmp_path, days, chains, fewest):
    with opened(tmp_path, one(days)) as source:
        found, layout = collect_reborrowing(source, NEED)
        estimates, tables = models_of(found, NEED, ["north"])
        influences = collect_influences(source, layout, tables, len(estimates))
    assert {(length, start, end): n for length, start, end, n in found.chains} == chains
    assert found.fewest_days == fewest
    assert influences.clusters == 1


def test_a_term_stands_for_a_missing_end(tmp_path):
    data = one([(0, None), (20, None)], term=[10.0, 10.0])
    contract = {**CONTRACT, "loan": {**CONTRACT["loan"], "term_days": "term"}}
    need = ReborrowingNeed("WHO", "opened", "Loan No", "closed", "term")
    with opened(tmp_path, data, contract) as source:
        found, _ = collect_reborrowing(source, need)
        months, _ = collect_reborrowing(source, ReborrowingNeed("WHO", "opened", None, None, "term", True))
    assert (found.fewest_days, found.counts["ended_by_term"], found.counts["without_end"]) == (9, 2, 0)
    assert months.counts["overlaps"] == 1


@pytest.mark.parametrize(("gap", "bands"), [(-1, 3), (14, 0)])
def test_impossible_numbers_are_refused(tmp_path, gap, bands):
    need = ReborrowingNeed("WHO", "opened", "Loan No", "closed", gap_days=gap, bands=bands)
    with opened(tmp_path, borrowing()) as source, pytest.raises(ValueError, match="where 0 days and 1 band"):
        collect_reborrowing(source, need)


def test_tallies_equal_pandas_and_one_known_part_may_settle_a_loan(tmp_path):
    from audits.evidence.debt_tallies import collect_debt_tallies, debt_tallies_from_json, debt_tallies_to_json

    rng = np.random.default_rng(3)
    size = 400
    data = pd.DataFrame({
        "case": range(size), "rolled": rng.choice([0.0, 1, 2, 5, np.nan, -1, 0.5], size),
        "debits": rng.choice([0, 1, 3], size), "interest": rng.choice([0, 50, 300, np.nan, -4.0], size),
        "principal": rng.choice([0, 100, np.nan], size), "balance": rng.choice([0, 199.99, 200, 900, np.nan], size),
    })  # fmt: skip
    loan = {"rollovers": "rolled", "unauthorised_debits": "debits", "interest_paid": "interest",
            "principal_paid": "principal", "lowest_balance": "balance"}  # fmt: skip
    need = DebtTallyNeed("rolled", "debits", "interest", "principal", "balance", 200.0)
    with opened(tmp_path, data, {"unit": "case", "loan": loan}) as source:
        found = collect_debt_tallies(source, need)
    assert debt_tallies_from_json(debt_tallies_to_json(found)) == found
    fine = data["rolled"].isin([0, 1, 2, 5])
    assert (found.rollovers.known, found.rollovers.unknown) == (fine.sum(), data["rolled"].isna().sum())
    assert (found.rollovers.odd, found.rollovers.largest) == (data["rolled"].isin([-1, 0.5]).sum(), 5)
    assert (found.debits.total, found.debits.cases) == (data["debits"].sum(), (data["debits"] > 0).sum())
    cases = (data["interest"] > data["principal"]) & (data["balance"] >= 200) & ~(data["interest"] < 0)
    settled = cases | (data["interest"] <= data["principal"]) | (data["balance"] < 200)
    odd = data["interest"] < 0
    assert found.persistent.cases == cases.sum() > 5
    assert (found.persistent.known, found.persistent.odd) == ((settled & ~odd).sum(), odd.sum())
