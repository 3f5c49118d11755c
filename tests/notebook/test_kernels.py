"""Kernels and terminals of an instance that was set up: what they know, and what is nowhere on its disks."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from dataplane.process import LOOPBACK
from deployment.toolchain import ROOT
from rehearsal.emulator import Emulator
from tests.notebook.conftest import ADDRESS, Bucket, Machines, script, start
from tests.notebook.instance import FAILED, HOME, Instance
from tests.notebook.servers import serve
from tests.waiting import PATIENCE_SECONDS

LAB_PYTHON = ROOT / ".lab" / "bin" / "python"
USERNAME, PASSWORD = "mlflow", "pass-word-of-the-tests-0123456789"

# $1: a kernel's name, the rest: cells. Prints what each cell has printed, as JSON.
_RUN_CELLS = f"""
import json, sys
from jupyter_client.manager import start_new_kernel

said = []
def hear(message):
    if message["msg_type"] == "stream":
        said[-1][message["content"]["name"]] += message["content"]["text"]
    elif message["msg_type"] == "error":
        said[-1]["error"] = message["content"]["evalue"]

manager, client = start_new_kernel(startup_timeout={PATIENCE_SECONDS}, kernel_name=sys.argv[1])
try:
    for cell in sys.argv[2:]:
        said.append({{"stdout": "", "stderr": "", "error": ""}})
        client.execute_interactive(cell, output_hook=hear, timeout={PATIENCE_SECONDS})
finally:
    client.stop_channels()
    manager.shutdown_kernel()
