"""``make smoke`` and ``make ui`` on the real programs: all in order, and broken in ways that users meet."""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Response, sync_playwright
from rich.console import Console

from client import __main__ as command
from client import smoke
from client.identity import PasswordIdentity
from client.proxy import Proxy
from client.results import Result
from client.target import Login, Target
from dataplane.address import Address
from dataplane.containers import answers, start_nginx
from dataplane.plane import DataPlane
from dataplane.process import LOOPBACK, Process, free_port
from deployment.progress import Display
from deployment.toolchain import ROOT
from tests.dataplane.access_claims import Given
from tests.dataplane.conftest import Client
from tests.dataplane.servers import new_database, running
from tests.dataplane.test_browser import EXPECTED_REFUSALS, PATIENCE_MS
from tests.waiting import PATIENCE_SECONDS

STEPS = [
    *("health", "refuses no credentials", "refuses wrong credentials"),
    *("log a run", "read it back", "register a model", "delete it all", "UI"),
]


def of(plane: DataPlane) -> Given:
    return Given(Login(plane.username, plane.password))


def run(url: str, logins: Given) -> dict[str, Result]:
    """Smoke what is at *url* and should ask for a password; the results by step."""
    display = Display(Console(file=io.StringIO()))
    results = smoke.run(Target("dev", url, "basic", logins=logins), PasswordIdentity(logins), display)
    return {result.step: result for result in results}


def outcomes(results: Mapping[str, Result]) -> dict[str, str]:
    return {step: result.outcome for step, result in results.items()}


def in_order(*, failed: Sequence[str] = (), not_run: Sequence[str] = ()) -> dict[str, str]:
    return {step: "failed" if step in failed else "not run" if step in not_run else "ok" for step in STEPS}


def left(url: str, login: Login) -> list[str]:
    """The experiments and models of smoke tests that are not deleted."""
    names = []
    for path, kind in (("experiments/search", "experiments"), ("registered-models/search", "registered_models")):
        query = {"filter": "name LIKE 'smoke-%'", "max_results": "100"}
        auth = (login.username, login.password)
        answer = requests.get(f"{url}/api/2.0/mlflow/{path}", params=query, auth=auth, timeout=30)
        assert answer.status_code == 200, answer.text
        names += [f"{kind}: {entry['name']}" for entry in answer.json().get(kind, [])]
    return names


@contextmanager
def serving(proxy: Proxy) -> Iterator[Proxy]:
    thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


@pytest.fixture(scope="module")
def ui(plane: DataPlane) -> Iterator[Proxy]:
    """What ``make ui`` runs."""
    target = Target("dev", plane.url, "basic", logins=of(plane))
    with serving(Proxy(target, PasswordIdentity(of(plane)))) as proxy:
        yield proxy


# --- The smoke test ---------------------------------------------------------------------------------------------------


