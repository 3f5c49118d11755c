"""``make local``, as a user runs it."""

from __future__ import annotations

import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from dataplane import __main__ as local
from dataplane.address import Address, read_address
from dataplane.process import LOOPBACK, Process, free_port
from deployment.toolchain import ROOT
from errors import UserError
from tests.terraform.half_applied import descendants, processes
from tests.waiting import eventually

_START_SECONDS = 240.0


@dataclass(frozen=True)
class Local:
    """What a run of it printed, and what a user does who copied that."""

    process: Process
    url: str
    login: tuple[str, str]

    def post(self, path: str, body: object) -> requests.Response:
        return requests.post(f"{self.url}/api/2.0/mlflow/{path}", json=body, auth=self.login, timeout=30)


@contextmanager
def running(folder: Path) -> Iterator[Local]:
    arguments = ["-m", "dataplane", "--port", str(free_port()), "--folder", str(folder / "data")]
    with Process(
        "make local",
        [sys.executable, *arguments],
        environment={"HOME": str(folder), "PYTHONPATH": str(ROOT)},
        log=folder / "log",
        stop_signal=signal.SIGINT,
    ) as process:
        process.wait_until(lambda: "MLFLOW_TRACKING_PASSWORD=" in process.output(), seconds=_START_SECONDS)
        printed = dict(re.findall(r"export MLFLOW_TRACKING_(\w+)=(\S+)", process.output()))
        yield Local(process, printed["URI"], (printed["USERNAME"], printed["PASSWORD"]))


def test_what_was_logged_is_there_the_next_time_and_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        experiment = first.post("experiments/create", {"name": "kept"}).json()["experiment_id"]
        artifact = f"{first.url}/api/2.0/mlflow-artifacts/artifacts/{experiment}/file.txt"
        assert requests.put(artifact, data=b"kept", auth=first.login, timeout=30).status_code == 200
        assert read_address(tmp_path / "data") == Address(first.url, *first.login)
        assert (tmp_path / "data" / "client.json").stat().st_mode & 0o777 == 0o600
        started = set(descendants(first.process.pid))
        assert len(started) >= 4  # itself, the database, MLflow and nginx
        first.process.signal(signal.SIGINT)
        assert first.process.wait(seconds=60) == 130
        assert first.process.output().endswith("stopped\n")
        assert not (tmp_path / "data" / "client.json").exists()
        eventually(lambda: not started & processes().keys(), "all that it had started has ended")

    with running(tmp_path) as second:
        found = second.post("experiments/search", {"max_results": 10}).json()["experiments"]
        assert "kept" in {one["name"] for one in found}
        artifact = f"{second.url}/api/2.0/mlflow-artifacts/artifacts/{experiment}/file.txt"
        assert requests.get(artifact, auth=second.login, timeout=30).content == b"kept"
        assert requests.get(second.url, auth=first.login, timeout=30).status_code == 401

    local.main(["--clean", "--folder", str(tmp_path / "data")])
    assert not (tmp_path / "data").exists()


def test_refuses_a_taken_port_before_it_starts_anything(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} of 127\.0\.0\.1 cannot be used \(Address already in use\)"):
            local.main(["--port", str(port), "--folder", str(tmp_path / "data")])
    assert not (tmp_path / "data").exists()


def test_refuses_to_start_without_a_program_and_names_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("dataplane.process.SEARCH_PATH", str(tmp_path))
    with pytest.raises(
        UserError, match=r"^mariadbd is not installed\. Debian and Ubuntu: apt-get install mariadb-server"
    ):
        local.main(["--port", str(free_port()), "--folder", str(tmp_path / "data")])
    assert not (tmp_path / "data").exists()
