"""Processes of an earlier start that was killed: found by their pid files, held against their command lines, ended.

A task runs in a group of its own and may outlive the server that started it: it is known by the folder that it works
in, which no other process does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from dags.serving.home import Home
from dags.serving.services import BY_NAME, POSTGRES, SERVICES

SUPERVISOR = "supervisord"
STEP = "prepare"
MARKS = {SUPERVISOR: (SUPERVISOR,), STEP: ("dags.serving.prepare",)} | {one.name: one.marks for one in SERVICES}
AT_ONCE = 60.0  # seconds between a process' start and its pid file


def end_leftovers(home: Home) -> tuple[str, ...]:
    """End what an earlier start left; returns the names of what was found. Nothing else is touched."""
    found = []
    for names in ((SUPERVISOR, STEP), tuple(one.name for one in SERVICES if one is not POSTGRES), (POSTGRES.name,)):
        alive = {name: one for name in names if (one := _process(_pid_file(home, name), name, home)) is not None}
        end_groups([(one, *_ending(name)) for name, one in alive.items()])
        for name in names:
            file = _pid_file(home, name)
            if name in alive or end_orphans(file, name, home.work):
                found.append(name)
            if name != POSTGRES.name:
                file.unlink(missing_ok=True)
    strays = [one for one in psutil.process_iter() if one.pid != os.getpid() and _works_in(one, home.work)]
    _kill(strays)
    return (*found, *(["tasks"] if strays else []))


def end_orphans(file: Path, name: str, folder: Path) -> bool:
    """Kill the group of a server that is dead itself: children that go on hold its port. Were there any?"""
    try:
        leader = int(file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return False
    if leader <= 1 or (psutil.pid_exists(leader) and _alive(psutil.Process(leader))):
        return False
    left = [one for one in _group(leader) if _works_in(one, folder) or _is_called(one, MARKS.get(name, ()))]
    for one in tuple(left):
        with contextlib.suppress(psutil.Error):
            left.extend(one.children(recursive=True))
    _kill(left)
    return bool(left)


def _kill(processes: Sequence[psutil.Process]) -> None:
    for one in processes:
        with contextlib.suppress(psutil.Error):
            one.kill()
    psutil.wait_procs(list(processes), timeout=10)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except (OSError, psutil.Error):
        return False


def _is_called(process: psutil.Process, marks: Sequence[str]) -> bool:
    try:
        command = " ".join(process.cmdline())
    except (OSError, psutil.Error):
        return False
    return bool(marks) and all(mark in command for mark in marks)


def _process(file: Path, name: str, home: Home) -> psutil.Process | None:
    """The process that a pid file names, where it still is the one that wrote it."""
    try:
        words = file.read_text().split()
        written = file.stat().st_mtime
        process = psutil.Process(int(words[0]))
        command = " ".join(process.cmdline())
        started = process.create_time()
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    starting = "dags.serving.start" in command and command.endswith(f" {name}")
    if process.pid == os.getpid() or not (starting or all(mark in command for mark in MARKS[name])):
        return None
    if name in ("postgres", SUPERVISOR):  # whose command line names the home
        return process if str(home.folder) in command else None
    return process if started <= written + 1 and written - started < AT_ONCE else None


def _pid_file(home: Home, name: str) -> Path:
    return home.postgres / "data" / "postmaster.pid" if name == POSTGRES.name else home.pid_file(name)


def _ending(name: str) -> tuple[int, float]:
    """The signal that asks for the end, and the seconds that it may take."""
    service = BY_NAME.get(name)
    return (getattr(signal, f"SIG{service.stop_signal}"), service.stop_within) if service else (signal.SIGTERM, 90)


def end_groups(asked: Sequence[tuple[psutil.Process, int, float]]) -> None:
    """Signal processes, each the leader of its group, all at once; kill what is left after the seconds of each."""
    members = {one: family(one) for one, _, _ in asked}
    for leader, how, _ in asked:
        _signal(leader.pid, how)
    start = time.monotonic()
    for leader, _, within in asked:
        while time.monotonic() < start + within and any(_alive(one) for one in members[leader]):
            time.sleep(0.1)
        _kill([one for one in members[leader] if _alive(one)])


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process, its descendants, and whoever else is in its group."""
    members = {process, *_group(process.pid)}
    with contextlib.suppress(psutil.Error):
        members |= set(process.children(recursive=True))
    return sorted(members, key=lambda one: one.pid)


def _group(leader: int) -> list[psutil.Process]:
    members = []
    for one in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getpgid(one.pid) == leader:
                members.append(one)
    return members


def _signal(leader: int, sent: int) -> None:
    with contextlib.suppress(OSError):
        if os.getpgid(leader) == leader:
            os.killpg(leader, sent)
        else:
            os.kill(leader, sent)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
