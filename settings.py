"""The typed settings of one environment, read from ``environments/<name>.tfvars``.

Closed (unknown keys are refused), frozen, and strict: text is never taken for a number. What AWS would refuse at apply
is refused here, all mistakes of a file at once. The descriptions of the fields are also the documentation's table.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from annotated_types import Ge, Le, MultipleOf
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic import StringConstraints as Text
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

import tfvars
from errors import UserError
from tfvars import HclSyntaxError, KeyPath, Tfvars, dotted, hcl, shortened

ENVIRONMENTS = Path(__file__).resolve().parent / "environments"

_NO_ENVIRONMENT = 'write dev.tfvars there, with project = "mlflow" in it'
_LONGEST_NAME_PREFIX = 24
_RESERVED_NAME_PREFIXES = ("amzn-s3-demo-", "internal-", "sthree-")
_FARGATE_MEMORY: dict[int, range | tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
"""CPU units to MiB: docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html"""

_LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""

_PRIVATE_NETWORKS = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_NOTEBOOK_NETWORK = ipaddress.IPv4Network("172.17.0.0/16")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TABLE_HEAD = "| key | allowed | default | what it does |\n|---|---|---|---|"
_DAY, _WEEK, _SHORTEST_WINDOW = 24 * 60, 7 * 24 * 60, 30


# --- Types of values -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Allowed:
    """What a value may be, in words that follow "set": for error messages and the settings table."""

    text: str


def _vpc_cidr(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        raise ValueError from None  # no words of its own: `Allowed` says it
    if not any(network.subnet_of(private) for private in _PRIVATE_NETWORKS):
        raise ValueError("not a private range (RFC 1918); set one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    if not 16 <= network.prefixlen <= 23:
        raise ValueError(
            "a VPC has /16 at most, and below /23 its sixteenths are too small for a load balancer (/27); "
            "set a size from /16 to /23"
        )
    if network.overlaps(_NOTEBOOK_NETWORK):
        raise ValueError("overlaps 172.17.0.0/16, which SageMaker notebooks use for Docker; set another range")
    return value


def _bucket_name(value: str) -> str:
    reserved_starts = ("xn--", "sthree-", "amzn-s3-demo-")
    reserved_ends = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
    if ".." in value or re.fullmatch(r"[0-9]+(\.[0-9]+){3}", value):
        raise ValueError("S3 refuses two adjacent dots and the form of an IP address; set another name")
    if value.startswith(reserved_starts) or value.endswith(reserved_ends):
        listed = ", ".join((*reserved_starts, *reserved_ends))
        raise ValueError(f"S3 reserves these beginnings and ends of names: {listed}; set another name")
    return value


def _tag_key(value: str) -> str:
    if value.lower().startswith("aws:"):
        raise ValueError("tags that begin with aws: belong to AWS; rename or remove it")
    return value


def _tags_apart(value: dict[str, str]) -> dict[str, str]:
    twins = _duplicates(key.lower() for key in value)
    if twins:
        raise ValueError(f"IAM takes keys that differ only in case for one ({', '.join(twins)}); keep one of each")
    return value


def _apart(value: tuple[str, ...]) -> tuple[str, ...]:
    if twins := _duplicates(value):
        raise ValueError(f"listed more than once: {', '.join(twins)}; keep one of each")
    return value


def _interface_endpoints(value: tuple[str, ...]) -> tuple[str, ...]:
    if {"s3", "dynamodb"} & set(value):
        raise ValueError("s3 and dynamodb are reached by gateway endpoints, which are free; remove them")
    return _apart(value)


def _one_of(*values: int) -> AfterValidator:
    """Like ``Literal``, which would take ``true`` for 1."""

    def check(value: int) -> int:
        if value not in values:
            raise ValueError
        return value

    return AfterValidator(check)


def _backup_window(value: str) -> str:
    if len(_backup_minutes(value)) < _SHORTEST_WINDOW:
        raise ValueError("a window has 30 minutes at least; move its end")
    return value


def _maintenance_window(value: str) -> str:
    if len(_maintenance_minutes(value)) < _SHORTEST_WINDOW:
        raise ValueError("a window has 30 minutes at least; move its end")
    return value


def _backup_minutes(window: str) -> set[int]:
    """The minutes of the day in ``HH:MM-HH:MM``, which may pass midnight."""
    start, end = (_minute_of_day(time) for time in window.split("-"))
    return {minute % _DAY for minute in range(start, end if start <= end else end + _DAY)}


def _maintenance_minutes(window: str) -> set[int]:
    """The minutes of the week in ``ddd:HH:MM-ddd:HH:MM``, which may pass Sunday midnight."""
    start, end = (_WEEKDAYS.index(time[:3]) * _DAY + _minute_of_day(time[4:]) for time in window.split("-"))
    return {minute % _WEEK for minute in range(start, end if start <= end else end + _WEEK)}


def _minute_of_day(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


def _duplicates(values: Iterator[str] | tuple[str, ...]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
_WEEKTIME = f"({'|'.join(_WEEKDAYS)}):{_TIME}"

Name = Annotated[
    str,
    Text(pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)*$"),
    Allowed('lower-case letters, digits and single hyphens, beginning with a letter, such as "mlflow"'),
]
Region = Annotated[
    str, Text(pattern="^[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}$"), Allowed('an AWS region such as "us-west-2"')
]
AccountId = Annotated[str, Text(pattern="^[0-9]{12}$"), Allowed('12 digits in quotes, such as "012345678901"')]
TagKey = Annotated[
    str, Text(pattern=r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$", min_length=1, max_length=128), AfterValidator(_tag_key)
]
TagValue = Annotated[str, Text(pattern=r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$", max_length=256)]
Tags = Annotated[
    dict[TagKey, TagValue],
    Field(max_length=45),
    AfterValidator(_tags_apart),
    Allowed(
        "45 tags at most, keys of 1 to 128 and values of 0 to 256 letters, digits, spaces and _ . : / = + - @, "
        'such as { Team = "ml" }'
    ),
]
BucketName = Annotated[
    str,
    Text(pattern="^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"),
    AfterValidator(_bucket_name),
    Allowed("3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends"),
]
TableName = Annotated[
    str, Text(pattern="^[A-Za-z0-9_.-]{3,255}$"), Allowed("3 to 255 letters, digits, underscores, dots and hyphens")
]
KeyPrefix = Annotated[
    str,
    Text(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*$", max_length=512),
    Allowed('names joined by slashes, none at the ends, such as "mlflow/dev"'),
]
KmsKeyArn = Annotated[
    str,
    Text(pattern="^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"),
    Allowed('the ARN of a KMS key, such as "arn:aws:kms:us-west-2:012345678901:key/0123abcd-..."'),
]
Cidr = Annotated[
    str,
    Text(pattern=r"^[0-9]+(\.[0-9]+){3}/[0-9]+$"),
    AfterValidator(_vpc_cidr),
    Allowed('a private network from /16 to /23 without host bits, such as "10.0.0.0/16"'),
]
InterfaceEndpoints = Annotated[
    tuple[Annotated[str, Text(pattern="^[a-z0-9]+([.-][a-z0-9]+)*$")], ...],
    AfterValidator(_interface_endpoints),
    Allowed('short service names, such as ["ecr.api", "ecr.dkr", "logs", "secretsmanager"]'),
]
VpcId = Annotated[
    str, Text(pattern="^vpc-[0-9a-f]{8,17}$"), Allowed('the ID of a VPC, such as "vpc-0123456789abcdef0"')
]
SubnetIds = Annotated[
    tuple[Annotated[str, Text(pattern="^subnet-[0-9a-f]{8,17}$")], ...],
    Field(min_length=2),
    AfterValidator(_apart),
    Allowed('two or more subnet IDs in different zones, such as ["subnet-0123456789abcdef0", "subnet-..."]'),
]
EngineVersion = Annotated[
    str,
    Text(pattern=r"^8\.0(\.mysql_aurora\.3\.[0-9]{2}(\.[0-9]+)?)?$"),
    Allowed('"8.0" or a version of Aurora MySQL 3, such as "8.0.mysql_aurora.3.08.2"'),
]
BackupWindow = Annotated[
    str,
    Text(pattern=f"^{_TIME}-{_TIME}$"),
    AfterValidator(_backup_window),
    Allowed('HH:MM-HH:MM in UTC, 30 minutes or more, such as "09:00-09:30"'),
]
MaintenanceWindow = Annotated[
    str,
    Text(pattern=f"^{_WEEKTIME}-{_WEEKTIME}$"),
    AfterValidator(_maintenance_window),
    Allowed('ddd:HH:MM-ddd:HH:MM in UTC, 30 minutes or more, such as "sun:10:00-sun:10:30"'),
]
Cpu = Annotated[int, _one_of(*_FARGATE_MEMORY), Allowed("256, 512, 1024, 2048, 4096, 8192 or 16384")]
RetentionDays = Annotated[
    int,
    _one_of(*_LOG_RETENTION_DAYS),
    Allowed(f"{', '.join(map(str, _LOG_RETENTION_DAYS[:-1]))} or {_LOG_RETENTION_DAYS[-1]}"),
]
RecoveryDays = Annotated[int, _one_of(0, *range(7, 31)), Allowed("0 or a whole number from 7 to 30")]
InstanceType = Annotated[
    str,
    Text(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"),
    Allowed('a SageMaker instance type, such as "ml.t3.medium"'),
]
ImageUri = Annotated[
    str,
    Text(
        pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"
        r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$"
    ),
    Allowed('registry/repository:tag or @digest, such as "public.ecr.aws/nginx/nginx:1.28"'),
]
ImageTag = Annotated[
    str,
    Text(pattern="^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"),
    Allowed("a Docker tag: 1 to 128 letters, digits, underscores, dots and hyphens"),
]


# --- Settings --------------------------------------------------------------------------------------------------------


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
        maintenance = {minute % _DAY for minute in _maintenance_minutes(self.maintenance_window)}
        if maintenance & _backup_minutes(self.backup_window):
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
        description="Processor of the tasks; the images must be built for it. arm64 costs a fifth less.",
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
        sizes = _FARGATE_MEMORY[self.cpu]
        if self.memory not in sizes:
            yield "memory", f"{self.cpu} cpu units go with {_sizes(sizes)} MiB; set one of these"
        if self.max_tasks < self.min_tasks:
            yield "max_tasks", f"below min_tasks = {self.min_tasks}; raise it, or lower min_tasks"


class ArtifactSettings(_Group):
    """The bucket of the run artifacts."""

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
    """The container images."""

    nginx: ImageUri | None = Field(default=None, description="Another nginx image; without it `tag` in our repository.")
    mlflow: ImageUri | None = Field(
        default=None, description="Another MLflow image; without it `tag` in our repository."
    )
    tag: ImageTag = Field(default="v1", description="Tag of the images in our own ECR repositories.")


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
    return _either([str(size) for size in sizes])


def _either(options: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(options[:-1]), options[-1]]))


# --- Reading ---------------------------------------------------------------------------------------------------------


def environment_names(directory: Path = ENVIRONMENTS) -> list[str]:
    """The environments that *directory* has a file for, sorted."""
    return sorted(path.stem for path in directory.glob("*.tfvars") if not path.name.startswith("."))


def load_selected(selection: str | None, *, directory: Path = ENVIRONMENTS) -> tuple[Settings, ...]:
    """The environments that ENV asks for: one name, "all" for every file, nothing for "dev"."""
    if selection != "all":
        return (load(selection or "dev", directory=directory),)
    loaded, complaints = [], []
    for name in environment_names(directory):
        try:
            loaded.append(load(name, directory=directory))
        except UserError as error:
            complaints.append(str(error))
    if complaints:
        raise UserError("\n".join(complaints))
    if not loaded:
        raise UserError(f'ENV = "all": {_shown(directory)} has no environment; {_NO_ENVIRONMENT}')
    return tuple(loaded)


def load(environment: str, *, directory: Path = ENVIRONMENTS) -> Settings:
    """Read and check ``<directory>/<environment>.tfvars``; ``UserError`` lists every mistake in it."""
    path = directory / f"{environment}.tfvars"
    names = environment_names(directory)
    if environment not in names:  # also keeps "../x" out
        remedy = f"set ENV to one of: {', '.join(names)}" if names else _NO_ENVIRONMENT
        raise UserError(f"ENV = {hcl(environment)}: {_shown(directory)} has no such file; {remedy}")
    file = _read(path)
    values = file.values | {"environment": environment}
    try:
        settings, errors = Settings.model_validate(values), []
    except ValidationError as error:
        settings, errors = None, error.errors()
    complaints = [
        *(_unreadable(path, file, place) for place in file.mistakes),
        *(_invalid(path, file, details) for details in errors if not _is_on_record(details, file)),
    ]
    if settings is None or complaints:
        raise UserError("\n".join(text for _, text in sorted(complaints)))
    return settings


def _read(path: Path) -> Tfvars:
    try:
        file = tfvars.parse(path.read_text(encoding="utf-8-sig"))
    except HclSyntaxError as error:
        raise UserError(f"{_shown(path)}:{error.line}:{error.column}: {error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{_shown(path)}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise UserError(f"{_shown(path)}: cannot be read ({error.strerror}); put a readable file there") from None
    if "environment" in file.values:
        source = hcl(file.values.pop("environment"))
        file.mistakes[("environment",)] = tfvars.Unreadable(source, "this is the file's name; remove the key")
    return file


# --- What a mistake looks like ---------------------------------------------------------------------------------------


def _is_on_record(details: ErrorDetails, file: Tfvars) -> bool:
    """Whether the error only follows from a value that could not be read, or from another error."""
    place = details["loc"]
    follows = any(place[: len(mistaken)] == mistaken for mistaken in file.mistakes)
    return follows or details["type"] == "default_factory_not_called"


def _unreadable(path: Path, file: Tfvars, place: KeyPath) -> tuple[int, str]:
    mistake = file.mistakes[place]
    value = f" = {shortened(mistake.source)}" if mistake.source else ""
    return _complaint(path, file, place, f"{value}: {mistake.remedy}")


def _invalid(path: Path, file: Tfvars, details: ErrorDetails) -> tuple[int, str]:
    place = details["loc"]
    if place == ("environment",):
        return 0, f"{_shown(path)}: the file's name, {hcl(details['input'])}: {_remedy(details)}; rename the file"
    if place == ("region",) and "region" not in file.values:
        text = f"the environment variable AWS_REGION = {hcl(details['input'])}: {_remedy(details)}, there or as region"
        return 0, f"{_shown(path)}: {text}"
    if place[-1] == "[key]":
        return _complaint(path, file, place[:-1], f": {_remedy(details)}")
    value = "" if details["type"] == "missing" else f" = {hcl(details['input'])}"
    return _complaint(path, file, place, f"{value}: {_remedy(details)}")


def _complaint(path: Path, file: Tfvars, place: KeyPath, text: str) -> tuple[int, str]:
    """The line of the key, to sort by, and one line of message."""
    line = next((file.lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in file.lines), 0)
    return line, f"{_shown(path)}{f':{line}' if line else ''}: {dotted(place)}{text}"


def _remedy(details: ErrorDetails) -> str:
    """What is allowed and what to do, in our words instead of pydantic's."""
    kind, place = details["type"], details["loc"]
    if kind == "extra_forbidden":
        return f"there is no such key; {_nearest(place)}"
    if kind == "contradiction":
        return str(details["ctx"]["why"])
    if kind == "value_error" and str(details["ctx"]["error"]):
        return str(details["ctx"]["error"])
    quoted = kind in ("int_type", "float_type", "bool_type") and isinstance(details["input"], str)
    missing = "missing; " if kind == "missing" else ""
    return f"{missing}set {_allowed_at(place)}{', without quotes' if quoted else ''}"


