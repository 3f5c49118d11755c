"""Ctrl-C in the middle of a deploy: it ends cleanly, and the next one goes on from there."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.terraform.half_applied import HalfApplied, descendants, half_applied, processes
from tests.waiting import PATIENCE_SECONDS, eventually


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HalfApplied]:
    with half_applied(tmp_path_factory.mktemp("interrupted")) as account:
        yield account


@pytest.fixture(scope="module")
def exit_code(account: HalfApplied) -> int:
    """How a deploy ended that was interrupted while AWS was making the load balancer."""
    with account.deploying() as process:
        account.wait(process, lambda: bool(account.load_balancers()), "a load balancer was begun")
        started = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_SECONDS)
        eventually(lambda: not processes().keys() & set(started), "all that it had started has ended")
        return process.returncode


@pytest.fixture(scope="module")
def converged(account: HalfApplied, exit_code: int) -> str:
    """What the deploy after that printed."""
    assert exit_code
    return account.run("deploy", "--yes")


def test_ends_as_an_interrupted_program_and_says_so(account: HalfApplied, exit_code: int) -> None:
    printed = account.output.read_text()
    assert exit_code == 130
    assert "Stopping: Terraform finishes what is under way." in printed
    assert printed.endswith("interrupted\n")
    assert "Traceback" not in printed


@pytest.mark.usefixtures("exit_code")
def test_releases_the_lock(account: HalfApplied) -> None:
    assert account.locks() == []


@pytest.mark.usefixtures("exit_code")
def test_keeps_what_was_under_way_in_the_state(account: HalfApplied) -> None:
    assert "aws_lb.load_balancer" in account.state()


def test_next_deploy_converges(account: HalfApplied, converged: str) -> None:
    assert "https://" in converged
    assert account.terraform().plan().is_empty


def test_no_secret_is_printed(account: HalfApplied, converged: str) -> None:
    client = account.emulator.client("secretsmanager")
    secrets = [client.get_secret_value(SecretId=one["ARN"]) for one in client.list_secrets()["SecretList"]]
    printed = account.output.read_text() + converged
    assert [json.loads(secret["SecretString"])["password"] in printed for secret in secrets] == [False, False]


@pytest.mark.usefixtures("converged")
def test_nothing_is_there_twice(account: HalfApplied) -> None:
    client = account.emulator.client
    there = {
        "aws_lb": len(account.load_balancers()),
        "aws_lb_target_group": len(client("elbv2").describe_target_groups()["TargetGroups"]),
        "aws_rds_cluster": len(client("rds").describe_db_clusters()["DBClusters"]),
        "aws_rds_cluster_instance": len(client("rds").describe_db_instances()["DBInstances"]),
        "aws_secretsmanager_secret": len(client("secretsmanager").list_secrets()["SecretList"]),
        "aws_ecs_task_definition": len(client("ecs").list_task_definitions()["taskDefinitionArns"]),
        "aws_iam_role": len(client("iam").list_roles()["Roles"]),
    }
    known = Counter(resource["type"] for resource in account.state().values())
    assert there == {kind: known[kind] for kind in there}
