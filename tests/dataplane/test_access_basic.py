"""User names and passwords, checked by nginx behind the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import requests
from requests.auth import AuthBase, HTTPBasicAuth

from dataplane.plane import DataPlane
from tests.dataplane.access_claims import SEARCH, EveryAccess
from tests.dataplane.conftest import Client
from tests.dataplane.gateway import Gateway
from tests.dataplane.passwords import password_of
from tests.dataplane.stacks import Stacks


@pytest.fixture(scope="module")
def access() -> Mapping[str, Any]:
    return {"type": "basic", "users": ("alice", "bob@example.com")}


@pytest.fixture(scope="module")
def nginx(stacks: Stacks) -> Mapping[str, str]:
    return stacks.nginx


@pytest.fixture(scope="module")
def credentials(plane: DataPlane) -> Mapping[str, str]:
    return {"MLFLOW_TRACKING_USERNAME": plane.username, "MLFLOW_TRACKING_PASSWORD": plane.password}


@pytest.fixture(scope="module")
def auth(plane: DataPlane) -> AuthBase:
    return HTTPBasicAuth("alice", password_of("alice", plane.password))


class TestAccess(EveryAccess):
    """See the base class."""


@pytest.mark.parametrize("name", ["alice", "bob@example.com"])
def test_every_further_user_has_a_password_of_its_own(user: Client, plane: DataPlane, name: str) -> None:
    own = password_of(name, plane.password)
    login = {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": own}
    assert user("refusal", f"by-{name}", **login) == {"refused": ""}


@pytest.mark.parametrize(
    ("name", "of"), [("alice", "mlflow"), ("alice", "bob@example.com"), ("mlflow", "alice"), ("eve", "eve")]
)
def test_refuses_the_password_of_somebody_else(api: Gateway, plane: DataPlane, name: str, of: str) -> None:
    password = plane.password if of == "mlflow" else password_of(of, plane.password)
    answer = requests.get(f"{api.url}{SEARCH}", auth=(name, password), timeout=60)
    assert answer.status_code == 401


def test_a_request_without_a_password_is_asked_for_one(api: Gateway) -> None:
    answer = requests.get(f"{api.url}/", timeout=60)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_nobody_gets_past_the_gateway_without_a_password(plane: DataPlane) -> None:
    for headers in ({}, {"X-Gateway-Access": "basic"}, {"X-Gateway-Access": "none"}):
        assert requests.get(f"{plane.url}{SEARCH}", headers=headers, timeout=60).status_code == 401
