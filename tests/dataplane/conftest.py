"""What the tests of the data plane share: all of it running, a gateway before it, and the MLflow client of a user."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dataplane.containers import MLFLOW_PYTHON, ROOT
from dataplane.plane import DataPlane
from deployment.progress import Display
from tests.dataplane.gateway import Gateway, Surroundings, gateway
from tests.dataplane.stacks import Stacks

CLIENT_PYTHON = ROOT / ".client" / "bin" / "python"
"""The Python that has installed what a user has; `make` makes it."""

API_HOST = "mlflow.example.com"
INSIDE_CIDRS = ("203.0.113.0/24", "2001:db8::/32")
OUTSIDE = "198.51.100.9"
"""Not in ``INSIDE_CIDRS``, in which ``gateway.CALLER`` is."""

_CLIENT = Path(__file__).with_name("mlflow_client.py")
_LIMIT_SECONDS = 240

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def nginx() -> Mapping[str, str]:
    """More variables for nginx; modules with an access scheme of their own have their own."""
    return {}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, nginx: Mapping[str, str]) -> Iterator[DataPlane]:
    """Database, S3, MLflow and nginx, with an emulator that is shared with nobody: one module at a time."""
    folder = tmp_path_factory.mktemp("plane")
    with DataPlane(folder, Display(Console(stderr=True)), nginx=nginx) as plane:
        yield plane


@pytest.fixture(scope="module")
def access() -> Mapping[str, Any]:
    """The settings of access; modules with an access scheme of their own have their own."""
    return {"type": "basic"}


@pytest.fixture(scope="module")
def routes() -> Mapping[str, Any]:
    """The settings of special routes."""
    return {}


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory, access: Mapping[str, Any], routes: Mapping[str, Any]) -> Stacks:
    """The platform with these settings, for callers in ``INSIDE_CIDRS``."""
    api = {"allowed_cidrs": INSIDE_CIDRS, "routes": routes}
    return Stacks(tmp_path_factory.mktemp("cdktf.out"), access=access, api=api)


@pytest.fixture(scope="module")
def surroundings() -> Surroundings:
    """What the gateway finds outside of the stacks."""
    return Surroundings()


@pytest.fixture(scope="module")
def api(plane: DataPlane, stacks: Stacks, surroundings: Surroundings) -> Iterator[Gateway]:
    """The public endpoint, called from where callers may come from."""
    with gateway(stacks.api, plane.url, host=API_HOST, surroundings=surroundings) as api:
        yield api


@pytest.fixture(scope="module")
def api_from_outside(plane: DataPlane, stacks: Stacks, surroundings: Surroundings) -> Iterator[Gateway]:
    """The public endpoint, called from somewhere else."""
    with gateway(stacks.api, plane.url, host=API_HOST, surroundings=surroundings, source_ip=OUTSIDE) as api:
        yield api


@pytest.fixture(scope="module")
def client(plane: DataPlane, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Runs a function of ``mlflow_client.py`` in a process that has the address and the password."""
    run = _runner(MLFLOW_PYTHON, tmp_path_factory.mktemp("home"))
    login = {"MLFLOW_TRACKING_USERNAME": plane.username, "MLFLOW_TRACKING_PASSWORD": plane.password}

    def run_with_the_password(*arguments: str | Path, uri: str = plane.url, **environment: str) -> Any:
        return run(*arguments, uri=uri, **{**login, **environment})

    return run_with_the_password


@pytest.fixture(scope="module")
def user(api: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The same for somebody who has installed the client alone, and has the public endpoint and no password yet."""
    run = _runner(CLIENT_PYTHON, tmp_path_factory.mktemp("home"))

    def run_at_the_endpoint(*arguments: str | Path, **environment: str) -> Any:
        return run(*arguments, uri=api.url, **environment)

    return run_at_the_endpoint


def _runner(python: Path, home: Path) -> Client:
    def run(function: str, *arguments: str | Path, uri: str, **environment: str) -> Any:
        done = subprocess.run(
            [python, _CLIENT, function, *arguments],
            env={
                "HOME": str(home),
                "PATH": "/usr/bin:/bin",
                "MLFLOW_TRACKING_URI": uri,
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
