"""The machine: Python, packages, folder of runs, room, memory, environment, clock, browser."""

from __future__ import annotations

import datetime as dt
import fcntl
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dags.doctoring.finding import Asked, Finding, Probe
from dags.doctoring.packages import look_at_lock, look_at_packages, look_at_serve

_ROOM = 1 << 30  # bytes below which nothing is started
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _python(_asked: Asked) -> Iterator[Finding]:
    version, needs = ".".join(map(str, sys.version_info[:3])), (3, 11)
    state, remedy = ("ok", "") if sys.version_info >= needs else ("broken", "install Python 3.11 or later")
    yield Finding("Python", state, f"{version} in {sys.prefix}", "everything", remedy)  # type: ignore[arg-type]


def _out(asked: Asked) -> Iterator[Finding]:
    thing, purpose = "folder of runs", "records and reports; a version appears by one rename, releases by a lock"
    folder = asked.out.absolute()
    there = next(one for one in (folder, *folder.parents) if os.path.lexists(one))
    if not there.is_dir():
        yield Finding(thing, "broken", f"{there} is a file", purpose, "name another folder with --out")
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".squaredeal-doctor-", dir=there) as probe:
            (Path(probe) / "a").mkdir()
            (Path(probe) / "a" / "file").write_text("x", encoding="utf-8")
            (Path(probe) / "a").rename(Path(probe) / "b")
            with (Path(probe) / "b" / "file").open("rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        why = f"{there}: it cannot be written, renamed in or locked ({error.strerror})"
        remedy = "give this user the right to write, or use a file system with rename and flock"
        yield Finding(thing, "broken", why, purpose, remedy)
        return
    later = "" if there == folder else f" ({folder} is made at the first run)"
    yield Finding(thing, "ok", f"{there} can be written, renamed in and locked{later}", purpose)


def _room(asked: Asked) -> Iterator[Finding]:
    folder = asked.out.absolute()
    for name, place in (("runs", folder), ("temporary files", Path(tempfile.gettempdir()))):
        there = next(one for one in (place, *place.parents) if one.is_dir())
        free = shutil.disk_usage(there).free
        found = f"{free / 2**30:.1f} GiB free at {there}"
        thing, purpose = f"room for {name}", "records; files that a database spills while it works"
        if free < _ROOM:
            yield Finding(thing, "broken", found, purpose, "make room: at least 1 GiB")
        else:
            yield Finding(thing, "ok", found, purpose)


def machine_memory() -> int:
    """Bytes that this process may have: of the machine, or of its container where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            total = min(total, int(Path(file).read_text()))
        except (OSError, ValueError):  # no limit: 'max'
            continue
    return total


def _memory(_asked: Asked) -> Iterator[Finding]:
    from dags.doctoring.data import DEFAULT_MEMORY, in_bytes

    text = os.environ.get("SQUAREDEAL_MEMORY") or DEFAULT_MEMORY
    total, limit, cores = machine_memory(), in_bytes(text), len(os.sched_getaffinity(0))
    found = f"{total / 2**30:.1f} GiB of memory, {cores} core{'s' if cores > 1 else ''}; DuckDB may take {text} a task"
    purpose = "tasks that run at once share them"
    if limit and limit > total:
        remedy = "set SQUAREDEAL_MEMORY to less than the machine has: the system kills what takes more"
        yield Finding("memory", "broken", found, purpose, remedy, needed=False)
    else:
        yield Finding("memory", "ok", found, purpose, needed=False)


def _environment(_asked: Asked) -> Iterator[Finding]:
    purpose, harm = "variables that do harm", []
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):
        harm.append(("PYTHONDONTWRITEBYTECODE is set: every process compiles all modules anew", "unset it"))
    path = os.environ.get("SQUAREDEAL_DOCTOR_PYTHONPATH", os.environ.get("PYTHONPATH"))
    if path:
        harm.append(("PYTHONPATH is set: other modules may stand in for those of the environment", "unset it"))
    proxies = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.upper())]
    without = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    spared = {one.strip() for one in without.split(",")}
    if proxies and "*" not in spared and not {"127.0.0.1", "localhost"} <= spared:
        found = f"{', '.join(proxies)} without no_proxy for loopback: servers here are asked through the proxy"
        harm.append((found, "export no_proxy=127.0.0.1,localhost"))
    for found, remedy in harm:
        yield Finding("environment", "broken", found, purpose, remedy, needed=False)
    if not harm:
        yield Finding("environment", "ok", "no variable that does harm", purpose, needed=False)


def _clock(_asked: Asked) -> Iterator[Finding]:
    now, purpose = dt.datetime.now(dt.UTC), "periods end, and acceptances expire, by the clock; days are days of UTC"
    made = Path(__file__).stat().st_mtime
    found = f"{now:%Y-%m-%d %H:%M} UTC; local time zone {time.tzname[0]}"
    if now.timestamp() < made - 86_400:
        yield Finding("clock", "broken", f"{found}, before this program was installed", purpose, "set the clock")
    else:
        yield Finding("clock", "ok", found, purpose)


def _browser(_asked: Asked) -> Iterator[Finding]:
    purpose = "pictures of pages; nothing else needs it"
    kept = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or str(Path.home() / ".cache/ms-playwright")
    browser = next((one for one in map(shutil.which, _BROWSERS) if one), None)
    browser = browser or next(iter(sorted(glob.glob(f"{kept}/chromium-*/chrome-linux*/chrome"))), None)
    if browser:
        yield Finding("Chromium", "ok", browser, purpose, needed=False)
    else:
        remedy = "install chromium where pictures are wanted"
        yield Finding("Chromium", "missing", "no browser", purpose, remedy, needed=False)
    lister = shutil.which("fc-list")
    command = [lister or "fc-list", ":lang=zh", "family"]
    fonts = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout if lister else ""
    families = sorted({line.split(",")[0] for line in fonts.splitlines() if line.strip()})
    if families:
        yield Finding("Chinese fonts", "ok", families[0], "pictures of Chinese pages", needed=False)
    else:
        found = "none" if lister else "no fc-list to ask"
        remedy = "install a font such as Noto Sans CJK where pictures are wanted"
        yield Finding("Chinese fonts", "missing", found, "pictures of Chinese pages", remedy, needed=False)


PROBES = (
    Probe("Python", "everything", _python),
    Probe("packages", "everything", look_at_packages),
    Probe("locked versions", "the versions that were tested", look_at_lock, needed=False),
    Probe("Postgres for servers", "squaredeal serve", look_at_serve, needed=False),
    Probe("folder of runs", "records and reports", _out),
    Probe("room", "records and temporary files", _room),
    Probe("memory", "tasks that run at once", _memory, needed=False),
    Probe("environment", "variables that do harm", _environment, needed=False),
    Probe("clock", "periods end by the clock", _clock),
    Probe("Chromium", "pictures of pages", _browser, needed=False),
)
