"""Files that are there whole or not at all, however many write them at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checks.problem import Problem


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


UMASK = _umask()  # rights that new files and folders do not get; read once, since reading it sets it


def write_whole(file: Path, content: bytes) -> None:
    """Write a file whole. Raises ``OSError`` and leaves no part behind."""
    with part_of(file) as part:
        part.write_bytes(content)


@contextmanager
def part_of(file: Path) -> Iterator[Path]:
    """A part of one's own in the same folder, which becomes the file when it is written without an error."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~UMASK)  # mkstemp shut it to everybody else
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def unwritten(error: OSError) -> Problem:
    """What a person must know when the operating system refuses a file after a run has begun."""
    return Problem(
        str(error.filename or "a file of this run"), error.strerror or str(error),
        "a folder that can be written, on a disk with room", "make room or mend the rights, and run again",
    )  # fmt: skip
