"""What Mermaid and SVG have in common: the signs and colours of marks, and boxes without arrows in rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pictures.model import Diagram, Mark, Node, Part

SIGNS = {Mark.ADDED: "+", Mark.CHANGED: "~", Mark.REMOVED: "\u2212"}
"""Marks are told by a sign as well: not everybody sees the colours."""

STROKES = {Mark.ADDED: "#1a7f37", Mark.CHANGED: "#9a6700", Mark.REMOVED: "#b42318"}
FILLS = {Mark.ADDED: "#e6f4e6", Mark.CHANGED: "#fff4d6", Mark.REMOVED: "#fde7e7"}

_ROW = 4


def text(part: Part) -> str:
    """The label, with the sign of the mark before it."""
    return f"{SIGNS[part.mark]} {part.label}".strip() if part.mark in SIGNS else part.label


def marks_of(diagram: Diagram) -> Sequence[Mark]:
    """The marks that occur in *diagram*, for its legend."""
    found = {part.mark for part in diagram.parts}
    return [mark for mark in SIGNS if mark in found]


def rows_of_loners(diagram: Diagram) -> Iterator[Sequence[Node]]:
    """The boxes of each frame that have no arrow: a few beside each other, where layouts would pile them up."""
    connected = {end for edge in diagram.edges for end in (edge.source, edge.target)}
    for group in (None, *(group.id for group in diagram.groups)):
        loners = [node for node in diagram.nodes if node.group == group and node.id not in connected]
        for begin in range(0, len(loners), _ROW):
            yield loners[begin : begin + _ROW]
