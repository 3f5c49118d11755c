"""``python -m deployment``: what it asks, what it refuses, what it prints."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from deployment import __main__ as command
from deployment import preflight, toolchain
from errors import UserError
from tests.unit.fake_engine import FakeEngines

DEV = SimpleNamespace(
    environment="dev",
    protect_data=False,
    service=SimpleNamespace(architecture="x86_64"),
    images=SimpleNamespace(source="build", base_registry="mirror.example/library"),
    repository_name="mlflow-dev/{}".format,
)
ENDPOINT = f"https://{'x' * 100}.example.org"  # longer than a line of a log


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """One environment of one stack without a provider, in place of the real settings and stacks; AWS is in order."""

    def synthesise(environments: Sequence[Any], outdir: Path) -> None:
        assert [environment.environment for environment in environments] == ["dev"]
        folder = outdir / "stacks" / "dev-platform"
        folder.mkdir(parents=True, exist_ok=True)
        stack = {
            "terraform": {"backend": {"local": {"path": "terraform.tfstate"}}},
            "resource": {"terraform_data": {"it": {"input": ENDPOINT}}},
            "output": {
                "endpoint": {"value": "${terraform_data.it.output}"},
                "cross-stack-output-it": {"value": "${terraform_data.it.output}", "sensitive": True},
            },
        }
        (folder / "cdk.tf.json").write_text(json.dumps(stack))
        entry = {"name": folder.name, "dependencies": [], "workingDirectory": "stacks/dev-platform"}
        (outdir / "manifest.json").write_text(json.dumps({"stacks": {folder.name: entry}}))

    main, settings = ModuleType("main"), ModuleType("settings")
    main.__dict__["synthesise"] = synthesise
    settings.__dict__["load_selected"] = lambda _: (DEV,)
    monkeypatch.setitem(sys.modules, "main", main)
    monkeypatch.setitem(sys.modules, "settings", settings)
    monkeypatch.setattr(preflight, "check", lambda _: "123456789012")
    monkeypatch.setattr(preflight, "check_images", lambda _: None)
    monkeypatch.setattr(command, "OUTDIR", tmp_path)
    monkeypatch.delenv("APPROVE", raising=False)
    return tmp_path


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A terminal where these answers are given; then Ctrl-D."""

    def give(*given: str) -> None:
        left = iter(given)

        def answer(_: str) -> str:
            for line in left:
                return line
            raise EOFError

        monkeypatch.setattr("builtins.input", answer)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))

    return give


def test_deploys_shows_the_outputs_and_destroys(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["deploy", "--yes"])
    shown = capsys.readouterr().out
    for part in (
        "# terraform_data.it will be created",
        "1 added",
        "endpoint",
        ENDPOINT,
        "deployed in 0:0",
    ):
        assert part in shown
    assert "cross-stack-output" not in shown.rsplit("1 added", 1)[1]  # only stacks read it

    command.main(["plan"])
    assert "dev-platform: no changes" in capsys.readouterr().out

    command.main(["output", "--json"])
    assert json.loads(capsys.readouterr().out) == {"dev-platform": {"endpoint": ENDPOINT}}

    command.main(["destroy", "--yes"])
    assert "1 destroyed" in capsys.readouterr().out
    command.main(["output"])
    assert "nothing is deployed" in capsys.readouterr().out
    assert project.is_dir()


def test_approve_in_the_environment_means_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APPROVE", "1")
    command.main(["deploy"])
    assert "1 added" in capsys.readouterr().out


@pytest.mark.parametrize("given", [("no",), ("",), ()])
def test_deploy_does_nothing_unless_told_yes(answers: Callable[..., None], given: tuple[str, ...]) -> None:
    answers(*given)
    with pytest.raises(UserError, match="dev-platform was not approved"):
        command.main(["deploy"])


def test_destroy_wants_the_environments_name(answers: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    answers("y", "prod")
    command.main(["deploy"])
    with pytest.raises(UserError, match="dev was not typed: nothing was destroyed"):
        command.main(["destroy"])
    answers("dev")
    command.main(["destroy"])
    assert "1 destroyed" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["deploy", "destroy", "bootstrap"])
