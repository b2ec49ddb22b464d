"""Where findings stand today, as tags in MLflow: on a program's newest run and on the model version that it audited.

``search_model_versions("tag.`audit.status` = 'breach_open'")`` lists the versions with an open breach. Nothing is kept
here: the tags are folded anew from judgements and releases, and may be renewed at any time.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audits.record import digest_of
from audits.releases.chain import read_release
from audits.releases.lives import Audited, standings
from audits.releases.record import RELEASE_FILE
from checks.problem import InputError, Problem, UnavailableError
from checks.unavailable import silent
from reports.mlflow_once import patiently
from reports.mlflow_store import ROUNDS, digests, opened_store, run_found, settled, version_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

STATUS, OF_PROGRAM, PERIOD = "audit.status", "audit.status.", "audit.period."
_WORST_FIRST = ("breach_open", "concern_open", "unfit", "undecided", "accepted", "remediated", "clear")
_MEND = "restore the folder from a backup, then renew the tags; until then its program counts as undecided at best"
_NEEDED = "a store that answers, and a registered model where one is named"


def tag_status(folder: Path, tracking_uri: str, today: dt.date) -> str | None:
    """Say in MLflow where the findings of a run's program stand. ``folder`` is OUT/PROGRAM/PERIOD/vN.

    Returns the status, None where the program has no run. A run that cannot be read leaves it ``undecided`` at best.
    The release of the run becomes tags and an
    artifact of its MLflow run. Whatever period is named, the status is that of the program's newest run. Raises
    ``InputError`` where the model is not registered, ``UnavailableError`` where the store does not answer now.
    """
    with opened_store(
        tracking_uri, _NEEDED, f"mend that and publish again; the audit is complete in {folder}"
    ) as client:
        program = folder.parent.parent.name
        status = patiently(lambda: _tag_program(client, folder.parents[2], program, today))
        patiently(lambda: _tag_release(client, folder, program))
        return status


def renew_status(runs: Path, tracking_uri: str, today: dt.date) -> int:
    """The same for all programs under ``runs``, since an acceptance of a risk ends with a day and not with a run.

    Returns how many programs these are.

    A program that is refused, and a folder that cannot be read, keep no other from being tagged; then all are raised
    as one ``InputError``.
    """
    problems: list[Problem] = []
    found = standings(runs, today)
    newest = {one.program: runs / one.program / one.period / f"v{one.version}" for one in found.programs}
    programs = sorted({*newest, *found.unread})
    for program in programs:
        try:
            if program in newest:
                tag_status(newest[program], tracking_uri, today)
            else:
                with opened_store(tracking_uri, _NEEDED, "mend that and renew the tags again") as client:
                    patiently(partial(_tag_program, client, runs, program, today))
        except UnavailableError:
            raise
        except InputError as error:
            problems += error.problems
    problems += [
        Problem(str(runs / where), fault, "a run that can be read", _MEND) for where, fault in found.unreadable
    ]
    if problems:
        raise InputError(problems)
    return len(programs)


def _tag_program(client: MlflowClient, runs: Path, program: str, today: dt.date) -> str | None:
    """Write what the files say until they say the same afterwards: another process may have known more, or less."""
    audited, status = _folded(runs, program, today)
    for _ in range(ROUNDS):
        if status is None:
            return None
        _tag_run(client, runs / program / audited.period / f"v{audited.version}" if audited else None, program, status)
        _tag_versions(client, program, audited, status)
        written, (audited, status) = (audited, status), _folded(runs, program, today)
        if written == (audited, status):
            return status
    raise silent(str(runs / program), "its runs change all the time", "files that stay while their tags are written")


def _folded(runs: Path, program: str, today: dt.date) -> tuple[Audited | None, str | None]:
    """The program with its newest readable run, and its status: None where it has no run, readable or not."""
    found = standings(runs, today, [program])
    audited = next((one for one in found.programs if one.program == program), None)
    return audited, str(found.audit_status(program)) if audited or program in found.unread else None


def _tag_release(client: MlflowClient, folder: Path, program: str) -> None:
    """The release of a tracked run as its tags and its artifact."""
    made = read_release(folder)
    run_id = run_found(client, program, digests(folder)) if made else None
    if made is None or run_id is None:
        return
    digest = digest_of((folder / RELEASE_FILE).read_bytes())
    if client.get_run(run_id).data.tags.get("audit.release_digest") == digest:
        return
    client.log_artifact(run_id, str(folder / RELEASE_FILE))
    client.set_tag(run_id, "audit.released_by", made.by.name if made.by else "nobody, since nothing was flagged")
    client.set_tag(run_id, "audit.released_at", made.at)
    client.set_tag(run_id, "audit.release_digest", digest)  # last: with it the release is complete


def _tag_run(client: MlflowClient, folder: Path | None, program: str, status: str) -> None:
    """The status on the newest run, and where none can be read on the one that bore it; runs before it lose theirs."""
    newest = run_found(client, program, digests(folder)) if folder else None
    experiment = client.get_experiment_by_name(f"squaredeal/{program}")
    if experiment is None:
        return
    for run in client.search_runs([experiment.experiment_id], f"tags.`{STATUS}` LIKE '%'", max_results=1000):
        if folder is None:
            client.set_tag(run.info.run_id, STATUS, status)
        elif run.info.run_id != newest:
            client.delete_tag(run.info.run_id, STATUS)
    if newest:
        client.set_tag(newest, STATUS, status)


def _tag_versions(client: MlflowClient, program: str, audited: Audited | None, status: str) -> None:
    """The status on the version that the newest run audited; all other versions lose what this program said of them.

    Where no run can be read, the versions that bear a status of the program bear this one.
    """
    kept = _version_audited(client, audited) if audited else None
    for name, number in _versions_tagged(client, program):
        if audited is None:
            client.set_model_version_tag(name, number, OF_PROGRAM + program, status)
        elif (name, number) != kept and OF_PROGRAM + program in client.get_model_version(name, number).tags:
            client.delete_model_version_tag(name, number, OF_PROGRAM + program)
        settled(client, name, number, STATUS, _WORST_FIRST)
        if audited and (name, number) != kept:
            client.delete_model_version_tag(name, number, PERIOD + program)  # last: by it the version is found again
    if audited and kept:
        client.set_model_version_tag(*kept, PERIOD + program, audited.period)
        client.set_model_version_tag(*kept, OF_PROGRAM + program, status)
        settled(client, *kept, STATUS, _WORST_FIRST)


def _version_audited(client: MlflowClient, audited: Audited) -> tuple[str, str] | None:
    if not audited.model:
        return None
    if audited.model_version:  # an alias may have moved on since
        return re.split("[/@]", audited.model.removeprefix("models:/"))[0], audited.model_version
    return version_of(client, audited.model)


def _versions_tagged(client: MlflowClient, program: str) -> list[tuple[str, str]]:
    """Every version of any model that bears a period of this program, and so its status. Keys with dots are quoted."""
    quote = '"' if "`" in program else "`"
    query, found, page = f"tag.{quote}{PERIOD}{program}{quote} LIKE '%'", [], None
    while True:
        some = client.search_model_versions(query, page_token=page)
        found += [(str(one.name), str(one.version)) for one in some]
        page = some.token
        if not page:
            return found
