"""A picture as SVG with the icons of AWS. It stands alone: no script, no font, nothing from elsewhere.

It has a background of its own, so that it is read in the dark as well. Two SVGs of one call can stand in one page.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from deployment.toolchain import ROOT
from errors import UserError
from pictures import icons
from pictures.layout import Layout, Point, Route, lay_out
from pictures.look import FILLS, STROKES, marks_of, text
from pictures.metrics import FRAME_FONT, FRAME_ICON, ICON, LABEL_FONT, LINE, NODE_FONT, PADDING, label_size, text_size
from pictures.model import Diagram, Group, Mark, Node

ICONS = ROOT / "node_modules" / "aws-icons" / "icons"

_MARGIN, _LEGEND = 14.0, 30.0
_INK, _PAPER, _LINE, _CARD = "#1f2328", "#ffffff", "#57606a", "#d0d7de"
_DASHES = ' stroke-dasharray="5 4"'
_FRAMES = {
    icons.ACCOUNT_FRAME: ("#232f3e", "#fbfcfd"),
    icons.VPC_FRAME: ("#8c4fff", "#faf7ff"),
    icons.PUBLIC_FRAME: ("#6a8c0f", "#f4f9e9"),
    icons.PRIVATE_FRAME: ("#007e80", "#eef8f8"),
    icons.TASK_FRAME: ("#c85a00", "#fff7ef"),
    icons.STACK_FRAME: ("#b0084d", "#fdf7fa"),
}
_OTHER_FRAME = (_LINE, _PAPER)
_SVG = "{http://www.w3.org/2000/svg}"
_ALLOWED = {"g", "path", "circle", "ellipse", "rect", "polygon", "polyline", "line"}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_svg(diagrams: Sequence[Diagram], *, prefix: str = "picture") -> list[str]:
    """Return an SVG for each of *diagrams*, laid out by one process; the same bytes for the same diagrams.

    Ids in the n-th begin with *prefix* and n. Raises ``UserError`` if a package that it takes is missing.
    """
    layouts = lay_out(diagrams)
    return [
        _Drawing(diagram, layout, f"{prefix}-{number}").svg()
        for number, (diagram, layout) in enumerate(zip(diagrams, layouts, strict=True), 1)
    ]


class _Drawing:
    def __init__(self, diagram: Diagram, layout: Layout, prefix: str) -> None:
        self._diagram, self._layout, self._prefix = diagram, layout, prefix
        used = dict.fromkeys(part.icon for part in diagram.boxes if part.icon)
        self._symbols = {icon: f"{prefix}-icon-{number}" for number, icon in enumerate(used, 1)}

    def svg(self) -> str:
        width = max(self._layout.size[0], 200.0) + 2 * _MARGIN
        legend = _LEGEND if self._diagram.is_marked else 0.0
        height = self._layout.size[1] + 2 * _MARGIN + legend
        title, description = f"{self._prefix}-title", f"{self._prefix}-desc"
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{title} {description}" '
            f'viewBox="0 0 {_number(width)} {_number(height)}" width="{_number(width)}" height="{_number(height)}" '
            f'font-family="Helvetica, Arial, sans-serif" fill="{_INK}">',
            f'<title id="{title}">{_xml(self._diagram.title)}</title>',
            f'<desc id="{description}">{_xml(self._diagram.description)}</desc>',
            "<defs>",
            *(_symbol(icon, id) for icon, id in self._symbols.items()),
            "</defs>",
            f'<rect width="{_number(width)}" height="{_number(height)}" rx="8" fill="{_PAPER}"/>',
            f'<g transform="translate({_number(_MARGIN)} {_number(_MARGIN)})">',
            *self._frames(),
            *self._arrows(),
            *self._frame_titles(),
            *self._boxes(),
            *self._arrow_labels(),
            *(self._legend() if legend else ()),
            "</g>",
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def _frames(self) -> Iterator[str]:
        # Outer ones first: they would cover the inner ones.
        order = sorted(range(len(self._diagram.groups)), key=lambda index: _depth(self._diagram.groups, index))
        for index in order:
            group, place = self._diagram.groups[index], self._layout.groups[index]
            stroke, fill = _FRAMES.get(group.icon, _OTHER_FRAME)
            yield _rectangle(place, 4, STROKES.get(group.mark, stroke), fill, group.mark, thin=1.2)

    def _frame_titles(self) -> Iterator[str]:
        for group, place in zip(self._diagram.groups, self._layout.groups, strict=True):
            stroke, fill = _FRAMES.get(group.icon, _OTHER_FRAME)
            x, y = place[0] + 6, place[1] + 6
            if group.icon:
                yield self._use(group.icon, x, y, FRAME_ICON)
                x += FRAME_ICON + 6
            middle = y + FRAME_ICON / 2 + FRAME_FONT * 0.35
            colour = STROKES.get(group.mark, stroke)
            yield (
                f'<text x="{_number(x)}" y="{_number(middle)}" font-size="{FRAME_FONT}" font-weight="bold" '
                f'fill="{colour}"{_halo(fill)}>{_xml(text(group))}</text>'
            )

    def _boxes(self) -> Iterator[str]:
        for number, (node, place) in enumerate(zip(self._diagram.nodes, self._layout.nodes, strict=True), 1):
            left, top, right, _bottom = place
            fill = FILLS.get(node.mark, _PAPER)
            yield f'<g id="{self._prefix}-box-{number}"><title>{_xml(_tooltip(node))}</title>'
            yield _rectangle(place, 6, STROKES.get(node.mark, _CARD), fill, node.mark, thin=1)
            yield self._use(node.icon, (left + right - ICON) / 2, top + PADDING, ICON)
            yield from _lines(text(node), (left + right) / 2, top + 1.5 * PADDING + ICON, NODE_FONT)
            yield "</g>"

    def _arrows(self) -> Iterator[str]:
        for edge, route in zip(self._diagram.edges, self._layout.edges, strict=True):
            colour = STROKES.get(edge.mark, _LINE)
            dashes = _DASHES if edge.dashed or edge.mark is Mark.REMOVED else ""
            thick = "2.4" if edge.mark in STROKES else "1.2"
            yield f'<path d="{_curve(route)}" fill="none" stroke="{colour}" stroke-width="{thick}"{dashes}/>'
            yield f'<path d="{_head(route)}" fill="{colour}"/>'

    def _arrow_labels(self) -> Iterator[str]:
        for edge, route in zip(self._diagram.edges, self._layout.edges, strict=True):
            if route.label and text(edge):
                height = label_size(text(edge))[1]
                colour = STROKES.get(edge.mark, _INK)
                x, y = route.label
                yield from _lines(text(edge), x, y - height / 2, LABEL_FONT, f' fill="{colour}"{_halo(_PAPER)}')

    def _legend(self) -> Iterator[str]:
        x, y = 0.0, self._layout.size[1] + _MARGIN
        for mark in marks_of(self._diagram):
            word = text(Node("", mark.name.lower(), "", mark=mark))
            width = text_size(word, NODE_FONT)[0] + 2 * PADDING
            yield _rectangle((x, y, x + width, y + 22), 4, STROKES[mark], FILLS[mark], mark, thin=1)
            yield from _lines(word, x + width / 2, y + 4, NODE_FONT)
            x += width + PADDING

    def _use(self, icon: str, x: float, y: float, size: float) -> str:
        place = f'x="{_number(x)}" y="{_number(y)}" width="{_number(size)}" height="{_number(size)}"'
        return f'<use href="#{self._symbols[icon]}" {place}/>'


def _depth(groups: Sequence[Group], index: int) -> int:
    parents: Mapping[str, str | None] = {group.id: group.parent for group in groups}
    depth, parent = 0, groups[index].parent
    while parent is not None:
        depth, parent = depth + 1, parents[parent]
    return depth


def _rectangle(
    place: tuple[float, float, float, float], radius: int, stroke: str, fill: str, mark: Mark, *, thin: float
) -> str:
    left, top, right, bottom = place
    dashes = _DASHES if mark is Mark.REMOVED else ""
    width = 2.4 if mark in STROKES else thin
    return (
        f'<rect x="{_number(left)}" y="{_number(top)}" width="{_number(right - left)}" '
        f'height="{_number(bottom - top)}" rx="{radius}" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="{width:g}"{dashes}/>'
    )


def _lines(label: str, x: float, top: float, font: float, attributes: str = "") -> Iterator[str]:
    """A label's lines, centred at *x*, the first one below *top*."""
    for number, line in enumerate(label.splitlines()):
        baseline = top + number * font * LINE + font
        place = f'x="{_number(x)}" y="{_number(baseline)}"'
        yield f'<text {place} font-size="{font}" text-anchor="middle"{attributes}>{_xml(line)}</text>'


