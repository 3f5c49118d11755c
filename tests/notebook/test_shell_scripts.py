from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from deployment.toolchain import ROOT

LIFECYCLE = sorted((ROOT / "constructs_lib").glob("notebook_on_*.sh"))
SCRIPTS = [*LIFECYCLE, *sorted((ROOT / "notebook").glob("*.sh"))]
WRITTEN = ("SAY_WHY", "MLFLOW_SETUP", "MLFLOW_LOGIN", "PROFILE")
"""The scripts within the on-start script."""


def _complaints(script: Path | str, *options: str) -> str:
    text = script if isinstance(script, str) else script.read_text("utf-8")
    return subprocess.run(["shellcheck", *options, "-"], input=text, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_no_complaint(script: Path) -> None:
    assert _complaints(script) == ""


@pytest.mark.parametrize("mark", WRITTEN)
def test_shellcheck_has_no_complaint_about_what_on_start_writes(mark: str) -> None:
    text = (ROOT / "constructs_lib" / "notebook_on_start.sh").read_text("utf-8")
    within = text.split(f"<<'{mark}'\n", 1)[1].split(f"\n{mark}\n", 1)[0]
    # Terminals of other shells read the profile too; the files it reads are not there.
    shell = "dash" if mark == "PROFILE" else "bash"
    assert _complaints(f"{within}\n", f"--shell={shell}", "--exclude=SC1091") == ""


@pytest.mark.parametrize("script", LIFECYCLE, ids=lambda path: path.name)
def test_a_lifecycle_script_leaves_room_for_the_settings(script: Path) -> None:
    # CreateNotebookInstanceLifecycleConfig takes 16,384 characters of base64.
    assert len(base64.b64encode(script.read_bytes())) <= 16_384 - 4_096


@pytest.mark.parametrize("script", LIFECYCLE, ids=lambda path: path.name)
def test_a_lifecycle_script_is_a_template_that_terraform_takes_as_it_is(script: Path) -> None:
    # Of a template's two marks, the stack escapes only "${".
    assert "%{" not in script.read_text("utf-8")
