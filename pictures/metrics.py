"""How big labels, boxes and titles of frames are, in points. Estimated, and rather too big: fonts differ by machine."""

from __future__ import annotations

from typing import TypeAlias

Size: TypeAlias = tuple[float, float]

NODE_FONT, LABEL_FONT, FRAME_FONT = 11.0, 10.5, 11.5
LINE = 1.25
"""Height of a line, in font sizes."""

ICON, FRAME_ICON, PADDING, GAP = 36.0, 20.0, 7.0, 6.0
_BOLD = 1.12

# Widths of Helvetica's and Arial's characters in font sizes, by groups; DejaVu Sans, where those are missing, is wider.
_WIDTHS = {
    character: width
    for characters, width in (
        ("ijl.,:;'|! ", 0.3),
        ("frt()[]/-", 0.38),
        ("mwMW@%", 0.95),
        ("ABCDEFGHKNOPQRSUVXYZ&", 0.74),
    )
    for character in characters
}
_USUAL, _WIDE = 0.6, 1.05
_LATIN = 0x250


def text_size(label: str, font: float) -> Size:
    """The size of *label*, which may have several lines, in a font of *font* points."""
    lines = label.splitlines() or [""]
    return max(_line_width(line) for line in lines) * font, len(lines) * font * LINE


def node_size(label: str) -> Size:
    """The size of a box: the icon, and the label below it."""
    width, height = text_size(label, NODE_FONT)
    return max(width, ICON) + 2 * PADDING, ICON + height + 2.5 * PADDING


def label_size(label: str) -> Size:
    """The size of an arrow's label, with the distance that it keeps from the arrow."""
    width, height = text_size(label, LABEL_FONT)
    return width + GAP, height + GAP


def frame_title(label: str) -> Size:
    """The size of a frame's title: its icon, and the label beside it, which is bold."""
    width, height = text_size(label, FRAME_FONT)
    return FRAME_ICON + width * _BOLD + 2 * PADDING, max(FRAME_ICON, height)


def _line_width(line: str) -> float:
    return sum(_WIDTHS.get(each, _USUAL if ord(each) < _LATIN else _WIDE) for each in line)
