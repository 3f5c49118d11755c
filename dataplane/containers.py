"""The two containers of a task as plain processes: the images' own entrypoints in the environment of a container."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

import requests

from dataplane.process import LOOPBACK, Process, find_program

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "images"
MLFLOW_PYTHON = ROOT / ".mlflow" / "bin" / "python"
"""The Python that has installed what the image has; `make` makes it."""


def start_mlflow(environment: Mapping[str, str], folder: Path) -> Process:
    """The MLflow container; *folder* is its /tmp, and its log is there."""
    return Process(
        "mlflow",
        [MLFLOW_PYTHON, IMAGES / "mlflow" / "entrypoint.py"],
        environment={"HOME": str(folder), "TMPDIR": str(folder), **environment},
        log=folder / "mlflow.log",
    )


def start_nginx(environment: Mapping[str, str], folder: Path) -> Process:
    """The nginx container; *folder* is its /tmp, and its log is there."""
    for program in ("nginx", "envsubst"):
        find_program(program)
    return Process(
        "nginx",
        [IMAGES / "nginx" / "entrypoint.sh"],
        environment={"HOME": str(folder), "TMPDIR": str(folder), **environment},
        log=folder / "nginx.log",
        stop_signal=signal.SIGQUIT,  # as the Dockerfile says: requests under way are finished
    )


def answers(port: int, path: str) -> bool:
    """Whether a GET of *path* gets the status 200."""
    try:
        return requests.get(f"http://{LOOPBACK}:{port}{path}", timeout=5).status_code == 200
    except requests.RequestException:
        return False