def test_make_smoke_finds_all_in_order_and_leaves_nothing(plane: DataPlane, tmp_path: Path) -> None:
    # What `make local` writes; -o: set up, whatever the Makefile's time is.
    with Address(plane.url, plane.username, plane.password).written_to(tmp_path):
        done = subprocess.run(
            ["make", "-o", "setup", "-o", ".client/.ready", "smoke", f"ARGS=--local {tmp_path}"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split("  ")[0] for line in done.stdout.partition("step  ")[2].splitlines()]
    assert [line for line in lines if line in STEPS] == STEPS
    assert "all is well" in done.stdout
    assert plane.password not in done.stdout + done.stderr
    assert left(plane.url, of(plane).login) == []


def test_a_wrong_password_is_seen_at_once_and_nothing_else_is_tried(
    plane: DataPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Address(plane.url, plane.username, "wrong")  # as after a secret that the tasks do not have yet
    with wrong.written_to(tmp_path), pytest.raises(SystemExit) as ended:
        command.main(["smoke", "--local", str(tmp_path)])
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert "health failed" in printed
    assert "came      status 401" in printed
    assert outcomes(run(plane.url, Given(Login(plane.username, "wrong")))) == in_order(
        failed=["health"], not_run=STEPS[1:]
    )


def test_an_endpoint_that_lets_everybody_in_is_no_success(plane: DataPlane, tmp_path: Path) -> None:
    port = free_port()
    nginx = {
        "AUTH_MODE": "gateway",
        "GATEWAY_ACCESS": "none",
        "DIRECT_CLIENTS": "trusted",
        "MLFLOW_PORT": str(plane.mlflow_port),
        "NGINX_LISTEN": f"{LOOPBACK}:{port}",
    }
    with start_nginx(nginx, tmp_path) as process:
        process.wait_until(lambda: answers(port, "/elb-status"), seconds=PATIENCE_SECONDS)
        results = run(f"http://{LOOPBACK}:{port}", of(plane))
    assert outcomes(results) == in_order(failed=["refuses no credentials", "refuses wrong credentials"])
    assert "came status 200" in str(results["refuses wrong credentials"].failure)
    assert left(plane.url, of(plane).login) == []


def test_without_s3_the_artifact_fails_and_what_was_made_before_is_deleted(plane: DataPlane, tmp_path: Path) -> None:
    port = free_port()
    gone = {"AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{free_port()}", "AWS_MAX_ATTEMPTS": "1"}
    with running({**new_database(plane.database).environment, **gone}, tmp_path / "mlflow") as server:
        nginx = {
            "AUTH_MODE": "basic",
            "AUTH_USERNAME": plane.username,
            "AUTH_PASSWORD": plane.password,
            "MLFLOW_PORT": str(server.port),
            "NGINX_LISTEN": f"{LOOPBACK}:{port}",
        }
        (tmp_path / "nginx").mkdir()
        with start_nginx(nginx, tmp_path / "nginx") as process:
            process.wait_until(lambda: answers(port, "/elb-status"), seconds=PATIENCE_SECONDS)
            results = run(f"http://{LOOPBACK}:{port}", of(plane))
            assert left(f"http://{LOOPBACK}:{port}", of(plane).login) == []
    assert outcomes(results) == in_order(failed=["log a run"], not_run=["read it back", "register a model"])
    assert "S3" in str(results["log a run"].failure)
    assert results["delete it all"].detail.startswith("the model is gone")


def test_ctrl_c_deletes_even_what_was_made_without_an_answer(plane: DataPlane, tmp_path: Path) -> None:
    made, go_on = threading.Event(), threading.Event()

    class Slow(Proxy):
        def send(self, method: str, path: str, headers: Mapping[str, str], body: IO[bytes]) -> requests.Response:
            answer = super().send(method, path, headers, body)
            if path.endswith("/registered-models/create"):
                made.set()
                go_on.wait(PATIENCE_SECONDS)
            return answer

    target = Target("dev", plane.url, "basic", logins=of(plane))
    with (
        serving(Slow(target, PasswordIdentity(of(plane)))) as slow,
        Address(slow.url, plane.username, plane.password).written_to(tmp_path),
        Process(
            "smoke",
            [sys.executable, "-m", "client", "smoke", "--local", tmp_path],
            environment={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
            log=tmp_path / "log",
        ) as process,
    ):
        process.wait_until(made.is_set, seconds=PATIENCE_SECONDS)
        assert len(left(plane.url, of(plane).login)) == 2
        process.signal(signal.SIGINT)
        assert process.wait(seconds=PATIENCE_SECONDS) == 130
        assert "deleting what was made, smoke-" in process.output()
        assert left(plane.url, of(plane).login) == []
        go_on.set()


# --- The proxy --------------------------------------------------------------------------------------------------------


def test_a_browser_sees_the_ui_without_a_password(ui: Proxy, client: Client) -> None:
    logged = client("log_a_run", "proxied", uri=ui.url, MLFLOW_TRACKING_PASSWORD="none of yours")  # noqa: S106
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: run `make setup-test`"
    seen: list[Response] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("response", lambda answer: seen.append(answer))
        page.goto(f"{ui.url}/#/experiments/{logged['experiment_id']}/runs?workflowType=machine_learning")
        page.get_by_role("link", name="first").first.click()
        page.get_by_text(logged["run_id"]).first.wait_for()
        page.get_by_text("loss").first.wait_for()
        browser.close()
    refused = {f"{answer.status} {urlsplit(answer.url).path}" for answer in seen if answer.status >= 400}
    assert refused <= EXPECTED_REFUSALS
    assert any(answer.request.method == "POST" and answer.ok for answer in seen)  # those carry an Origin


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_other_pages_cannot_use_the_proxy(ui: Proxy, headers: dict[str, str]) -> None:
    def search(sent: dict[str, str]) -> Any:
        url = f"{ui.url}/api/2.0/mlflow/experiments/search"
        return requests.post(url, json={"max_results": 1}, headers=sent, timeout=30)

    assert search({"Origin": ui.url}).status_code == 200
    assert search(headers).status_code == 403
