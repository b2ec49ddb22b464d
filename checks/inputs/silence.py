"""Code of others, unheard: what it prints, warns of or logs while it runs is lost."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from functools import cache
from typing import TextIO

_lock = threading.Lock()
_running = 0
_restore: contextlib.ExitStack | None = None


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """While the block runs, in any thread, nothing of this process reaches its output, and nothing is logged.

    That holds for what is printed below Python too. It may be nested, and several threads may be in it.
    """
    global _running, _restore
    with _lock:
        if _running == 0:
            _restore = _silenced()
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if _running == 0 and _restore is not None:
                _restore.close()
                _restore = None


def _silenced() -> contextlib.ExitStack:
    """What restores the outputs when it is closed."""
    stack = contextlib.ExitStack()
    try:
        nowhere = _nowhere()
        streams = [one for one in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) if one is not None]
        _flush(streams)
        for number in (1, 2):
            _redirect(stack, number, nowhere.fileno())
        stack.callback(_flush, streams)  # before the numbers are restored: what still waits in them is lost too
        stack.enter_context(contextlib.redirect_stdout(nowhere))
        stack.enter_context(contextlib.redirect_stderr(nowhere))
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.CRITICAL)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
    except BaseException:
        stack.close()
        raise
    return stack


@cache
def _nowhere() -> TextIO:
    """Stays open: whoever asked for an output while the block ran may keep it."""
    return open(os.devnull, "w", encoding="utf-8")


def _redirect(stack: contextlib.ExitStack, number: int, to: int) -> None:
    try:
        kept = os.dup(number)
    except OSError:  # a service without outputs
        return
    stack.callback(os.close, kept)
    stack.callback(os.dup2, kept, number)
    os.dup2(to, number)


def _flush(streams: list[TextIO]) -> None:
    for stream in streams:
        with contextlib.suppress(OSError, ValueError):  # closed, or a pipe that nobody reads
            stream.flush()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # a system without one C library
        ctypes.CDLL(None).fflush(None)
