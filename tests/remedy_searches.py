"""Rows, training code and a measure for tests of the search for alternatives, none of them the product's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from audits.evidence.remedy_rows import RemedyPart, RemedyRows
from audits.remedies.records import Candidate, GroupRate
from audits.remedies.workshop import Workshop
from audits.simulation.draw import draw_kinds
from audits.simulation.proxy import Proxy
from checks.inputs.remedies import Remedies, Training
from checks.inputs.training_code import TrainingError

CODE = Training("model.py", trusted=True)


def part_of(features, target, decision, outcome, labels, start=0):
    """A part whose rows are all of different persons."""
    persons = np.arange(start, start + len(features), dtype=np.int64)
    numbers = (np.asarray(one, dtype=np.float64) for one in (target, decision, outcome))
    return RemedyPart(features.reset_index(drop=True), *numbers, labels, persons)


def in_three(features, target, decision, outcome, labels, references):
    """The rows in order: the first half for training, then a quarter each."""
    n = len(features)
    parts = []
    for start, end in ((0, n // 2), (n // 2, 3 * n // 4), (3 * n // 4, n)):
        here = slice(start, end)
        named = {name: one[here] for name, one in labels.items()}
        parts.append(part_of(features.iloc[here], target[here], decision[here], outcome[here], named, start))
    return RemedyRows(*parts, references, n, 0, n)


def proxy_rows(effect, n=12_000, seed=5):
    """Rows of the lender that penalises a trait: the model learns its decisions."""
    people = Proxy().population(effect)
    codes = np.unravel_index(draw_kinds(np.cumsum(people.probability), seed, 0, n), people.probability.shape)
    drawn = {c.name: np.array(c.values, dtype=object)[code] for c, code in zip(people.columns, codes, strict=True)}
    features = pd.DataFrame({"risk": drawn["risk"].astype(float), "trait": drawn["trait"].astype(float)})
    approved, repaid = drawn["approved"].astype(float), drawn["repaid"].astype(float)
    return in_three(features, approved, approved, repaid, {"group": drawn["group"]}, {"group": "A"})


def rich_rows(penalty, n=6_000, seed=3):
    """Numbers, texts and missing values; two proxies that say the same are penalised, and the target is partly unknown.

    ``penalty`` 0 is the fair twin: nothing that tells the group has a bearing on decisions.
    """
    rng = np.random.default_rng(seed)
    group = np.where(rng.random(n) < 0.4, "B", "A").astype(object)
    told = np.where(rng.random(n) < 0.9, group == "B", rng.random(n) < 0.5)
    area = np.where(told, "south", "north").astype(object)
    code = np.where(told, 2.0, 1.0) + np.where(rng.random(n) < 0.02, 1.0, 0.0)
    income, debt = rng.lognormal(3.0, 0.5, n), rng.gamma(2.0, 2.0, n)
    purpose = rng.choice(list("abcdefg"), n, p=[0.4, 0.3, 0.2, 0.088, 0.004, 0.004, 0.004]).astype(object)
    good = 1.2 * np.log(income) - 0.35 * debt - 2.0
    outcome = (rng.random(n) < 1 / (1 + np.exp(-good))).astype(float)
    approved = (rng.random(n) < 1 / (1 + np.exp(-(good + 0.4 - penalty * (told + 0.0))))).astype(float)
    income[rng.random(n) < 0.05] = np.nan
    purpose[rng.random(n) < 0.05] = None
    features = pd.DataFrame({"income": income, "debt": debt, "area": area, "code": code, "purpose": purpose})
    group[rng.random(n) < 0.03] = None
    outcome[rng.random(n) < 0.1] = np.nan
    target = approved.copy()
    target[:40] = np.nan
    return in_three(features, target, approved, outcome, {"group": group}, {"group": "A"})


class _Fitted:
    def __init__(self, columns, slopes) -> None:
        self.columns, self.slopes = columns, slopes

    def scores(self, features):
        return 1 / (1 + np.exp(-(_design(features, self.columns) @ self.slopes)))


def _columns(features):
    """Mean and spread of numbers, levels of texts."""
    return {
        name: (one.mean(), one.std() or 1.0) if pd.api.types.is_numeric_dtype(one) else sorted(one.dropna().unique())
        for name, one in features.items()
    }


def _design(features, columns):
    parts = [np.ones(len(features))]
    for name, known in columns.items():
        values = features[name]
        if isinstance(known, tuple):
            parts.append(((values - known[0]) / known[1]).fillna(0.0).to_numpy())
        else:
            parts.extend((values == level).to_numpy(np.float64) for level in known)
    return np.stack(parts, axis=1)


class Regression:
    """Logistic regression by Newton's method with a penalty; notes its trainings, and fails where ``fails`` says so."""

    def __init__(self, fails: Callable[..., bool] = lambda *_: False, heeds_weights: bool = True) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.fails, self.heeds_weights = fails, heeds_weights
        self.rows: set[int] = set()

    def fit(self, features, target, weights, seed, hyperparameters, *, may_be_constant=False):
        self.calls.append(tuple(features.columns))
        self.rows.add(len(features))
        assert np.isin(target, (0.0, 1.0)).all()
        if self.fails(features, weights, hyperparameters):
            raise TrainingError("the training code failed")
        columns = _columns(features)
        rows = _design(features, columns)
        weights = weights if weights is not None and self.heeds_weights else np.ones(len(rows))
        slopes, penalty = np.zeros(rows.shape[1]), np.full(rows.shape[1], 1 / hyperparameters.get("strength", 1.0))
        for _ in range(8):
            chance = 1 / (1 + np.exp(-np.clip(rows @ slopes, -30, 30)))
            uphill = rows.T @ (weights * (target - chance)) - penalty * slopes
            bend = (rows.T * (weights * chance * (1 - chance))) @ rows + np.diag(penalty)
            slopes = slopes + np.linalg.solve(bend, uphill)
        return _Fitted(columns, slopes)


