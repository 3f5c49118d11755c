"""A deploy killed outright: the lock stays, what was under way is in AWS and not in the state, and both can be mended.

Terraform writes the state of a long apply every 20 seconds, so what was finished before that is known. No Terraform can
know what was under way at the moment of the kill: the next deploy names it, and ``terraform import`` takes it over.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from deployment.toolchain import terraform_environment
from tests.terraform.half_applied import STACK, HalfApplied, half_applied, kill

UNDER_WAY = {"aws_lb.load_balancer", "aws_rds_cluster_instance.database_writer"}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HalfApplied]:
    with half_applied(tmp_path_factory.mktemp("killed")) as account:
        yield account


@pytest.fixture(scope="module")
def refusal(account: HalfApplied) -> str:
    """What the deploy said that came after one was killed, with *UNDER_WAY* under way."""
    rds = account.emulator.client("rds")
    with account.deploying() as process:
        account.wait(process, lambda: "aws_rds_cluster.database" in account.state(), "the database was in the state")
        account.wait(process, lambda: bool(rds.describe_db_instances()["DBInstances"]), "its instance was begun")
        kill(process.pid)
    next_one = account.try_to("deploy", "--yes")
    assert next_one.returncode == 1
    return next_one.stderr


@pytest.fixture(scope="module")
def failure(account: HalfApplied, refusal: str) -> str:
    """What the deploy said that came after the lock was opened as the refusal says."""
    _, _, command, lock = shlex.split(refusal.splitlines()[-1])
    terraform(account, command, "-force", lock)
    next_one = account.try_to("deploy", "--yes")
    assert next_one.returncode == 1
    return next_one.stderr


@pytest.fixture(scope="module")
def converged(account: HalfApplied, failure: str) -> str:
    """What the deploy printed that came after what the failure names was imported."""
    assert failure
    terraform(account, "import", "aws_lb.load_balancer", *account.load_balancers())
    terraform(account, "import", "aws_rds_cluster_instance.database_writer", "mlflow-dev-database-writer")
    return account.run("deploy", "--yes")


def terraform(account: HalfApplied, *arguments: str) -> None:
    """Run Terraform in the stack's folder."""
    environment = account.emulator.environ(terraform_environment())
    done = subprocess.run(
        [environment["TERRAFORM_BINARY_NAME"], *arguments],
        cwd=account.project.folder / "cdktf.out" / "stacks" / STACK,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_next_deploy_is_refused_by_the_dead_lock(refusal: str) -> None:
    assert f"{STACK}: the state is locked by another run" in refusal
    assert "force-unlock" in refusal


def test_what_was_finished_is_in_the_state(account: HalfApplied, refusal: str) -> None:
    assert refusal
    assert {"aws_rds_cluster.database", "aws_s3_bucket.artifacts", "aws_kms_key.encryption_key"} <= set(account.state())


def test_deploy_after_force_unlock_names_what_was_under_way(account: HalfApplied, failure: str) -> None:
    assert "Traceback" not in failure
    assert set(re.findall(r"^  (aws_\w+\.\w+): .*already exists", failure, flags=re.MULTILINE)) == UNDER_WAY
    assert account.locks() == []


def test_deploy_converges_once_that_is_imported(account: HalfApplied, converged: str) -> None:
    assert "https://" in converged
    assert account.terraform().plan().is_empty


@pytest.mark.usefixtures("converged")
def test_orphans_only_what_costs_nothing(account: HalfApplied) -> None:
    # A task definition made between the state's last writing and the kill: the next deploy makes another revision.
    assert {(item.service, item.collection) for item in account.orphans()} <= {("ecs", "task_definitions")}
