"""The folders are layers, the command line starts light, and the packages are ours."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys

import pytest

from tests.programs import ROOT

LAYERS = ("checks", "audits", "reports")
ALLOWED = {
    "airflow": lambda file: file.parts[0] == "dags",
    "great_expectations": lambda file: file.parts[0] == "checks",
    "mlflow": lambda file: (
        file.as_posix()
        in (
            *(
                "reports/tracking.py",
                "reports/mlflow_once.py",
                "reports/mlflow_status.py",
                "reports/mlflow_store.py",
                "reports/remedies_tracking.py",
            ),
            *("checks/inputs/model.py", "dags/model_registry.py"),
        )
    ),
    "ibis": lambda file: file.parts[0] == "checks" or file.as_posix().startswith("audits/evidence/"),
}


def imported(file):
    """Top-level names of every import in a file, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def sources():
    folders = (*LAYERS, "dags")
    return [file.relative_to(ROOT) for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("library", ALLOWED)
def test_each_heavy_library_is_imported_in_its_place_only(library):
    assert [str(file) for file in sources() if library in imported(ROOT / file) and not ALLOWED[library](file)] == []


def test_imports_run_backwards_along_the_line():
    order = {name: i for i, name in enumerate((*LAYERS, "dags", "squaredeal", "tests"))}
    wrong = [
        f"{file} imports {name}"
        for file in sources()
        for name in set(imported(ROOT / file))
        if order.get(name, -1) > order[file.parts[0]]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", [*LAYERS, "squaredeal"])
def test_packages_with_common_names_are_ours(package):
    assert importlib.import_module(package).__file__.startswith(str(ROOT))


def test_dags_is_no_regular_package_so_that_airflow_may_scan_it():
    assert not (ROOT / "dags/__init__.py").exists()


def loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_the_command_line_and_the_plan_load_no_heavy_library():
    heavy = {"great_expectations", "ibis", "mlflow", "shap", "airflow", "pandas", "fairlearn", "duckdb", "scipy"}
    assert not loaded("import squaredeal") & heavy
    plan = "from checks.inputs.program import read_program; from audits.plan import make_plan"
    assert not loaded(f"{plan}; make_plan(read_program('dags/programs/boston-mortgages.yaml'))") & heavy


def test_no_file_names_a_registry_or_a_path_of_one_machine():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False).stdout.split()
    names = tracked or [str(file.relative_to(ROOT)) for file in ROOT.glob("*.lock")]
    hosts = ("py" + "pi.org", "python" + "hosted", "npm" + "js.", "/ro" + "ot/", "/wo" + "rk/")
    texts = {name: (ROOT / name).read_text(errors="ignore") for name in names if (ROOT / name).is_file()}
    assert [name for name, text in texts.items() if any(host in text for host in hosts)] == []
