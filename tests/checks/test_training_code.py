"""Training code: loaded from its own bytes, called unheard, and what is wrong with it told without a person's value."""

from __future__ import annotations

import hashlib
import logging
import os
import random
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from checks.inputs.program import read_program
from checks.inputs.training_code import TrainingError, open_training
from checks.problem import InputError
from tests.programs import ROOT

HEAD = """\
program: small
source: {table: x.csv}
contract:
  unit: case
  decision: {column: granted, favourable: 1}
  groups: {region: {column: area, reference: north}}
  features: [risk, trait]
audits: {primary: [fair_lending.approval]}
policies: [us]
remedies:
"""
SECRET = "Ms Secret 1234"
LINE = """\
class Line:
    def __init__(self, slope):
        self.slope = slope
    def predict(self, features):
        return self.slope * features["risk"]
def fit(features, target, weights, seed, **hyperparameters):
    return Line(1 + len(hyperparameters))
"""


def opened(folder, code, training="{file: train.py, trusted: true}", more="", name="train.py"):
    folder.mkdir(exist_ok=True)
    (folder / "p.yaml").write_text(f"{HEAD}  training: {training}\n{more}", encoding="utf-8")
    if code is not None:
        (folder / name).write_text(code, encoding="utf-8")
    return open_training(read_program(folder / "p.yaml"))


def refused(folder, code, training="{file: train.py, trusted: true}", more="", name="train.py"):
    with pytest.raises(InputError) as told:
        opened(folder, code, training, more, name)
    (problem,) = told.value.problems
    assert problem.where.startswith(f"{folder / 'p.yaml'}, line 1")
    assert SECRET not in str(problem)
    return problem


def rows(n=200):
    rng = np.random.default_rng(3)
    features = pd.DataFrame({"risk": rng.integers(1, 9, n), "trait": rng.choice([SECRET, None], n).astype(object)})
    return features, (rng.uniform(size=n) < features["risk"] / 9).to_numpy(dtype=float)


def failed(folder, code, **more):
    """What is told of a model that cannot be trained, or cannot score."""
    features, target = rows()
    with pytest.raises(TrainingError) as told:
        opened(folder, code).fit(features, target, None, 1, {}, **more).scores(features)
    assert SECRET not in str(told.value)
    assert SECRET not in str(told.value.__cause__)
    return told.value.reason


def test_code_is_loaded_and_its_model_scores_rows(tmp_path):
    trainer = opened(tmp_path, LINE)
    features, target = rows()
    assert (trainer.file, trainer.function) == ("train.py", "fit")
    assert trainer.digest == "sha256:" + hashlib.sha256(LINE.encode()).hexdigest()
    scores = trainer.fit(features, target, None, 1, {"leaves": 3}).scores(features)
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(scores, 2.0 * features["risk"])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["p.yaml", "train.py"]


def test_what_runs_is_the_file_and_no_bytecode_beside_it(tmp_path):
    trainer = opened(tmp_path, LINE)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(tmp_path / "train.py")], check=True, cwd=ROOT)
    (tmp_path / "train.py").write_text(LINE.replace("1 + len", "7 + len"), encoding="utf-8")
    cached = next((tmp_path / "__pycache__").glob("*.pyc"))
    stamp = (tmp_path / "train.py").stat()
    head = cached.read_bytes()
    cached.write_bytes(head[:8] + int(stamp.st_mtime).to_bytes(4, "little") + head[12:])  # as new as the file
    features, target = rows()
    again = open_training(read_program(tmp_path / "p.yaml"))
    assert again.digest != trainer.digest
    np.testing.assert_array_equal(again.fit(features, target, None, 1, {}).scores(features), 7.0 * features["risk"])


def test_chances_are_those_of_class_1_wherever_they_stand(tmp_path):
    code = """
import numpy as np
class Chances:
    def predict_proba(self, features):
        high = features["risk"].to_numpy() / 10
        return np.stack([high, 1 - high] if self.turned else [1 - high, high], axis=1)
def fit(features, target, weights, seed, turned=False):
    model = Chances()
    model.turned = turned
    model.classes_ = np.array([1, 0] if turned else [0, 1])
    return model
"""
    trainer = opened(tmp_path, code, more="  hyperparameters: {turned: {one_of: [true, false]}}\n")
    features, target = rows()
    for turned in (True, False):
        scores = trainer.fit(features, target, None, 1, {"turned": turned}).scores(features)
        np.testing.assert_allclose(scores, features["risk"] / 10, rtol=1e-12)


