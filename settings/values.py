"""The types of single values: what AWS accepts, and the words for it.

Messages of a ``ValueError`` say why and what to do; without one, ``Allowed`` says what to set.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic import StringConstraints as Text

FARGATE_MEMORY: dict[int, range | tuple[int, ...]] = {
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
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""

_PRIVATE_NETWORKS = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_NOTEBOOK_NETWORK = ipaddress.IPv4Network("172.17.0.0/16")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY, _WEEK = 24 * 60, 7 * 24 * 60


@dataclass(frozen=True)
class Allowed:
    """What a value may be, in words that follow "set": for error messages and the settings table."""

    text: str


@dataclass(frozen=True)
class Placeholder:
    """Stands for the keys of a map that people choose: in the settings table."""

    text: str


def either(options: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *others, last = options
    return f"{', '.join(others)} or {last}" if others else last


def windows_overlap(backup: str, maintenance: str) -> bool:
    """Whether a day's backup window meets the week's maintenance window."""
    return not _backup_minutes(backup).isdisjoint(minute % _DAY for minute in _maintenance_minutes(maintenance))


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
    twins = duplicates(key.lower() for key in value)
    if twins:
        raise ValueError(f"IAM takes keys that differ only in case for one ({', '.join(twins)}); keep one of each")
    return value


def apart(value: tuple[str, ...]) -> tuple[str, ...]:
    """*value*, or ``ValueError`` when something is in it twice."""
    if twins := duplicates(value):
        raise ValueError(f"listed more than once: {', '.join(twins)}; keep one of each")
    return value


def _interface_endpoints(value: tuple[str, ...]) -> tuple[str, ...]:
    if {"s3", "dynamodb"} & set(value):
        raise ValueError("s3 and dynamodb are reached by gateway endpoints, which are free; remove them")
    if "execute-api" in value:
        # re:Post, "Why do I get an HTTP 403 Forbidden error when I connect to my API Gateway APIs from a VPC?"
        raise ValueError(
            "its private DNS keeps the VPC from public HTTP APIs, this one included, and HTTP APIs have no private "
            "endpoints; remove execute-api"
        )
    return apart(value)


def _one_of(*values: int) -> AfterValidator:
    """Like ``Literal``, which would take ``true`` for 1."""

    def check(value: int) -> int:
        if value not in values:
            raise ValueError
        return value

    return AfterValidator(check)


def _half_an_hour(minutes: Callable[[str], set[int]]) -> AfterValidator:
    """A window of 30 minutes at least; *minutes* tells which ones are in it."""

    def check(window: str) -> str:
        if len(minutes(window)) < 30:
            raise ValueError("a window has 30 minutes at least; move its end")
        return window

    return AfterValidator(check)


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


def duplicates(values: Iterable[str]) -> list[str]:
    """Those of *values* that come more than once."""
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
    AfterValidator(apart),
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
    _half_an_hour(_backup_minutes),
    Allowed('HH:MM-HH:MM in UTC, 30 minutes or more, such as "09:00-09:30"'),
]
MaintenanceWindow = Annotated[
    str,
    Text(pattern=f"^{_WEEKTIME}-{_WEEKTIME}$"),
    _half_an_hour(_maintenance_minutes),
    Allowed('ddd:HH:MM-ddd:HH:MM in UTC, 30 minutes or more, such as "sun:10:00-sun:10:30"'),
]
Cpu = Annotated[int, _one_of(*FARGATE_MEMORY), Allowed(either(map(str, FARGATE_MEMORY)))]
RetentionDays = Annotated[int, _one_of(*_LOG_RETENTION_DAYS), Allowed(either(map(str, _LOG_RETENTION_DAYS)))]
IdleMinutes = Annotated[int, _one_of(0, *range(15, 1441)), Allowed("0 or a whole number from 15 to 1440")]
StudioDomainId = Annotated[
    str, Text(pattern="^d-[a-z0-9](-*[a-z0-9]){0,60}$"), Allowed('the ID of a Studio domain, such as "d-0123456789ab"')
]
UserProfileName = Annotated[
    str,
    Text(pattern="^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$"),
    Allowed("1 to 63 letters, digits and hyphens, with a letter or digit at both ends"),
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
BaseRegistry = Annotated[
    str,
    Text(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"),
    Allowed('a registry, with the path to the official images, such as "public.ecr.aws/docker/library"'),
]