print(json.dumps(said))
"""

_SHOW = "import os; print(*(os.environ.get(name) for name in {names!r}))"
# The password itself would be in the kernel's history, if a cell had it.
_HASH = "import hashlib, os; print(hashlib.sha256(os.environ['MLFLOW_TRACKING_PASSWORD'].encode()).hexdigest())"
_HASHED = hashlib.sha256(PASSWORD.encode()).hexdigest()


@pytest.fixture(scope="module")
def secret(emulator: Emulator) -> str:
    values = json.dumps({"username": USERNAME, "password": PASSWORD})
    created = emulator.client("secretsmanager").create_secret(Name="mlflow-credentials", SecretString=values)
    return str(created["ARN"])


@pytest.fixture(scope="module")
def disk_with_kernel(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator, bucket: Bucket) -> Path:
    """What a first start leaves behind with the packages that a kernel needs."""
    bucket.fill(requirements=_what_a_kernel_needs())
    machines = Machines(tmp_path_factory.mktemp("with-kernel"), emulator)
    with machines.start() as machine:
        log = start(machine, script("start"))
    assert not (machines.disk / FAILED).exists(), log
    return machines.disk


@pytest.fixture
def installed(machines: Machines, bucket: Bucket, disk_with_kernel: Path) -> Machines:
    """An instance that was started once and stopped, and the bucket as it was then."""
    bucket.fill(requirements=_what_a_kernel_needs())
    subprocess.run(["cp", "-a", disk_with_kernel, machines.disk], check=True)
    return machines


@pytest.fixture
def denying() -> Iterator[str]:
    """An AWS that allows nothing."""
    answer = {"__type": "AccessDeniedException", "Message": "not authorized to perform: secretsmanager:GetSecretValue"}

    class Deny(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps(answer).encode()
            self.send_response(400)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with serve(Deny) as url:
        yield url


def _what_a_kernel_needs() -> str:
    """Of our packages; all of them would take a minute."""
    lines = (ROOT / "notebook" / "requirements.txt").read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if line.startswith(("boto3=", "ipykernel=")))


def _run_cells(machine: Instance, *cells: str, **variables: str) -> list[dict[str, str]]:
    done = machine.run([LAB_PYTHON, "-c", _RUN_CELLS, "mlflow", *cells], **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    said: list[dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return said


def _show(*names: str) -> str:
    return _SHOW.format(names=names)


def _files_with(machine: Instance, text: str) -> list[Path]:
    return [path for path in machine.files() if text.encode() in path.read_bytes()]


def _point_aws_to(machine: Instance, url: str, emulator: Emulator) -> None:
    config = machine.path(HOME / ".aws" / "config")
    config.write_text(config.read_text().replace(emulator.url, url))


# --- Kernels ---


@pytest.mark.parametrize("access", ["basic", "lambda"])
def test_a_kernel_knows_address_mode_and_credentials_which_no_file_has(
    installed: Machines, secret: str, access: str
) -> None:
    with installed.start() as machine:
        start(machine, script("start", MLFLOW_ACCESS=access, MLFLOW_CREDENTIALS_SECRET=secret))
        names = ("MLFLOW_TRACKING_URI", "MLFLOW_ACCESS", "MLFLOW_TRACKING_USERNAME")
        settings, password = _run_cells(machine, _show(*names), _HASH)

        assert settings == {"stdout": f"{ADDRESS} {access} {USERNAME}\n", "stderr": "", "error": ""}
        assert password == {"stdout": f"{_HASHED}\n", "stderr": "", "error": ""}
        assert machine.terminal("mlflow-login && env").returncode == 0
        assert _files_with(machine, secret), "the search finds what is there"
        assert _files_with(machine, PASSWORD) == []


def test_a_kernel_has_no_names_that_its_user_has_not_made(installed: Machines, secret: str) -> None:
    with installed.start() as machine:
        start(machine, script("start", MLFLOW_ACCESS="basic", MLFLOW_CREDENTIALS_SECRET=secret))

        [found] = _run_cells(machine, "print(get_ipython().run_line_magic('who_ls', ''), '_mlflow' in globals())")
        assert found["stdout"] == "[] False\n"


def test_with_iam_a_kernel_knows_how_to_sign(installed: Machines) -> None:
    signing = {"MLFLOW_TRACKING_AWS_SIGV4": "true", "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "0"}
    with installed.start() as machine:
        start(machine, script("start", MLFLOW_ACCESS="iam", **signing))

        [found] = _run_cells(machine, _show(*signing, "AWS_DEFAULT_REGION", "MLFLOW_TRACKING_PASSWORD"))
        assert found == {"stdout": "true 0 us-west-2 None\n", "stderr": "", "error": ""}


def test_with_jwt_a_kernel_says_once_that_it_wants_a_token(installed: Machines) -> None:
    token = {"MLFLOW_TRACKING_TOKEN": "a token"}
    with installed.start() as machine:
        start(machine, script("start", MLFLOW_ACCESS="jwt"))

        first, second = _run_cells(machine, "print(1)", "print(2)")
        assert first["stdout"] == "1\n"
        assert "MLflow wants a token of yours" in first["stderr"]
        assert second == {"stdout": "2\n", "stderr": "", "error": ""}
        [with_token] = _run_cells(machine, "print(1)", **token)
        assert with_token["stderr"] == ""


def test_a_role_that_may_not_read_the_secret_costs_a_warning_and_no_kernel(
    installed: Machines, emulator: Emulator, secret: str, denying: str
) -> None:
    with installed.start() as machine:
        start(machine, script("start", MLFLOW_ACCESS="basic", MLFLOW_CREDENTIALS_SECRET=secret))
        _point_aws_to(machine, denying, emulator)

        first, second = _run_cells(machine, _show("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD"), "print(2)")
        assert first["stdout"] == f"{ADDRESS} None\n"
        [warning] = first["stderr"].splitlines()
        assert secret in warning
        assert "not authorized to perform: secretsmanager:GetSecretValue" in warning
        assert second == {"stdout": "2\n", "stderr": "", "error": ""}


def test_a_secrets_manager_that_cannot_be_reached_costs_a_warning_and_no_kernel(
    installed: Machines, emulator: Emulator, secret: str
) -> None:
    with installed.start() as machine:
        start(machine, script("start", MLFLOW_ACCESS="basic", MLFLOW_CREDENTIALS_SECRET=secret))
        _point_aws_to(machine, f"http://{LOOPBACK}:9", emulator)

        [found] = _run_cells(machine, "print(1)")
        assert found["stdout"] == "1\n"
        assert "Could not connect" in found["stderr"]


# --- Terminals ---


def test_a_terminal_logs_in_when_it_is_told_to(installed: Machines, secret: str) -> None:
    show = 'echo "$MLFLOW_TRACKING_USERNAME $MLFLOW_TRACKING_PASSWORD"'
    with installed.start() as machine:
        start(machine, script("start", MLFLOW_ACCESS="basic", MLFLOW_CREDENTIALS_SECRET=secret))

        assert machine.terminal(show).stdout == " \n"
        assert machine.terminal(f"mlflow-login && {show}").stdout == f"{USERNAME} {PASSWORD}\n"


def test_a_terminal_says_why_it_cannot_log_in(
    installed: Machines, emulator: Emulator, secret: str, denying: str
) -> None:
    with installed.start() as machine:
        start(machine, script("start", MLFLOW_ACCESS="basic", MLFLOW_CREDENTIALS_SECRET=secret))
        _point_aws_to(machine, denying, emulator)

        done = machine.terminal("mlflow-login")
        assert done.returncode != 0
        assert "not authorized to perform: secretsmanager:GetSecretValue" in done.stderr


def test_a_terminal_says_how_to_give_a_token(installed: Machines) -> None:
    with installed.start() as machine:
        start(machine, script("start", MLFLOW_ACCESS="jwt"))

        done = machine.terminal("mlflow-login")
        assert "read -rsp 'token: ' MLFLOW_TRACKING_TOKEN && export MLFLOW_TRACKING_TOKEN" in done.stderr


def test_a_terminal_says_that_the_setup_has_not_finished(machines: Machines, bucket: Bucket) -> None:
    bucket.clear()
    with machines.start() as machine:
        start(machine, script("start"))

        done = machine.terminal("mlflow-login")
        assert (done.returncode, done.stderr) == (1, "the setup is not complete: look at mlflow-setup.log\n")


def test_every_name_of_the_settings_reaches_a_kernel_with_its_value(installed: Machines) -> None:
    values: dict[str, Any] = {"LAB_PREFIX": "a-b", "LAB_ROLE_ARN": "arn:aws:iam::1:role/x=y", "LAB_ODD": 'a "b" $c #d'}
    with installed.start() as machine:
        start(machine, script("start", **values))

        [found] = _run_cells(machine, _show(*values))
        assert found["stdout"] == " ".join(values.values()) + "\n"
