"""Text that Terraform shall take as it is."""

from __future__ import annotations

import re


def literal(text: str) -> str:
    """*text* as a Terraform template, in which ``${`` and ``%{`` would begin something."""
    return re.sub(r"([$%])(?=\{)", r"\1\1", text)
