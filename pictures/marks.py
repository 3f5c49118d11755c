"""The architecture with what a plan would do to it: what comes, what changes, what goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from pictures.architecture import architecture
from pictures.icons import GENERIC_ICON, KINDS
from pictures.model import Diagram, Edge, Group, Mark, Node
from pictures.resources import Configuration

_MOST_LEFTOVERS = 8
_LEFTOVERS = {Mark.REMOVED: "removed", Mark.CHANGED: "also changed", Mark.ADDED: "also added"}
_TOUCHED = (Mark.CHANGED, Mark.REMOVED)
_Part = TypeVar("_Part", Node, Group)


def marked(
    after: Mapping[str, Configuration],
    marks: Mapping[str, Mark],
    before: Mapping[str, Configuration] | None = None,
) -> Diagram:
    """Draw the configurations *after* a change; *marks* says what the plan would do, by ``<stack>: <address>``.

    A box or frame is added or removed if all its main resources are, or everything in it is, and changed if anything
    is. What goes altogether is drawn from the configurations *before*; without them, and for addresses that no picture
    has, there are boxes with the bare addresses.
    """
    known = {_block(address): mark for address, mark in _worst_first(marks) if mark is not Mark.UNCHANGED}
    new, old = architecture(after), architecture(before) if before is not None else Diagram("")
    nodes = [*_kept(new.nodes, old.nodes, known), *_gone(new.nodes, old.nodes, known)]
    groups = [*_kept(new.groups, old.groups, known), *_gone(new.groups, old.groups, known)]
    drawn = {node.id for node in nodes}
    edges = _edges(new.edges, old.edges if before is not None else new.edges, known, nodes)
    parts: tuple[Node | Group, ...] = (*nodes, *groups)
    shown = {address for part in parts for address in part.addresses}
    frames, boxes = _leftovers({address: mark for address, mark in known.items() if address not in shown})
    return replace(
        new,
        groups=(*_with_parents(groups, nodes, old.groups), *frames),
        nodes=(*nodes, *boxes),
        edges=tuple(edge for edge in edges if {edge.source, edge.target} <= drawn),
    )


def _block(address: str) -> str:
    """The address of the block: all instances of a resource are one."""
    return address.partition("[")[0]


def _worst_first(marks: Mapping[str, Mark]) -> Iterator[tuple[str, Mark]]:
    """*marks*; instances of one resource that do not agree make it a changed one."""
    by_block: dict[str, set[Mark]] = {}
    for address, mark in marks.items():
        by_block.setdefault(_block(address), set()).add(mark)
    for address, found in by_block.items():
        yield address, found.pop() if len(found) == 1 else Mark.CHANGED


def _mark(addresses: frozenset[str], main: frozenset[str], known: Mapping[str, Mark]) -> Mark:
    of_all = {known.get(address, Mark.UNCHANGED) for address in addresses}
    for whole in ({known.get(address, Mark.UNCHANGED) for address in main}, of_all):
        if whole == {Mark.ADDED} or whole == {Mark.REMOVED}:
            return whole.pop()
    return Mark.CHANGED if of_all - {Mark.UNCHANGED} else Mark.UNCHANGED


def _kept(new: Iterable[_Part], old: Iterable[_Part], known: Mapping[str, Mark]) -> Iterator[_Part]:
    """The parts of the new picture; what the old one had in the same part counts as well."""
    before = {part.id: part for part in old}
    for part in new:
        previous = before.get(part.id, part)
        every, main = part.addresses | previous.addresses, part.main | previous.main
        mark = _mark(every, main, known)
        if mark is Mark.REMOVED and _mark(part.addresses, part.main, known) is not mark:
            mark = Mark.CHANGED  # something else takes its place
        yield replace(part, addresses=every, mark=mark)


def _gone(new: Iterable[_Part], old: Iterable[_Part], known: Mapping[str, Mark]) -> Iterator[_Part]:
    """The parts that only the old picture has, if the plan removes any of it: what was never deployed cannot go."""
    kept = {part.id for part in new}
    for part in old:
        if part.id not in kept and Mark.REMOVED in {known.get(address) for address in part.addresses}:
            yield replace(part, mark=Mark.REMOVED)


def _edges(
    new: Iterable[Edge], old: Iterable[Edge], known: Mapping[str, Mark], nodes: Iterable[Node]
) -> Iterator[Edge]:
    """The arrows of both pictures. One that only one of them has comes or goes, if the plan touches what makes it."""
    after, before = ({(edge.source, edge.target, edge.label): edge for edge in edges} for edges in (new, old))
    marks = {node.id: node.mark for node in nodes}
    for key, edge in after.items():
        mark = _mark(edge.addresses, frozenset(), known)
        if Mark.ADDED in (mark, marks[edge.source], marks[edge.target]) or (mark in _TOUCHED and key not in before):
            yield replace(edge, mark=Mark.ADDED)
        else:
            # What a box reads is not changed by a change of the box.
            yield replace(edge, mark=Mark.UNCHANGED if edge.dashed else mark)
    for key, edge in before.items():
        goes = _mark(edge.addresses, frozenset(), known) in _TOUCHED
        if key not in after and (goes or Mark.REMOVED in (marks.get(edge.source), marks.get(edge.target))):
            yield replace(edge, mark=Mark.REMOVED)


def _with_parents(groups: list[Group], nodes: Iterable[Node], old: Iterable[Group]) -> Iterator[Group]:
    """*groups*, and the old ones that a box which goes still stands in, from the outside to the inside."""
    before = {group.id: group for group in old}
    drawn = {group.id: group for group in groups}
    wanted = [node.group for node in nodes]
    while wanted:
        id = wanted.pop()
        if id is not None and id not in drawn:
            drawn[id] = before[id]
            wanted.append(before[id].parent)
    yield from drawn.values()


def _leftovers(known: Mapping[str, Mark]) -> tuple[list[Group], list[Node]]:
    """Frames and boxes for marked addresses that stand in no part of the picture."""
    groups: list[Group] = []
    nodes: list[Node] = []
    for mark, label in _LEFTOVERS.items():
        found = [address for address, its_mark in known.items() if its_mark is mark]
        if found:
            id = f"leftovers-{mark.name.lower()}"
            groups.append(Group(id, label, mark=mark))
            nodes += _bare_boxes(id, sorted(found, key=_importance), mark)
    return groups, nodes


def _bare_boxes(group: str, found: list[str], mark: Mark) -> Iterator[Node]:
    for address in found[:_MOST_LEFTOVERS]:
        kind = KINDS.get(_type(address))
        icon = kind.icon if kind else GENERIC_ICON
        yield Node(address, address.replace(": ", "\n", 1), icon, group, frozenset([address]), mark)
    if rest := found[_MOST_LEFTOVERS:]:
        yield Node(f"{group}-rest", f"and {len(rest)} more", GENERIC_ICON, group, frozenset(rest), mark)


def _type(address: str) -> str:
    return address.rpartition(" ")[2].rpartition(".")[0].rpartition(".")[2]


def _importance(address: str) -> tuple[bool, str]:
    """Those that a reader knows come first."""
    return _type(address) not in KINDS, address