def test_models_of_packages_score_as_by_hand(tmp_path):
    code = """
import lightgbm
from sklearn.linear_model import LogisticRegression
def fit(features, target, weights, seed, kind):
    numbers = features[["risk"]]
    if kind == "tree":
        settings = {"objective": "binary", "num_threads": 1, "seed": seed, "min_data_in_leaf": 5}
        return Alone(lightgbm.train(settings, lightgbm.Dataset(numbers, target, weight=weights), 5))
    return Alone(LogisticRegression().fit(numbers, target, sample_weight=weights), chances=True)
class Alone:
    def __init__(self, model, chances=False):
        self.model = model
        if chances:
            self.predict_proba = lambda features: model.predict_proba(features[["risk"]])
    def predict(self, features):
        return self.model.predict(features[["risk"]])
"""
    from sklearn.linear_model import LogisticRegression

    trainer = opened(tmp_path, code, more="  today: {kind: line}\n")
    features, target = rows()
    weights = np.linspace(0.5, 2, len(target))
    by_hand = LogisticRegression().fit(features[["risk"]], target, sample_weight=weights)
    scores = trainer.fit(features, target, weights, 1, {"kind": "line"}).scores(features)
    np.testing.assert_allclose(scores, by_hand.predict_proba(features[["risk"]])[:, 1], rtol=1e-9)
    tree = trainer.fit(features, target, weights, 1, {"kind": "tree"}).scores(features)
    assert 0 < tree.min() < tree.max() < 1
    assert np.corrcoef(tree, scores)[0, 1] > 0.9


def test_code_gets_whole_targets_copies_and_the_seed(tmp_path):
    code = """
import numpy as np, random
class Line:
    def predict(self, features):
        features["risk"] = features["risk"] * self.slope
        return features["risk"]
def fit(features, target, weights, seed):
    assert target.dtype == np.int64 and set(target) == {0, 1}
    features.loc[:, "risk"] = -features["risk"]
    features["more"] = 1
    target[:] = 0
    weights[:] = 0
    model = Line()
    model.slope = seed + np.random.uniform() + random.random()
    return model
"""
    trainer = opened(tmp_path, code)
    features, target = rows()
    before, weights = (features.copy(), target.copy()), np.ones(len(target))
    random.seed(5)
    np.random.seed(5)
    models, drawn = [], []
    for seed in (1, 1, 2):
        models.append(trainer.fit(features, target, weights, seed, {}))
        drawn += [random.random(), np.random.uniform()]
    random.seed(5)
    np.random.seed(5)
    assert drawn == [draw() for _ in models for draw in (random.random, np.random.uniform)]  # as without the fits
    one, two, three = (model.scores(features) for model in models)
    np.testing.assert_array_equal(one, two)
    assert (one != three).all()
    pd.testing.assert_frame_equal(features, before[0])
    np.testing.assert_array_equal(target, before[1])
    assert (weights == 1).all()


NOISE = f"""
import ctypes, logging, os, sys, warnings
def noise():
    print("{SECRET}")
    print("{SECRET}", file=sys.stderr)
    sys.__stdout__.write("{SECRET}")
    sys.__stderr__.write("{SECRET}")
    os.write(1, b"{SECRET}")
    os.system("echo {SECRET}")
    ctypes.CDLL(None).printf(b"{SECRET}")
    warnings.warn("{SECRET}")
    logging.getLogger("training").error("{SECRET}")
logging.getLogger("training").addHandler(logging.StreamHandler(sys.stdout))
noise()
"""
NOISE += LINE.replace("        return", "        noise(); return").replace("    return L", "    noise(); return L")


