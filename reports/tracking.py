"""Records → MLflow: one run for each version of an audit, found again and never doubled.

A run carries every figure in one batch of metrics, the data set as an input with its
fingerprint, tags that make flagged models findable, the words and pictures that the page
shows first as its description, and the records, aggregates and page as artifacts. Where the
program names a registered model, that version is tagged and described as well:
``search_model_versions("tag.`fairness.status` = 'flagged'")`` lists what needs attention.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audits.evidence.cells import cells_from_csv
from audits.policies.judge import worst
from audits.record import AuditRun, Judgement, Subject
from audits.run import JUDGEMENT_FILE, RUN_FILE, read_run
from checks.unavailable import silent
from reports.mlflow_once import logged_once, patiently
from reports.mlflow_page import PER_HARM, Place, beside, description, pictures, verdict_tags, version_words
from reports.mlflow_status import renew_status, tag_status
from reports.mlflow_store import (
    BATCH,
    NOTE,
    ROUNDS,
    digests,
    experiment,
    opened_store,
    settled,
    version_of,
)
from reports.publish import page_names
from reports.words import LANGUAGES

__all__ = ["fetched", "renew_status", "status_of", "tag_status", "track"]

if TYPE_CHECKING:
    from mlflow import MlflowClient

STATUS = {"breach": "flagged", "concern": "flagged", "clear": "clear", "unfit": "unfit"}
_WORDS = "squaredeal.words."  # what a program says of a model version: others may write its description meanwhile
_WORST_FIRST = ("flagged", "unfit", "inconclusive", "not_judged", "clear")


def track(folder: Path, tracking_uri: str) -> str:
    """Log a finished run to an MLflow store and return the MLflow run's id.

    Raises ``InputError`` when the store does not answer or the named model is not registered;
    the run's own files are complete before and stay as they are.
    """
    run, judgement = read_run(folder)
    complete = f"mend that and track again; the audit itself is complete in {folder}"
    with opened_store(
        tracking_uri, "a store that answers, and a registered model where one is named", complete
    ) as client:
        place = patiently(lambda: experiment(client, tracking_uri, run.program.name))
        name = f"{judgement.program} {judgement.period} v{judgement.version}"
        run_id = logged_once(
            client, place, name, digests(folder), lambda known: _log(client, known, run, judgement, folder)
        )
        if run.subject:
            subject = run.subject
            patiently(lambda: _tag_model(client, subject, run, judgement, run_id))
        return run_id


def fetched(run_id: str, tracking_uri: str) -> Path:
    """A folder with the records, pages and aggregates of a tracked run, read from its MLflow store.

    Raises ``InputError`` where the store does not answer, has no such run, or the run is no audit.
    """
    folder = Path(tempfile.mkdtemp(prefix="squaredeal-"))
    named = "the id of a run that an audit was tracked as"
    with opened_store(tracking_uri, named, "take it from the page of the run in MLflow", writes=False) as client:
        client.get_run(run_id)
        for entry in client.list_artifacts(run_id):
            client.download_artifacts(run_id, entry.path, str(folder))
    return folder


def status_of(judgement: Judgement) -> str:
    """flagged, inconclusive, clear, unfit, or not_judged when there is no finding."""
    verdict = worst(finding.verdict for finding in judgement.findings)
    return STATUS.get(verdict, "inconclusive") if verdict else "not_judged"


def _log(client: MlflowClient, run_id: str, run: AuditRun, judgement: Judgement, folder: Path) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, RunTag

    info = client.get_run(run_id).info  # its start as the time of every figure: tracked again, a figure is the same one
    metrics = [Metric(name, value, info.start_time, 0) for name, value in _metrics(run, judgement).items()]
    note = description(run, judgement, Place(info.experiment_id, run_id))
    tags = [RunTag(key, value) for key, value in (_tags(run, judgement) | {NOTE: note}).items()]
    for start in range(0, max(len(metrics), 1), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH], tags=tags if start == 0 else ())
    data = Dataset(
        name=run.program.name, digest=run.data.fingerprint.removeprefix("sha256:")[:32], source_type="squaredeal",
        source=f"period {run.data.period}", profile=f'{{"rows": {run.data.rows}}}',
    )  # fmt: skip
    client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "audit")])])
    _log_files(client, run_id, run, judgement, folder)


def _log_files(client: MlflowClient, run_id: str, run: AuditRun, judgement: Judgement, folder: Path) -> None:
    """The records, pages and aggregates of the folder, and the pictures of the description."""
    for file in (RUN_FILE, JUDGEMENT_FILE, *page_names().values()):
        if (folder / file).exists():
            client.log_artifact(run_id, str(folder / file))
    with tempfile.TemporaryDirectory() as made:
        for name, picture in pictures(run, judgement).items():
            (Path(made) / name).parent.mkdir(exist_ok=True)
            (Path(made) / name).write_text(picture, encoding="utf-8")
        client.log_artifacts(run_id, made)
    _log_evidence(client, run_id, folder / "evidence", "evidence")
    for part in sorted(folder.glob("parts/*/evidence")):
        _log_evidence(client, run_id, part, f"evidence/{part.parent.name}")


def _log_evidence(client: MlflowClient, run_id: str, folder: Path, place: str) -> None:
    """The files of aggregates, without those of an earlier version whose cells may tell what one person pays."""
    for file in sorted(folder.glob("*")):
        if file.name.startswith("cells") and cells_from_csv(file.read_text(encoding="utf-8")).tells_persons:
            continue
        client.log_artifact(run_id, str(file), place)


def _metrics(run: AuditRun, judgement: Judgement) -> dict[str, float]:
    """Every figure that exists: estimate, bounds and rows by measure, attribute and group; verdicts."""
    found: dict[str, float] = {"rows": float(run.data.rows)}
    for verdict in {finding.verdict for finding in judgement.findings}:
        found[f"verdicts/{verdict}"] = float(sum(finding.verdict == verdict for finding in judgement.findings))
    found["checks/failed"] = float(sum(not result.success for result in run.checks.results))
    for name, value in _figures(run):
        unique, number = name, 2
        while unique in found:
            unique, number = f"{name} {number}", number + 1
        found[unique] = value
    return found


def _figures(run: AuditRun) -> Iterator[tuple[str, float]]:
    for m in run.measurements:
        parts = [m.measure, m.attribute, m.group, m.segment if m.segment != "all" else None]
        name = "/".join(re.sub(r"[^\w.\- :]", "_", part) for part in parts if part)[:200]
        values = {"": m.estimate, "/low": m.low, "/high": m.high, "/n": float(m.n)}
        yield from ((name + suffix, value) for suffix, value in values.items() if value is not None)


def _tags(run: AuditRun, judgement: Judgement) -> dict[str, str]:
    verdict = worst(finding.verdict for finding in judgement.findings)
    tags: dict[str, Any] = {
        "squaredeal.program": run.program.name,
        "squaredeal.period": run.data.period,
        "squaredeal.version": run.version,
        "squaredeal.fingerprint": run.data.fingerprint,
        "squaredeal.verdict": verdict or "none",
        "squaredeal.errors": len(run.errors),
        "fairness.status": status_of(judgement),
        "squaredeal.languages": ", ".join(LANGUAGES),
        **verdict_tags(run, judgement),
    }
    if run.subject:
        tags["squaredeal.model"] = run.subject.model
        tags |= {"squaredeal.model_version": run.subject.version} if run.subject.version else {}
        tags |= {"squaredeal.model_digest": run.subject.digest} if run.subject.digest else {}
    return {key: str(value) for key, value in tags.items()}


def _tag_model(client: MlflowClient, subject: Subject, run: AuditRun, judgement: Judgement, run_id: str) -> None:
    """Tag and describe the model version that was read, or else the one that the program's address names now.

    The run has that version as an input, so that either leads to the other.
    """
    name, number = version_of(client, subject.model)
    number = subject.version or number  # an alias may have moved on since
    version = client.get_model_version(name, number)
    _link_model(client, version, run_id)
    tags = _tags(run, judgement)
    tags[f"fairness.status.{run.program.name}"] = tags["fairness.status"]
    last_day, made = f"fairness.last_day.{run.program.name}", f"fairness.version.{run.program.name}"
    tags |= {last_day: run.data.last_day or "", made: str(run.version)}
    if _place(tags, last_day, made) < _place(version.tags, last_day, made):
        return  # an older period, or version of it, published again does not speak for the model of today
    del tags["fairness.status"]  # over all its programs: below
    for key in version.tags:
        if key.startswith(PER_HARM) and key not in tags:
            client.delete_model_version_tag(name, number, key)  # of an earlier audit, which asked about other harms
    place = Place(client.get_run(run_id).info.experiment_id, run_id)
    tags[_WORDS + run.program.name] = version_words(run, judgement, place)
    for key, value in tags.items():
        client.set_model_version_tag(name, number, key, value)
    settled(client, name, number, "fairness.status", _WORST_FIRST)
    _describe(client, name, number)


def _place(tags: Mapping[str, str], last_day: str, made: str) -> tuple[str, int]:
    number = tags.get(made, "")
    return tags.get(last_day, ""), int(number) if number.isdecimal() else 0


def _describe(client: MlflowClient, name: str, number: str) -> None:
    """The words of all programs as a version's description, until what was written is what is read after it."""
    for _ in range(ROUNDS):
        version = client.get_model_version(name, number)
        described = told = version.description or ""
        for key in sorted(version.tags):
            if key.startswith(_WORDS):
                told = beside(told, key.removeprefix(_WORDS), version.tags[key])
        if told == described:
            return
        client.update_model_version(name, number, told)
    raise silent(
        "the MLflow store", f"others change the description of {name} {number} all the time", "a description that stays"
    )


def _link_model(client: MlflowClient, version: Any, run_id: str) -> None:
    """Note the logged model of a version as an input of the run, once."""
    from mlflow.entities import LoggedModelInput

    known = client.get_run(run_id).inputs.model_inputs
    logged = version.model_id or _logged_model(version.source or "")
    if logged and logged not in {one.model_id for one in known}:
        client.log_inputs(run_id, models=[LoggedModelInput(logged)])


def _logged_model(source: str) -> str | None:
    """The logged model that a version was made of: a registry in a database tells it only in the version's source."""
    match = re.fullmatch(r"models:/(m-[^/@]+)", source)
    return match.group(1) if match else None