def _nearest(place: KeyPath) -> str:
    """The known key that is most like the unknown one, here or in another group."""
    group, key = place[:-1], str(place[-1])
    siblings = [str(known[-1]) for known in _keys() if known[:-1] == group]
    if close := get_close_matches(key, siblings, n=1):
        return f"did you mean {dotted((*group, close[0]))}?"
    if elsewhere := [dotted(known) for known in _keys() if known[-1] == key]:
        return f"did you mean {_either(elsewhere)}?"
    return f"set one of these: {', '.join(siblings)}"


# --- What a field is, in words ---------------------------------------------------------------------------------------


@cache
def _fields() -> dict[KeyPath, FieldInfo]:
    """Every field, groups and leaves, in the order of the model."""

    def walk(model: type[BaseModel], above: KeyPath) -> Iterator[tuple[KeyPath, FieldInfo]]:
        for name, field in model.model_fields.items():
            yield (*above, name), field
            for group in _groups(field.annotation):
                yield from walk(group, (*above, name))

    return dict(walk(Settings, ()))


def _keys() -> list[KeyPath]:
    """Every key that a file may have."""
    return [place for place in _fields() if place != ("environment",)]


def _groups(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [group for part in get_args(annotation) for group in _groups(part)]


def _allowed_at(place: KeyPath) -> str:
    """What the field at *place*, or the list or map around it, may be."""
    field = next(_fields()[place[:end]] for end in range(len(place), 0, -1) if place[:end] in _fields())
    return _allowed(field.annotation, field.metadata)


def _allowed(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """What the values of a field may be, in words that follow "set"."""
    for mark in metadata:
        if isinstance(mark, Allowed):
            return mark.text
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _allowed(parts[0], parts[1:])
    if origin is Literal:
        return _either([hcl(part) for part in parts])
    if NoneType in parts:
        return _allowed(parts[0])
    if _groups(annotation):
        return "a map: { ... }"
    if annotation is bool:
        return "true or false"
    lowest = next(mark.ge for mark in metadata if isinstance(mark, Ge))
    highest = next(mark.le for mark in metadata if isinstance(mark, Le))
    step = next((f" in steps of {mark.multiple_of}" for mark in metadata if isinstance(mark, MultipleOf)), "")
    return f"{'a whole number' if annotation is int else 'a number'} from {lowest} to {highest}{step}"


def _shown(path: Path) -> str:
    """*path* as seen from the working directory."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def markdown_table() -> str:
    """The settings for the documentation: a table of the single keys, then one of each group."""
    tables = {"General": [_TABLE_HEAD]}
    for place in _keys():
        field = _fields()[place]
        if len(place) == 1 and _groups(field.annotation):
            tables[str(place[0])] = [f"{field.description}\n", _TABLE_HEAD]
        else:
            allowed, default = _allowed(field.annotation, field.metadata), _default(field)
            row = f"| `{dotted(place)}` | {allowed} | {default} | {field.description} |"
            tables[str(place[0]) if len(place) > 1 else "General"].append(row)
    return "\n".join(f"### {title}\n\n{chr(10).join(lines)}\n" for title, lines in tables.items())


def _default(field: FieldInfo) -> str:
    if isinstance(field.json_schema_extra, dict):
        return str(field.json_schema_extra["default"])
    if field.is_required():
        return "required"
    return "none" if field.default is None else f"`{hcl(field.default)}`"
