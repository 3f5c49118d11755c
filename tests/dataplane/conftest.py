"""What the tests of the data plane share: all of it running, and the MLflow client as users have it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dataplane.containers import MLFLOW_PYTHON
from dataplane.plane import DataPlane
from deployment.progress import Display

_CLIENT = Path(__file__).with_name("mlflow_client.py")
_LIMIT_SECONDS = 240

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    """Database, S3, MLflow and nginx, with an emulator that is shared with nobody: one module at a time."""
    folder = tmp_path_factory.mktemp("plane")
    with DataPlane(folder, Display(Console(stderr=True))) as plane:
        yield plane


@pytest.fixture(scope="module")
def client(plane: DataPlane, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Runs a function of ``mlflow_client.py`` in a process that has what a user has: the address and the password."""
    home = tmp_path_factory.mktemp("home")

    def run(function: str, *arguments: str | Path, uri: str = plane.url, **environment: str) -> Any:
        done = subprocess.run(
            [MLFLOW_PYTHON, _CLIENT, function, *arguments],
            env={
                "HOME": str(home),
                "PATH": "/usr/bin:/bin",
                "MLFLOW_TRACKING_URI": uri,
                "MLFLOW_TRACKING_USERNAME": plane.username,
                "MLFLOW_TRACKING_PASSWORD": plane.password,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
                **environment,
            },
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
