"""Become one server: ``python -m dags.serving.start FOLDER NAME``.

Ends what the same server left when it was killed, writes the process' number beside the file that holds command and
environment, which only its owner may read, and then is that command.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from dags.serving.leftovers import end_orphans


def main(folder: Path, name: str) -> None:
    """Replace this process by the server that ``FOLDER/NAME.json`` tells of."""
    told = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    end_orphans(folder / f"{name}.pid", name, Path(told["folder"]))
    (folder / f"{name}.pid").write_text(f"{os.getpid()}\n")
    os.chdir(told["folder"])
    os.execve(told["command"][0], told["command"], told["environment"])  # noqa: S606 - what the owner wrote


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
