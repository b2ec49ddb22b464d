"""Where findings stand today, as tags in MLflow: on a program's newest run and on the model version that it audited.

``search_model_versions("tag.`audit.status` = 'breach_open'")`` lists the versions with an open breach. Nothing is kept
here: the tags are folded anew from judgements and releases, and may be renewed at any time.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING

from audits.record import digest_of
from audits.releases.chain import read_release
from audits.releases.lives import Audited, standings
from audits.releases.record import RELEASE_FILE
from checks.problem import InputError, Problem, UnavailableError
from reports.mlflow_once import patiently
from reports.mlflow_store import digests, opened_store, run_found, settled, version_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

STATUS, OF_PROGRAM, PERIOD = "audit.status", "audit.status.", "audit.period."
_WORST_FIRST = ("breach_open", "concern_open", "unfit", "undecided", "accepted", "remediated", "clear")
_NEEDED = "a store that answers, and a registered model where one is named"


def tag_status(folder: Path, tracking_uri: str, today: dt.date) -> str | None:
    """Say in MLflow where the findings of a run's program stand. ``folder`` is OUT/PROGRAM/PERIOD/vN.

    Returns the status, None where no run of the program can be read. The release of the run becomes tags and an
    artifact of its MLflow run. Whatever period is named, the status is that of the program's newest run. Raises
    ``InputError`` where the model is not registered, ``UnavailableError`` where the store does not answer now.
    """
    with opened_store(
        tracking_uri, _NEEDED, f"mend that and publish again; the audit is complete in {folder}"
    ) as client:
        program = folder.parent.parent.name
        patiently(lambda: _tag_release(client, folder, program))
        return patiently(lambda: _tag_program(client, folder.parents[2], program, today))


def renew_status(runs: Path, tracking_uri: str, today: dt.date) -> int:
    """The same for all programs under ``runs``, since an acceptance of a risk ends with a day and not with a run.

    Returns how many programs these are.

    A program that is refused keeps none of the others from being tagged; then all refusals are raised as one.
    """
    problems: list[Problem] = []
    programs = standings(runs, today).programs
    for audited in programs:
        folder = runs / audited.program / audited.period / f"v{audited.version}"
        try:
            tag_status(folder, tracking_uri, today)
        except UnavailableError:
            raise
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return len(programs)


def _tag_program(client: MlflowClient, runs: Path, program: str, today: dt.date) -> str | None:
    found = standings(runs, today, [program])
    audited = next((one for one in found.programs if one.program == program), None)
    if audited is None:
        return None
    status = str(found.audit_status(program))
    _tag_run(client, runs / program / audited.period / f"v{audited.version}", program, status)
    if audited.model:
        _tag_versions(client, audited, status)
    return status


def _tag_release(client: MlflowClient, folder: Path, program: str) -> None:
    """The release of a tracked run as its tags and its artifact."""
    made, run_id = read_release(folder), run_found(client, program, digests(folder))
    if made is None or run_id is None:
        return
    digest = digest_of((folder / RELEASE_FILE).read_bytes())
    if client.get_run(run_id).data.tags.get("audit.release_digest") == digest:
        return
    client.log_artifact(run_id, str(folder / RELEASE_FILE))
    client.set_tag(run_id, "audit.released_by", made.by.name if made.by else "nobody, since nothing was flagged")
    client.set_tag(run_id, "audit.released_at", made.at)
    client.set_tag(run_id, "audit.release_digest", digest)  # last: with it the release is complete


def _tag_run(client: MlflowClient, folder: Path, program: str, status: str) -> None:
    """The status on the newest run; runs before it lose theirs."""
    newest = run_found(client, program, digests(folder))
    experiment = client.get_experiment_by_name(f"squaredeal/{program}")
    if experiment is None:
        return
    for run in client.search_runs([experiment.experiment_id], f"tags.`{STATUS}` LIKE '%'", max_results=1000):
        if run.info.run_id != newest:
            client.delete_tag(run.info.run_id, STATUS)
    if newest:
        client.set_tag(newest, STATUS, status)


def _tag_versions(client: MlflowClient, audited: Audited, status: str) -> None:
    """The status on the version that the newest run audited; other versions lose what this program said of them."""
    address, number = str(audited.model), audited.model_version
    if number:  # an alias may have moved on since
        name = re.split("[/@]", address.removeprefix("models:/"))[0]
    else:
        name, number = version_of(client, address)
    mine = OF_PROGRAM + audited.program
    for version in client.search_model_versions(f"name = '{name}'"):
        if str(version.version) != number and mine in version.tags:
            client.delete_model_version_tag(name, str(version.version), mine)
            client.delete_model_version_tag(name, str(version.version), PERIOD + audited.program)
            settled(client, name, str(version.version), STATUS, _WORST_FIRST)
    client.set_model_version_tag(name, number, PERIOD + audited.program, audited.period)
    client.set_model_version_tag(name, number, mine, status)
    settled(client, name, number, STATUS, _WORST_FIRST)
