"""What the container's log says before MLflow runs: one line for each thing, on standard error."""

from __future__ import annotations

import os

_STANDARD_ERROR = 2


class StartError(Exception):
    """What keeps MLflow from starting: each of *problems* is one line that names the thing and the remedy."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def say(message: str) -> None:
    """Write *message* as one line, at once."""
    line = f"entrypoint: {' '.join(message.split())}\n"
    # Not by print: signal handlers say something, too, and Python's streams refuse a second writer.
    os.write(_STANDARD_ERROR, line.encode("utf-8", "backslashreplace"))
