"""An endpoint that is open to anybody who may reach it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dataplane.plane import DataPlane
from tests.dataplane.access_claims import AccessCheckedByTheGateway, status
from tests.dataplane.conftest import API_HOST, Client
from tests.dataplane.gateway import gateway
from tests.dataplane.stacks import Stacks


@pytest.fixture(scope="module")
def access() -> Mapping[str, Any]:
    return {"type": "none", "i_know_this_is_public": True}


@pytest.fixture(scope="module")
def nginx(stacks: Stacks) -> Mapping[str, str]:
    return stacks.nginx


@pytest.fixture(scope="module")
def credentials() -> Mapping[str, str]:
    return {}


@pytest.fixture(scope="module")
def auth() -> None:
    return None


class TestAccess(AccessCheckedByTheGateway):
    """See the base classes."""


def test_credentials_that_nobody_asks_for_do_no_harm(user: Client) -> None:
    assert user("refusal", "with-a-token", MLFLOW_TRACKING_TOKEN="left over") == {"refused": ""}  # noqa: S106


@pytest.mark.parametrize(("address", "expected"), [("2001:db8::7", 200), ("2001:db9::7", 403)])
def test_networks_may_be_of_ipv6(plane: DataPlane, stacks: Stacks, address: str, expected: int) -> None:
    with gateway(stacks.api, plane.url, host=API_HOST, source_ip=address) as api:
        assert status(api) == expected