def test_nothing_that_code_says_is_heard(tmp_path, capfd, caplog):
    features, target = rows()
    with warnings.catch_warnings(record=True) as heard, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        model = opened(tmp_path, NOISE).fit(features, target, None, 1, {})
        model.scores(features)
        print("and then")
        logging.getLogger("training").error("and we")
        warnings.warn("and more", stacklevel=1)
    out, err = capfd.readouterr()
    assert SECRET not in out + err + caplog.text
    assert out == "and then\n"
    assert "and we" in caplog.text
    assert [str(one.message) for one in heard] == ["and more"]


def test_what_still_waits_to_be_written_is_not_heard_either(tmp_path):
    opened(tmp_path, NOISE)
    code = """
import logging, sys
import pandas as pd
from checks.inputs.program import read_program
from checks.inputs.training_code import open_training
print("before", end=" ")
features = pd.DataFrame({"risk": [1, 2, 3]})
open_training(read_program(sys.argv[1])).fit(features, features["risk"].to_numpy() > 1, None, 1, {}).scores(features)
logging.getLogger("training").error("to an output that the code kept")
print("after")
"""
    with_code = [sys.executable, "-c", code, str(tmp_path / "p.yaml")]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(with_code, capture_output=True, text=True, cwd=ROOT, check=True, env=buffered)
    assert (done.stdout, done.stderr) == ("before after\n", "")


FIT = "def fit(features, target, weights, seed, **more):\n    "


@pytest.mark.parametrize(("code", "told"), [
    ("raise ValueError(features['trait'].iloc[0] or 'x')", "fit of the training code failed: ValueError in fit"),
    ("raise SystemExit(3)", "fit of the training code failed: SystemExit in fit"),
    ("raise type('X' + str(features['trait'].max()), (KeyError,), {})()", "KeyError in fit"),
    ("return None", "no object with predict_proba or predict"),
    ("return Gives(lambda f: 1 / 0)", "predict of the training code failed: ZeroDivisionError in <lambda>"),
    ("return Gives(lambda f: f['trait'])", "predict of the training code failed: ValueError"),
    ("return Gives(lambda f: np.ones((len(f), 2)))", "gives 200 × 2 numbers for 200 rows instead of 200"),
    ("return Gives(lambda f: 0.5)", "gives 1 numbers for 200 rows instead of 200"),
    ("return Gives(lambda f: np.ones(len(f) - 1))", "gives 199 numbers for 200 rows instead of 200"),
    ("return Chances(lambda f: np.ones((len(f), 3)))", "gives 200 × 3 numbers for 200 rows instead of 200 × 2"),
    ("return Chances(lambda f: np.ones(len(f)))", "gives 200 numbers for 200 rows instead of 200 × 2"),
    ("return Gives(lambda f: np.where(np.arange(len(f)) < 3, np.nan, 1))", "no finite number for 3 of 200 rows"),
    ("return Gives(lambda f: np.where(np.arange(len(f)) < 4, np.inf, 1))", "no finite number for 4 of 200 rows"),
    ("return Gives(lambda f: np.ones(len(f)))", "every row the same score"),
])  # fmt: skip
def test_what_code_or_a_model_gives_wrong_is_told_without_its_words(tmp_path, code, told):
    head = """
import numpy as np
class Gives:
    def __init__(self, give):
        self.predict = give
class Chances:
    def __init__(self, give):
        self.predict_proba = give
"""
    assert told in failed(tmp_path, head + FIT + code)


def test_a_constant_model_may_be_asked_for(tmp_path):
    features, target = rows()
    code = LINE.replace("self.slope * features", "0 * features")
    model = opened(tmp_path, code).fit(features, target * 0, None, 1, {}, may_be_constant=True)
    assert not model.scores(features).any()


@pytest.mark.parametrize("target", [np.zeros(200), np.full(200, np.nan), np.arange(200) % 3])
def test_a_target_that_cannot_be_learned_is_refused(tmp_path, target):
    with pytest.raises(TrainingError, match="both values of the target"):
        opened(tmp_path, LINE).fit(rows()[0], target, None, 1, {})


