"""User names and passwords, or passwords as tokens, checked by our Lambda function that the gateway asks."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from typing import Any

import pytest
import requests
from playwright.sync_api import Error, sync_playwright
from requests.auth import AuthBase, HTTPBasicAuth

from constructs_lib.authorizer_handler import PAUSE_SECONDS
from dataplane.plane import DataPlane
from tests.dataplane.access_claims import SEARCH, AccessCheckedByTheGateway, status
from tests.dataplane.conftest import API_HOST, Client
from tests.dataplane.gateway import Gateway, Surroundings, gateway
from tests.dataplane.lambda_function import Function
from tests.dataplane.passwords import password_of
from tests.dataplane.stacks import Stacks

CACHE_SECONDS = 120
PATIENCE_MS = 60_000


_NOW = time.time  # the function is started with the clock below in its place


class Clock:
    """The gateway's and the function's; a test moves it on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return _NOW() + self.ahead


class Secret:
    """MLflow's secret in Secrets Manager, and the function that reads it."""

    def __init__(self, plane: DataPlane, stacks: Stacks, clock: Clock) -> None:
        self._plane = plane
        self._manager = plane.objects.emulator.client("secretsmanager")
        self.arn = self._manager.create_secret(Name="mlflow-credentials", SecretString=self._text(plane.password))[
            "ARN"
        ]
        [(self.address, block)] = stacks.api.functions.items()
        known = {"SECRET_ARN": self.arn}
        self.function = Function.of(block, stacks.folder, aws=plane.objects.environment, known=known, clock=clock)

    def put(self, password: str) -> None:
        """Rotate it."""
        self._manager.put_secret_value(SecretId=self.arn, SecretString=self._text(password))

    def _text(self, password: str) -> str:
        return json.dumps({"username": self._plane.username, "password": password})


@pytest.fixture(scope="module")
def access() -> Mapping[str, Any]:
    return {"type": "lambda", "users": ("alice",), "cache_seconds": CACHE_SECONDS}


@pytest.fixture(scope="module")
def nginx(stacks: Stacks) -> Mapping[str, str]:
    return stacks.nginx


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def secret(plane: DataPlane, stacks: Stacks, clock: Clock) -> Secret:
    return Secret(plane, stacks, clock)


@pytest.fixture(scope="module")
def surroundings(secret: Secret, clock: Clock) -> Surroundings:
    return Surroundings(functions={secret.address: secret.function}, clock=clock)


@pytest.fixture(scope="module")
def credentials(plane: DataPlane) -> Mapping[str, str]:
    return {"MLFLOW_TRACKING_USERNAME": plane.username, "MLFLOW_TRACKING_PASSWORD": plane.password}


@pytest.fixture(scope="module")
def auth(plane: DataPlane) -> AuthBase:
    return HTTPBasicAuth("alice", password_of("alice", plane.password))


class TestAccess(AccessCheckedByTheGateway):
    """See the base classes."""


@pytest.fixture
def asked(secret: Secret) -> list[dict[str, Any]]:
    """The events that the function gets from now on."""
    secret.function.events.clear()
    return secret.function.events


def test_a_second_user_has_a_password_of_its_own(user: Client, plane: DataPlane) -> None:
    login = {"MLFLOW_TRACKING_USERNAME": "alice", "MLFLOW_TRACKING_PASSWORD": password_of("alice", plane.password)}
    assert user("refusal", "by-alice", **login) == {"refused": ""}


def test_a_password_alone_is_a_token(user: Client, plane: DataPlane) -> None:
    for password in (plane.password, password_of("alice", plane.password)):
        assert user("refusal", "by-a-token", MLFLOW_TRACKING_TOKEN=password) == {"refused": ""}


@pytest.mark.parametrize(
    ("name", "password"), [("mlflow", "wrong"), ("alice", "wrong"), ("mlflow", ""), ("eve", "wrong"), ("", "")]
)
def test_refuses_a_wrong_password_and_an_unknown_user(api: Gateway, name: str, password: str) -> None:
    assert status(api, HTTPBasicAuth(name, password)) == 403


def test_refuses_the_password_of_somebody_else(api: Gateway, plane: DataPlane) -> None:
    assert status(api, HTTPBasicAuth("alice", plane.password)) == 403
    assert status(api, HTTPBasicAuth("mlflow", password_of("alice", plane.password))) == 403
    assert status(api, HTTPBasicAuth("bob", password_of("bob", plane.password))) == 403  # not one of the users


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Bearer", "Bearer x", "Digest x", "x", "Basic bWxmbG93"])
def test_refuses_what_is_neither(api: Gateway, header: str) -> None:
    assert status(api, Authorization=header) == 403


