"""What exists in the emulator: every resource of every service, found without knowing the services.

moto keeps each service's resources in dicts and lists on a backend object, one per account and region. Walking those
attributes also finds what no list operation would show. What a backend holds from birth (the default VPC, the AMI
catalogue, the policies that AWS manages) is nobody's leftover and is left out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary


@dataclass(frozen=True, order=True)
class Item:
    """One resource: the service, the collection that moto keeps it in, and its key there."""

    service: str
    collection: str
    key: str
    kept_because: str = field(default="", compare=False)
    """Why real AWS has this resource still, in the state it is in now; empty for most."""

    def __str__(self) -> str:
        return f"{self.service} {self.collection} {self.key}"


@dataclass(frozen=True)
class KeptByAws:
    """A collection whose entries AWS, too, keeps after a delete, once they are in the state that *applies* checks."""

    service: str
    collection: str
    reason: str
    applies: Callable[[Any], bool]


KEPT_BY_AWS = (
    KeptByAws(
        "ec2",
        "nat_gateways",
        "a deleted NAT gateway is listed for about an hour",
        lambda gateway: gateway.state == "deleted",
    ),
    KeptByAws(
        "ec2",
        "vpc_end_points",
        "a deleted endpoint is listed for a while",
        lambda endpoint: endpoint.state == "deleted",
    ),
    KeptByAws(
        "ecs",
        "clusters",
        "a deleted cluster stays for a while, INACTIVE",
        lambda cluster: cluster.status == "INACTIVE",
    ),
    KeptByAws(
        "ecs",
        "services",
        "a deleted service stays for a while, INACTIVE",
        lambda service: service.status == "INACTIVE",
    ),
    KeptByAws(
        "ecs",
        "task_definitions",
        "a deregistered task definition stays, INACTIVE, and costs nothing",
        lambda definition: definition.status == "INACTIVE",
    ),
    KeptByAws(
        "kms",
        "keys",
        "a key's deletion is scheduled 7 to 30 days ahead and can be cancelled until then",
        lambda key: key.key_state == "PendingDeletion",
    ),
    KeptByAws(
        "kms",
        "keys",
        "AWS made this key for a service's own encryption, and keeps it once it was used",
        lambda key: any(alias.startswith("alias/aws/") for alias in key.aliases),
    ),
    KeptByAws(
        "secretsmanager",
        "secrets",
        "a deleted secret can be restored during its recovery window",
        lambda secret: secret.deleted_date is not None,
    ),
    KeptByAws(
        "rds",
        "db_parameter_groups",
        "AWS makes a default parameter group for a family on first use, and it cannot be deleted",
        lambda group: group.name.startswith("default."),
    ),
    KeptByAws(
        "rds",
        "cluster_snapshots",
        "a final snapshot is made to survive its cluster",
        lambda snapshot: snapshot.snapshot_type == "manual",
    ),
)

# moto's own bookkeeping: nothing that an account would show.
_NOT_RESOURCES: Mapping[tuple[str, str], str] = {
    ("acm", "_idempotency_tokens"): "what makes two requests the same one, forgotten after an hour",
    ("cloudwatch", "metric_data"): "measurements, not resources; in AWS they expire and cannot be deleted",
    ("cloudwatch", "paged_metric_data"): "open pages of listings",
    ("ec2", "tags"): "the tags of every resource, kept by its id; the resource itself is in another collection",
    ("rds", "events"): "a log of what happened, which AWS keeps for 14 days",
    ("rds", "resource_map"): "the other collections again, by type",
    ("s3", "_pagination_tokens"): "open pages of listings",
    ("servicediscovery", "operations"): "the record of asynchronous calls, which AWS forgets by itself",
}
_CONTAINERS = (MutableMapping, list, set)

_at_birth: WeakKeyDictionary[Any, frozenset[Item]] = WeakKeyDictionary()


def inventory(account_id: str, region: str) -> frozenset[Item]:
    """Everything that requests made in *account_id*, in *region* and in the services that have no region."""
    from moto.core.base_backend import BackendDict
    from moto.utilities.utils import get_partition

    return frozenset(
        item
        for service in list(BackendDict._instances)  # type: ignore[misc]  # mypy: generic class variable
        for account, place, backend in list(service.iter_backends())
        if account == account_id and place in (region, get_partition(region))
        for item in _contents(service.service_name, backend)
        if item not in _at_birth.get(backend, ())
    )


def leftovers(before: Collection[Item], after: Collection[Item]) -> list[Item]:
    """What *after* has and *before* had not, and real AWS would have deleted."""
    return sorted(item for item in set(after) - set(before) if not item.kept_because)


def kept(before: Collection[Item], after: Collection[Item]) -> list[tuple[Item, str]]:
    """What *after* has and *before* had not because real AWS keeps it, each with the reason."""
    return sorted((item, item.kept_because) for item in set(after) - set(before) if item.kept_because)


@functools.cache
def watch_births() -> None:
    """Note what each of moto's backends holds when it comes into being: on first use, and full of defaults."""
    from moto.core.base_backend import AccountSpecificBackend

    get = AccountSpecificBackend.__getitem__

    def get_noting(self: Any, region: str) -> Any:
        backend = get(self, region)
        if backend not in _at_birth:
            _at_birth[backend] = frozenset(_contents(self.service_name, backend))
        return backend

    setattr(AccountSpecificBackend, "__getitem__", get_noting)  # noqa: B010 - mypy refuses the plain assignment


def _contents(service: str, backend: Any) -> Iterator[Item]:
    for collection, value in list(vars(backend).items()):
        if (service, collection) in _NOT_RESOURCES or not isinstance(value, _CONTAINERS):
            continue
        for path, resource in _resources(value):
            yield Item(service, collection, "/".join(path), _why_kept(service, collection, resource))


def _resources(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The resources in *value* with the keys that lead to them: an empty container holds none."""
    if not isinstance(value, _CONTAINERS) or (path and _is_record(value)):
        yield path, value
    elif isinstance(value, MutableMapping):
        for key, entry in list(value.items()):
            yield from _resources(entry, (*path, str(key)))
    else:
        for index, entry in enumerate(list(value)):
            yield from _resources(entry, (*path, _name(entry) or str(index)))


def _is_record(value: Any) -> bool:
    """Whether a container is itself one resource, with some scalar field, rather than a collection of them."""
    return isinstance(value, MutableMapping) and any(
        entry is None or isinstance(entry, str | int | float | bool) for entry in value.values()
    )


def _name(resource: Any) -> str:
    """What identifies an entry of a list, so that the same entry keeps its key when others go."""
    for attribute in ("arn", "id", "name"):
        value = getattr(resource, attribute, None)
        if isinstance(value, str):
            return value
    return resource if isinstance(resource, str) else ""


def _why_kept(service: str, collection: str, resource: Any) -> str:
    return next(
        (
            rule.reason
            for rule in KEPT_BY_AWS
            if (rule.service, rule.collection) == (service, collection) and rule.applies(resource)
        ),
        "",
    )