class Measure:
    """Approvals by rank as recorded decisions fall with today's score; ratio of two groups; area under the curve."""

    def __init__(self, part, group="B", reference="A", of="outcome") -> None:
        self.part, self.group, self.reference, self.of = part, group, reference, of
        self.falling, self.today = None, 0.0

    def approved(self, scores):
        from sklearn.isotonic import IsotonicRegression

        order = np.argsort(scores, kind="stable")
        if self.falling is None:
            ranks = pd.Series(scores).rank().to_numpy()
            self.falling = np.sort(IsotonicRegression().fit_transform(ranks, self.part.decision))
        placed = np.empty(len(scores))
        placed[order] = self.falling
        return pd.Series(placed).groupby(pd.Series(scores)).transform("mean").to_numpy()

    def __call__(self, candidate, scorer, chances):
        from sklearn.metrics import roc_auc_score

        scores = scorer.scores(self.part.features) if scorer else chances(self.part)
        approved = self.approved(scores) if scorer else scores
        labels, known = self.part.labels["group"], ~np.isnan(getattr(self.part, self.of))
        rates = {name: float(approved[labels == name].mean()) for name in (self.group, self.reference)}
        ratio = rates[self.group] / rates[self.reference]
        if candidate.id == "today":
            self.today = ratio
        return replace(
            candidate,
            performance=float(roc_auc_score(getattr(self.part, self.of)[known], scores[known])),
            known=int(known.sum()),
            approved=float(approved.mean()),
            rates=(GroupRate("group", self.group, int((labels == self.group).sum()), rates[self.group], ratio),),
            gain=ratio - self.today,
        )


def workshop(rows, trainer=None, seed=1, **said):
    """A search of which today's model is trained and measured, and nothing else."""
    announced: list[str] = []
    names = tuple(rows.training.features)
    shop = Workshop(
        rows, asked(**said), trainer or Regression(), names, seed, Measure(rows.validation), announced.append
    )  # fmt: skip
    today = Candidate("today", "today", "today's model", names)
    shop.attempt(today, lambda: shop.train("today's model", names))
    return shop


def by_id(shop):
    """What was tried, by id."""
    return {one.candidate.id: one for one in shop.tried}


class Trees:
    """Gradient-boosted trees with one thread, texts as categories of the training rows."""

    def fit(self, features, target, weights, seed, hyperparameters, *, may_be_constant=False):
        from lightgbm import LGBMClassifier

        levels = {
            name: sorted(features[name].dropna().unique())
            for name in features if not pd.api.types.is_numeric_dtype(features[name])
        }  # fmt: skip
        settings = {"n_estimators": 20, "num_leaves": 4, **hyperparameters}
        model = LGBMClassifier(n_jobs=1, random_state=seed, verbose=-1, **settings)
        return _Grown(model.fit(_as_categories(features, levels), target, sample_weight=weights), levels)


class _Grown:
    def __init__(self, model, levels) -> None:
        self.model, self.levels = model, levels

    def scores(self, features):
        return self.model.predict_proba(_as_categories(features, self.levels))[:, 1]


def _as_categories(features, levels):
    return features.assign(**{name: pd.Categorical(features[name], known) for name, known in levels.items()})


def asked(**said):
    """What a program says of remedies, the model learning decisions."""
    return Remedies(**{"training": CODE, "target": "decision", "trials": 0, **said})