def test_refuses_to_act_without_a_terminal_before_anything_else(name: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "deployment", name],
        cwd=toolchain.ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr == (
        f"error: {name} asks before it acts, and there is no terminal to ask on. "
        "Say yes beforehand with --yes or APPROVE=1.\n"
    )


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        command.main(["--help"])
    shown = capsys.readouterr().out
    for name in ("synth", "bootstrap", "plan", "deploy", "destroy", "output", "ENV"):
        assert name in shown


def test_only_a_deployment_needs_a_container_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise UserError("no engine")

    monkeypatch.setattr(preflight, "check_images", refuse)
    with pytest.raises(UserError, match="no engine"):
        command.main(["deploy", "--yes"])
    for harmless in (["plan"], ["output"], ["destroy", "--yes"]):
        command.main(harmless)


def test_builds_both_images_without_pushing_and_prints_their_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engines = FakeEngines(tmp_path)
    monkeypatch.setenv("CONTAINER_ENGINE", str(engines.install("docker")))
    command.main(["images"])
    images = [f"mlflow-dev/{build.name}:{build.tag()}" for build in preflight.builds(DEV)]  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines()[-2:] == images
    built = [arguments for _, arguments, _ in engines.calls if arguments[0] == "build"]
    assert [arguments[arguments.index("--tag") + 1] for arguments in built] == images
    assert all("linux/amd64" in arguments for arguments in built)
    assert engines.verbs == ["build", "build"]


def test_builds_nothing_that_comes_from_a_registry(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONTAINER_ENGINE", "no-such-engine")
    monkeypatch.setattr(DEV, "images", SimpleNamespace(source="registry"))
    command.main(["images"])
    assert capsys.readouterr().out == 'dev: images.source = "registry": there is nothing to build.\n'


def test_refuses_to_destroy_what_the_settings_protect(monkeypatch: pytest.MonkeyPatch) -> None:
    protected = SimpleNamespace(environment="prod", protect_data=True)
    monkeypatch.setattr(sys.modules["settings"], "load_selected", lambda _: (protected,))
    with pytest.raises(UserError, match=r"environments/prod\.tfvars: protect_data = true.*nothing was destroyed"):
        command.main(["destroy", "--yes"])


def test_refuses_to_destroy_what_aws_still_protects(project: Path) -> None:
    command.main(["deploy", "--yes"])
    state = project / "stacks" / "dev-platform" / "terraform.tfstate"
    content = json.loads(state.read_text())
    content["resources"][0]["instances"][0]["attributes"]["deletion_protection"] = True
    state.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"dev-platform: terraform_data\.it: AWS still protects this"):
        command.main(["destroy", "--yes"])


def test_looks_into_buckets_that_terraform_does_not_empty_before_it_destroys(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.main(["deploy", "--yes"])
    state = project / "stacks" / "dev-platform" / "terraform.tfstate"
    content = json.loads(state.read_text())
    (resource,) = content["resources"]
    for name, force_destroy in (("kept", False), ("emptied", True)):
        attributes = {"bucket": name, "force_destroy": force_destroy}
        bucket = {**resource, "type": "aws_s3_bucket", "name": name}
        content["resources"].append({**bucket, "instances": [{"schema_version": 0, "attributes": attributes}]})
    placed = {**resource, "type": "aws_s3_object", "name": "files"}
    content["resources"].append({**placed, "instances": [{"schema_version": 0, "attributes": {"key": "notebook/a"}}]})
    state.write_text(json.dumps(content))
    asked: list[tuple[str, frozenset[str]]] = []

    def refuse(_settings: object, bucket: str, *, but: frozenset[str]) -> None:
        asked.append((bucket, but))
        raise UserError("it is not empty")

    monkeypatch.setattr(preflight, "check_is_empty", refuse)
    with pytest.raises(UserError, match="it is not empty"):
        command.main(["destroy", "--yes"])
    assert asked == [("kept", frozenset({"notebook/a"}))]
