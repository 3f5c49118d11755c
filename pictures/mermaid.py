"""A picture as Mermaid, which GitHub draws in Markdown: without icons, with the same boxes, frames and arrows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from pictures.look import FILLS, STROKES, marks_of, rows_of_loners, text
from pictures.model import Diagram, Edge, Group, Mark, Node

_Key: TypeAlias = tuple[type, str]

_DATABASES = re.compile(r"/(AmazonAurora|AmazonDynamoDB|AmazonSimpleStorageService)$")
_OUTSIDE = re.compile(r"/(Client|Internet|Users|Servers)$")
_NOT_PLAIN = re.compile("[^A-Za-z0-9 .,:/()\u2212-]")
# Mermaid looks for these in labels too: for an icon, and for the two words with an entity, whose semicolon it eats.
_STATEMENTS = re.compile(":fa-|style|classDef", re.IGNORECASE)
# What a line of Markdown would begin a list or a heading with; Mermaid draws neither.
_LIST = re.compile(r"^(?:-(?= |$)|\d(?=\d*[.)](?: |$)))")


def to_mermaid(diagram: Diagram) -> str:
    """Return *diagram* as a flowchart, without the fence around it. Labels may hold anything."""
    ids = _ids(diagram)
    lines = [
        f"flowchart {diagram.direction}",
        f"    accTitle: {_sentence(diagram.title)}",
        f"    accDescr: {_sentence(diagram.description or diagram.title)}",
        *_inside(diagram, ids, None, "    "),
        *(f"    {ids[Node, edge.source]} {_arrow(edge)} {ids[Node, edge.target]}" for edge in diagram.edges),
        *_rows(diagram, ids),
        *(_marks(diagram, ids) if diagram.is_marked else ()),
    ]
    return "\n".join(lines) + "\n"


def escape(label: str) -> str:
    """Return *label* as it stands between double quotes in Mermaid; its lines are kept.

    >>> escape('a "b" <c>')
    'a #34;b#34; #60;c#62;'
    """
    return "<br>".join(_escaped_line(" ".join(line.split())) for line in label.splitlines()) or " "


def _escaped_line(line: str) -> str:
    escaped = _NOT_PLAIN.sub(_entity, line)
    return _LIST.sub(_first_as_entity, _STATEMENTS.sub(_first_as_entity, escaped))


def _entity(match: re.Match[str]) -> str:
    return f"#{ord(match[0])};" if match[0].isprintable() else " "


def _first_as_entity(match: re.Match[str]) -> str:
    return f"#{ord(match[0][0])};{match[0][1:]}"


def _sentence(words: str) -> str:
    return re.sub(r"[^\w .,-]+", " ", words).strip() or "-"


def _ids(diagram: Diagram) -> Mapping[_Key, str]:
    """Names that Mermaid takes and that are no words of its own; a reader sees in them what they stand for."""
    ids: dict[_Key, str] = {}
    for prefix, parts in (("n", diagram.nodes), ("g", diagram.groups)):
        for part in parts:
            plain = _STATEMENTS.sub(lambda match: f"{match[0][0]}_{match[0][1:]}", part.id)
            name = f"{prefix}_{re.sub('[^A-Za-z0-9]+', '_', plain)}"
            taken = set(ids.values())
            numbered = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
            ids[type(part), part.id] = next(each for each in numbered if each not in taken)
    return ids


def _inside(diagram: Diagram, ids: Mapping[_Key, str], group: str | None, indent: str) -> Iterator[str]:
    """The frames and boxes that stand right in a frame, or in none."""
    inhabited = {node.group for node in diagram.nodes} | {each.parent for each in diagram.groups}
    for inner in (each for each in diagram.groups if each.parent == group):
        if inner.id not in inhabited:  # Mermaid lets such frames lie on each other
            yield f'{indent}{ids[Group, inner.id]}["{escape(text(inner))}"]'
            continue
        yield f'{indent}subgraph {ids[Group, inner.id]} ["{escape(text(inner))}"]'
        yield from _inside(diagram, ids, inner.id, f"{indent}    ")
        yield f"{indent}end"
    for node in (each for each in diagram.nodes if each.group == group):
        opening, closing = _shape(node)
        yield f'{indent}{ids[Node, node.id]}{opening}"{escape(text(node))}"{closing}'


def _shape(node: Node) -> tuple[str, str]:
    if _DATABASES.search(node.icon):
        return "[(", ")]"
    return ("([", "])") if _OUTSIDE.search(node.icon) else ("[", "]")


def _arrow(edge: Edge) -> str:
    line = "-.->" if edge.dashed or edge.mark is Mark.REMOVED else "-->"
    label = text(edge)
    return f'{line}|"{escape(label)}"|' if label else line


def _rows(diagram: Diagram, ids: Mapping[_Key, str]) -> Iterator[str]:
    """Invisible lines between boxes without arrows."""
    for row in rows_of_loners(diagram):
        if len(row) > 1:
            yield f"    {' ~~~ '.join(ids[Node, node.id] for node in row)}"


def _marks(diagram: Diagram, ids: Mapping[_Key, str]) -> Iterator[str]:
    """The legend, and the styles of what is marked."""
    marks = marks_of(diagram)
    yield '    subgraph legend ["legend"]'
    for mark in marks:
        word = mark.name.lower()
        yield f'        legend_{word}["{escape(text(Node(word, word, "", mark=mark)))}"]'
    yield "    end"
    for mark in marks:
        word, edges = mark.name.lower(), [str(n) for n, edge in enumerate(diagram.edges) if edge.mark is mark]
        line = f"stroke:{STROKES[mark]},stroke-width:3px"
        dashes = ",stroke-dasharray:6 4" if mark is Mark.REMOVED else ""
        boxes = [ids[Node, node.id] for node in diagram.nodes if node.mark is mark]
        frames = [ids[Group, group.id] for group in diagram.groups if group.mark is mark]
        yield f"    classDef {word} {line},fill:{FILLS[mark]},color:#1f2328{dashes}"
        yield f"    class {','.join([*boxes, f'legend_{word}'])} {word}"
        if frames:
            yield f"    classDef {word}Frame {line}{dashes}"
            yield f"    class {','.join(frames)} {word}Frame"
        if edges:
            yield f"    linkStyle {','.join(edges)} {line}"
