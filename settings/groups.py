"""The settings of one environment: a group of keys for each part of the platform, and ``Settings``, all of them.

The fields' descriptions are also the documentation's table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from settings.tfvars import hcl
from settings.values import (
    FARGATE_MEMORY,
    AccountId,
    BackupWindow,
    BaseRegistry,
    BucketName,
    Cidr,
    Cpu,
    EngineVersion,
    ImageUri,
    InstanceType,
    InterfaceEndpoints,
    KeyPrefix,
    KmsKeyArn,
    MaintenanceWindow,
    Name,
    RecoveryDays,
    Region,
    RetentionDays,
    SubnetIds,
    TableName,
    Tags,
    VpcId,
    either,
    windows_overlap,
)

_LONGEST_NAME_PREFIX = 24
_RESERVED_NAME_PREFIXES = ("amzn-s3-demo-", "internal-", "sthree-")


class _Group(BaseModel):
    """A closed, frozen and strict map of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Keys whose values don't go together: the key to blame, and why with the remedy."""
        yield from ()

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        _refuse(self, *self.contradictions())
        return self


def _refuse(group: BaseModel, *mistakes: tuple[str, str]) -> None:
    """Raise all *mistakes* (key of *group*, why with the remedy) together, each at its own key."""
    if mistakes:
        errors = [
            InitErrorDetails(
                type=PydanticCustomError("contradiction", "{why}", {"why": why}), loc=(key,), input=getattr(group, key)
            )
            for key, why in mistakes
        ]
        raise ValidationError.from_exception_data(type(group).__name__, errors)


class BasicAccess(_Group):
    """One user and password, checked by nginx."""

    type: Literal["basic"] = Field(
        default="basic", description="Who checks a request: `basic` has nginx check one user and a generated password."
    )


Access = BasicAccess


class StateSettings(_Group):
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


class ExistingNetwork(_Group):
    """A VPC that somebody else looks after."""

    vpc_id: VpcId = Field(description="The VPC to build in; its DNS support and DNS host names must be on.")
    private_subnet_ids: SubnetIds = Field(
        description="Subnets with a way out to the internet or to interface endpoints: tasks, load balancer, notebook."
    )
    isolated_subnet_ids: SubnetIds = Field(
        default_factory=lambda data: data["private_subnet_ids"],
        description="Subnets of the database.",
        json_schema_extra={"default": "those of `private_subnet_ids`"},
    )


class NetworkSettings(_Group):
    """Our own VPC, or one that exists."""

    cidr: Cidr = Field(
        default="10.0.0.0/16",
        description="Addresses of the VPC. Each subnet is a sixteenth of it, and a load balancer needs a /27. "
        "172.17.0.0/16 is refused: SageMaker notebooks use it for Docker.",
    )
    availability_zones: int = Field(
        default=2, ge=2, le=3, description="How many zones; the load balancer and the database need two."
    )
    nat: Literal["single", "per_az"] = Field(
        default="single", description="One NAT gateway for all zones (cheaper), or one for each (survives a zone)."
    )
    interface_endpoints: InterfaceEndpoints = Field(
        default=(), description="AWS services to reach inside the VPC instead of through NAT; billed by zone and hour."
    )
    flow_logs: bool = Field(
        default=False, description="Write the metadata of all traffic of the VPC to CloudWatch Logs."
    )
    existing: ExistingNetwork | None = Field(
        default=None, description="Use this VPC instead of making one; the other network keys then have no meaning."
    )

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """See the base class."""
        if self.existing:
            for key in sorted(self.model_fields_set - {"existing"}):
                yield key, f"network.existing brings its own; remove {key}, or remove existing"


class DatabaseSettings(_Group):
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


class ServiceSettings(_Group):
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


class ArtifactSettings(_Group):
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


