"""The real cdktf CLI over the same stacks, for those who deploy with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deployment.toolchain import ROOT, terraform_environment
from images.context import NAMES
from rehearsal.inventory import Item, leftovers
from settings import Settings
from tests.terraform.live import Live, live
from tests.terraform.project import Project

CDKTF = ROOT / "node_modules" / ".bin" / "cdktf"
STACKS = ["dev-mlflow-vpclink", "dev-http-api-gateway", "dev-sagemaker-notebook"]
LIMIT_SECONDS = 540


class Cli:
    """The cdktf CLI in a copy of the project, with a state backend to deploy to."""

    def __init__(self, dev: Live, project: Project) -> None:
        self.emulator = dev.emulator
        self.project = project
        self.before = dev.emulator.inventory()

    def run(self, *arguments: str) -> str:
        """Run a command and return what it printed; fails if the command does."""
        assert CDKTF.is_file(), f"{CDKTF} is missing: run `make setup-test`"
        environment = terraform_environment()
        # cdktf.json says python3: this very Python.
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
        # Whoever deploys with cdktf has not set these: Terraform finds the project and its Python without.
        for name in ("PROJECT_ROOT", "PROJECT_PYTHON"):
            del environment[name]
        environment |= {"ENV": "dev", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [CDKTF, *arguments, "--no-color"],
            cwd=self.project.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def cli(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """The CLI after ``make bootstrap``."""
    folder = tmp_path_factory.mktemp("cdktf")
    with live(environments["dev"], folder) as dev:
        dev.rehearsal.bootstrap()
        yield Cli(dev, Project(folder / "project"))


@pytest.fixture(scope="module")
def deployed(cli: Cli) -> str:
    """What ``cdktf deploy '*'`` printed."""
    return cli.run("deploy", "*", "--auto-approve", "--skip-provider-lock")


@pytest.fixture(scope="module")
def destroyed(cli: Cli, deployed: str) -> frozenset[Item]:
    """What is in the account after ``cdktf destroy '*'``."""
    assert deployed
    cli.run("destroy", "*", "--auto-approve", "--skip-provider-lock")
    return cli.emulator.inventory()


def test_synth_writes_every_stack(cli: Cli) -> None:
    cli.run("synth")
    manifest = json.loads((cli.project.folder / "cdktf.out" / "manifest.json").read_text())
    assert set(manifest["stacks"]) == set(STACKS)
    assert all((cli.project.folder / "cdktf.out" / "stacks" / name / "cdk.tf.json").is_file() for name in STACKS)


def test_deploy_applies_every_stack_in_one_command(cli: Cli, deployed: str) -> None:
    assert "endpoint = https://" in deployed
    s3 = cli.emulator.client("s3").list_objects_v2(Bucket="mlflow-dev-tfstate", Prefix="mlflow/dev/")
    assert {entry["Key"] for entry in s3["Contents"]} >= {
        f"mlflow/dev/{name.removeprefix('dev-')}.tfstate" for name in STACKS
    }
    assert cli.emulator.unsupported == []


@pytest.mark.usefixtures("deployed")
def test_deploy_publishes_both_images(cli: Cli) -> None:
    ecr = cli.emulator.client("ecr")
    assert [len(ecr.list_images(repositoryName=f"mlflow-dev/{name}")["imageIds"]) for name in NAMES] == [1, 1]


@pytest.mark.usefixtures("deployed")
def test_diff_after_deploy_finds_no_changes(cli: Cli) -> None:
    # Of the stack that reads another one's state.
    diff = cli.run("diff", "dev-http-api-gateway", "--skip-provider-lock")
    assert "No changes. Your infrastructure matches the configuration." in diff


@pytest.mark.usefixtures("deployed")
def test_output_shows_the_endpoint(cli: Cli) -> None:
    file = cli.project.folder / "outputs.json"
    cli.run("output", "*", "--skip-provider-lock", "--outputs-file", str(file))
    outputs = json.loads(file.read_text())
    assert outputs["dev-http-api-gateway"]["endpoint"].startswith("https://")
    assert outputs["dev-mlflow-vpclink"]["cluster_name"] == "mlflow-dev"


def test_destroy_leaves_only_what_aws_keeps(cli: Cli, destroyed: frozenset[Item]) -> None:
    assert leftovers(cli.before, destroyed) == []
