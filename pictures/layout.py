"""Where each part of a picture stands: Graphviz, as WebAssembly on the Node that comes from PyPI, lays it out.

Graphviz sees no text, only how big boxes and labels are: so nothing that a label holds can be taken for its language.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from deployment.toolchain import ROOT, node
from errors import UserError
from pictures.look import rows_of_loners, text
from pictures.metrics import Size, frame_title, label_size, node_size
from pictures.model import Diagram

Point: TypeAlias = tuple[float, float]

_PROGRAM = Path(__file__).with_name("layout.cjs")
_WEIGHT = 8  # requests are drawn straight, at the cost of the other arrows
_TIMEOUT = 60  # seconds; a second is usual


@dataclass(frozen=True)
class Route:
    """The way of an arrow: *points* of a Bézier curve, then the *tip*; and the middle of its *label*, if it has one."""

    points: tuple[Point, ...]
    tip: Point
    label: Point | None


@dataclass(frozen=True)
class Layout:
    """Places in points (1/72 inch), from the upper left corner: boxes and frames as (left, top, right, bottom)."""

    size: Size
    nodes: Sequence[tuple[float, float, float, float]]
    groups: Sequence[tuple[float, float, float, float]]
    edges: Sequence[Route]


def lay_out(diagrams: Sequence[Diagram]) -> list[Layout]:
    """Lay out all *diagrams* by one process; raises ``UserError`` if the packages that it takes are missing."""
    if not diagrams:
        return []
    if not (ROOT / "node_modules" / "@viz-js" / "viz").is_dir():
        raise UserError(
            f"{ROOT / 'node_modules' / '@viz-js' / 'viz'} is missing, which lays pictures out. "
            "Run `make pictures`, which installs it, or `npm ci`."
        )
    answer = _run(json.dumps([_dot(diagram) for diagram in diagrams]))
    return [_read(diagram, raw) for diagram, raw in zip(diagrams, answer, strict=True)]


def _run(graphs: str) -> list[dict[str, Any]]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NODE_")}
    try:
        done = subprocess.run(
            [node(), _PROGRAM], input=graphs, env=environment, capture_output=True, text=True, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"the pictures were not laid out within {_TIMEOUT} s. Try again.") from None
    if done.returncode != 0:
        raise UserError(f"the pictures could not be laid out: {done.stderr.strip()}\nRun `npm ci`, and try again.")
    layouts: list[dict[str, Any]] = json.loads(done.stdout)
    return layouts


def _dot(diagram: Diagram) -> str:
    """*diagram* in Graphviz's language: numbers for names, and empty tables of the right size for labels."""
    numbers = {node.id: number for number, node in enumerate(diagram.nodes)}
    lines = [
        "digraph {",
        f"rankdir={diagram.direction}; nodesep=0.3; ranksep=0.4; margin=0; labeljust=l; fontsize=1;",
        'node [shape=box fixedsize=true label=""]; edge [arrowsize=0.7];',
        *_clusters(diagram, None, numbers),
    ]
    for edge in diagram.edges:
        label = _space(label_size(text(edge))) if text(edge) else '""'
        weight = 1 if edge.dashed else _WEIGHT
        lines.append(f"n{numbers[edge.source]} -> n{numbers[edge.target]} [label={label} weight={weight}];")
    for row in rows_of_loners(diagram):
        lines += [f"n{numbers[a.id]} -> n{numbers[b.id]} [style=invis];" for a, b in itertools.pairwise(row)]
    return "\n".join([*lines, "}"])


def _clusters(diagram: Diagram, parent: str | None, numbers: Mapping[str, int]) -> Iterator[str]:
    # Graphviz forgets frames without anything in them.
    inhabited = {node_.group for node_ in diagram.nodes} | {group.parent for group in diagram.groups}
    for number, group in enumerate(diagram.groups):
        if group.parent == parent:
            yield f"subgraph cluster_{number} {{ margin=12; label={_space(frame_title(text(group)))};"
            yield from _clusters(diagram, group.id, numbers)
            if group.id not in inhabited:
                yield f"e{number} [style=invis width=1 height=0.3];"
            yield "}"
    for node_ in diagram.nodes:
        if node_.group == parent:
            width, height = node_size(text(node_))
            yield f"n{numbers[node_.id]} [width={width / 72:.4f} height={height / 72:.4f}];"


def _space(size: Size) -> str:
    width, height = (round(each) for each in size)
    return (
        f'<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0" FIXEDSIZE="TRUE" '
        f'WIDTH="{width}" HEIGHT="{height}"><TR><TD></TD></TR></TABLE>>'
    )


def _read(diagram: Diagram, raw: Mapping[str, Any]) -> Layout:
    _, _, width, height = _numbers(raw["bb"])
    objects = {each["name"]: each for each in raw.get("objects", ())}
    nodes = []
    for number in range(len(diagram.nodes)):
        (x, y), node_ = _numbers(objects[f"n{number}"]["pos"]), objects[f"n{number}"]
        half_width, half_height = float(node_["width"]) * 36, float(node_["height"]) * 36
        nodes.append((x - half_width, height - y - half_height, x + half_width, height - y + half_height))
    groups = []
    for number in range(len(diagram.groups)):
        left, bottom, right, top = _numbers(objects[f"cluster_{number}"]["bb"])
        groups.append((left, height - top, right, height - bottom))
    edges = [_route(each, height) for each in raw.get("edges", ())[: len(diagram.edges)]]
    return Layout((width, height), nodes, groups, edges)


def _numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",")]


def _route(edge: Mapping[str, Any], height: float) -> Route:
    def point(text: str) -> Point:
        x, y = _numbers(text)
        return x, height - y

    tip, *points = edge["pos"].removeprefix("e,").split()
    return Route(tuple(map(point, points)), point(tip), point(edge["lp"]) if "lp" in edge else None)
