"""The stand-in for docker, spoken to by the code that speaks to docker."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from errors import UserError
from images import context
from images.context import Build
from images.engine import Engine
from rehearsal.container_engine import COMMAND
from rehearsal.emulator import Emulator

IMAGE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/mlflow-dev/nginx:"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        running.client("ecr").create_repository(repositoryName="mlflow-dev/nginx", imageTagMutability="IMMUTABLE")
        yield running


@pytest.fixture
def engine(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    return Engine(shlex.split(COMMAND))


def ignore(_line: str) -> None:
    """Whatever it says."""


def test_it_is_ready_and_keeps_no_image(engine: Engine) -> None:
    engine.check()
    assert not engine.has(f"{IMAGE}1")


def test_it_takes_a_password_and_refuses_none(engine: Engine) -> None:
    engine.log_in("registry.example", "AWS", "any")
    with pytest.raises(UserError, match="no password on standard input"):
        engine.log_in("registry.example", "AWS", "")


def test_it_builds_nothing_of_a_context_with_a_dockerfile(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "FOLDER", tmp_path)
    (tmp_path / "nginx").mkdir()
    with pytest.raises(UserError, match="no Dockerfile"):
        engine.build(Build("nginx", "arm64"), f"{IMAGE}1", ignore)
    (tmp_path / "nginx" / "Dockerfile").touch()
    engine.build(Build("nginx", "arm64"), f"{IMAGE}1", ignore)


def test_what_it_pushes_is_in_the_repository_under_its_tag(emulator: Emulator, engine: Engine) -> None:
    for tag in ("1", "2"):
        engine.push(f"{IMAGE}{tag}", ignore)
    images = emulator.client("ecr").describe_images(repositoryName="mlflow-dev/nginx")["imageDetails"]
    assert {tuple(image["imageTags"]) for image in images} == {("1",), ("2",)}
    assert len({image["imageDigest"] for image in images}) == 2


def test_a_tag_that_is_there_is_not_pushed_again(emulator: Emulator, engine: Engine) -> None:
    engine.push(f"{IMAGE}3", ignore)
    with pytest.raises(UserError, match="push failed"):
        engine.push(f"{IMAGE}3", ignore)
    with pytest.raises(ClientError, match="already exists"):
        emulator.client("ecr").put_image(
            repositoryName="mlflow-dev/nginx",
            imageTag="3",
            imageManifest='{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}',
        )
