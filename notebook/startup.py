"""Fetches user name and password of MLflow by the instance's role: into a process's variables, and nowhere else.

Every Python kernel calls ``in_kernel`` when it starts. As a program, for ``mlflow-login``, it prints the shell commands
that set the variables.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from typing import Any

_NAMES = {"username": "MLFLOW_TRACKING_USERNAME", "password": "MLFLOW_TRACKING_PASSWORD"}
_TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - a variable's name
_HINTS = {
    "kernel": f'import os, getpass; os.environ["{_TOKEN}"] = getpass.getpass("token: ")',
    "terminal": f"read -rsp 'token: ' {_TOKEN} && export {_TOKEN}",
}


class NotLoggedInError(Exception):
    """Why there are no credentials, in one line."""


def credentials(environment: Mapping[str, str], place: str) -> dict[str, str]:
    """The variables to set, if any; what the user has set is not replaced. Raises ``NotLoggedInError``."""
    if environment.get("MLFLOW_ACCESS") == "jwt" and not environment.get(_TOKEN):
        raise NotLoggedInError(f"MLflow wants a token of yours: {_HINTS[place]}")
    secret = environment.get("MLFLOW_CREDENTIALS_SECRET")
    if not secret or any(environment.get(name) for name in (*_NAMES.values(), _TOKEN)):
        return {}
    try:
        values = _fetch(secret)
        return {variable: values[name] for name, variable in _NAMES.items()}
    except Exception as error:  # whatever it is, the user's kernel matters more
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NotLoggedInError(
            f"MLflow will ask for a password that is not there: reading the secret {secret} failed: {reason}"
        ) from error


def in_kernel() -> None:
    """Set the variables of this process; what is wrong is said before the first cell's output, and once."""
    try:
        os.environ.update(credentials(os.environ, "kernel"))
    except NotLoggedInError as error:
        _say_in_first_cell(str(error))


def _fetch(secret: str) -> dict[str, str]:
    import boto3
    from botocore.config import Config

    # A kernel waits for this: 16 seconds at most.
    patience = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    client = boto3.client("secretsmanager", region_name=secret.split(":")[3], config=patience)
    values: dict[str, str] = json.loads(client.get_secret_value(SecretId=secret)["SecretString"])
    return values


def _say_in_first_cell(text: str) -> None:
    """While a kernel starts, nobody sees what it prints."""
    events: Any = sys.modules["IPython"].get_ipython().events

    def say(*_: object) -> None:
        events.unregister("pre_run_cell", say)
        print(text, file=sys.stderr)

    events.register("pre_run_cell", say)


def main() -> None:
    """Print what a shell is to evaluate, or say on standard error why not."""
    try:
        variables = credentials(os.environ, "terminal")
    except NotLoggedInError as error:
        sys.exit(str(error))
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    main()
