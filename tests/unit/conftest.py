from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import main
from tests.unit.synthesis import Workbench

REPOSITORY = Path(main.__file__).parent
OUR_VARIABLES = {"CDKTF_OUTDIR", "ENV", "SLOW_BINDINGS"}


@pytest.fixture
def stack(tmp_path: Path) -> Workbench:
    """A stack to build constructs in."""
    return Workbench(tmp_path)


def python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the repository with *variables*, and none of ours that this shell may have."""
    shell = {name: value for name, value in os.environ.items() if name not in OUR_VARIABLES}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=shell | variables, cwd=REPOSITORY, capture_output=True, text=True, check=False)
