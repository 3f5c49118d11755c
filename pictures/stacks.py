"""Each stack by itself: its constructs, and which of them refer to which, in this stack and in others.

What is left out, since almost everything refers to it: the key, and groups of logs.
"""

from __future__ import annotations

from collections.abc import Mapping

from pictures.canvas import Canvas, addresses
from pictures.constructs import Part, parts, references
from pictures.icons import STACK_FRAME
from pictures.model import Diagram, Group, Node
from pictures.resources import Configuration, Platform

_LEFT_OUT = ("aws_cloudwatch_log_group", "aws_kms_key")


def stack_pictures(stacks: Mapping[str, Configuration]) -> Mapping[str, Diagram]:
    """A picture for each of *stacks*, by its name. An arrow points at what the other construct refers to."""
    platform = Platform(stacks)
    all_parts = parts(platform, stacks)
    return {stack: _picture(platform, all_parts, stack) for stack in stacks}


def _picture(platform: Platform, all_parts: Mapping[tuple[str, str], Part], stack: str) -> Diagram:
    canvas = Canvas(f"The stack {stack}", "Its constructs, and what they refer to, in this stack and in others.")
    part_of = {resource: part.id for part in all_parts.values() for resource in part.resources}
    own = {part.id for (its_stack, _), part in all_parts.items() if its_stack == stack}
    arrows = [
        (source, target, resource)
        for source, target, resource in references(platform, part_of, left_out=_LEFT_OUT)
        if source in own
    ]
    seen = own | {target for _, target, _ in arrows}
    for (its_stack, _), part in all_parts.items():
        if part.id in seen:
            canvas.group(Group(its_stack, its_stack, icon=STACK_FRAME))
            main = frozenset([part.main.address])
            canvas.node(Node(part.id, part.label, part.icon, its_stack, addresses(part.resources), main=main))
    for source, target, resource in arrows:
        canvas.edge(source, target, of=[resource])
    return canvas.diagram()
