"""The same packages in the notebook, in the job and in the tests."""

from __future__ import annotations

import tomllib

import pytest

from deployment.toolchain import ROOT


def pins(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


LAB = {
    name: version.removeprefix("==") for name, version in tomllib.loads((ROOT / "Pipfile").read_text())["lab"].items()
}


@pytest.mark.parametrize("file", ["lab/requirements.txt", "notebook/requirements.txt"])
def test_what_is_pinned_twice_is_pinned_alike(file: str) -> None:
    pinned = pins(file)
    shared = pinned.keys() & LAB.keys()
    assert "scikit-learn" in shared
    assert {name: pinned[name] for name in shared} == {name: LAB[name] for name in shared}


def test_the_job_logs_with_the_client_of_the_servers_version() -> None:
    server = tomllib.loads((ROOT / "Pipfile").read_text())["mlflow"]["mlflow"]
    assert server == f"=={pins('lab/requirements.txt')['mlflow-skinny']}" == f"=={LAB['mlflow']}"