def test_an_interruption_is_no_failure_of_the_code(tmp_path):
    features, target = rows()
    with pytest.raises(KeyboardInterrupt):
        opened(tmp_path, FIT + "raise KeyboardInterrupt").fit(features, target, None, 1, {})


@pytest.mark.parametrize(("training", "name", "found", "remedy"), [
    ("train.py", "train.py", "does not trust", "trusted: true"),
    ("{file: train.py, trusted: false}", "train.py", "does not trust", "trusted: true"),
    ("{file: trian.py, trusted: true}", "train.py", "no file 'trian.py'", "did you mean 'train.py'?"),
    ("{file: ., trusted: true}", "train.py", "no file '.'", "correct the name"),
    ("{file: ../train.py, trusted: true}", "../train.py", "outside the program's folder", "put the file"),
    ("{file: link.py, trusted: true}", "../train.py", "outside the program's folder", "put the file"),
    ("{file: train.py, function: fitt, trusted: true}", "train.py", "no function 'fitt'", "did you mean 'fit'?"),
    ("{file: train.py, function: SIZE, trusted: true}", "train.py", "no function 'SIZE'", "one of the names"),
])  # fmt: skip
def test_code_that_cannot_be_used_is_told(tmp_path, training, name, found, remedy):
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "link.py").symlink_to(tmp_path / "train.py")
    problem = refused(folder, LINE + "SIZE = 3\n", training, name=name)
    assert found in problem.found
    assert remedy in problem.remedy


def test_code_outside_the_folder_by_its_full_name_is_refused(tmp_path):
    (tmp_path / "train.py").write_text(LINE, encoding="utf-8")
    problem = refused(tmp_path / "program", None, f"{{file: {tmp_path / 'train.py'}, trusted: true}}")
    assert "outside" in problem.found


@pytest.mark.parametrize(("code", "found", "remedy"), [
    ("def fit(:\n    pass\n", "'train.py', line 1", "correct that line"),
    ("\n\nx = 'a\n", "'train.py', line 3", "correct that line"),
    ("a\0b", "'train.py'", "correct"),
    ("import helper\n", "imports 'helper', which cannot be imported", "nothing beside it is loaded"),
    ("from . import helper\n", "cannot be imported", "nothing beside it is loaded"),
    (f"raise ValueError('{SECRET}')\n", "ValueError in <module>", "by hand"),
    (f"raise SystemExit('{SECRET}')\n", "SystemExit in <module>", "by hand"),
    ("def fitted(features): pass\n", "no function 'fit'", "did you mean 'fitted'?"),
    ("fit = 3\n", "no function 'fit'", "write def fit("),
    ("def fit(features, target, seed): pass\n", "'fit(features, target, seed)'", "**hyperparameters"),
    ("def fit(features, target, weights, seed): pass\n", "'leaves'", "**hyperparameters"),
    ("def fit(features, target, weights, seed, leaves, more): pass\n", "'more'", "**hyperparameters"),
    ("def fit(leaves, target, weights, seed, **more): pass\n", "'leaves'", "**hyperparameters"),
])  # fmt: skip
def test_code_that_cannot_be_loaded_or_called_is_told(tmp_path, code, found, remedy):
    (tmp_path / "helper.py").write_text("", encoding="utf-8")
    before = set(sys.modules)
    problem = refused(tmp_path, code, more="  today: {leaves: 3}\n")
    assert found in problem.found
    assert remedy in problem.remedy
    assert "helper" not in set(sys.modules) - before


def test_code_may_have_dataclasses_and_any_encoding(tmp_path):
    code = "# -*- coding: latin-1 -*-\nfrom __future__ import annotations\nfrom dataclasses import dataclass\n"
    code += "@dataclass\nclass Size:\n    é: int = 3\n" + LINE
    (tmp_path / "train.py").write_bytes(code.encode("latin-1"))
    assert opened(tmp_path, None).function == "fit"


def test_a_program_without_the_block_has_no_training_code(tmp_path):
    (tmp_path / "p.yaml").write_text(HEAD.replace("remedies:\n", ""), encoding="utf-8")
    with pytest.raises(InputError, match="no 'remedies'"):
        open_training(read_program(tmp_path / "p.yaml"))
