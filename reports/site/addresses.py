"""Where each page of the site lies. Names of the data become slugs, and two names never one slug."""

from __future__ import annotations

import hashlib
import re

from reports.site.run_summary import RunSummary
from reports.words import LANGUAGES

STYLE = "site.css"
_CLEAN = re.compile(r"[a-z0-9_](?:[a-z0-9_.]|-(?!-)){0,59}(?<![.-])")
_LIKE_A_MARKED_ONE = re.compile(r".*-[0-9a-f]{12}")


def slug(name: str) -> str:
    """The name itself where it is short and plain; else what is plain of it with a digest of the whole."""
    if _CLEAN.fullmatch(name) and not _LIKE_A_MARKED_ONE.fullmatch(name):
        return name
    plain = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")[:40].rstrip("-")
    return f"{plain or 'name'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def file(page: str, lang: str) -> str:
    """The file of a page in a language; the first language's has no tag."""
    return f"{page}.html" if lang == LANGUAGES[0] else f"{page}.{lang}.html"


def link(start: str, page: str, lang: str) -> str:
    """The relative address of a page as another page of that language names it."""
    return relative(start, file(page, lang))


def relative(start: str, target: str) -> str:
    """The relative address of a file of the site, seen from the page ``start``."""
    folder = start.rpartition("/")[0]
    if folder and target.startswith(f"{folder}/"):
        return target[len(folder) + 1 :]
    return "../" * (folder.count("/") + 1) + target if folder else target


OVERVIEW = "index"


def program_page(program: str) -> str:
    """The timeline of a program."""
    return f"programs/{slug(program)}/index"


def _period(run: RunSummary) -> str:
    return run.period.lower()


def run_page(run: RunSummary) -> str:
    """The report of a run."""
    return _run_page(run.program, run.period, run.version)


def report_of(program: str, period: str, version: int) -> str:
    """The file of a run's report in the first language, from the top of the site."""
    return file(_run_page(program, period, version), LANGUAGES[0])


def _run_page(program: str, period: str, version: int) -> str:
    return f"programs/{slug(program)}/{period.lower()}--v{version}"


def finding_page(program: str, finding_id: str) -> str:
    """The life of a finding."""
    return f"programs/{slug(program)}/finding--{slug(finding_id)}"


def period_changes(run: RunSummary) -> str:
    """What changed from the period before to the newest run of a period."""
    return f"programs/{slug(run.program)}/{_period(run)}--changes"


def version_changes(run: RunSummary) -> str:
    """What changed from the version before."""
    return f"programs/{slug(run.program)}/{_period(run)}--v{run.version}--changes"


def list_page(*facets: tuple[str, str]) -> str:
    """The first page of a list: ``("verdict", "breach"), ("harm", "fair_lending")`` …"""
    return "--".join(f"{kind}-{slug(value)}" for kind, value in facets)


def further(page: str, number: int) -> str:
    """A further page of a list, from 1."""
    return page if number == 1 else f"{page}--{number}"
