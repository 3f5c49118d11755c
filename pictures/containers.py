"""The containers of the ECS task, as the task definition says: ports, and what each refers to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pictures.resources import Platform, Resource

_NAMES = {"mlflow": "MLflow"}


@dataclass(frozen=True)
class Container:
    """One container of the task *task*; *definition* is ECS's."""

    task: Resource
    definition: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The container's name, which is its node's id too."""
        return str(self.definition.get("name", "container"))

    @property
    def title(self) -> str:
        """The name as the program's makers write it."""
        return _NAMES.get(self.name, self.name)

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that others reach."""
        return tuple(mapping["containerPort"] for mapping in self.definition.get("portMappings", ()))

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables, without the secrets."""
        return {each["name"]: str(each["value"]) for each in self.definition.get("environment", ())}

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the containers that have to run first."""
        return tuple(each["containerName"] for each in self.definition.get("dependsOn", ()))


class Containers:
    """The containers of the platform's task; none if nobody can read the task definition."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @cached_property
    def all(self) -> Sequence[Container]:
        """Each of them: first the one that the others need least, the last in a chain of requests last."""
        tasks = self._platform.of_type("aws_ecs_task_definition")
        found = [Container(task, each) for task in tasks for each in _definitions(task)]
        return sorted(found, key=lambda container: not container.ports)

    def listening(self, port: object) -> Container | None:
        """The container that others reach at *port*, else at any."""
        at_port = [each for each in self.all if port in each.ports]
        return next(iter([*at_port, *self.all]), None)

    def calling(self, server: Sequence[Resource]) -> Container | None:
        """The container whose definition names the resources of *server*, else the innermost one."""
        naming = [each for each in self.all if set(self.references(each)) & set(server)]
        return next(iter([*naming, *reversed(self.all)]), None)

    def references(self, container: Container) -> tuple[Resource, ...]:
        """What the definition of *container* refers to."""
        return self._platform.resolve(container.task.stack, container.definition)

    def inner_port(self, container: Container, inner: str) -> str | None:
        """The port on which *container* calls *inner*, another one of the same task; None if it does not."""
        return container.variables.get(f"{inner.upper()}_PORT") if inner in container.needs else None


def _definitions(task: Resource) -> Sequence[Mapping[str, Any]]:
    try:
        definitions = json.loads(task.text("container_definitions"))
    except ValueError:  # an expression of Terraform's
        return ()
    return [each for each in definitions if isinstance(each, Mapping)] if isinstance(definitions, list) else ()
