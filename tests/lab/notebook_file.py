"""The lab's notebook as it is stored, and as it comes out of an execution."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.conftest import LAB

NOTEBOOK = LAB / "lab.ipynb"


@dataclass(frozen=True)
class Cell:
    """One cell of it."""

    id: str
    kind: str
    source: str
    tags: tuple[str, ...]
    outputs: tuple[Any, ...]
    execution_count: int | None

    @property
    def shown(self) -> str:
        """What it printed and returned, as text."""
        texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in self.outputs]
        return "".join("".join(text) for text in texts)


def cells(file: Path = NOTEBOOK) -> list[Cell]:
    return [
        Cell(
            id=cell["id"],
            kind=cell["cell_type"],
            source="".join(cell["source"]),
            tags=tuple(cell["metadata"].get("tags", ())),
            outputs=tuple(cell.get("outputs", ())),
            execution_count=cell.get("execution_count"),
        )
        for cell in json.loads(file.read_text("utf-8"))["cells"]
    ]
