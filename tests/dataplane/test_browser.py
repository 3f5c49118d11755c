"""The UI in a real browser, by a host name as the gateway has one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, Page, Response, sync_playwright

from dataplane.plane import DataPlane
from deployment.toolchain import CACHE
from tests.dataplane.conftest import Client

HOST = "mlflow.example.com"
SCREENSHOTS = CACHE / "screenshots"
PATIENCE_MS = 60_000
TWO_PAGES_MB = 4.0  # more than 8 without gzip, about 2.5 with it
EXPECTED_REFUSALS = {
    "403 /ajax-api/3.0/mlflow/assistant/config",  # nginx closes the assistant
    "403 /ajax-api/3.0/mlflow/assistant/providers",
    "404 /ajax-api/2.0/mlflow/users/current",  # MLflow has no accounts of its own here
}


@pytest.fixture(scope="module")
def logged(client: Client) -> Any:
    return client("log_a_run", "browsed")


@pytest.fixture(scope="module")
def page(plane: DataPlane) -> Iterator[Page]:
    """A page of a browser that finds the host name on loopback and knows the password."""
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: run `make setup-test`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
        )
        credentials: Any = {"username": plane.username, "password": plane.password}
        page = browser.new_page(
            base_url=f"http://{HOST}:{plane.port}",
            http_credentials=credentials,
            viewport={"width": 1280, "height": 800},
        )
        page.set_default_timeout(PATIENCE_MS)
        yield page
        browser.close()


def _picture(page: Page, name: str) -> None:
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def test_an_experiment_and_a_run_are_opened_and_nothing_is_refused(page: Page, logged: Any) -> None:
    answers: list[Response] = []
    received: list[int] = []
    page.on("response", lambda answer: answers.append(answer))
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))

    page.goto("/#/experiments")
    page.get_by_role("link", name="browsed").wait_for()
    page.goto(f"/#/experiments/{logged['experiment_id']}/runs?workflowType=machine_learning")
    page.get_by_role("link", name="first").first.wait_for()
    _picture(page, "experiment")
    page.get_by_role("link", name="first").first.click()
    page.get_by_text(logged["run_id"]).first.wait_for()
    page.get_by_text("loss").first.wait_for()
    _picture(page, "run")

    refused = {f"{answer.status} {urlsplit(answer.url).path}" for answer in answers if answer.status >= 400}
    assert refused <= EXPECTED_REFUSALS
    assert any(answer.request.method == "POST" and answer.ok for answer in answers)  # those carry an Origin
    assert 0 < sum(received) < TWO_PAGES_MB * 1e6


def test_an_artifact_is_shown(page: Page, logged: Any) -> None:
    page.goto(f"/#/experiments/{logged['experiment_id']}/runs/{logged['run_id']}/artifacts")
    page.get_by_text("config.json").first.click()
    page.get_by_text(re.compile(r'"a"')).first.wait_for()
    _picture(page, "artifact")


def test_a_browser_without_the_password_sees_nothing(page: Page, plane: DataPlane) -> None:
    browser = page.context.browser
    assert browser is not None
    stranger = browser.new_page()
    with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):  # the prompt, which nobody answers here
        stranger.goto(f"http://{HOST}:{plane.port}/")
    stranger.close()
