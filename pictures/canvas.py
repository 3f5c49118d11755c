"""A picture that is being drawn: what is added twice is merged, and what stays empty is left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from pictures.model import Diagram, Edge, Group, Node
from pictures.resources import Resource


class Canvas:
    """Collects groups, nodes and edges in the order in which they come."""

    def __init__(self, title: str, description: str, direction: Literal["LR", "TB"] = "LR") -> None:
        self._title, self._description = title, description
        self._direction: Literal["LR", "TB"] = direction
        self._groups: dict[str, Group] = {}
        self._nodes: dict[str, Node] = {}
        self._edges: dict[tuple[str, str, str], Edge] = {}

    @property
    def nodes(self) -> Mapping[str, Node]:
        """The nodes so far."""
        return self._nodes

    def group(self, group: Group) -> None:
        """Add a frame; those before it may name it as their parent too."""
        self._groups[group.id] = group

    def node(self, node: Node) -> None:
        """Add a box; one that is there already only gets the addresses."""
        known = self._nodes.get(node.id)
        if known is None:
            self._nodes[node.id] = node
        else:
            addresses, main = known.addresses | node.addresses, known.main | node.main
            self._nodes[node.id] = replace(known, addresses=addresses, main=main)

    def edge(
        self, source: str, target: str, label: str = "", *, of: Iterable[Resource] = (), dashed: bool = False
    ) -> None:
        """Add an arrow between two boxes that are there, or merge it with the one of the same label."""
        if source not in self._nodes or target not in self._nodes:
            return
        key = (source, target, label)
        made_by = addresses(of)
        known = self._edges.get(key)
        if known is None:
            self._edges[key] = Edge(source, target, label, addresses=made_by, dashed=dashed)
        else:
            self._edges[key] = replace(known, addresses=known.addresses | made_by, dashed=known.dashed and dashed)

    def has_edge(self, source: str, target: str) -> bool:
        """Whether there is an arrow from *source* to *target* already."""
        return any(key[:2] == (source, target) for key in self._edges)

    def diagram(self) -> Diagram:
        """The picture; frames without a box in them are not part of it."""
        used: set[str] = set()
        for node in self._nodes.values():
            group = node.group
            while group is not None and group not in used:
                used.add(group)
                group = self._groups[group].parent
        groups = tuple(group for group in self._groups.values() if group.id in used)
        nodes, edges = tuple(self._nodes.values()), tuple(self._edges.values())
        return Diagram(self._title, groups, nodes, edges, self._description, self._direction)


def addresses(resources: Iterable[Resource]) -> frozenset[str]:
    """The addresses of *resources*."""
    return frozenset(resource.address for resource in resources)
