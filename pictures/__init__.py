"""Pictures of the platform, drawn from the synthesised stacks: nobody draws them by hand, so none is out of date."""

from __future__ import annotations

from pictures.architecture import architecture
from pictures.marks import marked
from pictures.model import Diagram, Edge, Group, Mark, Node
from pictures.request_path import request_path
from pictures.resources import Configuration
from pictures.stacks import stack_pictures

__all__ = [
    "Configuration",
    "Diagram",
    "Edge",
    "Group",
    "Mark",
    "Node",
    "architecture",
    "marked",
    "request_path",
    "stack_pictures",
]
