"""The code itself: formatted, linted and typed, the tests included."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deployment.toolchain import ROOT


@pytest.mark.parametrize(
    "command", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)], ids=" ".join
)
def test_has_no_complaint_from(command: tuple[str, ...]) -> None:
    program, *arguments = command
    path = Path(sys.executable).with_name(program)
    assert path.is_file(), f"{path} is missing: run `make setup-test`"
    done = subprocess.run(
        [path, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_lock_files_name_no_registry() -> None:
    python, node = (json.loads((ROOT / name).read_text()) for name in ("Pipfile.lock", "package-lock.json"))
    packages = [package for group, locked in python.items() if group != "_meta" for package in locked.values()]
    assert python["_meta"]["sources"] == []
    assert [package for package in packages if "index" in package] == []
    assert [name for name, package in node["packages"].items() if "resolved" in package] == []


def test_what_is_locked_twice_is_locked_alike() -> None:
    # pipenv resolves each group by itself; the one that is installed last would win.
    locked = json.loads((ROOT / "Pipfile.lock").read_text())
    default, develop = locked["default"], locked["develop"]
    assert {name: default[name]["version"] for name in default.keys() & develop.keys()} == {
        name: develop[name]["version"] for name in default.keys() & develop.keys()
    }
