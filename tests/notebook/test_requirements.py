"""The packages of the kernel MLflow: the server's MLflow, what the lab is tested with, and the instance's Python."""

from __future__ import annotations

import ast
import json
import re
import subprocess

from deployment.toolchain import ROOT

INSTANCE_PYTHON = (3, 10)
LAB_PYTHON = ROOT / ".lab" / "bin" / "python"

# The newest one of the lab wants a newer Python than the instance has.
DIFFERS = {"ipykernel"}


def _pins() -> dict[str, str]:
    lines = (ROOT / "notebook" / "requirements.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_mlflow_has_the_version_of_the_server() -> None:
    server = (ROOT / "images" / "mlflow" / "requirements.txt").read_text("utf-8")
    [version] = re.findall(r"^mlflow==(\S+?);", server, re.MULTILINE)
    assert _pins()["mlflow"] == version


def test_every_package_is_pinned() -> None:
    assert {"boto3", "ipykernel", "mlflow", "requests-auth-aws-sigv4"} <= _pins().keys()
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in _pins().values())


def test_the_lab_is_tested_with_the_same_versions() -> None:
    locked = json.loads((ROOT / "Pipfile.lock").read_text("utf-8"))["lab"]
    ours = {name: f"=={version}" for name, version in _pins().items() if name not in DIFFERS}
    assert {name: locked[name]["version"] for name in ours} == ours


def test_they_take_the_python_of_the_instance() -> None:
    names = sorted(_pins().keys() - DIFFERS)
    ask = "import sys, importlib.metadata as m\nfor name in sys.argv[1:]: print(m.metadata(name)['Requires-Python'])"
    asked = subprocess.run([LAB_PYTHON, "-c", ask, *names], capture_output=True, text=True, check=True).stdout
    wanted = dict(zip(names, asked.splitlines(), strict=True))
    for name, versions in wanted.items():
        lowest = re.search(r">=\s*3\.(\d+)", versions)
        assert lowest is None or int(lowest[1]) <= INSTANCE_PYTHON[1], f"{name} wants Python {versions}"


def test_our_programs_are_in_the_language_of_that_python() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "notebook").glob("*.py")]
    script = (ROOT / "constructs_lib" / "notebook_on_start.sh").read_text("utf-8")
    texts += [script.split(f"<<'{mark}'\n", 1)[1].split(f"\n{mark}\n", 1)[0] for mark in ("STARTUP", "FETCH")]
    for text in texts:
        ast.parse(text, feature_version=INSTANCE_PYTHON)
