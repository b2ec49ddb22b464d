"""A search for remedies → MLflow: one run for the search, under it one for each candidate, found again, never doubled.

The parent carries the certified figures, the outcome in words, the record and its pages. A child carries what its
model takes and how it did on the rows of the choice, so that MLflow can sort, filter and draw the candidates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from audits.record import digest_of
from audits.remedies.records import REMEDIES_FILE, Candidate, RemedyRecord
from audits.remedies.station import read_remedies
from reports.markdown import bullet, escaped, fitted, sentences, titled
from reports.mlflow_once import logged_once, patiently
from reports.mlflow_page import DESCRIPTION_LIMIT, Place
from reports.mlflow_store import BATCH, NOTE, experiment, opened_store
from reports.remedies_page import remedies_page_names
from reports.remedies_view import remedies_model
from reports.words import LANGUAGES, language

if TYPE_CHECKING:
    from mlflow import MlflowClient

Value = TypeVar("Value")
_PARENT, _CANDIDATE = "mlflow.parentRunId", "squaredeal.candidate"
_DIGEST = "squaredeal.remedies_digest"
_LONGEST = 500  # characters of a value that every store takes
_NAME = 200  # characters of a metric's name
_PARAMS = 100  # parameters that MLflow takes in one call
_PAGE = 1000  # runs of one answer
_UNFIT = re.compile(r"[^\w.\- :]")
_FIRST_LIMIT = 5000  # characters for the first language, of those of a description


def track_remedies(folder: Path, tracking_uri: str) -> str:
    """Log a finished search to an MLflow store and return the id of its run.

    Raises ``InputError`` where the folder holds no record, or the store does not answer; the files stay as they are.
    """
    record = read_remedies(folder)
    complete = f"mend that and track again; the search itself is complete in {folder}"
    with opened_store(tracking_uri, "a store that answers", complete) as client:
        digest = digest_of((folder / REMEDIES_FILE).read_bytes())
        place = patiently(lambda: experiment(client, tracking_uri, record.program.name))
        name = f"{record.program.name} {record.period} remedies v{record.version}"

        def log(parent: str) -> None:
            _log_parent(client, parent, record, folder)
            _log_children(client, place, parent, record)

        return logged_once(client, place, name, {_DIGEST: digest}, log)


def _log_parent(client: MlflowClient, run_id: str, record: RemedyRecord, folder: Path) -> None:
    tags = {
        "squaredeal.kind": "remedies", "squaredeal.program": record.program.name, "squaredeal.period": record.period,
        "squaredeal.version": record.version, "squaredeal.fingerprint": record.fingerprint,
        "squaredeal.outcome": record.outcome, "squaredeal.chosen": record.chosen or "none",
        "squaredeal.attribute": record.attribute, "squaredeal.training_digest": record.training.digest,
        "squaredeal.audit_digest": record.run or "none", "squaredeal.languages": ", ".join(LANGUAGES),
    }  # fmt: skip
    info = client.get_run(run_id).info
    tags[NOTE] = description(record, Place(info.experiment_id, run_id))
    _log(client, info, {}, _certified(record), tags)
    for file in (REMEDIES_FILE, *remedies_page_names().values()):
        if (folder / file).exists():
            client.log_artifact(run_id, str(folder / file))


def _log_children(client: MlflowClient, place: str, parent: str, record: RemedyRecord) -> None:
    """A run for each candidate that has none yet; one that a broken attempt left open is filled and ended."""
    known = dict(_children(client, place, parent))
    for one in record.candidates:
        info = known.get(one.id)
        if info is not None and info.status == "FINISHED":
            continue
        logged_once(
            client, place, one.id, {_PARENT: parent, _CANDIDATE: one.id}, partial(_log_child, client, one, record)
        )


def _log_child(client: MlflowClient, one: Candidate, record: RemedyRecord, run_id: str) -> None:
    tags = {
        "squaredeal.kind": "remedy candidate", "squaredeal.eligible": one.eligible,
        "squaredeal.is_chosen": one.id == record.chosen, NOTE: _child_words(one),
    }  # fmt: skip
    _log(client, client.get_run(run_id).info, _params(one), _figures(one), tags)


def _children(client: MlflowClient, place: str, parent: str) -> Iterator[tuple[str, Any]]:
    """Candidate ids that have a run under the parent, with what MLflow knows of it."""
    token = None
    while True:
        page = client.search_runs([place], f"tags.`{_PARENT}` = '{parent}'", max_results=_PAGE, page_token=token)
        for run in page:
            yield run.data.tags.get(_CANDIDATE, ""), run.info
        token = page.token
        if not token:
            return


def _log(
    client: MlflowClient, info: Any, params: dict[str, Any], metrics: dict[str, float], tags: dict[str, Any]
) -> None:  # fmt: skip
    """Everything of a run in as few calls as may be; its start is the time of every figure, so that none is doubled."""
    from mlflow.entities import Metric, Param, RunTag

    run_id = info.run_id
    values = [Metric(name, value, info.start_time, 0) for name, value in metrics.items()]
    told = [Param(name, str(value)[:_LONGEST]) for name, value in params.items()]
    marks = [RunTag(name, str(value)) for name, value in tags.items()]
    client.log_batch(run_id, metrics=values[:BATCH], params=told[:_PARAMS], tags=marks)
    for i in range(BATCH, len(values), BATCH):
        client.log_batch(run_id, metrics=values[i : i + BATCH])
    for i in range(_PARAMS, len(told), _PARAMS):
        client.log_batch(run_id, params=told[i : i + _PARAMS])


def _params(one: Candidate) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "kind": one.kind, "features": ", ".join(one.features), "deployable": one.deployable,
        "changes": ", ".join(f"{name}: {words}" for name, words in one.changes.items()) or "none",
    }  # fmt: skip
    return listed | _unique((f"hyperparameters/{_fit(name)}", value) for name, value in one.hyperparameters.items())


def _figures(one: Candidate) -> dict[str, float]:
    figures: list[tuple[str, float | None]] = [
        ("performance", one.performance), ("known_rows", float(one.known)), ("outcome_rate", one.outcome_rate),
        ("approved", one.approved), ("gain", one.gain),
    ]  # fmt: skip
    for rate in one.rates:
        figures.append((f"ratio/{_fit(rate.attribute)}/{_fit(rate.group)}", rate.ratio))
        figures.append((f"approved/{_fit(rate.attribute)}/{_fit(rate.group)}", rate.rate))
    return _unique(_known(figures))


def _certified(record: RemedyRecord) -> dict[str, float]:
    """Certified figures by measure, attribute and group, the floor, and how many candidates there are."""
    figures: list[tuple[str, float | None]] = []
    for one in record.certified:
        name = "/".join(_fit(part) for part in (one.measure, one.attribute, one.group) if part)
        of = {"": one.estimate, "/low": one.low, "/high": one.high, "/today": one.today, "/chosen": one.chosen}
        figures += [(name + suffix, value) for suffix, value in of.items()] + [(f"{name}/n", float(one.n))]
    counted = Counter(one.kind for one in record.candidates)
    figures += [(f"candidates/{kind}", float(number)) for kind, number in counted.items()]
    figures += [("candidates/eligible", float(sum(one.eligible for one in record.candidates)))]
    figures += [("floor/least", record.floor.least), ("floor/best", record.floor.best)]
    return _unique(_known(figures))


def _known(figures: Iterable[tuple[str, float | None]]) -> Iterator[tuple[str, float]]:
    return ((name, value) for name, value in figures if value is not None)


def _unique(named: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """Values by names that no two share."""
    found: dict[str, Value] = {}
    for name, value in named:
        unique, number = name[:_NAME], 2
        while unique in found:
            unique, number = f"{name[:_NAME]} {number}", number + 1
        found[unique] = value
    return found


def _fit(name: str) -> str:
    """A label with the characters that the name of a metric may have."""
    return _UNFIT.sub("_", name)


def _child_words(one: Candidate) -> str:
    say = language(LANGUAGES[0])
    return sentences(say, [escaped(part) for part in (one.words, one.reason or "") if part])


def description(record: RemedyRecord, at: Place) -> str:
    """What the page says first, in every language, within MLflow's limit."""
    parts = []
    for i, lang in enumerate(LANGUAGES):
        say, model = language(lang), remedies_model(record, language(lang))
        page = remedies_page_names()[lang]
        lines = [f"**{escaped(model.title.text)}**  ", escaped(say("remedy.question")), ""]
        lines += [f"**{escaped(model.outcome)}**  ", sentences(say, map(escaped, (model.headline, model.meaning))), ""]
        lines += [escaped(model.explanation), ""]
        if model.key:
            told = (model.key.label, model.key.figure, model.key.interval, model.key.denominators)
            lines += [bullet(say("join.clauses").join(map(escaped, told))), ""]
        lines += [say.raw("remedy.page").format(page=f"[{page}]({at.page(page)})"), ""]
        lines += titled(say("remedy.why"), map(escaped, model.reasons)) if record.chosen else []
        lines += titled(say("cautions"), map(escaped, model.cautions))
        lines += titled(say("remedy.not_shown"), map(escaped, model.not_shown))
        limit = _FIRST_LIMIT if i == 0 else (DESCRIPTION_LIMIT - _FIRST_LIMIT) // (len(LANGUAGES) - 1) - 10
        parts.append(fitted(say, lines, limit))
    return "\n\n---\n\n".join(parts)
