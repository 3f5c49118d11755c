"""Execute a notebook's cells as its kernel would; run by the Python of the lab, in the notebook's folder.

Usage: ``python notebook_runner.py lab.ipynb executed.ipynb``. Cells that are tagged ``sagemaker`` are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def main(source: Path, executed: Path) -> None:
    """Write *executed*: the cells of *source* with their outputs; a cell that fails ends it with the traceback."""
    notebook = nbformat.read(source, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "sagemaker" not in cell.metadata.get("tags", [])]
    # The kernel that an environment has by itself: on a notebook instance "MLflow" is that of the lab's environment.
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute(cwd=str(source.parent))
    nbformat.write(notebook, executed)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
