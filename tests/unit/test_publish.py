"""An image is built and pushed once: against the emulator's ECR, with an engine that only notes what it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from errors import UserError
from images import context
from images.context import Build
from images.publish import main
from rehearsal.container_engine import _manifest
from rehearsal.emulator import Emulator
from tests.unit.fake_engine import FakeEngines

REPOSITORY = "mlflow-dev/nginx"
REGISTRY = "123456789012.dkr.ecr.us-west-2.amazonaws.com"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture(autouse=True)
def repository(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty repository in an account that this shell's credentials are for."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    ecr = emulator.client("ecr")
    ecr.create_repository(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    yield
    ecr.delete_repository(repositoryName=REPOSITORY, force=True)


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngines:
    engines = FakeEngines(tmp_path)
    monkeypatch.setenv("CONTAINER_ENGINE", str(engines.install("docker")))
    return engines


@pytest.fixture(autouse=True)
def build(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Build:
    folder = tmp_path_factory.mktemp("images")
    (folder / "nginx").mkdir()
    (folder / "nginx" / "Dockerfile").write_text("FROM nginx:1\n")
    monkeypatch.setattr(context, "FOLDER", folder)
    return Build("nginx", "arm64")


def publish(**changes: str) -> None:
    options = {"repository": f"{REGISTRY}/{REPOSITORY}", "region": "us-west-2", "architecture": "arm64", **changes}
    main(["nginx", *(word for name, value in options.items() for word in (f"--{name}", value))])


def put(emulator: Emulator, tag: str) -> None:
    image = f"{REGISTRY}/{REPOSITORY}:{tag}"
    emulator.client("ecr").put_image(repositoryName=REPOSITORY, imageTag=tag, imageManifest=_manifest(image))


def test_builds_and_pushes_what_is_not_there(
    build: Build, engines: FakeEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    engines.answer("build", says="step 1 of 1")
    publish(tag=build.tag())
    image = f"{REGISTRY}/{REPOSITORY}:{build.tag()}"
    assert engines.verbs == ["login", "build", "push"]
    (_, login, password), (_, pushed, _) = engines.calls[1], engines.calls[-1]
    assert (login[-1], pushed) == (REGISTRY, ["push", image])
    assert password
    assert password not in capsys.readouterr().out


def test_tells_what_it_does_and_how_long_it_took(
    build: Build, engines: FakeEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    engines.answer("build", says="step 1 of 1")
    engines.answer("push", says="layer 1 of 1")
    publish()
    image = re.escape(f"{REGISTRY}/{REPOSITORY}:{build.tag()}")
    assert re.fullmatch(
        rf"nginx: docker builds {image} for linux/arm64\nstep 1 of 1\nnginx: built in \d+ s\n"
        rf"layer 1 of 1\nnginx: pushed {image} in \d+ s\n",
        capsys.readouterr().out,
    )


def test_does_nothing_when_the_tag_is_there_and_needs_no_engine(
    build: Build, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONTAINER_ENGINE", "no-such-engine")
    put(emulator, build.tag())
    publish(tag=build.tag())
    assert "is there already; nothing to do" in capsys.readouterr().out


def test_what_was_built_before_is_only_pushed(engines: FakeEngines, capsys: pytest.CaptureFixture[str]) -> None:
    engines.answer("image inspect", code=0)
    publish()
    assert engines.verbs == ["login", "push"]
    assert "is built already" in capsys.readouterr().out


def test_refuses_a_plan_that_is_older_than_the_context(build: Build, engines: FakeEngines) -> None:
    planned = build.tag()
    (build.context / "Dockerfile").write_text("FROM nginx:2\n")
    with pytest.raises(UserError) as refusal:
        publish(tag=planned)
    for part in ("images/nginx has changed since the plan was made", planned, build.tag(), "`make deploy`"):
        assert part in str(refusal.value)
    assert engines.calls == []


def test_a_tag_that_somebody_pushes_meanwhile_is_success(
    build: Build, emulator: Emulator, engines: FakeEngines, capsys: pytest.CaptureFixture[str]
) -> None:
    image = f"{REGISTRY}/{REPOSITORY}:{build.tag()}"
    request = json.dumps({"repositoryName": REPOSITORY, "imageTag": build.tag(), "imageManifest": _manifest(image)})
    # What docker prints on a repository whose tags never move.
    engines.answer(
        "push",
        code=1,
        says=f"tag invalid: The image tag '{build.tag()}' already exists and cannot be overwritten",
        runs="import os, urllib.request\n"
        f"urllib.request.urlopen(urllib.request.Request({emulator.url!r}, data={request!r}.encode(), headers={{\n"
        "'X-Amz-Target': 'AmazonEC2ContainerRegistry_V20150921.PutImage',\n"
        "'Content-Type': 'application/x-amz-json-1.1', 'Authorization':\n"
        "'AWS4-HMAC-SHA256 Credential=A/20260101/us-west-2/ecr/aws4_request, SignedHeaders=host, Signature=0'}))",
    )
    publish(tag=build.tag())
    assert "another run has pushed" in capsys.readouterr().out


@pytest.mark.parametrize(("verb", "after"), [("login", []), ("build", ["login"]), ("push", ["login", "build"])])
def test_what_the_engine_cannot_do_ends_it_with_the_engines_last_lines(
    engines: FakeEngines, verb: str, after: list[str]
) -> None:
    engines.answer(verb, code=1, says="first\nno space left on device")
    with pytest.raises(UserError, match=rf"docker {verb} failed \(exit code 1\):\n  first\n  no space left"):
        publish()
    assert engines.verbs == [*after, verb]


def test_refuses_an_engine_that_does_not_run_before_it_asks_for_a_password(engines: FakeEngines) -> None:
    engines.answer("version", code=1, says="Is the docker daemon running?")
    with pytest.raises(UserError, match="docker does not run"):
        publish()
    assert engines.verbs == []


def test_refuses_a_repository_that_is_not_there(engines: FakeEngines) -> None:
    with pytest.raises(UserError, match=r"no ECR repository elsewhere/nginx: `make deploy` makes it"):
        publish(repository=f"{REGISTRY}/elsewhere/nginx")
    assert engines.calls == []


def test_refuses_to_go_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    with pytest.raises(UserError, match="Unable to locate credentials"):
        publish()


def test_refuses_a_name_that_is_no_image(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["apache", "--repository", "x/y", "--region", "us-west-2", "--architecture", "arm64"])
    assert "nginx" in capsys.readouterr().err
