"""The program's own code that trains a model: found, trusted, called, and what is wrong with it.

Only the file itself is loaded: its folder does not become importable, no bytecode is written beside it, and what is run
is what the digest is of. Nothing that it prints, warns of or logs leaves it, since that may quote persons.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import random
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, TypeVar

from checks.inputs.model_fault import ends_the_audit, kind_and_place
from checks.inputs.remedies import Remedies, Setting, Training
from checks.inputs.silence import silent
from checks.problem import InputError, Problem, listed, nearest, suggest
from checks.sentence import said

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from checks.inputs.program import AuditProgram

ARGUMENTS = ("features", "target", "weights", "seed")
_PLACE = "remedies.training"
_Result = TypeVar("_Result")


class TrainingError(Exception):
    """The training code, or a model that it gave, failed; ``reason`` is a sentence. One candidate is lost by it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """A model that the training code gave; ``native`` is its own object, ``seed`` the one that it was trained with."""

    native: Any = field(repr=False)
    seed: int

    def scores(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Scores (n,) of rows (n, p) with the columns that the model was trained on: more means likelier 1.

        They are the second of two columns of ``predict_proba`` (that of class 1 where ``classes_`` says which it is),
        or what ``predict`` gives. Raises ``TrainingError`` where that fails or is not one finite number for each row.
        """
        return _called(lambda: _scored(self.native, features.copy(deep=False)), self.seed, "predict")


@dataclass(frozen=True, slots=True, eq=False)
class Trainer:
    """Training code that was loaded: the ``digest`` of its ``file`` (as the program names it), and its ``function``."""

    file: str
    digest: str
    function: str
    code: Callable[..., Any] = field(repr=False)

    def fit(
        self,
        features: pd.DataFrame,
        target: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        seed: int,
        hyperparameters: Mapping[str, Setting],
        *,
        may_be_constant: bool = False,
    ) -> FittedModel:
        """A model trained on rows (n, p) with a target (n,) of 0 and 1 and weights (n,), or None for equal ones.

        The code gets copies, the target as whole numbers, and the seed; the generators of ``random`` and NumPy start
        from the seed too. The model scores its own rows once. Raises ``TrainingError`` where the target is not of both
        values, or the code or the model fails, or (unless ``may_be_constant``) all scores are equal.
        """
        import numpy as np

        learned, given = np.asarray(target, dtype=np.float64), set(np.unique(target).tolist())
        if not given <= {0.0, 1.0} or (len(given) < 2 and not may_be_constant):
            raise TrainingError(said("the rows to train on do not hold both values of the target"))
        call = (features.copy(deep=False), learned.astype(np.int64), None if weights is None else weights.copy(), seed)
        model = FittedModel(_called(lambda: self.code(*call, **hyperparameters), seed, self.function), seed)
        scores = model.scores(features)
        if not may_be_constant and scores.min() == scores.max():
            raise TrainingError(said("the model gives every row the same score"))
        return model


def _called(call: Callable[[], _Result], seed: int, what: str) -> _Result:
    """What the training code gives, unheard, its failure without a word of its own."""
    import numpy as np

    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - of code that takes no generator
    try:
        random.seed(seed)
        np.random.seed(seed % 2**32)
        with silent():
            return call()
    except TrainingError:
        raise
    except BaseException as error:  # code of the program's own, which may exit
        if ends_the_audit(error):
            raise
        raise TrainingError(
            said("{what} of the training code failed: {reason}", what=what, reason=_kind_and_place(error))
        ) from None
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _kind_and_place(error: BaseException) -> str:
    """As of any model, without the name that the code's own module has here."""
    return re.sub(rf"\b{_MODULE}\w+\.", "", kind_and_place(error))


def _scored(native: Any, features: pd.DataFrame) -> NDArray[np.float64]:
    import numpy as np

    told = next((one for one in ("predict_proba", "predict") if callable(getattr(native, one, None))), None)
    if told is None:
        raise TrainingError(said("the training code gives no object with predict_proba or predict"))
    rows, chances = len(features), told == "predict_proba"
    wanted = (rows, 2) if chances else (rows,)
    found = np.asarray(getattr(native, told)(features), dtype=np.float64)
    if found.shape != wanted:
        raise TrainingError(said(
            "the model gives {found} numbers for {rows:,} rows instead of {wanted}", rows=rows,
            found=_shape(found.shape), wanted=_shape(wanted),
        ))  # fmt: skip
    scores = found[:, _favourable(native)] if chances else found
    lost = int((~np.isfinite(scores)).sum())
    if lost:
        raise TrainingError(said(
            "the model gives no finite number for {lost:,} of {rows:,} rows", lost=lost, rows=rows
        ))  # fmt: skip
    return np.array(scores, dtype=np.float64)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "1"


def _favourable(native: Any) -> int:
    """The column of class 1: the second, unless the model says that the first is."""
    classes = getattr(native, "classes_", None)
    return 0 if classes is not None and len(classes) == 2 and classes[0] == 1 and classes[1] == 0 else 1


def open_training(program: AuditProgram) -> Trainer:
    """The training code of a program's ``remedies``, loaded.

    Raises ``InputError`` where the program does not trust it, the file is absent or outside the program's folder, it
    cannot be loaded, or its function is absent or takes other arguments.
    """
    remedies = program.remedies
    if remedies is None:
        raise InputError(Problem(
            program.where("remedies"), "no 'remedies'", "how the model is trained",
            "add 'remedies: {training: {file: train.py, trusted: true}}'",
        ))  # fmt: skip
    training = remedies.training
    file = _found(program, training)
    if not training.trusted:
        raise InputError(Problem(
            program.where(f"{_PLACE}.trusted"), f"'{training.file}', which the program does not trust",
            "code that may be run", "read the file, and then write training: {file: …, trusted: true}",
        ))  # fmt: skip
    source = _read(program, file)
    digest = hashlib.sha256(source).hexdigest()
    function = _function(program, _loaded(program, file, source, digest), training)
    _accepts(program, function, remedies)
    return Trainer(training.file, f"sha256:{digest}", training.function, function)


def _found(program: AuditProgram, training: Training) -> Path:
    """The file, within the program's folder."""
    where, folder = program.where(f"{_PLACE}.file"), program.folder.resolve()
    try:
        file = (folder / training.file).resolve()
        inside, there = file.is_relative_to(folder), file.is_file()
    except (OSError, RuntimeError, ValueError):  # links in a circle, a name that no file can have
        file, inside, there = folder, True, False
    if not inside:
        raise InputError(Problem(
            where, f"'{training.file}', outside the program's folder", "a Python file beside the program",
            "put the file into the folder of the program, or a folder within it",
        ))  # fmt: skip
    if not there:
        near = nearest(training.file, [other.relative_to(folder).as_posix() for other in folder.glob("**/*.py")])
        raise InputError(Problem(
            where, f"no file '{training.file}'", "a Python file beside the program",
            f"did you mean '{near}'?" if near else "put the code that trains the model there, or correct the name",
        ))  # fmt: skip
    return file


def _read(program: AuditProgram, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(Problem(
            program.where(f"{_PLACE}.file"), f"'{file.name}' cannot be read ({error.strerror})", "a readable file",
            "check its permissions",
        )) from None  # fmt: skip


_MODULE = "squaredeal_training_"


class _Loader(SourceFileLoader):
    """Runs the bytes that the digest is of, and neither reads nor writes bytecode."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        """The source, compiled."""
        return self.source_to_code(self.source, self.path)


def _loaded(program: AuditProgram, file: Path, source: bytes, digest: str) -> Any:
    where = program.where(f"{_PLACE}.file")
    name = f"{_MODULE}{digest[:12]}"
    loader = _Loader(name, str(file), source)
    module = importlib.util.module_from_spec(ModuleSpec(name, loader, origin=str(file)))
    module.__file__ = str(file)
    before = sys.modules.get(name)
    sys.modules[name] = module  # before it runs: its dataclasses and pickles look for it
    try:
        with silent():
            loader.exec_module(module)
    except BaseException as error:  # code of the program's own, which may exit
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        if ends_the_audit(error):
            raise
        raise InputError(_unloadable(where, file, error)) from None
    return module


def _unloadable(where: str, file: Path, error: BaseException) -> Problem:
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return Problem(
            where, f"'{file.name}', line {error.lineno}: {error.msg}", "a Python file that can be run",
            "correct that line",
        )  # fmt: skip
    if isinstance(error, ImportError):
        lacking = f"'{file.name}' imports '{error.name}'" if error.name else f"an import of '{file.name}'"
        return Problem(
            where, f"{lacking}, which cannot be imported", "one file, and packages that are installed",
            "install the package, or move the code into the file: nothing beside it is loaded",
        )  # fmt: skip
    return Problem(
        where, f"'{file.name}' fails when it is loaded: {_kind_and_place(error)}", "a Python file that can be run",
        "run it by hand in this environment, and correct what fails",
    )  # fmt: skip


def _function(program: AuditProgram, module: Any, training: Training) -> Callable[..., Any]:
    found = vars(module).get(training.function)
    if callable(found):
        return found  # type: ignore[no-any-return]
    own = sorted(name for name, one in vars(module).items() if inspect.isfunction(one) and not name.startswith("_"))
    raise InputError(Problem(
        program.where(f"{_PLACE}.function"), f"no function '{training.function}' in '{training.file}'",
        f"one of {listed(own)}" if own else "the function that trains the model",
        suggest(training.function, own) if own else "write def fit(features, target, weights, seed, **hyperparameters)",
    ))  # fmt: skip


def _accepts(program: AuditProgram, function: Callable[..., Any], remedies: Remedies) -> None:
    """Whether the function can be called as it will be."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of an object that does not tell
        return
    named = dict.fromkeys([*remedies.today, *remedies.hyperparameters])
    try:
        signature.bind(*ARGUMENTS, **named)
    except TypeError as error:
        function_name = remedies.training.function
        raise InputError(Problem(
            program.where(f"{_PLACE}.function"), f"'{function_name}{_parameters(signature)}': {error}",
            f"a function that takes ({', '.join([*ARGUMENTS, *named])})",
            f"write def {function_name}({', '.join(ARGUMENTS)}, **hyperparameters), or correct the names of "
            "'today' and 'hyperparameters'",
        )) from None  # fmt: skip


def _parameters(signature: inspect.Signature) -> str:
    return f"({', '.join(signature.parameters)})"
