"""The settings of the platform behind the endpoint: a group of keys for each part.

The fields' descriptions are also the documentation's table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from settings.group import Group
from settings.tfvars import hcl
from settings.values import (
    FARGATE_MEMORY,
    BackupWindow,
    BaseRegistry,
    BucketName,
    Cpu,
    EngineVersion,
    IdleMinutes,
    ImageUri,
    InstanceType,
    KeyPrefix,
    KmsKeyArn,
    MaintenanceWindow,
    RecoveryDays,
    RetentionDays,
    StudioDomainId,
    TableName,
    UserProfileName,
    either,
    windows_overlap,
)


class StateSettings(Group):
    """Where Terraform keeps its state."""

    backend: Literal["s3", "local"] = Field(
        default="s3",
        description="`s3` shares the state by a bucket; `local` keeps it in a file, for trying things out.",
    )
    bucket: BucketName = Field(
        default="",
        description="Bucket of the state. Names are unique worldwide: set `account_id`, or a name of your own "
        "(S3 User Guide, Bucket naming rules).",
        json_schema_extra={"default": "`<project>-<environment>-tfstate`, with `-<account_id>` if that is set"},
    )
    table: TableName = Field(
        default="",
        description="DynamoDB table of the lock.",
        json_schema_extra={"default": "`<project>-<environment>-tfstate-lock`"},
    )
    key_prefix: KeyPrefix = Field(
        default="",
        description="Folder in the bucket; a stack's state is `<key_prefix>/<stack>.tfstate`.",
        json_schema_extra={"default": "`<project>/<environment>`"},
    )
    lock: Literal["dynamodb", "s3", "both"] = Field(
        default="dynamodb",
        description="What refuses a second apply at the same time: the table, a lock file in the bucket, or both.",
    )
    kms_key_id: KmsKeyArn | None = Field(
        default=None, description="KMS key that encrypts the state; without it S3 encrypts with its own keys (SSE-S3)."
    )
    create: bool = Field(default=True, description="false: bucket and table exist already and belong to someone else.")

    @property
    def locks_by_table(self) -> bool:
        """Whether the DynamoDB table holds locks."""
        return self.lock in ("dynamodb", "both")

    @property
    def locks_by_file(self) -> bool:
        """Whether files in the bucket do."""
        return self.lock in ("s3", "both")

    def key_of(self, stack: str) -> str:
        """The object that holds the state of *stack*, which is named without the environment."""
        return f"{self.key_prefix}/{stack}.tfstate"

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """See the base class."""
        if self.backend == "local":
            for key in ("bucket", "table", "kms_key_id"):
                if key in self.model_fields_set and getattr(self, key) is not None:
                    yield key, f'state.backend = "local" has none; remove {key}, or set state.backend = "s3"'
        elif self.lock == "s3" and "table" in self.model_fields_set:
            yield "table", 'state.lock = "s3" uses no table; remove table, or set state.lock = "dynamodb" or "both"'


class DatabaseSettings(Group):
    """Aurora MySQL 3 on Serverless v2."""

    min_capacity: float = Field(
        default=0.0,
        ge=0,
        le=256,
        multiple_of=0.5,
        description="Smallest capacity in ACU (2 GiB of memory each); 0 lets the database pause when idle.",
    )
    max_capacity: float = Field(
        default=4.0, ge=1, le=256, multiple_of=0.5, description="Largest capacity in ACU; the upper limit of the cost."
    )
    auto_pause_seconds: int = Field(
        default=600,
        ge=300,
        le=86400,
        description="Idle seconds before the database pauses; only with `min_capacity = 0`. Waking takes about 15 s.",
    )
    engine_version: EngineVersion = Field(
        default="8.0",
        description='"8.0" takes the version that AWS prefers. Pausing needs 3.08, more than 128 ACU need 3.06 '
        "(Aurora User Guide, Aurora Serverless v2 capacity).",
    )
    backup_retention_days: int = Field(default=7, ge=1, le=35, description="Days that automatic backups are kept.")
    backup_window: BackupWindow = Field(default="09:00-09:30", description="Daily time of the backup, UTC.")
    maintenance_window: MaintenanceWindow = Field(
        default="sun:10:00-sun:10:30",
        description="Weekly time of upgrades, UTC; may not overlap the backup window.",
    )
    final_snapshot: bool = Field(
        default=True, description="Take a last snapshot before the database is destroyed; see `protect_data`."
    )

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """See the base class."""
        if self.max_capacity < self.min_capacity:
            yield "max_capacity", f"below min_capacity = {hcl(self.min_capacity)}; raise it, or lower min_capacity"
        if self.min_capacity > 0 and "auto_pause_seconds" in self.model_fields_set:
            yield (
                "auto_pause_seconds",
                f"with min_capacity = {hcl(self.min_capacity)} the database never pauses; "
                "remove it, or set min_capacity = 0",
            )
        yield from self._capacities_without_the_version()
        if windows_overlap(self.backup_window, self.maintenance_window):
            yield "maintenance_window", f'overlaps backup_window = "{self.backup_window}"; move one of them'

    def _capacities_without_the_version(self) -> Iterator[tuple[str, str]]:
        release = re.search(r"aurora\.3\.([0-9]{2})", self.engine_version)
        minor = int(release[1]) if release else 99
        if minor < 2:
            yield "engine_version", 'Serverless v2 needs Aurora MySQL 3.02; set a later version, or "8.0"'
        elif minor < 8 and self.min_capacity == 0:
            yield (
                "engine_version",
                "pausing (min_capacity = 0) needs Aurora MySQL 3.08; set a later version, or min_capacity = 0.5",
            )
        if minor < 6 and self.max_capacity > 128:
            yield "max_capacity", "more than 128 ACU need Aurora MySQL 3.06; lower it, or set a later engine_version"


class ServiceSettings(Group):
    """The ECS service on Fargate: nginx and MLflow in each task."""

    cpu: Cpu = Field(default=512, description="CPU units of a task; 1024 are one vCPU.")
    memory: int = Field(
        default=1024,
        ge=512,
        le=122880,
        description="MiB of a task; Fargate has fixed sizes for each `cpu` (ECS Developer Guide, Task CPU and memory).",
    )
    architecture: Literal["arm64", "x86_64"] = Field(
        default="arm64",
        description="Processor of the tasks; the images are built for it. arm64 costs a fifth less.",
    )
    min_tasks: int = Field(default=2, ge=1, le=5000, description="Fewest tasks; two survive the loss of a zone.")
    max_tasks: int = Field(
        default=6, ge=1, le=5000, description="Most tasks; 5000 is the limit of a service (ECS service quotas)."
    )
    cpu_target_percent: int = Field(
        default=70, ge=10, le=90, description="Mean CPU that autoscaling aims at by adding and removing tasks."
    )
    scale_in_cooldown_seconds: int = Field(default=60, ge=0, le=3600, description="Pause after removing tasks.")
    scale_out_cooldown_seconds: int = Field(default=60, ge=0, le=3600, description="Pause after adding tasks.")
    spot: bool = Field(
        default=False, description="Run on Fargate Spot: cheaper, but AWS may stop a task at two minutes' notice."
    )
    exec: bool = Field(default=False, description="Allow a shell inside the tasks by ECS Exec.")

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """See the base class."""
        sizes = FARGATE_MEMORY[self.cpu]
        if self.memory not in sizes:
            yield "memory", f"{self.cpu} cpu units go with {_sizes(sizes)} MiB; set one of these"
        if self.max_tasks < self.min_tasks:
            yield "max_tasks", f"below min_tasks = {self.min_tasks}; raise it, or lower min_tasks"


class ArtifactSettings(Group):
    """The bucket of the run artifacts."""

    mode: Literal["proxied", "direct"] = Field(
        default="proxied",
        description="`proxied`: clients hold no rights to S3; artifacts go through MLflow, and large files by URLs "
        "that it signs. `direct`: clients go to S3 themselves, with rights by a policy that the stack outputs.",
    )
    versioning: bool = Field(default=True, description="Keep deleted and overwritten artifacts for `noncurrent_days`.")
    noncurrent_days: int = Field(
        default=30, ge=1, le=36500, description="Days before a deleted or overwritten artifact is gone for good."
    )
    tiering: bool = Field(
        default=True, description="S3 Intelligent-Tiering: artifacts that nobody reads become cheaper by themselves."
    )
    force_destroy: bool = Field(
        default=False, description="Destroy the bucket even with artifacts in it; needs `protect_data = false`."
    )


class SecretSettings(Group):
    """The generated passwords of the database and of MLflow."""

    rotation: int = Field(
        default=1, ge=1, le=1_000_000, description="Raise it by one to make new passwords and redeploy the service."
    )
    recovery_window_days: RecoveryDays = Field(
        default=7, description="Days that a deleted secret can be restored; 0 deletes at once (Secrets Manager)."
    )


class LogSettings(Group):
    """All log groups."""

    retention_days: RetentionDays = Field(
        default=30, description="Days that logs are kept: the values of CloudWatch Logs' PutRetentionPolicy."
    )


class StudioSettings(Group):
    """SageMaker Studio beside the notebook instance."""

    domain_id: StudioDomainId | None = Field(
        default=None,
        description="The domain that gets the user profile; without it one is made, in the private subnets.",
    )
    user_profile: UserProfileName | None = Field(
        default=None,
        description="Name of the user profile, which works in the notebook's role.",
        json_schema_extra={"default": "`<project>-<environment>`"},
    )


class NotebookSettings(Group):
    """The SageMaker notebook instance."""

    enabled: bool = Field(default=True, description="Whether there is a notebook instance at all.")
    instance_type: InstanceType = Field(default="ml.t3.medium", description="Size of the instance; billed by the hour.")
    volume_size_gb: int = Field(default=20, ge=5, le=16384, description="GB of its disk (SageMaker: 5 to 16384).")
    subnet_index: int = Field(
        default=0, ge=0, le=99, description="Which private subnet it stands in, counted from 0; each is a zone."
    )
    root_access: bool = Field(default=False, description="Let its users become root.")
    auto_stop_minutes: IdleMinutes = Field(
        default=60,
        description="Idle minutes before the instance stops itself, which ends its cost but for the disk; 0: never.",
    )
    studio: StudioSettings | None = Field(
        default=None,
        description="SageMaker Studio as well: a user profile, in a domain of ours or of somebody else. `{}` takes the "
        "defaults.",
    )

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """See the base class."""
        if self.studio and not self.enabled:
            yield "studio", "its users work in the notebook's role; remove studio, or set notebook.enabled = true"


class ImageSettings(Group):
    """The two container images: built and published by a deployment, or somebody else's."""

    source: Literal["build", "registry"] = Field(
        default="build",
        description="`build`: a deployment builds the images and pushes them to repositories of its own, which takes "
        "docker, podman, finch or buildah. `registry`: it takes `nginx` and `mlflow` as they are.",
    )
    nginx: ImageUri | None = Field(default=None, description='The nginx image; only with `source = "registry"`.')
    mlflow: ImageUri | None = Field(default=None, description='The MLflow image; only with `source = "registry"`.')
    base_registry: BaseRegistry = Field(
        default="docker.io/library",
        description="Where the official nginx and python images come from, on which ours are built: a mirror, for "
        "instance.",
    )

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """See the base class."""
        named = [key for key in ("nginx", "mlflow") if getattr(self, key)]
        if self.source == "build":
            for key in named:
                yield key, f'images.source = "build" builds it; remove {key}, or set images.source = "registry"'
        else:
            if len(named) < 2:
                yield "source", 'needs both images; set images.nginx and images.mlflow, or source = "build"'
            if "base_registry" in self.model_fields_set:
                yield (
                    "base_registry",
                    'images.source = "registry" builds nothing; remove base_registry, or set source = "build"',
                )


def _sizes(sizes: range | tuple[int, ...]) -> str:
    if len(sizes) > 8 and isinstance(sizes, range):
        return f"{sizes[0]} to {sizes[-1]} (in steps of {sizes.step})"
    return either(map(str, sizes))
