"""Comparisons in money: against sums of rows by pandas, and the planted total within the interval over many draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audits.comparisons.in_money import gap_in_money, ratio_in_money
from audits.digital_divide.channel_price import ChannelPrice
from audits.evidence.cells import Cells, Total, sorted_cells
from audits.evidence.histograms import Histogram
from audits.evidence.needs import CellsNeed, HistogramNeed
from audits.fair_lending.pricing import Pricing
from audits.record import Measurement
from checks.inputs.contract import CHANNEL
from checks.inputs.loan_columns import MONEY_YEARS
from checks.inputs.pricing_columns import LOG_MARKUP, PRICED
from checks.inputs.program import read_program
from tests.programs import write_program
from tests.questions import measure_program

CHANNELS = {
    "unit": "nº", "price": {"column": "prix demandé", "currency": "EUR"}, "cost": "coût", "strata": ["magasin"],
    "terms": {"channel": "voie"}, "channels": {"digital": ["appli"], "assisted": ["guichet"]},
}  # fmt: skip
LOANS = {
    "unit": "nº", "groups": {"zone": {"column": "zone", "reference": "nord"}},
    "rate": {"column": "taux", "unit": "percent"},
    "loan": {"amount": "montant", "term_days": "jours", "currency": "EUR"},
}  # fmt: skip


def _prices(seed: int, rows: int = 400, penalty: float = 0.08) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    assisted, cost = rng.random(rows) < 0.4, rng.lognormal(5, 0.4, rows)
    asked = cost * np.exp(0.1 + penalty * assisted + 0.2 * rng.normal(size=rows))
    return pd.DataFrame({
        "nº": np.arange(rows), "voie": np.where(assisted, "guichet", "appli"), "coût": cost, "prix demandé": asked,
        "magasin": rng.choice(["a", "b"], rows),
    })  # fmt: skip


def _loans(seed: int, rows: int = 400, gap: float = 0.3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    south = rng.random(rows) < 0.4
    return pd.DataFrame({
        "nº": np.arange(rows), "zone": np.where(south, "sud", "nord"), "poids": rng.normal(size=rows),
        "montant": rng.integers(5, 90, rows) * 100.0, "jours": rng.choice([30, 365, 730], rows),
        "taux": 8 + gap * south + rng.normal(0, 1, rows), "accordé": rng.random(rows) < 0.8,
    })  # fmt: skip


def _measured(folder: Any, data: pd.DataFrame, question: Any, contract: dict[str, Any]) -> dict[str, Measurement]:
    columns = {name: {"null_tolerance": 1} for name in data.columns if name in str(contract)}
    file = write_program(folder, data, contract={**contract, "columns": columns})
    figures, missing = measure_program(file, question, folder / "out")
    return {one.measure: one for one in figures} | {one.question.split(": ")[1]: one for one in missing}  # type: ignore[dict-item]


def test_the_ratio_of_channels_in_money_is_what_assisted_rows_paid_less_that_over_the_ratio(tmp_path):
    data = _prices(1)
    data.loc[:4, "coût"] = np.nan
    found = _measured(tmp_path, data, ChannelPrice(), CHANNELS)
    ratio, money = found["assisted_price_ratio"], found["assisted_overcharge_money"]
    own = data[(data["voie"] == "guichet") & data["coût"].notna()]["prix demandé"]
    for one, other in ((ratio.estimate, money.estimate), (ratio.low, money.low), (ratio.high, money.high)):
        assert other == pytest.approx(own.sum() * (1 - 1 / one), rel=1e-9)
    assert [at for at, *_ in money.ladder] == [at for at, *_ in ratio.ladder]
    assert (money.unit, money.counts["with_amount"], money.p_value) == ("EUR", len(own), ratio.p_value)
    assert set(ratio.cautions) == set(money.cautions), "what holds of the ratio holds of its money"


def test_a_gap_in_rates_in_money_is_the_gap_times_amount_and_years(tmp_path):
    data = _loans(2)
    data.loc[data.index[:6], "jours"] = np.nan
    south = data[data["zone"] == "sud"].dropna()
    for folder, roles, measure in (("a", {}, "rate_gap_bp"), ("b", {"controls": ["poids"]}, "adjusted_rate_gap_bp")):
        found = _measured(tmp_path / folder, data, Pricing(), LOANS | roles)
        lent = (south["montant"] * south["jours"] / 365).sum()
        gap, money = found[measure], found["rate_gap_money"]
        assert (money.estimate, money.low, money.high, money.standard_error) == pytest.approx(
            tuple(end / 1e4 * lent for end in (gap.estimate, gap.low, gap.high, gap.standard_error)), rel=1e-9
        )
        lost = int((data["zone"] == "sud").sum() - len(south))
        assert (money.counts["without_amount_or_term"], money.unit) == (lost, "EUR")
        assert any("no amount or term" in text for text in money.unseen)


def test_only_granted_loans_bear_a_gap_and_without_amounts_it_says_what_is_missing(tmp_path):
    data = _loans(3)
    granted = {"decision": {"column": "accordé", "favourable": True}}
    found = _measured(tmp_path, data, Pricing(), LOANS | granted)
    own = data[(data["zone"] == "sud") & data["accordé"]]
    lent = (own["montant"] * own["jours"] / 365).sum()
    assert found["rate_gap_money"].estimate == pytest.approx(found["rate_gap_bp"].estimate / 1e4 * lent, rel=1e-9)
    bare = {name: part for name, part in LOANS.items() if name != "loan"}
    assert "under 'loan'" in str(_measured(tmp_path / "b", data, Pricing(), bare)["rate_gap_money"].needed)  # type: ignore[attr-defined]


def test_open_ends_and_figures_that_are_missing():
    one = Measurement(
        question="digital_divide.channel_price", measure="assisted_price_ratio", attribute="channel", group="assisted",
        reference="digital", estimate=1.25, low=0.8, high=None, level=0.95, n=50, method="m", source="s", equality=1.0,
        ladder=((0.9, 1.0, 2.0), (0.99, None, None)), mde=0.25,
    )  # fmt: skip
    money = ratio_in_money(one, "x_money", 1000.0, 20, "EUR")
    assert (money.estimate, money.low, money.high, money.mde) == pytest.approx((200.0, -250.0, 1000.0, 200.0))
    assert money.ladder == ((0.9, 0.0, 500.0), (0.99, None, 1000.0))
    assert ratio_in_money(one, "x_money", 0.0, 0, "EUR").estimate is None
    missing = replace(one, estimate=None, low=None, reason="too few", mde=None, ladder=())
    assert gap_in_money(missing, "x_money", 10.0, 3, 3, None).reason == "too few"


@dataclass(frozen=True)
class _Rows:
    """Evidence of a data frame, added up by pandas: what a run's aggregates say, without an engine."""

    rows: pd.DataFrame
    reference: str

    @property
    def data(self) -> Any:
        return SimpleNamespace(references={"zone": self.reference, CHANNEL: self.reference}, undated=0)

    def cells(self, need: CellsNeed) -> Cells:
        found = []
        for labels, own in self.rows.groupby([*need.attributes, *need.columns], dropna=False):
            totals = tuple(
                Total(int(v.count()), float(v.sum()), float((v**2).sum())) for v in (own[name] for name in need.sums)
            )
            found.append(((tuple(map(str, labels)), None, len(own)), totals))
        return sorted_cells(need, found)

    def histogram(self, need: HistogramNeed) -> Histogram:
        values = np.sort(self.rows[need.score].unique())
        counts = tuple(
            ((str(zone),), None, int(np.searchsorted(values, value)), 1)
            for zone, value in zip(self.rows["zone"], self.rows[need.score], strict=True)
        )
        return Histogram(need.score, need.attributes, (), True, tuple(values), counts, len(values), 1, 0, 0)


