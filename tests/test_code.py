"""The code itself: formatted, linted and typed, the tests included."""

from __future__ import annotations

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
