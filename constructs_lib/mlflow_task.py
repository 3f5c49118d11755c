"""The task: nginx in front of MLflow, which listens on loopback only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.ecs_task_definition import (
    EcsTaskDefinition,
    EcsTaskDefinitionRuntimePlatform,
    EcsTaskDefinitionVolume,
)
from constructs import Construct

from constructs_lib.artifact_store import ArtifactStore
from constructs_lib.aws_account import AwsAccount
from constructs_lib.caller_check import CallerCheck
from constructs_lib.database import PORT as DATABASE_PORT
from constructs_lib.database import Database
from constructs_lib.encryption_key import EncryptionKey
from constructs_lib.log_group import LogGroup
from constructs_lib.role import Grantable, Role

NGINX = "nginx"
NGINX_PORT = 8080
HEALTH_CHECK_PATH = "/elb-status"
_MLFLOW = "mlflow"
_MLFLOW_PORT = 5000
_ECS_TASKS = "ecs-tasks.amazonaws.com"
_STOP_SECONDS = 30  # mlflow finishes its requests within 20


@dataclass(frozen=True)
class TaskOptions:
    """Fargate's units: 1024 *cpu* are one vCPU, *memory* is in MiB; both containers share them.

    With *exec* an operator may open a shell in a container; ECS Exec needs a writable root file system.
    *artifacts_mode* says how clients get at artifacts: ``proxied`` by MLflow, or ``direct``, by S3 itself.
    *allowed_cidrs* are the networks that callers of the API may come from; none: all.
    """

    cpu: int = 512
    memory: int = 1024
    architecture: str = "arm64"
    exec: bool = False
    log_retention_days: int = 30
    artifacts_mode: str = "proxied"
    allowed_cidrs: tuple[str, ...] = ()


class ContainerImage(Protocol):
    """An image to start a container from."""

    @property
    def uri(self) -> str:
        """Its name: registry, repository and tag or digest."""

    @property
    def depends_on(self) -> Sequence[str]:
        """Terraform addresses of what puts it there."""

    def grant_pull(self, grantee: Grantable) -> None:
        """Let *grantee* pull it, if that takes a permission."""


@dataclass(frozen=True)
class Images:
    """The two images."""

    nginx: ContainerImage
    mlflow: ContainerImage


class MlflowTask(Construct):
    """A task definition with the two containers, their log groups and their two roles.

    The *execution role* is ECS's own: it pulls images, writes logs and reads the secrets. The *task role* is what
    MLflow may do: read and write the artifacts. *caller_check* is what nginx asks of callers.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name_prefix: str,
        images: Images,
        options: TaskOptions,
        encryption_key: EncryptionKey,
        database: Database,
        caller_check: CallerCheck,
        artifacts: ArtifactStore,
    ) -> None:
        super().__init__(scope, id)
        self.options = options
        self.execution_role = Role(
            self,
            "execution-role",
            name_prefix=f"{name_prefix}-execution",
            service=_ECS_TASKS,
            description="Starts MLflow's tasks",
        )
        self.task_role = Role(
            self,
            "task-role",
            name_prefix=f"{name_prefix}-task",
            service=_ECS_TASKS,
            description="MLflow's own permissions",
        )
        logs = {
            name: LogGroup(
                self,
                f"{name}-logs",
                name=f"/{name_prefix}/{name}",
                retention_days=options.log_retention_days,
                encryption_key=encryption_key,
            )
            for name in (NGINX, _MLFLOW)
        }
        for log_group in logs.values():
            log_group.grant_write(self.execution_role)
        database.credentials.grant_read(self.execution_role)
        caller_check.grant_read(self.execution_role)
        artifacts.grant_read_write(self.task_role)
        for image in (images.nginx, images.mlflow):
            image.grant_pull(self.execution_role)
        if options.exec:
            self._grant_exec()

        nginx = self._container(
            NGINX,
            images.nginx.uri,
            logs[NGINX],
            portMappings=[{"containerPort": NGINX_PORT, "protocol": "tcp"}],
            dependsOn=[{"containerName": _MLFLOW, "condition": "HEALTHY"}],
            environment=_environment(
                {**caller_check.environment, **_allowed(options.allowed_cidrs), "MLFLOW_PORT": str(_MLFLOW_PORT)}
            ),
            secrets=_secrets(caller_check.secrets),
            healthCheck=_health_check(
                ["CMD", "curl", "-fsS", "-o", "/dev/null", f"http://127.0.0.1:{NGINX_PORT}{HEALTH_CHECK_PATH}"]
            ),
        )
        mlflow = self._container(
            _MLFLOW,
            images.mlflow.uri,
            logs[_MLFLOW],
            environment=_environment(
                {
                    "ARTIFACTS_MODE": options.artifacts_mode,
                    "ARTIFACTS_URI": f"s3://{artifacts.bucket_name}",
                    "DATABASE_HOST": database.endpoint,
                    "DATABASE_NAME": database.name,
                    "DATABASE_PORT": str(DATABASE_PORT),
                    "MLFLOW_PORT": str(_MLFLOW_PORT),
                }
            ),
            secrets=_secrets(
                {
                    "DATABASE_USERNAME": database.credentials.container_secret("username"),
                    "DATABASE_PASSWORD": database.credentials.container_secret("password"),
                }
            ),
            healthCheck=_health_check(
                [
                    "CMD",
                    "python",
                    "-c",
                    f"import urllib.request as u; u.urlopen('http://127.0.0.1:{_MLFLOW_PORT}/health', timeout=4)",
                ]
            ),
        )
        self.task_definition = EcsTaskDefinition(
            self,
            "Resource",
            family=name_prefix,
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(options.cpu),
            memory=str(options.memory),
            runtime_platform=EcsTaskDefinitionRuntimePlatform(
                cpu_architecture=options.architecture.upper(), operating_system_family="LINUX"
            ),
            execution_role_arn=self.execution_role.arn,
            task_role_arn=self.task_role.arn,
            container_definitions=json.dumps([mlflow, nginx]),
            volume=[EcsTaskDefinitionVolume(name=_scratch(name)) for name in logs],
            # The service moves to the new revision before the old one becomes INACTIVE, which it could not go back to.
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )
        if awaited := [*images.nginx.depends_on, *images.mlflow.depends_on]:
            # Not the L1's argument, which takes CDKTF's own elements only.
            self.task_definition.add_override("depends_on", awaited)
        self.arn: str = self.task_definition.arn

    def _grant_exec(self) -> None:
        self.task_role.allow(
            "open-shells",
            actions=[
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            resources=["*"],  # these actions know no resources
        )

    def _container(self, name: str, image: str, logs: LogGroup, **more: object) -> dict[str, object]:
        return {
            "name": name,
            "image": image,
            "essential": True,
            "readonlyRootFilesystem": not self.options.exec,
            "mountPoints": [{"sourceVolume": _scratch(name), "containerPath": "/tmp"}],  # noqa: S108 - a volume
            "linuxParameters": {"initProcessEnabled": self.options.exec},
            "stopTimeout": _STOP_SECONDS,
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": logs.name,
                    "awslogs-region": AwsAccount.of(self).region,
                    "awslogs-stream-prefix": name,
                },
            },
            **more,
        }


def _scratch(container: str) -> str:
    return f"{container}-scratch"


def _allowed(cidrs: Sequence[str]) -> Mapping[str, str]:
    return {"ALLOWED_CIDRS": " ".join(cidrs)} if cidrs else {}


def _environment(variables: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(variables.items())]


def _secrets(values_from: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "valueFrom": value} for name, value in sorted(values_from.items())]


def _health_check(command: list[str]) -> dict[str, object]:
    # MLflow needs up to 22 s of CPU-starved start, and the schema's migration before it; 180 s is the grace.
    return {"command": command, "interval": 10, "timeout": 5, "retries": 3, "startPeriod": 180}
