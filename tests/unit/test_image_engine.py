"""Which container engine is found, how each is spoken to, and what is said when none can work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from errors import UserError
from images.context import Build
from images.engine import Engine, find_engine
from tests.unit.fake_engine import FakeEngines

ENGINES = ("docker", "podman", "finch", "buildah")
ARM, INTEL = Build("nginx", "arm64"), Build("mlflow", "x86_64", "mirror.example/library")
IMAGE = "012345678901.dkr.ecr.us-west-2.amazonaws.com/mlflow-dev/nginx:0123456789abcdef"


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngines:
    """The only programs on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CONTAINER_ENGINE", raising=False)
    return FakeEngines(tmp_path)


def ignore(_line: str) -> None:
    """Whatever it says."""


# --- which one ---


def test_the_first_of_the_four_on_path_is_taken(engines: FakeEngines) -> None:
    for name in reversed(ENGINES):
        engines.install(name)
        assert find_engine().name == name


def test_the_named_one_is_taken_before_those_on_path(engines: FakeEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    engines.install("docker")
    monkeypatch.setenv("CONTAINER_ENGINE", str(engines.install("podman")))
    assert find_engine().name == "podman"


def test_a_named_one_may_have_arguments_of_its_own(engines: FakeEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    engines.install("docker")
    monkeypatch.setenv("CONTAINER_ENGINE", "docker --context remote")
    find_engine().check()
    assert engines.calls == [("docker", ["--context", "remote", "version"], "")]


def test_a_named_one_that_is_unknown_is_spoken_to_like_docker(
    engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines.install("nerdctl")
    monkeypatch.setenv("CONTAINER_ENGINE", "nerdctl")
    find_engine().build(ARM, IMAGE, ignore)
    assert [arguments[0] for _, arguments, _ in engines.calls] == ["build"]


def test_refuses_to_build_without_any_engine(engines: FakeEngines) -> None:
    assert engines.calls == []
    with pytest.raises(UserError) as refusal:
        find_engine()
    message = str(refusal.value)
    assert message.startswith("a container engine is needed to build the images")
    assert "docker, podman, finch, buildah" in message
    assert "CONTAINER_ENGINE" in message
    assert 'images = { source = "registry", nginx = "...", mlflow = "..." }' in message


def test_refuses_a_named_engine_that_is_not_there(engines: FakeEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    engines.install("docker")
    monkeypatch.setenv("CONTAINER_ENGINE", "no-such-engine")
    with pytest.raises(UserError, match=r"CONTAINER_ENGINE is 'no-such-engine', but there is no program"):
        find_engine()


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("docker", "Start Docker Desktop"), ("podman", "podman machine start"), ("finch", "finch vm start")],
)
def test_refuses_an_engine_that_does_not_run_and_says_how_to_start_it(
    engines: FakeEngines, name: str, remedy: str
) -> None:
    engines.install(name)
    for command in ("version", "info"):
        engines.answer(command, code=1, says="Client: 29\nCannot connect to the daemon")
    with pytest.raises(UserError) as refusal:
        find_engine().check()
    message = str(refusal.value)
    assert message.startswith(f"the container engine {name} does not run: Cannot connect to the daemon\n")
    assert remedy in message
    assert "CONTAINER_ENGINE" in message
    assert 'source = "registry"' in message


# --- what each is told ---


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("docker", []),
        ("podman", ["--format", "docker"]),
        ("finch", []),
        ("buildah", ["--format", "docker", "--layers"]),
    ],
)
@pytest.mark.parametrize(
    ("build", "platform", "base"),
    [(ARM, "linux/arm64", "docker.io/library"), (INTEL, "linux/amd64", "mirror.example/library")],
    ids=["arm64", "x86_64"],
)
def test_each_builds_for_the_platform_with_the_base_registry(
    engines: FakeEngines, name: str, options: list[str], build: Build, platform: str, base: str
) -> None:
    engines.install(name)
    find_engine().build(build, IMAGE, ignore)
    [(_, arguments, _)] = engines.calls
    argument = f"BASE_REGISTRY={base}"
    assert arguments == [
        *("build", "--platform", platform, *options),
        *("--build-arg", argument, "--tag", IMAGE, str(build.context)),
    ]


@pytest.mark.parametrize("name", ENGINES)
def test_each_pushes_and_logs_in_with_the_password_on_standard_input(engines: FakeEngines, name: str) -> None:
    engines.install(name)
    engine = find_engine()
    engine.log_in("registry.example", "AWS", "the password")
    engine.push(IMAGE, ignore)
    assert engines.calls == [
        (name, ["login", "--username", "AWS", "--password-stdin", "registry.example"], "the password"),
        (name, ["push", IMAGE], ""),
    ]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("docker", ["image", "inspect"]),
        ("podman", ["image", "inspect"]),
        ("finch", ["image", "inspect"]),
        ("buildah", ["inspect", "--type", "image"]),
    ],
)
def test_each_is_asked_whether_an_image_is_there(engines: FakeEngines, name: str, command: list[str]) -> None:
    engines.install(name)
    assert not find_engine().has(IMAGE)
    engines.answer(" ".join(command[:2]), code=0)
    assert find_engine().has(IMAGE)
    assert [arguments for _, arguments, _ in engines.calls] == [[*command, IMAGE]] * 2


# --- what it says ---


@pytest.mark.parametrize(
    ("verb", "act"),
    [
        ("build", lambda engine: engine.build(ARM, IMAGE, ignore)),
        ("push", lambda engine: engine.push(IMAGE, ignore)),
        ("login", lambda engine: engine.log_in("registry.example", "AWS", "the password")),
    ],
)
def test_a_failure_is_told_with_the_last_lines(engines: FakeEngines, verb: str, act: Callable[[Engine], None]) -> None:
    engines.install("docker")
    engines.answer(verb, code=7, says="\n".join(f"line {number}" for number in range(1, 31)))
    with pytest.raises(UserError) as failure:
        act(find_engine())
    lines = str(failure.value).splitlines()
    assert lines[0] == f"docker {verb} failed (exit code 7):"
    assert [line.strip() for line in lines[1:]] == [f"line {number}" for number in range(11, 31)]
    assert "the password" not in str(failure.value)


def test_a_build_for_a_processor_that_this_machine_cannot_run_says_what_to_do(engines: FakeEngines) -> None:
    engines.install("docker")
    engines.answer("build", code=1, says="exec /bin/sh: exec format error")
    with pytest.raises(UserError, match=r"does not run programs of linux/arm64(.|\n)*service\.architecture"):
        find_engine().build(ARM, IMAGE, ignore)


def test_every_line_is_told_as_it_comes(engines: FakeEngines) -> None:
    engines.install("docker")
    engines.answer("push", says="layer 1\n\nlayer 2")
    told: list[str] = []
    find_engine().push(IMAGE, told.append)
    assert told == ["layer 1", "layer 2"]
