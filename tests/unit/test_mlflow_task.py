from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from constructs_lib.caller_check import GatewayCheck
from constructs_lib.mlflow_task import Images, TaskOptions
from constructs_lib.role import Grantable
from tests.unit.synthesis import Resource, Terraform, Workbench, allow

CONTAINERS = ("mlflow", "nginx")


def _synthesise(stack: Workbench, **options: Any) -> Terraform:
    stack.make_task(options=TaskOptions(**options))
    return stack.synthesise()


@pytest.fixture
def terraform(stack: Workbench) -> Terraform:
    return _synthesise(stack)


def _containers(terraform: Terraform) -> dict[str, dict[str, Any]]:
    containers = terraform.one("aws_ecs_task_definition").json("container_definitions")
    return {container["name"]: container for container in containers}


def _pairs(container: dict[str, Any], key: str, value: str) -> dict[str, str]:
    return {each["name"]: each[value] for each in container.get(key, [])}


def _role(terraform: Terraform, kind: str) -> Resource:
    return terraform.one("aws_iam_role", name_prefix=f"test-{kind}-")


def _secret(terraform: Terraform, id: str) -> tuple[str, str]:
    """The ARN of a secret, and what a container's ``valueFrom`` ends with for the version that is stored."""
    secret = terraform.one("aws_secretsmanager_secret", name_prefix=f"test/{id}-")
    version = terraform.one("aws_secretsmanager_secret_version", secret_id=secret.ref("arn"))
    return secret.ref("arn"), version.ref("version_id")


# --- the task ---


def test_it_runs_on_fargate_with_the_size_and_architecture_asked_for(stack: Workbench) -> None:
    task = _synthesise(stack, cpu=1024, memory=2048, architecture="x86_64").one("aws_ecs_task_definition")

    assert (task["requires_compatibilities"], task["network_mode"]) == (["FARGATE"], "awsvpc")
    assert (task["cpu"], task["memory"]) == ("1024", "2048")
    assert task["runtime_platform"] == {"cpu_architecture": "X86_64", "operating_system_family": "LINUX"}


def test_it_is_small_and_on_arm_by_default(terraform: Terraform) -> None:
    task = terraform.one("aws_ecs_task_definition")

    assert (task["cpu"], task["memory"]) == ("512", "1024")
    assert task["runtime_platform"]["cpu_architecture"] == "ARM64"


def test_it_is_nginx_and_mlflow_from_the_given_images(terraform: Terraform) -> None:
    containers = _containers(terraform)

    images = {name: container["image"] for name, container in containers.items()}
    assert images == {"mlflow": "example/mlflow:2", "nginx": "example/nginx:1"}
    assert all(container["essential"] for container in containers.values())


def test_a_new_revision_is_there_before_the_old_one_goes(terraform: Terraform) -> None:
    assert terraform.one("aws_ecs_task_definition")["lifecycle"] == {"create_before_destroy": True}


# --- the containers ---


def test_the_world_reaches_nginx_only_and_nginx_reaches_mlflow_by_loopback(terraform: Terraform) -> None:
    containers = _containers(terraform)

    assert containers["nginx"]["portMappings"] == [{"containerPort": 8080, "protocol": "tcp"}]
    assert "portMappings" not in containers["mlflow"]
    ports = [_pairs(containers[name], "environment", "value")["MLFLOW_PORT"] for name in CONTAINERS]
    assert ports == ["5000", "5000"]


def test_nginx_starts_once_mlflow_is_healthy(terraform: Terraform) -> None:
    containers = _containers(terraform)

    assert containers["nginx"]["dependsOn"] == [{"containerName": "mlflow", "condition": "HEALTHY"}]
    assert "dependsOn" not in containers["mlflow"]


@dataclass(frozen=True)
class AnyImage:
    """An image that something in Terraform puts there, and that takes a permission to pull."""

    uri: str
    depends_on: tuple[str, ...]

    def grant_pull(self, grantee: Grantable) -> None:
        grantee.allow(f"pull-{self.uri}", actions=["ecr:BatchGetImage"], resources=["*"])


