"""Who has the dearest loans: against pandas and a bootstrap of rows, with ties, in both engines, over many draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from audits.evidence.collect import Evidence, collect
from audits.evidence.dearest import collect_dearest, dearest_from_json, dearest_to_json, rank, window
from audits.evidence.needs import DearestNeed
from audits.predatory_lending.concentration import Concentration
from audits.statistics.dearest_share import dearest_share, membership
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from checks.problem import InputError
from tests.audits.test_over_crediting import in_postgres
from tests.credit_books import credit_book, written
from tests.programs import run_program
from tests.questions import measure_program

QUESTION = "predatory_lending.concentration"
RATE = {"column": "price", "unit": "percent"}
BY_RATE = {"question": QUESTION, "rate": RATE, "without": ("loan", "entity", "strata")}


def measured(folder, data, question=None, **changes):
    file = written(folder, data, **(BY_RATE | changes))
    figures, missing = measure_program(file, question or Concentration(), folder / "out")
    return {(one.measure, one.group): one for one in figures}, missing


def dear(rates, share=0.1):
    """How much of each row is among the dearest, ties at the threshold split evenly: by sorting, without bands."""
    order = rates.sort_values(ascending=False).to_numpy()
    whole = share * len(order)
    threshold = order[int(np.ceil(whole - 1e-9)) - 1]
    above, at = (rates > threshold).astype(float), rates == threshold
    return above + at * (whole - above.sum()) / at.sum()


@pytest.mark.parametrize("decimals", [3, 1, 0, -1])
@pytest.mark.parametrize("share", [0.1, 0.237])
def test_the_figures_are_those_of_sorted_rows(tmp_path, decimals, share):
    data = credit_book(rows=700)
    data["price"] = (data["price"] + (data["age_group"] == "young")).round(decimals)
    found, _ = measured(tmp_path, data, Concentration(share=share))
    mass, own = dear(data["price"], share), data["age_group"] == "young"
    assert mass.sum() == pytest.approx(share * 700)
    part = mass[own].sum() / mass.sum()
    assert found["dearest_decile_share", "young"].estimate == pytest.approx(part, rel=1e-12)
    ratio = found["dearest_decile_ratio", "young"]
    assert ratio.estimate == pytest.approx(part / own.mean(), rel=1e-12)
    assert ratio.low < ratio.estimate < ratio.high
    assert ratio.equality == 1.0
    assert ratio.counts == {"loans": own.sum(), "all_loans": 700, "without_rate": 0}
    assert ratio.details["share_of_loans"] == own.mean()
    assert ratio.details["threshold_rate"] == data["price"].sort_values().iloc[-int(np.ceil(share * 700 - 1e-9))] / 100
    assert ("dearest_decile_ratio", "older") not in found  # the reference is no group that one asks about
    assert found["dearest_decile_share", "older"].estimate == pytest.approx(1 - part)


def test_the_loans_own_rate_comes_before_a_column(tmp_path):
    data = credit_book(rows=300).assign(months=12)
    rates = np.where(data["age_group"] == "young", 0.02, 0.01) * np.random.default_rng(3).uniform(0.8, 1.2, 300)
    data["monthly"] = data["sum_lent"] * rates / (1 - (1 + rates) ** -12)
    found, _ = measured(tmp_path, data, without=("entity", "strata"))
    figure = found["dearest_decile_share", "young"]
    assert figure.estimate == pytest.approx(dear(pd.Series(rates))[data["age_group"] == "young"].sum() / 30)
    assert figure.details["threshold_rate"] == pytest.approx(12 * np.sort(rates)[-30], abs=1e-7)
    assert "own annual rate" in figure.method


@pytest.mark.parametrize(
    ("values", "reason"),
    [(lambda d: 12.0, "the same annual rate"), (lambda d: np.nan, "has an annual rate"),
     (lambda d: d["price"].where(d.index < 30), "only 30 loans")],
)  # fmt: skip
def test_where_nobody_is_dearest_the_reason_is_told(tmp_path, values, reason):
    data = credit_book(rows=300)
    data["price"] = values(data)
    found, _ = measured(tmp_path, data)
    assert found
    for figure in found.values():
        assert figure.estimate is None
        assert reason in figure.reason


def test_one_loan_of_another_rate_is_no_dearest_tenth(tmp_path):
    """All but one at one rate: the dearest tenth is drawn evenly from these, and so says nothing, clear or harm."""
    data = credit_book(rows=300).assign(price=12.0)
    data.loc[5, "price"] = 30.0
    found, _ = measured(tmp_path, data)
    figure = found["dearest_decile_ratio", "young"]
    assert figure.details["tied_share"] > 0.9
    assert any("drawn evenly" in text for text in figure.unseen)
    assert figure.low < 1 < figure.high
    assert abs(figure.estimate - 1) < 0.15


def test_groups_of_one_of_none_and_of_all(tmp_path):
    data = credit_book(rows=300)
    data["age_group"] = "older"
    every, _ = measured(tmp_path / "all", data)
    assert "every loan" in every["dearest_decile_share", "older"].reason
    data.loc[0, "age_group"] = "young"
    one, _ = measured(tmp_path / "one", data)
    figure = one["dearest_decile_ratio", "young"]
    assert figure.high - figure.low > 5
    assert 0 <= figure.low <= figure.estimate <= figure.high <= 10
    data["age_group"] = None
    none, _ = measured(tmp_path / "none", data)
    assert all(one.estimate is None and one.reason for one in none.values())


def test_unknown_rates_and_groups_keep_it_from_being_clear(tmp_path):
    data = credit_book(rows=600)
    data.loc[::10, "price"] = np.nan
    data.loc[1::10, "age_group"] = None
    found, _ = measured(tmp_path, data)
    figure = found["dearest_decile_ratio", "young"]
    assert (figure.counts["all_loans"], figure.counts["without_rate"]) == (540, 60)
    assert any("no annual rate" in text for text in figure.unseen)
    assert any("age is not known" in text for text in figure.cautions)
    assert figure.details["share_of_loans"] == pytest.approx(
        (data["age_group"] == "young")[data["price"].notna()].sum() / 540
    )


def test_only_granted_loans_count(tmp_path):
    data = credit_book(rows=400).assign(said=["yes"] * 300 + ["no"] * 100)
    data.loc[data["said"] == "no", "price"] = 99.0
    found, _ = measured(tmp_path, data, decision={"column": "said", "favourable": "yes", "unfavourable": "no"})
    kept = data[data["said"] == "yes"]
    figure = found["dearest_decile_share", "young"]
    assert figure.estimate == pytest.approx(dear(kept["price"])[kept["age_group"] == "young"].sum() / 30)
    assert figure.counts["all_loans"] == 300


def test_without_a_rate_it_says_what_would_answer(tmp_path):
    found, missing = measured(tmp_path, credit_book(rows=100), without=("loan", "entity", "strata", "rate"))
    assert not found
    assert [note.question for note in missing] == [QUESTION]


@pytest.mark.parametrize("share", [0.6, 10, 0.0])
def test_a_share_that_is_none_is_refused(tmp_path, share):
    file = written(tmp_path, credit_book(rows=50), **(BY_RATE | {"question": {QUESTION: {"share": share}}}))
    with pytest.raises(InputError, match="share"):
        run_program(file, tmp_path / "out")


def test_a_concentration_is_judged(tmp_path):
    data = credit_book(rows=3000)
    data["price"] += 3 * (data["age_group"] == "young")
    _, judgement = run_program(written(tmp_path, data, **BY_RATE), tmp_path / "out")
    found = {one.measurement.group: one.verdict for one in judgement.findings if one.rule.id == "conv.dearest_decile"}
    assert found == {"young": "concern"}
    even = credit_book(rows=3000, seed=5)
    _, judgement = run_program(written(tmp_path / "even", even, **BY_RATE), tmp_path / "even/out")
    verdicts = {one.verdict for one in judgement.findings if one.rule.id == "conv.dearest_decile"}
    assert verdicts == {"clear"}


@pytest.mark.parametrize("decimals", [3, 0])
def test_postgres_and_duckdb_give_the_same_evidence(postgres_url, tmp_path, decimals):
    data = credit_book(rows=900, people=300)
    data["price"] = data["price"].round(decimals)
    data.loc[::17, "price"] = np.nan
    need = DearestNeed("price", 0.1, "age", None, "person")
    changes = BY_RATE | {"without": ("loan", "strata")}
    files = [written(tmp_path / "a", data, **changes),
             in_postgres(tmp_path / "b", data, postgres_url, "prices", **changes)]  # fmt: skip
    found = []
    for file in files:
        with open_source(read_program(file), Period()) as source:
            found.append(collect_dearest(source, need))
            collect(source, [need], file.parent / "evidence", len(data))
        assert Evidence(file.parent / "evidence", None).dearest(need) == found[-1]
    assert found[0] == found[1] == dearest_from_json(dearest_to_json(found[0]))
    known = data.dropna(subset="price")
    assert (found[0].known, found[0].rows, found[0].different) == (len(known), 900, known["price"].nunique())
    dearest_first = known["price"].sort_values(ascending=False).to_numpy()
    reach = window(0.1, len(known))
    at = [dearest_first[rank(share, len(known)) - 1] for share in (0.1 - reach, 0.1, 0.1 + reach)]
    assert [found[0].higher, found[0].threshold, found[0].lower] == at
    price = known["price"]
    bands = np.select([price > at[0], price > at[1], price == at[1], price >= at[2]], [0, 1, 2, 3], 4)
    by_hand = known.groupby(["age_group", bands]).size()
    assert {(label, band): n for label, band, n in found[0].cells} == by_hand.to_dict()
    wide = known.groupby(["person", "age_group", bands]).size().unstack(["age_group", -1]).fillna(0)
    wide = wide[[(label, band) for label, band, _ in found[0].cells]].to_numpy()
    np.testing.assert_array_equal(np.array(found[0].products), wide.T @ wide)


def counted(rates, own, share=0.1, who=None):
    """The estimator on rows: bands by sorting."""
    order = np.sort(rates)[::-1]
    reach = window(share, len(order))
    high, at, low = (order[rank(one, len(order)) - 1] for one in (share - reach, share, share + reach))
    bands = np.select([rates > high, rates > at, rates == at, rates >= low], [0, 1, 2, 3], 4)
    if who is None:
        return dearest_share(np.bincount(bands[own], minlength=5), np.bincount(bands[~own], minlength=5), share)
    table = np.zeros((who.max() + 1, 10))
    np.add.at(table, (who, bands + np.where(own, 0, 5)), 1)
    sums = table.sum(axis=0)
    smaller = min((table[:, :5].sum(axis=1) > 0).sum(), (table[:, 5:].sum(axis=1) > 0).sum())
    return dearest_share(sums[:5], sums[5:], share, table.T @ table, smaller)


def drawn(rng, people, of_each=1, share=0.3, shift=0.0, kind="smooth"):
    """Rates, the group and the borrower of loans; loans of one borrower are alike."""
    who = np.repeat(np.arange(people), of_each)
    own = (rng.random(people) < share)[who]
    alike = 0.7 if of_each > 1 else 0.0
    rates = np.sqrt(alike) * rng.normal(size=people)[who] + np.sqrt(1 - alike) * rng.normal(size=len(who)) + shift * own
    steps = {
        "smooth": lambda r: r,
        "steps": lambda r: np.digitize(r, [-1, 0, 0.5, 1]),
        "cap": lambda r: np.minimum(r, 1),
    }
    return steps[kind](rates).astype(float), own, who


@pytest.mark.parametrize("kind", ["smooth", "steps", "cap"])
@pytest.mark.parametrize("of_each", [1, 4])
def test_errors_are_those_of_a_bootstrap_of_borrowers(kind, of_each):
    """Rows drawn anew with their borrowers, thresholds found anew: no influence function, no window."""
    rng = np.random.default_rng(7)
    rates, own, who = drawn(rng, 1500, of_each, 0.3, 0.6, kind)
    found = counted(rates, own, who=who if of_each > 1 else None)
    places = np.arange(len(who)).reshape(-1, of_each)
    draws = []
    for _ in range(600):
        chosen = places[rng.integers(0, len(places), len(places))].ravel()
        mass, mine = dear(pd.Series(rates[chosen])).to_numpy(), own[chosen]
        draws.append((mass[mine].sum() / mine.sum(), mass[mine].sum() / mass.sum()))
    spread = np.std(draws, axis=0)
    rate_error = np.sqrt(found.side_rate * (1 - found.side_rate) / found.n_side)
    part_error = np.sqrt(found.part * (1 - found.part) / found.n_part)
    assert found.own
    np.testing.assert_allclose([rate_error, part_error], spread, rtol=0.12)


@pytest.mark.parametrize(
    ("kind", "people", "of_each", "share", "shift"),
    [("smooth", 400, 1, 0.3, 0.0), ("smooth", 400, 1, 0.3, 0.6), ("steps", 400, 1, 0.3, 0.0), ("cap", 600, 1, 0.8, 0.4),
     ("smooth", 250, 4, 0.3, 0.0), ("steps", 250, 4, 0.5, 0.5)],
)  # fmt: skip
def test_intervals_cover_as_often_as_they_say(kind, people, of_each, share, shift):
    """1,500 draws each; .95 within chance and Wilson's own steps: .93 to .972; without a shift the test's error too."""
    rng = np.random.default_rng(23)
    rates, own, _ = drawn(rng, 400_000, 1, share, shift, kind)
    true = dear(pd.Series(rates)).to_numpy()[own].sum() / own.sum() / 0.1
    covered = rejected = 0
    for _ in range(1500):
        rates, own, who = drawn(rng, people, of_each, share, shift, kind)
        found = counted(rates, own, who=who if of_each > 1 else None)
        low, high = found.ratio_interval(0.95)
        covered += low <= true <= high
        rejected += found.p_value < 0.05
    assert 0.93 < covered / 1500 < 0.972
    if not shift:
        assert 0.03 < rejected / 1500 < 0.07


def test_rows_taken_as_independent_or_a_threshold_as_known_would_not_cover():
    """What the two corrections are for: without them errors are off by a quarter and more."""
    rng = np.random.default_rng(5)
    rates, own, who = drawn(rng, 1500, 4, 0.5, 0.0)
    clustered, naive = counted(rates, own, who=who), counted(rates, own)
    assert clustered.n_side < 0.75 * naive.n_side
    known_threshold = own.sum()  # a binomial of so many loans
    assert naive.n_side > 1.5 * known_threshold


def test_membership_adds_up_and_refuses_what_is_no_threshold():
    np.testing.assert_allclose(membership([2, 3, 10, 5, 80], 0.1), [1, 1, 0.5, 0, 0])
    with pytest.raises(ValueError, match="no threshold"):
        membership([20, 3, 1, 5, 71], 0.1)
    with pytest.raises(ValueError, match="five bands"):
        membership([1, 2, 0, 3, 4], 0.1)
    with pytest.raises(ValueError, match="all of them"):
        dearest_share([1, 2, 3, 4, 5], [0] * 5, 0.3)
