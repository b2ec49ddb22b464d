"""Every notebook from top to bottom on the demonstration's results, written as a page.

``python -m tests.notebooks.rendering OUT [--demo FOLDER] [NAME ...]``; ``make notebooks`` calls it. Notebooks are texts
(notebooks/*.py, the percent form of jupytext). Nothing is written beside them or into the user's home; the pages hold
their pictures and ask no network for anything.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOKS = ROOT / "notebooks"
SECONDS = 300  # for one cell
_SVG = "data:image/svg+xml;base64,"
_HOMES = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1d21;
  background: #fff; }
h1 { font-size: 1.7rem; }
h2 { font-size: 1.25rem; margin-top: 2.2rem; border-top: 1px solid #d8dce2; padding-top: 1.2rem; }
pre { background: #f4f5f7; padding: .6rem .8rem; overflow-x: auto; font-size: .82rem; border-radius: 4px; }
table { border-collapse: collapse; font-size: .84rem; margin: .6rem 0; }
table.dataframe, table.dataframe tr { border: 0; }
table.dataframe td, table.dataframe th, td, th { border: 0; border-bottom: 1px solid #e2e5ea; padding: .3rem .6rem;
  text-align: left !important; vertical-align: top; }
table.dataframe thead th { border-bottom: 2px solid #9aa3af; }
.output_html, .output_svg, .output_subarea { overflow-x: auto; }
svg, img { max-width: 100%; height: auto; }
.prompt, .jp-InputPrompt, .jp-OutputPrompt, a.anchor-link { display: none; }
"""


def executed(name: str, demo: Path) -> Any:
    """The notebook with its outputs. Raises ``nbclient.exceptions.CellExecutionError`` where a cell fails."""
    with tempfile.TemporaryDirectory() as home:  # where Jupyter and IPython keep what they would keep in a home
        os.environ |= dict.fromkeys(_HOMES, home) | {"SQUAREDEAL_DEMO": str(demo.absolute())}
        import jupytext
        from jupyter_client.manager import AsyncKernelManager
        from nbclient import NotebookClient

        # a socket in that folder, not a port on which anybody could listen
        kernel = AsyncKernelManager(transport="ipc", ip=f"{home}/kernel", kernel_name="python3")

        notebook = jupytext.read(NOTEBOOKS / f"{name}.py")
        client = NotebookClient(notebook, km=kernel, timeout=SECONDS, resources={"metadata": {"path": str(NOTEBOOKS)}})
        client.execute(cleanup_kc=True, stderr=subprocess.DEVNULL)  # which is ended, and its farewell not heard
        return notebook


def page(notebook: Any, title: str) -> str:
    """The notebook as a page that stands alone."""
    from bs4 import BeautifulSoup
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    shown = BeautifulSoup(body, "html.parser")
    for image in shown.find_all("img", src=re.compile(f"^{re.escape(_SVG)}")):
        image["alt"] = _title_of(base64.b64decode(str(image["src"]).removeprefix(_SVG)).decode())
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main>{shown}</main></body></html>\n"
    )


def _title_of(svg: str) -> str:
    """The title that stands in a picture, in one line, for those who listen."""
    return " ".join(re.findall(r'<text[^>]*font-size="14" font-weight="650"[^>]*>([^<]*)</text>', svg)) or "a picture"


def names() -> list[str]:
    """Every notebook, by name."""
    return sorted(file.stem for file in NOTEBOOKS.glob("*.py"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Render the notebooks that were asked for, or all."""
    asked = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    asked.add_argument("out", type=Path)
    asked.add_argument("--demo", type=Path, default=ROOT / "demo")
    asked.add_argument("names", nargs="*")
    given = asked.parse_intermixed_args(arguments)
    if not (given.demo / "runs").is_dir():
        print(f"{given.demo}: found no results of the demonstration; run make demo first", file=sys.stderr)
        return 2
    unknown = sorted(set(given.names) - set(names()))
    if unknown:
        print(f"no notebook {', '.join(unknown)}; there are {', '.join(names())}", file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.names or names():
        target = given.out / f"{name}.html"
        target.write_text(page(executed(name, given.demo), name.replace("_", " ")), encoding="utf-8")
        print(target)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