def _contract(folder: Any, data: pd.DataFrame, contract: dict[str, Any]) -> Any:
    return read_program(write_program(folder, data, contract=contract)).contract


def test_the_planted_total_lies_within_the_interval_of_channels(tmp_path):
    """Prices are planted at e^penalty times equal cost: of what assisted rows paid, 1 − e^−penalty is beyond it."""
    contract, question, hits = _contract(tmp_path, _prices(1), CHANNELS), ChannelPrice(), []
    for seed in range(300):
        data = _prices(seed, 200, penalty := (0.0, 0.08, 0.2)[seed % 3])
        side = np.where(data["voie"] == "guichet", "assisted", "digital")
        rows = data.assign(**{
            CHANNEL: side, LOG_MARKUP: np.log(data["prix demandé"] / data["coût"]), PRICED: data["prix demandé"],
        })  # fmt: skip
        figures, _ = question.measure(_Rows(rows, "digital"), contract)  # type: ignore[arg-type]
        money = next(one for one in figures if one.measure == "assisted_overcharge_money")
        planted = data.loc[side == "assisted", "prix demandé"].sum() * (1 - np.exp(-penalty))
        hits.append(money.low <= planted <= money.high)
    assert 0.93 <= np.mean(hits) < 0.98


def test_the_planted_total_lies_within_the_interval_of_rates(tmp_path):
    """Rates are planted ``gap`` points higher: each loan of the group bears gap × amount × years more."""
    contract, question, hits = _contract(tmp_path, _loans(1), LOANS), Pricing(), []
    for seed in range(300):
        data = _loans(seed, 200, gap := (0.0, 0.3, 1.0)[seed % 3])
        rows = data.assign(**{MONEY_YEARS: data["montant"] * data["jours"] / 365})
        figures, _ = question.measure(_Rows(rows, "nord"), contract)  # type: ignore[arg-type]
        money = next(one for one in figures if one.measure == "rate_gap_money")
        planted = (gap / 100 * rows.loc[data["zone"] == "sud", MONEY_YEARS]).sum()
        hits.append(money.low <= planted <= money.high)
    assert 0.93 <= np.mean(hits) < 0.98
