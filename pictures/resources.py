"""The resources in synthesised stacks, and which of them refer to which: also through outputs of other stacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

Configuration: TypeAlias = Mapping[str, Any]
"""The Terraform JSON of a stack, as parsed: cdk.tf.json."""

_NAME = r"[A-Za-z_][\w-]*"
_REFERENCE = re.compile(
    rf"(?<![\w.-])(?:data\.terraform_remote_state\.(?P<state>{_NAME})\.outputs(?:\.|\[\\?\")(?P<output>{_NAME})"
    rf"|local\.(?P<local>{_NAME})|(?P<other>data|ephemeral|var|module|each|path)\.|(?P<type>[a-z]\w*)\.(?P<name>{_NAME}))"
)


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource block. *construct* is its path in the code, below the stack: ``network/nat-0``."""

    stack: str
    type: str
    name: str
    construct: str
    values: Mapping[str, Any] = field(repr=False)

    @property
    def address(self) -> str:
        """The stack and Terraform's address: ``dev-mlflow-vpclink: aws_lb.load_balancer``."""
        return f"{self.stack}: {self.type}.{self.name}"

    @property
    def top(self) -> str:
        """The construct right below the stack that it belongs to."""
        return self.construct.partition("/")[0]

    def text(self, key: str) -> str:
        """Argument *key* as a text; empty if it is not set."""
        value = self.values.get(key)
        return "" if value is None else str(value)

    def block(self, key: str) -> Mapping[str, Any]:
        """The nested block *key*, or the first of several; empty if there is none."""
        blocks = self.blocks(key)
        return blocks[0] if blocks else {}

    def blocks(self, key: str) -> Sequence[Mapping[str, Any]]:
        """All nested blocks *key*."""
        value = self.values.get(key)
        blocks = value if isinstance(value, list) else [value]
        return [block for block in blocks if isinstance(block, Mapping)]


class Platform:
    """The resources of all *stacks*, in their order.

    >>> platform = Platform({"dev": {"resource": {"aws_lb": {"inside": {"name": "mlflow"}}}}})
    >>> [resource.address for resource in platform.resources]
    ['dev: aws_lb.inside']
    """

    def __init__(self, stacks: Mapping[str, Configuration]) -> None:
        self.stacks = stacks
        self.resources = tuple(resource for stack in stacks for resource in _resources(stack, stacks[stack]))
        self._by_name = {(each.stack, each.type, each.name): each for each in self.resources}
        self._references: dict[Resource, tuple[Resource, ...]] = {}

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        """The resources of one of the *types*."""
        return tuple(resource for resource in self.resources if resource.type in types)

    def references(self, resource: Resource) -> tuple[Resource, ...]:
        """What *resource* refers to, each once and never itself: by its arguments, and by depends_on."""
        if resource not in self._references:
            found = [*self.resolve(resource.stack, resource.values), *self._depends_on(resource)]
            self._references[resource] = tuple(each for each in dict.fromkeys(found) if each is not resource)
        return self._references[resource]

    def resolve(self, stack: str, value: object) -> tuple[Resource, ...]:
        """The resources that the expressions in *value*, a part of *stack*'s JSON, refer to; each once, in order."""
        return tuple(dict.fromkeys(self._resolve(stack, value, frozenset())))

    def first(self, stack: str, value: object, *types: str) -> Resource | None:
        """The first resource of one of the *types* that *value* refers to."""
        return next((each for each in self.resolve(stack, value) if each.type in types), None)

    def _resolve(self, stack: str, value: object, seen: frozenset[tuple[str, str]]) -> Iterator[Resource]:
        for expression in _expressions(value):
            for match in _REFERENCE.finditer(expression):
                yield from self._referred(stack, match, seen)

    def _referred(self, stack: str, match: re.Match[str], seen: frozenset[tuple[str, str]]) -> Iterator[Resource]:
        if output := match["output"]:
            producer = self._producer(match["state"], output)
            if producer is not None and (producer, output) not in seen:
                value = self.stacks[producer]["output"][output].get("value")
                yield from self._resolve(producer, value, seen | {(producer, output)})
        elif local := match["local"]:
            if (stack, local) not in seen:
                value = self.stacks[stack].get("locals", {}).get(local)
                yield from self._resolve(stack, value, seen | {(stack, local)})
        elif match["type"]:
            resource = self._by_name.get((stack, match["type"], match["name"]))
            if resource is not None:
                yield resource

    def _producer(self, state: str, output: str) -> str | None:
        """The stack whose *output* the remote *state* of that name has: CDKTF puts the stack's name into it."""
        having = [stack for stack in self.stacks if output in self.stacks[stack].get("output", {})]
        named = [stack for stack in having if state.endswith(re.sub(r"\W", "_", stack))]
        return next(iter([*named, *having]), None)

    def _depends_on(self, resource: Resource) -> Iterator[Resource]:
        for address in resource.values.get("depends_on", ()):
            kind, _, name = str(address).partition(".")
            found = self._by_name.get((resource.stack, kind, name))
            if found is not None:
                yield found

    @cached_property
    def referrers(self) -> Mapping[Resource, tuple[Resource, ...]]:
        """Who refers to each resource."""
        found: dict[Resource, list[Resource]] = {}
        for resource in self.resources:
            for target in self.references(resource):
                found.setdefault(target, []).append(resource)
        return {target: tuple(sources) for target, sources in found.items()}


def _resources(stack: str, configuration: Configuration) -> Iterator[Resource]:
    for kind, named in configuration.get("resource", {}).items():
        for name, values in named.items():
            plain = {key: value for key, value in values.items() if key != "//"}
            yield Resource(stack, kind, name, _construct(name, values), plain)


def _construct(name: str, values: Mapping[str, Any]) -> str:
    """The path of the construct; what an override made has none, and its name is made of the path."""
    path = values.get("//", {}).get("metadata", {}).get("path")
    if not path:
        return name.replace("_", "-")
    return str(path).partition("/")[2].removesuffix("/Resource")


def _expressions(value: object) -> Iterator[str]:
    """What stands in ``${...}`` in all strings of a piece of JSON."""
    if isinstance(value, str):
        yield from _interpolations(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _expressions(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _expressions(each)


def _interpolations(text: str) -> Iterator[str]:
    end = 0
    while (begin := text.find("${", end)) >= 0:
        end = _closing_brace(text, begin + 2)
        if not text[:begin].endswith("$"):  # $${ is Terraform's way to write ${ itself
            yield text[begin + 2 : end]


def _closing_brace(text: str, position: int) -> int:
    depth = 1
    for match in re.compile(r"[{}]").finditer(text, position):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    return len(text)