class SecretSettings(_Group):
    """The generated passwords of the database and of MLflow."""

    rotation: int = Field(
        default=1, ge=1, le=1_000_000, description="Raise it by one to make new passwords and redeploy the service."
    )
    recovery_window_days: RecoveryDays = Field(
        default=7, description="Days that a deleted secret can be restored; 0 deletes at once (Secrets Manager)."
    )


class LogSettings(_Group):
    """All log groups."""

    retention_days: RetentionDays = Field(
        default=30, description="Days that logs are kept: the values of CloudWatch Logs' PutRetentionPolicy."
    )


class ApiSettings(_Group):
    """The HTTP API."""

    throttling_rate_limit: int = Field(
        default=100, ge=1, le=10000, description="Requests per second, sustained; 10000 is an account's quota."
    )
    throttling_burst_limit: int = Field(
        default=200, ge=1, le=5000, description="Requests at the same moment; 5000 is an account's quota."
    )


class NotebookSettings(_Group):
    """The SageMaker notebook instance."""

    enabled: bool = Field(default=True, description="Whether there is a notebook instance at all.")
    instance_type: InstanceType = Field(default="ml.t3.medium", description="Size of the instance; billed by the hour.")
    volume_size_gb: int = Field(default=20, ge=5, le=16384, description="GB of its disk (SageMaker: 5 to 16384).")
    subnet_index: int = Field(
        default=0, ge=0, le=99, description="Which private subnet it stands in, counted from 0; each is a zone."
    )
    root_access: bool = Field(default=False, description="Let its users become root.")


class ImageSettings(_Group):
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