def test_the_task_waits_for_its_images_and_ecs_may_pull_them(stack: Workbench) -> None:
    images = Images(AnyImage("nginx", ("terraform_data.nginx",)), AnyImage("mlflow", ("terraform_data.mlflow",)))
    stack.make_task(images=images)
    terraform = stack.synthesise()

    task = terraform.one("aws_ecs_task_definition")
    assert task["depends_on"] == ["terraform_data.nginx", "terraform_data.mlflow"]
    assert {"pull-nginx", "pull-mlflow"} <= terraform.permissions(_role(terraform, "execution")).keys()
    assert not {"pull-nginx", "pull-mlflow"} & terraform.permissions(_role(terraform, "task")).keys()


def test_the_task_waits_for_nothing_with_images_that_are_there(terraform: Terraform) -> None:
    assert "depends_on" not in terraform.one("aws_ecs_task_definition")


@pytest.mark.parametrize(
    ("name", "address"), [("mlflow", "http://127.0.0.1:5000/health"), ("nginx", "http://127.0.0.1:8080/elb-status")]
)
def test_a_container_is_healthy_while_its_own_server_answers(terraform: Terraform, name: str, address: str) -> None:
    check = _containers(terraform)[name]["healthCheck"]

    assert check["command"][:2] == ["CMD", {"nginx": "curl", "mlflow": "python"}[name]]  # without a shell
    assert address in check["command"][-1]
    assert (check["interval"], check["timeout"], check["retries"], check["startPeriod"]) == (10, 5, 3, 180)


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_writes_to_its_scratch_volume_only(terraform: Terraform, name: str) -> None:
    container = _containers(terraform)[name]

    assert container["readonlyRootFilesystem"] is True
    assert container["mountPoints"] == [{"sourceVolume": f"{name}-scratch", "containerPath": "/tmp"}]  # noqa: S108
    assert {"name": f"{name}-scratch"} in terraform.one("aws_ecs_task_definition")["volume"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_has_30_seconds_to_finish(terraform: Terraform, name: str) -> None:
    assert _containers(terraform)[name]["stopTimeout"] == 30


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_logs_to_a_log_group_of_its_own(stack: Workbench, name: str) -> None:
    terraform = _synthesise(stack, log_retention_days=90)

    group = terraform.one("aws_cloudwatch_log_group", name=f"/test/{name}")
    assert group["retention_in_days"] == 90
    assert group["kms_key_id"] == terraform.one("aws_kms_key").ref("arn")
    assert _containers(terraform)[name]["logConfiguration"] == {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": group.ref("name"),
            "awslogs-region": terraform.data("aws_region").ref("name"),
            "awslogs-stream-prefix": name,
        },
    }


def test_nginx_gets_the_callers_credentials_and_nothing_of_the_database(terraform: Terraform) -> None:
    nginx = _containers(terraform)["nginx"]

    arn, version = _secret(terraform, "credentials")
    assert _pairs(nginx, "environment", "value") == {"AUTH_MODE": "basic", "MLFLOW_PORT": "5000"}
    assert _pairs(nginx, "secrets", "valueFrom") == {
        "AUTH_USERNAME": f"{arn}:username::{version}",
        "AUTH_PASSWORD": f"{arn}:password::{version}",
    }


def test_behind_a_gateway_that_checks_nginx_gets_no_credentials_and_nobody_reads_any(stack: Workbench) -> None:
    stack.make_task(caller_check=GatewayCheck("iam"))
    terraform = stack.synthesise()

    nginx = _containers(terraform)["nginx"]
    variables = {"AUTH_MODE": "gateway", "GATEWAY_ACCESS": "iam", "MLFLOW_PORT": "5000"}
    assert (_pairs(nginx, "environment", "value"), nginx["secrets"]) == (variables, [])
    permissions = terraform.permissions(_role(terraform, "execution"))
    assert [name for name in permissions if name.startswith("read-secret")] == ["read-secret-database-credentials"]


