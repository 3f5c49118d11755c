"""What the tests of the lab share: the data plane, and the variables that a kernel on the notebook instance has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from dataplane.object_store import BUCKET
from dataplane.plane import DataPlane
from deployment.progress import Display
from deployment.toolchain import ROOT

LAB = ROOT / "lab"
LAB_PYTHON = ROOT / ".lab" / "bin" / "python"
"""The Python that has what a notebook instance has for the lab; `make` makes it."""

PREFIX = "mlflow-test"
ROLE_ARN = "arn:aws:iam::123456789012:role/mlflow-test-notebook"


@dataclass(frozen=True)
class Account:
    """The data plane, and the variables that a kernel on the notebook instance has for it."""

    plane: DataPlane
    variables: Mapping[str, str]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """All of the data plane, its password in Secrets Manager, and a notebook's kernel that has started there."""
    with DataPlane(tmp_path_factory.mktemp("plane"), Display(Console(stderr=True))) as plane:
        secret = json.dumps({"username": plane.username, "password": plane.password})
        manager = plane.objects.emulator.client("secretsmanager")
        arn = manager.create_secret(Name="mlflow", SecretString=secret)["ARN"]
        home = tmp_path_factory.mktemp("home")
        yield Account(plane, {**_kernel(plane, home), "MLFLOW_CREDENTIALS_SECRET": arn})


def _kernel(plane: DataPlane, home: Path) -> dict[str, str]:
    return {
        **plane.objects.environment,
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_ACCESS": "basic",
        "MLFLOW_TRACKING_URI": plane.url,
        "MLFLOW_TRACKING_USERNAME": plane.username,
        "MLFLOW_TRACKING_PASSWORD": plane.password,
        "LAB_PREFIX": PREFIX,
        "LAB_BUCKET": BUCKET,
        "LAB_ROLE_ARN": ROLE_ARN,
        "LAB_TRACKING_URI": plane.url,
    }
