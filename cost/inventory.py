"""The resources of an estimate, asked by type, and their attributes, which may be unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from cost.model import Resource

_META = ("//", "count", "for_each", "depends_on", "lifecycle", "provider", "provisioner", "connection")
_NAMES = ("id", "arn", "name", "bucket", "cluster_identifier", "family")


class Inventory:
    """Resources by their types."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._by_type: dict[str, list[Resource]] = {}
        for resource in resources:
            self._by_type.setdefault(resource.type, []).append(resource)

    def __contains__(self, type: str) -> bool:
        return type in self._by_type

    def all(self, type: str) -> list[Resource]:
        """The resources of *type*."""
        return self._by_type.get(type, [])

    def types(self) -> Mapping[str, list[Resource]]:
        """All of them."""
        return self._by_type

    def of(self, owner: Resource, type: str, attribute: str) -> list[Resource]:
        """The resources of *type* whose *attribute* refers to *owner*.

        Before an apply a reference may be unknown: where the stack has one possible owner, all are its own.
        """
        candidates = [each for each in self.all(type) if each.stack == owner.stack]
        if sum(each.stack == owner.stack for each in self.all(owner.type)) == 1:
            return candidates
        return [each for each in candidates if refers(each.values.get(attribute), owner)]


def refers(value: object, target: Resource) -> bool:
    """Whether *value* is an expression that names *target*, or one of its names."""
    if not isinstance(value, str):
        return False
    if "${" in value:
        return re.search(rf"\b{re.escape(target.type)}\.{re.escape(target.name)}\.", value) is not None
    names = [name for key in _NAMES if isinstance(name := target.values.get(key), str)]
    return any(value == name or value.endswith(f"/{name}") or f"/{name}:" in value for name in names)


def text(values: Mapping[str, Any], key: str) -> str | None:
    """The attribute *key* as text; None: unset, or known only after an apply."""
    value = values.get(key)
    return value if isinstance(value, str) and value and "${" not in value else None


def amount(values: Mapping[str, Any], key: str) -> Decimal | None:
    """The attribute *key* as a number; None likewise, or for no number."""
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def blocks(values: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The blocks *key*: none, one as a map, or a list of them."""
    value = values.get(key)
    found = value if isinstance(value, list) else [value]
    return [each for each in found if isinstance(each, Mapping)]


def block(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The only block *key*; an empty one if there is none."""
    return next(iter(blocks(values, key)), {})


def length(values: Mapping[str, Any], key: str) -> int | None:
    """How many elements the list *key* has; None: unknown. A list that is empty or unset cannot be told from that."""
    value = values.get(key)
    if not isinstance(value, list) or not value:
        return None
    # An expression may stand for a whole list, if it says so.
    whole = any(isinstance(each, str) and ("[*]" in each or "${to" in each) for each in value)
    return None if whole else len(value)


def resources_of(stack: str, configuration: Mapping[str, Any]) -> Iterator[Resource]:
    """The resources in *configuration*, the parsed cdk.tf.json of *stack*.

    ``count`` is obeyed where it is a number. Of others, and of ``for_each``, an estimate says that they are not known.
    """
    for type, named in configuration.get("resource", {}).items():
        for name, values in named.items():
            known = {key: value for key, value in values.items() if key != "//"}
            count = known.get("count")
            if isinstance(count, int):
                del known["count"]
                yield from (Resource(stack, type, f"{name}[{index}]", known) for index in range(count))
            else:
                yield Resource(stack, type, name, known)


def completed(planned: Iterable[Resource], configurations: Mapping[str, Mapping[str, Any]]) -> Iterator[Resource]:
    """*planned* resources, the after side of plans, with what these do not know yet from the *configurations*.

    In a plan an attribute that waits for another resource is missing. The configuration, a stack's cdk.tf.json by its
    name, has an expression in its place, which tells that it is set, and how long a list will be.
    """
    for resource in planned:
        written = configurations.get(resource.stack, {}).get("resource", {}).get(resource.type, {})
        values = written.get(resource.name.partition("[")[0], {})
        known = {key: value for key, value in resource.values.items() if value is not None}
        yield replace(resource, values={key: value for key, value in values.items() if key not in _META} | known)