class Settings(_Group):
    """Everything that makes one environment differ from another.

    The order of the fields matters: the check of a field sees those above it.
    """

    environment: Name = Field(description="Name of the environment: the file's name, not a key of the file.")
    project: Name = Field(
        description="Begins the names of all resources. With a hyphen and the environment 24 characters at most, "
        "because a load balancer's name has 32."
    )
    region: Region = Field(
        default_factory=lambda: os.environ.get("AWS_REGION") or "us-west-2",
        validate_default=True,
        description="AWS region of everything.",
        json_schema_extra={"default": "`AWS_REGION` in the shell, else `us-west-2`"},
    )
    account_id: AccountId | None = Field(
        default=None, description="The only AWS account to touch; the provider refuses any other. In quotes."
    )
    tags: Tags = Field(default={}, description="Tags of every resource. AWS allows 50; five are left for ours.")
    protect_data: bool = Field(
        default=True,
        description="Keep database, bucket and secrets from being destroyed. To lose data takes two keys: this one "
        "and `artifacts.force_destroy`, `database.final_snapshot` or `secrets.recovery_window_days`.",
    )
    access: Access = Field(default=BasicAccess(), description="Who may use the HTTP API.")
    state: StateSettings = Field(
        default=StateSettings(), validate_default=True, description="Where Terraform keeps its state."
    )
    network: NetworkSettings = Field(default=NetworkSettings(), description="Our own VPC, or one that exists.")
    database: DatabaseSettings = Field(
        default=DatabaseSettings(), description="The backend store: Aurora MySQL 3 on Serverless v2."
    )
    service: ServiceSettings = Field(
        default=ServiceSettings(), description="The ECS service: nginx and MLflow on Fargate."
    )
    artifacts: ArtifactSettings = Field(default=ArtifactSettings(), description="The bucket of the run artifacts.")
    secrets: SecretSettings = Field(default=SecretSettings(), description="The generated passwords.")
    logs: LogSettings = Field(default=LogSettings(), description="All log groups.")
    api: ApiSettings = Field(default=ApiSettings(), description="The HTTP API.")
    notebook: NotebookSettings = Field(default=NotebookSettings(), description="The SageMaker notebook instance.")
    images: ImageSettings = Field(default=ImageSettings(), description="The container images.")

    @property
    def name_prefix(self) -> str:
        """Begins the names of all resources of this environment."""
        return f"{self.project}-{self.environment}"

    def repository_name(self, image: str) -> str:
        """The ECR repository of *image*, ``nginx`` or ``mlflow``."""
        return f"{self.name_prefix}/{image}"

    @field_validator("environment")
    @classmethod
    def _refuse_reserved_name(cls, environment: str) -> str:
        if environment == "all":
            raise ValueError("ENV=all stands for every environment")
        return environment

    @field_validator("project")
    @classmethod
    def _refuse_names_that_aws_refuses(cls, project: str, info: ValidationInfo) -> str:
        prefix = f"{project}-{info.data.get('environment', '')}"
        if len(prefix) > _LONGEST_NAME_PREFIX:
            raise ValueError(
                f"{hcl(prefix)} has {len(prefix)} characters; AWS names leave room for {_LONGEST_NAME_PREFIX}: "
                "set a shorter project, or rename the file"
            )
        if prefix.startswith(_RESERVED_NAME_PREFIXES):
            raise ValueError(
                f"AWS reserves names that begin with {', '.join(_RESERVED_NAME_PREFIXES)}; set another project"
            )
        return project

    @field_validator("state")
    @classmethod
    def _complete_state(cls, state: StateSettings, info: ValidationInfo) -> StateSettings:
        """Derive the names that are not set, so that nobody downstream meets an empty one."""
        region = info.data.get("region")
        if state.kms_key_id and region and state.kms_key_id.split(":")[3] != region:
            _refuse(state, ("kms_key_id", f"the bucket is in {region}; set a key of that region"))
        if "project" not in info.data or "environment" not in info.data:
            return state  # refused anyway
        project, environment = info.data["project"], info.data["environment"]
        account = info.data.get("account_id")
        derived = {
            "bucket": f"{project}-{environment}-tfstate" + (f"-{account}" if account else ""),
            "table": f"{project}-{environment}-tfstate-lock",
            "key_prefix": f"{project}/{environment}",
        }
        return state.model_copy(update={key: name for key, name in derived.items() if not getattr(state, key)})

    @field_validator("database")
    @classmethod
    def _keep_protected_database(cls, database: DatabaseSettings, info: ValidationInfo) -> DatabaseSettings:
        if info.data.get("protect_data") and not database.final_snapshot:
            _refuse(database, ("final_snapshot", _asked_once("set final_snapshot = true")))
        return database

    @field_validator("artifacts")
    @classmethod
    def _keep_protected_artifacts(cls, artifacts: ArtifactSettings, info: ValidationInfo) -> ArtifactSettings:
        if info.data.get("protect_data") and artifacts.force_destroy:
            _refuse(artifacts, ("force_destroy", _asked_once("set force_destroy = false")))
        return artifacts

    @field_validator("secrets")
    @classmethod
    def _keep_protected_secrets(cls, secrets: SecretSettings, info: ValidationInfo) -> SecretSettings:
        if info.data.get("protect_data") and secrets.recovery_window_days == 0:
            _refuse(secrets, ("recovery_window_days", _asked_once("set recovery_window_days from 7 to 30")))
        return secrets

    @field_validator("notebook")
    @classmethod
    def _find_the_subnet(cls, notebook: NotebookSettings, info: ValidationInfo) -> NotebookSettings:
        network = info.data.get("network")
        if isinstance(network, NetworkSettings):
            subnets = len(network.existing.private_subnet_ids) if network.existing else network.availability_zones
            if notebook.subnet_index >= subnets:
                why = f"there are {subnets} private subnets, counted from 0; set {subnets - 1} or less"
                _refuse(notebook, ("subnet_index", why))
        return notebook


def _asked_once(undo: str) -> str:
    return f"protect_data = true keeps the data; {undo}, or set protect_data = false as well"


def _sizes(sizes: range | tuple[int, ...]) -> str:
    if len(sizes) > 8 and isinstance(sizes, range):
        return f"{sizes[0]} to {sizes[-1]} (in steps of {sizes.step})"
    return either(map(str, sizes))
