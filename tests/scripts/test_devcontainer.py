"""The development container has what the project asks for, and no secrets."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from deployment.toolchain import MINIMUM
from tests.scripts.machine import ROOT


@pytest.fixture
def container() -> dict[str, Any]:
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_python_is_the_one_that_make_asks_for(container: dict[str, Any]) -> None:
    asked = re.search(r"version_info\[:2\] == \((\d+), (\d+)\)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert asked
    assert container["image"].startswith(f"mcr.microsoft.com/devcontainers/python:{asked[1]}.{asked[2]}-")


def test_terraform_is_one_that_the_project_takes(container: dict[str, Any]) -> None:
    version = container["features"]["ghcr.io/devcontainers/features/terraform:1"]["version"]
    assert tuple(map(int, version.split(".")))[:2] >= MINIMUM


def test_packages_come_from_the_one_list_of_the_tests(container: dict[str, Any]) -> None:
    # tests/programs.py installs as root only.
    assert container["postCreateCommand"] == "make setup-test"
    assert re.search(r"^setup-test:.*\n\t.* -m tests\.programs$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert container["containerUser"] == container["remoteUser"] == "root"
    assert [path.name for path in (ROOT / ".devcontainer").iterdir()] == ["devcontainer.json"]


def test_no_credentials_come_in(container: dict[str, Any]) -> None:
    known = {"name", "image", "features", "containerUser", "remoteUser", "privileged", "postCreateCommand"}
    assert container.keys() == known, (
        "mounts, runArgs and environment variables can carry credentials: is this one safe?"
    )