def _halo(colour: str) -> str:
    """Attributes of a text that keeps arrows which cross it at a distance."""
    return f' paint-order="stroke" stroke="{colour}" stroke-width="3" stroke-linejoin="round"'


def _curve(route: Route) -> str:
    """The curve, and the last bit of it below the arrow's head."""
    first, *rest = route.points
    between = " ".join(_pair(point) for point in rest)
    return f"M{_pair(first)} C{between}"


def _head(route: Route) -> str:
    (x, y), (tip_x, tip_y) = route.points[-1], route.tip
    across = (-(tip_y - y) * 0.45, (tip_x - x) * 0.45)
    left, right = (x + across[0], y + across[1]), (x - across[0], y - across[1])
    return f"M{_pair(left)} L{_pair(route.tip)} L{_pair(right)} Z"


def _pair(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    return f"{round(value, 1):g}" if abs(value) < 1000 else f"{round(value, 1):.1f}".removesuffix(".0")


def _tooltip(node: Node) -> str:
    return "\n".join([text(node).replace("\n", " "), *sorted(node.addresses)])


def _xml(words: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", words))


@functools.cache
def _symbol(icon: str, id: str) -> str:
    """An icon of aws-icons as a symbol: only its shapes."""
    path = ICONS / f"{icon}.svg"
    if not path.is_file():
        raise UserError(f"{path} is missing, an icon of pictures. Run `make pictures`, which installs it, or `npm ci`.")
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 - a file of an installed package
    shapes = "".join(_shape(child) for child in root if child.tag.removeprefix(_SVG) in _ALLOWED)
    return f'<symbol id="{id}" viewBox="{root.attrib["viewBox"]}">{shapes}</symbol>'


def _shape(element: ElementTree.Element) -> str:
    name = element.tag.removeprefix(_SVG)
    attributes = "".join(f' {key}="{_xml(value)}"' for key, value in element.attrib.items() if key != "id")
    inside = "".join(_shape(child) for child in element if child.tag.removeprefix(_SVG) in _ALLOWED)
    return f"<{name}{attributes}>{inside}</{name}>" if inside else f"<{name}{attributes}/>"