@pytest.mark.parametrize("path", [SEARCH, "/ui", "/health", "/static-files/index.js"])
def test_a_request_without_credentials_gets_401_and_the_function_is_not_asked(
    api: Gateway, asked: list[dict[str, Any]], path: str
) -> None:
    answer = requests.get(f"{api.url}{path}", timeout=60)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert "WWW-Authenticate" not in answer.headers
    assert asked == []


def test_the_function_is_asked_once_in_the_time_of_the_cache(
    api: Gateway, plane: DataPlane, clock: Clock, asked: list[dict[str, Any]]
) -> None:
    clock.ahead += CACHE_SECONDS
    auth = HTTPBasicAuth(plane.username, plane.password)
    assert [status(api, auth) for _ in range(3)] == [200, 200, 200]
    assert len(asked) == 1
    clock.ahead += CACHE_SECONDS
    assert status(api, auth) == 200
    assert len(asked) == 2


def test_a_function_that_cannot_read_the_secret_lets_nobody_in(
    plane: DataPlane, stacks: Stacks, secret: Secret
) -> None:
    [block] = stacks.api.functions.values()
    known = {"SECRET_ARN": f"{secret.arn}-not-there"}
    broken = Function.of(block, stacks.folder, aws=plane.objects.environment, known=known)
    around = Surroundings(functions={secret.address: broken})
    with gateway(stacks.api, plane.url, host=API_HOST, surroundings=around) as api:
        login = HTTPBasicAuth(plane.username, plane.password)
        assert status(api, login) in (403, 500)
        assert status(api, login, path="/") == 503  # and no prompt for another password


# --- a browser ---


def test_the_first_page_asks_for_a_password(api: Gateway) -> None:
    for auth in (None, HTTPBasicAuth("mlflow", "wrong")):
        answer = requests.get(f"{api.url}/", auth=auth, timeout=60)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith('Basic realm="MLflow"')
        assert answer.headers["Cache-Control"] == "no-store"


def test_the_right_password_leads_to_the_ui(api: Gateway, plane: DataPlane) -> None:
    auth = HTTPBasicAuth(plane.username, plane.password)
    answer = requests.get(f"{api.url}/", auth=auth, timeout=60, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/ui")
    assert '<div id="root"' in requests.get(f"{api.url}/", auth=auth, timeout=60).text


def test_only_the_first_page_is_answered_without_the_authorizer(api: Gateway, stacks: Stacks) -> None:
    assert [route.key for route in stacks.api.routes if route.authorization != "CUSTOM"] == ["GET /"]
    assert requests.post(f"{api.url}/", timeout=60).status_code == 401


def test_a_browser_is_asked_for_the_password_and_then_shows_the_experiments(
    api: Gateway, plane: DataPlane, user: Client, credentials: Mapping[str, str]
) -> None:
    assert user("refusal", "browsed", **credentials) == {"refused": ""}  # makes the experiment
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: run `make setup-test`"
    login: Any = {"username": plane.username, "password": plane.password}
    with sync_playwright() as playwright:
        resolve = f"--host-resolver-rules=MAP {API_HOST} 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", resolve])
        base_url = f"http://{API_HOST}:{api.url.rpartition(':')[2]}"

        stranger = browser.new_page(base_url=base_url)
        with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):  # the prompt, which nobody answers here
            stranger.goto("/")

        page = browser.new_page(base_url=base_url, http_credentials=login)
        page.set_default_timeout(PATIENCE_MS)
        refused: list[str] = []
        page.on("response", lambda answer: refused.append(answer.url) if answer.status in (401, 403) else None)
        page.goto("/")
        assert page.url.startswith(f"{base_url}/ui")
        page.goto("/ui#/experiments")
        page.get_by_role("link", name="browsed").wait_for()
        browser.close()
    assert [url for url in refused if "/assistant/" not in url] == []


# --- rotation: last, since it changes the password ---


def test_a_rotated_password_works_within_seconds_and_the_old_one_for_the_time_of_the_cache(
    api: Gateway, plane: DataPlane, secret: Secret, clock: Clock
) -> None:
    old = [HTTPBasicAuth("mlflow", plane.password), HTTPBasicAuth("alice", password_of("alice", plane.password))]
    assert [status(api, auth) for auth in old] == [200, 200]
    secret.put("rotated")
    clock.ahead += PAUSE_SECONDS
    new = [HTTPBasicAuth("mlflow", "rotated"), HTTPBasicAuth("alice", password_of("alice", "rotated"))]
    assert [status(api, auth) for auth in new] == [200, 200]
    assert [status(api, auth) for auth in old] == [200, 200]  # the gateway remembers
    clock.ahead += CACHE_SECONDS
    assert [status(api, auth) for auth in old] == [403, 403]
