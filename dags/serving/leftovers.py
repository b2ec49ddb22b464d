"""Processes of an earlier start that was killed: found by their pid files, held against their command lines, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from dags.serving.home import Home
from dags.serving.services import BY_NAME, SERVICES

SUPERVISOR = "supervisord"
STEP = "prepare"
MARKS = {SUPERVISOR: (SUPERVISOR,), STEP: ("dags.serving.prepare",)} | {one.name: one.marks for one in SERVICES}
AT_ONCE = 60.0  # seconds between a process' start and its pid file


def end_leftovers(home: Home) -> tuple[str, ...]:
    """End what an earlier start left; returns the names of what was found. Nothing else is touched."""
    found = []
    for name in (SUPERVISOR, STEP, *(one.name for one in reversed(SERVICES))):
        file = home.postgres / "data" / "postmaster.pid" if name == "postgres" else home.pid_file(name)
        process = _process(file, name, home)
        if process is not None:
            found.append(name)
            service = BY_NAME.get(name)
            end_group(process, getattr(signal, f"SIG{service.stop_signal}") if service else signal.SIGTERM,
                      service.stop_within if service else 90)  # fmt: skip
        if name != "postgres":
            file.unlink(missing_ok=True)
    return tuple(found)


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


def end_group(process: psutil.Process, how: int, within: float) -> None:
    """Signal a process, the leader of its group, and with it the group; kill what is left after so many seconds."""
    members = family(process)
    for sent, wait in ((how, within), (signal.SIGKILL, 10.0)):
        _signal(process.pid, members, sent)
        end = time.monotonic() + wait
        while time.monotonic() < end and any(_alive(one) for one in members):
            time.sleep(0.1)
        members = [one for one in members if _alive(one)]
        if not members:
            return


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process, its descendants, and whoever else is in its group."""
    members = {process}
    with contextlib.suppress(psutil.Error):
        members |= set(process.children(recursive=True))
    for other in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getpgid(other.pid) == process.pid:
                members.add(other)
    return sorted(members, key=lambda one: one.pid)


def _signal(leader: int, members: Sequence[psutil.Process], sent: int) -> None:
    if sent == signal.SIGKILL:
        for one in members:
            with contextlib.suppress(psutil.Error):
                one.send_signal(sent)
        return
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