def test_nginx_is_told_where_callers_may_come_from(stack: Workbench) -> None:
    nginx = _containers(_synthesise(stack, allowed_cidrs=("192.0.2.0/24", "2001:db8::/32")))["nginx"]

    assert _pairs(nginx, "environment", "value")["ALLOWED_CIDRS"] == "192.0.2.0/24 2001:db8::/32"


def test_mlflow_gets_the_database_and_the_artifacts_and_not_the_callers_credentials(terraform: Terraform) -> None:
    mlflow = _containers(terraform)["mlflow"]

    arn, version = _secret(terraform, "database-credentials")
    database = terraform.one("aws_rds_cluster")
    assert _pairs(mlflow, "environment", "value") == {
        "ARTIFACTS_MODE": "proxied",
        "ARTIFACTS_URI": f"s3://{terraform.one('aws_s3_bucket').ref('id')}",
        "DATABASE_HOST": database.ref("endpoint"),
        "DATABASE_NAME": database.ref("database_name"),
        "DATABASE_PORT": "3306",
        "MLFLOW_PORT": "5000",
    }
    assert _pairs(mlflow, "secrets", "valueFrom") == {
        "DATABASE_USERNAME": f"{arn}:username::{version}",
        "DATABASE_PASSWORD": f"{arn}:password::{version}",
    }


@pytest.mark.parametrize("mode", ["proxied", "direct"])
def test_mlflow_is_told_how_clients_get_at_artifacts(stack: Workbench, mode: str) -> None:
    mlflow = _containers(_synthesise(stack, artifacts_mode=mode))["mlflow"]

    assert _pairs(mlflow, "environment", "value")["ARTIFACTS_MODE"] == mode


# --- the roles ---


def test_ecs_takes_both_roles_and_each_has_its_place(terraform: Terraform) -> None:
    task = terraform.one("aws_ecs_task_definition")

    assert task["execution_role_arn"] == _role(terraform, "execution").ref("arn")
    assert task["task_role_arn"] == _role(terraform, "task").ref("arn")
    for role in terraform.all("aws_iam_role"):
        [trust] = role.json("assume_role_policy")["Statement"]
        assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}


def test_the_execution_role_writes_the_two_logs_and_reads_the_two_secrets(terraform: Terraform) -> None:
    groups = {name: terraform.one("aws_cloudwatch_log_group", name=f"/test/{name}").ref("arn") for name in CONTAINERS}

    assert terraform.permissions(_role(terraform, "execution")) == {
        **{
            f"write-{name}-logs": allow("logs:CreateLogStream", "logs:PutLogEvents", on=[f"{arn}:*"])
            for name, arn in groups.items()
        },
        **{
            f"read-secret-{id}": allow("secretsmanager:GetSecretValue", on=[_secret(terraform, id)[0]])
            for id in ("credentials", "database-credentials")
        },
        "decrypt": allow("kms:Decrypt", on=[terraform.one("aws_kms_key").ref("arn")]),
    }


def test_the_task_role_reads_and_writes_the_artifacts(terraform: Terraform) -> None:
    bucket = terraform.one("aws_s3_bucket").ref("arn")
    permissions = terraform.permissions(_role(terraform, "task"))

    assert {name: statement["Resource"] for name, statement in permissions.items()} == {
        "list-artifacts": [bucket],
        "read-write-artifacts": [f"{bucket}/*"],
        "use-key": [terraform.one("aws_kms_key").ref("arn")],
    }


def test_a_shell_by_ecs_exec_takes_its_channels_and_a_writable_root(stack: Workbench) -> None:
    terraform = _synthesise(stack, exec=True)

    assert terraform.permissions(_role(terraform, "task"))["open-shells"] == allow(
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
        on=["*"],
    )
    for container in _containers(terraform).values():
        assert container["readonlyRootFilesystem"] is False
        assert container["linuxParameters"] == {"initProcessEnabled": True}
