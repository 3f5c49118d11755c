"""The steps of a smoke test that the MLflow client does, in a process and a virtual environment of its own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from client.identity import Identity
from client.results import Result, StepError, perform
from client.target import Target
from deployment.progress import Display
from deployment.toolchain import ROOT
from errors import UserError

CLIENT_PYTHON = ROOT / ".client" / "bin" / "python"
"""The Python that has what a user has; `make` makes it."""

STEPS = ("log a run", "read it back", "register a model", "delete it all")

_SCRIPT = Path(__file__).with_name("sdk_steps.py")
_STOP_SECONDS = 120.0  # for deleting what was made
_LAST_CHARACTERS = 1000
_PATIENCE = {
    # One repetition, since a paused database may take longer to wake than a request to give up (30 s at the gateway).
    # MLflow's own seven would take four minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "40",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "AWS_MAX_ATTEMPTS": "2",
}
_OF_ANOTHER_IDENTITY = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
_LOOK_AT = {
    "log a run": "the log groups of nginx and MLflow: the database for a run, S3 and the task role for an artifact; "
    'with artifacts.mode = "direct" your own rights in S3 (artifacts_client_policy_arn)',
    "read it back": "the log groups of nginx and MLflow: S3, its key and the task role",
    "register a model": "MLflow's log group",
    "delete it all": "MLflow's log group; then delete what is left in the UI, by the name that the steps above show",
}


def run_sdk(target: Target, identity: Identity, display: Display) -> Iterator[Result]:
    """Do the steps and tell the result of each as it comes; raises ``UserError`` without the MLflow client."""
    if not CLIENT_PYTHON.is_file():
        raise UserError(f"{CLIENT_PYTHON} is missing: `make smoke` installs it.")
    name = f"smoke-{secrets.token_hex(4)}"
    with tempfile.TemporaryFile("w+") as complaints, _child(target, identity, name, complaints, display) as lines:
        for step in STEPS:
            yield _result(step, lines, complaints, name, display, target)


def _result(
    step: str, lines: Iterator[str], complaints: IO[str], name: str, display: Display, target: Target
) -> Result:
    answer: dict[str, Any] = {}

    def check() -> str | None:
        line = next(lines, None)
        if line is None:
            raise StepError(f"an answer from {_SCRIPT.name}", f"its end: {_end_of(complaints)}", _left_behind(name))
        answer.update(json.loads(line))
        if answer["ok"] is False:
            raise StepError("the MLflow client to succeed", answer["detail"], _LOOK_AT[step])
        return None if answer["ok"] is None else answer["detail"]

    result = perform(target.name, step, check, display)
    # The client's own time: ours has the start of Python in it.
    return replace(result, seconds=answer.get("seconds", result.seconds))


def _end_of(complaints: IO[str]) -> str:
    complaints.seek(0)
    return complaints.read().strip()[-_LAST_CHARACTERS:] or "it said nothing"


def _left_behind(name: str) -> str:
    return f"the UI: is there an experiment or a model {name} to be deleted?"


@contextmanager
def _child(
    target: Target, identity: Identity, name: str, complaints: IO[str], display: Display
) -> Iterator[Iterator[str]]:
    """The lines that the MLflow client's process prints; at the end of the block it has cleaned up and ended."""
    # A process group of its own: Ctrl-C reaches us alone, and it is told once to clean up.
    process = subprocess.Popen(
        [CLIENT_PYTHON, "-P", _SCRIPT, name],
        env=_environment(target, identity),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complaints,
        text=True,
        encoding="utf-8",
        process_group=0,
    )
    assert process.stdout is not None  # noqa: S101 - told to Popen
    try:
        yield iter(process.stdout)
    except BaseException:
        display.say(f"deleting what was made, {name} ...")
        process.terminate()
        raise
    finally:
        try:
            process.communicate(timeout=_STOP_SECONDS)
        except BaseException:
            process.kill()
            process.wait()
            raise


def _environment(target: Target, identity: Identity) -> Mapping[str, str]:
    """The caller's own environment, in which nothing of MLflow's but what *identity* says."""
    ours = identity.variables
    foreign = _OF_ANOTHER_IDENTITY if "AWS_ACCESS_KEY_ID" in ours else ()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_") and key not in foreign}
    return {
        **kept,
        "MLFLOW_TRACKING_URI": target.url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "NETRC": os.devnull,  # it would take the place of a token
        **_PATIENCE,
        **ours,
    }
