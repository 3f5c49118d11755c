"""What a picture shows: boxes with an icon and a label, in frames, and arrows between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias


class Mark(Enum):
    """What a plan would do with a part of a picture."""

    UNCHANGED = ""
    ADDED = "+"
    CHANGED = "~"
    REMOVED = "-"


@dataclass(frozen=True)
class Node:
    """A box. *addresses* are the resources that it stands for: ``dev-mlflow-vpclink: aws_lb.load_balancer``.

    *icon* is a file of aws-icons without its ending: ``architecture-service/AmazonAurora``. *main* are those of the
    addresses without which there would be no such box. A label may have several lines.
    """

    id: str
    label: str
    icon: str
    group: str | None = None
    addresses: frozenset[str] = frozenset()
    mark: Mark = Mark.UNCHANGED
    main: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Edge:
    """An arrow between two boxes. *addresses* are the resources that make it: the two rules of security groups.

    A *dashed* one is no request that somebody waits for: what is read at the start, or belongs together.
    """

    source: str
    target: str
    label: str = ""
    mark: Mark = Mark.UNCHANGED
    addresses: frozenset[str] = frozenset()
    dashed: bool = False


@dataclass(frozen=True)
class Group:
    """A frame around boxes and other frames; the rest is as in ``Node``."""

    id: str
    label: str
    parent: str | None = None
    icon: str = ""
    addresses: frozenset[str] = frozenset()
    mark: Mark = Mark.UNCHANGED
    main: frozenset[str] = frozenset()


Part: TypeAlias = Node | Edge | Group


@dataclass(frozen=True)
class Diagram:
    """One picture; *description* is for those who cannot see it. *direction* is where most arrows point: LR or TB.

    No two boxes, and no two frames, have the same id; arrows connect boxes.
    """

    title: str
    groups: tuple[Group, ...] = ()
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    description: str = ""
    direction: Literal["LR", "TB"] = "LR"

    @property
    def is_marked(self) -> bool:
        """Whether anything in it is marked, so that it needs a legend."""
        return any(part.mark is not Mark.UNCHANGED for part in self.parts)

    @property
    def boxes(self) -> tuple[Node | Group, ...]:
        """The boxes and frames."""
        return (*self.groups, *self.nodes)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The boxes, the frames and the arrows."""
        return (*self.groups, *self.nodes, *self.edges)
