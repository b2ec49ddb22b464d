"""Flips against loops over rows: a known model, asked twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from audits.comparisons.flip_figures import flip_named, flips_need
from audits.evidence.flip_results import Flips
from audits.evidence.flips import collect_flips
from audits.evidence.modelled import modelled_from_json
from audits.evidence.needs import FlipsNeed
from checks.inputs.model import Model
from checks.inputs.model_fault import ModelFault, ModelUnusable
from checks.inputs.period import Period
from checks.inputs.program import read_program
from checks.inputs.source import open_source
from tests.programs import write_program

FEATURES = ("years held", "SEX", "miles", "points", "handset", "route")
CONTRACT = {
    "unit": "policy no",
    "price": {"column": "quote", "currency": "GBP"},
    "tenure": {"column": "years held"},
    "groups": {"sex": {"column": "SEX", "labels": {"f": "woman", "m": "man", "x": "other"}, "reference": "m"}},
    "behaviour": {"device": "handset", "visits": "points"},
    "features": list(FEATURES),
    "prediction": {
        "of": "price", "scale": "log", "moves_with": {"years held": {"points": 0, "miles": "=first miles"}},
        "flips": {"far driver": {"set": {"miles": 50}, "when": {"SEX": "f"}}},
    },
    "columns": {"first miles": {"type": "number"}},
}  # fmt: skip
SEX_EFFECT = {"f": 0.05, "m": 0.0, "x": 0.1}
HANDSETS = {"old": 0.0, "new": 0.04, "tv": -0.02}


def book(seed: int, rows: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({
        "policy no": [f"p{i}" for i in range(rows)],
        "years held": rng.integers(0, 9, rows),
        "SEX": rng.choice(["f", "m", "x", None], rows, p=[0.4, 0.45, 0.1, 0.05]),
        "miles": rng.uniform(1, 40, rows).round(1),
        "points": rng.integers(0, 30, rows),
        "handset": rng.choice(["old", "new", "tv", None], rows, p=[0.5, 0.3, 0.1, 0.1]),
        "route": rng.choice(["web", "phone"], rows),
        "first miles": rng.uniform(1, 40, rows).round(1),
        "holder": rng.integers(0, rows // 3, rows).astype(str),
    })  # fmt: skip
    data["quote"] = np.exp(of_log(data)).round(2)
    return data


def of_log(frame: pd.DataFrame) -> np.ndarray:
    """An additive model of the logarithm of a price."""
    sex = frame["SEX"].map(SEX_EFFECT).fillna(0.02).to_numpy(float)
    handset = frame["handset"].map(HANDSETS).fillna(0.0).to_numpy(float)
    return np.asarray(
        6 + 0.02 * frame["years held"].to_numpy(float) + sex + 0.003 * frame["miles"].to_numpy(float)
        + 0.001 * frame["points"].to_numpy(float) + handset
    )  # fmt: skip


def model(margins: Callable[[pd.DataFrame], np.ndarray] = of_log, link: str = "log", **more) -> Model:
    made = Model("models:/m/1", "m", "1", "sha256:0", "pyfunc", FEATURES, {}, link, None, margins)
    return replace(made, **more)


def opened(folder, data, contract):
    file = write_program(folder, data, contract=contract, model="models:/m/1", trusted_model=True)
    return open_source(read_program(file), Period())


def flips_of(folder, data, contract=CONTRACT, made=None, rows=20_000, seed=0) -> Flips:
    with opened(folder, data, contract) as source:
        return collect_flips(source, made or model(), flips_need(source.contract, rows, seed))


def by_hand(data: pd.DataFrame, change: Callable[[pd.DataFrame], pd.DataFrame], meant: pd.Series) -> pd.DataFrame:
    """A row for each person who changes: the change d, the figure as recorded and the flipped one."""
    own, other = data[meant], change(data[meant].copy())
    differs = (own[list(FEATURES)].fillna("") != other[list(FEATURES)].fillna("")).any(axis=1)
    own, other = own[differs], other[differs]
    a, b = of_log(own), of_log(other)
    return pd.DataFrame({"d": a - b, "own": np.exp(a), "flipped": np.exp(b), "holder": own["holder"].to_numpy()})


def agrees(part, told: pd.DataFrame, tolerance: float = 0.001) -> None:
    """Every sum of a part against the rows."""
    difference = told["own"] - told["flipped"]
    assert part.changed == len(told)
    for found, values in (
        (part.margin, told["d"]), (part.recorded, difference), (part.relative, told["own"] / told["flipped"] - 1),
        (part.log_ratio, np.log(told["own"] / told["flipped"])),
    ):  # fmt: skip
        assert found.n == len(told)
        assert found.mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-12)
        assert found.squares == pytest.approx(((values - values.mean()) ** 2).sum(), rel=1e-6, abs=1e-18)
    assert part.harmed == (difference > tolerance * told["flipped"]).sum()
    assert part.better == (-difference > tolerance * told["flipped"]).sum()
    assert part.dearer == (difference > 0.01 + 1e-9).sum()


def set_to(**values):
    return lambda frame: frame.assign(**{name.replace("_", " "): value for name, value in values.items()})


def as_new(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{"years held": 0, "points": 0, "miles": frame["first miles"]})


@pytest.mark.parametrize("seed", [1, 2])
def test_a_flip_of_tenure_moves_what_depends_on_it_and_equals_a_loop_over_rows(tmp_path, seed):
    data = book(seed)
    flips = flips_of(tmp_path, data)
    found = flip_named(flips, "tenure")
    told = by_hand(data, as_new, data["years held"] > 0)
    assert (found.kind, found.attribute) == ("tenure", "tenure")
    assert found.sets == (("years held", "0"), ("points", "0"), ("miles", "=first miles"))
    agrees(found.whole, told)
    assert (found.whole.population, found.whole.drawn, found.whole.census) == (len(data), len(data), True)
    assert found.whole.meant == (data["years held"] > 0).sum()
    women = data["SEX"] == "f"
    agrees(found.of("sex", "woman"), by_hand(data[women], as_new, data[women]["years held"] > 0))
    renewing = found.of("time as a customer", "renewing")
    agrees(renewing, by_hand(data, as_new, data["years held"] >= 1))


def test_tenure_alone_changes_by_its_own_effect(tmp_path):
    data = book(3)
    contract = {**CONTRACT, "prediction": {"of": "price", "scale": "log"}}
    part = flip_named(flips_of(tmp_path, data, contract), "tenure").whole
    assert part.margin.mean == pytest.approx(0.02 * data.loc[data["years held"] > 0, "years held"].mean())
    assert part.log_ratio.mean == pytest.approx(part.margin.mean)


def test_a_group_is_flipped_both_ways_and_nobody_without_a_label(tmp_path):
    data = book(4)
    flips = flips_of(tmp_path, data)
    named = {one.name: one for one in flips.of_kind("group")}
    assert set(named) == {"sex: woman → man", "sex: other → man", "sex: man → woman", "sex: man → other"}
    for own, other in (("f", "m"), ("x", "m"), ("m", "f"), ("m", "x")):
        shown = {"f": "woman", "m": "man", "x": "other"}
        part = named[f"sex: {shown[own]} → {shown[other]}"].whole
        assert (part.attribute, part.label) == ("sex", shown[own])
        assert part.changed == part.population == (data["SEX"] == own).sum()
        assert part.margin.mean == pytest.approx(SEX_EFFECT[own] - SEX_EFFECT[other])
        assert part.margin.squares == 0
    assert named["sex: woman → man"].whole.harmed == (data["SEX"] == "f").sum()
    assert named["sex: man → woman"].whole.better == (data["SEX"] == "m").sum()


def test_devices_become_the_most_frequent_and_traits_the_middle_one(tmp_path):
    data = book(5)
    flips = flips_of(tmp_path, data)
    device = flip_named(flips, "device")
    agrees(device.whole, by_hand(data, set_to(handset="old"), data["handset"].notna()))
    assert device.whole.meant == data["handset"].notna().sum()
    assert device.whole.changed == data["handset"].isin(["new", "tv"]).sum()
    middle = sorted(data["points"])[(len(data) - 1) // 2]
    visits = flip_named(flips, "visits")
    assert (visits.kind, visits.attribute, visits.sets) == ("trait", "visits", (("points", str(middle)),))
    agrees(visits.whole, by_hand(data, set_to(points=middle), data["points"] >= 0))


def test_declared_flips_hold_where_they_say_and_warn_beyond_what_was_drawn(tmp_path):
    data = book(6)
    found = flip_named(flips_of(tmp_path, data), "far driver")
    agrees(found.whole, by_hand(data, set_to(miles=50.0), data["SEX"] == "f"))
    assert found.outside == {"miles": (data["SEX"] == "f").sum()}


def test_a_declared_flip_never_takes_the_place_of_one_of_the_audit(tmp_path):
    data = book(6, 300)
    contract = {**CONTRACT, "prediction": {"of": "price", "scale": "log", "flips": {"tenure": {"years held": 8}}}}
    named = {one.name: one for one in flips_of(tmp_path, data, contract).results}
    assert named["tenure"].kind == "tenure"
    assert named["tenure"].sets == (("years held", "0"),)
    assert named["tenure (declared)"].sets == (("years held", "8"),)


def test_entities_make_clusters(tmp_path):
    data = book(7)
    part = flip_named(flips_of(tmp_path, data, {**CONTRACT, "entity": "holder"}), "tenure").whole
    told = by_hand(data, as_new, data["years held"] > 0)
    rest = told["d"] - told["d"].mean()
    assert part.margin.clusters == told["holder"].nunique()
    assert part.margin.clustered == pytest.approx((rest.groupby(told["holder"]).sum() ** 2).sum())
    harmed = (told["own"] - told["flipped"] > 0.001 * told["flipped"]).astype(float)
    assert part.share_harmed.clustered == pytest.approx(
        ((harmed - harmed.mean()).groupby(told["holder"]).sum() ** 2).sum()
    )


def test_a_sample_is_the_rows_of_the_smallest_hashes_by_label_and_of_all(tmp_path):
    import hashlib

    data = book(8)
    flips = flips_of(tmp_path, data, rows=500, seed=3)
    order = data["policy no"].map(lambda unit: hashlib.md5(f"3:{unit}".encode()).hexdigest())
    drawn = data.assign(order=order).sort_values("order").head(500)
    tenure = flip_named(flips, "tenure")
    assert (tenure.whole.drawn, tenure.whole.population, tenure.whole.census) == (500, 900, False)
    agrees(tenure.whole, by_hand(drawn, as_new, drawn["years held"] > 0))
    assert not flips.census
    women = flip_named(flips, "sex: woman → man").whole
    assert women.drawn == (data["SEX"] == "f").sum()  # fewer than 500, so all of them
    assert women.census


def logit_score(frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(2.013 - 0.1 * frame["miles"].to_numpy(float) - 8 * frame["SEX"].map(SEX_EFFECT).fillna(0))


@pytest.mark.parametrize(("favourable", "sign"), [("high", 1), ("low", -1)])
def test_decisions_turn_where_the_threshold_lies_between(tmp_path, favourable, sign):
    data = book(9)
    data["score"] = 1 / (1 + np.exp(-logit_score(data)))
    contract = {
        "unit": "policy no", "score": "score", "groups": CONTRACT["groups"], "features": list(FEATURES),
        "prediction": {"of": "score", "scale": "logit", "favourable": favourable, "threshold": 0.5, "tolerance": 0.01},
    }  # fmt: skip
    made = model(lambda frame: sign * logit_score(frame), link="logit")
    part = flip_named(flips_of(tmp_path, data, contract, made), "sex: other → man").whole
    rows = data[data["SEX"] == "x"]
    own, other = logit_score(rows), logit_score(rows.assign(SEX="m"))
    chance, flipped = (1 / (1 + np.exp(-one)) for one in (own, other))
    assert part.against == (own < 0).sum()
    assert part.lost == ((own < 0) & (other >= 0)).sum() > 0
    assert part.gained == 0
    assert part.harmed == (flipped - chance > 0.01).sum() > 0
    assert part.share_lost.n == part.against
    assert part.share_lost.mean == pytest.approx(part.lost / part.against)
    assert part.recorded.mean == pytest.approx(
        sign * (chance - flipped).mean() if sign > 0 else (flipped - chance).mean()
    )
    assert (part.relative, part.dearer) == (None, None)
    back = flip_named(flips_of(tmp_path, data, contract, made), "sex: man → other").whole
    rows = data[data["SEX"] == "m"]
    own, other = logit_score(rows), logit_score(rows.assign(SEX="x"))
    assert (back.lost, back.gained) == (0, ((own >= 0) & (other < 0)).sum())


def test_a_thin_file_is_filled_where_it_is_empty_with_what_is_usual(tmp_path):
    data = book(10)
    rng = np.random.default_rng(10)
    gone = rng.uniform(size=len(data)) < 0.3
    data["miles"] = data["miles"].where(~gone)
    data["handset"] = data["handset"].where(~gone, "N/A")
    contract = {**CONTRACT, "thin_file": {"missing": ["miles", "handset"], "when": "any"},
                "prediction": {"of": "price", "scale": "log"}}  # fmt: skip

    def filled(frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(of_log(frame.assign(miles=frame["miles"].fillna(0))) + 0.1 * frame["miles"].isna())

    part = flip_named(flips_of(tmp_path, data, contract, model(filled)), "footprint").whole
    empty = data["handset"].isna() | (data["handset"] == "N/A")
    thin = data[data["miles"].isna() | empty]
    known = sorted(data["miles"].dropna())
    usual = known[(len(known) - 1) // 2]
    other = thin.assign(miles=thin["miles"].fillna(usual), handset=thin["handset"].where(~empty[thin.index], "old"))
    assert part.population == part.changed == len(thin)
    assert part.margin.mean == pytest.approx((filled(thin) - filled(other)).mean())


def test_assisted_channels_become_the_most_frequent_digital_one(tmp_path):
    data = book(11)
    data["route"] = np.random.default_rng(1).choice(
        ["web", "app", "phone", "branch"], len(data), p=[0.3, 0.2, 0.4, 0.1]
    )
    contract = {**CONTRACT, "terms": {"channel": "route"},
                "channels": {"digital": ["web", "app"], "assisted": ["phone", "branch"]}}  # fmt: skip
    effect = {"web": 0.0, "app": -0.05, "phone": 0.1, "branch": 0.2}

    def routed(frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(of_log(frame) + frame["route"].map(effect).to_numpy(float))

    found = flip_named(flips_of(tmp_path, data, contract, model(routed)), "channel")
    rows = data[data["route"].isin(["phone", "branch"])]
    assert found.whole.changed == len(rows)
    assert found.sets == (("route", "web"),)
    assert found.whole.margin.mean == pytest.approx(rows["route"].map(effect).mean())


def test_one_hot_columns_are_set_together(tmp_path):
    data = book(12)
    for value in ("f", "m", "x"):
        data[f"SEX_{value}"] = (data["SEX"] == value).astype(int)
    features = ("miles", "SEX_f", "SEX_m", "SEX_x")
    contract = {**CONTRACT, "features": list(features), "behaviour": {"visits": "points"},
                "prediction": {"of": "price", "scale": "log", "one_hot": {"SEX": "SEX_*"},
                               "flips": {"sixth": {"SEX": "q"}}}}  # fmt: skip

    def hot(frame: pd.DataFrame) -> np.ndarray:
        assert (frame[["SEX_f", "SEX_m", "SEX_x"]].sum(axis=1) <= 1).all()
        return np.asarray(6 + sum(SEX_EFFECT[one] * frame[f"SEX_{one}"].to_numpy(float) for one in SEX_EFFECT))

    flips = flips_of(tmp_path, data, contract, model(hot, columns=features))
    assert flip_named(flips, "sex: other → man").whole.margin.mean == pytest.approx(0.1)
    assert flip_named(flips, "sex: man → woman").whole.margin.mean == pytest.approx(-0.05)
    sixth = flip_named(flips, "sixth")
    assert sixth.unseen == {"SEX": sixth.whole.changed}
    assert flips.left_out["tenure"] == "not_a_feature"


def test_an_age_in_bands_becomes_the_middle_age_of_the_reference(tmp_path):
    data = book(13)
    data["AGE"] = np.random.default_rng(2).integers(18, 90, len(data))
    contract = {"unit": "policy no", "price": {"column": "quote", "currency": "GBP"}, "features": ["AGE"],
                "groups": {"age": {"column": "AGE", "bands": [30, 62], "reference": "30-61"}},
                "prediction": {"of": "price"}}  # fmt: skip
    made = model(lambda frame: 500 + 2 * frame["AGE"].to_numpy(float), "identity", columns=("AGE",))
    flips = flips_of(tmp_path, data, contract, made)
    within = sorted(data.loc[data["AGE"].between(30, 61), "AGE"])
    middle = within[(len(within) - 1) // 2]
    old = flip_named(flips, "age: 62+ → 30-61").whole
    assert old.margin.mean == pytest.approx(2 * (data.loc[data["AGE"] >= 62, "AGE"] - middle).mean())
    assert old.recorded == old.margin


def test_rows_that_the_model_does_not_take_and_faults_of_one_flip_are_told(tmp_path):
    data = book(14)

    def fussy(frame: pd.DataFrame) -> np.ndarray:
        if (frame["miles"].to_numpy(float) == 50).any():
            raise ModelUnusable(ModelFault("fails", {"uri": "m", "reason": "too far"}))
        return np.where(frame["route"].to_numpy() == "web", of_log(frame), np.nan)

    flips = flips_of(tmp_path, data, made=model(fussy))
    part = flip_named(flips, "tenure").whole
    meant = data["years held"] > 0
    assert (part.meant, part.unusable) == (meant.sum(), (meant & (data["route"] == "phone")).sum())
    agrees(part, by_hand(data, as_new, meant & (data["route"] == "web")))
    far = flip_named(flips, "far driver")
    assert far.fault == ModelFault("fails", {"uri": "m", "reason": "too far"})
    assert (far.whole.changed, far.whole.margin) == (0, None)


def test_no_figure_is_of_fewer_than_five_persons_and_no_cell_tells_of_so_few(tmp_path):
    data = book(15, 400)
    data["SEX"] = np.where(np.arange(400) < 4, "x", "m")
    flips = flips_of(tmp_path, data)
    few = flip_named(flips, "sex: other → man").whole
    assert (few.changed, few.margin, few.share_harmed, few.edges, few.quantiles) == (4, None, None, (), ())
    for one in flips.results:
        assert all(n == 0 or n >= 5 for n in one.whole.bins)
    tenure = flip_named(flips, "tenure").whole
    told = by_hand(data, as_new, data["years held"] > 0)["d"]
    assert tenure.quantiles == pytest.approx(tuple(np.percentile(told, (5, 25, 50, 75, 95))))
    assert len(tenure.bins) == len(tenure.edges) - 1 == 25
    low, high = np.percentile(told, (0.5, 99.5))
    counts = np.histogram(np.clip(told, low, high), 25, (low, high))[0]
    assert tenure.bins == tuple(np.where(counts < 5, 0, counts))


def test_no_reference_no_labels_and_columns_that_are_no_features(tmp_path):
    data = book(16, 200)
    data["SEX"] = "f"
    assert flips_of(tmp_path, data).left_out == {"sex": "no_reference"}
    groups = {**CONTRACT["groups"], "town": {"column": "holder", "reference": "1"},
              "only": {"column": "SEX", "reference": "f"}}  # fmt: skip
    left = flips_of(tmp_path, data, {**CONTRACT, "groups": groups}).left_out
    assert left == {"sex": "no_reference", "town": "not_a_feature", "only": "one_label"}


def test_the_file_reads_back_and_holds_no_person(tmp_path):
    data = book(17, 300)
    flips = flips_of(tmp_path, data)
    text = json.dumps({"fault": None, "found": asdict(flips)}, allow_nan=False)
    assert modelled_from_json(FlipsNeed(), text) == flips
    assert not any(f'"{unit}"' in text for unit in data["policy no"])


def test_whole_numbers_texts_and_truth_values_are_set_in_their_own_kind(tmp_path):
    data = book(18, 300)
    data["points"] = np.where(data["points"] > 15, "1", "2")
    data["wired"] = np.arange(300) % 3 == 0
    contract = {**CONTRACT, "features": ["points", "wired", "years held"], "behaviour": {"visits": "miles"},
                "groups": {}, "prediction": {"of": "price", "flips": {
                    "one": {"points": 1}, "wire": {"wired": 1}, "gone": {"points": None}, "void": {"years held": None},
                }}}  # fmt: skip
    contract.pop("groups")

    def typed(frame: pd.DataFrame) -> np.ndarray:
        wired = np.array([{True: 2.0, False: 1.0}[one] for one in frame["wired"]])
        held = np.nan_to_num(frame["years held"].to_numpy(float), nan=-7.0)
        return np.array([{"1": 10.0, "2": 20.0}.get(one, 40.0) for one in frame["points"]]) + wired + held

    flips = flips_of(tmp_path, data, contract, model(typed, "identity", columns=("points", "wired", "years held")))
    assert flip_named(flips, "one").whole.margin.mean == 10.0
    assert flip_named(flips, "one").whole.changed == (data["points"] == "2").sum()
    assert flip_named(flips, "wire").whole.margin.mean == -1.0
    assert flip_named(flips, "gone").outside == {"points": 300}
    assert flip_named(flips, "void").whole.margin.mean == pytest.approx(data["years held"].mean() + 7)


def test_a_category_that_the_model_never_saw_is_told_and_missing_to_it(tmp_path):
    data = book(19, 300)
    flips = {"fridge": {"set": {"handset": "fridge"}, "when": {"handset": "old"}}}
    contract = {**CONTRACT, "prediction": {"of": "price", "scale": "log", "flips": flips}}
    known = {"SEX": ("f", "m", "x"), "handset": ("old", "new", "tv"), "route": ("web", "phone")}
    made = model(lambda frame: of_log(frame.astype(dict.fromkeys(known, object))), kind="lightgbm", categories=known)
    found = flip_named(flips_of(tmp_path, data, contract, made), "fridge")
    rows = (data["handset"] == "old").sum()
    assert found.unseen == found.outside == {"handset": rows}
    assert (found.whole.changed, found.whole.unusable, found.whole.margin.mean) == (rows, 0, 0.0)
