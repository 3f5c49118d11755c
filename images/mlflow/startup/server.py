"""MLflow's server, which takes the place of the entrypoint's process, so that it gets the container's signals."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .configuration import OWN_VARIABLES, Settings
from .database import server_url

_SERVE = Path(__file__).resolve().parent.parent / "serve.py"
# Longer than nginx keeps idle connections; shorter than the 30 seconds that ECS gives a task to stop. nginx writes the
# access log.
_UVICORN = "--timeout-keep-alive 75 --timeout-graceful-shutdown 20 --no-access-log"
SWITCHED_OFF = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight more processes and 1.8 GB
    "MLFLOW_ENABLE_AI_GATEWAY": "false",  # encrypts its keys with a public constant
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


def replace_this_process(settings: Settings) -> None:
    """Become the server; this function does not return."""
    arguments = command(settings)
    os.execve(arguments[0], arguments, environment(settings, os.environ))  # noqa: S606 - no shell wanted


def command(settings: Settings) -> list[str]:
    """The server's command line, which everybody on the machine may read: no secret in it.

    One worker: uvicorn's shared socket lacks TCP_NODELAY, which costs 44 ms per request.
    """
    artifacts = (
        ["--serve-artifacts", "--artifacts-destination", settings.artifacts_uri]
        if settings.proxied
        else ["--no-serve-artifacts", "--default-artifact-root", settings.artifacts_uri]
    )
    origins = ["--cors-allowed-origins", ",".join(settings.public_origins)] if settings.public_origins else []
    return [
        sys.executable,
        str(_SERVE),
        "server",
        *["--host", "127.0.0.1", "--port", str(settings.port), "--workers", "1", "--uvicorn-opts", _UVICORN],
        *artifacts,
        *origins,
    ]


def environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The server's environment: ours without what only the entrypoint needs, and with the database's URL."""
    kept = {name: value for name, value in environ.items() if name not in OWN_VARIABLES}
    return {**kept, **SWITCHED_OFF, "MLFLOW_BACKEND_STORE_URI": server_url(settings.database)}
