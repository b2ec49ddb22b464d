"""What computed the figures: package versions and the digest of Squaredeal's own code."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "duckdb", "fairlearn", "great-expectations", "ibis-framework", "lightgbm", "mlflow", "numpy", "pandas",
    "scikit-learn", "scipy", "shap", "squaredeal",
)  # fmt: skip
_ROOT = Path(__file__).resolve().parent.parent


def environment() -> dict[str, str]:
    """Name → version, and ``code``: a digest over the source files of checks and audits."""
    versions = {name: metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "code": code_digest(), **versions}


def code_digest() -> str:
    """Digest over names and contents of every .py, .yaml and .csv file that can change a figure or a verdict."""
    digest = hashlib.sha256()
    files = [file for folder in ("audits", "checks") for file in (_ROOT / folder).rglob("*")]
    for file in sorted(file for file in files if file.suffix in (".py", ".yaml", ".csv")):
        content = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{file.relative_to(_ROOT).as_posix()}\0{len(content)}\0".encode() + content)
    return "sha256:" + digest.hexdigest()
